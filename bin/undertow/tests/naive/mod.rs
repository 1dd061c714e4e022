//! Every figure of the flow stage by the definition alone, from lists of all that happened.
//!
//! Slow on purpose: nothing is kept that could be computed, and nothing here is shared with the
//! stage but the types it is compared in.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use undertow_core::event::{BookUpdate, Depth, Effect, Touch};
use undertow_core::types::{Action, Flags, Price, Side};
use undertow_strategies::flow::profile::VolumeProfile;
use undertow_strategies::flow::{FlowParameters, FlowUpdate};

const SECOND: u64 = 1_000_000_000;

/// A trade, with the quote of the last event that ended before it.
#[derive(Clone, Copy, Debug)]
struct Trade {
    ts: u64,
    price: i64,
    size: u64,
    venue: Side,
    quote: Touch,
    /// The place of its event among the events.
    event_at: usize,
}

/// An event that traded or moved the touch.
#[derive(Clone, Copy, Debug)]
struct Event {
    ts: u64,
    touch: Touch,
    moved: bool,
    depth: Depth,
}

/// A fill or change of one event.
#[derive(Clone, Copy, Debug)]
struct Change {
    action: Action,
    effect: Effect,
    order_id: u64,
    side: Side,
    price: i64,
    size: u64,
}

impl Change {
    fn level(&self) -> (bool, i64) {
        (self.side == Side::Bid, self.price)
    }
}

/// All that happened to one instrument.
pub(crate) struct History {
    parameters: FlowParameters,
    trades: Vec<Trade>,
    events: Vec<Event>,
    quote: Touch,
    traded: bool,
    /// Side, price and displayed size of each order.
    orders: HashMap<u64, (bool, i64, u64)>,
    open: Vec<Change>,
    hidden_size: u64,
    is_refilled: bool,
    /// Shares, not contracts.
    is_stock: bool,
}

impl History {
    pub(crate) fn new(parameters: FlowParameters) -> Self {
        Self {
            parameters,
            trades: Vec::new(),
            events: Vec::new(),
            quote: Touch::EMPTY,
            traded: false,
            orders: HashMap::new(),
            open: Vec::new(),
            hidden_size: 0,
            is_refilled: false,
            is_stock: false,
        }
    }

    /// Adds a record, and says whether the stage should speak after it.
    pub(crate) fn add(&mut self, update: &BookUpdate) -> bool {
        let mbo = &update.mbo;
        if mbo.action == Action::Trade {
            self.traded = true;
            self.is_stock = mbo.publisher_id.0 != 1;
            self.trades.push(Trade {
                ts: mbo.ts_event.0,
                price: mbo.price.0,
                size: mbo.size.into(),
                venue: mbo.side,
                quote: self.quote,
                event_at: self.events.len(),
            });
        }
        self.open.push(Change {
            action: mbo.action,
            effect: update.effect,
            order_id: mbo.order_id.0,
            side: mbo.side,
            price: mbo.price.0,
            size: mbo.size.into(),
        });
        if !mbo.flags.has(Flags::LAST) {
            return false;
        }
        self.settle();
        let speaks = self.traded || update.touch_changed;
        if speaks {
            self.quote = update.touch;
            self.events.push(Event {
                ts: mbo.ts_event.0,
                touch: update.touch,
                moved: update.touch_changed,
                depth: update.depth,
            });
        }
        self.traded = false;
        speaks
    }

    /// Price by price: what was filled and what is displayed after it, less what was displayed
    /// before, had been hidden. An auction's fills are not at their orders' prices.
    fn settle(&mut self) {
        let open = std::mem::take(&mut self.open);
        let trades = || open.iter().filter(|it| it.action == Action::Trade);
        let is_auction = trades().any(|it| it.side == Side::None);
        let is_own = |it: &&Change| trades().any(|trade| trade.order_id == it.order_id);
        let mut filled: BTreeMap<(bool, i64), u64> = BTreeMap::new();
        for fill in open.iter().filter(|it| it.action == Action::Fill) {
            if fill.side != Side::None && !is_auction && !is_own(&fill) {
                *filled.entry(fill.level()).or_default() += fill.size;
            }
        }
        let levels: Vec<_> = filled.keys().copied().collect();
        let before: Vec<u64> = levels.iter().map(|level| self.displayed(*level)).collect();
        for change in &open {
            self.apply(change);
        }
        for (level, before) in levels.into_iter().zip(before) {
            let at_level = || open.iter().filter(|it| it.level() == level);
            let is_told = at_level().any(|it| matches!(it.action, Action::Cancel | Action::Modify));
            let new =
                at_level().filter(|it| it.action == Action::Add && it.effect == Effect::Added);
            let new: u64 = new.map(|it| it.size).sum();
            let hidden = (filled[&level] + self.displayed(level)).saturating_sub(before + new);
            if is_told && hidden > 0 {
                self.hidden_size += hidden;
                self.is_refilled |= at_level().any(|it| it.action == Action::Modify);
            }
        }
    }

