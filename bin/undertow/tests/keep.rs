//! What a session keeps over its own death, through the program: journals cut at named points and
//! processes killed for real, one store of claims for several programs, a disk that is full.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use undertow_cold::baselines::Store;
use undertow_cold::journal::{BLOCK, Entry, Lock, Options, Reader, Record, Writer, segment_name};
use undertow_core::event::Operator;
use undertow_core::order::{Purpose, ReportKind, StrategyId};
use undertow_strategies::calendar::Day;
use undertow_strategies::decide::identity::SignalId;
use undertow_strategies::trade::chain::hours::DayVolumes;

#[path = "support/eager.rs"]
mod eager;

use eager::{folder, run};

/// A signal's id as it stands in an intent.
fn number(id: SignalId) -> u64 {
    u64::from_be_bytes(id.0)
}

fn entries(journal: &Path) -> Vec<Entry> {
    let mut entries = Vec::new();
    Reader::open(journal)
        .unwrap()
        .scan(|entry| entries.push(*entry))
        .unwrap();
    entries
}

/// Runs the session with more words, and gives what it tells of its trading.
fn trade(dir: &Path, more: &str) -> (i32, Value, String) {
    let words = format!("backtest s.dbn --profile eager.toml --json {more}");
    let (code, out, told) = run(dir, &words.split_whitespace().collect::<Vec<_>>());
    let document: Value = serde_json::from_str(&out).unwrap_or_default();
    (code, document["summary"]["trade"].clone(), told)
}

fn verify(dir: &Path, journal: &str) {
    let (code, out, told) = run(dir, &["journal", "verify", journal]);
    assert_eq!(code, 0, "{out}{told}");
}

/// What must hold of a journal over all its runs: no id is used twice, and no signal is emitted
/// again while its claim holds, unless the run died before anything was made of it.
fn assert_once(entries: &[Entry]) {
    let mut ids = BTreeSet::new();
    let mut claims: BTreeMap<SignalId, (u64, bool)> = BTreeMap::new();
    for (at, entry) in entries.iter().enumerate() {
        match entry.record {
            Record::Intent(intended) => assert!(ids.insert(intended.id), "{:?}", intended.id),
            Record::Claim(claim) => {
                let after = entries[at + 1..].iter();
                let mut after =
                    after.skip_while(|entry| matches!(entry.record, Record::Contract(_)));
                let is_unacted = matches!(
                    after.next().map(|entry| entry.record),
                    Some(Record::Start(_))
                );
                let until = claim.at.0 + claim.ttl_ns;
                let before = claims.insert(claim.id, (until, is_unacted));
                if let Some((until, false)) = before {
                    assert!(claim.at.0 >= until, "{} was emitted twice", claim.id);
                }
            }
            _ => {}
        }
    }
}

/// The places in a journal at which a process may be killed, by what the disk has then.
fn points(entries: &[Entry]) -> Vec<(&'static str, usize)> {
    let opening = |entry: &Entry| match entry.record {
        Record::Intent(it) if it.intent.purpose == Purpose::Open => Some(it.id),
        _ => None,
    };
    let intents: Vec<_> = entries.iter().enumerate().collect();
    let opened: Vec<_> = intents
        .iter()
        .filter_map(|(at, entry)| Some((*at, opening(entry)?)))
        .collect();
    // The first that was acknowledged and filled.
    let told = |from: usize, is: &dyn Fn(&ReportKind) -> bool, id| {
        let after = entries.iter().enumerate().skip(from);
        let mut of = after.filter(|(_, entry)| match entry.record {
            Record::Report(report) => report.id == id && is(&report.kind),
            _ => false,
        });
        of.next().map(|(at, _)| at)
    };
    let acked = |kind: &ReportKind| matches!(kind, ReportKind::Acked(_));
    let filled = |kind: &ReportKind| matches!(kind, ReportKind::Executed(_));
    let found = opened.iter().find_map(|(at, id)| {
        let (ack, fill) = (told(*at, &acked, *id)?, told(*at, &filled, *id)?);
        Some((*at, ack, fill))
    });
    let (intent, ack, fill) = found.expect("an order that was filled");
    vec![
        ("before intent", intent),
        ("after intent", intent + 1),
        ("after send", intent + 2),
        ("after ack", ack + 1),
        ("after fill", fill + 1),
    ]
}

