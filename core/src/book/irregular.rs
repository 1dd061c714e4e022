//! The long way: every record that exists, sound or not, to a book in any state.
//!
//! What a sound feed never sends is counted, and put right where the feed's own documentation
//! says how.

use super::Shared;
use super::head::{Head, Outcome, differ, entry, side_index};
use super::nodes::{LevelId, NodeId};
use super::replace::GRAVEYARD;
use super::slab::{Sum, push_back, unlink};
use crate::event::{Effect, Mbo, Touch, Trust};
use crate::types::{Action, Flags, Nanos, Side};

impl Head {
    /// Applies a record, and makes the update of it.
    #[cold]
    #[inline(never)]
    pub(super) fn on_irregular(&mut self, shared: &mut Shared<'_>, mbo: &Mbo) {
        self.observe(shared, mbo);
        self.act(shared);
    }

    /// The same for the record of the update, whose clocks and sequence have been observed.
    #[cold]
    #[inline(never)]
    pub(super) fn act(&mut self, shared: &mut Shared<'_>) {
        self.clocks = self.clocks();
        let mbo = self.update.mbo;
        let outcome = match mbo.action {
            Action::Add => self.on_add(shared, &mbo),
            Action::Cancel => self.on_cancel(shared, &mbo),
            Action::Modify => self.on_modify(shared, &mbo),
            Action::Clear => self.on_clear(shared, &mbo),
            Action::Trade | Action::Fill | Action::None => self.unchanged(shared, &mbo),
        };
        self.conclude(shared, outcome);
    }

    /// Clocks and sequence: what a record says before it says what it does. The clocks are kept
    /// apart from now on, until the record has been applied.
    pub(super) fn observe(&mut self, shared: &Shared<'_>, mbo: &Mbo) {
        self.clocks = self.clocks();
        self.doubts.set_clocks_apart(true);
        self.update.mbo = *mbo;
        self.records += 1;
        if mbo.flags.has(Flags::SNAPSHOT) {
            // Its times and sequence are of when the order came, or of the snapshot.
            return;
        }
        let (ts_event, ts_recv) = (mbo.ts_event, mbo.ts_recv);
        if ts_event >= self.clocks.ts_event && ts_event.is_defined() {
            self.clocks.ts_event = ts_event;
        } else {
            self.bad_time(ts_event);
        }
        if !mbo.flags.has(Flags::BAD_TS_RECV) {
            if ts_recv >= self.clocks.ts_recv && ts_recv.is_defined() {
                self.clocks.ts_recv = ts_recv;
            } else {
                self.bad_time(ts_recv);
            }
            let delta = mbo.ts_in_delta;
            if !(0..=shared.thresholds.in_delta_ns_max).contains(&delta) {
                self.counters.absurd_delta += 1;
            }
        }
        // The number wraps around, so "backwards" is a matter of the nearer half.
        let step = mbo.sequence.wrapping_sub(self.clocks.sequence);
        if step.cast_signed() >= 0 && mbo.sequence != 0 {
            self.clocks.sequence = mbo.sequence;
        } else {
            self.odd_sequence(mbo);
        }
    }

    /// A sequence that is absent, the first, of a Clear, or backwards.
    #[cold]
    fn odd_sequence(&mut self, mbo: &Mbo) {
        if mbo.sequence == 0 {
            return;
        }
        if self.clocks.sequence != 0 && mbo.action != Action::Clear {
            self.counters.sequence_backwards += 1;
            self.doubts.suspect();
        }
        self.clocks.sequence = mbo.sequence;
    }

    #[cold]
    fn bad_time(&mut self, time: Nanos) {
        if time.is_defined() {
            self.counters.time_backwards += 1;
        } else {
            self.counters.undefined_time += 1;
        }
    }

    /// What follows every record: the event ends or stays open, and trust is weighed.
    pub(super) fn conclude(&mut self, shared: &mut Shared<'_>, outcome: Outcome) {
        self.settle_clocks();
        let flags = self.update.mbo.flags;
        if flags.has(Flags::MAYBE_BAD_BOOK) {
            self.counters.maybe_bad += 1;
            self.doubts.suspect();
        }
        let before = self.update.touch;
        if flags.has(Flags::LAST) {
            self.update.touch = self.best(shared);
            self.read_depth(shared);
            self.doubts.end_event();
            if self.doubts.trust() != Trust::Good || is_closed(&self.update.touch) {
                self.weigh(shared, flags);
            }
        } else if flags.has(Flags::SNAPSHOT) {
            self.doubts.wait_for_last();
        } else {
            let now = self.clocks().ts_event;
            let counters = &mut self.counters;
            self.doubts.keep_open(now, &shared.thresholds, counters);
        }
        let update = &mut self.update;
        update.level_size = outcome.level_size;
        update.level_count = outcome.level_count;
        update.effect = outcome.effect;
        update.trust = self.doubts.trust();
        update.touch_changed = differ(&update.touch, &before);
    }

