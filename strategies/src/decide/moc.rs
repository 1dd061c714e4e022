//! S6: the MOC rule. The closing auction's imbalance, and where gamma holds the price.
//!
//! Nothing counts unless the imbalance is large and one-sided; its side is the direction unless
//! pin, book and price contradict. It reads one-minute bars; amounts are USD.

use undertow_core::types::{Price, Side};

use super::border::{above, at_least, below, falls_beyond, is_within, rises_beyond};
use super::card::{Card, Direction, Finding, Term};
use super::features::Feature;
use super::moment::Moment;
use super::rules::{Invalid, Unset, check_shares, check_weights, exact, settable};
use super::snapshot::{Auction, Pull, Snapshot};
use crate::calendar::Weekday;

/// The rule's parameters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moc {
    /// Points for the imbalance: .6 of them by its size, .4 by its one-sidedness. 45.
    pub imbalance_weight: i32,
    /// Points for a price at a concentrated pin. 25.
    pub gamma_weight: i32,
    /// Points for a book that is all on one side, near the close. 20.
    pub obi_weight: i32,
    /// Points on Friday. 10.
    pub friday_weight: i32,
    /// Least imbalance. 2e9 USD; per symbol (§9-U9).
    pub total_min: f64,
    /// An imbalance that gives all points for size. 5e9 USD.
    pub total_full: f64,
    /// Least ratio. .60.
    pub ratio_min: f64,
    /// Ratio above the minimum that gives all points for one-sidedness. .3.
    pub ratio_span: f64,
    /// Above this share that does not pair, the points grow. .7.
    pub unpaired_min: f64,
    /// By this factor. 1.2.
    pub unpaired_factor: f64,
    /// Whether an imbalance guessed from the book counts. No.
    pub accepts_proxy: bool,
    /// The pin is near within this. 50 bps.
    pub pin_bps: i64,
    /// Above this concentration it gives all points. .5.
    pub concentration_min: f64,
    /// Share of them when the auction pulls away from the pin. .7.
    pub against_share: f64,
    /// A gap between indicative price and pin, or last price, that counts. 20 bps.
    pub gap_bps: i64,
    /// Above this Σ|GEX|, points for being close to the close. 1e9 USD.
    pub gex_min: f64,
    /// Those points, and those for a gap. 5.
    pub extra_points: i32,
    /// Close to the close. 10 minutes.
    pub near_minutes: u64,
    /// Minutes before the close from which the book counts, and before which all is early. 20.
    pub early_minutes: u64,
    /// Least |obi − .5|. .15.
    pub obi_min: f64,
    /// Share of the book's points farther from the close. .7.
    pub obi_early_share: f64,
    /// Points added on the monthly expiry, a Friday from the 15th to the 21st. 5.
    pub opex_points: i32,
    /// Points on Monday. 3.
    pub monday_points: i32,
    /// Factor when it is early. .8.
    pub early_factor: f64,
    /// Minutes before the close that are late. 5.
    pub late_minutes: u64,
    /// Factor when it is late and the pin near. 1.15.
    pub late_factor: f64,
    /// Above this proximity the pin counts for late and side. .7.
    pub proximity_min: f64,
    /// Beyond this, or 1 minus it, the book confirms or contradicts. .6.
    pub obi_agrees: f64,
    /// Move over four bars that confirms. 20 bps.
    pub confirm_bps: i64,
    /// Move over four bars that contradicts twice. 30 bps.
    pub contradict_bps: i64,
}

impl Default for Moc {
    fn default() -> Self {
        Self {
            imbalance_weight: 45,
            gamma_weight: 25,
            obi_weight: 20,
            friday_weight: 10,
            total_min: 2e9,
            total_full: 5e9,
            ratio_min: 0.60,
            ratio_span: 0.3,
            unpaired_min: 0.7,
            unpaired_factor: 1.2,
            accepts_proxy: false,
            pin_bps: 50,
            concentration_min: 0.5,
            against_share: 0.7,
            gap_bps: 20,
            gex_min: 1e9,
            extra_points: 5,
            near_minutes: 10,
            early_minutes: 20,
            obi_min: 0.15,
            obi_early_share: 0.7,
            opex_points: 5,
            monday_points: 3,
            early_factor: 0.8,
            late_minutes: 5,
            late_factor: 1.15,
            proximity_min: 0.7,
            obi_agrees: 0.6,
            confirm_bps: 20,
            contradict_bps: 30,
        }
    }
}

settable!(Moc: imbalance_weight, gamma_weight, obi_weight, friday_weight, total_min, total_full, ratio_min, ratio_span, unpaired_min, unpaired_factor, pin_bps, concentration_min, against_share, gap_bps, gex_min, extra_points, near_minutes, early_minutes, obi_min, obi_early_share, opex_points, monday_points, early_factor, late_minutes, late_factor, proximity_min, obi_agrees, confirm_bps, contradict_bps);

