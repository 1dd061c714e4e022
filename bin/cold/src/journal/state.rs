//! What a journal adds up to: positions, orders, executions, ids, the halt and what is kept.
//!
//! [`State::fold`] takes the records in order and does to them what [`Risk`] did live, so that
//! both come to one [`State::digest`] (I13). [`State::restore`] puts it into a new [`Risk`].
//! What breaks an invariant is noted as a [`Breach`], never mended: a checkpoint that differs, an
//! order that was sent without an intent (I6), two live orders of one signal (I7), an id twice.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;

use undertow_core::contract::Contract;
use undertow_core::event::Operator;
use undertow_core::money::Money;
use undertow_core::order::{
    ClientOrderId, Confidence, ExecReport, Execution, ExecutionId, Intent, Life, OrderState,
    Purpose, Quote, ReportKind, SignalId, StrategyId, Style, Tif, Turn, VenueOrderId,
};
use undertow_core::position::Position;
use undertow_core::risk::{Halt, Kept, LedgerDigest, RegisterError, Risk};
use undertow_core::types::{BookKey, Nanos, Price, Side};

use super::block::{BLOCK, Entry};
use super::error::JournalError;
use super::reader::{Reader, Scan};
use super::record::{
    Adopted, Carried, Claimed, Intended, Marked, Record, Recovered, Settled, Start,
};

/// Breaches remembered; more are only counted.
const BREACHES_MAX: usize = 64;

/// One contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its terms.
    pub contract: Contract,
    /// What is held.
    pub position: Position,
    /// What it was last valued at; undefined if it never was.
    pub mark: Price,
    /// Total and fees when the day's earnings were last kept.
    base: (Money, Money),
    /// What was realised when it was last flat.
    flat_realised: Money,
}

/// One order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    /// When it was made, in event time.
    pub ts: Nanos,
    /// What it is for.
    pub intent: Intent,
    /// Where it stands.
    pub life: Life,
    /// The venue's id of it; 0 until it has told one.
    pub venue_id: VenueOrderId,
}

/// Something that must never be, and the record that shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Breach {
    /// The record.
    pub sequence: u64,
    /// What it shows.
    pub kind: BreachKind,
}

/// What must never be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreachKind {
    /// The ledger was another one live (I13).
    Digest {
        /// Live.
        live: u64,
        /// Here.
        folded: u64,
    },
    /// An order was handed over or sent, and nothing says why (I6).
    Unintended(ClientOrderId),
    /// Two live orders open for one signal (I7).
    SignalTwice(ClientOrderId, ClientOrderId),
    /// An id was used again.
    IdTwice(ClientOrderId),
}

/// An execution as told last, and which it was in the order of first tellings.
#[derive(Clone, Copy, Debug)]
struct Told {
    place: u64,
    order: ClientOrderId,
    execution: Execution,
}

/// What has changed since [`Kept`] was last written, beyond what the lines say.
#[derive(Clone, Copy, Debug, Default)]
struct Since {
    /// Earned, and paid in fees, on contracts that are no longer known.
    gone: (Money, Money),
    opened: u32,
    losing_trades: u32,
}

/// The state.
#[derive(Clone, Debug, Default)]
pub struct State {
    records: u64,
    start: Option<Start>,
    is_ended: bool,
    kept: Option<Kept>,
    halt: Halt,
    next_id: u64,
    lines: BTreeMap<BookKey, Line>,
    orders: BTreeMap<ClientOrderId, Order>,
    open: BTreeSet<ClientOrderId>,
    executions: BTreeMap<u64, Told>,
    /// Contracts that were traded, and on which trading day last: while it lasts the venue may take
    /// an execution back, of a contract of which nothing is held as well.
    traded: BTreeMap<BookKey, u32>,
    since: Since,
    checkpoints: u64,
    /// Trading days and the equity that each began with, the oldest first.
    days: Vec<(u32, Money)>,
    claims: Vec<Claimed>,
    /// Rule sets of which the operator wants no signals, by their place.
    disabled: BTreeSet<u8>,
    /// Whether the last claim is of a signal that nothing was made of yet.
    is_unacted: bool,
    until: Nanos,
    breaches: Vec<Breach>,
    breach_count: u64,
}

