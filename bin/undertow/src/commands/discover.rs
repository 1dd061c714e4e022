//! `discover`: parameters found in recorded sessions, and why they are what they are.
//!
//! What is printed and written depends on the files alone; only how long it took goes to stderr.

mod found;
mod sample;

use std::fmt::Write as _;
use std::path::Path;
use std::time::Instant;

use anyhow::Result;
use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table};
use latency_report::text::{counted, thousands};
use serde_json::{Value, json};
use undertow_core::event::Body;
use undertow_strategies::discovery::{Basis, Correlations, LookbackMode, RegimeConfig, TRADES_MIN};

use super::records::Records;
use super::{print, print_json};
use crate::cli::{Discover, Global};
use crate::config::values;
use crate::exit::Exit;
use crate::outfile;
use found::{Found, Symbol};
use sample::Sample;

/// Reads the files, computes, tells and writes.
///
/// # Errors
/// A file that cannot be read, nothing traded in the hours asked for, a file that cannot be
/// written.
pub(super) fn discover(global: &Global, args: &Discover) -> Result<Exit> {
    let mut sample = Sample::new(args.hours);
    let mut records = Records::open(&args.files)?;
    while let Some(msg) = records.next() {
        if let Some(mbo) = msg.body.record() {
            sample.take(mbo)?;
        }
        if let Body::Control(control) = &msg.body {
            sample.registry.note(control);
        }
    }
    let started = Instant::now();
    let mode = match args.first_run {
        true => LookbackMode::FirstRun,
        false => LookbackMode::LastSignificant,
    };
    let found = Found::of(&sample, args.reference.as_deref(), mode);
    let (found, verdict) = records.judged(found)?;
    if !global.quiet {
        let micros = started.elapsed().as_micros();
        eprintln!("computed in {}.{:03} ms", micros / 1_000, micros % 1_000);
    }
    if global.json {
        print_json(&json(args, &sample, &found))?;
    } else {
        print(&text(args, &sample, &found))?;
    }
    // Half a session's parameters would be taken for those of a session.
    if let (Some(path), true) = (&args.out, verdict.is_whole()) {
        outfile::write(path, toml(args, &sample, &found))?;
        if !global.json {
            print(&format!(
                "\nwritten to {0}; {INCLUDE}: include = [\"{0}\"]\n",
                path.display()
            ))?;
        }
    }
    verdict.end()
}

const INCLUDE: &str = "to use it, write in undertow.toml";

