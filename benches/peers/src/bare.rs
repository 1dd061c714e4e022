//! A book with every queue and nothing else. No peer: a measure of what is possible here.
//!
//! It is the design's prototype, built again from its description. Prices are a dense ladder over all that the input
//! will use, with a bit for each level that has orders; ids are found in chained buckets of sixteen
//! bytes; orders are nodes of 32 bytes, linked in a circle through their level. Instruments, prices
//! and how many orders will rest it is told outside the time.
//!
//! What it leaves out is what a book owes its users: clocks, doubts, limits, ids that are taken
//! already, prices that nobody foresaw, what a record did, size and count of the touch. So a ratio
//! that it does not reach is hardly to be had here, and ours beside it tells what all that costs.

use std::collections::HashMap;

use dbn::MboMsg;
use zerocopy::FromBytes;

use crate::bbo::Bbo;
use crate::contest::{Outcome, see, timed};
use crate::input::{Input, Instrument};

/// No node, no instrument.
const NONE: u32 = u32::MAX;

/// No entry: the first one is a bucket, and none follows by its number.
const END: u32 = 0;

/// 2^64 over the golden ratio.
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// Bytes that a record counts its length in.
const WORD: usize = 4;

/// Bids and asks.
const SIDES: [usize; 2] = [0, 1];

/// Decoded records to best bid and offer.
pub fn book(input: &Input) -> Outcome {
    book_after(input, 0)
}

/// The same, the second half of the records only: the first fills the books.
pub fn book_with_full_books(input: &Input) -> Outcome {
    book_after(input, input.records.len() / 2)
}

fn book_after(input: &Input, untimed: usize) -> Outcome {
    let messages: Vec<_> = input.records.iter().map(Message::from).collect();
    let (before, after) = messages.split_at(untimed);
    let mut market = Market::new(input);
    let run = |sum, message| market.see(sum, message);
    let sum = before.iter().fold(0, run);
    timed(|| {
        after
            .iter()
            .fold(sum, |sum, message| market.see(sum, message))
    })
}

/// Bytes to best bid and offer, in a walk that believes every length.
pub fn chain(input: &Input) -> Outcome {
    const METADATA: usize = 8;
    let len = input.bytes[4..METADATA].try_into().map(u32::from_le_bytes);
    let records = &input.bytes[METADATA + len.expect("four bytes") as usize..];
    let mut market = Market::new(input);
    timed(|| {
        let (mut rest, mut sum) = (records, 0);
        while let Some((&words, &rtype)) = rest.first().zip(rest.get(1)) {
            if rtype == dbn::rtype::MBO
                && let Ok((message, _)) = Message::read_from_prefix(rest)
            {
                sum = market.see(sum, &message);
            }
            rest = rest.get(WORD * usize::from(words)..).unwrap_or_default();
        }
        sum
    })
}

/// A record as it lies in a file.
#[derive(Clone, Copy, FromBytes)]
#[repr(C)]
pub struct Message {
    words: u8,
    rtype: u8,
    publisher: u16,
    instrument: u32,
    ts_event: u64,
    order_id: u64,
    price: i64,
    size: u32,
    flags: u8,
    channel: u8,
    action: u8,
    side: u8,
    ts_recv: u64,
    ts_in_delta: i32,
    sequence: u32,
}

impl Message {
    fn is_last(&self) -> bool {
        self.flags & dbn::flags::LAST != 0
    }

    fn side(&self) -> usize {
        usize::from(self.side == b'A')
    }
}

impl From<&MboMsg> for Message {
    fn from(mbo: &MboMsg) -> Self {
        Self {
            words: (size_of::<Self>() / WORD) as u8,
            rtype: mbo.hd.rtype,
            publisher: mbo.hd.publisher_id,
            instrument: mbo.hd.instrument_id,
            ts_event: mbo.hd.ts_event,
            order_id: mbo.order_id,
            price: mbo.price,
            size: mbo.size,
            flags: mbo.flags.raw(),
            channel: mbo.channel_id,
            action: mbo.action as u8,
            side: mbo.side as u8,
            ts_recv: mbo.ts_recv,
            ts_in_delta: mbo.ts_in_delta,
            sequence: mbo.sequence,
        }
    }
}

