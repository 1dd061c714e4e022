//! Imbalance of the book (A7) and of its changes at the touch (A8).
//!
//! A side that is empty makes the imbalance ±1 and [`one_sided`]; of an empty book there is none,
//! which is never zero. Sizes are contracts or shares, prices points. A8 is after Cont, Kukanov and
//! Stoikov, "The Price Impact of Order Book Events", J. Financial Econometrics 12 (2014).

use undertow_core::event::{Depth, Touch};
use undertow_core::types::{Nanos, Price};

use super::window::Window;

/// Samples that volatility looks back on.
pub const VOLATILITY_SAMPLES: usize = 20;

/// Samples that velocity looks back.
pub const VELOCITY_SAMPLES: usize = 4;

/// Range of [`pressure`].
const PRESSURE_RANGE: (f64, f64) = (0.1, 10.0);

/// How far from balance a book is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImbalanceState {
    /// Beyond 0.7 either way.
    Extreme,
    /// Beyond 0.4 either way.
    Moderate,
    /// Within.
    Balanced,
}

impl ImbalanceState {
    /// The state at an imbalance over five levels.
    #[must_use]
    pub const fn of(l5: f64) -> Self {
        match l5.abs() {
            away if away > 0.7 => Self::Extreme,
            away if away > 0.4 => Self::Moderate,
            _ => Self::Balanced,
        }
    }
}

/// (bid − ask) / (bid + ask) of the sizes at the touch, in [−1, 1].
#[must_use]
pub fn l1(touch: &Touch) -> Option<f64> {
    balance([touch.bid_size, touch.ask_size])
}

/// The same over five levels, weighted from 1 at the touch down to 0.2.
#[must_use]
pub fn l5(depth: &Depth) -> Option<f64> {
    balance(depth.weighted5)
}

/// The signal feature: the imbalance at the touch mapped to [0, 1].
#[must_use]
pub fn feature(touch: &Touch) -> Option<f64> {
    l1(touch).map(|l1| f64::midpoint(l1, 1.0))
}

/// Bids over asks within ten levels, kept within [0.1, 10].
#[must_use]
pub fn pressure(depth: &Depth) -> Option<f64> {
    let (lowest, highest) = PRESSURE_RANGE;
    match depth.sum10 {
        [0, 0] => None,
        [_, 0] => Some(highest),
        [bids, asks] => Some((bids as f64 / asks as f64).clamp(lowest, highest)),
    }
}

/// The middle weighted by the other side's size, in points; none unless both sides are there.
#[must_use]
pub fn microprice(touch: &Touch) -> Option<f64> {
    let (bid_size, ask_size) = (touch.bid_size as f64, touch.ask_size as f64);
    let size = bid_size + ask_size;
    let points = |price: Price| price.0 as f64 / Price::PER_POINT as f64;
    (touch.is_two_sided() && size > 0.0)
        .then(|| (points(touch.bid) * ask_size + points(touch.ask) * bid_size) / size)
}

/// Whether one side, and not the other, is empty.
#[must_use]
pub const fn one_sided(touch: &Touch) -> bool {
    touch.bid.is_defined() != touch.ask.is_defined()
}

fn balance([bid, ask]: [u64; 2]) -> Option<f64> {
    let (bid, ask) = (bid as f64, ask as f64);
    (bid + ask > 0.0).then(|| (bid - ask) / (bid + ask))
}

/// How the five-level imbalance moves: samples of it, at most one an interval.
#[derive(Clone, Debug)]
pub struct ImbalanceHistory {
    interval: u64,
    /// No sample before this.
    due: Nanos,
    samples: Window<(Nanos, f64)>,
    volatility: Option<f64>,
    velocity: Option<f64>,
}

impl ImbalanceHistory {
    /// No samples yet; two are at least `interval` apart.
    #[must_use]
    pub fn new(interval: Nanos) -> Self {
        Self {
            interval: interval.0.max(1),
            due: Nanos(0),
            samples: Window::new(VOLATILITY_SAMPLES),
            volatility: None,
            velocity: None,
        }
    }

    /// Forgets everything.
    pub const fn restart(&mut self) {
        self.samples.clear();
        self.due = Nanos(0);
        (self.volatility, self.velocity) = (None, None);
    }

    /// Takes a sample if one is due: the book as an event leaves it. Says whether it did.
    #[inline]
    pub fn observe(&mut self, ts: Nanos, depth: &Depth) -> bool {
        ts >= self.due && self.sample(ts, l5(depth))
    }

    /// When the next sample is due.
    #[inline]
    #[must_use]
    pub(super) const fn due(&self) -> Nanos {
        self.due
    }

    /// Population standard deviation of the last 20 samples; none before the second.
    #[must_use]
    pub const fn volatility(&self) -> Option<f64> {
        self.volatility
    }

