//! What is due as time passes: the account, the day, the chain's turns, exits by the clock, and
//! the rules that are to be looked at again. Time is that of events, in ticks of 100 ms.

use undertow_core::book::Books;
use undertow_core::gateway::Gateway;
use undertow_core::money::{Money, PPM};
use undertow_core::risk::{Command, Context, Gate};
use undertow_core::types::Nanos;

use super::chain::CADENCE_NS;
use super::event::{Decided, TradeEvent};
use super::speech::Item;
use super::tally::Curve;
use super::{Trader, house};
use crate::calendar::Venue;
use crate::decide::moment::Moment;
use crate::decide::validate::Conditions;
use crate::decide::{Decision, Outcome};
use crate::portfolio_risk::ppm_down;

/// What is due is looked at so often, by event time: 100 ms.
const TICK_NS: u64 = 100_000_000;

/// Ticks between two looks at the account.
const ACCOUNT_TICKS: u64 = 10;

/// Ticks between two digests.
const CHECKPOINT_TICKS: u64 = 600;

impl<G: Gateway> Trader<G> {
    #[cold]
    pub(super) fn tick(&mut self, books: &Books<'_>) {
        if self.recovery.is_catching_up(self.now) {
            return self.catch_up();
        }
        let is_first = self.ticks == 0;
        self.tick_at = Nanos(self.now.0.saturating_add(TICK_NS));
        self.ticks += 1;
        self.turn_day();
        if self.has_past() {
            self.begin_again(books);
        }
        self.pass_minutes();
        if is_first || self.ticks.is_multiple_of(ACCOUNT_TICKS) {
            let told = (&self.told, self.day);
            house::tell_account(&mut self.risk, &self.settings, told, self.now);
            self.tell_held();
            self.tighten_stops();
            self.look_at_ends();
            self.tell_kept();
            if let Some(equity) = self.risk.equity() {
                self.curve.get_or_insert(Curve::new(equity)).add(equity);
            }
        }
        if self.ticks.is_multiple_of(CHECKPOINT_TICKS) {
            self.checkpoint();
        }
        self.refresh_chains();
        self.let_time_pass(books);
        self.settle_what_expired();
        self.finish_rolls(books);
        self.close_what_is_ordered();
        self.close_what_is_due();
        self.give_up_asking();
        self.evaluate(books);
    }

    /// What an earlier run has seen is seen again, and nothing follows from it. The last minute's
    /// volatility is kept for the breaker: until it is told, no entry is let through.
    fn catch_up(&mut self) {
        self.tick_at = Nanos(self.now.0.saturating_add(TICK_NS));
        for at in 0..self.watches.len() {
            if let Some(volatility) = self.pass_minute(at) {
                self.recovery.volatility = Some(volatility);
            }
        }
        self.refresh_chains();
    }

    fn refresh_chains(&mut self) {
        let ticks = (CADENCE_NS / TICK_NS) as usize;
        for watch in &mut self.watches {
            let spot = watch.spot();
            let turns = watch.chain.turns(ticks);
            watch.chain.pass(self.now, &self.calendar);
            watch
                .chain
                .refresh(turns, spot, self.now, self.settings.search);
        }
    }

    /// A new trading day: what the venue and the rules allow.
    fn turn_day(&mut self) {
        let Ok(day) = self.calendar.trading_day(Venue::Globex, self.now) else {
            return;
        };
        // On the day of the last turn this changes nothing. While a position has no mark the day
        // cannot turn, so that it is asked again.
        if let Ok(day) = u32::try_from(day.0) {
            let ended = self.risk.kept();
            if self.risk.new_day(day, Money::ZERO, self.now) {
                self.told.earned(ended.day, ended.day_earned);
            }
        }
        if self.day == Some(day) {
            return;
        }
        let venue = Some((self.settings.mode, self.settings.account));
        self.risk.on_context(&Context::Venue(venue), self.now);
        house::tell_day(&mut self.risk, &self.calendar, day, &self.rules, self.now);
        if let Ok(Some(session)) = self.calendar.session(Venue::Globex, day) {
            self.gateway.begin_session(session.close);
        }
        if self.day.is_some() {
            for watch in &mut self.watches {
                watch.chain.begin_session();
            }
        }
        self.day = Some(day);
    }

    /// Bars that are over, and the market's last minute for its breaker (R2).
    fn pass_minutes(&mut self) {
        for at in 0..self.watches.len() {
            if let Some(volatility) = self.pass_minute(at) {
                self.risk.on_context(&volatility, self.now);
            }
        }
    }

