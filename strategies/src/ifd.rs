//! Institutional flow detection.
//!
//! Two detectors look at option trades. Version 1 compares a day's volume with open interest
//! ([`spike`]). Version 3 measures one-sided pressure in windows ([`pressure`]), compares it with
//! the days before ([`baseline`]), scores it ([`components`], [`confidence`], [`quality`]) and
//! distrusts market making ([`quoting`], [`structure`]); [`conflict`] decides where the two
//! disagree. [`shock`] is a component of its own. All of these are pure functions.
//!
//! The live part is the [`desk`]: it keeps the windows of every option of a session and says
//! what it finds as [`Finding`](desk::Finding)s. Prices and sizes are integers; scores are `f64`
//! in [0, 1] unless stated. What cannot be known is absent; no score is ever NaN or infinite.

use crate::options::Right;

pub mod desk;

pub mod spike;

pub mod pressure;

pub mod baseline;

pub mod components;

pub mod confidence;

pub mod quality;

pub mod quoting;

pub mod structure;

pub mod conflict;

pub mod shock;

/// Which way the underlying is expected to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Direction {
    /// Up.
    Long,
    /// Down.
    Short,
}

impl Direction {
    /// The other one.
    #[must_use]
    pub const fn opposite(self) -> Self {
        match self {
            Self::Long => Self::Short,
            Self::Short => Self::Long,
        }
    }

    /// What pressure on an option says of its underlying (N7): buyers of calls and sellers of
    /// puts expect it to rise.
    #[must_use]
    pub const fn of_pressure(right: Right, dominance: pressure::Dominance) -> Option<Self> {
        use pressure::Dominance;
        match (right, dominance) {
            (_, Dominance::Neutral) => None,
            (Right::Call, Dominance::Buy) | (Right::Put, Dominance::Sell) => Some(Self::Long),
            (Right::Call, Dominance::Sell) | (Right::Put, Dominance::Buy) => Some(Self::Short),
        }
    }

    /// The word shown to users.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Long => "LONG",
            Self::Short => "SHORT",
        }
    }
}

/// How strong a signal is, from the weakest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Level {
    /// Worth watching.
    Moderate,
    /// Strong.
    High,
    /// Very strong.
    VeryHigh,
    /// As strong as it gets.
    Extreme,
}

impl Level {
    /// Factor on the size of a position (N3, N7).
    #[must_use]
    pub const fn size_factor(self) -> f64 {
        match self {
            Self::Moderate => 1.0,
            Self::High => 1.5,
            Self::VeryHigh => 2.0,
            Self::Extreme => 3.0,
        }
    }

    /// The word shown to users.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Moderate => "MODERATE",
            Self::High => "HIGH",
            Self::VeryHigh => "VERY_HIGH",
            Self::Extreme => "EXTREME",
        }
    }
}

/// Strikes at most so far apart, in price units, are near each other (N6, N8, N11): 50 points.
pub const NEAR: i64 = 50 * undertow_core::types::Price::PER_POINT;
