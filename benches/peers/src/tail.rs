//! One apply at a time: its distribution with warm caches, and its middle with cold ones.
//!
//! All contestants take the same records. A sample spans the apply and the reading of the best
//! bid and offer, and includes the timer, whose own cost is told beside.

use std::hint::black_box;

use bumpalo::Bump;
use quanta::Clock;
use serde::Serialize;

use crate::bare;
use crate::documented::Market;
use crate::input::Input;
use crate::nautilus;
use crate::ours::Ours;

/// Percentiles of one contestant, in nanoseconds.
#[derive(Clone, Debug, Serialize)]
pub struct Tail {
    /// Who.
    pub name: &'static str,
    /// Half of the samples are below.
    pub p50: u64,
    /// 99 of 100 are below.
    pub p99: u64,
    /// 999 of 1,000 are below.
    pub p999: u64,
    /// How many samples.
    pub samples: usize,
}

impl Tail {
    fn of(name: &'static str, mut samples: Vec<u64>) -> Self {
        samples.sort_unstable();
        let at = |share: f64| samples[((samples.len() - 1) as f64 * share) as usize];
        Self {
            name,
            p50: at(0.5),
            p99: at(0.99),
            p999: at(0.999),
            samples: samples.len(),
        }
    }
}

/// What the timer alone costs, in nanoseconds: the middle of many empty spans.
pub fn timer_ns() -> u64 {
    let clock = Clock::new();
    Tail::of("timer", (0..100_000).map(|_| span(&clock, || ())).collect()).p50
}

/// Warm tails of ours, of nautilus and of the bare book on the first instrument's records, one
/// after the other in alternating stretches, so that a disturbance of the machine meets all.
pub fn warm(input: &Input, count: usize) -> [Tail; 3] {
    const STRETCH: usize = 10_000;
    let clock = Clock::new();
    let records = &input.records[..count.min(input.records.len())];
    // A bare trade makes no delta in nautilus and nothing but a count in ours.
    let mbos: Vec<_> = records
        .iter()
        .filter(|mbo| mbo.action as u8 != b'T')
        .collect();
    let deltas = nautilus::deltas(input, records.len());
    assert_eq!(
        mbos.len(),
        deltas.len(),
        "nautilus refuses records of {}",
        input.name
    );

    // As they lie in a file: what was just made field by field cannot be read in one piece yet.
    let messages: Vec<_> = mbos.iter().map(|mbo| bare::Message::from(*mbo)).collect();
    let mbos: Vec<_> = mbos.into_iter().map(crate::ours::mbo).collect();
    let bump = Bump::new();
    let mut ours = Ours::new(&bump, input);
    let mut theirs = nautilus::first_book(input);
    let mut bare = bare::Market::new(input);
    let mut samples = [const { Vec::new() }; 3];
    let stretches = mbos.chunks(STRETCH).zip(deltas.chunks(STRETCH));
    for ((mbos, deltas), messages) in stretches.zip(messages.chunks(STRETCH)) {
        samples[0].extend(mbos.iter().map(|mbo| span(&clock, || ours.apply(mbo))));
        samples[1].extend(deltas.iter().map(|delta| {
            span(&clock, || {
                let _ = theirs.apply_delta(delta);
                nautilus::bbo(&theirs)
            })
        }));
        samples[2].extend(
            messages
                .iter()
                .map(|message| span(&clock, || bare.apply(message))),
        );
    }
    let [ours, theirs, bare] = samples;
    [
        Tail::of("undertow", ours),
        Tail::of("nautilus (64-bit)", theirs),
        Tail::of("bare book", bare),
    ]
}

/// Tails of ours, of the documented book and of the bare one when every cache line has been driven
/// out between events. `warm_up` records come first; then `count` samples each.
pub fn cold(input: &Input, warm_up: usize, count: usize) -> [Tail; 3] {
    let clock = Clock::new();
    let mut flush = Flush::new();
    let bump = Bump::new();
    let mut ours = Ours::new(&bump, input);
    let mut theirs = Market::default();
    let mut bare = bare::Market::new(input);
    let (before, after) = input.records.split_at(warm_up.min(input.records.len() / 2));
    for mbo in before {
        ours.apply(&crate::ours::mbo(mbo));
        theirs.apply(mbo);
        bare.apply(&mbo.into());
    }
    let mut samples = [const { Vec::new() }; 3];
    for mbo in after
        .iter()
        .filter(|mbo| mbo.action as u8 != b'T')
        .take(count)
    {
        flush.run();
        let own = black_box(crate::ours::mbo(mbo));
        samples[0].push(span(&clock, || ours.apply(&own)));
        flush.run();
        let message = black_box(bare::Message::from(mbo));
        let mbo = black_box(mbo.clone());
        samples[1].push(span(&clock, || theirs.apply(&mbo).prices()));
        flush.run();
        samples[2].push(span(&clock, || bare.apply(&message)));
    }
    let [ours, theirs, bare] = samples;
    [
        Tail::of("undertow", ours),
        Tail::of("documented book", theirs),
        Tail::of("bare book", bare),
    ]
}

#[inline(always)]
fn span<T>(clock: &Clock, work: impl FnOnce() -> T) -> u64 {
    let start = clock.raw();
    black_box(work());
    let end = clock.raw();
    clock.delta_as_nanos(start, end)
}

/// Memory larger than any cache, to drive everything else out.
struct Flush {
    lines: Vec<u64>,
}

impl Flush {
    const BYTES: usize = 96 << 20;

    fn new() -> Self {
        Self {
            lines: vec![1; Self::BYTES / size_of::<u64>()],
        }
    }

    fn run(&mut self) {
        for word in self.lines.iter_mut().step_by(8) {
            *word = word.wrapping_add(1);
        }
        black_box(&mut self.lines);
    }
}
