//! The shared store of claims: alone, against the local table, and raced by eight processes.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::{tempdir, tempdir_in};
use undertow_cold::claims::{ClaimsError, SharedClaims};
use undertow_cold::provenance::Program;
use undertow_core::types::Nanos;
use undertow_strategies::decide::claim::{Claim, ClaimStore, Claims, Request, Token};
use undertow_strategies::decide::identity::{Fingerprint, Identity, SignalId};

const SECOND_NS: u64 = 1_000_000_000;
const NOW: Nanos = Nanos(1_758_000_000 * SECOND_NS);

const PROCESSES: u64 = 8;
const SIGNALS: u64 = 12_500;

/// Where the racers find the store; they start when the file `go` is beside it.
const RACE: &str = "UNDERTOW_TEST_CLAIMS";
const WORKER: &str = "UNDERTOW_TEST_WORKER";

fn request(contract: u64, day: u64, token: Token) -> Request {
    let mut fingerprint = [0; 10];
    fingerprint[..8].copy_from_slice(&contract.to_be_bytes());
    let id = contract << 8 | day;
    Request {
        identity: Identity {
            fingerprint: Fingerprint(fingerprint),
            id: SignalId(id.to_be_bytes()),
        },
        token,
        ttl_ns: 300 * SECOND_NS,
        cooldown_ns: 30 * SECOND_NS,
    }
}

fn program(config: u64) -> Program {
    Program {
        build: "0.1.0 test".to_owned(),
        config,
    }
}

fn open(path: &Path) -> Result<SharedClaims, ClaimsError> {
    SharedClaims::open(path, &program(1), None)
}

fn after(seconds: u64) -> Nanos {
    Nanos(NOW.0 + seconds * SECOND_NS)
}

const fn token(worker: u64, attempt: u64) -> Token {
    Token { worker, attempt }
}

#[test]
fn s01_claim_outlives_the_process_that_won_it() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("claims");
    let mut first = open(&path).unwrap();
    let won = request(1, 1, token(1, 0));
    assert_eq!(first.claim(&won, NOW).unwrap(), Claim::Won);
    drop(first);

    let mut second = open(&path).unwrap();
    let again = request(1, 1, token(2, 0));
    assert_eq!(second.claim(&again, after(299)).unwrap(), Claim::Duplicate);
    assert_eq!(second.claim(&won, after(299)).unwrap(), Claim::WonBefore);
    assert_eq!(second.claim(&again, after(300)).unwrap(), Claim::Won);
}

#[test]
fn s02_claim_blocked_by_cooldown_is_free_after_it() {
    let folder = tempdir().unwrap();
    let mut store = open(&folder.path().join("claims")).unwrap();
    let mut claim = |day, attempt, now| store.claim(&request(1, day, token(1, attempt)), now);
    assert_eq!(claim(1, 0, NOW).unwrap(), Claim::Won);
    assert_eq!(claim(2, 1, after(29)).unwrap(), Claim::Cooldown);
    assert_eq!(claim(2, 2, after(30)).unwrap(), Claim::Won);
}

#[test]
fn shared_store_answers_as_the_local_table() {
    let folder = tempdir().unwrap();
    let mut shared = open(&folder.path().join("claims")).unwrap();
    let mut local = Claims::new(1_024);
    let mut state = 7_u64;
    let mut random = |below: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 33) % below
    };
    let mut seconds = 0;
    let mut answers = BTreeMap::new();
    for _ in 0..3_000 {
        seconds += random(8);
        let request = request(random(6), random(3), token(random(2), random(4)));
        let now = after(seconds);
        let answer = local.claim(&request, now);
        assert_eq!(shared.claim(&request, now).unwrap(), answer);
        *answers.entry(format!("{answer:?}")).or_insert(0) += 1;
    }
    assert_eq!(
        answers.len(),
        4,
        "every answer but Full was met: {answers:?}"
    );
}

#[test]
fn k15_a_store_belongs_to_one_program_and_who_was_succeeded_claims_no_more() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("claims");
    let (old, new) = (program(1), program(2));
    let mut first = SharedClaims::open(&path, &old, None).unwrap();
    let mut beside = SharedClaims::open(&path, &old, None).unwrap();
    let refused = SharedClaims::open(&path, &new, None).unwrap_err();
    assert_eq!(refused.owner(), Some(&old));
    let told = refused.to_string();
    assert!(told.contains(&old.to_string()), "{told}");
    assert!(told.contains(&new.to_string()), "{told}");
    let another = Some(program(3).id());
    assert!(SharedClaims::open(&path, &new, another).is_err());
    let won = request(1, 1, token(1, 0));
    assert_eq!(first.claim(&won, NOW).unwrap(), Claim::Won);

    let mut heir = SharedClaims::open(&path, &new, Some(old.id())).unwrap();
    // What was claimed stays claimed, and the old programs are told at once, not once they lose.
    let again = request(1, 1, token(3, 0));
    assert_eq!(heir.claim(&again, after(1)).unwrap(), Claim::Duplicate);
    for stale in [&mut first, &mut beside] {
        for contract in [1, 2] {
            let refused = stale.claim(&request(contract, 1, token(1, 1)), after(2));
            assert_eq!(refused.unwrap_err().owner(), Some(&new));
        }
    }
    let fresh = request(2, 1, token(3, 1));
    assert_eq!(heir.claim(&fresh, after(3)).unwrap(), Claim::Won);
    // The word that took over may stand in the configuration of its fellows.
    SharedClaims::open(&path, &new, Some(old.id())).unwrap();
    assert!(SharedClaims::open(&path, &old, None).is_err());
}

