//! What the operator orders: halt, resume, flatten, kill, tighter limits, the end of the run.

use undertow_core::event::Operator;
use undertow_core::gateway::Gateway;
use undertow_core::position::ExitCause;
use undertow_core::risk::{
    Command, Gate, HaltCause, LimitChange, LimitError, Limits as RiskLimits, Which,
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
            Operator::Tighten(change) => return self.lower(change),
        }
        self.tell_halted();
        if matches!(operator, Operator::Kill) {
            self.cancel_all();
        }
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
            ts: self.now,
        };
        self.say(TradeEvent::Limited(limited), None);
        if before != *self.risk.halted() {
            self.tell_halted();
        }
    }

    /// Cancels every live order at once; what was done is said after it.
    fn cancel_all(&mut self) {
        let now = self.now;
        for item in &mut self.queue {
            if let Some(cancel @ Command::Cancel(_)) = item.command {
                self.gateway.send(&cancel, now);
                item.command = None;
            }
        }
        let (gateway, queue) = (&mut self.gateway, &mut self.queue);
        self.risk.kill(HaltCause::Operator, now, &mut |cancel| {
            gateway.send(&Command::Cancel(cancel), now);
            queue.push_back(Item {
                event: TradeEvent::Cancelled(cancel, now),
                command: None,
            });
        });
    }

    /// The run ends before its input: nothing new is opened, and every live order is cancelled.
    pub fn wind_down(&mut self) {
        let (queue, now) = (&mut self.queue, self.now);
        self.risk.cancel_all(Which::All, now, &mut |cancel| {
            queue.push_back(Item {
                event: TradeEvent::Cancelled(cancel, now),
                command: Some(Command::Cancel(cancel)),
            });
        });
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
