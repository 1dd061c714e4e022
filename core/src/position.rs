//! What is held of one contract, and what it has earned.
//!
//! Amounts are exact: a position sums price × quantity in integers of 1e-9 points and leaves the
//! multiplier to [`Contract::value`], so realised plus unrealised is what a plain sum over all
//! executions gives, to the last unit. Only the split of a partly closed position rounds, by
//! less than 1e-9 of a point.
//!
//! Exits of a position (stops, targets, trailing) are in [`Exits`]; executions are told apart in
//! [`Executions`]; [`Agreement`] compares with the broker's truth.

mod executions;
mod exits;

pub use executions::{Executions, Recorded};
pub use exits::{Exit, ExitCause, ExitPlan, ExitStage, Exits, Gauge, SCALE_STEPS, scale_out};

use crate::contract::Contract;
use crate::money::{Money, div_round};
use crate::order::Execution;
use crate::types::{BookKey, Price, Side};

/// A position. The sum of its executions; nothing else changes it but settlement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Position {
    quantity: i64,
    /// What the open quantity cost: signed price units × contracts.
    cost: i128,
    /// What was earned on closed quantity, in the same unit, before fees.
    realised: i128,
    fees: Money,
    fees_pending: u32,
}

impl Position {
    /// Nothing held, nothing earned.
    pub const FLAT: Self = Self {
        quantity: 0,
        cost: 0,
        realised: 0,
        fees: Money::ZERO,
        fees_pending: 0,
    };

    /// A position carried over: `quantity` contracts, negative for short, at an average price.
    #[must_use]
    pub const fn carried(quantity: i64, average: Price) -> Self {
        Self {
            quantity,
            cost: quantity as i128 * average.0 as i128,
            ..Self::FLAT
        }
    }

    /// Contracts held; negative for short.
    #[must_use]
    pub const fn quantity(&self) -> i64 {
        self.quantity
    }

    /// Average price of what is held, half away from zero; undefined when flat.
    #[must_use]
    pub fn average(&self) -> Price {
        if self.quantity == 0 {
            return Price::UNDEFINED;
        }
        let sign = i128::from(self.quantity.signum());
        let average = div_round(self.cost * sign, i128::from(self.quantity.abs()));
        i64::try_from(average).map_or(Price::UNDEFINED, Price)
    }

    /// Fees paid so far.
    #[must_use]
    pub const fn fees(&self) -> Money {
        self.fees
    }

    /// Executions whose fee has not been told yet.
    #[must_use]
    pub const fn fees_pending(&self) -> u32 {
        self.fees_pending
    }

    /// Earned on what was closed, after all fees.
    #[must_use]
    pub fn realised(&self, contract: &Contract) -> Money {
        contract.value(self.realised) - self.fees
    }

    /// Earned in all, after all fees, if what is held were sold at `mark`; `None` where
    /// something is held and there is no mark.
    #[must_use]
    pub fn total(&self, contract: &Contract, mark: Price) -> Option<Money> {
        if self.quantity == 0 {
            return Some(self.realised(contract));
        }
        mark.is_defined().then(|| {
            let worth = i128::from(self.quantity) * i128::from(mark.0);
            contract.value(self.realised + worth - self.cost) - self.fees
        })
    }

    /// What [`Self::total`] has more than [`Self::realised`].
    #[must_use]
    pub fn unrealised(&self, contract: &Contract, mark: Price) -> Option<Money> {
        Some(self.total(contract, mark)? - self.realised(contract))
    }

    /// Takes one execution.
    pub fn apply(&mut self, execution: &Execution) {
        self.trade(execution.side, execution.quantity, execution.price);
        self.take_fee(execution.fee);
    }

