//! The books: full depth, every order in its queue, per instrument and publisher.
//!
//! [`Books`] is the stage that turns records into [`BookUpdate`]s. A record costs a look-up of
//! its order and a few writes; nothing allocates, nothing is unbounded, and what a sound feed
//! never sends is counted, not trusted. Prices are integers of 1e-9, sizes are summed in `u64`.
//!
//! All books share pools that are laid out at construction in the caller's arena: orders and
//! levels (`nodes`, whose queues `slab` keeps), price pages (`directory`, in the order that
//! `ladder` keeps), the table of order ids (`index`), and the books' own heads (`head`). A record
//! goes the way of `regular` or that of `irregular`, and `replace` is for whole sides. Trust is
//! weighed in `trust`; reading is in `view`.
//!
//! Absent on purpose: implied liquidity, which MBO does not carry, and our own orders.

mod check;
mod directory;
mod grid;
mod head;
mod index;
mod irregular;
mod ladder;
mod limits;
mod nodes;
mod regular;
mod replace;
mod slab;
#[cfg(test)]
mod tests;
mod trust;
mod view;

pub use check::Violation;
pub use limits::{BookCounters, BookLimits, LimitError, Thresholds};
pub use view::{Book, Level, Place, Resting, Totals};

use bumpalo::Bump;

use crate::event::{Body, BookUpdate, Control, FeedNotice, Mbo, Status, Touch};
use crate::stage::{Emit, Stage};
use crate::types::{BookKey, PublisherId};
use directory::Directories;
use head::Head;
use index::{KeyIndex, OrderIndex, key_bits};
use limits::filled;
use nodes::{LevelId, NodeId};
use slab::Slab;

/// First word and number of no book: no record is so long.
const NO_BOOK: (u64, u32) = (u64::MAX, 0);

/// So many books need no look-ahead: they lie in the nearest cache anyway.
const INSTRUMENTS_NEAR: u32 = 16;

/// How many records ahead memory is called for: the book's head and the order's bucket first,
/// then the order that stands there, the level at its price and the best one, then what these are
/// linked to. Each step needs the lines of the one before.
const AHEAD_FAR: usize = 10;
const AHEAD_MIDDLE: usize = 6;
const AHEAD_NEAR: usize = 3;

/// What all books share: the pools, and the limits that guard them. In the order of need, so that
/// a record meets few lines of it.
#[derive(Debug)]
#[repr(C)]
struct Shared<'a> {
    slab: Slab<'a>,
    index: OrderIndex<'a>,
    /// A delay from here on, or below zero, is absurd: ns.
    in_delta_absurd: u32,
    book_orders_max: u32,
    side_pages_max: u32,
    watches_depth: bool,
    directories: Directories<'a>,
    thresholds: Thresholds,
}

impl Shared<'_> {
    /// Index of the side that a level is of; 2 for the orders that are only remembered.
    #[inline(always)]
    fn side_of(&self, level: LevelId) -> usize {
        (self.slab.nodes[level.page()].owner & 3) as usize
    }

    /// Gives an order back that is in no queue any more.
    fn forget_order(&mut self, book: u32, order_id: u64, order: NodeId) {
        let Self { slab, index, .. } = self;
        let bucket = index.bucket(book, order_id);
        index.remove(&mut slab.nodes, bucket, order);
        slab.give_order(order);
    }

    /// A node for an order that the index will know, unless the pool is exhausted.
    fn take_order(&mut self) -> Option<NodeId> {
        if self.is_tight() && !self.make_room() {
            return None;
        }
        self.slab.take_order()
    }

    /// Whether one order more needs [`Self::make_room`].
    #[inline(always)]
    const fn is_tight(&self) -> bool {
        self.index.is_tight(self.slab.free_orders())
    }

    /// Gives the index more room if it can have it. False if there is no order left.
    #[cold]
    fn make_room(&mut self) -> bool {
        let free = self.slab.free_orders();
        if free > 0 {
            self.index.grow(&mut self.slab);
        }
        free > 0
    }
}

/// Lines of orders and buckets that are kept near while nothing comes: half a MiB, which the caches
/// of a core hold beside the rest.
const LINES_NEAR_MAX: u32 = 1 << 13;

/// Of those, how many each call is for.
const LINES_A_CALL: u32 = 128;

/// Records that come soon, by the last bits of when.
#[derive(Debug)]
struct Ahead {
    records: [Coming; AHEAD_MAX],
    /// When it is now, in records.
    now: usize,
}

