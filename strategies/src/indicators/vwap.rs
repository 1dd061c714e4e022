//! Volume-weighted average price, over all trades taken in or from a session's open (N20).
//!
//! Money and size are summed as integers; only the reading is a float.

use undertow_core::types::{Nanos, Price};

use crate::calendar::Sessions;

/// Σ price·size / Σ size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Vwap {
    /// In units of 1e-9.
    notional: i128,
    size: u64,
}

impl Vwap {
    /// Takes a trade in; one without a price is left out.
    pub fn update(&mut self, price: Price, size: u32) -> Option<f64> {
        if price.is_defined() {
            self.notional += i128::from(price.0) * i128::from(size);
            self.size += u64::from(size);
        }
        self.reading()
    }

    /// In points; absent without volume.
    #[must_use]
    pub fn reading(&self) -> Option<f64> {
        let points = self.notional as f64 / self.size as f64 / Price::PER_POINT as f64;
        (self.size > 0).then_some(points)
    }

    /// Contracts or shares taken in.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }
}

/// The VWAP of the session in progress.
#[derive(Clone, Debug)]
pub struct SessionVwap {
    sessions: Sessions,
    vwap: Vwap,
}

impl SessionVwap {
    /// From the open of each of `sessions`: Globex at 18:00, NYSE at 09:30 Eastern.
    #[must_use]
    pub const fn new(sessions: Sessions) -> Self {
        Self {
            sessions,
            vwap: Vwap {
                notional: 0,
                size: 0,
            },
        }
    }

    /// Takes a trade of time `t` in and says the reading; a trade outside sessions counts for
    /// none.
    pub fn update(&mut self, t: Nanos, price: Price, size: u32) -> Option<f64> {
        // An open ends what was before it. After a close the reading stays until the next open.
        if self.sessions.advance(t) && self.sessions.current().is_some() {
            self.vwap = Vwap::default();
        }
        match self.sessions.current() {
            Some(_) => self.vwap.update(price, size),
            None => self.reading(),
        }
    }

    /// In points; absent until the session in progress, or the last one, has a trade.
    #[must_use]
    pub fn reading(&self) -> Option<f64> {
        self.vwap.reading()
    }
}
