//! Bulk volume classification beside a published implementation, on real one-minute bars.
//!
//! `reference/vpin_flowrisk.csv` is what the package flowrisk 0.3.0 makes of them, written by the
//! script beside it; the bars themselves are not ours to distribute, and where they are absent the
//! test says so and passes. Three definitions differ: flowrisk rounds each bought part of a bucket
//! down to a whole share (so each part may be off by two in the difference of the sides), its
//! deviation is an exponential average (here both have the specification's), and its VPIN counts
//! the open bucket among the n (so full buckets are compared, and VPIN is taken over those).
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::path::PathBuf;

use undertow_core::types::{Nanos, Price};
use undertow_strategies::flow::bars::TimeBar;
use undertow_strategies::flow::vpin::BulkVpin;

const BUCKET: u64 = 1_000_000;
const BUCKETS: usize = 50;

/// The bars of the file, the oldest first.
fn bars() -> Option<Vec<TimeBar>> {
    let folder = std::env::var_os("UNDERTOW_DATA").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data")),
        PathBuf::from,
    );
    let path = folder.join("vpin/intc-1min-20181122.csv");
    let Ok(text) = std::fs::read_to_string(&path) else {
        println!("skipped: {} is not here", path.display());
        return None;
    };
    let mut lines: Vec<&str> = text.lines().skip(1).collect();
    lines.sort_unstable();
    let bar = |line: &str| {
        // date, volume, close, high, open, low
        let cells: Vec<&str> = line.split(',').collect();
        let number = |at: usize| cells[at].parse::<f64>().unwrap();
        let price = |at: usize| Price((number(at) * Price::PER_POINT as f64).round() as i64);
        TimeBar {
            open: price(4),
            high: price(3),
            low: price(5),
            close: price(2),
            ..TimeBar::of_trade(Nanos(0), price(2), number(1) as u64)
        }
    };
    Some(lines.into_iter().map(bar).collect())
}

/// Bought less sold of each full bucket as flowrisk has it, and how far off it may be.
fn reference() -> Vec<(f64, f64)> {
    let text = include_str!("reference/vpin_flowrisk.csv");
    let row = |line: &str| {
        let cells: Vec<f64> = line.split(',').map(|cell| cell.parse().unwrap()).collect();
        ((cells[0] - cells[1]).abs(), 2.0 * cells[2] + 2.0)
    };
    text.lines().skip(1).map(row).collect()
}

#[test]
fn a1_bulk_buckets_and_vpin_equal_flowrisks() {
    let Some(bars) = bars() else { return };
    let reference = reference();
    assert_eq!(bars.len(), 3112);
    assert!(reference.len() > 150, "{}", reference.len());
    let mut bulk = BulkVpin::new(BUCKET, BUCKETS, 390, 30);
    let mut each = BulkVpin::new(BUCKET, 4096, 390, 30);
    let mut seen = 0;
    for bar in &bars {
        each.bar(bar);
        if !bulk.bar(bar) {
            continue;
        }
        seen = each.imbalances().count();
        let last = &reference[seen.saturating_sub(BUCKETS)..seen];
        let mean = last.iter().map(|it| it.0).sum::<f64>() / (last.len() as f64 * BUCKET as f64);
        let slack = last.iter().map(|it| it.1).sum::<f64>() / (last.len() as f64 * BUCKET as f64);
        let wanted = 0.5 + (mean - 0.5) * last.len() as f64 / BUCKETS as f64;
        let value = bulk.value().unwrap();
        assert!(
            (value.value - wanted).abs() <= slack,
            "{value:?} {wanted} {slack}"
        );
        assert!(slack < 1e-4, "{slack}");
        assert_eq!(value.is_warming, seen < BUCKETS);
    }
    assert_eq!(seen, reference.len());
    for (at, (got, (wanted, slack))) in each.imbalances().zip(&reference).enumerate() {
        assert!(
            (got - wanted).abs() <= *slack,
            "bucket {at}: {got} {wanted} ± {slack}"
        );
    }
}
