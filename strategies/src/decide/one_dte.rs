//! S4: the 1DTE rule. Regime, book and short gamma in the afternoon, for options that expire on
//! the next trading day. It reads five-minute bars.

use super::border::{
    above, at_least, below, falls_beyond, is_larger_move, is_within, rises_beyond,
};
use super::card::{Card, Direction, Finding, Term};
use super::features::Feature;
use super::moment::Moment;
use super::rules::{Invalid, Unset, check_shares, check_weights, exact, settable};
use super::snapshot::Snapshot;
use crate::calendar::Weekday;
use crate::discovery::Regime;

/// The rule's parameters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OneDte {
    /// Points for a high regime; half of them for a low one. 20.
    pub regime_weight: i32,
    /// Points for a book that is all on one side. 30.
    pub obi_weight: i32,
    /// Points for an exposure far from its mean. 25.
    pub gex_weight: i32,
    /// Points for VPIN from twice its minimum on. 25.
    pub vpin_weight: i32,
    /// Points added when a high regime's bars widen. 5.
    pub expansion_points: i32,
    /// They widen above so many times. 1.5.
    pub expansion_times: f64,
    /// Least |obi − .5|. .15.
    pub obi_min: f64,
    /// Least |gex_z|. .5.
    pub gex_z_min: f64,
    /// Share of the points when dealers are long gamma. .7.
    pub long_gamma_share: f64,
    /// Least VPIN. .35.
    pub vpin_min: f64,
    /// Factor of VPIN's points near the close. 1.3.
    pub vpin_late: f64,
    /// Points for a move that accelerates in the last hour. 10.
    pub acceleration_points: i32,
    /// Points for one that is only large. 5.
    pub trend_points: i32,
    /// What is large over 14 bars. 50 bps.
    pub trend_bps: i64,
    /// Minutes before the close when the book counts. 60.
    pub last_hour_minutes: u64,
    /// Minutes before the close when flow counts more. 30.
    pub late_minutes: u64,
    /// On Friday a score below this is reduced. 70.
    pub friday_min: u8,
    /// By this factor. .85.
    pub friday_factor: f64,
    /// Factor on Monday. 1.1.
    pub monday_factor: f64,
    /// Move over ten bars that gets three votes. 30 bps.
    pub momentum_bps: i64,
    /// Nearer than this to the high or low of 14 bars gets two votes. 20 bps.
    pub extreme_bps: i64,
    /// Above this VPIN the flow's sign votes. .6.
    pub vpin_vote_min: f64,
    /// The book agrees beyond this, or 1 minus it. .6.
    pub obi_agrees: f64,
    /// The book votes near the close beyond this, or 1 minus it. .65.
    pub obi_strong: f64,
    /// Above this |DEX|, its sign votes. 1e9 USD.
    pub dex_min: f64,
    /// Above this toxicity the book's side gets votes near the close. .65.
    pub toxicity_min: f64,
    /// A direction needs this lead of votes. 2.
    pub lead_min: u32,
}

impl Default for OneDte {
    fn default() -> Self {
        Self {
            regime_weight: 20,
            obi_weight: 30,
            gex_weight: 25,
            vpin_weight: 25,
            expansion_points: 5,
            expansion_times: 1.5,
            obi_min: 0.15,
            gex_z_min: 0.5,
            long_gamma_share: 0.7,
            vpin_min: 0.35,
            vpin_late: 1.3,
            acceleration_points: 10,
            trend_points: 5,
            trend_bps: 50,
            last_hour_minutes: 60,
            late_minutes: 30,
            friday_min: 70,
            friday_factor: 0.85,
            monday_factor: 1.1,
            momentum_bps: 30,
            extreme_bps: 20,
            vpin_vote_min: 0.6,
            obi_agrees: 0.6,
            obi_strong: 0.65,
            dex_min: 1e9,
            toxicity_min: 0.65,
            lead_min: 2,
        }
    }
}

