//! What would have changed the answer: the nearest value of each feature, all else equal, at which
//! the same rule on the same snapshot comes to the other conclusion.
//!
//! For whoever explains a decision, not for the hot path: it runs the rule some thousand times.

use undertow_core::types::Price;

use super::card::{Card, Direction, Term};
use super::features::Feature;
use super::moment::Moment;
use super::rules::RuleSet;
use super::snapshot::Snapshot;

/// The most steps of a search, either way; enough to cross every range.
const STEPS: i32 = 1_000;

/// The price is searched so far either way, in bps.
const SPOT_BPS: i64 = 100;

/// What is turned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Knob {
    /// One of the 17 data points.
    Feature(Feature),
    /// What the rule weighs beside them.
    Term(Term),
}

impl Knob {
    /// The word shown to users.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Feature(feature) => feature.name(),
            Self::Term(term) => term.name(),
        }
    }

    fn is_read_by(self, rules: &RuleSet) -> bool {
        match self {
            Self::Feature(feature) => rules.rule.reads().contains(&feature),
            Self::Term(Term::Ifd) => rules.rule.follows_flow(),
            Self::Term(_) => rules.rule.ev_rules().is_some(),
        }
    }
}

/// One feature that decides.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Flip {
    /// Which.
    pub knob: Knob,
    /// Its value; for a price, in points.
    pub from: f64,
    /// The nearest value tried that flips the decision.
    pub to: f64,
    /// What the votes come to there.
    pub direction: Direction,
    /// What the confidence is there.
    pub confidence: u8,
}

/// A number of a snapshot: how to read and to replace it, its range, and the step of the search.
struct Dial {
    knob: Knob,
    range: (f64, f64),
    step: f64,
    read: fn(&Snapshot) -> Option<f64>,
    write: fn(&mut Snapshot, f64),
}

const DIALS: &[Dial] = &[
    Dial {
        knob: Knob::Feature(Feature::Vpin),
        range: (0.0, 1.0),
        step: 0.001,
        read: |seen| Some(seen.vpin),
        write: |seen, x| seen.vpin = x,
    },
    Dial {
        knob: Knob::Feature(Feature::Obi),
        range: (0.0, 1.0),
        step: 0.001,
        read: |seen| Some(seen.obi),
        write: |seen, x| seen.obi = x,
    },
    Dial {
        knob: Knob::Feature(Feature::GexZ),
        range: (-4.0, 4.0),
        step: 0.01,
        read: |seen| seen.gex_z,
        write: |seen, x| seen.gex_z = Some(x),
    },
    Dial {
        knob: Knob::Feature(Feature::DexZ),
        range: (-4.0, 4.0),
        step: 0.01,
        read: |seen| seen.dex_z,
        write: |seen, x| seen.dex_z = Some(x),
    },
    Dial {
        knob: Knob::Feature(Feature::Toxicity),
        range: (0.0, 1.0),
        step: 0.001,
        read: |seen| seen.toxicity,
        write: |seen, x| seen.toxicity = Some(x),
    },
    Dial {
        knob: Knob::Feature(Feature::Unusual),
        range: (0.0, 1.0),
        step: 0.001,
        read: |seen| seen.unusual.map(|unusual| unusual.score),
        write: |seen, x| {
            if let Some(unusual) = &mut seen.unusual {
                unusual.score = x;
            }
        },
    },
    Dial {
        knob: Knob::Feature(Feature::Hidden),
        range: (0.0, 1.0),
        step: 0.001,
        read: |seen| seen.hidden,
        write: |seen, x| seen.hidden = Some(x),
    },
    Dial {
        knob: Knob::Feature(Feature::Sweep),
        range: (0.0, 1.0),
        step: 1.0,
        read: |seen| Some(f64::from(u8::from(seen.sweep))),
        write: |seen, x| seen.sweep = x >= 0.5,
    },
    Dial {
        knob: Knob::Term(Term::Ifd),
        range: (0.0, 1.0),
        step: 0.001,
        read: |seen| seen.ifd.map(|flagged| flagged.candidate.confidence),
        write: |seen, x| {
            if let Some(flagged) = &mut seen.ifd {
                flagged.candidate.confidence = x;
            }
        },
    },
    // The score of the setup upward against that of the one downward.
    Dial {
        knob: Knob::Term(Term::ExpectedValue),
        range: (-0.8, 0.8),
        step: 0.001,
        read: |seen| seen.outlook.as_ref()?.edge(),
        write: |seen, edge| {
            if let Some(outlook) = &mut seen.outlook
                && let (Some(long), Some(short)) = (&mut outlook.long, &outlook.short)
            {
                long.setup.p = (short.setup.p + edge).clamp(0.1, 0.9);
            }
        },
    },
];

