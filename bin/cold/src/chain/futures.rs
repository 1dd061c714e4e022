//! A chain of futures options out of our own records: definitions give the terms, statistics the
//! open interest, books the quotes, trades the volume. Volatility and Greeks are ours.
//!
//! One product is taken, the one with the most open interest; others are counted. An option whose
//! own price has no volatility takes that of the other right at its strike (put–call parity).

use std::collections::{BTreeMap, HashMap};

use latency_report::text::counted;
use undertow_core::event::{Control, Definition, InstrumentClass, Mbo, Statistic, Touch, Trust};
use undertow_core::types::{Action, BookKey, Nanos, Price};
use undertow_strategies::options::chain::{Expiry, LastSale, OpenInterest, Row, Source};
use undertow_strategies::options::date::Date;
use undertow_strategies::options::implied::NoVolatility;
use undertow_strategies::options::pricing::{Model, Terms};
use undertow_strategies::options::symbol::cme_exercise;
use undertow_strategies::options::{Exercise, Right, points};

use super::sources::{Loaded, new_york_day};
use crate::implied_vol::implied_vol;
use crate::registry::Registry;

const DAY_NS: u64 = 86_400_000_000_000;

/// What the records told, up to a moment.
#[derive(Debug, Default)]
pub struct Gathering {
    /// Names of instruments.
    pub registry: Registry,
    definitions: BTreeMap<BookKey, Definition>,
    interest: HashMap<BookKey, OpenInterest>,
    settlement: HashMap<BookKey, Price>,
    traded: HashMap<BookKey, (u64, LastSale)>,
    now: Option<Nanos>,
}

/// What is quoted in a book.
#[derive(Clone, Copy, Debug)]
pub struct Quoted {
    /// Its best bid and offer.
    pub touch: Touch,
    /// How far it is to be believed.
    pub trust: Trust,
}

impl Gathering {
    /// Takes note of a control message.
    pub fn note(&mut self, control: &Control) {
        self.registry.note(control);
        match control {
            Control::Definition(definition) => {
                self.definitions.insert(definition.key, *definition);
            }
            Control::Statistic(statistic) => self.note_statistic(statistic),
            _ => {}
        }
    }

    /// Takes note of a market record.
    pub fn note_record(&mut self, mbo: &Mbo) {
        let ts = if mbo.ts_recv.is_defined() {
            mbo.ts_recv
        } else {
            mbo.ts_event
        };
        if ts.is_defined() {
            self.now = self.now.max(Some(ts));
        }
        if mbo.action != Action::Trade || !mbo.price.is_defined() {
            return;
        }
        let last = LastSale {
            price: mbo.price,
            ts: Some(mbo.ts_event).filter(|ts| ts.is_defined()),
        };
        let traded = self.traded.entry(mbo.key()).or_insert((0, last));
        *traded = (traded.0 + u64::from(mbo.size), last);
    }

    /// The chain, with quotes as `quoted` knows them, at `at` or at the last record.
    #[must_use]
    pub fn chain(&self, at: Option<Nanos>, quoted: impl Fn(BookKey) -> Option<Quoted>) -> Loaded {
        let now = at.or(self.now);
        let product = self.product();
        let mut loaded = Loaded {
            name: product.clone().unwrap_or_default(),
            source: Source::Databento,
            rows: Vec::new(),
            spot: None,
            now,
            dropped: BTreeMap::new(),
            notes: Vec::new(),
        };
        let mut doubted = 0;
        for option in self.options() {
            if self.product_of(option) != product {
                loaded.drop("option of another product", 1);
                continue;
            }
            let book = quoted(option.key);
            doubted += u64::from(book.is_some_and(|book| book.trust != Trust::Good));
            match self.row(option, book, &quoted) {
                Some(row) => loaded.rows.push(row),
                None => loaded.drop("definition without strike, expiry or multiplier", 1),
            }
        }
        if doubted > 0 {
            loaded.notes.push(format!(
                "not in good trust: {}",
                counted(doubted, "option book")
            ));
        }
        loaded.spot = self.front(&loaded, &quoted);
        loaded
    }

