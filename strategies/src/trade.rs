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

mod asking;
pub mod chain;
mod due;
mod ending;
mod entries;
pub mod event;
mod exits;
mod holding;
mod house;
mod listing;
mod operator;
pub mod recovery;
mod reports;
pub mod settings;
mod speech;
pub mod stage;
mod tally;
mod told;
pub mod unbound;
pub mod understudy;
pub mod watch;
pub mod witness;

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::iter::repeat_n;

use undertow_core::book::Books;
use undertow_core::event::{BookUpdate, Control, Definition, Mbo};
use undertow_core::fifo::Fifo;
use undertow_core::gateway::Gateway;
use undertow_core::order::ExecReport;
use undertow_core::prefetch;
use undertow_core::risk::{Context, Kept, Order, Risk};
use undertow_core::types::{Action, BookKey, Flags, Nanos, Text};

use self::chain::Chain;
use self::chain::hours::DayVolumes;
use self::event::Decided;
use self::holding::Holding;
use self::recovery::Recovery;
use self::settings::Settings;
use self::speech::{EVENTS_MAX, Item, laid_out_queue};
pub use self::tally::{Counters, Curve};
use self::told::Told;
use self::watch::Watch;
use self::witness::{Nobody, Witness};
use crate::calendar::{Calendar, Day};
use crate::decide::claim::Claims;
use crate::decide::rules::{Invalid, RuleSet};
use crate::decide::{Decide, Limits};
use crate::flow::{Flow, FlowUpdate};
use crate::ifd::desk::Finding;

/// Events that leave with each input.
pub const DRAIN: usize = 8;

/// Event time may be ahead of the time of arrival by no more than this: 1 s.
const AHEAD_MAX_NS: u64 = 1_000_000_000;

/// Which part of the machine an instrument's records concern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Unseen,
    Nowhere,
    Watch(u16),
    Option(u16, u32),
}

/// What a book is to the machine.
#[derive(Clone, Copy, Debug)]
struct Role {
    place: Place,
    /// Whether risk is told of its records.
    is_traded: bool,
}

impl Role {
    const UNSEEN: Self = Self {
        place: Place::Unseen,
        is_traded: false,
    };
}

/// See the module.
#[derive(Debug)]
pub struct Trader<G> {
    settings: Settings,
    calendar: Calendar,
    /// By the book's dense index.
    roles: Box<[Role]>,
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
    queue: Fifo<Item>,
    reports: Vec<ExecReport>,
    now: Nanos,
    tick_at: Nanos,
    ticks: u64,
    day: Option<Day>,
    counters: Counters,
    curve: Option<Curve>,
    told: Told,
    /// What must survive a restart, as it was said last.
    kept: Kept,
    recovery: Recovery,
    witness: Box<dyn Witness>,
    /// By rule set: the signal for which the shared store was asked.
    asking: Box<[Option<Decided>]>,
    /// By rule set: whether the operator wants no signals of it.
    disabled: Box<[bool]>,
    /// The program shut its own gate: what it sends could not be written, or not be relied on.
    is_mute: bool,
    /// Things said, and how many of them the journal is known to have.
    said: u64,
    written: u64,
    /// An order that was said and is not yet known to be in the journal.
    unwritten: Option<Order>,
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
            roles: repeat_n(Role::UNSEEN, settings.instruments_max).collect(),
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
            disabled: repeat_n(false, rules.len()).collect(),
            is_mute: false,
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
            told: Told::new(),
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

    /// Takes in what was traded of options on the days before (A12). Each product has its own.
    #[must_use]
    pub fn recalling(mut self, days: &[DayVolumes]) -> Self {
        let products = self.settings.products.iter();
        for (watch, product) in self.watches.iter_mut().zip(products) {
            let its = days.iter().filter(|day| day.product == product.asset);
            watch.chain.recall(its.cloned().collect());
        }
        self
    }

