//! The program from end to end, as a user runs it: a market simulated, played, and looked at.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

mod support;

/// Runs the program in `dir`: exit code, stdout, stderr.
fn run(dir: &Path, words: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_undertow"))
        .args(words)
        .current_dir(dir)
        // Three tiles on a machine of two cores must be asked for.
        .env("UNDERTOW_UNPINNED_OK", "true")
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (
        output.status.code().unwrap_or(-1),
        text(output.stdout),
        text(output.stderr),
    )
}

fn ok(dir: &Path, words: &[&str]) -> String {
    let (code, out, err) = run(dir, words);
    assert_eq!(code, 0, "{words:?}: {err}");
    out
}

fn json(dir: &Path, words: &[&str]) -> Value {
    serde_json::from_str(&ok(dir, words)).unwrap()
}

/// The same of a run that must not fault, or allocate.
///
/// The kernel moves a page now and then for reasons of its own, and whoever touches it meanwhile
/// faults. A fault of ours is made by the input, so it comes back in every run.
fn json_without_faults(dir: &Path, words: &[&str]) -> Value {
    let mut told = Value::Null;
    for _ in 0..3 {
        told = json(dir, words);
        let run = &told["summary"]["run"];
        assert_eq!(run["allocations"], 0, "{words:?}");
        if run["page_faults"] == 0 {
            return told;
        }
    }
    panic!("{words:?} faults each time: {}", told["summary"]["run"]);
}

/// The same of a run that tells in words.
fn ok_without_faults(dir: &Path, words: &[&str]) -> String {
    let mut out = String::new();
    for _ in 0..3 {
        out = ok(dir, words);
        let line = "allocations on hot threads: 0   page faults: ";
        let (_, faults) = out.split_once(line).expect("no allocation");
        if faults.starts_with("0 ") {
            return out;
        }
    }
    panic!("{words:?} faults each time: {out}");
}

/// A folder with a small session, plain and packed.
fn session() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let synth = [
        "synth",
        "--messages",
        "60k",
        "--seed",
        "5",
        "--strikes",
        "6",
        "--expiries",
        "2",
    ];
    for out in ["a.dbn", "a.dbn.zst"] {
        ok(
            dir.path(),
            &[&synth[..], &["--out", out, "--truth", "a.truth.jsonl"]].concat(),
        );
    }
    dir
}

#[test]
fn the_main_job_needs_nothing_and_shows_its_summary() {
    let dir = tempfile::tempdir().unwrap();
    let out = ok_without_faults(dir.path(), &["--messages", "50k"]);
    for part in [
        "by action",
        "instruments",
        "NQ",
        "signals",
        "orders",
        "account",
        "stages",
        "decode",
        "latency",
        "tick-to-output",
        "tick-to-order",
    ] {
        assert!(out.contains(part), "{part} is missing from\n{out}");
    }
    let report = out
        .lines()
        .find_map(|line| line.strip_prefix("report"))
        .unwrap()
        .trim();
    for file in [
        "latency.html",
        "run.json",
        "latency.hlog",
        "summary.json",
        "explain.jsonl",
    ] {
        assert!(
            dir.path().join(report).with_file_name(file).exists(),
            "{file}"
        );
    }
}

#[test]
fn the_same_input_gives_the_same_bytes_in_every_layout_and_twice() {
    let dir = session();
    let mut first = None;
    for (turn, layout) in ["fused", "fused", "split", "dedicated"]
        .into_iter()
        .enumerate()
    {
        let events = format!("events-{turn}");
        let words = [
            "replay", "a.dbn", "--layout", layout, "--events", &events, "--json",
        ];
        let told = json_without_faults(dir.path(), &words);
        let summary = &told["summary"];
        assert_eq!(summary["run"]["layout"], layout);
        let bytes = fs::read(dir.path().join(&events)).unwrap();
        assert!(bytes.len() > 100_000);
        // What the market did is the same in every word; only `run` may differ.
        let mut market = summary.clone();
        market["run"] = Value::Null;
        let receipt = (bytes, market);
        let first = first.get_or_insert_with(|| receipt.clone());
        assert!(*first == receipt, "{layout} differs");
    }
}

