//! A contract's terms as far as money depends on them.
//!
//! The multiplier is mandatory: one function, [`Contract::value`], turns points into money, and
//! risk, positions and P&L all use it, so that size × multiplier × price is one number
//! everywhere. Ticks may have two steps (options on NQ: 0.05 up to 5.00, then 0.25).
//!
//! Absent on purpose: anything that changes during the day (margin, Greeks, volume).

use core::fmt;

use crate::event::{Definition, InstrumentClass};
use crate::money::{Money, div_round, div_round_narrow};
use crate::types::{BookKey, InstrumentId, Nanos, Price, Text};

/// Price unit × multiplier unit, in units of money: 1e-9 × 1e-9 against 1e-4.
const VALUE_PER_MONEY: i128 = 100_000_000_000_000;

/// A cent in a multiplier's unit.
const CENT: i64 = 10_000_000;

/// Price unit × cent, in units of money.
const CENT_VALUE_PER_MONEY: u64 = 10_000_000;

/// What can be traded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contract {
    /// Whose book prices it.
    pub key: BookKey,
    /// What kind it is.
    pub kind: ContractKind,
    /// Dollars per point and contract.
    pub multiplier: Multiplier,
    /// Which prices exist.
    pub tick: TickRule,
    /// Whether prices at or below zero exist.
    pub sign: PriceSign,
    /// Last instant at which it can be traded; undefined if it does not expire.
    pub expiry: Nanos,
    /// Settlement currency.
    pub currency: Text<4>,
    /// Contracts of one underlying are limited together; of a share or a future, itself.
    pub underlying: InstrumentId,
}

/// Kinds of contract that can be traded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum ContractKind {
    /// A share or fund.
    Stock,
    /// A future.
    Future,
    /// A call option.
    Call,
    /// A put option.
    Put,
}

impl ContractKind {
    /// Whether it is paid for in full, so that what it costs is what can be lost on it.
    #[must_use]
    pub const fn is_paid_in_full(self) -> bool {
        !matches!(self, Self::Future)
    }

    /// Which way a long position leans on the underlying: a put leans down.
    #[must_use]
    pub const fn direction(self) -> i64 {
        if matches!(self, Self::Put) { -1 } else { 1 }
    }
}

/// Whether a product's price may be zero or negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum PriceSign {
    /// Above zero only.
    Positive,
    /// Any price.
    Any,
}

/// Dollars per point and contract in 1e-9: above 0, at most [`Multiplier::MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Multiplier {
    units: i64,
    /// The same in cents where it is of whole cents, as nearly all are; else 0.
    cents: i64,
}

impl Multiplier {
    /// The largest: a million dollars a point.
    pub const MAX: i64 = 1_000_000_000_000_000;

    /// A dollar a point.
    pub const ONE: Self = Self::of(1_000_000_000);

    /// From units of 1e-9, as definitions carry it (NQ: 20e9).
    ///
    /// # Errors
    ///
    /// When it is missing, not positive, or above [`Self::MAX`].
    pub const fn new(units: i64) -> Result<Self, ContractError> {
        match units {
            i64::MAX => Err(ContractError::MultiplierMissing),
            1..=Self::MAX => Ok(Self::of(units)),
            _ => Err(ContractError::MultiplierOutOfRange(units)),
        }
    }

    const fn of(units: i64) -> Self {
        let is_whole = units % CENT == 0;
        let cents = if is_whole { units / CENT } else { 0 };
        Self { units, cents }
    }

    /// In units of 1e-9.
    #[must_use]
    pub const fn units(self) -> i64 {
        self.units
    }
}

/// Which prices exist, as steps of 1e-9.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TickRule {
    /// One step everywhere.
    Flat(Price),
    /// A finer step near zero.
    TwoStep {
        /// The finer step holds up to this distance from zero, inclusive.
        upto: Price,
        /// The step up to there.
        small: Price,
        /// The step beyond.
        large: Price,
    },
}

impl TickRule {
    /// Whether the rule is sound: steps above zero, and the border on both grids.
    ///
    /// # Errors
    ///
    /// When it is not.
    pub const fn check(&self) -> Result<(), ContractError> {
        let sound = match *self {
            Self::Flat(step) => step.0 > 0 && step.is_defined(),
            Self::TwoStep { upto, small, large } => {
                small.0 > 0
                    && large.0 > small.0
                    && large.is_defined()
                    && upto.0 > 0
                    && upto.is_defined()
                    && upto.0 % small.0 == 0
                    && upto.0 % large.0 == 0
            }
        };
        if sound {
            Ok(())
        } else {
            Err(ContractError::TickUnsound)
        }
    }

    /// The step at this price.
    #[must_use]
    pub const fn step(&self, price: Price) -> i64 {
        match *self {
            Self::Flat(step) => step.0,
            Self::TwoStep { upto, small, large } => {
                if price.0.unsigned_abs() <= upto.0.unsigned_abs() {
                    small.0
                } else {
                    large.0
                }
            }
        }
    }

    /// Whether the price exists.
    #[must_use]
    pub const fn is_on_tick(&self, price: Price) -> bool {
        price.is_defined() && price.0 % self.step(price) == 0
    }

    /// The next price that exists at or below this one; undefined where none fits.
    #[must_use]
    pub const fn down(&self, price: Price) -> Price {
        if !price.is_defined() {
            return Price::UNDEFINED;
        }
        match price.0.checked_sub(price.0.rem_euclid(self.step(price))) {
            Some(units) => Price(units),
            None => Price::UNDEFINED,
        }
    }

    /// The next price that exists at or above this one; undefined where none fits.
    #[must_use]
    pub const fn up(&self, price: Price) -> Price {
        if !price.is_defined() {
            return Price::UNDEFINED;
        }
        let step = self.step(price);
        match price
            .0
            .checked_add((step - price.0.rem_euclid(step)) % step)
        {
            Some(units) => Price(units),
            None => Price::UNDEFINED,
        }
    }

