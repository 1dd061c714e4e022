//! The contracts of the venue, found by key, each with its live orders: best price first, of
//! equal prices the earlier one.

use alloc::boxed::Box;
use alloc::vec;
use core::fmt;

use super::queue::Queue;
use crate::contract::{Contract, ContractError};
use crate::order::{ClientOrderId, Tif};
use crate::types::{BookKey, Nanos, Price, Side};

/// No line, no slot.
pub(super) const NONE: u32 = u32::MAX;

/// A contract.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line {
    pub(super) contract: Contract,
    /// The last instant at which it can be traded.
    pub(super) expiry: Nanos,
    pub(super) is_trading: bool,
    pub(super) is_expired: bool,
    /// Its queues were replaced: our places are to be found anew.
    pub(super) is_reset: bool,
    /// Its book shows no queues, only a level a side.
    pub(super) is_blind: bool,
    /// First of its live orders, bids and asks.
    pub(super) heads: [u32; 2],
    /// How many live orders.
    pub(super) live: u32,
}

/// An order of ours at the venue.
#[derive(Debug)]
pub(super) struct Ours {
    pub(super) id: ClientOrderId,
    pub(super) line: u32,
    pub(super) side: Side,
    pub(super) price: Price,
    pub(super) quantity: u32,
    pub(super) filled: u32,
    pub(super) tif: Tif,
    /// Whether it rests; otherwise it waits to meet the book.
    pub(super) is_resting: bool,
    /// Reports so far.
    pub(super) reports: u32,
    /// The next on its side.
    pub(super) next: u32,
    pub(super) queue: Queue,
}

/// Why a contract is not taken on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegisterError {
    /// Its terms are unsound.
    Contract(ContractError),
    /// There is no room for another contract.
    Contracts,
    /// Its key belongs to a contract that has live orders.
    InUse,
}

/// All contracts and all live orders.
#[derive(Debug)]
pub(super) struct Lines {
    lines: Box<[Option<Line>]>,
    used: u32,
    /// Line by key, open addressing; half of it stays empty.
    keys: Box<[u32]>,
    orders: Box<[Ours]>,
    /// First of the slots without an order, linked by `next`.
    free: u32,
    live: u32,
}

impl Lines {
    /// Calls for the memory of the next order, and of the first contracts.
    pub(super) fn call_for_next(&self) {
        if let Some(free) = self.orders.get(self.free as usize) {
            crate::prefetch::whole(free);
        }
        for line in self.lines.iter().take(LINES_NEAR) {
            crate::prefetch::whole(line);
        }
    }
}

/// Contracts whose terms are kept near.
const LINES_NEAR: usize = 4;

impl Ours {
    pub(super) const fn leaves(&self) -> u32 {
        self.quantity - self.filled
    }

    /// Whether this price is one at which it would trade.
    pub(super) const fn accepts(&self, price: Price) -> bool {
        match self.side {
            Side::Bid => price.0 <= self.price.0,
            _ => price.0 >= self.price.0,
        }
    }
}

impl Lines {
    pub(super) fn new(contracts_max: u32, orders_max: u32, ahead_max: u32) -> Self {
        let keys = (2 * contracts_max as usize).next_power_of_two();
        let order = |slot| Ours {
            id: ClientOrderId(0),
            line: NONE,
            side: Side::None,
            price: Price::UNDEFINED,
            quantity: 0,
            filled: 0,
            tif: Tif::Day,
            is_resting: false,
            reports: 0,
            next: if slot + 1 == orders_max {
                NONE
            } else {
                slot + 1
            },
            queue: Queue::new(ahead_max as usize),
        };
        Self {
            lines: vec![None; contracts_max as usize].into_boxed_slice(),
            used: 0,
            keys: vec![NONE; keys].into_boxed_slice(),
            orders: (0..orders_max).map(order).collect(),
            free: if orders_max == 0 { NONE } else { 0 },
            live: 0,
        }
    }

    /// Takes a contract on. A key seen before means the same again, or a new one in its place.
    pub(super) fn register(&mut self, contract: &Contract) -> Result<(), RegisterError> {
        contract.check().map_err(RegisterError::Contract)?;
        let slot = self.slot_of(contract.key);
        let line = Line {
            contract: *contract,
            expiry: last_instant(contract.expiry),
            is_trading: true,
            is_expired: false,
            is_reset: false,
            is_blind: false,
            heads: [NONE; 2],
            live: 0,
        };
        if let Some(at) = self.find(contract.key) {
            if self.line(at).contract == *contract {
                return Ok(());
            }
            if self.line(at).live > 0 {
                return Err(RegisterError::InUse);
            }
            self.lines[at as usize] = Some(line);
            return Ok(());
        }
        let room = self.lines.get_mut(self.used as usize);
        *room.ok_or(RegisterError::Contracts)? = Some(line);
        self.keys[slot] = self.used;
        self.used += 1;
        Ok(())
    }

