//! What is out there: contracts with their positions and quotes, and our orders.
//!
//! Every number that a check reads per contract is kept up to date here, by one rule: what an
//! order contributes is taken away before it changes and added back after. Live orders of a
//! contract are linked through the table of orders, which is a ring by id: an id's slot is its
//! low bits, and ids whose slot is still taken are skipped, never used.

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

use super::Order;
use super::context::Greeks;
use super::portfolio::{Exposure, Rules, Share};
use super::rate::Burst;
use crate::contract::{Contract, ContractError};
use crate::event::{BookUpdate, Trust};
use crate::money::Money;
use crate::order::{
    ClientOrderId, Intent, Life, Note, OrderState, Quote, SignalId, StrategyId, Turn, VenueOrderId,
};
use crate::position::{Agreement, Executions, Position};
use crate::types::{Action, BookKey, InstrumentId, Nanos, Price, Side};

/// No slot, no line.
pub(super) const NONE: u32 = u32::MAX;

/// How many ends of signals' numbers are told apart. A power of two.
const SIGNALS: usize = 256;

/// Working orders of one contract and side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Working {
    /// What may still fill.
    pub quantity: i64,
    /// Live orders.
    pub count: u32,
}

/// What the book showed of a contract last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct View {
    /// The touch.
    pub quote: Quote,
    /// Displayed at the bid and at the offer.
    pub displayed: [u64; 2],
    /// Price of the last trade.
    pub last: Price,
    /// Its time.
    pub last_at: Nanos,
    /// How far the book is to be believed.
    pub trust: Trust,
    /// When anything was last heard of it.
    pub heard_at: Nanos,
    /// Middle of the last sound quote of a good book: what positions are valued at.
    pub mark: Price,
    /// Its time.
    pub mark_at: Nanos,
    /// Whether the venue trades it, if it says.
    pub is_trading: Option<bool>,
}

impl View {
    const NONE: Self = Self {
        quote: Quote::NONE,
        displayed: [0; 2],
        last: Price::UNDEFINED,
        last_at: Nanos(0),
        trust: Trust::Recovering,
        heard_at: Nanos(0),
        mark: Price::UNDEFINED,
        mark_at: Nanos(0),
        is_trading: None,
    };
}

/// One contract and all that concerns it.
#[derive(Clone, Copy, Debug)]
pub struct Line {
    /// Its terms.
    pub contract: Contract,
    /// What is held.
    pub position: Position,
    /// What the book showed last.
    pub view: View,
    /// Working orders: buys and sells.
    pub working: [Working; 2],
    /// Live orders nobody answered for.
    pub unknown_count: u32,
    /// Live orders that the venue has not acknowledged.
    pub unacked_count: u32,
    /// Live orders that open.
    pub opening_count: u32,
    /// Whether the broker agrees about the position.
    pub agreement: Agreement,
    /// Greeks of one contract.
    pub greeks: Option<Greeks>,
    /// Initial margin of one contract, and when it was told.
    pub margin: Option<(Money, Nanos)>,
    /// Average daily volume.
    pub volume: Option<u32>,
    /// What another source says it is worth, and when.
    pub reference: Option<(Price, Nanos)>,
    /// The strategy that opened it last.
    pub strategy: StrategyId,
    /// What one contract of it can lose; absent while nothing was opened.
    pub loss_each: Option<Money>,
    /// What it adds to the sums, as it was counted last.
    pub(super) share: Share,
    /// When the latest order of each side was made.
    pub(super) ordered_at: [Nanos; 2],
    pub(super) is_allowed: bool,
    pub(super) underlying: u32,
    pub(super) repeats: [Burst; 2],
    pub(super) head: u32,
    active_at: u32,
    /// Total when last valued; absent when it could not be.
    total: Option<Money>,
    realised: Money,
    /// What was realised when the position was last flat.
    flat_realised: Money,
}

impl Line {
    /// Most and least that may be held when all working orders on one side fill.
    #[must_use]
    pub const fn reach(&self) -> (i64, i64) {
        let held = self.position.quantity();
        (
            held.saturating_add(self.working[0].quantity),
            held.saturating_sub(self.working[1].quantity),
        )
    }
}

