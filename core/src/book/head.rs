//! One book's own state; orders, levels and index live in the pools of [`Shared`].
//!
//! A record goes one of two ways. What a sound feed says to a sound book takes the way of
//! `regular`, which is short; everything else takes that of `irregular`, which knows
//! every case and is out of line. Both leave the same state: the second could do all of it.
//! Whole sides, snapshots and what they must not bring back are in `replace`.

use super::Shared;
use super::ladder::{DepthWatch, Ladders};
use super::limits::BookCounters;
use super::nodes::{LevelId, NodeId};
use super::slab::{Entry, Sum};
use super::trust::{Doubts, Evidence};
use crate::event::{BookUpdate, Definition, Depth, Effect, InstrumentClass, Mbo, Touch};
use crate::types::{BookKey, Nanos, Price, Side};

/// The index of a side in a book; `None` has none.
#[inline(always)]
pub(super) const fn side_index(side: Side) -> Option<usize> {
    match side {
        Side::None => None,
        Side::Bid | Side::Ask => Some(side as usize & 1),
    }
}

/// What a record did, and what is left at its price and side.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outcome {
    pub(super) effect: Effect,
    pub(super) level_size: u64,
    pub(super) level_count: u32,
}

impl Outcome {
    #[inline(always)]
    pub(super) const fn of(effect: Effect, left: Sum) -> Self {
        Self {
            effect,
            level_size: left.size,
            level_count: left.count,
        }
    }

    pub(super) const fn bare(effect: Effect) -> Self {
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

/// The latest times and number that a book has seen of its live records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Clocks {
    /// Never goes back.
    pub(super) ts_event: Nanos,
    /// Of those that are not flagged bad; never goes back.
    pub(super) ts_recv: Nanos,
    /// 0 when there is none to compare with.
    pub(super) sequence: u32,
}

impl Clocks {
    const fn of(mbo: &Mbo) -> Self {
        Self {
            ts_event: mbo.ts_event,
            ts_recv: mbo.ts_recv,
            sequence: mbo.sequence,
        }
    }

    /// Whether they can be compared as the short way does.
    const fn are_sound(&self) -> bool {
        self.ts_event.0.cast_signed() > 0 && self.ts_recv.0.cast_signed() > 0
    }
}

/// Everything that is one book's own, in the order of need: the ladders; what else each record
/// needs; what was said of the last record, which begins with the record and ends with the depth;
/// and what is seldom needed.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub(super) struct Head {
    pub(super) ladders: Ladders,
    /// Records applied or refused.
    pub(super) records: u64,
    /// Resting orders, without the remembered ones.
    pub(super) orders_count: u32,
    /// Bit `i`: a level of side `i` is an aggregate, whose nodes the index does not know.
    pub(super) aggregated: u8,
    pub(super) doubts: Doubts,
    /// What was said of the last record. Touch and depth are those after the last complete event.
    pub(super) update: BookUpdate,
    /// If depth is watched.
    pub(super) depth: DepthWatch,
    /// Those of the last record, unless the doubts say that they are apart; then they are here.
    pub(super) clocks: Clocks,
    pub(super) evidence: Evidence,
    /// All but the records.
    pub(super) counters: BookCounters,
    /// The level that remembers cancelled orders while a snapshot comes in, or
    /// [`LevelId::NONE`].
    pub(super) graveyard: LevelId,
    pub(super) key: BookKey,
    terms: Option<Terms>,
}

// Two lines of pages, one for each side, one of what each record needs, two of what is said of
// it, and one of depth.
const _: () = assert!(core::mem::offset_of!(Head, update) == 64 * 3);
const _: () = assert!(core::mem::offset_of!(BookUpdate, depth) <= 64 * 2);
const _: () = assert!(core::mem::offset_of!(Head, clocks) <= 64 * 6);

impl Head {
    pub(super) fn new(book: u32, key: BookKey) -> Self {
        Self {
            ladders: Ladders::new(book),
            update: BookUpdate {
                book_idx: book,
                ..BookUpdate::default()
            },
            records: 0,
            orders_count: 0,
            aggregated: 0,
            doubts: Doubts::new(),
            evidence: Evidence::default(),
            depth: DepthWatch::new(),
            clocks: Clocks::default(),
            counters: BookCounters::default(),
            graveyard: LevelId::NONE,
            key,
            terms: None,
        }
    }

