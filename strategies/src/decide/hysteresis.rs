//! S8: a price that swings around the border between two strikes does not swing the contract.
//!
//! One memory for each direction; an evaluator is of one symbol and one strategy, which implies
//! the band of days to expiry.

use undertow_core::types::{Nanos, Price};

use super::card::Direction;
use super::contract::{Choice, Chosen, Liquidity, Listing, Series};
use crate::calendar::Day;

/// The remembered strike is forgotten after this: 600 s.
pub const MEMORY_NS: u64 = 600_000_000_000;

/// A strike that was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Kept {
    expiry: Day,
    strike: Price,
    at: Nanos,
}

/// The last strike for each direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Hysteresis {
    long: Option<Kept>,
    short: Option<Kept>,
}

impl Hysteresis {
    /// The contract to stay with: the remembered one while the new one is a single listed step
    /// away and the price is nearer than .30 of the step to the midpoint of the two; else the new
    /// one. Whichever it is, it is remembered afresh.
    pub fn settle(
        &mut self,
        new: Chosen,
        direction: Direction,
        (chain, choice): (&[Listing], &Choice),
        (spot, now): (Price, Nanos),
    ) -> Chosen {
        let memory = match direction {
            Direction::Long => &mut self.long,
            Direction::Short => &mut self.short,
            Direction::Flat => return new,
        };
        let series = Series {
            chain,
            expiry: new.listing.expiry,
            right: new.listing.right,
        };
        let remembered = memory
            .filter(|kept| kept.expiry == new.listing.expiry)
            .filter(|kept| now.0.saturating_sub(kept.at.0) < MEMORY_NS)
            .filter(|kept| stays(kept.strike, new.listing.strike, spot))
            .filter(|kept| series.is_one_step(kept.strike, new.listing.strike))
            .and_then(|kept| series.at(kept.strike))
            .map(|listing| choice.chosen(listing));
        let settled = match remembered {
            // Nobody stays with what cannot be traded when the other can.
            Some(old) if old.liquidity == Liquidity::Liquid => old,
            Some(old) if new.liquidity != Liquidity::Liquid => Chosen {
                liquidity: new.liquidity,
                ..old
            },
            _ => new,
        };
        *memory = Some(Kept {
            expiry: settled.listing.expiry,
            strike: settled.listing.strike,
            at: now,
        });
        settled
    }
}

/// Whether |spot − midpoint| < .30 × step.
fn stays(old: Price, new: Price, spot: Price) -> bool {
    let (old, new, spot) = (i128::from(old.0), i128::from(new.0), i128::from(spot.0));
    (2 * spot - old - new).abs() * 5 < 3 * (new - old).abs()
}
