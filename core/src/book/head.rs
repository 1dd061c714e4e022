//! One book's own state; orders, levels and index live in the pools of [`Shared`].
//!
//! A record goes one of two ways. What a sound feed says to a sound book takes the way of
//! `regular`, which is short and inlined; everything else takes that of `irregular`, which knows
//! every case and is out of line. Both leave the same state: the second could do all of it.
//! Whole sides, snapshots and what they must not bring back are in `replace`.

use super::Shared;
use super::index::Slot;
use super::ladder::{DepthWatch, Ladders};
use super::limits::BookCounters;
use super::slab::{Entry, NONE, Sum};
use super::trust::Doubts;
use crate::event::{BookUpdate, Definition, Depth, Effect, InstrumentClass, Mbo, Touch};
use crate::types::{BookKey, Nanos, Price, Side};

/// The index of a side in a book; `None` has none.
#[inline(always)]
pub(super) const fn side_index(side: Side) -> Option<usize> {
    // Not a match, because bids and asks come in no order that a processor could foresee.
    let index = side as usize;
    if index < 2 { Some(index) } else { None }
}

const _: () = assert!(Side::Bid as usize == 0 && Side::Ask as usize == 1);

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

/// Everything that is one book's own, by cache line: the ladders, then the clocks and what there
/// is to doubt, then the touch, which each record needs; what is seldom needed; and the depth, if
/// it is watched.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub(super) struct Head {
    pub(super) ladders: Ladders,
    /// Latest of the live records; never goes back.
    pub(super) ts_event: Nanos,
    /// Latest of the live records that are not flagged bad; never goes back.
    pub(super) ts_recv: Nanos,
    /// Of the last live record; 0 when there is none to compare with.
    pub(super) sequence: u32,
    /// Resting orders, without the remembered ones.
    pub(super) orders_count: u32,
    pub(super) doubts: Doubts,
    /// After the last complete event.
    pub(super) touch: Touch,
    /// The records are the first of them.
    pub(super) counters: BookCounters,
    /// The level that remembers cancelled orders while a snapshot comes in, or [`NONE`].
    pub(super) graveyard: u32,
    /// Bit `i`: a level of side `i` is an aggregate, one node that the index does not know.
    pub(super) aggregated: u8,
    pub(super) key: BookKey,
    terms: Option<Terms>,
    /// After the last complete event, if depth is watched.
    pub(super) depth: DepthWatch,
}

const _: () = assert!(core::mem::offset_of!(Head, ts_event) == 64);
const _: () = assert!(core::mem::offset_of!(Head, counters) + size_of::<u64>() <= 192);
const _: () = assert!(size_of::<Head>() == 448);
const _: () = assert!(core::mem::offset_of!(Head, depth) % 64 == 0);

impl Head {
    pub(super) fn new(book: u32, key: BookKey) -> Self {
        Self {
            ladders: Ladders::new(book),
            ts_event: Nanos(0),
            ts_recv: Nanos(0),
            sequence: 0,
            orders_count: 0,
            doubts: Doubts::new(),
            touch: Touch::EMPTY,
            counters: BookCounters::default(),
            graveyard: NONE,
            aggregated: 0,
            terms: None,
            key,
            depth: DepthWatch::new(),
        }
    }

    /// Makes `update` one of this book, as it stands between two records.
    #[inline(always)]
    pub(super) fn show(&self, shared: &Shared<'_>, update: &mut BookUpdate) {
        update.touch = self.touch;
        // Otherwise it is zero, and a line of its own that need not be read.
        if shared.watches_depth {
            update.depth = self.depth.sums;
        }
        update.book_idx = self.ladders.book;
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
            self.depth.sums = Depth::default();
            self.sequence = 0;
            self.doubts = Doubts::new();
        }
        self.terms = Some(terms);
        self.ladders.set_tick(shared, definition.tick);
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

    /// Notes that the queue of a level is not what it was.
    #[inline(always)]
    pub(super) fn changed(&mut self, shared: &Shared<'_>, level: u32) {
        self.ladders.changed(shared, &self.depth, level);
    }

    /// Notes that a level has gained or lost size. It is steady when it was open before and still
    /// is, and the event ends with this record: asked only if depth is watched, for the answer
    /// cannot be foreseen.
    #[inline(always)]
    pub(super) fn resized(
        &mut self,
        shared: &Shared<'_>,
        level: u32,
        by: i64,
        is_steady: impl FnOnce() -> bool,
    ) {
        if !shared.watches_depth {
            return;
        }
        if is_steady() {
            self.ladders.shifted(shared, &mut self.depth, level, by);
        } else {
            self.changed(shared, level);
        }
    }

    /// Sums the depth anew where it may have changed.
    pub(super) fn read_depth(&mut self, shared: &Shared<'_>) {
        self.depth.read(&mut self.ladders, shared);
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
pub(super) fn differ(a: &Touch, b: &Touch) -> bool {
    let prices = (a.bid.0 ^ b.bid.0) | (a.ask.0 ^ b.ask.0);
    let sizes = (a.bid_size ^ b.bid_size) | (a.ask_size ^ b.ask_size);
    let counts = (a.bid_count ^ b.bid_count) | (a.ask_count ^ b.ask_count);
    prices.cast_unsigned() | sizes | u64::from(counts) != 0
}

/// The order that a record puts into a queue.
#[inline(always)]
pub(super) fn entry(mbo: &Mbo) -> Entry {
    Entry {
        order_id: mbo.order_id.0,
        size: u64::from(mbo.size),
        sequence: mbo.sequence,
    }
}
