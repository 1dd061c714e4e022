//! `parity`: where two runs part, and why.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use undertow_cold::parity::compare;
use undertow_cold::provenance::{self, Provenance};

use super::{print, print_json};
use crate::cli::{Global, Parity};
use crate::exit::{Code, Exit, Failure};
use crate::session::EXPLANATIONS;

/// Compares the decisions of two runs. Exits with 1 if any differs.
///
/// # Errors
/// A directory that is not that of a run which traded, or a file that cannot be read.
pub(super) fn parity(global: &Global, args: &Parity) -> Result<Exit> {
    let (a, b) = (args.a.as_path(), args.b.as_path());
    let origins = [origin(a)?, origin(b)?];
    let origins = match &origins {
        [Some(a), Some(b)] => Some((a, b)),
        _ => None,
    };
    let parity = compare(documents(a)?, documents(b)?, origins)?;
    let (a, b) = (a.display().to_string(), b.display().to_string());
    if global.json {
        print_json(&json!({
            "a": a,
            "b": b,
            "is_equal": parity.is_equal(),
            "parity": parity,
        }))?;
    } else {
        print(&parity.render(&a, &b))?;
    }
    Ok(if parity.is_equal() {
        Exit::Ok
    } else {
        Exit::Failure
    })
}

/// The decisions of a run, in order.
fn documents(run: &Path) -> Result<impl Iterator<Item = Result<Value>>> {
    let path = run.join(EXPLANATIONS);
    let file = File::open(&path).map_err(|error| {
        let next = "name the directories of two runs that traded: undertow parity A B";
        Failure::new(Code::FEED_UNREADABLE, error.to_string(), next).at(path.display().to_string())
    })?;
    let lines = BufReader::new(file).lines().enumerate();
    Ok(lines.map(move |(at, line)| {
        let place = || format!("{}:{}", path.display(), at + 1);
        serde_json::from_str(&line.with_context(place)?).with_context(place)
    }))
}

/// Where a run comes from; none of a run that did not say.
fn origin(run: &Path) -> Result<Option<Provenance>> {
    let path = run.join(provenance::FILE);
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(|| path.display().to_string()),
    };
    serde_json::from_str(&text).with_context(|| path.display().to_string())
}
