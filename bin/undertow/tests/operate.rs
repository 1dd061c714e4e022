//! What an operator orders of a run that goes on, through the program: over its socket, into the
//! chain, the journal and the state, and where no run goes on.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use undertow::operator::{Heard, Reply, Request, Silence, ask, read};
use undertow_cold::journal::{Reader, Record};
use undertow_cold::standing::Standing;
use undertow_core::event::Operator;

#[path = "support/eager.rs"]
mod eager;

use eager::{folder, run};

/// Nothing here takes longer on any machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// A run that is paced as live.
struct Live {
    child: Child,
    socket: PathBuf,
}

impl Live {
    /// Begins one in `dir`, at a pace, with more words; it listens already.
    fn begin(dir: &Path, pace: &str, more: &str) -> Self {
        let words = format!("backtest s.dbn --profile eager.toml -q --pace {pace} {more}");
        let child = Command::new(env!("CARGO_BIN_EXE_undertow"))
            .args(words.split_whitespace())
            .current_dir(dir)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let socket = dir.join("undertow-out/operator.sock");
        let mut live = Self { child, socket };
        live.until(|_| true);
        live
    }

    /// What it answers.
    fn ask(&self, request: &Request) -> Heard {
        match ask(&self.socket, request).unwrap().0 {
            Reply::Heard(heard) => *heard,
            other => panic!("{request:?}: {other:?}"),
        }
    }

    fn refused(&self, request: &Request) -> String {
        match ask(&self.socket, request).unwrap().0 {
            Reply::Refused { cause, .. } => cause,
            other => panic!("{request:?}: {other:?}"),
        }
    }

