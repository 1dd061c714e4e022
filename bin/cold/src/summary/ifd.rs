//! What the options desk found in a run: pressure by expiry, and the signals.

use std::fmt::Write;

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table};
use serde::Serialize;

use super::{heading, moment};
use crate::listing::Listing;
use latency_report::text::{counted, thousands};

/// Most signals that the text lists.
const SIGNALS_LISTED_MAX: usize = 10;

/// What the desk found.
#[derive(Clone, Debug, Default, Serialize)]
pub struct IfdFigures {
    /// Thresholds in force.
    pub profile: String,
    /// Places with a history of days before.
    pub baselines: usize,
    /// By expiry, the nearest first.
    pub expiries: Vec<Expiry>,
    /// Signals, in the order in which they were found.
    pub signals: Vec<SignalLine>,
    /// Decisions between the two detectors.
    pub resolutions: u64,
}

/// One expiry's options, both rights together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Expiry {
    /// Last day of trading.
    pub expiry: String,
    /// Closed windows of five minutes that traded.
    pub windows: u64,
    /// Of these, dominated by buyers.
    pub bought_windows: u64,
    /// Of these, dominated by sellers.
    pub sold_windows: u64,
    /// Contracts bought and sold of calls, then of puts, and those whose side nobody knows.
    pub calls: [u64; 2],
    /// The same of puts.
    pub puts: [u64; 2],
    /// Contracts whose side nobody knows.
    pub unclassified: u64,
    /// Signals that expect a rise.
    pub long: u64,
    /// Signals that expect a fall.
    pub short: u64,
}

/// One signal.
#[derive(Clone, Debug, Default, Serialize)]
pub struct SignalLine {
    /// When, UTC.
    pub time: String,
    /// The option.
    pub symbol: String,
    /// `v1`, `v3` or `both`.
    pub version: &'static str,
    /// `LONG` or `SHORT`, of the underlying.
    pub direction: &'static str,
    /// How strong.
    pub level: &'static str,
    /// 0 to 1.
    pub confidence: f64,
    /// Whether it lost to the other detector.
    pub is_rejected: bool,
    /// The reasons: names and figures.
    pub components: Vec<(&'static str, f64)>,
}

pub(super) fn render(ifd: &IfdFigures, listing: Listing, text: &mut String) {
    if ifd.expiries.is_empty() && ifd.signals.is_empty() {
        return;
    }
    heading(text, "institutional flow in options");
    let history = match ifd.baselines {
        0 => "no history of days before, so pressure (v3) is measured and not judged".to_owned(),
        places => format!("{} with a history", counted(places, "place")),
    };
    let _ = writeln!(text, "  profile {}; {history}", ifd.profile);
    render_expiries(&ifd.expiries, text);
    render_signals(ifd, listing, text);
}

fn render_expiries(expiries: &[Expiry], text: &mut String) {
    let mut table = Table::new();
    table.load_preset(NOTHING).set_header([
        "expiry",
        "windows",
        "buyers'",
        "sellers'",
        "calls bought",
        "sold",
        "puts bought",
        "sold",
        "unsided",
        "long",
        "short",
    ]);
    for line in expiries {
        let mut row = vec![line.expiry.clone()];
        let [calls_bought, calls_sold] = line.calls;
        let [puts_bought, puts_sold] = line.puts;
        row.extend(
            [
                line.windows,
                line.bought_windows,
                line.sold_windows,
                calls_bought,
                calls_sold,
                puts_bought,
                puts_sold,
                line.unclassified,
                line.long,
                line.short,
            ]
            .map(thousands),
        );
        table.add_row(row);
    }
    lines(&mut table, text);
}

fn render_signals(ifd: &IfdFigures, listing: Listing, text: &mut String) {
    if ifd.signals.is_empty() {
        let _ = writeln!(text, "  no signals");
        return;
    }
    let mut strongest: Vec<&SignalLine> = ifd.signals.iter().collect();
    strongest.sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
    let mut table = Table::new();
    table.load_preset(NOTHING).set_header([
        "time (UTC)",
        "option",
        "by",
        "says",
        "level",
        "confidence",
        "because",
    ]);
    for line in strongest.iter().take(listing.most(SIGNALS_LISTED_MAX)) {
        let because = line.components.iter();
        let because: Vec<_> = because
            .map(|(name, value)| match value.fract() == 0.0 {
                true => format!("{name} {value:.0}"),
                false => format!("{name} {value:.2}"),
            })
            .collect();
        let rejected = if line.is_rejected { " (rejected)" } else { "" };
        table.add_row([
            moment(&line.time),
            line.symbol.clone(),
            line.version.to_owned(),
            format!("{}{rejected}", line.direction),
            line.level.to_owned(),
            format!("{:.2}", line.confidence),
            because.join(" · "),
        ]);
    }
    if let Some(column) = table.column_mut(5) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    for line in table.lines() {
        let _ = writeln!(text, " {}", line.trim_end());
    }
    let count = ifd.signals.len();
    text.push_str(&listing.rest(count, SIGNALS_LISTED_MAX, |more| format!("{more} weaker")));
}

fn lines(table: &mut Table, text: &mut String) {
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    for line in table.lines() {
        let _ = writeln!(text, " {}", line.trim_end());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_found_is_nothing_said() {
        let mut text = String::new();
        render(&IfdFigures::default(), Listing::Short, &mut text);
        assert_eq!(text, "");
    }

    #[test]
    fn strongest_signals_come_first_and_the_rest_is_counted() {
        let signal = |confidence| SignalLine {
            confidence,
            components: vec![("ratio", 12.0)],
            ..SignalLine::default()
        };
        let ifd = IfdFigures {
            signals: (0_u8..12).map(|at| signal(f64::from(at) / 20.0)).collect(),
            ..IfdFigures::default()
        };
        let mut text = String::new();
        render(&ifd, Listing::Short, &mut text);
        let first = text
            .lines()
            .find(|line| line.contains("ratio 12"))
            .unwrap_or("");
        assert!(first.contains("0.55"), "{text}");
        assert!(text.contains("and 2 weaker (--all lists them)"), "{text}");
    }
}
