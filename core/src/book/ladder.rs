//! The price ladders of a book: each side's levels, worst first, best last.
//!
//! A side is a sorted directory of pages; a page stands for sixteen neighbouring multiples of the
//! book's unit, with one bit per occupied level. The best level is the highest bit of the last
//! page, and what happens near the touch happens at the end of the directory. A level's *rank*
//! grows towards the touch on both sides (price over unit for bids, its complement for asks), so
//! that one code path serves both.
//!
//! The unit is the tick of the definition, or the greatest common divisor of the prices seen. A
//! price off the grid makes it finer; that can happen some forty times at most, then it is 1e-9.

use super::Shared;
use super::directory::{Directories, Ladder, PageEntry, SENTINELS, position};
use super::grid::{Grid, gcd};
use super::slab::{NONE, PAGE_LEVELS, Slab};
use crate::event::Depth;
use crate::types::Price;

/// How many levels of a side the depth is summed over.
const WATCHED_LEVELS: usize = 10;

/// How many of them are weighed, the best one most.
const WEIGHED_LEVELS: u32 = 5;

/// The sums over the best levels, and where they end.
#[derive(Clone, Copy, Debug)]
pub(super) struct DepthWatch {
    /// As last read.
    pub(super) sums: Depth,
    /// Rank of the tenth best price of each side; the least number while there are fewer.
    tenth: [i64; 2],
}

const _: () = assert!(size_of::<DepthWatch>() == 64);

impl DepthWatch {
    /// Of an empty book.
    pub(super) fn new() -> Self {
        Self {
            sums: Depth::default(),
            tenth: [i64::MIN; 2],
        }
    }

    /// Sums the best levels of each side that has changed.
    #[inline(never)]
    pub(super) fn read(&mut self, ladders: &mut Ladders, shared: &Shared<'_>) {
        for side in [0, 1] {
            if ladders.depth_old & 1 << side != 0 {
                self.read_side(ladders, shared, side);
            }
        }
        ladders.depth_old = 0;
    }

    /// A level of the best ten has gained or lost size; `better` levels stand before it.
    #[inline(always)]
    fn shift(&mut self, side: usize, better: u32, by: i64) {
        let weight = WEIGHED_LEVELS.saturating_sub(better);
        let within5 = if weight > 0 { by } else { 0 };
        let sums = &mut self.sums;
        sums.weighted5[side] =
            sums.weighted5[side].wrapping_add_signed(by.wrapping_mul(i64::from(weight)));
        sums.sum5[side] = sums.sum5[side].wrapping_add_signed(within5);
        sums.sum10[side] = sums.sum10[side].wrapping_add_signed(by);
    }

    #[inline(always)]
    fn read_side(&mut self, ladders: &Ladders, shared: &Shared<'_>, side: usize) {
        let mut sizes = [0; WATCHED_LEVELS];
        let mut rest = sizes.iter_mut();
        // Fewer levels than are watched: every price is among the best.
        self.tenth[side] = i64::MIN;
        'pages: for entry in ladders.sides[side].pages(&shared.directories).iter().rev() {
            let mut occupied = entry.occupied;
            while occupied != 0 {
                let bit = occupied.ilog2();
                occupied ^= 1 << bit;
                let Some(size) = rest.next() else {
                    break 'pages;
                };
                let node = shared.slab.node(entry.page * PAGE_LEVELS + bit);
                *size = node.size;
                if rest.len() == 0 {
                    self.tenth[side] = rank(side, node.key.cast_signed());
                    break 'pages;
                }
            }
        }
        let [a, b, c, d, e, ..] = sizes;
        let sum5 = a + b + c + d + e;
        self.sums.weighted5[side] = 5 * a + 4 * b + 3 * c + 2 * d + e;
        self.sums.sum5[side] = sum5;
        self.sums.sum10[side] = sizes[5..].iter().fold(sum5, |sum, size| sum + size);
    }
}

