//! The run for programs. Absent figures are `null`; a row says why in `absent`.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::percentile::{Bins, LADDER, Reading};
use crate::recorder::{Basis, Row};
use crate::run::Run;

#[derive(Serialize)]
struct Document<'a> {
    #[serde(flatten)]
    run: &'a Run,
    rows: Vec<RowFigures<'a>>,
}

#[derive(Serialize)]
struct RowFigures<'a> {
    key: String,
    stage: &'a str,
    basis: Basis,
    one_in: u32,
    count: u64,
    #[serde(flatten)]
    percentiles: BTreeMap<String, Option<u64>>,
    max_ns: Option<u64>,
    mean_ns: Option<f64>,
    saturated: u64,
    negative: u64,
    absent: BTreeMap<&'static str, &'static str>,
}

pub(super) fn render(run: &Run) -> String {
    let rows = run.rows.iter().map(figures).collect();
    let document = Document { run, rows };
    // Maps with text keys and plain numbers: there is nothing here that JSON cannot say.
    let mut text = serde_json::to_string_pretty(&document).unwrap_or_default();
    text.push('\n');
    text
}

fn figures(row: &Row) -> RowFigures<'_> {
    let bins = Bins::of(row);
    let mut percentiles = BTreeMap::new();
    let mut absent = BTreeMap::new();
    for percentile in LADDER {
        let reading = bins.percentile(percentile);
        let ns = match reading {
            Reading::Ns(ns) => Some(ns),
            Reading::OverRange => absent.insert(percentile.key, "beyond 10 s").and(None),
            Reading::TooFew => absent.insert(percentile.key, "too few samples").and(None),
        };
        percentiles.insert(format!("{}_ns", percentile.key), ns);
    }
    let some = !row.histogram.is_empty();
    RowFigures {
        key: row.key(),
        stage: &row.name,
        basis: row.basis,
        one_in: row.one_in,
        count: row.histogram.len(),
        percentiles,
        max_ns: some.then_some(row.max_ns),
        // A tenth of ns is more than two digits can carry; the rest would be noise.
        mean_ns: some.then(|| (row.histogram.mean() * 10.0).round() / 10.0),
        saturated: row.saturated,
        negative: row.negative,
        absent,
    }
}

#[cfg(test)]
mod tests {
    use crate::render::{Format, render};
    use crate::run::tests::sample_run;

    #[test]
    fn json_holds_numbers_and_says_why_one_is_absent() {
        let text = render(&sample_run(1, 100), Format::Json, None).unwrap();
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(json["rows"][1]["stage"], "book");
        assert_eq!(json["rows"][1]["count"], 120_000);
        assert!((150..210).contains(&json["rows"][1]["p50_ns"].as_u64().unwrap()));
        assert_eq!(json["rows"][5]["p99_9_ns"], serde_json::Value::Null);
        assert_eq!(json["rows"][5]["absent"]["p99_9"], "too few samples");
        assert_eq!(json["rows"][3]["basis"], "intended-arrival");
        assert_eq!(json["rows"][5]["negative"], 1);
        assert_eq!(json["environment"]["cores"][1]["pinning"], "verified");
        assert_eq!(json["allocations"], 0);
    }
}
