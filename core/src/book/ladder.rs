//! The price ladders of a book: each side's levels, worst first, best last.
//!
//! A side is a sorted directory of pages; a page stands for sixteen neighbouring multiples of the
//! book's unit, and one of its levels at least has orders, as its bits tell. The best level is the
//! lowest bit of the last page. A level's *rank* grows towards the touch on both sides (price
//! over unit for bids, its complement for asks), so that one code path serves both.
//!
//! Levels of a page are there with orders or without, so an order joins an empty level as it
//! joins any other, and the last one leaves as others do: which of them it will be cannot be
//! foreseen, so it is no branch. Only pages come and go.
//!
//! The unit is the tick of the definition, or the greatest common divisor of the prices seen. A
//! price off the grid makes it finer; that can happen some forty times at most, then it is 1e-9.

use super::Shared;
use super::directory::{Ladder, PageEntry, SENTINELS, position};
use super::grid::{Grid, gcd};
use super::nodes::{LevelId, NodeId, Nodes, PAGE_LEVELS, PageId};
use super::slab::{Slab, first, occupy, vacate};
use crate::event::Depth;
use crate::types::Price;

/// How many levels of a side the depth is summed over.
const WATCHED_LEVELS: usize = 10;

/// How many of them are weighed, the best one most.
const WEIGHED_LEVELS: u32 = 5;

/// How far down the depth of each side is summed.
#[derive(Clone, Copy, Debug)]
pub(super) struct DepthWatch {
    /// Rank of the tenth best price of each side; the least number while there are fewer.
    tenth: [i64; 2],
}

impl DepthWatch {
    /// Of an empty book.
    pub(super) const fn new() -> Self {
        Self {
            tenth: [i64::MIN; 2],
        }
    }

    /// Sums the best levels of each side that has changed.
    #[inline(never)]
    pub(super) fn read(&mut self, ladders: &mut Ladders, shared: &Shared<'_>, sums: &mut Depth) {
        for side in [0, 1] {
            if ladders.depth_old & 1 << side != 0 {
                self.read_side(ladders, shared, side, sums);
            }
        }
        ladders.depth_old = 0;
    }

    /// A level of the best ten has gained or lost size; `better` levels stand before it.
    #[inline(always)]
    fn shift(sums: &mut Depth, side: usize, better: u32, by: i64) {
        let weight = WEIGHED_LEVELS.saturating_sub(better);
        let within5 = if weight > 0 { by } else { 0 };
        sums.weighted5[side] =
            sums.weighted5[side].wrapping_add_signed(by.wrapping_mul(i64::from(weight)));
        sums.sum5[side] = sums.sum5[side].wrapping_add_signed(within5);
        sums.sum10[side] = sums.sum10[side].wrapping_add_signed(by);
    }

    #[inline(always)]
    fn read_side(&mut self, ladders: &Ladders, shared: &Shared<'_>, side: usize, sums: &mut Depth) {
        let mut sizes = [0; WATCHED_LEVELS];
        let mut rest = sizes.iter_mut();
        // Fewer levels than are watched: every price is among the best.
        self.tenth[side] = i64::MIN;
        let pages = shared.directories.pages(ladders.book, side);
        'pages: for entry in pages.iter().rev() {
            let mut occupied = shared.slab.nodes[entry.page].occupied;
            while occupied != 0 {
                let bit = occupied.trailing_zeros();
                occupied &= occupied - 1;
                let Some(size) = rest.next() else {
                    break 'pages;
                };
                let node = &shared.slab.nodes[entry.page.level(bit)];
                *size = node.size;
                if rest.len() == 0 {
                    self.tenth[side] = rank(side, node.key.cast_signed());
                    break 'pages;
                }
            }
        }
        let [a, b, c, d, e, ..] = sizes;
        let sum5 = a + b + c + d + e;
        sums.weighted5[side] = 5 * a + 4 * b + 3 * c + 2 * d + e;
        sums.sum5[side] = sum5;
        sums.sum10[side] = sizes[5..].iter().fold(sum5, |sum, size| sum + size);
    }
}

/// So many neighbouring pages of a side are found in one look.
const PAGES_AT_HAND: usize = 16;

