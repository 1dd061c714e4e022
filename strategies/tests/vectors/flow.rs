//! M1, M2, M9, A1 and A6–A9.

use serde_json::Value;
use undertow_core::book::{BookLimits, Books, Level};
use undertow_core::event::{Depth, Mbo, RecordHeader, Touch};
use undertow_core::types::{Action, Flags, InstrumentId, Nanos, OrderId, Price, PublisherId, Side};
use undertow_strategies::flow::bars::{TimeBar, TimeBars};
use undertow_strategies::flow::hidden;
use undertow_strategies::flow::imbalance::{self, ImbalanceHistory, Ofi, VELOCITY_SAMPLES};
use undertow_strategies::flow::side::SideRule;
use undertow_strategies::flow::toxicity::{OddLot, Pattern, ToxicityWeights};
use undertow_strategies::flow::vpin::{BulkVpin, Vpin, bought_fraction};

use super::{Case, assert_close};

pub(super) const CASES: &[Case] = &[
    ("M1.lee_ready", lee_ready),
    ("M2.bars_5s", bars_5s),
    ("M2.bars_1m_to_5m", bars_1m_to_5m),
    ("M9.mbo", mbo),
    ("A1.vpin_trades", vpin_trades),
    ("A1.shrink", shrink),
    ("A1.vpin_nosplit_source", vpin_nosplit_source),
    ("A1.vpin_nosplit_all_ge_bucket", vpin_nosplit_all_ge_bucket),
    ("A1.bvc", bvc),
    ("A6.pattern", pattern),
    ("A6.odd_roundlot40", odd_roundlot40),
    ("A6.blend", blend),
    ("A6.readme_check", readme_check),
    ("A7.obi", obi),
    ("A7.velocity", velocity),
    ("A8.ofi", ofi),
    ("A9.hidden", hidden_score),
];

const CENT: i64 = Price::PER_POINT / 100;

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

fn price(points: f64) -> Price {
    Price((points * Price::PER_POINT as f64).round() as i64)
}

fn seconds(seconds: f64) -> Nanos {
    Nanos((seconds * 1e9).round() as u64)
}

fn touch(bid: i64, bid_size: u64, ask: i64, ask_size: u64) -> Touch {
    Touch {
        bid: Price(bid),
        ask: Price(ask),
        bid_size,
        ask_size,
        bid_count: 1,
        ask_count: 1,
    }
}

fn lee_ready(expected: &Value) {
    let mut rule = SideRule::new();
    let trades = [10_000, 10_002, 10_001, 10_001, 10_000, 10_001, 10_003];
    let sides = trades.iter().enumerate().map(|(place, cents)| {
        let bid = if place < 6 { 10_000 } else { 10_002 };
        let quote = touch(bid * CENT, 1, 10_002 * CENT, 1);
        match rule.classify(Price(cents * CENT), Side::None, &quote).0 {
            Side::Bid => "BUY",
            Side::Ask => "SELL",
            Side::None => "UNKNOWN",
        }
    });
    assert_eq!(Value::from(sides.collect::<Vec<_>>()), *expected);
}

/// Adds each part, and collects every bar.
fn bars(width: f64, parts: &[TimeBar]) -> Vec<TimeBar> {
    let mut bars = TimeBars::new(seconds(width), Nanos(0));
    let mut closed = Vec::new();
    for part in parts {
        closed.extend(std::iter::from_fn(|| bars.close(part.start)));
        bars.add(part);
    }
    closed.extend(std::iter::from_fn(|| bars.flush()));
    assert_eq!(bars.late(), 0);
    closed
}

