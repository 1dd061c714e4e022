//! Reading a book: levels best first, queues in priority order, an order and its place.
//!
//! Nothing here changes anything, and nothing here is on the path of a record. Depth and queues
//! show the levels as they stand; between the records of one event that is not yet the market.

use super::Shared;
use super::head::{Head, side_index};
use super::ladder::queue;
use super::limits::BookCounters;
use super::nodes::LevelId;
use crate::event::{Touch, Trust};
use crate::types::{BookKey, Nanos, OrderId, Price, Side};

/// A book, for reading.
#[derive(Clone, Copy, Debug)]
pub struct Book<'b> {
    pub(super) head: &'b Head,
    pub(super) shared: &'b Shared<'b>,
}

/// A price level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Level {
    /// Its price.
    pub price: Price,
    /// Displayed size, the sum over its orders.
    pub size: u64,
    /// How many orders.
    pub count: u32,
}

/// An order in its queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Resting {
    /// Its id.
    pub order_id: OrderId,
    /// Its displayed size.
    pub size: u64,
}

/// Where an order stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    /// Its price.
    pub price: Price,
    /// Its side.
    pub side: Side,
    /// Its displayed size.
    pub size: u64,
    /// Displayed size that trades before it at its price.
    pub ahead_size: u64,
    /// Orders that trade before it at its price.
    pub ahead_count: u32,
}

/// One side, summed up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Totals {
    /// Displayed size.
    pub size: u64,
    /// Orders.
    pub orders: u64,
    /// Price levels.
    pub levels: u64,
}

impl<'b> Book<'b> {
    pub(super) const fn new(head: &'b Head, shared: &'b Shared<'b>) -> Self {
        Self { head, shared }
    }

    /// Which instrument, as which publisher shows it.
    #[must_use]
    pub const fn key(&self) -> BookKey {
        self.head.key
    }

    /// How far it is to be believed.
    #[must_use]
    pub const fn trust(&self) -> Trust {
        self.head.doubts.trust()
    }

    /// What it met.
    #[must_use]
    pub const fn counters(&self) -> BookCounters {
        self.head.counters()
    }

    /// The touch after the last complete event.
    #[must_use]
    pub const fn touch(&self) -> Touch {
        self.head.update.touch
    }

    /// Whether records have come since the last complete event.
    #[must_use]
    pub const fn is_event_open(&self) -> bool {
        self.head.doubts.is_open()
    }

    /// The latest `ts_event` of its live records. Never goes back.
    #[must_use]
    pub const fn ts_event(&self) -> Nanos {
        self.head.clocks().ts_event
    }

    /// The latest `ts_recv` of its live records that is not flagged bad. Never goes back.
    #[must_use]
    pub const fn ts_recv(&self) -> Nanos {
        self.head.clocks().ts_recv
    }

    /// The levels of a side, best first.
    pub fn depth(&self, side: Side) -> impl Iterator<Item = Level> + use<'b> {
        let shared = self.shared;
        self.level_nodes(side).map(move |level| {
            let node = &shared.slab.nodes[level];
            Level {
                price: Price(node.key.cast_signed()),
                size: node.size,
                count: node.tag,
            }
        })
    }

    /// The level at a price, if it has orders.
    #[must_use]
    pub fn level(&self, side: Side, price: Price) -> Option<Level> {
        let level = self
            .head
            .ladders
            .find(self.shared, side_index(side)?, price.0)?;
        let node = &self.shared.slab.nodes[level];
        (node.next != level.node()).then_some(Level {
            price,
            size: node.size,
            count: node.tag,
        })
    }

    /// The orders at a price, first to trade first.
    pub fn queue(&self, side: Side, price: Price) -> impl Iterator<Item = Resting> + use<'b> {
        let shared = self.shared;
        let side = side_index(side);
        let level = side.and_then(|side| self.head.ladders.find(shared, side, price.0));
        let orders = level
            .into_iter()
            .flat_map(|level| queue(&shared.slab.nodes, level));
        orders.map(move |order| {
            let node = &shared.slab.nodes[order];
            Resting {
                order_id: OrderId(node.key),
                size: u64::from(node.order_size()),
            }
        })
    }

    /// Where an order stands, if it rests. Costs one step per order ahead of it.
    #[must_use]
    pub fn order(&self, order_id: OrderId) -> Option<Place> {
        let nodes = &self.shared.slab.nodes;
        let found = self.head.find_order(self.shared, order_id.0)?;
        let order = &nodes[found];
        let ahead = queue(nodes, order.level).take_while(|&other| other != found);
        let (mut ahead_size, mut ahead_count) = (0, 0);
        for other in ahead {
            ahead_size += u64::from(nodes[other].order_size());
            ahead_count += 1;
        }
        Some(Place {
            price: Price(nodes[order.level].key.cast_signed()),
            side: match self.shared.side_of(order.level) {
                0 => Side::Bid,
                _ => Side::Ask,
            },
            size: u64::from(order.order_size()),
            ahead_size,
            ahead_count,
        })
    }

    /// One side, summed up.
    #[must_use]
    pub fn totals(&self, side: Side) -> Totals {
        self.depth(side)
            .fold(Totals::default(), |sum, level| Totals {
                size: sum.size + level.size,
                orders: sum.orders + u64::from(level.count),
                levels: sum.levels + 1,
            })
    }

    /// Hash over every order of every queue, in order. Equal books give equal hashes, however
    /// they came about and wherever their orders lie in memory.
    #[must_use]
    pub fn hash(&self) -> u64 {
        let key = self.head.key;
        let mut hash = mix(
            u64::from(key.publisher_id.0),
            u64::from(key.instrument_id.0),
        );
        for side in [Side::Bid, Side::Ask] {
            hash = mix(hash, side.index() as u64);
            for level in self.depth(side) {
                hash = mix(hash, level.price.0.cast_unsigned());
                for order in self.queue(side, level.price) {
                    hash = mix(mix(hash, order.order_id.0), order.size);
                }
            }
        }
        hash
    }

    /// The levels of a side as nodes, best first.
    pub(super) fn level_nodes(&self, side: Side) -> impl Iterator<Item = LevelId> + use<'b> {
        let shared = self.shared;
        let ladders = &self.head.ladders;
        let levels = side_index(side).map(|side| ladders.levels(shared, side));
        levels.into_iter().flatten()
    }
}

/// One round of a multiplicative hash.
pub(super) const fn mix(hash: u64, value: u64) -> u64 {
    let mixed = (hash ^ value).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    mixed ^ mixed >> 29
}
