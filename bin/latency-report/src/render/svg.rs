//! The percentile curves as one self-contained picture, for light and dark alike.
//!
//! Across: 1/(1 - percentile), so each step to the right is ten times rarer. Up: latency. Both
//! logarithmic. A line is solid as far as ten samples lie beyond it, thin from there to the
//! maximum. Colours are Okabe and Ito's, told apart by colour-blind eyes; beyond them, dashes. The
//! way as a whole is drawn in ink. Rows of two clocks are left out: they say other things.

use std::fmt::Write;

use crate::percentile::{BEYOND_MIN, Bins};
use crate::recorder::{Basis, Row};
use crate::run::Run;
use crate::text;

const WIDTH: f64 = 1_020.0;
const LEFT: f64 = 78.0;
const RIGHT: f64 = 690.0;
const TOP: f64 = 78.0;
const BOTTOM: f64 = 478.0;
const HEIGHT: f64 = 540.0;
const LEGEND_LINE: f64 = 40.0;

const COLOURS: [&str; 7] = [
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8a8a8a",
];
const INK: &str = "var(--ink)";
const DASHES: [&str; 3] = ["", "7 4", "2 3"];

const STYLE: &str = "\
.latency{--ink:#1c2430;--faint:#5c6675;--grid:#e3e7ec;--paper:#ffffff;\
font-family:system-ui,'Segoe UI',Roboto,Helvetica,Arial,sans-serif;font-size:13px}\
@media(prefers-color-scheme:dark){.latency{--ink:#e8ecf1;--faint:#9aa5b4;--grid:#2b333e;\
--paper:#14181e}}\
.latency .paper{fill:var(--paper)}.latency text{fill:var(--ink)}\
.latency .faint{fill:var(--faint);font-size:12px}\
.latency .title{font-size:18px;font-weight:600}\
.latency .grid{stroke:var(--grid);stroke-width:1}\
.latency .axis{fill:none;stroke:var(--faint);stroke-width:1}\
.latency .curve{fill:none;stroke-width:2;stroke-linejoin:round}\
.latency .tail{fill:none;stroke-width:1;stroke-opacity:.7}";

pub(super) fn render(run: &Run) -> String {
    let shown: Vec<(&Row, Bins)> = run
        .rows
        .iter()
        .filter(|row| !row.histogram.is_empty() && row.basis != Basis::OtherClock)
        .map(|row| (row, Bins::of(row)))
        .collect();
    let pens = pens(&shown);
    let height = HEIGHT.max(TOP + LEGEND_LINE * shown.len() as f64 + 20.0);
    let axes = Axes::of(&shown);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"latency\" role=\"img\" \
         viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\">\n\
         <title>Latency by percentile: {title}</title>\n<style>{STYLE}</style>\n\
         <rect class=\"paper\" width=\"100%\" height=\"100%\"/>\n",
        title = escape(&run.what)
    );
    words(&mut svg, run);
    axes.draw(&mut svg);
    for (idx, ((row, bins), pen)) in shown.iter().zip(&pens).enumerate() {
        curve(&mut svg, &axes, *pen, row, bins);
        legend(&mut svg, idx, *pen, row, bins);
    }
    svg.push_str("</svg>\n");
    svg
}