    fn apply(&mut self, change: &Change) {
        let is_applied = !matches!(change.effect, Effect::Refused | Effect::Replaced);
        let (is_bid, price) = change.level();
        match change.action {
            Action::Clear => self.orders.clear(),
            Action::Add | Action::Modify if is_applied => {
                self.orders
                    .insert(change.order_id, (is_bid, price, change.size));
            }
            Action::Cancel if is_applied => {
                if let Some(order) = self.orders.get_mut(&change.order_id) {
                    order.2 = order.2.saturating_sub(change.size);
                }
            }
            _ => {}
        }
    }

    fn displayed(&self, (is_bid, price): (bool, i64)) -> u64 {
        let orders = self.orders.values();
        let at_level = orders.filter(|order| (order.0, order.1) == (is_bid, price));
        at_level.map(|order| order.2).sum()
    }

    /// Price, size and aggressor of every trade; `None` is an auction's.
    fn sided(&self) -> Vec<(Trade, Option<Side>)> {
        let mut sided = Vec::new();
        for (at, trade) in self.trades.iter().enumerate() {
            let quote = trade.quote;
            let both = quote.bid.0 != i64::MAX && quote.ask.0 != i64::MAX;
            let twice = 2 * i128::from(trade.price);
            let middle = i128::from(quote.bid.0) + i128::from(quote.ask.0);
            let side = if trade.venue != Side::None {
                Some(trade.venue)
            } else if both && quote.bid > quote.ask {
                None
            } else if both && quote.bid < quote.ask && twice > middle {
                Some(Side::Bid)
            } else if both && quote.bid < quote.ask && twice < middle {
                Some(Side::Ask)
            } else {
                let prices: Vec<i64> = self.trades[..=at].iter().map(|it| it.price).collect();
                let change = prices.windows(2).rev().find(|pair| pair[0] != pair[1]);
                Some(match change {
                    Some(pair) if pair[1] > pair[0] => Side::Bid,
                    Some(_) => Side::Ask,
                    None => Side::None,
                })
            };
            sided.push((*trade, side));
        }
        sided
    }

    /// Trades that are no auction's.
    fn continuous(&self) -> Vec<(Trade, Side)> {
        let sided = self.sided();
        sided
            .into_iter()
            .filter_map(|(trade, side)| Some((trade, side?)))
            .collect()
    }

    pub(crate) fn compare_tape(&self, said: &FlowUpdate) {
        let sided = self.sided();
        let of = |side: Side| -> u64 {
            let of_side = sided.iter().filter(|(_, it)| *it == Some(side));
            of_side.map(|(trade, _)| trade.size).sum()
        };
        let last = sided.last();
        assert_eq!((said.bought, said.sold), (of(Side::Bid), of(Side::Ask)));
        assert_eq!(said.trades, sided.len() as u64);
        assert_eq!(said.last, last.map(|(trade, _)| Price(trade.price)));
        assert_eq!(
            said.last_side,
            last.and_then(|(_, side)| *side).unwrap_or_default()
        );
        assert_eq!(said.cvd(), of(Side::Bid) as i64 - of(Side::Ask) as i64);
    }

