//! The two tables: an order's id to its node, and an instrument's key to its book.
//!
//! Both are open-addressing tables of a power of two, at most half full, with a multiplicative
//! hash. Deleting shifts later entries back, so there are no tombstones. An entry of the order
//! index is 8 bytes: the id itself stands in the node, which a hit touches anyway.
//!
//! The order index is as small as its orders allow, so that it stays in the cache: every size up
//! to the limit is laid out at construction, and when one is half full its entries move to the
//! next. They move in the order of their homes, so that costs some 2 ns each.

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

const VACANT: Entry = Entry {
    hash: 0,
    node: NONE,
};

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
    /// Every size one after the other: `SIZE_MIN`, twice that, and so on.
    sizes: &'a mut [Entry],
    /// Where the present size begins.
    start: usize,
    /// Its last slot.
    mask: usize,
    /// What turns a hash into a slot of it.
    shift: u32,
    /// Entries that are occupied.
    len: usize,
}

/// Entries of the smallest size: 32 KiB.
const SIZE_MIN: usize = 1 << 12;

impl<'a> OrderIndex<'a> {
    /// Bytes of one entry.
    pub(super) const ENTRY_BYTES: usize = size_of::<Entry>();

    /// Entries for `orders_max` orders, over all sizes.
    pub(super) const fn capacity(orders_max: u32) -> usize {
        2 * Self::largest(orders_max) - SIZE_MIN
    }

    /// Entries of the largest size: at least twice as many as orders.
    const fn largest(orders_max: u32) -> usize {
        let least = (orders_max as usize * 2).next_power_of_two();
        if least > SIZE_MIN { least } else { SIZE_MIN }
    }

    pub(super) fn new_in(bump: &'a Bump, limits: &BookLimits) -> Result<Self, LimitError> {
        Ok(Self {
            sizes: filled(bump, Self::capacity(limits.orders_max), VACANT)?,
            start: 0,
            mask: SIZE_MIN - 1,
            shift: 32 - SIZE_MIN.ilog2(),
            len: 0,
        })
    }

    /// Finds the order of `book` with this id. Half of the table is vacant, so this ends.
    #[inline(always)]
    pub(super) fn find(&self, slab: &Slab<'_>, book: u32, order_id: u64) -> Slot {
        let hash = order_hash(book, order_id);
        let mut slot = self.home(hash);
        loop {
            let entry = self.entry(slot);
            if entry.node == NONE {
                return Slot::Vacant { slot };
            }
            if entry.hash == hash {
                let node = slab.node(entry.node);
                let owner = slab.node(node.level).level;
                if node.key == order_id && owner >> 2 == book {
                    return Slot::Found {
                        slot,
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
        let hash = order_hash(book, order_id);
        *self.entry_mut(slot) = Entry { hash, node };
        self.len += 1;
        if self.len * 2 > self.mask {
            self.grow();
        }
    }

    /// Moves every entry to the next size. There is one: orders are bounded.
    #[cold]
    fn grow(&mut self) {
        let (start, size) = (self.start, self.mask + 1);
        if start + 3 * size > self.sizes.len() {
            return;
        }
        self.start = start + size;
        self.mask = 2 * size - 1;
        self.shift -= 1;
        // Begins behind a vacant slot, so that no entry comes before those with lesser homes.
        let rest = start..start + size;
        let first = rest.clone().find(|&at| self.sizes[at].node == NONE);
        let first = first.unwrap_or(start);
        for at in (first..rest.end).chain(rest.start..first) {
            let entry = core::mem::replace(&mut self.sizes[at], VACANT);
            if entry.node == NONE {
                continue;
            }
            let mut slot = self.home(entry.hash);
            while self.entry(slot).node != NONE {
                slot += 1;
            }
            *self.entry_mut(slot) = entry;
        }
    }

    /// Vacates a slot. Entries that a search would now miss move back, each to a place between
    /// its home and where it stood.
    #[inline(always)]
    pub(super) fn remove(&mut self, slot: usize) {
        let (mut hole, mut at) = (slot, slot);
        loop {
            at += 1;
            let entry = self.entry(at);
            if entry.node == NONE {
                break;
            }
            let probed = at.wrapping_sub(self.home(entry.hash)) & self.mask;
            if probed >= at - hole {
                *self.entry_mut(hole) = entry;
                hole = at;
            }
        }
        *self.entry_mut(hole) = VACANT;
        self.len -= 1;
    }

    /// Vacates the slot that names `node`, if one does: an aggregated level has none.
    pub(super) fn remove_node(&mut self, book: u32, order_id: u64, node: u32) {
        let mut slot = self.home(order_hash(book, order_id));
        loop {
            match self.entry(slot).node {
                NONE => return,
                found if found == node => return self.remove(slot),
                _ => slot += 1,
            }
        }
    }

    /// Asks for the cache line where a search for this order begins.
    #[inline(always)]
    pub(super) fn prefetch(&self, book: u32, order_id: u64) {
        let slot = self.home(order_hash(book, order_id));
        crate::prefetch::read(&self.sizes[self.start + (slot & self.mask)]);
    }

    /// The node that a search would look at first. A guess: for prefetching only.
    #[inline(always)]
    pub(super) fn likely_node(&self, book: u32, order_id: u64) -> u32 {
        self.entry(self.home(order_hash(book, order_id))).node
    }

    /// Slots count on from a home without wrapping; here they wrap.
    #[inline(always)]
    fn entry(&self, slot: usize) -> Entry {
        self.sizes[self.start + (slot & self.mask)]
    }

    #[inline(always)]
    fn entry_mut(&mut self, slot: usize) -> &mut Entry {
        &mut self.sizes[self.start + (slot & self.mask)]
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
