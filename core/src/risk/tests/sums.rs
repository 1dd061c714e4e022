//! What everything together comes to, at its border: short positions, working orders, what others
//! hold, and orders of other strategies. One number short of each border the order is refused.

use super::desk::*;
use crate::event::Trust;
use crate::money::Money;
use crate::order::{Intent, Quote, StrategyId};
use crate::risk::*;
use crate::types::{Nanos, Price, Side};

fn usd(dollars: i64) -> i64 {
    Money::from_usd(dollars).0
}

/// One future with a stop five points away: 5 × 20 × 1.5 is 150 of loss, and 200 010 of notional.
fn future(side: Side, id: u64) -> Intent {
    let away = if side == Side::Bid { -500 } else { 500 };
    Intent {
        contract: FUTURE,
        side,
        quantity: 1,
        price: price(1_000_050),
        reference: Quote::NONE,
        stop: price(1_000_050 + away),
        ..signal(id)
    }
}

/// Two calls of the second underlying: 410 of notional, and of loss.
fn other(id: u64) -> Intent {
    Intent {
        contract: OTHER,
        ..signal(id)
    }
}

#[track_caller]
fn status(desk: &mut Desk, check: Refusal, intent: &Intent) -> (Bound, Status) {
    desk.consider(intent);
    let outcome = desk.risk.verdict().of(check);
    (outcome.bound, outcome.status)
}

#[track_caller]
fn blocks(desk: &mut Desk, check: Refusal, intent: &Intent) -> bool {
    status(desk, check, intent).1.blocks()
}

#[test]
fn check_12_a_working_order_can_still_lose_what_its_stop_allows() {
    for (max, refusal) in [(560, None), (559, Some(Refusal::Exposure))] {
        let mut desk = Desk::with(&[("worst_loss_max", usd(max))]);
        desk.order(&future(Side::Bid, 1));
        assert_eq!(desk.consider(&signal(2)), refusal, "{max}");
    }
}

#[test]
fn check_12_a_sale_can_lose_the_way_up_to_its_stop() {
    for (max, refusal) in [(150, None), (149, Some(Refusal::Exposure))] {
        let mut desk = Desk::with(&[("worst_loss_max", usd(max))]);
        assert_eq!(desk.consider(&future(Side::Ask, 1)), refusal, "{max}");
    }
    for wrong in [1_000_050, 999_550] {
        let mut desk = Desk::with(&[]);
        let unbounded = Intent {
            stop: price(wrong),
            ..future(Side::Ask, 1)
        };
        let missing = (Bound::WorstLoss, Status::Missing);
        assert_eq!(status(&mut desk, Refusal::Exposure, &unbounded), missing);
    }
}

#[test]
fn check_12_what_is_sold_counts_like_what_is_bought() {
    for (max, refusal) in [(200_420, None), (200_419, Some(Refusal::Exposure))] {
        let mut desk = Desk::with(&[
            ("order_notional_max", usd(200_010)),
            ("underlying_notional_max", usd(200_010)),
            ("gross_notional_max", usd(max)),
        ]);
        desk.order(&future(Side::Ask, 1));
        assert_eq!(desk.consider(&signal(2)), refusal, "{max}");
    }
}

#[test]
fn check_12_what_others_hold_without_a_bound_is_not_added_to() {
    let missing = (Bound::WorstLoss, Status::Missing);
    let mut desk = Desk::with(&[]);
    desk.hold(FUTURE, Side::Bid, 1, 1_000_050);
    let more = future(Side::Bid, 1);
    assert_eq!(status(&mut desk, Refusal::Exposure, &more), missing);
    // Also when it is on its way out already: that order may not fill.
    desk.order(&Intent {
        contract: FUTURE,
        price: price(1_000_100),
        ..exit(1)
    });
    assert_eq!(desk.risk.line(FUTURE).unwrap().reach(), (1, 0));
    assert_eq!(status(&mut desk, Refusal::Exposure, &more), missing);
}

#[test]
fn check_12_what_others_bought_is_bounded_by_its_price_until_it_may_be_short() {
    // Held long and on its way out to the last contract, it can lose no more than was paid.
    let mut desk = Desk::with(&[("worst_loss_max", usd(820))]);
    desk.hold(CALL, Side::Bid, 2, 205);
    desk.order(&exit(2));
    assert_eq!(desk.risk.line(CALL).unwrap().reach(), (2, 0));
    assert_eq!(desk.consider(&other(1)), None);
    // Held short, nothing bounds it.
    let mut desk = Desk::with(&[]);
    desk.hold(CALL, Side::Ask, 1, 205);
    let missing = (Bound::WorstLoss, Status::Missing);
    assert_eq!(status(&mut desk, Refusal::Exposure, &other(1)), missing);
}

