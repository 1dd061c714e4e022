//! What is kept from one order or one weighing to the next, and what must end it.

use super::desk::*;
use crate::money::Money;
use crate::order::{ClientOrderId, Intent, Quote};
use crate::risk::*;
use crate::types::{Nanos, Price, Side};

/// Three readings in a row before a loss that is not realised is believed.
const CONFIRMED: (&str, i64) = ("loss_confirmations", 3);

/// The plain intent as it comes now, from a signal of its own.
fn fresh(desk: &Desk, id: u64) -> Intent {
    Intent {
        ts_event: desk.now,
        ..signal(id)
    }
}

fn phase(desk: &Desk, kind: BreakerKind) -> Phase {
    desk.risk.breaker(kind).phase
}

/// Time passes, and the market stays where it is.
fn wait(desk: &mut Desk, ns: u64) {
    desk.pass(ns);
    desk.quote(CALL, 200, 210);
    desk.risk
        .on_time(desk.now, &mut |_| panic!("nothing to cancel"));
}

#[test]
fn what_was_young_enough_for_one_order_is_too_old_for_the_next() {
    for (name, check) in [
        ("volatility_age_ns_max", Refusal::Breakers),
        ("value_at_risk_age_ns_max", Refusal::Correlation),
        ("cost_age_ns_max", Refusal::Budget),
    ] {
        let mut desk = Desk::with(&[(name, 100)]);
        let sold = |desk: &Desk, id| Intent {
            price: price(205 - i64::try_from(id).unwrap()),
            ..fresh(desk, id)
        };
        for (id, ns, refusal) in [(1, 99, None), (2, 1, None), (3, 1, Some(check))] {
            desk.pass(ns);
            assert_eq!(desk.consider(&sold(&desk, id)), refusal, "{name} {id}");
        }
    }
}

#[test]
fn an_error_is_told_with_an_order_until_its_window_is_over() {
    let mut desk = Desk::with(&[("errors_window_ns", 100), ("errors_max", 3)]);
    desk.risk.on_error(desk.now);
    desk.pass(50);
    desk.risk.on_error(desk.now);
    for (id, ns, errors) in [(1, 49, 2), (2, 1, 1), (3, 49, 1), (4, 1, 0)] {
        desk.pass(ns);
        let asked = Intent {
            price: price(205 - i64::try_from(id).unwrap()),
            ..fresh(&desk, id)
        };
        assert_eq!(desk.consider(&asked), None);
        let outcome = desk.risk.verdict().of(Refusal::Breakers);
        let told = (outcome.bound == Bound::SystemErrors).then_some(outcome.value);
        assert_eq!(told.unwrap_or(0), errors, "{outcome:?}");
    }
}

#[test]
fn r02_a_breaker_that_has_cooled_lets_the_next_order_pass() {
    let mut desk = Desk::with(&[]);
    for _ in 0..3 {
        desk.hold(OTHER, Side::Bid, 1, 101);
        desk.hold(OTHER, Side::Ask, 1, 100);
    }
    for (id, ns, phase_then, refusal) in [
        (1, 0, Phase::Tripped, Some(Refusal::Breakers)),
        (2, 1_799, Phase::Cooling, Some(Refusal::Breakers)),
        (3, 1, Phase::Armed, None),
    ] {
        if ns > 0 {
            wait(&mut desk, ns * SECOND);
        }
        assert_eq!(phase(&desk, BreakerKind::LosingTrades), phase_then);
        assert_eq!(desk.consider(&fresh(&desk, id)), refusal, "{phase_then:?}");
    }
}

#[test]
fn k08_a_loss_that_stays_is_seen_again_as_time_passes() {
    // 20 × 300 is 6 000, more than a daily loss of 2 %; 20 × 600 is a drawdown of more than 10 %.
    for (kind, daily_ppm, bid) in [
        (BreakerKind::DailyLoss, 20_000, 970_000),
        (BreakerKind::Drawdown, 900_000, 940_000),
    ] {
        let mut desk = Desk::with(&[CONFIRMED, ("daily_loss_ppm", daily_ppm)]);
        desk.hold(FUTURE, Side::Bid, 1, 1_000_050);
        desk.quote(FUTURE, bid, bid + 100);
        for _ in 0..2 {
            assert_ne!(phase(&desk, kind), Phase::Tripped);
            wait(&mut desk, 1);
        }
        assert_eq!(phase(&desk, kind), Phase::Tripped, "the third time");
    }
}

#[test]
fn k08_a_high_that_stays_is_seen_again_as_time_passes() {
    let mut desk = Desk::with(&[CONFIRMED]);
    desk.hold(FUTURE, Side::Bid, 1, 1_000_050);
    desk.quote(FUTURE, 1_010_000, 1_010_100);
    for _ in 0..2 {
        assert_eq!(desk.risk.kept().high_water, EQUITY);
        wait(&mut desk, 1);
    }
    assert_eq!(desk.risk.kept().high_water, EQUITY + Money::from_usd(2_000));
}

#[test]
fn r10_a_daily_loss_of_yesterday_stays_tripped_while_today_has_lost_as_much() {
    let reason = Reason::new("seen").unwrap();
    let lose = |desk: &mut Desk, dollars: i64| {
        desk.hold(OTHER, Side::Bid, 1, 100 + dollars);
        desk.hold(OTHER, Side::Ask, 1, 100);
    };
    // 2 % of 98 000 is 1 960.
    for (today, then) in [(1_960, Phase::Tripped), (1_959, Phase::Warn)] {
        let mut desk = Desk::with(&[]);
        lose(&mut desk, 2_000);
        desk.pass(SECOND);
        assert!(desk.risk.new_day(2, Money::ZERO, desk.now));
        lose(&mut desk, today);
        assert_eq!(phase(&desk, BreakerKind::DailyLoss), Phase::Tripped);
        desk.risk.clear(BreakerKind::DailyLoss, reason);
        assert_eq!(phase(&desk, BreakerKind::DailyLoss), then);
    }
    // Nor does what was earned trip it.
    let mut desk = Desk::with(&[]);
    lose(&mut desk, -2_000);
    desk.risk.clear(BreakerKind::DailyLoss, reason);
    assert_eq!(phase(&desk, BreakerKind::DailyLoss), Phase::Armed);
}

#[test]
fn b30_what_a_recovered_order_can_lose_is_in_the_worst_loss() {
    // A future with a stop five points away can lose 150, the plain intent 410.
    let future = |stop| Intent {
        contract: FUTURE,
        quantity: 1,
        price: price(1_000_050),
        reference: Quote::NONE,
        stop,
        ..signal(7)
    };
    let unbounded = Price::UNDEFINED;
    for (stop, max, refusal) in [
        (price(999_550), 560, None),
        (price(999_550), 559, Some(Refusal::Exposure)),
        (unbounded, 1_000_000, Some(Refusal::Exposure)),
    ] {
        let mut desk = Desk::with(&[("worst_loss_max", Money::from_usd(max).0)]);
        let id = ClientOrderId(40);
        assert!(desk.risk.recover(id, Nanos(START), &future(stop), 0));
        assert_eq!(desk.consider(&plain()), refusal, "{max}");
    }
}
