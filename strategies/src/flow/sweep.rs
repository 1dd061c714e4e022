//! Sweeps (A9): one side's trades that run through several prices within a second.
//!
//! Buys must not go down, nor sells up: only that takes level after level. A sweep stands for ten
//! seconds after its last trade.

use undertow_core::types::{Nanos, Price, Side};

use super::window::Window;

/// The fewest prices that make a sweep (A9).
pub const LEVELS_MIN: u32 = 3;

/// Trades of one run that are remembered; of a longer one only so many are looked at.
const RUN_MAX: usize = 64;

/// A sweep that stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sweep {
    /// Who swept: buyers or sellers.
    pub side: Side,
    /// Prices traded at within the window.
    pub levels: u32,
    /// Size traded within the window.
    pub size: u64,
    /// It stands until then.
    pub until: Nanos,
}

/// One trade of the run.
#[derive(Clone, Copy, Debug, Default)]
struct Step {
    ts: Nanos,
    price: i64,
    size: u64,
}

/// Watches one instrument's trades.
#[derive(Clone, Debug)]
pub struct Sweeps {
    window: u64,
    hold: u64,
    /// Prices that make a sweep.
    levels_min: u32,
    /// A sweep is larger than this.
    size_min: u64,
    run: Window<Step>,
    side: Side,
    levels: u32,
    size: u64,
    sweep: Option<Sweep>,
    /// Whether the open run has been counted.
    is_counted: bool,
    count: u64,
}

impl Sweeps {
    /// Sweeps of more than `size_min` within `window`, which stand for `hold`.
    #[must_use]
    pub fn new(window: Nanos, size_min: u64, hold: Nanos) -> Self {
        Self {
            window: window.0,
            hold: hold.0,
            levels_min: LEVELS_MIN,
            size_min,
            run: Window::new(RUN_MAX),
            side: Side::None,
            levels: 0,
            size: 0,
            sweep: None,
            is_counted: false,
            count: 0,
        }
    }

    /// Adds a trade. One of unknown side ends the run.
    pub fn trade(&mut self, ts: Nanos, price: Price, size: u64, side: Side) {
        if !self.continues(price.0, side) {
            self.run.clear();
            (self.levels, self.size) = (0, 0);
            self.is_counted = false;
            self.side = side;
        }
        if side == Side::None {
            return;
        }
        while let Some(oldest) = self.oldest()
            && (self.run.is_full() || ts.0.saturating_sub(oldest.ts.0) > self.window)
        {
            self.forget(oldest);
        }
        let last = self.run.back(0).map(|step| step.price);
        self.levels += u32::from(last != Some(price.0));
        self.size = self.size.saturating_add(size);
        let price = price.0;
        self.run.push(Step { ts, price, size });
        if self.levels >= self.levels_min && self.size > self.size_min {
            self.count += u64::from(!self.is_counted);
            self.is_counted = true;
            self.sweep = Some(Sweep {
                side,
                levels: self.levels,
                size: self.size,
                until: Nanos(ts.0.saturating_add(self.hold)),
            });
        } else if self.levels < self.levels_min {
            self.is_counted = false;
        }
    }

    /// The sweep that stands at `now`.
    #[inline]
    #[must_use]
    pub fn standing(&self, now: Nanos) -> Option<Sweep> {
        self.sweep.filter(|sweep| now < sweep.until)
    }

    /// When the sweep that stands at `now` no longer does; undefined without one.
    #[must_use]
    pub(super) fn due(&self, now: Nanos) -> Nanos {
        self.standing(now)
            .map_or(Nanos::UNDEFINED, |sweep| sweep.until)
    }

    /// Sweeps since the session's start; a run that goes on is one.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// Forgets everything; from now on a sweep takes `levels_min` prices and more than `size_min`.
    pub fn restart(&mut self, levels_min: u32, size_min: u64) {
        self.levels_min = levels_min.max(LEVELS_MIN);
        self.size_min = size_min;
        self.start_session();
    }

