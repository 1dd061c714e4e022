//! Links: a message put and taken on one thread, and a round trip between two pinned threads,
//! which is two hops.

use std::hint::{black_box, spin_loop};
use std::time::{Duration, Instant};

use bumpalo::Bump;
use criterion::{Criterion, criterion_group, criterion_main};
use undertow_benches::work::{self, Work};
use undertow_core::event::{Body, BookUpdate, Msg, Stamp};
use undertow_core::ring::{Reader, Writer, reliable};
use undertow_core::stage::{Emit, Sink, Stage};

const DEPTH: usize = 1024;

fn ring_hop(criterion: &mut Criterion) {
    let update = update();
    let mut group = criterion.benchmark_group("ring_hop");
    group.bench_function("put_take", |bencher| {
        let (mut writer, mut reader) = reliable(DEPTH);
        bencher.iter(|| {
            give(&mut writer, black_box(update));
            black_box(wait(&mut reader));
        });
    });
    group.bench_function("round_trip", |bencher| {
        bencher.iter_custom(|turns| round_trips(turns, update));
    });
    group.finish();
}

/// A whole book update, as the book stage sends it.
fn update() -> Msg<BookUpdate> {
    struct Last(Option<BookUpdate>);
    impl Emit<BookUpdate> for Last {
        fn emit(&mut self, update: &BookUpdate) {
            self.0 = Some(*update);
        }
    }
    let bump = Bump::new();
    let mut last = Last(None);
    let records = work::records(&Work::BookOne.input());
    work::books(&bump).on_data(&records[0], &mut last);
    Msg {
        stamp: Stamp::default(),
        body: Body::Data(last.0.expect("the books speak of every record")),
    }
}

fn round_trips(turns: u64, update: Msg<BookUpdate>) -> Duration {
    let (mut near_far, mut at_far) = reliable(DEPTH);
    let (mut far_near, mut at_near) = reliable(DEPTH);
    let cores = core_affinity::get_core_ids().unwrap_or_default();
    let pin = move |place: usize| {
        cores
            .get(place)
            .map(|core| core_affinity::set_for_current(*core))
    };
    let pin_far = pin.clone();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            pin_far(1);
            for _ in 0..turns {
                let msg = wait(&mut at_far);
                give(&mut far_near, msg);
            }
        });
        pin(0);
        let start = Instant::now();
        for _ in 0..turns {
            give(&mut near_far, update);
            black_box(wait(&mut at_near));
        }
        start.elapsed()
    })
}

fn give(writer: &mut Writer<BookUpdate>, msg: Msg<BookUpdate>) {
    while writer.room() == 0 {
        spin_loop();
    }
    writer.put(&msg);
}

fn wait(reader: &mut Reader<BookUpdate>) -> Msg<BookUpdate> {
    loop {
        if let Some(msg) = reader.pop() {
            return msg;
        }
        spin_loop();
    }
}

criterion_group!(benches, ring_hop);
criterion_main!(benches);
