//! The table for people. Plain text, the same in a terminal and in a pipe.

use super::measured;
use crate::percentile::{BEYOND_MIN, Bins, LADDER};
use crate::recorder::{Basis, Row};
use crate::run::{Core, Floor, Pinning, Run};
use crate::text;

pub(super) fn render(run: &Run) -> String {
    let mut text = head(run).join("\n");
    text.push_str("\n\n");
    let (foreign, own): (Vec<&Row>, Vec<&Row>) = run
        .rows
        .iter()
        .partition(|row| row.basis == Basis::OtherClock);
    text.push_str(&text::columns(&grid(&own)));
    if !foreign.is_empty() {
        text.push_str(
            "\nnot one clock (two hosts: these tell of the clocks as much as of the way)\n",
        );
        text.push_str(&text::columns(&grid(&foreign)));
    }
    text.push('\n');
    for line in foot(run) {
        text.push_str(&line);
        text.push('\n');
    }
    text
}

/// The lines above the table: what ran, and where.
pub(super) fn head(run: &Run) -> Vec<String> {
    let told =
        |name: &str, value: &Option<String>| value.as_ref().map(|value| format!("{name} {value}"));
    let environment = &run.environment;
    let length = (run.length_ns != 0).then(|| format!("took {}", text::latency(run.length_ns)));
    let what = [
        Some(format!("latency-report  {}", run.what)),
        told("pace", &run.pace),
        told("layout", &run.layout),
        length,
    ];
    let place = [
        cores(&environment.cores),
        told("governor", &environment.governor),
        told("machine", &environment.machine),
        told("load", &environment.load),
    ];
    let build = [
        told("build", &environment.build),
        told("config", &environment.config),
        told("clock", &environment.clock),
    ];
    let line = |parts: &[Option<String>]| {
        let parts: Vec<&str> = parts.iter().flatten().map(String::as_str).collect();
        parts.join("  ")
    };
    let lines = [line(&what), line(&place), line(&build)];
    let mut lines: Vec<String> = lines.into_iter().filter(|it| !it.is_empty()).collect();
    if *environment == crate::run::Environment::default() {
        lines.push("environment not recorded".to_owned());
    }
    lines
}

fn cores(cores: &[Core]) -> Option<String> {
    let first = cores.first()?;
    let words = |pinning| match pinning {
        Pinning::Verified => "pinned, verified",
        Pinning::Asked => "pinned, not verified",
        Pinning::None => "not pinned",
    };
    let ids: Vec<String> = cores.iter().map(|core| core.id.to_string()).collect();
    if cores.iter().all(|core| core.pinning == first.pinning) {
        return Some(format!(
            "cores {} ({})",
            ids.join(","),
            words(first.pinning)
        ));
    }
    let each: Vec<String> = cores
        .iter()
        .map(|core| format!("{} on {} ({})", core.tile, core.id, words(core.pinning)))
        .collect();
    Some(format!("cores {}", each.join(", ")))
}

/// The cells of the table, its head first. A note may follow a row's last column.
pub(super) fn grid(rows: &[&Row]) -> Vec<Vec<String>> {
    let mut head = vec!["stage".to_owned(), "count".to_owned()];
    head.extend(LADDER.map(|percentile| percentile.name.to_owned()));
    head.extend(["max", "saturated", "neg"].map(str::to_owned));
    let cells = |row: &&Row| {
        let bins = Bins::of(row);
        let mut cells = vec![row.name.clone(), text::thousands(row.histogram.len())];
        cells.extend(LADDER.map(|percentile| text::reading(bins.percentile(percentile))));
        cells.push(match row.histogram.is_empty() {
            true => "n/a".to_owned(),
            false => text::latency(row.max_ns),
        });
        cells.extend([row.saturated, row.negative].map(text::thousands));
        cells.extend(note(row));
        cells
    };
    [head].into_iter().chain(rows.iter().map(cells)).collect()
}

fn note(row: &Row) -> Option<String> {
    let sampled = (row.one_in != 1).then(|| format!("1 in {} measured", row.one_in));
    let basis = Some(row.basis.words().to_owned()).filter(|words| !words.is_empty());
    let parts: Vec<String> = basis.into_iter().chain(sampled).collect();
    (!parts.is_empty()).then(|| format!("({})", parts.join("; ")))
}

