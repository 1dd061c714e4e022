//! One book: what each record does to it.
//!
//! A head holds what is the book's own; orders, levels and index live in the pools of
//! [`Shared`]. The common path of each action is inlined into one; what a sound feed never sends
//! is out of line and counted.

use super::Shared;
use super::index::Slot;
use super::ladder::Ladders;
use super::limits::BookCounters;
use super::slab::{Entry, NONE, PAGE_LEVELS, Sum};
use super::trust::Doubts;
use crate::event::{BookUpdate, Definition, Depth, Effect, InstrumentClass, Mbo, Touch};
use crate::types::{Action, BookKey, Flags, Nanos, Price, Side};

/// The index of a side in a book; `None` has none.
#[inline(always)]
pub(super) const fn side_index(side: Side) -> Option<usize> {
    // Not a match, because bids and asks come in no order that a processor could foresee.
    let index = side as usize;
    if index < 2 { Some(index) } else { None }
}

const _: () = assert!(Side::Bid as usize == 0 && Side::Ask as usize == 1);

/// Stands in the place of a side for the orders that are gone but remembered.
const GRAVEYARD: u32 = 2;

/// What a record did, and what is left at its price and side.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outcome {
    effect: Effect,
    level_size: u64,
    level_count: u32,
}

impl Outcome {
    const fn of(effect: Effect, left: Sum) -> Self {
        Self {
            effect,
            level_size: left.size,
            level_count: left.count,
        }
    }

    const fn bare(effect: Effect) -> Self {
        Self {
            effect,
            level_size: 0,
            level_count: 0,
        }
    }
}

/// The terms that make an instrument id mean one contract and no other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Terms {
    expiration: Nanos,
    strike: Price,
    class: InstrumentClass,
}

/// Everything that is one book's own. What each record needs stands first, in few cache lines.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub(super) struct Head {
    pub(super) ladders: Ladders,
    /// After the last complete event.
    pub(super) touch: Touch,
    /// After the last complete event, if depth is watched.
    pub(super) depth: Depth,
    /// Latest of the live records; never goes back.
    pub(super) ts_event: Nanos,
    /// Latest of the live records that are not flagged bad; never goes back.
    pub(super) ts_recv: Nanos,
    pub(super) doubts: Doubts,
    /// Of the last live record; 0 when there is none to compare with.
    sequence: u32,
    /// Resting orders, without the remembered ones.
    pub(super) orders_count: u32,
    pub(super) counters: BookCounters,
    /// The level that remembers cancelled orders while a snapshot comes in, or [`NONE`].
    graveyard: u32,
    /// Bit `i`: a level of side `i` is an aggregate, one node that the index does not know.
    aggregated: u8,
    terms: Option<Terms>,
    pub(super) key: BookKey,
}

impl Head {
    pub(super) fn new(book: u32, key: BookKey) -> Self {
        Self {
            ladders: Ladders::new(book),
            touch: Touch::EMPTY,
            depth: Depth::default(),
            ts_event: Nanos(0),
            ts_recv: Nanos(0),
            sequence: 0,
            orders_count: 0,
            doubts: Doubts::new(),
            counters: BookCounters::default(),
            graveyard: NONE,
            aggregated: 0,
            terms: None,
            key,
        }
    }

    /// Applies a market-by-order record.
    #[inline(always)]
    pub(super) fn on_mbo(&mut self, shared: &mut Shared<'_>, mbo: &Mbo) -> BookUpdate {
        self.observe(shared, mbo);
        let outcome = match mbo.action {
            Action::Add => self.on_add(shared, mbo),
            Action::Cancel => self.on_cancel(shared, mbo),
            Action::Modify => self.on_modify(shared, mbo),
            Action::Clear => self.on_clear(shared, mbo),
            Action::Trade | Action::Fill | Action::None => self.unchanged(shared, mbo),
        };
        self.conclude(shared, mbo, outcome)
    }

    /// Applies a record of a top-of-book schema: each side becomes one aggregated level.
    #[inline]
    pub(super) fn on_quote(
        &mut self,
        shared: &mut Shared<'_>,
        mbo: &Mbo,
        quote: &Touch,
    ) -> BookUpdate {
        self.observe(shared, mbo);
        let bid = Aggregate {
            price: quote.bid,
            size: quote.bid_size,
            count: quote.bid_count,
            order_id: 0,
        };
        let ask = Aggregate {
            price: quote.ask,
            size: quote.ask_size,
            count: quote.ask_count,
            order_id: 0,
        };
        let mut effect = Effect::Replaced;
        for (side, aggregate) in [bid, ask].into_iter().enumerate() {
            if !self.replace_side(shared, side, aggregate) {
                effect = Effect::Refused;
            }
        }
        let left = self.unchanged(shared, mbo);
        self.conclude(shared, mbo, Outcome { effect, ..left })
    }