#[test]
fn file_of_something_else_is_refused() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("other");
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("CREATE TABLE t (x)").unwrap();
    let error = open(&path).unwrap_err().to_string();
    assert!(error.contains("name another file"), "{error}");

    let path = folder.path().join("text");
    fs::write(&path, "not a database, and long enough to be taken for one").unwrap();
    let error = open(&path).unwrap_err().to_string();
    assert!(error.contains("not a database"), "{error}");
}

/// 10^5 claims: each of eight processes claims each of 12,500 signals, all in the same order, so
/// that they meet at every one. They meet in memory where there is room for it: what is raced is
/// the protocol, and a disk that others keep busy may be away for longer than a claim is tried.
#[test]
fn s01_eight_racing_processes_emit_each_signal_once() {
    let folder = tempdir_in("/dev/shm").or_else(|_| tempdir()).unwrap();
    let path = folder.path().join("claims");
    let racers: Vec<_> = (0..PROCESSES)
        .map(|worker| {
            Command::new(env::current_exe().unwrap())
                .args(["--ignored", "--exact", "racer", "--nocapture"])
                .env(RACE, &path)
                .env(WORKER, worker.to_string())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap()
        })
        .collect();
    wait_for(&folder.path().join("ready"), PROCESSES);
    let start = Instant::now();
    fs::write(folder.path().join("go"), "").unwrap();

    let mut wins = vec![0; SIGNALS as usize];
    let mut winners = 0;
    for racer in racers {
        let output = racer.wait_with_output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{text}");
        let won = text.lines().filter_map(|line| line.strip_prefix("won "));
        let mut count = 0;
        for signal in won {
            wins[signal.parse::<usize>().unwrap()] += 1;
            count += 1;
        }
        winners += u32::from(count > 0);
    }
    println!(
        "{winners} of {PROCESSES} processes won some, in {:?}",
        start.elapsed()
    );
    assert!(
        wins.iter().all(|count| *count == 1),
        "a signal was won twice or never"
    );
    assert!(winners > 1, "one process won all, so nothing was raced");
}

/// Waits until the folder `ready` holds so many files.
fn wait_for(ready: &Path, count: u64) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while fs::read_dir(ready).map_or(0, Iterator::count) < count as usize {
        assert!(Instant::now() < deadline, "the racers did not start");
        thread::sleep(Duration::from_millis(1));
    }
}

/// One racer: opens the store together with the others, waits for `go`, and claims everything.
#[test]
#[ignore = "the race runs it in processes of its own"]
fn racer() {
    let path = env::var(RACE).expect("the race sets it");
    let worker: u64 = env::var(WORKER).unwrap().parse().unwrap();
    let folder = Path::new(&path).parent().unwrap();
    let mut store = persist(|| open(Path::new(&path)));
    let ready = folder.join("ready");
    fs::create_dir_all(&ready).unwrap();
    fs::write(ready.join(worker.to_string()), "").unwrap();
    while !folder.join("go").exists() {
        thread::yield_now();
    }
    let mut lines = String::new();
    for signal in 0..SIGNALS {
        let request = request(signal, 0, token(worker, signal));
        match persist(|| store.claim(&request, NOW)) {
            // Who asks again after no answer may have won already.
            Claim::Won | Claim::WonBefore => {
                lines += &format!("won {signal}\n");
                let again = persist(|| store.claim(&request, NOW));
                assert_eq!(again, Claim::WonBefore);
            }
            Claim::Duplicate => {}
            answer => panic!("no such answer can be: {answer:?}"),
        }
    }
    println!("\n{lines}");
}

/// Asks again when the store does not answer, as a worker may: its token makes that harmless.
fn persist<T, E: std::fmt::Display>(mut ask: impl FnMut() -> Result<T, E>) -> T {
    for _ in 0..10 {
        match ask() {
            Ok(answer) => return answer,
            Err(error) => eprintln!("asked again: {error}"),
        }
    }
    panic!("no answer after ten tries");
}
