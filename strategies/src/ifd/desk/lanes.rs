//! Windows of every option in three widths, and their closing.
//!
//! A lane is one width. Its windows stand in slots, numbered by time over width. A slot takes
//! trades until `grace` after its end; then it is closed, exactly once, and what comes later is
//! late. Since the grace is no longer than a width, at most two slots take trades at a time,
//! and two cells an option suffice. Which options traded in a slot stands in a bit set, so that
//! closing costs what has traded, in the order of the options.

use alloc::boxed::Box;

use undertow_core::types::{Nanos, Price, Side};

use super::laid_out;
use super::points::Point;
use crate::ifd::pressure::Tally;

/// A minute, ns.
pub(super) const MINUTE_NS: u64 = 60_000_000_000;
/// How long after its end a window takes late trades, ns.
pub const GRACE_NS: u64 = 30_000_000_000;

/// Widths of the windows, in minutes, ascending. Signals come of the middle one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Widths(pub(super) [u64; 3]);

impl Widths {
    /// 1, 5 and 15 minutes.
    pub const STANDARD: Self = Self([1, 5, 15]);
    /// 1, 3 and 5 minutes.
    pub const HIGH_FREQUENCY: Self = Self([1, 3, 5]);
    /// 5, 15 and 30 minutes.
    pub const INSTITUTIONAL: Self = Self([5, 15, 30]);

    /// In minutes, ascending.
    #[must_use]
    pub const fn minutes(&self) -> [u64; 3] {
        self.0
    }
}

/// The lane that signals come of.
pub(super) const SIGNALS: usize = 1;

/// A trade, as windows see it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Trade {
    pub(super) ts: u64,
    pub(super) price: Price,
    pub(super) size: u32,
    pub(super) side: Side,
    /// Probability that the contract was quoted by a market maker.
    pub(super) making: f64,
    /// What option and underlying cost after it.
    pub(super) point: Option<Point>,
}

/// One option's trades in one slot.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cell {
    pub(super) tally: Tally,
    /// The last that a trade left.
    pub(super) point: Option<Point>,
    /// Milliseconds since the slot's start times size, summed.
    time: u64,
    /// Market-making probability times size, summed.
    making: f64,
    slot: u64,
}

impl Cell {
    fn add(&mut self, trade: &Trade, start: u64) {
        self.tally.add(trade.side, trade.price, trade.size);
        let since_ms = (trade.ts - start) / 1_000_000;
        let time = since_ms.saturating_mul(u64::from(trade.size));
        self.time = self.time.saturating_add(time);
        self.making += trade.making * f64::from(trade.size);
        self.point = trade.point.or(self.point);
    }

    /// Volume-weighted mean time of its trades, ns since the slot's start.
    pub(super) const fn mean_time(&self) -> Option<u64> {
        match self.time.checked_div(self.tally.volume()) {
            Some(ms) => Some(ms.saturating_mul(1_000_000)),
            None => None,
        }
    }

    /// Volume-weighted mean of the market-making probability.
    pub(super) fn making(&self) -> f64 {
        if self.tally.is_empty() {
            return 0.0;
        }
        (self.making / self.tally.volume() as f64).clamp(0.0, 1.0)
    }
}

/// A slot that is being closed.
#[derive(Clone, Copy, Debug)]
struct Closing {
    slot: u64,
    /// First word of the bit set that may have bits left.
    word: usize,
}

/// What a step of closing came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Closed {
    /// One window: the option, and the slot.
    Window { option: u32, slot: u64 },
    /// The last window of this slot was closed before.
    Slot(u64),
}

/// One width.
#[derive(Clone, Debug)]
struct Lane {
    width: u64,
    /// The first slot that still takes trades.
    open: u64,
    closing: Option<Closing>,
    /// Options that traded, by parity of the slot.
    traded: [Box<[u64]>; 2],
    late: u64,
}

impl Lane {
    fn new(minutes: u64, options_max: usize) -> Self {
        let words = || laid_out(options_max.div_ceil(64), 0);
        Self {
            width: minutes * MINUTE_NS,
            open: 0,
            closing: None,
            traded: [words(), words()],
            late: 0,
        }
    }

    /// When the first open slot is to be closed.
    const fn due(&self) -> u64 {
        ((self.open + 1) * self.width).saturating_add(GRACE_NS)
    }

    fn has_traded(&self, slot: u64) -> bool {
        self.traded[slot as usize & 1].iter().any(|word| *word != 0)
    }
}

