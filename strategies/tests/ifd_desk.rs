//! The desk against a slow recomputation that keeps every trade, on random sessions.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "ifd/session.rs"]
mod session;

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use undertow_core::types::{Nanos, Price, Side};
use undertow_strategies::ifd::Direction;
use undertow_strategies::ifd::components::{Components, Stance};
use undertow_strategies::ifd::confidence::{Action, Profile, confidence, rate};
use undertow_strategies::ifd::desk::{
    DRAIN, Desk, Evidence, Finding, Pressure, Signal, Version, Window,
};
use undertow_strategies::ifd::pressure::Tally;
use undertow_strategies::ifd::quality::Evidence as Quality;
use undertow_strategies::ifd::spike::Spike;
use undertow_strategies::ifd::structure::{Verdict, market_making, straddle};
use undertow_strategies::options::Right;
use undertow_strategies::options::implied::Undiscounted;

use session::{Input, MINUTE, Random, S, Session, Traded};

/// Runs a session, taking as many findings for each input as a stage would.
fn run(session: &Session) -> (Vec<Finding>, Desk) {
    let mut desk = session.desk();
    let mut findings = Vec::new();
    for input in &session.inputs {
        session.feed(&mut desk, input);
        findings.extend((0..DRAIN).map_while(|_| desk.next_finding()));
    }
    desk.finish();
    while let Some(finding) = desk.next_finding() {
        findings.push(finding);
    }
    (findings, desk)
}

fn windows(findings: &[Finding]) -> Vec<&Window> {
    let windows = findings.iter().filter_map(|finding| match finding {
        Finding::Window(window) => Some(window),
        _ => None,
    });
    windows.collect()
}

fn signals(findings: &[Finding]) -> Vec<&Signal> {
    let signals = findings.iter().filter_map(|finding| match finding {
        Finding::Signal(signal) => Some(signal),
        _ => None,
    });
    signals.collect()
}

/// A window by minutes, start and option.
type Place = (u64, u64, usize);

/// Every window from all trades at once, and how many were late, by width.
fn recompute(session: &Session) -> (BTreeMap<Place, Vec<Traded>>, [u64; 3]) {
    let mut windows: BTreeMap<Place, Vec<Traded>> = BTreeMap::new();
    let (mut late, mut now) = ([0; 3], 0);
    for input in &session.inputs {
        now = now.max(input.ts());
        let Input::Trade(trade) = input else { continue };
        for (lane, minutes) in [1, 5, 15].into_iter().enumerate() {
            let width = minutes * MINUTE;
            let start = trade.ts / width * width;
            if start + width + 30 * S <= now {
                late[lane] += 1;
            } else {
                let window = windows.entry((minutes, start, trade.option)).or_default();
                window.push(*trade);
            }
        }
    }
    (windows, late)
}

fn tally(trades: &[Traded]) -> Tally {
    let mut tally = Tally::default();
    for trade in trades {
        tally.add(trade.side, trade.price, trade.size);
    }
    tally
}

fn mean_time(trades: &[Traded], start: u64) -> f64 {
    let weighted = |trade: &Traded| (trade.ts - start) as f64 * f64::from(trade.size);
    let volume: f64 = trades.iter().map(|it| f64::from(it.size)).sum();
    trades.iter().map(weighted).sum::<f64>() / volume
}

