//! One row of an option chain (M10), whoever delivered it, and a chain at a moment.
//!
//! Prices are exact integers. Greeks are the vendor's, per point and per day, or ours where the
//! feed carries none. Open interest is an end-of-day figure and carries the day it is of.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use undertow_core::types::{Nanos, Price};

use super::date::Date;
use super::pricing::YEAR_NS;
use super::{Exercise, Right, points};

/// A last sale younger than this may stand in for a mid, ns.
const LAST_AGE_MAX_NS: u64 = 60_000_000_000;

/// Who delivered a row. A row is of one source, never mixed field by field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Source {
    /// Cboe's delayed-quote file.
    Cboe,
    /// Alpha Vantage's historical options.
    AlphaVantage,
    /// Databento definitions, statistics and quotes.
    Databento,
}

/// When an option ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Expiry {
    /// The day it is named by.
    pub date: Date,
    /// The instant of settlement or last trading.
    pub instant: Nanos,
}

/// Open interest and the day whose close it is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenInterest {
    /// Contracts.
    pub contracts: u64,
    /// The day; absent when the source does not say.
    pub as_of: Option<Date>,
}

/// A last sale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastSale {
    /// Its price.
    pub price: Price,
    /// Its time; absent when the source does not say.
    pub ts: Option<Nanos>,
}

/// One option of a chain.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Row {
    /// When it ends.
    pub expiry: Expiry,
    /// Strike.
    pub strike: Price,
    /// Call or put.
    pub right: Right,
    /// How it is exercised.
    pub exercise: Exercise,
    /// Dollars a point, or shares a contract.
    pub multiplier: u32,
    /// Best bid; absent when nobody bids.
    pub bid: Option<Price>,
    /// Best offer; absent when nobody offers.
    pub ask: Option<Price>,
    /// Last sale.
    pub last: Option<LastSale>,
    /// Contracts traded this session.
    pub volume: u64,
    /// Open interest.
    pub open_interest: Option<OpenInterest>,
    /// Implied volatility a year: 0.2 is 20 %.
    pub iv: Option<f64>,
    /// Delta of the holder, negative for a put.
    pub delta: Option<f64>,
    /// Gamma per point of the underlying.
    pub gamma: Option<f64>,
    /// Theta, points a day.
    pub theta: Option<f64>,
    /// Vega, points for 0.01 of volatility.
    pub vega: Option<f64>,
    /// Price of the future underneath, where that is not the chain's spot.
    pub forward: Option<Price>,
    /// When the row was quoted; absent when the source does not say.
    pub ts: Option<Nanos>,
    /// Who delivered it.
    pub source: Source,
}

impl Row {
    /// What it is worth: the middle of a sound quote, else a last sale younger than a minute.
    #[must_use]
    pub fn mid(&self, now: Nanos) -> Option<Price> {
        self.quote()
            .map(|(bid, ask)| Price(bid.0 + (ask.0 - bid.0) / 2))
            .or_else(|| {
                let last = self.last?;
                let age_ns = now.0.checked_sub(last.ts?.0)?;
                (age_ns < LAST_AGE_MAX_NS && is_positive(last.price)).then_some(last.price)
            })
    }

    /// The width of a sound quote, in 1/10,000 of its middle.
    #[must_use]
    pub fn spread_bps(&self) -> Option<f64> {
        let (bid, ask) = self.quote()?;
        let twice_mid = bid.0 as f64 + ask.0 as f64;
        Some(2e4 * (ask.0 - bid.0) as f64 / twice_mid)
    }

    /// Whether it has ended.
    #[must_use]
    pub fn is_expired(&self, now: Nanos) -> bool {
        self.expiry.instant <= now
    }

    /// Years of 365 days to the end, 0 when it is over.
    #[must_use]
    pub fn years(&self, now: Nanos) -> f64 {
        self.expiry.instant.0.saturating_sub(now.0) as f64 / YEAR_NS
    }

    /// Bid and ask if both are there and not crossed.
    fn quote(&self) -> Option<(Price, Price)> {
        let (bid, ask) = (self.bid?, self.ask?);
        let is_sound = is_positive(bid) && is_positive(ask) && bid <= ask;
        is_sound.then_some((bid, ask))
    }
}

/// A chain at a moment.
#[derive(Clone, Copy, Debug)]
pub struct Snapshot<'a> {
    /// The options, in any order.
    pub rows: &'a [Row],
    /// The underlying's price: the stock, the index, or the front future. Above 0.
    pub spot: Price,
    /// The moment.
    pub now: Nanos,
}

impl Snapshot<'_> {
    /// What `row` is an option on, in points: its own future, or the spot.
    #[must_use]
    pub fn underlying(&self, row: &Row) -> f64 {
        points(row.forward.unwrap_or(self.spot))
    }

    /// Calls and puts of one expiry side by side, by ascending strike; of rows that share strike
    /// and right, sizes add up and the first mark counts.
    #[must_use]
    pub fn lines(&self, expiry: Expiry) -> Vec<Line> {
        let mut lines = BTreeMap::<Price, Line>::new();
        for row in self.rows.iter().filter(|row| row.expiry == expiry) {
            let line = lines
                .entry(row.strike)
                .or_insert_with(|| Line::empty(row.strike));
            let leg = match row.right {
                Right::Call => &mut line.call,
                Right::Put => &mut line.put,
            };
            leg.volume = leg.volume.saturating_add(row.volume);
            let open = row.open_interest.map_or(0, |it| it.contracts);
            leg.open_interest = leg.open_interest.saturating_add(open);
            leg.mark = leg.mark.or_else(|| row.mid(self.now));
        }
        lines.into_values().collect()
    }

    /// Expiries that are not over, the nearest first.
    #[must_use]
    pub fn expiries(&self) -> Vec<Expiry> {
        let open = self.rows.iter().filter(|row| !row.is_expired(self.now));
        let mut expiries: Vec<_> = open.map(|row| row.expiry).collect();
        expiries.sort_unstable_by_key(|expiry| (expiry.instant, expiry.date));
        expiries.dedup();
        expiries
    }
}

/// One strike of one expiry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// The strike.
    pub strike: Price,
    /// The call.
    pub call: Leg,
    /// The put.
    pub put: Leg,
}

impl Line {
    const fn empty(strike: Price) -> Self {
        const NOTHING: Leg = Leg {
            volume: 0,
            open_interest: 0,
            mark: None,
        };
        Self {
            strike,
            call: NOTHING,
            put: NOTHING,
        }
    }
}

/// One right of a strike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leg {
    /// Contracts traded this session.
    pub volume: u64,
    /// Contracts open.
    pub open_interest: u64,
    /// What one is worth, points.
    pub mark: Option<Price>,
}

fn is_positive(price: Price) -> bool {
    price.is_defined() && price.0 > 0
}
