//! The report as tables in plain text.

use std::cmp::Reverse;
use std::fmt::Write;

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table};

use super::gather::SIGNAL_MINUTES;
use super::words::{self, Grain};
use undertow_strategies::ifd::desk::Window;

use super::{FlowReport, FlowRow, Named};
use crate::listing::Listing;
use crate::summary::BookTrust;
use latency_report::text::thousands;

const HEADINGS: [&str; 16] = [
    "UTC", "ET", "last", "bid×ask", "vwap", "volume", "bought", "sold", "cvd", "ofi", "obi1",
    "obi5", "vpin", "toxicity", "hidden", "trades",
];

/// Rows of each listing that fit a screen.
const LISTED: usize = 12;

/// The tables: over time, then what was found.
#[must_use]
pub fn text(report: &FlowReport, listing: Listing) -> String {
    let mut text = format!(
        "{}  {}\n{}\n\n",
        report.name,
        BookTrust::words(report.trust),
        words::span(report)
    );
    over_time(&mut text, report);
    events(&mut text, report, listing);
    signals(&mut text, report, listing);
    windows(&mut text, report, listing);
    text
}

fn over_time(text: &mut String, report: &FlowReport) {
    let mut table = headed(&HEADINGS);
    let is_one_day = words::is_one_day(report);
    for row in &report.rows {
        table.add_row(cells(report, row, is_one_day));
    }
    let totals = &report.totals;
    let mut sums = [const { String::new() }; HEADINGS.len()];
    sums[0] = "total".to_owned();
    sums[5] = thousands(totals.volume());
    sums[6] = thousands(totals.bought);
    sums[7] = thousands(totals.sold);
    sums[15] = thousands(totals.trades);
    table.add_row(sums);
    lines(text, &mut table, 2);
    let warms = |row: &FlowRow| row.vpin.is_some_and(|vpin| vpin.is_warming);
    if report.rows.iter().any(warms) {
        text.push_str("~ VPIN is warming: fewer buckets than wanted, drawn to 0.5\n");
    }
    if totals.unsided > 0 {
        let unsided = thousands(totals.unsided);
        let _ = writeln!(
            text,
            "{unsided} of the volume has no side: an auction's, or unknown"
        );
    }
}

fn cells(report: &FlowReport, row: &FlowRow, is_one_day: bool) -> [String; HEADINGS.len()] {
    // A last interval that the input's end cut short ends at no round time.
    let is_cut = !row.end.0.is_multiple_of(report.every.0);
    let grain = Grain::of(report.every);
    let grain = if is_cut {
        grain.max(Grain::Second)
    } else {
        grain
    };
    let day = match is_one_day {
        true => String::new(),
        false => format!("{} ", words::utc_day(row.end)),
    };
    let traded = &row.traded;
    [
        format!("{day}{}", words::utc(row.end, grain)),
        words::eastern(row.end, grain),
        words::price(row.last),
        words::touch(row),
        words::average(row.vwap),
        thousands(traded.volume()),
        thousands(traded.bought),
        thousands(traded.sold),
        words::signed(row.cvd),
        row.ofi
            .map_or_else(|| words::ABSENT.to_owned(), words::signed),
        words::balance(row.obi_l1),
        words::balance(row.obi_l5),
        words::vpin(row.vpin),
        words::share(row.toxicity),
        words::share(row.hidden),
        thousands(traded.trades),
    ]
}

fn events(text: &mut String, report: &FlowReport, listing: Listing) {
    heading(text, "events", report.events.len());
    if report.events.is_empty() {
        return;
    }
    let mut table = headed(&["UTC", "ET", "what", "side", "price", "size", ""]);
    for event in greatest(&report.events, listing, |event| event.size) {
        table.add_row([
            utc(report, event.ts),
            words::eastern(event.ts, Grain::Milli),
            event.kind.name().to_owned(),
            words::side(event).to_owned(),
            words::prices(event),
            thousands(event.size),
            words::detail(event),
        ]);
    }
    align_right(&mut table, &[4, 5]);
    lines(text, &mut table, usize::MAX);
    let smaller = |more| format!("{more} smaller ones");
    text.push_str(&listing.rest(report.events.len(), LISTED, smaller));
}

