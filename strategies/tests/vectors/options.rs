//! Options: M3, M10, A10–A12, N1, N2, N21, N22.

use serde_json::Value;
use undertow_core::types::{Nanos, Price};
use undertow_strategies::options::admission::{Admission, Refusal};
use undertow_strategies::options::chain::{
    Expiry, LastSale, Leg, Line, OpenInterest, Row, Snapshot, Source,
};
use undertow_strategies::options::date::Date;
use undertow_strategies::options::expected_value::{EvRules, Setup, SizeLabel};
use undertow_strategies::options::exposure::{
    Bias, DealersLongCalls, Exposure, FullMove, Gex, OnePercent,
};
use undertow_strategies::options::flip::{Grid, Profile, Repricing};
use undertow_strategies::options::implied::{self, NoVolatility};
use undertow_strategies::options::pipeline::composite;
use undertow_strategies::options::positioning::{Positioning, RiskRatio, Verdict};
use undertow_strategies::options::pricing::{Model, Terms};
use undertow_strategies::options::symbol::{OccSymbol, barchart_eod};
use undertow_strategies::options::synthesis::{
    Candidate, Component, Finding, SpikeLevel, pressure_priority, synthesise,
};
use undertow_strategies::options::trailing::Trailing;
use undertow_strategies::options::{Direction, Exercise, Right, Usd, points, unusual};

use super::{Case, assert_close};
use search::search;

#[path = "../reference/search.rs"]
mod search;

pub(super) const CASES: &[Case] = &[
    ("M3.occ", m3_occ),
    ("M3.barchart_eod", m3_barchart_eod),
    ("A10.bsm_call", |it| a10_bsm(it, Right::Call)),
    ("A10.bsm_put", |it| a10_bsm(it, Right::Put)),
    ("A10.b76_call", |it| a10_b76(it, Right::Call)),
    ("A10.b76_put", |it| a10_b76(it, Right::Put)),
    ("A10.iv", a10_iv),
    ("A11.gex", a11_gex),
    ("A11.dex", a11_dex),
    ("A11.zero_gamma_cum", a11_zero_gamma_strike),
    ("A11.readme_units", a11_units),
    ("A11.zero_gamma_profile", a11_profile),
    ("A11.gex_z", a11_z),
    ("A12.unusual", a12_unusual),
    ("A12.volz", a12_volume_z),
    ("N1.ev", n1_ev),
    ("N1.setups", n1_setups),
    ("N2.risk", n2_risk),
    ("N21.composite", n21_composite),
    ("N21.order", n21_order),
    ("N22.order", n22_order),
    ("N22.v3_band", n22_v3_band),
];

fn m3_occ(expected: &Value) {
    for (text, parts) in expected.as_object().unwrap() {
        let symbol = OccSymbol::parse(text);
        let Some(parts) = parts.as_array() else {
            assert_eq!(symbol, None, "{text}");
            continue;
        };
        let symbol = symbol.unwrap();
        assert_eq!(symbol.root.as_str(), parts[0]);
        assert_eq!(symbol.expiry.to_string().replace('-', ""), parts[1]);
        let letter = if symbol.right == Right::Call {
            "C"
        } else {
            "P"
        };
        assert_eq!(letter, parts[2]);
        assert_eq!(points(symbol.strike), parts[3]);
    }
}

fn m3_barchart_eod(expected: &Value) {
    for (day, symbol) in expected.as_object().unwrap() {
        assert_eq!(barchart_eod(date(day)).unwrap().as_str(), symbol, "{day}");
    }
}

/// M10 has no vector in the JSON: these are the ones of the text.
#[test]
fn m10_mid_and_spread() {
    let now = Nanos(1_000_000_000_000);
    let row = |bid: f64, ask: f64, last_age_s: u64| Row {
        bid: Some(price(bid)),
        ask: Some(price(ask)),
        last: Some(LastSale {
            price: price(0.03),
            ts: Some(Nanos(now.0 - last_age_s * 1_000_000_000)),
        }),
        ..option(100.0, Right::Call, 10)
    };
    assert_eq!(row(2.0, 2.1, 0).mid(now), Some(price(2.05)));
    assert_close(row(2.0, 2.1, 0).spread_bps().unwrap(), 487.804878);
    assert_eq!(row(0.0, 0.05, 30).mid(now), Some(price(0.03)));
    assert_eq!(row(0.0, 0.05, 61).mid(now), None);
    assert_eq!(row(0.0, 0.05, 60).mid(now), None, "younger than a minute");
    assert_eq!(row(0.0, 0.05, 30).spread_bps(), None);
    assert_eq!(row(2.1, 2.0, 61).mid(now), None, "crossed");
}

