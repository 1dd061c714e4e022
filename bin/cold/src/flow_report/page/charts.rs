//! The panels of the page, one below the other on one axis of time.
//!
//! Every panel has the same left and right end, so that a moment lies at the same place in all of
//! them. Right of it is room for the volume profile, a second scale, and what the lines say last.
//! Many intervals are drawn together: more columns than pixels would only blur.

use undertow_core::types::{Nanos, Price, Side};
use undertow_strategies::calendar::{Day, eastern_time_of_day};
use undertow_strategies::flow::vpin::{BENIGN_MAX, TOXIC_MIN};
use undertow_strategies::ifd::Direction;

use crate::chart::{Axis, Plot, Shape};
use crate::flow_report::gather::SIGNAL_MINUTES;
use crate::flow_report::words::{self, Grain};
use crate::flow_report::{FlowEvent, FlowReport, FlowRow, Kind};
use latency_report::text::thousands;

const WIDTH: f64 = 1_160.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 952.0;
/// Above a panel's frame: its unit. Below the frame of one without times: a little air.
const HEAD: f64 = 22.0;
const AIR: f64 = 8.0;
/// Below the frame of a panel with times.
const TIMES: f64 = 38.0;
/// Where the words on the right stand.
const ASIDE: f64 = 1_018.0;

/// Columns drawn at most.
const COLUMNS_MAX: u64 = 444;
/// Marks drawn at most; the largest.
pub(super) const MARKS_MAX: usize = 400;
/// Marks of time at most.
const TICKS_MAX: u64 = 10;
/// Levels of the profile, about.
const LEVELS: f64 = 56.0;
/// A line does not cross a gap longer than this, nor than so many columns.
const GAP_NS: u64 = 15 * 60 * 1_000_000_000;
const GAP_COLUMNS: u64 = 5;

/// What all panels share.
pub(super) struct Panels<'r> {
    report: &'r FlowReport,
    columns: Vec<FlowRow>,
    start: Nanos,
    x: Axis,
    ticks: Vec<Nanos>,
    gap: u64,
}

impl<'r> Panels<'r> {
    /// Panels of a report; none if it has no rows.
    pub(super) fn of(report: &'r FlowReport) -> Option<Self> {
        let first = report.rows.first()?;
        let [_, end] = report.span?;
        let start = first.start;
        let length = end.0.saturating_sub(start.0).max(1);
        let together = length.div_ceil(report.every.0).div_ceil(COLUMNS_MAX).max(1);
        let width = report.every.0.saturating_mul(together);
        Some(Self {
            report,
            columns: joined(&report.rows, width),
            start,
            x: Axis::new([0.0, length as f64], [LEFT, RIGHT]),
            ticks: ticks(start, end),
            gap: GAP_NS.max(width.saturating_mul(GAP_COLUMNS)),
        })
    }

    /// How many columns are drawn for how many rows, if that is not one for each.
    pub(super) fn thinning(&self) -> Option<(usize, usize)> {
        let (columns, rows) = (self.columns.len(), self.report.rows.len());
        (columns < rows).then_some((columns, rows))
    }

    /// Price, touch, average, events; volume by price beside it.
    pub(super) fn price(&self) -> String {
        const HEIGHT: f64 = 370.0;
        let y = Axis::around(self.price_figures(), 0.04, [HEAD + HEIGHT, HEAD]);
        let mut plot = self.plot("Price", y, HEIGHT, true);
        plot.grid_y(8.0, decimal, "price, points");
        self.bands(&mut plot);
        for row in &self.columns {
            if let (Some(low), Some(high)) = (row.low, row.high) {
                let (x, ends) = (self.middle(&plot, row), [low, high].map(points));
                let [bottom, top] = ends.map(|it| plot.y.at(it));
                plot.path(
                    "range",
                    &format!("M{x:.1} {bottom:.1}V{:.1}", top.min(bottom - 1.0)),
                );
            }
        }
        plot.line("last", self.line(|row| row.last.map(points)));
        plot.line("vwap", self.line(|row| row.vwap.map(points)));
        for event in largest(&self.report.events) {
            self.event(&mut plot, event);
        }
        self.profile(&mut plot);
        self.times(&mut plot);
        plot.finish()
    }

