//! `undertow journal` as a user meets it: what is told of a sound journal, of a torn one and of a
//! damaged one, with the exit codes that scripts rely on.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;
use undertow_cold::journal::{
    BLOCK, Build, Intended, Moment, Options, Record, Start, Sync, Writer, segment_name,
};
use undertow_core::money::Money;
use undertow_core::order::{
    ClientOrderId, Confidence, Intent, Purpose, Quote, SignalId, StrategyId, Style, Tif,
};
use undertow_core::risk::{AccountId, Kept, Mode, Reason};
use undertow_core::types::{BookKey, InstrumentId, Nanos, Price, PublisherId, Side};

const DIR: &str = "kept";

fn run(dir: &TempDir, words: &[&str]) -> (i32, String, String) {
    let output = command(dir).args(words).output().expect("it runs");
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("text");
    let code = output.status.code().unwrap_or(-1);
    (code, text(&output.stdout), text(&output.stderr))
}

fn command(dir: &TempDir) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_undertow"));
    command.current_dir(dir.path());
    command
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn intended(id: u64) -> Record {
    Record::Intent(Intended {
        id: ClientOrderId(id),
        ts: Nanos(1),
        intent: Intent {
            contract: BookKey {
                instrument_id: InstrumentId(17_077),
                publisher_id: PublisherId(1),
            },
            side: Side::Bid,
            quantity: 2,
            price: Price(20_000 * Price::PER_POINT),
            style: Style::Limit,
            tif: Tif::Day,
            purpose: Purpose::Open,
            confidence: Confidence::MAX,
            signal_id: SignalId(id),
            strategy: StrategyId(0),
            ts_event: Nanos(1),
            reference: Quote::NONE,
            stop: Price::UNDEFINED,
            data_cost: Money::ZERO,
            good_for_ns: 0,
        },
    })
}

fn started() -> Record {
    Record::Start(Start {
        build: Build::from_bytes(b"\x1b[31m1.0"),
        config_hash: 1,
        input_hash: 2,
        mode: Mode::Paper,
        account: AccountId(7),
        kept: Kept::first(1, Money::from_usd(1_000)),
    })
}

/// A journal of a start, two intents and what an operator wrote.
fn journal() -> (TempDir, Writer) {
    let dir = tempfile::tempdir().expect("a directory");
    let options = Options {
        sync: Sync::Batch,
        ..Options::default()
    };
    let path = dir.path().join(DIR);
    let (mut writer, _) = Writer::open(&path, options, |_| {}).expect("it opens");
    let reason = Reason::new("sure\n\u{1b}[2Jerror[E-RISK-001]").expect("a reason");
    for record in [started(), intended(1), intended(2), Record::Resume(reason)] {
        append(&mut writer, &record);
    }
    (dir, writer)
}

fn append(writer: &mut Writer, record: &Record) {
    let moment = Moment {
        ts_event: Nanos(1_700_000_000_000_000_001),
        ..Moment::default()
    };
    writer.append(&moment, record).expect("taken");
    writer.flush().expect("flushed");
}

fn edit(dir: &TempDir, change: impl FnOnce(&mut Vec<u8>)) {
    let path = dir.path().join(DIR).join(segment_name(1));
    let mut bytes = fs::read(&path).expect("read");
    change(&mut bytes);
    fs::write(&path, bytes).expect("written");
}

#[test]
fn a_sound_journal_is_verified_with_what_it_adds_up_to() {
    let (dir, mut writer) = journal();
    fs::write(dir.path().join(DIR).join("no\ttes"), "x").expect("written");
    let (code, out, err) = run(&dir, &["journal", "verify", DIR]);
    assert_eq!((code, err.as_str()), (0, ""));
    for said in [
        "ok: kept: 4 records in 1 segment; every checksum and the chain hold",
        "2 orders, 2 open; 0 executions; 0 checkpoints compared, 0 breaches of invariants; \
         next id 3",
        r"last run: build \u{1b}[31m1.0, Paper, was not ended in order",
        "open: order 2 is intent, 0 of 2 filled",
        r"foreign: no\ttes is none",
    ] {
        assert!(out.contains(said), "{said}: {out}");
    }
    // A checkpoint of the very state, and the end.
    let digest = json(&run(&dir, &["journal", "verify", DIR, "--json"]).1)["digest"].clone();
    let digest = u64::from_str_radix(digest.as_str().expect("text"), 16).expect("a digest");
    append(&mut writer, &Record::Checkpoint(digest));
    append(&mut writer, &Record::End(digest));
    let (code, out, _) = run(&dir, &["journal", "verify", DIR, "--json"]);
    let verdict = json(&out);
    assert_eq!((code, &verdict["ok"]), (0, &Value::Bool(true)));
    assert_eq!(
        (&verdict["ended"], &verdict["checkpoints"]),
        (&Value::Bool(true), &Value::from(2))
    );
    assert_eq!(verdict["open"][0]["id"], 1);
}

