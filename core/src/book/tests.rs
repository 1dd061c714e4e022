//! Tests of the books: the faults of the reliability list by number, the vector of the order
//! book, the layout in memory; against the naive twin in `random`. In `checks` the checking of a
//! book is itself put to the proof, in `pools` what is handed out and taken back.

mod checks;
mod faults;
mod pools;
mod random;
mod twin;

use alloc::vec::Vec;

use bumpalo::Bump;

use super::directory::Directories;
use super::head::Head;
use super::index::{KeyIndex, OrderIndex};
use super::nodes::{Node, PAGE_LEVELS};
use super::{Book, BookLimits, Books, Level, LimitError, Place, Resting, Shared, Totals};
use crate::event::{
    Body, BookUpdate, Control, Effect, Mbo, Msg, RecordHeader, Stamp, Touch, Trust,
};
use crate::stage::{Sink, Stage, Through};
use crate::types::{
    Action, BookKey, Flags, InstrumentId, Nanos, OrderId, Price, PublisherId, Side,
};

const KEY: BookKey = BookKey {
    instrument_id: InstrumentId(17_077),
    publisher_id: PublisherId(1),
};

/// A price of so many points and hundredths.
const fn price(points: i64, hundredths: i64) -> Price {
    Price((points * 100 + hundredths) * 10_000_000)
}

const P41: Price = price(41, 0);

/// Plays one instrument's records, with times and sequence that go on by themselves.
struct Desk<'a> {
    books: Books<'a>,
    next: Mbo,
}

impl<'a> Desk<'a> {
    fn new(bump: &'a Bump) -> Self {
        Self::with(bump, &small())
    }

    fn with(bump: &'a Bump, limits: &BookLimits) -> Self {
        Self {
            books: Books::new_in(bump, limits).expect("limits are sound"),
            next: Mbo {
                header: RecordHeader::UNSET,
                ts_event: Nanos(1_703_545_200_000_000_000),
                ts_recv: Nanos(1_703_545_200_000_020_000),
                order_id: OrderId(0),
                price: Price::UNDEFINED,
                size: 0,
                sequence: 100,
                ts_in_delta: 15_000,
                instrument_id: KEY.instrument_id,
                publisher_id: KEY.publisher_id,
                flags: Flags::LAST,
                action: Action::None,
                side: Side::None,
                channel_id: 0,
            },
        }
    }

    /// A desk whose book is good: the venue has just emptied it.
    fn opened(bump: &'a Bump) -> Self {
        let mut desk = Self::new(bump);
        let update = desk.clear(Flags::LAST);
        assert_eq!(update.trust, Trust::Good);
        desk
    }

    /// A good book of three bids at 41.00 (ids 1 to 3, sizes 5, 3, 2) and an ask at 41.50.
    fn filled(bump: &'a Bump) -> Self {
        let mut desk = Self::opened(bump);
        for (id, size) in [(1, 5), (2, 3), (3, 2)] {
            desk.add(Side::Bid, id, P41, size);
        }
        desk.add(Side::Ask, 9, price(41, 50), 4);
        desk
    }

    fn apply(&mut self, mbo: Mbo) -> BookUpdate {
        let update = self.books.apply(&mbo);
        *update.expect("the instrument has room")
    }

    /// Completes a record with the next time and sequence.
    fn record(&mut self, action: Action, side: Side, id: u64, price: Price, size: u32) -> Mbo {
        self.next.ts_event.0 += 1_000;
        self.next.ts_recv.0 += 1_000;
        self.next.sequence += 1;
        Mbo {
            order_id: OrderId(id),
            price,
            size,
            action,
            side,
            ..self.next
        }
    }

    fn play(&mut self, action: Action, side: Side, id: u64, price: Price, size: u32) -> BookUpdate {
        let mbo = self.record(action, side, id, price, size);
        self.apply(mbo)
    }