    /// A definition: the tick, and whether the id now means another contract.
    pub(super) fn on_definition(&mut self, shared: &mut Shared<'_>, definition: &Definition) {
        let terms = Terms {
            expiration: definition.expiration,
            strike: definition.strike,
            class: definition.class,
        };
        if self.terms.is_some_and(|known| known != terms) {
            self.counters.redefined += 1;
            self.empty(shared);
            self.touch = Touch::EMPTY;
            self.depth = Depth::default();
            self.sequence = 0;
            self.doubts = Doubts::new();
        }
        self.terms = Some(terms);
        self.ladders.set_tick(definition.tick);
    }

    /// Clocks and sequence: what a record says before it says what it does.
    #[inline(always)]
    fn observe(&mut self, shared: &Shared<'_>, mbo: &Mbo) {
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
    #[inline(always)]
    fn conclude(&mut self, shared: &mut Shared<'_>, mbo: &Mbo, outcome: Outcome) -> BookUpdate {
        if mbo.flags.has(Flags::MAYBE_BAD_BOOK) {
            self.counters.maybe_bad += 1;
            self.doubts.suspect();
        }
        // Copied from here, not from the head: what was just written in parts would have to wait
        // to be read as a whole.
        let mut touch = self.touch;
        let mut touch_changed = false;
        if mbo.flags.has(Flags::LAST) {
            let before = touch;
            if core::mem::replace(&mut self.ladders.is_touch_old, false) {
                touch = self.best(shared);
                touch_changed = differ(&touch, &before);
                self.touch = touch;
            }
            if self.ladders.is_depth_old() {
                self.ladders.read_depth(shared, &mut self.depth);
            }
            // An absent offer is above every bid; an absent bid is not below an offer.
            let is_uncrossed = touch.bid < touch.ask || !touch.bid.is_defined();
            if self.doubts.end_event(is_uncrossed) {
                self.weigh(shared, mbo, is_uncrossed);
            }
        } else if !mbo.flags.has(Flags::SNAPSHOT) {
            let counters = &mut self.counters;
            self.doubts
                .keep_open(self.ts_event, &shared.thresholds, counters);
        }
        BookUpdate {
            mbo: *mbo,
            touch,
            depth: self.depth,
            level_size: outcome.level_size,
            level_count: outcome.level_count,
            book_idx: self.ladders.book,
            effect: outcome.effect,
            trust: self.doubts.trust(),
            touch_changed,
        }
    }

    /// Weighs a doubted or crossed book at the end of an event.
    #[cold]
    fn weigh(&mut self, shared: &mut Shared<'_>, mbo: &Mbo, is_uncrossed: bool) {
        if self.touch.is_crossed() {
            self.counters.crossed += 1;
        } else if !is_uncrossed {
            self.counters.locked += 1;
        }
        let from_snapshot = mbo.flags.has(Flags::SNAPSHOT);
        self.doubts
            .weigh(is_uncrossed, from_snapshot, &shared.thresholds);
        if !self.doubts.awaits_snapshot() {
            self.forget(shared);
        }
    }

    /// The touch as the levels stand now.
    #[inline(always)]
    pub(super) fn best(&self, shared: &Shared<'_>) -> Touch {
        let [bid, ask] = self.ladders.best;
        let (bid, ask) = (shared.slab.node(bid), shared.slab.node(ask));
        Touch {
            bid: Price(bid.key.cast_signed()),
            ask: Price(ask.key.cast_signed()),
            bid_size: bid.size,
            ask_size: ask.size,
            bid_count: bid.tag,
            ask_count: ask.tag,
        }
    }

    #[inline(always)]
    fn on_add(&mut self, shared: &mut Shared<'_>, mbo: &Mbo) -> Outcome {
        if mbo.flags.0 & (Flags::TOB.0 | Flags::SNAPSHOT.0) != 0 {
            return self.on_special_add(shared, mbo);
        }
        self.add(shared, mbo)
    }

    /// A new order, unless the id is taken.
    #[inline(always)]
    fn add(&mut self, shared: &mut Shared<'_>, mbo: &Mbo) -> Outcome {
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
            Slot::Vacant { slot, hash } => self.rest(shared, mbo, side, (slot, hash)),
            Slot::Found { slot, node } => self.add_again(shared, mbo, side, slot, node),
        }
    }

