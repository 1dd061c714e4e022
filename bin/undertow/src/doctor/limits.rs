//! Limits of the process, the disk that reports go to, and what else the machine is doing.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use super::files::Files;
use super::{Line, Verdict};
use crate::config::Config;
use crate::config::values::Bytes;
use crate::host::{self, Limit, Resource};
use latency_report::text::counted;

/// Every check of limits, disk and load.
pub(super) fn examine(config: &Config, files: &Files) -> Vec<Line> {
    let dir = existing(Path::new(&config.report.dir));
    vec![
        open_files(host::limit(Resource::Files)),
        threads(files),
        disk_free(&dir, config.report.free_bytes_min),
        disk_sync(&dir),
        load(files),
        steal(files),
    ]
}

/// Files that a run opens at once, generously: inputs to merge, reports, standard streams.
const FILES_MIN: u64 = 64;

fn open_files(limit: io::Result<Limit>) -> Line {
    let check = "limits.files";
    let next = "raise it: LimitNOFILE= in the unit, or `ulimit -n 1024`";
    match limit {
        Ok(Limit { soft, .. }) if soft == Limit::NONE => Line::ok(check, "no limit"),
        Ok(Limit { soft, hard }) if soft < FILES_MIN => {
            let found = format!("{soft} open files, a run needs up to {FILES_MIN} (hard: {hard})");
            Line::new(check, Verdict::Fail, found, next)
        }
        Ok(Limit { soft, .. }) => Line::ok(check, format!("{soft} open files")),
        Err(error) => Line::warn(check, format!("the kernel does not say: {error}"), next),
    }
}

/// Threads that a run has at once, generously: tiles, decompression, cold.
const THREADS_MIN: usize = 16;

fn threads(files: &Files) -> Line {
    let check = "limits.threads";
    let limit = match host::limit(Resource::Threads) {
        Ok(Limit { soft, .. }) if soft != Limit::NONE => format!("limit {soft}"),
        _ => "no limit".to_owned(),
    };
    let pids = files
        .read("sys/fs/cgroup/pids.max")
        .filter(|max| max != "max");
    let pids = pids.map_or(String::new(), |max| format!(", cgroup {max}"));
    match spawn_at_once(THREADS_MIN) {
        Ok(()) => Line::ok(
            check,
            format!("{THREADS_MIN} started at once ({limit}{pids})"),
        ),
        Err((started, error)) => Line::new(
            check,
            Verdict::Fail,
            format!("only {started} of {THREADS_MIN} threads started: {error} ({limit}{pids})"),
            "raise it: LimitNPROC= or TasksMax= in the unit, or `ulimit -u`",
        ),
    }
}

/// Starts so many threads that live at the same time; else how many started, and why no more.
fn spawn_at_once(count: usize) -> Result<(), (usize, io::Error)> {
    let mut waiting = Vec::new();
    let mut refused = None;
    for _ in 0..count {
        let (hold, release) = mpsc::channel::<()>();
        match thread::Builder::new().spawn(move || release.recv().is_err()) {
            Ok(thread) => waiting.push((hold, thread)),
            Err(error) => {
                refused = Some((waiting.len(), error));
                break;
            }
        }
    }
    for (hold, thread) in waiting {
        drop(hold);
        // It only waits for the other end to go, so it cannot have panicked.
        let _ = thread.join();
    }
    refused.map_or(Ok(()), Err)
}

/// The nearest directory above `dir` that exists: a run would make the rest.
fn existing(dir: &Path) -> PathBuf {
    let above = dir.ancestors().find(|above| above.exists());
    match above {
        Some(above) if !above.as_os_str().is_empty() => above.to_owned(),
        _ => PathBuf::from("."),
    }
}

fn disk_free(dir: &Path, free_min: Bytes) -> Line {
    let check = "disk.free";
    let next = "free some, name another report.dir, or lower report.free_bytes_min";
    let place = dir.display();
    match host::disk_free(dir) {
        Ok(free) if free >= free_min.0 => Line::ok(check, format!("{} MiB at {place}", free >> 20)),
        Ok(free) => {
            let found = format!("{} MiB at {place}, less than {free_min}", free >> 20);
            Line::new(check, Verdict::Fail, found, next)
        }
        Err(error) => Line::new(check, Verdict::Fail, format!("{place}: {error}"), next),
    }
}

/// A sync slower than this delays the end of a run noticeably.
const SYNC_MS_MAX: u128 = 50;

fn disk_sync(dir: &Path) -> Line {
    let check = "disk.sync";
    let place = dir.display();
    match sync_time(dir) {
        Ok(took) => {
            let found = format!("{} us to write and sync 4 KiB at {place}", took.as_micros());
            if took.as_millis() <= SYNC_MS_MAX {
                return Line::ok(check, found);
            }
            Line::warn(check, found, "name a report.dir on a faster disk")
        }
        Err(error) => Line::new(
            check,
            Verdict::Fail,
            format!("cannot write at {place}: {error}"),
            "name a report.dir that may be written",
        ),
    }
}