    /// Bars of one underlying that are over. The breaker looks at one market: the first product's.
    fn pass_minute(&mut self, at: usize) -> Option<Context> {
        let z = self.watches[at].pass(self.now)?;
        let z = ppm_down(z.abs()).filter(|_| at == 0)?;
        Some(Context::Volatility(z, self.now))
    }

    /// Greeks of the contracts that are traded.
    pub(super) fn tell_held(&mut self) {
        for watch in &mut self.watches {
            for nth in 0..watch.chain.traded_count() {
                let Some(at) = watch.chain.nth_traded(nth) else {
                    break;
                };
                let spot = watch.spot();
                watch.chain.turn(at, spot, self.now, self.settings.search);
                if let (Some(key), Some(greeks)) = (watch.chain.key(at), watch.chain.dollars(at)) {
                    self.risk
                        .on_context(&Context::Greeks(key, greeks), self.now);
                }
            }
        }
    }

    /// Far below the highest equity, stops come nearer (R4).
    pub(super) fn tighten_stops(&mut self) {
        let Some(rung) = self.risk.drawdown().filter(|rung| rung.stop_ppm() < PPM) else {
            return;
        };
        for holding in &mut self.holdings {
            holding.exits.tighten(rung.stop_ppm());
        }
    }

    /// What is held of a contract that has expired is worth its intrinsic value (N16). It waits
    /// for a price of the underlying.
    pub(super) fn settle_what_expired(&mut self) {
        let mut at = 0;
        while at < self.holdings.len() {
            let holding = &self.holdings[at];
            let (key, watch) = (holding.key(), &self.watches[holding.watch]);
            let is_over = self
                .risk
                .line(key)
                .is_some_and(|line| line.contract.expiry <= self.now);
            let worth = watch
                .chain
                .place(key)
                .zip(watch.last)
                .and_then(|(option, last)| watch.chain.intrinsic(option, last.value));
            if let (true, Some(price)) = (is_over, worth)
                && let Some(held) = self.risk.settle(key, price, None)
            {
                self.holdings.swap_remove(at);
                self.say(TradeEvent::Settled(key, price, held), None);
            } else {
                at += 1;
            }
        }
    }

    /// Orders without an answer, entries that were good for a time, latency on its way back.
    fn let_time_pass(&mut self, books: &Books<'_>) {
        let (queue, now) = (&mut self.queue, self.now);
        self.risk.on_time(now, &mut |cancel| {
            let cancelled = TradeEvent::Cancelled(cancel, now);
            queue.push(Item::new(cancelled, Some(Command::Cancel(cancel))));
        });
        if !self.gateway.is_idle() {
            let reports = &mut self.reports;
            self.gateway
                .on_time(books, now, &mut |report| reports.push(*report));
            self.take_reports();
        }
    }

    fn evaluate(&mut self, books: &Books<'_>) {
        let mut moment = None;
        for place in 0..self.rules.len() {
            let is_asking = self.asking[place].is_some();
            if self.now < self.due[place] || is_asking || !self.may_ask() {
                continue;
            }
            let Some((at, decision)) = self.decided(place, &mut moment) else {
                continue;
            };
            let is_debug = matches!(decision.outcome, Outcome::Debug(_) | Outcome::Skipped(_));
            if is_debug {
                continue;
            }
            let (touch, depth) = self.watches[at].book();
            let decided = Decided {
                place,
                decision,
                touch,
                depth,
            };
            self.settle(books, decided);
        }
    }

    /// Evaluates a rule set, and says when it is to be looked at next.
    /// What the calendar says of now is worked out once for all of them.
    fn decided(&mut self, place: usize, moment: &mut Option<Moment>) -> Option<(usize, Decision)> {
        let (rules, at) = &self.rules[place];
        let asks = rules.rule.ev_rules();
        let outlook = asks.and_then(|asks| self.watches[*at].outlook(&asks, self.now));
        let watch = &self.watches[*at];
        let moment = match moment {
            Some(moment) => moment,
            None => moment.insert(Moment::of(&self.calendar, Venue::Nyse, self.now).ok()?),
        };
        let conditions = Conditions {
            trust: watch.trust,
            is_halted: watch.is_trading == Some(false) || self.risk.halted().gate != Gate::Open,
            is_disabled: self.disabled[place],
        };
        let mut features = watch.features(rules.bar_minutes, self.now);
        features.outlook = outlook;
        let decision = self.decide.evaluate(place, &features, &conditions, moment);
        self.due[place] = Nanos(self.now.0.saturating_add(rules.refresh_min_ns));
        Some((*at, decision?))
    }
}
