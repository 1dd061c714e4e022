//! Risk: an [`Intent`] becomes an [`Order`], or is refused for the first of 24 reasons.
//!
//! An order has no other birthplace: its constructor is private here, and a gateway takes only
//! orders. Every intent is counted as passed or under the one check that refused it. Working
//! orders count as filled against us, those nobody answered for too. A missing input blocks.
//!
//! Exits pass what guards entries; cancels pass everything but the account match and the rate.
//! All time is handed in; all money is integer; nothing allocates after construction.
//!
//! Absent on purpose: measures that take floats (value at risk, correlation, Greeks, Kelly). They
//! come as [`Context`], each with its age.

mod breakers;
mod checks;
mod context;
mod digest;
mod halt;
mod ledger;
mod limits;
mod portfolio;
mod rate;
mod size;
#[cfg(test)]
mod tests;
mod verdict;

pub use breakers::{Breaker, BreakerKind, Phase, Reading};
pub use context::{Account, AccountId, Context, Costs, Greeks, Mode, News, Span, ValueAtRisk};
pub use digest::LedgerDigest;
pub use halt::{Gate, Halt, HaltCause, Kept, Reason};
pub use ledger::{Line, RegisterError, Track, View, Working};
pub use limits::{Capacity, CapacityError, Field, LimitChange, LimitError, Limits, Tighter, Unit};
pub use size::{DrawdownRung, Horizon, LossRung, Sizing, notional_size};
pub use verdict::{Bound, Outcome, Refusal, Status, Verdict};

use alloc::boxed::Box;
use alloc::vec;

use crate::contract::Contract;
use crate::event::{BookUpdate, Status as TradingStatus};
use crate::money::Money;
use crate::order::{
    ClientOrderId, ExecReport, Execution, ExecutionId, Intent, Life, Note, OrderState, ReportKind,
    StrategyId, Turn,
};
use crate::position::{Agreement, BrokerView, Position, Recorded};
use crate::types::{BookKey, Nanos, Price, Side};
use checks::{Found, Standing};
use context::{Correlation, Known, age_ns};
use digest::Digest;
use ledger::{Ledger, NONE, side_index};
use portfolio::Rules;
use rate::{Burst, Rate};

/// Messages to the venue are counted within any second.
const SECOND_NS: i64 = 1_000_000_000;

/// A checked order. Risk alone makes them; whoever holds one may send it, once.
///
/// ```compile_fail
/// use undertow_core::{order::{ClientOrderId, Intent}, risk::Order, types::Nanos};
/// fn forge(intent: Intent) -> Order {
///     Order { id: ClientOrderId(1), ts: Nanos(1), intent }
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    id: ClientOrderId,
    ts: Nanos,
    intent: Intent,
}

impl Order {
    /// Our id of it, fixed before the first send: a repeated send repeats the id.
    #[must_use]
    pub const fn id(&self) -> ClientOrderId {
        self.id
    }

    /// When it was made, in event time.
    #[must_use]
    pub const fn ts(&self) -> Nanos {
        self.ts
    }

    /// What it is for.
    #[must_use]
    pub const fn intent(&self) -> &Intent {
        &self.intent
    }
}

/// A checked wish to cancel. Risk alone makes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cancel {
    id: ClientOrderId,
    contract: BookKey,
}

impl Cancel {
    /// Which order.
    #[must_use]
    pub const fn id(&self) -> ClientOrderId {
        self.id
    }

    /// Of which contract.
    #[must_use]
    pub const fn contract(&self) -> BookKey {
        self.contract
    }
}

/// What a gateway takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Send an order.
    Place(Order),
    /// Cancel one.
    Cancel(Cancel),
}

/// Why a cancel is not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum CancelRefusal {
    /// There is no such live order.
    NotLive,
    /// One is on its way already.
    AlreadySent,
    /// Mode or account is not the configured one.
    Mode,
    /// Too many messages; try again within a second.
    MessageRate,
}

/// Which orders a sweep of cancels is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Which {
    /// Every live order.
    All,
    /// Those that open.
    Entries,
}

/// What risk has met. `considered` is `passed` plus all of `refused`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct RiskCounters {
    /// Intents seen.
    pub considered: u64,
    /// Orders made.
    pub passed: u64,
    /// Intents refused, by the check that did.
    pub refused: [u64; Refusal::COUNT],
    /// Cancels made.
    pub cancels: u64,
    /// Reports taken in.
    pub reports: u64,
    /// Reports told before, or overtaken.
    pub stale: u64,
    /// Executions after their order had ended.
    pub late: u64,
    /// Executions beyond their order, and counts that cannot be: the contract is in doubt.
    pub contradictions: u64,
    /// Executions of orders that are not ours, counted into the position.
    pub external: u64,
    /// Reports of contracts that are not known.
    pub foreign: u64,
}

impl RiskCounters {
    /// Whether every intent is accounted for.
    #[must_use]
    pub fn is_conserved(&self) -> bool {
        self.considered == self.passed + self.refused.iter().sum::<u64>()
    }
}

/// What a report changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reported {
    /// What kind of news it was.
    pub note: Note,
    /// The execution, if it counts; a correction's new figures.
    pub execution: Option<Execution>,
    /// What is held of the contract now.
    pub held: i64,
    /// At which average; undefined when flat.
    pub average: Price,
}

/// What risk is built from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setup {
    /// What orders may reach.
    pub mode: Mode,
    /// In whose account.
    pub account: AccountId,
    /// The limits.
    pub limits: Limits,
    /// The room.
    pub capacity: Capacity,
}

/// Why risk is not built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetupError {
    /// A limit is unsound.
    Limit(LimitError),
    /// A capacity is.
    Capacity(CapacityError),
}

/// Readings in a row that a high or a loss needs before it is believed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Steady {
    seen: i64,
    least: Money,
}