    /// Every measure, as of the last event.
    pub(crate) fn compare(&self, said: &FlowUpdate) {
        let reading = said.reading.unwrap();
        let now = self.events.last().unwrap().ts;
        let vpin = self.vpin();
        close("vpin", reading.vpin.map(|it| it.value), vpin);
        let bulk = self.vpin_bulk(now);
        close("vpin bulk", reading.vpin_bulk.map(|it| it.value), bulk);
        let (volatility, velocity) = self.imbalance();
        close("volatility", reading.imbalance_volatility, volatility);
        close("velocity", reading.imbalance_velocity, velocity);
        assert_eq!((reading.ofi, reading.ofi_open), self.ofi(now));
        self.compare_sweeps(said, now);
        self.compare_takers(said);
        let pattern = self.pattern();
        close("pattern", reading.pattern, pattern);
        let hidden = self.hidden();
        close("hidden", reading.hidden, hidden);
        assert_eq!(reading.hidden_counts.hidden_size, self.hidden_size);
        assert_eq!(reading.hidden_counts.refills > 0, self.is_refilled);
        let toxicity = match (vpin, pattern, volatility) {
            (Some(vpin), Some(pattern), Some(book)) => {
                Some(0.70 * vpin + 0.25 * pattern + 0.05 * book)
            }
            _ => None,
        };
        close("toxicity", reading.toxicity, toxicity);
        let notional: i128 = self
            .trades
            .iter()
            .map(|it| i128::from(it.price) * i128::from(it.size))
            .sum();
        let volume: u64 = self.trades.iter().map(|it| it.size).sum();
        let vwap = (volume > 0).then(|| Price((notional / i128::from(volume)) as i64));
        assert_eq!(reading.vwap, vwap);
        let blocks = self
            .trades
            .iter()
            .filter(|it| it.size >= self.block_min())
            .count();
        assert_eq!(said.blocks, blocks as u64);
        close("quality", reading.quality, self.quality());
        self.compare_volume(said, now);
    }

    const fn block_min(&self) -> u64 {
        if self.is_stock {
            self.parameters.block_shares
        } else {
            self.parameters.block_contracts
        }
    }

    /// One contract after the other.
    fn vpin(&self) -> Option<f64> {
        let bucket = self.parameters.vpin_bucket as usize;
        let mut contracts: Vec<f64> = Vec::new();
        for (trade, side) in self.continuous() {
            let sign = match side {
                Side::Bid => 1.0,
                Side::Ask => -1.0,
                Side::None => 0.0,
            };
            contracts.extend(std::iter::repeat_n(sign, trade.size as usize));
        }
        let full = contracts.chunks_exact(bucket);
        let imbalances: Vec<f64> = full.map(|it| it.iter().sum::<f64>().abs()).collect();
        self.mean_of_buckets(&imbalances)
    }

    fn mean_of_buckets(&self, imbalances: &[f64]) -> Option<f64> {
        let wanted = self.parameters.vpin_buckets;
        let seen = &imbalances[imbalances.len().saturating_sub(wanted)..];
        if seen.is_empty() {
            return None;
        }
        let volume = seen.len() as f64 * self.parameters.vpin_bucket as f64;
        let mean = seen.iter().sum::<f64>() / volume;
        Some(0.5 + (mean - 0.5) * (seen.len() as f64 / wanted as f64).min(1.0))
    }

    /// Open, close and volume of each minute that is over.
    fn minutes(&self, now: u64) -> Vec<(i64, i64, u64)> {
        let mut minutes: BTreeMap<u64, (i64, i64, u64)> = BTreeMap::new();
        for (trade, _) in self.continuous() {
            let minute =
                minutes
                    .entry(trade.ts / (60 * SECOND))
                    .or_insert((trade.price, trade.price, 0));
            minute.1 = trade.price;
            minute.2 += trade.size;
        }
        let over = minutes
            .into_iter()
            .filter(|(minute, _)| *minute < now / (60 * SECOND));
        over.map(|(_, it)| it).collect()
    }

    fn vpin_bulk(&self, now: u64) -> Option<f64> {
        let minutes = self.minutes(now);
        let mut changes: Vec<f64> = Vec::new();
        let mut bought_of: Vec<(u64, f64)> = Vec::new();
        for (at, (open, close, volume)) in minutes.iter().enumerate() {
            let from = if at == 0 { *open } else { minutes[at - 1].1 };
            changes.push((close - from) as f64);
            let seen = &changes[changes.len().saturating_sub(self.parameters.bulk_bars)..];
            if seen.len() < self.parameters.bulk_bars_min {
                continue;
            }
            let mean = seen.iter().sum::<f64>() / seen.len() as f64;
            let spread: f64 = seen.iter().map(|it| (it - mean).powi(2)).sum();
            let deviation = (spread / (seen.len() as f64 - 1.0)).sqrt();
            let fraction = if deviation > 0.0 {
                normal(changes[at] / deviation)
            } else {
                0.5
            };
            bought_of.push((*volume, fraction));
        }
        let contracts = bought_of.iter().flat_map(|(volume, fraction)| {
            std::iter::repeat_n(2.0 * fraction - 1.0, *volume as usize)
        });
        let contracts: Vec<f64> = contracts.collect();
        let full = contracts.chunks_exact(self.parameters.vpin_bucket as usize);
        let imbalances: Vec<f64> = full.map(|it| it.iter().sum::<f64>().abs()).collect();
        self.mean_of_buckets(&imbalances)
    }

