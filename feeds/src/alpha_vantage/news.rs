//! Alpha Vantage's `NEWS_SENTIMENT`: bytes of a reply to articles with the scores of each symbol.
//!
//! Numbers come as text or as numbers, times with or without marks between their parts. An article
//! that makes no sense is refused with its place and the rest is read.

use serde_json::Value;
use time::{Date, Month, Time, UtcDateTime};
use undertow_core::types::Nanos;

use super::{AlphaVantageError, Reply, parse};

/// One article.
#[derive(Clone, Debug, PartialEq)]
pub struct Article {
    /// Its headline.
    pub title: String,
    /// Where it stands; two replies that tell of one article tell the same.
    pub url: String,
    /// When it was published.
    pub published: Nanos,
    /// The vendor's score of the whole, −1…1.
    pub score: f64,
    /// What it says of each symbol.
    pub tickers: Vec<Ticker>,
}

/// What an article says of one symbol.
#[derive(Clone, Debug, PartialEq)]
pub struct Ticker {
    /// The symbol as the vendor writes it: `NVDA`, `CRYPTO:BTC`.
    pub symbol: String,
    /// The vendor's score of it, −1…1. Not its relevance, which the original took for it.
    pub score: f64,
    /// How much the article is about it, 0–1.
    pub relevance: f64,
}

/// Reads a whole reply.
///
/// # Errors
/// When it is not JSON, or has no list under `feed`.
pub fn parse_news(bytes: &[u8]) -> Result<Reply<Article>, AlphaVantageError> {
    parse(bytes, "feed", Article::parse)
}

impl Article {
    /// Reads an article, or names the field that cannot be read.
    fn parse(row: &Value) -> Result<Self, &'static str> {
        let tickers = row.get("ticker_sentiment").and_then(Value::as_array);
        let tickers = tickers.ok_or("ticker_sentiment")?;
        Ok(Self {
            title: text(row, "title")?.to_owned(),
            url: text(row, "url")?.to_owned(),
            published: moment(text(row, "time_published")?).ok_or("time_published")?,
            score: number(row, "overall_sentiment_score", -1.0)?,
            tickers: tickers
                .iter()
                .map(Ticker::parse)
                .collect::<Result<_, _>>()?,
        })
    }
}

impl Ticker {
    fn parse(row: &Value) -> Result<Self, &'static str> {
        Ok(Self {
            symbol: text(row, "ticker")?.to_owned(),
            score: number(row, "ticker_sentiment_score", -1.0)?,
            relevance: number(row, "relevance_score", 0.0)?,
        })
    }
}

fn text<'v>(row: &'v Value, name: &'static str) -> Result<&'v str, &'static str> {
    row.get(name).and_then(Value::as_str).ok_or(name)
}

/// A number from `least` to 1, written as one or as text.
fn number(row: &Value, name: &'static str, least: f64) -> Result<f64, &'static str> {
    let number = match row.get(name) {
        Some(Value::String(text)) => text.parse().ok(),
        Some(Value::Number(number)) => number.as_f64(),
        _ => None,
    };
    let number = number.filter(|number: &f64| (least..=1.0).contains(number));
    number.ok_or(name)
}

/// `20250226T200000` or `2025-02-26T20:00:00`, UTC.
fn moment(text: &str) -> Option<Nanos> {
    let digits: String = text.chars().filter(|it| !matches!(it, '-' | ':')).collect();
    let (day, time) = digits.split_once('T')?;
    let is_whole =
        |part: &str, len| part.len() == len && part.bytes().all(|it| it.is_ascii_digit());
    if !is_whole(day, 8) || !is_whole(time, 6) {
        return None;
    }
    let month = Month::try_from(day[4..6].parse::<u8>().ok()?).ok()?;
    let day = Date::from_calendar_date(day[..4].parse().ok()?, month, day[6..].parse().ok()?);
    let part = |from: usize| time[from..from + 2].parse::<u8>().ok();
    let time = Time::from_hms(part(0)?, part(2)?, part(4)?).ok()?;
    let ns = UtcDateTime::new(day.ok()?, time).unix_timestamp_nanos();
    u64::try_from(ns).ok().map(Nanos)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn article() -> Value {
        json!({
            "title": "Shares fall", "url": "https://a.example/1",
            "time_published": "20250226T200000", "overall_sentiment_score": -0.269101,
            "ticker_sentiment": [
                {"ticker": "NVDA", "relevance_score": "0.9", "ticker_sentiment_score": "-0.3"},
                {"ticker": "CRYPTO:BTC", "relevance_score": 0.1, "ticker_sentiment_score": 0.2},
            ],
        })
    }

    #[test]
    fn a15_a_reply_becomes_articles_and_bad_ones_are_named() {
        let with = |change: fn(&mut Value)| {
            let mut row = article();
            change(&mut row);
            row
        };
        let rows = [
            article(),
            with(|row| row["time_published"] = json!("2025-02-26T20:00:00")),
            with(|row| row["time_published"] = json!("20250230T200000")),
            with(|row| row["ticker_sentiment"][0]["relevance_score"] = json!("1.5")),
            with(|row| row["ticker_sentiment"][1]["ticker_sentiment_score"] = json!("None")),
            with(|row| row["overall_sentiment_score"] = json!("-")),
            json!(7),
        ];
        let news = parse_news(json!({"items": "7", "feed": rows}).to_string().as_bytes());
        let news = news.expect("articles");
        let [first, second] = &news.rows[..] else {
            panic!("{:?}", news.rows);
        };
        assert_eq!(first, second, "both ways to write a time are read");
        assert_eq!(first.published, Nanos(1_740_600_000_000_000_000));
        let tickers: Vec<_> = first
            .tickers
            .iter()
            .map(|it| (&*it.symbol, it.score))
            .collect();
        assert_eq!(tickers, [("NVDA", -0.3), ("CRYPTO:BTC", 0.2)]);
        let refused = [
            (2, "time_published"),
            (3, "relevance_score"),
            (4, "ticker_sentiment_score"),
            (5, "overall_sentiment_score"),
            (6, "ticker_sentiment"),
        ];
        assert_eq!((&news.refused[..], news.refused_count), (&refused[..], 5));
    }

    #[test]
    fn a_refusal_with_status_200_is_told_by_its_missing_feed() {
        let reply = json!({"Information": "please wait"}).to_string();
        let error = parse_news(reply.as_bytes()).expect_err("no feed");
        assert_eq!(
            error,
            AlphaVantageError::NoList("feed", "please wait".to_owned())
        );
        assert!(parse_news(b"<html>").is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>, text in ".*") {
            let _ = parse_news(&bytes);
            let mut row = article();
            row["time_published"] = json!(text);
            row["ticker_sentiment"][0]["relevance_score"] = json!(text);
            let _ = parse_news(json!({"feed": [row]}).to_string().as_bytes());
        }
    }
}
