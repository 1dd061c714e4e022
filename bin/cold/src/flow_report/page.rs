//! The report on one page that needs neither network nor script, for light and dark alike.

mod charts;

use std::fmt::Write;

use undertow_core::types::{Nanos, Side};

use self::charts::{MARKS_MAX, Panels, largest};
use super::words::{self, Grain};
use super::{FlowReport, FlowRow, Kind};
use crate::chart::escape;
use latency_report::text::{counted, thousands};

const STYLE: &str = include_str!("page/style.css");

/// Rows of a table at most; JSON has all.
const ROWS_MAX: usize = 1_500;

/// The page.
#[must_use]
pub fn html(report: &FlowReport) -> String {
    let name = escape(&report.name);
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n\
         <title>{name}: flow</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n"
    );
    let parts = [
        heading(report),
        cards(report),
        panels(report),
        events(report),
        signals(report),
        windows(report),
        rows(report),
    ];
    parts.iter().for_each(|part| page.push_str(part));
    page.push_str("</body>\n</html>\n");
    page
}

fn heading(report: &FlowReport) -> String {
    format!(
        "<header><h1>{}: flow</h1><p class=\"faint\">{}</p></header>\n",
        escape(&report.name),
        escape(&words::span(report))
    )
}

/// Class, figure, name, and what else there is to it.
type Card = (&'static str, String, &'static str, String);

/// The figures at the end, large.
fn cards(report: &FlowReport) -> String {
    let Some(last) = report.rows.last() else {
        return "<p>Nothing happened within the span.</p>\n".to_owned();
    };
    let totals = &report.totals;
    let cvd = match last.cvd {
        0 => "",
        ..0 => "sell",
        _ => "buy",
    };
    let sided = format!(
        "{} bought, {} sold",
        thousands(totals.bought),
        thousands(totals.sold)
    );
    let mut cards = vec![
        (
            "",
            words::price(last.last),
            "last price",
            // With spaces it can be broken where the card is narrower than both prices.
            words::touch(last).replace('×', " × "),
        ),
        ("", words::average(last.vwap), "session VWAP", String::new()),
        ("", thousands(totals.volume()), "volume", sided),
        (cvd, words::signed(last.cvd), "session CVD", String::new()),
    ];
    if report.is_measured() {
        cards.extend(measured(report, last));
    }
    let windows = counted(report.windows.len(), "pressure window");
    let signals = thousands(report.signals.len() as u64);
    cards.push(("", signals, "flow signals", windows));
    let mut html = String::from("<div class=\"cards\">\n");
    for (class, value, name, more) in cards {
        let _ = writeln!(
            html,
            "<div class=\"card {class}\"><small>{name}</small><b>{}</b><small>{}</small></div>",
            escape(&value),
            escape(&more)
        );
    }
    html.push_str("</div>\n");
    html
}

/// The cards of what only outrights have.
fn measured(report: &FlowReport, last: &FlowRow) -> [Card; 3] {
    let toxicity = last.toxicity.map_or("not known yet", words::toxicity);
    let vpin = match last.vpin {
        Some(vpin) if vpin.is_warming => "warming, drawn to 0.5",
        Some(_) => "by aggressor",
        None => "no bucket full",
    };
    let is_iceberg = |kind| matches!(kind, Kind::Iceberg { .. } | Kind::Slices { .. });
    let found = format!(
        "{}, {}, {}, {}",
        counted(report.count(|kind| kind == Kind::Block), "block"),
        counted(report.count(is_iceberg), "iceberg"),
        counted(report.count(|kind| kind == Kind::Hidden), "hidden fill"),
        counted(
            report.count(|kind| matches!(kind, Kind::Pressure { .. })),
            "pressure"
        ),
    );
    let sweeps = report.count(|kind| matches!(kind, Kind::Sweep { .. }));
    [
        ("", words::vpin(last.vpin), "VPIN", vpin.to_owned()),
        (
            "",
            words::share(last.toxicity),
            "toxicity",
            toxicity.to_owned(),
        ),
        ("", thousands(sweeps as u64), "sweeps", found),
    ]
}

