//! The options on one underlying as a decision sees them: listings, and what gamma they carry.
//!
//! Quotes and open interest are taken as they come. Greeks are refreshed a few options at a time,
//! so that every option has its turn once a [`CADENCE_NS`] and no message waits for all of them;
//! when the last has had its turn the sums of A11 are drawn, and their z-scores against the sums
//! before. An option without a two-sided quote, or whose price has no volatility, weighs nothing
//! in that round. Memory is laid out at construction.

pub mod hours;
mod outlook;

use alloc::vec::Vec;

use undertow_core::contract::{Contract, ContractKind, Multiplier, PriceSign, TickRule};
use undertow_core::event::{Definition, InstrumentClass, Statistic, Status, Touch, Trust};
use undertow_core::money::Money;
use undertow_core::risk::Greeks as DollarGreeks;
use undertow_core::types::{BookKey, InstrumentId, Nanos, Price, PublisherId, Text};

use self::hours::{DayVolumes, Hours};
use self::outlook::{View, Windows};
use crate::calendar::{Calendar, Day, Venue};
use crate::decide::contract::Listing;
use crate::decide::features::{Reading, StrikeGex, Unusual};
use crate::options::chain::{Leg, Line};
use crate::options::implied::{Search, volatility};
use crate::options::pricing::Terms;
use crate::options::trailing::Trailing;
use crate::options::{Right, points, unusual};
use crate::portfolio_risk::money_away;

/// Every option has its turn once in so long: 10 s (A11).
pub const CADENCE_NS: u64 = 10_000_000_000;

/// Fewer open contracts than this are a ghost strike and weigh nothing (A11).
const INTEREST_MIN: u64 = 5;

const DAYS_PER_YEAR: f64 = 365.0;

/// No book has been seen.
const NO_BOOK: u32 = u32::MAX;

/// What an option is besides its listing.
#[derive(Clone, Copy, Debug)]
struct Member {
    contract: Contract,
    /// Its book's dense index.
    book_idx: u32,
    /// What the venue said last of its trading.
    status: Option<Status>,
    /// Place of its strike among the sums.
    strike_idx: u32,
    trust: Trust,
    /// Contracts cleared on the last day that the venue told of.
    volume: Option<u32>,
    /// Contracts traded this session, and of them those before the present window.
    traded: u64,
    traded_before: u64,
    /// At its last turn; none if it had no price then.
    greeks: Option<Turn>,
}

impl Member {
    /// Stands where no option is listed yet.
    const BLANK: Self = Self {
        contract: Contract {
            key: BookKey {
                instrument_id: InstrumentId(0),
                publisher_id: PublisherId(0),
            },
            kind: ContractKind::Call,
            multiplier: Multiplier::ONE,
            tick: TickRule::Flat(Price(1)),
            sign: PriceSign::Positive,
            expiry: Nanos::UNDEFINED,
            currency: Text::new(),
            underlying: InstrumentId(0),
        },
        book_idx: NO_BOOK,
        status: None,
        strike_idx: 0,
        trust: Trust::Recovering,
        volume: None,
        traded: 0,
        traded_before: 0,
        greeks: None,
    };
}

impl Member {
    /// Its Greeks, from the middle of its quote.
    #[inline]
    fn turn(&mut self, listing: &mut Listing, at: (Price, Nanos), rate: f64, search: Search) {
        let has_price = at.0.is_defined() && self.trust == Trust::Good && listing.is_quoted();
        if has_price {
            self.price(listing, at, rate, search);
        } else if self.greeks.is_some() {
            self.greeks = None;
            listing.delta = None;
        }
    }

    #[inline(never)]
    fn price(&mut self, listing: &mut Listing, at: (Price, Nanos), rate: f64, search: Search) {
        self.greeks = price_of(listing, self, at, rate, search);
        listing.delta = self.greeks.map(|turn| turn.delta);
    }
}

