//! A market that matches by price and time, with icebergs, and says it as CME does: trades and
//! fills first, then what they did to the book, LAST on the last record.

use std::collections::{BTreeMap, HashMap, VecDeque};

use undertow_core::event::Mbo;
use undertow_core::types::{Action, Flags, Nanos, OrderId, Price, Side};

use super::Rng;
use super::mint::{KEY, TICK};

/// An order: what is displayed, what is behind it, and how much of that is shown at a time.
#[derive(Clone, Copy, Debug)]
struct Resting {
    id: u64,
    shown: u32,
    hidden: u32,
    peak: u32,
}

#[derive(Debug)]
pub struct Market {
    rng: Rng,
    /// Bids and asks by price in ticks, first to trade first.
    queues: [BTreeMap<i64, VecDeque<Resting>>; 2],
    /// What the book shows of each order, by what was said.
    displayed: HashMap<u64, u32>,
    orders: u64,
    now: u64,
    sequence: u32,
    /// An order that crosses the book without a match, as before an opening.
    crossing: Option<(Side, i64, u64)>,
}

/// The middle of the market, in ticks.
const MIDDLE: i64 = 19_200;

impl Market {
    pub fn new(seed: u64) -> Self {
        Self {
            rng: Rng::new(seed),
            queues: Default::default(),
            displayed: HashMap::new(),
            orders: 0,
            now: 1_703_545_200_000_000_000,
            sequence: 0,
            crossing: None,
        }
    }

    pub fn now(&self) -> Nanos {
        Nanos(self.now)
    }

    /// Best bid and offer in ticks, where there are any.
    pub fn best(&self) -> [Option<i64>; 2] {
        [
            self.queues[0].keys().next_back().copied(),
            self.queues[1].keys().next().copied(),
        ]
    }

    /// The records of the next event.
    pub fn event(&mut self) -> Vec<Mbo> {
        self.now += 1 + self.rng.below(400);
        let mut said = Vec::new();
        if self.sequence == 0 || self.rng.once_in(2_000) {
            self.clear(&mut said);
        } else if let Some((side, price, id)) = self.crossing {
            match self.rng.below(3) {
                0 => {
                    self.say(&mut said, Action::Cancel, side, id, price, 1);
                    self.crossing = None;
                }
                // Before an opening trades mean nothing to anybody.
                _ => self.say(&mut said, Action::Trade, other(side), 0, price, 50),
            }
        } else {
            match self.rng.below(100) {
                0..40 => self.add(&mut said),
                40..60 => self.cancel(&mut said),
                60..75 => self.modify(&mut said),
                75..97 => self.aggress(&mut said),
                97 => self.say(&mut said, Action::None, Side::None, 0, 0, 0),
                98 => self.cross(&mut said),
                _ => {
                    self.cancel(&mut said);
                    self.add(&mut said);
                }
            }
        }
        if said.is_empty() {
            self.say(&mut said, Action::None, Side::None, 0, 0, 0);
        }
        said.last_mut().unwrap().flags = Flags::LAST;
        said
    }

    fn say(
        &mut self,
        said: &mut Vec<Mbo>,
        action: Action,
        side: Side,
        id: u64,
        ticks: i64,
        size: u32,
    ) {
        self.sequence += 1;
        match action {
            Action::Add | Action::Modify => {
                self.displayed.insert(id, size);
            }
            Action::Cancel => *self.displayed.get_mut(&id).unwrap() -= size,
            _ => {}
        }
        let is_of_order = !matches!(action, Action::Clear | Action::None);
        said.push(Mbo {
            ts_event: Nanos(self.now),
            ts_recv: Nanos(self.now),
            order_id: OrderId(id),
            price: if is_of_order {
                Price(ticks * TICK)
            } else {
                Price::UNDEFINED
            },
            size,
            sequence: self.sequence,
            instrument_id: KEY.instrument_id,
            publisher_id: KEY.publisher_id,
            action,
            side,
            ..Mbo::default()
        });
    }

    fn side(&mut self) -> Side {
        if self.rng.once_in(2) {
            Side::Bid
        } else {
            Side::Ask
        }
    }

    /// A passive order, up to five ticks from the best of the other side.
    fn add(&mut self, said: &mut Vec<Mbo>) {
        let side = self.side();
        let price = self.passive(side);
        self.rest(said, side, price);
    }

    fn passive(&mut self, side: Side) -> i64 {
        let away = 1 + i64::try_from(self.rng.below(5)).unwrap();
        match side {
            Side::Bid => self.best()[1].unwrap_or(MIDDLE + 2) - away,
            _ => self.best()[0].unwrap_or(MIDDLE - 2) + away,
        }
    }

    fn rest(&mut self, said: &mut Vec<Mbo>, side: Side, price: i64) {
        self.orders += 1;
        let shown = 1 + u32::try_from(self.rng.below(8)).unwrap();
        let is_iceberg = self.rng.once_in(4);
        let order = Resting {
            id: self.orders,
            shown,
            hidden: if is_iceberg { 3 * shown } else { 0 },
            peak: shown,
        };
        self.queues[at(side)]
            .entry(price)
            .or_default()
            .push_back(order);
        self.say(said, Action::Add, side, order.id, price, shown);
    }

    /// A random order: its side, price and place.
    fn pick(&mut self) -> Option<(Side, i64, usize)> {
        let side = self.side();
        let prices: Vec<i64> = self.queues[at(side)].keys().copied().collect();
        if prices.is_empty() {
            return None;
        }
        let price = prices[self.rng.below(prices.len() as u64) as usize];
        let count = self.queues[at(side)][&price].len();
        Some((side, price, self.rng.below(count as u64) as usize))
    }

