//! What a session may hold, when a book is doubted, and what went wrong.
//!
//! Everything has a limit and is laid out once, in the caller's arena. A limit that is reached
//! later is counted and quarantines the one instrument concerned; it never grows anything.

use alloc::vec::Vec;
use core::fmt;

use bumpalo::Bump;

use super::directory::Directories;
use super::head::Head;
use super::index::{KeyIndex, OrderIndex};
use super::nodes::Nodes;
use crate::types::PublisherId;

/// The limits of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BookLimits {
    /// Books, one per instrument and publisher. At most 2^24.
    pub instruments_max: u32,
    /// Resting orders of all books together. At most 2^30.
    pub orders_max: u32,
    /// Resting orders of one book, so that one instrument cannot starve the others.
    pub book_orders_max: u32,
    /// Pages of sixteen neighbouring price levels, of all books together. At most 2^26.
    pub pages_max: u32,
    /// Pages of one side of one book. At most 2^16.
    pub side_pages_max: u32,
    /// Whose feeds are expected; records of others are dropped and counted. Empty: everyone's.
    pub publishers: Vec<PublisherId>,
    /// When a book is doubted.
    pub thresholds: Thresholds,
    /// Whether every update carries the depth of the best ten levels.
    pub watches_depth: bool,
}

impl Default for BookLimits {
    /// Room for a full session of futures with their option chains, in some 80 MiB.
    fn default() -> Self {
        Self {
            instruments_max: 1 << 14,
            orders_max: 1 << 19,
            book_orders_max: 1 << 18,
            pages_max: 1 << 16,
            side_pages_max: 1 << 12,
            publishers: Vec::new(),
            thresholds: Thresholds::default(),
            watches_depth: false,
        }
    }
}

impl BookLimits {
    /// Bytes of arena that [`Books::new_in`](super::Books::new_in) takes at most.
    #[must_use]
    pub fn bytes(&self) -> usize {
        // Each of the eight arrays may lose a cache line to alignment.
        let slack = 8 * 64;
        Nodes::bytes(self)
            + OrderIndex::capacity(self.orders_max) * OrderIndex::BUCKET_BYTES
            + Directories::capacity(self) * Directories::ENTRY_BYTES
            + KeyIndex::capacity(self.instruments_max) * KeyIndex::ENTRY_BYTES
            + self.instruments_max as usize * (size_of::<Head>() + Directories::BOOK_BYTES)
            + self.publishers.len() * size_of::<PublisherId>()
            + slack
    }

    /// Whether the limits themselves are sound.
    pub(super) fn check(&self) -> Result<(), LimitError> {
        let ranges = [
            ("instruments_max", self.instruments_max, 1 << 24),
            ("orders_max", self.orders_max, 1 << 30),
            ("book_orders_max", self.book_orders_max, u32::MAX),
            ("pages_max", self.pages_max, 1 << 26),
            ("side_pages_max", self.side_pages_max, 1 << 16),
        ];
        for (name, value, max) in ranges {
            if value == 0 || value > max {
                return Err(LimitError::OutOfRange { name, value, max });
            }
        }
        Ok(())
    }
}

/// When a book is doubted, and when it is believed again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thresholds {
    /// More cancels of unknown orders than this, within [`Self::unknown_window_records`] of one
    /// book, are evidence of a gap.
    pub unknown_cancels_max: u32,
    /// The window for it, in records of that book.
    pub unknown_window_records: u32,
    /// An event that is open for more live records than this is doubted.
    pub last_missing_records_max: u32,
    /// An event that is open for longer than this is doubted: ns of event time.
    pub last_missing_ns_max: u64,
    /// More consecutive events than this that end locked or crossed, while the venue says that
    /// it is trading, are evidence that the book is wrong.
    pub crossed_events_max: u32,
    /// A book whose beginning was not seen, or whose snapshot's end was not marked, is believed
    /// after this many complete live events without an unknown order.
    pub settle_events: u32,
    /// A `ts_in_delta` below zero or above this is counted as absurd: ns.
    pub in_delta_ns_max: i32,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            unknown_cancels_max: 16,
            unknown_window_records: 4_096,
            last_missing_records_max: 4_096,
            last_missing_ns_max: 5_000_000_000,
            crossed_events_max: 64,
            settle_events: 64,
            in_delta_ns_max: 1_000_000_000,
        }
    }
}

/// Why the books could not be laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitError {
    /// A limit is zero or too large.
    OutOfRange {
        /// Which limit.
        name: &'static str,
        /// What was asked.
        value: u32,
        /// The most that can be had.
        max: u32,
    },
    /// The arena has no room.
    NoMemory {
        /// Bytes of the array that did not fit.
        bytes: usize,
    },
}