/// More than are looked ahead, and a power of two.
const AHEAD_MAX: usize = (AHEAD_FAR + 1).next_power_of_two();

impl Ahead {
    /// The record that comes after so many others.
    #[inline(always)]
    const fn at(&mut self, after: usize) -> &mut Coming {
        &mut self.records[self.now.wrapping_add(after) % AHEAD_MAX]
    }
}

/// A record that comes soon, and where it leads as far as that is known.
#[derive(Clone, Copy, Debug)]
struct Coming {
    /// See [`key_bits`].
    key: u64,
    price: i64,
    book: u32,
    bucket: u32,
    side: u32,
    order: NodeId,
    level: LevelId,
}

impl Coming {
    /// None: a key has 48 bits.
    const NONE: Self = Self {
        key: u64::MAX,
        price: 0,
        book: 0,
        bucket: 0,
        side: 0,
        order: NodeId::NONE,
        level: LevelId::NONE,
    };
}

/// All books of a session, in the order of need too: what each record needs lies on the first
/// lines, wherever the books lie.
#[derive(Debug)]
#[repr(C, align(64))]
pub struct Books<'a> {
    /// The book of the last record, by the record's first word and by number: the next one is
    /// often of the same.
    last: (u64, u32),
    /// In the order of first sight; those beyond `seen` wait.
    heads: &'a mut [Head],
    shared: Shared<'a>,
    seen: u32,
    keys: KeyIndex<'a>,
    ahead: Ahead,
    /// Which line of orders and buckets was called for last.
    near: u32,
    /// Empty when every publisher is expected.
    publishers: &'a [PublisherId],
    /// Of the records that reached no book.
    dropped: BookCounters,
}

impl<'a> Books<'a> {
    /// Lays out all that the limits allow, and writes it all, so that no page is missing later.
    ///
    /// # Errors
    ///
    /// When a limit is out of range, or the arena has no room for [`BookLimits::bytes`].
    pub fn new_in(bump: &'a Bump, limits: &BookLimits) -> Result<Self, LimitError> {
        limits.check()?;
        let nowhere = Head::new(0, BookKey::default());
        let publishers = filled(bump, limits.publishers.len(), PublisherId(0))?;
        publishers.copy_from_slice(&limits.publishers);
        Ok(Self {
            shared: Shared {
                slab: Slab::new_in(bump, limits)?,
                directories: Directories::new_in(bump, limits)?,
                index: OrderIndex::new_in(bump, limits)?,
                thresholds: limits.thresholds,
                in_delta_absurd: limits
                    .thresholds
                    .in_delta_ns_max
                    .max(-1)
                    .wrapping_add(1)
                    .cast_unsigned(),
                book_orders_max: limits.book_orders_max,
                side_pages_max: limits.side_pages_max,
                watches_depth: limits.watches_depth,
            },
            heads: filled(bump, limits.instruments_max as usize, nowhere)?,
            seen: 0,
            keys: KeyIndex::new_in(bump, limits)?,
            last: NO_BOOK,
            ahead: Ahead {
                records: [Coming::NONE; AHEAD_MAX],
                now: 0,
            },
            near: 0,
            publishers,
            dropped: BookCounters::default(),
        })
    }

    /// Applies one record and says what it did; `None` when it was dropped, and counted, because
    /// its publisher is not expected or there are too many instruments.
    #[inline(always)]
    pub fn apply(&mut self, mbo: &Mbo) -> Option<&BookUpdate> {
        let book = self.turn_to(mbo)?;
        let head = &mut self.heads[book as usize];
        head.on_mbo(&mut self.shared, mbo);
        Some(&head.update)
    }

    /// The same for a record of a top-of-book schema, which says what the touch is after it.
    pub fn apply_quote(&mut self, mbo: &Mbo, touch: &Touch) -> Option<&BookUpdate> {
        let book = self.turn_to(mbo)?;
        let head = &mut self.heads[book as usize];
        head.on_quote(&mut self.shared, mbo, touch);
        Some(&head.update)
    }

    /// Takes in a whole message, and says what a record in it did.
    pub fn take(&mut self, body: &Body<Mbo>) -> Option<&BookUpdate> {
        match body {
            Body::Data(mbo) => self.apply(mbo),
            Body::Control(Control::Quote(mbo, touch)) => self.apply_quote(mbo, touch),
            Body::Control(control) => {
                self.control(control);
                None
            }
        }
    }