/// The same of a listing.
const BLANK_LISTING: Listing = Listing {
    instrument_id: InstrumentId(0),
    expiry: Day(0),
    strike: Price(0),
    right: Right::Call,
    open_interest: None,
    bid: Price(0),
    ask: Price(0),
    delta: None,
    multiplier: 0,
    exchange: Text::new(),
};

/// And of a line.
const BLANK_LINE: Line = Line {
    strike: Price(0),
    call: NOTHING,
    put: NOTHING,
};
const NOTHING: Leg = Leg {
    volume: 0,
    open_interest: 0,
    mark: None,
};

/// An empty vector of this room, every page of which was written, so that none is missing later.
fn laid_out<T: Clone>(room: usize, blank: T) -> Vec<T> {
    let mut vector: Vec<T> = core::iter::repeat_n(blank, room).collect();
    vector.clear();
    vector
}

/// What an option's turn found.
#[derive(Clone, Copy, Debug)]
struct Turn {
    at: Nanos,
    vol: f64,
    delta: f64,
    gamma: f64,
    vega: f64,
    /// What passing time takes of the price in a day, as a share of it.
    decay: f64,
    forward: f64,
}

/// What the chain's open interest holds (A11), and since when.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sums {
    /// When the first option of the round had its turn.
    pub at: Nanos,
    /// Gamma exposure, USD per 100 % move.
    pub gex: f64,
    /// Delta exposure, USD.
    pub dex: f64,
    /// Their z-scores against the sums before, the present one excluded.
    pub gex_z: Option<f64>,
    /// See `gex_z`.
    pub dex_z: Option<f64>,
    /// Options that weighed something.
    pub options: u32,
}

/// The chain of one underlying.
#[derive(Clone, Debug)]
pub struct Chain {
    listings: Vec<Listing>,
    options: Vec<Member>,
    strikes: Vec<Price>,
    /// The sums by strike of the last whole round, by ascending strike.
    by_strike: Vec<StrikeGex>,
    /// The sums of the whole rounds before: gamma's and delta's.
    history: [Trailing; 2],
    sums: Option<Sums>,
    unusual: Option<Reading<Unusual>>,
    hours: Hours,
    /// Places of those that are traded here, ascending.
    traded: Vec<u32>,
    /// When a quote changed last; zero before any has.
    quoted_at: Nanos,
    /// One expiry side by side, gathered afresh for each outlook.
    views: Vec<View>,
    lines: Vec<Line>,
    windows: Windows,
    /// Whose turn is next, and when the round began.
    cursor: usize,
    round_at: Nanos,
    /// Definitions for which there was no room.
    refused: u64,
    /// Prices that its options may have; the definitions' own tick where absent.
    tick: Option<TickRule>,
    rate: f64,
}

impl Chain {
    /// Room for so many options, with this tick where it varies. `rate` is the interest of a year, at which options on futures
    /// are discounted.
    #[must_use]
    pub fn new(options_max: usize, tick: Option<TickRule>, rate: f64) -> Self {
        Self {
            listings: laid_out(options_max, BLANK_LISTING),
            options: laid_out(options_max, Member::BLANK),
            strikes: laid_out(options_max, Price(0)),
            by_strike: laid_out(
                options_max,
                StrikeGex {
                    strike: Price(0),
                    gex: 0.0,
                },
            ),
            history: [Trailing::standard(), Trailing::standard()],
            sums: None,
            unusual: None,
            hours: Hours::new(),
            traded: laid_out(options_max, 0),
            quoted_at: Nanos(0),
            views: laid_out(options_max, View::BLANK),
            lines: laid_out(options_max, BLANK_LINE),
            windows: Windows::NONE,
            cursor: 0,
            round_at: Nanos::UNDEFINED,
            refused: 0,
            tick,
            rate,
        }
    }

