//! Options against another library, and against inputs that no market sends.
//!
//! The reference values are QuantLib's (`reference/options.py` made them). The numbered tests
//! name the fault of the reliability list that they are about.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use proptest::prelude::*;
use serde_json::Value;
use undertow_core::types::{Nanos, Price};
use undertow_strategies::options::admission::{Admission, Refusal};
use undertow_strategies::options::chain::{
    Expiry, LastSale, Leg, Line, OpenInterest, Row, Snapshot, Source,
};
use undertow_strategies::options::date::Date;
use undertow_strategies::options::expected_value::{EvRules, Setup};
use undertow_strategies::options::exposure::{
    DealersLongCalls, DealersShortCalls, Exposure, FullMove, Gex,
};
use undertow_strategies::options::flip::{Grid, Profile, Repricing};
use undertow_strategies::options::flow::OptionFlow;
use undertow_strategies::options::pipeline::profiles::Profile as Steps;
use undertow_strategies::options::pipeline::{
    Context, Failed, Input, Opportunity, Pipeline, Planned, Step,
};
use undertow_strategies::options::positioning::{Positioning, RiskRatio, Verdict};
use undertow_strategies::options::pricing::{Model, Terms, Unpriceable};
use undertow_strategies::options::trailing::Trailing;
use undertow_strategies::options::{Direction, Exercise, Right, points, unusual};

const DAY_NS: u64 = 86_400_000_000_000;
const NOW: Nanos = Nanos(1_000 * DAY_NS);

#[test]
fn greeks_agree_with_quantlib() {
    let cases: Vec<Value> = serde_json::from_str(include_str!("reference/options.json")).unwrap();
    assert_eq!(cases.len(), 200);
    for case in &cases {
        let number = |name: &str| case[name].as_f64().unwrap();
        let rate = number("rate");
        let model = match case["model"].as_str().unwrap() {
            "bsm" => Model::BlackScholesMerton {
                rate,
                dividend: number("dividend"),
            },
            _ => Model::Black76 { rate },
        };
        let right = if case["right"] == "call" {
            Right::Call
        } else {
            Right::Put
        };
        let prices = [number("underlying"), number("strike")];
        let terms = Terms::new(right, prices, number("days") / 365.0, model).unwrap();
        let greeks = terms.greeks(number("vol")).unwrap();
        let found = [
            ("price", Some(greeks.price)),
            ("delta", greeks.delta),
            ("gamma", greeks.gamma),
            ("vega", greeks.vega),
            ("theta", greeks.theta),
            ("rho", greeks.rho),
        ];
        for (name, found) in found {
            let (found, expected) = (found.unwrap(), number(name));
            // QuantLib prices in the tails by another series; a millionth of a point is below
            // every tick.
            let tolerance = 1e-9 * expected.abs() + 1e-9 * prices[0];
            assert!(
                (found - expected).abs() <= tolerance,
                "{name} {found} of {case}"
            );
        }
    }
}

#[test]
fn s10_at_the_end_and_without_volatility_only_intrinsic_value_is_left() {
    let model = Model::BlackScholesMerton {
        rate: 0.05,
        dividend: 0.0,
    };
    let call = |strike, years| Terms::new(Right::Call, [100.0, strike], years, model).unwrap();
    let last_minute = call(90.0, 59.0 / 31_536_000.0).greeks(0.3).unwrap();
    assert!((last_minute.price - 10.0).abs() < 1e-4);
    assert_eq!(last_minute.gamma, None);
    assert_eq!(last_minute.delta, Some(1.0));
    assert!(
        call(90.0, 61.0 / 31_536_000.0)
            .greeks(0.3)
            .unwrap()
            .gamma
            .is_some()
    );
    let certain = call(90.0, 1.0).greeks(0.0).unwrap();
    assert!((certain.price - (100.0 - 90.0 * (-0.05_f64).exp())).abs() < 1e-12);
    assert_eq!((certain.gamma, certain.vega), (None, None));
    assert_eq!(call(200.0, 1.0).greeks(0.0).unwrap().delta, Some(0.0));
    let edge = Terms::new(
        Right::Put,
        [100.0, 100.0],
        0.0,
        Model::Black76 { rate: 0.0 },
    )
    .unwrap();
    assert_eq!(
        edge.greeks(0.2).unwrap().delta,
        None,
        "a step has no slope at its edge"
    );
}

