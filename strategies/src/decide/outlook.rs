//! What the components of N22 say of an underlying's chain, reduced to what a rule may weigh.
//!
//! Worked out when a rule that reads it is due, from the nearest expiry whose options have a
//! price. Each part is absent when its component has nothing to go by: a component that fails
//! does not stop the others (N22). Distances are prices of the underlying, values points.

use undertow_core::types::Price;

use super::card::Direction;
use crate::calendar::Day;
use crate::ifd::shock::Shock;
use crate::options::expected_value::Setup;

/// Contracts that are ranked for a setup.
pub const RANKED_MAX: usize = 3;

/// What the components say.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outlook {
    /// The expiry that it is of.
    pub expiry: Day,
    /// One standard deviation of the underlying over the horizon of a trade: eight hours, or to
    /// expiry. No target lies farther.
    pub reach: Price,
    /// The best setup upward (N1).
    pub long: Option<Prospect>,
    /// The best setup downward.
    pub short: Option<Prospect>,
    /// The calls' share of the premium at risk out of the money, 0–1 (N2).
    pub call_share: Option<f64>,
    /// The largest shock of volume (N12).
    pub shock: Option<Jolt>,
}

/// A setup, and the options that would trade it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prospect {
    /// Target, stop, score.
    pub setup: Setup,
    /// Contracts by what a dollar of premium is expected to return, best first.
    pub contracts: [Option<Ranked>; RANKED_MAX],
}

/// An option as a way to trade a setup.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ranked {
    /// Its strike.
    pub strike: Price,
    /// The offer that it would be bought at.
    pub ask: Price,
    /// What it is expected to be worth at target or stop, points.
    pub value: f64,
    /// (value − ask)/ask.
    pub gain: f64,
}

/// A shock of volume at one strike.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Jolt {
    /// Where.
    pub strike: Price,
    /// Which way dealers must hedge.
    pub direction: Direction,
    /// How large, of what kind.
    pub shock: Shock,
}

impl Outlook {
    /// The best setup in a direction; flat has none.
    #[must_use]
    pub const fn prospect(&self, direction: Direction) -> Option<&Prospect> {
        match direction {
            Direction::Long => self.long.as_ref(),
            Direction::Short => self.short.as_ref(),
            Direction::Flat => None,
        }
    }

    /// How much higher one direction scores than the other: positive for long; none without a
    /// setup both ways.
    #[must_use]
    pub fn edge(&self) -> Option<f64> {
        Some(self.long?.setup.p - self.short?.setup.p)
    }
}