#[test]
fn check_12_a_stop_farther_than_prices_go_is_no_small_loss() {
    let mut desk = Desk::with(&[]);
    let asked = Intent {
        stop: Price(i64::MIN),
        ..future(Side::Bid, 1)
    };
    let failed = (Bound::WorstLoss, Status::Failed);
    assert_eq!(status(&mut desk, Refusal::Exposure, &asked), failed);
}

#[test]
fn check_12_a_strategy_answers_for_its_own_money_only() {
    let second = StrategyId(1);
    for (share, refusal) in [(4_100, None), (4_099, Some(Refusal::Exposure))] {
        let mut desk = Desk::with(&[("strategy_share_ppm", share)]);
        let whole = Some(Span {
            from: Nanos(0),
            until: Nanos(u64::MAX),
        });
        desk.tell(Context::Window(second, whole));
        if refusal.is_none() {
            desk.order(&other(1));
        }
        let asked = Intent {
            strategy: second,
            ..signal(2)
        };
        assert_eq!(desk.consider(&asked), refusal, "{share}");
    }
}

#[test]
fn check_11_working_orders_count_as_opened_positions() {
    for (max, is_beyond) in [(3, false), (2, true)] {
        let mut desk = Desk::with(&[("opened_per_day_max", max)]);
        desk.order(&plain());
        desk.order(&other(2));
        let third = future(Side::Bid, 3);
        assert_eq!(blocks(&mut desk, Refusal::Position, &third), is_beyond);
    }
}

#[test]
fn check_11_what_is_held_already_is_not_opened_again() {
    // One position opened, and more of it asked for: only the next one is pending.
    let mut desk = Desk::with(&[("opened_per_day_max", 2)]);
    desk.hold(CALL, Side::Bid, 2, 205);
    desk.order(&plain());
    assert!(!blocks(&mut desk, Refusal::Position, &other(2)));
    // An exit that outlives its position opens nothing either.
    let mut desk = Desk::with(&[("opened_per_day_max", 2)]);
    desk.hold(CALL, Side::Bid, 2, 205);
    desk.order(&Intent {
        price: price(209),
        ..exit(1)
    });
    desk.hold(CALL, Side::Ask, 2, 205);
    assert!(!blocks(&mut desk, Refusal::Position, &other(2)));
}

#[test]
fn check_15_a_sale_needs_buying_power_too() {
    for (buying_power, is_short) in [(80_000, false), (79_999, true)] {
        let mut desk = Desk::with(&[]);
        desk.tell(Context::Account(Account {
            available: Money::from_usd(10_000_000),
            buying_power: Money::from_usd(buying_power),
            as_of: Nanos(START),
        }));
        let sale = future(Side::Ask, 1);
        assert_eq!(blocks(&mut desk, Refusal::Margin, &sale), is_short);
    }
}

#[test]
fn check_15_what_is_held_needs_no_funds_again() {
    // 410 and a quarter more for the order; what is held was paid before.
    for (cents, is_short) in [(51_250, false), (51_249, true)] {
        let mut desk = Desk::with(&[]);
        desk.hold(CALL, Side::Bid, 2, 205);
        desk.tell(Context::Account(Account {
            available: Money::from_cents(cents),
            buying_power: Money::from_usd(10_000),
            as_of: Nanos(START),
        }));
        assert_eq!(blocks(&mut desk, Refusal::Margin, &other(1)), is_short);
    }
}

#[test]
fn check_16_a_sale_leans_the_other_way() {
    for (ppm, is_alike) in [(700_001, false), (-700_001, true)] {
        let mut desk = Desk::with(&[]);
        desk.correlate(ppm);
        desk.hold(OTHER, Side::Bid, 1, 205);
        let sale = Intent {
            side: Side::Ask,
            stop: price(300),
            ..plain()
        };
        assert_eq!(blocks(&mut desk, Refusal::Correlation, &sale), is_alike);
    }
}