/// What was put into a new [`Risk`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Restored {
    /// Contracts taken on.
    pub contracts: usize,
    /// Positions carried on.
    pub positions: usize,
    /// Orders put back as unknown, to be asked for at the venue.
    pub orders: Vec<ClientOrderId>,
    /// Executions that will not count again.
    pub executions: usize,
    /// Positions without a mark, valued at their average.
    pub unmarked: Vec<BookKey>,
}

/// Why a state cannot be put into a [`Risk`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RestoreError {
    /// It does not take the contract.
    Contract(BookKey, RegisterError),
    /// It does not take the position: one is there already.
    Position(BookKey),
    /// It does not take the order: its contract is not known or its slot is taken.
    Order(ClientOrderId),
}

/// Reads the journal of a directory and folds it.
///
/// # Errors
/// It is not there or damaged.
pub fn recover(dir: &Path) -> Result<(State, Scan), JournalError> {
    let mut state = State::default();
    let scan = Reader::open(dir)?.scan(|entry| state.fold(entry))?;
    state.lose(&scan);
    Ok((state, scan))
}

impl State {
    /// Takes the next record.
    pub fn fold(&mut self, entry: &Entry) {
        self.records = entry.sequence + 1;
        let at = entry.sequence;
        self.pass(entry);
        match &entry.record {
            Record::Start(start) => self.begin(start),
            Record::Contract(contract) => self.take_on(contract),
            Record::Carry(carried) => self.carry(carried),
            Record::Recovered(recovered) => self.put_back(recovered),
            Record::NextId(id) => self.next_id = self.next_id.max(id.0),
            Record::Intent(intended) => self.intend(at, intended),
            Record::Placed(id) => self.check_intended(at, *id),
            Record::Cancel(cancelled) => {
                self.check_intended(at, cancelled.id);
                self.turn(cancelled.id, Turn::CancelSent);
            }
            Record::Report(report) => self.report(at, report),
            Record::Adopted(adopted) => self.adopt(adopted),
            Record::Settled(settled) => self.settle(settled),
            Record::Halt(halt) => self.halt = *halt,
            Record::Resume(reason) => {
                self.halt = Halt {
                    resumed: Some(*reason),
                    ..Halt::default()
                };
            }
            Record::Kept(kept) => self.keep(kept),
            Record::Mark(Marked { contract, price }) => {
                if let Some(line) = self.lines.get_mut(contract) {
                    line.mark = *price;
                }
            }
            Record::Checkpoint(live) => self.compare(at, *live),
            Record::End(live) => {
                self.compare(at, *live);
                self.is_ended = true;
            }
            Record::Claim(claimed) => self.claims.push(*claimed),
            Record::Ordered(Operator::Disable(StrategyId(place))) => {
                self.disabled.insert(*place);
            }
            Record::Ordered(Operator::Enable(StrategyId(place))) => {
                self.disabled.remove(place);
            }
            Record::Refused(_) | Record::Signal(_) | Record::Limit(_) | Record::Ordered(_) => {}
        }
    }

    /// Ids that may have been in what was cut off are not used again.
    pub fn lose(&mut self, scan: &Scan) {
        let bytes: u64 = scan.cuts.iter().map(|cut| cut.bytes).sum();
        self.next_id = self.next_id().0 + bytes.div_ceil(BLOCK as u64);
    }

    /// The digest of the ledger, which [`Risk::ledger_digest`] came to after the same history.
    #[must_use]
    pub fn digest(&self) -> u64 {
        let mut digest = LedgerDigest::new(self.next_id(), self.executions.len() as u64);
        for line in self.lines.values() {
            digest.add_position(&line.contract, &line.position);
        }
        for (id, order) in self.open_orders() {
            digest.add_order(id, &order.life);
        }
        digest.value()
    }

