//! The book against its twin, under random records and controls of every kind and fault.

use alloc::vec::Vec;

use bumpalo::Bump;
use proptest::prelude::*;

use super::super::{BookLimits, Books, Resting, Thresholds};
use super::twin::Twin;
use crate::event::{
    Control, Definition, FeedNotice, InstrumentClass, Mbo, RecordHeader, Status, Suspicion, Touch,
};
use crate::types::{
    Action, BookKey, Flags, InstrumentId, Nanos, OrderId, Price, PublisherId, Side, Text,
};

/// Records in the long run; at least ten million over all tests of this file.
const RECORDS: u64 = 10_200_000;

#[derive(Clone, Debug)]
struct Rng(u64);

impl Rng {
    fn new(seed: u64) -> Self {
        let mut rng = Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        rng.next();
        rng
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: u64) -> u64 {
        (self.next() >> 16) % end
    }

    /// True once in `n` times.
    fn once_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize]
    }
}

#[derive(Clone, Copy, Debug)]
enum Input {
    Record(Mbo),
    Quote(Mbo, Touch),
    Control(Control),
}

/// What kind of feed to play.
#[derive(Clone, Copy, Debug)]
struct Mood {
    /// One record in so many has a fault of some kind.
    fault_rate: u64,
    /// Order ids are below this, so they collide when it is small.
    ids: u64,
    /// Orders a book should hold, about.
    depth: u64,
    /// How far from the middle prices go, in ticks.
    ticks: u64,
}

const MOODS: [Mood; 4] = [
    Mood {
        fault_rate: 2_000,
        ids: u64::MAX,
        depth: 300,
        ticks: 400,
    },
    Mood {
        fault_rate: 60,
        ids: 1 << 20,
        depth: 100,
        ticks: 40,
    },
    Mood {
        fault_rate: 8,
        ids: 64,
        depth: 40,
        ticks: 12,
    },
    Mood {
        fault_rate: 2,
        ids: 12,
        depth: 10,
        ticks: 3,
    },
];

/// A feed that goes on in time and sequence, with the faults of its mood.
#[derive(Clone, Debug)]
struct Feed {
    mood: Mood,
    now: u64,
    sequence: u32,
}

impl Feed {
    fn new(mood: Mood) -> Self {
        Self {
            mood,
            now: 1_700_000_000_000_000_000,
            // Close to the wrap, which so becomes common.
            sequence: u32::MAX - 500,
        }
    }

    fn next(&mut self, rng: &mut Rng, twin: &Twin) -> Input {
        let key = BookKey {
            instrument_id: InstrumentId(rng.below(3) as u32),
            publisher_id: PublisherId(1 + u16::from(rng.once_in(4))),
        };
        let is_fault = rng.once_in(self.mood.fault_rate);
        if is_fault && rng.once_in(20) {
            return Input::Control(control(rng, key));
        }
        let mut mbo = self.sound(rng, twin, key);
        if is_fault {
            for _ in 0..1 + rng.below(3) {
                self.spoil(rng, &mut mbo);
            }
            if rng.once_in(12) {
                return Input::Quote(mbo, self.touch(rng));
            }
        }
        Input::Record(mbo)
    }

