//! The venue of paper: our orders meet the books as the market's own orders did.
//!
//! **Time.** A command takes the way out, a report the way back, neither in no time, each in
//! order. Of a cancel and a record at one instant the record comes first.
//! **Meeting.** An order meets the displayed orders when the event after its arrival has ended.
//! It takes them level by level at their prices down to its limit; the rest of an IOC goes, that
//! of a day order rests. While it rests, what is later displayed at its price or through it has
//! run into it and trades at its price.
//! **Queue.** A resting order stands behind all that was displayed at its price; see `queue`. A
//! trade at its price fills it with what the orders before it leave; one at a worse price, in
//! full size. Better and earlier orders of ours come first. So a trade through the price, which
//! N16 asks for where the queue is not known, is asked for only where the book shows no queue.
//! **Doubt.** Without a good book, or in a halt, nothing fills and nothing joins. Trades count at
//! once, all else when LAST has come. After a clear or snapshot our places are the last again.
//! **Absent.** Trades without an aggressor (auctions, crosses), self-trades, implied liquidity, and
//! that a venue may skip an order before us (one owner on both sides): we wait for its size.

mod fees;
mod latency;
mod lines;
mod marks;
mod queue;
#[cfg(test)]
mod tests;

pub use fees::Fees;
pub use latency::{Latency, LatencyError};
pub use lines::RegisterError;
pub use marks::Impact;

use alloc::vec::Vec;
use core::fmt;

use crate::book::{Book, Books};
use crate::contract::Contract;
use crate::event::{BookUpdate, Control, Definition, Effect, Mbo, Trust};
use crate::gateway::{Gateway, later};
use crate::order::{
    ClientOrderId, ExecReport, Execution, ExecutionId, ReportKind, Tif, VenueOrderId,
};
use crate::post::Post;
use crate::risk::{Command, Order};
use crate::types::{Action, BookKey, Flags, Nanos, OrderId, Price, Side};
use latency::Leg;
use lines::{Lines, NONE, opposite};
use marks::{Marks, Taken};

/// Reports that an order is owed at most, beside its executions: sent, acknowledged, working,
/// its end, and the answer to a cancel.
const OWED_MAX: usize = 5;

/// Reports under way for which there is room, for each order that may be live.
const REPORTS_EACH: usize = 32;

/// What a venue is built from. All of its room is laid out at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setup {
    /// How long messages take.
    pub latency: Latency,
    /// What executions cost.
    pub fees: Fees,
    /// What we do to the market.
    pub impact: Impact,
    /// From which latencies are drawn.
    pub seed: u64,
    /// Contracts, 1 to 65 536.
    pub contracts_max: u32,
    /// Orders live or in flight, 1 to 65 536.
    pub orders_max: u32,
    /// Orders before one of ours that are known by id, up to 65 536. Those beyond are known by
    /// their sum, from which nothing but trades takes.
    pub ahead_max: u32,
    /// Displayed orders from which ours have taken, up to 65 536. Beyond that nothing is taken.
    pub taken_max: u32,
}

impl Setup {
    /// Room for a day's work, fees of a dollar a contract, no impact, and the given latency.
    #[must_use]
    pub fn new(latency: Latency, seed: u64) -> Self {
        Self {
            latency,
            fees: Fees::default(),
            impact: Impact::Off,
            seed,
            contracts_max: 1_024,
            orders_max: 256,
            ahead_max: 2_048,
            taken_max: 4_096,
        }
    }
}

/// Why a venue is not built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetupError {
    /// The latencies are unsound.
    Latency(LatencyError),
    /// This room is out of range; named as in [`Setup`].
    Room(&'static str),
}

/// Why an order is rejected, as the number in [`ReportKind::Rejected`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u16)]
pub enum Rejection {
    /// Its contract is not known here.
    Contract = 1,
    /// Its contract has expired or was withdrawn, or the session has ended.
    Closed = 2,
    /// It has no side or no size.
    Size = 3,
    /// Its price does not exist.
    Price = 4,
    /// There are too many live orders.
    Room = 5,
}

