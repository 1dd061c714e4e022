//! Halts, breakers over days, and restarts.

use super::desk::*;
use crate::money::Money;
use crate::order::{Intent, ReportKind};
use crate::position::BrokerView;
use crate::risk::*;
use crate::types::{Nanos, Side};
use alloc::vec::Vec;

fn kill(desk: &mut Desk) -> Vec<ClientOrderId> {
    let mut cancels = Vec::new();
    let now = desk.now;
    desk.risk.kill(HaltCause::Operator, now, &mut |cancel| {
        cancels.push(cancel.id())
    });
    cancels
}

#[test]
fn k05_a_kill_cancels_every_live_order_without_waiting_and_twice_is_as_once() {
    let limits = [("messages_per_second_max", 8), ("cancel_reserve", 2)];
    let mut desk = Desk::with(&limits);
    let orders: Vec<_> = (1..=5u32)
        .map(|id| {
            desk.order(&Intent {
                price: price(205 - i64::from(id)),
                ..signal(u64::from(id))
            })
        })
        .collect();
    // One in flight, one at rest, one in part filled, one gone, one unknown.
    desk.ack(&orders[1]);
    desk.ack(&orders[2]);
    desk.fill(&orders[2], 1, 202);
    desk.report(&orders[3], ReportKind::Cancelled { filled: 0 });
    desk.report(&orders[4], ReportKind::NoAnswer);
    let mut cancelled = kill(&mut desk);
    cancelled.sort_unstable();
    let live = [0, 1, 2, 4].map(|at: usize| orders[at].id());
    assert_eq!(cancelled, live, "all of them, beyond the message rate");
    assert_eq!(kill(&mut desk), [], "they are on their way");
    assert_eq!(desk.consider(&exit(1)), Some(Refusal::Halt));
}

#[test]
fn k05_a_kill_works_while_disconnected() {
    let mut desk = Desk::with(&[]);
    let order = desk.order(&plain());
    desk.ack(&order);
    desk.risk.on_disconnect(desk.now);
    assert_eq!(kill(&mut desk), [order.id()]);
    assert_eq!(desk.consider(&plain()), Some(Refusal::Mode));
    assert_eq!(desk.risk.verdict().of(Refusal::Halt).status, Status::Failed);
}

#[test]
fn i08_after_a_halt_nothing_that_opens_leaves() {
    let mut desk = Desk::with(&[]);
    desk.hold(CALL, Side::Bid, 4, 205);
    kill(&mut desk);
    for id in 2..20 {
        assert_eq!(desk.consider(&signal(id)), Some(Refusal::Halt));
    }
    desk.risk.allow_closing();
    assert_eq!(desk.consider(&exit(1)), None, "positions may be closed");
    assert_eq!(desk.consider(&signal(30)), Some(Refusal::Halt));
    kill(&mut desk);
    assert_eq!(desk.consider(&exit(2)), Some(Refusal::Halt));
}

#[test]
fn entries_alone_can_be_cancelled() {
    let mut desk = Desk::with(&[]);
    desk.hold(CALL, Side::Bid, 4, 205);
    let leaving = desk.order(&Intent {
        price: price(209),
        ..exit(1)
    });
    let entry = desk.order(&Intent {
        contract: OTHER,
        ..plain()
    });
    let mut cancels = Vec::new();
    let now = desk.now;
    let count = desk
        .risk
        .cancel_all(Which::Entries, now, &mut |cancel| cancels.push(cancel.id()));
    assert_eq!((count, &*cancels), (1, &[entry.id()][..]));
    assert!(!desk.risk.order(leaving.id()).unwrap().life.is_cancel_sent());
}

#[test]
fn k06_a_halt_holds_over_a_restart_until_resumed_with_a_reason() {
    let mut desk = Desk::with(&[]);
    kill(&mut desk);
    let mut desk = Desk::after(&[], &desk.risk.kept());
    assert_eq!(desk.consider(&plain()), Some(Refusal::Halt));
    assert_eq!(desk.risk.halted().cause, HaltCause::Operator);
    assert_eq!(desk.risk.halted().at, Nanos(START));
    for empty in ["", "   ", "\n\t"] {
        assert_eq!(Reason::new(empty), None);
    }
    desk.risk
        .resume(Reason::new(" checked with the broker ").unwrap());
    let resumed = desk.risk.halted().resumed.unwrap();
    assert_eq!(resumed.as_str(), "checked with the broker");
    assert_eq!(desk.consider(&plain()), None);
}

#[test]
fn a_halt_is_never_loosened_by_another() {
    let mut halt = Halt::default();
    assert!(halt.shut(Gate::Shut, HaltCause::Operator, Nanos(5)));
    assert!(!halt.shut(Gate::ReduceOnly, HaltCause::RunAway, Nanos(6)));
    assert!(!halt.shut(Gate::Shut, HaltCause::RunAway, Nanos(6)));
    assert_eq!(
        (halt.gate, halt.cause, halt.at),
        (Gate::Shut, HaltCause::Operator, Nanos(5))
    );
    assert_eq!(
        [Gate::Open, Gate::ReduceOnly, Gate::Shut]
            .map(Gate::name)
            .len(),
        3
    );
}

