//! The clock: whether it can be trusted for a latency, what a read costs, whether it agrees.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::Line;
use super::files::Files;
use crate::affinity::{Cores, pin_current};
use crate::host;
use latency_report::text::counted;

const NEXT_TSC: &str =
    "latencies will be coarser; on bare metal, see why with `dmesg | grep -i tsc`";

/// Every check of the clock.
pub(super) fn examine(files: &Files) -> Vec<Line> {
    vec![
        invariant(files),
        source(files),
        read_cost(),
        forward(),
        agreement(),
        steadiness(),
    ]
}

fn invariant(files: &Files) -> Line {
    let check = "clock.tsc";
    if cfg!(not(target_arch = "x86_64")) {
        return Line::ok(check, "not an x86 machine: the kernel's clock is used");
    }
    let info = files.read("proc/cpuinfo").unwrap_or_default();
    let flags = info
        .lines()
        .find(|line| line.starts_with("flags"))
        .unwrap_or("");
    let has = |name| flags.split_whitespace().any(|flag| flag == name);
    if has("constant_tsc") && has("nonstop_tsc") {
        return Line::ok(
            check,
            "invariant: same rate at every frequency, never stops",
        );
    }
    Line::warn(
        check,
        "the counter is not invariant: its rate changes, or it stops",
        NEXT_TSC,
    )
}

fn source(files: &Files) -> Line {
    let check = "clock.source";
    let path = "sys/devices/system/clocksource/clocksource0/current_clocksource";
    match files.read(path).as_deref() {
        // kvm-clock is read without a system call too, scaled by the hypervisor.
        Some(name @ ("tsc" | "kvm-clock" | "arch_sys_counter")) => Line::ok(check, name),
        Some(name) => Line::warn(check, format!("{name}: each read is slow"), NEXT_TSC),
        None => Line::warn(check, "the kernel does not say", NEXT_TSC),
    }
}

/// More than this and the read is a system call.
const READ_NS_MAX: u64 = 200;

fn read_cost() -> Line {
    let check = "clock.read";
    let ns = (0..20).map(|_| read_batch_ns()).min().unwrap_or(0);
    let found = format!("{ns} ns a read (the least of 20 runs of 5,000)");
    if ns <= READ_NS_MAX {
        return Line::ok(check, found);
    }
    Line::warn(
        check,
        found,
        "the clock is read by a system call; use the clock source tsc",
    )
}

fn read_batch_ns() -> u64 {
    const READS: u32 = 5_000;
    let start = Instant::now();
    for _ in 0..READS {
        std::hint::black_box(Instant::now());
    }
    u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX) / u64::from(READS)
}

/// Whether the clock of one core ever shows less than that of another showed before.
fn forward() -> Line {
    let check = "clock.forward";
    let cores = Cores::found().ids();
    let cores = &cores[..cores.len().min(4)];
    let latest = AtomicU64::new(0);
    let back = AtomicU64::new(0);
    let watchers = thread::scope(|scope| {
        let watch = |core: usize| {
            // Unpinned it still watches, only less sharply.
            let _ = pin_current(core);
            watch_clock(&latest, &back);
        };
        let start = |core: &usize| {
            let core = *core;
            thread::Builder::new()
                .spawn_scoped(scope, move || watch(core))
                .is_ok()
        };
        cores.iter().filter(|core| start(core)).count()
    });
    match (watchers, back.into_inner()) {
        (0, _) => Line::warn(
            check,
            "no thread could be started to watch it",
            "see limits.threads",
        ),
        (watchers, 0) => Line::ok(
            check,
            format!(
                "never backwards, watched from {}",
                counted(watchers, "core")
            ),
        ),
        (watchers, ns) => Line::warn(
            check,
            format!(
                "backwards by up to {ns} ns between {}",
                counted(watchers, "core")
            ),
            "latencies across cores are off by as much; use the layout fused, or another clock",
        ),
    }
}

fn watch_clock(latest: &AtomicU64, back: &AtomicU64) {
    for _ in 0..20_000 {
        let before = latest.load(Ordering::SeqCst);
        let now = host::monotonic_ns().unwrap_or(u64::MAX);
        back.fetch_max(before.saturating_sub(now), Ordering::SeqCst);
        latest.fetch_max(now, Ordering::SeqCst);
    }
}

fn agreement() -> Line {
    let check = "clock.sync";
    let next = "run chrony or another time service; until then a delay from the venue means little";
    match host::clock_sync() {
        Ok(sync) if sync.synchronised => Line::ok(
            check,
            format!("in step, off by {} us at most", sync.error_us_max),
        ),
        Ok(_) => Line::warn(check, "nothing keeps the wall clock in step", next),
        Err(error) => Line::warn(check, format!("the kernel does not say: {error}"), next),
    }
}

/// A wall clock that moves this much against the monotonic one in a moment is being set.
const STEP_NS_MAX: u64 = 1_000_000;

fn steadiness() -> Line {
    let check = "clock.offset";
    let next = "wait until the time service has settled, then run again";
    let offset = || -> Option<u64> {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
        let wall = u64::try_from(wall.as_nanos()).ok()?;
        wall.checked_sub(host::monotonic_ns().ok()?)
    };
    let before = offset();
    thread::sleep(Duration::from_millis(20));
    match (before, offset()) {
        (Some(before), Some(after)) => {
            let moved = before.abs_diff(after);
            let found = format!("wall clock moved {moved} ns against the monotonic one in 20 ms");
            match moved {
                0..=STEP_NS_MAX => Line::ok(check, found),
                _ => Line::warn(check, found, next),
            }
        }
        _ => Line::warn(check, "the wall clock is before 1970", "set the clock"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::super::files::tree;
    use super::*;

    #[test]
    fn counter_that_may_stop_is_warned_of() {
        let (_dir, good) = tree(&[("proc/cpuinfo", "flags : fpu constant_tsc nonstop_tsc\n")]);
        assert_eq!(invariant(&good).verdict, Verdict::Ok);
        let (_dir, bad) = tree(&[("proc/cpuinfo", "flags : fpu constant_tsc\n")]);
        let expected = if cfg!(target_arch = "x86_64") {
            Verdict::Warn
        } else {
            Verdict::Ok
        };
        assert_eq!(invariant(&bad).verdict, expected);
    }

    #[test]
    fn slow_clock_source_is_warned_of() {
        let path = "sys/devices/system/clocksource/clocksource0/current_clocksource";
        let (_dir, files) = tree(&[(path, "hpet\n")]);
        assert_eq!(source(&files).verdict, Verdict::Warn);
        let (_dir, files) = tree(&[(path, "tsc\n")]);
        assert_eq!(source(&files).verdict, Verdict::Ok);
    }

    #[test]
    fn clock_that_goes_back_is_noticed() {
        let latest = AtomicU64::new(u64::MAX);
        let back = AtomicU64::new(0);
        watch_clock(&latest, &back);
        assert!(back.into_inner() > 0);
    }
}
