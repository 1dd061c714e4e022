//! Strikes that stand out in a chain's exposure (A11): pin, walls, supports, resistances, cluster,
//! and where the sum by strike changes its sign.

use alloc::vec::Vec;

use undertow_core::types::Price;

use super::exposure::{Convention, Exposure, Split};
use super::{distance, points};

/// Share of all gamma that makes a strike a support or a resistance.
const LEVEL_SHARE: f64 = 0.10;

/// Strikes of a cluster.
const CLUSTER: usize = 3;

/// Strikes that hold much gamma, the nearest to spot first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Levels {
    /// Below spot.
    pub supports: Vec<Price>,
    /// Above spot.
    pub resistances: Vec<Price>,
}

impl<C: Convention> Exposure<C> {
    /// The strike with the most gamma exposure, whatever its sign: the gamma pin.
    #[must_use]
    pub fn pin(&self) -> Option<Price> {
        self.strongest(|split| split.net().gex.value().abs())
    }

    /// The strike whose calls hold the most gamma.
    #[must_use]
    pub fn call_wall(&self) -> Option<Price> {
        self.strongest(|split| split.call.gex.value().abs())
    }

    /// The strike whose puts hold the most gamma.
    #[must_use]
    pub fn put_wall(&self) -> Option<Price> {
        self.strongest(|split| split.put.gex.value().abs())
    }

    /// Strikes below and above spot with more than a tenth of all gamma.
    #[must_use]
    pub fn levels(&self) -> Levels {
        let sizes = || {
            self.strikes
                .iter()
                .map(|(at, split)| (*at, split.net().gex.value().abs()))
        };
        let limit = LEVEL_SHARE * sizes().map(|(_, size)| size).sum::<f64>();
        let strong = || sizes().filter(|(_, size)| limit < *size).map(|(at, _)| at);
        let mut supports: Vec<_> = strong().filter(|at| *at < self.spot).collect();
        supports.reverse();
        Levels {
            supports,
            resistances: strong().filter(|at| self.spot < *at).collect(),
        }
    }

    /// The three neighbouring strikes that hold the most gamma, ascending.
    #[must_use]
    pub fn cluster(&self) -> Option<[Price; CLUSTER]> {
        let weight = |window: &&[(Price, Split<C>)]| -> f64 {
            window
                .iter()
                .map(|(_, split)| split.net().gex.value().abs())
                .sum()
        };
        let mut best: Option<(f64, [Price; CLUSTER])> = None;
        for window in self.strikes.windows(CLUSTER) {
            let (size, [(a, _), (b, _), (c, _)]) = (weight(&window), window) else {
                continue;
            };
            if best.is_none_or(|(most, _)| most < size) && 0.0 < size {
                best = Some((size, [*a, *b, *c]));
            }
        }
        best.map(|(_, strikes)| strikes)
    }

    /// Where the sum of gamma exposure from the lowest strike up first changes its sign, between
    /// two strikes by a straight line, in points. Absent when it never does.
    ///
    /// This is the published "zero-gamma strike". It says where positions balance, not where
    /// gamma would vanish if spot went there: that is [`super::flip`].
    #[must_use]
    pub fn zero_gamma_strike(&self) -> Option<f64> {
        let mut sum = 0.0;
        // The last strike with a sum other than 0, and the first one after it with none.
        let mut before: Option<(f64, f64)> = None;
        let mut zero: Option<f64> = None;
        for (strike, split) in &self.strikes {
            let strike = points(*strike);
            sum += split.net().gex.value();
            if sum == 0.0 {
                zero = zero.or(before.map(|_| strike));
                continue;
            }
            if let Some((last, at)) = before
                && (last < 0.0) != (sum < 0.0)
            {
                let weight = last.abs() / (sum - last).abs();
                return zero.or(Some(at * (1.0 - weight) + strike * weight));
            }
            before = Some((sum, strike));
            zero = None;
        }
        None
    }

    /// The strike of the greatest measure above 0; of equals the nearest to spot, then the lower.
    fn strongest(&self, measure: impl Fn(&Split<C>) -> f64) -> Option<Price> {
        let mut best: Option<(f64, Price)> = None;
        for (strike, split) in &self.strikes {
            let size = measure(split);
            let is_better = best.is_none_or(|(most, at)| {
                let is_nearer = distance(*strike, self.spot) < distance(at, self.spot);
                most < size || (most == size && is_nearer)
            });
            if 0.0 < size && is_better {
                best = Some((size, *strike));
            }
        }
        best.map(|(_, strike)| strike)
    }
}
