//! Files as bytes for the feed: mapped where they are plain, decompressed on a thread of their
//! own where they are not.
//!
//! Decompression costs three times what the whole chain does, so it runs ahead on another core
//! and hands over blocks through a pair of rings: full ones come, empty ones go back. After the
//! start nothing is allocated. Frames that follow one another in one file are all read.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use crossbeam::utils::CachePadded;
use rtrb::{Consumer, Producer, RingBuffer};
use undertow_feeds::databento::RECORD_MAX;
use undertow_feeds::replay::{Bytes, Refill};

use crate::output::Digest;
use crate::watchdog::Helper;

/// Bytes of one block.
const BLOCK_SIZE: usize = 1 << 20;

/// Room before a block's data for the record that the block before it cut in two.
const CARRY_MAX: usize = RECORD_MAX;

/// Blocks in flight.
const BLOCKS: usize = 8;

/// How far a file has been read, for progress bars, and by whom.
#[derive(Clone, Debug)]
pub struct Position {
    /// Who reads it.
    pub reader: Arc<Helper>,
    read: Arc<CachePadded<AtomicU64>>,
    content: Arc<AtomicU64>,
    /// Bytes of the file as it lies on disk.
    pub file_len: u64,
}

impl Position {
    /// Bytes of the file read so far.
    #[must_use]
    pub fn read(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }

    /// Digest of the content, packed or not; none before it was read to its end.
    #[must_use]
    pub fn content(&self) -> Option<u64> {
        let content = self.content.load(Ordering::Acquire);
        (content != 0).then_some(content)
    }
}

/// A block on its way: `CARRY_MAX` bytes of room, then data.
#[derive(Debug)]
struct Block {
    bytes: Box<[u8]>,
    end: usize,
}

impl Block {
    fn new() -> Self {
        Self {
            bytes: vec![0; CARRY_MAX + BLOCK_SIZE].into_boxed_slice(),
            end: CARRY_MAX,
        }
    }
}

/// What the reading thread sends.
#[derive(Debug)]
enum Piece {
    Data(Block),
    End(io::Result<()>),
}

/// The near end of a reading thread.
#[derive(Debug)]
pub struct Blocks {
    full: Consumer<Piece>,
    empty: Producer<Block>,
    current: Block,
    at: usize,
}

impl Blocks {
    /// Opens a file and starts to read ahead, decompressing what begins with zstd's mark.
    ///
    /// # Errors
    /// The file cannot be opened or read, or the thread cannot be started.
    pub fn open(path: &Path) -> Result<(Self, Position)> {
        let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
        let file_len = file.metadata().map_or(0, |metadata| metadata.len());
        let read = Arc::new(CachePadded::new(AtomicU64::new(0)));
        let content = Arc::new(AtomicU64::new(0));
        let name = path.display().to_string();
        let helper = Helper::begin(name.as_str(), "no more of the file comes");
        let position = Position {
            reader: Arc::clone(&helper),
            read: Arc::clone(&read),
            content: Arc::clone(&content),
            file_len,
        };
        let counted = Counted { inner: file, read };
        let reader: Box<dyn Read + Send> = if is_zstd(path)? {
            Box::new(zstd::stream::read::Decoder::new(counted).context("cannot start zstd")?)
        } else {
            Box::new(counted)
        };
        Ok((
            Self::spawn(reader, content, helper).with_context(|| format!("cannot read {name}"))?,
            position,
        ))
    }

    /// Starts a thread that reads `reader` to its end, and then says the digest of its content.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub fn spawn(
        reader: Box<dyn Read + Send>,
        content: Arc<AtomicU64>,
        helper: Arc<Helper>,
    ) -> io::Result<Self> {
        // One more place than blocks, for the end itself.
        let (full_writer, full) = RingBuffer::new(BLOCKS + 1);
        let (mut empty, empty_reader) = RingBuffer::new(BLOCKS);
        for _ in 1..BLOCKS {
            let _ = empty.push(Block::new());
        }
        std::thread::Builder::new()
            .name("read-ahead".to_owned())
            .spawn(move || {
                read_ahead(reader, (full_writer, empty_reader), &content, &helper);
                helper.end();
            })?;
        Ok(Self {
            full,
            empty,
            current: Block::new(),
            at: CARRY_MAX,
        })
    }
}

impl Bytes for Blocks {
    #[inline(always)]
    fn window(&self) -> &[u8] {
        &self.current.bytes[self.at..self.current.end]
    }

    #[inline(always)]
    fn consume(&mut self, len: usize) {
        self.at = (self.at + len).min(self.current.end);
    }

    /// Brings the next block behind what is left of the window, which must be less than one
    /// record.
    fn refill(&mut self) -> Refill {
        match self.full.pop() {
            Ok(Piece::End(Ok(()))) => Refill::Ended,
            Ok(Piece::End(Err(error))) => Refill::Failed(error.to_string().into()),
            Err(_) if self.full.is_abandoned() && self.full.is_empty() => {
                Refill::Failed("the reading thread died".into())
            }
            Err(_) => Refill::NotYet,
            Ok(Piece::Data(mut next)) => {
                let carry = self.window();
                let start = CARRY_MAX.saturating_sub(carry.len());
                let kept = &carry[carry.len() - (CARRY_MAX - start)..];
                next.bytes[start..CARRY_MAX].copy_from_slice(kept);
                let spent = std::mem::replace(&mut self.current, next);
                self.at = start;
                // There is always room: no more blocks exist than the ring holds.
                let _ = self.empty.push(spent);
                Refill::More
            }
        }
    }
}