/// Both sides of one book, in one cache line. Index 0 is the bids, 1 the asks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ladders {
    sides: [Ladder; 2],
    /// The best level of each side, or [`NONE`].
    pub(super) best: [u32; 2],
    /// Every level's price is on it.
    grid: Grid,
    /// The unit to begin with when empty.
    tick: i64,
    /// The book's number, which its levels carry.
    pub(super) book: u32,
    /// Bit `i`: the depth of side `i` may have changed since it was last read.
    depth_old: u8,
}

const _: () = assert!(size_of::<Ladders>() == 64);

impl Ladders {
    pub(super) fn new(book: u32) -> Self {
        Self {
            sides: [Ladder::EMPTY; 2],
            best: [NONE; 2],
            book,
            depth_old: 0,
            grid: Grid::new(Price::PER_POINT),
            tick: Price::PER_POINT,
        }
    }

    /// Takes the tick of a definition, for as soon as both sides are empty.
    pub(super) fn set_tick(&mut self, tick: Price) {
        if tick.is_defined() && tick.0 > 0 {
            self.tick = tick.0;
            self.restart_when_empty();
        }
    }

    /// The level at `price`, opened if it was not there. `None` when a pool is exhausted, or for
    /// no price.
    #[inline(always)]
    pub(super) fn open(&mut self, shared: &mut Shared<'_>, side: usize, price: i64) -> Option<u32> {
        let level = self.nearby(shared, side, price);
        let node = shared.slab.node(level);
        if node.key.cast_signed() == price && node.level == self.owner(side) {
            return Some(level);
        }
        self.open_anew(shared, side, price)
    }

    /// The level that most likely is at `price`. That it is, its price and owner tell: those of
    /// a closed level fit none.
    #[inline(always)]
    pub(super) fn nearby(&self, shared: &Shared<'_>, side: usize, price: i64) -> u32 {
        shared
            .nearby
            .level(self.owner(side), self.grid.multiple(price))
    }

    /// Asks for the cache lines of the best levels, of the place where [`Self::nearby`] looks,
    /// and of the page where a level of this side opens or closes.
    #[inline(always)]
    pub(super) fn prefetch(&self, shared: &Shared<'_>, side: usize, price: i64) {
        shared.slab.prefetch(self.best[0]);
        shared.slab.prefetch(self.best[1]);
        let ticks = self.grid.multiple(price);
        shared.nearby.prefetch(self.owner(side), ticks);
        if let Some(ladder) = self.sides.get(side) {
            shared.directories.prefetch(ladder);
        }
    }

    /// The same through the directory.
    #[inline(never)]
    fn open_anew(&mut self, shared: &mut Shared<'_>, side: usize, price: i64) -> Option<u32> {
        if !Price(price).is_defined() {
            return None;
        }
        let Some(ticks) = self.grid.ticks(price) else {
            self.regrid(shared, gcd(self.grid.unit, price))?;
            return self.open_anew(shared, side, price);
        };
        let (number, bit) = place(side, ticks);
        let pages = self.sides[side].pages_mut(&mut shared.directories);
        let at = position(pages, number);
        let entry = &mut pages[at];
        if entry.number != number {
            return self.open_page(shared, side, price, at + 1);
        }
        let level = entry.page * PAGE_LEVELS + bit;
        if entry.occupied & 1 << bit == 0 {
            entry.occupied |= 1 << bit;
            shared.slab.open_level(level, price, self.owner(side));
            self.find_best(&shared.directories, side);
        }
        shared.nearby.set(self.owner(side), ticks, level);
        Some(level)
    }

    /// What opening and closing a level ends with.
    #[inline(always)]
    fn find_best(&mut self, directories: &Directories<'_>, side: usize) {
        let pages = self.sides[side].pages(directories);
        let entry = pages[pages.len() - 1];
        // A sentinel leads to no level.
        let best = entry.page * PAGE_LEVELS + (entry.occupied | 1).ilog2();
        self.best[side] = best;
    }

    /// Notes that the queue of a level is not what it was.
    #[inline(always)]
    pub(super) fn changed(&mut self, shared: &Shared<'_>, depth: &DepthWatch, level: u32) {
        if shared.watches_depth {
            let node = shared.slab.node(level);
            let side = (node.level & 1) as usize;
            let is_near = rank(side, node.key.cast_signed()) >= depth.tenth[side];
            self.depth_old |= u8::from(is_near) << side;
        }
    }

