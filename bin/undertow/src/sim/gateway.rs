//! The line to the venue, and what goes wrong on it.
//!
//! [`Faulty`] stands before any gateway. It loses orders, cancels and answers, delays, repeats
//! and reorders reports, corrects executions, and goes down. What was lost is found out as a
//! broker's gateway would: by asking later, when the line is up. An order that the venue has then
//! is told as working, one that it has not as absent, with what of it was filled by the venue's
//! count; executions are never lost for good, and one that was told may be told again.

use std::collections::BTreeMap;

use undertow_core::book::Books;
use undertow_core::contract::Contract;
use undertow_core::event::{BookUpdate, Control};
use undertow_core::gateway::Gateway;
use undertow_core::order::{ClientOrderId, ExecReport, Execution, ReportKind};
use undertow_core::risk::Command;
use undertow_core::types::{BookKey, Nanos, Price};

use super::chance::{Chance, Concern};
use super::faults::{Fault, FaultCounts, Rates};
use super::record::{Entry, Record};

const MS: u64 = 1_000_000;
const SECOND: u64 = 1_000 * MS;

/// Something that a test breaks on purpose, to see it caught.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    not(test),
    allow(dead_code, reason = "only tests break things on purpose")
)]
pub(super) enum Plant {
    /// An execution reaches the chain and is not written down.
    Unrecorded,
    /// An execution comes again under another id.
    ExecutedTwice,
    /// Somebody else trades in the account.
    Foreign,
}

/// An order as the venue and the line have it.
#[derive(Clone, Copy, Debug)]
struct Mirror {
    contract: BookKey,
    quantity: u32,
    /// Filled by the venue's count, busts taken off.
    filled: u32,
    busted: u32,
    /// Whether the venue has it, or had it.
    has_arrived: bool,
    /// How it ended there.
    end: Option<ReportKind>,
    /// Whether its end was told to the chain.
    is_end_told: bool,
}

impl Mirror {
    const fn is_over(&self) -> bool {
        self.end.is_some() || self.filled + self.busted >= self.quantity
    }
}

/// What happens later.
#[derive(Clone, Copy, Debug)]
enum Later {
    Tell(ExecReport),
    /// An execution that was told to a process that has died since.
    Retell(ExecReport),
    Ask(ClientOrderId),
    Correct(ClientOrderId, BookKey, Execution),
}

/// See the module.
#[derive(Debug)]
pub(super) struct Faulty<G> {
    inner: G,
    record: Record,
    chance: Chance,
    rates: Rates,
    counts: FaultCounts,
    orders: BTreeMap<u64, Mirror>,
    later: Vec<(Nanos, Later)>,
    inbox: Vec<ExecReport>,
    /// Until when the line is down.
    down_until: Option<Nanos>,
    now: Nanos,
    fills: u64,
    /// Every execution told, and every correction.
    told: Vec<ExecReport>,
    pub(super) plant: Option<Plant>,
}

impl<G: Gateway> Faulty<G> {
    pub(super) fn new(inner: G, record: Record, rates: Rates, seed: u64) -> Self {
        Self {
            inner,
            record,
            chance: Chance::new(seed, Concern::Venue),
            rates,
            counts: FaultCounts::default(),
            orders: BTreeMap::new(),
            later: Vec::new(),
            inbox: Vec::new(),
            down_until: None,
            now: Nanos(0),
            fills: 0,
            told: Vec::new(),
            plant: None,
        }
    }

    /// What went wrong so far.
    pub(super) const fn counts(&self) -> &FaultCounts {
        &self.counts
    }

    /// Executions told, without repetitions and corrections.
    pub(super) const fn fills(&self) -> u64 {
        self.fills
    }

    /// The process that was told is dead: the next one is told every execution again.
    pub(super) fn tell_again(&mut self) {
        let now = self.now;
        let told = core::mem::take(&mut self.told);
        let again = told.iter().map(|report| (now, Later::Retell(*report)));
        self.later.splice(0..0, again);
    }