impl Steady {
    /// Takes a reading beyond the mark; the least of them once there were enough in a row.
    fn beyond(&mut self, value: Money, needed: i64) -> Option<Money> {
        self.least = if self.seen == 0 {
            value
        } else {
            self.least.min(value)
        };
        self.seen += 1;
        (self.seen >= needed).then(|| {
            self.seen = 0;
            self.least
        })
    }

    fn within(&mut self) {
        self.seen = 0;
    }
}

/// The risk engine: checks, breakers, orders and positions of one account.
#[derive(Debug)]
pub struct Risk {
    mode: Mode,
    account: AccountId,
    limits: Limits,
    kept: Kept,
    known: Known,
    ledger: Ledger,
    now: Nanos,
    /// Apart from the rest, so that the checks write it while they read the rest; away only then.
    verdict: Option<Box<Verdict>>,
    /// What is said of intents that are only rehearsed.
    rehearsed: Option<Box<Verdict>>,
    counters: RiskCounters,
    messages: Rate,
    errors: Rate,
    attempts: Box<[Burst]>,
    /// Sums of the ledger when the day, or this run, began.
    base: ledger::Sums,
    standing: Standing,
    /// The sums as they were weighed last, if weighing them again changes nothing.
    weighed: Option<ledger::Sums>,
    opened_seen: u64,
    high: Steady,
    loss: Steady,
    fall: Steady,
}

impl Risk {
    /// Lays everything out. `kept` is what the last run left, or [`Kept::first`].
    ///
    /// # Errors
    ///
    /// When a limit or a capacity is unsound; names it.
    pub fn new(setup: &Setup, kept: &Kept) -> Result<Self, SetupError> {
        setup.limits.check().map_err(SetupError::Limit)?;
        setup.capacity.check().map_err(SetupError::Capacity)?;
        let capacity = &setup.capacity;
        let room = |count: i64| usize::try_from(count).unwrap_or(0).min(1 << 16);
        let mut ledger = Ledger::new(capacity, kept.next_id, rules(&setup.limits));
        ledger.sums.losing_trades = i64::from(kept.losing_trades);
        Ok(Self {
            mode: setup.mode,
            account: setup.account,
            limits: setup.limits,
            kept: *kept,
            known: Known::new(capacity.strategies_max, capacity.underlyings_max),
            ledger,
            now: Nanos(0),
            verdict: Some(Box::new(Verdict::new())),
            rehearsed: Some(Box::new(Verdict::new())),
            counters: RiskCounters::default(),
            messages: Rate::new(room(setup.limits.messages_per_second_max)),
            errors: Rate::new(room(setup.limits.errors_max)),
            attempts: vec![Burst::default(); capacity.strategies_max as usize].into_boxed_slice(),
            base: ledger::Sums::NONE,
            standing: Standing::NONE,
            weighed: None,
            opened_seen: 0,
            high: Steady::default(),
            loss: Steady::default(),
            fall: Steady::default(),
        })
    }

    /// Takes a contract on. Only contracts taken on can be traded.
    ///
    /// # Errors
    ///
    /// When its terms are unsound, there is no room, or its key is still in use.
    pub fn register(&mut self, contract: &Contract) -> Result<(), RegisterError> {
        self.ledger.register(contract)
    }

    /// Forbids a contract: nothing is sent for it any more. False if it is not known.
    pub fn forbid(&mut self, contract: BookKey) -> bool {
        let line = self.ledger.find(contract);
        line.is_some_and(|at| {
            self.ledger.line_mut(at).is_allowed = false;
            true
        })
    }

    /// Takes in what a book says. Costs one look-up for contracts that are not traded.
    #[inline]
    pub fn observe(&mut self, update: &BookUpdate) {
        self.advance(update.mbo.ts_event);
        if self.ledger.observe(update) {
            self.weigh();
        }
    }

    /// Takes in whether the venue trades an instrument.
    pub fn on_status(&mut self, status: &TradingStatus) {
        if let Some(at) = self.ledger.find(status.key) {
            self.ledger.line_mut(at).view.is_trading = status.is_trading;
        }
    }

    /// Turns an intent into an order, or refuses it; [`Self::verdict`] tells all about it.
    ///
    /// # Errors
    ///
    /// The first check that failed.
    pub fn consider(&mut self, intent: &Intent, now: Nanos) -> Result<Order, Refusal> {
        self.advance(now);
        self.counters.considered += 1;
        let now = self.now;
        let attempts = self.note_attempt(intent.strategy);
        let found = Found {
            line_idx: self.ledger.find(intent.contract),
            id: self.ledger.free_id(),
            messages: self.messages.forget(now, SECOND_NS),
            attempts,
        };
        self.prepare(intent, &found);
        let (refusal, loss_each) = self.judge(intent, &found);
        // Whoever asks this often has run away, whatever the checks say of this one.
        if attempts > Some(self.limits.attempts_max) {
            self.halt(Gate::ReduceOnly, HaltCause::RunAway);
        }
        match refusal {
            Some(refusal) => {
                self.counters.refused[refusal as usize] += 1;
                Err(refusal)
            }
            None => {
                let at = found
                    .line_idx
                    .expect("an intent that passed has a contract");
                let id = found.id.expect("an intent that passed has a slot");
                Ok(self.bear(intent, at, id, loss_each))
            }
        }
    }

    /// How far an intent that closes may go from the prices that are known (check 9): who wants to
    /// be rid of a position at any price goes no farther. None if no price is known, or no such
    /// contract.
    #[must_use]
    pub fn farthest_exit(&self, intent: &Intent, now: Nanos) -> Option<Price> {
        let line = self.line(intent.contract)?;
        checks::farthest_exit(self, line, intent, self.now.max(now))
    }

