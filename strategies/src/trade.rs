//! From decisions to fills: what was seen becomes signals, signals become intents, risk makes
//! orders of some, the gateway takes them, and what the venue says becomes positions.
//!
//! All of it is one machine on one tile, because an order waits for nobody. It is driven by the
//! records of the books and by what the flow stage says of them, dated by events, and says all
//! that it does as [`TradeEvent`]s. Those wait in a queue of fixed size, a few leave with each
//! input, and a command goes to the gateway only after its event has left: what is sent was said
//! before. When the queue is nearly full nothing new is asked for. Two exceptions keep a halt
//! sharp: an order that the gate no longer lets out when its turn comes is withheld, and the
//! cancels of a kill wait for nobody.
//!
//! Absent on purpose: the clock, threads, the store that workers share (the caller's).

pub mod chain;
pub mod event;
mod holding;
mod house;
pub mod recovery;
pub mod settings;
pub mod stage;
pub mod watch;
pub mod witness;

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::iter::repeat_n;

use undertow_core::book::Books;
use undertow_core::contract::{Contract, PriceSign, TickRule};
use undertow_core::event::{
    BookUpdate, ClaimAnswer, Claimed, Control, Definition, InstrumentClass, Mbo, Notice, Operator,
    Statistic, Status, Touch, Trust,
};
use undertow_core::gateway::Gateway;
use undertow_core::money::{Money, PPM};
use undertow_core::order::{
    ClientOrderId, Confidence, Entry, ExecReport, Intent, MayTake, Purpose, Quote, ReportKind,
    SignalId, StrategyId, Style, Tif,
};
use undertow_core::position::{BrokerView, Exit, ExitCause, ExitPlan, Gauge};
use undertow_core::risk::{
    Command, Context, Gate, HaltCause, Kept, LimitError, Limits as RiskLimits, Order, Risk, Sizing,
    Which,
};
use undertow_core::types::{Action, BookKey, Flags, InstrumentId, Nanos, Price, Side, Text};

use self::chain::{CADENCE_NS, Chain};
use self::event::{Asked, Decided, TradeEvent};
use self::holding::{Change, Holding, News};
use self::recovery::Recovery;
use self::settings::{Settings, exits, horizon};
use self::watch::Watch;
use self::witness::{ANSWER_NS_MAX, Nobody, Witness, claim_of};
use crate::calendar::{Calendar, Day, Venue};
use crate::decide::card::Direction;
use crate::decide::claim::Claims;
use crate::decide::moment::Moment;
use crate::decide::rules::{Invalid, RuleSet, Strategy};
use crate::decide::signal::Signal;
use crate::decide::validate::Conditions;
use crate::decide::{Decide, Decision, Limits, Outcome};
use crate::flow::FlowUpdate;
use crate::ifd::desk::{Finding, Signal as Found};
use crate::portfolio_risk::ppm_down;

/// What is due is looked at so often, by event time: 100 ms.
const TICK_NS: u64 = 100_000_000;

/// Ticks between two looks at the account.
const ACCOUNT_TICKS: u64 = 10;

/// Ticks between two digests.
const CHECKPOINT_TICKS: u64 = 600;

/// Events that leave with each input.
pub const DRAIN: usize = 8;

/// Events that may wait. Nothing new is asked for while fewer places than this are free.
const EVENTS_MAX: usize = 512;
const EVENTS_KEPT: usize = 128;

/// Cancels of a kill for which there is always room.
const CANCELS_MAX: usize = 4096;

/// Entries are cancelled when they have not filled in so long (R8).
const GOOD_FOR_NS: u64 = 60_000_000_000;
const GOOD_FOR_ZERO_DTE_NS: u64 = 30_000_000_000;

/// Event time may be ahead of the time of arrival by no more than this: 1 s.
const AHEAD_MAX_NS: u64 = 1_000_000_000;

/// How far an exit may go beyond the opposite quote, in ticks.
const EXIT_TICKS: i32 = 2;

/// Options that expire today are closed by 15:45 (R9).
const ZERO_DTE_CLOSE_MINUTE: u32 = 15 * 60 + 45;

/// Which part of the machine an instrument's records concern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Unseen,
    Nowhere,
    Watch(u16),
    Option(u16, u32),
}

/// What is said, and what may be sent once it was.
#[derive(Clone, Copy, Debug)]
struct Item {
    event: TradeEvent,
    command: Option<Command>,
}

/// See the module.
#[derive(Debug)]
pub struct Trader<G> {
    settings: Settings,
    calendar: Calendar,
    /// By the book's dense index.
    places: Box<[Place]>,
    /// Whether risk is told of the book's records.
    is_traded: Box<[bool]>,
    /// Definitions of options whose underlying is not watched (yet).
    unclaimed: Vec<Definition>,
    /// One for each product, in their order.
    watches: Box<[Watch]>,
    /// Every rule set and the product it is for.
    rules: Box<[(RuleSet, usize)]>,
    /// When each is to be looked at next.
    due: Box<[Nanos]>,
    decide: Decide<Claims>,
    risk: Risk,
    gateway: G,
    holdings: Vec<Holding>,
    queue: VecDeque<Item>,
    reports: Vec<ExecReport>,
    now: Nanos,
    tick_at: Nanos,
    ticks: u64,
    day: Option<Day>,
    counters: Counters,
    curve: Option<Curve>,
    /// What must survive a restart, as it was said last.
    kept: Kept,
    recovery: Recovery,
    witness: Box<dyn Witness>,
    /// By rule set: the signal for which the shared store was asked.
    asking: Box<[Option<Decided>]>,
    /// Things said, and how many of them the journal is known to have.
    said: u64,
    written: u64,
    /// An order that was said and is not yet known to be in the journal.
    unwritten: Option<Order>,
}

/// Equity over the run, as often as the account is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Curve {
    /// At the first look.
    pub first: Money,
    /// At the last.
    pub last: Money,
    /// The highest.
    pub peak: Money,
    /// The largest fall from a peak before it.
    pub drawdown: Money,
}

impl Curve {
    const fn new(equity: Money) -> Self {
        Self {
            first: equity,
            last: equity,
            peak: equity,
            drawdown: Money::ZERO,
        }
    }

    fn add(&mut self, equity: Money) {
        self.last = equity;
        self.peak = self.peak.max(equity);
        self.drawdown = self.drawdown.max(self.peak - equity);
    }
}

