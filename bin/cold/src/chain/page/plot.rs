//! What every picture of the page is made of: a frame, two axes, marks. Lengths are in pixels of
//! the view box; colours are classes, so that light and dark are the style sheet's business.

use std::fmt::{Arguments, Write};

/// A picture in the making, with axes from `x` and `y` to its frame.
pub(super) struct Plot {
    svg: String,
    pub(super) x: Axis,
    pub(super) y: Axis,
}

/// A straight scale from figures to pixels.
#[derive(Clone, Copy, Debug)]
pub(super) struct Axis {
    /// Figures at its ends.
    from: f64,
    to: f64,
    /// Pixels of its ends.
    start: f64,
    end: f64,
}

impl Axis {
    /// An axis for figures from `from` to `to`; where they are one, a little around it.
    pub(super) fn new([from, to]: [f64; 2], [start, end]: [f64; 2]) -> Self {
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

    /// Where a figure lies; at an end where it lies beyond.
    pub(super) fn at(&self, figure: f64) -> f64 {
        let share = (figure - self.from) / (self.to - self.from);
        self.start + (self.end - self.start) * share.clamp(0.0, 1.0)
    }

    /// Whether a figure is within.
    pub(super) fn holds(&self, figure: f64) -> bool {
        (self.from..=self.to).contains(&figure)
    }

    /// Round figures on it, about `count` of them.
    fn ticks(&self, count: f64) -> Vec<f64> {
        let rough = (self.to - self.from) / count;
        let decade = 10_f64.powf(rough.log10().floor());
        let nice = [1.0, 2.0, 2.5, 5.0, 10.0].map(|it| it * decade);
        let step = nice
            .into_iter()
            .find(|it| rough <= *it)
            .unwrap_or(10.0 * decade);
        let first = (self.from / step - 1e-9).ceil() as i64;
        let last = (self.to / step + 1e-9).floor() as i64;
        (first..=last).map(|place| place as f64 * step).collect()
    }
}

impl Plot {
    /// An empty picture of `size`, told to readers that cannot see it by `title`.
    pub(super) fn new(title: &str, [width, height]: [f64; 2], x: Axis, y: Axis) -> Self {
        let svg = format!(
            "<svg viewBox=\"0 0 {width} {height}\" role=\"img\"><title>{}</title>\n",
            escape(title)
        );
        Self { svg, x, y }
    }

    /// Round figures with lines across, and what they count.
    pub(super) fn grid_y(&mut self, name: impl Fn(f64) -> String, unit: &str) {
        let (left, right) = (self.x.start, self.x.end);
        for tick in self.y.ticks(6.0) {
            let y = self.y.at(tick);
            let class = if tick == 0.0 { "zero" } else { "grid" };
            self.push(format_args!(
                "<path class=\"{class}\" d=\"M{left:.1} {y:.1}H{right:.1}\"/>\n"
            ));
            self.text((left - 8.0, y + 4.0), "tick", "end", &name(tick));
        }
        self.text((left - 56.0, self.y.end - 14.0), "unit", "start", unit);
    }

    /// Round figures below, and what they count.
    pub(super) fn grid_x(&mut self, unit: &str) {
        let bottom = self.y.start;
        for tick in self.x.ticks(10.0) {
            let x = self.x.at(tick);
            self.push(format_args!(
                "<path class=\"grid\" d=\"M{x:.1} {bottom:.1}v5\"/>\n"
            ));
            let text = format!("{tick:.2}");
            let text = text.trim_end_matches('0').trim_end_matches('.');
            self.text((x, bottom + 20.0), "tick", "middle", text);
        }
        self.text((self.x.end, bottom + 38.0), "unit", "end", unit);
    }

    /// A bar from zero, with the words that a pointer over it shows.
    pub(super) fn bar(&mut self, class: &str, centre: f64, width: f64, value: f64, words: &str) {
        let (zero, end) = (self.y.at(0.0), self.y.at(value));
        let (x, y, height) = (centre - width / 2.0, zero.min(end), (zero - end).abs());
        if height < 0.05 {
            return;
        }
        let words = escape(words);
        self.push(format_args!(
            "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" \
             height=\"{height:.1}\"><title>{words}</title></rect>\n"
        ));
    }