impl Rejection {
    /// Every one.
    pub const ALL: [Self; 5] = [
        Self::Contract,
        Self::Closed,
        Self::Size,
        Self::Price,
        Self::Room,
    ];

    /// The one of a report's number.
    #[must_use]
    pub fn from_code(code: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|known| *known as u16 == code)
    }

    /// The words shown to users.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Contract => "unknown contract",
            Self::Closed => "closed",
            Self::Size => "no side or size",
            Self::Price => "no such price",
            Self::Room => "too many orders",
        }
    }
}

/// What the venue has met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct VenueCounters {
    /// Orders that came.
    pub orders: u64,
    /// Orders that were refused.
    pub rejected: u64,
    /// Executions told.
    pub executions: u64,
    /// Contracts and shares in them.
    pub filled: u64,
    /// Orders that were cancelled, by wish or as the rest of an IOC.
    pub cancelled: u64,
    /// Cancels of orders that were gone, or never there.
    pub cancels_rejected: u64,
    /// Orders that ran out.
    pub expired: u64,
    /// Orders sent a second time, and ignored.
    pub repeated: u64,
    /// Places in queues that were lost to a clear or a snapshot.
    pub requeued: u64,
    /// Commands that got no answer, for want of room.
    pub lost: u64,
    /// Fills that were not made, for want of room.
    pub unmade: u64,
}

/// What the venue needs to know of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ticket {
    id: ClientOrderId,
    contract: BookKey,
    side: Side,
    quantity: u32,
    price: Price,
    tif: Tif,
}

impl Ticket {
    const fn of(order: &Order) -> Self {
        let intent = order.intent();
        Self {
            id: order.id(),
            contract: intent.contract,
            side: intent.side,
            quantity: intent.quantity,
            price: intent.price,
            tif: intent.tif,
        }
    }
}

/// On its way to the venue.
#[derive(Clone, Copy, Debug)]
enum Message {
    Place(Ticket),
    Cancel(BookKey, ClientOrderId),
}

/// Who came first when an order of ours and a displayed one meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Came {
    /// Ours takes what is displayed, at its price.
    Later,
    /// Ours rests, and trades at its own.
    First,
}

/// A venue that exists on paper only.
#[derive(Debug)]
pub struct PaperVenue {
    setup: Setup,
    now: Nanos,
    session_end: Nanos,
    is_closed: bool,
    inbound: Post<Message>,
    outbound: Post<ExecReport>,
    lines: Lines,
    /// Live orders that have not met their book, in order of arrival.
    waiting: Vec<u32>,
    marks: Marks,
    /// Above the id of every order that has come.
    next_id: u64,
    venue_ids: u64,
    executions: u64,
    /// The earliest expiry of a line that is not expired.
    next_expiry: Nanos,
    /// What is asked before and after every record of any book, worked out when it may have
    /// changed.
    due: Nanos,
    is_idle: bool,
    counters: VenueCounters,
}

impl PaperVenue {
    /// Lays everything out.
    ///
    /// # Errors
    ///
    /// When a latency is unsound or a room out of range; names it.
    pub fn new(setup: &Setup) -> Result<Self, SetupError> {
        setup.latency.check().map_err(SetupError::Latency)?;
        let rooms = [
            ("contracts_max", setup.contracts_max, 1),
            ("orders_max", setup.orders_max, 1),
            ("ahead_max", setup.ahead_max, 0),
            ("taken_max", setup.taken_max, 0),
        ];
        for (name, room, least) in rooms {
            if !(least..=1 << 16).contains(&room) {
                return Err(SetupError::Room(name));
            }
        }
        let orders = setup.orders_max as usize;
        Ok(Self {
            setup: *setup,
            now: Nanos(0),
            session_end: Nanos::UNDEFINED,
            is_closed: false,
            inbound: Post::new(2 * orders),
            outbound: Post::new(REPORTS_EACH * orders),
            lines: Lines::new(setup.contracts_max, setup.orders_max, setup.ahead_max),
            waiting: Vec::with_capacity(orders),
            marks: Marks::new(setup.taken_max as usize),
            next_id: 0,
            venue_ids: 0,
            executions: 0,
            next_expiry: Nanos::UNDEFINED,
            due: Nanos::UNDEFINED,
            is_idle: true,
            counters: VenueCounters::default(),
        })
    }

