//! Appending to a journal, and what happens when the disk fails.
//!
//! Records gather in memory; [`Writer::flush`] writes them and waits for the disk. They stay in
//! memory until the disk has confirmed them. After a failed write or sync the segment is never
//! written to again, and what the machine has cached of it is not believed: the writer is halted
//! and takes no intent, until [`Writer::mend`] has read back from the disk what was confirmed, and
//! has written the rest to a new segment. Nothing is reported durable before a sync returned.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::block::{BLOCK, Chain, Entry, Moment, SegmentHead, encode};
use super::error::{Damage, JournalError};
use super::lock::Lock;
use super::reader::{Reader, Scan, reread, segment_name};
use super::record::Record;
use super::storage::{Disk, Segment, Storage};

/// When the disk is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Sync {
    /// Within the append of every intent, and at every flush.
    #[default]
    EveryIntent,
    /// At every flush: an intent may be acted on once [`Writer::durable`] is beyond it.
    Batch,
    /// Never, for recorded sessions: nothing is durable until the writer is closed.
    Off,
}

/// How a journal is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// When the disk is waited for.
    pub sync: Sync,
    /// Records of a segment.
    pub segment_records_max: u32,
    /// Records kept in memory, which the disk has not confirmed.
    pub pending_records_max: u32,
    /// A flush that takes longer makes the journal slow.
    pub flush_max: Duration,
}

impl Default for Options {
    /// Segments of 64 MiB, 8 MiB of memory, and a disk that answers within 100 ms.
    fn default() -> Self {
        Self {
            sync: Sync::default(),
            segment_records_max: 131_071,
            pending_records_max: 16_384,
            flush_max: Duration::from_millis(100),
        }
    }
}

/// Whether orders may be sent on the strength of the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// They may.
    Sound,
    /// The last flush took too long.
    Slow,
    /// The disk has failed and was not mended.
    Halted,
}

/// What a flush did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flushed {
    /// Records that are on the disk: all with a lesser sequence.
    pub durable: u64,
    /// How long it took.
    pub took: Duration,
}

/// The end of a journal. One a directory, which its lock sees to.
pub struct Writer {
    dir: PathBuf,
    options: Options,
    storage: Box<dyn Storage>,
    _lock: Lock,
    /// Absent once it has failed, and before the first.
    segment: Option<Box<dyn Segment>>,
    head: Option<SegmentHead>,
    /// The next record, and the hash of the last.
    next: u64,
    chain: Chain,
    /// Records below this one are no longer in memory, and the hash of the last of them.
    settled: u64,
    settled_chain: Chain,
    pending: Vec<u8>,
    /// Bytes of it that have been handed to the file.
    written: usize,
    durable: Arc<AtomicU64>,
    fault: Option<String>,
    is_slow: bool,
}

impl Writer {
    /// Opens the journal of a directory to append to it, and makes both if they are not there.
    /// Every record that counts is handed over; a torn end is cut off.
    ///
    /// # Errors
    /// Another process writes it, it is damaged, or the disk refuses.
    pub fn open(
        dir: &Path,
        options: Options,
        visit: impl FnMut(&Entry),
    ) -> Result<(Self, Scan), JournalError> {
        Self::open_on(dir, options, Box::new(Disk), visit)
    }