/// N10's crush over the last ten windows of an option that left a volatility, by the words of the
/// specification: the confidence, 0 without one.
fn crush(
    session: &Session,
    windows: &BTreeMap<Place, Vec<Traded>>,
    start: u64,
    option: usize,
) -> f64 {
    let terms = &session.options[option];
    let points = |price: Price| price.0 as f64 / 1e9;
    let left = windows
        .iter()
        .filter(|((minutes, at, of), _)| (*minutes, *of) == (5, option) && *at <= start)
        .filter_map(|(_, trades)| trades.iter().rfind(|trade| trade.quote().is_some()));
    let left: Vec<&Traded> = left.collect();
    let volatilities: Vec<f64> = left[left.len().saturating_sub(10)..]
        .iter()
        .filter_map(|trade| {
            let (forward, strike) = (points(session.spot), points(terms.strike));
            let price = points(trade.price);
            let intrinsic = match terms.right {
                Right::Call => forward - strike,
                Right::Put => strike - forward,
            };
            if price <= intrinsic.max(0.0) {
                return None;
            }
            session::search(&Undiscounted {
                right: terms.right,
                forward,
                strike,
                years: (terms.expiry.0 - trade.ts) as f64 / 365.0 / 86_400e9,
                price,
            })
        })
        .collect();
    let Some(last) = volatilities.last() else {
        return 0.0;
    };
    let peak = volatilities.iter().copied().fold(0.0, f64::max);
    let after = volatilities.iter().rev().take_while(|it| **it < peak);
    let after: Vec<&f64> = after.collect();
    let drop = (peak - last) / peak;
    if drop >= 0.2 && after.len() >= 3 && after.iter().all(|it| **it < 0.9 * peak) {
        (0.5 + drop).min(0.9)
    } else {
        0.0
    }
}

/// N6's gates that need no history.
fn passes(own: &Tally, components: &Components, profile: &Profile) -> bool {
    own.classified() >= profile.volume_min
        && own.confidence() >= profile.window_confidence_min
        && own.pressure(own.dominance()) >= profile.pressure_min
        && own.data_quality().unwrap() >= profile.quality_min
        && components.concentration >= profile.concentration_min
        && components.persistence >= profile.persistence_min
        && components.trend >= profile.trend_min
}

/// What version 3 says of one slot, from all windows, comparing everybody with everybody.
fn recompute_slot(
    session: &Session,
    windows: &BTreeMap<Place, Vec<Traded>>,
    start: u64,
) -> Vec<(usize, Stance, Pressure)> {
    let profile = Profile::TESTING;
    let mut candidates = Vec::new();
    for option in 0..session.options.len() {
        let Some(trades) = windows.get(&(5, start, option)) else {
            continue;
        };
        let own = tally(trades);
        let terms = &session.options[option];
        let dominance = own.dominance();
        let Some(direction) = Direction::of_pressure(terms.right, dominance) else {
            continue;
        };
        let pressures: Vec<f64> = [10, 5, 0]
            .into_iter()
            .filter_map(|back| windows.get(&(5, start.checked_sub(back * MINUTE)?, option)))
            .map(|trades| tally(trades).pressure(dominance))
            .collect();
        let components = Components::of(&own, &pressures);
        let baseline = session.table.find(
            session.product,
            terms.right,
            terms.strike,
            Some(session.spot),
        );
        let reading = baseline
            .map(|it| it.read(dominance, own.pressure(dominance), &profile.anomaly))
            .unwrap_or_default();
        if !passes(&own, &components, &profile) || reading.z.is_none_or(|z| z < profile.z_min) {
            continue;
        }
        let mate = windows.get(&(5, start, option ^ 1));
        let crush = crush(session, windows, start, option);
        let making = market_making(
            mate.map_or(0.0, |mate| {
                let apart = (mean_time(trades, start) - mean_time(mate, start)).abs();
                straddle(own.volume(), tally(mate).volume(), apart as u64)
            }),
            crush,
        );
        if Verdict::of(making) == Verdict::Reject {
            continue;
        }
        let stance = Stance {
            underlying: 0,
            strike: terms.strike,
            direction,
            confidence: confidence(&components, &reading, making, profile.penalty),
        };
        let pressure = Pressure {
            start: Nanos(start),
            volume: own.volume(),
            dominance,
            pressure: own.pressure(dominance),
            components,
            reading,
            making,
            crush,
            multiplier: 0.0,
            together: None,
            structure: None,
        };
        candidates.push((option, stance, pressure));
    }
    with_neighbours(&candidates, &profile)
}

