use super::*;
use crate::types::PublisherId;
use proptest::prelude::*;

const POINT: i64 = Price::PER_POINT;

fn definition() -> Definition {
    Definition {
        key: BookKey {
            instrument_id: InstrumentId(7),
            publisher_id: PublisherId(1),
        },
        ts_recv: Nanos(1),
        class: InstrumentClass::Call,
        update_action: b'A',
        strike: Price(18_000 * POINT),
        expiration: Nanos(2),
        activation: Nanos(1),
        tick: Price::UNDEFINED,
        unit_qty: Price(20 * POINT),
        underlying_id: InstrumentId(3),
        asset: Text::from_bytes(b"QN1"),
        currency: Text::from_bytes(b"USD"),
    }
}

fn nq_option_tick() -> TickRule {
    TickRule::TwoStep {
        upto: Price(5 * POINT),
        small: Price(POINT / 20),
        large: Price(POINT / 4),
    }
}

fn cents(cents: i64) -> Price {
    Price(cents * POINT / 100)
}

#[test]
fn a_definition_without_what_money_needs_is_refused() {
    let of = |change: fn(&mut Definition)| {
        let mut definition = definition();
        change(&mut definition);
        Contract::from_definition(&definition, Some(nq_option_tick()), PriceSign::Positive)
    };
    assert!(of(|_| {}).is_ok());
    type Case = (fn(&mut Definition), ContractError);
    let cases: [Case; 7] = [
        (
            |d| d.unit_qty = Price::UNDEFINED,
            ContractError::MultiplierMissing,
        ),
        (
            |d| d.unit_qty = Price(0),
            ContractError::MultiplierOutOfRange(0),
        ),
        (
            |d| d.unit_qty = Price(-1),
            ContractError::MultiplierOutOfRange(-1),
        ),
        (
            |d| d.currency = Text::from_bytes(b"EUR"),
            ContractError::Currency(Text::from_bytes(b"EUR")),
        ),
        (
            |d| d.expiration = Nanos::UNDEFINED,
            ContractError::ExpiryMissing,
        ),
        (
            |d| d.underlying_id = InstrumentId(0),
            ContractError::UnderlyingMissing,
        ),
        (
            |d| d.class = InstrumentClass::FxSpot,
            ContractError::Kind(InstrumentClass::FxSpot),
        ),
    ];
    for (change, error) in cases {
        assert_eq!(of(change), Err(error));
    }
    assert_eq!(
        Contract::from_definition(&definition(), None, PriceSign::Positive),
        Err(ContractError::TickMissing)
    );
    assert_eq!(
        Multiplier::new(Multiplier::MAX + 1),
        Err(ContractError::MultiplierOutOfRange(Multiplier::MAX + 1))
    );
    assert_eq!(
        Multiplier::new(Multiplier::MAX).map(Multiplier::units),
        Ok(Multiplier::MAX)
    );
}

#[test]
fn a_future_is_its_own_underlying_and_a_put_leans_down() {
    let mut definition = definition();
    definition.class = InstrumentClass::Future;
    definition.tick = Price(POINT / 4);
    let future = Contract::from_definition(&definition, None, PriceSign::Positive).unwrap();
    assert_eq!(future.underlying, InstrumentId(7));
    assert_eq!(future.tick, TickRule::Flat(Price(POINT / 4)));
    assert!(!future.kind.is_paid_in_full());
    assert!(ContractKind::Call.is_paid_in_full());
    assert_eq!(ContractKind::Put.direction(), -1);
    assert_eq!(ContractKind::Call.direction(), 1);
    assert_eq!(ContractKind::Stock.direction(), 1);
}

#[test]
fn two_step_ticks_change_at_their_border() {
    let rule = nq_option_tick();
    assert_eq!(rule.check(), Ok(()));
    let on = [495, 500, 525, 505 - 5, -500, -525, 0];
    let off = [496, 505, 510, 549, -505];
    for price in on {
        assert!(rule.is_on_tick(cents(price)), "{price}");
    }
    for price in off {
        assert!(!rule.is_on_tick(cents(price)), "{price}");
    }
    assert!(!rule.is_on_tick(Price::UNDEFINED));
    assert_eq!(rule.up(cents(501)), cents(525));
    assert_eq!(rule.down(cents(524)), cents(500));
    assert_eq!(rule.up(cents(498)), cents(500));
    assert_eq!(rule.down(cents(498)), cents(495));
    assert_eq!(rule.down(cents(-501)), cents(-525));
    assert_eq!(rule.up(cents(-501)), cents(-500));
    assert_eq!(rule.up(cents(500)), cents(500));
    assert_eq!(rule.down(cents(500)), cents(500));
}