    /// The same on other storage than the disk.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_on(
        dir: &Path,
        options: Options,
        storage: Box<dyn Storage>,
        visit: impl FnMut(&Entry),
    ) -> Result<(Self, Scan), JournalError> {
        fs::create_dir_all(dir).map_err(JournalError::io("make", dir))?;
        let lock = Lock::take(dir)?;
        let mut reader = match Reader::open(dir) {
            Err(JournalError::None { .. }) => None,
            reader => Some(reader?),
        };
        let scan = match &mut reader {
            Some(reader) => reader.scan(visit)?,
            None => Scan::default(),
        };
        let position = reader.map(|reader| reader.position()).unwrap_or_default();
        let mut writer = Self {
            dir: dir.to_owned(),
            options,
            storage,
            _lock: lock,
            segment: None,
            head: position.head,
            next: position.sequence,
            chain: position.chain,
            settled: position.sequence,
            settled_chain: position.chain,
            pending: Vec::new(),
            written: 0,
            durable: Arc::new(AtomicU64::new(0)),
            fault: None,
            is_slow: false,
        };
        for cut in scan.cuts.iter().filter(|cut| cut.offset == 0) {
            let removed = writer.storage.remove(&cut.path);
            removed.map_err(JournalError::io("remove", &cut.path))?;
        }
        match writer.head {
            Some(head) => {
                let path = writer.path(head.number);
                let opened = writer.storage.open(&path, position.len);
                writer.segment = Some(opened.map_err(JournalError::io("open", &path))?);
            }
            None => writer.begin(1, false)?,
        }
        writer.durable.store(writer.settled, Ordering::Release);
        Ok((writer, scan))
    }

    /// Appends a record and returns its sequence. It is durable once [`Self::durable`] is beyond
    /// that; with [`Sync::EveryIntent`], an intent is when this returns.
    ///
    /// # Errors
    /// The disk failed, now or before. An intent must not be acted on then. Other records are
    /// kept in memory while the writer is halted, as long as there is room.
    pub fn append(&mut self, moment: &Moment, record: &Record) -> Result<u64, JournalError> {
        if let Some(halted) = self.halted().filter(|_| record.is_intent()) {
            return Err(halted);
        }
        self.make_room().or_else(|error| match record.is_intent() {
            true => Err(error),
            // What has happened is kept in memory, as long as there is room.
            false => Ok(()),
        })?;
        if self.is_full() {
            return Err(self.full());
        }
        let entry = Entry {
            sequence: self.next,
            moment: *moment,
            record: *record,
        };
        let unsettled = u32::try_from(self.next - self.settled).unwrap_or(u32::MAX);
        let block = encode(&entry, unsettled, self.chain);
        self.pending.extend_from_slice(&block);
        self.chain = Chain::of(&block);
        self.next += 1;
        if record.is_intent() && self.options.sync == Sync::EveryIntent {
            self.flush()?;
        }
        Ok(entry.sequence)
    }

    /// Writes what is in memory and, unless syncing is off, waits until the disk has it.
    ///
    /// # Errors
    /// The disk failed, now or before; nothing more is durable than was before.
    pub fn flush(&mut self) -> Result<Flushed, JournalError> {
        self.flush_and(self.options.sync != Sync::Off)
    }

    fn flush_and(&mut self, syncs: bool) -> Result<Flushed, JournalError> {
        if let Some(halted) = self.halted() {
            return Err(halted);
        }
        let begun = Instant::now();
        let flushed = self.write_pending(syncs);
        let took = begun.elapsed();
        self.is_slow = took > self.options.flush_max;
        flushed.map_err(|(doing, error)| self.fail(doing, error))?;
        Ok(Flushed {
            durable: self.durable(),
            took,
        })
    }

    /// Goes on in a new segment after a fault: reads back from the disk what it had confirmed,
    /// writes the rest anew and reads that back too. Does nothing where there was no fault.
    ///
    /// # Errors
    /// The disk still fails, or does not have what it had confirmed. The writer stays halted, and
    /// always with [`Sync::Off`], where nothing is kept in memory that could be written anew.
    pub fn mend(&mut self) -> Result<(), JournalError> {
        let Some(halted) = self.halted() else {
            return Ok(());
        };
        if self.options.sync == Sync::Off {
            return Err(halted);
        }
        let old = self.head;
        if let Some(head) = old {
            self.agree(&head, self.settled, self.settled_chain)?;
        }
        let number = old.map_or(1, |head| head.number + 1);
        let path = self.path(number);
        // A new segment that could not be finished holds nothing that was ever confirmed.
        let removed = self.storage.remove(&path);
        removed.map_err(JournalError::io("remove", &path))?;
        let mended = self.begin(number, true).and_then(|()| {
            let written = self.write_blocks(true);
            written.map_err(|(doing, error)| JournalError::io(doing, &path)(error))?;
            let head = SegmentHead::new(number, self.settled, self.settled_chain, true);
            self.agree(&head, self.next, self.chain)
        });
        if let Err(error) = mended {
            self.segment = None;
            self.head = old;
            self.written = 0;
            return Err(error);
        }
        self.settle(true);
        self.fault = None;
        self.is_slow = false;
        Ok(())
    }

    /// Ends the run in order: everything is on the disk, and then `end` is, which so proves it.
    ///
    /// # Errors
    /// The disk failed, now or before.
    pub fn close(mut self, moment: &Moment, end: &Record) -> Result<u64, JournalError> {
        self.flush_and(true)?;
        self.append(moment, end)?;
        Ok(self.flush_and(true)?.durable)
    }

    /// Whether orders may be sent on the strength of the journal.
    #[must_use]
    pub fn health(&self) -> Health {
        match (&self.fault, self.is_slow) {
            (Some(_), _) => Health::Halted,
            (None, true) => Health::Slow,
            (None, false) => Health::Sound,
        }
    }

    /// Records that are on the disk: all with a lesser sequence.
    #[must_use]
    pub fn durable(&self) -> u64 {
        self.durable.load(Ordering::Acquire)
    }

    /// [`Self::durable`] for another thread, which may so wait for an intent.
    #[must_use]
    pub fn watermark(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.durable)
    }

    /// The sequence of the next record.
    #[must_use]
    pub const fn next_sequence(&self) -> u64 {
        self.next
    }

    fn path(&self, number: u32) -> PathBuf {
        self.dir.join(segment_name(number))
    }

    fn current_path(&self) -> PathBuf {
        self.path(self.head.map_or(1, |head| head.number))
    }

    fn halted(&self) -> Option<JournalError> {
        let fault = self.fault.clone()?;
        let path = self.current_path();
        Some(JournalError::Halted { path, fault })
    }

    fn full(&self) -> JournalError {
        JournalError::Full {
            path: self.current_path(),
            records: self.pending.len() / BLOCK,
        }
    }

    fn is_segment_full(&self) -> bool {
        let first = self.head.map_or(0, |head| head.first);
        self.next - first >= u64::from(self.options.segment_records_max.max(1))
    }

    fn is_full(&self) -> bool {
        self.pending.len() >= self.options.pending_records_max.max(1) as usize * BLOCK
    }

    /// Makes room for one record, in the segment and in memory.
    fn make_room(&mut self) -> Result<(), JournalError> {
        if self.fault.is_none() && self.is_segment_full() {
            return self.rotate();
        }
        if self.fault.is_none() && self.is_full() {
            self.flush()?;
        }
        Ok(())
    }

    /// Ends this segment, with everything in it on the disk also where syncing is off, and begins
    /// the next.
    fn rotate(&mut self) -> Result<(), JournalError> {
        self.flush_and(true)?;
        let number = self.head.map_or(1, |head| head.number + 1);
        if let Err(error) = self.begin(number, false) {
            self.fault = Some(error.cause());
            return Err(error);
        }
        Ok(())
    }

    /// Begins a segment at the first record that is not settled.
    fn begin(&mut self, number: u32, is_after_fault: bool) -> Result<(), JournalError> {
        let path = self.path(number);
        let head = SegmentHead::new(number, self.settled, self.settled_chain, is_after_fault);
        self.segment = None;
        let created = self.storage.create(&path).and_then(|mut segment| {
            write_all(&mut *segment, &head.encode())?;
            segment.sync()?;
            Ok(segment)
        });
        self.segment = Some(created.map_err(JournalError::io("begin", &path))?);
        self.head = Some(head);
        self.written = 0;
        Ok(())
    }

    fn write_pending(&mut self, syncs: bool) -> Result<(), (&'static str, io::Error)> {
        if self.pending.is_empty() && (!syncs || self.durable() == self.next) {
            return Ok(());
        }
        self.write_blocks(syncs)?;
        self.settle(syncs);
        Ok(())
    }

    fn write_blocks(&mut self, syncs: bool) -> Result<(), (&'static str, io::Error)> {
        let closed = || ("write to", io::Error::other("its segment is closed"));
        let segment = self.segment.as_mut().ok_or_else(closed)?;
        while self.written < self.pending.len() {
            let count = write_some(&mut **segment, &self.pending[self.written..]);
            self.written += count.map_err(|error| ("write to", error))?;
        }
        if syncs {
            segment.sync().map_err(|error| ("sync", error))?;
        }
        Ok(())
    }

    fn settle(&mut self, is_durable: bool) {
        self.pending.clear();
        self.written = 0;
        self.settled = self.next;
        self.settled_chain = self.chain;
        if is_durable {
            self.durable.store(self.next, Ordering::Release);
        }
    }

    fn fail(&mut self, doing: &'static str, error: io::Error) -> JournalError {
        // Never written to again: after a failed sync the system may take for written what is not.
        self.segment = None;
        self.written = 0;
        let error = JournalError::io(doing, &self.current_path())(error);
        self.fault = Some(error.cause());
        error
    }

    /// Whether the disk, not the cache, has a segment as it was written.
    fn agree(&mut self, head: &SegmentHead, end: u64, chain: Chain) -> Result<(), JournalError> {
        let path = self.path(head.number);
        let forgotten = self.storage.forget(&path);
        forgotten.map_err(JournalError::io("read back", &path))?;
        if reread(&self.dir, head, end)? == chain {
            return Ok(());
        }
        Err(JournalError::Damaged {
            path,
            offset: 0,
            sequence: end,
            damage: Damage::Chain,
        })
    }
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer")
            .field("dir", &self.dir)
            .field("next", &self.next)
            .field("durable", &self.durable())
            .field("fault", &self.fault)
            .finish_non_exhaustive()
    }
}

fn write_all(segment: &mut dyn Segment, bytes: &[u8]) -> io::Result<()> {
    let mut written = 0;
    while written < bytes.len() {
        written += write_some(segment, &bytes[written..])?;
    }
    Ok(())
}

/// Writes at least one byte.
fn write_some(segment: &mut dyn Segment, bytes: &[u8]) -> io::Result<usize> {
    loop {
        match segment.write(bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}
