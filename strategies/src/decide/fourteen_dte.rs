//! S5: the 14DTE rule. Unusual options, sweeps and hidden orders, followed for two weeks. It counts
//! signs of an institution and reads five-minute bars.

use super::border::{above, at_least, below, falls_beyond, rises_beyond};
use super::card::{Card, Direction, Finding, Term};
use super::features::Feature;
use super::moment::{Moment, Window};
use super::rules::{Invalid, Unset, check_shares, check_weights, exact, settable};
use super::snapshot::{Snapshot, VolumeSurge};

/// Which sign the vote by delta exposure follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DexVote {
    /// That of its z-score, for the exposure of an index is nearly always positive.
    ZScore,
    /// Its own.
    Raw,
}

/// The rule's parameters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FourteenDte {
    /// Points for unusual options activity. 40.
    pub unusual_weight: i32,
    /// Points for a sweep on three times the volume; .8, .6, .5, .4 of them on less. 30.
    pub sweep_weight: i32,
    /// Points for hidden orders; .8, .6 of them for weaker ones. 20.
    pub hidden_weight: i32,
    /// Points for delta exposure; .7 or up to .5 of them for less. 10.
    pub dex_weight: i32,
    /// Least unusual score. .6.
    pub unusual_min: f64,
    /// Calls' share of open interest above this, or below 1 minus it, is one-sided. .7.
    pub call_share: f64,
    /// An open interest above this is an institution's. 5,000 contracts.
    pub interest_min: u64,
    /// Least hidden score. .5.
    pub hidden_min: f64,
    /// Least |dex_z|. .5.
    pub dex_z_min: f64,
    /// Above this |DEX|, all points. 10e9 USD.
    pub dex_large: f64,
    /// Above this |DEX|, .7 of the points and three votes. 5e9 USD.
    pub dex_medium: f64,
    /// Above this |DEX|, two votes. 1e9 USD.
    pub dex_small: f64,
    /// Whose sign they follow. The z-score's.
    pub dex_vote: DexVote,
    /// Toxicity above this with a quiet VPIN is five points. .7.
    pub toxicity_min: f64,
    /// A VPIN below this is quiet. .4.
    pub vpin_quiet: f64,
    /// Toxicity above this is three points. .8.
    pub toxicity_high: f64,
    /// When the opening counts. 09:30–10:30.
    pub opening: Window,
    /// Its factor, with two signs of an institution. 1.15.
    pub opening_factor: f64,
    /// Minutes before the close when the closing counts. 60.
    pub closing_minutes: u64,
    /// Its factor, with a sweep or a hidden score above the vote's. 1.1.
    pub closing_factor: f64,
    /// Factor with a direction and three signs of an institution. 1.2.
    pub institutional_factor: f64,
    /// Unusual and hidden scores above this vote. .6.
    pub vote_min: f64,
    /// Move over twenty bars that gets two votes. 50 bps.
    pub trend_bps: i64,
    /// Move over twenty bars, or five, that is none. 20 bps.
    pub still_bps: i64,
    /// Last move that a sweep's vote follows. 10 bps.
    pub sweep_bps: i64,
}

impl Default for FourteenDte {
    fn default() -> Self {
        Self {
            unusual_weight: 40,
            sweep_weight: 30,
            hidden_weight: 20,
            dex_weight: 10,
            unusual_min: 0.6,
            call_share: 0.7,
            interest_min: 5_000,
            hidden_min: 0.5,
            dex_z_min: 0.5,
            dex_large: 10e9,
            dex_medium: 5e9,
            dex_small: 1e9,
            dex_vote: DexVote::ZScore,
            toxicity_min: 0.7,
            vpin_quiet: 0.4,
            toxicity_high: 0.8,
            opening: Window::new((9, 30), (10, 30)),
            opening_factor: 1.15,
            closing_minutes: 60,
            closing_factor: 1.1,
            institutional_factor: 1.2,
            vote_min: 0.6,
            trend_bps: 50,
            still_bps: 20,
            sweep_bps: 10,
        }
    }
}

settable!(FourteenDte: unusual_weight, sweep_weight, hidden_weight, dex_weight, unusual_min, call_share, interest_min, hidden_min, dex_z_min, dex_large, dex_medium, dex_small, toxicity_min, vpin_quiet, toxicity_high, opening_factor, closing_minutes, closing_factor, institutional_factor, vote_min, trend_bps, still_bps, sweep_bps);

