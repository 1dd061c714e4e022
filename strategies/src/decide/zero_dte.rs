//! S3: the 0DTE rule. Flow, book and gamma pin of an index ETF, for options that expire today.

use super::border::{above, at_least, below, falls_beyond, is_within, rises_beyond};
use super::card::{Card, Direction, Finding, Term};
use super::features::Feature;
use super::rules::{Invalid, Unset, check_shares, check_weights, exact, settable};
use super::snapshot::{Pull, Snapshot};

/// The rule's parameters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ZeroDte {
    /// Points for VPIN: half of them at its minimum, all from twice that on. 30.
    pub vpin_weight: i32,
    /// Points for a book that is all on one side. 25.
    pub obi_weight: i32,
    /// Points for a price at the gamma pin. 30.
    pub gamma_weight: i32,
    /// Points for a sweep with momentum; .7 of them without, .5 without bars. 15.
    pub sweep_weight: i32,
    /// Least VPIN. .40.
    pub vpin_min: f64,
    /// Least |obi − .5|. .30.
    pub obi_min: f64,
    /// Least proximity of a squeeze, which gives all points. .7.
    pub squeeze_min: f64,
    /// A squeeze is nearer than this to the pin. 30 bps.
    pub squeeze_bps: i64,
    /// Above this proximity points are in proportion to it, below to half of it. .5.
    pub near_min: f64,
    /// A last move above so many times the mean of those before is momentum. 2.
    pub momentum_times: f64,
    /// Above this obi, or below 1 minus it, three votes. .65.
    pub obi_strong: f64,
    /// Above this obi, or below 1 minus it, one vote. .55.
    pub obi_weak: f64,
    /// Distance from VWAP that counts. 10 bps.
    pub vwap_bps: i64,
    /// Distance from VWAP that is expected to come back. 50 bps.
    pub vwap_far_bps: i64,
    /// Move over five bars that counts as momentum. 20 bps.
    pub momentum_bps: i64,
    /// Move over five bars that may turn. 30 bps.
    pub reversal_bps: i64,
    /// Last move against it that says it turns. 10 bps.
    pub turn_bps: i64,
    /// Above this toxicity the book's side gets a vote. .7.
    pub toxicity_min: f64,
    /// A direction needs this lead of votes. 2.
    pub lead_min: u32,
    /// Above this proximity the pin's pull changes the score. .8.
    pub pull_min: f64,
    /// Factor when the pin pulls the same way. 1.2.
    pub pull_with: f64,
    /// Factor when it pulls the other way. .7.
    pub pull_against: f64,
}

impl Default for ZeroDte {
    fn default() -> Self {
        Self {
            vpin_weight: 30,
            obi_weight: 25,
            gamma_weight: 30,
            sweep_weight: 15,
            vpin_min: 0.40,
            obi_min: 0.30,
            squeeze_min: 0.7,
            squeeze_bps: 30,
            near_min: 0.5,
            momentum_times: 2.0,
            obi_strong: 0.65,
            obi_weak: 0.55,
            vwap_bps: 10,
            vwap_far_bps: 50,
            momentum_bps: 20,
            reversal_bps: 30,
            turn_bps: 10,
            toxicity_min: 0.7,
            lead_min: 2,
            pull_min: 0.8,
            pull_with: 1.2,
            pull_against: 0.7,
        }
    }
}

settable!(ZeroDte: vpin_weight, obi_weight, gamma_weight, sweep_weight, vpin_min, obi_min, squeeze_min, squeeze_bps, near_min, momentum_times, obi_strong, obi_weak, vwap_bps, vwap_far_bps, momentum_bps, reversal_bps, turn_bps, toxicity_min, lead_min, pull_min, pull_with, pull_against);

impl ZeroDte {
    /// What the rule reads.
    pub const READS: &[Feature] = &[
        Feature::Vpin,
        Feature::Obi,
        Feature::Last,
        Feature::Gex,
        Feature::Sweep,
        Feature::Bars,
        Feature::Vwap,
        Feature::Toxicity,
        Feature::Chain,
    ];

    /// Writes the card.
    #[must_use]
    pub fn judge(&self, seen: &Snapshot) -> Card {
        let mut card = Card::new(self.lead_min);
        self.score_flow(seen, &mut card);
        self.score_gamma(seen, &mut card);
        self.score_sweep(seen, &mut card);
        self.vote_obi(seen.obi, &mut card);
        self.vote_vwap(seen, &mut card);
        self.vote_momentum(seen, &mut card);
        if seen.toxicity.is_some_and(|t| above(t, self.toxicity_min)) {
            card.vote(Term::Toxicity, Direction::of_sign(seen.obi - 0.5), 1);
        }
        card.count_votes(self.lead_min);
        self.adjust_to_pin(seen, &mut card);
        card
    }

    /// Checks the parameters.
    ///
    /// # Errors
    /// The first one out of its range.
    pub fn check(&self) -> Result<(), Invalid> {
        check_weights(&[
            self.vpin_weight,
            self.obi_weight,
            self.gamma_weight,
            self.sweep_weight,
        ])?;
        check_shares(&[
            ("vpin_min", self.vpin_min),
            ("obi_min", self.obi_min),
            ("squeeze_min", self.squeeze_min),
            ("near_min", self.near_min),
            ("obi_strong", self.obi_strong),
            ("obi_weak", self.obi_weak),
            ("toxicity_min", self.toxicity_min),
            ("pull_min", self.pull_min),
        ])
    }

