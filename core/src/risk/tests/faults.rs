//! Faults of reliability K and B, and invariants I, by their numbers.

use super::desk::*;
use crate::money::Money;
use crate::order::{
    ClientOrderId, ExecReport, Execution, ExecutionId, Intent, Note, OrderState, Purpose, Quote,
    ReportKind,
};
use crate::position::{Agreement, BrokerView};
use crate::risk::*;
use crate::types::{Nanos, Price, Side};
use alloc::format;
use alloc::vec::Vec;

#[test]
fn k03_two_orders_that_race_to_the_limit_never_pass_it_together() {
    let mut desk = Desk::with(&[("position_quantity_max", 20), ("order_quantity_max", 20)]);
    let of = |quantity, cents: i64| Intent {
        quantity,
        price: price(cents),
        ..signal(cents.cast_unsigned())
    };
    let first = desk.order(&of(12, 205));
    assert_eq!(desk.consider(&of(12, 204)), Some(Refusal::Position));
    let second = desk.order(&of(8, 203));
    desk.fill(&first, 12, 205);
    desk.fill(&second, 8, 203);
    assert_eq!(desk.risk.line(CALL).unwrap().position.quantity(), 20);
}

#[test]
fn k03_a_cancel_that_overtakes_its_fills_frees_nothing_too_early() {
    let mut desk = Desk::with(&[("position_quantity_max", 20), ("order_quantity_max", 20)]);
    let first = desk.order(&Intent {
        quantity: 20,
        ..plain()
    });
    desk.ack(&first);
    desk.report(&first, ReportKind::Cancelled { filled: 15 });
    assert_eq!(desk.risk.line(CALL).unwrap().reach(), (15, 0));
    let more = |quantity, cents: i64| Intent {
        quantity,
        price: price(cents),
        ..signal(cents.cast_unsigned())
    };
    desk.border(Refusal::Position, &more(6, 204), &more(5, 203));
    let late = desk.fill(&first, 15, 205);
    assert_eq!((late.note, late.held), (Note::Late, 15));
    assert_eq!(desk.risk.counters().late, 1);
    assert_eq!(desk.risk.line(CALL).unwrap().reach(), (20, 15));
}

#[test]
fn k08_one_bad_mark_trips_nothing_but_a_realised_loss_does_at_once() {
    let confirmed = [("loss_confirmations", 3)];
    let mut desk = Desk::with(&confirmed);
    desk.hold(CALL, Side::Bid, 20, 205);
    // 20 × 100 × 1.05 is 2 100 of loss: over 2 % of 100 000.
    let phase = |desk: &Desk| desk.risk.breaker(BreakerKind::DailyLoss).phase;
    desk.quote(CALL, 95, 105);
    desk.quote(CALL, 200, 210);
    desk.quote(CALL, 95, 105);
    desk.quote(CALL, 95, 107);
    assert_ne!(phase(&desk), Phase::Tripped, "two in a row are not three");
    desk.quote(CALL, 95, 105);
    assert_eq!(phase(&desk), Phase::Tripped);
}

#[test]
fn k08_a_realised_loss_trips_at_its_exact_limit() {
    for (sold, phase) in [(106, Phase::Warn), (105, Phase::Tripped)] {
        let mut desk = Desk::with(&[("loss_confirmations", 3)]);
        desk.hold(CALL, Side::Bid, 20, 205);
        desk.hold(CALL, Side::Ask, 20, sold);
        assert_eq!(desk.risk.breaker(BreakerKind::DailyLoss).phase, phase);
    }
}

#[test]
fn k08_one_high_mark_does_not_raise_the_high_water() {
    let mut desk = Desk::with(&[("loss_confirmations", 3)]);
    desk.hold(CALL, Side::Bid, 10, 205);
    desk.quote(CALL, 900, 910);
    desk.quote(CALL, 200, 210);
    assert_eq!(desk.risk.kept().high_water, EQUITY);
    for bid in [400, 300, 350] {
        desk.quote(CALL, bid, bid + 10);
    }
    // The least of three in a row: 305 against 205, ten times a hundred.
    assert_eq!(desk.risk.kept().high_water, EQUITY + Money::from_usd(1_000));
}

