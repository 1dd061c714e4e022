//! Positions whose contract ends soon (R9): closed on the last day, before that when time takes too
//! much of the premium, or rolled to the next expiry where the rules say so.
//!
//! A roll closes the one and then opens the other, as an entry like any: risk may refuse it, and
//! then the position is simply closed.

use undertow_core::book::Books;
use undertow_core::event::Touch;
use undertow_core::gateway::Gateway;
use undertow_core::order::{Entry, Intent, MayTake, Purpose, Quote, Tif};
use undertow_core::position::{ExitCause, ExitPlan, Roll};
use undertow_core::types::{Nanos, Price, Side};

use super::Trader;
use super::entries::GOOD_FOR_NS;
use super::holding::Holding;
use crate::calendar::Day;

/// Options that expire today are closed by 15:45 (R9).
const LAST_DAY_CLOSE_MINUTE: u32 = 15 * 60 + 45;

/// When a position in a contract that expires on this day is closed at the latest.
pub(super) fn close_by(expiry: Day) -> Nanos {
    expiry.eastern_minute(LAST_DAY_CLOSE_MINUTE)
}

impl<G: Gateway> Trader<G> {
    /// Looks at every position by the days that its contract has left.
    pub(super) fn look_at_ends(&mut self) {
        let Some(today) = self.day else {
            return;
        };
        for at in 0..self.holdings.len() {
            let holding = &self.holdings[at];
            let watch = holding.watch;
            let option = self.watches[watch].chain.place(holding.key());
            let expiry = option.and_then(|option| self.watches[watch].chain.expiry(option));
            let (Some(option), Some(expiry)) = (option, expiry) else {
                continue;
            };
            let days = expiry.0 - today.0;
            let (roll_days, theta_max) = self.ends_of(holding);
            if days <= 0 {
                self.holdings[at].exits.close_no_later(close_by(expiry));
            }
            let is_near = days <= i32::try_from(roll_days).unwrap_or(i32::MAX);
            if roll_days > 0 && is_near && self.holdings[at].may_roll() {
                self.begin_roll(at, (watch, option));
            } else if days <= 0 && self.decays(watch, option, theta_max) {
                self.leave_for(at, ExitCause::Theta);
            }
        }
    }

    /// What the rules of a position say of its end.
    fn ends_of(&self, holding: &Holding) -> (u32, f64) {
        let place = usize::from(holding.intent.strategy.0);
        let rules = self.rules.get(place).map(|(rules, _)| rules);
        rules.map_or((0, f64::INFINITY), |rules| {
            (rules.roll_days, f64::from(rules.theta_max_pct) / 100.0)
        })
    }

    fn decays(&self, watch: usize, option: usize, most: f64) -> bool {
        let decay = self.watches[watch].chain.decay(option);
        decay.is_some_and(|share| share > most)
    }

    /// Asks for the exit of all that is held, if exits may be asked for.
    pub(super) fn leave_for(&mut self, at: usize, cause: ExitCause) {
        let holding = &mut self.holdings[at];
        if holding.may_exit(self.now)
            && let Some(exit) = holding.exits.close(cause)
        {
            self.leave(at, &exit);
        }
    }

    /// Closes a position that has a next contract to go to.
    fn begin_roll(&mut self, at: usize, (watch, option): (usize, usize)) {
        let key = self.holdings[at].key();
        if self.holdings[at].roll.is_none() {
            let next = self.watches[watch].chain.next(option);
            let line = self.risk.line(key);
            let roll = line.zip(next).and_then(|(line, (_, to))| {
                let mut roll = Roll::of(&line.position, &line.contract, &to)?;
                let own = self.holdings[at].held().unsigned_abs();
                roll.quantity = roll.quantity.min(u32::try_from(own).unwrap_or(u32::MAX));
                (roll.quantity > 0).then_some(roll)
            });
            self.holdings[at].roll = roll;
        }
        if self.holdings[at].roll.is_some() {
            self.leave_for(at, ExitCause::Roll);
        }
    }

    /// Opens the next contract of every position that has left the one before.
    pub(super) fn finish_rolls(&mut self, books: &Books<'_>) {
        let mut at = 0;
        while at < self.holdings.len() {
            let holding = self.holdings[at];
            match holding.roll {
                Some(roll) if holding.has_left() && self.may_ask() => {
                    self.holdings.swap_remove(at);
                    self.open_next(books, &holding, &roll);
                }
                _ => at += 1,
            }
        }
    }

    fn open_next(&mut self, books: &Books<'_>, before: &Holding, roll: &Roll) {
        let watch = before.watch;
        let to = self.watches[watch].chain.contract_of(roll.to.instrument_id);
        let Some((option, contract)) = to else {
            return;
        };
        self.take_on(books, (watch, option), &contract);
        let touch = books.get(roll.to).map_or(Touch::EMPTY, |book| book.touch());
        let quote = Quote {
            bid: touch.bid,
            ask: touch.ask,
        };
        let confidence = before.confidence();
        let entry = Entry::first(roll.open, confidence, MayTake::Yes, quote, &contract.tick);
        let Some(entry) = entry else {
            self.counters.unwanted += 1;
            self.counters.no_quote += 1;
            return;
        };
        let plan = ExitPlan {
            close_by: Nanos::UNDEFINED,
            ..*before.exits.plan()
        };
        let lost = i128::from(entry.price.0) * i128::from(plan.stop_ppm) / 1_000_000;
        let stop = i64::try_from(lost).ok().map(|lost| match roll.open {
            Side::Ask => contract.tick.up(Price(entry.price.0 + lost)),
            _ => contract.tick.down(Price(entry.price.0 - lost)),
        });
        let intent = Intent {
            contract: roll.to,
            side: roll.open,
            quantity: roll.quantity,
            price: entry.price,
            style: entry.style,
            tif: Tif::Day,
            purpose: Purpose::Open,
            ts_event: self.now,
            reference: quote,
            stop: stop.unwrap_or(Price::UNDEFINED),
            good_for_ns: GOOD_FOR_NS,
            ..before.intent
        };
        if let Some(id) = self.ask(&intent, None, &touch) {
            self.holdings.push(Holding::new(intent, watch, id, plan));
        }
    }
}
