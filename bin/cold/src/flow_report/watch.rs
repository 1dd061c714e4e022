//! A watch on one instrument: intervals of event time, and the events found in them.
//!
//! Everything that is summed comes from the records themselves, everything that stands from the
//! flow stage's outputs. Which price and side a hidden order has is found by the stage's own
//! account of refills, fed with the same records. Sizes are contracts or shares.

use std::collections::{BTreeMap, VecDeque};

use undertow_core::event::{BookUpdate, Effect, Mbo, Touch};
use undertow_core::types::{Action, BookKey, Flags, Nanos, OrderId, Price, Side};
use undertow_strategies::flow::hidden::{HiddenCounts, Refills};
use undertow_strategies::flow::imbalance::Ofi;
use undertow_strategies::flow::{FlowUpdate, Reading, Tape};

use super::gather::Question;
use super::{FlowEvent, FlowReport, FlowRow, Kind, Totals};
use crate::summary::BookTrust;

/// A trade with its aggressor.
#[derive(Clone, Copy, Debug)]
struct Print {
    ts: Nanos,
    price: Price,
    size: u32,
    side: Side,
}

/// Watches one instrument from an instant on.
#[derive(Debug)]
pub struct Watch {
    every: Nanos,
    start: Nanos,
    /// The open interval: when it ends, and what has happened in it.
    end: Nanos,
    open: FlowRow,
    is_quiet: bool,
    rows: Vec<FlowRow>,
    quiet: u64,
    totals: Totals,
    profile: BTreeMap<Price, [u64; 3]>,
    ofi: Ofi,
    log: Log,
}

impl Watch {
    /// A watch from `start` on; intervals end at multiples of their length.
    pub(super) fn new(question: &Question, start: Nanos) -> Self {
        let every = Nanos(question.every.0.max(1));
        Self {
            every,
            start,
            end: next_multiple(start, every),
            open: opened(start),
            is_quiet: true,
            rows: Vec::new(),
            quiet: 0,
            totals: Totals::default(),
            profile: BTreeMap::new(),
            ofi: Ofi::new(every),
            log: Log::new(question),
        }
    }

    /// Lets time pass: closes the open interval if it is over.
    pub(super) fn advance(&mut self, now: Nanos) {
        if now < self.end {
            return;
        }
        self.close(self.end);
        // What follows up to now is quiet throughout.
        let skipped = (now.0 - self.end.0) / self.every.0;
        self.quiet += skipped;
        self.open.start = Nanos(self.end.0 + skipped * self.every.0);
        self.end = next_multiple(self.open.start, self.every);
    }

    /// Takes a record of the instrument with what it did; `side` is a trade's aggressor.
    pub(super) fn record(&mut self, update: &BookUpdate, now: Nanos, side: Side, measured: bool) {
        let mbo = &update.mbo;
        let is_shown = now >= self.start;
        let is_trade = mbo.action == Action::Trade && mbo.price.is_defined() && mbo.size > 0;
        if is_trade && is_shown {
            self.is_quiet = false;
            self.trade(mbo.price, mbo.size, side);
        }
        if is_trade {
            let (price, size) = (mbo.price, mbo.size);
            let ts = now;
            self.log.trade(Print {
                ts,
                price,
                size,
                side,
            });
        }
        if measured {
            self.log.orders(update, now, is_shown);
        }
    }

    /// Takes what the flow stage says of the instrument.
    /// Depth is that of a whole book, unless the feed has `is_touch_alone`.
    pub(super) fn output(
        &mut self,
        said: &FlowUpdate,
        tape: &Tape,
        now: Nanos,
        is_touch_alone: bool,
    ) {
        let touch = &said.touch;
        let is_quoted = touch.bid.is_defined() || touch.ask.is_defined();
        let contribution = is_quoted.then(|| self.ofi.observe(now, touch)).flatten();
        let is_shown = now >= self.start;
        self.is_quiet &= !is_shown;
        let row = &mut self.open;
        if let Some(contribution) = contribution.filter(|_| is_shown) {
            row.ofi = Some(row.ofi.unwrap_or(0).saturating_add(contribution));
        }
        row.last = said.last;
        row.touch = said.touch;
        row.cvd = said.cvd();
        row.obi_l1 = said.obi_l1();
        row.obi_l5 = said.obi_l5().filter(|_| !is_touch_alone);
        let reading = said.reading.as_ref();
        row.vwap = reading.map_or_else(|| tape.vwap(), |reading| reading.vwap);
        row.vpin = reading.and_then(|reading| reading.vpin);
        row.toxicity = reading.and_then(|reading| reading.toxicity);
        row.hidden = reading.and_then(|reading| reading.hidden);
        let blocks = std::mem::replace(&mut self.log.block_count, said.blocks);
        if is_shown {
            self.log.blocks(risen(blocks, said.blocks));
        }
        if let Some(reading) = reading {
            self.log.reading(reading, said.last, now, is_shown);
        }
        self.log.prints.clear();
    }