/// What happened that has no event of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Counters {
    /// Signals emitted that became no intent: no room, no quote, or a size of nothing.
    pub unwanted: u64,
    /// Of them, for want of room to look after another position.
    pub no_room: u64,
    /// Of them, without a sound quote of the contract.
    pub no_quote: u64,
    /// Of them, whose size rounds to nothing.
    pub no_size: u64,
    /// Times that nothing was asked for because too much waited to be said.
    pub held_back: u64,
    /// The most events that ever waited.
    pub waiting_max: usize,
    /// Definitions for which there was no room.
    pub refused: u64,
    /// Times that something was held which nobody looked after: it is closed at once.
    pub strays: u64,
    /// Of them, without room to look after it.
    pub abandoned: u64,
    /// Records dated after their own arrival.
    pub ahead: u64,
    /// Orders that a halt overtook before they left.
    pub withheld: u64,
    /// Positions of an earlier run that expired unseen, and were settled at their last mark.
    pub settled_unseen: u64,
}

impl<G: Gateway> Trader<G> {
    /// Lays everything out.
    ///
    /// # Errors
    /// The place of the first rule set that is refused, and why.
    pub fn new(settings: Settings, risk: Risk, gateway: G) -> Result<Self, (usize, Invalid)> {
        let mut rules = Vec::new();
        let mut evaluators = Vec::new();
        for (product_idx, product) in settings.products.iter().enumerate() {
            let symbol = Text::from_bytes(product.asset.as_str().as_bytes());
            for rule_set in &product.rules {
                rules.push((*rule_set, product_idx));
                evaluators.push((*rule_set, symbol));
            }
        }
        let limits = Limits {
            worker: settings.worker,
            fingerprints_max: settings.claims_max,
            trails_max: settings.claims_max,
        };
        let claims = Claims::new(settings.claims_max);
        let share = settings.options_max / settings.products.len().max(1);
        Ok(Self {
            calendar: Calendar::built_in(),
            places: repeat_n(Place::Unseen, settings.instruments_max).collect(),
            is_traded: repeat_n(false, settings.instruments_max).collect(),
            unclaimed: Vec::with_capacity(settings.options_max),
            watches: settings
                .products
                .iter()
                .map(|product| {
                    let chain = Chain::new(share, product.option_tick, settings.rate);
                    Watch::new(Text::from_bytes(product.asset.as_str().as_bytes()), chain)
                })
                .collect(),
            due: repeat_n(Nanos(0), rules.len()).collect(),
            asking: repeat_n(None, rules.len()).collect(),
            decide: Decide::new(&evaluators, claims, &limits)?,
            rules: rules.into_boxed_slice(),
            gateway,
            // Half of the room is for what was not meant to be held.
            holdings: Vec::with_capacity(2 * settings.holdings_max),
            queue: laid_out_queue(usize::try_from(risk.limits().orders_max).unwrap_or(0)),
            kept: risk.kept(),
            reports: Vec::with_capacity(EVENTS_MAX),
            now: Nanos(0),
            tick_at: Nanos(0),
            ticks: 0,
            day: None,
            counters: Counters::default(),
            curve: None,
            recovery: Recovery::default(),
            witness: Box::new(Nobody),
            said: 0,
            written: 0,
            unwritten: None,
            risk,
            settings,
        })
    }

    /// Asks `witness` before an order leaves and, with a worker's number that is unique over all
    /// workers and all their starts, before a signal is emitted.
    #[must_use]
    pub fn witnessed(mut self, witness: Box<dyn Witness>, sharing_as: Option<u64>) -> Self {
        self.witness = witness;
        if let Some(worker) = sharing_as {
            self.decide.share(worker);
        }
        self
    }

    /// Risk, with orders and positions.
    #[must_use]
    pub const fn risk(&self) -> &Risk {
        &self.risk
    }

    /// The gateway.
    #[must_use]
    pub const fn gateway(&self) -> &G {
        &self.gateway
    }

    /// The gateway, when the rest is over: a venue outlives the program that trades on it.
    #[must_use]
    pub fn into_gateway(self) -> G {
        self.gateway
    }

    /// The evaluators.
    #[must_use]
    pub const fn decide(&self) -> &Decide<Claims> {
        &self.decide
    }

    /// Every rule set, in the order of its strategy's number, and the product it is for.
    pub fn rules(&self) -> impl Iterator<Item = (&RuleSet, &str)> {
        let products = &self.settings.products;
        self.rules
            .iter()
            .map(|(rules, product)| (rules, products[*product].asset.as_str()))
    }

    /// The underlyings.
    #[must_use]
    pub fn watches(&self) -> &[Watch] {
        &self.watches
    }

    /// What happened that has no event of its own.
    #[must_use]
    pub const fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Says the next event that waits, and sends its command once it was said, unless the gate was
    /// shut meanwhile. False if none waits.
    pub fn speak(&mut self, say: impl FnOnce(&TradeEvent)) -> bool {
        if self.unwritten.is_some() {
            return false;
        }
        let Some(item) = self.queue.pop_front() else {
            return false;
        };
        say(&item.event);
        self.said += 1;
        match item.command {
            Some(Command::Place(order)) => self.send_written(&order),
            Some(command) => self.gateway.send(&command, self.now),
            None => {}
        }
        true
    }

    /// Sends an order once the journal has what was said of it, or never.
    fn send_written(&mut self, order: &Order) {
        let is_written = self.witness.is_written(self.said);
        match is_written.or((self.written >= self.said).then_some(true)) {
            _ if !self.may_leave(order) => self.withhold(order),
            Some(true) => self.gateway.send(&Command::Place(*order), self.now),
            Some(false) => self.withhold(order),
            None => self.unwritten = Some(*order),
        }
    }

    /// Whether an order waits until the journal has what was said of it; nothing more is said until
    /// then.
    #[must_use]
    pub const fn waits_for_journal(&self) -> bool {
        self.unwritten.is_some()
    }

    /// The journal has so much of what was said: an order that waited for it leaves, if it may.
    fn note_written(&mut self, said: u64) {
        self.written = self.written.max(said);
        if self.written >= self.said
            && let Some(order) = self.unwritten.take()
        {
            self.send_written(&order);
        }
    }

    /// Whether the gate lets an order out now: it may have shut since the order was made.
    fn may_leave(&self, order: &Order) -> bool {
        match self.risk.halted().gate {
            Gate::Open => true,
            Gate::ReduceOnly => !order.intent().purpose.opens(),
            Gate::Shut => false,
        }
    }

    /// An order that never leaves is known to nobody but us.
    #[cold]
    fn withhold(&mut self, order: &Order) {
        self.counters.withheld += 1;
        // The venue is not asked to cancel what it never had.
        for item in &mut self.queue {
            if matches!(item.command, Some(Command::Cancel(cancel)) if cancel.id() == order.id()) {
                item.command = None;
            }
        }
        self.reported(&ExecReport {
            id: order.id(),
            contract: order.intent().contract,
            ts_event: self.now,
            kind: ReportKind::Absent { filled: 0 },
        });
    }

