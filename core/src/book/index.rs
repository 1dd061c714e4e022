//! The two tables: an order's id to its node, and an instrument's key to its book.
//!
//! Both are open-addressing tables of a power of two, at most half full, with a multiplicative
//! hash. Deleting shifts later entries back, so there are no tombstones. An entry of the order
//! index is 8 bytes: the id itself stands in the node, which a hit touches anyway.
//!
//! The order index works for the cache. Eight neighbouring ids share a line, because what is new
//! is what changes next; and the table is as small as its orders allow: every size up to the
//! limit is laid out at construction, and a quarter full one moves to the next.

use bumpalo::Bump;

use super::limits::{BookLimits, LimitError, filled};
use super::slab::{NONE, Slab};
use crate::types::BookKey;

/// 2^64 over the golden ratio: consecutive ids land far apart.
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// Hash of an order id within a book: eight neighbouring ids differ in the last three bits only,
/// so that they share a line.
#[inline(always)]
pub(super) fn order_hash(book: u32, order_id: u64) -> u32 {
    let eight = (order_id / 8) ^ (u64::from(book) << 40);
    let mixed = eight.wrapping_mul(GOLDEN) >> 32;
    mixed as u32 ^ (order_id as u32 & 7)
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
    /// The present size. The first entry begins a cache line.
    entries: &'a mut [Entry],
    /// The sizes after it: twice as many entries, twice that, and so on.
    larger: &'a mut [Entry],
    /// How many more entries before the next size.
    room: usize,
}

/// Entries of one cache line.
const LINE_ENTRIES: usize = 8;

/// Entries of the smallest size: 32 KiB.
const SIZE_MIN: usize = 1 << 12;

/// From a taken slot a search goes on to the next line and the next place in it. Ids in use are
/// often neighbours, and fill whole lines: this steps over such a line at once, and being odd it
/// still comes to every slot.
const STEP: usize = 9;

/// `STEP` times this is 1, modulo any power of two.
const STEP_INVERSE: usize = 0x8E38_E38E_38E3_8E39;

const _: () = assert!(STEP.wrapping_mul(STEP_INVERSE) == 1);

/// A size is left when one entry in this many is occupied. Sparse tables have short searches;
/// only the last size may fill up to a half.
const SPARSITY: usize = 4;

impl<'a> OrderIndex<'a> {
    /// Bytes of one entry.
    pub(super) const ENTRY_BYTES: usize = size_of::<Entry>();

    /// Entries for `orders_max` orders, over all sizes, and some to lose to alignment.
    pub(super) const fn capacity(orders_max: u32) -> usize {
        2 * Self::largest(orders_max) - SIZE_MIN + LINE_ENTRIES
    }

    /// Entries of the largest size: at least twice as many as orders.
    const fn largest(orders_max: u32) -> usize {
        let least = (orders_max as usize * 2).next_power_of_two();
        if least > SIZE_MIN { least } else { SIZE_MIN }
    }

    pub(super) fn new_in(bump: &'a Bump, limits: &BookLimits) -> Result<Self, LimitError> {
        let all = filled(bump, Self::capacity(limits.orders_max), VACANT)?;
        // Alignment by hand, because a table of whole lines costs more at each look.
        let before = all.as_ptr().align_offset(LINE_ENTRIES * Self::ENTRY_BYTES);
        let used = Self::capacity(limits.orders_max) - LINE_ENTRIES;
        let aligned = &mut all[before % LINE_ENTRIES..][..used];
        let (entries, larger) = aligned.split_at_mut(SIZE_MIN);
        Ok(Self {
            entries,
            larger,
            room: SIZE_MIN / SPARSITY,
        })
    }

