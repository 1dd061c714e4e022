//! What risk said to an intent: every check, with its number, its limit and its headroom.
//!
//! An order waits for the comparisons and for nothing else. They are written down as they are made;
//! which bound of a check is the tightest, and how much of it is left, is found when somebody asks.

use core::fmt;

use super::breakers::{Phase, Reading};
use super::context::age_ns;
use crate::types::Nanos;

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

impl Bound {
    const COUNT: usize = Self::Agreement as usize + 1;
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
    /// As [`Self::AtMost`]. What is kept is the time that the age counts from.
    Age,
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
    /// How much further it could go and still pass: below zero, it stops the order.
    headroom: i64,
}

impl Compared {
    /// Passes if `value` ≤ `limit`.
    pub(super) const fn at_most(bound: Bound, value: i64, limit: i64) -> Self {
        Self::of(bound, Kind::AtMost, value, limit)
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

    #[inline(always)]
    const fn of(bound: Bound, kind: Kind, value: i64, limit: i64) -> Self {
        let headroom = match kind {
            Kind::AtMost | Kind::Age | Kind::Correlation => limit.saturating_sub(value),
            Kind::Below => limit.saturating_sub(value).saturating_sub(1),
            Kind::AtLeast => value.saturating_sub(limit),
            Kind::Holds => 0,
            Kind::Fails | Kind::Missing => -1,
        };
        Self {
            bound,
            kind,
            value,
            limit,
            headroom,
        }
    }

    /// Whether it stops the order.
    #[inline(always)]
    const fn blocks(&self) -> bool {
        self.headroom < 0
    }

    #[inline(always)]
    const fn is_number(&self) -> bool {
        !matches!(self.kind, Kind::Holds | Kind::Fails | Kind::Missing)
    }

    fn status(&self) -> Status {
        match self.kind {
            Kind::Missing => Status::Missing,
            _ if self.blocks() => Status::Failed,
            Kind::AtMost | Kind::Age | Kind::Below => Status::at_most(self.value, self.limit),
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
            headroom: self.headroom,
        }
    }

    /// Whether it leaves less of its limit than the other.
    #[inline(always)]
    fn is_tighter(&self, other: &Self) -> bool {
        let share = |of: &Self, by: &Self| {
            i128::from(of.headroom) * i128::from(by.limit.saturating_abs().max(1))
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
    #[inline(always)]
    #[must_use]
    pub(super) fn and(self, next: Compared) -> Self {
        let Some(now) = &self.0 else {
            return Self(Some(next));
        };
        let is_tighter = match (now.is_number(), next.is_number()) {
            _ if now.blocks() => false,
            _ if next.blocks() => true,
            (true, true) => next.is_tighter(now),
            (now_is_number, next_is_number) => !now_is_number && next_is_number,
        };
        if is_tighter { Self(Some(next)) } else { self }
    }
}

/// What each check may tell, in its order. Each has a fixed place, so that a check has nothing to
/// write but its numbers. Of correlations the tightest alone is told, and has a place of its own.
/// What is missing has the place of its number, or one for that alone.
const ROWS: [(Refusal, Bound, Kind); 78] = {
    use Kind::{Age, AtLeast, AtMost, Below, Holds as Fact, Missing as Lack};
    use Refusal as Of;
    [
        (Of::Mode, Bound::Mode, Lack),
        (Of::Mode, Bound::Mode, Fact),
        (Of::Mode, Bound::Account, Fact),
        (Of::Halt, Bound::Gate, Fact),
        (Of::Instrument, Bound::Known, Fact),
        (Of::Instrument, Bound::Allowed, Fact),
        (Of::Instrument, Bound::Expiry, AtLeast),
        (Of::Session, Bound::SessionTime, Fact),
        (Of::Session, Bound::TradingStatus, Fact),
        (Of::Session, Bound::StrategyWindow, Fact),
        (Of::FeedTrust, Bound::Trust, Fact),
        (Of::FeedTrust, Bound::Crossed, Fact),
        (Of::DataAge, Bound::Age, AtMost),
        (Of::Price, Bound::Defined, Fact),
        (Of::Price, Bound::Sign, Fact),
        (Of::Price, Bound::Tick, Fact),
        (Of::Quantity, Bound::Positive, Fact),
        (Of::Quantity, Bound::OrderQuantity, AtMost),
        (Of::Collar, Bound::References, AtLeast),
        (Of::Collar, Bound::ReferencesApart, AtMost),
        (Of::Collar, Bound::Collar, AtMost),
        (Of::Notional, Bound::OrderNotional, AtMost),
        (Of::Position, Bound::PositionQuantity, AtMost),
        (Of::Position, Bound::Positions, AtMost),
        (Of::Position, Bound::UnderlyingPositions, AtMost),
        (Of::Position, Bound::OpenedPerDay, AtMost),
        (Of::Position, Bound::OpenedPerRun, AtMost),
        (Of::Position, Bound::Reducing, AtMost),
        (Of::Exposure, Bound::GrossNotional, AtMost),
        (Of::Exposure, Bound::UnderlyingNotional, AtMost),
        (Of::Exposure, Bound::Delta, AtMost),
        (Of::Exposure, Bound::Gamma, AtMost),
        (Of::Exposure, Bound::Vega, AtMost),
        (Of::Exposure, Bound::WorstLoss, AtMost),
        (Of::Exposure, Bound::PositionShare, AtMost),
        (Of::Exposure, Bound::UnderlyingShare, AtMost),
        (Of::Exposure, Bound::StrategyShare, AtMost),
        (Of::Exposure, Bound::Displayed, AtMost),
        (Of::Exposure, Bound::Volume, AtMost),
        (Of::DailyLoss, Bound::Marks, AtMost),
        (Of::DailyLoss, Bound::DailyLoss, Fact),
        (Of::DailyLoss, Bound::Loss, Below),
        (Of::Breakers, Bound::Drawdown, Fact),
        (Of::Breakers, Bound::Drawdown, Below),
        (Of::Breakers, Bound::LosingDays, Fact),
        (Of::Breakers, Bound::LosingDays, Below),
        (Of::Breakers, Bound::LosingTrades, Fact),
        (Of::Breakers, Bound::LosingTrades, Below),
        (Of::Breakers, Bound::Volatility, Fact),
        (Of::Breakers, Bound::Volatility, Below),
        (Of::Breakers, Bound::SystemErrors, Fact),
        (Of::Breakers, Bound::SystemErrors, Below),
        (Of::Margin, Bound::AccountAge, AtMost),
        (Of::Margin, Bound::MarginRate, Lack),
        (Of::Margin, Bound::Funds, AtMost),
        (Of::Margin, Bound::BuyingPower, AtMost),
        (Of::Correlation, Bound::ValueAtRiskAge, Age),
        (Of::Correlation, Bound::ValueAtRisk, AtMost),
        (Of::Duplicate, Bound::Window, Fact),
        (Of::Duplicate, Bound::SignalLive, Fact),
        (Of::MessageRate, Bound::Messages, Below),
        (Of::RepeatedExecution, Bound::Attempts, AtMost),
        (Of::RepeatedExecution, Bound::Repeats, Below),
        (Of::OpenOrders, Bound::SideOrders, Below),
        (Of::OpenOrders, Bound::Orders, Below),
        (Of::OpenOrders, Bound::OrderSlots, Fact),
        (Of::SelfMatch, Bound::OwnPrice, Fact),
        (Of::Budget, Bound::CostAge, Age),
        (Of::Budget, Bound::SignalCost, Fact),
        (Of::Budget, Bound::SignalCost, AtMost),
        (Of::Budget, Bound::DayCost, AtMost),
        (Of::Budget, Bound::MonthCost, AtMost),
        (Of::Budget, Bound::Fees, AtMost),
        (Of::Signal, Bound::SignalAge, AtMost),
        (Of::Signal, Bound::Confidence, AtLeast),
        (Of::Unknown, Bound::UnknownOrders, AtMost),
        (Of::Unknown, Bound::Unacked, Below),
        (Of::Unknown, Bound::Agreement, Fact),
    ]
};

/// The first row of each check, and the end of the last.
const FIRST_ROWS: [usize; Refusal::COUNT + 1] = {
    let mut first = [ROWS.len(); Refusal::COUNT + 1];
    let mut row = ROWS.len();
    while row > 0 {
        row -= 1;
        let check = ROWS[row].0 as usize;
        assert!(first[check + 1] != ROWS.len() || check + 1 == Refusal::COUNT);
        first[check] = row;
    }
    first
};

/// Where the rows of a bound are, and where its numbers are kept.
#[derive(Clone, Copy)]
struct Place {
    fact: u8,
    number: u8,
    lack: u8,
    kept: u8,
}

/// No row.
const NOWHERE: u8 = ROWS.len() as u8;

/// The places by bound.
const PLACES: [Place; Bound::COUNT] = {
    let mut places = [Place {
        fact: NOWHERE,
        number: NOWHERE,
        lack: NOWHERE,
        kept: NOWHERE,
    }; Bound::COUNT];
    let (mut row, mut kept) = (0, 0);
    while row < ROWS.len() {
        let (_, bound, kind) = ROWS[row];
        let place = &mut places[bound as usize];
        match kind {
            Kind::Holds => place.fact = row as u8,
            Kind::Missing => place.lack = row as u8,
            _ => {
                place.number = row as u8;
                place.lack = row as u8;
                place.kept = kept;
                kept += 1;
            }
        }
        row += 1;
    }
    places
};

/// The rows of numbers.
const NUMBERED: u128 = {
    let (mut row, mut numbered) = (0, 0);
    while row < ROWS.len() {
        numbered |= (!matches!(ROWS[row].2, Kind::Holds | Kind::Missing) as u128) << row;
        row += 1;
    }
    numbered
};

/// Where the numbers of a row are kept, by the halves of a set of rows.
const KEPT: [[u8; 64]; 2] = {
    let (mut row, mut kept) = (0, [[0; 64]; 2]);
    while row < ROWS.len() {
        kept[row / 64][row % 64] = PLACES[ROWS[row].1 as usize].kept % NUMBERS as u8;
        row += 1;
    }
    kept
};

/// The halves of a set of rows.
const fn halves(rows: u128) -> [u64; 2] {
    [rows as u64, (rows >> 64) as u64]
}

/// How many bounds have numbers.
const NUMBERS: usize = NUMBERED.count_ones() as usize;

/// Which rows were told, and what of them stops the order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Told {
    /// A bit for each row.
    rows: u128,
    /// Of those the facts that do not hold, and what is missing.
    fails: u128,
    /// Whether a number is beyond its limit.
    is_beyond: bool,
}

impl Told {
    pub(super) const NOTHING: Self = Self {
        rows: 0,
        fails: 0,
        is_beyond: false,
    };

    const fn stops(&self) -> bool {
        self.is_beyond || self.fails != 0
    }
}

/// Which of each check's rows are facts.
const FACTS: [u32; Refusal::COUNT] = {
    let (mut row, mut facts) = (0, [0; Refusal::COUNT]);
    while row < ROWS.len() {
        let (check, _, kind) = ROWS[row];
        let bit = 1 << (row - FIRST_ROWS[check as usize]);
        facts[check as usize] |= bit * matches!(kind, Kind::Holds) as u32;
        row += 1;
    }
    facts
};

/// Those of a check's rows, from its first on.
const fn of(rows: u128, check: Refusal) -> u32 {
    let (first, end) = (FIRST_ROWS[check as usize], FIRST_ROWS[check as usize + 1]);
    (rows >> first) as u32 & ((1 << (end - first)) - 1)
}

/// Every check's outcome for one intent.
#[derive(Clone, Copy)]
pub struct Verdict {
    /// Value and limit of each bound that has them. A limit stands until another is set, and what
    /// was not told of this intent is of an earlier one.
    numbers: [[i64; 2]; NUMBERS],
    told: Told,
    /// The tightest of what a new position is like and how old that is.
    closest: Tightest,
    /// From which ages count.
    now: Nanos,
    is_exit: bool,
}

/// The checks speak. What they say of facts is kept apart from the verdict until they are done.
pub(super) struct Telling<'a> {
    verdict: &'a mut Verdict,
    told: Told,
}

impl Telling<'_> {
    /// Sets a bound's limit; it stands for later intents too.
    #[inline(always)]
    pub(super) const fn limit(&mut self, bound: Bound, limit: i64) -> &mut Self {
        self.verdict.numbers[PLACES[bound as usize].kept as usize][1] = limit;
        self
    }