#[test]
fn k09_without_trades_no_breaker_trips() {
    let mut desk = Desk::with(&[]);
    for hour in 0..24 {
        desk.pass(3_600 * SECOND);
        desk.quote(CALL, 1 + hour, 2 + hour);
        desk.risk
            .on_time(desk.now, &mut |_| panic!("nothing to cancel"));
    }
    for kind in BreakerKind::ALL {
        assert_eq!(desk.risk.breaker(kind).phase, Phase::Armed, "{kind:?}");
    }
    assert_eq!(desk.risk.earned_today(), Some(Money::ZERO));
    desk.risk.new_day(2, Money::ZERO, desk.now);
    assert_eq!(
        desk.risk.kept().losing_days,
        0,
        "a day without trades is no losing day"
    );
}

#[test]
fn k10_limits_missing_zero_negative_or_contradictory_are_refused_by_name() {
    for field in Limits::FIELDS {
        let missing = Limits::read(|name| limit(name).filter(|_| name != field.name));
        assert_eq!(missing, Err(LimitError::Missing(field.name)));
        let too_small = Limits::read(|name| {
            if name == field.name {
                Some(field.least - 1)
            } else {
                limit(name)
            }
        });
        let value = field.least - 1;
        let (name, least) = (field.name, field.least);
        assert_eq!(too_small, Err(LimitError::TooSmall { name, value, least }));
    }
    let contradictions = [
        ("order_quantity_max", 41, "position_quantity_max"),
        ("underlying_positions_max", 51, "positions_max"),
        ("opened_per_day_max", 51, "opened_per_run_max"),
        ("daily_shrink_ppm", 750_001, "daily_gate_ppm"),
        ("drawdown_shrink_ppm", 100_001, "drawdown_ppm"),
        ("drawdown_tighten_ppm", 80_001, "drawdown_shrink_ppm"),
        ("value_at_risk_short_ppm", 50_001, "value_at_risk_ppm"),
        ("side_orders_max", 31, "orders_max"),
        ("day_cost_max", Money::from_usd(201).0, "month_cost_max"),
        ("cancel_reserve", 50, "messages_per_second_max"),
        ("daily_gate_ppm", 1_000_001, "the whole (1 000 000)"),
    ];
    for (name, value, than) in contradictions {
        let read = Limits::read(|it| if it == name { Some(value) } else { limit(it) });
        assert_eq!(read, Err(LimitError::Contradiction { name, than }));
    }
    let text = format!("{}", LimitError::Missing("collar_ppm"));
    assert!(
        text.contains("`collar_ppm`") && text.contains("no default"),
        "{text}"
    );
    let mut sick = setup(&[]);
    sick.limits.orders_max = 0;
    assert!(matches!(
        Risk::new(&sick, &Kept::first(1, EQUITY)),
        Err(SetupError::Limit(LimitError::TooSmall {
            name: "orders_max",
            ..
        }))
    ));
    let mut sick = setup(&[]);
    sick.capacity.orders_max = 100;
    assert!(matches!(
        Risk::new(&sick, &Kept::first(1, EQUITY)),
        Err(SetupError::Capacity(CapacityError {
            name: "orders_max",
            ..
        }))
    ));
}

#[test]
fn k11_a_limit_is_lowered_while_running_and_never_raised() {
    for field in Limits::FIELDS {
        let now = limits(&[]).get(field.name).unwrap();
        let looser = match field.tighter {
            Tighter::Down => now + 1,
            Tighter::Up => now - 1,
        };
        let mut raised = limits(&[]);
        let sound = Limits::read(|name| {
            if name == field.name {
                Some(looser)
            } else {
                limit(name)
            }
        });
        let Ok(to) = sound else {
            // Looser than is sound at all: refused for that.
            continue;
        };
        let refused = raised.tighten(&to);
        let (name, from) = (field.name, now);
        assert_eq!(
            refused,
            Err(LimitError::Raised {
                name,
                from,
                to: looser
            })
        );
        assert_eq!(raised, limits(&[]), "nothing changes");
    }
    let mut desk = Desk::with(&[]);
    desk.risk
        .tighten(&limits(&[("order_quantity_max", 1)]))
        .unwrap();
    assert_eq!(desk.consider(&plain()), Some(Refusal::Quantity));
    desk.risk.tighten(&limits(&[])).unwrap_err();
    assert_eq!(desk.risk.limits().order_quantity_max, 1);
}

