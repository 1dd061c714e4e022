//! When things happen: a self-exciting (Hawkes) process with a fast and a slow memory.
//!
//! Every arrival raises the intensity, which then decays; so arrivals come in bursts within
//! bursts, as they do in a market. Drawn by thinning (Ogata); time is in seconds.

use super::random::Random;

/// Share of arrivals caused by earlier ones within tens of milliseconds, and within seconds.
const FAST_SHARE: f64 = 0.45;
const SLOW_SHARE: f64 = 0.3;
/// Decay of the two memories, per second.
const FAST_DECAY: f64 = 60.0;
const SLOW_DECAY: f64 = 0.8;

/// See the module.
pub(super) struct Arrivals {
    /// Arrivals a second that nothing causes, at profile 1.
    base: f64,
    fast: f64,
    slow: f64,
}

impl Arrivals {
    /// `rate` arrivals a second in the long run, at profile 1.
    pub(super) fn new(rate: f64) -> Self {
        let base = rate * (1.0 - FAST_SHARE - SLOW_SHARE);
        Self {
            base,
            fast: rate * FAST_SHARE,
            slow: rate * SLOW_SHARE,
        }
    }

    /// Seconds to the next arrival; `profile` scales the rate of the uncaused ones now.
    pub(super) fn next(&mut self, profile: f64, random: &mut Random) -> f64 {
        let base = self.base * profile;
        let mut waited = 0.0;
        loop {
            let bound = base + self.fast + self.slow;
            let step = random.exponential() / bound;
            waited += step;
            self.fast *= libm::exp(-FAST_DECAY * step);
            self.slow *= libm::exp(-SLOW_DECAY * step);
            if random.unit() * bound < base + self.fast + self.slow {
                self.fast += FAST_SHARE * FAST_DECAY;
                self.slow += SLOW_SHARE * SLOW_DECAY;
                return waited;
            }
        }
    }
}

/// The day's shape: busy at the open and the close, half as busy at noon; its mean is 1.
/// `progress` runs from 0 at the open to 1 at the close.
pub(super) fn intraday(progress: f64) -> f64 {
    let edge = 2.0 * progress - 1.0;
    0.55 + 1.35 * edge * edge
}