    fn note_statistic(&mut self, statistic: &Statistic) {
        let Statistic {
            key,
            quantity,
            price,
            ..
        } = *statistic;
        let day = [statistic.ts_ref, statistic.ts_event]
            .into_iter()
            .find(|ts| ts.is_defined());
        match statistic.stat_type {
            Statistic::OPEN_INTEREST if statistic.deleted => {
                self.interest.remove(&key);
            }
            Statistic::OPEN_INTEREST if quantity != i64::MAX => {
                // A negative open interest is none; it must not become a large one.
                let Ok(contracts) = u64::try_from(quantity) else {
                    return;
                };
                let as_of = day.and_then(utc_day);
                self.interest.insert(key, OpenInterest { contracts, as_of });
            }
            Statistic::SETTLEMENT if price.is_defined() && !statistic.deleted => {
                self.settlement.insert(key, price);
            }
            _ => {}
        }
    }

    fn options(&self) -> impl Iterator<Item = &Definition> {
        let is_option =
            |it: &&Definition| matches!(it.class, InstrumentClass::Call | InstrumentClass::Put);
        self.definitions.values().filter(is_option)
    }

    /// What an option's future is a future of; the option's own product if it is not defined.
    fn product_of(&self, option: &Definition) -> Option<String> {
        let future = self.definitions.get(&underlying(option));
        Some(future.unwrap_or(option).asset.to_string())
    }

    /// The product with the most open interest, of equals the first by name.
    fn product(&self) -> Option<String> {
        let mut products = BTreeMap::<String, (u64, u64)>::new();
        for option in self.options() {
            let open = self.interest.get(&option.key).map_or(0, |it| it.contracts);
            let weight = products.entry(self.product_of(option)?).or_default();
            *weight = (weight.0.saturating_add(open), weight.1 + 1);
        }
        let most = products.values().max().copied()?;
        products
            .into_iter()
            .find(|(_, weight)| *weight == most)
            .map(|(name, _)| name)
    }

    fn row(
        &self,
        option: &Definition,
        book: Option<Quoted>,
        quoted: &impl Fn(BookKey) -> Option<Quoted>,
    ) -> Option<Row> {
        let is_sound = option.strike.is_defined() && option.strike.0 > 0;
        let multiplier = u32::try_from(option.unit_qty.0 / Price::PER_POINT).ok();
        let multiplier = multiplier.filter(|it| option.unit_qty.is_defined() && *it > 0)?;
        if !is_sound || !option.expiration.is_defined() {
            return None;
        }
        let traded = self.traded.get(&option.key);
        let defined = |price: Price| Some(price).filter(|it| it.is_defined() && it.0 > 0);
        Some(Row {
            expiry: Expiry {
                date: new_york_day(option.expiration)?,
                instant: option.expiration,
            },
            strike: option.strike,
            right: match option.class {
                InstrumentClass::Call => Right::Call,
                _ => Right::Put,
            },
            exercise: cme_exercise(option.asset.as_str()).unwrap_or(Exercise::American),
            multiplier,
            bid: book.and_then(|book| defined(book.touch.bid)),
            ask: book.and_then(|book| defined(book.touch.ask)),
            last: traded.map(|(_, last)| *last),
            volume: traded.map_or(0, |(volume, _)| *volume),
            open_interest: self.interest.get(&option.key).copied(),
            iv: None,
            delta: None,
            gamma: None,
            theta: None,
            vega: None,
            forward: self
                .price(underlying(option), quoted)
                .map(|(price, _)| price),
            ts: None,
            source: Source::Databento,
        })
    }