fn a10_bsm(expected: &Value, right: Right) {
    let model = Model::BlackScholesMerton {
        rate: 0.045,
        dividend: 0.012,
    };
    let terms = Terms::new(right, [650.0, 655.0], 14.0 / 365.0, model).unwrap();
    assert_greeks(&terms, 0.16, expected);
}

fn a10_b76(expected: &Value, right: Right) {
    let terms = nq_terms(right);
    assert_greeks(&terms, 0.22, expected);
}

fn assert_greeks(terms: &Terms, vol: f64, expected: &Value) {
    let greeks = terms.greeks(vol).unwrap();
    assert_close(greeks.price, number(&expected["price"]));
    let slopes = [
        ("delta", greeks.delta),
        ("gamma", greeks.gamma),
        ("vega", greeks.vega),
        ("theta", greeks.theta),
        ("rho", greeks.rho),
    ];
    for (name, slope) in slopes {
        assert_close(slope.unwrap(), number(&expected[name]));
    }
    assert_eq!(terms.gamma(vol), greeks.gamma);
}

fn a10_iv(expected: &Value) {
    let black76 = implied::volatility(&nq_terms(Right::Call), 120.0, search).unwrap();
    assert_close(black76, number(&expected["iv_b76"]));
    let model = Model::BlackScholesMerton {
        rate: 0.045,
        dividend: 0.012,
    };
    let terms = Terms::new(Right::Call, [650.0, 655.0], 14.0 / 365.0, model).unwrap();
    let merton = implied::volatility(&terms, 7.5, search).unwrap();
    assert_close(merton, number(&expected["iv_bsm"]));
    let too_much = implied::volatility(&terms, 650.0, search);
    assert_eq!(too_much, Err(NoVolatility::AtOrAboveMaximum));
}

fn a11_gex(expected: &Value) {
    let rows = a11_chain();
    let chain = snapshot(&rows, 650.0);
    let admitted = Admission::STANDARD.admit(&chain);
    assert_eq!(admitted.refused(Refusal::Ghost), 1);
    assert_eq!(admitted.refused(Refusal::Gamma), 1);
    let exposure = Exposure::<DealersLongCalls>::of(&admitted, chain.spot);
    let by_strike = expected["by_strike"].as_object().unwrap();
    assert_eq!(exposure.strikes.len(), by_strike.len());
    for (strike, split) in &exposure.strikes {
        let expected = number(&by_strike[&format!("{}", points(*strike))]);
        assert_close(split.net().gex.value(), expected);
    }
    let total = exposure.total;
    assert_close(total.call.gex.value(), number(&expected["call"]));
    assert_close(total.put.gex.value(), number(&expected["put"]));
    assert_close(total.net().gex.value(), number(&expected["total"]));
    let one_percent: Gex<OnePercent> = total.net().gex.per();
    assert_close(one_percent.value(), number(&expected["per1pct"]));
    assert_close(
        points(exposure.pin().unwrap()),
        number(&expected["max_strike"]),
    );
    assert_close(exposure.put_call_ratio().unwrap(), number(&expected["pc"]));
    assert_eq!(exposure.bias(), Bias::Positive);
    assert_eq!(exposure.call_wall(), Some(price(655.0)));
    // Puts at 645 weigh 7.436e9, those at 650 5.915e9.
    assert_eq!(exposure.put_wall(), Some(price(645.0)));
    let levels = exposure.levels();
    assert_eq!(levels.supports, [price(645.0)]);
    assert_eq!(levels.resistances, [price(655.0), price(660.0)]);
    assert_eq!(exposure.cluster(), Some([645.0, 650.0, 655.0].map(price)));
}

fn a11_dex(expected: &Value) {
    let rows = a11_chain();
    let chain = snapshot(&rows, 650.0);
    let admitted = Admission::STANDARD.admit(&chain);
    let exposure = Exposure::<DealersLongCalls>::of(&admitted, chain.spot);
    assert_close(exposure.total.net().dex.0, number(&expected["total"]));
}

fn a11_zero_gamma_strike(expected: &Value) {
    let rows = a11_chain();
    let chain = snapshot(&rows, 650.0);
    let exposure = Exposure::<DealersLongCalls>::of(&Admission::STANDARD.admit(&chain), chain.spot);
    assert_close(exposure.zero_gamma_strike().unwrap(), number(&expected[0]));
}

