//! What slow sources have told in files, as it enters the chain beside the feed: what the news say
//! of a product, what earlier days earned, how returns were correlated.
//!
//! Each thing is a [`Context`] that enters right before the first record of its time, so that it is
//! part of the one order of inputs and nobody sees the future. What holds since before the session
//! enters first. A correlation is of symbols, and enters once the feed has said which ids they are.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs::File;
use std::io::Read;

use anyhow::Result;
use latency_report::text::counted;
use undertow_core::event::{Control, Mbo, Stamp};
use undertow_core::money::Money;
use undertow_core::risk::{Context, News};
use undertow_core::stage::Sink;
use undertow_core::types::{InstrumentId, Nanos, Text};
use undertow_feeds::alpha_vantage::news::{Article, parse_news};
use undertow_strategies::calendar::Day;
use undertow_strategies::portfolio_risk::RESULTS_MAX;
use undertow_strategies::sentiment::{Mention, Sentiment, WINDOW_NS};

use crate::config::values::PairCorrelation;
use crate::config::{Config, ContextConfig};
use crate::exit::{Code, Failure};
use crate::profile::{Profile, decimal};

/// A file of more bytes than this is none of a slow source.
const FILE_BYTES_MAX: u64 = 64 << 20;

/// Articles that are followed; what a day brings is a few hundred.
const ARTICLES_MAX: usize = 10_000;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Briefing {
    /// What is still to be told and when, the next first; at 0 what is due at once.
    due: VecDeque<(Nanos, Context)>,
    pairs: Vec<Pair>,
    as_of: Nanos,
}

/// A correlation, and the ids that its symbols have.
#[derive(Debug)]
struct Pair {
    symbols: [String; 2],
    ids: [Option<InstrumentId>; 2],
    ppm: i32,
}

impl Briefing {
    /// Reads every file, for a session that begins at `start`, on trading day `today`. `results`
    /// are of the state's days, the oldest first.
    ///
    /// # Errors
    /// A file cannot be read or understood, or is of a product that the profile does not have.
    pub(super) fn read(
        config: &Config,
        profile: &Profile,
        results: impl Iterator<Item = (u32, Money)>,
        (start, today): (Nanos, u32),
    ) -> Result<Self> {
        let mut due: Vec<(Nanos, Context)> = earned(&config.context, results, today)?;
        due.extend(news(&config.context, profile, start)?);
        // Stable, so that what is of one time keeps its order.
        due.sort_by_key(|(at, _)| *at);
        let found = &config.discovered;
        let as_of = found.as_of.0.unwrap_or(Nanos::UNDEFINED);
        let mut pairs: Vec<Pair> = found.correlations.iter().map(Pair::of).collect();
        if !pairs.is_empty() && as_of > start {
            pairs.clear();
            eprintln!(
                "note: discovered.correlations are of a session that is not over when this one \
                 begins: they are not told, and what needs them is refused"
            );
        }
        let mut due = VecDeque::from(due);
        due.reserve(pairs.len());
        Ok(Self { due, pairs, as_of })
    }

    /// Whether anything is still to be told.
    #[inline(always)]
    pub(super) fn waits(&self) -> bool {
        !self.due.is_empty()
    }

    /// What is to be told before the next record, which is of this time.
    pub(super) fn next(&mut self, record: Option<Nanos>) -> Option<Context> {
        let (at, context) = *self.due.front()?;
        let is_due = at == Nanos(0) || record.is_some_and(|record| at <= record);
        is_due.then(|| {
            self.due.pop_front();
            context
        })
    }

    /// Hears what the feed says of symbols.
    #[cold]
    fn hear(&mut self, control: &Control) {
        let Control::Symbol(mapping) = control else {
            return;
        };
        for pair in &mut self.pairs {
            let Some(at) = pair
                .symbols
                .iter()
                .position(|it| it == mapping.symbol.as_str())
            else {
                continue;
            };
            let before = pair.ids[at].replace(mapping.instrument_id);
            if let ([Some(one), Some(other)], true) =
                (pair.ids, before != Some(mapping.instrument_id))
            {
                let told = Context::Correlation(one, other, pair.ppm, self.as_of);
                // No more than there are pairs: what was told before is gone by now.
                self.due.push_front((Nanos(0), told));
            }
        }
    }
}