impl Moc {
    /// What the rule reads.
    pub const READS: &[Feature] = &[
        Feature::Vpin,
        Feature::Obi,
        Feature::Last,
        Feature::Imbalance,
        Feature::Indicative,
        Feature::Gex,
        Feature::Bars,
        Feature::Chain,
    ];

    /// Writes the card.
    #[must_use]
    pub fn judge(&self, seen: &Snapshot, moment: &Moment) -> Card {
        let mut card = Card::new(0);
        let Some((imbalance, side)) = self.passed(seen) else {
            let total = seen.imbalance.map(|imbalance| imbalance.total);
            let weight = self.imbalance_weight;
            card.add(
                Finding::new(Term::Imbalance, total, self.total_min, weight),
                None,
            );
            return card;
        };
        self.score_imbalance(&imbalance, &mut card);
        self.score_pin(seen, side, &mut card);
        self.score_hour(seen, moment, &mut card);
        self.score_weekday(moment, &mut card);
        if self.is_confirmed(seen, side, &mut card) {
            card.point(side);
        }
        self.adjust_to_hour(seen, moment, &mut card);
        card
    }

    /// Checks the parameters.
    ///
    /// # Errors
    /// The first one out of its range.
    pub fn check(&self) -> Result<(), Invalid> {
        check_weights(&[
            self.imbalance_weight,
            self.gamma_weight,
            self.obi_weight,
            self.friday_weight,
        ])?;
        check_shares(&[
            ("ratio_min", self.ratio_min),
            ("ratio_span", self.ratio_span),
            ("unpaired_min", self.unpaired_min),
            ("concentration_min", self.concentration_min),
            ("against_share", self.against_share),
            ("obi_min", self.obi_min),
            ("obi_early_share", self.obi_early_share),
            ("early_factor", self.early_factor),
            ("proximity_min", self.proximity_min),
            ("obi_agrees", self.obi_agrees),
        ])?;
        if self.total_min > 0.0 && self.total_full >= self.total_min {
            Ok(())
        } else {
            Err(Invalid::Range("total_min"))
        }
    }

    /// The imbalance and its direction, if it passes the gate.
    fn passed(&self, seen: &Snapshot) -> Option<(Auction, Direction)> {
        let imbalance = seen.imbalance?;
        let side = match imbalance.side {
            Side::Bid => Direction::Long,
            Side::Ask => Direction::Short,
            Side::None => return None,
        };
        let passes = at_least(imbalance.total, self.total_min)
            && at_least(imbalance.ratio, self.ratio_min)
            && (self.accepts_proxy || !imbalance.is_proxy);
        passes.then_some((imbalance, side))
    }

    fn score_imbalance(&self, imbalance: &Auction, card: &mut Card) {
        let Auction {
            total,
            paired,
            ratio,
            ..
        } = *imbalance;
        let is_unpaired = paired > 0.0 && above(1.0 - paired / total, self.unpaired_min);
        let factor = if is_unpaired {
            self.unpaired_factor
        } else {
            1.0
        };
        let by_size = (total / self.total_full).min(1.0);
        let by_ratio = ((ratio - self.ratio_min) / self.ratio_span).min(1.0);
        let weight = self.imbalance_weight;
        let raw = f64::from(weight) * (0.6 * by_size + 0.4 * by_ratio) * factor;
        card.add(
            Finding::new(Term::Imbalance, Some(total), self.total_min, weight),
            Some(raw),
        );
    }

    fn score_pin(&self, seen: &Snapshot, side: Direction, card: &mut Card) {
        let weight = f64::from(self.gamma_weight);
        let measure = seen.gamma.map(|gamma| gamma.concentration);
        let near = seen
            .gamma
            .filter(|gamma| is_within(seen.spot, gamma.pin, seen.spot, self.pin_bps));
        let raw = near.map(|gamma| {
            if above(gamma.concentration, self.concentration_min) {
                let against = self.works_against(seen, gamma.pin, side);
                weight * if against { self.against_share } else { 1.0 }
            } else {
                let distance = seen.spot.0.abs_diff(gamma.pin.0) as f64 / seen.spot.0 as f64;
                let reach = self.pin_bps as f64 * 1e-4;
                weight * (1.0 - distance / reach) * gamma.concentration
            }
        });
        let least = self.concentration_min;
        card.add(
            Finding::new(Term::Pin, measure, least, self.gamma_weight),
            raw,
        );
    }

    /// Whether the auction is far from the pin and the imbalance is on the other side of it:
    /// selling above, buying below.
    fn works_against(&self, seen: &Snapshot, pin: Price, side: Direction) -> bool {
        let Some(price) = seen.indicative.map(|indicative| indicative.price) else {
            return false;
        };
        let sells_above = rises_beyond(pin, price, self.gap_bps) && side == Direction::Short;
        let buys_below = falls_beyond(pin, price, self.gap_bps) && side == Direction::Long;
        sells_above || buys_below
    }

