//! N22: the five components together. Expected value, institutional flow by spikes and by
//! pressure, positioning, volume shock.
//!
//! Each component's votes are its priority: three for what is immediate, two for what is primary,
//! one for the rest. Points count only for the direction that the votes lead to. Positioning
//! gives context and recommends nothing of its own, so it has points and no vote. A direction
//! that has no setup worth its risk is vetoed, whatever the others say.

use super::border::{above, at_least};
use super::card::{Card, Direction, Finding, Term};
use super::features::Feature;
use super::outlook::{Jolt, Outlook};
use super::rules::{Invalid, Unset, check_shares, check_weights, exact, settable};
use super::snapshot::Snapshot;
use crate::ifd::spike::RATIO_MIN;
use crate::options::expected_value::EvRules;
use crate::options::synthesis::{Finding as Found, Priority, SpikeLevel};
use undertow_core::types::Price;

/// Where N22 begins to recommend a signal of pressure, and N12 to speak of a shock.
const PRESSURE_MIN: f64 = 0.6;
const SHOCK_MIN: f64 = 4.0;

/// The rule's parameters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Synthesis {
    /// Points for an expected value from `ev_full` on. 45.
    pub ev_weight: i32,
    /// Points for institutional flow by spikes, times its confidence. 20.
    pub v1_weight: i32,
    /// The same by pressure. 20.
    pub v3_weight: i32,
    /// Points for a positioning that agrees. 5.
    pub positioning_weight: i32,
    /// Points for a volume shock, times its confidence. 10.
    pub shock_weight: i32,
    /// Least expected value of a setup, points of the underlying (N1). 15.
    pub ev_min: f64,
    /// Expected value that counts in full: N1's large. 50.
    pub ev_full: f64,
    /// Least score of a setup (N1). .6.
    pub p_min: f64,
    /// How much higher its score must be than that of the other direction. .05.
    pub edge_min: f64,
    /// Farthest stop, points (N1). 150.
    pub risk_max: f64,
    /// Least reward over risk: what S13 asks of a signal. 1.5.
    pub reward_risk_min: f64,
    /// Share of the premium at risk from which one side dominates: twice the other (N2). .6667.
    pub dominant_min: f64,
    /// A direction needs this lead of votes. 2.
    pub lead_min: u32,
}

impl Default for Synthesis {
    fn default() -> Self {
        Self {
            ev_weight: 45,
            v1_weight: 20,
            v3_weight: 20,
            positioning_weight: 5,
            shock_weight: 10,
            ev_min: 15.0,
            ev_full: 50.0,
            p_min: 0.6,
            edge_min: 0.05,
            risk_max: 150.0,
            reward_risk_min: 1.5,
            dominant_min: 2.0 / 3.0,
            lead_min: 2,
        }
    }
}

settable!(Synthesis: ev_weight, v1_weight, v3_weight, positioning_weight, shock_weight, ev_min, ev_full, p_min, edge_min, risk_max, reward_risk_min, dominant_min, lead_min);

/// A component's answer: which way, what it measured, how strong that is from 0 to 1, and how many
/// votes it has.
#[derive(Clone, Copy)]
struct Answer {
    direction: Direction,
    measure: f64,
    strength: f64,
    votes: u32,
}

impl Synthesis {
    /// What the rule reads, besides the outlook and what the options desk found.
    pub const READS: &[Feature] = &[
        Feature::Vpin,
        Feature::Obi,
        Feature::Last,
        Feature::Bars,
        Feature::Chain,
    ];

    /// What is asked of a setup.
    #[must_use]
    pub fn ev_rules(&self) -> EvRules {
        EvRules {
            ev_min: self.ev_min,
            p_min: self.p_min,
            risk_max: Price((self.risk_max * Price::PER_POINT as f64) as i64),
            reward_risk_min: self.reward_risk_min,
            ..EvRules::STANDARD
        }
    }

    /// Writes the card: flat when no direction leads, nothing when no setup is worth its risk.
    #[must_use]
    pub fn judge(&self, seen: &Snapshot) -> Card {
        let mut card = Card::new(self.lead_min);
        let outlook = seen.outlook.as_ref();
        let value = outlook.and_then(|outlook| self.value(outlook));
        let (v1, v3) = flagged(seen);
        let shock = outlook.and_then(|outlook| jolted(outlook.shock.as_ref()?));
        let voices = [
            (Term::ExpectedValue, self.ev_weight, self.ev_min, value),
            (Term::Spike, self.v1_weight, RATIO_MIN as f64, v1),
            (Term::Pressure, self.v3_weight, PRESSURE_MIN, v3),
            (Term::Shock, self.shock_weight, SHOCK_MIN, shock),
        ];
        for (term, _, _, answer) in voices {
            if let Some(answer) = answer {
                card.vote(term, answer.direction, answer.votes);
            }
        }
        card.count_votes(self.lead_min);
        let direction = card.direction();
        for (term, weight, threshold, answer) in voices {
            let measure = answer.map(|answer| answer.measure);
            let agrees = answer.filter(|answer| answer.direction == direction);
            let raw = agrees.map(|answer| f64::from(weight) * answer.strength);
            card.add(Finding::new(term, measure, threshold, weight), raw);
        }
        self.score_positioning(outlook, &mut card);
        self.veto(outlook, &mut card);
        card
    }