    /// Takes what trades alone come to: where nothing else is told, no event ever ends with a flag
    /// that lets the flow stage speak.
    pub(super) fn tape(&mut self, tape: &Tape) {
        self.open.last = tape.last;
        self.open.cvd = tape.cvd();
        self.open.vwap = tape.vwap();
    }

    /// The report of what was seen, once nothing follows `end`.
    pub(super) fn finish(mut self, key: BookKey, end: Nanos) -> FlowReport {
        self.advance(end);
        if self.open.start < end {
            self.close(end);
        }
        FlowReport {
            name: String::new(),
            key,
            terms: None,
            trust: BookTrust::NO_BOOK,
            every: self.every,
            span: (self.start <= end).then_some([self.start, end]),
            rows: self.rows,
            quiet: self.quiet,
            totals: self.totals,
            events: self.log.events,
            signals: Vec::new(),
            windows: Vec::new(),
            profile: self.profile.into_iter().collect(),
        }
    }

    fn trade(&mut self, price: Price, size: u32, side: Side) {
        let size = u64::from(size);
        let place = match side {
            Side::Bid => 0,
            Side::Ask => 1,
            Side::None => 2,
        };
        self.profile.entry(price).or_default()[place] += size;
        let row = &mut self.open;
        row.high = Some(row.high.map_or(price, |high| high.max(price)));
        row.low = Some(row.low.map_or(price, |low| low.min(price)));
        for totals in [&mut row.traded, &mut self.totals] {
            totals.trades += 1;
            *[&mut totals.bought, &mut totals.sold, &mut totals.unsided][place] += size;
        }
    }

    /// Closes the open interval at `end`. What stands goes on to the next one.
    fn close(&mut self, end: Nanos) {
        let row = FlowRow { end, ..self.open };
        if self.is_quiet {
            self.quiet += 1;
        } else {
            self.rows.push(row);
        }
        self.is_quiet = true;
        self.open = FlowRow {
            start: end,
            traded: Totals::default(),
            high: None,
            low: None,
            ofi: None,
            ..row
        };
    }
}

/// Finds out when and where what the measures count has happened.
#[derive(Debug)]
struct Log {
    events: Vec<FlowEvent>,
    /// Trades since the last output.
    prints: Vec<Print>,
    /// The run of trades by one side that may be a sweep, none older than a sweep may last.
    run: VecDeque<Print>,
    sweep_window: u64,
    before: Option<Reading>,
    block_count: u64,
    sweep: Option<usize>,
    pressure: Option<usize>,
    refills: Refills,
    counts: HiddenCounts,
    iceberg_refills: u32,
    /// Of the open event: filled prices, and what was modified at them, with whether it lost no
    /// size by it.
    filled: Vec<(Side, Price)>,
    modified: Vec<(Mbo, bool)>,
    /// Hidden orders by what they go on under.
    icebergs: BTreeMap<Chain, usize>,
}

/// What later refills of a hidden order are known by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Chain {
    /// The id under which the venue refills it.
    Order(OrderId),
    /// Whether it bids, its price, and the size of its slices.
    Slices(bool, Price, u32),
}

impl Log {
    fn new(question: &Question) -> Self {
        let parameters = &question.parameters;
        let refills = Refills::new(
            parameters.refill_window,
            parameters.iceberg_refills,
            parameters.slice_size_min,
        );
        Self {
            events: Vec::new(),
            prints: Vec::new(),
            run: VecDeque::new(),
            sweep_window: parameters.sweep_window.0,
            before: None,
            block_count: 0,
            sweep: None,
            pressure: None,
            counts: refills.counts(),
            refills,
            iceberg_refills: parameters.iceberg_refills,
            filled: Vec::new(),
            modified: Vec::new(),
            icebergs: BTreeMap::new(),
        }
    }

