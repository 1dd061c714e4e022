//! Seeded chance of a simulation: SplitMix64, one stream a concern, so that a draw added to one
//! leaves the others as they were. Integers only: the same on every machine.

/// What a stream of chance is for. The discriminant is mixed into the seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Concern {
    /// What kind of session it is: sizes, limits, latencies.
    World = 1,
    /// What goes wrong between the feed and us.
    Feed,
    /// What goes wrong between us and the venue.
    Venue,
    /// What the operator does.
    Operator,
    /// What the disk does, and when the process dies.
    Disk,
}

/// One stream of chance.
#[derive(Clone, Debug)]
pub(super) struct Chance(u64);

impl Chance {
    pub(super) const fn new(seed: u64, concern: Concern) -> Self {
        Self(seed ^ (concern as u64).wrapping_mul(0xD6E8_FEB8_6659_FD93))
    }

    pub(super) const fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Uniform in `0..bound`; 0 when `bound` is 0.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        let wide = u128::from(self.bits()) * u128::from(bound);
        u64::try_from(wide >> 64).unwrap_or(0)
    }

    /// Uniform in `low..=high`.
    pub(super) fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high - low + 1)
    }

    /// True in so many of a million cases.
    pub(super) fn happens(&mut self, ppm: u32) -> bool {
        self.below(1_000_000) < u64::from(ppm)
    }

    /// A time between `low` and `high` whose order of magnitude is drawn first, so that short
    /// ones are as common as long ones.
    pub(super) fn span(&mut self, low: u64, high: u64) -> u64 {
        let magnitudes = u64::from((high / low.max(1)).max(1).ilog2());
        let scale = low << self.below(magnitudes + 1);
        self.between(scale.min(high), (2 * scale).min(high))
    }

    /// One of them.
    pub(super) fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        let at = self.below(of.len() as u64);
        of[usize::try_from(at).unwrap_or(0)]
    }
}
