//! What a chain says when a rule asks for its outlook: reach, setups, ranked contracts, shocks.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use undertow_core::event::{Definition, InstrumentClass, Statistic, Touch, Trust};
use undertow_core::types::{BookKey, InstrumentId, Nanos, Price, PublisherId, Text};
use undertow_strategies::calendar::{Calendar, Day};
use undertow_strategies::decide::card::Direction;
use undertow_strategies::decide::outlook::Outlook;
use undertow_strategies::ifd::shock::Kind;
use undertow_strategies::options::Right;
use undertow_strategies::options::expected_value::EvRules;
use undertow_strategies::options::implied::Undiscounted;
use undertow_strategies::options::points;
use undertow_strategies::options::pricing::{Model, Terms};
use undertow_strategies::trade::chain::Chain;
use undertow_strategies::trade::watch::Watch;

const HOUR: u64 = 3_600_000_000_000;
const MINUTE: u64 = 60_000_000_000;
const YEAR: f64 = 365.0 * 24.0 * HOUR as f64;
const VOL: f64 = 0.2;
const SPOT: f64 = 24_800.0;

fn price(points: f64) -> Price {
    Price((points * Price::PER_POINT as f64).round() as i64)
}

fn key(id: u32) -> BookKey {
    BookKey {
        instrument_id: InstrumentId(id),
        publisher_id: PublisherId(1),
    }
}

/// Wednesday, 11 March 2026, at so many hours of Eastern time.
fn at(hours: u64) -> Nanos {
    Day::from_ymd(2026, 3, 11)
        .unwrap()
        .eastern_minute(hours as u32 * 60)
}

/// Every option here has the same volatility.
fn search(_: &Undiscounted) -> Option<f64> {
    Some(VOL)
}

/// A chain of calls and puts from 24,600 to 25,000, all quoted at their value and refreshed. Calls
/// hold so many times the open interest of puts.
fn chain(now: Nanos, calls: i64) -> Chain {
    let calendar = Calendar::built_in();
    let mut chain = Chain::new(64, None, 0.0);
    let end = at(16);
    let years = (end.0 - now.0) as f64 / YEAR;
    for (idx, strike) in (0..17).map(|idx| (idx, 24_600.0 + 25.0 * f64::from(idx))) {
        for (class, right) in [
            (InstrumentClass::Call, Right::Call),
            (InstrumentClass::Put, Right::Put),
        ] {
            let id = 2 * idx + u32::from(right == Right::Put) + 1;
            let definition = Definition {
                key: key(id),
                ts_recv: now,
                class,
                update_action: b'A',
                strike: price(strike),
                expiration: end,
                activation: Nanos(0),
                tick: price(0.05),
                unit_qty: price(20.0),
                underlying_id: InstrumentId(900),
                asset: Text::from_bytes(b"NQ"),
                currency: Text::from_bytes(b"USD"),
            };
            let place = chain.define(&definition, &calendar).unwrap();
            let open = if right == Right::Call { calls } else { 1 };
            chain.statistic(
                place,
                &Statistic {
                    key: key(id),
                    ts_event: now,
                    ts_ref: now,
                    price: Price::UNDEFINED,
                    quantity: 100 * open,
                    stat_type: Statistic::OPEN_INTEREST,
                    deleted: false,
                },
            );
            let model = Model::Black76 { rate: 0.0 };
            let terms = Terms::new(right, [SPOT, strike], years, model).unwrap();
            let worth = terms.greeks(VOL).unwrap().price.max(0.1);
            let touch = Touch {
                bid: price((worth * 20.0).floor() / 20.0),
                ask: price((worth * 20.0).floor() / 20.0 + 0.05),
                bid_size: 10,
                ask_size: 10,
                ..Touch::EMPTY
            };
            chain.quote(place, &touch, Trust::Good, now);
        }
    }
    let all = chain.listings().len();
    chain.refresh(all, price(SPOT), now, search);
    chain
}

fn outlook(chain: &mut Chain, now: Nanos) -> Outlook {
    chain.outlook(&EvRules::STANDARD, price(SPOT), now).unwrap()
}

#[test]
fn the_reach_is_one_deviation_to_expiry_or_of_eight_hours() {
    for (now, hours) in [(at(14), 2.0), (at(10), 6.0)] {
        let mut chain = chain(now, 1);
        let reach = points(outlook(&mut chain, now).reach);
        let expected = SPOT * VOL * (hours * HOUR as f64 / YEAR).sqrt();
        assert!((reach - expected).abs() < 1e-3, "{reach} is not {expected}");
    }
    let early = Nanos(at(16).0 - 40 * HOUR);
    let mut chain = chain(early, 1);
    let reach = points(outlook(&mut chain, early).reach);
    let expected = SPOT * VOL * (8.0 * HOUR as f64 / YEAR).sqrt();
    assert!((reach - expected).abs() < 1e-3, "{reach} is not {expected}");
}

