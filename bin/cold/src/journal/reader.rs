//! Reading a journal: every record in order, or the reason why not.
//!
//! What a power failure or a kill may leave behind is a torn end: blocks that the disk had not
//! confirmed. It is cut, and told. Anything else that is wrong is damage and stops the reading:
//! a bad block before one that was written later than the disk's confirmation of it, a block that
//! is whole but not the next one, a segment that is missing, doubled or foreign.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::block::{BLOCK, Block, Chain, Entry, Head, RECORD_MAGIC, SEGMENT_MAGIC, SegmentHead};
use super::error::{Damage, JournalError};
use super::lock;

/// Bytes read at once.
const READ: usize = 128 * BLOCK;

/// The name of a segment's file; segments count from 1.
#[must_use]
pub fn segment_name(number: u32) -> String {
    format!("journal-{number:06}.utj")
}

/// The end of a file that does not count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cut {
    /// The segment.
    pub path: PathBuf,
    /// Where it is cut; 0 where not even its header is whole.
    pub offset: u64,
    /// How many bytes do not count.
    pub bytes: u64,
    /// What is wrong with the first block of them.
    pub damage: Damage,
}

/// What comes next.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::large_enum_variant, reason = "nearly every one is a record")]
pub enum Step {
    /// A record.
    Entry(Entry),
    /// Nothing, so far. A journal that is being written may have more when asked again.
    End,
}

/// A whole journal, read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scan {
    /// Its records.
    pub records: u64,
    /// Its segments.
    pub segments: u32,
    /// What does not count at its end.
    pub cuts: Vec<Cut>,
    /// Names in its directory that are none of the journal's.
    pub foreign: Vec<String>,
}

/// Where reading stands.
#[derive(Debug)]
pub struct Reader {
    dir: PathBuf,
    last: u32,
    torn: Option<Cut>,
    foreign: Vec<String>,
    segment: Option<Open>,
    sequence: u64,
    chain: Chain,
}

/// The segment that is being read.
#[derive(Debug)]
struct Open {
    file: File,
    path: PathBuf,
    head: SegmentHead,
    /// Of the next block.
    offset: u64,
    /// Records from here on stand, written anew, in the next segment.
    limit: u64,
    buffer: Vec<u8>,
    used: usize,
}

/// Where a writer goes on.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Position {
    /// The last segment; `None` before the first.
    pub(super) head: Option<SegmentHead>,
    /// Its end, without what is cut.
    pub(super) len: u64,
    /// The next record.
    pub(super) sequence: u64,
    pub(super) chain: Chain,
}

impl Reader {
    /// Opens the journal of a directory, at its first record.
    ///
    /// # Errors
    /// There is no journal, a segment is missing, or the directory cannot be read.
    pub fn open(dir: &Path) -> Result<Self, JournalError> {
        let mut reader = Self {
            dir: dir.to_owned(),
            last: 0,
            torn: None,
            foreign: Vec::new(),
            segment: None,
            sequence: 0,
            chain: Chain::default(),
        };
        if reader.survey()? == 0 {
            return Err(JournalError::None {
                path: dir.to_owned(),
            });
        }
        Ok(reader)
    }

    /// The next record.
    ///
    /// # Errors
    /// The first thing that is wrong and no torn end.
    pub fn advance(&mut self) -> Result<Step, JournalError> {
        loop {
            let Some(open) = &mut self.segment else {
                self.survey()?;
                if self.last == 0 {
                    return Ok(Step::End);
                }
                self.enter(1)?;
                continue;
            };
            let number = open.head.number;
            if self.sequence < open.limit {
                match open.read(self.sequence, self.chain)? {
                    Ok((entry, chain)) => {
                        self.sequence += 1;
                        self.chain = chain;
                        return Ok(Step::Entry(entry));
                    }
                    Err(None) => {}
                    Err(Some(damage)) if number < self.last => {
                        return Err(open.damaged(self.sequence, damage));
                    }
                    Err(Some(damage)) => {
                        open.check_torn(self.sequence, damage)?;
                        return Ok(Step::End);
                    }
                }
            }
            if number == self.last {
                self.survey()?;
            }
            if number == self.last {
                return Ok(Step::End);
            }
            self.enter(number + 1)?;
        }
    }

    /// Reads on to the end, and hands each record over.
    ///
    /// # Errors
    /// The first thing that is wrong and no torn end.
    pub fn scan(&mut self, mut visit: impl FnMut(&Entry)) -> Result<Scan, JournalError> {
        while let Step::Entry(entry) = self.advance()? {
            visit(&entry);
        }
        let mut cuts = Vec::new();
        if let Some(open) = &mut self.segment {
            cuts.extend(open.tail(self.sequence, self.chain)?);
        }
        cuts.extend(self.torn.clone());
        Ok(Scan {
            records: self.sequence,
            segments: self.last,
            cuts,
            foreign: self.foreign.clone(),
        })
    }