    /// Puts an order into the queue of its price and into the index.
    #[inline(always)]
    fn rest(
        &mut self,
        shared: &mut Shared<'_>,
        mbo: &Mbo,
        side: usize,
        (slot, hash): (usize, u32),
    ) -> Outcome {
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
        self.ladders.changed(shared, level);
        shared.index.insert(slot, hash, order);
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
        slot: usize,
        node: u32,
    ) -> Outcome {
        let was_resting = shared.slab.node(node).size != 0;
        if was_resting && !mbo.flags.has(Flags::SNAPSHOT) && mbo.action == Action::Add {
            self.counters.duplicate_add += 1;
        }
        self.discard(shared, node);
        shared.index.remove(slot);
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
            Slot::Vacant { slot, hash } => self.rest(shared, mbo, side, (slot, hash)),
            Slot::Found { .. } => self.refused(shared, mbo),
        }
    }

    /// An add that replaces a side, or that comes from a snapshot.
    #[inline(never)]
    fn on_special_add(&mut self, shared: &mut Shared<'_>, mbo: &Mbo) -> Outcome {
        if mbo.flags.has(Flags::SNAPSHOT) {
            self.doubts.begin_snapshot(self.orders_count == 0);
            self.sequence = 0;
        }
        if mbo.flags.has(Flags::TOB) {
            return self.on_top_of_book(shared, mbo);
        }
        let book = self.ladders.book;
        if let Slot::Found { node, .. } = shared.index.find(&shared.slab, book, mbo.order_id.0) {
            // What happened live is newer than a snapshot that does not say otherwise.
            let known = shared.slab.node(node).tag;
            let is_newer = mbo.sequence.wrapping_sub(known).cast_signed() > 0;
            if mbo.sequence == 0 || !is_newer {
                self.counters.superseded += 1;
                return self.unchanged(shared, mbo);
            }
        }
        self.add(shared, mbo)
    }

    /// The publisher's whole side, in one record.
    fn on_top_of_book(&mut self, shared: &mut Shared<'_>, mbo: &Mbo) -> Outcome {
        let Some(side) = side_index(mbo.side) else {
            self.counters.missing_side += 1;
            return self.refused(shared, mbo);
        };
        let aggregate = Aggregate {
            price: mbo.price,
            size: u64::from(mbo.size),
            count: 1,
            order_id: mbo.order_id.0,
        };
        let effect = match self.replace_side(shared, side, aggregate) {
            true => Effect::Replaced,
            false => Effect::Refused,
        };
        Outcome {
            effect,
            ..self.unchanged(shared, mbo)
        }
    }

    /// Makes a side one aggregated level, or empty when it has no price or size.
    fn replace_side(&mut self, shared: &mut Shared<'_>, side: usize, to: Aggregate) -> bool {
        self.empty_side(shared, side);
        self.doubts.replaced(side);
        if !to.price.is_defined() || to.size == 0 {
            return true;
        }
        let Some(order) = shared.slab.take_order() else {
            self.exhaust();
            return false;
        };
        let Some(level) = self.ladders.open(shared, side, to.price.0) else {
            shared.slab.give_order(order);
            self.exhaust();
            return false;
        };
        let entry = Entry {
            order_id: to.order_id,
            size: to.size,
            sequence: 0,
        };
        shared.slab.push_back(level, order, entry);
        shared.slab.node_mut(level).tag = to.count;
        self.ladders.changed(shared, level);
        self.aggregated |= 1 << side;
        self.orders_count += 1;
        true
    }

    #[inline(always)]
    fn on_cancel(&mut self, shared: &mut Shared<'_>, mbo: &Mbo) -> Outcome {
        let book = self.ladders.book;
        let Slot::Found { slot, node } = shared.index.find(&shared.slab, book, mbo.order_id.0)
        else {
            return self.cancel_unknown(shared, mbo);
        };
        let size = u64::from(mbo.size);
        let resting = shared.slab.node(node).size;
        if size == 0 || size > resting {
            return self.cancel_irregular(shared, mbo, slot, node);
        }
        if size == resting {
            return self.remove(shared, mbo, slot, node);
        }
        let left = shared.slab.reduce(node, size, mbo.sequence);
        self.ladders.changed(shared, shared.slab.node(node).level);
        Outcome::of(Effect::Reduced, left)
    }

    /// Takes an order out of its queue and out of the index.
    #[inline(always)]
    fn remove(&mut self, shared: &mut Shared<'_>, mbo: &Mbo, slot: usize, node: u32) -> Outcome {
        let level = shared.slab.node(node).level;
        let (left, is_empty) = shared.slab.unlink(node);
        self.ladders.changed(shared, level);
        if is_empty {
            let side = (shared.slab.node(level).level & 3) as usize;
            self.ladders.close(shared, side, level);
        }
        self.orders_count -= 1;
        if self.doubts.awaits_snapshot() {
            self.remember(shared, mbo, node);
        } else {
            shared.slab.give_order(node);
            shared.index.remove(slot);
        }
        Outcome::of(Effect::Removed, left)
    }

    /// A cancel of nothing, of more than there is, or of an order that is gone already.
    #[cold]
    fn cancel_irregular(
        &mut self,
        shared: &mut Shared<'_>,
        mbo: &Mbo,
        slot: usize,
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
        self.remove(shared, mbo, slot, node)
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

    /// Keeps a cancelled order in mind, so that a snapshot that is older does not bring it back.
    #[cold]
    fn remember(&mut self, shared: &mut Shared<'_>, mbo: &Mbo, node: u32) {
        let Some(graveyard) = self.graveyard(shared) else {
            let book = self.ladders.book;
            shared.index.remove_node(book, mbo.order_id.0, node);
            shared.slab.give_order(node);
            return;
        };
        let entry = Entry {
            order_id: mbo.order_id.0,
            size: 0,
            sequence: mbo.sequence,
        };
        shared.slab.push_back(graveyard, node, entry);
    }

    fn remember_unknown(&mut self, shared: &mut Shared<'_>, mbo: &Mbo) {
        let (book, id) = (self.ladders.book, mbo.order_id.0);
        match shared.index.find(&shared.slab, book, id) {
            Slot::Found { node, .. } => shared.slab.node_mut(node).tag = mbo.sequence,
            Slot::Vacant { slot, hash } => {
                let Some(node) = shared.slab.take_order() else {
                    self.exhaust();
                    return;
                };
                shared.index.insert(slot, hash, node);
                self.remember(shared, mbo, node);
            }
        }
    }

    /// The level of the remembered orders, in a page of its own.
    fn graveyard(&mut self, shared: &mut Shared<'_>) -> Option<u32> {
        if self.graveyard == NONE {
            let Some(page) = shared.slab.take_page() else {
                self.exhaust();
                return None;
            };
            self.graveyard = page * PAGE_LEVELS;
            let owner = self.ladders.owner(0) | GRAVEYARD;
            shared.slab.open_level(self.graveyard, 0, owner);
        }
        Some(self.graveyard)
    }

    /// Gives the remembered orders back.
    fn forget(&mut self, shared: &mut Shared<'_>) {
        let graveyard = core::mem::replace(&mut self.graveyard, NONE);
        if graveyard != NONE {
            Self::give_queue(shared, self.ladders.book, graveyard);
            shared.slab.give_page(graveyard / PAGE_LEVELS);
        }
    }

    #[inline(always)]
    fn on_modify(&mut self, shared: &mut Shared<'_>, mbo: &Mbo) -> Outcome {
        let book = self.ladders.book;
        let Slot::Found { slot, node } = shared.index.find(&shared.slab, book, mbo.order_id.0)
        else {
            return self.modify_unknown(shared, mbo);
        };
        let order = *shared.slab.node(node);
        let level = shared.slab.node(order.level);
        let (owner, price) = (level.level & 3, level.key.cast_signed());
        let side = side_index(mbo.side).unwrap_or(owner as usize);
        let size = u64::from(mbo.size);
        if size == 0 || order.size == 0 || !mbo.price.is_defined() {
            return self.modify_irregular(shared, mbo, slot, node);
        }
        if price != mbo.price.0 || size > order.size || side != owner as usize {
            return self.requeue(shared, mbo, side, node);
        }
        if size == order.size {
            shared.slab.node_mut(node).tag = mbo.sequence;
            return Self::left_at(shared, order.level, Effect::None);
        }
        let left = shared.slab.reduce(node, order.size - size, mbo.sequence);
        self.ladders.changed(shared, order.level);
        Outcome::of(Effect::Reduced, left)
    }

    /// Sends an order to the back of the queue at its new price.
    #[inline(always)]
    fn requeue(&mut self, shared: &mut Shared<'_>, mbo: &Mbo, side: usize, node: u32) -> Outcome {
        let Some(to) = self.ladders.open(shared, side, mbo.price.0) else {
            return self.exhausted(shared, mbo);
        };
        // Read after opening, which may have moved every level to a finer grid.
        let from = shared.slab.node(node).level;
        let (_, is_empty) = shared.slab.unlink(node);
        let left = shared.slab.push_back(to, node, entry(mbo));
        self.ladders.changed(shared, from);
        self.ladders.changed(shared, to);
        if is_empty && from != to {
            let side = (shared.slab.node(from).level & 3) as usize;
            self.ladders.close(shared, side, from);
        }
        Outcome::of(Effect::Requeued, left)
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
        slot: usize,
        node: u32,
    ) -> Outcome {
        if shared.slab.node(node).size == 0 {
            return self.modify_unknown(shared, mbo);
        }
        if mbo.size == 0 {
            self.counters.zero_size += 1;
            return self.remove(shared, mbo, slot, node);
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
    fn unchanged(&self, shared: &Shared<'_>, mbo: &Mbo) -> Outcome {
        let found = match side_index(mbo.side) {
            Some(side) => self.ladders.find(shared, side, mbo.price.0),
            None => None,
        };
        match found {
            Some(level) => Self::left_at(shared, level, Effect::None),
            None => Outcome::bare(Effect::None),
        }
    }

    #[inline(always)]
    fn left_at(shared: &Shared<'_>, level: u32, effect: Effect) -> Outcome {
        let level = shared.slab.node(level);
        Outcome {
            effect,
            level_size: level.size,
            level_count: level.tag,
        }
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

    fn refused(&self, shared: &Shared<'_>, mbo: &Mbo) -> Outcome {
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

    fn exhaust(&mut self) {
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
        self.ladders.changed(shared, level);
        self.orders_count -= 1;
        if is_empty {
            self.ladders.close(shared, side as usize, level);
        }
    }

    fn empty(&mut self, shared: &mut Shared<'_>) {
        self.empty_side(shared, 0);
        self.empty_side(shared, 1);
        self.forget(shared);
    }

    fn empty_side(&mut self, shared: &mut Shared<'_>, side: usize) {
        self.aggregated &= !(1 << side);
        self.ladders.emptied(shared, side);
        loop {
            let level = self.ladders.best[side];
            if level == NONE {
                return;
            }
            self.orders_count -= Self::give_queue(shared, self.ladders.book, level);
            self.ladders.close(shared, side, level);
        }
    }

    /// Gives every order of a queue back, and returns how many there were.
    fn give_queue(shared: &mut Shared<'_>, book: u32, level: u32) -> u32 {
        let mut count = 0;
        let mut order = shared.slab.node(level).next;
        while order != level {
            let node = *shared.slab.node(order);
            shared.index.remove_node(book, node.key, order);
            shared.slab.give_order(order);
            order = node.next;
            count += 1;
        }
        count
    }

    /// The node of a resting order.
    pub(super) fn find_order(&self, shared: &Shared<'_>, order_id: u64) -> Option<u32> {
        let book = self.ladders.book;
        match shared.index.find(&shared.slab, book, order_id) {
            Slot::Found { node, .. } if shared.slab.node(node).size > 0 => Some(node),
            _ => None,
        }
    }

    /// Whether a level of the side is an aggregate.
    pub(super) fn is_aggregated(&self, side: Side) -> bool {
        side_index(side).is_some_and(|side| self.aggregated & 1 << side != 0)
    }
}

/// Whether two touches differ. All fields at once: which one it is cannot be foreseen.
#[inline(always)]
fn differ(a: &Touch, b: &Touch) -> bool {
    let prices = (a.bid.0 ^ b.bid.0) | (a.ask.0 ^ b.ask.0);
    let sizes = (a.bid_size ^ b.bid_size) | (a.ask_size ^ b.ask_size);
    let counts = (a.bid_count ^ b.bid_count) | (a.ask_count ^ b.ask_count);
    prices.cast_unsigned() | sizes | u64::from(counts) != 0
}

/// The order that a record puts into a queue.
#[inline(always)]
fn entry(mbo: &Mbo) -> Entry {
    Entry {
        order_id: mbo.order_id.0,
        size: u64::from(mbo.size),
        sequence: mbo.sequence,
    }
}

/// A level that stands for several orders, as the publisher sums them up.
#[derive(Clone, Copy, Debug)]
struct Aggregate {
    price: Price,
    size: u64,
    count: u32,
    order_id: u64,
}