    /// Puts all of it into a new [`Risk`], which was made with [`Self::kept`]. Every live order is
    /// unknown then, and blocks its contract until the venue was asked.
    ///
    /// # Errors
    /// The first thing that it does not take.
    pub fn restore(&self, risk: &mut Risk) -> Result<Restored, RestoreError> {
        let mut restored = Restored::default();
        for line in self.lines.values().filter(|line| self.is_active(line)) {
            let key = line.contract.key;
            let registered = risk.register(&line.contract);
            registered.map_err(|error| RestoreError::Contract(key, error))?;
            restored.contracts += 1;
            let held = line.position.quantity();
            if held == 0 {
                continue;
            }
            if !line.mark.is_defined() {
                restored.unmarked.push(key);
            }
            if !risk.carry(key, held, line.position.average(), line.valued_at()) {
                return Err(RestoreError::Position(key));
            }
            restored.positions += 1;
        }
        for line in self.lines.values().filter(|line| !self.is_active(line)) {
            // Without room for it an execution that is taken back is told by the next comparison
            // with the venue.
            let is_of_today = self.is_traded_today(&line.contract.key);
            if is_of_today && risk.register(&line.contract).is_ok() {
                restored.contracts += 1;
            }
        }
        for (id, order) in self.open_orders() {
            if !risk.recover(id, order.ts, &order.intent, order.life.filled()) {
                return Err(RestoreError::Order(id));
            }
            restored.orders.push(id);
        }
        let mut told: Vec<&Told> = self.executions.values().collect();
        told.sort_by_key(|told| told.place);
        for told in &told {
            risk.remember(told.order, &told.execution);
        }
        restored.executions = told.len();
        risk.raise_next_id(self.next_id());
        Ok(restored)
    }

    /// What the next run begins with; `None` if no run ever began. What was earned, paid and
    /// opened since it was written last is added, as far as records tell.
    #[must_use]
    pub fn kept(&self) -> Option<Kept> {
        let mut kept = self.kept?;
        kept.halt = self.halt;
        kept.next_id = kept.next_id.max(self.next_id().0);
        let (earned, fees) = self.since.gone;
        kept.day_earned += earned;
        kept.day_fees += fees;
        for line in self.lines.values() {
            kept.day_earned += line.total() - line.base.0;
            kept.day_fees += line.position.fees() - line.base.1;
        }
        kept.opened_today = kept.opened_today.saturating_add(self.since.opened);
        kept.opened_in_run = kept.opened_in_run.saturating_add(self.since.opened);
        kept.losing_trades = self.since.losing_trades;
        Some(kept)
    }

    /// The signals that were emitted, in order. One of which the journal ends before anything was
    /// made of it is not among them: it may be emitted again.
    #[must_use]
    pub fn claims(&self) -> &[Claimed] {
        let count = self.claims.len() - usize::from(self.is_unacted);
        &self.claims[..count]
    }

    /// The last event time that is told of; 0 in a journal that tells of none.
    #[must_use]
    pub const fn until(&self) -> Nanos {
        self.until
    }

    /// The highest number that an execution had.
    #[must_use]
    pub fn last_execution(&self) -> u64 {
        self.executions.keys().next_back().copied().unwrap_or(0)
    }

    /// What is held, each as the intent of the last order that opened it, with what is held now,
    /// at which average, and what it was last valued at.
    pub fn positions(&self) -> impl Iterator<Item = (Intent, Price)> {
        let held = self
            .lines
            .values()
            .filter(|line| line.position.quantity() != 0);
        held.map(|line| {
            let key = line.contract.key;
            let mut of = self.orders.values().rev();
            let opening = of.find(|order| {
                let intent = &order.intent;
                intent.contract == key && intent.purpose.opens() && order.life.filled() > 0
            });
            let held = line.position.quantity();
            let intent = Intent {
                side: if held > 0 { Side::Bid } else { Side::Ask },
                quantity: u32::try_from(held.unsigned_abs()).unwrap_or(u32::MAX),
                price: line.position.average(),
                ..opening.map_or_else(|| unknown(key), |order| order.intent)
            };
            (intent, line.valued_at())
        })
    }

