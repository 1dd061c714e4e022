//! Why a stream cannot be read on. Each error names the place in the stream, counted in
//! uncompressed bytes from its start, the cause, and what to do.

use thiserror::Error;

/// What ends a stream before its time. Records before the place were delivered.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// The stream does not begin as DBN does.
    #[error(
        "byte {offset}: this is not DBN: it begins with {found:02x?} instead of \"DBN\" and a \
         version; give a .dbn file, or a compressed one under the name .dbn.zst"
    )]
    NotDbn {
        /// Where the header should begin.
        offset: u64,
        /// What is there instead.
        found: [u8; 4],
    },
    /// A version that this program does not know.
    #[error(
        "byte {offset}: DBN version {version} is not one of 1, 2 and 3; rewrite the file as \
         version 3 with Databento's `dbn` tool"
    )]
    UnknownVersion {
        /// Where the header begins.
        offset: u64,
        /// The version it gives.
        version: u8,
    },
    /// The metadata's length cannot be right.
    #[error(
        "byte {offset}: the metadata claims {len} bytes, but has between {min} and {max}; the \
         header is damaged, so fetch the file again"
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
    #[error("byte {offset}: bad metadata: {cause}; fetch the file again")]
    Metadata {
        /// Where the header begins.
        offset: u64,
        /// What is wrong with it.
        cause: Box<str>,
    },
    /// A record's length is smaller than any record, so the next cannot be found.
    #[error(
        "byte {offset}: a record claims {len} bytes, less than the {min} of a record's header; \
         the file is damaged from here on, so fetch it again"
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
        "byte {offset}: the stream ends inside {what}, after {have} of its {need} bytes; it was \
         cut off, so fetch it again"
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