fn with_neighbours(
    candidates: &[(usize, Stance, Pressure)],
    profile: &Profile,
) -> Vec<(usize, Stance, Pressure)> {
    let mut kept = Vec::new();
    for (option, stance, pressure) in candidates {
        let is_near = |it: &&(usize, Stance, Pressure)| {
            it.0 != *option && (it.1.strike.0 - stance.strike.0).abs() <= 50_000_000_000
        };
        let near: Vec<_> = candidates.iter().filter(is_near).collect();
        let all: f64 = near.iter().map(|it| it.1.confidence).sum();
        let same: Vec<_> = near
            .iter()
            .filter(|it| it.1.direction == stance.direction)
            .map(|it| it.1.confidence)
            .collect();
        let agreeing: f64 = same.iter().sum();
        let mut pressure = *pressure;
        if !near.is_empty() {
            pressure.components.cluster = agreeing / all * (near.len() as f64 / 3.0).min(1.0);
        }
        let quality = Quality {
            volume: pressure.volume,
            age: 30.0,
            neighbours: same.len() as u32,
            neighbour_confidence: (!same.is_empty()).then(|| agreeing / same.len() as f64),
            z: pressure.reading.z,
        };
        pressure.multiplier = quality.multiplier();
        let confidence = confidence(
            &pressure.components,
            &pressure.reading,
            pressure.making,
            profile.penalty,
        );
        if confidence >= profile.confidence_min {
            let stance = Stance {
                confidence,
                ..*stance
            };
            kept.push((*option, stance, pressure));
        }
    }
    kept
}

/// The desk keeps mean times of trading to milliseconds, which moves a score by some 1e-6.
const TOLERANCE: f64 = 1e-5;

fn assert_near(actual: f64, expected: f64) {
    assert!((actual - expected).abs() < TOLERANCE, "{actual} {expected}");
}

fn check_windows(session: &Session, findings: &[Finding], desk: &Desk) {
    let (expected, late) = recompute(session);
    let mut seen = BTreeSet::new();
    for window in windows(findings) {
        let option = session.option_of(window.contract.key);
        let place = (window.minutes, window.start.0, option);
        assert!(seen.insert(place), "{place:?} was closed twice");
        assert_eq!(window.tally, tally(&expected[&place]), "{place:?}");
        assert_eq!(window.spot, Some(session.spot));
    }
    assert!(
        seen.iter().eq(expected.keys()),
        "every window that traded is closed, and no other"
    );
    let counters = desk.counters();
    assert_eq!(counters.late, late);
    assert_eq!((counters.lost, counters.unusable), (0, 0));
}

fn check_pressure(session: &Session, findings: &[Finding], crushed: &mut usize) -> usize {
    let (windows, _) = recompute(session);
    let starts: BTreeSet<u64> = windows
        .keys()
        .filter(|(minutes, ..)| *minutes == 5)
        .map(|(_, start, _)| *start)
        .collect();
    let expected = starts
        .into_iter()
        .flat_map(|start| recompute_slot(session, &windows, start));
    let spoken = signals(findings)
        .into_iter()
        .filter_map(|it| match it.evidence {
            Evidence::Pressure(pressure) => Some((it, pressure)),
            Evidence::Spike { .. } => None,
        });
    let (expected, spoken) = (expected.collect::<Vec<_>>(), spoken.collect::<Vec<_>>());
    assert_eq!(spoken.len(), expected.len(), "signals");
    for ((signal, pressure), (option, stance, expected)) in spoken.iter().zip(&expected) {
        assert_eq!(session.option_of(signal.contract.key), *option);
        assert_eq!(signal.ts.0, expected.start.0 + 5 * MINUTE + 30 * S);
        assert_eq!(signal.direction, stance.direction);
        assert_near(pressure.components.cluster, expected.components.cluster);
        assert_near(pressure.making, expected.making);
        assert_near(pressure.crush, expected.crush);
        *crushed += usize::from(pressure.crush > 0.0);
        assert_near(pressure.multiplier, expected.multiplier);
        assert_eq!(pressure.reading, expected.reading);
        if signal.version == Version::V3 {
            assert_near(signal.confidence, stance.confidence);
            assert_eq!(signal.level, rate(signal.confidence).0);
        } else {
            assert!(signal.confidence >= stance.confidence - TOLERANCE);
        }
    }
    expected.len()
}

