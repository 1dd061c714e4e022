//! `explain`: why a signal or an order was what it was, from what its run kept.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::{Value, json};
use undertow_cold::explain::render;

use super::{effective, print, print_json};
use crate::cli::{Explain, Global};
use crate::exit::{Code, Exit, Failure};
use crate::session::EXPLANATIONS;

/// Signals that are named when another was asked for.
const KNOWN_MAX: usize = 5;

/// Everything that a run kept about one id.
///
/// # Errors
/// No run, no such id, or a file that cannot be read.
pub(super) fn explain(global: &Global, args: &Explain) -> Result<Exit> {
    let config = effective(global, Vec::new())?.config;
    let run = match &args.run {
        Some(run) => run.clone(),
        None => latest(Path::new(&config.report.dir))?,
    };
    let path = run.join(EXPLANATIONS);
    let file = File::open(&path).map_err(|error| {
        let next = "name the directory of a run that traded: undertow explain ID --run DIR";
        Failure::new(Code::FEED_UNREADABLE, error.to_string(), next).at(path.display().to_string())
    })?;
    let mut found = Vec::new();
    let mut known = Known::default();
    for (at, line) in BufReader::new(file).lines().enumerate() {
        let place = || format!("{}:{}", path.display(), at + 1);
        let line = line.with_context(place)?;
        let document: Value = serde_json::from_str(&line).with_context(place)?;
        if is_about(&document, &args.id) {
            found.push(document);
        } else {
            known.note(&document);
        }
    }
    if found.is_empty() {
        let cause = format!("nothing in {} is about `{}`", path.display(), args.id);
        return Err(Failure::new(Code::FEED_INSTRUMENT, cause, known.next_step()).into());
    }
    if global.json {
        return print_json(&json!({ "run": run.display().to_string(), "about": found }));
    }
    print(&render(&found))
}

/// What a run can explain.
#[derive(Default)]
struct Known {
    /// Each once, in the order in which they were found.
    signals: Vec<String>,
    orders: u64,
}

impl Known {
    fn note(&mut self, document: &Value) {
        if let Some(id) = document["id"].as_str()
            && !self.signals.iter().any(|known| known == id)
        {
            self.signals.push(id.to_owned());
        }
        self.orders = self.orders.max(document["order"].as_u64().unwrap_or(0));
    }

    fn next_step(&self) -> String {
        if self.signals.is_empty() {
            return "name another run with --run: this one found no signal".to_owned();
        }
        let shown = &self.signals[..self.signals.len().min(KNOWN_MAX)];
        let orders = match self.orders {
            0 => "no orders".to_owned(),
            1 => "order 1".to_owned(),
            last => format!("orders up to {last}"),
        };
        format!(
            "ask for one of its signals ({}) or {orders}",
            shown.join(", ")
        )
    }
}

/// A signal's id names the signal and its orders; an order's number the order and its reports.
fn is_about(document: &Value, id: &str) -> bool {
    let number: Option<u64> = id.parse().ok().filter(|_| id.len() < 16);
    match number {
        Some(number) => document["order"].as_u64() == Some(number),
        None => [
            &document["id"],
            &document["signal"],
            &document["fingerprint"],
        ]
        .iter()
        .any(|value| value.as_str() == Some(id)),
    }
}

/// The run that was written last.
fn latest(reports: &Path) -> Result<PathBuf> {
    let none = || {
        let next = "run `undertow` or `undertow backtest FILE` first, or name one with --run";
        let cause = format!("no run in {} has traded", reports.display());
        Failure::new(Code::FEED_UNREADABLE, cause, next)
    };
    let entries = std::fs::read_dir(reports).map_err(|_| none())?;
    let runs = entries.filter_map(|entry| {
        let place = entry.ok()?.path();
        let written = place.join(EXPLANATIONS).metadata().ok()?.modified().ok()?;
        Some((written, place))
    });
    let (_, place) = runs.max().ok_or_else(none)?;
    Ok(place)
}
