//! Where gamma exposure would change its sign if spot went there (A11): the chain priced anew on
//! a grid of spots, every option at its own volatility.
//!
//! Unlike the zero-gamma strike this moves the underlying, not the strike. An option without a
//! volatility cannot be priced anew; it is left out and counted.

use alloc::vec::Vec;

use undertow_core::types::Nanos;

use super::admission::Admitted;
use super::exposure::{Convention, FullMove, Gex};
use super::pricing::{Model, Terms};

/// Points of a grid are at most this many.
const GRID_MAX: usize = 10_000;

/// Share of the greatest exposure below which a sign says nothing.
const NOISE: f64 = 1e-6;

/// Spots to price at, in points.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Grid {
    /// The lowest.
    pub low: f64,
    /// None is above this.
    pub high: f64,
    /// From one to the next.
    pub step: f64,
}

impl Grid {
    /// From 85 % to 115 % of `spot` in steps of 0.1 %.
    #[must_use]
    pub fn around(spot: f64) -> Self {
        Self {
            low: 0.85 * spot,
            high: 1.15 * spot,
            step: 0.001 * spot,
        }
    }

    /// The spots, ascending; none if the grid makes no sense.
    fn spots(&self) -> impl Iterator<Item = f64> {
        let Self { low, high, step } = *self;
        let steps = (high - low) / step;
        let is_sound = 0.0 < low && 0.0 < step && (0.0..GRID_MAX as f64).contains(&steps);
        // A little more than the quotient, for the last point may be hit by a hair less.
        let count = if is_sound {
            (steps + 1e-6) as usize + 1
        } else {
            0
        };
        (0..count).map(move |place| low + step * place as f64)
    }
}

/// What prices a chain anew.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Repricing {
    /// Spots to price at.
    pub grid: Grid,
    /// By which formula.
    pub model: Model,
    /// The moment.
    pub now: Nanos,
}

/// Gamma exposure as a function of spot.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile<C> {
    /// Spot in points and exposure there, by ascending spot; empty if nothing could be priced.
    pub points: Vec<(f64, Gex<FullMove, C>)>,
    /// Options that were priced.
    pub priced: usize,
    /// Options that could not be, for want of a volatility or of time.
    pub unpriced: usize,
}

impl<C: Convention> Profile<C> {
    /// Prices what counts at every spot. `spot` is where the chain stands now, in points: an
    /// option on another future moves in proportion.
    #[must_use]
    pub fn of(admitted: &Admitted<'_>, spot: f64, repricing: &Repricing) -> Self {
        let options = admitted.rows.iter().filter_map(|holding| {
            let row = holding.row;
            let vol = row.iv.filter(|vol| 0.0 < *vol)?;
            let base = super::ratio(holding.underlying, spot)?;
            let option = Repriced {
                sign: C::CALLS * row.right.sign(),
                units: holding.units(),
                right: row.right,
                strike: super::points(row.strike),
                years: row.years(repricing.now),
                base,
                vol,
            };
            // Whether it can be priced at all is the same at every spot of the grid.
            option.gex(spot, repricing.model).map(|_| option)
        });
        let options: Vec<Repriced> = options.collect();
        let sum = |at: f64| {
            let parts = options.iter().filter_map(|it| it.gex(at, repricing.model));
            Gex::new(parts.sum())
        };
        let spots = repricing.grid.spots().filter(|_| !options.is_empty());
        Self {
            points: spots.map(|at| (at, sum(at))).collect(),
            priced: options.len(),
            unpriced: admitted.rows.len() - options.len(),
        }
    }

    /// Every spot where the sign changes, by a straight line between two points of the grid.
    ///
    /// Where less than a millionth of the greatest exposure is left, as far out in the wings, a
    /// sign is noise: a change counts once the exposure on its far side weighs more than that.
    #[must_use]
    pub fn crossings(&self) -> Vec<f64> {
        let sizes = self.points.iter().map(|(_, gex)| gex.value().abs());
        let noise = NOISE * sizes.fold(0.0, f64::max);
        let mut crossings = Vec::new();
        let mut before: Option<(f64, f64)> = None;
        let mut is_long: Option<bool> = None;
        let mut change = None;
        for (at, gex) in &self.points {
            let value = gex.value();
            // A point that is exactly 0 has no sign; the line runs from the point before it.
            if value == 0.0 {
                continue;
            }
            if let Some((last_at, last)) = before
                && (last < 0.0) != (value < 0.0)
            {
                let weight = last.abs() / (value - last).abs();
                change = Some(last_at + (at - last_at) * weight);
            }
            before = Some((*at, value));
            if noise < value.abs() {
                let was_long = is_long.replace(0.0 < value);
                if was_long.is_some_and(|was| was != (0.0 < value)) {
                    crossings.extend(change);
                }
            }
        }
        crossings
    }

    /// The crossing nearest to `spot`: the gamma flip. Absent when the sign never changes.
    #[must_use]
    pub fn flip(&self, spot: f64) -> Option<f64> {
        let away = |at: &f64| (at - spot).abs();
        self.crossings()
            .into_iter()
            .min_by(|a, b| away(a).total_cmp(&away(b)))
    }
}

/// What pricing one option anew takes.
struct Repriced {
    sign: f64,
    units: f64,
    right: super::Right,
    strike: f64,
    years: f64,
    /// Its underlying for one point of spot.
    base: f64,
    vol: f64,
}

impl Repriced {
    /// Its part of the exposure at a spot, with its sign; absent where it has no gamma.
    fn gex(&self, spot: f64, model: Model) -> Option<f64> {
        let underlying = spot * self.base;
        let terms = Terms::new(self.right, [underlying, self.strike], self.years, model).ok()?;
        let gamma = terms.gamma(self.vol)?;
        super::finite(self.sign * gamma * self.units * underlying * underlying)
    }
}