    /// Equity over the run; none before the first look at the account.
    #[must_use]
    pub const fn curve(&self) -> Option<&Curve> {
        self.curve.as_ref()
    }

    /// What of a contract somebody looks after: the sum over its positions, each from its signal
    /// to its last exit. What risk holds beyond it has no exits.
    #[must_use]
    pub fn looked_after(&self, key: BookKey) -> i64 {
        let its = self.holdings.iter().filter(|holding| holding.key() == key);
        its.map(Holding::held).sum::<i64>() + self.recovery.waiting(key)
    }

    /// How many events wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.queue.len()
    }

    /// Time is about to pass to that of a record: what was on its way to the venue meets the
    /// books as they stood until then.
    #[inline]
    pub fn before(&mut self, books: &Books<'_>, mbo: &Mbo) {
        if self.gateway.due() < mbo.ts_event
            && let Some(ts) = time_of(mbo)
        {
            self.let_arrive(books, ts);
        }
    }

    #[cold]
    fn let_arrive(&mut self, books: &Books<'_>, ts: Nanos) {
        self.now = self.now.max(ts);
        let reports = &mut self.reports;
        self.gateway
            .on_time(books, self.now, &mut |report| reports.push(*report));
        self.take_reports();
    }

    /// Takes tighter limits from the operator while running; looser ones take a restart.
    ///
    /// # Errors
    /// Changes nothing and names the first limit that would be looser, or is unsound.
    pub fn tighten(&mut self, limits: &RiskLimits) -> Result<(), LimitError> {
        self.risk.tighten(limits)
    }

    /// Sees what a record did to its book. `books` stand after it already.
    #[inline]
    pub fn observe(&mut self, books: &Books<'_>, update: &BookUpdate) {
        if is_ahead(&update.mbo) {
            return self.observe_in_time(books, update);
        }
        self.see(books, update);
    }

    /// A record dated after its own arrival has a broken clock. Believed, it would make every
    /// quote old and stop every timer until the market has caught up with it.
    #[cold]
    fn observe_in_time(&mut self, books: &Books<'_>, update: &BookUpdate) {
        self.counters.ahead += 1;
        let mut update = *update;
        update.mbo.ts_event = update.mbo.ts_recv;
        self.see(books, &update);
    }

    #[inline]
    fn see(&mut self, books: &Books<'_>, update: &BookUpdate) {
        let mbo = &update.mbo;
        if let Some(ts) = time_of(mbo) {
            self.now = self.now.max(ts);
        }
        if !self.gateway.is_idle() {
            self.hear(books, update);
        }
        let Some(place) = self.places.get(update.book_idx as usize).copied() else {
            return;
        };
        match place {
            Place::Nowhere => {}
            Place::Unseen => self.sight(update),
            Place::Watch(at) => self.watch(usize::from(at), update),
            Place::Option(at, option) if update.touch_changed => {
                let chain = &mut self.watches[usize::from(at)].chain;
                chain.quote(option as usize, &update.touch, update.trust, self.now);
            }
            Place::Option(..) => {}
        }
        if self.is_traded[update.book_idx as usize] {
            self.risk.observe(update);
            if update.touch_changed && !self.holdings.is_empty() {
                self.look_at(update);
            }
        }
        if self.now >= self.tick_at {
            self.tick(books);
        }
    }

    /// Takes in what an event left behind.
    #[inline]
    pub fn measured(&mut self, update: &FlowUpdate) {
        for watch in &mut self.watches {
            if watch.is_of(update.key) {
                watch.measured(update);
                return;
            }
        }
    }

    /// Takes in what the options desk found: a signal that was not rejected may be followed.
    pub fn found(&mut self, finding: &Finding) {
        let Finding::Signal(signal) = finding else {
            return;
        };
        let Some(at) = self.watch_of(signal) else {
            return;
        };
        if !self.watches[at].flag(signal, &self.calendar, self.now) {
            return;
        }
        for (place, (rules, product)) in self.rules.iter().enumerate() {
            if *product == at && rules.rule.strategy() == Strategy::Ifd {
                self.due[place] = self.now;
            }
        }
    }

    /// Takes in control.
    pub fn on_control(&mut self, control: &Control) {
        self.gateway.on_control(control);
        match control {
            Control::Definition(definition) => self.define(definition),
            Control::Statistic(statistic) => self.statistic(statistic),
            Control::Status(status) => self.note_status(status),
            Control::Exec(report) => self.reported(report),
            Control::Context(context) => self.risk.on_context(context, self.now),
            Control::Operator(operator) => self.obey(operator),
            Control::End => self.finish(),
            _ => {}
        }
    }

    fn note_status(&mut self, status: &Status) {
        self.risk.on_status(status);
        for watch in &mut self.watches {
            if watch.is_of(status.key) {
                watch.is_trading = status.is_trading;
            } else if let Some(at) = watch.chain.place(status.key) {
                watch.chain.note_status(at, status);
            }
        }
    }

    /// What the operator orders.
    fn obey(&mut self, operator: &Operator) {
        match *operator {
            Operator::Halt => self.risk.halt(Gate::ReduceOnly, HaltCause::Operator),
            Operator::Resume(reason) => self.risk.resume(reason),
            Operator::Flatten => {
                for at in 0..self.holdings.len() {
                    if let Some(exit) = self.holdings[at].exits.close(ExitCause::Ordered) {
                        self.leave(at, &exit);
                    }
                }
                return;
            }
            Operator::Kill => self.risk.halt(Gate::Shut, HaltCause::Operator),
            Operator::Program(notice) => return self.heed(&notice),
        }
        self.tell_halted();
        if matches!(operator, Operator::Kill) {
            self.cancel_all(HaltCause::Operator);
        }
    }

    /// What the cold side says. The answer to a claim wants the books; see [`Self::claimed`].
    fn heed(&mut self, notice: &Notice) {
        match *notice {
            Notice::Halt(gate, cause) => self.stop(gate, cause),
            Notice::Written(said) => self.note_written(said),
            Notice::Claimed(_) => {}
        }
    }

    /// The program halts itself: nothing new is opened, and entries that rest are cancelled; with
    /// the gate shut, everything is. What waits for the journal waits on, or is withheld.
    fn stop(&mut self, gate: Gate, cause: HaltCause) {
        self.risk.halt(gate, cause);
        self.tell_halted();
        if gate == Gate::Shut {
            self.cancel_all(cause);
        } else {
            self.cancel(Which::Entries);
        }
        if let Some(order) = self.unwritten.take() {
            self.send_written(&order);
        }
    }

    /// Cancels live orders; each cancel leaves after it was said.
    fn cancel(&mut self, which: Which) {
        let (queue, now) = (&mut self.queue, self.now);
        self.risk.cancel_all(which, now, &mut |cancel| {
            queue.push_back(Item {
                event: TradeEvent::Cancelled(cancel, now),
                command: Some(Command::Cancel(cancel)),
            });
        });
    }

    /// Cancels every live order at once; what was done is said after it.
    fn cancel_all(&mut self, cause: HaltCause) {
        let now = self.now;
        for item in &mut self.queue {
            if let Some(cancel @ Command::Cancel(_)) = item.command {
                self.gateway.send(&cancel, now);
                item.command = None;
            }
        }
        let (gateway, queue, unwritten) = (&mut self.gateway, &mut self.queue, &self.unwritten);
        self.risk.kill(cause, now, &mut |cancel| {
            let is_it = |order: &Order| order.id() == cancel.id();
            let waits = |item: &Item| match &item.command {
                Some(Command::Place(order)) => is_it(order),
                _ => false,
            };
            // What has not left is withheld, and the venue need not hear of it.
            if !unwritten.as_ref().is_some_and(is_it) && !queue.iter().any(waits) {
                gateway.send(&Command::Cancel(cancel), now);
            }
            queue.push_back(Item {
                event: TradeEvent::Cancelled(cancel, now),
                command: None,
            });
        });
    }

    /// The run ends before its input: nothing new is opened, and every live order is cancelled.
    pub fn wind_down(&mut self) {
        self.cancel(Which::All);
        self.finish();
    }

    /// The last input was taken: what waits for the shared store waits no more, and the last
    /// digest is said.
    fn finish(&mut self) {
        for place in 0..self.asking.len() {
            if let Some(decided) = self.asking[place].take() {
                self.conclude(decided, ClaimAnswer::Failed);
            }
        }
        self.checkpoint();
    }

    fn tell_halted(&mut self) {
        self.say(TradeEvent::Halted(*self.risk.halted()), None);
        self.tell_kept();
    }

    /// Says what must survive a restart, if it has changed. What is earned moves with every mark,
    /// and is said with the digests.
    fn tell_kept(&mut self) {
        let kept = self.risk.kept();
        let settled = Kept {
            day_earned: self.kept.day_earned,
            high_water: self.kept.high_water,
            ..kept
        };
        if self.kept != settled {
            self.say_kept(kept);
        }
    }

    /// The marks that it rests on come first.
    fn say_kept(&mut self, kept: Kept) {
        self.kept = kept;
        let queue = &mut self.queue;
        for line in self.risk.lines() {
            if line.position.quantity() != 0 {
                queue.push_back(Item {
                    event: TradeEvent::Marked(line.contract.key, line.view.mark),
                    command: None,
                });
            }
        }
        self.say(TradeEvent::Kept(kept), None);
    }

    fn checkpoint(&mut self) {
        self.say_kept(self.risk.kept());
        self.say(TradeEvent::Checkpoint(self.risk.ledger_digest()), None);
    }

    fn say(&mut self, event: TradeEvent, command: Option<Command>) {
        self.queue.push_back(Item { event, command });
        self.counters.waiting_max = self.counters.waiting_max.max(self.queue.len());
    }

    /// Whether there is room to say what an order causes.
    fn may_ask(&mut self) -> bool {
        let has_room = self.queue.len() + EVENTS_KEPT <= EVENTS_MAX;
        self.counters.held_back += u64::from(!has_room);
        has_room
    }
}