fn a11_units(expected: &Value) {
    let whole = Gex::<FullMove, DealersLongCalls>::new(512.29e9);
    let per_percent = whole.per::<OnePercent>();
    assert_close(per_percent.value(), number(&expected["512.29B_per_1pct"]));
    assert_close(per_percent.per::<FullMove>().value(), 512.29e9);
    let shares = whole.shares_per_dollar(650.0).unwrap();
    assert_close(shares, number(&expected["shares_per_dollar"]));
}

fn a11_profile(expected: &Value) {
    let rows = a11_chain();
    let chain = snapshot(&rows, 650.0);
    let admitted = Admission::STANDARD.admit(&chain);
    let repricing = |grid| Repricing {
        grid,
        model: Model::BlackScholesMerton {
            rate: 0.045,
            dividend: 0.012,
        },
        now: chain.now,
    };
    let grid = Grid {
        low: 552.5,
        high: 747.5,
        step: 0.5,
    };
    let profile = Profile::<DealersLongCalls>::of(&admitted, 650.0, &repricing(grid));
    assert_eq!((profile.priced, profile.unpriced), (6, 0));
    for (spot, name) in [(630.0, "at_630"), (650.0, "at_650"), (670.0, "at_670")] {
        let (_, gex) = profile.points.iter().find(|(at, _)| *at == spot).unwrap();
        assert_close(gex.per::<OnePercent>().value(), number(&expected[name]));
    }
    assert_eq!(profile.crossings().len() as u64, expected["crossings"]);
    assert_close(profile.flip(650.0).unwrap(), number(&expected["flip"]));
    let standard = repricing(Grid::around(650.0));
    let profile = Profile::<DealersLongCalls>::of(&admitted, 650.0, &standard);
    assert_eq!(profile.points.len(), 301);
    let flip = profile.flip(650.0).unwrap();
    assert!((flip - number(&expected["flip"])).abs() < 0.01, "{flip}");
}

fn a11_z(expected: &Value) {
    let mut trailing = Trailing::new(120, 5);
    for sample in [1.0, 1.2, 0.9, 1.1] {
        assert_eq!(trailing.score(sample), None);
    }
    assert_eq!(trailing.score(1.0), None, "four before it are too few");
    let z = trailing.score(2.0).unwrap();
    assert_close(z, number(&expected["z_excl"]));
    assert!(
        z > number(&expected["z"]),
        "the sample is not in its own window"
    );
}

fn a12_unusual(expected: &Value) {
    let cases = [
        (Some(4.0), 0.05),
        (Some(1.0), 0.30),
        (Some(1.25), 0.12),
        (None, 0.1),
    ];
    for (idx, (z, over)) in cases.into_iter().enumerate() {
        let score = unusual::score(z, Some(over)).unwrap();
        assert_close(score, number(&expected[idx]));
    }
    assert_eq!(unusual::score(None, None), None);
}

fn a12_volume_z(expected: &Value) {
    let history = [1000, 1200, 900, 1100, 1000, 950, 1050, 1150, 1000, 1100];
    let z = unusual::volume_z(&history, 1600).unwrap();
    assert_close(z, number(&expected["z"]));
    let one_deviation = unusual::volume_z(&history, 1045).unwrap();
    assert_close(one_deviation, 0.0);
}

fn n1_ev(expected: &Value) {
    let rules = EvRules::STANDARD;
    let setups = rules.candidates(&n1_lines(), price(21_760.0));
    for (name, expected) in expected.as_object().unwrap() {
        let setup = setups.iter().find(|it| n1_name(it) == *name).unwrap();
        for (factor, expected) in setup
            .factors
            .iter()
            .zip(expected["factors"].as_array().unwrap())
        {
            assert_close(*factor, number(expected));
        }
        assert_close(setup.p, number(&expected["p"]));
        assert_close(points(setup.reward), number(&expected["reward"]));
        assert_close(points(setup.risk), number(&expected["risk"]));
        assert_close(setup.reward_risk, number(&expected["rr"]));
        assert_close(setup.ev, number(&expected["ev"]));
        assert_close(setup.ev_dollars(20), 20.0 * setup.ev);
    }
}

