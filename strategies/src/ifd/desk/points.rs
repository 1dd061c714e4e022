//! An option's implied volatility from window to window, found when somebody asks (N10).
//!
//! A window leaves what option and underlying cost at its last trade. To find a volatility takes a
//! search, and hardly any window is asked about, so the prices are kept and not what they imply.

use undertow_core::types::Price;

use super::listing::Terms;
use crate::ifd::structure::Crush;
use crate::options::implied::{Search, volatility};
use crate::options::{points, pricing};

/// Windows that a crush is looked for in.
const POINTS: usize = 10;

/// What an option and its underlying cost at one time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Point {
    pub(super) ts: u64,
    /// The middle of the quote.
    pub(super) option: Price,
    pub(super) underlying: Price,
}

impl Point {
    /// By Black (1976) without interest, which moves a volatility by less than is asked about here.
    fn volatility(&self, option: &Terms, search: Search) -> Option<f64> {
        let left_ns = option.expiry.0.checked_sub(self.ts)?;
        let prices = [self.underlying, option.strike];
        let terms = pricing::Terms::on_future(option.right, prices, left_ns, 0.0).ok()?;
        volatility(&terms, points(self.option), search).ok()
    }
}

/// The points of the last windows.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Points {
    kept: [Option<Point>; POINTS],
    /// Where the next one goes, in the place of the oldest.
    next: usize,
}

impl Points {
    pub(super) const fn note(&mut self, point: Point) {
        self.kept[self.next] = Some(point);
        self.next = (self.next + 1) % POINTS;
    }

    /// The crush of volatility that they show, if it is one. A point without a volatility is none.
    pub(super) fn crush(&self, option: &Terms, search: Search) -> Option<Crush> {
        let (newer, older) = self.kept.split_at(self.next);
        let points = older.iter().chain(newer).flatten();
        let (mut found, mut count) = ([0.0; POINTS], 0);
        for vol in points.filter_map(|point| point.volatility(option, search)) {
            found[count] = vol;
            count += 1;
        }
        Crush::find(&found[..count])
    }
}