    /// Takes a contract on. Only contracts taken on can be traded. A key seen before means a new
    /// contract in the place of the old one, which may have no live order.
    ///
    /// # Errors
    ///
    /// When its terms are unsound, there is no room, or its key is still in use.
    pub fn register(&mut self, contract: &Contract) -> Result<(), RegisterError> {
        self.lines.register(contract)?;
        self.find_next_expiry();
        self.note_due();
        Ok(())
    }

    /// Opens a session that ends at `end`: what is live then expires, and what comes later is
    /// rejected until the next session. Undefined for a session without end.
    pub fn begin_session(&mut self, end: Nanos) {
        self.session_end = end;
        self.is_closed = false;
        self.note_due();
    }

    /// What it met so far.
    #[must_use]
    pub const fn counters(&self) -> &VenueCounters {
        &self.counters
    }

    /// Size that stands before an order of ours; `None` unless it rests where queues are shown.
    #[must_use]
    pub fn ahead(&self, contract: BookKey, id: ClientOrderId) -> Option<u64> {
        let slot = self.lines.slot(self.lines.find(contract)?, id)?;
        let order = self.lines.order(slot);
        order.queue.ahead().filter(|_| order.is_resting)
    }

    /// Whatever changes orders, messages or times ends with this.
    fn note_due(&mut self) {
        (self.due, self.is_idle) = (self.find_due(), self.find_idle());
    }

    fn find_idle(&self) -> bool {
        self.lines.live() == 0
            && self.inbound.is_empty()
            && self.outbound.is_empty()
            && self.marks.is_empty()
    }

    fn find_due(&self) -> Nanos {
        let posts = self.inbound.due().min(self.outbound.due());
        if self.lines.live() == 0 {
            return posts;
        }
        posts.min(self.session_end).min(after(self.next_expiry, 1))
    }

    fn place(&mut self, ticket: Ticket, now: Nanos) {
        self.now = later(self.now, now);
        if !self.has_room() {
            self.counters.lost += 1;
            return;
        }
        let way = self.setup.latency;
        let due = after(self.now, way.draw(self.setup.seed, ticket.id, Leg::Place));
        self.inbound.put(due, Message::Place(ticket));
        self.tell(
            self.now,
            ticket.id,
            ticket.contract,
            Leg::Report(0),
            ReportKind::Sent,
        );
        self.note_due();
    }

    fn ask_cancel(&mut self, contract: BookKey, id: ClientOrderId, now: Nanos) {
        self.now = later(self.now, now);
        if !self.has_room() {
            self.counters.lost += 1;
            return;
        }
        let way = self.setup.latency;
        let due = after(self.now, way.draw(self.setup.seed, id, Leg::Cancel));
        self.inbound.put(due, Message::Cancel(contract, id));
        self.note_due();
    }

    /// Whether another command can be answered, and all that is owed too.
    fn has_room(&self) -> bool {
        self.inbound.room() > 0 && self.outbound.room() >= self.owed() + OWED_MAX
    }

    /// Reports for which room must be kept.
    fn owed(&self) -> usize {
        OWED_MAX * (self.lines.live() as usize + self.inbound.len())
    }

    /// Lets everything happen that is due before `until`, or at it if `with_it`.
    fn pass(&mut self, until: Nanos, with_it: bool) {
        loop {
            // What expires at an instant could still be traded at it; a session's end could not.
            let expiry = after(self.next_expiry, 1);
            let end = expiry.min(self.session_end);
            if end.is_defined() && end <= until {
                self.take_in(end, false);
                self.run_out(end);
            } else {
                return self.take_in(until, with_it);
            }
        }
    }

