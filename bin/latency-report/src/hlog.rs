//! HdrHistogram V2 interval logs, in and out.
//!
//! Written logs are what `HistogramLogReader` of any language reads: a tag per row, V2 deflate
//! payloads, nanoseconds. Read logs may be anyone's: intervals of one tag are added up, and what
//! carries no tag is named [`UNTAGGED`]. Invariants: a payload is inflated whole and its checksum
//! verified before a histogram is built of it, and its declared length is checked against what is
//! there, so a damaged log is an error and never a huge allocation.

use std::io::Read;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::interval_log::{
    IntervalLogHistogram, IntervalLogIterator, IntervalLogWriterBuilder, LogEntry,
    LogIteratorError, Tag,
};
use hdrhistogram::serialization::{Deserializer, V2DeflateSerializer};

use crate::failure::{Failure, Kind};
use crate::recorder::{Basis, Row};
use crate::run::Run;

/// The name of histograms that came without a tag.
pub const UNTAGGED: &str = "untagged";

/// No histogram of 64-bit values at five digits comes near this many bytes.
const PAYLOAD_BYTES_MAX: u64 = 64 << 20;

/// Cookie, payload length, normalizing offset, digits, low, high, ratio.
const HEADER_BYTES: usize = 40;

const COOKIE_MASK: u32 = 0xFFFF_FF0F;
const COOKIE_V2: u32 = 0x1C84_9303;
const COOKIE_V2_DEFLATE: u32 = 0x1C84_9304;

const NEXT: &str =
    "the file is damaged or not an HdrHistogram V2 log; take it from its source again";

/// The tag of a row: its key without the characters that a tag may not hold.
#[must_use]
pub fn tag(row: &Row) -> String {
    let plain = |c: char| {
        if c == ',' || c.is_whitespace() {
            '_'
        } else {
            c
        }
    };
    row.key().chars().map(plain).collect()
}

/// Writes a run's histograms. The rest of the run does not fit the format (see [`crate::store`]).
///
/// # Errors
///
/// Two rows with one tag, or counts that the format cannot hold.
pub fn write(run: &Run, place: &Path) -> Result<Vec<u8>, Failure> {
    let refuse = |cause: String| {
        let next = "give every row of the run a name and basis of its own";
        Kind::Usage.at(place.display(), cause, next)
    };
    let started = UNIX_EPOCH + Duration::from_nanos(run.started_ns);
    let mut bytes = Vec::new();
    let mut serializer = V2DeflateSerializer::new();
    let mut log = IntervalLogWriterBuilder::new()
        .add_comment("[Histogram log format version 1.3]")
        .add_comment("[Values are nanoseconds]")
        .with_start_time(started)
        .with_base_time(started)
        .begin_log_with(&mut bytes, &mut serializer)
        .map_err(|error| refuse(error.to_string()))?;
    let length = Duration::from_nanos(run.length_ns);
    for (idx, row) in run.rows.iter().enumerate() {
        let text = tag(row);
        if run.rows[..idx].iter().any(|other| tag(other) == text) {
            return Err(refuse(format!("two rows carry the tag '{text}'")));
        }
        log.write_histogram(&row.histogram, Duration::ZERO, length, Tag::new(&text))
            .map_err(|error| refuse(format!("row '{text}': {error}")))?;
    }
    Ok(bytes)
}

/// Reads any V2 interval log: one row per tag in order of appearance, its intervals added up.
/// Maxima are the top of the highest bin, as the format keeps no more.
///
/// # Errors
///
/// A line that is no part of a log, or a payload that is damaged or of another format.
pub fn read(bytes: &[u8], place: &Path) -> Result<Vec<Row>, Failure> {
    let log = Log::of(bytes);
    let mut rows: Vec<Row> = Vec::new();
    let mut line = 0;
    for entry in IntervalLogIterator::new(&log.bytes) {
        let entry = entry.map_err(|LogIteratorError::ParseError { offset }| {
            let place = format!("{} line {}", place.display(), log.line_at(offset));
            Kind::Corrupt.at(place, "neither a comment nor an interval", NEXT)
        })?;
        let LogEntry::Interval(interval) = entry else {
            continue;
        };
        line += 1;
        let corrupt = |cause: String| {
            let place = format!("{} interval {line}", place.display());
            Kind::Corrupt.at(place, cause, NEXT)
        };
        let histogram = unpack(&interval).map_err(corrupt)?;
        let key = interval.tag().map_or(UNTAGGED, |tag| tag.as_str());
        let (name, basis) = Basis::split_key(key);
        let known = rows
            .iter_mut()
            .find(|row| row.name == name && row.basis == basis);
        match known {
            Some(row) => add(row, &histogram).map_err(corrupt)?,
            None => rows.push(bare(name, basis, histogram)),
        }
    }
    Ok(rows)
}

