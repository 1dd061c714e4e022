//! Planted institutional activity.
//!
//! What is planted, where and when comes from a stream of chance of its own; what came of it is
//! taken from the venue as it happens, so the truth is exact. The day is cut into slots of equal
//! length and each slot has one activity, so none hides another.

use undertow_core::types::Side;

use super::market::Market;
use super::random::Random;
use super::tape::Tape;
use super::truth::{Activity, Planted};
use super::venue::{Entry, Handle, Owner, Taken, behind, opposite};

/// How many of each kind are planted in a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plantings {
    /// Sweeps of the front future.
    pub sweeps: u32,
    /// Icebergs in the front future, native and synthetic in turn.
    pub icebergs: u32,
    /// Blocks, in the front future and in options in turn.
    pub blocks: u32,
    /// One-sided pressure for minutes, on options and on the front future in turn.
    pub pressures: u32,
    /// Calm stretches.
    pub calms: u32,
}

impl Plantings {
    /// Nothing planted.
    pub const NONE: Self = Self {
        sweeps: 0,
        icebergs: 0,
        blocks: 0,
        pressures: 0,
        calms: 0,
    };

    /// The number of the kind that is planted most.
    pub(super) fn most(&self) -> u32 {
        let Self {
            sweeps,
            icebergs,
            blocks,
            pressures,
            calms,
        } = *self;
        sweeps.max(icebergs).max(blocks).max(pressures).max(calms)
    }

    const fn total(&self) -> u32 {
        self.sweeps + self.icebergs + self.blocks + self.pressures + self.calms
    }
}

/// All plans of a session, and what has come of them.
pub(super) struct Plans {
    plans: Vec<Plan>,
    calms: Vec<[u64; 2]>,
    done: Vec<Planted>,
    random: Random,
}

struct Plan {
    /// When it acts next, ns.
    due: u64,
    /// When it must be over, ns.
    until: u64,
    /// The contract's place in the market.
    place: usize,
    side: Side,
    step: Step,
    outcome: Planted,
}

/// What a plan does when it is due.
enum Step {
    Sweep {
        children: u32,
    },
    Iceberg {
        resting: Option<Handle>,
        left: u32,
        next_counter: u64,
    },
    Block,
    Pressure {
        gap_ns: f64,
    },
}

/// Background rate in a calm stretch, in thousandths.
const CALM_PERMILLE: u32 = 80;

impl Plans {
    /// Draws the plans for the trading hours from `open` to `close`, ns.
    pub(super) fn new(
        plantings: &Plantings,
        [open, close]: [u64; 2],
        market: &Market,
        mut random: Random,
    ) -> Self {
        let mut plans = Self {
            plans: Vec::new(),
            calms: Vec::new(),
            done: Vec::new(),
            random,
        };
        random = plans.random.fork();
        let slot = (close - open) / (u64::from(plantings.total()) + 1);
        // The book settles in the first half slot; the last half slot is kept free.
        for (i, kind) in shuffled(plantings, &mut random).into_iter().enumerate() {
            let start = open + slot / 2 + slot * i as u64;
            plans.plan(kind, [start, start + slot], market, &mut random);
        }
        plans
    }

    fn plan(&mut self, kind: Kind, [start, end]: [u64; 2], market: &Market, random: &mut Random) {
        let length = end - start;
        let side = if random.chance(0.5) {
            Side::Bid
        } else {
            Side::Ask
        };
        let (place, activity, step) = match kind {
            Kind::Calm => return self.plan_calm([start, end]),
            Kind::Sweep => (
                0,
                sweep(),
                Step::Sweep {
                    children: random.between(3, 7),
                },
            ),
            Kind::Iceberg { native } => {
                let slice = random.between(5, 15);
                let total = slice * random.between(10, 25);
                let activity = Activity::Iceberg {
                    native,
                    orders: Vec::new(),
                    slice,
                    total,
                    refills: 0,
                };
                (
                    0,
                    activity,
                    Step::Iceberg {
                        resting: None,
                        left: total,
                        next_counter: 0,
                    },
                )
            }
            Kind::Block { of_option } => (
                market.pick(of_option, random),
                Activity::Block { order: 0 },
                Step::Block,
            ),
            Kind::Pressure { of_option } => {
                let gap_ns = length as f64 / f64::from(random.between(40, 90));
                let activity = Activity::Pressure { orders: Vec::new() };
                (
                    market.pick(of_option, random),
                    activity,
                    Step::Pressure { gap_ns },
                )
            }
        };
        let contract = &market.contracts[place];
        self.plans.push(Plan {
            due: start + random.below((length / 8) as usize) as u64,
            until: start + length / 8 * 7,
            place,
            side,
            step,
            outcome: Planted {
                activity,
                instrument_id: contract.id,
                symbol: contract.symbol.clone(),
                side: if side == Side::Bid { 'B' } else { 'A' },
                ts_start: 0,
                ts_end: 0,
                price: i64::MAX,
                size: 0,
            },
        });
    }