    /// Takes in what has reached the venue.
    fn take_in(&mut self, until: Nanos, with_it: bool) {
        let until = if with_it {
            until
        } else {
            Nanos(until.0.saturating_sub(1))
        };
        while let Some((at, message)) = self.inbound.take(until) {
            match message {
                Message::Place(ticket) => self.accept(&ticket, at),
                Message::Cancel(contract, id) => self.cancel(contract, id, at),
            }
        }
    }

    fn accept(&mut self, ticket: &Ticket, at: Nanos) {
        if ticket.id.0 < self.next_id {
            self.counters.repeated += 1;
            return;
        }
        self.next_id = ticket.id.0.saturating_add(1);
        self.counters.orders += 1;
        let (line, slot) = match self.admit(ticket) {
            Ok(admitted) => admitted,
            Err(rejection) => {
                self.counters.rejected += 1;
                let kind = ReportKind::Rejected(rejection as u16);
                return self.tell(at, ticket.id, ticket.contract, Leg::Report(1), kind);
            }
        };
        let order = self.lines.order_mut(slot);
        order.id = ticket.id;
        order.line = line;
        order.side = ticket.side;
        order.price = ticket.price;
        order.quantity = ticket.quantity;
        order.filled = 0;
        order.tif = ticket.tif;
        order.is_resting = false;
        order.reports = 1;
        self.lines.insert(slot);
        self.waiting.push(slot);
        self.venue_ids += 1;
        self.report(slot, at, ReportKind::Acked(VenueOrderId(self.venue_ids)));
    }

    /// The line and a slot for an order, or why it gets none.
    fn admit(&mut self, ticket: &Ticket) -> Result<(u32, u32), Rejection> {
        let line = self
            .lines
            .find(ticket.contract)
            .ok_or(Rejection::Contract)?;
        if self.is_closed || self.lines.line(line).is_expired {
            return Err(Rejection::Closed);
        }
        if ticket.side == Side::None || ticket.quantity == 0 {
            return Err(Rejection::Size);
        }
        let tick = self.lines.line(line).contract.tick;
        if !tick.is_on_tick(ticket.price) {
            return Err(Rejection::Price);
        }
        let slot = self.lines.take_slot().ok_or(Rejection::Room)?;
        Ok((line, slot))
    }

    fn cancel(&mut self, contract: BookKey, id: ClientOrderId, at: Nanos) {
        let line = self.lines.find(contract);
        let Some(slot) = line.and_then(|line| self.lines.slot(line, id)) else {
            self.counters.cancels_rejected += 1;
            return self.tell(at, id, contract, Leg::Refusal, ReportKind::CancelRejected);
        };
        self.cancel_slot(slot, at);
    }

    fn cancel_slot(&mut self, slot: u32, at: Nanos) {
        self.counters.cancelled += 1;
        let filled = self.lines.order(slot).filled;
        self.report(slot, at, ReportKind::Cancelled { filled });
        self.remove(slot);
    }

    /// Ends the session, and expires contracts, whose time is up at `at`.
    fn run_out(&mut self, at: Nanos) {
        let is_over = self.session_end <= at;
        for line in 0..self.lines.used() {
            if is_over || self.lines.line(line).expiry < at {
                self.expire(line, at);
            }
        }
        if is_over {
            self.is_closed = true;
            self.session_end = Nanos::UNDEFINED;
        }
        for line in 0..self.lines.used() {
            let line = self.lines.line_mut(line);
            line.is_expired |= line.expiry < at;
        }
        self.find_next_expiry();
    }

    /// Every live order of a line runs out.
    fn expire(&mut self, line: u32, at: Nanos) {
        for side in [Side::Bid, Side::Ask] {
            loop {
                let slot = self.lines.head(line, side);
                if slot == NONE {
                    break;
                }
                self.counters.expired += 1;
                let filled = self.lines.order(slot).filled;
                self.report(slot, at, ReportKind::Expired { filled });
                self.remove(slot);
            }
        }
    }

