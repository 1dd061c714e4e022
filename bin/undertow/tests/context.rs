//! What slow sources tell in files, through whole sessions of the program: news, correlations, and
//! what earlier days earned. What is missing, old or of the future blocks by its name.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use time::{Date, Month};
use undertow_cold::journal::{Build, Moment, Options, Record, Start, Sync, Writer};
use undertow_cold::provenance::Program;
use undertow_core::money::Money;
use undertow_core::risk::{AccountId, Kept, Mode};
use undertow_core::types::Nanos;

#[path = "support/eager.rs"]
mod eager;
#[path = "support/rewrite.rs"]
mod rewrite;
mod support;

use eager::{folder, run};
use rewrite::{name, rewritten};

/// The session of `s.dbn` is of this day, from 13:30 to 20:00 UTC.
const DAY: &str = "2026-03-11";

/// A run that traded.
struct Run {
    trade: Value,
    outputs: Value,
    told: String,
    /// What explains it, a document a line.
    documents: Vec<Value>,
}

impl Run {
    /// Directions of the signals that were emitted by a strategy, and when.
    fn emitted(&self, strategy: &str) -> Vec<(String, String)> {
        let of = self.documents.iter().filter(|it| {
            it["kind"] == "signal" && it["strategy"] == strategy && it["outcome"] == "emitted"
        });
        of.map(|it| {
            let text = |key: &str| it[key].as_str().unwrap().to_owned();
            (text("direction"), text("ts"))
        })
        .collect()
    }

    /// Counts of one strategy: `skipped` or `blocked`, by name.
    fn count(&self, strategy: &str, kind: &str, name: &str) -> u64 {
        let lines = self.trade["strategies"].as_array().unwrap();
        let its = lines.iter().filter(|line| line["name"] == strategy);
        let counts = its.flat_map(|line| line[kind].as_array().unwrap());
        let of = counts.filter(|count| count["name"] == name);
        of.map(|count| count["count"].as_u64().unwrap()).sum()
    }

    /// Why check 16 refused entries: the bound and its status.
    fn refused_by_correlation(&self) -> BTreeSet<(String, String)> {
        let refused = self
            .documents
            .iter()
            .filter(|it| it["refused_by"] == "correlation");
        let check = refused.map(|it| {
            let checks = it["checks"].as_array().unwrap();
            checks.iter().find(|check| check["number"] == 16).unwrap()
        });
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        check
            .map(|it| (text(&it["bound"]), text(&it["status"])))
            .collect()
    }

    /// Entries that became orders.
    fn opened(&self) -> usize {
        let opened = self
            .documents
            .iter()
            .filter(|it| it["kind"] == "order" && it["purpose"] == "open" && it["order"].is_u64());
        opened.count()
    }
}

/// Runs files under a profile, with more words.
fn traded(dir: &Path, files: &str, profile: &str, more: &[&str]) -> Run {
    let words = format!("backtest {files} --profile {profile} --json --set report.dir=out");
    let words: Vec<_> = words.split(' ').chain(more.iter().copied()).collect();
    let _ = fs::remove_dir_all(dir.join("out"));
    let (code, out, told) = run(dir, &words);
    assert_eq!(code, 0, "{told}");
    let document: Value = serde_json::from_str(&out).unwrap();
    let place = dir.join(document["report"].as_str().unwrap());
    let text = fs::read_to_string(place.join("explain.jsonl")).unwrap();
    let documents = text.lines().map(|line| serde_json::from_str(line).unwrap());
    let summary = &document["summary"];
    for line in summary["trade"]["strategies"].as_array().unwrap() {
        assert_eq!(line["is_conserved"], true, "{line}");
    }
    assert_eq!(summary["run"]["allocations"], 0);
    Run {
        trade: summary["trade"].clone(),
        outputs: summary["output_digest"].clone(),
        told,
        documents: documents.collect(),
    }
}

