//! VPIN (A1): how one-sided the volume of the last buckets was, in [0, 1].
//!
//! After Easley, López de Prado and O'Hara, "Flow Toxicity and Liquidity in a High-frequency
//! World", RFS 25(5), 2012. Buckets hold exactly V; what overflows one is split at its border.
//! [`Vpin`] splits volume by aggressor, in integers; [`BulkVpin`] by the standardised price change
//! of one-minute bars. The first is the default, as Andersen and Bondarenko (2013, 2014) find bulk
//! classification the worse one on E-minis.

use undertow_core::types::{Price, Side};

use super::bars::TimeBar;
use super::window::Window;

/// From here on flow is toxic.
pub const TOXIC_MIN: f64 = 0.70;

/// Up to here flow is benign.
pub const BENIGN_MAX: f64 = 0.30;

/// Twice a bucket must not overflow.
const BUCKET_MAX: u64 = u64::MAX / 4;

/// A reading of VPIN.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct VpinValue {
    /// In [0, 1]; drawn toward one half while warming.
    pub value: f64,
    /// Whether fewer buckets than wanted have been filled yet.
    pub is_warming: bool,
    /// Σ(bought − sold)/(n·V) over the same buckets, in [−1, 1]: the sign that the value lacks.
    /// Absent where the split is by bulk.
    pub signed: Option<f64>,
}

/// VPIN by aggressor.
#[derive(Clone, Debug)]
pub struct Vpin {
    /// V: what one bucket holds.
    bucket: u64,
    /// Bought − sold of each full bucket, in halves of a contract.
    imbalances: Window<i64>,
    /// Of their sizes.
    imbalance_sum: u128,
    signed_sum: i128,
    /// Bought and sold of the open bucket, in halves; they sum to twice its volume.
    open: [u64; 2],
    filled_count: u64,
}

impl Vpin {
    /// VPIN over the last `buckets` buckets of volume `bucket`; each at least 1.
    #[must_use]
    pub fn new(bucket: u64, buckets: usize) -> Self {
        Self {
            bucket: bucket.clamp(1, BUCKET_MAX),
            imbalances: Window::new(buckets),
            imbalance_sum: 0,
            signed_sum: 0,
            open: [0; 2],
            filled_count: 0,
        }
    }

    /// Adds a trade, which may fill several buckets; one of unknown side counts half for each.
    /// Says whether a bucket was filled.
    pub fn trade(&mut self, size: u64, aggressor: Side) -> bool {
        let halves = match aggressor {
            Side::Bid => [2, 0],
            Side::Ask => [0, 2],
            Side::None => [1, 1],
        };
        let filled_before = self.filled_count;
        let mut left = size;
        loop {
            let room = self.bucket - (self.open[0] + self.open[1]) / 2;
            let part = left.min(room);
            self.open[0] += part * halves[0];
            self.open[1] += part * halves[1];
            if part < room {
                return self.filled_count > filled_before;
            }
            left -= part;
            self.fill();
            left = self.skip(left);
        }
    }

    /// The value, if a bucket has been filled.
    #[must_use]
    pub fn value(&self) -> Option<VpinValue> {
        let volume = self.imbalances.len() as f64 * (2 * self.bucket) as f64;
        let value = shrunk(
            self.imbalance_sum as f64 / volume,
            self.imbalances.len(),
            self.imbalances.is_full(),
            self.buckets(),
        )?;
        Some(VpinValue {
            signed: Some(self.signed_sum as f64 / volume),
            ..value
        })
    }

    /// Bought and sold of the open bucket.
    #[must_use]
    pub fn open_bucket(&self) -> (f64, f64) {
        (self.open[0] as f64 / 2.0, self.open[1] as f64 / 2.0)
    }

    /// |bought − sold| of the full buckets in the window, the oldest first.
    pub fn imbalances(&self) -> impl Iterator<Item = f64> + '_ {
        self.imbalances
            .iter()
            .map(|halves| halves.unsigned_abs() as f64 / 2.0)
    }

    /// Buckets filled since the beginning.
    #[must_use]
    pub const fn filled_count(&self) -> u64 {
        self.filled_count
    }

    /// Forgets everything, and fills buckets of this volume from now on.
    pub fn restart(&mut self, bucket: u64) {
        self.bucket = bucket.clamp(1, BUCKET_MAX);
        self.imbalances.clear();
        self.imbalance_sum = 0;
        self.signed_sum = 0;
        self.open = [0; 2];
        self.filled_count = 0;
    }

    /// Empties the open bucket: a session starts. Full ones are kept.
    pub const fn start_session(&mut self) {
        self.open = [0; 2];
    }

    const fn buckets(&self) -> usize {
        self.imbalances.capacity()
    }

    fn fill(&mut self) {
        // A bucket holds less than a quarter of 2^64, so that no half overflows.
        let imbalance = self.open[0].cast_signed() - self.open[1].cast_signed();
        let displaced = self.imbalances.push(imbalance).unwrap_or(0);
        self.imbalance_sum += u128::from(imbalance.unsigned_abs());
        self.imbalance_sum -= u128::from(displaced.unsigned_abs());
        self.signed_sum += i128::from(imbalance) - i128::from(displaced);
        self.open = [0; 2];
        self.filled_count += 1;
    }

    /// Leaves out, of what fills whole buckets alike, those that would only displace each other,
    /// so that no trade takes longer than the window is long.
    const fn skip(&mut self, left: u64) -> u64 {
        let whole = left / self.bucket;
        let seen = self.buckets() as u64;
        if whole <= seen {
            return left;
        }
        self.filled_count += whole - seen;
        left - (whole - seen) * self.bucket
    }
}