fn text(args: &Discover, sample: &Sample, found: &Found) -> String {
    let mut text = headline(args, sample);
    text.push_str("\n\n");
    let mut table = Table::new();
    table.load_preset(NOTHING);
    table.set_header([
        "symbol",
        "trades",
        "volume",
        "bucket",
        "adv/50",
        "lookback",
        "regime",
        "volatility",
        "33 %",
        "67 %",
    ]);
    for symbol in &found.symbols {
        table.add_row(row(symbol));
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    for line in table.lines() {
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text.push('\n');
    for (name, why) in reasons(found) {
        let _ = writeln!(text, "{name:<12} {why}");
    }
    if let Ok(matrix) = &found.correlations {
        text.push('\n');
        text.push_str(&correlation_table(matrix));
    }
    text
}

fn row(symbol: &Symbol) -> Vec<String> {
    let percent = |fraction: f64| format!("{:.2} %", fraction * 100.0);
    let mut cells = vec![
        symbol.name.clone(),
        thousands(symbol.trades as u64),
        thousands(symbol.volume),
        symbol.bucket.volume.to_string(),
        symbol.adv50.map_or_else(|| "-".to_owned(), thousands),
        symbol.lookback.bars.to_string(),
    ];
    match &symbol.regime {
        Some(regime) if !regime.is_warming => {
            cells.push(regime.regime.name().to_owned());
            cells.extend([regime.current, regime.low, regime.high].map(percent));
        }
        // Too few returns: a volatility of those would be read as if it meant something.
        _ => cells.extend(["-"; 4].map(str::to_owned)),
    }
    cells
}

/// What was found for the reference, each with its reason.
fn reasons(found: &Found) -> Vec<(&'static str, String)> {
    let reference = found.reference();
    let lookback = &reference.lookback;
    let lags: Vec<String> = lookback.significant().map(|lag| lag.to_string()).collect();
    let lags = match lags.as_slice() {
        [] => "none".to_owned(),
        lags => lags.join(" "),
    };
    let mut reasons = vec![
        (
            "reference",
            format!("{}, {}", reference.name, found.why_reference()),
        ),
        (
            "vpin bucket",
            format!("{} = {}", reference.bucket.volume, why_bucket(reference)),
        ),
        (
            "lookback",
            format!(
                "{} = {} of the lags beyond ±{:.4} ({lags}) over {} of 5 s",
                counted(lookback.bars, "bar"),
                found.mode_name(),
                lookback.bound,
                counted(lookback.returns, "return"),
            ),
        ),
    ];
    let regime = match reference.regime.filter(|regime| !regime.is_warming) {
        None => format!(
            "NORMAL for fewer than {} returns of 5 s",
            RegimeConfig::default().returns_min
        ),
        Some(regime) => format!(
            "{} = {:.2} % a year now, against {:.2} % and {:.2} %, the 33rd and 67th percentile",
            regime.regime.name(),
            regime.current * 100.0,
            regime.low * 100.0,
            regime.high * 100.0,
        ),
    };
    reasons.push(("regime", regime));
    let mut correlations = match &found.correlations {
        Ok(matrix) => format!(
            "{} over {} between buckets of 5 s that all of them traded in",
            counted(matrix.symbols().len(), "symbol"),
            counted(matrix.returns(), "return"),
        ),
        Err(little) => format!("absent: {little}"),
    };
    if !found.left_out.is_empty() {
        let _ = write!(
            correlations,
            "; left out for too few: {}",
            found.left_out.join(" ")
        );
    }
    reasons.push(("correlations", correlations));
    reasons
}

fn why_bucket(symbol: &Symbol) -> String {
    match &symbol.bucket.basis {
        Basis::Centres(centres) => {
            let centres: Vec<String> = centres.iter().map(|c| format!("{c:.1}")).collect();
            let trades = counted(symbol.trades, "trade size");
            let centres = centres.join(" ");
            format!("middle of the centres {centres} of {trades}, within 50 to 500")
        }
        Basis::TooFewTrades => format!("the default, for fewer than {TRADES_MIN} trades"),
        Basis::Scaled => {
            format!("the reference's by volume per day, for fewer than {TRADES_MIN} trades")
        }
    }
}

fn correlation_table(matrix: &Correlations) -> String {
    let mut table = Table::new();
    table.load_preset(NOTHING);
    let header = [String::new()]
        .into_iter()
        .chain(matrix.symbols().iter().cloned());
    table.set_header(header);
    for a in matrix.symbols() {
        let cell = |b: &String| {
            let value = matrix.get(a, b);
            value.map_or_else(|| "-".to_owned(), |value| format!("{value:.3}"))
        };
        table.add_row(
            [a.clone()]
                .into_iter()
                .chain(matrix.symbols().iter().map(cell)),
        );
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let lines = table.lines().map(|line| line.trim_end().to_owned() + "\n");
    lines.collect()
}

fn headline(args: &Discover, sample: &Sample) -> String {
    let names = args.files.iter().map(|path| file_name(path));
    let days = sample.days();
    let sessions = match (days.first(), days.last()) {
        (Some(first), Some(last)) if first != last => {
            format!("{} sessions from {first} to {last}", days.len())
        }
        (Some(day), _) => format!("session of {day}"),
        _ => "no session".to_owned(),
    };
    format!(
        "{}: {} ({}), {} of {}, {} outside these hours",
        names.collect::<Vec<_>>().join(" "),
        sessions,
        args.hours.meaning(),
        counted(sample.trades(), "trade"),
        counted(sample.instruments(), "instrument"),
        thousands(sample.outside()),
    )
}

fn file_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str());
    name.to_string_lossy().into_owned()
}

fn json(args: &Discover, sample: &Sample, found: &Found) -> Value {
    let symbol = |symbol: &Symbol| {
        let centres = match &symbol.bucket.basis {
            Basis::Centres(centres) => json!(centres),
            _ => Value::Null,
        };
        let lookback = &symbol.lookback;
        json!({
            "symbol": symbol.name,
            "trades": symbol.trades,
            "volume": symbol.volume,
            "vpin_bucket": symbol.bucket.volume,
            "centres": centres,
            "why": why_bucket(symbol),
            "adv50": symbol.adv50,
            "lookback": {
                "bars": lookback.bars,
                "lag": lookback.lag,
                "returns": lookback.returns,
                "bound": lookback.bound,
                "significant": lookback.significant().collect::<Vec<_>>(),
                "autocorrelation": lookback.autocorrelation,
            },
            "regime": symbol.regime.map(|regime| json!({
                "regime": regime.regime.name(),
                "warming": regime.is_warming,
                "returns": regime.returns,
                "volatility": regime.current,
                "p33": regime.low,
                "p67": regime.high,
            })),
        })
    };
    json!({
        "files": args.files,
        "hours": args.hours.name(),
        "sessions": sample.days().iter().map(ToString::to_string).collect::<Vec<_>>(),
        "trades": sample.trades(),
        "outside": sample.outside(),
        "instruments": sample.instruments(),
        "reference": found.reference().name,
        "symbols": found.symbols.iter().map(symbol).collect::<Vec<_>>(),
        "correlations": found.correlations.as_ref().ok().map(correlations_json),
        "correlations_absent": found.correlations.as_ref().err().map(ToString::to_string),
        "left_out": found.left_out,
        "out": args.out,
    })
}

/// The matrix twice: by pair, and nested.
fn correlations_json(matrix: &Correlations) -> Value {
    let key = |(a, b, value): (&str, &str, Option<f64>)| (format!("{a}:{b}"), json!(value));
    let row = |a: &String| {
        let symbols = matrix.symbols().iter();
        let cells = symbols.map(|b| (b.clone(), json!(matrix.get(a, b))));
        (a.clone(), Value::Object(cells.collect()))
    };
    json!({
        "returns": matrix.returns(),
        "pairs": Value::Object(matrix.pairs().map(key).collect()),
        "matrix": Value::Object(matrix.symbols().iter().map(row).collect()),
    })
}

/// Who reads what, for whoever opens the file.
const READERS: &str = "\
#
# What reads these keys:
#   flow.vpin_bucket                  VPIN of every instrument without a bucket of its own
#   discovered.buckets                VPIN of these symbols
#   discovered.volatility_bounds_bps  the volatility regime of every instrument with measures
#   discovered.correlations           risk, for what is held together in runs that trade
#   discovered.as_of                  how old those are
#   discovered.lookback               nothing yet: it says how far returns remember, to be read by people
";

/// The same as a file that the configuration includes.
fn toml(args: &Discover, sample: &Sample, found: &Found) -> String {
    let reference = found.reference();
    let mut text = format!(
        "# Found by `undertow discover` in {}.\n# {INCLUDE}: include = [\"FILE\"]\n",
        headline(args, sample)
    );
    for (name, why) in reasons(found) {
        let _ = writeln!(text, "# {name}: {why}");
    }
    text.push_str(READERS);
    let list = |items: Vec<String>| {
        let items: Vec<toml::Value> = items.into_iter().map(toml::Value::String).collect();
        toml::Value::Array(items).to_string()
    };
    let buckets = found.symbols.iter();
    let buckets = buckets.map(|symbol| format!("{}={}", symbol.name, symbol.bucket.volume));
    let _ = write!(
        text,
        "\n[flow]\nvpin_bucket = {}\n\n[discovered]\nlookback = {}\nbuckets = {}\n",
        reference.bucket.volume,
        reference.lookback.bars,
        list(buckets.collect()),
    );
    if let Some(regime) = reference.regime.filter(|regime| !regime.is_warming) {
        let bps = |fraction: f64| (fraction * 10_000.0).round();
        let _ = writeln!(
            text,
            "volatility_bounds_bps = [{}, {}]",
            bps(regime.low),
            bps(regime.high)
        );
    }
    if let Ok(matrix) = &found.correlations {
        let pairs = matrix
            .pairs()
            .filter_map(|(a, b, r)| Some(format!("{a}:{b}={:.3}", r?)));
        let _ = writeln!(text, "correlations = {}", list(pairs.collect()));
    }
    let _ = writeln!(text, "as_of = \"{}\"", values::Moment(Some(sample.last())));
    text
}
