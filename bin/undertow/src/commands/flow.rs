//! `flow`: the flow of one instrument over time, straight from files.

use anyhow::Result;
use undertow_cold::flow_report::gather::{Gathering, Missing, Question};
use undertow_cold::flow_report::{json, page, text};
use undertow_core::types::{Flags, Nanos};

use super::records::Records;
use super::{effective, print, print_json};
use crate::cli::{self, Global};
use crate::exit::{Code, Exit, Failure};
use crate::memory::Arena;
use crate::outfile;
use crate::session;

/// Names told when an instrument is not found.
const NEAREST: usize = 3;

/// Prints the tables, and draws the page.
///
/// # Errors
/// A file that cannot be read or written, or an instrument that the files do not have.
pub(super) fn flow(global: &Global, args: &cli::Flow) -> Result<Exit> {
    let config = effective(global, Vec::new())?.config;
    let limits = session::limits(&config);
    let (arena, _) = Arena::new(limits.bytes(), false);
    let question = Question {
        instrument: args.instrument.clone(),
        every: args.every,
        parameters: session::measured(&config),
    };
    let mut records = Records::open(&args.files)?;
    let history = session::history(&config, records.first_day())?.pressure;
    let mut gathering = Gathering::new(arena.bump(), &limits, question, history)?;
    play(&mut records, &mut gathering, args)?;
    let answer = gathering.finish();
    let answer = answer.map_err(|missing| unanswered(args, missing));
    let (report, verdict) = records.judged(answer)?;
    if let Some(path) = &args.html {
        outfile::write(path, page::html(&report))?;
    }
    if global.json {
        print_json(&json::json(&report))?;
    } else {
        let mut told = text::text(&report, global.listing());
        if let Some(path) = &args.html {
            told.push_str(&format!("\ndrawn in {}\n", path.display()));
        }
        print(&told)?;
    }
    verdict.end()
}

/// Plays the files up to the last instant asked for.
fn play(
    records: &mut Records<'_>,
    gathering: &mut Gathering<'_>,
    args: &cli::Flow,
) -> Result<(), Failure> {
    let mut is_bound = false;
    while let Some(msg) = records.next() {
        if let Some(mbo) = msg.body.record()
            && !is_bound
            && !mbo.flags.has(Flags::SNAPSHOT)
            && mbo.ts_event.is_defined()
        {
            gathering.bound(bounds(args, mbo.ts_event)?);
            is_bound = true;
        }
        if !gathering.take(&msg.body) {
            return Ok(());
        }
    }
    Ok(())
}

/// The first instant shown and the first not shown any more, where times of day are of `day`.
fn bounds(args: &cli::Flow, day: Nanos) -> Result<[Nanos; 2], Failure> {
    let from = args.from.map_or(Nanos(0), |at| at.on_day_of(day));
    let to = args.to.map_or(Nanos::UNDEFINED, |at| at.on_day_of(day));
    if from < to {
        return Ok([from, to]);
    }
    let cause = "--from is not before --to, so nothing lies between them";
    let next = "a time of day is of the file's first day; give a date for another";
    Err(Failure::new(Code::USAGE, cause, next).at("--to"))
}

fn unanswered(args: &cli::Flow, missing: Missing) -> Failure {
    let wanted = &args.instrument;
    let (cause, next) = match missing {
        Missing::Unknown { books } if books.is_empty() => (
            format!("no instrument {wanted}: no book was built"),
            "give a file of market data; definitions alone have no flow".to_owned(),
        ),
        Missing::Unknown { books } => (
            format!("no instrument {wanted}"),
            format!(
                "did you mean {}? Books in the file: {}",
                nearest(wanted, &books).join(", "),
                books.len()
            ),
        ),
        Missing::NoBook => (
            format!("{wanted} is known, and nothing was heard of it within the time asked for"),
            "ask for a later --to, or name another instrument".to_owned(),
        ),
        Missing::Several(ids) => {
            let ids: Vec<_> = ids.iter().map(u32::to_string).collect();
            (
                format!("{wanted} names several instruments"),
                format!("give the id of one of them: {}", ids.join(", ")),
            )
        }
    };
    let files: Vec<_> = args
        .files
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    Failure::new(Code::FEED_INSTRUMENT, cause, next).at(files.join(", "))
}

/// The names that are written most alike, the nearest first.
fn nearest(wanted: &str, names: &[String]) -> Vec<String> {
    let wanted = wanted.to_ascii_uppercase();
    let mut names = names.to_vec();
    names.sort();
    names.dedup();
    names.sort_by_key(|name| strsim::damerau_levenshtein(name, &wanted));
    names.truncate(NEAREST);
    names
}