    fn find_next_expiry(&mut self) {
        let lines = (0..self.lines.used()).map(|line| self.lines.line(line));
        let open = lines
            .filter(|line| !line.is_expired)
            .map(|line| line.expiry);
        self.next_expiry = open.min().unwrap_or(Nanos::UNDEFINED);
    }

    /// The line that a record is about, if anything of ours is live or remembered there.
    fn line_of(&self, update: &BookUpdate) -> Option<u32> {
        if self.lines.live() == 0 && self.marks.is_empty() {
            return None;
        }
        let line = self.lines.find(update.mbo.key())?;
        (self.lines.line(line).live > 0 || self.marks.concern(line)).then_some(line)
    }

    /// What a record means for the orders of its line.
    fn on_update(&mut self, line: u32, books: &Books<'_>, update: &BookUpdate) {
        let mbo = &update.mbo;
        let is_open = update.trust == Trust::Good && self.lines.line(line).is_trading;
        if mbo.action == Action::Trade && is_open {
            self.on_trade(line, mbo);
        }
        self.each_resting(line, |venue, slot| {
            venue.lines.order_mut(slot).queue.apply(update);
        });
        if matches!(update.effect, Effect::Removed | Effect::Requeued) && !self.marks.is_empty() {
            let theirs = mbo.order_id;
            self.marks
                .forget(|mark| mark.line == line && mark.theirs == theirs);
        }
        if update.effect == Effect::Replaced || mbo.flags.has(Flags::SNAPSHOT) {
            self.on_replaced(line, mbo);
        }
        if mbo.flags.has(Flags::LAST)
            && let Some(book) = books.get(mbo.key())
        {
            self.on_last(line, &book, is_open);
        }
    }

    /// A trade meets our resting orders: the better price first, then the earlier order.
    fn on_trade(&mut self, line: u32, trade: &Mbo) {
        let mut left = trade.size;
        let mut slot = self.lines.head(line, opposite(trade.side));
        while slot != NONE && left > 0 {
            let next = self.lines.order(slot).next;
            let order = self.lines.order_mut(slot);
            if order.is_resting {
                if !order.accepts(trade.price) {
                    return;
                }
                let ours = if order.price == { trade.price } {
                    // No more than the trade comes out of it.
                    u32::try_from(order.queue.trade(u64::from(left))).unwrap_or(left)
                } else {
                    left
                };
                let (quantity, price) = (ours.min(order.leaves()), order.price);
                left -= self.execute(slot, quantity, price);
            }
            slot = next;
        }
    }

    /// Queues were replaced: by a clear or a snapshot, which show queues again, or by a level.
    fn on_replaced(&mut self, line: u32, mbo: &Mbo) {
        let shows_queues = mbo.action == Action::Clear || mbo.flags.has(Flags::SNAPSHOT);
        self.lines.line_mut(line).is_blind = !shows_queues;
        self.lines.line_mut(line).is_reset = true;
        self.each_resting(line, |venue, slot| {
            venue.lines.order_mut(slot).queue.lose();
        });
    }

    /// An event has ended: the book may be read.
    fn on_last(&mut self, line: u32, book: &Book<'_>, is_open: bool) {
        self.each_resting(line, |venue, slot| {
            let order = venue.lines.order_mut(slot);
            if order.queue.needs_settling() {
                let level = book.level(order.side, order.price);
                order.queue.settle(level.map_or(0, |level| level.size));
            }
        });
        if !is_open {
            return;
        }
        if self.lines.line(line).is_reset {
            self.find_places(line, book);
        }
        let touch = book.touch();
        for (side, best) in [(Side::Bid, touch.ask), (Side::Ask, touch.bid)] {
            let mut slot = self.lines.head(line, side);
            while slot != NONE && best.is_defined() && self.lines.order(slot).accepts(best) {
                let next = self.lines.order(slot).next;
                if self.lines.order(slot).is_resting {
                    self.meet(slot, book, Came::First);
                }
                slot = next;
            }
        }
    }