    fn plan_calm(&mut self, [start, end]: [u64; 2]) {
        self.calms.push([start, end]);
        self.done.push(Planted {
            activity: Activity::Calm {
                rate_permille: CALM_PERMILLE,
            },
            instrument_id: 0,
            symbol: String::new(),
            side: 'N',
            ts_start: start,
            ts_end: end,
            price: i64::MAX,
            size: 0,
        });
    }

    /// When something planted happens next; `u64::MAX` when nothing does.
    pub(super) fn due(&self) -> u64 {
        self.plans
            .iter()
            .map(|plan| plan.due)
            .min()
            .unwrap_or(u64::MAX)
    }

    /// Factor on the background's rate at an instant.
    pub(super) fn background_rate(&self, now: u64) -> f64 {
        let is_calm = self
            .calms
            .iter()
            .any(|&[start, end]| (start..end).contains(&now));
        if is_calm {
            f64::from(CALM_PERMILLE) / 1_000.0
        } else {
            1.0
        }
    }

    /// Lets the plan that is due act.
    pub(super) fn act(&mut self, market: &mut Market, tape: &mut Tape<'_>) {
        let Some(idx) = (0..self.plans.len()).min_by_key(|&idx| self.plans[idx].due) else {
            return;
        };
        let plan = &mut self.plans[idx];
        tape.advance_to(plan.due);
        let wait = match plan.step {
            Step::Sweep { .. } => plan.sweep(market, tape, &mut self.random),
            Step::Iceberg { .. } => plan.iceberg(market, tape, &mut self.random),
            Step::Block => plan.block(market, tape, &mut self.random),
            Step::Pressure { .. } => plan.pressure(market, tape, &mut self.random),
        };
        match wait {
            Some(wait) => plan.due = tape.now() + wait,
            None => {
                let plan = self.plans.swap_remove(idx);
                if plan.outcome.ts_start > 0 {
                    self.done.push(plan.outcome);
                }
            }
        }
    }

    /// Everything that came of it, by start.
    pub(super) fn finish(self, market: &mut Market, tape: &mut Tape<'_>) -> Vec<Planted> {
        let mut done = self.done;
        for mut plan in self.plans {
            plan.end_iceberg(market, tape);
            if plan.outcome.ts_start > 0 {
                done.push(plan.outcome);
            }
        }
        done.sort_by_key(|planted| (planted.ts_start, planted.instrument_id));
        done
    }
}

impl Plan {
    /// One child that takes two to four whole levels; nanoseconds to the next.
    fn sweep(
        &mut self,
        market: &mut Market,
        tape: &mut Tape<'_>,
        random: &mut Random,
    ) -> Option<u64> {
        let venue = &mut market.venues[self.place];
        let resting = opposite(self.side);
        let depth = random.between(2, 4) as usize;
        if venue.level_count(resting) < depth + 8 {
            // Too thin to sweep without emptying it: later, unless it has begun.
            let waits = self.outcome.ts_start == 0 && tape.now() < self.until;
            return waits.then_some(1_000_000_000);
        }
        let (ticks, _) = venue.level(resting, depth - 1)?;
        let size = u32::try_from(venue.size_within(resting, depth)).ok()?;
        let taken = venue.take(tape, planted(self.side, ticks, size));
        let last = venue.price(taken.last_ticks);
        self.note_taken(&taken, venue.price(taken.first_ticks), tape.now());
        if let Activity::Sweep {
            levels, last_price, ..
        } = &mut self.outcome.activity
        {
            *levels += taken.levels;
            *last_price = last;
        }
        let Step::Sweep { children } = &mut self.step else {
            return None;
        };
        *children -= 1;
        (*children > 0).then(|| 300_000 + random.below(4_000_000) as u64)
    }