/// What is listed, and whose records concern whom.
impl<G: Gateway> Trader<G> {
    #[cold]
    fn define(&mut self, definition: &Definition) {
        match definition.class {
            InstrumentClass::Future | InstrumentClass::Stock => self.define_underlying(definition),
            InstrumentClass::Call | InstrumentClass::Put => self.define_option(definition),
            _ => {}
        }
    }

    /// The contract of a product that expires next is watched.
    fn define_underlying(&mut self, definition: &Definition) {
        let is_its = |product: &settings::Product| product.asset == definition.asset;
        let Some(at) = self.settings.products.iter().position(is_its) else {
            return;
        };
        let Ok(contract) = Contract::from_definition(definition, None, PriceSign::Positive) else {
            self.counters.refused += 1;
            return;
        };
        let is_over = contract.expiry.is_defined() && contract.expiry <= self.now;
        let known = self.watches[at].contract;
        if is_over || known.is_some_and(|known| known.expiry <= contract.expiry) {
            return;
        }
        self.watches[at].turn_to(&contract);
        self.places.fill(Place::Unseen);
        self.claim(at, contract.key.instrument_id);
    }

    /// Options on it that were defined before it.
    fn claim(&mut self, at: usize, underlying: InstrumentId) {
        let (chain, calendar) = (&mut self.watches[at].chain, &self.calendar);
        self.unclaimed.retain(|definition| {
            let is_its = definition.underlying_id == underlying;
            if is_its {
                chain.define(definition, calendar);
            }
            !is_its
        });
    }

    fn define_option(&mut self, definition: &Definition) {
        let underlying = definition.underlying_id;
        let is_its = |watch: &&mut Watch| {
            let contract = watch.contract.as_ref();
            contract.is_some_and(|contract| contract.key.instrument_id == underlying)
        };
        if let Some(watch) = self.watches.iter_mut().find(is_its) {
            watch.chain.define(definition, &self.calendar);
        } else if self.unclaimed.len() < self.unclaimed.capacity() {
            self.unclaimed.push(*definition);
        } else {
            self.counters.refused += 1;
        }
    }

    fn statistic(&mut self, statistic: &Statistic) {
        for watch in &mut self.watches {
            if let Some(at) = watch.chain.place(statistic.key) {
                watch.chain.statistic(at, statistic);
                return;
            }
        }
    }

    /// A book's first record since the listing changed.
    #[cold]
    fn sight(&mut self, update: &BookUpdate) {
        let key = update.mbo.key();
        let mut place = Place::Nowhere;
        for (at, watch) in self.watches.iter().enumerate() {
            let at = at as u16;
            if watch.is_of(key) {
                place = Place::Watch(at);
            } else if let Some(option) = watch.chain.place(key) {
                place = Place::Option(at, option as u32);
            }
        }
        self.places[update.book_idx as usize] = place;
        match place {
            Place::Watch(at) => self.watch(usize::from(at), update),
            Place::Option(at, option) => {
                let chain = &mut self.watches[usize::from(at)].chain;
                chain.sighted(option as usize, update.book_idx);
                chain.quote(option as usize, &update.touch, update.trust, self.now);
            }
            Place::Unseen | Place::Nowhere => {}
        }
    }