    fn trade(&mut self, print: Print) {
        self.prints.push(print);
        let goes_on = self.run.back().is_some_and(|last| {
            let is_onward = match print.side {
                Side::Bid => last.price <= print.price,
                Side::Ask => print.price <= last.price,
                Side::None => false,
            };
            is_onward && last.side == print.side
        });
        if !goes_on {
            self.run.clear();
        }
        let is_old = |first: &Print| self.sweep_window < print.ts.0.saturating_sub(first.ts.0);
        while self.run.front().is_some_and(is_old) {
            self.run.pop_front();
        }
        self.run.push_back(print);
    }

    /// What the flow stage counts after an event: what is new in it?
    fn reading(&mut self, reading: &Reading, last: Option<Price>, now: Nanos, is_shown: bool) {
        let before = self.before.replace(*reading).unwrap_or_default();
        if is_shown {
            self.sweep(&before, reading, last, now);
            self.pressure(&before, reading, last, now);
        }
    }

    /// The largest trades of the event, as many as were blocks.
    fn blocks(&mut self, count: u64) {
        if count == 0 {
            return;
        }
        let mut largest: Vec<&Print> = self.prints.iter().collect();
        largest.sort_by_key(|print| std::cmp::Reverse(print.size));
        largest.truncate(usize::try_from(count).unwrap_or(usize::MAX));
        largest.sort_by_key(|print| print.ts);
        self.events
            .extend(largest.into_iter().map(|print| FlowEvent {
                ts: print.ts,
                until: print.ts,
                kind: Kind::Block,
                side: print.side,
                price: print.price,
                last_price: print.price,
                size: print.size.into(),
            }));
    }

    fn sweep(&mut self, before: &Reading, reading: &Reading, last: Option<Price>, now: Nanos) {
        let (Some(sweep), Some(last)) = (reading.sweep, last) else {
            return;
        };
        let (levels, size, side) = (sweep.levels, sweep.size, sweep.side);
        if risen(before.sweeps, reading.sweeps) > 0 {
            let first = self.run.front().map_or(last, |print| print.price);
            self.sweep = Some(self.events.len());
            self.events.push(FlowEvent {
                ts: now,
                until: now,
                kind: Kind::Sweep { levels },
                side,
                price: first,
                last_price: last,
                size,
            });
        } else if before.sweep.is_none_or(|before| before.until < sweep.until)
            && let Some(event) = self.sweep.and_then(|at| self.events.get_mut(at))
            && let Kind::Sweep { levels: known } = &mut event.kind
        {
            // The same run goes on.
            *known = levels.max(*known);
            event.size = event.size.max(size);
            (event.until, event.last_price) = (now, last);
        }
    }

    fn pressure(&mut self, before: &Reading, reading: &Reading, last: Option<Price>, now: Nanos) {
        let (Some(pressure), Some(last)) = (reading.taker_pressure, last) else {
            return;
        };
        let takes = pressure.takes;
        if risen(before.taker_pressures, reading.taker_pressures) > 0 {
            self.pressure = Some(self.events.len());
            self.events.push(FlowEvent {
                ts: now,
                until: now,
                kind: Kind::Pressure { takes },
                side: pressure.side,
                price: last,
                last_price: last,
                size: pressure.size,
            });
        } else if before
            .taker_pressure
            .is_none_or(|it| it.until < pressure.until)
            && let Some(event) = self.pressure.and_then(|at| self.events.get_mut(at))
        {
            // It goes on: told as it was when it was strongest.
            if event.size < pressure.size {
                (event.kind, event.size) = (Kind::Pressure { takes }, pressure.size);
            }
            (event.until, event.last_price) = (now, last);
        }
    }

