//! Going on from where an earlier run has ended, in order or not.
//!
//! Risk has its positions and orders back before the trader is made; here come the claims, who
//! looks after what is held, and the venue's answer about what was live. Until event time has
//! passed the last that the journal tells of, inputs only rebuild books and measures: what was
//! decided then is decided, and the prices of then are not those of now.

use alloc::vec::Vec;

use undertow_core::book::Books;
use undertow_core::gateway::Gateway;
use undertow_core::order::{ClientOrderId, Intent, SignalId};
use undertow_core::position::{BrokerView, ExitPlan};
use undertow_core::risk::Context;
use undertow_core::types::{BookKey, Nanos, Price, Side};

use super::Trader;
use super::ending::close_by;
use super::event::TradeEvent;
use super::holding::Holding;
use super::settings::exits;
use crate::decide::Won;
use crate::decide::identity::Identity;

/// What an earlier run has left beside what risk keeps.
#[derive(Clone, Debug, Default)]
pub struct Past {
    /// The last time that its journal tells of; 0 if there was no run.
    pub until: Nanos,
    /// Its claims, in the order in which they were won.
    pub claims: Vec<PastClaim>,
    /// Orders whose fate is unknown.
    pub orders: Vec<PastOrder>,
    /// What is held.
    pub positions: Vec<PastPosition>,
    /// The highest number of an execution.
    pub executions: u64,
    /// Rule sets of which the operator wants no signals, by their place.
    pub disabled: Vec<usize>,
}

/// A signal that was emitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PastClaim {
    /// Which.
    pub identity: Identity,
    /// By which rule set, by its place.
    pub place: usize,
    /// When.
    pub at: Nanos,
    /// How long its id stays taken, ns.
    pub ttl_ns: u64,
}

/// An order of which the journal does not know the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PastOrder {
    /// Its id.
    pub id: ClientOrderId,
    /// Its contract.
    pub contract: BookKey,
    /// Filled of it, as far as was told.
    pub filled: u32,
}

/// A position.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PastPosition {
    /// What it was opened for, with what is held now and at which average.
    pub intent: Intent,
    /// What it was last valued at.
    pub mark: Price,
}

/// A position that nobody looks after yet.
#[derive(Clone, Copy, Debug)]
struct Waiting {
    past: PastPosition,
    /// Whether it is closed as soon as somebody does.
    is_ordered_out: bool,
}

/// What still waits to be taken up again.
#[derive(Clone, Debug, Default)]
pub(super) struct Recovery {
    /// Nothing is decided before event time has passed this.
    pub(super) until: Nanos,
    contracts: Vec<BookKey>,
    orders: Vec<PastOrder>,
    positions: Vec<Waiting>,
    /// Of the last minute that was seen again.
    pub(super) volatility: Option<Context>,
    has_begun: bool,
}

impl Recovery {
    /// Whether inputs only rebuild what was.
    pub(super) const fn is_catching_up(&self, now: Nanos) -> bool {
        now.0 <= self.until.0
    }

    /// What waits is closed as soon as somebody looks after it: all of it, or that of a signal.
    pub(super) fn order_out(&mut self, signal: Option<SignalId>) {
        for waiting in &mut self.positions {
            let its = waiting.past.intent.signal_id;
            waiting.is_ordered_out |= signal.is_none_or(|signal| its == signal);
        }
    }

    /// What waits of a contract, negative for short: whoever takes it up looks after it.
    pub(super) fn waiting(&self, key: BookKey) -> i64 {
        let its = self
            .positions
            .iter()
            .map(|waiting| waiting.past.intent)
            .filter(|intent| intent.contract == key);
        its.map(|intent| match intent.side {
            Side::Ask => -i64::from(intent.quantity),
            _ => i64::from(intent.quantity),
        })
        .sum()
    }
}

const fn unordered(past: PastPosition) -> Waiting {
    Waiting {
        past,
        is_ordered_out: false,
    }
}

