//! What ours has taken of which displayed order, so that it is not taken twice.
//!
//! The market's record does not know of us: an order that we have taken from is still displayed.
//! A mark holds until that order leaves or goes to the back of a queue. Without market impact it
//! binds only the order of ours that took; with it, all of ours.

use alloc::boxed::Box;
use alloc::vec;

use crate::order::ClientOrderId;
use crate::types::{OrderId, Price, Side};

/// What we do to the market.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Impact {
    /// What an order of ours takes is still there for the next one.
    Off,
    /// What an order of ours takes is gone for all of ours.
    On,
}

/// Which displayed order, for whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Taken {
    /// The contract's line.
    pub(super) line: u32,
    /// Its side of the book.
    pub(super) side: Side,
    /// Its price: what has no id is known by that.
    pub(super) price: Price,
    /// Its id.
    pub(super) theirs: OrderId,
    /// Whom it binds; 0 for all of ours.
    pub(super) ours: ClientOrderId,
}

/// All marks.
#[derive(Debug)]
pub(super) struct Marks {
    marks: Box<[Option<(Taken, u64)>]>,
    used: usize,
}

impl Marks {
    pub(super) fn new(marks_max: usize) -> Self {
        Self {
            marks: vec![None; marks_max].into_boxed_slice(),
            used: 0,
        }
    }

    /// Size taken of it.
    pub(super) fn size(&self, taken: &Taken) -> u64 {
        let found = self.iter().find(|(mark, _)| mark == taken);
        found.map_or(0, |(_, size)| *size)
    }

    /// Notes that so much more was taken of it. False, and nothing is changed, without room.
    pub(super) fn note(&mut self, taken: Taken, size: u64) -> bool {
        let used = self.marks[..self.used].iter_mut().flatten();
        for (mark, sum) in used {
            if *mark == taken {
                *sum = sum.saturating_add(size);
                return true;
            }
        }
        let Some(room) = self.marks.get_mut(self.used) else {
            return false;
        };
        *room = Some((taken, size));
        self.used += 1;
        true
    }

    /// Forgets the marks for which `is_over`.
    pub(super) fn forget(&mut self, is_over: impl Fn(&Taken) -> bool) {
        let mut at = 0;
        while at < self.used {
            if self.marks[at]
                .as_ref()
                .is_some_and(|(mark, _)| is_over(mark))
            {
                self.used -= 1;
                self.marks.swap(at, self.used);
                self.marks[self.used] = None;
            } else {
                at += 1;
            }
        }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.used == 0
    }

    /// Whether there are marks in this line's book.
    pub(super) fn concern(&self, line: u32) -> bool {
        self.iter().any(|(mark, _)| mark.line == line)
    }

    fn iter(&self) -> impl Iterator<Item = &(Taken, u64)> {
        self.marks[..self.used].iter().flatten()
    }
}