    fn add(&mut self, side: Side, id: u64, price: Price, size: u32) -> BookUpdate {
        self.play(Action::Add, side, id, price, size)
    }

    fn cancel(&mut self, side: Side, id: u64, price: Price, size: u32) -> BookUpdate {
        self.play(Action::Cancel, side, id, price, size)
    }

    fn modify(&mut self, side: Side, id: u64, price: Price, size: u32) -> BookUpdate {
        self.play(Action::Modify, side, id, price, size)
    }

    fn clear(&mut self, flags: Flags) -> BookUpdate {
        let mbo = self.record(Action::Clear, Side::None, 0, Price::UNDEFINED, 0);
        self.apply(Mbo { flags, ..mbo })
    }

    /// An add that a snapshot carries: old times, its own sequence.
    fn snapshot(&mut self, id: u64, price: Price, sequence: u32, flags: Flags) -> BookUpdate {
        let mbo = self.record(Action::Add, Side::Bid, id, price, 7);
        let snapshot = Flags::SNAPSHOT.with(Flags::BAD_TS_RECV);
        self.apply(Mbo {
            ts_event: Nanos(1_000),
            sequence,
            flags: snapshot.with(flags),
            ..mbo
        })
    }

    /// Clear and a whole snapshot of one bid: what ends a quarantine.
    fn recover(&mut self) -> BookUpdate {
        self.clear(Flags::SNAPSHOT);
        self.snapshot(1, P41, 1, Flags::LAST)
    }

    fn book(&self) -> Book<'_> {
        self.books.get(KEY).expect("seen")
    }

    fn queue(&self, side: Side, price: Price) -> Vec<(u64, u64)> {
        let orders = self.book().queue(side, price);
        orders.map(|order| (order.order_id.0, order.size)).collect()
    }
}

/// Limits for a test of a few orders.
fn small() -> BookLimits {
    BookLimits {
        instruments_max: 8,
        orders_max: 1_024,
        pages_max: 256,
        ..BookLimits::default()
    }
}

/// The vector of M9: the touch after each record of a short session.
#[test]
fn m9_vector_gives_the_stated_touch_after_each_record() {
    let bump = Bump::new();
    let mut desk = Desk::opened(&bump);
    let steps = [
        (Action::Add, Side::Bid, 1, price(41, 0), 5),
        (Action::Add, Side::Ask, 2, price(41, 50), 3),
        (Action::Add, Side::Ask, 3, price(41, 50), 4),
        (Action::Add, Side::Bid, 4, price(41, 25), 2),
        (Action::Trade, Side::Bid, 0, price(41, 50), 3),
        (Action::Fill, Side::Ask, 2, price(41, 50), 3),
        (Action::Cancel, Side::Ask, 2, price(41, 50), 3),
        (Action::Modify, Side::Ask, 3, price(41, 75), 4),
        (Action::Cancel, Side::Bid, 4, price(41, 25), 1),
    ];
    let bids = [
        (4_100, 5),
        (4_100, 5),
        (4_100, 5),
        (4_125, 2),
        (4_125, 2),
        (4_125, 2),
        (4_125, 2),
        (4_125, 2),
        (4_125, 1),
    ];
    let asks = [
        None,
        Some((4_150, 3)),
        Some((4_150, 7)),
        Some((4_150, 7)),
        Some((4_150, 7)),
        Some((4_150, 7)),
        Some((4_150, 4)),
        Some((4_175, 4)),
        Some((4_175, 4)),
    ];
    for ((step, bid), ask) in steps.into_iter().zip(bids).zip(asks) {
        let (action, side, id, at, size) = step;
        let touch = desk.play(action, side, id, at, size).touch;
        assert_eq!((touch.bid, touch.bid_size), (price(0, bid.0), bid.1));
        match ask {
            Some((ask, size)) => {
                assert_eq!((touch.ask, touch.ask_size), (price(0, ask), size));
            }
            None => assert_eq!(touch.ask, Price::UNDEFINED),
        }
    }
}