/// Both sides of one book. Index 0 is the bids, 1 the asks.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(super) struct Ladders {
    /// The pages of each side that were last found through the directory, by the last bits of
    /// their number: a cache line for each side. The price of a level tells whether it is the
    /// one asked for.
    at_hand: [[PageId; PAGES_AT_HAND]; 2],
    /// The best level of each side, or [`LevelId::NONE`].
    pub(super) best: [LevelId; 2],
    /// Every level's price is on it.
    grid: Grid,
    /// The book's number, which its levels carry.
    pub(super) book: u32,
    /// Bit `i`: the depth of side `i` may have changed since it was last read.
    depth_old: u8,
}

const _: () = assert!(size_of::<[PageId; PAGES_AT_HAND]>() == 64);

impl Ladders {
    pub(super) fn new(book: u32) -> Self {
        Self {
            at_hand: [[PageId::NONE; PAGES_AT_HAND]; 2],
            best: [LevelId::NONE; 2],
            grid: Grid::new(Price::PER_POINT),
            book,
            depth_old: 0,
        }
    }

    /// Calls for the pages at hand of a side.
    #[inline(always)]
    pub(super) fn prefetch(&self, side: usize) {
        crate::prefetch::read(&self.at_hand[side]);
    }

    /// Takes the tick of a definition, for as soon as both sides are empty.
    pub(super) fn set_tick(&mut self, shared: &mut Shared<'_>, tick: Price) {
        if tick.is_defined() && tick.0 > 0 {
            shared.directories.sides_mut(self.book).tick = tick.0;
            self.restart_when_empty(shared);
        }
    }

    /// The level at `price`, in a page that is opened if it was not there: an order must join it
    /// then. `None` when a pool is exhausted, or for no price.
    #[inline(always)]
    pub(super) fn open(
        &mut self,
        shared: &mut Shared<'_>,
        side: usize,
        price: i64,
    ) -> Option<LevelId> {
        match self.known(&shared.slab.nodes, side, price) {
            Some(level) => Some(level),
            None => self.open_anew(shared, side, price),
        }
    }

    /// The level at `price`, if one look finds it.
    #[inline(always)]
    pub(super) fn known(&self, nodes: &Nodes<'_>, side: usize, price: i64) -> Option<LevelId> {
        let level = self.likely(side, price);
        let is_it = nodes[level].key.cast_signed() == price;
        (is_it && level.page() != PageId::NONE).then_some(level)
    }

    /// The level that most likely is at `price`. Whether it is, its price tells.
    #[inline(always)]
    pub(super) fn likely(&self, side: usize, price: i64) -> LevelId {
        let (number, bit) = place(side, self.grid.multiple(price));
        self.at_hand[side][hand(number)].level(bit)
    }

    /// The same as [`Self::open`] through the directory.
    #[inline(never)]
    fn open_anew(&mut self, shared: &mut Shared<'_>, side: usize, price: i64) -> Option<LevelId> {
        if !Price(price).is_defined() {
            return None;
        }
        let Some(ticks) = self.grid.ticks(price) else {
            self.regrid(shared, gcd(self.grid.unit(), price))?;
            return self.open_anew(shared, side, price);
        };
        let (number, bit) = place(side, ticks);
        let pages = shared.directories.pages(self.book, side);
        let at = position(pages, number);
        let page = match pages[at] {
            entry if entry.number == number => entry.page,
            _ => self.open_page(shared, side, number, at + 1)?,
        };
        self.at_hand[side][hand(number)] = page;
        Some(page.level(bit))
    }

    /// Opens the page of this number, which belongs at position `at` of the directory.
    fn open_page(
        &self,
        shared: &mut Shared<'_>,
        side: usize,
        number: i64,
        at: usize,
    ) -> Option<PageId> {
        let directories = &mut shared.directories;
        let mut ladder = directories.sides(self.book).ladders[side];
        ladder.make_room(directories, shared.side_pages_max)?;
        let page = shared.slab.take_page(self.owner(side));
        if let Some(page) = page {
            ladder.insert(directories, at, PageEntry::new(number, page));
        }
        directories.sides_mut(self.book).ladders[side] = ladder;
        let page = page?;
        self.set_prices(&mut shared.slab.nodes, side, number, page);
        Some(page)
    }

    /// Sets the prices of a page's levels, unless they are right from the last time: a page that
    /// closes is the first to be opened again.
    fn set_prices(&self, nodes: &mut Nodes<'_>, side: usize, number: i64, page: PageId) {
        // Prices are a unit apart, so those of both ends tell of all between.
        let is_right = |bit| {
            let price = self.price_at(side, number, bit);
            price.is_some_and(|price| nodes[page.level(bit)].key.cast_signed() == price)
        };
        if is_right(0) && is_right(PAGE_LEVELS - 1) {
            return;
        }
        for bit in 0..PAGE_LEVELS {
            let price = self.price_at(side, number, bit);
            let price = price.unwrap_or(self.elsewhere(side, bit));
            nodes[page.level(bit)].key = price.cast_unsigned();
        }
    }

