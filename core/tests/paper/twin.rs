//! The slow twin of the paper venue: queues of boxes in which ours stand among the market's.
//!
//! It knows nothing of places, sums or tables. Each level is a queue; a trade walks it from the
//! front; an order of ours is an entry in it. It takes records one by one as the venue does, and
//! is told by the book whether it may be believed. Every latency is the same.

use std::collections::{BTreeMap, HashMap, VecDeque};

use undertow_core::event::{Mbo, Trust};
use undertow_core::order::Tif;
use undertow_core::types::{Action, Flags, Nanos, Side};
use undertow_core::venue::Impact;

/// What the twin says happened: when, to which order, what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    Acked,
    Working,
    Executed(u32, i64),
    Cancelled(u32),
    CancelRejected,
}

/// An order of ours, as the twin sees it.
#[derive(Clone, Copy, Debug)]
pub struct Ours {
    pub id: u64,
    pub side: Side,
    pub price: i64,
    pub quantity: u32,
    pub tif: Tif,
}

#[derive(Clone, Copy, Debug)]
enum Entry {
    /// Id, size, what a trade of this event has eaten of it, what fills of it were told.
    Market(u64, u32, u32, u32),
    Ours(u64),
}

#[derive(Clone, Copy, Debug)]
enum Coming {
    Place(Ours),
    Cancel(u64),
}

#[derive(Clone, Copy, Debug)]
struct Live {
    ours: Ours,
    left: u32,
    is_resting: bool,
}

type Levels = BTreeMap<i64, VecDeque<Entry>>;

#[derive(Debug)]
pub struct Twin {
    way_ns: u64,
    impact: Impact,
    now: u64,
    coming: VecDeque<(u64, Coming)>,
    /// Bids and asks, with ours in them.
    queues: [Levels; 2],
    /// The same without ours, as displayed: id and size.
    displayed: [BTreeMap<i64, Vec<(u64, u32)>>; 2],
    /// Side and price of each displayed order.
    homes: HashMap<u64, (Side, i64)>,
    /// Levels that trades and fills of this event have touched.
    touched: Vec<(usize, i64)>,
    live: BTreeMap<u64, Live>,
    waiting: Vec<u64>,
    /// What was taken: (whom it binds, displayed order) to size.
    taken: BTreeMap<(u64, u64), u32>,
    is_event_open: bool,
    is_lost: bool,
    trust: Trust,
    pub said: Vec<(u64, u64, Said)>,
}

impl Twin {
    pub fn new(way_ns: u64, impact: Impact) -> Self {
        Self {
            way_ns,
            impact,
            now: 0,
            coming: VecDeque::new(),
            queues: Default::default(),
            displayed: Default::default(),
            homes: HashMap::new(),
            touched: Vec::new(),
            live: BTreeMap::new(),
            waiting: Vec::new(),
            taken: BTreeMap::new(),
            is_event_open: false,
            is_lost: false,
            trust: Trust::Recovering,
            said: Vec::new(),
        }
    }

    pub fn place(&mut self, ours: Ours, now: Nanos) {
        self.now = self.now.max(now.0);
        self.coming
            .push_back((self.now + self.way_ns, Coming::Place(ours)));
    }

    pub fn cancel(&mut self, id: u64, now: Nanos) {
        self.now = self.now.max(now.0);
        self.coming
            .push_back((self.now + self.way_ns, Coming::Cancel(id)));
    }

    pub fn on_time(&mut self, now: Nanos) {
        self.now = self.now.max(now.0);
        self.arrive(self.now);
        self.enter();
    }

    /// Size of the market's orders before one of ours.
    pub fn ahead(&self, id: u64) -> Option<u64> {
        let live = self.live.get(&id).filter(|live| live.is_resting)?;
        let queue = &self.queues[index(live.ours.side)][&live.ours.price];
        let before = queue
            .iter()
            .take_while(|entry| !matches!(entry, Entry::Ours(other) if *other == id));
        Some(
            before
                .map(|entry| match entry {
                    Entry::Market(_, size, ..) => u64::from(*size),
                    Entry::Ours(_) => 0,
                })
                .sum(),
        )
    }

    pub fn record(&mut self, mbo: &Mbo, trust: Trust) {
        self.now = self.now.max(mbo.ts_event.0);
        self.arrive(self.now - 1);
        self.trust = trust;
        if mbo.action == Action::Trade && trust == Trust::Good {
            self.trade(mbo);
        }
        self.apply(mbo);
        self.is_event_open = !mbo.flags.has(Flags::LAST);
        if !self.is_event_open {
            self.end_event();
        }
        self.arrive(self.now);
        self.enter();
    }