#[test]
fn k11_a_change_says_which_limit_it_is_of_and_changes_no_other() {
    for (at, field) in Limits::FIELDS.iter().enumerate() {
        let change = LimitChange::new(field.name, -7).unwrap();
        assert_eq!((change.name(), change.to()), (field.name, -7));
        let mut expected = limits(&[]).values();
        expected[at] = -7;
        assert_eq!(limits(&[]).with(change).values(), expected);
    }
    assert_eq!(LimitChange::new("no_such_limit", 1), None);
}

#[test]
fn k12_profit_risk_and_position_use_one_notional() {
    for (book, cents) in [(CALL, 205), (FUTURE, 1_000_050)] {
        let mut desk = Desk::with(&[]);
        desk.hold(book, Side::Bid, 3, cents);
        let line = *desk.risk.line(book).unwrap();
        let notional = line.contract.notional(3, price(cents));
        // The P&L of a move to zero is the notional.
        let lost = line.position.total(&line.contract, Price(0)).unwrap();
        assert_eq!(lost, -notional);
        let again = Intent {
            contract: book,
            side: Side::Bid,
            quantity: 3,
            price: price(cents),
            reference: Quote::NONE,
            stop: price(cents - 50),
            ..plain()
        };
        desk.consider(&again);
        let asked = desk.risk.verdict().of(Refusal::Notional);
        assert_eq!(asked.value, notional.0);
    }
}

/// Makes a breaker trip.
fn trip(desk: &mut Desk, kind: BreakerKind) {
    match kind {
        BreakerKind::DailyLoss => {
            desk.hold(OTHER, Side::Bid, 1, 3_100);
            desk.hold(OTHER, Side::Ask, 1, 100);
        }
        BreakerKind::Drawdown => {
            desk.hold(OTHER, Side::Bid, 1, 11_000);
            desk.hold(OTHER, Side::Ask, 1, 100);
        }
        BreakerKind::LosingDays => {
            for day in 2..5 {
                desk.hold(OTHER, Side::Bid, 1, 101);
                desk.hold(OTHER, Side::Ask, 1, 100);
                assert!(desk.risk.new_day(day, Money::ZERO, desk.now));
            }
        }
        BreakerKind::LosingTrades => {
            for _ in 0..3 {
                desk.hold(OTHER, Side::Bid, 1, 101);
                desk.hold(OTHER, Side::Ask, 1, 100);
            }
        }
        BreakerKind::Volatility => desk.tell(Context::Volatility(4_225_987, desk.now)),
        BreakerKind::SystemErrors => {
            for _ in 0..10 {
                desk.risk.on_error(desk.now);
            }
        }
    }
    assert_eq!(desk.risk.breaker(kind).phase, Phase::Tripped, "{kind:?}");
}

#[test]
fn k13_exits_pass_while_any_breaker_is_tripped() {
    for kind in BreakerKind::ALL {
        let mut desk = Desk::with(&[("drawdown_ppm", 100_000)]);
        desk.hold(CALL, Side::Bid, 4, 205);
        trip(&mut desk, kind);
        let check = if matches!(kind, BreakerKind::DailyLoss | BreakerKind::Drawdown) {
            Refusal::DailyLoss
        } else {
            Refusal::Breakers
        };
        assert_eq!(desk.consider(&plain()), Some(check), "{kind:?}");
        assert_eq!(
            desk.consider(&exit(1)),
            None,
            "{kind:?}\n{}",
            desk.risk.verdict()
        );
    }
}

