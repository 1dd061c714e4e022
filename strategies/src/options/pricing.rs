//! What a European option is worth, and how that changes (A10).
//!
//! Black–Scholes–Merton (1973) for stocks and indices and Black (1976) for options on futures
//! are one formula with two costs of carry; both are written out here once. Years have 365 days,
//! rates are continuous, vega is for 1.00 of volatility, theta for a year. Nothing leaves this
//! module that is not a number. Absent: the premium of an early exercise.

use undertow_core::types::Price;

use super::{Right, finite, normal, points};

/// A year of 365 days, ns.
pub const YEAR_NS: f64 = 365.0 * 86_400.0 * 1e9;

/// A price must lie below this, which is what an integer price can hold.
const PRICE_END: f64 = 1e10;
/// Rates and dividend yields are at most this, either way.
const RATE_MAX: f64 = 1.0;
const YEARS_MAX: f64 = 100.0;
/// Volatility is at most this: 10,000 % a year.
const VOL_MAX: f64 = 100.0;
/// A minute: nearer to the end nothing but the intrinsic value is left.
const YEARS_MIN: f64 = 60.0 / (365.0 * 86_400.0);
/// Standard deviation below which the curve is a step.
const DEVIATION_MIN: f64 = 1e-9;

/// What pulls the underlying forward.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Model {
    /// A stock or an index: interest is earned, dividends are missed.
    BlackScholesMerton {
        /// Interest a year.
        rate: f64,
        /// Dividend yield a year.
        dividend: f64,
    },
    /// A future, which costs nothing to carry.
    Black76 {
        /// Interest a year.
        rate: f64,
    },
}

impl Model {
    const fn rate(self) -> f64 {
        match self {
            Self::BlackScholesMerton { rate, .. } | Self::Black76 { rate } => rate,
        }
    }

    /// Yield at which the underlying's share in the value is discounted.
    const fn carry_yield(self) -> f64 {
        match self {
            Self::BlackScholesMerton { dividend, .. } => dividend,
            Self::Black76 { rate } => rate,
        }
    }
}

/// Why a formula cannot be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Unpriceable {
    /// The underlying's price is not above 0, or not a number that a price can be.
    Underlying,
    /// The same of the strike.
    Strike,
    /// It is over, or more than a century away.
    Time,
    /// A rate beyond ±100 % a year, or none.
    Rate,
    /// A volatility that is negative, beyond 10,000 %, or none.
    Volatility,
}

impl Unpriceable {
    /// The reason in words.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Underlying => "underlying not above 0",
            Self::Strike => "strike not above 0",
            Self::Time => "expired",
            Self::Rate => "rate out of range",
            Self::Volatility => "volatility out of range",
        }
    }
}

/// An option and its market, checked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Terms {
    right: Right,
    underlying: f64,
    strike: f64,
    years: f64,
    model: Model,
}

/// A value and its sensitivities. What a step has no slope for is absent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Greeks {
    /// Value, points.
    pub price: f64,
    /// Change for a point of the underlying; absent exactly at the edge of a step.
    pub delta: Option<f64>,
    /// Change of delta for a point of the underlying.
    pub gamma: Option<f64>,
    /// Change for 1.00 of volatility.
    pub vega: Option<f64>,
    /// Change with a year's passing.
    pub theta: Option<f64>,
    /// Change for 1.00 of interest.
    pub rho: Option<f64>,
}

impl Terms {
    /// Checks them.
    ///
    /// # Errors
    /// The first thing that makes no sense.
    pub fn new(
        right: Right,
        [underlying, strike]: [f64; 2],
        years: f64,
        model: Model,
    ) -> Result<Self, Unpriceable> {
        let is_price = |price: f64| 0.0 < price && price < PRICE_END;
        let is_rate = |rate: f64| rate.abs() <= RATE_MAX;
        if !is_price(underlying) {
            return Err(Unpriceable::Underlying);
        }
        if !is_price(strike) {
            return Err(Unpriceable::Strike);
        }
        if !(0.0..=YEARS_MAX).contains(&years) {
            return Err(Unpriceable::Time);
        }
        if !is_rate(model.rate()) || !is_rate(model.carry_yield()) {
            return Err(Unpriceable::Rate);
        }
        Ok(Self {
            right,
            underlying,
            strike,
            years,
            model,
        })
    }

