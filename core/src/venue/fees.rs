//! What an execution costs.

use crate::contract::ContractKind;
use crate::money::Money;

/// Fees of each side of a trade, a cost being positive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fees {
    /// Per share.
    pub share: Money,
    /// Per contract of a future.
    pub future: Money,
    /// Per contract of an option.
    pub option: Money,
}

impl Fees {
    /// The same for each contract and share.
    #[must_use]
    pub const fn flat(each: Money) -> Self {
        Self {
            share: each,
            future: each,
            option: each,
        }
    }

    pub(super) const fn of(&self, kind: ContractKind) -> Money {
        match kind {
            ContractKind::Stock => self.share,
            ContractKind::Future => self.future,
            ContractKind::Call | ContractKind::Put => self.option,
        }
    }
}

impl Default for Fees {
    /// A dollar a contract, half a cent a share.
    fn default() -> Self {
        Self {
            share: Money(50),
            future: Money::from_usd(1),
            option: Money::from_usd(1),
        }
    }
}
