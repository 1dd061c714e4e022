//! The short way: a sound record to a sound book.
//!
//! It asks for everything that could call for the long way before it changes what the question
//! is about, so that the long way finds the book as this one found it. Levels are found through
//! the table of `nearby`. Of the touch, the side of the record is read after every event whether
//! it has changed or not: which it will be cannot be foreseen, and a wrong guess costs more than
//! the reading.

use super::Shared;
use super::head::{Head, entry};
use super::index::Slot;
use super::irregular::is_closed;
use super::slab::Sum;
use crate::event::{BookUpdate, Effect, Mbo, Touch, Trust};
use crate::types::{Action, Flags, Price};

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
        // The side whose levels may have changed.
        let changed = match update.mbo.action {
            Action::Add => self.join(shared, update),
            Action::Cancel => self.leave(shared, update),
            Action::Modify => self.change(shared, update),
            Action::Trade | Action::Fill | Action::None => self.stay(shared, update),
            Action::Clear => None,
        };
        let Some(side) = changed else {
            return self.act(shared, update);
        };
        update.trust = Trust::Good;
        if update.mbo.flags.has(Flags::LAST) {
            self.end_event(shared, update, side);
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
        self.records += 1;
        true
    }

    /// A new order, whose id must be free. As those that follow it returns the side whose levels
    /// may have changed; `None` is for the long way, and then nothing has happened.
    #[inline(always)]
    fn join(&mut self, shared: &mut Shared<'_>, update: &mut BookUpdate) -> Option<usize> {
        let mbo = &update.mbo;
        let side = mbo.side as usize;
        if side > 1
            || mbo.size == 0
            || self.orders_count >= shared.book_orders_max
            || shared.slab.free_orders() == 0
        {
            return None;
        }
        let book = self.ladders.book;
        let Slot::Vacant { place } = shared.index.find(&shared.slab, book, mbo.order_id.0) else {
            return None;
        };
        let level = self.ladders.open(shared, side, mbo.price.0)?;
        let order = shared.slab.take_order()?;
        let left = shared.slab.push_back(level, order, entry(mbo));
        self.ladders.joined(shared, side, level, mbo.price.0);
        say(update, Effect::Added, left);
        shared.index.insert(&shared.slab, place, order);
        self.orders_count += 1;
        let is_steady = left.count > 1 && update.mbo.flags.has(Flags::LAST);
        self.resized(shared, level, i64::from(update.mbo.size), is_steady);
        Some(side)
    }

    /// An order leaves, or loses a part of its size.
    #[inline(always)]
    fn leave(&mut self, shared: &mut Shared<'_>, update: &mut BookUpdate) -> Option<usize> {
        let mbo = &update.mbo;
        let book = self.ladders.book;
        let Slot::Found { place, node } = shared.index.find(&shared.slab, book, mbo.order_id.0)
        else {
            return None;
        };
        let order = shared.slab.node(node);
        let (size, level) = (u64::from(mbo.size), order.level);
        let side = (shared.slab.node(level).level & 3) as usize;
        if size != order.size {
            // A part, and not nothing or too much.
            return (size != 0 && size < order.size && side < 2)
                .then(|| self.reduce(shared, node, size, update));
        }
        if size == 0 || side > 1 {
            return None;
        }
        let (left, is_empty) = shared.slab.unlink(node);
        say(update, Effect::Removed, left);
        shared.slab.give_order(node);
        shared.index.remove(place);
        self.orders_count -= 1;
        let is_steady = !is_empty && update.mbo.flags.has(Flags::LAST);
        self.resized(shared, level, -i64::from(update.mbo.size), is_steady);
        self.ladders.left(shared, side, level, is_empty);
        Some(side)
    }

    /// An order changes its size, its price, or both.
    #[inline(always)]
    fn change(&mut self, shared: &mut Shared<'_>, update: &mut BookUpdate) -> Option<usize> {
        let mbo = &update.mbo;
        let book = self.ladders.book;
        let Slot::Found { node, .. } = shared.index.find(&shared.slab, book, mbo.order_id.0) else {
            return None;
        };
        let order = shared.slab.node(node);
        let (size, old_size, from) = (u64::from(mbo.size), order.size, order.level);
        let level = shared.slab.node(from);
        let (owner, price) = (level.level & 3, level.key.cast_signed());
        if size == 0 || old_size == 0 || mbo.side as u32 != owner {
            return None;
        }
        let side = owner as usize;
        if price != mbo.price.0 || size > old_size {
            let left = self.requeue(shared, mbo, side, node)?;
            say(update, Effect::Requeued, left);
        } else if size < old_size {
            self.reduce(shared, node, old_size - size, update);
        } else {
            shared.slab.node_mut(node).tag = mbo.sequence;
            say(update, Effect::None, shared.slab.sum(from));
        }
        Some(side)
    }

    /// An order loses a part of its size and keeps its place.
    #[inline(never)]
    fn reduce(
        &mut self,
        shared: &mut Shared<'_>,
        node: u32,
        by: u64,
        update: &mut BookUpdate,
    ) -> usize {
        let level = shared.slab.node(node).level;
        let left = shared.slab.reduce(node, by, update.mbo.sequence);
        say(update, Effect::Reduced, left);
        let is_last = update.mbo.flags.has(Flags::LAST);
        self.resized(shared, level, -by.cast_signed(), is_last);
        (shared.slab.node(level).level & 1) as usize
    }

    /// A trade or a fill changes nothing.
    #[inline(never)]
    fn stay(&mut self, shared: &Shared<'_>, update: &mut BookUpdate) -> Option<usize> {
        let outcome = self.unchanged(shared, &update.mbo);
        update.level_size = outcome.level_size;
        update.level_count = outcome.level_count;
        update.effect = outcome.effect;
        Some(0)
    }

    /// LAST: the touch is what the levels say now, and must not be crossed.
    #[inline(always)]
    fn end_event(&mut self, shared: &mut Shared<'_>, update: &mut BookUpdate, side: usize) {
        let mut differs = self.refresh(shared, update, side);
        if self.doubts.is_open() {
            // What came before LAST may have changed the other side.
            differs |= self.refresh(shared, update, side ^ 1);
            self.doubts.end_event();
        }
        update.touch_changed = differs != 0;
        if shared.watches_depth {
            if self.ladders.is_depth_old() {
                self.read_depth(shared);
            }
            update.depth = self.depth.sums;
        }
        if is_closed(&self.touch) {
            self.weigh(shared, update.mbo.flags);
            update.trust = self.doubts.trust();
        }
    }

    /// Makes a side of the touch what its best level says now; 0 if it was that before.
    #[inline(always)]
    fn refresh(&mut self, shared: &Shared<'_>, update: &mut BookUpdate, side: usize) -> u64 {
        let best = shared.slab.node(self.ladders.best[side]);
        let (price, size, count) = (Price(best.key.cast_signed()), best.size, best.tag);
        let shown = half(&mut update.touch, side);
        // All fields at once: which one differs cannot be foreseen.
        let differs =
            (shown.0.0 ^ price.0).cast_unsigned() | (*shown.1 ^ size) | u64::from(*shown.2 ^ count);
        (*shown.0, *shown.1, *shown.2) = (price, size, count);
        let kept = half(&mut self.touch, side);
        (*kept.0, *kept.1, *kept.2) = (price, size, count);
        differs
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

/// The fields of one side of a touch: index 0 is the bid.
#[inline(always)]
const fn half(touch: &mut Touch, side: usize) -> (&mut Price, &mut u64, &mut u32) {
    match side {
        0 => (&mut touch.bid, &mut touch.bid_size, &mut touch.bid_count),
        _ => (&mut touch.ask, &mut touch.ask_size, &mut touch.ask_count),
    }
}
