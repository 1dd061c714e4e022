//! Where orders go: to a venue of paper, to a broker, or nowhere.
//!
//! A [`Gateway`] takes only what risk has made. It is told of every update of the books while
//! anything of ours is under way, and hands its reports over when they are due, in order of
//! time. Time is event time; a gateway reads no clock.
//!
//! [`Shadow`] holds no route at all: a chain composed with it cannot reach a broker, because no
//! part of it could. The venue of paper is in [`crate::venue`].

use crate::book::Books;
use crate::contract::Contract;
use crate::event::{BookUpdate, Control};
use crate::order::{ClientOrderId, ExecReport, ReportKind};
use crate::post::Post;
use crate::risk::Command;
use crate::types::{BookKey, Nanos};

/// Where orders go. A gateway takes only what risk has made.
pub trait Gateway {
    /// Takes a contract on, before its first order. False if it cannot be traded here.
    fn register(&mut self, contract: &Contract) -> bool;

    /// The venue's session of today ends at `end`.
    fn begin_session(&mut self, end: Nanos);

    /// Takes a command at event time `now`.
    fn send(&mut self, command: &Command, now: Nanos);

    /// The venue is asked what became of an order of an earlier run, of which `filled` contracts
    /// were filled by what that run was told. A gateway that cannot ask leaves it unknown.
    fn ask(&mut self, _id: ClientOrderId, _contract: BookKey, _filled: u32, _now: Nanos) {}

    /// Executions up to this number were told in an earlier run: none gets such a number again.
    /// For venues that number them themselves there is nothing to do.
    fn begin_after(&mut self, _execution: u64) {}

    /// What one record did to its book; `books` already stand after it. Reports that are due are
    /// handed to `out`, in order of time.
    fn observe(
        &mut self,
        books: &Books<'_>,
        update: &BookUpdate,
        out: &mut impl FnMut(&ExecReport),
    );

    /// Takes in what is not a market record: terms, and whether the venue trades.
    fn on_control(&mut self, control: &Control);

    /// Lets time pass without a record. `books` stand as they were at that time.
    fn on_time(&mut self, books: &Books<'_>, now: Nanos, out: &mut impl FnMut(&ExecReport));

    /// Whether anything of this contract is live, in flight, owed or remembered.
    fn concerns(&self, key: BookKey) -> bool;

    /// Whether nothing is live, in flight, owed or remembered at all: then no update is missed.
    fn is_idle(&self) -> bool;

    /// When something happens without a record, at the earliest; undefined for never.
    fn due(&self) -> Nanos;

    /// Calls for the memory that the next command is likely to need. Changes nothing that can be
    /// seen.
    fn call_for_next(&self) {}
}

/// Takes orders and lets none out: each is cancelled unfilled at the next occasion.
///
/// It does not reject them, since a row of rejections is a sign of an error of ours. A cancel
/// gets no answer of its own: its order has had one.
#[derive(Debug)]
pub struct Shadow {
    answers: Post<ExecReport>,
    now: Nanos,
    orders: u64,
    lost: u64,
}

impl Shadow {
    /// A gateway to nowhere that answers up to `orders_max` orders at a time. An order beyond
    /// that gets no answer, and is counted.
    #[must_use]
    pub fn new(orders_max: u32) -> Self {
        Self {
            answers: Post::new(orders_max as usize),
            now: Nanos(0),
            orders: 0,
            lost: 0,
        }
    }

    /// Orders taken.
    #[must_use]
    pub const fn orders(&self) -> u64 {
        self.orders
    }

    /// Orders that got no answer.
    #[must_use]
    pub const fn lost(&self) -> u64 {
        self.lost
    }

    fn answer(&mut self, now: Nanos, out: &mut impl FnMut(&ExecReport)) {
        self.now = later(self.now, now);
        while let Some((_, report)) = self.answers.take(self.now) {
            out(&report);
        }
    }
}

impl Gateway for Shadow {
    fn register(&mut self, _contract: &Contract) -> bool {
        true
    }

    fn begin_session(&mut self, _end: Nanos) {}

    fn send(&mut self, command: &Command, now: Nanos) {
        self.now = later(self.now, now);
        let Command::Place(order) = command else {
            return;
        };
        self.orders += 1;
        let report = unfilled(order.id(), order.intent().contract, self.now);
        self.lost += u64::from(!self.answers.put(self.now, report));
    }

    fn ask(&mut self, id: ClientOrderId, contract: BookKey, filled: u32, now: Nanos) {
        self.now = later(self.now, now);
        let report = ExecReport {
            kind: ReportKind::Absent { filled },
            ..unfilled(id, contract, self.now)
        };
        self.lost += u64::from(!self.answers.put(self.now, report));
    }

    fn observe(
        &mut self,
        _books: &Books<'_>,
        update: &BookUpdate,
        out: &mut impl FnMut(&ExecReport),
    ) {
        self.answer(update.mbo.ts_event, out);
    }

    fn on_control(&mut self, _control: &Control) {}

    fn on_time(&mut self, _books: &Books<'_>, now: Nanos, out: &mut impl FnMut(&ExecReport)) {
        self.answer(now, out);
    }

    fn concerns(&self, key: BookKey) -> bool {
        self.answers.iter().any(|report| report.contract == key)
    }

    fn is_idle(&self) -> bool {
        self.answers.is_empty()
    }

    fn due(&self) -> Nanos {
        self.answers.due()
    }
}

const fn unfilled(id: ClientOrderId, contract: BookKey, now: Nanos) -> ExecReport {
    ExecReport {
        id,
        contract,
        ts_event: now,
        kind: ReportKind::Cancelled { filled: 0 },
    }
}

/// Event time that never goes back; an undefined time says nothing.
pub(crate) fn later(now: Nanos, to: Nanos) -> Nanos {
    if to.is_defined() { now.max(to) } else { now }
}

#[cfg(test)]
mod tests;
