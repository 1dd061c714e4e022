//! P1: a process is killed at every point around an order, also twice in a row. Every order at the
//! venue has its intent in the journal (I6), and no signal ever has a second one.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use undertow_cold::journal::{JournalError, Writer, recover};
use undertow_core::order::{ClientOrderId, SignalId};
use undertow_core::types::{BookKey, InstrumentId, PublisherId};

use crate::samples::*;

const SIGNALS: u64 = 4;

const POINTS: [&str; 5] = [
    "before-intent",
    "after-intent",
    "after-send",
    "after-ack",
    "after-fill",
];

fn crasher(dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_journal-crasher"));
    command
        .arg(dir.join("journal"))
        .arg(dir.join("venue"))
        .arg(SIGNALS.to_string());
    command
}

/// Runs it up to a point, where it waits.
fn run_to(dir: &Path, point: &str, signal: u64) -> Child {
    let mut child = crasher(dir)
        .arg(format!("{point}:{signal}"))
        .stdout(Stdio::piped())
        .spawn()
        .expect("it runs");
    let mut said = String::new();
    let out = child.stdout.take().expect("its output");
    BufReader::new(out)
        .read_line(&mut said)
        .expect("it says so");
    assert_eq!(said, "at\n", "{point} of signal {signal} is reached");
    child
}

/// SIGKILL: nothing is flushed, nobody is told.
fn kill(mut child: Child) {
    child.kill().expect("killed");
    child.wait().expect("gone");
}

/// Signals of the orders at the venue, by id.
fn venue(dir: &Path) -> BTreeMap<u64, u64> {
    let text = fs::read_to_string(dir.join("venue")).unwrap_or_default();
    let lines: Vec<Vec<u64>> = text
        .lines()
        .map(|line| {
            line.split(' ')
                .map(|word| word.parse().expect("a number"))
                .collect()
        })
        .collect();
    let orders: BTreeMap<u64, u64> = lines.iter().map(|line| (line[0], line[1])).collect();
    assert_eq!(orders.len(), lines.len(), "no id is used twice");
    orders
}

/// I6, right after a kill: whatever was sent has its intent.
fn check_intents(dir: &Path) {
    let (state, _) = recover(&dir.join("journal")).expect("read");
    assert_eq!(state.breaches(), []);
    for (id, signal) in venue(dir) {
        let order = state.order(ClientOrderId(id));
        let order = order.unwrap_or_else(|| panic!("order {id} has no intent"));
        assert_eq!(order.intent.signal_id, SignalId(signal));
    }
}

fn finish(dir: &Path) {
    let status = crasher(dir).status().expect("it runs");
    assert!(status.success());
    check_intents(dir);
    let signals: Vec<u64> = {
        let mut signals: Vec<u64> = venue(dir).into_values().collect();
        signals.sort_unstable();
        signals
    };
    assert_eq!(
        signals,
        (1..=SIGNALS).collect::<Vec<_>>(),
        "one order a signal"
    );
    let (state, scan) = recover(&dir.join("journal")).expect("read");
    assert!(state.is_ended() && scan.cuts.is_empty());
    assert_eq!(
        state.open_orders().count(),
        0,
        "the fate of every order is known"
    );
    let key = BookKey {
        instrument_id: InstrumentId(5),
        publisher_id: PublisherId(1),
    };
    let held = state.line(key).expect("known").position.quantity();
    assert_eq!(held, SIGNALS.cast_signed(), "every fill counts, and once");
    assert_eq!(state.executions() as u64, SIGNALS);
}

#[test]
fn p01_killed_at_every_point_no_order_is_sent_twice_or_without_intent() {
    for point in POINTS {
        for signal in [1, 3] {
            let dir = fresh();
            kill(run_to(dir.path(), point, signal));
            check_intents(dir.path());
            finish(dir.path());
        }
    }
}

#[test]
fn p01_killed_again_and_again_no_order_is_sent_twice_or_without_intent() {
    for first in POINTS {
        for second in POINTS {
            let dir = fresh();
            // A signal that has its fill is not followed again, so its points are not reached.
            let next = if first == "after-fill" || first == "after-send" || first == "after-ack" {
                3
            } else {
                2
            };
            for (point, signal) in [(first, 2), (second, next), ("after-send", 4)] {
                kill(run_to(dir.path(), point, signal));
                check_intents(dir.path());
            }
            finish(dir.path());
        }
    }
}

#[test]
fn p13_another_process_holds_the_journal_until_it_is_killed() {
    let dir = fresh();
    let child = run_to(dir.path(), "after-intent", 2);
    let journal = dir.path().join("journal");
    let error = Writer::open(&journal, options(6), |_| {}).expect_err("refused");
    assert!(matches!(error, JournalError::Locked { pid: Some(pid), .. } if pid == child.id()));
    let output = crasher(dir.path()).output().expect("it runs");
    assert!(!output.status.success(), "a second instance is refused");
    kill(child);
    drop(Writer::open(&journal, options(6), |_| {}).expect("the lock is taken over"));
    finish(dir.path());
}
