//! Where two runs part: told by running the program twice, with one thing changed at a time.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::fs;
use std::path::Path;

use serde_json::Value;

#[path = "support/eager.rs"]
mod eager;

use eager::{folder, profile, run};

/// Trades a session into a folder of its own.
fn trade(dir: &Path, into: &str, file: &str, profile: &str, more: &[&str]) -> String {
    let words = [
        &[
            "backtest",
            file,
            "--profile",
            profile,
            "--report",
            into,
            "-q",
        ],
        more,
    ];
    let (code, _, told) = run(dir, &words.concat());
    assert_eq!(code, 0, "{told}");
    let stem = file.trim_end_matches(".dbn");
    format!("{into}/backtest-{stem}")
}

/// Exit code and answer of `parity`.
fn parity(dir: &Path, a: &str, b: &str) -> (i32, Value) {
    let (code, out, told) = run(dir, &["parity", a, b, "--json"]);
    assert!(told.is_empty(), "{told}");
    (code, serde_json::from_str(&out).unwrap())
}

/// A file of records without its `nth` trade.
fn without_a_trade(bytes: &[u8], nth: usize) -> Vec<u8> {
    let header = u32::from_le_bytes(bytes[4..8].try_into().unwrap()) as usize;
    let (mut at, mut trades) = (8 + header, 0);
    while at < bytes.len() {
        let len = usize::from(bytes[at]) * 4;
        let is_trade = bytes[at + 1] == 0xA0 && bytes[at + 38] == b'T';
        trades += usize::from(is_trade);
        if trades == nth {
            return [&bytes[..at], &bytes[at + len..]].concat();
        }
        at += len;
    }
    panic!("only {trades} trades");
}

#[test]
fn the_first_difference_of_two_runs_is_found_and_its_cause_named() {
    let dir = folder();
    let dir = dir.path();
    let base = trade(dir, "base", "s.dbn", "eager.toml", &[]);
    let again = trade(dir, "again", "s.dbn", "eager.toml", &["--layout", "split"]);
    let (code, equal) = parity(dir, &base, &again);
    assert_eq!(
        (code, &equal["is_equal"]),
        (0, &Value::Bool(true)),
        "{equal}"
    );
    let same = equal["parity"]["same"].as_u64().unwrap();
    assert!(same > 20, "there is something to compare: {same}");
    assert_eq!(equal["parity"]["provenance"], Value::Array(Vec::new()));

    let told = |name: &str, run: &str| {
        let (code, told) = parity(dir, &base, run);
        assert_eq!(code, 1, "{name}: {told}");
        let first = told["parity"]["first"].clone();
        assert!(told["parity"]["same"].as_u64().unwrap() < same, "{name}");
        let cause = first["cause"].as_str().unwrap_or("none").to_owned();
        (cause, first)
    };

    let seed = profile(&[("seed = 1", "seed = 2")]);
    fs::write(dir.join("seed.toml"), seed).unwrap();
    let (cause, first) = told("seed", &trade(dir, "seed", "s.dbn", "seed.toml", &[]));
    assert!(["latency", "queue"].contains(&cause.as_str()), "{first}");
    assert_eq!(first["a"]["kind"], "report", "{first}");

    let strict = profile(&[("vpin_min = 0.01", "vpin_min = 0.4")]);
    fs::write(dir.join("strict.toml"), strict).unwrap();
    let (cause, first) = told("strict", &trade(dir, "strict", "s.dbn", "strict.toml", &[]));
    assert_eq!(cause, "config", "{first}");
    let because = first["because"].as_str().unwrap();
    assert!(
        because.contains("profile product.1.rules.0dte.vpin_min"),
        "{because}"
    );

    let bucket = ["--set", "flow.vpin_bucket=75"];
    let (cause, first) = told("bucket", &trade(dir, "b", "s.dbn", "eager.toml", &bucket));
    assert_eq!(cause, "config", "{first}");
    let because = first["because"].as_str().unwrap();
    assert!(because.contains("config flow.vpin_bucket"), "{because}");

    let bytes = fs::read(dir.join("s.dbn")).unwrap();
    fs::write(dir.join("cut.dbn"), without_a_trade(&bytes, 3_000)).unwrap();
    let (cause, first) = told("cut", &trade(dir, "cut", "cut.dbn", "eager.toml", &[]));
    assert_eq!(cause, "data", "{first}");

    let (code, text, _) = run(dir, &["parity", &base, "cut/backtest-cut"]);
    assert_eq!(code, 1);
    for part in [
        "differ      input 1",
        "first apart decision",
        "cause       data",
    ] {
        assert!(text.contains(part), "{part} is missing from\n{text}");
    }
}

#[test]
fn a_directory_that_holds_no_run_is_refused_with_the_next_step() {
    let dir = tempfile::tempdir().unwrap();
    let (code, _, told) = run(dir.path(), &["parity", "a", "b"]);
    assert_eq!(code, 5, "{told}");
    assert!(told.contains("a/explain.jsonl"), "{told}");
    assert!(
        told.contains("next: name the directories of two runs"),
        "{told}"
    );
}
