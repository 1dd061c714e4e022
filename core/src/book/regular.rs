//! The short way: a sound record to a sound book.
//!
//! It asks for everything that could call for the long way before it changes what the question
//! is about, so that the long way finds the book as this one found it. Of the touch, the side of
//! the record is read after every event whether it has changed or not: which it will be cannot be
//! foreseen, and a wrong guess costs more than the reading.

use super::Shared;
use super::head::{Head, differ, entry, side_index};
use super::index::find_from;
use super::irregular::is_closed;
use super::nodes::{LevelId, NodeId};
use super::slab::{Sum, push_back, unlink};
use crate::event::{Effect, Mbo, Touch, Trust};
use crate::types::{Action, Flags, Price};

/// Flags that mean more than the short way knows.
const SPECIAL: u8 =
    Flags::TOB.0 | Flags::SNAPSHOT.0 | Flags::BAD_TS_RECV.0 | Flags::MAYBE_BAD_BOOK.0;

/// Where the index leads for an id: a bucket, its newest order, and whether that has the id.
#[derive(Clone, Copy)]
struct Found {
    bucket: usize,
    newest: NodeId,
    is_it: bool,
}

impl Head {
    /// Applies a record, and says in the update what it did.
    #[inline(never)]
    pub(super) fn on_mbo(&mut self, shared: &mut Shared<'_>, mbo: &Mbo) {
        if !self.is_regular(shared, mbo) {
            if self.is_restored_by(mbo) {
                return self.restore(shared, mbo);
            }
            return self.on_irregular(shared, mbo);
        }
        // The clocks are those of the last record, so this sets them as well. As a slice, it is
        // copied in one go; field by field it would be read back while it is still on its way.
        core::slice::from_mut(&mut self.update.mbo).copy_from_slice(core::slice::from_ref(mbo));
        self.records += 1;
        // Looked for at once, for what the record does cannot be foreseen, and memory is slow.
        let found = self.look_for(shared, mbo.order_id.0);
        match mbo.action {
            Action::Add => self.join::<false>(shared, mbo, found),
            Action::Cancel => self.leave(shared, mbo, found),
            Action::Modify => self.change(shared, mbo, found),
            Action::Trade | Action::Fill | Action::None => self.stay(shared, mbo),
            Action::Clear => self.act(shared),
        }
    }

    /// Whether clocks and sequence go on, and nothing about the record or the book is out of the
    /// ordinary.
    #[inline(always)]
    fn is_regular(&self, shared: &Shared<'_>, mbo: &Mbo) -> bool {
        // Sound clocks are positive as signed numbers; so one comparison finds a time that goes
        // back, an undefined one, and one beyond the year 2262.
        let last = &self.update.mbo;
        mbo.flags.0 & SPECIAL | self.doubts.bits() == 0
            && mbo.ts_event.0.cast_signed() >= last.ts_event.0.cast_signed()
            && mbo.ts_recv.0.cast_signed() >= last.ts_recv.0.cast_signed()
            && mbo.ts_in_delta.cast_unsigned() < shared.in_delta_absurd
            && mbo.sequence.wrapping_sub(last.sequence).cast_signed() >= 0
            && mbo.sequence != 0
    }

    /// Applies an order of a snapshot that is on its way. It says nothing of when it is, opens no
    /// event and leaves the book in doubt as it was.
    #[inline(never)]
    fn restore(&mut self, shared: &mut Shared<'_>, mbo: &Mbo) {
        self.update.mbo = *mbo;
        self.records += 1;
        let found = self.look_for(shared, mbo.order_id.0);
        self.join::<true>(shared, mbo, found);
    }

    /// Whether [`Self::restore`] will do: nothing but the order itself is new.
    #[inline(always)]
    fn is_restored_by(&self, mbo: &Mbo) -> bool {
        // Without a number of its own the clocks might be those of the record.
        mbo.flags.0 & (SPECIAL | Flags::LAST.0) & !Flags::BAD_TS_RECV.0 == Flags::SNAPSHOT.0
            && mbo.action == Action::Add
            && mbo.sequence != 0
            && self.clocks.sequence == 0
            && self.doubts.are_of_a_snapshot_under_way(&self.evidence)
    }

    /// Where an order is, if it is known.
    #[inline(always)]
    fn look_for(&self, shared: &Shared<'_>, order_id: u64) -> Found {
        let bucket = shared.index.bucket(self.ladders.book, order_id);
        let newest = shared.index.first(bucket);
        let is_it = shared.slab.nodes[newest].key == order_id;
        Found {
            bucket,
            newest,
            is_it,
        }
    }

