//! How far a book is to be believed, and why.
//!
//! A book is *good* when nothing speaks against it. What speaks against it:
//!
//! * *stale*: the feed was lost. *Suspect*: evidence that the book is wrong. Both last until the
//!   book has been cleared and a snapshot is complete, or both sides were replaced.
//! * *crossed*: the last event left bid ≥ offer. An auction does that, so it lasts only while it
//!   does; when the venue says that it is trading, and it goes on, it becomes *suspect*.
//! * *late*: an event has been open for too long. It lasts until the event ends.
//! * *pending*: the content is not complete yet; see [`Phase`].
//! * *settling*: pending because its beginning was not seen, and nothing more. Records are applied
//!   as to a good book, only the ends of events are counted.

use super::limits::{BookCounters, Thresholds};
use crate::event::Trust;
use crate::types::Nanos;

const STALE: u8 = 1;
const SUSPECT: u8 = 2;
const CROSSED: u8 = 4;
const LATE: u8 = 8;
const PENDING: u8 = 16;

/// No doubt, but a reason for care: the book's clocks do not show what its last record shows, or
/// no two sound times yet.
const APART: u8 = 128;

/// No doubt, but a reason for care: a record of a snapshot has come since the last LAST, and it
/// opens no event.
const UNENDED: u8 = 64;

/// What is no doubt.
const CARES: u8 = APART | UNENDED;

/// What the end of an event must look at: that the event was open, and that the book is settling.
const OPEN: u8 = 1;
const SETTLING: u8 = 2;

/// Both sides replaced since the last evidence.
const BOTH_SIDES: u8 = 3;

/// On the way to a complete book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Complete as far as anyone can tell.
    Complete,
    /// The beginning was not seen: complete when enough live events have met no unknown order.
    Joined,
    /// Emptied by the venue: complete at the end of the event.
    Cleared,
    /// Emptied while suspect or stale: waits for a snapshot.
    Awaiting,
    /// A snapshot comes in: complete at its end, which is LAST on a snapshot record. Where the
    /// end is not marked, complete as [`Phase::Joined`].
    Snapshot,
}

/// What is held against one book: all that most records need to know.
#[derive(Clone, Copy, Debug)]
pub(super) struct Doubts {
    /// Event time at the first record of the event that is open.
    open_since: Nanos,
    /// Live records of the event that is open.
    open_records: u32,
    /// Zero when the book is good or settling, and there is no reason for care.
    bits: u8,
    /// Zero when the event is one record, and the book is not settling.
    ends: u8,
    phase: Phase,
    /// Sides replaced as a whole since the last evidence.
    replaced: u8,
}

/// What is counted and remembered until it is a doubt, or none any more.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Evidence {
    /// Whether the venue says that it is trading.
    is_trading: bool,
    /// Live events without an unknown order, in a pending phase.
    settled_events: u32,
    /// Events in a row that ended locked or crossed while trading.
    crossed_events: u32,
    /// Unknown cancels in the present window.
    unknown_cancels: u32,
    /// The number of the record that opened the window.
    window_start: u64,
}

impl Evidence {
    pub(super) const fn set_trading(&mut self, is_trading: bool) {
        self.is_trading = is_trading;
        self.crossed_events = 0;
    }

    pub(super) const fn unknown_modify(&mut self) {
        self.settled_events = 0;
    }
}

impl Doubts {
    /// Of a book that no record has reached.
    pub(super) const fn new() -> Self {
        Self {
            open_since: Nanos(0),
            open_records: 0,
            bits: APART,
            ends: SETTLING,
            phase: Phase::Joined,
            replaced: 0,
        }
    }

    /// The sum of it.
    #[inline(always)]
    pub(super) const fn trust(&self) -> Trust {
        if self.bits & !CARES | self.ends & SETTLING == 0 {
            return Trust::Good;
        }
        if self.bits & STALE != 0 {
            return Trust::Stale;
        }
        if self.bits & (SUSPECT | CROSSED | LATE) != 0 {
            return Trust::MaybeBad;
        }
        Trust::Recovering
    }

    /// Zero when the book is good or settling, its clocks are those of its last record, and no
    /// record of a snapshot waits for LAST.
    #[inline(always)]
    pub(super) const fn bits(&self) -> u8 {
        self.bits
    }

    /// Whether orders cancelled now must be remembered against the snapshot.
    #[inline(always)]
    pub(super) const fn awaits_snapshot(&self) -> bool {
        matches!(self.phase, Phase::Awaiting | Phase::Snapshot)
    }

    /// Whether an event is open.
    pub(super) const fn is_open(&self) -> bool {
        self.ends & OPEN != 0
    }

    /// Whether the end of an event is no more than the touch: it is one record, and the book is
    /// not settling.
    #[inline(always)]
    pub(super) const fn ends_plainly(&self) -> bool {
        self.ends == 0
    }

    pub(super) const fn suspect(&mut self) {
        self.bits |= SUSPECT;
        self.replaced = 0;
    }

    pub(super) const fn stale(&mut self) {
        self.bits |= STALE;
        self.replaced = 0;
    }

    /// A replay without a hole has brought the book up to date after a reconnect.
    pub(super) const fn replayed(&mut self) {
        self.bits &= !STALE;
    }