impl FourteenDte {
    /// What the rule reads.
    pub const READS: &[Feature] = &[
        Feature::Vpin,
        Feature::Obi,
        Feature::Last,
        Feature::Unusual,
        Feature::Chain,
        Feature::Sweep,
        Feature::Bars,
        Feature::Hidden,
        Feature::Dex,
        Feature::DexZ,
        Feature::Toxicity,
    ];

    /// Writes the card.
    #[must_use]
    pub fn judge(&self, seen: &Snapshot, moment: &Moment) -> Card {
        let mut card = Card::new(0);
        self.score_unusual(seen, &mut card);
        self.score_sweep(seen, &mut card);
        self.score_hidden(seen, &mut card);
        self.score_dex(seen, &mut card);
        self.score_toxicity(seen, &mut card);
        self.adjust_to_hour(seen, moment, &mut card);
        self.vote_options(seen, &mut card);
        self.vote_price(seen, &mut card);
        // A lead above 1, or above 2 without any sign of an institution.
        card.count_votes(if card.institutional() > 0 { 2 } else { 3 });
        if card.direction() != Direction::Flat && card.institutional() >= 3 {
            let signs = f64::from(card.institutional());
            let finding = Finding::new(Term::Institutional, Some(signs), 3.0, 0);
            card.scale(finding, self.institutional_factor);
        }
        card
    }

    /// Checks the parameters.
    ///
    /// # Errors
    /// The first one out of its range.
    pub fn check(&self) -> Result<(), Invalid> {
        check_weights(&[
            self.unusual_weight,
            self.sweep_weight,
            self.hidden_weight,
            self.dex_weight,
        ])?;
        check_shares(&[
            ("unusual_min", self.unusual_min),
            ("call_share", self.call_share),
            ("hidden_min", self.hidden_min),
            ("toxicity_min", self.toxicity_min),
            ("vpin_quiet", self.vpin_quiet),
            ("toxicity_high", self.toxicity_high),
            ("vote_min", self.vote_min),
        ])
    }

    fn score_unusual(&self, seen: &Snapshot, card: &mut Card) {
        let score = seen.unusual.map(|unusual| unusual.score);
        let fires = score.filter(|score| at_least(*score, self.unusual_min));
        let raw = fires.map(|score| {
            let weight = f64::from(self.unusual_weight);
            let excess = (score - self.unusual_min) / (1.0 - self.unusual_min);
            weight * (0.6 + 0.4 * excess.min(1.0))
        });
        let weight = self.unusual_weight;
        card.add(
            Finding::new(Term::Unusual, score, self.unusual_min, weight),
            raw,
        );
        let Some(chain) = seen.chain.filter(|_| fires.is_some()) else {
            return;
        };
        let is_one_sided =
            |share| above(share, self.call_share) || below(share, 1.0 - self.call_share);
        if chain.call_share().is_some_and(is_one_sided) {
            card.note_institution(2);
        }
        if chain.largest_interest > self.interest_min {
            card.note_institution(1);
        }
    }

    fn score_sweep(&self, seen: &Snapshot, card: &mut Card) {
        let (share, signs) = match seen.bars.volume {
            VolumeSurge::Times(times) if above(times, 3.0) => (1.0, 2),
            VolumeSurge::Times(times) if above(times, 2.0) => (0.8, 1),
            VolumeSurge::Times(_) => (0.6, 0),
            VolumeSurge::NoneBefore => (0.5, 0),
            VolumeSurge::TooFew => (0.4, 0),
        };
        let measure = match seen.bars.volume {
            VolumeSurge::Times(times) if seen.sweep => Some(times),
            _ => None,
        };
        let raw = f64::from(self.sweep_weight) * share;
        let finding = Finding::new(Term::Sweep, measure, 3.0, self.sweep_weight);
        card.add(finding, seen.sweep.then_some(raw));
        if seen.sweep {
            card.note_institution(signs);
        }
    }

    fn score_hidden(&self, seen: &Snapshot, card: &mut Card) {
        let fires = seen
            .hidden
            .filter(|score| at_least(*score, self.hidden_min));
        let graded = fires.map(|score| {
            if above(score, 0.75) {
                (1.0, 2)
            } else if above(score, 0.65) {
                (0.8, 1)
            } else {
                (0.6, 0)
            }
        });
        let weight = self.hidden_weight;
        let finding = Finding::new(Term::Hidden, seen.hidden, self.hidden_min, weight);
        card.add(finding, graded.map(|(share, _)| f64::from(weight) * share));
        card.note_institution(graded.map_or(0, |(_, signs)| signs));
    }

