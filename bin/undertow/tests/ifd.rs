//! Institutional flow in synthetic sessions: whether what was planted in options is found, and
//! whether the rest stays quiet.
//!
//! Twenty days with nothing planted are the history; the days under test have other seeds. A
//! planted stretch counts as found when a version 3 signal of its contract says its direction
//! about it; a signal counts as right when it says so of a stretch. The figures are printed.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::collections::HashMap;

use bumpalo::Bump;
use undertow_cold::baselines::{lookback, rows_of};
use undertow_core::book::{BookLimits, Books};
use undertow_core::event::{Body, Control};
use undertow_core::types::{Action, BookKey, Side, Text};
use undertow_feeds::replay::Replay;
use undertow_feeds::synthetic::{
    Activity, Planted, Plantings, SessionConfig, Truth, write_session,
};
use undertow_strategies::calendar::{Calendar, Day};
use undertow_strategies::flow::side::SideRule;
use undertow_strategies::ifd::Direction;
use undertow_strategies::ifd::baseline::{Row, Table};
use undertow_strategies::ifd::confidence::Profile;
use undertow_strategies::ifd::desk::{
    Counters, DRAIN, Desk, Evidence, Finding, Limits, Pressure, Settings, Signal, Version, Widths,
    Window,
};
use undertow_strategies::options::Right;

const MINUTE_NS: u64 = 60_000_000_000;
/// From the start of a window to its signal, ns.
const DELAY_NS: u64 = 5 * MINUTE_NS + MINUTE_NS / 2;

/// Two hours, 80 options.
fn session(seed: u64, days_back: usize, plantings: Plantings) -> SessionConfig {
    let mut config = SessionConfig {
        seed,
        minutes: 120,
        messages: 150_000,
        expiries: 2,
        strikes: 20,
        plantings,
        ..SessionConfig::demo()
    };
    let mut left = days_back;
    while left > 0 {
        config.date = config.date.previous_day().unwrap();
        left -= usize::from(config.date.weekday().number_days_from_monday() < 5);
    }
    config
}

/// What a session came to.
struct Outcome {
    windows: Vec<Window>,
    signals: Vec<Signal>,
    products: HashMap<BookKey, Text<11>>,
    counters: Counters,
    planted: Vec<Planted>,
}

impl Outcome {
    fn rows(&self) -> Vec<Row> {
        let day = Day::eastern(self.windows.first().unwrap().start);
        rows_of(&self.windows, day, |key| self.products.get(&key).copied())
    }
}

/// Runs a session through books and desk, as a stage would.
fn run(config: &SessionConfig, profile: Profile, table: Table) -> Outcome {
    let mut bytes = Vec::new();
    let mut truth = Truth::default();
    write_session(config, &mut bytes, &mut truth).unwrap();
    let limits = BookLimits::default();
    let arena = Bump::new();
    let mut books = Books::new_in(&arena, &limits).unwrap();
    let mut desk = Desk::new(
        &Limits {
            books_max: limits.instruments_max as usize,
            options_max: 1_024,
            underlyings_max: 16,
            quoted_max: 1_024,
        },
        &Settings {
            profile,
            widths: Widths::STANDARD,
        },
        table,
    );
    let mut rules: HashMap<u32, SideRule> = HashMap::new();
    let mut outcome = Outcome {
        windows: Vec::new(),
        signals: Vec::new(),
        products: HashMap::new(),
        counters: Counters::default(),
        planted: truth.planted,
    };
    let mut feed = Replay::new([&bytes[..]]);
    while let Some(msg) = feed.pop() {
        match msg.body {
            Body::Control(Control::End) => break,
            Body::Control(control) => {
                if let Control::Definition(it) = &control {
                    outcome.products.insert(it.key, it.asset);
                }
                books.control(&control);
                desk.on_control(&control);
            }
            Body::Data(mbo) => {
                let Some(update) = books.apply(&mbo) else {
                    continue;
                };
                let mut side = Side::None;
                if update.mbo.action == Action::Trade && update.mbo.price.is_defined() {
                    let rule = rules.entry(update.book_idx).or_default();
                    (side, _) = rule.classify(update.mbo.price, update.mbo.side, &update.touch);
                }
                desk.on_update(update, side);
            }
        }
        (0..DRAIN)
            .map_while(|_| desk.next_finding())
            .for_each(|finding| outcome.note(finding));
    }
    desk.finish();
    while let Some(finding) = desk.next_finding() {
        outcome.note(finding);
    }
    outcome.counters = desk.counters();
    outcome
}

impl Outcome {
    fn note(&mut self, finding: Finding) {
        match finding {
            Finding::Window(window) => self.windows.push(window),
            Finding::Signal(signal) => self.signals.push(signal),
            Finding::Resolution(_) => {}
        }
    }

    fn pressure_signals(&self) -> impl Iterator<Item = (&Signal, &Pressure)> {
        self.signals
            .iter()
            .filter_map(|signal| match &signal.evidence {
                Evidence::Pressure(pressure) => Some((signal, pressure)),
                Evidence::Spike { .. } => None,
            })
    }
}

