//! The long way: every record that exists, sound or not, to a book in any state.
//!
//! What a sound feed never sends is counted, and put right where the feed's own documentation
//! says how.

use super::Shared;
use super::head::{Head, Outcome, differ, entry, side_index};
use super::index::{Place, Slot};
use super::replace::GRAVEYARD;
use super::slab::Sum;
use crate::event::{BookUpdate, Effect, Mbo, Touch, Trust};
use crate::types::{Action, Flags, Nanos, Side};

impl Head {
    /// Applies the record of `update`, and makes the rest of `update` this book's.
    #[cold]
    #[inline(never)]
    pub(super) fn on_irregular(&mut self, shared: &mut Shared<'_>, update: &mut BookUpdate) {
        self.observe(shared, &update.mbo);
        self.act(shared, update);
    }

    /// The same for a record whose clocks and sequence have been observed already.
    #[cold]
    #[inline(never)]
    pub(super) fn act(&mut self, shared: &mut Shared<'_>, update: &mut BookUpdate) {
        let mbo = update.mbo;
        let outcome = match mbo.action {
            Action::Add => self.on_add(shared, &mbo),
            Action::Cancel => self.on_cancel(shared, &mbo),
            Action::Modify => self.on_modify(shared, &mbo),
            Action::Clear => self.on_clear(shared, &mbo),
            Action::Trade | Action::Fill | Action::None => self.unchanged(shared, &mbo),
        };
        self.conclude(shared, update, outcome);
    }

