//! VPIN bucket size from the sizes of trades (A2), or from volume per day (Easley, López de Prado,
//! O'Hara, RFS 25(5), 2012: a fiftieth).
//!
//! One-dimensional k-means solved exactly, so that no seed decides: with sorted values the best
//! clusters are contiguous, and dynamic programming finds them (Wang & Song, *The R Journal*
//! 3(2), 2011). Sums are integers, of each cluster's cost only the last division is rounded.

use alloc::vec;
use alloc::vec::Vec;

/// Contracts or shares of a bucket when there are too few trades.
pub const BUCKET_DEFAULT: u64 = 100;

/// Least contracts or shares of a discovered bucket.
pub const MIN_BUCKET: u64 = 50;

/// Most contracts or shares of a discovered bucket.
pub const MAX_BUCKET: u64 = 500;

/// Fewer trades than this say nothing.
pub const TRADES_MIN: usize = 1_000;

const CLUSTERS: usize = 5;

/// A bucket size and where it comes from.
#[derive(Clone, Debug, PartialEq)]
pub struct Bucket {
    /// Contracts or shares.
    pub volume: u64,
    /// What it stands on.
    pub basis: Basis,
}

/// What a bucket size stands on.
#[derive(Clone, Debug, PartialEq)]
pub enum Basis {
    /// The middle one of these cluster centres, ascending; rounded and held within limits.
    Centres(Vec<f64>),
    /// Too few trades, and nothing to scale by: the default.
    TooFewTrades,
    /// Too few trades: the reference's bucket times the ratio of daily volumes.
    Scaled,
}

/// The bucket size of a symbol from the sizes of its trades, in any order.
#[must_use]
pub fn bucket(sizes: &[u32]) -> Bucket {
    if sizes.len() < TRADES_MIN {
        return Bucket {
            volume: BUCKET_DEFAULT,
            basis: Basis::TooFewTrades,
        };
    }
    let centres = centres(sizes, CLUSTERS);
    Bucket {
        volume: Bucket::from_centres(&centres),
        basis: Basis::Centres(centres),
    }
}

impl Bucket {
    /// The size that ascending cluster centres give: the middle one (of an even number the lower),
    /// rounded half up, within the limits.
    #[must_use]
    pub fn from_centres(centres: &[f64]) -> u64 {
        let middle = centres.len().div_ceil(2).checked_sub(1);
        middle.map_or(BUCKET_DEFAULT, |middle| {
            let rounded = libm::floor(centres[middle] + 0.5) as u64;
            rounded.clamp(MIN_BUCKET, MAX_BUCKET)
        })
    }

    /// For a symbol with too few trades: this reference's size by the ratio of daily volumes,
    /// rounded half up, within the limits. Absent when the reference has no volume.
    #[must_use]
    pub fn scaled(&self, daily_volume: u64, reference_volume: u64) -> Option<Self> {
        let doubled = 2 * u128::from(self.volume) * u128::from(daily_volume);
        let twice = 2 * u128::from(reference_volume);
        let rounded = (doubled + u128::from(reference_volume)).checked_div(twice)?;
        let volume = u64::try_from(rounded).unwrap_or(u64::MAX);
        Some(Self {
            volume: volume.clamp(MIN_BUCKET, MAX_BUCKET),
            basis: Basis::Scaled,
        })
    }
}

/// A fiftieth of the average daily volume, rounded half up; absent when that is nothing.
#[must_use]
pub const fn adv50(average_daily_volume: u64) -> Option<u64> {
    match average_daily_volume.saturating_add(25) / 50 {
        0 => None,
        volume => Some(volume),
    }
}

/// The ascending centres of the `k` clusters of `sizes` with the least sum of squares, or of as
/// many as there are distinct sizes. Of clusterings that are equally good, the one whose clusters
/// begin further left.
#[must_use]
pub fn centres(sizes: &[u32], k: usize) -> Vec<f64> {
    let prefix = Prefix::of(sizes);
    let k = k.min(prefix.distinct());
    if k == 0 {
        return Vec::new();
    }
    let starts = Splits::best(&prefix, k).starts();
    let ends = starts.iter().skip(1).copied().chain([prefix.distinct()]);
    starts
        .iter()
        .zip(ends)
        .map(|(start, end)| prefix.mean(*start, end))
        .collect()
}

