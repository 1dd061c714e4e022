//! The short way: a sound record to a sound book.
//!
//! It asks for everything that could call for the long way before it changes what the question
//! is about, so that the long way finds the book as this one found it. Levels are found through
//! the table of `nearby`, and the touch is read after every event whether it has changed or not:
//! which it will be cannot be foreseen, and a wrong guess costs more than the reading.

use super::Shared;
use super::head::{Head, differ, entry};
use super::index::Slot;
use super::irregular::is_closed;
use super::slab::Sum;
use crate::event::{BookUpdate, Effect, Mbo, Trust};
use crate::types::{Action, Flags};

/// Flags that mean more than the short way knows.
const SPECIAL: u8 =
    Flags::TOB.0 | Flags::SNAPSHOT.0 | Flags::BAD_TS_RECV.0 | Flags::MAYBE_BAD_BOOK.0;

impl Head {
    /// Applies the record of `update`, and says there what it did. The rest of `update` is this
    /// book's, see [`Self::show`].
    ///
    /// Out of line, so that each field is read where it is needed: with the record's source in
    /// sight the compiler would keep all of them at hand, and write most of them twice.
    #[inline(never)]
    pub(super) fn on_mbo(&mut self, shared: &mut Shared<'_>, update: &mut BookUpdate) {
        if !self.observe_regular(shared, &update.mbo) {
            return self.on_irregular(shared, update);
        }
        let is_done = match update.mbo.action {
            Action::Add => self.join(shared, update),
            Action::Cancel => self.leave(shared, update),
            Action::Modify => self.change(shared, update),
            Action::Trade | Action::Fill | Action::None => self.stay(shared, update),
            Action::Clear => false,
        };
        if !is_done {
            return self.act(shared, update);
        }
        update.trust = Trust::Good;
        if update.mbo.flags.has(Flags::LAST) {
            self.end_event(shared, update);
        } else {
            self.go_on(shared, update);
        }
    }

    /// Clocks and sequence of a record, if nothing about it or the book is out of the ordinary.
    /// Otherwise nothing has happened.
    #[inline(always)]
    fn observe_regular(&mut self, shared: &Shared<'_>, mbo: &Mbo) -> bool {
        // While the clocks are sound they are positive as signed numbers; so one comparison finds
        // a time that goes back, an undefined one, and one beyond the year 2262.
        let (event, recv) = (self.ts_event.0, self.ts_recv.0);
        if mbo.flags.0 & SPECIAL | self.doubts.bits() != 0
            || mbo.ts_event.0.cast_signed() < event.cast_signed()
            || mbo.ts_recv.0.cast_signed() < recv.cast_signed()
            || mbo.ts_in_delta.cast_unsigned() >= shared.in_delta_absurd
            || mbo.sequence.wrapping_sub(self.sequence).cast_signed() < 0
            || mbo.sequence == 0
        {
            return false;
        }
        self.ts_event = mbo.ts_event;
        self.ts_recv = mbo.ts_recv;
        self.sequence = mbo.sequence;
        self.counters.records += 1;
        true
    }

    /// A new order, whose id must be free. As those that follow it says whether that is done;
    /// if not, nothing has happened.
    #[inline(always)]
    fn join(&mut self, shared: &mut Shared<'_>, update: &mut BookUpdate) -> bool {
        let mbo = &update.mbo;
        if mbo.side as usize > 1 || mbo.size == 0 || self.orders_count >= shared.book_orders_max {
            return false;
        }
        let book = self.ladders.book;
        let Slot::Vacant { place } = shared.index.find(&shared.slab, book, mbo.order_id.0) else {
            return false;
        };
        let Some(level) = self.ladders.open(shared, mbo.side as usize, mbo.price.0) else {
            return false;
        };
        let Some(order) = shared.slab.take_order() else {
            self.close_unused(shared, level);
            return false;
        };
        let left = shared.slab.push_back(level, order, entry(mbo));
        say(update, Effect::Added, left);
        shared.index.insert(&shared.slab, place, order);
        self.orders_count += 1;
        let is_steady = left.count > 1 && update.mbo.flags.has(Flags::LAST);
        self.resized(shared, level, i64::from(update.mbo.size), is_steady);
        true
    }

    /// No order is left for a level that may have been opened for it.
    #[cold]
    fn close_unused(&mut self, shared: &mut Shared<'_>, level: u32) {
        if shared.slab.node(level).tag == 0 {
            self.ladders.close(shared, level);
        }
    }

