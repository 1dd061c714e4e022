//! N5: what is usual, from the trading days before.
//!
//! A [`Row`] sums up one day of one place in the chain. A [`Table`] is laid out before the
//! session from the rows of at most [`LOOKBACK`] trading days, never of the day under test, and
//! does not change. With fewer than [`ROWS_MIN`] rows nothing is compared: no mean is invented.
//!
//! Pressure has a direction, so each row keeps two means: of the ratio, and of its inverse,
//! which is what selling is compared with. Both count as at most
//! [`RATIO_CAP`](super::pressure::RATIO_CAP).

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::ops::Range;

use undertow_core::types::{Price, Text};

use super::pressure::{Dominance, Tally};
use crate::calendar::Day;
use crate::options::Right;

/// Trading days looked back.
pub const LOOKBACK: usize = 20;
/// Rows without which nothing is compared.
pub const ROWS_MIN: usize = 5;
/// Width of a moneyness bucket, price units: 50 points.
const BUCKET: i64 = 50 * Price::PER_POINT;

/// A place in the chain that one day can be compared with another by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Bucket {
    /// One strike.
    Strike(Price),
    /// Strike less underlying, in multiples of 50 points, rounded half up.
    Moneyness(i32),
}

impl Bucket {
    /// The moneyness bucket of a strike with the underlying at `spot`.
    #[must_use]
    pub fn moneyness(strike: Price, spot: Price) -> Option<Self> {
        if !strike.is_defined() || !spot.is_defined() {
            return None;
        }
        let distance = strike.0.checked_sub(spot.0)?.checked_add(BUCKET / 2)?;
        i32::try_from(distance.div_euclid(BUCKET))
            .ok()
            .map(Self::Moneyness)
    }
}

/// What a row is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// Product code of the underlying, such as `NQ`.
    pub product: Text<11>,
    /// Where in the chain.
    pub bucket: Bucket,
    /// Call or put.
    pub right: Right,
}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Key {
    fn cmp(&self, other: &Self) -> core::cmp::Ordering {
        let text = |key: &Self| (key.bucket, key.right);
        let products = self.product.as_str().cmp(other.product.as_str());
        products.then_with(|| text(self).cmp(&text(other)))
    }
}

/// One day at one place: means over its windows of five minutes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Row {
    /// The trading day.
    pub day: Day,
    /// The place.
    pub key: Key,
    /// Windows that traded.
    pub windows: u32,
    /// Mean of bought per sold, each at most 10.
    pub buy_ratio: f64,
    /// Mean of sold per bought, each at most 10.
    pub sell_ratio: f64,
    /// Mean volume, contracts.
    pub volume: f64,
    /// Mean of the windows' confidence, in [0, 1].
    pub confidence: f64,
}

/// Sums of a day's windows, of which a row is made.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct Sums {
    windows: u32,
    buy_ratio: f64,
    sell_ratio: f64,
    volume: u64,
    confidence: f64,
}

impl Sums {
    /// Counts a window of five minutes; one that did not trade says nothing.
    pub fn add(&mut self, tally: &Tally) {
        if tally.is_empty() {
            return;
        }
        self.windows += 1;
        self.buy_ratio += tally.pressure(Dominance::Buy);
        self.sell_ratio += tally.pressure(Dominance::Sell);
        self.volume = self.volume.saturating_add(tally.volume());
        self.confidence += tally.confidence();
    }

    /// The row of these windows; none without any.
    #[must_use]
    pub fn row(&self, day: Day, key: Key) -> Option<Row> {
        let n = f64::from(self.windows);
        (self.windows > 0).then(|| Row {
            day,
            key,
            windows: self.windows,
            buy_ratio: self.buy_ratio / n,
            sell_ratio: self.sell_ratio / n,
            volume: self.volume as f64 / n,
            confidence: self.confidence / n,
        })
    }
}

/// Up to [`LOOKBACK`] values and their statistics.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    sorted: [f64; LOOKBACK],
    len: usize,
    /// Mean.
    pub mean: f64,
    /// Sample standard deviation; none with fewer than two values or if all are equal.
    pub deviation: Option<f64>,
}

