//! The program from outside: exit codes, messages, and logs that other readers understand.

// The lint exempts test functions and not their helpers, which here are tests all the same.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use latency_report::percentile::{Bins, LADDER, Reading};
use latency_report::recorder::{Basis, Recorder, TickTo};
use latency_report::run::Run;
use latency_report::store;

/// A run of three rows; `scale` stretches every latency.
fn save_run(directory: &Path, scale: i64) -> Run {
    let mut book = Recorder::new("book", Basis::Work);
    let mut tick_to = TickTo::new("tick-to-output", 1);
    for message in 0..50_000_u32 {
        // A multiplicative walk through the residues: spread out, and the same every time.
        let spread = i64::from(message.wrapping_mul(2_654_435_761) >> 16) % 1_000;
        let delta_ns = (200 + spread) * scale / 100;
        book.record(delta_ns);
        let output_ns = 1_000_000 + delta_ns.unsigned_abs();
        tick_to.record(Some(900_000), 1_000_000, output_ns);
    }
    let mut rows = vec![book.finish()];
    rows.extend(tick_to.finish());
    let run = Run {
        what: "synthetic".to_owned(),
        started_ns: 1_700_000_000_000_000_000,
        length_ns: 2_000_000_000,
        rows,
        allocations: Some(0),
        ..Run::default()
    };
    store::save(&run, directory).unwrap();
    run
}

fn report(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_latency-report"))
        .args(args)
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn every_form_is_shown_and_the_same_twice() {
    let directory = tempfile::tempdir().unwrap();
    let run = directory.path().join("run");
    save_run(&run, 100);
    let run = run.to_str().unwrap();
    for form in ["table", "json", "hgrm", "prom", "svg", "html"] {
        let args = ["show", run, "--format", form, "--stage", "book"];
        let (one, two) = (report(&args), report(&args));
        assert_eq!(one.status.code(), Some(0), "{}", text(&one.stderr));
        assert!(one.stdout.len() > 200 && one.stdout == two.stdout, "{form}");
        // Plain text: no terminal colours, whatever the form.
        assert!(!one.stdout.contains(&0x1B), "{form}");
    }
    let out = directory.path().join("page.html");
    let out = out.to_str().unwrap();
    let shown = report(&["show", run, "--format", "html", "--out", out]);
    assert!(shown.status.success() && shown.stdout.is_empty());
    assert!(fs::read_to_string(out).unwrap().ends_with("</html>\n"));
}

#[test]
fn a_log_is_read_without_its_run() {
    let directory = tempfile::tempdir().unwrap();
    save_run(directory.path(), 100);
    let log = directory.path().join(store::LOG);
    let output = report(&["read", log.to_str().unwrap(), "--json"]);
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["rows"][1]["key"], "tick-to-output@intended");
    assert_eq!(json["rows"][1]["count"], 50_000);
}

#[test]
fn the_gate_exits_0_when_kept_and_3_when_broken() {
    let directory = tempfile::tempdir().unwrap();
    let limits = directory.path().join("gate.toml");
    fs::write(
        &limits,
        "allocations_max = 0\n[stages.book]\np99_ns_max = 1_300\n",
    )
    .unwrap();
    let limits = limits.to_str().unwrap();
    for (scale, code, word) in [(100, 0, "gate: ok"), (120, 3, "BROKEN")] {
        let run = directory.path().join(scale.to_string());
        save_run(&run, scale);
        let output = report(&["gate", run.to_str().unwrap(), "--limits", limits]);
        assert_eq!(output.status.code(), Some(code));
        assert!(text(&output.stdout).contains(word));
    }
}

#[test]
fn compare_says_slower_only_of_what_is_slower() {
    let directory = tempfile::tempdir().unwrap();
    let [base, run] = [100, 120].map(|scale| {
        let path = directory.path().join(scale.to_string());
        save_run(&path, scale);
        path.to_str().unwrap().to_owned()
    });
    let verdicts = |run: &str| -> Vec<String> {
        let output = report(&["compare", &base, run, "--json"]);
        let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let changes = json["stages"][0]["changes"].as_array().unwrap().clone();
        let verdict = |change: &serde_json::Value| change["verdict"].as_str().unwrap().to_owned();
        changes.iter().map(verdict).collect()
    };
    assert_eq!(verdicts(&base), ["no-difference-shown"; 2]);
    assert_eq!(verdicts(&run), ["slower"; 2]);
}

#[test]
fn each_trouble_has_its_code_its_place_and_a_next_step() {
    let directory = tempfile::tempdir().unwrap();
    let run = directory.path().join("run");
    save_run(&run, 100);
    let torn = directory.path().join("torn.hlog");
    let log = fs::read(run.join(store::LOG)).unwrap();
    fs::write(&torn, &log[..log.len() - 40]).unwrap();
    let limits = directory.path().join("gate.toml");
    fs::write(&limits, "allocation_max = 0").unwrap();
    let [run, torn, limits] = [&run, &torn, &limits].map(|path| path.to_str().unwrap());
    let cases: [(&[&str], i32, &str); 7] = [
        (&["show", "/nowhere"], 1, "/nowhere"),
        (&["show", run, "--stage", "bok"], 2, "did you mean 'book'"),
        (&["show", run, "--format", "hgrm"], 2, "add --stage"),
        (&["show", run, "--format", "pie"], 2, "possible values"),
        (&["read", run], 2, "latency-report show"),
        (&["gate", run, "--limits", limits], 4, "'allocations_max'"),
        (&["read", torn], 7, "torn.hlog interval 3"),
    ];
    for (args, code, part) in cases {
        let output = report(args);
        let message = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{args:?}: {message}");
        assert!(message.contains(part), "{args:?}: {message}");
        assert!(output.stdout.is_empty());
    }
}

/// Reads the log with HdrHistogram's Python port, which shares no code with ours.
#[test]
fn an_independent_reader_finds_the_same_counts_and_percentiles() {
    let importable = Command::new("python3")
        .args(["-c", "import hdrh.log"])
        .output();
    if !importable.is_ok_and(|output| output.status.success()) {
        println!("skipped: python3 with the PyPI package `hdrhistogram` is not here");
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let run = save_run(directory.path(), 100);
    let script = "\
import sys
from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader
reader = HistogramLogReader(sys.argv[1], HdrHistogram(1, 10_000_000_000, 2))
while True:
    histogram = reader.get_next_interval_histogram()
    if histogram is None:
        break
    figures = [histogram.get_value_at_percentile(p) for p in (50, 90, 99, 99.9)]
    print(histogram.get_tag(), histogram.get_total_count(), *figures)
";
    let log = directory.path().join(store::LOG);
    let output = Command::new("python3")
        .args(["-c", script, log.to_str().unwrap()])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let expected: Vec<String> = run
        .rows
        .iter()
        .map(|row| {
            let bins = Bins::of(row);
            let figures = LADDER[..4].iter().map(|percentile| {
                let Reading::Ns(ns) = bins.percentile(*percentile) else {
                    panic!("50,000 samples are enough for {}", percentile.name);
                };
                // The port tells the top of the bin even where it lies above the maximum.
                row.histogram.highest_equivalent(ns).to_string()
            });
            let figures: Vec<String> = figures.collect();
            format!(
                "{} {} {}",
                row.key(),
                row.histogram.len(),
                figures.join(" ")
            )
        })
        .collect();
    let found: Vec<&str> = text(&output.stdout).lines().collect();
    assert_eq!(found, expected);
}
