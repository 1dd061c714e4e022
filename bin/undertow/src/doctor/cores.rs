//! Cores: which we have, whether a tile can be pinned to each, and who else is on them.

use std::thread;

use super::files::{Files, core_text};
use super::{Line, Verdict};
use crate::affinity::{Cores, pin_current};
use crate::config::Config;

const HOST: &str = "see tuning/README.md, or run tuning/host.sh check";

/// Every check of the cores.
pub(super) fn examine(config: &Config, files: &Files) -> Vec<Line> {
    let found = Cores::found().ids();
    let wanted = wanted(config, found);
    vec![
        count(found, config.unpinned_ok, files),
        pins(wanted, found, config.unpinned_ok),
        siblings(wanted, files),
        isolated(wanted, files),
        tickless(wanted, files),
        governor(wanted, files),
    ]
}

/// The cores that tiles may get.
fn wanted<'a>(config: &'a Config, found: &'a [usize]) -> &'a [usize] {
    if config.cores.is_empty() {
        found
    } else {
        &config.cores
    }
}

/// What a fault of pinning is worth: it stops the run, unless the user said that it may not.
const fn gravity(unpinned_ok: bool) -> Verdict {
    if unpinned_ok {
        Verdict::Warn
    } else {
        Verdict::Fail
    }
}

fn count(found: &[usize], unpinned_ok: bool, files: &Files) -> Line {
    let check = "cores.found";
    let online = files.cores("sys/devices/system/cpu/online");
    let text = core_text(found);
    match found.len() {
        0 => Line::new(
            check,
            gravity(unpinned_ok),
            "the kernel does not say which cores this process has",
            "run outside the sandbox, or set unpinned_ok = true",
        ),
        1 => Line::new(
            check,
            gravity(unpinned_ok),
            format!("one core ({text}) of {} online", online.len().max(1)),
            "a hot tile and all else would share it: give the process a second core (taskset, \
             cpuset), or set unpinned_ok = true and do not believe the latencies",
        ),
        count if count < online.len() => Line::ok(
            check,
            format!(
                "{count} of {} online: {text}; a mask, cpuset or isolcpus hides the rest",
                online.len()
            ),
        ),
        count => Line::ok(check, format!("{count}: {text}")),
    }
}

fn pins(wanted: &[usize], found: &[usize], unpinned_ok: bool) -> Line {
    let check = "cores.pin";
    let errors: Vec<String> = wanted.iter().filter_map(|core| pin_fault(*core)).collect();
    if wanted.is_empty() {
        let next = "name cores in `cores`, or set unpinned_ok = true";
        return Line::new(check, gravity(unpinned_ok), "no core to pin to", next);
    }
    if errors.is_empty() {
        return Line::ok(
            check,
            format!("pinned to each of {} and read back", core_text(wanted)),
        );
    }
    let next = format!(
        "name cores in `cores` that this process may use (found: {}), leave it empty, or set \
         unpinned_ok = true",
        core_text(found)
    );
    Line::new(check, gravity(unpinned_ok), errors.join("; "), next)
}

/// Pins a thread of its own, so that neither we nor our later threads stay pinned.
fn pin_fault(core: usize) -> Option<String> {
    let pinned = thread::Builder::new().spawn(move || pin_current(core));
    match pinned.map(thread::JoinHandle::join) {
        Ok(Ok(Ok(()))) => None,
        Ok(Ok(Err(error))) => Some(error.to_string()),
        Ok(Err(_)) => Some(format!("the thread for core {core} died")),
        Err(error) => Some(format!("no thread for core {core}: {error}")),
    }
}

fn siblings(wanted: &[usize], files: &Files) -> Line {
    let check = "cores.siblings";
    let mut shared = Vec::new();
    let mut beside = Vec::new();
    for core in wanted {
        let path = format!("sys/devices/system/cpu/cpu{core}/topology/thread_siblings_list");
        for sibling in files.cores(&path) {
            if sibling > *core && wanted.contains(&sibling) {
                shared.push(format!("{core} and {sibling}"));
            } else if sibling != *core && !wanted.contains(&sibling) {
                beside.push(sibling);
            }
        }
    }
    if !shared.is_empty() {
        let found = format!("{} are one physical core", shared.join(", "));
        return Line::warn(
            check,
            found,
            "name one of each pair in `cores`, or boot with nosmt",
        );
    }
    if !beside.is_empty() {
        let found = format!(
            "{} share their physical cores with ours",
            core_text(&beside)
        );
        return Line::warn(
            check,
            found,
            "keep them idle: take them off line, or boot with nosmt",
        );
    }
    Line::ok(check, "no two tiles would share a physical core")
}

fn isolated(wanted: &[usize], files: &Files) -> Line {
    let isolated = files.cores("sys/devices/system/cpu/isolated");
    let found = format!(
        "isolated: {}; ours: {}",
        core_text(&isolated),
        core_text(wanted)
    );
    covered("cores.isolated", wanted, &isolated, found, "isolcpus")
}

