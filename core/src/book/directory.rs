//! The directories of price pages: for each side of each book the pages that it has, worst first.
//!
//! A directory is a block of a power-of-two size from one array for all books. It begins with
//! sentinels, entries that stand for no page and lie below all, so that near its end there are
//! always as many entries as are looked at together.

use bumpalo::Bump;

use super::limits::{BookLimits, LimitError, filled};
use super::nodes::PageId;
use crate::types::Price;

/// How many pages from the best one are looked at together before a search by halves.
const NEAR_PAGES: usize = 4;

/// How many entries that stand for no page begin every directory, so that there are always
/// pages to look at: with the best page they are [`NEAR_PAGES`].
pub(super) const SENTINELS: u32 = NEAR_PAGES as u32 - 1;

/// No block: the first one is never handed out.
const NONE: u32 = 0;

/// The smallest directory block, in pages.
const BLOCK_MIN: u32 = 4;

/// Sizes of directory blocks: `BLOCK_MIN << 0 ..= BLOCK_MIN << 15`.
const CLASSES: usize = 16;

/// One page of a side.
#[derive(Clone, Copy, Debug)]
pub(super) struct PageEntry {
    /// Rank of its first level, over sixteen.
    pub(super) number: i64,
    /// Its levels.
    pub(super) page: PageId,
    /// Of the first entry of a free block: the next free block of its size.
    pub(super) next_free: u32,
}

const _: () = assert!(size_of::<PageEntry>() == 16);

impl PageEntry {
    pub(super) const fn new(number: i64, page: PageId) -> Self {
        Self {
            number,
            page,
            next_free: NONE,
        }
    }

    /// No page, and below them all.
    const SENTINEL: Self = Self {
        number: i64::MIN,
        page: PageId::NONE,
        next_free: NONE,
    };
}

/// The directories of all books: blocks of power-of-two sizes from one array.
#[derive(Debug)]
pub(super) struct Directories<'a> {
    /// By the book's number.
    books: &'a mut [Sides],
    entries: &'a mut [PageEntry],
    /// First free block of each size; the rest follow by each block's first entry.
    free: [u32; CLASSES],
    /// From here on nothing was ever handed out.
    fresh: u32,
}

impl<'a> Directories<'a> {
    /// Bytes of one entry.
    pub(super) const ENTRY_BYTES: usize = size_of::<PageEntry>();

    /// Bytes of what every book has.
    pub(super) const BOOK_BYTES: usize = size_of::<Sides>();

    /// Entries: a smallest block for each page there is, and one directory's growth to its limit.
    pub(super) fn capacity(limits: &BookLimits) -> usize {
        let smallest = limits.pages_max as usize * BLOCK_MIN as usize;
        let largest = (limits.side_pages_max + SENTINELS).next_power_of_two() as usize;
        BLOCK_MIN as usize + smallest + 2 * largest
    }

    pub(super) fn new_in(bump: &'a Bump, limits: &BookLimits) -> Result<Self, LimitError> {
        Ok(Self {
            books: filled(bump, limits.instruments_max as usize, Sides::EMPTY)?,
            entries: filled(bump, Self::capacity(limits), PageEntry::SENTINEL)?,
            free: [NONE; CLASSES],
            // Block 0 is never handed out: an empty directory is its sentinels.
            fresh: BLOCK_MIN,
        })
    }

    /// The directories of a book.
    #[inline(always)]
    pub(super) fn sides(&self, book: u32) -> &Sides {
        &self.books[book as usize]
    }

    #[inline(always)]
    pub(super) fn sides_mut(&mut self, book: u32) -> &mut Sides {
        &mut self.books[book as usize]
    }

    /// The pages of a side, the sentinels before them, worst first.
    #[inline(always)]
    pub(super) fn pages(&self, book: u32, side: usize) -> &[PageEntry] {
        self.sides(book).ladders[side].pages(self)
    }

    /// A block of `BLOCK_MIN << class` entries: a used one, a fresh one, or a part of a larger.
    fn take(&mut self, class: usize) -> Option<u32> {
        if let Some(block) = self.pop(class) {
            return Some(block);
        }
        let end = self.fresh + (BLOCK_MIN << class);
        if end as usize <= self.entries.len() {
            return Some(core::mem::replace(&mut self.fresh, end));
        }
        let larger = (class + 1..CLASSES).find(|&larger| self.free[larger] != NONE)?;
        let block = self.pop(larger)?;
        for half in class..larger {
            self.give(block + (BLOCK_MIN << half), half);
        }
        Some(block)
    }