fn words(svg: &mut String, run: &Run) {
    let parts = [
        run.pace.as_ref().map(|pace| format!("pace {pace}")),
        run.layout.as_ref().map(|layout| format!("layout {layout}")),
        run.environment.machine.clone(),
        run.environment
            .build
            .as_ref()
            .map(|build| format!("build {build}")),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    let title = shorten(&format!("Latency by percentile: {}", run.what), 100);
    label(svg, (LEFT, 30.0), "title", "start", &title);
    label(
        svg,
        (LEFT, 52.0),
        "faint",
        "start",
        &shorten(&parts.join("  ·  "), 140),
    );
    let middle = (LEFT + RIGHT) / 2.0;
    let across =
        "percentile, each step ten times rarer; thin where fewer than ten samples lie beyond";
    label(svg, (middle, BOTTOM + 48.0), "faint", "middle", across);
    let up = (TOP + BOTTOM) / 2.0;
    push(
        svg,
        format_args!(
            "<text class=\"faint\" text-anchor=\"middle\" transform=\"translate(18 {up}) \
             rotate(-90)\">latency</text>\n"
        ),
    );
}

/// Where a rank and a latency lie in the picture.
struct Axes {
    /// Decades across, from 1.
    decades: f64,
    /// Logarithms of the lowest and the highest latency.
    low: f64,
    high: f64,
}

impl Axes {
    fn of(shown: &[(&Row, Bins)]) -> Self {
        let first = |bins: &Bins| bins.all().first().map_or(1, |bin| bin.low_ns.max(1));
        let low_ns = shown.iter().map(|(_, bins)| first(bins)).min().unwrap_or(1);
        let high_ns = shown
            .iter()
            .map(|(row, _)| row.max_ns)
            .max()
            .unwrap_or(1_000);
        let count = shown
            .iter()
            .map(|(_, bins)| bins.count())
            .max()
            .unwrap_or(1);
        let (low, high) = ((low_ns as f64).log10(), (high_ns.max(1) as f64).log10());
        // Round outwards to 1, 2 or 5 times a power of ten, so that the ends carry labels.
        let low = marks(low - 1.0, low).last().map_or(low, |mark| mark.0);
        let high = marks(high, high + 1.0).first().map_or(high, |mark| mark.0);
        Self {
            decades: (count as f64).log10().max(1.0),
            low,
            high: high.max(low + 0.3),
        }
    }

    fn x(&self, rarity: f64) -> f64 {
        LEFT + (RIGHT - LEFT) * (rarity.log10() / self.decades).clamp(0.0, 1.0)
    }

    fn y(&self, ns: f64) -> f64 {
        let share = (ns.max(1.0).log10() - self.low) / (self.high - self.low);
        BOTTOM - (BOTTOM - TOP) * share.clamp(0.0, 1.0)
    }

    fn draw(&self, svg: &mut String) {
        let decades = (self.decades + 1e-9).floor() as usize;
        for decade in 0..=decades {
            let x = self.x(10_f64.powi(i32::try_from(decade).unwrap_or(0)));
            push(
                svg,
                format_args!("<path class=\"grid\" d=\"M{x:.1} {TOP}V{BOTTOM}\"/>\n"),
            );
            let name = percentile_name(decade);
            label(svg, (x, BOTTOM + 22.0), "faint", "middle", &name);
        }
        let half = self.x(2.0);
        push(
            svg,
            format_args!("<path class=\"grid\" d=\"M{half:.1} {TOP}V{BOTTOM}\"/>\n"),
        );
        // Over many decades the median's label would touch its neighbours.
        if 45.0 < half - LEFT {
            label(svg, (half, BOTTOM + 22.0), "faint", "middle", "50 %");
        }
        let wide = self.high - self.low > 3.2;
        for (mark, ns, decade) in marks(self.low, self.high) {
            let y = self.y(10_f64.powf(mark));
            push(
                svg,
                format_args!("<path class=\"grid\" d=\"M{LEFT} {y:.1}H{RIGHT}\"/>\n"),
            );
            // Over many decades only the powers of ten are named.
            if decade || !wide {
                label(
                    svg,
                    (LEFT - 8.0, y + 4.0),
                    "faint",
                    "end",
                    &plain_latency(ns),
                );
            }
        }
        push(
            svg,
            format_args!("<path class=\"axis\" d=\"M{LEFT} {TOP}V{BOTTOM}H{RIGHT}\"/>\n"),
        );
    }
}

/// The marks of 1, 2 and 5 within two logarithms: the mark, its ns, and whether it is a 1.
fn marks(low: f64, high: f64) -> Vec<(f64, u64, bool)> {
    let mut marks = Vec::new();
    for exponent in 0..20 {
        for step in [1, 2, 5] {
            let Some(ns) = 10_u64
                .checked_pow(exponent)
                .and_then(|it| it.checked_mul(step))
            else {
                continue;
            };
            let mark = (ns as f64).log10();
            if low - 1e-9 <= mark && mark <= high + 1e-9 {
                marks.push((mark, ns, step == 1));
            }
        }
    }
    marks
}

fn curve(svg: &mut String, axes: &Axes, pen: Pen, row: &Row, bins: &Bins) {
    let count = bins.count();
    // One point a pixel, each at the rank that the pixel stands for.
    let point = |step: u32| {
        let rarity = 10_f64.powf(f64::from(step) / (RIGHT - LEFT) * axes.decades);
        let rank = (count as f64 * (1.0 - 1.0 / rarity)).floor() as u64 + 1;
        let bin = bins.at_rank(rank.min(count))?;
        Some((
            count - rank.min(count),
            axes.x(rarity),
            axes.y(bin.high_ns.min(row.max_ns) as f64),
        ))
    };
    let end_x = axes.x(count as f64);
    let points: Vec<_> = (0..=(RIGHT - LEFT) as u32)
        .filter_map(point)
        .take_while(|(_, x, _)| *x <= end_x)
        .collect();
    let solid = points
        .iter()
        .take_while(|(beyond, _, _)| BEYOND_MIN <= *beyond)
        .count();
    let mut tail: Vec<(f64, f64)> = points[solid.saturating_sub(1)..]
        .iter()
        .map(|(_, x, y)| (*x, *y))
        .collect();
    tail.push((end_x, axes.y(row.max_ns as f64)));
    let body: Vec<(f64, f64)> = points[..solid].iter().map(|(_, x, y)| (*x, *y)).collect();
    let Pen { colour, dash } = pen;
    for (class, points) in [("curve", body), ("tail", tail)] {
        push(
            svg,
            format_args!(
                "<path class=\"{class}\" style=\"stroke:{colour}\" stroke-dasharray=\"{dash}\" \
                 d=\"{}\"><title>{}</title></path>\n",
                path(&points),
                escape(&row.key())
            ),
        );
    }
    let (x, y) = (end_x, axes.y(row.max_ns as f64));
    push(
        svg,
        format_args!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" style=\"fill:{colour}\"/>\n"),
    );
}