    /// A record of an underlying.
    #[inline]
    fn watch(&mut self, at: usize, update: &BookUpdate) {
        self.watches[at].observe(update, self.now);
        if update.mbo.action == Action::Trade && !self.holdings.is_empty() {
            self.look_at_underlying(at, update.mbo.price);
        }
    }

    fn watch_of(&self, signal: &Found) -> Option<usize> {
        let underlying = signal.contract.underlying?;
        self.watches
            .iter()
            .position(|watch| watch.is_of(underlying))
    }
}

/// What is due.
impl<G: Gateway> Trader<G> {
    #[cold]
    fn tick(&mut self, books: &Books<'_>) {
        if self.recovery.is_catching_up(self.now) {
            return self.catch_up();
        }
        let is_first = self.ticks == 0;
        self.tick_at = Nanos(self.now.0.saturating_add(TICK_NS));
        self.ticks += 1;
        self.turn_day();
        if self.has_past() {
            self.begin_again(books);
        }
        self.pass_minutes();
        if is_first || self.ticks.is_multiple_of(ACCOUNT_TICKS) {
            house::tell_account(&mut self.risk, &self.settings, self.now);
            self.tell_held();
            self.tighten_stops();
            self.tell_kept();
            if let Some(equity) = self.risk.equity() {
                self.curve.get_or_insert(Curve::new(equity)).add(equity);
            }
        }
        if self.ticks.is_multiple_of(CHECKPOINT_TICKS) {
            self.checkpoint();
        }
        self.refresh_chains();
        self.let_time_pass(books);
        self.settle_what_expired();
        self.close_what_is_due();
        self.give_up_asking();
        self.evaluate(books);
    }

    /// What an earlier run has seen is seen again, and nothing follows from it.
    fn catch_up(&mut self) {
        self.tick_at = Nanos(self.now.0.saturating_add(TICK_NS));
        for (at, watch) in self.watches.iter_mut().enumerate() {
            let z = watch.pass(self.now);
            if let (0, Some(z)) = (at, z.and_then(|z| ppm_down(z.abs()))) {
                self.recovery.volatility = Some((z, self.now));
            }
        }
        self.refresh_chains();
    }

    fn refresh_chains(&mut self) {
        let ticks = (CADENCE_NS / TICK_NS) as usize;
        for watch in &mut self.watches {
            let spot = watch.spot();
            let turns = watch.chain.turns(ticks);
            watch
                .chain
                .refresh(turns, spot, self.now, self.settings.search);
        }
    }

    /// A new trading day: what the venue and the rules allow.
    fn turn_day(&mut self) {
        let Ok(day) = self.calendar.trading_day(Venue::Globex, self.now) else {
            return;
        };
        // On the day of the last turn this changes nothing. While a position has no mark the day
        // cannot turn, so that it is asked again.
        if let Ok(day) = u32::try_from(day.0) {
            self.risk.new_day(day, Money::ZERO, self.now);
        }
        if self.day == Some(day) {
            return;
        }
        let venue = Some((self.settings.mode, self.settings.account));
        self.risk.on_context(&Context::Venue(venue), self.now);
        house::tell_day(&mut self.risk, &self.calendar, day, &self.rules, self.now);
        if let Ok(Some(session)) = self.calendar.session(Venue::Globex, day) {
            self.gateway.begin_session(session.close);
        }
        self.day = Some(day);
    }

    /// Bars that are over, and the market's last minute for its breaker (R2).
    fn pass_minutes(&mut self) {
        for (at, watch) in self.watches.iter_mut().enumerate() {
            let z = watch.pass(self.now);
            // The breaker looks at one market: the first product's.
            if let (0, Some(z)) = (at, z.and_then(|z| ppm_down(z.abs()))) {
                let context = Context::Volatility(z, self.now);
                self.risk.on_context(&context, self.now);
            }
        }
    }

    /// Greeks of the contracts that are traded.
    fn tell_held(&mut self) {
        for watch in &mut self.watches {
            for at in 0..watch.chain.listings().len() {
                if !watch.chain.is_traded(at) {
                    continue;
                }
                let spot = watch.spot();
                watch.chain.turn(at, spot, self.now, self.settings.search);
                if let (Some(key), Some(greeks)) = (watch.chain.key(at), watch.chain.dollars(at)) {
                    self.risk
                        .on_context(&Context::Greeks(key, greeks), self.now);
                }
            }
        }
    }

    /// Far below the highest equity, stops come nearer (R4).
    fn tighten_stops(&mut self) {
        let Some(rung) = self.risk.drawdown().filter(|rung| rung.stop_ppm() < PPM) else {
            return;
        };
        for holding in &mut self.holdings {
            holding.exits.tighten(rung.stop_ppm());
        }
    }

    /// What is held of a contract that has expired is worth its intrinsic value (N16). It waits
    /// for a price of the underlying.
    fn settle_what_expired(&mut self) {
        let mut at = 0;
        while at < self.holdings.len() {
            let holding = &self.holdings[at];
            let (key, watch) = (holding.key(), &self.watches[holding.watch]);
            let is_over = self
                .risk
                .line(key)
                .is_some_and(|line| line.contract.expiry <= self.now);
            let worth = watch
                .chain
                .place(key)
                .zip(watch.last)
                .and_then(|(option, last)| watch.chain.intrinsic(option, last.value));
            if let (true, Some(price)) = (is_over, worth)
                && let Some(held) = self.risk.settle(key, price, None)
            {
                self.holdings.swap_remove(at);
                self.say(TradeEvent::Settled(key, price, held), None);
            } else {
                at += 1;
            }
        }
    }

    /// Orders without an answer, entries that were good for a time, latency on its way back.
    fn let_time_pass(&mut self, books: &Books<'_>) {
        let (queue, now) = (&mut self.queue, self.now);
        self.risk.on_time(now, &mut |cancel| {
            queue.push_back(Item {
                event: TradeEvent::Cancelled(cancel, now),
                command: Some(Command::Cancel(cancel)),
            });
        });
        if !self.gateway.is_idle() {
            let reports = &mut self.reports;
            self.gateway
                .on_time(books, now, &mut |report| reports.push(*report));
            self.take_reports();
        }
    }

