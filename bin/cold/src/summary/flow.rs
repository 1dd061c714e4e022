//! What the measures of flow say at the end of a run, instrument by instrument.

use std::fmt::Write;

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table};
use serde::Serialize;

use super::{INSTRUMENTS_LISTED_MAX, Instrument, heading};
use crate::listing::Listing;
use latency_report::text::thousands;

/// The measures of one instrument. What could not be said is absent.
#[derive(Clone, Debug, Default, Serialize)]
pub struct FlowFigures {
    /// VPIN by aggressor.
    pub vpin: Option<Vpin>,
    /// The same at the end of each half hour that traded.
    pub vpin_path: Vec<VpinPoint>,
    /// VPIN by bulk classification.
    pub vpin_bulk: Option<Vpin>,
    /// Imbalance at the touch, −1 to 1.
    pub obi_l1: Option<f64>,
    /// Imbalance over five weighted levels, −1 to 1.
    pub obi_l5: Option<f64>,
    /// Bids over asks within ten levels, 0.1 to 10.
    pub pressure: Option<f64>,
    /// Standard deviation of the imbalance over five levels.
    pub imbalance_volatility: Option<f64>,
    /// Its change by second.
    pub imbalance_velocity: Option<f64>,
    /// Order flow imbalance of the last whole interval.
    pub ofi: Option<i64>,
    /// Sweeps of the session.
    pub sweeps: u64,
    /// Pressures by takers of the session; one that goes on is one.
    pub taker_pressures: u64,
    /// The one that stands at the end.
    pub taker_pressure: Option<Taker>,
    /// Icebergs found, refilled by the venue or by their owner.
    pub icebergs: u32,
    /// Refills by the venue.
    pub refills: u32,
    /// Refills by their owner.
    pub slices: u32,
    /// Size filled that had not been displayed.
    pub hidden_size: u64,
    /// Score of hidden orders, 0 to 1.
    pub hidden: Option<f64>,
    /// Score of toxic patterns, 0 to 1.
    pub pattern: Option<f64>,
    /// Blend of VPIN, pattern and book.
    pub toxicity: Option<f64>,
    /// `toxic`, `neutral` or `benign`.
    pub label: Option<&'static str>,
    /// Volume of the open minute over the mean of the minutes before.
    pub volume_ratio: Option<f64>,
    /// Whether that is unusual.
    pub is_volume_unusual: Option<bool>,
    /// Standard deviation of a year's returns, a fraction.
    pub volatility: Option<f64>,
    /// `LOW`, `NORMAL` or `HIGH`, where bounds of days before are known.
    pub regime: Option<&'static str>,
    /// How sound the stream was, 0 to 1.
    pub quality: Option<f64>,
    /// Where and when the session's volume traded.
    pub profile: Profile,
}

/// VPIN now.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Vpin {
    /// 0 to 1.
    pub value: f64,
    /// Whether it has fewer buckets than wanted.
    pub is_warming: bool,
}

/// VPIN by aggressor at a moment of the session.
#[derive(Clone, Debug, Default, Serialize)]
pub struct VpinPoint {
    /// When, UTC.
    pub time: String,
    /// 0 to 1.
    pub value: f64,
    /// Whether it had fewer buckets than wanted.
    pub is_warming: bool,
}

/// One side that takes more of the touch than its due.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Taker {
    /// `buy` or `sell`.
    pub side: &'static str,
    /// Standard deviations beyond its share of other trades.
    pub z: f64,
    /// Touches that it took whole within five minutes.
    pub takes: u32,
    /// Those of the other side.
    pub against: u32,
    /// Size that its takes traded.
    pub size: u64,
}

/// Volume of the session by price, hour and size.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Profile {
    /// Lower edge of the price level that traded most.
    pub point_of_control: Option<String>,
    /// Levels that traded: lower edge, size outside and inside of regular hours.
    pub levels: Vec<(String, u64, u64)>,
    /// Size by hour of the Eastern day.
    pub hours: Vec<u64>,
    /// Size in regular hours.
    pub regular: u64,
    /// Large trades.
    pub large_trades: u64,
    /// Their share of the volume.
    pub large_share: Option<f64>,
}

