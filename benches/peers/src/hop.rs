//! One hop between two pinned threads, as half of a round trip: a book update over our link and
//! over other rings, beside a bare cache line, which is the least that the machine allows.

use std::hint::{black_box, spin_loop};
use std::sync::Arc;
use std::sync::atomic::{
    AtomicU64,
    Ordering::{Acquire, Release},
};

use core_affinity::CoreId;
use crossbeam::queue::ArrayQueue;
use quanta::Clock;
use rtrb::{Consumer, Producer, RingBuffer};
use serde::Serialize;
use undertow_core::event::{Body, BookUpdate, Control, Msg, Stamp};
use undertow_core::ring::{Reader, Writer, reliable};
use undertow_core::stage::{Sink, Source};

/// One way, in nanoseconds.
#[derive(Clone, Debug, Serialize)]
pub struct Hop {
    /// What crossed.
    pub name: &'static str,
    /// Half of the hops took less.
    pub p50: f64,
    /// 99 of 100 took less.
    pub p99: f64,
    /// How many round trips.
    pub samples: usize,
}

/// Hops of a bare cache line, and of a whole book update over our link and over the rings that
/// others would take, in interleaved rounds. `None` where `cores` are not two.
pub fn hops(cores: &[CoreId], rounds: usize) -> Option<Vec<Hop>> {
    let [near, far] = *cores.first_chunk::<2>()?;
    let ways = [
        ("bare cache line", bare_line as RoundTrips),
        ("undertow link", link),
        ("rtrb", rtrb),
        ("crossbeam ArrayQueue", array_queue),
    ];
    let mut samples = [const { Vec::new() }; 4];
    for _ in 0..rounds {
        for ((_, way), samples) in ways.iter().zip(&mut samples) {
            samples.extend(way(near, far));
        }
    }
    let hops = ways.iter().zip(samples);
    Some(
        hops.map(|((name, _), samples)| hop(name, samples))
            .collect(),
    )
}

type RoundTrips = fn(CoreId, CoreId) -> Vec<u64>;

const TRIPS: u64 = 50_000;

fn hop(name: &'static str, mut trips: Vec<u64>) -> Hop {
    trips.sort_unstable();
    let at = |share: f64| trips[((trips.len() - 1) as f64 * share) as usize] as f64 / 2.0;
    Hop {
        name,
        p50: at(0.5),
        p99: at(0.99),
        samples: trips.len(),
    }
}

/// A number alone on its cache line, and on the one that is fetched beside it.
#[repr(align(128))]
struct Line(AtomicU64);

fn bare_line(near: CoreId, far: CoreId) -> Vec<u64> {
    let (ping, pong) = (Line(AtomicU64::new(0)), Line(AtomicU64::new(0)));
    let wait = |line: &Line, value| {
        while line.0.load(Acquire) != value {
            spin_loop();
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(|| {
            core_affinity::set_for_current(far);
            for trip in 1..=TRIPS {
                wait(&ping, trip);
                pong.0.store(trip, Release);
            }
        });
        core_affinity::set_for_current(near);
        trips(|trip| {
            ping.0.store(trip, Release);
            wait(&pong, trip);
        })
    })
}

/// The ends of one way between two threads, and what its users do with them.
struct Way<W, R> {
    make: fn() -> (W, R),
    give: fn(&mut W, &Update),
    /// Hands the next message on, as a tile does it: from where it lies into the next ring.
    relay: fn(&mut R, &mut W) -> bool,
    /// The number of the next message.
    take: fn(&mut R) -> Option<u64>,
}

type Update = Msg<BookUpdate>;

/// Messages that a ring holds, as the program's default configuration has it.
const DEPTH: usize = 4096;

impl<W: Send, R: Send> Way<W, R> {
    fn round_trips(&self, near: CoreId, far: CoreId) -> Vec<u64> {
        let (mut near_far, mut at_far) = (self.make)();
        let (mut far_near, mut at_near) = (self.make)();
        let relay = self.relay;
        std::thread::scope(|scope| {
            scope.spawn(move || {
                core_affinity::set_for_current(far);
                for _ in 0..TRIPS {
                    while !relay(&mut at_far, &mut far_near) {
                        spin_loop();
                    }
                }
            });
            core_affinity::set_for_current(near);
            let mut update = update();
            trips(|sequence| {
                update.stamp.sequence = sequence;
                (self.give)(&mut near_far, &update);
                let seen = loop {
                    if let Some(seen) = (self.take)(&mut at_near) {
                        break seen;
                    }
                    spin_loop();
                };
                assert_eq!(seen, sequence, "a ring lost or reordered a message");
            })
        })
    }
}