/// Writes a reply with articles about NVDA, each at a time of the day with its score.
fn news(dir: &Path, file: &str, articles: &[(String, f64)]) {
    let article = |(at, (published, score)): (usize, &(String, f64))| {
        json!({
            "title": format!("Article {at}"),
            "url": format!("https://news.example/{published}"),
            "time_published": published,
            "overall_sentiment_score": 0.0,
            "ticker_sentiment": [
                {"ticker": "NVDA", "relevance_score": "0.8", "ticker_sentiment_score": score.to_string()},
                {"ticker": "META", "relevance_score": "1.0", "ticker_sentiment_score": (-score).to_string()},
            ],
        })
    };
    let feed: Vec<Value> = articles.iter().enumerate().map(article).collect();
    let reply = json!({ "items": feed.len().to_string(), "feed": feed });
    fs::write(dir.join(file), reply.to_string()).unwrap();
}

/// Every ten minutes from an hour on, so many articles of one score.
fn every_ten_minutes(hour: u32, count: u32, score: f64) -> Vec<(String, f64)> {
    let at = |step: u32| (hour + step / 6, step % 6 * 10);
    let moments = (0..count).map(at);
    moments
        .map(|(hour, minute)| (format!("{DAY}T{hour:02}:{minute:02}:00"), score))
        .collect()
}

/// The eager profile whose 0dte asks the news, which may be 15 minutes old.
fn asks_news(dir: &Path) {
    let asks = "least_confidence = 5\nnews_against_max = 15\nnews_age_s = 900\n";
    let profile = eager::profile(&[("least_confidence = 5\n", asks)]);
    fs::write(dir.join("asks.toml"), profile).unwrap();
}

const OF_NVDA: [&str; 4] = [
    "--set",
    "context.news_of=[\"NQ=NVDA\"]",
    "--set",
    "context.news=[\"news.json\"]",
];

#[test]
fn a15_signals_are_held_against_the_news_and_the_feature_is_explained_with_its_age() {
    let dir = folder();
    let dir = dir.path();
    asks_news(dir);
    let all = traded(dir, "s.dbn", "eager.toml", &[]);
    let sides: BTreeSet<_> = all.emitted("0dte").into_iter().map(|it| it.0).collect();
    assert_eq!(sides.len(), 2, "signals of both directions: {sides:?}");

    news(dir, "news.json", &every_ten_minutes(12, 60, 0.6));
    let bullish = traded(dir, "s.dbn", "asks.toml", &OF_NVDA);
    let emitted = bullish.emitted("0dte");
    assert!(!emitted.is_empty());
    assert!(emitted.iter().all(|it| it.0 == "LONG"), "{emitted:?}");
    assert!(bullish.count("0dte", "blocked", "news against it") > 0);
    assert!(
        !bullish.emitted("ifd").is_empty(),
        "who does not ask is not bound"
    );
    let mut ages = BTreeSet::new();
    for document in bullish
        .documents
        .iter()
        .filter(|it| it["strategy"] == "0dte")
    {
        let features = document["features"].as_array().unwrap();
        let told = features.iter().find(|it| it["name"] == "news").unwrap();
        let apart = told["value"].as_f64().unwrap() - 0.6;
        assert!(apart.abs() < 1e-6, "META is not asked: {told}");
        let age = told["age_ms"].as_f64().unwrap();
        assert!((0.0..=600_000.0).contains(&age), "{told}");
        ages.insert(age as u64 / 60_000);
    }
    assert!(ages.len() > 5, "ages of all sizes: {ages:?}");
    let emitted = bullish
        .documents
        .iter()
        .find(|it| it["outcome"] == "emitted")
        .unwrap();
    let place = bullish_place(dir);
    let words = ["explain", emitted["id"].as_str().unwrap(), "--run", &place];
    let (code, said, _) = run(dir, &words);
    assert!(code == 0 && said.contains("news"), "{said}");

    // The same in another layout, and again.
    let split = [&OF_NVDA[..], &["--layout", "split"]].concat();
    let again = traded(dir, "s.dbn", "asks.toml", &split);
    assert_eq!(again.outputs, bullish.outputs);
    assert_ne!(all.outputs, bullish.outputs);

    news(dir, "news.json", &every_ten_minutes(12, 60, -0.6));
    let bearish = traded(dir, "s.dbn", "asks.toml", &OF_NVDA);
    let emitted = bearish.emitted("0dte");
    assert!(
        !emitted.is_empty() && emitted.iter().all(|it| it.0 == "SHORT"),
        "{emitted:?}"
    );
    // Neutral news stop nothing.
    news(dir, "news.json", &every_ten_minutes(12, 60, 0.1));
    let neutral = traded(dir, "s.dbn", "asks.toml", &OF_NVDA);
    assert_eq!(neutral.emitted("0dte"), all.emitted("0dte"));
}

