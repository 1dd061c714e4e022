//! Discovered parameters against slower ways to the same numbers.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use proptest::prelude::*;
use undertow_core::types::{Nanos, Price};
use undertow_strategies::calendar::Day;
use undertow_strategies::discovery::{
    BUCKET_DEFAULT, Basis, Bucket, Close, Closes, LookbackMode, RegimeConfig, TooLittle,
    autocorrelation, bucket, centres, correlations, lookback, pearson, regime, returns,
};

const STEP: u64 = 5_000_000_000;
const MONDAY: Day = Day(20_780);

/// Closes every 5 s from a walk in ticks.
fn closes(ticks: impl IntoIterator<Item = i64>) -> Vec<Close> {
    let mut price = 100_000;
    let mut closes = Closes::new(Closes::WIDTH);
    for (step, move_by) in (1_000..).zip(ticks) {
        price += move_by;
        closes.update(Nanos(step * STEP), MONDAY, Price(price * 10_000_000));
    }
    closes.as_slice().to_vec()
}

fn random(seed: u64) -> impl FnMut(u64) -> u64 {
    let mut state = seed;
    move |below| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 33) % below
    }
}

/// Sum of squares about the nearest of `centres`.
fn inertia(sizes: &[u32], centres: &[f64]) -> f64 {
    let nearest = |size: &u32| {
        let distances = centres.iter().map(|c| (c - f64::from(*size)).powi(2));
        distances.fold(f64::INFINITY, f64::min)
    };
    sizes.iter().map(nearest).sum()
}

/// The least sum of squares of any split of the sorted sizes into `k` runs.
fn least_inertia(sorted: &[u32], k: usize) -> f64 {
    let cost = |run: &[u32]| {
        let mean = run.iter().map(|v| f64::from(*v)).sum::<f64>() / run.len() as f64;
        run.iter()
            .map(|v| (f64::from(*v) - mean).powi(2))
            .sum::<f64>()
    };
    if k == 1 {
        return cost(sorted);
    }
    let splits = k - 1..sorted.len();
    let total = |at: usize| least_inertia(&sorted[..at], k - 1) + cost(&sorted[at..]);
    splits.map(total).fold(f64::INFINITY, f64::min)
}

