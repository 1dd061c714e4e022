//! What risk said to an intent: every check, with its number, its limit and its headroom.
//!
//! An order waits for the comparisons and for nothing else. They are written down as they are made;
//! which bound of a check is the tightest, and how much of it is left, is found when somebody asks.

use core::fmt;

use super::breakers::{Phase, Reading};

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

/// How a number stands to its limit, or that there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Kind {
    /// Passes up to the limit.
    AtMost,
    /// Passes short of it.
    Below,
    /// Passes from it on.
    AtLeast,
    /// As [`Self::AtMost`], but warns later.
    Correlation,
    /// It is so. Facts have no numbers.
    Holds,
    /// It is not so, and should be.
    Fails,
    /// What is needed is not there.
    Missing,
}

/// One bound as it was compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Compared {
    bound: Bound,
    kind: Kind,
    value: i64,
    limit: i64,
}

impl Compared {
    /// Passes if `value` ≤ `limit`.
    pub(super) const fn at_most(bound: Bound, value: i64, limit: i64) -> Self {
        Self::of(bound, Kind::AtMost, value, limit)
    }

    /// Passes if `value` < `limit`.
    const fn below(bound: Bound, value: i64, limit: i64) -> Self {
        Self::of(bound, Kind::Below, value, limit)
    }

    /// Passes if `value` ≥ `limit`.
    const fn at_least(bound: Bound, value: i64, limit: i64) -> Self {
        Self::of(bound, Kind::AtLeast, value, limit)
    }

    /// Passes if the correlation is ≤ `limit`; see [`Status::of_correlation`].
    pub(super) const fn correlation(rho_ppm: i64, both: i64, limit: i64) -> Self {
        let value = rho_ppm.saturating_mul(both);
        Self::of(Bound::Correlation, Kind::Correlation, value, limit)
    }

    /// Passes if it is so.
    pub(super) const fn fact(bound: Bound, holds: bool) -> Self {
        let kind = if holds { Kind::Holds } else { Kind::Fails };
        Self::of(bound, kind, 0, 0)
    }

    /// Fails, for something that it needs is not there.
    pub(super) const fn missing(bound: Bound) -> Self {
        Self::of(bound, Kind::Missing, 0, 0)
    }

    const fn of(bound: Bound, kind: Kind, value: i64, limit: i64) -> Self {
        Self {
            bound,
            kind,
            value,
            limit,
        }
    }

    /// Whether it stops the order.
    #[inline(always)]
    const fn blocks(&self) -> bool {
        match self.kind {
            Kind::AtMost | Kind::Correlation => self.value > self.limit,
            Kind::Below => self.value >= self.limit,
            Kind::AtLeast => self.value < self.limit,
            Kind::Holds => false,
            Kind::Fails | Kind::Missing => true,
        }
    }

    #[inline(always)]
    const fn is_number(&self) -> bool {
        !matches!(self.kind, Kind::Holds | Kind::Fails | Kind::Missing)
    }

    /// How much further it could go and still pass.
    const fn headroom(&self) -> i64 {
        let Self { value, limit, .. } = *self;
        match self.kind {
            Kind::AtMost | Kind::Correlation => limit.saturating_sub(value),
            Kind::Below => limit.saturating_sub(value).saturating_sub(1),
            Kind::AtLeast => value.saturating_sub(limit),
            Kind::Holds => 0,
            Kind::Fails | Kind::Missing => -1,
        }
    }

    fn status(&self) -> Status {
        match self.kind {
            Kind::Missing => Status::Missing,
            _ if self.blocks() => Status::Failed,
            Kind::AtMost | Kind::Below => Status::at_most(self.value, self.limit),
            Kind::Correlation => Status::of_correlation(self.value, 1, self.limit),
            Kind::AtLeast | Kind::Holds | Kind::Fails => Status::Passed,
        }
    }

    fn outcome(&self) -> Outcome {
        let (value, limit) = match self.kind {
            Kind::Holds => (1, 1),
            Kind::Fails => (0, 1),
            _ => (self.value, self.limit),
        };
        Outcome {
            bound: self.bound,
            status: self.status(),
            value,
            limit,
            headroom: self.headroom(),
        }
    }

    /// Whether it leaves less of its limit than the other.
    fn is_tighter(&self, other: &Self) -> bool {
        let share = |of: &Self, by: &Self| {
            i128::from(of.headroom()) * i128::from(by.limit.saturating_abs().max(1))
        };
        share(self, other) < share(other, self)
    }
}

/// The tightest of a check's bounds: the first that fails, else the number with the least headroom
/// for its limit. Facts that hold have no headroom to tell of.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tightest(Option<Compared>);

