//! Moving average convergence/divergence (A16): a fast EMA less a slow one, and an EMA of that.

use super::Ema;

/// MACD(fast, slow, signal). Each average is seeded with its own first values.
#[derive(Clone, Copy, Debug)]
pub struct Macd {
    fast: Ema,
    slow: Ema,
    signal: Ema,
    reading: Option<MacdReading>,
}

/// What the indicator says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MacdReading {
    /// Fast less slow average, in the values' unit.
    pub macd: f64,
    /// Its average; absent until there are enough of them.
    pub signal: Option<f64>,
}

impl MacdReading {
    /// The line less its signal: below 0 is bearish.
    #[must_use]
    pub fn histogram(&self) -> Option<f64> {
        self.signal.map(|signal| self.macd - signal)
    }
}

impl Default for Macd {
    /// The usual 12, 26 and 9.
    fn default() -> Self {
        Self::new(12, 26, 9)
    }
}

impl Macd {
    /// The indicator with its three periods.
    ///
    /// # Panics
    /// When a period is 0, or `fast` is not below `slow`.
    #[must_use]
    pub const fn new(fast: u32, slow: u32, signal: u32) -> Self {
        assert!(fast < slow, "the fast average is the shorter one");
        Self {
            fast: Ema::new(fast),
            slow: Ema::new(slow),
            signal: Ema::new(signal),
            reading: None,
        }
    }

    /// Takes a value in and says the reading.
    pub fn update(&mut self, value: f64) -> Option<MacdReading> {
        if !value.is_finite() {
            return self.reading;
        }
        let (fast, slow) = (self.fast.update(value), self.slow.update(value));
        let macd = fast.zip(slow).map(|(fast, slow)| fast - slow);
        self.reading = macd
            .filter(|macd| macd.is_finite())
            .map(|macd| MacdReading {
                macd,
                signal: self.signal.update(macd),
            });
        self.reading
    }

    /// The reading; absent until the slow average has its values.
    #[must_use]
    pub const fn reading(&self) -> Option<MacdReading> {
        self.reading
    }
}