    /// A record as a sound feed sends it.
    fn sound(&mut self, rng: &mut Rng, twin: &Twin, key: BookKey) -> Mbo {
        self.now += rng.below(1_000);
        self.sequence = self.sequence.wrapping_add(rng.below(3) as u32);
        let orders_count = twin.books.get(&key).map_or(0, |book| book.orders.len());
        let known = twin.order_from(key, rng.below(self.mood.ids));
        let side = rng.pick(&[Side::Bid, Side::Ask]);
        let (price, size) = (self.price(rng, side), 1 + rng.below(30) as u32);
        let fresh = (OrderId(rng.below(self.mood.ids)), side, price, size);
        let grows = orders_count as u64 * 2 < rng.below(self.mood.depth * 4);
        let (action, (order_id, side, price, size)) = match (known, rng.below(100)) {
            (Some(known), 0..=3) => (Action::Fill, known),
            (Some(known), 4..=6) => (Action::Trade, known),
            (Some((id, side, price, size)), 7..=14) => {
                let part = 1 + rng.below(u64::from(size)) as u32;
                (Action::Cancel, (id, side, price, part))
            }
            (Some((id, side, old, old_size)), 15..=26) => {
                let price = if rng.once_in(2) {
                    old
                } else {
                    self.price(rng, side)
                };
                let size = if rng.once_in(3) { old_size } else { size };
                (Action::Modify, (id, side, price, size))
            }
            (Some(known), _) if !grows => (Action::Cancel, known),
            _ => (Action::Add, fresh),
        };
        Mbo {
            header: RecordHeader::UNSET,
            ts_event: Nanos(self.now),
            ts_recv: Nanos(self.now + 20_000),
            order_id,
            price,
            size,
            sequence: self.sequence,
            ts_in_delta: 15_000,
            instrument_id: key.instrument_id,
            publisher_id: key.publisher_id,
            flags: if rng.once_in(4) {
                Flags(0)
            } else {
                Flags::LAST
            },
            action,
            side,
            channel_id: 0,
        }
    }

    fn price(&self, rng: &mut Rng, side: Side) -> Price {
        let distance = (rng.below(self.mood.ticks + 1) * rng.below(self.mood.ticks + 1)
            / (self.mood.ticks + 1)) as i64;
        let ticks = match side {
            Side::Bid => -distance,
            _ => 1 + distance,
        };
        // Around zero, so that prices of both signs and zero itself are common.
        Price(ticks * 250_000_000)
    }

    fn spoil(&mut self, rng: &mut Rng, mbo: &mut Mbo) {
        match rng.below(17) {
            0 => mbo.order_id = OrderId(rng.below(self.mood.ids)),
            1 => mbo.action = rng.pick(&Action::ALL),
            2 => mbo.side = rng.pick(&[Side::Bid, Side::Ask, Side::None]),
            3 => mbo.size = rng.pick(&[0, 1, 40, u32::MAX]),
            4 => mbo.price = odd_price(rng),
            5 => mbo.flags = mbo.flags.with(Flags::SNAPSHOT).with(Flags::BAD_TS_RECV),
            6 => mbo.flags = mbo.flags.with(Flags::TOB),
            7 => mbo.flags = Flags(rng.next() as u8),
            8 => mbo.flags = mbo.flags.with(Flags::MAYBE_BAD_BOOK),
            9 => mbo.sequence = rng.pick(&[0, 1, self.sequence.wrapping_sub(5), u32::MAX]),
            10 => mbo.ts_event = Nanos(rng.pick(&[0, 1, u64::MAX, self.now + 10_000_000])),
            11 => mbo.ts_recv = Nanos(rng.pick(&[0, 1, u64::MAX, self.now - 1_000_000])),
            12 => mbo.ts_in_delta = rng.pick(&[-1, i32::MIN, i32::MAX, 0]),
            13 => mbo.flags = Flags(mbo.flags.0 & !Flags::LAST.0),
            14 => (mbo.action, mbo.flags) = (Action::Clear, rng.pick(&CLEARS)),
            15 => {
                let snapshot = Flags::SNAPSHOT.with(Flags::BAD_TS_RECV);
                (mbo.action, mbo.flags) = (Action::Add, snapshot.with(rng.pick(&CLEARS)));
                mbo.sequence = self.sequence.wrapping_sub(rng.below(40) as u32);
            }
            _ => self.now += rng.below(20_000_000_000),
        }
    }

    fn touch(&self, rng: &mut Rng) -> Touch {
        let mut touch = Touch {
            bid: self.price(rng, Side::Bid),
            ask: self.price(rng, Side::Ask),
            bid_size: rng.below(100),
            ask_size: rng.pick(&[1, 7, u64::from(u32::MAX)]),
            bid_count: rng.below(10) as u32,
            ask_count: rng.below(10) as u32,
        };
        if rng.once_in(4) {
            touch.ask = Price::UNDEFINED;
        }
        touch
    }
}

const CLEARS: [Flags; 4] = [
    Flags(0),
    Flags::LAST,
    Flags::SNAPSHOT,
    Flags(Flags::SNAPSHOT.0 | Flags::LAST.0),
];

