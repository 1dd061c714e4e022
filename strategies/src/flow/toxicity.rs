//! Pattern toxicity and its blend with VPIN and the book (A6).
//!
//! Patterns of the last trades: odd lots, blocks, and quick monotone runs. Runs are cut from the
//! whole stream of trades and count while their first trade is in the window, so that a figure
//! does not depend on where the window happens to begin.

use undertow_core::types::{Nanos, Price};

use super::window::Window;

/// Longest run from its first trade.
const RUN_NS: u64 = 250_000_000;

/// Which sizes are odd.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum OddLot {
    /// Below the round lot.
    #[default]
    BelowRoundLot,
    /// Not a multiple of 100, whatever the round lot.
    NotMultipleOf100,
}

/// What the parts of the blend weigh.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ToxicityWeights {
    /// Of VPIN.
    pub vpin: f64,
    /// Of the venues' score; 0 where venues are not known.
    pub venue: f64,
    /// Of the pattern.
    pub pattern: f64,
    /// Of the book's variability.
    pub book: f64,
}

impl ToxicityWeights {
    /// Without venue data.
    pub const ADAPTED: Self = Self {
        vpin: 0.70,
        venue: 0.0,
        pattern: 0.25,
        book: 0.05,
    };

    /// With venue data.
    pub const WITH_VENUE: Self = Self {
        vpin: 0.50,
        venue: 0.25,
        pattern: 0.20,
        book: 0.05,
    };

    /// The blend; absent when a part that has weight is.
    #[must_use]
    pub fn blend(
        &self,
        vpin: Option<f64>,
        venue: Option<f64>,
        pattern: Option<f64>,
        book: Option<f64>,
    ) -> Option<f64> {
        let parts = [
            (self.vpin, vpin),
            (self.venue, venue),
            (self.pattern, pattern),
            (self.book, book),
        ];
        let weighed = parts.into_iter().filter(|(weight, _)| *weight != 0.0);
        weighed
            .map(|(weight, part)| part.map(|part| weight * part))
            .sum()
    }
}

/// What a blend means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ToxicityLabel {
    /// At least 0.70.
    Toxic,
    /// Between.
    Neutral,
    /// At most 0.30.
    Benign,
}

impl ToxicityLabel {
    /// The label of a blend.
    #[must_use]
    pub const fn of(toxicity: f64) -> Self {
        if toxicity >= 0.70 {
            Self::Toxic
        } else if toxicity <= 0.30 {
            Self::Benign
        } else {
            Self::Neutral
        }
    }
}

/// The round lot of a US stock at a price, in shares, as in force since 2025-11-03.
#[must_use]
pub const fn round_lot(price: Price) -> u64 {
    const POINT: i64 = Price::PER_POINT;
    match price.0 {
        at if at <= 250 * POINT => 100,
        at if at <= 1_000 * POINT => 40,
        at if at <= 10_000 * POINT => 10,
        _ => 1,
    }
}

/// What of a trade the pattern remembers.
#[derive(Clone, Copy, Debug, Default)]
struct Mark {
    is_odd: bool,
    is_block: bool,
    starts_run: bool,
}

/// Patterns of one instrument's trades.
#[derive(Clone, Debug)]
pub struct Pattern {
    odd_lot: OddLot,
    block_min: u64,
    marks: Window<Mark>,
    odd: u32,
    blocks: u32,
    runs: u32,
    chain: Chain,
}

impl Pattern {
    /// Patterns of the last `trades` trades; a block has at least `block_min`.
    #[must_use]
    pub fn new(trades: usize, odd_lot: OddLot, block_min: u64) -> Self {
        Self {
            odd_lot,
            block_min: block_min.max(1),
            marks: Window::new(trades),
            odd: 0,
            blocks: 0,
            runs: 0,
            chain: Chain::default(),
        }
    }

    /// Forgets everything; a block has at least `block_min` from now on.
    pub fn restart(&mut self, block_min: u64) {
        self.block_min = block_min.max(1);
        self.marks.clear();
        (self.odd, self.blocks, self.runs) = (0, 0, 0);
        self.chain = Chain::default();
    }

    /// Adds a trade of an instrument whose round lot is `round_lot`.
    pub fn trade(&mut self, ts: Nanos, price: Price, size: u64, round_lot: u64) {
        let mark = Mark {
            is_odd: match self.odd_lot {
                OddLot::BelowRoundLot => size < round_lot,
                OddLot::NotMultipleOf100 => !size.is_multiple_of(100),
            },
            is_block: size >= self.block_min,
            starts_run: false,
        };
        self.odd += u32::from(mark.is_odd);
        self.blocks += u32::from(mark.is_block);
        if let Some(gone) = self.marks.push(mark) {
            self.odd -= u32::from(gone.is_odd);
            self.blocks -= u32::from(gone.is_block);
            self.runs -= u32::from(gone.starts_run);
        }
        if self.chain.trade(ts, price.0) {
            // The third trade makes a run; its first may have left a very short window.
            if let Some(first) = self.marks.back_mut(2) {
                first.starts_run = true;
                self.runs += 1;
            }
        }
    }

    /// The share of odd lots, that of blocks, and the runs; none before the first trade.
    #[must_use]
    pub fn shares(&self) -> Option<(f64, f64, u32)> {
        let trades = self.marks.len() as f64;
        let share = |count: u32| f64::from(count) / trades;
        (!self.marks.is_empty()).then(|| (share(self.odd), share(self.blocks), self.runs))
    }