    fn score_flow(&self, seen: &Snapshot, card: &mut Card) {
        let excess = (seen.vpin - self.vpin_min) / self.vpin_min;
        let raw = f64::from(self.vpin_weight) * (0.5 + 0.5 * excess.min(1.0));
        let vpin = Finding::new(Term::Vpin, Some(seen.vpin), self.vpin_min, self.vpin_weight);
        card.add(vpin, at_least(seen.vpin, self.vpin_min).then_some(raw));

        let tilt = (seen.obi - 0.5).abs();
        let raw = f64::from(self.obi_weight) * tilt / 0.5;
        let obi = Finding::new(Term::Obi, Some(tilt), self.obi_min, self.obi_weight);
        card.add(obi, at_least(tilt, self.obi_min).then_some(raw));
    }

    fn score_gamma(&self, seen: &Snapshot, card: &mut Card) {
        let near = seen.gamma.filter(|gamma| gamma.proximity > 0.0);
        let measure = seen.gamma.map(|gamma| gamma.proximity);
        let finding = |term, least| Finding::new(term, measure, least, self.gamma_weight);
        let weight = f64::from(self.gamma_weight);
        match near {
            Some(gamma)
                if above(gamma.proximity, self.squeeze_min)
                    && is_within(seen.spot, gamma.pin, seen.spot, self.squeeze_bps) =>
            {
                card.add(finding(Term::Squeeze, self.squeeze_min), Some(weight));
            }
            Some(gamma) => {
                let share = if above(gamma.proximity, self.near_min) {
                    1.0
                } else {
                    0.5
                };
                let raw = weight * share * gamma.proximity;
                card.add(finding(Term::Gamma, 0.0), Some(raw));
            }
            None => card.add(finding(Term::Gamma, 0.0), None),
        }
    }

    fn score_sweep(&self, seen: &Snapshot, card: &mut Card) {
        let share = if seen.bars.count() < 3 {
            0.5
        } else if seen.bars.is_last_move_above(self.momentum_times) {
            1.0
        } else {
            0.7
        };
        let raw = f64::from(self.sweep_weight) * share;
        let measure = seen.bars.last_move_times().filter(|_| seen.sweep);
        let finding = Finding::new(Term::Sweep, measure, self.momentum_times, self.sweep_weight);
        card.add(finding, seen.sweep.then_some(raw));
    }

    fn vote_obi(&self, obi: f64, card: &mut Card) {
        if above(obi, self.obi_strong) {
            card.vote(Term::Obi, Direction::Long, 3);
        } else if above(obi, self.obi_weak) {
            card.vote(Term::Obi, Direction::Long, 1);
        } else if below(obi, 1.0 - self.obi_strong) {
            card.vote(Term::Obi, Direction::Short, 3);
        } else if below(obi, 1.0 - self.obi_weak) {
            card.vote(Term::Obi, Direction::Short, 1);
        }
    }

    /// With the book when it confirms the distance from VWAP; else, far away, back towards it.
    fn vote_vwap(&self, seen: &Snapshot, card: &mut Card) {
        let Some(vwap) = seen.vwap else { return };
        let is_above = rises_beyond(vwap, seen.spot, self.vwap_bps);
        let is_below = falls_beyond(vwap, seen.spot, self.vwap_bps);
        if is_above && above(seen.obi, 0.5) {
            card.vote(Term::Vwap, Direction::Long, 2);
        } else if is_below && below(seen.obi, 0.5) {
            card.vote(Term::Vwap, Direction::Short, 2);
        } else if rises_beyond(vwap, seen.spot, self.vwap_far_bps) {
            card.vote(Term::Vwap, Direction::Short, 1);
        } else if falls_beyond(vwap, seen.spot, self.vwap_far_bps) {
            card.vote(Term::Vwap, Direction::Long, 1);
        }
    }

    fn vote_momentum(&self, seen: &Snapshot, card: &mut Card) {
        let moves = seen.bars.move_over(5).zip(seen.bars.move_over(2));
        let Some(((from5, last), (from2, _))) = moves else {
            return;
        };
        if rises_beyond(from5, last, self.momentum_bps) && last > from2 {
            card.vote(Term::Momentum, Direction::Long, 1);
        } else if falls_beyond(from5, last, self.momentum_bps) && last < from2 {
            card.vote(Term::Momentum, Direction::Short, 1);
        }
        if rises_beyond(from5, last, self.reversal_bps) && falls_beyond(from2, last, self.turn_bps)
        {
            card.vote(Term::Reversal, Direction::Short, 1);
        } else if falls_beyond(from5, last, self.reversal_bps)
            && rises_beyond(from2, last, self.turn_bps)
        {
            card.vote(Term::Reversal, Direction::Long, 1);
        }
    }

    fn adjust_to_pin(&self, seen: &Snapshot, card: &mut Card) {
        let Some(gamma) = seen.gamma.filter(|g| above(g.proximity, self.pull_min)) else {
            return;
        };
        let pulled = match gamma.pull {
            Pull::Up => Direction::Long,
            Pull::Down => Direction::Short,
            Pull::None => return,
        };
        let finding = |term| Finding::new(term, Some(gamma.proximity), self.pull_min, 0);
        if card.direction() == pulled {
            card.scale(finding(Term::Support), self.pull_with);
        } else if card.direction() == pulled.opposite() {
            card.scale(finding(Term::Resist), self.pull_against);
        }
    }
}
