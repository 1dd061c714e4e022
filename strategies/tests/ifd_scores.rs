//! Scores stay within their ranges, and what cannot be known is absent, whatever comes in.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use proptest::prelude::*;
use undertow_core::event::Touch;
use undertow_core::types::{Nanos, Price, Side, Text};
use undertow_strategies::calendar::Day;
use undertow_strategies::ifd::Direction;
use undertow_strategies::ifd::baseline::{Baseline, Bucket, Key, Limits, Row, Sample, Sums, Table};
use undertow_strategies::ifd::components::{Components, Crowd, Stance, is_concentrated};
use undertow_strategies::ifd::confidence::{confidence, raw};
use undertow_strategies::ifd::pressure::{Dominance, RATIO_CAP, Tally, classify};
use undertow_strategies::ifd::quality::{Evidence, Learned};
use undertow_strategies::ifd::quoting::Ring;
use undertow_strategies::ifd::shock::{Burst, Shock};
use undertow_strategies::ifd::spike::{Activity, Bracket, Spike};
use undertow_strategies::ifd::structure::{
    Coordination, Crush, Leg, is_build_up, is_butterfly, is_condor, is_inverted, is_spike,
    risk_reversal, volatility_rank,
};
use undertow_strategies::options::Right;

const LIMITS: Limits = Limits {
    z: 2.0,
    rank: 95.0,
    days: 20,
};

fn points(points: i64) -> Price {
    Price(points * Price::PER_POINT)
}

fn any_size() -> impl Strategy<Value = u64> {
    prop_oneof![Just(0), Just(u64::MAX), 0..2_000_u64]
}

fn any_float() -> impl Strategy<Value = f64> {
    prop_oneof![
        Just(f64::NAN),
        Just(f64::INFINITY),
        Just(f64::NEG_INFINITY),
        Just(0.0),
        -10.0..100.0_f64,
        any::<f64>(),
    ]
}

fn any_tally() -> impl Strategy<Value = Tally> {
    (any_size(), any_size(), any_size(), any::<u32>()).prop_map(
        |(buy, sell, unclassified, trades)| Tally {
            notional: i128::from(buy) * 50,
            buy,
            sell,
            unclassified,
            trades,
            large: 0,
        },
    )
}

fn row(day: i32, ratio: f64) -> Row {
    Row {
        day: Day(day),
        key: Key {
            product: Text::from_bytes(b"NQ"),
            bucket: Bucket::Strike(points(21_800)),
            right: Right::Call,
        },
        windows: 1,
        buy_ratio: ratio,
        sell_ratio: 1.0,
        volume: 100.0,
        confidence: 0.5,
    }
}

fn is_unit(x: f64) -> bool {
    (0.0..=1.0).contains(&x)
}