#[test]
fn s10_what_makes_no_sense_is_refused_with_the_reason() {
    let terms =
        |prices, years, rate| Terms::new(Right::Put, prices, years, Model::Black76 { rate });
    let cases = [
        ([0.0, 100.0], 1.0, 0.0, Unpriceable::Underlying),
        ([-5.0, 100.0], 1.0, 0.0, Unpriceable::Underlying),
        ([f64::NAN, 100.0], 1.0, 0.0, Unpriceable::Underlying),
        ([100.0, f64::INFINITY], 1.0, 0.0, Unpriceable::Strike),
        ([100.0, 100.0], -0.1, 0.0, Unpriceable::Time),
        ([100.0, 100.0], f64::NAN, 0.0, Unpriceable::Time),
        ([100.0, 100.0], 1.0, f64::NAN, Unpriceable::Rate),
    ];
    for (prices, years, rate, reason) in cases {
        assert_eq!(terms(prices, years, rate), Err(reason));
    }
    let sound = terms([100.0, 100.0], 1.0, -0.02).unwrap();
    for vol in [-0.1, f64::NAN, f64::INFINITY] {
        assert_eq!(sound.greeks(vol), Err(Unpriceable::Volatility));
        assert_eq!(sound.gamma(vol), None);
    }
}

#[test]
fn s11_a_curve_without_change_of_sign_has_no_flip() {
    let rows = [640.0, 650.0, 660.0].map(|strike| option(strike, Right::Call, 1_000));
    let chain = snapshot(&rows);
    let admitted = Admission::STANDARD.admit(&chain);
    let exposure = Exposure::<DealersLongCalls>::of(&admitted, chain.spot);
    assert_eq!(exposure.zero_gamma_strike(), None);
    let profile = Profile::<DealersLongCalls>::of(&admitted, 650.0, &repricing());
    assert_eq!(profile.points.len(), 301);
    assert_eq!(profile.flip(650.0), None);
    assert_eq!(exposure.put_wall(), None);
    assert_eq!(exposure.put_call_ratio(), Some(0.0));
}

#[test]
fn s11_an_empty_chain_says_nothing_rather_than_zero() {
    let chain = snapshot(&[]);
    let admitted = Admission::STANDARD.admit(&chain);
    let exposure = Exposure::<DealersLongCalls>::of(&admitted, chain.spot);
    assert_eq!(exposure.pin(), None);
    assert_eq!(exposure.cluster(), None);
    assert_eq!(exposure.put_call_ratio(), None);
    let profile = Profile::<DealersLongCalls>::of(&admitted, 650.0, &repricing());
    assert!(profile.points.is_empty());
    let flow = OptionFlow::of(&chain);
    assert_eq!(flow.put_call_volume(), None);
    let game = Positioning::of(&[], chain.spot, 20);
    assert_eq!(game.ratio(), RiskRatio::Of(1.0));
    assert_eq!(
        (game.verdict(), game.pressured()),
        (Verdict::Balanced, None)
    );
}

#[test]
fn s12_a_broken_strike_is_left_out_counted_and_named() {
    let mut rows: Vec<_> = (0..40)
        .map(|step| {
            option(
                600.0 + 2.5 * f64::from(step),
                Right::Call,
                300 + step as u64 * 50,
            )
        })
        .collect();
    let sound = snapshot_total(&rows);
    rows.push(option(655.0, Right::Put, 1_000_000_000));
    let chain = snapshot(&rows);
    let admitted = Admission::STANDARD.admit(&chain);
    assert_eq!(admitted.refused(Refusal::Outlier), 1);
    assert_eq!(admitted.outliers[0].strike, price(655.0));
    assert_eq!(snapshot_total(&rows), sound, "totals are those without it");
    // A large strike of a real chain, 210 times the upper quartile, stays.
    rows.pop();
    rows.push(option(655.0, Right::Put, 400_000));
    let chain = snapshot(&rows);
    assert_eq!(
        Admission::STANDARD.admit(&chain).refused(Refusal::Outlier),
        0
    );
}

