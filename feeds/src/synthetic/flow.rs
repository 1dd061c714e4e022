//! The crowd: adds, cancels, modifies and market orders into one book.
//!
//! Orders join at a power-law distance from the other side's best and leave at a rate that falls
//! with distance and grows with the queue they stand in; sizes are heavy-tailed; aggressors keep
//! to one side for a while and lean towards a value. The mix of records is steered, by what was
//! printed so far, towards the one that was asked for, and the number of resting orders towards
//! its target. Nothing here knows the time.

use undertow_core::types::Side;

use super::random::{Quantiles, Random};
use super::tape::{Counts, Tape};
use super::venue::{Entry, Handle, Owner, Venue, behind, opposite};

/// Shares of records that the flow aims at. A book that neither grows nor dries up cancels every
/// order that was added, by will or by fill, so Adds and Cancels have one share together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Mix {
    /// Adds and Cancels, also those that end a fill.
    pub(super) turnover: f64,
    /// Modifies, also those that follow a fill.
    pub(super) modifies: f64,
    /// Trades and Fills.
    pub(super) trades: f64,
}

impl Mix {
    /// What the performance inputs are made of.
    pub(super) const LOAD: Self = Self {
        turnover: 0.87,
        modifies: 0.08,
        trades: 0.05,
    };
}

/// What the crowd does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    Add,
    Cancel,
    Modify,
    Trade,
}

/// Distributions and steering of the crowd, shared by the books it trades.
pub(super) struct Flow {
    mix: Mix,
    /// Relative frequency of turnover, modifies and trades.
    weights: [f64; 3],
    acts_to_steer: u32,
    /// Records of these three that this crowd has caused since the last look.
    seen: [u64; 3],
    sizes: Quantiles,
    market_sizes: Quantiles,
    add_distances: Quantiles,
    cancel_depths: Quantiles,
}

/// What the crowd in one book has in mind.
pub(super) struct Mood {
    /// Orders per side that it keeps resting.
    pub(super) orders_target: usize,
    /// Where it thinks the price belongs, in ticks.
    pub(super) value: f64,
    /// Lean of its aggressors: below 0 they sell.
    lean: f64,
}

impl Mood {
    pub(super) const fn new(orders_target: usize, value: f64) -> Self {
        Self {
            orders_target,
            value,
            lean: 0.0,
        }
    }
}

/// Share of Adds that stand anywhere in the book.
const FAR_SHARE: f64 = 0.03;
/// How many acts pass between two looks at the mix.
const STEER_EVERY: u32 = 256;

impl Flow {
    pub(super) fn new(mix: Mix) -> Self {
        Self {
            mix,
            weights: [mix.turnover, mix.modifies, mix.trades / 3.0],
            acts_to_steer: STEER_EVERY,
            seen: [0; 3],
            sizes: Quantiles::power_law(1.0, 2.1, 400),
            market_sizes: Quantiles::power_law(1.0, 1.9, 600),
            add_distances: Quantiles::power_law(2.0, 2.4, 600),
            cancel_depths: Quantiles::power_law(2.0, 2.3, 400),
        }
    }

    /// Lays out a book around `mid` ticks: `mood.orders_target` orders a side, thinning out.
    pub(super) fn lay_out(
        &self,
        venue: &mut Venue,
        mood: &Mood,
        tape: &mut Tape<'_>,
        random: &mut Random,
    ) {
        while venue.order_count(Side::Ask) < mood.orders_target {
            self.fill_in(venue, mood, tape, random);
        }
    }

    /// Rests one order a side around the value: denser near it, at most two at each end.
    pub(super) fn fill_in(
        &self,
        venue: &mut Venue,
        mood: &Mood,
        tape: &mut Tape<'_>,
        random: &mut Random,
    ) {
        let mid = libm::floor(mood.value) as i32;
        let reach = (mood.orders_target / 4).max(12);
        for (side, from) in [(Side::Bid, mid), (Side::Ask, mid + 1)] {
            let place = venue.order_count(side);
            let depth = if place < 8 {
                place
            } else {
                random.below(reach).min(random.below(reach))
            };
            let size = 1 + self.sizes.draw(random);
            venue.rest(tape, entry(side, behind(side, from, depth as i32), size));
        }
    }