#[test]
fn k07_a_restart_restores_equity_streaks_and_peak() {
    let mut desk = Desk::with(&[]);
    desk.hold(OTHER, Side::Bid, 1, 1_000);
    desk.hold(OTHER, Side::Ask, 1, 3_000);
    desk.hold(OTHER, Side::Bid, 1, 1_900);
    desk.hold(OTHER, Side::Ask, 1, 1_000);
    desk.hold(CALL, Side::Bid, 2, 205);
    let kept = desk.risk.kept();
    assert_eq!(kept.high_water, EQUITY + Money::from_usd(2_000));
    assert_eq!(kept.day_earned, Money::from_usd(1_100));
    assert_eq!((kept.losing_trades, kept.opened_today), (1, 3));
    let mut again = Desk::after(&[], &kept);
    assert!(again.risk.carry(CALL, 2, price(205), price(205)));
    assert!(!again.risk.carry(CALL, 2, price(205), price(205)), "once");
    assert_eq!(again.risk.kept(), kept);
    assert_eq!(again.risk.equity(), desk.risk.equity());
    again.quote(CALL, 300, 310);
    desk.quote(CALL, 300, 310);
    assert_eq!(again.risk.equity(), desk.risk.equity());
}

#[test]
fn k07_what_was_unrealised_is_not_earned_twice() {
    let mut desk = Desk::with(&[]);
    desk.hold(CALL, Side::Bid, 2, 205);
    desk.quote(CALL, 300, 310);
    let kept = desk.risk.kept();
    assert_eq!(kept.day_earned, Money::from_usd(200));
    let mut again = Desk::after(&[], &kept);
    again.risk.carry(CALL, 2, price(205), price(305));
    again.quote(CALL, 300, 310);
    assert_eq!(again.risk.earned_today(), Some(Money::from_usd(200)));
}

#[test]
fn r10_a_tripped_daily_loss_waits_for_the_next_day_and_the_operator() {
    let trip = |desk: &mut Desk| {
        desk.hold(CALL, Side::Bid, 20, 205);
        desk.quote(CALL, 95, 105);
    };
    let phase = |desk: &Desk| desk.risk.breaker(BreakerKind::DailyLoss).phase;
    let reason = || Reason::new("seen").unwrap();
    let mut desk = Desk::with(&[]);
    trip(&mut desk);
    assert_eq!(phase(&desk), Phase::Tripped);
    desk.risk.clear(BreakerKind::DailyLoss, reason());
    desk.quote(CALL, 200, 210);
    assert_eq!(
        phase(&desk),
        Phase::Tripped,
        "not on the same day, whatever the market does"
    );
    desk.pass(SECOND);
    assert!(desk.risk.new_day(2, Money::ZERO, desk.now));
    assert_eq!(phase(&desk), Phase::Armed);
    // Without the operator the next day does not help.
    let mut desk = Desk::with(&[]);
    trip(&mut desk);
    desk.pass(SECOND);
    assert!(desk.risk.new_day(2, Money::ZERO, desk.now));
    assert_eq!(phase(&desk), Phase::Tripped);
    desk.risk.clear(BreakerKind::DailyLoss, reason());
    assert_eq!(phase(&desk), Phase::Armed);
}

#[test]
fn a_drawdown_is_taken_on_by_the_operator_and_cools() {
    let mut desk = Desk::with(&[("daily_loss_ppm", 900_000)]);
    desk.hold(OTHER, Side::Bid, 1, 10_100);
    desk.hold(OTHER, Side::Ask, 1, 100);
    let phase = |desk: &Desk| desk.risk.breaker(BreakerKind::Drawdown).phase;
    assert_eq!(phase(&desk), Phase::Tripped);
    assert_eq!(desk.risk.size_factor_ppm(), 0);
    desk.pass(100 * SECOND);
    desk.risk
        .clear(BreakerKind::Drawdown, Reason::new("taken on").unwrap());
    assert_eq!(phase(&desk), Phase::Cooling);
    assert_eq!(
        desk.risk.kept().high_water,
        EQUITY - Money::from_usd(10_000)
    );
    let step = |desk: &mut Desk, ns| {
        desk.pass(ns);
        desk.risk.on_time(desk.now, &mut |_| {});
    };
    step(&mut desk, 7_100 * SECOND - 1);
    assert_eq!(phase(&desk), Phase::Cooling);
    step(&mut desk, 1);
    assert_eq!(phase(&desk), Phase::Armed);
}