    /// Volume by aggressor, and the running difference.
    pub(super) fn volume(&self) -> String {
        const HEIGHT: f64 = 150.0;
        let most = self
            .columns
            .iter()
            .map(|row| row.traded.bought.max(row.traded.sold));
        let most = most.max().unwrap_or(0).max(1) as f64;
        let y = Axis::new([-most * 1.05, most * 1.05], [HEAD + HEIGHT, HEAD]);
        let mut plot = self.plot("Volume by aggressor and CVD", y, HEIGHT, false);
        let unit = format!("{} a column: bought above, sold below", self.unit());
        plot.grid_y(5.0, |it| figure(it.abs()), &unit);
        for row in &self.columns {
            let x = [self.at(row.start), self.at(row.end)];
            let traded = &row.traded;
            let words = |what: &str, size: u64| {
                let when = words::moment(row.end, Grain::Second);
                format!("{} {what} up to\n{when}", thousands(size))
            };
            for (class, size, sign) in [("buy", traded.bought, 1.0), ("sell", traded.sold, -1.0)] {
                if size > 0 {
                    let what = if sign > 0.0 { "bought" } else { "sold" };
                    plot.block(class, x, [0.0, sign * size as f64], &words(what, size));
                }
            }
        }
        self.cvd(&mut plot);
        plot.finish()
    }

    /// VPIN, toxicity and hidden orders, all in [0, 1]; none for what has no such measure.
    pub(super) fn toxicity(&self) -> Option<String> {
        if !self.report.is_measured() {
            return None;
        }
        const HEIGHT: f64 = 130.0;
        let y = Axis::new([0.0, 1.0], [HEAD + HEIGHT, HEAD]);
        let mut plot = self.plot("VPIN, toxicity and hidden orders", y, HEIGHT, false);
        for [from, to] in self.warming() {
            plot.block("warm", [from, to], [0.0, 1.0], "VPIN is warming");
        }
        plot.grid_y(
            5.0,
            |it| format!("{it:.1}"),
            "share, 0 to 1; shaded while VPIN is warming",
        );
        for (limit, name) in [(TOXIC_MIN, "toxic .70"), (BENIGN_MAX, "benign .30")] {
            plot.level("limit", limit);
            let at = (RIGHT + 6.0, plot.y.at(limit) + 4.0);
            plot.text(at, "tick", "start", name);
        }
        plot.line("third", self.line(|row| row.hidden));
        plot.line("second", self.line(|row| row.toxicity));
        plot.line("line", self.line(|row| row.vpin.map(|vpin| vpin.value)));
        let last = self.report.rows.last();
        let vpin = last.and_then(|row| row.vpin);
        let values = [
            ("line", "VPIN", words::vpin(vpin)),
            (
                "second",
                "toxicity",
                words::share(last.and_then(|row| row.toxicity)),
            ),
            (
                "third",
                "hidden",
                words::share(last.and_then(|row| row.hidden)),
            ),
        ];
        aside(&mut plot, &values);
        Some(plot.finish())
    }

    /// Imbalance of the book.
    pub(super) fn imbalance(&self) -> String {
        const HEIGHT: f64 = 110.0;
        let y = Axis::new([-1.0, 1.0], [HEAD + HEIGHT, HEAD]);
        let mut plot = self.plot("Order book imbalance", y, HEIGHT, false);
        let name = |it: f64| match it == 0.0 {
            true => "0".to_owned(),
            false => format!("{it:+.1}"),
        };
        plot.grid_y(4.0, name, "book imbalance: bids above, offers below");
        for row in &self.columns {
            if let Some(l5) = row.obi_l5 {
                let x = [self.at(row.start), self.at(row.end)];
                let class = if l5 < 0.0 { "sell" } else { "buy" };
                let when = words::moment(row.end, Grain::Second);
                plot.block(
                    class,
                    x,
                    [0.0, l5],
                    &format!("five levels {l5:+.2} at\n{when}"),
                );
            }
        }
        plot.line("thin", self.line(|row| row.obi_l1));
        let last = self.report.rows.last();
        let values = [
            (
                "block",
                "five levels",
                words::balance(last.and_then(|row| row.obi_l5)),
            ),
            (
                "thin",
                "touch",
                words::balance(last.and_then(|row| row.obi_l1)),
            ),
        ];
        aside(&mut plot, &values);
        plot.finish()
    }

