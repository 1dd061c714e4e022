//! A small session stepped through books, flow and trader record by record, and what is true at
//! each step looked at between a decision and its leaving.
#![allow(dead_code, reason = "each test program uses a part of it")]

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::rc::Rc;
use std::sync::OnceLock;

use time::Date;
use undertow::profile::Profile;
use undertow::session::{first_kept, trader};
use undertow_core::book::{BookLimits, Books};
use undertow_core::contract::Contract;
use undertow_core::event::{Body, BookUpdate, Control, Mbo};
use undertow_core::gateway::Gateway;
use undertow_core::order::{ClientOrderId, ExecReport, Purpose, ReportKind};
use undertow_core::risk::{Command, Kept, Mode};
use undertow_core::stage::{Emit, Stage};
use undertow_core::types::{BookKey, Nanos, Side};
use undertow_core::venue::PaperVenue;
use undertow_feeds::replay::Replay;
use undertow_feeds::synthetic::{SessionConfig, Truth, write_session};
use undertow_strategies::decide::counters::Block;
use undertow_strategies::flow::{Flow, FlowOutput, FlowParameters};
use undertow_strategies::ifd::baseline::Table;
use undertow_strategies::trade::Trader;
use undertow_strategies::trade::event::{Asked, TradeEvent};

use crate::{eager, support};

pub(crate) const INSTRUMENTS_MAX: usize = 256;

/// The session that most tests step through.
pub(crate) fn session() -> &'static [Body<Mbo>] {
    static SESSION: OnceLock<Vec<Body<Mbo>>> = OnceLock::new();
    SESSION.get_or_init(|| simulated(SessionConfig::demo().date))
}

pub(crate) fn simulated(date: Date) -> Vec<Body<Mbo>> {
    let config = SessionConfig {
        seed: 5,
        date,
        messages: 200_000,
        strikes: 8,
        expiries: 2,
        ..SessionConfig::demo()
    };
    let mut bytes = Vec::new();
    write_session(&config, &mut bytes, &mut Truth::default()).unwrap();
    let mut feed = Replay::new([bytes.as_slice()]);
    assert!(feed.read_headers());
    std::iter::from_fn(|| feed.pop().map(|msg| msg.body)).collect()
}

/// The eager profile with some lines changed.
pub(crate) fn profile(changes: &[(&str, &str)]) -> Profile {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("eager.toml");
    fs::write(&path, eager::profile(changes)).unwrap();
    Profile::load(path.to_str().unwrap()).unwrap()
}

pub(crate) fn first(profile: &Profile) -> Kept {
    let start = session().iter().find_map(Body::record).unwrap();
    first_kept(profile, start.ts_event).unwrap()
}

/// What was sent, and how far the gate was open.
pub(crate) type Sent = Rc<RefCell<Vec<Command>>>;

/// A gateway that remembers what it was given.
#[derive(Debug)]
pub(crate) struct Watched<G> {
    inner: G,
    sent: Sent,
}

impl<G: Gateway> Gateway for Watched<G> {
    fn register(&mut self, contract: &Contract) -> bool {
        self.inner.register(contract)
    }

    fn begin_session(&mut self, end: Nanos) {
        self.inner.begin_session(end);
    }

    fn send(&mut self, command: &Command, now: Nanos) {
        self.sent.borrow_mut().push(*command);
        self.inner.send(command, now);
    }

    fn ask(&mut self, id: ClientOrderId, contract: BookKey, filled: u32, now: Nanos) {
        self.inner.ask(id, contract, filled, now);
    }

    fn begin_after(&mut self, execution: u64) {
        self.inner.begin_after(execution);
    }

    fn observe(
        &mut self,
        books: &Books<'_>,
        update: &BookUpdate,
        out: &mut impl FnMut(&ExecReport),
    ) {
        self.inner.observe(books, update, out);
    }

    fn on_control(&mut self, control: &Control) {
        self.inner.on_control(control);
    }