/// Version 1 from all trades at once: option, level and time, once for each level reached.
fn recompute_spikes(session: &Session) -> Vec<(usize, Spike, u64)> {
    let mut volumes = vec![0; session.options.len()];
    let mut levels = vec![None; session.options.len()];
    let mut spikes = Vec::new();
    for input in &session.inputs {
        let Input::Trade(trade) = input else { continue };
        volumes[trade.option] += u64::from(trade.size);
        let activity = session.activity(trade, volumes[trade.option]);
        let level = levels[trade.option];
        if let Some(spike) = Spike::find(&activity).filter(|it| level < Some(it.level)) {
            levels[trade.option] = Some(spike.level);
            spikes.push((trade.option, spike, trade.ts));
        }
    }
    spikes
}

fn check_spikes(session: &Session, findings: &[Finding]) -> usize {
    let expected = recompute_spikes(session);
    let spoken = signals(findings)
        .into_iter()
        .filter_map(|it| match it.evidence {
            Evidence::Spike { spike, .. } => {
                Some((session.option_of(it.contract.key), spike, it.ts.0))
            }
            Evidence::Pressure(_) => None,
        });
    assert!(spoken.eq(expected.iter().copied()));
    expected.len()
}

#[test]
fn windows_and_signals_equal_a_slow_recomputation() {
    let mut signals = [0; 3];
    let config = ProptestConfig::with_cases(24);
    let mut runner = proptest::test_runner::TestRunner::new_with_rng(
        config,
        proptest::test_runner::TestRng::deterministic_rng(
            proptest::test_runner::RngAlgorithm::ChaCha,
        ),
    );
    let found = std::cell::RefCell::new(&mut signals);
    runner
        .run(&any::<u64>(), |seed| {
            let session = Session::random(seed);
            let (findings, desk) = run(&session);
            check_windows(&session, &findings, &desk);
            let mut found = found.borrow_mut();
            let mut crushed = 0;
            found[0] += check_pressure(&session, &findings, &mut crushed);
            found[2] += crushed;
            found[1] += check_spikes(&session, &findings);
            Ok(())
        })
        .unwrap();
    println!(
        "{signals:?} version 3 and version 1 signals compared, and of the first so many crushed"
    );
    let [pressure, spikes, crushed] = signals;
    assert!(pressure > 20 && spikes > 20 && crushed > 10, "{signals:?}");
}

/// One call, bought in eight windows one after the other, in two of four without a seller, so that
/// there is a trend, at prices that the function says.
fn bought(price: impl Fn(i64) -> i64) -> Session {
    let mut session = Session::listed(1, 5, &mut Random(7));
    let start = 20_523 * 1_440 * MINUTE;
    for trade in 0..8 * 40 {
        let window = trade / 40;
        let ts = start + window * 5 * MINUTE + trade % 40 * S;
        let is_sold = window % 4 < 2 && trade % 5 == 0;
        session.inputs.push(Input::Trade(Traded {
            ts,
            option: 4,
            price: Price(price(window as i64) * 1_000_000_000),
            size: 10,
            side: if is_sold { Side::Ask } else { Side::Bid },
        }));
    }
    session
}

fn last_pressure(findings: &[Finding]) -> (Action, Pressure) {
    let spoken = signals(findings).into_iter().rev();
    let mut of_pressure = spoken.filter_map(|it| match it.evidence {
        Evidence::Pressure(pressure) => Some((it.action, pressure)),
        Evidence::Spike { .. } => None,
    });
    of_pressure.next().unwrap()
}

#[test]
fn n10_a_signal_whose_volatility_has_crushed_is_only_watched() {
    let (calm, _) = run(&bought(|_| 400));
    let (action, pressure) = last_pressure(&calm);
    assert_eq!((pressure.crush, pressure.making), (0.0, 0.0));
    assert!(action > Action::Monitor, "{action:?}");
    // Half of what it cost at the money, so half of the volatility.
    let fallen = bought(|window| if window < 4 { 400 } else { 200 });
    let (crushed, _) = run(&fallen);
    let (action, pressure) = last_pressure(&crushed);
    assert_near(pressure.crush, 0.9);
    assert_near(pressure.making, 0.27);
    assert_eq!(action, Action::Monitor);
    // Three windows after the peak make it one, and two do not.
    let early = |windows: i64| {
        let (found, _) = run(&bought(
            move |window| if window < 8 - windows { 400 } else { 200 },
        ));
        last_pressure(&found).1.crush
    };
    assert_eq!(early(2), 0.0);
    assert_near(early(3), 0.9);
}