/// All books of a session.
pub struct Market {
    /// Levels of all books, and behind them the orders.
    nodes: Vec<Node>,
    /// The first node that nobody has; the rest follow by `next`.
    free: u32,
    ids: Ids,
    books: Vec<Book>,
    /// Instrument to book, open addressing, at most half full.
    places: Vec<(u32, u32)>,
    /// Instrument and book of the last record.
    last: (u32, u32),
}

/// An order, or the level that heads a queue of orders.
#[derive(Clone, Copy)]
struct Node {
    order_id: u64,
    size: u32,
    level: u32,
    next: u32,
    prev: u32,
    #[allow(dead_code, reason = "written, as whoever tells priority must")]
    sequence: u32,
    count: u32,
}

/// The ladder of one instrument.
struct Book {
    /// Price of the lowest level.
    lowest: i64,
    tick: i64,
    /// 2^64 over the tick, rounded up: a multiplication instead of a division.
    per_tick: u64,
    /// Its first node: a level for each price of a bid, then one for each price of an ask.
    first: u32,
    /// How many levels a side has, a multiple of 64.
    levels: u32,
    /// A bit for each level of both sides that has orders.
    occupied: Vec<u64>,
    /// Place of the best level of each side; the worst one when there is none.
    best: [u32; 2],
}

impl Market {
    /// Empty books for an input.
    pub fn new(input: &Input) -> Self {
        let orders = *input.resting_max.get_or_init(|| resting_max(input)) as u32;
        let mut nodes = Vec::new();
        let books: Vec<_> = input
            .instruments
            .iter()
            .map(|instrument| Book::new(instrument, &mut nodes))
            .collect();
        let free = nodes.len() as u32;
        nodes.extend((1..=orders).map(|order| Node {
            next: free + order,
            ..Node::level(NONE)
        }));
        let mut places = vec![(NONE, NONE); (2 * books.len()).next_power_of_two()];
        for (instrument, book) in input.instruments.iter().zip(0..) {
            let place = place(&places, instrument.id);
            places[place] = (instrument.id, book);
        }
        Self {
            nodes,
            free,
            ids: Ids::new(orders as usize),
            books,
            places,
            last: (NONE, NONE),
        }
    }

    /// Applies a record, reads the best bid and offer, and folds them into a checksum after LAST.
    #[inline(always)]
    fn see(&mut self, sum: u64, message: &Message) -> u64 {
        see(sum, self.apply(message), message.is_last())
    }

    /// Applies a record and reads the best bid and offer.
    #[inline(always)]
    pub fn apply(&mut self, message: &Message) -> Bbo {
        if self.last.0 != message.instrument {
            self.last = self.places[place(&self.places, message.instrument)];
        }
        let book = self.last.1;
        match message.action {
            b'A' => self.add(book, message),
            b'C' => self.cancel(book, message),
            b'M' => self.modify(book, message),
            b'R' => self.clear(book),
            _ => {}
        }
        self.books[book as usize].bbo(&self.nodes)
    }

    #[inline(always)]
    fn add(&mut self, book: u32, message: &Message) {
        let order = self.free;
        self.free = self.nodes[order as usize].next;
        let bucket = self.ids.bucket(book, message.order_id);
        self.ids.insert(bucket, message.order_id, order);
        self.join(book, message, order);
    }

    #[inline(always)]
    fn cancel(&mut self, book: u32, message: &Message) {
        let bucket = self.ids.bucket(book, message.order_id);
        let order = self.ids.find(bucket, message.order_id);
        let Some(node) = self.nodes.get_mut(order as usize) else {
            return;
        };
        if message.size < node.size {
            let level = node.level;
            node.size -= message.size;
            self.nodes[level as usize].size -= message.size;
            return;
        }
        self.leave(book, order);
        self.ids.remove(bucket, message.order_id);
        self.give(order);
    }

    #[inline(always)]
    fn modify(&mut self, book: u32, message: &Message) {
        let bucket = self.ids.bucket(book, message.order_id);
        let order = self.ids.find(bucket, message.order_id);
        let Some(node) = self.nodes.get_mut(order as usize) else {
            return;
        };
        let level = self.books[book as usize].level(message);
        if node.level == level && message.size <= node.size {
            let less = node.size - message.size;
            node.size = message.size;
            self.nodes[level as usize].size -= less;
            return;
        }
        self.leave(book, order);
        self.join(book, message, order);
    }