#[test]
fn touch_changes_only_with_the_last_record_of_an_event() {
    let bump = Bump::new();
    let mut desk = Desk::opened(&bump);
    let first = desk.record(Action::Add, Side::Bid, 1, P41, 5);
    let update = desk.apply(Mbo {
        flags: Flags(0),
        ..first
    });
    assert_eq!((update.touch, update.touch_changed), (Touch::EMPTY, false));
    assert_eq!((update.level_size, update.level_count), (5, 1));
    assert!(desk.book().is_event_open());
    let update = desk.add(Side::Bid, 2, P41, 1);
    assert_eq!((update.touch.bid_size, update.touch.bid_count), (6, 2));
    assert!(update.touch_changed && !desk.book().is_event_open());
    let update = desk.play(Action::Trade, Side::Ask, 0, P41, 1);
    assert!(!update.touch_changed);
}

#[test]
fn depth_queue_order_and_totals_agree() {
    let bump = Bump::new();
    let mut desk = Desk::filled(&bump);
    desk.add(Side::Bid, 4, price(40, 75), 8);
    let book = desk.book();
    let depth = book.depth(Side::Bid).collect::<Vec<_>>();
    let level = |price, size, count| Level { price, size, count };
    assert_eq!(depth, [level(P41, 10, 3), level(price(40, 75), 8, 1)]);
    assert_eq!(book.level(Side::Bid, P41), Some(level(P41, 10, 3)));
    assert_eq!(book.level(Side::Ask, P41), None);
    assert_eq!(book.level(Side::None, P41), None);
    assert_eq!(desk.queue(Side::Bid, P41), [(1, 5), (2, 3), (3, 2)]);
    let place = Place {
        price: P41,
        side: Side::Bid,
        size: 2,
        ahead_size: 8,
        ahead_count: 2,
    };
    assert_eq!(book.order(OrderId(3)), Some(place));
    assert_eq!(book.order(OrderId(77)), None);
    let totals = Totals {
        size: 18,
        orders: 4,
        levels: 2,
    };
    assert_eq!(book.totals(Side::Bid), totals);
    assert_eq!(book.depth(Side::None).count(), 0);
}

#[test]
fn hash_is_of_the_content_and_not_of_its_history() {
    let (bump, other) = (Bump::new(), Bump::new());
    let straight = Desk::filled(&bump);
    let mut winding = Desk::opened(&other);
    winding.add(Side::Ask, 40, price(43, 0), 1);
    winding.add(Side::Ask, 9, price(41, 50), 6);
    winding.add(Side::Bid, 1, P41, 5);
    winding.add(Side::Bid, 3, price(40, 0), 2);
    winding.add(Side::Bid, 2, P41, 3);
    winding.modify(Side::Bid, 3, P41, 2);
    winding.cancel(Side::Ask, 40, price(43, 0), 1);
    assert_ne!(straight.books.hash(), winding.books.hash());
    winding.cancel(Side::Ask, 9, price(41, 50), 2);
    assert_eq!(straight.books.hash(), winding.books.hash());
    winding.modify(Side::Bid, 1, P41, 6);
    winding.modify(Side::Bid, 1, P41, 5);
    assert_ne!(
        straight.books.hash(),
        winding.books.hash(),
        "same sizes, another order in the queue"
    );
}

#[test]
fn books_are_per_instrument_and_publisher() {
    let bump = Bump::new();
    let mut desk = Desk::filled(&bump);
    let mbo = desk.record(Action::Cancel, Side::Bid, 1, P41, 5);
    let elsewhere = Mbo {
        publisher_id: PublisherId(2),
        ..mbo
    };
    assert_eq!(desk.apply(elsewhere).effect, Effect::Refused);
    assert_eq!(desk.queue(Side::Bid, P41).len(), 3);
    assert_eq!(desk.books.len(), 2);
    assert_eq!(desk.books.counters().unknown_cancel, 1);
    assert_eq!(desk.book().counters().unknown_cancel, 0);
}

