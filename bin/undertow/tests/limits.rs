//! Limits and money through the program: what a profile must say before anything is traded, and
//! that what the summary tells is what the executions come to.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;
use undertow_cold::journal::{Reader, Record};
use undertow_core::order::ReportKind;
use undertow_core::types::Side;

#[path = "support/eager.rs"]
#[allow(dead_code, reason = "not all of it is needed here")]
mod eager;

use eager::{folder, profile, run};

fn refused(dir: &Path, from: &str, to: &str) -> String {
    fs::write(dir.join("bad.toml"), profile(&[(from, to)])).unwrap();
    let (code, _, told) = run(dir, &["backtest", "s.dbn", "--profile", "bad.toml"]);
    assert_eq!(code, 4, "{to:?}: {told}");
    assert!(
        !dir.join("undertow-out").exists(),
        "{to:?}: nothing was run"
    );
    told
}

#[test]
fn k10_a_session_does_not_begin_with_limits_missing_zero_negative_or_contradictory() {
    let dir = folder();
    let dir = dir.path();
    let limit = "order_quantity_max = 5 ";
    for to in ["", "order_quantity_max = 0 ", "order_quantity_max = -5 "] {
        let told = refused(dir, limit, to);
        assert!(told.contains("order_quantity_max"), "{to:?}: {told}");
        assert!(told.contains("bad.toml"), "{to:?}: {told}");
    }
    // More in one order than may be held at all.
    let told = refused(dir, limit, "order_quantity_max = 50 ");
    assert!(told.contains("order_quantity_max"), "{told}");
}

#[test]
fn k12_profit_in_the_summary_is_the_executions_times_the_multiplier_less_fees() {
    let dir = folder();
    let dir = dir.path();
    let words = ["backtest", "s.dbn", "--profile", "eager.toml", "--json"];
    let (code, out, told) = run(dir, &words);
    assert_eq!(code, 0, "{told}");
    let summary: Value = serde_json::from_str(&out).unwrap();
    let mut multipliers = BTreeMap::new();
    let mut sums: BTreeMap<u32, (i64, i128, i64)> = BTreeMap::new();
    let journal = dir.join("undertow-out/backtest-s/journal");
    let mut reader = Reader::open(&journal).unwrap();
    let scan = reader.scan(|entry| match entry.record {
        Record::Contract(contract) => {
            let units = contract.multiplier.units();
            multipliers.insert(contract.key.instrument_id.0, i128::from(units));
        }
        Record::Report(report) => {
            let ReportKind::Executed(execution) = report.kind else {
                return;
            };
            let sign = if execution.side == Side::Bid { 1 } else { -1 };
            let quantity = sign * i64::from(execution.quantity);
            let sum = sums.entry(report.contract.instrument_id.0).or_default();
            sum.0 += quantity;
            sum.1 -= i128::from(quantity) * i128::from(execution.price.0);
            sum.2 += execution.fee.unwrap().0;
        }
        _ => {}
    });
    scan.unwrap();
    // What is flat at the end has earned exactly what was paid for it.
    let (mut earned, mut fees) = (0.0, 0.0);
    for (id, (held, paid, fee)) in sums {
        assert_eq!(held, 0, "this session ends flat");
        // Price and multiplier are each in units of 1e-9.
        earned += (paid * multipliers[&id]) as f64 / 1e18;
        fees += fee as f64 / 1e4;
    }
    assert!(earned != 0.0 && fees > 0.0, "something was traded");
    let trade = &summary["summary"]["trade"];
    let dollars =
        |value: &Value| -> f64 { value.as_str().unwrap().replace(',', "").parse().unwrap() };
    let told: f64 = trade["contracts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| dollars(&line["realised"]))
        .sum();
    assert!(
        (told - (earned - fees)).abs() < 0.01,
        "{told} told, {earned} earned, {fees} paid"
    );
    let account = &trade["account"];
    assert!((dollars(&account["fees"]) - fees).abs() < 0.01, "{account}");
    assert!(
        (dollars(&account["earned"]) - (earned - fees)).abs() < 0.01,
        "{account}"
    );
}