    /// Calls for what a record of this side will need.
    #[inline(always)]
    pub(super) fn prefetch(&self, side: usize, watches_depth: bool) {
        self.ladders.prefetch(side);
        crate::prefetch::read(&self.records);
        crate::prefetch::start(&self.update, if watches_depth { 3 } else { 2 });
    }

    /// The latest times and number of its live records.
    pub(super) const fn clocks(&self) -> Clocks {
        if self.doubts.are_clocks_apart() {
            self.clocks
        } else {
            Clocks::of(&self.update.mbo)
        }
    }

    /// Keeps the clocks in the last record, if it shows what they show.
    pub(super) fn settle_clocks(&mut self) {
        let are_apart = self.clocks != Clocks::of(&self.update.mbo) || !self.clocks.are_sound();
        self.doubts.set_clocks_apart(are_apart);
    }

    /// What it met.
    pub(super) const fn counters(&self) -> BookCounters {
        BookCounters {
            records: self.records,
            ..self.counters
        }
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
            self.update.touch = Touch::EMPTY;
            self.update.depth = Depth::default();
            self.clocks = Clocks {
                sequence: 0,
                ..self.clocks()
            };
            (self.doubts, self.evidence) = (Doubts::new(), Evidence::default());
        }
        self.terms = Some(terms);
        self.ladders.set_tick(shared, definition.tick);
    }

    /// The touch as the levels stand now.
    #[inline(always)]
    pub(super) fn best(&self, shared: &Shared<'_>) -> Touch {
        let [bid, ask] = self.ladders.best;
        let (bid, ask) = (&shared.slab.nodes[bid], &shared.slab.nodes[ask]);
        Touch {
            bid: Price(bid.key.cast_signed()),
            ask: Price(ask.key.cast_signed()),
            bid_size: bid.size,
            ask_size: ask.size,
            bid_count: bid.tag,
            ask_count: ask.tag,
        }
    }

    /// Notes that the queue of a level of this side is not what it was.
    #[inline(always)]
    pub(super) fn changed(&mut self, shared: &Shared<'_>, side: usize, level: LevelId) {
        self.ladders.changed(shared, &self.depth, side, level);
    }

    /// Notes that a level of this side has gained or lost size. It is steady when it was open
    /// before and still is, and the event ends with this record: asked only if depth is watched,
    /// for the answer cannot be foreseen.
    #[inline(always)]
    pub(super) fn resized(
        &mut self,
        shared: &Shared<'_>,
        side: usize,
        level: LevelId,
        by: i64,
        is_steady: bool,
    ) {
        if !shared.watches_depth {
            return;
        }
        if is_steady {
            let sums = &mut self.update.depth;
            self.ladders
                .shifted(shared, &self.depth, sums, (side, level), by);
        } else {
            self.changed(shared, side, level);
        }
    }

    /// Sums the depth anew where it may have changed.
    #[inline(always)]
    pub(super) fn read_depth(&mut self, shared: &Shared<'_>) {
        if self.ladders.is_depth_old() {
            let sums = &mut self.update.depth;
            self.depth.read(&mut self.ladders, shared, sums);
        }
    }

    /// The node of a resting order.
    pub(super) fn find_order(&self, shared: &Shared<'_>, order_id: u64) -> Option<NodeId> {
        let order = self.find(shared, order_id);
        let rests = order != NodeId::NONE && shared.slab.nodes[order].order_size() > 0;
        rests.then_some(order)
    }

    /// Whether a level of the side is an aggregate.
    pub(super) fn is_aggregated(&self, side: Side) -> bool {
        side_index(side).is_some_and(|side| self.aggregated & 1 << side != 0)
    }
}

/// Whether two touches differ. All fields at once: which one it is cannot be foreseen.
#[inline(always)]
pub(super) fn differ(a: &Touch, b: &Touch) -> bool {
    let prices = (a.bid.0 ^ b.bid.0) | (a.ask.0 ^ b.ask.0);
    let sizes = (a.bid_size ^ b.bid_size) | (a.ask_size ^ b.ask_size);
    let counts = (a.bid_count ^ b.bid_count) | (a.ask_count ^ b.ask_count);
    prices.cast_unsigned() | sizes | u64::from(counts) != 0
}

/// The order that a record puts into a queue, with what follows it in the index.
#[inline(always)]
pub(super) const fn entry(mbo: &Mbo, follower: u32) -> Entry {
    Entry {
        order_id: mbo.order_id.0,
        size: mbo.size,
        sequence: mbo.sequence,
        follower,
    }
}