    /// After a replacement: all places are the last, and marks of what is gone are void.
    fn find_places(&mut self, line: u32, book: &Book<'_>) {
        self.lines.line_mut(line).is_reset = false;
        self.each_resting(line, |venue, slot| {
            venue.join(slot, book);
            let is_known = venue.lines.order(slot).queue.ahead().is_some();
            venue.counters.requeued += u64::from(is_known);
        });
        self.marks.forget(|mark| {
            let is_there = match mark.theirs {
                OrderId(0) => book.level(mark.side, mark.price).is_some(),
                theirs => book.order(theirs).is_some(),
            };
            mark.line == line && !is_there
        });
    }

    /// Goes behind all that is displayed, if the book shows queues at all.
    fn join(&mut self, slot: u32, book: &Book<'_>) {
        let line = self.lines.order(slot).line;
        let is_blind = self.lines.line(line).is_blind || is_top_only(book);
        let order = self.lines.order_mut(slot);
        if is_blind {
            order.queue.lose();
        } else {
            order.queue.join(book.queue(order.side, order.price));
        }
    }

    /// Those who have come meet their books, if these are to be believed and no event is open.
    fn meet_waiting(&mut self, books: &Books<'_>) {
        let mut at = 0;
        while let Some(slot) = self.waiting.get(at).copied() {
            let book = books.get(self.key(slot));
            let is_between = book.is_none_or(|book| !book.is_event_open());
            let line = self.lines.line(self.lines.order(slot).line);
            let open = book.filter(|book| book.trust() == Trust::Good && line.is_trading);
            let is_ioc = self.lines.order(slot).tif == Tif::Ioc;
            match open {
                Some(book) if is_between => {
                    self.waiting.remove(at);
                    self.enter(slot, &book);
                }
                None if is_between && is_ioc => self.cancel_slot(slot, self.now),
                _ => at += 1,
            }
        }
    }

    fn key(&self, slot: u32) -> BookKey {
        let line = self.lines.order(slot).line;
        self.lines.line(line).contract.key
    }

    /// An order meets its book for the first time.
    fn enter(&mut self, slot: u32, book: &Book<'_>) {
        if self.meet(slot, book, Came::Later) {
            return;
        }
        if self.lines.order(slot).tif == Tif::Ioc {
            return self.cancel_slot(slot, self.now);
        }
        self.lines.order_mut(slot).is_resting = true;
        self.join(slot, book);
        // An execution has said already that it works.
        if self.lines.order(slot).filled == 0 {
            self.report(slot, self.now, ReportKind::Working);
        }
    }

    /// Trades an order with what is displayed within its limit. Returns whether it is done.
    fn meet(&mut self, slot: u32, book: &Book<'_>, came: Came) -> bool {
        let side = opposite(self.lines.order(slot).side);
        for level in book.depth(side) {
            let order = self.lines.order(slot);
            if !order.accepts(level.price) {
                return false;
            }
            let (leaves, own) = (order.leaves(), order.price);
            let price = match came {
                Came::Later => level.price,
                Came::First => own,
            };
            let quantity = self.take(slot, book, level.price, leaves);
            if quantity > 0 {
                self.execute(slot, quantity, price);
                if quantity == leaves {
                    return true;
                }
            }
        }
        false
    }

    /// Takes up to so much of a level, and marks it as taken.
    fn take(&mut self, slot: u32, book: &Book<'_>, price: Price, leaves: u32) -> u32 {
        if !self.may_execute() {
            self.counters.unmade += 1;
            return 0;
        }
        let order = self.lines.order(slot);
        let (line, side) = (order.line, opposite(order.side));
        let ours = match self.setup.impact {
            Impact::Off => order.id,
            Impact::On => ClientOrderId(0),
        };
        let mut left = leaves;
        for displayed in book.queue(side, price) {
            if left == 0 {
                break;
            }
            let taken = Taken {
                line,
                side,
                price,
                theirs: displayed.order_id,
                ours,
            };
            let free = displayed.size.saturating_sub(self.marks.size(&taken));
            let size = u32::try_from(free).unwrap_or(left).min(left);
            if size == 0 {
                continue;
            }
            if !self.marks.note(taken, u64::from(size)) {
                self.counters.unmade += 1;
                break;
            }
            left -= size;
        }
        leaves - left
    }