    /// The price so many ticks away, negative for below. The step is taken at each price anew.
    #[must_use]
    pub const fn away(&self, price: Price, ticks: i32) -> Price {
        let mut at = price;
        let mut left = ticks;
        while left != 0 && at.is_defined() {
            // Just beyond the price lies the step that leads on.
            let sign = left.signum() as i64;
            let beyond = match at.0.checked_add(sign) {
                Some(units) => self.step(Price(units)),
                None => return Price::UNDEFINED,
            };
            at = match at.0.checked_add(sign * beyond) {
                Some(units) => Price(units),
                None => return Price::UNDEFINED,
            };
            left -= left.signum();
        }
        at
    }
}

impl Contract {
    /// Takes a contract's terms from its definition. `tick` is for products whose step varies,
    /// which a definition does not tell; otherwise the definition's own is used.
    ///
    /// # Errors
    ///
    /// When something that money depends on is missing or out of range.
    pub fn from_definition(
        definition: &Definition,
        tick: Option<TickRule>,
        sign: PriceSign,
    ) -> Result<Self, ContractError> {
        let kind = match definition.class {
            InstrumentClass::Stock => ContractKind::Stock,
            InstrumentClass::Future => ContractKind::Future,
            InstrumentClass::Call => ContractKind::Call,
            InstrumentClass::Put => ContractKind::Put,
            other => return Err(ContractError::Kind(other)),
        };
        let tick = match tick {
            Some(rule) => rule,
            None if definition.tick.is_defined() => TickRule::Flat(definition.tick),
            None => return Err(ContractError::TickMissing),
        };
        let underlying = match kind {
            ContractKind::Call | ContractKind::Put => definition.underlying_id,
            ContractKind::Stock | ContractKind::Future => definition.key.instrument_id,
        };
        let contract = Self {
            key: definition.key,
            kind,
            multiplier: Multiplier::new(definition.unit_qty.0)?,
            tick,
            sign,
            expiry: definition.expiration,
            currency: definition.currency,
            underlying,
        };
        contract.check()?;
        Ok(contract)
    }

    /// Whether the terms are sound.
    ///
    /// # Errors
    ///
    /// When they are not: no option without expiry and underlying, no currency but USD.
    pub fn check(&self) -> Result<(), ContractError> {
        self.tick.check()?;
        if self.currency.as_str() != "USD" {
            return Err(ContractError::Currency(self.currency));
        }
        if self.kind != ContractKind::Stock && !self.expiry.is_defined() {
            return Err(ContractError::ExpiryMissing);
        }
        if self.underlying == InstrumentId(0) {
            return Err(ContractError::UnderlyingMissing);
        }
        Ok(())
    }

    /// Money that `points` are worth: signed price units times contracts, half away from zero.
    #[must_use]
    pub const fn value(&self, points: i128) -> Money {
        if points as i64 as i128 == points
            && let Some(value) = self.narrow_value(points as i64)
        {
            return value;
        }
        match points.checked_mul(self.multiplier.units as i128) {
            Some(units) => Money::saturating_from(div_round(units, VALUE_PER_MONEY)),
            None if points < 0 => Money::MIN,
            None => Money::MAX,
        }
    }

    /// Size × multiplier × price; negative for a short quantity.
    #[must_use]
    #[inline]
    pub const fn notional(&self, quantity: i64, price: Price) -> Money {
        if let Some(points) = quantity.checked_mul(price.0)
            && let Some(value) = self.narrow_value(points)
        {
            return value;
        }
        self.notional_wide(quantity, price)
    }

    #[cold]
    const fn notional_wide(&self, quantity: i64, price: Price) -> Money {
        self.value(quantity as i128 * price.0 as i128)
    }

    /// The same value in 64 bits, where it fits: most do, and a wide division costs many narrow ones.
    #[inline]
    const fn narrow_value(&self, points: i64) -> Option<Money> {
        if self.multiplier.cents == 0 {
            return None;
        }
        match points.checked_mul(self.multiplier.cents) {
            Some(units) => Some(Money(div_round_narrow(units, CENT_VALUE_PER_MONEY))),
            None => None,
        }
    }
}

/// Why a contract cannot be traded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContractError {
    /// The definition has no multiplier, without which no money can be computed.
    MultiplierMissing,
    /// The multiplier is zero, negative or absurd, in 1e-9.
    MultiplierOutOfRange(i64),
    /// The tick varies and no rule for it was given.
    TickMissing,
    /// Steps not above zero, or a border that is not on both grids.
    TickUnsound,
    /// Not settled in the account's currency.
    Currency(Text<4>),
    /// It expires, and nobody said when.
    ExpiryMissing,
    /// An option of nothing.
    UnderlyingMissing,
    /// A kind that is not traded here.
    Kind(InstrumentClass),
}

impl fmt::Display for ContractError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MultiplierMissing => f.write_str("the contract has no multiplier"),
            Self::MultiplierOutOfRange(units) => {
                write!(f, "a multiplier of {} is out of range", Price(*units))
            }
            Self::TickMissing => f.write_str("its tick varies: give the product a tick rule"),
            Self::TickUnsound => f.write_str("its tick rule contradicts itself"),
            Self::Currency(currency) => write!(f, "it settles in {currency}, not in USD"),
            Self::ExpiryMissing => f.write_str("it expires, but its definition says not when"),
            Self::UnderlyingMissing => f.write_str("its definition names no underlying"),
            Self::Kind(class) => write!(f, "contracts of class {class:?} are not traded"),
        }
    }
}

impl core::error::Error for ContractError {}

#[cfg(test)]
mod tests;