/// A path through points, leaving out those in the middle of a level stretch.
fn path(points: &[(f64, f64)]) -> String {
    let mut path = String::new();
    for (idx, (x, y)) in points.iter().enumerate() {
        let same = |other: Option<&(f64, f64)>| other.is_some_and(|(_, other)| other == y);
        let before = idx.checked_sub(1).and_then(|idx| points.get(idx));
        if same(before) && same(points.get(idx + 1)) {
            continue;
        }
        let verb = if path.is_empty() { 'M' } else { 'L' };
        push(&mut path, format_args!("{verb}{x:.1} {y:.1}"));
    }
    path
}

fn legend(svg: &mut String, idx: usize, pen: Pen, row: &Row, bins: &Bins) {
    let Pen { colour, dash } = pen;
    let (x, y) = (RIGHT + 28.0, TOP + 8.0 + LEGEND_LINE * idx as f64);
    push(
        svg,
        format_args!(
            "<path class=\"curve\" style=\"stroke:{colour}\" stroke-dasharray=\"{dash}\" \
             d=\"M{x} {y}h24\"/>\n"
        ),
    );
    label(
        svg,
        (x + 34.0, y + 4.0),
        "",
        "start",
        &shorten(&row.key(), 34),
    );
    let [p50, p99] = [0, 2].map(|idx| bins.percentile(crate::percentile::LADDER[idx]));
    let figures = format!(
        "p50 {}  ·  p99 {}  ·  max {}",
        text::reading(p50),
        text::reading(p99),
        text::latency(row.max_ns)
    );
    label(svg, (x + 34.0, y + 20.0), "faint", "start", &figures);
}

/// How a line looks.
#[derive(Clone, Copy)]
struct Pen {
    colour: &'static str,
    dash: &'static str,
}