impl Tightest {
    /// Weighs another.
    #[must_use]
    pub(super) fn and(self, next: Compared) -> Self {
        let Some(now) = &self.0 else {
            return Self(Some(next));
        };
        let is_tighter = match (now.is_number(), next.is_number()) {
            _ if now.blocks() => false,
            _ if next.blocks() => true,
            (true, true) => next.is_tighter(now),
            (false, is_number) => is_number,
            (true, false) => false,
        };
        if is_tighter { Self(Some(next)) } else { self }
    }
}

/// How many bounds each check compares at most. Of correlations the tightest alone is told.
const WIDTHS: [usize; Refusal::COUNT] = [
    2, 1, 2, 3, 2, 1, 3, 2, 3, 1, 5, 11, 3, 10, 3, 3, 2, 1, 2, 3, 1, 6, 2, 3,
];

/// Where each check's bounds are written, and the end of the last.
const PLACES: [usize; Refusal::COUNT + 1] = {
    let mut places = [0; Refusal::COUNT + 1];
    let mut check = 0;
    while check < Refusal::COUNT {
        places[check + 1] = places[check] + WIDTHS[check];
        check += 1;
    }
    places
};

const ROOM: usize = PLACES[Refusal::COUNT];

/// Stands for the count of a check that an exit was spared.
const SPARED: u8 = u8::MAX;

/// Every check's outcome for one intent.
#[derive(Clone, Copy)]
pub struct Verdict {
    /// Value and limit of each bound. What stands beyond a check's count is of an earlier intent.
    numbers: [[i64; 2]; ROOM],
    names: [(Bound, Kind); ROOM],
    /// How many bounds each check compared; 0 of those not reached.
    counts: [u8; Refusal::COUNT],
    /// 1 of the checks that stop the order.
    blocks: [u8; Refusal::COUNT],
}

/// A check that is speaking: its bounds go to their places one after the other.
pub(super) struct Telling<'a> {
    verdict: &'a mut Verdict,
    check: Refusal,
    at: usize,
    blocks: bool,
}

impl Telling<'_> {
    /// Passes if `value` ≤ `limit`.
    #[inline(always)]
    #[must_use]
    pub(super) fn at_most(self, bound: Bound, value: i64, limit: i64) -> Self {
        self.tell(Compared::at_most(bound, value, limit))
    }

    /// Passes if `value` < `limit`.
    #[inline(always)]
    #[must_use]
    pub(super) fn below(self, bound: Bound, value: i64, limit: i64) -> Self {
        self.tell(Compared::below(bound, value, limit))
    }

    /// Passes if `value` ≥ `limit`.
    #[inline(always)]
    #[must_use]
    pub(super) fn at_least(self, bound: Bound, value: i64, limit: i64) -> Self {
        self.tell(Compared::at_least(bound, value, limit))
    }

    /// Passes if it is so.
    #[inline(always)]
    #[must_use]
    pub(super) fn fact(self, bound: Bound, holds: bool) -> Self {
        self.tell(Compared::fact(bound, holds))
    }

    /// Fails, for something that it needs is not there.
    #[inline(always)]
    #[must_use]
    pub(super) fn missing(self, bound: Bound) -> Self {
        self.tell(Compared::missing(bound))
    }

    /// Fails if the value is missing, else passes if it is ≤ `limit`.
    #[inline(always)]
    #[must_use]
    pub(super) fn known_at_most(self, bound: Bound, value: Option<i64>, limit: i64) -> Self {
        match value {
            Some(value) => self.at_most(bound, value, limit),
            None => self.missing(bound),
        }
    }

    /// Passes if a breaker lets through, and its number is known and below its limit.
    #[inline(always)]
    #[must_use]
    pub(super) fn breaker(self, bound: Bound, phase: Phase, reading: Option<Reading>) -> Self {
        let told = self.fact(bound, !phase.blocks());
        match reading {
            Some(reading) => told.below(bound, reading.value, reading.limit),
            None => told.missing(bound),
        }
    }

    /// Tells of many bounds the tightest.
    #[inline(always)]
    #[must_use]
    pub(super) fn tightest(self, of: Tightest) -> Self {
        match of.0 {
            Some(compared) => self.tell(compared),
            None => self,
        }
    }

    /// The check has spoken.
    #[inline(always)]
    pub(super) fn done(self) {
        let check = self.check as usize;
        let count = self.at - PLACES[check];
        debug_assert!(0 < count && count <= WIDTHS[check], "{:?}", self.check);
        self.verdict.counts[check] = count as u8;
        self.verdict.blocks[check] = u8::from(self.blocks);
    }

    #[inline(always)]
    fn tell(mut self, compared: Compared) -> Self {
        // `WIDTHS` has a place for each; without one it would still count.
        if self.at < ROOM {
            self.verdict.names[self.at] = (compared.bound, compared.kind);
            if compared.is_number() {
                self.verdict.numbers[self.at] = [compared.value, compared.limit];
            }
        }
        self.at += 1;
        self.blocks |= compared.blocks();
        self
    }
}

