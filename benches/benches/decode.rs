//! Bytes to typed records.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use undertow_benches::work::{self, Work};

fn decode(criterion: &mut Criterion) {
    let input = Work::DecodeOne.input();
    let messages = Work::DecodeOne.messages();
    let mut group = criterion.benchmark_group("decode");
    group.throughput(Throughput::Elements(messages));
    group.bench_function("one", |bencher| {
        bencher.iter(|| work::decode(&input, messages, |_| {}));
    });
    group.finish();
}

criterion_group!(benches, decode);
criterion_main!(benches);
