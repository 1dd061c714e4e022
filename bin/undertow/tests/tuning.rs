//! `tuning/host.sh` on a copy of the kernel's files: it says, sets and sets back, and only that.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

const GOVERNOR: &str = "sys/devices/system/cpu/cpu3/cpufreq/scaling_governor";
const SWAPPINESS: &str = "proc/sys/vm/swappiness";
const IRQ: &str = "proc/irq/24/smp_affinity_list";

/// A host of four cores as a distribution leaves it.
fn host() -> TempDir {
    let dir = tempfile::tempdir().expect("a directory");
    for (path, text) in [
        ("sys/devices/system/cpu/online", "0-3\n"),
        (
            "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor",
            "powersave\n",
        ),
        (GOVERNOR, "powersave\n"),
        ("sys/kernel/mm/transparent_hugepage/enabled", "madvise\n"),
        ("sys/devices/virtual/workqueue/cpumask", "f\n"),
        ("proc/irq/default_smp_affinity", "f\n"),
        (IRQ, "0-3\n"),
        ("proc/sys/vm/stat_interval", "1\n"),
        (SWAPPINESS, "60\n"),
        ("proc/sys/vm/nr_hugepages", "0\n"),
        ("proc/cmdline", "quiet isolcpus=2-3\n"),
        ("proc/411/comm", "irqbalance\n"),
    ] {
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("made");
        fs::write(path, text).expect("written");
    }
    dir
}

/// Runs the script on the copy.
fn run(host: &TempDir, line: &str) -> (i32, String) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tuning/host.sh");
    let output = Command::new("bash")
        .arg(script)
        .args(line.split(' '))
        .arg("--root")
        .arg(host.path())
        .output()
        .expect("bash runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    (output.status.code().unwrap_or(-1), text)
}

fn value(host: &TempDir, path: &str) -> String {
    let text = fs::read_to_string(host.path().join(path)).expect("readable");
    text.trim().to_owned()
}

/// Every file of the copy with its text.
fn snapshot(host: &TempDir) -> BTreeMap<PathBuf, String> {
    let mut files = BTreeMap::new();
    let mut dirs = vec![host.path().to_owned()];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(dir).expect("readable") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                dirs.push(path);
            } else {
                let text = fs::read_to_string(&path).expect("readable");
                files.insert(path, text);
            }
        }
    }
    files
}

#[test]
fn check_says_what_differs_and_changes_nothing() {
    let host = host();
    let before = snapshot(&host);
    let (code, said) = run(&host, "check --cores 2-3");
    assert_eq!(code, 1, "{said}");
    for part in [
        &format!("differs {GOVERNOR} = powersave, better performance"),
        &format!("differs {IRQ} = 0-3, better 0,1"),
        "differs sys/devices/virtual/workqueue/cpumask = f, better 00000003",
        "ok      sys/kernel/mm/transparent_hugepage/enabled = madvise",
        "ok      boot: isolcpus is given",
        "add nohz_full=2-3",
        "irqbalance moves interrupts back",
    ] {
        assert!(said.contains(part), "{part} is missing: {said}");
    }
    assert_eq!(snapshot(&host), before);
}

#[test]
fn apply_then_revert_restores_every_byte() {
    let host = host();
    let before = snapshot(&host);
    let (code, said) = run(&host, "apply --cores 2-3 --huge-pages 64");
    assert_eq!(code, 0, "{said}");
    assert_eq!(value(&host, GOVERNOR), "performance");
    assert_eq!(value(&host, IRQ), "0,1");
    assert_eq!(value(&host, "proc/irq/default_smp_affinity"), "00000003");
    assert_eq!(value(&host, "proc/sys/vm/nr_hugepages"), "64");
    let (code, said) = run(&host, "check --cores 2-3 --huge-pages 64");
    assert_eq!(code, 0, "{said}");
    let (code, said) = run(&host, "revert");
    assert_eq!(code, 0, "{said}");
    assert_eq!(snapshot(&host), before);
}

#[test]
fn second_apply_keeps_the_first_record() {
    let host = host();
    let before = snapshot(&host);
    run(&host, "apply --cores 2-3");
    let (code, said) = run(&host, "apply --cores 1-3");
    assert_eq!(code, 0, "{said}");
    assert_eq!(value(&host, IRQ), "0");
    let (code, said) = run(&host, "revert");
    assert_eq!(code, 0, "{said}");
    assert_eq!(snapshot(&host), before);
}

#[test]
fn revert_leaves_what_somebody_else_changed() {
    let host = host();
    run(&host, "apply");
    fs::write(host.path().join(SWAPPINESS), "10\n").expect("written");
    let (code, said) = run(&host, "revert");
    assert_eq!(code, 0, "{said}");
    assert_eq!(value(&host, SWAPPINESS), "10");
    assert_eq!(value(&host, GOVERNOR), "powersave");
    assert!(
        said.contains(&format!("left    {SWAPPINESS} = 10")),
        "{said}"
    );
}

#[test]
fn revert_without_a_record_does_nothing() {
    let host = host();
    let before = snapshot(&host);
    let (code, said) = run(&host, "revert");
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("nothing to revert"), "{said}");
    assert_eq!(snapshot(&host), before);
}

#[test]
fn arguments_that_make_no_sense_are_refused() {
    let host = host();
    for (line, said_of) in [
        ("apply --cores two", "not 'two'"),
        ("apply --cores $(reboot)", "takes a list"),
        ("check --huge-pages -1", "takes a count"),
        ("check --nonsense 1", "unknown option"),
        ("mend", "host.sh check"),
    ] {
        let (code, said) = run(&host, line);
        assert_eq!(code, 2, "{line}: {said}");
        assert!(said.contains(said_of), "{line}: {said}");
    }
    let (code, said) = run(&host, "apply --cores 0-3");
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("leaves no core"), "{said}");
}
