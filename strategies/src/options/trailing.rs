//! How far a figure stands from what it was (A11 `gex_z`, `dex_z`): a z-score against the samples
//! before it, never against itself.

use alloc::collections::VecDeque;

/// The samples before now.
#[derive(Clone, Debug)]
pub struct Trailing {
    samples: VecDeque<f64>,
    samples_max: usize,
    samples_min: usize,
}

impl Trailing {
    /// As exposure is followed: 120 samples ten seconds apart, of which 30 must be there.
    #[must_use]
    pub fn standard() -> Self {
        Self::new(120, 30)
    }

    /// Keeps `samples_max` samples and says nothing before there are `samples_min`; two at least.
    #[must_use]
    pub fn new(samples_max: usize, samples_min: usize) -> Self {
        // Written once, so that no page of it is missing later.
        let mut samples: VecDeque<_> = core::iter::repeat_n(0.0, samples_max).collect();
        samples.clear();
        Self {
            samples,
            samples_max,
            samples_min: samples_min.max(2),
        }
    }

    /// The z-score of `sample` by mean and sample deviation of those before, then keeps it.
    ///
    /// Absent while there are too few, or when they are all alike. A sample that is no number is
    /// neither scored nor kept.
    pub fn score(&mut self, sample: f64) -> Option<f64> {
        let sample = super::finite(sample)?;
        let z = self
            .deviation()
            .and_then(|(mean, sd)| super::ratio(sample - mean, sd));
        if self.samples.len() == self.samples_max {
            self.samples.pop_front();
        }
        if self.samples.len() < self.samples_max {
            self.samples.push_back(sample);
        }
        z
    }

    /// Forgets every sample.
    pub fn clear(&mut self) {
        self.samples.clear();
    }

    /// Samples kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.samples.len()
    }

    /// Whether none is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.samples.is_empty()
    }

    fn deviation(&self) -> Option<(f64, f64)> {
        let count = self.samples.len();
        let is_flat = self
            .samples
            .iter()
            .all(|it| Some(it) == self.samples.front());
        if count < self.samples_min || is_flat {
            return None;
        }
        let mean = self.samples.iter().sum::<f64>() / count as f64;
        let squares: f64 = self
            .samples
            .iter()
            .map(|it| (it - mean) * (it - mean))
            .sum();
        Some((mean, libm::sqrt(squares / (count - 1) as f64)))
    }
}
