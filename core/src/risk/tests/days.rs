//! What a day, a restart or a settlement carries over, and when a loss is believed.

use super::desk::*;
use crate::money::Money;
use crate::order::{ClientOrderId, ExecReport, Note, ReportKind, VenueOrderId};
use crate::position::BrokerView;
use crate::risk::*;
use crate::types::{Price, Side};
use alloc::format;
use alloc::string::ToString;

/// Three readings in a row before a loss that is not realised is believed.
const CONFIRMED: (&str, i64) = ("loss_confirmations", 3);

/// Somebody's execution with a fee, of a contract that the tests do not ask for.
fn execute(desk: &mut Desk, side: Side, cents: i64, fee: i64) {
    let execution = desk.execution(side, 1, cents, Money::from_usd(fee));
    let report = ExecReport {
        id: ClientOrderId(0),
        contract: OTHER,
        ts_event: desk.now,
        kind: ReportKind::Executed(execution),
    };
    desk.risk.on_report(&report, desk.now).unwrap();
}

/// Loses so many dollars, realised.
fn lose(desk: &mut Desk, dollars: i64) {
    desk.hold(OTHER, Side::Bid, 1, 200 + dollars);
    desk.hold(OTHER, Side::Ask, 1, 200);
}

fn end_day(desk: &mut Desk, day: u32) {
    desk.pass(SECOND);
    assert!(desk.risk.new_day(day, Money::ZERO, desk.now));
}

fn phase(desk: &Desk, kind: BreakerKind) -> Phase {
    desk.risk.breaker(kind).phase
}

#[test]
fn r10_a_new_day_begins_without_yesterdays_results_and_fees() {
    let mut desk = Desk::with(&[]);
    execute(&mut desk, Side::Bid, 200, 1);
    execute(&mut desk, Side::Ask, 260, 1);
    assert_eq!(desk.risk.fees_today(), Money::from_usd(2));
    assert_eq!(desk.risk.kept().day_earned, Money::from_usd(58));
    end_day(&mut desk, 2);
    assert_eq!(desk.risk.fees_today(), Money::ZERO);
    assert_eq!(desk.risk.kept().day_earned, Money::ZERO);
    execute(&mut desk, Side::Bid, 200, 3);
    execute(&mut desk, Side::Ask, 195, 0);
    let kept = desk.risk.kept();
    assert_eq!(kept.day_earned, Money::from_usd(-8));
    assert_eq!(kept.day_fees, Money::from_usd(3));
    // A restart goes on with them.
    let mut again = Desk::after(&[], &kept);
    assert_eq!(again.risk.fees_today(), Money::from_usd(3));
    execute(&mut again, Side::Bid, 200, 4);
    assert_eq!(again.risk.fees_today(), Money::from_usd(7));
}

#[test]
fn a_day_or_a_trade_that_earns_nothing_neither_lengthens_nor_ends_a_streak() {
    let mut desk = Desk::with(&[]);
    lose(&mut desk, 1);
    lose(&mut desk, 0);
    assert_eq!(desk.risk.kept().losing_trades, 1);
    end_day(&mut desk, 2);
    assert_eq!(desk.risk.kept().losing_days, 1);
    lose(&mut desk, 0);
    end_day(&mut desk, 3);
    assert_eq!(desk.risk.kept().losing_days, 1);
}

#[test]
fn k08_what_was_lost_before_a_restart_counts_as_realised_today() {
    let mut kept = Kept::first(1, EQUITY);
    kept.day_earned = Money::from_usd(-1_500);
    for (dollars, is_tripped) in [(499, false), (500, true)] {
        let mut desk = Desk::after(&[CONFIRMED], &kept);
        lose(&mut desk, dollars);
        let has_tripped = phase(&desk, BreakerKind::DailyLoss) == Phase::Tripped;
        assert_eq!(has_tripped, is_tripped, "{dollars}");
    }
}

#[test]
fn k08_yesterdays_losses_and_one_bad_mark_trip_nothing() {
    let mut desk = Desk::with(&[CONFIRMED]);
    lose(&mut desk, 1_000);
    end_day(&mut desk, 2);
    // 2 % of 99 000 is 1 980: half of it realised, in two trades, and half on one bad mark.
    lose(&mut desk, 500);
    lose(&mut desk, 500);
    desk.hold(CALL, Side::Bid, 10, 205);
    desk.quote(CALL, 100, 110);
    assert_eq!(desk.risk.earned_today(), Some(Money::from_usd(-2_000)));
    assert_ne!(phase(&desk, BreakerKind::DailyLoss), Phase::Tripped);
}

