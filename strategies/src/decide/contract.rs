//! S7: which option of the actual chain a signal is about. A long signal buys a call, a short one
//! a put.
//!
//! Strikes and distances are integers; ties go to the strike nearer to the price. A contract that
//! cannot be traded at a fair price may be chosen, but says so.

use core::cmp::Reverse;

use undertow_core::types::{InstrumentId, Price, Text};

use super::border::is_within;
use super::card::Direction;
use super::moment::Moment;
use super::rules::{Strategy, Unset, put};
use super::snapshot::Snapshot;
use crate::calendar::Day;
use crate::options::Right;

const BPS: i128 = 10_000;

/// A listed option as the chain shows it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Listing {
    /// Its id.
    pub instrument_id: InstrumentId,
    /// The day it expires.
    pub expiry: Day,
    /// Its strike.
    pub strike: Price,
    /// What it gives a right to.
    pub right: Right,
    /// Contracts open at the end of the last day; none when unknown.
    pub open_interest: Option<u64>,
    /// Highest bid, or undefined.
    pub bid: Price,
    /// Lowest offer, or undefined.
    pub ask: Price,
    /// Delta, signed, if known.
    pub delta: Option<f64>,
    /// Units of the underlying per contract.
    pub multiplier: u32,
    /// Where it is traded; empty is SMART.
    pub exchange: Text<12>,
}

/// How a strategy chooses.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Choice {
    /// Which expiry.
    pub expiry: ExpiryRule,
    /// Which strike of it.
    pub strike: StrikeRule,
    /// Least open interest of a liquid contract. 100.
    pub interest_min: u64,
    /// Widest spread of a liquid contract, in per cent of the mid. 10.
    pub spread_max_pct: u64,
}

/// Which expiry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExpiryRule {
    /// Today's.
    Today,
    /// That of the next trading day.
    NextDay,
    /// The one nearest to so many days from today; of two as near, the earlier.
    About {
        /// Calendar days from today.
        days: i32,
        /// Not before.
        min: i32,
        /// Not after.
        max: i32,
    },
    /// That of the option in which institutional flow was found.
    Flagged,
    /// That of the outlook.
    Ranked,
}

/// Which strike.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum StrikeRule {
    /// The first strictly out of the money.
    FirstOut,
    /// The nearest to the price moved outward.
    Outward {
        /// By so much, in bps of the price.
        bps: i64,
        /// A flagged contract of the same right is followed if its strike is so near, in bps; 0
        /// follows none.
        follow_bps: i64,
    },
    /// The nearest to a delta, of those with interest and a narrow spread.
    Delta {
        /// |delta| in hundredths. 25.
        hundredths: i64,
        /// The same near a gamma pin. 15.
        pinned_hundredths: i64,
        /// How near that is, in bps of the price. 30.
        pin_bps: i64,
        /// Least open interest. 2,000.
        interest_min: u64,
        /// Widest spread, in bps of the underlying's price. 8.
        spread_bps: i64,
    },
    /// That of the option in which institutional flow was found.
    Flagged,
    /// That of the option that trades the outlook's setup best.
    Ranked,
}

/// Whether a contract can be traded at a fair price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Liquidity {
    /// It can.
    Liquid,
    /// Open interest is too small or unknown.
    Interest,
    /// Nobody bids, or nobody offers.
    Quote,
    /// The spread is too wide.
    Spread,
    /// None satisfied the strategy; this is only the nearest strike.
    Unsuitable,
}

/// A choice made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Chosen {
    /// The contract.
    pub listing: Listing,
    /// Whether it can be traded. Only a liquid one is executable.
    pub liquidity: Liquidity,
}

