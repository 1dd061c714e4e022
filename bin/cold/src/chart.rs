//! What every picture is made of: scales, round figures, lines, bars, marks and their words.
//!
//! Lengths are pixels of the view box, rounded to a tenth. Colours are classes, so that light and
//! dark are the style sheet's business. Nothing is drawn that is no finite number. Deliberately
//! absent: layout, and any knowledge of what is drawn.

use std::fmt::{Arguments, Write};

/// A straight scale from figures to pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Axis {
    /// Figures at its ends.
    from: f64,
    to: f64,
    /// Pixels of its ends.
    start: f64,
    end: f64,
}

impl Axis {
    /// An axis for figures from `from` to `to`; where they are one, a little around it.
    #[must_use]
    pub fn new([from, to]: [f64; 2], [start, end]: [f64; 2]) -> Self {
        let spread = if from < to {
            0.0
        } else {
            from.abs().max(1.0) * 0.01
        };
        Self {
            from: from - spread,
            to: to + spread,
            start,
            end,
        }
    }

    /// An axis that holds every finite figure among `figures`, with `margin` of their span to
    /// spare at either end; from 0 to 1 where there is none.
    #[must_use]
    pub fn around(figures: impl IntoIterator<Item = f64>, margin: f64, pixels: [f64; 2]) -> Self {
        let finite = figures.into_iter().filter(|it| it.is_finite());
        let ends = finite.fold(None, |ends: Option<[f64; 2]>, it| {
            let [low, high] = ends.unwrap_or([it, it]);
            Some([low.min(it), high.max(it)])
        });
        let [low, high] = ends.unwrap_or([0.0, 1.0]);
        let spare = (high - low) * margin;
        Self::new([low - spare, high + spare], pixels)
    }

    /// Where a figure lies; at an end where it lies beyond.
    #[must_use]
    pub fn at(&self, figure: f64) -> f64 {
        let share = (figure - self.from) / (self.to - self.from);
        self.start + (self.end - self.start) * share.clamp(0.0, 1.0)
    }

    /// Whether a figure is within.
    #[must_use]
    pub fn holds(&self, figure: f64) -> bool {
        (self.from..=self.to).contains(&figure)
    }

    /// Figures at its ends.
    #[must_use]
    pub const fn figures(&self) -> [f64; 2] {
        [self.from, self.to]
    }

    /// Pixels of its ends.
    #[must_use]
    pub const fn pixels(&self) -> [f64; 2] {
        [self.start, self.end]
    }

    /// Round figures on it, about `count` of them.
    #[must_use]
    pub fn ticks(&self, count: f64) -> Vec<f64> {
        let rough = (self.to - self.from) / count.max(1.0);
        let decade = 10_f64.powf(rough.log10().floor());
        let nice = [1.0, 2.0, 2.5, 5.0, 10.0].map(|it| it * decade);
        let step = nice.into_iter().find(|it| rough <= *it);
        let step = step.unwrap_or(10.0 * decade);
        let first = (self.from / step - 1e-9).ceil() as i64;
        let last = (self.to / step + 1e-9).floor() as i64;
        (first..=last).map(|place| place as f64 * step).collect()
    }
}

/// A picture in the making, with axes from `x` and `y` to its frame.
#[derive(Clone, Debug)]
pub struct Plot {
    svg: String,
    /// Across, to the right.
    pub x: Axis,
    /// Up: it starts at the frame's lower edge.
    pub y: Axis,
}

impl Plot {
    /// An empty picture of `size`, told to readers that cannot see it by `title`.
    #[must_use]
    pub fn new(title: &str, [width, height]: [f64; 2], x: Axis, y: Axis) -> Self {
        let svg = format!(
            "<svg viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"{}\">\n",
            escape(title)
        );
        Self { svg, x, y }
    }

