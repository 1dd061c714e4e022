//! What the operator and the program itself order: halt, resume, cancel, close, flatten, kill, no
//! more of a strategy, tighter limits, the end of the run.

use undertow_core::event::{Notice, Operator};
use undertow_core::gateway::Gateway;
use undertow_core::order::{SignalId, StrategyId};
use undertow_core::risk::{
    Command, Gate, HaltCause, LimitChange, LimitError, Limits as RiskLimits, Order, Which,
};

use super::Trader;
use super::event::{Limited, TradeEvent};
use super::holding::Holding;
use super::speech::Item;
use crate::decide::counters::Block;

impl<G: Gateway> Trader<G> {
    /// What the operator orders: said before anything that follows from it.
    pub(super) fn obey(&mut self, operator: &Operator) {
        self.say(TradeEvent::Ordered(*operator, self.date()), None);
        match *operator {
            Operator::Halt => self.stop(Gate::ReduceOnly, HaltCause::Operator),
            Operator::Resume(reason) => {
                self.risk.resume(reason);
                self.tell_halted();
            }
            Operator::CancelAll => {
                self.holdings.iter_mut().for_each(Holding::enter_no_more);
                self.cancel(Which::All);
            }
            Operator::Close(signal) => self.close(signal),
            Operator::Flatten => self.flatten(),
            Operator::Kill => self.stop(Gate::Shut, HaltCause::Operator),
            Operator::Clear(kind, reason) => {
                self.risk.clear(kind, reason);
                self.tell_kept();
            }
            Operator::Disable(StrategyId(place)) => self.disable(place, true),
            Operator::Enable(StrategyId(place)) => self.disable(place, false),
            Operator::Tighten(change) => self.lower(change),
        }
    }

    /// What the cold side says. The answer to a claim wants the books; see [`Self::claimed`].
    pub(super) fn heed(&mut self, notice: &Notice) {
        match *notice {
            Notice::Halt(gate, cause) => {
                self.is_mute |= gate == Gate::Shut;
                self.stop(gate, cause);
            }
            Notice::Written(said) => self.note_written(said),
            Notice::Claimed(_) => {}
        }
    }

    /// Closes what is held for a signal, and opens nothing more for it.
    fn close(&mut self, signal: SignalId) {
        self.recovery.order_out(Some(signal));
        for at in 0..self.holdings.len() {
            let holding = &mut self.holdings[at];
            if holding.signal_id() != signal {
                continue;
            }
            holding.order_out();
            if let Some(entry) = holding.entry_id()
                && let Ok(cancel) = self.risk.cancel(entry, self.date())
            {
                let cancelled = TradeEvent::Cancelled(cancel, self.date());
                self.say(cancelled, Some(Command::Cancel(cancel)));
            }
        }
        self.close_what_is_ordered();
    }

    /// Halts, then closes all that is held (R12). What the operator killed is let out to be
    /// closed; what the program shut by itself could not be journalled, and stays.
    fn flatten(&mut self) {
        if !self.is_mute {
            self.risk.allow_closing();
        }
        self.stop(Gate::ReduceOnly, HaltCause::Operator);
        self.recovery.order_out(None);
        self.holdings.iter_mut().for_each(Holding::order_out);
        self.close_what_is_ordered();
    }

    /// A signal that is not emitted yet, for the shared store was asked for it, never is.
    fn disable(&mut self, place: u8, is_disabled: bool) {
        let place = usize::from(place);
        let Some(disabled) = self.disabled.get_mut(place) else {
            return;
        };
        *disabled = is_disabled;
        if is_disabled {
            self.give_up(place, Block::Disabled);
        }
    }

    /// Halts: nothing new is opened, and entries that rest are cancelled; with the gate shut,
    /// everything is. What waits for the journal waits on, or is withheld.
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
        self.forget_needless_cancels();
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

    /// What has not left is withheld by a gate that is shut, so the venue is not asked to cancel
    /// it: it never had it.
    fn forget_needless_cancels(&mut self) {
        if let Some(order) = &self.unwritten {
            self.forget_cancel(order.id());
        }
        let placed = |item: &Item| match &item.command {
            Some(Command::Place(order)) => Some(order.id()),
            _ => None,
        };
        for nth in 0.. {
            let waiting = self.queue.iter().filter_map(placed).nth(nth);
            let Some(id) = waiting else {
                return;
            };
            self.forget_cancel(id);
        }
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