#[test]
fn every_reason_for_leaving_a_row_out_is_counted_apart() {
    type Spoil = fn(&mut Row);
    let cases: [(Refusal, Spoil); 11] = [
        (Refusal::Expired, |row| row.expiry.instant = NOW),
        (Refusal::NoOpenInterest, |row| row.open_interest = None),
        (Refusal::Ghost, |row| row.open_interest = open(4)),
        (Refusal::Outlier, |row| row.open_interest = open(2_000_000)),
        (Refusal::NoGreeks, |row| row.gamma = None),
        (Refusal::NoGreeks, |row| row.delta = None),
        (Refusal::Gamma, |row| row.gamma = Some(1.01)),
        (Refusal::Gamma, |row| row.gamma = Some(-0.01)),
        (Refusal::Gamma, |row| row.gamma = Some(f64::NAN)),
        (Refusal::Delta, |row| row.delta = Some(-1.3)),
        (Refusal::Delta, |row| row.delta = Some(f64::INFINITY)),
    ];
    for (reason, spoil) in cases {
        let mut rows = vec![option(640.0, Right::Put, 1_000); 9];
        spoil(&mut rows[8]);
        let chain = snapshot(&rows);
        let admitted = Admission::STANDARD.admit(&chain);
        for other in Refusal::ALL {
            let count = u64::from(other == reason);
            assert_eq!(admitted.refused(other), count, "{reason:?} {other:?}");
        }
        assert_eq!(admitted.rows.len(), 8);
    }
    let kept = option(650.0, Right::Call, 5);
    assert_eq!(
        Admission::STANDARD.admit(&snapshot(&[kept])).rows.len(),
        1,
        "5 is enough"
    );
}

#[test]
fn the_other_convention_turns_the_sign_and_nothing_else() {
    let rows = [
        option(640.0, Right::Put, 900),
        option(660.0, Right::Call, 500),
    ];
    let chain = snapshot(&rows);
    let admitted = Admission::STANDARD.admit(&chain);
    let usual = Exposure::<DealersLongCalls>::of(&admitted, chain.spot).total;
    let other = Exposure::<DealersShortCalls>::of(&admitted, chain.spot).total;
    assert_eq!(other.net().gex.value(), -usual.net().gex.value());
    assert_eq!(other.net().dex, usual.net().dex);
    let back: Gex<FullMove, DealersLongCalls> = other.net().gex.seen_as();
    assert_eq!(back, usual.net().gex);
}

#[test]
fn a_row_on_another_future_counts_by_its_own_price() {
    let far = Row {
        forward: Some(price(700.0)),
        ..option(700.0, Right::Call, 100)
    };
    let chain = Snapshot {
        rows: &[far],
        spot: price(650.0),
        now: NOW,
    };
    let admitted = Admission::STANDARD.admit(&chain);
    let exposure = Exposure::<DealersLongCalls>::of(&admitted, chain.spot);
    let expected = 0.02 * 100.0 * 100.0 * 700.0 * 700.0;
    assert!((exposure.total.net().gex.value() - expected).abs() < 1e-6);
}

#[test]
fn s14_expected_value_counts_at_its_border() {
    // p is clamped to 0.9: 0.9 · reward − 0.1 · risk is 15 for 20 and 30; the ratio asks for less.
    let leg = |open_interest, mark| Leg {
        volume: open_interest,
        open_interest,
        mark: Some(price(mark)),
    };
    let line = |strike, call, put| Line {
        strike: price(strike),
        call: leg(call, 30.0),
        put: leg(put, 1.0),
    };
    let lines = [line(1_970.0, 1, 1), line(2_020.0, 900, 0)];
    let rules = EvRules {
        reward_risk_min: 0.5,
        ..EvRules::STANDARD
    };
    let setups = rules.candidates(&lines, price(2_000.0));
    let long = setups
        .iter()
        .find(|it| it.target == price(2_020.0))
        .unwrap();
    assert!((long.ev - 15.0).abs() < 1e-9, "{}", long.ev);
    assert!(rules.is_good(long));
    let stricter = EvRules {
        ev_min: 15.000001,
        ..rules
    };
    assert!(!stricter.is_good(long));
    assert!(
        EvRules::STANDARD
            .candidates(&lines, price(2_000.0))
            .iter()
            .all(|it| it.reward >= it.risk)
    );
    assert!(rules.candidates(&lines, Price(0)).is_empty());
    assert!(
        rules.candidates(&lines[1..], price(2_000.0)).is_empty(),
        "no strike below"
    );
}

