//! A2–A5, A13–A17, N17.

use serde_json::{Value, json};
use undertow_core::event::Depth;
use undertow_core::types::{Nanos, Price, Side};
use undertow_strategies::auction::AuctionImbalance;
use undertow_strategies::discovery::{
    Bucket, Lookback, LookbackMode, Regime, RegimeConfig, adv50, centres, lookback, pearson, regime,
};
use undertow_strategies::indicators::{Bollinger, Ema, Macd, Rsi};
use undertow_strategies::portfolio::{MarketState, Member, Portfolio, Sector};
use undertow_strategies::quality::{Alert, Batch, cost, is_budget_used, source_score};
use undertow_strategies::quantile::nearest_rank;
use undertow_strategies::sentiment::{Label, Mention, Sentiment};
use undertow_strategies::timeframes::TimeframesReading;

use super::{Case, assert_close};

pub(super) const CASES: &[Case] = &[
    ("A2.bucket", bucket_of_many_sizes),
    ("A2.bucket_small", bucket_of_few_sizes),
    ("A3.lookback", lookback_of_a_wave),
    ("A3.lookback_ar1", lookback_of_an_autoregression),
    ("A4.regime", regime_of_a_growing_wave),
    ("A4.readme", regime_of_the_readme),
    ("A5.corr", correlation_of_five_returns),
    ("A13.mtf", trends_of_five_horizons),
    ("A14.portfolio", vpin_of_three_symbols),
    ("A15.sentiment", sentiment_of_three_articles),
    ("A16.tech", indicators_of_twenty_closes),
    ("A17.moc", imbalance_of_a_book),
    ("N16.dq", score_of_batches),
    ("N16.metric", score_of_a_source),
    ("N17.latency_pct", percentiles_of_a_hundred),
];

/// A field of a vector as a number.
#[track_caller]
fn number(vector: &Value, path: &str) -> f64 {
    vector.pointer(path).and_then(Value::as_f64).unwrap()
}

#[track_caller]
fn assert_numbers(actual: &[f64], expected: &Value) {
    let expected = expected.as_array().unwrap();
    assert_eq!(actual.len(), expected.len());
    for (actual, expected) in actual.iter().zip(expected) {
        assert_close(*actual, expected.as_f64().unwrap());
    }
}

fn bucket_of_many_sizes(vector: &Value) {
    let sizes = [
        1, 1, 2, 3, 5, 10, 10, 12, 50, 55, 60, 100, 100, 100, 200, 210, 500, 520,
    ];
    let centres = centres(&sizes, 5);
    assert_numbers(&centres, &vector["centres"]);
    assert_close(centres[2], number(vector, "/median_centre"));
    assert_eq!(json!(Bucket::from_centres(&centres)), vector["clamped"]);
    assert_eq!(json!(adv50(69_546)), vector["adv50"]);
}

fn sentiment_of_three_articles(vector: &Value) {
    let mentions = [(0.30, 0.9), (0.10, 0.5), (-0.20, 0.2)];
    let mentions = mentions.map(|(score, relevance)| Mention { score, relevance });
    let told = Sentiment::of(mentions).unwrap();
    assert_close(told.score, number(vector, "/score"));
    assert_close(told.mean, number(vector, "/mean"));
    let labels = vector["labels"].as_object().unwrap();
    assert_eq!(labels.len(), 5);
    for (score, label) in labels {
        assert_eq!(json!(Label::of(score.parse().unwrap()).name()), *label);
    }
}

fn bucket_of_few_sizes(vector: &Value) {
    let centres = centres(&[1, 1, 1, 2, 2, 3, 3, 5, 8, 100], 5);
    assert_numbers(&centres, &vector["centres"]);
    assert_eq!(json!(Bucket::from_centres(&centres)), vector["clamped"]);
}

fn lookback_of_a_wave(vector: &Value) {
    let close = |i: u32| {
        let i = f64::from(i);
        100.0 * (0.001 * (0.3 * i).sin() + 0.000_02 * i).exp()
    };
    let returns: Vec<f64> = (1..=120).map(|i| (close(i) / close(i - 1)).ln()).collect();
    let found = lookback(&returns, LookbackMode::LastSignificant);
    assert_eq!(json!(found.returns), vector["n"]);
    assert_eq!(json!(found.autocorrelation.len()), vector["nlags"]);
    assert_close(found.bound, number(vector, "/bound"));
    assert_close(found.autocorrelation[0], number(vector, "/acf1"));
    assert_close(found.autocorrelation[9], number(vector, "/acf10"));
    assert_eq!(json!(found.lag), vector["last_sig"]);
    assert_eq!(json!(found.bars), vector["lookback"]);
}

