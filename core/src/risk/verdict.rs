//! What risk said to an intent: every check, with its number, its limit and its headroom.

use core::fmt;

/// The checks in their order, and the reasons of refusals: the first that fails is the reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Refusal {
    /// 1: mode or account is not the configured one.
    Mode,
    /// 2: halted.
    Halt,
    /// 3: the contract is unknown, not allowed, expired or about to.
    Instrument,
    /// 4: the session is closed, trading is halted, or it is not the strategy's time.
    Session,
    /// 5: the book is not to be believed.
    FeedTrust,
    /// 6: the book is too old.
    DataAge,
    /// 7: the price does not exist.
    Price,
    /// 8: nothing, or too much.
    Quantity,
    /// 9: too far from where the market is.
    Collar,
    /// 10: too much money in one order.
    Notional,
    /// 11: too large a position, too many of them, or not reducing.
    Position,
    /// 12: too much of everything together.
    Exposure,
    /// 13: too much was lost today.
    DailyLoss,
    /// 14: drawdown, streaks, a wild market, errors.
    Breakers,
    /// 15: too little margin or buying power.
    Margin,
    /// 16: too like what is held already; value at risk.
    Correlation,
    /// 17: the same again.
    Duplicate,
    /// 18: too many messages.
    MessageRate,
    /// 19: a strategy runs away.
    RepeatedExecution,
    /// 20: too many live orders.
    OpenOrders,
    /// 21: it would trade with ourselves.
    SelfMatch,
    /// 22: data or fees cost too much.
    Budget,
    /// 23: the signal is too old or not sure enough.
    Signal,
    /// 24: it is not known what is out there on this contract.
    Unknown,
}

impl Refusal {
    /// How many checks there are.
    pub const COUNT: usize = 24;

    /// All of them, in order.
    pub const ALL: [Self; Self::COUNT] = [
        Self::Mode,
        Self::Halt,
        Self::Instrument,
        Self::Session,
        Self::FeedTrust,
        Self::DataAge,
        Self::Price,
        Self::Quantity,
        Self::Collar,
        Self::Notional,
        Self::Position,
        Self::Exposure,
        Self::DailyLoss,
        Self::Breakers,
        Self::Margin,
        Self::Correlation,
        Self::Duplicate,
        Self::MessageRate,
        Self::RepeatedExecution,
        Self::OpenOrders,
        Self::SelfMatch,
        Self::Budget,
        Self::Signal,
        Self::Unknown,
    ];

    /// The check's number, 1 to 24.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8 + 1
    }

    /// The name shown in reports, logs and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mode => "mode",
            Self::Halt => "halt",
            Self::Instrument => "instrument",
            Self::Session => "session",
            Self::FeedTrust => "feed_trust",
            Self::DataAge => "data_age",
            Self::Price => "price",
            Self::Quantity => "quantity",
            Self::Collar => "collar",
            Self::Notional => "notional",
            Self::Position => "position",
            Self::Exposure => "exposure",
            Self::DailyLoss => "daily_loss",
            Self::Breakers => "breakers",
            Self::Margin => "margin",
            Self::Correlation => "correlation",
            Self::Duplicate => "duplicate",
            Self::MessageRate => "message_rate",
            Self::RepeatedExecution => "repeated_execution",
            Self::OpenOrders => "open_orders",
            Self::SelfMatch => "self_match",
            Self::Budget => "budget",
            Self::Signal => "signal",
            Self::Unknown => "unknown",
        }
    }

    /// Whether an order that only reduces passes it unasked. The others hold for it too, some in
    /// a weaker form: see [`Risk`](super::Risk).
    #[must_use]
    pub const fn spares_exits(self) -> bool {
        matches!(
            self,
            Self::Notional
                | Self::Exposure
                | Self::DailyLoss
                | Self::Breakers
                | Self::Margin
                | Self::Correlation
                | Self::RepeatedExecution
                | Self::Budget
                | Self::Signal
        )
    }
}