    /// A level that stays open has gained or lost size, and the event ends with it: the sums
    /// follow at once, unless the side is to be read anyway.
    #[inline(always)]
    pub(super) fn shifted(&self, shared: &Shared<'_>, depth: &mut DepthWatch, level: u32, by: i64) {
        if !shared.watches_depth {
            return;
        }
        let node = shared.slab.node(level);
        let side = (node.level & 1) as usize;
        let is_near = rank(side, node.key.cast_signed()) >= depth.tenth[side];
        if is_near && self.depth_old & 1 << side == 0 {
            depth.shift(side, self.better(shared, side, level), by);
        }
    }

    /// How many levels of the side are better than this one of the best ten.
    #[inline(always)]
    fn better(&self, shared: &Shared<'_>, side: usize, level: u32) -> u32 {
        let (page, bit) = (level / PAGE_LEVELS, level % PAGE_LEVELS);
        let mut count = 0;
        for entry in self.sides[side].pages(&shared.directories).iter().rev() {
            if entry.page == page {
                return count + (entry.occupied >> bit >> 1).count_ones();
            }
            count += entry.occupied.count_ones();
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

    /// Opens the first level of a page that belongs at position `at` of the directory.
    #[inline(never)]
    fn open_page(
        &mut self,
        shared: &mut Shared<'_>,
        side: usize,
        price: i64,
        at: usize,
    ) -> Option<u32> {
        let ticks = self.grid.multiple(price);
        let (number, bit) = place(side, ticks);
        let ladder = &mut self.sides[side];
        ladder.make_room(&mut shared.directories, shared.side_pages_max)?;
        let page = shared.slab.take_page()?;
        let entry = PageEntry {
            number,
            page,
            occupied: 1 << bit,
        };
        ladder.insert(&mut shared.directories, at, entry);
        let level = page * PAGE_LEVELS + bit;
        shared.slab.open_level(level, price, self.owner(side));
        shared.nearby.set(self.owner(side), ticks, level);
        self.find_best(&shared.directories, side);
        Some(level)
    }

    /// Closes a level that has no orders left, and its page with the last level.
    #[inline(never)]
    pub(super) fn close(&mut self, shared: &mut Shared<'_>, level: u32) {
        let node = shared.slab.node(level);
        let (side, price) = ((node.level & 1) as usize, node.key.cast_signed());
        let number = place(side, self.grid.multiple(price)).0;
        shared.slab.close_level(level);
        let pages = self.sides[side].pages_mut(&mut shared.directories);
        let at = position(pages, number);
        pages[at].occupied &= !(1 << (level % PAGE_LEVELS));
        if pages[at].occupied == 0 {
            self.close_page(shared, side, at);
        }
        self.find_best(&shared.directories, side);
    }

    #[inline(never)]
    fn close_page(&mut self, shared: &mut Shared<'_>, side: usize, at: usize) {
        let ladder = &mut self.sides[side];
        let page = ladder.pages(&shared.directories)[at].page;
        ladder.remove(&mut shared.directories, at);
        shared.slab.give_page(page);
        self.restart_when_empty();
    }

    /// The level at `price`, if it has orders.
    #[inline(always)]
    pub(super) fn find(&self, shared: &Shared<'_>, side: usize, price: i64) -> Option<u32> {
        let level = self.nearby(shared, side, price);
        let node = shared.slab.node(level);
        if node.key.cast_signed() == price && node.level == self.owner(side) {
            return Some(level);
        }
        self.find_anew(shared, side, price)
    }

    /// The same through the directory.
    #[inline(never)]
    fn find_anew(&self, shared: &Shared<'_>, side: usize, price: i64) -> Option<u32> {
        let ticks = self.grid.ticks(price)?;
        let (number, bit) = place(side, ticks);
        let pages = self.sides[side].pages(&shared.directories);
        let entry = &pages[position(pages, number)];
        let here = entry.number == number && entry.occupied & 1 << bit != 0;
        here.then_some(entry.page * PAGE_LEVELS + bit)
    }

    /// The levels of a side, best first.
    pub(super) fn levels<'d>(
        &self,
        directories: &'d Directories<'_>,
        side: usize,
    ) -> impl Iterator<Item = u32> + use<'d> {
        let pages = self.sides[side].pages(directories).iter().rev();
        pages.flat_map(|entry| {
            let mut occupied = entry.occupied;
            core::iter::from_fn(move || {
                let bit = occupied.checked_ilog2()?;
                occupied ^= 1 << bit;
                Some(entry.page * PAGE_LEVELS + bit)
            })
        })
    }