    /// Makes the sums those that an intent which opens is asked about.
    #[inline(always)]
    fn prepare(&mut self, intent: &Intent, found: &Found) {
        if let Some(at) = found.line_idx
            && intent.purpose.opens()
        {
            self.ledger.prepare(at, self.now);
        }
    }

    /// Asks every check. Says also what one contract can lose, if it opens.
    fn judge(&mut self, intent: &Intent, found: &Found) -> (Option<Refusal>, Option<Money>) {
        let mut verdict = self.verdict.take().expect("a verdict is in its place");
        if !self.standing.holds(&self.ledger.sums, self.now) {
            self.standing = Standing::of(self, &mut verdict);
        }
        let loss_each = checks::run(self, intent, found, &mut verdict);
        #[cfg(test)]
        self.assert_stands(intent, found, &verdict);
        let refusal = verdict.refusal();
        self.verdict = Some(verdict);
        (refusal, loss_each)
    }

    /// Goes over the last order's intent as if it came again, so that the checks and what they
    /// look at are near when the next one comes. Nothing is counted, and the verdict stands.
    pub fn rehearse(&mut self) {
        let Some(intent) = self.ledger.last_intent() else {
            return;
        };
        let found = Found {
            line_idx: self.ledger.find(intent.contract),
            id: self.ledger.free_id(),
            messages: 0,
            attempts: Some(1),
        };
        self.prepare(&intent, &found);
        let mut verdict = self.rehearsed.take().expect("a verdict is in its place");
        checks::run(self, &intent, &found, &mut verdict);
        self.rehearsed = Some(verdict);
        self.ledger.call_for_next();
        crate::prefetch::whole(self.verdict());
    }

    /// Asks everything anew, with nothing kept from the last intent.
    #[cfg(test)]
    fn assert_stands(&mut self, intent: &Intent, found: &Found, verdict: &Verdict) {
        let mut anew = Verdict::new();
        let standing = self.standing;
        self.standing = Standing::of(self, &mut anew);
        checks::run(self, intent, found, &mut anew);
        assert_eq!(*verdict, anew, "what stands from the last intent");
        self.standing = standing;
    }

    /// Something has changed on which more depends than the next intent: what was said of it is
    /// said anew.
    fn unsettle(&mut self) {
        self.standing = Standing::NONE;
        self.weighed = None;
    }

    /// The last intent's verdict, check by check.
    ///
    /// # Panics
    /// Never: it is away only while the checks write it.
    #[must_use]
    pub fn verdict(&self) -> &Verdict {
        self.verdict.as_deref().expect("a verdict is in its place")
    }

    /// Makes the order of an intent that has passed, and reserves for it.
    fn bear(&mut self, intent: &Intent, at: u32, id: u64, loss_each: Option<Money>) -> Order {
        let order = Order {
            id: ClientOrderId(id),
            ts: self.now,
            intent: *intent,
        };
        let (now, window) = (self.now, self.limits.repeats_window_ns);
        let line = self.ledger.line_mut(at);
        line.repeats[side_index(intent.side)].note(now, window);
        line.open(intent, loss_each);
        let life = Life::new(intent.quantity);
        self.ledger.insert(at, order, life, now);
        self.messages.note(now);
        self.counters.passed += 1;
        order
    }

    /// Makes a cancel. Of the checks it is asked 1 and, with the reserve, 18.
    ///
    /// # Errors
    ///
    /// When there is nothing to cancel, or the venue may not be asked now.
    pub fn cancel(&mut self, id: ClientOrderId, now: Nanos) -> Result<Cancel, CancelRefusal> {
        self.advance(now);
        let slot = self.ledger.slot(id).ok_or(CancelRefusal::NotLive)?;
        if self.messages_in_last_second() >= self.limits.messages_per_second_max {
            return Err(CancelRefusal::MessageRate);
        }
        self.cancel_slot(slot)
    }

    fn cancel_slot(&mut self, slot: u32) -> Result<Cancel, CancelRefusal> {
        let track = self.ledger.track(slot);
        let (id, contract) = (track.order.id, track.order.intent.contract);
        if track.life.state().is_final() {
            return Err(CancelRefusal::NotLive);
        }
        if track.life.is_cancel_sent() {
            return Err(CancelRefusal::AlreadySent);
        }
        if !checks::is_mode_right(self) {
            return Err(CancelRefusal::Mode);
        }
        self.ledger.turn(slot, Turn::CancelSent, self.now);
        self.messages.note(self.now);
        self.counters.cancels += 1;
        Ok(Cancel { id, contract })
    }

    /// Cancels without waiting, and whatever the message rate: the gateway paces them, or keeps
    /// them until the line is back. Returns how many.
    pub fn cancel_all(&mut self, which: Which, now: Nanos, out: &mut impl FnMut(Cancel)) -> u32 {
        self.advance(now);
        self.each_open(|risk, slot| {
            let track = risk.ledger.track(slot);
            let opens = track.order.intent.purpose.opens();
            if track.life.state().is_final()
                || track.life.is_cancel_sent()
                || (which == Which::Entries && !opens)
            {
                return false;
            }
            let (id, contract) = (track.order.id, track.order.intent.contract);
            risk.ledger.turn(slot, Turn::CancelSent, risk.now);
            risk.messages.note(risk.now);
            risk.counters.cancels += 1;
            out(Cancel { id, contract });
            true
        })
    }

    /// The kill switch: shuts the gate first, then cancels every live order. Twice is as once.
    pub fn kill(&mut self, cause: HaltCause, now: Nanos, out: &mut impl FnMut(Cancel)) -> u32 {
        self.advance(now);
        self.halt(Gate::Shut, cause);
        self.cancel_all(Which::All, now, out)
    }