    /// One act in one book.
    pub(super) fn step(
        &mut self,
        venue: &mut Venue,
        mood: &mut Mood,
        tape: &mut Tape<'_>,
        random: &mut Random,
    ) -> Act {
        self.acts_to_steer -= 1;
        if self.acts_to_steer == 0 {
            self.acts_to_steer = STEER_EVERY;
            self.steer();
        }
        let before = by_kind(tape.counts());
        let act = self.choose(venue, mood, random);
        self.act(act, venue, mood, tape, random);
        for ((seen, after), before) in self.seen.iter_mut().zip(by_kind(tape.counts())).zip(before)
        {
            *seen += after - before;
        }
        act
    }

    /// One act of a given kind; an Add where the book is too thin for it.
    pub(super) fn act(
        &self,
        act: Act,
        venue: &mut Venue,
        mood: &mut Mood,
        tape: &mut Tape<'_>,
        random: &mut Random,
    ) {
        match act {
            Act::Add => self.add(venue, mood, tape, random),
            Act::Cancel => self.cancel(venue, mood, tape, random),
            Act::Modify => self.modify(venue, mood, tape, random),
            Act::Trade => self.trade(venue, mood, tape, random),
        }
    }

    fn add(&self, venue: &mut Venue, mood: &Mood, tape: &mut Tape<'_>, random: &mut Random) {
        let bids = venue.order_count(Side::Bid);
        let asks = venue.order_count(Side::Ask);
        // The thinner side is joined more often.
        let side = side_of(bids < random.below(bids + asks + 2));
        // A few orders stand far off, so that the price finds some wherever it goes.
        let distance = if random.chance(FAR_SHARE) {
            random.below((mood.orders_target / 4).max(12)) as i32 + 1
        } else {
            self.add_distances.draw(random) as i32 + 1
        };
        let other = venue.best(opposite(side)).unwrap_or(mood.value as i32);
        let size = 1 + self.sizes.draw(random);
        venue.rest(tape, entry(side, behind(side, other, distance), size));
    }

    fn choose(&self, venue: &Venue, mood: &Mood, random: &mut Random) -> Act {
        let resting = (venue.order_count(Side::Bid) + venue.order_count(Side::Ask)) as f64;
        let fill = resting / (2 * mood.orders_target) as f64;
        let [turnover, modify, trade] = self.weights;
        // At the target the two balance; away from it the book pulls back.
        let pull = libm::sqrt(fill.clamp(0.1, 10.0));
        let (add, cancel) = (turnover / 2.0 / pull, turnover / 2.0 * pull);
        let mut draw = random.unit() * (add + cancel + modify + trade);
        for (act, weight) in [
            (Act::Add, add),
            (Act::Cancel, cancel),
            (Act::Modify, modify),
        ] {
            if draw < weight {
                return act;
            }
            draw -= weight;
        }
        Act::Trade
    }

    /// Compares what was printed since the last look with what was asked for.
    fn steer(&mut self) {
        let seen = core::mem::take(&mut self.seen);
        let total = seen.iter().sum::<u64>().max(1) as f64;
        let asked = [self.mix.turnover, self.mix.modifies, self.mix.trades];
        for ((weight, asked), seen) in self.weights.iter_mut().zip(asked).zip(seen) {
            let step = 1.0 + 0.2 * (asked - seen as f64 / total) / asked;
            *weight = (*weight * step).clamp(asked * 0.05, asked * 3.0);
        }
    }