#[test]
fn risk_is_tested_at_its_borders_on_exact_prices() {
    let line = |strike: f64, open_interest, mark: Option<f64>| {
        let leg = Leg {
            volume: open_interest,
            open_interest,
            mark: mark.map(price),
        };
        Line {
            strike: price(strike),
            call: leg,
            put: leg,
        }
    };
    let spot = price(1_000.0);
    let reach = |strike| {
        Positioning::of(&[line(strike, 10, Some(1.0))], spot, 20).zones[0]
            .reach
            .name()
    };
    assert_eq!(
        [1_010.0, 1_010.25, 975.0, 974.75, 1_050.0, 1_050.25].map(reach),
        ["immediate", "near", "near", "medium", "medium", "distant",]
    );
    let game = Positioning::of(&[line(1_010.0, 0, None), line(990.0, 5, None)], spot, 20);
    assert_eq!((game.new.len(), game.unmarked, game.zones.len()), (0, 1, 0));
    let lines = [line(1_010.0, 20, Some(1.0)), line(990.0, 10, Some(1.0))];
    let even = Positioning::of(&lines, spot, 2);
    assert_eq!(even.ratio(), RiskRatio::Of(2.0));
    assert_eq!(
        even.verdict(),
        Verdict::Balanced,
        "more than twice is asked for"
    );
    assert_eq!(even.pressured(), None, "equally near");
    assert_eq!(
        Positioning::of(&lines[..1], spot, 2).ratio(),
        RiskRatio::OnlyCalls
    );
    assert!(
        Positioning::of(&[line(1_000.0, 9, Some(1.0))], spot, 2)
            .zones
            .is_empty()
    );
}

#[test]
fn unusual_contracts_are_flagged_at_their_borders() {
    let cases = [
        (201, 100, true),
        (200, 100, false),
        (99, 1, false),
        (100, 1, true),
        (499, 0, false),
        (500, 0, true),
        (u64::MAX, u64::MAX, false),
    ];
    for (volume, open_interest, flagged) in cases {
        assert_eq!(
            unusual::is_unusual(volume, open_interest),
            flagged,
            "{volume} {open_interest}"
        );
    }
}

#[test]
fn a_score_needs_enough_samples_that_differ() {
    let mut trailing = Trailing::standard();
    for sample in 0..30 {
        assert_eq!(trailing.score(f64::from(sample % 2)), None, "{sample}");
    }
    assert!(trailing.score(0.5).is_some());
    assert_eq!(trailing.score(f64::NAN), None);
    assert_eq!(trailing.len(), 31, "what is no number is not kept");
    let mut flat = Trailing::new(10, 2);
    (0..5).for_each(|_| assert_eq!(flat.score(0.1), None));
    assert_eq!(flat.score(7.0), None, "no deviation, no score");
}

#[test]
fn a_far_target_is_no_candidate_and_a_tilted_value_does_not_grow_without_end() {
    let leg = |open_interest| Leg {
        volume: open_interest,
        open_interest,
        mark: Some(price(5.0)),
    };
    let spot = price(20_000.0);
    let strikes = [
        19_900.0, 19_990.0, 20_010.0, 20_100.0, 20_400.0, 20_410.0, 30_000.0,
    ];
    let lines = strikes.map(|strike| Line {
        strike: price(strike),
        call: leg(1_000),
        put: leg(10),
    });
    let rules = EvRules::STANDARD;
    let setups = rules.candidates(&lines, spot);
    let farthest = setups.iter().map(|it| it.target).max().unwrap();
    assert_eq!(farthest, price(20_400.0), "2 % of spot, the border counts");
    // Without the bound N1 puts the farthest strike first, half as far again as the market is high.
    let unbound = EvRules {
        reach_max_bps: 10_000,
        ..rules
    };
    assert_eq!(unbound.candidates(&lines, spot)[0].target, price(30_000.0));
    for setup in unbound.candidates(&lines, spot) {
        let (p, risk) = (setup.p, points(setup.risk));
        let bound = (2.0 * p - 1.0) / (1.0 - p) * risk;
        assert!(setup.tilted_ev() <= bound.max(0.0) + 1e-9, "{setup:?}");
        let q = setup.probability();
        assert!((0.0..=1.0).contains(&q));
    }
    let even = |p: f64| Setup {
        p,
        ..unbound.candidates(&lines, spot)[0]
    };
    assert!(
        even(0.5).tilted_ev().abs() < 1e-6,
        "one half leaves fair odds fair"
    );
    assert!(even(0.6).tilted_ev() > 0.0 && even(0.4).tilted_ev() < 0.0);
}

