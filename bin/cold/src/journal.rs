//! The journal: what was decided, sent and heard, on the disk before anything is acted on.
//!
//! A directory of segments `journal-000001.utj`. Each is a header block and then records, one to a
//! block of 512 bytes: the sector of every disk, so that a record is written whole or not at all,
//! and a reader that has lost its place finds the next one. Blocks carry a CRC-32C and a hash of
//! the record before, so nothing can be changed, lost, doubled or swapped unseen. Little-endian.
//!
//! [`Writer`] appends, [`Reader`] reads, [`State`] is what the records add up to. Nothing is
//! preallocated: the end of the file is the end of the journal, and what is missing there shows.
//! Absent on purpose: pruning. A run that needs a short journal begins a directory of its own.

mod block;

mod codec;

mod record;

mod error;

mod lock;

mod storage;

mod reader;

mod writer;

mod state;

pub mod show;

pub use block::{BLOCK, Entry, Moment, VERSION};
pub use error::{Damage, JournalError};
pub use lock::Lock;
pub use reader::{Cut, Reader, Scan, Step, segment_name};
pub use record::{
    Adopted, Build, Cancelled, Carried, Delivered, Intended, Lowered, Lowering, Marked, Record,
    Recovered, Refused, Settled, Signalled, Start,
};
pub use state::{Breach, BreachKind, Line, Order, RestoreError, Restored, State, recover};
pub use storage::{Disk, Segment, Storage};
pub use writer::{Flushed, Health, Options, Sync, Writer};
