//! When a position is left: stop, trailing stop, targets in three steps, and time (R9, N15).
//!
//! A machine per position. It is shown prices and fills, and says how much to close and why; the
//! caller sends a reduce-only intent for it. Whatever is on its way out already is never asked
//! for again, so stop and target cannot both sell the same contract (one cancels the other).
//! A stop only ever moves toward profit.

use crate::event::Trust;
use crate::money::PPM;
use crate::order::Quote;
use crate::types::{Nanos, Price, Side};

/// Steps in which a position is scaled out.
pub const SCALE_STEPS: usize = 3;

/// Below this a position leaves at its last target in one piece.
const SCALE_FROM: u32 = 3;

/// How a position is to be left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExitPlan {
    /// Loss of the entry price at which to stop, in millionths.
    pub stop_ppm: i64,
    /// Gain on the entry price from which the stop trails, in millionths.
    pub trail_from_ppm: i64,
    /// Share of the best gain that the trailing stop keeps, in millionths; 0 for no trailing.
    pub trail_keep_ppm: i64,
    /// Targets, nearest first; undefined ones are skipped.
    pub targets: [Price; SCALE_STEPS],
    /// Whose price the targets and the level below mean.
    pub gauge: Gauge,
    /// A level of the underlying at which to stop as well; undefined for none.
    pub underlying_stop: Price,
    /// Side of the position in terms of the underlying: bid gains when it rises.
    pub underlying_side: Side,
    /// When to close in any case; undefined for never.
    pub close_by: Nanos,
}

/// Whose price a target is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Gauge {
    /// The contract's own.
    Contract,
    /// The underlying's.
    Underlying,
}

impl ExitPlan {
    /// Stop, trailing start and kept share of R9 for options that expire today.
    pub const ZERO_DTE: Self = Self::premium(500_000, 500_000, 500_000);
    /// The same for those that expire tomorrow.
    pub const ONE_DTE: Self = Self::premium(250_000, 750_000, 750_000);
    /// The same for those that live for two weeks.
    pub const FOURTEEN_DTE: Self = Self::premium(300_000, 250_000, 250_000);
    /// The same for everything else.
    pub const OTHER: Self = Self::premium(300_000, 300_000, 500_000);

    const fn premium(stop_ppm: i64, trail_from_ppm: i64, trail_keep_ppm: i64) -> Self {
        Self {
            stop_ppm,
            trail_from_ppm,
            trail_keep_ppm,
            targets: [Price::UNDEFINED; SCALE_STEPS],
            gauge: Gauge::Contract,
            underlying_stop: Price::UNDEFINED,
            underlying_side: Side::None,
            close_by: Nanos::UNDEFINED,
        }
    }

    /// A bracket about an entry (N15): one stop and one target, in millionths of the entry.
    #[must_use]
    pub fn bracket(side: Side, entry: Price, stop_ppm: i64, target_ppm: i64) -> Self {
        let mut plan = Self::premium(stop_ppm, 0, 0);
        plan.targets[SCALE_STEPS - 1] = along(entry, direction(side), share(entry, target_ppm));
        plan
    }
}

/// Why a position is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum ExitCause {
    /// The stop on the contract's price, not yet trailing.
    Stop,
    /// The stop after it has begun to trail.
    TrailingStop,
    /// The stop on the underlying's price.
    UnderlyingStop,
    /// A target.
    Target,
    /// Its time has come.
    Time,
    /// Time decay takes more of the premium than allowed.
    Theta,
    /// Its contract ends soon, and the next takes its place.
    Roll,
    /// The operator, or a halt that closes.
    Ordered,
}

/// What to close.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exit {
    /// Contracts.
    pub quantity: u32,
    /// Why.
    pub cause: ExitCause,
}

/// Where a position stands on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum ExitStage {
    /// Its entry has not filled at all.
    Opening,
    /// Held in full.
    Open,
    /// A part has left at a target.
    ScalingOut,
    /// All that is left is on its way out.
    Closing,
    /// Nothing is left.
    Closed,
    /// The broker disagrees about it: nothing is sent until the operator has decided.
    Orphan,
}

/// The exits of one position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exits {
    plan: ExitPlan,
    /// 1 for long, -1 for short.
    direction: i64,
    entry: Price,
    /// All that was ever bought (or sold short) for it.
    initial: u32,
    open: u32,
    /// Of the open quantity, what is on its way out.
    leaving: u32,
    stop: Price,
    /// The best executable price so far.
    peak: Price,
    is_trailing: bool,
    is_orphan: bool,
}