impl<G: Gateway> Trader<G> {
    /// Goes on from what an earlier run has left. Risk has positions and orders of it already.
    #[must_use]
    pub fn resumed(mut self, past: &Past) -> Self {
        for claim in &past.claims {
            let Some((rules, _)) = self.rules.get(claim.place) else {
                continue;
            };
            self.decide.restore(&Won {
                identity: claim.identity,
                at: claim.at,
                ttl_ns: claim.ttl_ns,
                cooldown_ns: rules.cooldown_ns,
            });
        }
        for line in self.risk.lines() {
            // Check 3 refuses what the venue does not take; its positions wait for the operator.
            self.gateway.register(&line.contract);
        }
        self.gateway.begin_after(past.executions);
        self.recovery = Recovery {
            until: past.until,
            contracts: self.risk.lines().map(|line| line.contract.key).collect(),
            orders: past.orders.clone(),
            positions: past.positions.iter().copied().map(unordered).collect(),
            volatility: None,
            has_begun: false,
        };
        for place in &past.disabled {
            if let Some(disabled) = self.disabled.get_mut(*place) {
                *disabled = true;
            }
        }
        self.kept = self.risk.kept();
        self
    }

    /// Until when nothing is decided, since it was decided in an earlier run; 0 if there was none.
    #[must_use]
    pub const fn decides_after(&self) -> Nanos {
        self.recovery.until
    }

    /// The first tick after what was: the venue is asked, and what is held is looked after.
    #[cold]
    pub(super) fn begin_again(&mut self, books: &Books<'_>) {
        if !core::mem::replace(&mut self.recovery.has_begun, true) {
            if let Some(volatility) = self.recovery.volatility {
                self.risk.on_context(&volatility, self.now);
            }
            for order in &self.recovery.orders {
                let (id, contract) = (order.id, order.contract);
                self.gateway.ask(id, contract, order.filled, self.now);
            }
            for at in 0..self.recovery.contracts.len() {
                // The account of paper is this journal's own; nobody else trades in it.
                let key = self.recovery.contracts[at];
                let held = self.held(key);
                self.risk.reconcile(key, BrokerView::Held(held));
            }
        }
        let mut at = 0;
        while at < self.recovery.positions.len() {
            let waiting = self.recovery.positions[at];
            if self.take_up(books, &waiting) || self.settle_past(&waiting.past) {
                self.recovery.positions.swap_remove(at);
            } else {
                at += 1;
            }
        }
    }

    /// The time of what is done now: what an order of the operator brings about while the past is
    /// seen again comes after it.
    pub(super) fn date(&self) -> Nanos {
        self.now.max(self.recovery.until)
    }

    /// Whether anything of an earlier run still waits to be taken up.
    pub(super) const fn has_past(&self) -> bool {
        !self.recovery.has_begun || !self.recovery.positions.is_empty()
    }

    /// Somebody looks after a position again, once its contract is listed.
    fn take_up(&mut self, books: &Books<'_>, waiting: &Waiting) -> bool {
        let intent = waiting.past.intent;
        let Some(contract) = self.risk.line(intent.contract).map(|line| line.contract) else {
            return true;
        };
        // An id may be that of another contract by now.
        let listed = self.watches.iter().enumerate().find_map(|(at, watch)| {
            let (option, listed) = watch.chain.contract_of(contract.key.instrument_id)?;
            (listed == contract).then_some((at, option))
        });
        let Some((at, option)) = listed else {
            return false;
        };
        if self.holdings.len() == self.holdings.capacity() {
            return false;
        }
        self.take_on(books, (at, option), &contract);
        let expiry = self.watches[at].chain.listings()[option].expiry;
        let is_today = self.day == Some(expiry);
        let plan = self.plan_again(&intent, is_today, || close_by(expiry));
        let mut holding = Holding::carried(intent, at, plan);
        if waiting.is_ordered_out {
            holding.order_out();
        }
        self.holdings.push(holding);
        true
    }

    /// The exits on the premium (R9). The levels of the underlying went with the signal.
    fn plan_again(
        &self,
        intent: &Intent,
        is_today: bool,
        close_by: impl FnOnce() -> Nanos,
    ) -> ExitPlan {
        let rules = self.rules.get(usize::from(intent.strategy.0));
        let plan = rules.map_or(ExitPlan::OTHER, |(rules, _)| exits(rules.rule.strategy()));
        if is_today {
            ExitPlan {
                close_by: close_by(),
                ..plan
            }
        } else {
            plan
        }
    }

    /// What expired between the runs is settled at its last mark: its worth at expiry was not
    /// seen, and nobody lists it any more.
    fn settle_past(&mut self, past: &PastPosition) -> bool {
        let key = past.intent.contract;
        let line = self.risk.line(key);
        let is_over = line.is_some_and(|line| line.contract.expiry <= self.now);
        if !is_over {
            return false;
        }
        if let Some(held) = self.risk.settle(key, past.mark, None) {
            self.counters.settled_unseen += 1;
            self.say(TradeEvent::Settled(key, past.mark, held), None);
        }
        true
    }
}