    fn imbalance(&self) -> (Option<f64>, Option<f64>) {
        let mut samples: Vec<(u64, f64)> = Vec::new();
        for event in &self.events {
            let [bids, asks] = event.depth.weighted5.map(|it| it as f64);
            let is_due = samples
                .last()
                .is_none_or(|last| event.ts >= last.0 + self.parameters.imbalance_interval.0);
            if is_due && bids + asks > 0.0 {
                samples.push((event.ts, (bids - asks) / (bids + asks)));
            }
        }
        let seen = &samples[samples.len().saturating_sub(20)..];
        let count = seen.len() as f64;
        let mean = seen.iter().map(|it| it.1).sum::<f64>() / count;
        let spread: f64 = seen.iter().map(|it| (it.1 - mean).powi(2)).sum();
        let volatility = (seen.len() >= 2).then(|| (spread / count).sqrt());
        let velocity = (samples.len() >= 5).then(|| {
            let (last, then) = (samples[samples.len() - 1], samples[samples.len() - 5]);
            (last.1 - then.1) / ((last.0 - then.0) as f64 / 1e9)
        });
        (volatility, velocity)
    }

    /// Sums of the last whole interval, and of the open one.
    fn ofi(&self, now: u64) -> (Option<i64>, i64) {
        let interval = |ts: u64| ts / self.parameters.ofi_interval.0;
        let mut sums: BTreeMap<u64, i64> = BTreeMap::new();
        let mut before: Option<Touch> = None;
        for event in self.events.iter().filter(|it| it.moved) {
            let touch = event.touch;
            let both = touch.bid.0 != i64::MAX && touch.ask.0 != i64::MAX;
            if both && touch.bid > touch.ask {
                before = None;
                continue;
            }
            if let Some(was) = before {
                *sums.entry(interval(event.ts)).or_default() += moved(&was, &touch);
            }
            before = Some(touch);
        }
        let of = |at: u64| sums.get(&at).copied().unwrap_or(0);
        let first = interval(self.events[0].ts);
        let closed = (interval(now) > first).then(|| of(interval(now) - 1));
        (closed, of(interval(now)))
    }

    fn compare_sweeps(&self, said: &FlowUpdate, now: u64) {
        let reading = said.reading.unwrap();
        let trades = self.continuous();
        let size_min = if self.is_stock {
            self.parameters.sweep_shares
        } else {
            self.parameters.sweep_contracts
        };
        let levels_min = if self.is_stock {
            3
        } else {
            self.parameters.sweep_levels as usize
        };
        let (mut count, mut is_counted, mut standing) = (0, false, None);
        for at in 0..trades.len() {
            let (trade, side) = trades[at];
            // Backwards as long as the run goes on, and within the window.
            let mut first = at;
            while first > 0 {
                let ((before, before_side), (after, _)) = (trades[first - 1], trades[first]);
                let is_onward = match side {
                    Side::Bid => after.price >= before.price,
                    Side::Ask => after.price <= before.price,
                    Side::None => false,
                };
                if before_side != side || !is_onward {
                    break;
                }
                let is_old = trade.ts.saturating_sub(before.ts) > self.parameters.sweep_window.0;
                if is_old || at - first + 1 == 64 {
                    break;
                }
                first -= 1;
            }
            let run = &trades[first..=at];
            let levels: BTreeSet<i64> = run.iter().map(|(it, _)| it.price).collect();
            let size: u64 = run.iter().map(|(it, _)| it.size).sum();
            if levels.len() < levels_min {
                is_counted = false;
            }
            if side != Side::None && levels.len() >= levels_min && size > size_min {
                count += u64::from(!is_counted);
                is_counted = true;
                standing = Some((side, levels.len() as u32, size, trade.ts + 10 * SECOND));
            }
        }
        let standing = standing.filter(|(.., until)| now < *until);
        let said = reading
            .sweep
            .map(|it| (it.side, it.levels, it.size, it.until.0));
        assert_eq!(said, standing);
        assert_eq!(reading.sweeps, count);
    }

