//! What is said, in order, and what may be sent once it was said.
//!
//! Events wait in a queue of fixed size; the command of an event goes to the gateway only after
//! the event has left, unless the gate was shut meanwhile.

use undertow_core::event::Touch;
use undertow_core::fifo::Fifo;
use undertow_core::gateway::Gateway;
use undertow_core::order::{ClientOrderId, ExecReport, Intent, ReportKind};
use undertow_core::position::{Exit, ExitCause};
use undertow_core::risk::{Command, Gate, Kept, Order, Verdict};
use undertow_core::stage::Emit;
use undertow_core::types::Nanos;

use super::Trader;
use super::event::{Asked, TradeEvent};
use crate::flow::FlowOutput;

/// Events that may wait. Nothing new is asked for while fewer places than this are free.
pub(super) const EVENTS_MAX: usize = 512;

const EVENTS_KEPT: usize = 128;

/// Cancels of a kill for which there is always room.
const CANCELS_MAX: usize = 4096;

/// What is said, and what may be sent once it was.
#[derive(Clone, Copy, Debug)]
pub(super) struct Item {
    /// As the desk says it: an event is large, and is not copied once it waits here.
    said: FlowOutput,
    pub(super) command: Option<Command>,
}

impl Item {
    pub(super) const fn new(event: TradeEvent, command: Option<Command>) -> Self {
        Self {
            said: FlowOutput::Trade(event),
            command,
        }
    }
}

impl<G: Gateway> Trader<G> {
    /// Says the next event that waits, and sends its command once it was said, unless the gate was
    /// shut meanwhile. False if none waits.
    pub fn speak(&mut self, say: impl FnOnce(&TradeEvent)) -> bool {
        self.speak_with(|said| {
            if let FlowOutput::Trade(event) = said {
                say(event);
            }
        })
    }

    /// The same to whoever listens to the desk.
    pub(super) fn speak_to(&mut self, out: &mut impl Emit<FlowOutput>) -> bool {
        self.speak_with(|said| out.emit(said))
    }

    #[inline(always)]
    fn speak_with(&mut self, say: impl FnOnce(&FlowOutput)) -> bool {
        if self.unwritten.is_some() {
            return false;
        }
        let Some(item) = self.queue.front() else {
            return false;
        };
        say(&item.said);
        let command = item.command;
        let _said = self.queue.pop();
        self.said += 1;
        match command {
            Some(Command::Place(order)) => self.send_written(&order),
            Some(command) => self.gateway.send(&command, self.now),
            None => {}
        }
        true
    }

    /// Sends an order once the journal has what was said of it, or never.
    pub(super) fn send_written(&mut self, order: &Order) {
        let is_written = self.witness.is_written(self.said);
        match is_written.or((self.written >= self.said).then_some(true)) {
            _ if !self.may_leave(order) => self.withhold(order),
            Some(true) => self.gateway.send(&Command::Place(*order), self.now),
            Some(false) => self.withhold(order),
            None => self.unwritten = Some(*order),
        }
    }

    /// Whether an order waits until the journal has what was said of it; nothing more is said until
    /// then.
    #[must_use]
    pub const fn waits_for_journal(&self) -> bool {
        self.unwritten.is_some()
    }

    /// The journal has so much of what was said: an order that waited for it leaves, if it may.
    pub(super) fn note_written(&mut self, said: u64) {
        self.written = self.written.max(said);
        if self.written >= self.said
            && let Some(order) = self.unwritten.take()
        {
            self.send_written(&order);
        }
    }

    /// Whether the gate lets an order out now: it may have shut since the order was made.
    fn may_leave(&self, order: &Order) -> bool {
        match self.risk.halted().gate {
            Gate::Open => true,
            Gate::ReduceOnly => !order.intent().purpose.opens(),
            Gate::Shut => false,
        }
    }

    /// An order that never leaves is known to nobody but us.
    #[cold]
    pub(super) fn withhold(&mut self, order: &Order) {
        self.counters.withheld += 1;
        self.forget_cancel(order.id());
        self.reported(&ExecReport {
            id: order.id(),
            contract: order.intent().contract,
            ts_event: self.now,
            kind: ReportKind::Absent { filled: 0 },
        });
    }

