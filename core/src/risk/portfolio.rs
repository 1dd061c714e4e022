//! Everything together, at its worst: positions with every working order filled against us.
//!
//! Per contract the quantity may end anywhere between "all sells fill" and "all buys fill"; each
//! sum takes the end that is worse for it. The order asked about is counted as working. Nothing
//! that is missing is guessed: then the sum that needs it is absent.
//!
//! The sums are kept, so that an order costs the same however much is held: a contract's share is
//! taken out and put back when something has changed that it depends on ([`Ledger::touch`]).
//!
//! [`Ledger::touch`]: super::ledger::Ledger

#[cfg(test)]
mod twin;

use alloc::boxed::Box;
use alloc::vec;

use super::checks::Asked;
use super::context::is_fresh;
use super::ledger::Line;
use crate::contract::ContractKind;
use crate::money::{Money, PPM};
use crate::order::StrategyId;
use crate::types::{Nanos, Price, Side};

/// What entry checks compare with limits: what is kept of the other contracts, and the order's own
/// as it would be with the order working. Exposures are without a sign.
pub(super) struct Worst<'a> {
    kept: &'a Exposure,
    underlying: &'a Underlying,
    strategy: &'a Sum,
    part: Part<'a>,
    share: Share,
    margin: Option<Money>,
    order: Order,
}

/// The order alone.
struct Order {
    quantity: i64,
    side: Side,
    price: Price,
}

impl<'a> Worst<'a> {
    /// The contract's own share has been taken out of what is kept: see [`Ledger::prepare`].
    ///
    /// [`Ledger::prepare`]: super::ledger::Ledger::prepare
    #[inline(always)]
    pub(super) fn of(asked: &Asked<'a>) -> Self {
        let kept = &asked.risk.ledger.exposure;
        let rules = Rules {
            now: asked.now,
            ..asked.risk.ledger.rules
        };
        let part = Part::asked(asked);
        let margin = margin(&rules, asked.line);
        let worst = Self {
            kept,
            underlying: &kept.underlyings[asked.line.underlying as usize],
            strategy: &kept.strategies[usize::from(asked.intent.strategy.0)],
            share: part.share(&rules, margin),
            part,
            margin,
            order: Order {
                quantity: asked.quantity,
                side: asked.intent.side,
                price: asked.price,
            },
        };
        #[cfg(test)]
        assert_eq!(worst.figures(), twin::figures(asked), "sums that are kept");
        worst
    }

    /// Of the contract asked about: contracts held, long or short.
    #[inline(always)]
    pub(super) fn quantity(&self) -> i64 {
        self.part.size()
    }

    /// Positions that may be open.
    #[inline(always)]
    pub(super) fn positions(&self) -> i64 {
        self.kept.positions + i64::from(self.share.is_counted)
    }

    /// Of the same underlying.
    #[inline(always)]
    pub(super) fn underlying_positions(&self) -> i64 {
        self.underlying.positions + i64::from(self.share.is_counted)
    }

    /// Flat now, with an order that opens.
    #[inline(always)]
    pub(super) fn pending(&self) -> i64 {
        self.kept.pending + i64::from(self.share.is_pending)
    }

    /// Notional of the order alone.
    #[inline(always)]
    pub(super) fn order_notional(&self) -> Money {
        if self.part.size() == self.order.quantity {
            return self.share.gross;
        }
        let contract = &self.part.line.contract;
        contract
            .notional(self.order.quantity, self.order.price)
            .abs()
    }

    /// Notional, long and short added.
    #[inline(always)]
    pub(super) fn gross(&self) -> Money {
        self.kept
            .gross
            .with(Some(self.share.gross))
            .unwrap_or(Money::MAX)
    }

    /// Of the same underlying.
    #[inline(always)]
    pub(super) fn underlying_gross(&self) -> Money {
        let gross = self.underlying.gross.with(Some(self.share.gross));
        gross.unwrap_or(Money::MAX)
    }

    /// Dollar delta, gamma and vega: the larger of long and short.
    #[inline(always)]
    pub(super) fn greeks(&self) -> Option<[Money; 3]> {
        self.kept.greeks.with(self.share.greeks.as_ref())
    }

    /// What all of it can lose.
    #[inline(always)]
    pub(super) fn loss(&self) -> Option<Money> {
        self.kept.loss.with(self.share.loss)
    }

    /// What one contract of the order can lose, if anything bounds it.
    #[inline(always)]
    pub(super) fn order_loss(&self) -> Option<Money> {
        self.part.order_loss
    }

    /// Money bound in the contract: what was paid, or the margin.
    #[inline(always)]
    pub(super) fn committed(&self) -> Option<Money> {
        self.share.bound
    }

