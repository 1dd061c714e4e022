//! The steps that come with the pipeline: risk, expected value, momentum, pattern, timing,
//! liquidity.
//!
//! Where the specification names a threshold without a meaning, the meaning chosen is written
//! at the field.

use undertow_core::types::Price;

use super::{Context, Input, Opportunity, Step};
use crate::options::expected_value::{EvRules, Setup};
use crate::options::{Direction, Right, Usd, clamp01, finite, points, ratio};

/// A structure that nobody looked for is as likely as not.
const PATTERN_UNKNOWN: f64 = 0.5;

/// A price change of this size is full momentum.
const CHANGE_FULL: f64 = 0.05;

/// Keeps strikes with much premium at risk and not too much of it against the direction.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Risk {
    /// Least premium at risk.
    pub exposure_min: Usd,
    /// Greatest premium at risk on the side that pulls against the direction (puts against
    /// long), for one of the side that pulls along.
    pub against_max: f64,
}

impl Step for Risk {
    fn name(&self) -> &'static str {
        "risk"
    }

    fn needs(&self) -> &'static [Input] {
        &[Input::Positioning]
    }

    fn enrich(&self, context: &Context<'_>, all: &mut [Opportunity]) {
        let Some(positioning) = context.positioning else {
            return;
        };
        let (call, put) = (positioning.call.dollars(), positioning.put.dollars());
        for it in all {
            let mut zones = positioning.zones.iter();
            let zone = zones.find(|zone| zone.strike == it.strike && zone.right == it.right);
            it.metrics.exposure = zone.map(|zone| zone.risk);
            it.metrics.danger = zone.map(|zone| zone.danger);
            it.metrics.against = match it.direction {
                Direction::Long => ratio(put, call),
                Direction::Short => ratio(call, put),
            };
        }
    }

    fn keeps(&self, it: &Opportunity) -> bool {
        it.metrics
            .exposure
            .is_some_and(|risk| self.exposure_min <= risk)
            && it
                .metrics
                .against
                .is_some_and(|against| against <= self.against_max)
    }

    fn score(&self, it: &Opportunity) -> f64 {
        it.metrics.danger.map_or(0.0, Usd::dollars)
    }
}

/// Keeps strikes that are the target of a good setup.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ExpectedValue {
    /// What is good.
    pub rules: EvRules,
}

impl Step for ExpectedValue {
    fn name(&self) -> &'static str {
        "expected value"
    }

    fn needs(&self) -> &'static [Input] {
        &[Input::Lines]
    }

    fn enrich(&self, context: &Context<'_>, all: &mut [Opportunity]) {
        let Some(lines) = context.lines else { return };
        let setups = self.rules.candidates(lines, context.spot);
        for it in all {
            // Candidates come best first, so the first of this target is its best.
            let is_its =
                |setup: &&Setup| setup.direction == it.direction && setup.target == it.strike;
            it.metrics.setup = setups.iter().find(is_its).copied();
        }
    }

    fn keeps(&self, it: &Opportunity) -> bool {
        it.metrics
            .setup
            .is_some_and(|setup| self.rules.is_good(&setup))
    }

    fn score(&self, it: &Opportunity) -> f64 {
        it.metrics.setup.map_or(0.0, |setup| setup.ev)
    }
}

/// Keeps options that move, on volume, the way they are to go.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Momentum {
    /// Least momentum, 0 to 1.
    pub momentum_min: f64,
    /// Windows that it is measured over.
    pub windows: usize,
}

impl Momentum {
    /// Half by price change, half by volume against twice its mean; 0 when the option's price
    /// went the other way. A call that rises and a put that falls go long.
    fn of(&self, windows: &[(Price, u64)], right: Right, direction: Direction) -> Option<f64> {
        let start = windows.len().checked_sub(self.windows + 1)?;
        let (first, last) = (points(windows[start].0), points(windows.last()?.0));
        let change = ratio(last - first, first)?;
        let way = if direction == Direction::Long {
            1.0
        } else {
            -1.0
        };
        if change * right.sign() * way <= 0.0 {
            return Some(0.0);
        }
        let mean = |windows: &[(Price, u64)]| {
            let sum: f64 = windows.iter().map(|(_, volume)| *volume as f64).sum();
            ratio(sum, windows.len() as f64)
        };
        let volume = ratio(mean(&windows[start + 1..])?, 2.0 * mean(windows)?)?;
        Some(0.5 * clamp01(change.abs() / CHANGE_FULL) + 0.5 * clamp01(volume))
    }
}