impl fmt::Display for LimitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OutOfRange { name, value, max } => write!(
                f,
                "books: {name} is {value}, but must be between 1 and {max}; change it in the config"
            ),
            Self::NoMemory { bytes } => write!(
                f,
                "books: no memory for {bytes} bytes; lower orders_max, pages_max or instruments_max"
            ),
        }
    }
}

impl core::error::Error for LimitError {}

/// A slice of the arena, written all through, so that its pages are there before the first
/// message.
pub(super) fn filled<T: Copy>(bump: &Bump, len: usize, value: T) -> Result<&mut [T], LimitError> {
    bump.try_alloc_slice_fill_copy(len, value)
        .map_err(|_| LimitError::NoMemory {
            bytes: len.saturating_mul(size_of::<T>()),
        })
}

/// What a book met: records and faults. Sums over books by [`Self::add`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BookCounters {
    /// Records applied or refused.
    pub records: u64,
    /// Cancels of an order that the book does not have.
    pub unknown_cancel: u64,
    /// Modifies of an order that the book does not have, taken as adds.
    pub unknown_modify: u64,
    /// Adds of an order that the book has already; the old one was replaced.
    pub duplicate_add: u64,
    /// Cancels of more than the order had; it was removed.
    pub oversize_cancel: u64,
    /// Adds or cancels of nothing, refused, and modifies to nothing, taken as cancels.
    pub zero_size: u64,
    /// Adds and modifies without a price, refused.
    pub undefined_price: u64,
    /// Adds without a side, refused.
    pub missing_side: u64,
    /// Snapshot records that a later live record had overtaken, ignored.
    pub superseded: u64,
    /// Complete events that left the bid above the offer.
    pub crossed: u64,
    /// Complete events that left bid and offer at one price.
    pub locked: u64,
    /// Events that stayed open beyond the limit.
    pub last_missing: u64,
    /// Orders refused because a pool was exhausted.
    pub pool_exhausted: u64,
    /// Records flagged `MAYBE_BAD_BOOK`.
    pub maybe_bad: u64,
    /// Live records whose `sequence` went backwards.
    pub sequence_backwards: u64,
    /// Live records whose `ts_event` or `ts_recv` went backwards.
    pub time_backwards: u64,
    /// Live records with no `ts_event`, or no `ts_recv` that is not flagged bad.
    pub undefined_time: u64,
    /// Live records whose `ts_in_delta` is negative or huge.
    pub absurd_delta: u64,
    /// Records that the decoder could not understand.
    pub suspect: u64,
    /// Definitions that gave the id to another contract; the book was emptied.
    pub redefined: u64,
    /// Records of publishers that are not expected, dropped. Known in total only.
    pub foreign_publisher: u64,
    /// Records of instruments beyond `instruments_max`, dropped. Known in total only.
    pub beyond_instruments: u64,
}

impl BookCounters {
    /// Adds another book's counters to these.
    pub fn add(&mut self, other: &Self) {
        for ((_, sum), (_, count)) in self.cells().into_iter().zip(other.named()) {
            *sum += count;
        }
    }

    /// Every counter with its name, in the order of the fields.
    #[must_use]
    pub fn named(mut self) -> [(&'static str, u64); 22] {
        self.cells().map(|(name, count)| (name, *count))
    }

    fn cells(&mut self) -> [(&'static str, &mut u64); 22] {
        [
            ("records", &mut self.records),
            ("unknown_cancel", &mut self.unknown_cancel),
            ("unknown_modify", &mut self.unknown_modify),
            ("duplicate_add", &mut self.duplicate_add),
            ("oversize_cancel", &mut self.oversize_cancel),
            ("zero_size", &mut self.zero_size),
            ("undefined_price", &mut self.undefined_price),
            ("missing_side", &mut self.missing_side),
            ("superseded", &mut self.superseded),
            ("crossed", &mut self.crossed),
            ("locked", &mut self.locked),
            ("last_missing", &mut self.last_missing),
            ("pool_exhausted", &mut self.pool_exhausted),
            ("maybe_bad", &mut self.maybe_bad),
            ("sequence_backwards", &mut self.sequence_backwards),
            ("time_backwards", &mut self.time_backwards),
            ("undefined_time", &mut self.undefined_time),
            ("absurd_delta", &mut self.absurd_delta),
            ("suspect", &mut self.suspect),
            ("redefined", &mut self.redefined),
            ("foreign_publisher", &mut self.foreign_publisher),
            ("beyond_instruments", &mut self.beyond_instruments),
        ]
    }
}

const _: () = assert!(
    size_of::<BookCounters>() == 22 * 8,
    "every counter is in `cells`"
);
