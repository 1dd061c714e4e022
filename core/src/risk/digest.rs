//! Digests of state: equal after the same inputs, on every machine.
//!
//! [`LedgerDigest`] is about what is held, what is live and what was told: all that a journal can
//! be asked to give back. It does not depend on the order in which its parts are added, so that
//! whoever keeps them otherwise than [`Risk`](super::Risk) comes to the same number.
//!
//! Absent on purpose: marks, halts, counters, and how far a live order has got. Silence makes an
//! order unknown, and is no event that could be told again.

use crate::contract::Contract;
use crate::order::{ClientOrderId, Life};
use crate::position::Position;

/// FNV-1a over words.
pub(super) struct Digest(pub(super) u64);

impl Digest {
    pub(super) const fn new() -> Self {
        Self(0xCBF2_9CE4_8422_2325)
    }

    pub(super) fn add(&mut self, word: u64) {
        for byte in word.to_le_bytes() {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x100_0000_01B3);
        }
    }

    /// Spread over all bits, so that digests can be added up.
    const fn spread(self) -> u64 {
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
}

/// The digest of a ledger, in the making.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LedgerDigest(u64);

impl LedgerDigest {
    /// Of a ledger whose next order gets at least this id, and that has seen so many executions.
    #[must_use]
    pub fn new(next_id: ClientOrderId, executions: u64) -> Self {
        let mut digest = Digest::new();
        digest.add(next_id.0);
        digest.add(executions);
        Self(digest.spread())
    }

    /// Adds a contract's position; one without a past adds nothing.
    pub fn add_position(&mut self, contract: &Contract, position: &Position) {
        if *position == Position::FLAT {
            return;
        }
        let mut digest = Digest::new();
        digest.add(1);
        digest.add(u64::from(contract.key.instrument_id.0));
        digest.add(u64::from(contract.key.publisher_id.0));
        digest.add(position.quantity().cast_unsigned());
        digest.add(position.average().0.cast_unsigned());
        digest.add(position.realised(contract).0.cast_unsigned());
        digest.add(position.fees().0.cast_unsigned());
        self.0 = self.0.wrapping_add(digest.spread());
    }

    /// Adds an order; one that has ended and owes no execution adds nothing.
    pub fn add_order(&mut self, id: ClientOrderId, life: &Life) {
        if !life.is_open() {
            return;
        }
        let mut digest = Digest::new();
        digest.add(2);
        digest.add(id.0);
        digest.add(u64::from(life.state().is_final()));
        digest.add(u64::from(life.is_cancel_sent()));
        digest.add(u64::from(life.filled()));
        digest.add(u64::from(life.leaves()));
        self.0 = self.0.wrapping_add(digest.spread());
    }

    /// The digest.
    #[must_use]
    pub const fn value(self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::{ContractKind, Multiplier, PriceSign, TickRule};
    use crate::money::Money;
    use crate::order::{Execution, ExecutionId, Turn};
    use crate::types::{BookKey, InstrumentId, Nanos, Price, PublisherId, Side, Text};

    /// Journals hold digests, so theirs may never change: the numbers come from a program of its
    /// own that follows the words above.
    #[test]
    fn i13_the_digest_of_a_ledger_is_what_journals_hold() {
        let contract = Contract {
            key: BookKey {
                instrument_id: InstrumentId(1),
                publisher_id: PublisherId(1),
            },
            kind: ContractKind::Call,
            multiplier: Multiplier::new(100 * Price::PER_POINT).unwrap(),
            tick: TickRule::Flat(Price(Price::PER_POINT / 100)),
            sign: PriceSign::Positive,
            expiry: Nanos(1),
            currency: Text::from_bytes(b"USD"),
            underlying: InstrumentId(100),
        };
        let mut digest = LedgerDigest::new(ClientOrderId(7), 3);
        digest.add_position(&contract, &Position::FLAT);
        assert_eq!(digest.value(), 0x46BB_C8FC_A174_5B7F);
        let mut position = Position::FLAT;
        position.apply(&Execution {
            id: ExecutionId::default(),
            side: Side::Bid,
            quantity: 2,
            price: Price(2_050_000_000),
            fee: Some(Money::from_usd(1)),
        });
        digest.add_position(&contract, &position);
        assert_eq!(digest.value(), 0x8F26_63AE_0938_94BE);
        let mut life = Life::new(3);
        life.turn(Turn::Filled(1));
        digest.add_order(ClientOrderId(5), &life);
        assert_eq!(digest.value(), 0xC9AE_4160_8EF1_2F7E);
        life.turn(Turn::Filled(2));
        digest.add_order(ClientOrderId(5), &life);
        assert_eq!(digest.value(), 0xC9AE_4160_8EF1_2F7E, "it has ended");
    }
}