impl Sample {
    /// The last [`LOOKBACK`] of `values`, of which those that are no finite number are left out;
    /// none if nothing remains.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut ring = [0.0; LOOKBACK];
        let mut seen = 0;
        for value in values.into_iter().filter(|it| it.is_finite()) {
            ring[seen % LOOKBACK] = value;
            seen += 1;
        }
        let len = seen.min(LOOKBACK);
        let kept = &mut ring[..len];
        kept.sort_unstable_by(f64::total_cmp);
        let n = len as f64;
        let mean = kept.iter().sum::<f64>() / n;
        let squares: f64 = kept.iter().map(|it| (it - mean) * (it - mean)).sum();
        // Equal values may differ from their mean by a rounding error, which is no spread.
        let is_spread = kept.first() < kept.last();
        let deviation = is_spread.then(|| libm::sqrt(squares / (n - 1.0)));
        (len > 0 && mean.is_finite()).then(|| Self {
            sorted: ring,
            len,
            mean,
            deviation: deviation.filter(|it| it.is_normal()),
        })
    }

    /// The values, ascending.
    #[must_use]
    pub fn values(&self) -> &[f64] {
        &self.sorted[..self.len]
    }

    /// The percentile at `p` in [0, 100], interpolated linearly at rank (n − 1)p (P7).
    #[must_use]
    pub fn percentile(&self, p: f64) -> f64 {
        let place = (p / 100.0).clamp(0.0, 1.0) * (self.len - 1) as f64;
        let below = place as usize;
        let above = (below + 1).min(self.len - 1);
        let (low, high) = (self.sorted[below], self.sorted[above]);
        low + (high - low) * (place - below as f64)
    }

    /// Standard deviations above the mean; none without spread.
    #[must_use]
    pub fn z(&self, x: f64) -> Option<f64> {
        let z = self.deviation.map(|deviation| (x - self.mean) / deviation);
        z.filter(|z| z.is_finite())
    }

    /// Percentage of values below `x`, equal ones counted half, in [0, 100].
    #[must_use]
    pub fn rank(&self, x: f64) -> f64 {
        let below = self.values().iter().filter(|it| **it < x).count() as f64;
        let equal = self.values().iter().filter(|it| **it == x).count() as f64;
        100.0 * (below + 0.5 * equal) / self.len as f64
    }
}

/// When a value is out of the usual.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// At this many standard deviations, to either side.
    pub z: f64,
    /// At this percentile rank.
    pub rank: f64,
    /// Days that make a history complete: those that are looked back over.
    pub days: usize,
}

/// A value against what is usual.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct Reading {
    /// Standard deviations above the mean; none without history or spread.
    pub z: Option<f64>,
    /// Percentile rank in [0, 100]; none without history.
    pub rank: Option<f64>,
    /// How complete the history is, in [0, 1].
    pub quality: f64,
    /// Whether it is out of the usual.
    pub is_anomaly: bool,
}

impl Reading {
    /// How unusual it is, in [0, 1]: half by z, half by rank; half the quality if it is not.
    #[must_use]
    pub fn base(&self) -> f64 {
        if !self.is_anomaly {
            return 0.5 * self.quality;
        }
        let by_z = self.z.map_or(0.0, |z| (z.abs() / 4.0).min(1.0));
        let by_rank = self.rank.map_or(0.0, |rank| rank / 100.0);
        (0.5 * by_z + 0.5 * by_rank) * self.quality
    }

    /// How far out of the usual, if at all.
    #[must_use]
    pub fn severity(&self) -> Option<Severity> {
        let reaches = |z: f64, rank: f64| {
            self.z.is_some_and(|it| it.abs() >= z) || self.rank.is_some_and(|it| it >= rank)
        };
        [
            (3.0, 99.0, Severity::Extreme),
            (2.5, 95.0, Severity::Severe),
            (2.0, 90.0, Severity::Moderate),
            (1.5, 75.0, Severity::Mild),
        ]
        .into_iter()
        .find_map(|(z, rank, severity)| reaches(z, rank).then_some(severity))
    }
}

/// How far out of the usual.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// 1.5 standard deviations, or above 75 in 100.
    Mild,
    /// 2.0, or 90.
    Moderate,
    /// 2.5, or 95.
    Severe,
    /// 3.0, or 99.
    Extreme,
}

