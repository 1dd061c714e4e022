//! What slow sources tell: account, margin, Greeks, correlation, costs, calendar, past days, news.
//!
//! Each comes with its age. What was never told, or too long ago, is missing, and what needs it
//! is refused: nothing is ever assumed. Figures that take floats to compute arrive as integers.

use alloc::boxed::Box;
use alloc::vec;

use crate::money::Money;
use crate::order::StrategyId;
use crate::types::{BookKey, InstrumentId, Nanos, Price, Text};

/// What orders may reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Mode {
    /// A recorded session on the paper venue.
    Backtest,
    /// The live market on the paper venue.
    Paper,
    /// The live market, no orders at all.
    Shadow,
    /// The live market and real orders.
    Live,
}

/// A broker's account, as a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[repr(transparent)]
pub struct AccountId(pub u64);

/// Time in which something is allowed: from the first instant, before the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// First instant.
    pub from: Nanos,
    /// First instant after it.
    pub until: Nanos,
}

impl Span {
    /// Whether an instant lies in it.
    #[must_use]
    pub const fn contains(&self, now: Nanos) -> bool {
        self.from.0 <= now.0 && now.0 < self.until.0
    }
}

/// The broker's figures of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Account {
    /// Funds free for margin.
    pub available: Money,
    /// Buying power.
    pub buying_power: Money,
    /// When the broker said so.
    pub as_of: Nanos,
}

/// Greeks of one contract held long, in dollars.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Greeks {
    /// Gain when the underlying rises by its whole price.
    pub delta: Money,
    /// Change of that delta per 1 % of the underlying.
    pub gamma: Money,
    /// Gain per point of volatility.
    pub vega: Money,
    /// When they were computed.
    pub as_of: Nanos,
}

/// Value at risk of all that is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ValueAtRisk {
    /// The loss that one day in twenty exceeds.
    pub loss: Money,
    /// Days of history behind it.
    pub days: u32,
    /// When it was computed.
    pub as_of: Nanos,
}

/// What data has cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Costs {
    /// Today.
    pub day: Money,
    /// This month.
    pub month: Money,
    /// When it was counted.
    pub as_of: Nanos,
}

/// What the news of the last day say of a product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct News {
    /// The product, as definitions write it.
    pub asset: Text<11>,
    /// Their score in millionths, from -1,000,000 (bearish) to 1,000,000.
    pub ppm: i32,
    /// Articles behind it; 0 when there is none, and then nothing is said.
    pub articles: u32,
    /// When the newest of them was published.
    pub as_of: Nanos,
}

/// One thing told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Context {
    /// What the gateway is logged in to; `None` when it is not.
    Venue(Option<(Mode, AccountId)>),
    /// The venue's session of today; `None` on a holiday.
    Session(Option<Span>),
    /// A strategy's time; `None` when it has none today.
    Window(StrategyId, Option<Span>),
    /// The account's figures.
    Account(Account),
    /// Initial margin of one contract, and when it was asked.
    Margin(BookKey, Money, Nanos),
    /// Greeks of one contract.
    Greeks(BookKey, Greeks),
    /// Average daily volume of one contract over 20 days.
    Volume(BookKey, u32),
    /// What another source says that the contract is worth.
    Reference(BookKey, Price, Nanos),
    /// Correlation of two underlyings in millionths, computed at a time. The oldest entry that
    /// is used is the matrix's age.
    Correlation(InstrumentId, InstrumentId, i32, Nanos),
    /// Value at risk.
    ValueAtRisk(ValueAtRisk),
    /// Size of the z-score of the market's last minute in millionths, rounded down, and when.
    Volatility(i64, Nanos),
    /// What data has cost.
    Costs(Costs),
    /// What an earlier trading day earned, all told, by its number since 1970. Each day once, the
    /// oldest first: value at risk is computed of them.
    Earned(u32, Money),
    /// What the news say. Rules read it, risk does not.
    News(News),
}

/// A correlation and its age; absent until told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Correlation {
    pub(super) ppm: i32,
    pub(super) as_of: Nanos,
}

/// What has been told, but for what belongs to one contract.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) venue: Option<(Mode, AccountId)>,
    pub(super) session: Option<Span>,
    pub(super) windows: Box<[Option<Span>]>,
    pub(super) account: Option<Account>,
    pub(super) value_at_risk: Option<ValueAtRisk>,
    pub(super) volatility: Option<(i64, Nanos)>,
    pub(super) costs: Option<Costs>,
    /// A square over the underlyings, symmetric.
    correlations: Box<[Option<Correlation>]>,
    side: usize,
}

impl Known {
    pub(super) fn new(strategies: u32, underlyings: u32) -> Self {
        let side = underlyings as usize;
        Self {
            venue: None,
            session: None,
            windows: vec![None; strategies as usize].into_boxed_slice(),
            account: None,
            value_at_risk: None,
            volatility: None,
            costs: None,
            correlations: vec![None; side * side].into_boxed_slice(),
            side,
        }
    }

    pub(super) fn correlate(&mut self, one: u32, other: u32, correlation: Correlation) {
        let (one, other) = (one as usize, other as usize);
        self.correlations[one * self.side + other] = Some(correlation);
        self.correlations[other * self.side + one] = Some(correlation);
    }

    pub(super) fn correlation(&self, one: u32, other: u32) -> Option<Correlation> {
        self.correlations[one as usize * self.side + other as usize]
    }
}

/// Whether something told at `as_of` still holds.
#[inline]
pub(super) fn is_fresh(now: Nanos, as_of: Nanos, age_ns_max: i64) -> bool {
    let age = now.0.saturating_sub(as_of.0);
    as_of.is_defined() && u64::try_from(age_ns_max).is_ok_and(|age_max| age <= age_max)
}

/// Age in ns; 0 for what comes from the future. What was told at no time is as old as can be said.
#[inline]
pub(super) fn age_ns(now: Nanos, as_of: Nanos) -> i64 {
    let age = now.0.wrapping_sub(as_of.0).cast_signed();
    if now.0 >= as_of.0 && age >= 0 {
        age
    } else {
        age_at_an_end(now, as_of)
    }
}

/// What comes from the future or from no time, or is older than can be said.
#[cold]
fn age_at_an_end(now: Nanos, as_of: Nanos) -> i64 {
    let is_to_come = now.0 < as_of.0 && as_of.is_defined();
    if is_to_come { 0 } else { i64::MAX }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_never_less_than_nothing_nor_more_than_the_most() {
        let most = i64::MAX.cast_unsigned();
        for (now, as_of, age) in [
            (9, 9, 0),
            (9, 4, 5),
            (4, 9, 0),
            (most, 0, i64::MAX),
            (most + 1, 0, i64::MAX),
            (u64::MAX, 0, i64::MAX),
            (0, most + 2, 0),
            (0, u64::MAX - 1, 0),
            (9, Nanos::UNDEFINED.0, i64::MAX),
        ] {
            assert_eq!(age_ns(Nanos(now), Nanos(as_of)), age, "{now} {as_of}");
        }
    }
}
