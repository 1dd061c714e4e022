//! S13: what a signal must satisfy before it may be claimed. What is unknown does not pass.

use undertow_core::event::Trust;
use undertow_core::types::Price;

use super::contract::Liquidity;
use super::moment::Moment;
use super::signal::Signal;

const BPS: i128 = 10_000;

/// The limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Guards {
    /// Least confidence of any strategy. 60.
    pub confidence_min: u8,
    /// Farthest stop, in bps of the entry. 500.
    pub stop_max_bps: i64,
    /// Least reward over risk, in tenths, measured on the last target. 15.
    pub reward_min_tenths: i64,
    /// Whether signals are allowed outside regular trading hours. No.
    pub allows_extended: bool,
}

/// The state of the market that a signal would go to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conditions {
    /// How far the underlying's book is to be believed.
    pub trust: Trust,
    /// Whether the venue has halted it, or it is not known that it has not.
    pub is_halted: bool,
    /// Whether the operator wants no signals of this strategy.
    pub is_disabled: bool,
}

/// Which limit a signal breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Breach {
    /// The book is not good.
    Untrusted,
    /// The market is halted.
    Halted,
    /// The operator wants no signals of this strategy.
    Disabled,
    /// Regular trading hours are over, or have not begun.
    OutsideHours,
    /// Confidence is below that of every strategy.
    Confidence,
    /// The stop is too far, or not on the losing side.
    Stop,
    /// The last target is too near.
    Reward,
    /// The contract cannot be traded at a fair price.
    Illiquid,
}

impl Default for Guards {
    fn default() -> Self {
        Self {
            confidence_min: 60,
            stop_max_bps: 500,
            reward_min_tenths: 15,
            allows_extended: false,
        }
    }
}

impl Guards {
    /// Checks a signal.
    ///
    /// # Errors
    /// The first limit that it breaks.
    pub fn check(
        &self,
        signal: &Signal,
        conditions: &Conditions,
        moment: &Moment,
    ) -> Result<(), Breach> {
        let is = |fine: bool, breach: Breach| if fine { Ok(()) } else { Err(breach) };
        is(conditions.trust == Trust::Good, Breach::Untrusted)?;
        is(!conditions.is_halted, Breach::Halted)?;
        is(!conditions.is_disabled, Breach::Disabled)?;
        is(moment.is_rth || self.allows_extended, Breach::OutsideHours)?;
        is(signal.confidence >= self.confidence_min, Breach::Confidence)?;
        let risk = distance(signal.entry, signal.stop);
        let reward = distance(signal.entry, signal.targets[2]);
        let bound = i128::from(self.stop_max_bps) * i128::from(signal.entry.0);
        is(risk > 0 && risk * BPS <= bound, Breach::Stop)?;
        is(
            reward * 10 >= risk * i128::from(self.reward_min_tenths),
            Breach::Reward,
        )?;
        let is_liquid = signal.contract.liquidity == Liquidity::Liquid;
        is(is_liquid, Breach::Illiquid)
    }
}

fn distance(a: Price, b: Price) -> i128 {
    (i128::from(a.0) - i128::from(b.0)).abs()
}