impl Verdict {
    pub(super) const fn new() -> Self {
        Self {
            numbers: [[0; 2]; ROOM],
            names: [(Bound::None, Kind::Missing); ROOM],
            counts: [0; Refusal::COUNT],
            blocks: [0; Refusal::COUNT],
        }
    }

    /// The next intent: no check has been reached.
    pub(super) const fn begin(&mut self) {
        self.counts = [0; Refusal::COUNT];
        self.blocks = [0; Refusal::COUNT];
    }

    /// A check speaks.
    #[inline(always)]
    pub(super) const fn on(&mut self, check: Refusal) -> Telling<'_> {
        Telling {
            verdict: self,
            check,
            at: PLACES[check as usize],
            blocks: false,
        }
    }

    /// An exit is spared a check.
    #[inline(always)]
    pub(super) const fn spare(&mut self, check: Refusal) {
        self.counts[check as usize] = SPARED;
    }

    /// The first check that failed; `None` if the order was made.
    #[must_use]
    pub fn refusal(&self) -> Option<Refusal> {
        // Eight at a time: most often none stops the order.
        let (eights, rest) = self.blocks.as_chunks::<8>();
        let stops = |eight: &[u8; 8]| u64::from_le_bytes(*eight) != 0;
        if !eights.iter().any(stops) && rest.is_empty() {
            return None;
        }
        let first = self.blocks.iter().position(|blocks| *blocks != 0)?;
        Some(Refusal::ALL[first])
    }

    /// One check's outcome.
    #[must_use]
    pub fn of(&self, check: Refusal) -> Outcome {
        let count = match self.counts[check as usize] {
            0 => return Outcome::NOT_REACHED,
            SPARED => return Outcome::SPARED,
            count => usize::from(count).min(WIDTHS[check as usize]),
        };
        let place = PLACES[check as usize];
        let numbers = &self.numbers[place..place + count];
        let names = &self.names[place..place + count];
        let all = numbers.iter().zip(names);
        let all =
            all.map(|([value, limit], (bound, kind))| Compared::of(*bound, *kind, *value, *limit));
        let tightest = all.fold(Tightest::default(), Tightest::and);
        tightest.0.map_or(Outcome::NOT_REACHED, |it| it.outcome())
    }

    /// Every check with its outcome, in order.
    pub fn iter(&self) -> impl Iterator<Item = (Refusal, Outcome)> {
        Refusal::ALL
            .into_iter()
            .map(|check| (check, self.of(check)))
    }
}

impl PartialEq for Verdict {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Verdict {}

impl fmt::Debug for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
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