/// The directory of the only run in `out`.
fn bullish_place(dir: &Path) -> String {
    let mut runs = fs::read_dir(dir.join("out")).unwrap();
    runs.next().unwrap().unwrap().path().display().to_string()
}

#[test]
fn a15_without_news_or_with_old_ones_or_those_of_tomorrow_a_rule_that_asks_stays_flat() {
    let dir = folder();
    let dir = dir.path();
    asks_news(dir);
    let silent = traded(dir, "s.dbn", "asks.toml", &[]);
    assert_eq!(silent.emitted("0dte"), []);
    let skipped = silent.count("0dte", "skipped", "news");
    assert!(skipped > 0, "it is named: {}", silent.trade["strategies"]);
    assert_eq!(silent.count("0dte", "skipped", "news"), {
        let lines = silent.trade["strategies"].as_array().unwrap();
        let line = lines.iter().find(|line| line["name"] == "0dte").unwrap();
        let other = line["skipped"].as_array().unwrap().iter();
        let other = other.filter(|count| count["name"] != "news");
        let other: u64 = other.map(|count| count["count"].as_u64().unwrap()).sum();
        line["evaluated"].as_u64().unwrap() - other
    });
    assert!(!silent.emitted("ifd").is_empty());

    // Nobody sees what will be written after the close.
    news(dir, "news.json", &every_ten_minutes(21, 6, 0.6));
    let tomorrow = traded(dir, "s.dbn", "asks.toml", &OF_NVDA);
    assert_eq!(tomorrow.emitted("0dte"), []);
    assert_eq!(tomorrow.count("0dte", "skipped", "news"), skipped);
    // Of another symbol there are none.
    news(dir, "news.json", &every_ten_minutes(12, 60, 0.6));
    let other = [
        "--set",
        "context.news_of=[\"NQ=AAPL\"]",
        OF_NVDA[2],
        OF_NVDA[3],
    ];
    assert_eq!(
        traded(dir, "s.dbn", "asks.toml", &other).emitted("0dte"),
        []
    );

    // The source dies at 15:50: sixteen minutes later nothing is emitted any more.
    news(dir, "news.json", &every_ten_minutes(12, 24, 0.6));
    let died = traded(dir, "s.dbn", "asks.toml", &OF_NVDA);
    let emitted = died.emitted("0dte");
    let last = emitted.last().unwrap();
    assert!(*last.1 < *format!("{DAY}T16:05:01"), "{last:?}");
    let stale = died.trade["strategies"].as_array().unwrap();
    let stale = stale.iter().find(|line| line["name"] == "0dte").unwrap();
    assert!(stale["stale"].as_u64() > silent_stale(&silent), "{stale}");
}

fn silent_stale(run: &Run) -> Option<u64> {
    let lines = run.trade["strategies"].as_array().unwrap();
    let line = lines.iter().find(|line| line["name"] == "0dte").unwrap();
    line["stale"].as_u64()
}

