//! Whether this machine can do the job: cores, clock, memory, limits, disk, load.
//!
//! Each check is one [`Line`]: ok, warn (it runs, figures suffer) or fail (it does not run as
//! configured), what was found, and the next step. Nothing stays changed: pins happen on threads
//! that end, the page is unlocked, the file is removed. Services (stores, brokers, feeds) are
//! deliberately absent until the program talks to them.

mod clock;
mod cores;
mod files;
mod limits;
mod memory;

use std::fmt::Write as _;
use std::io::IsTerminal;

use serde::Serialize;
use serde_json::json;

use crate::cli::Global;
use crate::commands::{effective, print, print_json};
use crate::config::Config;
use crate::exit::Exit;
use files::Files;

/// How a check went, worst last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// As it should be.
    Ok,
    /// The program runs, but its figures suffer.
    Warn,
    /// The program does not run as configured.
    Fail,
}

/// One check and how it went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    /// What was checked: `topic.check`.
    pub check: &'static str,
    /// How it went.
    pub verdict: Verdict,
    /// What was found.
    pub found: String,
    /// What to do about it; empty if nothing.
    pub next: String,
}

impl Line {
    fn ok(check: &'static str, found: impl Into<String>) -> Self {
        Self::new(check, Verdict::Ok, found, "")
    }

    fn warn(check: &'static str, found: impl Into<String>, next: impl Into<String>) -> Self {
        Self::new(check, Verdict::Warn, found, next)
    }

    fn new(
        check: &'static str,
        verdict: Verdict,
        found: impl Into<String>,
        next: impl Into<String>,
    ) -> Self {
        Self {
            check,
            verdict,
            found: found.into(),
            next: next.into(),
        }
    }
}

/// Runs every check and prints what it found; [`Exit::Dependency`] if any failed.
///
/// # Errors
/// An invalid configuration, or a stdout that cannot be written.
pub fn run(global: &Global) -> anyhow::Result<Exit> {
    let effective = effective(global, Vec::new())?;
    let lines = examine(&effective.config);
    if global.json {
        print_json(&json!({ "verdict": worst(&lines), "checks": lines }))?;
    } else {
        let colour = std::io::stdout().is_terminal()
            && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        print(&text(&lines, colour))?;
    }
    Ok(match worst(&lines) {
        Verdict::Fail => Exit::Dependency,
        Verdict::Ok | Verdict::Warn => Exit::Ok,
    })
}

/// Every check of this machine against `config`.
#[must_use]
pub fn examine(config: &Config) -> Vec<Line> {
    let files = Files::of_host();
    let mut lines = cores::examine(config, &files);
    lines.extend(clock::examine(&files));
    lines.extend(memory::examine(config, &files));
    lines.extend(limits::examine(config, &files));
    lines
}

fn worst(lines: &[Line]) -> Verdict {
    lines
        .iter()
        .map(|line| line.verdict)
        .max()
        .unwrap_or(Verdict::Ok)
}

/// The lines as a person reads them.
fn text(lines: &[Line], colour: bool) -> String {
    let mut out = String::new();
    let width = lines.iter().map(|line| line.check.len()).max().unwrap_or(0);
    for line in lines {
        let (word, paint) = match line.verdict {
            Verdict::Ok => ("ok  ", "\x1b[32m"),
            Verdict::Warn => ("warn", "\x1b[33m"),
            Verdict::Fail => ("fail", "\x1b[31m"),
        };
        let (paint, plain) = if colour { (paint, "\x1b[0m") } else { ("", "") };
        let _ = writeln!(
            out,
            "{paint}{word}{plain}  {:width$}  {}",
            line.check, line.found
        );
        if !line.next.is_empty() {
            let _ = writeln!(out, "      {:width$}  next: {}", "", line.next);
        }
    }
    let count = |verdict| lines.iter().filter(|line| line.verdict == verdict).count();
    let (ok, warn, fail) = (
        count(Verdict::Ok),
        count(Verdict::Warn),
        count(Verdict::Fail),
    );
    let _ = writeln!(out, "\n{ok} ok, {warn} warn, {fail} fail");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_failure_fails_the_whole_and_is_counted() {
        let lines = [
            Line::ok("a.one", "fine"),
            Line::warn("a.two", "slow", "hurry"),
            Line::new("a.three", Verdict::Fail, "gone", "bring it back"),
        ];
        assert_eq!(worst(&lines), Verdict::Fail);
        assert_eq!(worst(&lines[..2]), Verdict::Warn);
        let text = text(&lines, false);
        assert!(text.ends_with("1 ok, 1 warn, 1 fail\n"), "{text}");
        assert!(text.contains("next: bring it back"), "{text}");
        assert!(!text.contains('\x1b'), "{text}");
    }

    #[test]
    fn every_line_that_is_not_ok_has_a_next_step() {
        for line in examine(&Config::default()) {
            assert!(!line.found.is_empty(), "{line:?}");
            assert_eq!(
                line.next.is_empty(),
                line.verdict == Verdict::Ok,
                "{line:?}"
            );
        }
    }
}
