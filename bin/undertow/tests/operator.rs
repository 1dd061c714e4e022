//! What the operator orders while a session is traded (R12): halt, cancel-all, close, flatten, kill,
//! and no more of a strategy.
//!
//! The session is that of the trader's tests, and the profile so eager that several positions are
//! held at once.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs;
use std::path::Path;

use undertow::profile::Profile;
use undertow::session::{past, risk, trader_with};
use undertow_cold::explain;
use undertow_cold::journal::{Entry, Reader, Record, State};
use undertow_core::book::Books;
use undertow_core::contract::Contract;
use undertow_core::event::{Body, BookUpdate, Control, Mbo, Notice, Operator};
use undertow_core::gateway::Gateway;
use undertow_core::order::Tif;
use undertow_core::order::{ClientOrderId, ExecReport, ReportKind, SignalId, StrategyId};
use undertow_core::position::ExitCause;
use undertow_core::risk::{
    BreakerKind, Command, Gate, HaltCause, LimitChange, Mode, Phase, Reason, Refusal,
};
use undertow_core::types::{Action, BookKey, Flags, Nanos, Price, Side};
use undertow_core::venue::PaperVenue;
use undertow_feeds::replay::Replay;
use undertow_strategies::decide::Outcome;
use undertow_strategies::decide::counters::Block;
use undertow_strategies::trade::event::{Asked, TradeEvent};

#[path = "support/desk.rs"]
mod desk;
#[path = "support/eager.rs"]
mod eager;
mod support;

use desk::{INSTRUMENTS_MAX, Run, Step, drive, first, nothing, placed, play, session, venue};

const SECOND: u64 = 1_000_000_000;

/// The rule set that signals most by this profile, by its place.
const BUSY: u8 = 5;

/// What is written otherwise than in the eager profile: much is signalled and little refused.
const LIVELY: [(&str, &str); 11] = [
    (
        "[product.rules.synthesis]\nliquid_interest_min = 5 ",
        "[product.rules.synthesis]\nleast_confidence = 1\nlead_min = 1\nedge_min = 0.001\n\
         ev_min = 1\nev_full = 1\nev_weight = 80\nv1_weight = 5\n\
         v3_weight = 5\nshock_weight = 5\nliquid_spread_max_pct = 100\n\
         liquid_interest_min = 0\nstop_max_bps = 10000\n\
         cooldown_s = 1200 ",
    ),
    ("correlation_ppm = \"70%\"", "correlation_ppm = \"100%\""),
    (
        "underlying_share_ppm = \"20%\"",
        "underlying_share_ppm = \"90%\"",
    ),
    (
        "strategy_share_ppm = \"30%\"",
        "strategy_share_ppm = \"90%\"",
    ),
    ("delta_max = 2_000_000", "delta_max = 20_000_000"),
    ("gamma_max = 10_000_000", "gamma_max = 100_000_000"),
    ("vega_max = 20_000", "vega_max = 200_000"),
    (
        "gross_notional_max = 40_000",
        "gross_notional_max = 400_000",
    ),
    (
        "underlying_notional_max = 40_000",
        "underlying_notional_max = 400_000",
    ),
    ("worst_loss_max = 20_000", "worst_loss_max = 200_000"),
    // Ten ticks beyond the quote of a cheap option are more than the tenth of its price that the
    // collar lets through.
    ("collar_ppm = \"10%\"", "collar_ppm = \"99%\""),
];

fn lively(more: &[(&str, &str)]) -> Profile {
    desk::profile(&[&LIVELY[..], more].concat())
}

