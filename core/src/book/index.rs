//! The two tables: an order's id to its node, and an instrument's key to its book.
//!
//! The order index is made of cache lines. A line holds the nodes of eleven orders, and of each a
//! byte of its hash, its *tag*: one comparison finds all candidates of a line at once, the node
//! itself tells which it is. What finds its line full goes to a later one, and every line on the
//! way counts it, so that nothing ever moves and a search ends where nothing went on.
//!
//! The table is as small as its orders allow: every size up to the limit is laid out at
//! construction, and a half full one moves to the next. The index of keys is an open-addressing
//! table, at most half full; books are never removed.

use bumpalo::Bump;

use super::limits::{BookLimits, LimitError, filled};
use super::slab::{NONE, Node, Slab};
use crate::lanes;
use crate::types::BookKey;

/// 2^64 over the golden ratio: consecutive ids land far apart.
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// Keeps apart the books of venues that count their orders alike. Odd, and without a pattern.
const SPREAD: u64 = 0xD1B5_4A32_D192_ED03;

/// Orders of one line.
const LINE_ORDERS: usize = 11;

/// Hash of an order id within a book.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hash {
    /// Its upper part names the line.
    line: u64,
    /// From its middle. Never 0, which stands for no order.
    tag: u8,
}

impl Hash {
    #[inline(always)]
    const fn of(book: u32, order_id: u64) -> Self {
        let within = order_id ^ (book as u64).wrapping_mul(SPREAD);
        let line = within.wrapping_mul(GOLDEN);
        let tag = (line >> 24) as u8;
        Self {
            line,
            tag: tag + (tag == 0) as u8,
        }
    }
}

/// Eleven places for orders, in one cache line.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
struct Line {
    /// The tags of the orders, 0 where there is none, and five bytes that stay 0.
    tags: [u8; 16],
    nodes: [u32; LINE_ORDERS],
    /// How many orders went on from here because it was full.
    passed: u32,
}

const _: () = assert!(size_of::<Line>() == 64, "a line is a cache line");

impl Line {
    const EMPTY: Self = Self {
        tags: [0; 16],
        nodes: [NONE; LINE_ORDERS],
        passed: 0,
    };

    /// Bit `i`: place `i` has this tag, which is not 0.
    #[inline(always)]
    fn places(&self, tag: u8) -> u32 {
        lanes::equal(&self.tags, tag)
    }

    /// A place without an order; [`LINE_ORDERS`] when there is none.
    #[inline(always)]
    fn vacant(&self) -> usize {
        lanes::equal(&self.tags, 0).trailing_zeros() as usize
    }
}

/// Where an order id stands, or would stand.
#[derive(Clone, Copy, Debug)]
pub(super) enum Slot {
    /// The order, and the place that names it.
    Found { place: Place, node: u32 },
    /// The place where its entry belongs.
    Vacant { place: Place },
}

/// A place in a line, of an order with this hash.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    line: usize,
    at: usize,
    hash: Hash,
    /// Whether the search has gone on from its home to this line.
    is_beyond: bool,
}

impl Place {
    #[inline(always)]
    const fn at_home(line: usize, at: usize, hash: Hash) -> Self {
        Self {
            line,
            at,
            hash,
            is_beyond: false,
        }
    }
}

/// Order id to node, for all books.
#[derive(Debug)]
pub(super) struct OrderIndex<'a> {
    /// The present size, a power of two.
    lines: &'a mut [Line],
    /// The hash over this is the line.
    shift: u32,
    /// The next size when fewer orders than this are free.
    free_min: u32,
    /// The sizes after it: twice as many lines, twice that, and so on.
    larger: &'a mut [Line],
    orders_max: u32,
}

/// Lines of the smallest size: 32 KiB.
const LINES_MIN: usize = 1 << 9;

/// A size is left when its lines have so many orders each. Only the last size may be fuller.
const LINE_ORDERS_SPARSE: usize = 4;

/// An order that comes to a line of as many asks whether it is time to leave a size.
const LINE_ORDERS_CALM: usize = 2 * LINE_ORDERS_SPARSE;

/// Orders to a line of the last size, at most.
const LINE_ORDERS_DENSE: usize = 8;

impl<'a> OrderIndex<'a> {
    /// Bytes of one line.
    pub(super) const LINE_BYTES: usize = size_of::<Line>();