    /// Events that took the whole touch at one price, against all other trades of the same five
    /// minutes. No order is taken for a slice here, so none is refilled.
    fn compare_takers(&self, said: &FlowUpdate) {
        let trades = self.continuous();
        let (mut minutes, mut now): (BTreeMap<u64, TakerMinute>, u64) = (BTreeMap::new(), 0);
        let (mut standing, mut count) = (None::<Taken>, 0);
        for (at, event) in self.events.iter().enumerate() {
            let next = event.ts / (60 * SECOND);
            if next > now {
                let mut moments = vec![now + 1, next];
                moments.dedup();
                for until in moments {
                    let before = standing.take().map(|it| it.0);
                    standing = judged(&minutes, until, before);
                    count += u64::from(standing.is_some_and(|it| Some(it.0) != before));
                }
                now = next;
            }
            let of_event: Vec<_> = trades.iter().filter(|it| it.0.event_at == at).collect();
            let Some(&&(first, side)) = of_event.first() else {
                continue;
            };
            let (place, is_gone) = match side {
                Side::Bid => (0, event.touch.ask.0 > first.price),
                Side::Ask => {
                    let bid = event.touch.bid.0;
                    (1, bid < first.price || bid == i64::MAX)
                }
                Side::None => continue,
            };
            let is_one = of_event
                .iter()
                .all(|it| (it.0.price, it.1) == (first.price, side));
            let size: u64 = of_event.iter().map(|it| it.0.size).sum();
            let least = if self.is_stock { 100 } else { 2 };
            let minute = minutes.entry(now).or_default();
            if is_one && is_gone && event.moved && size >= least {
                minute.takes[place] += 1;
                minute.size[place] += size;
            } else {
                minute.others[place] += 1;
            }
        }
        let reading = said.reading.unwrap();
        assert_eq!(reading.taker_pressures, count);
        let pressure = reading.taker_pressure;
        let told = pressure.map(|it| (it.side, it.takes, it.size, it.until.0));
        let expected = standing.map(|it| (it.0, it.2, it.3, it.4));
        assert_eq!(told, expected);
        close("taker z", pressure.map(|it| it.z), standing.map(|it| it.1));
    }

    fn pattern(&self) -> Option<f64> {
        let trades: Vec<Trade> = self
            .continuous()
            .into_iter()
            .map(|(trade, _)| trade)
            .collect();
        // Runs of the whole stream, each by its first trade.
        let mut runs = Vec::new();
        let mut first = 0;
        while first < trades.len() {
            let mut last = first;
            let rises = trades
                .get(first + 1)
                .is_some_and(|it| it.price > trades[first].price);
            while let Some(next) = trades.get(last + 1) {
                let goes_on = if rises {
                    next.price > trades[last].price
                } else {
                    next.price < trades[last].price
                };
                if !goes_on || next.ts.saturating_sub(trades[first].ts) > SECOND / 4 {
                    break;
                }
                last += 1;
            }
            if last - first >= 2 {
                runs.push(first);
                first = last + 1;
            } else {
                first += 1;
            }
        }
        let start = trades.len().saturating_sub(self.parameters.pattern_trades);
        let seen = &trades[start..];
        if seen.is_empty() {
            return None;
        }
        let share = |count: usize| count as f64 / seen.len() as f64;
        let blocks = share(seen.iter().filter(|it| it.size >= self.block_min()).count());
        // Contracts have no odd lots, and no stock here costs more than 250.
        let odd = share(
            seen.iter()
                .filter(|it| self.is_stock && it.size < 100)
                .count(),
        );
        let runs = runs.into_iter().filter(|first| *first >= start).count() as f64;
        let runs_max = (seen.len() / 3).max(1) as f64;
        Some((0.70 * odd + 0.90 * runs / runs_max - 0.50 * blocks).clamp(0.0, 1.0))
    }