    fn arrive(&mut self, until: u64) {
        while let Some((at, coming)) = self.coming.front().copied() {
            if at > until {
                return;
            }
            self.coming.pop_front();
            match coming {
                Coming::Place(ours) => {
                    let live = Live {
                        ours,
                        left: ours.quantity,
                        is_resting: false,
                    };
                    self.live.insert(ours.id, live);
                    self.waiting.push(ours.id);
                    self.said.push((at, ours.id, Said::Acked));
                }
                Coming::Cancel(id) => match self.live.get(&id) {
                    Some(live) => {
                        let filled = live.ours.quantity - live.left;
                        self.said.push((at, id, Said::Cancelled(filled)));
                        self.remove(id);
                    }
                    None => self.said.push((at, id, Said::CancelRejected)),
                },
            }
        }
    }

    /// Those that wait meet the book.
    fn enter(&mut self) {
        if self.is_event_open {
            return;
        }
        for id in std::mem::take(&mut self.waiting) {
            let ours = self.live[&id].ours;
            if self.trust != Trust::Good {
                if ours.tif == Tif::Ioc {
                    self.end(id);
                } else {
                    self.waiting.push(id);
                }
                continue;
            }
            self.meet(id, false);
            let Some(live) = self.live.get_mut(&id) else {
                continue;
            };
            if ours.tif == Tif::Ioc {
                self.end(id);
                continue;
            }
            live.is_resting = true;
            if live.left == ours.quantity {
                self.said.push((self.now, id, Said::Working));
            }
            let level = self.queues[index(ours.side)].entry(ours.price).or_default();
            level.push_back(Entry::Ours(id));
        }
    }

    fn end(&mut self, id: u64) {
        let live = self.live[&id];
        let filled = live.ours.quantity - live.left;
        self.said.push((self.now, id, Said::Cancelled(filled)));
        self.remove(id);
    }

    fn remove(&mut self, id: u64) {
        self.live.remove(&id);
        self.waiting.retain(|waiting| *waiting != id);
        for queue in self.queues.iter_mut().flat_map(BTreeMap::values_mut) {
            queue.retain(|entry| !matches!(entry, Entry::Ours(other) if *other == id));
        }
        self.taken.retain(|(whom, _), _| *whom != id);
    }

    fn execute(&mut self, id: u64, size: u32, price: i64) {
        if size == 0 {
            return;
        }
        self.said.push((self.now, id, Said::Executed(size, price)));
        let live = self.live.get_mut(&id).unwrap();
        live.left -= size;
        if live.left == 0 {
            self.remove(id);
        }
    }

    /// A trade walks the queues from the best price to its own.
    fn trade(&mut self, mbo: &Mbo) {
        let side = match mbo.side {
            Side::Bid => Side::Ask,
            Side::Ask => Side::Bid,
            Side::None => return,
        };
        let mut left = mbo.size;
        let mut hits = Vec::new();
        let mut prices: Vec<i64> = self.queues[index(side)].keys().copied().collect();
        if side == Side::Bid {
            prices.reverse();
        }
        for price in prices {
            let is_beyond = match side {
                Side::Bid => price < mbo.price.0,
                _ => price > mbo.price.0,
            };
            if is_beyond {
                break;
            }
            self.touched.push((index(side), price));
            for entry in self.queues[index(side)].get_mut(&price).unwrap() {
                match entry {
                    // At a better price the market's orders are done with already.
                    Entry::Market(_, size, eaten, _) if price == mbo.price.0 => {
                        let eats = left.min(*size - *eaten);
                        *eaten += eats;
                        left -= eats;
                    }
                    Entry::Market(..) => {}
                    Entry::Ours(id) => {
                        let size = left.min(self.live[id].left);
                        left -= size;
                        hits.push((*id, size, price));
                    }
                }
            }
        }
        for (id, size, price) in hits {
            self.execute(id, size, price);
        }
    }

    /// Meets what is displayed on the other side, at its price, or at ours if we were first.
    fn meet(&mut self, id: u64, was_first: bool) {
        let Live { ours, mut left, .. } = self.live[&id];
        let opposite = &self.displayed[1 - index(ours.side)];
        let mut prices: Vec<i64> = opposite.keys().copied().collect();
        if ours.side == Side::Ask {
            prices.reverse();
        }
        let mut hits = Vec::new();
        for price in prices {
            let is_worse = match ours.side {
                Side::Bid => price > ours.price,
                _ => price < ours.price,
            };
            if is_worse {
                break;
            }
            let whom = match self.impact {
                Impact::Off => id,
                Impact::On => 0,
            };
            let mut sum = 0;
            for (theirs, size) in &opposite[&price] {
                let taken = self.taken.entry((whom, *theirs)).or_default();
                let takes = left.min(size.saturating_sub(*taken));
                *taken += takes;
                left -= takes;
                sum += takes;
            }
            hits.push((sum, if was_first { ours.price } else { price }));
        }
        for (size, price) in hits {
            self.execute(id, size, price);
        }
    }