    /// Order flow imbalance by column.
    pub(super) fn order_flow(&self, has_times: bool) -> String {
        const HEIGHT: f64 = 110.0;
        let most = self
            .columns
            .iter()
            .filter_map(|row| row.ofi.map(i64::unsigned_abs));
        let most = most.max().unwrap_or(0).max(1) as f64;
        let y = Axis::new([-most * 1.05, most * 1.05], [HEAD + HEIGHT, HEAD]);
        let mut plot = self.plot("Order flow imbalance", y, HEIGHT, has_times);
        let unit = format!("order flow imbalance (OFI), {} a column", self.unit());
        plot.grid_y(4.0, figure, &unit);
        for row in &self.columns {
            if let Some(ofi) = row.ofi.filter(|ofi| *ofi != 0) {
                let x = [self.at(row.start), self.at(row.end)];
                let class = if ofi < 0 { "sell" } else { "buy" };
                let when = words::moment(row.end, Grain::Second);
                let words = format!("OFI {} up to\n{when}", words::signed(ofi));
                plot.block(class, x, [0.0, ofi as f64], &words);
            }
        }
        if has_times {
            self.times(&mut plot);
        }
        plot.finish()
    }

    /// Pressure windows and institutional flow, where there are any.
    pub(super) fn pressure(&self) -> Option<String> {
        let (report, is_option) = (self.report, self.report.is_option());
        if report.windows.is_empty() && report.signals.is_empty() {
            return None;
        }
        const HEIGHT: f64 = 150.0;
        let y = if is_option {
            self.window_axis(HEIGHT)
        } else {
            Axis::new([-1.15, 1.15], [HEAD + HEIGHT, HEAD])
        };
        let mut plot = self.plot("Pressure windows and institutional flow", y, HEIGHT, true);
        if is_option {
            let unit = "contracts in five minutes: bought above, sold below; pale where balanced";
            plot.grid_y(4.0, |it| figure(it.abs()), unit);
            self.windows(&mut plot);
        } else {
            let unit = "confidence of pressure on options: for a rise above, for a fall below; \
                        size is volume";
            plot.grid_y(4.0, |it| format!("{:.1}", it.abs()), unit);
            self.bubbles(&mut plot);
        }
        self.signals(&mut plot, is_option);
        self.times(&mut plot);
        Some(plot.finish())
    }

    fn window_axis(&self, height: f64) -> Axis {
        let windows = self.report.windows.iter().map(|it| &it.of.tally);
        let most = windows.map(|tally| tally.buy.max(tally.sell)).max();
        let most = most.unwrap_or(0).max(1) as f64 * 1.1;
        Axis::new([-most, most], [HEAD + height, HEAD])
    }

    /// Bars of an option's own windows.
    fn windows(&self, plot: &mut Plot) {
        let windows = self.report.windows.iter();
        for window in windows.filter(|window| window.of.minutes == SIGNAL_MINUTES) {
            let of = &window.of;
            let words = words::window(&window.name, of);
            let end = Nanos(of.start.0 + of.minutes * 60_000_000_000);
            let x = [self.at(of.start), self.at(end)];
            let weak = match of.tally.dominance() {
                undertow_strategies::ifd::pressure::Dominance::Neutral => " weak",
                _ => "",
            };
            plot.block(&format!("buy{weak}"), x, [0.0, of.tally.buy as f64], &words);
            plot.block(
                &format!("sell{weak}"),
                x,
                [0.0, -(of.tally.sell as f64)],
                &words,
            );
        }
    }

    /// One bubble for every one-sided window of an option on the instrument.
    fn bubbles(&self, plot: &mut Plot) {
        let volume = |at: usize| self.report.windows[at].of.tally.volume();
        let mut places: Vec<usize> = (0..self.report.windows.len()).collect();
        // Large ones first, so that small ones lie above them.
        places.sort_by_key(|at| (std::cmp::Reverse(volume(*at)), *at));
        places.truncate(MARKS_MAX);
        let most = places.first().map_or(1, |at| volume(*at)).max(1) as f64;
        for at in places {
            let window = &self.report.windows[at];
            let (of, tally) = (&window.of, &window.of.tally);
            let way = Direction::of_pressure(of.contract.right, tally.dominance());
            let Some(way) = way else { continue };
            let middle = Nanos(of.start.0 + of.minutes * 30_000_000_000);
            let (class, up) = leaning(way);
            let at = (
                plot.x.at(self.at(middle)),
                plot.y.at(up * tally.confidence()),
            );
            let radius = 2.5 + 8.5 * (tally.volume() as f64 / most).sqrt();
            let words = words::window(&window.name, of);
            plot.mark(
                &format!("bubble {class}"),
                at,
                &Shape::Circle(radius),
                &words,
            );
        }
    }