#[test]
fn packed_and_plain_files_are_one_market() {
    let dir = session();
    let digest = |file: &str| {
        let told = json(dir.path(), &["replay", file, "--json"]);
        (
            told["summary"]["output_digest"].clone(),
            told["summary"]["book_hash"].clone(),
        )
    };
    assert_eq!(digest("a.dbn"), digest("a.dbn.zst"));
}

#[test]
fn f19_a_file_cut_short_is_played_to_the_cut_and_exits_with_7() {
    let dir = session();
    let whole = fs::read(dir.path().join("a.dbn")).unwrap();
    fs::write(dir.path().join("cut.dbn"), &whole[..whole.len() - 20]).unwrap();
    let (code, out, err) = run(dir.path(), &["replay", "cut.dbn"]);
    assert_eq!(code, 7, "{err}");
    assert!(
        out.contains("by action"),
        "what came before the cut is told: {out}"
    );
    assert!(
        err.contains("E-FEED-001") && err.contains("cut.dbn"),
        "{err}"
    );
    let offset = (whole.len() - 20).to_string();
    let tail = [&offset[..offset.len() - 3], "byte"];
    assert!(
        tail.iter().all(|part| err.contains(part)),
        "the offset is named: {err}"
    );
}

#[test]
fn f21_a_file_that_is_no_dbn_is_refused_with_its_place() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(
        dir.path().join("text.dbn"),
        "this is not a recording of anything",
    )
    .unwrap();
    let (code, _, err) = run(dir.path(), &["replay", "text.dbn"]);
    assert_eq!(code, 7, "{err}");
    let told = "text.dbn: byte 0: this is not DBN: it begins with 0x74686973 instead of";
    assert!(err.contains(told), "{err}");
    // What to do is said once, by the line that is for it.
    let (before, next) = err.split_once("next: ").expect("a next step");
    assert!(!before.contains("give a") && next.contains(".dbn"), "{err}");
    let (code, _, err) = run(dir.path(), &["replay", "nowhere.dbn"]);
    assert_eq!(code, 5, "{err}");
    assert!(err.contains("nowhere.dbn"), "{err}");
}

#[test]
fn f19_no_command_keeps_quiet_about_a_file_that_it_could_not_read() {
    let dir = session();
    let bytes = fs::read(dir.path().join("a.dbn")).expect("the session");
    fs::write(dir.path().join("cut.dbn"), &bytes[..bytes.len() - 20]).expect("written");
    fs::write(dir.path().join("empty.dbn"), "").expect("written");
    fs::write(dir.path().join("text.dbn"), "hello world").expect("written");
    for (file, cause) in [
        ("cut.dbn", "inside a record"),
        ("empty.dbn", "inside the header"),
        ("text.dbn", "not DBN"),
    ] {
        let commands = [
            &["replay", file][..],
            &["backtest", file],
            &["discover", file],
            &["flow", file, "--instrument", "NQH6"],
            &["flow", file, "--instrument", "unheard of"],
            &["book", file, "--instrument", "NQH6"],
            &["book", file, "--instrument", "unheard of"],
        ];
        for words in commands {
            let (code, _, err) = run(dir.path(), words);
            assert_eq!(code, 7, "{words:?}: {err}");
            let told = err.matches("error[").count();
            assert!(
                told == 1 && err.contains(file) && err.contains(cause),
                "{err}"
            );
        }
    }
    let (code, out, err) = run(dir.path(), &["chain", "cut.dbn"]);
    assert!(
        code == 7 && out.contains("gamma exposure"),
        "{code} {out} {err}"
    );
}

#[test]
fn what_cannot_be_written_leaves_nothing_behind_and_says_where_it_could() {
    let dir = tempfile::tempdir().expect("a directory");
    let cases = [
        ("a.dbn --messages 9999999999999", "are free at"),
        ("a.dbn --fault nothing=1", "no fault"),
        ("nowhere/a.dbn", "cannot write nowhere/a.dbn"),
    ];
    for (rest, cause) in cases {
        let line = format!("synth --out {rest}");
        let words: Vec<_> = line.split(' ').collect();
        let (code, _, err) = run(dir.path(), &words);
        assert!(
            code != 0 && err.contains(cause) && err.contains("next: "),
            "{err}"
        );
        assert_eq!(
            fs::read_dir(dir.path()).expect("listed").count(),
            0,
            "{line}"
        );
    }
}

