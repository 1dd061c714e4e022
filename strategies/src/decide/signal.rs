//! S12: the signal, with stop and targets on the underlying.
//!
//! These levels are prices of the underlying, never of the option. Integers of 1e-9, rounded to
//! the tick, half away from zero.

use undertow_core::types::{Nanos, Price};

use super::card::Direction;
use super::contract::Chosen;
use super::identity::{Identity, Symbol};
use super::rules::{Invalid, Strategy};

/// A multiple of the average true range is counted in tenths.
const TENTHS: i128 = 10;

/// Where stop and targets lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Levels {
    /// The average true range counts as at least this; per symbol. 0.50.
    pub range_min: Price,
    /// Distance of the stop, in tenths of the range. 15.
    pub stop_tenths: i64,
    /// Distances of the targets, ascending. 10, 20, 30.
    pub target_tenths: [i64; 3],
    /// Levels are multiples of this. 0.01.
    pub tick: Price,
}

/// What was found, to whom it may concern. Why is on the card beside it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Signal {
    /// Its id and its contract's fingerprint.
    pub identity: Identity,
    /// The underlying.
    pub symbol: Symbol,
    /// Who found it.
    pub strategy: Strategy,
    /// Which way.
    pub direction: Direction,
    /// 0–100.
    pub confidence: u8,
    /// The underlying's price when it was found.
    pub entry: Price,
    /// Where it is wrong.
    pub stop: Price,
    /// Where to take profit, nearest first.
    pub targets: [Price; 3],
    /// The option to buy.
    pub contract: Chosen,
    /// Whether regular trading hours were running.
    pub is_rth: bool,
    /// The event that it comes from.
    pub at: Nanos,
    /// How long it lives, ns (S11).
    pub ttl_ns: u64,
}

impl Default for Levels {
    fn default() -> Self {
        Self {
            range_min: Price(Price::PER_POINT / 2),
            stop_tenths: 15,
            target_tenths: [10, 20, 30],
            tick: Price(Price::PER_POINT / 100),
        }
    }
}

impl Levels {
    /// Stop and targets of a position entered at a price, given the mean true range; none when
    /// one of them is no price any more, or there is no direction.
    #[must_use]
    pub fn place(
        &self,
        entry: Price,
        direction: Direction,
        true_range: Price,
    ) -> Option<(Price, [Price; 3])> {
        let sign = match direction {
            Direction::Long => 1,
            Direction::Short => -1,
            Direction::Flat => return None,
        };
        let range = i128::from(true_range.max(self.range_min).0);
        let at = |tenths: i64| {
            let tenfold = i128::from(entry.0) * TENTHS + i128::from(sign * tenths) * range;
            round(tenfold, i128::from(self.tick.0) * TENTHS, self.tick)
        };
        let [first, second, third] = self.target_tenths;
        Some((
            at(-self.stop_tenths)?,
            [at(first)?, at(second)?, at(third)?],
        ))
    }

    /// A stop that is given, and targets one third, two thirds and all of the way to one that
    /// is; none when one of them is no price.
    #[must_use]
    pub fn between(&self, entry: Price, stop: Price, target: Price) -> Option<(Price, [Price; 3])> {
        let way = i128::from(target.0) - i128::from(entry.0);
        let at = |thirds: i128| {
            let threefold = i128::from(entry.0) * 3 + way * thirds;
            round(threefold, i128::from(self.tick.0) * 3, self.tick)
        };
        let stop = round(i128::from(stop.0), i128::from(self.tick.0), self.tick)?;
        Some((stop, [at(1)?, at(2)?, at(3)?]))
    }

    /// Checks the parameters.
    ///
    /// # Errors
    /// The first one out of its range.
    pub fn check(&self) -> Result<(), Invalid> {
        let [first, second, third] = self.target_tenths;
        let ranges = [
            (
                "range_min",
                self.range_min.0 > 0 && self.range_min.is_defined(),
            ),
            ("stop_tenths", (1..=1_000).contains(&self.stop_tenths)),
            (
                "target_tenths",
                0 < first && first < second && second < third && third <= 1_000,
            ),
            ("tick", self.tick.0 > 0 && self.tick.is_defined()),
        ];
        match ranges.iter().find(|(_, is_fine)| !is_fine) {
            Some((name, _)) => Err(Invalid::Range(name)),
            None => Ok(()),
        }
    }
}

impl Signal {
    /// The event's time in milliseconds, as other programs expect it.
    #[must_use]
    pub const fn ts_ms(&self) -> u64 {
        self.at.0 / 1_000_000
    }

    /// Whether it has ended.
    #[must_use]
    pub const fn is_over(&self, now: Nanos) -> bool {
        now.0 >= self.at.0.saturating_add(self.ttl_ns)
    }
}

/// The multiple of `tick` nearest to a positive price that is given in the units of `unit`.
fn round(value: i128, unit: i128, tick: Price) -> Option<Price> {
    let ticks = (value * 2 + unit).div_euclid(unit * 2);
    let price = i64::try_from(ticks * i128::from(tick.0)).ok()?;
    (price > 0 && price != Price::UNDEFINED.0).then_some(Price(price))
}
