//! Counts one piece of work: instructions under valgrind, allocations in this process.
//!
//! Instructions per message are the difference of two runs over the same file, of N and 2 N
//! messages, divided by N. Start-up, construction and reading the file are in both and cancel.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::baseline::Count;
use crate::work::{self, Planted, Work};

/// What `valgrind --version` says, or nothing when it is not installed.
#[must_use]
pub fn valgrind_version() -> Option<String> {
    let output = Command::new("valgrind").arg("--version").output().ok()?;
    let version = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| version.trim().to_owned())
}

/// Counts `work` with whatever is planted in it. `gate` is the program to run under valgrind.
///
/// # Errors
/// When the input cannot be written, or valgrind fails or says nothing that can be read.
pub fn count(gate: &Path, work: Work, planted: Planted) -> Result<Count> {
    let input = work.input();
    let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
    let file = folder.path().join(work.name());
    std::fs::write(&file, &input).context("cannot write the input to a temporary file")?;

    let messages = work.messages();
    let once = instructions(gate, work, &file, messages, planted)?;
    let twice = instructions(gate, work, &file, 2 * messages, planted)?;
    ensure!(twice > once, "{} does no work", work.name());

    let run = work::run(work, &input, 2 * messages, planted);
    ensure!(
        run.messages == 2 * messages,
        "the input of {} ends after {} of {} messages",
        work.name(),
        run.messages,
        2 * messages
    );
    Ok(Count {
        input: format!("{:016x}", fnv1a(&input)),
        instructions: (twice - once) as f64 / messages as f64,
        allocations: run.allocations,
    })
}

/// All instructions of one run of the gate's own `run` command.
fn instructions(
    gate: &Path,
    work: Work,
    file: &Path,
    messages: u64,
    planted: Planted,
) -> Result<u64> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(gate)
        .args(["run", work.name(), "--messages", &messages.to_string()])
        .args(["--extra-turns", &planted.turns.to_string()])
        .args(["--allocate-every", &planted.allocate_every.to_string()])
        .arg("--input")
        .arg(file)
        .output()
        .context("cannot start valgrind")?;
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        bail!("valgrind failed on {}:\n{said}", work.name());
    }
    collected(&said).with_context(|| format!("no count in what valgrind said:\n{said}"))
}

/// The figure in callgrind's line `==1== Collected : 438365400`.
fn collected(said: &str) -> Option<u64> {
    let line = said.lines().find(|line| line.contains("Collected :"))?;
    line.rsplit(':').next()?.trim().parse().ok()
}

fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xCBF2_9CE4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01B3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callgrind_s_count_is_read_from_its_last_lines() {
        let said = "==7== Events    : Ir\n==7== Collected : 438365400\n==7==\n";
        assert_eq!(collected(said), Some(438_365_400));
        assert_eq!(collected("==7== Process terminating"), None);
    }
}