impl Pair {
    fn of(found: &PairCorrelation) -> Self {
        Self {
            symbols: found.symbols().clone(),
            ids: [None; 2],
            ppm: i32::from(found.thousandths) * 1_000,
        }
    }
}

/// The way from the feed into the chain, on which the briefing hears of symbols.
pub(super) struct Overheard<'a, K> {
    pub(super) to: &'a mut K,
    pub(super) briefing: &'a mut Briefing,
}

impl<K: Sink<Mbo>> Sink<Mbo> for Overheard<'_, K> {
    #[inline(always)]
    fn room(&mut self) -> usize {
        self.to.room()
    }

    #[inline(always)]
    fn hint(&mut self, coming: impl Fn(usize) -> Option<Mbo>) {
        self.to.hint(coming);
    }

    #[inline(always)]
    fn data(&mut self, stamp: Stamp, data: &Mbo) {
        self.to.data(stamp, data);
    }

    #[inline(always)]
    fn control(&mut self, stamp: Stamp, control: &Control) {
        if !self.briefing.pairs.is_empty() {
            self.briefing.hear(control);
        }
        self.to.control(stamp, control);
    }
}

/// What days before `today` earned: those of the file, then those of the state.
fn earned(
    context: &ContextConfig,
    kept: impl Iterator<Item = (u32, Money)>,
    today: u32,
) -> Result<Vec<(Nanos, Context)>> {
    let mut days = BTreeMap::new();
    if !context.results.is_empty() {
        let bytes = bytes(&context.results, "context.results")?;
        let text = String::from_utf8_lossy(&bytes);
        let mut last = 0;
        for (at, line) in text.lines().enumerate() {
            let day = result(line).filter(|(day, _)| *day > last);
            let Some((day, earned)) = day else {
                let cause = format!("{line:?} is no later day with what it earned");
                let next = "write lines like 2026-03-10,-123.45, the oldest first";
                let failure = Failure::new(Code::CONTEXT_DAMAGED, cause, next);
                return Err(failure.at(format!("{}:{}", context.results, at + 1)).into());
            };
            last = day;
            days.insert(day, earned);
        }
    }
    days.extend(kept);
    let later = days.split_off(&today);
    if !later.is_empty() {
        eprintln!(
            "note: left out of value at risk: {} of no day before this one",
            counted(later.len(), "daily result")
        );
    }
    let skipped = days.len().saturating_sub(RESULTS_MAX);
    let told = days.into_iter().skip(skipped);
    Ok(told
        .map(|(day, earned)| (Nanos(0), Context::Earned(day, earned)))
        .collect())
}

/// A day's number and what it earned: `2026-03-10,-123.45`, to the cent or finer.
fn result(line: &str) -> Option<(u32, Money)> {
    let (day, dollars) = line.trim().split_once(',')?;
    let day = Day::from_iso(day.trim())?;
    let units = decimal(dollars.trim(), 4).ok()?;
    Some((u32::try_from(day.0).ok()?, Money(units)))
}

/// What the news say of each product over time: once for what holds at `start`, and again whenever
/// an article comes or is a day old.
fn news(context: &ContextConfig, profile: &Profile, start: Nanos) -> Result<Vec<(Nanos, Context)>> {
    let traded = |product: &str| {
        let mut traded = profile.products.iter();
        traded.any(|it| it.asset.as_str() == product)
    };
    if let Some(of) = context.news_of.iter().find(|of| !traded(&of.product)) {
        let cause = format!("news of {of}: the profile does not trade {}", of.product);
        let next = "name a product as the profile writes it";
        let failure = Failure::new(Code::CONFIG_CONFLICT, cause, next);
        return Err(failure.at("context.news_of").into());
    }
    let articles = articles(context)?;
    let products: BTreeSet<&str> = context.news_of.iter().map(|of| &*of.product).collect();
    let mut due = Vec::new();
    for product in products {
        let counts = |symbol: &str| {
            let mut of = context.news_of.iter();
            of.any(|of| of.product == product && of.symbol == symbol)
        };
        due.extend(timeline(product, &articles, counts, start));
    }
    Ok(due)
}

