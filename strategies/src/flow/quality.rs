//! How sound the stream is (N17, stream part) and how old a feature is (M7).

use undertow_core::event::Touch;
use undertow_core::types::{Nanos, Price, Side};

/// Features from books and tickers must be no older than this to be acted on.
pub const BOOK_AGE_MAX: Nanos = Nanos(5_000_000_000);

/// The same for features from a chain that is polled.
pub const CHAIN_AGE_MAX: Nanos = Nanos(60_000_000_000);

/// The age of a feature: that of the oldest input it was made of. None, which counts as infinitely
/// old, when it had no input or some input has no time. A time in the future is age 0.
#[must_use]
pub fn age(now: Nanos, inputs: &[Nanos]) -> Option<Nanos> {
    let oldest = inputs.iter().copied().min()?;
    let is_known = inputs.iter().all(|ts| ts.is_defined());
    is_known.then(|| Nanos(now.0.saturating_sub(oldest.0)))
}

/// Whether a feature may be acted on.
#[must_use]
pub fn is_fresh(age: Option<Nanos>, age_max: Nanos) -> bool {
    age.is_some_and(|age| age <= age_max)
}

/// Counts of what was right and wrong with one instrument's trades since the session's start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamQuality {
    fields: u64,
    fields_valid: u64,
    checks: u64,
    checks_passed: u64,
    last: Option<Price>,
    last_ts: Nanos,
}

impl StreamQuality {
    /// Nothing seen.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            fields: 0,
            fields_valid: 0,
            checks: 0,
            checks_passed: 0,
            last: None,
            last_ts: Nanos(0),
        }
    }

    /// Judges a trade as it was received, with the quote in force just before it. The fields are
    /// time, price, size and aggressor; they agree when the bid is below the ask, the price within
    /// 20 % of the last, and the time not before the last.
    pub fn trade(&mut self, ts: Nanos, price: Price, size: u32, venue: Side, quote: &Touch) {
        let fields = [
            ts.is_defined(),
            price.is_defined(),
            size > 0,
            venue != Side::None,
        ];
        self.fields += fields.len() as u64;
        self.fields_valid += fields
            .iter()
            .map(|is_valid| u64::from(*is_valid))
            .sum::<u64>();
        if quote.is_two_sided() {
            self.check(quote.bid < quote.ask);
        }
        if price.is_defined() {
            if let Some(last) = self.last {
                let away = i128::from(price.0) - i128::from(last.0);
                self.check(away.abs() * 5 <= i128::from(last.0).abs());
            }
            self.last = Some(price);
        }
        if ts.is_defined() {
            if self.last_ts.is_defined() {
                self.check(self.last_ts <= ts);
            }
            self.last_ts = self.last_ts.max(ts);
        }
    }

    /// .7 · mean field validity + .3 · consistency, in [0, 1]; none before there is one of each.
    #[must_use]
    pub fn score(&self) -> Option<f64> {
        let share = |part: u64, whole: u64| (whole > 0).then(|| part as f64 / whole as f64);
        let validity = share(self.fields_valid, self.fields)?;
        let consistency = share(self.checks_passed, self.checks)?;
        Some(0.7 * validity + 0.3 * consistency)
    }

    /// Counts from zero: a session starts.
    pub const fn start_session(&mut self) {
        *self = Self::new();
    }

    fn check(&mut self, passes: bool) {
        self.checks += 1;
        self.checks_passed += u64::from(passes);
    }
}

impl Default for StreamQuality {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    #[test]
    fn m7_age_is_that_of_the_oldest_input() {
        let now = Nanos(36_001_000 * MS);
        let fresh = age(now, &[Nanos(36_000_000 * MS), Nanos(35_996_500 * MS)]);
        assert_eq!(fresh, Some(Nanos(4_500 * MS)));
        assert!(is_fresh(fresh, BOOK_AGE_MAX));
        let stale = age(now, &[Nanos(36_000_000 * MS), Nanos(35_995_999 * MS)]);
        assert_eq!(stale, Some(Nanos(5_001 * MS)));
        assert!(!is_fresh(stale, BOOK_AGE_MAX));
        assert!(is_fresh(stale, CHAIN_AGE_MAX));
    }

    #[test]
    fn m7_unknown_time_is_infinitely_old() {
        for inputs in [&[][..], &[Nanos(0)], &[Nanos(5), Nanos::UNDEFINED]] {
            assert_eq!(age(Nanos(10), inputs), None);
        }
        assert!(!is_fresh(None, Nanos::UNDEFINED));
        assert_eq!(age(Nanos(10), &[Nanos(11)]), Some(Nanos(0)));
    }

    #[test]
    fn n17_score_weighs_fields_and_their_agreement() {
        let quote = Touch {
            bid: Price(99),
            ask: Price(101),
            ..Touch::EMPTY
        };
        let mut quality = StreamQuality::new();
        assert_eq!(quality.score(), None);
        quality.trade(Nanos(1), Price(100), 1, Side::Bid, &quote);
        assert_eq!(quality.score(), Some(1.0));
        // No side; 21 % away; back in time: 7 of 8 fields, 2 of 4 checks.
        quality.trade(Nanos(0), Price(121), 1, Side::None, &quote);
        let fields = 6.0 / 8.0;
        let checks = 2.0 / 3.0;
        assert_eq!(quality.score(), Some(0.7 * fields + 0.3 * checks));
        quality.trade(Nanos(2), Price(122), 1, Side::Bid, &Touch::EMPTY);
        quality.trade(Nanos(1), Price(122), 1, Side::Bid, &quote);
        let fields = 14.0 / 16.0;
        let checks = 6.0 / 8.0;
        assert_eq!(quality.score(), Some(0.7 * fields + 0.3 * checks));
    }
}