    /// Whether the process knows every execution that an earlier one was told.
    pub(super) fn has_told_again(&self) -> bool {
        let is_again = |(_, later): &(Nanos, Later)| matches!(later, Later::Retell(_));
        !self.later.iter().any(is_again)
    }

    fn happens(&mut self, fault: Fault, ppm: u32) -> bool {
        let happens = self.chance.happens(ppm);
        if happens {
            self.counts.note(fault);
        }
        happens
    }

    fn in_ns(&mut self, low: u64, high: u64) -> Nanos {
        Nanos(self.now.0.saturating_add(self.chance.span(low, high)))
    }

    fn ask_later(&mut self, id: ClientOrderId) {
        let at = self.in_ns(SECOND, 20 * SECOND);
        self.later.push((at, Later::Ask(id)));
    }

    fn tell(&mut self, report: &ExecReport, out: &mut impl FnMut(&ExecReport)) {
        if is_end(&report.kind)
            && let Some(order) = self.orders.get_mut(&report.id.0)
        {
            order.is_end_told = true;
        }
        let is_execution = matches!(report.kind, ReportKind::Executed(_));
        if is_execution {
            self.told.push(*report);
        }
        match self.plant {
            Some(Plant::Unrecorded) if is_execution => return out(report),
            Some(plant) if is_execution => self.tell_planted(report, plant, out),
            _ => {}
        }
        self.record.write(Entry::Told(*report));
        out(report);
    }

    /// What a test puts beside an execution.
    fn tell_planted(&self, report: &ExecReport, plant: Plant, out: &mut impl FnMut(&ExecReport)) {
        let mut another = *report;
        if let ReportKind::Executed(execution) = &mut another.kind {
            execution.id.base += 1 << 40;
        }
        if plant == Plant::Foreign {
            another.id = ClientOrderId(0);
        }
        self.record.write(Entry::Told(another));
        out(&another);
    }

    /// What the venue has just said goes its way, or not.
    fn pass_on(&mut self, out: &mut impl FnMut(&ExecReport)) {
        self.break_or_mend(out);
        let mut inbox = core::mem::take(&mut self.inbox);
        for report in inbox.drain(..) {
            let report = self.reflect(&report);
            if self.down_until.is_some() {
                self.hold_back(&report);
            } else {
                self.spoil(&report, out);
            }
        }
        self.inbox = inbox;
        self.do_what_is_due(out);
    }

    /// Notes what a report means for its order; its count of fills is without what was busted.
    fn reflect(&mut self, report: &ExecReport) -> ExecReport {
        let mut report = *report;
        let Some(order) = self.orders.get_mut(&report.id.0) else {
            return report;
        };
        match &mut report.kind {
            ReportKind::Acked(_) | ReportKind::Working => order.has_arrived = true,
            ReportKind::Executed(execution) => {
                order.has_arrived = true;
                order.filled += execution.quantity;
                self.fills += 1;
            }
            ReportKind::Cancelled { filled } | ReportKind::Expired { filled } => {
                *filled = filled.saturating_sub(order.busted);
            }
            _ => {}
        }
        if is_end(&report.kind) {
            order.end = Some(report.kind);
        }
        report
    }

    /// While the line is down nothing comes through; what matters is told when it is up again.
    fn hold_back(&mut self, report: &ExecReport) {
        let up = self.down_until.unwrap_or(self.now);
        if let ReportKind::Executed(_) = report.kind {
            self.later.push((up, Later::Tell(*report)));
        }
        self.later.push((up, Later::Ask(report.id)));
    }

