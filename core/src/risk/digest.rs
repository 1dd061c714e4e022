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