    /// Clocks and sequence: what a record says before it says what it does.
    pub(super) fn observe(&mut self, shared: &Shared<'_>, mbo: &Mbo) {
        self.counters.records += 1;
        if mbo.flags.has(Flags::SNAPSHOT) {
            // Its times and sequence are of when the order came, or of the snapshot.
            return;
        }
        if mbo.ts_event >= self.ts_event && mbo.ts_event.is_defined() {
            self.ts_event = mbo.ts_event;
        } else {
            self.bad_time(mbo.ts_event);
        }
        if !mbo.flags.has(Flags::BAD_TS_RECV) {
            if mbo.ts_recv >= self.ts_recv && mbo.ts_recv.is_defined() {
                self.ts_recv = mbo.ts_recv;
            } else {
                self.bad_time(mbo.ts_recv);
            }
            if !(0..=shared.thresholds.in_delta_ns_max).contains(&mbo.ts_in_delta) {
                self.counters.absurd_delta += 1;
            }
        }
        self.doubts
            .set_clock(is_sound(self.ts_event) && is_sound(self.ts_recv));
        // The number wraps around, so "backwards" is a matter of the nearer half.
        let step = mbo.sequence.wrapping_sub(self.sequence).cast_signed();
        if step >= 0 && mbo.sequence != 0 {
            self.sequence = mbo.sequence;
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
        if self.sequence != 0 && mbo.action != Action::Clear {
            self.counters.sequence_backwards += 1;
            self.doubts.suspect();
        }
        self.sequence = mbo.sequence;
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
    pub(super) fn conclude(
        &mut self,
        shared: &mut Shared<'_>,
        update: &mut BookUpdate,
        outcome: Outcome,
    ) {
        let flags = update.mbo.flags;
        if flags.has(Flags::MAYBE_BAD_BOOK) {
            self.counters.maybe_bad += 1;
            self.doubts.suspect();
        }
        let before = self.touch;
        if flags.has(Flags::LAST) {
            self.touch = self.best(shared);
            if self.ladders.is_depth_old() {
                self.read_depth(shared);
            }
            self.doubts.end_event();
            if self.doubts.trust() != Trust::Good || is_closed(&self.touch) {
                self.weigh(shared, flags);
            }
        } else if flags.has(Flags::SNAPSHOT) {
            self.doubts.wait_for_last();
        } else {
            let counters = &mut self.counters;
            self.doubts
                .keep_open(self.ts_event, &shared.thresholds, counters);
        }
        self.show(shared, update);
        update.level_size = outcome.level_size;
        update.level_count = outcome.level_count;
        update.effect = outcome.effect;
        update.trust = self.doubts.trust();
        update.touch_changed = differ(&self.touch, &before);
    }

    /// Weighs a doubted or crossed book at the end of an event.
    #[cold]
    #[inline(never)]
    pub(super) fn weigh(&mut self, shared: &mut Shared<'_>, flags: Flags) {
        let is_uncrossed = !is_closed(&self.touch);
        if self.touch.is_crossed() {
            self.counters.crossed += 1;
        } else if !is_uncrossed {
            self.counters.locked += 1;
        }
        self.doubts
            .weigh(is_uncrossed, flags.has(Flags::SNAPSHOT), &shared.thresholds);
        if !self.doubts.awaits_snapshot() {
            self.forget(shared);
        }
    }

    fn on_add(&mut self, shared: &mut Shared<'_>, mbo: &Mbo) -> Outcome {
        if mbo.flags.0 & (Flags::TOB.0 | Flags::SNAPSHOT.0) != 0 {
            return self.on_special_add(shared, mbo);
        }
        self.add(shared, mbo)
    }

    /// A new order, unless the id is taken.
    pub(super) fn add(&mut self, shared: &mut Shared<'_>, mbo: &Mbo) -> Outcome {
        let Some(side) = side_index(mbo.side) else {
            return self.refuse(shared, mbo);
        };
        if !mbo.price.is_defined() || mbo.size == 0 {
            return self.refuse(shared, mbo);
        }
        match shared
            .index
            .find(&shared.slab, self.ladders.book, mbo.order_id.0)
        {
            Slot::Vacant { place } => self.rest(shared, mbo, side, place),
            Slot::Found { place, node } => self.add_again(shared, mbo, side, place, node),
        }
    }

    /// Puts an order into the queue of its price and into the index.
    fn rest(&mut self, shared: &mut Shared<'_>, mbo: &Mbo, side: usize, place: Place) -> Outcome {
        if self.orders_count >= shared.book_orders_max {
            return self.exhausted(shared, mbo);
        }
        let Some(order) = shared.slab.take_order() else {
            return self.exhausted(shared, mbo);
        };
        let Some(level) = self.ladders.open(shared, side, mbo.price.0) else {
            shared.slab.give_order(order);
            return self.exhausted(shared, mbo);
        };
        let left = shared.slab.push_back(level, order, entry(mbo));
        self.ladders
            .joined(&mut shared.slab, side, level, mbo.price.0);
        self.changed(shared, level);
        shared.index.insert(&shared.slab, place, order);
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
        place: Place,
        node: u32,
    ) -> Outcome {
        let was_resting = shared.slab.node(node).size != 0;
        if was_resting && !mbo.flags.has(Flags::SNAPSHOT) && mbo.action == Action::Add {
            self.counters.duplicate_add += 1;
        }
        self.discard(shared, node);
        shared.index.remove(place);
        let added = self.add_vacant(shared, mbo, side);
        if was_resting && added.effect == Effect::Added {
            return Outcome {
                effect: Effect::Requeued,
                ..added
            };
        }
        added
    }

    /// An add whose id is known to be free.
    fn add_vacant(&mut self, shared: &mut Shared<'_>, mbo: &Mbo, side: usize) -> Outcome {
        let book = self.ladders.book;
        match shared.index.find(&shared.slab, book, mbo.order_id.0) {
            Slot::Vacant { place } => self.rest(shared, mbo, side, place),
            Slot::Found { .. } => self.refused(shared, mbo),
        }
    }

    fn on_cancel(&mut self, shared: &mut Shared<'_>, mbo: &Mbo) -> Outcome {
        let book = self.ladders.book;
        let Slot::Found { place, node } = shared.index.find(&shared.slab, book, mbo.order_id.0)
        else {
            return self.cancel_unknown(shared, mbo);
        };
        let size = u64::from(mbo.size);
        let resting = shared.slab.node(node).size;
        if size == 0 || size > resting {
            return self.cancel_irregular(shared, mbo, place, node);
        }
        if size == resting {
            return self.remove(shared, mbo, place, node);
        }
        let left = shared.slab.reduce(node, size, mbo.sequence);
        let level = shared.slab.node(node).level;
        self.changed(shared, level);
        Outcome::of(Effect::Reduced, left)
    }

    /// Takes an order out of its queue and out of the index.
    fn remove(&mut self, shared: &mut Shared<'_>, mbo: &Mbo, place: Place, node: u32) -> Outcome {
        let level = shared.slab.node(node).level;
        let side = (shared.slab.node(level).level & 3) as usize;
        let (left, is_empty) = shared.slab.unlink(node);
        self.changed(shared, level);
        self.ladders.left(shared, side, level, is_empty);
        self.orders_count -= 1;
        if self.doubts.awaits_snapshot() {
            self.remember(shared, mbo, node);
        } else {
            shared.slab.give_order(node);
            shared.index.remove(place);
        }
        Outcome::of(Effect::Removed, left)
    }

    /// A cancel of nothing, of more than there is, or of an order that is gone already.
    #[cold]
    fn cancel_irregular(
        &mut self,
        shared: &mut Shared<'_>,
        mbo: &Mbo,
        place: Place,
        node: u32,
    ) -> Outcome {
        if shared.slab.node(node).size == 0 {
            return self.cancel_unknown(shared, mbo);
        }
        if mbo.size == 0 {
            self.counters.zero_size += 1;
            return self.refused(shared, mbo);
        }
        self.counters.oversize_cancel += 1;
        self.doubts.suspect();
        self.remove(shared, mbo, place, node)
    }

    #[cold]
    fn cancel_unknown(&mut self, shared: &mut Shared<'_>, mbo: &Mbo) -> Outcome {
        self.counters.unknown_cancel += 1;
        self.doubts
            .unknown_cancel(self.counters.records, &shared.thresholds);
        if self.doubts.awaits_snapshot() && !mbo.flags.has(Flags::SNAPSHOT) {
            self.remember_unknown(shared, mbo);
        }
        self.refused(shared, mbo)
    }

    fn on_modify(&mut self, shared: &mut Shared<'_>, mbo: &Mbo) -> Outcome {
        let book = self.ladders.book;
        let Slot::Found { place, node } = shared.index.find(&shared.slab, book, mbo.order_id.0)
        else {
            return self.modify_unknown(shared, mbo);
        };
        let order = *shared.slab.node(node);
        let level = shared.slab.node(order.level);
        let (owner, price) = (level.level & 3, level.key.cast_signed());
        let side = side_index(mbo.side).unwrap_or(owner as usize);
        let size = u64::from(mbo.size);
        if size == 0 || order.size == 0 || !mbo.price.is_defined() {
            return self.modify_irregular(shared, mbo, place, node);
        }
        if price != mbo.price.0 || size > order.size || side != owner as usize {
            return match self.requeue(shared, mbo, side, node) {
                Some(left) => Outcome::of(Effect::Requeued, left),
                None => self.exhausted(shared, mbo),
            };
        }
        if size == order.size {
            shared.slab.node_mut(node).tag = mbo.sequence;
            return Self::left_at(shared, order.level, Effect::None);
        }
        let left = shared.slab.reduce(node, order.size - size, mbo.sequence);
        self.changed(shared, order.level);
        Outcome::of(Effect::Reduced, left)
    }

    /// Sends an order to the back of the queue at its new price, if that has room, and returns
    /// what its level sums to.
    #[inline(always)]
    pub(super) fn requeue(
        &mut self,
        shared: &mut Shared<'_>,
        mbo: &Mbo,
        side: usize,
        node: u32,
    ) -> Option<Sum> {
        let to = self.ladders.open(shared, side, mbo.price.0)?;
        // Read after opening, which may have moved every level to a finer grid.
        let order = shared.slab.node(node);
        let (from, old_size) = (order.level, order.size.cast_signed());
        let from_side = (shared.slab.node(from).level & 3) as usize;
        let (_, is_empty) = shared.slab.unlink(node);
        let left = shared.slab.push_back(to, node, entry(mbo));
        let (is_last, size) = (mbo.flags.has(Flags::LAST), i64::from(mbo.size));
        if from == to {
            self.resized(shared, to, size - old_size, || is_last);
            return Some(left);
        }
        self.resized(shared, from, -old_size, || is_last && !is_empty);
        self.resized(shared, to, size, || is_last && left.count > 1);
        // The page of the new level must not be taken for empty, so the order joins first.
        self.ladders.joined(&mut shared.slab, side, to, mbo.price.0);
        self.ladders.left(shared, from_side, from, is_empty);
        Some(left)
    }

    #[cold]
    fn modify_unknown(&mut self, shared: &mut Shared<'_>, mbo: &Mbo) -> Outcome {
        self.counters.unknown_modify += 1;
        self.doubts.unknown_modify();
        self.add(shared, mbo)
    }

    /// A modify to nothing, to no price, or of an order that is gone already.
    #[cold]
    fn modify_irregular(
        &mut self,
        shared: &mut Shared<'_>,
        mbo: &Mbo,
        place: Place,
        node: u32,
    ) -> Outcome {
        if shared.slab.node(node).size == 0 {
            return self.modify_unknown(shared, mbo);
        }
        if mbo.size == 0 {
            self.counters.zero_size += 1;
            return self.remove(shared, mbo, place, node);
        }
        self.counters.undefined_price += 1;
        self.refused(shared, mbo)
    }

    #[inline(never)]
    fn on_clear(&mut self, shared: &mut Shared<'_>, mbo: &Mbo) -> Outcome {
        self.empty(shared);
        let from_snapshot = mbo.flags.has(Flags::SNAPSHOT);
        self.doubts.clear(from_snapshot);
        self.sequence = if from_snapshot { 0 } else { mbo.sequence };
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

    fn left_at(shared: &Shared<'_>, level: u32, effect: Effect) -> Outcome {
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

    /// Takes an order off its queue, without regard to the index.
    fn discard(&mut self, shared: &mut Shared<'_>, node: u32) {
        let level = shared.slab.node(node).level;
        let side = shared.slab.node(level).level & 3;
        let (_, is_empty) = shared.slab.unlink(node);
        shared.slab.give_order(node);
        if side == GRAVEYARD {
            return;
        }
        self.changed(shared, level);
        self.orders_count -= 1;
        self.ladders.left(shared, side as usize, level, is_empty);
    }
}

/// Whether bid and offer leave no spread. An absent offer is above every bid, and an absent bid
/// is not below an offer.
#[inline(always)]
pub(super) fn is_closed(touch: &Touch) -> bool {
    touch.bid >= touch.ask && touch.bid.is_defined()
}

/// Whether a clock that shows this can be compared as the short way does.
const fn is_sound(time: Nanos) -> bool {
    time.0.cast_signed() > 0
}