    /// The line of a key.
    #[inline]
    pub(super) fn find(&self, key: BookKey) -> Option<u32> {
        let at = *self.keys.get(self.slot_of(key))?;
        (at != NONE).then_some(at)
    }

    /// Where this key stands, or the empty slot where it would.
    fn slot_of(&self, key: BookKey) -> usize {
        let mask = self.keys.len() - 1;
        let id = u64::from(key.instrument_id.0) << 16 | u64::from(key.publisher_id.0);
        let hash = id.wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(26);
        let mut slot = usize::try_from(hash & mask as u64).unwrap_or(0);
        while self.keys[slot] != NONE && self.line(self.keys[slot]).contract.key != key {
            slot = (slot + 1) & mask;
        }
        slot
    }

    pub(super) fn line(&self, at: u32) -> &Line {
        let line = self.lines[at as usize].as_ref();
        line.expect("lines below `used` are there")
    }

    pub(super) fn line_mut(&mut self, at: u32) -> &mut Line {
        let line = self.lines[at as usize].as_mut();
        line.expect("lines below `used` are there")
    }

    /// How many lines there are.
    pub(super) const fn used(&self) -> u32 {
        self.used
    }

    /// How many orders are live, over all lines.
    pub(super) const fn live(&self) -> u32 {
        self.live
    }

    pub(super) fn order(&self, slot: u32) -> &Ours {
        &self.orders[slot as usize]
    }

    pub(super) fn order_mut(&mut self, slot: u32) -> &mut Ours {
        &mut self.orders[slot as usize]
    }

    /// First live order of a side, [`NONE`] if there is none.
    pub(super) fn head(&self, line: u32, side: Side) -> u32 {
        self.line(line).heads[index(side)]
    }

    /// The live order of this id.
    pub(super) fn slot(&self, line: u32, id: ClientOrderId) -> Option<u32> {
        for head in self.line(line).heads {
            let mut slot = head;
            while slot != NONE {
                if self.order(slot).id == id {
                    return Some(slot);
                }
                slot = self.order(slot).next;
            }
        }
        None
    }

    /// A slot for a new order, if one is free. It is to be filled and inserted.
    pub(super) fn take_slot(&mut self) -> Option<u32> {
        let slot = self.free;
        if slot == NONE {
            return None;
        }
        self.free = self.order(slot).next;
        Some(slot)
    }

    /// Puts an order behind those of its side that trade before it.
    pub(super) fn insert(&mut self, slot: u32) {
        let (line, side) = (self.order(slot).line, self.order(slot).side);
        let (mut before, mut next) = (NONE, self.head(line, side));
        while next != NONE && !self.trades_before(slot, next) {
            (before, next) = (next, self.order(next).next);
        }
        self.order_mut(slot).next = next;
        self.link(line, side, before, slot);
        self.line_mut(line).live += 1;
        self.live += 1;
    }

    /// Takes an order out, and frees its slot.
    pub(super) fn remove(&mut self, slot: u32) {
        let (line, side) = (self.order(slot).line, self.order(slot).side);
        let (mut before, mut at) = (NONE, self.head(line, side));
        while at != slot {
            (before, at) = (at, self.order(at).next);
        }
        let next = self.order(slot).next;
        self.link(line, side, before, next);
        self.line_mut(line).live -= 1;
        self.live -= 1;
        self.order_mut(slot).next = self.free;
        self.free = slot;
    }

    fn link(&mut self, line: u32, side: Side, before: u32, slot: u32) {
        if before == NONE {
            self.line_mut(line).heads[index(side)] = slot;
        } else {
            self.order_mut(before).next = slot;
        }
    }

    /// Whether the price of the first is better than that of the second.
    fn trades_before(&self, first: u32, second: u32) -> bool {
        !self.order(second).accepts(self.order(first).price)
    }
}

/// Until when a contract is traded: for ever, if nobody says.
pub(super) const fn last_instant(expiry: Nanos) -> Nanos {
    if expiry.is_defined() {
        expiry
    } else {
        Nanos::UNDEFINED
    }
}

const fn index(side: Side) -> usize {
    matches!(side, Side::Ask) as usize
}

/// The other side.
pub(super) const fn opposite(side: Side) -> Side {
    match side {
        Side::Bid => Side::Ask,
        Side::Ask => Side::Bid,
        Side::None => Side::None,
    }
}

impl fmt::Display for RegisterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Contract(error) => error.fmt(f),
            Self::Contracts => f.write_str("no room for another contract: raise contracts_max"),
            Self::InUse => f.write_str("its key belongs to a contract that has live orders"),
        }
    }
}

impl core::error::Error for RegisterError {}
