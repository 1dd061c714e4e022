//! The book that Databento documents for MBO data, written anew from its description: a hash map
//! from order id to side and price, a tree of price levels a side, a queue of records a level.
//!
//! Its known difference from the venue is kept, for it is what users of the example have: an
//! order that grows at its price keeps its place. Unknown orders are passed over, not a panic.
//!
//! Its way to read the best bid and offer is the documented one too: a level has no sums, so size
//! and count are added up over its queue. [`Book::prices`] leaves that out, and serves to tell
//! what it costs.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::hint::black_box;

use dbn::{MboMsg, UNDEF_PRICE};

use crate::bbo::Bbo;
use crate::input::Input;

/// All books of a session, by instrument and publisher.
#[derive(Default)]
pub struct Market {
    books: HashMap<u32, Vec<(u16, Book)>>,
}

impl Market {
    /// Applies one record to its book and returns that book.
    pub fn apply(&mut self, mbo: &MboMsg) -> &Book {
        let publisher = mbo.hd.publisher_id;
        let books = self.books.entry(mbo.hd.instrument_id).or_default();
        let found = books.iter().position(|(known, _)| *known == publisher);
        let place = found.unwrap_or_else(|| {
            books.push((publisher, Book::default()));
            books.len() - 1
        });
        let book = &mut books[place].1;
        book.apply(mbo);
        book
    }

    /// The size that is left of the order that a record is about, if it is known.
    pub fn order_size(&self, mbo: &MboMsg) -> Option<u32> {
        let books = self.books.get(&mbo.hd.instrument_id)?;
        let (_, book) = books
            .iter()
            .find(|(known, _)| *known == mbo.hd.publisher_id)?;
        book.order_size(mbo.order_id)
    }
}

/// The best bid and offer after every LAST, in order, for comparison.
pub fn bbos(input: &Input) -> Vec<Bbo> {
    let mut market = Market::default();
    let mut seen = Vec::new();
    for mbo in &input.records {
        let bbo = market.apply(mbo).bbo();
        if mbo.flags.is_last() {
            seen.push(bbo);
        }
    }
    seen
}

type Level = VecDeque<MboMsg>;

/// A level summed up.
#[derive(Clone, Copy)]
#[allow(
    dead_code,
    reason = "read by the optimizer only, which must not leave them out"
)]
struct PriceLevel {
    price: i64,
    size: u32,
    count: u32,
}

impl PriceLevel {
    fn new(price: i64, orders: &Level) -> Self {
        let empty = Self {
            price,
            size: 0,
            count: 0,
        };
        orders.iter().fold(empty, |mut level, order| {
            if !order.flags.is_tob() {
                level.count += 1;
            }
            level.size = level.size.wrapping_add(order.size);
            level
        })
    }
}

/// One instrument as one publisher shows it.
#[derive(Default)]
pub struct Book {
    orders: HashMap<u64, (bool, i64)>,
    bids: BTreeMap<i64, Level>,
    asks: BTreeMap<i64, Level>,
}

impl Book {
    /// Applies one record.
    pub fn apply(&mut self, mbo: &MboMsg) {
        match mbo.action as u8 {
            b'A' => self.add(mbo),
            b'C' => self.cancel(mbo),
            b'M' => self.modify(mbo),
            b'R' => *self = Self::default(),
            _ => {}
        }
    }

    /// The best levels with size and count, as documented; of these the prices.
    #[inline]
    pub fn bbo(&self) -> Bbo {
        let bid = self.bids.iter().next_back();
        let ask = self.asks.iter().next();
        let [bid, ask] = [bid, ask].map(|level| {
            let level = level.map(|(price, orders)| PriceLevel::new(*price, orders));
            black_box(level).map_or(UNDEF_PRICE, |level| level.price)
        });
        Bbo { bid, ask }
    }

    /// The best prices and nothing else.
    #[inline]
    pub fn prices(&self) -> Bbo {
        Bbo {
            bid: self
                .bids
                .last_key_value()
                .map_or(UNDEF_PRICE, |level| *level.0),
            ask: self
                .asks
                .first_key_value()
                .map_or(UNDEF_PRICE, |level| *level.0),
        }
    }

    fn order_size(&self, order_id: u64) -> Option<u32> {
        let (is_bid, price) = *self.orders.get(&order_id)?;
        let levels = if is_bid { &self.bids } else { &self.asks };
        let level = levels.get(&price)?;
        Some(level.iter().find(|order| order.order_id == order_id)?.size)
    }

    fn add(&mut self, mbo: &MboMsg) {
        let is_bid = mbo.side as u8 == b'B';
        if mbo.flags.is_tob() {
            let levels = self.side(is_bid);
            levels.clear();
            if mbo.price != UNDEF_PRICE {
                levels.insert(mbo.price, VecDeque::from([mbo.clone()]));
            }
            return;
        }
        self.orders.insert(mbo.order_id, (is_bid, mbo.price));
        self.side(is_bid)
            .entry(mbo.price)
            .or_default()
            .push_back(mbo.clone());
    }

    fn cancel(&mut self, mbo: &MboMsg) {
        let is_bid = mbo.side as u8 == b'B';
        let Some(level) = self.side(is_bid).get_mut(&mbo.price) else {
            return;
        };
        let Some(place) = level
            .iter()
            .position(|order| order.order_id == mbo.order_id)
        else {
            return;
        };
        level[place].size = level[place].size.saturating_sub(mbo.size);
        if level[place].size > 0 {
            return;
        }
        level.remove(place);
        if level.is_empty() {
            self.side(is_bid).remove(&mbo.price);
        }
        self.orders.remove(&mbo.order_id);
    }

    fn modify(&mut self, mbo: &MboMsg) {
        let is_bid = mbo.side as u8 == b'B';
        let Some(known) = self.orders.get_mut(&mbo.order_id) else {
            return self.add(mbo);
        };
        let (was_bid, was_price) = std::mem::replace(known, (is_bid, mbo.price));
        let Some(level) = self.side(was_bid).get_mut(&was_price) else {
            return;
        };
        let Some(place) = level
            .iter()
            .position(|order| order.order_id == mbo.order_id)
        else {
            return;
        };
        if was_price == mbo.price {
            level[place].size = mbo.size;
            return;
        }
        level.remove(place);
        if level.is_empty() {
            self.side(was_bid).remove(&was_price);
        }
        self.side(is_bid)
            .entry(mbo.price)
            .or_default()
            .push_back(mbo.clone());
    }

    fn side(&mut self, is_bid: bool) -> &mut BTreeMap<i64, Level> {
        if is_bid {
            &mut self.bids
        } else {
            &mut self.asks
        }
    }
}
