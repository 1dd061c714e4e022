//! Closing-auction imbalance (A17), from the exchange, or guessed from the book.
//!
//! The guess is marked and may not lead to an order.

use undertow_core::event::{Depth, Imbalance};
use undertow_core::types::{Price, Side};

/// Price units in 1e-4 USD.
const PER_MONEY: i128 = 100_000;

/// What is left over in the auction, and on which side.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AuctionImbalance {
    /// The heavier side; `None` when neither is.
    pub side: Side,
    /// Shares without a counterpart; 0 when no side is heavier.
    pub imbalance: u64,
    /// Shares with one.
    pub paired: u64,
    /// Imbalance × reference price in 1e-4 USD; absent without a reference price.
    pub notional: Option<i64>,
    /// Where the auction would match now.
    pub indicative: Option<Price>,
    /// Whether it is guessed from the book's depth.
    pub is_proxy: bool,
}

impl AuctionImbalance {
    /// What the exchange says; absent while it gives no sizes. A match price is preferred to a
    /// clearing price, and a price of 0 is none.
    #[must_use]
    pub fn of(message: &Imbalance) -> Option<Self> {
        let size = |size: u32| (size != u32::MAX).then_some(u64::from(size));
        let (imbalance, paired) = (size(message.imbalance_size)?, size(message.paired_size)?);
        let prices = [message.match_price, message.clearing_price];
        let mut found = Self::new(message.side, imbalance, paired, message.ref_price);
        found.indicative = prices.into_iter().find(|price| is_price(*price));
        Some(found)
    }

    /// A guess from displayed size over ten levels: the side that is more than 1.2 times the other.
    #[must_use]
    pub fn proxy(depth: &Depth, reference: Price) -> Self {
        let [bid, ask] = depth.sum10;
        let beyond = |a: u64, b: u64| u128::from(a) * 5 > u128::from(b) * 6;
        let side = match (beyond(bid, ask), beyond(ask, bid)) {
            (true, _) => Side::Bid,
            (_, true) => Side::Ask,
            _ => Side::None,
        };
        Self {
            is_proxy: true,
            ..Self::new(side, bid.abs_diff(ask), bid.min(ask), reference)
        }
    }

    /// Imbalance as a share of all, 0 to 1; absent when there is nothing at all.
    #[must_use]
    pub fn ratio(&self) -> Option<f64> {
        let all = self.imbalance as f64 + self.paired as f64;
        (all > 0.0).then(|| self.imbalance as f64 / all)
    }

    /// How far the auction would match from the last price, in basis points; absent without an
    /// indicative price.
    #[must_use]
    pub fn offset_bps(&self, last: Price) -> Option<f64> {
        let indicative = self.indicative.filter(|_| is_price(last))?;
        let offset = i128::from(indicative.0) - i128::from(last.0);
        Some(1e4 * offset as f64 / last.0 as f64)
    }

    fn new(side: Side, imbalance: u64, paired: u64, reference: Price) -> Self {
        let imbalance = if side == Side::None { 0 } else { imbalance };
        let product = i128::from(imbalance) * i128::from(reference.0) / PER_MONEY;
        let notional = i64::try_from(product).ok();
        Self {
            side,
            imbalance,
            paired,
            notional: notional.filter(|_| is_price(reference)),
            indicative: None,
            is_proxy: false,
        }
    }
}

/// Venues publish 0 before there is a price.
const fn is_price(price: Price) -> bool {
    price.is_defined() && price.0 > 0
}
