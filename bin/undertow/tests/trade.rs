//! The trader on whole sessions, fault by fault: what is said, what is sent, what is held.
//!
//! A small session is stepped through books, flow and trader record by record, and what is true at
//! each step is looked at between a decision and its leaving. Numbers are those of the list of
//! faults.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde_json::Value;
use time::{Date, Month};
use undertow::session::trader;
use undertow_core::contract::ContractKind;
use undertow_core::event::{Control, Operator, Suspicion, Trust};
use undertow_core::gateway::{Gateway, Shadow};
use undertow_core::order::ClientOrderId;
use undertow_core::risk::{BreakerKind, Command, Gate, HaltCause, Mode, Phase, Reason};
use undertow_core::types::Side;
use undertow_core::venue::PaperVenue;
use undertow_strategies::decide::Outcome;
use undertow_strategies::decide::card::Direction;
use undertow_strategies::decide::counters::Block;
use undertow_strategies::options::Right;
use undertow_strategies::trade::event::TradeEvent;

#[path = "support/eager.rs"]
mod eager;
mod support;

#[path = "support/desk.rs"]
mod desk;

use desk::{
    INSTRUMENTS_MAX, Step, blocked, first, holding, nothing, opening, placed, plain, play, profile,
    session, simulated, venue,
};

#[test]
fn a_session_is_traded_and_every_count_adds_up() {
    let run = plain();
    assert!(opening(&run) >= 2, "there is something to count");
    assert!(
        run.asked().any(|asked| asked.order.is_none()),
        "some are refused"
    );
    assert!(
        run.asked().any(|asked| asked.exit.is_some()),
        "positions are left"
    );
    assert!(!run.held().is_empty());
}

#[test]
fn long_signals_buy_calls_and_short_ones_puts() {
    let run = plain();
    let mut directions = BTreeSet::new();
    for event in &run.events {
        let TradeEvent::Decided(decided) = event else {
            continue;
        };
        let Outcome::Emitted(signal) = decided.decision.outcome else {
            continue;
        };
        let right = match signal.direction {
            Direction::Long => Right::Call,
            Direction::Short => Right::Put,
            Direction::Flat => panic!("a flat signal was emitted"),
        };
        assert_eq!(signal.contract.listing.right, right);
        directions.insert(signal.direction.name());
    }
    assert_eq!(
        directions.len(),
        2,
        "signals of both directions: {directions:?}"
    );
    for asked in run.asked().filter(|asked| asked.exit.is_none()) {
        assert_eq!(
            asked.intent.side,
            Side::Bid,
            "options are only bought to open"
        );
        let line = run.trader.risk().line(asked.intent.contract).unwrap();
        assert_ne!(line.contract.kind, ContractKind::Future);
    }
}

#[test]
fn s01_a_contract_is_signalled_once_within_its_lifetime() {
    let run = plain();
    let mut until = BTreeMap::new();
    let mut emissions = 0;
    for event in &run.events {
        let TradeEvent::Decided(decided) = event else {
            continue;
        };
        let decision = &decided.decision;
        let (Outcome::Emitted(signal), Some(identity)) = (decision.outcome, &decision.identity)
        else {
            continue;
        };
        let now = decision.moment.now.0;
        let end = until.insert(identity.fingerprint.0, now + signal.ttl_ns);
        assert!(
            end.is_none_or(|end| end <= now),
            "twice within its lifetime"
        );
        emissions += 1;
    }
    assert!(emissions >= 4, "{emissions}");
    assert!(
        blocked(&run, Block::Duplicate) > 0,
        "the same was found again"
    );
}

#[test]
fn k03_what_is_held_and_what_works_never_pass_the_limit_together() {
    let profile = profile(&[]);
    let most = profile.limits.position_quantity_max;
    let mut largest = 0;
    play(
        session(),
        (&profile, &first(&profile)),
        venue(&profile),
        |step| {
            for line in step.trader.risk().lines() {
                let working = line.working[0].quantity;
                let worst = line.position.quantity() + working;
                assert!(worst <= most, "{worst} of {most}");
                largest = largest.max(worst);
            }
            None
        },
    );
    assert!(largest > 0);
}