#[test]
fn a_trader_takes_the_best_setup_within_reach_of_those_that_are_candidates() {
    let lines = lines_around(5_000.0);
    let spot = price(5_010.0);
    let rules = EvRules::STANDARD;
    for (reach, direction) in [
        (50.0, Direction::Long),
        (100.0, Direction::Long),
        (120.0, Direction::Short),
    ] {
        let reach = price(reach);
        let best = rules.best(&lines, spot, direction, reach);
        let within = rules.candidates(&lines, spot).into_iter();
        let within = within.filter(|it| it.direction == direction && it.reward <= reach);
        let most = within.map(|it| it.tilted_ev()).max_by(f64::total_cmp);
        assert_eq!(best.map(|it| it.tilted_ev()), most);
        assert!(best.is_none_or(|it| it.reward <= reach));
    }
    assert_eq!(rules.best(&lines, spot, Direction::Long, price(1.0)), None);
    assert_eq!(
        rules.best(&lines, Price::UNDEFINED, Direction::Long, spot),
        None
    );
    assert_eq!(rules.best(&[], spot, Direction::Long, spot), None);
}

#[test]
fn profiles_run_in_their_order_and_name_what_they_lack() {
    let lines = lines_around(5_000.0);
    let spot = price(5_000.0);
    let positioning = Positioning::of(&lines, spot, 20);
    let context = Context {
        spot,
        lines: Some(&lines),
        positioning: Some(&positioning),
        chain: None,
        series: None,
        structures: None,
        timing: None,
    };
    let (all, over) = Opportunity::all(&lines, spot);
    assert_eq!((all.len(), over), (lines.len() * 4, 0));
    let run = |profile: &Steps| profile.pipeline().run(&context, all.clone(), || false);
    let missing = Steps::all().map(|profile| run(&profile).unwrap_err());
    assert_eq!(
        missing,
        [
            Failed::Missing("momentum", Input::Series),
            Failed::Missing("momentum", Input::Series),
            Failed::Missing("pattern", Input::Structures),
            Failed::Missing("timing", Input::Timing),
        ]
    );
    let outcome = run(&Steps::conservative().lenient()).unwrap();
    let names: Vec<_> = outcome.reports.iter().map(|it| it.step).collect();
    assert_eq!(names, ["risk", "expected value", "momentum"]);
    assert_eq!(outcome.reports[2].missing, Some(Input::Series));
    assert!(!outcome.ranked.is_empty());
    for (opportunity, composite) in &outcome.ranked {
        assert!((0.0..=1.0).contains(composite));
        assert!(opportunity.metrics.exposure.is_some() && opportunity.metrics.setup.is_some());
        assert_eq!(opportunity.scores.len(), 2);
    }
    assert!(outcome.ranked.is_sorted_by(|a, b| a.1 >= b.1));
    let late = Steps::conservative().pipeline().run(&context, all, || true);
    assert_eq!(late, Err(Failed::Late("risk")));
}