    /// Forgets everything that was listed.
    pub fn clear(&mut self) {
        self.listings.clear();
        self.options.clear();
        self.strikes.clear();
        self.by_strike.clear();
        for history in &mut self.history {
            history.clear();
        }
        self.sums = None;
        self.unusual = None;
        self.hours.clear();
        self.traded.clear();
        self.quoted_at = Nanos(0);
        self.windows = Windows::NONE;
        self.cursor = 0;
    }

    /// The listings, in the order of their definitions.
    #[must_use]
    pub fn listings(&self) -> &[Listing] {
        &self.listings
    }

    /// The last whole round.
    #[must_use]
    pub const fn sums(&self) -> Option<&Sums> {
        self.sums.as_ref()
    }

    /// How unusual the chain's volume was in the last whole round (A12); none while nothing that
    /// is listed has open interest and nothing is usual.
    #[must_use]
    pub const fn unusual(&self) -> Option<Reading<Unusual>> {
        self.unusual
    }

    /// Takes in what was traded on the days before, of which it is the chain.
    pub(super) fn recall(&mut self, days: Vec<DayVolumes>) {
        self.hours.recall(days);
    }

    /// What was traded today of the options of `product`; none before five minutes were seen.
    pub(super) fn volumes(&self, product: Text<11>) -> Option<DayVolumes> {
        self.hours.today(product)
    }

    /// Time has come so far.
    pub(super) fn pass(&mut self, now: Nanos, calendar: &Calendar) {
        self.hours.pass(now, calendar);
    }

    /// Gamma exposure by ascending strike in the last whole round.
    #[must_use]
    pub fn by_strike(&self) -> &[StrikeGex] {
        &self.by_strike
    }

    /// When a quote of the chain changed last; none when nothing is quoted.
    #[must_use]
    pub fn quoted_at(&self) -> Option<Nanos> {
        (self.quoted_at.0 > 0).then_some(self.quoted_at)
    }

    /// Definitions that found no room.
    #[must_use]
    pub const fn refused(&self) -> u64 {
        self.refused
    }

    /// Lists an option. Returns its place; none when there is no room or it makes no sense.
    pub fn define(&mut self, definition: &Definition, calendar: &Calendar) -> Option<usize> {
        let right = match definition.class {
            InstrumentClass::Call => Right::Call,
            InstrumentClass::Put => Right::Put,
            _ => return None,
        };
        if let Some(at) = self.place(definition.key) {
            return Some(at);
        }
        let contract = Contract::from_definition(definition, self.tick, PriceSign::Positive);
        let expiry = calendar
            .trading_day(Venue::Globex, definition.expiration)
            .ok()?;
        let multiplier = u32::try_from(definition.unit_qty.0 / Price::PER_POINT).ok()?;
        let has_room = self.listings.len() < self.listings.capacity();
        let Ok(contract) = contract else {
            self.refused += 1;
            return None;
        };
        if !has_room || !definition.strike.is_defined() {
            self.refused += 1;
            return None;
        }
        self.listings.push(Listing {
            instrument_id: definition.key.instrument_id,
            expiry,
            strike: definition.strike,
            right,
            open_interest: None,
            bid: Price::UNDEFINED,
            ask: Price::UNDEFINED,
            delta: None,
            multiplier,
            exchange: Text::from_bytes(b"CME"),
        });
        self.options.push(Member {
            contract,
            book_idx: NO_BOOK,
            status: None,
            strike_idx: 0,
            trust: Trust::Recovering,
            volume: None,
            traded: 0,
            traded_before: 0,
            greeks: None,
        });
        self.place_strike(definition.strike);
        Some(self.listings.len() - 1)
    }

    /// Keeps the strikes sorted, and every option's place among them.
    fn place_strike(&mut self, strike: Price) {
        if let Err(at) = self.strikes.binary_search(&strike) {
            self.strikes.insert(at, strike);
        }
        for (option, listing) in self.options.iter_mut().zip(&self.listings) {
            let at = self.strikes.binary_search(&listing.strike);
            option.strike_idx = at.unwrap_or(0) as u32;
        }
    }