#[test]
fn k04_a_strategy_that_runs_away_halts_all_entries() {
    let profile = profile(&[
        ("attempts_max = 200", "attempts_max = 1"),
        (
            "attempts_window_ns = \"1m\"",
            "attempts_window_ns = \"12h\"",
        ),
        ("repeats_max = 20", "repeats_max = 1"),
    ]);
    let run = play(
        session(),
        (&profile, &first(&profile)),
        venue(&profile),
        nothing,
    );
    let halt = run.trader.risk().halted();
    assert_eq!(
        (halt.gate, halt.cause),
        (Gate::ReduceOnly, HaltCause::RunAway)
    );
    let told = run.events.iter().position(|event| match event {
        TradeEvent::Halted(halt) => halt.cause == HaltCause::RunAway,
        _ => false,
    });
    let after = &run.events[told.expect("the halt is said")..];
    let opens = after.iter().any(|event| match event {
        TradeEvent::Asked(asked) => asked.order.is_some() && asked.intent.purpose.opens(),
        _ => false,
    });
    assert!(!opens, "nothing is opened after it");
    assert!(
        blocked(&run, Block::Halted) > 0,
        "later signals are blocked for it"
    );
}

/// The first order that is still on its way or rests.
fn live<G: Gateway>(step: &Step<'_, G>) -> Option<ClientOrderId> {
    let ids: Vec<_> = placed(step.sent).collect();
    ids.into_iter().find(|id| {
        let track = step.trader.risk().order(*id);
        track.is_some_and(|track| !track.life.state().is_final())
    })
}

#[test]
fn k05_a_kill_cancels_what_is_live_at_once_and_nothing_leaves_after_it() {
    let profile = profile(&[]);
    let (mut killed, mut before) = (0, 0);
    let run = play(
        session(),
        (&profile, &first(&profile)),
        venue(&profile),
        |step| {
            if killed == 0 && live(step).is_none() {
                return None;
            }
            if killed == 0 {
                before = step.sent.len();
            }
            killed += 1;
            // Twice, with a record between.
            (killed <= 2).then_some(Control::Operator(Operator::Kill))
        },
    );
    assert!(killed > 2, "an order was live at some time");
    assert_eq!(run.trader.risk().halted().gate, Gate::Shut);
    let cancels: Vec<_> = run.sent[before..]
        .iter()
        .map(|command| match command {
            Command::Cancel(cancel) => cancel.id(),
            Command::Place(order) => panic!("{order:?} left after the kill"),
        })
        .collect();
    assert!(!cancels.is_empty());
    let distinct: BTreeSet<_> = cancels.iter().collect();
    assert_eq!(distinct.len(), cancels.len(), "each is cancelled once");
    for event in &run.events {
        if let TradeEvent::Cancelled(cancel, _) = event {
            assert!(cancels.contains(&cancel.id()), "what is said was sent");
        }
    }
}

#[test]
fn k05_an_order_that_a_halt_overtakes_never_leaves() {
    for operator in [Operator::Kill, Operator::Halt] {
        let profile = profile(&[]);
        let mut is_ordered = false;
        let run = play(
            session(),
            (&profile, &first(&profile)),
            venue(&profile),
            |step| {
                let made = step.trader.risk().counters().passed;
                let waits = made > placed(step.sent).count() as u64;
                let orders = waits && !is_ordered;
                is_ordered |= orders;
                orders.then_some(Control::Operator(operator))
            },
        );
        assert!(is_ordered, "an order waited at some time");
        assert_eq!(run.trader.counters().withheld, 1, "{operator:?}");
        assert_eq!(run.placed().count(), 0, "{operator:?}");
        let id = run.orders().next().unwrap();
        let track = run.trader.risk().order(id).unwrap();
        assert!(
            track.life.state().is_final(),
            "it blocks its contract no longer"
        );
        let line = run
            .trader
            .risk()
            .line(track.order.intent().contract)
            .unwrap();
        assert_eq!(line.working[0].quantity, 0, "nothing is reserved for it");
    }
}

