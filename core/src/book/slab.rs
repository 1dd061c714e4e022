//! The node slab: who has which order and which page, and the queues of orders.
//!
//! A level is the sentinel of the circular queue of its orders, so joining and leaving a queue
//! has no branch for its ends. Levels come in pages of 16, each of which has its price from when
//! the page is handed out, with orders or without; orders come one by one. Both are from free
//! lists that are full at construction and never grow.

use bumpalo::Bump;

use super::limits::{BookLimits, LimitError};
use super::nodes::{LevelId, NOBODY, Node, NodeId, Nodes, PAGE_LEVELS, PageId};

/// Orders of one cache line.
const ORDERS_A_LINE: u32 = 2;

/// What a queue takes in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) order_id: u64,
    pub(super) size: u32,
    pub(super) sequence: u32,
    /// The number of the order that follows it in the index.
    pub(super) follower: u32,
}

/// What a level sums to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sum {
    pub(super) size: u64,
    pub(super) count: u32,
}

/// All nodes of all books.
#[derive(Debug)]
#[repr(C)]
pub(super) struct Slab<'a> {
    pub(super) nodes: Nodes<'a>,
    pub(super) orders: FreeOrders,
    pages: FreePages,
}

/// The orders that nobody has.
#[derive(Debug)]
pub(super) struct FreeOrders {
    /// [`NodeId::NONE`] when the pool is exhausted; the rest follow by `next`.
    pub(super) first: NodeId,
    pub(super) count: u32,
}

impl FreeOrders {
    /// Takes the first one, which there must be.
    #[inline(always)]
    pub(super) fn take(&mut self, nodes: &Nodes<'_>) {
        self.first = nodes[self.first].next;
        self.count -= 1;
    }

    #[inline(always)]
    pub(super) fn give(&mut self, nodes: &mut Nodes<'_>, order: NodeId) {
        nodes[order].next = self.first;
        self.first = order;
        self.count += 1;
    }
}

/// The pages that nobody has.
#[derive(Debug)]
struct FreePages {
    /// [`PageId::NONE`] when the pool is exhausted; the rest follow by `tag` of the first level.
    first: PageId,
    count: u32,
}

impl<'a> Slab<'a> {
    pub(super) fn new_in(bump: &'a Bump, limits: &BookLimits) -> Result<Self, LimitError> {
        let mut nodes = Nodes::new_in(bump, limits)?;
        let mut orders = FreeOrders {
            first: NodeId::NONE,
            count: 0,
        };
        for order in nodes.order_ids().rev() {
            orders.give(&mut nodes, order);
        }
        let mut pages = FreePages {
            first: PageId::NONE,
            count: 0,
        };
        for page in nodes.page_ids().rev() {
            for place in 0..PAGE_LEVELS {
                let level = page.level(place);
                nodes[level].level = level;
                (nodes[level].next, nodes[level].prev) = (level.node(), level.node());
            }
            pages.give(&mut nodes, page);
        }
        Ok(Self {
            nodes,
            orders,
            pages,
        })
    }

    /// What a level sums to.
    #[inline(always)]
    pub(super) fn sum(&self, level: LevelId) -> Sum {
        let level = &self.nodes[level];
        Sum {
            size: level.size,
            count: level.tag,
        }
    }

    /// How many orders may still rest, over all books.
    pub(super) const fn free_orders(&self) -> u32 {
        self.orders.count
    }

    /// Lines of those orders that live, if none lies far behind: the free list gives out what came back
    /// last, so that they stay close together.
    pub(super) const fn lines_near(&self) -> u32 {
        (self.nodes.orders() - self.orders.count).div_ceil(ORDERS_A_LINE)
    }

    /// Calls for a line of orders.
    pub(super) fn call_for_line(&self, line: u32) {
        let order = self
            .nodes
            .named(self.nodes.orders_first() + line * ORDERS_A_LINE);
        crate::prefetch::read(&self.nodes[order]);
    }

    /// How many pages of levels are left, over all books.
    pub(super) const fn free_pages(&self) -> u32 {
        self.pages.count
    }

    /// A node for an order, unless the pool is exhausted.
    pub(super) fn take_order(&mut self) -> Option<NodeId> {
        let order = self.orders.first;
        if order == NodeId::NONE {
            return None;
        }
        self.orders.take(&self.nodes);
        Some(order)
    }

    pub(super) fn give_order(&mut self, order: NodeId) {
        self.orders.give(&mut self.nodes, order);
    }

    /// A page of sixteen levels for an owner, unless the pool is exhausted. Each is an empty queue,
    /// at the price where it was last.
    pub(super) fn take_page(&mut self, owner: u32) -> Option<PageId> {
        let page = self.pages.take(&mut self.nodes)?;
        self.nodes[page].owner = owner;
        Some(page)
    }