    /// A new order, whose id must be free. As those that follow it goes the long way before it
    /// has changed anything, if it is not all as it mostly is.
    #[inline(always)]
    fn join<const IS_RESTORED: bool>(&mut self, shared: &mut Shared<'_>, mbo: &Mbo, found: Found) {
        let Some(side) = side_index(mbo.side) else {
            return self.act(shared);
        };
        if mbo.size == 0 || found.is_it {
            return self.act(shared);
        }
        let nodes = &shared.slab.nodes;
        // Whether the bucket is empty cannot be foreseen; that it holds two is rare.
        let is_alone = nodes[found.newest].follower() == 0;
        match self.ladders.known(nodes, side, mbo.price.0) {
            Some(level) if is_alone => {
                self.enter::<IS_RESTORED>(shared, mbo, found.bucket, (side, level));
            }
            _ => self.join_after_search::<IS_RESTORED>(shared, mbo, side),
        }
    }

    /// The same where one look does not tell that the id is free, or where the level is.
    #[inline(never)]
    fn join_after_search<const IS_RESTORED: bool>(
        &mut self,
        shared: &mut Shared<'_>,
        mbo: &Mbo,
        side: usize,
    ) {
        if self.is_full(shared) {
            return self.join_full::<IS_RESTORED>(shared, mbo);
        }
        let (book, id) = (self.ladders.book, mbo.order_id.0);
        let found = self.look_for(shared, id);
        if find_from(&shared.slab.nodes, found.newest, book, id) != NodeId::NONE {
            return self.act(shared);
        }
        // At last, for a page that is opened must have an order.
        let Some(level) = self.ladders.open(shared, side, mbo.price.0) else {
            return self.act(shared);
        };
        self.enter::<IS_RESTORED>(shared, mbo, found.bucket, (side, level));
    }

    /// A new order with a free id enters its queue, if there is room for it.
    #[inline(always)]
    fn enter<const IS_RESTORED: bool>(
        &mut self,
        shared: &mut Shared<'_>,
        mbo: &Mbo,
        bucket: usize,
        (side, level): (usize, LevelId),
    ) {
        if self.is_full(shared) {
            return self.join_full::<IS_RESTORED>(shared, mbo);
        }
        self.orders_count += 1;
        let Shared { slab, index, .. } = shared;
        let order = slab.orders.first;
        slab.orders.take(&slab.nodes);
        let follower = index.push(bucket, order);
        let entry = entry(mbo, follower);
        let left = push_back(&mut slab.nodes, level, order, entry);
        let best = self.ladders.joined(slab, side, level, mbo.price.0);
        let is_steady = left.count > 1 && mbo.flags.has(Flags::LAST);
        self.resized(shared, side, level, i64::from(entry.size), is_steady);
        self.say(Effect::Added, left);
        if IS_RESTORED {
            self.update.trust = Trust::Recovering;
            self.update.touch_changed = false;
        } else {
            self.end_record(shared, mbo.flags, side, best, level == best);
        }
    }

    /// Whether one order more is too many for the book, or calls for more room.
    #[inline(always)]
    fn is_full(&self, shared: &Shared<'_>) -> bool {
        self.orders_count >= shared.book_orders_max || shared.is_tight()
    }

    /// A new order where the index must grow first, there is no order left, or the book has too
    /// many.
    #[cold]
    fn join_full<const IS_RESTORED: bool>(&mut self, shared: &mut Shared<'_>, mbo: &Mbo) {
        if self.orders_count >= shared.book_orders_max || !shared.make_room() {
            return self.act(shared);
        }
        let found = self.look_for(shared, mbo.order_id.0);
        self.join::<IS_RESTORED>(shared, mbo, found);
    }

    /// An order leaves, or loses a part of its size.
    #[inline(always)]
    fn leave(&mut self, shared: &mut Shared<'_>, mbo: &Mbo, found: Found) {
        let Shared { slab, index, .. } = shared;
        let order = found.newest;
        let node = &slab.nodes[order];
        if !found.is_it {
            return self.leave_behind(shared, mbo, found.bucket);
        }
        let (level, size, follower) = (node.level, node.order_size(), node.follower());
        let side = self.ladders.side_of(&slab.nodes, level);
        if side > 1 {
            return self.act(shared);
        }
        if mbo.size != size {
            return self.leave_in_part(shared, mbo, order);
        }
        *index.first_mut(found.bucket) = slab.nodes.named(follower);
        self.part(shared, mbo.flags, order, (side, level));
    }

