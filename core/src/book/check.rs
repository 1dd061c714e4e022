//! Checking a book against its invariants. For the checking mode and for tests: it walks all of
//! the book, so it costs as much as the book is large.
//!
//! I1: a level's size and count are the sums over its orders, and a level is there exactly when
//! an order is. I2: a good book's best bid is below its best ask after a complete event.

use core::fmt;

use super::nodes::{LevelId, Node};
use super::view::Book;
use crate::event::Trust;
use crate::types::{BookKey, OrderId, Price, Side};

/// An invariant that does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Violation {
    /// The directory of a side is out of order, or a level is not where its price says.
    Ladder(BookKey, Side),
    /// A level's size or count is not the sum over its orders, or it has none.
    Level(BookKey, Side, Price),
    /// An order's links, level or index entry disagree.
    Order(BookKey, OrderId),
    /// The orders in the queues are not as many as the book believes.
    Count(BookKey),
    /// A book that is good is locked or crossed.
    Crossed(BookKey),
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ladder(key, side) => write!(f, "{key:?}: the {side:?} ladder is out of order"),
            Self::Level(key, side, price) => {
                write!(f, "{key:?}: {side:?} {price} is not the sum of its orders")
            }
            Self::Order(key, order_id) => {
                write!(f, "{key:?}: {order_id:?} is linked or indexed wrongly")
            }
            Self::Count(key) => write!(f, "{key:?}: queues and order count disagree"),
            Self::Crossed(key) => write!(f, "{key:?}: trusted, but locked or crossed"),
        }
    }
}

impl core::error::Error for Violation {}

impl Book<'_> {
    /// Checks everything that must hold between two records.
    ///
    /// # Errors
    ///
    /// The first invariant that does not hold.
    pub fn check(&self) -> Result<(), Violation> {
        let mut orders_count = 0;
        for (index, side) in [Side::Bid, Side::Ask].into_iter().enumerate() {
            if !self.head.ladders.is_sound(self.shared, index) {
                return Err(Violation::Ladder(self.key(), side));
            }
            for level in self.level_nodes(side) {
                orders_count += self.check_level(side, level)?;
            }
        }
        if orders_count != self.head.orders_count {
            return Err(Violation::Count(self.key()));
        }
        let touch = self.touch();
        if self.trust() == Trust::Good && (touch.is_crossed() || touch.is_locked()) {
            return Err(Violation::Crossed(self.key()));
        }
        Ok(())
    }

    /// Walks one queue both ways at once, and returns how many orders it holds.
    fn check_level(&self, side: Side, level: LevelId) -> Result<u32, Violation> {
        let nodes = &self.shared.slab.nodes;
        let head: Node = nodes[level];
        let price = Price(head.key.cast_signed());
        let (mut before, mut order) = (level.node(), head.next);
        let (mut size, mut count, mut indexed_count) = (0_u64, 0_u32, 0_u32);
        while order != level.node() {
            let node = &nodes[order];
            let indexed = self.head.find_order(self.shared, node.key) == Some(order);
            // A circle that misses the level would never end.
            let is_endless = count > self.head.orders_count;
            if node.prev != before || node.level != level || node.order_size() == 0 || is_endless {
                return Err(Violation::Order(self.key(), OrderId(node.key)));
            }
            size = size.saturating_add(u64::from(node.order_size()));
            count += 1;
            indexed_count += u32::from(indexed);
            (before, order) = (order, node.next);
        }
        // An aggregate stands for as many orders as the publisher says; the index names none of
        // its nodes.
        let is_aggregate = self.head.is_aggregated(side) && indexed_count < count;
        if !is_aggregate && indexed_count != count {
            return Err(Violation::Order(self.key(), OrderId(head.key)));
        }
        let is_summed = size == head.size && (is_aggregate || count == head.tag);
        if count == 0 || !is_summed || head.prev != before {
            return Err(Violation::Level(self.key(), side, price));
        }
        Ok(count)
    }
}