    fn score_hour(&self, seen: &Snapshot, moment: &Moment, card: &mut Card) {
        let is_near = moment.is_within_minutes_of_close(self.near_minutes);
        let total = seen.gamma.map(|gamma| gamma.total);
        let is_held = is_near && total.is_some_and(|total| above(total, self.gex_min));
        let extra = f64::from(self.extra_points);
        let closing = Finding::new(Term::Closing, total, self.gex_min, self.extra_points);
        card.add(closing, is_held.then_some(extra));

        let tilt = (seen.obi - 0.5).abs();
        let counts = moment.is_within_minutes_of_close(self.early_minutes);
        let share = if is_near { 1.0 } else { self.obi_early_share };
        let raw = f64::from(self.obi_weight) * tilt / 0.5 * share;
        let obi = Finding::new(Term::Obi, Some(tilt), self.obi_min, self.obi_weight);
        card.add(obi, (counts && above(tilt, self.obi_min)).then_some(raw));

        let is_apart = seen.indicative.is_some_and(|indicative| {
            !is_within(indicative.price, seen.spot, seen.spot, self.gap_bps)
        });
        let gap = seen.indicative.map(|indicative| indicative.offset_bps);
        let least = self.gap_bps as f64;
        let indicative = Finding::new(Term::Indicative, gap, least, self.extra_points);
        card.add(indicative, is_apart.then_some(extra));
    }

    fn score_weekday(&self, moment: &Moment, card: &mut Card) {
        let fact = |term, points| (Finding::new(term, None, 0.0, points), f64::from(points));
        match moment.day.weekday() {
            Weekday::Friday => {
                let (finding, points) = fact(Term::Friday, self.friday_weight);
                card.add(finding, Some(points));
                let (_, _, date) = moment.day.ymd();
                if (15..=21).contains(&date) {
                    let (finding, points) = fact(Term::Opex, self.opex_points);
                    card.add(finding, Some(points));
                }
            }
            Weekday::Monday => {
                let (finding, points) = fact(Term::Monday, self.monday_points);
                card.add(finding, Some(points));
            }
            _ => {}
        }
    }

    /// Whether contradictions do not outnumber confirmations by more than one. The votes on the
    /// card are the confirmations, and the contradictions as votes for the other direction.
    fn is_confirmed(&self, seen: &Snapshot, side: Direction, card: &mut Card) -> bool {
        let indicative = seen.indicative.map(|indicative| indicative.price);
        let pin = seen
            .gamma
            .filter(|g| above(g.proximity, self.proximity_min));
        if let Some((gamma, price)) = pin.zip(indicative) {
            let towards = match gamma.pull {
                Pull::Up => Some(price > seen.spot),
                Pull::Down => Some(price < seen.spot),
                Pull::None => None,
            };
            let away = match gamma.pull {
                Pull::Up => price < seen.spot,
                Pull::Down => price > seen.spot,
                Pull::None => false,
            };
            if towards == Some(true) {
                card.vote(Term::Pin, side, 1);
            } else if away {
                card.vote(Term::Pin, side.opposite(), 1);
            }
        }
        let book = if above(seen.obi, self.obi_agrees) {
            Direction::Long
        } else if below(seen.obi, 1.0 - self.obi_agrees) {
            Direction::Short
        } else {
            Direction::Flat
        };
        card.vote(Term::Obi, book, 1);
        if let Some((from, last)) = seen.bars.move_over(4) {
            let beyond = |direction: Direction, bps: i64| match direction {
                Direction::Long => rises_beyond(from, last, bps),
                Direction::Short => falls_beyond(from, last, bps),
                Direction::Flat => false,
            };
            if beyond(side, self.confirm_bps) {
                card.vote(Term::Momentum, side, 1);
            } else if beyond(side.opposite(), self.contradict_bps) {
                card.vote(Term::Momentum, side.opposite(), 2);
            }
        }
        card.votes_for(side.opposite()) <= card.votes_for(side) + 1
    }

    fn adjust_to_hour(&self, seen: &Snapshot, moment: &Moment, card: &mut Card) {
        let proximity = seen.gamma.map(|gamma| gamma.proximity);
        let is_pinned = proximity.is_some_and(|g| above(g, self.proximity_min));
        if !moment.is_within_minutes_of_close(self.early_minutes) {
            card.scale(Finding::fact(Term::Early), self.early_factor);
        } else if moment.is_within_minutes_of_close(self.late_minutes)
            && card.direction() != Direction::Flat
            && is_pinned
        {
            let finding = Finding::new(Term::Late, proximity, self.proximity_min, 0);
            card.scale(finding, self.late_factor);
        }
    }
}
