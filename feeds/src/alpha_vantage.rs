//! Alpha Vantage's replies: `HISTORICAL_OPTIONS` to typed rows here, the news in [`news`].
//!
//! Every number comes as text. A reply without data is told apart by that, not by its wording:
//! a refusal has status 200 and a sentence under `Note` or `Information`. A row that makes no
//! sense is refused with its place and the rest is read.

pub mod news;

use serde_json::{Map, Value};
use time::{Date, Month};
use undertow_core::event::InstrumentClass;
use undertow_core::types::{Price, Text};

use crate::decimal;

/// Refused rows that are kept for showing; all are counted.
const REFUSED_KEPT_MAX: usize = 50;

/// Characters of the vendor's own words that an error repeats.
const WORDS_MAX: usize = 300;

/// A reply: a list of things.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply<T> {
    /// Rows in the order of the reply.
    pub rows: Vec<T>,
    /// Rows that make no sense: their place from 0, and the field to blame. The first fifty.
    pub refused: Vec<(usize, &'static str)>,
    /// All of those.
    pub refused_count: u64,
}

/// One option at the close of a day. Sensitivities are per share: theta a day, vega and rho for
/// one point of volatility or interest (0.01).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Row {
    /// OCC symbol.
    pub contract: Text<21>,
    /// Symbol of the underlying.
    pub underlying: Text<15>,
    /// Day of expiry.
    pub expiry: Date,
    /// Strike.
    pub strike: Price,
    /// [`InstrumentClass::Call`] or [`InstrumentClass::Put`].
    pub class: InstrumentClass,
    /// Last sale.
    pub last: Price,
    /// The vendor's own value.
    pub mark: Price,
    /// Best bid.
    pub bid: Price,
    /// Best offer.
    pub ask: Price,
    /// Contracts bid for.
    pub bid_size: u64,
    /// Contracts offered.
    pub ask_size: u64,
    /// Contracts traded on the day.
    pub volume: u64,
    /// Contracts open.
    pub open_interest: u64,
    /// The day.
    pub date: Date,
    /// Implied volatility, 0.2 for 20 %.
    pub iv: f64,
    /// Delta.
    pub delta: f64,
    /// Gamma.
    pub gamma: f64,
    /// Theta a day.
    pub theta: f64,
    /// Vega for 0.01.
    pub vega: f64,
    /// Rho for 0.01.
    pub rho: f64,
}

/// Why a reply is of no use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AlphaVantageError {
    /// It is not JSON.
    #[error("not JSON: {0}")]
    NotJson(String),
    /// It has no list under this key; what it says instead.
    #[error("no `{0}` in the reply, only: {1}")]
    NoList(&'static str, String),
}

/// Reads a whole reply.
///
/// # Errors
/// When it is not JSON, or has no data.
pub fn parse_options(bytes: &[u8]) -> Result<Reply<Row>, AlphaVantageError> {
    parse(bytes, "data", Row::parse)
}

/// Reads the rows under `key`, or names the field of each that cannot be read.
fn parse<T>(
    bytes: &[u8],
    key: &'static str,
    row: impl Fn(&Value) -> Result<T, &'static str>,
) -> Result<Reply<T>, AlphaVantageError> {
    let reply: Value = serde_json::from_slice(bytes)
        .map_err(|error| AlphaVantageError::NotJson(error.to_string()))?;
    let Some(rows) = reply.get(key).and_then(Value::as_array) else {
        return Err(AlphaVantageError::NoList(key, words(&reply)));
    };
    let mut read = Reply {
        rows: Vec::with_capacity(rows.len()),
        refused: Vec::new(),
        refused_count: 0,
    };
    for (place, found) in rows.iter().enumerate() {
        match row(found) {
            Ok(row) => read.rows.push(row),
            Err(field) => {
                read.refused_count += 1;
                if read.refused.len() < REFUSED_KEPT_MAX {
                    read.refused.push((place, field));
                }
            }
        }
    }
    Ok(read)
}

impl Row {
    /// Reads a row, or names the field that cannot be read.
    fn parse(row: &Value) -> Result<Self, &'static str> {
        let fields = Fields(row.as_object().ok_or("(not an object)")?);
        Ok(Self {
            contract: Text::from_bytes(fields.text("contractID")?.as_bytes()),
            underlying: Text::from_bytes(fields.text("symbol")?.as_bytes()),
            expiry: fields.date("expiration")?,
            strike: fields.price("strike")?,
            class: match fields.text("type")? {
                "call" => InstrumentClass::Call,
                "put" => InstrumentClass::Put,
                _ => return Err("type"),
            },
            last: fields.price("last")?,
            mark: fields.price("mark")?,
            bid: fields.price("bid")?,
            ask: fields.price("ask")?,
            bid_size: fields.count("bid_size")?,
            ask_size: fields.count("ask_size")?,
            volume: fields.count("volume")?,
            open_interest: fields.count("open_interest")?,
            date: fields.date("date")?,
            iv: fields.float("implied_volatility")?,
            delta: fields.float("delta")?,
            gamma: fields.float("gamma")?,
            theta: fields.float("theta")?,
            vega: fields.float("vega")?,
            rho: fields.float("rho")?,
        })
    }
}