    /// Takes a page back, whose levels are empty.
    pub(super) fn give_page(&mut self, page: PageId) {
        self.pages.give(&mut self.nodes, page);
    }

    /// Makes the queue of `level` empty, whose orders have been given back.
    pub(super) fn empty_level(&mut self, level: LevelId) {
        let node = &mut self.nodes[level];
        (node.size, node.tag) = (0, 0);
        (node.next, node.prev) = (level.node(), level.node());
    }

    /// The best level of a page that has orders.
    pub(super) fn best_of(&self, page: PageId) -> LevelId {
        page.level(first(self.nodes[page].occupied))
    }

    /// Takes size from an order, which keeps its place, and returns what the level sums to.
    #[inline(always)]
    pub(super) fn reduce(&mut self, order: NodeId, by: u32, sequence: u32) -> Sum {
        let node = &mut self.nodes[order];
        node.size -= u64::from(by);
        node.tag = sequence;
        let level = node.level;
        self.nodes[level].size -= u64::from(by);
        self.sum(level)
    }

    /// Moves the queue of a level to another, which is empty.
    pub(super) fn move_queue(&mut self, from: LevelId, to: LevelId) {
        let nodes = &mut self.nodes;
        let Node {
            next: first,
            prev: last,
            size,
            tag: count,
            ..
        } = nodes[from];
        if first == from.node() {
            return;
        }
        let head = &mut nodes[to];
        (head.next, head.prev, head.size, head.tag) = (first, last, size, count);
        nodes[first].prev = to.node();
        nodes[last].next = to.node();
        let mut order = first;
        while order != to.node() {
            nodes[order].level = to;
            order = nodes[order].next;
        }
        self.empty_level(from);
        occupy(&mut self.nodes, to);
    }
}

impl FreePages {
    fn take(&mut self, nodes: &mut Nodes<'_>) -> Option<PageId> {
        let page = self.first;
        if page == PageId::NONE {
            return None;
        }
        let link = core::mem::take(&mut nodes[page.level(0)].tag);
        self.first = nodes.page_named(link);
        self.count -= 1;
        Some(page)
    }

    /// Takes a page back. It is no one's, so that nobody takes its levels for what they were.
    fn give(&mut self, nodes: &mut Nodes<'_>, page: PageId) {
        nodes[page].owner = NOBODY;
        nodes[page].occupied = 0;
        nodes[page.level(0)].tag = self.first.number();
        self.first = page;
        self.count += 1;
    }
}

/// Puts an order at the back of the queue of `level`, and returns what the level sums to. Sizes
/// cannot overflow: there are fewer than 2^32 orders of less than 2^32 each.
#[inline(always)]
pub(super) fn push_back(nodes: &mut Nodes<'_>, level: LevelId, order: NodeId, entry: Entry) -> Sum {
    let head = &mut nodes[level];
    let last = head.prev;
    head.prev = order;
    head.size += u64::from(entry.size);
    head.tag += 1;
    let sum = Sum {
        size: head.size,
        count: head.tag,
    };
    nodes[last].next = order;
    nodes[order] = Node {
        key: entry.order_id,
        size: Node::packed(entry.size, entry.follower),
        next: level.node(),
        prev: last,
        level,
        tag: entry.sequence,
    };
    sum
}

/// Takes `order` out of its queue, and returns what the level sums to and whether that was its
/// last order. The count does not tell: an aggregate's is what the publisher says.
#[inline(always)]
pub(super) fn unlink(nodes: &mut Nodes<'_>, order: NodeId) -> (Sum, bool) {
    let Node {
        next, prev, level, ..
    } = nodes[order];
    let size = nodes[order].order_size();
    nodes[prev].next = next;
    nodes[next].prev = prev;
    let head = &mut nodes[level];
    head.size -= u64::from(size);
    head.tag -= 1;
    let sum = Sum {
        size: head.size,
        count: head.tag,
    };
    // Neighbours are one and the same only when both are the level.
    (sum, next == prev)
}

/// The best of a page's levels that have orders; any of them, where none has.
#[inline(always)]
pub(super) const fn first(occupied: u16) -> u32 {
    (occupied as u32 | 1 << (PAGE_LEVELS - 1)).trailing_zeros()
}

/// Notes that `level` has orders.
#[inline(always)]
pub(super) fn occupy(nodes: &mut Nodes<'_>, level: LevelId) {
    nodes[level.page()].occupied |= 1 << level.bit();
}

/// Notes whether `level` has become empty, and returns which levels of its page have orders. Both
/// without a branch: whether it has cannot be foreseen.
#[inline(always)]
pub(super) fn vacate(nodes: &mut Nodes<'_>, level: LevelId, is_empty: bool) -> u16 {
    let page = &mut nodes[level.page()];
    page.occupied &= !(u16::from(is_empty) << level.bit());
    page.occupied
}