    fn signals(&self, plot: &mut Plot, is_option: bool) {
        for signal in &self.report.signals {
            let of = &signal.of;
            let (class, up) = leaning(of.direction);
            let [bottom, top] = plot.y.pixels();
            let edge = if up > 0.0 { top + 8.0 } else { bottom - 8.0 };
            let y = match is_option {
                true => edge,
                false => plot.y.at(up * of.confidence),
            };
            let shape = if up > 0.0 {
                Shape::Up(8.0)
            } else {
                Shape::Down(8.0)
            };
            let words = format!(
                "{} {} {} by {}, confidence {:.2}, {}\n{}\n{}",
                signal.name,
                of.direction.name(),
                of.level.name(),
                words::version(of.version),
                of.confidence,
                of.action.name(),
                words::evidence(of),
                words::moment(of.ts, Grain::Milli),
            );
            let at = (plot.x.at(self.at(of.ts)), y);
            plot.mark(&format!("signal {class}"), at, &shape, &words);
        }
    }

    /// A panel with lines down at round times.
    fn plot(&self, title: &str, y: Axis, height: f64, has_times: bool) -> Plot {
        let below = if has_times { TIMES } else { AIR };
        let title = format!("{title} of {}", self.report.name);
        let mut plot = Plot::new(&title, [WIDTH, HEAD + height + below], self.x, y);
        for tick in &self.ticks {
            let x = self.x.at(self.at(*tick));
            plot.path("grid", &format!("M{x:.1} {HEAD:.1}V{:.1}", HEAD + height));
        }
        plot
    }

    /// Round times below the frame, on New York's clocks and in UTC.
    fn times(&self, plot: &mut Plot) {
        let [bottom, _] = plot.y.pixels();
        let grain = match self.ticks[..] {
            [first, second, ..] => Grain::of(Nanos(second.0 - first.0)),
            _ => Grain::Second,
        };
        let (et_y, utc_y) = (bottom + 17.0, bottom + 32.0);
        plot.text((LEFT - 8.0, et_y), "tick", "end", "ET");
        plot.text((LEFT - 8.0, utc_y), "tick", "end", "UTC");
        let mut days: [Option<Day>; 2] = [None; 2];
        for tick in &self.ticks {
            let x = plot.x.at(self.at(*tick));
            let now = [Day::eastern(*tick), words::utc_day(*tick)];
            let dated = |place: usize, time: String| {
                let (_, month, day) = now[place].ymd();
                match days[place] == Some(now[place]) {
                    true => time,
                    false => format!("{month:02}-{day:02} {time}"),
                }
            };
            let et = dated(0, words::eastern(*tick, grain));
            let utc = dated(1, words::utc(*tick, grain));
            days = now.map(Some);
            plot.text((x, et_y), "value", "middle", &et);
            plot.text((x, utc_y), "tick", "middle", &utc);
        }
    }

    /// The room between bid and ask, run by run.
    fn bands(&self, plot: &mut Plot) {
        let mut run: Vec<(f64, [f64; 2])> = Vec::new();
        let mut last: Option<Nanos> = None;
        for row in &self.columns {
            let is_far = last.is_some_and(|last| row.start.0.saturating_sub(last.0) > self.gap);
            // Before an opening auction the sides cross, and there is nothing between them.
            let has_room = row.touch.is_two_sided() && !row.touch.is_crossed();
            if is_far || !has_room {
                plot.band("band", &std::mem::take(&mut run));
            }
            if has_room {
                run.push((self.at(row.end), [row.touch.bid, row.touch.ask].map(points)));
            }
            last = Some(row.end);
        }
        plot.band("band", &run);
    }