    /// Round figures with lines across, about `count`, and what they count above them.
    pub fn grid_y(&mut self, count: f64, name: impl Fn(f64) -> String, unit: &str) {
        let [left, right] = self.x.pixels();
        for tick in self.y.ticks(count) {
            let y = self.y.at(tick);
            let class = if tick == 0.0 { "zero" } else { "grid" };
            self.push(format_args!(
                "<path class=\"{class}\" d=\"M{left:.1} {y:.1}H{right:.1}\"/>\n"
            ));
            self.text((left - 8.0, y + 4.0), "tick", "end", &name(tick));
        }
        self.text((left, self.y.end - 9.0), "unit", "start", unit);
    }

    /// A line across all of the width at a figure of y.
    pub fn level(&mut self, class: &str, figure: f64) {
        let ([left, right], y) = (self.x.pixels(), self.y.at(figure));
        self.push(format_args!(
            "<path class=\"{class}\" d=\"M{left:.1} {y:.1}H{right:.1}\"/>\n"
        ));
    }

    /// A box between two figures of x and two of y, at least half a pixel wide and high, with the
    /// words that a pointer over it shows.
    pub fn block(&mut self, class: &str, x: [f64; 2], y: [f64; 2], words: &str) {
        let [left, right] = x.map(|it| self.x.at(it));
        let [low, high] = y.map(|it| self.y.at(it));
        let corner = (left.min(right), low.min(high));
        let size = ((left - right).abs().max(0.5), (low - high).abs().max(0.5));
        self.rect(class, corner, size, words);
    }

    /// A box at pixels, with the words that a pointer over it shows.
    pub fn rect(&mut self, class: &str, corner: (f64, f64), size: (f64, f64), words: &str) {
        let ((x, y), (width, height)) = (corner, size);
        if !(x + y + width + height).is_finite() {
            return;
        }
        let title = title(words);
        self.push(format_args!(
            "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" \
             height=\"{height:.1}\">{title}</rect>\n"
        ));
    }

    /// Lines through points. A point without a figure of y ends a line, and the next begins one.
    pub fn line(&mut self, class: &str, points: impl IntoIterator<Item = (f64, Option<f64>)>) {
        let mut path = String::new();
        let mut verb = 'M';
        for (x, y) in points {
            let Some(y) = y.filter(|y| y.is_finite()) else {
                verb = 'M';
                continue;
            };
            let _ = write!(path, "{verb}{:.1} {:.1}", self.x.at(x), self.y.at(y));
            verb = 'L';
        }
        self.path(class, &path);
    }

    /// The area between a lower and an upper figure of y, one run of points.
    pub fn band(&mut self, class: &str, points: &[(f64, [f64; 2])]) {
        let mut path = String::new();
        let there = points.iter().map(|(x, [low, _])| (x, low));
        let back = points.iter().rev().map(|(x, [_, high])| (x, high));
        for (idx, (x, y)) in there.chain(back).enumerate() {
            let verb = if idx == 0 { 'M' } else { 'L' };
            let _ = write!(path, "{verb}{:.1} {:.1}", self.x.at(*x), self.y.at(*y));
        }
        if !path.is_empty() {
            path.push('Z');
        }
        self.path(class, &path);
    }

    /// A path in pixels; an empty one is left out.
    pub fn path(&mut self, class: &str, path: &str) {
        if !path.is_empty() {
            self.push(format_args!("<path class=\"{class}\" d=\"{path}\"/>\n"));
        }
    }

