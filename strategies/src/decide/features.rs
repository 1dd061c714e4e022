//! S1: the 17 data points that a decision may rest on, each with the time it is of.
//!
//! A missing one is `None`, never a made-up number. Before a rule sees them they pass two gates:
//! none that the rule reads may be older than its source allows (M7), and none may be broken or,
//! if required, missing. Measures are `f64`, prices 1e-9, notionals USD.

use undertow_core::types::{Nanos, Price};

use super::card::Direction;
use super::contract::Listing;
use super::outlook::Outlook;
use super::snapshot::BARS_MAX;
use super::vetting::Candidate;
use crate::auction::AuctionImbalance;
use crate::calendar::Day;
use crate::discovery::Regime;
use crate::flow::bars::TimeBar;
use crate::options::Right;
use crate::stale::{BOOK_AGE_MAX, CHAIN_AGE_MAX};

const NS_PER_SECOND: u64 = 1_000_000_000;

/// A value and the time of the oldest input that it rests on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reading<T> {
    /// The value.
    pub value: T,
    /// Its time. Undefined means that nobody knows, which is too old for any gate.
    pub at: Nanos,
}

/// VPIN and the sign that it lacks itself.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Vpin {
    /// Share of volume that was one-sided, 0–1 (A1).
    pub value: f64,
    /// Σ(bought − sold)/(n·V) over the same buckets, −1…1.
    pub signed_flow: Option<f64>,
}

/// Dealers' gamma exposure (A11), USD per 100 % move.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gex<'a> {
    /// Over all strikes.
    pub total: f64,
    /// By strike, in any order.
    pub by_strike: &'a [StrikeGex],
}

/// Gamma exposure at one strike.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StrikeGex {
    /// The strike.
    pub strike: Price,
    /// USD per 100 % move; positive where dealers are long gamma.
    pub gex: f64,
}

/// Unusual options activity (A12).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Unusual {
    /// 0–1.
    pub score: f64,
    /// The flagged contract with the largest premium.
    pub contract: Option<(Price, Right)>,
}

/// The price that the auction would have now.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Indicative {
    /// The price.
    pub price: Price,
    /// 1e4 · (price − last)/last.
    pub offset_bps: f64,
}

/// Institutional flow that the options desk found in one option and did not reject.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Flagged {
    /// Where the underlying is expected to go.
    pub direction: Direction,
    /// The option's strike.
    pub strike: Price,
    /// The day it expires.
    pub expiry: Day,
    /// What N13 asks of it; its time of day is that of the decision.
    pub candidate: Candidate,
    /// The chain around it, as N13 sees it; absent where it cannot be told.
    pub context: Option<f64>,
}

/// Institutional flow is followed for so long after it was found, and no longer: 60 s.
pub const FLAGGED_AGE_MAX_NS: u64 = 60 * NS_PER_SECOND;

/// The data points. What a slice holds, its owner keeps for as long as the decision takes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Features<'a> {
    /// 1: VPIN.
    pub vpin: Option<Reading<Vpin>>,
    /// 2: order book imbalance mapped to 0–1; .5 is balance (A7).
    pub obi: Option<Reading<f64>>,
    /// 3: gamma exposure.
    pub gex: Option<Reading<Gex<'a>>>,
    /// 4: dealers' delta exposure, USD.
    pub dex: Option<Reading<f64>>,
    /// 5: z-score of the gamma exposure.
    pub gex_z: Option<Reading<f64>>,
    /// 6: z-score of the delta exposure.
    pub dex_z: Option<Reading<f64>>,
    /// 7: toxicity of the flow, 0–1 (A6).
    pub toxicity: Option<Reading<f64>>,
    /// 8: volatility regime.
    pub regime: Option<Reading<Regime>>,
    /// 9: the last trade.
    pub last: Option<Reading<Price>>,
    /// 10: complete bars of the rule's interval, oldest first.
    pub bars: Option<Reading<&'a [TimeBar]>>,
    /// 11: whether a sweep was seen just now (A9).
    pub sweep: Option<Reading<bool>>,
    /// 12: unusual options activity.
    pub unusual: Option<Reading<Unusual>>,
    /// 13: score of hidden orders, 0–1 (A9).
    pub hidden: Option<Reading<f64>>,
    /// 14: the closing auction's imbalance.
    pub imbalance: Option<Reading<AuctionImbalance>>,
    /// 15: the closing auction's indicative price.
    pub indicative: Option<Reading<Indicative>>,
    /// 16: the options chain, in any order.
    pub chain: Option<Reading<&'a [Listing]>>,
    /// 17: volume-weighted average price of the session.
    pub vwap: Option<Reading<Price>>,
    /// Beside the 17: what the news say, −1…1, as old as the newest of them (A15).
    pub news: Option<Reading<f64>>,
    /// Beside the 17: institutional flow found last in an option, not yet too old to follow.
    pub ifd: Option<Reading<Flagged>>,
    /// Beside the 17: what the components of N22 say of the chain, for rules that weigh it.
    pub outlook: Option<Reading<Outlook>>,
}