    fn event(&self, plot: &mut Plot, event: &FlowEvent) {
        let at = (plot.x.at(self.at(event.ts)), plot.y.at(points(event.price)));
        let side = match event.side {
            Side::Bid => "buy",
            Side::Ask => "sell",
            Side::None => "none",
        };
        let words = words::sentence(event);
        let size = 3.5 + (event.size as f64).sqrt() * 0.35;
        let (class, shape) = match (event.kind, event.side) {
            (Kind::Sweep { .. }, Side::Ask) => ("mark", Shape::Down(size.min(9.0))),
            (Kind::Sweep { .. }, _) => ("mark", Shape::Up(size.min(9.0))),
            (Kind::Pressure { .. }, _) => ("bubble", Shape::Diamond(8.0)),
            (Kind::Block, _) => ("bubble", Shape::Circle(size.min(14.0))),
            (Kind::Iceberg { .. } | Kind::Slices { .. }, _) => {
                return plot.mark("hide", at, &Shape::Diamond(size.clamp(6.0, 10.0)), &words);
            }
            (Kind::Hidden, _) => {
                return plot.mark("ring", at, &Shape::Circle(size.min(7.0)), &words);
            }
        };
        plot.mark(&format!("{class} {side}"), at, &shape, &words);
    }

    /// Volume by price, in the room on the right.
    fn profile(&self, plot: &mut Plot) {
        let [low, high] = plot.y.figures();
        let tick = self.report.tick().map_or(0.01, points);
        let step = ((high - low) / LEVELS / tick).ceil().max(1.0) * tick;
        let mut levels: Vec<[u64; 3]> = vec![[0; 3]; ((high - low) / step).ceil() as usize + 1];
        for (price, sizes) in &self.report.profile {
            let place = ((points(*price) - low) / step).floor();
            if let Some(level) = levels.get_mut(place.max(0.0) as usize) {
                level
                    .iter_mut()
                    .zip(sizes)
                    .for_each(|(sum, size)| *sum += size);
            }
        }
        let sum = |level: &[u64; 3]| level.iter().sum::<u64>();
        let most = levels.iter().map(sum).max().unwrap_or(0);
        if most == 0 {
            return;
        }
        let room = WIDTH - 12.0 - (RIGHT + 12.0);
        plot.text(
            (RIGHT + 12.0, HEAD - 9.0),
            "unit",
            "start",
            &format!("{} by price", self.unit()),
        );
        for (place, level) in levels
            .iter()
            .enumerate()
            .filter(|(_, level)| sum(level) > 0)
        {
            let bottom = low + step * place as f64;
            let (lower, upper) = (plot.y.at(bottom), plot.y.at(bottom + step));
            let (y, height) = (upper + 0.5, (lower - upper - 1.0).max(0.8));
            let [bought, sold, unsided] = *level;
            let words = format!(
                "{} from {} on: {} bought, {} sold",
                thousands(sum(level)),
                decimal(bottom),
                thousands(bought),
                thousands(sold)
            );
            let mut x = RIGHT + 12.0;
            for (class, size) in [("buy", bought), ("sell", sold), ("unsided", unsided)] {
                let width = room * size as f64 / most as f64;
                if width > 0.05 {
                    plot.rect(class, (x, y), (width, height), &words);
                    x += width;
                }
            }
            if sum(level) == most {
                plot.rect("poc", (RIGHT + 12.0, y), (room, height), &words);
            }
        }
    }

    /// The running difference of bought and sold, with a scale of its own on the right.
    fn cvd(&self, plot: &mut Plot) {
        let figures = self.columns.iter().map(|row| row.cvd as f64);
        let axis = Axis::around(figures, 0.08, plot.y.pixels());
        let own = std::mem::replace(&mut plot.y, axis);
        plot.line("line", self.line(|row| Some(row.cvd as f64)));
        for tick in axis.ticks(4.0) {
            let y = axis.at(tick);
            plot.path("zero", &format!("M{RIGHT:.1} {y:.1}h4"));
            plot.text((RIGHT + 8.0, y + 4.0), "tick", "start", &figure(tick));
        }
        plot.y = own;
        let (last, totals) = (self.report.rows.last(), &self.report.totals);
        let values = [
            (
                "line",
                "CVD",
                last.map_or_else(String::new, |row| words::signed(row.cvd)),
            ),
            ("buy", "bought", thousands(totals.bought)),
            ("sell", "sold", thousands(totals.sold)),
        ];
        aside(plot, &values);
    }

    /// Spans in which VPIN has fewer buckets than wanted; none where there is no VPIN at all.
    fn warming(&self) -> Vec<[f64; 2]> {
        let warms = |row: &FlowRow| row.vpin.is_none_or(|vpin| vpin.is_warming);
        let has_any = self.columns.iter().any(|row| row.vpin.is_some());
        let runs = self.columns.chunk_by(|a, b| warms(a) == warms(b));
        let span = |run: &[FlowRow]| {
            let (first, last) = (run.first()?, run.last()?);
            (has_any && warms(first)).then(|| [self.at(first.start), self.at(last.end)])
        };
        runs.filter_map(span).collect()
    }

