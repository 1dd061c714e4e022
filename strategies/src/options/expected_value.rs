//! Expected value of target and stop pairs (N1): what the chain's weights say a trade of the
//! underlying is worth.
//!
//! `p` is a score between 0.1 and 0.9, not a calibrated probability. Which strikes make a pair
//! is decided on integer prices; the score is continuous.
//!
//! Taken as a probability `p` ranks the farthest target first, however far: it hardly falls with
//! distance (0.15 of it by the share of spot), while the gain grows with every point. So targets
//! end at N3's 2 % of spot, and a trader ranks by [`Setup::tilted_ev`], where `p` only tilts the
//! fair odds of target against stop.

use alloc::vec::Vec;
use core::cmp::Ordering;

use undertow_core::types::Price;

use super::chain::Line;
use super::{Direction, clamp01, distance, points};

/// How much two sums may differ and still be equal at a border: sums of tenths are not exact.
const BORDER: f64 = 1e-9;

/// Shares of spot are counted in these.
const BPS: i128 = 10_000;

/// Bounds of `p`.
const P_BOUNDS: [f64; 2] = [0.10, 0.90];

/// What is asked of a trade.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EvRules {
    /// Weights of open interest, volume, premium and distance; they sum to 1.
    pub weights: [f64; 4],
    /// Least expected value, points.
    pub ev_min: f64,
    /// Least `p`.
    pub p_min: f64,
    /// Greatest distance of the stop.
    pub risk_max: Price,
    /// Least reward for one of risk.
    pub reward_risk_min: f64,
    /// Greatest distance of the target, bps of spot: beyond it nothing is actionable (N3).
    pub reach_max_bps: i64,
}

impl EvRules {
    /// The rules in use.
    pub const STANDARD: Self = Self {
        weights: [0.35, 0.25, 0.25, 0.15],
        ev_min: 15.0,
        p_min: 0.60,
        risk_max: Price(150 * Price::PER_POINT),
        reward_risk_min: 1.0,
        reach_max_bps: 200,
    };

    /// A variant that is only watched.
    pub const SHADOW: Self = Self {
        weights: [0.40, 0.30, 0.20, 0.10],
        ev_min: 10.0,
        p_min: 0.55,
        ..Self::STANDARD
    };

    /// Every pair of listed strikes around `spot` that keeps to the greatest risk and the least
    /// reward, best first: by expected value, reward for risk, nearness of the target, long
    /// before short. None without a strike on both sides, or without a spot.
    #[must_use]
    pub fn candidates(&self, lines: &[Line], spot: Price) -> Vec<Setup> {
        let mut setups = Vec::new();
        if !spot.is_defined() || spot.0 <= 0 {
            return setups;
        }
        for direction in [Direction::Long, Direction::Short] {
            let factors = Factors::of(lines, spot, direction);
            for target in lines
                .iter()
                .filter(|it| self.is_target(it.strike, spot, direction))
            {
                let stops = lines
                    .iter()
                    .filter(|it| is_behind(it.strike, spot, direction));
                let pair = |stop: &Line| Pair {
                    spot,
                    target: target.strike,
                    stop: stop.strike,
                };
                setups.extend(stops.filter_map(|it| self.setup(direction, &factors, pair(it))));
            }
        }
        setups.sort_by(Setup::order);
        setups
    }

    /// The setup of one direction that a trader takes: of those whose target is within `reach`,
    /// the one of the largest [`Setup::tilted_ev`], then in the order of the candidates.
    /// Allocates nothing.
    #[must_use]
    pub fn best(
        &self,
        lines: &[Line],
        spot: Price,
        direction: Direction,
        reach: Price,
    ) -> Option<Setup> {
        if !spot.is_defined() || spot.0 <= 0 {
            return None;
        }
        let factors = Factors::of(lines, spot, direction);
        let mut best: Option<Setup> = None;
        for target in lines {
            let is_near = distance(target.strike, spot) <= reach;
            if !is_near || !self.is_target(target.strike, spot, direction) {
                continue;
            }
            for stop in lines {
                if !is_behind(stop.strike, spot, direction) {
                    continue;
                }
                let pair = Pair {
                    spot,
                    target: target.strike,
                    stop: stop.strike,
                };
                let setup = self.setup(direction, &factors, pair);
                let is_better = |setup: &Setup| {
                    let by_ev = |best: Setup| best.tilted_ev().total_cmp(&setup.tilted_ev());
                    best.is_none_or(|best| by_ev(best).then(setup.order(&best)).is_lt())
                };
                best = setup.filter(is_better).or(best);
            }
        }
        best
    }

    fn is_target(&self, strike: Price, spot: Price, direction: Direction) -> bool {
        let bound = i128::from(self.reach_max_bps) * i128::from(spot.0);
        is_beyond(strike, spot, direction) && i128::from(distance(strike, spot).0) * BPS <= bound
    }

    /// Whether a candidate is good enough to be reported. Borders count as good.
    #[must_use]
    pub fn is_good(&self, setup: &Setup) -> bool {
        self.ev_min - BORDER <= setup.ev && self.p_min - BORDER <= setup.p
    }

    fn setup(&self, direction: Direction, factors: &Factors, pair: Pair) -> Option<Setup> {
        let (reward, risk) = (pair.reward(), pair.risk());
        let reward_risk = reward.0 as f64 / risk.0 as f64;
        if self.risk_max < risk || reward_risk < self.reward_risk_min {
            return None;
        }
        let near = clamp01(1.0 - points(reward) / points(pair.spot));
        let factors = [factors.open_interest, factors.volume, factors.premium, near];
        let score: f64 = self
            .weights
            .iter()
            .zip(factors)
            .map(|(weight, it)| weight * it)
            .sum();
        let p = score.clamp(P_BOUNDS[0], P_BOUNDS[1]);
        let ev = p * points(reward) - (1.0 - p) * points(risk);
        Some(Setup {
            direction,
            target: pair.target,
            stop: pair.stop,
            factors,
            p,
            reward,
            risk,
            reward_risk,
            ev,
        })
    }
}

