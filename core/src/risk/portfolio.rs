//! Everything together, at its worst: positions with every working order filled against us.
//!
//! Per contract the quantity may end anywhere between "all sells fill" and "all buys fill"; each
//! sum takes the end that is worse for it. The order asked about is counted as working. Nothing
//! that is missing is guessed: then the sum that needs it is absent.

use super::checks::Asked;
use super::context::is_fresh;
use super::ledger::Line;
use crate::contract::ContractKind;
use crate::money::{Money, PPM};
use crate::types::{Price, Side};

/// The sums that entry checks compare with limits. Exposures are without a sign.
#[derive(Clone, Copy, Debug)]
pub(super) struct Worst {
    /// Of the contract asked about: contracts held, long or short.
    pub(super) quantity: i64,
    /// Positions that may be open.
    pub(super) positions: i64,
    /// Of the same underlying.
    pub(super) underlying_positions: i64,
    /// Flat now, with an order that opens.
    pub(super) pending: i64,
    /// Notional, long and short added.
    pub(super) gross: Money,
    /// Of the same underlying.
    pub(super) underlying_gross: Money,
    /// Dollar Greeks, the larger of long and short.
    pub(super) delta: Option<Money>,
    pub(super) gamma: Option<Money>,
    pub(super) vega: Option<Money>,
    /// What all of it can lose.
    pub(super) loss: Option<Money>,
    /// Money bound: what was paid, or the margin.
    pub(super) committed: Option<Money>,
    pub(super) underlying_committed: Option<Money>,
    pub(super) strategy_committed: Option<Money>,
    /// Of the order alone.
    pub(super) order_committed: Option<Money>,
    /// What working orders and this one may still bind.
    pub(super) reserved: Option<Money>,
}

/// Long and short ends of a sum.
#[derive(Clone, Copy, Debug, Default)]
struct Ends {
    high: Money,
    low: Money,
}

impl Ends {
    /// Adds `each` times a quantity that may end anywhere between `least` and `most`.
    fn add(&mut self, each: Money, most: i64, least: i64) {
        let (one, other) = (each.times(most), each.times(least));
        self.high += one.max(other);
        self.low += one.min(other);
    }

    fn size(self) -> Money {
        self.high.abs().max(self.low.abs())
    }
}

/// Dollar delta, gamma and vega of one contract held long.
type Dollars = (Money, Money, Money);

impl Worst {
    /// Sums over all contracts that are held or worked, and the one asked about.
    pub(super) fn of(asked: &Asked<'_>) -> Self {
        let mut sums = Sums::new();
        let ledger = &asked.risk.ledger;
        for at in ledger.active() {
            if *at != asked.line_idx {
                let line = ledger.line(*at);
                sums.add(asked, &Part::held(line));
            }
        }
        let part = Part::asked(asked);
        sums.add(asked, &part);
        let mut worst = sums.worst;
        worst.quantity = part.most.max(-part.least).max(0);
        worst.committed = commitment(asked, &part, part.most, part.least);
        let (buys, sells) = match asked.intent.side {
            Side::Bid => (asked.quantity, 0),
            _ => (0, -asked.quantity),
        };
        worst.order_committed = commitment(asked, &part, buys, sells);
        if let Some([delta, gamma, vega]) = sums.greeks {
            worst.delta = Some(delta.size());
            worst.gamma = Some(gamma.size());
            worst.vega = Some(vega.size());
        }
        worst
    }
}

/// One contract's share in the sums.
struct Part<'a> {
    line: &'a Line,
    most: i64,
    least: i64,
    /// What a contract of it may cost.
    price: Price,
    loss_each: Option<Money>,
    is_opening: bool,
    is_asked: bool,
}

impl<'a> Part<'a> {
    fn held(line: &'a Line) -> Self {
        let (most, least) = line.reach();
        let average = line.position.average();
        // Without a mark the price paid is the best that is known of its size.
        let price = if line.view.mark.is_defined() {
            line.view.mark
        } else if average.is_defined() {
            average
        } else {
            Price(0)
        };
        Self {
            line,
            most,
            least,
            price,
            loss_each: line.loss_each.max(paid_each(line, least)),
            is_opening: line.opening_count > 0,
            is_asked: false,
        }
    }

    fn asked(asked: &Asked<'a>) -> Self {
        let held = Self::held(asked.line);
        let (more, less) = match asked.intent.side {
            Side::Bid => (asked.quantity, 0),
            _ => (0, asked.quantity),
        };
        let loss = loss_each(asked);
        let is_new = held.loss_each.is_none() && held.most == 0 && held.least == 0;
        Self {
            most: held.most.saturating_add(more),
            least: held.least.saturating_sub(less),
            price: asked.price,
            loss_each: match (held.loss_each, loss) {
                (Some(held), Some(loss)) => Some(held.max(loss)),
                (None, loss) if is_new => loss,
                _ => None,
            },
            is_opening: true,
            is_asked: true,
            ..held
        }
    }

    fn size(&self) -> i64 {
        self.most.max(-self.least).max(0)
    }
}

struct Sums {
    worst: Worst,
    greeks: Option<[Ends; 3]>,
}

