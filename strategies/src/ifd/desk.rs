//! The live part: every option of a session, from definitions and updates to findings.
//!
//! Memory is laid out at construction, within [`Limits`]. A trade costs three windows and a look
//! at the last quotes, whatever the number of options. Time is that of events: a window is closed
//! `grace` after its end by the first event of any instrument that comes then, and its findings
//! wait in a queue, from which a stage takes at most [`DRAIN`] for each input. Nothing found
//! depends on when it is taken. A signal's time is that of the trade, or of the closing.
//!
//! Absent on purpose: who began a trade (M1, the caller's), the search for an implied volatility
//! (see [`Desk::searched_by`]), the trading day (see [`Desk::start_day`]), and the clock.

mod finding;
mod judge;
mod lanes;
mod legs;
mod listing;
mod points;

pub use finding::{Contract, Evidence, Finding, Pressure, Resolution, Signal, Version, Window};
pub use lanes::{GRACE_NS, Widths};

use alloc::boxed::Box;
use core::iter::repeat_n;

use undertow_core::event::{BookUpdate, Control, Mbo, Statistic, Trust};
use undertow_core::order::Quote;
use undertow_core::types::{Action, BookKey, Nanos, Side, Text};

use super::baseline::Table;
use super::confidence::Profile;
use super::quoting::Ring;
use super::spike::Spike;
use crate::options::implied::Search;
use finding::Pending;
pub use judge::Judged;
use judge::{Judge, Seen};
use lanes::{Closed, Lanes, SIGNALS, Trade};
use listing::{Listing, NONE, Owner};
use points::Point;

/// Findings that a stage should take for each input: as many windows as a trade opens, and one
/// more, so that the queue gets shorter whatever comes.
pub const DRAIN: usize = 4;
/// Windows closed for each input while a slot is being closed.
const CLOSE_PER_INPUT: usize = 4;
/// Findings that may wait, for each option: three widths, two slots of each, and what becomes
/// of them.
const PENDING_PER_OPTION: usize = 8;
/// An event this much later than its own arrival has a broken clock, ns.
const AHEAD_MAX_NS: u64 = 1_000_000_000;
/// A time beyond this is no time (it is past the year 2200).
const TIME_MAX: u64 = i64::MAX.cast_unsigned();

/// How much a desk holds; nothing grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Dense book indices are below this.
    pub books_max: usize,
    /// Options.
    pub options_max: usize,
    /// Futures and stocks, whether or not there are options on them.
    pub underlyings_max: usize,
    /// Options whose quotes are watched; those that trade first.
    pub quoted_max: usize,
}

/// How a desk works.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// Thresholds of version 3.
    pub profile: Profile,
    /// Widths of the windows.
    pub widths: Widths,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            profile: Profile::PRODUCTION,
            widths: Widths::STANDARD,
        }
    }
}

/// What happened that is not a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Counters {
    /// Options listed.
    pub options: usize,
    /// Trades of options.
    pub trades: u64,
    /// Contracts traded whose side nobody knows.
    pub unclassified: u64,
    /// Contracts traded in options without open interest, such as those listed today.
    pub without_interest: u64,
    /// Trades too late for their window, by width.
    pub late: [u64; 3],
    /// Updates without a usable time, and trades without a price or size.
    pub unusable: u64,
    /// Definitions for which there was no room.
    pub refused: u64,
    /// Options that trade and whose quotes nobody watches.
    pub unwatched: u64,
    /// Findings for which there was no room; 0 as long as [`DRAIN`] are taken for each input.
    pub lost: u64,
    /// The most findings that ever waited.
    pub pending_max: usize,
    /// What version 3 looked at.
    pub judged: Judged,
}

/// See the module.
#[derive(Clone, Debug)]
pub struct Desk {
    listing: Listing,
    lanes: Lanes,
    judge: Judge,
    /// By option: its ring below, or [`NONE`].
    ring_of: Box<[u32]>,
    rings: Box<[Ring]>,
    rings_len: usize,
    pending: Pending,
    counters: Counters,
    /// The latest time at which something was due, ns.
    now: u64,
    /// An input of this time or later must look at the lanes; 0 while one is closing.
    wake_at: u64,
    minutes: [u64; 3],
}