/// The noise of the vector's series is not given, so what it says of the numbers is not
/// repeated; what follows from them is.
fn lookback_of_an_autoregression(vector: &Value) {
    let rhos: Vec<f64> = (1..=5)
        .map(|lag| number(vector, &format!("/acf/{lag}")))
        .collect();
    let significant: Vec<usize> = serde_json::from_value(vector["significant"].clone()).unwrap();
    let count = vector["nlags"].as_u64().unwrap() as usize;
    // The lags beyond the fifth are known only as significant or not.
    let rho = |lag| match rhos.get(lag - 1) {
        Some(rho) => *rho,
        None if significant.contains(&lag) => 0.15,
        None => 0.14,
    };
    let rhos: Vec<f64> = (1..=count).map(rho).collect();
    let n = vector["n"].as_u64().unwrap() as usize;
    let last = Lookback::of(n, rhos.clone(), LookbackMode::LastSignificant);
    assert_close(last.bound, number(vector, "/bound"));
    assert_eq!(last.significant().collect::<Vec<_>>(), significant);
    assert_eq!(json!(last.bars), vector["last_sig_capped"]);
    let first = Lookback::of(n, rhos, LookbackMode::FirstRun);
    assert_eq!(json!(first.bars), vector["first_run"]);
}

fn regime_of_a_growing_wave(vector: &Value) {
    let value = |i: u32| 0.000_1 * (0.7 * f64::from(i)).sin() * (1.0 + f64::from(i) / 40.0);
    let returns: Vec<f64> = (0..40).map(value).collect();
    let config = RegimeConfig {
        returns_min: 40,
        ..RegimeConfig::default()
    };
    assert_close(config.factor(), number(vector, "/factor"));
    let reading = regime(&returns, &config).unwrap();
    assert_close(reading.first, number(vector, "/first"));
    assert_close(reading.current, number(vector, "/cur"));
    assert_close(reading.low, number(vector, "/p33"));
    assert_close(reading.high, number(vector, "/p67"));
    assert_eq!(json!(reading.regime.name()), vector["regime"]);
    let warming = regime(&returns, &RegimeConfig::default()).unwrap();
    assert_eq!((warming.regime, warming.is_warming), (Regime::Normal, true));
}

fn regime_of_the_readme(vector: &Value) {
    assert_eq!(json!(Regime::of(16.94, 8.58, 10.05).name()), *vector);
}

fn correlation_of_five_returns(vector: &Value) {
    let x = [0.001, -0.002, 0.003, 0.000_5, -0.001];
    let y = [0.002, -0.001, 0.004, -0.000_5, -0.002];
    assert_close(pearson(&x, &y).unwrap(), vector.as_f64().unwrap());
    assert_eq!(pearson(&x, &[0.001; 5]), None);
}

fn trends_of_five_horizons(vector: &Value) {
    let cases = [
        [0.001_5, 0.002, 0.004, 0.006, 0.009],
        [0.000_5, 0.002, -0.002, 0.006, 0.0],
    ];
    let expected = vector.as_array().unwrap();
    assert_eq!(cases.len(), expected.len());
    for (changes, expected) in cases.into_iter().zip(expected) {
        let reading = TimeframesReading::of(changes.map(Some)).unwrap();
        assert_eq!(json!(reading.trends), expected["t"]);
        assert_close(reading.alignment, number(expected, "/align"));
        assert_eq!(json!(reading.class.name()), expected["cls"]);
    }
}

fn vpin_of_three_symbols(vector: &Value) {
    let members = [(0.55, 3), (0.72, 2), (0.4, 1)].map(|(vpin, millions)| Member {
        sector: Sector::Technology,
        volume: millions * 1_000_000,
        vpin: Some(vpin),
        gex: None,
        dex: None,
        imbalance: None,
        change: None,
    });
    let portfolio = Portfolio::of(&members);
    assert_close(portfolio.vpin.unwrap(), number(vector, "/vpin"));
    assert_close(portfolio.vpin_mean.unwrap(), number(vector, "/simple"));
    assert_eq!(portfolio.state, Some(MarketState::Normal));
    assert_eq!((portfolio.gex, portfolio.risk), (None, None));
}