    /// Finds the order of `book` with this id. Half of the table is vacant, so this ends.
    #[inline(always)]
    pub(super) fn find(&self, slab: &Slab<'_>, book: u32, order_id: u64) -> Slot {
        let hash = order_hash(book, order_id);
        let mut slot = hash as usize;
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
            slot += STEP;
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
        let (next, larger) = core::mem::take(&mut self.larger).split_at_mut(size * 2);
        let old = core::mem::replace(&mut self.entries, next);
        self.larger = larger;
        self.room = size / SPARSITY;
        for entry in old
            .iter_mut()
            .map(|entry| core::mem::replace(entry, VACANT))
        {
            if entry.node == NONE {
                continue;
            }
            let mut slot = entry.hash as usize;
            while self.entry(slot).node != NONE {
                slot += STEP;
            }
            *self.entry_mut(slot) = entry;
        }
    }

    /// Vacates a slot.
    #[inline(always)]
    pub(super) fn remove(&mut self, slot: usize) {
        self.room += 1;
        if self.entry(slot + STEP).node == NONE {
            *self.entry_mut(slot) = VACANT;
        } else {
            self.close_gap(slot);
        }
    }

    /// Moves entries back that a search would miss once `slot` is vacant, each to a place between
    /// its home and where it stood.
    #[inline(never)]
    fn close_gap(&mut self, slot: usize) {
        let (mut hole, mut at) = (slot, slot);
        let mut gap = 0;
        loop {
            at += STEP;
            gap += 1;
            let entry = self.entry(at);
            if entry.node == NONE {
                break;
            }
            if self.steps(entry.hash as usize, at) >= gap {
                *self.entry_mut(hole) = entry;
                (hole, gap) = (at, 0);
            }
        }
        *self.entry_mut(hole) = VACANT;
    }

    /// How many steps a search makes from one slot to another.
    #[inline(always)]
    fn steps(&self, from: usize, to: usize) -> usize {
        to.wrapping_sub(from).wrapping_mul(STEP_INVERSE) & (self.entries.len() - 1)
    }

    /// Vacates the slot that names `node`, if one does: an aggregated level has none.
    pub(super) fn remove_node(&mut self, book: u32, order_id: u64, node: u32) {
        let mut slot = order_hash(book, order_id) as usize;
        loop {
            match self.entry(slot).node {
                NONE => return,
                found if found == node => return self.remove(slot),
                _ => slot += STEP,
            }
        }
    }

    /// Asks for the cache line where a search for this order begins.
    #[inline(always)]
    pub(super) fn prefetch(&self, book: u32, order_id: u64) {
        let slot = order_hash(book, order_id) as usize;
        crate::prefetch::read(&self.entries[slot & (self.entries.len() - 1)]);
    }

    /// The node that most likely is this order's: the one where a search begins.
    #[inline(always)]
    pub(super) fn likely_node(&self, book: u32, order_id: u64) -> u32 {
        self.entry(order_hash(book, order_id) as usize).node
    }

    /// Slots count on from a hash; here they wrap to the size.
    #[inline(always)]
    fn entry(&self, slot: usize) -> Entry {
        self.entries[slot & (self.entries.len() - 1)]
    }

    #[inline(always)]
    fn entry_mut(&mut self, slot: usize) -> &mut Entry {
        let mask = self.entries.len() - 1;
        &mut self.entries[slot & mask]
    }
}

/// Of 12 bytes: with a `u64` for the key it would be 16.
#[derive(Clone, Copy, Debug)]
struct KeyEntry {
    key: [u32; 2],
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
            key: [0; 2],
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
            key: halves(key),
            book_plus_one: book + 1,
        };
    }

    /// The slot of this key, or the vacant one where it belongs.
    #[inline]
    fn probe(&self, key: u64) -> usize {
        let mut slot = (key.wrapping_mul(GOLDEN) >> self.shift) as usize;
        loop {
            let entry = self.entries[slot & self.mask];
            if entry.book_plus_one == 0 || entry.key == halves(key) {
                return slot & self.mask;
            }
            slot += 1;
        }
    }
}

#[inline(always)]
const fn halves(key: u64) -> [u32; 2] {
    [key as u32, (key >> 32) as u32]
}

/// A key as one integer.
#[inline(always)]
pub(super) const fn key_bits(key: BookKey) -> u64 {
    (key.publisher_id.0 as u64) << 32 | key.instrument_id.0 as u64
}
