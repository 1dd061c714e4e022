use super::*;
use crate::contract::{ContractKind, Multiplier, PriceSign, TickRule};
use crate::order::ExecutionId;
use crate::types::{InstrumentId, Nanos, Text};
use alloc::vec::Vec;
use proptest::prelude::*;

const CENT: i64 = Price::PER_POINT / 100;

fn contract(multiplier: i64) -> Contract {
    Contract {
        key: BookKey::default(),
        kind: ContractKind::Future,
        multiplier: Multiplier::new(multiplier * Price::PER_POINT).unwrap(),
        tick: TickRule::Flat(Price(CENT)),
        sign: PriceSign::Any,
        expiry: Nanos(1),
        currency: Text::from_bytes(b"USD"),
        underlying: InstrumentId(1),
    }
}

fn execution(side: Side, quantity: u32, cents: i64, fee: Option<Money>) -> Execution {
    Execution {
        id: ExecutionId::default(),
        side,
        quantity,
        price: Price(cents * CENT),
        fee,
    }
}

fn free(side: Side, quantity: u32, cents: i64) -> Execution {
    execution(side, quantity, cents, Some(Money::ZERO))
}

#[test]
fn k12_profit_has_the_multiplier_and_the_fees_in_it() {
    let cases = [
        (100, 3, 210, 285, 65, 22_305),
        (20, 1, 4_100, 4_525, 125, 8_250),
        (2, 2, 1_000, 2_000, 0, 4_000),
    ];
    for (multiplier, quantity, bought, sold, fee_cents, profit_cents) in cases {
        let contract = contract(multiplier);
        let fee = Some(Money::from_cents(fee_cents).times(i64::from(quantity)));
        let mut position = Position::FLAT;
        // The first vector charges its 0.65 once per contract, on the way out.
        let entry_fee = if multiplier == 100 {
            Some(Money::ZERO)
        } else {
            fee
        };
        position.apply(&execution(Side::Bid, quantity, bought, entry_fee));
        position.apply(&execution(Side::Ask, quantity, sold, fee));
        assert_eq!(
            position.realised(&contract),
            Money::from_cents(profit_cents)
        );
        assert_eq!(position.quantity(), 0);
    }
}

#[test]
fn average_follows_what_is_added_and_stays_while_it_is_closed() {
    let contract = contract(20);
    let mut position = Position::FLAT;
    assert_eq!(position.average(), Price::UNDEFINED);
    position.apply(&free(Side::Ask, 1, 100));
    position.apply(&free(Side::Ask, 2, 130));
    assert_eq!(
        (position.quantity(), position.average()),
        (-3, Price(120 * CENT))
    );
    position.apply(&free(Side::Bid, 1, 110));
    assert_eq!(
        (position.quantity(), position.average()),
        (-2, Price(120 * CENT))
    );
    assert_eq!(position.realised(&contract), Money::from_usd(2));
    assert_eq!(
        position.unrealised(&contract, Price(125 * CENT)),
        Some(Money::from_usd(-2))
    );
    assert_eq!(position.unrealised(&contract, Price::UNDEFINED), None);
    // Through zero: what is left is held at the price of the trade.
    position.apply(&free(Side::Bid, 5, 130));
    assert_eq!(
        (position.quantity(), position.average()),
        (3, Price(130 * CENT))
    );
    assert_eq!(position.realised(&contract), Money::from_usd(-2));
}

#[test]
fn a_flat_position_needs_no_mark() {
    let contract = contract(20);
    let mut position = Position::FLAT;
    position.apply(&free(Side::Bid, 1, 100));
    assert_eq!(position.total(&contract, Price::UNDEFINED), None);
    position.apply(&free(Side::Ask, 1, 101));
    assert_eq!(
        position.total(&contract, Price::UNDEFINED),
        Some(Money::from_cents(20))
    );
}

#[test]
fn b13_a_missing_fee_is_pending_until_it_comes() {
    let contract = contract(20);
    let mut position = Position::FLAT;
    position.apply(&execution(Side::Bid, 1, 100, None));
    assert_eq!((position.fees_pending(), position.fees()), (1, Money::ZERO));
    position.join_fee(Money::from_cents(250));
    assert_eq!(
        (position.fees_pending(), position.fees()),
        (0, Money::from_cents(250))
    );
    assert_eq!(position.realised(&contract), Money::from_cents(-250));
}