#[test]
fn a_book_joined_midway_is_good_after_enough_clean_events() {
    let bump = Bump::new();
    let limits = small();
    let mut desk = Desk::with(&bump, &limits);
    let settle_events = u64::from(limits.thresholds.settle_events);
    for id in 1..settle_events {
        assert_eq!(desk.add(Side::Bid, id, P41, 1).trust, Trust::Recovering);
    }
    // An unknown order says that there was more before: the count begins anew.
    assert_eq!(desk.cancel(Side::Bid, 999, P41, 1).trust, Trust::Recovering);
    for id in 0..settle_events - 2 {
        let update = desk.add(Side::Bid, 1_000 + id, P41, 1);
        assert_eq!(update.trust, Trust::Recovering);
    }
    assert_eq!(desk.add(Side::Bid, 5_000, P41, 1).trust, Trust::Good);
}

#[test]
fn a_snapshot_without_marked_end_is_good_after_enough_clean_events() {
    let bump = Bump::new();
    let mut desk = Desk::new(&bump);
    desk.snapshot(1, P41, 5, Flags(0));
    desk.snapshot(2, P41, 6, Flags(0));
    assert_eq!(desk.book().trust(), Trust::Recovering);
    let settle_events = u64::from(small().thresholds.settle_events);
    for id in 1..settle_events {
        assert_eq!(
            desk.add(Side::Bid, 10 + id, P41, 1).trust,
            Trust::Recovering
        );
    }
    assert_eq!(desk.add(Side::Bid, 500, P41, 1).trust, Trust::Good);
}

#[test]
fn tob_add_replaces_its_side_and_undefined_price_empties_it() {
    let bump = Bump::new();
    let mut desk = Desk::filled(&bump);
    let mbo = desk.record(Action::Add, Side::Bid, 0, price(41, 25), 9);
    let tob = Flags::TOB.with(Flags::LAST);
    let update = desk.apply(Mbo { flags: tob, ..mbo });
    assert_eq!(update.effect, Effect::Replaced);
    assert_eq!(
        (update.touch.bid, update.touch.bid_size),
        (price(41, 25), 9)
    );
    assert_eq!(desk.book().totals(Side::Bid).levels, 1);
    assert_eq!(desk.book().totals(Side::Ask).levels, 1);
    let mbo = desk.record(Action::Add, Side::Bid, 0, Price::UNDEFINED, 0);
    let update = desk.apply(Mbo { flags: tob, ..mbo });
    assert_eq!(update.touch.bid, Price::UNDEFINED);
    assert_eq!(update.touch.ask, price(41, 50));
    assert_eq!(desk.book().check(), Ok(()));
}

#[test]
fn quote_sets_both_sides_to_one_level_each() {
    let bump = Bump::new();
    let mut desk = Desk::new(&bump);
    let quote = Touch {
        bid: P41,
        ask: price(41, 25),
        // More than an order can have.
        bid_size: 5 << 32,
        ask_size: 6,
        bid_count: 12,
        ask_count: 0,
    };
    for _ in 0..3 {
        let mbo = desk.record(Action::Fill, Side::Ask, 0, price(41, 25), 1);
        let update = desk.books.apply_quote(&mbo, &quote);
        let update = update.expect("there is room");
        assert_eq!((update.touch, update.trust), (quote, Trust::Good));
        assert_eq!((update.level_size, update.level_count), (6, 0));
        assert_eq!(desk.book().check(), Ok(()));
    }
    assert_eq!(desk.books.free_orders(), small().orders_max - 7);
}