/// One product's news over time.
fn timeline(
    product: &str,
    articles: &[Article],
    counts: impl Fn(&str) -> bool,
    start: Nanos,
) -> Vec<(Nanos, Context)> {
    let asset = Text::from_bytes(product.as_bytes());
    let its = |article: &&Article| article.tickers.iter().any(|it| counts(&it.symbol));
    let articles: Vec<&Article> = articles.iter().filter(its).collect();
    let ends = |article: &Article| Nanos(article.published.0.saturating_add(WINDOW_NS));
    let mut moments: BTreeSet<Nanos> = articles.iter().map(|it| it.published).collect();
    moments.extend(articles.iter().map(|article| ends(article)));
    // Of what was before the session only the last is of use.
    let since = moments.range(..=start).next_back().copied();
    moments = moments.split_off(&since.unwrap_or_default());
    let told = |at: Nanos| {
        // They are in the order of their time, and each counts for as long.
        let from = articles.partition_point(|article| ends(article) <= at);
        let until = articles.partition_point(|article| article.published <= at);
        let window = &articles[from..until];
        let tickers = window.iter().flat_map(|article| &article.tickers);
        let mentions = tickers.filter(|it| counts(&it.symbol)).map(|it| Mention {
            score: it.score,
            relevance: it.relevance,
        });
        let sentiment = Sentiment::of(mentions);
        let news = News {
            asset,
            ppm: sentiment.map_or(0, |it| (it.score * 1e6).round() as i32),
            articles: sentiment.map_or(0, |_| window.len() as u32),
            as_of: window.last().map_or(at, |article| article.published),
        };
        (at, Context::News(news))
    };
    moments.into_iter().map(told).collect()
}

/// Every article of every file once, in the order of their time.
fn articles(context: &ContextConfig) -> Result<Vec<Article>> {
    let mut all = BTreeMap::new();
    for path in &context.news {
        let damaged = |cause: String, next: &str| {
            Failure::new(Code::CONTEXT_DAMAGED, cause, next).at(path.clone())
        };
        let news = parse_news(&bytes(path, "context.news")?).map_err(|error| {
            let next = "fetch it again; a refusal of the vendor is no news";
            damaged(error.to_string(), next)
        })?;
        if let Some((place, field)) = news.refused.first() {
            eprintln!(
                "note: {path}: left out: {} without sense, the first is number {place} for its \
                 {field}",
                counted(news.refused_count, "article")
            );
        }
        for article in news.rows {
            all.entry((article.published, article.url.clone()))
                .or_insert(article);
        }
        if all.len() > ARTICLES_MAX {
            let cause = format!("with this file there are more than {ARTICLES_MAX} articles");
            return Err(damaged(cause, "name the files of the last two days").into());
        }
    }
    Ok(all.into_values().collect())
}

/// What a file holds, if it is of a sane size.
fn bytes(path: &str, key: &str) -> Result<Vec<u8>> {
    let unreadable = |cause: String| {
        let next = format!("check the file that {key} names");
        Failure::new(Code::CONTEXT_UNREADABLE, cause, next).at(path)
    };
    // A device does not say its size, so the reading itself is bounded.
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes))
        .map_err(|error| unreadable(format!("cannot be read: {error}")))?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        let cause = format!("has more than {FILE_BYTES_MAX} bytes");
        return Err(unreadable(cause).into());
    }
    Ok(bytes)
}