    /// Records taken.
    #[must_use]
    pub const fn records(&self) -> u64 {
        self.records
    }

    /// How the last run began.
    #[must_use]
    pub const fn start(&self) -> Option<&Start> {
        self.start.as_ref()
    }

    /// Whether the last run ended in order.
    #[must_use]
    pub const fn is_ended(&self) -> bool {
        self.is_ended
    }

    /// The halt.
    #[must_use]
    pub const fn halt(&self) -> &Halt {
        &self.halt
    }

    /// The least id that was never used.
    #[must_use]
    pub fn next_id(&self) -> ClientOrderId {
        ClientOrderId(self.next_id.max(1))
    }

    /// A contract.
    #[must_use]
    pub fn line(&self, contract: BookKey) -> Option<&Line> {
        self.lines.get(&contract)
    }

    /// All contracts, by key.
    pub fn lines(&self) -> impl Iterator<Item = &Line> {
        self.lines.values()
    }

    /// An order.
    #[must_use]
    pub fn order(&self, id: ClientOrderId) -> Option<&Order> {
        self.orders.get(&id)
    }

    /// All orders, by id.
    pub fn orders(&self) -> impl Iterator<Item = (ClientOrderId, &Order)> {
        self.orders.iter().map(|(id, order)| (*id, order))
    }

    /// The orders that are live, or owe executions.
    pub fn open_orders(&self) -> impl Iterator<Item = (ClientOrderId, &Order)> {
        let open = self.open.iter();
        open.filter_map(|id| Some((*id, self.orders.get(id)?)))
    }

    /// Rule sets of which the operator wants no signals, by their place.
    pub fn disabled(&self) -> impl Iterator<Item = u8> {
        self.disabled.iter().copied()
    }

    /// What each trading day earned that is over, by its number, the oldest first: the equity with
    /// which the next one began, less its own.
    pub fn results(&self) -> impl Iterator<Item = (u32, Money)> {
        let days = self.days.windows(2);
        days.map(|pair| (pair[0].0, pair[1].1 - pair[0].1))
    }

    /// Executions told apart.
    #[must_use]
    pub fn executions(&self) -> usize {
        self.executions.len()
    }

    /// Checkpoints compared.
    #[must_use]
    pub const fn checkpoints(&self) -> u64 {
        self.checkpoints
    }

    /// What must never be; the first 64 of [`Self::breach_count`].
    #[must_use]
    pub fn breaches(&self) -> &[Breach] {
        &self.breaches
    }

    /// How often something was that must never be.
    #[must_use]
    pub const fn breach_count(&self) -> u64 {
        self.breach_count
    }

    /// Time passes with every record. After a claim, what follows says whether something was made
    /// of its signal: contracts may be listed for it first.
    fn pass(&mut self, entry: &Entry) {
        let at = entry.moment.ts_event;
        if at.is_defined() {
            self.until = self.until.max(at);
        }
        match entry.record {
            Record::Claim(_) => self.is_unacted = true,
            Record::Contract(_) => {}
            Record::Start(_) if self.is_unacted => {
                self.claims.pop();
                self.is_unacted = false;
            }
            _ => self.is_unacted = false,
        }
    }

