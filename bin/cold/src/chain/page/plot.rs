//! What every picture of the page is made of: a frame, two axes, marks. Lengths are in pixels of
//! the view box; colours are classes, so that light and dark are the style sheet's business.

use std::fmt::{Arguments, Write};

pub(super) use crate::chart::{Axis, escape};

/// A picture in the making, with axes from `x` and `y` to its frame.
pub(super) struct Plot {
    svg: String,
    pub(super) x: Axis,
    pub(super) y: Axis,
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
        let [left, right] = self.x.pixels();
        for tick in self.y.ticks(6.0) {
            let y = self.y.at(tick);
            let class = if tick == 0.0 { "zero" } else { "grid" };
            self.push(format_args!(
                "<path class=\"{class}\" d=\"M{left:.1} {y:.1}H{right:.1}\"/>\n"
            ));
            self.text((left - 8.0, y + 4.0), "tick", "end", &name(tick));
        }
        let [_, top] = self.y.pixels();
        self.text((left - 56.0, top - 14.0), "unit", "start", unit);
    }

    /// Round figures below, and what they count.
    pub(super) fn grid_x(&mut self, unit: &str) {
        let ([bottom, _], [_, right]) = (self.y.pixels(), self.x.pixels());
        for tick in self.x.ticks(10.0) {
            let x = self.x.at(tick);
            self.push(format_args!(
                "<path class=\"grid\" d=\"M{x:.1} {bottom:.1}v5\"/>\n"
            ));
            let text = format!("{tick:.2}");
            let text = text.trim_end_matches('0').trim_end_matches('.');
            self.text((x, bottom + 20.0), "tick", "middle", text);
        }
        self.text((right, bottom + 38.0), "unit", "end", unit);
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

    /// A short line across a bar, with the words that a pointer over it shows.
    pub(super) fn level_at(&mut self, centre: f64, width: f64, value: f64, words: &str) {
        let (x, y, words) = (centre - width / 2.0 - 1.0, self.y.at(value), escape(words));
        let width = width + 2.0;
        self.push(format_args!(
            "<path class=\"level\" d=\"M{x:.1} {y:.1}h{width:.1}\"><title>{words}</title></path>\n"
        ));
    }

    /// A line across all of the height at a figure of x, named at its upper end `lift` pixels
    /// above the frame, to the left of a line on the left half; nothing where it lies outside.
    pub(super) fn mark(&mut self, class: &str, figure: f64, lift: f64, name: &str) {
        if !self.x.holds(figure) {
            return;
        }
        let (x, [bottom, end]) = (self.x.at(figure), self.y.pixels());
        let top = end - lift;
        self.push(format_args!(
            "<path class=\"{class}\" d=\"M{x:.1} {top:.1}V{bottom:.1}\"/>\n"
        ));
        let [left, right] = self.x.pixels();
        let is_right = x < f64::midpoint(left, right);
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

    /// Text at a place in pixels.
    pub(super) fn text(&mut self, at: (f64, f64), class: &str, anchor: &str, text: &str) {
        let ((x, y), text) = (at, escape(text));
        self.push(format_args!(
            "<text class=\"{class}\" text-anchor=\"{anchor}\" x=\"{x:.1}\" y=\"{y:.1}\">\
             {text}</text>\n"
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

    /// A part of one bar across the whole picture. Its name stands in the text around the picture,
    /// where it is as large as that.
    pub(super) fn share(&mut self, class: &str, [from, to]: [f64; 2]) {
        let (x, end) = (self.x.at(from), self.x.at(to));
        let width = end - x;
        self.push(format_args!(
            "<rect class=\"{class}\" x=\"{x:.1}\" y=\"2\" width=\"{width:.1}\" height=\"24\"/>\n"
        ));
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