    /// Whether an execution leaves room for all that is owed.
    fn may_execute(&self) -> bool {
        self.outbound.room() > self.owed()
    }

    /// Executes so much of an order, if that can be told. Returns how much.
    fn execute(&mut self, slot: u32, quantity: u32, price: Price) -> u32 {
        if quantity == 0 {
            return 0;
        }
        if !self.may_execute() {
            self.counters.unmade += 1;
            return 0;
        }
        let order = self.lines.order_mut(slot);
        order.filled += quantity;
        let (side, is_done) = (order.side, order.leaves() == 0);
        let kind = self.lines.line(self.lines.order(slot).line).contract.kind;
        self.executions += 1;
        self.counters.executions += 1;
        self.counters.filled += u64::from(quantity);
        let execution = Execution {
            id: ExecutionId {
                base: self.executions,
                revision: 0,
            },
            side,
            quantity,
            price,
            fee: Some(self.setup.fees.of(kind).times(i64::from(quantity))),
        };
        self.report(slot, self.now, ReportKind::Executed(execution));
        if is_done {
            self.remove(slot);
        }
        quantity
    }

    /// Takes a live order out of everything.
    fn remove(&mut self, slot: u32) {
        let id = self.lines.order(slot).id;
        self.waiting.retain(|waiting| *waiting != slot);
        self.marks.forget(|mark| mark.ours == id);
        self.lines.remove(slot);
    }

    /// Visits the resting orders of a line. The visit removes none.
    fn each_resting(&mut self, line: u32, mut visit: impl FnMut(&mut Self, u32)) {
        for side in [Side::Bid, Side::Ask] {
            let mut slot = self.lines.head(line, side);
            while slot != NONE {
                if self.lines.order(slot).is_resting {
                    visit(self, slot);
                }
                slot = self.lines.order(slot).next;
            }
        }
    }

    /// Sends a report about a live order on its way.
    fn report(&mut self, slot: u32, at: Nanos, kind: ReportKind) {
        let order = self.lines.order_mut(slot);
        let (id, leg) = (order.id, Leg::Report(order.reports));
        order.reports = order.reports.saturating_add(1);
        let contract = self.key(slot);
        self.tell(at, id, contract, leg, kind);
    }

    fn tell(
        &mut self,
        at: Nanos,
        id: ClientOrderId,
        contract: BookKey,
        leg: Leg,
        kind: ReportKind,
    ) {
        let due = after(at, self.setup.latency.draw(self.setup.seed, id, leg));
        let report = ExecReport {
            id,
            contract,
            ts_event: at,
            kind,
        };
        let is_told = self.outbound.put(due, report);
        debug_assert!(is_told, "room is kept for what is owed");
        self.counters.lost += u64::from(!is_told);
    }

    fn hand_over(&mut self, out: &mut impl FnMut(&ExecReport)) {
        while let Some((_, report)) = self.outbound.take(self.now) {
            out(&report);
        }
    }

    fn on_definition(&mut self, definition: &Definition) {
        let Some(line) = self.lines.find(definition.key) else {
            return;
        };
        if definition.update_action == b'D' {
            self.expire(line, self.now);
            self.lines.line_mut(line).is_expired = true;
        } else if definition.expiration.is_defined() {
            self.lines.line_mut(line).expiry = definition.expiration;
        }
        self.find_next_expiry();
    }
}

impl Gateway for PaperVenue {
    fn call_for_next(&self) {
        self.inbound.call_for_next();
        self.outbound.call_for_next();
        self.lines.call_for_next();
    }

    fn register(&mut self, contract: &Contract) -> bool {
        Self::register(self, contract).is_ok()
    }

    fn begin_session(&mut self, end: Nanos) {
        Self::begin_session(self, end);
    }

    fn send(&mut self, command: &Command, now: Nanos) {
        match command {
            Command::Place(order) => self.place(Ticket::of(order), now),
            Command::Cancel(cancel) => self.ask_cancel(cancel.contract(), cancel.id(), now),
        }
    }