fn signals(text: &mut String, report: &FlowReport, listing: Listing) {
    heading(text, "institutional flow", report.signals.len());
    if report.signals.is_empty() {
        return;
    }
    let mut table = headed(&[
        "UTC",
        "ET",
        "option",
        "by",
        "way",
        "level",
        "confidence",
        "do",
        "",
    ]);
    for signal in report.signals.iter().take(listing.most(LISTED)) {
        let of = &signal.of;
        let rejected = if of.is_rejected { " (rejected)" } else { "" };
        table.add_row([
            utc(report, of.ts),
            words::eastern(of.ts, Grain::Milli),
            signal.name.clone(),
            words::version(of.version).to_owned(),
            of.direction.name().to_owned(),
            of.level.name().to_owned(),
            format!("{:.2}", of.confidence),
            format!("{}{rejected}", of.action.name()),
            words::evidence(of),
        ]);
    }
    lines(text, &mut table, usize::MAX);
    let later = |more| format!("{more} later ones");
    text.push_str(&listing.rest(report.signals.len(), LISTED, later));
}

fn windows(text: &mut String, report: &FlowReport, listing: Listing) {
    if report.windows.is_empty() && !report.is_option() {
        return;
    }
    heading(text, "pressure windows", report.windows.len());
    if report.windows.is_empty() {
        return;
    }
    let mut table = headed(&[
        "UTC",
        "ET",
        "option",
        "minutes",
        "bought",
        "sold",
        "no side",
        "pressure",
        "confidence",
        "vwap",
    ]);
    let volume = |window: &Named<Window>| window.of.tally.volume();
    for window in greatest(&report.windows, listing, volume) {
        let (of, tally) = (&window.of, &window.of.tally);
        // Of the option itself all widths are there; one that signals come of is marked.
        let mark = if of.minutes == SIGNAL_MINUTES {
            ""
        } else {
            " "
        };
        table.add_row([
            utc_to(report, of.start, Grain::Minute),
            words::eastern(of.start, Grain::Minute),
            window.name.clone(),
            format!("{}{mark}", of.minutes),
            thousands(tally.buy),
            thousands(tally.sell),
            thousands(tally.unclassified),
            tally.dominance().name().to_owned(),
            format!("{:.2}", tally.confidence()),
            words::average(tally.vwap()),
        ]);
    }
    lines(text, &mut table, 3);
    let smaller = |more| format!("{more} of less volume");
    text.push_str(&listing.rest(report.windows.len(), LISTED, smaller));
}

/// As many as are listed, those of the greatest `size`, in their own order.
fn greatest<T>(all: &[T], listing: Listing, size: impl Fn(&T) -> u64) -> Vec<&T> {
    let mut places: Vec<usize> = (0..all.len()).collect();
    places.sort_by_key(|place| Reverse(size(&all[*place])));
    places.truncate(listing.most(LISTED));
    places.sort_unstable();
    places.into_iter().map(|place| &all[place]).collect()
}

fn utc(report: &FlowReport, t: undertow_core::types::Nanos) -> String {
    utc_to(report, t, Grain::Milli)
}

fn utc_to(report: &FlowReport, t: undertow_core::types::Nanos, grain: Grain) -> String {
    match words::is_one_day(report) {
        true => words::utc(t, grain),
        false => format!("{} {}", words::utc_day(t), words::utc(t, grain)),
    }
}

fn heading(text: &mut String, name: &str, count: usize) {
    let count = match count {
        0 => "none".to_owned(),
        _ => thousands(count as u64),
    };
    let _ = writeln!(text, "\n{name}: {count}");
}

fn headed(headings: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_preset(NOTHING).set_header(headings);
    table
}

fn align_right(table: &mut Table, columns: &[usize]) {
    for column in columns {
        if let Some(column) = table.column_mut(*column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
}

/// Writes a table, its columns from `right_from` on aligned to the right.
fn lines(text: &mut String, table: &mut Table, right_from: usize) {
    for column in table.column_iter_mut().skip(right_from) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    for line in table.lines() {
        let _ = writeln!(text, "{}", line.trim_end());
    }
}
