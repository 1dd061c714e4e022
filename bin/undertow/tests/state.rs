//! What a run leaves to the next, through the program: a halt holds until it is resumed.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::fs;
use std::path::Path;

use serde_json::Value;

#[path = "support/eager.rs"]
mod eager;

use eager::{folder, profile, run, session};

/// Trades the session of a day of March, going on from the state in `state`. Under another
/// profile than the last, it says that it takes over.
fn trade(dir: &Path, day: u8, profile: &str) -> (Value, String) {
    session(dir, "day.dbn", day);
    let words = format!("backtest day.dbn --profile {profile} --set trade.state_dir=state --json");
    let mut words: Vec<_> = words.split(' ').map(str::to_owned).collect();
    let run = |words: &[String]| run(dir, &words.iter().map(String::as_str).collect::<Vec<_>>());
    let (mut code, mut out, mut told) = run(&words);
    if let Some((_, id)) = told.split_once("trade.succeeds=") {
        words.extend(["--set".to_owned(), format!("trade.succeeds={}", id.trim())]);
        (code, out, told) = run(&words);
    }
    assert_eq!(code, 0, "{told}");
    let told_json: Value = serde_json::from_str(&out).unwrap();
    (told_json["summary"]["trade"].clone(), told)
}

fn state(dir: &Path) -> Value {
    let text = fs::read_to_string(dir.join("state/state.json")).unwrap();
    let document: Value = serde_json::from_str(&text).unwrap();
    document["state"].clone()
}

/// The id of the first order of the last run, by the journal.
fn first_id(dir: &Path) -> u64 {
    let (_, out, _) = run(dir, &["journal", "dump", "state/journal", "--json"]);
    let records = out.lines().map(|line| serde_json::from_str(line).unwrap());
    let records: Vec<Value> = records.collect();
    let start = records
        .iter()
        .rposition(|it| it["kind"] == "start")
        .unwrap();
    let mut ordered = records[start..].iter();
    let intent = ordered.find(|it| it["kind"] == "intent").unwrap();
    intent["record"]["id"].as_u64().unwrap()
}

fn resume(dir: &Path, more: &[&str]) -> (i32, String, String) {
    let words = ["resume", "--set", "trade.state_dir=state"];
    run(dir, &[&words[..], more].concat())
}

#[test]
fn k06_k07_a_halt_holds_over_restarts_until_resumed_with_a_reason() {
    let dir = folder();
    let dir = dir.path();
    let wild = profile(&[
        ("attempts_max = 200", "attempts_max = 1"),
        (
            "attempts_window_ns = \"1m\"",
            "attempts_window_ns = \"12h\"",
        ),
        ("repeats_max = 20", "repeats_max = 1"),
    ]);
    fs::write(dir.join("wild.toml"), wild).unwrap();
    let (figures, _) = trade(dir, 11, "eager.toml");
    let orders = figures["orders"].as_u64().unwrap();
    assert!(orders > 0);
    assert_eq!(state(dir)["next_id"], orders + 1);
    let (figures, _) = trade(dir, 12, "wild.toml");
    assert!(
        figures["halt"].as_str().unwrap().contains("RunAway"),
        "{figures}"
    );
    let orders = orders + figures["orders"].as_u64().unwrap();
    let left = state(dir);
    assert_eq!(left["gate"], "reduce only");
    assert_eq!(left["halted_by"], "a strategy that ran away");
    assert_eq!(left["has_ended"], true);
    assert_eq!(left["next_id"], orders + 1);

    let (figures, told) = trade(dir, 13, "eager.toml");
    assert_eq!(figures["orders"], 0, "still halted, whatever the profile");
    assert!(
        told.contains("note: halted (reduce only) by a strategy that ran away"),
        "{told}"
    );

    let (code, _, told) = resume(dir, &["--reason", "  "]);
    assert_eq!(code, 2, "{told}");
    assert!(told.contains("the reason is empty"), "{told}");
    assert_eq!(state(dir)["gate"], "reduce only");
    let (code, out, _) = resume(dir, &["--reason", "rule mended"]);
    assert_eq!(code, 0);
    assert!(out.contains("gate reduce only since 2026-03-12T"), "{out}");
    assert!(out.contains("a strategy that ran away"), "{out}");
    assert_eq!(state(dir)["gate"], "open");
    assert_eq!(state(dir)["resumed"], "rule mended");
    let (code, out, _) = resume(dir, &["--reason", "again"]);
    assert_eq!((code, out.contains("not halted")), (0, true), "{out}");
    assert_eq!(state(dir)["resumed"], "rule mended", "nothing was resumed");

    let before = state(dir);
    let (figures, told) = trade(dir, 16, "eager.toml");
    assert!(figures["orders"].as_u64().unwrap() > 0, "{told}");
    let first = first_id(dir);
    assert!(
        first >= before["next_id"].as_u64().unwrap(),
        "no id is used again"
    );
    let money = |units: i64| format!("{:.2}", units as f64 / 1e4);
    let equity = before["day_equity"].as_i64().unwrap() + before["day_earned"].as_i64().unwrap();
    let start = figures["account"]["start"]
        .as_str()
        .unwrap()
        .replace(',', "");
    assert_eq!(start, money(equity), "earnings go on");
}

#[test]
fn a_state_that_cannot_be_gone_on_from_is_refused() {
    let dir = folder();
    let dir = dir.path();
    let (code, _, told) = resume(dir, &["--reason", "why not"]);
    assert_eq!(
        (code, told.contains("no run has left a state")),
        (5, true),
        "{told}"
    );
    let (code, _, told) = run(dir, &["resume", "--reason", "why not"]);
    assert_eq!(
        (code, told.contains("no state is kept")),
        (2, true),
        "{told}"
    );
    trade(dir, 11, "eager.toml");
    let words = "backtest s.dbn --set trade.state_dir=state --profile";
    let words: Vec<_> = words.split(' ').collect();

    let other = profile(&[("id = 1 ", "id = 2 ")]);
    fs::write(dir.join("other.toml"), other).unwrap();
    let (code, _, told) = run(dir, &[&words[..], &["other.toml"]].concat());
    assert_eq!(code, 4, "{told}");
    assert!(
        told.contains("account 1, backtest") && told.contains("account 2"),
        "{told}"
    );

    let path = dir.join("state/state.json");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(
        &path,
        text.replace("\"losing_days\": 0", "\"losing_days\": 1"),
    )
    .unwrap();
    let (code, _, told) = run(dir, &[&words[..], &["eager.toml"]].concat());
    assert_eq!((code, told.contains("checksum")), (7, true), "{told}");
    let (code, _, told) = resume(dir, &["--reason", "why not"]);
    assert_eq!((code, told.contains("E-STATE-001")), (7, true), "{told}");
}

#[test]
fn without_a_directory_of_states_nothing_is_left_and_runs_are_equal() {
    let dir = folder();
    let dir = dir.path();
    let once = || {
        let words = ["backtest", "s.dbn", "--profile", "eager.toml", "--json"];
        let (_, out, _) = run(dir, &words);
        let told: Value = serde_json::from_str(&out).unwrap();
        told["summary"]["trade"].clone()
    };
    assert_eq!(once(), once());
    assert!(!dir.join("state").exists());
}