    /// Whether the book's clocks are kept apart from its last record.
    pub(super) const fn are_clocks_apart(&self) -> bool {
        self.bits & APART != 0
    }

    pub(super) const fn set_clocks_apart(&mut self, are_apart: bool) {
        self.bits = self.bits & !APART | if are_apart { APART } else { 0 };
    }

    pub(super) const fn replaced(&mut self, side: usize) {
        self.replaced |= 1 << side;
    }

    /// The book was emptied by a Clear, of the venue or of a snapshot.
    pub(super) fn clear(&mut self, evidence: &mut Evidence, from_snapshot: bool) {
        let was_doubted = self.bits & (STALE | SUSPECT) != 0 || self.phase == Phase::Awaiting;
        self.bits &= !(STALE | SUSPECT);
        let phase = match (from_snapshot, was_doubted) {
            (true, _) => Phase::Snapshot,
            (false, true) => Phase::Awaiting,
            (false, false) => Phase::Cleared,
        };
        self.enter(evidence, phase);
    }

    /// A record of a snapshot came. Into an empty book it is as good as with a Clear before it.
    pub(super) fn begin_snapshot(&mut self, evidence: &mut Evidence, is_empty: bool) {
        if self.phase != Phase::Snapshot && is_empty {
            self.bits &= !(STALE | SUSPECT);
        }
        self.enter(evidence, Phase::Snapshot);
        self.replaced = 0;
    }

    /// Many of these in a short time mean that we miss records.
    pub(super) fn unknown_cancel(
        &mut self,
        evidence: &mut Evidence,
        record: u64,
        thresholds: &Thresholds,
    ) {
        evidence.settled_events = 0;
        if self.phase != Phase::Complete {
            // What is not complete yet is bound to miss orders.
            return;
        }
        if record - evidence.window_start >= u64::from(thresholds.unknown_window_records) {
            evidence.window_start = record;
            evidence.unknown_cancels = 0;
        }
        evidence.unknown_cancels += 1;
        if evidence.unknown_cancels > thresholds.unknown_cancels_max {
            self.suspect();
        }
    }

    /// A live record without LAST.
    #[inline(always)]
    pub(super) fn keep_open(
        &mut self,
        now: Nanos,
        thresholds: &Thresholds,
        counters: &mut BookCounters,
    ) {
        if self.open_records == 0 {
            self.open_since = now;
        }
        self.open_records = self.open_records.saturating_add(1);
        self.ends |= OPEN;
        let open_ns = now.0.saturating_sub(self.open_since.0);
        let is_late = self.open_records > thresholds.last_missing_records_max
            || open_ns > thresholds.last_missing_ns_max;
        if is_late && self.bits & LATE == 0 {
            self.bits |= LATE;
            counters.last_missing += 1;
        }
    }

    /// Whether an order of a snapshot would change nothing here: one has come, it was not the last,
    /// and nothing else is in doubt.
    #[inline(always)]
    pub(super) fn are_of_a_snapshot_under_way(&self, evidence: &Evidence) -> bool {
        self.bits == PENDING | APART | UNENDED
            && self.phase == Phase::Snapshot
            && self.replaced == 0
            && evidence.settled_events == 0
    }

    /// A record of a snapshot came, without LAST.
    pub(super) const fn wait_for_last(&mut self) {
        self.bits |= UNENDED;
    }

    /// LAST came.
    #[inline(always)]
    pub(super) const fn end_event(&mut self) {
        self.open_records = 0;
        self.ends &= !OPEN;
        self.bits &= !UNENDED;
    }

    /// Weighs the evidence at the end of an event.
    pub(super) fn weigh(
        &mut self,
        evidence: &mut Evidence,
        is_uncrossed: bool,
        from_snapshot: bool,
        thresholds: &Thresholds,
    ) {
        self.bits &= !(LATE | CROSSED);
        if is_uncrossed {
            evidence.crossed_events = 0;
        } else {
            self.bits |= CROSSED;
            evidence.crossed_events += u32::from(evidence.is_trading);
            if evidence.crossed_events > thresholds.crossed_events_max {
                self.suspect();
            }
        }
        if self.replaced == BOTH_SIDES {
            self.bits &= !(STALE | SUSPECT);
            self.enter(evidence, Phase::Complete);
        }
        match self.phase {
            Phase::Complete | Phase::Awaiting => {}
            Phase::Cleared => self.enter(evidence, Phase::Complete),
            Phase::Snapshot if from_snapshot => self.enter(evidence, Phase::Complete),
            Phase::Joined | Phase::Snapshot => {
                evidence.settled_events += 1;
                if evidence.settled_events >= thresholds.settle_events {
                    self.enter(evidence, Phase::Complete);
                }
            }
        }
    }

    fn enter(&mut self, evidence: &mut Evidence, phase: Phase) {
        self.phase = phase;
        evidence.settled_events = 0;
        self.bits &= !PENDING;
        self.ends &= !SETTLING;
        match phase {
            Phase::Complete => {}
            Phase::Joined => self.ends |= SETTLING,
            Phase::Cleared | Phase::Awaiting | Phase::Snapshot => self.bits |= PENDING,
        }
    }
}