settable!(OneDte: regime_weight, obi_weight, gex_weight, vpin_weight, expansion_points, expansion_times, obi_min, gex_z_min, long_gamma_share, vpin_min, vpin_late, acceleration_points, trend_points, trend_bps, last_hour_minutes, late_minutes, friday_min, friday_factor, monday_factor, momentum_bps, extreme_bps, vpin_vote_min, obi_agrees, obi_strong, dex_min, toxicity_min, lead_min);

impl OneDte {
    /// What the rule reads.
    pub const READS: &[Feature] = &[
        Feature::Vpin,
        Feature::Obi,
        Feature::Last,
        Feature::Regime,
        Feature::Gex,
        Feature::GexZ,
        Feature::Dex,
        Feature::Toxicity,
        Feature::Bars,
        Feature::Chain,
    ];

    /// Writes the card.
    #[must_use]
    pub fn judge(&self, seen: &Snapshot, moment: &Moment) -> Card {
        let is_last_hour = moment.is_within_minutes_of_close(self.last_hour_minutes);
        let is_late = moment.is_within_minutes_of_close(self.late_minutes);
        let mut card = Card::new(self.lead_min);
        self.score_regime(seen, &mut card);
        self.score_obi(seen, is_last_hour, &mut card);
        self.score_gex(seen, &mut card);
        self.score_vpin(seen, is_late, &mut card);
        self.score_momentum(seen, is_last_hour, &mut card);
        self.vote_price(seen, &mut card);
        self.vote_flow(seen, is_late, &mut card);
        card.count_votes(self.lead_min);
        self.adjust_to_weekday(moment, &mut card);
        card
    }

    /// Checks the parameters.
    ///
    /// # Errors
    /// The first one out of its range.
    pub fn check(&self) -> Result<(), Invalid> {
        check_weights(&[
            self.regime_weight,
            self.obi_weight,
            self.gex_weight,
            self.vpin_weight,
        ])?;
        check_shares(&[
            ("obi_min", self.obi_min),
            ("long_gamma_share", self.long_gamma_share),
            ("vpin_min", self.vpin_min),
            ("friday_factor", self.friday_factor),
            ("vpin_vote_min", self.vpin_vote_min),
            ("obi_agrees", self.obi_agrees),
            ("obi_strong", self.obi_strong),
            ("toxicity_min", self.toxicity_min),
        ])
    }

    fn score_regime(&self, seen: &Snapshot, card: &mut Card) {
        let weight = f64::from(self.regime_weight);
        let raw = match seen.regime {
            Some(Regime::High) => Some(weight),
            Some(Regime::Low) => Some(weight * 0.5),
            Some(Regime::Normal) | None => None,
        };
        card.add(
            Finding::new(Term::Regime, None, 0.0, self.regime_weight),
            raw,
        );
        if seen.regime == Some(Regime::High) {
            let measure = seen.bars.expansion;
            let points = self.expansion_points;
            let finding = Finding::new(Term::Expansion, measure, self.expansion_times, points);
            let is_wider = measure.is_some_and(|times| above(times, self.expansion_times));
            card.add(finding, is_wider.then_some(f64::from(points)));
        }
    }

    fn score_obi(&self, seen: &Snapshot, is_last_hour: bool, card: &mut Card) {
        let tilt = (seen.obi - 0.5).abs();
        let fires = is_last_hour && at_least(tilt, self.obi_min);
        let raw = f64::from(self.obi_weight) * tilt / 0.5;
        let finding = Finding::new(Term::Obi, Some(tilt), self.obi_min, self.obi_weight);
        card.add(finding, fires.then_some(raw));
    }

    fn score_gex(&self, seen: &Snapshot, card: &mut Card) {
        let size = seen.gex_z.map(f64::abs);
        let raw = size.zip(seen.gex).and_then(|(size, gex)| {
            let share = if gex < 0.0 {
                1.0
            } else {
                self.long_gamma_share
            };
            let raw = f64::from(self.gex_weight) * (size / 2.0).min(1.0) * share;
            at_least(size, self.gex_z_min).then_some(raw)
        });
        card.add(
            Finding::new(Term::Gex, size, self.gex_z_min, self.gex_weight),
            raw,
        );
    }