fn indicators_of_twenty_closes(vector: &Value) {
    let closes = [
        44.34, 44.09, 44.15, 43.61, 44.33, 44.83, 45.10, 45.42, 45.84, 46.08, 45.89, 46.03, 45.61,
        46.28, 46.28, 46.00, 46.03, 46.41, 46.22, 45.64,
    ];
    let (mut rsi, mut bollinger) = (Rsi::new(14), Bollinger::default());
    let (mut ema, mut macd) = (Ema::new(8), Macd::new(3, 6, 2));
    for (at, close) in closes.into_iter().enumerate() {
        let index = rsi.update(close);
        assert_eq!(index.is_some(), at >= 14);
        if at == 14 {
            assert_close(index.unwrap(), number(vector, "/rsi14_at15"));
        }
        bollinger.update(close);
        ema.update(close);
        macd.update(close);
    }
    let bands = bollinger.reading().unwrap();
    let difference = macd.reading().unwrap().macd;
    assert_close(rsi.reading().unwrap(), number(vector, "/rsi14"));
    assert_close(bands.middle, number(vector, "/sma20"));
    assert_close(bands.upper, number(vector, "/bb_up"));
    assert_close(bands.lower, number(vector, "/bb_lo"));
    assert_close(ema.reading().unwrap(), number(vector, "/ema8"));
    assert_close(difference, number(vector, "/macd_fast3_slow6"));
}

fn imbalance_of_a_book(vector: &Value) {
    let price = Price(650 * Price::PER_POINT);
    let book = |bid, ask| {
        let depth = Depth {
            sum10: [bid, ask],
            ..Depth::default()
        };
        AuctionImbalance::proxy(&depth, price)
    };
    let name = |side| match side {
        Side::Bid => "BUY",
        Side::Ask => "SELL",
        Side::None => "NONE",
    };
    let heavy = book(9_000_000, 3_000_000);
    assert_eq!(json!(name(heavy.side)), vector[0]["side"]);
    assert_close(heavy.imbalance as f64, number(vector, "/0/imb"));
    assert_close(heavy.paired as f64, number(vector, "/0/paired"));
    assert_close(heavy.ratio().unwrap(), number(vector, "/0/ratio"));
    let usd = heavy.notional.unwrap() as f64 / 10_000.0;
    assert_close(usd, number(vector, "/0/notional"));
    let even = book(1_100_000, 1_000_000);
    assert_eq!(json!(name(even.side)), vector[1]["side"]);
    assert_close(even.ratio().unwrap(), number(vector, "/1/ratio"));
    assert!(heavy.is_proxy && even.is_proxy);
}

fn score_of_batches(vector: &Value) {
    let batch = |null_share, age_ms: Option<u64>, missing| Batch {
        is_empty: false,
        null_share,
        age: age_ms.map(|ms| Nanos(ms * 1_000_000)),
        missing,
    };
    let empty = Batch {
        is_empty: true,
        ..batch(0.0, Some(200), 4)
    };
    let batches = [
        batch(0.02, Some(200), 0),
        batch(0.06, Some(1_500), 1),
        batch(0.02, None, 2),
        empty,
    ];
    assert_numbers(&batches.map(|batch| batch.score()), vector);
    let alerts = batches.map(|batch| Alert::of(batch.score()));
    let expected = [Alert::None, Alert::High, Alert::Low, Alert::High];
    assert_eq!(alerts, expected);
}

fn score_of_a_source(vector: &Value) {
    let score = source_score(0.98, Nanos(250_000_000), 1).unwrap();
    assert_close(score, vector.as_f64().unwrap());
    // The specification's text on cost, which has no id of its own: $7.70, and $20 of $25.
    assert_eq!(cost(120_000_000, Nanos(23_400_000_000_000)), 77_000);
    assert!(is_budget_used(200_000, 250_000));
    assert!(!is_budget_used(199_999, 250_000));
}

fn percentiles_of_a_hundred(vector: &Value) {
    let values: Vec<u32> = (1..=100).collect();
    let read = [50, 95, 99].map(|percent| nearest_rank(&values, percent).unwrap());
    assert_eq!(json!(read), vector["nearest"]);
    let original = [50, 95, 99].map(|percent| values[values.len() * percent / 100]);
    assert_eq!(json!(original), vector["src_index"]);
}
