//! N13: how plausible a signal of the NQ algorithms is, from what became of signals like it, the
//! chain around it, the hour, and checks on its own numbers.
//!
//! All scores are reals in 0–1. The best that can be reached is .90.

use super::border::{above, at_least, below};
use super::moment::Window;

/// Hours in which signals are as good as they get.
const CORE_HOURS: Window = Window::new((10, 0), (15, 30));

/// Regular trading hours.
const REGULAR_HOURS: Window = Window::new((9, 30), (16, 0));

/// What is vetted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Candidate {
    /// 0–1.
    pub confidence: f64,
    /// Expected value, points of the underlying.
    pub expected_value: f64,
    /// Reward over risk.
    pub reward_risk: f64,
    /// Contracts traded.
    pub volume: u64,
    /// Premium traded, USD.
    pub notional: f64,
    /// Time since midnight in New York, ns.
    pub time_of_day_ns: u64,
    /// Whether no neighbouring strike shows the same.
    pub is_isolated: bool,
    /// Volume over open interest, as the v1 algorithm measures it.
    pub v1_ratio: Option<f64>,
    /// Pressure ratio of the v3 algorithm, and over how many windows it was seen.
    pub v3_ratio: Option<(f64, u32)>,
    /// Further checks of the caller's that failed.
    pub failed_checks: u32,
}

/// Past signals of the same algorithm, level, side and hour, within ±.05 of the confidence.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct History {
    /// Share of them that were right, 0–1.
    pub success_rate: f64,
    /// How many.
    pub count: u32,
    /// Days since the last of them.
    pub days: f64,
}

/// The parts of the verdict.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Parts {
    /// From past signals.
    pub historical: f64,
    /// From the chain.
    pub context: f64,
    /// From the hour.
    pub timing: f64,
    /// From the candidate's own numbers.
    pub technical: f64,
    /// How likely it is a false positive.
    pub false_positive: f64,
}

/// The verdict.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Verdict {
    /// The parts weighed, at most .90.
    pub score: f64,
    /// Whether it may go on.
    pub is_valid: bool,
    /// What to add to the confidence.
    pub adjustment: f64,
}

impl Parts {
    /// Works out every part. `context` is that of [`context`]; none leaves the chain unknown,
    /// which counts as the worst.
    #[must_use]
    pub fn of(candidate: &Candidate, history: Option<&History>, context: Option<f64>) -> Self {
        let context = context.unwrap_or(0.0);
        let timing = timing(candidate.time_of_day_ns);
        Self {
            historical: history.map_or(0.5, History::score),
            context,
            timing,
            technical: candidate.technical(),
            false_positive: candidate.false_positive(timing, context),
        }
    }

    /// Weighs the parts.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let score = 0.25 * self.historical
            + 0.20 * self.context
            + 0.20 * self.timing
            + 0.25 * self.technical
            - 0.10 * self.false_positive;
        Verdict {
            score,
            is_valid: at_least(score, 0.65) && below(self.false_positive, 0.5),
            adjustment: (score - 0.5) * 0.2,
        }
    }
}

impl History {
    /// The success rate, drawn to one half when it rests on few or old signals.
    #[must_use]
    pub fn score(&self) -> f64 {
        let by_count = (f64::from(self.count) / 50.0).min(1.0);
        let by_age = (1.0 - self.days / 30.0).max(0.1);
        0.5 + (self.success_rate - 0.5) * by_count * by_age
    }
}

impl Candidate {
    /// The six checks on its own numbers: true is passed.
    fn checks(&self) -> [bool; 6] {
        [
            at_least(self.confidence, 0.60),
            !above(self.confidence, 0.98),
            at_least(self.expected_value, 5.0),
            at_least(self.reward_risk, 0.8),
            self.volume >= 10,
            at_least(self.notional, 1_000.0),
        ]
    }

    fn technical(&self) -> f64 {
        let passed = self.checks().iter().filter(|passed| **passed).count();
        passed as f64 / 6.0
    }

