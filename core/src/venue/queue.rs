//! Who stands before an order of ours: the orders that were displayed at its price when it
//! joined and have kept their places since.
//!
//! They are known by id, so what leaves, shrinks or loses its place is told apart from what came
//! later. Those for which there is no room stand in one sum: trades make it smaller once all
//! with an id are gone, and the size that is displayed bounds it. An order that a Modify leaves
//! with more than its fills in the same event have left was refilled: it is behind us now, though
//! the book, which cannot know, keeps it where it was. Where a book shows no queue our place is
//! not known, and nothing at our price comes to us.
//!
//! Within an event trades count down `before`; the book shows what they did only later in the
//! event. From its end on `before` is again what the book says.

use alloc::boxed::Box;
use alloc::vec;

use crate::book::Resting;
use crate::event::{BookUpdate, Effect};
use crate::types::{Action, OrderId};

/// No order with an id: its place is empty.
const NOBODY: OrderId = OrderId(0);

/// An order before ours.
#[derive(Clone, Copy, Debug)]
struct Ahead {
    id: OrderId,
    size: u32,
    /// Filled in the event that is open.
    filled: u32,
}

/// The orders before one of ours.
#[derive(Debug)]
pub(super) struct Queue {
    named: Box<[Ahead]>,
    first: usize,
    end: usize,
    /// Size of those with a name.
    size: u64,
    /// Size of the others.
    rest: u64,
    /// Size that trades before ours in the event that is open.
    before: u64,
    greatest: OrderId,
    has_fills: bool,
    is_open: bool,
    is_known: bool,
}

impl Queue {
    /// Room for so many names.
    pub(super) fn new(ahead_max: usize) -> Self {
        let nobody = Ahead {
            id: NOBODY,
            size: 0,
            filled: 0,
        };
        Self {
            named: vec![nobody; ahead_max].into_boxed_slice(),
            first: 0,
            end: 0,
            size: 0,
            rest: 0,
            before: 0,
            greatest: NOBODY,
            has_fills: false,
            is_open: false,
            is_known: false,
        }
    }

    /// Goes behind all of these.
    pub(super) fn join(&mut self, displayed: impl Iterator<Item = Resting>) {
        (self.first, self.end, self.size, self.rest) = (0, 0, 0, 0);
        self.greatest = NOBODY;
        self.has_fills = false;
        self.is_open = false;
        self.is_known = true;
        for order in displayed {
            let place = self.named.get_mut(self.end);
            match (place, u32::try_from(order.size)) {
                (Some(place), Ok(size)) => {
                    *place = Ahead {
                        id: order.order_id,
                        size,
                        filled: 0,
                    };
                    self.end += 1;
                    self.size += order.size;
                    self.greatest = self.greatest.max(order.order_id);
                }
                _ => self.rest = self.rest.saturating_add(order.size),
            }
        }
        self.before = self.size + self.rest;
    }

    /// Nobody knows who stands before ours.
    pub(super) fn lose(&mut self) {
        self.join(core::iter::empty());
        self.is_known = false;
        self.before = u64::MAX;
    }

    /// Size before ours as the book stands, if that is known.
    pub(super) const fn ahead(&self) -> Option<u64> {
        if self.is_known {
            Some(self.size + self.rest)
        } else {
            None
        }
    }

    /// A trade at our price: returns what is left of it for us.
    pub(super) fn trade(&mut self, size: u64) -> u64 {
        if !self.is_known {
            return 0;
        }
        let eaten = size.min(self.before);
        self.before -= eaten;
        if self.size == 0 {
            self.rest -= eaten.min(self.rest);
        }
        self.is_open = true;
        size - eaten
    }

    /// What a record did to those before us.
    pub(super) fn apply(&mut self, update: &BookUpdate) {
        let mbo = &update.mbo;
        let id = mbo.order_id;
        if id > self.greatest || id == NOBODY {
            return;
        }
        let names = &self.named[self.first..self.end];
        let Some(place) = names.iter().position(|order| order.id == id) else {
            return;
        };
        let place = self.first + place;
        let (size, filled) = (self.named[place].size, self.named[place].filled);
        match (update.effect, mbo.action) {
            (Effect::Removed | Effect::Requeued, _) => self.leave(place),
            (Effect::Reduced, Action::Cancel) => self.shrink(place, size.saturating_sub(mbo.size)),
            (Effect::Reduced | Effect::None, Action::Modify) => {
                // More than its fills leave has come from behind the display: at the back.
                if mbo.size > size.saturating_sub(filled) && filled > 0 {
                    self.leave(place);
                } else {
                    self.shrink(place, mbo.size);
                }
            }
            (_, Action::Fill) => {
                self.named[place].filled = filled.saturating_add(mbo.size);
                self.has_fills = true;
                self.is_open = true;
                return;
            }
            _ => return,
        }
        self.before = self.before.min(self.size + self.rest);
    }

    /// The event has ended with so much displayed at our price.
    pub(super) fn settle(&mut self, displayed: u64) {
        if self.has_fills {
            for order in &mut self.named[self.first..self.end] {
                order.filled = 0;
            }
        }
        self.rest = self.rest.min(displayed.saturating_sub(self.size));
        self.before = self.size + self.rest;
        self.has_fills = false;
        self.is_open = false;
    }

    /// Whether the end of an event changes anything.
    pub(super) const fn needs_settling(&self) -> bool {
        self.is_known && (self.is_open || self.rest > 0)
    }

    fn shrink(&mut self, place: usize, to: u32) {
        if to == 0 {
            return self.leave(place);
        }
        let order = &mut self.named[place];
        let gone = order.size.saturating_sub(to);
        order.size -= gone;
        order.filled = order.filled.saturating_sub(gone);
        self.size -= u64::from(gone);
    }

    fn leave(&mut self, place: usize) {
        self.size -= u64::from(self.named[place].size);
        self.named[place].id = NOBODY;
        while self.first < self.end && self.named[self.first].id == NOBODY {
            self.first += 1;
        }
    }
}
