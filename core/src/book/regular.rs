//! The short way: a sound record to a sound book.
//!
//! Everything that could call for the long way is asked first, most of it in one test, and
//! nothing is written before the answer. So the long way, when it is called for, begins as if
//! this one had never been tried.

use super::Shared;
use super::head::{Head, Outcome, differ, entry};
use super::index::Slot;
use super::irregular::is_closed;
use crate::event::{BookUpdate, Effect, Mbo, Trust};
use crate::types::{Action, Flags};

/// Flags that mean more than the short way knows.
const SPECIAL: u8 =
    Flags::TOB.0 | Flags::SNAPSHOT.0 | Flags::BAD_TS_RECV.0 | Flags::MAYBE_BAD_BOOK.0;

impl Head {
    /// Applies a record if nothing about it or the book is out of the ordinary. Otherwise
    /// nothing has happened.
    #[inline(always)]
    pub(super) fn on_regular(
        &mut self,
        shared: &mut Shared<'_>,
        mbo: &Mbo,
        update: &mut BookUpdate,
    ) -> bool {
        if self.oddity(shared, mbo) < 0 {
            return false;
        }
        let done = match mbo.action {
            Action::Add => self.join(shared, mbo),
            Action::Cancel => self.leave(shared, mbo),
            Action::Modify => self.change(shared, mbo),
            Action::Trade | Action::Fill | Action::None => Some(self.unchanged(shared, mbo)),
            Action::Clear => None,
        };
        let Some(outcome) = done else {
            return false;
        };
        self.counters.records += 1;
        self.ts_event = mbo.ts_event;
        self.ts_recv = mbo.ts_recv;
        self.sequence = mbo.sequence;
        update.level_size = outcome.level_size;
        update.level_count = outcome.level_count;
        update.effect = outcome.effect;
        update.trust = Trust::Good;
        update.touch_changed = false;
        if mbo.flags.has(Flags::LAST) {
            self.end_event(shared, update);
        } else {
            self.go_on(shared, update);
        }
        true
    }

    /// Negative when something is out of the ordinary: a doubt about the book, a special flag,
    /// an undefined time or one before the last, the same of the sequence, or an absurd delay.
    /// Each term has its sign bit set when it is so; a time beyond the year 2262 counts as odd.
    #[inline(always)]
    fn oddity(&self, shared: &Shared<'_>, mbo: &Mbo) -> i64 {
        let special = mbo.flags.0 & SPECIAL | self.doubts.bits();
        let delay_left = i64::from(shared.thresholds.in_delta_ns_max)
            - i64::from(mbo.ts_in_delta.cast_unsigned());
        let sequence_step = mbo.sequence.wrapping_sub(self.sequence).cast_signed();
        let event = step(self.ts_event.0, mbo.ts_event.0);
        let recv = step(self.ts_recv.0, mbo.ts_recv.0);
        -i64::from(special)
            | delay_left
            | i64::from(sequence_step)
            | (i64::from(mbo.sequence) - 1)
            | event
            | recv
    }

    /// A new order, whose id must be free.
    #[inline(always)]
    fn join(&mut self, shared: &mut Shared<'_>, mbo: &Mbo) -> Option<Outcome> {
        let side = mbo.side as usize;
        if side > 1 || !mbo.price.is_defined() || mbo.size == 0 {
            return None;
        }
        let book = self.ladders.book;
        let Slot::Vacant { slot, hash } =
            shared.index.find(&shared.slab, book, mbo.order_id.0)
        else {
            return None;
        };
        if self.orders_count >= shared.book_orders_max || shared.slab.free_orders() == 0 {
            return None;
        }
        let level = self.ladders.open(shared, side, mbo.price.0)?;
        let order = shared.slab.take_order()?;
        let left = shared.slab.push_back(level, order, entry(mbo));
        shared.index.insert(slot, hash, order);
        self.orders_count += 1;
        self.changed(shared, level);
        Some(Outcome::of(Effect::Added, left))
    }

    /// An order leaves, or loses a part of its size.
    #[inline(always)]
    fn leave(&mut self, shared: &mut Shared<'_>, mbo: &Mbo) -> Option<Outcome> {
        let book = self.ladders.book;
        let Slot::Found { slot, node } = shared.index.find(&shared.slab, book, mbo.order_id.0)
        else {
            return None;
        };
        let order = shared.slab.node(node);
        let (size, level) = (u64::from(mbo.size), order.level);
        if size != order.size {
            // A cancel of nothing or of too much.
            if size.wrapping_sub(1) >= order.size {
                return None;
            }
            let left = shared.slab.reduce(node, size, mbo.sequence);
            self.changed(shared, level);
            return Some(Outcome::of(Effect::Reduced, left));
        }
        if size == 0 {
            return None;
        }
        let (left, is_empty) = shared.slab.unlink(node);
        shared.slab.give_order(node);
        shared.index.remove(slot);
        self.orders_count -= 1;
        self.changed(shared, level);
        if is_empty {
            self.ladders.close(shared, level);
        }
        Some(Outcome::of(Effect::Removed, left))
    }

    /// An order changes its size, its price, or both.
    #[inline(always)]
    fn change(&mut self, shared: &mut Shared<'_>, mbo: &Mbo) -> Option<Outcome> {
        let book = self.ladders.book;
        let Slot::Found { node, .. } = shared.index.find(&shared.slab, book, mbo.order_id.0)
        else {
            return None;
        };
        let (size, old_size) = (u64::from(mbo.size), shared.slab.node(node).size);
        if size == 0 || old_size == 0 || !mbo.price.is_defined() {
            return None;
        }
        let from = shared.slab.node(node).level;
        let (owner, price) = (shared.slab.node(from).level & 3, shared.slab.node(from).key);
        if mbo.side as u32 != owner {
            return None;
        }
        if price.cast_signed() != mbo.price.0 || size > old_size {
            return self.requeue(shared, mbo, owner as usize, node);
        }
        if size == old_size {
            shared.slab.node_mut(node).tag = mbo.sequence;
            return Some(Self::left_at(shared, from, Effect::None));
        }
        let left = shared.slab.reduce(node, old_size - size, mbo.sequence);
        self.changed(shared, from);
        Some(Outcome::of(Effect::Reduced, left))
    }

    /// LAST: the touch is read anew if it may have changed, and must not be crossed.
    #[inline(always)]
    fn end_event(&mut self, shared: &mut Shared<'_>, update: &mut BookUpdate) {
        if self.ladders.is_touch_old {
            self.ladders.is_touch_old = false;
            let touch = self.best(shared);
            update.touch_changed = differ(&touch, &update.touch);
            update.touch = touch;
            self.touch = touch;
            if is_closed(&touch) {
                self.weigh(shared, update.mbo.flags);
                update.trust = self.doubts.trust();
            }
        }
        if self.ladders.is_depth_old() {
            self.read_depth(shared);
            update.depth = self.depth.sums;
        }
        self.doubts.end_event();
    }

    /// The event stays open, though not for ever.
    #[inline(always)]
    fn go_on(&mut self, shared: &Shared<'_>, update: &mut BookUpdate) {
        let counters = &mut self.counters;
        self.doubts
            .keep_open(self.ts_event, &shared.thresholds, counters);
        update.trust = self.doubts.trust();
    }
}

/// From one time to a later one: negative when it is not later or equal, or undefined.
#[inline(always)]
const fn step(from: u64, to: u64) -> i64 {
    (to.wrapping_sub(from) | to.wrapping_sub(1) | from).cast_signed()
}
