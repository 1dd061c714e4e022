//! From what the five components found to one list of recommendations (N22).
//!
//! The components are expected value, positioning (which gives context and recommends nothing of
//! its own), volume shock, and the two detectors of institutional flow after their conflicts were
//! resolved. One that failed is named; the others still count.

use alloc::vec::Vec;
use core::cmp::Reverse;

use super::Usd;

/// Recommendations of one component at most.
const COMPONENT_MAX: usize = 3;

/// Volume shocks that are looked at.
const SHOCKS_MAX: usize = 2;

/// Who found something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Component {
    /// Institutional flow by volume spikes.
    IfdV1,
    /// Institutional flow by pressure.
    IfdV3,
    /// Expected value of target and stop.
    ExpectedValue,
    /// Premium at risk.
    Positioning,
    /// Volume shocks.
    VolumeShock,
}

impl Component {
    /// The name shown to users.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::IfdV1 => "ifd v1",
            Self::IfdV3 => "ifd v3",
            Self::ExpectedValue => "expected value",
            Self::Positioning => "positioning",
            Self::VolumeShock => "volume shock",
        }
    }
}

/// Level of a volume spike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum SpikeLevel {
    /// Volume at least 50 times open interest.
    Extreme,
    /// At least 30 times.
    VeryHigh,
    /// Less.
    Lower,
}

impl SpikeLevel {
    /// The level of a volume so many times the open interest; borders count as reached.
    #[must_use]
    pub fn of(ratio: f64) -> Self {
        if ratio >= 50.0 {
            Self::Extreme
        } else if ratio >= 30.0 {
            Self::VeryHigh
        } else {
            Self::Lower
        }
    }
}

/// What a component found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Finding {
    /// A signal of pressure, with its confidence from 0 to 1.
    Pressure(f64),
    /// A volume spike.
    Spike(SpikeLevel),
    /// A setup of expected value.
    Setup,
    /// A shock; whether it is a gamma emergency.
    Shock {
        /// Whether hedging feeds it now.
        is_gamma_emergency: bool,
    },
}

impl Finding {
    const fn component(self) -> Component {
        match self {
            Self::Pressure(_) => Component::IfdV3,
            Self::Spike(_) => Component::IfdV1,
            Self::Setup => Component::ExpectedValue,
            Self::Shock { .. } => Component::VolumeShock,
        }
    }

    /// How urgent it is, as the `place`th best of its component, from 0; absent if it is nothing.
    #[must_use]
    pub fn priority(self, place: usize) -> Option<Priority> {
        match self {
            Self::Pressure(confidence) => pressure_priority(confidence),
            Self::Spike(SpikeLevel::Extreme) => Some(Priority::Immediate),
            Self::Spike(SpikeLevel::VeryHigh) => Some(Priority::Primary),
            Self::Spike(SpikeLevel::Lower) => Some(Priority::High),
            Self::Setup if place == 0 => Some(Priority::Primary),
            Self::Setup => Some(Priority::Secondary),
            Self::Shock { .. } if SHOCKS_MAX <= place => None,
            Self::Shock {
                is_gamma_emergency: true,
            } => Some(Priority::Immediate),
            Self::Shock { .. } => Some(Priority::Medium),
        }
    }
}

/// How urgent a recommendation is; the first comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Priority {
    /// Now.
    Immediate,
    /// Before all others.
    Primary,
    /// After those.
    Secondary,
    /// Of weight.
    High,
    /// To be known.
    Medium,
}

impl Priority {
    /// The word shown to users.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Immediate => "immediate",
            Self::Primary => "primary",
            Self::Secondary => "secondary",
            Self::High => "high",
            Self::Medium => "medium",
        }
    }
}

/// How urgent a signal of pressure is, by its confidence; absent at 0.6 and below.
#[must_use]
pub fn pressure_priority(confidence: f64) -> Option<Priority> {
    if confidence > 0.8 {
        Some(Priority::Immediate)
    } else if confidence > 0.7 {
        Some(Priority::Primary)
    } else if confidence > 0.6 {
        Some(Priority::High)
    } else {
        None
    }
}

/// Something found, with its size and whatever `T` tells about it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Candidate<T> {
    /// What.
    pub finding: Finding,
    /// How large.
    pub size: Usd,
    /// What it is about.
    pub about: T,
}

/// What is recommended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Recommendation<T> {
    /// How urgent.
    pub priority: Priority,
    /// What was found.
    pub candidate: Candidate<T>,
}

/// A component's answer: what it found, best first, or why it failed.
pub type Answer<T, E> = (Component, Result<Vec<Candidate<T>>, E>);

/// The whole picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Synthesis<T, E> {
    /// What is recommended, most urgent first; of equals the larger.
    pub recommendations: Vec<Recommendation<T>>,
    /// Components that failed, with the reason.
    pub failed: Vec<(Component, E)>,
    /// Findings of a component other than their own, which are left out.
    pub misplaced: usize,
}

/// Gathers the answers of the components.
#[must_use]
pub fn synthesise<T, E>(answers: impl IntoIterator<Item = Answer<T, E>>) -> Synthesis<T, E> {
    let mut synthesis = Synthesis {
        recommendations: Vec::new(),
        failed: Vec::new(),
        misplaced: 0,
    };
    for (component, answer) in answers {
        let found = match answer {
            Ok(found) => found,
            Err(why) => {
                synthesis.failed.push((component, why));
                continue;
            }
        };
        let (own, others): (Vec<_>, Vec<_>) = found
            .into_iter()
            .partition(|it| it.finding.component() == component);
        synthesis.misplaced += others.len();
        let ranked = own
            .into_iter()
            .enumerate()
            .filter_map(|(place, candidate)| {
                let priority = candidate.finding.priority(place)?;
                Some(Recommendation {
                    priority,
                    candidate,
                })
            });
        synthesis.recommendations.extend(ranked.take(COMPONENT_MAX));
    }
    let order = |it: &Recommendation<T>| (it.priority, Reverse(it.candidate.size));
    // Stable: of equals in both, the component asked first comes first.
    synthesis.recommendations.sort_by_key(order);
    synthesis
}