    /// A mark at pixels, drawn about its middle, with the words that a pointer over it shows.
    pub fn mark(&mut self, class: &str, at: (f64, f64), shape: &Shape, words: &str) {
        let (title, (x, y)) = (title(words), at);
        let path = match *shape {
            Shape::Circle(radius) => {
                return self.push(format_args!(
                    "<circle class=\"{class}\" cx=\"{x:.1}\" cy=\"{y:.1}\" \
                     r=\"{radius:.1}\">{title}</circle>\n"
                ));
            }
            Shape::Up(r) => format!(
                "M{x:.1} {:.1}l{r:.1} {:.1}h{:.1}Z",
                y - r,
                1.8 * r,
                -2.0 * r
            ),
            Shape::Down(r) => {
                format!(
                    "M{x:.1} {:.1}l{r:.1} {:.1}h{:.1}Z",
                    y + r,
                    -1.8 * r,
                    -2.0 * r
                )
            }
            Shape::Diamond(r) => {
                format!(
                    "M{x:.1} {:.1}l{r:.1} {r:.1}l{:.1} {r:.1}l{:.1} {:.1}Z",
                    y - r,
                    -r,
                    -r,
                    -r
                )
            }
        };
        self.push(format_args!(
            "<path class=\"{class}\" d=\"{path}\">{title}</path>\n"
        ));
    }

    /// Text at a place in pixels.
    pub fn text(&mut self, at: (f64, f64), class: &str, anchor: &str, text: &str) {
        let ((x, y), text) = (at, escape(text));
        self.push(format_args!(
            "<text class=\"{class}\" text-anchor=\"{anchor}\" x=\"{x:.1}\" y=\"{y:.1}\">{text}\
             </text>\n"
        ));
    }

    /// The picture.
    #[must_use]
    pub fn finish(mut self) -> String {
        self.svg.push_str("</svg>\n");
        self.svg
    }

    fn push(&mut self, args: Arguments<'_>) {
        // Writing to a string cannot fail.
        let _ = self.svg.write_fmt(args);
    }
}

/// What a mark looks like, with half its size in pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Shape {
    /// A circle.
    Circle(f64),
    /// A triangle that points up.
    Up(f64),
    /// A triangle that points down.
    Down(f64),
    /// A square on its corner.
    Diamond(f64),
}

fn title(words: &str) -> String {
    if words.is_empty() {
        return String::new();
    }
    format!("<title>{}</title>", escape(words))
}

/// Text as XML and HTML take it.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' => escaped.push_str("&#10;"),
            // XML has no way to write most control characters, not even escaped.
            c if c.is_control() => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_within() {
        let ticks = |from, to| Axis::new([from, to], [0.0, 100.0]).ticks(5.0);
        assert_eq!(ticks(0.0, 10.0), [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]);
        assert_eq!(ticks(-120.0, 260.0), [-100.0, 0.0, 100.0, 200.0]);
        let one = Axis::new([650.0, 650.0], [0.0, 100.0]);
        assert!(one.ticks(5.0).iter().all(|tick| one.holds(*tick)));
        assert!((one.at(650.0) - 50.0).abs() < 1e-9);
        assert_eq!(one.at(f64::INFINITY), 100.0);
    }

    #[test]
    fn axis_around_figures_holds_all_of_them_and_leaves_out_what_is_none() {
        let axis = Axis::around([3.0, f64::NAN, 1.0, f64::INFINITY], 0.5, [0.0, 100.0]);
        assert_eq!(axis.figures(), [0.0, 4.0]);
        assert_eq!(Axis::around([], 0.1, [0.0, 1.0]).figures(), [-0.1, 1.1]);
    }

    #[test]
    fn line_breaks_where_there_is_no_figure() {
        let axis = Axis::new([0.0, 10.0], [0.0, 100.0]);
        let mut plot = Plot::new("t", [100.0, 100.0], axis, axis);
        let points = [
            (0.0, Some(1.0)),
            (1.0, Some(2.0)),
            (2.0, None),
            (3.0, Some(f64::NAN)),
            (4.0, Some(5.0)),
        ];
        plot.line("k", points);
        plot.line("none", [(1.0, None)]);
        let svg = plot.finish();
        assert!(svg.contains("d=\"M0.0 10.0L10.0 20.0M40.0 50.0\""), "{svg}");
        assert!(!svg.contains("none") && !svg.contains("NaN"), "{svg}");
    }

    #[test]
    fn names_cannot_break_out_of_the_page() {
        assert_eq!(escape("<script>\u{7}\"&"), "&lt;script&gt; &quot;&amp;");
    }
}