    /// What a future is worth and how that is known: quote, else last trade, else settlement.
    fn price(
        &self,
        key: BookKey,
        quoted: &impl Fn(BookKey) -> Option<Quoted>,
    ) -> Option<(Price, &'static str)> {
        let book = quoted(key).map(|book| book.touch);
        let sound = book.filter(|touch| touch.is_two_sided() && !touch.is_crossed());
        let mid = sound.map(|touch| {
            (
                Price(touch.bid.0.midpoint(touch.ask.0)),
                "middle of the quote",
            )
        });
        let last = || {
            self.traded
                .get(&key)
                .map(|(_, last)| (last.price, "last trade"))
        };
        let settled = || {
            self.settlement
                .get(&key)
                .map(|price| (*price, "settlement price"))
        };
        mid.or_else(last)
            .or_else(settled)
            .filter(|(price, _)| price.0 > 0)
    }

    /// Price of the future that ends first of those underneath what is not over.
    fn front(
        &self,
        loaded: &Loaded,
        quoted: &impl Fn(BookKey) -> Option<Quoted>,
    ) -> Option<(Price, String)> {
        let now = loaded.now?;
        let open = self.options().filter(|it| {
            self.product_of(it).as_deref() == Some(&loaded.name) && now < it.expiration
        });
        let futures = open.filter_map(|it| self.definitions.get(&underlying(it)));
        let front = futures.min_by_key(|future| (future.expiration, future.key))?;
        let (price, how) = self.price(front.key, quoted)?;
        let name = self.registry.name(front.key, now);
        Some((price, format!("{how} of {name}")))
    }
}

/// How volatilities were found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Volatilities {
    /// From the option's own price.
    pub own: u64,
    /// From the other right at its strike.
    pub other_right: u64,
    /// Not at all, by reason.
    pub none: BTreeMap<&'static str, u64>,
}

/// Gives every row a volatility from its mid, and Greeks by Black's formula, where there can be
/// any.
pub fn price_rows(rows: &mut [Row], spot: Option<Price>, now: Nanos, rate: f64) -> Volatilities {
    let model = Model::Black76 { rate };
    let terms = |row: &Row| {
        let underlying = row.forward.or(spot).map_or(f64::NAN, points);
        Terms::new(
            row.right,
            [underlying, points(row.strike)],
            row.years(now),
            model,
        )
    };
    let own = |row: &Row| {
        if row.is_expired(now) {
            return Err("expired");
        }
        let terms = terms(row).map_err(|why| why.name())?;
        let mid = row.mid(now).ok_or("no price")?;
        implied_vol(&terms, points(mid)).map_err(NoVolatility::name)
    };
    let found: Vec<_> = rows.iter().map(own).collect();
    let at = |row: &Row| (row.expiry.instant, row.strike, row.forward);
    let by_strike: HashMap<_, f64> = rows
        .iter()
        .zip(&found)
        .filter_map(|(row, found)| Some(((at(row), row.right), found.ok()?)))
        .collect();
    let mut told = Volatilities::default();
    for (row, found) in rows.iter_mut().zip(found) {
        let other = match row.right {
            Right::Call => Right::Put,
            Right::Put => Right::Call,
        };
        let vol = match (found, by_strike.get(&(at(row), other))) {
            (Ok(vol), _) => {
                told.own += 1;
                vol
            }
            (Err(why), Some(vol)) if why != "expired" => {
                told.other_right += 1;
                *vol
            }
            (Err(why), _) => {
                *told.none.entry(why).or_default() += 1;
                continue;
            }
        };
        let greeks = terms(row).and_then(|terms| terms.greeks(vol)).ok();
        row.iv = Some(vol);
        row.delta = greeks.and_then(|it| it.delta);
        row.gamma = greeks.and_then(|it| it.gamma);
        row.theta = greeks.and_then(|it| it.theta).map(|theta| theta / 365.0);
        row.vega = greeks.and_then(|it| it.vega).map(|vega| vega / 100.0);
    }
    told
}

/// The book of an option's future.
fn underlying(option: &Definition) -> BookKey {
    BookKey {
        instrument_id: option.underlying_id,
        publisher_id: option.key.publisher_id,
    }
}

fn utc_day(at: Nanos) -> Option<Date> {
    Date::from_days(i64::try_from(at.0 / DAY_NS).ok()?)
}