impl Desk {
    /// A desk that compares with `table`, laid out before the session.
    #[must_use]
    pub fn new(limits: &Limits, settings: &Settings, table: Table) -> Self {
        let options_max = limits.options_max;
        Self {
            listing: Listing::new(limits.books_max, options_max, limits.underlyings_max),
            lanes: Lanes::new(settings.widths, options_max),
            judge: Judge::new(settings.profile, table, options_max, limits.underlyings_max),
            ring_of: laid_out(options_max, NONE),
            rings: laid_out(limits.quoted_max, Ring::default()),
            rings_len: 0,
            pending: Pending::new(options_max * PENDING_PER_OPTION + 64),
            counters: Counters::default(),
            now: 0,
            wake_at: 0,
            minutes: settings.widths.minutes(),
        }
    }

    /// The same with a search for implied volatilities. Without one nothing is taken for a crush.
    #[must_use]
    pub fn searched_by(mut self, search: Search) -> Self {
        self.judge.search = search;
        self
    }

    /// Sees a record and its effect. `side` is who began the trade, as far as can be told (M1);
    /// it says nothing for what is no trade.
    #[inline(always)]
    pub fn on_update(&mut self, update: &BookUpdate, side: Side) {
        // Nearly all records fall through both: nothing is due, and no touch has moved.
        if self.wake_at <= update.mbo.ts_event.0 && !self.wake(&update.mbo) {
            return;
        }
        if update.mbo.action == Action::Trade {
            self.traded(update, side);
        } else if update.touch_changed {
            match self.listing.owner(update.book_idx, update.mbo.key()) {
                Owner::Neither => {}
                Owner::Option(option) => self.quote(option, update),
                Owner::Underlying(underlying) => self.listing.quote(underlying, &update.touch),
            }
        }
    }

    /// Lets a record's time pass. False if it has none that can be used.
    #[inline(never)]
    fn wake(&mut self, mbo: &Mbo) -> bool {
        if !is_usable(mbo.ts_event, mbo.ts_recv) {
            self.counters.unusable += 1;
            return false;
        }
        self.on_time(mbo.ts_event);
        true
    }

    /// Sees a trade, and the quote after it.
    #[inline(never)]
    fn traded(&mut self, update: &BookUpdate, side: Side) {
        let mbo = &update.mbo;
        match self.listing.owner(update.book_idx, mbo.key()) {
            Owner::Neither => {}
            Owner::Option(option) => {
                self.trade(option, update, side);
                if update.touch_changed {
                    self.quote(option, update);
                }
            }
            Owner::Underlying(underlying) => {
                self.listing.quote(underlying, &update.touch);
                self.listing.trade(underlying, mbo.price);
            }
        }
    }

    /// Sees a definition or a statistic; others say nothing here.
    pub fn on_control(&mut self, control: &Control) {
        match control {
            Control::Definition(definition) => self.listing.define(definition),
            Control::Statistic(statistic) => self.note_interest(statistic),
            _ => {}
        }
    }

    /// Lets time pass: what is due by then is closed, a few windows a call.
    pub fn on_time(&mut self, ts: Nanos) {
        self.now = self.now.max(ts.0.min(TIME_MAX));
        if self.lanes.due() <= self.now {
            self.begin_closing();
        }
        for lane in 0..3 {
            self.close(lane, CLOSE_PER_INPUT);
        }
        self.note_wake();
    }

    /// Another trading day begins: volumes and levels of version 1 start over.
    pub fn start_day(&mut self) {
        for day in &mut self.judge.days {
            day.restart();
        }
    }

    /// Closes every window, as no input follows. What is found is taken by
    /// [`Desk::next_finding`]; trades after this are late.
    pub fn finish(&mut self) {
        self.on_time(Nanos(TIME_MAX));
        for lane in 0..3 {
            self.close(lane, usize::MAX);
        }
        self.note_wake();
    }

