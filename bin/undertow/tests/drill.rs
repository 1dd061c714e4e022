//! The drills, as an operator runs them.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::process::Command;

use serde_json::Value;

#[test]
fn k05_the_drill_tells_how_long_a_kill_takes_and_whether_the_bar_is_met() {
    let output = Command::new(env!("CARGO_BIN_EXE_undertow"))
        .args(["drill", "kill", "--orders", "50", "--rounds", "5", "--json"])
        .output()
        .unwrap();
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    for line in ["connected", "disconnected"] {
        let of = &told[line];
        assert_eq!(
            (&of["cancels"], &of["settled"]),
            (&50.into(), &50.into()),
            "{told}"
        );
        assert_eq!(of["cancels_of_a_second_kill"], 0);
        let most = of["cancels_handed_over"]["max_ns"].as_u64().unwrap();
        assert!(most > 0);
        // The test machine may take the thread off its core at any moment, so that the bar is
        // asserted of the median; the verdict is about the longest.
        let median = of["cancels_handed_over"]["median_ns"].as_u64().unwrap();
        assert!(median < 10_000_000, "{told}");
        let is_late = of["halt_said"]["max_ns"].as_u64().unwrap() >= 10_000_000;
        assert!(
            told["is_met"] == false || !(is_late || most >= 10_000_000),
            "{told}"
        );
    }
    let code = output.status.code().unwrap();
    assert_eq!(code, i32::from(told["is_met"] == false));
}

#[test]
fn the_order_drill_tells_each_stage_and_the_whole_way_from_intended_arrival() {
    let dir = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_undertow"))
        .args(["drill", "order", "--pace", "100,1000", "--records", "4000"])
        .args(["--every", "8", "--json"])
        .current_dir(dir.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let runs: Value = serde_json::from_slice(&output.stdout).unwrap();
    let runs = runs.as_array().unwrap();
    assert_eq!(runs.len(), 2);
    for run in runs {
        assert_eq!(run["allocations"], 0, "{run}");
        let count = |key: &str| {
            let rows = run["rows"].as_array().unwrap();
            let row = rows.iter().find(|row| row["key"] == key);
            row.unwrap_or_else(|| panic!("no {key} in {run}"))["count"]
                .as_u64()
                .unwrap()
        };
        // One record in sixteen has its stages timed.
        assert_eq!(count("book"), 4000 / 16);
        assert_eq!(count("trade"), 4000 / 16);
        let orders = count("tick-to-order@intended");
        assert!(orders > 50, "{orders}");
        assert_eq!(orders, count("order"));
        assert_eq!(orders, run["off_processor"]["whole"]);
    }
    let kept = dir.path().join("undertow-out/drill-order-100x/run.json");
    assert!(kept.exists());
}
