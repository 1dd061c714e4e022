//! Why a stream cannot be read on. Each error names the place in the stream, counted in
//! uncompressed bytes from its start, and the cause. What to do is for whoever opened the stream
//! to say: only he knows where it came from.

use thiserror::Error;

/// What ends a stream before its time. Records before the place were delivered.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// The stream does not begin as DBN does.
    #[error(
        "byte {offset}: this is not DBN: it begins with {:#010x} instead of \"DBN\" and a version",
        u32::from_be_bytes(*found)
    )]
    NotDbn {
        /// Where the header should begin.
        offset: u64,
        /// What is there instead.
        found: [u8; 4],
    },
    /// A version that this program does not know.
    #[error("byte {offset}: DBN version {version} is not one of 1, 2 and 3")]
    UnknownVersion {
        /// Where the header begins.
        offset: u64,
        /// The version it gives.
        version: u8,
    },
    /// The metadata's length cannot be right.
    #[error(
        "byte {offset}: the header is damaged: the metadata claims {len} bytes, but has between \
         {min} and {max}"
    )]
    MetadataLength {
        /// Where the header begins.
        offset: u64,
        /// What it claims.
        len: u32,
        /// The least it can be.
        min: u32,
        /// The most that is read.
        max: u32,
    },
    /// The metadata cannot be understood.
    #[error("byte {offset}: bad metadata: {cause}")]
    Metadata {
        /// Where the header begins.
        offset: u64,
        /// What is wrong with it.
        cause: Box<str>,
    },
    /// A record's length is smaller than any record, so the next cannot be found.
    #[error(
        "byte {offset}: damaged from here on: a record claims {len} bytes, less than the {min} of \
         a record's header"
    )]
    RecordTooShort {
        /// Where the record begins.
        offset: u64,
        /// What it claims, bytes.
        len: usize,
        /// The least it can be, bytes.
        min: usize,
    },
    /// The stream ends inside a header or a record.
    #[error(
        "byte {offset}: cut off: the stream ends inside {what}, after {have} of its {need} bytes"
    )]
    Truncated {
        /// Where the unfinished part begins.
        offset: u64,
        /// A header or a record.
        what: &'static str,
        /// How much of it is there, bytes.
        have: usize,
        /// How much it needs at least, bytes.
        need: usize,
    },
    /// The bytes themselves could not be had: reading or decompressing failed.
    #[error("byte {offset}: {cause}")]
    Bytes {
        /// How far the stream was read.
        offset: u64,
        /// What the reader said.
        cause: Box<str>,
    },
}

impl DecodeError {
    /// Where in the stream, in uncompressed bytes from its start.
    #[must_use]
    pub const fn offset(&self) -> u64 {
        match self {
            Self::NotDbn { offset, .. }
            | Self::UnknownVersion { offset, .. }
            | Self::MetadataLength { offset, .. }
            | Self::Metadata { offset, .. }
            | Self::RecordTooShort { offset, .. }
            | Self::Truncated { offset, .. }
            | Self::Bytes { offset, .. } => *offset,
        }
    }
}
