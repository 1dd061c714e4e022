//! A record as a block of 512 bytes, and the block that begins a segment.
//!
//! ```text
//! record   0 magic 4 | length 2 | kind 1 | version 1 | sequence 8 | event sequence 8 |
//!            event time 8 | monotonic 8 | wall 8 | unsettled 4 | hash of the record before 12
//!         64 payload, zeros up to 508 | CRC-32C of all that 4
//! segment  0 magic 8 | version 4 | block 4 | number 4 | flags 4 | first sequence 8 |
//!            hash of the record before 12 | zeros up to 508 | CRC-32C of all that 4
//! ```
//!
//! `unsettled` counts the records before this one that the disk had not confirmed when it was
//! written: only those may be missing before it, after a power failure that kept it.

use sha1::{Digest, Sha1};
use undertow_core::types::Nanos;

use super::codec::{Field, In, Out, fields};
use super::error::Damage;
use super::record::Record;

/// Bytes of a block.
pub const BLOCK: usize = 512;

/// The version of the format.
pub const VERSION: u32 = 1;

pub(super) const RECORD_MAGIC: [u8; 4] = *b"UTjr";
pub(super) const SEGMENT_MAGIC: [u8; 8] = *b"UTJOURNL";

const PAYLOAD_AT: usize = 64;
const CRC_AT: usize = BLOCK - 4;
const PAYLOAD_MAX: usize = CRC_AT - PAYLOAD_AT;

/// Version of every record kind's payload.
const RECORD_VERSION: u8 = 1;

/// A block.
pub(super) type Block = [u8; BLOCK];

/// The first 96 bits of a record block's SHA-1; zeros before the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(super) struct Chain([u8; 12]);

impl Chain {
    pub(super) fn of(block: &Block) -> Self {
        let digest: [u8; 20] = Sha1::digest(block).into();
        let mut chain = Self::default();
        chain.0.copy_from_slice(&digest[..12]);
        chain
    }
}

impl Field for Chain {
    fn put(&self, out: &mut Out<'_>) {
        self.0.put(out);
    }

    fn take(from: &mut In<'_>) -> Option<Self> {
        Field::take(from).map(Self)
    }
}

/// Where a record belongs among the inputs, and when it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Moment {
    /// Sequence of the input that caused it.
    pub event: u64,
    /// Its time, in event time.
    pub ts_event: Nanos,
    /// When the record was made, by the process's own clock, ns.
    pub monotonic_ns: u64,
    /// When the record was made, ns since 1970.
    pub wall_ns: u64,
}

fields!(Moment: event, ts_event, monotonic_ns, wall_ns);

/// A record with its place in the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its number, from 0 without gaps.
    pub sequence: u64,
    /// Where it belongs and when it was written.
    pub moment: Moment,
    /// The record.
    pub record: Record,
}

/// What stands before a record's payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    magic: [u8; 4],
    length: u16,
    kind: u8,
    version: u8,
    pub(super) sequence: u64,
    moment: Moment,
    pub(super) unsettled: u32,
    pub(super) previous: Chain,
}

fields!(Head: magic, length, kind, version, sequence, moment, unsettled, previous);

impl Head {
    /// Reads the head of a block that is whole: magic and CRC are right.
    pub(super) fn of(block: &Block) -> Result<Self, Damage> {
        let head = Self::take(&mut In(block)).ok_or(Damage::Magic)?;
        if block.iter().all(|byte| *byte == 0) {
            return Err(Damage::Zeros);
        }
        if head.magic != RECORD_MAGIC {
            return Err(Damage::Magic);
        }
        check_crc(block)?;
        Ok(head)
    }

    /// Reads the record under it.
    pub(super) fn entry(&self, block: &Block) -> Result<Entry, Damage> {
        if self.version != RECORD_VERSION || !Record::is_kind(self.kind) {
            return Err(Damage::Kind {
                kind: self.kind,
                version: self.version,
            });
        }
        let length = usize::from(self.length);
        let payload = block[PAYLOAD_AT..CRC_AT].get(..length);
        let mut from = In(payload.ok_or(Damage::Payload)?);
        let record = Record::take(self.kind, &mut from).ok_or(Damage::Payload)?;
        if !from.0.is_empty() {
            return Err(Damage::Payload);
        }
        Ok(Entry {
            sequence: self.sequence,
            moment: self.moment,
            record,
        })
    }
}

/// Writes a record as a block.
pub(super) fn encode(entry: &Entry, unsettled: u32, previous: Chain) -> Block {
    let mut block = [0; BLOCK];
    let mut payload = Out::new(&mut block[PAYLOAD_AT..CRC_AT]);
    entry.record.put(&mut payload);
    let head = Head {
        magic: RECORD_MAGIC,
        length: u16::try_from(payload.used()).unwrap_or(u16::MAX),
        kind: entry.record.kind(),
        version: RECORD_VERSION,
        sequence: entry.sequence,
        moment: entry.moment,
        unsettled,
        previous,
    };
    let mut out = Out::new(&mut block[..PAYLOAD_AT]);
    head.put(&mut out);
    debug_assert_eq!(out.used(), PAYLOAD_AT);
    seal(&mut block);
    block
}

/// The block that begins a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SegmentHead {
    magic: [u8; 8],
    version: u32,
    block: u32,
    pub(super) number: u32,
    flags: u32,
    pub(super) first: u64,
    pub(super) previous: Chain,
}

fields!(SegmentHead: magic, version, block, number, flags, first, previous);

/// The segment before could not be written to its end: what it holds from this one's first record
/// on does not count.
const AFTER_FAULT: u32 = 1;

impl SegmentHead {
    pub(super) fn new(number: u32, first: u64, previous: Chain, is_after_fault: bool) -> Self {
        Self {
            magic: SEGMENT_MAGIC,
            version: VERSION,
            block: BLOCK as u32,
            number,
            flags: if is_after_fault { AFTER_FAULT } else { 0 },
            first,
            previous,
        }
    }

    pub(super) const fn is_after_fault(&self) -> bool {
        self.flags & AFTER_FAULT != 0
    }

    pub(super) fn encode(&self) -> Block {
        let mut block = [0; BLOCK];
        self.put(&mut Out::new(&mut block));
        seal(&mut block);
        block
    }

    /// Reads it. The version is looked at before the CRC, whose place another version may change.
    pub(super) fn decode(block: &Block) -> Result<Self, Damage> {
        let head = Self::take(&mut In(block)).ok_or(Damage::Magic)?;
        if head.magic != SEGMENT_MAGIC {
            return Err(Damage::Magic);
        }
        if head.version != VERSION {
            return Err(Damage::Version(head.version));
        }
        check_crc(block)?;
        Ok(head)
    }
}

fn seal(block: &mut Block) {
    let crc = crc32c::crc32c(&block[..CRC_AT]);
    block[CRC_AT..].copy_from_slice(&crc.to_le_bytes());
}

fn check_crc(block: &Block) -> Result<(), Damage> {
    let computed = crc32c::crc32c(&block[..CRC_AT]);
    let stored = u32::take(&mut In(&block[CRC_AT..])).ok_or(Damage::Magic)?;
    if computed == stored {
        Ok(())
    } else {
        Err(Damage::Crc { stored, computed })
    }
}

const _: () = assert!(PAYLOAD_MAX == 444, "what the records must fit in");