    /// What was traded of options today, for the days after. Of an input of several sessions the last.
    pub fn volumes(&self) -> impl Iterator<Item = DayVolumes> {
        let products = self.settings.products.iter();
        let each = self.watches.iter().zip(products);
        each.filter_map(|(watch, product)| watch.chain.volumes(product.asset))
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

    /// Goes over what it would do if it had to order.
    pub fn rehearse(&mut self) {
        self.risk.rehearse();
        prefetch::whole(self);
        self.queue.call_for_next();
        self.gateway.call_for_next();
        for watch in &self.watches {
            prefetch::whole(watch);
        }
    }

    /// Time is about to pass to that of a record: what was on its way to the venue meets the
    /// books as they stood until then.
    #[inline]
    pub fn before(&mut self, books: &Books<'_>, mbo: &Mbo) {
        if self.gateway.due() < { mbo.ts_event }
            && let Some(ts) = time_of(mbo)
        {
            self.let_arrive(books, ts);
        }
    }

    /// Sees what a record did to its book. `books` stand after it already, and `flow` has said
    /// what it has to say of it.
    #[inline(always)]
    pub fn observe(&mut self, books: &Books<'_>, flow: &Flow, update: &BookUpdate) {
        if !update.mbo.is_in_time() {
            return self.observe_untimely(books, flow, update);
        }
        self.now = self.now.max(update.mbo.ts_event);
        self.see(books, flow, update);
    }

    /// A record dated long after its own arrival has a broken clock. Believed, it would make every
    /// quote old and stop every timer until the market has caught up with it.
    #[cold]
    fn observe_untimely(&mut self, books: &Books<'_>, flow: &Flow, update: &BookUpdate) {
        let mut update = *update;
        if is_ahead(&update.mbo) {
            self.counters.ahead += 1;
            update.mbo.ts_event = update.mbo.ts_recv;
        }
        if let Some(ts) = time_of(&update.mbo) {
            self.now = self.now.max(ts);
        }
        self.see(books, flow, &update);
    }

    #[inline(always)]
    fn see(&mut self, books: &Books<'_>, flow: &Flow, update: &BookUpdate) {
        let mbo = &update.mbo;
        if !self.gateway.is_idle() {
            self.hear(books, update);
        }
        // Contracts are taken on when a tick is due, which is after this.
        let Some(role) = self.roles.get(update.book_idx as usize).copied() else {
            return;
        };
        match role.place {
            Place::Nowhere => {}
            Place::Unseen => self.sight(update),
            Place::Watch(at) => self.watch(usize::from(at), update),
            Place::Option(at, option) if update.touch_changed => {
                let chain = &mut self.watches[usize::from(at)].chain;
                chain.quote(option as usize, &update.touch, update.trust, self.now);
            }
            Place::Option(at, option) if mbo.action == Action::Trade => {
                let chain = &mut self.watches[usize::from(at)].chain;
                chain.traded(option as usize, mbo.size);
            }
            Place::Option(..) => {}
        }
        if role.is_traded {
            self.risk.observe(update);
            if update.touch_changed && !self.holdings.is_empty() {
                self.look_at(update);
            }
        }
        if self.now >= self.tick_at {
            self.catch_up_with(flow);
            self.tick(books);
        }
    }

    /// Takes in what was said of the underlyings since it was last asked for. Nothing may be said
    /// to `flow` but records before this was called: it keeps only the last thing that it said.
    pub fn catch_up_with(&mut self, flow: &Flow) {
        for watch in &mut self.watches {
            watch.catch_up(flow);
        }
    }

    /// Takes note of what an event left behind; [`Self::observe`] takes it in when it is needed.
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
    #[cold]
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
            if *product == at && rules.rule.follows_flow() {
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
            Control::Context(context) => {
                self.told.hear(context);
                if let Context::News(news) = context {
                    let asset = news.asset.as_str();
                    let mut watches = self.watches.iter_mut();
                    if let Some(watch) = watches.find(|watch| watch.symbol.as_str() == asset) {
                        watch.tell_news(news);
                    }
                }
                self.risk.on_context(context, self.now);
            }
            Control::Imbalance(imbalance) => {
                let mut watches = self.watches.iter_mut();
                if let Some(watch) = watches.find(|watch| watch.is_of(imbalance.key)) {
                    watch.tell_imbalance(imbalance);
                }
            }
            Control::Operator(operator) => self.obey(operator),
            Control::Notice(notice) => self.heed(notice),
            Control::End => self.finish(),
            _ => {}
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

/// The time of a record, as far as it is to be believed.
#[inline]
fn time_of(mbo: &Mbo) -> Option<Nanos> {
    (mbo.ts_event.is_defined() && !is_ahead(mbo)).then_some(mbo.ts_event)
}
