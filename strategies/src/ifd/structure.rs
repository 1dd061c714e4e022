//! N10: market making and hedging told by structure.
//!
//! Calls and puts of one strike that trade alike and together are a straddle, which bets on
//! volatility, not on a direction; falling implied volatility speaks for it too. Volumes are
//! contracts, volatilities decimals (0.2 is 20 %), times nanoseconds.

use undertow_core::types::Price;

use super::pressure::{Dominance, Tally};
use crate::options::Right;

/// Beyond this, call and put are not one trade, ns.
pub const TOGETHER_NS: u64 = 300_000_000_000;
/// Contracts that each side needs to be called coordinated.
const COORDINATED_MIN: u64 = 100;
/// Strikes this far apart at most make a risk reversal.
const REVERSAL_REACH: i64 = 200 * Price::PER_POINT;
/// Distance from the underlying within which build-up counts.
const BUILD_UP_REACH: i64 = 20 * Price::PER_POINT;

/// What becomes of a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Verdict {
    /// Institutional, as far as can be told.
    Accept,
    /// Doubtful.
    Monitor,
    /// Market making.
    Reject,
}

impl Verdict {
    /// The verdict on a probability of market making: above 0.30 and 0.21.
    #[must_use]
    pub const fn of(making: f64) -> Self {
        if making > 0.30 {
            Self::Reject
        } else if making > 0.21 {
            Self::Monitor
        } else {
            Self::Accept
        }
    }
}

/// The probability that call and put volume of one strike, `apart_ns` apart, are a straddle.
#[must_use]
pub fn straddle(call: u64, put: u64, apart_ns: u64) -> f64 {
    let apart = (apart_ns as f64 / TOGETHER_NS as f64).min(1.0);
    0.7 * balance(call, put) + 0.3 * (1.0 - apart)
}

/// The probability of market making; one less it is that of an institution.
#[must_use]
pub fn market_making(straddle: f64, crush: f64) -> f64 {
    0.7 * straddle + 0.3 * crush
}

/// How call and put of one strike trade together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Together {
    /// Calls bought, puts sold.
    SyntheticLong,
    /// Calls sold, puts bought.
    SyntheticShort,
    /// Both bought, or both sold.
    Straddle,
    /// Anything else.
    Hedge,
}

impl Together {
    /// Factor on the confidence.
    #[must_use]
    pub const fn factor(self) -> f64 {
        match self {
            Self::SyntheticLong | Self::SyntheticShort => 0.9,
            Self::Straddle => 0.8,
            Self::Hedge => 0.7,
        }
    }

    /// The word shown to users.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::SyntheticLong => "SYNTHETIC_LONG",
            Self::SyntheticShort => "SYNTHETIC_SHORT",
            Self::Straddle => "STRADDLE",
            Self::Hedge => "HEDGE",
        }
    }
}

/// Coordination of call and put of one strike.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Coordination {
    /// How much they trade alike, in [0, 1].
    pub score: f64,
    /// What they make together.
    pub together: Together,
}

impl Coordination {
    /// The coordination of what traded within five minutes, if each side has enough volume.
    #[must_use]
    pub fn of(call: &Tally, put: &Tally) -> Option<Self> {
        let is_enough = call.volume().min(put.volume()) >= COORDINATED_MIN;
        let (calls, puts) = (call.buy_fraction()?, put.buy_fraction()?);
        let apart = (calls - puts).abs();
        let (smaller, larger) = (
            call.volume().min(put.volume()),
            call.volume().max(put.volume()),
        );
        let together = if calls > 0.7 && puts < 0.3 {
            Together::SyntheticLong
        } else if calls < 0.3 && puts > 0.7 {
            Together::SyntheticShort
        } else if apart < 0.2 {
            Together::Straddle
        } else {
            Together::Hedge
        };
        is_enough.then(|| Self {
            score: 0.4 * balance(call.volume(), put.volume())
                + 0.4 * (1.0 - apart)
                + 0.2 * (smaller as f64 / larger as f64),
            together,
        })
    }

