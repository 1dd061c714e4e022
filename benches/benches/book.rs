//! Typed records to book updates. A turn builds its books anew outside the time.

use std::hint::black_box;
use std::time::{Duration, Instant};

use bumpalo::Bump;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use undertow_benches::work::{self, Work};
use undertow_core::event::Mbo;

fn book(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("book");
    group.sample_size(20);
    for (name, work) in [
        ("one", Work::BookOne),
        ("fifty", Work::ChainFifty),
        ("wide", Work::ChainWide),
    ] {
        let records = work::records(&work.input());
        group.throughput(Throughput::Elements(records.len() as u64));
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|turns| (0..turns).map(|_| time(&records)).sum());
        });
    }
    group.finish();
}

fn time(records: &[Mbo]) -> Duration {
    let bump = Bump::new();
    let mut books = work::books(&bump);
    let start = Instant::now();
    black_box(work::apply(&mut books, records, u64::MAX, |_| {}));
    start.elapsed()
}

criterion_group!(benches, book);
criterion_main!(benches);
