//! `journal verify`, `journal dump` and `journal tail`: a journal read offline, or while it is
//! being written. None of them changes anything, and none takes the writer's lock.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::io::{self, Write};
use std::path::Path;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use latency_report::text::counted;
use serde_json::{Value, json};
use undertow_cold::journal::show::{self, escaped};
use undertow_cold::journal::{Cut, Damage, Entry, JournalError, Line, Reader, Scan, State, Step};

use super::{print, print_json};
use crate::cli::{Global, JournalVerb};
use crate::exit::{Code, Exit, Failure, Failures};

/// Between two looks at a journal that is followed.
const POLL: Duration = Duration::from_millis(100);

/// Does what the verb says.
///
/// # Errors
/// A journal that is missing, damaged or of another version, or a stdout that cannot be written.
pub(super) fn run(global: &Global, verb: &JournalVerb) -> Result<Exit> {
    match verb {
        JournalVerb::Verify { dir } => verify(global, dir),
        JournalVerb::Dump { dir, from } => dump(global, dir, *from),
        JournalVerb::Tail { dir, lines, follow } => tail(global, dir, *lines, *follow),
    }
}

fn verify(global: &Global, dir: &Path) -> Result<Exit> {
    let mut state = State::default();
    let read = Reader::open(dir).and_then(|mut reader| reader.scan(|entry| state.fold(entry)));
    let scan = match read.map_err(|error| failure(&error)) {
        Ok(scan) => scan,
        Err(failure) if global.json => {
            print_json(&json!({
                "ok": false,
                "records": state.records(),
                "problems": [failure.json()],
            }))?;
            return Ok(failure.code.exit);
        }
        Err(failure) => return Err(failure.into()),
    };
    state.lose(&scan);
    let failures = breaches(dir, &state);
    if global.json {
        print_json(&verdict(&state, &scan, &failures))?;
    } else {
        print(&told(dir, &state, &scan))?;
    }
    match failures.first() {
        None => Ok(Exit::Ok),
        Some(first) if global.json => Ok(first.code.exit),
        Some(_) => Err(Failures(failures).into()),
    }
}

fn dump(global: &Global, dir: &Path, from: u64) -> Result<Exit> {
    let mut reader = Reader::open(dir).map_err(|error| failure(&error))?;
    let mut out = io::BufWriter::new(io::stdout().lock());
    loop {
        match reader.advance() {
            Ok(Step::Entry(entry)) if entry.sequence >= from => {
                show(global, &entry, &mut out)?;
            }
            Ok(Step::Entry(_)) => {}
            Ok(Step::End) => break,
            Err(error) => {
                // What came before the damage is worth having.
                out.flush().context("cannot write to stdout")?;
                return Err(failure(&error).into());
            }
        }
    }
    out.flush().context("cannot write to stdout")?;
    Ok(Exit::Ok)
}

fn tail(global: &Global, dir: &Path, lines: usize, follow: bool) -> Result<Exit> {
    let mut reader = Reader::open(dir).map_err(|error| failure(&error))?;
    let mut out = io::BufWriter::new(io::stdout().lock());
    let mut last = VecDeque::new();
    while let Step::Entry(entry) = reader.advance().map_err(|error| failure(&error))? {
        last.push_back(entry);
        if last.len() > lines {
            last.pop_front();
        }
    }
    for entry in &last {
        show(global, entry, &mut out)?;
    }
    out.flush().context("cannot write to stdout")?;
    if !follow {
        return Ok(Exit::Ok);
    }
    loop {
        match reader.advance().map_err(|error| failure(&error))? {
            Step::Entry(entry) => show(global, &entry, &mut out)?,
            Step::End => {
                out.flush().context("cannot write to stdout")?;
                thread::sleep(POLL);
            }
        }
    }
}

fn show(global: &Global, entry: &Entry, out: &mut impl Write) -> Result<()> {
    let shown = if global.json {
        writeln!(out, "{}", show::json(entry))
    } else {
        writeln!(out, "{}", show::line(entry))
    };
    shown.context("cannot write to stdout")
}

/// An error as the program tells it.
pub(crate) fn failure(error: &JournalError) -> Failure {
    let code = match error {
        JournalError::Damaged {
            damage: Damage::Version(_) | Damage::Kind { .. },
            ..
        } => Code::JOURNAL_VERSION,
        JournalError::Damaged { .. } | JournalError::Missing { .. } => Code::JOURNAL_DAMAGED,
        _ => Code::JOURNAL_UNREADABLE,
    };
    Failure::new(code, error.cause(), error.next()).at(escaped(&error.place()))
}