    /// Puts an order at the back of its queue.
    #[inline(always)]
    fn join(&mut self, book: u32, message: &Message, order: u32) {
        let book = &mut self.books[book as usize];
        let level = book.level(message);
        let head = &mut self.nodes[level as usize];
        let last = head.prev;
        head.prev = order;
        head.size += message.size;
        head.count += 1;
        self.nodes[last as usize].next = order;
        self.nodes[order as usize] = Node {
            order_id: message.order_id,
            size: message.size,
            level,
            next: level,
            prev: last,
            sequence: message.sequence,
            count: 0,
        };
        book.occupy(message.side(), level);
    }

    /// Takes an order out of its queue.
    #[inline(always)]
    fn leave(&mut self, book: u32, order: u32) {
        let Node {
            size,
            level,
            next,
            prev,
            ..
        } = self.nodes[order as usize];
        self.nodes[prev as usize].next = next;
        self.nodes[next as usize].prev = prev;
        let head = &mut self.nodes[level as usize];
        head.size -= size;
        head.count -= 1;
        if head.count == 0 {
            self.books[book as usize].vacate(level);
        }
    }

    fn give(&mut self, order: u32) {
        self.nodes[order as usize].next = self.free;
        self.free = order;
    }

    #[cold]
    fn clear(&mut self, book: u32) {
        let Book { first, levels, .. } = self.books[book as usize];
        for level in first..first + 2 * levels {
            while self.nodes[level as usize].next != level {
                let order = self.nodes[level as usize].next;
                let id = self.nodes[order as usize].order_id;
                self.leave(book, order);
                self.ids.remove(self.ids.bucket(book, id), id);
                self.give(order);
            }
        }
    }
}

impl Node {
    /// An empty level, which is its own queue.
    fn level(level: u32) -> Self {
        Self {
            order_id: 0,
            size: 0,
            level,
            next: level,
            prev: level,
            sequence: 0,
            count: 0,
        }
    }
}

impl Book {
    fn new(instrument: &Instrument, nodes: &mut Vec<Node>) -> Self {
        // One price more at each end, for the best level of a side that has none.
        let lowest = instrument.low - instrument.tick;
        let prices = (instrument.high - lowest) / instrument.tick + 2;
        let levels = (prices as u32).next_multiple_of(u64::BITS);
        let first = nodes.len() as u32;
        nodes.extend((first..first + 2 * levels).map(Node::level));
        Self {
            lowest,
            tick: instrument.tick,
            per_tick: u64::MAX / instrument.tick as u64 + 1,
            first,
            levels,
            occupied: vec![0; (2 * levels / u64::BITS) as usize],
            best: [0, levels - 1],
        }
    }

    #[inline(always)]
    fn level(&self, message: &Message) -> u32 {
        let above = (message.price - self.lowest) as u64;
        let place = (u128::from(above) * u128::from(self.per_tick)) >> u64::BITS;
        self.first + message.side() as u32 * self.levels + place as u32
    }

    #[inline(always)]
    fn bbo(&self, nodes: &[Node]) -> Bbo {
        let [bid, ask] = SIDES.map(|side| {
            let best = self.best[side];
            let level = self.first + side as u32 * self.levels + best;
            if nodes[level as usize].count == 0 {
                i64::MAX
            } else {
                self.lowest + i64::from(best) * self.tick
            }
        });
        Bbo { bid, ask }
    }

    #[inline(always)]
    fn occupy(&mut self, side: usize, level: u32) {
        let at = level - self.first;
        self.occupied[(at / u64::BITS) as usize] |= 1 << (at % u64::BITS);
        let place = at - side as u32 * self.levels;
        let best = self.best[side];
        self.best[side] = if side == 0 {
            best.max(place)
        } else {
            best.min(place)
        };
    }

    #[inline(always)]
    fn vacate(&mut self, level: u32) {
        let at = level - self.first;
        self.occupied[(at / u64::BITS) as usize] &= !(1 << (at % u64::BITS));
        let side = usize::from(at >= self.levels);
        if self.best[side] == at - side as u32 * self.levels {
            self.find_best(side);
        }
    }

