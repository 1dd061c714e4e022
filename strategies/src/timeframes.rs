//! Trends over 1, 5, 15, 30 and 60 minutes side by side (A13).
//!
//! The price of each 5 s of the last hour is kept; where nothing traded the price before it still
//! stands. A horizon that reaches beyond the first trade is absent.

use alloc::boxed::Box;
use alloc::vec;

use undertow_core::types::{Nanos, Price};

/// The horizons in minutes, shortest first.
pub const HORIZONS: [u32; 5] = [1, 5, 15, 30, 60];

/// A change beyond this is a trend.
const TREND: f64 = 0.001;

const STEP_NS: u64 = 5_000_000_000;
const STEPS_PER_MINUTE: u64 = 12;
/// An hour of steps and the one in progress.
const STEPS: usize = 721;

/// Follows the price of one instrument.
#[derive(Clone, Debug)]
pub struct Timeframes {
    /// By step modulo [`STEPS`]; those from `first` to `now` hold a price.
    prices: Box<[Price]>,
    first: u64,
    /// The step in progress; absent before the first trade.
    now: Option<u64>,
}

/// What the horizons say together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TimeframesReading {
    /// Change over each horizon as a fraction.
    pub changes: [Option<f64>; 5],
    /// Its direction: +1 above 0.1 %, −1 below −0.1 %, else 0.
    pub trends: [Option<i8>; 5],
    /// Mean of the trends there are, −1 to 1.
    pub alignment: f64,
    /// The alignment in words.
    pub class: Alignment,
    /// Whether a short horizon (1 or 5 minutes) goes against a long one (30 or 60).
    pub diverges: bool,
}

/// How trends agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alignment {
    /// Below −0.7.
    StrongBear,
    /// Below 0.
    Bear,
    /// Exactly 0.
    Neutral,
    /// Above 0.
    Bull,
    /// Above 0.7.
    StrongBull,
}

impl Alignment {
    /// The word shown to users.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::StrongBear => "STRONG_BEAR",
            Self::Bear => "BEAR",
            Self::Neutral => "NEUTRAL",
            Self::Bull => "BULL",
            Self::StrongBull => "STRONG_BULL",
        }
    }

    fn of(alignment: f64) -> Self {
        if alignment > 0.7 {
            Self::StrongBull
        } else if alignment < -0.7 {
            Self::StrongBear
        } else if alignment > 0.0 {
            Self::Bull
        } else if alignment < 0.0 {
            Self::Bear
        } else {
            Self::Neutral
        }
    }
}

impl TimeframesReading {
    /// What changes over the [`HORIZONS`] say; absent with fewer than two of them.
    #[must_use]
    pub fn of(changes: [Option<f64>; 5]) -> Option<Self> {
        let changes = changes.map(|change| change.filter(|change| change.is_finite()));
        let trends = changes.map(|change| change.map(trend));
        let (sum, count) = trends
            .iter()
            .flatten()
            .fold((0_i32, 0_i32), |(sum, n), t| (sum + i32::from(*t), n + 1));
        if count < 2 {
            return None;
        }
        let alignment = f64::from(sum) / f64::from(count);
        let against = |a: Option<i8>, b: Option<i8>| a.zip(b).is_some_and(|(a, b)| a * b < 0);
        let [one, five, _, thirty, sixty] = trends;
        let short = [one, five];
        Some(Self {
            changes,
            trends,
            alignment,
            class: Alignment::of(alignment),
            diverges: short
                .iter()
                .any(|s| against(*s, thirty) || against(*s, sixty)),
        })
    }
}

impl Default for Timeframes {
    fn default() -> Self {
        Self::new()
    }
}

impl Timeframes {
    /// Without a price yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            prices: vec![Price::UNDEFINED; STEPS].into(),
            first: 0,
            now: None,
        }
    }

    /// Takes a trade in. One older than the step in progress is left out.
    pub fn update(&mut self, t: Nanos, price: Price) {
        if !t.is_defined() || !price.is_defined() {
            return;
        }
        let step = t.0 / STEP_NS;
        match self.now {
            None => self.first = step,
            Some(now) if step < now => return,
            Some(_) => self.advance(t),
        }
        self.now = Some(step);
        self.prices[slot(step)] = price;
    }

    /// Moves on without a trade: the last price stands. At most an hour of steps is written.
    pub fn advance(&mut self, t: Nanos) {
        let Some(now) = self.now else { return };
        let step = t.0 / STEP_NS;
        if !t.is_defined() || step <= now {
            return;
        }
        let standing = self.prices[slot(now)];
        let from = (now + 1).max(step.saturating_sub(STEPS as u64 - 1));
        for passed in from..=step {
            self.prices[slot(passed)] = standing;
        }
        self.now = Some(step);
    }

    /// Forgets every price, as at a session's open.
    pub fn clear(&mut self) {
        self.now = None;
    }

    /// What the horizons say now; absent with fewer than two of them.
    #[must_use]
    pub fn reading(&self) -> Option<TimeframesReading> {
        TimeframesReading::of(HORIZONS.map(|minutes| self.change(minutes)))
    }

    fn change(&self, minutes: u32) -> Option<f64> {
        let now = self.now?;
        let then = now.checked_sub(u64::from(minutes) * STEPS_PER_MINUTE)?;
        let (from, to) = (self.prices[slot(then)], self.prices[slot(now)]);
        // A ratio to a price of 0 or below says nothing.
        let is_defined = then >= self.first && from.0 > 0;
        is_defined.then(|| to.0 as f64 / from.0 as f64 - 1.0)
    }
}

fn trend(change: f64) -> i8 {
    if change > TREND {
        1
    } else if change < -TREND {
        -1
    } else {
        0
    }
}

const fn slot(step: u64) -> usize {
    (step % STEPS as u64) as usize
}