#[test]
fn calls_that_weigh_more_tip_the_score_and_the_ranking_is_by_return() {
    let now = at(12);
    let mut chain = chain(now, 5);
    let outlook = outlook(&mut chain, now);
    assert!(outlook.edge().unwrap() > 0.05, "calls hold more premium");
    assert!(outlook.call_share.unwrap() > 0.8);
    for direction in [Direction::Long, Direction::Short] {
        let prospect = outlook.prospect(direction).unwrap();
        assert!(prospect.setup.reward <= outlook.reach);
        let ranked: Vec<_> = prospect.contracts.iter().flatten().collect();
        assert_eq!(ranked.len(), 3);
        assert!(ranked.is_sorted_by(|a, b| a.gain >= b.gain));
        for it in ranked {
            let ask = points(it.ask);
            assert!((it.gain - (it.value - ask) / ask).abs() < 1e-12);
            assert!(it.value.is_finite() && it.value >= 0.0);
        }
    }
    assert_eq!(outlook.prospect(Direction::Flat), None);
}

#[test]
fn nothing_is_said_without_a_price_of_the_underlying_or_of_an_option() {
    let now = at(12);
    let mut chain = chain(now, 1);
    let rules = EvRules::STANDARD;
    assert_eq!(chain.outlook(&rules, Price::UNDEFINED, now), None);
    assert_eq!(chain.outlook(&rules, Price(0), now), None);
    let all = chain.listings().len();
    chain.refresh(all, price(SPOT), now, |_| None);
    assert_eq!(chain.outlook(&rules, price(SPOT), now), None);
}

#[test]
fn a_shock_is_found_after_three_windows_and_is_gone_with_a_new_session() {
    let start = at(12);
    let mut chain = chain(start, 1);
    let call = chain.place(key(17)).unwrap();
    assert_eq!(outlook(&mut chain, start).shock, None);
    for window in 0..3 {
        chain.traded(call, 30);
        let now = Nanos(start.0 + window * 5 * MINUTE);
        assert_eq!(
            outlook(&mut chain, now).shock,
            None,
            "too early to know the usual"
        );
    }
    let now = Nanos(start.0 + 17 * MINUTE);
    chain.traded(call, 120);
    assert_eq!(
        outlook(&mut chain, now).shock,
        None,
        "what came in a window that is over counts as usual"
    );
    chain.traded(call, 600);
    let jolt = outlook(&mut chain, now).shock.unwrap();
    assert_eq!(jolt.direction, Direction::Long, "customers bought calls");
    assert_eq!(jolt.strike, chain.listings()[call].strike);
    assert!(
        jolt.shock.ratio > 4.0 && jolt.shock.kind == Kind::GammaEmergency,
        "{jolt:?}"
    );
    chain.begin_session();
    assert_eq!(outlook(&mut chain, now).shock, None);
}

#[test]
fn a_position_rolls_to_the_same_strike_at_the_next_expiry() {
    let now = at(12);
    let calendar = Calendar::built_in();
    let mut chain = chain(now, 1);
    let own = chain.place(key(1)).unwrap();
    assert_eq!(chain.next(own), None, "nothing later is listed");
    let listing = chain.listings()[own];
    let mut later = Definition {
        key: key(100),
        ts_recv: now,
        class: InstrumentClass::Call,
        update_action: b'A',
        strike: listing.strike,
        expiration: Nanos(at(16).0 + 2 * 24 * HOUR),
        activation: Nanos(0),
        tick: price(0.05),
        unit_qty: price(20.0),
        underlying_id: InstrumentId(900),
        asset: Text::from_bytes(b"NQ"),
        currency: Text::from_bytes(b"USD"),
    };
    chain.define(&later, &calendar).unwrap();
    later.key = key(101);
    later.expiration = Nanos(at(16).0 + 24 * HOUR);
    let nearer = chain.define(&later, &calendar).unwrap();
    let (place, contract) = chain.next(own).unwrap();
    assert_eq!(
        (place, contract.key),
        (nearer, key(101)),
        "the nearest of those later"
    );
}

#[test]
fn a12_volume_against_what_is_open_is_scored_and_the_contract_of_the_most_premium_is_flagged() {
    let now = at(12);
    let mut chain = chain(now, 1);
    let count = chain.listings().len();
    let unusual = |chain: &mut Chain| {
        chain.refresh(count, price(SPOT), now, search);
        let reading = chain.unusual().expect("open interest is known");
        assert_eq!(reading.at, now);
        reading.value
    };
    // Of a hundred open in each: the third and the second of the vectors' shares without a z-score.
    for (each, score) in [(0, 0.0), (10, 0.0), (20, 0.9)] {
        (0..count).for_each(|at| chain.traded(at, each));
        let seen = unusual(&mut chain);
        assert!(
            (seen.score - score).abs() < 1e-12,
            "{} at {each} more",
            seen.score
        );
        assert_eq!(seen.contract, None, "nothing was traded twice over");
    }
    // The first call is the dearest: deep in the money.
    for at in [count - 2, 0, 9] {
        chain.traded(at, 171);
    }
    let dearest = chain.listings()[0];
    let seen = unusual(&mut chain);
    assert_eq!(seen.contract, Some((dearest.strike, dearest.right)));
    let watch = Watch::new(Text::from_bytes(b"NQ"), chain.clone());
    let told = watch.features(5, now).unusual.map(|told| told.value);
    assert_eq!(told, Some(seen), "rules are told of it");
    chain.begin_session();
    assert_eq!(
        unusual(&mut chain).score,
        0.0,
        "a day's volume is of that day"
    );
    chain.clear();
    assert_eq!(chain.unusual(), None);
}
