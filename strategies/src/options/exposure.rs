//! Gamma and delta exposure of a chain (A11).
//!
//! A figure of gamma exposure means nothing without its unit and its sign, so both are part of
//! its type: [`Gex<Unit, Convention>`]. Sums run by ascending strike, so that they have the same
//! bits whatever the order of the rows.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::cmp::Ordering;
use core::marker::PhantomData;

use undertow_core::types::Price;

use super::Right;
use super::admission::{Admitted, Holding};
use super::chain::Expiry;

/// A move of the underlying that a gamma exposure is stated for.
pub trait Unit: Copy {
    /// As shown beside a figure.
    const LABEL: &'static str;
    /// Share of the underlying's price.
    const SHARE: f64;
}

/// Dollars for a move by 100 %: Γ·OI·M·S².
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FullMove;

impl Unit for FullMove {
    const LABEL: &'static str = "$ of delta per 100 % move";
    const SHARE: f64 = 1.0;
}

/// Dollars for a move by 1 %: Γ·OI·M·S²·0.01, the way most tools state it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OnePercent;

impl Unit for OnePercent {
    const LABEL: &'static str = "$ of delta per 1 % move";
    const SHARE: f64 = 0.01;
}

/// Who is taken to hold what, which gives a gamma exposure its sign.
pub trait Convention: Copy {
    /// As shown beside a figure.
    const LABEL: &'static str;
    /// Sign of calls.
    const CALLS: f64;
}

/// Dealers bought the calls and sold the puts: calls count up, puts down. The usual one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DealersLongCalls;

impl Convention for DealersLongCalls {
    const LABEL: &'static str = "dealers long calls, short puts";
    const CALLS: f64 = 1.0;
}

/// Dealers sold the calls and bought the puts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DealersShortCalls;

impl Convention for DealersShortCalls {
    const LABEL: &'static str = "dealers short calls, long puts";
    const CALLS: f64 = -1.0;
}

/// Gamma exposure in dollars of delta, for a move of `U`, signed as `C` says.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(transparent)]
pub struct Gex<U = FullMove, C = DealersLongCalls> {
    value: f64,
    says: PhantomData<(U, C)>,
}

impl<U: Unit, C: Convention> Gex<U, C> {
    /// None at all.
    pub const ZERO: Self = Self {
        value: 0.0,
        says: PhantomData,
    };

    /// Of a unit and a convention that the caller vouches for.
    #[must_use]
    pub const fn new(value: f64) -> Self {
        Self {
            value,
            says: PhantomData,
        }
    }

    /// The bare figure.
    #[must_use]
    pub const fn value(self) -> f64 {
        self.value
    }

    /// The same for another move.
    #[must_use]
    pub fn per<V: Unit>(self) -> Gex<V, C> {
        Gex::new(self.value * (V::SHARE / U::SHARE))
    }

    /// The same under another convention.
    #[must_use]
    pub fn seen_as<D: Convention>(self) -> Gex<U, D> {
        Gex::new(self.value * (C::CALLS * D::CALLS))
    }

    /// Units of the underlying for a move of one dollar: Γ·OI·M.
    #[must_use]
    pub fn shares_per_dollar(self, underlying: f64) -> Option<f64> {
        super::ratio(self.per::<FullMove>().value, underlying * underlying)
    }

    /// The sum.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self::new(self.value + other.value)
    }
}

impl<C: Convention> Gex<FullMove, C> {
    /// What a position gives at a gamma, for an underlying of its own.
    fn of(right: Right, gamma: f64, units: f64, underlying: f64) -> Self {
        Self::new(C::CALLS * right.sign() * gamma * units * underlying * underlying)
    }
}

/// Delta exposure: dollars of the underlying that the holders' deltas stand for, Δ·OI·M·S. Calls
/// are above 0 and puts below.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[repr(transparent)]
pub struct Dex(pub f64);

impl Dex {
    /// As shown beside a figure.
    pub const LABEL: &'static str = "$ of the underlying held by delta, puts below 0";
}

/// What the calls or the puts of a strike, or all of them, weigh.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Weight<C = DealersLongCalls> {
    /// Gamma exposure.
    pub gex: Gex<FullMove, C>,
    /// Delta exposure.
    pub dex: Dex,
    /// Contracts open.
    pub open_interest: u64,
}