    /// Passes if `value` ≤ the limit.
    #[inline(always)]
    pub(super) fn at_most(&mut self, bound: Bound, value: i64) {
        let limit = self.number(bound, Kind::AtMost, value);
        self.told.is_beyond |= value > limit;
    }

    /// Passes if `value` < the limit.
    #[inline(always)]
    pub(super) fn below(&mut self, bound: Bound, value: i64) {
        let limit = self.number(bound, Kind::Below, value);
        self.told.is_beyond |= value >= limit;
    }

    /// Passes if `value` ≥ the limit.
    #[inline(always)]
    pub(super) fn at_least(&mut self, bound: Bound, value: i64) {
        let limit = self.number(bound, Kind::AtLeast, value);
        self.told.is_beyond |= value < limit;
    }

    /// Passes if what was told at `as_of` is at most as old as the limit.
    #[inline(always)]
    pub(super) fn age(&mut self, bound: Bound, as_of: Nanos) {
        let limit = self.number(bound, Kind::Age, as_of.0.cast_signed());
        self.told.is_beyond |= age_ns(self.verdict.now, as_of) > limit;
    }

    /// Fails if the value is missing, else passes if it is ≤ the limit.
    #[inline(always)]
    pub(super) fn known_at_most(&mut self, bound: Bound, value: Option<i64>) {
        match value {
            Some(value) => self.at_most(bound, value),
            None => self.missing(bound),
        }
    }