    fn told(all: &[Compared]) -> Outcome {
        let all = all.iter().copied();
        let tightest = all.fold(Tightest::default(), Tightest::and);
        tightest.0.unwrap().outcome()
    }

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
        let outcome = told(&[
            Compared::at_most(Bound::Delta, 10, 100),
            Compared::at_most(Bound::Gamma, 7, 10),
            Compared::at_most(Bound::Vega, 500, 1_000),
        ]);
        assert_eq!((outcome.bound, outcome.headroom), (Bound::Gamma, 3));
        let outcome = told(&[
            Compared::at_most(Bound::Delta, 101, 100),
            Compared::at_most(Bound::Gamma, 99, 10),
            Compared::missing(Bound::Vega),
        ]);
        assert_eq!((outcome.bound, outcome.headroom), (Bound::Delta, -1));
        assert_eq!(outcome.status, Status::Failed);
        let outcome = told(&[
            Compared::missing(Bound::Vega),
            Compared::at_most(Bound::Delta, 101, 100),
        ]);
        assert_eq!(
            (outcome.bound, outcome.status, outcome.headroom),
            (Bound::Vega, Status::Missing, -1)
        );
    }

    #[test]
    fn tightness_is_the_share_of_a_limit_that_is_left() {
        // 400 of 1 000 is less than 50 of 100.
        let outcome = told(&[
            Compared::at_most(Bound::Delta, 50, 100),
            Compared::at_most(Bound::Gamma, 600, 1_000),
        ]);
        assert_eq!((outcome.bound, outcome.headroom), (Bound::Gamma, 400));
        // Of two alike the first is told.
        let outcome = told(&[
            Compared::at_most(Bound::Delta, 60, 100),
            Compared::at_most(Bound::Gamma, 600, 1_000),
        ]);
        assert_eq!((outcome.bound, outcome.headroom), (Bound::Delta, 40));
    }

    #[test]
    fn a_verdict_tells_numbers_only_of_checks_that_had_some() {
        let mut verdict = Verdict::new();
        verdict.spare(Refusal::Mode);
        verdict.on(Refusal::Halt).missing(Bound::Marks).done();
        let failing = verdict.on(Refusal::Instrument);
        failing.at_most(Bound::Delta, 7, 5).done();
        assert_eq!(verdict.refusal(), Some(Refusal::Halt));
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
        let outcome = told(&[
            Compared::fact(Bound::Trust, true),
            Compared::at_most(Bound::Delta, 10, 100),
            Compared::fact(Bound::Crossed, true),
        ]);
        assert_eq!((outcome.bound, outcome.headroom), (Bound::Delta, 90));
        let outcome = told(&[
            Compared::at_most(Bound::Delta, 10, 100),
            Compared::fact(Bound::Crossed, false),
            Compared::fact(Bound::Trust, false),
        ]);
        assert_eq!((outcome.bound, outcome.headroom), (Bound::Crossed, -1));
    }

    #[test]
    fn borders_are_where_the_words_say() {
        let at_most = |value, limit| told(&[Compared::at_most(Bound::Delta, value, limit)]).status;
        assert_eq!(at_most(100, 100), Status::Warned);
        assert_eq!(at_most(101, 100), Status::Failed);
        assert_eq!(at_most(80, 100), Status::Warned);
        assert_eq!(at_most(79, 100), Status::Passed);
        assert_eq!(at_most(0, 0), Status::Passed);
        assert_eq!(at_most(i64::MIN, i64::MAX), Status::Passed);
        assert_eq!(at_most(i64::MAX, i64::MIN), Status::Failed);
        let below = |value, limit| told(&[Compared::below(Bound::Delta, value, limit)]).status;
        assert_eq!(below(99, 100), Status::Warned);
        assert_eq!(below(79, 100), Status::Passed);
        assert_eq!(below(100, 100), Status::Failed);
        assert_eq!(below(101, 100), Status::Failed);
        let at_least = |value| told(&[Compared::at_least(Bound::Delta, value, 100)]).status;
        assert_eq!(at_least(100), Status::Passed);
        assert_eq!(at_least(99), Status::Failed);
        let fact = |holds| told(&[Compared::fact(Bound::Delta, holds)]).status;
        assert_eq!(fact(true), Status::Passed);
        assert_eq!(fact(false), Status::Failed);
        let known = |value| {
            let mut verdict = Verdict::new();
            let mode = verdict.on(Refusal::Mode);
            mode.known_at_most(Bound::Delta, value, 1).done();
            verdict.of(Refusal::Mode).status
        };
        assert_eq!(known(None), Status::Missing);
        assert_eq!(known(Some(2)), Status::Failed);
        assert_eq!(known(Some(0)), Status::Passed);
    }

    #[test]
    fn what_an_earlier_intent_left_behind_is_not_told() {
        let mut verdict = Verdict::new();
        let beyond = verdict.on(Refusal::Position);
        let beyond = beyond.at_most(Bound::Positions, 1, 9);
        beyond.at_most(Bound::OpenedPerDay, 9, 8).done();
        verdict.spare(Refusal::Exposure);
        assert_eq!(verdict.refusal(), Some(Refusal::Position));
        verdict.begin();
        let within = verdict.on(Refusal::Position);
        within.at_most(Bound::Positions, 1, 9).done();
        assert_eq!(verdict.refusal(), None);
        assert_eq!(verdict.of(Refusal::Position).bound, Bound::Positions);
        assert_eq!(verdict.of(Refusal::Exposure), Outcome::NOT_REACHED);
        let mut other = Verdict::new();
        let within = other.on(Refusal::Position);
        within.at_most(Bound::Positions, 1, 9).done();
        assert_eq!(verdict, other);
    }

    #[test]
    fn a_refusal_is_told_even_of_a_bound_that_has_no_place() {
        let mut verdict = Verdict::new();
        let mut telling = verdict.on(Refusal::Unknown);
        for _ in 0..ROOM {
            telling = telling.at_most(Bound::Unacked, 0, 0);
        }
        let telling = telling.at_most(Bound::Unacked, 1, 0);
        assert!(telling.blocks);
    }
}