fn odd_price(rng: &mut Rng) -> Price {
    let any = rng.next().cast_signed() >> rng.below(63);
    let cent = 10_000_000 * rng.below(200).cast_signed();
    Price(rng.pick(&[i64::MAX, i64::MIN, i64::MAX - 1, 0, -cent, cent, cent, any]))
}

fn control(rng: &mut Rng, key: BookKey) -> Control {
    match rng.below(6) {
        0 => Control::Suspect(key, Suspicion::UnknownAction),
        1 => Control::Status(Status {
            key,
            ts_event: Nanos(1),
            action: 7,
            reason: 0,
            is_trading: rng.pick(&[None, Some(true), Some(false)]),
        }),
        2 => Control::Feed(rng.pick(&[
            FeedNotice::Heartbeat,
            FeedNotice::Skipped,
            FeedNotice::Reconnected,
            FeedNotice::ReplayCompleted,
            FeedNotice::Fatal(6),
        ])),
        _ => Control::Definition(Definition {
            key,
            ts_recv: Nanos(1),
            class: InstrumentClass::Call,
            update_action: b'A',
            strike: Price(rng.pick(&[1, 1, 1, 2])),
            expiration: Nanos(1),
            activation: Nanos(1),
            tick: Price(rng.pick(&[i64::MAX, 0, -1, 250_000_000, 10_000_000, 1])),
            unit_qty: Price(1),
            underlying_id: InstrumentId(0),
            asset: Text::new(),
            currency: Text::new(),
        }),
    }
}

/// Limits that are reached often, and pools that are not: the twin's have no end.
fn limits() -> BookLimits {
    BookLimits {
        instruments_max: 16,
        orders_max: 1 << 14,
        pages_max: 1 << 14,
        watches_depth: true,
        thresholds: Thresholds {
            unknown_cancels_max: 2,
            unknown_window_records: 64,
            last_missing_records_max: 6,
            last_missing_ns_max: 5_000_000_000,
            crossed_events_max: 3,
            settle_events: 5,
            ..Thresholds::default()
        },
        ..BookLimits::default()
    }
}

/// Compares everything that can be read of the books.
fn compare(books: &Books<'_>, twin: &Twin) {
    assert_eq!(books.len(), twin.books.len());
    for book in books.iter() {
        let other = &twin.books[&book.key()];
        assert_eq!(book.check(), Ok(()));
        assert_eq!(book.trust(), other.trust());
        assert_eq!(book.counters(), other.counters);
        assert_eq!(book.touch(), other.touch);
        assert_eq!(book.ts_event().0, other.ts_event);
        assert_eq!(book.ts_recv().0, other.ts_recv);
        for side in [Side::Bid, Side::Ask] {
            let levels = other.side(side);
            let mut prices = levels.keys().copied().collect::<Vec<_>>();
            if side == Side::Bid {
                prices.reverse();
            }
            let depth = book.depth(side).collect::<Vec<_>>();
            assert_eq!(depth.len(), prices.len());
            for (level, price) in depth.iter().zip(prices) {
                assert_eq!(level.price.0, price);
                assert_eq!((level.size, level.count), other.level(side, price));
                let queue = book.queue(side, level.price);
                let others = levels[&price].iter().map(|order| Resting {
                    order_id: OrderId(order.id),
                    size: order.size,
                });
                assert!(queue.eq(others), "queues differ at {side:?} {price}");
            }
        }
        for (&id, &(side, price)) in &other.orders {
            let place = book.order(OrderId(id)).expect("rests in the twin");
            assert_eq!((place.side, place.price.0), (side, price));
        }
        assert_eq!(book.hash(), other.hash());
    }
}

fn step(books: &mut Books<'_>, twin: &mut Twin, input: &Input) {
    match input {
        Input::Record(mbo) => {
            let theirs = twin.apply(mbo);
            let ours = books.apply(mbo).expect("every instrument has room");
            assert_eq!(*ours, theirs);
        }
        Input::Quote(mbo, touch) => {
            let theirs = twin.apply_quote(mbo, touch);
            let ours = books.apply_quote(mbo, touch);
            assert_eq!(*ours.expect("every instrument has room"), theirs);
        }
        Input::Control(control) => {
            books.control(control);
            twin.control(control);
        }
    }
}

