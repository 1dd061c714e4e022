//! The sums added up anew over every contract: what the kept ones must come to at every verdict.

use super::{Part, Rules, commitment, difference, dollars, loss_each, margin};
use crate::money::Money;
use crate::risk::checks::Asked;
use crate::types::Side;

/// All that [`super::Worst`] says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Figures {
    pub(super) quantity: i64,
    pub(super) positions: i64,
    pub(super) underlying_positions: i64,
    pub(super) pending: i64,
    pub(super) order_notional: Money,
    pub(super) gross: Money,
    pub(super) underlying_gross: Money,
    pub(super) greeks: Option<[Money; 3]>,
    pub(super) loss: Option<Money>,
    pub(super) order_loss: Option<Money>,
    pub(super) committed: Option<Money>,
    pub(super) underlying_committed: Option<Money>,
    pub(super) strategy_committed: Option<Money>,
    pub(super) order_committed: Option<Money>,
    pub(super) reserved: Option<Money>,
}

/// Adds up what the checks compare, with nothing kept from one order to the next.
pub(super) fn figures(asked: &Asked<'_>) -> Figures {
    let limits = asked.risk.limits();
    let rules = Rules {
        now: asked.now,
        account_age_ns_max: limits.account_age_ns_max,
        greeks_age_ns_max: limits.greeks_age_ns_max,
    };
    let part = Part::asked(asked);
    let others = asked.risk.ledger.lines();
    let others = others.filter(|line| line.contract.key != asked.line.contract.key);
    let parts = others.map(Part::held).chain([Part::asked(asked)]);
    let mut sums = Sums::default();
    for part in parts {
        let is_asked = part.line.contract.key == asked.line.contract.key;
        sums.add(asked, &rules, &part, is_asked);
    }
    let (buys, sells) = match asked.intent.side {
        Side::Bid => (asked.quantity, 0),
        _ => (0, -asked.quantity),
    };
    let size = |at: usize| {
        let [high, low] = sums.greeks[at];
        high.abs().max(low.abs())
    };
    Figures {
        quantity: part.most.max(-part.least).max(0),
        positions: sums.positions,
        underlying_positions: sums.underlying_positions,
        pending: sums.pending,
        order_notional: asked
            .line
            .contract
            .notional(asked.quantity, asked.price)
            .abs(),
        gross: sums.gross,
        underlying_gross: sums.underlying_gross,
        greeks: (!sums.lacks_greeks).then(|| [size(0), size(1), size(2)]),
        loss: sums.loss.0,
        order_loss: loss_each(asked),
        committed: commitment(margin(&rules, asked.line), &part, part.most, part.least),
        underlying_committed: sums.underlying_committed.0,
        strategy_committed: sums.strategy_committed.0,
        order_committed: commitment(margin(&rules, asked.line), &part, buys, sells),
        reserved: sums.reserved.0,
    }
}

/// A sum that is absent once a part of it is.
#[derive(Clone, Copy)]
struct Known(Option<Money>);

impl Default for Known {
    fn default() -> Self {
        Self(Some(Money::ZERO))
    }
}

impl Known {
    fn add(&mut self, amount: Option<Money>) {
        self.0 = match (self.0, amount) {
            (Some(sum), Some(amount)) => Some(sum + amount),
            _ => None,
        };
    }
}

#[derive(Default)]
struct Sums {
    positions: i64,
    underlying_positions: i64,
    pending: i64,
    gross: Money,
    underlying_gross: Money,
    greeks: [[Money; 2]; 3],
    lacks_greeks: bool,
    loss: Known,
    underlying_committed: Known,
    strategy_committed: Known,
    reserved: Known,
}

impl Sums {
    fn add(&mut self, asked: &Asked<'_>, rules: &Rules, part: &Part<'_>, is_asked: bool) {
        let (line, size) = (part.line, part.most.max(-part.least).max(0));
        if size == 0 {
            return;
        }
        let notional = line.contract.notional(size, part.price).abs();
        let held = line.position.quantity();
        let margin = margin(rules, line);
        let bound = commitment(margin, part, part.most, part.least);
        let bound_now = commitment(margin, part, held, held);
        self.positions += 1;
        self.gross += notional;
        self.pending += i64::from(held == 0 && part.is_opening);
        self.reserved.add(difference(bound, bound_now));
        self.loss.add(part.loss_each.map(|each| each.times(size)));
        if line.underlying == asked.line.underlying {
            self.underlying_positions += 1;
            self.underlying_gross += notional;
            self.underlying_committed.add(bound);
        }
        if is_asked || line.strategy == asked.intent.strategy {
            self.strategy_committed.add(bound);
        }
        let Some(dollars) = dollars(rules, part) else {
            self.lacks_greeks = true;
            return;
        };
        for ([high, low], each) in self.greeks.iter_mut().zip(dollars) {
            let (one, other) = (each.times(part.most), each.times(part.least));
            *high += one.max(other);
            *low += one.min(other);
        }
    }
}
