//! `drill`: rehearses on this machine what must work when it counts.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::Result;
use latency_report::render::{Format, render};
use latency_report::run::{Core, Floor, Pinning};
use latency_report::store;
use latency_report::text::counted;
use serde_json::{Value, json};
use undertow_feeds::synthetic::{SessionConfig, Truth, write_session};

use super::{effective, print, print_json};
use crate::affinity::{Cores, pin_current};
use crate::cli::{DrillKill, DrillOrder, Global};
use crate::clock::TileClock;
use crate::drill::kill::{BAR_NS, Drill, Kill, Line};
use crate::drill::order;
use crate::exit::{Code, Exit, Failure};
use crate::outfile;
use crate::pump::is_zstd;
use crate::session;

/// Kills among live orders, so many rounds. Exits with 1 if the bar is missed.
///
/// # Errors
/// The orders could not be made.
pub(super) fn kill(global: &Global, args: &DrillKill) -> Result<Exit> {
    let drill = Drill::new(args.orders)?;
    let rounds =
        |line| -> Result<Vec<Kill>> { (0..args.rounds).map(|_| drill.kill(line)).collect() };
    let lines = [
        ("connected", rounds(Line::Connected)?),
        ("disconnected", rounds(Line::Disconnected)?),
    ];
    let is_met = lines
        .iter()
        .all(|(_, kills)| kills.iter().all(|kill| is_met(kill, args.orders)));
    if global.json {
        let lines = lines.iter().map(|(name, kills)| (*name, figures(kills)));
        let mut document: Value = lines
            .map(|(name, figures)| (name.to_owned(), figures))
            .collect::<serde_json::Map<_, _>>()
            .into();
        document["orders"] = json!(args.orders);
        document["rounds"] = json!(args.rounds);
        document["bar_ns"] = json!(BAR_NS);
        document["is_met"] = json!(is_met);
        print_json(&document)?;
    } else {
        print(&told(args, &lines, is_met))?;
    }
    Ok(if is_met { Exit::Ok } else { Exit::Failure })
}

/// Orders at a pace, one run for each.
///
/// # Errors
/// A file that cannot be read, or in which no order can be made.
pub(super) fn order(global: &Global, args: &DrillOrder) -> Result<Exit> {
    let config = effective(global, Vec::new())?.config;
    let (what, bytes) = match &args.file {
        Some(file) => (file.display().to_string(), unpacked(file)?),
        None => ("a simulated session".to_owned(), simulated()?),
    };
    let drill = order::Drill::new(bytes)?;
    let cores = if config.cores.is_empty() {
        Cores::found().ids()
    } else {
        &config.cores
    };
    let core = cores.last().copied();
    let mut told = Vec::new();
    for pace in &args.pace {
        let ask = order::Ask {
            pace: *pace,
            records: usize::try_from(args.records)?,
            every: args.every,
            is_rehearsed: !args.unrehearsed,
        };
        let mut outcome = pinned(core, || drill.run(ask))?;
        outcome.run.what = format!("drill order, {what}");
        outcome.run.pace = Some(format!("{pace}x of {} records/s", drill.busiest()));
        let clock = TileClock::new();
        outcome.run.floor = Some(Floor::measure(|| clock.read()));
        outcome.run.environment = session::environment(place_of(core), &config);
        let place = Path::new(&config.report.dir).join(format!("drill-order-{pace}x"));
        outfile::directory(&place)?;
        store::save(&outcome.run, &place)?;
        if global.json {
            let text = render(&outcome.run, Format::Json, None)?;
            told.push(serde_json::from_str::<Value>(&text)?);
        } else {
            print(&told_order(&drill, &outcome, &place)?)?;
        }
    }
    if global.json {
        print_json(&Value::Array(told))?;
    }
    Ok(Exit::Ok)
}

/// The one tile, and where it ran.
fn place_of(core: Option<usize>) -> Vec<Core> {
    let core = core.and_then(|core| u32::try_from(core).ok());
    let tile = core.map(|id| Core {
        tile: "hot".to_owned(),
        id,
        pinning: Pinning::Verified,
    });
    tile.into_iter().collect()
}

fn told_order(drill: &order::Drill, outcome: &order::Outcome, place: &Path) -> Result<String> {
    let order::Outcome {
        run,
        records,
        orders,
        refused,
    } = outcome;
    let (instants, most) = drill.instants();
    Ok(format!(
        "{}  {}, {}, {refused} refused by risk\n  the busiest second: {} at {}, at most {most} at one, \
         where the last waits for all before it\n  kept in {}\n\n",
        render(run, Format::Table, None)?,
        counted(*records, "record"),
        counted(*orders, "order"),
        counted(drill.busiest() as u64, "record"),
        counted(instants as u64, "instant"),
        place.display()
    ))
}