#[test]
fn k13_exits_are_spared_what_guards_entries() {
    let mut desk = Desk::with(&[]);
    desk.hold(CALL, Side::Bid, 20, 205);
    let poor = Context::Account(Account {
        available: Money::ZERO,
        buying_power: Money::ZERO,
        as_of: Nanos(1),
    });
    desk.tell(poor);
    desk.tell(Context::Window(crate::order::StrategyId(3), None));
    desk.tell(Context::ValueAtRisk(ValueAtRisk {
        loss: Money::MAX,
        days: 0,
        as_of: Nanos(1),
    }));
    desk.tell(Context::Costs(Costs {
        day: Money::MAX,
        month: Money::MAX,
        as_of: Nanos(1),
    }));
    let mut tight = limits(&[]);
    tight.order_notional_max = 1;
    tight.gross_notional_max = 1;
    tight.underlying_notional_max = 1;
    tight.worst_loss_max = 1;
    tight.position_quantity_max = 1;
    tight.order_quantity_max = 1;
    desk.risk.tighten(&tight).unwrap();
    assert_eq!(desk.consider(&exit(1)), None, "{}", desk.risk.verdict());
    let spared: Vec<u8> = desk
        .risk
        .verdict()
        .iter()
        .filter(|(_, outcome)| outcome.status == Status::Spared)
        .map(|(check, _)| check.number())
        .collect();
    assert_eq!(spared, [10, 12, 13, 14, 15, 16, 19, 22, 23]);
}

#[test]
fn b08_an_order_without_an_answer_becomes_unknown_and_is_not_resent() {
    let mut desk = Desk::with(&[]);
    let order = desk.order(&plain());
    desk.report(&order, ReportKind::Sent);
    desk.pass(10 * SECOND - 1);
    assert_eq!(desk.risk.on_time(desk.now, &mut |_| {}), 0);
    assert_eq!(
        desk.risk.order(order.id()).unwrap().life.state(),
        OrderState::Sent
    );
    desk.pass(1);
    assert_eq!(desk.risk.on_time(desk.now, &mut |_| {}), 0);
    let track = *desk.risk.order(order.id()).unwrap();
    assert_eq!(track.life.state(), OrderState::Unknown);
    let line = desk.risk.line(CALL).unwrap();
    assert_eq!((line.unknown_count, line.unacked_count), (1, 0));
    assert_eq!(line.working[0].quantity, 2, "its size stays reserved");
    // Asked over a healthy line the venue does not know it.
    desk.report(&order, ReportKind::Absent { filled: 0 });
    let line = desk.risk.line(CALL).unwrap();
    assert_eq!((line.unknown_count, line.working[0].quantity), (0, 0));
}

#[test]
fn a_cancel_without_an_answer_makes_its_order_unknown() {
    let mut desk = Desk::with(&[]);
    let order = desk.order(&plain());
    desk.ack(&order);
    desk.pass(30 * SECOND);
    assert_eq!(
        desk.risk.on_time(desk.now, &mut |_| {}),
        0,
        "it rests: no answer is due"
    );
    desk.risk.cancel(order.id(), desk.now).unwrap();
    desk.pass(10 * SECOND);
    desk.risk
        .on_time(desk.now, &mut |_| panic!("not a second time"));
    assert_eq!(
        desk.risk.order(order.id()).unwrap().life.state(),
        OrderState::Unknown
    );
}

#[test]
fn an_entry_that_was_good_for_a_time_is_cancelled_then() {
    let mut desk = Desk::with(&[]);
    let order = desk.order(&Intent {
        good_for_ns: 60 * SECOND,
        ..plain()
    });
    desk.ack(&order);
    let mut cancels = Vec::new();
    desk.pass(60 * SECOND - 1);
    desk.risk
        .on_time(desk.now, &mut |cancel| cancels.push(cancel.id()));
    assert_eq!(cancels, []);
    desk.pass(1);
    let count = desk
        .risk
        .on_time(desk.now, &mut |cancel| cancels.push(cancel.id()));
    assert_eq!((count, &*cancels), (1, &[order.id()][..]));
    desk.risk
        .on_time(desk.now, &mut |_| panic!("once is enough"));
}

#[test]
fn b12_an_execution_told_again_counts_once_and_a_correction_as_its_difference() {
    let mut desk = Desk::with(&[]);
    let order = desk.order(&Intent {
        quantity: 10,
        ..plain()
    });
    let mut execution = desk.execution(Side::Bid, 6, 205, Money::from_usd(1));
    assert_eq!(desk.report(&order, ReportKind::Executed(execution)).held, 6);
    let again = desk.report(&order, ReportKind::Executed(execution));
    assert_eq!(
        (again.note, again.held, again.execution),
        (Note::Stale, 6, None)
    );
    execution.id.revision = 1;
    execution.quantity = 4;
    let corrected = desk.report(&order, ReportKind::Executed(execution));
    assert_eq!((corrected.held, corrected.average), (4, price(205)));
    assert_eq!(desk.risk.line(CALL).unwrap().reach(), (10, 4));
    execution.id.revision = 2;
    execution.quantity = 0;
    assert_eq!(desk.report(&order, ReportKind::Executed(execution)).held, 0);
    assert_eq!(desk.risk.fees_today(), Money::from_usd(1));
}