#[test]
fn b28_settlement_ends_a_position_without_an_order() {
    let contract = contract(20);
    let mut option = Position::FLAT;
    option.apply(&free(Side::Bid, 2, 500));
    assert_eq!(option.settle(Price(800 * CENT)), 2);
    assert_eq!(option.quantity(), 0);
    assert_eq!(option.realised(&contract), Money::from_usd(120));
    assert_eq!(option.settle(Price(1)), 0);
    assert_eq!(option.realised(&contract), Money::from_usd(120));
    let delivered = Position::carried(2, Price(800 * CENT));
    assert_eq!(
        (delivered.quantity(), delivered.average()),
        (2, Price(800 * CENT))
    );
}

#[test]
fn b16_unknown_is_not_flat() {
    assert_eq!(Agreement::of(0, BrokerView::Unknown), Agreement::Unknown);
    assert_eq!(Agreement::of(0, BrokerView::Held(0)), Agreement::Agreed);
    let mismatch = Agreement::Mismatch { ours: 1, theirs: 0 };
    assert_eq!(Agreement::of(1, BrokerView::Held(0)), mismatch);
    assert_eq!(Agreement::default(), Agreement::Unknown);
}

#[test]
fn a_roll_closes_the_one_and_opens_the_other() {
    let (from, to) = (contract(20), contract(20));
    assert_eq!(Roll::of(&Position::FLAT, &from, &to), None);
    let long = Roll::of(&Position::carried(3, Price(1)), &from, &to).unwrap();
    assert_eq!(
        (long.close, long.open, long.quantity),
        (Side::Ask, Side::Bid, 3)
    );
    let short = Roll::of(&Position::carried(-2, Price(1)), &from, &to).unwrap();
    assert_eq!(
        (short.close, short.open, short.quantity),
        (Side::Bid, Side::Ask, 2)
    );
}

fn executions() -> impl Strategy<Value = Vec<Execution>> {
    let one = (any::<bool>(), 1u32..40, -500i64..5_000, 0i64..400);
    prop::collection::vec(one, 0..60).prop_map(|all| {
        all.into_iter()
            .map(|(buys, quantity, cents, fee)| {
                let side = if buys { Side::Bid } else { Side::Ask };
                execution(side, quantity, cents, Some(Money(fee)))
            })
            .collect()
    })
}

/// Cash paid and received, plus what is held at the mark: nothing else to it.
fn naive(executions: &[Execution], multiplier: i64, mark_cents: i64) -> Money {
    let mut units = 0i64;
    for execution in executions {
        let sign = if execution.side == Side::Bid { 1 } else { -1 };
        let cents = execution.price.0 / CENT;
        let quantity = sign * i64::from(execution.quantity);
        units += quantity * (mark_cents - cents) * multiplier * 100 - execution.fee.unwrap().0;
    }
    Money(units)
}

proptest! {
    #[test]
    fn i04_profit_and_position_equal_a_naive_sum_over_executions(
        executions in executions(), mark in -500i64..5_000, multiplier in 1i64..101
    ) {
        let contract = contract(multiplier);
        let mut position = Position::FLAT;
        for execution in &executions {
            position.apply(execution);
        }
        let held: i64 = executions.iter()
            .map(|it| i64::from(it.quantity) * if it.side == Side::Bid { 1 } else { -1 })
            .sum();
        prop_assert_eq!(position.quantity(), held);
        let mark_price = Price(mark * CENT);
        let total = position.total(&contract, mark_price).unwrap();
        prop_assert_eq!(total, naive(&executions, multiplier, mark));
        let parts = position.realised(&contract)
            + position.unrealised(&contract, mark_price).unwrap();
        prop_assert_eq!(total, parts);
        position.settle(mark_price);
        prop_assert_eq!(position.realised(&contract), total);
        prop_assert_eq!(position.quantity(), 0);
    }

    #[test]
    fn b12_a_correction_leaves_what_would_have_been_without_it(
        executions in executions(), wrong in (any::<bool>(), 1u32..40, 0i64..5_000)
    ) {
        let contract = contract(20);
        let side = if wrong.0 { Side::Bid } else { Side::Ask };
        let wrong = execution(side, wrong.1, wrong.2, None);
        let (mut plain, mut corrected) = (Position::FLAT, Position::FLAT);
        for (at, execution) in executions.iter().enumerate() {
            if at == executions.len() / 2 {
                corrected.apply(&wrong);
            }
            plain.apply(execution);
            corrected.apply(execution);
        }
        if !executions.is_empty() {
            corrected.revert(&wrong);
        }
        let mark = Price(777 * CENT);
        prop_assert_eq!(corrected.quantity(), plain.quantity());
        prop_assert_eq!(corrected.total(&contract, mark), plain.total(&contract, mark));
        prop_assert_eq!(corrected.fees_pending(), 0);
    }
}