#[test]
fn unit_becomes_finer_when_a_price_is_off_the_grid() {
    let bump = Bump::new();
    let mut desk = Desk::opened(&bump);
    let prices = [
        price(41, 0),
        price(40, 50),
        price(40, 75),
        price(-3, 10),
        Price(0),
        Price(1),
        Price(i64::MIN),
        Price(i64::MAX - 1),
        price(40, 51),
    ];
    for (id, at) in prices.into_iter().enumerate() {
        let update = desk.add(Side::Bid, id as u64, at, 1);
        assert_eq!((update.effect, update.level_count), (Effect::Added, 1));
        let update = desk.add(Side::Ask, 100 + id as u64, at, 2);
        assert_eq!((update.effect, update.level_size), (Effect::Added, 2));
        assert_eq!(desk.book().check(), Ok(()));
    }
    let bids = desk.book().depth(Side::Bid).map(|level| level.price);
    assert!(bids.is_sorted_by(|a, b| a > b));
    let asks = desk.book().depth(Side::Ask).map(|level| level.price);
    assert!(asks.is_sorted_by(|a, b| a < b));
    for (id, at) in prices.into_iter().enumerate() {
        desk.cancel(Side::Bid, id as u64, at, 1);
        desk.cancel(Side::Ask, 100 + id as u64, at, 2);
    }
    assert_eq!(desk.books.free_pages(), small().pages_max);
    assert_eq!(desk.books.free_orders(), small().orders_max);
}

#[test]
fn order_table_grows_without_losing_an_order() {
    let bump = Bump::new();
    let limits = BookLimits {
        orders_max: 1 << 15,
        ..small()
    };
    let mut desk = Desk::with(&bump, &limits);
    let count = u64::from(limits.orders_max);
    // Neighbours, strides that a weak hash would fold together, and ids all over the range.
    for stride in [1, 3, 8, 1 << 20, 1 << 32, 0x0123_4567_89AB_CDEF] {
        let id = |n: u64| n.wrapping_mul(stride);
        for n in 0..count {
            let update = desk.add(Side::Ask, id(n), price((n % 50) as i64, 0), 1);
            assert_eq!(update.effect, Effect::Added);
        }
        assert_eq!(desk.books.free_orders(), 0);
        for n in (0..count).step_by(2).chain((1..count).step_by(2)) {
            let update = desk.cancel(Side::Ask, id(n), price((n % 50) as i64, 0), 1);
            assert_eq!(update.effect, Effect::Removed);
        }
        assert_eq!(desk.books.free_orders(), limits.orders_max);
    }
    assert_eq!(desk.books.counters().unknown_cancel, 0);
}

/// What is looked at ahead may be what comes, something else, or nothing, for an instrument that
/// is known or not: the updates are those of books that never look.
#[test]
fn a_look_ahead_changes_nothing_whatever_it_sees() {
    let limits = BookLimits {
        instruments_max: 40,
        ..small()
    };
    let (seeing, blind) = (Bump::new(), Bump::new());
    let mut seeing = Books::new_in(&seeing, &limits).expect("sound limits");
    let mut blind = Books::new_in(&blind, &limits).expect("sound limits");
    let mut random = 7_u64;
    let mut record = |step: u64| {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(step);
        let turn = random >> 33;
        Mbo {
            action: [Action::Add, Action::Cancel, Action::Modify][(turn % 3) as usize],
            side: [Side::Bid, Side::Ask][(turn / 3 % 2) as usize],
            order_id: OrderId(turn / 6 % 5),
            price: price((turn / 30 % 40) as i64, 0),
            size: 1,
            instrument_id: InstrumentId((step / 50 + turn / 1_200 % 9) as u32 % 40),
            ts_event: Nanos(step + 1),
            ts_recv: Nanos(step + 1),
            sequence: step as u32 + 1,
            flags: Flags::LAST,
            ..Mbo::default()
        }
    };
    let records: Vec<Mbo> = (0..3_000).map(&mut record).collect();
    for (at, mbo) in records.iter().enumerate() {
        let astray = record(at as u64);
        seeing.hint(|ahead| match at % 7 {
            0 => None,
            1 => Some(astray),
            _ => records.get(at + ahead).copied(),
        });
        assert_eq!(seeing.apply(mbo), blind.apply(mbo), "record {at}");
    }
    assert_eq!(seeing.len(), 40);
    assert_eq!(seeing.hash(), blind.hash());
}