    /// A run begins: what is held goes on at its average, what is live is unknown, the rest is
    /// past. Executions stay known, for the venue may tell them again.
    fn begin(&mut self, start: &Start) {
        let (open, orders) = (&self.open, &self.orders);
        let is_open = |key| {
            let mut of = open.iter().filter_map(|id| orders.get(id));
            of.any(|order| order.intent.contract == key)
        };
        self.traded.retain(|_, day| *day == start.kept.day);
        let traded = &self.traded;
        self.lines.retain(|key, line| {
            line.position.quantity() != 0 || is_open(*key) || traded.contains_key(key)
        });
        for line in self.lines.values_mut() {
            let held = line.position.quantity();
            line.position = match held {
                0 => Position::FLAT,
                held => Position::carried(held, line.position.average()),
            };
            line.flat_realised = Money::ZERO;
        }
        for id in &self.open {
            if let Some(order) = self.orders.get_mut(id) {
                order.life = Life::recovered(order.intent.quantity, order.life.filled());
            }
        }
        self.start = Some(*start);
        self.is_ended = false;
        self.keep(&start.kept);
    }

    fn keep(&mut self, kept: &Kept) {
        self.kept = Some(*kept);
        if self.days.last().is_none_or(|(day, _)| *day < kept.day) {
            self.days.push((kept.day, kept.day_equity));
        }
        self.halt = kept.halt;
        self.next_id = self.next_id.max(kept.next_id);
        self.since = Since {
            losing_trades: kept.losing_trades,
            ..Since::default()
        };
        for line in self.lines.values_mut() {
            line.base = (line.total(), line.position.fees());
        }
    }

    fn take_on(&mut self, contract: &Contract) {
        let known = self.lines.get(&contract.key);
        if let Some(line) = known.filter(|line| line.contract != *contract) {
            // Live, the same key is only taken again when nothing is left of the old contract.
            self.since.gone.0 += line.total() - line.base.0;
            self.since.gone.1 += line.position.fees() - line.base.1;
        } else if known.is_some() {
            return;
        }
        self.lines.insert(contract.key, Line::new(contract));
    }

    fn carry(&mut self, carried: &Carried) {
        let Some(line) = self.lines.get_mut(&carried.contract) else {
            return;
        };
        if line.position == Position::FLAT {
            line.position = Position::carried(carried.quantity, carried.average);
            line.mark = carried.mark;
            line.base = (line.total(), Money::ZERO);
        }
    }

    fn put_back(&mut self, recovered: &Recovered) {
        let Recovered {
            id,
            ts,
            intent,
            filled,
        } = *recovered;
        let life = Life::recovered(intent.quantity, filled);
        self.insert(id, ts, intent, life);
    }

    fn intend(&mut self, at: u64, intended: &Intended) {
        let Intended { id, ts, intent } = *intended;
        if id < self.next_id() {
            self.breach(at, BreachKind::IdTwice(id));
        }
        let twin = self.open_orders().find(|(_, order)| {
            order.intent.signal_id == intent.signal_id
                && order.intent.purpose.opens()
                && !order.life.state().is_final()
        });
        if let Some((other, _)) = twin.filter(|_| intent.purpose.opens()) {
            self.breach(at, BreachKind::SignalTwice(other, id));
        }
        self.insert(id, ts, intent, Life::new(intent.quantity));
    }

    fn insert(&mut self, id: ClientOrderId, ts: Nanos, intent: Intent, life: Life) {
        let order = Order {
            ts,
            intent,
            life,
            venue_id: VenueOrderId(0),
        };
        self.orders.insert(id, order);
        self.open.insert(id);
        self.next_id = self.next_id.max(id.0.saturating_add(1));
    }

    fn check_intended(&mut self, at: u64, id: ClientOrderId) {
        if !self.orders.contains_key(&id) {
            self.breach(at, BreachKind::Unintended(id));
        }
    }

    fn turn(&mut self, id: ClientOrderId, turn: Turn) {
        let Some(order) = self.orders.get_mut(&id) else {
            return;
        };
        order.life.turn(turn);
        if !order.life.is_open() {
            self.open.remove(&id);
        }
    }