#[test]
fn a_step_of_ones_own_plugs_in() {
    struct RoundStrikes;
    impl Step for RoundStrikes {
        fn name(&self) -> &'static str {
            "round strikes"
        }
        fn needs(&self) -> &'static [Input] {
            &[]
        }
        fn enrich(&self, _: &Context<'_>, _: &mut [Opportunity]) {}
        fn keeps(&self, it: &Opportunity) -> bool {
            it.strike.0 % price(50.0).0 == 0
        }
        fn score(&self, it: &Opportunity) -> f64 {
            // What is no number must not come through.
            if it.strike == price(950.0) {
                f64::NAN
            } else {
                -points(it.strike)
            }
        }
    }
    let lines = lines_around(1_000.0);
    let planned = Planned {
        step: Box::new(RoundStrikes),
        weight: 1.0,
        is_optional: false,
    };
    let context = Context {
        spot: price(1_000.0),
        lines: None,
        positioning: None,
        chain: None,
        series: None,
        structures: None,
        timing: None,
    };
    let (all, _) = Opportunity::all(&lines, context.spot);
    let outcome = Pipeline::new(vec![planned])
        .run(&context, all, || false)
        .unwrap();
    let strikes: Vec<_> = outcome.ranked.iter().map(|(it, _)| it.strike).collect();
    let expected = [vec![900.0; 4], vec![1_000.0; 4], vec![1_050.0; 2]].concat();
    assert_eq!(strikes, expected.into_iter().map(price).collect::<Vec<_>>());
}