#[test]
fn r02_losing_days_are_counted_once_a_day_and_end_with_a_winning_one() {
    let mut desk = Desk::with(&[]);
    let trade = |desk: &mut Desk, sold| {
        desk.hold(OTHER, Side::Bid, 1, 200);
        desk.hold(OTHER, Side::Ask, 1, sold);
    };
    for day in 2..5 {
        trade(&mut desk, 199);
        for _ in 0..10 {
            desk.risk.on_time(desk.now, &mut |_| {});
        }
        assert!(desk.risk.new_day(day, Money::ZERO, desk.now));
        assert!(
            !desk.risk.new_day(day, Money::ZERO, desk.now),
            "a day ends once"
        );
    }
    assert_eq!(desk.risk.kept().losing_days, 3);
    assert_eq!(
        desk.risk.breaker(BreakerKind::LosingDays).phase,
        Phase::Tripped
    );
    trade(&mut desk, 300);
    assert!(desk.risk.new_day(5, Money::ZERO, desk.now));
    desk.risk.on_time(desk.now, &mut |_| {});
    assert_eq!(
        desk.risk.breaker(BreakerKind::LosingDays).phase,
        Phase::Armed
    );
    assert_eq!(desk.risk.kept().losing_days, 0);
}

#[test]
fn r02_losing_trades_cool_off_by_themselves() {
    let mut desk = Desk::with(&[]);
    let lose = |desk: &mut Desk| {
        desk.hold(OTHER, Side::Bid, 1, 200);
        desk.hold(OTHER, Side::Ask, 1, 199);
    };
    lose(&mut desk);
    lose(&mut desk);
    desk.hold(OTHER, Side::Bid, 1, 200);
    desk.hold(OTHER, Side::Ask, 1, 201);
    lose(&mut desk);
    lose(&mut desk);
    let phase = |desk: &Desk| desk.risk.breaker(BreakerKind::LosingTrades).phase;
    assert_ne!(
        phase(&desk),
        Phase::Tripped,
        "a trade that gained broke the streak"
    );
    lose(&mut desk);
    assert_eq!(phase(&desk), Phase::Tripped);
    desk.pass(1_800 * SECOND - 1);
    desk.risk.on_time(desk.now, &mut |_| {});
    assert_eq!(phase(&desk), Phase::Cooling);
    desk.pass(1);
    desk.risk.on_time(desk.now, &mut |_| {});
    assert_eq!(phase(&desk), Phase::Armed);
}

#[test]
fn deposits_move_equity_and_its_highest_alike() {
    let mut desk = Desk::with(&[]);
    desk.risk.new_day(2, Money::from_usd(-40_000), desk.now);
    let kept = desk.risk.kept();
    assert_eq!(kept.day_equity, Money::from_usd(60_000));
    assert_eq!(kept.high_water, Money::from_usd(60_000));
    assert_eq!(desk.risk.breaker(BreakerKind::Drawdown).phase, Phase::Armed);
    assert_eq!(desk.risk.drawdown(), Some(DrawdownRung::Fine));
}

#[test]
fn a_day_does_not_end_with_a_position_that_has_no_mark() {
    let mut desk = Desk::bare(&[], &Kept::first(1, EQUITY));
    desk.hold(OTHER, Side::Bid, 1, 200);
    assert!(!desk.risk.new_day(2, Money::ZERO, desk.now));
    assert_eq!(desk.risk.equity(), None);
    assert_eq!(desk.risk.drawdown(), None);
    assert_eq!(desk.risk.size_factor_ppm(), 0);
    desk.quote(OTHER, 190, 200);
    assert!(desk.risk.new_day(2, Money::ZERO, desk.now));
    assert_eq!(desk.risk.kept().day_equity, EQUITY - Money::from_usd(5));
    assert_eq!(desk.risk.earned_today(), Some(Money::ZERO));
}

#[test]
fn r03_r04_losses_shrink_sizes_rung_by_rung() {
    for (dollars, factor) in [
        (999, 1_000_000),
        (1_000, 700_000),
        (1_499, 700_000),
        (1_500, 0),
    ] {
        let mut desk = Desk::with(&[]);
        desk.hold(OTHER, Side::Bid, 1, 100 + dollars);
        desk.hold(OTHER, Side::Ask, 1, 100);
        assert_eq!(desk.risk.size_factor_ppm(), factor, "{dollars}");
    }
    let mut kept = Kept::first(1, EQUITY);
    kept.high_water = Money::from_usd(108_800);
    let desk = Desk::after(&[], &kept);
    assert_eq!(
        desk.risk.size_factor_ppm(),
        500_000,
        "8.09 % under its highest"
    );
    assert_eq!(desk.risk.drawdown().unwrap().stop_ppm(), 750_000);
}

#[test]
fn a_disconnect_makes_everything_unknown() {
    let mut desk = Desk::with(&[]);
    let order = desk.order(&plain());
    desk.ack(&order);
    desk.risk.on_disconnect(desk.now);
    let line = *desk.risk.line(CALL).unwrap();
    assert_eq!(line.unknown_count, 1);
    desk.tell(Context::Venue(Some((Mode::Paper, AccountId(77)))));
    let other = Intent {
        contract: OTHER,
        ..signal(2)
    };
    assert_eq!(
        desk.consider(&other),
        Some(Refusal::Unknown),
        "not reconciled since"
    );
    desk.risk.reconcile(OTHER, BrokerView::Held(0));
    assert_eq!(desk.consider(&other), None);
}