#[test]
fn s15_truncating_the_future_changes_nothing_said_before() {
    for seed in 0..6 {
        let session = Session::random(seed);
        let mut whole = session.desk();
        let mut said = Vec::new();
        let mut lengths = Vec::new();
        for input in &session.inputs {
            session.feed(&mut whole, input);
            said.extend(std::iter::from_fn(|| whole.next_finding()));
            lengths.push(said.len());
        }
        for cut in [1, session.inputs.len() / 3, session.inputs.len() - 1] {
            let mut part = session.desk();
            let mut said_of_part = Vec::new();
            for input in &session.inputs[..cut] {
                session.feed(&mut part, input);
                said_of_part.extend(std::iter::from_fn(|| part.next_finding()));
            }
            assert_eq!(said_of_part, said[..lengths[cut - 1]]);
        }
    }
}

#[test]
fn s16_order_of_options_at_one_instant_changes_no_window_and_no_pressure_signal() {
    let mut session = Session::random(3);
    session.snap_to_seconds();
    let (forward, _) = run(&session);
    // Turn around every run of trades of different options at one instant.
    let mut inputs = std::mem::take(&mut session.inputs);
    inputs
        .chunk_by_mut(|a, b| a.ts() == b.ts())
        .for_each(|run| {
            let options: BTreeSet<_> = run.iter().map(Input::option).collect();
            if options.len() == run.len() {
                run.reverse();
            }
        });
    assert!(
        session.inputs_differ(&inputs),
        "something was turned around"
    );
    session.inputs = inputs;
    let (backward, _) = run(&session);
    assert_eq!(windows(&forward), windows(&backward));
    let of_pressure = |findings: &[Finding]| -> Vec<_> {
        let signals = signals(findings).into_iter();
        let evidence = signals.filter_map(|it| match it.evidence {
            Evidence::Pressure(pressure) => Some((it.contract, it.ts, it.direction, pressure)),
            Evidence::Spike { .. } => None,
        });
        evidence.collect()
    };
    assert!(!of_pressure(&forward).is_empty());
    assert_eq!(of_pressure(&forward), of_pressure(&backward));
    let (again, _) = run(&session);
    assert_eq!(backward, again);
}

#[test]
fn one_late_event_of_another_instrument_closes_all_windows_of_an_instant() {
    let session = Session::quiet(400);
    let mut desk = session.desk();
    for input in &session.inputs {
        session.feed(&mut desk, input);
    }
    assert_eq!(desk.pending(), 0);
    // The underlying is quoted half an hour later, as often as the windows need to be taken.
    let mut findings = Vec::new();
    let start = session.inputs[0].ts();
    for place in 0..400 {
        session.feed(&mut desk, &Input::Quote(start + 30 * MINUTE + place));
        findings.extend((0..DRAIN).map_while(|_| desk.next_finding()));
    }
    assert_eq!(windows(&findings).len(), 3 * 400);
    desk.finish();
    assert_eq!(desk.next_finding(), None);
    assert_eq!(desk.counters().lost, 0);
}

#[test]
fn trades_without_time_price_or_size_are_counted_and_change_nothing() {
    let session = Session::quiet(1);
    let mut desk = session.desk();
    let Input::Trade(trade) = session.inputs[0] else {
        panic!("a quiet session begins with a trade");
    };
    let broken = [
        Traded { size: 0, ..trade },
        Traded {
            price: undertow_core::types::Price::UNDEFINED,
            ..trade
        },
        Traded { ts: 0, ..trade },
        Traded {
            ts: u64::MAX,
            ..trade
        },
        Traded {
            ts: u64::MAX - 1,
            ..trade
        },
    ];
    for trade in broken {
        session.feed(&mut desk, &Input::Trade(trade));
    }
    // An event an hour ahead of its own arrival.
    let mut update = session.update(&Input::Trade(Traded {
        ts: trade.ts + 60 * MINUTE,
        ..trade
    }));
    update.mbo.ts_recv = Nanos(trade.ts);
    desk.on_update(&update, Side::Bid);
    assert_eq!(desk.counters().unusable, 6);
    desk.finish();
    assert_eq!(desk.next_finding(), None);
}