    /// A report over a line that is up: as it is, or spoiled.
    fn spoil(&mut self, report: &ExecReport, out: &mut impl FnMut(&ExecReport)) {
        let rates = self.rates;
        let is_ack = matches!(report.kind, ReportKind::Acked(_) | ReportKind::Working);
        if is_ack && self.happens(Fault::AckLost, rates.ack_lost) {
            return self.ask_later(report.id);
        }
        let (fault, ppm) = if is_ack {
            (Fault::AckLate, rates.ack_late)
        } else {
            (Fault::NewsLate, rates.news_late)
        };
        if self.happens(fault, ppm) {
            let at = self.in_ns(SECOND, 20 * SECOND);
            return self.later.push((at, Later::Tell(*report)));
        }
        if self.happens(Fault::Reordered, rates.reordered) {
            let at = self.in_ns(MS, 200 * MS);
            return self.later.push((at, Later::Tell(*report)));
        }
        self.tell(report, out);
        if self.happens(Fault::Duplicated, rates.duplicated) {
            let at = self.in_ns(MS, 30 * SECOND);
            self.later.push((at, Later::Tell(*report)));
        }
        if let ReportKind::Executed(execution) = report.kind
            && self.happens(Fault::Corrected, rates.corrected)
        {
            let at = self.in_ns(MS, 20 * SECOND);
            let correct = Later::Correct(report.id, report.contract, execution);
            self.later.push((at, correct));
        }
        if report.kind == ReportKind::CancelRejected {
            // The venue does not have it, and we thought that it had.
            self.ask_later(report.id);
        }
    }

    fn do_what_is_due(&mut self, out: &mut impl FnMut(&ExecReport)) {
        let mut at = 0;
        while at < self.later.len() {
            let (due, what) = self.later[at];
            if due > self.now || self.down_until.is_some() {
                at += 1;
                continue;
            }
            self.later.remove(at);
            match what {
                Later::Tell(report) | Later::Retell(report) => self.tell(&report, out),
                Later::Ask(id) => self.answer(id, out),
                Later::Correct(id, contract, execution) => {
                    self.correct(id, contract, &execution, out);
                }
            }
        }
    }

    /// The venue is asked for an order. An execution that is still on its way is waited for.
    fn answer(&mut self, id: ClientOrderId, out: &mut impl FnMut(&ExecReport)) {
        let Some(order) = self.orders.get(&id.0).copied() else {
            return;
        };
        if order.is_end_told {
            return;
        }
        let kind = if order.is_over() || !order.has_arrived {
            ReportKind::Absent {
                filled: order.filled,
            }
        } else {
            ReportKind::Working
        };
        let report = ExecReport {
            id,
            contract: order.contract,
            ts_event: self.now,
            kind,
        };
        self.tell(&report, out);
    }

    /// A bust, or another price.
    fn correct(
        &mut self,
        id: ClientOrderId,
        contract: BookKey,
        execution: &Execution,
        out: &mut impl FnMut(&ExecReport),
    ) {
        let mut corrected = *execution;
        corrected.id.revision += 1;
        if self.chance.happens(300_000) {
            let left = self.chance.below(u64::from(execution.quantity));
            corrected.quantity = u32::try_from(left).unwrap_or(0);
            if let Some(order) = self.orders.get_mut(&id.0) {
                let gone = execution.quantity - corrected.quantity;
                order.filled = order.filled.saturating_sub(gone);
                order.busted += gone;
            }
            // A broker tells the state of an order again when it was changed after the fact.
            self.ask_later(id);
        } else {
            let away = 50_000_000 * (1 + self.chance.below(3).cast_signed());
            corrected.price = Price(execution.price.0 + away);
        }
        let report = ExecReport {
            id,
            contract,
            ts_event: self.now,
            kind: ReportKind::Executed(corrected),
        };
        self.tell(&report, out);
    }

    /// The line goes down, or comes back.
    fn break_or_mend(&mut self, out: &mut impl FnMut(&ExecReport)) {
        match self.down_until {
            Some(until) if self.now < until => {}
            Some(_) => {
                self.down_until = None;
                let open: Vec<_> = self.not_over().collect();
                for (id, _) in open {
                    self.answer(id, out);
                }
            }
            None => {
                let ppm = self.rates.disconnected;
                if self.happens(Fault::Disconnected, ppm) {
                    self.down_until = Some(self.in_ns(10 * MS, 30 * SECOND));
                    let open: Vec<_> = self.not_over().collect();
                    for (id, contract) in open {
                        let report = ExecReport {
                            id,
                            contract,
                            ts_event: self.now,
                            kind: ReportKind::NoAnswer,
                        };
                        self.tell(&report, out);
                    }
                }
            }
        }
    }