    fn observe(
        &mut self,
        books: &Books<'_>,
        update: &BookUpdate,
        out: &mut impl FnMut(&ExecReport),
    ) {
        self.now = later(self.now, update.mbo.ts_event);
        // While an order rests, nearly every record is another contract's and comes before
        // anything is due.
        if self.now < self.due && self.waiting.is_empty() && self.line_of(update).is_none() {
            return;
        }
        self.pass(self.now, false);
        if let Some(line) = self.line_of(update) {
            self.on_update(line, books, update);
        }
        self.pass(self.now, true);
        if !self.waiting.is_empty() {
            self.meet_waiting(books);
        }
        self.hand_over(out);
        self.note_due();
    }

    /// A session of paper knows nothing of an earlier one: what was filled stays so, the rest is
    /// gone.
    fn ask(&mut self, id: ClientOrderId, contract: BookKey, filled: u32, now: Nanos) {
        self.now = later(self.now, now);
        let report = ExecReport {
            id,
            contract,
            ts_event: self.now,
            kind: ReportKind::Absent { filled },
        };
        // As many answers wait as there may be orders, and an answer for each was asked for.
        self.counters.lost += u64::from(!self.outbound.put(self.now, report));
        self.note_due();
    }

    fn begin_after(&mut self, execution: u64) {
        self.executions = self.executions.max(execution);
    }

    fn on_control(&mut self, control: &Control) {
        match control {
            Control::Status(status) => {
                if let Some(is_trading) = status.is_trading
                    && let Some(line) = self.lines.find(status.key)
                {
                    self.lines.line_mut(line).is_trading = is_trading;
                }
            }
            Control::Definition(definition) => self.on_definition(definition),
            Control::Quote(..)
            | Control::Symbol(_)
            | Control::Statistic(_)
            | Control::Imbalance(_)
            | Control::Bar(_)
            | Control::Feed(_)
            | Control::Suspect(..)
            | Control::Exec(_)
            | Control::Context(_)
            | Control::Operator(_)
            | Control::Notice(_)
            | Control::End => {}
        }
        self.note_due();
    }

    fn on_time(&mut self, books: &Books<'_>, now: Nanos, out: &mut impl FnMut(&ExecReport)) {
        self.now = later(self.now, now);
        self.pass(self.now, true);
        if !self.waiting.is_empty() {
            self.meet_waiting(books);
        }
        self.hand_over(out);
        self.note_due();
    }

    fn concerns(&self, key: BookKey) -> bool {
        let line = self.lines.find(key);
        line.is_some_and(|line| self.lines.line(line).live > 0 || self.marks.concern(line))
            || self.inbound.iter().any(|message| match message {
                Message::Place(ticket) => ticket.contract == key,
                Message::Cancel(contract, _) => *contract == key,
            })
            || self.outbound.iter().any(|report| report.contract == key)
    }

    #[inline]
    fn is_idle(&self) -> bool {
        debug_assert_eq!(self.is_idle, self.find_idle(), "noted after every change");
        self.is_idle
    }

    #[inline]
    fn due(&self) -> Nanos {
        debug_assert_eq!(self.due, self.find_due(), "noted after every change");
        self.due
    }
}

/// Whether the best levels stand for orders without an id.
fn is_top_only(book: &Book<'_>) -> bool {
    [Side::Bid, Side::Ask].into_iter().any(|side| {
        let best = book.depth(side).next();
        let first = best.and_then(|best| book.queue(side, best.price).next());
        first.is_some_and(|order| order.order_id == OrderId(0))
    })
}

/// So much later; what is undefined stays so.
const fn after(at: Nanos, ns: u64) -> Nanos {
    Nanos(at.0.saturating_add(ns))
}

impl fmt::Display for SetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Latency(error) => error.fmt(f),
            Self::Room(name) => write!(f, "{name} is out of range: at most 65536"),
        }
    }
}

impl core::error::Error for SetupError {}