    fn apply(&mut self, mbo: &Mbo) {
        let id = mbo.order_id.0;
        let found = self.find(id);
        match mbo.action {
            Action::Add => self.push(id, mbo.side, mbo.price.0, mbo.size),
            Action::Cancel => {
                if let Some((side, price, size)) = found {
                    self.resize(id, side, price, size.saturating_sub(mbo.size));
                }
            }
            Action::Modify => match found {
                Some((side, price, size)) if price == mbo.price.0 && mbo.size <= size => {
                    self.resize(id, side, price, mbo.size);
                }
                Some((side, price, _)) => {
                    self.resize(id, side, price, 0);
                    self.push(id, side, mbo.price.0, mbo.size);
                }
                None => self.push(id, mbo.side, mbo.price.0, mbo.size),
            },
            Action::Fill => {
                let Some((side, price, _)) = found else {
                    return;
                };
                self.touched.push((index(side), price));
                for entry in self.queues[index(side)].get_mut(&price).unwrap() {
                    if let Entry::Market(other, _, _, told) = entry
                        && *other == id
                    {
                        *told += mbo.size;
                    }
                }
            }
            Action::Clear => {
                self.displayed = Default::default();
                self.homes.clear();
                for queue in self.queues.iter_mut().flat_map(BTreeMap::values_mut) {
                    queue.retain(|entry| matches!(entry, Entry::Ours(_)));
                }
                self.is_lost = true;
            }
            Action::Trade | Action::None => {}
        }
    }

    fn find(&self, id: u64) -> Option<(Side, i64, u32)> {
        let (side, price) = *self.homes.get(&id)?;
        let level = &self.displayed[index(side)][&price];
        let (_, size) = level.iter().find(|(other, _)| *other == id)?;
        Some((side, price, *size))
    }

    fn push(&mut self, id: u64, side: Side, price: i64, size: u32) {
        let at = index(side);
        self.homes.insert(id, (side, price));
        self.displayed[at]
            .entry(price)
            .or_default()
            .push((id, size));
        let queue = self.queues[at].entry(price).or_default();
        queue.push_back(Entry::Market(id, size, 0, 0));
    }

    /// An order keeps its place with this size, or leaves with none. One that has more than its
    /// fills have left was refilled: it goes to the back, but is displayed where it was.
    fn resize(&mut self, id: u64, side: Side, price: i64, to: u32) {
        let level = self.displayed[index(side)].get_mut(&price).unwrap();
        if to == 0 {
            self.homes.remove(&id);
            level.retain(|(other, _)| *other != id);
            self.taken.retain(|(_, theirs), _| *theirs != id);
        } else {
            for (other, size) in level.iter_mut() {
                if *other == id {
                    *size = to;
                }
            }
        }
        if level.is_empty() {
            self.displayed[index(side)].remove(&price);
        }
        let queue = self.queues[index(side)].get_mut(&price).unwrap();
        let is_it = |entry: &Entry| matches!(entry, Entry::Market(other, ..) if *other == id);
        let place = queue.iter().position(is_it).unwrap();
        let Entry::Market(_, size, eaten, told) = queue[place] else {
            unreachable!("it is the market's");
        };
        let gone = size.saturating_sub(to);
        let is_refilled = told > 0 && to > size.saturating_sub(told);
        if to == 0 || is_refilled {
            queue.remove(place);
        } else {
            let (eaten, told) = (eaten.saturating_sub(gone), told.saturating_sub(gone));
            queue[place] = Entry::Market(id, to, eaten, told);
        }
        if to > 0 && is_refilled {
            queue.push_back(Entry::Market(id, to, 0, 0));
        }
    }

    fn end_event(&mut self) {
        for (side, price) in self.touched.drain(..) {
            for entry in self.queues[side].get_mut(&price).unwrap() {
                if let Entry::Market(_, _, eaten, told) = entry {
                    (*eaten, *told) = (0, 0);
                }
            }
        }
        if self.trust != Trust::Good {
            return;
        }
        if std::mem::take(&mut self.is_lost) {
            for queue in self.queues.iter_mut().flat_map(BTreeMap::values_mut) {
                let (mut theirs, mut ours) = (VecDeque::new(), VecDeque::new());
                for entry in queue.drain(..) {
                    match entry {
                        Entry::Market(..) => theirs.push_back(entry),
                        Entry::Ours(_) => ours.push_back(entry),
                    }
                }
                theirs.append(&mut ours);
                *queue = theirs;
            }
            let homes = &self.homes;
            self.taken
                .retain(|(_, theirs), _| homes.contains_key(theirs));
        }
        let mut resting: Vec<Live> = self.live.values().copied().collect();
        resting.retain(|live| live.is_resting);
        // Bids first, the better price first; equal prices stand in order of arrival.
        resting.sort_by_key(|live| match live.ours.side {
            Side::Bid => (0, -live.ours.price),
            _ => (1, live.ours.price),
        });
        for live in resting {
            self.meet(live.ours.id, true);
        }
    }
}

fn index(side: Side) -> usize {
    match side {
        Side::Bid => 0,
        _ => 1,
    }
}
