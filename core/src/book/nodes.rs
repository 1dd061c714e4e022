//! The array of nodes and pages, and the numbers that name them.
//!
//! A record follows a dozen links, and a check of bounds at each would be a good part of its time.
//! So there is none: a number that names a node cannot be made up. [`NodeId`], [`LevelId`] and
//! [`PageId`] come from an array alone, name what is within it, and no array shrinks. Those of
//! one array never meet another, for each belongs to one [`Books`](super::Books), which keeps
//! them to itself.
//!
//! The only `unsafe` of the books. A field that a caller may write holds no bare number.
#![allow(unsafe_code)]

use core::ops::{Index, IndexMut};

use bumpalo::Bump;

use super::limits::{BookLimits, LimitError, filled};
use crate::types::Price;

/// Levels in one page.
pub(super) const PAGE_LEVELS: u32 = 16;

/// Owner of a page that nobody has. No book has such a number.
pub(super) const NOBODY: u32 = u32::MAX;

/// Names a node: an order or a level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NodeId(u32);

impl NodeId {
    /// "No node": a level of the page that is never handed out.
    pub(super) const NONE: Self = Self(0);

    /// As a number, for whoever needs it back by [`Nodes::named`].
    #[inline(always)]
    pub(super) const fn number(self) -> u32 {
        self.0
    }
}

/// Names a level, which is a node as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LevelId(u32);

impl LevelId {
    /// "No level". It reads as one without price, size or orders.
    pub(super) const NONE: Self = Self(0);

    /// The node that it is.
    #[inline(always)]
    pub(super) const fn node(self) -> NodeId {
        NodeId(self.0)
    }

    /// The page that it belongs to.
    #[inline(always)]
    pub(super) const fn page(self) -> PageId {
        PageId(self.0 & !(PAGE_LEVELS - 1))
    }

    /// Its place in that page.
    #[inline(always)]
    pub(super) const fn bit(self) -> u32 {
        self.0 & (PAGE_LEVELS - 1)
    }
}

/// Names a page, by its first level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PageId(u32);

impl PageId {
    /// "No page": the one that is never handed out.
    pub(super) const NONE: Self = Self(0);

    /// Its level at a place below [`PAGE_LEVELS`].
    #[inline(always)]
    pub(super) const fn level(self, bit: u32) -> LevelId {
        LevelId(self.0 | bit & (PAGE_LEVELS - 1))
    }

    /// As a number, for whoever needs it back by [`Nodes::page_named`].
    pub(super) const fn number(self) -> u32 {
        self.0
    }
}

/// An order, or the level that heads a queue of orders.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(32))]
pub(super) struct Node {
    /// The order's id; a level's price, bit for bit.
    pub(super) key: u64,
    /// The sum of sizes of a level. Of an order its size, and above it what follows it in the
    /// index: see [`Self::order_size`] and [`Self::follower`].
    pub(super) size: u64,
    /// The order behind; the level itself after the last. Links the free list too.
    pub(super) next: NodeId,
    /// The order ahead; the level itself before the first.
    pub(super) prev: NodeId,
    /// The order's level; a level itself.
    pub(super) level: LevelId,
    /// The `sequence` that last touched the order; the number of orders of a level. Links the
    /// free list of pages too, in the first level of each.
    pub(super) tag: u32,
}

const _: () = assert!(size_of::<Node>() == 32, "two nodes to a cache line");

impl Node {
    const EMPTY: Self = Self {
        key: 0,
        size: 0,
        next: NodeId::NONE,
        prev: NodeId::NONE,
        level: LevelId::NONE,
        tag: 0,
    };

    /// The size of an order.
    #[inline(always)]
    pub(super) const fn order_size(&self) -> u32 {
        self.size as u32
    }

    /// The number of the order that follows this one in the index.
    #[inline(always)]
    pub(super) const fn follower(&self) -> u32 {
        (self.size >> u32::BITS) as u32
    }

