//! The pictures of the page: exposure by strike, gamma as a function of spot, and by expiry.

use undertow_strategies::options::exposure::{OnePercent, Split, Unit};
use undertow_strategies::options::points;

use super::plot::{Axis, Plot};
use crate::chain::report::Report;
use crate::chain::words::{expiry_name, level, money, plain};

const WIDTH: f64 = 1_080.0;
const LEFT: f64 = 76.0;
const RIGHT: f64 = 1_064.0;

/// Pixels between the names of marks.
const LIFT: f64 = 15.0;

/// Share of all gamma that the strikes drawn by default hold.
const SHARE: f64 = 0.95;
/// Strikes drawn by default at most: beyond, bars are too thin to see.
const STRIKES_MAX: usize = 240;
const STRIKES_MIN: usize = 40;

/// Gamma exposure by strike: calls and puts apart, their sum as a line.
pub(super) fn gamma_by_strike(report: &Report, strikes: Option<usize>) -> String {
    let shown = shown(report, strikes);
    let one =
        |split: &Split| [split.call.gex, split.put.gex].map(|it| it.per::<OnePercent>().value());
    let values = shown.iter().flat_map(|(_, split)| one(split));
    let mut plot = strike_plot(
        "Gamma exposure by strike",
        &shown,
        values,
        [480.0, 5.0 * LIFT],
    );
    plot.grid_y(money, OnePercent::LABEL);
    let width = bar_width(&plot, &shown);
    for (strike, split) in &shown {
        let [call, put] = one(split);
        let x = plot.x.at(*strike);
        let words = |name: &str, value: f64, open: u64| {
            format!(
                "{strike} {name}: {} per 1 %, open interest {open}",
                money(value)
            )
        };
        plot.bar(
            "call",
            x,
            width,
            call,
            &words("calls", call, split.call.open_interest),
        );
        plot.bar(
            "put",
            x,
            width,
            put,
            &words("puts", put, split.put.open_interest),
        );
        plot.level_at(
            x,
            width,
            call + put,
            &format!("{strike} net: {}", money(call + put)),
        );
    }
    marks(&mut plot, report);
    plot.grid_x("strike");
    plot.finish()
}

/// Delta exposure by strike.
pub(super) fn delta_by_strike(report: &Report, strikes: Option<usize>) -> String {
    let shown = shown(report, strikes);
    let values = shown
        .iter()
        .flat_map(|(_, split)| [split.call.dex.0, split.put.dex.0]);
    let mut plot = strike_plot("Delta exposure by strike", &shown, values, [300.0, LIFT]);
    plot.grid_y(money, "$ of the underlying held by delta");
    let width = bar_width(&plot, &shown);
    for (strike, split) in &shown {
        let x = plot.x.at(*strike);
        for (class, dex) in [("call", split.call.dex.0), ("put", split.put.dex.0)] {
            plot.bar(
                class,
                x,
                width,
                dex,
                &format!("{strike} {class}s: {}", money(dex)),
            );
        }
    }
    plot.mark(
        "spot",
        points(report.spot),
        LIFT,
        &format!("spot {}", plain(report.spot)),
    );
    plot.grid_x("strike");
    plot.finish()
}

/// Gamma exposure with spot elsewhere.
pub(super) fn profile(report: &Report) -> Option<String> {
    let curve: Vec<_> = report
        .profile
        .points
        .iter()
        .map(|(at, gex)| (*at, gex.per::<OnePercent>().value()))
        .collect();
    let (first, last) = (curve.first()?.0, curve.last()?.0);
    let y = value_axis(curve.iter().map(|(_, value)| *value), [330.0, 62.0]);
    let x = Axis::new([first, last], [LEFT, RIGHT]);
    let mut plot = Plot::new("Gamma exposure with spot elsewhere", [WIDTH, 376.0], x, y);
    plot.grid_y(money, OnePercent::LABEL);
    plot.area("long", &curve, |value| value.max(0.0));
    plot.area("short", &curve, |value| value.min(0.0));
    plot.line("net", &curve);
    plot.mark(
        "spot",
        points(report.spot),
        2.0 * LIFT,
        &format!("spot {}", plain(report.spot)),
    );
    if let Some(flip) = report.flip {
        plot.mark("flip", flip, LIFT, &format!("gamma flip {}", level(flip)));
    }
    plot.grid_x("spot");
    Some(plot.finish())
}

