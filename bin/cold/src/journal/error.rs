//! What can be wrong with a journal, told with place, cause and next step.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use super::block::VERSION;
use latency_report::text::counted;

/// What is wrong with a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Damage {
    /// The file ends within the block, after so many bytes of it.
    Short(u64),
    /// Nothing but zeros.
    Zeros,
    /// It does not begin as a block of a journal does.
    Magic,
    /// Its checksum is wrong.
    Crc {
        /// What it says.
        stored: u32,
        /// What its bytes give.
        computed: u32,
    },
    /// Another record stands here.
    Sequence {
        /// The record that belongs here.
        expected: u64,
        /// The record found.
        got: u64,
    },
    /// It does not follow on the record before.
    Chain,
    /// A record of a kind, or a version of it, that this build does not know.
    Kind {
        /// The kind's number.
        kind: u8,
        /// The version of its payload.
        version: u8,
    },
    /// The payload is none of its kind.
    Payload,
    /// The segment is of another version of the format.
    Version(u32),
    /// The segment is another one than its name says.
    Number {
        /// By its name.
        expected: u32,
        /// By its header.
        got: u32,
    },
    /// The segment begins with another record than the one before leads to.
    First {
        /// The record that comes next.
        expected: u64,
        /// The one it begins with.
        got: u64,
    },
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Short(bytes) => write!(f, "it ends after {bytes} of its 512 bytes"),
            Self::Zeros => f.write_str("it is all zeros"),
            Self::Magic => f.write_str("it does not begin as a block of a journal does"),
            Self::Crc { stored, computed } => write!(
                f,
                "its CRC-32C should be {stored:08x} and its bytes give {computed:08x}"
            ),
            Self::Sequence { expected, got } => {
                write!(
                    f,
                    "record {expected} belongs here, and record {got} is here"
                )
            }
            Self::Chain => f.write_str("it does not follow on the record before: its hash differs"),
            Self::Kind { kind, version } => write!(
                f,
                "it is of kind {kind}, version {version}, which this build does not know"
            ),
            Self::Payload => f.write_str("its payload cannot be read"),
            Self::Version(found) => write!(
                f,
                "it is of format version {found}, and this build reads version {VERSION}"
            ),
            Self::Number { expected, got } => {
                write!(
                    f,
                    "its name says segment {expected}, its header segment {got}"
                )
            }
            Self::First { expected, got } => {
                write!(
                    f,
                    "it begins with record {got}, and record {expected} is next"
                )
            }
        }
    }
}

/// Why a journal cannot be read or written.
#[derive(Debug)]
pub enum JournalError {
    /// The operating system refused.
    Io {
        /// What was attempted, as in "cannot write to".
        doing: &'static str,
        /// On which file or directory.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Another process writes this journal.
    Locked {
        /// The lock's file.
        path: PathBuf,
        /// Its process, if it has said so.
        pid: Option<u32>,
    },
    /// Damage that no torn write explains.
    Damaged {
        /// The segment.
        path: PathBuf,
        /// Where the block begins, in bytes.
        offset: u64,
        /// The record that belongs there; in a segment's header, its first.
        sequence: u64,
        /// What is wrong with it.
        damage: Damage,
    },
    /// A segment is not there, and later ones are.
    Missing {
        /// The segment.
        path: PathBuf,
    },
    /// There is no journal there.
    None {
        /// The directory.
        path: PathBuf,
    },
    /// The journal has failed before and was not mended, so nothing may be acted on.
    Halted {
        /// The segment that failed.
        path: PathBuf,
        /// How.
        fault: String,
    },
    /// The journal has failed, and there is no room to keep more in memory.
    Full {
        /// The segment that failed.
        path: PathBuf,
        /// How many records wait.
        records: usize,
    },
}

impl JournalError {
    pub(super) fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io {
            doing,
            path,
            source,
        }
    }

    /// Where: a file, with the byte if there is one.
    #[must_use]
    pub fn place(&self) -> String {
        match self {
            Self::Damaged { path, offset, .. } => format!("{}: byte {offset}", path.display()),
            Self::Io { path, .. }
            | Self::Locked { path, .. }
            | Self::Missing { path }
            | Self::None { path }
            | Self::Halted { path, .. }
            | Self::Full { path, .. } => path.display().to_string(),
        }
    }

    /// What is wrong, in lower case and without a final period.
    #[must_use]
    pub fn cause(&self) -> String {
        match self {
            Self::Io { doing, source, .. } => format!("cannot {doing} it: {source}"),
            Self::Locked { pid: Some(pid), .. } => {
                format!("process {pid} is writing this journal")
            }
            Self::Locked { pid: None, .. } => "another process is writing this journal".to_owned(),
            Self::Damaged {
                offset: 0, damage, ..
            } => format!("the segment's header is wrong: {damage}"),
            Self::Damaged {
                sequence, damage, ..
            } => format!("record {sequence} is damaged: {damage}"),
            Self::Missing { .. } => "the segment is missing, and later ones are there".to_owned(),
            Self::None { .. } => "there is no journal here".to_owned(),
            Self::Halted { fault, .. } => {
                format!("the journal is halted, so nothing new may be sent: {fault}")
            }
            Self::Full { records, .. } => {
                format!(
                    "the journal is halted, and memory has no room beyond the {} that wait",
                    counted(*records, "record")
                )
            }
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn next(&self) -> &'static str {
        match self {
            Self::Io { .. } => "check that the disk is there, writable and not full",
            Self::Locked { .. } => {
                "stop the other process, or give this one a journal directory of its own"
            }
            Self::Damaged {
                damage: Damage::Version(_) | Damage::Kind { .. },
                ..
            } => {
                "dump it with the build that wrote it (undertow journal dump DIR --json), then \
                 begin a new directory and let the broker's positions and orders be carried into it"
            }
            Self::Damaged { .. } => {
                "keep the file as evidence and restore the directory from a copy; without one \
                 begin a new directory and carry positions and orders in from the broker"
            }
            Self::Missing { .. } => "restore it from a copy; nothing after it can be trusted",
            Self::None { .. } => "name the directory that holds journal-000001.utj",
            Self::Halted { .. } | Self::Full { .. } => {
                "mend the disk; the journal goes on in a new segment once the old one agrees"
            }
        }
    }
}

impl fmt::Display for JournalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; {}", self.place(), self.cause(), self.next())
    }
}

impl std::error::Error for JournalError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}