    fn hidden(&self) -> Option<f64> {
        let trades: Vec<Trade> = self
            .continuous()
            .into_iter()
            .map(|(trade, _)| trade)
            .collect();
        let seen = &trades[trades.len().saturating_sub(50)..];
        if seen.is_empty() {
            return None;
        }
        let is_outside = |it: &&Trade| {
            let (bid, ask) = (it.quote.bid.0, it.quote.ask.0);
            let both = bid != i64::MAX && ask != i64::MAX;
            let price = i128::from(it.price);
            let beyond =
                1000 * price > 1001 * i128::from(ask) || 1000 * price < 999 * i128::from(bid);
            both && beyond
        };
        let outside = seen.iter().filter(is_outside).count() as f64;
        let runs = seen
            .chunk_by(|a, b| a.price == b.price)
            .filter(|run| run.len() >= 5)
            .count();
        let volume: u64 = trades.iter().rev().take(20).map(|it| it.size).sum();
        // The score is about the moment of the last trade.
        let depth = self.events[self.trades.last().unwrap().event_at].depth;
        let displayed = depth.sum5[0] + depth.sum5[1];
        let excess = displayed > 0 && volume > 2 * displayed;
        let score = 0.4 * (outside / 10.0).min(1.0) + 0.4 * (runs as f64 / 3.0).min(1.0);
        Some(score + if excess { 0.2 } else { 0.0 })
    }

    fn quality(&self) -> Option<f64> {
        let (mut fields, mut valid, mut checks, mut passed) = (0.0, 0.0, 0.0, 0.0);
        let mut check = |passes: bool| {
            checks += 1.0;
            passed += f64::from(u8::from(passes));
        };
        for (at, trade) in self.trades.iter().enumerate() {
            fields += 4.0;
            valid += if trade.venue == Side::None { 3.0 } else { 4.0 };
            if trade.quote.bid.0 != i64::MAX && trade.quote.ask.0 != i64::MAX {
                check(trade.quote.bid < trade.quote.ask);
            }
            if at > 0 {
                let last = self.trades[at - 1];
                check((trade.price - last.price).abs() as f64 <= 0.2 * last.price.abs() as f64);
                let latest = self.trades[..at].iter().map(|it| it.ts).max().unwrap();
                check(latest <= trade.ts);
            }
        }
        (checks > 0.0).then(|| 0.7 * valid / fields + 0.3 * passed / checks)
    }

    fn compare_volume(&self, said: &FlowUpdate, now: u64) {
        let minutes = self.minutes(now);
        let bars = self.parameters.volume_bars;
        if !said.traded || minutes.len() < bars {
            return;
        }
        let closed: Vec<f64> = minutes[minutes.len() - bars..]
            .iter()
            .map(|it| it.2 as f64)
            .collect();
        let minute = now / (60 * SECOND);
        let open: u64 = self
            .continuous()
            .iter()
            .filter(|(it, _)| it.ts / (60 * SECOND) == minute)
            .map(|(it, _)| it.size)
            .sum();
        let mean = closed.iter().sum::<f64>() / bars as f64;
        let spread: f64 = closed.iter().map(|it| (it - mean).powi(2)).sum();
        let deviation = (spread / bars as f64).sqrt();
        let volume = said.reading.unwrap().volume.unwrap();
        close("ratio", Some(volume.ratio), Some(open as f64 / mean));
        let z = (deviation > 0.0).then(|| (open as f64 - mean) / deviation);
        close("z", volume.z, z);
        let is_unusual = open as f64 > 2.0 * mean || z.is_some_and(|z| z >= 3.0);
        assert_eq!(volume.is_unusual, is_unusual);
    }

    pub(crate) fn compare_profile(&self, profile: &VolumeProfile) {
        let mut by_level: BTreeMap<i64, [u64; 2]> = BTreeMap::new();
        let mut by_hour = [0; 24];
        let mut by_hours = [0; 2];
        for trade in &self.trades {
            let time = jiff::Timestamp::from_nanosecond(trade.ts.into()).unwrap();
            let local = time.in_tz("America/New_York").unwrap();
            // None of the sessions played is on a holiday.
            let minute = i32::from(local.hour()) * 60 + i32::from(local.minute());
            let regular = usize::from((570..960).contains(&minute));
            let width = 5 * Price::PER_POINT;
            by_level
                .entry(trade.price.div_euclid(width) * width)
                .or_default()[regular] += trade.size;
            by_hour[local.hour() as usize] += trade.size;
            by_hours[regular] += trade.size;
        }
        let levels: BTreeMap<i64, [u64; 2]> = profile
            .levels()
            .map(|(edge, sizes)| (edge.0, sizes))
            .collect();
        assert_eq!(levels, by_level);
        assert_eq!((profile.hours(), profile.volume()), (&by_hour, by_hours));
        let large = self.trades.iter().filter(|it| it.size >= 10);
        assert_eq!(profile.large_trades(), large.clone().count() as u64);
        let share = large.map(|it| it.size).sum::<u64>() as f64
            / self.trades.iter().map(|it| it.size).sum::<u64>() as f64;
        close(
            "large share",
            profile.large_share(),
            Some(share).filter(|it| !it.is_nan()),
        );
    }
}

