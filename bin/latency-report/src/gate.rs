//! Limits that a run must keep, from a TOML file: some on the run as a whole, some on a stage
//! under `[stages.NAME]`. `latency-report gate --help` shows one. Times are ns.
//!
//! Invariants: an unknown key is refused; a limit on what the run does not have, did not measure
//! or has too few samples for is broken, never passed; a file without limits is refused.

use std::fmt;
use std::path::Path;

use serde::Serialize;
use toml::de::{DeTable, DeValue};

use crate::failure::{Failure, Kind};
use crate::percentile::{Bins, LADDER, Percentile, Reading};
use crate::recorder::Row;
use crate::run::{Run, nearest};
use crate::text;

/// The table of limits by stage.
const STAGES: &str = "stages";

/// Limits, as a file gave them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    run: Vec<(RunLimit, u64)>,
    stages: Vec<StageLimits>,
}

/// A stage's name or key, and its limits.
type StageLimits = (String, Vec<(StageLimit, u64)>);

/// Limits on the run as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RunLimit {
    Allocations,
    PageFaults,
    InvoluntarySwitches,
    RingFull,
    DutyCycleLongest,
    DutyCycleOver,
}

impl RunLimit {
    const ALL: [(&'static str, Self); 6] = [
        ("allocations_max", Self::Allocations),
        ("page_faults_max", Self::PageFaults),
        ("involuntary_switches_max", Self::InvoluntarySwitches),
        ("ring_full_max", Self::RingFull),
        ("duty_cycle_ns_max", Self::DutyCycleLongest),
        ("duty_cycle_over_max", Self::DutyCycleOver),
    ];

    fn found(self, run: &Run) -> Found {
        let count = |figure: Option<u64>| figure.map_or(Found::NotMeasured, Found::Count);
        let cycles = run.duty_cycles.iter();
        match self {
            Self::Allocations => count(run.allocations),
            Self::PageFaults => count(run.page_faults),
            Self::InvoluntarySwitches => count(run.involuntary_switches),
            Self::RingFull => count(sum(run.rings.iter().map(|ring| ring.full))),
            Self::DutyCycleLongest => cycles
                .map(|cycle| cycle.longest_ns)
                .max()
                .map_or(Found::NotMeasured, Found::Ns),
            Self::DutyCycleOver => count(sum(cycles.map(|cycle| cycle.over))),
        }
    }
}

/// Limits on one stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum StageLimit {
    Percentile(Percentile),
    Longest,
    CountMin,
    Saturated,
    Negative,
}

impl StageLimit {
    fn all() -> Vec<(String, Self)> {
        let percentiles = LADDER.map(|it| (format!("{}_ns_max", it.key), Self::Percentile(it)));
        let others = [
            ("longest_ns_max", Self::Longest),
            ("count_min", Self::CountMin),
            ("saturated_max", Self::Saturated),
            ("negative_max", Self::Negative),
        ];
        let others = others.map(|(name, limit)| (name.to_owned(), limit));
        percentiles.into_iter().chain(others).collect()
    }

    fn found(self, row: &Row) -> Found {
        match self {
            Self::Percentile(percentile) => match Bins::of(row).percentile(percentile) {
                Reading::Ns(ns) => Found::Ns(ns),
                Reading::OverRange => Found::OverRange,
                Reading::TooFew => Found::TooFew,
            },
            Self::Longest if row.histogram.is_empty() => Found::TooFew,
            Self::Longest => Found::Ns(row.max_ns),
            Self::CountMin => Found::Count(row.histogram.len()),
            Self::Saturated => Found::Count(row.saturated),
            Self::Negative => Found::Count(row.negative),
        }
    }
}

/// What the run has where a limit looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    Ns(u64),
    Count(u64),
    OverRange,
    TooFew,
    NotMeasured,
    NoSuchStage,
}

/// How a run did against limits.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    /// What ran.
    pub run: String,
    /// Whether every limit was kept.
    pub ok: bool,
    /// Every limit, in the file's order of stages.
    pub checks: Vec<Check>,
}

/// One limit against the run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// The row's key, or `run` for the run as a whole.
    pub stage: String,
    /// The limit's key.
    pub limit: String,
    /// What is allowed.
    pub allowed: u64,
    /// What was found; absent where there is nothing to find.
    pub found: Option<u64>,
    /// The same for people, or why there is nothing.
    pub words: String,
    /// Whether the limit was kept.
    pub ok: bool,
}