    /// Passes if it is so.
    #[inline(always)]
    pub(super) fn fact(&mut self, bound: Bound, holds: bool) {
        let row = PLACES[bound as usize].fact;
        self.told.rows |= 1 << row;
        self.told.fails |= u128::from(!holds) << row;
    }

    /// Fails, for something that it needs is not there.
    #[inline(always)]
    pub(super) const fn missing(&mut self, bound: Bound) {
        let row = 1 << PLACES[bound as usize].lack;
        self.told.rows |= row;
        self.told.fails |= row;
    }

    /// Passes if a breaker lets through, and its number is known and below its limit.
    pub(super) fn breaker(&mut self, bound: Bound, phase: Phase, reading: Option<Reading>) {
        self.fact(bound, !phase.blocks());
        match reading {
            Some(reading) => self.limit(bound, reading.limit).below(bound, reading.value),
            None => self.missing(bound),
        }
    }

    /// Tells of all that a new position is like the tightest.
    #[inline(always)]
    pub(super) fn closest(&mut self, tightest: Tightest) {
        self.verdict.closest = tightest;
        self.told.is_beyond |= tightest.0.is_some_and(|it| it.blocks());
    }

    /// Says again what was said before and still holds; its numbers are in their places.
    #[inline(always)]
    pub(super) const fn again(&mut self, told: &Told) {
        self.told.rows |= told.rows;
        self.told.fails |= told.fails;
        self.told.is_beyond |= told.is_beyond;
    }