/// The reading thread: fills empty blocks until the input or the near end is gone.
fn read_ahead(
    mut reader: Box<dyn Read + Send>,
    (mut full, mut empty): (Producer<Piece>, Consumer<Block>),
    content: &AtomicU64,
    helper: &Helper,
) {
    let mut digest = Digest::EMPTY;
    while !full.is_abandoned() {
        helper.beat();
        let Ok(mut block) = empty.pop() else {
            std::thread::sleep(Duration::from_micros(20));
            continue;
        };
        let (filled, outcome) = fill(&mut reader, &mut block.bytes[CARRY_MAX..]);
        block.end = CARRY_MAX + filled;
        digest.add_bytes(&block.bytes[CARRY_MAX..block.end]);
        let is_last = filled < BLOCK_SIZE;
        if filled > 0 {
            let _ = full.push(Piece::Data(block));
        }
        if is_last || outcome.is_err() {
            if outcome.is_ok() {
                content.store(digest.value().max(1), Ordering::Release);
            }
            let _ = full.push(Piece::End(outcome));
            return;
        }
    }
}

/// Fills `room` as far as the input goes. What was read before an error is kept.
fn fill(reader: &mut impl Read, room: &mut [u8]) -> (usize, io::Result<()>) {
    let mut filled = 0;
    while filled < room.len() {
        match reader.read(&mut room[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return (filled, Err(error)),
        }
    }
    (filled, Ok(()))
}

/// Whether a file begins with the mark of a zstd frame, plain or skippable.
///
/// # Errors
/// The file cannot be opened or read.
pub fn is_zstd(path: &Path) -> Result<bool> {
    let mut file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    let mut mark = [0; 4];
    let (filled, outcome) = fill(&mut file, &mut mark);
    outcome.with_context(|| format!("cannot read {}", path.display()))?;
    let mark = u32::from_le_bytes(mark);
    Ok(filled == 4 && (mark == 0xFD2F_B528 || mark & 0xFFFF_FFF0 == 0x184D_2A50))
}

/// Counts what is read, for progress.
struct Counted {
    inner: File,
    read: Arc<CachePadded<AtomicU64>>,
}

impl Read for Counted {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(room)?;
        self.read.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes `step` bytes at a time, as a decoder takes records.
    fn drain(mut blocks: Blocks, step: usize) -> (Vec<u8>, Refill) {
        let mut all = Vec::new();
        loop {
            while blocks.window().len() >= step {
                all.extend_from_slice(&blocks.window()[..step]);
                blocks.consume(step);
            }
            match blocks.refill() {
                Refill::More => {}
                Refill::NotYet => std::thread::yield_now(),
                end @ (Refill::Ended | Refill::Failed(_)) => {
                    all.extend_from_slice(blocks.window());
                    return (all, end);
                }
            }
        }
    }

    fn spawn(reader: Box<dyn Read + Send>, content: Arc<AtomicU64>) -> io::Result<Blocks> {
        Blocks::spawn(reader, content, Helper::begin("a reader", ""))
    }

    fn pattern(len: usize) -> Vec<u8> {
        (0..len).map(|place| (place * 31 % 251) as u8).collect()
    }

    #[test]
    fn bytes_come_whole_over_block_borders() {
        for len in [
            0,
            1,
            55,
            BLOCK_SIZE - 1,
            BLOCK_SIZE,
            BLOCK_SIZE + 1,
            3 * BLOCK_SIZE + 77,
        ] {
            let bytes = pattern(len);
            let reader = Box::new(io::Cursor::new(bytes.clone()));
            let (all, end) = drain(spawn(reader, Arc::default()).unwrap(), 56);
            assert_eq!(end, Refill::Ended);
            assert!(all == bytes, "length {len}");
        }
    }

    #[test]
    fn content_is_digested_across_blocks() {
        let bytes = pattern(2 * BLOCK_SIZE + 77);
        let content = Arc::new(AtomicU64::new(0));
        let reader = Box::new(io::Cursor::new(bytes.clone()));
        drain(spawn(reader, Arc::clone(&content)).unwrap(), 56);
        let mut digest = Digest::EMPTY;
        digest.add_bytes(&bytes);
        assert_eq!(content.load(Ordering::Acquire), digest.value());
    }

    #[test]
    fn f19_what_came_before_a_cut_frame_is_delivered_and_the_cut_is_an_error() {
        let bytes = pattern(3 * BLOCK_SIZE);
        let packed = zstd::encode_all(bytes.as_slice(), 1).unwrap();
        let cut = packed[..packed.len() - 20].to_vec();
        let reader = zstd::stream::read::Decoder::new(io::Cursor::new(cut)).unwrap();
        let (all, end) = drain(spawn(Box::new(reader), Arc::default()).unwrap(), 56);
        assert!(matches!(end, Refill::Failed(_)), "{end:?}");
        assert!(!all.is_empty() && bytes.starts_with(&all));
    }

    #[test]
    fn f20_frames_that_follow_one_another_are_all_read() {
        let (first, second) = (pattern(1000), pattern(5000));
        let mut packed = zstd::encode_all(first.as_slice(), 1).unwrap();
        packed.extend(zstd::encode_all(second.as_slice(), 1).unwrap());
        let reader = zstd::stream::read::Decoder::new(io::Cursor::new(packed)).unwrap();
        let (all, end) = drain(spawn(Box::new(reader), Arc::default()).unwrap(), 56);
        assert_eq!(end, Refill::Ended);
        assert!(all == [first, second].concat());
    }
}