    fn score_vpin(&self, seen: &Snapshot, is_late: bool, card: &mut Card) {
        let excess = (seen.vpin - self.vpin_min) / self.vpin_min;
        let factor = if is_late { self.vpin_late } else { 1.0 };
        let raw = f64::from(self.vpin_weight) * excess.min(1.0) * factor;
        let finding = Finding::new(Term::Vpin, Some(seen.vpin), self.vpin_min, self.vpin_weight);
        card.add(finding, at_least(seen.vpin, self.vpin_min).then_some(raw));
    }

    fn score_momentum(&self, seen: &Snapshot, is_last_hour: bool, card: &mut Card) {
        let bars = &seen.bars;
        let moves = (bars.move_over(2), bars.move_over(5), bars.move_over(14));
        let (Some((from2, last)), Some((from5, _)), Some((from14, _))) = moves else {
            return;
        };
        if !is_last_hour {
            return;
        }
        let accelerates = is_larger_move(last, from2, from5) && is_larger_move(last, from5, from14);
        let is_large = !is_within(last, from14, from14, self.trend_bps);
        let points = if accelerates {
            self.acceleration_points
        } else if is_large {
            self.trend_points
        } else {
            0
        };
        let finding = Finding::new(Term::Momentum, None, 0.0, self.acceleration_points);
        card.add(finding, Some(f64::from(points)));
    }

    fn vote_price(&self, seen: &Snapshot, card: &mut Card) {
        if let Some((from, last)) = seen.bars.move_over(10) {
            let from2 = seen.bars.close(1).unwrap_or(last);
            if rises_beyond(from, last, self.momentum_bps) {
                card.vote(Term::Momentum, Direction::Long, 3 + u32::from(last > from2));
            } else if falls_beyond(from, last, self.momentum_bps) {
                card.vote(
                    Term::Momentum,
                    Direction::Short,
                    3 + u32::from(last < from2),
                );
            }
        }
        // A market that stands still is near both ends: the votes then cancel.
        if let Some(((high, low), last)) = seen.bars.range14().zip(seen.bars.close(0)) {
            if rises_beyond(high, last, -self.extreme_bps) {
                card.vote(Term::High, Direction::Long, 2);
            }
            if falls_beyond(low, last, -self.extreme_bps) {
                card.vote(Term::Low, Direction::Short, 2);
            }
        }
    }

    fn vote_flow(&self, seen: &Snapshot, is_late: bool, card: &mut Card) {
        let side_beyond = |strong: f64| {
            if above(seen.obi, strong) {
                Direction::Long
            } else if below(seen.obi, 1.0 - strong) {
                Direction::Short
            } else {
                Direction::Flat
            }
        };
        // VPIN has no sign; the flow of the same buckets has.
        if above(seen.vpin, self.vpin_vote_min) {
            let flow = Direction::of_sign(seen.signed_flow.unwrap_or(0.0));
            let agrees = side_beyond(self.obi_agrees) == flow;
            card.vote(Term::Vpin, flow, if agrees { 3 } else { 1 });
        }
        if is_late {
            card.vote(Term::Obi, side_beyond(self.obi_strong), 2);
        }
        if let Some(dex) = seen.dex.filter(|dex| above(dex.abs(), self.dex_min)) {
            card.vote(Term::Dex, Direction::of_sign(dex), 1);
        }
        if is_late && seen.toxicity.is_some_and(|t| above(t, self.toxicity_min)) {
            card.vote(Term::Toxicity, Direction::of_sign(seen.obi - 0.5), 2);
        }
    }

    fn adjust_to_weekday(&self, moment: &Moment, card: &mut Card) {
        if card.direction() == Direction::Flat {
            return;
        }
        match moment.day.weekday() {
            Weekday::Friday if card.confidence() < self.friday_min => {
                card.scale(Finding::fact(Term::Friday), self.friday_factor);
            }
            Weekday::Monday => card.scale(Finding::fact(Term::Monday), self.monday_factor),
            _ => {}
        }
    }
}
