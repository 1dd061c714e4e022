//! Every vector of the algorithm specification, by its id.
//!
//! `vectors.json` holds what an independent reference computed from the same specification. Each
//! id is either checked by one case below or listed with the reason why not; an id that is in
//! neither list, in both, or twice, fails the test.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "vectors/analysis.rs"]
mod analysis;
#[path = "vectors/decide.rs"]
mod decide;
#[path = "vectors/flow.rs"]
mod flow;
#[path = "vectors/ifd.rs"]
mod ifd;
#[path = "vectors/options.rs"]
mod options;
#[path = "vectors/risk.rs"]
mod risk;

use std::collections::{BTreeMap, BTreeSet};
use std::panic::catch_unwind;

use serde_json::Value;

/// An id and the check of it.
type Case = (&'static str, fn(&Value));

/// Ids that belong to later work, each with the reason.
const NOT_YET: &[(&str, &[&str])] = &[
    (
        "feeds that poll and reconnect come with the live sources",
        &[
            "M5.limiter_cap3_w60",
            "M6.backoff",
            "M8.records",
            "M11.failover",
            "M12.key",
        ],
    ),
    (
        "shadow runs come with the live feed",
        &["N14.shadow", "N14.relevance"],
    ),
    (
        "reports, distribution and monitoring",
        &[
            "C1.cost",
            "D1.bands",
            "D4.pivots",
            "N18.breaker",
            "N19.window",
            "N23.alerts",
        ],
    ),
];

#[test]
fn every_vector_passes_or_is_listed_with_a_reason() {
    let text = include_str!("vectors.json");
    let vectors: BTreeMap<String, Value> = serde_json::from_str(text).unwrap();
    let cases = [
        flow::CASES,
        ifd::CASES,
        options::CASES,
        analysis::CASES,
        risk::CASES,
        decide::CASES,
    ]
    .concat();
    let not_yet = NOT_YET.iter().flat_map(|(_, ids)| *ids).copied();

    let mut known = BTreeSet::new();
    for id in cases.iter().map(|(id, _)| *id).chain(not_yet) {
        assert!(known.insert(id), "{id} is listed twice");
        assert!(vectors.contains_key(id), "{id} is not in vectors.json");
    }
    let unlisted: Vec<_> = vectors
        .keys()
        .filter(|id| !known.contains(id.as_str()))
        .collect();
    let failed: Vec<_> = cases
        .iter()
        .filter(|(id, check)| catch_unwind(|| check(&vectors[*id])).is_err())
        .map(|(id, _)| *id)
        .collect();

    println!(
        "{} vectors checked, {} not yet:",
        cases.len(),
        known.len() - cases.len()
    );
    for (reason, ids) in NOT_YET {
        println!("  {reason}: {}", ids.join(" "));
    }
    assert!(failed.is_empty(), "failed: {failed:?}");
    assert!(
        unlisted.is_empty(),
        "in vectors.json, but not in a list: {unlisted:?}"
    );
}

/// Fails unless `actual` is within 1e-6, or within a relative 1e-9, of `expected`.
#[track_caller]
#[allow(dead_code, reason = "until the first case")]
fn assert_close(actual: f64, expected: f64) {
    let tolerance = (expected.abs() * 1e-9).max(1e-6);
    assert!(
        (actual - expected).abs() <= tolerance,
        "{actual} is not within {tolerance:e} of {expected}"
    );
}