impl Choice {
    /// The defaults of a strategy.
    #[must_use]
    pub const fn of(strategy: Strategy) -> Self {
        let (expiry, strike) = match strategy {
            Strategy::ZeroDte => (ExpiryRule::Today, StrikeRule::FirstOut),
            Strategy::OneDte => (
                ExpiryRule::NextDay,
                StrikeRule::Outward {
                    bps: 100,
                    follow_bps: 0,
                },
            ),
            Strategy::FourteenDte => (
                ExpiryRule::About {
                    days: 14,
                    min: 10,
                    max: 18,
                },
                StrikeRule::Outward {
                    bps: 200,
                    follow_bps: 500,
                },
            ),
            Strategy::Moc => (
                ExpiryRule::Today,
                StrikeRule::Delta {
                    hundredths: 25,
                    pinned_hundredths: 15,
                    pin_bps: 30,
                    interest_min: 2_000,
                    spread_bps: 8,
                },
            ),
            Strategy::Ifd => (ExpiryRule::Flagged, StrikeRule::Flagged),
            Strategy::Synthesis => (ExpiryRule::Ranked, StrikeRule::Ranked),
        };
        Self {
            expiry,
            strike,
            interest_min: 100,
            spread_max_pct: 10,
        }
    }

    /// Sets a number of how strike and expiry are chosen, by its name.
    pub(super) fn set(&mut self, name: &str, value: f64) -> Result<(), Unset> {
        match (&mut self.strike, &mut self.expiry, name) {
            (StrikeRule::Outward { bps, .. }, _, "strike_out_bps") => put(bps, value),
            (StrikeRule::Outward { follow_bps, .. }, _, "strike_follow_bps") => {
                put(follow_bps, value)
            }
            (StrikeRule::Delta { hundredths, .. }, _, "strike_delta_pct") => put(hundredths, value),
            (
                StrikeRule::Delta {
                    pinned_hundredths, ..
                },
                _,
                "strike_pinned_delta_pct",
            ) => put(pinned_hundredths, value),
            (StrikeRule::Delta { pin_bps, .. }, _, "strike_pin_bps") => put(pin_bps, value),
            (StrikeRule::Delta { interest_min, .. }, _, "strike_interest_min") => {
                put(interest_min, value)
            }
            (StrikeRule::Delta { spread_bps, .. }, _, "strike_spread_bps") => {
                put(spread_bps, value)
            }
            (_, ExpiryRule::About { days, .. }, "expiry_days") => put(days, value),
            (_, ExpiryRule::About { min, .. }, "expiry_days_min") => put(min, value),
            (_, ExpiryRule::About { max, .. }, "expiry_days_max") => put(max, value),
            _ => Err(Unset::Unknown),
        }
    }

