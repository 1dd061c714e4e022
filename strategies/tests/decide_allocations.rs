//! A decision allocates nothing after construction, whatever comes of its evaluations.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../../core/tests/counting/mod.rs"]
mod counting;
#[path = "decide/world.rs"]
#[allow(dead_code, reason = "the other tests use the rest")]
mod world;

use std::hint::black_box;

use undertow_strategies::decide::Outcome;
use undertow_strategies::decide::validate::Conditions;
use world::{CALM, World, decide, eleven};

fn allocations(work: impl FnOnce()) -> u64 {
    let before = counting::allocations();
    work();
    counting::allocations() - before
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
