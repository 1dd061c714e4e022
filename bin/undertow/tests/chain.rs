//! `undertow chain` on the three kinds of file, as a user runs it.
//!
//! The figures of real chains are held against a spreadsheet's way of computing them: a loop over
//! the text of the file that shares no code with the program.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

mod support;

/// Runs the program: exit code, stdout, stderr.
fn run(dir: &Path, words: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_undertow"));
    let output = command.args(words).current_dir(dir).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (
        output.status.code().unwrap_or(-1),
        text(output.stdout),
        text(output.stderr),
    )
}

fn told(dir: &Path, words: &[&str]) -> String {
    let (code, out, err) = run(dir, words);
    assert_eq!(code, 0, "{words:?}: {err}");
    out
}

fn asked(dir: &Path, words: &[&str]) -> Value {
    serde_json::from_str(&told(dir, &[words, &["--json"]].concat())).unwrap()
}

/// Gamma and delta exposure per strike and in all, as a spreadsheet has it: the columns of the
/// file times open interest times 100 times spot, squared for gamma.
fn spreadsheet(csv: &str, spot: f64, ended: &str) -> (BTreeMap<String, f64>, f64, f64) {
    let (mut strikes, mut gex, mut dex) = (BTreeMap::new(), 0.0, 0.0);
    for line in csv.lines().skip(4).filter(|line| !line.starts_with(ended)) {
        let cell: Vec<&str> = line.split(',').collect();
        for (sign, delta, gamma, open) in [(1.0, 8, 9, 10), (-1.0, 19, 20, 21)] {
            let number = |at: usize| cell[at].parse::<f64>().unwrap();
            if number(open) < 5.0 {
                continue;
            }
            let row = sign * number(gamma) * number(open) * 100.0 * spot * spot;
            *strikes.entry(cell[11].to_owned()).or_insert(0.0) += row;
            gex += row;
            dex += number(delta) * number(open) * 100.0 * spot;
        }
    }
    (strikes, gex, dex)
}

/// Holds the program against the spreadsheet on a real chain.
fn check_against_spreadsheet(name: &str, spot: f64, ended: &str) {
    let Some(path) = support::data(name) else {
        return;
    };
    let mut csv = String::new();
    let packed = fs::File::open(&path).unwrap();
    flate2::read::GzDecoder::new(packed)
        .read_to_string(&mut csv)
        .unwrap();
    let (strikes, gex, dex) = spreadsheet(&csv, spot, ended);
    let dir = tempfile::tempdir().unwrap();
    let report = asked(dir.path(), &["chain", path.to_str().unwrap()]);
    let close = |found: &Value, expected: f64| {
        let found = found.as_f64().unwrap();
        assert!(
            (found - expected).abs() <= 1e-9 * expected.abs() + 1e-3,
            "{found} {expected}"
        );
    };
    close(&report["total"]["net"]["gex"], gex);
    close(&report["total"]["net"]["gex_1pct"], gex / 100.0);
    close(&report["total"]["net"]["dex"], dex);
    let found = report["strikes"].as_array().unwrap();
    assert_eq!(found.len(), strikes.len());
    for strike in found {
        close(
            &strike["net"]["gex"],
            strikes[strike["strike"].as_str().unwrap()],
        );
    }
    assert_eq!(
        report["outliers"],
        json!([]),
        "no real strike is an outlier"
    );
    let flip = report["levels"]["gamma_flip"].as_f64().unwrap();
    assert!((flip / spot - 1.0).abs() < 0.15, "{flip}");
    let dropped: u64 = report["dropped"]
        .as_object()
        .unwrap()
        .values()
        .filter_map(Value::as_u64)
        .sum();
    let rows = report["rows"].as_u64().unwrap();
    assert_eq!(
        rows,
        dropped + report["rows_counted"].as_u64().unwrap(),
        "every row is accounted for"
    );
}

#[test]
fn spx_of_2022_agrees_with_a_spreadsheet() {
    check_against_spreadsheet(
        "options/spx-cboe-20220611.csv.gz",
        3_900.8601,
        "Fri Jun 10 2022",
    );
}

#[test]
fn spy_of_2025_agrees_with_a_spreadsheet() {
    check_against_spreadsheet("options/spy-cboe-20250925.csv.gz", 658.05, "never");
}

