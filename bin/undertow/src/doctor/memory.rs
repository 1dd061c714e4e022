//! Memory: whether there is enough, whether it can be locked, whether huge pages are to be had.

use super::files::Files;
use super::{Line, Verdict};
use crate::config::Config;
use crate::config::values::{Bytes, Demand};
use crate::host::{self, Limit, Resource};
use crate::session;

/// Every check of the memory.
pub(super) fn examine(config: &Config, files: &Files) -> Vec<Line> {
    let locked = host::lock_one_page().map_err(|error| error.to_string());
    let limit = match host::limit(Resource::LockedMemory) {
        Ok(limit) if !may_lock_without_limit(files) => limit.soft,
        _ => Limit::NONE,
    };
    vec![
        room(config, files),
        lock(config, &locked, limit),
        huge_pages(config.memory.huge_pages, files),
        swap(config.memory.lock, files),
    ]
}

/// What the books take, laid out at boot.
fn books_bytes(config: &Config) -> u64 {
    session::limits(config).bytes() as u64
}

/// Whether the process has the capability `CAP_IPC_LOCK`, which no limit binds.
fn may_lock_without_limit(files: &Files) -> bool {
    const CAP_IPC_LOCK: u32 = 14;
    let status = files.read("proc/self/status").unwrap_or_default();
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let mask = effective.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask >> CAP_IPC_LOCK & 1 == 1)
}

/// What a fault of something demanded is worth.
const fn gravity(demand: Demand) -> Verdict {
    match demand {
        Demand::Off => Verdict::Ok,
        Demand::Try => Verdict::Warn,
        Demand::Must => Verdict::Fail,
    }
}

/// A line whose verdict is that of the demand; a next step only if there is something to do.
fn demanded(check: &'static str, demand: Demand, found: String, next: &str) -> Line {
    match gravity(demand) {
        Verdict::Ok => Line::ok(check, format!("{found}; not asked for")),
        verdict => Line::new(check, verdict, found, next),
    }
}

fn room(config: &Config, files: &Files) -> Line {
    let check = "memory.room";
    let needed = books_bytes(config);
    let mib = |bytes: u64| bytes >> 20;
    let Some(available) = files.field("proc/meminfo", "MemAvailable") else {
        let next = "mount /proc";
        return Line::warn(check, "the kernel does not say what is available", next);
    };
    let available = available.saturating_mul(1024);
    let found = format!(
        "{} MiB available, the books take {}",
        mib(available),
        mib(needed)
    );
    if available > needed {
        return Line::ok(check, found);
    }
    let next = "lower book.orders_max, book.pages_max or book.instruments_max";
    Line::new(check, Verdict::Fail, found, next)
}

fn lock(config: &Config, locked: &Result<(), String>, limit: u64) -> Line {
    let check = "memory.lock";
    let next = "raise the limit of locked memory: LimitMEMLOCK=infinity in the unit, or \
        `ulimit -l unlimited`, or set memory.lock = \"off\"";
    let limit_text = match limit {
        Limit::NONE => "no limit".to_owned(),
        bytes => format!("limit {}", Bytes(bytes)),
    };
    match locked {
        Err(error) => {
            let found = format!("one page cannot be locked: {error} ({limit_text})");
            demanded(check, config.memory.lock, found, next)
        }
        Ok(()) if limit < books_bytes(config) => {
            let found = format!("one page locks, but the {limit_text} is less than the books take");
            demanded(check, config.memory.lock, found, next)
        }
        Ok(()) => Line::ok(check, format!("one page locks ({limit_text})")),
    }
}

fn huge_pages(demand: Demand, files: &Files) -> Line {
    let check = "memory.huge_pages";
    let modes = files
        .read("sys/kernel/mm/transparent_hugepage/enabled")
        .unwrap_or_default();
    let mode = modes
        .split_whitespace()
        .find_map(|mode| mode.strip_prefix('[')?.strip_suffix(']'))
        .unwrap_or("absent");
    let reserved = files
        .read("proc/sys/vm/nr_hugepages")
        .unwrap_or_else(|| "0".to_owned());
    let found = format!("transparent: {mode}; reserved: {reserved}");
    if matches!(mode, "always" | "madvise") || reserved != "0" {
        return Line::ok(check, found);
    }
    let next = "tuning/host.sh apply sets transparent huge pages to madvise";
    demanded(check, demand, found, next)
}