    /// The names that [`Self::set`] knows.
    pub(super) fn names(&self) -> impl Iterator<Item = &'static str> {
        let strike: &[_] = match self.strike {
            StrikeRule::Outward { .. } => &["strike_out_bps", "strike_follow_bps"],
            StrikeRule::Delta { .. } => &[
                "strike_delta_pct",
                "strike_pinned_delta_pct",
                "strike_pin_bps",
                "strike_interest_min",
                "strike_spread_bps",
            ],
            StrikeRule::FirstOut | StrikeRule::Flagged | StrikeRule::Ranked => &[],
        };
        let expiry: &[_] = match self.expiry {
            ExpiryRule::About { .. } => &["expiry_days", "expiry_days_min", "expiry_days_max"],
            ExpiryRule::Today | ExpiryRule::NextDay | ExpiryRule::Flagged | ExpiryRule::Ranked => {
                &[]
            }
        };
        strike.iter().chain(expiry).copied()
    }

    /// Whether its numbers make sense: none is negative, a delta is at most 1, and the days are
    /// within theirs.
    pub(super) const fn is_sound(&self) -> bool {
        let strike = match self.strike {
            StrikeRule::Outward { bps, follow_bps } => bps >= 0 && follow_bps >= 0,
            StrikeRule::Delta {
                hundredths,
                pinned_hundredths,
                pin_bps,
                spread_bps,
                ..
            } => {
                matches!((hundredths, pinned_hundredths), (0..=100, 0..=100))
                    && pin_bps >= 0
                    && spread_bps >= 0
            }
            StrikeRule::FirstOut | StrikeRule::Flagged | StrikeRule::Ranked => true,
        };
        let expiry = match self.expiry {
            ExpiryRule::About { days, min, max } => 0 <= min && min <= days && days <= max,
            ExpiryRule::Today | ExpiryRule::NextDay | ExpiryRule::Flagged | ExpiryRule::Ranked => {
                true
            }
        };
        strike && expiry
    }

    /// Chooses from the chain; none when nothing is listed there, or there is no direction.
    #[must_use]
    pub fn choose(
        &self,
        chain: &[Listing],
        seen: &Snapshot,
        direction: Direction,
        moment: &Moment,
    ) -> Option<Chosen> {
        let right = match direction {
            Direction::Long => Right::Call,
            Direction::Short => Right::Put,
            Direction::Flat => return None,
        };
        let expiry = self.expiry.find(chain, right, (seen, moment))?;
        let series = Series {
            chain,
            expiry,
            right,
        };
        match self.strike {
            StrikeRule::FirstOut => series.first_out(seen.spot),
            StrikeRule::Outward { bps, follow_bps } => series
                .flagged(seen, follow_bps)
                .or_else(|| series.nearest(seen.spot, bps)),
            StrikeRule::Delta { .. } => return self.by_delta(&series, seen),
            StrikeRule::Flagged => series.at(seen.ifd?.strike),
            StrikeRule::Ranked => return self.by_rank(&series, seen, direction),
        }
        .map(|listing| self.chosen(listing))
    }

    /// A contract with the verdict of the general liquidity gate.
    #[must_use]
    pub fn chosen(&self, listing: Listing) -> Chosen {
        let liquidity = if listing.open_interest.unwrap_or(0) < self.interest_min {
            Liquidity::Interest
        } else if !listing.is_quoted() {
            Liquidity::Quote
        } else if self.is_wide(&listing) {
            Liquidity::Spread
        } else {
            Liquidity::Liquid
        };
        Chosen { listing, liquidity }
    }

    fn is_wide(&self, listing: &Listing) -> bool {
        let spread = i128::from(listing.ask.0) - i128::from(listing.bid.0);
        let twice_mid = i128::from(listing.ask.0) + i128::from(listing.bid.0);
        spread * 200 > i128::from(self.spread_max_pct) * twice_mid
    }

    /// The first of the ranked contracts that can be traded at a fair price; the best of them,
    /// marked as it is, where none can.
    fn by_rank(&self, series: &Series, seen: &Snapshot, direction: Direction) -> Option<Chosen> {
        let prospect = seen.outlook.as_ref()?.prospect(direction)?;
        let ranked = prospect.contracts.iter().flatten();
        let mut chosen = ranked
            .filter_map(|ranked| series.at(ranked.strike))
            .map(|listing| self.chosen(listing));
        let best = chosen.next()?;
        let liquid = |chosen: &Chosen| chosen.liquidity == Liquidity::Liquid;
        Some(if liquid(&best) {
            best
        } else {
            chosen.find(liquid).unwrap_or(best)
        })
    }

    fn by_delta(&self, series: &Series, seen: &Snapshot) -> Option<Chosen> {
        let StrikeRule::Delta {
            hundredths,
            pinned_hundredths,
            pin_bps,
            interest_min,
            spread_bps,
        } = self.strike
        else {
            return None;
        };
        let is_pinned = seen
            .gamma
            .is_some_and(|gamma| is_within(seen.spot, gamma.pin, seen.spot, pin_bps));
        let hundredths = if is_pinned {
            pinned_hundredths
        } else {
            hundredths
        };
        let target = hundredths as f64 / 100.0;
        let off = |listing: &Listing| listing.delta.map(|delta| (delta.abs() - target).abs());
        let suits = |listing: &&Listing| {
            off(listing).is_some_and(f64::is_finite)
                && listing.open_interest.unwrap_or(0) >= interest_min
                && listing.is_quoted()
                && is_within(listing.bid, listing.ask, seen.spot, spread_bps)
        };
        let best = series.listings().filter(suits).min_by(|a, b| {
            let (off_a, off_b) = (off(a).unwrap_or(f64::MAX), off(b).unwrap_or(f64::MAX));
            let by_strike = || rank(a, seen.spot).cmp(&rank(b, seen.spot));
            off_a.total_cmp(&off_b).then_with(by_strike)
        });
        match best {
            Some(listing) => Some(self.chosen(*listing)),
            // Hundredths of delta are bps of the price: S·(1 ± target·.01).
            None => series.nearest(seen.spot, hundredths).map(|listing| Chosen {
                listing,
                liquidity: Liquidity::Unsuitable,
            }),
        }
    }
}