/// A log as the parser wants it: no empty lines, and an end to the last one.
struct Log {
    bytes: Vec<u8>,
    /// The number in the file of each line kept.
    lines: Vec<usize>,
}

impl Log {
    fn of(file: &[u8]) -> Self {
        let mut bytes = Vec::with_capacity(file.len() + 1);
        let mut lines = Vec::new();
        for (idx, line) in file.split(|byte| *byte == b'\n').enumerate() {
            if !line.trim_ascii().is_empty() {
                bytes.extend_from_slice(line);
                bytes.push(b'\n');
                lines.push(idx + 1);
            }
        }
        Self { bytes, lines }
    }

    fn line_at(&self, offset: usize) -> usize {
        let before = &self.bytes[..offset.min(self.bytes.len())];
        let idx = before.iter().filter(|byte| **byte == b'\n').count();
        self.lines.get(idx).copied().unwrap_or(1)
    }
}

fn bare(name: &str, basis: Basis, histogram: Histogram<u64>) -> Row {
    Row {
        name: name.to_owned(),
        basis,
        one_in: 1,
        max_ns: if histogram.is_empty() {
            0
        } else {
            histogram.max()
        },
        histogram,
        saturated: 0,
        negative: 0,
    }
}

fn add(row: &mut Row, more: &Histogram<u64>) -> Result<(), String> {
    // Only here, off the hot path, may a histogram grow.
    row.histogram.auto(true);
    let added = row.histogram.add(more);
    row.histogram.auto(false);
    added.map_err(|error| format!("does not add to its tag's earlier intervals: {error}"))?;
    if !row.histogram.is_empty() {
        row.max_ns = row.histogram.max();
    }
    Ok(())
}

fn unpack(interval: &IntervalLogHistogram<'_>) -> Result<Histogram<u64>, String> {
    let packed = STANDARD
        .decode(interval.encoded_histogram())
        .map_err(|error| format!("the payload is not base64: {error}"))?;
    let plain = match cookie(&packed) {
        Some(COOKIE_V2_DEFLATE) => inflate(&packed)?,
        Some(COOKIE_V2) => packed,
        _ => return Err("the payload is not a V2 histogram".to_owned()),
    };
    let declared = word(&plain, 4).ok_or("the payload ends early")? as usize;
    if plain.len().checked_sub(HEADER_BYTES) != Some(declared) {
        return Err(format!(
            "the payload declares {declared} bytes of counts and holds {}",
            plain.len().saturating_sub(HEADER_BYTES)
        ));
    }
    Deserializer::new()
        .deserialize(&mut plain.as_slice())
        .map_err(|error| format!("the payload does not decode: {error}"))
}

fn inflate(packed: &[u8]) -> Result<Vec<u8>, String> {
    let declared = word(packed, 4).ok_or("the payload ends early")? as usize;
    let body = packed
        .get(8..)
        .filter(|body| body.len() == declared)
        .ok_or("the payload is not as long as it declares")?;
    let mut plain = Vec::new();
    // To the very end, for only there is the checksum verified.
    flate2::read::ZlibDecoder::new(body)
        .take(PAYLOAD_BYTES_MAX)
        .read_to_end(&mut plain)
        .map_err(|error| format!("the payload does not inflate: {error}"))?;
    match cookie(&plain) {
        Some(COOKIE_V2) => Ok(plain),
        _ => Err("the payload is not a V2 histogram".to_owned()),
    }
}

