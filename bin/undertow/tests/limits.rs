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
    // What a contract has realised is told after fees.
    let net = earned - fees;
    assert!((told - net).abs() < 0.01, "{told} told, {net} earned");
    let total = dollars(&trade["total"]["realised"]);
    assert!((total - told).abs() < 0.01, "{total} in all, {told} told");
    let account = &trade["account"];
    assert!((dollars(&account["fees"]) - fees).abs() < 0.01, "{account}");
    assert!(
        (dollars(&account["earned"]) - (earned - fees)).abs() < 0.01,
        "{account}"
    );
}

/// Trades whole sessions of some days under a profile; of each the summary, its journal's contracts
/// and executions in order, and the documents that explain it.
struct Day {
    trade: Value,
    multipliers: BTreeMap<u32, f64>,
    /// Contract, signed quantity, price, fee.
    executions: Vec<(u32, f64, f64, f64)>,
    documents: Vec<Value>,
}

fn day(dir: &Path, of_march: u8, profile: &str) -> Day {
    eager::session(dir, "day.dbn", of_march);
    let (code, out, told) = run(
        dir,
        &["backtest", "day.dbn", "--profile", profile, "--json"],
    );
    assert_eq!(code, 0, "{told}");
    let summary: Value = serde_json::from_str(&out).unwrap();
    let place = dir.join("undertow-out/backtest-day");
    let (mut multipliers, mut executions) = (BTreeMap::new(), Vec::new());
    let scan = Reader::open(&place.join("journal"))
        .unwrap()
        .scan(|entry| match entry.record {
            Record::Contract(contract) => {
                let dollars = contract.multiplier.units() as f64 / 1e9;
                multipliers.insert(contract.key.instrument_id.0, dollars);
            }
            Record::Report(report) => {
                if let ReportKind::Executed(execution) = report.kind {
                    let sign = if execution.side == Side::Bid {
                        1.0
                    } else {
                        -1.0
                    };
                    executions.push((
                        report.contract.instrument_id.0,
                        sign * f64::from(execution.quantity),
                        execution.price.0 as f64 / 1e9,
                        execution.fee.unwrap().0 as f64 / 1e4,
                    ));
                }
            }
            _ => {}
        });
    scan.unwrap();
    let text = fs::read_to_string(place.join("explain.jsonl")).unwrap();
    let documents = text.lines().map(|line| serde_json::from_str(line).unwrap());
    Day {
        trade: summary["summary"]["trade"].clone(),
        multipliers,
        executions,
        documents: documents.collect(),
    }
}

#[test]
fn d7_what_trades_came_to_is_what_the_journals_executions_come_to() {
    let dir = folder();
    let dir = dir.path();
    let calm = eager::profile(&[
        ("daily_loss_ppm = \"9%\"", "daily_loss_ppm = \"30%\""),
        ("daily_loss_max = 2_000", "daily_loss_max = 20_000"),
        ("losing_trades_max = 30", "losing_trades_max = 300"),
    ]);
    fs::write(dir.join("calm.toml"), calm).unwrap();
    let mut all = 0;
    for of_march in [10, 11, 12, 13] {
        let day = day(dir, of_march, "calm.toml");
        // From flat to flat: what was paid and got, less every fee.
        let mut open: BTreeMap<u32, (f64, f64)> = BTreeMap::new();
        let mut results = Vec::new();
        for (id, quantity, price, fee) in &day.executions {
            let (held, cash) = open.entry(*id).or_default();
            *held += quantity;
            *cash -= quantity * price * day.multipliers[id] + fee;
            if *held == 0.0 {
                results.push(std::mem::take(cash));
            }
        }
        let told = &day.trade["trades"];
        if results.is_empty() {
            assert_eq!(*told, Value::Null);
            continue;
        }
        let number = |name: &str| told[name].as_f64();
        let near = |name: &str, expected: f64| {
            let apart = number(name).unwrap() - expected;
            assert!(apart.abs() < 0.01, "{name}: {told} {results:?}");
        };
        let count = results.len() as f64;
        let won: Vec<f64> = results.iter().copied().filter(|it| *it > 0.0).collect();
        let lost: Vec<f64> = results.iter().copied().filter(|it| *it < 0.0).collect();
        let sum = |results: &[f64]| results.iter().sum::<f64>();
        assert_eq!(
            told["count"].as_u64(),
            Some(results.len() as u64),
            "{told} {results:?}"
        );
        near("win_rate", won.len() as f64 / count);
        near("expectancy", sum(&results) / count);
        match lost.is_empty() {
            true => assert_eq!(number("profit_factor"), None),
            false => near("profit_factor", sum(&won) / -sum(&lost)),
        }
        let dollars =
            |value: &Value| -> f64 { value.as_str().unwrap().replace(',', "").parse().unwrap() };
        let held: f64 = open.values().map(|(held, _)| held.abs()).sum();
        assert!(
            held > 0.0 || (dollars(&day.trade["account"]["earned"]) - sum(&results)).abs() < 0.01
        );
        all += results.len();
    }
    assert!(all >= 3, "{all} trades in four days");
}

#[test]
fn n15_limited_live_limits_hold_over_a_session_each_by_its_name() {
    let dir = folder();
    let dir = dir.path();
    let limited = eager::profile(&[
        ("order_quantity_max = 5 ", "order_quantity_max = 1 "),
        ("opened_per_day_max = 60", "opened_per_day_max = 3"),
        ("opened_per_run_max = 1_000", "opened_per_run_max = 10"),
        (
            "confidence_min_ppm = \"1%\"",
            "confidence_min_ppm = \"70%\"",
        ),
        ("worst_loss_max = 20_000", "worst_loss_max = 900"),
        ("attempts_max = 200", "attempts_max = 2000"),
    ]);
    fs::write(dir.join("limited.toml"), limited).unwrap();
    let mut refused = BTreeMap::<String, u64>::new();
    let mut opened_in_all = 0;
    for of_march in [10, 11, 12] {
        let day = day(dir, of_march, "limited.toml");
        let orders = day.documents.iter().filter(|it| it["kind"] == "order");
        let opening = orders.filter(|it| it["purpose"] == "open");
        let mut opened = 0;
        for order in opening {
            if let Some(check) = order["refused_by"].as_str() {
                *refused.entry(check.to_owned()).or_default() += 1;
                continue;
            }
            assert_eq!(order["quantity"], 1, "{order}");
            let checks = order["checks"].as_array().unwrap();
            let of = |number: u64| checks.iter().find(|it| it["number"] == number).unwrap();
            for check in [of(8), of(11), of(12), of(23)] {
                assert!(
                    check["status"].as_str().unwrap().starts_with("passed"),
                    "{check}"
                );
            }
            opened += 1;
        }
        assert!(opened <= 3, "{opened} in a day");
        opened_in_all += opened;
    }
    assert!(
        opened_in_all > 0 && !refused.is_empty(),
        "{opened_in_all} {refused:?}"
    );
}