fn swap(lock: Demand, files: &Files) -> Line {
    let check = "memory.swap";
    match (files.field("proc/meminfo", "SwapTotal").unwrap_or(0), lock) {
        (0, _) => Line::ok(check, "none"),
        (kib, Demand::Off) => Line::warn(
            check,
            format!(
                "{} MiB, and memory is not locked: hot pages may be swapped out",
                kib >> 10
            ),
            "set memory.lock = \"try\", or swapoff -a",
        ),
        (kib, _) => Line::ok(
            check,
            format!("{} MiB, but memory is to be locked", kib >> 10),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::files::tree;
    use super::*;

    fn with(key: &str, value: &str) -> Config {
        let mut config = Config::default();
        config.set(key, value.into()).expect("valid");
        config
    }

    #[test]
    fn books_larger_than_what_is_available_fail() {
        let (_dir, files) = tree(&[("proc/meminfo", "MemTotal: 9 kB\nMemAvailable: 65536 kB\n")]);
        let line = room(&Config::default(), &files);
        assert_eq!(line.verdict, Verdict::Fail, "{line:?}");
        let (_dir, files) = tree(&[("proc/meminfo", "MemAvailable:  8388608 kB\n")]);
        assert_eq!(room(&Config::default(), &files).verdict, Verdict::Ok);
    }

    #[test]
    fn p10_refused_lock_counts_as_much_as_the_lock_is_wanted() {
        let denied = Err("not permitted".to_owned());
        for (demand, verdict) in [
            ("off", Verdict::Ok),
            ("try", Verdict::Warn),
            ("must", Verdict::Fail),
        ] {
            let config = with("memory.lock", demand);
            let line = lock(&config, &denied, 65_536);
            assert_eq!(line.verdict, verdict, "{line:?}");
            assert!(
                line.found.contains("not permitted (limit 64KiB)"),
                "{line:?}"
            );
            assert_eq!(lock(&config, &Ok(()), 65_536).verdict, verdict);
            assert_eq!(lock(&config, &Ok(()), Limit::NONE).verdict, Verdict::Ok);
        }
    }

    #[test]
    fn capability_to_lock_lifts_the_limit() {
        let (_dir, root) = tree(&[("proc/self/status", "Name: x\nCapEff:\t000001ffffffffff\n")]);
        let (_dir2, user) = tree(&[("proc/self/status", "Name: x\nCapEff:\t0000000000000000\n")]);
        assert!(may_lock_without_limit(&root));
        assert!(!may_lock_without_limit(&user));
    }

    #[test]
    fn p10_absent_huge_pages_count_as_much_as_they_are_wanted() {
        let path = "sys/kernel/mm/transparent_hugepage/enabled";
        let (_dir, never) = tree(&[(path, "always madvise [never]\n")]);
        let (_dir2, madvise) = tree(&[(path, "always [madvise] never\n")]);
        let (_dir3, reserved) = tree(&[("proc/sys/vm/nr_hugepages", "512\n")]);
        assert_eq!(huge_pages(Demand::Must, &never).verdict, Verdict::Fail);
        assert_eq!(huge_pages(Demand::Try, &never).verdict, Verdict::Warn);
        assert_eq!(huge_pages(Demand::Off, &never).verdict, Verdict::Ok);
        assert_eq!(huge_pages(Demand::Must, &madvise).verdict, Verdict::Ok);
        assert_eq!(huge_pages(Demand::Must, &reserved).verdict, Verdict::Ok);
    }

    #[test]
    fn swap_is_warned_of_only_where_memory_is_not_locked() {
        let (_dir, files) = tree(&[("proc/meminfo", "SwapTotal: 2097152 kB\n")]);
        assert_eq!(swap(Demand::Off, &files).verdict, Verdict::Warn);
        assert_eq!(swap(Demand::Try, &files).verdict, Verdict::Ok);
    }
}