    /// Size and follower of an order, as `size` holds them.
    #[inline(always)]
    pub(super) const fn packed(size: u32, follower: u32) -> u64 {
        (follower as u64) << u32::BITS | size as u64
    }
}

/// Whose the levels of a page are, and which of them have orders.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(8))]
pub(super) struct Page {
    /// The book and the side, or [`NOBODY`].
    pub(super) owner: u32,
    /// Bit `i`: level `i` has orders. The best level is the lowest bit.
    pub(super) occupied: u16,
}

/// All nodes and pages of all books.
#[derive(Debug)]
pub(super) struct Nodes<'a> {
    /// Sixteen for each page, and behind them the orders. Not empty.
    nodes: &'a mut [Node],
    /// Not empty: the first one is [`PageId::NONE`].
    pages: &'a mut [Page],
}

impl<'a> Nodes<'a> {
    /// Bytes of nodes and pages together.
    pub(super) const fn bytes(limits: &BookLimits) -> usize {
        let pages = limits.pages_max as usize + 1;
        let nodes = pages * PAGE_LEVELS as usize + limits.orders_max as usize;
        nodes * size_of::<Node>() + pages * size_of::<Page>()
    }

    pub(super) fn new_in(bump: &'a Bump, limits: &BookLimits) -> Result<Self, LimitError> {
        let pages = limits.pages_max as usize + 1;
        let nodes = pages * PAGE_LEVELS as usize + limits.orders_max as usize;
        let nobody = Page {
            owner: NOBODY,
            occupied: 0,
        };
        let mut all = Self {
            nodes: filled(bump, nodes, Node::EMPTY)?,
            pages: filled(bump, pages, nobody)?,
        };
        all[NodeId::NONE].key = Price::UNDEFINED.0.cast_unsigned();
        Ok(all)
    }

    /// Every page that can be handed out.
    pub(super) fn page_ids(&self) -> impl DoubleEndedIterator<Item = PageId> + use<> {
        (1..self.pages.len() as u32).map(|page| PageId(page * PAGE_LEVELS))
    }

    /// Every node that can be an order.
    pub(super) fn order_ids(&self) -> impl DoubleEndedIterator<Item = NodeId> + use<> {
        (self.orders_first()..self.nodes.len() as u32).map(NodeId)
    }

    /// The number of the first of them.
    pub(super) const fn orders_first(&self) -> u32 {
        self.pages.len() as u32 * PAGE_LEVELS
    }

    /// How many they are.
    pub(super) const fn orders(&self) -> u32 {
        self.nodes.len() as u32 - self.orders_first()
    }

    /// Calls for a page and its levels.
    pub(super) fn call_for(&self, page: PageId) {
        crate::prefetch::read(&self[page]);
        for level in (0..PAGE_LEVELS).step_by(2) {
            crate::prefetch::read(&self[page.level(level)]);
        }
    }

    /// The node of this number, or [`NodeId::NONE`] where there is none.
    #[inline(always)]
    pub(super) const fn named(&self, number: u32) -> NodeId {
        if (number as usize) < self.nodes.len() {
            NodeId(number)
        } else {
            NodeId::NONE
        }
    }

    /// The page of this number, or [`PageId::NONE`] where there is none.
    pub(super) const fn page_named(&self, number: u32) -> PageId {
        let page = number / PAGE_LEVELS;
        if (page as usize) < self.pages.len() {
            PageId(page * PAGE_LEVELS)
        } else {
            PageId::NONE
        }
    }
}

impl Index<NodeId> for Nodes<'_> {
    type Output = Node;

    #[inline(always)]
    fn index(&self, id: NodeId) -> &Node {
        debug_assert!((id.0 as usize) < self.nodes.len());
        // SAFETY: an id names a node within the array that it is from, which is this one, and
        // which never shrinks.
        unsafe { self.nodes.get_unchecked(id.0 as usize) }
    }
}