#[test]
fn check_16_what_leans_alike_on_one_underlying_needs_no_hedge() {
    let mut desk = Desk::with(&[]);
    desk.hold(CALL, Side::Bid, 1, 205);
    let put = |side| Intent {
        contract: PUT,
        side,
        stop: price(300),
        ..signal(2)
    };
    assert!(!blocks(&mut desk, Refusal::Correlation, &put(Side::Ask)));
    assert!(blocks(&mut desk, Refusal::Correlation, &put(Side::Bid)));
}

#[test]
fn check_16_a_correlation_is_of_its_two_underlyings_and_of_no_others() {
    let pair = [OTHER, FUTURE].map(|key| contract(key).underlying);
    for (one, second) in [(pair[0], pair[1]), (pair[1], pair[0])] {
        for (held, asked, is_alike) in [
            (OTHER, future(Side::Bid, 1), true),
            (FUTURE, other(1), true),
            (OTHER, plain(), false),
            (FUTURE, plain(), false),
        ] {
            let mut desk = Desk::with(&[]);
            let now = desk.now;
            desk.tell(Context::Correlation(one, second, 750_000, now));
            let cents = if held == FUTURE { 1_000_050 } else { 205 };
            desk.hold(held, Side::Bid, 1, cents);
            assert_eq!(blocks(&mut desk, Refusal::Correlation, &asked), is_alike);
        }
    }
}

#[test]
fn check_09_the_median_of_two_references_is_their_middle() {
    // Of 2.05 and 2.25 that is 2.15; 10 % of it is 21.5 cents.
    for (cents, is_beyond) in [(236, false), (237, true), (194, false), (193, true)] {
        let mut desk = Desk::with(&[]);
        desk.tell(Context::Reference(CALL, price(225), Nanos(START)));
        let asked = Intent {
            reference: Quote::NONE,
            price: price(cents),
            ..plain()
        };
        let beyond = blocks(&mut desk, Refusal::Collar, &asked);
        assert_eq!(beyond, is_beyond, "{cents}");
    }
}

#[test]
fn a_position_is_valued_by_sound_quotes_of_good_books_only() {
    let mut desk = Desk::with(&[]);
    desk.hold(CALL, Side::Bid, 2, 205);
    let now = desk.now;
    for (bid, ask, trust) in [
        (price(300), price(310), Trust::MaybeBad),
        (price(300), price(310), Trust::Stale),
        (price(300), Price::UNDEFINED, Trust::Good),
        (price(310), price(300), Trust::Good),
    ] {
        desk.risk.observe(&update(CALL, now, bid, ask, trust));
        assert_eq!(desk.risk.line(CALL).unwrap().view.mark, price(205));
        assert_eq!(desk.risk.earned_today(), Some(Money::ZERO));
    }
    desk.quote(CALL, 300, 310);
    assert_eq!(desk.risk.earned_today(), Some(Money::from_usd(200)));
}

#[test]
fn check_18_cancels_of_what_is_over_stay_within_the_message_rate() {
    let limits = [("messages_per_second_max", 2), ("cancel_reserve", 1)];
    let mut desk = Desk::with(&limits);
    for id in 1..=3_i64 {
        desk.quote(CALL, 200, 210);
        let order = desk.order(&Intent {
            price: price(205 - id),
            ts_event: desk.now,
            good_for_ns: 60 * SECOND,
            ..signal(id.cast_unsigned())
        });
        desk.ack(&order);
        desk.pass(2 * SECOND);
    }
    desk.pass(70 * SECOND);
    assert_eq!(desk.risk.on_time(desk.now, &mut |_| {}), 2);
    desk.pass(SECOND);
    assert_eq!(desk.risk.on_time(desk.now, &mut |_| {}), 1);
    assert_eq!(desk.risk.counters().cancels, 3);
}

#[test]
fn every_contract_is_found_however_their_keys_fall() {
    let mut setup = setup(&[]);
    setup.capacity.contracts_max = 64;
    for first in (0..64).map(|round| 1_000 * round + 1) {
        let mut risk = Risk::new(&setup, &Kept::first(1, EQUITY)).unwrap();
        for id in first..first + 64 {
            let one = crate::contract::Contract {
                key: key(id),
                ..contract(CALL)
            };
            risk.register(&one).unwrap();
        }
        for id in first..first + 64 {
            let line = risk.line(key(id)).unwrap();
            assert_eq!(line.contract.key, key(id));
        }
        assert!(risk.line(key(first + 64)).is_none());
    }
}