    /// What the venue says of an option: open interest, or volume cleared yesterday.
    pub fn statistic(&mut self, at: usize, statistic: &Statistic) {
        let known = (statistic.quantity != i64::MAX && !statistic.deleted)
            .then(|| u64::try_from(statistic.quantity).ok())
            .flatten();
        match statistic.stat_type {
            Statistic::OPEN_INTEREST => self.listings[at].open_interest = known,
            Statistic::CLEARED_VOLUME => {
                self.options[at].volume = known.and_then(|volume| u32::try_from(volume).ok());
            }
            _ => {}
        }
    }

    /// What an option's book shows now. A book that is not good quotes nothing.
    #[inline]
    pub fn quote(&mut self, at: usize, touch: &Touch, trust: Trust, now: Nanos) {
        let (Some(listing), Some(option)) = (self.listings.get_mut(at), self.options.get_mut(at))
        else {
            return;
        };
        let is_good = trust == Trust::Good;
        listing.bid = if is_good { touch.bid } else { Price::UNDEFINED };
        listing.ask = if is_good { touch.ask } else { Price::UNDEFINED };
        option.trust = trust;
        self.quoted_at = self.quoted_at.max(now);
    }

    /// The key of the option at a place.
    #[must_use]
    pub fn key(&self, at: usize) -> Option<BookKey> {
        self.options.get(at).map(|option| option.contract.key)
    }

    /// The place of an option by its key.
    #[must_use]
    pub fn place(&self, key: BookKey) -> Option<usize> {
        let is_its = |option: &Member| option.contract.key == key;
        self.options.iter().position(is_its)
    }

    /// Place and terms of an option by its instrument.
    #[must_use]
    pub fn contract_of(&self, id: InstrumentId) -> Option<(usize, Contract)> {
        let is_its = |option: &Member| option.contract.key.instrument_id == id;
        let at = self.options.iter().position(is_its)?;
        Some((at, self.options[at].contract))
    }

    /// The book of an option was seen.
    pub fn sighted(&mut self, at: usize, book_idx: u32) {
        if let Some(option) = self.options.get_mut(at) {
            option.book_idx = book_idx;
        }
    }

    /// An option is traded from now on. Returns its book, if one was seen.
    pub fn trade(&mut self, at: usize) -> Option<u32> {
        let option = self.options.get(at)?;
        let place = at as u32;
        if let Err(to) = self.traded.binary_search(&place) {
            self.traded.insert(to, place);
        }
        (option.book_idx != NO_BOOK).then_some(option.book_idx)
    }

    /// What the venue says of an option's trading.
    pub fn note_status(&mut self, at: usize, status: &Status) {
        if let Some(option) = self.options.get_mut(at) {
            option.status = Some(*status);
        }
    }

    /// What the venue said last of an option's trading.
    #[must_use]
    pub fn status(&self, at: usize) -> Option<Status> {
        self.options.get(at)?.status
    }

    /// What an option is worth at its end, by the underlying's price.
    #[must_use]
    pub fn intrinsic(&self, at: usize, spot: Price) -> Option<Price> {
        let listing = self.listings.get(at)?;
        let over = spot.0.checked_sub(listing.strike.0)?;
        Some(Price(match listing.right {
            Right::Call => over.max(0),
            Right::Put => over.checked_neg()?.max(0),
        }))
    }

    /// How many options are traded.
    #[must_use]
    pub const fn traded_count(&self) -> usize {
        self.traded.len()
    }

    /// The place of the nth that is traded, in ascending order.
    #[must_use]
    pub fn nth_traded(&self, nth: usize) -> Option<usize> {
        self.traded.get(nth).map(|at| *at as usize)
    }