#[test]
fn files_that_say_nothing_are_refused_with_what_to_do() {
    let dir = folder();
    let dir = dir.path();
    let refused = |more: &[&str]| {
        let words = ["backtest", "s.dbn", "--profile", "eager.toml"];
        let (code, _, told) = run(dir, &[&words[..], more].concat());
        (code, told)
    };
    let (code, told) = refused(&OF_NVDA);
    assert!(
        code == 5 && told.contains("E-CTX-001") && told.contains("news.json"),
        "{told}"
    );
    fs::write(
        dir.join("news.json"),
        "{\"Information\": \"wait a minute\"}",
    )
    .unwrap();
    let (code, told) = refused(&OF_NVDA);
    assert!(code == 7 && told.contains("wait a minute"), "{told}");
    let (code, told) = refused(&["--set", "context.news=[\"news.json\"]"]);
    assert!(code == 4 && told.contains("context.news_of"), "{told}");
    let (code, told) = refused(&["--set", "context.news_of=[\"NQ=QQQ\"]"]);
    assert!(code == 4 && told.contains("is a fund"), "{told}");
    let (code, told) = refused(&["--set", "context.news_of=[\"ES=NVDA\"]"]);
    assert!(code == 4 && told.contains("does not trade ES"), "{told}");
    for (text, line) in [
        ("2026-03-09,-1.25\n2026-03-10;7\n", 2),
        ("2026-03-09,-1.25\n2026-03-09,7\n", 2),
        ("2026-02-30,1\n", 1),
        ("2026-03-09,NaN\n", 1),
    ] {
        fs::write(dir.join("results.csv"), text).unwrap();
        let (code, told) = refused(&["--set", "context.results=results.csv"]);
        let place = format!("results.csv:{line}");
        assert!(code == 7 && told.contains(&place), "{told}");
    }
    let (code, told) = refused(&["--set", "discovered.correlations=[\"ESH6:NQH6=0.953\"]"]);
    assert!(code == 4 && told.contains("how old"), "{told}");
}

#[test]
fn a15_real_news_are_read_and_counted_as_the_vendor_labels_them() {
    let Some(path) = support::data("alpha_vantage/news_sentiment_feed_2025-02-26.json") else {
        return;
    };
    let bytes = fs::read(path).unwrap();
    let news = undertow_feeds::alpha_vantage::news::parse_news(&bytes).unwrap();
    assert_eq!((news.rows.len(), news.refused_count), (69, 0));
    let reply: Value = serde_json::from_slice(&bytes).unwrap();
    let mut labels = BTreeSet::new();
    for (article, row) in news.rows.iter().zip(reply["feed"].as_array().unwrap()) {
        let rows = row["ticker_sentiment"].as_array().unwrap();
        assert_eq!(article.tickers.len(), rows.len());
        for (ticker, row) in article.tickers.iter().zip(rows) {
            let label = undertow_strategies::sentiment::Label::of(ticker.score);
            assert_eq!(row["ticker_sentiment_label"], label.name(), "{row}");
            labels.insert(label.name());
        }
    }
    assert!(labels.len() >= 3, "{labels:?}");
}

/// Days before the session, weekends left out, the oldest first.
fn days_before(count: usize, last: Date) -> Vec<Date> {
    let mut days = Vec::new();
    let mut day = last;
    while days.len() < count {
        if day.weekday().number_from_monday() <= 5 {
            days.push(day);
        }
        day = day.previous_day().unwrap();
    }
    days.reverse();
    days
}

fn march(day: u8) -> Date {
    Date::from_calendar_date(2026, Month::March, day).unwrap()
}

/// What each of so many days earned: three of the last fifty lost 3 % of the account.
fn results(count: usize) -> Vec<i64> {
    let mut results = vec![150; count];
    for (at, result) in results.iter_mut().rev().enumerate() {
        if [4, 9, 14].contains(&at) {
            *result = -3_000;
        }
    }
    results
}