    /// Orders whose end the chain was not told.
    fn not_over(&self) -> impl Iterator<Item = (ClientOrderId, BookKey)> {
        let open = self
            .orders
            .iter()
            .filter(|(_, order)| !order.is_end_told && (order.end.is_some() || !order.is_over()));
        open.map(|(id, order)| (ClientOrderId(*id), order.contract))
    }

    fn is_quiet(&self) -> bool {
        self.later.is_empty() && self.down_until.is_none()
    }
}

impl<G: Gateway> Gateway for Faulty<G> {
    fn register(&mut self, contract: &Contract) -> bool {
        self.inner.register(contract)
    }

    fn begin_session(&mut self, end: Nanos) {
        self.inner.begin_session(end);
    }

    fn send(&mut self, command: &Command, now: Nanos) {
        self.now = self.now.max(now);
        self.record.write(Entry::Sent(*command));
        let is_down = self.down_until.is_some();
        let (id, fault, ppm) = match command {
            Command::Place(order) => {
                let intent = order.intent();
                let mirror = Mirror {
                    contract: intent.contract,
                    quantity: intent.quantity,
                    filled: 0,
                    busted: 0,
                    has_arrived: false,
                    end: None,
                    is_end_told: false,
                };
                self.orders.insert(order.id().0, mirror);
                (order.id(), Fault::OrderLost, self.rates.order_lost)
            }
            Command::Cancel(cancel) => (cancel.id(), Fault::CancelLost, self.rates.cancel_lost),
        };
        if is_down || self.happens(fault, ppm) {
            return self.ask_later(id);
        }
        if let Some(order) = self.orders.get_mut(&id.0) {
            order.has_arrived = true;
        }
        self.inner.send(command, self.now);
    }

    /// The venue outlives us, and knows what it has; what never reached it is absent.
    fn ask(&mut self, id: ClientOrderId, contract: BookKey, _filled: u32, now: Nanos) {
        self.now = self.now.max(now);
        let later = match self.orders.get_mut(&id.0) {
            Some(order) => {
                order.is_end_told = false;
                Later::Ask(id)
            }
            None => Later::Tell(ExecReport {
                id,
                contract,
                ts_event: self.now,
                kind: ReportKind::Absent { filled: 0 },
            }),
        };
        self.later.push((self.now, later));
    }

    fn observe(
        &mut self,
        books: &Books<'_>,
        update: &BookUpdate,
        out: &mut impl FnMut(&ExecReport),
    ) {
        let at = update.mbo.ts_event;
        if at.is_defined() {
            self.now = self.now.max(at);
        }
        let inbox = &mut self.inbox;
        self.inner
            .observe(books, update, &mut |report| inbox.push(*report));
        self.pass_on(out);
    }

    fn on_control(&mut self, control: &Control) {
        self.inner.on_control(control);
    }

    fn on_time(&mut self, books: &Books<'_>, now: Nanos, out: &mut impl FnMut(&ExecReport)) {
        self.now = self.now.max(now);
        let inbox = &mut self.inbox;
        self.inner
            .on_time(books, now, &mut |report| inbox.push(*report));
        self.pass_on(out);
    }

    fn concerns(&self, key: BookKey) -> bool {
        !self.is_quiet() || self.inner.concerns(key)
    }

    fn is_idle(&self) -> bool {
        self.is_quiet() && self.inner.is_idle()
    }

    fn due(&self) -> Nanos {
        let own = self
            .later
            .iter()
            .map(|(due, _)| *due)
            .chain(self.down_until);
        own.min().unwrap_or(Nanos::UNDEFINED).min(self.inner.due())
    }
}

/// Whether nothing but late executions can follow.
pub(super) const fn is_end(kind: &ReportKind) -> bool {
    matches!(
        kind,
        ReportKind::Cancelled { .. }
            | ReportKind::Expired { .. }
            | ReportKind::Rejected(_)
            | ReportKind::Absent { .. }
    )
}