    /// Where a writer goes on, after a scan.
    pub(super) fn position(&self) -> Position {
        let open = self.segment.as_ref();
        Position {
            head: open.map(|open| open.head),
            len: open.map_or(0, |open| open.offset),
            sequence: self.sequence,
            chain: self.chain,
        }
    }

    /// Looks at what is in the directory, and returns how many segments there are, a torn one
    /// too.
    fn survey(&mut self) -> Result<u32, JournalError> {
        let (numbers, foreign) = list(&self.dir)?;
        let last = numbers.last().copied().unwrap_or(0);
        let missing = (1..=last).find(|number| !numbers.contains(number));
        if let Some(number) = missing {
            let path = self.dir.join(segment_name(number));
            return Err(JournalError::Missing { path });
        }
        self.foreign = foreign;
        self.torn = match last {
            0 => None,
            last => torn_head(&self.dir.join(segment_name(last)))?,
        };
        self.last = last - u32::from(self.torn.is_some());
        Ok(last)
    }

    /// Goes on to a segment, which must continue where the last record left off.
    fn enter(&mut self, number: u32) -> Result<(), JournalError> {
        let mut open = Open::segment(&self.dir, number, self.sequence)?;
        let head = open.head;
        let first = Damage::First {
            expected: self.sequence,
            got: head.first,
        };
        if head.first != self.sequence {
            return Err(open.head_damaged(first));
        }
        if head.previous != self.chain {
            return Err(open.head_damaged(Damage::Chain));
        }
        if number < self.last {
            // A header that cannot be read is told when it is entered.
            let next = Open::segment(&self.dir, number + 1, 0).ok();
            let next = next.filter(|next| next.head.is_after_fault());
            open.limit = next.map_or(u64::MAX, |next| next.head.first);
        }
        self.segment = Some(open);
        Ok(())
    }
}

/// Reads the records of one segment before `end` and returns the hash of the last of them.
pub(super) fn reread(dir: &Path, head: &SegmentHead, end: u64) -> Result<Chain, JournalError> {
    let mut open = Open::segment(dir, head.number, head.first)?;
    if open.head != *head {
        return Err(open.head_damaged(Damage::Chain));
    }
    let mut chain = head.previous;
    for sequence in head.first..end {
        chain = match open.read(sequence, chain)? {
            Ok((_, chain)) => chain,
            Err(damage) => {
                return Err(open.damaged(sequence, damage.unwrap_or(Damage::Short(0))));
            }
        };
    }
    Ok(chain)
}

impl Open {
    fn segment(dir: &Path, number: u32, sequence: u64) -> Result<Self, JournalError> {
        let path = dir.join(segment_name(number));
        let file = File::open(&path).map_err(JournalError::io("open", &path))?;
        let mut bytes = [0; BLOCK];
        let got = read_at(&file, &mut bytes, 0).map_err(JournalError::io("read", &path))?;
        let head = if got < BLOCK {
            Err(Damage::Short(got as u64))
        } else {
            SegmentHead::decode(&bytes)
        };
        let damaged = |damage| JournalError::Damaged {
            path: path.clone(),
            offset: 0,
            sequence,
            damage,
        };
        let head = head.map_err(damaged)?;
        if head.number != number {
            return Err(damaged(Damage::Number {
                expected: number,
                got: head.number,
            }));
        }
        Ok(Self {
            file,
            path,
            head,
            offset: BLOCK as u64,
            limit: u64::MAX,
            buffer: Vec::new(),
            used: 0,
        })
    }