    fn evaluate(&mut self, books: &Books<'_>) {
        for place in 0..self.rules.len() {
            let is_asking = self.asking[place].is_some();
            if self.now < self.due[place] || is_asking || !self.may_ask() {
                continue;
            }
            let Some((at, decision)) = self.decided(place) else {
                continue;
            };
            let is_debug = matches!(decision.outcome, Outcome::Debug(_) | Outcome::Skipped(_));
            if is_debug {
                continue;
            }
            let (touch, depth) = self.watches[at].book();
            let mut decided = Decided {
                place,
                decision,
                touch,
                depth,
            };
            if let Outcome::Asking(request) = decision.outcome {
                let Some(answer) = self.witness.claim(&request, self.now) else {
                    self.asking[place] = Some(decided);
                    continue;
                };
                self.decide
                    .conclude(place, &mut decided.decision, claim_of(answer));
            }
            self.act(books, &decided);
        }
    }

    /// A decision is said, and followed if its signal is out.
    fn act(&mut self, books: &Books<'_>, decided: &Decided) {
        self.say(TradeEvent::Decided(*decided), None);
        if let Outcome::Emitted(signal) = decided.decision.outcome {
            let (_, at) = self.rules[decided.place];
            self.follow(books, (at, decided.place), &signal);
        }
    }

    /// The shared store has answered. What it says to a claim that nobody waits for any more is
    /// nothing to us: it was given up.
    pub fn claimed(&mut self, books: &Books<'_>, claimed: &Claimed) {
        let is_its = |decided: &Decided| match decided.decision.outcome {
            Outcome::Asking(request) => request.token.attempt == claimed.attempt,
            _ => false,
        };
        let mut asking = self.asking.iter_mut();
        let waiting = asking.find(|decided| decided.as_ref().is_some_and(is_its));
        if let Some(mut decided) = waiting.and_then(Option::take) {
            let claim = claim_of(claimed.answer);
            let place = decided.place;
            self.decide.conclude(place, &mut decided.decision, claim);
            self.act(books, &decided);
        }
    }

    /// A signal whose claim is not answered is not emitted.
    fn conclude(&mut self, mut decided: Decided, answer: ClaimAnswer) {
        let place = decided.place;
        self.decide
            .conclude(place, &mut decided.decision, claim_of(answer));
        self.say(TradeEvent::Decided(decided), None);
    }

    /// A store that has not answered for too long has failed.
    fn give_up_asking(&mut self) {
        for place in 0..self.asking.len() {
            let asked_at = |decided: &Decided| decided.decision.moment.now.0;
            let asked = self.asking[place].as_ref().map(asked_at);
            if asked.is_none_or(|at| self.now.0.saturating_sub(at) < ANSWER_NS_MAX) {
                continue;
            }
            if let Some(decided) = self.asking[place].take() {
                self.conclude(decided, ClaimAnswer::Failed);
            }
        }
    }

    /// Evaluates a rule set, and says when it is to be looked at next.
    fn decided(&mut self, place: usize) -> Option<(usize, Decision)> {
        let (rules, at) = &self.rules[place];
        let watch = &self.watches[*at];
        let moment = Moment::of(&self.calendar, Venue::Nyse, self.now).ok()?;
        let conditions = Conditions {
            trust: watch.trust,
            is_halted: watch.is_trading == Some(false) || self.risk.halted().gate != Gate::Open,
        };
        let features = watch.features(rules.bar_minutes, self.now);
        let decision = self.decide.evaluate(place, &features, &conditions, &moment);
        self.due[place] = Nanos(self.now.0.saturating_add(rules.refresh_min_ns));
        Some((*at, decision?))
    }
}

/// Entries.
impl<G: Gateway> Trader<G> {
    /// A signal becomes an intent, if there is a quote and a size for it.
    fn follow(&mut self, books: &Books<'_>, (at, place): (usize, usize), signal: &Signal) {
        if self.holdings.len() >= self.settings.holdings_max {
            self.counters.unwanted += 1;
            self.counters.no_room += 1;
            return;
        }
        let id = signal.contract.listing.instrument_id;
        let Some((option, contract)) = self.watches[at].chain.contract_of(id) else {
            self.counters.unwanted += 1;
            return;
        };
        self.take_on(books, (at, option), &contract);
        let touch = books
            .get(contract.key)
            .map_or(Touch::EMPTY, |book| book.touch());
        match self.entry(place, signal, &contract, &touch) {
            Ok(intent) => self.enter(at, signal, &intent, &touch),
            Err(why) => {
                self.counters.unwanted += 1;
                match why {
                    Unwanted::Quote => self.counters.no_quote += 1,
                    Unwanted::Size => self.counters.no_size += 1,
                }
            }
        }
    }

    /// Risk takes the contract on, and is told what is known of it.
    fn take_on(&mut self, books: &Books<'_>, (at, option): (usize, usize), contract: &Contract) {
        if self.risk.line(contract.key).is_none() {
            if self.risk.register(contract).is_err() || !self.gateway.register(contract) {
                // Check 3 refuses what is not known; nothing else follows from it here.
                self.risk.forbid(contract.key);
                return;
            }
            self.say(TradeEvent::Listed(*contract), None);
            // Both are told what the venue said before they knew of it.
            if let Some(status) = self.watches[at].chain.status(option) {
                self.risk.on_status(&status);
                self.gateway.on_control(&Control::Status(status));
            }
            // The paper account began flat, and nobody else trades in it.
            self.risk.reconcile(contract.key, BrokerView::Held(0));
        }
        let chain = &mut self.watches[at].chain;
        if let Some(book_idx) = chain.trade(option) {
            self.is_traded[book_idx as usize] = true;
        }
        let now = self.now;
        if let Some(volume) = chain.volume(option) {
            self.risk
                .on_context(&Context::Volume(contract.key, volume), now);
        }
        let spot = self.watches[at].spot();
        let chain = &mut self.watches[at].chain;
        chain.turn(option, spot, now, self.settings.search);
        if let Some(greeks) = chain.dollars(option) {
            self.risk
                .on_context(&Context::Greeks(contract.key, greeks), now);
        }
        if let Some(book) = books.get(contract.key) {
            let mut update = BookUpdate {
                touch: book.touch(),
                trust: book.trust(),
                ..BookUpdate::default()
            };
            update.mbo.instrument_id = contract.key.instrument_id;
            update.mbo.publisher_id = contract.key.publisher_id;
            update.mbo.ts_event = book.ts_event();
            self.risk.observe(&update);
        }
    }