#[test]
fn injected_faults_are_counted_and_leave_no_panic() {
    let dir = tempfile::tempdir().unwrap();
    let synth = "synth --messages 60k --strikes 4 --expiries 1 --out f.dbn --truth f.jsonl \
        --fault duplicate=0.001 --fault unknown_cancel=0.001 --fault unknown_action=0.001 \
        --fault missing_last=0.001 --fault gap=0.001 --fault bad_length=0.001";
    let told = ok(dir.path(), &synth.split_whitespace().collect::<Vec<_>>());
    assert!(told.contains("faults injected"), "{told}");
    let truth = fs::read_to_string(dir.path().join("f.jsonl")).unwrap();
    let injected = |name: &str| truth.lines().filter(|line| line.contains(name)).count() as u64;
    let told = json(dir.path(), &["replay", "f.dbn", "--check", "--json"]);
    let count = |name: &str| {
        let faults = told["summary"]["faults"].as_array().unwrap();
        let found = faults.iter().find(|fault| fault["name"] == name);
        found.map_or(0, |fault| fault["count"].as_u64().unwrap())
    };
    let suspects = injected("\"unknown_action\"") + injected("\"bad_length\"");
    assert!(suspects > 20);
    assert_eq!(count("suspect"), suspects);
    assert!(count("unknown cancel") >= injected("\"unknown_cancel\""));
    assert!(count("duplicate add") > 0);
    assert_eq!(told["summary"]["check"]["violations"], 0);
}

#[test]
fn a_ladder_is_shown_as_of_a_time() {
    let dir = session();
    let out = ok(
        dir.path(),
        &[
            "book",
            "a.dbn",
            "--instrument",
            "NQH6",
            "--depth",
            "3",
            "--queue",
        ],
    );
    assert!(out.contains("NQH6") && out.contains("ahead"), "{out}");
    let words = [
        "book",
        "a.dbn",
        "--instrument",
        "NQH6",
        "--at",
        "13:45",
        "--json",
        "--depth",
        "5",
    ];
    let told = json(dir.path(), &words);
    let book = &told[0];
    assert_eq!(book["bids"].as_array().unwrap().len(), 5);
    let price = |side: &str| -> f64 { book[side][0]["price"].as_str().unwrap().parse().unwrap() };
    assert!(price("bids") < price("asks"));
    let later = json(
        dir.path(),
        &["book", "a.dbn", "--instrument", "NQH6", "--json"],
    );
    assert!(later[0]["ts"].as_u64() > book["ts"].as_u64());
    let (code, _, err) = run(dir.path(), &["book", "a.dbn", "--instrument", "NQH7"]);
    assert_eq!(code, 2);
    assert!(err.contains("NQ"), "the nearest is named: {err}");
}

#[test]
fn several_files_are_merged_into_one_order() {
    let dir = tempfile::tempdir().unwrap();
    for (kind, out) in [("one", "one.dbn"), ("chain", "chain.dbn")] {
        let words = ["synth", "--kind", kind, "--messages", "20k", "--out", out];
        let few = if kind == "chain" {
            &["--instruments", "50"][..]
        } else {
            &[]
        };
        ok(dir.path(), &[&words[..], few].concat());
    }
    let merged = json(
        dir.path(),
        &["replay", "one.dbn", "chain.dbn", "--check", "--json"],
    );
    let inputs = merged["summary"]["inputs"].as_array().unwrap();
    let records: u64 = inputs
        .iter()
        .map(|input| input["records"].as_u64().unwrap())
        .sum();
    assert_eq!((inputs.len(), records), (2, 40_000));
    assert_eq!(merged["summary"]["check"]["violations"], 0);
}