impl Line {
    /// An order that opens says whose the contract is, and what it can lose.
    pub(super) fn open(&mut self, intent: &Intent, loss_each: Option<Money>) {
        if intent.purpose.opens() {
            self.strategy = intent.strategy;
            self.loss_each = self.loss_each.max(loss_each);
        }
    }
}

/// An order and its life.
#[derive(Clone, Copy, Debug)]
pub struct Track {
    /// The order.
    pub order: Order,
    /// Where it stands.
    pub life: Life,
    /// The venue's id.
    pub venue_id: VenueOrderId,
    /// When the venue, or we, last did something about it.
    pub touched: Nanos,
    pub(super) line: u32,
    pub(super) next: u32,
    previous: u32,
}

/// Sums over all contracts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sums {
    /// Of those that can be valued.
    pub(super) total: Money,
    pub(super) realised: Money,
    pub(super) fees: Money,
    /// Those that cannot.
    pub(super) unvalued: u32,
    /// Positions that went from flat to held.
    pub(super) opened: u64,
    /// Trades closed at a loss since the last one that gained.
    pub(super) losing_trades: i64,
}

impl Sums {
    pub(super) const NONE: Self = Self {
        total: Money::ZERO,
        realised: Money::ZERO,
        fees: Money::ZERO,
        unvalued: 0,
        opened: 0,
        losing_trades: 0,
    };
}

/// All of it.
#[derive(Debug)]
pub(super) struct Ledger {
    lines: Vec<Line>,
    lines_max: u32,
    /// By key, open addressing: half of it stays empty.
    keys: Box<[(BookKey, u32)]>,
    underlyings: Box<[InstrumentId]>,
    underlyings_used: u32,
    tracks: Box<[Option<Track>]>,
    /// Lines with a position or an open order, in no order that matters.
    active: Box<[u32]>,
    active_used: u32,
    next_id: u64,
    first_id: u64,
    /// Live orders.
    pub(super) live: u32,
    /// Of those that open, how many have a signal whose number ends so.
    signals: Box<[u32]>,
    pub(super) executions: Executions,
    pub(super) sums: Sums,
    /// What entry checks compare, but for the share of the line that is behind.
    pub(super) exposure: Exposure,
    pub(super) rules: Rules,
    /// The one line whose share is not up to date.
    behind: u32,
}

/// Why a contract is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegisterError {
    /// Its terms are unsound.
    Contract(ContractError),
    /// There is no room for another contract.
    Contracts,
    /// There is no room for another underlying.
    Underlyings,
    /// Its key belongs to a contract that is still held or worked.
    InUse,
}

impl Ledger {
    pub(super) fn new(capacity: &super::Capacity, first_id: u64, rules: Rules) -> Self {
        let lines = capacity.contracts_max as usize;
        let keys = (2 * lines).next_power_of_two();
        Self {
            lines: Vec::with_capacity(lines),
            lines_max: capacity.contracts_max,
            keys: vec![(BookKey::default(), NONE); keys].into_boxed_slice(),
            signals: vec![0; SIGNALS].into_boxed_slice(),
            underlyings: vec![InstrumentId(0); capacity.underlyings_max as usize]
                .into_boxed_slice(),
            underlyings_used: 0,
            tracks: vec![None; capacity.orders_max as usize].into_boxed_slice(),
            active: vec![NONE; lines].into_boxed_slice(),
            active_used: 0,
            next_id: first_id.max(1),
            first_id: first_id.max(1),
            live: 0,
            executions: Executions::new(capacity.executions_max),
            sums: Sums::NONE,
            exposure: Exposure::new(capacity.underlyings_max),
            rules,
            behind: NONE,
        }
    }

    /// Takes a contract. A key seen before means the same contract again, or after expiry a new
    /// one, which needs the old one to be flat and without orders.
    pub(super) fn register(&mut self, contract: &Contract) -> Result<(), RegisterError> {
        contract.check().map_err(RegisterError::Contract)?;
        let underlying = self.underlying(contract.underlying)?;
        if let Some(at) = self.find(contract.key) {
            let line = self.line(at);
            if line.contract == *contract {
                return Ok(());
            }
            if line.active_at != NONE {
                return Err(RegisterError::InUse);
            }
            // What the old one earned stays in the sums of the day.
            self.catch_up();
            self.lines[at as usize] = blank(contract, underlying);
            return Ok(());
        }
        let at = u32::try_from(self.lines.len()).unwrap_or(NONE);
        if at >= self.lines_max {
            return Err(RegisterError::Contracts);
        }
        let slot = self.slot_of(contract.key);
        self.keys[slot] = (contract.key, at);
        self.lines.push(blank(contract, underlying));
        Ok(())
    }