#[test]
fn k06_k07_a_halt_and_the_next_id_hold_over_a_restart_until_resumed() {
    let profile = profile(&[]);
    let mut is_halted = false;
    let run = play(
        session(),
        (&profile, &first(&profile)),
        venue(&profile),
        |step| {
            let orders = holding(step).is_some() && !is_halted;
            is_halted |= orders;
            orders.then_some(Control::Operator(Operator::Halt))
        },
    );
    assert!(is_halted);
    let kept = run.trader.risk().kept();
    assert_eq!(kept.halt.gate, Gate::ReduceOnly);
    let said = run.events.iter().rev().find_map(|event| match event {
        TradeEvent::Kept(kept) => Some(*kept),
        _ => None,
    });
    assert_eq!(
        said,
        Some(kept),
        "the last that is said is what is so at the end"
    );

    let again = play(session(), (&profile, &kept), venue(&profile), nothing);
    assert_eq!(opening(&again), 0, "still halted");
    assert_eq!(again.trader.risk().halted().gate, Gate::ReduceOnly);
    assert!(
        blocked(&again, Block::Halted) > 0,
        "signals are blocked for it"
    );

    let resumed = |step: &Step<'_, PaperVenue>| {
        let is_first = step.trader.risk().halted().gate != Gate::Open;
        let reason = Reason::new("looked at").unwrap();
        is_first.then_some(Control::Operator(Operator::Resume(reason)))
    };
    let resumed = play(session(), (&profile, &kept), venue(&profile), resumed);
    assert!(opening(&resumed) > 0, "it trades again");
    assert!(
        resumed.orders().all(|id| id.0 >= kept.next_id),
        "no id is used again"
    );
    let equity = resumed.trader.curve().unwrap().first;
    assert_eq!(equity, kept.day_equity + kept.day_earned, "earnings go on");
}

#[test]
fn k09_without_orders_no_breaker_trips() {
    let profile = profile(&[(
        "confidence_min_ppm = \"1%\"",
        "confidence_min_ppm = \"100%\"",
    )]);
    let shadow = Shadow::new(16);
    let run = play(session(), (&profile, &first(&profile)), shadow, nothing);
    for kind in BreakerKind::ALL {
        let phase = run.trader.risk().breaker(kind).phase;
        assert_eq!(phase, Phase::Armed, "{}", kind.name());
    }
}

#[test]
fn k11_limits_are_lowered_while_running_and_never_raised() {
    let profile = profile(&[]);
    let kept = first(&profile);
    let mode = (&profile, Mode::Backtest);
    let mut trader = trader(mode, Shadow::new(1), INSTRUMENTS_MAX, &kept).unwrap();
    let mut limits = profile.limits;
    limits.order_quantity_max -= 1;
    trader.tighten(&limits).unwrap();
    assert_eq!(trader.risk().limits(), &limits);
    let refused = trader.tighten(&profile.limits).unwrap_err().to_string();
    assert!(refused.contains("order_quantity_max"), "{refused}");
    assert!(refused.contains("takes a restart"), "{refused}");
    assert_eq!(trader.risk().limits(), &limits, "nothing was changed");
}

#[test]
fn k13_positions_are_left_while_entries_are_halted() {
    let profile = profile(&[]);
    let mut halted_at = None;
    let run = play(
        session(),
        (&profile, &first(&profile)),
        venue(&profile),
        |step| {
            if holding(step).is_some() && halted_at.is_none() {
                halted_at = Some(step.sent.len());
                return Some(Control::Operator(Operator::Halt));
            }
            None
        },
    );
    let after = &run.sent[halted_at.expect("a position was held")..];
    let exits = after.iter().filter(|command| match command {
        Command::Place(order) => {
            assert!(!order.intent().purpose.opens(), "nothing is opened");
            true
        }
        Command::Cancel(_) => false,
    });
    assert!(exits.count() > 0, "an exit passed");
    assert!(run.held().values().all(|held| *held == 0), "all was left");
}

