//! The node slab: orders and price levels as 32-byte nodes of one array, shared by all books.
//!
//! A level is the sentinel of the circular queue of its orders, so joining and leaving a queue
//! has no branch for its ends. Levels come in pages of 16, each of which has its price from when
//! the page is handed out, with orders or without; orders come one by one. Both are from free
//! lists that are full at construction and never grow. Node 0 belongs to a page that is never
//! handed out, so 0 means "no node"; it reads as a level without price, size or orders.

use bumpalo::Bump;

use super::limits::{BookLimits, LimitError, filled};
use crate::types::Price;

/// "No node", "no page".
pub(super) const NONE: u32 = 0;

/// Owner of a level of a page that nobody has. No book has such a number.
const NOBODY: u32 = u32::MAX;

/// Levels in one page.
pub(super) const PAGE_LEVELS: u32 = 16;

/// An order, or the level that heads a queue of orders.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(32))]
pub(super) struct Node {
    /// The order's id; a level's price, bit for bit.
    pub(super) key: u64,
    /// The order's size; the sum of sizes of a level.
    pub(super) size: u64,
    /// The order behind; the level itself after the last. Links the free list too.
    pub(super) next: u32,
    /// The order ahead; the level itself before the first.
    pub(super) prev: u32,
    /// The order's level; the owner of a level.
    pub(super) level: u32,
    /// The `sequence` that last touched the order; the number of orders of a level.
    pub(super) tag: u32,
}

const _: () = assert!(size_of::<Node>() == 32, "two nodes to a cache line");

impl Node {
    const EMPTY: Self = Self {
        key: 0,
        size: 0,
        next: NONE,
        prev: NONE,
        level: NOBODY,
        tag: 0,
    };
}

/// What a queue takes in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) order_id: u64,
    pub(super) size: u64,
    pub(super) sequence: u32,
}

/// What a level sums to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sum {
    pub(super) size: u64,
    pub(super) count: u32,
}

/// All nodes of all books.
#[derive(Debug)]
pub(super) struct Slab<'a> {
    pub(super) nodes: &'a mut [Node],
    /// By page, bit `i`: level `i` has orders.
    pub(super) occupied: &'a mut [u16],
    pub(super) orders: FreeOrders,
    /// First free page; the rest follow by `next` of each page's first level.
    free_page: u32,
    free_pages: u32,
}

/// The orders that nobody has.
#[derive(Debug)]
pub(super) struct FreeOrders {
    /// [`NONE`] when the pool is exhausted; the rest follow by `next`.
    pub(super) first: u32,
    count: u32,
}

impl FreeOrders {
    /// Takes the first one, which there must be.
    #[inline(always)]
    pub(super) fn take(&mut self, nodes: &[Node]) {
        self.first = nodes[self.first as usize].next;
        self.count -= 1;
    }

    #[inline(always)]
    pub(super) fn give(&mut self, nodes: &mut [Node], order: u32) {
        nodes[order as usize].next = self.first;
        self.first = order;
        self.count += 1;
    }
}

impl<'a> Slab<'a> {
    /// Bytes of a page besides its nodes.
    pub(super) const PAGE_BYTES: usize = size_of::<u16>();

    pub(super) fn new_in(bump: &'a Bump, limits: &BookLimits) -> Result<Self, LimitError> {
        let first_order = (limits.pages_max + 1) * PAGE_LEVELS;
        let nodes_count = first_order + limits.orders_max;
        let nodes = filled(bump, nodes_count as usize, Node::EMPTY)?;
        nodes[NONE as usize].key = Price::UNDEFINED.0.cast_unsigned();
        for page in 1..limits.pages_max {
            nodes[(page * PAGE_LEVELS) as usize].next = page + 1;
        }
        for order in first_order..nodes_count - 1 {
            nodes[order as usize].next = order + 1;
        }
        Ok(Self {
            nodes,
            occupied: filled(bump, limits.pages_max as usize + 1, 0)?,
            orders: FreeOrders {
                first: first_order,
                count: limits.orders_max,
            },
            free_page: 1,
            free_pages: limits.pages_max,
        })
    }

    #[inline(always)]
    pub(super) fn node(&self, node: u32) -> &Node {
        &self.nodes[node as usize]
    }

    #[inline(always)]
    pub(super) fn node_mut(&mut self, node: u32) -> &mut Node {
        &mut self.nodes[node as usize]
    }

    /// What a level sums to.
    #[inline(always)]
    pub(super) fn sum(&self, level: u32) -> Sum {
        let level = self.node(level);
        Sum {
            size: level.size,
            count: level.tag,
        }
    }

    /// Asks for the cache line of a node. Any number will do.
    #[inline(always)]
    pub(super) fn prefetch(&self, node: u32) {
        if let Some(node) = self.nodes.get(node as usize) {
            crate::prefetch::read(node);
        }
    }

    /// How many orders may still rest, over all books.
    pub(super) fn free_orders(&self) -> u32 {
        self.orders.count
    }

    /// How many pages of levels are left, over all books.
    pub(super) fn free_pages(&self) -> u32 {
        self.free_pages
    }

    /// A node for an order, unless the pool is exhausted.
    pub(super) fn take_order(&mut self) -> Option<u32> {
        let order = self.orders.first;
        if order == NONE {
            return None;
        }
        self.orders.take(self.nodes);
        Some(order)
    }

    pub(super) fn give_order(&mut self, order: u32) {
        self.orders.give(self.nodes, order);
    }

