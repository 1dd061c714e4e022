//! One writer a directory.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use undertow_cold::journal::{JournalError, Lock, Writer};

use crate::samples::*;

#[test]
fn p13_a_second_writer_is_refused_and_the_first_is_named() {
    let dir = fresh();
    let (first, _) = Writer::open(dir.path(), options(4), |_| {}).expect("it opens");
    let error = Writer::open(dir.path(), options(4), |_| {}).expect_err("refused");
    let pid = std::process::id();
    assert!(matches!(error, JournalError::Locked { pid: Some(holder), .. } if holder == pid));
    assert!(
        error
            .to_string()
            .contains(&format!("process {pid} is writing")),
        "{error}"
    );
    drop(first);
    Writer::open(dir.path(), options(4), |_| {}).expect("it is free again");
}

#[test]
fn p13_reading_needs_no_lock() {
    let dir = fresh();
    let (mut writer, _) = Writer::open(dir.path(), options(4), |_| {}).expect("it opens");
    writer.append(&moment(0), &intended(1)).expect("taken");
    writer.flush().expect("flushed");
    assert_eq!(read(dir.path()).expect("read").0.len(), 1);
}

/// As a lock file names a process.
fn holder(pid: u32) -> String {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").expect("a boot");
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("a process");
    let fields = stat.rsplit_once(')').expect("a name").1;
    let start = fields.split_ascii_whitespace().nth(19).expect("a start");
    format!("{pid} {} {start}\n", boot.trim())
}

fn take(dir: &Path, text: &str) -> Result<Lock, JournalError> {
    fs::write(dir.join("lock"), text).expect("written");
    Lock::take(dir)
}

#[test]
fn p13_a_lock_left_behind_is_taken_over() {
    let dir = fresh();
    let mut child = Command::new("sleep")
        .arg("60")
        .stdin(Stdio::null())
        .spawn()
        .expect("it runs");
    let alive = holder(child.id());
    // Named by a process that runs and is the same: not ours, even where the kernel sees no lock.
    let refused = take(dir.path(), &alive).expect_err("it runs");
    assert!(matches!(refused, JournalError::Locked { pid: Some(pid), .. } if pid == child.id()));
    // The same id, another start: somebody else has the id now.
    let reused = format!("{}9\n", alive.trim());
    take(dir.path(), &reused).expect("the holder is gone");
    child.kill().expect("killed");
    child.wait().expect("gone");
    take(dir.path(), &alive).expect("the holder is gone");
    for text in ["", "nonsense", "12", "-1 x y", "99999999999 x y", "\u{0}"] {
        take(dir.path(), text).unwrap_or_else(|error| panic!("{text:?}: {error}"));
    }
    let lock = take(dir.path(), &alive).expect("taken");
    let said = fs::read_to_string(dir.path().join("lock")).expect("read");
    assert_eq!(said, holder(std::process::id()));
    drop(lock);
    assert_eq!(
        fs::read_to_string(dir.path().join("lock")).expect("read"),
        ""
    );
}
