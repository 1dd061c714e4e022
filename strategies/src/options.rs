//! Options: contracts and their names, what they are worth, and what a chain of them says.
//!
//! Everything here is a pure function of a [`chain::Snapshot`] or of plain numbers: no clock, no
//! file. Prices, sizes and money are integers; measures are `f64` and never NaN or infinite; what
//! cannot be known is absent. A chain lives on the cold side, so these functions may allocate.
//! Entry ids (M3, M10, A10–A12, N1, N2, N21, N22) are those of the algorithm specification.

pub mod date;

pub mod symbol;

pub mod chain;

mod normal;

pub mod pricing;

pub mod implied;

pub mod admission;

pub mod exposure;

pub mod levels;

pub mod flip;

pub mod trailing;

pub mod flow;

pub mod unusual;

pub mod expected_value;

pub mod positioning;

pub mod pipeline;

pub mod synthesis;

use core::fmt;

use undertow_core::types::Price;

/// Which right an option gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Right {
    /// To buy.
    Call,
    /// To sell.
    Put,
}

impl Right {
    /// +1 for a call, −1 for a put: φ of the formulas.
    #[must_use]
    pub const fn sign(self) -> f64 {
        match self {
            Self::Call => 1.0,
            Self::Put => -1.0,
        }
    }

    /// The field's word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Call => "call",
            Self::Put => "put",
        }
    }
}

/// The way that a position is to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Direction {
    /// Up.
    Long,
    /// Down.
    Short,
}

impl Direction {
    /// The field's word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Long => "long",
            Self::Short => "short",
        }
    }
}

/// When an option may be exercised. No formula here prices an early exercise, so a value of an
/// American option leaves that premium out, and whoever shows it says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Exercise {
    /// At expiry only.
    European,
    /// At any time.
    American,
}

/// Money in units of 1e-4 dollars. Sums saturate: a broken input cannot turn a sign.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct Usd(pub i64);

impl Usd {
    /// How many units make a dollar.
    pub const PER_DOLLAR: i64 = 10_000;

    /// The premium of `contracts` at `price` points, `multiplier` dollars a point.
    #[must_use]
    pub fn premium(price: Price, contracts: u64, multiplier: u32) -> Self {
        let units = i128::from(price.0) * i128::from(contracts) * i128::from(multiplier);
        let per_unit = i128::from(Price::PER_POINT / Self::PER_DOLLAR);
        Self(saturate(units / per_unit))
    }

    /// The sum, at the limits of the type where it would pass them.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// In dollars, for ratios and for showing.
    #[must_use]
    pub fn dollars(self) -> f64 {
        self.0 as f64 / Self::PER_DOLLAR as f64
    }
}

impl core::iter::Sum for Usd {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self(0), Self::plus)
    }
}

impl fmt::Display for Usd {
    /// Whole cents are shown; what lies below is cut.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cents = self.0.unsigned_abs() / 100;
        let sign = if self.0 < 0 { "-" } else { "" };
        write!(f, "{sign}{}.{:02}", cents / 100, cents % 100)
    }
}

/// A price in points, for continuous measures only: no boundary is tested on it.
#[must_use]
pub fn points(price: Price) -> f64 {
    price.0 as f64 / Price::PER_POINT as f64
}

/// The distance between two prices, in 1e-9 points.
pub(crate) const fn distance(a: Price, b: Price) -> Price {
    Price(a.0.saturating_sub(b.0).saturating_abs())
}

/// Keeps `value` between 0 and 1.
pub(crate) const fn clamp01(value: f64) -> f64 {
    value.clamp(0.0, 1.0)
}

/// `value` if it is a number.
pub(crate) fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}

/// `part / whole`, absent where the whole is 0.
pub(crate) fn ratio(part: f64, whole: f64) -> Option<f64> {
    finite(part / whole)
}

fn saturate(value: i128) -> i64 {
    let limit = if value < 0 { i64::MIN } else { i64::MAX };
    i64::try_from(value).unwrap_or(limit)
}