/// Bought and sold.
#[derive(Clone, Copy, Default)]
struct TakerMinute {
    takes: [u32; 2],
    others: [u32; 2],
    size: [u64; 2],
}

/// Side, deviations, its takes and the other's, size, and when.
type Taken = (Side, f64, [u32; 2], u64, u64);

/// Two shares of buyers, that of the takes and that of the others, and how far they are apart.
fn judged(minutes: &BTreeMap<u64, TakerMinute>, until: u64, before: Option<Side>) -> Option<Taken> {
    let seen: Vec<_> = minutes.range(until.saturating_sub(5)..until).collect();
    let sum = |of: &dyn Fn(&TakerMinute) -> u32| seen.iter().map(|(_, it)| of(it)).sum::<u32>();
    let [bought, sold] = [0, 1].map(|side| sum(&|it| it.takes[side]));
    let [usual_bought, usual_sold] = [0, 1].map(|side| sum(&|it| it.others[side]));
    if bought + sold == 0 || usual_bought + usual_sold == 0 {
        return None;
    }
    let (takes, others) = (
        f64::from(bought + sold),
        f64::from(usual_bought + usual_sold),
    );
    let apart = f64::from(bought) / takes - f64::from(usual_bought) / others;
    let pooled = (f64::from(bought + usual_bought) + 1.0) / (takes + others + 2.0);
    let z = apart / (pooled * (1.0 - pooled) / takes + pooled * (1.0 - pooled) / others).sqrt();
    let (side, place) = if z > 0.0 {
        (Side::Bid, 0)
    } else {
        (Side::Ask, 1)
    };
    let counts = if place == 0 {
        [bought, sold]
    } else {
        [sold, bought]
    };
    let share = f64::from(counts[0]) / takes;
    let begins = z.abs() >= 3.25 && takes >= 11.0 && share >= 0.6;
    let goes_on = before == Some(side) && z.abs() >= 1.625;
    let size = seen.iter().map(|(_, it)| it.size[place]).sum();
    (begins || goes_on).then_some((side, z.abs(), counts, size, until * 60 * SECOND))
}

/// e_n of Cont, Kukanov and Stoikov.
fn moved(was: &Touch, now: &Touch) -> i64 {
    let absent = i64::MAX;
    let bid = |touch: &Touch| {
        if touch.bid.0 == absent {
            i64::MIN
        } else {
            touch.bid.0
        }
    };
    let mut sum = 0;
    if bid(now) >= bid(was) {
        sum += now.bid_size as i64;
    }
    if bid(now) <= bid(was) {
        sum -= was.bid_size as i64;
    }
    if now.ask <= was.ask {
        sum -= now.ask_size as i64;
    }
    if now.ask >= was.ask {
        sum += was.ask_size as i64;
    }
    sum
}

/// The standard normal distribution by Simpson's rule: slow, and nobody else's code.
fn normal(x: f64) -> f64 {
    let x = x.clamp(-9.0, 9.0);
    let density = |at: f64| (-at * at / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt();
    let steps = 2_000;
    let width = x / f64::from(steps);
    let sum: f64 = (0..=steps)
        .map(|step| {
            let weight = match step {
                0 => 1.0,
                _ if step == steps => 1.0,
                _ if step % 2 == 1 => 4.0,
                _ => 2.0,
            };
            weight * density(width * f64::from(step))
        })
        .sum();
    0.5 + sum * width / 3.0
}

#[track_caller]
fn close(what: &str, said: Option<f64>, expected: Option<f64>) {
    match (said, expected) {
        (None, None) => {}
        (Some(said), Some(expected)) => {
            let tolerance = 1e-9 * (1.0 + expected.abs());
            assert!(
                (said - expected).abs() <= tolerance,
                "{what}: {said}, by definition {expected}"
            );
        }
        _ => panic!("{what}: {said:?}, by definition {expected:?}"),
    }
}