    /// Prices that the panel must hold: those traded, or else those quoted.
    fn price_figures(&self) -> Vec<f64> {
        let traded = self.columns.iter().flat_map(|row| [row.low, row.high]);
        let mut prices: Vec<Price> = traded.flatten().collect();
        if prices.len() < 4 {
            let quoted = self
                .columns
                .iter()
                .flat_map(|row| [row.touch.bid, row.touch.ask]);
            prices.extend(quoted.filter(|price| price.is_defined()));
        }
        prices.extend(self.columns.iter().filter_map(|row| row.vwap));
        prices.into_iter().map(points).collect()
    }

    /// A measure over time, with an end where nothing happened for long.
    fn line(&self, of: impl Fn(&FlowRow) -> Option<f64>) -> Vec<(f64, Option<f64>)> {
        let mut line = Vec::with_capacity(self.columns.len());
        let mut last: Option<Nanos> = None;
        for row in &self.columns {
            if last.is_some_and(|last| row.start.0.saturating_sub(last.0) > self.gap) {
                line.push((self.at(row.start), None));
            }
            line.push((self.at(row.end), of(row)));
            last = Some(row.end);
        }
        line
    }

    fn middle(&self, plot: &Plot, row: &FlowRow) -> f64 {
        plot.x
            .at(f64::midpoint(self.at(row.start), self.at(row.end)))
    }

    /// A moment on the axis of time: nanoseconds since its beginning.
    fn at(&self, t: Nanos) -> f64 {
        t.0.saturating_sub(self.start.0) as f64
    }

    fn unit(&self) -> &'static str {
        use undertow_core::event::InstrumentClass::Stock;
        match self.report.terms.map(|terms| terms.class) {
            Some(Stock) => "shares",
            Some(_) => "contracts",
            None => "size",
        }
    }
}

/// The events that are drawn and listed: the largest, in order of time.
pub(super) fn largest(events: &[FlowEvent]) -> Vec<&FlowEvent> {
    let mut kept: Vec<&FlowEvent> = events.iter().collect();
    kept.sort_by_key(|event| std::cmp::Reverse(event.size));
    kept.truncate(MARKS_MAX);
    kept.sort_by_key(|event| event.ts);
    kept
}

/// Rows of the same multiple of `width` as one.
fn joined(rows: &[FlowRow], width: u64) -> Vec<FlowRow> {
    let place = |row: &FlowRow| row.start.0 / width;
    let runs = rows.chunk_by(|a, b| place(a) == place(b));
    let join = |run: &[FlowRow]| {
        let [first, rest @ ..] = run else { return None };
        let join = |mut sum: FlowRow, row: &FlowRow| {
            let mut traded = row.traded;
            traded.trades += sum.traded.trades;
            traded.bought += sum.traded.bought;
            traded.sold += sum.traded.sold;
            traded.unsided += sum.traded.unsided;
            let ofi = sum
                .ofi
                .into_iter()
                .chain(row.ofi)
                .reduce(i64::saturating_add);
            let high = sum.high.max(row.high);
            // The lesser of two options would be the absent one.
            let low = sum.low.into_iter().chain(row.low).min();
            sum = FlowRow {
                start: sum.start,
                traded,
                ofi,
                high,
                low,
                ..*row
            };
            sum
        };
        Some(rest.iter().fold(*first, join))
    };
    runs.filter_map(join).collect()
}

/// Round times of New York's clocks.
fn ticks(start: Nanos, end: Nanos) -> Vec<Nanos> {
    const SECOND: u64 = 1_000_000_000;
    const STEPS: [u64; 18] = [
        1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200,
        86_400,
    ];
    let length = end.0.saturating_sub(start.0);
    let fits = |step: &&u64| length / (**step * SECOND) <= TICKS_MAX;
    let step = STEPS
        .iter()
        .find(fits)
        .map_or(length / TICKS_MAX, |step| step * SECOND);
    let since = eastern_time_of_day(start).0 % step;
    let first = if since == 0 {
        start.0
    } else {
        start.0 - since + step
    };
    let ticks = (0..=TICKS_MAX + 1).map(|place| Nanos(first + place * step));
    ticks.take_while(|tick| *tick <= end).collect()
}