proptest! {
    #[test]
    fn components_and_confidence_of_any_window_lie_in_their_ranges(
        tally in any_tally(),
        before in any_tally(),
        history in prop::collection::vec(any_float(), 0..30),
        making in 0.0..1.0_f64,
    ) {
        let dominance = tally.dominance();
        let pressures = [before.pressure(dominance), tally.pressure(dominance)];
        prop_assert!(pressures.iter().all(|it| (0.0..=RATIO_CAP).contains(it)));
        prop_assert!(tally.ratio().is_none_or(f64::is_finite));
        let components = Components::of(&tally, &pressures);
        let Components { significance, trend, concentration, persistence, cluster } = components;
        for score in [significance, trend, concentration, persistence, cluster, raw(&components)] {
            prop_assert!(is_unit(score), "{components:?}");
        }
        let rows: Vec<_> = (0..).zip(&history).map(|(day, it)| row(day, *it)).collect();
        if let Some(baseline) = Baseline::of(&rows) {
            let reading = baseline.read(dominance, pressures[1], &LIMITS);
            prop_assert!(reading.z.is_none_or(|z| !z.is_nan()));
            prop_assert!(is_unit(reading.base()), "{reading:?}");
            prop_assert!(is_unit(confidence(&components, &reading, making, 0.4)));
        }
    }

    #[test]
    fn quality_multiplier_of_anything_lies_in_its_range(
        volume in any_size(),
        age in any_float(),
        neighbours in any::<u32>(),
        confidence in prop::option::of(0.0..1.0_f64),
        z in prop::option::of(any_float()),
    ) {
        let evidence = Evidence {
            volume,
            age,
            neighbours,
            neighbour_confidence: confidence,
            z,
        };
        let multiplier = evidence.multiplier();
        prop_assert!((0.5..=1.5).contains(&multiplier), "{multiplier}");
    }

    #[test]
    fn shock_of_anything_is_absent_or_finite(
        call_volume in any_size(),
        put_volume in any_size(),
        baseline in any_float(),
        deltas in (any_float(), any_float()),
        minutes in any_float(),
    ) {
        let burst = Burst {
            call_volume,
            put_volume,
            baseline,
            call_delta: Some(deltas.0),
            put_delta: Some(deltas.1),
            minutes,
        };
        if let Some(shock) = Shock::assess(&burst) {
            let numbers = [
                shock.ratio,
                shock.net_delta,
                shock.pressure,
                shock.expected_move,
                shock.stop,
            ];
            prop_assert!(numbers.iter().all(|it| it.is_finite()), "{shock:?}");
            prop_assert!((0.0..=0.95).contains(&shock.confidence));
            prop_assert!((0.0..=6.0).contains(&shock.size));
        }
    }

    #[test]
    fn volatility_that_is_no_number_is_no_crush_no_spike_and_no_build_up(
        mut series in prop::collection::vec(0.01..2.0_f64, 11..20),
        place in 1..9_usize,
    ) {
        let place = series.len() - place;
        series[place] = f64::NAN;
        prop_assert_eq!(Crush::find(&series), None);
        prop_assert!(!is_spike(&series));
        prop_assert!(!is_build_up(&series, 1.0, points(1), points(1)));
        let term: Vec<_> = series.iter().map(|it| (*it, *it)).collect();
        prop_assert!(!is_inverted(&term));
        prop_assert_eq!(volatility_rank(&[0.2; 100], f64::NAN), None);
    }

    #[test]
    fn cluster_by_binary_search_equals_comparing_everybody(
        stances in prop::collection::vec((0..2_u32, 0..40_i64, any::<bool>(), 0.0..1.0_f64), 1..80),
    ) {
        let stances: Vec<_> = stances
            .into_iter()
            .map(|(underlying, step, is_long, confidence)| Stance {
                underlying,
                strike: points(21_000 + 5 * step),
                direction: if is_long { Direction::Long } else { Direction::Short },
                confidence,
            })
            .collect();
        let mut crowd = Crowd::new(stances.len());
        for stance in &stances {
            prop_assert!(crowd.join(*stance));
        }
        prop_assert!(!crowd.join(stances[0]), "it is full");
        crowd.arrange();
        for (place, own) in stances.iter().enumerate() {
            let others = stances.iter().enumerate().filter(|(other, it)| {
                *other != place
                    && it.underlying == own.underlying
                    && (it.strike.0 - own.strike.0).abs() <= 50 * Price::PER_POINT
            });
            let (mut all, mut same, mut count) = (0.0, 0.0, 0.0_f64);
            for (_, other) in others {
                all += other.confidence;
                same += if other.direction == own.direction { other.confidence } else { 0.0 };
                count += 1.0;
            }
            let expected = if all > 0.0 { same / all * (count / 3.0).min(1.0) } else { 0.0 };
            let actual = crowd.neighbours(own).coordination(own.direction);
            prop_assert!((actual - expected).abs() < 1e-9, "{} {}", actual, expected);
        }
    }

    #[test]
    fn no_price_or_size_makes_a_spike_or_a_bracket_overflow(
        strike in any::<i64>(),
        last in any::<i64>(),
        multiplier in any::<i64>(),
        spot in any::<i64>(),
        volume in any::<u64>(),
        open_interest in any::<u64>(),
    ) {
        let activity = Activity {
            strike: Price(strike),
            right: Right::Put,
            volume,
            open_interest,
            last: Price(last),
            multiplier: Price(multiplier),
        };
        if let Some(spike) = Spike::find(&activity) {
            prop_assert!(spike.usd >= 1_000_000_000 && spike.ratio >= 10.0 * (1.0 - 1e-9));
        }
        if let Some(bracket) = Bracket::at(Price(strike), Direction::Short, Price(spot)) {
            prop_assert!(bracket.target < Price(spot) && bracket.stop >= Price(spot));
        }
        let _ = classify(Price(last), Price(strike), Price(spot), &[Price(multiplier); 12]);
    }
}