    /// The order only reduces.
    #[inline(always)]
    pub(super) const fn spare(&mut self) {
        self.verdict.is_exit = true;
    }

    /// All that was told.
    #[inline(always)]
    pub(super) const fn told(&self) -> Told {
        self.told
    }

    /// The checks have spoken.
    #[inline(always)]
    pub(super) const fn done(self) {
        self.verdict.told = self.told;
    }

    /// Writes a value to its place, and gives the limit that stands beside it.
    #[inline(always)]
    fn number(&mut self, bound: Bound, kind: Kind, value: i64) -> i64 {
        let place = PLACES[bound as usize];
        debug_assert_eq!(ROWS[place.number as usize].2, kind, "{bound:?}");
        self.told.rows |= 1 << place.number;
        let number = &mut self.verdict.numbers[place.kept as usize];
        number[0] = value;
        number[1]
    }
}

impl Verdict {
    pub(super) const fn new() -> Self {
        Self {
            numbers: [[0; 2]; NUMBERS],
            told: Told::NOTHING,
            closest: Tightest(None),
            now: Nanos(0),
            is_exit: false,
        }
    }

    /// The next intent: no check has been reached.
    #[inline(always)]
    pub(super) const fn begin(&mut self, now: Nanos) -> Telling<'_> {
        self.closest = Tightest(None);
        self.now = now;
        self.is_exit = false;
        Telling {
            verdict: self,
            told: Told::NOTHING,
        }
    }

    /// The first check that failed; `None` if the order was made.
    #[must_use]
    pub fn refusal(&self) -> Option<Refusal> {
        if self.told.stops() {
            self.first_that_stops()
        } else {
            None
        }
    }

    #[cold]
    fn first_that_stops(&self) -> Option<Refusal> {
        let mut checks = Refusal::ALL.into_iter();
        checks.find(|check| self.tightest(*check).is_some_and(|it| it.blocks()))
    }

    /// One check's outcome.
    #[must_use]
    pub fn of(&self, check: Refusal) -> Outcome {
        match self.tightest(check) {
            Some(compared) => compared.outcome(),
            None if self.is_exit && check.spares_exits() => Outcome::SPARED,
            None => Outcome::NOT_REACHED,
        }
    }

    #[inline(always)]
    fn tightest(&self, check: Refusal) -> Option<Compared> {
        let (rows, fails) = (of(self.told.rows, check), of(self.told.fails, check));
        let mut tightest = match check {
            Refusal::Correlation => self.closest.0,
            _ => None,
        };
        // A fact that holds is told only where there is nothing else to tell.
        let mut left = rows & (fails | !FACTS[check as usize]);
        if left == 0 && tightest.is_none() {
            left = rows & rows.wrapping_neg();
        }
        while left != 0 {
            let row = left.trailing_zeros();
            left &= left - 1;
            let next = self.compared(FIRST_ROWS[check as usize] + row as usize, fails >> row);
            match &tightest {
                Some(now) if now.blocks() => break,
                Some(now) if now.is_number() && !next.is_tighter(now) => {}
                _ => tightest = Some(next),
            }
        }
        tightest
    }

    /// A row that was told. It fails by itself if `fails` is odd.
    #[inline(always)]
    fn compared(&self, row: usize, fails: u32) -> Compared {
        let (_, bound, kind) = ROWS[row];
        match kind {
            Kind::Holds => return Compared::fact(bound, fails & 1 == 0),
            _ if fails & 1 != 0 => return Compared::missing(bound),
            _ => {}
        }
        let [value, limit] = self.numbers[usize::from(PLACES[bound as usize].kept)];
        let value = match kind {
            Kind::Age => age_ns(self.now, Nanos(value.cast_unsigned())),
            _ => value,
        };
        Compared::of(bound, kind, value, limit)
    }

    /// Everything that was said, word by word, for a receipt: what was told, what of it fails, and
    /// every number beside its limit. The outcomes are derived from it, which costs far more.
    #[inline]
    pub fn each_word(&self, mut each: impl FnMut(u64)) {
        let Told { rows, fails, .. } = self.told;
        for half in halves(rows).into_iter().chain(halves(fails)) {
            each(half);
        }
        each(self.now.0);
        each(u64::from(self.is_exit));
        if let Some(closest) = &self.closest.0 {
            each(closest.kind as u64);
            each(closest.value.cast_unsigned());
            each(closest.limit.cast_unsigned());
        }
        let halves = halves(rows & !fails & NUMBERED);
        for (mut left, kept) in halves.into_iter().zip(KEPT) {
            while left != 0 {
                let [value, limit] =
                    self.numbers[usize::from(kept[left.trailing_zeros() as usize])];
                left &= left - 1;
                each(value.cast_unsigned());
                each(limit.cast_unsigned());
            }
        }
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
    use alloc::collections::BTreeSet;
    use alloc::vec::Vec;

    fn told(all: &[Compared]) -> Outcome {
        let all = all.iter().copied();
        let tightest = all.fold(Tightest::default(), Tightest::and);
        tightest.0.unwrap().outcome()
    }

    fn words(verdict: &Verdict) -> Vec<u64> {
        let mut words = Vec::new();
        verdict.each_word(|word| words.push(word));
        words
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

    fn ask(verdict: &mut Verdict, tell: impl FnOnce(&mut Telling<'_>)) {
        let mut telling = verdict.begin(Nanos(100));
        tell(&mut telling);
        telling.done();
    }

    #[test]
    fn every_bound_has_one_place_and_every_check_has_its_rows() {
        for (row, (check, bound, kind)) in ROWS.into_iter().enumerate() {
            let place = PLACES[bound as usize];
            let its = match kind {
                Kind::Holds => place.fact,
                Kind::Missing => place.lack,
                _ => place.number,
            };
            assert_eq!(usize::from(its), row, "{check:?} {bound:?}");
            let rows = FIRST_ROWS[check as usize]..FIRST_ROWS[check as usize + 1];
            assert!(rows.contains(&row), "{check:?} {bound:?}");
        }
        assert!(ROWS.is_sorted_by_key(|(check, ..)| *check));
    }

    #[test]
    fn a_verdict_tells_numbers_only_of_checks_that_had_some() {
        let mut verdict = Verdict::new();
        ask(&mut verdict, |tell| {
            tell.spare();
            tell.missing(Bound::Mode);
            tell.limit(Bound::Reducing, 5).at_most(Bound::Reducing, 7);
        });
        assert_eq!(verdict.refusal(), Some(Refusal::Mode));
        let text = alloc::format!("{verdict}");
        let lines: alloc::vec::Vec<_> = text.lines().collect();
        assert!(lines[0].ends_with("Missing Mode"), "{text}");
        assert!(lines[1].ends_with("NotReached"), "{text}");
        assert!(lines[9].ends_with("Spared"), "{text}");
        let told = "Failed Reducing: 7 of 5, headroom -2";
        assert!(lines[10].ends_with(told), "{text}");
    }

    #[test]
    fn a_check_fails_by_its_fact_and_by_its_number_alike() {
        for (is_sound, quantity, bound) in [
            (false, 9, Bound::Positive),
            (true, 11, Bound::OrderQuantity),
        ] {
            let mut verdict = Verdict::new();
            ask(&mut verdict, |tell| {
                tell.fact(Bound::Positive, is_sound);
                tell.limit(Bound::OrderQuantity, 10);
                tell.at_most(Bound::OrderQuantity, quantity);
            });
            assert_eq!(verdict.refusal(), Some(Refusal::Quantity));
            let outcome = verdict.of(Refusal::Quantity);
            assert_eq!((outcome.bound, outcome.status), (bound, Status::Failed));
        }
    }

    #[test]
    fn an_age_counts_from_the_intent_that_asks() {
        let mut verdict = Verdict::new();
        for (as_of, age, status) in [
            (0, 100, Status::Failed),
            (10, 90, Status::Warned),
            (80, 20, Status::Passed),
            (200, 0, Status::Passed),
        ] {
            ask(&mut verdict, |tell| {
                tell.limit(Bound::CostAge, 90)
                    .age(Bound::CostAge, Nanos(as_of));
            });
            let outcome = verdict.of(Refusal::Budget);
            assert_eq!((outcome.value, outcome.status), (age, status));
            assert_eq!(verdict.refusal().is_some(), status.blocks());
        }
    }

    #[test]
    fn what_is_said_again_is_told_with_its_numbers() {
        let mut verdict = Verdict::new();
        let mut telling = verdict.begin(Nanos(100));
        telling.limit(Bound::Fees, 5).at_most(Bound::Fees, 6);
        let told = telling.told();
        assert_eq!(verdict.refusal(), None, "it was not said to the end");
        ask(&mut verdict, |tell| tell.again(&told));
        assert_eq!(verdict.refusal(), Some(Refusal::Budget));
        let outcome = verdict.of(Refusal::Budget);
        assert_eq!((outcome.value, outcome.limit), (6, 5));
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
    fn a_fact_that_is_asked_after_a_number_hides_it_only_when_it_fails() {
        for (has_slot, bound) in [(true, Bound::Orders), (false, Bound::OrderSlots)] {
            let mut verdict = Verdict::new();
            ask(&mut verdict, |tell| {
                tell.limit(Bound::Orders, 9).below(Bound::Orders, 3);
                tell.fact(Bound::OrderSlots, has_slot);
            });
            assert_eq!(verdict.of(Refusal::OpenOrders).bound, bound);
        }
    }

    #[test]
    fn of_a_checks_numbers_the_tightest_is_told_wherever_it_stands() {
        for (values, bound) in [
            ([70, 10, 10], Bound::Delta),
            ([10, 70, 10], Bound::Gamma),
            ([10, 60, 70], Bound::Vega),
            ([60, 60, 60], Bound::Delta),
        ] {
            let mut verdict = Verdict::new();
            ask(&mut verdict, |tell| {
                let bounds = [Bound::Delta, Bound::Gamma, Bound::Vega];
                for (bound, value) in bounds.into_iter().zip(values) {
                    tell.limit(bound, 100).at_most(bound, value);
                }
            });
            assert_eq!(verdict.of(Refusal::Exposure).bound, bound, "{values:?}");
        }
    }

    #[test]
    fn verdicts_are_equal_when_every_outcome_is_and_show_them_all() {
        let of = |value| {
            let mut verdict = Verdict::new();
            ask(&mut verdict, |tell| {
                tell.limit(Bound::Orders, 9).below(Bound::Orders, value);
            });
            verdict
        };
        assert_eq!(of(3), of(3));
        assert_ne!(of(3), of(4));
        let text = alloc::format!("{:?}", of(3));
        for check in Refusal::ALL {
            assert!(text.contains(&alloc::format!("{check:?}: ")), "{text}");
        }
    }

    #[test]
    fn of_facts_that_hold_the_first_is_told() {
        let facts = [Bound::Trust, Bound::Crossed].map(|bound| Compared::fact(bound, true));
        assert_eq!(told(&facts).bound, Bound::Trust);
    }

    #[test]
    fn a_fact_is_told_as_one_of_one_or_as_none_of_one() {
        for (holds, value) in [(true, 1), (false, 0)] {
            let outcome = told(&[Compared::fact(Bound::Trust, holds)]);
            assert_eq!((outcome.value, outcome.limit), (value, 1));
        }
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
        let of = |bound, tell: &dyn Fn(&mut Telling<'_>)| {
            let mut verdict = Verdict::new();
            ask(&mut verdict, |telling| {
                telling.limit(bound, 100);
                tell(telling);
            });
            let rows = ROWS.into_iter();
            let check = rows.clone().find(|(_, its, _)| *its == bound).unwrap().0;
            assert_eq!(
                verdict.refusal().is_some(),
                verdict.of(check).status.blocks()
            );
            verdict.of(check).status
        };
        let below = |value| of(Bound::Loss, &|tell| tell.below(Bound::Loss, value));
        assert_eq!(below(99), Status::Warned);
        assert_eq!(below(79), Status::Passed);
        assert_eq!(below(100), Status::Failed);
        assert_eq!(below(101), Status::Failed);
        let at_least = |value| {
            of(Bound::Confidence, &|tell| {
                tell.at_least(Bound::Confidence, value)
            })
        };
        assert_eq!(at_least(100), Status::Passed);
        assert_eq!(at_least(99), Status::Failed);
        let fact = |holds| told(&[Compared::fact(Bound::Delta, holds)]).status;
        assert_eq!(fact(true), Status::Passed);
        assert_eq!(fact(false), Status::Failed);
        let known = |value| of(Bound::Age, &|tell| tell.known_at_most(Bound::Age, value));
        assert_eq!(known(None), Status::Missing);
        assert_eq!(known(Some(101)), Status::Failed);
        assert_eq!(known(Some(0)), Status::Passed);
    }

    #[test]
    fn what_an_earlier_intent_left_behind_is_not_told() {
        let mut verdict = Verdict::new();
        ask(&mut verdict, |tell| {
            tell.limit(Bound::Positions, 9).at_most(Bound::Positions, 1);
            tell.limit(Bound::OpenedPerDay, 8)
                .at_most(Bound::OpenedPerDay, 9);
            tell.closest(Tightest::default().and(Compared::missing(Bound::Correlation)));
            tell.spare();
        });
        assert_eq!(verdict.refusal(), Some(Refusal::Position));
        assert_eq!(verdict.of(Refusal::Exposure), Outcome::SPARED);
        ask(&mut verdict, |tell| tell.at_most(Bound::Positions, 1));
        assert_eq!(verdict.refusal(), None);
        assert_eq!(verdict.of(Refusal::Position).bound, Bound::Positions);
        assert_eq!(verdict.of(Refusal::Exposure), Outcome::NOT_REACHED);
        assert_eq!(verdict.of(Refusal::Correlation), Outcome::NOT_REACHED);
        let mut other = Verdict::new();
        ask(&mut other, |tell| {
            tell.limit(Bound::Positions, 9).at_most(Bound::Positions, 1);
        });
        assert_eq!(verdict, other);
        assert_eq!(words(&verdict), words(&other));
    }

    #[test]
    fn whatever_is_said_otherwise_gives_other_words() {
        let mut said = BTreeSet::new();
        let mut say = |now, ask: &dyn Fn(&mut Telling<'_>)| {
            let mut verdict = Verdict::new();
            let mut telling = verdict.begin(Nanos(now));
            ask(&mut telling);
            telling.done();
            assert!(said.insert(words(&verdict)));
        };
        say(9, &|_| {});
        say(8, &|_| {});
        say(9, &|tell| tell.spare());
        for value in [1, 2] {
            for limit in [3, 4] {
                say(9, &|tell| {
                    tell.limit(Bound::Positions, limit)
                        .at_most(Bound::Positions, value);
                });
                let like = Compared::correlation(value, 1, limit);
                say(9, &|tell| tell.closest(Tightest::default().and(like)));
            }
        }
        say(9, &|tell| tell.missing(Bound::Positions));
        for holds in [false, true] {
            say(9, &|tell| tell.fact(Bound::Gate, holds));
            say(9, &|tell| tell.fact(Bound::Agreement, holds));
        }
        let unknown = Compared::missing(Bound::Correlation);
        say(9, &|tell| tell.closest(Tightest::default().and(unknown)));
    }
}
