//! Cboe's delayed-quote file: bytes to a typed chain.
//!
//! Three lines tell of the underlying and when it was quoted, one names the columns, and each
//! further line is a strike of an expiry, the call left and the put right. A line that makes no
//! sense is refused with its number and the rest is read. The file gives no time zone but an
//! abbreviation of the Americas, and the day of expiry, not the hour.

use time::{Date, Month, PrimitiveDateTime, Time};
use undertow_core::types::{Nanos, Price, Text};

use crate::decimal;

/// Columns of a line.
const COLUMNS: usize = 22;

/// What the line of column names begins with.
const COLUMNS_BEGIN: [&str; 2] = ["Expiration Date", "Calls"];

/// Refused lines that are kept for showing; all are counted.
const REFUSED_KEPT_MAX: usize = 50;

/// A chain as Cboe shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Chain {
    /// Name of the underlying.
    pub name: String,
    /// Its last price.
    pub last: Option<Price>,
    /// Its best bid; absent where it is 0.
    pub bid: Option<Price>,
    /// Its best offer; absent where it is 0.
    pub ask: Option<Price>,
    /// When all this was quoted; absent when the line cannot be read.
    pub quoted: Option<Nanos>,
    /// Strikes in the order of the file.
    pub lines: Vec<Line>,
    /// Lines that make no sense: their number from 1, and why. The first fifty.
    pub refused: Vec<(usize, Fault)>,
    /// All of those.
    pub refused_count: u64,
}

/// A strike of an expiry.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Line {
    /// Day of expiry.
    pub expiry: Date,
    /// Strike.
    pub strike: Price,
    /// The call.
    pub call: Quote,
    /// The put.
    pub put: Quote,
}

/// One option. Zeros are kept as the file has them: a price of 0 is none, and volatility, delta
/// and gamma that are all 0 were not computed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quote {
    /// OCC symbol.
    pub symbol: Text<21>,
    /// Last sale.
    pub last: Price,
    /// Best bid.
    pub bid: Price,
    /// Best offer.
    pub ask: Price,
    /// Contracts traded.
    pub volume: u64,
    /// Implied volatility, 0.2 for 20 %.
    pub iv: f64,
    /// Delta.
    pub delta: f64,
    /// Gamma.
    pub gamma: f64,
    /// Contracts open.
    pub open_interest: u64,
}

/// Why a line is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Fault {
    /// Too few columns or too many.
    #[error("{0} columns instead of 22")]
    Columns(usize),
    /// The day of expiry cannot be read.
    #[error("no day like `Fri Jun 10 2022` in column 1")]
    Expiry,
    /// A number cannot be read.
    #[error("no number in column {0}")]
    Number(usize),
}

/// Why a file is none of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CboeError {
    /// It is not text.
    #[error("not UTF-8 from byte {0} on")]
    NotText(usize),
    /// There is no line that names the columns.
    #[error("no line begins with `Expiration Date,Calls`")]
    NoColumns,
}

/// Reads a whole file.
///
/// # Errors
/// When it is not such a file at all.
pub fn parse(bytes: &[u8]) -> Result<Chain, CboeError> {
    let text = core::str::from_utf8(bytes);
    let text = text.map_err(|error| CboeError::NotText(error.valid_up_to()))?;
    let mut lines = text.lines().enumerate().map(|(idx, line)| (idx + 1, line));
    let mut chain = Chain {
        name: String::new(),
        last: None,
        bid: None,
        ask: None,
        quoted: None,
        lines: Vec::new(),
        refused: Vec::new(),
        refused_count: 0,
    };
    loop {
        let (_, line) = lines.next().ok_or(CboeError::NoColumns)?;
        let fields = split(line);
        if fields.starts_with(&COLUMNS_BEGIN) {
            break;
        }
        chain.read_heading(&fields);
    }
    for (number, line) in lines.filter(|(_, line)| !line.trim().is_empty()) {
        match Line::parse(&split(line)) {
            Ok(line) => chain.lines.push(line),
            Err(fault) => {
                chain.refused_count += 1;
                if chain.refused.len() < REFUSED_KEPT_MAX {
                    chain.refused.push((number, fault));
                }
            }
        }
    }
    Ok(chain)
}

/// Whether a file looks like one of these from its first bytes.
#[must_use]
pub fn is_cboe(bytes: &[u8]) -> bool {
    let head = &bytes[..bytes.len().min(4_096)];
    let begin = COLUMNS_BEGIN.join(",");
    head.windows(begin.len())
        .any(|window| window == begin.as_bytes())
}