#[test]
fn a_cboe_chain_is_told_and_drawn() {
    let Some(path) = support::data("options/spy-cboe-20250925.csv.gz") else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let path = path.to_str().unwrap();
    let out = told(
        dir.path(),
        &["chain", path, "--html", "spy.html", "--strikes", "9"],
    );
    for part in [
        "SPDR S&P 500 ETF Trust  658.05 (last price)",
        "$ of delta per 1 % move",
        "dealers long calls, short puts",
        "close of 2025-09-24, 1 d old",
        "gamma flip",
        "call wall",
        "skin in the game, expiry 2025-10-01",
        "put/call",
        "expected value",
        "unusual activity",
        "ghost strike",
        "American",
        "9 of",
        "spot 658.05",
    ] {
        assert!(out.contains(part), "{part} is missing from\n{out}");
    }
    assert!(!out.contains("NaN") && !out.contains("inf "), "{out}");
    let page = fs::read_to_string(dir.path().join("spy.html")).unwrap();
    for part in [
        "Gamma exposure by strike",
        "S&amp;P",
        "gamma flip",
        "Delta exposure",
        "<svg",
    ] {
        assert!(page.contains(part), "{part}");
    }
    for reach in [
        "http:", "https:", "src=", "<script", "@import", "url(", "NaN", "inf ",
    ] {
        assert!(!page.contains(reach), "{reach}");
    }
    let only = asked(dir.path(), &["chain", path, "--expiry", "2025-10-03"]);
    assert_eq!(only["expiries"].as_array().unwrap().len(), 1);
    assert_eq!(only["positioning"]["expiry"], "2025-10-03");
}

#[test]
fn an_alpha_vantage_reply_is_told_with_a_spot_from_parity() {
    let name = "alpha_vantage/historical_options_IBM_2026-09-24_8rows.json";
    let Some(path) = support::data(name) else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let report = asked(dir.path(), &["chain", path.to_str().unwrap()]);
    assert_eq!(report["name"], "IBM");
    assert_eq!(report["rows"], 8);
    assert_eq!(report["spot_from"], "put-call parity of 4 strikes");
    let spot: f64 = report["spot"].as_str().unwrap().parse().unwrap();
    assert!((220.0..235.0).contains(&spot), "{spot}");
    assert_eq!(
        report["open_interest_as_of"],
        json!(["2026-09-24", "2026-09-24"])
    );
    let given = asked(
        dir.path(),
        &["chain", path.to_str().unwrap(), "--spot", "227.5"],
    );
    assert_eq!(
        (&given["spot"], &given["spot_from"]),
        (&json!("227.50"), &json!("as given"))
    );
    // The call of strike 220: gamma .01919, open interest 517.
    let call = given["strikes"][0]["call"]["gex"].as_f64().unwrap();
    assert!(
        (call - 0.01919 * 517.0 * 100.0 * 227.5 * 227.5).abs() < 1.0,
        "{call}"
    );
}

#[test]
fn our_own_records_become_a_chain() {
    let dir = tempfile::tempdir().unwrap();
    let synth = [
        "synth",
        "--messages",
        "60k",
        "--seed",
        "5",
        "--strikes",
        "12",
        "--expiries",
        "3",
        "--out",
    ];
    told(dir.path(), &[&synth[..], &["nq.dbn.zst"]].concat());
    let report = asked(dir.path(), &["chain", "nq.dbn.zst"]);
    assert_eq!(report["name"], "NQ");
    assert_eq!(report["rows"], 72);
    assert!(
        report["spot_from"].as_str().unwrap().ends_with("of NQH6"),
        "{report}"
    );
    let spot: f64 = report["spot"].as_str().unwrap().parse().unwrap();
    assert!((23_000.0..27_000.0).contains(&spot), "{spot}");
    assert_eq!(report["expected_value"]["multiplier"], 20);
    assert!(report["rows_counted"].as_u64().unwrap() > 20, "{report}");
    assert!(report["total"]["call"]["gex"].as_f64().unwrap() > 0.0);
    assert!(report["total"]["put"]["gex"].as_f64().unwrap() < 0.0);
    assert!(report["flow"]["call_volume"].as_u64().unwrap() > 0);
    let morning = asked(dir.path(), &["chain", "nq.dbn.zst", "--at", "13:45"]);
    assert_eq!(
        morning["ts"].as_u64().unwrap() % 86_400_000_000_000,
        49_500_000_000_000
    );
    let [early, late] = [&morning, &report].map(|it| it["flow"]["call_volume"].as_u64().unwrap());
    assert!(early < late, "{early} {late}");
    assert_eq!(
        report,
        asked(dir.path(), &["chain", "nq.dbn.zst"]),
        "twice the same"
    );
    let out = told(dir.path(), &["chain", "nq.dbn.zst", "--html", "nq.html"]);
    assert!(
        out.contains("Black-76") && out.contains("volatility of"),
        "{out}"
    );
    assert!(
        fs::read_to_string(dir.path().join("nq.html"))
            .unwrap()
            .contains("<svg")
    );
}