    /// The price of the level with this place. A page at the end of all prices has levels without
    /// one.
    fn price_at(&self, side: usize, number: i64, bit: u32) -> Option<i64> {
        let price = ticks_at(side, number, bit).checked_mul(self.grid.unit())?;
        Price(price).is_defined().then_some(price)
    }

    /// A price that is looked for in another place of whatever page: no one who looks for it
    /// comes to a level with this bit.
    const fn elsewhere(&self, side: usize, bit: u32) -> i64 {
        if place(side, 0).1 == bit {
            self.grid.unit()
        } else {
            0
        }
    }

    /// Notes that an order has joined the level at `price`, and returns the best level.
    #[inline(always)]
    pub(super) fn joined(
        &mut self,
        slab: &mut Slab<'_>,
        side: usize,
        level: LevelId,
        price: i64,
    ) -> LevelId {
        occupy(&mut slab.nodes, level);
        let best = self.best[side];
        let best_price = slab.nodes[best].key.cast_signed();
        let is_better = rank(side, price) > rank(side, best_price);
        let best = if is_better | (best == LevelId::NONE) {
            level
        } else {
            best
        };
        self.best[side] = best;
        best
    }

    /// Notes that an order has left a level, which may now be empty, and returns the best level.
    #[inline(always)]
    pub(super) fn left(
        &mut self,
        shared: &mut Shared<'_>,
        side: usize,
        level: LevelId,
        is_empty: bool,
    ) -> LevelId {
        let best_page = self.best[side].page();
        let nodes = &mut shared.slab.nodes;
        // Read before the other is written: what is read after a write to the same place waits.
        let of_best = nodes[best_page].occupied;
        let left = vacate(nodes, level, is_empty);
        if left == 0 {
            return self.close_page(shared, side, level);
        }
        let is_best = level.page() == best_page;
        let of_best = if is_best { left } else { of_best };
        let best = best_page.level(first(of_best));
        self.best[side] = best;
        best
    }

    /// Closes the page of `level`, which has no orders left, and returns the best level.
    #[inline(never)]
    fn close_page(&mut self, shared: &mut Shared<'_>, side: usize, level: LevelId) -> LevelId {
        let price = shared.slab.nodes[level].key.cast_signed();
        let number = place(side, self.grid.multiple(price)).0;
        let directories = &mut shared.directories;
        let mut ladder = directories.sides(self.book).ladders[side];
        let at = position(ladder.pages(directories), number);
        ladder.remove(directories, at);
        directories.sides_mut(self.book).ladders[side] = ladder;
        let page = level.page();
        shared.slab.give_page(page);
        let at_hand = &mut self.at_hand[side][hand(number)];
        if *at_hand == page {
            *at_hand = PageId::NONE;
        }
        self.find_best(shared, side);
        self.restart_when_empty(shared);
        self.best[side]
    }

    /// The best level, through the directory.
    fn find_best(&mut self, shared: &Shared<'_>, side: usize) {
        let pages = shared.directories.pages(self.book, side);
        let page = pages[pages.len() - 1].page;
        // A sentinel leads to no level.
        self.best[side] = if page == PageId::NONE {
            LevelId::NONE
        } else {
            shared.slab.best_of(page)
        };
    }

    /// Notes that the queue of a level is not what it was.
    #[inline(always)]
    pub(super) fn changed(
        &mut self,
        shared: &Shared<'_>,
        depth: &DepthWatch,
        side: usize,
        level: LevelId,
    ) {
        if shared.watches_depth {
            let node = &shared.slab.nodes[level];
            let is_near = rank(side, node.key.cast_signed()) >= depth.tenth[side];
            self.depth_old |= u8::from(is_near) << side;
        }
    }

    /// A level that stays open has gained or lost size, and the event ends with it: the sums
    /// follow at once, unless the side is to be read anyway.
    #[inline(always)]
    pub(super) fn shifted(
        &self,
        shared: &Shared<'_>,
        depth: &DepthWatch,
        sums: &mut Depth,
        (side, level): (usize, LevelId),
        by: i64,
    ) {
        let node = &shared.slab.nodes[level];
        let is_near = rank(side, node.key.cast_signed()) >= depth.tenth[side];
        if is_near && self.depth_old & 1 << side == 0 {
            DepthWatch::shift(sums, side, self.better(shared, side, level), by);
        }
    }