impl Chain {
    /// Takes what one of the lines before the columns says.
    fn read_heading(&mut self, fields: &[&str]) {
        let value = |name: &str| {
            fields
                .iter()
                .find_map(|field| field.trim().strip_prefix(name))
        };
        let price = |name: &str| {
            let found = value(name).and_then(|text| decimal::price(&text.trim().replace(',', "")));
            found.filter(|price| price.0 > 0)
        };
        if let Some(when) = value("Date:") {
            self.quoted = quoted(when);
            self.bid = price("Bid:");
            self.ask = price("Ask:");
        } else if let Some(last) = price("Last:") {
            self.last = Some(last);
            self.name = fields.first().map_or("", |name| name.trim()).to_owned();
        }
    }
}

impl Line {
    fn parse(fields: &[&str]) -> Result<Self, Fault> {
        if fields.len() != COLUMNS {
            return Err(Fault::Columns(fields.len()));
        }
        let strike = decimal::price(fields[11]).filter(|strike| strike.0 > 0);
        Ok(Self {
            expiry: expiry(fields[0]).ok_or(Fault::Expiry)?,
            strike: strike.ok_or(Fault::Number(12))?,
            call: Quote::parse(fields, 1)?,
            put: Quote::parse(fields, 12)?,
        })
    }
}

impl Quote {
    /// The ten columns from `at` on.
    fn parse(fields: &[&str], at: usize) -> Result<Self, Fault> {
        let number = |idx: usize| Fault::Number(at + idx + 1);
        let price = |idx: usize| decimal::price(fields[at + idx]).ok_or(number(idx));
        let count = |idx: usize| fields[at + idx].parse::<u64>().map_err(|_| number(idx));
        let float = |idx: usize| {
            let value = fields[at + idx].parse::<f64>().ok();
            value.filter(|value| value.is_finite()).ok_or(number(idx))
        };
        Ok(Self {
            symbol: Text::from_bytes(fields[at].as_bytes()),
            last: price(1)?,
            bid: price(3)?,
            ask: price(4)?,
            volume: count(5)?,
            iv: float(6)?,
            delta: float(7)?,
            gamma: float(8)?,
            open_interest: count(9)?,
        })
    }
}

/// Fields between commas; a field in double quotes may hold some.
fn split(line: &str) -> Vec<&str> {
    let mut fields = Vec::with_capacity(COLUMNS);
    let (mut start, mut is_quoted) = (0, false);
    for (at, byte) in line.bytes().enumerate() {
        match byte {
            b'"' => is_quoted = !is_quoted,
            b',' if !is_quoted => {
                fields.push(line[start..at].trim_matches('"'));
                start = at + 1;
            }
            _ => {}
        }
    }
    fields.push(line[start..].trim_matches('"'));
    fields
}

/// `Fri Jun 10 2022`.
fn expiry(text: &str) -> Option<Date> {
    let mut words = text.split_ascii_whitespace();
    let _weekday = words.next()?;
    let month = month(words.next()?)?;
    let day = words.next()?.parse().ok()?;
    let year = words.next()?.parse().ok()?;
    Date::from_calendar_date(year, month, day).ok()
}

/// `June 11, 2022, 8:47 PM EDT` or `September 25, 2025 at 9:05 PM EDT`.
fn quoted(text: &str) -> Option<Nanos> {
    let words: Vec<&str> = text
        .split([' ', ',', '\u{202f}'])
        .filter(|word| !word.is_empty() && *word != "at")
        .collect();
    let [month_name, day, year, clock, half, zone] = words[..] else {
        return None;
    };
    let date = Date::from_calendar_date(year.parse().ok()?, month(month_name)?, day.parse().ok()?);
    let (hour, minute) = clock.split_once(':')?;
    let hour: u8 = hour.parse().ok().filter(|hour| (1..=12).contains(hour))?;
    let half = match half {
        "AM" => 0,
        "PM" => 12,
        _ => return None,
    };
    let time = Time::from_hms(hour % 12 + half, minute.parse().ok()?, 0).ok()?;
    let utc = PrimitiveDateTime::new(date.ok()?, time).assume_utc();
    let ns = utc.unix_timestamp_nanos() + i128::from(hours_behind(zone)?) * 3_600_000_000_000;
    u64::try_from(ns).ok().map(Nanos)
}