proptest! {
    /// Call less put is the discounted difference of forward and strike, at any volatility.
    #[test]
    fn calls_and_puts_keep_parity(
        underlying in 1.0..50_000.0_f64,
        moneyness in 0.3..3.0_f64,
        years in 0.001..5.0_f64,
        vol in 0.01..3.0_f64,
        rate in -0.05..0.15_f64,
        dividend in -0.02..0.08_f64,
        is_future: bool,
    ) {
        let model = if is_future {
            Model::Black76 { rate }
        } else {
            Model::BlackScholesMerton { rate, dividend }
        };
        let strike = underlying * moneyness;
        let at = |right| Terms::new(right, [underlying, strike], years, model).unwrap();
        let [call, put] = [Right::Call, Right::Put].map(|right| at(right).greeks(vol).unwrap());
        let (forward, discount) = (at(Right::Call).forward(), at(Right::Call).discount());
        let expected = discount * (forward - strike);
        let tolerance = 1e-11 * (underlying + strike);
        prop_assert!((call.price - put.price - expected).abs() <= tolerance);
        prop_assert_eq!((call.gamma, call.vega), (put.gamma, put.vega));
    }

    /// Gamma is what delta changes by, and theta what the price loses: against differences.
    #[test]
    fn slopes_are_those_of_the_price(
        moneyness in 0.8..1.25_f64,
        years in 0.05..2.0_f64,
        vol in 0.1..1.0_f64,
        rate in 0.0..0.1_f64,
        is_call: bool,
    ) {
        let right = if is_call { Right::Call } else { Right::Put };
        let model = Model::BlackScholesMerton { rate, dividend: 0.01 };
        let at = |underlying, years, vol| {
            let terms = Terms::new(right, [underlying, 100.0 * moneyness], years, model);
            terms.unwrap().greeks(vol).unwrap()
        };
        let here = at(100.0, years, vol);
        let h = 1e-3;
        let slope = |up: f64, down: f64, h: f64| (up - down) / (2.0 * h);
        let delta = slope(at(100.0 + h, years, vol).price, at(100.0 - h, years, vol).price, h);
        prop_assert!((delta - here.delta.unwrap()).abs() < 1e-5);
        let gamma = slope(
            at(100.0 + h, years, vol).delta.unwrap(),
            at(100.0 - h, years, vol).delta.unwrap(),
            h,
        );
        prop_assert!((gamma - here.gamma.unwrap()).abs() < 1e-5);
        let by_vol = |step: f64| at(100.0, years, vol + step).price;
        let vega = slope(by_vol(1e-4), by_vol(-1e-4), 1e-4);
        prop_assert!((vega - here.vega.unwrap()).abs() < 1e-3);
        let by_time = |step: f64| at(100.0, years + step, vol).price;
        let theta = -slope(by_time(1e-5), by_time(-1e-5), 1e-5);
        prop_assert!((theta - here.theta.unwrap()).abs() < 1e-2);
    }

    /// Whatever the numbers, what comes out is a number or nothing.
    #[test]
    fn s10_no_input_makes_a_greek_that_is_no_number(
        is_call: bool,
        prices: [f64; 2],
        near in prop::array::uniform2(1e-9..1e9_f64),
        years in prop_oneof![any::<f64>(), 0.0..100.0_f64, 1e-12..1e-3_f64],
        rates in prop_oneof![any::<[f64; 2]>(), prop::array::uniform2(-1.0..1.0_f64)],
        vol in prop_oneof![any::<f64>(), 0.0..100.0_f64, 0.0..1e-6_f64],
        is_future: bool,
    ) {
        let right = if is_call { Right::Call } else { Right::Put };
        let model = if is_future {
            Model::Black76 { rate: rates[0] }
        } else {
            Model::BlackScholesMerton { rate: rates[0], dividend: rates[1] }
        };
        for prices in [prices, near] {
            let Ok(terms) = Terms::new(right, prices, years, model) else { continue };
            prop_assert!(terms.forward().is_finite() && terms.discount().is_finite());
            let Ok(greeks) = terms.greeks(vol) else { continue };
            prop_assert!(greeks.price.is_finite() && greeks.price >= 0.0);
            let slopes = [greeks.delta, greeks.gamma, greeks.vega, greeks.theta, greeks.rho];
            prop_assert!(slopes.into_iter().flatten().all(f64::is_finite), "{greeks:?}");
            prop_assert!(terms.gamma(vol).is_none_or(f64::is_finite));
        }
    }

    /// Whatever a vendor sends, every total of the chain is a number.
    #[test]
    fn s10_no_row_makes_a_total_that_is_no_number(
        rows in prop::collection::vec(any_row(), 0..40),
        spot in 1..i64::MAX,
    ) {
        let chain = Snapshot { rows: &rows, spot: Price(spot), now: NOW };
        let admitted = Admission::STANDARD.admit(&chain);
        let refused: u64 = Refusal::ALL.into_iter().map(|it| admitted.refused(it)).sum();
        prop_assert_eq!(refused as usize + admitted.rows.len(), rows.len());
        let exposure = Exposure::<DealersLongCalls>::of(&admitted, chain.spot);
        let net = exposure.total.net();
        prop_assert!(net.gex.value().is_finite() && net.dex.0.is_finite());
        prop_assert!(exposure.zero_gamma_strike().is_none_or(f64::is_finite));
        prop_assert!(exposure.put_call_ratio().is_none_or(f64::is_finite));
        let _ = (exposure.levels(), exposure.cluster(), exposure.pin(), exposure.bias());
        let around = points(chain.spot);
        let repricing = Repricing { grid: Grid::around(around), ..repricing() };
        let profile = Profile::<DealersLongCalls>::of(&admitted, around, &repricing);
        let is_sound = |(at, gex): &(f64, Gex)| at.is_finite() && gex.value().is_finite();
        prop_assert!(profile.points.iter().all(is_sound));
        prop_assert!(profile.flip(around).is_none_or(f64::is_finite));
        let flow = OptionFlow::of(&chain);
        prop_assert!(flow.put_call_open_interest().is_none_or(f64::is_finite));
        let _ = unusual::contracts(&chain);
        for expiry in chain.expiries() {
            let lines = chain.lines(expiry);
            for setup in EvRules::STANDARD.candidates(&lines, chain.spot) {
                prop_assert!(setup.ev.is_finite() && (0.1..=0.9).contains(&setup.p));
            }
            let game = Positioning::of(&lines, chain.spot, 20);
            prop_assert!(game.top().len() <= 5);
        }
    }

    /// The order of a vendor's rows changes no bit of any total.
    #[test]
    fn totals_do_not_depend_on_the_order_of_rows(
        rows in prop::collection::vec(any_row(), 1..30).prop_shuffle(),
        spot in 1..1_000_000_000_000_000_i64,
    ) {
        let total = |rows: &[Row]| {
            let chain = Snapshot { rows, spot: Price(spot), now: NOW };
            let admitted = Admission::STANDARD.admit(&chain);
            Exposure::<DealersLongCalls>::of(&admitted, chain.spot).total
        };
        // Rows of one contract twice keep their order, so only different ones are shuffled.
        let mut distinct: Vec<Row> = Vec::new();
        for row in &rows {
            let key = |row: &Row| (row.strike, row.right, row.expiry);
            if distinct.iter().all(|other| key(other) != key(row)) {
                distinct.push(*row);
            }
        }
        let mut reversed = distinct.clone();
        reversed.reverse();
        prop_assert_eq!(total(&distinct), total(&reversed));
    }
}