    /// Weighs a doubted or crossed book at the end of an event.
    #[cold]
    #[inline(never)]
    pub(super) fn weigh(&mut self, shared: &mut Shared<'_>, flags: Flags) {
        let is_uncrossed = !is_closed(&self.update.touch);
        if self.update.touch.is_crossed() {
            self.counters.crossed += 1;
        } else if !is_uncrossed {
            self.counters.locked += 1;
        }
        self.doubts.weigh(
            &mut self.evidence,
            is_uncrossed,
            flags.has(Flags::SNAPSHOT),
            &shared.thresholds,
        );
        if !self.doubts.awaits_snapshot() {
            self.forget(shared);
        }
    }

    fn on_add(&mut self, shared: &mut Shared<'_>, mbo: &Mbo) -> Outcome {
        if mbo.flags.0 & (Flags::TOB.0 | Flags::SNAPSHOT.0) != 0 {
            return self.on_special_add(shared, mbo);
        }
        let known = self.find(shared, mbo.order_id.0);
        self.add(shared, mbo, known)
    }

    /// A new order in the place of the one that is known by its id, or of [`NodeId::NONE`].
    pub(super) fn add(&mut self, shared: &mut Shared<'_>, mbo: &Mbo, known: NodeId) -> Outcome {
        let Some(side) = side_index(mbo.side) else {
            return self.refuse(shared, mbo);
        };
        if !mbo.price.is_defined() || mbo.size == 0 {
            return self.refuse(shared, mbo);
        }
        if known != NodeId::NONE {
            return self.add_again(shared, mbo, side, known);
        }
        self.rest(shared, mbo, side)
    }

    /// The order of this book with this id, or [`NodeId::NONE`].
    pub(super) fn find(&self, shared: &Shared<'_>, order_id: u64) -> NodeId {
        let book = self.ladders.book;
        shared.index.find(&shared.slab.nodes, book, order_id)
    }

    /// Puts an order, whose id is free, into the queue of its price and into the index.
    fn rest(&mut self, shared: &mut Shared<'_>, mbo: &Mbo, side: usize) -> Outcome {
        if self.orders_count >= shared.book_orders_max {
            return self.exhausted(shared, mbo);
        }
        let Some(order) = shared.take_order() else {
            return self.exhausted(shared, mbo);
        };
        let Some(level) = self.ladders.open(shared, side, mbo.price.0) else {
            shared.slab.give_order(order);
            return self.exhausted(shared, mbo);
        };
        let bucket = shared.index.bucket(self.ladders.book, mbo.order_id.0);
        let entry = entry(mbo, shared.index.push(bucket, order));
        let left = push_back(&mut shared.slab.nodes, level, order, entry);
        self.ladders
            .joined(&mut shared.slab, side, level, mbo.price.0);
        self.changed(shared, side, level);
        self.orders_count += 1;
        Outcome::of(Effect::Added, left)
    }

    /// An add whose id is taken, by a resting order or by one that is only remembered.
    #[cold]
    fn add_again(
        &mut self,
        shared: &mut Shared<'_>,
        mbo: &Mbo,
        side: usize,
        known: NodeId,
    ) -> Outcome {
        let was_resting = shared.slab.nodes[known].order_size() != 0;
        if was_resting && !mbo.flags.has(Flags::SNAPSHOT) && mbo.action == Action::Add {
            self.counters.duplicate_add += 1;
        }
        self.discard(shared, mbo.order_id.0, known);
        let added = self.rest(shared, mbo, side);
        if was_resting && added.effect == Effect::Added {
            return Outcome {
                effect: Effect::Requeued,
                ..added
            };
        }
        added
    }