    /// Halts: shuts the gate as far as asked, never opens it.
    pub fn halt(&mut self, gate: Gate, cause: HaltCause) {
        self.kept.halt.shut(gate, cause, self.now);
    }

    /// After a kill: lets out what reduces positions, so that they can be closed. Nothing that
    /// opens passes before [`Self::resume`].
    pub fn allow_closing(&mut self) {
        if self.kept.halt.gate == Gate::Shut {
            self.kept.halt.gate = Gate::ReduceOnly;
        }
    }

    /// Opens the gate again. Breakers are not touched.
    pub fn resume(&mut self, reason: Reason) {
        self.kept.halt.resume(reason);
    }

    /// The operator takes on what tripped a breaker. After a drawdown the highest equity is from
    /// here on today's; a streak begins anew; a daily loss still waits for the next day.
    pub fn clear(&mut self, kind: BreakerKind, _reason: Reason) {
        match kind {
            BreakerKind::Drawdown => {
                if let Some(equity) = self.equity() {
                    self.kept.high_water = equity;
                }
            }
            BreakerKind::LosingDays => self.kept.losing_days = 0,
            BreakerKind::LosingTrades => self.ledger.sums.losing_trades = 0,
            BreakerKind::SystemErrors => self.errors.clear(),
            // One of today holds until the next day, whatever the market does.
            BreakerKind::DailyLoss | BreakerKind::Volatility => {}
        }
        self.kept.breakers[kind as usize].clear();
        self.unsettle();
        self.step(kind);
    }

    /// Takes tighter limits; looser ones take a restart.
    ///
    /// # Errors
    ///
    /// Changes nothing and names the first limit that would be looser, or is unsound.
    pub fn tighten(&mut self, limits: &Limits) -> Result<(), LimitError> {
        self.limits.tighten(limits)?;
        self.ledger.rules = rules(&self.limits);
        self.ledger.count_all(self.now);
        self.unsettle();
        self.step_all();
        Ok(())
    }

    /// Takes in what a slow source says.
    pub fn on_context(&mut self, context: &Context, now: Nanos) {
        self.advance(now);
        self.unsettle();
        match *context {
            Context::Venue(venue) => self.known.venue = venue,
            Context::Session(span) => self.known.session = span,
            Context::Window(strategy, span) => {
                if let Some(window) = self.known.windows.get_mut(usize::from(strategy.0)) {
                    *window = span;
                }
            }
            Context::Account(account) => self.known.account = Some(account),
            Context::Margin(key, each, as_of) => {
                self.with_line(key, |line| line.margin = Some((each, as_of)));
                self.touch(key);
            }
            Context::Greeks(key, greeks) => {
                self.with_line(key, |line| line.greeks = Some(greeks));
                self.touch(key);
            }
            Context::Volume(key, volume) => self.with_line(key, |line| line.volume = Some(volume)),
            Context::Reference(key, price, as_of) => {
                self.with_line(key, |line| line.reference = Some((price, as_of)));
            }
            Context::Correlation(one, other, ppm, as_of) => {
                let one = self.ledger.underlying_of(one);
                let other = self.ledger.underlying_of(other);
                if let (Some(one), Some(other)) = (one, other) {
                    let correlation = Correlation { ppm, as_of };
                    self.known.correlate(one, other, correlation);
                }
            }
            Context::ValueAtRisk(at_risk) => self.known.value_at_risk = Some(at_risk),
            Context::Volatility(size, as_of) => {
                self.known.volatility = Some((size, as_of));
                self.step(BreakerKind::Volatility);
            }
            Context::Costs(costs) => self.known.costs = Some(costs),
            // Who computes something of these tells that.
            Context::Earned(..) | Context::News(_) => {}
        }
    }

    fn touch(&mut self, key: BookKey) {
        if let Some(at) = self.ledger.find(key) {
            self.ledger.touch(at);
        }
    }

    fn with_line(&mut self, key: BookKey, change: impl FnOnce(&mut Line)) {
        if let Some(at) = self.ledger.find(key) {
            change(self.ledger.line_mut(at));
        }
    }

    /// Takes in what the venue says of an order or an execution. `None` if its contract is not
    /// known, which is counted.
    pub fn on_report(&mut self, report: &ExecReport, now: Nanos) -> Option<Reported> {
        self.advance(now);
        self.counters.reports += 1;
        let Some(at) = self.ledger.find(report.contract) else {
            self.counters.foreign += 1;
            return None;
        };
        let slot = self.ledger.slot(report.id);
        let slot = slot.filter(|slot| self.ledger.track(*slot).line == at);
        let (note, execution) = match report.kind {
            ReportKind::Executed(execution) => self.execute(at, slot, report.id, &execution),
            ReportKind::Fee(id, fee) => {
                let joins = self.ledger.executions.join_fee(id, fee).is_some();
                if joins {
                    self.ledger.change(at, |position| position.join_fee(fee));
                }
                (if joins { Note::Fine } else { Note::Stale }, None)
            }
            kind => (self.take_turn(slot, kind), None),
        };
        match note {
            Note::Fine => {}
            Note::Stale => self.counters.stale += 1,
            Note::Late => self.counters.late += 1,
            Note::Overfill | Note::Disagrees => {
                self.counters.contradictions += 1;
                self.ledger.line_mut(at).agreement = Agreement::Unknown;
            }
        }
        self.weigh();
        self.keep();
        let position = &self.ledger.line(at).position;
        Some(Reported {
            note,
            execution,
            held: position.quantity(),
            average: position.average(),
        })
    }

