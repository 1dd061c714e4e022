//! Time bars (M2): open, high, low, close, volume and average price of one width, from trades or
//! from finer bars.
//!
//! A bar starts at a multiple of its width in UTC; a span without a trade has none. With a grace,
//! a bar stays open to late trades that long after its end; what is later still is counted. Money
//! is an integer: price times size in 1e-9.

use undertow_core::types::{Nanos, Price};

/// One bar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeBar {
    /// Its first instant.
    pub start: Nanos,
    /// First price.
    pub open: Price,
    /// Highest price.
    pub high: Price,
    /// Lowest price.
    pub low: Price,
    /// Last price.
    pub close: Price,
    /// Size traded.
    pub volume: u64,
    /// Trades.
    pub trades: u64,
    /// Sum of price × size, 1e-9; saturates.
    pub notional: i128,
}

impl TimeBar {
    /// The bar of one trade.
    #[must_use]
    pub fn of_trade(ts: Nanos, price: Price, size: u64) -> Self {
        Self {
            start: ts,
            open: price,
            high: price,
            low: price,
            close: price,
            volume: size,
            trades: 1,
            notional: i128::from(price.0) * i128::from(size),
        }
    }

    /// Volume-weighted average price, toward zero; none without volume.
    #[must_use]
    pub fn vwap(&self) -> Option<Price> {
        let average = self.notional.checked_div(i128::from(self.volume))?;
        i64::try_from(average).ok().map(Price)
    }

    /// Takes in what came later in the same span.
    fn absorb(&mut self, later: &Self) {
        self.high = self.high.max(later.high);
        self.low = self.low.min(later.low);
        self.close = later.close;
        self.volume = self.volume.saturating_add(later.volume);
        self.trades += later.trades;
        self.notional = self.notional.saturating_add(later.notional);
    }
}

/// Builds the bars of one width.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeBars {
    width: u64,
    grace: u64,
    /// Ended, but within its grace.
    ended: Option<TimeBar>,
    open: Option<TimeBar>,
    /// Latest time seen.
    now: Nanos,
    late: u64,
}

impl TimeBars {
    /// Bars of `width`, open to late trades for `grace` after their end, which is less than a width.
    #[must_use]
    pub fn new(width: Nanos, grace: Nanos) -> Self {
        let width = width.0.max(1);
        Self {
            width,
            grace: grace.0.min(width - 1),
            ended: None,
            open: None,
            now: Nanos(0),
            late: 0,
        }
    }

    /// Takes the next bar that can change no more at `now`. Call it until it returns none, before
    /// anything of that time is added; then there is room for what comes.
    #[inline]
    pub fn close(&mut self, now: Nanos) -> Option<TimeBar> {
        self.now = self.now.max(now);
        let (now, width, grace) = (self.now, self.width, self.grace);
        let next = if self.ended.is_some() {
            &mut self.ended
        } else {
            &mut self.open
        };
        next.take_if(|bar| is_final(bar.start, now, width, grace))
    }

    /// Ends all bars now, whatever the time: the next of what was open.
    pub fn flush(&mut self) -> Option<TimeBar> {
        self.ended.take().or_else(|| self.open.take())
    }

    /// Adds a trade.
    #[inline]
    pub fn trade(&mut self, ts: Nanos, price: Price, size: u64) {
        self.add(&TimeBar::of_trade(ts, price, size));
    }

    /// Adds a finer bar, or a trade as a bar of its own.
    #[inline]
    pub fn add(&mut self, part: &TimeBar) {
        let start = Nanos(part.start.0 - part.start.0 % self.width);
        self.now = self.now.max(part.start);
        match &mut self.open {
            Some(open) if open.start == start => open.absorb(part),
            Some(open) if start < open.start => self.amend(start, part),
            _ if is_final(start, self.now, self.width, self.grace) => self.late += 1,
            _ => {
                self.ended = self.open.replace(TimeBar { start, ..*part }).or(self.ended);
            }
        }
    }

    /// The bar that is open now.
    #[must_use]
    pub const fn open(&self) -> Option<&TimeBar> {
        self.open.as_ref()
    }

    /// Trades that came after their bar was final.
    #[must_use]
    pub const fn late(&self) -> u64 {
        self.late
    }

    /// What belongs before the open bar.
    #[cold]
    fn amend(&mut self, start: Nanos, part: &TimeBar) {
        let is_final = is_final(start, self.now, self.width, self.grace);
        match &mut self.ended {
            Some(ended) if ended.start == start && !is_final => ended.absorb(part),
            None if !is_final => self.ended = Some(TimeBar { start, ..*part }),
            _ => self.late += 1,
        }
    }
}

/// Whether the bar that starts at `start` has ended, and its grace is over.
const fn is_final(start: Nanos, now: Nanos, width: u64, grace: u64) -> bool {
    match now.0.checked_sub(start.0.saturating_add(width)) {
        Some(late) => grace == 0 || late > grace,
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn bars(grace: u64) -> TimeBars {
        TimeBars::new(Nanos(5 * SECOND), Nanos(grace * SECOND))
    }

    #[test]
    fn late_trade_amends_its_bar_within_the_grace_and_is_counted_after() {
        let mut bars = bars(2);
        bars.trade(Nanos(SECOND), Price(10), 1);
        bars.trade(Nanos(6 * SECOND), Price(11), 1);
        assert_eq!(bars.close(Nanos(6 * SECOND)), None);
        bars.trade(Nanos(4 * SECOND), Price(12), 1);
        assert_eq!(bars.close(Nanos(7 * SECOND)), None, "still in its grace");
        let closed = bars.close(Nanos(7 * SECOND + 1)).expect("final");
        assert_eq!((closed.close, closed.volume), (Price(12), 2));
        bars.trade(Nanos(4 * SECOND), Price(9), 1);
        assert_eq!((bars.late(), bars.close(Nanos(7 * SECOND + 1))), (1, None));
    }

    #[test]
    fn without_grace_every_late_trade_is_counted() {
        let mut bars = bars(0);
        bars.trade(Nanos(6 * SECOND), Price(10), 1);
        bars.trade(Nanos(4 * SECOND), Price(10), 1);
        assert_eq!(bars.late(), 1);
        assert_eq!(bars.open().map(|bar| bar.volume), Some(1));
    }

    #[test]
    fn span_without_a_trade_has_no_bar() {
        let mut bars = bars(0);
        bars.trade(Nanos(SECOND), Price(10), 1);
        let closed = bars.close(Nanos(60 * SECOND));
        assert_eq!(closed.map(|bar| bar.start), Some(Nanos(0)));
        assert_eq!(bars.close(Nanos(90 * SECOND)), None);
    }
}
