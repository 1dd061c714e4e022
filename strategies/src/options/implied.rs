//! When a price has an implied volatility (A10), and what must be asked for it.
//!
//! A volatility is found by a library on the cold side (Jäckel's method), which knows neither
//! interest nor dividends. So the rules stand here and the search does not: a price is taken out
//! of its discount, held against the bounds that no arbitrage leaves, handed to `search`, and
//! what comes back must lie where a volatility may.

use super::Right;
use super::pricing::{Terms, Unpriceable};

/// Least and greatest volatility that is called one.
const VOL_MIN: f64 = 1e-4;
const VOL_MAX: f64 = 5.0;

/// Why a price has no implied volatility.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum NoVolatility {
    /// The formula cannot be asked.
    Unpriceable(Unpriceable),
    /// Less than a minute is left.
    TooLate,
    /// The price is not a number above 0.
    Price,
    /// The price is not above the discounted intrinsic value.
    AtOrBelowIntrinsic,
    /// The price is not below what the option could ever be worth.
    AtOrAboveMaximum,
    /// It lies outside 0.01 % to 500 % a year, or was not found.
    OutOfRange,
}

impl NoVolatility {
    /// The reason in words.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unpriceable(why) => why.name(),
            Self::TooLate => "less than a minute to expiry",
            Self::Price => "no price",
            Self::AtOrBelowIntrinsic => "price at or below intrinsic value",
            Self::AtOrAboveMaximum => "price at or above its maximum",
            Self::OutOfRange => "volatility outside 0.01 % to 500 %",
        }
    }
}

/// A price freed of interest: Black's formula of a forward, undiscounted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Undiscounted {
    /// Call or put.
    pub right: Right,
    /// The forward.
    pub forward: f64,
    /// The strike.
    pub strike: f64,
    /// Years to the end.
    pub years: f64,
    /// The price at the end of the discount.
    pub price: f64,
}

/// A search for the volatility of what is no arbitrage.
pub type Search = fn(&Undiscounted) -> Option<f64>;

/// The volatility at which `terms` are worth `price`, by `search`.
///
/// # Errors
/// Why there is none.
pub fn volatility(
    terms: &Terms,
    price: f64,
    search: impl FnOnce(&Undiscounted) -> Option<f64>,
) -> Result<f64, NoVolatility> {
    if terms.is_step() {
        return Err(NoVolatility::TooLate);
    }
    if !(0.0 < price && price.is_finite()) {
        return Err(NoVolatility::Price);
    }
    let asked = Undiscounted {
        right: terms.right(),
        forward: terms.forward(),
        strike: terms.strike(),
        years: terms.years(),
        price: price / terms.discount(),
    };
    let [low, high] = asked.bounds();
    if asked.price <= low {
        return Err(NoVolatility::AtOrBelowIntrinsic);
    }
    if high <= asked.price {
        return Err(NoVolatility::AtOrAboveMaximum);
    }
    search(&asked)
        .filter(|vol| (VOL_MIN..=VOL_MAX).contains(vol))
        .ok_or(NoVolatility::OutOfRange)
}

impl Undiscounted {
    /// Between these a price must lie, or an arbitrage is free: intrinsic value and maximum.
    #[must_use]
    pub fn bounds(&self) -> [f64; 2] {
        let intrinsic = (self.right.sign() * (self.forward - self.strike)).max(0.0);
        let maximum = match self.right {
            Right::Call => self.forward,
            Right::Put => self.strike,
        };
        [intrinsic, maximum]
    }
}