impl<C: Convention> Weight<C> {
    const NOTHING: Self = Self {
        gex: Gex::ZERO,
        dex: Dex(0.0),
        open_interest: 0,
    };

    fn of(holding: &Holding<'_>) -> Self {
        let (units, underlying) = (holding.units(), holding.underlying);
        Self {
            gex: Gex::of(holding.row.right, holding.gamma, units, underlying),
            dex: Dex(holding.delta * units * underlying),
            open_interest: holding.contracts,
        }
    }

    /// The sum.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            gex: self.gex.plus(other.gex),
            dex: Dex(self.dex.0 + other.dex.0),
            open_interest: self.open_interest.saturating_add(other.open_interest),
        }
    }
}

/// Calls and puts apart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Split<C = DealersLongCalls> {
    /// The calls.
    pub call: Weight<C>,
    /// The puts.
    pub put: Weight<C>,
}

impl<C: Convention> Split<C> {
    const NOTHING: Self = Self {
        call: Weight::NOTHING,
        put: Weight::NOTHING,
    };

    /// Both together.
    #[must_use]
    pub const fn net(&self) -> Weight<C> {
        self.call.plus(self.put)
    }

    fn add(&mut self, right: Right, weight: Weight<C>) {
        let side = match right {
            Right::Call => &mut self.call,
            Right::Put => &mut self.put,
        };
        *side = side.plus(weight);
    }
}

/// The exposure of a chain: as a whole, by strike, by expiry.
#[derive(Clone, Debug, PartialEq)]
pub struct Exposure<C = DealersLongCalls> {
    /// The underlying's price.
    pub spot: Price,
    /// All strikes together.
    pub total: Split<C>,
    /// By ascending strike, over all expiries.
    pub strikes: Vec<(Price, Split<C>)>,
    /// By ascending expiry, over all strikes.
    pub expiries: Vec<(Expiry, Split<C>)>,
}

impl<C: Convention> Exposure<C> {
    /// Sums up what counts.
    #[must_use]
    pub fn of(admitted: &Admitted<'_>, spot: Price) -> Self {
        let mut holdings: Vec<_> = admitted.rows.iter().collect();
        // The sort is stable: two rows of one strike, right and expiry keep their order.
        holdings.sort_by_key(|holding| order(holding));
        let mut total = Split::NOTHING;
        let mut strikes = BTreeMap::new();
        let mut expiries = BTreeMap::new();
        for holding in holdings {
            let (row, weight) = (holding.row, Weight::of(holding));
            strikes
                .entry(row.strike)
                .or_insert(Split::NOTHING)
                .add(row.right, weight);
            expiries
                .entry(row.expiry)
                .or_insert(Split::NOTHING)
                .add(row.right, weight);
        }
        for split in strikes.values() {
            total.call = total.call.plus(split.call);
            total.put = total.put.plus(split.put);
        }
        Self {
            spot,
            total,
            strikes: strikes.into_iter().collect(),
            expiries: expiries.into_iter().collect(),
        }
    }

    /// Puts' gamma exposure for one of the calls', without sign.
    #[must_use]
    pub fn put_call_ratio(&self) -> Option<f64> {
        let [call, put] = [self.total.call, self.total.put].map(|it| it.gex.value());
        super::ratio(put.abs(), call.abs())
    }

    /// Which way gamma leans: neutral while the total is under a tenth of the calls' part.
    #[must_use]
    pub fn bias(&self) -> Bias {
        let total = self.total.net().gex.value();
        if total.abs() < 0.1 * self.total.call.gex.value().abs() {
            return Bias::Neutral;
        }
        match total.partial_cmp(&0.0) {
            Some(Ordering::Greater) => Bias::Positive,
            Some(Ordering::Less) => Bias::Negative,
            _ => Bias::Neutral,
        }
    }
}

/// Which way gamma leans.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Bias {
    /// Hedging dampens moves.
    Positive,
    /// Neither.
    Neutral,
    /// Hedging feeds moves.
    Negative,
}

impl Bias {
    /// The word shown to users.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Positive => "positive",
            Self::Neutral => "neutral",
            Self::Negative => "negative",
        }
    }
}

fn order(holding: &Holding<'_>) -> (Price, Right, Expiry) {
    (holding.row.strike, holding.row.right, holding.row.expiry)
}
