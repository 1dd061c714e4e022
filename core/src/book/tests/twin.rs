//! The naive twin: the same book in the most obvious code, written from the semantics. Queues
//! are vectors in maps, everything is searched, nothing is clever, and pools have no end.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec;
use alloc::vec::Vec;

use super::super::view::mix;
use super::super::{BookCounters, Thresholds};
use crate::event::{
    BookUpdate, Control, Definition, Depth, Effect, FeedNotice, InstrumentClass, Mbo, Touch, Trust,
};
use crate::types::{Action, BookKey, Flags, Nanos, OrderId, Price, Side};

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct TwinOrder {
    pub(super) id: u64,
    pub(super) size: u64,
    sequence: u32,
    /// Stands for this many orders of the publisher's.
    aggregate: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Progress {
    Complete,
    Joined(u32),
    Cleared,
    AwaitingSnapshot,
    InSnapshot(u32),
}

#[derive(Clone, Debug)]
pub(super) struct TwinBook {
    key: BookKey,
    /// How many books were seen before it.
    number: u32,
    pub(super) bids: BTreeMap<i64, Vec<TwinOrder>>,
    pub(super) asks: BTreeMap<i64, Vec<TwinOrder>>,
    /// Where each order rests.
    pub(super) orders: BTreeMap<u64, (Side, i64)>,
    /// Cancelled while a snapshot was due, with the sequence of the cancel.
    dead: BTreeMap<u64, u32>,
    pub(super) touch: Touch,
    pub(super) depth: Depth,
    pub(super) counters: BookCounters,
    pub(super) ts_event: u64,
    pub(super) ts_recv: u64,
    sequence: u32,
    /// The level that the last record was about: its own, or its order's.
    left: (Side, i64),
    terms: Option<(Nanos, Price, InstrumentClass)>,
    stale: bool,
    suspect: bool,
    crossed: bool,
    late: bool,
    progress: Progress,
    sides_replaced: BTreeSet<usize>,
    trading: bool,
    open_records: u32,
    open_since: u64,
    crossed_in_a_row: u32,
    /// Record numbers of the unknown cancels in the present window.
    window: (u64, u32),
    thresholds: Thresholds,
}

fn is_time(time: Nanos) -> bool {
    time.0 != 0 && time.0 != u64::MAX
}

impl TwinBook {
    fn new(key: BookKey, number: u32, thresholds: Thresholds) -> Self {
        Self {
            key,
            number,
            bids: BTreeMap::new(),
            asks: BTreeMap::new(),
            orders: BTreeMap::new(),
            dead: BTreeMap::new(),
            touch: Touch::EMPTY,
            depth: Depth::default(),
            counters: BookCounters::default(),
            ts_event: 0,
            ts_recv: 0,
            sequence: 0,
            left: (Side::None, 0),
            terms: None,
            stale: false,
            suspect: false,
            crossed: false,
            late: false,
            progress: Progress::Joined(0),
            sides_replaced: BTreeSet::new(),
            trading: false,
            open_records: 0,
            open_since: 0,
            crossed_in_a_row: 0,
            window: (0, 0),
            thresholds,
        }
    }

    pub(super) fn side(&self, side: Side) -> &BTreeMap<i64, Vec<TwinOrder>> {
        match side {
            Side::Bid => &self.bids,
            _ => &self.asks,
        }
    }

    fn side_mut(&mut self, side: Side) -> &mut BTreeMap<i64, Vec<TwinOrder>> {
        match side {
            Side::Bid => &mut self.bids,
            _ => &mut self.asks,
        }
    }

    /// Size and count as displayed at a price.
    pub(super) fn level(&self, side: Side, price: i64) -> (u64, u32) {
        if side == Side::None {
            return (0, 0);
        }
        let Some(queue) = self.side(side).get(&price) else {
            return (0, 0);
        };
        queue.iter().fold((0, 0), |(size, count), order| {
            (size + order.size, count + order.aggregate.unwrap_or(1))
        })
    }

    fn near(&self) -> Depth {
        let bids = self.bids.keys().rev().map(|price| (Side::Bid, *price));
        let asks = self.asks.keys().map(|price| (Side::Ask, *price));
        let mut depth = Depth::default();
        let levels = bids.take(10).enumerate().chain(asks.take(10).enumerate());
        for (at, (side, price)) in levels {
            let (size, _) = self.level(side, price);
            depth.sum10[side.index()] += size;
            if let weight @ 1.. = 5_u64.saturating_sub(at as u64) {
                depth.sum5[side.index()] += size;
                depth.weighted5[side.index()] += weight * size;
            }
        }
        depth
    }

    fn best(&self) -> Touch {
        let bid = self.bids.last_key_value().map(|(price, _)| *price);
        let ask = self.asks.first_key_value().map(|(price, _)| *price);
        let mut touch = Touch::EMPTY;
        if let Some(price) = bid {
            touch.bid = Price(price);
            (touch.bid_size, touch.bid_count) = self.level(Side::Bid, price);
        }
        if let Some(price) = ask {
            touch.ask = Price(price);
            (touch.ask_size, touch.ask_count) = self.level(Side::Ask, price);
        }
        touch
    }

    pub(super) fn trust(&self) -> Trust {
        if self.stale {
            Trust::Stale
        } else if self.suspect || self.crossed || self.late {
            Trust::MaybeBad
        } else if self.progress != Progress::Complete {
            Trust::Recovering
        } else {
            Trust::Good
        }
    }

    pub(super) fn hash(&self) -> u64 {
        let mut hash = mix(
            u64::from(self.key.publisher_id.0),
            u64::from(self.key.instrument_id.0),
        );
        let bids = self.bids.iter().rev().collect::<Vec<_>>();
        let asks = self.asks.iter().collect::<Vec<_>>();
        for (side, levels) in [bids, asks].into_iter().enumerate() {
            hash = mix(hash, side as u64);
            for (price, queue) in levels {
                hash = mix(hash, price.cast_unsigned());
                for order in queue {
                    hash = mix(mix(hash, order.id), order.size);
                }
            }
        }
        hash
    }

    fn set_suspect(&mut self) {
        self.suspect = true;
        self.sides_replaced.clear();
    }

    fn snapshot_is_due(&self) -> bool {
        matches!(
            self.progress,
            Progress::AwaitingSnapshot | Progress::InSnapshot(_)
        )
    }

    /// An unknown order interrupts the run of clean events.
    fn unsettle(&mut self) {
        match &mut self.progress {
            Progress::Joined(clean) | Progress::InSnapshot(clean) => *clean = 0,
            _ => {}
        }
    }

    fn observe(&mut self, mbo: &Mbo) {
        self.counters.records += 1;
        if mbo.flags.has(Flags::SNAPSHOT) {
            return;
        }
        let mut times = vec![(mbo.ts_event, true)];
        if !mbo.flags.has(Flags::BAD_TS_RECV) {
            times.push((mbo.ts_recv, false));
            if mbo.ts_in_delta < 0 || mbo.ts_in_delta > self.thresholds.in_delta_ns_max {
                self.counters.absurd_delta += 1;
            }
        }
        for (time, is_event) in times {
            let clock = match is_event {
                true => &mut self.ts_event,
                false => &mut self.ts_recv,
            };
            if !is_time(time) {
                self.counters.undefined_time += 1;
            } else if time.0 < *clock {
                self.counters.time_backwards += 1;
            } else {
                *clock = time.0;
            }
        }
        if mbo.sequence == 0 {
            return;
        }
        let is_comparable = self.sequence != 0 && mbo.action != Action::Clear;
        if is_comparable && mbo.sequence.wrapping_sub(self.sequence) > i32::MAX as u32 {
            self.counters.sequence_backwards += 1;
            self.set_suspect();
        }
        self.sequence = mbo.sequence;
    }

    fn record(&mut self, mbo: &Mbo) -> BookUpdate {
        self.observe(mbo);
        self.left = (mbo.side, mbo.price.0);
        let effect = match mbo.action {
            Action::Add => self.add(mbo),
            Action::Cancel => self.cancel(mbo),
            Action::Modify => self.modify(mbo),
            Action::Clear => self.clear(mbo),
            Action::Trade | Action::Fill | Action::None => Effect::None,
        };
        self.conclude(mbo, effect)
    }

    fn quote(&mut self, mbo: &Mbo, touch: &Touch) -> BookUpdate {
        self.observe(mbo);
        self.left = (mbo.side, mbo.price.0);
        self.replace_side(Side::Bid, touch.bid, touch.bid_size, touch.bid_count, 0);
        self.replace_side(Side::Ask, touch.ask, touch.ask_size, touch.ask_count, 0);
        self.conclude(mbo, Effect::Replaced)
    }

    fn conclude(&mut self, mbo: &Mbo, effect: Effect) -> BookUpdate {
        if mbo.flags.has(Flags::MAYBE_BAD_BOOK) {
            self.counters.maybe_bad += 1;
            self.set_suspect();
        }
        let before = self.touch;
        if mbo.flags.has(Flags::LAST) {
            self.end_event(mbo);
        } else if !mbo.flags.has(Flags::SNAPSHOT) {
            if self.open_records == 0 {
                self.open_since = self.ts_event;
            }
            self.open_records += 1;
            let open_ns = self.ts_event - self.open_since.min(self.ts_event);
            let is_late = self.open_records > self.thresholds.last_missing_records_max
                || open_ns > self.thresholds.last_missing_ns_max;
            if is_late && !self.late {
                self.late = true;
                self.counters.last_missing += 1;
            }
        }
        let (level_size, level_count) = self.level(self.left.0, self.left.1);
        BookUpdate {
            mbo: *mbo,
            touch: self.touch,
            depth: self.depth,
            level_size,
            level_count,
            book_idx: self.number,
            effect,
            trust: self.trust(),
            touch_changed: mbo.flags.has(Flags::LAST) && self.touch != before,
        }
    }

    fn end_event(&mut self, mbo: &Mbo) {
        self.open_records = 0;
        self.late = false;
        self.touch = self.best();
        self.depth = self.near();
        let both = self.touch.bid.is_defined() && self.touch.ask.is_defined();
        self.crossed = both && self.touch.bid >= self.touch.ask;
        if self.crossed {
            if self.touch.bid > self.touch.ask {
                self.counters.crossed += 1;
            } else {
                self.counters.locked += 1;
            }
            if self.trading {
                self.crossed_in_a_row += 1;
            }
            if self.crossed_in_a_row > self.thresholds.crossed_events_max {
                self.set_suspect();
            }
        } else {
            self.crossed_in_a_row = 0;
        }
        if self.sides_replaced.len() == 2 {
            (self.stale, self.suspect) = (false, false);
            self.progress = Progress::Complete;
        }
        let settle_events = self.thresholds.settle_events;
        self.progress = match self.progress {
            Progress::Cleared => Progress::Complete,
            Progress::InSnapshot(_) if mbo.flags.has(Flags::SNAPSHOT) => Progress::Complete,
            Progress::Joined(clean) | Progress::InSnapshot(clean) if clean + 1 >= settle_events => {
                Progress::Complete
            }
            Progress::Joined(clean) => Progress::Joined(clean + 1),
            Progress::InSnapshot(clean) => Progress::InSnapshot(clean + 1),
            other => other,
        };
        if !self.snapshot_is_due() {
            self.dead.clear();
        }
    }

    fn add(&mut self, mbo: &Mbo) -> Effect {
        let from_snapshot = mbo.flags.has(Flags::SNAPSHOT);
        if from_snapshot {
            if !matches!(self.progress, Progress::InSnapshot(_)) && self.is_empty() {
                (self.stale, self.suspect) = (false, false);
            }
            self.progress = Progress::InSnapshot(0);
            self.sides_replaced.clear();
            self.sequence = 0;
        }
        if mbo.flags.has(Flags::TOB) {
            if mbo.side == Side::None {
                self.counters.missing_side += 1;
                return Effect::Refused;
            }
            self.replace_side(mbo.side, mbo.price, mbo.size.into(), 1, mbo.order_id.0);
            return Effect::Replaced;
        }
        let id = mbo.order_id.0;
        if from_snapshot && let Some(known) = self.last_sequence(id) {
            let is_newer = (1..=i32::MAX as u32).contains(&mbo.sequence.wrapping_sub(known));
            if mbo.sequence == 0 || !is_newer {
                self.counters.superseded += 1;
                return Effect::None;
            }
        }
        if !self.is_acceptable(mbo) {
            return Effect::Refused;
        }
        let was_resting = self.orders.contains_key(&id);
        if was_resting && !from_snapshot {
            self.counters.duplicate_add += 1;
        }
        self.rest(mbo);
        if was_resting {
            Effect::Requeued
        } else {
            Effect::Added
        }
    }

    fn is_acceptable(&mut self, mbo: &Mbo) -> bool {
        if mbo.side == Side::None {
            self.counters.missing_side += 1;
        } else if !mbo.price.is_defined() {
            self.counters.undefined_price += 1;
        } else if mbo.size == 0 {
            self.counters.zero_size += 1;
        } else {
            return true;
        }
        false
    }

    /// Puts the order at the back of its queue, whatever was known of its id before.
    fn rest(&mut self, mbo: &Mbo) {
        let id = mbo.order_id.0;
        self.dead.remove(&id);
        self.take_out(id);
        let order = TwinOrder {
            id,
            size: mbo.size.into(),
            sequence: mbo.sequence,
            aggregate: None,
        };
        let queue = self.side_mut(mbo.side).entry(mbo.price.0).or_default();
        queue.push(order);
        self.orders.insert(id, (mbo.side, mbo.price.0));
    }

    fn take_out(&mut self, id: u64) {
        if let Some((side, price)) = self.orders.remove(&id) {
            let levels = self.side_mut(side);
            if let Some(queue) = levels.get_mut(&price) {
                queue.retain(|order| order.id != id || order.aggregate.is_some());
                if queue.is_empty() {
                    levels.remove(&price);
                }
            }
        }
    }

    fn find(&mut self, id: u64) -> Option<&mut TwinOrder> {
        let (side, price) = *self.orders.get(&id)?;
        let queue = self.side_mut(side).get_mut(&price)?;
        queue
            .iter_mut()
            .find(|order| order.id == id && order.aggregate.is_none())
    }

    fn last_sequence(&mut self, id: u64) -> Option<u32> {
        let dead = self.dead.get(&id).copied();
        dead.or_else(|| self.find(id).map(|order| order.sequence))
    }

    fn is_empty(&self) -> bool {
        self.bids.is_empty() && self.asks.is_empty()
    }

    fn replace_side(&mut self, side: Side, price: Price, size: u64, count: u32, id: u64) {
        self.orders.retain(|_, (other, _)| *other != side);
        self.side_mut(side).clear();
        self.sides_replaced.insert(side.index());
        if price != Price::UNDEFINED && size > 0 {
            let order = TwinOrder {
                id,
                size,
                sequence: 0,
                aggregate: Some(count),
            };
            self.side_mut(side).insert(price.0, vec![order]);
        }
    }

    fn cancel(&mut self, mbo: &Mbo) -> Effect {
        let id = mbo.order_id.0;
        let size = u64::from(mbo.size);
        let due = self.snapshot_is_due();
        let Some(order) = self.find(id) else {
            self.counters.unknown_cancel += 1;
            self.count_unknown();
            if due && !mbo.flags.has(Flags::SNAPSHOT) {
                self.dead.insert(id, mbo.sequence);
            }
            return Effect::Refused;
        };
        if size == 0 {
            self.counters.zero_size += 1;
            return Effect::Refused;
        }
        if size < order.size {
            order.size -= size;
            order.sequence = mbo.sequence;
            self.left = self.orders[&id];
            return Effect::Reduced;
        }
        if size > order.size {
            self.counters.oversize_cancel += 1;
            self.set_suspect();
        }
        self.bury(mbo)
    }

    fn bury(&mut self, mbo: &Mbo) -> Effect {
        let id = mbo.order_id.0;
        self.left = self.orders[&id];
        self.take_out(id);
        if self.snapshot_is_due() {
            self.dead.insert(mbo.order_id.0, mbo.sequence);
        }
        Effect::Removed
    }

    fn count_unknown(&mut self) {
        self.unsettle();
        if self.progress != Progress::Complete {
            return;
        }
        let (start, count) = self.window;
        let window_records = u64::from(self.thresholds.unknown_window_records);
        self.window = match self.counters.records - start >= window_records {
            true => (self.counters.records, 1),
            false => (start, count + 1),
        };
        if self.window.1 > self.thresholds.unknown_cancels_max {
            self.set_suspect();
        }
    }

    fn modify(&mut self, mbo: &Mbo) -> Effect {
        let id = mbo.order_id.0;
        let Some(&(old_side, old_price)) = self.orders.get(&id) else {
            self.counters.unknown_modify += 1;
            self.unsettle();
            if !self.is_acceptable(mbo) {
                return Effect::Refused;
            }
            self.rest(mbo);
            return Effect::Added;
        };
        if mbo.size == 0 {
            self.counters.zero_size += 1;
            return self.bury(mbo);
        }
        if !mbo.price.is_defined() {
            self.counters.undefined_price += 1;
            return Effect::Refused;
        }
        let side = match mbo.side {
            Side::None => old_side,
            side => side,
        };
        self.left = (side, mbo.price.0);
        let size = u64::from(mbo.size);
        let old_size = self.find(id).map_or(0, |order| order.size);
        if side != old_side || mbo.price.0 != old_price || size > old_size {
            self.rest(&Mbo { side, ..*mbo });
            return Effect::Requeued;
        }
        if let Some(order) = self.find(id) {
            order.size = size;
            order.sequence = mbo.sequence;
        }
        match size == old_size {
            true => Effect::None,
            false => Effect::Reduced,
        }
    }

    fn clear(&mut self, mbo: &Mbo) -> Effect {
        self.wipe();
        let from_snapshot = mbo.flags.has(Flags::SNAPSHOT);
        let needs_snapshot =
            self.stale || self.suspect || self.progress == Progress::AwaitingSnapshot;
        (self.stale, self.suspect) = (false, false);
        self.progress = match (from_snapshot, needs_snapshot) {
            (true, _) => Progress::InSnapshot(0),
            (false, true) => Progress::AwaitingSnapshot,
            (false, false) => Progress::Cleared,
        };
        self.sequence = if from_snapshot { 0 } else { mbo.sequence };
        Effect::Replaced
    }

    fn wipe(&mut self) {
        self.bids.clear();
        self.asks.clear();
        self.orders.clear();
        self.dead.clear();
    }

    fn define(&mut self, definition: &Definition) {
        let terms = (definition.expiration, definition.strike, definition.class);
        if self.terms.is_some_and(|known| known != terms) {
            self.wipe();
            let fresh = Self::new(self.key, self.number, self.thresholds);
            *self = Self {
                counters: self.counters,
                ts_event: self.ts_event,
                ts_recv: self.ts_recv,
                ..fresh
            };
            self.counters.redefined += 1;
        }
        self.terms = Some(terms);
    }
}

#[derive(Clone, Debug)]
pub(super) struct Twin {
    pub(super) books: BTreeMap<BookKey, TwinBook>,
    thresholds: Thresholds,
}

impl Twin {
    pub(super) fn new(thresholds: Thresholds) -> Self {
        Self {
            books: BTreeMap::new(),
            thresholds,
        }
    }

    fn book(&mut self, key: BookKey) -> &mut TwinBook {
        let thresholds = self.thresholds;
        let number = u32::try_from(self.books.len()).expect("few books");
        let fresh = || TwinBook::new(key, number, thresholds);
        self.books.entry(key).or_insert_with(fresh)
    }

    pub(super) fn apply(&mut self, mbo: &Mbo) -> BookUpdate {
        self.book(mbo.key()).record(mbo)
    }

    pub(super) fn apply_quote(&mut self, mbo: &Mbo, touch: &Touch) -> BookUpdate {
        self.book(mbo.key()).quote(mbo, touch)
    }

    pub(super) fn control(&mut self, control: &Control) {
        match control {
            Control::Definition(definition) => self.book(definition.key).define(definition),
            Control::Status(status) => {
                if let Some(is_trading) = status.is_trading {
                    let book = self.book(status.key);
                    book.trading = is_trading;
                    book.crossed_in_a_row = 0;
                }
            }
            Control::Suspect(key, _) => {
                let book = self.book(*key);
                book.counters.suspect += 1;
                book.set_suspect();
            }
            Control::Feed(notice) => {
                for book in self.books.values_mut() {
                    match notice {
                        FeedNotice::Skipped => book.set_suspect(),
                        FeedNotice::Reconnected | FeedNotice::Fatal(_) => {
                            book.stale = true;
                            book.sides_replaced.clear();
                        }
                        FeedNotice::ReplayCompleted => book.stale = false,
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }

    /// Some order that rests, the first one from `id` on.
    pub(super) fn order_from(&self, key: BookKey, id: u64) -> Option<(OrderId, Side, Price, u32)> {
        let book = self.books.get(&key)?;
        let (&id, &(side, price)) = book.orders.range(id..).next()?;
        let queue = book.side(side).get(&price)?;
        let order = queue
            .iter()
            .find(|order| order.id == id && order.aggregate.is_none())?;
        Some((OrderId(id), side, Price(price), order.size as u32))
    }
}