#[test]
fn k18_results_of_a_file_are_value_at_risk_stricter_below_fifty_days_and_old_ones_block() {
    let dir = folder();
    let dir = dir.path();
    let told = |count: usize, last: Date| {
        let days = days_before(count, last);
        let lines = days.iter().zip(results(count));
        let text: String = lines.map(|(day, it)| format!("{day},{it}\n")).collect();
        fs::write(dir.join("results.csv"), text).unwrap();
        traded(
            dir,
            "s.dbn",
            "eager.toml",
            &["--set", "context.results=results.csv"],
        )
    };
    let pair = |bound: &str, status: &str| (bound.to_owned(), status.to_owned());
    let without = traded(dir, "s.dbn", "eager.toml", &[]);
    assert!(without.opened() > 0);
    let of_risk = |run: &Run| {
        let mut all = run.refused_by_correlation();
        all.retain(|(bound, _)| bound.starts_with("ValueAtRisk"));
        all
    };
    assert_eq!(of_risk(&without), BTreeSet::new());

    // Sixty days, of which fifty count: 3 % of 5 %.
    let long = told(60, march(10));
    assert_eq!(of_risk(&long), BTreeSet::new());
    assert!(long.opened() > 0);
    // Forty-nine are too few: 3 % of 2.5 %.
    let short = told(49, march(10));
    assert_eq!(
        of_risk(&short),
        BTreeSet::from([pair("ValueAtRisk", "failed")])
    );
    assert_eq!(short.opened(), 0);
    // Nineteen give no history at all: what is held stands in.
    let few = told(19, march(10));
    assert_eq!(few.opened(), without.opened());
    // Sixty days that ended a month ago speak of another market.
    let old = told(60, march(10).replace_month(Month::February).unwrap());
    assert_eq!(
        of_risk(&old),
        BTreeSet::from([pair("ValueAtRiskAge", "failed")])
    );
    assert_eq!(old.opened(), 0);
    // What is not before the session is left out, and said.
    let later = told(60, march(20));
    assert!(
        later.told.contains("8 daily results of no day before"),
        "{}",
        later.told
    );
}

/// A state whose journal tells of so many days before the session.
fn state_of(dir: &Path, count: usize, program: &Program) {
    let day = |date: Date| {
        let days = date.to_julian_day() - Date::from_ordinal_date(1970, 1).unwrap().to_julian_day();
        u32::try_from(days).unwrap()
    };
    let dates = days_before(count, march(10));
    let mut kept = Kept::first(day(dates[0]), Money::from_usd(100_000));
    let journal = dir.join("journal");
    let _ = fs::remove_dir_all(dir);
    let options = Options {
        sync: Sync::Off,
        ..Options::default()
    };
    let (mut writer, _) = Writer::open(&journal, options, |_| {}).unwrap();
    let at = Moment::default();
    let start = Start {
        build: Build::from_bytes(program.build.as_bytes()),
        config_hash: program.config,
        input_hash: 0,
        mode: Mode::Backtest,
        account: AccountId(1),
        kept,
    };
    writer.append(&at, &Record::Start(start)).unwrap();
    let earned = results(count);
    for (date, result) in dates[1..].iter().zip(earned) {
        kept.day = day(*date);
        kept.day_equity += Money::from_usd(result);
        kept.high_water = kept.high_water.max(kept.day_equity);
        writer.append(&at, &Record::Kept(kept)).unwrap();
    }
    // The last day is over when the session begins.
    kept.day_earned = Money::from_usd(results(count)[count - 1]);
    kept.day_since = Nanos(0);
    writer.append(&at, &Record::Kept(kept)).unwrap();
    writer.flush().unwrap();
}