/// The name of a data point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
#[allow(missing_docs, reason = "the fields of Features say what each is")]
pub enum Feature {
    Vpin,
    Obi,
    Gex,
    Dex,
    GexZ,
    DexZ,
    Toxicity,
    Regime,
    Last,
    Bars,
    Sweep,
    Unusual,
    Hidden,
    Imbalance,
    Indicative,
    Chain,
    Vwap,
    News,
}

/// How old a feature may be, by where it comes from (M7, §7-C3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AgesMax {
    /// From the book, trades and ticker: 5 s.
    pub ticker_ns: u64,
    /// From the options chain, which is polled every ten seconds and takes about three: 60 s.
    pub chain_ns: u64,
    /// From the auction feed: 15 s, for Nasdaq speaks every ten seconds until 15:55.
    pub auction_ns: u64,
    /// From complete bars: two intervals, for a bar is one interval old when the next is due.
    pub bars_ns: u64,
    /// From the news: 4 h. A product with so few of them says nothing about today.
    pub news_ns: u64,
}

/// Why the features cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// Older than allowed, of unknown age, or from the future.
    Stale(Feature),
    /// Required, and not there.
    Missing(Feature),
    /// Not a finite number, or a price that is none.
    Broken(Feature),
}

impl Feature {
    /// Every data point, in the specification's order, and those beside them that have an age.
    pub const ALL: [Self; 18] = [
        Self::Vpin,
        Self::Obi,
        Self::Gex,
        Self::Dex,
        Self::GexZ,
        Self::DexZ,
        Self::Toxicity,
        Self::Regime,
        Self::Last,
        Self::Bars,
        Self::Sweep,
        Self::Unusual,
        Self::Hidden,
        Self::Imbalance,
        Self::Indicative,
        Self::Chain,
        Self::Vwap,
        Self::News,
    ];

    /// Without these there is no decision.
    pub const REQUIRED: [Self; 3] = [Self::Vpin, Self::Obi, Self::Last];

    /// The word shown to users.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Vpin => "vpin",
            Self::Obi => "obi",
            Self::Gex => "gex",
            Self::Dex => "dex",
            Self::GexZ => "gex_z",
            Self::DexZ => "dex_z",
            Self::Toxicity => "toxicity",
            Self::Regime => "regime",
            Self::Last => "last",
            Self::Bars => "bars",
            Self::Sweep => "sweep",
            Self::Unusual => "unusual",
            Self::Hidden => "hidden",
            Self::Imbalance => "imbalance",
            Self::Indicative => "indicative",
            Self::Chain => "chain",
            Self::Vwap => "vwap",
            Self::News => "news",
        }
    }
}

impl AgesMax {
    /// The defaults for bars of so many minutes.
    #[must_use]
    pub const fn for_bars(minutes: u64) -> Self {
        Self {
            ticker_ns: BOOK_AGE_MAX.0,
            chain_ns: CHAIN_AGE_MAX.0,
            auction_ns: 15 * NS_PER_SECOND,
            bars_ns: 120 * minutes * NS_PER_SECOND,
            news_ns: 4 * 3_600 * NS_PER_SECOND,
        }
    }

    const fn of(&self, feature: Feature) -> u64 {
        match feature {
            Feature::Vpin | Feature::Obi | Feature::Last => self.ticker_ns,
            Feature::Sweep | Feature::Hidden | Feature::Vwap => self.ticker_ns,
            Feature::Gex | Feature::Dex | Feature::GexZ | Feature::DexZ => self.chain_ns,
            Feature::Unusual | Feature::Chain => self.chain_ns,
            Feature::Imbalance | Feature::Indicative => self.auction_ns,
            Feature::Toxicity | Feature::Regime | Feature::Bars => self.bars_ns,
            Feature::News => self.news_ns,
        }
    }
}