#[test]
fn b13_a_fee_that_comes_later_joins_once() {
    let mut desk = Desk::with(&[]);
    let order = desk.order(&plain());
    let mut execution = desk.execution(Side::Bid, 2, 205, Money::ZERO);
    execution.fee = None;
    desk.report(&order, ReportKind::Executed(execution));
    assert_eq!(desk.risk.line(CALL).unwrap().position.fees_pending(), 1);
    let fee = ReportKind::Fee(execution.id, Money::from_cents(130));
    assert_eq!(desk.report(&order, fee).note, Note::Fine);
    assert_eq!(desk.report(&order, fee).note, Note::Stale);
    assert_eq!(desk.risk.fees_today(), Money::from_cents(130));
    assert_eq!(desk.risk.earned_today(), Some(Money::from_cents(-130)));
}

#[test]
fn b14_executions_of_others_are_counted_into_the_position() {
    let mut desk = Desk::with(&[]);
    desk.hold(CALL, Side::Bid, 3, 205);
    assert_eq!(desk.risk.counters().external, 1);
    assert_eq!(desk.risk.line(CALL).unwrap().position.quantity(), 3);
    let foreign = ExecReport {
        id: ClientOrderId(0),
        contract: key(99),
        ts_event: desk.now,
        kind: ReportKind::Working,
    };
    assert_eq!(desk.risk.on_report(&foreign, desk.now), None);
    assert_eq!(desk.risk.counters().foreign, 1);
    let verdict = desk.consider(&plain());
    assert_eq!(
        verdict, None,
        "no more than what was paid can be lost on it"
    );
    // What bounds the loss of a future that somebody else bought is not known: nothing is added.
    desk.hold(FUTURE, Side::Bid, 1, 1_000_050);
    assert_eq!(desk.consider(&signal(2)), Some(Refusal::Exposure));
    assert_eq!(
        desk.risk.verdict().of(Refusal::Exposure).bound,
        Bound::WorstLoss
    );
}

#[test]
fn b15_a_mismatch_blocks_until_the_operator_adopts() {
    let mut desk = Desk::with(&[]);
    desk.hold(CALL, Side::Bid, 3, 205);
    let mismatch = Agreement::Mismatch { ours: 3, theirs: 1 };
    assert_eq!(
        desk.risk.reconcile(CALL, BrokerView::Held(1)),
        Some(mismatch)
    );
    assert_eq!(desk.consider(&exit(1)), Some(Refusal::Unknown));
    let reason = Reason::new("closed by hand").unwrap();
    assert!(desk.risk.adopt(CALL, reason));
    assert_eq!(desk.risk.line(CALL).unwrap().position.quantity(), 1);
    assert!(!desk.risk.adopt(CALL, reason), "nothing left to adopt");
    assert_eq!(desk.consider(&exit(1)), None);
    assert_eq!(desk.risk.reconcile(key(99), BrokerView::Held(0)), None);
}

#[test]
fn b16_an_empty_answer_is_unknown_and_not_flat() {
    let mut desk = Desk::with(&[]);
    desk.hold(CALL, Side::Bid, 3, 205);
    assert_eq!(
        desk.risk.reconcile(CALL, BrokerView::Unknown),
        Some(Agreement::Unknown)
    );
    assert_eq!(desk.risk.line(CALL).unwrap().position.quantity(), 3);
    assert_eq!(desk.consider(&exit(1)), Some(Refusal::Unknown));
}

#[test]
fn b19_rejects_that_repeat_trip_the_breaker_of_errors() {
    let mut desk = Desk::with(&[("errors_max", 3)]);
    for id in 1..=3 {
        let order = desk.order(&Intent {
            price: price(205 - i64::try_from(id).unwrap()),
            ..signal(id)
        });
        desk.report(&order, ReportKind::Rejected(201));
        desk.report(&order, ReportKind::Rejected(201));
    }
    assert_eq!(
        desk.risk.breaker(BreakerKind::SystemErrors).phase,
        Phase::Tripped
    );
    assert_eq!(desk.consider(&signal(9)), Some(Refusal::Breakers));
}