#[test]
fn k18_the_days_of_a_state_are_value_at_risk_too() {
    let dir = folder();
    let dir = dir.path();
    let program = Program {
        build: "of yesterday".to_owned(),
        config: 7,
    };
    let succeeds = format!("trade.succeeds={}", program.id());
    let words = ["--set", "trade.state_dir=state", "--set", &succeeds];
    let told = |count: usize| {
        state_of(&dir.join("state"), count, &program);
        let run = traded(dir, "s.dbn", "eager.toml", &words);
        let refused: BTreeSet<_> = run.refused_by_correlation();
        (run.opened(), refused)
    };
    let (opened, refused) = told(60);
    assert!(opened > 0, "{refused:?}");
    let (opened, refused) = told(49);
    assert_eq!(opened, 0, "{refused:?}");
    let short = ("ValueAtRisk".to_owned(), "failed".to_owned());
    assert_eq!(refused, BTreeSet::from([short]));
}

#[test]
fn r06_correlations_that_were_found_limit_what_is_held_together() {
    let dir = folder();
    let dir = dir.path();
    // A second market that moves as the first does, by another name and with other ids.
    let bytes = fs::read(dir.join("s.dbn")).unwrap();
    let other = rewritten(&bytes, 1_000_000, |definition| {
        let renamed = |text: &str| text.replacen("NQ", "ES", 1);
        definition.raw_symbol = name(&renamed(definition.raw_symbol().unwrap()));
        definition.asset = name(&renamed(definition.asset().unwrap()));
        definition.underlying = name(&renamed(definition.underlying().unwrap()));
    });
    fs::write(dir.join("e.dbn"), other).unwrap();
    let profile = eager::profile(&[]);
    let (from, until) = (
        profile.find("[[product]]").unwrap(),
        profile.find("[risk]").unwrap(),
    );
    let second = profile[from..until].replace("\"NQ\"", "\"ES\"");
    let both = profile.replace("[risk]", &format!("{second}[risk]"));
    fs::write(dir.join("both.toml"), both).unwrap();
    let told = |found: &str| {
        let found = format!("[discovered]\n{found}\n");
        fs::write(dir.join("found.toml"), found).unwrap();
        fs::write(dir.join("undertow.toml"), "include = [\"found.toml\"]\n").unwrap();
        traded(dir, "s.dbn e.dbn", "both.toml", &[])
    };
    let of_pairs = |run: &Run| {
        let mut all = run.refused_by_correlation();
        all.retain(|(bound, _)| bound.starts_with("Correlation"));
        all
    };
    let pair = |bound: &str, status: &str| (bound.to_owned(), status.to_owned());
    let untold = told("");
    let missing = BTreeSet::from([pair("Correlation", "missing")]);
    assert_eq!(of_pairs(&untold), missing, "what nobody tells is refused");
    let before = "as_of = \"2026-03-10T21:00:00Z\"";
    let low = told(&format!("correlations = [\"ESH6:NQH6=0.200\"]\n{before}"));
    assert_eq!(of_pairs(&low), BTreeSet::new());
    assert!(
        low.opened() > untold.opened(),
        "{} {}",
        low.opened(),
        untold.opened()
    );
    let high = told(&format!("correlations = [\"NQH6:ESH6=0.953\"]\n{before}"));
    let over = BTreeSet::from([pair("Correlation", "failed")]);
    assert_eq!(of_pairs(&high), over);
    let old = told("correlations = [\"ESH6:NQH6=0.200\"]\nas_of = \"2026-03-10T13:00:00Z\"");
    let stale = BTreeSet::from([pair("CorrelationAge", "failed")]);
    assert_eq!(of_pairs(&old), stale, "older than a day");
    let future = told("correlations = [\"ESH6:NQH6=0.200\"]\nas_of = \"2026-03-11T21:00:00Z\"");
    assert_eq!(of_pairs(&future), missing, "found in the session itself");
    assert!(
        future.told.contains("not over when this one"),
        "{}",
        future.told
    );
    // A symbol that is not in the feed is not known.
    let other = told(&format!("correlations = [\"ESM6:NQZ6=0.200\"]\n{before}"));
    assert_eq!(of_pairs(&other), missing);
}
