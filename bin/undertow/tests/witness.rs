//! Who is asked before something is emitted or sent, and answers late: the shared store of claims
//! and the journal, before the chain of books, flow and trader as it runs on a tile.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::collections::{BTreeSet, VecDeque};
use std::fs;
use std::sync::{Arc, Mutex};

use undertow::profile::Profile;
use undertow::session::{first_kept, trader};
use undertow_core::book::{BookLimits, Books};
use undertow_core::contract::Contract;
use undertow_core::event::{
    Body, BookUpdate, ClaimAnswer, Claimed, Control, Mbo, Notice, Operator,
};
use undertow_core::gateway::Gateway;
use undertow_core::order::{ClientOrderId, ExecReport, Purpose, StrategyId};
use undertow_core::risk::{Command, Gate, HaltCause, Mode};
use undertow_core::stage::{Emit, Stage};
use undertow_core::types::{BookKey, Nanos};
use undertow_core::venue::PaperVenue;
use undertow_feeds::replay::Replay;
use undertow_feeds::synthetic::{SessionConfig, Truth, write_session};
use undertow_strategies::decide::Outcome;
use undertow_strategies::decide::claim::Request;
use undertow_strategies::decide::counters::{Block, Counters};
use undertow_strategies::flow::{Flow, FlowOutput, FlowParameters};
use undertow_strategies::ifd::baseline::Table;
use undertow_strategies::trade::event::TradeEvent;
use undertow_strategies::trade::stage::Desk;
use undertow_strategies::trade::witness::Witness;

#[path = "support/eager.rs"]
mod eager;
mod support;

const INSTRUMENTS_MAX: usize = 256;

/// What was asked of a witness, how much the journal has, and what was sent.
#[derive(Debug, Default)]
struct Seen {
    asked: Vec<Request>,
    said: u64,
    sent: Vec<(ClientOrderId, bool)>,
    cancelled: Vec<ClientOrderId>,
    /// So many of the things said are in the journal.
    written: u64,
}

#[derive(Clone, Debug, Default)]
struct Shared(Arc<Mutex<Seen>>);

impl Shared {
    fn with<T>(&self, look: impl FnOnce(&mut Seen) -> T) -> T {
        look(&mut self.0.lock().unwrap())
    }
}

/// Answers nothing at once.
#[derive(Debug)]
struct Slow {
    seen: Shared,
    /// Whether claims are shared, and orders wait.
    shares: bool,
    keeps: bool,
}

impl Witness for Slow {
    fn claim(&mut self, request: &Request, _now: Nanos) -> Option<ClaimAnswer> {
        self.seen.with(|seen| seen.asked.push(*request));
        (!self.shares).then_some(ClaimAnswer::Granted)
    }

    fn is_written(&mut self, said: u64) -> Option<bool> {
        self.seen.with(|seen| seen.said = said);
        (!self.keeps).then_some(true)
    }
}

/// A venue that remembers whether the journal had what it was sent.
#[derive(Debug)]
struct Watched {
    inner: PaperVenue,
    seen: Shared,
}

impl Gateway for Watched {
    fn register(&mut self, contract: &Contract) -> bool {
        Gateway::register(&mut self.inner, contract)
    }

    fn begin_session(&mut self, end: Nanos) {
        Gateway::begin_session(&mut self.inner, end);
    }