    /// An execution counts once, in whatever state its order is, and also without one.
    fn execute(
        &mut self,
        at: u32,
        slot: Option<u32>,
        id: ClientOrderId,
        execution: &Execution,
    ) -> (Note, Option<Execution>) {
        let before = match self.ledger.executions.record(id, execution) {
            Recorded::Duplicate => return (Note::Stale, None),
            Recorded::New => None,
            Recorded::Corrects(before) => Some(before),
        };
        self.ledger.change(at, |position| {
            if let Some(before) = &before {
                position.revert(before);
            }
            position.apply(execution);
        });
        let Some(slot) = slot else {
            self.counters.external += 1;
            return (Note::Fine, Some(*execution));
        };
        if let Some(before) = before {
            self.ledger
                .turn(slot, Turn::Unfilled(before.quantity), self.now);
        }
        let side = self.ledger.track(slot).order.intent.side;
        let mut note = self
            .ledger
            .turn(slot, Turn::Filled(execution.quantity), self.now);
        if side != execution.side {
            note = Note::Disagrees;
        }
        (note, Some(*execution))
    }

    fn take_turn(&mut self, slot: Option<u32>, kind: ReportKind) -> Note {
        let Some(slot) = slot else {
            return Note::Stale;
        };
        let turn = match kind {
            ReportKind::Sent => Turn::Sent,
            ReportKind::Acked(venue_id) => {
                self.ledger.name(slot, venue_id);
                Turn::Acked
            }
            ReportKind::Working => Turn::Working,
            ReportKind::Cancelled { filled } => Turn::Cancelled(filled),
            ReportKind::Expired { filled } => Turn::Expired(filled),
            ReportKind::Absent { filled } => Turn::Absent(filled),
            ReportKind::Rejected(_) => Turn::Rejected,
            ReportKind::CancelRejected => Turn::CancelRejected,
            ReportKind::NoAnswer => Turn::NoAnswer,
            ReportKind::Executed(_) | ReportKind::Fee(..) => return Note::Stale,
        };
        let note = self.ledger.turn(slot, turn, self.now);
        // A venue that keeps refusing us tells of an error of ours.
        if matches!(kind, ReportKind::Rejected(_)) && note != Note::Stale {
            self.on_error(self.now);
        }
        note
    }

    /// Notes a grave error of our own, for its breaker.
    pub fn on_error(&mut self, now: Nanos) {
        self.advance(now);
        self.errors.note(self.now);
        self.unsettle();
        self.step(BreakerKind::SystemErrors);
    }

    /// Lets time pass: orders without an answer become unknown, entries that were good for a
    /// time are cancelled, breakers cool. Returns how many cancels it made.
    pub fn on_time(&mut self, now: Nanos, out: &mut impl FnMut(Cancel)) -> u32 {
        self.advance(now);
        self.step_all();
        self.weigh();
        self.keep();
        self.each_open(|risk, slot| {
            let track = risk.ledger.track(slot);
            let (order, life) = (&track.order, &track.life);
            let waits = life.state().is_unacked() || life.is_cancel_sent();
            let silent = age_ns(risk.now, track.touched) >= risk.limits.answer_ns_max;
            let good_for = order.intent.good_for_ns;
            let is_over = good_for > 0 && risk.now.0.saturating_sub(order.ts.0) >= good_for;
            if waits && silent && !life.state().is_final() {
                if life.state() != OrderState::Unknown {
                    risk.ledger.turn(slot, Turn::NoAnswer, risk.now);
                }
                return false;
            }
            let room = risk.messages_in_last_second() < risk.limits.messages_per_second_max;
            if !is_over || !room {
                return false;
            }
            match risk.cancel_slot(slot) {
                Ok(cancel) => {
                    out(cancel);
                    true
                }
                Err(_) => false,
            }
        })
    }

    /// Nothing is known of any live order: the line is down.
    pub fn on_disconnect(&mut self, now: Nanos) {
        self.advance(now);
        self.known.venue = None;
        self.each_open(|risk, slot| {
            risk.ledger.turn(slot, Turn::NoAnswer, risk.now);
            false
        });
        for line in self.ledger.lines_mut() {
            line.agreement = Agreement::Unknown;
        }
    }

    /// Visits every open order, also while turns unlink some. Counts those for which `visit` is
    /// true.
    fn each_open(&mut self, mut visit: impl FnMut(&mut Self, u32) -> bool) -> u32 {
        let mut count = 0;
        let mut place = 0;
        while let Some(at) = self.ledger.active().get(place).copied() {
            let mut slot = self.ledger.line(at).head;
            while slot != NONE {
                let next = self.ledger.track(slot).next;
                count += u32::from(visit(self, slot));
                slot = next;
            }
            place += 1;
        }
        count
    }

    /// Compares a contract's position with the broker's. Orders pass only while they agree.
    pub fn reconcile(&mut self, contract: BookKey, broker: BrokerView) -> Option<Agreement> {
        let at = self.ledger.find(contract)?;
        let line = self.ledger.line_mut(at);
        line.agreement = Agreement::of(line.position.quantity(), broker);
        Some(line.agreement)
    }

    /// The operator takes the broker's word: the position becomes what the broker holds, the
    /// difference at the mark. False unless there is a mismatch, and a mark to value it.
    pub fn adopt(&mut self, contract: BookKey, _reason: Reason) -> bool {
        let Some(at) = self.ledger.find(contract) else {
            return false;
        };
        let line = self.ledger.line(at);
        let (Agreement::Mismatch { ours, theirs }, mark) = (line.agreement, line.view.mark) else {
            return false;
        };
        let Ok(quantity) = u32::try_from((theirs - ours).unsigned_abs()) else {
            return false;
        };
        if !mark.is_defined() || line.position.quantity() != ours {
            return false;
        }
        let side = if theirs > ours { Side::Bid } else { Side::Ask };
        let found = Execution {
            id: ExecutionId::default(),
            side,
            quantity,
            price: mark,
            fee: Some(Money::ZERO),
        };
        self.ledger.change(at, |position| position.apply(&found));
        self.ledger.line_mut(at).agreement = Agreement::Agreed;
        self.keep();
        true
    }

