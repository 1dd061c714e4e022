//! A decision allocates nothing after construction, whatever comes of its evaluations.
#![allow(unsafe_code, reason = "an allocator is unsafe by definition")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "decide/world.rs"]
#[allow(dead_code, reason = "the other tests use the rest")]
mod world;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::hint::black_box;

use undertow_strategies::decide::Outcome;
use undertow_strategies::decide::validate::Conditions;
use world::{CALM, World, decide, eleven};

thread_local! {
    /// Per thread, so that the harness's own threads do not disturb the count.
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: every call is passed on to the system's allocator unchanged; the counter is a plain
// thread-local cell that itself never allocates.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller keeps this function's contract, which is the system allocator's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: as above; `memory` came from `alloc`, so from the system's allocator.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations(work: impl FnOnce()) -> u64 {
    let before = COUNT.with(Cell::get);
    work();
    COUNT.with(Cell::get) - before
}

#[test]
fn evaluation_allocates_nothing() {
    assert_eq!(
        allocations(|| drop(black_box(Box::new(7)))),
        1,
        "the counter counts"
    );

    let (mut decide, world) = (decide(), World::new());
    let mut kinds = [false; 5];
    let count = allocations(|| {
        for k in 0..2_000_u64 {
            let moment = eleven(k * 5);
            // The price wanders over the strikes, so that contracts are new, known and refused.
            let spot = 570.4 + (k / 7 % 30) as f64;
            let obi = if k % 5 == 0 { 0.5 } else { 0.9 };
            let mut features = world.features_at(moment.now, 1.0, obi, spot);
            if k % 11 == 0 {
                features.vpin = None;
            }
            let conditions = Conditions {
                is_halted: k % 13 == 0,
                ..CALM
            };
            let decision = decide.evaluate(0, &features, &conditions, &moment).unwrap();
            let kind = match black_box(&decision).outcome {
                Outcome::Emitted(_) => 0,
                Outcome::Updated(_) => 1,
                Outcome::Blocked(_) => 2,
                Outcome::Debug(_) => 3,
                Outcome::Skipped(_) => 4,
                Outcome::Asking(_) => unreachable!("no store is shared"),
            };
            kinds[kind] = true;
        }
    });
    assert_eq!(kinds, [true; 5], "every kind of outcome was met");
    assert_eq!(count, 0);
    assert!(decide.totals().is_conserved());
}
