//! Hidden orders (A9): a score from trades alone, and the exact tests that order-by-order data allow.
//!
//! [`HiddenScore`] looks at the last 50 trades. [`Refills`] keeps accounts of each event: what was
//! filled at a price, and what is displayed there after it, less what had been displayed, came from
//! behind the display. That finds orders
//! that the venue refills under their id (CME: a Modify right after the Fill) and fills beyond
//! the displayed size. Orders that their owner refills show as chains of equal new orders, each
//! right after the last one was filled whole (Zotikov and Antonov, "CME Iceberg Order Detection
//! and Prediction", 2019; there the next follows within 0.3 s).

use undertow_core::event::{BookUpdate, Depth, Effect, Mbo, Touch};
use undertow_core::types::{Action, Flags, Nanos, OrderId, Price, Side};

use super::window::Window;

/// Trades that the score looks at.
const TRADES: usize = 50;

/// Trades whose volume is set against the display.
const VOLUME_TRADES: usize = 20;

/// Trades at one price that look like an iceberg's.
const RUN_MIN: u8 = 5;

/// From above this score hidden orders are likely.
pub const LIKELY_ABOVE: f64 = 0.5;

/// .4·min(outside/10, 1) + .4·min(runs/3, 1) + .2·[mismatch > 2], in [0, 1].
#[must_use]
pub fn score(outside: u32, runs: u32, mismatch: Option<f64>) -> f64 {
    let share = |count: u32, full: f64| (f64::from(count) / full).min(1.0);
    let excess = if mismatch.is_some_and(|ratio| ratio > 2.0) {
        0.2
    } else {
        0.0
    };
    0.4 * share(outside, 10.0) + 0.4 * share(runs, 3.0) + excess
}

/// Traded volume over displayed size; none without display.
#[must_use]
pub fn mismatch(volume: u64, displayed: u64) -> Option<f64> {
    (displayed > 0).then(|| volume as f64 / displayed as f64)
}

/// The score of one instrument's last trades.
#[derive(Clone, Debug)]
pub struct HiddenScore {
    /// Whether each trade was outside of its quote.
    outside: Window<bool>,
    outside_count: u32,
    /// Lengths of the runs at one price that the window holds.
    runs: Window<u8>,
    run_count: u32,
    last: Price,
    sizes: Window<u64>,
    volume: u64,
}

impl HiddenScore {
    /// Over no trades.
    #[must_use]
    pub fn new() -> Self {
        Self {
            outside: Window::new(TRADES),
            outside_count: 0,
            runs: Window::new(TRADES),
            run_count: 0,
            last: Price::UNDEFINED,
            sizes: Window::new(VOLUME_TRADES),
            volume: 0,
        }
    }

    /// Forgets everything.
    pub fn restart(&mut self) {
        self.outside.clear();
        self.runs.clear();
        self.sizes.clear();
        (self.outside_count, self.run_count, self.volume) = (0, 0, 0);
        self.last = Price::UNDEFINED;
    }

    /// Adds a trade with the quote in force just before it.
    pub fn trade(&mut self, price: Price, size: u64, quote: &Touch) {
        let is_outside = is_outside(price, quote);
        let is_full = self.outside.is_full();
        let gone = self.outside.push(is_outside).unwrap_or(false);
        self.outside_count += u32::from(is_outside);
        self.outside_count -= u32::from(gone);
        if is_full {
            self.shorten();
        }
        self.lengthen(price);
        // A size that no market has must not overflow the sum of twenty.
        let size = size.min(u64::MAX / 64);
        let gone = self.sizes.push(size).unwrap_or(0);
        self.volume = self.volume + size - gone;
    }

    /// Trades strictly more than 0.1 % outside of their quote.
    #[must_use]
    pub const fn outside(&self) -> u32 {
        self.outside_count
    }

    /// Runs of at least five trades at one price.
    #[must_use]
    pub const fn runs(&self) -> u32 {
        self.run_count
    }