/// Which of a check's bounds its outcome is about: the tightest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
#[allow(
    missing_docs,
    reason = "each is named for the limit or the fact that it is about"
)]
pub enum Bound {
    None,
    Mode,
    Account,
    Gate,
    Known,
    Allowed,
    Expiry,
    SessionTime,
    StrategyWindow,
    TradingStatus,
    Trust,
    Crossed,
    Age,
    Defined,
    Sign,
    Tick,
    Positive,
    OrderQuantity,
    References,
    ReferencesApart,
    Collar,
    OrderNotional,
    PositionQuantity,
    Positions,
    UnderlyingPositions,
    OpenedPerDay,
    OpenedPerRun,
    Reducing,
    GrossNotional,
    UnderlyingNotional,
    Greeks,
    Delta,
    Gamma,
    Vega,
    WorstLoss,
    PositionShare,
    UnderlyingShare,
    StrategyShare,
    Volume,
    Displayed,
    Marks,
    Loss,
    DailyLoss,
    Drawdown,
    LosingDays,
    LosingTrades,
    Volatility,
    SystemErrors,
    AccountAge,
    Funds,
    BuyingPower,
    MarginRate,
    SameUnderlying,
    Correlation,
    CorrelationAge,
    ValueAtRisk,
    ValueAtRiskAge,
    Window,
    SignalLive,
    Messages,
    Attempts,
    Repeats,
    SideOrders,
    Orders,
    OrderSlots,
    OwnPrice,
    SignalCost,
    DayCost,
    MonthCost,
    Fees,
    CostAge,
    SignalAge,
    Confidence,
    UnknownOrders,
    Unacked,
    Agreement,
}

/// How a check went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Status {
    /// Not asked: it needs what an earlier check did not find.
    NotReached,
    /// Not asked, for the order only reduces.
    Spared,
    /// Within its limit.
    Passed,
    /// Within it, but at 80 % or more.
    Warned,
    /// Beyond it.
    Failed,
    /// What it needs is missing or too old: that blocks too.
    Missing,
}

impl Status {
    /// How a number stands to the most that it may be: passed at the limit itself, warned from
    /// 80 % of it.
    #[must_use]
    pub fn at_most(value: i64, limit: i64) -> Self {
        if value > limit {
            Self::Failed
        } else if value > 0 && i128::from(value) * 100 >= i128::from(limit) * 80 {
            Self::Warned
        } else {
            Self::Passed
        }
    }

    /// How a correlation stands to its limit (R6): one of exactly 80 % of it does not warn yet.
    /// Both in millionths; `both` is 1 for positions that lean the same way, -1 for opposite
    /// ones.
    #[must_use]
    pub fn of_correlation(rho_ppm: i64, both: i64, limit_ppm: i64) -> Self {
        let value = rho_ppm.saturating_mul(both);
        let is_at_edge = i128::from(value) * 100 == i128::from(limit_ppm) * 80;
        match Self::at_most(value, limit_ppm) {
            Self::Warned if is_at_edge => Self::Passed,
            status => status,
        }
    }

    /// Whether it stops the order.
    #[must_use]
    pub const fn blocks(self) -> bool {
        matches!(self, Self::Failed | Self::Missing)
    }
}

/// One check's outcome. Numbers are in the unit of the bound's limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// What it is about.
    pub bound: Bound,
    /// How it went.
    pub status: Status,
    /// The number.
    pub value: i64,
    /// Its limit.
    pub limit: i64,
    /// How much further it could go and still pass; negative when it fails.
    pub headroom: i64,
}

impl Outcome {
    /// Not asked.
    pub const NOT_REACHED: Self = Self::unasked(Status::NotReached);
    /// Not asked of an exit.
    pub const SPARED: Self = Self::unasked(Status::Spared);

