//! The two tables: an order's id to its node, and an instrument's key to its book.
//!
//! The order index is an array of buckets. A bucket names an order, and that one names the next
//! of the same bucket: orders carry the chain themselves, so an order that comes or goes writes
//! one bucket, and a search of one that is there reads nothing that is not needed anyway. The
//! newest of a bucket comes first, for it is the likeliest to be asked for.
//!
//! The table is hardly larger than its orders need, so that it stays in near caches: a half full
//! one doubles within the array, which has room for the largest. The index of keys is an
//! open-addressing table, at most half full; books are never removed.

use bumpalo::Bump;

use super::limits::{BookLimits, LimitError, filled};
use super::nodes::{Node, NodeId, Nodes};
use super::slab::Slab;
use crate::types::BookKey;

/// 2^64 over the golden ratio: consecutive ids land far apart.
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// Keeps apart the books of venues that count their orders alike: beyond the numbers that such
/// counts reach, and with room for all books.
const BOOK_SHIFT: u32 = 40;

/// Buckets to begin with: 128 KiB, which every core has near. Tests begin with fewer, so that
/// theirs grow.
const BUCKETS_FIRST: usize = if cfg!(test) { 1 << 12 } else { 1 << 15 };

/// Buckets to an order, at least.
const ORDER_BUCKETS: usize = 2;

/// Buckets of one cache line.
const BUCKETS_A_LINE: u32 = 16;

/// Order id to node, for all books.
#[derive(Debug)]
pub(super) struct OrderIndex<'a> {
    /// All there is room for. A power of two.
    buckets: &'a mut [NodeId],
    /// The hash over this is the bucket: 64 less the bits of the present size.
    shift: u32,
    /// The size doubles before one more order comes when so many are free. None, once it is the
    /// largest.
    free_min: u32,
    orders_max: u32,
}

impl<'a> OrderIndex<'a> {
    /// Bytes of one bucket.
    pub(super) const BUCKET_BYTES: usize = size_of::<NodeId>();

    /// Buckets of the largest size.
    pub(super) const fn capacity(orders_max: u32) -> usize {
        (orders_max as usize * ORDER_BUCKETS).next_power_of_two()
    }

    pub(super) fn new_in(bump: &'a Bump, limits: &BookLimits) -> Result<Self, LimitError> {
        let buckets = filled(bump, Self::capacity(limits.orders_max), NodeId::NONE)?;
        let mut index = Self {
            buckets,
            shift: 0,
            free_min: 0,
            orders_max: limits.orders_max,
        };
        index.set_size(BUCKETS_FIRST.min(index.buckets.len()));
        Ok(index)
    }

    /// Lines of the buckets in use.
    pub(super) const fn lines(&self) -> u32 {
        1 << (u64::BITS - self.shift) >> BUCKETS_A_LINE.ilog2()
    }

    /// Calls for a line of buckets.
    pub(super) fn call_for_line(&self, line: u32) {
        self.prefetch((line * BUCKETS_A_LINE) as usize);
    }

    fn set_size(&mut self, count: usize) {
        self.shift = u64::BITS - count.ilog2();
        let most = (count / ORDER_BUCKETS) as u32;
        self.free_min = if count < self.buckets.len() {
            self.orders_max.saturating_sub(most)
        } else {
            0
        };
    }

    /// The bucket of an order of `book`.
    #[inline(always)]
    pub(super) const fn bucket(&self, book: u32, order_id: u64) -> usize {
        let within = order_id ^ (book as u64) << BOOK_SHIFT;
        // The upper part, for every bit of an id has a say in it.
        (within.wrapping_mul(GOLDEN) >> (self.shift & 63)) as usize
    }

    /// The newest order of a bucket.
    #[inline(always)]
    pub(super) fn first(&self, bucket: usize) -> NodeId {
        self.buckets[bucket]
    }

    /// The same, to be replaced by one that has come, or by what followed it.
    #[inline(always)]
    pub(super) fn first_mut(&mut self, bucket: usize) -> &mut NodeId {
        &mut self.buckets[bucket]
    }

    /// The order of `book` with this id, or [`NodeId::NONE`].
    pub(super) fn find(&self, nodes: &Nodes<'_>, book: u32, order_id: u64) -> NodeId {
        find_from(
            nodes,
            self.first(self.bucket(book, order_id)),
            book,
            order_id,
        )
    }

    /// Puts an order into its bucket, and the rest of the bucket behind it. The caller writes
    /// that number, which is returned, into the order.
    #[inline(always)]
    pub(super) fn push(&mut self, bucket: usize, order: NodeId) -> u32 {
        core::mem::replace(&mut self.buckets[bucket], order).number()
    }

    /// Takes an order out of its bucket, if it is there: an aggregate is not.
    #[inline(always)]
    pub(super) fn remove(&mut self, nodes: &mut Nodes<'_>, bucket: usize, order: NodeId) {
        let first = &mut self.buckets[bucket];
        if *first == order {
            *first = nodes.named(nodes[order].follower());
        } else {
            remove_behind(nodes, *first, order);
        }
    }

    /// Whether there is no order left, or it is time for [`Self::grow`].
    #[inline(always)]
    pub(super) const fn is_tight(&self, free_orders: u32) -> bool {
        free_orders <= self.free_min
    }

    /// Doubles the size: what a bucket holds goes to the two that stand in its place. The last
    /// one goes first, so that these have been left already.
    #[cold]
    #[inline(never)]
    pub(super) fn grow(&mut self, slab: &mut Slab<'_>) {
        let nodes = &mut slab.nodes;
        let count = 1 << (u64::BITS - self.shift);
        self.set_size(2 * count);
        for bucket in (0..count).rev() {
            let mut order = core::mem::replace(&mut self.buckets[bucket], NodeId::NONE);
            while order != NodeId::NONE {
                let node = &nodes[order];
                let (size, next) = (node.order_size(), nodes.named(node.follower()));
                let book = nodes[node.level.page()].owner >> 2;
                let to = self.bucket(book, node.key);
                nodes[order].size = Node::packed(size, self.push(to, order));
                order = next;
            }
        }
    }

    /// Asks for the cache line of a bucket.
    #[inline(always)]
    pub(super) fn prefetch(&self, bucket: usize) {
        crate::prefetch::read(&self.buckets[bucket]);
    }
}

/// The order of `book` with this id, among this one and what follows it in its bucket.
#[inline(never)]
pub(super) fn find_from(nodes: &Nodes<'_>, mut order: NodeId, book: u32, order_id: u64) -> NodeId {
    while order != NodeId::NONE {
        let node = &nodes[order];
        if node.key == order_id && nodes[node.level.page()].owner >> 2 == book {
            return order;
        }
        order = nodes.named(node.follower());
    }
    NodeId::NONE
}

/// Takes an order out that is not the first of its bucket.
#[inline(never)]
fn remove_behind(nodes: &mut Nodes<'_>, first: NodeId, order: NodeId) {
    let mut before = first;
    while before != NodeId::NONE {
        let node = &nodes[before];
        let (size, next) = (node.order_size(), nodes.named(node.follower()));
        if next == order {
            nodes[before].size = Node::packed(size, nodes[order].follower());
            return;
        }
        before = next;
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

/// A key as one integer of 48 bits: as it lies in a record, so that it is read in one piece.
#[inline(always)]
pub(super) const fn key_bits(key: BookKey) -> u64 {
    (key.instrument_id.0 as u64) << u16::BITS | key.publisher_id.0 as u64
}
