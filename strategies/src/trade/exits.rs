//! Exits: a position is looked at when its contract's quote moves, when its underlying trades, and
//! when its time has come (R9).

use undertow_core::contract::TickRule;
use undertow_core::event::{BookUpdate, Touch, Trust};
use undertow_core::gateway::Gateway;
use undertow_core::order::{Entry, Intent, Purpose, Quote, Style, Tif};
use undertow_core::position::{Exit, ExitCause};
use undertow_core::types::{BookKey, Price, Side};

use super::Trader;
use super::holding::Holding;

impl<G: Gateway> Trader<G> {
    /// A contract's quote has moved: do its positions leave?
    pub(super) fn look_at(&mut self, update: &BookUpdate) {
        let key = update.mbo.key();
        let quote = Quote {
            bid: update.touch.bid,
            ask: update.touch.ask,
        };
        for at in 0..self.holdings.len() {
            let holding = &mut self.holdings[at];
            if holding.key() != key || !holding.may_exit(self.now) {
                continue;
            }
            if let Some(exit) = holding.exits.on_quote(quote, update.trust, self.now) {
                self.leave(at, &exit);
            }
        }
    }

    /// An underlying has traded: do positions in its options leave?
    pub(super) fn look_at_underlying(&mut self, watch: usize, price: Price) {
        if self.watches[watch].trust != Trust::Good {
            return;
        }
        for at in 0..self.holdings.len() {
            let holding = &mut self.holdings[at];
            if holding.watch != watch || !holding.may_exit(self.now) {
                continue;
            }
            if let Some(exit) = holding.exits.on_underlying(price) {
                self.leave(at, &exit);
            }
        }
    }

    /// Positions that were ordered to leave and have not left yet.
    pub(super) fn close_what_is_ordered(&mut self) {
        for at in 0..self.holdings.len() {
            if self.holdings[at].is_ordered_out() {
                self.leave_for(at, ExitCause::Ordered);
            }
        }
    }

    /// Positions whose time has come, also when their book is quiet.
    pub(super) fn close_what_is_due(&mut self) {
        for at in 0..self.holdings.len() {
            let key = self.holdings[at].key();
            let Some(line) = self.risk.line(key) else {
                continue;
            };
            let (quote, trust) = (line.view.quote, line.view.trust);
            let holding = &mut self.holdings[at];
            if !holding.may_exit(self.now) {
                continue;
            }
            if let Some(exit) = holding.exits.on_quote(quote, trust, self.now) {
                self.leave(at, &exit);
            }
        }
    }

    /// Asks for an exit: a limit just beyond the opposite quote, for what is there now.
    pub(super) fn leave(&mut self, at: usize, exit: &Exit) {
        if exit.cause != ExitCause::Roll {
            self.holdings[at].roll = None;
        }
        let ticks = self.holdings[at].reach_of(exit.cause);
        let holding = self.holdings[at];
        let refused = |holding: &mut Holding, now| holding.refused(exit, now);
        let (side, now) = (holding.exit_side(), self.now);
        let Some((touch, tick)) = self.touch_of(holding.key()) else {
            return refused(&mut self.holdings[at], now);
        };
        let quote = Quote {
            bid: touch.bid,
            ask: touch.ask,
        };
        let entry = Entry::marketable(side, quote, ticks, &tick);
        let Some(entry) = entry.filter(|_| self.may_ask()) else {
            return refused(&mut self.holdings[at], now);
        };
        let mut intent = Intent {
            side,
            quantity: exit.quantity,
            price: entry.price,
            style: Style::Marketable,
            tif: Tif::Ioc,
            purpose: Purpose::Reduce,
            confidence: holding.confidence(),
            signal_id: holding.signal_id(),
            ts_event: now,
            reference: quote,
            stop: Price::UNDEFINED,
            good_for_ns: 0,
            ..holding.intent
        };
        if exit.cause == ExitCause::Ordered {
            intent.price = self.within_collar(&intent, &tick);
        }
        match self.ask(&intent, Some(*exit), &touch) {
            Some(id) => self.holdings[at].sent(id, exit.quantity),
            None => refused(&mut self.holdings[at], now),
        }
    }

    /// The price of an exit that was ordered, no farther than check 9 lets it: a round of ten ticks
    /// would be refused for most options, and a refused round sells nothing.
    fn within_collar(&self, intent: &Intent, tick: &TickRule) -> Price {
        match (self.risk.farthest_exit(intent, self.now), intent.side) {
            (Some(farthest), Side::Bid) => intent.price.min(tick.down(farthest)),
            (Some(farthest), _) => intent.price.max(tick.up(farthest)),
            (None, _) => intent.price,
        }
    }

    /// The touch of a contract as risk saw it last, and its tick.
    pub(super) fn touch_of(&self, key: BookKey) -> Option<(Touch, TickRule)> {
        let line = self.risk.line(key)?;
        let view = &line.view;
        let touch = Touch {
            bid: view.quote.bid,
            ask: view.quote.ask,
            bid_size: view.displayed[0],
            ask_size: view.displayed[1],
            ..Touch::EMPTY
        };
        Some((touch, line.contract.tick))
    }
}
