//! The last n values with their mean and deviation: SMA(n) of N20, and what Bollinger stands on.
//!
//! Sums are kept of differences from a reference among the values, and made anew once per n
//! values, so that neither a large mean nor a long series costs digits.

use alloc::boxed::Box;
use alloc::vec;

/// A rolling window of at most n values.
#[derive(Clone, Debug)]
pub struct Window {
    values: Box<[f64]>,
    /// Where the next value goes; the oldest one when full.
    next: usize,
    len: usize,
    reference: f64,
    /// Of the differences from the reference.
    sum: f64,
    squares: f64,
    /// How many of the latest values are equal, up to n.
    run: usize,
}

impl Window {
    /// A window of `period` values.
    ///
    /// # Panics
    /// When `period` is 0.
    #[must_use]
    pub fn new(period: usize) -> Self {
        assert!(period > 0, "a window needs a value");
        Self {
            values: vec![0.0; period].into(),
            next: 0,
            len: 0,
            reference: 0.0,
            sum: 0.0,
            squares: 0.0,
            run: 0,
        }
    }

    /// Takes a value in, and the mean of the last n once there are n.
    pub fn update(&mut self, value: f64) -> Option<f64> {
        if !value.is_finite() {
            return self.sma();
        }
        let equal = self.latest() == Some(value);
        self.run = if equal {
            (self.run + 1).min(self.period())
        } else {
            1
        };
        if self.is_full() {
            self.remove(self.values[self.next]);
        } else {
            self.len += 1;
        }
        self.values[self.next] = value;
        self.next += 1;
        if self.len == 1 {
            self.reference = value;
        }
        self.add(value);
        if self.next == self.period() {
            self.next = 0;
            self.rebuild();
        }
        self.sma()
    }

    /// Forgets every value.
    pub fn clear(&mut self) {
        (self.next, self.len, self.run) = (0, 0, 0);
        (self.sum, self.squares) = (0.0, 0.0);
    }

    /// How many values it can hold.
    #[must_use]
    pub const fn period(&self) -> usize {
        self.values.len()
    }

    /// How many values it holds.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether it holds no value.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether it holds as many values as it can.
    #[must_use]
    pub const fn is_full(&self) -> bool {
        self.len == self.values.len()
    }

    /// The value that came last.
    #[must_use]
    pub fn latest(&self) -> Option<f64> {
        let at = self.next.checked_sub(1).unwrap_or(self.period() - 1);
        (self.len > 0).then(|| self.values[at])
    }

    /// The mean of the last n values; absent until there are n.
    #[must_use]
    pub fn sma(&self) -> Option<f64> {
        self.mean().filter(|_| self.is_full())
    }

    /// The mean of the values there are.
    #[must_use]
    pub fn mean(&self) -> Option<f64> {
        if self.is_level() {
            return self.latest();
        }
        let mean = self.reference + self.sum / self.len as f64;
        mean.is_finite().then_some(mean)
    }

    /// The population standard deviation of the values there are.
    #[must_use]
    pub fn std_pop(&self) -> Option<f64> {
        self.deviation(self.len)
    }

    /// The sample standard deviation; absent below two values.
    #[must_use]
    pub fn std_sample(&self) -> Option<f64> {
        self.deviation(self.len.checked_sub(1)?)
    }

    fn deviation(&self, divisor: usize) -> Option<f64> {
        if divisor == 0 {
            return None;
        }
        // Equal values deviate by exactly 0, which rounding in the sums could hide.
        if self.is_level() {
            return Some(0.0);
        }
        let about_mean = self.squares - self.sum * self.sum / self.len as f64;
        // Rounding can leave a little less than 0.
        let deviation = || libm::sqrt(about_mean.max(0.0) / divisor as f64);
        about_mean.is_finite().then(deviation)
    }

    /// Whether all values are equal; so are none.
    const fn is_level(&self) -> bool {
        self.run >= self.len
    }

    fn add(&mut self, value: f64) {
        let difference = value - self.reference;
        self.sum += difference;
        self.squares += difference * difference;
    }

    fn remove(&mut self, value: f64) {
        let difference = value - self.reference;
        self.sum -= difference;
        self.squares -= difference * difference;
    }

    fn rebuild(&mut self) {
        self.reference = self.values[self.period() - 1];
        (self.sum, self.squares) = (0.0, 0.0);
        for at in 0..self.period() {
            self.add(self.values[at]);
        }
    }
}