fn panels(report: &FlowReport) -> String {
    let Some(panels) = Panels::of(report) else {
        return String::new();
    };
    let pressure = panels.pressure();
    let mut html = format!("<section>\n{LEGEND}");
    if let Some((columns, rows)) = panels.thinning() {
        let _ = writeln!(
            html,
            "<p class=\"faint\">{} drawn in {}</p>",
            counted(rows, "interval"),
            counted(columns, "column")
        );
    }
    if MARKS_MAX < report.events.len() {
        let count = thousands(report.events.len() as u64);
        let _ = writeln!(
            html,
            "<p class=\"faint\">the {MARKS_MAX} largest of {count} events</p>"
        );
    }
    // One window over all of them, so that they stay in step where a narrow screen shows a part.
    html.push_str("<div class=\"plot\">\n");
    html.push_str(&panels.price());
    html.push_str(&panels.volume());
    html.push_str(&panels.toxicity().unwrap_or_default());
    html.push_str(&panels.imbalance());
    html.push_str(&panels.order_flow(pressure.is_none()));
    html.push_str(&pressure.unwrap_or_default());
    html.push_str("</div></section>\n");
    html
}

const LEGEND: &str = "<p class=\"legend\">\
<span><svg viewBox=\"0 0 14 14\"><path class=\"last\" d=\"M0 9L5 5L9 8L14 4\"/></svg>last</span>\
<span><svg viewBox=\"0 0 14 14\"><path class=\"vwap\" d=\"M0 7H14\"/></svg>VWAP</span>\
<span><svg viewBox=\"0 0 14 14\"><path class=\"band\" d=\"M0 3H14V11H0Z\"/></svg>bid to ask</span>\
<span><svg viewBox=\"0 0 14 14\"><path class=\"range\" d=\"M7 1V13\"/></svg>high to low</span>\
<span><svg viewBox=\"0 0 14 14\"><path class=\"mark buy\" d=\"M7 2L12 12H2Z\"/></svg>sweep of \
buyers</span>\
<span><svg viewBox=\"0 0 14 14\"><path class=\"mark sell\" d=\"M7 12L12 2H2Z\"/></svg>of \
sellers</span>\
<span><svg viewBox=\"0 0 14 14\"><circle class=\"bubble buy\" cx=\"7\" cy=\"7\" r=\"5\"/></svg>\
block</span>\
<span><svg viewBox=\"0 0 14 14\"><path class=\"bubble buy\" d=\"M7 1L13 7L7 13L1 7Z\"/></svg>\
pressure</span>\
<span><svg viewBox=\"0 0 14 14\"><path class=\"hide\" d=\"M7 1L13 7L7 13L1 7Z\"/></svg>iceberg\
</span>\
<span><svg viewBox=\"0 0 14 14\"><circle class=\"ring\" cx=\"7\" cy=\"7\" r=\"5\"/></svg>hidden \
fill</span></p>\n";

fn events(report: &FlowReport) -> String {
    let listed = largest(&report.events);
    let rows: Vec<_> = listed
        .iter()
        .map(|event| {
            let class = match event.side {
                Side::Bid => "l buy",
                Side::Ask => "l sell",
                Side::None => "l",
            };
            vec![
                moment(report, event.ts),
                ("l", words::eastern(event.ts, Grain::Milli)),
                ("l", event.kind.name().to_owned()),
                (class, words::side(event).to_owned()),
                ("", words::prices(event)),
                ("", thousands(event.size)),
                ("l", words::detail(event)),
            ]
        })
        .collect();
    let header = ["UTC", "ET", "what", "side", "price", "size", "what it is"];
    section("Events", &table(&header, &[0, 1, 2, 3, 6], &rows))
}

fn signals(report: &FlowReport) -> String {
    let rows: Vec<_> = report
        .signals
        .iter()
        .map(|signal| {
            let of = &signal.of;
            let rejected = if of.is_rejected { ", rejected" } else { "" };
            let way = if of.direction.name() == "LONG" {
                "l buy"
            } else {
                "l sell"
            };
            vec![
                moment(report, of.ts),
                ("l", words::eastern(of.ts, Grain::Milli)),
                ("l", signal.name.clone()),
                ("l", words::version(of.version).to_owned()),
                (way, of.direction.name().to_owned()),
                ("l", of.level.name().to_owned()),
                ("", format!("{:.2}", of.confidence)),
                ("l", format!("{}{rejected}", of.action.name())),
                ("w", words::evidence(of)),
            ]
        })
        .collect();
    let header = [
        "UTC",
        "ET",
        "option",
        "by",
        "way",
        "level",
        "confidence",
        "do",
        "evidence",
    ];
    let body = table(&header, &[0, 1, 2, 3, 4, 5, 7, 8], &rows);
    section("Institutional flow", &body)
}