impl Features<'_> {
    /// Passes both gates for a rule that reads `reads`: stale first, then schema.
    ///
    /// # Errors
    /// The first feature that is unfit.
    pub fn check(&self, reads: &[Feature], now: Nanos, ages: &AgesMax) -> Result<(), Unfit> {
        let read = |feature: &Feature| reads.contains(feature);
        for feature in Feature::ALL.into_iter().filter(read) {
            // A price without a time is missing, not old: it is the schema's matter.
            let untimed = feature == Feature::Last && self.age(feature, now).is_none();
            let stale = |age: Option<u64>| age.is_none_or(|age| age > ages.of(feature));
            if self.at(feature).is_some() && !untimed && stale(self.age(feature, now)) {
                return Err(Unfit::Stale(feature));
            }
        }
        for feature in Feature::ALL.into_iter().filter(read) {
            // A rule that does not ask for the news does not read them.
            let required = Feature::REQUIRED.contains(&feature) || feature == Feature::News;
            if required && self.at(feature).is_none() {
                return Err(Unfit::Missing(feature));
            }
            if !self.is_sound(feature) {
                return Err(Unfit::Broken(feature));
            }
        }
        if self.age(Feature::Last, now).is_none() {
            return Err(Unfit::Missing(Feature::Last));
        }
        Ok(())
    }

    /// The age of a feature, ns; none when it is absent, of unknown time, or from the future.
    #[must_use]
    pub fn age(&self, feature: Feature, now: Nanos) -> Option<u64> {
        let at = self.at(feature).filter(|at| at.is_defined())?;
        now.0.checked_sub(at.0)
    }

    fn at(&self, feature: Feature) -> Option<Nanos> {
        fn time<T>(reading: Option<&Reading<T>>) -> Option<Nanos> {
            reading.map(|reading| reading.at)
        }
        match feature {
            Feature::Vpin => time(self.vpin.as_ref()),
            Feature::Obi => time(self.obi.as_ref()),
            Feature::Gex => time(self.gex.as_ref()),
            Feature::Dex => time(self.dex.as_ref()),
            Feature::GexZ => time(self.gex_z.as_ref()),
            Feature::DexZ => time(self.dex_z.as_ref()),
            Feature::Toxicity => time(self.toxicity.as_ref()),
            Feature::Regime => time(self.regime.as_ref()),
            Feature::Last => time(self.last.as_ref()),
            Feature::Bars => time(self.bars.as_ref()),
            Feature::Sweep => time(self.sweep.as_ref()),
            Feature::Unusual => time(self.unusual.as_ref()),
            Feature::Hidden => time(self.hidden.as_ref()),
            Feature::Imbalance => time(self.imbalance.as_ref()),
            Feature::Indicative => time(self.indicative.as_ref()),
            Feature::Chain => time(self.chain.as_ref()),
            Feature::Vwap => time(self.vwap.as_ref()),
            Feature::News => time(self.news.as_ref()),
        }
    }

    /// Whether a feature, if there, holds nothing but finite numbers and real prices.
    fn is_sound(&self, feature: Feature) -> bool {
        let number = |reading: Option<Reading<f64>>| reading.is_none_or(|r| r.value.is_finite());
        let price = |price: Price| price.is_defined() && price.0 > 0;
        match feature {
            Feature::Vpin => self.vpin.is_none_or(|r| {
                r.value.value.is_finite() && r.value.signed_flow.is_none_or(f64::is_finite)
            }),
            Feature::Obi => number(self.obi),
            Feature::Gex => self.gex.is_none_or(|r| {
                let levels = r.value.by_strike;
                r.value.total.is_finite() && levels.iter().all(|level| level.gex.is_finite())
            }),
            Feature::Dex => number(self.dex),
            Feature::GexZ => number(self.gex_z),
            Feature::DexZ => number(self.dex_z),
            Feature::Toxicity => number(self.toxicity),
            Feature::Last => self.last.is_none_or(|r| price(r.value)),
            Feature::Bars => self
                .bars
                .is_none_or(|r| r.value.iter().rev().take(BARS_MAX).all(is_bar)),
            Feature::Unusual => self.unusual.is_none_or(|r| r.value.score.is_finite()),
            Feature::Hidden => number(self.hidden),
            Feature::News => number(self.news),
            Feature::Indicative => self
                .indicative
                .is_none_or(|r| price(r.value.price) && r.value.offset_bps.is_finite()),
            Feature::Vwap => self.vwap.is_none_or(|r| price(r.value)),
            Feature::Regime | Feature::Sweep | Feature::Imbalance | Feature::Chain => true,
        }
    }
}

/// Whether a bar's prices are positive and its high and low enclose the close.
fn is_bar(bar: &TimeBar) -> bool {
    bar.high.is_defined() && bar.low.0 > 0 && bar.low <= bar.close && bar.close <= bar.high
}