    /// How sound the chain looks to N13: its open interest by strike, and the mean spread of what
    /// is quoted; none without both.
    #[must_use]
    pub fn context(&self) -> Option<f64> {
        let (mut sum, mut count) = (0.0, 0.0);
        for listing in self.listings.iter().filter(|listing| listing.is_quoted()) {
            let spread = listing.ask.0 as f64 - listing.bid.0 as f64;
            sum += 2.0 * spread / (listing.ask.0 as f64 + listing.bid.0 as f64);
            count += 1.0;
        }
        let (mut squares, mut total) = (0.0, 0.0);
        for strike in 0..self.strikes.len() {
            let of = |(listing, option): (&Listing, &Member)| {
                (option.strike_idx as usize == strike).then(|| listing.open_interest.unwrap_or(0))
            };
            let interest: u64 = self.listings.iter().zip(&self.options).filter_map(of).sum();
            total += interest as f64;
            squares += interest as f64 * interest as f64;
        }
        crate::decide::vetting::context_of(squares / (total * total), sum / count)
            .filter(|_| total > 0.0)
    }

    /// Contracts cleared on the last day that the venue told of.
    #[must_use]
    pub fn volume(&self, at: usize) -> Option<u32> {
        self.options.get(at)?.volume
    }

    /// Greeks of one contract in dollars; none if its last turn found no price.
    #[must_use]
    pub fn dollars(&self, at: usize) -> Option<DollarGreeks> {
        let turn = self.options.get(at)?.greeks?;
        let multiplier = f64::from(self.listings[at].multiplier);
        let money = |dollars: f64| money_away(dollars).map(Money);
        Some(DollarGreeks {
            delta: money(turn.delta * multiplier * turn.forward)?,
            gamma: money(turn.gamma * multiplier * turn.forward * turn.forward * 0.01)?,
            vega: money(turn.vega * multiplier * 0.01)?,
            as_of: turn.at,
        })
    }

    /// What a day would take of an option's price, as a share of it (R9); none if its last turn
    /// found no price.
    #[must_use]
    pub fn decay(&self, at: usize) -> Option<f64> {
        Some(self.options.get(at)?.greeks?.decay)
    }

    /// The day that an option expires.
    #[must_use]
    pub fn expiry(&self, at: usize) -> Option<Day> {
        self.listings.get(at).map(|listing| listing.expiry)
    }

    /// The contract that a position in an option is rolled to: the same right and strike at the
    /// next expiry of which it is listed. Its place comes with it.
    #[must_use]
    pub fn next(&self, at: usize) -> Option<(usize, Contract)> {
        let own = self.listings.get(at)?;
        let is_later = |(_, other): &(usize, &Listing)| {
            (other.right, other.strike) == (own.right, own.strike) && other.expiry > own.expiry
        };
        let listings = self.listings.iter().enumerate();
        let (to, _) = listings
            .filter(is_later)
            .min_by_key(|(to, other)| (other.expiry, *to))?;
        Some((to, self.options[to].contract))
    }

    /// The volatility that an option's price implied at its last turn.
    #[must_use]
    pub fn implied(&self, at: usize) -> Option<f64> {
        Some(self.options.get(at)?.greeks?.vol)
    }

    /// Gives so many of the options their turn, with the underlying at `spot`. After the last one
    /// the sums are drawn.
    pub fn refresh(&mut self, turns: usize, spot: Price, now: Nanos, search: Search) {
        let mut left = turns.min(self.options.len());
        while left > 0 {
            if self.cursor == 0 {
                self.round_at = now;
            }
            let until = self.options.len().min(self.cursor + left);
            let options = self.options[self.cursor..until].iter_mut();
            for (listing, option) in self.listings[self.cursor..until].iter_mut().zip(options) {
                option.turn(listing, (spot, now), self.rate, search);
            }
            left -= until - self.cursor;
            self.cursor = until;
            if self.cursor == self.options.len() {
                self.cursor = 0;
                self.draw();
                self.unusual = self.judge_volume();
            }
        }
    }