fn tickless(wanted: &[usize], files: &Files) -> Line {
    let tickless = files.cores("sys/devices/system/cpu/nohz_full");
    let found = format!(
        "tickless: {}; ours: {}",
        core_text(&tickless),
        core_text(wanted)
    );
    covered("cores.nohz_full", wanted, &tickless, found, "nohz_full")
}

/// Whether the kernel spares every core of ours something, by a parameter of its command line.
fn covered(
    check: &'static str,
    wanted: &[usize],
    spared: &[usize],
    found: String,
    parameter: &str,
) -> Line {
    if !wanted.is_empty() && wanted.iter().all(|core| spared.contains(core)) {
        return Line::ok(check, found);
    }
    let next = format!("boot with {parameter}=<the tiles' cores> and name them in `cores`; {HOST}");
    Line::warn(check, found, next)
}

fn governor(wanted: &[usize], files: &Files) -> Line {
    let check = "cores.governor";
    let mut other = Vec::new();
    let mut known = 0;
    for core in wanted {
        let path = format!("sys/devices/system/cpu/cpu{core}/cpufreq/scaling_governor");
        if let Some(governor) = files.read(&path) {
            known += 1;
            if governor != "performance" {
                other.push(format!("{core}={governor}"));
            }
        }
    }
    if !other.is_empty() {
        let next = "tuning/host.sh apply sets performance, revert sets it back";
        return Line::warn(
            check,
            format!("slows down when idle: {}", other.join(" ")),
            next,
        );
    }
    if known == 0 {
        return Line::ok(
            check,
            "the kernel sets no frequencies here (as in a virtual machine)",
        );
    }
    Line::ok(check, "performance")
}

#[cfg(test)]
mod tests {
    use super::super::files::tree;
    use super::*;

    #[test]
    fn p09_core_that_cannot_be_pinned_fails_and_only_warns_when_the_user_said_so() {
        let found = Cores::found().ids();
        for core in [1023, 1024, 5000, usize::MAX] {
            let line = pins(&[core], found, false);
            assert_eq!(line.verdict, Verdict::Fail, "{line:?}");
            assert!(line.found.contains(&core.to_string()), "{line:?}");
            assert_eq!(pins(&[core], found, true).verdict, Verdict::Warn);
        }
        assert_eq!(pins(found, found, false).verdict, Verdict::Ok);
        // Nothing of it stuck to this thread.
        assert_eq!(pins(found, found, false).verdict, Verdict::Ok);
    }

    #[test]
    fn p09_one_core_or_none_fails_unless_the_user_said_so() {
        let (_dir, files) = tree(&[("sys/devices/system/cpu/online", "0-7\n")]);
        for found in [&[][..], &[3][..]] {
            assert_eq!(count(found, false, &files).verdict, Verdict::Fail);
            assert_eq!(count(found, true, &files).verdict, Verdict::Warn);
        }
        let line = count(&[2, 3], false, &files);
        assert_eq!(line.verdict, Verdict::Ok);
        assert!(line.found.contains("2 of 8 online: 2-3"), "{line:?}");
    }

    #[test]
    fn siblings_are_found_among_ours_and_beside_ours() {
        let of = |core| format!("sys/devices/system/cpu/cpu{core}/topology/thread_siblings_list");
        let (_dir, files) = tree(&[
            (&of(0), "0,4"),
            (&of(1), "1,5"),
            (&of(4), "0,4"),
            (&of(2), "2"),
            (&of(3), "3"),
        ]);
        let line = siblings(&[0, 4, 2], &files);
        assert!(
            line.found.contains("0 and 4 are one physical core"),
            "{line:?}"
        );
        let line = siblings(&[1, 2], &files);
        assert!(line.found.contains("5 share"), "{line:?}");
        assert_eq!(siblings(&[2, 3], &files).verdict, Verdict::Ok);
    }

    #[test]
    fn isolation_is_ok_only_when_it_covers_every_core_of_ours() {
        let (_dir, files) = tree(&[
            ("sys/devices/system/cpu/isolated", "2-3\n"),
            ("sys/devices/system/cpu/nohz_full", "2\n"),
        ]);
        assert_eq!(isolated(&[2, 3], &files).verdict, Verdict::Ok);
        assert_eq!(isolated(&[1, 2], &files).verdict, Verdict::Warn);
        assert_eq!(tickless(&[2], &files).verdict, Verdict::Ok);
        assert_eq!(tickless(&[2, 3], &files).verdict, Verdict::Warn);
        let (_dir, none) = tree(&[("sys/devices/system/cpu/isolated", "\n")]);
        assert_eq!(isolated(&[2], &none).verdict, Verdict::Warn);
    }

    #[test]
    fn governor_other_than_performance_is_named_by_core() {
        let of = |core| format!("sys/devices/system/cpu/cpu{core}/cpufreq/scaling_governor");
        let (_dir, files) = tree(&[(&of(0), "performance\n"), (&of(1), "powersave\n")]);
        assert_eq!(governor(&[0], &files).verdict, Verdict::Ok);
        let line = governor(&[0, 1], &files);
        assert_eq!(
            (line.verdict, line.found.contains("1=powersave")),
            (Verdict::Warn, true)
        );
        assert!(governor(&[7], &files).found.contains("virtual machine"));
    }
}