    /// The same where the order is not the first of its bucket.
    #[inline(never)]
    fn leave_behind(&mut self, shared: &mut Shared<'_>, mbo: &Mbo, bucket: usize) {
        let Shared { slab, index, .. } = shared;
        let (book, id) = (self.ladders.book, mbo.order_id.0);
        let order = find_from(&slab.nodes, index.first(bucket), book, id);
        let (level, size) = (slab.nodes[order].level, slab.nodes[order].order_size());
        // No order is of no side.
        let side = self.ladders.side_of(&slab.nodes, level);
        if side > 1 {
            return self.act(shared);
        }
        if mbo.size != size {
            return self.leave_in_part(shared, mbo, order);
        }
        index.remove(&mut slab.nodes, bucket, order);
        self.part(shared, mbo.flags, order, (side, level));
    }

    /// An order that the index does not know any more leaves its queue.
    #[inline(always)]
    fn part(
        &mut self,
        shared: &mut Shared<'_>,
        flags: Flags,
        order: NodeId,
        (side, level): (usize, LevelId),
    ) {
        let slab = &mut shared.slab;
        let size = slab.nodes[order].order_size();
        let (left, is_empty) = unlink(&mut slab.nodes, order);
        slab.orders.give(&mut slab.nodes, order);
        self.orders_count -= 1;
        let is_steady = !is_empty && flags.has(Flags::LAST);
        self.resized(shared, side, level, -i64::from(size), is_steady);
        let was_best = level == self.ladders.best[side];
        let best = self.ladders.left(shared, side, level, is_empty);
        self.say(Effect::Removed, left);
        self.end_record(shared, flags, side, best, was_best);
    }

    /// An order loses a part of its size and keeps its place, if it is not nothing or too much.
    #[inline(never)]
    fn leave_in_part(&mut self, shared: &mut Shared<'_>, mbo: &Mbo, order: NodeId) {
        let (by, size) = (mbo.size, shared.slab.nodes[order].order_size());
        if by == 0 || by >= size {
            return self.act(shared);
        }
        let level = shared.slab.nodes[order].level;
        let side = self.reduce(shared, order, by);
        let best = self.ladders.best[side];
        self.end_record(shared, mbo.flags, side, best, level == best);
    }

    /// An order changes its size, its price, or both.
    #[inline(never)]
    fn change(&mut self, shared: &mut Shared<'_>, mbo: &Mbo, found: Found) {
        let nodes = &shared.slab.nodes;
        let mut order = found.newest;
        if !found.is_it {
            order = find_from(nodes, order, self.ladders.book, mbo.order_id.0);
        }
        // No order is of no side.
        let side = self.ladders.side_of(nodes, nodes[order].level);
        if mbo.side.index() != side || side > 1 || mbo.size == 0 {
            return self.act(shared);
        }
        let Some(to) = self.ladders.known(nodes, side, mbo.price.0) else {
            return self.change_after_search(shared, mbo, side, order);
        };
        self.change_to(shared, mbo, order, (side, to));
    }

    /// The same where one look does not tell where the level is.
    #[inline(never)]
    fn change_after_search(
        &mut self,
        shared: &mut Shared<'_>,
        mbo: &Mbo,
        side: usize,
        order: NodeId,
    ) {
        match self.ladders.open(shared, side, mbo.price.0) {
            Some(to) => self.change_to(shared, mbo, order, (side, to)),
            None => self.act(shared),
        }
    }

    /// An order changes to this level and the record's size. Opening the level may have moved every
    /// order to a finer grid, so what the order is now is read after that.
    #[inline(always)]
    fn change_to(
        &mut self,
        shared: &mut Shared<'_>,
        mbo: &Mbo,
        order: NodeId,
        (side, to): (usize, LevelId),
    ) {
        let node = &shared.slab.nodes[order];
        let (from, old_size) = (node.level, node.order_size());
        let was_best = from == self.ladders.best[side];
        if from == to && mbo.size <= old_size {
            return self.shrink(shared, mbo, side, order, was_best);
        }
        let left = self.requeue(shared, mbo, (order, side), (to, side));
        self.say(Effect::Requeued, left);
        let best = self.ladders.best[side];
        self.end_record(shared, mbo.flags, side, best, was_best | (to == best));
    }