#[test]
fn p01_killed_at_each_point_a_signal_has_one_order_and_what_is_held_goes_on() {
    let dir = folder();
    let dir = dir.path();
    let (code, _, told) = trade(dir, "--set trade.state_dir=whole");
    assert_eq!(code, 0, "{told}");
    let whole = entries(&dir.join("whole/journal"));
    assert_once(&whole);
    let bytes = fs::read(dir.join("whole/journal").join(segment_name(1))).unwrap();
    let points = points(&whole);
    let Record::Intent(intended) = whole[points[0].1].record else {
        panic!("no intent there");
    };
    let signal = intended.intent.signal_id;
    let claimed = whole[..points[0].1]
        .iter()
        .rev()
        .find_map(|entry| match entry.record {
            Record::Claim(it) if number(it.id) == signal.0 => Some(it),
            _ => None,
        });
    let claimed = claimed.expect("its signal was emitted");
    let lifetime = claimed.at.0..claimed.at.0 + claimed.ttl_ns;
    for (name, count) in points {
        let state = name.replace(' ', "-");
        let journal = dir.join(&state).join("journal");
        fs::create_dir_all(&journal).unwrap();
        // The header, so many records, and a part of one that was being written.
        let cut = &bytes[..(count + 1) * BLOCK + 100];
        fs::write(journal.join(segment_name(1)), cut).unwrap();
        let (code, figures, told) = trade(dir, &format!("--set trade.state_dir={state}"));
        assert_eq!(code, 0, "{name}: {told}");
        let went_on = figures["kept"].to_string();
        assert!(
            went_on.contains("a run that was cut off"),
            "{name}: {went_on}"
        );
        verify(dir, &format!("{state}/journal"));
        let all = entries(&journal);
        assert_eq!(all[..count], whole[..count], "{name}: what was stays");
        assert!(matches!(all[count].record, Record::Start(_)), "{name}");
        assert_once(&all);
        let of_signal = |entry: &&Entry| match entry.record {
            Record::Intent(it) => {
                it.intent.signal_id == signal && it.intent.purpose == Purpose::Open
            }
            _ => false,
        };
        let in_lifetime = |entry: &&Entry| lifetime.contains(&entry.moment.ts_event.0);
        let orders = all.iter().filter(of_signal).filter(in_lifetime);
        let orders: Vec<_> = orders.collect();
        assert_eq!(orders.len(), 1, "{name}: {orders:?}");
        let emitted = all[count..]
            .iter()
            .filter(|entry| matches!(entry.record, Record::Claim(_)));
        assert!(emitted.count() > 0, "{name}: it trades on");
        let last = all.last().map(|entry| entry.record);
        assert!(matches!(last, Some(Record::End(_))), "{name}");
    }
}