#[test]
fn an_execution_that_cannot_be_puts_its_contract_in_doubt() {
    let mut desk = Desk::with(&[]);
    let order = desk.order(&plain());
    let reported = desk.fill(&order, 3, 205);
    assert_eq!((reported.note, reported.held), (Note::Overfill, 3));
    assert_eq!(desk.risk.counters().contradictions, 1);
    assert_eq!(desk.consider(&exit(1)), Some(Refusal::Unknown));
    // Of the other side than its order.
    let mut desk = Desk::with(&[]);
    let order = desk.order(&plain());
    let execution = desk.execution(Side::Ask, 1, 205, Money::ZERO);
    let reported = desk.report(&order, ReportKind::Executed(execution));
    assert_eq!((reported.note, reported.held), (Note::Disagrees, -1));
}

#[test]
fn b28_expiry_settles_without_an_order_and_delivers_the_future() {
    let mut desk = Desk::with(&[]);
    desk.hold(CALL, Side::Bid, 2, 205);
    assert_eq!(desk.risk.settle(CALL, price(300), None), Some(2));
    assert_eq!(desk.risk.earned_today(), Some(Money::from_usd(190)));
    // Two puts held become a short of two futures at the settlement price.
    desk.hold(PUT, Side::Bid, 2, 205);
    let delivers = Some((FUTURE, price(1_000_050)));
    assert_eq!(desk.risk.settle(PUT, price(300), delivers), Some(2));
    let future = desk.risk.line(FUTURE).unwrap();
    assert_eq!(future.position.quantity(), -2);
    assert_eq!(desk.risk.earned_today(), Some(Money::from_usd(380)));
    assert_eq!(desk.risk.settle(key(99), price(1), None), None);
}

#[test]
fn f24_a_key_used_again_needs_the_old_contract_to_be_gone() {
    let mut desk = Desk::with(&[]);
    let mut next = contract(CALL);
    next.expiry = Nanos(START + 7_200 * SECOND);
    desk.hold(CALL, Side::Bid, 2, 205);
    assert_eq!(desk.risk.register(&next), Err(RegisterError::InUse));
    assert_eq!(
        desk.risk.register(&contract(CALL)),
        Ok(()),
        "the same again is no news"
    );
    desk.hold(CALL, Side::Ask, 2, 215);
    let earned = desk.risk.earned_today();
    desk.risk.register(&next).unwrap();
    assert_eq!(
        desk.risk.earned_today(),
        earned,
        "what the old one earned stays"
    );
    assert_eq!(
        desk.consider(&plain()),
        Some(Refusal::FeedTrust),
        "nothing is known of the new"
    );
}

#[test]
fn registering_has_limits() {
    let mut setup = setup(&[]);
    setup.capacity.contracts_max = 1;
    setup.capacity.underlyings_max = 1;
    let mut risk = Risk::new(&setup, &Kept::first(1, EQUITY)).unwrap();
    risk.register(&contract(CALL)).unwrap();
    assert_eq!(risk.register(&contract(PUT)), Err(RegisterError::Contracts));
    assert_eq!(
        risk.register(&contract(OTHER)),
        Err(RegisterError::Underlyings)
    );
    let mut euro = contract(CALL);
    euro.currency = crate::types::Text::from_bytes(b"EUR");
    assert!(matches!(
        risk.register(&euro),
        Err(RegisterError::Contract(_))
    ));
}