    fn underlying(&mut self, id: InstrumentId) -> Result<u32, RegisterError> {
        if let Some(at) = self.underlying_of(id) {
            return Ok(at);
        }
        let at = self.underlyings_used;
        let room = self.underlyings.get_mut(at as usize);
        *room.ok_or(RegisterError::Underlyings)? = id;
        self.underlyings_used += 1;
        Ok(at)
    }

    pub(super) fn underlying_of(&self, id: InstrumentId) -> Option<u32> {
        let known = &self.underlyings[..self.underlyings_used as usize];
        let at = known.iter().position(|known| *known == id)?;
        u32::try_from(at).ok()
    }

    /// The line of a key.
    #[inline]
    pub(super) fn find(&self, key: BookKey) -> Option<u32> {
        let (_, at) = self.keys[self.slot_of(key)];
        (at != NONE).then_some(at)
    }

    /// Where this key stands, or the empty slot where it would.
    #[inline]
    fn slot_of(&self, key: BookKey) -> usize {
        let mask = self.keys.len() - 1;
        let id = u64::from(key.instrument_id.0) << 16 | u64::from(key.publisher_id.0);
        let hash = id.wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(26);
        let mut slot = usize::try_from(hash & mask as u64).unwrap_or(0);
        loop {
            let (its, at) = self.keys[slot];
            if its == key || at == NONE {
                return slot;
            }
            slot = (slot + 1) & mask;
        }
    }

    pub(super) fn line(&self, at: u32) -> &Line {
        &self.lines[at as usize]
    }

    pub(super) fn line_mut(&mut self, at: u32) -> &mut Line {
        &mut self.lines[at as usize]
    }

    pub(super) fn lines(&self) -> impl Iterator<Item = &Line> {
        self.lines.iter()
    }

    pub(super) fn lines_mut(&mut self) -> impl Iterator<Item = &mut Line> {
        self.lines.iter_mut()
    }

    pub(super) fn active(&self) -> &[u32] {
        &self.active[..self.active_used as usize]
    }

    /// Takes in what a book says. Returns whether a position's value may have changed.
    #[inline]
    pub(super) fn observe(&mut self, update: &BookUpdate) -> bool {
        let Some(at) = self.find(update.mbo.key()) else {
            return false;
        };
        let view = &mut self.line_mut(at).view;
        let now = update.mbo.ts_event;
        if now.is_defined() {
            view.heard_at = view.heard_at.max(now);
        }
        if update.mbo.action == Action::Trade && update.mbo.price.is_defined() {
            view.last = update.mbo.price;
            view.last_at = view.heard_at;
        }
        view.trust = update.trust;
        view.quote = Quote {
            bid: update.touch.bid,
            ask: update.touch.ask,
        };
        view.displayed = [update.touch.bid_size, update.touch.ask_size];
        if update.trust != Trust::Good || !view.quote.is_sound() {
            return false;
        }
        view.mark_at = view.heard_at;
        let mark = view.quote.mid();
        if mark == view.mark {
            return false;
        }
        view.mark = mark;
        let line = self.line(at);
        if line.active_at == NONE {
            return false;
        }
        let is_held = line.position.quantity() != 0;
        self.touch(at);
        if is_held {
            self.value(at);
        }
        is_held
    }

    /// Values a line anew and corrects the sums.
    pub(super) fn value(&mut self, at: u32) {
        let line = &mut self.lines[at as usize];
        let total = line.position.total(&line.contract, line.view.mark);
        let realised = line.position.realised(&line.contract);
        match line.total {
            Some(before) => self.sums.total -= before,
            None => self.sums.unvalued -= 1,
        }
        match total {
            Some(after) => self.sums.total += after,
            None => self.sums.unvalued += 1,
        }
        self.sums.realised += realised - line.realised;
        line.total = total;
        line.realised = realised;
    }

