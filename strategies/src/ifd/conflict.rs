//! N11: which detector is believed where versions 1 and 3 disagree.
//!
//! The means are over all signals; those over the conflicting ones only are recorded beside
//! them. Nothing is decided silently: every [`Decision`] says what it was made of.

use super::components::{Crowd, Stance};

/// Factor on version 3's confidence: it sees more.
const PREFERENCE: f64 = 1.1;

/// How a disagreement ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Method {
    /// Nobody said anything.
    NoSignals,
    /// Only version 1 did.
    V1Only,
    /// Only version 3 did.
    V3Only,
    /// Both did, and do not disagree.
    Merged,
    /// Version 1's signals are rejected.
    V3Preferred,
    /// Version 3's signals are rejected.
    V1Preferred,
}

impl Method {
    /// The word shown to users.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoSignals => "NO_SIGNALS",
            Self::V1Only => "V1_ONLY",
            Self::V3Only => "V3_ONLY",
            Self::Merged => "MERGED",
            Self::V3Preferred => "V3_PREFERRED",
            Self::V1Preferred => "V1_PREFERRED",
        }
    }
}

/// One side's signals in numbers.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct Party {
    /// Signals.
    pub signals: u32,
    /// Their mean confidence; none without any.
    pub mean: Option<f64>,
    /// Those that some signal of the other side contradicts.
    pub conflicting: u32,
    /// Mean confidence of those; none without any.
    pub conflicting_mean: Option<f64>,
}

impl Party {
    /// The party of `own` signals against a crowd of the others, which is arranged.
    pub fn of<'a>(own: impl IntoIterator<Item = &'a Stance>, others: &Crowd) -> Self {
        let (mut party, mut sum, mut conflicting) = (Self::default(), 0.0, 0.0);
        for stance in own {
            party.signals += 1;
            sum += stance.confidence;
            if contradicts(stance, others) {
                party.conflicting += 1;
                conflicting += stance.confidence;
            }
        }
        let mean = |sum: f64, n: u32| (n > 0).then(|| sum / f64::from(n));
        party.mean = mean(sum, party.signals);
        party.conflicting_mean = mean(conflicting, party.conflicting);
        party
    }
}

/// A decision and what it was made of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Decision {
    /// How it ended.
    pub method: Method,
    /// Version 1's signals.
    pub v1: Party,
    /// Version 3's signals.
    pub v3: Party,
}

impl Decision {
    /// Decides. A tie keeps version 1.
    #[must_use]
    pub fn of(v3: Party, v1: Party) -> Self {
        let is_conflict = v3.conflicting > 0 && v1.conflicting > 0;
        let method = match (v3.mean, v1.mean) {
            (None, None) => Method::NoSignals,
            (Some(_), None) => Method::V3Only,
            (None, Some(_)) => Method::V1Only,
            _ if !is_conflict => Method::Merged,
            (Some(v3), Some(v1)) if v3 * PREFERENCE > v1 => Method::V3Preferred,
            _ => Method::V1Preferred,
        };
        Self { method, v1, v3 }
    }
}

/// Whether somebody within 50 points says the opposite.
#[must_use]
pub fn contradicts(stance: &Stance, others: &Crowd) -> bool {
    let around = others.around(stance.underlying, stance.strike);
    around.count[stance.direction.opposite() as usize] > 0
}

/// Decides between lists of any length at once; the live part keeps its crowds laid out.
#[must_use]
pub fn resolve(v3: &[Stance], v1: &[Stance]) -> Decision {
    let crowd = |stances: &[Stance]| {
        let mut crowd = Crowd::new(stances.len());
        for stance in stances {
            crowd.join(*stance);
        }
        crowd.arrange();
        crowd
    };
    let (of_v3, of_v1) = (crowd(v3), crowd(v1));
    Decision::of(Party::of(v3, &of_v1), Party::of(v1, &of_v3))
}
