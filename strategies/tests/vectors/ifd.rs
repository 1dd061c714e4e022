use serde_json::Value;
use undertow_core::types::{Price, Side, Text};
use undertow_strategies::calendar::Day;
use undertow_strategies::ifd::baseline::{Baseline, Bucket, Key, Limits, Reading, Row, Sample};
use undertow_strategies::ifd::components::{
    Components, Crowd, Stance, concentration, persistence, significance, trend,
};
use undertow_strategies::ifd::confidence::{confidence, rate, raw};
use undertow_strategies::ifd::conflict::resolve;
use undertow_strategies::ifd::pressure::{Dominance, Tally, classify};
use undertow_strategies::ifd::quality::Evidence;
use undertow_strategies::ifd::quoting::Behaviour;
use undertow_strategies::ifd::shock::{Burst, Shock};
use undertow_strategies::ifd::spike::{Activity, Bracket, NetFlow, Spike, net_flow};
use undertow_strategies::ifd::structure::{Coordination, Crush, Verdict, market_making, straddle};
use undertow_strategies::ifd::{Direction, Level};
use undertow_strategies::options::Right;

use super::{Case, assert_close};

pub(super) const CASES: &[Case] = &[
    ("N3.v1", spikes),
    ("N3.summary", spike_summary),
    ("N4.pressure", pressure_window),
    ("N4.stream_class", stream_classifier),
    ("N5.baseline", baseline_statistics),
    ("N5.z_1.5", |it| baseline_reading(1.5, it)),
    ("N5.z_1.9", |it| baseline_reading(1.9, it)),
    ("N5.z_2.25", |it| baseline_reading(2.25, it)),
    ("N6.components", window_components),
    ("N6.cluster", cluster),
    ("N7.confidence", |it| {
        confidence_of(it, &worked(), 3.2, 99.0, 0.03);
    }),
    ("N7.confidence_mm", |it| {
        confidence_of(
            it,
            &worked(),
            3.2,
            99.0,
            market_making(straddle(500, 450, 60 * S), 0.1),
        );
    }),
    ("N7.max", |it| confidence_of(it, &ones(), 4.0, 100.0, 0.0)),
    ("N7.max_mm.03", |it| {
        confidence_of(it, &ones(), 4.0, 99.0, 0.03);
    }),
    ("N7.levels", levels),
    ("N8.quality", quality),
    ("N9.quote_mm", quoting),
    ("N10.coord", coordination),
    ("N10.crush", crush),
    ("N11.conflict", conflicts),
    ("N12.shock", shocks),
];

/// A second, ns.
const S: u64 = 1_000_000_000;
const SPOT: Price = points(21_870);

const fn points(points: i64) -> Price {
    Price(points * Price::PER_POINT)
}

const fn cents(cents: i64) -> Price {
    Price(cents * (Price::PER_POINT / 100))
}

fn number(of: &Value) -> f64 {
    of.as_f64().unwrap()
}

fn activity(strike: i64, right: Right, volume: u64, open_interest: u64, last: i64) -> Activity {
    Activity {
        strike: points(strike),
        right,
        volume,
        open_interest,
        last: cents(last),
        multiplier: points(20),
    }
}