/// What is usual at one place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Baseline {
    /// Bought per sold.
    pub buy: Sample,
    /// Sold per bought.
    pub sell: Sample,
    /// Mean volume of a window, contracts.
    pub volume: f64,
    /// Mean confidence of a window.
    pub window_confidence: f64,
    rows: usize,
}

impl Baseline {
    /// The baseline of one place's rows, oldest first; only the last [`LOOKBACK`] count.
    #[must_use]
    pub fn of(rows: &[Row]) -> Option<Self> {
        let rows = &rows[rows.len().saturating_sub(LOOKBACK)..];
        let mean = |of: fn(&Row) -> f64| Some(Sample::of(rows.iter().map(of))?.mean);
        Some(Self {
            buy: Sample::of(rows.iter().map(|row| row.buy_ratio))?,
            sell: Sample::of(rows.iter().map(|row| row.sell_ratio))?,
            volume: mean(|row| row.volume)?,
            window_confidence: mean(|row| row.confidence)?,
            rows: rows.len(),
        })
    }

    /// Days that it rests on.
    #[must_use]
    pub const fn rows(&self) -> usize {
        self.rows
    }

    /// Days that it rests on, against those it should, in [0, 1].
    #[must_use]
    pub fn quality(&self, days: usize) -> f64 {
        (self.rows as f64 / days.max(1) as f64).min(1.0)
    }

    /// How much the baseline is to be believed, in [0, 1].
    #[must_use]
    pub fn confidence(&self) -> f64 {
        (self.quality(LOOKBACK) * self.window_confidence * self.volume / 1_000.0).min(1.0)
    }

    /// Compares a pressure in its own direction (see [`Tally::pressure`]).
    #[must_use]
    pub fn read(&self, dominance: Dominance, pressure: f64, limits: &Limits) -> Reading {
        let quality = self.quality(limits.days);
        if self.rows < ROWS_MIN || !pressure.is_finite() {
            return Reading {
                quality,
                ..Reading::default()
            };
        }
        let sample = match dominance {
            Dominance::Sell => &self.sell,
            Dominance::Buy | Dominance::Neutral => &self.buy,
        };
        let (z, rank) = (sample.z(pressure), sample.rank(pressure));
        Reading {
            z,
            rank: Some(rank),
            quality,
            is_anomaly: z.is_some_and(|z| z.abs() >= limits.z) || rank >= limits.rank,
        }
    }
}

/// Every baseline of a session, to be looked up by place.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// Sorted by key.
    entries: Box<[(Key, Baseline)]>,
}

impl Table {
    /// Lays the table out from rows in any order. Only days of `lookback` count: it ends before
    /// the day under test and begins [`LOOKBACK`] trading days earlier, or later.
    #[must_use]
    pub fn new(rows: impl IntoIterator<Item = Row>, lookback: &Range<Day>) -> Self {
        let rows = rows.into_iter().filter(|row| lookback.contains(&row.day));
        let mut rows: Vec<Row> = rows.collect();
        rows.sort_by_key(|row| (row.key, row.day));
        let groups = rows.chunk_by(|a, b| a.key == b.key);
        Self {
            entries: groups
                .filter_map(|group| Some((group.first()?.key, Baseline::of(group)?)))
                .collect(),
        }
    }

    /// How many places have a baseline.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no history at all.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The baseline to compare with: the strike's if it rests on enough days, else the moneyness
    /// bucket's if there is one.
    #[must_use]
    pub fn find(
        &self,
        product: Text<11>,
        right: Right,
        strike: Price,
        spot: Option<Price>,
    ) -> Option<&Baseline> {
        let get = |bucket| {
            self.get(&Key {
                product,
                bucket,
                right,
            })
        };
        let of_strike = get(Bucket::Strike(strike));
        if of_strike.is_some_and(|it| it.rows >= ROWS_MIN) {
            return of_strike;
        }
        let bucket = spot.and_then(|spot| Bucket::moneyness(strike, spot));
        bucket.and_then(get).or(of_strike)
    }

    fn get(&self, key: &Key) -> Option<&Baseline> {
        let place = self.entries.binary_search_by(|(it, _)| it.cmp(key)).ok()?;
        self.entries.get(place).map(|(_, baseline)| baseline)
    }
}