/// The flow table: what traded, and what the measures say of it.
pub(super) fn render(instruments: &[Instrument], listing: Listing, text: &mut String) {
    let most = listing.most(INSTRUMENTS_LISTED_MAX);
    let traded = || instruments.iter().filter(|line| line.trades > 0);
    if traded().next().is_none() {
        return;
    }
    heading(text, "flow");
    let mut table = Table::new();
    table.load_preset(NOTHING).set_header([
        "symbol", "bought", "sold", "cvd", "vwap", "vpin", "bulk", "obi", "obi5", "ofi", "sweeps",
        "blocks", "icebergs", "pressed", "hidden", "toxicity",
    ]);
    for line in traded().take(most) {
        table.add_row(row(line));
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    for line in table.lines() {
        let _ = writeln!(text, " {}", line.trim_end());
    }
    let rest = sums(traded().skip(most));
    let count = traded().count();
    text.push_str(&listing.rest(count, INSTRUMENTS_LISTED_MAX, |more| {
        format!("{more} more: {rest}")
    }));
    let no_side = traded().map(|line| line.volume.saturating_sub(line.bought + line.sold));
    let no_side: u64 = no_side.sum();
    if no_side > 0 {
        let no_side = thousands(no_side);
        let _ = writeln!(
            text,
            "  {no_side} of the volume has no side: an auction's, or unknown"
        );
    }
    let is_warming = |vpin: Option<Vpin>| vpin.is_some_and(|vpin| vpin.is_warming);
    let warms = |line: &Instrument| {
        let flow = line.flow.as_ref();
        flow.is_some_and(|flow| is_warming(flow.vpin) || is_warming(flow.vpin_bulk))
    };
    if traded().take(most).any(warms) {
        let _ = writeln!(text, "  ~ warming: fewer buckets than wanted, drawn to 0.5");
    }
    render_paths(traded().take(most), text);
}

/// How VPIN went: a bar for each half hour, and the figures that a bar does not tell.
fn render_paths<'a>(instruments: impl Iterator<Item = &'a Instrument>, text: &mut String) {
    let mut table = Table::new();
    table.load_preset(NOTHING).set_header([
        "vpin path",
        "from (UTC)",
        "each half hour, 0 to 1",
        "first",
        "low",
        "high",
        "now",
    ]);
    for line in instruments {
        let Some(flow) = &line.flow else { continue };
        let path = &flow.vpin_path;
        let values = || path.iter().map(|point| point.value);
        let (Some(first), Some(now)) = (path.first(), flow.vpin) else {
            continue;
        };
        let low = values().fold(now.value, f64::min);
        let high = values().fold(now.value, f64::max);
        let mut row = vec![line.name.clone(), clock(&first.time).to_owned()];
        row.push(values().map(bar).collect());
        row.extend([first.value, low, high, now.value].map(|it| format!("{it:.3}")));
        table.add_row(row);
    }
    if table.is_empty() {
        return;
    }
    text.push('\n');
    for column in table.column_iter_mut().skip(3) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    for line in table.lines() {
        let _ = writeln!(text, " {}", line.trim_end());
    }
}

/// Hours and minutes of a time that is written as RFC 3339.
fn clock(time: &str) -> &str {
    time.get(11..16).unwrap_or(time)
}

/// A value of 0 to 1 as one of eight heights.
fn bar(value: f64) -> char {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let place = (value.clamp(0.0, 1.0) * 8.0) as usize;
    BARS[place.min(7)]
}

fn row(line: &Instrument) -> [String; 16] {
    let none = FlowFigures::default();
    let flow = line.flow.as_ref().unwrap_or(&none);
    // A count of nothing found is a figure; no measure at all is none.
    let counted = |count: u64| match line.flow {
        Some(_) => thousands(count),
        None => "-".to_owned(),
    };
    [
        line.name.clone(),
        thousands(line.bought),
        thousands(line.sold),
        signed(line.cvd),
        line.vwap.clone(),
        vpin(flow.vpin),
        vpin(flow.vpin_bulk),
        real(line.flow.as_ref().and(flow.obi_l1), true),
        real(line.flow.as_ref().and(flow.obi_l5), true),
        flow.ofi.map_or_else(|| "-".to_owned(), signed),
        counted(flow.sweeps),
        thousands(line.blocks),
        counted(flow.icebergs.into()),
        counted(flow.taker_pressures),
        counted(flow.hidden_size),
        real(flow.toxicity, false),
    ]
}

