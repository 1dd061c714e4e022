//! N3, N7, N11, N13: institutional flow in an option, followed when it is plausible.
//!
//! What the options desk found and did not reject comes as one more data point beside the 17 of
//! S1. N13 vets it, and what N13 adds to the confidence or takes from it is part of the score.

use super::border::points;
use super::card::{Card, Direction, Finding, Term};
use super::features::Feature;
use super::moment::Moment;
use super::rules::{Invalid, Unset, check_shares, exact, settable};
use super::snapshot::Snapshot;
use super::vetting::{Candidate, Parts};

/// The rule's parameters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ifd {
    /// Least confidence of what was found, 0–1. .65.
    pub confidence_min: f64,
    /// Least score of N13, 0–1. .65.
    pub plausible_min: f64,
}

impl Default for Ifd {
    fn default() -> Self {
        Self {
            confidence_min: 0.65,
            plausible_min: 0.65,
        }
    }
}

settable!(Ifd: confidence_min, plausible_min);

impl Ifd {
    /// What the rule reads, besides what was found.
    pub const READS: &[Feature] = &[
        Feature::Vpin,
        Feature::Obi,
        Feature::Last,
        Feature::Bars,
        Feature::Chain,
    ];

    /// Writes the card: flat when nothing was found, or what was found is not plausible.
    #[must_use]
    pub fn judge(&self, seen: &Snapshot, moment: &Moment) -> Card {
        let mut card = Card::new(1);
        let Some(flagged) = seen.ifd else {
            return card;
        };
        let candidate = Candidate {
            time_of_day_ns: moment.time_of_day_ns,
            ..flagged.candidate
        };
        let parts = Parts::of(&candidate, None, flagged.context);
        let verdict = parts.verdict();
        let confidence = flagged.candidate.confidence;
        let is_plausible = verdict.is_valid && verdict.score >= self.plausible_min;
        let found = Finding::new(Term::Ifd, Some(confidence), self.confidence_min, 100);
        let vetted = Finding::new(Term::Plausible, Some(verdict.score), self.plausible_min, 0);
        let is_sure = confidence >= self.confidence_min;
        card.add(found, is_sure.then_some(confidence * 100.0));
        let factor = if is_plausible {
            1.0 + verdict.adjustment / confidence.max(f64::MIN_POSITIVE)
        } else {
            0.0
        };
        card.scale(vetted, factor);
        if is_sure && is_plausible && points(confidence * 100.0) > 0 {
            card.vote(Term::Ifd, flagged.direction, 1);
        }
        card.count_votes(1);
        if card.votes_for(Direction::Long) == card.votes_for(Direction::Short) {
            card.point(Direction::Flat);
        }
        card.note_institution(1);
        card
    }

    /// Checks the parameters.
    ///
    /// # Errors
    /// The first one out of its range.
    pub fn check(&self) -> Result<(), Invalid> {
        check_shares(&[
            ("confidence_min", self.confidence_min),
            ("plausible_min", self.plausible_min),
        ])
    }
}