    /// In its underlying.
    #[inline(always)]
    pub(super) fn underlying_committed(&self) -> Option<Money> {
        self.underlying.bound.with(self.share.bound)
    }

    /// By the strategy.
    #[inline(always)]
    pub(super) fn strategy_committed(&self) -> Option<Money> {
        self.strategy.with(self.share.bound)
    }

    /// By the order alone.
    #[inline(always)]
    pub(super) fn order_committed(&self) -> Option<Money> {
        let quantity = self.order.quantity;
        let (buys, sells) = match self.order.side {
            Side::Bid => (quantity, 0),
            _ => (0, -quantity),
        };
        commitment(self.margin, &self.part, buys, sells)
    }

    /// What working orders and this one may still bind.
    #[inline(always)]
    pub(super) fn reserved(&self) -> Option<Money> {
        self.kept.reserved.with(self.share.reserved)
    }

    #[cfg(test)]
    fn figures(&self) -> twin::Figures {
        twin::Figures {
            quantity: self.quantity(),
            positions: self.positions(),
            underlying_positions: self.underlying_positions(),
            pending: self.pending(),
            order_notional: self.order_notional(),
            gross: self.gross(),
            underlying_gross: self.underlying_gross(),
            greeks: self.greeks(),
            loss: self.loss(),
            order_loss: self.order_loss(),
            committed: self.committed(),
            underlying_committed: self.underlying_committed(),
            strategy_committed: self.strategy_committed(),
            order_committed: self.order_committed(),
            reserved: self.reserved(),
        }
    }
}

/// How old what was told may be, and the time to count from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rules {
    pub(super) now: Nanos,
    pub(super) account_age_ns_max: i64,
    pub(super) greeks_age_ns_max: i64,
}

/// A sum of amounts some of which may be missing. Wide, so that what was added can be taken out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Sum {
    units: i128,
    missing: i64,
    /// What it comes to.
    value: Option<Money>,
}

impl Sum {
    /// Adds an amount (1) or takes it out (-1).
    fn add(&mut self, amount: Option<Money>, sign: i64) {
        match amount {
            Some(amount) => self.units += i128::from(amount.0) * i128::from(sign),
            None => self.missing += sign,
        }
        self.value = (self.missing == 0).then(|| Money::saturating_from(self.units));
    }

    /// What it comes to with another amount.
    #[inline(always)]
    fn with(&self, amount: Option<Money>) -> Option<Money> {
        Some(self.value? + amount?)
    }
}

impl Default for Sum {
    fn default() -> Self {
        Self {
            units: 0,
            missing: 0,
            value: Some(Money::ZERO),
        }
    }
}

/// Long and short ends of a Greek.
type Ends = [Money; 2];

/// The ends of what one contract held long has, held as much as that and as little.
#[inline(always)]
fn ends(each: Money, most: i64, least: i64) -> Ends {
    let (one, other) = (each.times(most), each.times(least));
    [one.max(other), one.min(other)]
}

/// Sums of the ends of delta, gamma and vega. They are told together, or none of them is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Greeks {
    units: [[i128; 2]; 3],
    missing: i64,
    /// What they come to.
    value: Option<[Ends; 3]>,
}

impl Greeks {
    /// Adds a contract's (1) or takes them out (-1).
    fn add(&mut self, greeks: Option<[Ends; 3]>, sign: i64) {
        match greeks {
            Some(greeks) => {
                let sums = self.units.as_flattened_mut().iter_mut();
                for (sum, end) in sums.zip(greeks.as_flattened()) {
                    *sum += i128::from(end.0) * i128::from(sign);
                }
            }
            None => self.missing += sign,
        }
        let value = self.units.map(|ends| ends.map(Money::saturating_from));
        self.value = (self.missing == 0).then_some(value);
    }

    /// Dollar delta, gamma and vega with those of another contract: the larger of long and short.
    #[inline(always)]
    fn with(&self, others: Option<&[Ends; 3]>) -> Option<[Money; 3]> {
        let (kept, others) = (self.value.as_ref()?, others?);
        let size = |at: usize| {
            let (high, low) = (kept[at][0] + others[at][0], kept[at][1] + others[at][1]);
            high.abs().max(low.abs())
        };
        Some([size(0), size(1), size(2)])
    }
}

impl Default for Greeks {
    fn default() -> Self {
        Self {
            units: [[0; 2]; 3],
            missing: 0,
            value: Some([[Money::ZERO; 2]; 3]),
        }
    }
}

