//! Percentiles by rank, in whole numbers.
//!
//! A percentile is the smallest recorded value with enough samples at or below it. Ranks are
//! integers because `0.9999 * 100_000` in floating point is not where one expects it. Invariant:
//! no reading without [`BEYOND_MIN`] samples beyond it. Values carry the histogram's precision:
//! a reading is the top of its bin, but never above the exact maximum.

use hdrhistogram::Histogram;

use crate::recorder::{HIGH_NS, Row};

/// A percentile needs at least this many samples beyond it; fewer are an anecdote.
pub const BEYOND_MIN: u64 = 10;

const PER_MILLION: u64 = 1_000_000;

/// A percentile by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Percentile {
    /// As in a table's head: `p99.9`.
    pub name: &'static str,
    /// As in a key: `p99_9`.
    pub key: &'static str,
    /// The share of samples beyond it, in parts per million.
    beyond_ppm: u64,
}

/// The percentiles that reports tell, ascending.
pub const LADDER: [Percentile; 5] = [
    Percentile::new("p50", "p50", 500_000),
    Percentile::new("p90", "p90", 100_000),
    Percentile::new("p99", "p99", 10_000),
    Percentile::new("p99.9", "p99_9", 1_000),
    Percentile::new("p99.99", "p99_99", 100),
];

impl Percentile {
    const fn new(name: &'static str, key: &'static str, beyond_ppm: u64) -> Self {
        Self {
            name,
            key,
            beyond_ppm,
        }
    }

    /// The share of samples at or below it, 0 to 1.
    #[must_use]
    pub fn quantile(self) -> f64 {
        (PER_MILLION - self.beyond_ppm) as f64 / PER_MILLION as f64
    }

    /// Its rank among `count` samples, 1 to `count`; absent without samples enough beyond it.
    #[must_use]
    pub fn rank(self, count: u64) -> Option<u64> {
        let beyond = u128::from(count) * u128::from(self.beyond_ppm) / u128::from(PER_MILLION);
        let beyond = u64::try_from(beyond).ok()?;
        (BEYOND_MIN <= beyond).then(|| count - beyond)
    }
}

/// What a percentile turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// So many ns.
    Ns(u64),
    /// Above [`HIGH_NS`]: among the saturated samples.
    OverRange,
    /// Fewer than [`BEYOND_MIN`] samples beyond it.
    TooFew,
}

/// Samples that the histogram cannot tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bin {
    /// The lowest value it stands for, in ns.
    pub low_ns: u64,
    /// The highest value it stands for, in ns.
    pub high_ns: u64,
    /// How many samples lie in it or below.
    pub rank: u64,
}

/// The recorded bins of a row, ascending.
#[derive(Clone, Debug)]
pub struct Bins {
    bins: Vec<Bin>,
    max_ns: u64,
    saturated: u64,
}

impl Bins {
    /// The bins of a row.
    #[must_use]
    pub fn of(row: &Row) -> Self {
        Self {
            bins: bins(&row.histogram),
            max_ns: row.max_ns,
            saturated: row.saturated,
        }
    }

    /// All of them, ascending by value.
    #[must_use]
    pub fn all(&self) -> &[Bin] {
        &self.bins
    }

    /// How many samples there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.bins.last().map_or(0, |bin| bin.rank)
    }

    /// A percentile, if it may be told.
    #[must_use]
    pub fn percentile(&self, percentile: Percentile) -> Reading {
        let count = self.count();
        let Some(rank) = percentile.rank(count) else {
            return Reading::TooFew;
        };
        if count - self.saturated.min(count) < rank {
            return Reading::OverRange;
        }
        self.at_rank(rank).map_or(Reading::TooFew, |bin| {
            Reading::Ns(bin.high_ns.min(self.max_ns).min(HIGH_NS))
        })
    }

    /// The bin of the sample with this rank, counted from 1; absent beyond the last.
    #[must_use]
    pub fn at_rank(&self, rank: u64) -> Option<Bin> {
        let idx = self.bins.partition_point(|bin| bin.rank < rank);
        self.bins.get(idx).copied()
    }
}

fn bins(histogram: &Histogram<u64>) -> Vec<Bin> {
    let mut rank = 0;
    histogram
        .iter_recorded()
        .map(|step| {
            rank += step.count_at_value();
            let value_ns = step.value_iterated_to();
            Bin {
                low_ns: histogram.lowest_equivalent(value_ns),
                high_ns: histogram.highest_equivalent(value_ns),
                rank,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::Random;
    use crate::recorder::{Basis, Recorder};

    fn row_of(samples: &[u64]) -> Row {
        let mut recorder = Recorder::new("book", Basis::Work);
        for &sample in samples {
            recorder.record(i64::try_from(sample).unwrap());
        }
        recorder.finish()
    }

    #[test]
    fn percentiles_agree_with_a_sorted_vector_within_the_stated_precision() {
        let mut random = Random::new(7);
        for count in [20_u64, 999, 1_000, 100_000, 123_457] {
            // Log-uniform over ten decades' worth of bits, as latencies are spread.
            let mut samples: Vec<u64> = (0..count)
                .map(|_| (random.uniform() * 23.0).exp() as u64)
                .collect();
            let bins = Bins::of(&row_of(&samples));
            samples.sort_unstable();
            for percentile in LADDER {
                let Reading::Ns(found_ns) = bins.percentile(percentile) else {
                    assert!(percentile.rank(count).is_none());
                    continue;
                };
                let rank = usize::try_from(percentile.rank(count).unwrap()).unwrap();
                let exact_ns = samples[rank - 1];
                assert!(exact_ns <= found_ns, "{} of {count}", percentile.name);
                // Two significant digits are kept in bins of 1/128 of the value.
                assert!(found_ns - exact_ns <= exact_ns / 100 + 1);
            }
        }
    }

    #[test]
    fn a_percentile_needs_ten_samples_beyond_it() {
        let needs = [20, 100, 1_000, 10_000, 100_000];
        for (percentile, count) in LADDER.into_iter().zip(needs) {
            assert_eq!(percentile.rank(count), Some(count - 10));
            assert_eq!(percentile.rank(count - 1), None);
        }
        assert_eq!(LADDER[0].rank(0), None);
        assert_eq!(LADDER[0].rank(u64::MAX), Some(1 << 63));
    }

    #[test]
    fn a_percentile_among_saturated_samples_is_over_range() {
        let mut samples = vec![100; 50];
        samples.extend([HIGH_NS + 1; 50]);
        let bins = Bins::of(&row_of(&samples));
        assert_eq!(bins.percentile(LADDER[0]), Reading::Ns(100));
        assert_eq!(bins.percentile(LADDER[1]), Reading::OverRange);
    }

    #[test]
    fn a_reading_never_exceeds_the_exact_maximum() {
        let bins = Bins::of(&row_of(&[1_000_001; 40]));
        assert_eq!(bins.percentile(LADDER[0]), Reading::Ns(1_000_001));
    }
}