impl Limits {
    /// Reads limits; `place` is for messages.
    ///
    /// # Errors
    ///
    /// What is not TOML, an unknown key, a value that is not a whole number, or no limit at all.
    pub fn parse(file: &str, place: &Path) -> Result<Self, Failure> {
        let reader = Reader { file, place };
        let table = DeTable::parse(file).map_err(|error| {
            let start = error.span().map_or(0, |span| span.start);
            reader.refuse(start, error.message(), "write it as TOML")
        })?;
        let table = table.into_inner();
        let mut limits = Self {
            run: Vec::new(),
            stages: Vec::new(),
        };
        for (key, value) in reader.in_order(&table) {
            let start = value.0;
            if key == STAGES {
                limits.stages = reader.stages(start, value.1)?;
            } else {
                let names = RunLimit::ALL.map(|(name, _)| name);
                let known = names.into_iter().chain([STAGES]);
                let limit = RunLimit::ALL.iter().find(|(name, _)| *name == key);
                let (_, limit) = limit.ok_or_else(|| reader.unknown(start, key, known))?;
                limits
                    .run
                    .push((*limit, reader.number(start, key, value.1)?));
            }
        }
        let empty = limits.stages.iter().all(|(_, limits)| limits.is_empty());
        if limits.run.is_empty() && empty {
            let next = "write at least one; `latency-report gate --help` shows how";
            return Err(Kind::Limits.at(place.display(), "sets no limit", next));
        }
        Ok(limits)
    }

    /// Holds the run against the limits.
    #[must_use]
    pub fn check(&self, run: &Run) -> Outcome {
        let mut checks = Vec::new();
        for (limit, allowed) in &self.run {
            let named = RunLimit::ALL.iter().find(|(_, other)| other == limit);
            let name = named.map_or("", |(name, _)| name);
            checks.push(check("run", name, *allowed, limit.found(run)));
        }
        for (stage, limits) in &self.stages {
            let rows = run.rows_named(stage);
            for (limit, allowed) in limits {
                let all = StageLimit::all();
                let named = all.iter().find(|(_, other)| other == limit);
                let name = named.map_or("", |(name, _)| name.as_str());
                if rows.is_empty() {
                    checks.push(check(stage, name, *allowed, Found::NoSuchStage));
                }
                for row in &rows {
                    checks.push(check(&row.key(), name, *allowed, limit.found(row)));
                }
            }
        }
        Outcome {
            run: run.what.clone(),
            ok: checks.iter().all(|check| check.ok),
            checks,
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = ["stage", "limit", "allowed", "found", "result"];
        let mut rows = vec![head.map(str::to_owned).to_vec()];
        for check in &self.checks {
            let allowed = match check.limit.contains("_ns_") {
                true => text::latency(check.allowed),
                false => text::thousands(check.allowed),
            };
            let result = if check.ok { "ok" } else { "BROKEN" };
            let (stage, limit) = (check.stage.clone(), check.limit.clone());
            let found = check.words.clone();
            rows.push(vec![stage, limit, allowed, found, result.to_owned()]);
        }
        let broken = self.checks.iter().filter(|check| !check.ok).count();
        let all = self.checks.len();
        write!(f, "{}", text::columns(&rows))?;
        match broken {
            0 => writeln!(
                f,
                "\ngate: ok, all of {} kept by {}",
                text::counted(all, "limit"),
                self.run
            ),
            _ => writeln!(
                f,
                "\ngate: BROKEN, {broken} of {} by {}",
                text::counted(all, "limit"),
                self.run
            ),
        }
    }
}

fn check(stage: &str, limit: &str, allowed: u64, found: Found) -> Check {
    let value = match found {
        Found::Ns(value) | Found::Count(value) => Some(value),
        _ => None,
    };
    let within = |value: u64| match limit.ends_with("_min") {
        true => allowed <= value,
        false => value <= allowed,
    };
    Check {
        stage: stage.to_owned(),
        limit: limit.to_owned(),
        allowed,
        found: value,
        words: match found {
            Found::Ns(ns) => text::latency(ns),
            Found::Count(count) => text::thousands(count),
            Found::OverRange => "> 10 s".to_owned(),
            Found::TooFew => "too few samples".to_owned(),
            Found::NotMeasured => "not measured".to_owned(),
            Found::NoSuchStage => "no such stage in the run".to_owned(),
        },
        ok: value.is_some_and(within),
    }
}

/// The sum, absent if there is nothing to sum.
fn sum(figures: impl Iterator<Item = u64>) -> Option<u64> {
    figures.reduce(u64::saturating_add)
}

/// Takes a limits file apart and names the line of what is wrong.
struct Reader<'a> {
    file: &'a str,
    place: &'a Path,
}

