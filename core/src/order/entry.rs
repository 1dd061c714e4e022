//! How an entry is priced (R8): by confidence, at a tick, rounded to the passive side.

use crate::contract::TickRule;
use crate::order::{Confidence, Quote, Style};
use crate::types::{Price, Side};

/// Above this an entry takes the market, in 1e-4.
const MARKET_ABOVE: u16 = 8_500;

/// From here on an entry rests at the middle, in 1e-4.
const MID_FROM: u16 = 7_000;

/// Below that it rests this share of the spread from its own side, in percent.
const PASSIVE_PERCENT: i128 = 33;

/// How far beyond the opposite quote a marketable limit stands.
const MARKETABLE_TICKS: i32 = 2;

/// Type and price of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// How it meets the book.
    pub style: Style,
    /// At which price, on a tick.
    pub price: Price,
}

impl Entry {
    /// The first try. `may_take` is false where taking the market is not wanted at any
    /// confidence (0DTE). `None` without a sound quote, or where no price fits.
    #[must_use]
    pub fn first(
        side: Side,
        confidence: Confidence,
        may_take: MayTake,
        quote: Quote,
        tick: &TickRule,
    ) -> Option<Self> {
        if !quote.is_sound() {
            return None;
        }
        if confidence.units() > MARKET_ABOVE && may_take == MayTake::Yes {
            return Self::marketable(side, quote, MARKETABLE_TICKS, tick);
        }
        let price = if confidence.units() >= MID_FROM {
            quote.mid()
        } else {
            passive(side, quote)?
        };
        Self::resting(side, price, tick)
    }

    /// The second and last try, after the first was cancelled unfilled: at the middle of the
    /// quote as it is now.
    #[must_use]
    pub fn again(side: Side, quote: Quote, tick: &TickRule) -> Option<Self> {
        quote.is_sound().then_some(())?;
        Self::resting(side, quote.mid(), tick)
    }

    /// Takes the market at no worse than `ticks` beyond the opposite quote. One side is enough. A
    /// quote between two ticks is rounded to our side, and what is worth something is not given
    /// away for less than a tick.
    #[must_use]
    pub fn marketable(side: Side, quote: Quote, ticks: i32, tick: &TickRule) -> Option<Self> {
        let (opposite, away) = match side {
            Side::Bid => (quote.ask, ticks),
            Side::Ask => (quote.bid, -ticks),
            Side::None => return None,
        };
        if !opposite.is_defined() {
            return None;
        }
        let price = tick.away(opposite, away);
        if !price.is_defined() {
            return None;
        }
        let price = match side {
            Side::Bid => tick.down(price),
            _ if opposite.0 > 0 && price.0 <= 0 => Price(tick.step(Price(0))),
            _ => tick.up(price),
        };
        price.is_defined().then_some(Self {
            style: Style::Marketable,
            price,
        })
    }

    fn resting(side: Side, price: Price, tick: &TickRule) -> Option<Self> {
        let price = match side {
            Side::Bid => tick.down(price),
            Side::Ask => tick.up(price),
            Side::None => return None,
        };
        price.is_defined().then_some(Self {
            style: Style::Limit,
            price,
        })
    }
}

/// Whether an entry may take the market when its confidence is high.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MayTake {
    /// It may.
    Yes,
    /// It rests, however sure it is.
    No,
}

fn passive(side: Side, quote: Quote) -> Option<Price> {
    let spread = i128::from(quote.ask.0) - i128::from(quote.bid.0);
    // A price is rounded to a tick later, toward this side: here toward it by less than 1e-9.
    let inside = i64::try_from(spread * PASSIVE_PERCENT / 100).ok()?;
    match side {
        Side::Bid => quote.bid.0.checked_add(inside).map(Price),
        Side::Ask => quote.ask.0.checked_sub(inside).map(Price),
        Side::None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CENT: i64 = Price::PER_POINT / 100;

    fn quote(bid: i64, ask: i64) -> Quote {
        Quote {
            bid: Price(bid * CENT),
            ask: Price(ask * CENT),
        }
    }

    fn price(points: u8, side: Side, may_take: MayTake) -> Option<(Style, i64)> {
        let tick = TickRule::Flat(Price(CENT));
        let confidence = Confidence::from_points(points).unwrap();
        Entry::first(side, confidence, may_take, quote(200, 210), &tick)
            .map(|entry| (entry.style, entry.price.0 / CENT))
    }

    #[test]
    fn entries_are_priced_by_confidence_at_its_borders() {
        use MayTake::{No, Yes};
        let cases = [
            (86, Side::Bid, Yes, (Style::Marketable, 212)),
            (86, Side::Ask, Yes, (Style::Marketable, 198)),
            (86, Side::Bid, No, (Style::Limit, 205)),
            (85, Side::Bid, Yes, (Style::Limit, 205)),
            (70, Side::Bid, Yes, (Style::Limit, 205)),
            (69, Side::Bid, Yes, (Style::Limit, 203)),
            (69, Side::Ask, Yes, (Style::Limit, 207)),
        ];
        for (points, side, may_take, expected) in cases {
            assert_eq!(
                price(points, side, may_take),
                Some(expected),
                "{points} {side:?}"
            );
        }
        assert_eq!(price(86, Side::None, Yes), None);
        assert_eq!(price(69, Side::None, Yes), None);
    }

    #[test]
    fn a_middle_between_ticks_is_rounded_to_the_passive_side() {
        let tick = TickRule::Flat(Price(5 * CENT));
        let again = |side| Entry::again(side, quote(200, 215), &tick).unwrap().price;
        assert_eq!(again(Side::Bid), Price(205 * CENT));
        assert_eq!(again(Side::Ask), Price(210 * CENT));
    }

    #[test]
    fn no_entry_without_a_sound_quote() {
        let tick = TickRule::Flat(Price(CENT));
        let unsound = [quote(210, 200), quote(200, 200), Quote::NONE];
        for quote in unsound {
            let confidence = Confidence::MAX;
            let first = Entry::first(Side::Bid, confidence, MayTake::Yes, quote, &tick);
            assert_eq!(first, None);
            assert_eq!(Entry::again(Side::Bid, quote, &tick), None);
        }
        let one_sided = Quote {
            bid: Price(200 * CENT),
            ask: Price::UNDEFINED,
        };
        assert_eq!(Entry::marketable(Side::Bid, one_sided, 2, &tick), None);
        let sell = Entry::marketable(Side::Ask, one_sided, 2, &tick).unwrap();
        assert_eq!(sell.price, Price(198 * CENT));
    }

    #[test]
    fn exits_have_a_price_that_exists_whatever_is_quoted() {
        let tick = TickRule::TwoStep {
            upto: Price(5 * Price::PER_POINT),
            small: Price(50_000_000),
            large: Price(250_000_000),
        };
        let quote = |bid: i64| Quote {
            bid: Price(bid * 10_000_000),
            ask: Price::UNDEFINED,
        };
        let sell = |bid| Entry::marketable(Side::Ask, quote(bid), 2, &tick).unwrap();
        // Worth five or ten cents: two ticks less would be nothing.
        assert_eq!(sell(5).price, Price(50_000_000));
        assert_eq!(sell(10).price, Price(50_000_000));
        assert_eq!(sell(15).price, Price(50_000_000));
        assert_eq!(sell(20).price, Price(100_000_000));
        // Quoted between two ticks.
        assert_eq!(sell(4_480).price, Price(44_500_000_000));
    }
}