/// What traded of several instruments.
fn sums<'a>(instruments: impl Iterator<Item = &'a Instrument> + Clone) -> String {
    let bought: u64 = instruments.clone().map(|line| line.bought).sum();
    let sold: u64 = instruments.map(|line| line.sold).sum();
    format!(
        "bought {}, sold {}, cvd {}",
        thousands(bought),
        thousands(sold),
        signed(bought.cast_signed().saturating_sub(sold.cast_signed())),
    )
}

fn vpin(vpin: Option<Vpin>) -> String {
    let mark = |vpin: Vpin| if vpin.is_warming { "~" } else { "" };
    vpin.map_or_else(
        || "-".to_owned(),
        |vpin| format!("{}{:.3}", mark(vpin), vpin.value),
    )
}

fn real(value: Option<f64>, is_signed: bool) -> String {
    match value {
        Some(value) if is_signed => format!("{value:+.2}"),
        Some(value) => format!("{value:.3}"),
        None => "-".to_owned(),
    }
}

/// A count with its sign: +1,234.
fn signed(count: i64) -> String {
    let sign = match count {
        0 => "",
        ..0 => "-",
        _ => "+",
    };
    format!("{sign}{}", thousands(count.unsigned_abs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instrument() -> Instrument {
        Instrument {
            name: "NQZ6".to_owned(),
            trades: 3,
            bought: 1500,
            sold: 200,
            cvd: 1300,
            blocks: 4,
            vwap: "21000.25".to_owned(),
            ..Instrument::default()
        }
    }

    fn rendered(instruments: &[Instrument]) -> String {
        let mut text = String::new();
        render(instruments, Listing::Short, &mut text);
        text
    }

    #[test]
    fn measures_stand_beside_the_tape_and_absent_ones_are_dashes() {
        let flow = FlowFigures {
            vpin: Some(Vpin {
                value: 0.25,
                is_warming: true,
            }),
            obi_l1: Some(-0.5),
            ofi: Some(-1234),
            sweeps: 2,
            taker_pressures: 1,
            ..FlowFigures::default()
        };
        let measured = Instrument {
            flow: Some(flow),
            ..instrument()
        };
        let text = rendered(&[measured, instrument()]);
        let cells: Vec<Vec<&str>> = text
            .lines()
            .map(|line| line.split_whitespace().collect())
            .collect();
        let wanted = "NQZ6 1,500 200 +1,300 21000.25 ~0.250 - -0.50 - -1,234 2 4 0 1 0 -";
        assert_eq!(cells[2].join(" "), wanted);
        assert_eq!(
            cells[3].join(" "),
            "NQZ6 1,500 200 +1,300 21000.25 - - - - - - 4 - - - -"
        );
        assert!(text.contains("~ warming"), "{text}");
    }

    #[test]
    fn path_of_vpin_is_drawn_with_its_extremes() {
        let point = |time: &str, value| VpinPoint {
            time: time.to_owned(),
            value,
            is_warming: false,
        };
        let flow = FlowFigures {
            vpin: Some(Vpin {
                value: 0.4,
                is_warming: false,
            }),
            vpin_path: vec![
                point("2026-03-11T14:00:00Z", 0.5),
                point("2026-03-11T14:30:00Z", 0.05),
                point("2026-03-11T15:00:00Z", 1.0),
            ],
            ..FlowFigures::default()
        };
        let measured = Instrument {
            flow: Some(flow),
            ..instrument()
        };
        let text = rendered(&[measured, instrument()]);
        let last = text.lines().last().unwrap_or("");
        let cells: Vec<&str> = last.split_whitespace().collect();
        assert_eq!(
            cells.join(" "),
            "NQZ6 14:00 ▅▁█ 0.500 0.050 1.000 0.400",
            "{text}"
        );
        assert_eq!(text.matches("vpin path").count(), 1, "{text}");
    }

    #[test]
    fn what_did_not_trade_is_not_listed() {
        let silent = Instrument {
            trades: 0,
            ..instrument()
        };
        assert_eq!(rendered(&[silent]), "");
        let many = vec![instrument(); INSTRUMENTS_LISTED_MAX + 2];
        let text = rendered(&many);
        assert!(
            text.contains("and 2 more: bought 3,000, sold 400, cvd +2,600"),
            "{text}"
        );
    }
}