#[test]
fn files_that_tell_the_same_trades_are_named() {
    let dir = tempfile::tempdir().unwrap();
    for out in ["one.dbn", "same.dbn"] {
        let words = ["synth", "--kind", "one", "--messages", "20k", "--out", out];
        ok(dir.path(), &words);
    }
    let note = |files: [&str; 2]| {
        let (code, _, err) = run(dir.path(), &[&["replay"], &files[..]].concat());
        assert_eq!(code, 0, "{err}");
        err.lines()
            .find(|line| line.starts_with("note: "))
            .map(str::to_owned)
    };
    let said = note(["one.dbn", "same.dbn"]).unwrap();
    assert!(
        said.contains("same.dbn tells trades") && said.contains("that one.dbn tells too"),
        "{said}"
    );
    let real = |name| support::data(&format!("dbn/{name}.dbn.zst"));
    let days = ["esh4-glbx-mdp3-20231224.mbo", "esh4-glbx-mdp3-20231225.mbo"].map(real);
    if let [Some(one), Some(other)] = &days {
        assert_eq!(note([one.to_str().unwrap(), other.to_str().unwrap()]), None);
    }
    let schemas = [
        "esu4-glbx-mdp3-20240701.mbp-1",
        "esu4-glbx-mdp3-20240701.trades",
    ]
    .map(real);
    if let [Some(one), Some(other)] = &schemas {
        assert!(note([one.to_str().unwrap(), other.to_str().unwrap()]).is_some());
    }
}

/// The trades of a file, and nothing else.
fn trades_alone(bytes: &[u8]) -> Vec<u8> {
    use dbn::decode::{DbnMetadata, DecodeRecordRef};
    let mut decoder = dbn::decode::dbn::Decoder::new(bytes).unwrap();
    let mut out = Vec::new();
    let mut metadata = dbn::encode::dbn::MetadataEncoder::new(&mut out);
    metadata.encode(decoder.metadata()).unwrap();
    while let Some(record) = decoder.decode_record_ref().unwrap() {
        let mbo = record.get::<dbn::MboMsg>();
        if mbo.is_some_and(|mbo| mbo.action == b'T'.cast_signed()) {
            out.extend_from_slice(record.as_ref());
        }
    }
    out
}

#[test]
fn of_trades_alone_there_is_no_book_to_be_doubted() {
    let dir = session();
    let bytes = fs::read(dir.path().join("a.dbn")).unwrap();
    fs::write(dir.path().join("t.dbn"), trades_alone(&bytes)).unwrap();
    let told = json(dir.path(), &["replay", "t.dbn", "--json", "--quiet"]);
    let summary = &told["summary"];
    let lines = summary["instruments"].as_array().unwrap();
    assert!(!lines.is_empty());
    for line in lines {
        assert_eq!(line["trust"], "no book", "{line}");
    }
    assert_eq!(summary["faults"], serde_json::json!([]));
    let id = lines[0]["instrument_id"].to_string();
    for verb in ["flow", "book"] {
        let told = ok(dir.path(), &[verb, "t.dbn", "--instrument", &id]);
        assert!(told.contains("no book: nothing but trades"), "{told}");
    }
    let words = ["flow", "t.dbn", "--instrument", &id, "--json"];
    let rows = json(dir.path(), &words)["rows"].clone();
    let last = rows.as_array().and_then(|rows| rows.last()).unwrap();
    assert!(last["last"].is_string() && last["cvd"].is_i64(), "{last}");
    let told = ok(dir.path(), &["book", "a.dbn", "--instrument", "NQH6"]);
    assert!(told.contains("trust good"), "{told}");
}

#[test]
fn a_paced_replay_takes_its_time_and_counts_from_intended_arrival() {
    let dir = tempfile::tempdir().unwrap();
    ok(
        dir.path(),
        &[
            "synth",
            "--kind",
            "one",
            "--messages",
            "2k",
            "--out",
            "one.dbn",
        ],
    );
    let fast = json(dir.path(), &["replay", "one.dbn", "--json"]);
    let paced = json(
        dir.path(),
        &["replay", "one.dbn", "--pace", "0.05x", "--json"],
    );
    let digest = |told: &Value| told["summary"]["output_digest"].clone();
    assert_eq!(digest(&fast), digest(&paced), "pace changes no output");
    let text = paced["latency"].to_string();
    assert!(text.contains("intended"), "{text}");
    assert!(!fast["latency"].to_string().contains("intended"));
    let elapsed = |told: &Value| told["summary"]["run"]["elapsed_s"].as_f64().unwrap();
    let span_s = 2_000.0 * 4e-6 / 0.05;
    assert!(elapsed(&paced) > span_s / 20.0, "{} s", elapsed(&paced));
}

