//! The short way: a sound record to a sound book.
//!
//! It asks for everything that could call for the long way before it changes what the question
//! is about, so that the long way finds the book as this one found it. Of the touch, the side of the record is read after every event whether
//! it has changed or not: which it will be cannot be foreseen, and a wrong guess costs more than
//! the reading.

use super::Shared;
use super::head::{Head, entry};
use super::irregular::is_closed;
use super::slab::{NONE, Node, Sum, push_back, unlink};
use crate::event::{BookUpdate, Effect, Mbo, Touch, Trust};
use crate::types::{Action, Flags, Price};

/// Flags that mean more than the short way knows.
const SPECIAL: u8 =
    Flags::TOB.0 | Flags::SNAPSHOT.0 | Flags::BAD_TS_RECV.0 | Flags::MAYBE_BAD_BOOK.0;

impl Head {
    /// Applies the record of `update`, and says there what it did. The rest of `update` is this
    /// book's, see [`Self::show`].
    ///
    /// Out of line, as is each action, so that each field is read where it is needed: with the
    /// record's source in sight the compiler would keep all of them at hand, and write most of
    /// them twice.
    #[inline(never)]
    pub(super) fn on_mbo(&mut self, shared: &mut Shared<'_>, update: &mut BookUpdate) {
        if !self.observe_regular(shared, &update.mbo) {
            return self.on_irregular(shared, update);
        }
        match update.mbo.action {
            Action::Add => self.join(shared, update),
            Action::Cancel => self.leave(shared, update),
            Action::Modify => self.change(shared, update),
            Action::Trade | Action::Fill | Action::None => self.stay(shared, update),
            Action::Clear => self.act(shared, update),
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

    /// A new order, whose id must be free. As those that follow it goes the long way before it
    /// has changed anything, if it is not all as it mostly is.
    #[inline(never)]
    fn join(&mut self, shared: &mut Shared<'_>, update: &mut BookUpdate) {
        let mbo = &update.mbo;
        let side = mbo.side as usize;
        if side > 1 || mbo.size == 0 || self.orders_count >= shared.book_orders_max {
            return self.act(shared, update);
        }
        let known = self.ladders.known(shared.slab.nodes, side, mbo.price.0);
        let known = known.or_else(|| self.ladders.look_up(shared, side, mbo.price.0));
        // Slices by name, so that their places need not be looked up again after each write.
        let Shared { slab, index, .. } = shared;
        let nodes = &mut *slab.nodes;
        let order = slab.orders.first;
        let vacant = index.vacant(self.ladders.book, mbo.order_id.0);
        let (Some(place), Some(level)) = (vacant, known) else {
            return self.act(shared, update);
        };
        if order == NONE {
            return self.act(shared, update);
        }
        slab.orders.take(nodes);
        let left = push_back(nodes, level, order, entry(mbo));
        let best = self.ladders.joined(slab, side, level, mbo.price.0);
        index.write(place, order);
        self.orders_count += 1;
        let is_steady = || left.count > 1 && mbo.flags.has(Flags::LAST);
        self.resized(shared, level, i64::from(mbo.size), is_steady);
        say(update, Effect::Added, left);
        self.end_record(shared, update, side, best);
    }

    /// An order leaves, or loses a part of its size.
    #[inline(never)]
    fn leave(&mut self, shared: &mut Shared<'_>, update: &mut BookUpdate) {
        let mbo = &update.mbo;
        let Shared { slab, index, .. } = shared;
        let nodes = &mut *slab.nodes;
        let found = index.first(nodes, self.ladders.book, mbo.order_id.0);
        let Some((place, node)) = found else {
            return self.act(shared, update);
        };
        let Node { size, level, .. } = nodes[node as usize];
        let side = (nodes[level as usize].level & 3) as usize;
        if u64::from(mbo.size) != size || size == 0 || side > 1 {
            return self.leave_in_part(shared, update, node);
        }
        let (left, is_empty) = unlink(nodes, node);
        slab.orders.give(nodes, node);
        index.remove(place);
        self.orders_count -= 1;
        let is_steady = || !is_empty && mbo.flags.has(Flags::LAST);
        self.resized(shared, level, -i64::from(mbo.size), is_steady);
        let best = self.ladders.left(shared, side, level, is_empty);
        say(update, Effect::Removed, left);
        self.end_record(shared, update, side, best);
    }

    /// An order loses a part of its size and keeps its place, if it is not nothing or too much.
    #[inline(never)]
    fn leave_in_part(&mut self, shared: &mut Shared<'_>, update: &mut BookUpdate, node: u32) {
        let (by, size) = (u64::from(update.mbo.size), shared.slab.node(node).size);
        if by == 0 || by >= size {
            return self.act(shared, update);
        }
        let side = self.reduce(shared, node, by, update);
        self.end_record(shared, update, side, self.ladders.best[side]);
    }

    /// An order changes its size, its price, or both.
    #[inline(never)]
    fn change(&mut self, shared: &mut Shared<'_>, update: &mut BookUpdate) {
        let mbo = &update.mbo;
        let book = self.ladders.book;
        let found = shared.index.first(shared.slab.nodes, book, mbo.order_id.0);
        let Some((_, node)) = found else {
            return self.act(shared, update);
        };
        let order = shared.slab.node(node);
        let (size, old_size, from) = (u64::from(mbo.size), order.size, order.level);
        let level = shared.slab.node(from);
        let (side, price) = ((level.level & 3) as usize, level.key.cast_signed());
        if size == 0 || old_size == 0 || mbo.side as usize != side {
            return self.act(shared, update);
        }
        if price != mbo.price.0 || size > old_size {
            let Some(left) = self.requeue(shared, mbo, side, node) else {
                return self.act(shared, update);
            };
            say(update, Effect::Requeued, left);
        } else if size < old_size {
            self.reduce(shared, node, old_size - size, update);
        } else {
            shared.slab.node_mut(node).tag = mbo.sequence;
            say(update, Effect::None, shared.slab.sum(from));
        }
        self.end_record(shared, update, side, self.ladders.best[side]);
    }

    /// An order loses a part of its size and keeps its place. Returns its side.
    #[inline(always)]
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
        let is_last = || update.mbo.flags.has(Flags::LAST);
        self.resized(shared, level, -by.cast_signed(), is_last);
        (shared.slab.node(level).level & 1) as usize
    }

    /// A trade or a fill changes nothing.
    #[inline(never)]
    fn stay(&mut self, shared: &mut Shared<'_>, update: &mut BookUpdate) {
        let outcome = self.unchanged(shared, &update.mbo);
        update.level_size = outcome.level_size;
        update.level_count = outcome.level_count;
        update.effect = outcome.effect;
        self.end_record(shared, update, 0, self.ladders.best[0]);
    }

    /// What follows every record: the event ends or stays open. LAST: the touch is what the levels
    /// say now, and must not be crossed. `side` is the one that may have changed, and `best` its
    /// best level.
    #[inline(always)]
    fn end_record(
        &mut self,
        shared: &mut Shared<'_>,
        update: &mut BookUpdate,
        side: usize,
        best: u32,
    ) {
        if !update.mbo.flags.has(Flags::LAST) || self.doubts.is_open() {
            return self.go_on(shared, update);
        }
        let differs = self.refresh(shared, update, side, best);
        update.trust = Trust::Good;
        update.touch_changed = differs != 0;
        if shared.watches_depth {
            self.show_depth(shared, update);
        }
        if self.touch.bid >= self.touch.ask {
            self.end_closed(shared, update);
        }
    }

    /// The touch leaves no spread, or there is no bid.
    #[cold]
    fn end_closed(&mut self, shared: &mut Shared<'_>, update: &mut BookUpdate) {
        if is_closed(&self.touch) {
            self.weigh(shared, update.mbo.flags);
            update.trust = self.doubts.trust();
        }
    }

    /// The same for an event of several records. It stays open, though not for ever.
    #[inline(never)]
    fn go_on(&mut self, shared: &mut Shared<'_>, update: &mut BookUpdate) {
        if !update.mbo.flags.has(Flags::LAST) {
            let counters = &mut self.counters;
            self.doubts
                .keep_open(self.ts_event, &shared.thresholds, counters);
            update.trust = self.doubts.trust();
            update.touch_changed = false;
            return;
        }
        self.doubts.end_event();
        // What came before LAST may have changed either side.
        let [bid, ask] = self.ladders.best;
        let differs = self.refresh(shared, update, 0, bid) | self.refresh(shared, update, 1, ask);
        update.touch_changed = differs != 0;
        if shared.watches_depth {
            self.show_depth(shared, update);
        }
        if is_closed(&self.touch) {
            self.weigh(shared, update.mbo.flags);
        }
        update.trust = self.doubts.trust();
    }

    #[inline(always)]
    fn show_depth(&mut self, shared: &Shared<'_>, update: &mut BookUpdate) {
        if self.ladders.is_depth_old() {
            self.read_depth(shared);
        }
        update.depth = self.depth.sums;
    }

    /// Makes a side of the touch what its best level says now; 0 if it was that before.
    #[inline(always)]
    fn refresh(
        &mut self,
        shared: &Shared<'_>,
        update: &mut BookUpdate,
        side: usize,
        best: u32,
    ) -> u64 {
        let best = shared.slab.node(best);
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
