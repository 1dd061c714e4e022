//! From a price to its level, in one look: a table that may forget.
//!
//! Neighbouring prices have neighbouring places, so the prices near a touch share a cache line or
//! two. A place holds the level that the directory named last; whether that is the one asked for,
//! its node tells. What is not here is found through the directory.

use bumpalo::Bump;

use super::limits::{BookLimits, LimitError, filled};
use super::slab::NONE;

/// Places to a book, in the middle: what is near its touch.
const PLACES_PER_BOOK: usize = 32;

/// Places of few books together: a busy book has more prices.
const PLACES_MIN: usize = 1 << 12;

/// Keeps the books' prices apart. Odd, and far from a multiple of any page of places.
const SPREAD: u32 = 0x9E37_79B1;

/// Levels by price, of all books.
#[derive(Debug)]
pub(super) struct Nearby<'a> {
    levels: &'a mut [u32],
}

impl<'a> Nearby<'a> {
    /// Bytes of one place.
    pub(super) const PLACE_BYTES: usize = size_of::<u32>();

    /// Places for so many books: a power of two.
    pub(super) const fn capacity(instruments_max: u32) -> usize {
        let most = instruments_max as usize * PLACES_PER_BOOK;
        if most > PLACES_MIN {
            1 << most.ilog2()
        } else {
            PLACES_MIN
        }
    }

    pub(super) fn new_in(bump: &'a Bump, limits: &BookLimits) -> Result<Self, LimitError> {
        let capacity = Self::capacity(limits.instruments_max);
        Ok(Self {
            levels: filled(bump, capacity, NONE)?,
        })
    }

    /// The level that stands in the place of this one; [`NONE`] at first.
    #[inline(always)]
    pub(super) fn level(&self, owner: u32, ticks: i64) -> u32 {
        self.levels[self.place(owner, ticks)]
    }

    /// Asks for the cache line of the place.
    #[inline(always)]
    pub(super) fn prefetch(&self, owner: u32, ticks: i64) {
        crate::prefetch::read(&self.levels[self.place(owner, ticks)]);
    }

    #[inline(always)]
    pub(super) fn set(&mut self, owner: u32, ticks: i64, level: u32) {
        let place = self.place(owner, ticks);
        self.levels[place] = level;
    }

    /// A book and side begin somewhere; from there the ticks count on.
    #[inline(always)]
    fn place(&self, owner: u32, ticks: i64) -> usize {
        let start = owner.wrapping_mul(SPREAD) >> 8;
        (ticks as usize).wrapping_add(start as usize) & (self.levels.len() - 1)
    }
}