    /// Keeps the iceberg at its price and lets some of the crowd run into it.
    fn iceberg(
        &mut self,
        market: &mut Market,
        tape: &mut Tape<'_>,
        random: &mut Random,
    ) -> Option<u64> {
        if self.until <= tape.now() {
            self.end_iceberg(market, tape);
            return None;
        }
        if self.outcome.ts_start == 0 {
            let best = market.venues[self.place].best(self.side)?;
            self.outcome.price = market.venues[self.place].price(best);
            self.outcome.ts_start = tape.now();
            market.anchor = Some(f64::from(behind(self.side, best, 2)));
            self.show_slice(market, tape, best);
        }
        let venue = &mut market.venues[self.place];
        let ticks = i32::try_from(self.outcome.price / venue.tick).ok()?;
        let Step::Iceberg {
            resting,
            left,
            next_counter,
        } = &mut self.step
        else {
            return None;
        };
        let is_resting = resting.is_some_and(|handle| venue.order(handle).is_some());
        if !is_resting {
            if *left == 0 {
                self.end_iceberg(market, tape);
                return None;
            }
            self.show_slice(market, tape, ticks);
            return Some(20_000_000);
        }
        if *next_counter <= tape.now() && venue.best(self.side) == Some(ticks) {
            let size = random.between(1, 25);
            venue.take(tape, planted(opposite(self.side), ticks, size));
            *next_counter = tape.now() + 200_000_000 + random.below(2_000_000_000) as u64;
            return Some(1_000_000 + random.below(4_000_000) as u64);
        }
        Some(5_000_000 + random.below(15_000_000) as u64)
    }

    /// Enters the iceberg, or the next slice of a synthetic one.
    fn show_slice(&mut self, market: &mut Market, tape: &mut Tape<'_>, ticks: i32) {
        let Activity::Iceberg {
            native,
            orders,
            slice,
            total,
            refills,
        } = &mut self.outcome.activity
        else {
            return;
        };
        let venue = &mut market.venues[self.place];
        let Step::Iceberg { resting, left, .. } = &mut self.step else {
            return;
        };
        // A slice that would cross waits at the price until it no longer does.
        if venue
            .best(opposite(self.side))
            .is_some_and(|best| crosses(self.side, ticks, best))
        {
            return;
        }
        let hidden = if *native { *total - *slice } else { 0 };
        let entry = Entry {
            hidden,
            ..planted(self.side, ticks, *slice)
        };
        let handle = venue.rest(tape, entry);
        *refills += u32::from(!orders.is_empty());
        orders.push(handle.id);
        *resting = Some(handle);
        *left -= if *native { *total } else { *slice };
        self.outcome.ts_end = tape.now();
    }

    /// Takes what is left off the book and settles the account.
    fn end_iceberg(&mut self, market: &mut Market, tape: &mut Tape<'_>) {
        let Step::Iceberg { resting, left, .. } = &mut self.step else {
            return;
        };
        let Activity::Iceberg {
            native,
            slice,
            total,
            refills,
            ..
        } = &mut self.outcome.activity
        else {
            return;
        };
        market.anchor = None;
        if self.outcome.ts_start == 0 {
            return;
        }
        let venue = &mut market.venues[self.place];
        let mut unfilled = *left;
        match resting.and_then(|handle| Some((handle, venue.order(handle)?.clone()))) {
            Some((handle, order)) => {
                unfilled += order.size + order.hidden;
                if *native {
                    *refills = order.refills;
                }
                venue.cancel(tape, handle);
            }
            None if *native => *refills = *total / *slice - 1,
            None => {}
        }
        self.outcome.size = u64::from(*total - unfilled);
        self.outcome.ts_end = tape.now();
        *resting = None;
    }

