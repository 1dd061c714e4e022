//! Whole sides and whole books: top-of-book records, snapshots, and the orders that a snapshot
//! must not bring back.

use super::Shared;
use super::head::{Head, Outcome, side_index};
use super::index::Slot;
use super::slab::{Entry, NONE, PAGE_LEVELS};
use crate::event::{BookUpdate, Effect, Mbo, Touch};
use crate::types::{Flags, Price};

/// Stands in the place of a side for the orders that are gone but remembered.
pub(super) const GRAVEYARD: u32 = 2;

impl Head {
    /// Applies a record of a top-of-book schema: each side becomes one aggregated level.
    pub(super) fn on_quote(
        &mut self,
        shared: &mut Shared<'_>,
        quote: &Touch,
        update: &mut BookUpdate,
    ) {
        let mbo = update.mbo;
        self.observe(shared, &mbo);
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
        let left = self.unchanged(shared, &mbo);
        self.conclude(shared, update, Outcome { effect, ..left });
    }

    /// An add that replaces a side, or that comes from a snapshot.
    #[inline(never)]
    pub(super) fn on_special_add(&mut self, shared: &mut Shared<'_>, mbo: &Mbo) -> Outcome {
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
        self.ladders
            .joined(&mut shared.slab, side, level, to.price.0);
        self.changed(shared, level);
        self.aggregated |= 1 << side;
        self.orders_count += 1;
        true
    }

    /// Keeps a cancelled order in mind, so that a snapshot that is older does not bring it back.
    #[cold]
    pub(super) fn remember(&mut self, shared: &mut Shared<'_>, mbo: &Mbo, node: u32) {
        let Some(graveyard) = self.graveyard(shared) else {
            let book = self.ladders.book;
            shared.index.remove_node(book, mbo.order_id.0, node);
            shared.slab.give_order(node);
            return;
        };
        shared.slab.push_back(graveyard, node, remembered(mbo));
    }

    pub(super) fn remember_unknown(&mut self, shared: &mut Shared<'_>, mbo: &Mbo) {
        let (book, id) = (self.ladders.book, mbo.order_id.0);
        match shared.index.find(&shared.slab, book, id) {
            Slot::Found { node, .. } => shared.slab.node_mut(node).tag = mbo.sequence,
            Slot::Vacant { place } => {
                let Some(node) = shared.slab.take_order() else {
                    self.exhaust();
                    return;
                };
                let Some(graveyard) = self.graveyard(shared) else {
                    shared.slab.give_order(node);
                    return;
                };
                shared.slab.push_back(graveyard, node, remembered(mbo));
                shared.index.insert(&shared.slab, place, node);
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
            shared.slab.open_level(self.graveyard, Some(0), owner);
        }
        Some(self.graveyard)
    }

    /// Gives the remembered orders back.
    pub(super) fn forget(&mut self, shared: &mut Shared<'_>) {
        let graveyard = core::mem::replace(&mut self.graveyard, NONE);
        if graveyard != NONE {
            Self::give_queue(shared, self.ladders.book, graveyard);
            shared.slab.give_page(graveyard / PAGE_LEVELS);
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
            if level == NONE {
                return;
            }
            self.orders_count -= Self::give_queue(shared, self.ladders.book, level);
            shared.slab.empty_level(level);
            self.ladders.left(shared, side, level, true);
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
}

/// What a queue remembers of an order that is gone.
fn remembered(mbo: &Mbo) -> Entry {
    Entry {
        order_id: mbo.order_id.0,
        size: 0,
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
