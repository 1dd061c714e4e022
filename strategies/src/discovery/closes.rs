//! Closing prices of short bars, by session: what lookback, regime and correlations are made of.
//!
//! A bucket without a trade has no close (M2); a trade older than the last bucket is counted.

use alloc::vec::Vec;

use undertow_core::types::{Nanos, Price};

use crate::calendar::Day;

/// The last price of a bucket of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Close {
    /// When the bucket begins, UTC.
    pub start: Nanos,
    /// The session that it belongs to.
    pub session: Day,
    /// Its last trade's price.
    pub price: Price,
}

/// Collects the closes of one instrument.
#[derive(Clone, Debug)]
pub struct Closes {
    width: Nanos,
    closes: Vec<Close>,
    late: u64,
}

impl Closes {
    /// The usual width, 5 s.
    pub const WIDTH: Nanos = Nanos(5_000_000_000);

    /// Buckets of `width`.
    ///
    /// # Panics
    /// When `width` is 0.
    #[must_use]
    pub const fn new(width: Nanos) -> Self {
        assert!(width.0 > 0, "a bucket has a width");
        Self {
            width,
            closes: Vec::new(),
            late: 0,
        }
    }

    /// Takes a trade in.
    pub fn update(&mut self, t: Nanos, session: Day, price: Price) {
        if !t.is_defined() || !price.is_defined() {
            return;
        }
        let start = Nanos(t.0 / self.width.0 * self.width.0);
        let close = Close {
            start,
            session,
            price,
        };
        match self.closes.last_mut() {
            Some(last) if last.start > start => self.late += 1,
            Some(last) if last.start == start => last.price = price,
            _ => self.closes.push(close),
        }
    }

    /// In the order of time.
    #[must_use]
    pub fn as_slice(&self) -> &[Close] {
        &self.closes
    }

    /// Trades that came after a later bucket had begun.
    #[must_use]
    pub const fn late(&self) -> u64 {
        self.late
    }
}

/// Log returns from each close to the next one of the same session. A price that is not positive
/// has no logarithm and ends the chain.
#[must_use]
pub fn returns(closes: &[Close]) -> Vec<f64> {
    let pairs = closes.windows(2);
    pairs
        .filter_map(|pair| log_return(&pair[0], &pair[1]))
        .collect()
}

pub(super) fn log_return(from: &Close, to: &Close) -> Option<f64> {
    let has_logarithms = from.price.0 > 0 && to.price.0 > 0;
    (has_logarithms && from.session == to.session)
        .then(|| libm::log(to.price.0 as f64 / from.price.0 as f64))
}
