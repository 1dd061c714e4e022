//! `bench flow`: the detectors against what was planted, over many simulated sessions.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use anyhow::{Context, Result};
use bumpalo::Bump;
use comfy_table::presets::{ASCII_MARKDOWN, NOTHING};
use comfy_table::{CellAlignment, Table};
use indicatif::{ProgressBar, ProgressStyle};
use latency_report::text::{counted, thousands};
use serde_json::{Value, json};
use time::Date;
use undertow_cold::baselines;
use undertow_core::book::Books;
use undertow_core::event::{Control, Stamp};
use undertow_core::stage::{Sink, Stage, turn};
use undertow_core::types::{BookKey, Text};
use undertow_feeds::replay::Replay;
use undertow_feeds::synthetic::{Plantings, SessionConfig, Truth, write_session};
use undertow_strategies::calendar::{Calendar, Venue};
use undertow_strategies::flow::FlowOutput;
use undertow_strategies::ifd::baseline::{self, Row};
use undertow_strategies::ifd::confidence::Profile;
use undertow_strategies::ifd::desk::{Finding, Window};

use super::{effective, print, print_json};
use crate::cli::{BenchFlow, Global};
use crate::config::Config;
use crate::exit::Exit;
use crate::outfile;
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
        ProgressBar::new(args.seeds + args.history)
    };
    bar.set_style(ProgressStyle::with_template(
        "{bar:40} {pos} of {len} sessions",
    )?);
    let sums = all(args, &config, &bar)?;
    bar.finish_and_clear();
    if let Some(path) = &args.markdown {
        outfile::write(path, markdown(args, &sums))?;
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
    /// In the order of [`Pattern::ALL`], with the profile that is configured.
    scores: [Score; 5],
    /// Of signals alone, with each profile in the order of [`Profile::ALL`].
    signals: [Score; 3],
    calm_hours: f64,
    hours: f64,
}

impl Sums {
    /// Every row of the table: patterns, and signals with each profile.
    fn named(&self) -> impl Iterator<Item = (String, &Score)> {
        let patterns = Pattern::ALL.into_iter().zip(&self.scores);
        let patterns = patterns.filter(|(pattern, _)| *pattern != Pattern::Signal);
        let patterns = patterns.map(|(pattern, score)| (pattern.name().to_owned(), score));
        let signals = Profile::ALL.into_iter().zip(&self.signals);
        let name = |profile: Profile| format!("{}, {}", Pattern::Signal.name(), profile.name);
        patterns.chain(signals.map(move |(profile, score)| (name(profile), score)))
    }
}

/// Plays the days before, with nothing planted, and then every seed against their history. Sums are
/// taken in the order of the seeds.
fn all(args: &BenchFlow, config: &Config, bar: &ProgressBar) -> Result<Sums> {
    let dates = days_before(args.history)?;
    let past = spread(args.history, |turn| {
        let back = usize::try_from(turn)?;
        let day = SessionConfig {
            // Seeds that no day under test has.
            seed: u64::MAX - turn,
            date: dates[back],
            messages: args.messages,
            plantings: Plantings::NONE,
            ..SessionConfig::demo()
        };
        let profile = config.ifd.profile.of();
        let rows = Session::of(&day)?.play(config, profile, baseline::Table::default())?;
        let rows = rows.rows()?;
        bar.inc(1);
        Ok(rows)
    })?;
    let rows: Vec<Row> = past.into_iter().flatten().collect();
    let played = spread(args.seeds, |turn| {
        let day = SessionConfig {
            seed: args.first_seed + turn,
            messages: args.messages,
            ..SessionConfig::demo()
        };
        let sums = scored(&day, config, &rows)?;
        bar.inc(1);
        Ok(sums)
    })?;
    let mut sums = Sums::default();
    for part in played {
        for (sum, score) in sums.scores.iter_mut().zip(&part.scores) {
            sum.add(score);
        }
        for (sum, score) in sums.signals.iter_mut().zip(&part.signals) {
            sum.add(score);
        }
        sums.calm_hours += part.calm_hours;
        sums.hours += part.hours;
    }
    Ok(sums)
}

/// One session, simulated once and played with each profile.
fn scored(day: &SessionConfig, config: &Config, rows: &[Row]) -> Result<Sums> {
    let session = Session::of(day)?;
    let mut sums = Sums {
        calm_hours: calm_hours(&session.truth),
        hours: f64::from(day.minutes) / 60.0,
        ..Sums::default()
    };
    for (profile, signals) in Profile::ALL.into_iter().zip(&mut sums.signals) {
        let table = table_of(rows, &profile)?;
        let heard = session.play(config, profile, table)?;
        let scores = score(&session.truth, &heard.detections);
        if profile == config.ifd.profile.of() {
            sums.scores = scores.clone();
        }
        let [.., signal] = scores;
        *signals = signal;
    }
    Ok(sums)
}

/// Weekdays before the day that is simulated, the latest first.
fn days_before(count: u64) -> Result<Vec<Date>> {
    let mut date = SessionConfig::demo().date;
    let mut dates = Vec::new();
    while (dates.len() as u64) < count {
        date = date
            .previous_day()
            .context("so many days before there are not")?;
        if date.weekday().number_days_from_monday() < 5 {
            dates.push(date);
        }
    }
    Ok(dates)
}