    /// How it stands once it stands so.
    fn until(&mut self, is: impl Fn(&Standing) -> bool) -> Standing {
        let begun = Instant::now();
        loop {
            assert!(begun.elapsed() < PATIENCE, "it never stood so");
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none(), "it ended by itself: {ended:?}");
            match ask(&self.socket, &Request::Status) {
                Ok((Reply::Heard(heard), _)) if is(&heard.standing) => return heard.standing,
                Ok(_) | Err(Silence::Nobody) => {}
                Err(Silence::Broken(error)) => panic!("{error}"),
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Ends it in order: its exit code and what it told.
    fn end(mut self) -> (Option<i32>, String) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-INT", &pid]).status();
        assert!(sent.unwrap().success());
        let mut told = String::new();
        let mut stderr = self.child.stderr.take().unwrap();
        stderr.read_to_string(&mut told).unwrap();
        let status = self.child.wait().unwrap();
        (status.code(), told)
    }
}

impl Drop for Live {
    /// A test that failed leaves nothing running.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What the operator ordered, by the journal.
fn ordered(journal: &Path) -> Vec<Operator> {
    let mut ordered = Vec::new();
    let mut reader = Reader::open(journal).unwrap();
    reader
        .scan(|entry| {
            if let Record::Ordered(operator) = entry.record {
                ordered.push(operator);
            }
        })
        .unwrap();
    ordered
}

#[test]
fn r12_orders_reach_a_run_that_goes_on_and_stand_in_its_journal() {
    let dir = folder();
    let dir = dir.path();
    let mut live = Live::begin(dir, "2000x", "--set trade.state_dir=state");
    let held = live.until(|standing| !standing.positions.is_empty());
    let halted = live.ask(&Request::Halt).standing;
    assert_eq!(halted.gate, "reduce only");
    assert_eq!(halted.halted_by.as_deref(), Some("the operator"));
    let shut = live.ask(&Request::Kill).standing;
    assert_eq!(shut.gate, "shut");
    live.ask(&Request::Flatten);
    let flat = live.until(Standing::is_flat);
    assert_eq!(flat.gate, "reduce only", "it stays halted");
    let reason = "looked at".to_owned();
    let open = live.ask(&Request::Resume { reason }).standing;
    assert_eq!(open.gate, "open");
    assert_eq!(open.resumed.as_deref(), Some("looked at"));
    let (code, told) = live.end();
    assert_eq!(code, Some(130), "{told}");
    let journal = dir.join("state/journal");
    let names: Vec<_> = ordered(&journal).iter().map(Operator::name).collect();
    assert_eq!(names, ["halt", "kill", "flatten", "resume"]);
    let (code, out, told) = run(dir, &["journal", "verify", "state/journal"]);
    assert_eq!(code, 0, "{out}{told}");
    // What stood at each halt was left beside the journal.
    let mut left: Vec<_> = fs::read_dir(dir.join("state/emergency")).unwrap().collect();
    left.sort_by_key(|entry| entry.as_ref().unwrap().file_name());
    let first = fs::read_to_string(left[0].as_ref().unwrap().path()).unwrap();
    let first: Value = serde_json::from_str(&first).unwrap();
    assert_eq!(first["standing"]["gate"], "reduce only");
    let signal = held.positions[0].signal.as_deref().unwrap();
    let positions = first["standing"]["positions"].as_array().unwrap();
    assert!(
        positions.iter().any(|it| it["signal"] == signal),
        "{positions:?}"
    );
    let seen = first["seen"].as_array().unwrap();
    assert!(
        seen.iter()
            .all(|it| it["features"].is_array() || it["features"].is_object())
    );
    assert!(!seen.is_empty());
    let names: Vec<_> = left
        .iter()
        .map(|it| it.as_ref().unwrap().file_name())
        .collect();
    assert!(
        names
            .iter()
            .any(|name| name.to_string_lossy().ends_with("-shut.json")),
        "{names:?}"
    );
}

#[test]
fn r12_a_strategy_is_disabled_a_limit_lowered_and_what_makes_no_sense_refused() {
    let dir = folder();
    let dir = dir.path();
    let live = Live::begin(dir, "1x", "--set trade.state_dir=state");
    let of = |strategy: &str, product: Option<&str>| Request::Disable {
        strategy: strategy.to_owned(),
        product: product.map(str::to_owned),
    };
    let disabled = live.ask(&of("0dte", Some("NQ"))).standing;
    let is_off = |standing: &Standing, name: &str| {
        let mut strategies = standing.strategies.iter();
        strategies.find(|it| it.name == name).unwrap().is_disabled
    };
    assert!(is_off(&disabled, "0dte") && !is_off(&disabled, "ifd"));
    assert!(live.refused(&of("0dte", Some("ES"))).contains("0dte on ES"));
    assert!(
        live.refused(&of("theta", None))
            .contains("no strategy theta")
    );
    let limit = |limit: &str| Request::Tighten {
        limit: limit.to_owned(),
    };
    assert_eq!(live.ask(&limit("daily_loss_ppm=1.5%")).limit_refused, None);
    let looser = live.ask(&limit("daily_loss_ppm=5%")).limit_refused.unwrap();
    assert!(looser.contains("restart"), "{looser}");
    assert!(
        live.refused(&limit("daily_los_ppm=1%"))
            .contains("daily_loss_ppm")
    );
    assert!(live.refused(&limit("daily_loss_ppm=1")).contains('%'));
    let signal = "12".to_owned();
    assert!(live.refused(&Request::Close { signal }).contains("16 hex"));
    let reason = " ".to_owned();
    assert!(live.refused(&Request::Resume { reason }).contains("empty"));
    let (code, told) = live.end();
    assert_eq!(code, Some(130), "{told}");
    let names: Vec<_> = ordered(&dir.join("state/journal"));
    let names: Vec<_> = names.iter().map(Operator::name).collect();
    assert_eq!(
        names,
        ["disable", "tighten", "tighten"],
        "what is refused is no order"
    );
    // The next run still wants none of it, until it is told to.
    let live = Live::begin(dir, "1x", "--set trade.state_dir=state");
    let standing = live.ask(&Request::Status).standing;
    assert!(is_off(&standing, "0dte"));
    let enable = Request::Enable {
        strategy: "0dte".to_owned(),
        product: None,
    };
    assert!(!is_off(&live.ask(&enable).standing, "0dte"));
    live.end();
}

#[test]
fn r12_of_two_runs_the_second_is_refused_and_one_that_was_killed_leaves_its_place() {
    let dir = folder();
    let dir = dir.path();
    let mut first = Live::begin(dir, "1x", "");
    let mode = fs::metadata(&first.socket).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "nobody else may order");
    let words = "backtest s.dbn --profile eager.toml -q --pace 1x";
    let (code, _, told) = run(dir, &words.split(' ').collect::<Vec<_>>());
    assert_eq!(code, 5, "{told}");
    assert!(
        told.contains("E-OPR-001") && told.contains("trade.socket"),
        "{told}"
    );
    first.until(|_| true);
    first.child.kill().unwrap();
    first.child.wait().unwrap();
    assert!(first.socket.exists(), "nobody took it away");
    let second = Live::begin(dir, "1x", "");
    let socket = second.socket.clone();
    second.end();
    assert!(!socket.exists());
    let (code, _, told) = run(dir, &["flatten"]);
    assert_eq!(code, 5, "{told}");
    assert!(
        told.contains("E-OPR-001") && told.contains("--pace"),
        "{told}"
    );
    // At full speed nobody could order anything in time.
    let words = "backtest s.dbn --profile eager.toml -q";
    let (code, _, told) = run(dir, &words.split(' ').collect::<Vec<_>>());
    assert_eq!(code, 0, "{told}");
    assert!(!socket.exists());
}

#[test]
fn r12_who_says_nothing_or_nonsense_holds_nobody_up() {
    let dir = folder();
    let live = Live::begin(dir.path(), "1x", "");
    // More than may be there at once, and none of them says a word.
    let silent: Vec<_> = (0..12)
        .map(|_| UnixStream::connect(&live.socket).unwrap())
        .collect();
    let shut = live.ask(&Request::Kill).standing;
    assert_eq!(shut.gate, "shut");
    for nonsense in ["", "{}", "{\"order\":\"buy\"}", "kill"] {
        let mut guest = UnixStream::connect(&live.socket).unwrap();
        guest.write_all(format!("{nonsense}\n").as_bytes()).unwrap();
        let reply: Reply = read(&mut guest).unwrap();
        assert!(
            matches!(reply, Reply::Refused { .. }),
            "{nonsense}: {reply:?}"
        );
    }
    drop(silent);
    let (code, told) = live.end();
    assert_eq!(code, Some(130), "{told}");
}

#[test]
fn k06_without_a_run_the_next_one_is_halted_and_resumed() {
    let dir = folder();
    let dir = dir.path();
    let state = "trade.state_dir=state";
    let words = format!("backtest s.dbn --profile eager.toml -q --set {state}");
    let (code, _, told) = run(dir, &words.split(' ').collect::<Vec<_>>());
    assert_eq!(code, 0, "{told}");
    let status = |gate: &str| {
        let (code, out, told) = run(dir, &["status", "--json", "--set", state]);
        assert_eq!(code, 0, "{told}");
        let document: Value = serde_json::from_str(&out).unwrap();
        assert_eq!(document["standing"]["gate"], gate);
    };
    status("open");
    for (word, gate) in [("halt", "reduce only"), ("kill", "shut"), ("halt", "shut")] {
        let (code, out, told) = run(dir, &[word, "--set", state]);
        assert_eq!(code, 0, "{told}");
        assert!(out.contains("begins halted") && out.contains(gate), "{out}");
        status(gate);
    }
    let live = Live::begin(dir, "1x", &format!("--set {state}"));
    let standing = live.ask(&Request::Status).standing;
    assert_eq!(standing.gate, "shut", "over the restart");
    assert_eq!(standing.halted_by.as_deref(), Some("the operator"));
    let (code, out, told) = run(
        dir,
        &["resume", "--reason", "checked", "--clear", "drawdown"],
    );
    assert_eq!(code, 0, "{told}");
    assert!(
        out.contains("gate        open") && out.contains("resumed     checked"),
        "{out}"
    );
    live.end();
    status("open");
    let names: Vec<_> = ordered(&dir.join("state/journal"));
    let names: Vec<_> = names.iter().map(Operator::name).collect();
    // A halt of what is shut already changes nothing, and is none.
    assert_eq!(names, ["halt", "kill", "clear", "resume"]);
    let (code, out, told) = run(dir, &["journal", "verify", "state/journal"]);
    assert_eq!(code, 0, "{out}{told}");
}
