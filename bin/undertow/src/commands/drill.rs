//! `drill`: rehearses on this machine what must work when it counts.

use std::fmt::Write as _;

use anyhow::Result;
use serde_json::{Value, json};

use super::{print, print_json};
use crate::cli::{DrillKill, Global};
use crate::drill::{BAR_NS, Drill, Kill, Line};
use crate::exit::Exit;

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
    let mut text = format!("kill drill: {orders} live orders, {rounds} rounds, wall time in µs\n");
    let _ = writeln!(
        text,
        "{:<13} {:>11} {:>9} {:>16} {:>9}   cancels",
        "line", "halt said", "max", "cancels handed", "max"
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
            "{name:<13} {:>11} {:>9} {:>16} {:>9}   {} of {orders}, {} {settled}",
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
    let _ = writeln!(text, "a second kill sends {again} cancels more");
    let verdict = if is_met { "held" } else { "MISSED" };
    let _ = writeln!(text, "bar           {} µs: {verdict}", BAR_NS / 1_000);
    text
}