/// What must never be, as failures.
fn breaches(dir: &Path, state: &State) -> Vec<Failure> {
    let shown = state.breaches().iter().map(|breach| {
        let next = "the records are whole, and what they say cannot be: send the journal to the \
                    developers, and reconcile with the broker before trading on";
        Failure::new(Code::JOURNAL_BREACH, breach.kind.to_string(), next).at(format!(
            "{}: record {}",
            dir.display(),
            breach.sequence
        ))
    });
    shown.collect()
}

/// What is said of a journal that could be read to its end.
fn told(dir: &Path, state: &State, scan: &Scan) -> String {
    let mut text = String::new();
    let verdict = if state.breach_count() == 0 {
        "ok"
    } else {
        "BREACHED"
    };
    let (records, segments) = (scan.records, scan.segments);
    let _ = writeln!(
        text,
        "{verdict}: {}: {} in {}; every checksum and the chain hold",
        dir.display(),
        counted(records, "record"),
        counted(segments, "segment"),
    );
    let _ = writeln!(
        text,
        "{}, {} open; {}; {} compared, {} of invariants; next id {}",
        counted(state.orders().count(), "order"),
        state.open_orders().count(),
        counted(state.executions(), "execution"),
        counted(state.checkpoints(), "checkpoint"),
        counted(state.breach_count(), "breach"),
        state.next_id().0,
    );
    if let Some(start) = state.start() {
        let how = if state.is_ended() {
            "ended in order"
        } else {
            "was not ended in order"
        };
        let build = escaped(start.build.as_str());
        let _ = writeln!(text, "last run: build {build}, {:?}, {how}", start.mode);
    }
    let _ = writeln!(text, "gate: {}", state.halt().gate.name());
    for line in state.lines().filter(|line| line.position.quantity() != 0) {
        let (held, average) = (line.position.quantity(), line.position.average());
        let _ = writeln!(text, "held: {} {held:+} at {average}", name(line));
    }
    for (id, order) in state.open_orders() {
        let _ = writeln!(
            text,
            "open: order {} is {}, {} of {} filled",
            id.0,
            order.state().name(),
            order.life.filled(),
            order.intent.quantity,
        );
    }
    for cut in &scan.cuts {
        let _ = writeln!(text, "{}", told_cut(cut));
    }
    for name in &scan.foreign {
        let _ = writeln!(
            text,
            "foreign: {} is none of the journal's files",
            escaped(name)
        );
    }
    text
}

fn told_cut(cut: &Cut) -> String {
    format!(
        "torn: {}: {} from byte {} on do not count ({}); the next writer cuts them off",
        cut.path.display(),
        counted(cut.bytes, "byte"),
        cut.offset,
        cut.damage,
    )
}

fn verdict(state: &State, scan: &Scan, failures: &[Failure]) -> Value {
    let held = state.lines().filter(|line| line.position.quantity() != 0);
    let held = held.map(|line| {
        json!({
            "contract": name(line),
            "quantity": line.position.quantity(),
            "average": line.position.average().to_string(),
        })
    });
    let open = state.open_orders().map(|(id, order)| {
        json!({
            "id": id.0,
            "state": order.state().name(),
            "filled": order.life.filled(),
            "quantity": order.intent.quantity,
        })
    });
    let cuts = scan.cuts.iter().map(|cut| {
        json!({
            "file": cut.path,
            "offset": cut.offset,
            "bytes": cut.bytes,
            "cause": cut.damage.to_string(),
        })
    });
    json!({
        "ok": failures.is_empty(),
        "records": scan.records,
        "segments": scan.segments,
        "digest": format!("{:016x}", state.digest()),
        "orders": state.orders().count(),
        "open": open.collect::<Vec<_>>(),
        "held": held.collect::<Vec<_>>(),
        "executions": state.executions(),
        "checkpoints": state.checkpoints(),
        "breaches": state.breach_count(),
        "next_id": state.next_id().0,
        "gate": state.halt().gate.name(),
        "ended": state.is_ended(),
        "torn": cuts.collect::<Vec<_>>(),
        "foreign": scan.foreign,
        "problems": failures.iter().map(Failure::json).collect::<Vec<_>>(),
    })
}

/// Instrument and publisher.
fn name(line: &Line) -> String {
    let key = line.contract.key;
    format!("{}/{}", key.instrument_id.0, key.publisher_id.0)
}