#[test]
fn k08_a_drawdown_is_believed_when_realised_or_seen_three_times() {
    let limits = [CONFIRMED, ("daily_loss_ppm", 900_000)];
    let drawdown = |desk: &Desk| phase(desk, BreakerKind::Drawdown);
    let mut desk = Desk::with(&limits);
    desk.hold(FUTURE, Side::Bid, 1, 1_000_050);
    // 20 × 425 is 8 500: the warning from 80 % of the way needs no second look.
    desk.quote(FUTURE, 957_500, 957_600);
    assert_eq!(drawdown(&desk), Phase::Warn);
    for bid in [949_900, 949_800] {
        desk.quote(FUTURE, bid, bid + 100);
        assert_ne!(drawdown(&desk), Phase::Tripped);
    }
    desk.quote(FUTURE, 949_900, 950_000);
    assert_eq!(drawdown(&desk), Phase::Tripped);
    for (dollars, is_tripped) in [(9_999, false), (10_000, true)] {
        let mut desk = Desk::with(&limits);
        lose(&mut desk, dollars);
        assert_eq!(drawdown(&desk) == Phase::Tripped, is_tripped, "{dollars}");
    }
}

#[test]
fn k08_a_reading_at_the_high_water_breaks_the_row_above_it() {
    let mut desk = Desk::with(&[CONFIRMED]);
    desk.hold(CALL, Side::Bid, 10, 205);
    for bid in [300, 200, 300, 310] {
        desk.quote(CALL, bid, bid + 10);
        assert_eq!(desk.risk.kept().high_water, EQUITY);
        if bid == 200 {
            desk.risk.on_time(desk.now, &mut |_| {});
        }
    }
    desk.quote(CALL, 300, 310);
    assert_eq!(desk.risk.kept().high_water, EQUITY + Money::from_usd(1_000));
}

#[test]
fn the_breaker_of_errors_begins_to_count_anew_when_it_trips() {
    let mut desk = Desk::with(&[]);
    let fail = |desk: &mut Desk, count| {
        for _ in 0..count {
            desk.risk.on_error(desk.now);
        }
    };
    fail(&mut desk, 10);
    assert_eq!(phase(&desk, BreakerKind::SystemErrors), Phase::Tripped);
    desk.pass(SECOND);
    desk.risk.on_time(desk.now, &mut |_| {});
    assert_eq!(phase(&desk, BreakerKind::SystemErrors), Phase::Cooling);
    fail(&mut desk, 9);
    assert_eq!(phase(&desk, BreakerKind::SystemErrors), Phase::Cooling);
    fail(&mut desk, 1);
    assert_eq!(phase(&desk, BreakerKind::SystemErrors), Phase::Tripped);
}

#[test]
fn b19_a_reject_counts_once_as_an_error_of_ours() {
    for (max, is_tripped) in [(1, true), (2, false)] {
        let mut desk = Desk::with(&[("errors_max", max)]);
        let order = desk.order(&plain());
        for note in [Note::Fine, Note::Stale] {
            let told = desk.report(&order, ReportKind::Rejected(201));
            assert_eq!(told.note, note);
            let has_tripped = phase(&desk, BreakerKind::SystemErrors) == Phase::Tripped;
            assert_eq!(has_tripped, is_tripped, "{max}");
        }
    }
}

#[test]
fn b15_the_brokers_word_is_adopted_both_ways_but_only_on_what_was_compared() {
    let reason = Reason::new("bought by hand").unwrap();
    let mut desk = Desk::with(&[]);
    desk.hold(CALL, Side::Bid, 3, 205);
    desk.risk.reconcile(CALL, BrokerView::Held(5));
    assert!(desk.risk.adopt(CALL, reason));
    assert_eq!(desk.risk.line(CALL).unwrap().position.quantity(), 5);
    // What is held has changed since they were compared.
    desk.risk.reconcile(OTHER, BrokerView::Held(5));
    execute(&mut desk, Side::Bid, 205, 0);
    assert!(!desk.risk.adopt(OTHER, reason));
    assert_eq!(desk.risk.line(OTHER).unwrap().position.quantity(), 1);
    // There is no mark to value the difference at.
    let mut desk = Desk::bare(&[], &Kept::first(1, EQUITY));
    desk.risk.reconcile(CALL, BrokerView::Held(5));
    assert!(!desk.risk.adopt(CALL, reason));
    assert_eq!(desk.risk.line(CALL).unwrap().position.quantity(), 0);
}

