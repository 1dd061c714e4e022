//! A run on disk: a directory of two files.
//!
//! `latency.hlog` holds the histograms, readable by standard tools; `run.json` holds the rest,
//! with the count of every row, so that a log and a `run.json` that do not belong together are
//! found out. `run.json` is put in place last: where it is, the run is whole.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::failure::{Failure, Kind};
use crate::hlog;
use crate::recorder::{Basis, Row};
use crate::run::Run;

/// The histograms.
pub const LOG: &str = "latency.hlog";

/// Everything else.
pub const DOCUMENT: &str = "run.json";

const FORMAT: u32 = 1;

/// What `run.json` says.
#[derive(Serialize, Deserialize)]
struct Document<R> {
    format: u32,
    rows: Vec<Head>,
    run: R,
}

/// A row without its histogram.
#[derive(Serialize, Deserialize)]
struct Head {
    tag: String,
    name: String,
    basis: Basis,
    one_in: u32,
    count: u64,
    max_ns: u64,
    saturated: u64,
    negative: u64,
}

/// Saves a run as a directory, made if absent; a run that was there is replaced.
///
/// # Errors
///
/// Two rows of one name and basis, or a file that cannot be written.
pub fn save(run: &Run, directory: &Path) -> Result<(), Failure> {
    let log = hlog::write(run, &directory.join(LOG))?;
    let document = Document {
        format: FORMAT,
        rows: run.rows.iter().map(head).collect(),
        run,
    };
    let place = directory.join(DOCUMENT);
    let mut json = serde_json::to_vec_pretty(&document)
        .map_err(|error| Kind::Failed.at(place.display(), error, "report this as a bug"))?;
    json.push(b'\n');
    let next = "name a directory that can be written to";
    let part = directory.join("run.json.part");
    fs::create_dir_all(directory)
        .and_then(|()| match fs::remove_file(&place) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        })
        .and_then(|()| fs::write(directory.join(LOG), log))
        .and_then(|()| fs::write(&part, json))
        .and_then(|()| fs::rename(&part, &place))
        .map_err(|error| Kind::Failed.at(directory.display(), error, next))
}

/// Loads a run from its directory, or the rows alone from a bare `.hlog`.
///
/// # Errors
///
/// A path that is neither, a damaged file, or two files that do not belong together.
pub fn load(path: &Path) -> Result<Run, Failure> {
    // Whoever completes a path with the Tab key ends at a file of the directory.
    let path = match path.file_name() {
        Some(name) if name == DOCUMENT => path.parent().unwrap_or(path),
        _ => path,
    };
    if path.is_file() {
        let rows = hlog::read(&read_file(path)?, path)?;
        if rows.is_empty() {
            let next = "name a log whose writer got as far as its first interval";
            return Err(Kind::Corrupt.at(path.display(), "holds no histogram", next));
        }
        return Ok(Run {
            what: path.display().to_string(),
            rows,
            ..Run::default()
        });
    }
    let place = path.join(DOCUMENT);
    let json = read_file(&place)?;
    let corrupt = |cause: String| {
        let next = "make the run again; its directory is not whole";
        Kind::Corrupt.at(place.display(), cause, next)
    };
    let probe: Probe = serde_json::from_slice(&json).map_err(|error| corrupt(error.to_string()))?;
    if probe.format != FORMAT {
        let cause = format!("format {} is not {FORMAT}", probe.format);
        return Err(Kind::Corrupt.at(place.display(), cause, "use the build that wrote it"));
    }
    let document: Document<Run> =
        serde_json::from_slice(&json).map_err(|error| corrupt(error.to_string()))?;
    let log = path.join(LOG);
    let found = hlog::read(&read_file(&log)?, &log)?;
    let rows = join(document.rows, found).map_err(corrupt)?;
    Ok(Run {
        rows,
        ..document.run
    })
}

/// Enough of a document to know whether to read on.
#[derive(Deserialize)]
struct Probe {
    format: u32,
}