    /// The best level, from where it was on.
    #[inline(always)]
    fn find_best(&mut self, side: usize) {
        let (bids, asks) = self.occupied.split_at((self.levels / u64::BITS) as usize);
        let at = (self.best[side] / u64::BITS) as usize;
        let place = |(word, bits): (usize, &u64), bit: u32| {
            (*bits != 0).then_some(word as u32 * u64::BITS + bit)
        };
        let best = if side == 0 {
            let words = bids[..=at].iter().enumerate().rev();
            let mut bits = words.filter_map(|it| place(it, 63 - it.1.leading_zeros()));
            bits.next().unwrap_or(0)
        } else {
            let words = asks.iter().enumerate().skip(at);
            let mut bits = words.filter_map(|it| place(it, it.1.trailing_zeros()));
            bits.next().unwrap_or(self.levels - 1)
        };
        self.best[side] = best;
    }
}

/// Order id to node: buckets, and behind them what follows in those that hold several.
struct Ids {
    entries: Vec<Entry>,
    /// The first entry that nobody has; the rest follow by `next`.
    free: u32,
    shift: u32,
}

#[derive(Clone, Copy)]
#[repr(align(16))]
struct Entry {
    order_id: u64,
    node: u32,
    next: u32,
}

impl Ids {
    fn new(orders: usize) -> Self {
        let buckets = orders.next_power_of_two().max(2);
        let entry = |next| Entry {
            order_id: 0,
            node: NONE,
            next,
        };
        let mut entries = vec![entry(END); buckets];
        entries.extend((1..=orders).map(|follower| entry((buckets + follower) as u32)));
        Self {
            entries,
            free: buckets as u32,
            shift: u64::BITS - buckets.ilog2(),
        }
    }

    #[inline(always)]
    fn bucket(&self, book: u32, order_id: u64) -> u32 {
        let key = order_id ^ u64::from(book) << 40;
        (key.wrapping_mul(GOLDEN) >> self.shift) as u32
    }

    #[inline(always)]
    fn find(&self, bucket: u32, order_id: u64) -> u32 {
        let mut entry = &self.entries[bucket as usize];
        if entry.node == NONE {
            return NONE;
        }
        while entry.order_id != order_id {
            if entry.next == END {
                return NONE;
            }
            entry = &self.entries[entry.next as usize];
        }
        entry.node
    }

    #[inline(always)]
    fn insert(&mut self, bucket: u32, order_id: u64, node: u32) {
        let first = self.entries[bucket as usize];
        let mut next = END;
        if first.node != NONE {
            next = self.free;
            self.free = self.entries[next as usize].next;
            self.entries[next as usize] = first;
        }
        self.entries[bucket as usize] = Entry {
            order_id,
            node,
            next,
        };
    }

    /// Takes out an id that is there.
    #[inline(always)]
    fn remove(&mut self, bucket: u32, order_id: u64) {
        let (mut before, mut at) = (END, bucket);
        let mut entry = self.entries[at as usize];
        while entry.order_id != order_id {
            (before, at) = (at, entry.next);
            entry = self.entries[at as usize];
        }
        if at != bucket {
            self.entries[before as usize].next = entry.next;
        } else if entry.next == END {
            self.entries[bucket as usize].node = NONE;
            return;
        } else {
            at = entry.next;
            self.entries[bucket as usize] = self.entries[at as usize];
        }
        self.entries[at as usize].next = self.free;
        self.free = at;
    }
}

/// Where an instrument stands, or the empty place where it would.
#[inline(always)]
fn place(places: &[(u32, u32)], instrument: u32) -> usize {
    let mask = places.len() - 1;
    let mut place = instrument.wrapping_mul(GOLDEN as u32) as usize;
    loop {
        let (its, _) = places[place & mask];
        if its == instrument || its == NONE {
            return place & mask;
        }
        place += 1;
    }
}

/// How many orders rest at most.
fn resting_max(input: &Input) -> usize {
    let mut sizes = HashMap::new();
    let mut most = 1;
    for mbo in &input.records {
        let key = (mbo.hd.instrument_id, mbo.order_id);
        match mbo.action as u8 {
            b'A' => drop(sizes.insert(key, mbo.size)),
            b'C' => {
                let left = sizes.get(&key).map(|size| size.saturating_sub(mbo.size));
                match left {
                    Some(0) => drop(sizes.remove(&key)),
                    Some(left) => drop(sizes.insert(key, left)),
                    None => {}
                }
            }
            b'M' => drop(sizes.entry(key).and_modify(|size| *size = mbo.size)),
            b'R' => sizes.retain(|(instrument, _), _| *instrument != key.0),
            _ => {}
        }
        most = most.max(sizes.len());
    }
    most
}