    /// What [`Self::apply`] said of the last record that it did not drop, for whoever looks at the
    /// books meanwhile.
    #[inline(always)]
    #[must_use]
    pub fn last(&self) -> &BookUpdate {
        &self.heads[self.last.1 as usize].update
    }

    /// Takes in what is said of books and feed without a record: definitions, status, doubts.
    pub fn control(&mut self, control: &Control) {
        match control {
            Control::Definition(definition) => {
                if let Some(book) = self.find(definition.key) {
                    let head = &mut self.heads[book as usize];
                    head.on_definition(&mut self.shared, definition);
                }
            }
            Control::Status(status) => self.on_status(status),
            Control::Suspect(key, _) => {
                if let Some(book) = self.find(*key) {
                    let head = &mut self.heads[book as usize];
                    head.counters.suspect += 1;
                    head.doubts.suspect();
                }
            }
            Control::Feed(notice) => self.on_notice(*notice),
            Control::Quote(..)
            | Control::Symbol(_)
            | Control::Statistic(_)
            | Control::Imbalance(_)
            | Control::Bar(_)
            | Control::Exec(_)
            | Control::Context(_)
            | Control::Operator(_)
            | Control::Notice(_)
            | Control::End => {}
        }
    }

    /// Calls for the memory of records that come soon, `far` the last of them. Changes nothing
    /// that can be seen.
    #[inline(always)]
    fn look_ahead(&mut self, far: Option<Mbo>) {
        let Shared { slab, index, .. } = &self.shared;
        let nodes = &slab.nodes;
        let known = far.and_then(|mbo| Some((mbo, self.keys.find(key_bits(mbo.key()))?)));
        *self.ahead.at(AHEAD_FAR) = match known {
            None => Coming::NONE,
            Some((mbo, book)) => {
                let bucket = index.bucket(book, mbo.order_id.0);
                index.prefetch(bucket);
                let side = mbo.side as usize & 1;
                self.heads[book as usize].prefetch(side, self.shared.watches_depth);
                Coming {
                    key: key_bits(mbo.key()),
                    price: mbo.price.0,
                    book,
                    bucket: bucket as u32,
                    side: side as u32,
                    ..Coming::NONE
                }
            }
        };
        let middle = self.ahead.at(AHEAD_MIDDLE);
        let ladders = &self.heads[middle.book as usize].ladders;
        middle.order = index.first(middle.bucket as usize);
        middle.level = ladders.likely(middle.side as usize, middle.price);
        crate::prefetch::read(&nodes[middle.order]);
        crate::prefetch::read(&nodes[middle.level]);
        crate::prefetch::read(&nodes[middle.level.page()]);
        let best = ladders.best[middle.side as usize];
        crate::prefetch::read(&nodes[best]);
        crate::prefetch::read(&nodes[best.page()]);
        let near = self.ahead.at(AHEAD_NEAR);
        let (order, level) = (&nodes[near.order], &nodes[near.level]);
        for linked in [order.level.node(), order.prev, order.next, level.prev] {
            crate::prefetch::read(&nodes[linked]);
        }
        crate::prefetch::read(&nodes[order.level.page()]);
    }

    /// Calls for the memory that the next record is likely to need: the last book's head and the levels
    /// round its touch, and orders and buckets, a few at each call and the rest at those that
    /// follow. Changes nothing that can be seen.
    pub fn call_for_next(&mut self) {
        crate::prefetch::whole(self);
        let head = &self.heads[self.last.1 as usize];
        crate::prefetch::whole(head);
        let Shared { slab, index, .. } = &self.shared;
        for best in head.ladders.best {
            slab.nodes.call_for(best.page());
        }
        let orders = slab.lines_near();
        let lines = orders + index.lines();
        // More would push out of the near cache what it calls for.
        if lines > LINES_NEAR_MAX {
            return;
        }
        for _ in 0..LINES_A_CALL {
            self.near = (self.near + 1) % lines;
            match self.near.checked_sub(orders) {
                None => slab.call_for_line(self.near),
                Some(line) => index.call_for_line(line),
            }
        }
    }