/// Sums over the distinct sizes up to each one, ascending.
struct Prefix {
    /// (trades, Σ size, Σ size²) of the distinct sizes before this index.
    sums: Vec<(u64, u128, u128)>,
}

impl Prefix {
    fn of(sizes: &[u32]) -> Self {
        let mut sorted = sizes.to_vec();
        sorted.sort_unstable();
        let mut sums = vec![(0, 0, 0)];
        let mut running = (0_u64, 0_u128, 0_u128);
        for same in sorted.chunk_by(|a, b| a == b) {
            let (count, size) = (same.len() as u128, u128::from(same[0]));
            running.0 += same.len() as u64;
            running.1 += count * size;
            running.2 += count * size * size;
            sums.push(running);
        }
        Self { sums }
    }

    fn distinct(&self) -> usize {
        self.sums.len() - 1
    }

    fn mean(&self, start: usize, end: usize) -> f64 {
        let (from, to) = (self.sums[start], self.sums[end]);
        (to.1 - from.1) as f64 / (to.0 - from.0) as f64
    }

    /// Sum of squared differences from the mean of the distinct sizes `start..end`.
    fn cost(&self, start: usize, end: usize) -> f64 {
        let (from, to) = (self.sums[start], self.sums[end]);
        let trades = u128::from(to.0 - from.0);
        let (sum, squares) = (to.1 - from.1, to.2 - from.2);
        // Cauchy and Schwarz: never below 0.
        (squares * trades - sum * sum) as f64 / trades as f64
    }
}

/// For every number of clusters and of leading sizes, where the last cluster begins.
struct Splits<'a> {
    prefix: &'a Prefix,
    /// By layer, then by how many sizes are covered.
    begins: Vec<Vec<usize>>,
    /// Of the layer before.
    costs: Vec<f64>,
}

impl<'a> Splits<'a> {
    fn best(prefix: &'a Prefix, k: usize) -> Self {
        let covered = prefix.distinct() + 1;
        let mut splits = Self {
            prefix,
            begins: vec![vec![0; covered]],
            costs: (0..covered)
                .map(|end| if end == 0 { 0.0 } else { prefix.cost(0, end) })
                .collect(),
        };
        for layer in 1..k {
            let mut next = (vec![0; covered], vec![f64::INFINITY; covered]);
            splits.fill((layer + 1, covered), (layer, covered - 1), &mut next);
            splits.begins.push(next.0);
            splits.costs = next.1;
        }
        splits
    }

    /// Finds the best beginning for every end in `ends`, knowing that it lies in `begins`: the
    /// best beginning never moves left when the end moves right.
    fn fill(
        &self,
        ends: (usize, usize),
        begins: (usize, usize),
        next: &mut (Vec<usize>, Vec<f64>),
    ) {
        if ends.0 >= ends.1 {
            return;
        }
        let end = ends.0 + (ends.1 - ends.0) / 2;
        let (mut best, mut least) = (begins.0, f64::INFINITY);
        for begin in begins.0..=begins.1.min(end - 1) {
            let cost = self.costs[begin] + self.prefix.cost(begin, end);
            if cost < least {
                (best, least) = (begin, cost);
            }
        }
        next.0[end] = best;
        next.1[end] = least;
        self.fill((ends.0, end), (begins.0, best), next);
        self.fill((end + 1, ends.1), (best, begins.1), next);
    }

    /// Where each cluster begins, from the first one on.
    fn starts(&self) -> Vec<usize> {
        let mut end = self.prefix.distinct();
        let mut starts: Vec<usize> = self
            .begins
            .iter()
            .rev()
            .map(|begins| {
                end = begins[end];
                end
            })
            .collect();
        starts.reverse();
        starts
    }
}