#[test]
fn k14_no_order_follows_from_a_book_that_is_in_doubt() {
    let profile = profile(&[]);
    let mut doubted = None;
    let mut since = 0;
    let run = play(
        session(),
        (&profile, &first(&profile)),
        venue(&profile),
        |step| {
            for line in step.trader.risk().lines() {
                let key = line.contract.key;
                let trust = step.books.get(key).map(|book| book.trust());
                let made = line.working[1].quantity > 0;
                assert!(!(made && trust != Some(Trust::Good) && doubted == Some(key)));
            }
            if doubted.is_none() {
                doubted = Some(holding(step)?);
                since = step.events.len();
            }
            doubted.map(|key| Control::Suspect(key, Suspicion::UnknownAction))
        },
    );
    let doubted = doubted.expect("a position was held");
    let after = &run.events[since..];
    let asked = after.iter().filter(|event| match event {
        TradeEvent::Asked(asked) => asked.order.is_some() && asked.intent.contract == doubted,
        _ => false,
    });
    assert_eq!(asked.count(), 0, "neither entry nor exit");
    assert_ne!(run.held()[&doubted], 0, "it is still held");
}

#[test]
fn k17_in_shadow_mode_nothing_is_filled() {
    let profile = profile(&[]);
    let run = play(
        session(),
        (&profile, &first(&profile)),
        Shadow::new(64),
        nothing,
    );
    assert!(run.placed().count() > 0, "orders are made");
    assert!(run.held().is_empty(), "none of them reaches a venue");
    assert_eq!(run.trader.risk().counters().external, 0);
}

#[test]
fn k20_on_a_holiday_nothing_is_ordered_whatever_the_feed_says() {
    let profile = profile(&[]);
    let christmas = Date::from_calendar_date(2026, Month::December, 25).unwrap();
    let session = simulated(christmas);
    let run = play(
        &session,
        (&profile, &first(&profile)),
        venue(&profile),
        nothing,
    );
    assert!(session.len() > 100_000, "the market moves");
    assert_eq!(run.orders().count(), 0);
    let emitted: u64 = (0..run.trader.rules().count())
        .map(|place| run.trader.decide().counters(place).unwrap().emitted)
        .sum();
    assert_eq!(emitted, 0, "not even a signal leaves");
}

#[test]
fn p16_every_layout_trades_the_same_and_allocates_nothing() {
    let dir = eager::folder();
    let mut first = None;
    // A tile that spins lets its desk and its understudy rehearse while nothing comes.
    for layout in ["fused", "split", "dedicated", "split --set idle=spin"] {
        let words =
            format!("backtest s.dbn --profile eager.toml --events events --json --layout {layout}");
        let words: Vec<_> = words.split(' ').collect();
        let (code, out, told) = eager::run(dir.path(), &words);
        assert_eq!(code, 0, "{told}");
        let told: Value = serde_json::from_str(&out).unwrap();
        let mut summary = told["summary"].clone();
        assert_eq!(summary["run"]["allocations"], 0, "{layout}");
        assert!(summary["trade"]["orders"].as_u64().unwrap() > 0);
        assert!(summary["trade"]["fills"].as_u64().unwrap() > 0);
        summary["run"] = Value::Null;
        let bytes = fs::read(dir.path().join("events")).unwrap();
        let explained = dir.path().join("undertow-out/backtest-s/explain.jsonl");
        let explained: Vec<Value> = fs::read_to_string(explained)
            .unwrap()
            .lines()
            .map(|line| {
                let mut document: Value = serde_json::from_str(line).unwrap();
                document["latency_ns"] = Value::Null;
                document
            })
            .collect();
        let receipt = (bytes, summary, explained);
        let first = first.get_or_insert_with(|| receipt.clone());
        assert!(*first == receipt, "{layout} differs from fused");
    }
}