#[test]
fn window_without_sides_has_no_score_and_no_direction() {
    let mut tally = Tally::default();
    assert_eq!((tally.vwap(), tally.data_quality()), (None, None));
    tally.add(Side::None, points(5), 30);
    assert_eq!(tally.ratio(), Some(1.0));
    assert_eq!((tally.score(), tally.average_size()), (None, None));
    assert_eq!(tally.dominance(), Dominance::Neutral);
    assert_eq!(tally.data_quality(), Some(0.0));
    assert_eq!(
        Direction::of_pressure(Right::Call, Dominance::Neutral),
        None
    );
    tally.add(Side::Ask, points(5), 101);
    assert_eq!(
        (tally.pressure(Dominance::Sell), tally.large),
        (RATIO_CAP, 1)
    );
    assert_eq!(tally.ratio(), Some(0.0));
    assert_eq!(tally.pressure(Dominance::Buy), 0.0);
}

#[test]
fn history_of_fewer_than_five_days_compares_nothing_and_gives_half_its_quality() {
    let rows: Vec<_> = (0..4).map(|day| row(day, 1.5)).collect();
    let reading = Baseline::of(&rows)
        .unwrap()
        .read(Dominance::Buy, 9.0, &LIMITS);
    assert_eq!(
        (reading.z, reading.rank, reading.is_anomaly),
        (None, None, false)
    );
    assert_eq!((reading.quality, reading.base()), (0.2, 0.1));
    assert_eq!(Baseline::of(&[]), None);
    // Five equal days have no spread: an anomaly by rank only.
    let rows: Vec<_> = (0..5).map(|day| row(day, 1.45)).collect();
    let reading = Baseline::of(&rows)
        .unwrap()
        .read(Dominance::Buy, 9.0, &LIMITS);
    assert_eq!(
        (reading.z, reading.rank, reading.is_anomaly),
        (None, Some(100.0), true)
    );
    assert_eq!(reading.base(), 0.125);
}

#[test]
fn baseline_of_a_table_never_contains_the_day_under_test_or_older_than_asked() {
    let rows = (0..40).map(|day| row(day, f64::from(day)));
    let table = Table::new(rows, &(Day(10)..Day(25)));
    let product = Text::from_bytes(b"NQ");
    let found = table
        .find(product, Right::Call, points(21_800), None)
        .unwrap();
    assert_eq!(found.rows(), 15);
    assert_eq!(found.buy.values()[0], 10.0);
    assert_eq!(found.buy.values().last(), Some(&24.0));
    assert_eq!(table.find(product, Right::Put, points(21_800), None), None);
}

#[test]
fn strike_with_short_history_is_compared_with_its_moneyness() {
    let strikes = (0..3).map(|day| row(day, 1.0));
    let buckets = (0..9).map(|day| Row {
        key: Key {
            bucket: Bucket::Moneyness(-1),
            ..row(0, 0.0).key
        },
        ..row(day, 2.0)
    });
    let table = Table::new(strikes.chain(buckets), &(Day(0)..Day(20)));
    let find = |spot| {
        let found = table.find(Text::from_bytes(b"NQ"), Right::Call, points(21_800), spot);
        found.map(Baseline::rows)
    };
    assert_eq!(find(Some(points(21_850))), Some(9));
    assert_eq!(
        find(Some(points(21_875))),
        Some(9),
        "half a bucket is rounded up"
    );
    assert_eq!(
        find(Some(points(21_876))),
        Some(3),
        "another bucket has none"
    );
    assert_eq!(find(None), Some(3));
}

#[test]
fn sums_of_a_day_leave_out_windows_that_did_not_trade() {
    let mut sums = Sums::default();
    sums.add(&Tally::default());
    assert_eq!(sums.row(Day(1), row(1, 1.0).key), None);
    assert_eq!(Sample::of([f64::NAN, f64::INFINITY]), None);
}

