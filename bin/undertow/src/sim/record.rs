//! What happened, in the one order in which it happened: said, ordered, sent, told.
//!
//! Chain, gateway and operator write into one record, so that a checker sees which came first.

use std::cell::RefCell;
use std::rc::Rc;

use undertow_core::event::{Notice, Operator};
use undertow_core::order::ExecReport;
use undertow_core::risk::Command;
use undertow_strategies::trade::event::TradeEvent;

/// One thing that happened.
#[derive(Clone, Debug)]
pub(super) enum Entry {
    /// The chain said it.
    Said(Box<TradeEvent>),
    /// The operator ordered it; the chain gets it next.
    Ordered(Operator),
    /// The cold side said it; the chain gets it next.
    Noticed(Notice),
    /// The chain handed it to the gateway.
    Sent(Command),
    /// The gateway told the chain.
    Told(ExecReport),
}

impl Entry {
    /// Whether a cancel left.
    pub(super) const fn is_cancel(&self) -> bool {
        matches!(self, Self::Sent(Command::Cancel(_)))
    }

    /// What it says, short: what two runs of one seed must have in common.
    pub(super) fn line(&self) -> String {
        match self {
            Self::Said(event) => match &**event {
                TradeEvent::Decided(it) => {
                    format!("D {} {}", it.decision.moment.now.0, it.place)
                }
                TradeEvent::Asked(it) => format!("A {} {:?}", it.ts.0, it.order),
                TradeEvent::Cancelled(cancel, at) => format!("C {} {}", at.0, cancel.id().0),
                TradeEvent::Reported(report, _) => format!("R {report:?}"),
                TradeEvent::Halted(halt) => format!("H {halt:?}"),
                TradeEvent::Listed(contract) => format!("L {:?}", contract.key),
                TradeEvent::Marked(key, price) => format!("M {key:?} {}", price.0),
                TradeEvent::Kept(kept) => format!("P {kept:?}"),
                TradeEvent::Settled(key, price, held) => {
                    format!("E {key:?} {} {held}", price.0)
                }
                TradeEvent::Ordered(operator, at) => format!("W {} {operator:?}", at.0),
                TradeEvent::Limited(limited) => format!("O {limited:?}"),
                TradeEvent::Checkpoint(digest) => format!("K {digest:016x}"),
            },
            Self::Ordered(operator) => format!("O {operator:?}"),
            Self::Noticed(notice) => format!("N {notice:?}"),
            Self::Sent(command) => format!("S {command:?}"),
            Self::Told(report) => format!("T {report:?}"),
        }
    }
}

/// Shared by everybody who writes, on one thread.
#[derive(Clone, Debug, Default)]
pub(super) struct Record(Rc<RefCell<Vec<Entry>>>);

impl Record {
    pub(super) fn write(&self, entry: Entry) {
        self.0.borrow_mut().push(entry);
    }

    /// Whether nothing was written since the last look.
    pub(super) fn is_empty(&self) -> bool {
        self.0.borrow().is_empty()
    }

    /// Takes out what was written since the last look, into a vector that is emptied first.
    pub(super) fn drain_into(&self, entries: &mut Vec<Entry>) {
        entries.clear();
        entries.append(&mut self.0.borrow_mut());
    }
}