    /// A large order rests at the touch, and a large aggressor takes the whole of that price.
    fn block(
        &mut self,
        market: &mut Market,
        tape: &mut Tape<'_>,
        random: &mut Random,
    ) -> Option<u64> {
        let venue = &mut market.venues[self.place];
        let resting = opposite(self.side);
        let Some(ticks) = venue.best(resting) else {
            // Nobody quotes this option just now.
            return (tape.now() < self.until).then_some(1_000_000_000);
        };
        let size = random.between(250, 600);
        venue.rest(tape, planted(resting, ticks, size));
        tape.advance_to(tape.now() + 20_000 + random.below(200_000) as u64);
        let (_, shown) = venue.level(resting, 0)?;
        let taken = venue.take(tape, planted(self.side, ticks, u32::try_from(shown).ok()?));
        self.outcome.activity = Activity::Block {
            order: taken.order_id,
        };
        self.note_taken(&taken, venue.price(ticks), tape.now());
        None
    }

    /// One more aggressor on the same side.
    fn pressure(
        &mut self,
        market: &mut Market,
        tape: &mut Tape<'_>,
        random: &mut Random,
    ) -> Option<u64> {
        let Step::Pressure { gap_ns } = self.step else {
            return None;
        };
        if self.until <= tape.now() {
            return None;
        }
        market.refresh_option(self.place, tape, random);
        let venue = &mut market.venues[self.place];
        let resting = opposite(self.side);
        let is_deep = market.contracts[self.place].is_option() || venue.level_count(resting) > 8;
        if let (Some(best), true) = (venue.best(resting), is_deep) {
            let size = random.between(5, 25);
            let taken = venue.take(tape, planted(self.side, best, size));
            self.note_taken(&taken, venue.price(best), tape.now());
            let points = 0.004 * f64::from(taken.size);
            market.lean_option(
                self.place,
                if self.side == Side::Bid {
                    points
                } else {
                    -points
                },
            );
        }
        Some((gap_ns * random.exponential()) as u64 + 1_000)
    }

    fn note_taken(&mut self, taken: &Taken, price: i64, now: u64) {
        if taken.size == 0 {
            return;
        }
        if self.outcome.ts_start == 0 {
            self.outcome.ts_start = now;
            self.outcome.price = price;
        }
        self.outcome.ts_end = now;
        self.outcome.size += u64::from(taken.size);
        if let Activity::Sweep { orders, .. } | Activity::Pressure { orders } =
            &mut self.outcome.activity
        {
            orders.push(taken.order_id);
        }
    }
}

#[derive(Clone, Copy)]
enum Kind {
    Sweep,
    Iceberg { native: bool },
    Block { of_option: bool },
    Pressure { of_option: bool },
    Calm,
}

/// The kinds asked for, in a drawn order.
fn shuffled(plantings: &Plantings, random: &mut Random) -> Vec<Kind> {
    let mut kinds = Vec::new();
    kinds.extend((0..plantings.sweeps).map(|_| Kind::Sweep));
    kinds.extend((0..plantings.icebergs).map(|i| Kind::Iceberg { native: i % 2 == 0 }));
    kinds.extend((0..plantings.blocks).map(|i| Kind::Block {
        of_option: i % 2 == 1,
    }));
    kinds.extend((0..plantings.pressures).map(|i| Kind::Pressure {
        of_option: i % 3 != 2,
    }));
    kinds.extend((0..plantings.calms).map(|_| Kind::Calm));
    for i in (1..kinds.len()).rev() {
        kinds.swap(i, random.below(i + 1));
    }
    kinds
}

const fn sweep() -> Activity {
    Activity::Sweep {
        orders: Vec::new(),
        levels: 0,
        last_price: i64::MAX,
    }
}

fn planted(side: Side, ticks: i32, size: u32) -> Entry {
    Entry {
        side,
        ticks,
        size,
        hidden: 0,
        owner: Owner::Planted,
    }
}

/// Whether an order would trade with a resting `best` of the other side.
const fn crosses(side: Side, ticks: i32, best: i32) -> bool {
    match side {
        Side::Bid => best <= ticks,
        Side::Ask | Side::None => ticks <= best,
    }
}