    /// An order leaves, or loses a part of its size.
    #[inline(always)]
    fn leave(&mut self, shared: &mut Shared<'_>, update: &mut BookUpdate) -> bool {
        let mbo = &update.mbo;
        let book = self.ladders.book;
        let Slot::Found { place, node } = shared.index.find(&shared.slab, book, mbo.order_id.0)
        else {
            return false;
        };
        let order = shared.slab.node(node);
        let (size, level) = (u64::from(mbo.size), order.level);
        if size != order.size {
            // A part, and not nothing or too much.
            return size != 0 && size < order.size && self.reduce(shared, node, size, update);
        }
        if size == 0 {
            return false;
        }
        let (left, is_empty) = shared.slab.unlink(node);
        say(update, Effect::Removed, left);
        shared.slab.give_order(node);
        shared.index.remove(place);
        self.orders_count -= 1;
        let is_steady = !is_empty && update.mbo.flags.has(Flags::LAST);
        self.resized(shared, level, -i64::from(update.mbo.size), is_steady);
        if is_empty {
            self.ladders.close(shared, level);
        }
        true
    }

    /// An order changes its size, its price, or both.
    #[inline(always)]
    fn change(&mut self, shared: &mut Shared<'_>, update: &mut BookUpdate) -> bool {
        let mbo = &update.mbo;
        let book = self.ladders.book;
        let Slot::Found { node, .. } = shared.index.find(&shared.slab, book, mbo.order_id.0) else {
            return false;
        };
        let order = shared.slab.node(node);
        let (size, old_size, from) = (u64::from(mbo.size), order.size, order.level);
        let level = shared.slab.node(from);
        let (owner, price) = (level.level & 3, level.key.cast_signed());
        if size == 0 || old_size == 0 || mbo.side as u32 != owner {
            return false;
        }
        if price != mbo.price.0 || size > old_size {
            let Some(left) = self.requeue(shared, mbo, owner as usize, node) else {
                return false;
            };
            say(update, Effect::Requeued, left);
            return true;
        }
        if size < old_size {
            return self.reduce(shared, node, old_size - size, update);
        }
        shared.slab.node_mut(node).tag = mbo.sequence;
        say(update, Effect::None, shared.slab.sum(from));
        true
    }

    /// An order loses a part of its size and keeps its place.
    #[inline(never)]
    fn reduce(
        &mut self,
        shared: &mut Shared<'_>,
        node: u32,
        by: u64,
        update: &mut BookUpdate,
    ) -> bool {
        let level = shared.slab.node(node).level;
        let left = shared.slab.reduce(node, by, update.mbo.sequence);
        say(update, Effect::Reduced, left);
        let is_last = update.mbo.flags.has(Flags::LAST);
        self.resized(shared, level, -by.cast_signed(), is_last);
        true
    }

    /// A trade or a fill changes nothing.
    #[inline(never)]
    fn stay(&mut self, shared: &Shared<'_>, update: &mut BookUpdate) -> bool {
        let outcome = self.unchanged(shared, &update.mbo);
        update.level_size = outcome.level_size;
        update.level_count = outcome.level_count;
        update.effect = outcome.effect;
        true
    }

    /// LAST: the touch is what the levels say now, and must not be crossed.
    #[inline(always)]
    fn end_event(&mut self, shared: &mut Shared<'_>, update: &mut BookUpdate) {
        let touch = self.best(shared);
        update.touch_changed = differ(&touch, &update.touch);
        update.touch = touch;
        self.touch = touch;
        self.doubts.end_event();
        if shared.watches_depth {
            if self.ladders.is_depth_old() {
                self.read_depth(shared);
            }
            update.depth = self.depth.sums;
        }
        if is_closed(&touch) {
            self.weigh(shared, update.mbo.flags);
            update.trust = self.doubts.trust();
        }
    }

    /// The event stays open, though not for ever.
    #[inline(always)]
    fn go_on(&mut self, shared: &Shared<'_>, update: &mut BookUpdate) {
        let counters = &mut self.counters;
        self.doubts
            .keep_open(self.ts_event, &shared.thresholds, counters);
        update.trust = self.doubts.trust();
        update.touch_changed = false;
    }
}

/// Says what a record did, and what is left at its price and side.
#[inline(always)]
fn say(update: &mut BookUpdate, effect: Effect, left: Sum) {
    update.level_size = left.size;
    update.level_count = left.count;
    update.effect = effect;
}