/// What one contract adds to the sums.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Share {
    pub(super) is_counted: bool,
    is_pending: bool,
    /// Whose money it is.
    strategy: StrategyId,
    gross: Money,
    bound: Option<Money>,
    reserved: Option<Money>,
    loss: Option<Money>,
    /// Delta, gamma and vega.
    greeks: Option<[Ends; 3]>,
    /// As long the margin and the Greeks in it are young enough.
    until: Nanos,
}

impl Share {
    /// Of a contract that is neither held nor worked.
    pub(super) const NONE: Self = Self {
        is_counted: false,
        is_pending: false,
        strategy: StrategyId(0),
        gross: Money::ZERO,
        bound: Some(Money::ZERO),
        reserved: Some(Money::ZERO),
        loss: Some(Money::ZERO),
        greeks: Some([[Money::ZERO; 2]; 3]),
        until: Nanos::UNDEFINED,
    };

    /// A contract's share as it stands.
    pub(super) fn of(line: &Line, rules: &Rules) -> Self {
        Part::held(line).share(rules, margin(rules, line))
    }
}

/// The same sums of one underlying.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Underlying {
    positions: i64,
    gross: Sum,
    bound: Sum,
}

/// The sums over all contracts.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Exposure {
    positions: i64,
    pending: i64,
    gross: Sum,
    loss: Sum,
    reserved: Sum,
    greeks: Greeks,
    underlyings: Box<[Underlying]>,
    /// By the strategy's number.
    strategies: Box<[Sum]>,
    /// As long no share is too old.
    pub(super) until: Nanos,
}

impl Exposure {
    pub(super) fn new(underlyings_max: u32) -> Self {
        let strategies = usize::from(u8::MAX) + 1;
        Self {
            positions: 0,
            pending: 0,
            gross: Sum::default(),
            loss: Sum::default(),
            reserved: Sum::default(),
            greeks: Greeks::default(),
            underlyings: vec![Underlying::default(); underlyings_max as usize].into_boxed_slice(),
            strategies: vec![Sum::default(); strategies].into_boxed_slice(),
            until: Nanos::UNDEFINED,
        }
    }

    /// Adds a contract's share (1) or takes it out (-1).
    pub(super) fn add(&mut self, share: &Share, underlying: u32, sign: i64) {
        self.positions += i64::from(share.is_counted) * sign;
        self.pending += i64::from(share.is_pending) * sign;
        self.gross.add(Some(share.gross), sign);
        self.loss.add(share.loss, sign);
        self.reserved.add(share.reserved, sign);
        self.greeks.add(share.greeks, sign);
        let of = &mut self.underlyings[underlying as usize];
        of.positions += i64::from(share.is_counted) * sign;
        of.gross.add(Some(share.gross), sign);
        of.bound.add(share.bound, sign);
        self.strategies[usize::from(share.strategy.0)].add(share.bound, sign);
        if sign > 0 {
            self.until = Nanos(self.until.0.min(share.until.0));
        }
    }
}

/// One contract, held and worked.
struct Part<'a> {
    line: &'a Line,
    most: i64,
    least: i64,
    /// What a contract of it may cost.
    price: Price,
    loss_each: Option<Money>,
    /// What a contract of the order asked about can lose.
    order_loss: Option<Money>,
    is_opening: bool,
    strategy: StrategyId,
}

impl<'a> Part<'a> {
    #[inline(always)]
    fn held(line: &'a Line) -> Self {
        let (most, least) = line.reach();
        // Without a mark the price paid is the best that is known of its size.
        let price = if line.view.mark.is_defined() {
            line.view.mark
        } else {
            let average = line.position.average();
            if average.is_defined() {
                average
            } else {
                Price(0)
            }
        };
        Self {
            line,
            most,
            least,
            price,
            loss_each: line.loss_each.max(paid_each(line, least)),
            order_loss: None,
            is_opening: line.opening_count > 0,
            strategy: line.strategy,
        }
    }

