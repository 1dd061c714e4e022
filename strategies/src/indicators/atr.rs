//! Average true range (A16) after Wilder, 1978.
//!
//! A true range needs the close before it, so the first bar gives none.

/// ATR(n): seeded with the mean of the first n true ranges, then `((n-1)·average + range)/n`.
#[derive(Clone, Copy, Debug)]
pub struct Atr {
    period: u32,
    /// True ranges seen, up to n.
    seen: u32,
    previous_close: Option<f64>,
    /// The sum until there are n, then the average.
    value: f64,
}

impl Atr {
    /// An average over `period` bars.
    ///
    /// # Panics
    /// When `period` is 0.
    #[must_use]
    pub const fn new(period: u32) -> Self {
        assert!(period > 0, "an average needs a bar");
        Self {
            period,
            seen: 0,
            previous_close: None,
            value: 0.0,
        }
    }

    /// Takes a bar in and says the reading. A bar whose high is below its low is left out.
    pub fn update(&mut self, high: f64, low: f64, close: f64) -> Option<f64> {
        let is_bar = high.is_finite() && low.is_finite() && close.is_finite() && high >= low;
        if !is_bar {
            return self.reading();
        }
        if let Some(previous) = self.previous_close.replace(close) {
            self.take(high.max(previous) - low.min(previous));
        }
        self.reading()
    }

    /// The average, in the prices' unit; absent until there are n true ranges.
    #[must_use]
    pub fn reading(&self) -> Option<f64> {
        (self.seen == self.period && self.value.is_finite()).then_some(self.value)
    }

    fn take(&mut self, range: f64) {
        let n = f64::from(self.period);
        if self.seen < self.period {
            self.seen += 1;
            self.value += range;
            if self.seen == self.period {
                self.value /= n;
            }
        } else {
            self.value = (self.value * (n - 1.0) + range) / n;
        }
    }
}
