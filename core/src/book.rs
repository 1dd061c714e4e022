//! The books: full depth, every order in its queue, per instrument and publisher.
//!
//! [`Books`] is the stage that turns records into [`BookUpdate`]s. A record costs a look-up of
//! its order and a few writes; nothing allocates, nothing is unbounded, and what a sound feed
//! never sends is counted, not trusted. Prices are integers of 1e-9, sizes are summed in `u64`.
//!
//! All books share pools that are laid out at construction in the caller's arena: nodes of
//! orders and levels (`slab`), price pages (`directory`, in the order that `ladder` keeps), the
//! table of order ids (`index`), and the books' own heads (`head`). A record goes the way of `regular` or that of `irregular`, and `replace` is for whole sides.
//! Trust is weighed in `trust`; reading is in `view`.
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

use crate::event::{BookUpdate, Control, FeedNotice, Market, Mbo, Status, Touch};
use crate::stage::{Emit, Stage};
use crate::types::{BookKey, PublisherId};
use directory::Directories;
use head::Head;
use index::{KeyIndex, OrderIndex, key_bits};
use limits::filled;
use slab::Slab;

/// Key and number of no book: a publisher has 16 bits.
const NO_BOOK: (u64, u32) = (u64::MAX, 0);

/// So many books need no look-ahead.
const INSTRUMENTS_NEAR: u32 = 8;

/// With more books than this their orders are as far away as the books themselves.
const INSTRUMENTS_MANY: u32 = 256;

/// Cache lines of a head that every record touches.
const HEAD_LINES: usize = 3;

/// How many records ahead memory is called for: the book's head and the order's place in the
/// index first, then the order that stands there and the level at its price, then what these are
/// linked to. Each step needs the lines of the one before.
const AHEAD_FAR: usize = 16;
const AHEAD_MIDDLE: usize = 10;
const AHEAD_NEAR: usize = 5;

/// What all books share: the pools, and the limits that guard them.
#[derive(Debug)]
struct Shared<'a> {
    slab: Slab<'a>,
    directories: Directories<'a>,
    index: OrderIndex<'a>,
    thresholds: Thresholds,
    /// A delay from here on, or below zero, is absurd: ns.
    in_delta_absurd: u32,
    book_orders_max: u32,
    side_pages_max: u32,
    watches_depth: bool,
}