/// Starts a paced session that keeps its state.
fn paced(dir: &Path) -> Child {
    Command::new(env!("CARGO_BIN_EXE_undertow"))
        .args("backtest s.dbn --profile eager.toml --quiet --pace 3000x".split(' '))
        .args(["--set", "trade.state_dir=state"])
        .current_dir(dir)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
fn p01_killed_while_it_trades_again_and_again_no_signal_is_ordered_twice() {
    let dir = folder();
    let dir = dir.path();
    let segment = dir.join("state/journal").join(segment_name(1));
    let len = || fs::metadata(&segment).map_or(0, |file| file.len());
    let mut kills = 0;
    for blocks in [40, 90, 150] {
        // At least a block of its own, however much a slow machine let the run before it write.
        let until = (blocks * BLOCK as u64).max(len() + BLOCK as u64);
        let mut child = paced(dir);
        let begun = Instant::now();
        while len() < until && child.try_wait().unwrap().is_none() {
            assert!(
                begun.elapsed() < Duration::from_secs(300),
                "{} bytes",
                len()
            );
            std::thread::sleep(Duration::from_millis(2));
        }
        kills += u32::from(child.try_wait().unwrap().is_none());
        child.kill().unwrap();
        child.wait().unwrap();
        verify(dir, "state/journal");
    }
    assert!(kills > 0, "every run ended before it was killed");
    let (code, _, told) = trade(dir, "--set trade.state_dir=state");
    assert_eq!(code, 0, "{told}");
    verify(dir, "state/journal");
    let all = entries(&dir.join("state/journal"));
    assert_once(&all);
    let starts = all
        .iter()
        .filter(|entry| matches!(entry.record, Record::Start(_)));
    assert_eq!(starts.count(), 4);
}

#[test]
fn s01_a_session_that_was_traded_is_not_traded_again() {
    let dir = folder();
    let dir = dir.path();
    let (_, first, _) = trade(dir, "--set trade.state_dir=state");
    assert!(first["orders"].as_u64().unwrap() > 0);
    let (code, again, told) = trade(dir, "--set trade.state_dir=state");
    assert_eq!(code, 0, "{told}");
    assert_eq!(again["orders"], 0);
    let words = again["kept"].to_string();
    assert!(words.contains("a run that ended in order"), "{words}");
    verify(dir, "state/journal");
}

#[test]
fn r12_a_strategy_that_was_disabled_stays_so_over_runs_until_it_is_enabled() {
    let dir = folder();
    let dir = dir.path();
    let traded = |day: u8| {
        eager::session(dir, "s.dbn", day);
        let (code, figures, told) = trade(dir, "--set trade.state_dir=state");
        assert_eq!(code, 0, "{told}");
        verify(dir, "state/journal");
        figures["strategies"].as_array().unwrap().clone()
    };
    // Between two runs, as a run writes it that it is said to.
    let order = |operator: Operator| {
        let journal = dir.join("state/journal");
        let (mut writer, _) = Writer::open(&journal, Options::default(), |_| {}).unwrap();
        let last = entries(&journal).last().unwrap().moment;
        writer.append(&last, &Record::Ordered(operator)).unwrap();
        writer.flush().unwrap();
    };
    let emitted = |of: &Value| of["emitted"].as_u64().unwrap();
    let disabled = |of: &Value| {
        let blocked = of["blocked"].as_array().unwrap();
        let it = blocked
            .iter()
            .find(|it| it["name"] == "disabled by the operator");
        it.map_or(0, |it| it["count"].as_u64().unwrap())
    };
    let before = traded(11);
    let place = before.iter().position(|of| emitted(of) > 0).unwrap();
    let strategy = StrategyId(u8::try_from(place).unwrap());
    order(Operator::Disable(strategy));
    let mut others = 0;
    for day in [12, 13] {
        let strategies = traded(day);
        for (at, of) in strategies.iter().enumerate() {
            assert_eq!(of["is_conserved"], true, "{day}: {of}");
            assert_eq!(disabled(of) > 0, at == place, "{day}: {of}");
        }
        assert_eq!(emitted(&strategies[place]), 0, "{day}");
        others += strategies.iter().map(emitted).sum::<u64>();
    }
    assert!(others > 0, "others go on");
    order(Operator::Enable(strategy));
    let after = traded(16);
    assert!(emitted(&after[place]) > 0, "{}", after[place]);
    assert_eq!(disabled(&after[place]), 0);
}

#[test]
fn a_run_without_orders_writes_what_it_keeps_once() {
    let dir = folder();
    let dir = dir.path();
    // Nothing of the session is traded, so that nothing is decided.
    let idle = eager::profile(&[("asset = \"NQ\"", "asset = \"ZB\"")]);
    fs::write(dir.join("idle.toml"), idle).unwrap();
    let words = "backtest s.dbn --profile idle.toml --json --set trade.state_dir=idle";
    for _ in 0..2 {
        let (code, _, told) = run(dir, &words.split(' ').collect::<Vec<_>>());
        assert_eq!(code, 0, "{told}");
    }
    let entries = entries(&dir.join("idle/journal"));
    let kinds: Vec<_> = entries.iter().map(|entry| entry.record.name()).collect();
    let run = ["start", "kept", "checkpoint", "end"];
    assert!(kinds.len() <= 3 * run.len(), "{kinds:?}");
    assert!(
        kinds.starts_with(&run[..2]) && kinds.ends_with(&run[3..]),
        "{kinds:?}"
    );
    verify(dir, "idle/journal");
}

#[test]
fn p13_a_second_program_with_the_same_state_is_refused_and_the_first_is_named() {
    let dir = folder();
    let journal = dir.path().join("state/journal");
    fs::create_dir_all(&journal).unwrap();
    let _lock = Lock::take(&journal).unwrap();
    let (code, _, told) = trade(dir.path(), "--set trade.state_dir=state");
    assert_eq!(code, 5, "{told}");
    let by = format!("process {} is writing this journal", std::process::id());
    assert!(told.contains(&by), "{told}");
}

/// What an error with this code says: its two programs, and the id to take over from.
fn two_programs(told: &str) -> ([String; 2], String) {
    let line = told.lines().find(|line| line.contains("error[E-CONF-006]"));
    let line = line.unwrap_or_else(|| panic!("no refusal: {told}"));
    let words: Vec<_> = line.split("build ").skip(1).collect();
    let program = |at: usize| words[at].trim_end_matches(", and this is ").to_owned();
    let (_, id) = told.split_once("trade.succeeds=").expect("a next step");
    let id = id.split_whitespace().next().unwrap().to_owned();
    ([program(0), program(1)], id)
}

/// The program with one byte more behind it, which changes nothing that it does: another build.
fn another_build(dir: &Path) -> std::path::PathBuf {
    let path = dir.join("undertow-of-tomorrow");
    fs::copy(env!("CARGO_BIN_EXE_undertow"), &path).unwrap();
    let mut file = fs::OpenOptions::new().append(true).open(&path).unwrap();
    std::io::Write::write_all(&mut file, b"!").unwrap();
    path
}

/// Runs a program on the session, with more words.
fn trade_by(program: &Path, dir: &Path, more: &str) -> (i32, String) {
    let profile = ["--profile", "eager.toml"];
    let is_eager = !more.contains(profile[0]);
    let output = Command::new(program)
        .args("backtest s.dbn --quiet".split(' '))
        .args(is_eager.then_some(profile).into_iter().flatten())
        .args(more.split_whitespace())
        .current_dir(dir)
        .output()
        .unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    (output.status.code().unwrap_or(-1), told)
}

#[test]
fn k15_another_build_or_configuration_is_refused_the_state_until_it_says_that_it_succeeds() {
    let dir = folder();
    let dir = dir.path();
    let own = Path::new(env!("CARGO_BIN_EXE_undertow"));
    let other = another_build(dir);
    let state = "--set trade.state_dir=state";
    let (code, told) = trade_by(own, dir, state);
    assert_eq!(code, 0, "{told}");
    let journal = dir.join("state/journal").join(segment_name(1));
    let before = fs::read(&journal).unwrap();
    fs::write(
        dir.join("bold.toml"),
        eager::profile(&[("daily_loss_max = 2_000", "daily_loss_max = 3_000")]),
    )
    .unwrap();

    let (code, told) = trade_by(&other, dir, state);
    assert_eq!(code, 4, "{told}");
    let ([theirs, ours], _) = two_programs(&told);
    let config = |program: &str| program.split_once(", configuration ").unwrap().1.to_owned();
    assert_ne!(theirs, ours, "two builds");
    assert_eq!(config(&theirs), config(&ours), "of one configuration");
    for changed in ["--set flow.vpin_bucket=501", "--profile bold.toml"] {
        let (code, told) = trade_by(own, dir, &format!("{state} {changed}"));
        assert_eq!(code, 4, "{told}");
        let ([theirs, ours], _) = two_programs(&told);
        assert_ne!(config(&theirs), config(&ours), "{changed}");
    }
    assert_eq!(fs::read(&journal).unwrap(), before, "nothing was written");
    // What lies elsewhere, runs on other threads or is written otherwise decides the same.
    let comment = fs::read_to_string(dir.join("eager.toml")).unwrap() + "# looked through\n";
    fs::write(dir.join("eager.toml"), comment).unwrap();
    let (code, told) = trade_by(own, dir, &format!("{state} --set report.dir=elsewhere"));
    assert_eq!(code, 0, "{told}");

    let (_, told) = trade_by(&other, dir, state);
    let (_, id) = two_programs(&told);
    let wrong = format!("{state} --set trade.succeeds=0000-0000-0000-0001");
    assert_eq!(trade_by(&other, dir, &wrong).0, 4);
    let (code, told) = trade_by(&other, dir, &format!("{state} --set trade.succeeds={id}"));
    assert_eq!(code, 0, "{told}");
    assert_eq!(trade_by(own, dir, state).0, 4, "it is the other's now");
    verify(dir, "state/journal");
    let entries = entries(&dir.join("state/journal"));
    let builds = entries.iter().filter_map(|entry| match entry.record {
        Record::Start(start) => Some(start.build.as_str().to_owned()),
        _ => None,
    });
    let builds: Vec<_> = builds.collect();
    assert!(
        builds[0] == builds[1] && builds[1] != builds[2],
        "{builds:?}"
    );
}

#[test]
fn k15_two_programs_that_differ_never_emit_from_one_store() {
    let dir = folder();
    let dir = dir.path();
    let own = Path::new(env!("CARGO_BIN_EXE_undertow"));
    let other = another_build(dir);
    let claims = "--set trade.claims=claims.db";
    let first = Command::new(own)
        .args("backtest s.dbn --profile eager.toml --json --pace 1000x".split(' '))
        .args(["--set", "report.dir=a", "--set", "trade.claims=claims.db"])
        .current_dir(dir)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let emitted = || {
        let store = rusqlite::Connection::open(dir.join("claims.db")).ok()?;
        let count = store.query_row("SELECT count(*) FROM emitted", [], |row| row.get(0));
        count.ok()
    };
    let begun = Instant::now();
    while emitted().is_none_or(|count: i64| count < 2) {
        assert!(
            begun.elapsed() < Duration::from_secs(300),
            "it emits nothing"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
    let (code, told) = trade_by(&other, dir, &format!("{claims} --set report.dir=b"));
    assert_eq!(code, 4, "{told}");
    assert!(told.contains("claims.db"), "{told}");
    let ([theirs, ours], id) = two_programs(&told);
    assert_ne!(theirs, ours);

    let succeeds = format!("{claims} --set report.dir=b --set trade.succeeds={id}");
    let (code, told) = trade_by(&other, dir, &succeeds);
    assert_eq!(code, 0, "{told}");
    // The first has not stopped: it is told, and emits nothing any more.
    let first = first.wait_with_output().unwrap();
    let told = String::from_utf8(first.stderr).unwrap();
    assert!(first.status.success(), "{told}");
    assert!(
        told.contains(&ours) && told.contains("signals are blocked"),
        "{told}"
    );
    let document: Value = serde_json::from_slice(&first.stdout).unwrap();
    let strategies = &document["summary"]["trade"]["strategies"];
    let mut failed = 0;
    for strategy in strategies.as_array().unwrap() {
        for blocked in strategy["blocked"].as_array().unwrap() {
            let is_it = blocked["name"] == "claim store failed";
            failed += u64::from(is_it) * blocked["count"].as_u64().unwrap();
        }
    }
    assert!(failed > 0, "{strategies}");
}

#[test]
fn p02_a_state_with_a_damaged_journal_is_not_gone_on_from() {
    let dir = folder();
    let dir = dir.path();
    trade(dir, "--set trade.state_dir=state");
    let path = dir.join("state/journal").join(segment_name(1));
    let mut bytes = fs::read(&path).unwrap();
    bytes[3 * BLOCK + 40] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let (code, _, told) = trade(dir, "--set trade.state_dir=state");
    assert_eq!((code, told.contains("E-JRN-001")), (7, true), "{told}");
    assert_eq!(
        fs::read(&path).unwrap(),
        bytes,
        "it is left as it was found"
    );
}

/// Ids of the signals that a run has emitted, each with the end of its claim.
fn emitted(journal: &Path) -> Vec<(SignalId, u64, u64)> {
    let entries = entries(journal);
    let claims = entries.iter().filter_map(|entry| match entry.record {
        Record::Claim(it) => Some((it.id, it.at.0, it.at.0 + it.ttl_ns)),
        _ => None,
    });
    claims.collect()
}

#[test]
fn s01_two_programs_with_one_store_emit_each_signal_once() {
    let dir = folder();
    let dir = dir.path();
    let (_, alone, _) = trade(dir, "--set report.dir=alone");
    assert!(alone["orders"].as_u64().unwrap() > 0);
    let journal = |name: &str| dir.join(name).join("backtest-s").join("journal");
    let racers: Vec<Child> = ["a", "b"]
        .map(|name| {
            Command::new(env!("CARGO_BIN_EXE_undertow"))
                .args("backtest s.dbn --profile eager.toml --json".split(' '))
                .args(["--set", "trade.claims=claims.db"])
                .args(["--set", &format!("report.dir={name}")])
                .current_dir(dir)
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap()
        })
        .into();
    let mut duplicates = 0;
    for racer in racers {
        let output = racer.wait_with_output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{told}");
        let out: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(out["summary"]["run"]["allocations"], 0);
        for strategy in out["summary"]["trade"]["strategies"].as_array().unwrap() {
            assert_eq!(strategy["is_conserved"], true, "{strategy}");
            for blocked in strategy["blocked"].as_array().unwrap() {
                let is_duplicate = blocked["name"] == "duplicate";
                duplicates += u64::from(is_duplicate) * blocked["count"].as_u64().unwrap();
            }
        }
    }
    assert!(duplicates > 0, "nobody came second");
    let mut all: Vec<_> = ["a", "b"].map(|name| emitted(&journal(name))).concat();
    all.sort_unstable();
    for pair in all.windows(2) {
        let ((id, _, until), (next, at, _)) = (pair[0], pair[1]);
        assert!(id != next || at >= until, "{id} was emitted by both");
    }
    let together: BTreeSet<_> = all.iter().map(|(id, ..)| *id).collect();
    let alone: BTreeSet<_> = emitted(&journal("alone"))
        .into_iter()
        .map(|it| it.0)
        .collect();
    let missed: Vec<_> = alone.difference(&together).collect();
    assert!(missed.is_empty(), "emitted by nobody: {missed:?}");
}

#[test]
fn s01_a_store_that_does_not_answer_lets_nobody_emit_and_is_counted() {
    let dir = folder();
    let dir = dir.path();
    let path = dir.join("claims.db");
    // Made by the program itself, for the store belongs to who makes it.
    assert_eq!(trade(dir, "--set trade.claims=claims.db").0, 0);
    let store = rusqlite::Connection::open(&path).unwrap();
    store
        .execute_batch("DELETE FROM emitted; DELETE FROM cooling")
        .unwrap();
    let broken = "CREATE TRIGGER broken BEFORE INSERT ON emitted
                  BEGIN SELECT RAISE(ABORT, 'the disk is gone'); END";
    store.execute_batch(broken).unwrap();
    drop(store);
    let (code, figures, told) = trade(dir, "--set trade.claims=claims.db");
    assert_eq!(code, 0, "{told}");
    assert!(told.contains("the disk is gone"), "{told}");
    assert_eq!(figures["orders"], 0);
    let mut failed = 0;
    for strategy in figures["strategies"].as_array().unwrap() {
        assert_eq!(strategy["emitted"], 0, "{strategy}");
        assert_eq!(strategy["is_conserved"], true, "{strategy}");
        for blocked in strategy["blocked"].as_array().unwrap() {
            let is_it = blocked["name"] == "claim store failed";
            failed += u64::from(is_it) * blocked["count"].as_u64().unwrap();
        }
    }
    assert!(failed > 0);

    let (code, _, told) = trade(dir, "--set trade.claims=s.dbn");
    assert_eq!(code, 5, "{told}");
    assert!(
        told.contains("E-CLM-001") && told.contains("trade.claims"),
        "{told}"
    );
}

/// Once somebody has looked, the next day is traded.
fn assert_resumes(dir: &Path, state: &str) {
    let words = format!("resume --set trade.state_dir={state} --reason disk-changed");
    let (code, _, told) = run(dir, &words.split(' ').collect::<Vec<_>>());
    assert_eq!(code, 0, "{told}");
    eager::session(dir, "s.dbn", 12);
    let (code, figures, told) = trade(dir, &format!("--set trade.state_dir={state}"));
    assert_eq!(code, 0, "{told}");
    assert!(figures["orders"].as_u64().unwrap() > 0, "{told}");
    let journal = format!("{state}/journal");
    verify(dir, &journal);
    assert_once(&entries(&dir.join(journal)));
}

#[test]
fn p03_a_full_disk_halts_the_session_and_nothing_that_left_is_missing_in_the_journal() {
    let dir = folder();
    let dir = dir.path();
    // No file may become longer than so many blocks: what a full disk is to a journal.
    let limited = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 500; exec \"$0\" \"$@\""])
        .arg(env!("CARGO_BIN_EXE_undertow"))
        .args("backtest s.dbn --profile eager.toml".split(' '))
        .args(["--set", "trade.state_dir=state"])
        .current_dir(dir)
        .output()
        .unwrap();
    let told = String::from_utf8(limited.stderr).unwrap();
    assert_eq!(limited.status.code(), Some(6), "{told}");
    let errors: Vec<_> = told
        .lines()
        .filter(|line| line.contains("error["))
        .collect();
    assert_eq!(errors.len(), 1, "{told}");
    assert!(
        errors[0].contains("E-JRN-005") && errors[0].contains("entries were halted"),
        "{told}"
    );
    verify(dir, "state/journal");
    let cut = entries(&dir.join("state/journal"));
    assert!(
        cut.iter()
            .any(|entry| matches!(entry.record, Record::Placed(_)))
    );

    // The disk is well again; the halt holds until somebody has looked.
    let (code, figures, told) = trade(dir, "--set trade.state_dir=state");
    assert_eq!((code, &figures["orders"]), (0, &Value::from(0)), "{told}");
    assert!(
        told.contains("note: halted (shut) by the journal"),
        "{told}"
    );
    verify(dir, "state/journal");
    assert_resumes(dir, "state");
}

/// A disk that fails one kind of call on the journal's files, from one on and for so many.
struct Fault {
    call: &'static str,
    errno: i32,
    from: u64,
    count: u64,
}

impl Fault {
    /// What `support/faults.c` is told: files whose path holds `path` are on that disk.
    fn env(&self, library: &Path, path: &str) -> [(&'static str, String); 6] {
        [
            ("LD_PRELOAD", library.display().to_string()),
            ("FAULT_CALL", self.call.to_owned()),
            ("FAULT_PATH", path.to_owned()),
            ("FAULT_ERRNO", self.errno.to_string()),
            ("FAULT_FROM", self.from.to_string()),
            ("FAULT_UNTIL", (self.from + self.count).to_string()),
        ]
    }
}

const EIO: i32 = 5;
const ENOSPC: i32 = 28;
const FOR_EVER: u64 = 1 << 40;

/// The library that plays such a disk, compiled here.
fn shim(dir: &Path) -> std::path::PathBuf {
    let library = dir.join("faults.so");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/faults.c");
    let compiled = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o"])
        .args([library.as_path(), Path::new(source)])
        .output()
        .unwrap();
    let told = String::from_utf8(compiled.stderr).unwrap();
    assert!(compiled.status.success(), "{told}");
    library
}

/// Trades the session on such a disk; exit code and stderr.
fn trade_on(library: &Path, fault: &Fault, dir: &Path, state: &str, pace: &str) -> (i32, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_undertow"))
        .args("backtest s.dbn --profile eager.toml --quiet".split(' '))
        .args(["--pace", pace, "--set", &format!("trade.state_dir={state}")])
        .envs(fault.env(library, &format!("{state}/journal/journal-")))
        .current_dir(dir)
        .output()
        .unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    (output.status.code().unwrap_or(-1), told)
}

/// Orders that were live when the journal's halt was written, and those of them that were neither
/// cancelled after it nor had ended.
fn live_at_halt(entries: &[Entry]) -> Option<(usize, usize)> {
    let is_halt = |entry: &Entry| match entry.record {
        Record::Halt(halt) => halt.cause == undertow_core::risk::HaltCause::Journal,
        _ => false,
    };
    let halt = entries.iter().position(is_halt)?;
    let mut folded = undertow_cold::journal::State::default();
    entries[..halt].iter().for_each(|entry| folded.fold(entry));
    let live: Vec<_> = folded.open_orders().map(|(id, _)| id).collect();
    let mut whole = undertow_cold::journal::State::default();
    entries.iter().for_each(|entry| whole.fold(entry));
    let left = live.iter().filter(|id| {
        let is_cancelled = entries[halt..].iter().any(|entry| match entry.record {
            Record::Cancel(cancelled) => cancelled.id == **id,
            _ => false,
        });
        !is_cancelled && whole.open_orders().any(|(open, _)| open == **id)
    });
    Some((live.len(), left.count()))
}

/// What must hold of a run on such a disk, and of its journal; its entries.
fn assert_halted(
    dir: &Path,
    state: &str,
    fault: &Fault,
    (code, told): &(i32, String),
) -> Vec<Entry> {
    assert_eq!(*code, 6, "{state}: {told}");
    let errors: Vec<_> = told
        .lines()
        .filter(|line| line.contains("error["))
        .collect();
    assert_eq!(errors.len(), 1, "{state}: {told}");
    let why = match fault.errno {
        EIO => "Input/output error",
        _ => "No space left on device",
    };
    for word in ["E-JRN-005", "entries were halted", why] {
        assert!(errors[0].contains(word), "{state}: {word}: {told}");
    }
    assert!(told.contains("undertow resume --reason"), "{state}: {told}");
    verify(dir, &format!("{state}/journal"));
    let journal = dir.join(state).join("journal");
    let kept = entries(&journal);
    assert_once(&kept);
    if fault.count == 1 {
        // A disk that is well again has all of it, in a segment of its own.
        assert!(journal.join(segment_name(2)).exists(), "{state}");
        let (live, left) = live_at_halt(&kept).expect("the halt is written");
        assert_eq!(left, 0, "{state}: {live} orders rested, and these still do");
    }
    let (code, figures, told) = trade(dir, &format!("--set trade.state_dir={state}"));
    let orders = &figures["orders"];
    assert_eq!((code, orders), (0, &Value::from(0)), "{state}: {told}");
    let note = "note: halted (shut) by the journal";
    assert!(told.contains(note), "{state}: {told}");
    kept
}

#[test]
fn p03_a_disk_that_fails_to_sync_or_to_write_halts_the_program_until_it_is_resumed() {
    let dir = folder();
    let dir = dir.path();
    let library = shim(dir);
    let fault = |call, errno, from, count| Fault {
        call,
        errno,
        from,
        count,
    };
    let faults = [
        fault("fdatasync", EIO, 30, FOR_EVER),
        // The kernel tells of lost pages once, and is content ever after.
        fault("fdatasync", EIO, 24, 1),
        // That of an intent itself: it is in memory, and its order has not left.
        fault("fdatasync", EIO, 41, 1),
        fault("fdatasync", EIO, 42, 1),
        fault("write", ENOSPC, 30, FOR_EVER),
        fault("write", EIO, 37, 1),
    ];
    for (at, fault) in faults.iter().enumerate() {
        let state = format!("state-{at}");
        let ran = trade_on(&library, fault, dir, &state, "max");
        assert_halted(dir, &state, fault, &ran);
    }

    // While a market goes on: an order rests when the disk fails, and is cancelled.
    let rested = [23, 24, 28, 29, 23, 24]
        .iter()
        .enumerate()
        .find(|(at, from)| {
            let state = format!("paced-{at}");
            let fault = fault("fdatasync", EIO, **from, 1);
            let ran = trade_on(&library, &fault, dir, &state, "2000x");
            let kept = assert_halted(dir, &state, &fault, &ran);
            let (live, _) = live_at_halt(&kept).expect("the halt is written");
            let says = "what rested was cancelled: 1 order";
            live == 1 && ran.1.contains(says)
        });
    assert!(rested.is_some(), "no order rested when the disk failed");

    assert_resumes(dir, "state-0");
}

/// Trades with a store of claims on such a disk; exit code, figures and stderr.
fn claim_on(library: &Path, fault: &Fault, dir: &Path, name: &str) -> (i32, Value, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_undertow"))
        .args("backtest s.dbn --profile eager.toml --json".split(' '))
        .args(["--set", &format!("trade.claims={name}.db")])
        .args(["--set", &format!("trade.state_dir={name}")])
        .envs(fault.env(library, &format!("{name}.db")))
        .current_dir(dir)
        .output()
        .unwrap();
    let document: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let told = String::from_utf8(output.stderr).unwrap();
    let code = output.status.code().unwrap_or(-1);
    (code, document["summary"]["trade"].clone(), told)
}

#[test]
fn p03_a_store_of_claims_whose_disk_fails_grants_nothing_more() {
    let dir = folder();
    let dir = dir.path();
    let library = shim(dir);
    let count = |figures: &Value, key: &str| figures[key].as_array().map_or(0, Vec::len);
    let (_, whole, _) = trade(
        dir,
        "--set trade.claims=whole.db --set trade.state_dir=whole",
    );
    let emitted = count(&whole, "signals");
    for (call, errno) in [("pwrite64", EIO), ("pwrite64", ENOSPC), ("fsync", EIO)] {
        // The first calls lay the store out: then the program does not begin. Later ones claim.
        let begun = (1..60).step_by(4).find_map(|from| {
            let fault = Fault {
                call,
                errno,
                from,
                count: FOR_EVER,
            };
            let name = format!("{call}-{errno}-{from}");
            let (code, figures, told) = claim_on(&library, &fault, dir, &name);
            if code == 0 {
                return Some((name, figures, told));
            }
            assert_eq!(code, 5, "{name}: {told}");
            assert!(told.contains("error[E-CLM-001]"), "{name}: {told}");
            assert!(told.contains("check that the disk is"), "{name}: {told}");
            None
        });
        let (name, figures, told) = begun.expect("a store that can be laid out");
        let note = "signals are blocked while it does not answer";
        assert!(told.contains(note), "{name}: {told}");
        let left = count(&figures, "signals");
        assert!(left < emitted, "{name}: {left} of {emitted} signals");
        let strategies = figures["strategies"].as_array().unwrap();
        let is_true = |of: &Value| of["is_conserved"] == true;
        assert!(strategies.iter().all(is_true), "{name}: {figures}");
        let mut blocked = strategies
            .iter()
            .flat_map(|of| of["blocked"].as_array().unwrap());
        let is_store = |reason: &Value| reason["name"] == "claim store failed";
        assert!(blocked.any(is_store), "{name}: {figures}");
        verify(dir, &format!("{name}/journal"));
        assert_once(&entries(&dir.join(&name).join("journal")));
    }
}

/// The scores of the chain's volume that decisions rested on.
fn unusual(dir: &Path) -> Vec<f64> {
    let text = fs::read_to_string(dir.join("undertow-out/backtest-s/explain.jsonl")).unwrap();
    let decisions = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let features: Vec<_> = decisions
        .filter_map(|it| it["features"].as_array().cloned())
        .flatten()
        .collect();
    let its = features.iter().filter(|it| it["name"] == "unusual");
    its.filter_map(|it| it["value"].as_f64()).collect()
}

#[test]
fn a12_what_is_usual_at_this_time_of_day_is_kept_and_judged_by() {
    let folder = folder();
    let dir = folder.path();
    let (code, ..) = trade(dir, "--set ifd.baselines=usual.csv");
    assert_eq!(code, 0);
    let by_interest = unusual(dir);
    assert!(!by_interest.is_empty());
    let store = Store::at(dir.join("usual.csv"));
    let today = store.load().unwrap().volumes.remove(0);
    assert_eq!(today.product.as_str(), "NQ");
    // The session opens at 18:00 in New York and trades from 9:30 on: 186 steps later.
    let quiet = 186 - today.first;
    assert!(today.steps[..quiet].iter().all(|step| *step == 0));
    let share = |of: &DayVolumes, by: u64| of.steps.iter().map(|step| step / by).collect();
    for days in [4, 5] {
        fs::remove_file(dir.join("usual.csv")).unwrap();
        for (nth, day) in [10, 9, 6, 5, 4].into_iter().take(days).enumerate() {
            let before = DayVolumes {
                day: Day::from_iso(&format!("2026-03-{day:02}")).unwrap(),
                steps: share(&today, 4 + nth as u64),
                ..today.clone()
            };
            store.save(before.day, &[], &[before]).unwrap();
        }
        assert_eq!(trade(dir, "--set ifd.baselines=usual.csv").0, 0);
        let judged = unusual(dir);
        assert!(!judged.is_empty());
        // Four times what is usual, where it hardly differs from day to day.
        let is_more = judged.iter().all(|score| *score == 1.0);
        assert_eq!((is_more, judged == by_interest), (days == 5, days == 4));
        let kept = store.load().unwrap().volumes;
        assert_eq!((kept.len(), kept.last()), (days + 1, Some(&today)));
    }
}
