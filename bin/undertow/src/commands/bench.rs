//! `bench flow`: the detectors against what was planted, over many simulated sessions.

use std::fmt::Write as _;
use std::fs;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use anyhow::{Context, Result};
use bumpalo::Bump;
use comfy_table::presets::{ASCII_MARKDOWN, NOTHING};
use comfy_table::{CellAlignment, Table};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use undertow_cold::summary::thousands;
use undertow_core::book::Books;
use undertow_core::event::{Control, Stamp};
use undertow_core::stage::{Sink, Stage, turn};
use undertow_feeds::replay::Replay;
use undertow_feeds::synthetic::{SessionConfig, Truth, write_session};
use undertow_strategies::flow::{Flow, FlowOutput};
use undertow_strategies::ifd::baseline::Table;

use super::{effective, print, print_json};
use crate::cli::{BenchFlow, Global};
use crate::config::Config;
use crate::exit::Exit;
use crate::scoring::{Detection, Listener, Pattern, Score, calm_hours, score};
use crate::session;

/// Scores the detectors and prints the table.
///
/// # Errors
/// Configuration that is wrong, or a file that cannot be written.
pub(super) fn flow(global: &Global, args: &BenchFlow) -> Result<Exit> {
    let config = effective(global, Vec::new())?.config;
    let bar = if global.quiet {
        ProgressBar::hidden()
    } else {
        ProgressBar::new(args.seeds)
    };
    bar.set_style(ProgressStyle::with_template(
        "{bar:40} {pos} of {len} sessions",
    )?);
    let sums = all(args, &config, &bar)?;
    bar.finish_and_clear();
    if let Some(path) = &args.markdown {
        fs::write(path, markdown(args, &sums))
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    if global.json {
        return print_json(&document(args, &sums));
    }
    let table = table(&sums, NOTHING);
    print(&format!("{}\n\n{table}\n", title(args, &sums)))
}

/// What came of all sessions.
#[derive(Debug, Default)]
struct Sums {
    scores: [Score; 4],
    calm_hours: f64,
    hours: f64,
}

/// Plays every seed, each on whatever core is free; sums are taken in the order of the seeds.
fn all(args: &BenchFlow, config: &Config, bar: &ProgressBar) -> Result<Sums> {
    let next = AtomicU64::new(0);
    let workers = thread::available_parallelism().map_or(1, usize::from);
    let mut played = thread::scope(|scope| {
        let work = || {
            let mut played = Vec::new();
            loop {
                let turn = next.fetch_add(1, Ordering::Relaxed);
                if turn >= args.seeds {
                    return Ok(played);
                }
                played.push((turn, session(args, args.first_seed + turn, config)?));
                bar.inc(1);
            }
        };
        let handles: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        let mut played = Vec::new();
        for handle in handles {
            let part: Result<Vec<_>> = handle.join().unwrap_or_else(|panic| {
                std::panic::resume_unwind(panic);
            });
            played.extend(part?);
        }
        anyhow::Ok(played)
    })?;
    played.sort_by_key(|(turn, _)| *turn);
    let mut sums = Sums::default();
    for (_, part) in played {
        for (sum, score) in sums.scores.iter_mut().zip(&part.scores) {
            sum.add(score);
        }
        sums.calm_hours += part.calm_hours;
        sums.hours += part.hours;
    }
    Ok(sums)
}

/// One session: simulated, played through books and flow, scored.
fn session(args: &BenchFlow, seed: u64, config: &Config) -> Result<Sums> {
    let day = SessionConfig {
        seed,
        messages: args.messages,
        ..SessionConfig::demo()
    };
    let mut bytes = Vec::new();
    let mut truth = Truth::default();
    write_session(&day, &mut bytes, &mut truth)?;
    let arena = Bump::new();
    let limits = session::limits(config);
    let books = Books::new_in(&arena, &limits)?;
    let flow = Flow::with(
        limits.instruments_max as usize,
        session::measured(config),
        Table::default(),
    );
    let mut chain = books.then(flow);
    let mut feed = Replay::new([bytes.as_slice()]);
    let mut heard = Heard::default();
    while turn(&mut feed, &mut chain, &mut heard, 1 << 12) > 0 {}
    Ok(Sums {
        scores: score(&truth, &heard.detections),
        calm_hours: calm_hours(&truth),
        hours: f64::from(day.minutes) / 60.0,
    })
}

/// What the chain said, as far as it is a detection.
#[derive(Debug, Default)]
struct Heard {
    listener: Listener,
    detections: Vec<Detection>,
}

impl Sink<FlowOutput> for Heard {
    fn room(&mut self) -> usize {
        usize::MAX
    }

    fn data(&mut self, _stamp: Stamp, output: &FlowOutput) {
        self.listener.hear(output, &mut self.detections);
    }

    fn control(&mut self, _stamp: Stamp, _control: &Control) {}
}

fn title(args: &BenchFlow, sums: &Sums) -> String {
    format!(
        "{} simulated sessions (seeds {} to {}, {:.0} hours, {:.1} of them calm), about {} messages each",
        args.seeds,
        args.first_seed,
        args.first_seed + args.seeds - 1,
        sums.hours,
        sums.calm_hours,
        thousands(args.messages),
    )
}

const HEADINGS: [&str; 10] = [
    "pattern",
    "planted",
    "found",
    "recall",
    "told",
    "true",
    "precision",
    "delay p50",
    "delay p90",
    "false/h in calm",
];

fn table(sums: &Sums, preset: &str) -> String {
    let mut table = Table::new();
    table.load_preset(preset).set_header(HEADINGS);
    for (pattern, score) in Pattern::ALL.into_iter().zip(&sums.scores) {
        table.add_row([
            pattern.name().to_owned(),
            thousands(score.planted),
            thousands(score.found),
            percent(score.recall(), score.planted),
            thousands(score.detections),
            thousands(score.true_detections),
            percent(score.precision(), score.detections),
            delay(score.delay_ns(0.5)),
            delay(score.delay_ns(0.9)),
            format!(
                "{:.1}",
                score.false_in_calm as f64 / sums.calm_hours.max(1e-9)
            ),
        ]);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
        .lines()
        .map(|line| format!("{}\n", line.trim_end()))
        .collect()
}

/// A share with its 95 % interval after Wilson, which holds near 0 and 1 and for few cases.
fn percent(share: Option<f64>, of: u64) -> String {
    let Some(share) = share else {
        return "-".to_owned();
    };
    let [low, high] = wilson(share, of as f64);
    format!(
        "{:.1} % ({:.0}-{:.0})",
        100.0 * share,
        100.0 * low,
        100.0 * high
    )
}

fn wilson(share: f64, of: f64) -> [f64; 2] {
    const Z: f64 = 1.959_964;
    let centre = share + Z * Z / (2.0 * of);
    let reach = Z * (share * (1.0 - share) / of + Z * Z / (4.0 * of * of)).sqrt();
    [centre - reach, centre + reach].map(|bound| (bound / (1.0 + Z * Z / of)).clamp(0.0, 1.0))
}

fn delay(ns: Option<u64>) -> String {
    match ns {
        None => "-".to_owned(),
        Some(ns) if ns < 1_000_000 => format!("{} us", ns / 1_000),
        Some(ns) if ns < 1_000_000_000 => format!("{} ms", ns / 1_000_000),
        Some(ns) => format!("{:.1} s", ns as f64 / 1e9),
    }
}

fn markdown(args: &BenchFlow, sums: &Sums) -> String {
    let mut text = String::from("# What the detectors see of what is planted\n\n");
    let _ = writeln!(
        text,
        "{}. Written by `undertow bench flow --seeds {} --first-seed {} --markdown FILE`; one seed is one\n\
         session, so the figures are the same on every machine.\n",
        title(args, sums),
        args.seeds,
        args.first_seed,
    );
    text.push_str(&table(sums, ASCII_MARKDOWN));
    text.push_str(NOTES);
    text
}

const NOTES: &str = "
* A detection is true if it names the instrument and side of an activity of its pattern while that goes on, or shortly
  after it (sweep and block 1 s, iceberg 5 s, pressure 5.5 min). Several true ones may tell of one activity.
* What the simulated crowd does by itself may look like a pattern and counts as false.
* Delay is from the activity's first record to the first true detection. Intervals are 95 % (Wilson).
";

fn document(args: &BenchFlow, sums: &Sums) -> Value {
    let patterns = Pattern::ALL.into_iter().zip(&sums.scores);
    let patterns = patterns.map(|(pattern, score)| {
        json!({
            "pattern": pattern.name(),
            "planted": score.planted,
            "found": score.found,
            "recall": score.recall(),
            "detections": score.detections,
            "true_detections": score.true_detections,
            "precision": score.precision(),
            "delay_p50_ns": score.delay_ns(0.5),
            "delay_p90_ns": score.delay_ns(0.9),
            "false_in_calm": score.false_in_calm,
        })
    });
    json!({
        "first_seed": args.first_seed,
        "seeds": args.seeds,
        "messages": args.messages,
        "hours": sums.hours,
        "calm_hours": sums.calm_hours,
        "patterns": patterns.collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wilson_interval_is_the_published_one() {
        // 8 of 10: 0.4902 to 0.9433 (Newcombe 1998, method 3).
        let [low, high] = wilson(0.8, 10.0);
        assert!(
            (low - 0.4902).abs() < 5e-4 && (high - 0.9433).abs() < 5e-4,
            "{low} {high}"
        );
        assert!(wilson(0.0, 5.0)[0].abs() < 1e-12);
    }
}