    /// Changes a position, and what follows from it: sums, streaks, activity.
    pub(super) fn change<R>(&mut self, at: u32, change: impl FnOnce(&mut Position) -> R) -> R {
        let position = &mut self.line_mut(at).position;
        let (held, fees) = (position.quantity(), position.fees());
        let result = change(position);
        let (holds, charged) = (position.quantity(), position.fees() - fees);
        self.sums.fees += charged;
        self.value(at);
        if held.signum() != holds.signum() {
            self.turn_over(at, held, holds);
        }
        self.tidy(at);
        self.touch(at);
        result
    }

    /// Something has changed that a line's share depends on. It is counted anew when another line
    /// changes or is asked about: an order looks at its own line as it stands, and at the shares
    /// of all others.
    #[inline]
    pub(super) fn touch(&mut self, at: u32) {
        if self.behind != at {
            self.catch_up();
            self.behind = at;
        }
    }

    /// Makes the sums those of all other lines, for an order of this one at this time.
    pub(super) fn prepare(&mut self, at: u32, now: Nanos) {
        self.touch(at);
        if now > self.exposure.until {
            self.count_all(now);
            self.touch(at);
        }
        if self.line(at).share.is_counted {
            let line = self.line_mut(at);
            let underlying = line.underlying;
            let share = core::mem::replace(&mut line.share, Share::NONE);
            self.exposure.add(&share, underlying, -1);
        }
    }

    fn catch_up(&mut self) {
        let at = core::mem::replace(&mut self.behind, NONE);
        if at != NONE {
            self.count(at, Nanos(0));
        }
    }

    /// Counts every share anew: something has grown too old, or may no longer be as old.
    #[cold]
    pub(super) fn count_all(&mut self, now: Nanos) {
        self.catch_up();
        self.exposure.until = Nanos::UNDEFINED;
        for place in 0..self.active_used as usize {
            self.count(self.active[place], now);
        }
    }

    /// Counts a line's share anew. Ages count from `now`; with none everything told is young, and
    /// the sums say until when.
    fn count(&mut self, at: u32, now: Nanos) {
        let line = &mut self.lines[at as usize];
        let rules = Rules { now, ..self.rules };
        let share = Share::of(line, &rules);
        let before = core::mem::replace(&mut line.share, share);
        self.exposure.add(&before, line.underlying, -1);
        self.exposure.add(&share, line.underlying, 1);
    }

    /// A position was opened, closed or turned round.
    fn turn_over(&mut self, at: u32, held: i64, holds: i64) {
        let line = &mut self.lines[at as usize];
        if held != 0 {
            let earned = line.realised - line.flat_realised;
            if earned < Money::ZERO {
                self.sums.losing_trades += 1;
            } else if earned > Money::ZERO {
                self.sums.losing_trades = 0;
            }
            line.flat_realised = line.realised;
        }
        if holds != 0 {
            self.sums.opened += 1;
        }
    }

    /// The least id that the next order may have.
    pub(super) const fn next_id(&self) -> u64 {
        self.next_id
    }

    /// Ids below this one are not used from here on: the venue has seen them.
    pub(super) fn raise_next_id(&mut self, id: u64) {
        self.next_id = self.next_id.max(id);
    }

    /// An id whose slot is free, without taking it; `None` when every slot is.
    pub(super) fn free_id(&self) -> Option<u64> {
        let slots = self.tracks.len() as u64;
        (self.next_id..self.next_id.saturating_add(slots)).find(|id| {
            let track = &self.tracks[self.track_slot(ClientOrderId(*id))];
            track.as_ref().is_none_or(|track| !track.life.is_open())
        })
    }

    /// The intent of the last order, if it is still remembered.
    pub(super) fn last_intent(&self) -> Option<Intent> {
        let slot = self.slot(ClientOrderId(self.next_id.checked_sub(1)?))?;
        Some(self.track(slot).order.intent)
    }

    /// Calls for the memory of the next order.
    pub(super) fn call_for_next(&self) {
        let slot = self.track_slot(ClientOrderId(self.next_id));
        crate::prefetch::whole(&self.tracks[slot]);
    }