    /// Whether they are coordinated at all.
    #[must_use]
    pub fn is_coordinated(&self) -> bool {
        self.score >= 0.6
    }

    /// In [0, 1].
    #[must_use]
    pub fn confidence(&self) -> f64 {
        self.score * self.together.factor()
    }
}

/// One leg of a trade over several strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leg {
    /// The strike.
    pub strike: Price,
    /// Call or put.
    pub right: Right,
    /// Contracts.
    pub volume: u64,
    /// Who dominates it.
    pub dominance: Dominance,
}

/// What several strikes make together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum MultiStrike {
    /// Three of one right, 1:2:1.
    Butterfly,
    /// Four with even wings and even volume.
    Condor,
    /// A call and a put, traded to opposite sides.
    RiskReversal,
}

impl MultiStrike {
    /// The word shown to users.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Butterfly => "BUTTERFLY",
            Self::Condor => "CONDOR",
            Self::RiskReversal => "RISK_REVERSAL",
        }
    }
}

/// Whether three legs of one right, by ascending strike, stand evenly spaced (to 2 %) and trade
/// 1:2:1 (each within 0.7 to 1.3 of that).
#[must_use]
pub fn is_butterfly(legs: &[Leg; 3]) -> bool {
    let [low, middle, high] = legs;
    let same_right = low.right == middle.right && middle.right == high.right;
    let total = sum(legs);
    same_right
        && is_even(low.strike, middle.strike, middle.strike, high.strike)
        && is_share(low.volume, total, 1, 4)
        && is_share(middle.volume, total, 1, 2)
        && is_share(high.volume, total, 1, 4)
}

/// Whether four legs, by ascending strike, have even wings (to 2 %) and trade about the same
/// volume (each within 0.7 to 1.3 of the mean).
#[must_use]
pub fn is_condor(legs: &[Leg; 4]) -> bool {
    let [a, b, c, d] = legs;
    let total = sum(legs);
    b.strike < c.strike
        && is_even(a.strike, b.strike, c.strike, d.strike)
        && legs.iter().all(|leg| is_share(leg.volume, total, 1, 4))
}

/// Whether a call and a put within 200 points are traded to opposite sides: a risk reversal,
/// with a confidence of 0.8.
#[must_use]
pub fn risk_reversal(call: &Leg, put: &Leg) -> Option<f64> {
    let sides = matches!(
        (call.dominance, put.dominance),
        (Dominance::Buy, Dominance::Sell) | (Dominance::Sell, Dominance::Buy)
    );
    let is_pair = call.right == Right::Call && put.right == Right::Put;
    let apart = i128::from(call.strike.0) - i128::from(put.strike.0);
    let is_near = apart.abs() <= i128::from(REVERSAL_REACH);
    (is_pair && sides && is_near).then_some(0.8)
}

/// A fall of implied volatility from its peak.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Crush {
    /// The peak.
    pub peak: f64,
    /// Share of the peak that is gone.
    pub drop: f64,
    /// Points since.
    pub after: usize,
    /// In [0, 0.9].
    pub confidence: f64,
}

impl Crush {
    /// The crush in the last ten points, if it is one: at least a fifth down, with at least
    /// three points since, all below 0.9 of the peak.
    #[must_use]
    pub fn find(volatilities: &[f64]) -> Option<Self> {
        let recent = &volatilities[volatilities.len().saturating_sub(10)..];
        let last = *recent.last()?;
        let is_sound = recent.iter().all(|it| it.is_finite() && *it > 0.0);
        // The last of equal peaks: what came between was no crush.
        let place = (0..recent.len()).max_by(|a, b| recent[*a].total_cmp(&recent[*b]))?;
        let (peak, after) = (recent[place], &recent[place + 1..]);
        let drop = (peak - last) / peak;
        let stays_down = after.iter().all(|it| *it < 0.9 * peak);
        (is_sound && drop >= 0.2 && after.len() >= 3 && stays_down).then_some(Self {
            peak,
            drop,
            after: after.len(),
            confidence: (0.5 + drop).min(0.9),
        })
    }
}