    /// Price, type and size of an entry (R1, R8). Long signals buy calls, short ones puts.
    fn entry(
        &self,
        place: usize,
        signal: &Signal,
        contract: &Contract,
        touch: &Touch,
    ) -> Result<Intent, Unwanted> {
        let quote = Quote {
            bid: touch.bid,
            ask: touch.ask,
        };
        let confidence = Confidence::from_points(signal.confidence.min(100));
        let confidence = confidence.unwrap_or(Confidence::MAX);
        let is_zero_dte = signal.strategy == Strategy::ZeroDte;
        let may_take = if is_zero_dte {
            MayTake::No
        } else {
            MayTake::Yes
        };
        let entry = Entry::first(Side::Bid, confidence, may_take, quote, &contract.tick);
        let entry = entry.ok_or(Unwanted::Quote)?;
        let equity = self.risk.equity().unwrap_or(Money::ZERO);
        let sizing = Sizing {
            equity,
            buying_power: equity.part(self.settings.buying_power_ppm),
            confidence,
            factor_ppm: self.risk.size_factor_ppm(),
            share_max_ppm: Some(self.risk.limits().position_share_ppm),
        };
        let quantity = sizing.quantity(contract, entry.price, horizon(signal.strategy));
        let quantity = quantity.min(self.most(contract.key, touch));
        if quantity == 0 {
            return Err(Unwanted::Size);
        }
        let plan = exits(signal.strategy);
        let lost = i128::from(entry.price.0) * i128::from(plan.stop_ppm) / 1_000_000;
        Ok(Intent {
            contract: contract.key,
            side: Side::Bid,
            quantity,
            price: entry.price,
            style: entry.style,
            tif: Tif::Day,
            purpose: Purpose::Open,
            confidence,
            signal_id: SignalId(u64::from_be_bytes(signal.identity.id.0)),
            strategy: StrategyId(u8::try_from(place).unwrap_or(u8::MAX)),
            ts_event: signal.at,
            reference: quote,
            stop: i64::try_from(lost).map_or(Price::UNDEFINED, |lost| {
                contract.tick.down(Price(entry.price.0 - lost))
            }),
            data_cost: Money::ZERO,
            good_for_ns: if is_zero_dte {
                GOOD_FOR_ZERO_DTE_NS
            } else {
                GOOD_FOR_NS
            },
        })
    }

    /// The most contracts of one entry that limits of size and liquidity let through (R6).
    fn most(&self, key: BookKey, touch: &Touch) -> u32 {
        let limits = self.risk.limits();
        let share = |of: i64, ppm: i64| i128::from(of) * i128::from(ppm) / i128::from(PPM);
        let displayed = i64::try_from(touch.ask_size).unwrap_or(i64::MAX);
        let volume = self.risk.line(key).and_then(|line| line.volume);
        let most = i128::from(limits.order_quantity_max)
            .min(i128::from(limits.position_quantity_max))
            .min(share(displayed, limits.displayed_ppm))
            .min(share(volume.map_or(0, i64::from), limits.volume_share_ppm));
        u32::try_from(most).unwrap_or(0)
    }

    /// Asks risk for the entry.
    fn enter(&mut self, at: usize, signal: &Signal, intent: &Intent, touch: &Touch) {
        let Some(id) = self.ask(intent, None, touch) else {
            return;
        };
        let plan = self.plan(signal);
        self.holdings.push(Holding::new(*intent, at, id, plan));
    }

    /// Exits on the premium (R9), and at the signal's levels of the underlying.
    fn plan(&self, signal: &Signal) -> ExitPlan {
        let is_today = self.day == Some(signal.contract.listing.expiry);
        ExitPlan {
            targets: signal.targets,
            gauge: Gauge::Underlying,
            underlying_stop: signal.stop,
            underlying_side: match signal.direction {
                Direction::Long => Side::Bid,
                Direction::Short => Side::Ask,
                Direction::Flat => Side::None,
            },
            close_by: if is_today {
                signal
                    .contract
                    .listing
                    .expiry
                    .eastern_minute(ZERO_DTE_CLOSE_MINUTE)
            } else {
                Nanos::UNDEFINED
            },
            ..exits(signal.strategy)
        }
    }

    /// Asks risk for an order, and says what came of it. The order goes out once that was said.
    fn ask(&mut self, intent: &Intent, exit: Option<Exit>, touch: &Touch) -> Option<ClientOrderId> {
        let before = *self.risk.halted();
        let asked = self.risk.consider(intent, self.now);
        let order = asked.as_ref().ok().map(Order::id);
        let event = TradeEvent::Asked(Asked {
            intent: *intent,
            ts: self.now,
            order,
            verdict: *self.risk.verdict(),
            exit: exit.map(|exit| exit.cause),
            touch: *touch,
        });
        self.say(event, asked.ok().map(Command::Place));
        let after = *self.risk.halted();
        if before != after {
            self.tell_halted();
        }
        order
    }
}

/// Why a signal became no intent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unwanted {
    Quote,
    Size,
}

/// Reports and exits.
impl<G: Gateway> Trader<G> {
    #[cold]
    fn hear(&mut self, books: &Books<'_>, update: &BookUpdate) {
        let reports = &mut self.reports;
        self.gateway
            .observe(books, update, &mut |report| reports.push(*report));
        self.take_reports();
    }

    fn take_reports(&mut self) {
        for at in 0..self.reports.len() {
            let report = self.reports[at];
            self.reported(&report);
        }
        self.reports.clear();
    }

    /// What the venue says of an order becomes a position, and news for who waits for it.
    fn reported(&mut self, report: &ExecReport) {
        let key = report.contract;
        let before = self.held(key);
        let reported = self.risk.on_report(report, self.now);
        self.say(TradeEvent::Reported(*report, reported), None);
        let Some(reported) = reported else {
            return;
        };
        let change = Change {
            held: reported.held - before,
            average: reported.average,
        };
        if let Some(at) = self.holdings.iter().position(|it| it.has(report.id)) {
            let news = self.holdings[at].take(report, change, self.now);
            if news == News::TryAgain {
                self.try_again(at);
            }
        }
        if change.held != 0 {
            self.adopt(key, reported.average);
        }
        self.holdings.retain(|holding| !holding.is_over());
    }

    fn held(&self, key: BookKey) -> i64 {
        let line = self.risk.line(key);
        line.map_or(0, |line| line.position.quantity())
    }