    fn take(&mut self, side: Side, price: i64, place: usize) -> Resting {
        let queue = self.queues[at(side)].get_mut(&price).unwrap();
        let order = queue.remove(place).unwrap();
        if queue.is_empty() {
            self.queues[at(side)].remove(&price);
        }
        order
    }

    fn cancel(&mut self, said: &mut Vec<Mbo>) {
        let Some((side, price, place)) = self.pick() else {
            return;
        };
        let order = &mut self.queues[at(side)].get_mut(&price).unwrap()[place];
        if order.shown > 2 && order.hidden == 0 && self.rng.once_in(3) {
            order.shown -= 1;
            let id = order.id;
            return self.say(said, Action::Cancel, side, id, price, 1);
        }
        let order = self.take(side, price, place);
        self.say(said, Action::Cancel, side, order.id, price, order.shown);
    }

    fn modify(&mut self, said: &mut Vec<Mbo>) {
        let Some((side, price, place)) = self.pick() else {
            return;
        };
        let order = &mut self.queues[at(side)].get_mut(&price).unwrap()[place];
        let (id, shown) = (order.id, order.shown);
        match self.rng.below(4) {
            // Nothing, or less: it keeps its place.
            0 => self.say(said, Action::Modify, side, id, price, shown),
            1 if shown > 1 => {
                order.shown -= 1;
                self.say(said, Action::Modify, side, id, price, shown - 1);
            }
            2 => {
                let mut order = self.take(side, price, place);
                order.shown += 1;
                order.peak += 1;
                self.queues[at(side)]
                    .entry(price)
                    .or_default()
                    .push_back(order);
                self.say(said, Action::Modify, side, id, price, shown + 1);
            }
            _ => {
                let order = self.take(side, price, place);
                let to = self.passive(side);
                self.queues[at(side)]
                    .entry(to)
                    .or_default()
                    .push_back(order);
                self.say(said, Action::Modify, side, id, to, shown);
            }
        }
    }

    /// An aggressor takes one level or several; sometimes its rest stays.
    fn aggress(&mut self, said: &mut Vec<Mbo>) {
        let side = self.side();
        let theirs = other(side);
        let mut left = 1 + u32::try_from(self.rng.below(30)).unwrap();
        let levels = 1 + self.rng.below(3);
        let mut hits: Vec<(u64, i64, u32)> = Vec::new();
        let mut last = None;
        for _ in 0..levels {
            let Some(price) = self.best()[at(theirs)] else {
                break;
            };
            let fills = self.sweep(theirs, price, &mut left);
            let sum = fills.iter().map(|(_, size)| size).sum();
            self.say(said, Action::Trade, side, 0, price, sum);
            for (id, size) in &fills {
                self.say(said, Action::Fill, theirs, *id, price, *size);
            }
            for (id, _) in fills {
                if !hits.iter().any(|(hit, ..)| *hit == id) {
                    let shown = self.shown(theirs, price, id);
                    hits.push((id, price, shown));
                }
            }
            last = Some(price);
            if left == 0 {
                break;
            }
        }
        for (id, price, shown) in hits {
            if shown == 0 {
                let size = self.displayed[&id];
                self.say(said, Action::Cancel, theirs, id, price, size);
            } else {
                self.say(said, Action::Modify, theirs, id, price, shown);
            }
        }
        if let Some(price) = last
            && left > 0
            && self.best()[at(theirs)] != Some(price)
        {
            self.rest(said, side, price);
        }
    }

    /// Matches at one price. An iceberg that is filled shows its next part, at the back.
    fn sweep(&mut self, side: Side, price: i64, left: &mut u32) -> Vec<(u64, u32)> {
        let queue = self.queues[at(side)].get_mut(&price).unwrap();
        let mut fills = Vec::new();
        while *left > 0
            && let Some(mut order) = queue.pop_front()
        {
            let size = order.shown.min(*left);
            fills.push((order.id, size));
            order.shown -= size;
            *left -= size;
            if order.shown > 0 {
                queue.push_front(order);
            } else if order.hidden > 0 {
                order.shown = order.peak.min(order.hidden);
                order.hidden -= order.shown;
                queue.push_back(order);
            }
        }
        if queue.is_empty() {
            self.queues[at(side)].remove(&price);
        }
        fills
    }

    /// What an order shows now; 0 if it is gone.
    fn shown(&self, side: Side, price: i64, id: u64) -> u32 {
        let queue = self.queues[at(side)].get(&price);
        let mut orders = queue.into_iter().flatten();
        orders
            .find(|order| order.id == id)
            .map_or(0, |order| order.shown)
    }

    /// An order that crosses the book, and is not matched.
    fn cross(&mut self, said: &mut Vec<Mbo>) {
        if let Some(ask) = self.best()[1] {
            self.orders += 1;
            self.crossing = Some((Side::Bid, ask + 1, self.orders));
            self.say(said, Action::Add, Side::Bid, self.orders, ask + 1, 1);
        }
    }

    /// The venue empties the book, and says all of it anew.
    fn clear(&mut self, said: &mut Vec<Mbo>) {
        self.say(said, Action::Clear, Side::None, 0, 0, 0);
        self.displayed.clear();
        self.crossing = None;
        let queues = self.queues.clone();
        for (side, levels) in [Side::Bid, Side::Ask].into_iter().zip(queues) {
            for (price, queue) in levels {
                for order in queue {
                    self.say(said, Action::Add, side, order.id, price, order.shown);
                }
            }
        }
    }
}

fn at(side: Side) -> usize {
    match side {
        Side::Bid => 0,
        _ => 1,
    }
}

fn other(side: Side) -> Side {
    match side {
        Side::Bid => Side::Ask,
        _ => Side::Bid,
    }
}