    /// Whether the directory of a side is sorted, without an empty page, and every level where
    /// its price says.
    pub(super) fn is_sound(&self, shared: &Shared<'_>, side: usize) -> bool {
        let pages = &self.sides[side].pages(&shared.directories)[SENTINELS as usize..];
        let sorted = pages.is_sorted_by(|a, b| a.number < b.number);
        let mut levels = self.levels(&shared.directories, side);
        let placed = levels.all(|level| {
            let node = shared.slab.node(level);
            let price = node.key.cast_signed();
            self.find_anew(shared, side, price) == Some(level)
                && self.find(shared, side, price) == Some(level)
                && node.level == self.owner(side)
        });
        let mut levels = self.levels(&shared.directories, side);
        let best_known = levels.next().unwrap_or(NONE) == self.best[side];
        sorted && placed && best_known && pages.iter().all(|entry| entry.occupied != 0)
    }

    /// What the levels of a side carry: the book and the side.
    #[inline(always)]
    pub(super) const fn owner(&self, side: usize) -> u32 {
        self.book << 2 | side as u32
    }

    fn restart_when_empty(&mut self) {
        if self.sides[0].is_empty() && self.sides[1].is_empty() {
            self.grid = Grid::new(self.tick);
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
        let mut finer = [Ladder::EMPTY; 2];
        for side in [0, 1] {
            let Some(ladder) = Ladder::with_room(&mut shared.directories, counts[side]) else {
                finer[0].release(&mut shared.directories);
                return None;
            };
            finer[side] = ladder;
        }
        self.grid = Grid::new(unit);
        for side in [0, 1] {
            let mut coarse = core::mem::replace(&mut self.sides[side], finer[side]);
            for at in SENTINELS as usize..coarse.len as usize {
                let entry = coarse.pages(&shared.directories)[at];
                self.move_page(shared, side, entry)?;
                shared.slab.give_page(entry.page);
            }
            coarse.release(&mut shared.directories);
        }
        Some(())
    }

    /// How many pages a side would take on another unit.
    fn pages_at(&self, shared: &Shared<'_>, side: usize, unit: i64) -> u32 {
        let mut last = None;
        let mut count = 0;
        for level in self.levels(&shared.directories, side) {
            let price = shared.slab.node(level).key.cast_signed();
            let (number, _) = place(side, price / unit);
            if last != Some(number) {
                last = Some(number);
                count += 1;
            }
        }
        count
    }

    /// Moves the levels of a page, worst first, to the end of the new directory.
    fn move_page(&mut self, shared: &mut Shared<'_>, side: usize, from: PageEntry) -> Option<()> {
        for bit in (0..PAGE_LEVELS).filter(|bit| from.occupied & 1 << bit != 0) {
            let level = from.page * PAGE_LEVELS + bit;
            let price = shared.slab.node(level).key.cast_signed();
            let to = self.open_anew(shared, side, price)?;
            shared.slab.move_level(level, to);
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
fn place(side: usize, ticks: i64) -> (i64, u32) {
    let rank = rank(side, ticks);
    let per_page = i64::from(PAGE_LEVELS);
    (rank.div_euclid(per_page), rank.rem_euclid(per_page) as u32)
}

/// The queue of a level, front first.
pub(super) fn queue<'s>(slab: &'s Slab<'_>, level: u32) -> impl Iterator<Item = u32> + use<'s> {
    let first = slab.node(level).next;
    let within = move |order: u32| (order != level).then_some(order);
    core::iter::successors(within(first), move |&order| within(slab.node(order).next))
}