#[test]
fn r12_an_emergency_halts_then_flattens_and_stays_halted() {
    let profile = profile(&[]);
    let (mut step_no, mut sent_before) = (0, 0);
    let run = play(
        session(),
        (&profile, &first(&profile)),
        venue(&profile),
        |step| {
            if step_no == 0 && holding(step).is_none() {
                return None;
            }
            step_no += 1;
            match step_no {
                1 => {
                    sent_before = step.sent.len();
                    Some(Control::Operator(Operator::Halt))
                }
                2 => {
                    let halted = step.trader.risk().halted();
                    assert_eq!(halted.gate, Gate::ReduceOnly, "the halt comes first");
                    Some(Control::Operator(Operator::Flatten))
                }
                // Flattened again while the first is under way.
                40 => Some(Control::Operator(Operator::Flatten)),
                _ => None,
            }
        },
    );
    assert!(step_no > 40, "something was held at some time");
    let mut closing = 0;
    for command in &run.sent[sent_before..] {
        if let Command::Place(order) = command {
            assert!(!order.intent().purpose.opens(), "{order:?} opens");
            closing += 1;
        }
    }
    assert!(closing > 0, "what was held is sold");
    assert!(run.held().values().all(|held| *held == 0), "and all of it");
    let ordered = run.asked().filter(|asked| {
        asked.exit == Some(undertow_core::position::ExitCause::Ordered) && asked.order.is_some()
    });
    assert!(ordered.count() > 0, "because it was ordered");
    assert_eq!(
        run.trader.risk().halted().gate,
        Gate::ReduceOnly,
        "until it is resumed"
    );
}

#[test]
fn p11_who_is_ended_mid_order_cancels_it_and_says_the_last_digest() {
    let profile = profile(&[]);
    let mut last = 0;
    let session = session();
    let mut steps = 0;
    // Once to find the step at which an order is live, and once to end there.
    play(
        session,
        (&profile, &first(&profile)),
        venue(&profile),
        |step| {
            steps += 1;
            if last == 0 && live(step).is_some() {
                last = steps;
            }
            None
        },
    );
    let venue = venue(&profile);
    let mut run = play(
        &session[..last],
        (&profile, &first(&profile)),
        venue,
        nothing,
    );
    let order = run.orders().last().unwrap();
    let is_live = |run: &desk::Run<PaperVenue>| {
        let track = run.trader.risk().order(order).unwrap();
        !track.life.state().is_final() && !track.life.is_cancel_sent()
    };
    assert!(is_live(&run), "it was live when the run was ended");
    run.trader.wind_down();
    let mut events = Vec::new();
    while run.trader.speak(|event| events.push(*event)) {}
    assert!(!is_live(&run));
    let cancels = events.iter().filter(|event| match event {
        TradeEvent::Cancelled(cancel, _) => cancel.id() == order,
        _ => false,
    });
    assert_eq!(cancels.count(), 1);
    let digest = run.trader.risk().ledger_digest();
    let said = matches!(events.last(), Some(TradeEvent::Checkpoint(last)) if *last == digest);
    assert!(said, "{:?}", events.last());
}

#[test]
fn p04_a_clock_that_jumps_an_hour_for_a_record_moves_no_timer() {
    const HOUR: u64 = 3_600_000_000_000;
    let profile = profile(&[]);
    let plain = plain();
    let orders = |run: &desk::Run<PaperVenue>| {
        let asked = run.asked().filter(|asked| asked.order.is_some());
        let intents: Vec<_> = asked.map(|asked| (asked.order, asked.intent)).collect();
        intents
    };
    // Quotes of options, which date nothing but themselves, at three times of the day.
    let places = |session: &[undertow_core::event::Body<undertow_core::event::Mbo>]| {
        let len = session.len();
        [len / 3, len / 2, 2 * len / 3]
    };
    for ahead in [true, false] {
        let mut session = session().to_vec();
        let mut jumped = 0;
        for place in places(&session) {
            let next = session[place..].iter_mut().find_map(|body| match body {
                undertow_core::event::Body::Data(mbo) => Some(mbo),
                undertow_core::event::Body::Control(_) => None,
            });
            let mbo = next.unwrap();
            let ts_event = mbo.ts_event.0;
            mbo.ts_event.0 = match ahead {
                true => ts_event + HOUR,
                false => ts_event - HOUR,
            };
            jumped += 1;
        }
        let first = first(&profile);
        let run = play(&session, (&profile, &first), venue(&profile), nothing);
        assert_eq!(run.trader.counters().ahead, if ahead { jumped } else { 0 });
        assert_eq!(orders(&run), orders(&plain), "ahead: {ahead}");
        assert_eq!(run.trader.risk().halted().gate, Gate::Open);
    }
}