impl Reader<'_> {
    /// A table's entries in the order of the file, each with its key's place.
    fn in_order<'t, 'i>(&self, table: &'t DeTable<'i>) -> Vec<(&'t str, (usize, &'t DeValue<'i>))> {
        let mut entries: Vec<_> = table
            .iter()
            .map(|(key, value)| (key.get_ref().as_ref(), (key.span().start, value.get_ref())))
            .collect();
        entries.sort_by_key(|(_, (start, _))| *start);
        entries
    }

    fn stages(&self, start: usize, value: &DeValue<'_>) -> Result<Vec<StageLimits>, Failure> {
        let table = self.table(start, STAGES, value)?;
        let all = StageLimit::all();
        let mut stages = Vec::new();
        for (stage, (start, value)) in self.in_order(table) {
            let mut limits = Vec::new();
            for (key, (start, value)) in self.in_order(self.table(start, stage, value)?) {
                let known = all.iter().map(|(name, _)| name.as_str());
                let limit = all.iter().find(|(name, _)| name == key);
                let (_, limit) = limit.ok_or_else(|| self.unknown(start, key, known))?;
                limits.push((*limit, self.number(start, key, value)?));
            }
            stages.push((stage.to_owned(), limits));
        }
        Ok(stages)
    }

    fn table<'t, 'i>(
        &self,
        start: usize,
        key: &str,
        value: &'t DeValue<'i>,
    ) -> Result<&'t DeTable<'i>, Failure> {
        value.as_table().ok_or_else(|| {
            let next = "write [stages.\"NAME\"] and the stage's limits below it";
            self.refuse(start, &format!("'{key}' is not a table"), next)
        })
    }

    fn number(&self, start: usize, key: &str, value: &DeValue<'_>) -> Result<u64, Failure> {
        value
            .as_integer()
            .and_then(|number| u64::from_str_radix(number.as_str(), number.radix()).ok())
            .ok_or_else(|| {
                let next = "write it as a plain integer, times in ns: 2_000";
                self.refuse(
                    start,
                    &format!("'{key}' is not a whole number from 0 up"),
                    next,
                )
            })
    }

    fn unknown<'k>(
        &self,
        start: usize,
        key: &str,
        known: impl Iterator<Item = &'k str> + Clone,
    ) -> Failure {
        let near = nearest(key, known.clone())
            .map_or_else(String::new, |near| format!("did you mean '{near}'? "));
        let known: Vec<&str> = known.collect();
        let next = format!("{near}known here: {}", known.join(", "));
        self.refuse(start, &format!("unknown key '{key}'"), &next)
    }

    fn refuse(&self, start: usize, cause: &str, next: &str) -> Failure {
        let before = self.file.get(..start).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        Kind::Limits.at(format!("{} line {line}", self.place.display()), cause, next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::tests::sample_run;

    fn parse(file: &str) -> Result<Limits, Failure> {
        Limits::parse(file, Path::new("gate.toml"))
    }

    fn check_all(file: &str, run: &Run) -> Outcome {
        parse(file).unwrap().check(run)
    }

    const KEPT: &str = r#"
        allocations_max = 0
        page_faults_max = 0
        involuntary_switches_max = 3
        ring_full_max = 0
        duty_cycle_ns_max = 18_400
        duty_cycle_over_max = 0
        [stages.book]
        count_min = 120_000
        p50_ns_max = 250
        p99_ns_max = 600
        p99_99_ns_max = 0x10_0000
        longest_ns_max = 100_000
        saturated_max = 0
        negative_max = 0
        [stages."tick-to-output@actual"]
        p90_ns_max = 5_000
    "#;

    #[test]
    fn a_run_within_every_limit_passes() {
        let outcome = check_all(KEPT, &sample_run(1, 100));
        assert!(outcome.ok, "{outcome}");
        assert_eq!(outcome.checks.len(), 14);
        assert!(
            outcome
                .to_string()
                .contains("gate: ok, all of 14 limits kept")
        );
    }

    #[test]
    fn a_slower_run_turns_the_gate_red_and_says_where() {
        let outcome = check_all(KEPT, &sample_run(1, 200));
        let broken: Vec<String> = outcome
            .checks
            .iter()
            .filter(|check| !check.ok)
            .map(|check| format!("{} {}", check.stage, check.limit))
            .collect();
        assert!(!outcome.ok);
        assert_eq!(broken, ["book p50_ns_max", "book p99_ns_max"]);
        assert!(outcome.to_string().contains("gate: BROKEN, 2 of 14"));
    }

    #[test]
    fn one_allocation_turns_the_gate_red() {
        let mut run = sample_run(1, 100);
        run.allocations = Some(1);
        let outcome = check_all("allocations_max = 0", &run);
        assert!(!outcome.ok);
        assert_eq!(outcome.checks[0].found, Some(1));
    }

    #[test]
    fn each_limit_turns_red_just_beyond_what_was_found() {
        let run = sample_run(1, 100);
        for check in check_all(KEPT, &run).checks {
            let found = check.found.unwrap();
            let beyond = match check.limit.as_str() {
                "count_min" => found + 1,
                _ if found == 0 => continue,
                _ => found - 1,
            };
            let table = match check.stage.as_str() {
                "run" => String::new(),
                stage => format!("[stages.\"{stage}\"]\n"),
            };
            let file = |limit| format!("{table}{} = {limit}", check.limit);
            assert!(check_all(&file(found), &run).ok, "{check:?}");
            assert!(!check_all(&file(beyond), &run).ok, "{check:?}");
        }
    }

    #[test]
    fn a_stage_that_is_not_in_the_run_breaks_the_gate() {
        let outcome = check_all("[stages.books]\np50_ns_max = 1", &sample_run(1, 100));
        assert!(!outcome.ok);
        assert_eq!(outcome.checks[0].words, "no such stage in the run");
    }

    #[test]
    fn what_was_not_measured_breaks_the_gate() {
        let outcome = check_all("allocations_max = 9\nring_full_max = 9", &Run::default());
        let words: Vec<&str> = outcome.checks.iter().map(|it| it.words.as_str()).collect();
        assert!(!outcome.ok);
        assert_eq!(words, ["not measured", "not measured"]);
    }

    #[test]
    fn too_few_samples_break_the_gate() {
        let file = "[stages.\"wire@other-clock\"]\np99_ns_max = 1_000_000_000";
        let outcome = check_all(file, &sample_run(1, 100));
        assert!(!outcome.ok);
        assert_eq!(outcome.checks[0].words, "too few samples");
    }

    #[test]
    fn a_bare_stage_is_held_against_every_basis_it_has() {
        let outcome = check_all(
            "[stages.tick-to-output]\np50_ns_max = 5_000",
            &sample_run(1, 100),
        );
        assert_eq!(outcome.checks.len(), 2);
    }

    #[test]
    fn unknown_keys_are_refused_with_line_and_nearest_name() {
        let cases = [
            ("allocation_max = 0", "line 1", "'allocations_max'"),
            ("\n[stages.book]\np99ns_max = 1", "line 3", "'p99_ns_max'"),
            ("[stage.book]\np99_ns_max = 1", "line 1", "'stages'"),
        ];
        for (file, line, near) in cases {
            let failure = parse(file).unwrap_err();
            assert_eq!(failure.kind, Kind::Limits);
            assert!(failure.place.ends_with(line), "{failure}");
            assert!(failure.next.contains(near), "{failure}");
        }
    }

    #[test]
    fn what_is_no_limit_is_refused_with_its_line() {
        let cases = [
            "\nallocations_max = -1",
            "\nallocations_max = 1.5",
            "\nallocations_max = \"0\"",
            "\nstages = 3",
            "\nallocations_max 0",
            "a = 1\na = 2",
        ];
        for file in cases {
            let failure = parse(file).unwrap_err();
            assert_eq!(failure.kind, Kind::Limits, "{file}");
            assert!(failure.place.ends_with("line 2"), "{file}: {failure}");
        }
    }

    #[test]
    fn a_file_without_limits_is_refused() {
        for file in ["", "# nothing", "[stages.book]"] {
            assert_eq!(parse(file).unwrap_err().cause, "sets no limit");
        }
    }
}