fn pens(shown: &[(&Row, Bins)]) -> Vec<Pen> {
    let whole = shown.iter().find(|(row, _)| row.basis != Basis::Work);
    let mut others = 0..;
    let pen = |(row, _): &(&Row, Bins)| match row.basis {
        Basis::IntendedArrival if whole.is_some_and(|(it, _)| it.name == row.name) => Pen {
            colour: INK,
            dash: "",
        },
        Basis::ActualArrival if whole.is_some_and(|(it, _)| it.name == row.name) => Pen {
            colour: INK,
            dash: DASHES[1],
        },
        _ => {
            let idx = others.next().unwrap_or(0);
            Pen {
                colour: COLOURS[idx % COLOURS.len()],
                dash: DASHES[idx / COLOURS.len() % DASHES.len()],
            }
        }
    };
    shown.iter().map(pen).collect()
}

/// What the tick at 1/(1 - percentile) = 10^decade is called: 0 %, 90 %, 99 %, 99.9 %, …
fn percentile_name(decade: usize) -> String {
    match decade {
        0 => "0 %".to_owned(),
        1 => "90 %".to_owned(),
        2 => "99 %".to_owned(),
        _ => format!("99.{} %", "9".repeat(decade - 2)),
    }
}

/// A round latency without decimals.
fn plain_latency(ns: u64) -> String {
    text::latency(ns).replace(".00 ", " ").replace(".0 ", " ")
}

fn label(svg: &mut String, at: (f64, f64), class: &str, anchor: &str, text: &str) {
    let (x, y) = at;
    let text = escape(text);
    push(
        svg,
        format_args!(
            "<text class=\"{class}\" text-anchor=\"{anchor}\" x=\"{x:.1}\" y=\"{y:.1}\">\
             {text}</text>\n"
        ),
    );
}

fn shorten(text: &str, chars_max: usize) -> String {
    match text.chars().count() <= chars_max {
        true => text.to_owned(),
        false => text.chars().take(chars_max - 1).chain(['…']).collect(),
    }
}

/// Text as XML and HTML take it.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            // XML has no way to write most control characters, not even escaped.
            c if c.is_control() => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    escaped
}

fn push(text: &mut String, args: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = text.write_fmt(args);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::{Format, render as render_as};
    use crate::run::tests::sample_run;

    #[test]
    fn the_picture_has_a_curve_and_a_legend_for_every_stage() {
        let run = sample_run(1, 100);
        let svg = render_as(&run, Format::Svg, None).unwrap();
        let drawn = |row: &Row| svg.contains(&format!("<title>{}</title>", row.key()));
        for row in &run.rows {
            assert_eq!(drawn(row), row.basis != Basis::OtherClock, "{}", row.key());
        }
        assert_eq!(svg.matches("<circle").count(), run.rows.len() - 1);
        assert!(svg.contains("99.999 %") && svg.contains("100 ns"));
        assert!(!svg.contains("NaN") && !svg.contains("inf"));
    }

    #[test]
    fn curves_never_fall_and_stay_within_the_axes() {
        let svg = render_as(&sample_run(1, 100), Format::Svg, Some("book")).unwrap();
        let start = svg.find("class=\"tail\"").unwrap();
        let body = &svg[svg[..start].rfind("d=\"M").unwrap() + 4..start];
        let body = &body[..body.find('"').unwrap()];
        let points: Vec<(f64, f64)> = body
            .split('L')
            .map(|point| {
                let (x, y) = point.split_once(' ').unwrap();
                (x.parse().unwrap(), y.parse().unwrap())
            })
            .collect();
        assert!(points.len() > 50);
        for pair in points.windows(2) {
            assert!(pair[0].0 <= pair[1].0 && pair[1].1 <= pair[0].1);
        }
        for (x, y) in points {
            assert!((LEFT..=RIGHT).contains(&x) && (TOP..=BOTTOM).contains(&y));
        }
    }

    #[test]
    fn names_are_escaped_and_an_empty_run_still_draws() {
        let mut run = sample_run(1, 100);
        run.what = "a <b> & \"c\"\u{1}".to_owned();
        let svg = render_as(&run, Format::Svg, None).unwrap();
        assert!(svg.contains("a &lt;b&gt; &amp; &quot;c&quot; "));
        let empty = render_as(&Run::default(), Format::Svg, None).unwrap();
        assert!(empty.ends_with("</svg>\n") && !empty.contains("NaN"));
    }
}