fn link(near: CoreId, far: CoreId) -> Vec<u64> {
    let way: Way<Writer<BookUpdate>, Reader<BookUpdate>> = Way {
        make: || reliable(DEPTH),
        give: |writer, update| {
            assert!(writer.room() > 0, "one message on its way");
            writer.put(update);
        },
        relay: |reader, writer| reader.take(writer),
        take: |reader| {
            let mut seen = Seen(None);
            reader.take(&mut seen);
            seen.0
        },
    };
    way.round_trips(near, far)
}

fn rtrb(near: CoreId, far: CoreId) -> Vec<u64> {
    let way: Way<Producer<Update>, Consumer<Update>> = Way {
        make: || RingBuffer::new(DEPTH),
        give: |producer, update| producer.push(*update).expect("one message on its way"),
        relay: |consumer, producer| {
            let Ok(chunk) = consumer.read_chunk(1) else {
                return false;
            };
            for update in chunk.as_slices().0 {
                producer.push(*update).expect("one message on its way");
            }
            chunk.commit_all();
            true
        },
        take: |consumer| {
            let chunk = consumer.read_chunk(1).ok()?;
            let seen = chunk.as_slices().0.first().map(number);
            chunk.commit_all();
            seen
        },
    };
    way.round_trips(near, far)
}

fn array_queue(near: CoreId, far: CoreId) -> Vec<u64> {
    let way: Way<Arc<ArrayQueue<Update>>, Arc<ArrayQueue<Update>>> = Way {
        make: || {
            let queue = Arc::new(ArrayQueue::new(DEPTH));
            (Arc::clone(&queue), queue)
        },
        give: |queue, update| queue.push(*update).expect("one message on its way"),
        relay: |from, to| match from.pop() {
            Some(update) => to.push(update).is_ok(),
            None => false,
        },
        take: |queue| queue.pop().as_ref().map(number),
    };
    way.round_trips(near, far)
}

/// The number of a message, of which the last line must have come too.
fn number(update: &Update) -> u64 {
    let Body::Data(data) = &update.body else {
        return 0;
    };
    number_of(update.stamp, data)
}

fn number_of(stamp: Stamp, data: &BookUpdate) -> u64 {
    stamp.sequence + u64::from(black_box(data).level_count) - 1
}

fn trips(mut trip: impl FnMut(u64)) -> Vec<u64> {
    let clock = Clock::new();
    let timed = |number| {
        let start = clock.raw();
        trip(number);
        clock.delta_as_nanos(start, clock.raw())
    };
    (1..=TRIPS).map(timed).collect()
}

/// The number of the last message.
struct Seen(Option<u64>);

impl Sink<BookUpdate> for Seen {
    fn room(&mut self) -> usize {
        1
    }

    fn data(&mut self, stamp: Stamp, data: &BookUpdate) {
        self.0 = Some(number_of(stamp, data));
    }

    fn control(&mut self, _stamp: Stamp, _control: &Control) {}
}

fn update() -> Update {
    use undertow_core::event::{Depth, Effect, Mbo, RecordHeader, Touch, Trust};
    use undertow_core::types::{
        Action, Flags, InstrumentId, Nanos, OrderId, Price, PublisherId, Side,
    };
    let update = BookUpdate {
        mbo: Mbo {
            header: RecordHeader::UNSET,
            ts_event: Nanos(1),
            ts_recv: Nanos(2),
            order_id: OrderId(3),
            price: Price(4),
            size: 5,
            sequence: 6,
            ts_in_delta: 7,
            instrument_id: InstrumentId(8),
            publisher_id: PublisherId(1),
            flags: Flags::LAST,
            action: Action::Add,
            side: Side::Bid,
            channel_id: 0,
        },
        touch: Touch::EMPTY,
        depth: Depth::default(),
        level_size: 5,
        level_count: 1,
        book_idx: 0,
        effect: Effect::Added,
        trust: Trust::Good,
        touch_changed: false,
    };
    Msg {
        body: Body::Data(update),
        stamp: Stamp::default(),
    }
}