    /// Lines for `orders_max` orders, over all sizes.
    pub(super) const fn capacity(orders_max: u32) -> usize {
        2 * Self::largest(orders_max) - LINES_MIN
    }

    /// Lines of the largest size.
    const fn largest(orders_max: u32) -> usize {
        let least = (orders_max as usize).div_ceil(LINE_ORDERS_DENSE);
        let least = least.next_power_of_two();
        if least > LINES_MIN { least } else { LINES_MIN }
    }

    pub(super) fn new_in(bump: &'a Bump, limits: &BookLimits) -> Result<Self, LimitError> {
        let all = filled(bump, Self::capacity(limits.orders_max), Line::EMPTY)?;
        let mut index = Self {
            lines: &mut [],
            shift: 0,
            free_min: 0,
            larger: all,
            orders_max: limits.orders_max,
        };
        index.take_size(LINES_MIN);
        Ok(index)
    }

    /// Makes the next `count` lines the table, and returns the one before.
    fn take_size(&mut self, count: usize) -> &'a mut [Line] {
        let (lines, larger) = core::mem::take(&mut self.larger).split_at_mut(count);
        self.larger = larger;
        self.shift = u64::BITS - count.ilog2();
        let sparse = (count * LINE_ORDERS_SPARSE) as u32;
        self.free_min = match self.larger.is_empty() {
            true => 0,
            false => self.orders_max.saturating_sub(sparse),
        };
        core::mem::replace(&mut self.lines, lines)
    }

    /// The order of `book` with this id, if its home names it as the first candidate.
    #[inline(always)]
    pub(super) fn first(&self, nodes: &[Node], book: u32, order_id: u64) -> Option<(Place, u32)> {
        let hash = Hash::of(book, order_id);
        let home = self.home(hash);
        let line = &self.lines[home];
        let candidates = line.places(hash.tag);
        if candidates == 0 {
            return None;
        }
        let at = candidates.trailing_zeros() as usize;
        let node = line.nodes[at];
        let place = Place::at_home(home, at, hash);
        is_it(nodes, node, book, order_id).then_some((place, node))
    }

    /// A place at home for an order of `book` that is not there, if that is clear at a glance, and
    /// the line not so full that the table may have to grow.
    #[inline(always)]
    pub(super) fn vacant(&self, book: u32, order_id: u64) -> Option<Place> {
        let hash = Hash::of(book, order_id);
        let home = self.home(hash);
        let line = &self.lines[home];
        let at = line.vacant();
        if line.places(hash.tag) | line.passed != 0 || at > LINE_ORDERS_CALM {
            return None;
        }
        Some(Place::at_home(home, at, hash))
    }

    /// Finds the order of `book` with this id.
    #[inline]
    pub(super) fn find(&self, slab: &Slab<'_>, book: u32, order_id: u64) -> Slot {
        let hash = Hash::of(book, order_id);
        let home = self.home(hash);
        if let Some(found) = self.find_in(slab, home, hash, book, order_id) {
            return found;
        }
        let line = &self.lines[home];
        let at = line.vacant();
        if line.passed != 0 || at == LINE_ORDERS {
            return self.find_beyond(slab, hash, book, order_id);
        }
        let place = Place::at_home(home, at, hash);
        Slot::Vacant { place }
    }

    /// Finds it in one line.
    fn find_in(
        &self,
        slab: &Slab<'_>,
        number: usize,
        hash: Hash,
        book: u32,
        order_id: u64,
    ) -> Option<Slot> {
        let line = &self.lines[number];
        let mut candidates = line.places(hash.tag);
        while candidates != 0 {
            let at = candidates.trailing_zeros() as usize;
            let node = line.nodes[at];
            if is_it(slab.nodes, node, book, order_id) {
                let is_beyond = number != self.home(hash);
                let place = Place {
                    is_beyond,
                    ..Place::at_home(number, at, hash)
                };
                return Some(Slot::Found { place, node });
            }
            candidates &= candidates - 1;
        }
        None
    }

    /// The search from the second line on, and then the first vacant place from home on. There
    /// are more places than orders, so there is one.
    #[cold]
    #[inline(never)]
    fn find_beyond(&self, slab: &Slab<'_>, hash: Hash, book: u32, order_id: u64) -> Slot {
        let home = self.home(hash);
        let mut line = home;
        for _ in 0..self.lines.len() {
            if self.lines[line].passed == 0 {
                break;
            }
            line = self.after(line);
            if let Some(found) = self.find_in(slab, line, hash, book, order_id) {
                return found;
            }
        }
        line = home;
        while self.lines[line].vacant() == LINE_ORDERS {
            line = self.after(line);
        }
        let at = self.lines[line].vacant();
        let place = Place {
            is_beyond: line != home,
            ..Place::at_home(line, at, hash)
        };
        Slot::Vacant { place }
    }

    /// Writes the entry of a new order, which stands in its queue already, into the vacant place
    /// that [`Self::find`] named.
    #[inline(always)]
    pub(super) fn insert(&mut self, slab: &Slab<'_>, place: Place, node: u32) {
        self.write(place, node);
        if slab.free_orders() < self.free_min {
            self.grow(slab);
        }
    }

    /// The same without growing.
    #[inline(always)]
    pub(super) fn write(&mut self, place: Place, node: u32) {
        let line = &mut self.lines[place.line];
        line.nodes[place.at] = node;
        line.tags[place.at] = place.hash.tag;
        if place.is_beyond {
            self.count_passed(place, 1);
        }
    }

    /// Vacates a place.
    #[inline(always)]
    pub(super) fn remove(&mut self, place: Place) {
        let line = &mut self.lines[place.line];
        line.tags[place.at] = 0;
        if place.is_beyond {
            self.count_passed(place, -1);
        }
    }

    /// One order more or less that has gone on from its home to this place.
    #[cold]
    #[inline(never)]
    fn count_passed(&mut self, place: Place, by: i32) {
        let mut line = self.home(place.hash);
        while line != place.line {
            let passed = &mut self.lines[line].passed;
            *passed = passed.wrapping_add_signed(by);
            line = self.after(line);
        }
    }

    /// Moves every entry to the next size.
    #[cold]
    #[inline(never)]
    fn grow(&mut self, slab: &Slab<'_>) {
        let old = self.take_size(self.lines.len() * 2);
        for line in old {
            for at in 0..LINE_ORDERS {
                if line.tags[at] == 0 {
                    continue;
                }
                let node = line.nodes[at];
                let order = slab.node(node);
                let book = slab.node(order.level).level >> 2;
                if let Slot::Vacant { place } = self.find(slab, book, order.key) {
                    self.write(place, node);
                }
            }
        }
    }

    /// Vacates the place that names `node`, if one does: an aggregated level has none.
    pub(super) fn remove_node(&mut self, book: u32, order_id: u64, node: u32) {
        let hash = Hash::of(book, order_id);
        let mut number = self.home(hash);
        for _ in 0..self.lines.len() {
            let line = &self.lines[number];
            let names = |at: &usize| line.tags[*at] != 0 && line.nodes[*at] == node;
            if let Some(at) = (0..LINE_ORDERS).find(names) {
                return self.remove(Place {
                    is_beyond: number != self.home(hash),
                    ..Place::at_home(number, at, hash)
                });
            }
            if line.passed == 0 {
                return;
            }
            number = self.after(number);
        }
    }

    /// Asks for the cache line where a search for this order begins.
    #[inline(always)]
    pub(super) fn prefetch(&self, book: u32, order_id: u64) {
        let home = self.home(Hash::of(book, order_id));
        crate::prefetch::read(&self.lines[home]);
    }

    /// The node that most likely is this order's, or [`NONE`].
    #[inline(always)]
    pub(super) fn likely_node(&self, book: u32, order_id: u64) -> u32 {
        let hash = Hash::of(book, order_id);
        let line = &self.lines[self.home(hash)];
        let places = line.places(hash.tag);
        let node = line.nodes[(places | 1).ilog2() as usize % LINE_ORDERS];
        if places == 0 { NONE } else { node }
    }

    /// The line where a search begins.
    #[inline(always)]
    const fn home(&self, hash: Hash) -> usize {
        (hash.line >> self.shift) as usize
    }

    const fn after(&self, line: usize) -> usize {
        (line + 1) & (self.lines.len() - 1)
    }
}

/// Whether a node is that of an order.
#[inline(always)]
fn is_it(nodes: &[Node], node: u32, book: u32, order_id: u64) -> bool {
    let order = &nodes[node as usize];
    order.key == order_id && nodes[order.level as usize].level >> 2 == book
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
