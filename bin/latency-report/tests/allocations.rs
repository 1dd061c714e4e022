//! Recording never allocates. Alone in its binary, for it brings its own allocator.

#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::hint::black_box;

use latency_report::recorder::{Basis, Recorder, TickTo};

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: every call is handed to the system's allocator as it came; the counter is a plain
// thread-local cell that neither allocates nor has a destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller keeps `alloc`'s contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps `dealloc`'s contract, and `pointer` came from the system.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

#[test]
fn recording_any_value_and_resetting_allocates_nothing() {
    let before = ALLOCATIONS.get();
    let mut recorder = Recorder::new("book", Basis::Work);
    let mut tick_to = TickTo::new("tick-to-output", 1);
    // The counter does count: three histograms and their names.
    let built = ALLOCATIONS.get();
    assert!(before + 3 <= built);
    for bit in 0..64 {
        for offset in [-1_i64, 0, 1] {
            let value = (1_i64 << bit).wrapping_add(offset);
            recorder.record(black_box(value));
            tick_to.record(Some(value.cast_unsigned()), 7, 9);
        }
    }
    recorder.reset();
    tick_to.reset();
    for delta_ns in 0..1_000_000 {
        recorder.record(black_box(delta_ns * 12_345));
    }
    assert_eq!(ALLOCATIONS.get(), built);
    assert_eq!(recorder.count(), 1_000_000);
}
