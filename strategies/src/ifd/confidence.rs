//! N7: from components to confidence, level and action, and the gates before them.
//!
//! The weights of the parts sum to 0.7, so the sum is divided by that: only so can all levels
//! be reached. Every gate of a [`Profile`] must pass; a gate whose measure is absent does not.

use super::Level;
use super::baseline::{Limits, Reading};
use super::components::Components;
use super::pressure::{Dominance, Tally};

/// Thresholds of a way of running. Ratios and counts are minima.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Profile {
    /// Its name.
    pub name: &'static str,
    /// Pressure of the window, in its direction.
    pub pressure_min: f64,
    /// Contracts in the window.
    pub volume_min: u64,
    /// Confidence of the window.
    pub window_confidence_min: f64,
    /// Concentration.
    pub concentration_min: f64,
    /// Persistence.
    pub persistence_min: f64,
    /// Trend.
    pub trend_min: f64,
    /// Standard deviations above what is usual in this direction.
    pub z_min: f64,
    /// Share of the window's volume that has a side.
    pub quality_min: f64,
    /// Confidence that a signal needs.
    pub confidence_min: f64,
    /// Weight of the market-making probability against a signal.
    pub penalty: f64,
    /// When a window is out of the usual.
    pub anomaly: Limits,
    /// Trading days looked back, at most [`LOOKBACK`](super::baseline::LOOKBACK).
    pub lookback: usize,
}

impl Profile {
    /// For trading.
    pub const PRODUCTION: Self = Self {
        name: "production",
        pressure_min: 2.0,
        volume_min: 50,
        window_confidence_min: 0.6,
        concentration_min: 0.4,
        persistence_min: 0.5,
        trend_min: 0.6,
        z_min: 2.0,
        quality_min: 0.9,
        confidence_min: 0.7,
        penalty: 0.4,
        anomaly: Limits {
            z: 2.0,
            rank: 95.0,
            days: 20,
        },
        lookback: 20,
    };

    /// Finds more.
    pub const OPTIMISED: Self = Self {
        name: "optimised",
        pressure_min: 1.5,
        concentration_min: 0.3,
        persistence_min: 0.4,
        trend_min: 0.5,
        z_min: 1.5,
        quality_min: 0.85,
        confidence_min: 0.6,
        penalty: 0.2,
        anomaly: Limits {
            z: 1.5,
            rank: 95.0,
            days: 20,
        },
        ..Self::PRODUCTION
    };

    /// Finds most, on less history.
    pub const TESTING: Self = Self {
        name: "testing",
        pressure_min: 1.2,
        confidence_min: 0.7,
        penalty: 0.3,
        anomaly: Limits {
            z: 2.0,
            rank: 95.0,
            days: 10,
        },
        lookback: 10,
        ..Self::OPTIMISED
    };

    /// Every profile.
    pub const ALL: [Self; 3] = [Self::PRODUCTION, Self::OPTIMISED, Self::TESTING];

    /// Whether a window by itself is pressure: dominated by a side, large enough, and credible. That
    /// is said of every such window; a signal must pass every other gate too.
    #[must_use]
    pub fn is_pressure(&self, tally: &Tally) -> bool {
        tally.dominance() != Dominance::Neutral
            && tally.classified() >= self.volume_min
            && tally.confidence() >= self.window_confidence_min
    }
}

/// What to do about a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Action {
    /// Nothing.
    Ignore,
    /// Watch.
    Monitor,
    /// Follow it.
    Buy,
    /// Follow it at once.
    StrongBuy,
}

impl Action {
    /// One level up.
    #[must_use]
    pub const fn up(self) -> Self {
        match self {
            Self::Ignore => Self::Monitor,
            Self::Monitor => Self::Buy,
            Self::Buy | Self::StrongBuy => Self::StrongBuy,
        }
    }

    /// One level down.
    #[must_use]
    pub const fn down(self) -> Self {
        match self {
            Self::Ignore | Self::Monitor => Self::Ignore,
            Self::Buy => Self::Monitor,
            Self::StrongBuy => Self::Buy,
        }
    }

    /// The word shown to users.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ignore => "IGNORE",
            Self::Monitor => "MONITOR",
            Self::Buy => "BUY",
            Self::StrongBuy => "STRONG_BUY",
        }
    }
}

/// The weighted components without the cluster, in [0, 1].
#[must_use]
pub fn raw(components: &Components) -> f64 {
    0.4 * components.significance
        + 0.3 * components.trend
        + 0.2 * components.concentration
        + 0.1 * components.persistence
}

/// Confidence in [0, 1]. `making` is the probability that it is market making, `penalty` its
/// weight.
#[must_use]
pub fn confidence(components: &Components, reading: &Reading, making: f64, penalty: f64) -> f64 {
    let sum = (0.4 * raw(components) + 0.3 * reading.base()) / 0.7;
    (sum * (1.0 - penalty * making) + 0.1 * components.cluster).clamp(0.0, 1.0)
}

/// The level and action that a confidence earns.
#[must_use]
pub const fn rate(confidence: f64) -> (Level, Action) {
    if confidence >= 0.9 {
        (Level::Extreme, Action::StrongBuy)
    } else if confidence >= 0.8 {
        (Level::VeryHigh, Action::Buy)
    } else if confidence >= 0.7 {
        (Level::High, Action::Buy)
    } else {
        (Level::Moderate, Action::Monitor)
    }
}

/// Share of capital at risk at most: 2 % times the level's factor.
#[must_use]
pub const fn risk_max(level: Level) -> f64 {
    0.02 * level.size_factor()
}