    /// How many levels of the side are better than this one of the best ten.
    #[inline(always)]
    fn better(&self, shared: &Shared<'_>, side: usize, level: LevelId) -> u32 {
        let (page, bit) = (level.page(), level.bit());
        let mut count = 0;
        for entry in shared.directories.pages(self.book, side).iter().rev() {
            let occupied = shared.slab.nodes[entry.page].occupied;
            if entry.page == page {
                return count + (occupied & ((1 << bit) - 1)).count_ones();
            }
            count += occupied.count_ones();
        }
        count
    }

    /// Notes that a whole side goes.
    pub(super) fn emptied(&mut self, shared: &Shared<'_>, side: usize) {
        self.depth_old |= u8::from(shared.watches_depth) << side;
    }

    /// Whether one of the ten best levels of a side may have changed since they were summed.
    #[inline(always)]
    pub(super) const fn is_depth_old(&self) -> bool {
        self.depth_old != 0
    }

    /// The level at `price`, with orders or without, if there is one.
    #[inline(always)]
    pub(super) fn find(&self, shared: &Shared<'_>, side: usize, price: i64) -> Option<LevelId> {
        let known = self.known(&shared.slab.nodes, side, price);
        known.or_else(|| self.find_anew(shared, side, price))
    }

    /// The same through the directory.
    #[inline(never)]
    fn find_anew(&self, shared: &Shared<'_>, side: usize, price: i64) -> Option<LevelId> {
        let ticks = self.grid.ticks(price)?;
        if !Price(price).is_defined() {
            return None;
        }
        let (number, bit) = place(side, ticks);
        let pages = shared.directories.pages(self.book, side);
        let entry = &pages[position(pages, number)];
        (entry.number == number).then_some(entry.page.level(bit))
    }

