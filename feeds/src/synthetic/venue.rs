//! One instrument at the venue: its real book, and matching by price and time.
//!
//! Whatever is printed comes from here, so every cancel, modify and fill names an order that
//! rests, and the book behind the tape is the truth a reader's book can be held against.
//! Prices are in ticks. A trade prints as CME does through Databento: per price one Trade (the
//! aggressor's side) and its Fills (the resting side), then the Cancels and Modifies that change
//! the book, then the aggressor's rest as an Add; one `ts_event`, LAST on the last record.

use dbn::Action;
use undertow_core::types::{Price, Side};

use super::tape::{Mode, Tape, mbo};

/// Who stands behind an order, so that the background leaves other people's alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    /// The crowd.
    Background,
    /// A market maker.
    Maker,
    /// Planted activity.
    Planted,
}

/// A resting order.
#[derive(Clone, Debug)]
pub(super) struct Order {
    pub(super) id: u64,
    pub(super) ticks: i32,
    /// Displayed size.
    pub(super) size: u32,
    /// Size not displayed (iceberg).
    pub(super) hidden: u32,
    /// Displayed size after a refill.
    slice: u32,
    /// How often it was refilled.
    pub(super) refills: u32,
    pub(super) side: Side,
    pub(super) owner: Owner,
}

/// An order to be entered.
#[derive(Clone, Copy)]
pub(super) struct Entry {
    pub(super) side: Side,
    pub(super) ticks: i32,
    /// Displayed size.
    pub(super) size: u32,
    /// Further size in slices of `size` (iceberg).
    pub(super) hidden: u32,
    pub(super) owner: Owner,
}

/// Names a resting order; outlives it harmlessly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Handle {
    slot: u32,
    /// The order's id.
    pub(super) id: u64,
}

/// What an aggressor got.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Taken {
    /// The aggressor's order id.
    pub(super) order_id: u64,
    /// Contracts traded.
    pub(super) size: u32,
    /// Price levels touched.
    pub(super) levels: u32,
    /// First and last price, in ticks.
    pub(super) first_ticks: i32,
    pub(super) last_ticks: i32,
}

/// Orders of one price in priority order, by slot.
struct Level {
    ticks: i32,
    size: u64,
    slots: Vec<u32>,
}

/// Levels of one side, the best one last.
#[derive(Default)]
struct Half {
    levels: Vec<Level>,
    orders: usize,
}

/// See the module.
pub(super) struct Venue {
    pub(super) instrument_id: u32,
    /// Size of a tick, in units of 1e-9.
    pub(super) tick: i64,
    halves: [Half; 2],
    orders: Vec<Order>,
    free: Vec<u32>,
    spare: Vec<Vec<u32>>,
    /// Orders met by the aggressor at work, with their displayed size before.
    met: Vec<(u32, u32)>,
}

impl Venue {
    pub(super) fn new(instrument_id: u32, tick: i64) -> Self {
        Self {
            instrument_id,
            tick,
            halves: [Half::default(), Half::default()],
            orders: Vec::new(),
            free: Vec::new(),
            spare: Vec::new(),
            met: Vec::new(),
        }
    }

    /// Best price of a side, in ticks.
    pub(super) fn best(&self, side: Side) -> Option<i32> {
        self.half(side).levels.last().map(|level| level.ticks)
    }

    /// Twice the mid, in ticks, when both sides are there.
    pub(super) fn mid_twice(&self) -> Option<i32> {
        Some(self.best(Side::Bid)? + self.best(Side::Ask)?)
    }

    /// Orders resting on a side.
    pub(super) fn order_count(&self, side: Side) -> usize {
        self.half(side).orders
    }

    /// Price levels of a side.
    pub(super) fn level_count(&self, side: Side) -> usize {
        self.half(side).levels.len()
    }

    /// Displayed size of the `depth` best levels.
    pub(super) fn size_within(&self, side: Side, depth: usize) -> u64 {
        self.half(side)
            .levels
            .iter()
            .rev()
            .take(depth)
            .map(|level| level.size)
            .sum()
    }

    /// Price and displayed size of the level `depth` steps behind the best.
    pub(super) fn level(&self, side: Side, depth: usize) -> Option<(i32, u64)> {
        let levels = &self.half(side).levels;
        let level = levels.get(levels.len().checked_sub(depth + 1)?)?;
        Some((level.ticks, level.size))
    }

    /// Orders at the level `depth` steps behind the best.
    pub(super) fn queue_length(&self, side: Side, depth: usize) -> usize {
        let levels = &self.half(side).levels;
        levels
            .len()
            .checked_sub(depth + 1)
            .map_or(0, |idx| levels[idx].slots.len())
    }

