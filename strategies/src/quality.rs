//! Quality of data and what they cost (N17).
//!
//! Scores run from 0 to 1. Money is in 1e-4 USD.

use undertow_core::event::{Mbo, Touch};
use undertow_core::types::{Action, Nanos, Price, Side};

/// What is known of a batch of records.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Batch {
    /// It holds no record.
    pub is_empty: bool,
    /// Share of fields without a value, 0 to 1.
    pub null_share: f64,
    /// Age of the newest record; absent when timestamps cannot be read.
    pub age: Option<Nanos>,
    /// How many of symbol, strike, volume and open interest it lacks, 0 to 4.
    pub missing: u8,
}

/// How loudly a score is to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alert {
    /// From 0.95 on.
    None,
    /// Below 0.95.
    Low,
    /// Below 0.7.
    High,
}

impl Alert {
    /// The alert at a score.
    #[must_use]
    pub fn of(score: f64) -> Self {
        if score < 0.7 {
            Self::High
        } else if score < 0.95 {
            Self::Low
        } else {
            Self::None
        }
    }
}

impl Batch {
    /// 1 less what is wrong with it, never below 0.
    #[must_use]
    pub fn score(&self) -> f64 {
        let penalty = |wrong: bool, points: f64| if wrong { points } else { 0.0 };
        let age = match self.age {
            Some(age) => penalty(age > Nanos(1_000_000_000), 0.2),
            None => 0.1,
        };
        // Not to know the share is no better than too many nulls.
        let has_nulls = self.null_share.is_nan() || self.null_share > 0.05;
        let missing = 0.2 * f64::from(self.missing.min(4)) / 4.0;
        let score = 1.0 - penalty(self.is_empty, 0.5) - penalty(has_nulls, 0.3) - age - missing;
        score.max(0.0)
    }
}

/// The score of a source: how complete it is (0 to 1), how late, how often it fails. Absent when
/// completeness is not a share.
#[must_use]
pub fn source_score(completeness: f64, latency: Nanos, errors: u32) -> Option<f64> {
    let is_share = (0.0..=1.0).contains(&completeness);
    let latency_ms = latency.0 as f64 / 1e6;
    let prompt = (1.0 - latency_ms / 5_000.0).max(0.0);
    let sound = (1.0 - f64::from(errors) / 10.0).max(0.0);
    is_share.then_some(0.5 * completeness + 0.3 * prompt + 0.2 * sound)
}

/// Quality of one instrument's stream since it was made: 0.7 × the mean share of valid fields
/// plus 0.3 × the share of cross-field checks that held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct StreamQuality {
    /// Time, price, size, side.
    fields: [Share; 4],
    /// Bid below ask, price within 20 % of the last, time not backwards.
    checks: Share,
    last_ts: Nanos,
    last_price: Option<Price>,
}

/// Something that held in so many of so many cases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
struct Share {
    held: u64,
    cases: u64,
}

impl Share {
    fn count(&mut self, held: bool) {
        self.held += u64::from(held);
        self.cases += 1;
    }

    fn value(self) -> Option<f64> {
        (self.cases > 0).then(|| self.held as f64 / self.cases as f64)
    }
}

impl StreamQuality {
    /// Takes a record in, with the touch of the last complete event. Only trades and records
    /// about an order have price, size and side.
    pub fn update(&mut self, mbo: &Mbo, touch: &Touch) {
        let [time, price, size, side] = &mut self.fields;
        time.count(mbo.ts_event.is_defined());
        if !matches!(mbo.action, Action::Clear | Action::None) {
            price.count(mbo.price.is_defined());
            size.count(mbo.size > 0);
            // A venue may leave a trade's aggressor open; an order always has a side.
            side.count(mbo.side != Side::None || mbo.action == Action::Trade);
        }
        let ts_event = mbo.ts_event;
        if ts_event.is_defined() {
            self.checks.count(ts_event >= self.last_ts);
            self.last_ts = self.last_ts.max(ts_event);
        }
        if touch.is_two_sided() {
            self.checks.count(touch.bid < touch.ask);
        }
        if mbo.action == Action::Trade && mbo.price.is_defined() {
            if let Some(last) = self.last_price {
                self.checks.count(is_within_fifth(mbo.price, last));
            }
            self.last_price = Some(mbo.price);
        }
    }

    /// The score; absent before the first record. Fields that no record had are left out.
    #[must_use]
    pub fn score(&self) -> Option<f64> {
        let shares = self.fields.iter().filter_map(|field| field.value());
        let (sum, count) = shares.fold((0.0, 0.0), |(sum, n), share| (sum + share, n + 1.0));
        let consistency = self.checks.value().unwrap_or(1.0);
        (count > 0.0).then(|| 0.7 * sum / count + 0.3 * consistency)
    }
}

/// Whether `price` is at most 20 % away from `last`; in integers.
fn is_within_fifth(price: Price, last: Price) -> bool {
    let away = i128::from(price.0).abs_diff(i128::from(last.0));
    away * 5 <= i128::from(last.0).unsigned_abs()
}

/// What data cost: $0.01 for 10⁶ bytes and $1.00 for an hour of streaming, in 1e-4 USD, rounded
/// up.
#[must_use]
pub fn cost(bytes: u64, streamed: Nanos) -> u64 {
    const HOUR_NS: u128 = 3_600_000_000_000;
    const MEGABYTE: u128 = 1_000_000;
    let for_bytes = u128::from(bytes) * 100 * HOUR_NS;
    let for_time = u128::from(streamed.0) * 10_000 * MEGABYTE;
    let cost = (for_bytes + for_time).div_ceil(HOUR_NS * MEGABYTE);
    u64::try_from(cost).unwrap_or(u64::MAX)
}

/// Whether a day's `spent` has reached 80 % of its `budget`, where streams are stopped.
#[must_use]
pub fn is_budget_used(spent: u64, budget: u64) -> bool {
    u128::from(spent) * 5 >= u128::from(budget) * 4
}