impl Exits {
    /// A position on this side whose entry is working.
    #[must_use]
    pub fn new(side: Side, plan: ExitPlan) -> Self {
        Self {
            plan,
            direction: direction(side),
            entry: Price::UNDEFINED,
            initial: 0,
            open: 0,
            leaving: 0,
            stop: Price::UNDEFINED,
            peak: Price::UNDEFINED,
            is_trailing: false,
            is_orphan: false,
        }
    }

    /// More of the entry was filled; `average` is the position's average price now. What is
    /// filled is protected at once.
    pub fn entered(&mut self, quantity: u32, average: Price) {
        self.initial = self.initial.saturating_add(quantity);
        self.open = self.open.saturating_add(quantity);
        self.entry = average;
        let stop = along(average, -self.direction, share(average, self.plan.stop_ppm));
        if self.is_trailing {
            self.raise(stop);
        } else {
            self.stop = stop;
        }
    }

    /// So much of it has left.
    pub fn left(&mut self, quantity: u32) {
        self.open = self.open.saturating_sub(quantity);
        self.leaving = self.leaving.saturating_sub(quantity);
    }

    /// So much of what was on its way out came back unfilled: it is looked after again.
    pub fn came_back(&mut self, quantity: u32) {
        self.leaving = self.leaving.saturating_sub(quantity);
    }

    /// So much of what was held is not: an execution of the entry was taken back.
    pub fn unentered(&mut self, quantity: u32) {
        self.open = self.open.saturating_sub(quantity);
        self.initial = self.initial.saturating_sub(quantity);
    }

    /// So much of what had left is held again: an execution of an exit was taken back.
    pub fn unleft(&mut self, quantity: u32) {
        self.open = self.open.saturating_add(quantity);
    }

    /// The broker disagrees about the position: nothing more is asked for.
    pub fn orphan(&mut self) {
        self.is_orphan = true;
    }

    /// Where it stands.
    #[must_use]
    pub const fn stage(&self) -> ExitStage {
        if self.is_orphan {
            ExitStage::Orphan
        } else if self.initial == 0 {
            ExitStage::Opening
        } else if self.open == 0 {
            ExitStage::Closed
        } else if self.leaving == self.open {
            ExitStage::Closing
        } else if self.open < self.initial || self.leaving > 0 {
            ExitStage::ScalingOut
        } else {
            ExitStage::Open
        }
    }

    /// What is held, on its way out or not.
    #[must_use]
    pub const fn open(&self) -> u32 {
        self.open
    }

    /// How it is to be left.
    #[must_use]
    pub const fn plan(&self) -> &ExitPlan {
        &self.plan
    }

    /// Closes by this time at the latest, or by an earlier one that was set before.
    pub fn close_no_later(&mut self, by: Nanos) {
        if !self.plan.close_by.is_defined() || by < self.plan.close_by {
            self.plan.close_by = by;
        }
    }

    /// Where the stop is; undefined before the first fill.
    #[must_use]
    pub const fn stop(&self) -> Price {
        self.stop
    }

    /// What the stop covers: all that is held and not yet on its way out.
    #[must_use]
    pub const fn protected(&self) -> u32 {
        self.open.saturating_sub(self.leaving)
    }

    /// Brings the stop nearer to the entry, to `ppm` millionths of its distance (drawdown, R4).
    pub fn tighten(&mut self, ppm: i64) {
        if self.entry.is_defined() {
            let distance = self.plan.stop_ppm * ppm / PPM;
            self.raise(along(
                self.entry,
                -self.direction,
                share(self.entry, distance),
            ));
        }
    }

    /// Looks at the contract's quote. From a book that is not good nothing follows.
    pub fn on_quote(&mut self, quote: Quote, trust: Trust, now: Nanos) -> Option<Exit> {
        if trust != Trust::Good || !quote.is_sound() {
            return None;
        }
        let price = if self.direction > 0 {
            quote.bid
        } else {
            quote.ask
        };
        self.on_price(price, now)
    }