    /// The `place`-th order of the level `depth` steps behind the best.
    pub(super) fn handle_at(&self, side: Side, depth: usize, place: usize) -> Option<Handle> {
        let levels = &self.half(side).levels;
        let slot = *levels
            .get(levels.len().checked_sub(depth + 1)?)?
            .slots
            .get(place)?;
        Some(Handle {
            slot,
            id: self.orders[slot as usize].id,
        })
    }

    /// The order, while it rests.
    pub(super) fn order(&self, handle: Handle) -> Option<&Order> {
        self.orders
            .get(handle.slot as usize)
            .filter(|order| order.id == handle.id)
    }

    /// A price in units of 1e-9.
    pub(super) const fn price(&self, ticks: i32) -> i64 {
        ticks as i64 * self.tick
    }

    /// Rests an order without matching, as before the open.
    pub(super) fn rest(&mut self, tape: &mut Tape<'_>, entry: Entry) -> Handle {
        tape.next_sequence();
        let handle = self.print_add(tape, entry);
        tape.close_event();
        handle
    }

    /// Enters an order: it trades while it crosses, and then rests.
    pub(super) fn enter(&mut self, tape: &mut Tape<'_>, entry: Entry) -> (Taken, Option<Handle>) {
        let crosses = |best: Option<i32>| best.is_some_and(|best| reaches(entry, best));
        if !crosses(self.best(opposite(entry.side))) {
            return (Taken::default(), Some(self.rest(tape, entry)));
        }
        let taken = self.match_open(tape, entry);
        let rest = entry.size - taken.size;
        let handle = (rest > 0).then(|| {
            let entry = Entry {
                size: rest,
                ..entry
            };
            self.print_add_as(tape, entry, taken.order_id)
        });
        tape.close_event();
        (taken, handle)
    }

    /// Enters an order that trades at once what it can, up to its limit; the rest is gone.
    pub(super) fn take(&mut self, tape: &mut Tape<'_>, entry: Entry) -> Taken {
        let best = self.best(opposite(entry.side));
        if !best.is_some_and(|best| reaches(entry, best)) {
            return Taken::default();
        }
        let taken = self.match_open(tape, entry);
        tape.close_event();
        taken
    }

    /// Cancels an order; `false` when it no longer rests.
    pub(super) fn cancel(&mut self, tape: &mut Tape<'_>, handle: Handle) -> bool {
        let Some(order) = self.order(handle).cloned() else {
            return false;
        };
        tape.next_sequence();
        self.unlink(handle.slot);
        self.release(handle.slot);
        self.print_order(tape, Action::Cancel, &order, order.size);
        tape.close_event();
        true
    }

    /// Changes size or price. A move, or more size, goes to the back; less keeps its place.
    /// A move never crosses: it stops one tick short. `false` when the order no longer rests.
    pub(super) fn modify(
        &mut self,
        tape: &mut Tape<'_>,
        handle: Handle,
        ticks: i32,
        size: u32,
    ) -> bool {
        let Some(order) = self.order(handle) else {
            return false;
        };
        let (side, old_ticks, old_size) = (order.side, order.ticks, order.size);
        let ticks = match (side, self.best(opposite(side))) {
            (Side::Bid, Some(ask)) => ticks.min(ask - 1),
            (_, Some(bid)) => ticks.max(bid + 1),
            (_, None) => ticks,
        };
        if (ticks, size) == (old_ticks, old_size) || size == 0 {
            return true;
        }
        tape.next_sequence();
        if ticks == old_ticks && size < old_size {
            self.shrink(handle.slot, old_size - size);
        } else {
            self.unlink(handle.slot);
            let order = &mut self.orders[handle.slot as usize];
            (order.ticks, order.size) = (ticks, size);
            self.link(handle.slot);
        }
        let order = self.orders[handle.slot as usize].clone();
        self.print_order(tape, Action::Modify, &order, size);
        tape.close_event();
        true
    }

    /// Empties the book and prints the whole of it: Clear, then every order best level first.
    pub(super) fn print_snapshot(&self, tape: &mut Tape<'_>) {
        tape.mark(Mode::Snapshot);
        let undefined = Price::UNDEFINED.0;
        let mut clear = mbo(
            tape,
            self.instrument_id,
            Action::Clear,
            Side::None,
            0,
            undefined,
            0,
        );
        clear.sequence = 0;
        tape.print(clear);
        for half in &self.halves {
            for level in half.levels.iter().rev() {
                for &slot in &level.slots {
                    let order = &self.orders[slot as usize];
                    self.print_order(tape, Action::Add, order, order.size);
                }
            }
        }
        tape.close_event();
        tape.mark(Mode::Live);
    }