impl IndexMut<NodeId> for Nodes<'_> {
    #[inline(always)]
    fn index_mut(&mut self, id: NodeId) -> &mut Node {
        debug_assert!((id.0 as usize) < self.nodes.len());
        // SAFETY: as in `index`.
        unsafe { self.nodes.get_unchecked_mut(id.0 as usize) }
    }
}

impl Index<LevelId> for Nodes<'_> {
    type Output = Node;

    #[inline(always)]
    fn index(&self, id: LevelId) -> &Node {
        &self[id.node()]
    }
}

impl IndexMut<LevelId> for Nodes<'_> {
    #[inline(always)]
    fn index_mut(&mut self, id: LevelId) -> &mut Node {
        &mut self[id.node()]
    }
}

impl Index<PageId> for Nodes<'_> {
    type Output = Page;

    #[inline(always)]
    fn index(&self, id: PageId) -> &Page {
        let page = (id.0 / PAGE_LEVELS) as usize;
        debug_assert!(page < self.pages.len());
        // SAFETY: as for nodes: an id is the first level of a page within this array.
        unsafe { self.pages.get_unchecked(page) }
    }
}

impl IndexMut<PageId> for Nodes<'_> {
    #[inline(always)]
    fn index_mut(&mut self, id: PageId) -> &mut Page {
        let page = (id.0 / PAGE_LEVELS) as usize;
        debug_assert!(page < self.pages.len());
        // SAFETY: as in `index`.
        unsafe { self.pages.get_unchecked_mut(page) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    fn limits(pages_max: u32, orders_max: u32) -> BookLimits {
        BookLimits {
            pages_max,
            orders_max,
            ..BookLimits::default()
        }
    }

    #[test]
    fn every_name_is_within_the_array_and_no_two_are_one() {
        let bump = Bump::new();
        let mut nodes = Nodes::new_in(&bump, &limits(3, 5)).unwrap();
        let pages: Vec<_> = nodes.page_ids().collect();
        let levels = pages.iter().flat_map(|page| {
            let levels = (0..PAGE_LEVELS).map(|bit| page.level(bit));
            assert!(levels.clone().all(|level| level.page() == *page));
            levels.map(LevelId::node)
        });
        let all: Vec<_> = levels.chain(nodes.order_ids()).collect();
        assert_eq!((pages.len(), all.len()), (3, 3 * 16 + 5));
        for (at, id) in all.iter().enumerate() {
            nodes[*id].key = at as u64;
        }
        let keys = all.iter().map(|id| nodes[*id].key);
        assert!(keys.eq(0..all.len() as u64));
        for page in pages {
            nodes[page].occupied += 1;
        }
        assert!(nodes.page_ids().all(|page| nodes[page].occupied == 1));
    }

    #[test]
    fn a_number_beyond_the_array_names_nothing() {
        let bump = Bump::new();
        let nodes = Nodes::new_in(&bump, &limits(1, 2)).unwrap();
        let last = nodes.order_ids().last().unwrap();
        assert_eq!(nodes.named(last.number()), last);
        assert_eq!(nodes.named(last.number() + 1), NodeId::NONE);
        assert_eq!(nodes.named(u32::MAX), NodeId::NONE);
        let page = nodes.page_ids().last().unwrap();
        assert_eq!(nodes.page_named(page.number()), page);
        assert_eq!(nodes.page_named(page.number() + PAGE_LEVELS), PageId::NONE);
        assert_eq!(nodes.page_named(u32::MAX), PageId::NONE);
        // A bit beyond the page stays within it.
        assert_eq!(page.level(PAGE_LEVELS + 3), page.level(3));
    }

    #[test]
    fn an_order_keeps_size_and_follower_apart() {
        for (size, follower) in [(0, 0), (u32::MAX, 0), (0, u32::MAX), (7, 9)] {
            let mut node = Node::EMPTY;
            node.size = Node::packed(size, follower);
            assert_eq!((node.order_size(), node.follower()), (size, follower));
        }
    }
}