    fn report(&mut self, at: u64, report: &ExecReport) {
        if report.id.0 != 0 {
            self.check_intended(at, report.id);
        }
        if !self.lines.contains_key(&report.contract) {
            return;
        }
        let order = self.orders.get(&report.id);
        let is_ours = order.is_some_and(|order| order.intent.contract == report.contract);
        match report.kind {
            ReportKind::Executed(execution) => self.execute(report, is_ours, &execution),
            ReportKind::Fee(id, fee) => self.join_fee(report.contract, id, fee),
            kind if is_ours => self.take_turn(report.id, kind),
            _ => {}
        }
    }

    fn take_turn(&mut self, id: ClientOrderId, kind: ReportKind) {
        let turn = match kind {
            ReportKind::Sent => Turn::Sent,
            ReportKind::Acked(venue_id) => {
                if let Some(order) = self.orders.get_mut(&id) {
                    order.venue_id = venue_id;
                }
                Turn::Acked
            }
            ReportKind::Working => Turn::Working,
            ReportKind::Cancelled { filled } => Turn::Cancelled(filled),
            ReportKind::Expired { filled } => Turn::Expired(filled),
            ReportKind::Absent { filled } => Turn::Absent(filled),
            ReportKind::Rejected(_) => Turn::Rejected,
            ReportKind::CancelRejected => Turn::CancelRejected,
            ReportKind::NoAnswer => Turn::NoAnswer,
            ReportKind::Executed(_) | ReportKind::Fee(..) => return,
        };
        self.turn(id, turn);
    }

    fn execute(&mut self, report: &ExecReport, is_ours: bool, execution: &Execution) {
        let place = self.executions.len() as u64;
        let base = execution.id.base;
        let before = match self.executions.get_mut(&base) {
            Some(told) if execution.id.revision <= told.execution.id.revision => return,
            Some(told) => Some(std::mem::replace(&mut told.execution, *execution)),
            None => {
                let told = Told {
                    place,
                    order: report.id,
                    execution: *execution,
                };
                self.executions.insert(base, told);
                None
            }
        };
        let day = self.kept.map_or(0, |kept| kept.day);
        self.traded.insert(report.contract, day);
        self.change(report.contract, |position| {
            if let Some(before) = &before {
                position.revert(before);
            }
            position.apply(execution);
        });
        if !is_ours {
            return;
        }
        if let Some(before) = before {
            self.turn(report.id, Turn::Unfilled(before.quantity));
        }
        self.turn(report.id, Turn::Filled(execution.quantity));
    }

    fn join_fee(&mut self, contract: BookKey, id: ExecutionId, fee: Money) {
        let told = self.executions.get_mut(&id.base);
        if let Some(told) = told.filter(|told| told.execution.fee.is_none()) {
            told.execution.fee = Some(fee);
            self.change(contract, |position| position.join_fee(fee));
        }
    }

    fn adopt(&mut self, adopted: &Adopted) {
        let found = found(adopted.difference, adopted.price);
        self.change(adopted.contract, |position| position.apply(&found));
    }

    fn settle(&mut self, settled: &Settled) {
        let mut held = 0;
        self.change(settled.contract, |position| {
            held = position.settle(settled.price);
        });
        let line = self.lines.get(&settled.contract);
        let direction = line.map_or(0, |line| line.contract.kind.direction());
        if let Some(delivered) = settled.delivered.filter(|_| held != 0) {
            let delivery = found(held * direction, delivered.price);
            self.change(delivered.contract, |position| position.apply(&delivery));
        }
    }

    /// Changes a position, and counts what was opened and what was lost.
    fn change(&mut self, contract: BookKey, change: impl FnOnce(&mut Position)) {
        let Some(line) = self.lines.get_mut(&contract) else {
            return;
        };
        let held = line.position.quantity().signum();
        change(&mut line.position);
        let holds = line.position.quantity().signum();
        if held == holds {
            return;
        }
        let realised = line.position.realised(&line.contract);
        if held != 0 {
            let earned = realised - line.flat_realised;
            line.flat_realised = realised;
            if earned < Money::ZERO {
                self.since.losing_trades += 1;
            } else if earned > Money::ZERO {
                self.since.losing_trades = 0;
            }
        }
        self.since.opened += u32::from(holds != 0);
    }