    /// Whether an id's slot holds an open order.
    pub(super) fn is_taken(&self, id: ClientOrderId) -> bool {
        let track = &self.tracks[self.track_slot(id)];
        track.as_ref().is_some_and(|track| track.life.is_open())
    }

    fn track_slot(&self, id: ClientOrderId) -> usize {
        let mask = self.tracks.len() as u64 - 1;
        usize::try_from(id.0 & mask).unwrap_or(0)
    }

    /// Takes a new order of a line into the table. Its slot is free.
    pub(super) fn insert(&mut self, at: u32, order: Order, life: Life, now: Nanos) {
        let slot = self.track_slot(order.id());
        let head = self.line(at).head;
        debug_assert!(self.tracks[slot].is_none_or(|old| !old.life.is_open()));
        self.tracks[slot] = Some(Track {
            order,
            life,
            venue_id: VenueOrderId(0),
            touched: now,
            line: at,
            next: head,
            previous: NONE,
        });
        let slot = u32::try_from(slot).unwrap_or(NONE);
        if head != NONE {
            self.track_mut(head).previous = slot;
        }
        let line = self.line_mut(at);
        let ordered_at = &mut line.ordered_at[side_index(order.intent().side)];
        *ordered_at = (*ordered_at).max(order.ts());
        line.head = slot;
        self.next_id = self.next_id.max(order.id().0.saturating_add(1));
        self.tally(slot, Counted::NOTHING, Counted::of(&life));
        self.tidy(at);
        self.touch(at);
    }

    /// The slot of an order, if it is still remembered.
    pub(super) fn slot(&self, id: ClientOrderId) -> Option<u32> {
        let slot = self.track_slot(id);
        let track = self.tracks[slot].as_ref()?;
        (track.order.id() == id).then_some(u32::try_from(slot).ok()?)
    }

    pub(super) fn track(&self, slot: u32) -> &Track {
        let track = self.tracks[slot as usize].as_ref();
        track.expect("slots that are handed out are there")
    }

    fn track_mut(&mut self, slot: u32) -> &mut Track {
        let track = self.tracks[slot as usize].as_mut();
        track.expect("slots that are handed out are there")
    }

    /// The live and owing orders of a line.
    pub(super) fn open_orders(&self, at: u32) -> impl Iterator<Item = &Track> {
        let head = self.line(at).head;
        let first = (head != NONE).then(|| self.track(head));
        core::iter::successors(first, |track| {
            (track.next != NONE).then(|| self.track(track.next))
        })
    }

    /// Orders younger than a time, the latest first.
    pub(super) fn since(&self, from: Nanos) -> impl Iterator<Item = &Track> {
        let oldest = self.next_id.saturating_sub(self.tracks.len() as u64);
        (oldest.max(self.first_id)..self.next_id)
            .rev()
            .filter_map(|id| self.slot(ClientOrderId(id)))
            .map(|slot| self.track(slot))
            .take_while(move |track| track.order.ts() >= from)
    }

    /// Takes a turn of an order's life.
    pub(super) fn turn(&mut self, slot: u32, turn: Turn, now: Nanos) -> Note {
        let track = self.track_mut(slot);
        let (at, was_open) = (track.line, track.life.is_open());
        let before = Counted::of(&track.life);
        let note = track.life.turn(turn);
        track.touched = track.touched.max(now);
        let (after, is_open) = (Counted::of(&track.life), track.life.is_open());
        // That its bytes have left, or that it rests, changes nothing that is counted.
        if before == after {
            return note;
        }
        self.tally(slot, before, after);
        if was_open && !is_open {
            self.unlink(slot);
        }
        self.tidy(at);
        self.touch(at);
        note
    }

    pub(super) fn name(&mut self, slot: u32, venue_id: VenueOrderId) {
        self.track_mut(slot).venue_id = venue_id;
    }

    fn unlink(&mut self, slot: u32) {
        let Track {
            line,
            next,
            previous,
            ..
        } = *self.track(slot);
        if previous == NONE {
            self.line_mut(line).head = next;
        } else {
            self.track_mut(previous).next = next;
        }
        if next != NONE {
            self.track_mut(next).previous = previous;
        }
    }