/// The rows of N3 by the names of the vector.
fn spike_inputs() -> [(&'static str, Activity); 6] {
    [
        ("21840P", activity(21_840, Right::Put, 2_750, 50, 3_550)),
        ("22400C", activity(22_400, Right::Call, 3_000, 100, 200)),
        ("21900C", activity(21_900, Right::Call, 1_200, 100, 4_200)),
        ("21950C", activity(21_950, Right::Call, 500, 50, 1_000)),
        ("21951P", activity(21_950, Right::Put, 500, 50, 999)),
        ("21952C", activity(21_952, Right::Call, 900, 0, 1_000)),
    ]
}

fn spikes(expected: &Value) {
    for (name, input) in spike_inputs() {
        let expected = &expected[name];
        let found = Spike::find(&input);
        if expected.is_null() || !expected["pass_"].as_bool().unwrap() {
            assert_eq!(found, None, "{name}");
            continue;
        }
        let found = found.unwrap();
        assert_close(found.ratio, number(&expected["ratio"]));
        assert_close(found.usd as f64 / 1e4, number(&expected["usd"]));
        assert_eq!(found.level.name(), expected["level"].as_str().unwrap());
        assert_eq!(found.direction.name(), expected["dir"].as_str().unwrap());
        assert_close(found.level.size_factor(), number(&expected["size"]));
        let bracket = Bracket::at(input.strike, found.direction, SPOT).unwrap();
        assert_close(bracket.target.0 as f64 / 1e9, number(&expected["target"]));
        assert_close(bracket.stop.0 as f64 / 1e9, number(&expected["stop"]));
        assert_eq!(
            bracket.is_actionable,
            expected["actionable"].as_bool().unwrap()
        );
    }
    // One contract less or one cent less than the limits, and it is none.
    assert_eq!(
        Spike::find(&activity(21_950, Right::Call, 499, 49, 2_000)),
        None
    );
    assert_eq!(
        Spike::find(&activity(21_950, Right::Call, 509, 51, 2_000)),
        None
    );
}

fn spike_summary(expected: &Value) {
    let (mut calls, mut puts) = (0, 0);
    for (_, input) in spike_inputs() {
        let usd = Spike::find(&input).map_or(0, |spike| spike.usd);
        match input.right {
            Right::Call => calls += usd,
            Right::Put => puts += usd,
        }
    }
    let (percent, flow) = net_flow(calls, puts).unwrap();
    assert_close(percent, number(&expected["call_pct"]));
    assert_eq!(flow, NetFlow::Mixed);
}

fn pressure_window(expected: &Value) {
    let mut tally = Tally::default();
    for (side, price, size, count) in [
        (Side::Bid, 4_150, 10, 12),
        (Side::Ask, 4_100, 5, 6),
        (Side::None, 4_125, 8, 2),
    ] {
        for _ in 0..count {
            tally.add(side, cents(price), size);
        }
    }
    assert_eq!(tally.buy, expected["buy"].as_u64().unwrap());
    assert_eq!(tally.sell, expected["sell"].as_u64().unwrap());
    assert_eq!(
        tally.unclassified,
        expected["unclassified"].as_u64().unwrap()
    );
    assert_eq!(u64::from(tally.trades), expected["n"].as_u64().unwrap());
    assert_close(tally.ratio().unwrap(), number(&expected["ratio"]));
    assert_close(tally.buy_fraction().unwrap(), number(&expected["frac"]));
    assert_eq!(tally.dominance().name(), expected["dom"].as_str().unwrap());
    assert_close(tally.confidence(), number(&expected["confidence"]));
    assert_close(tally.average_size().unwrap(), number(&expected["avg"]));
    assert_close(tally.score().unwrap(), number(&expected["score"]));
}

fn stream_classifier(expected: &Value) {
    // The text gives the first five; the sixth has too little history.
    let inputs: [(i64, &[i64]); 6] = [
        (4_150, &[]),
        (4_140, &[]),
        (4_110, &[]),
        (4_125, &[4_100, 4_110]),
        (4_125, &[4_125, 4_125]),
        (4_125, &[4_100]),
    ];
    for ((price, previous), expected) in inputs.into_iter().zip(expected.as_array().unwrap()) {
        let previous: Vec<_> = previous.iter().map(|it| cents(*it)).collect();
        let (side, confidence) = classify(cents(price), cents(4_100), cents(4_150), &previous);
        let name = match side {
            Side::Bid => "BUY",
            Side::Ask => "SELL",
            Side::None => "UNKNOWN",
        };
        assert_eq!(name, expected[0].as_str().unwrap(), "{price}");
        assert_close(confidence, number(&expected[1]));
    }
}

const RATIOS: [f64; 20] = [
    1.2, 1.5, 1.1, 1.8, 1.4, 1.6, 1.3, 1.7, 1.0, 1.9, 1.45, 1.55, 1.35, 1.65, 1.25, 1.75, 1.15,
    1.85, 1.5, 1.5,
];

fn baseline_statistics(expected: &Value) {
    let sample = Sample::of(RATIOS).unwrap();
    assert_close(sample.mean, number(&expected["mean"]));
    assert_close(sample.deviation.unwrap(), number(&expected["sd"]));
    for (p, value) in expected["lin"].as_object().unwrap() {
        assert_close(sample.percentile(p.parse().unwrap()), number(value));
    }
}

fn baseline_reading(x: f64, expected: &Value) {
    let rows = RATIOS.iter().enumerate().map(|(day, ratio)| Row {
        day: Day(day as i32),
        key: Key {
            product: Text::from_bytes(b"NQ"),
            bucket: Bucket::Strike(SPOT),
            right: Right::Call,
        },
        windows: 1,
        buy_ratio: *ratio,
        sell_ratio: 1.0,
        volume: 100.0,
        confidence: 0.5,
    });
    let rows: Vec<_> = rows.collect();
    let baseline = Baseline::of(&rows).unwrap();
    let limits = Limits {
        z: 2.0,
        rank: 95.0,
        days: 20,
    };
    let reading = baseline.read(Dominance::Buy, x, &limits);
    assert_close(reading.z.unwrap(), number(&expected["z"]));
    assert_close(reading.rank.unwrap(), number(&expected["midrank"]));
    assert_eq!(reading.is_anomaly, expected["anomaly"].as_bool().unwrap());
    assert_close(reading.quality, 1.0);
}

fn window_components(expected: &Value) {
    assert_close(significance(5.0, 800, 0.9), number(&expected["sig"]));
    let pressures = [2.0, 3.0, 5.0];
    assert_close(trend(&pressures), number(&expected["trend"]));
    assert_close(concentration(5.0 / 6.0), number(&expected["conc"]));
    assert_close(persistence(&pressures), number(&expected["persist"]));
    let both = straddle(500, 450, 60 * S);
    assert_close(both, number(&expected["straddle"]));
    assert_close(market_making(both, 0.1), number(&expected["straddle_mm"]));
    assert_eq!(Verdict::of(market_making(both, 0.1)), Verdict::Reject);
    let alone = market_making(straddle(500, 0, 300 * S), 0.1);
    assert_close(alone, number(&expected["mm_none"]));
    assert_eq!(Verdict::of(alone), Verdict::Accept);
}

fn stance(strike: i64, direction: Direction, confidence: f64) -> Stance {
    Stance {
        underlying: 0,
        strike: points(strike),
        direction,
        confidence,
    }
}

fn cluster(expected: &Value) {
    let stances = [
        stance(21_800, Direction::Long, 0.8),
        stance(21_825, Direction::Long, 0.7),
        stance(21_850, Direction::Short, 0.5),
        stance(21_900, Direction::Long, 0.9),
    ];
    let mut crowd = Crowd::new(4);
    for stance in stances.iter().rev() {
        assert!(crowd.join(*stance));
    }
    crowd.arrange();
    for (own, expected) in stances.iter().zip(expected.as_array().unwrap()) {
        let coordination = crowd.neighbours(own).coordination(own.direction);
        assert_close(coordination, number(expected));
    }
}

fn worked() -> Components {
    Components {
        significance: 0.67,
        trend: 1.0,
        concentration: 2.0 / 3.0,
        persistence: 1.0,
        cluster: 0.6,
    }
}

fn ones() -> Components {
    Components {
        significance: 1.0,
        trend: 1.0,
        concentration: 1.0,
        persistence: 1.0,
        cluster: 0.6,
    }
}

fn confidence_of(expected: &Value, components: &Components, z: f64, rank: f64, making: f64) {
    let reading = Reading {
        z: Some(z),
        rank: Some(rank),
        quality: 1.0,
        is_anomaly: true,
    };
    assert_close(raw(components), number(&expected["raw"]));
    assert_close(reading.base(), number(&expected["base"]));
    let confidence = confidence(components, &reading, making, 0.2);
    assert_close(confidence, number(&expected["normative"]));
}

fn levels(expected: &Value) {
    for (confidence, expected) in expected.as_object().unwrap() {
        let (level, action) = rate(confidence.parse().unwrap());
        assert_eq!(level.name(), expected[0].as_str().unwrap());
        assert_eq!(action.name(), expected[1].as_str().unwrap());
        assert_close(level.size_factor(), number(&expected[2]));
    }
    assert!(Level::Moderate < Level::Extreme);
}

fn quality(expected: &Value) {
    let evidence = Evidence {
        volume: 1_200,
        age: 120.0,
        neighbours: 2,
        neighbour_confidence: Some(0.75),
        z: Some(3.0),
    };
    assert_close(evidence.volume_weight(), number(&expected["volw"]));
    assert_close(evidence.time_relevance(), number(&expected["time_half"]));
    assert_close(evidence.coordination(), number(&expected["coord"]));
    assert_close(evidence.baseline_strength(), number(&expected["base"]));
    assert_close(evidence.multiplier(), number(&expected["overall"]));
}

fn quoting(expected: &Value) {
    let behaviour = |frequency, size_variation, symmetry, life_ms| Behaviour {
        frequency,
        size_variation,
        symmetry,
        life_ms,
    };
    let maker = behaviour(4.0, 0.2, 0.9, 150.0);
    assert_close(maker.probability(), number(&expected["mm"]));
    assert!(maker.is_maker());
    let maker = behaviour(2.0, 0.1, 0.95, 100.0);
    assert_close(maker.probability(), number(&expected["mm2"]));
    let institution = behaviour(0.3, 1.2, 0.4, 8_000.0);
    assert_close(institution.probability(), number(&expected["inst"]));
    assert!(!institution.is_maker());
}

fn traded(buy: u64, sell: u64) -> Tally {
    Tally {
        buy,
        sell,
        trades: 10,
        ..Tally::default()
    }
}

fn coordination(expected: &Value) {
    let pairs = [
        (traded(220, 180), traded(190, 190)),
        (traded(340, 60), traded(57, 323)),
    ];
    for ((call, put), expected) in pairs.iter().zip(expected.as_array().unwrap()) {
        let coordination = Coordination::of(call, put).unwrap();
        assert!(coordination.is_coordinated());
        assert_close(coordination.score, number(&expected["score"]));
        assert_eq!(
            coordination.together.name(),
            expected["type"].as_str().unwrap()
        );
        assert_close(coordination.confidence(), number(&expected["confidence"]));
    }
    assert_eq!(Coordination::of(&traded(99, 0), &traded(100, 0)), None);
}

fn crush(expected: &Value) {
    let series = [0.22, 0.24, 0.30, 0.40, 0.35, 0.33, 0.31, 0.30];
    let crush = Crush::find(&series);
    assert_eq!(crush.is_some(), expected["crush"].as_bool().unwrap());
    let crush = crush.unwrap();
    assert_close(crush.peak, number(&expected["peak"]));
    assert_close(crush.drop, number(&expected["drop"]));
    assert_eq!(crush.after as u64, expected["n_post"].as_u64().unwrap());
    assert_close(crush.confidence, number(&expected["conf"]));
}

fn conflicts(expected: &Value) {
    let long = |confidence| stance(21_840, Direction::Long, confidence);
    let short = |strike| stance(strike, Direction::Short, 0.85);
    let decisions = [
        resolve(&[long(0.78)], &[short(21_840)]),
        resolve(&[long(0.77)], &[short(21_890)]),
        resolve(&[long(0.77)], &[short(21_891)]),
        resolve(&[], &[short(21_840)]),
        resolve(&[long(0.78)], &[]),
    ];
    for (decision, expected) in decisions.iter().zip(expected.as_array().unwrap()) {
        assert_eq!(decision.method.name(), expected.as_str().unwrap());
    }
    assert_eq!(resolve(&[], &[]).method.name(), "NO_SIGNALS");
}

fn shocks(expected: &Value) {
    let burst = |call_volume, put_volume, baseline, minutes| Burst {
        call_volume,
        put_volume,
        baseline,
        call_delta: Some(0.5),
        put_delta: Some(0.5),
        minutes,
    };
    let bursts = [
        (burst(900, 100, 110.0, 2.0), true),
        (burst(300, 100, 100.0, 10.0), false),
    ];
    for ((burst, is_shock), expected) in bursts.iter().zip(expected.as_array().unwrap()) {
        let shock = Shock::assess(burst).unwrap();
        assert_eq!(shock.is_shock, *is_shock);
        assert_close(shock.ratio, number(&expected["ratio"]));
        assert_close(shock.net_delta, number(&expected["net"]));
        assert_close(shock.pressure, number(&expected["pressure"]));
        assert_close(shock.confidence, number(&expected["conf"]));
        assert_eq!(shock.kind.name(), expected["kind"].as_str().unwrap());
        assert_eq!(
            u64::from(shock.horizon_minutes),
            expected["response_min"].as_u64().unwrap()
        );
        assert_close(shock.expected_move, number(&expected["magnitude"]));
        assert_close(shock.size, number(&expected["size"]));
    }
    let no_delta = Burst {
        call_delta: None,
        ..bursts[0].0
    };
    assert_eq!(Shock::assess(&no_delta), None);
}