proptest! {
    #[test]
    fn clusters_are_as_good_as_the_best_of_all_splits(
        sizes in prop::collection::vec(1_u32..60, 1..14),
        k in 1_usize..6,
    ) {
        let found = centres(&sizes, k);
        let mut distinct = sizes.clone();
        distinct.sort_unstable();
        let sorted = distinct.clone();
        distinct.dedup();
        prop_assert_eq!(found.len(), k.min(distinct.len()));
        prop_assert!(found.windows(2).all(|pair| pair[0] < pair[1]));
        let least = least_inertia(&sorted, found.len());
        prop_assert!((inertia(&sizes, &found) - least).abs() < 1e-6 * (1.0 + least));
    }

    #[test]
    fn clusters_do_not_depend_on_the_order_of_trades(
        mut sizes in prop::collection::vec(any::<u32>(), 1..200),
    ) {
        let found = centres(&sizes, 5);
        prop_assert!(found.iter().all(|centre| centre.is_finite()));
        sizes.reverse();
        prop_assert_eq!(&found, &centres(&sizes, 5));
        sizes.sort_unstable();
        prop_assert_eq!(&found, &centres(&sizes, 5));
    }

    #[test]
    fn autocorrelation_is_that_of_the_definition(
        values in prop::collection::vec(-1.0..1.0, 2..120),
        lags in 1_usize..60,
    ) {
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let mut squares = 0.0;
        for value in &values {
            squares += (value - mean).powi(2);
        }
        for (lag, rho) in (1..).zip(autocorrelation(&values, lags)) {
            let mut product = 0.0;
            for t in lag..values.len() {
                product += (values[t] - mean) * (values[t - lag] - mean);
            }
            prop_assert!((rho - product / squares).abs() < 1e-9);
            prop_assert!(rho.abs() <= 1.0 + 1e-12);
        }
    }

    #[test]
    fn pearson_is_that_of_sums_and_products(
        pairs in prop::collection::vec((-50_i64..50, -50_i64..50), 2..80),
    ) {
        let (x, y): (Vec<i64>, Vec<i64>) = pairs.into_iter().unzip();
        let n = x.len() as i64;
        let dot = |a: &[i64], b: &[i64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<i64>();
        let (sum_x, sum_y) = (x.iter().sum::<i64>(), y.iter().sum::<i64>());
        // In integers nothing is rounded before the root.
        let xx = n * dot(&x, &x) - sum_x * sum_x;
        let yy = n * dot(&y, &y) - sum_y * sum_y;
        let xy = n * dot(&x, &y) - sum_x * sum_y;
        let float = |values: &[i64]| values.iter().map(|v| *v as f64).collect::<Vec<_>>();
        let found = pearson(&float(&x), &float(&y));
        if xx == 0 || yy == 0 {
            prop_assert_eq!(found, None);
        } else {
            let expected = xy as f64 / ((xx as f64).sqrt() * (yy as f64).sqrt());
            prop_assert!((found.unwrap() - expected).abs() < 1e-12);
        }
    }

    #[test]
    fn nothing_found_is_infinite_or_not_a_number(
        prices in prop::collection::vec(any::<i64>(), 0..700),
        sizes in prop::collection::vec(any::<u32>(), 990..1_010),
    ) {
        let mut closes = Closes::new(Closes::WIDTH);
        for (step, price) in (1..).zip(&prices) {
            closes.update(Nanos(step * STEP), MONDAY, Price(*price));
        }
        let returns = returns(closes.as_slice());
        prop_assert!(returns.iter().all(|value| value.is_finite()));
        let found = lookback(&returns, LookbackMode::LastSignificant);
        prop_assert!(found.bound.is_finite() && (1..=30).contains(&found.bars));
        prop_assert!(found.autocorrelation.iter().all(|rho| rho.is_finite()));
        if let Some(found) = regime(&returns, &RegimeConfig::default()) {
            let values = [found.first, found.current, found.low, found.high];
            prop_assert!(values.into_iter().all(f64::is_finite));
        }
        let volume = bucket(&sizes).volume;
        prop_assert!((50..=500).contains(&volume));
    }
}

#[test]
fn bucket_of_too_few_trades_is_the_default_or_scaled() {
    let few = bucket(&[1; 999]);
    assert_eq!(
        (few.volume, few.basis),
        (BUCKET_DEFAULT, Basis::TooFewTrades)
    );
    let many = bucket(&[7; 1_000]);
    assert_eq!((many.volume, &many.basis), (50, &Basis::Centres(vec![7.0])));
    let reference = bucket(&[200; 1_000]);
    let scaled = |volume| reference.scaled(volume, 1_000).unwrap().volume;
    assert_eq!(
        [scaled(1_000), scaled(502), scaled(1), scaled(u64::MAX)],
        [200, 100, 50, 500]
    );
    assert_eq!(reference.scaled(1, 0), None);
    assert_eq!(reference.scaled(1, 1).unwrap().basis, Basis::Scaled);
    // Two distinct sizes: of an even number of centres the lower is the middle.
    assert_eq!(Bucket::from_centres(&[60.0, 300.0]), 60);
    assert_eq!(Bucket::from_centres(&[0.0, 60.5, 300.0]), 61);
}

#[test]
fn a_hundred_thousand_distinct_sizes_are_clustered_exactly() {
    // The middles of five heaps that no split could mistake.
    let heap = |middle: u32| (middle - 10_000..=middle + 10_000).collect::<Vec<u32>>();
    let middles = [100_000, 1_000_000, 10_000_000, 100_000_000, 1_000_000_000];
    let sizes = middles.map(heap).concat();
    assert_eq!(sizes.len(), 100_005);
    let expected = middles.map(f64::from);
    assert_eq!(centres(&sizes, 5), expected);
}

#[test]
fn lookback_of_an_autoregression_is_its_memory() {
    let mut random = random(11);
    let mut value = 0.0;
    let mut noise = || {
        (0..12)
            .map(|_| random(1 << 20) as f64 / 1_048_576.0)
            .sum::<f64>()
            - 6.0
    };
    let returns: Vec<f64> = (0..20_000)
        .map(|_| {
            value = 0.6 * value + noise();
            value
        })
        .collect();
    let found = lookback(&returns, LookbackMode::FirstRun);
    for (lag, expected) in [(1, 0.6), (2, 0.36), (3, 0.216), (4, 0.129_6)] {
        assert!((found.autocorrelation[lag - 1] - expected).abs() < 0.03);
    }
    // 0.6^k falls below 2/√20000 = 0.0141 after the eighth lag; an estimate is off by about 0.01.
    assert!((5..=15).contains(&found.bars), "{}", found.bars);
    assert_eq!(found.lag, Some(found.bars));
}

#[test]
fn lookback_without_a_significant_lag_is_the_default() {
    for returns in [
        &[0.0; 500][..],
        &[0.1; 500][..],
        &[0.1, -0.2, 0.3][..],
        &[][..],
    ] {
        let found = lookback(returns, LookbackMode::LastSignificant);
        assert_eq!((found.bars, found.lag), (10, None));
    }
}

#[test]
fn regime_follows_the_latest_volatility() {
    let config = RegimeConfig::default();
    let mut random = random(5);
    let mut noise = |scale: f64| (random(2_001) as f64 - 1_000.0) * 1e-7 * scale;
    let calm_then = |last: f64, noise: &mut dyn FnMut(f64) -> f64| {
        let mut returns: Vec<f64> = (0..2_000).map(|_| noise(1.0)).collect();
        returns.extend((0..40).map(|_| noise(last)));
        regime(&returns, &config).unwrap()
    };
    for (last, name) in [(8.0, "HIGH"), (0.1, "LOW")] {
        let found = calm_then(last, &mut noise);
        assert_eq!((found.regime.name(), found.is_warming), (name, false));
        assert!(found.low < found.high);
    }
    let level = regime(&[0.0; 600], &config).unwrap();
    assert_eq!((level.current, level.regime.name()), (0.0, "NORMAL"));
    assert_eq!(regime(&[0.0; 19], &config), None);
}

#[test]
fn returns_do_not_span_sessions() {
    let mut closes = Closes::new(Closes::WIDTH);
    for (step, session, points) in [(1, 0, 100), (2, 0, 101), (9, 1, 150), (10, 1, 151)] {
        let price = Price(points * Price::PER_POINT);
        closes.update(Nanos(step * STEP), MONDAY.plus(session), price);
    }
    let expected = [(101.0_f64 / 100.0).ln(), (151.0_f64 / 150.0).ln()];
    for (found, expected) in returns(closes.as_slice()).iter().zip(expected) {
        assert!((found - expected).abs() < 1e-15);
    }
    assert_eq!(returns(closes.as_slice()).len(), 2);
    // The last trade of a bucket is its close, an older one comes too late.
    closes.update(
        Nanos(10 * STEP + 1),
        MONDAY.plus(1),
        Price(152 * Price::PER_POINT),
    );
    closes.update(Nanos(9 * STEP), MONDAY.plus(1), Price(1));
    assert_eq!(
        closes.as_slice().last().unwrap().price,
        Price(152 * Price::PER_POINT)
    );
    assert_eq!((closes.as_slice().len(), closes.late()), (4, 1));
}

#[test]
fn correlations_join_on_buckets_that_all_symbols_have() {
    let mut random = random(3);
    let moves: Vec<i64> = (0..700).map(|_| random(21) as i64 - 10).collect();
    let own: Vec<i64> = (0..700).map(|_| random(21) as i64 - 10).collect();
    let a = closes(moves.iter().copied());
    // Every third bucket of B is missing, and it moves as A does.
    let b: Vec<Close> = a
        .iter()
        .copied()
        .enumerate()
        .filter(|(at, _)| at % 3 != 0)
        .map(|(_, c)| c)
        .collect();
    let against = closes(moves.iter().map(|by| -by));
    let apart = closes(own.iter().copied());
    let level = closes([0; 700]);
    let named = |name: &str, closes: &[Close]| (name.to_owned(), closes.to_vec());
    let series = [
        named("NQ", &a),
        named("ES", &b),
        named("VX", &against),
        named("CL", &apart),
        named("ZZ", &level),
    ];
    let borrowed: Vec<_> = series
        .iter()
        .map(|(name, c)| (name.clone(), c.as_slice()))
        .collect();
    let matrix = correlations(&borrowed).unwrap();
    assert_eq!(matrix.symbols(), ["CL", "ES", "NQ", "VX", "ZZ"]);
    assert_eq!(matrix.returns(), 465);
    assert_eq!(matrix.get("NQ", "ES"), Some(1.0));
    assert_eq!(matrix.get("VX", "NQ"), Some(-1.0));
    assert!(matrix.get("CL", "NQ").unwrap().abs() < 0.15);
    assert_eq!(matrix.get("ZZ", "NQ"), None);
    assert_eq!(matrix.get("ZZ", "ZZ"), Some(1.0));
    assert_eq!(matrix.get("NQ", "SPY"), None);
    let keys: Vec<String> = matrix.pairs().map(|(a, b, _)| format!("{a}:{b}")).collect();
    assert_eq!(keys.len(), 10);
    assert!(keys.is_sorted());
    for (a, b, value) in matrix.pairs() {
        assert_eq!(value, matrix.get(b, a));
    }
}

#[test]
fn correlations_of_too_little_say_how_little() {
    let short = closes([1; 50]);
    let two = [("A".to_owned(), &short[..]), ("B".to_owned(), &short[..])];
    assert_eq!(correlations(&two), Err(TooLittle::Symbols(2)));
    let three = [&two[..], &[("C".to_owned(), &short[..])]].concat();
    assert_eq!(correlations(&three), Err(TooLittle::Returns(49)));
    let empty = [&two[..], &[("C".to_owned(), &[][..])]].concat();
    assert_eq!(correlations(&empty), Err(TooLittle::Returns(0)));
}

#[test]
fn last_five_hundred_returns_decide() {
    let mut random = random(9);
    let moves: Vec<i64> = (0..1_500).map(|_| random(21) as i64 - 10).collect();
    let a = closes(moves.iter().copied());
    // Against A at first, with it in the end.
    let turn = |(at, by): (usize, &i64)| if at < 999 { -by } else { *by };
    let b = closes(moves.iter().enumerate().map(turn));
    let series = ["A", "B", "C"].map(str::to_owned);
    let [x, y, z] = series;
    let matrix = correlations(&[(x, &a[..]), (y, &b[..]), (z, &a[..])]).unwrap();
    assert_eq!(matrix.returns(), 500);
    assert!(matrix.get("A", "B").unwrap() > 0.99);
}
