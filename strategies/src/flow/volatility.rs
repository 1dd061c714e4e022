//! Volatility as it stands (A4): the deviation of the last twenty returns of 5 s, annualised, and
//! the regime that it is in.
//!
//! The same returns as in [`crate::discovery`]: from each close to the next of the same session; a
//! span without a trade has no close. Regular hours alone count, as the year of 252 days of them
//! is what annualising assumes. The bounds of the regime come from days before; without them there
//! is a volatility and no regime.

use undertow_core::types::{Nanos, Price};

use crate::discovery::{Closes, Regime, RegimeConfig};
use crate::indicators::Window;

/// Annualised volatilities below which a market is calm and above which it is volatile, fractions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RegimeBounds {
    /// 33rd percentile of the days before.
    pub low: f64,
    /// 67th percentile.
    pub high: f64,
}

impl RegimeBounds {
    /// The regime of a volatility.
    #[must_use]
    pub fn regime(&self, volatility: f64) -> Regime {
        Regime::of(volatility, self.low, self.high)
    }
}

/// One span's last price.
#[derive(Clone, Copy, Debug)]
struct Close {
    span: u64,
    price: Price,
}

/// Follows one instrument's trades.
#[derive(Clone, Debug)]
pub struct Volatility {
    factor: f64,
    returns: Window,
    open: Option<Close>,
    last: Option<Close>,
}

impl Volatility {
    /// Over no trades.
    #[must_use]
    pub fn new() -> Self {
        let config = RegimeConfig::default();
        Self {
            factor: config.factor(),
            returns: Window::new(config.window),
            open: None,
            last: None,
        }
    }

    /// Adds a trade of a session's regular hours, and says whether it closed a span; one of a span
    /// that is over counts for none.
    #[inline]
    pub fn trade(&mut self, ts: Nanos, price: Price) -> bool {
        let span = ts.0 / Closes::WIDTH.0;
        match &mut self.open {
            Some(open) if span < open.span => false,
            Some(open) if span == open.span => {
                open.price = price;
                false
            }
            _ => match self.open.replace(Close { span, price }) {
                Some(closed) => self.close(closed),
                None => false,
            },
        }
    }

    /// A year's standard deviation as a fraction; none before twenty returns.
    #[must_use]
    pub fn value(&self) -> Option<f64> {
        let deviation = self.returns.std_pop().filter(|_| self.returns.is_full());
        deviation.map(|deviation| deviation * self.factor)
    }

    /// A session starts: its first close makes no return with one of the day before.
    pub fn start_session(&mut self) {
        if let Some(closed) = self.open.take() {
            self.close(closed);
        }
        self.last = None;
    }

    /// Forgets everything.
    pub fn restart(&mut self) {
        self.returns.clear();
        (self.open, self.last) = (None, None);
    }

    #[cold]
    fn close(&mut self, closed: Close) -> bool {
        if let Some(last) = self.last.replace(closed)
            && last.price.0 > 0
            && closed.price.0 > 0
        {
            let change = libm::log(closed.price.0 as f64 / last.price.0 as f64);
            self.returns.update(change);
        }
        true
    }
}

impl Default for Volatility {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::Day;
    use crate::discovery::{regime, returns};

    const DAY: Day = Day(20_000);

    /// Every trade's time in seconds, and price.
    fn trades() -> impl Iterator<Item = (u64, i64)> {
        let price = |at: u64| 20_000 + (at * at * 7 % 41) as i64 * [1, -1, -1][at as usize % 3];
        // Two a span, and spans without any.
        let times = (0..400).filter(|at| at % 17 != 3).map(|at| at * 5 / 2);
        times.map(move |at| (at, price(at) * Price::PER_POINT))
    }

    #[test]
    fn it_is_the_last_of_the_series_that_discovery_computes() {
        let mut volatility = Volatility::new();
        let mut closes = Closes::new(Closes::WIDTH);
        let mut compared = 0;
        for (second, price) in trades() {
            let (ts, price) = (Nanos(second * 1_000_000_000), Price(price));
            // What is open has no close yet: discovery is asked before the trade that ends it.
            let before = volatility.last.map(|last| last.span);
            volatility.trade(ts, price);
            if volatility.last.map(|last| last.span) != before {
                let series = returns(closes.as_slice());
                let by_discovery = regime(&series, &RegimeConfig::default());
                match (volatility.value(), by_discovery) {
                    (None, None) => {}
                    (Some(own), Some(reading)) => {
                        assert!((own - reading.current).abs() < 1e-9 * own, "{own}");
                        compared += 1;
                    }
                    other => panic!("{other:?}"),
                }
            }
            closes.update(ts, DAY, price);
        }
        assert!(compared > 100, "{compared}");
    }

    #[test]
    fn night_between_two_sessions_is_no_return() {
        let mut volatility = Volatility::new();
        for span in 0..2 {
            volatility.trade(Nanos(span * Closes::WIDTH.0), Price(100 + span as i64));
        }
        volatility.start_session();
        assert_eq!(volatility.returns.len(), 1, "the open span is closed");
        for span in 100..102 {
            volatility.trade(Nanos(span * Closes::WIDTH.0), Price(500));
        }
        assert_eq!(volatility.returns.len(), 1, "the last span is open");
        assert_eq!(volatility.value(), None);
    }

    #[test]
    fn price_without_a_logarithm_or_late_trade_makes_no_number_up() {
        let mut volatility = Volatility::new();
        for span in 0..60 {
            let price = if span % 2 == 0 { Price(-5) } else { Price(0) };
            volatility.trade(Nanos(span * Closes::WIDTH.0), price);
        }
        assert_eq!(volatility.value(), None);
        volatility.restart();
        for span in 100..130 {
            volatility.trade(Nanos(span * Closes::WIDTH.0), Price(7));
            volatility.trade(Nanos(Closes::WIDTH.0), Price(9));
        }
        assert_eq!(
            volatility.value(),
            Some(0.0),
            "a price that stands has none"
        );
    }

    #[test]
    fn regime_is_by_the_bounds_of_days_before() {
        let bounds = RegimeBounds {
            low: 0.0858,
            high: 0.1005,
        };
        let regimes = [0.05, 0.0858, 0.1005, 0.1694].map(|it| bounds.regime(it));
        use Regime::{High, Low, Normal};
        assert_eq!(regimes, [Low, Normal, Normal, High]);
    }
}