    /// The score before a book of this depth; none before the first trade.
    #[must_use]
    pub fn score(&self, depth: &Depth) -> Option<f64> {
        let displayed = depth.sum5[0].saturating_add(depth.sum5[1]);
        let mismatch = mismatch(self.volume, displayed);
        (!self.outside.is_empty()).then(|| score(self.outside_count, self.run_count, mismatch))
    }

    /// The oldest trade leaves the oldest run.
    fn shorten(&mut self) {
        let Some(oldest) = self.runs.len().checked_sub(1) else {
            return;
        };
        if let Some(len) = self.runs.back_mut(oldest) {
            self.run_count -= u32::from(*len == RUN_MIN);
            *len -= 1;
            if *len == 0 {
                self.runs.pop();
            }
        }
    }

    /// The newest trade goes on with the newest run, or begins one.
    fn lengthen(&mut self, price: Price) {
        let is_same = core::mem::replace(&mut self.last, price) == price;
        match self.runs.back_mut(0) {
            Some(len) if is_same => {
                *len += 1;
                self.run_count += u32::from(*len == RUN_MIN);
            }
            _ => {
                self.runs.push(1);
            }
        }
    }
}

impl Default for HiddenScore {
    fn default() -> Self {
        Self::new()
    }
}

fn is_outside(price: Price, quote: &Touch) -> bool {
    let beyond = |edge: Price, away: i128| away * 1_000 > i128::from(edge.0).abs();
    let (price, bid, ask) = (
        i128::from(price.0),
        i128::from(quote.bid.0),
        i128::from(quote.ask.0),
    );
    quote.is_two_sided() && (beyond(quote.ask, price - ask) || beyond(quote.bid, bid - price))
}

/// Prices of one event whose fills are kept account of.
const LEVELS_MAX: usize = 16;

/// Orders that are watched for being followed by their like.
const SLICES_MAX: usize = 8;

/// What was found so far, since the session's start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct HiddenCounts {
    /// Icebergs: orders that the venue refilled, and chains of refills by their owner.
    pub icebergs: u32,
    /// Refills by the venue.
    pub refills: u32,
    /// Refills by their owner: a new order of equal size, right after the last was filled.
    pub slices: u32,
    /// Size that came from behind the display: filled at once, or displayed after a fill.
    pub hidden_size: u64,
}

/// Where an iceberg was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Iceberg {
    /// Its side.
    pub side: Side,
    /// Its price.
    pub price: Price,
}

/// One price of the open event.
#[derive(Clone, Copy, Debug)]
struct Level {
    side: Side,
    price: Price,
    /// Displayed before the first fill, and after the last record.
    before: u64,
    now: u64,
    filled: u64,
    added: u64,
    /// Modifies that took no size off the display.
    requeues: u32,
    /// The order that was modified last.
    modified: OrderId,
    /// Whether the book has said what became of the fills.
    is_settled: bool,
}

/// An order that may be one slice of a larger one.
#[derive(Clone, Copy, Debug)]
struct Slice {
    order_id: OrderId,
    side: Side,
    price: Price,
    size: u32,
    refills: u32,
    /// When it was filled whole; 0 while it rests.
    done: Nanos,
}

/// Keeps account of the fills of one instrument.
#[derive(Clone, Debug)]
pub struct Refills {
    window: u64,
    iceberg_refills: u32,
    slice_size_min: u32,
    counts: HiddenCounts,
    /// The latest found.
    iceberg: Option<Iceberg>,
    levels: [Level; LEVELS_MAX],
    level_count: usize,
    aggressor: OrderId,
    /// Whether the last trade was an auction's.
    is_auction: bool,
    slices: [Slice; SLICES_MAX],
    /// Until then a new order may be the next slice of one that was filled.
    awaits_until: Nanos,
    /// Orders found refilled last, so that each counts once.
    refilled: [OrderId; SLICES_MAX],
    refilled_next: usize,
}