/// The class of a direction, and which way is up.
const fn leaning(way: Direction) -> (&'static str, f64) {
    match way {
        Direction::Long => ("buy", 1.0),
        Direction::Short => ("sell", -1.0),
    }
}

/// What each line says last, in the room on the right.
fn aside(plot: &mut Plot, values: &[(&str, &str, String)]) {
    let [bottom, top] = plot.y.pixels();
    let first = f64::midpoint(bottom, top) - 9.0 * (values.len() as f64 - 1.0);
    for (place, (class, name, value)) in values.iter().enumerate() {
        let y = first + 18.0 * place as f64;
        match *class {
            "buy" | "sell" => plot.rect(class, (ASIDE + 6.0, y - 9.0), (10.0, 10.0), ""),
            "block" => {
                plot.rect("buy", (ASIDE, y - 9.0), (10.0, 10.0), "");
                plot.rect("sell", (ASIDE + 11.0, y - 9.0), (10.0, 10.0), "");
            }
            _ => plot.path(class, &format!("M{ASIDE:.1} {:.1}h22", y - 4.0)),
        }
        plot.text((ASIDE + 28.0, y), "tick", "start", name);
        plot.text((WIDTH - 12.0, y), "value", "end", value);
    }
}

fn points(price: Price) -> f64 {
    price.0 as f64 / Price::PER_POINT as f64
}

/// A figure with as many decimals as it needs, at most four.
fn decimal(figure: f64) -> String {
    let text = format!("{figure:.4}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    let text = if text == "-0" { "0" } else { text };
    match text.split_once('.') {
        Some((whole, fraction)) if fraction.len() == 1 => format!("{whole}.{fraction}0"),
        _ => text.to_owned(),
    }
}

/// A count as short as it is exact enough on a scale: `850`, `1.5 k`, `20 k`, `3 M`.
fn figure(figure: f64) -> String {
    let (scaled, unit) = match figure.abs() {
        1e6.. => (figure / 1e6, " M"),
        1e4.. => (figure / 1e3, " k"),
        _ => (figure, ""),
    };
    let text = format!("{scaled:.1}");
    let text = text.strip_suffix(".0").unwrap_or(&text);
    format!("{}{unit}", if text == "-0" { "0" } else { text })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2023-12-25T23:00:00Z, 18:00 in New York.
    const EVENING: u64 = 1_703_545_200_000_000_000;
    const MINUTE: u64 = 60_000_000_000;

    #[test]
    fn times_are_round_in_new_york() {
        let ticks = ticks(Nanos(EVENING + 1), Nanos(EVENING + 23 * 60 * MINUTE));
        assert!((4..=12).contains(&ticks.len()), "{}", ticks.len());
        for tick in &ticks {
            assert_eq!(
                eastern_time_of_day(*tick).0 % (3 * 60 * MINUTE),
                0,
                "{tick:?}"
            );
        }
    }

    #[test]
    fn joined_rows_lose_no_volume_and_keep_the_extremes() {
        let mut rows = Vec::new();
        for minute in 0..10 {
            let mut row = crate::flow_report::watch::opened(Nanos(EVENING + minute * MINUTE));
            row.end = Nanos(row.start.0 + MINUTE);
            row.traded.bought = minute;
            row.ofi = (minute % 2 == 0).then_some(1);
            row.low = (minute > 0).then_some(Price(minute.cast_signed()));
            row.high = row.low;
            rows.push(row);
        }
        let joined = joined(&rows, 5 * MINUTE);
        assert_eq!(joined.len(), 2);
        assert_eq!(joined.iter().map(|row| row.traded.bought).sum::<u64>(), 45);
        assert_eq!(
            (joined[0].low, joined[0].high),
            (Some(Price(1)), Some(Price(4)))
        );
        assert_eq!((joined[0].ofi, joined[1].ofi), (Some(3), Some(2)));
        assert_eq!(
            (joined[0].start, joined[0].end),
            (rows[0].start, rows[4].end)
        );
    }

    #[test]
    fn figures_on_scales_are_short() {
        let cases = [
            (850.0, "850"),
            (12_500.0, "12.5 k"),
            (3e6, "3 M"),
            (-0.0, "0"),
        ];
        for (value, text) in cases {
            assert_eq!(figure(value), text);
        }
        assert_eq!(decimal(4_806.5), "4806.50");
        assert_eq!(decimal(4_806.0), "4806");
    }
}