#[test]
fn the_real_file_is_played_without_allocation_and_alike_in_every_layout() {
    let Some(file) = support::data("dbn/esh4-glbx-mdp3-20231225.mbo.dbn.zst") else {
        return;
    };
    let file = file.canonicalize().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let mut receipts = Vec::new();
    for layout in ["fused", "split", "dedicated"] {
        let words = [
            "replay",
            file.to_str().unwrap(),
            "--layout",
            layout,
            "--json",
        ];
        let told = json_without_faults(dir.path(), &words);
        let summary = &told["summary"];
        assert_eq!(summary["inputs"][0]["records"], 68_792);
        let actions = summary["actions"].as_array().unwrap();
        let counts: Vec<_> = actions
            .iter()
            .map(|it| it["count"].as_u64().unwrap())
            .collect();
        assert_eq!(counts, [29_216, 17_999, 12_233, 2_973, 6_371]);
        let faults = summary["faults"].to_string();
        assert!(!faults.contains("unknown"), "{faults}");
        receipts.push((
            summary["output_digest"].clone(),
            summary["book_hash"].clone(),
        ));
    }
    assert!(
        receipts.iter().all(|receipt| *receipt == receipts[0]),
        "{receipts:?}"
    );
}

/// The run's directory, as its last line tells.
fn run_dir(dir: &Path, out: &str) -> std::path::PathBuf {
    let report = out.lines().find_map(|line| line.strip_prefix("report"));
    dir.join(report.unwrap().trim())
        .parent()
        .unwrap()
        .to_owned()
}

#[test]
fn a_run_that_trades_has_one_journal_in_every_layout_and_its_ledger_adds_up() {
    let dir = tempfile::tempdir().unwrap();
    let mut first = None;
    for layout in ["fused", "fused", "split", "dedicated"] {
        let out = ok_without_faults(dir.path(), &["--quiet", "--layout", layout]);
        let run = run_dir(dir.path(), &out);
        let journal = fs::read(run.join("journal/journal-000001.utj")).unwrap();
        let explained = fs::read_to_string(run.join("explain.jsonl")).unwrap();
        let kinds = |kind: &str| explained.matches(&format!("\"kind\":\"{kind}\"")).count();
        assert!(kinds("signal") > 0 && kinds("order") > 0 && kinds("report") > 0);
        assert!(out.contains("fills of"), "{out}");
        let verified = ok(
            dir.path(),
            &["journal", "verify", run.join("journal").to_str().unwrap()],
        );
        assert!(verified.contains("0 breaches"), "{verified}");
        assert!(verified.contains("ended in order"), "{verified}");
        assert_eq!(first.get_or_insert_with(|| journal.clone()), &journal);
    }
}

#[test]
fn every_order_and_every_emitted_signal_can_be_explained() {
    let dir = tempfile::tempdir().unwrap();
    let out = ok(dir.path(), &["--quiet"]);
    let explained = fs::read_to_string(run_dir(dir.path(), &out).join("explain.jsonl")).unwrap();
    for line in explained.lines() {
        let document: Value = serde_json::from_str(line).unwrap();
        let id = match (&document["order"], &document["id"]) {
            (Value::Number(order), _) => order.to_string(),
            (_, Value::String(id)) => id.clone(),
            _ => continue,
        };
        let told = json(dir.path(), &["explain", &id, "--json"]);
        assert!(!told["about"].as_array().unwrap().is_empty(), "{id}");
    }
    let first = ok(dir.path(), &["explain", "1"]);
    for part in ["risk", "24 unknown", "to spare", "latency", "book"] {
        assert!(first.contains(part), "{part} is missing from\n{first}");
    }
    let all = [
        "--quiet",
        "--set",
        "latency.sample_every=1",
        "--layout",
        "fused",
    ];
    ok(dir.path(), &all);
    let told = ok(dir.path(), &["explain", "1"]);
    let own = told.lines().find(|line| line.contains("its own stages: "));
    let own = own.unwrap_or_else(|| panic!("no stages in\n{told}"));
    for stage in ["decode ", "book ", "trade "] {
        assert!(own.contains(stage), "{own}");
    }
    let (code, _, err) = run(dir.path(), &["explain", "0123456789abcdef"]);
    assert_eq!(code, 2, "{err}");
    assert!(err.contains("ask for one of its signals ("), "{err}");
}

