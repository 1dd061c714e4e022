//! The two tables: an order's id to its node, and an instrument's key to its book.
//!
//! Both are open-addressing tables of a power of two, at most half full, with a multiplicative
//! hash. Deleting shifts later entries back, so there are no tombstones. An entry of the order
//! index is 8 bytes: the id itself stands in the node, which a hit touches anyway.
//!
//! The order index is as small as its orders allow, so that it stays in the cache: every size up
//! to the limit is laid out at construction, and when one is a quarter full its entries move to
//! the next. They move in the order of their homes, so that costs some 2 ns each.

use bumpalo::Bump;

use super::limits::{BookLimits, LimitError, filled};
use super::slab::{NONE, Slab};
use crate::types::BookKey;

/// 2^64 over the golden ratio: consecutive ids land far apart.
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// Hash of an order id within a book. The same id in two books gives two hashes.
#[inline(always)]
pub(super) fn order_hash(book: u32, order_id: u64) -> u32 {
    let mixed = (order_id ^ u64::from(book) << 40).wrapping_mul(GOLDEN);
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
    /// The slot where its entry belongs, and the hash to write there.
    Vacant { slot: usize, hash: u32 },
}

/// Order id to node, for all books.
#[derive(Debug)]
pub(super) struct OrderIndex<'a> {
    /// The present size.
    entries: &'a mut [Entry],
    /// The sizes after it: twice as many entries, twice that, and so on.
    larger: &'a mut [Entry],
    /// What turns a hash into a slot.
    shift: u32,
    /// How many more entries before the next size.
    room: usize,
}

/// Entries of the smallest size: 32 KiB.
const SIZE_MIN: usize = 1 << 12;

/// A size is left when one entry in this many is occupied. Sparse tables have short searches;
/// only the last size may fill up to a half.
const SPARSITY: usize = 4;

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
        let all = filled(bump, Self::capacity(limits.orders_max), VACANT)?;
        let (entries, larger) = all.split_at_mut(SIZE_MIN);
        Ok(Self {
            entries,
            larger,
            shift: 32 - SIZE_MIN.ilog2(),
            room: SIZE_MIN / SPARSITY,
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
                return Slot::Vacant { slot, hash };
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
    pub(super) fn insert(&mut self, slot: usize, hash: u32, node: u32) {
        *self.entry_mut(slot) = Entry { hash, node };
        self.room -= 1;
        if self.room == 0 {
            self.grow();
        }
    }

    /// Moves every entry to the next size; in the last one, lets the table fill up to a half.
    #[cold]
    fn grow(&mut self) {
        let size = self.entries.len();
        if self.larger.is_empty() {
            self.room = size;
            return;
        }
        let (next, larger) = core::mem::take(&mut self.larger).split_at_mut(2 * size);
        let old = core::mem::replace(&mut self.entries, next);
        self.larger = larger;
        self.shift -= 1;
        self.room = size / SPARSITY;
        // Begins behind a vacant slot, so that no entry comes before those with lesser homes.
        let first = old.iter().position(|entry| entry.node == NONE).unwrap_or(0);
        for at in (first..size).chain(0..first) {
            let entry = core::mem::replace(&mut old[at], VACANT);
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
            let probed = at.wrapping_sub(self.home(entry.hash)) & (self.entries.len() - 1);
            if probed >= at - hole {
                *self.entry_mut(hole) = entry;
                hole = at;
            }
        }
        *self.entry_mut(hole) = VACANT;
        self.room += 1;
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
        crate::prefetch::read(&self.entries[slot & (self.entries.len() - 1)]);
    }

    /// Slots count on from a home without wrapping; here they wrap.
    #[inline(always)]
    fn entry(&self, slot: usize) -> Entry {
        self.entries[slot & (self.entries.len() - 1)]
    }

    #[inline(always)]
    fn entry_mut(&mut self, slot: usize) -> &mut Entry {
        &mut self.entries[slot & (self.entries.len() - 1)]
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
