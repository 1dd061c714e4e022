//! The kill drill: how long from the operator's word until the gate is shut and every cancel is
//! with the gateway, on this machine.
//!
//! The real desk (books, flow, trader) and the real paper venue stand in the middle of a simulated
//! session with so many live orders. Once the venue answers, once it is disconnected and says
//! nothing any more; each time the kill comes twice. Times are wall time of this thread.
//!
//! Absent: the way of the operator's word to the desk, whose time every order tells that is given over
//! the socket, and a broker's line.

use anyhow::{Result, ensure};
use bumpalo::Bump;
use undertow_core::book::Books;
use undertow_core::contract::Contract;
use undertow_core::event::{Body, BookUpdate, Control, Mbo, Operator};
use undertow_core::gateway::Gateway;
use undertow_core::order::{ExecReport, OrderState};
use undertow_core::risk::{Command, Gate, Risk};
use undertow_core::stage::{Emit, Stage};
use undertow_core::types::{BookKey, Nanos};
use undertow_feeds::replay::Replay;
use undertow_feeds::synthetic::{SessionConfig, Truth, write_session};
use undertow_strategies::flow::FlowOutput;
use undertow_strategies::trade::event::TradeEvent;

use super::field::{Field, book_limits, desk};
use crate::clock::TileClock;

/// The bar of a kill: 10 ms.
pub const BAR_NS: u64 = 10_000_000;

/// Records of the session in which the drill takes place.
const MESSAGES: u64 = 20_000;
/// Messages that are seen before the orders are made, in hundredths of all.
const BEFORE_PCT: usize = 40;
/// Messages that are seen while the orders come to rest, in hundredths of all.
const RESTING_PCT: usize = 60;
/// What one kill took, and what it did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kill {
    /// Until the halt was said, ns.
    pub halted_ns: u64,
    /// Until the last cancel was with the gateway, ns.
    pub cancelled_ns: u64,
    /// Cancels that were handed over.
    pub cancels: u32,
    /// Cancels of a second kill.
    pub cancels_again: u32,
    /// Orders that the venue has confirmed as gone, or of which nothing is known, at the end.
    pub settled: u32,
}

/// Whether the venue answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    /// It does.
    Connected,
    /// The line is down: nothing is known of any order, and nobody answers.
    Disconnected,
}

/// A session in which kills take place.
#[derive(Debug)]
pub struct Drill {
    session: Vec<Body<Mbo>>,
    orders: u32,
}

impl Drill {
    /// A session and the number of live orders, 1 to 4096.
    ///
    /// # Errors
    /// The session cannot be simulated.
    pub fn new(orders: u32) -> Result<Self> {
        let config = SessionConfig {
            messages: MESSAGES,
            expiries: 0,
            minutes: 30,
            ..SessionConfig::demo()
        };
        let mut bytes = Vec::new();
        write_session(&config, &mut bytes, &mut Truth::default())?;
        let mut feed = Replay::new([bytes.as_slice()]);
        ensure!(feed.read_headers(), "the simulated session has no header");
        let session = std::iter::from_fn(|| feed.pop().map(|msg| msg.body)).collect();
        Ok(Self { session, orders })
    }

    /// One kill among live orders, and a second one.
    ///
    /// # Errors
    /// The orders could not be made.
    pub fn kill(&self, line: Line) -> Result<Kill> {
        let limits = book_limits(1 << 16);
        let arena = Bump::with_capacity(limits.bytes());
        let mut field = Field::new(Books::new_in(&arena, &limits)?, self.orders)?;
        let at = |pct: usize| self.session.len() * pct / 100;
        for body in &self.session[..at(BEFORE_PCT)] {
            field.step(body);
        }
        field.place(self.orders)?;
        for body in &self.session[at(BEFORE_PCT)..at(RESTING_PCT)] {
            field.step(body);
        }
        let rest = &self.session[at(RESTING_PCT)..];
        match line {
            Line::Connected => {
                let venue = field.venue;
                kill(
                    (field.books, field.risk, venue),
                    rest,
                    OrderState::Cancelled,
                )
            }
            Line::Disconnected => {
                field.risk.on_disconnect(field.now);
                kill((field.books, field.risk, Deaf), rest, OrderState::Unknown)
            }
        }
    }
}