/// Whether the last volatility is more than 30 % above the mean of the ten before it.
#[must_use]
pub fn is_spike(volatilities: &[f64]) -> bool {
    let Some((last, before)) = volatilities.split_last() else {
        return false;
    };
    let Some(before) = before.last_chunk::<10>() else {
        return false;
    };
    let mean = before.iter().sum::<f64>() / 10.0;
    mean > 0.0 && *last > 1.3 * mean
}

/// Whether volatility builds up: rises by more than 0.001 a point along a line (r above 0.7), by
/// more than 15 % in all, with at most seven days to expiry and the strike within 20 points of
/// the underlying.
#[must_use]
pub fn is_build_up(volatilities: &[f64], days_left: f64, strike: Price, spot: Price) -> bool {
    let (Some(first), Some(last)) = (volatilities.first(), volatilities.last()) else {
        return false;
    };
    let is_near = strike.is_defined()
        && spot.is_defined()
        && (i128::from(strike.0) - i128::from(spot.0)).abs() <= i128::from(BUILD_UP_REACH);
    let points = volatilities.iter().enumerate().map(|(i, v)| (i as f64, *v));
    let rises = fit(points).is_some_and(|(slope, r)| slope > 0.001 && r > 0.7);
    let expands = *first > 0.0 && last / first - 1.0 > 0.15;
    rises && expands && is_near && (0.0..=7.0).contains(&days_left)
}

/// Whether volatility falls with time to expiry (years, volatility): slope below −0.1 a year.
#[must_use]
pub fn is_inverted(term: &[(f64, f64)]) -> bool {
    fit(term.iter().copied()).is_some_and(|(slope, _)| slope < -0.1)
}

/// Percentage of past volatilities below this one, equal ones counted half; none with fewer
/// than a hundred.
#[must_use]
pub fn volatility_rank(past: &[f64], now: f64) -> Option<f64> {
    if past.len() < 100 || !now.is_finite() {
        return None;
    }
    let below = past.iter().filter(|it| **it < now).count() as f64;
    let equal = past.iter().filter(|it| **it == now).count() as f64;
    Some(100.0 * (below + 0.5 * equal) / past.len() as f64)
}

/// 1 where both are equal, 0 where one is nothing.
fn balance(a: u64, b: u64) -> f64 {
    if a.min(b) == 0 {
        return 0.0;
    }
    2.0 * a.min(b) as f64 / (a as f64 + b as f64)
}

fn sum(legs: &[Leg]) -> u128 {
    legs.iter().map(|leg| u128::from(leg.volume)).sum()
}

/// Whether `volume` is within 0.7 to 1.3 of `over`/`under` of the total.
fn is_share(volume: u64, total: u128, over: u128, under: u128) -> bool {
    let scaled = u128::from(volume) * under * 10;
    let due = total * over;
    total > 0 && due * 7 <= scaled && scaled <= due * 13
}

/// Whether the gaps `a`–`b` and `c`–`d` are positive and equal to 2 % of the first.
fn is_even(a: Price, b: Price, c: Price, d: Price) -> bool {
    let first = i128::from(b.0) - i128::from(a.0);
    let second = i128::from(d.0) - i128::from(c.0);
    first > 0 && second > 0 && (first - second).abs() * 50 <= first
}

/// Slope and correlation of the least-squares line; none where there is no spread.
fn fit(points: impl Iterator<Item = (f64, f64)> + Clone) -> Option<(f64, f64)> {
    let n = points.clone().count() as f64;
    let (sum_x, sum_y) = points
        .clone()
        .fold((0.0, 0.0), |(x, y), point| (x + point.0, y + point.1));
    let (mean_x, mean_y) = (sum_x / n, sum_y / n);
    let (mut xx, mut xy, mut yy) = (0.0, 0.0, 0.0);
    for (x, y) in points {
        let (x, y) = (x - mean_x, y - mean_y);
        xx += x * x;
        xy += x * y;
        yy += y * y;
    }
    let is_spread = xx > 0.0 && yy > 0.0 && xy.is_finite();
    is_spread.then(|| (xy / xx, xy / libm::sqrt(xx * yy)))
}