    /// Settles a contract at expiry. `delivers` is the contract that takes its place, at the
    /// settlement price, where one is delivered. Returns what was held; `None` when a contract
    /// is not known.
    pub fn settle(
        &mut self,
        contract: BookKey,
        price: Price,
        delivers: Option<(BookKey, Price)>,
    ) -> Option<i64> {
        let at = self.ledger.find(contract)?;
        let delivered = match delivers {
            Some((key, price)) => Some((self.ledger.find(key)?, price)),
            None => None,
        };
        let direction = self.ledger.line(at).contract.kind.direction();
        let held = self.ledger.change(at, |position| position.settle(price));
        if let Some((to, price)) = delivered
            && held != 0
        {
            let quantity = held * direction;
            let side = if quantity > 0 { Side::Bid } else { Side::Ask };
            let delivery = Execution {
                id: ExecutionId::default(),
                side,
                quantity: u32::try_from(quantity.unsigned_abs()).unwrap_or(u32::MAX),
                price,
                fee: Some(Money::ZERO),
            };
            self.ledger.change(to, |position| position.apply(&delivery));
        }
        self.weigh();
        self.keep();
        Some(held)
    }

    /// Ends the day and begins the next: a losing day is counted once, here. `moved` is what was
    /// paid in, or out if negative; it changes equity and its highest alike. False, and nothing
    /// is changed, while a position has no mark or when the day is not a later one.
    pub fn new_day(&mut self, day: u32, moved: Money, now: Nanos) -> bool {
        self.advance(now);
        let Some(earned) = self.earned_today() else {
            return false;
        };
        if day <= self.kept.day {
            return false;
        }
        if earned < Money::ZERO {
            self.kept.losing_days += 1;
        } else if earned > Money::ZERO {
            self.kept.losing_days = 0;
        }
        self.kept.day = day;
        self.kept.day_since = self.now;
        self.kept.day_equity = self.kept.day_equity + earned + moved;
        self.kept.high_water += moved;
        self.kept.day_earned = Money::ZERO;
        self.kept.day_fees = Money::ZERO;
        self.kept.opened_today = 0;
        self.base = self.ledger.sums;
        self.unsettle();
        self.step(BreakerKind::DailyLoss);
        self.step_all();
        self.weigh();
        true
    }

    /// Ids below this one are the venue's past: none is used again.
    pub fn raise_next_id(&mut self, id: ClientOrderId) {
        self.ledger.raise_next_id(id.0);
        self.keep();
    }

    /// Puts a live order of an earlier run back, as unknown: it reserves, blocks its contract
    /// and can be cancelled, but there is no order to send. False when its contract is not
    /// known or its slot is taken.
    pub fn recover(&mut self, id: ClientOrderId, ts: Nanos, intent: &Intent, filled: u32) -> bool {
        let Some(at) = self.ledger.find(intent.contract) else {
            return false;
        };
        if self.ledger.is_taken(id) {
            return false;
        }
        let order = Order {
            id,
            ts,
            intent: *intent,
        };
        let now = self.now;
        let loss_each = checks::loss_each(self, intent, at);
        self.ledger.line_mut(at).open(intent, loss_each);
        let life = Life::recovered(intent.quantity, filled);
        self.ledger.insert(at, order, life, now);
        self.keep();
        true
    }

    /// Notes an execution of an earlier run, which is in what is carried over: told again, it does
    /// not count a second time.
    pub fn remember(&mut self, order: ClientOrderId, execution: &Execution) {
        self.ledger.executions.record(order, execution);
    }

    /// Puts a position of an earlier run back, held at `average`. What it had earned at `mark` is
    /// in [`Kept::day_earned`] or in the day's first equity already, so this run's earnings begin
    /// there. False unless the contract is known, without a past here, and both prices are.
    pub fn carry(&mut self, contract: BookKey, quantity: i64, average: Price, mark: Price) -> bool {
        let Some(at) = self.ledger.find(contract) else {
            return false;
        };
        let is_new = self.ledger.line(at).position == Position::FLAT;
        if !is_new || !average.is_defined() || !mark.is_defined() {
            return false;
        }
        let carried = Position::carried(quantity, average);
        let earned = carried.total(&self.ledger.line(at).contract, mark);
        self.base.total += earned.unwrap_or(Money::ZERO);
        self.unsettle();
        self.ledger.change(at, |position| *position = carried);
        // It was opened in an earlier run, not today.
        self.opened_seen = self.ledger.sums.opened;
        self.ledger.line_mut(at).agreement = Agreement::Unknown;
        true
    }

    /// What must survive a restart, as of now. Write it whenever it has changed.
    #[must_use]
    pub fn kept(&self) -> Kept {
        let mut kept = self.kept;
        kept.next_id = self.ledger.next_id();
        // Without what has no mark: that is looked at again when it is carried over.
        kept.day_earned += self.ledger.sums.total - self.base.total;
        kept.day_fees = self.fees_today();
        kept.losing_trades = u32::try_from(self.ledger.sums.losing_trades).unwrap_or(u32::MAX);
        kept
    }

    /// What was met so far.
    #[must_use]
    pub const fn counters(&self) -> &RiskCounters {
        &self.counters
    }

    /// The limits in force.
    #[must_use]
    pub const fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The halt.
    #[must_use]
    pub const fn halted(&self) -> &Halt {
        &self.kept.halt
    }

    /// A breaker.
    #[must_use]
    pub const fn breaker(&self, kind: BreakerKind) -> &Breaker {
        &self.kept.breakers[kind as usize]
    }

    /// A contract and all that concerns it.
    #[must_use]
    pub fn line(&self, contract: BookKey) -> Option<&Line> {
        Some(self.ledger.line(self.ledger.find(contract)?))
    }