impl Refills {
    /// A chain is an iceberg from `iceberg_refills` refills on, each within `window` after the
    /// fill; orders smaller than `slice_size_min` are too common to be told apart.
    #[must_use]
    pub const fn new(window: Nanos, iceberg_refills: u32, slice_size_min: u32) -> Self {
        Self {
            window: window.0,
            iceberg_refills,
            slice_size_min,
            counts: HiddenCounts {
                icebergs: 0,
                refills: 0,
                slices: 0,
                hidden_size: 0,
            },
            iceberg: None,
            levels: [Level::NONE; LEVELS_MAX],
            level_count: 0,
            aggressor: OrderId(0),
            is_auction: false,
            slices: [Slice::NONE; SLICES_MAX],
            awaits_until: Nanos(0),
            refilled: [OrderId(0); SLICES_MAX],
            refilled_next: 0,
        }
    }

    /// Whether a record that is no trade can mean anything here. Hardly any does while nothing has
    /// been filled.
    #[inline(always)]
    #[must_use]
    pub(super) fn concerns(&self, mbo: &Mbo) -> bool {
        let is_open = self.level_count > 0 || mbo.action == Action::Fill;
        // Most orders are smaller than any slice.
        is_open
            || ({ mbo.ts_event } <= self.awaits_until
                && mbo.action == Action::Add
                && self.is_slice(mbo))
    }

    /// Takes in a record that is neither a trade nor the end of anything; `now` is its time.
    #[inline]
    pub fn observe(&mut self, update: &BookUpdate, now: Nanos) {
        match update.mbo.action {
            Action::Fill => self.fill(update),
            Action::Add if self.level_count > 0 => self.add(update, now),
            Action::Add if now <= self.awaits_until && self.is_slice(&update.mbo) => {
                self.add(update, now);
            }
            Action::Cancel | Action::Modify if self.level_count > 0 => self.change(update, now),
            _ => {}
        }
    }

    /// A trade: its aggressor's own fills are no resting order's. One without an aggressor is an
    /// auction's, which fills orders at a price that is not their own.
    #[inline]
    pub const fn trade(&mut self, mbo: &Mbo) {
        self.aggressor = mbo.order_id;
        self.is_auction = matches!(mbo.side, Side::None);
    }

    /// Ends the event and settles its accounts.
    #[inline]
    pub fn end_event(&mut self) {
        if self.level_count > 0 {
            self.settle();
        }
    }

    /// Whether the open event has fills whose accounts are to be settled.
    #[inline]
    #[must_use]
    pub(super) const fn is_open(&self) -> bool {
        self.level_count > 0
    }

    /// What was found.
    #[must_use]
    pub const fn counts(&self) -> HiddenCounts {
        self.counts
    }

    /// The latest iceberg found this session.
    #[must_use]
    pub const fn iceberg(&self) -> Option<Iceberg> {
        self.iceberg
    }

    /// Counts from zero: a session starts.
    pub const fn start_session(&mut self) {
        *self = Self::new(
            Nanos(self.window),
            self.iceberg_refills,
            self.slice_size_min,
        );
    }

    fn fill(&mut self, update: &BookUpdate) {
        let mbo = &update.mbo;
        let order_id = mbo.order_id;
        let is_aggressor = order_id == self.aggressor && order_id != OrderId(0);
        if is_aggressor || self.is_auction || mbo.side == Side::None {
            return;
        }
        if self.level(mbo).is_none() && self.level_count < LEVELS_MAX {
            self.levels[self.level_count] = Level {
                side: mbo.side,
                price: mbo.price,
                before: update.level_size,
                now: update.level_size,
                ..Level::NONE
            };
            self.level_count += 1;
        }
        if let Some(level) = self.level(mbo) {
            level.filled += u64::from(mbo.size);
        }
    }

    /// A cancel or modify in an event that has fills.
    fn change(&mut self, update: &BookUpdate, now: Nanos) {
        let mbo = &update.mbo;
        let Some(level) = self.level(mbo) else { return };
        level.now = update.level_size;
        level.is_settled = true;
        match update.effect {
            Effect::Removed => self.complete(mbo, now),
            Effect::None | Effect::Requeued => {
                level.requeues += 1;
                level.modified = mbo.order_id;
            }
            _ => level.modified = mbo.order_id,
        }
    }