#[test]
fn quotes_tell_nothing_below_twenty_in_thirty_seconds() {
    let touch = Touch {
        bid: points(10),
        ask: points(11),
        bid_size: 10,
        ask_size: 9,
        bid_count: 1,
        ask_count: 1,
    };
    let mut ring = Ring::default();
    for place in 0..19 {
        ring.note(Nanos(place * 250_000_000), &touch);
    }
    let now = Nanos(19 * 250_000_000);
    assert_eq!(ring.behaviour(now), None);
    ring.note(now, &touch);
    let behaviour = ring.behaviour(now).unwrap();
    assert!(behaviour.is_maker() && !behaviour.is_stuffing() && !behaviour.is_skewed());
    assert!((behaviour.symmetry - 0.9).abs() < 1e-12);
    assert_eq!(ring.is_widening(now), Some(false));
    let later = Nanos(now.0 + 31_000_000_000);
    assert_eq!(
        (ring.behaviour(later), ring.is_widening(later)),
        (None, None)
    );
    // All at one instant, and a side that is not there.
    for _ in 0..40 {
        ring.note(later, &Touch::EMPTY);
    }
    assert_eq!(ring.behaviour(later), None, "nothing is shown");
}

#[test]
fn structures_over_strikes_are_told_by_spacing_and_volume() {
    let leg = |strike, right, volume, dominance| Leg {
        strike: points(strike),
        right,
        volume,
        dominance,
    };
    let call = |strike, volume| leg(strike, Right::Call, volume, Dominance::Buy);
    assert!(is_butterfly(&[call(100, 10), call(150, 20), call(201, 10)]));
    assert!(!is_butterfly(&[
        call(100, 10),
        call(150, 20),
        call(202, 10)
    ]));
    assert!(!is_butterfly(&[
        call(100, 10),
        call(150, 40),
        call(200, 10)
    ]));
    assert!(!is_butterfly(&[call(100, 0), call(150, 0), call(200, 0)]));
    let put = |strike, volume| leg(strike, Right::Put, volume, Dominance::Buy);
    assert!(is_condor(&[
        put(100, 10),
        put(125, 12),
        call(200, 9),
        call(225, 10)
    ]));
    assert!(!is_condor(&[
        put(100, 10),
        put(125, 30),
        call(200, 9),
        call(225, 10)
    ]));
    let sold = leg(21_700, Right::Put, 10, Dominance::Sell);
    assert_eq!(risk_reversal(&call(21_900, 10), &sold), Some(0.8));
    assert_eq!(risk_reversal(&call(21_901, 10), &sold), None);
    assert_eq!(risk_reversal(&call(21_900, 10), &put(21_700, 10)), None);
    let neither = Tally {
        unclassified: 200,
        ..Tally::default()
    };
    assert_eq!(Coordination::of(&neither, &neither), None);
}

#[test]
fn volatility_builds_up_and_term_structure_inverts() {
    let rising: Vec<_> = (0..10).map(|i| 0.20 + 0.004 * f64::from(i)).collect();
    assert!(is_build_up(&rising, 7.0, points(21_800), points(21_820)));
    assert!(!is_build_up(&rising, 7.1, points(21_800), points(21_820)));
    assert!(!is_build_up(&rising, 7.0, points(21_800), points(21_821)));
    assert!(!is_build_up(
        &rising[..4],
        7.0,
        points(21_800),
        points(21_820)
    ));
    assert!(is_inverted(&[(0.1, 0.30), (0.5, 0.25)]));
    assert!(!is_inverted(&[(0.1, 0.30), (0.5, 0.27)]));
    assert!(!is_inverted(&[(0.1, 0.30)]));
    assert_eq!(volatility_rank(&[0.2; 100], 0.2), Some(50.0));
}

#[test]
fn learning_is_slow_bounded_and_twice_as_quick_on_a_loss() {
    let mut learned = Learned::default();
    learned.note(true);
    assert!((learned.adjustment() - 0.01).abs() < 1e-12);
    learned.note(false);
    assert!((learned.adjustment() + 0.01).abs() < 1e-12);
    for _ in 0..100 {
        learned.note(false);
    }
    assert_eq!(learned.adjustment(), -0.2);
}

#[test]
fn strike_stands_out_above_one_and_a_fifth_of_the_mean() {
    assert!(!is_concentrated(120, 1_000, 10));
    assert!(is_concentrated(121, 1_000, 10));
}