    /// Takes away what an order has added to the counts, and adds what it does now.
    fn tally(&mut self, slot: u32, before: Counted, after: Counted) {
        let track = self.track(slot);
        let (at, intent) = (track.line, track.order.intent());
        let (side, opens) = (side_index(intent.side), intent.purpose.opens());
        let signal = signal_place(intent.signal_id);
        let line = self.line_mut(at);
        let working = &mut line.working[side];
        working.quantity += i64::from(after.leaves) - i64::from(before.leaves);
        let change = |count: &mut u32, before: bool, after: bool| {
            *count = count
                .wrapping_add(u32::from(after))
                .wrapping_sub(u32::from(before));
        };
        change(&mut working.count, before.is_live, after.is_live);
        change(&mut line.unknown_count, before.is_unknown, after.is_unknown);
        change(&mut line.unacked_count, before.is_unacked, after.is_unacked);
        change(&mut self.live, before.is_live, after.is_live);
        if opens {
            change(
                &mut self.line_mut(at).opening_count,
                before.is_live,
                after.is_live,
            );
            change(&mut self.signals[signal], before.is_live, after.is_live);
        }
    }

    /// Whether a live order that opens lives from this signal.
    pub(super) fn is_live(&self, signal: SignalId) -> bool {
        // Most often none has even a number that ends alike.
        self.signals[signal_place(signal)] > 0 && self.finds_live(signal)
    }

    #[inline(never)]
    fn finds_live(&self, signal: SignalId) -> bool {
        self.active().iter().any(|at| {
            self.line(*at).opening_count > 0
                && self.open_orders(*at).any(|track| {
                    let intent = track.order.intent();
                    !track.life.state().is_final()
                        && intent.purpose.opens()
                        && intent.signal_id == signal
                })
        })
    }

    /// Keeps the list of active lines.
    fn tidy(&mut self, at: u32) {
        let line = self.line(at);
        let is_active = line.position.quantity() != 0 || line.head != NONE;
        let place = line.active_at;
        if is_active == (place != NONE) {
            return;
        }
        if is_active {
            self.active[self.active_used as usize] = at;
            self.line_mut(at).active_at = self.active_used;
            self.active_used += 1;
            return;
        }
        self.active_used -= 1;
        let last = self.active[self.active_used as usize];
        self.active[place as usize] = last;
        self.line_mut(last).active_at = place;
        self.line_mut(at).active_at = NONE;
        self.line_mut(at).loss_each = None;
    }
}

/// What of an order's life is counted: what may still fill, and in which of the counts it is.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Counted {
    leaves: u32,
    is_live: bool,
    is_unacked: bool,
    is_unknown: bool,
}

impl Counted {
    const NOTHING: Self = Self {
        leaves: 0,
        is_live: false,
        is_unacked: false,
        is_unknown: false,
    };

    const fn of(life: &Life) -> Self {
        let state = life.state();
        Self {
            leaves: life.leaves(),
            is_live: !state.is_final(),
            is_unacked: state.is_unacked(),
            is_unknown: matches!(state, OrderState::Unknown),
        }
    }
}

/// Where signals are counted whose numbers end as this one's.
fn signal_place(signal: SignalId) -> usize {
    usize::try_from(signal.0 % SIGNALS as u64).unwrap_or(0)
}

/// Index of a side in pairs of buys and sells.
pub(super) const fn side_index(side: Side) -> usize {
    match side {
        Side::Bid => 0,
        Side::Ask | Side::None => 1,
    }
}

fn blank(contract: &Contract, underlying: u32) -> Line {
    Line {
        contract: *contract,
        position: Position::FLAT,
        view: View::NONE,
        working: [Working::default(); 2],
        unknown_count: 0,
        unacked_count: 0,
        opening_count: 0,
        agreement: Agreement::Unknown,
        greeks: None,
        margin: None,
        volume: None,
        reference: None,
        strategy: StrategyId(0),
        loss_each: None,
        share: Share::NONE,
        ordered_at: [Nanos(0); 2],
        is_allowed: true,
        underlying,
        repeats: [Burst::default(); 2],
        head: NONE,
        active_at: NONE,
        total: Some(Money::ZERO),
        realised: Money::ZERO,
        flat_realised: Money::ZERO,
    }
}