impl ExpiryRule {
    fn find(
        self,
        chain: &[Listing],
        right: Right,
        (seen, moment): (&Snapshot, &Moment),
    ) -> Option<Day> {
        match self {
            Self::Today => Some(moment.day),
            Self::NextDay => Some(moment.next_day),
            Self::Flagged => seen.ifd.map(|flagged| flagged.expiry),
            Self::Ranked => seen.outlook.map(|outlook| outlook.expiry),
            Self::About { days, min, max } => {
                let ahead = |expiry: Day| expiry.0.saturating_sub(moment.day.0);
                chain
                    .iter()
                    .filter(|listing| listing.right == right && listing.is_sound())
                    .map(|listing| listing.expiry)
                    .filter(|expiry| (min..=max).contains(&ahead(*expiry)))
                    .min_by_key(|expiry| (ahead(*expiry).abs_diff(days), *expiry))
            }
        }
    }
}

impl Listing {
    /// Whether somebody bids and somebody offers, not below the bid.
    #[must_use]
    pub const fn is_quoted(&self) -> bool {
        self.bid.is_defined() && self.ask.is_defined() && self.bid.0 > 0 && self.ask.0 >= self.bid.0
    }

    const fn is_sound(&self) -> bool {
        self.strike.is_defined() && self.strike.0 > 0 && self.multiplier > 0
    }
}

impl Liquidity {
    /// The word shown to users.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Liquid => "liquid",
            Self::Interest => "open interest too small",
            Self::Quote => "no quote",
            Self::Spread => "spread too wide",
            Self::Unsuitable => "none suitable",
        }
    }
}

/// The listings of one expiry and right.
#[derive(Clone, Copy, Debug)]
pub(super) struct Series<'a> {
    /// The chain that they are in.
    pub(super) chain: &'a [Listing],
    /// Their expiry.
    pub(super) expiry: Day,
    /// Their right.
    pub(super) right: Right,
}

impl<'a> Series<'a> {
    /// The listings.
    pub(super) fn listings(self) -> impl Iterator<Item = &'a Listing> {
        self.chain.iter().filter(move |listing| {
            listing.expiry == self.expiry && listing.right == self.right && listing.is_sound()
        })
    }

    /// The listing with this strike.
    pub(super) fn at(self, strike: Price) -> Option<Listing> {
        self.listings()
            .filter(|listing| listing.strike == strike)
            .min_by_key(|listing| rank(listing, strike))
            .copied()
    }

    /// Whether no strike is listed between the two.
    pub(super) fn is_one_step(self, a: Price, b: Price) -> bool {
        let (low, high) = (a.min(b), a.max(b));
        a != b
            && !self
                .listings()
                .any(|listing| low < listing.strike && listing.strike < high)
    }

    fn first_out(self, spot: Price) -> Option<Listing> {
        let is_out = |listing: &&Listing| match self.right {
            Right::Call => listing.strike > spot,
            Right::Put => listing.strike < spot,
        };
        self.listings()
            .filter(is_out)
            .min_by_key(|listing| rank(listing, spot))
            .copied()
    }

    /// The listing nearest to the price moved outward by `bps`.
    fn nearest(self, spot: Price, bps: i64) -> Option<Listing> {
        let outward = match self.right {
            Right::Call => BPS + i128::from(bps),
            Right::Put => BPS - i128::from(bps),
        };
        let wanted = i128::from(spot.0) * outward;
        self.listings()
            .min_by_key(|listing| {
                let off = (i128::from(listing.strike.0) * BPS - wanted).abs();
                (off, rank(listing, spot))
            })
            .copied()
    }

    fn flagged(self, seen: &Snapshot, follow_bps: i64) -> Option<Listing> {
        let (strike, right) = seen.unusual?.contract?;
        let follows = follow_bps > 0
            && right == self.right
            && is_within(strike, seen.spot, seen.spot, follow_bps);
        self.at(strike).filter(|_| follows)
    }
}

/// The order of listings that suit equally: nearer to the price, lower, of larger interest, of
/// lower id. It does not depend on the order of the chain.
fn rank(listing: &Listing, spot: Price) -> (u64, Price, Reverse<u64>, InstrumentId) {
    (
        listing.strike.0.abs_diff(spot.0),
        listing.strike,
        Reverse(listing.open_interest.unwrap_or(0)),
        listing.instrument_id,
    )
}