    /// An order changes its size to no more than it was, and keeps its place.
    #[inline(never)]
    fn shrink(
        &mut self,
        shared: &mut Shared<'_>,
        mbo: &Mbo,
        side: usize,
        order: NodeId,
        was_best: bool,
    ) {
        let by = shared.slab.nodes[order].order_size() - mbo.size;
        let is_touched = was_best && by > 0;
        if by > 0 {
            self.reduce(shared, order, by);
        } else {
            shared.slab.nodes[order].tag = mbo.sequence;
            self.say(
                Effect::None,
                shared.slab.sum(shared.slab.nodes[order].level),
            );
        }
        let best = self.ladders.best[side];
        self.end_record(shared, mbo.flags, side, best, is_touched);
    }

    /// An order loses a part of its size and keeps its place. Returns its side.
    #[inline(always)]
    fn reduce(&mut self, shared: &mut Shared<'_>, order: NodeId, by: u32) -> usize {
        let level = shared.slab.nodes[order].level;
        let side = shared.side_of(level) & 1;
        let left = shared.slab.reduce(order, by, self.update.mbo.sequence);
        self.say(Effect::Reduced, left);
        let is_last = self.update.mbo.flags.has(Flags::LAST);
        self.resized(shared, side, level, -i64::from(by), is_last);
        side
    }

    /// A trade or a fill changes nothing.
    #[inline(never)]
    fn stay(&mut self, shared: &mut Shared<'_>, mbo: &Mbo) {
        let outcome = self.unchanged(shared, mbo);
        self.update.level_size = outcome.level_size;
        self.update.level_count = outcome.level_count;
        self.update.effect = outcome.effect;
        self.end_record(shared, mbo.flags, 0, self.ladders.best[0], false);
    }

    /// What follows every record: the event ends or stays open. LAST: the touch is what the levels
    /// say now, and must not be crossed. `side` is the one that may have changed, `best` its best
    /// level, and `is_touched` whether that has changed.
    #[inline(always)]
    fn end_record(
        &mut self,
        shared: &mut Shared<'_>,
        flags: Flags,
        side: usize,
        best: LevelId,
        is_touched: bool,
    ) {
        if !flags.has(Flags::LAST) || !self.doubts.ends_plainly() {
            return self.go_on(shared);
        }
        self.show_best(shared, side, best);
        self.update.touch_changed = is_touched;
        self.update.trust = Trust::Good;
        if shared.watches_depth {
            self.read_depth(shared);
        }
        if self.update.touch.bid >= self.update.touch.ask {
            self.end_closed(shared);
        }
    }

    /// The touch leaves no spread, or there is no bid.
    #[cold]
    fn end_closed(&mut self, shared: &mut Shared<'_>) {
        if is_closed(&self.update.touch) {
            self.weigh(shared, self.update.mbo.flags);
            self.update.trust = self.doubts.trust();
        }
    }

    /// The same for an event of several records, which stays open, though not for ever, and for a
    /// book that is settling.
    #[inline(never)]
    fn go_on(&mut self, shared: &mut Shared<'_>) {
        let mbo = &self.update.mbo;
        if !mbo.flags.has(Flags::LAST) {
            let counters = &mut self.counters;
            self.doubts
                .keep_open(mbo.ts_event, &shared.thresholds, counters);
            self.update.trust = self.doubts.trust();
            self.update.touch_changed = false;
            return;
        }
        self.doubts.end_event();
        // What came before LAST may have changed either side.
        let before = self.update.touch;
        self.update.touch = self.best(shared);
        self.update.touch_changed = differ(&self.update.touch, &before);
        if shared.watches_depth {
            self.read_depth(shared);
        }
        if self.doubts.trust() != Trust::Good || is_closed(&self.update.touch) {
            self.weigh(shared, self.update.mbo.flags);
        }
        self.update.trust = self.doubts.trust();
    }

    /// Makes a side of the touch what its best level says now.
    #[inline(always)]
    fn show_best(&mut self, shared: &Shared<'_>, side: usize, best: LevelId) {
        let best = &shared.slab.nodes[best];
        let (price, size, count) = half(&mut self.update.touch, side);
        (*price, *size, *count) = (Price(best.key.cast_signed()), best.size, best.tag);
    }

    /// Says what a record did, and what is left at its price and side.
    #[inline(always)]
    const fn say(&mut self, effect: Effect, left: Sum) {
        self.update.level_size = left.size;
        self.update.level_count = left.count;
        self.update.effect = effect;
    }
}

/// The fields of one side of a touch: index 0 is the bid.
#[inline(always)]
const fn half(touch: &mut Touch, side: usize) -> (&mut Price, &mut u64, &mut u32) {
    match side {
        0 => (&mut touch.bid, &mut touch.bid_size, &mut touch.bid_count),
        _ => (&mut touch.ask, &mut touch.ask_size, &mut touch.ask_count),
    }
}