/// The median of five writes with a sync each, in a file that is gone afterwards.
fn sync_time(dir: &Path) -> io::Result<Duration> {
    let path = dir.join(format!(".undertow-doctor-{}", std::process::id()));
    // `create_new` never follows a link, nor harms a file that is there already.
    let mut file = File::create_new(&path)?;
    let mut write = || -> io::Result<Duration> {
        let start = Instant::now();
        file.write_all(&[0; 4096])?;
        file.sync_all()?;
        Ok(start.elapsed())
    };
    let times: io::Result<Vec<Duration>> = (0..5).map(|_| write()).collect();
    std::fs::remove_file(&path)?;
    let mut times = times?;
    times.sort_unstable();
    Ok(times[times.len() / 2])
}

fn load(files: &Files) -> Line {
    let check = "load.now";
    let next = "stop what else runs, or do not believe the tail of the latencies";
    let text = files.read("proc/loadavg").unwrap_or_default();
    let online = files.cores("sys/devices/system/cpu/online").len().max(1);
    let average = text
        .split_whitespace()
        .next()
        .and_then(|load| load.parse::<f64>().ok());
    match average {
        Some(load) if load <= online as f64 / 2.0 => Line::ok(
            check,
            format!("{load} in the last minute on {}", counted(online, "core")),
        ),
        Some(load) => Line::warn(
            check,
            format!("{load} in the last minute on {}", counted(online, "core")),
            next,
        ),
        None => Line::warn(check, "the kernel does not say", "mount /proc"),
    }
}

fn steal(files: &Files) -> Line {
    let before = files.read("proc/stat").unwrap_or_default();
    thread::sleep(Duration::from_millis(200));
    stolen(&before, &files.read("proc/stat").unwrap_or_default())
}

/// The share of time that the hypervisor gave to others between two readings of `/proc/stat`.
fn stolen(before: &str, after: &str) -> Line {
    let check = "load.steal";
    let ticks = |stat: &str| -> Option<(u64, u64)> {
        let fields = stat.lines().next()?.strip_prefix("cpu ")?;
        let fields: Vec<u64> = fields.split_whitespace().flat_map(str::parse).collect();
        // user, nice, system, idle, iowait, irq, softirq, steal; guests are in user already.
        Some((*fields.get(7)?, fields[..8].iter().sum()))
    };
    let (Some((stolen_0, all_0)), Some((stolen_1, all_1))) = (ticks(before), ticks(after)) else {
        return Line::warn(check, "the kernel does not say", "mount /proc");
    };
    let all = all_1.saturating_sub(all_0).max(1);
    let percent = stolen_1.saturating_sub(stolen_0) * 100 / all;
    let found = format!("{percent} % of 200 ms, {stolen_1} ticks since boot");
    if percent <= 1 {
        return Line::ok(check, found);
    }
    Line::warn(
        check,
        found,
        "others share this machine: use a dedicated host for figures",
    )
}

#[cfg(test)]
mod tests {
    use super::super::files::tree;
    use super::*;

    #[test]
    fn p10_too_few_files_fail_with_both_limits_named() {
        let few = Limit {
            soft: 32,
            hard: 4096,
        };
        let line = open_files(Ok(few));
        assert_eq!(line.verdict, Verdict::Fail);
        assert!(
            line.found.contains("32") && line.found.contains("4096"),
            "{line:?}"
        );
        let enough = Limit {
            soft: 1024,
            hard: 4096,
        };
        assert_eq!(open_files(Ok(enough)).verdict, Verdict::Ok);
    }

    #[test]
    fn threads_of_a_run_live_at_the_same_time() {
        assert!(spawn_at_once(THREADS_MIN).is_ok());
    }

    #[test]
    fn disk_without_room_fails_and_leaves_nothing_behind() {
        let dir = tempfile::tempdir().expect("a directory");
        assert_eq!(
            disk_free(dir.path(), Bytes(u64::MAX)).verdict,
            Verdict::Fail
        );
        assert_eq!(disk_free(dir.path(), Bytes(1)).verdict, Verdict::Ok);
        assert_ne!(disk_sync(dir.path()).verdict, Verdict::Fail);
        assert_eq!(std::fs::read_dir(dir.path()).expect("readable").count(), 0);
        let gone = dir.path().join("gone");
        assert_eq!(disk_sync(&gone).verdict, Verdict::Fail);
        assert_eq!(existing(&gone.join("deeper")), dir.path());
        assert_eq!(
            existing(Path::new("no-such-directory/deeper")),
            Path::new(".")
        );
    }

    #[test]
    fn load_of_more_than_half_the_cores_is_warned_of() {
        let online = ("sys/devices/system/cpu/online", "0-3\n");
        let (_dir, files) = tree(&[online, ("proc/loadavg", "2.00 1 1 1/9 1\n")]);
        assert_eq!(load(&files).verdict, Verdict::Ok);
        let (_dir, files) = tree(&[online, ("proc/loadavg", "2.01 1 1 1/9 1\n")]);
        assert_eq!(load(&files).verdict, Verdict::Warn);
    }

    #[test]
    fn time_given_to_others_is_warned_of() {
        let before = "cpu  100 0 100 800 0 0 0 50 7 0\ncpu0 1\n";
        assert_eq!(
            stolen(before, "cpu  150 0 100 850 0 0 0 50 9 0\n").verdict,
            Verdict::Ok
        );
        let line = stolen(before, "cpu  150 0 100 840 0 0 0 60 9 0\n");
        assert_eq!(
            (line.verdict, line.found.starts_with("10 %")),
            (Verdict::Warn, true)
        );
        assert_eq!(stolen("", "").verdict, Verdict::Warn);
    }
}