/// The fields of a row, each read or blamed by its name.
struct Fields<'a>(&'a Map<String, Value>);

impl<'a> Fields<'a> {
    fn text(&self, name: &'static str) -> Result<&'a str, &'static str> {
        self.0.get(name).and_then(Value::as_str).ok_or(name)
    }

    fn price(&self, name: &'static str) -> Result<Price, &'static str> {
        decimal::price(self.text(name)?).ok_or(name)
    }

    fn count(&self, name: &'static str) -> Result<u64, &'static str> {
        self.text(name)?.parse().map_err(|_| name)
    }

    fn float(&self, name: &'static str) -> Result<f64, &'static str> {
        let value = self.text(name)?.parse::<f64>().map_err(|_| name)?;
        value.is_finite().then_some(value).ok_or(name)
    }

    /// `2026-10-16`.
    fn date(&self, name: &'static str) -> Result<Date, &'static str> {
        let mut parts = self.text(name)?.splitn(3, '-');
        let mut part = || parts.next()?.parse::<u16>().ok();
        let mut read = || {
            let (year, month, day) = (part()?, part()?, part()?);
            let month = Month::try_from(u8::try_from(month).ok()?).ok()?;
            Date::from_calendar_date(year.into(), month, u8::try_from(day).ok()?).ok()
        };
        read().ok_or(name)
    }
}

/// What a reply without data says: a notice is a text and nothing else; of another kind of reply
/// the keys tell which it is.
fn words(reply: &Value) -> String {
    let said = match reply.as_object() {
        Some(notice) if notice.values().all(Value::is_string) => {
            notice.values().find_map(Value::as_str).map(str::to_owned)
        }
        Some(other) => {
            let keys = other.keys().map(|key| format!("`{key}`"));
            Some(keys.collect::<Vec<_>>().join(", "))
        }
        None => None,
    };
    let said = said.unwrap_or_else(|| reply.to_string());
    said.chars().take(WORDS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn row() -> Value {
        json!({
            "contractID": "MUT261016C00220000", "symbol": "MUT", "expiration": "2026-10-16",
            "strike": "220.00", "type": "call", "last": "11.65", "mark": "11.72",
            "bid": "10.95", "bid_size": "137", "ask": "12.50", "ask_size": "197",
            "volume": "18", "open_interest": "517", "date": "2026-09-24",
            "implied_volatility": "0.33682", "delta": "0.67422", "gamma": "0.01919",
            "theta": "-0.16876", "vega": "0.20083", "rho": "0.08518",
        })
    }

    #[test]
    fn a_reply_becomes_rows_and_bad_ones_are_named() {
        let mut bad = row();
        bad["gamma"] = json!("-");
        let mut other = row();
        other["type"] = json!("warrant");
        let mut early = row();
        early["expiration"] = json!("2026-02-30");
        let reply = json!({"data": [row(), bad, other, early, 7]}).to_string();
        let chain = parse_options(reply.as_bytes()).expect("rows");
        let [row] = chain.rows[..] else {
            panic!("{:?}", chain.rows);
        };
        assert_eq!(row.strike, Price(220_000_000_000));
        assert_eq!(row.class, InstrumentClass::Call);
        assert_eq!((row.volume, row.open_interest), (18, 517));
        assert_eq!(row.expiry.to_string(), "2026-10-16");
        let refused = [
            (1, "gamma"),
            (2, "type"),
            (3, "expiration"),
            (4, "(not an object)"),
        ];
        assert_eq!(chain.refused, refused);
    }

    #[test]
    fn a_refusal_with_status_200_is_told_by_its_missing_data() {
        for name in ["Note", "Information", "Error Message", "Anything New"] {
            let reply = json!({name: "please wait"}).to_string();
            let error = parse_options(reply.as_bytes()).expect_err("no data");
            assert_eq!(
                error,
                AlphaVantageError::NoList("data", "please wait".to_owned())
            );
        }
        let news = json!({"items": "69", "feed": []}).to_string();
        let error = parse_options(news.as_bytes()).expect_err("another kind of reply");
        let told = "no `data` in the reply, only: `feed`, `items`";
        assert_eq!(error.to_string(), told);
        let error = parse_options(b"<html>").expect_err("no JSON");
        assert!(matches!(error, AlphaVantageError::NotJson(_)));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>, text in ".*") {
            let _ = parse_options(&bytes);
            let mut row = row();
            for name in ["expiration", "strike", "volume", "delta", "date"] {
                row[name] = json!(text);
                let _ = parse_options(json!({"data": [row]}).to_string().as_bytes());
            }
        }
    }
}