    /// Change since 4 samples ago, by second.
    #[must_use]
    pub const fn velocity(&self) -> Option<f64> {
        self.velocity
    }

    #[cold]
    fn sample(&mut self, ts: Nanos, l5: Option<f64>) -> bool {
        let Some(l5) = l5 else { return false };
        self.due = Nanos(ts.0.saturating_add(self.interval));
        self.samples.push((ts, l5));
        self.velocity = self
            .samples
            .back(VELOCITY_SAMPLES)
            .and_then(|&(then, was)| {
                let seconds = ts.0.checked_sub(then.0)? as f64 / 1e9;
                (seconds > 0.0).then(|| (l5 - was) / seconds)
            });
        let samples = self.samples.iter().map(|(_, sample)| sample);
        self.volatility = population_deviation(samples);
        true
    }
}

/// Population standard deviation; none of fewer than two values.
pub(super) fn population_deviation(values: impl Iterator<Item = f64> + Clone) -> Option<f64> {
    let count = values.clone().count();
    if count < 2 {
        return None;
    }
    let mean = values.clone().sum::<f64>() / count as f64;
    let spread: f64 = values.map(|value| (value - mean) * (value - mean)).sum();
    Some(libm::sqrt(spread / count as f64))
}

/// Order flow imbalance: what came to the bid and left the ask, less the opposite, by interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ofi {
    interval: u64,
    /// The open interval's end.
    end: Nanos,
    /// After the event before; crossed while there was none.
    before: Best,
    open: i64,
    closed: Option<i64>,
}

impl Ofi {
    /// Sums over intervals of this length, which start at its multiples.
    #[must_use]
    pub fn new(interval: Nanos) -> Self {
        Self {
            interval: interval.0.max(1),
            end: Nanos(0),
            before: Best::CROSSED,
            open: 0,
            closed: None,
        }
    }

    /// Forgets everything.
    pub fn restart(&mut self) {
        *self = Self::new(Nanos(self.interval));
    }

    /// Takes the touch that an event left, and returns what it contributed: none for the first,
    /// and none beside a crossed book, which is an auction's.
    #[inline]
    pub fn observe(&mut self, ts: Nanos, touch: &Touch) -> Option<i64> {
        self.advance(ts);
        self.add(touch)
    }

    /// The same within the interval that is open.
    #[inline]
    pub(super) fn add(&mut self, touch: &Touch) -> Option<i64> {
        let now = Best::of(touch);
        let before = core::mem::replace(&mut self.before, now);
        if now.is_crossed() || before.is_crossed() {
            return None;
        }
        let contribution = now.contribution(&before);
        self.open = self.open.saturating_add(contribution);
        Some(contribution)
    }

    /// When the open interval is over.
    #[inline]
    #[must_use]
    pub(super) const fn due(&self) -> Nanos {
        self.end
    }

    /// Lets time pass: ends the interval if it is over.
    #[inline]
    pub fn advance(&mut self, ts: Nanos) {
        if ts >= self.end {
            self.turn(ts);
        }
    }

    /// Sum of the last whole interval.
    #[must_use]
    pub const fn closed(&self) -> Option<i64> {
        self.closed
    }

    /// Sum of the open interval so far.
    #[must_use]
    pub const fn open(&self) -> i64 {
        self.open
    }

    #[cold]
    fn turn(&mut self, ts: Nanos) {
        let is_first = self.end.0 == 0;
        let start = ts.0 - ts.0 % self.interval;
        // An interval in which nothing happened sums to nothing.
        let sum = if start == self.end.0 { self.open } else { 0 };
        self.closed = (!is_first).then_some(sum);
        self.end = Nanos(start.saturating_add(self.interval));
        self.open = 0;
    }
}

/// A touch as A8 sees it. A side that is absent stands infinitely far away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Best {
    bid: i64,
    ask: i64,
    bid_size: i64,
    ask_size: i64,
}

impl Best {
    /// Sums of four sizes up to this cannot overflow.
    const SIZE_MAX: u64 = u64::MAX / 8;

    const CROSSED: Self = Self {
        bid: i64::MAX,
        ask: i64::MIN,
        bid_size: 0,
        ask_size: 0,
    };

    #[inline]
    fn of(touch: &Touch) -> Self {
        // At most an eighth of 2^64, so no sign is lost.
        let size = |size: u64| size.min(Self::SIZE_MAX).cast_signed();
        Self {
            bid: if touch.bid.is_defined() {
                touch.bid.0
            } else {
                i64::MIN
            },
            // An undefined price is the highest there is.
            ask: touch.ask.0,
            bid_size: size(touch.bid_size),
            ask_size: size(touch.ask_size),
        }
    }

    /// One side that is absent crosses nothing.
    #[inline]
    const fn is_crossed(&self) -> bool {
        self.bid > self.ask
    }