    /// All contracts, in the order in which they were registered.
    pub fn lines(&self) -> impl Iterator<Item = &Line> {
        self.ledger.lines()
    }

    /// An order, as long as it is remembered.
    #[must_use]
    pub fn order(&self, id: ClientOrderId) -> Option<&Track> {
        Some(self.ledger.track(self.ledger.slot(id)?))
    }

    /// The open orders of a contract, the latest first.
    pub fn open_orders(&self, contract: BookKey) -> impl Iterator<Item = &Track> {
        let at = self.ledger.find(contract);
        at.into_iter().flat_map(|at| self.ledger.open_orders(at))
    }

    /// Earned today, after fees, realised and not; `None` while a position has no mark.
    #[must_use]
    pub fn earned_today(&self) -> Option<Money> {
        let sums = &self.ledger.sums;
        (sums.unvalued == 0).then(|| sums.total - self.base.total + self.kept.day_earned)
    }

    /// Fees paid today.
    #[must_use]
    pub fn fees_today(&self) -> Money {
        self.ledger.sums.fees - self.base.fees + self.kept.day_fees
    }

    /// Equity now; `None` while a position has no mark.
    #[must_use]
    pub fn equity(&self) -> Option<Money> {
        Some(self.kept.day_equity + self.earned_today()?)
    }

    /// What losses leave of a new position's size, in millionths (R3 and R4 together).
    #[must_use]
    pub fn size_factor_ppm(&self) -> i64 {
        let (Some(earned), Some(drawdown)) = (self.earned_today(), self.drawdown()) else {
            return 0;
        };
        let limits = &self.limits;
        let halt = limits.daily_loss(self.kept.day_equity);
        let rung = LossRung::of(
            -earned,
            halt,
            limits.daily_shrink_ppm,
            limits.daily_gate_ppm,
        );
        rung.factor_ppm() * drawdown.factor_ppm() / crate::money::PPM
    }

    /// How far equity has fallen from its highest; `None` while a position has no mark.
    #[must_use]
    pub fn drawdown(&self) -> Option<DrawdownRung> {
        let limits = &self.limits;
        let rungs = [
            limits.drawdown_tighten_ppm,
            limits.drawdown_shrink_ppm,
            limits.drawdown_ppm,
        ];
        Some(DrawdownRung::of(
            self.equity()?,
            self.kept.high_water,
            rungs,
        ))
    }

    /// A digest of all state that decides: equal after the same inputs, on every machine.
    #[must_use]
    pub fn digest(&self) -> u64 {
        let mut digest = Digest::new();
        let halt = &self.kept.halt;
        digest.add(halt.gate as u64);
        digest.add(halt.at.0);
        for breaker in &self.kept.breakers {
            digest.add(breaker.phase as u64);
            digest.add(breaker.at.0);
        }
        digest.add(self.ledger.next_id());
        digest.add(self.kept.high_water.0.cast_unsigned());
        digest.add(self.ledger.sums.total.0.cast_unsigned());
        for line in self.ledger.lines() {
            digest.add(line.position.quantity().cast_unsigned());
            digest.add(line.position.average().0.cast_unsigned());
            digest.add(line.position.realised(&line.contract).0.cast_unsigned());
            digest.add(line.position.fees().0.cast_unsigned());
            digest.add(line.working[0].quantity.cast_unsigned());
            digest.add(line.working[1].quantity.cast_unsigned());
            for track in self.open_orders(line.contract.key) {
                digest.add(track.order.id.0);
                digest.add(track.life.state() as u64);
                digest.add(u64::from(track.life.filled()));
            }
        }
        for count in self.counters.refused {
            digest.add(count);
        }
        digest.add(self.counters.passed);
        digest.0
    }

    /// A digest of positions, open orders, ids and executions, which a fold of the journal must
    /// come to as well (I13).
    #[must_use]
    pub fn ledger_digest(&self) -> u64 {
        let next_id = ClientOrderId(self.ledger.next_id());
        let mut digest = LedgerDigest::new(next_id, self.ledger.executions.seen());
        for line in self.ledger.lines() {
            digest.add_position(&line.contract, &line.position);
            for track in self.open_orders(line.contract.key) {
                digest.add_order(track.order.id, &track.life);
            }
        }
        digest.value()
    }

    fn advance(&mut self, now: Nanos) {
        if now.is_defined() {
            self.now = self.now.max(now);
        }
    }

    fn phase(&self, kind: BreakerKind) -> Phase {
        self.kept.breakers[kind as usize].phase
    }

    /// Counts an intent; says how many there were, if it is known whose it is.
    fn note_attempt(&mut self, strategy: StrategyId) -> Option<i64> {
        let (now, window) = (self.now, self.limits.attempts_window_ns);
        let burst = self.attempts.get_mut(usize::from(strategy.0))?;
        burst.note(now, window);
        Some(burst.count(now, window))
    }

    fn messages_in_last_second(&self) -> i64 {
        self.messages.within(self.now, SECOND_NS)
    }

    /// Age of the oldest mark of what is held.
    fn oldest_mark_ns(&self) -> i64 {
        let held = self.ledger.active().iter().map(|at| self.ledger.line(*at));
        held.filter(|line| line.position.quantity() != 0)
            .map(|line| age_ns(self.now, line.view.mark_at))
            .max()
            .unwrap_or(0)
    }