    /// Takes one execution back, as a correction asks. What is held and what was earned in all
    /// are then as if it had never been; the split between closed and open may differ.
    pub fn revert(&mut self, execution: &Execution) {
        let opposite = match execution.side {
            Side::Bid => Side::Ask,
            Side::Ask => Side::Bid,
            Side::None => Side::None,
        };
        self.trade(opposite, execution.quantity, execution.price);
        match execution.fee {
            Some(fee) => self.fees -= fee,
            None => self.fees_pending = self.fees_pending.saturating_sub(1),
        }
    }

    /// Takes the fee of an execution that came without one.
    pub fn join_fee(&mut self, fee: Money) {
        self.fees += fee;
        self.fees_pending = self.fees_pending.saturating_sub(1);
    }

    /// Ends the position at expiry: what is held is worth `price` and gone, without a fee.
    /// Returns what was held. For a delivered future that is what is held of it from here on, at
    /// the price it settled at.
    pub fn settle(&mut self, price: Price) -> i64 {
        let held = self.quantity;
        self.realised += i128::from(held) * i128::from(price.0) - self.cost;
        self.quantity = 0;
        self.cost = 0;
        held
    }

    fn take_fee(&mut self, fee: Option<Money>) {
        match fee {
            Some(fee) => self.fees += fee,
            None => self.fees_pending += 1,
        }
    }

    fn trade(&mut self, side: Side, quantity: u32, price: Price) {
        let signed = match side {
            Side::Bid => i64::from(quantity),
            Side::Ask => -i64::from(quantity),
            Side::None => return,
        };
        let opposes = self.quantity.signum() == -signed.signum();
        let closed = if opposes {
            signed.abs().min(self.quantity.abs()) * signed.signum()
        } else {
            0
        };
        if closed != 0 {
            // The part of the cost that leaves, in proportion; all of it when all is closed.
            let cost = self.cost * i128::from(closed.abs()) / i128::from(self.quantity.abs());
            self.realised -= i128::from(closed) * i128::from(price.0) + cost;
            self.cost -= cost;
            self.quantity += closed;
        }
        let opened = signed - closed;
        self.cost += i128::from(opened) * i128::from(price.0);
        self.quantity = self.quantity.saturating_add(opened);
    }
}

/// What the broker says is held of a contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BrokerView {
    /// Asked, and not answered in full over a healthy line. This is not flat.
    Unknown,
    /// So many contracts, negative for short.
    Held(i64),
}

/// Whether the broker and we agree on a contract's position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Agreement {
    /// Never compared, or the broker could not say: nothing is known.
    #[default]
    Unknown,
    /// They are the same.
    Agreed,
    /// They differ; the operator decides.
    Mismatch {
        /// What our executions sum to.
        ours: i64,
        /// What the broker holds.
        theirs: i64,
    },
}

impl Agreement {
    /// Compares.
    #[must_use]
    pub const fn of(ours: i64, broker: BrokerView) -> Self {
        match broker {
            BrokerView::Unknown => Self::Unknown,
            BrokerView::Held(theirs) if ours == theirs => Self::Agreed,
            BrokerView::Held(theirs) => Self::Mismatch { ours, theirs },
        }
    }
}

/// How much of a position to move from an expiring contract to the next: close the one, then
/// open the other, never the other way round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Roll {
    /// What is closed.
    pub from: BookKey,
    /// What is opened.
    pub to: BookKey,
    /// Side of the order that closes.
    pub close: Side,
    /// Side of the order that opens.
    pub open: Side,
    /// Contracts.
    pub quantity: u32,
}

impl Roll {
    /// The roll of a position; `None` when flat.
    #[must_use]
    pub fn of(position: &Position, from: &Contract, to: &Contract) -> Option<Self> {
        let (close, open) = match position.quantity.signum() {
            1 => (Side::Ask, Side::Bid),
            -1 => (Side::Bid, Side::Ask),
            _ => return None,
        };
        Some(Self {
            from: from.key,
            to: to.key,
            close,
            open,
            quantity: u32::try_from(position.quantity.abs()).unwrap_or(u32::MAX),
        })
    }
}

#[cfg(test)]
mod tests;