fn bars_5s(expected: &Value) {
    let trades = [
        (34_200.1, 100.0, 10),
        (34_201.0, 101.0, 5),
        (34_204.9, 99.5, 20),
        (34_205.0, 99.75, 1),
        (34_212.0, 100.5, 4),
    ];
    let trades =
        trades.map(|(at, points, size)| TimeBar::of_trade(seconds(at), price(points), size));
    let bars = bars(5.0, &trades);
    let expected = expected.as_object().unwrap();
    assert_eq!(bars.len(), expected.len());
    for (start, wanted) in expected {
        let start = seconds(start.parse().unwrap());
        let bar = bars.iter().find(|bar| bar.start == start).unwrap();
        let of = |name: &str| price(number(&wanted[name]));
        let prices = [bar.open, bar.high, bar.low, bar.close];
        assert_eq!(prices, ["o", "h", "l", "c"].map(of));
        assert_eq!(
            (bar.volume, bar.trades),
            (wanted["v"].as_u64().unwrap(), wanted["n"].as_u64().unwrap())
        );
        let vwap = bar.vwap().unwrap().0 as f64 / Price::PER_POINT as f64;
        assert_close(vwap, number(&wanted["vwap"]));
    }
}

fn bars_1m_to_5m(expected: &Value) {
    let bar = |row: &Value| TimeBar {
        start: seconds(60.0 * number(&row[0])),
        open: price(number(&row[1])),
        high: price(number(&row[2])),
        low: price(number(&row[3])),
        close: price(number(&row[4])),
        volume: row[5].as_u64().unwrap(),
        trades: 0,
        notional: 0,
    };
    let rows = |name: &str| -> Vec<TimeBar> {
        expected[name].as_array().unwrap().iter().map(bar).collect()
    };
    assert_eq!(bars(300.0, &rows("1m")), rows("5m"));
}

/// The book itself runs through `undertow_core::book`.
fn mbo(expected: &Value) {
    use Action::{Add, Cancel, Fill, Modify, Trade};
    use Side::{Ask, Bid};
    let records = [
        (Add, Bid, 1, 41.00, 5),
        (Add, Ask, 2, 41.50, 3),
        (Add, Ask, 3, 41.50, 4),
        (Add, Bid, 4, 41.25, 2),
        (Trade, Bid, 9, 41.50, 3),
        (Fill, Ask, 2, 41.50, 3),
        (Cancel, Ask, 2, 41.50, 3),
        (Modify, Ask, 3, 41.75, 4),
        (Cancel, Bid, 4, 41.25, 1),
    ];
    let limits = BookLimits {
        instruments_max: 1,
        orders_max: 64,
        book_orders_max: 64,
        pages_max: 64,
        ..BookLimits::default()
    };
    let arena = bumpalo::Bump::with_capacity(limits.bytes());
    let mut books = Books::new_in(&arena, &limits).unwrap();
    let expected = expected.as_array().unwrap();
    assert_eq!(expected.len(), records.len());
    for (sequence, ((action, side, id, points, size), wanted)) in
        (1..).zip(records.into_iter().zip(expected))
    {
        let record = Mbo {
            header: RecordHeader::UNSET,
            ts_event: Nanos(u64::from(sequence)),
            ts_recv: Nanos(u64::from(sequence)),
            order_id: OrderId(id),
            price: price(points),
            size,
            sequence,
            ts_in_delta: 0,
            instrument_id: InstrumentId(1),
            publisher_id: PublisherId(1),
            flags: Flags::LAST,
            action,
            side,
            channel_id: 0,
        };
        books.apply(&record).unwrap();
        let book = books.get(record.key()).unwrap();
        let best = |side| {
            let level = book.depth(side).next();
            level.map_or(Value::Null, |Level { price, size, .. }| {
                let points = price.0 as f64 / Price::PER_POINT as f64;
                serde_json::json!([points, size])
            })
        };
        assert_eq!(
            serde_json::json!([best(Bid), best(Ask)]),
            *wanted,
            "after record {sequence}"
        );
    }
    assert_eq!(
        books.counters().unknown_cancel + books.counters().unknown_modify,
        0
    );
}

const VPIN_TRADES: [(u64, Side); 7] = [
    (60, Side::Bid),
    (60, Side::Ask),
    (80, Side::Bid),
    (100, Side::Ask),
    (50, Side::Bid),
    (50, Side::Bid),
    (30, Side::Ask),
];

/// VPIN over so many buckets of 100 after the trades above.
fn vpin(buckets: usize) -> Vpin {
    let mut vpin = Vpin::new(100, buckets);
    for (size, side) in VPIN_TRADES {
        vpin.trade(size, side);
    }
    vpin
}