/// Kills, kills again, lets the rest of the session pass, and counts.
fn kill<G: Gateway>(
    (books, risk, gateway): (Books<'_>, Risk, G),
    rest: &[Body<Mbo>],
    settled: OrderState,
) -> Result<Kill> {
    let clock = TileClock::new();
    let orders: Vec<_> = risk
        .lines()
        .flat_map(|line| risk.open_orders(line.contract.key))
        .map(|track| track.order.id())
        .collect();
    let mut desk = desk((books, risk, gateway))?;
    let word = Control::Operator(Operator::Kill);
    let mut heard = Heard {
        clock: &clock,
        halted_ns: 0,
    };
    let start_ns = clock.read();
    desk.on_control(&word, &mut heard);
    let halted_ns = heard.halted_ns.saturating_sub(start_ns);
    ensure!(
        desk.trader.risk().halted().gate == Gate::Shut,
        "the gate stands open"
    );
    ensure!(heard.halted_ns > 0, "the halt was not said");
    let gateway = desk.trader.gateway();
    let (cancels, last_ns) = (gateway.cancels, gateway.cancelled_ns);
    desk.on_control(&word, &mut heard);
    let cancels_again = desk.trader.gateway().cancels - cancels;
    for body in rest {
        match body {
            Body::Data(mbo) => desk.on_data(mbo, &mut heard),
            Body::Control(control) => desk.on_control(control, &mut heard),
        }
    }
    let risk = desk.trader.risk();
    let is_settled = |id: &_| risk.order(*id).is_some_and(|it| it.life.state() == settled);
    let settled = orders.iter().filter(|id| is_settled(id)).count();
    Ok(Kill {
        halted_ns,
        cancelled_ns: last_ns.saturating_sub(start_ns),
        cancels,
        cancels_again,
        settled: u32::try_from(settled).unwrap_or(u32::MAX),
    })
}

/// Notes when the halt is said.
struct Heard<'c> {
    clock: &'c TileClock,
    halted_ns: u64,
}

impl Emit<FlowOutput> for Heard<'_> {
    fn emit(&mut self, output: &FlowOutput) {
        if self.halted_ns == 0 && matches!(output, FlowOutput::Trade(TradeEvent::Halted(_))) {
            self.halted_ns = self.clock.read();
        }
    }
}

/// A line that is down: takes everything, answers nothing.
#[derive(Debug)]
struct Deaf;

impl Gateway for Deaf {
    fn register(&mut self, _contract: &Contract) -> bool {
        true
    }

    fn begin_session(&mut self, _end: Nanos) {}

    fn send(&mut self, _command: &Command, _now: Nanos) {}

    fn observe(
        &mut self,
        _books: &Books<'_>,
        _update: &BookUpdate,
        _out: &mut impl FnMut(&ExecReport),
    ) {
    }

    fn on_control(&mut self, _control: &Control) {}

    fn on_time(&mut self, _books: &Books<'_>, _now: Nanos, _out: &mut impl FnMut(&ExecReport)) {}

    fn concerns(&self, _key: BookKey) -> bool {
        false
    }

    fn is_idle(&self) -> bool {
        true
    }

    fn due(&self) -> Nanos {
        Nanos::UNDEFINED
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn k05_a_kill_cancels_every_live_order_at_once_connected_or_not_and_twice_is_as_once() {
        for orders in [1, 50, 500] {
            let drill = Drill::new(orders).expect("a session");
            for line in [Line::Connected, Line::Disconnected] {
                let kill = drill.kill(line).expect("a kill");
                assert_eq!(kill.cancels, orders, "{line:?}");
                assert_eq!(kill.settled, orders, "{line:?}");
                assert_eq!(kill.cancels_again, 0, "{line:?}");
                assert!(kill.halted_ns > 0 && kill.cancelled_ns > 0);
            }
        }
    }
}