    #[inline(always)]
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
            order_loss: loss,
            is_opening: true,
            strategy: asked.intent.strategy,
            ..held
        }
    }

    fn size(&self) -> i64 {
        self.most.max(-self.least).max(0)
    }

    #[inline(always)]
    fn share(&self, rules: &Rules, margin: Option<Money>) -> Share {
        let size = self.size();
        if size == 0 {
            return Share::NONE;
        }
        let held = self.line.position.quantity();
        let bound = commitment(margin, self, self.most, self.least);
        let bound_now = match held {
            0 => Some(Money::ZERO),
            held => commitment(margin, self, held, held),
        };
        let greeks = dollars(rules, self);
        let greeks = greeks.map(|[delta, gamma, vega]| {
            let ends = |each| ends(each, self.most, self.least);
            [ends(delta), ends(gamma), ends(vega)]
        });
        Share {
            is_counted: true,
            is_pending: held == 0 && self.is_opening,
            strategy: self.strategy,
            gross: self.line.contract.notional(size, self.price).abs(),
            bound,
            reserved: difference(bound, bound_now),
            loss: self.loss_each.map(|each| each.times(size)),
            greeks,
            until: self.until(rules),
        }
    }

    /// As long margin and Greeks are young enough; what is too old already does not get older.
    #[inline(always)]
    fn until(&self, rules: &Rules) -> Nanos {
        let until = |as_of: Option<Nanos>, age_ns_max: i64| {
            let as_of = as_of.filter(|as_of| is_fresh(rules.now, *as_of, age_ns_max));
            as_of.map_or(u64::MAX, |as_of| {
                as_of.0.saturating_add(age_ns_max.unsigned_abs())
            })
        };
        let margin = self.line.margin.map(|(_, as_of)| as_of);
        let greeks = self.line.greeks.map(|greeks| greeks.as_of);
        let margin = until(margin, rules.account_age_ns_max);
        Nanos(margin.min(until(greeks, rules.greeks_age_ns_max)))
    }
}

fn difference(one: Option<Money>, other: Option<Money>) -> Option<Money> {
    Some((one? - other?).max(Money::ZERO))
}

/// Margin of one contract, as far as it is known.
#[inline(always)]
fn margin(rules: &Rules, line: &Line) -> Option<Money> {
    let (each, as_of) = line.margin?;
    is_fresh(rules.now, as_of, rules.account_age_ns_max).then_some(each)
}

/// Money that a quantity between `least` and `most` binds: the price of what is paid in full and
/// held long, else the margin. Absent where a margin is needed and not known.
#[inline(always)]
fn commitment(margin: Option<Money>, part: &Part<'_>, most: i64, least: i64) -> Option<Money> {
    let contract = &part.line.contract;
    if !contract.kind.is_paid_in_full() {
        return match most.max(least.saturating_neg()) {
            ..=0 => Some(Money::ZERO),
            quantity => Some(margin?.times(quantity)),
        };
    }
    let (long, short) = (most.max(0), least.min(0).saturating_neg());
    let paid = contract.notional(long, part.price).abs();
    if short == 0 {
        return Some(paid);
    }
    Some(paid.max(margin?.times(short)))
}

/// What one contract of the order asked about can lose: all of what is paid for it, or the
/// distance to its stop with something added for slippage. Absent where neither bounds it.
#[inline(always)]
pub(super) fn loss_each(asked: &Asked<'_>) -> Option<Money> {
    let contract = &asked.line.contract;
    let intent = asked.intent;
    if contract.kind.is_paid_in_full() && intent.side == Side::Bid {
        return Some(contract.notional(1, asked.price).abs());
    }
    if !intent.stop.is_defined() {
        return None;
    }
    let (high, low) = match intent.side {
        Side::Bid => (intent.price.0, intent.stop.0),
        _ => (intent.stop.0, intent.price.0),
    };
    // A stop on the wrong side of the price bounds nothing.
    (high > low).then(|| {
        let distance = match high.checked_sub(low) {
            Some(distance) => contract.notional(1, Price(distance)),
            None => contract.value(i128::from(high) - i128::from(low)),
        };
        distance.part_up(asked.risk.limits.stop_slippage_ppm.max(PPM))
    })
}

/// What was paid for one contract, where that is all that can be lost on what is held: so also
/// positions that others opened have a bound.
fn paid_each(line: &Line, least: i64) -> Option<Money> {
    if !line.contract.kind.is_paid_in_full() || least < 0 {
        return None;
    }
    let average = line.position.average();
    let is_held = average.is_defined();
    is_held.then(|| line.contract.notional(1, average).abs())
}

/// Dollar delta, gamma and vega of one contract held long: known of futures and shares, told of options.
#[inline(always)]
fn dollars(rules: &Rules, part: &Part<'_>) -> Option<[Money; 3]> {
    match part.line.contract.kind {
        ContractKind::Stock | ContractKind::Future => {
            let delta = part.line.contract.notional(1, part.price);
            Some([delta, Money::ZERO, Money::ZERO])
        }
        ContractKind::Call | ContractKind::Put => {
            let greeks = part.line.greeks?;
            let is_young = is_fresh(rules.now, greeks.as_of, rules.greeks_age_ns_max);
            is_young.then_some([greeks.delta, greeks.gamma, greeks.vega])
        }
    }
}