/// The month that a name or its first three letters mean.
fn month(name: &str) -> Option<Month> {
    const NAMES: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let place = NAMES.iter().position(|short| name.starts_with(short))?;
    Month::try_from(u8::try_from(place + 1).ok()?).ok()
}

/// Hours that a zone is behind UTC.
fn hours_behind(zone: &str) -> Option<i64> {
    match zone {
        "EDT" => Some(4),
        "EST" | "CDT" => Some(5),
        "CST" => Some(6),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const FILE: &str = "\
\n\
Made Up Trust,Last: 100.50,Change:  -3.05\n\
\"Date: September 25, 2025 at 9:05 PM EDT\",\"Bid: 1,100.40\",Ask: 0,\"Volume: 89,468,957\"\n\
Expiration Date,Calls,Last Sale,Net,Bid,Ask,Volume,IV,Delta,Gamma,Open Interest,Strike,\
Puts,Last Sale,Net,Bid,Ask,Volume,IV,Delta,Gamma,Open Interest\n\
Wed Oct 01 2025,MUT251001C00100000,1.5,0,1.4,1.6,7,0.2,0.55,0.05,40,100.00,\
MUT251001P00100000,1,-0.5,0.9,1.1,3,0.21,-0.45,0.05,60\n\
Wed Oct 32 2025,a,1,1,1,1,1,1,1,1,1,1,b,1,1,1,1,1,1,1,1,1\n\
too,short\n\
Wed Oct 01 2025,a,1,1,1,1,1,NaN,1,1,1,1,b,1,1,1,1,1,1,1,1,1\n\
Wed Oct 01 2025,a,1,1,1,1,1,1,1,1,1,1,b,1,1,1,1,-1,1,1,1,1\n";

    #[test]
    fn a_file_becomes_a_chain_and_bad_lines_are_named() {
        let chain = parse(FILE.as_bytes()).expect("a chain");
        assert_eq!(chain.name, "Made Up Trust");
        assert_eq!(chain.last, Some(Price(100_500_000_000)));
        assert_eq!(chain.bid, Some(Price(1_100_400_000_000)));
        assert_eq!(chain.ask, None, "an offer of 0 is none");
        // 2025-09-26T01:05:00Z.
        assert_eq!(chain.quoted, Some(Nanos(1_758_848_700_000_000_000)));
        let [line] = &chain.lines[..] else {
            panic!("{:?}", chain.lines);
        };
        assert_eq!(line.strike, Price(100_000_000_000));
        assert_eq!(line.call.symbol.as_str(), "MUT251001C00100000");
        assert_eq!((line.call.volume, line.call.open_interest), (7, 40));
        assert_eq!((line.put.bid, line.put.delta), (Price(900_000_000), -0.45));
        let faults = [
            (6, Fault::Expiry),
            (7, Fault::Columns(2)),
            (8, Fault::Number(8)),
            (9, Fault::Number(18)),
        ];
        assert_eq!(chain.refused, faults);
        assert_eq!(chain.refused_count, 4);
    }

    #[test]
    fn the_time_of_quotes_is_read_in_both_forms() {
        // 2022-06-12T00:47:00Z, and half past midnight in winter.
        let cases = [
            ("June 11, 2022, 8:47 PM EDT", Some(1_654_994_820)),
            (" January 4, 2026 at 12:30 AM EST", Some(1_767_504_600)),
            ("January 4, 2026 at 12:30 PM EST", Some(1_767_547_800)),
            ("January 4, 2026 at 13:30 PM EST", None),
            ("January 4, 2026 at 1:30 PM MARS", None),
            ("yesterday", None),
        ];
        for (text, seconds) in cases {
            let ns = seconds.map(|seconds| Nanos(seconds * 1_000_000_000));
            assert_eq!(quoted(text), ns, "{text}");
        }
    }

    #[test]
    fn another_file_is_refused() {
        assert_eq!(parse(b"a,b\nc,d\n"), Err(CboeError::NoColumns));
        assert_eq!(parse(b""), Err(CboeError::NoColumns));
        assert_eq!(parse(b"ab\xFF"), Err(CboeError::NotText(2)));
        assert!(is_cboe(FILE.as_bytes()) && !is_cboe(b"{}"));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>, tail in ".*") {
            let _ = parse(&bytes);
            let _ = parse([FILE.as_bytes(), tail.as_bytes()].concat().as_slice());
            let _ = quoted(&tail);
        }
    }
}