    fn compare(&mut self, at: u64, live: u64) {
        self.checkpoints += 1;
        let folded = self.digest();
        if live != folded {
            self.breach(at, BreachKind::Digest { live, folded });
        }
    }

    fn breach(&mut self, sequence: u64, kind: BreachKind) {
        self.breach_count += 1;
        if self.breaches.len() < BREACHES_MAX {
            self.breaches.push(Breach { sequence, kind });
        }
    }

    fn is_traded_today(&self, key: &BookKey) -> bool {
        let day = self.traded.get(key);
        self.kept.is_some_and(|kept| day == Some(&kept.day))
    }

    fn is_active(&self, line: &Line) -> bool {
        let key = line.contract.key;
        line.position.quantity() != 0
            || self
                .open_orders()
                .any(|(_, order)| order.intent.contract == key)
    }
}

impl Line {
    fn new(contract: &Contract) -> Self {
        Self {
            contract: *contract,
            position: Position::FLAT,
            mark: Price::UNDEFINED,
            base: (Money::ZERO, Money::ZERO),
            flat_realised: Money::ZERO,
        }
    }

    /// The mark, or the average where there never was one.
    fn valued_at(&self) -> Price {
        if self.mark.is_defined() {
            self.mark
        } else {
            self.position.average()
        }
    }

    /// Earned in all, after fees.
    fn total(&self) -> Money {
        let total = self.position.total(&self.contract, self.valued_at());
        total.unwrap_or(Money::ZERO)
    }
}

impl Order {
    /// Where it stands.
    #[must_use]
    pub const fn state(&self) -> OrderState {
        self.life.state()
    }
}

impl fmt::Display for BreachKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Digest { live, folded } => write!(
                f,
                "the ledger's digest was {live:016x} live and is {folded:016x} from the records \
                 (I13)"
            ),
            Self::Unintended(id) => {
                write!(
                    f,
                    "order {} is spoken of, and no record says why (I6)",
                    id.0
                )
            }
            Self::SignalTwice(one, other) => write!(
                f,
                "orders {} and {} are live for one signal (I7)",
                one.0, other.0
            ),
            Self::IdTwice(id) => write!(f, "id {} is not above every id before", id.0),
        }
    }
}

impl fmt::Display for RestoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |key: &BookKey| format!("{}/{}", key.instrument_id.0, key.publisher_id.0);
        match self {
            Self::Contract(key, error) => write!(
                f,
                "contract {} of the journal is not taken ({error:?}); raise the risk capacity",
                name(key)
            ),
            Self::Position(key) => write!(
                f,
                "the position in {} of the journal is not taken; restore into a new risk engine",
                name(key)
            ),
            Self::Order(id) => write!(
                f,
                "order {} of the journal is not taken; raise the room for orders",
                id.0
            ),
        }
    }
}

impl std::error::Error for RestoreError {}

/// What stands for the intent of a position that no order of ours has opened.
const fn unknown(contract: BookKey) -> Intent {
    Intent {
        contract,
        side: Side::Bid,
        quantity: 0,
        price: Price::UNDEFINED,
        style: Style::Marketable,
        tif: Tif::Ioc,
        purpose: Purpose::Open,
        confidence: Confidence::MAX,
        signal_id: SignalId(0),
        strategy: StrategyId(u8::MAX),
        ts_event: Nanos(0),
        reference: Quote::NONE,
        stop: Price::UNDEFINED,
        data_cost: Money::ZERO,
        good_for_ns: 0,
    }
}

/// The change of a position that is no execution of ours.
fn found(difference: i64, price: Price) -> Execution {
    Execution {
        id: ExecutionId::default(),
        side: if difference > 0 { Side::Bid } else { Side::Ask },
        quantity: u32::try_from(difference.unsigned_abs()).unwrap_or(u32::MAX),
        price,
        fee: Some(Money::ZERO),
    }
}