/// One-sided flow that was planted in an option, and where it points.
struct Stretch<'a> {
    planted: &'a Planted,
    direction: Direction,
}

fn stretches<'a>(outcome: &'a Outcome) -> Vec<Stretch<'a>> {
    let is_pressure = |it: &&Planted| matches!(it.activity, Activity::Pressure { .. });
    let planted = outcome.planted.iter().filter(is_pressure);
    let option = |planted: &'a Planted| {
        let windows = outcome.windows.iter();
        let mut own = windows.filter(|it| it.contract.key.instrument_id.0 == planted.instrument_id);
        let right = own.next()?.contract.right;
        let direction = if (right == Right::Call) == (planted.side == 'B') {
            Direction::Long
        } else {
            Direction::Short
        };
        Some(Stretch { planted, direction })
    };
    planted.filter_map(option).collect()
}

impl Stretch<'_> {
    /// Whether a signal says of this stretch what was planted: same contract and direction, and
    /// the window overlaps it.
    fn is_told_by(&self, signal: &Signal, pressure: &Pressure) -> bool {
        signal.contract.key.instrument_id.0 == self.planted.instrument_id
            && signal.direction == self.direction
            && pressure.start.0 < self.planted.ts_end
            && self.planted.ts_start < pressure.start.0 + 5 * MINUTE_NS
    }
}

#[derive(Debug, Default)]
struct Score {
    planted: usize,
    found: usize,
    signals: usize,
    right: usize,
    in_calm: usize,
    spikes: usize,
    /// From the first planted trade to the first signal, summed, ns.
    delay: u64,
}

impl Score {
    fn add(&mut self, outcome: &Outcome) {
        let stretches = stretches(outcome);
        let calms = outcome.planted.iter();
        let calms: Vec<_> = calms
            .filter(|it| matches!(it.activity, Activity::Calm { .. }))
            .map(|it| it.ts_start..it.ts_end)
            .collect();
        for stretch in &stretches {
            let mut told = outcome.pressure_signals();
            let first = told.find(|(signal, pressure)| stretch.is_told_by(signal, pressure));
            self.planted += 1;
            if let Some((signal, _)) = first {
                self.found += 1;
                self.delay += signal.ts.0 - stretch.planted.ts_start;
            }
        }
        for (signal, pressure) in outcome.pressure_signals() {
            self.signals += 1;
            let mut about = stretches.iter();
            self.right += usize::from(about.any(|it| it.is_told_by(signal, pressure)));
            let is_calm = calms.iter().any(|it| {
                it.contains(&pressure.start.0) && it.contains(&(pressure.start.0 + DELAY_NS))
            });
            self.in_calm += usize::from(is_calm);
        }
        let spikes = outcome
            .signals
            .iter()
            .filter(|it| it.version == Version::V1);
        self.spikes += spikes.count();
    }

    fn precision(&self) -> f64 {
        self.right as f64 / self.signals.max(1) as f64
    }

    fn recall(&self) -> f64 {
        self.found as f64 / self.planted.max(1) as f64
    }
}

#[test]
fn planted_one_sided_option_flow_is_found_and_calm_stays_quiet() {
    let history: Vec<Row> = (1..=20)
        .flat_map(|back| {
            let config = session(1_000 + back as u64, back, Plantings::NONE);
            run(&config, Profile::PRODUCTION, Table::default()).rows()
        })
        .collect();
    let calendar = Calendar::built_in();
    let last = history.iter().map(|row| row.day).max().unwrap();
    let plantings = Plantings {
        blocks: 2,
        pressures: 5,
        calms: 2,
        ..Plantings::NONE
    };
    for profile in Profile::ALL {
        let today = last.plus(1);
        let days = lookback(&calendar, today, profile.lookback).unwrap();
        let mut score = Score::default();
        for seed in 0..8 {
            let table = Table::new(history.iter().copied(), &days);
            let outcome = run(&session(seed, 0, plantings), profile, table);
            assert_eq!(outcome.counters.lost, 0);
            assert_eq!(outcome.counters.unwatched, 0);
            score.add(&outcome);
        }
        println!(
            "{}: {} of {} planted stretches found (recall {:.2}), {} of {} signals right \
             (precision {:.2}), {} in calm, {} spikes, mean delay {:.1} min",
            profile.name,
            score.found,
            score.planted,
            score.recall(),
            score.right,
            score.signals,
            score.precision(),
            score.in_calm,
            score.spikes,
            score.delay as f64 / MINUTE_NS as f64 / score.found.max(1) as f64,
        );
        let recall_min = if profile == Profile::OPTIMISED {
            0.5
        } else {
            0.1
        };
        assert!(score.recall() >= recall_min, "{score:?}");
        assert!(score.precision() >= 0.9, "{score:?}");
        assert_eq!(score.in_calm, 0, "{score:?}");
    }
}