#[test]
fn ticks_are_counted_across_the_border() {
    let rule = nq_option_tick();
    assert_eq!(rule.away(cents(495), 2), cents(525));
    assert_eq!(rule.away(cents(525), -2), cents(495));
    assert_eq!(rule.away(cents(500), 0), cents(500));
    assert_eq!(rule.away(Price(i64::MAX - 1), 1), Price::UNDEFINED);
    assert_eq!(rule.away(Price(i64::MIN), -1), Price::UNDEFINED);
    assert_eq!(rule.up(Price(i64::MAX - 1)), Price::UNDEFINED);
    assert_eq!(rule.down(Price(i64::MIN)), Price::UNDEFINED);
    assert_eq!(rule.down(Price::UNDEFINED), Price::UNDEFINED);
    assert_eq!(rule.up(Price::UNDEFINED), Price::UNDEFINED);
}

#[test]
fn unsound_tick_rules_are_refused() {
    let two = |upto, small, large| TickRule::TwoStep {
        upto: Price(upto),
        small: Price(small),
        large: Price(large),
    };
    let unsound = [
        TickRule::Flat(Price(0)),
        TickRule::Flat(Price(-1)),
        TickRule::Flat(Price::UNDEFINED),
        two(100, 0, 25),
        two(100, 25, 25),
        two(100, 25, 5),
        two(0, 5, 25),
        two(-100, 5, 25),
        two(110, 5, 25),
        two(125, 10, 25),
        two(i64::MAX, 1, i64::MAX),
    ];
    for rule in unsound {
        assert_eq!(rule.check(), Err(ContractError::TickUnsound), "{rule:?}");
    }
    assert_eq!(two(100, 5, 25).check(), Ok(()));
}

#[test]
fn k12_notional_has_the_multiplier_in_it() {
    let mut contract =
        Contract::from_definition(&definition(), Some(nq_option_tick()), PriceSign::Positive)
            .unwrap();
    assert_eq!(contract.notional(1, cents(4_175)), Money::from_usd(835));
    contract.multiplier = Multiplier::new(100 * POINT).unwrap();
    assert_eq!(contract.notional(23, cents(210)), Money::from_usd(4_830));
    assert_eq!(contract.notional(-3, cents(210)), Money::from_usd(-630));
    contract.multiplier = Multiplier::new(2 * POINT).unwrap();
    assert_eq!(contract.notional(2, Price(10 * POINT)), Money::from_usd(40));
    contract.multiplier = Multiplier::new(1).unwrap();
    // 1e-9 × 0.5e5 points is half of the smallest amount: it rounds away from zero.
    assert_eq!(contract.notional(1, Price(50_000 * POINT)), Money(1));
    assert_eq!(contract.notional(1, Price(50_000 * POINT - 1)), Money(0));
    assert_eq!(contract.notional(-1, Price(50_000 * POINT)), Money(-1));
    contract.multiplier = Multiplier::new(Multiplier::MAX).unwrap();
    assert_eq!(contract.notional(i64::MAX, Price(i64::MAX - 1)), Money::MAX);
    assert_eq!(
        contract.notional(-i64::MAX, Price(i64::MAX - 1)),
        Money::MIN
    );
}

proptest! {
    #[test]
    fn a_value_is_that_of_wide_arithmetic(
        units in 1..=Multiplier::MAX,
        is_whole in any::<bool>(),
        price in any::<i64>(),
        quantity in -1_000i64..1_000,
        shift in 0u32..60,
    ) {
        let mut contract =
            Contract::from_definition(&definition(), Some(nq_option_tick()), PriceSign::Positive)
                .unwrap();
        let units = if is_whole { units / CENT * CENT + CENT } else { units };
        let units = units.min(Multiplier::MAX);
        contract.multiplier = Multiplier::new(units).unwrap();
        prop_assert_eq!(contract.multiplier.units(), units);
        let price = price >> shift;
        let points = i128::from(quantity) * i128::from(price);
        // Half away from zero, said in another way than the code does.
        let wide = points * i128::from(units);
        let away = (2 * wide.abs() + VALUE_PER_MONEY) / (2 * VALUE_PER_MONEY);
        let value = Money::saturating_from(if wide < 0 { -away } else { away });
        prop_assert_eq!(contract.notional(quantity, Price(price)), value);
        prop_assert_eq!(contract.value(points), value);
    }

    #[test]
    fn rounded_prices_are_on_tick_and_nearest(units in -(1i64 << 50)..1i64 << 50) {
        for rule in [nq_option_tick(), TickRule::Flat(Price(POINT / 4))] {
            let (down, up) = (rule.down(Price(units)), rule.up(Price(units)));
            prop_assert!(rule.is_on_tick(down) && rule.is_on_tick(up));
            prop_assert!(down.0 <= units && units <= up.0);
            prop_assert!(up.0 - down.0 <= rule.step(Price(units)));
            if rule.is_on_tick(Price(units)) {
                prop_assert_eq!(down, up);
                prop_assert_eq!(rule.away(rule.away(Price(units), 3), -3), Price(units));
            }
        }
    }
}
