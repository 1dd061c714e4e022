//! `chain`: what an option chain says, from any of three kinds of file.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::Result;
use undertow_cold::chain::futures::{Gathering, Quoted};
use undertow_cold::chain::report::{Question, Report, Unanswerable};
use undertow_cold::chain::sources::{Loaded, from_alpha_vantage, from_cboe};
use undertow_cold::chain::{json, page, text};
use undertow_core::book::Books;
use undertow_core::event::{Body, Mbo};
use undertow_core::types::{Flags, Nanos};
use undertow_feeds::{alpha_vantage, cboe};

use super::records::Records;
use super::{effective, print, print_json};
use crate::cli::values::At;
use crate::cli::{Chain, Global};
use crate::exit::{Code, Exit, Failure};
use crate::memory::Arena;
use crate::outfile;
use crate::session;

/// Bytes of a text file, unpacked. A full SPX chain takes a hundredth of it.
const TEXT_MAX: u64 = 256 << 20;

/// Bytes that tell the kinds of file apart.
const HEAD: usize = 4_096;

/// Answers.
///
/// # Errors
/// A file that cannot be read or is of no known kind, or a question without an answer.
pub(super) fn chain(global: &Global, args: &Chain) -> Result<Exit> {
    match Kind::of(&args.file)? {
        Kind::Databento => {
            let mut records = Records::open(std::slice::from_ref(&args.file))?;
            let loaded = from_databento(global, args, &mut records)?;
            let (report, verdict) = records.judged(answer(args, loaded))?;
            tell(global, args, &report)?;
            verdict.end()
        }
        Kind::Text { is_packed } => {
            let report = answer(args, from_text(args, is_packed)?)?;
            tell(global, args, &report)
        }
    }
}

fn answer(args: &Chain, loaded: Loaded) -> Result<Report, Failure> {
    let at = match (args.at, loaded.now) {
        (Some(at), Some(day)) => Some(at.on_day_of(day)),
        (Some(At::Moment(moment)), None) => Some(moment),
        _ => None,
    };
    let question = Question {
        expiry: args.expiry,
        spot: args.spot,
        at,
        rate: args.rate.0,
        dividend: args.dividend.0,
    };
    Report::of(loaded, &question).map_err(|why| unanswered(args, why))
}

fn tell(global: &Global, args: &Chain, report: &Report) -> Result<Exit> {
    if let Some(path) = &args.html {
        outfile::write(path, page::html(report, args.strikes))?;
    }
    if global.json {
        return print_json(&json::json(report));
    }
    let mut told = text::text(report, args.strikes, global.listing());
    if let Some(path) = &args.html {
        told.push_str(&format!("\ndrawn in {}\n", path.display()));
    }
    print(&told)
}

/// Kinds of file, told apart by how they begin.
enum Kind {
    /// DBN, plain or packed by zstd.
    Databento,
    /// Cboe's CSV or Alpha Vantage's JSON, plain or packed by gzip.
    Text { is_packed: bool },
}

impl Kind {
    fn of(path: &Path) -> Result<Self, Failure> {
        let mut head = Vec::new();
        let file = File::open(path);
        let read = file.and_then(|file| file.take(HEAD as u64).read_to_end(&mut head));
        read.map_err(|error| unreadable(path, &error.to_string()))?;
        Ok(match &head[..] {
            [b'D', b'B', b'N', ..] | [0x28, 0xB5, 0x2F, 0xFD, ..] => Self::Databento,
            [0x1F, 0x8B, ..] => Self::Text { is_packed: true },
            _ => Self::Text { is_packed: false },
        })
    }
}

/// A chain of a vendor's text.
fn from_text(args: &Chain, is_packed: bool) -> Result<Loaded, Failure> {
    let place = || args.file.display().to_string();
    let bytes = read_text(&args.file, is_packed)?;
    if cboe::is_cboe(&bytes) {
        let chain = cboe::parse(&bytes).map_err(|error| {
            let next = "fetch the chain again as CSV from Cboe's delayed quotes";
            Failure::new(Code::FEED_CUT, error.to_string(), next).at(place())
        })?;
        return Ok(from_cboe(&chain));
    }
    if bytes.trim_ascii_start().starts_with(b"{") {
        let chain = alpha_vantage::parse_options(&bytes).map_err(|error| {
            let next = "give a HISTORICAL_OPTIONS reply, fetched with a key that has calls left";
            Failure::new(Code::FEED_CUT, error.to_string(), next).at(place())
        })?;
        return Ok(from_alpha_vantage(&chain));
    }
    let cause = "neither a Cboe delayed-quote CSV, nor Alpha Vantage JSON, nor DBN";
    let next = "see `undertow chain --help` for the three kinds of file";
    Err(Failure::new(Code::FEED_CUT, cause, next).at(place()))
}

