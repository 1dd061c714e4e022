//! Vendors' chains to rows: what a vendor does not say is filled in by named rules or stays absent.
//!
//! A file of stock or index options gives days, not hours, of expiry: roots that settle at the
//! opening end at 09:30 New York time, all others at 16:00. Holidays are not considered here.

use std::collections::BTreeMap;

use jiff::civil;
use jiff::tz::TimeZone;
use undertow_core::event::InstrumentClass;
use undertow_core::types::{Nanos, Price};
use undertow_feeds::{alpha_vantage, cboe};
use undertow_strategies::options::chain::{Expiry, LastSale, OpenInterest, Row, Source};
use undertow_strategies::options::date::Date;
use undertow_strategies::options::symbol::OccSymbol;
use undertow_strategies::options::{Exercise, Right};

/// New York's rule since 2007, so that no time zone database is needed.
const NEW_YORK: &str = "EST5EDT,M3.2.0,M11.1.0";

/// Shares a contract.
const SHARES: u32 = 100;

/// Index roots that settle at the opening of their day.
const SETTLED_AT_OPEN: [&str; 5] = ["SPX", "NDX", "RUT", "DJX", "VIX"];

/// Index roots that are European and settle at the close.
const EUROPEAN_AT_CLOSE: [&str; 8] = ["SPXW", "NDXP", "RUTW", "XSP", "XEO", "MRUT", "VIXW", "MXWO"];

/// A chain as a source gives it.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// What it is a chain of.
    pub name: String,
    /// Where it is from.
    pub source: Source,
    /// Its rows.
    pub rows: Vec<Row>,
    /// The underlying's price and how it is known.
    pub spot: Option<(Price, String)>,
    /// The moment that it is of.
    pub now: Option<Nanos>,
    /// What could not be used, with how often.
    pub dropped: BTreeMap<String, u64>,
    /// What else a reader should know.
    pub notes: Vec<String>,
}

impl Loaded {
    pub(super) fn drop(&mut self, reason: impl Into<String>, count: u64) {
        if count > 0 {
            *self.dropped.entry(reason.into()).or_default() += count;
        }
    }
}

/// A chain of Cboe's. Open interest is taken to be of the close before the day that was quoted.
#[must_use]
pub fn from_cboe(chain: &cboe::Chain) -> Loaded {
    let mid = || Some(Price(chain.bid?.0.midpoint(chain.ask?.0)));
    let last = chain.last.map(|price| (price, "last price".to_owned()));
    let spot = last.or_else(|| mid().map(|price| (price, "middle of the quote".to_owned())));
    let as_of = chain.quoted.and_then(new_york_day).and_then(close_before);
    let mut loaded = Loaded {
        name: chain.name.clone(),
        source: Source::Cboe,
        rows: Vec::with_capacity(chain.lines.len() * 2),
        spot,
        now: chain.quoted,
        dropped: BTreeMap::new(),
        notes: Vec::new(),
    };
    for (line, fault) in chain.refused.iter().take(3) {
        loaded
            .notes
            .push(format!("line {line} of the file: {fault}"));
    }
    loaded.drop("line that cannot be read", chain.refused_count);
    for line in &chain.lines {
        for (right, quote) in [(Right::Call, &line.call), (Right::Put, &line.put)] {
            let symbol = OccSymbol::parse(quote.symbol.as_str());
            let Some(symbol) = symbol else {
                loaded.drop("symbol that cannot be read", 1);
                continue;
            };
            let is_same = symbol.right == right && symbol.strike == line.strike;
            if !is_same || Some(symbol.expiry) != date(line.expiry) {
                loaded.drop("symbol that contradicts its line", 1);
                continue;
            }
            let has_greeks = quote.iv != 0.0 || quote.delta != 0.0 || quote.gamma != 0.0;
            let row = Row {
                bid: above_zero(quote.bid),
                ask: above_zero(quote.ask),
                last: above_zero(quote.last).map(|price| LastSale { price, ts: None }),
                volume: quote.volume,
                open_interest: Some(OpenInterest {
                    contracts: quote.open_interest,
                    as_of,
                }),
                iv: Some(quote.iv).filter(|iv| *iv > 0.0),
                delta: has_greeks.then_some(quote.delta),
                gamma: has_greeks.then_some(quote.gamma),
                ts: chain.quoted,
                ..row(&symbol, Source::Cboe)
            };
            loaded.rows.push(row);
        }
    }
    loaded
}