/// A row of a broken vendor: any figure, sound terms or not.
fn any_row() -> impl Strategy<Value = Row> {
    let float = || prop_oneof![any::<f64>(), -1.5..1.5_f64];
    let price = || prop_oneof![any::<i64>(), 0..1_000_000_000_000_i64].prop_map(Price);
    let greeks = prop::array::uniform3(prop::option::of(float()));
    let quote = prop::array::uniform3(prop::option::of(price()));
    let size = || prop_oneof![any::<u64>(), 0..10_000_u64];
    (
        price(),
        any::<bool>(),
        greeks,
        quote,
        size(),
        prop::option::of(size()),
        any::<u32>(),
        0..9_u64,
    )
        .prop_map(
            |(strike, is_call, greeks, quote, volume, open, multiplier, days)| Row {
                expiry: Expiry {
                    date: date(),
                    instant: Nanos(NOW.0 - DAY_NS + days * DAY_NS),
                },
                multiplier,
                bid: quote[0],
                ask: quote[1],
                last: quote[2].map(|price| LastSale {
                    price,
                    ts: Some(NOW),
                }),
                volume,
                open_interest: open.map(|contracts| OpenInterest {
                    contracts,
                    as_of: None,
                }),
                iv: greeks[0],
                delta: greeks[1],
                gamma: greeks[2],
                strike,
                ..option(100.0, if is_call { Right::Call } else { Right::Put }, 1)
            },
        )
}

/// Strikes around 1000 where calls above weigh far more than all else.
/// Five strikes 50 points apart around a price.
fn lines_around(spot: f64) -> Vec<Line> {
    let leg = |open_interest, mark| Leg {
        volume: open_interest / 2,
        open_interest,
        mark: Some(price(mark)),
    };
    [-100.0, -50.0, 0.0, 50.0, 100.0]
        .map(|away| Line {
            strike: price(spot + away),
            call: leg(if away > 0.0 { 4_000 } else { 100 }, 12.0),
            put: leg(if away < 0.0 { 300 } else { 100 }, 10.0),
        })
        .to_vec()
}

fn snapshot_total(rows: &[Row]) -> f64 {
    let chain = snapshot(rows);
    let admitted = Admission::STANDARD.admit(&chain);
    Exposure::<DealersLongCalls>::of(&admitted, chain.spot)
        .total
        .net()
        .gex
        .value()
}

fn snapshot(rows: &[Row]) -> Snapshot<'_> {
    Snapshot {
        rows,
        spot: price(650.0),
        now: NOW,
    }
}

fn repricing() -> Repricing {
    Repricing {
        grid: Grid::around(650.0),
        model: Model::BlackScholesMerton {
            rate: 0.04,
            dividend: 0.01,
        },
        now: NOW,
    }
}

/// A sound option, five days from its end.
fn option(strike: f64, right: Right, contracts: u64) -> Row {
    Row {
        expiry: Expiry {
            date: date(),
            instant: Nanos(NOW.0 + 5 * DAY_NS),
        },
        strike: price(strike),
        right,
        exercise: Exercise::European,
        multiplier: 100,
        bid: Some(price(1.0)),
        ask: Some(price(1.2)),
        last: None,
        volume: 10,
        open_interest: open(contracts),
        iv: Some(0.18),
        delta: Some(0.5 * right.sign()),
        gamma: Some(0.02),
        theta: None,
        vega: None,
        forward: None,
        ts: None,
        source: Source::Cboe,
    }
}

fn open(contracts: u64) -> Option<OpenInterest> {
    let as_of = None;
    Some(OpenInterest { contracts, as_of })
}

fn date() -> Date {
    Date::new(2025, 9, 30).unwrap()
}

fn price(points: f64) -> Price {
    Price((points * Price::PER_POINT as f64).round() as i64)
}