fn read_text(path: &Path, is_packed: bool) -> Result<Vec<u8>, Failure> {
    let file = File::open(path).map_err(|error| unreadable(path, &error.to_string()))?;
    let mut bytes = Vec::new();
    let read = if is_packed {
        let unpacked = flate2::read::MultiGzDecoder::new(file);
        unpacked.take(TEXT_MAX + 1).read_to_end(&mut bytes)
    } else {
        file.take(TEXT_MAX + 1).read_to_end(&mut bytes)
    };
    let place = path.display().to_string();
    read.map_err(|error| {
        let next = "fetch the file again: it is cut short or damaged";
        Failure::new(Code::FEED_CUT, error.to_string(), next).at(place.clone())
    })?;
    if bytes.len() as u64 > TEXT_MAX {
        let cause = format!("longer than {} MiB of text", TEXT_MAX >> 20);
        let next = "give one chain a file";
        return Err(Failure::new(Code::FEED_CUT, cause, next).at(place));
    }
    Ok(bytes)
}

/// A chain of our own records.
fn from_databento(global: &Global, args: &Chain, records: &mut Records<'_>) -> Result<Loaded> {
    let config = effective(global, Vec::new())?.config;
    let limits = session::limits(&config);
    let (arena, _) = Arena::new(limits.bytes(), false);
    let mut books = Books::new_in(arena.bump(), &limits)?;
    let mut gathering = Gathering::default();
    let mut until = Until::new(args.at);
    while let Some(msg) = records.next() {
        if let Some(mbo) = msg.body.record() {
            if until.is_before(mbo) {
                break;
            }
            gathering.note_record(mbo);
        }
        if let Body::Control(control) = &msg.body {
            gathering.note(control);
        }
        books.take(&msg.body);
    }
    let quoted = |key| {
        let book = books.get(key)?;
        Some(Quoted {
            touch: book.touch(),
            trust: book.trust(),
        })
    };
    Ok(gathering.chain(until.moment(), quoted))
}

/// The moment up to which records count.
struct Until {
    at: Option<At>,
    /// The day that a time of day is of: that of the first live record.
    day: Option<Nanos>,
}

impl Until {
    const fn new(at: Option<At>) -> Self {
        Self { at, day: None }
    }

    fn moment(&self) -> Option<Nanos> {
        match (self.at?, self.day) {
            (At::Moment(moment), _) => Some(moment),
            (at, Some(day)) => Some(at.on_day_of(day)),
            (At::TimeOfDay { .. }, None) => None,
        }
    }

    fn is_before(&mut self, mbo: &Mbo) -> bool {
        let ts = if mbo.ts_recv.is_defined() {
            mbo.ts_recv
        } else {
            mbo.ts_event
        };
        if !ts.is_defined() || mbo.flags.has(Flags::SNAPSHOT) {
            return false;
        }
        self.day.get_or_insert(ts);
        self.moment().is_some_and(|moment| moment < ts)
    }
}

fn unreadable(path: &Path, cause: &str) -> Failure {
    let next = "check the path and that the file may be read";
    Failure::new(Code::FEED_UNREADABLE, cause, next).at(path.display().to_string())
}

fn unanswered(args: &Chain, why: Unanswerable) -> Failure {
    let place = args.file.display().to_string();
    match why {
        Unanswerable::Empty => {
            let next = "records need definitions of options; a reply or CSV needs rows";
            Failure::new(Code::FEED_CUT, "no options in it", next).at(place)
        }
        Unanswerable::NoMoment => {
            let next = "give the time: --at 2025-09-25T20:00:00Z";
            let cause = "no quote in it has a time, so nothing says when it was taken";
            Failure::new(Code::USAGE, cause, next).at(place)
        }
        Unanswerable::NoSpot => {
            let next = "give it: --spot 658.05";
            let cause = "the price of the underlying is neither in it nor implied by its quotes";
            Failure::new(Code::USAGE, cause, next).at(place)
        }
        Unanswerable::Over(last) => {
            let cause = format!("every option in it has ended by then, the last on {last}");
            Failure::new(Code::USAGE, cause, "ask for an earlier --at").at(place)
        }
        Unanswerable::NoExpiry(days) => {
            let asked = args.expiry.map(|day| day.days()).unwrap_or_default();
            let nearest = days.iter().min_by_key(|day| day.days().abs_diff(asked));
            let nearest = nearest.map(|day| format!("did you mean {day}? "));
            let next = format!(
                "{}Days on which some end: {}",
                nearest.unwrap_or_default(),
                days.len()
            );
            Failure::new(Code::USAGE, "no option ends on that day", next).at("--expiry")
        }
    }
}
