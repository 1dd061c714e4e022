//! Bollinger bands (A16): the mean of the last n values, and so many deviations on each side.

use super::Window;

/// Bands of `width` population standard deviations about SMA(n).
#[derive(Clone, Debug)]
pub struct Bollinger {
    window: Window,
    width: f64,
}

/// What the indicator says, in the values' unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bands {
    /// Mean plus the deviations.
    pub upper: f64,
    /// The mean.
    pub middle: f64,
    /// Mean less the deviations.
    pub lower: f64,
}

impl Default for Bollinger {
    /// The usual 20 values and 2 deviations.
    fn default() -> Self {
        Self::new(20, 2.0)
    }
}

impl Bollinger {
    /// Bands over `period` values, `width` deviations from the mean.
    ///
    /// # Panics
    /// When `period` is 0, or `width` is negative or not finite.
    #[must_use]
    pub fn new(period: usize, width: f64) -> Self {
        assert!(
            width >= 0.0 && width.is_finite(),
            "a width is a number of deviations"
        );
        Self {
            window: Window::new(period),
            width,
        }
    }

    /// Takes a value in and says the reading.
    pub fn update(&mut self, value: f64) -> Option<Bands> {
        self.window.update(value);
        self.reading()
    }

    /// The bands; absent until there are n values.
    #[must_use]
    pub fn reading(&self) -> Option<Bands> {
        let middle = self.window.sma()?;
        let half = self.width * self.window.std_pop()?;
        let bands = Bands {
            upper: middle + half,
            middle,
            lower: middle - half,
        };
        (bands.upper.is_finite() && bands.lower.is_finite()).then_some(bands)
    }
}