    fn send(&mut self, command: &Command, now: Nanos) {
        self.seen.with(|seen| match command {
            Command::Place(order) => seen.sent.push((order.id(), seen.written >= seen.said)),
            Command::Cancel(cancel) => seen.cancelled.push(cancel.id()),
        });
        self.inner.send(command, now);
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

/// What leaves the chain.
#[derive(Default)]
struct Heard(Vec<TradeEvent>);

impl Emit<FlowOutput> for Heard {
    fn emit(&mut self, output: &FlowOutput) {
        if let FlowOutput::Trade(event) = output {
            self.0.push(*event);
        }
    }
}

fn session() -> Vec<Body<Mbo>> {
    let config = SessionConfig {
        seed: 5,
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

/// What a run leaves behind.
struct Run {
    events: Vec<TradeEvent>,
    counters: Counters,
    withheld: u64,
    gate: Gate,
}

/// Steps through the session; `tell` sees what there is after each input, and may say something.
fn play(
    seen: &Shared,
    (shares, keeps): (bool, bool),
    mut tell: impl FnMut(&Shared, &[TradeEvent]) -> Option<Control>,
) -> Run {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("eager.toml");
    fs::write(&path, eager::profile(&[])).unwrap();
    let profile = Profile::load(path.to_str().unwrap()).unwrap();
    let limits = BookLimits {
        watches_depth: true,
        ..support::limits(INSTRUMENTS_MAX as u32, 1 << 16)
    };
    let arena = support::arena(&limits);
    let session = session();
    let start = session.iter().find_map(Body::record).unwrap();
    let kept = first_kept(&profile, start.ts_event).unwrap();
    let gateway = Watched {
        inner: profile.venue().unwrap(),
        seen: seen.clone(),
    };
    let witness = Slow {
        seen: seen.clone(),
        shares,
        keeps,
    };
    let trader = trader((&profile, Mode::Backtest), gateway, INSTRUMENTS_MAX, &kept).unwrap();
    let mut desk = Desk::new(
        Books::new_in(&arena, &limits).unwrap(),
        Flow::with(INSTRUMENTS_MAX, FlowParameters::default(), Table::default()),
        trader.witnessed(Box::new(witness), shares.then_some(7)),
    );
    let mut heard = Heard::default();
    for body in &session {
        match body {
            Body::Data(mbo) => desk.on_data(mbo, &mut heard),
            Body::Control(control) => desk.on_control(control, &mut heard),
        }
        if let Some(control) = tell(seen, &heard.0) {
            desk.on_control(&control, &mut heard);
        }
        let counters = desk.trader.decide().totals();
        assert!(counters.is_conserved(), "{counters:?}");
    }
    while desk.trader.speak(|event| heard.0.push(*event)) {}
    Run {
        counters: desk.trader.decide().totals(),
        withheld: desk.trader.counters().withheld,
        gate: desk.trader.risk().halted().gate,
        events: heard.0,
    }
}

fn asked(events: &[TradeEvent]) -> impl Iterator<Item = ClientOrderId> {
    events.iter().filter_map(|event| match event {
        TradeEvent::Asked(asked) => asked.order,
        _ => None,
    })
}

fn answer(request: &Request, answer: ClaimAnswer) -> Control {
    Control::Notice(Notice::Claimed(Claimed {
        attempt: request.token.attempt,
        answer,
    }))
}

#[test]
fn s01_a_signal_waits_for_the_shared_store_and_is_what_the_store_says() {
    let seen = Shared::default();
    let answers = [
        ClaimAnswer::Granted,
        ClaimAnswer::Duplicate,
        ClaimAnswer::Cooldown,
        ClaimAnswer::Failed,
    ];
    let mut given = [0_u64; 4];
    let mut waiting: VecDeque<(u32, Request)> = VecDeque::new();
    let mut count = 0;
    let run = play(&seen, (true, false), |seen, _| {
        let asked = seen.with(|seen| std::mem::take(&mut seen.asked));
        // Each is answered some inputs later.
        waiting.extend(asked.into_iter().map(|request| (40, request)));
        waiting
            .iter_mut()
            .for_each(|(rest, _)| *rest = rest.saturating_sub(1));
        let (_, request) = waiting.front().filter(|(rest, _)| *rest == 0).copied()?;
        waiting.pop_front();
        let which = count % answers.len();
        count += 1;
        given[which] += 1;
        Some(answer(&request, answers[which]))
    });
    assert!(given.iter().all(|given| *given > 0), "{given:?}");
    let emitted = run.events.iter().filter(|event| match event {
        TradeEvent::Decided(it) => matches!(it.decision.outcome, Outcome::Emitted(_)),
        _ => false,
    });
    assert_eq!(emitted.count() as u64, given[0]);
    assert_eq!(run.counters.emitted, given[0]);
    // Some may have been given up before their answer came, and one waits at the end.
    let failed = run.counters.blocked(Block::StoreFailed);
    assert!(failed >= given[3], "{failed} {given:?}");
    assert!(run.counters.updated >= given[1]);
    assert_eq!(run.counters.asking, 0, "nothing waits after the end");
    let mut open = false;
    for event in &run.events {
        match event {
            TradeEvent::Decided(it) => {
                open |= matches!(it.decision.outcome, Outcome::Emitted(_));
            }
            TradeEvent::Asked(it) if it.intent.purpose == Purpose::Open => {
                assert!(open, "an intent before any signal was granted");
            }
            _ => {}
        }
    }
}

#[test]
fn s01_without_an_answer_nothing_is_emitted() {
    let seen = Shared::default();
    let run = play(&seen, (true, false), |_, _| None);
    let counters = run.counters;
    assert!(counters.blocked(Block::StoreFailed) > 0);
    assert_eq!((counters.emitted, counters.asking), (0, 0));
    assert_eq!(asked(&run.events).count(), 0);
}

#[test]
fn r12_a_signal_that_waits_for_the_store_is_not_emitted_once_its_strategy_is_disabled() {
    let seen = Shared::default();
    let places = 0..6;
    let order = |order: fn(StrategyId) -> Operator| {
        let orders = places.clone().map(StrategyId).map(order);
        orders.map(Control::Operator).collect::<Vec<_>>()
    };
    let mut next: VecDeque<Control> = VecDeque::new();
    let (mut asked_for, mut said_then) = (Vec::new(), 0);
    let run = play(&seen, (true, false), |seen, events| {
        let asked = seen.with(|seen| std::mem::take(&mut seen.asked));
        for request in asked {
            let granted = answer(&request, ClaimAnswer::Granted);
            if asked_for.is_empty() {
                // Nobody waits for its answer any more.
                next.extend(order(Operator::Disable));
                next.push_back(granted);
                next.extend(order(Operator::Enable));
                said_then = events.len();
            } else {
                next.push_back(granted);
            }
            asked_for.push(request.identity);
        }
        next.pop_front()
    });
    let outcomes: Vec<_> = run.events[said_then..]
        .iter()
        .filter_map(|event| match event {
            TradeEvent::Decided(decided) => Some((decided.decision.identity, decided)),
            _ => None,
        })
        .collect();
    let (identity, first) = outcomes[0];
    assert_eq!(identity, Some(asked_for[0]));
    let outcome = first.decision.outcome;
    assert!(
        matches!(outcome, Outcome::Blocked(Block::Disabled)),
        "{outcome:?}"
    );
    assert!(run.counters.blocked(Block::Disabled) > 0, "and counted so");
    let emitted = outcomes
        .iter()
        .filter(|(_, decided)| matches!(decided.decision.outcome, Outcome::Emitted(_)));
    let emitted: Vec<_> = emitted.map(|(identity, _)| identity.unwrap()).collect();
    assert_eq!(emitted, asked_for[1..], "what was asked for later is out");
    assert!(!emitted.is_empty());
}

#[test]
fn p01_an_order_leaves_only_once_the_journal_has_its_intent() {
    let seen = Shared::default();
    let mut rest = 0;
    let run = play(&seen, (false, true), |seen, _| {
        let is_behind = seen.with(|seen| seen.said > seen.written);
        rest = if is_behind { rest + 1 } else { 0 };
        (rest > 20).then(|| {
            Control::Notice(Notice::Written(seen.with(|seen| {
                seen.written = seen.said;
                seen.written
            })))
        })
    });
    let sent = seen.with(|seen| std::mem::take(&mut seen.sent));
    assert!(!sent.is_empty());
    assert!(sent.iter().all(|(_, was_written)| *was_written), "{sent:?}");
    let orders: BTreeSet<_> = asked(&run.events).collect();
    let sent: BTreeSet<_> = sent.iter().map(|(id, _)| *id).collect();
    assert!(sent.is_subset(&orders));
    assert_eq!(sent.len() as u64 + run.withheld, orders.len() as u64);
}

#[test]
fn p03_a_journal_that_fails_shuts_the_gate_and_what_it_does_not_have_never_leaves() {
    let seen = Shared::default();
    let mut is_told = false;
    let run = play(&seen, (false, true), |_, events| {
        let waits = asked(events).next().is_some() && !is_told;
        is_told |= waits;
        let shut = Notice::Halt(Gate::Shut, HaltCause::Journal);
        waits.then_some(Control::Notice(shut))
    });
    assert!(is_told);
    assert_eq!(run.gate, Gate::Shut);
    assert_eq!(
        asked(&run.events).count(),
        1,
        "nothing is asked for after it"
    );
    assert_eq!(run.withheld, 1);
    seen.with(|seen| {
        assert_eq!(seen.sent, [], "it never left");
        assert_eq!(
            seen.cancelled,
            [],
            "so there is nothing to cancel at the venue"
        );
    });
    let halted = run.events.iter().any(|event| match event {
        TradeEvent::Halted(halt) => halt.cause == HaltCause::Journal,
        _ => false,
    });
    assert!(halted, "and it is said");
}
