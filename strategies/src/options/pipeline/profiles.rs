//! The four profiles of the pipeline, as data: which steps, in which order, with which limits.

use alloc::boxed::Box;
use alloc::vec::Vec;

use undertow_core::types::Price;

use super::steps::{ExpectedValue, Liquidity, Momentum, Pattern, Risk, Timing};
use super::{Pipeline, Planned, Step};
use crate::options::Usd;
use crate::options::expected_value::EvRules;

/// A step with its limits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rule {
    /// By premium at risk.
    Risk(Risk),
    /// By expected value.
    ExpectedValue(ExpectedValue),
    /// By momentum.
    Momentum(Momentum),
    /// By structure.
    Pattern(Pattern),
    /// By time of day and age.
    Timing(Timing),
    /// By quote and size.
    Liquidity(Liquidity),
}

impl Rule {
    /// The step in its place, with a weight of 1.
    #[must_use]
    pub fn planned(self, is_optional: bool) -> Planned {
        let step: Box<dyn Step> = match self {
            Self::Risk(step) => Box::new(step),
            Self::ExpectedValue(step) => Box::new(step),
            Self::Momentum(step) => Box::new(step),
            Self::Pattern(step) => Box::new(step),
            Self::Timing(step) => Box::new(step),
            Self::Liquidity(step) => Box::new(step),
        };
        Planned {
            step,
            weight: 1.0,
            is_optional,
        }
    }
}

/// A named order of steps.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    /// Its name.
    pub name: &'static str,
    /// Steps in order, each with whether the run may go on without it.
    pub rules: Vec<(Rule, bool)>,
}

impl Profile {
    /// Large positions, sure gains.
    #[must_use]
    pub fn conservative() -> Self {
        Self::new(
            "conservative",
            [
                risk(50_000, 3.0),
                expected_value([20.0, 0.70, 1.2], 120),
                momentum(0.8, 5),
            ],
        )
    }

    /// Whatever moves.
    #[must_use]
    pub fn aggressive() -> Self {
        Self::new(
            "aggressive",
            [
                expected_value([10.0, 0.55, 0.8], 180),
                momentum(0.6, 3),
                risk(10_000, 5.0),
            ],
        )
    }

    /// Structures first.
    #[must_use]
    pub fn technical() -> Self {
        let pattern = Rule::Pattern(Pattern {
            confidence_min: 0.8,
            volume_min: 100,
        });
        Self::new(
            "technical",
            [
                pattern,
                expected_value([15.0, 0.65, 1.0], 150),
                risk(25_000, 4.0),
            ],
        )
    }

    /// In and out within minutes.
    #[must_use]
    pub fn scalping() -> Self {
        let timing = Rule::Timing(Timing {
            timing_min: 0.9,
            decay: 0.95,
            age_max_s: 300.0,
        });
        let liquidity = Rule::Liquidity(Liquidity {
            volume_min: 200,
            open_interest_min: 50,
            spread_max: 0.05,
        });
        Self::new(
            "scalping",
            [timing, expected_value([5.0, 0.5, 0.5], 50), liquidity],
        )
    }

    /// All four.
    #[must_use]
    pub fn all() -> [Self; 4] {
        [
            Self::conservative(),
            Self::aggressive(),
            Self::technical(),
            Self::scalping(),
        ]
    }

    /// The same, going on without steps whose inputs are not there.
    #[must_use]
    pub fn lenient(mut self) -> Self {
        for (_, is_optional) in &mut self.rules {
            *is_optional = true;
        }
        self
    }

    /// The pipeline that it describes.
    #[must_use]
    pub fn pipeline(&self) -> Pipeline {
        let planned = self
            .rules
            .iter()
            .map(|(rule, is_optional)| rule.planned(*is_optional));
        Pipeline::new(planned.collect())
    }

    fn new(name: &'static str, rules: [Rule; 3]) -> Self {
        let rules = rules.into_iter().map(|rule| (rule, false)).collect();
        Self { name, rules }
    }
}

fn risk(dollars: i64, against_max: f64) -> Rule {
    Rule::Risk(Risk {
        exposure_min: Usd(dollars * Usd::PER_DOLLAR),
        against_max,
    })
}

fn expected_value([ev_min, p_min, reward_risk_min]: [f64; 3], risk_points: i64) -> Rule {
    Rule::ExpectedValue(ExpectedValue {
        rules: EvRules {
            ev_min,
            p_min,
            reward_risk_min,
            risk_max: Price(risk_points * Price::PER_POINT),
            ..EvRules::STANDARD
        },
    })
}

fn momentum(momentum_min: f64, windows: usize) -> Rule {
    Rule::Momentum(Momentum {
        momentum_min,
        windows,
    })
}