    /// Ends an auction: all that crosses trades at one price, in one event. Returns the size.
    pub(super) fn uncross(&mut self, tape: &mut Tape<'_>) -> u64 {
        let Some(ticks) = self.crossed_at() else {
            return 0;
        };
        tape.next_sequence();
        let price = self.price(ticks);
        let trade = mbo(
            tape,
            self.instrument_id,
            Action::Trade,
            Side::None,
            0,
            price,
            0,
        );
        let place = tape.print(trade);
        let mut total = 0;
        while let (Some(bid), Some(ask)) = (self.front(Side::Bid), self.front(Side::Ask)) {
            let (buy, sell) = (&self.orders[bid as usize], &self.orders[ask as usize]);
            if buy.ticks < sell.ticks {
                break;
            }
            let size = buy.size.min(sell.size);
            for slot in [bid, ask] {
                self.fill(tape, slot, ticks, size);
            }
            total += u64::from(size);
        }
        tape.set_size(place, u32::try_from(total).unwrap_or(u32::MAX));
        self.print_aftermath(tape);
        tape.close_event();
        total
    }

    /// The price at which a crossed book opens: midway between the crossing bests.
    fn crossed_at(&self) -> Option<i32> {
        let (bid, ask) = (self.best(Side::Bid)?, self.best(Side::Ask)?);
        (bid >= ask).then(|| ask + (bid - ask) / 2)
    }

    /// Matches and prints, and leaves the event open.
    fn match_open(&mut self, tape: &mut Tape<'_>, entry: Entry) -> Taken {
        tape.next_sequence();
        let resting = opposite(entry.side);
        let mut taken = Taken {
            order_id: tape.next_order_id(),
            ..Taken::default()
        };
        while taken.size < entry.size {
            let Some(best) = self.best(resting).filter(|&best| reaches(entry, best)) else {
                break;
            };
            let id = taken.order_id;
            let price = self.price(best);
            let trade = mbo(
                tape,
                self.instrument_id,
                Action::Trade,
                entry.side,
                id,
                price,
                0,
            );
            let place = tape.print(trade);
            let size = self.fill_level(tape, resting, entry.size - taken.size);
            tape.set_size(place, size);
            if taken.levels == 0 {
                taken.first_ticks = best;
            }
            taken.last_ticks = best;
            taken.size += size;
            taken.levels += 1;
        }
        self.print_aftermath(tape);
        taken
    }

    /// Fills orders of the best level in turn, at most `wanted`.
    fn fill_level(&mut self, tape: &mut Tape<'_>, side: Side, wanted: u32) -> u32 {
        let Some(ticks) = self.best(side) else {
            return 0;
        };
        let mut filled = 0;
        while filled < wanted && self.best(side) == Some(ticks) {
            let Some(slot) = self.front(side) else { break };
            let size = self.orders[slot as usize].size.min(wanted - filled);
            self.fill(tape, slot, ticks, size);
            filled += size;
        }
        filled
    }

    /// Fills one order by `size`, which it has; a used-up iceberg shows its next slice at the back.
    fn fill(&mut self, tape: &mut Tape<'_>, slot: u32, ticks: i32, size: u32) {
        let order = &self.orders[slot as usize];
        if !self.met.iter().any(|&(met, _)| met == slot) {
            self.met.push((slot, order.size));
        }
        let price = self.price(ticks);
        let (side, id) = (order.side, order.id);
        tape.print(mbo(
            tape,
            self.instrument_id,
            Action::Fill,
            side,
            id,
            price,
            size,
        ));
        if size < order.size {
            return self.shrink(slot, size);
        }
        self.unlink(slot);
        let order = &mut self.orders[slot as usize];
        order.size = order.hidden.min(order.slice);
        order.hidden -= order.size;
        if order.size > 0 {
            order.refills += 1;
            self.link(slot);
        }
    }

    /// Prints what the fills did to the book: gone orders as Cancel, others as Modify.
    fn print_aftermath(&mut self, tape: &mut Tape<'_>) {
        tape.next_sequence();
        let mut met = core::mem::take(&mut self.met);
        for (slot, shown) in met.drain(..) {
            let order = self.orders[slot as usize].clone();
            if order.size == 0 {
                self.print_order(tape, Action::Cancel, &order, shown);
                self.release(slot);
            } else {
                self.print_order(tape, Action::Modify, &order, order.size);
            }
        }
        self.met = met;
    }