    fn on_cancel(&mut self, shared: &mut Shared<'_>, mbo: &Mbo) -> Outcome {
        let order = self.find(shared, mbo.order_id.0);
        if order == NodeId::NONE {
            return self.cancel_unknown(shared, mbo);
        }
        let resting = shared.slab.nodes[order].order_size();
        if mbo.size == 0 || mbo.size > resting {
            return self.cancel_irregular(shared, mbo, order);
        }
        if mbo.size == resting {
            return self.remove(shared, mbo, order);
        }
        let left = shared.slab.reduce(order, mbo.size, mbo.sequence);
        let level = shared.slab.nodes[order].level;
        self.changed(shared, shared.side_of(level), level);
        Outcome::of(Effect::Reduced, left)
    }

    /// Takes an order out of its queue and out of the index.
    fn remove(&mut self, shared: &mut Shared<'_>, mbo: &Mbo, order: NodeId) -> Outcome {
        let level = shared.slab.nodes[order].level;
        let side = shared.side_of(level);
        let (left, is_empty) = unlink(&mut shared.slab.nodes, order);
        self.changed(shared, side, level);
        self.ladders.left(shared, side, level, is_empty);
        self.orders_count -= 1;
        if self.doubts.awaits_snapshot() {
            self.remember(shared, mbo, order);
        } else {
            shared.forget_order(self.ladders.book, mbo.order_id.0, order);
        }
        Outcome::of(Effect::Removed, left)
    }

    /// A cancel of nothing, of more than there is, or of an order that is gone already.
    #[cold]
    fn cancel_irregular(&mut self, shared: &mut Shared<'_>, mbo: &Mbo, order: NodeId) -> Outcome {
        if shared.slab.nodes[order].order_size() == 0 {
            return self.cancel_unknown(shared, mbo);
        }
        if mbo.size == 0 {
            self.counters.zero_size += 1;
            return self.refused(shared, mbo);
        }
        self.counters.oversize_cancel += 1;
        self.doubts.suspect();
        self.remove(shared, mbo, order)
    }

    #[cold]
    fn cancel_unknown(&mut self, shared: &mut Shared<'_>, mbo: &Mbo) -> Outcome {
        self.counters.unknown_cancel += 1;
        self.doubts
            .unknown_cancel(&mut self.evidence, self.records, &shared.thresholds);
        if self.doubts.awaits_snapshot() && !mbo.flags.has(Flags::SNAPSHOT) {
            self.remember_unknown(shared, mbo);
        }
        self.refused(shared, mbo)
    }

    fn on_modify(&mut self, shared: &mut Shared<'_>, mbo: &Mbo) -> Outcome {
        let order = self.find(shared, mbo.order_id.0);
        if order == NodeId::NONE {
            return self.modify_unknown(shared, mbo, order);
        }
        let nodes = &shared.slab.nodes;
        let (from, old_size) = (nodes[order].level, nodes[order].order_size());
        let owned_by = shared.side_of(from);
        let side = side_index(mbo.side).unwrap_or(owned_by);
        if mbo.size == 0 || old_size == 0 || !mbo.price.is_defined() {
            return self.modify_irregular(shared, mbo, order);
        }
        let price = nodes[from].key.cast_signed();
        if price != mbo.price.0 || mbo.size > old_size || side != owned_by {
            let Some(to) = self.ladders.open(shared, side, mbo.price.0) else {
                return self.exhausted(shared, mbo);
            };
            let left = self.requeue(shared, mbo, (order, owned_by), (to, side));
            return Outcome::of(Effect::Requeued, left);
        }
        if mbo.size == old_size {
            shared.slab.nodes[order].tag = mbo.sequence;
            return Self::left_at(shared, from, Effect::None);
        }
        let left = shared.slab.reduce(order, old_size - mbo.size, mbo.sequence);
        self.changed(shared, side, from);
        Outcome::of(Effect::Reduced, left)
    }

    /// Sends an order of a side to the back of the queue of a level, and returns what that sums to.
    #[inline(always)]
    pub(super) fn requeue(
        &mut self,
        shared: &mut Shared<'_>,
        mbo: &Mbo,
        (order, from_side): (NodeId, usize),
        (to, side): (LevelId, usize),
    ) -> Sum {
        let nodes = &mut shared.slab.nodes;
        let from = nodes[order].level;
        let follower = nodes[order].follower();
        let old_size = i64::from(nodes[order].order_size());
        let (_, is_empty) = unlink(nodes, order);
        let left = push_back(nodes, to, order, entry(mbo, follower));
        if shared.watches_depth {
            let (is_last, size) = (mbo.flags.has(Flags::LAST), i64::from(mbo.size));
            if from == to {
                self.resized(shared, side, to, size - old_size, is_last);
            } else {
                self.resized(shared, from_side, from, -old_size, is_last & !is_empty);
                self.resized(shared, side, to, size, is_last & (left.count > 1));
            }
        }
        if from != to {
            // The page of the new level must not be taken for empty, so the order joins first.
            self.ladders.joined(&mut shared.slab, side, to, mbo.price.0);
            self.ladders.left(shared, from_side, from, is_empty);
        }
        left
    }