/// A trade of the underlying: where it is closed with a gain, and where with a loss.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Setup {
    /// Up or down.
    pub direction: Direction,
    /// Target strike.
    pub target: Price,
    /// Stop strike.
    pub stop: Price,
    /// Open interest, volume, premium and distance, each from 0 to 1.
    pub factors: [f64; 4],
    /// Score of success, 0.1 to 0.9.
    pub p: f64,
    /// Distance of the target.
    pub reward: Price,
    /// Distance of the stop.
    pub risk: Price,
    /// Reward for one of risk.
    pub reward_risk: f64,
    /// Expected value, points.
    pub ev: f64,
}

impl Setup {
    /// Probability that the target is reached before the stop, when `p` tilts the odds that a
    /// market without drift gives, risk to reward; a `p` of one half leaves them as they are.
    #[must_use]
    pub fn probability(&self) -> f64 {
        let won = self.p * points(self.risk);
        won / (won + (1.0 - self.p) * points(self.reward))
    }

    /// Expected value at that probability, points. However far the target is, it stays below
    /// (2p − 1)/(1 − p) of the risk.
    #[must_use]
    pub fn tilted_ev(&self) -> f64 {
        let q = self.probability();
        q * points(self.reward) - (1.0 - q) * points(self.risk)
    }

    /// Expected value of one contract, dollars, at dollars a point: 20 for NQ, 2 for MNQ.
    #[must_use]
    pub fn ev_dollars(&self, multiplier: u32) -> f64 {
        self.ev * f64::from(multiplier)
    }

    /// How large the position may be.
    #[must_use]
    pub fn size(&self) -> SizeLabel {
        if self.ev > 50.0 {
            SizeLabel::Large
        } else if self.ev > 30.0 {
            SizeLabel::Medium
        } else {
            SizeLabel::Small
        }
    }

    fn order(&self, other: &Self) -> Ordering {
        let by_ev = other.ev.total_cmp(&self.ev);
        by_ev
            .then(other.reward_risk.total_cmp(&self.reward_risk))
            .then(self.reward.cmp(&other.reward))
            .then(self.direction.cmp(&other.direction))
            .then(self.stop.cmp(&other.stop))
    }
}

/// How large a position may be, as a share of the trade budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum SizeLabel {
    /// 15 to 20 %.
    Large,
    /// 10 to 15 %.
    Medium,
    /// 5 to 10 %.
    Small,
}

impl SizeLabel {
    /// The word shown to users.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Large => "large",
            Self::Medium => "medium",
            Self::Small => "small",
        }
    }
}

/// What the chain says for a direction, whatever the pair.
struct Factors {
    open_interest: f64,
    volume: f64,
    premium: f64,
}

impl Factors {
    fn of(lines: &[Line], spot: Price, direction: Direction) -> Self {
        let open = |line: &Line| line.call.open_interest as f64 + line.put.open_interest as f64;
        let volume = |line: &Line| line.call.volume as f64 + line.put.volume as f64;
        let weigh = |size: &dyn Fn(&Line) -> f64| {
            let most = lines.iter().map(size).fold(0.0, f64::max);
            let pull = |line: &Line| weight(line.strike, spot) * lean(line, spot, direction);
            let sum: f64 = lines.iter().map(|line| pull(line) * size(line)).sum();
            clamp01(super::ratio(sum, most).unwrap_or(0.0))
        };
        let paid = |mark: Option<Price>, open: u64| mark.map_or(0.0, points) * open as f64;
        let calls: f64 = lines
            .iter()
            .map(|it| paid(it.call.mark, it.call.open_interest))
            .sum();
        let puts: f64 = lines
            .iter()
            .map(|it| paid(it.put.mark, it.put.open_interest))
            .sum();
        let balance = super::ratio(calls - puts, calls + puts).unwrap_or(0.0);
        let signed = match direction {
            Direction::Long => balance,
            Direction::Short => -balance,
        };
        Self {
            open_interest: weigh(&open),
            volume: weigh(&volume),
            premium: (signed + 1.0) / 2.0,
        }
    }
}

/// Three prices on their sides.
#[derive(Clone, Copy)]
struct Pair {
    spot: Price,
    target: Price,
    stop: Price,
}

impl Pair {
    fn reward(&self) -> Price {
        distance(self.target, self.spot)
    }

    fn risk(&self) -> Price {
        distance(self.stop, self.spot)
    }
}

/// How much a strike counts by its distance: all within 1 %, 0.8 within 2 %, 0.5 within 5 %.
fn weight(strike: Price, spot: Price) -> f64 {
    let hundredths = i128::from(distance(strike, spot).0) * 100;
    let within = |per_cent: i128| hundredths <= i128::from(spot.0) * per_cent;
    if within(1) {
        1.0
    } else if within(2) {
        0.8
    } else if within(5) {
        0.5
    } else {
        0.2
    }
}

/// Strikes beyond spot count for the direction, all others half against it.
fn lean(line: &Line, spot: Price, direction: Direction) -> f64 {
    if is_beyond(line.strike, spot, direction) {
        1.0
    } else {
        -0.5
    }
}

fn is_beyond(strike: Price, spot: Price, direction: Direction) -> bool {
    match direction {
        Direction::Long => spot < strike,
        Direction::Short => strike < spot,
    }
}

fn is_behind(strike: Price, spot: Price, direction: Direction) -> bool {
    strike != spot && !is_beyond(strike, spot, direction)
}