    /// Counts from zero: a session starts.
    pub fn start_session(&mut self) {
        self.count = 0;
        self.run.clear();
        (self.levels, self.size) = (0, 0);
        self.sweep = None;
        self.is_counted = false;
    }

    fn continues(&self, price: i64, side: Side) -> bool {
        let Some(last) = self.run.back(0) else {
            return false;
        };
        let is_onward = match side {
            Side::Bid => price >= last.price,
            Side::Ask => price <= last.price,
            Side::None => false,
        };
        side == self.side && is_onward
    }

    fn oldest(&self) -> Option<Step> {
        self.run.back(self.run.len().wrapping_sub(1)).copied()
    }

    fn forget(&mut self, oldest: Step) {
        self.run.pop();
        self.size = self.size.saturating_sub(oldest.size);
        let next = self.oldest().map(|step| step.price);
        self.levels -= u32::from(next != Some(oldest.price));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    /// Milliseconds, price, size.
    type Trade = (u64, i64, u64);

    fn sweeps() -> Sweeps {
        Sweeps::new(Nanos(1000 * MS), 1000, Nanos(10_000 * MS))
    }

    fn play(sweeps: &mut Sweeps, side: Side, trades: &[Trade]) {
        for &(ms, price, size) in trades {
            sweeps.trade(Nanos(ms * MS), Price(price), size, side);
        }
    }

    #[test]
    fn three_rising_prices_of_more_than_the_least_size_are_a_sweep_for_ten_seconds() {
        let mut sweeps = sweeps();
        play(
            &mut sweeps,
            Side::Bid,
            &[(0, 10, 400), (1, 11, 300), (2, 12, 300)],
        );
        assert_eq!(
            sweeps.standing(Nanos(2 * MS)),
            None,
            "1000 is not more than 1000"
        );
        play(&mut sweeps, Side::Bid, &[(3, 12, 1)]);
        let sweep = sweeps.standing(Nanos(3 * MS)).expect("a sweep");
        assert_eq!((sweep.side, sweep.levels, sweep.size), (Side::Bid, 3, 1001));
        assert!(sweeps.standing(Nanos(10_002 * MS)).is_some());
        assert_eq!(sweeps.standing(Nanos(10_003 * MS)), None);
        play(&mut sweeps, Side::Bid, &[(4, 13, 5)]);
        assert_eq!(sweeps.count(), 1, "the same run");
    }

    #[test]
    fn turning_price_other_side_or_slow_trades_are_no_sweep() {
        let cases: [(Side, [Trade; 3]); 4] = [
            (Side::Bid, [(0, 10, 900), (1, 11, 900), (2, 10, 900)]),
            (Side::Ask, [(0, 10, 900), (1, 11, 900), (2, 12, 900)]),
            (Side::Bid, [(0, 10, 900), (900, 11, 900), (1001, 12, 900)]),
            (Side::None, [(0, 10, 900), (1, 11, 900), (2, 12, 900)]),
        ];
        for (side, trades) in cases {
            let mut sweeps = sweeps();
            play(&mut sweeps, side, &trades);
            assert_eq!(sweeps.standing(Nanos(0)), None, "{trades:?}");
        }
        let mut sweeps = sweeps();
        play(&mut sweeps, Side::Ask, &[(0, 12, 900), (1, 11, 900)]);
        play(&mut sweeps, Side::Bid, &[(2, 11, 900)]);
        play(&mut sweeps, Side::Ask, &[(3, 10, 900)]);
        assert_eq!(sweeps.count(), 0);
    }

    #[test]
    fn run_longer_than_the_memory_stays_a_sweep() {
        let mut sweeps = sweeps();
        let trades: Vec<_> = (0..500).map(|step| (0, 10 - step, 100)).collect();
        play(&mut sweeps, Side::Ask, &trades);
        let sweep = sweeps.standing(Nanos(0)).expect("a sweep");
        assert_eq!((sweep.levels, sweep.size, sweeps.count()), (64, 6400, 1));
    }

    use alloc::vec::Vec;
}
