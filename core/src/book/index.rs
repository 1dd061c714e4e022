//! The two tables: an order's id to its node, and an instrument's key to its book.
//!
//! Both are open-addressing tables of a power of two, at most half full, with a multiplicative
//! hash. Deleting shifts later entries back, so there are no tombstones and no rehash, ever. An
//! entry of the order index is 8 bytes: the id itself stands in the node, which a hit touches
//! anyway.

use bumpalo::Bump;

use super::limits::{BookLimits, LimitError, filled};
use super::slab::{NONE, Slab};
use crate::types::BookKey;

/// 2^64 over the golden ratio: consecutive ids land far apart.
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// Differs from [`GOLDEN`], so that book and id do not cancel out.
const SALT: u64 = 0xD1B5_4A32_D192_ED03;

/// Hash of an order id within a book. The same id in two books gives two hashes.
#[inline(always)]
pub(super) fn order_hash(book: u32, order_id: u64) -> u32 {
    let mixed = (order_id ^ u64::from(book).wrapping_mul(SALT)).wrapping_mul(GOLDEN);
    (mixed >> 32) as u32
}

#[derive(Clone, Copy, Debug)]
#[repr(C)]
struct Entry {
    hash: u32,
    node: u32,
}

const _: () = assert!(size_of::<Entry>() == 8, "eight entries to a cache line");

/// Where an order id stands, or would stand.
#[derive(Clone, Copy, Debug)]
pub(super) enum Slot {
    /// The order, and the slot that names it.
    Found { slot: usize, node: u32 },
    /// The slot where its entry belongs.
    Vacant { slot: usize },
}

/// Order id to node, for all books.
#[derive(Debug)]
pub(super) struct OrderIndex<'a> {
    entries: &'a mut [Entry],
    mask: usize,
    shift: u32,
}

impl<'a> OrderIndex<'a> {
    /// Bytes of one entry.
    pub(super) const ENTRY_BYTES: usize = size_of::<Entry>();

    /// Entries for `orders_max` orders: at least twice as many.
    pub(super) const fn capacity(orders_max: u32) -> usize {
        (orders_max as usize * 2).next_power_of_two()
    }

    pub(super) fn new_in(bump: &'a Bump, limits: &BookLimits) -> Result<Self, LimitError> {
        let capacity = Self::capacity(limits.orders_max);
        let vacant = Entry {
            hash: 0,
            node: NONE,
        };
        Ok(Self {
            entries: filled(bump, capacity, vacant)?,
            mask: capacity - 1,
            shift: 32 - capacity.ilog2(),
        })
    }

    /// Finds the order of `book` with this id. Half of the table is vacant, so this ends.
    #[inline(always)]
    pub(super) fn find(&self, slab: &Slab<'_>, book: u32, order_id: u64) -> Slot {
        let hash = order_hash(book, order_id);
        let mut slot = self.home(hash);
        loop {
            let entry = self.entries[slot & self.mask];
            if entry.node == NONE {
                return Slot::Vacant {
                    slot: slot & self.mask,
                };
            }
            if entry.hash == hash {
                let node = slab.node(entry.node);
                let owner = slab.node(node.level).level;
                if node.key == order_id && owner >> 2 == book {
                    return Slot::Found {
                        slot: slot & self.mask,
                        node: entry.node,
                    };
                }
            }
            slot += 1;
        }
    }

    /// Writes the entry of a new order into the vacant slot that [`Self::find`] named.
    #[inline(always)]
    pub(super) fn insert(&mut self, slot: usize, book: u32, order_id: u64, node: u32) {
        self.entries[slot & self.mask] = Entry {
            hash: order_hash(book, order_id),
            node,
        };
    }

    /// Vacates a slot. Entries that a search would now miss move back, each to a place between
    /// its home and where it stood.
    #[inline(always)]
    pub(super) fn remove(&mut self, slot: usize) {
        let mut hole = slot;
        let mut at = slot;
        loop {
            at = (at + 1) & self.mask;
            let entry = self.entries[at];
            if entry.node == NONE {
                break;
            }
            let probed = at.wrapping_sub(self.home(entry.hash)) & self.mask;
            let gap = at.wrapping_sub(hole) & self.mask;
            if probed >= gap {
                self.entries[hole & self.mask] = entry;
                hole = at;
            }
        }
        self.entries[hole & self.mask].node = NONE;
    }

    /// Vacates the slot that names `node`, if one does: an aggregated level has none.
    pub(super) fn remove_node(&mut self, book: u32, order_id: u64, node: u32) {
        let mut slot = self.home(order_hash(book, order_id));
        loop {
            match self.entries[slot & self.mask].node {
                NONE => return,
                found if found == node => return self.remove(slot & self.mask),
                _ => slot += 1,
            }
        }
    }

    /// Asks for the cache line where a search for this order begins.
    #[inline(always)]
    pub(super) fn prefetch(&self, book: u32, order_id: u64) {
        crate::prefetch::read(&self.entries[self.home(order_hash(book, order_id)) & self.mask]);
    }

    /// The node that a search would look at first. A guess: for prefetching only.
    #[inline(always)]
    pub(super) fn likely_node(&self, book: u32, order_id: u64) -> u32 {
        self.entries[self.home(order_hash(book, order_id)) & self.mask].node
    }

    #[inline(always)]
    fn home(&self, hash: u32) -> usize {
        (hash >> self.shift) as usize
    }
}

#[derive(Clone, Copy, Debug)]
struct KeyEntry {
    key: u64,
    /// The book's number plus one, so that 0 is vacant.
    book_plus_one: u32,
}

/// Instrument and publisher to book. Books are never removed.
#[derive(Debug)]
pub(super) struct KeyIndex<'a> {
    entries: &'a mut [KeyEntry],
    mask: usize,
    shift: u32,
}

impl<'a> KeyIndex<'a> {
    /// Entries for `instruments_max` books: at least twice as many.
    pub(super) const fn capacity(instruments_max: u32) -> usize {
        (instruments_max as usize * 2).next_power_of_two()
    }

    /// Bytes of one entry.
    pub(super) const ENTRY_BYTES: usize = size_of::<KeyEntry>();

    pub(super) fn new_in(bump: &'a Bump, limits: &BookLimits) -> Result<Self, LimitError> {
        let capacity = Self::capacity(limits.instruments_max);
        let vacant = KeyEntry {
            key: 0,
            book_plus_one: 0,
        };
        Ok(Self {
            entries: filled(bump, capacity, vacant)?,
            mask: capacity - 1,
            shift: 64 - capacity.ilog2(),
        })
    }

    /// The book's number, if it has been seen.
    #[inline]
    pub(super) fn find(&self, key: u64) -> Option<u32> {
        self.entries[self.probe(key)].book_plus_one.checked_sub(1)
    }

    /// Names the book of a key that [`Self::find`] does not know.
    pub(super) fn insert(&mut self, key: u64, book: u32) {
        let slot = self.probe(key);
        self.entries[slot] = KeyEntry {
            key,
            book_plus_one: book + 1,
        };
    }

    /// The slot of this key, or the vacant one where it belongs.
    #[inline]
    fn probe(&self, key: u64) -> usize {
        let mut slot = (key.wrapping_mul(GOLDEN) >> self.shift) as usize;
        loop {
            let entry = self.entries[slot & self.mask];
            if entry.book_plus_one == 0 || entry.key == key {
                return slot & self.mask;
            }
            slot += 1;
        }
    }
}

/// A key as one integer.
#[inline(always)]
pub(super) const fn key_bits(key: BookKey) -> u64 {
    (key.publisher_id.0 as u64) << 32 | key.instrument_id.0 as u64
}