    fn pop(&mut self, class: usize) -> Option<u32> {
        let block = self.free[class];
        if block == NONE {
            return None;
        }
        self.free[class] = self.entries[block as usize].next_free;
        Some(block)
    }

    fn give(&mut self, block: u32, class: usize) {
        self.entries[block as usize].next_free = self.free[class];
        self.free[class] = block;
    }
}

/// The directories of one book: index 0 is the bids, 1 the asks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sides {
    pub(super) ladders: [Ladder; 2],
    /// The unit to begin with when both are empty.
    pub(super) tick: i64,
}

impl Sides {
    const EMPTY: Self = Self {
        ladders: [Ladder::EMPTY; 2],
        tick: Price::PER_POINT,
    };

    pub(super) const fn are_empty(&self) -> bool {
        self.ladders[0].is_empty() && self.ladders[1].is_empty()
    }
}

/// One side's directory: the sentinels, then the pages.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ladder {
    start: u32,
    /// With the sentinels.
    pub(super) len: u32,
    /// Entries of its block; 0 without a block of its own.
    capacity: u32,
}

impl Ladder {
    pub(super) const EMPTY: Self = Self {
        start: 0,
        len: SENTINELS,
        capacity: 0,
    };

    /// An empty directory with a block for so many pages.
    pub(super) fn with_room(directories: &mut Directories<'_>, pages: u32) -> Option<Self> {
        let capacity = (pages + SENTINELS).next_power_of_two();
        let start = directories.take(class(capacity))?;
        let sentinels = 0..SENTINELS as usize;
        directories.entries.copy_within(sentinels, start as usize);
        Some(Self {
            start,
            len: SENTINELS,
            capacity,
        })
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.len == SENTINELS
    }

    #[inline(always)]
    pub(super) fn pages<'d>(&self, directories: &'d Directories<'_>) -> &'d [PageEntry] {
        let start = self.start as usize;
        &directories.entries[start..start + self.len as usize]
    }

    #[inline(always)]
    pub(super) fn pages_mut<'d>(
        &self,
        directories: &'d mut Directories<'_>,
    ) -> &'d mut [PageEntry] {
        let start = self.start as usize;
        &mut directories.entries[start..start + self.len as usize]
    }

    /// Puts a page in before position `at`. The block must have room: see [`Self::make_room`].
    pub(super) fn insert(
        &mut self,
        directories: &mut Directories<'_>,
        at: usize,
        entry: PageEntry,
    ) {
        self.len += 1;
        let pages = self.pages_mut(directories);
        let last = pages.len() - 1;
        pages.copy_within(at..last, at + 1);
        pages[at] = entry;
    }

    /// Takes the page at position `at` out, and gives the block back with the last page.
    pub(super) fn remove(&mut self, directories: &mut Directories<'_>, at: usize) {
        let pages = self.pages_mut(directories);
        pages.copy_within(at + 1.., at);
        self.len -= 1;
        if self.is_empty() {
            self.release(directories);
        }
    }

    /// Makes room for one more page, in a block of twice the size if need be.
    pub(super) fn make_room(
        &mut self,
        directories: &mut Directories<'_>,
        pages_max: u32,
    ) -> Option<()> {
        let pages_count = self.len - SENTINELS;
        if pages_count >= pages_max {
            return None;
        }
        if self.len < self.capacity {
            return Some(());
        }
        let mut larger = Self::with_room(directories, pages_count + 1)?;
        let old = self.start as usize..(self.start + self.len) as usize;
        directories.entries.copy_within(old, larger.start as usize);
        larger.len = self.len;
        self.release(directories);
        *self = larger;
        Some(())
    }

    pub(super) fn release(&mut self, directories: &mut Directories<'_>) {
        if self.capacity > 0 {
            directories.give(self.start, class(self.capacity));
        }
        *self = Self::EMPTY;
    }
}

fn class(capacity: u32) -> usize {
    (capacity / BLOCK_MIN).ilog2() as usize
}

/// Where the last page stands whose number is at most this one; there is always a sentinel. Most
/// of what happens, happens near the end, and there all pages are looked at at once: which one
/// it will be cannot be foreseen.
#[inline(always)]
pub(super) fn position(pages: &[PageEntry], number: i64) -> usize {
    if let Some(near) = pages.last_chunk::<NEAR_PAGES>() {
        let above = near.map(|entry| usize::from(entry.number > number));
        let above = above[0] + above[1] + above[2] + above[3];
        if above < NEAR_PAGES {
            return pages.len() - 1 - above;
        }
    }
    far_position(pages, number)
}

#[inline(never)]
fn far_position(pages: &[PageEntry], number: i64) -> usize {
    pages.partition_point(|entry| entry.number <= number) - 1
}