    /// The levels of a side that have orders, best first.
    pub(super) fn levels<'d>(
        &self,
        shared: &'d Shared<'_>,
        side: usize,
    ) -> impl Iterator<Item = LevelId> + use<'d> {
        let pages = shared.directories.pages(self.book, side).iter().rev();
        pages.flat_map(|entry| {
            let mut occupied = shared.slab.nodes[entry.page].occupied;
            core::iter::from_fn(move || {
                let bit = (occupied != 0).then(|| occupied.trailing_zeros())?;
                occupied &= occupied - 1;
                Some(entry.page.level(bit))
            })
        })
    }

    /// Whether the directory of a side is sorted, without an empty page, every level where its
    /// price says, and those marked that have orders.
    pub(super) fn is_sound(&self, shared: &Shared<'_>, side: usize) -> bool {
        let pages = &shared.directories.pages(self.book, side)[SENTINELS as usize..];
        let is_sorted = pages.is_sorted_by(|a, b| a.number < b.number);
        let placed = pages
            .iter()
            .all(|entry| self.is_page_sound(shared, side, entry));
        let best = self.levels(shared, side).next();
        let best = best.unwrap_or(LevelId::NONE);
        is_sorted && placed && best == self.best[side]
    }

    fn is_page_sound(&self, shared: &Shared<'_>, side: usize, entry: &PageEntry) -> bool {
        let occupied = shared.slab.nodes[entry.page].occupied;
        let is_owned = shared.slab.nodes[entry.page].owner == self.owner(side);
        let mut levels = 0..PAGE_LEVELS;
        let are_placed = levels.all(|bit| {
            let level = entry.page.level(bit);
            let node = &shared.slab.nodes[level];
            let price = node.key.cast_signed();
            let is_placed = match self.price_at(side, entry.number, bit) {
                Some(known) => known == price && self.find(shared, side, price) == Some(level),
                None => self.find(shared, side, price) != Some(level),
            };
            let is_empty = node.next == level.node();
            let is_blank = node.prev == level.node() && node.size == 0 && node.tag == 0;
            is_placed && (occupied >> bit & 1 == 0) == is_empty && (!is_empty || is_blank)
        });
        is_owned && are_placed && occupied != 0
    }

    /// What the levels of a side carry: the book and the side.
    #[inline(always)]
    pub(super) const fn owner(&self, side: usize) -> u32 {
        self.book << 2 | side as u32
    }

    /// The side of this book that a level is of. Beyond 1 if it is of another book, or of none: what
    /// is only remembered.
    #[inline(always)]
    pub(super) fn side_of(&self, nodes: &Nodes<'_>, level: LevelId) -> usize {
        nodes[level.page()].owner.wrapping_sub(self.owner(0)) as usize
    }

    fn restart_when_empty(&mut self, shared: &Shared<'_>) {
        let sides = shared.directories.sides(self.book);
        if sides.are_empty() {
            self.grid = Grid::new(sides.tick);
        }
    }

    /// Lays both sides out anew on a finer unit, or changes nothing when the pools do not allow.
    fn regrid(&mut self, shared: &mut Shared<'_>, unit: i64) -> Option<()> {
        let counts = [0, 1].map(|side| self.pages_at(shared, side, unit));
        if counts[0] + counts[1] > shared.slab.free_pages()
            || counts
                .into_iter()
                .any(|count| count > shared.side_pages_max)
        {
            return None;
        }
        let directories = &mut shared.directories;
        let mut finer = [Ladder::EMPTY; 2];
        for side in [0, 1] {
            let Some(ladder) = Ladder::with_room(directories, counts[side]) else {
                finer[0].release(directories);
                return None;
            };
            finer[side] = ladder;
        }
        let sides = directories.sides_mut(self.book);
        let coarse = core::mem::replace(&mut sides.ladders, finer);
        self.grid = Grid::new(unit);
        self.at_hand = [[PageId::NONE; PAGES_AT_HAND]; 2];
        for (side, mut coarse) in coarse.into_iter().enumerate() {
            for at in SENTINELS as usize..coarse.len as usize {
                let entry = coarse.pages(&shared.directories)[at];
                self.move_page(shared, side, entry.page)?;
                shared.slab.give_page(entry.page);
            }
            coarse.release(&mut shared.directories);
            self.find_best(shared, side);
        }
        Some(())
    }

    /// How many pages a side would take on another unit.
    fn pages_at(&self, shared: &Shared<'_>, side: usize, unit: i64) -> u32 {
        let mut last = None;
        let mut count = 0;
        for level in self.levels(shared, side) {
            let price = shared.slab.nodes[level].key.cast_signed();
            let (number, _) = place(side, price / unit);
            if last != Some(number) {
                last = Some(number);
                count += 1;
            }
        }
        count
    }

    /// Moves the levels of a page, worst first, to the end of the new directory.
    fn move_page(&mut self, shared: &mut Shared<'_>, side: usize, page: PageId) -> Option<()> {
        let occupied = shared.slab.nodes[page].occupied;
        for bit in (0..PAGE_LEVELS)
            .rev()
            .filter(|bit| occupied & 1 << bit != 0)
        {
            let level = page.level(bit);
            let price = shared.slab.nodes[level].key.cast_signed();
            let to = self.open_anew(shared, side, price)?;
            shared.slab.move_queue(level, to);
        }
        Some(())
    }
}

/// Better is higher, on both sides. The complement turns the asks around, and unlike a minus sign
/// it cannot overflow.
#[inline(always)]
const fn rank(side: usize, price: i64) -> i64 {
    price ^ -(side as i64)
}

/// A level's place: its page's number, and its bit there.
#[inline(always)]
const fn place(side: usize, ticks: i64) -> (i64, u32) {
    let rank = rank(side, ticks);
    (rank >> PAGE_LEVELS.ilog2(), !rank as u32 % PAGE_LEVELS)
}

/// Where a page is looked for first.
#[inline(always)]
const fn hand(number: i64) -> usize {
    number as usize % PAGES_AT_HAND
}

/// The ticks of the level with this place.
fn ticks_at(side: usize, number: i64, bit: u32) -> i64 {
    // A number is a rank over sixteen, so this cannot overflow.
    let worst = number * i64::from(PAGE_LEVELS);
    rank(side, worst + i64::from(PAGE_LEVELS - 1 - bit))
}

/// The queue of a level, front first.
pub(super) fn queue<'s>(
    nodes: &'s Nodes<'_>,
    level: LevelId,
) -> impl Iterator<Item = NodeId> + use<'s> {
    let first = nodes[level].next;
    let within = move |order: NodeId| (order != level.node()).then_some(order);
    core::iter::successors(within(first), move |&order| within(nodes[order].next))
}