    /// Every book, in the order of first sight.
    pub fn iter(&self) -> impl Iterator<Item = Book<'_>> {
        let heads = self.heads[..self.seen as usize].iter();
        heads.map(|head| Book::new(head, &self.shared))
    }

    /// How many books there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.seen as usize
    }

    /// Whether no instrument has been seen.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.seen == 0
    }

    /// The book of an instrument, if it has been seen.
    #[must_use]
    pub fn get(&self, key: BookKey) -> Option<Book<'_>> {
        let book = self.keys.find(key_bits(key))?;
        Some(Book::new(&self.heads[book as usize], &self.shared))
    }

    /// Counters summed over all books, with the records that reached none.
    #[must_use]
    pub fn counters(&self) -> BookCounters {
        let mut sum = self.dropped;
        for book in self.iter() {
            sum.add(&book.counters());
        }
        sum
    }

    /// Orders that may still rest, over all books.
    #[must_use]
    pub fn free_orders(&self) -> u32 {
        self.shared.slab.free_orders()
    }

    /// Pages of price levels that are left, over all books.
    #[must_use]
    pub fn free_pages(&self) -> u32 {
        self.shared.slab.free_pages()
    }

    /// Hash of all books: equal books give equal hashes, however they came about.
    #[must_use]
    pub fn hash(&self) -> u64 {
        let hashes = self.iter().map(|book| book.hash());
        hashes.fold(0, u64::wrapping_add)
    }

    /// The number of the book that a record is for.
    #[inline(always)]
    fn turn_to(&mut self, mbo: &Mbo) -> Option<u32> {
        let word = mbo.word();
        if self.last.0 != word {
            self.last = (word, self.next_book(mbo.key())?);
        }
        Some(self.last.1)
    }

    /// The number of a book that is not the last record's. It may have been looked at already.
    #[inline(always)]
    fn next_book(&mut self, key: BookKey) -> Option<u32> {
        let next = *self.ahead.at(0);
        if next.key == key_bits(key) {
            return Some(next.book);
        }
        self.find(key)
    }

    /// The number of a book, seen now for the first time if need be.
    #[inline(always)]
    fn find(&mut self, key: BookKey) -> Option<u32> {
        match self.keys.find(key_bits(key)) {
            Some(book) => Some(book),
            None => self.first_sight(key),
        }
    }

    #[cold]
    fn first_sight(&mut self, key: BookKey) -> Option<u32> {
        if !self.publishers.is_empty() && !self.publishers.contains(&key.publisher_id) {
            self.dropped.foreign_publisher += 1;
            return None;
        }
        let book = self.seen;
        let Some(head) = self.heads.get_mut(book as usize) else {
            self.dropped.beyond_instruments += 1;
            return None;
        };
        *head = Head::new(book, key);
        self.keys.insert(key_bits(key), book);
        self.seen += 1;
        Some(book)
    }

    fn on_status(&mut self, status: &Status) {
        if let Some(is_trading) = status.is_trading
            && let Some(book) = self.find(status.key)
        {
            self.heads[book as usize].evidence.set_trading(is_trading);
        }
    }

    /// What the feed says of itself is about every book seen so far.
    fn on_notice(&mut self, notice: FeedNotice) {
        let heads = &mut self.heads[..self.seen as usize];
        match notice {
            FeedNotice::Skipped => heads.iter_mut().for_each(|head| head.doubts.suspect()),
            FeedNotice::Reconnected | FeedNotice::Fatal(_) => {
                heads.iter_mut().for_each(|head| head.doubts.stale());
            }
            FeedNotice::ReplayCompleted => {
                heads.iter_mut().for_each(|head| head.doubts.replayed());
            }
            FeedNotice::Heartbeat
            | FeedNotice::Subscribed
            | FeedNotice::SlowReader
            | FeedNotice::EndOfInterval
            | FeedNotice::Error(_)
            | FeedNotice::Other(_) => {}
        }
    }
}

impl Stage for Books<'_> {
    type In = Mbo;
    type Out = BookUpdate;

    const BURST: usize = 1;

    #[inline(always)]
    fn hint(&mut self, coming: impl Fn(usize) -> Option<Mbo>) {
        if self.seen > INSTRUMENTS_NEAR {
            self.ahead.now += 1;
            self.look_ahead(coming(AHEAD_FAR));
        }
    }

    #[inline(always)]
    fn on_data(&mut self, input: &Mbo, out: &mut impl Emit<BookUpdate>) {
        if let Some(update) = self.apply(input) {
            out.emit(update);
        }
    }

    fn on_control(&mut self, control: &Control, out: &mut impl Emit<BookUpdate>) {
        let Control::Quote(mbo, touch) = control else {
            return self.control(control);
        };
        if let Some(update) = self.apply_quote(mbo, touch) {
            out.emit(update);
        }
    }
}