    /// A modify of an order that is gone, remembered or not, is an add.
    #[cold]
    fn modify_unknown(&mut self, shared: &mut Shared<'_>, mbo: &Mbo, known: NodeId) -> Outcome {
        self.counters.unknown_modify += 1;
        self.evidence.unknown_modify();
        self.add(shared, mbo, known)
    }

    /// A modify to nothing, to no price, or of an order that is gone already.
    #[cold]
    fn modify_irregular(&mut self, shared: &mut Shared<'_>, mbo: &Mbo, order: NodeId) -> Outcome {
        if shared.slab.nodes[order].order_size() == 0 {
            return self.modify_unknown(shared, mbo, order);
        }
        if mbo.size == 0 {
            self.counters.zero_size += 1;
            return self.remove(shared, mbo, order);
        }
        self.counters.undefined_price += 1;
        self.refused(shared, mbo)
    }

    #[inline(never)]
    fn on_clear(&mut self, shared: &mut Shared<'_>, mbo: &Mbo) -> Outcome {
        self.empty(shared);
        let from_snapshot = mbo.flags.has(Flags::SNAPSHOT);
        self.doubts.clear(&mut self.evidence, from_snapshot);
        self.clocks.sequence = if from_snapshot { 0 } else { mbo.sequence };
        Outcome::bare(Effect::Replaced)
    }

    /// What is left at the record's price and side, for a record that changes nothing.
    #[inline]
    pub(super) fn unchanged(&self, shared: &Shared<'_>, mbo: &Mbo) -> Outcome {
        let found = match side_index(mbo.side) {
            Some(side) => self.ladders.find(shared, side, mbo.price.0),
            None => None,
        };
        match found {
            Some(level) => Self::left_at(shared, level, Effect::None),
            None => Outcome::bare(Effect::None),
        }
    }

    fn left_at(shared: &Shared<'_>, level: LevelId, effect: Effect) -> Outcome {
        Outcome::of(effect, shared.slab.sum(level))
    }

    /// An add without side, price or size.
    #[cold]
    fn refuse(&mut self, shared: &Shared<'_>, mbo: &Mbo) -> Outcome {
        if mbo.side == Side::None {
            self.counters.missing_side += 1;
        } else if !mbo.price.is_defined() {
            self.counters.undefined_price += 1;
        } else {
            self.counters.zero_size += 1;
        }
        self.refused(shared, mbo)
    }

    pub(super) fn refused(&self, shared: &Shared<'_>, mbo: &Mbo) -> Outcome {
        Outcome {
            effect: Effect::Refused,
            ..self.unchanged(shared, mbo)
        }
    }

    /// The book cannot hold what the feed says, so it is wrong from here on.
    #[cold]
    fn exhausted(&mut self, shared: &Shared<'_>, mbo: &Mbo) -> Outcome {
        self.exhaust();
        self.refused(shared, mbo)
    }

    pub(super) fn exhaust(&mut self) {
        self.counters.pool_exhausted += 1;
        self.doubts.suspect();
    }

    /// Takes an order off its queue and out of the index, be it resting or only remembered.
    fn discard(&mut self, shared: &mut Shared<'_>, order_id: u64, order: NodeId) {
        let level = shared.slab.nodes[order].level;
        let side = shared.side_of(level);
        let (_, is_empty) = unlink(&mut shared.slab.nodes, order);
        shared.forget_order(self.ladders.book, order_id, order);
        if side == GRAVEYARD as usize {
            return;
        }
        self.changed(shared, side, level);
        self.orders_count -= 1;
        self.ladders.left(shared, side, level, is_empty);
    }
}

/// Whether bid and offer leave no spread. An absent offer is above every bid, and an absent bid
/// is not below an offer.
#[inline(always)]
pub(super) fn is_closed(touch: &Touch) -> bool {
    touch.bid >= touch.ask && touch.bid.is_defined()
}