    /// Checks the parameters.
    ///
    /// # Errors
    /// The first one out of its range.
    pub fn check(&self) -> Result<(), Invalid> {
        check_weights(&[
            self.ev_weight,
            self.v1_weight,
            self.v3_weight,
            self.positioning_weight,
            self.shock_weight,
        ])?;
        check_shares(&[
            ("p_min", self.p_min),
            ("edge_min", self.edge_min),
            ("dominant_min", self.dominant_min),
        ])?;
        let positive = [
            ("ev_min", self.ev_min),
            ("ev_full", self.ev_full),
            ("risk_max", self.risk_max),
            ("reward_risk_min", self.reward_risk_min),
        ];
        match positive.iter().find(|(_, x)| !(*x > 0.0 && *x <= 1e6)) {
            Some((name, _)) => Err(Invalid::Range(name)),
            None => Ok(()),
        }
    }

    /// The direction whose setup scores higher by enough, and how much that setup is worth. The
    /// best setup of all is primary (N22).
    fn value(&self, outlook: &Outlook) -> Option<Answer> {
        let edge = outlook.edge()?;
        let direction = if at_least(edge.abs(), self.edge_min) {
            Direction::of_sign(edge)
        } else {
            Direction::Flat
        };
        let ev = outlook.prospect(direction)?.setup.tilted_ev();
        Some(Answer {
            direction,
            measure: ev,
            strength: (ev / self.ev_full).clamp(0.0, 1.0),
            votes: votes(Found::Setup),
        })
    }

    fn score_positioning(&self, outlook: Option<&Outlook>, card: &mut Card) {
        let share = outlook.and_then(|outlook| outlook.call_share);
        let measure = share.map(|calls| calls.max(1.0 - calls));
        let agrees = share.is_some_and(|calls| {
            card.direction() != Direction::Flat
                && Direction::of_sign(calls - 0.5) == card.direction()
        });
        let dominates = measure.is_some_and(|share| above(share, self.dominant_min));
        let weight = self.positioning_weight;
        let finding = Finding::new(Term::Positioning, measure, self.dominant_min, weight);
        card.add(finding, (agrees && dominates).then_some(f64::from(weight)));
    }

    /// Without a setup worth its risk in the direction there is nothing to trade.
    fn veto(&self, outlook: Option<&Outlook>, card: &mut Card) {
        if card.direction() == Direction::Flat {
            return;
        }
        let prospect = outlook.and_then(|outlook| outlook.prospect(card.direction()));
        let ev = prospect.map(|prospect| prospect.setup.tilted_ev());
        let p = prospect.map(|prospect| prospect.setup.p);
        let is_worth = ev.is_some_and(|ev| at_least(ev, self.ev_min))
            && p.is_some_and(|p| at_least(p, self.p_min));
        if !is_worth {
            card.scale(Finding::new(Term::Veto, ev, self.ev_min, 0), 0.0);
        }
    }
}

/// What the options desk found, as the component that found it.
fn flagged(seen: &Snapshot) -> (Option<Answer>, Option<Answer>) {
    let Some(flagged) = &seen.ifd else {
        return (None, None);
    };
    let confidence = flagged.candidate.confidence;
    let answer = |found: Found, measure: f64| Answer {
        direction: flagged.direction,
        measure,
        strength: confidence.clamp(0.0, 1.0),
        votes: votes(found),
    };
    match flagged.candidate.v1_ratio {
        Some(ratio) => {
            let found = Found::Spike(SpikeLevel::of(ratio));
            (Some(answer(found, ratio)), None)
        }
        None => (None, Some(answer(Found::Pressure(confidence), confidence))),
    }
}

fn jolted(jolt: &Jolt) -> Option<Answer> {
    let is_gamma_emergency = jolt.shock.kind == crate::ifd::shock::Kind::GammaEmergency;
    jolt.shock.is_shock.then_some(Answer {
        direction: jolt.direction,
        measure: jolt.shock.ratio,
        strength: jolt.shock.confidence,
        votes: votes(Found::Shock { is_gamma_emergency }),
    })
}

/// The best of a component votes by its priority.
fn votes(found: Found) -> u32 {
    match found.priority(0) {
        Some(Priority::Immediate) => 3,
        Some(Priority::Primary) => 2,
        Some(Priority::Secondary | Priority::High | Priority::Medium) => 1,
        None => 0,
    }
}