    /// A line across all of the height at a figure of x, named at its upper end `lift` pixels
    /// above the frame; nothing where it lies outside.
    pub(super) fn mark(&mut self, class: &str, figure: f64, lift: f64, name: &str) {
        if !self.x.holds(figure) {
            return;
        }
        let (x, top, bottom) = (self.x.at(figure), self.y.end - lift, self.y.start);
        self.push(format_args!(
            "<path class=\"{class}\" d=\"M{x:.1} {top:.1}V{bottom:.1}\"/>\n"
        ));
        // A name near the right end stands on the left of its line.
        let is_right = self.x.end - x < 150.0;
        let (at, anchor) = if is_right {
            (x - 5.0, "end")
        } else {
            (x + 5.0, "start")
        };
        self.text((at, top + 9.0), &format!("name {class}"), anchor, name);
    }

    /// A line through points.
    pub(super) fn line(&mut self, class: &str, points: &[(f64, f64)]) {
        let mut path = String::new();
        for (idx, (x, y)) in points.iter().enumerate() {
            let verb = if idx == 0 { 'M' } else { 'L' };
            let _ = write!(path, "{verb}{:.1} {:.1}", self.x.at(*x), self.y.at(*y));
        }
        self.push(format_args!("<path class=\"{class}\" d=\"{path}\"/>\n"));
    }

    /// The area between points and zero, where `keep` is what of each counts.
    pub(super) fn area(&mut self, class: &str, points: &[(f64, f64)], keep: impl Fn(f64) -> f64) {
        let (Some(first), Some(last)) = (points.first(), points.last()) else {
            return;
        };
        let zero = self.y.at(0.0);
        let mut path = format!("M{:.1} {zero:.1}", self.x.at(first.0));
        for (x, y) in points {
            let _ = write!(path, "L{:.1} {:.1}", self.x.at(*x), self.y.at(keep(*y)));
        }
        let end = self.x.at(last.0);
        self.push(format_args!(
            "<path class=\"{class}\" d=\"{path}L{end:.1} {zero:.1}Z\"/>\n"
        ));
    }

    /// A dot.
    pub(super) fn dot(&mut self, class: &str, at: (f64, f64)) {
        let (x, y) = (self.x.at(at.0), self.y.at(at.1));
        self.push(format_args!(
            "<circle class=\"{class}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"2\"/>\n"
        ));
    }

    /// Text at a place in pixels.
    pub(super) fn text(&mut self, at: (f64, f64), class: &str, anchor: &str, text: &str) {
        let ((x, y), text) = (at, escape(text));
        self.push(format_args!(
            "<text class=\"{class}\" text-anchor=\"{anchor}\" x=\"{x:.1}\" y=\"{y:.1}\">{text}</text>\n"
        ));
    }

    /// Text that runs down to the right, where there is little room for it.
    pub(super) fn slanted(&mut self, (x, y): (f64, f64), text: &str) {
        let text = escape(text);
        self.push(format_args!(
            "<text class=\"tick\" text-anchor=\"end\" \
             transform=\"translate({x:.1} {y:.1}) rotate(-40)\">{text}</text>\n"
        ));
    }

    /// A part of one bar across the whole picture, with its name inside.
    pub(super) fn share(&mut self, class: &str, [from, to]: [f64; 2], name: &str, anchor: &str) {
        let (x, end) = (self.x.at(from), self.x.at(to));
        let width = end - x;
        self.push(format_args!(
            "<rect class=\"{class}\" x=\"{x:.1}\" y=\"2\" width=\"{width:.1}\" height=\"24\"/>\n"
        ));
        let at = if anchor == "end" { end } else { x };
        self.text((at, 42.0), "name", anchor, name);
    }

    /// The picture.
    pub(super) fn finish(mut self) -> String {
        self.svg.push_str("</svg>\n");
        self.svg
    }

    fn push(&mut self, args: Arguments<'_>) {
        // Writing to a string cannot fail.
        let _ = self.svg.write_fmt(args);
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
    fn names_cannot_break_out_of_the_page() {
        assert_eq!(escape("<script>\u{7}\"&"), "&lt;script&gt; &quot;&amp;");
    }
}
