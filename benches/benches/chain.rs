//! Bytes through the chain as it stands. A turn builds its chain anew outside the time.

use std::hint::black_box;
use std::time::{Duration, Instant};

use bumpalo::Bump;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use undertow_benches::work::{self, Work};

fn chain(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("chain");
    group.sample_size(20);
    for work in [Work::ChainOne, Work::ChainFifty, Work::ChainWide] {
        let input = work.input();
        let messages = 2 * work.messages();
        group.throughput(Throughput::Elements(messages));
        group.bench_function(work.name(), |bencher| {
            bencher.iter_custom(|turns| (0..turns).map(|_| time(&input, messages)).sum());
        });
    }
    group.finish();
}

fn time(input: &[u8], messages: u64) -> Duration {
    let bump = Bump::new();
    let mut chain = work::chain(&bump);
    let start = Instant::now();
    black_box(work::drive(&mut chain, input, messages, |_| {}));
    start.elapsed()
}

criterion_group!(benches, chain);
criterion_main!(benches);