/// A reply of Alpha Vantage. It carries no price of the underlying, and days instead of times:
/// the moment is the close of its latest day, and rows of other days are left out.
#[must_use]
pub fn from_alpha_vantage(chain: &alpha_vantage::Reply<alpha_vantage::Row>) -> Loaded {
    let day = chain.rows.iter().map(|row| row.date).max();
    let mut loaded = Loaded {
        name: chain
            .rows
            .first()
            .map_or(String::new(), |row| row.underlying.to_string()),
        source: Source::AlphaVantage,
        rows: Vec::with_capacity(chain.rows.len()),
        spot: None,
        now: day.and_then(date).and_then(|day| new_york(day, 16, 0)),
        dropped: BTreeMap::new(),
        notes: Vec::new(),
    };
    for (place, field) in chain.refused.iter().take(3) {
        let note = format!("row {place} of the reply: `{field}` cannot be read");
        loaded.notes.push(note);
    }
    loaded.drop("row that cannot be read", chain.refused_count);
    for vendor in &chain.rows {
        let Some(symbol) = OccSymbol::parse(vendor.contract.as_str()) else {
            loaded.drop("symbol that cannot be read", 1);
            continue;
        };
        let is_call = vendor.class == InstrumentClass::Call;
        let is_same = (symbol.right == Right::Call) == is_call && symbol.strike == vendor.strike;
        if !is_same || Some(symbol.expiry) != date(vendor.expiry) {
            loaded.drop("symbol that contradicts its row", 1);
            continue;
        }
        if Some(vendor.date) != day || vendor.underlying.as_str() != loaded.name {
            loaded.drop("row of another day or underlying", 1);
            continue;
        }
        let row = Row {
            bid: above_zero(vendor.bid),
            ask: above_zero(vendor.ask),
            last: above_zero(vendor.last).map(|price| LastSale { price, ts: None }),
            volume: vendor.volume,
            open_interest: Some(OpenInterest {
                contracts: vendor.open_interest,
                as_of: date(vendor.date),
            }),
            iv: Some(vendor.iv).filter(|iv| *iv > 0.0),
            delta: Some(vendor.delta),
            gamma: Some(vendor.gamma),
            theta: Some(vendor.theta),
            vega: Some(vendor.vega),
            ts: loaded.now,
            ..row(&symbol, Source::AlphaVantage)
        };
        loaded.rows.push(row);
    }
    loaded
}

/// The New York day of a moment.
#[must_use]
pub fn new_york_day(at: Nanos) -> Option<Date> {
    let date = zoned(at)?.date();
    let (month, day) = (
        u8::try_from(date.month()).ok()?,
        u8::try_from(date.day()).ok()?,
    );
    Date::new(u16::try_from(date.year()).ok()?, month, day)
}

/// A moment as New York's clocks show it.
#[must_use]
pub fn new_york_text(at: Nanos) -> Option<String> {
    Some(zoned(at)?.strftime("%Y-%m-%d %H:%M %Z").to_string())
}

fn zoned(at: Nanos) -> Option<jiff::Zoned> {
    let timestamp = jiff::Timestamp::from_nanosecond(i128::from(at.0)).ok()?;
    Some(timestamp.to_zoned(TimeZone::posix(NEW_YORK).ok()?))
}