fn n1_setups(expected: &Value) {
    let rules = EvRules::STANDARD;
    let setups = rules.candidates(&n1_lines(), price(21_760.0));
    assert_eq!(setups.len() as u64, expected["n"]);
    let good: Vec<_> = setups.iter().filter(|it| rules.is_good(it)).collect();
    let expected = expected["quality"].as_array().unwrap();
    assert_eq!(good.len(), expected.len());
    for (setup, expected) in good.iter().zip(expected) {
        assert_close(setup.ev, number(&expected[0]));
        assert_eq!(setup.direction.name(), expected[1]);
        assert_close(points(setup.target), number(&expected[2]));
        assert_close(points(setup.stop), number(&expected[3]));
        assert_close(setup.p, number(&expected[4]));
        assert_close(setup.reward_risk, number(&expected[5]));
    }
    let sizes: Vec<_> = good.iter().map(|it| it.size()).collect();
    assert_eq!(sizes[4..], [SizeLabel::Large, SizeLabel::Medium]);
}

fn n2_risk(expected: &Value) {
    let strikes = [
        (21_750.0, 545, 12.75, 18, 6.0, 916),
        (21_760.0, 15, 8.0, 1, 10.75, 394),
        (21_770.0, 60, 4.05, 0, 17.0, 392),
        (21_800.0, 200, 2.0, 10, 40.0, 90),
    ];
    let leg = |volume, open_interest, mark| Leg {
        volume,
        open_interest,
        mark: Some(price(mark)),
    };
    let lines = strikes.map(|(strike, call_open, call, put_open, put, volume)| Line {
        strike: price(strike),
        call: leg(volume, call_open, call),
        put: leg(volume, put_open, put),
    });
    let found = Positioning::of(&lines, price(21_761.75), 20);
    assert_close(found.call.dollars(), number(&expected["call"]));
    assert_close(found.put.dollars(), number(&expected["put"]));
    let RiskRatio::Of(ratio) = found.ratio() else {
        panic!("puts are at risk too");
    };
    assert_close(ratio, number(&expected["ratio"]));
    assert_eq!(found.verdict(), Verdict::CallDominance);
    assert_eq!(expected["verdict"], "CALL_DOMINANCE");
    let zones = expected["zones"].as_array().unwrap();
    assert_eq!(found.top().len(), zones.len());
    for (zone, expected) in found.top().iter().zip(zones) {
        assert_close(points(zone.strike), number(&expected[0]));
        assert_eq!(zone.right.name().to_uppercase(), expected[1]);
        assert_close(zone.risk.dollars(), number(&expected[2]));
        assert_close(points(zone.distance), number(&expected[3]));
        assert_eq!(zone.reach.name().to_uppercase(), expected[4]);
        assert_close(zone.danger.dollars(), number(&expected[5]));
        assert_eq!(zone.reinforcement.name().to_uppercase(), expected[6]);
    }
    assert_eq!(found.pressured(), Some(Right::Put), "a lean downward");
    let micro = Positioning::of(&lines, price(21_761.75), 2);
    assert_eq!(micro.call, Usd(1_286 * Usd::PER_DOLLAR));
}

fn n21_composite(expected: &Value) {
    let composites = n21_composites();
    for (composite, name) in composites.iter().zip(["A", "B", "C"]) {
        assert_close(*composite, number(&expected[name]));
    }
}

fn n21_order(expected: &Value) {
    let mut ranked: Vec<_> = n21_composites().into_iter().zip(["A", "B", "C"]).collect();
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
    let names: Vec<_> = ranked.iter().map(|(_, name)| *name).collect();
    assert_eq!(Value::from(names), *expected);
}

fn n22_order(expected: &Value) {
    let candidate = |finding, dollars: i64, about: &'static str| Candidate {
        finding,
        size: Usd(dollars * Usd::PER_DOLLAR),
        about,
    };
    let answers: [(Component, Result<Vec<_>, &str>); 5] = [
        (
            Component::VolumeShock,
            Ok(vec![candidate(
                Finding::Shock {
                    is_gamma_emergency: false,
                },
                0,
                "shock",
            )]),
        ),
        (
            Component::IfdV3,
            Ok(vec![
                candidate(Finding::Pressure(0.83), 300_000, "v3 .83"),
                candidate(Finding::Pressure(0.65), 0, "v3 .65"),
            ]),
        ),
        (
            Component::ExpectedValue,
            Ok(vec![
                candidate(Finding::Setup, 0, "EV best"),
                candidate(Finding::Setup, 0, "EV 2nd"),
            ]),
        ),
        (Component::Positioning, Err("no quotes")),
        (
            Component::IfdV1,
            Ok(vec![candidate(
                Finding::Spike(SpikeLevel::Extreme),
                1_950_000,
                "v1 EXTREME",
            )]),
        ),
    ];
    let synthesis = synthesise(answers);
    let names = synthesis
        .recommendations
        .iter()
        .map(|it| it.candidate.about);
    assert_eq!(Value::from(names.collect::<Vec<_>>()), *expected);
    assert_eq!(synthesis.failed, [(Component::Positioning, "no quotes")]);
    assert_eq!(synthesis.misplaced, 0);
}