    /// Those of an option on a future, which costs `underlying`, with so long to the end.
    ///
    /// # Errors
    /// As [`Terms::new`].
    pub fn on_future(
        right: Right,
        [underlying, strike]: [Price; 2],
        left_ns: u64,
        rate: f64,
    ) -> Result<Self, Unpriceable> {
        let prices = [points(underlying), points(strike)];
        let years = left_ns as f64 / YEAR_NS;
        Self::new(right, prices, years, Model::Black76 { rate })
    }

    /// Value and sensitivities at a volatility.
    ///
    /// Less than a minute from the end, or without volatility, only the discounted intrinsic
    /// value and its delta are there.
    ///
    /// # Errors
    /// A volatility that makes no sense.
    pub fn greeks(&self, vol: f64) -> Result<Greeks, Unpriceable> {
        if !(0.0..=VOL_MAX).contains(&vol) {
            return Err(Unpriceable::Volatility);
        }
        let deviation = vol * libm::sqrt(self.years);
        if self.years < YEARS_MIN || deviation < DEVIATION_MIN {
            return Ok(self.step());
        }
        let Self {
            underlying,
            strike,
            years,
            model,
            ..
        } = *self;
        let (sign, rate, carry_yield) = (self.right.sign(), model.rate(), model.carry_yield());
        let (discount, carry) = (self.discount(), libm::exp(-carry_yield * years));
        let d1 = self.d1(deviation);
        let d2 = d1 - deviation;
        let asset = underlying * carry * normal::below(sign * d1);
        let cash = strike * discount * normal::below(sign * d2);
        let price = (sign * (asset - cash)).max(0.0);
        let slope = carry * normal::density(d1);
        let decay = underlying * slope * vol / (2.0 * libm::sqrt(years));
        let rho = match model {
            Model::BlackScholesMerton { .. } => sign * years * cash,
            Model::Black76 { .. } => -years * price,
        };
        Ok(Greeks {
            price,
            delta: finite(sign * carry * normal::below(sign * d1)),
            gamma: finite(slope / (underlying * deviation)),
            vega: finite(underlying * slope * libm::sqrt(years)),
            theta: finite(-decay + sign * (carry_yield * asset - rate * cash)),
            rho: finite(rho),
        })
    }

    /// Gamma alone, at a fraction of the work of all the rest. Absent where a step has none, and
    /// for a volatility that makes no sense.
    #[must_use]
    pub fn gamma(&self, vol: f64) -> Option<f64> {
        let deviation = vol * libm::sqrt(self.years);
        let is_curve = (0.0..=VOL_MAX).contains(&vol) && DEVIATION_MIN <= deviation;
        if self.is_step() || !is_curve {
            return None;
        }
        let carry = libm::exp(-self.model.carry_yield() * self.years);
        let slope = carry * normal::density(self.d1(deviation));
        finite(slope / (self.underlying * deviation))
    }

    /// Price of the underlying for delivery at the end.
    #[must_use]
    pub fn forward(&self) -> f64 {
        let carry = self.model.rate() - self.model.carry_yield();
        self.underlying * libm::exp(carry * self.years)
    }

    /// Value today of one dollar at the end.
    #[must_use]
    pub fn discount(&self) -> f64 {
        libm::exp(-self.model.rate() * self.years)
    }

    /// The strike, points.
    #[must_use]
    pub const fn strike(&self) -> f64 {
        self.strike
    }

    /// Time to the end, years.
    #[must_use]
    pub const fn years(&self) -> f64 {
        self.years
    }

    /// Call or put.
    #[must_use]
    pub const fn right(&self) -> Right {
        self.right
    }

    /// Whether the end is so near that only a step is left.
    #[must_use]
    pub const fn is_step(&self) -> bool {
        self.years < YEARS_MIN
    }

    /// Standardised distance of the forward from the strike, at a deviation above 0.
    fn d1(&self, deviation: f64) -> f64 {
        let carry = self.model.rate() - self.model.carry_yield();
        let drift = libm::log(self.underlying / self.strike) + carry * self.years;
        drift / deviation + 0.5 * deviation
    }

    fn step(&self) -> Greeks {
        let sign = self.right.sign();
        let carry = libm::exp(-self.model.carry_yield() * self.years);
        let worth = sign * (self.underlying * carry - self.strike * self.discount());
        let delta = match worth.partial_cmp(&0.0) {
            Some(core::cmp::Ordering::Greater) => Some(sign * carry),
            Some(core::cmp::Ordering::Less) => Some(0.0),
            _ => None,
        };
        Greeks {
            price: worth.max(0.0),
            delta,
            gamma: None,
            vega: None,
            theta: None,
            rho: None,
        }
    }
}
