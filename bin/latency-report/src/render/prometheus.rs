//! Prometheus text exposition 0.0.4. Times are seconds, as its conventions ask; they are printed
//! from whole nanoseconds, so nothing is rounded.

use std::fmt::Write;

use crate::percentile::{Bins, LADDER, Reading};
use crate::recorder::Row;
use crate::run::{DutyCycle, Ring, Run};

pub(super) fn render(run: &Run) -> String {
    let mut text = String::new();
    summary(&mut text, &run.rows);
    rows(&mut text, &run.rows);
    rings(&mut text, &run.rings);
    let longest = |it: &DutyCycle| (label("tile", &it.tile), seconds(it.longest_ns));
    let longest = run.duty_cycles.iter().map(longest).collect();
    let name = "duty_cycle_longest_seconds";
    family(&mut text, name, "Longest duty cycle.", longest);
    for (name, help, figure) in [
        ("allocations", "On hot threads.", run.allocations),
        ("page_faults", "On hot threads.", run.page_faults),
        (
            "involuntary_switches",
            "Times a hot thread lost its core.",
            run.involuntary_switches,
        ),
    ] {
        let sample = figure.map(|it| (String::new(), it.to_string()));
        family(&mut text, name, help, sample.into_iter().collect());
    }
    text
}

/// A family's name, its help, and how to tell one sample of it.
type Figure<T> = (&'static str, &'static str, fn(&T) -> String);

fn rows(text: &mut String, rows: &[Row]) {
    let figures: [Figure<Row>; 3] = [
        ("latency_max_seconds", "Longest latency.", |it| {
            seconds(it.max_ns)
        }),
        ("latency_saturated", "Samples beyond 10 s.", |it| {
            it.saturated.to_string()
        }),
        ("latency_negative", "Samples below zero.", |it| {
            it.negative.to_string()
        }),
    ];
    for (name, help, figure) in figures {
        let samples = rows.iter().map(|row| (labels(row), figure(row)));
        family(text, name, help, samples.collect());
    }
}

fn rings(text: &mut String, rings: &[Ring]) {
    let figures: [Figure<Ring>; 3] = [
        ("ring_high_water", "Most messages that waited.", |it| {
            it.high_water.to_string()
        }),
        ("ring_capacity", "Messages that fit.", |it| {
            it.capacity.to_string()
        }),
        ("ring_full", "Times found full.", |it| it.full.to_string()),
    ];
    for (name, help, figure) in figures {
        let sample = |it: &Ring| (label("ring", &it.name), figure(it));
        family(text, name, help, rings.iter().map(sample).collect());
    }
}

/// The percentiles. One that may not be told is left out, as Prometheus expects.
fn summary(text: &mut String, rows: &[Row]) {
    if rows.is_empty() {
        return;
    }
    text.push_str("# HELP undertow_latency_seconds Latency by stage.\n");
    text.push_str("# TYPE undertow_latency_seconds summary\n");
    for row in rows {
        let bins = Bins::of(row);
        let labels = labels(row);
        for percentile in LADDER {
            if let Reading::Ns(ns) = bins.percentile(percentile) {
                let quantile = label("quantile", &percentile.quantile().to_string());
                push(
                    text,
                    "latency_seconds",
                    &format!("{labels},{quantile}"),
                    &seconds(ns),
                );
            }
        }
        let sum_ns = row.histogram.mean() * row.histogram.len() as f64;
        push(
            text,
            "latency_seconds_sum",
            &labels,
            &seconds(sum_ns as u64),
        );
        push(
            text,
            "latency_seconds_count",
            &labels,
            &row.histogram.len().to_string(),
        );
    }
}

fn family(text: &mut String, name: &str, help: &str, samples: Vec<(String, String)>) {
    if samples.is_empty() {
        return;
    }
    text.push_str(&format!(
        "# HELP undertow_{name} {help}\n# TYPE undertow_{name} gauge\n"
    ));
    for (labels, value) in samples {
        push(text, name, &labels, &value);
    }
}

fn push(text: &mut String, name: &str, labels: &str, value: &str) {
    let labels = match labels.is_empty() {
        true => String::new(),
        false => format!("{{{labels}}}"),
    };
    text.push_str(&format!("undertow_{name}{labels} {value}\n"));
}

fn labels(row: &Row) -> String {
    let basis = match row.basis.suffix() {
        "" => "work",
        suffix => &suffix[1..],
    };
    format!("{},{}", label("stage", &row.name), label("basis", basis))
}

fn label(name: &str, value: &str) -> String {
    let mut text = format!("{name}=\"");
    for c in value.chars() {
        match c {
            '\\' => text.push_str("\\\\"),
            '"' => text.push_str("\\\""),
            '\n' => text.push_str("\\n"),
            c => text.push(c),
        }
    }
    text.push('"');
    text
}

fn seconds(ns: u64) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write!(text, "{}.{:09}", ns / 1_000_000_000, ns % 1_000_000_000);
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::{Format, render as render_as};
    use crate::run::tests::sample_run;

    #[test]
    fn prometheus_tells_seconds_and_leaves_out_what_is_not_known() {
        let mut run = sample_run(1, 100);
        run.page_faults = None;
        let text = render_as(&run, Format::Prometheus, None).unwrap();
        assert!(text.contains(
            "undertow_latency_seconds{stage=\"book\",basis=\"work\",quantile=\"0.999\"} 0.0000"
        ));
        assert!(
            text.contains("undertow_latency_seconds_count{stage=\"book\",basis=\"work\"} 120000\n")
        );
        assert!(text.contains("undertow_ring_high_water{ring=\"feed_book\"} 412\n"));
        assert!(text.contains("undertow_allocations 0\n"));
        assert!(!text.contains("page_faults"));
        assert!(!text.contains("stage=\"wire\",basis=\"other-clock\",quantile"));
    }

    #[test]
    fn every_line_is_a_comment_or_a_sample_with_a_number() {
        let text = render_as(&sample_run(1, 100), Format::Prometheus, None).unwrap();
        for line in text.lines().filter(|line| !line.starts_with("# ")) {
            let (name, value) = line.rsplit_once(' ').unwrap();
            assert!(name.starts_with("undertow_"));
            assert!(value.parse::<f64>().unwrap() >= 0.0);
        }
    }

    #[test]
    fn labels_are_escaped_and_seconds_are_exact() {
        assert_eq!(label("stage", "a\"b\\c\nd"), "stage=\"a\\\"b\\\\c\\nd\"");
        assert_eq!(seconds(12_345_678_901), "12.345678901");
    }
}