/// The format's mark, without the word size that other writers put into it.
fn cookie(bytes: &[u8]) -> Option<u32> {
    word(bytes, 0).map(|word| word & COOKIE_MASK)
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at + 4)?;
    Some(u32::from_be_bytes(bytes.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::tests::sample_run;

    const PLACE: &str = "latency.hlog";

    #[test]
    fn what_is_written_is_read_back_bin_for_bin() {
        let run = sample_run(3, 100);
        let bytes = write(&run, Path::new(PLACE)).unwrap();
        let rows = read(&bytes, Path::new(PLACE)).unwrap();
        assert_eq!(rows.len(), run.rows.len());
        for (row, back) in run.rows.iter().zip(&rows) {
            assert_eq!(row.key(), back.key());
            assert_eq!(row.histogram, back.histogram);
        }
    }

    #[test]
    fn the_same_run_gives_the_same_bytes() {
        let bytes = |seed| write(&sample_run(seed, 100), Path::new(PLACE)).unwrap();
        assert_eq!(bytes(3), bytes(3));
        assert_ne!(bytes(3), bytes(4));
    }

    #[test]
    fn intervals_of_one_tag_add_up_and_order_is_kept() {
        let run = sample_run(3, 100);
        let mut bytes = write(&run, Path::new(PLACE)).unwrap();
        let again = bytes.clone();
        bytes.extend_from_slice(b"\r\n\n#a comment between\n");
        bytes.extend_from_slice(&again);
        bytes.pop();
        let rows = read(&bytes, Path::new(PLACE)).unwrap();
        assert_eq!(rows.len(), run.rows.len());
        assert_eq!(rows[0].name, "decode");
        assert_eq!(rows[0].histogram.len(), 240_000);
    }

    #[test]
    fn two_rows_with_one_tag_are_refused() {
        let mut run = sample_run(3, 100);
        run.rows[1].name = "decode".to_owned();
        let failure = write(&run, Path::new(PLACE)).unwrap_err();
        assert_eq!(failure.kind, Kind::Usage);
        assert!(failure.cause.contains("'decode'"));
    }

    #[test]
    fn a_bad_line_is_named_by_its_number_in_the_file() {
        let mut bytes = write(&sample_run(3, 100), Path::new(PLACE)).unwrap();
        bytes.extend_from_slice(b"\n\nnonsense\n");
        let failure = read(&bytes, Path::new(PLACE)).unwrap_err();
        assert_eq!(failure.kind, Kind::Corrupt);
        // Four comments, six rows, two empty lines.
        assert_eq!(failure.place, "latency.hlog line 13");
    }

    #[test]
    fn every_flipped_bit_of_a_payload_is_found() {
        let mut run = sample_run(3, 100);
        run.rows.truncate(1);
        let bytes = write(&run, Path::new(PLACE)).unwrap();
        let intact = read(&bytes, Path::new(PLACE)).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        let start = text.rfind(',').unwrap() + 1;
        let payload = STANDARD.decode(text[start..].trim_end()).unwrap();
        for bit in 0..payload.len() * 8 {
            let mut damaged = payload.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            let line = format!("{}{}\n", &text[..start], STANDARD.encode(&damaged));
            match read(line.as_bytes(), Path::new(PLACE)) {
                Err(failure) => assert_eq!(failure.kind, Kind::Corrupt),
                // The word size in the cookie and zlib's level mean nothing to the counts.
                Ok(rows) => assert_eq!(rows, intact, "bit {bit}"),
            }
        }
    }

    #[test]
    fn a_declared_length_beyond_the_data_is_an_error_and_no_allocation() {
        let mut plain = COOKIE_V2.to_be_bytes().to_vec();
        plain.extend_from_slice(&u32::MAX.to_be_bytes());
        plain.resize(HEADER_BYTES, 0);
        let line = format!("0.0,1.0,1.0,{}\n", STANDARD.encode(&plain));
        let failure = read(line.as_bytes(), Path::new(PLACE)).unwrap_err();
        assert!(failure.cause.contains("declares 4294967295 bytes"));
    }
}