    fn print_order(&self, tape: &mut Tape<'_>, action: Action, order: &Order, size: u32) {
        let price = self.price(order.ticks);
        tape.print(mbo(
            tape,
            self.instrument_id,
            action,
            order.side,
            order.id,
            price,
            size,
        ));
    }

    fn print_add(&mut self, tape: &mut Tape<'_>, entry: Entry) -> Handle {
        let id = tape.next_order_id();
        self.print_add_as(tape, entry, id)
    }

    fn print_add_as(&mut self, tape: &mut Tape<'_>, entry: Entry, id: u64) -> Handle {
        let order = Order {
            id,
            ticks: entry.ticks,
            size: entry.size,
            hidden: entry.hidden,
            slice: entry.size,
            refills: 0,
            side: entry.side,
            owner: entry.owner,
        };
        self.print_order(tape, Action::Add, &order, order.size);
        let slot = if let Some(slot) = self.free.pop() {
            self.orders[slot as usize] = order;
            slot
        } else {
            self.orders.push(order);
            self.orders.len() as u32 - 1
        };
        self.link(slot);
        Handle { slot, id }
    }

    /// Gives the slot of a gone order back; handles to it name nothing from now on.
    fn release(&mut self, slot: u32) {
        self.orders[slot as usize].id = 0;
        self.free.push(slot);
    }

    /// First in line at the best price.
    fn front(&self, side: Side) -> Option<u32> {
        self.half(side)
            .levels
            .last()
            .and_then(|level| level.slots.first().copied())
    }

    /// Puts an order at the back of its level.
    fn link(&mut self, slot: u32) {
        let (side, ticks, size) = self.place_of(slot);
        let half = &mut self.halves[side.index()];
        half.orders += 1;
        let idx = position(&half.levels, side, ticks);
        if half
            .levels
            .get(idx)
            .is_none_or(|level| level.ticks != ticks)
        {
            let slots = self.spare.pop().unwrap_or_default();
            half.levels.insert(
                idx,
                Level {
                    ticks,
                    size: 0,
                    slots,
                },
            );
        }
        let level = &mut half.levels[idx];
        level.size += u64::from(size);
        level.slots.push(slot);
    }

    /// Takes an order out of its level, and the level away when it was the last.
    fn unlink(&mut self, slot: u32) {
        let (side, ticks, size) = self.place_of(slot);
        let half = &mut self.halves[side.index()];
        half.orders -= 1;
        let idx = position(&half.levels, side, ticks);
        let level = &mut half.levels[idx];
        level.size -= u64::from(size);
        if let Some(place) = level.slots.iter().position(|&other| other == slot) {
            level.slots.remove(place);
        }
        if level.slots.is_empty() {
            let level = half.levels.remove(idx);
            self.spare.push(level.slots);
        }
    }

    /// Takes size off an order that keeps its place.
    fn shrink(&mut self, slot: u32, size: u32) {
        let (side, ticks, _) = self.place_of(slot);
        self.orders[slot as usize].size -= size;
        let levels = &mut self.halves[side.index()].levels;
        let idx = position(levels, side, ticks);
        levels[idx].size -= u64::from(size);
    }

    fn place_of(&self, slot: u32) -> (Side, i32, u32) {
        let order = &self.orders[slot as usize];
        (order.side, order.ticks, order.size)
    }

    fn half(&self, side: Side) -> &Half {
        &self.halves[side.index()]
    }
}

/// The other side.
pub(super) const fn opposite(side: Side) -> Side {
    match side {
        Side::Bid => Side::Ask,
        Side::Ask => Side::Bid,
        Side::None => Side::None,
    }
}

/// `ticks` steps away from the market on `side`: lower for a bid, higher for an offer.
pub(super) const fn behind(side: Side, from: i32, ticks: i32) -> i32 {
    match side {
        Side::Bid => from - ticks,
        Side::Ask | Side::None => from + ticks,
    }
}

/// Whether an order trades with a resting `best` of the other side.
fn reaches(entry: Entry, best: i32) -> bool {
    match entry.side {
        Side::Bid => best <= entry.ticks,
        Side::Ask | Side::None => entry.ticks <= best,
    }
}

/// Where `ticks` stands, or belongs, among levels whose best is last.
fn position(levels: &[Level], side: Side, ticks: i32) -> usize {
    match side {
        Side::Bid => levels.partition_point(|level| level.ticks < ticks),
        Side::Ask | Side::None => levels.partition_point(|level| ticks < level.ticks),
    }
}