/// A time of day in New York.
fn new_york(day: Date, hour: i8, minute: i8) -> Option<Nanos> {
    let (year, month, day) = (i16::try_from(day.year()).ok()?, day.month(), day.day());
    let (month, day) = (i8::try_from(month).ok()?, i8::try_from(day).ok()?);
    let date = civil::Date::new(year, month, day).ok()?;
    let zone = TimeZone::posix(NEW_YORK).ok()?;
    let zoned = date.at(hour, minute, 0, 0).to_zoned(zone).ok()?;
    u64::try_from(zoned.timestamp().as_nanosecond())
        .ok()
        .map(Nanos)
}

/// A row of which only the terms are known.
fn row(symbol: &OccSymbol, source: Source) -> Row {
    let root = symbol.root.as_str();
    let (hour, minute) = if SETTLED_AT_OPEN.contains(&root) {
        (9, 30)
    } else {
        (16, 0)
    };
    let is_european = SETTLED_AT_OPEN.contains(&root) || EUROPEAN_AT_CLOSE.contains(&root);
    Row {
        expiry: Expiry {
            date: symbol.expiry,
            // Every day of this century has such a time; the epoch would be an expired row.
            instant: new_york(symbol.expiry, hour, minute).unwrap_or(Nanos(0)),
        },
        strike: symbol.strike,
        right: symbol.right,
        exercise: if is_european {
            Exercise::European
        } else {
            Exercise::American
        },
        multiplier: SHARES,
        bid: None,
        ask: None,
        last: None,
        volume: 0,
        open_interest: None,
        iv: None,
        delta: None,
        gamma: None,
        theta: None,
        vega: None,
        forward: None,
        ts: None,
        source,
    }
}

/// The weekday whose close the open interest of a day's quotes is of: the one before the last
/// weekday that has begun.
fn close_before(day: Date) -> Option<Date> {
    let weekday_until = |mut days: i64| loop {
        let date = Date::from_days(days)?;
        if date.weekday() < 6 {
            return Some(date);
        }
        days -= 1;
    };
    let session: Date = weekday_until(day.days())?;
    weekday_until(session.days() - 1)
}

fn date(day: time::Date) -> Option<Date> {
    Date::new(
        u16::try_from(day.year()).ok()?,
        day.month() as u8,
        day.day(),
    )
}

fn above_zero(price: Price) -> Option<Price> {
    (price.is_defined() && price.0 > 0).then_some(price)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(year: u16, month: u8, day: u8) -> Date {
        Date::new(year, month, day).expect("a day")
    }

    #[test]
    fn expiry_is_an_hour_of_new_york_and_the_clock_changes() {
        let hour_utc = |date, hour| new_york(date, hour, 0).map(|at| at.0 / 3_600_000_000_000 % 24);
        assert_eq!(hour_utc(day(2025, 9, 26), 16), Some(20));
        assert_eq!(hour_utc(day(2025, 12, 19), 16), Some(21));
        assert_eq!(hour_utc(day(2026, 3, 6), 16), Some(21));
        assert_eq!(hour_utc(day(2026, 3, 9), 16), Some(20));
        assert_eq!(hour_utc(day(2026, 11, 2), 16), Some(21));
    }

    #[test]
    fn open_interest_is_of_the_close_before_the_quoted_session() {
        // Saturday shows Friday's session, which began with Thursday's open interest.
        assert_eq!(close_before(day(2022, 6, 11)), Some(day(2022, 6, 9)));
        assert_eq!(close_before(day(2025, 9, 25)), Some(day(2025, 9, 24)));
        assert_eq!(close_before(day(2025, 9, 22)), Some(day(2025, 9, 19)));
    }

    #[test]
    fn a_night_in_greenwich_is_the_evening_before_in_new_york() {
        let at = Nanos(1_758_848_700_000_000_000);
        assert_eq!(new_york_day(at), Some(day(2025, 9, 25)));
        assert_eq!(new_york_text(at).as_deref(), Some("2025-09-25 21:05 EDT"));
    }
}
