//! Volatility regime (A4): where today's volatility lies within its own history.

use alloc::vec::Vec;

use crate::indicators::Window;
use crate::quantile;

/// How volatile the market is for its own standards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Regime {
    /// Below the 33rd percentile.
    Low,
    /// Between, bounds included; also while there are too few bars.
    Normal,
    /// Above the 67th percentile.
    High,
}

impl Regime {
    /// The word shown to users.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Low => "LOW",
            Self::Normal => "NORMAL",
            Self::High => "HIGH",
        }
    }

    /// The regime of a volatility, given both thresholds.
    #[must_use]
    pub fn of(volatility: f64, low: f64, high: f64) -> Self {
        if volatility > high {
            Self::High
        } else if volatility < low {
            Self::Low
        } else {
            Self::Normal
        }
    }
}

/// What the regime is computed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RegimeConfig {
    /// Returns of one volatility.
    pub window: usize,
    /// Returns below which the regime is not to be relied on.
    pub returns_min: usize,
    /// Bars of a trading day, to annualise with 252 of them: 4,680 of 5 s in regular hours.
    pub bars_per_day: u32,
}

impl Default for RegimeConfig {
    fn default() -> Self {
        Self {
            window: 20,
            returns_min: 500,
            bars_per_day: 4_680,
        }
    }
}

impl RegimeConfig {
    /// What turns a bar's deviation into a year's.
    #[must_use]
    pub fn factor(&self) -> f64 {
        libm::sqrt(f64::from(self.bars_per_day) * 252.0)
    }
}

/// A regime and what it stands on; volatilities are annualised fractions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RegimeReading {
    /// The regime.
    pub regime: Regime,
    /// There are too few returns, and the regime is `Normal` for that reason.
    pub is_warming: bool,
    /// Returns there were.
    pub returns: usize,
    /// The first volatility of the series.
    pub first: f64,
    /// The last one: now.
    pub current: f64,
    /// 33rd percentile of the series.
    pub low: f64,
    /// 67th percentile of the series.
    pub high: f64,
}

/// The regime at the end of `returns`; absent when they do not fill one window.
#[must_use]
pub fn regime(returns: &[f64], config: &RegimeConfig) -> Option<RegimeReading> {
    let mut window = Window::new(config.window);
    let mut rolling: Vec<f64> = Vec::with_capacity(returns.len());
    for value in returns {
        window.update(*value);
        if window.is_full() {
            rolling.extend(window.std_pop().map(|std| std * config.factor()));
        }
    }
    let (first, current) = (*rolling.first()?, *rolling.last()?);
    rolling.sort_unstable_by(f64::total_cmp);
    let low = quantile::linear(&rolling, 0.33)?;
    let high = quantile::linear(&rolling, 0.67)?;
    let is_warming = returns.len() < config.returns_min;
    let regime = if is_warming {
        Regime::Normal
    } else {
        Regime::of(current, low, high)
    };
    Some(RegimeReading {
        regime,
        is_warming,
        returns: returns.len(),
        first,
        current,
        low,
        high,
    })
}