    /// A record of the book, for the account of refills.
    fn orders(&mut self, update: &BookUpdate, now: Nanos, is_shown: bool) {
        let mbo = &update.mbo;
        if mbo.action == Action::Trade {
            self.refills.trade(mbo);
        } else {
            self.refills.observe(update, mbo.ts_event);
        }
        let place = (mbo.side, mbo.price);
        match mbo.action {
            Action::Fill => self.filled.push(place),
            Action::Modify | Action::Cancel if self.filled.contains(&place) => {
                let is_whole = matches!(update.effect, Effect::None | Effect::Requeued);
                self.modified.push((*mbo, is_whole));
            }
            _ => {}
        }
        let before = std::mem::replace(&mut self.counts, self.refills.counts());
        if is_shown && before.slices < self.counts.slices {
            self.slice(mbo, now, before.icebergs < self.counts.icebergs);
        }
        if mbo.flags.has(Flags::LAST) {
            self.refills.end_event();
            let before = std::mem::replace(&mut self.counts, self.refills.counts());
            let size = self.counts.hidden_size.saturating_sub(before.hidden_size);
            let refills = self.counts.refills.saturating_sub(before.refills);
            if is_shown && size > 0 {
                self.reveal(size, refills, now);
            }
            self.filled.clear();
            self.modified.clear();
        }
    }

    /// One more order of a chain.
    fn slice(&mut self, mbo: &Mbo, now: Nanos, is_found: bool) {
        let chain = Chain::Slices(mbo.side == Side::Bid, mbo.price, mbo.size);
        if is_found {
            let refills = self.iceberg_refills;
            let size = u64::from(mbo.size) * u64::from(refills);
            let kind = Kind::Slices { refills };
            self.found(chain, kind, (mbo.side, mbo.price), size, now);
        } else {
            self.go_on(chain, 1, mbo.size.into(), now);
        }
    }

    /// Size that had not been displayed was filled.
    fn reveal(&mut self, size: u64, refills: u32, now: Nanos) {
        if let Some(mbo) = self.refilled().filter(|_| refills > 0) {
            let chain = Chain::Order(mbo.order_id);
            if !self.go_on(chain, refills, size, now) {
                let kind = Kind::Iceberg { refills };
                self.found(chain, kind, (mbo.side, mbo.price), size, now);
            }
        } else if let Some((side, price)) = self.filled.last().copied() {
            self.events.push(FlowEvent {
                ts: now,
                until: now,
                kind: Kind::Hidden,
                side,
                price,
                last_price: price,
                size,
            });
        }
    }

    /// The order that was refilled in the open event: one that is known for it, else one that lost
    /// no size, else the last.
    fn refilled(&self) -> Option<Mbo> {
        let is_known = |mbo: &Mbo| self.icebergs.contains_key(&Chain::Order(mbo.order_id));
        let rank = |(mbo, is_whole): &&(Mbo, bool)| (is_known(mbo), *is_whole);
        self.modified.iter().max_by_key(rank).map(|(mbo, _)| *mbo)
    }

    fn found(&mut self, chain: Chain, kind: Kind, at: (Side, Price), size: u64, now: Nanos) {
        let (side, price) = at;
        self.icebergs.insert(chain, self.events.len());
        self.events.push(FlowEvent {
            ts: now,
            until: now,
            kind,
            side,
            price,
            last_price: price,
            size,
        });
    }

    /// More of a hidden order that is known. Says whether it is.
    fn go_on(&mut self, chain: Chain, more: u32, size: u64, now: Nanos) -> bool {
        let known = self.icebergs.get(&chain);
        let Some(event) = known.and_then(|at| self.events.get_mut(*at)) else {
            return false;
        };
        if let Kind::Iceberg { refills } | Kind::Slices { refills } = &mut event.kind {
            *refills += more;
        }
        event.size = event.size.saturating_add(size);
        event.until = now;
        true
    }
}

/// By how much a count of the session has risen; one that fell began anew.
const fn risen(before: u64, now: u64) -> u64 {
    if before <= now { now - before } else { now }
}

/// Nothing has happened since `start`, and nothing is known.
pub(super) const fn opened(start: Nanos) -> FlowRow {
    FlowRow {
        start,
        end: start,
        traded: Totals {
            trades: 0,
            bought: 0,
            sold: 0,
            unsided: 0,
        },
        high: None,
        low: None,
        ofi: None,
        last: None,
        touch: Touch::EMPTY,
        vwap: None,
        cvd: 0,
        obi_l1: None,
        obi_l5: None,
        vpin: None,
        toxicity: None,
        hidden: None,
    }
}

/// The first multiple of `every` after `t`.
const fn next_multiple(t: Nanos, every: Nanos) -> Nanos {
    Nanos((t.0 - t.0 % every.0).saturating_add(every.0))
}
