//! What one book traded in a session, and on whose initiative.

use undertow_core::types::{Price, Side};

/// Trades of one book since its session's start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tape {
    /// Trades printed.
    pub trades: u64,
    /// Size bought by aggressors.
    pub bought: u64,
    /// Size sold by aggressors.
    pub sold: u64,
    /// Size of which nobody can say who began it, and that of auctions.
    pub unsided: u64,
    /// Sum of price × size over all trades, 1e-9 units; saturates.
    pub notional: i128,
    /// Price of the last trade.
    pub last: Option<Price>,
    /// Aggressor of the last trade.
    pub last_side: Side,
    /// Highest trade price.
    pub high: Option<Price>,
    /// Lowest trade price.
    pub low: Option<Price>,
}

impl Tape {
    /// No trade yet.
    pub const NEW: Self = Self {
        trades: 0,
        bought: 0,
        sold: 0,
        unsided: 0,
        notional: 0,
        last: None,
        last_side: Side::None,
        high: None,
        low: None,
    };

    /// Total size traded.
    #[must_use]
    pub const fn volume(&self) -> u64 {
        self.bought
            .saturating_add(self.sold)
            .saturating_add(self.unsided)
    }

    /// Cumulative volume delta: bought less sold.
    #[must_use]
    pub const fn cvd(&self) -> i64 {
        delta(self.bought, self.sold)
    }

    /// Volume-weighted average price, rounded toward zero; none before the first trade.
    #[must_use]
    pub fn vwap(&self) -> Option<Price> {
        let average = self.notional.checked_div(i128::from(self.volume()))?;
        i64::try_from(average).ok().map(Price)
    }

    /// Counts one trade. An undefined price or a zero size is no trade.
    #[inline]
    pub fn trade(&mut self, price: Price, size: u32, aggressor: Side) {
        if !price.is_defined() || size == 0 {
            return;
        }
        let volume = match aggressor {
            Side::Bid => &mut self.bought,
            Side::Ask => &mut self.sold,
            Side::None => &mut self.unsided,
        };
        *volume = volume.saturating_add(u64::from(size));
        self.trades += 1;
        self.notional = self
            .notional
            .saturating_add(i128::from(price.0) * i128::from(size));
        self.last = Some(price);
        self.last_side = aggressor;
        self.high = Some(self.high.map_or(price, |high| high.max(price)));
        self.low = Some(self.low.map_or(price, |low| low.min(price)));
    }
}

impl Default for Tape {
    fn default() -> Self {
        Self::NEW
    }
}

/// Bought less sold. Wraps only beyond what any session trades.
#[must_use]
pub(super) const fn delta(bought: u64, sold: u64) -> i64 {
    bought.wrapping_sub(sold).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tape_splits_volume_by_aggressor() {
        let mut tape = Tape::default();
        tape.trade(Price(100), 3, Side::Bid);
        tape.trade(Price(90), 2, Side::Ask);
        tape.trade(Price(95), 5, Side::None);
        assert_eq!(
            (tape.bought, tape.sold, tape.unsided, tape.trades),
            (3, 2, 5, 3)
        );
        assert_eq!((tape.volume(), tape.cvd()), (10, 1));
        assert_eq!(tape.vwap(), Some(Price((300 + 180 + 475) / 10)));
        assert_eq!((tape.high, tape.low), (Some(Price(100)), Some(Price(90))));
        assert_eq!((tape.last, tape.last_side), (Some(Price(95)), Side::None));
    }

    #[test]
    fn undefined_price_or_no_size_is_no_trade() {
        let mut tape = Tape::default();
        tape.trade(Price::UNDEFINED, 3, Side::Bid);
        tape.trade(Price(100), 0, Side::Bid);
        assert_eq!(tape, Tape::default());
        assert_eq!(tape.vwap(), None);
    }
}