/// VPIN by bulk volume classification of one-minute bars.
#[derive(Clone, Debug)]
pub struct BulkVpin {
    bucket: u64,
    /// |bought − sold| of each full bucket.
    imbalances: Window<f64>,
    /// Mean over the window, of what each bucket holds; recomputed when a bucket is filled, so
    /// that no rounding error lasts.
    mean: f64,
    open_volume: u64,
    open_bought: f64,
    changes: PriceChanges,
    previous_close: Price,
}

impl BulkVpin {
    /// VPIN over the last `buckets` buckets of volume `bucket`, with the deviation of price
    /// changes over `bars` bars; bars before there are `bars_min` changes are left out.
    #[must_use]
    pub fn new(bucket: u64, buckets: usize, bars: usize, bars_min: usize) -> Self {
        Self {
            bucket: bucket.clamp(1, BUCKET_MAX),
            imbalances: Window::new(buckets),
            mean: 0.0,
            open_volume: 0,
            open_bought: 0.0,
            changes: PriceChanges::new(bars, bars_min),
            previous_close: Price::UNDEFINED,
        }
    }

    /// Adds a finished bar. Says whether a bucket was filled.
    pub fn bar(&mut self, bar: &TimeBar) -> bool {
        let from = if self.previous_close.is_defined() {
            self.previous_close
        } else {
            bar.open
        };
        self.previous_close = bar.close;
        let change = bar.close.0.saturating_sub(from.0);
        self.changes.push(change);
        let Some(deviation) = self.changes.deviation() else {
            return false;
        };
        self.add(bar.volume, bought_fraction(change as f64, deviation))
    }

    /// Adds volume of which `fraction` was bought; buckets keep the fraction when they split it.
    /// Says whether a bucket was filled.
    pub fn add(&mut self, volume: u64, fraction: f64) -> bool {
        let mut left = volume;
        let mut is_filled = false;
        loop {
            let room = self.bucket - self.open_volume;
            let part = left.min(room);
            self.open_volume += part;
            self.open_bought += part as f64 * fraction;
            if part < room {
                break;
            }
            left -= part;
            is_filled = true;
            let imbalance = (2.0 * self.open_bought - self.bucket as f64).abs();
            self.imbalances.push(imbalance.min(self.bucket as f64));
            self.open_volume = 0;
            self.open_bought = 0.0;
            // Buckets that this one volume fills alike would only displace each other.
            let whole = left / self.bucket;
            let needless = whole.saturating_sub(self.imbalances.capacity() as u64);
            left -= needless * self.bucket;
        }
        if is_filled {
            let sum: f64 = self.imbalances.iter().sum();
            self.mean = sum / (self.imbalances.len() as f64 * self.bucket as f64);
        }
        is_filled
    }

    /// The value, if a bucket has been filled.
    #[must_use]
    pub fn value(&self) -> Option<VpinValue> {
        shrunk(
            self.mean,
            self.imbalances.len(),
            self.imbalances.is_full(),
            self.imbalances.capacity(),
        )
    }

    /// |bought − sold| of the full buckets in the window, the oldest first.
    pub fn imbalances(&self) -> impl Iterator<Item = f64> + '_ {
        self.imbalances.iter()
    }

    /// Forgets everything, and fills buckets of this volume from now on.
    pub fn restart(&mut self, bucket: u64) {
        self.bucket = bucket.clamp(1, BUCKET_MAX);
        self.imbalances.clear();
        self.mean = 0.0;
        self.changes.restart();
        self.start_session();
    }

    /// Empties the open bucket, and forgets the last close: a session starts.
    pub const fn start_session(&mut self) {
        self.open_volume = 0;
        self.open_bought = 0.0;
        self.previous_close = Price::UNDEFINED;
    }
}

/// The share of a bar's volume that buyers began: Φ(change / deviation), one half without a
/// deviation.
#[must_use]
pub fn bought_fraction(change: f64, deviation: f64) -> f64 {
    let standardised = change / deviation;
    if deviation > 0.0 && standardised.is_finite() {
        0.5 * libm::erfc(-standardised * core::f64::consts::FRAC_1_SQRT_2)
    } else {
        0.5
    }
}

/// Price changes of the last bars, with exact sums: the deviation never drifts.
#[derive(Clone, Debug)]
struct PriceChanges {
    changes: Window<i64>,
    changes_min: usize,
    sum: i128,
    square_sum: i128,
}

