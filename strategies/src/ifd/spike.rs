//! N3: version 1, a day's volume against open interest.
//!
//! Volume of ten times the open interest cannot be closing of what was there before. Every
//! boundary is inclusive and tested in integers; money is in 1e-4 USD. A contract without open
//! interest (listed today) is skipped here and counted by the caller.

use undertow_core::types::Price;

use super::{Direction, Level};
use crate::options::Right;

/// Volume a signal needs.
pub const VOLUME_MIN: u64 = 500;
/// Volume per open interest that a signal needs.
pub const RATIO_MIN: u64 = 10;
/// Premium traded that a signal needs, 1e-4 USD.
pub const USD_MIN: i64 = 100_000 * USD;
/// One dollar in units of money.
pub const USD: i64 = 10_000;

/// What is known of an option when it has traded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Activity {
    /// The strike.
    pub strike: Price,
    /// Call or put.
    pub right: Right,
    /// Contracts traded this session.
    pub volume: u64,
    /// Yesterday's open interest.
    pub open_interest: u64,
    /// Price of the last trade.
    pub last: Price,
    /// Units of the underlying per contract, in 1e-9 (NQ: 20e9).
    pub multiplier: Price,
}

/// A spike of volume.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spike {
    /// Volume per open interest.
    pub ratio: f64,
    /// Premium traded at the last price, 1e-4 USD.
    pub usd: i64,
    /// By the ratio.
    pub level: Level,
    /// Calls are bets on a rise, puts on a fall.
    pub direction: Direction,
}

impl Spike {
    /// The spike in this activity, if it is one. None also without open interest, or where the
    /// terms make no sense.
    #[must_use]
    pub fn find(activity: &Activity) -> Option<Self> {
        let Activity {
            volume,
            open_interest,
            ..
        } = *activity;
        let is_price = activity.last.is_defined() && activity.multiplier.is_defined();
        let enough = volume >= VOLUME_MIN && volume / RATIO_MIN >= open_interest;
        if open_interest == 0 || !enough || !is_price {
            return None;
        }
        let usd = premium(volume, activity.last, activity.multiplier);
        (usd >= USD_MIN).then_some(Self {
            ratio: volume as f64 / open_interest as f64,
            usd,
            level: level(volume, open_interest),
            direction: match activity.right {
                Right::Call => Direction::Long,
                Right::Put => Direction::Short,
            },
        })
    }

    /// In [0, 1], by the level.
    #[must_use]
    pub const fn confidence(&self) -> f64 {
        match self.level {
            Level::Extreme => 0.95,
            Level::VeryHigh => 0.85,
            Level::High => 0.75,
            Level::Moderate => 0.65,
        }
    }
}

/// Target and stop of a spike at `strike` with the underlying at `spot`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bracket {
    /// The strike.
    pub target: Price,
    /// Half as far on the other side.
    pub stop: Price,
    /// Whether the target is near enough (2 % of the underlying) to act on.
    pub is_actionable: bool,
}

impl Bracket {
    /// The bracket, unless the strike does not lie ahead of the price: an option in the money
    /// would have its target behind it.
    #[must_use]
    pub fn at(strike: Price, direction: Direction, spot: Price) -> Option<Self> {
        if !strike.is_defined() || !spot.is_defined() || spot.0 <= 0 {
            return None;
        }
        let ahead = strike.0.checked_sub(spot.0)?;
        let lies_ahead = match direction {
            Direction::Long => ahead > 0,
            Direction::Short => ahead < 0,
        };
        lies_ahead.then_some(Self {
            target: strike,
            stop: Price(spot.0 - ahead / 2),
            is_actionable: i128::from(ahead.abs()) * 50 <= i128::from(spot.0),
        })
    }
}

/// Which way the money of all spikes leans.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NetFlow {
    /// More than 65 % in calls.
    Bullish,
    /// Less than 35 % in calls.
    Bearish,
    /// In between.
    Mixed,
}

/// Percentage of money in calls, and what it means; none without any.
#[must_use]
pub fn net_flow(call_usd: i64, put_usd: i64) -> Option<(f64, NetFlow)> {
    let (calls, puts) = (i128::from(call_usd.max(0)), i128::from(put_usd.max(0)));
    let total = calls + puts;
    if total == 0 {
        return None;
    }
    let flow = if calls * 100 > total * 65 {
        NetFlow::Bullish
    } else if calls * 100 < total * 35 {
        NetFlow::Bearish
    } else {
        NetFlow::Mixed
    };
    Some((100.0 * calls as f64 / total as f64, flow))
}

/// Premium of `volume` contracts in 1e-4 USD, rounded toward zero; saturates.
fn premium(volume: u64, price: Price, multiplier: Price) -> i64 {
    // 1e-9 times 1e-9 against 1e-4.
    const SCALE: i128 = 100_000_000_000_000;
    let per_contract = i128::from(price.0) * i128::from(multiplier.0);
    let usd = per_contract.saturating_mul(i128::from(volume)) / SCALE;
    i64::try_from(usd).unwrap_or(if usd < 0 { i64::MIN } else { i64::MAX })
}

fn level(volume: u64, open_interest: u64) -> Level {
    let reaches = |ratio: u64| volume / ratio >= open_interest;
    if reaches(50) {
        Level::Extreme
    } else if reaches(30) {
        Level::VeryHigh
    } else if reaches(20) {
        Level::High
    } else {
        Level::Moderate
    }
}