/// Gamma exposure by expiry, the nearest first; one column each.
pub(super) fn by_expiry(report: &Report) -> String {
    let expiries = &report.exposure.expiries;
    let one =
        |split: &Split| [split.call.gex, split.put.gex].map(|it| it.per::<OnePercent>().value());
    let y = value_axis(
        expiries.iter().flat_map(|(_, split)| one(split)),
        [250.0, 36.0],
    );
    let count = expiries.len() as f64;
    let x = Axis::new([0.0, count], [LEFT, RIGHT]);
    let mut plot = Plot::new("Gamma exposure by expiry", [WIDTH, 318.0], x, y);
    plot.grid_y(money, OnePercent::LABEL);
    let room = (RIGHT - LEFT) / count.max(1.0);
    // Slanted names stand this far apart at least.
    let every = (15.0 / room).ceil().max(1.0) as usize;
    for (idx, (expiry, split)) in expiries.iter().enumerate() {
        let centre = plot.x.at(idx as f64 + 0.5);
        for (class, value) in ["call", "put"].into_iter().zip(one(split)) {
            let name = expiry_name(report, *expiry);
            let words = format!("{name} {class}s: {} per 1 %", money(value));
            plot.bar(class, centre, (room * 0.7).min(48.0), value, &words);
        }
        if idx.is_multiple_of(every) {
            plot.slanted((centre + 4.0, 266.0), &expiry_name(report, *expiry));
        }
    }
    plot.finish()
}

/// What the calls and the puts of the nearest expiry stand to lose, as one bar.
pub(super) fn balance(report: &Report) -> Option<String> {
    let (call, put) = (
        report.positioning.call.dollars(),
        report.positioning.put.dollars(),
    );
    let total = call + put;
    if total <= 0.0 {
        return None;
    }
    let axis = Axis::new([0.0, total], [0.0, WIDTH]);
    let mut plot = Plot::new("Premium at risk", [WIDTH, 28.0], axis, axis);
    plot.share("call", [0.0, call]);
    plot.share("put", [call, total]);
    Some(plot.finish())
}

/// Strikes to draw, in points: as many as asked for, else those around spot that hold nearly all
/// gamma.
fn shown(report: &Report, strikes: Option<usize>) -> Vec<(f64, Split)> {
    let all = &report.exposure.strikes;
    let size = |idx: usize| all[idx].1.net().gex.value().abs();
    let total: f64 = (0..all.len()).map(size).sum();
    let holds = |count: usize| {
        let held: f64 = report.near_strikes(count).map(size).sum();
        SHARE * total <= held
    };
    let enough = || {
        let counts = STRIKES_MIN..STRIKES_MAX;
        counts
            .into_iter()
            .find(|count| holds(*count))
            .unwrap_or(STRIKES_MAX)
    };
    let range = report.near_strikes(strikes.unwrap_or_else(enough));
    all[range]
        .iter()
        .map(|(strike, split)| (points(*strike), *split))
        .collect()
}

fn strike_plot(
    title: &str,
    shown: &[(f64, Split)],
    values: impl Iterator<Item = f64>,
    [height, lift]: [f64; 2],
) -> Plot {
    let first = shown.first().map_or(0.0, |it| it.0);
    let last = shown.last().map_or(1.0, |it| it.0);
    let margin = gap(shown) * 0.75;
    let x = Axis::new([first - margin, last + margin], [LEFT, RIGHT]);
    let y = value_axis(values, [height - 46.0, 32.0 + lift]);
    Plot::new(title, [WIDTH, height], x, y)
}

/// An axis that holds zero and all values, with a little air.
fn value_axis(values: impl Iterator<Item = f64>, ends: [f64; 2]) -> Axis {
    let (low, high) = values.fold((0.0_f64, 0.0_f64), |(low, high), value| {
        (low.min(value), high.max(value))
    });
    let air = 0.04 * (high - low);
    let below = if low < 0.0 { low - air } else { 0.0 };
    Axis::new([below, high + air], ends)
}

/// Spot, flip, and walls; each name on a level of its own, so that none covers another.
fn marks(plot: &mut Plot, report: &Report) {
    let exposure = &report.exposure;
    let spot = points(report.spot);
    plot.mark(
        "spot",
        spot,
        5.0 * LIFT,
        &format!("spot {}", plain(report.spot)),
    );
    if let Some(flip) = report.flip {
        plot.mark(
            "flip",
            flip,
            4.0 * LIFT,
            &format!("gamma flip {}", level(flip)),
        );
    }
    let walls = [
        ("call-wall", exposure.call_wall(), "call wall"),
        ("put-wall", exposure.put_wall(), "put wall"),
    ];
    for (idx, (class, at, name)) in walls.into_iter().enumerate() {
        if let Some(at) = at {
            let lift = (3.0 - idx as f64) * LIFT;
            plot.mark(class, points(at), lift, &format!("{name} {}", plain(at)));
        }
    }
}

/// The smallest distance between neighbouring strikes, points.
fn gap(shown: &[(f64, Split)]) -> f64 {
    let gaps = shown.windows(2).map(|pair| pair[1].0 - pair[0].0);
    let least = gaps.fold(f64::INFINITY, f64::min);
    if least.is_finite() { least } else { 1.0 }
}

fn bar_width(plot: &Plot, shown: &[(f64, Split)]) -> f64 {
    let start = shown.first().map_or(0.0, |it| it.0);
    let room = plot.x.at(start + gap(shown)) - plot.x.at(start);
    (room * 0.72).clamp(1.6, 22.0)
}