fn n22_v3_band(expected: &Value) {
    for (confidence, band) in expected.as_object().unwrap() {
        let priority = pressure_priority(confidence.parse().unwrap());
        let name = priority.map(|it| it.name().to_uppercase());
        assert_eq!(name.as_deref(), band.as_str(), "{confidence}");
    }
}

/// Expected value and danger of three opportunities, at equal weights.
fn n21_composites() -> Vec<f64> {
    let rows: [&[f64]; 3] = [&[120.0, 14_580.0], &[35.0, 8_000.0], &[75.0, 645.0]];
    composite(&rows, &[1.0, 1.0])
}

fn n1_name(setup: &Setup) -> String {
    let letter = if setup.direction == Direction::Long {
        'L'
    } else {
        'S'
    };
    format!("{letter} {}/{}", points(setup.target), points(setup.stop))
}

fn n1_lines() -> [Line; 6] {
    let leg = |(volume, open_interest, mark): (u64, u64, f64)| Leg {
        volume,
        open_interest,
        mark: Some(price(mark)),
    };
    [
        (21_650.0, (10, 50, 120.0), (300, 400, 6.0)),
        (21_700.0, (20, 80, 80.0), (200, 300, 12.0)),
        (21_750.0, (150, 200, 40.0), (150, 180, 28.0)),
        (21_800.0, (900, 600, 22.0), (60, 90, 60.0)),
        (21_850.0, (700, 800, 10.0), (30, 40, 100.0)),
        (21_900.0, (400, 500, 5.0), (5, 20, 150.0)),
    ]
    .map(|(strike, call, put)| Line {
        strike: price(strike),
        call: leg(call),
        put: leg(put),
    })
}

/// The chain of A11 with the volatilities of its profile, five days from expiry.
fn a11_chain() -> Vec<Row> {
    let rows = [
        (640.0, Right::Put, 3_000, -0.20, 0.015, 0.19),
        (645.0, Right::Put, 8_000, -0.35, 0.022, 0.175),
        (650.0, Right::Put, 5_000, -0.50, 0.028, 0.16),
        (650.0, Right::Call, 6_000, 0.51, 0.028, 0.16),
        (655.0, Right::Call, 9_000, 0.33, 0.022, 0.15),
        (660.0, Right::Call, 4_000, 0.18, 0.015, 0.145),
        (665.0, Right::Call, 4, 0.1, 0.01, 0.14),
        (635.0, Right::Put, 2_000, -0.1, 1.2, 0.2),
    ];
    let row = |(strike, right, open, delta, gamma, iv)| Row {
        delta: Some(delta),
        gamma: Some(gamma),
        iv: Some(iv),
        ..option(strike, right, open)
    };
    rows.map(row).to_vec()
}

fn snapshot(rows: &[Row], spot: f64) -> Snapshot<'_> {
    Snapshot {
        rows,
        spot: price(spot),
        now: Nanos(1),
    }
}

/// An option of which nothing is known but its terms and open interest, 5 days from [`snapshot`].
fn option(strike: f64, right: Right, contracts: u64) -> Row {
    Row {
        expiry: Expiry {
            date: date("2025-09-30"),
            instant: Nanos(1 + 5 * 86_400 * 1_000_000_000),
        },
        strike: price(strike),
        right,
        exercise: Exercise::European,
        multiplier: 100,
        bid: None,
        ask: None,
        last: None,
        volume: 0,
        open_interest: Some(OpenInterest {
            contracts,
            as_of: None,
        }),
        iv: None,
        delta: None,
        gamma: None,
        theta: None,
        vega: None,
        forward: None,
        ts: None,
        source: Source::Cboe,
    }
}

fn nq_terms(right: Right) -> Terms {
    let model = Model::Black76 { rate: 0.045 };
    Terms::new(right, [21_742.5, 21_800.0], 2.0 / 365.0, model).unwrap()
}

fn date(text: &str) -> Date {
    let part = |range: core::ops::Range<usize>| text[range].parse::<u16>().unwrap();
    Date::new(part(0..4), part(5..7) as u8, part(8..10) as u8).unwrap()
}

/// The nearest price to a decimal of the specification.
fn price(points: f64) -> Price {
    Price((points * Price::PER_POINT as f64).round() as i64)
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap()
}
