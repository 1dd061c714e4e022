//! What slow sources have told, kept so that nothing here speaks over them.
//!
//! Value at risk over days, and what data cost, come from outside when somebody computes them;
//! until then the account's own stands in: by the results of days before, where enough of them
//! were told, or else by what is held. From the first word of a source on only its words count,
//! and when they grow old risk blocks for their age: a source that has died is not the same as one
//! that never was. Correlations are of underlyings that risk may not know yet, so they are told
//! again when it does.

use alloc::vec::Vec;

use undertow_core::money::Money;
use undertow_core::risk::{Context, Risk, ValueAtRisk};
use undertow_core::types::Nanos;

use crate::calendar::Day;
use crate::portfolio_risk::{HistoricalRisk, RESULTS_MAX, money_away};

/// A result as old as this, in days, speaks of another market: ten, so that a week off and the
/// weekends round it pass.
const RESULT_DAYS_MAX: u32 = 10;

/// Correlations that are kept.
const CORRELATIONS_MAX: usize = 64;

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Told {
    /// Whether a source tells value at risk.
    pub(super) has_value_at_risk: bool,
    /// Whether a source tells what data cost.
    pub(super) has_costs: bool,
    /// What trading days before this one earned, the oldest first; the last day's number.
    results: Vec<f64>,
    last_day: u32,
    correlations: Vec<Context>,
    /// Correlations for which there was no room.
    pub(super) refused: u64,
}

impl Told {
    pub(super) fn new() -> Self {
        Self {
            has_value_at_risk: false,
            has_costs: false,
            results: Vec::with_capacity(RESULTS_MAX),
            last_day: 0,
            correlations: Vec::with_capacity(CORRELATIONS_MAX),
            refused: 0,
        }
    }

    /// Takes in what a source says, before risk does.
    pub(super) fn hear(&mut self, context: &Context) {
        match *context {
            Context::ValueAtRisk(_) => self.has_value_at_risk = true,
            Context::Costs(_) => self.has_costs = true,
            Context::Earned(day, earned) => self.earned(day, earned),
            Context::Correlation(one, other, ..) => {
                let is_its = |kept: &Context| match *kept {
                    Context::Correlation(a, b, ..) => {
                        (a, b) == (one, other) || (b, a) == (one, other)
                    }
                    _ => false,
                };
                let place = self.correlations.iter().position(is_its);
                match place {
                    Some(at) => self.correlations[at] = *context,
                    None if self.correlations.len() < CORRELATIONS_MAX => {
                        self.correlations.push(*context);
                    }
                    None => self.refused += 1,
                }
            }
            _ => {}
        }
    }

    /// A trading day is over, and has earned this. One that is not later than the last is known.
    pub(super) fn earned(&mut self, day: u32, earned: Money) {
        if day <= self.last_day {
            return;
        }
        if self.results.len() == RESULTS_MAX {
            self.results.remove(0);
        }
        self.results.push(earned.0 as f64 / Money::PER_USD as f64);
        self.last_day = day;
    }

    /// Value at risk on the trading day `today` by the days before it (R5), with their number, and
    /// what it is where they are too few. Of days long past it is as old as they are.
    pub(super) fn value_at_risk(
        &self,
        fallback: Option<Money>,
        today: Option<u32>,
        now: Nanos,
    ) -> Option<ValueAtRisk> {
        let by_history = HistoricalRisk::of(&self.results, &mut [0.0; RESULTS_MAX]);
        let by_history = by_history.and_then(|risk| money_away(risk.reported()).map(Money));
        let is_recent = today.is_some_and(|day| day <= self.last_day + RESULT_DAYS_MAX);
        let as_of = match by_history {
            Some(_) if !is_recent => {
                Day(i32::try_from(self.last_day).unwrap_or(0)).eastern_minute(0)
            }
            _ => now,
        };
        Some(ValueAtRisk {
            loss: by_history.or(fallback)?,
            days: u32::try_from(self.results.len()).unwrap_or(0),
            as_of,
        })
    }

    /// Tells risk again what it could not place before it knew the underlyings.
    pub(super) fn tell_again(&self, risk: &mut Risk, now: Nanos) {
        for context in &self.correlations {
            risk.on_context(context, now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use undertow_core::types::InstrumentId;

    fn loss_of(told: &Told, day: u32) -> Option<(i64, u32, Nanos)> {
        let fallback = Some(Money::from_usd(7));
        let risk = told.value_at_risk(fallback, Some(day), Nanos(99))?;
        Some((risk.loss.0 / Money::PER_USD, risk.days, risk.as_of))
    }

    #[test]
    fn k18_value_at_risk_is_that_of_what_is_held_until_there_are_twenty_days() {
        let mut told = Told::new();
        assert_eq!(loss_of(&told, 100), Some((7, 0, Nanos(99))));
        for day in 1..=19 {
            told.hear(&Context::Earned(day, Money::from_usd(-1_000)));
        }
        assert_eq!(loss_of(&told, 20), Some((7, 19, Nanos(99))));
        told.hear(&Context::Earned(20, Money::from_usd(-3_000)));
        // A day that is told again, or late, is not counted twice.
        told.hear(&Context::Earned(20, Money::from_usd(-9_000)));
        told.hear(&Context::Earned(7, Money::from_usd(-9_000)));
        assert_eq!(loss_of(&told, 21), Some((3_000, 20, Nanos(99))));
        for day in 21..=80 {
            told.hear(&Context::Earned(
                day,
                Money::from_usd(i64::from(day % 5) - 40),
            ));
        }
        // The third worst of fifty, and what came before them is forgotten.
        assert_eq!(loss_of(&told, 81), Some((40, 50, Nanos(99))));
    }

    #[test]
    fn k18_results_of_long_ago_are_as_old_as_they_are() {
        let mut told = Told::new();
        for day in 20_001..=20_030 {
            told.hear(&Context::Earned(day, Money::from_usd(-10)));
        }
        let as_of = |day| loss_of(&told, day).map(|(.., as_of)| as_of);
        assert_eq!(as_of(20_040), Some(Nanos(99)));
        let old = as_of(20_041).expect("told all the same");
        let day = 86_400_000_000_000;
        assert!((20_030 * day..20_031 * day).contains(&old.0), "{old:?}");
    }

    #[test]
    fn a_correlation_is_kept_once_whichever_way_round_it_is_told() {
        let mut told = Told::new();
        let pair =
            |a, b, ppm| Context::Correlation(InstrumentId(a), InstrumentId(b), ppm, Nanos(7));
        told.hear(&pair(1, 2, 500_000));
        told.hear(&pair(2, 1, 900_000));
        assert_eq!(told.correlations, [pair(2, 1, 900_000)]);
        for other in 3..100 {
            told.hear(&pair(1, other, 0));
        }
        assert_eq!(told.correlations.len(), CORRELATIONS_MAX);
        assert_eq!(told.refused, 97 - 63);
    }
}