fn vpin_trades(expected: &Value) {
    let pair = |(bought, sold): (f64, f64)| serde_json::json!([bought as u64, sold as u64]);
    // Each bucket as it stands one contract before it is full, and that contract's side.
    let mut whole = Vpin::new(100, 4);
    let mut buckets = Vec::new();
    let mut open = (0.0, 0.0);
    for (size, side) in VPIN_TRADES {
        for _ in 0..size {
            let is_full = whole.trade(1, side);
            match side {
                Side::Bid => open.0 += 1.0,
                _ => open.1 += 1.0,
            }
            if is_full {
                buckets.push(pair(open));
                open = (0.0, 0.0);
            }
        }
    }
    assert_eq!(Value::from(buckets), expected["buckets"]);
    assert_eq!(pair(open), expected["remainder"]);
    // Whole trades are split at the same borders.
    let split = vpin(4);
    assert!(split.imbalances().eq(whole.imbalances()));
    assert_eq!(pair(split.open_bucket()), expected["remainder"]);
    let value = split.value().unwrap();
    assert!(!value.is_warming);
    assert_close(value.value, number(&expected["vpin"]));
    assert_close(
        vpin(2).value().unwrap().value,
        number(&expected["vpin_last2"]),
    );
}

fn shrink(expected: &Value) {
    let value = vpin(50).value().unwrap();
    assert!(value.is_warming);
    assert_close(value.value, number(&expected["v"]));
}

/// What the original computes without splitting, and that we do not.
fn vpin_nosplit_source(expected: &Value) {
    let mut imbalances = Vec::new();
    let mut open = (0, 0);
    for (size, side) in VPIN_TRADES {
        match side {
            Side::Bid => open.0 += size,
            _ => open.1 += size,
        }
        let volume = open.0 + open.1;
        if volume >= 100 {
            let away = u64::abs_diff(open.0, open.1);
            imbalances.push(away as f64 / volume as f64);
            open = (0, 0);
        }
    }
    for (imbalance, wanted) in imbalances.iter().zip(expected[0].as_array().unwrap()) {
        assert_close(*imbalance, number(wanted));
    }
    let mean = imbalances.iter().sum::<f64>() / imbalances.len() as f64;
    assert_close(mean, number(&expected[1]));
    assert!((vpin(3).value().unwrap().value - mean).abs() > 0.1);
}

/// Trades of at least a bucket drive the original to 1 whatever their sides; split, sides that
/// differ within a bucket do not.
fn vpin_nosplit_all_ge_bucket(expected: &Value) {
    let of = |trades: &[(u64, Side)]| {
        let mut vpin = Vpin::new(50, 7);
        for &(size, side) in trades {
            vpin.trade(size, side);
        }
        vpin.value().unwrap().value
    };
    let (buy, sell) = (Side::Bid, Side::Ask);
    // Sizes that are multiples of the bucket leave nothing to split: here both agree.
    assert_close(of(&[(100, buy), (200, sell), (50, buy)]), number(expected));
    let split = of(&[(120, buy), (180, sell), (50, buy)]);
    assert_close(split, (6.0 + 0.2) / 7.0);
}