#[test]
fn p02_a_torn_end_is_told_and_damage_exits_with_7() {
    let (dir, _writer) = journal();
    edit(&dir, |bytes| bytes.truncate(4 * BLOCK + 100));
    let (code, out, _) = run(&dir, &["journal", "verify", DIR]);
    assert_eq!(code, 0);
    let torn = "torn: kept/journal-000001.utj: 100 bytes from byte 2048 on do not count";
    assert!(out.contains(torn), "{out}");
    edit(&dir, |bytes| bytes[2 * BLOCK + 200] ^= 1);
    for verb in ["verify", "dump", "tail"] {
        let (code, out, err) = run(&dir, &["journal", verb, DIR]);
        assert_eq!(code, 7, "{verb}: {err}");
        let place = "error[E-JRN-001]: kept/journal-000001.utj: byte 1024: record 1 is damaged: ";
        assert!(err.starts_with(place), "{err}");
        assert!(
            err.contains("its CRC-32C should be") && err.contains("\n  next: "),
            "{err}"
        );
        // A dump prints what came before.
        assert_eq!(
            out.lines().count(),
            usize::from(verb == "dump"),
            "{verb}: {out}"
        );
    }
    let (code, out, err) = run(&dir, &["journal", "verify", DIR, "--json"]);
    let verdict = json(&out);
    assert_eq!(
        (code, err.as_str(), &verdict["ok"]),
        (7, "", &Value::Bool(false))
    );
    assert_eq!(verdict["problems"][0]["code"], "E-JRN-001");
}

#[test]
fn i13_a_checkpoint_that_differs_exits_with_7() {
    let (dir, mut writer) = journal();
    append(&mut writer, &Record::Checkpoint(5));
    let (code, out, err) = run(&dir, &["journal", "verify", DIR]);
    assert_eq!(code, 7);
    assert!(out.starts_with("BREACHED: kept: 5 records"), "{out}");
    let said = "error[E-JRN-004]: kept: record 4: the ledger's digest was 0000000000000005 live";
    assert!(err.starts_with(said), "{err}");
}

#[test]
fn what_is_not_there_or_of_another_version_is_said() {
    let (dir, _writer) = journal();
    let (code, _, err) = run(&dir, &["journal", "verify", "nowhere"]);
    assert_eq!(code, 5);
    assert!(
        err.contains("E-JRN-002]: nowhere: there is no journal here"),
        "{err}"
    );
    edit(&dir, |bytes| bytes[8] = 2);
    let (code, _, err) = run(&dir, &["journal", "verify", DIR]);
    assert_eq!(code, 5);
    assert!(
        err.contains("E-JRN-003]") && err.contains("format version 2"),
        "{err}"
    );
    assert!(
        err.contains("next: dump it with the build that wrote it"),
        "{err}"
    );
}

#[test]
fn p14_a_dump_is_one_line_a_record_and_escapes_what_it_prints() {
    let (dir, _writer) = journal();
    let (code, out, _) = run(&dir, &["journal", "dump", DIR]);
    assert_eq!((code, out.lines().count()), (0, 4));
    assert!(!out.contains('\u{1b}'), "{out}");
    let lines: Vec<&str> = out.lines().collect();
    let intent = "       1  2023-11-14T22:13:20.000000001Z  intent id=1 contract=17077/1 side=bid \
                  quantity=2 price=20000.00 style=limit";
    assert!(lines[1].starts_with(intent), "{}", lines[1]);
    assert!(
        lines[3].ends_with(r"resume reason=sure\n\u{1b}[2Jerror[E-RISK-001]"),
        "{out}"
    );
    let (_, out, _) = run(&dir, &["journal", "dump", DIR, "--from", "2", "--json"]);
    let records: Vec<Value> = out.lines().map(json).collect();
    assert_eq!(records.len(), 2);
    assert_eq!(
        (&records[0]["sequence"], &records[0]["record"]["id"]),
        (&2.into(), &2.into())
    );
    assert!(!out.contains('\u{1b}'), "{out}");
}

#[test]
fn a_tail_prints_the_last_records_and_follows_those_to_come() {
    let (dir, mut writer) = journal();
    let (code, out, _) = run(&dir, &["journal", "tail", DIR, "--lines", "1"]);
    assert_eq!((code, out.lines().count()), (0, 1));
    assert!(out.contains("resume"), "{out}");
    let mut child = command(&dir)
        .args(["journal", "tail", DIR, "--lines", "1", "--follow"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("it runs");
    let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
    let mut line = || lines.next().expect("a line").expect("read");
    assert!(line().contains("resume"));
    append(&mut writer, &intended(3));
    assert!(line().contains("intent id=3 "));
    child.kill().expect("killed");
    child.wait().expect("gone");
}

#[test]
fn reading_changes_nothing() {
    let (dir, _writer) = journal();
    edit(&dir, |bytes| bytes.truncate(4 * BLOCK + 100));
    let names = |path: &Path| -> Vec<_> {
        let entries = fs::read_dir(path).expect("listed");
        let mut names: Vec<_> = entries
            .map(|entry| entry.expect("named").file_name())
            .collect();
        names.sort();
        names
    };
    let path = dir.path().join(DIR);
    let before = (
        names(&path),
        fs::read(path.join(segment_name(1))).expect("read"),
    );
    for verb in ["verify", "dump", "tail"] {
        assert_eq!(run(&dir, &["journal", verb, DIR]).0, 0, "{verb}");
    }
    let after = (
        names(&path),
        fs::read(path.join(segment_name(1))).expect("read"),
    );
    assert_eq!(before, after);
}