/// All windows of all options.
#[derive(Clone, Debug)]
pub(super) struct Lanes {
    lanes: [Lane; 3],
    /// By option, lane, and parity of the slot.
    cells: Box<[[[Cell; 2]; 3]]>,
    /// When any lane has something to close next.
    due: u64,
}

impl Lanes {
    pub(super) fn new(widths: Widths, options_max: usize) -> Self {
        let mut lanes = Self {
            lanes: widths.0.map(|minutes| Lane::new(minutes, options_max)),
            cells: laid_out(options_max, [[Cell::default(); 2]; 3]),
            due: 0,
        };
        lanes.note_due();
        lanes
    }

    /// When something is to be closed next.
    #[inline]
    pub(super) const fn due(&self) -> u64 {
        self.due
    }

    /// Trades that came after the grace, by lane.
    pub(super) fn late(&self) -> [u64; 3] {
        [0, 1, 2].map(|lane: usize| self.lanes[lane].late)
    }

    /// Counts a trade in every lane that still takes it. A slot of the same parity that is being
    /// closed must have been finished (see [`Lanes::blocks`]).
    #[inline]
    pub(super) fn add(&mut self, option: u32, trade: &Trade) {
        let Some(cells) = self.cells.get_mut(option as usize) else {
            return;
        };
        for (lane, cells) in self.lanes.iter_mut().zip(cells) {
            let slot = trade.ts / lane.width;
            if slot < lane.open {
                lane.late += 1;
                continue;
            }
            let parity = slot as usize & 1;
            let cell = &mut cells[parity];
            if cell.slot != slot {
                *cell = Cell {
                    slot,
                    ..Cell::default()
                };
            }
            cell.add(trade, slot * lane.width);
            lane.traded[parity][option as usize / 64] |= 1 << (option % 64);
        }
    }

    /// Whether a trade at this time needs the place of a slot that this lane is closing.
    #[inline]
    pub(super) fn blocks(&self, lane: usize, ts: u64) -> bool {
        let lane = &self.lanes[lane];
        lane.closing.is_some_and(|closing| {
            let slot = ts / lane.width;
            slot > closing.slot && (slot - closing.slot).is_multiple_of(2)
        })
    }

    /// What an option traded in a slot, if that slot is kept.
    pub(super) fn cell(&self, lane: usize, option: u32, slot: u64) -> Option<&Cell> {
        let cell = &self.cells.get(option as usize)?[lane][slot as usize & 1];
        (cell.slot == slot && !cell.tally.is_empty()).then_some(cell)
    }

    /// Whether this lane is closing a slot.
    #[inline]
    pub(super) const fn is_closing(&self, lane: usize) -> bool {
        self.lanes[lane].closing.is_some()
    }

    /// Begins to close the next slot of a lane that is due at `now`, or skips those in which
    /// nothing has traded. The slot that was being closed must have been finished.
    pub(super) fn begin(&mut self, lane: usize, now: u64) {
        let lane = &mut self.lanes[lane];
        let slot = lane.open;
        if lane.has_traded(slot) {
            lane.open = slot + 1;
            lane.closing = Some(Closing { slot, word: 0 });
        } else if lane.has_traded(slot + 1) {
            lane.open = slot + 1;
        } else {
            // Nothing beyond the next slot can have traded: skip to the first that is not due.
            lane.open = (now - GRACE_NS) / lane.width;
        }
        self.note_due();
    }

    /// Whether another slot of a lane is due at `now`.
    pub(super) const fn is_due(&self, lane: usize, now: u64) -> bool {
        self.lanes[lane].due() <= now
    }

    /// Closes one window of the slot that a lane is closing; none if it is not.
    pub(super) fn step(&mut self, lane: usize) -> Option<Closed> {
        let lane = &mut self.lanes[lane];
        let closing = lane.closing.as_mut()?;
        let slot = closing.slot;
        let words = &mut lane.traded[slot as usize & 1];
        while let Some(word) = words.get_mut(closing.word) {
            if *word == 0 {
                closing.word += 1;
                continue;
            }
            let option = (closing.word * 64) as u32 + word.trailing_zeros();
            *word &= *word - 1;
            return Some(Closed::Window { option, slot });
        }
        lane.closing = None;
        Some(Closed::Slot(slot))
    }

    /// When a slot of a lane began and when it was closed.
    pub(super) fn span(&self, lane: usize, slot: u64) -> (Nanos, Nanos) {
        let width = self.lanes[lane].width;
        (Nanos(slot * width), Nanos((slot + 1) * width + GRACE_NS))
    }

    fn note_due(&mut self) {
        let due = |lane: &Lane| lane.due();
        self.due = self.lanes.iter().map(due).min().unwrap_or(u64::MAX);
    }
}