    const fn unasked(status: Status) -> Self {
        Self {
            bound: Bound::None,
            status,
            value: 0,
            limit: 0,
            headroom: 0,
        }
    }
}

/// Gathers a check's bounds and keeps the tightest: the first that fails, else the number with
/// the least headroom for its limit. Facts that hold have no headroom to tell of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tightest {
    outcome: Outcome,
    has_number: bool,
}

impl Tightest {
    pub(super) const fn new() -> Self {
        Self {
            outcome: Outcome::unasked(Status::Passed),
            has_number: false,
        }
    }

    /// Passes if `value` ≤ `limit`.
    #[must_use]
    pub(super) fn at_most(self, bound: Bound, value: i64, limit: i64) -> Self {
        let status = Status::at_most(value, limit);
        self.take(bound, value, limit, limit.saturating_sub(value), status)
    }

    /// Passes if the correlation is ≤ `limit`.
    #[must_use]
    pub(super) fn correlation(self, rho_ppm: i64, both: i64, limit: i64) -> Self {
        let value = rho_ppm.saturating_mul(both);
        let status = Status::of_correlation(rho_ppm, both, limit);
        let headroom = limit.saturating_sub(value);
        self.take(Bound::Correlation, value, limit, headroom, status)
    }

    /// Passes if `value` < `limit`.
    #[must_use]
    pub(super) fn below(self, bound: Bound, value: i64, limit: i64) -> Self {
        let headroom = limit.saturating_sub(value).saturating_sub(1);
        let status = if value == limit {
            Status::Failed
        } else {
            Status::at_most(value, limit)
        };
        self.take(bound, value, limit, headroom, status)
    }

    /// Passes if `value` ≥ `limit`.
    #[must_use]
    pub(super) fn at_least(self, bound: Bound, value: i64, limit: i64) -> Self {
        let status = if value < limit {
            Status::Failed
        } else {
            Status::Passed
        };
        self.take(bound, value, limit, value.saturating_sub(limit), status)
    }

    /// Passes if it is so.
    #[must_use]
    pub(super) fn fact(mut self, bound: Bound, holds: bool) -> Self {
        let is_first = self.outcome.bound == Bound::None;
        if !self.outcome.status.blocks() && (is_first || !holds) {
            self.outcome = Outcome {
                bound,
                status: if holds {
                    Status::Passed
                } else {
                    Status::Failed
                },
                value: i64::from(holds),
                limit: 1,
                headroom: i64::from(holds) - 1,
            };
        }
        self
    }

    /// Fails, for something that it needs is not there.
    #[must_use]
    pub(super) fn missing(mut self, bound: Bound) -> Self {
        if !self.outcome.status.blocks() {
            self.outcome = Outcome {
                bound,
                headroom: -1,
                ..Outcome::unasked(Status::Missing)
            };
        }
        self
    }

    /// Fails if the value is missing, else passes if it is ≤ `limit`.
    #[must_use]
    pub(super) fn known_at_most(self, bound: Bound, value: Option<i64>, limit: i64) -> Self {
        match value {
            Some(value) => self.at_most(bound, value, limit),
            None => self.missing(bound),
        }
    }

    pub(super) const fn done(self) -> Outcome {
        self.outcome
    }

    fn take(mut self, bound: Bound, value: i64, limit: i64, headroom: i64, status: Status) -> Self {
        if self.outcome.status.blocks() {
            return self;
        }
        let outcome = Outcome {
            bound,
            status,
            value,
            limit,
            headroom,
        };
        let is_first = !self.has_number;
        self.has_number = true;
        if is_first || status == Status::Failed || is_tighter(&outcome, &self.outcome) {
            self.outcome = outcome;
        }
        self
    }
}

/// Whether one leaves less of its limit than the other.
fn is_tighter(one: &Outcome, other: &Outcome) -> bool {
    let share = |of: &Outcome, by: &Outcome| {
        i128::from(of.headroom) * i128::from(by.limit.saturating_abs().max(1))
    };
    share(one, other) < share(other, one)
}