    /// A page of sixteen levels, none of them open, unless the pool is exhausted.
    #[inline]
    pub(super) fn take_page(&mut self) -> Option<u32> {
        let page = self.free_page;
        if page == NONE {
            return None;
        }
        self.free_page = self.node(page * PAGE_LEVELS).next;
        self.free_pages -= 1;
        Some(page)
    }

    /// Takes a page back. Its levels are no one's, so that nobody takes them for what they were.
    #[inline]
    pub(super) fn give_page(&mut self, page: u32) {
        for level in 0..PAGE_LEVELS {
            self.node_mut(page * PAGE_LEVELS + level).level = NOBODY;
        }
        self.occupied[page as usize] = 0;
        self.node_mut(page * PAGE_LEVELS).next = self.free_page;
        self.free_page = page;
        self.free_pages += 1;
    }

    /// Makes `level` an empty queue. Without a price it is no one's.
    #[inline]
    pub(super) fn open_level(&mut self, level: u32, price: Option<i64>, owner: u32) {
        *self.node_mut(level) = Node {
            key: price.unwrap_or_default().cast_unsigned(),
            size: 0,
            next: level,
            prev: level,
            level: if price.is_some() { owner } else { NOBODY },
            tag: 0,
        };
    }

    /// Makes the queue of `level` empty, whose orders have been given back.
    #[inline]
    pub(super) fn empty_level(&mut self, level: u32) {
        let node = self.node_mut(level);
        (node.size, node.tag, node.next, node.prev) = (0, 0, level, level);
    }

    /// Which levels of a page have orders, bit by bit.
    #[inline(always)]
    pub(super) fn occupied(&self, page: u32) -> u16 {
        self.occupied[page as usize]
    }

    /// The best level of a page that has orders.
    pub(super) fn best_of(&self, page: u32) -> u32 {
        page * PAGE_LEVELS + (self.occupied(page) | 1).ilog2()
    }

    /// Notes that `level` has orders.
    pub(super) fn occupy(&mut self, level: u32) {
        occupy(self.occupied, level);
    }

    /// See [`push_back`].
    pub(super) fn push_back(&mut self, level: u32, order: u32, entry: Entry) -> Sum {
        push_back(self.nodes, level, order, entry)
    }

    /// See [`unlink`].
    pub(super) fn unlink(&mut self, order: u32) -> (Sum, bool) {
        unlink(self.nodes, order)
    }

    /// Takes size from an order, which keeps its place, and returns what the level sums to.
    #[inline(always)]
    pub(super) fn reduce(&mut self, order: u32, by: u64, sequence: u32) -> Sum {
        let nodes = &mut *self.nodes;
        let node = &mut nodes[order as usize];
        node.size -= by;
        node.tag = sequence;
        let level = node.level;
        let head = &mut nodes[level as usize];
        head.size -= by;
        Sum {
            size: head.size,
            count: head.tag,
        }
    }

    /// Moves the queue of a level to another, which is empty.
    pub(super) fn move_queue(&mut self, from: u32, to: u32) {
        let Node {
            next: first,
            prev: last,
            size,
            tag: count,
            ..
        } = *self.node(from);
        if first == from {
            return;
        }
        let head = self.node_mut(to);
        (head.next, head.prev, head.size, head.tag) = (first, last, size, count);
        self.node_mut(first).prev = to;
        self.node_mut(last).next = to;
        let mut order = first;
        while order != to {
            self.node_mut(order).level = to;
            order = self.node(order).next;
        }
        self.empty_level(from);
        self.occupy(to);
    }
}

/// Puts an order at the back of the queue of `level`, and returns what the level sums to. Sizes
/// cannot overflow: there are fewer than 2^32 orders of less than 2^32 each, and an aggregated
/// level is one order.
#[inline(always)]
pub(super) fn push_back(nodes: &mut [Node], level: u32, order: u32, entry: Entry) -> Sum {
    let head = &mut nodes[level as usize];
    let last = head.prev;
    head.prev = order;
    head.size += entry.size;
    head.tag += 1;
    let sum = Sum {
        size: head.size,
        count: head.tag,
    };
    nodes[last as usize].next = order;
    nodes[order as usize] = Node {
        key: entry.order_id,
        size: entry.size,
        next: level,
        prev: last,
        level,
        tag: entry.sequence,
    };
    sum
}

/// Takes `order` out of its queue, and returns what the level sums to and whether that was its
/// last order. The count does not tell: an aggregate's is what the publisher says.
#[inline(always)]
pub(super) fn unlink(nodes: &mut [Node], order: u32) -> (Sum, bool) {
    let Node {
        size,
        next,
        prev,
        level,
        ..
    } = nodes[order as usize];
    nodes[prev as usize].next = next;
    nodes[next as usize].prev = prev;
    let head = &mut nodes[level as usize];
    head.size -= size;
    head.tag -= 1;
    let sum = Sum {
        size: head.size,
        count: head.tag,
    };
    // Neighbours are one and the same only when both are the level.
    (sum, next == prev)
}

/// Notes that `level` has orders.
#[inline(always)]
pub(super) fn occupy(occupied: &mut [u16], level: u32) {
    occupied[(level / PAGE_LEVELS) as usize] |= 1 << (level % PAGE_LEVELS);
}

/// Notes whether `level` has become empty, and returns which levels of its page have orders. Both
/// without a branch: whether it has cannot be foreseen.
#[inline(always)]
pub(super) fn vacate(occupied: &mut [u16], level: u32, is_empty: bool) -> u16 {
    let occupied = &mut occupied[(level / PAGE_LEVELS) as usize];
    *occupied &= !(u16::from(is_empty) << (level % PAGE_LEVELS));
    *occupied
}