    fn add(&mut self, update: &BookUpdate, now: Nanos) {
        if update.effect != Effect::Added || update.mbo.flags.has(Flags::SNAPSHOT) {
            return;
        }
        if let Some(level) = self.level(&update.mbo) {
            level.now = update.level_size;
            level.added += u64::from(update.mbo.size);
        }
        if now <= self.awaits_until {
            self.follow(&update.mbo, now);
        }
    }

    /// Whether an order is large enough to be told apart.
    const fn is_slice(&self, mbo: &Mbo) -> bool {
        mbo.size >= self.slice_size_min
    }

    /// An order has been filled whole: its like may follow.
    fn complete(&mut self, mbo: &Mbo, now: Nanos) {
        let order_id = mbo.order_id;
        let known = self
            .slices
            .iter_mut()
            .find(|slice| slice.order_id == order_id);
        if let Some(slice) = known {
            slice.done = now;
        } else if self.is_slice(mbo) {
            // The shortest chain gives way, among equals the oldest fill.
            let place = |slice: &&mut Slice| (slice.refills, slice.done);
            if let Some(slice) = self.slices.iter_mut().min_by_key(place) {
                *slice = Slice {
                    order_id: mbo.order_id,
                    side: mbo.side,
                    price: mbo.price,
                    size: mbo.size,
                    refills: 0,
                    done: now,
                };
            }
        } else {
            return;
        }
        self.awaits_until = Nanos(now.0.saturating_add(self.window));
    }

    /// A new order: the next slice of one that was filled?
    fn follow(&mut self, mbo: &Mbo, now: Nanos) {
        let window = self.window;
        let follows = |slice: &&mut Slice| {
            let wanted = (slice.side, slice.price, slice.size);
            slice.done.0 > 0
                && wanted == (mbo.side, mbo.price, mbo.size)
                && now.0.saturating_sub(slice.done.0) <= window
        };
        let Some(slice) = self.slices.iter_mut().find(follows) else {
            return;
        };
        slice.order_id = mbo.order_id;
        slice.done = Nanos(0);
        slice.refills += 1;
        self.counts.slices += 1;
        if slice.refills == self.iceberg_refills {
            self.counts.icebergs += 1;
            self.iceberg = Some(Iceberg {
                side: slice.side,
                price: slice.price,
            });
        }
    }

    #[cold]
    fn settle(&mut self) {
        for place in 0..self.level_count {
            let level = self.levels[place];
            let known = level.before + level.added;
            let revealed = (level.filled + level.now).saturating_sub(known);
            if !level.is_settled || revealed == 0 {
                continue;
            }
            self.counts.hidden_size += revealed;
            if level.modified != OrderId(0) {
                self.counts.refills += level.requeues.max(1);
                self.note_refilled(&level);
            }
        }
        self.level_count = 0;
    }

    fn note_refilled(&mut self, level: &Level) {
        if !self.refilled.contains(&level.modified) {
            self.counts.icebergs += 1;
            self.iceberg = Some(Iceberg {
                side: level.side,
                price: level.price,
            });
            self.refilled[self.refilled_next] = level.modified;
            self.refilled_next = (self.refilled_next + 1) % SLICES_MAX;
        }
    }

    /// The account of a record's side and price, the latest first.
    fn level(&mut self, mbo: &Mbo) -> Option<&mut Level> {
        let open = self.levels[..self.level_count].iter_mut();
        open.rev()
            .find(|level| (level.price, level.side) == (mbo.price, mbo.side))
    }
}

impl Level {
    const NONE: Self = Self {
        side: Side::None,
        price: Price::UNDEFINED,
        before: 0,
        now: 0,
        filled: 0,
        added: 0,
        requeues: 0,
        modified: OrderId(0),
        is_settled: false,
    };
}

impl Slice {
    const NONE: Self = Self {
        order_id: OrderId(0),
        side: Side::None,
        price: Price::UNDEFINED,
        size: 0,
        refills: 0,
        done: Nanos(0),
    };
}

#[cfg(test)]
mod tests;
