//! Relative strength index (A16) after J. Welles Wilder, *New Concepts in Technical Trading
//! Systems*, 1978: gains as a share of all moves, both averaged by Wilder's rule.

/// RSI(n): seeded with the means of the first n changes, then `((n-1)·average + change)/n`.
#[derive(Clone, Copy, Debug)]
pub struct Rsi {
    period: u32,
    /// Changes seen, up to n.
    seen: u32,
    previous: Option<f64>,
    /// Sums until there are n changes, then averages.
    gain: f64,
    loss: f64,
}

/// How a reading is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RsiZone {
    /// Below 25.
    VeryOversold,
    /// Below 30.
    Oversold,
    /// Neither.
    Neutral,
    /// Above 70.
    Overbought,
}

impl RsiZone {
    /// The zone of a reading from 0 to 100.
    #[must_use]
    pub fn of(reading: f64) -> Self {
        if reading < 25.0 {
            Self::VeryOversold
        } else if reading < 30.0 {
            Self::Oversold
        } else if reading > 70.0 {
            Self::Overbought
        } else {
            Self::Neutral
        }
    }
}

impl Rsi {
    /// An index over `period` changes.
    ///
    /// # Panics
    /// When `period` is 0.
    #[must_use]
    pub const fn new(period: u32) -> Self {
        assert!(period > 0, "an index needs a change");
        Self {
            period,
            seen: 0,
            previous: None,
            gain: 0.0,
            loss: 0.0,
        }
    }

    /// Takes a close in and says the reading.
    pub fn update(&mut self, close: f64) -> Option<f64> {
        if !close.is_finite() {
            return self.reading();
        }
        if let Some(previous) = self.previous.replace(close) {
            let change = close - previous;
            self.take(change.max(0.0), (-change).max(0.0));
        }
        self.reading()
    }

    /// From 0 (only losses) to 100 (only gains); absent until there are n changes, and while
    /// nothing moves.
    #[must_use]
    pub fn reading(&self) -> Option<f64> {
        let moves = self.gain + self.loss;
        let is_defined = self.seen == self.period && moves > 0.0 && moves.is_finite();
        is_defined.then(|| 100.0 * (self.gain / moves))
    }

    fn take(&mut self, gain: f64, loss: f64) {
        let n = f64::from(self.period);
        if self.seen < self.period {
            self.seen += 1;
            self.gain += gain;
            self.loss += loss;
            if self.seen == self.period {
                self.gain /= n;
                self.loss /= n;
            }
        } else {
            self.gain = (self.gain * (n - 1.0) + gain) / n;
            self.loss = (self.loss * (n - 1.0) + loss) / n;
        }
    }
}