#[test]
fn ids_count_up_skip_what_is_taken_and_start_above_the_venue() {
    let mut kept = Kept::first(1, EQUITY);
    kept.next_id = 255;
    let mut desk = Desk::after(&[], &kept);
    let resting = desk.order(&signal(1));
    assert_eq!(resting.id(), ClientOrderId(255));
    desk.ack(&resting);
    for id in 0..255u64 {
        desk.pass(2 * SECOND);
        desk.quote(OTHER, 200, 210);
        desk.risk.reconcile(OTHER, BrokerView::Held(0));
        let order = desk.order(&Intent {
            contract: OTHER,
            ts_event: desk.now,
            ..signal(100 + id)
        });
        assert_eq!(order.id(), ClientOrderId(256 + id));
        desk.report(&order, ReportKind::Cancelled { filled: 0 });
    }
    desk.pass(2 * SECOND);
    desk.quote(OTHER, 200, 210);
    let next = Intent {
        contract: OTHER,
        ts_event: desk.now,
        ..signal(900)
    };
    // 511 has the slot of 255, which still rests.
    assert_eq!(desk.order(&next).id(), ClientOrderId(512));
    desk.risk.raise_next_id(ClientOrderId(5_000));
    desk.risk.raise_next_id(ClientOrderId(10));
    assert_eq!(desk.risk.kept().next_id, 5_000);
    desk.pass(2 * SECOND);
    desk.quote(PUT, 200, 210);
    let put = Intent {
        contract: PUT,
        ts_event: desk.now,
        purpose: Purpose::Hedge,
        ..signal(901)
    };
    assert_eq!(desk.order(&put).id(), ClientOrderId(5_000));
}

#[test]
fn b30_a_recovered_order_blocks_its_contract_and_can_be_cancelled() {
    let mut desk = Desk::with(&[]);
    let id = ClientOrderId(40);
    assert!(desk.risk.recover(id, Nanos(START), &plain(), 1));
    let line = *desk.risk.line(CALL).unwrap();
    assert_eq!((line.working[0].quantity, line.unknown_count), (1, 1));
    let next = Intent {
        price: price(204),
        ..signal(2)
    };
    assert_eq!(desk.consider(&next), Some(Refusal::Unknown));
    assert!(desk.risk.cancel(id, desk.now).is_ok());
    assert!(desk.risk.kept().next_id > 40);
    let stranger = Intent {
        contract: key(99),
        ..plain()
    };
    assert!(
        !desk
            .risk
            .recover(ClientOrderId(41), Nanos(START), &stranger, 0)
    );
}

#[test]
fn i13_equal_inputs_give_equal_digests_and_others_do_not() {
    let run = |last: i64| {
        let mut desk = Desk::with(&[]);
        let order = desk.order(&plain());
        desk.ack(&order);
        desk.fill(&order, 1, last);
        desk.consider(&signal(2));
        desk.risk.digest()
    };
    assert_eq!(run(205), run(205));
    assert_ne!(run(205), run(204));
}

#[test]
fn a_verdict_prints_every_check() {
    let mut desk = Desk::with(&[]);
    desk.consider(&plain());
    let text = format!("{}", desk.risk.verdict());
    assert_eq!(text.lines().count(), 24);
    for check in Refusal::ALL {
        assert!(text.contains(check.name()));
    }
    let unknown = Execution {
        id: ExecutionId::default(),
        side: Side::None,
        quantity: 5,
        price: price(1),
        fee: None,
    };
    let report = ExecReport {
        id: ClientOrderId(0),
        contract: CALL,
        ts_event: desk.now,
        kind: ReportKind::Executed(unknown),
    };
    let held = desk.risk.on_report(&report, desk.now).unwrap().held;
    assert_eq!(held, 0, "an execution without a side moves nothing");
}

#[test]
fn b12_an_execution_of_an_earlier_run_does_not_count_again() {
    let mut desk = Desk::with(&[]);
    let before = desk.risk.ledger_digest();
    let old = desk.execution(Side::Bid, 2, 210, Money::ZERO);
    desk.risk.remember(ClientOrderId(9), &old);
    let told = |execution| ExecReport {
        id: ClientOrderId(9),
        contract: CALL,
        ts_event: Nanos(START),
        kind: ReportKind::Executed(execution),
    };
    let reported = desk.risk.on_report(&told(old), desk.now).unwrap();
    assert_eq!((reported.note, reported.held), (Note::Stale, 0));
    assert_ne!(
        desk.risk.ledger_digest(),
        before,
        "what is remembered is in the digest"
    );
    let new = desk.execution(Side::Bid, 2, 210, Money::ZERO);
    assert_eq!(desk.risk.on_report(&told(new), desk.now).unwrap().held, 2);
}
