//! Committed counts, and what is said of a count that differs from them.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// How far instructions per message may rise before the gate is red, in percent. A fall beyond
/// it asks for a new baseline, so that the gain cannot be lost again unseen.
pub const TOLERANCE_PERCENT: f64 = 2.0;

/// What was counted for one piece of work.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Count {
    /// FNV-1a of the input's bytes, in hexadecimal: counts of different inputs do not compare.
    pub input: String,
    /// Instructions per message, start-up excluded.
    pub instructions: f64,
    /// Allocations for all messages together, after construction.
    pub allocations: u64,
}

/// The committed file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Baselines {
    /// `rustc -V` of the counted build.
    pub toolchain: String,
    /// `valgrind --version` of the count.
    pub valgrind: String,
    /// Day of the count, UTC.
    pub date: String,
    /// Why these counts replaced the ones before.
    pub reason: String,
    /// Counts by name of the work.
    pub counts: BTreeMap<String, Count>,
}

/// What is said of one count.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// Within tolerance, nothing allocated.
    Same {
        /// Change in percent.
        percent: f64,
    },
    /// Fewer instructions than tolerance explains.
    Better {
        /// Change in percent, below zero.
        percent: f64,
    },
    /// More instructions than allowed.
    Slower {
        /// Change in percent.
        percent: f64,
    },
    /// The hot path allocated, which is never allowed, whatever the baseline says.
    Allocates {
        /// How often.
        allocations: u64,
    },
    /// The input is not the one that the baseline was counted on.
    OtherInput,
    /// The baseline has no count of this name.
    New,
}

impl Verdict {
    /// Judges a count against the baseline's.
    #[must_use]
    pub fn of(count: &Count, baseline: Option<&Count>) -> Self {
        if count.allocations > 0 {
            return Self::Allocates {
                allocations: count.allocations,
            };
        }
        let Some(baseline) = baseline else {
            return Self::New;
        };
        if count.input != baseline.input {
            return Self::OtherInput;
        }
        let percent = 100.0 * (count.instructions / baseline.instructions - 1.0);
        if percent > TOLERANCE_PERCENT {
            Self::Slower { percent }
        } else if percent < -TOLERANCE_PERCENT {
            Self::Better { percent }
        } else {
            Self::Same { percent }
        }
    }

    /// Whether the gate may stay green.
    #[must_use]
    pub const fn is_green(&self) -> bool {
        matches!(self, Self::Same { .. } | Self::Better { .. })
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Same { percent } => write!(f, "ok ({percent:+.2} %)"),
            Self::Better { percent } => {
                write!(f, "ok, better ({percent:+.2} %): update the baseline")
            }
            Self::Slower { percent } => write!(
                f,
                "RED: {percent:+.2} % instructions, allowed is +{TOLERANCE_PERCENT} %"
            ),
            Self::Allocates { allocations } => {
                write!(f, "RED: {allocations} allocations, allowed are 0")
            }
            Self::OtherInput => f.write_str("RED: the input changed: update the baseline"),
            Self::New => f.write_str("RED: not in the baseline: update the baseline"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(instructions: f64) -> Count {
        Count {
            input: "one".to_owned(),
            instructions,
            allocations: 0,
        }
    }

    #[test]
    fn two_percent_more_is_red_and_less_asks_for_an_update() {
        let baseline = count(100.0);
        let verdict = |instructions| Verdict::of(&count(instructions), Some(&baseline));
        assert!(verdict(100.0).is_green());
        assert!(verdict(101.9).is_green());
        assert!(matches!(verdict(102.1), Verdict::Slower { .. }));
        assert!(!verdict(102.1).is_green());
        assert!(verdict(97.0).to_string().contains("update the baseline"));
    }

    #[test]
    fn one_allocation_is_red_even_when_the_baseline_allocates() {
        let mut allocating = count(50.0);
        allocating.allocations = 1;
        let verdict = Verdict::of(&allocating, Some(&allocating));
        assert_eq!(verdict, Verdict::Allocates { allocations: 1 });
        assert!(!verdict.is_green());
    }

    #[test]
    fn counts_of_other_inputs_and_unknown_works_do_not_compare() {
        let mut other = count(100.0);
        other.input = "fifty".to_owned();
        assert!(!Verdict::of(&other, Some(&count(100.0))).is_green());
        assert!(!Verdict::of(&other, None).is_green());
    }
}