    fn cancel(&self, venue: &mut Venue, mood: &Mood, tape: &mut Tape<'_>, random: &mut Random) {
        match self.pick(venue, random) {
            Some(handle) => {
                venue.cancel(tape, handle);
            }
            None => self.add(venue, mood, tape, random),
        }
    }

    fn modify(&self, venue: &mut Venue, mood: &Mood, tape: &mut Tape<'_>, random: &mut Random) {
        let picked = self.pick(venue, random);
        let Some((handle, order)) = picked.and_then(|it| Some((it, venue.order(it)?.clone())))
        else {
            return self.add(venue, mood, tape, random);
        };
        let (ticks, size) = if random.chance(0.7) {
            let away = random.between(1, 3) as i32;
            let away = if random.chance(0.5) { away } else { -away };
            (behind(order.side, order.ticks, away), order.size)
        } else if order.size > 1 && random.chance(0.6) {
            (order.ticks, random.between(1, order.size - 1))
        } else {
            (order.ticks, order.size + 1 + self.sizes.draw(random))
        };
        venue.modify(tape, handle, ticks, size);
    }

    fn trade(&self, venue: &mut Venue, mood: &mut Mood, tape: &mut Tape<'_>, random: &mut Random) {
        let Some(mid_twice) = venue.mid_twice() else {
            return self.add(venue, mood, tape, random);
        };
        mood.lean = 0.98 * mood.lean + 0.15 * random.normal();
        let pull = (mood.value - f64::from(mid_twice) / 2.0) / 12.0;
        let buys = 0.5 + 0.3 * mood.lean.clamp(-1.0, 1.0) + 0.45 * pull.clamp(-1.0, 1.0);
        let side = side_of(random.chance(buys));
        let resting = opposite(side);
        if venue.level_count(resting) < 8 {
            return self.add(venue, mood, tape, random);
        }
        let Some((best, touch)) = venue.level(resting, 0) else {
            return;
        };
        // Few take more than the touch shows; those who do reach two levels further.
        let shown = u32::try_from(touch).unwrap_or(u32::MAX);
        let size = (1 + self.market_sizes.draw(random)).min(shown.saturating_mul(2));
        let reach = if shown < size { 2 } else { 0 };
        let entry = entry(side, behind(resting, best, reach), size);
        if random.chance(0.2) {
            venue.enter(
                tape,
                Entry {
                    ticks: best,
                    ..entry
                },
            );
        } else {
            venue.take(tape, entry);
        }
    }

    /// An order of the crowd's to cancel or change: near the touch, rather in a long queue.
    fn pick(&self, venue: &Venue, random: &mut Random) -> Option<Handle> {
        for _ in 0..8 {
            let bids = venue.order_count(Side::Bid);
            let all = bids + venue.order_count(Side::Ask);
            let side = side_of(random.below(all.max(1)) < bids);
            let levels = venue.level_count(side);
            if levels < 8 {
                continue;
            }
            let depth = self.cancel_depths.draw(random) as usize;
            let depth = if depth < levels {
                depth
            } else {
                random.below(levels)
            };
            let queue = venue.queue_length(side, depth);
            // One alone stays three times in four or so; in a long queue some leave all the time.
            if random.below(queue + 8) > queue {
                continue;
            }
            let handle = venue.handle_at(side, depth, random.below(queue))?;
            if venue
                .order(handle)
                .is_some_and(|order| order.owner == Owner::Background)
            {
                return Some(handle);
            }
        }
        None
    }
}

/// Records by the kinds that the mix tells apart.
const fn by_kind(counts: &Counts) -> [u64; 3] {
    [
        counts.adds + counts.cancels,
        counts.modifies,
        counts.trades + counts.fills,
    ]
}

/// Bid when `is_bid`.
const fn side_of(is_bid: bool) -> Side {
    if is_bid { Side::Bid } else { Side::Ask }
}

fn entry(side: Side, ticks: i32, size: u32) -> Entry {
    Entry {
        side,
        ticks,
        size,
        hidden: 0,
        owner: Owner::Background,
    }
}