    /// Whatever is held, somebody looks after its exits, and nobody after what is not held.
    fn adopt(&mut self, key: BookKey, average: Price) {
        let mut stray = self.held(key) - self.looked_after(key);
        for holding in &mut self.holdings {
            if holding.key() != key || stray.signum() * holding.held().signum() >= 0 {
                continue;
            }
            let excess = u32::try_from(stray.unsigned_abs()).unwrap_or(u32::MAX);
            stray += i64::from(holding.lose(excess)) * -stray.signum();
        }
        let option = self
            .watches
            .iter()
            .position(|watch| watch.chain.place(key).is_some());
        let (Some(watch), Ok(quantity)) = (option, u32::try_from(stray.unsigned_abs())) else {
            return;
        };
        if quantity == 0 {
            return;
        }
        self.counters.strays += 1;
        if self.holdings.len() == self.holdings.capacity() {
            self.counters.abandoned += 1;
            return;
        }
        let side = if stray > 0 { Side::Bid } else { Side::Ask };
        let strategy = self
            .risk
            .line(key)
            .map_or(StrategyId(0), |line| line.strategy);
        let intent = Intent {
            contract: key,
            side,
            quantity,
            price: average,
            style: Style::Marketable,
            tif: Tif::Ioc,
            purpose: Purpose::Open,
            confidence: Confidence::MAX,
            signal_id: SignalId(0),
            strategy,
            ts_event: self.now,
            reference: Quote::NONE,
            stop: Price::UNDEFINED,
            data_cost: Money::ZERO,
            good_for_ns: 0,
        };
        self.holdings.push(Holding::stray(intent, watch, average));
    }

    /// An entry that was cancelled unfilled is tried once more, at the middle (R8).
    fn try_again(&mut self, at: usize) {
        let intent = self.holdings[at].intent;
        let Some((touch, tick)) = self.touch_of(intent.contract) else {
            return;
        };
        let quote = Quote {
            bid: touch.bid,
            ask: touch.ask,
        };
        let Some(entry) = Entry::again(intent.side, quote, &tick) else {
            return;
        };
        let again = Intent {
            price: entry.price,
            style: entry.style,
            reference: quote,
            // It is the same entry going on (R8): what must be young now is the quote.
            ts_event: self.now,
            ..intent
        };
        if let Some(id) = self.ask(&again, None, &touch) {
            self.holdings[at].entered_again(id, again.quantity);
        }
    }

    /// The touch of a contract as risk saw it last, and its tick.
    fn touch_of(&self, key: BookKey) -> Option<(Touch, TickRule)> {
        let line = self.risk.line(key)?;
        let view = &line.view;
        let touch = Touch {
            bid: view.quote.bid,
            ask: view.quote.ask,
            bid_size: view.displayed[0],
            ask_size: view.displayed[1],
            ..Touch::EMPTY
        };
        Some((touch, line.contract.tick))
    }

    /// A contract's quote has moved: do its positions leave?
    fn look_at(&mut self, update: &BookUpdate) {
        let key = update.mbo.key();
        let quote = Quote {
            bid: update.touch.bid,
            ask: update.touch.ask,
        };
        for at in 0..self.holdings.len() {
            let holding = &mut self.holdings[at];
            if holding.key() != key || !holding.may_exit(self.now) {
                continue;
            }
            if let Some(exit) = holding.exits.on_quote(quote, update.trust, self.now) {
                self.leave(at, &exit);
            }
        }
    }

    /// An underlying has traded: do positions in its options leave?
    fn look_at_underlying(&mut self, watch: usize, price: Price) {
        if self.watches[watch].trust != Trust::Good {
            return;
        }
        for at in 0..self.holdings.len() {
            let holding = &mut self.holdings[at];
            if holding.watch != watch || !holding.may_exit(self.now) {
                continue;
            }
            if let Some(exit) = holding.exits.on_underlying(price) {
                self.leave(at, &exit);
            }
        }
    }

    /// Positions whose time has come, also when their book is quiet.
    fn close_what_is_due(&mut self) {
        for at in 0..self.holdings.len() {
            let key = self.holdings[at].key();
            let Some(line) = self.risk.line(key) else {
                continue;
            };
            let (quote, trust) = (line.view.quote, line.view.trust);
            let holding = &mut self.holdings[at];
            if !holding.may_exit(self.now) {
                continue;
            }
            if let Some(exit) = holding.exits.on_quote(quote, trust, self.now) {
                self.leave(at, &exit);
            }
        }
    }

    /// Asks for an exit: a limit just beyond the opposite quote, for what is there now.
    fn leave(&mut self, at: usize, exit: &Exit) {
        let holding = self.holdings[at];
        let refused = |holding: &mut Holding, now| holding.refused(exit, now);
        let (side, now) = (holding.exit_side(), self.now);
        let Some((touch, tick)) = self.touch_of(holding.key()) else {
            return refused(&mut self.holdings[at], now);
        };
        let quote = Quote {
            bid: touch.bid,
            ask: touch.ask,
        };
        let entry = Entry::marketable(side, quote, EXIT_TICKS, &tick);
        let Some(entry) = entry.filter(|_| self.may_ask()) else {
            return refused(&mut self.holdings[at], now);
        };
        let intent = Intent {
            side,
            quantity: exit.quantity,
            price: entry.price,
            style: Style::Marketable,
            tif: Tif::Ioc,
            purpose: Purpose::Reduce,
            confidence: holding.confidence(),
            signal_id: holding.signal_id(),
            ts_event: now,
            reference: quote,
            stop: Price::UNDEFINED,
            good_for_ns: 0,
            ..holding.intent
        };
        match self.ask(&intent, Some(*exit), &touch) {
            Some(id) => self.holdings[at].sent(id, exit.quantity),
            None => refused(&mut self.holdings[at], now),
        }
    }
}

/// Whether a record is dated so much after its arrival that no two clocks can explain it.
#[inline]
fn is_ahead(mbo: &Mbo) -> bool {
    mbo.ts_event.is_defined()
        && mbo.ts_recv.is_defined()
        && !mbo.flags.has(Flags::BAD_TS_RECV)
        && mbo.ts_event.0 > mbo.ts_recv.0.saturating_add(AHEAD_MAX_NS)
}

/// A queue whose every page was written once, so that none is missing later. Beside the usual
/// there is room for the cancels of so many live orders, up to [`CANCELS_MAX`].
fn laid_out_queue(orders_max: usize) -> VecDeque<Item> {
    let nothing = Item {
        event: TradeEvent::Checkpoint(0),
        command: None,
    };
    let mut queue: VecDeque<Item> =
        repeat_n(nothing, EVENTS_MAX + orders_max.min(CANCELS_MAX)).collect();
    queue.clear();
    queue
}

/// The time of a record, as far as it is to be believed.
#[inline]
fn time_of(mbo: &Mbo) -> Option<Nanos> {
    (mbo.ts_event.is_defined() && !is_ahead(mbo)).then_some(mbo.ts_event)
}