struct Outputs(Vec<Msg<BookUpdate>>);

impl Sink<BookUpdate> for Outputs {
    fn room(&mut self) -> usize {
        usize::MAX
    }

    fn data(&mut self, stamp: Stamp, data: &BookUpdate) {
        let body = Body::Data(*data);
        self.0.push(Msg { stamp, body });
    }

    fn control(&mut self, stamp: Stamp, control: &Control) {
        let body = Body::Control(*control);
        self.0.push(Msg { stamp, body });
    }
}

#[test]
fn as_a_stage_each_record_gives_one_update_and_control_passes_on() {
    let bump = Bump::new();
    let mut desk = Desk::new(&bump);
    let mut outputs = Outputs(Vec::new());
    let record = desk.record(Action::Add, Side::Bid, 1, P41, 5);
    let bodies = [Body::Data(record), Body::Control(Control::End)];
    for (sequence, body) in bodies.into_iter().enumerate() {
        let stamp = Stamp {
            sequence: sequence as u64,
            ..Stamp::default()
        };
        let (stage, sink) = (&mut desk.books, &mut outputs);
        Through { stage, sink }.put(&Msg { stamp, body });
    }
    let [data, control] = &outputs.0[..] else {
        panic!("two outputs, not {:?}", outputs.0);
    };
    assert!(matches!(data.body, Body::Data(update) if update.effect == Effect::Added));
    assert_eq!(control.body, Body::Control(Control::End));
    assert_eq!(control.stamp.sequence, 1);
}

#[test]
fn the_arena_is_as_large_as_the_limits_say() {
    for limits in [small(), BookLimits::default()] {
        let bump = Bump::with_capacity(limits.bytes());
        let reserved = bump.allocated_bytes();
        let books = Books::new_in(&bump, &limits).expect("limits are sound");
        assert!(books.is_empty());
        assert_eq!(bump.allocated_bytes(), reserved, "no second chunk");
    }
}

#[test]
fn limits_that_make_no_sense_are_refused_by_name() {
    let bump = Bump::new();
    let limits = BookLimits {
        orders_max: 0,
        ..small()
    };
    let error = Books::new_in(&bump, &limits).expect_err("no orders, no book");
    assert!(matches!(
        error,
        LimitError::OutOfRange {
            name: "orders_max",
            value: 0,
            ..
        }
    ));
    let text = alloc::format!("{error}");
    assert!(
        text.contains("orders_max") && text.contains("config"),
        "{text}"
    );
}

#[test]
fn a_quiet_instrument_takes_at_most_2_kib() {
    // A head, its share of the key table, and on each side a page and a directory block.
    let side = PAGE_LEVELS as usize * size_of::<Node>() + 4 * Directories::ENTRY_BYTES;
    let keys = KeyIndex::capacity(1 << 14) * KeyIndex::ENTRY_BYTES / (1 << 14);
    let quiet = size_of::<Head>() + keys + 2 * side;
    assert!(quiet <= 2_048, "{quiet} bytes");
}

#[test]
fn a_resting_order_takes_at_most_64_bytes() {
    let orders_max = 1 << 19;
    let index = OrderIndex::capacity(orders_max) * OrderIndex::BUCKET_BYTES;
    let order = size_of::<Node>() + index / orders_max as usize;
    assert!(order <= 64, "{order} bytes");
}

#[test]
fn resting_is_what_a_queue_shows() {
    let bump = Bump::new();
    let desk = Desk::filled(&bump);
    let first = desk.book().queue(Side::Ask, price(41, 50)).next();
    let order = Resting {
        order_id: OrderId(9),
        size: 4,
    };
    assert_eq!(first, Some(order));
    assert_eq!(desk.book().key(), KEY);
}