/// All books of a session.
#[derive(Debug)]
pub struct Books<'a> {
    shared: Shared<'a>,
    /// In the order of first sight; those beyond `seen` wait.
    heads: &'a mut [Head],
    seen: u32,
    keys: KeyIndex<'a>,
    /// The book of the last record, by key and number: the next one is often of the same.
    last: (u64, u32),
    /// What is said of each record, made in place. Touch and depth are those of the book of the
    /// last record.
    update: BookUpdate,
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
            update: BookUpdate::default(),
            publishers,
            dropped: BookCounters::default(),
        })
    }

    /// Applies one record and says what it did; `None` when it was dropped, and counted, because
    /// its publisher is not expected or there are too many instruments.
    #[inline(always)]
    pub fn apply(&mut self, market: &Market) -> Option<&BookUpdate> {
        match market {
            Market::Mbo(mbo) => self.apply_mbo(mbo),
            Market::Quote(mbo, touch) => self.apply_quote(mbo, touch),
        }
    }

    /// What [`Self::apply`] said of the last record that it did not drop, for whoever looks at the
    /// books meanwhile.
    #[inline(always)]
    #[must_use]
    pub const fn last(&self) -> &BookUpdate {
        &self.update
    }

    /// Takes in what is not a market record: definitions, status, and doubts about the feed.
    pub fn control(&mut self, control: &Control) {
        // What a control message changes must be shown anew.
        self.last = NO_BOOK;
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
            Control::Symbol(_)
            | Control::Statistic(_)
            | Control::Imbalance(_)
            | Control::Bar(_)
            | Control::Exec(_)
            | Control::Context(_)
            | Control::Operator(_)
            | Control::End => {}
        }
    }

    /// Warms the tables for a record that comes soon: the head of its book and the place of its
    /// order in the index. Changes nothing.
    #[inline(always)]
    pub fn prefetch(&self, market: &Market) {
        let mbo = market.mbo();
        if let Some(book) = self.book_number(key_bits(mbo.key())) {
            self.shared.index.prefetch(book, mbo.order_id.0);
            if self.seen > INSTRUMENTS_MANY {
                crate::prefetch::start(&self.heads[book as usize], HEAD_LINES);
            }
        }
    }

    /// Warms the order itself and the level at its price, some records after [`Self::prefetch`].
    /// Changes nothing.
    #[inline(always)]
    pub fn prefetch_order(&self, market: &Market) {
        let mbo = market.mbo();
        if let Some(book) = self.book_number(key_bits(mbo.key())) {
            let Shared { slab, index, .. } = &self.shared;
            let ladders = &self.heads[book as usize].ladders;
            slab.prefetch(index.likely_node(book, mbo.order_id.0));
            slab.prefetch(ladders.likely(mbo.side as usize & 1, mbo.price.0));
        }
    }

    /// Warms what the order is linked to, or will be, some records after
    /// [`Self::prefetch_order`]. Changes nothing.
    #[inline(always)]
    pub fn prefetch_neighbours(&self, market: &Market) {
        let mbo = market.mbo();
        if let Some(book) = self.book_number(key_bits(mbo.key())) {
            let Shared { slab, index, .. } = &self.shared;
            let ladders = &self.heads[book as usize].ladders;
            let node = slab.node(index.likely_node(book, mbo.order_id.0));
            let level = slab.node(ladders.likely(mbo.side as usize & 1, mbo.price.0));
            for linked in [node.level, node.prev, node.next, level.prev] {
                slab.prefetch(linked);
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

    #[inline(always)]
    fn apply_mbo(&mut self, mbo: &Mbo) -> Option<&BookUpdate> {
        self.update.mbo = *mbo;
        let book = self.turn_to(mbo.key())?;
        self.heads[book as usize].on_mbo(&mut self.shared, &mut self.update);
        Some(&self.update)
    }

    /// The way of top-of-book schemas, apart so that the other one stays short.
    #[inline(never)]
    fn apply_quote(&mut self, mbo: &Mbo, touch: &Touch) -> Option<&BookUpdate> {
        let book = self.turn_to(mbo.key())?;
        self.update.mbo = *mbo;
        self.heads[book as usize].on_quote(&mut self.shared, touch, &mut self.update);
        Some(&self.update)
    }

    /// Makes the update one of this book, and returns its number.
    #[inline(always)]
    fn turn_to(&mut self, key: BookKey) -> Option<u32> {
        let bits = key_bits(key);
        if self.last.0 != bits {
            let book = self.find(key)?;
            self.heads[book as usize].show(&self.shared, &mut self.update);
            self.last = (bits, book);
        }
        Some(self.last.1)
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

    #[inline(always)]
    fn book_number(&self, bits: u64) -> Option<u32> {
        if self.last.0 == bits {
            return Some(self.last.1);
        }
        self.keys.find(bits)
    }

    fn on_status(&mut self, status: &Status) {
        if let Some(is_trading) = status.is_trading
            && let Some(book) = self.find(status.key)
        {
            self.heads[book as usize].doubts.set_trading(is_trading);
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
    type In = Market;
    type Out = BookUpdate;

    const BURST: usize = 1;

    #[inline(always)]
    fn hint(&self, coming: impl Fn(usize) -> Option<Market>) {
        // The books of a few instruments lie in the nearest cache anyway.
        if self.seen <= INSTRUMENTS_NEAR {
            return;
        }
        if let Some(market) = coming(AHEAD_FAR) {
            self.prefetch(&market);
        }
        if self.seen <= INSTRUMENTS_MANY {
            return;
        }
        if let Some(market) = coming(AHEAD_MIDDLE) {
            self.prefetch_order(&market);
        }
        if let Some(market) = coming(AHEAD_NEAR) {
            self.prefetch_neighbours(&market);
        }
    }

    #[inline(always)]
    fn on_data(&mut self, input: &Market, out: &mut impl Emit<BookUpdate>) {
        if let Some(update) = self.apply(input) {
            out.emit(update);
        }
    }

    fn on_control(&mut self, control: &Control, _out: &mut impl Emit<BookUpdate>) {
        self.control(control);
    }
}
