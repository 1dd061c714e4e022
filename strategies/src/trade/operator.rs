//! What the operator and the program itself order: halt, resume, flatten, kill, tighter limits, the
//! end of the run.

use undertow_core::event::{Notice, Operator};
use undertow_core::gateway::Gateway;
use undertow_core::position::ExitCause;
use undertow_core::risk::{
    Command, Gate, HaltCause, LimitChange, LimitError, Limits as RiskLimits, Order, Which,
};

use super::Trader;
use super::event::{Limited, TradeEvent};
use super::speech::Item;

impl<G: Gateway> Trader<G> {
    /// What the operator orders.
    pub(super) fn obey(&mut self, operator: &Operator) {
        match *operator {
            Operator::Halt => self.risk.halt(Gate::ReduceOnly, HaltCause::Operator),
            Operator::Resume(reason) => self.risk.resume(reason),
            Operator::Flatten => {
                for at in 0..self.holdings.len() {
                    if let Some(exit) = self.holdings[at].exits.close(ExitCause::Ordered) {
                        self.leave(at, &exit);
                    }
                }
                return;
            }
            Operator::Kill => self.risk.halt(Gate::Shut, HaltCause::Operator),
            Operator::Program(notice) => return self.heed(&notice),
            Operator::Tighten(change) => return self.lower(change),
        }
        self.tell_halted();
        if matches!(operator, Operator::Kill) {
            self.cancel_all(HaltCause::Operator);
        }
    }

    /// What the cold side says. The answer to a claim wants the books; see [`Self::claimed`].
    fn heed(&mut self, notice: &Notice) {
        match *notice {
            Notice::Halt(gate, cause) => self.stop(gate, cause),
            Notice::Written(said) => self.note_written(said),
            Notice::Claimed(_) => {}
        }
    }

    /// The program halts itself: nothing new is opened, and entries that rest are cancelled; with
    /// the gate shut, everything is. What waits for the journal waits on, or is withheld.
    fn stop(&mut self, gate: Gate, cause: HaltCause) {
        self.risk.halt(gate, cause);
        self.tell_halted();
        if gate == Gate::Shut {
            self.cancel_all(cause);
        } else {
            self.cancel(Which::Entries);
        }
        if let Some(order) = self.unwritten.take() {
            self.send_written(&order);
        }
    }

    /// Cancels live orders; each cancel leaves after it was said.
    fn cancel(&mut self, which: Which) {
        let (now, queue) = (self.date(), &mut self.queue);
        self.risk.cancel_all(which, now, &mut |cancel| {
            let cancelled = TradeEvent::Cancelled(cancel, now);
            queue.push(Item::new(cancelled, Some(Command::Cancel(cancel))));
        });
    }

    /// Takes a tighter limit, or says why it is refused. A loss limit that is passed by what was
    /// lost already halts at once.
    fn lower(&mut self, change: LimitChange) {
        let before = *self.risk.halted();
        let limits = *self.risk.limits();
        let refused = self.tighten(&limits.with(change)).err();
        let limited = Limited {
            change,
            from: limits.get(change.name()).unwrap_or(0),
            refused,
            ts: self.date(),
        };
        self.say(TradeEvent::Limited(limited), None);
        if before != *self.risk.halted() {
            self.tell_halted();
        }
    }

    /// Cancels every live order at once; what was done is said after it.
    fn cancel_all(&mut self, cause: HaltCause) {
        let now = self.date();
        for item in self.queue.iter_mut() {
            if let Some(cancel @ Command::Cancel(_)) = item.command {
                self.gateway.send(&cancel, now);
                item.command = None;
            }
        }
        let (gateway, queue, unwritten) = (&mut self.gateway, &mut self.queue, &self.unwritten);
        self.risk.kill(cause, now, &mut |cancel| {
            let is_it = |order: &Order| order.id() == cancel.id();
            let waits = |item: &Item| match &item.command {
                Some(Command::Place(order)) => is_it(order),
                _ => false,
            };
            // What has not left is withheld, and the venue need not hear of it.
            if !unwritten.as_ref().is_some_and(is_it) && !queue.iter().any(waits) {
                gateway.send(&Command::Cancel(cancel), now);
            }
            queue.push(Item::new(TradeEvent::Cancelled(cancel, now), None));
        });
    }

    /// The run ends before its input: nothing new is opened, and every live order is cancelled.
    pub fn wind_down(&mut self) {
        self.cancel(Which::All);
        self.finish();
    }

    /// Takes tighter limits from the operator while running; looser ones take a restart.
    ///
    /// # Errors
    /// Changes nothing and names the first limit that would be looser, or is unsound.
    pub fn tighten(&mut self, limits: &RiskLimits) -> Result<(), LimitError> {
        self.risk.tighten(limits)
    }
}
