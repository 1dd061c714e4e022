//! Seeded chance. One seed gives independent streams, one per concern, so that adding a draw to
//! one concern leaves the others as they were; and every draw is the same on every platform
//! (`libm`, not the system's), so the same seed gives the same bytes anywhere.

use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng, SeedableRng};

/// What a stream of chance is for. The discriminant is mixed into the seed.
#[derive(Clone, Copy)]
pub(super) enum Concern {
    /// The book before the first message.
    Seeding = 1,
    /// Orders of the background.
    Flow,
    /// When they arrive.
    Arrivals,
    /// Planted activity.
    Planted,
    /// Delays between venue and capture.
    Latency,
    /// Faults.
    Faults,
    /// Open interest and settlements.
    Statistics,
}

/// One stream of chance.
pub(super) struct Random(Xoshiro256PlusPlus);

impl Random {
    /// The stream of `seed` for one concern.
    pub(super) fn new(seed: u64, concern: Concern) -> Self {
        let mixed = seed ^ (concern as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        Self(Xoshiro256PlusPlus::seed_from_u64(mixed))
    }

    /// A stream of its own that starts here.
    pub(super) fn fork(&mut self) -> Self {
        Self(Xoshiro256PlusPlus::seed_from_u64(self.bits()))
    }

    /// 64 fair bits.
    pub(super) fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// Uniform in `0..bound`; 0 when `bound` is 0.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        let wide = u128::from(self.bits()) * bound as u128;
        (wide >> 64) as usize
    }

    /// Uniform in `low..=high`.
    pub(super) fn between(&mut self, low: u32, high: u32) -> u32 {
        low + self.below((high - low) as usize + 1) as u32
    }

    /// Uniform in [0, 1).
    pub(super) fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 * (1.0 / (1_u64 << 53) as f64)
    }

    /// True with probability `p`.
    pub(super) fn chance(&mut self, p: f64) -> bool {
        self.unit() < p
    }

    /// Exponential with mean 1.
    pub(super) fn exponential(&mut self) -> f64 {
        -libm::log(1.0 - self.unit())
    }

    /// Roughly normal, mean 0 and variance 1 (twelve uniforms of 16 bits: no tails beyond 6).
    pub(super) fn normal(&mut self) -> f64 {
        let mut sum = 0_u64;
        for _ in 0..3 {
            let bits = self.bits();
            sum += (bits & 0xFFFF) + (bits >> 16 & 0xFFFF) + (bits >> 32 & 0xFFFF) + (bits >> 48);
        }
        sum as f64 / 65_536.0 - 6.0
    }
}

/// A distribution over small integers, drawn by one look-up: 8,192 quantiles of equal weight.
pub(super) struct Quantiles(Vec<u32>);

impl Quantiles {
    const COUNT: usize = 8_192;

    /// `weights[i]` is the relative weight of the value `i`.
    pub(super) fn of_weights(weights: &[f64]) -> Self {
        let total: f64 = weights.iter().sum();
        let mut quantiles = Vec::with_capacity(Self::COUNT);
        let mut value = 0;
        let mut reached = weights.first().copied().unwrap_or(0.0);
        for i in 0..Self::COUNT {
            let goal = (i as f64 + 0.5) / Self::COUNT as f64 * total;
            while reached < goal && value + 1 < weights.len() {
                value += 1;
                reached += weights[value];
            }
            quantiles.push(value as u32);
        }
        Self(quantiles)
    }

    /// The power law `(i + shift)^-exponent` over `0..bound`.
    pub(super) fn power_law(shift: f64, exponent: f64, bound: usize) -> Self {
        let weight = |i: usize| libm::pow(i as f64 + shift, -exponent);
        Self::of_weights(&(0..bound).map(weight).collect::<Vec<_>>())
    }

    /// One value.
    pub(super) fn draw(&self, random: &mut Random) -> u32 {
        self.0[random.below(Self::COUNT)]
    }
}
