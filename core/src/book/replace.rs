//! Whole sides and whole books: top-of-book records, snapshots, and the orders that a snapshot
//! must not bring back.

use super::Shared;
use super::head::{Head, Outcome, entry, side_index};
use super::nodes::{LevelId, NodeId};
use super::slab::{Entry, push_back};
use crate::event::{Effect, Mbo, Touch};
use crate::types::{Flags, Price};

/// Stands in the place of a side for the orders that are gone but remembered.
pub(super) const GRAVEYARD: u32 = 2;

impl Head {
    /// Applies a record of a top-of-book schema: each side becomes one aggregated level.
    pub(super) fn on_quote(&mut self, shared: &mut Shared<'_>, mbo: &Mbo, quote: &Touch) {
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
        self.conclude(shared, Outcome { effect, ..left });
    }

    /// An add that replaces a side, or that comes from a snapshot.
    #[inline(never)]
    pub(super) fn on_special_add(&mut self, shared: &mut Shared<'_>, mbo: &Mbo) -> Outcome {
        if mbo.flags.has(Flags::SNAPSHOT) {
            self.doubts
                .begin_snapshot(&mut self.evidence, self.orders_count == 0);
            self.clocks.sequence = 0;
        }
        if mbo.flags.has(Flags::TOB) {
            return self.on_top_of_book(shared, mbo);
        }
        let known = self.find(shared, mbo.order_id.0);
        if known != NodeId::NONE {
            // What happened live is newer than a snapshot that does not say otherwise.
            let sequence = shared.slab.nodes[known].tag;
            let is_newer = mbo.sequence.wrapping_sub(sequence).cast_signed() > 0;
            if mbo.sequence == 0 || !is_newer {
                self.counters.superseded += 1;
                return self.unchanged(shared, mbo);
            }
        }
        self.add(shared, mbo, known)
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
        // An order's size has 32 bits. What has more stands as several.
        let needed = to.size.div_ceil(u64::from(u32::MAX));
        if needed > u64::from(shared.slab.free_orders()) {
            self.exhaust();
            return false;
        }
        let Some(level) = self.ladders.open(shared, side, to.price.0) else {
            self.exhaust();
            return false;
        };
        let mut rest = to.size;
        while rest > 0
            && let Some(order) = shared.slab.take_order()
        {
            let entry = Entry {
                order_id: to.order_id,
                size: u32::try_from(rest).unwrap_or(u32::MAX),
                sequence: 0,
                follower: NodeId::NONE.number(),
            };
            push_back(&mut shared.slab.nodes, level, order, entry);
            self.orders_count += 1;
            rest -= u64::from(entry.size);
        }
        shared.slab.nodes[level].tag = to.count;
        self.ladders
            .joined(&mut shared.slab, side, level, to.price.0);
        self.changed(shared, side, level);
        self.aggregated |= 1 << side;
        true
    }

    /// Keeps a cancelled order in mind, so that a snapshot that is older does not bring it back.
    #[cold]
    pub(super) fn remember(&mut self, shared: &mut Shared<'_>, mbo: &Mbo, order: NodeId) {
        let Some(graveyard) = self.graveyard(shared) else {
            return shared.forget_order(self.ladders.book, mbo.order_id.0, order);
        };
        let entry = remembered(mbo, shared.slab.nodes[order].follower());
        push_back(&mut shared.slab.nodes, graveyard, order, entry);
    }

    pub(super) fn remember_unknown(&mut self, shared: &mut Shared<'_>, mbo: &Mbo) {
        let known = self.find(shared, mbo.order_id.0);
        if known != NodeId::NONE {
            shared.slab.nodes[known].tag = mbo.sequence;
            return;
        }
        let Some(order) = shared.take_order() else {
            self.exhaust();
            return;
        };
        let Some(graveyard) = self.graveyard(shared) else {
            shared.slab.give_order(order);
            return;
        };
        let bucket = shared.index.bucket(self.ladders.book, mbo.order_id.0);
        let entry = remembered(mbo, shared.index.push(bucket, order));
        push_back(&mut shared.slab.nodes, graveyard, order, entry);
    }

    /// The level of the remembered orders, in a page of its own.
    fn graveyard(&mut self, shared: &mut Shared<'_>) -> Option<LevelId> {
        if self.graveyard == LevelId::NONE {
            let owner = self.ladders.owner(0) | GRAVEYARD;
            let Some(page) = shared.slab.take_page(owner) else {
                self.exhaust();
                return None;
            };
            self.graveyard = page.level(0);
        }
        Some(self.graveyard)
    }

    /// Gives the remembered orders back.
    pub(super) fn forget(&mut self, shared: &mut Shared<'_>) {
        let graveyard = core::mem::replace(&mut self.graveyard, LevelId::NONE);
        if graveyard != LevelId::NONE {
            Self::give_queue(shared, self.ladders.book, graveyard);
            shared.slab.empty_level(graveyard);
            shared.slab.give_page(graveyard.page());
        }
    }

    pub(super) fn empty(&mut self, shared: &mut Shared<'_>) {
        self.empty_side(shared, 0);
        self.empty_side(shared, 1);
        self.forget(shared);
    }

    fn empty_side(&mut self, shared: &mut Shared<'_>, side: usize) {
        self.aggregated &= !(1 << side);
        self.ladders.emptied(shared, side);
        loop {
            let level = self.ladders.best[side];
            if level == LevelId::NONE {
                return;
            }
            self.orders_count -= Self::give_queue(shared, self.ladders.book, level);
            shared.slab.empty_level(level);
            self.ladders.left(shared, side, level, true);
        }
    }

    /// Gives every order of a queue back, and returns how many there were.
    fn give_queue(shared: &mut Shared<'_>, book: u32, level: LevelId) -> u32 {
        let mut count = 0;
        let mut order = shared.slab.nodes[level].next;
        while order != level.node() {
            let node = shared.slab.nodes[order];
            shared.forget_order(book, node.key, order);
            order = node.next;
            count += 1;
        }
        count
    }
}

/// What a queue remembers of an order that is gone.
fn remembered(mbo: &Mbo, follower: u32) -> Entry {
    Entry {
        size: 0,
        ..entry(mbo, follower)
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