    fn score_dex(&self, seen: &Snapshot, card: &mut Card) {
        let size = seen.dex_z.map(f64::abs);
        let fires = size.filter(|size| at_least(*size, self.dex_z_min));
        let exposure = seen.dex.unwrap_or(0.0).abs();
        let share = fires.map(|size| {
            if above(exposure, self.dex_large) {
                1.0
            } else if above(exposure, self.dex_medium) {
                0.7
            } else {
                0.5 * (size / 2.0).min(1.0)
            }
        });
        let weight = self.dex_weight;
        let finding = Finding::new(Term::Dex, size, self.dex_z_min, weight);
        card.add(finding, share.map(|share| f64::from(weight) * share));
        if fires.is_some() && above(exposure, self.dex_large) {
            card.note_institution(1);
        }
    }

    fn score_toxicity(&self, seen: &Snapshot, card: &mut Card) {
        let is_above = |least| seen.toxicity.is_some_and(|t| above(t, least));
        let is_quiet = is_above(self.toxicity_min) && below(seen.vpin, self.vpin_quiet);
        let points = if is_quiet {
            card.note_institution(1);
            Some(5.0)
        } else {
            is_above(self.toxicity_high).then_some(3.0)
        };
        let finding = Finding::new(Term::Toxicity, seen.toxicity, self.toxicity_min, 5);
        card.add(finding, points);
    }

    fn adjust_to_hour(&self, seen: &Snapshot, moment: &Moment, card: &mut Card) {
        let is_hidden = seen.hidden.is_some_and(|h| above(h, self.vote_min));
        if self.opening.contains(moment.time_of_day_ns) && card.institutional() >= 2 {
            card.scale(Finding::fact(Term::OpeningHour), self.opening_factor);
        }
        if moment.is_within_minutes_of_close(self.closing_minutes) && (seen.sweep || is_hidden) {
            card.scale(Finding::fact(Term::ClosingHour), self.closing_factor);
        }
    }

    fn vote_options(&self, seen: &Snapshot, card: &mut Card) {
        if let Some(dex) = seen.dex {
            let sign = match self.dex_vote {
                DexVote::ZScore => seen.dex_z.unwrap_or(dex),
                DexVote::Raw => dex,
            };
            let count = if above(dex.abs(), self.dex_medium) {
                3
            } else if above(dex.abs(), self.dex_small) {
                2
            } else {
                0
            };
            card.vote(Term::Dex, Direction::of_sign(sign), count);
        }
        let is_unusual = seen.unusual.is_some_and(|u| above(u.score, self.vote_min));
        if let Some(chain) = seen.chain.filter(|_| is_unusual) {
            let (calls, puts) = (u64::from(chain.otm_calls), u64::from(chain.otm_puts));
            if calls * 2 > puts * 3 {
                card.vote(Term::Strikes, Direction::Long, 2);
            } else if puts * 2 > calls * 3 {
                card.vote(Term::Strikes, Direction::Short, 2);
            }
        }
    }

    fn vote_price(&self, seen: &Snapshot, card: &mut Card) {
        let beyond = |bars: usize, bps: i64| match seen.bars.move_over(bars) {
            Some((from, last)) if rises_beyond(from, last, bps) => Direction::Long,
            Some((from, last)) if falls_beyond(from, last, bps) => Direction::Short,
            _ => Direction::Flat,
        };
        if let Some((from, last)) = seen.bars.move_over(20) {
            let trend = beyond(20, self.trend_bps);
            if trend == beyond(5, 0) {
                card.vote(Term::Momentum, trend, 2);
            }
            // Neither up by still_bps nor down by it: above −still_bps and below +still_bps.
            let is_still = rises_beyond(from, last, -self.still_bps)
                && falls_beyond(from, last, -self.still_bps);
            if is_still {
                card.vote(Term::Reversal, beyond(5, self.still_bps), 1);
            }
        }
        if seen.sweep {
            card.vote(Term::Sweep, beyond(2, self.sweep_bps), 1);
        }
        if seen.hidden.is_some_and(|h| above(h, self.vote_min)) {
            card.vote(Term::Hidden, beyond(3, 0), 1);
        }
    }
}