impl PriceChanges {
    /// With these limits no sum, and no product of two, leaves an `i128`. Nothing moves by a
    /// million points in a minute.
    const CHANGE_MAX: i64 = 1 << 50;
    const CAPACITY_MAX: usize = 4096;

    fn new(capacity: usize, changes_min: usize) -> Self {
        Self {
            changes: Window::new(capacity.min(Self::CAPACITY_MAX)),
            changes_min: changes_min.max(2),
            sum: 0,
            square_sum: 0,
        }
    }

    const fn restart(&mut self) {
        self.changes.clear();
        (self.sum, self.square_sum) = (0, 0);
    }

    fn push(&mut self, change: i64) {
        let change = change.clamp(-Self::CHANGE_MAX, Self::CHANGE_MAX);
        let displaced = i128::from(self.changes.push(change).unwrap_or(0));
        let change = i128::from(change);
        self.sum += change - displaced;
        self.square_sum += change * change - displaced * displaced;
    }

    /// Sample standard deviation, if there are changes enough.
    fn deviation(&self) -> Option<f64> {
        let count = self.changes.len();
        if count < self.changes_min {
            return None;
        }
        let spread = self.square_sum * count as i128 - self.sum * self.sum;
        let variance = spread as f64 / (count * (count - 1)) as f64;
        Some(libm::sqrt(variance))
    }
}

/// The mean imbalance of `len` buckets as a reading: drawn toward one half as long as fewer than
/// `wanted` are there.
fn shrunk(mean: f64, len: usize, is_full: bool, wanted: usize) -> Option<VpinValue> {
    if len == 0 {
        return None;
    }
    let mean = mean.clamp(0.0, 1.0);
    let value = if is_full {
        mean
    } else {
        0.5 + (mean - 0.5) * (len as f64 / wanted as f64)
    };
    Some(VpinValue {
        value,
        is_warming: !is_full,
        signed: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s08_huge_trade_fills_many_buckets_and_stays_in_range() {
        let mut vpin = Vpin::new(3, 50);
        assert!(vpin.trade(u64::from(u32::MAX), Side::Bid));
        assert_eq!(vpin.filled_count(), u64::from(u32::MAX) / 3);
        assert_eq!(vpin.open_bucket(), (0.0, 0.0));
        let value = vpin.value().expect("buckets are full");
        assert_eq!((value.value, value.is_warming), (1.0, false));
        assert!(vpin.trade(u64::MAX, Side::Ask));
        assert_eq!(vpin.open_bucket(), (0.0, (u64::MAX % 3) as f64));
    }

    #[test]
    fn s08_bucket_of_zero_is_one_of_one_and_size_zero_is_nothing() {
        let mut vpin = Vpin::new(0, 0);
        assert!(!vpin.trade(0, Side::Bid));
        assert_eq!(vpin.value(), None);
        assert!(vpin.trade(1, Side::Ask));
        assert_eq!(vpin.value().map(|it| it.value), Some(1.0));
        let mut bulk = BulkVpin::new(0, 0, 0, 0);
        assert!(!bulk.add(0, 0.5));
        assert!(bulk.add(u64::MAX, 0.25));
        let value = bulk.value().expect("buckets are full").value;
        assert!((0.0..=1.0).contains(&value), "{value}");
    }

    #[test]
    fn unknown_side_counts_half_for_each() {
        let mut vpin = Vpin::new(3, 1);
        vpin.trade(3, Side::None);
        assert_eq!(vpin.value().map(|it| it.value), Some(0.0));
        vpin.trade(1, Side::None);
        assert_eq!(vpin.open_bucket(), (0.5, 0.5));
    }

    #[test]
    fn session_start_empties_the_open_bucket_only() {
        let mut vpin = Vpin::new(10, 5);
        vpin.trade(14, Side::Bid);
        vpin.start_session();
        assert_eq!((vpin.open_bucket(), vpin.filled_count()), ((0.0, 0.0), 1));
        assert!(vpin.value().is_some());
    }

    #[test]
    fn fraction_without_deviation_or_with_nonsense_is_one_half() {
        for (change, deviation) in [
            (0.0, 0.0),
            (1.0, 0.0),
            (f64::NAN, 1.0),
            (1.0, f64::NAN),
            (f64::INFINITY, 1.0),
            (1.0, -1.0),
        ] {
            assert_eq!(bought_fraction(change, deviation), 0.5, "{change}");
        }
    }

    #[test]
    fn absurd_price_changes_leave_bulk_vpin_in_range() {
        let mut bulk = BulkVpin::new(10, 5, 4, 2);
        let mut bar = TimeBar::of_trade(undertow_core::types::Nanos(0), Price(0), 25);
        for close in [i64::MIN, i64::MAX - 1, 0, i64::MIN, 7, i64::MAX - 1] {
            bar.close = Price(close);
            bulk.bar(&bar);
        }
        for close in [1, 2, 3, 4, 5] {
            bar.close = Price(close);
            bulk.bar(&bar);
        }
        let value = bulk.value().expect("buckets are full").value;
        assert!((0.0..=1.0).contains(&value), "{value}");
    }
}