#[test]
fn b28_calls_held_deliver_futures_held_and_calls_sold_futures_sold() {
    for (side, held) in [(Side::Bid, 2), (Side::Ask, -2)] {
        let mut desk = Desk::with(&[]);
        desk.hold(CALL, side, 2, 205);
        let delivers = Some((FUTURE, price(1_000_050)));
        assert_eq!(desk.risk.settle(CALL, price(300), delivers), Some(held));
        let future = desk.risk.line(FUTURE).unwrap();
        assert_eq!(future.position.quantity(), held);
    }
}

#[test]
fn k07_nothing_is_carried_over_at_no_price() {
    let mut desk = Desk::with(&[]);
    let none = Price::UNDEFINED;
    for (average, mark) in [(none, price(205)), (price(205), none), (none, none)] {
        assert!(!desk.risk.carry(CALL, 2, average, mark));
        assert_eq!(desk.risk.line(CALL).unwrap().position.quantity(), 0);
    }
    assert!(desk.risk.carry(CALL, 2, price(205), price(205)));
}

#[test]
fn what_the_operator_takes_on_between_two_runs_begins_anew() {
    let mut kept = Kept::first(1, EQUITY);
    kept.high_water = Money::from_usd(150_000);
    kept.day_earned = Money::from_usd(-2_500);
    (kept.losing_days, kept.losing_trades) = (3, 4);
    for breaker in &mut kept.breakers {
        breaker.phase = Phase::Tripped;
    }
    for kind in BreakerKind::ALL {
        assert!(!kept.breakers[kind as usize].is_cleared, "{kind:?}");
        kept.clear(kind);
        assert!(kept.breakers[kind as usize].is_cleared, "{kind:?}");
    }
    assert_eq!(kept.high_water, Money::from_usd(97_500));
    assert_eq!((kept.losing_days, kept.losing_trades), (0, 0));
}

#[test]
fn what_is_met_is_counted() {
    let mut desk = Desk::with(&[]);
    let order = desk.order(&plain());
    desk.report(&order, ReportKind::Acked(VenueOrderId(4_711)));
    let track = desk.risk.order(order.id()).unwrap();
    assert_eq!(track.venue_id, VenueOrderId(4_711));
    desk.report(&order, ReportKind::Working);
    desk.risk.cancel(order.id(), desk.now).unwrap();
    desk.report(&order, ReportKind::Cancelled { filled: 0 });
    let next = desk.order(&crate::order::Intent {
        price: price(204),
        ..signal(2)
    });
    desk.ack(&next);
    let now = desk.now;
    desk.risk.cancel_all(Which::All, now, &mut |_| {});
    let counters = *desk.risk.counters();
    assert_eq!((counters.reports, counters.cancels), (6, 2));
    let lost = RiskCounters {
        considered: counters.considered + 1,
        ..counters
    };
    assert!(counters.is_conserved() && !lost.is_conserved());
}

#[test]
fn k10_a_whole_is_allowed_and_capacities_have_borders() {
    assert_eq!(
        limits(&[("drawdown_ppm", 1_000_000)]).drawdown_ppm,
        1_000_000
    );
    let sound = setup(&[]).capacity;
    type Change = fn(&mut Capacity, u32);
    let ranges: [(&str, Change, u32); 5] = [
        ("contracts_max", |it, to| it.contracts_max = to, 1 << 20),
        ("underlyings_max", |it, to| it.underlyings_max = to, 1 << 10),
        ("strategies_max", |it, to| it.strategies_max = to, 1 << 8),
        ("orders_max", |it, to| it.orders_max = to, 1 << 20),
        ("executions_max", |it, to| it.executions_max = to, 1 << 24),
    ];
    for (name, change, max) in ranges {
        let check = |value| {
            let mut capacity = sound;
            change(&mut capacity, value);
            capacity.check()
        };
        assert_eq!((check(1), check(max)), (Ok(()), Ok(())), "{name}");
        for value in [0, max + 1, u32::MAX] {
            assert_eq!(check(value), Err(CapacityError { name, value, max }));
        }
    }
    let (name, value, max) = ("orders_max", 100, 1 << 20);
    let uneven = Capacity {
        orders_max: value,
        ..sound
    };
    let error = CapacityError { name, value, max };
    assert_eq!(uneven.check(), Err(error));
    let text = error.to_string();
    for part in ["`orders_max`", "100", "1048576"] {
        assert!(text.contains(part), "{text}");
    }
    let gates = [Gate::Open, Gate::ReduceOnly, Gate::Shut].map(Gate::name);
    assert_eq!(format!("{gates:?}"), r#"["open", "reduce only", "shut"]"#);
}