impl Step for Momentum {
    fn name(&self) -> &'static str {
        "momentum"
    }

    fn needs(&self) -> &'static [Input] {
        &[Input::Series]
    }

    fn enrich(&self, context: &Context<'_>, all: &mut [Opportunity]) {
        let series = context.series.unwrap_or_default();
        for it in all {
            let own = series
                .iter()
                .find(|own| own.strike == it.strike && own.right == it.right);
            it.metrics.momentum = own.and_then(|own| self.of(&own.windows, it.right, it.direction));
        }
    }

    fn keeps(&self, it: &Opportunity) -> bool {
        it.metrics
            .momentum
            .is_some_and(|momentum| self.momentum_min <= momentum)
    }

    fn score(&self, it: &Opportunity) -> f64 {
        it.metrics.momentum.unwrap_or(0.0)
    }
}

/// Keeps options that are part of a recognised structure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pattern {
    /// Least confidence.
    pub confidence_min: f64,
    /// Least volume.
    pub volume_min: u64,
}

impl Step for Pattern {
    fn name(&self) -> &'static str {
        "pattern"
    }

    fn needs(&self) -> &'static [Input] {
        &[Input::Structures]
    }

    fn enrich(&self, context: &Context<'_>, all: &mut [Opportunity]) {
        let structures = context.structures.unwrap_or_default();
        for it in all {
            let is_its =
                |(at, right, _): &&(Price, Right, f64)| *at == it.strike && *right == it.right;
            let found = structures.iter().find(is_its);
            it.metrics.pattern = Some(found.map_or(PATTERN_UNKNOWN, |(.., share)| *share));
        }
    }

    fn keeps(&self, it: &Opportunity) -> bool {
        self.volume_min <= it.volume
            && it
                .metrics
                .pattern
                .is_some_and(|pattern| self.confidence_min <= pattern)
    }

    fn score(&self, it: &Opportunity) -> f64 {
        it.metrics.pattern.unwrap_or(0.0)
    }
}

/// Keeps what came up just now, at a good time of day.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Timing {
    /// Least timing after decay.
    pub timing_min: f64,
    /// What is left of it after a minute.
    pub decay: f64,
    /// Greatest age, seconds.
    pub age_max_s: f64,
}

impl Step for Timing {
    fn name(&self) -> &'static str {
        "timing"
    }

    fn needs(&self) -> &'static [Input] {
        &[Input::Timing]
    }

    fn enrich(&self, context: &Context<'_>, all: &mut [Opportunity]) {
        for it in all {
            let decayed = |timing: f64| timing * libm::pow(self.decay, it.age_s / 60.0);
            it.metrics.timing = context.timing.map(decayed).and_then(finite);
        }
    }

    fn keeps(&self, it: &Opportunity) -> bool {
        it.age_s <= self.age_max_s
            && it
                .metrics
                .timing
                .is_some_and(|timing| self.timing_min <= timing)
    }

    fn score(&self, it: &Opportunity) -> f64 {
        it.metrics.timing.unwrap_or(0.0)
    }
}

/// Keeps what can be traded without giving much away.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Liquidity {
    /// Least volume.
    pub volume_min: u64,
    /// Least open interest.
    pub open_interest_min: u64,
    /// Greatest width of the quote, as a share of its middle.
    pub spread_max: f64,
}

impl Step for Liquidity {
    fn name(&self) -> &'static str {
        "liquidity"
    }

    fn needs(&self) -> &'static [Input] {
        &[Input::Quotes]
    }

    fn enrich(&self, context: &Context<'_>, all: &mut [Opportunity]) {
        let Some(chain) = context.chain else { return };
        for it in all {
            let rows = chain.rows.iter().filter(|row| !row.is_expired(chain.now));
            let own = rows.filter(|row| row.strike == it.strike && row.right == it.right);
            // The expiry that ends first is the one that the opportunity is about.
            let row = own.min_by_key(|row| row.expiry.instant);
            it.metrics.spread = row.and_then(|row| row.spread_bps()).map(|bps| bps / 1e4);
        }
    }

    fn keeps(&self, it: &Opportunity) -> bool {
        self.volume_min <= it.volume
            && self.open_interest_min <= it.open_interest
            && it
                .metrics
                .spread
                .is_some_and(|spread| spread <= self.spread_max)
    }

    fn score(&self, it: &Opportunity) -> f64 {
        let share = it
            .metrics
            .spread
            .and_then(|spread| ratio(spread, self.spread_max));
        1.0 - share.unwrap_or(1.0)
    }
}