/// The lines below the table.
pub(super) fn foot(run: &Run) -> Vec<String> {
    let mut lines = Vec::new();
    for ring in &run.rings {
        lines.push(format!(
            "ring {}: high-water {}/{}, full {}",
            ring.name,
            ring.high_water,
            ring.capacity,
            text::counted(ring.full, "time")
        ));
    }
    for cycle in &run.duty_cycles {
        lines.push(format!(
            "duty cycle {}: longest {}, over {}: {}",
            cycle.tile,
            text::latency(cycle.longest_ns),
            text::latency(cycle.threshold_ns),
            text::thousands(cycle.over)
        ));
    }
    lines.push(format!(
        "allocations on hot threads: {}   page faults: {}   involuntary switches: {}",
        measured(run.allocations.map(text::thousands)),
        measured(run.page_faults.map(text::thousands)),
        measured(run.involuntary_switches.map(text::thousands))
    ));
    let off = run.off_processor.map(|share| {
        format!(
            "{} of {}",
            text::thousands(share.part),
            text::thousands(share.whole)
        )
    });
    lines.push(format!(
        "samples taken while off the processor: {}",
        measured(off)
    ));
    lines.push(format!(
        "measurement floor: {}",
        measured(run.floor.map(floor))
    ));
    let digits = run.rows.iter().map(|row| row.histogram.sigfig()).min();
    lines.extend(digits.map(|digits| {
        format!(
            "n/a: fewer than {BEYOND_MIN} samples lie beyond that percentile. \
             Values carry {digits} digits; max is exact unless the rows came from a bare log."
        )
    }));
    lines
}

fn floor(floor: Floor) -> String {
    let tenths = |tenth_ns: u64| format!("{}.{} ns", tenth_ns / 10, tenth_ns % 10);
    format!(
        "clock read {}, recording a sample {} (not subtracted)",
        tenths(floor.clock_read_tenth_ns),
        tenths(floor.record_tenth_ns)
    )
}

#[cfg(test)]
mod tests {
    use crate::render::{Format, render};
    use crate::run::Run;
    use crate::run::tests::sample_run;

    #[test]
    fn the_table_tells_everything_that_the_run_holds() {
        let table = render(&sample_run(1, 100), Format::Table, None).unwrap();
        for part in [
            "replay esh4  pace 8x  layout split  took 12.5 s",
            "cores 2,3 (pinned, verified)  governor performance  machine 8 cores",
            "build 1a2b3c4  config 9f8e  clock tsc (invariant)",
            "(from intended arrival)",
            "(from actual arrival)",
            "not one clock",
            "(clocks of two hosts; 1 in 16 measured)",
            "ring feed_book: high-water 412/4096, full 0 times",
            "duty cycle book: longest 18.4 µs, over 50.0 µs: 0",
            "allocations on hot threads: 0   page faults: 0   involuntary switches: 3",
            "off the processor: 3 of 120,000",
            "clock read 18.2 ns, recording a sample 7.3 ns",
        ] {
            assert!(table.contains(part), "no '{part}' in\n{table}");
        }
    }

    #[test]
    fn columns_stand_under_their_heads() {
        let table = render(&sample_run(1, 100), Format::Table, Some("book")).unwrap();
        let ends: Vec<usize> = table
            .lines()
            .filter(|line| line.starts_with("stage") || line.starts_with("book"))
            .map(|line| line.chars().count())
            .collect();
        assert_eq!(ends.len(), 2);
        assert_eq!(ends[0], ends[1]);
    }

    #[test]
    fn what_was_not_measured_is_never_a_zero() {
        let table = render(&Run::default(), Format::Table, None).unwrap();
        assert!(table.contains("environment not recorded"));
        assert!(table.contains("allocations on hot threads: not measured"));
        assert!(table.contains("measurement floor: not measured"));
    }

    #[test]
    fn a_percentile_with_too_few_samples_is_not_told() {
        let table = render(&sample_run(1, 100), Format::Table, Some("wire")).unwrap();
        let line = table.lines().find(|line| line.starts_with("wire")).unwrap();
        assert_eq!(line.matches("n/a").count(), 5);
        assert!(line.contains("110 µs"));
    }

    #[test]
    fn a_stage_that_is_not_there_names_the_nearest() {
        let failure = render(&sample_run(1, 100), Format::Table, Some("bok")).unwrap_err();
        assert!(failure.next.contains("did you mean 'book'?"));
    }
}