    fn on_time(&mut self, books: &Books<'_>, now: Nanos, out: &mut impl FnMut(&ExecReport)) {
        self.inner.on_time(books, now, out);
    }

    fn concerns(&self, key: BookKey) -> bool {
        self.inner.concerns(key)
    }

    fn is_idle(&self) -> bool {
        self.inner.is_idle()
    }

    fn due(&self) -> Nanos {
        self.inner.due()
    }
}

/// What a run leaves behind.
pub(crate) struct Run<G> {
    pub(crate) trader: Trader<Watched<G>>,
    pub(crate) events: Vec<TradeEvent>,
    pub(crate) sent: Vec<Command>,
}

/// What a test sees after each record, before anything that it caused has left.
pub(crate) struct Step<'s, G> {
    pub(crate) books: &'s Books<'s>,
    pub(crate) trader: &'s Trader<Watched<G>>,
    pub(crate) events: &'s [TradeEvent],
    pub(crate) sent: &'s [Command],
}

pub(crate) struct Collected<'c, G> {
    trader: &'c mut Trader<G>,
}

impl<G: Gateway> Emit<FlowOutput> for Collected<'_, G> {
    fn emit(&mut self, output: &FlowOutput) {
        match output {
            FlowOutput::Update(update) => self.trader.measured(update),
            FlowOutput::Finding(finding) => self.trader.found(finding),
            FlowOutput::Trade(_) => unreachable!("flow does not trade"),
        }
    }
}