    /// e_n of this touch after the one `before`.
    #[inline]
    fn contribution(&self, before: &Self) -> i64 {
        let when = |is_so: bool, size: i64| if is_so { size } else { 0 };
        when(self.bid >= before.bid, self.bid_size)
            - when(self.bid <= before.bid, before.bid_size)
            - when(self.ask <= before.ask, self.ask_size)
            + when(self.ask >= before.ask, before.ask_size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn touch(bid: i64, bid_size: u64, ask: i64, ask_size: u64) -> Touch {
        Touch {
            bid: Price(bid),
            ask: Price(ask),
            bid_size,
            ask_size,
            bid_count: 1,
            ask_count: 1,
        }
    }

    #[test]
    fn s09_empty_book_has_no_imbalance_and_one_side_is_flagged() {
        assert_eq!(l1(&Touch::EMPTY), None);
        assert_eq!(feature(&Touch::EMPTY), None);
        assert_eq!(l5(&Depth::default()), None);
        assert_eq!(pressure(&Depth::default()), None);
        assert_eq!(microprice(&Touch::EMPTY), None);
        assert!(!one_sided(&Touch::EMPTY));
        let bids_only = touch(5, 3, i64::MAX, 0);
        assert_eq!((l1(&bids_only), one_sided(&bids_only)), (Some(1.0), true));
        assert_eq!(microprice(&bids_only), None);
        let asks_only = touch(i64::MAX, 0, 5, 3);
        assert_eq!(
            (l1(&asks_only), feature(&asks_only)),
            (Some(-1.0), Some(0.0))
        );
        let depth = Depth {
            sum10: [3, 0],
            ..Depth::default()
        };
        assert_eq!(pressure(&depth), Some(10.0));
        let depth = Depth {
            sum10: [0, 3],
            ..Depth::default()
        };
        assert_eq!(pressure(&depth), Some(0.1));
    }

    #[test]
    fn state_has_strict_bounds() {
        let states = [0.7, -0.71, 0.4, 0.41].map(ImbalanceState::of);
        let (moderate, extreme) = (ImbalanceState::Moderate, ImbalanceState::Extreme);
        assert_eq!(
            states,
            [moderate, extreme, ImbalanceState::Balanced, moderate]
        );
    }

    #[test]
    fn side_that_appears_or_goes_counts_whole() {
        let both = touch(10, 5, 11, 7);
        let no_bid = touch(i64::MAX, 0, 11, 7);
        let no_ask = touch(10, 5, i64::MAX, 0);
        assert_eq!(Best::of(&no_bid).contribution(&Best::of(&both)), -5);
        assert_eq!(Best::of(&both).contribution(&Best::of(&no_bid)), 5);
        assert_eq!(Best::of(&no_ask).contribution(&Best::of(&both)), 7);
        assert_eq!(Best::of(&both).contribution(&Best::of(&no_ask)), -7);
        assert_eq!(Best::of(&both).contribution(&Best::of(&both)), 0);
    }

    #[test]
    fn interval_without_events_sums_to_nothing() {
        let mut ofi = Ofi::new(Nanos(10));
        assert_eq!(ofi.observe(Nanos(101), &touch(10, 5, 11, 7)), None);
        assert_eq!(ofi.observe(Nanos(102), &touch(10, 9, 11, 7)), Some(4));
        assert_eq!((ofi.open(), ofi.closed()), (4, None));
        ofi.advance(Nanos(111));
        assert_eq!((ofi.open(), ofi.closed()), (0, Some(4)));
        ofi.advance(Nanos(145));
        assert_eq!(ofi.closed(), Some(0));
    }

    #[test]
    fn crossed_book_contributes_nothing() {
        let mut ofi = Ofi::new(Nanos(10));
        ofi.observe(Nanos(1), &touch(10, 5, 11, 7));
        assert_eq!(ofi.observe(Nanos(2), &touch(12, 5, 11, 7)), None);
        assert_eq!(ofi.observe(Nanos(3), &touch(10, 6, 11, 7)), None);
        assert_eq!(ofi.observe(Nanos(4), &touch(10, 7, 11, 7)), Some(1));
    }

    #[test]
    fn samples_keep_their_distance() {
        let depth = Depth {
            weighted5: [3, 1],
            ..Depth::default()
        };
        let mut history = ImbalanceHistory::new(Nanos(10));
        assert!(
            !history.observe(Nanos(0), &Depth::default()),
            "no sample of nothing"
        );
        assert!(history.observe(Nanos(0), &depth));
        assert!(!history.observe(Nanos(9), &depth));
        assert_eq!(history.volatility(), None, "one sample does not vary");
        assert!(history.observe(Nanos(10), &depth));
        assert_eq!(history.volatility(), Some(0.0));
        assert_eq!(history.velocity(), None);
    }
}