    /// The next finding, in order.
    #[inline]
    pub fn next_finding(&mut self) -> Option<Finding> {
        self.pending.pop()
    }

    /// How many findings wait.
    #[must_use]
    pub const fn pending(&self) -> usize {
        self.pending.len()
    }

    /// What happened so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        Counters {
            options: self.listing.options().len(),
            late: self.lanes.late(),
            refused: self.listing.refused,
            lost: self.pending.lost,
            pending_max: self.pending.len_max,
            judged: self.judge.judged,
            ..self.counters
        }
    }

    /// Yesterday's open interest of an option, and the time that it is about.
    #[must_use]
    pub fn open_interest(&self, key: BookKey) -> Option<(u64, Nanos)> {
        let option = self.listing.option(key)?;
        let day = self.judge.days.get(option as usize)?;
        day.open_interest.map(|interest| (interest, day.as_of))
    }

    fn trade(&mut self, option: u32, update: &BookUpdate, side: Side) {
        let mbo = &update.mbo;
        let is_sound = mbo.price.is_defined() && mbo.size > 0;
        if !is_sound || !is_usable(mbo.ts_event, mbo.ts_recv) {
            self.counters.unusable += 1;
            return;
        }
        let ts = mbo.ts_event;
        let making = self.quoting(option, ts);
        for lane in 0..3 {
            if self.lanes.blocks(lane, ts.0) {
                self.close(lane, usize::MAX);
            }
        }
        let trade = Trade {
            ts: ts.0,
            price: mbo.price,
            size: mbo.size,
            side,
            making,
            point: self.point(option, update),
        };
        self.lanes.add(option, &trade);
        self.count(option, mbo.size, side);
        let listed = self.listing.options().get(option as usize);
        let spike = listed.and_then(|listed| self.judge.spike(option, listed, mbo.price));
        if let Some(spike) = spike {
            self.speak_of_spike(option, spike, ts);
        }
    }

    #[cold]
    fn speak_of_spike(&mut self, option: u32, spike: Spike, ts: Nanos) {
        // Whatever version 3 has to say of the time before comes first.
        self.close(SIGNALS, usize::MAX);
        let Some(contract) = self.contract(option) else {
            return;
        };
        let underlying = self.listing.options()[option as usize].terms.underlying;
        let spot = self.listing.underlying_of(option).and_then(|it| it.spot());
        let about = (option, contract, underlying);
        self.judge
            .speak_of_spike(about, spike, ts, spot, &mut self.pending);
    }

    /// What option and underlying cost now, if both can be said.
    fn point(&self, option: u32, update: &BookUpdate) -> Option<Point> {
        let touch = &update.touch;
        let quote = Quote {
            bid: touch.bid,
            ask: touch.ask,
        };
        let is_known = update.trust == Trust::Good && quote.is_sound();
        let underlying = self.listing.underlying_of(option)?.spot()?;
        is_known.then(|| Point {
            ts: update.mbo.ts_event.0,
            option: quote.mid(),
            underlying,
        })
    }

    fn count(&mut self, option: u32, size: u32, side: Side) {
        let size = u64::from(size);
        self.counters.trades += 1;
        if side == Side::None {
            self.counters.unclassified += size;
        }
        if let Some(day) = self.judge.days.get_mut(option as usize) {
            day.volume = day.volume.saturating_add(size);
            if day.open_interest.is_none_or(|interest| interest == 0) {
                self.counters.without_interest += size;
            }
        }
    }

    /// Probability of market making by the quotes before a trade. The first trade of an option
    /// starts the watch.
    fn quoting(&mut self, option: u32, ts: Nanos) -> f64 {
        let Some(place) = self.ring_of.get_mut(option as usize) else {
            return 0.0;
        };
        if *place == NONE {
            if self.rings_len == self.rings.len() {
                self.counters.unwatched += 1;
                return 0.0;
            }
            *place = self.rings_len as u32;
            self.rings_len += 1;
        }
        let behaviour = self.rings[*place as usize].behaviour(ts);
        behaviour.map_or(0.0, |it| it.probability())
    }

    #[inline]
    fn quote(&mut self, option: u32, update: &BookUpdate) {
        let ring = self.ring_of.get(option as usize).copied();
        let ring = ring.and_then(|ring| self.rings.get_mut(ring as usize));
        if let (Some(ring), Trust::Good) = (ring, update.trust) {
            ring.note(update.mbo.ts_event, &update.touch);
        }
    }

    fn note_interest(&mut self, statistic: &Statistic) {
        if statistic.stat_type != Statistic::OPEN_INTEREST {
            return;
        }
        let Some(option) = self.listing.option(statistic.key) else {
            return;
        };
        let Some(day) = self.judge.days.get_mut(option as usize) else {
            return;
        };
        let quantity = u64::try_from(statistic.quantity).ok();
        let is_known = !statistic.deleted && statistic.quantity != i64::MAX;
        day.open_interest = quantity.filter(|_| is_known);
        day.as_of = statistic.ts_ref;
    }

    /// Begins to close whatever is due; what was being closed before is finished first.
    #[cold]
    fn begin_closing(&mut self) {
        for lane in 0..3 {
            while self.lanes.is_due(lane, self.now) {
                self.close(lane, usize::MAX);
                for underlying in self.listing.underlyings_mut() {
                    underlying.spot_at_close[lane] = underlying.spot();
                }
                self.lanes.begin(lane, self.now);
            }
        }
    }

    fn note_wake(&mut self) {
        let is_closing = (0..3).any(|lane| self.lanes.is_closing(lane));
        self.wake_at = if is_closing { 0 } else { self.lanes.due() };
    }

    /// Closes at most `windows_max` windows of the slot that a lane is closing.
    fn close(&mut self, lane: usize, windows_max: usize) {
        for _ in 0..windows_max {
            match self.lanes.step(lane) {
                None => return,
                Some(Closed::Window { option, slot }) => self.close_window(lane, option, slot),
                Some(Closed::Slot(slot)) => {
                    if lane == SIGNALS {
                        let (_, closed) = self.lanes.span(lane, slot);
                        self.judge.speak_of_pressure(closed, &mut self.pending);
                    }
                    return;
                }
            }
        }
    }

    fn close_window(&mut self, lane: usize, option: u32, slot: u64) {
        let (Some(cell), Some(listed)) = (
            self.lanes.cell(lane, option, slot),
            self.listing.options().get(option as usize),
        ) else {
            return;
        };
        let Some(contract) = self.contract(option) else {
            return;
        };
        let (start, _) = self.lanes.span(lane, slot);
        let underlying = self.listing.underlying_of(option);
        let spot = underlying.and_then(|it| it.spot_at_close[lane]);
        self.pending.push(Finding::Window(Window {
            contract,
            start,
            minutes: self.minutes[lane],
            tally: cell.tally,
            spot,
        }));
        if lane == SIGNALS {
            let product = underlying.map_or(Text::new(), |it| it.product);
            self.judge.consider(&Seen {
                option,
                listed,
                contract,
                product,
                spot,
                slot,
                start,
                cell,
                mate: self.lanes.cell(lane, listed.mate, slot),
            });
        }
    }

    fn contract(&self, option: u32) -> Option<Contract> {
        let terms = &self.listing.options().get(option as usize)?.terms;
        Some(Contract {
            key: terms.key,
            strike: terms.strike,
            expiry: terms.expiry,
            right: terms.right,
            underlying: self.listing.underlying_of(option).map(|it| it.key),
        })
    }
}

/// Whether an event's time can be worked with, given when it arrived.
const fn is_usable(ts: Nanos, arrived: Nanos) -> bool {
    let is_ahead = arrived.is_defined() && ts.0 > arrived.0.saturating_add(AHEAD_MAX_NS);
    ts.is_defined() && ts.0 < TIME_MAX && !is_ahead
}

/// Memory for `count` values, each of them written, so that no page of it is missing later.
fn laid_out<T: Clone>(count: usize, value: T) -> Box<[T]> {
    repeat_n(value, count).collect()
}