/// Steps through a session; `look` may order something at any step.
pub(crate) fn play<G: Gateway>(
    session: &[Body<Mbo>],
    (profile, kept): (&Profile, &Kept),
    gateway: G,
    look: impl FnMut(&Step<'_, G>) -> Option<Control>,
) -> Run<G> {
    let mode = (profile, Mode::Backtest);
    let made = |gateway| trader(mode, gateway, INSTRUMENTS_MAX, kept).unwrap();
    let run = drive(session, gateway, made, look);
    run.assert_conserved();
    run
}

/// The same with a trader that was made otherwise, and with no look at what must add up.
pub(crate) fn drive<G: Gateway>(
    session: &[Body<Mbo>],
    gateway: G,
    made: impl FnOnce(Watched<G>) -> Trader<Watched<G>>,
    mut look: impl FnMut(&Step<'_, G>) -> Option<Control>,
) -> Run<G> {
    let limits = BookLimits {
        watches_depth: true,
        ..support::limits(INSTRUMENTS_MAX as u32, 1 << 16)
    };
    let arena = support::arena(&limits);
    let mut books = Books::new_in(&arena, &limits).unwrap();
    let mut flow = Flow::with(INSTRUMENTS_MAX, FlowParameters::default(), Table::default());
    let sent = Sent::default();
    let gateway = Watched {
        inner: gateway,
        sent: Rc::clone(&sent),
    };
    let mut trader = made(gateway);
    let mut events = Vec::new();
    for body in session {
        let mut out = Collected {
            trader: &mut trader,
        };
        match body {
            Body::Data(mbo) => {
                if let Some(update) = books.apply(mbo) {
                    let update = *update;
                    flow.on_data(&update, &mut out);
                    trader.observe(&books, &flow, &update);
                }
            }
            Body::Control(control) => {
                out.trader.catch_up_with(&flow);
                books.control(control);
                flow.on_control(control, &mut out);
                trader.on_control(control);
            }
        }
        let ordered = look(&Step {
            books: &books,
            trader: &trader,
            events: &events,
            sent: &sent.borrow(),
        });
        if let Some(control) = ordered {
            books.control(&control);
            trader.on_control(&control);
        }
        while trader.speak(|event| events.push(*event)) {}
    }
    while trader.speak(|event| events.push(*event)) {}
    Run {
        trader,
        events,
        sent: sent.take(),
    }
}

impl<G: Gateway> Run<G> {
    /// Considered is emitted + blocked, asked is passed + refused, held is bought - sold; every
    /// order was said before, and each was sent or withheld.
    pub(crate) fn assert_conserved(&self) {
        for place in 0..self.trader.rules().count() {
            let counters = self.trader.decide().counters(place).unwrap();
            assert!(counters.is_conserved(), "{counters:?}");
        }
        let counters = self.trader.risk().counters();
        assert!(counters.is_conserved(), "{counters:?}");
        let asked = self.asked().count() as u64;
        assert_eq!(counters.considered, asked);
        let orders: BTreeSet<_> = self.orders().collect();
        assert_eq!(orders.len() as u64, counters.passed, "no id is used twice");
        let placed: BTreeSet<_> = self.placed().collect();
        assert_eq!(placed.len(), self.placed().count(), "nothing is sent twice");
        assert!(placed.is_subset(&orders), "what is sent was said");
        let withheld = self.trader.counters().withheld;
        assert_eq!(placed.len() as u64 + withheld, counters.passed);
        for (key, held) in self.held() {
            let line = self.trader.risk().line(key).unwrap();
            assert_eq!(line.position.quantity(), held, "{key:?}");
        }
    }

    pub(crate) fn asked(&self) -> impl Iterator<Item = &Asked> {
        self.events.iter().filter_map(|event| match event {
            TradeEvent::Asked(asked) => Some(asked),
            _ => None,
        })
    }

    /// Ids of the orders that were said.
    pub(crate) fn orders(&self) -> impl Iterator<Item = ClientOrderId> {
        self.asked().filter_map(|asked| asked.order)
    }

    /// Ids of the orders that were sent.
    pub(crate) fn placed(&self) -> impl Iterator<Item = ClientOrderId> {
        placed(&self.sent)
    }

    /// The sum of all executions, by contract.
    pub(crate) fn held(&self) -> BTreeMap<BookKey, i64> {
        held(&self.events)
    }
}

pub(crate) fn placed(sent: &[Command]) -> impl Iterator<Item = ClientOrderId> {
    sent.iter().filter_map(|command| match command {
        Command::Place(order) => Some(order.id()),
        Command::Cancel(_) => None,
    })
}

pub(crate) fn held(events: &[TradeEvent]) -> BTreeMap<BookKey, i64> {
    let mut held = BTreeMap::new();
    for event in events {
        if let TradeEvent::Reported(report, Some(reported)) = event
            && let ReportKind::Executed(execution) = report.kind
            && reported.execution.is_some()
        {
            let quantity = i64::from(execution.quantity);
            let sign = if execution.side == Side::Bid { 1 } else { -1 };
            *held.entry(report.contract).or_insert(0) += sign * quantity;
        }
    }
    held
}

/// The first contract that something is held of.
pub(crate) fn holding<G: Gateway>(step: &Step<'_, G>) -> Option<BookKey> {
    let mut lines = step.trader.risk().lines();
    let line = lines.find(|line| line.position.quantity() != 0)?;
    Some(line.contract.key)
}

/// Signals blocked for a reason, by all rule sets.
pub(crate) fn blocked<G: Gateway>(run: &Run<G>, block: Block) -> u64 {
    let places = 0..run.trader.rules().count();
    let counters = places.map(|place| run.trader.decide().counters(place).unwrap());
    counters.map(|counters| counters.blocked(block)).sum()
}

/// How many orders that open were made.
pub(crate) fn opening<G: Gateway>(run: &Run<G>) -> usize {
    run.asked()
        .filter(|asked| asked.order.is_some() && asked.intent.purpose == Purpose::Open)
        .count()
}

pub(crate) fn venue(profile: &Profile) -> PaperVenue {
    profile.venue().unwrap()
}

pub(crate) fn nothing<G>(_: &Step<'_, G>) -> Option<Control> {
    None
}

pub(crate) fn plain() -> Run<PaperVenue> {
    let profile = profile(&[]);
    play(
        session(),
        (&profile, &first(&profile)),
        venue(&profile),
        nothing,
    )
}