    /// How many options have their turn in each of `ticks` equal parts of the cadence.
    #[must_use]
    pub fn turns(&self, ticks: usize) -> usize {
        self.options.len().div_ceil(ticks.max(1))
    }

    /// One option's Greeks, from the middle of its quote.
    pub fn turn(&mut self, at: usize, spot: Price, now: Nanos, search: Search) {
        self.options[at].turn(&mut self.listings[at], (spot, now), self.rate, search);
    }

    fn draw(&mut self) {
        self.by_strike.clear();
        let strikes = self.strikes.iter();
        self.by_strike.extend(strikes.map(|strike| StrikeGex {
            strike: *strike,
            gex: 0.0,
        }));
        let (mut gex, mut dex, mut count) = (0.0, 0.0, 0);
        for (listing, option) in self.listings.iter().zip(&self.options) {
            let interest = listing.open_interest.unwrap_or(0);
            let Some(turn) = option.greeks.filter(|_| interest >= INTEREST_MIN) else {
                continue;
            };
            let units = interest as f64 * f64::from(listing.multiplier);
            let part = listing.right.sign() * turn.gamma * units * turn.forward * turn.forward;
            self.by_strike[option.strike_idx as usize].gex += part;
            gex += part;
            dex += turn.delta * units * turn.forward;
            count += 1;
        }
        let [gex_before, dex_before] = &mut self.history;
        self.sums = (count > 0).then(|| Sums {
            at: self.round_at,
            gex,
            dex,
            gex_z: gex_before.score(gex),
            dex_z: dex_before.score(dex),
            options: count,
        });
    }
}

impl Chain {
    /// What was traded of the chain this session against what is open in it, and against what is
    /// usual at this time of day.
    fn judge_volume(&self) -> Option<Reading<Unusual>> {
        let (mut volume, mut open) = (0_u64, 0_u64);
        let mut flagged: Option<(i128, &Listing)> = None;
        for (listing, option) in self.listings.iter().zip(&self.options) {
            let is_over = option.contract.expiry <= self.round_at;
            let Some(interest) = listing.open_interest.filter(|_| !is_over) else {
                continue;
            };
            volume = volume.saturating_add(option.traded);
            open = open.saturating_add(interest);
            if !unusual::is_unusual(option.traded, interest) || !listing.is_quoted() {
                continue;
            }
            // Twice the middle, which compares as well.
            let middle = i128::from(listing.bid.0) + i128::from(listing.ask.0);
            let premium = middle * i128::from(option.traded) * i128::from(listing.multiplier);
            if flagged.is_none_or(|(most, _)| most < premium) {
                flagged = Some((premium, listing));
            }
        }
        let score = unusual::score(self.hours.volume_z(), Some(volume as f64 / open as f64))?;
        let contract = flagged.map(|(_, listing)| (listing.strike, listing.right));
        Some(Reading {
            value: Unusual { score, contract },
            at: self.round_at,
        })
    }
}

/// Black (1976) on the middle of a sound quote; none where there is no volatility.
fn price_of(
    listing: &Listing,
    option: &Member,
    (spot, now): (Price, Nanos),
    rate: f64,
    search: Search,
) -> Option<Turn> {
    let left_ns = option.contract.expiry.0.checked_sub(now.0)?;
    let terms = Terms::on_future(listing.right, [spot, listing.strike], left_ns, rate).ok()?;
    let mid = f64::midpoint(points(listing.bid), points(listing.ask));
    let vol = volatility(&terms, mid, search).ok()?;
    let greeks = terms.greeks(vol).ok()?;
    Some(Turn {
        at: now,
        vol,
        delta: greeks.delta?,
        gamma: greeks.gamma.filter(|gamma| (0.0..=1.0).contains(gamma))?,
        vega: greeks.vega?,
        decay: -greeks.theta? / DAYS_PER_YEAR / mid,
        forward: points(spot),
    })
}