fn head(row: &Row) -> Head {
    Head {
        tag: hlog::tag(row),
        name: row.name.clone(),
        basis: row.basis,
        one_in: row.one_in,
        count: row.histogram.len(),
        max_ns: row.max_ns,
        saturated: row.saturated,
        negative: row.negative,
    }
}

fn join(heads: Vec<Head>, found: Vec<Row>) -> Result<Vec<Row>, String> {
    if heads.len() != found.len() {
        let (told, held) = (heads.len(), found.len());
        return Err(format!("tells of {told} rows where {LOG} holds {held}"));
    }
    let rows = heads.into_iter().zip(found);
    rows.map(|(head, found)| {
        let (tag, count) = (hlog::tag(&found), found.histogram.len());
        if (&tag, count) != (&head.tag, head.count) {
            return Err(format!(
                "tells of row '{}' with {} samples where {LOG} holds '{tag}' with {count}",
                head.tag, head.count
            ));
        }
        Ok(Row {
            name: head.name,
            basis: head.basis,
            one_in: head.one_in,
            histogram: found.histogram,
            max_ns: head.max_ns,
            saturated: head.saturated,
            negative: head.negative,
        })
    })
    .collect()
}

fn read_file(path: &Path) -> Result<Vec<u8>, Failure> {
    let next = "name a run's directory (it holds run.json and latency.hlog) or an .hlog file";
    fs::read(path).map_err(|error| Kind::Failed.at(path.display(), error, next))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::tests::sample_run;

    #[test]
    fn a_run_comes_back_as_it_was_saved() {
        let directory = tempfile::tempdir().unwrap();
        let mut run = sample_run(5, 100);
        run.rows[2].name = "features (IFD/VPIN), both".to_owned();
        run.rows[2].saturated = 0;
        save(&run, directory.path()).unwrap();
        assert_eq!(load(directory.path()).unwrap(), run);
        assert_eq!(load(&directory.path().join(DOCUMENT)).unwrap(), run);
        // Once more over itself.
        save(&run, directory.path()).unwrap();
        assert_eq!(load(directory.path()).unwrap(), run);
    }

    #[test]
    fn a_bare_log_gives_the_rows_and_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        let run = sample_run(5, 100);
        save(&run, directory.path()).unwrap();
        let bare = load(&directory.path().join(LOG)).unwrap();
        assert_eq!(bare.rows.len(), run.rows.len());
        assert_eq!(bare.allocations, None);
    }

    #[test]
    fn a_log_without_histograms_is_an_error_and_not_an_empty_table() {
        let log = tempfile::NamedTempFile::new().unwrap();
        fs::write(log.path(), "#[Histogram log format version 1.3]\n").unwrap();
        let failure = load(log.path()).unwrap_err();
        assert_eq!(failure.cause, "holds no histogram");
    }

    #[test]
    fn a_log_of_another_run_is_found_out() {
        let directory = tempfile::tempdir().unwrap();
        let mut run = sample_run(5, 100);
        save(&run, directory.path()).unwrap();
        run.rows[0].histogram.record(77).unwrap();
        let log = hlog::write(&run, Path::new(LOG)).unwrap();
        fs::write(directory.path().join(LOG), log).unwrap();
        let failure = load(directory.path()).unwrap_err();
        assert_eq!(failure.kind, Kind::Corrupt);
        assert!(failure.cause.contains("'decode' with 120000 samples"));
    }

    #[test]
    fn a_later_format_is_refused_with_its_number() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join(DOCUMENT), r#"{"format": 2}"#).unwrap();
        let failure = load(directory.path()).unwrap_err();
        assert!(failure.cause.contains("format 2"));
    }

    #[test]
    fn a_path_that_is_no_run_says_what_to_name_instead() {
        let failure = load(Path::new("/nowhere/at/all")).unwrap_err();
        assert_eq!(failure.kind, Kind::Failed);
        assert!(failure.next.contains("run.json"));
    }
}