/// Plays one feed; a failure names the seed, which plays it again.
fn play(seed: u64, records: u64) {
    let limits = limits();
    let bump = Bump::with_capacity(limits.bytes());
    let mut books = Books::new_in(&bump, &limits).expect("limits are sound");
    let mut twin = Twin::new(limits.thresholds);
    let mut rng = Rng::new(seed);
    let mut feed = Feed::new(MOODS[seed as usize % MOODS.len()]);
    let told = Told(seed);
    for record in 0..records {
        let input = feed.next(&mut rng, &twin);
        step(&mut books, &mut twin, &input);
        if record % 4_096 == 0 {
            compare(&books, &twin);
        }
    }
    compare(&books, &twin);
    drop(told);
}

/// Prints the seed when a test panics.
struct Told(u64);

impl Drop for Told {
    fn drop(&mut self) {
        extern crate std;
        if std::thread::panicking() {
            std::eprintln!("the feed that failed: play({}, …)", self.0);
        }
    }
}

/// Four tests, so that they run side by side.
fn play_mood(mood: u64) {
    let seeds = 16;
    for round in 0..seeds {
        play(
            mood + round * MOODS.len() as u64,
            RECORDS / seeds / MOODS.len() as u64,
        );
    }
}

#[test]
fn calm_deep_feeds_leave_book_and_twin_equal() {
    play_mood(0);
}

#[test]
fn feeds_with_some_faults_leave_book_and_twin_equal() {
    play_mood(1);
}

#[test]
fn feeds_with_many_faults_leave_book_and_twin_equal() {
    play_mood(2);
}

#[test]
fn feeds_of_faults_leave_book_and_twin_equal() {
    play_mood(3);
}

#[test]
fn exhausted_pools_never_break_an_invariant() {
    let limits = BookLimits {
        instruments_max: 4,
        orders_max: 60,
        book_orders_max: 40,
        pages_max: 12,
        side_pages_max: 5,
        ..limits()
    };
    for seed in 0..40 {
        let bump = Bump::with_capacity(limits.bytes());
        let mut books = Books::new_in(&bump, &limits).expect("limits are sound");
        let mut twin = Twin::new(limits.thresholds);
        let mut rng = Rng::new(seed);
        let mut feed = Feed::new(MOODS[seed as usize % MOODS.len()]);
        let _told = Told(seed);
        for _ in 0..4_000 {
            match feed.next(&mut rng, &twin) {
                Input::Record(market) => {
                    // Keeps the feed sound from its own point of view.
                    twin.apply(&market);
                    books.apply(&market);
                }
                Input::Quote(mbo, touch) => {
                    twin.apply_quote(&mbo, &touch);
                    books.apply_quote(&mbo, &touch);
                }
                Input::Control(control) => books.control(&control),
            }
            for book in books.iter() {
                assert_eq!(book.check(), Ok(()));
            }
        }
        let counters = books.counters();
        assert!(counters.pool_exhausted > 0 || seed % 4 == 3, "{counters:?}");
        assert!(books.free_orders() <= limits.orders_max);
        assert!(books.free_pages() <= limits.pages_max);
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 192,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// Each word makes one input, so a failure shrinks to the few inputs that matter.
    #[test]
    fn short_feeds_leave_book_and_twin_equal(
        mood in 0..MOODS.len(),
        words in prop::collection::vec(any::<u64>(), 1..300),
    ) {
        let limits = BookLimits { orders_max: 512, pages_max: 1_024, ..limits() };
        let bump = Bump::with_capacity(limits.bytes());
        let mut books = Books::new_in(&bump, &limits).expect("limits are sound");
        let mut twin = Twin::new(limits.thresholds);
        let mut feed = Feed::new(MOODS[mood]);
        for word in words {
            let input = feed.next(&mut Rng::new(word), &twin);
            step(&mut books, &mut twin, &input);
            compare(&books, &twin);
        }
    }
}