    /// Looks at a price at which the position can be left.
    pub fn on_price(&mut self, price: Price, now: Nanos) -> Option<Exit> {
        if !self.entry.is_defined() || !price.is_defined() {
            return None;
        }
        self.trail(price);
        if self.gain(price, self.stop) <= 0 {
            let cause = if self.is_trailing {
                ExitCause::TrailingStop
            } else {
                ExitCause::Stop
            };
            return self.close(cause);
        }
        if self.plan.close_by.is_defined() && now >= self.plan.close_by {
            return self.close(ExitCause::Time);
        }
        match self.plan.gauge {
            Gauge::Contract => self.reach(price, self.direction),
            Gauge::Underlying => None,
        }
    }

    /// Looks at the underlying's price.
    pub fn on_underlying(&mut self, price: Price) -> Option<Exit> {
        let direction = direction(self.plan.underlying_side);
        if !self.entry.is_defined() || !price.is_defined() || direction == 0 {
            return None;
        }
        let stop = self.plan.underlying_stop;
        if stop.is_defined() && ahead(price, stop, direction) <= 0 {
            return self.close(ExitCause::UnderlyingStop);
        }
        match self.plan.gauge {
            Gauge::Underlying => self.reach(price, direction),
            Gauge::Contract => None,
        }
    }

    /// All that is held and not yet on its way out, for this cause.
    pub fn close(&mut self, cause: ExitCause) -> Option<Exit> {
        self.send(self.protected(), cause)
    }

    fn send(&mut self, quantity: u32, cause: ExitCause) -> Option<Exit> {
        if quantity == 0 || self.is_orphan {
            return None;
        }
        self.leaving += quantity;
        Some(Exit { quantity, cause })
    }

    /// Closes what the farthest target reached asks for, less what has left or is leaving.
    fn reach(&mut self, price: Price, direction: i64) -> Option<Exit> {
        let steps = scale_out(self.initial);
        let gone = self.initial - self.open + self.leaving;
        let mut due = 0;
        let mut sum = 0;
        for (target, step) in self.plan.targets.into_iter().zip(steps) {
            sum += step;
            if target.is_defined() && ahead(price, target, direction) >= 0 {
                due = sum;
            }
        }
        self.send(due.saturating_sub(gone), ExitCause::Target)
    }

    fn trail(&mut self, price: Price) {
        if self.plan.trail_keep_ppm == 0 {
            return;
        }
        if !self.peak.is_defined() || self.gain(price, self.peak) > 0 {
            self.peak = price;
        }
        let gain = self.gain(self.peak, self.entry);
        if gain > 0 && gain >= share(self.entry, self.plan.trail_from_ppm) {
            self.is_trailing = true;
            let kept = gain * i128::from(self.plan.trail_keep_ppm) / i128::from(PPM);
            self.raise(along(self.entry, self.direction, kept));
        }
    }

    fn raise(&mut self, stop: Price) {
        if !self.stop.is_defined() || self.gain(stop, self.stop) > 0 {
            self.stop = stop;
        }
    }

    /// How far `price` is better than `than` for this position.
    fn gain(&self, price: Price, than: Price) -> i128 {
        ahead(price, than, self.direction)
    }
}

/// Scale-out of a position: 33 % of it, 50 % of the rest, the rest; halves round up. A position
/// below three contracts leaves in one piece at the last step.
#[must_use]
pub fn scale_out(quantity: u32) -> [u32; SCALE_STEPS] {
    if quantity < SCALE_FROM {
        return [0, 0, quantity];
    }
    // In 64 bits, for thirty-three times a quantity may not fit in 32.
    let first = u32::try_from((u64::from(quantity) * 33 + 50) / 100).unwrap_or(quantity);
    let rest = quantity - first;
    let second = rest.div_ceil(2);
    [first, second, rest - second]
}

const fn direction(side: Side) -> i64 {
    match side {
        Side::Bid => 1,
        Side::Ask => -1,
        Side::None => 0,
    }
}

/// `ppm` millionths of a price's size.
fn share(price: Price, ppm: i64) -> i128 {
    i128::from(price.0).abs() * i128::from(ppm) / i128::from(PPM)
}

/// How far `price` is beyond `than` in this direction.
fn ahead(price: Price, than: Price, direction: i64) -> i128 {
    (i128::from(price.0) - i128::from(than.0)) * i128::from(direction)
}

/// The price so far away in this direction.
fn along(price: Price, direction: i64, distance: i128) -> Price {
    let at = i128::from(price.0) + distance * i128::from(direction);
    i64::try_from(at).map_or(Price::UNDEFINED, Price)
}

#[cfg(test)]
mod tests;