/// Every check's outcome for one intent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    outcomes: [Outcome; Refusal::COUNT],
    refusal: Option<Refusal>,
}

impl Verdict {
    pub(super) const fn new() -> Self {
        Self {
            outcomes: [Outcome::NOT_REACHED; Refusal::COUNT],
            refusal: None,
        }
    }

    pub(super) fn note(&mut self, check: Refusal, outcome: Outcome) {
        self.outcomes[check as usize] = outcome;
        if outcome.status.blocks() && self.refusal.is_none() {
            self.refusal = Some(check);
        }
    }

    /// The first check that failed; `None` if the order was made.
    #[must_use]
    pub const fn refusal(&self) -> Option<Refusal> {
        self.refusal
    }

    /// One check's outcome.
    #[must_use]
    pub const fn of(&self, check: Refusal) -> &Outcome {
        &self.outcomes[check as usize]
    }

    /// Every check with its outcome, in order.
    pub fn iter(&self) -> impl Iterator<Item = (Refusal, &Outcome)> {
        Refusal::ALL.into_iter().zip(&self.outcomes)
    }
}

impl fmt::Display for Verdict {
    /// One line a check: number, name, how it went, bound, value, limit, headroom.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (check, outcome) in self.iter() {
            let Outcome {
                bound,
                status,
                value,
                limit,
                headroom,
            } = outcome;
            write!(f, "{:>2} {:<19}{status:?}", check.number(), check.name())?;
            match status {
                Status::NotReached | Status::Spared => writeln!(f)?,
                Status::Missing => writeln!(f, " {bound:?}")?,
                _ => writeln!(f, " {bound:?}: {value} of {limit}, headroom {headroom}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checks_are_numbered_and_named_once() {
        for (at, check) in Refusal::ALL.into_iter().enumerate() {
            assert_eq!(usize::from(check.number()), at + 1);
        }
        let mut names = Refusal::ALL.map(Refusal::name);
        names.sort_unstable();
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]));
    }

    #[test]
    fn the_tightest_bound_is_told_and_the_first_failure_stays() {
        let outcome = Tightest::new()
            .at_most(Bound::Delta, 10, 100)
            .at_most(Bound::Gamma, 7, 10)
            .at_most(Bound::Vega, 500, 1_000)
            .done();
        assert_eq!((outcome.bound, outcome.headroom), (Bound::Gamma, 3));
        let outcome = Tightest::new()
            .at_most(Bound::Delta, 101, 100)
            .at_most(Bound::Gamma, 99, 10)
            .missing(Bound::Vega)
            .done();
        assert_eq!((outcome.bound, outcome.headroom), (Bound::Delta, -1));
        assert_eq!(outcome.status, Status::Failed);
        let outcome = Tightest::new()
            .missing(Bound::Vega)
            .at_most(Bound::Delta, 101, 100)
            .done();
        assert_eq!(
            (outcome.bound, outcome.status, outcome.headroom),
            (Bound::Vega, Status::Missing, -1)
        );
    }

    #[test]
    fn tightness_is_the_share_of_a_limit_that_is_left() {
        // 400 of 1 000 is less than 50 of 100.
        let outcome = Tightest::new()
            .at_most(Bound::Delta, 50, 100)
            .at_most(Bound::Gamma, 600, 1_000)
            .done();
        assert_eq!((outcome.bound, outcome.headroom), (Bound::Gamma, 400));
        // Of two alike the first is told.
        let outcome = Tightest::new()
            .at_most(Bound::Delta, 60, 100)
            .at_most(Bound::Gamma, 600, 1_000)
            .done();
        assert_eq!((outcome.bound, outcome.headroom), (Bound::Delta, 40));
    }

    #[test]
    fn a_verdict_tells_numbers_only_of_checks_that_had_some() {
        let mut verdict = Verdict::new();
        verdict.note(Refusal::Mode, Outcome::SPARED);
        let missing = Tightest::new().missing(Bound::Marks).done();
        verdict.note(Refusal::Halt, missing);
        let failed = Tightest::new().at_most(Bound::Delta, 7, 5).done();
        verdict.note(Refusal::Instrument, failed);
        let text = alloc::format!("{verdict}");
        let lines: alloc::vec::Vec<_> = text.lines().collect();
        assert!(lines[0].ends_with("Spared"), "{text}");
        assert!(lines[1].ends_with("Missing Marks"), "{text}");
        let told = "Failed Delta: 7 of 5, headroom -2";
        assert!(lines[2].ends_with(told), "{text}");
        assert!(lines[3].ends_with("NotReached"), "{text}");
    }

    #[test]
    fn r06_a_correlation_warns_above_80_percent_of_its_limit_and_fails_above_it() {
        for (rho, status) in [
            (559_999, Status::Passed),
            (560_000, Status::Passed),
            (560_001, Status::Warned),
            (700_000, Status::Warned),
            (700_001, Status::Failed),
            (-1_000_000, Status::Passed),
        ] {
            assert_eq!(Status::of_correlation(rho, 1, 700_000), status, "{rho}");
            assert_eq!(Status::of_correlation(-rho, -1, 700_000), status, "{rho}");
        }
    }

    #[test]
    fn a_fact_that_holds_hides_no_number() {
        let outcome = Tightest::new()
            .fact(Bound::Trust, true)
            .at_most(Bound::Delta, 10, 100)
            .fact(Bound::Crossed, true)
            .done();
        assert_eq!((outcome.bound, outcome.headroom), (Bound::Delta, 90));
        let outcome = Tightest::new()
            .at_most(Bound::Delta, 10, 100)
            .fact(Bound::Crossed, false)
            .fact(Bound::Trust, false)
            .done();
        assert_eq!((outcome.bound, outcome.headroom), (Bound::Crossed, -1));
    }

    #[test]
    fn borders_are_where_the_words_say() {
        let status = |tightest: Tightest| tightest.done().status;
        let new = Tightest::new;
        assert_eq!(
            status(new().at_most(Bound::Delta, 100, 100)),
            Status::Warned
        );
        assert_eq!(
            status(new().at_most(Bound::Delta, 101, 100)),
            Status::Failed
        );
        assert_eq!(status(new().at_most(Bound::Delta, 80, 100)), Status::Warned);
        assert_eq!(status(new().at_most(Bound::Delta, 79, 100)), Status::Passed);
        assert_eq!(status(new().at_most(Bound::Delta, 0, 0)), Status::Passed);
        assert_eq!(status(new().below(Bound::Delta, 99, 100)), Status::Warned);
        assert_eq!(status(new().below(Bound::Delta, 79, 100)), Status::Passed);
        assert_eq!(status(new().below(Bound::Delta, 100, 100)), Status::Failed);
        assert_eq!(
            status(new().at_least(Bound::Delta, 100, 100)),
            Status::Passed
        );
        assert_eq!(
            status(new().at_least(Bound::Delta, 99, 100)),
            Status::Failed
        );
        assert_eq!(status(new().fact(Bound::Delta, true)), Status::Passed);
        assert_eq!(status(new().fact(Bound::Delta, false)), Status::Failed);
        assert_eq!(
            status(new().known_at_most(Bound::Delta, None, 1)),
            Status::Missing
        );
        assert_eq!(
            status(new().known_at_most(Bound::Delta, Some(2), 1)),
            Status::Failed
        );
        assert_eq!(
            status(new().at_most(Bound::Delta, i64::MIN, i64::MAX)),
            Status::Passed
        );
        assert_eq!(
            status(new().at_most(Bound::Delta, i64::MAX, i64::MIN)),
            Status::Failed
        );
    }
}