fn windows(report: &FlowReport) -> String {
    let shown = report.windows.iter().take(ROWS_MAX);
    let rows: Vec<_> = shown
        .map(|window| {
            let (of, tally) = (&window.of, &window.of.tally);
            let class = match tally.dominance().name() {
                "BUY" => "l buy",
                "SELL" => "l sell",
                _ => "l",
            };
            vec![
                (moment_to(report, of.start, Grain::Minute)),
                ("l", words::eastern(of.start, Grain::Minute)),
                ("l", window.name.clone()),
                ("", of.minutes.to_string()),
                ("", thousands(tally.buy)),
                ("", thousands(tally.sell)),
                ("", thousands(tally.unclassified)),
                (class, tally.dominance().name().to_owned()),
                ("", format!("{:.2}", tally.confidence())),
                ("", words::average(tally.vwap())),
            ]
        })
        .collect();
    let header = [
        "UTC",
        "ET",
        "option",
        "minutes",
        "bought",
        "sold",
        "no side",
        "pressure",
        "confidence",
        "VWAP",
    ];
    let body = table(&header, &[0, 1, 2, 7], &rows);
    folded("Pressure windows", report.windows.len(), &body)
}

fn rows(report: &FlowReport) -> String {
    let row = |row: &FlowRow| {
        let traded = &row.traded;
        let grain = Grain::of(report.every).max(Grain::Second);
        vec![
            moment_to(report, row.end, grain),
            ("l", words::eastern(row.end, grain)),
            ("", words::price(row.last)),
            ("", words::touch(row)),
            ("", words::average(row.vwap)),
            ("", thousands(traded.volume())),
            ("", thousands(traded.bought)),
            ("", thousands(traded.sold)),
            ("", words::signed(row.cvd)),
            (
                "",
                row.ofi
                    .map_or_else(|| words::ABSENT.to_owned(), words::signed),
            ),
            ("", words::balance(row.obi_l1)),
            ("", words::balance(row.obi_l5)),
            ("", words::vpin(row.vpin)),
            ("", words::share(row.toxicity)),
            ("", words::share(row.hidden)),
        ]
    };
    let rows: Vec<_> = report.rows.iter().take(ROWS_MAX).map(row).collect();
    let header = [
        "UTC", "ET", "last", "bid×ask", "VWAP", "volume", "bought", "sold", "CVD", "OFI", "OBI 1",
        "OBI 5", "VPIN", "toxicity", "hidden",
    ];
    folded(
        "Over time",
        report.rows.len(),
        &table(&header, &[0, 1], &rows),
    )
}

fn moment(report: &FlowReport, t: Nanos) -> (&'static str, String) {
    moment_to(report, t, Grain::Milli)
}

fn moment_to(report: &FlowReport, t: Nanos, grain: Grain) -> (&'static str, String) {
    match words::is_one_day(report) {
        true => ("l", words::utc(t, grain)),
        false => (
            "l",
            format!("{} {}", words::utc_day(t), words::utc(t, grain)),
        ),
    }
}

fn section(title: &str, body: &str) -> String {
    format!("<section><h2>{title}</h2>{body}</section>\n")
}

/// A section that is opened by a click; nothing if it has no rows.
fn folded(title: &str, count: usize, body: &str) -> String {
    if count == 0 {
        return String::new();
    }
    let cut = match count > ROWS_MAX {
        true => format!(", the first {}", thousands(ROWS_MAX as u64)),
        false => String::new(),
    };
    let count = thousands(count as u64);
    format!(
        "<section><details><summary>{title} ({count}{cut})</summary>{body}</details></section>\n"
    )
}

/// A table of cells with their classes; `left` are the columns whose names stand on the left.
fn table(header: &[&str], left: &[usize], rows: &[Vec<(&str, String)>]) -> String {
    if rows.is_empty() {
        return "<p class=\"faint\">none</p>".to_owned();
    }
    let mut text = String::from("<div class=\"scroll\"><table><tr>");
    for (place, name) in header.iter().enumerate() {
        let class = if left.contains(&place) {
            " class=\"l\""
        } else {
            ""
        };
        let _ = write!(text, "<th{class}>{}</th>", escape(name));
    }
    text.push_str("</tr>\n");
    for row in rows {
        text.push_str("<tr>");
        for (class, cell) in row {
            let class = match class.is_empty() {
                true => String::new(),
                false => format!(" class=\"{class}\""),
            };
            let _ = write!(text, "<td{class}>{}</td>", escape(cell));
        }
        text.push_str("</tr>\n");
    }
    text.push_str("</table></div>");
    text
}