/// Every feature that alone could have changed whether there is a signal, or its direction.
pub fn flips(rules: &RuleSet, seen: &Snapshot, moment: &Moment) -> impl Iterator<Item = Flip> {
    let verdict = verdict(rules, &rules.rule.judge(seen, moment));
    let dials = DIALS.iter().filter(|dial| dial.knob.is_read_by(rules));
    dials
        .filter_map(move |dial| {
            let from = (dial.read)(seen)?;
            let value = |k: i32| from + dial.step * f64::from(k);
            nearest(STEPS, |k| {
                let to = value(k).clamp(dial.range.0, dial.range.1);
                let mut other = *seen;
                (dial.write)(&mut other, to);
                flipped(rules, &other, moment, verdict).map(|card| (dial.knob, from, to, card))
            })
        })
        .chain(flip_of_price(rules, seen, moment, verdict))
        .map(|(knob, from, to, card)| Flip {
            knob,
            from,
            to,
            direction: card.direction(),
            confidence: card.confidence(),
        })
}

type Found = (Knob, f64, f64, Card);

fn flip_of_price(
    rules: &RuleSet,
    seen: &Snapshot,
    moment: &Moment,
    verdict: Option<Direction>,
) -> Option<Found> {
    let points = |price: Price| price.0 as f64 / Price::PER_POINT as f64;
    let tick = rules.levels.tick.0.max(1);
    let steps = (seen.spot.0 / 10_000).saturating_mul(SPOT_BPS) / tick;
    nearest(i32::try_from(steps).unwrap_or(STEPS).min(STEPS), |k| {
        let spot = Price(seen.spot.0 + i64::from(k) * tick);
        let other = at_price(seen, spot, rules.pin_bps);
        let card = flipped(rules, &other, moment, verdict)?;
        Some((
            Knob::Feature(Feature::Last),
            points(seen.spot),
            points(spot),
            card,
        ))
    })
}

/// The same snapshot at another price: the pin stays where it is.
fn at_price(seen: &Snapshot, spot: Price, pin_bps: i64) -> Snapshot {
    let gamma = seen.gamma.map(|gamma| gamma.at_price(spot, pin_bps));
    Snapshot {
        spot,
        gamma,
        ..*seen
    }
}

/// The card, if it comes to another conclusion.
fn flipped(
    rules: &RuleSet,
    other: &Snapshot,
    moment: &Moment,
    was: Option<Direction>,
) -> Option<Card> {
    let card = rules.rule.judge(other, moment);
    (verdict(rules, &card) != was).then_some(card)
}

/// The direction in which a signal is found, if one is.
fn verdict(rules: &RuleSet, card: &Card) -> Option<Direction> {
    let is_signal =
        card.direction() != Direction::Flat && card.confidence() >= rules.confidence_min;
    is_signal.then(|| card.direction())
}

/// The first of ±1, ±2, … that finds something.
fn nearest<T>(steps: i32, find: impl Fn(i32) -> Option<T>) -> Option<T> {
    (1..=steps).find_map(|k| find(k).or_else(|| find(-k)))
}
