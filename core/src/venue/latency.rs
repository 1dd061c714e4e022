//! How long messages take: a table of quantiles, and a draw that depends on the message alone.

use core::fmt;

use crate::order::ClientOrderId;

/// Shares of messages that take no longer, in millionths: the ends, the middle and the tail.
const AT_PPM: [u64; Latency::QUANTILES] = [0, 500_000, 900_000, 990_000, 999_000, 1_000_000];

/// Latencies of both ways in ns: the least, then at 50, 90, 99 and 99.9 %, and the most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Latency {
    /// From us to the venue.
    pub out_ns: [u64; Self::QUANTILES],
    /// From the venue to us.
    pub back_ns: [u64; Self::QUANTILES],
}

/// Why a table of latencies is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LatencyError {
    /// A latency is zero: nothing arrives before it is sent.
    Zero,
    /// A quantile is below the one before.
    Descends,
    /// A latency is above [`Latency::NS_MAX`].
    TooLong,
}

/// Which message of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leg {
    Place,
    Cancel,
    /// So many reports of the order came before it.
    Report(u32),
    /// The answer to a cancel of what is not there.
    Refusal,
}

impl Latency {
    /// Numbers in a table.
    pub const QUANTILES: usize = 6;

    /// The longest that is accepted: a minute.
    pub const NS_MAX: u64 = 60_000_000_000;

    /// Half of a TCP round trip of 128 bytes over one machine's loopback, polled without rest:
    /// 80,000 of them on two cores that a dozen other processes kept busy, which is what the
    /// tail shows. (The same on the idle machine has its middle at 2,750 ns.) No cable, no broker
    /// and no venue is in it: add them with [`Self::beyond`].
    pub const LOOPBACK: Self = Self::both([5_200, 8_400, 10_200, 43_600, 4_600_000, 8_000_000]);

    /// The same both ways.
    #[must_use]
    pub const fn both(ns: [u64; Self::QUANTILES]) -> Self {
        Self {
            out_ns: ns,
            back_ns: ns,
        }
    }

    /// Always so long, both ways.
    #[must_use]
    pub const fn constant(ns: u64) -> Self {
        Self::both([ns; Self::QUANTILES])
    }

    /// With so much more each way.
    #[must_use]
    pub fn beyond(self, ns: u64) -> Self {
        Self {
            out_ns: self.out_ns.map(|quantile| quantile.saturating_add(ns)),
            back_ns: self.back_ns.map(|quantile| quantile.saturating_add(ns)),
        }
    }

    /// Whether the table is sound.
    ///
    /// # Errors
    ///
    /// When it is not; the first reason.
    pub fn check(&self) -> Result<(), LatencyError> {
        for table in [&self.out_ns, &self.back_ns] {
            if table.contains(&0) {
                return Err(LatencyError::Zero);
            }
            if !table.is_sorted() {
                return Err(LatencyError::Descends);
            }
            if table.iter().any(|ns| *ns > Self::NS_MAX) {
                return Err(LatencyError::TooLong);
            }
        }
        Ok(())
    }

    /// How long a message takes: ns, never 0.
    pub(super) fn draw(&self, seed: u64, id: ClientOrderId, leg: Leg) -> u64 {
        let (table, leg) = match leg {
            Leg::Place => (&self.out_ns, 0),
            Leg::Cancel => (&self.out_ns, 1),
            Leg::Refusal => (&self.back_ns, 2),
            Leg::Report(before) => (&self.back_ns, 3 + u64::from(before)),
        };
        let hash = scramble(scramble(scramble(seed) ^ id.0) ^ leg);
        // The upper half as a share of a million.
        at(table, ((hash >> 32) * 1_000_000) >> 32)
    }
}

/// The table's value at a share in millionths, on the line between its neighbours.
fn at(table: &[u64; Latency::QUANTILES], ppm: u64) -> u64 {
    // Counted rather than searched: no branch that nobody can foresee.
    let inner = &AT_PPM[1..Latency::QUANTILES - 1];
    let above = 1 + inner.iter().filter(|share| **share <= ppm).count();
    let (from, to) = (table[above - 1], table[above]);
    let (low, high) = (AT_PPM[above - 1], AT_PPM[above]);
    from + (to - from) * (ppm - low) / (high - low)
}

/// The finalizer of SplitMix64.
const fn scramble(seed: u64) -> u64 {
    let mut hash = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    hash = (hash ^ hash >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    hash = (hash ^ hash >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    hash ^ hash >> 31
}

impl fmt::Display for LatencyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Zero => "a latency of zero is no latency: give each quantile above 0 ns",
            Self::Descends => "quantiles of latency must not descend",
            Self::TooLong => "a latency above a minute is out of range",
        })
    }
}

impl core::error::Error for LatencyError {}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: [u64; Latency::QUANTILES] = [100, 200, 400, 1_000, 5_000, 50_000];

    #[test]
    fn a_table_gives_its_quantiles_and_the_line_between_them() {
        let expected = [
            (0, 100),
            (250_000, 150),
            (500_000, 200),
            (700_000, 300),
            (900_000, 400),
            (990_000, 1_000),
            (999_000, 5_000),
            (999_999, 49_955),
        ];
        for (ppm, ns) in expected {
            assert_eq!(at(&TABLE, ppm), ns, "{ppm}");
        }
    }

    #[test]
    fn a_latency_of_zero_and_a_descending_table_are_refused() {
        assert_eq!(Latency::LOOPBACK.check(), Ok(()));
        assert_eq!(Latency::both(TABLE).beyond(1).check(), Ok(()));
        assert_eq!(Latency::constant(0).check(), Err(LatencyError::Zero));
        for place in 0..Latency::QUANTILES {
            let mut table = Latency::both(TABLE);
            table.back_ns[place] = 0;
            assert_eq!(table.check(), Err(LatencyError::Zero), "{place}");
        }
        let mut table = Latency::both(TABLE);
        table.out_ns[2] = 199;
        assert_eq!(table.check(), Err(LatencyError::Descends));
        let long = Latency::constant(Latency::NS_MAX + 1);
        assert_eq!(long.check(), Err(LatencyError::TooLong));
    }

    #[test]
    fn draws_follow_the_table_and_the_message_alone() {
        let latency = Latency {
            out_ns: TABLE,
            back_ns: TABLE.map(|ns| ns * 10),
        };
        let mut draws: alloc::vec::Vec<u64> = (0..100_000)
            .map(|id| latency.draw(7, ClientOrderId(id), Leg::Place))
            .collect();
        assert_eq!(draws[42], latency.draw(7, ClientOrderId(42), Leg::Place));
        assert_ne!(draws[42], latency.draw(8, ClientOrderId(42), Leg::Place));
        assert_ne!(draws[42], latency.draw(7, ClientOrderId(42), Leg::Cancel));
        assert!(latency.draw(7, ClientOrderId(42), Leg::Report(0)) >= 1_000);
        draws.sort_unstable();
        assert!(draws[0] >= 100 && draws[99_999] <= 50_000);
        // Each quantile within a hundredth of the shares that it is for.
        for (place, share) in [(1, 50_000), (2, 90_000), (3, 99_000)] {
            let below = draws.partition_point(|ns| *ns < TABLE[place]);
            assert!(below.abs_diff(share) < 1_000, "{place}: {below}");
        }
    }
}