    /// The pattern score, in [0, 1]; none before the first trade.
    #[must_use]
    pub fn score(&self) -> Option<f64> {
        let (odd, block, runs) = self.shares()?;
        let runs_max = (self.marks.len() / 3).max(1) as f64;
        let score = 0.70 * odd + 0.90 * f64::from(runs) / runs_max - 0.50 * block;
        Some(score.clamp(0.0, 1.0))
    }
}

/// Finds runs of three or more strictly monotone trades within 250 ms of the first, apart from
/// each other.
#[derive(Clone, Copy, Debug)]
struct Chain {
    /// The last two trades; the price is undefined where there is none.
    before: [(Nanos, i64); 2],
    /// First instant of the open run and whether it rises, once it has three trades.
    run: Option<(Nanos, bool)>,
}

impl Default for Chain {
    fn default() -> Self {
        Self {
            before: [(Nanos(0), i64::MAX); 2],
            run: None,
        }
    }
}

impl Chain {
    const NOTHING: (Nanos, i64) = (Nanos(0), i64::MAX);

    /// Adds a trade, and says whether it is the third of a new run.
    fn trade(&mut self, ts: Nanos, price: i64) -> bool {
        let [(first_ts, first), (_, last)] = self.before;
        let is_near = |start: Nanos| ts.0.saturating_sub(start.0) <= RUN_NS;
        if let Some((start, rises)) = self.run {
            let goes_on = if rises { price > last } else { price < last };
            if goes_on && is_near(start) {
                self.before[1] = (ts, price);
                return false;
            }
            // What belongs to a run begins no other.
            self.run = None;
            self.before = [Self::NOTHING, (ts, price)];
            return false;
        }
        self.before = [self.before[1], (ts, price)];
        let is_whole = first != i64::MAX && last != i64::MAX;
        let rises = first < last && last < price;
        let falls = first > last && last > price;
        let is_run = is_whole && (rises || falls) && is_near(first_ts);
        if is_run {
            self.run = Some((first_ts, rises));
        }
        is_run
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    fn runs(trades: &[(u64, i64)]) -> u32 {
        let mut pattern = Pattern::new(50, OddLot::default(), 10_000);
        for &(ms, price) in trades {
            pattern.trade(Nanos(ms * MS), Price(price), 100, 100);
        }
        pattern.shares().map_or(0, |(_, _, runs)| runs)
    }

    #[test]
    fn runs_are_strict_quick_and_apart() {
        assert_eq!(runs(&[(0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (5, 6)]), 1);
        assert_eq!(runs(&[(0, 1), (1, 2), (2, 2), (3, 3)]), 0, "not strict");
        assert_eq!(runs(&[(0, 1), (100, 2), (251, 3)]), 0, "too slow");
        assert_eq!(
            runs(&[(0, 1), (200, 2), (300, 3), (400, 4)]),
            1,
            "from the second"
        );
        assert_eq!(runs(&[(0, 1), (1, 2), (2, 1), (3, 0)]), 1, "2 1 0 falls");
        assert_eq!(
            runs(&[(0, 1), (1, 2), (2, 3), (3, 2), (4, 1)]),
            1,
            "3 is used"
        );
        assert_eq!(runs(&[(0, 1), (1, 2), (2, 3), (3, 2), (4, 1), (5, 0)]), 2);
    }

    #[test]
    fn run_leaves_the_window_with_its_first_trade() {
        let mut pattern = Pattern::new(4, OddLot::default(), 10_000);
        for step in 0..3 {
            pattern.trade(Nanos(step), Price(step.cast_signed()), 100, 100);
        }
        assert_eq!(pattern.shares(), Some((0.0, 0.0, 1)));
        pattern.trade(Nanos(3), Price(0), 50, 100);
        assert_eq!(pattern.shares(), Some((0.25, 0.0, 1)));
        pattern.trade(Nanos(4), Price(0), 10_000, 100);
        assert_eq!(pattern.shares(), Some((0.25, 0.25, 0)));
    }

    #[test]
    fn blend_misses_what_it_weighs_and_ignores_what_it_does_not() {
        let weights = ToxicityWeights::ADAPTED;
        assert_eq!(weights.blend(None, None, Some(0.5), Some(0.1)), None);
        assert_eq!(weights.blend(Some(0.5), None, Some(0.5), None), None);
        assert!(
            weights
                .blend(Some(0.5), None, Some(0.5), Some(0.1))
                .is_some()
        );
        let with_venue = ToxicityWeights::WITH_VENUE;
        assert_eq!(
            with_venue.blend(Some(0.5), None, Some(0.5), Some(0.1)),
            None
        );
        assert_eq!(ToxicityLabel::of(0.70), ToxicityLabel::Toxic);
        assert_eq!(ToxicityLabel::of(0.30), ToxicityLabel::Benign);
        assert_eq!(ToxicityLabel::of(0.31), ToxicityLabel::Neutral);
    }

    #[test]
    fn round_lot_falls_with_the_price() {
        let lots = [250, 251, 1_000, 1_001, 10_000, 10_001]
            .map(|points| round_lot(Price(points * Price::PER_POINT)));
        assert_eq!(lots, [100, 40, 40, 10, 10, 1]);
    }
}
