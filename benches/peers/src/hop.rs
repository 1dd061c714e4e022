//! One hop between two pinned threads, as half of a round trip: our reliable link beside a bare
//! cache line, which is the least that the machine allows.

use std::hint::{black_box, spin_loop};
use std::sync::atomic::{
    AtomicU64,
    Ordering::{Acquire, Release},
};

use core_affinity::CoreId;
use quanta::Clock;
use serde::Serialize;
use undertow_core::event::{BookUpdate, Control, Stamp};
use undertow_core::ring::reliable;
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

/// Hops of a bare cache line, of our link with a whole book update, and of 64 bytes over a bare
/// rtrb ring, in interleaved rounds. `None` where `cores` are not two.
pub fn hops(cores: &[CoreId], rounds: usize) -> Option<Vec<Hop>> {
    let [near, far] = *cores.first_chunk::<2>()?;
    let mut samples = [const { Vec::new() }; 3];
    for _ in 0..rounds {
        samples[0].extend(bare_line(near, far));
        samples[1].extend(link(near, far));
        samples[2].extend(rtrb_of_64_bytes(near, far));
    }
    let names = [
        "bare cache line",
        "undertow link, book update",
        "rtrb, 64 bytes",
    ];
    Some(
        names
            .into_iter()
            .zip(samples)
            .map(|(name, samples)| hop(name, samples))
            .collect(),
    )
}

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

fn link(near: CoreId, far: CoreId) -> Vec<u64> {
    let (mut near_far, mut at_far) = reliable::<BookUpdate>(1024);
    let (mut far_near, mut at_near) = reliable::<BookUpdate>(1024);
    let update = update();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            core_affinity::set_for_current(far);
            for _ in 0..TRIPS {
                // As a tile does it: handed over where it lies in the ring.
                while !at_far.take(&mut far_near) {
                    spin_loop();
                }
            }
        });
        core_affinity::set_for_current(near);
        trips(|sequence| {
            let stamp = Stamp {
                sequence,
                ..Stamp::default()
            };
            assert!(near_far.room() > 0, "one message on its way");
            near_far.data(stamp, &update);
            let mut seen = Seen(0);
            while !at_near.take(&mut seen) {
                spin_loop();
            }
            assert_eq!(seen.0, sequence, "a link lost or reordered a message");
        })
    })
}

fn rtrb_of_64_bytes(near: CoreId, far: CoreId) -> Vec<u64> {
    let (mut near_far, mut at_far) = rtrb::RingBuffer::<[u64; 8]>::new(1024);
    let (mut far_near, mut at_near) = rtrb::RingBuffer::<[u64; 8]>::new(1024);
    let pop = |ring: &mut rtrb::Consumer<[u64; 8]>| loop {
        if let Ok(words) = ring.pop() {
            return words;
        }
        spin_loop();
    };
    std::thread::scope(|scope| {
        scope.spawn(move || {
            core_affinity::set_for_current(far);
            for _ in 0..TRIPS {
                let words = pop(&mut at_far);
                far_near.push(words).expect("one message on its way");
            }
        });
        core_affinity::set_for_current(near);
        trips(|trip| {
            near_far.push([trip; 8]).expect("one message on its way");
            assert_eq!(
                pop(&mut at_near)[7],
                trip,
                "a ring lost or reordered a message"
            );
        })
    })
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
struct Seen(u64);

impl Sink<BookUpdate> for Seen {
    fn room(&mut self) -> usize {
        1
    }

    fn data(&mut self, stamp: Stamp, data: &BookUpdate) {
        // The last of its lines must have come too.
        self.0 = stamp.sequence + u64::from(black_box(data).level_count) - 1;
    }

    fn control(&mut self, _stamp: Stamp, _control: &Control) {}
}

fn update() -> BookUpdate {
    use undertow_core::event::{Depth, Effect, Mbo, RecordHeader, Touch, Trust};
    use undertow_core::types::{
        Action, Flags, InstrumentId, Nanos, OrderId, Price, PublisherId, Side,
    };
    BookUpdate {
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
    }
}