/// A paced run that is sent signals once its journal has begun: how it ended, what it told, and
/// where its journal is.
fn interrupted(dir: &Path, signals: &[&str]) -> (Option<i32>, String, std::path::PathBuf) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_undertow"))
        .args(["--quiet", "--messages", "200k", "--pace", "20x"])
        .current_dir(dir)
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let journal = dir.join("undertow-out");
    let begun = || {
        let runs = fs::read_dir(&journal).ok()?;
        let mut runs = runs.filter_map(|run| Some(run.ok()?.path().join("journal")));
        runs.find(|run| run.exists())
    };
    let begun = loop {
        if let Some(begun) = begun() {
            break begun;
        }
        assert!(child.try_wait().unwrap().is_none(), "it ended by itself");
        std::thread::sleep(std::time::Duration::from_millis(20));
    };
    // The tiles listen from just before the journal begins.
    std::thread::sleep(std::time::Duration::from_millis(300));
    // By one process, so that nothing has time to end between two of them.
    let kills = signals
        .iter()
        .map(|signal| format!("kill {signal} {}", child.id()));
    let kills: Vec<String> = kills.collect();
    let sent = Command::new("sh")
        .args(["-c", &kills.join(" && ")])
        .status();
    assert!(sent.unwrap().success());
    let output = child.wait_with_output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    (output.status.code(), told, begun)
}

#[test]
fn p11_an_interrupted_run_ends_in_order() {
    for signal in ["-INT", "-TERM", "-HUP"] {
        let dir = tempfile::tempdir().unwrap();
        let (code, told, journal) = interrupted(dir.path(), &[signal]);
        assert_eq!(code, Some(130), "{signal}: {told}");
        assert!(told.contains("interrupted"), "{signal}: {told}");
        let verified = ok(
            dir.path(),
            &["journal", "verify", journal.to_str().unwrap()],
        );
        assert!(verified.contains("ended in order"), "{verified}");
    }
    // The second is obeyed at once, whatever is not done yet; what was written is whole.
    let dir = tempfile::tempdir().unwrap();
    let (code, told, journal) = interrupted(dir.path(), &["-INT", "-TERM"]);
    assert_eq!(code, Some(130), "{told}");
    assert!(!told.contains("interrupted"), "{told}");
    let verified = ok(
        dir.path(),
        &["journal", "verify", journal.to_str().unwrap()],
    );
    assert!(!verified.contains("ended in order"), "{verified}");
}

#[test]
fn p17_tiles_that_share_one_core_do_not_starve_one_another() {
    let dir = session();
    let replay = ["replay", "a.dbn", "--json", "--set", "unpinned_ok=true"];
    let fused = json(dir.path(), &[&replay[..], &["--layout", "fused"]].concat());
    for layout in ["split", "dedicated"] {
        let begun = std::time::Instant::now();
        // As a container of one processor: who spins there takes the time of who has work.
        let alone = Command::new("taskset")
            .args(["-c", "0", env!("CARGO_BIN_EXE_undertow")])
            .args(replay)
            .args(["--layout", layout])
            .current_dir(dir.path())
            .output();
        let Ok(alone) = alone else {
            println!("skipped: no taskset");
            return;
        };
        let told = String::from_utf8(alone.stderr).unwrap();
        assert!(alone.status.success(), "{layout}: {told}");
        let told: Value = serde_json::from_slice(&alone.stdout).unwrap();
        let outputs = |told: &Value| told["summary"]["output_digest"].clone();
        assert!(outputs(&told).is_string(), "{told}");
        assert_eq!(outputs(&told), outputs(&fused), "{layout}");
        assert!(
            begun.elapsed().as_secs() < 60,
            "{layout}: {:?}",
            begun.elapsed()
        );
    }
}
