//! What slow sources have told, kept so that nothing here speaks over them.
//!
//! Value at risk over days, and what data cost, come from outside when somebody computes them;
//! until then the account's own fallback stands in. From the first word of a source on only its
//! words count, and when they grow old risk blocks for their age: a source that has died is not
//! the same as one that never was. Correlations are of underlyings that risk may not know yet, so
//! they are told again when it does.

use alloc::vec::Vec;

use undertow_core::risk::{Context, Risk};
use undertow_core::types::Nanos;

/// Correlations that are kept.
const CORRELATIONS_MAX: usize = 64;

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Told {
    /// Whether a source tells value at risk.
    pub(super) has_value_at_risk: bool,
    /// Whether a source tells what data cost.
    pub(super) has_costs: bool,
    correlations: Vec<Context>,
    /// Correlations for which there was no room.
    pub(super) refused: u64,
}

impl Told {
    pub(super) fn new() -> Self {
        Self {
            has_value_at_risk: false,
            has_costs: false,
            correlations: Vec::with_capacity(CORRELATIONS_MAX),
            refused: 0,
        }
    }

    /// Takes in what a source says, before risk does.
    pub(super) fn hear(&mut self, context: &Context) {
        match *context {
            Context::ValueAtRisk(_) => self.has_value_at_risk = true,
            Context::Costs(_) => self.has_costs = true,
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