fn bvc(expected: &Value) {
    let bars = [
        (0.02, 150),
        (-0.01, 100),
        (0.0, 50),
        (0.03, 200),
        (-0.04, 100),
    ];
    let changes = bars.map(|(change, _)| change);
    let mean = changes.iter().sum::<f64>() / 5.0;
    let spread: f64 = changes.iter().map(|change| (change - mean).powi(2)).sum();
    let deviation = (spread / 4.0).sqrt();
    assert_close(deviation, number(&expected["sigma"]));
    let mut bulk = BulkVpin::new(200, 3, 390, 30);
    for ((change, volume), wanted) in bars.iter().zip(expected["frac"].as_array().unwrap()) {
        let fraction = bought_fraction(*change, deviation);
        assert_close(fraction, number(wanted));
        bulk.add(*volume, fraction);
    }
    let buckets = expected["buckets"].as_array().unwrap();
    let wanted: Vec<f64> = buckets
        .iter()
        .map(|bucket| (number(&bucket[0]) - number(&bucket[1])).abs())
        .collect();
    let got: Vec<f64> = bulk.imbalances().collect();
    assert_eq!(got.len(), wanted.len());
    for (got, wanted) in got.iter().zip(&wanted) {
        // The vector's sides are rounded to six places, so their difference is to 1e-6.
        assert!((got - wanted).abs() <= 1e-6 + 1e-9, "{got} {wanted}");
    }
    assert_close(bulk.value().unwrap().value, number(&expected["vpin"]));
    // Bars give the same deviation, once there are changes enough: here at the fifth.
    let mut whole = BulkVpin::new(100, 3, 5, 5);
    let mut bar = TimeBar::of_trade(Nanos(0), price(10.0), 0);
    for (change, volume) in bars {
        bar.open = bar.close;
        bar.close = Price(bar.open.0 + price(change).0);
        bar.volume = volume;
        whole.bar(&bar);
    }
    let fraction = number(&expected["frac"][4]);
    let got: Vec<f64> = whole.imbalances().collect();
    assert_eq!(got.len(), 1, "100 of the last bar fill one bucket");
    assert!(
        (got[0] - (1.0 - 2.0 * fraction) * 100.0).abs() < 1e-3,
        "{got:?}"
    );
}

const PATTERN_TRADES: [(f64, f64, u64); 9] = [
    (0.0, 650.00, 100),
    (0.1, 650.01, 37),
    (0.2, 650.02, 200),
    (0.5, 650.02, 300),
    (1.0, 650.01, 12_000),
    (2.0, 650.01, 400),
    (3.0, 650.02, 55),
    (4.0, 650.02, 500),
    (5.0, 650.03, 100),
];

fn pattern_of(odd_lot: OddLot, round_lot: u64) -> Pattern {
    let mut pattern = Pattern::new(100, odd_lot, 10_000);
    for (at, points, size) in PATTERN_TRADES {
        pattern.trade(seconds(at), price(points), size, round_lot);
    }
    pattern
}

fn pattern(expected: &Value) {
    let pattern = pattern_of(OddLot::NotMultipleOf100, 40);
    let (odd, block, runs) = pattern.shares().unwrap();
    assert_close(odd, number(&expected["odd"]));
    assert_close(block, number(&expected["block"]));
    assert_eq!(u64::from(runs), expected["sweeps"].as_u64().unwrap());
    assert_close(pattern.score().unwrap(), number(&expected["score"]));
}

fn odd_roundlot40(expected: &Value) {
    let odd = |round_lot| {
        pattern_of(OddLot::BelowRoundLot, round_lot)
            .shares()
            .unwrap()
            .0
    };
    assert_close(odd(40), number(&expected["odd"]));
    assert_close(odd(100), number(&expected["odd_lt100"]));
}

fn blend(expected: &Value) {
    let mut history = ImbalanceHistory::new(Nanos(1));
    for (at, l5) in [0.2, 0.35, -0.1, 0.4, 0.15].into_iter().enumerate() {
        assert!(history.observe(Nanos(at as u64), &depth_of(l5)));
    }
    let book = history.volatility();
    assert_close(book.unwrap(), number(&expected["obi_vol"]));
    let (vpin, pattern) = (Some(0.55), pattern_of(OddLot::NotMultipleOf100, 40).score());
    let adapted = ToxicityWeights::ADAPTED.blend(vpin, None, pattern, book);
    assert_close(adapted.unwrap(), number(&expected["adapted"]));
    let with_venue = ToxicityWeights::WITH_VENUE.blend(vpin, Some(0.45), pattern, book);
    assert_close(with_venue.unwrap(), number(&expected["with_venue"]));
}

/// A book whose weighted imbalance over five levels is `l5`.
fn depth_of(l5: f64) -> Depth {
    Depth {
        weighted5: [
            (1000.0 * (1.0 + l5)).round() as u64,
            (1000.0 * (1.0 - l5)).round() as u64,
        ],
        ..Depth::default()
    }
}