    /// The venue is not asked to cancel what it never had; that it was to be cancelled is said.
    pub(super) fn forget_cancel(&mut self, id: ClientOrderId) {
        for item in self.queue.iter_mut() {
            if matches!(item.command, Some(Command::Cancel(cancel)) if cancel.id() == id) {
                item.command = None;
            }
        }
    }

    /// How many events wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.queue.len()
    }

    pub(super) fn tell_halted(&mut self) {
        self.say(TradeEvent::Halted(*self.risk.halted()), None);
        self.tell_kept();
    }

    /// Says what must survive a restart, if it has changed. What is earned moves with every mark,
    /// and is said with the digests.
    pub(super) fn tell_kept(&mut self) {
        let kept = self.risk.kept();
        let settled = Kept {
            day_earned: self.kept.day_earned,
            high_water: self.kept.high_water,
            ..kept
        };
        if self.kept != settled {
            self.say_kept(kept);
        }
    }

    /// The marks that it rests on come first.
    fn say_kept(&mut self, kept: Kept) {
        self.kept = kept;
        let queue = &mut self.queue;
        for line in self.risk.lines() {
            if line.position.quantity() != 0 {
                let marked = TradeEvent::Marked(line.contract.key, line.view.mark);
                queue.push(Item::new(marked, None));
            }
        }
        self.say(TradeEvent::Kept(kept), None);
    }

    pub(super) fn checkpoint(&mut self) {
        self.say_kept(self.risk.kept());
        self.say(TradeEvent::Checkpoint(self.risk.ledger_digest()), None);
    }

    /// The last input was taken: what waits for the shared store waits no more, and the last
    /// digest is said.
    pub(super) fn finish(&mut self) {
        self.ask_no_more();
        self.checkpoint();
    }

    pub(super) fn say(&mut self, event: TradeEvent, command: Option<Command>) {
        self.queue.push(Item::new(event, command));
        self.note_waiting();
    }

    /// Says what risk made of an intent.
    pub(super) fn say_asked(
        &mut self,
        intent: &Intent,
        order: Option<&Order>,
        exit: Option<Exit>,
        touch: &Touch,
    ) {
        let (ts, verdict) = (self.now, self.risk.verdict());
        let cause = exit.map(|exit| exit.cause);
        let command = order.copied().map(Command::Place);
        let place = self.queue.next_place();
        asked(place, intent, touch, (ts, cause), verdict, command);
        self.note_waiting();
    }

    fn note_waiting(&mut self) {
        self.counters.waiting_max = self.counters.waiting_max.max(self.queue.len());
    }

    /// Whether there is room to say what an order causes.
    pub(super) fn may_ask(&mut self) -> bool {
        let has_room = self.queue.len() + EVENTS_KEPT <= EVENTS_MAX;
        self.counters.held_back += u64::from(!has_room);
        has_room
    }
}

/// An order waits for this. On its own, so that the compiler knows that the verdict does not lie in
/// the place, and copies it there at once.
#[inline(never)]
fn asked(
    place: &mut Option<Item>,
    intent: &Intent,
    touch: &Touch,
    (ts, exit): (Nanos, Option<ExitCause>),
    verdict: &Verdict,
    command: Option<Command>,
) {
    let order = match &command {
        Some(Command::Place(order)) => Some(order.id()),
        _ => None,
    };
    *place = Some(Item {
        said: FlowOutput::Trade(TradeEvent::Asked(Asked {
            intent: *intent,
            ts,
            order,
            verdict: *verdict,
            exit,
            touch: *touch,
        })),
        command,
    });
}

/// Beside the usual there is room for the cancels of so many live orders, up to [`CANCELS_MAX`].
pub(super) fn laid_out_queue(orders_max: usize) -> Fifo<Item> {
    Fifo::new(EVENTS_MAX + orders_max.min(CANCELS_MAX))
}