/// Steps through the session on the venue of paper.
fn traded(
    profile: &Profile,
    look: impl FnMut(&Step<'_, PaperVenue>) -> Option<Control>,
) -> Run<PaperVenue> {
    play(session(), (profile, &first(profile)), venue(profile), look)
}

/// A venue that fills no exit: each is cancelled unfilled after so long, or when it is cancelled.
#[derive(Debug)]
struct Stubborn {
    inner: PaperVenue,
    after_ns: u64,
    answers: VecDeque<ExecReport>,
}

impl Stubborn {
    fn new(profile: &Profile, after_ns: u64) -> Self {
        Self {
            inner: venue(profile),
            after_ns,
            answers: VecDeque::new(),
        }
    }
}

impl Gateway for Stubborn {
    fn register(&mut self, contract: &Contract) -> bool {
        Gateway::register(&mut self.inner, contract)
    }

    fn begin_session(&mut self, end: Nanos) {
        Gateway::begin_session(&mut self.inner, end);
    }

    fn send(&mut self, command: &Command, now: Nanos) {
        match command {
            Command::Place(order) if order.intent().tif == Tif::Ioc => {
                self.answers.push_back(ExecReport {
                    id: order.id(),
                    contract: order.intent().contract,
                    ts_event: Nanos(now.0 + self.after_ns),
                    kind: ReportKind::Cancelled { filled: 0 },
                });
            }
            Command::Cancel(cancel) => {
                let mut answers = self.answers.iter_mut();
                match answers.find(|answer| answer.id == cancel.id()) {
                    Some(answer) => answer.ts_event = now,
                    None => self.inner.send(command, now),
                }
            }
            Command::Place(_) => self.inner.send(command, now),
        }
    }

    fn observe(
        &mut self,
        books: &Books<'_>,
        update: &BookUpdate,
        out: &mut impl FnMut(&ExecReport),
    ) {
        self.inner.observe(books, update, out);
        let now = update.mbo.ts_event;
        self.answers.retain(|answer| {
            let is_due = answer.ts_event <= now;
            if is_due {
                out(answer);
            }
            !is_due
        });
    }

    fn on_control(&mut self, control: &Control) {
        self.inner.on_control(control);
    }

    fn on_time(&mut self, books: &Books<'_>, now: Nanos, out: &mut impl FnMut(&ExecReport)) {
        self.inner.on_time(books, now, out);
    }

    fn concerns(&self, key: BookKey) -> bool {
        self.inner.concerns(key) || self.answers.iter().any(|answer| answer.contract == key)
    }

    fn is_idle(&self) -> bool {
        self.inner.is_idle() && self.answers.is_empty()
    }

    fn due(&self) -> Nanos {
        self.inner.due()
    }
}

const fn operator(operator: Operator) -> Option<Control> {
    Some(Control::Operator(operator))
}

fn resume() -> Operator {
    Operator::Resume(Reason::new("looked at").unwrap())
}

/// The first order that is still on its way or rests, of those that open or of those that do not.
fn live<G: Gateway>(step: &Step<'_, G>, opens: bool) -> Option<ClientOrderId> {
    placed(step.sent).find(|id| {
        let track = step.trader.risk().order(*id);
        track.is_some_and(|track| {
            !track.life.state().is_final() && track.order.intent().purpose.opens() == opens
        })
    })
}

/// Every contract that something is held of, and the signal that it was bought for.
fn positions<G: Gateway>(step: &Step<'_, G>) -> Vec<(BookKey, SignalId)> {
    let lines = step.trader.risk().lines();
    let held = lines.filter(|line| line.position.quantity() != 0);
    let keys: Vec<_> = held.map(|line| line.contract.key).collect();
    keys.into_iter()
        .map(|key| {
            let mut entries = asked(step.events).filter(|asked| {
                asked.intent.contract == key && asked.order.is_some() && asked.exit.is_none()
            });
            (key, entries.next_back().unwrap().intent.signal_id)
        })
        .collect()
}

fn asked(events: &[TradeEvent]) -> impl DoubleEndedIterator<Item = &Asked> {
    events.iter().filter_map(|event| match event {
        TradeEvent::Asked(asked) => Some(asked),
        _ => None,
    })
}

fn is_ordered(asked: &&Asked) -> bool {
    asked.exit == Some(ExitCause::Ordered)
}

/// Orders that open among those that were sent.
fn opens(sent: &[Command]) -> usize {
    let orders = sent.iter().filter(|command| match command {
        Command::Place(order) => order.intent().purpose.opens(),
        Command::Cancel(_) => false,
    });
    orders.count()
}

/// Ids of the orders that were said to be cancelled.
fn cancelled(events: &[TradeEvent]) -> BTreeSet<ClientOrderId> {
    let cancels = events.iter().filter_map(|event| match event {
        TradeEvent::Cancelled(cancel, _) => Some(cancel.id()),
        _ => None,
    });
    cancels.collect()
}

/// The outcomes of what a rule set decided.
fn outcomes(events: &[TradeEvent], place: u8) -> impl Iterator<Item = Outcome> {
    events.iter().filter_map(move |event| match event {
        TradeEvent::Decided(decided) if decided.place == usize::from(place) => {
            Some(decided.decision.outcome)
        }
        _ => None,
    })
}

fn emitted(events: &[TradeEvent], place: u8) -> usize {
    let of_place = outcomes(events, place);
    of_place
        .filter(|outcome| matches!(outcome, Outcome::Emitted(_)))
        .count()
}

fn disabled(events: &[TradeEvent], place: u8) -> usize {
    let is_it = |outcome: &Outcome| matches!(outcome, Outcome::Blocked(Block::Disabled));
    outcomes(events, place).filter(is_it).count()
}

fn is_emitted(event: &TradeEvent, id: SignalId) -> bool {
    let TradeEvent::Decided(decided) = event else {
        return false;
    };
    match decided.decision.outcome {
        Outcome::Emitted(signal) => u64::from_be_bytes(signal.identity.id.0) == id.0,
        _ => false,
    }
}

/// Every event as text, but for the words of an operator.
fn without_words(events: &[TradeEvent]) -> Vec<String> {
    let rest = events
        .iter()
        .filter(|event| !matches!(event, TradeEvent::Ordered(..)));
    rest.map(|event| format!("{event:?}")).collect()
}

/// So many ticks below what is bid, on the next tick that is no less.
fn below<G: Gateway>(run: &Run<G>, asked: &Asked, ticks: i64) -> Price {
    let contract = &run
        .trader
        .risk()
        .line(asked.intent.contract)
        .unwrap()
        .contract;
    let bid = asked.touch.bid;
    let step = contract.tick.step(bid);
    let price = bid.0 - ticks * step;
    assert_eq!(contract.tick.step(Price(price)), step, "ticks of one size");
    Price(price + (-price).rem_euclid(step))
}

#[test]
fn r12_an_ordered_exit_is_tried_in_three_rounds_and_then_the_position_is_looked_after_as_before() {
    let profile = lively(&[]);
    let (mut since, mut ordered) = (0, Vec::new());
    let venue = Stubborn::new(&profile, 0);
    let run = play(session(), (&profile, &first(&profile)), venue, |step| {
        if !ordered.is_empty() || positions(step).len() < 2 {
            return None;
        }
        (since, ordered) = (step.events.len(), positions(step));
        operator(Operator::Flatten)
    });
    assert_eq!(ordered.len(), 2, "two positions were held at some time");
    for (key, signal) in ordered {
        let exits: Vec<_> = asked(&run.events[since..])
            .filter(|asked| asked.intent.signal_id == signal && asked.exit.is_some())
            .collect();
        let (rounds, rest) = exits.split_at(3);
        for (asked, ticks) in rounds.iter().zip([2, 5, 10]) {
            assert!(is_ordered(asked) && asked.order.is_some(), "{asked:?}");
            let (price, bid) = (asked.intent.price, asked.touch.bid);
            assert_eq!(
                price,
                below(&run, asked, ticks),
                "{ticks} ticks below {bid}"
            );
            assert_eq!(asked.intent.tif, Tif::Ioc);
        }
        for pair in exits.windows(2) {
            let apart = pair[1].ts.0 - pair[0].ts.0;
            assert!(apart >= SECOND, "{apart} ns between two tries");
        }
        assert!(!rest.is_empty(), "its own exits are still asked for");
        for asked in rest {
            let cause = asked.exit.unwrap();
            assert_ne!(
                cause,
                ExitCause::Ordered,
                "there are no more than three rounds"
            );
            assert_eq!(asked.intent.price, below(&run, asked, 2), "{cause:?}");
        }
        assert!(run.held()[&key] > 0, "nobody bought it");
        assert_eq!(run.trader.looked_after(key), run.held()[&key]);
    }
}

/// The session without anything bid for a contract from this input on and for so long.
fn unbid(from: usize, key: BookKey, ns: u64) -> Vec<Body<Mbo>> {
    let mut bids: BTreeMap<u64, Mbo> = BTreeMap::new();
    let mut out = Vec::with_capacity(session().len());
    let mut until = None;
    for (at, body) in session().iter().enumerate() {
        let Body::Data(mbo) = body else {
            out.push(*body);
            continue;
        };
        let standing = |bids: &BTreeMap<u64, Mbo>, action: Action| -> Vec<_> {
            let all = bids.values().map(|bid| {
                Body::Data(Mbo {
                    instrument_id: bid.instrument_id,
                    order_id: bid.order_id,
                    price: bid.price,
                    size: bid.size,
                    side: bid.side,
                    flags: Flags::LAST,
                    action,
                    ..*mbo
                })
            });
            all.collect()
        };
        if at >= from && until.is_none() {
            until = Some(mbo.ts_event.0 + ns);
            out.extend(standing(&bids, Action::Cancel));
        }
        let is_gone = until.is_some_and(|until| mbo.ts_event.0 < until);
        if !is_gone && until.is_some_and(|until| until > 0) {
            until = Some(0);
            out.extend(standing(&bids, Action::Add));
        }
        let is_bid = mbo.key() == key && mbo.side == Side::Bid;
        let id = mbo.order_id;
        match mbo.action {
            Action::Add | Action::Modify if is_bid => {
                bids.insert(id.0, *mbo);
            }
            Action::Cancel if is_bid => {
                let size = bids.get_mut(&id.0).map(|bid| {
                    bid.size -= mbo.size;
                    bid.size
                });
                if size == Some(0) {
                    bids.remove(&id.0);
                }
            }
            _ => {}
        }
        let is_hidden = is_gone && is_bid && mbo.action != Action::Trade;
        // The record stays, for it may end an event.
        let action = if is_hidden { Action::None } else { mbo.action };
        out.push(Body::Data(Mbo { action, ..*mbo }));
    }
    out
}

/// Flattens when nothing is bid for what is held, for so long; the exits that were asked for since,
/// and how long after.
fn flattened_unbid(ns: u64) -> (Run<PaperVenue>, BookKey, Vec<(Asked, u64)>) {
    let profile = lively(&[]);
    let (mut steps, mut held_at) = (0, None);
    traded(&profile, |step| {
        steps += 1;
        if let ([(key, _)], None) = (&positions(step)[..], held_at) {
            held_at = Some((steps, *key));
        }
        None
    });
    let (from, key) = held_at.expect("a position was held");
    let session = unbid(from, key, ns);
    let (mut ordered_at, mut since) = (None, 0);
    let run = play(
        &session,
        (&profile, &first(&profile)),
        venue(&profile),
        |step| {
            let book = step.books.get(key)?;
            if ordered_at.is_some() || positions(step).is_empty() || book.touch().bid.is_defined() {
                return None;
            }
            let now = step.books.iter().map(|book| book.ts_event()).max();
            (ordered_at, since) = (now, step.events.len());
            operator(Operator::Flatten)
        },
    );
    let at = ordered_at.expect("nothing is bid for what is held");
    let exits = asked(&run.events[since..]).filter(|asked| asked.intent.contract == key);
    let exits = exits.map(|asked| (*asked, asked.ts.0 - at.0)).collect();
    (run, key, exits)
}

#[test]
fn r12_a_round_that_the_collar_would_refuse_goes_as_far_as_it_lets() {
    // A fiftieth of the price, or four ticks from the middle: less than five ticks beyond the bid.
    let (wide, others) = LIVELY.split_last().unwrap();
    let narrow = (wide.0, "collar_ppm = \"2%\"");
    let profile = desk::profile(&[others, &[narrow]].concat());
    let (mut since, mut signal) = (0, None);
    let venue = Stubborn::new(&profile, 0);
    let run = play(session(), (&profile, &first(&profile)), venue, |step| {
        let (_, first) = *positions(step).first()?;
        if signal.is_some() {
            return None;
        }
        (since, signal) = (step.events.len(), Some(first));
        operator(Operator::Flatten)
    });
    let rounds: Vec<_> = asked(&run.events[since..])
        .filter(|asked| Some(asked.intent.signal_id) == signal && is_ordered(asked))
        .collect();
    assert_eq!(rounds.len(), 3);
    assert_eq!(rounds[0].intent.price, below(&run, rounds[0], 2));
    let second = rounds[1];
    assert!(second.intent.price < below(&run, second, 2), "farther");
    assert!(second.intent.price > below(&run, second, 5), "not so far");
    assert_eq!(second.intent.price.0 % 50_000_000, 0, "on a tick");
    for asked in &rounds[..2] {
        assert!(asked.order.is_some(), "{:?}", asked.verdict.refusal());
    }
    // Where the collar lets the third go no farther than the second, it is the second once more.
    let third = rounds[2];
    let is_again = third.intent.price == second.intent.price;
    let refusal = is_again.then_some(Refusal::Duplicate);
    assert_eq!(third.verdict.refusal(), refusal, "{:?}", third.intent.price);
}

#[test]
fn r12_what_nobody_bids_for_is_tried_three_times_and_nothing_is_sold_for_nothing() {
    // Its bids come back after the second try and before the third.
    let (run, key, exits) = flattened_unbid(SECOND * 3 / 2);
    let (asked, after) = exits[0];
    assert!(is_ordered(&&asked) && asked.order.is_some(), "{asked:?}");
    assert!((2 * SECOND..3 * SECOND).contains(&after), "{after}");
    assert_eq!(
        asked.intent.price,
        below(&run, &asked, 10),
        "the third round"
    );
    assert_eq!(run.held()[&key], 0);

    // They come back when all three are over.
    let (run, key, exits) = flattened_unbid(10 * SECOND);
    assert!(
        !exits.is_empty(),
        "it is looked after and left as if nothing had been ordered"
    );
    for (asked, after) in &exits {
        assert!(!is_ordered(&asked), "{asked:?}");
        assert!(
            *after >= 10 * SECOND && asked.touch.bid.is_defined(),
            "{asked:?}"
        );
    }
    assert_eq!(run.held()[&key], 0, "and it was sold in the end");
}

/// Flattens when something is held and an entry rests; from where on, and the entry.
fn flattened(
    profile: &Profile,
    before: Option<Control>,
) -> (Run<PaperVenue>, [usize; 2], ClientOrderId) {
    let (mut step_no, mut since, mut entry) = (0, [0; 2], ClientOrderId(0));
    let run = traded(profile, |step| {
        if step_no == 0 && (positions(step).is_empty() || live(step, true).is_none()) {
            return None;
        }
        step_no += 1;
        match step_no {
            1 => {
                entry = live(step, true).unwrap();
                since = [step.events.len(), step.sent.len()];
                before.or(Some(Control::Operator(Operator::Flatten)))
            }
            2 if before.is_some() => {
                assert_eq!(step.trader.risk().halted().gate, Gate::Shut);
                operator(Operator::Flatten)
            }
            _ => None,
        }
    });
    assert!(step_no > 2, "something was held while an entry rested");
    (run, since, entry)
}

#[test]
fn r12_a_flatten_halts_first_then_cancels_entries_and_closes_all_that_is_held() {
    let profile = lively(&[]);
    let (run, [said, sent], entry) = flattened(&profile, None);
    let (events, sent) = (&run.events[said..], &run.sent[sent..]);
    let halted = events.iter().position(|event| match event {
        TradeEvent::Halted(halt) => {
            (halt.gate, halt.cause) == (Gate::ReduceOnly, HaltCause::Operator)
        }
        _ => false,
    });
    let exit = events.iter().position(|event| match event {
        TradeEvent::Asked(asked) => is_ordered(&asked),
        _ => false,
    });
    let (halted, exit) = (
        halted.expect("it is said"),
        exit.expect("what is held leaves"),
    );
    assert!(halted < exit, "{halted} {exit}");
    assert!(
        cancelled(events).contains(&entry),
        "the entry that rests is cancelled"
    );
    let is_sent = |command: &Command| match command {
        Command::Cancel(cancel) => cancel.id() == entry,
        Command::Place(_) => false,
    };
    assert!(sent.iter().any(is_sent), "at the venue");
    assert_eq!(opens(sent), 0, "nothing is opened any more");
    assert!(
        run.held().values().all(|held| *held == 0),
        "{:?}",
        run.held()
    );
    assert_eq!(
        run.trader.risk().halted().gate,
        Gate::ReduceOnly,
        "until it is resumed"
    );
}

#[test]
fn r12_after_a_kill_a_flatten_lets_out_what_closes_and_nothing_else() {
    let profile = lively(&[]);
    let kill = Control::Operator(Operator::Kill);
    let (run, [said, sent], _) = flattened(&profile, Some(kill));
    let gates: Vec<_> = run.events[said..]
        .iter()
        .filter_map(|event| match event {
            TradeEvent::Halted(halt) => Some(halt.gate),
            _ => None,
        })
        .collect();
    assert_eq!(gates, [Gate::Shut, Gate::ReduceOnly]);
    let orders = placed(&run.sent[sent..]).count();
    assert!(orders > 0, "what was held is sold");
    assert_eq!(opens(&run.sent[sent..]), 0);
    assert!(
        run.held().values().all(|held| *held == 0),
        "{:?}",
        run.held()
    );
}

#[test]
fn r12_what_the_program_has_shut_itself_no_flatten_lets_out() {
    let profile = lively(&[]);
    let shut = Notice::Halt(Gate::Shut, HaltCause::Journal);
    let (run, [said, sent], _) = flattened(&profile, Some(Control::Notice(shut)));
    assert_eq!(
        placed(&run.sent[sent..]).count(),
        0,
        "{:?}",
        &run.sent[sent..]
    );
    let tried: Vec<_> = asked(&run.events[said..]).filter(is_ordered).collect();
    assert!(!tried.is_empty(), "it was tried");
    let is_halted = |asked: &&Asked| asked.verdict.refusal() == Some(Refusal::Halt);
    assert!(tried.iter().all(is_halted), "and refused");
    let halt = run.trader.risk().halted();
    assert_eq!((halt.gate, halt.cause), (Gate::Shut, HaltCause::Journal));
    assert!(
        run.held().values().any(|held| *held != 0),
        "it is still held"
    );
}

/// A run in which something was ordered while an entry rested and an exit was on its way: from
/// where on, and which orders they were.
struct Midway {
    run: Run<Stubborn>,
    said: usize,
    sent: usize,
    entry: ClientOrderId,
    exit: ClientOrderId,
    /// The gate in the end.
    gate: Gate,
}

fn midway(order: Operator) -> Midway {
    let profile = lively(&[]);
    // Exits are under way for three seconds.
    let venue = Stubborn::new(&profile, 3 * SECOND);
    let mut is_closing = false;
    let mut found = None;
    let mut gate = Gate::Shut;
    let run = play(session(), (&profile, &first(&profile)), venue, |step| {
        gate = step.trader.risk().halted().gate;
        if found.is_some() {
            return None;
        }
        let entry = live(step, true)?;
        if !is_closing {
            let (_, signal) = *positions(step).first()?;
            is_closing = true;
            return operator(Operator::Close(signal));
        }
        let exit = live(step, false)?;
        found = Some((step.events.len(), step.sent.len(), entry, exit));
        operator(order)
    });
    let (said, sent, entry, exit) = found.expect("an entry rested while an exit was on its way");
    Midway {
        run,
        said,
        sent,
        entry,
        exit,
        gate,
    }
}

#[test]
fn r12_a_halt_cancels_entries_that_rest_and_leaves_exits_alone() {
    let midway = midway(Operator::Halt);
    let events = &midway.run.events[midway.said..];
    assert_eq!(cancelled(events), BTreeSet::from([midway.entry]));
    assert_eq!(opens(&midway.run.sent[midway.sent..]), 0);
    assert_eq!(midway.gate, Gate::ReduceOnly);
    let again = asked(events).filter(|asked| asked.exit.is_some() && asked.order.is_some());
    assert!(again.count() > 1, "exits go on");
}

#[test]
fn r12_cancel_all_cancels_all_that_is_live_and_no_entry_is_tried_again() {
    let midway = midway(Operator::CancelAll);
    let (run, said) = (&midway.run, midway.said);
    let events = &run.events[said..];
    let word = events
        .iter()
        .position(|event| matches!(event, TradeEvent::Ordered(..)));
    let (_, after) = events.split_at(word.expect("it is said") + 1);
    for id in [midway.entry, midway.exit] {
        let place = after.iter().position(|event| match event {
            TradeEvent::Cancelled(cancel, _) => cancel.id() == id,
            _ => false,
        });
        assert!(
            place.is_some_and(|place| place < 2),
            "{id:?} at once: {place:?}"
        );
        let unfilled = after.iter().any(|event| match event {
            TradeEvent::Reported(report, _) => {
                report.id == id && report.kind == ReportKind::Cancelled { filled: 0 }
            }
            _ => false,
        });
        assert!(unfilled, "{id:?} ended so");
    }
    assert_eq!(midway.gate, Gate::Open, "the gate is as it was");
    let is_entry = |asked: &&Asked| asked.order == Some(midway.entry);
    let signal = asked(&run.events).find(is_entry).unwrap().intent.signal_id;
    let until = after.iter().position(|event| is_emitted(event, signal));
    let again = &after[..until.unwrap_or(after.len())];
    assert!(!again.is_empty(), "there was time for it");
    let tries = asked(again).filter(|asked| asked.intent.signal_id == signal);
    assert_eq!(tries.count(), 0, "R8 would try it a second time");
    assert!(
        opens(&run.sent[midway.sent..]) > 0,
        "other signals are followed"
    );
}

#[test]
fn r12_a_close_closes_the_position_of_its_signal_and_no_other() {
    let profile = lively(&[]);
    let (mut held, mut since) = (Vec::new(), [0; 2]);
    let run = traded(&profile, |step| {
        if !held.is_empty() || positions(step).len() < 2 {
            return None;
        }
        (held, since) = (positions(step), [step.events.len(), step.sent.len()]);
        operator(Operator::Close(held[0].1))
    });
    let [said, sent] = since;
    let events = &run.events[said..];
    let ordered: Vec<_> = asked(events).filter(is_ordered).collect();
    let (key, signal) = held[0];
    assert!(!ordered.is_empty());
    let is_its = |asked: &&Asked| (asked.intent.contract, asked.intent.signal_id) == (key, signal);
    assert!(ordered.iter().all(is_its), "{ordered:?}");
    assert_eq!(run.held()[&key], 0);
    let (other, _) = held[1];
    let left = asked(events)
        .find(|asked| asked.intent.contract == other)
        .unwrap();
    let later = ordered.last().unwrap().ts.0 + 60 * SECOND;
    assert!(
        left.exit.is_some() && left.ts.0 > later,
        "the other leaves by itself"
    );
    assert_eq!(run.trader.risk().halted().gate, Gate::Open);
    assert!(opens(&run.sent[sent..]) > 0, "and others are opened");
}

#[test]
fn r12_a_close_cancels_what_rests_of_its_entry_and_that_is_not_tried_again() {
    let profile = lively(&[]);
    let mut closed = None;
    let run = traded(&profile, |step| {
        if closed.is_some() {
            return None;
        }
        let entry = live(step, true)?;
        let signal = step.trader.risk().order(entry)?.order.intent().signal_id;
        closed = Some((entry, signal, step.events.len(), step.sent.len()));
        operator(Operator::Close(signal))
    });
    let (entry, signal, said, sent) = closed.expect("an entry rested");
    let after = &run.events[said..];
    let until = after.iter().position(|event| is_emitted(event, signal));
    let after = &after[..until.unwrap_or(after.len())];
    let word = after
        .iter()
        .position(|event| matches!(event, TradeEvent::Ordered(..)));
    // At once, and not when its time is over.
    match after[word.unwrap()..] {
        [
            TradeEvent::Ordered(_, at),
            TradeEvent::Cancelled(cancel, ts),
            ..,
        ] => {
            assert_eq!((cancel.id(), ts), (entry, at));
        }
        _ => panic!("no cancel follows"),
    }
    let is_unfilled = |event: &TradeEvent| match event {
        TradeEvent::Reported(report, _) => {
            report.id == entry && report.kind == ReportKind::Cancelled { filled: 0 }
        }
        _ => false,
    };
    assert!(after.iter().any(is_unfilled), "the venue has cancelled it");
    let tries = asked(after).filter(|asked| asked.intent.signal_id == signal);
    assert_eq!(tries.count(), 0, "R8 would try it a second time");
    assert!(opens(&run.sent[sent..]) > 0, "other signals are followed");
}

#[test]
fn r12_a_close_of_a_signal_that_nobody_knows_is_said_and_changes_nothing() {
    let profile = lively(&[]);
    let plain = traded(&profile, nothing);
    for word in [
        Operator::Close(SignalId(1)),
        Operator::Disable(StrategyId(6)),
        Operator::Disable(StrategyId(u8::MAX)),
        Operator::Enable(StrategyId(u8::MAX)),
        Operator::Enable(StrategyId(BUSY)),
    ] {
        let mut is_said = false;
        let run = traded(&profile, |step| {
            let says = !is_said && !positions(step).is_empty();
            is_said |= says;
            says.then_some(Control::Operator(word))
        });
        let is_it = |event: &&TradeEvent| match event {
            TradeEvent::Ordered(said, _) => *said == word,
            _ => false,
        };
        assert_eq!(run.events.iter().filter(is_it).count(), 1, "{word:?}");
        assert!(
            without_words(&run.events) == without_words(&plain.events),
            "{word:?}"
        );
    }
}

#[test]
fn r12_what_was_ordered_to_leave_is_not_rolled_into_the_next_expiry() {
    let rolls = (
        "[product.rules.synthesis]\n",
        "[product.rules.synthesis]\nroll_days = 1\n",
    );
    let profile = lively(&[rolls]);
    let run = |closes: bool| {
        let mut closed = None;
        let venue = Stubborn::new(&profile, 0);
        let run = play(session(), (&profile, &first(&profile)), venue, |step| {
            if closed.is_some() {
                return None;
            }
            let (_, signal) = *positions(step).first()?;
            closed = Some((signal, step.events.len()));
            closes.then_some(Control::Operator(Operator::Close(signal)))
        });
        let (signal, since) = closed.expect("a position was held");
        let exits = asked(&run.events[since..]);
        let exits = exits.filter(|asked| asked.intent.signal_id == signal);
        exits.filter_map(|asked| asked.exit).collect::<Vec<_>>()
    };
    assert!(run(false).contains(&ExitCause::Roll), "it would be rolled");
    let ordered = run(true);
    assert_eq!(ordered[..3], [ExitCause::Ordered; 3]);
    assert!(
        ordered.len() > 3,
        "it is looked after when the rounds are over"
    );
    assert!(
        !ordered.contains(&ExitCause::Roll),
        "but nothing is opened for it"
    );
}

#[test]
fn r12_signals_of_a_disabled_strategy_are_blocked_and_counted_until_it_is_enabled() {
    let profile = lively(&[]);
    let mut words = Vec::new();
    let mut held_then = Vec::new();
    let run = traded(&profile, |step| {
        let word = match words.len() {
            // Some of its positions are held, and are seen to leave.
            0 if positions(step).len() == 2 => Operator::Disable(StrategyId(BUSY)),
            1 if positions(step).is_empty() => Operator::Enable(StrategyId(BUSY)),
            _ => return None,
        };
        if words.is_empty() {
            held_then = positions(step);
        }
        words.push(step.events.len());
        operator(word)
    });
    let [off, on] = words[..] else {
        panic!("{words:?}: some were blocked");
    };
    let (before, between, after) = (&run.events[..off], &run.events[off..on], &run.events[on..]);
    assert!(emitted(before, BUSY) > 0);
    assert_eq!((emitted(between, BUSY), disabled(before, BUSY)), (0, 0));
    assert!(emitted(after, BUSY) > 0, "let out again");
    assert_eq!(disabled(after, BUSY), 0);
    let counters = run.trader.decide().counters(usize::from(BUSY)).unwrap();
    assert_eq!(
        counters.blocked(Block::Disabled),
        disabled(between, BUSY) as u64
    );
    let others = run.trader.rules().count() as u8;
    let others = (0..others).filter(|place| *place != BUSY);
    assert!(
        others.clone().any(|place| emitted(between, place) > 0),
        "others go on"
    );
    assert!(
        others
            .clone()
            .all(|place| disabled(&run.events, place) == 0)
    );
    for (key, signal) in held_then {
        let its = |asked: &&Asked| (asked.intent.contract, asked.intent.signal_id) == (key, signal);
        let left = asked(between)
            .filter(its)
            .find(|asked| asked.exit.is_some());
        let cause = left.expect("it leaves as before").exit;
        assert_ne!(cause, Some(ExitCause::Ordered));
    }
}

#[test]
fn r12_a_drawdown_that_is_cleared_is_counted_from_the_equity_of_then() {
    let profile = lively(&[
        ("drawdown_ppm = \"10%\"", "drawdown_ppm = \"0.03%\""),
        (
            "drawdown_shrink_ppm = \"8%\"",
            "drawdown_shrink_ppm = \"0.02%\"",
        ),
        (
            "drawdown_tighten_ppm = \"6%\"",
            "drawdown_tighten_ppm = \"0.01%\"",
        ),
        ("drawdown_cool_ns = \"2h\"", "drawdown_cool_ns = \"1s\""),
    ]);
    let kind = BreakerKind::Drawdown;
    let (mut tripped_at, mut cleared) = (None, None);
    let run = traded(&profile, |step| {
        let breaker = step.trader.risk().breaker(kind);
        let now = step.books.iter().map(|book| book.ts_event()).max();
        // A trade that wins meanwhile ends the streak without anybody.
        tripped_at = tripped_at
            .or(now)
            .filter(|_| breaker.phase == Phase::Tripped);
        let waited = now.zip(tripped_at).map(|(now, at)| now.0 - at.0);
        if cleared.is_some() || waited < Some(60 * SECOND) {
            return None;
        }
        assert_eq!(breaker.phase, Phase::Tripped, "it waits for the operator");
        cleared = Some((step.events.len(), step.trader.risk().kept().high_water));
        operator(Operator::Clear(kind, Reason::new("looked at").unwrap()))
    });
    let (said, high_water) = cleared.expect("something was lost");
    let is_word = matches!(
        run.events[said],
        TradeEvent::Ordered(Operator::Clear(..), _)
    );
    assert!(is_word, "{:?}", run.events[said]);
    let mut after = run.events[said..].iter();
    let kept = after.find_map(|event| match event {
        TradeEvent::Kept(kept) => Some(kept),
        _ => None,
    });
    let kept = kept.unwrap();
    let breaker = kept.breakers[kind as usize];
    assert!(
        breaker.phase != Phase::Tripped || breaker.is_cleared,
        "{breaker:?}"
    );
    assert!(kept.high_water < high_water, "{kept:?}");
}

#[test]
fn r12_every_word_is_said_before_what_follows_from_it() {
    let profile = lively(&[]);
    let tighten = LimitChange::new("order_quantity_max", 1).unwrap();
    let mut script = VecDeque::from([
        Operator::Tighten(tighten),
        Operator::Disable(StrategyId(0)),
        Operator::Enable(StrategyId(0)),
        Operator::Close(SignalId(0)),
        Operator::CancelAll,
        Operator::Halt,
        resume(),
        Operator::Flatten,
        Operator::Kill,
    ]);
    let words = script.clone();
    let mut said = Vec::new();
    let run = traded(&profile, |step| {
        // Nothing waits to be said, so that what comes next is said for the word alone.
        let is_quiet = step.trader.waiting() == 0;
        if !is_quiet || said.is_empty() && positions(step).len() < 2 {
            return None;
        }
        let wants_entry = matches!(script.front(), Some(Operator::CancelAll));
        if wants_entry && live(step, true).is_none() {
            return None;
        }
        let word = match script.pop_front()? {
            Operator::Close(_) => Operator::Close(positions(step).first()?.1),
            word => word,
        };
        let now = step.books.iter().map(|book| book.ts_event()).max();
        said.push((step.events.len(), word, now.unwrap()));
        operator(word)
    });
    assert_eq!(said.len(), words.len(), "{script:?} are left");
    let rules: Vec<_> = run.trader.rules().map(|(rules, _)| *rules).collect();
    for (at, word, now) in said {
        let TradeEvent::Ordered(operator, ts) = run.events[at] else {
            panic!("{:?} came before {word:?}", run.events[at]);
        };
        assert_eq!((operator, ts), (word, now));
        let next = &run.events[at + 1];
        let follows = match word {
            Operator::Halt | Operator::Resume(_) | Operator::Flatten | Operator::Kill => {
                matches!(next, TradeEvent::Halted(_))
            }
            Operator::CancelAll => matches!(next, TradeEvent::Cancelled(..)),
            Operator::Close(_) => {
                matches!(next, TradeEvent::Asked(asked) if is_ordered(&asked))
            }
            Operator::Tighten(_) => matches!(next, TradeEvent::Limited(_)),
            Operator::Disable(_) | Operator::Enable(_) | Operator::Clear(..) => true,
        };
        assert!(follows, "{next:?} after {word:?}");
        let document = explain::ordered(&word, ts, 5, &rules);
        assert_eq!(document["order"], word.name());
        let of_strategy = matches!(word, Operator::Disable(_) | Operator::Enable(_));
        assert_eq!(document["strategy"] == "0dte", of_strategy, "{document}");
        assert_eq!(document["place"] == 0, of_strategy, "{document}");
        let is_close = matches!(word, Operator::Close(_));
        assert_eq!(document["signal"].is_string(), is_close, "{document}");
        let is_limit = document["limit"] == "order_quantity_max" && document["to"] == 1;
        assert_eq!(is_limit, matches!(word, Operator::Tighten(_)), "{document}");
        let is_resume = document["reason"] == "looked at";
        assert_eq!(is_resume, matches!(word, Operator::Resume(_)), "{document}");
    }
}

/// A run of the program that keeps its state, in a folder of its own: its session and its journal.
fn journalled() -> (Vec<Body<Mbo>>, Vec<Entry>) {
    let dir = eager::folder();
    let dir = dir.path();
    let profile = eager::profile(&LIVELY);
    fs::write(dir.join("eager.toml"), profile).unwrap();
    let words = "backtest s.dbn --profile eager.toml --quiet --set trade.state_dir=state";
    let (code, _, told) = eager::run(dir, &words.split(' ').collect::<Vec<_>>());
    assert_eq!(code, 0, "{told}");
    (
        recorded(&dir.join("s.dbn")),
        entries(&dir.join("state/journal")),
    )
}

fn recorded(path: &Path) -> Vec<Body<Mbo>> {
    let bytes = fs::read(path).unwrap();
    let mut feed = Replay::new([bytes.as_slice()]);
    assert!(feed.read_headers());
    std::iter::from_fn(|| feed.pop().map(|msg| msg.body)).collect()
}

fn entries(journal: &Path) -> Vec<Entry> {
    let mut entries = Vec::new();
    let mut reader = Reader::open(journal).unwrap();
    reader.scan(|entry| entries.push(*entry)).unwrap();
    entries
}

/// What the journal folds to when two positions are held and nothing is under way.
fn cut(entries: &[Entry]) -> State {
    let mut state = State::default();
    for entry in entries {
        state.fold(entry);
        if state.positions().count() == 2 && state.open_orders().count() == 0 {
            return state;
        }
    }
    panic!("two positions are never held");
}

/// A new process goes on from a state, and sees the session from its beginning.
fn gone_on(
    (session, state): (&[Body<Mbo>], &State),
    look: impl FnMut(&Step<'_, PaperVenue>) -> Option<Control>,
) -> Run<PaperVenue> {
    let profile = lively(&[]);
    let mode = (&profile, Mode::Backtest);
    drive(
        session,
        venue(&profile),
        |gateway| {
            let mut risk = risk(mode, &state.kept().unwrap()).unwrap();
            state.restore(&mut risk).unwrap();
            let trader = trader_with(mode, (risk, gateway), INSTRUMENTS_MAX).unwrap();
            trader.resumed(&past(state))
        },
        look,
    )
}

#[test]
fn r12_what_is_not_yet_taken_up_again_is_closed_when_it_is() {
    let (session, entries) = journalled();
    let state = cut(&entries);
    let held: Vec<_> = state.positions().map(|(intent, _)| intent).collect();
    let until = state.until();
    let ordered = |word: Option<Operator>| {
        let mut word = word;
        let run = gone_on((&session, &state), |step| {
            let looked_after = held.iter().all(|intent| {
                let its = i64::from(intent.quantity);
                step.trader.looked_after(intent.contract) == its
            });
            // Before the first input that could be decided on, so that nothing is taken up.
            let word = word.take()?;
            assert!(looked_after, "it waits");
            operator(word)
        });
        let exits: Vec<_> = asked(&run.events).filter(is_ordered).copied().collect();
        let mut first = BTreeMap::new();
        for asked in &exits {
            assert!(asked.ts > until && asked.order.is_some(), "{asked:?}");
            first.entry(asked.intent.contract).or_insert(asked.ts.0);
        }
        let late = until.0 + SECOND;
        assert!(
            first.values().all(|at| *at < late),
            "as soon as it is taken up"
        );
        let contracts: BTreeSet<_> = exits.iter().map(|asked| asked.intent.contract).collect();
        (run, contracts)
    };
    let all: BTreeSet<_> = held.iter().map(|intent| intent.contract).collect();
    let (run, closed) = ordered(Some(Operator::Flatten));
    assert_eq!(closed, all);
    for line in run.trader.risk().lines() {
        assert_eq!(line.position.quantity(), 0, "{:?}", line.contract.key);
    }
    assert_eq!(opens(&run.sent), 0);

    let (_, closed) = ordered(Some(Operator::Close(held[1].signal_id)));
    assert_eq!(
        closed,
        BTreeSet::from([held[1].contract]),
        "and not the other"
    );
    let (_, closed) = ordered(Some(Operator::Close(SignalId(1))));
    assert!(closed.is_empty());
    let (_, closed) = ordered(None);
    assert!(closed.is_empty());
}

#[test]
fn r12_a_disabled_strategy_is_disabled_in_the_process_that_goes_on() {
    let (session, entries) = journalled();
    let plain = cut(&entries);
    let run = gone_on((&session, &plain), nothing);
    assert!(emitted(&run.events, BUSY) > 0, "it would signal");
    assert_eq!(disabled(&run.events, BUSY), 0);
    let last = plain.records();
    let mut word = entries[0];
    (word.sequence, word.moment.ts_event) = (last, plain.until());
    for (places, is_out) in [(&[BUSY, 77][..], true), (&[0, 1][..], false)] {
        let mut state = cut(&entries);
        for place in places {
            word.record = Record::Ordered(Operator::Disable(StrategyId(*place)));
            state.fold(&word);
            word.sequence += 1;
        }
        let run = gone_on((&session, &state), nothing);
        assert_eq!(emitted(&run.events, BUSY) == 0, is_out);
        assert_eq!(disabled(&run.events, BUSY) > 0, is_out);
        let counters = run.trader.decide().totals();
        assert!(counters.is_conserved(), "{counters:?}");
    }
}
