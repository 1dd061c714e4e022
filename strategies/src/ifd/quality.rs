//! N8: how good a signal is, beyond its confidence.

use super::confidence::Action;

/// Half-life of a signal's relevance, seconds.
const HALF_LIFE: f64 = 300.0;
/// What learning changes on a result.
const LEARNING_RATE: f64 = 0.1;
/// The most that learning changes in all.
const LEARNED_MAX: f64 = 0.2;

/// What the quality of a signal is judged by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Evidence {
    /// Contracts in its window.
    pub volume: u64,
    /// Age, seconds; a negative one counts as 0.
    pub age: f64,
    /// Signals nearby in the same direction.
    pub neighbours: u32,
    /// Their mean confidence; none without any.
    pub neighbour_confidence: Option<f64>,
    /// Standard deviations above what is usual; none without history.
    pub z: Option<f64>,
}

impl Evidence {
    /// The multiplier, in [0.5, 1.5].
    #[must_use]
    pub fn multiplier(&self) -> f64 {
        let sum = 0.3 * self.volume_weight()
            + 0.2 * self.time_relevance()
            + 0.3 * self.coordination()
            + 0.2 * self.baseline_strength();
        sum.clamp(0.5, 1.5)
    }

    /// From 0.5 at 100 contracts to 1 at 5000.
    #[must_use]
    pub fn volume_weight(&self) -> f64 {
        let place = (self.volume as f64 - 100.0) / 4_900.0;
        0.5 + 0.5 * place.clamp(0.0, 1.0)
    }

    /// Halves every five minutes, down to 0.1. An age that is no number is the oldest.
    #[must_use]
    pub fn time_relevance(&self) -> f64 {
        if self.age.is_nan() {
            return 0.1;
        }
        libm::pow(0.5, self.age.max(0.0) / HALF_LIFE).max(0.1)
    }

    /// From 0.8 alone to 1.2 with three or more confident neighbours.
    #[must_use]
    pub fn coordination(&self) -> f64 {
        let trust = 0.5 + 0.5 * self.neighbour_confidence.unwrap_or(0.0);
        match self.neighbours {
            0 => 0.8,
            1 => 0.9 * trust,
            2 => 1.1 * trust,
            _ => 1.2 * trust,
        }
    }

    /// 0.5 without history, else by how far out of the usual, at least 0.3.
    #[must_use]
    pub fn baseline_strength(&self) -> f64 {
        let logistic = |z: f64| 1.0 / (1.0 + libm::exp(-2.0 * (z.abs() - 2.0)));
        self.z
            .filter(|z| !z.is_nan())
            .map_or(0.5, |z| logistic(z).max(0.3))
    }
}

/// The action after quality: one level down below 0.7, one up above 1.2.
#[must_use]
pub fn adjust(action: Action, multiplier: f64) -> Action {
    if multiplier < 0.7 {
        action.down()
    } else if multiplier > 1.2 {
        action.up()
    } else {
        action
    }
}

/// What results have taught, to be added to the multiplier: little by little, a loss twice what
/// a win does.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct Learned {
    adjustment: f64,
}

impl Learned {
    /// Takes note of a result.
    pub fn note(&mut self, has_won: bool) {
        let step = if has_won { 0.1 } else { -0.2 };
        let sum = self.adjustment + LEARNING_RATE * step;
        self.adjustment = sum.clamp(-LEARNED_MAX, LEARNED_MAX);
    }

    /// In [−0.2, 0.2].
    #[must_use]
    pub const fn adjustment(&self) -> f64 {
        self.adjustment
    }
}