    /// The sum of what speaks for a false positive, at most 1.
    fn false_positive(&self, timing: f64, context: f64) -> f64 {
        let [low, high, value, reward, volume, notional] = self.checks();
        let is_far = |ratio: Option<f64>, most: f64| ratio.is_some_and(|x| above(x, most));
        let v3 = self.v3_ratio.filter(|(_, windows)| *windows == 1);
        let signs = [
            (!low, 0.2),
            (!high, 0.3),
            (!value, 0.15),
            (!reward, 0.15),
            (!volume, 0.1),
            (!notional, 0.1),
            (below(timing, 0.8), 0.2),
            (below(context, 0.5), 0.15),
            (below(context, 0.3), 0.2),
            (self.is_isolated, 0.1),
            (is_far(self.v1_ratio, 100.0), 0.15),
            (is_far(v3.map(|(ratio, _)| ratio), 5.0), 0.15),
        ];
        let sum: f64 = signs.iter().filter(|(on, _)| *on).map(|(_, x)| x).sum();
        (sum + 0.05 * f64::from(self.failed_checks)).min(1.0)
    }
}

/// The quality of the chain around a signal: .4·(1 − HHI of volume by strike) + .6·max(0, 1 −
/// average relative spread/.10); none without volume or spread.
#[must_use]
pub fn context(volumes: &[u64], relative_spread: f64) -> Option<f64> {
    let total: f64 = volumes.iter().map(|volume| *volume as f64).sum();
    if total <= 0.0 || !relative_spread.is_finite() {
        return None;
    }
    let concentration: f64 = volumes
        .iter()
        .map(|volume| *volume as f64 / total)
        .map(|share| share * share)
        .sum();
    context_of(concentration, relative_spread)
}

/// The same from the concentration (HHI, 0–1) of whatever stands for the volume; none where one
/// of them is no number.
#[must_use]
pub fn context_of(concentration: f64, relative_spread: f64) -> Option<f64> {
    let spread = (1.0 - relative_spread / 0.10).clamp(0.0, 1.0);
    let context = 0.4 * (1.0 - concentration) + 0.6 * spread;
    context.is_finite().then_some(context)
}

/// 1 in the core of the day, .8 in the rest of regular hours, else .1.
fn timing(time_of_day_ns: u64) -> f64 {
    if CORE_HOURS.contains(time_of_day_ns) {
        1.0
    } else if REGULAR_HOURS.contains(time_of_day_ns) {
        0.8
    } else {
        0.1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sound() -> Candidate {
        Candidate {
            confidence: 0.7,
            expected_value: 6.0,
            reward_risk: 1.0,
            volume: 100,
            notional: 5_000.0,
            time_of_day_ns: 11 * 3_600_000_000_000,
            is_isolated: false,
            v1_ratio: None,
            v3_ratio: None,
            failed_checks: 0,
        }
    }

    #[test]
    fn sound_candidate_passes_every_check() {
        let parts = Parts::of(&sound(), None, Some(1.0));
        assert_eq!((parts.technical, parts.false_positive), (1.0, 0.0));
        assert_eq!((parts.historical, parts.timing), (0.5, 1.0));
        assert!(parts.verdict().is_valid);
    }

    #[test]
    fn unknown_chain_counts_as_the_worst() {
        let parts = Parts::of(&sound(), None, None);
        assert!((parts.false_positive - 0.35).abs() < 1e-12);
        assert!(!parts.verdict().is_valid);
    }

    #[test]
    fn checks_pass_at_their_borders() {
        let border = Candidate {
            confidence: 0.98,
            expected_value: 5.0,
            reward_risk: 0.8,
            volume: 10,
            notional: 1_000.0,
            v1_ratio: Some(100.0),
            v3_ratio: Some((5.0, 1)),
            ..sound()
        };
        assert_eq!(Parts::of(&border, None, Some(0.5)).false_positive, 0.0);
        let beyond = Candidate {
            volume: 9,
            v1_ratio: Some(100.1),
            ..border
        };
        let parts = Parts::of(&beyond, None, Some(0.5));
        assert!((parts.false_positive - 0.25).abs() < 1e-12);
        assert!((parts.technical - 5.0 / 6.0).abs() < 1e-12);
    }

    #[test]
    fn history_is_drawn_to_one_half() {
        let history = |count, days| History {
            success_rate: 0.9,
            count,
            days,
        };
        assert!((history(50, 0.0).score() - 0.9).abs() < 1e-12);
        assert!((history(25, 0.0).score() - 0.7).abs() < 1e-12);
        assert!((history(50, 300.0).score() - 0.54).abs() < 1e-12);
    }
}
