//! A run, told in the form that is asked for. Each form is a pure function to text.

use std::fmt;

use crate::failure::{Failure, Kind};
use crate::recorder::Row;
use crate::run::Run;

mod table;

mod json;

mod hgrm;

mod prometheus;

mod svg;

mod html;

/// The forms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Table,
    /// For programs; `null` is "not measured" or too few samples.
    Json,
    /// One stage's percentile distribution, as HdrHistogram's plotters read it; values in ns.
    Hgrm,
    /// Prometheus text exposition; seconds.
    Prometheus,
    /// A picture of the percentile curves.
    Svg,
    /// A page with picture and table, complete in itself.
    Html,
}

/// Tells `run`, or only what `stage` names in it: a stage, or a key such as
/// `tick-to-output@intended`.
///
/// # Errors
///
/// A stage that the run does not have, or several for a form that holds one.
pub fn render(run: &Run, format: Format, stage: Option<&str>) -> Result<String, Failure> {
    let chosen = choose(run, stage)?;
    let rows: Vec<&Row> = chosen.rows.iter().collect();
    match format {
        Format::Table => Ok(table::render(&chosen)),
        Format::Json => Ok(json::render(&chosen)),
        Format::Prometheus => Ok(prometheus::render(&chosen)),
        Format::Svg => Ok(svg::render(&chosen)),
        Format::Html => Ok(html::render(&chosen)),
        Format::Hgrm => match rows.as_slice() {
            [row] => Ok(hgrm::render(row)),
            _ => Err(Kind::Usage.at(
                "--format hgrm",
                format!("holds one stage and this is {}", rows.len()),
                format!("add --stage with one of: {}", keys(&chosen)),
            )),
        },
    }
}

fn choose(run: &Run, stage: Option<&str>) -> Result<Run, Failure> {
    let mut chosen = run.clone();
    if let Some(name) = stage {
        chosen.rows = run.rows_named(name).into_iter().cloned().collect();
        if chosen.rows.is_empty() {
            let near = run
                .nearest_key(name)
                .map_or_else(String::new, |key| format!("did you mean '{key}'? "));
            return Err(Kind::Usage.at(
                "--stage",
                format!("the run has no stage '{name}'"),
                format!("{near}it has: {}", keys(run)),
            ));
        }
    }
    Ok(chosen)
}

fn keys(run: &Run) -> String {
    let keys: Vec<String> = run.rows.iter().map(Row::key).collect();
    keys.join(", ")
}

/// What is told of something that may not have been measured.
fn measured(figure: Option<impl fmt::Display>) -> String {
    figure.map_or_else(|| "not measured".to_owned(), |figure| figure.to_string())
}
