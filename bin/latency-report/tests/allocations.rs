//! Recording never allocates. Alone in its binary, for it brings its own allocator.

#[path = "../../../core/tests/counting/mod.rs"]
mod counting;

use std::hint::black_box;

use latency_report::recorder::{Basis, Recorder, TickTo};

use counting::allocations;

#[test]
fn recording_any_value_and_resetting_allocates_nothing() {
    let before = allocations();
    let mut recorder = Recorder::new("book", Basis::Work);
    let mut tick_to = TickTo::new("tick-to-output", 1);
    // The counter does count: three histograms and their names.
    let built = allocations();
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
    assert_eq!(allocations(), built);
    assert_eq!(recorder.count(), 1_000_000);
}