/// The published toxicities, without their patterns, are VPIN and book near one half: the same
/// blend gives them back.
fn readme_check(expected: &Value) {
    for (_, vpin_and_book) in expected.as_object().unwrap() {
        let rest = number(vpin_and_book);
        let weights = ToxicityWeights::ADAPTED;
        let blend = weights
            .blend(Some(rest), None, Some(0.4), Some(rest))
            .unwrap();
        let again = (blend - weights.pattern * 0.4) / (weights.vpin + weights.book);
        assert_close(again, rest);
        assert!((rest - 0.5).abs() < 0.02, "{rest}");
    }
}

fn obi(expected: &Value) {
    let (bids, asks) = ([300, 200, 400, 100, 500], [100, 300, 200, 400, 100]);
    let weighted = |sizes: [u64; 5]| -> u64 {
        sizes
            .iter()
            .zip([5, 4, 3, 2, 1])
            .map(|(size, weight)| size * weight)
            .sum()
    };
    let sum = |sizes: [u64; 5]| -> u64 { sizes.iter().sum() };
    let touch = touch(65_000 * CENT, bids[0], 65_001 * CENT, asks[0]);
    let depth = Depth {
        weighted5: [weighted(bids), weighted(asks)],
        sum5: [sum(bids), sum(asks)],
        sum10: [sum(bids), sum(asks)],
    };
    // The depth carries five times the specification's weights.
    assert_close(depth.weighted5[0] as f64 / 5.0, number(&expected["wbid"]));
    assert_close(depth.weighted5[1] as f64 / 5.0, number(&expected["wask"]));
    assert_close(imbalance::l1(&touch).unwrap(), number(&expected["l1"]));
    assert_close(imbalance::l5(&depth).unwrap(), number(&expected["l5"]));
    assert_close(
        imbalance::pressure(&depth).unwrap(),
        number(&expected["pressure"]),
    );
    assert_close(
        imbalance::microprice(&touch).unwrap(),
        number(&expected["micro"]),
    );
    let middle = (touch.bid.0 + touch.ask.0) as f64 / 2.0 / Price::PER_POINT as f64;
    assert_close(middle, number(&expected["mid"]));
    assert_close(
        imbalance::feature(&touch).unwrap(),
        number(&expected["feature"]),
    );
}

fn velocity(expected: &Value) {
    let mut history = ImbalanceHistory::new(seconds(1.5));
    for (sample, l5) in [0.15, 0.9, -0.3, 0.2, 0.45].into_iter().enumerate() {
        assert_eq!(
            history.velocity(),
            None,
            "{VELOCITY_SAMPLES} samples ago there was none"
        );
        assert!(history.observe(seconds(2.0 + 1.5 * sample as f64), &depth_of(l5)));
    }
    assert_close(history.velocity().unwrap(), number(&expected["v"]));
}

fn ofi(expected: &Value) {
    let touches = [
        touch(10_000, 50, 10_002, 40),
        touch(10_000, 70, 10_002, 40),
        touch(10_000, 70, 10_002, 10),
        touch(10_001, 30, 10_002, 10),
        touch(10_001, 30, 10_003, 60),
        touch(10_000, 20, 10_003, 60),
    ];
    let mut ofi = Ofi::new(seconds(10.0));
    let each: Vec<i64> = touches
        .iter()
        .filter_map(|touch| ofi.observe(Nanos(1), touch))
        .collect();
    assert_eq!(Value::from(each), expected[0]);
    assert_eq!(Value::from(ofi.open()), expected[1]);
}

fn hidden_score(expected: &Value) {
    let cases = [(3, 2, 5200), (3, 2, 5201), (0, 0, 100)];
    for ((outside, runs, volume), wanted) in cases.iter().zip(expected.as_array().unwrap()) {
        let mismatch = hidden::mismatch(*volume, 2600);
        assert_close(mismatch.unwrap(), number(&wanted["mismatch"]));
        let score = hidden::score(*outside, *runs, mismatch);
        assert_close(score, number(&wanted["score"]));
        assert_eq!(score > hidden::LIKELY_ABOVE, *volume == 5201);
    }
}