/// The history as it stands before the day that is simulated.
fn table_of(rows: &[Row], profile: &Profile) -> Result<baseline::Table> {
    let Some(last) = rows.iter().map(|row| row.day).max() else {
        return Ok(baseline::Table::default());
    };
    let days = baselines::lookback(&Calendar::built_in(), last.plus(1), profile.lookback)?;
    Ok(baseline::Table::new(rows.iter().copied(), &days))
}

/// Does `count` turns on all cores; the results are in the order of the turns.
fn spread<T: Send>(count: u64, work: impl Fn(u64) -> Result<T> + Sync) -> Result<Vec<T>> {
    let next = AtomicU64::new(0);
    let workers = thread::available_parallelism().map_or(1, usize::from);
    let mut done = thread::scope(|scope| {
        let turns = || {
            let mut done = Vec::new();
            loop {
                let turn = next.fetch_add(1, Ordering::Relaxed);
                if turn >= count {
                    return Ok(done);
                }
                done.push((turn, work(turn)?));
            }
        };
        let handles: Vec<_> = (0..workers).map(|_| scope.spawn(turns)).collect();
        let mut done = Vec::new();
        for handle in handles {
            let part: Result<Vec<_>> = handle
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            done.extend(part?);
        }
        anyhow::Ok(done)
    })?;
    done.sort_by_key(|(turn, _)| *turn);
    Ok(done.into_iter().map(|(_, result)| result).collect())
}

/// A session as a feed sends it, and what was planted in it.
struct Session {
    bytes: Vec<u8>,
    truth: Truth,
}

impl Session {
    fn of(day: &SessionConfig) -> Result<Self> {
        let mut session = Self {
            bytes: Vec::new(),
            truth: Truth::default(),
        };
        write_session(day, &mut session.bytes, &mut session.truth)?;
        Ok(session)
    }

    /// Plays it through books and flow.
    fn play(&self, config: &Config, profile: Profile, history: baseline::Table) -> Result<Heard> {
        let mut heard = Heard::new(profile);
        let limits = session::limits(config);
        let arena = Bump::new();
        let books = Books::new_in(&arena, &limits)?;
        let mut parameters = session::measured(config);
        parameters.ifd.profile = profile;
        let flow = session::flow_stage(parameters, &limits, history);
        let mut chain = books.then(flow);
        let mut feed = Replay::new([self.bytes.as_slice()]);
        while turn(&mut feed, &mut chain, &mut heard, 1 << 12) > 0 {}
        Ok(heard)
    }
}

/// What the chain said, as far as it is a detection.
#[derive(Debug)]
struct Heard {
    listener: Listener,
    detections: Vec<Detection>,
    windows: Vec<Window>,
    products: HashMap<BookKey, Text<11>>,
}

impl Heard {
    fn new(profile: Profile) -> Self {
        Self {
            listener: Listener::new(profile),
            detections: Vec::new(),
            windows: Vec::new(),
            products: HashMap::new(),
        }
    }

    /// What the day adds to the history.
    fn rows(&self) -> Result<Vec<Row>> {
        let Some(first) = self.windows.first() else {
            return Ok(Vec::new());
        };
        let day = Calendar::built_in().trading_day(Venue::Globex, first.start)?;
        Ok(baselines::rows_of(&self.windows, day, |key| {
            self.products.get(&key).copied()
        }))
    }
}

impl Sink<FlowOutput> for Heard {
    fn room(&mut self) -> usize {
        usize::MAX
    }

    fn data(&mut self, _stamp: Stamp, output: &FlowOutput) {
        self.listener.hear(output, &mut self.detections);
        if let FlowOutput::Finding(Finding::Window(window)) = output {
            self.windows.push(*window);
        }
    }

    fn control(&mut self, _stamp: Stamp, control: &Control) {
        if let Control::Definition(definition) = control {
            self.products.insert(definition.key, definition.asset);
        }
    }
}

fn title(args: &BenchFlow, sums: &Sums) -> String {
    format!(
        "{} after {} of history (seeds {} to {}, {:.0} hours, {:.1} of them calm), about {} each",
        counted(args.seeds, "simulated session"),
        counted(args.history, "day"),
        args.first_seed,
        args.first_seed + args.seeds - 1,
        sums.hours,
        sums.calm_hours,
        counted(args.messages, "message"),
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
    for (name, score) in sums.named() {
        table.add_row([
            name,
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
* Pressure is planted in the front future, where takers tell of it, and in options, where windows of five minutes do.
  A v3 signal is such a window that passes every gate of its profile, so its recall is of the options alone.
* The detectors were set on seeds 1 to 8; other seeds are ones that they have never seen.
* Delay is from the activity's first record to the first true detection. Intervals are 95 % (Wilson).
";

fn document(args: &BenchFlow, sums: &Sums) -> Value {
    let patterns = sums.named().map(|(name, score)| {
        json!({
            "pattern": name,
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
        "history": args.history,
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
