//! Exponential moving average, seeded with the mean of the first n values (N20).

/// EMA(n): each value moves it by 2/(n+1) of the way.
#[derive(Clone, Copy, Debug)]
pub struct Ema {
    period: u32,
    seen: u32,
    /// The sum of the seed until there are n values.
    value: f64,
}

impl Ema {
    /// An average over `period` values.
    ///
    /// # Panics
    /// When `period` is 0.
    #[must_use]
    pub const fn new(period: u32) -> Self {
        assert!(period > 0, "an average needs a value");
        Self {
            period,
            seen: 0,
            value: 0.0,
        }
    }

    /// Takes a value in and says the reading.
    pub fn update(&mut self, value: f64) -> Option<f64> {
        if !value.is_finite() {
            return self.reading();
        }
        if self.seen < self.period {
            self.seen += 1;
            self.value += value;
            if self.seen == self.period {
                self.value /= f64::from(self.period);
            }
        } else {
            self.value += (value - self.value) * (2.0 / (f64::from(self.period) + 1.0));
        }
        self.reading()
    }

    /// The average; absent until there are n values.
    #[must_use]
    pub fn reading(&self) -> Option<f64> {
        (self.seen == self.period && self.value.is_finite()).then_some(self.value)
    }
}