/// A made-up chain of eleven strikes, with whatever is said of the put at 98.
fn csv(put: &str) -> String {
    let columns = "Last Sale,Net,Bid,Ask,Volume,IV,Delta,Gamma,Open Interest";
    let sound = "1,-0.5,0.9,1.1,3,0.21,-0.45,0.05,600";
    let line = |strike: u32| {
        let put = if strike == 98 { put } else { sound };
        format!(
            "Wed Oct 01 2025,MUT251001C{strike:05}000,1.5,0,1.4,1.6,7,0.2,0.5,0.05,400,\
             {strike}.00,MUT251001P{strike:05}000,{put}\n"
        )
    };
    let lines: String = (95..=105).map(line).collect();
    format!(
        "\nMade Up Trust,Last: 100.50,Change: 0\n\
         \"Date: September 25, 2025 at 9:05 PM EDT\",Bid: 100.4,Ask: 100.6,Volume: 1\n\
         Expiration Date,Calls,{columns},Strike,Puts,{columns}\n{lines}"
    )
}

#[test]
fn s12_a_broken_strike_is_shown_and_decides_nothing() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(
        dir.path().join("sound.csv"),
        csv("1,-0.5,0.9,1.1,3,0.21,-0.45,0.05,0"),
    )
    .unwrap();
    fs::write(
        dir.path().join("broken.csv"),
        csv("1,-0.5,0.9,1.1,3,0.21,-0.45,0.05,1000000000"),
    )
    .unwrap();
    let sound = asked(dir.path(), &["chain", "sound.csv"]);
    let broken = asked(dir.path(), &["chain", "broken.csv"]);
    assert_eq!(broken["total"], sound["total"]);
    let outliers = json!(["2025-10-01 98 P with open interest 1,000,000,000"]);
    assert_eq!(broken["outliers"], outliers);
    let out = told(dir.path(), &["chain", "broken.csv"]);
    assert!(
        out.contains("1 outlier") && out.contains("1,000,000,000"),
        "{out}"
    );
}

#[test]
fn what_cannot_be_answered_says_where_why_and_what_next() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(
        dir.path().join("made-up.csv"),
        csv("1,-0.5,0.9,1.1,3,0.21,-0.45,0.05,60"),
    )
    .unwrap();
    fs::write(
        dir.path().join("note.json"),
        "{\"Information\": \"25 requests a day\"}",
    )
    .unwrap();
    fs::write(dir.path().join("prose.txt"), "Call me Ishmael.").unwrap();
    fs::write(dir.path().join("cut.csv.gz"), [0x1F, 0x8B, 8, 0, 0, 0]).unwrap();
    fs::write(dir.path().join("empty"), "").unwrap();
    let cases: [(&[&str], i32, [&str; 3]); 8] = [
        (
            &["nowhere.csv"],
            5,
            ["E-FEED-002", "nowhere.csv", "check the path"],
        ),
        (
            &["note.json"],
            7,
            ["note.json", "25 requests a day", "fetch"],
        ),
        (&["prose.txt"], 7, ["prose.txt", "neither a Cboe", "--help"]),
        (&["empty"], 7, ["empty", "neither a Cboe", "--help"]),
        (
            &["cut.csv.gz"],
            7,
            ["cut.csv.gz", "E-FEED-001", "fetch the file again"],
        ),
        (
            &["made-up.csv", "--expiry", "2025-10-02"],
            2,
            ["--expiry", "no option ends", "2025-10-01?"],
        ),
        (
            &["made-up.csv", "--at", "2026-01-01T00:00:00Z"],
            2,
            ["2025-10-01", "ended", "earlier --at"],
        ),
        (
            &["made-up.csv", "--spot", "-5"],
            2,
            ["--spot", "error", "-5"],
        ),
    ];
    for (words, code, parts) in cases {
        let (found, out, err) = run(dir.path(), &[&["chain"], words].concat());
        assert_eq!(found, code, "{words:?}: {out}{err}");
        for part in parts {
            assert!(
                err.contains(part),
                "{words:?}: {part} is missing from\n{err}"
            );
        }
    }
}