impl Sums {
    const fn new() -> Self {
        let none = Some(Money::ZERO);
        Self {
            worst: Worst {
                quantity: 0,
                positions: 0,
                underlying_positions: 0,
                pending: 0,
                gross: Money::ZERO,
                underlying_gross: Money::ZERO,
                delta: None,
                gamma: None,
                vega: None,
                loss: none,
                committed: none,
                underlying_committed: none,
                strategy_committed: none,
                order_committed: none,
                reserved: none,
            },
            greeks: Some(
                [Ends {
                    high: Money::ZERO,
                    low: Money::ZERO,
                }; 3],
            ),
        }
    }

    fn add(&mut self, asked: &Asked<'_>, part: &Part<'_>) {
        let size = part.size();
        if size == 0 {
            return;
        }
        let worst = &mut self.worst;
        let line = part.line;
        let is_same = line.underlying == asked.line.underlying;
        let notional = line.contract.notional(size, part.price).abs();
        worst.positions += 1;
        worst.gross += notional;
        let is_flat = line.position.quantity() == 0;
        worst.pending += i64::from(is_flat && part.is_opening);
        let bound = commitment(asked, part, part.most, part.least);
        let held = line.position.quantity();
        let bound_now = commitment(asked, part, held, held);
        add(&mut worst.reserved, difference(bound, bound_now));
        if is_same {
            worst.underlying_positions += 1;
            worst.underlying_gross += notional;
            add(&mut worst.underlying_committed, bound);
        }
        if part.is_asked || line.strategy == asked.intent.strategy {
            add(&mut worst.strategy_committed, bound);
        }
        add(&mut worst.loss, part.loss_each.map(|each| each.times(size)));
        self.greeks = match (self.greeks, dollars(asked, part)) {
            (Some(mut ends), Some((delta, gamma, vega))) => {
                for (ends, each) in ends.iter_mut().zip([delta, gamma, vega]) {
                    ends.add(each, part.most, part.least);
                }
                Some(ends)
            }
            _ => None,
        };
    }
}

fn add(sum: &mut Option<Money>, amount: Option<Money>) {
    *sum = match (*sum, amount) {
        (Some(sum), Some(amount)) => Some(sum + amount),
        _ => None,
    };
}

fn difference(one: Option<Money>, other: Option<Money>) -> Option<Money> {
    Some((one? - other?).max(Money::ZERO))
}

/// Money that a quantity between `least` and `most` binds: the price of what is paid in full and
/// held long, else the margin. Absent where a margin is needed and not known.
fn commitment(asked: &Asked<'_>, part: &Part<'_>, most: i64, least: i64) -> Option<Money> {
    let contract = &part.line.contract;
    let (long, short) = (most.max(0), least.min(0).saturating_neg());
    let margin = |quantity: i64| {
        let (each, as_of) = part.line.margin?;
        let age_max = asked.risk.limits.account_age_ns_max;
        is_fresh(asked.now, as_of, age_max).then(|| each.times(quantity))
    };
    if !contract.kind.is_paid_in_full() {
        return match long.max(short) {
            0 => Some(Money::ZERO),
            quantity => margin(quantity),
        };
    }
    let paid = contract.notional(long, part.price).abs();
    if short == 0 {
        return Some(paid);
    }
    Some(paid.max(margin(short)?))
}

/// What one contract of the order asked about can lose: all of what is paid for it, or the
/// distance to its stop with something added for slippage. Absent where neither bounds it.
pub(super) fn loss_each(asked: &Asked<'_>) -> Option<Money> {
    let contract = &asked.line.contract;
    let intent = asked.intent;
    if contract.kind.is_paid_in_full() && intent.side == Side::Bid {
        return Some(contract.notional(1, asked.price).abs());
    }
    if !intent.stop.is_defined() {
        return None;
    }
    let distance = match intent.side {
        Side::Bid => i128::from(intent.price.0) - i128::from(intent.stop.0),
        _ => i128::from(intent.stop.0) - i128::from(intent.price.0),
    };
    // A stop on the wrong side of the price bounds nothing.
    (distance > 0).then(|| {
        let distance = contract.value(distance);
        distance.part_up(asked.risk.limits.stop_slippage_ppm.max(PPM))
    })
}

/// What was paid for one contract, where that is all that can be lost on what is held: so also
/// positions that others opened have a bound.
fn paid_each(line: &Line, least: i64) -> Option<Money> {
    let average = line.position.average();
    let is_bounded = line.contract.kind.is_paid_in_full() && least >= 0 && average.is_defined();
    is_bounded.then(|| line.contract.notional(1, average).abs())
}

/// Greeks of one contract: known of futures and shares, told of options.
fn dollars(asked: &Asked<'_>, part: &Part<'_>) -> Option<Dollars> {
    match part.line.contract.kind {
        ContractKind::Stock | ContractKind::Future => {
            let delta = part.line.contract.notional(1, part.price);
            Some((delta, Money::ZERO, Money::ZERO))
        }
        ContractKind::Call | ContractKind::Put => {
            let greeks = part.line.greeks?;
            let age_max = asked.risk.limits.greeks_age_ns_max;
            is_fresh(asked.now, greeks.as_of, age_max).then_some((
                greeks.delta,
                greeks.gamma,
                greeks.vega,
            ))
        }
    }
}