/// Runs a drill on a thread of its own on this core, so that the caller's stays where it was.
fn pinned<T: Send>(core: Option<usize>, drill: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    let pinned = || {
        core.map_or(Ok(()), pin_current)?;
        drill()
    };
    let ended = std::thread::scope(|scope| scope.spawn(pinned).join());
    ended.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// A whole file in memory: reading is not part of the drill.
fn unpacked(file: &Path) -> Result<Vec<u8>> {
    let read = || -> Result<Vec<u8>> {
        let bytes = fs::read(file)?;
        Ok(match is_zstd(file)? {
            true => zstd::decode_all(bytes.as_slice())?,
            false => bytes,
        })
    };
    read().map_err(|error| {
        let next = "check the path and that the file may be read";
        Failure::new(Code::FEED_UNREADABLE, format!("{error:#}"), next)
            .at(file.display().to_string())
            .into()
    })
}

fn simulated() -> Result<Vec<u8>> {
    let session = SessionConfig {
        messages: 60_000,
        expiries: 0,
        minutes: 30,
        ..SessionConfig::demo()
    };
    let mut bytes = Vec::new();
    write_session(&session, &mut bytes, &mut Truth::default())?;
    Ok(bytes)
}

/// Whether a kill did all that it must, in time.
fn is_met(kill: &Kill, orders: u32) -> bool {
    kill.halted_ns < BAR_NS
        && kill.cancelled_ns < BAR_NS
        && kill.cancels == orders
        && kill.settled == orders
        && kill.cancels_again == 0
}

fn figures(kills: &[Kill]) -> Value {
    let of = |ns: fn(&Kill) -> u64| {
        let (median, most) = median_and_most(kills, ns);
        json!({ "median_ns": median, "max_ns": most })
    };
    let least = |count: fn(&Kill) -> u32| kills.iter().map(count).min();
    json!({
        "halt_said": of(|kill| kill.halted_ns),
        "cancels_handed_over": of(|kill| kill.cancelled_ns),
        "cancels": least(|kill| kill.cancels),
        "settled": least(|kill| kill.settled),
        "cancels_of_a_second_kill": kills.iter().map(|kill| kill.cancels_again).max(),
    })
}

fn median_and_most(kills: &[Kill], ns: fn(&Kill) -> u64) -> (u64, u64) {
    let mut times: Vec<_> = kills.iter().map(ns).collect();
    times.sort_unstable();
    let at = |at: usize| times.get(at).copied().unwrap_or(0);
    (at(times.len() / 2), at(times.len().saturating_sub(1)))
}

fn told(args: &DrillKill, lines: &[(&str, Vec<Kill>)], is_met: bool) -> String {
    let (orders, rounds) = (args.orders, args.rounds);
    let mut text = format!(
        "kill drill: {}, {}, wall time in µs\n",
        counted(orders, "live order"),
        counted(rounds, "round")
    );
    let _ = writeln!(
        text,
        "{:<13} {:>12} {:>9} {:>16} {:>9}   cancels",
        "line", "halt, median", "max", "cancels, median", "max"
    );
    let us = |ns: u64| format!("{:.1}", ns as f64 / 1e3);
    for (name, kills) in lines {
        let (halted, halted_most) = median_and_most(kills, |kill| kill.halted_ns);
        let (cancelled, cancelled_most) = median_and_most(kills, |kill| kill.cancelled_ns);
        let least = |count: fn(&Kill) -> u32| kills.iter().map(count).min().unwrap_or(0);
        let settled = if *name == "connected" {
            "confirmed by the venue"
        } else {
            "asked for, and unknown until the line is back"
        };
        let _ = writeln!(
            text,
            "{name:<13} {:>12} {:>9} {:>16} {:>9}   {} of {orders}, {} {settled}",
            us(halted),
            us(halted_most),
            us(cancelled),
            us(cancelled_most),
            least(|kill| kill.cancels),
            least(|kill| kill.settled),
        );
    }
    let again = lines.iter().flat_map(|(_, kills)| kills);
    let again = again.map(|kill| kill.cancels_again).max().unwrap_or(0);
    let _ = writeln!(
        text,
        "a second kill sends {} more",
        counted(again, "cancel")
    );
    let verdict = if is_met { "held" } else { "MISSED" };
    let _ = writeln!(text, "bar           {} µs: {verdict}", BAR_NS / 1_000);
    text
}
