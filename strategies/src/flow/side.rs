//! Who began a trade (M1): the venue's word, else the quote, else the last price change.
//!
//! After Lee and Ready, "Inferring Trade Direction from Intraday Data", J. Finance 46 (1991), with
//! no quote lag and no tolerance. All in integers: 100.01 is the middle of 100.00 and 100.02.

use undertow_core::event::Touch;
use undertow_core::types::{Price, Side};

/// How a side was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[repr(u8)]
pub enum SideSource {
    /// The venue names the aggressor.
    Venue,
    /// Above or below the middle of the quote in force.
    Quote,
    /// The direction of the last price change.
    Tick,
    /// None: the print of an auction, seen by its crossed book.
    Auction,
    /// No rule applies: the side is [`Side::None`].
    #[default]
    Unknown,
}

/// Names the aggressors of one instrument's trades.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SideRule {
    last: Price,
    /// Of the last price change; none before the first.
    direction: Side,
}

impl SideRule {
    /// A rule that has seen no trade.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            last: Price::UNDEFINED,
            direction: Side::None,
        }
    }

    /// The aggressor of a trade: `venue` is what the venue says, `quote` the one in force just
    /// before. The price must be defined.
    #[inline]
    pub fn classify(&mut self, price: Price, venue: Side, quote: &Touch) -> (Side, SideSource) {
        if price != self.last {
            if self.last.is_defined() {
                self.direction = sign(price > self.last);
            }
            self.last = price;
        }
        if venue != Side::None {
            return (venue, SideSource::Venue);
        }
        self.infer(price, quote)
    }

    fn infer(&self, price: Price, quote: &Touch) -> (Side, SideSource) {
        if quote.is_crossed() {
            return (Side::None, SideSource::Auction);
        }
        if quote.is_two_sided() && quote.bid < quote.ask {
            let twice = 2 * i128::from(price.0);
            let middle_twice = i128::from(quote.bid.0) + i128::from(quote.ask.0);
            if twice != middle_twice {
                return (sign(twice > middle_twice), SideSource::Quote);
            }
        }
        match self.direction {
            Side::None => (Side::None, SideSource::Unknown),
            direction => (direction, SideSource::Tick),
        }
    }
}

impl Default for SideRule {
    fn default() -> Self {
        Self::new()
    }
}

const fn sign(is_up: bool) -> Side {
    if is_up { Side::Bid } else { Side::Ask }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn venue_wins_and_still_teaches_the_tick_test() {
        let mut rule = SideRule::new();
        let locked = Touch {
            bid: Price(5),
            ask: Price(5),
            ..Touch::EMPTY
        };
        assert_eq!(
            rule.classify(Price(9), Side::None, &locked),
            (Side::None, SideSource::Unknown)
        );
        assert_eq!(
            rule.classify(Price(8), Side::Bid, &locked),
            (Side::Bid, SideSource::Venue)
        );
        assert_eq!(
            rule.classify(Price(8), Side::None, &locked),
            (Side::Ask, SideSource::Tick)
        );
    }

    #[test]
    fn print_between_crossed_quotes_is_an_auctions() {
        let crossed = Touch {
            bid: Price(5),
            ask: Price(4),
            ..Touch::EMPTY
        };
        let mut rule = SideRule::new();
        let mut source = |venue| rule.classify(Price(5), venue, &crossed).1;
        assert_eq!(source(Side::None), SideSource::Auction);
        assert_eq!(source(Side::Bid), SideSource::Venue);
    }

    #[test]
    fn extreme_prices_do_not_overflow() {
        let quote = Touch {
            bid: Price(i64::MIN),
            ask: Price(i64::MAX - 1),
            ..Touch::EMPTY
        };
        let mut rule = SideRule::new();
        let (side, _) = rule.classify(Price(i64::MAX - 1), Side::None, &quote);
        assert_eq!(side, Side::Bid);
    }
}