    /// A breaker's number and limit now; `None` while the number is missing.
    #[inline(always)]
    fn reading(&self, kind: BreakerKind) -> Option<Reading> {
        let limits = &self.limits;
        let (value, limit, cool_ns) = match kind {
            BreakerKind::DailyLoss => {
                let limit = limits.daily_loss(self.kept.day_equity);
                ((-self.earned_today()?).0, limit.0, 0)
            }
            BreakerKind::Drawdown => {
                return self.drawdown_reading(self.equity());
            }
            BreakerKind::LosingDays => {
                (i64::from(self.kept.losing_days), limits.losing_days_max, 0)
            }
            BreakerKind::LosingTrades => (
                self.ledger.sums.losing_trades,
                limits.losing_trades_max,
                limits.losing_trades_cool_ns,
            ),
            BreakerKind::Volatility => {
                let (size, as_of) = self.known.volatility?;
                if age_ns(self.now, as_of) > limits.volatility_age_ns_max {
                    return None;
                }
                (size, limits.volatility_ppm, limits.volatility_cool_ns)
            }
            BreakerKind::SystemErrors => (
                self.errors.within(self.now, limits.errors_window_ns),
                limits.errors_max,
                limits.errors_cool_ns,
            ),
        };
        Some(Reading {
            value,
            limit,
            cool_ns,
        })
    }

    /// The same of drawdown, for an equity that is known already.
    fn drawdown_reading(&self, equity: Option<Money>) -> Option<Reading> {
        let high = self.kept.high_water;
        Some(Reading {
            value: (high - equity?).ppm_down(high)?,
            limit: self.limits.drawdown_ppm,
            cool_ns: self.limits.drawdown_cool_ns,
        })
    }

    fn step(&mut self, kind: BreakerKind) -> bool {
        match self.reading(kind) {
            Some(reading) => self.step_with(kind, reading),
            None => false,
        }
    }

    fn step_with(&mut self, kind: BreakerKind, reading: Reading) -> bool {
        let now = self.now;
        let breaker = &self.kept.breakers[kind as usize];
        let is_of_today = breaker.at >= self.kept.day_since;
        if kind == BreakerKind::DailyLoss && breaker.phase == Phase::Tripped && is_of_today {
            return false;
        }
        let before = *breaker;
        let has_tripped = self.kept.breakers[kind as usize].step(kind, now, reading);
        if self.kept.breakers[kind as usize] != before {
            self.unsettle();
        }
        if has_tripped {
            // What cools by itself begins anew: its count has done its work.
            match kind {
                BreakerKind::LosingTrades => self.ledger.sums.losing_trades = 0,
                BreakerKind::SystemErrors => self.errors.clear(),
                _ => {}
            }
        }
        has_tripped
    }

    /// Steps what does not need confirmation.
    fn step_all(&mut self) {
        self.step(BreakerKind::LosingDays);
        self.step(BreakerKind::LosingTrades);
        self.step(BreakerKind::Volatility);
        self.step(BreakerKind::SystemErrors);
    }

    /// Looks at today's result: one bad mark trips nothing, a realised loss does at once.
    fn weigh(&mut self) {
        if self.weighed != Some(self.ledger.sums) {
            self.weigh_anew();
        } else if cfg!(test) {
            let before = (self.kept, self.high, self.loss, self.fall);
            self.weigh_anew();
            let after = (self.kept, self.high, self.loss, self.fall);
            assert_eq!(before, after, "what was weighed before");
        }
    }

    fn weigh_anew(&mut self) {
        let Some(earned) = self.earned_today() else {
            return;
        };
        let equity = self.kept.day_equity + earned;
        let needed = self.limits.loss_confirmations;
        if equity > self.kept.high_water {
            if let Some(high) = self.high.beyond(equity, needed) {
                self.kept.high_water = high;
                self.unsettle();
            }
        } else {
            self.high.within();
        }
        let realised = self.ledger.sums.realised - self.base.realised + self.kept.day_earned;
        let floor = self.kept.day_equity + realised;
        let daily = self.limits.daily_loss(self.kept.day_equity);
        let is_lost = equity <= self.kept.day_equity - daily;
        let is_realised = floor <= self.kept.day_equity - daily;
        if confirmed(&mut self.loss, is_lost, is_realised, needed) {
            let reading = Reading {
                value: (-earned).0,
                limit: daily.0,
                cool_ns: 0,
            };
            self.step_with(BreakerKind::DailyLoss, reading);
        }
        let most = self.kept.high_water.part_up(self.limits.drawdown_ppm);
        let is_fallen = self.kept.high_water - equity >= most;
        let is_realised = self.kept.high_water - floor >= most;
        if confirmed(&mut self.fall, is_fallen, is_realised, needed)
            && let Some(reading) = self.drawdown_reading(Some(equity))
        {
            self.step_with(BreakerKind::Drawdown, reading);
        }
        self.step(BreakerKind::LosingTrades);
        // Nothing is counted up to a confirmation, and nothing waits for its time.
        let is_calm = equity <= self.kept.high_water
            && !is_lost
            && !is_fallen
            && !self.kept.breakers.iter().any(|it| it.phase.blocks());
        self.weighed = is_calm.then_some(self.ledger.sums);
    }

    /// Brings what is kept up to date with the ledger.
    fn keep(&mut self) {
        let opened = self.ledger.sums.opened;
        let news = u32::try_from(opened - self.opened_seen).unwrap_or(u32::MAX);
        self.opened_seen = opened;
        self.kept.opened_today = self.kept.opened_today.saturating_add(news);
        self.kept.opened_in_run = self.kept.opened_in_run.saturating_add(news);
    }
}

/// The limits by which the ledger counts.
const fn rules(limits: &Limits) -> Rules {
    Rules {
        now: Nanos(0),
        account_age_ns_max: limits.account_age_ns_max,
        greeks_age_ns_max: limits.greeks_age_ns_max,
    }
}

/// Whether a breaker may be stepped: it is not over its limit, or surely is.
fn confirmed(steady: &mut Steady, is_over: bool, is_realised: bool, needed: i64) -> bool {
    if !is_over {
        steady.within();
        return true;
    }
    is_realised || steady.beyond(Money::ZERO, needed).is_some()
}