    /// Reads the next block, which must be this record. `Err(None)` where the file ends before
    /// it, `Err(Some)` where a torn write may have left what is there.
    #[allow(
        clippy::type_complexity,
        reason = "a failed read, or what was read, or why not"
    )]
    fn read(
        &mut self,
        sequence: u64,
        chain: Chain,
    ) -> Result<Result<(Entry, Chain), Option<Damage>>, JournalError> {
        let mut block = [0; BLOCK];
        let got = self
            .fill(&mut block)
            .map_err(JournalError::io("read", &self.path))?;
        if got == 0 {
            return Ok(Err(None));
        }
        if got < BLOCK {
            return Ok(Err(Some(Damage::Short(got as u64))));
        }
        let head = match Head::of(&block) {
            Ok(head) => head,
            Err(damage) => {
                // It may be whole when asked again: somebody may be writing it.
                self.buffer.clear();
                self.used = 0;
                return Ok(Err(Some(damage)));
            }
        };
        // A block that is whole was not torn: if it is not the next one, somebody has been here.
        if head.sequence != sequence {
            let (expected, got) = (sequence, head.sequence);
            return Err(self.damaged(sequence, Damage::Sequence { expected, got }));
        }
        if head.previous != chain {
            return Err(self.damaged(sequence, Damage::Chain));
        }
        let entry = head.entry(&block);
        let entry = entry.map_err(|damage| self.damaged(sequence, damage))?;
        self.offset += BLOCK as u64;
        self.used += BLOCK;
        Ok(Ok((entry, Chain::of(&block))))
    }

    /// Copies the block at `offset`, as much of it as there is.
    fn fill(&mut self, block: &mut Block) -> io::Result<usize> {
        if self.buffer.len() - self.used < BLOCK {
            self.buffer.resize(READ, 0);
            self.used = 0;
            let got = read_at(&self.file, &mut self.buffer, self.offset)?;
            self.buffer.truncate(got);
        }
        let left = &self.buffer[self.used..];
        let got = left.len().min(BLOCK);
        block[..got].copy_from_slice(&left[..got]);
        if got < BLOCK {
            self.buffer.clear();
            self.used = 0;
        }
        Ok(got)
    }

    /// Whether a bad block at `offset` is a torn end: nothing behind it was written after the
    /// disk had confirmed it.
    fn check_torn(&self, sequence: u64, damage: Damage) -> Result<(), JournalError> {
        let rest = self.rest().map_err(JournalError::io("read", &self.path))?;
        let is_proof =
            |head: &Head| head.sequence.saturating_sub(u64::from(head.unsettled)) > sequence;
        if whole_blocks(&rest).any(|head| is_proof(&head)) {
            return Err(self.damaged(sequence, damage));
        }
        Ok(())
    }

    /// What does not count at the end of the file.
    fn tail(&mut self, sequence: u64, chain: Chain) -> Result<Option<Cut>, JournalError> {
        let Err(Some(damage)) = self.read(sequence, chain)? else {
            return Ok(None);
        };
        self.check_torn(sequence, damage)?;
        let rest = self.rest().map_err(JournalError::io("read", &self.path))?;
        Ok(Some(Cut {
            path: self.path.clone(),
            offset: self.offset,
            bytes: rest.len() as u64,
            damage,
        }))
    }

    fn rest(&self) -> io::Result<Vec<u8>> {
        let len = self.file.metadata()?.len().saturating_sub(self.offset);
        let mut rest = vec![0; usize::try_from(len).unwrap_or(0)];
        let got = read_at(&self.file, &mut rest, self.offset)?;
        rest.truncate(got);
        Ok(rest)
    }

    fn damaged(&self, sequence: u64, damage: Damage) -> JournalError {
        JournalError::Damaged {
            path: self.path.clone(),
            offset: self.offset,
            sequence,
            damage,
        }
    }

    fn head_damaged(&self, damage: Damage) -> JournalError {
        JournalError::Damaged {
            path: self.path.clone(),
            offset: 0,
            sequence: self.head.first,
            damage,
        }
    }
}

/// The whole file as a cut, if its header was never written in full and nothing follows.
fn torn_head(path: &Path) -> Result<Option<Cut>, JournalError> {
    let io = |error| JournalError::io("read", path)(error);
    let file = File::open(path).map_err(io)?;
    let mut head = [0; BLOCK];
    let got = read_at(&file, &mut head, 0).map_err(io)?;
    let is_zeros = head.iter().all(|byte| *byte == 0);
    if got == BLOCK && !is_zeros {
        return Ok(None);
    }
    let begun = got.min(SEGMENT_MAGIC.len());
    let is_ours = is_zeros || head[..begun] == SEGMENT_MAGIC[..begun];
    let bytes = fs::read(path).map_err(io)?;
    if !is_ours || whole_blocks(&bytes).next().is_some() {
        return Ok(None);
    }
    Ok(Some(Cut {
        path: path.to_owned(),
        offset: 0,
        bytes: bytes.len() as u64,
        damage: if got < BLOCK {
            Damage::Short(got as u64)
        } else {
            Damage::Zeros
        },
    }))
}

/// Every whole record in these bytes, wherever it begins.
fn whole_blocks(bytes: &[u8]) -> impl Iterator<Item = Head> {
    let blocks = bytes.windows(BLOCK);
    blocks
        .filter(|window| window[..4] == RECORD_MAGIC)
        .filter_map(|window| Head::of(window.try_into().ok()?).ok())
}

/// The segments in a directory, and what else is there.
fn list(dir: &Path) -> Result<(BTreeSet<u32>, Vec<String>), JournalError> {
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(JournalError::None {
                path: dir.to_owned(),
            });
        }
        entries => entries.map_err(JournalError::io("list", dir))?,
    };
    let (mut numbers, mut foreign) = (BTreeSet::new(), Vec::new());
    for entry in entries {
        let entry = entry.map_err(JournalError::io("list", dir))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        match segment_number(&name) {
            Some(number) => {
                numbers.insert(number);
            }
            None if name != lock::NAME => foreign.push(name),
            None => {}
        }
    }
    foreign.sort();
    Ok((numbers, foreign))
}

fn segment_number(name: &str) -> Option<u32> {
    let digits = name.strip_prefix("journal-")?.strip_suffix(".utj")?;
    let number = digits.parse().ok().filter(|number| *number > 0)?;
    (segment_name(number) == name).then_some(number)
}

/// Reads until the buffer is full or the file ends.
fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut got = 0;
    while got < buffer.len() {
        match file.read_at(&mut buffer[got..], offset + got as u64) {
            Ok(0) => break,
            Ok(count) => got += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(got)
}
