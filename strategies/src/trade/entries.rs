//! Entries: a signal becomes an intent, and the intent an order if risk lets it (R1, R6, R8).
//!
//! Options only: a long signal buys a call, a short one a put.

use undertow_core::book::Books;
use undertow_core::contract::Contract;
use undertow_core::event::{BookUpdate, Control, Touch};
use undertow_core::gateway::Gateway;
use undertow_core::money::{Money, PPM};
use undertow_core::order::{
    ClientOrderId, Confidence, Entry, Intent, MayTake, Purpose, Quote, SignalId, StrategyId, Tif,
};
use undertow_core::position::{BrokerView, Exit, ExitPlan, Gauge};
use undertow_core::risk::{Context, Order, Sizing};
use undertow_core::types::{BookKey, Nanos, Price, Side};

use super::Trader;
use super::ending::close_by;
use super::event::TradeEvent;
use super::holding::Holding;
use super::settings::{exits, horizon};
use crate::decide::card::Direction;
use crate::decide::rules::Strategy;
use crate::decide::signal::Signal;

/// Entries are cancelled when they have not filled in so long (R8).
pub(super) const GOOD_FOR_NS: u64 = 60_000_000_000;

const GOOD_FOR_ZERO_DTE_NS: u64 = 30_000_000_000;

/// Why a signal became no intent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unwanted {
    Quote,
    Size,
}

impl<G: Gateway> Trader<G> {
    /// A signal becomes an intent, if there is a quote and a size for it.
    pub(super) fn follow(
        &mut self,
        books: &Books<'_>,
        (at, place): (usize, usize),
        signal: &Signal,
    ) {
        if self.holdings.len() >= self.settings.holdings_max {
            self.counters.unwanted += 1;
            self.counters.no_room += 1;
            return;
        }
        let id = signal.contract.listing.instrument_id;
        let Some((option, contract)) = self.watches[at].chain.contract_of(id) else {
            self.counters.unwanted += 1;
            return;
        };
        self.take_on(books, (at, option), &contract);
        let touch = books
            .get(contract.key)
            .map_or(Touch::EMPTY, |book| book.touch());
        match self.entry(place, signal, &contract, &touch) {
            Ok(intent) => self.enter(at, signal, &intent, &touch),
            Err(why) => {
                self.counters.unwanted += 1;
                match why {
                    Unwanted::Quote => self.counters.no_quote += 1,
                    Unwanted::Size => self.counters.no_size += 1,
                }
            }
        }
    }

    /// Risk takes the contract on, and is told what is known of it.
    pub(super) fn take_on(
        &mut self,
        books: &Books<'_>,
        (at, option): (usize, usize),
        contract: &Contract,
    ) {
        if self.risk.line(contract.key).is_none() {
            if self.risk.register(contract).is_err() || !self.gateway.register(contract) {
                // Check 3 refuses what is not known; nothing else follows from it here.
                self.risk.forbid(contract.key);
                return;
            }
            self.say(TradeEvent::Listed(*contract), None);
            // Both are told what the venue said before they knew of it.
            if let Some(status) = self.watches[at].chain.status(option) {
                self.risk.on_status(&status);
                self.gateway.on_control(&Control::Status(status));
            }
            self.told.tell_again(&mut self.risk, self.now);
            // The paper account began flat, and nobody else trades in it.
            self.risk.reconcile(contract.key, BrokerView::Held(0));
        }
        let chain = &mut self.watches[at].chain;
        if let Some(book_idx) = chain.trade(option) {
            self.roles[book_idx as usize].is_traded = true;
        }
        let now = self.now;
        if let Some(volume) = chain.volume(option) {
            self.risk
                .on_context(&Context::Volume(contract.key, volume), now);
        }
        let spot = self.watches[at].spot();
        let chain = &mut self.watches[at].chain;
        chain.turn(option, spot, now, self.settings.search);
        if let Some(greeks) = chain.dollars(option) {
            self.risk
                .on_context(&Context::Greeks(contract.key, greeks), now);
        }
        if let Some(book) = books.get(contract.key) {
            let mut update = BookUpdate {
                touch: book.touch(),
                trust: book.trust(),
                ..BookUpdate::default()
            };
            update.mbo.instrument_id = contract.key.instrument_id;
            update.mbo.publisher_id = contract.key.publisher_id;
            update.mbo.ts_event = book.ts_event();
            self.risk.observe(&update);
        }
    }

    /// Price, type and size of an entry (R1, R8). Long signals buy calls, short ones puts.
    fn entry(
        &self,
        place: usize,
        signal: &Signal,
        contract: &Contract,
        touch: &Touch,
    ) -> Result<Intent, Unwanted> {
        let quote = Quote {
            bid: touch.bid,
            ask: touch.ask,
        };
        let confidence = Confidence::from_points(signal.confidence.min(100));
        let confidence = confidence.unwrap_or(Confidence::MAX);
        let is_zero_dte = signal.strategy == Strategy::ZeroDte;
        let may_take = if is_zero_dte {
            MayTake::No
        } else {
            MayTake::Yes
        };
        let entry = Entry::first(Side::Bid, confidence, may_take, quote, &contract.tick);
        let entry = entry.ok_or(Unwanted::Quote)?;
        let equity = self.risk.equity().unwrap_or(Money::ZERO);
        let sizing = Sizing {
            equity,
            buying_power: equity.part(self.settings.buying_power_ppm),
            confidence,
            factor_ppm: self.risk.size_factor_ppm(),
            share_max_ppm: Some(self.risk.limits().position_share_ppm),
        };
        let quantity = sizing.quantity(contract, entry.price, horizon(signal.strategy));
        let quantity = quantity.min(self.most(contract.key, touch));
        if quantity == 0 {
            return Err(Unwanted::Size);
        }
        let plan = exits(signal.strategy);
        let lost = i128::from(entry.price.0) * i128::from(plan.stop_ppm) / 1_000_000;
        Ok(Intent {
            contract: contract.key,
            side: Side::Bid,
            quantity,
            price: entry.price,
            style: entry.style,
            tif: Tif::Day,
            purpose: Purpose::Open,
            confidence,
            signal_id: SignalId(u64::from_be_bytes(signal.identity.id.0)),
            strategy: StrategyId(u8::try_from(place).unwrap_or(u8::MAX)),
            ts_event: signal.at,
            reference: quote,
            stop: i64::try_from(lost).map_or(Price::UNDEFINED, |lost| {
                contract.tick.down(Price(entry.price.0 - lost))
            }),
            data_cost: Money::ZERO,
            good_for_ns: if is_zero_dte {
                GOOD_FOR_ZERO_DTE_NS
            } else {
                GOOD_FOR_NS
            },
        })
    }

    /// The most contracts of one entry that limits of size and liquidity let through (R6).
    fn most(&self, key: BookKey, touch: &Touch) -> u32 {
        let limits = self.risk.limits();
        let share = |of: i64, ppm: i64| i128::from(of) * i128::from(ppm) / i128::from(PPM);
        let displayed = i64::try_from(touch.ask_size).unwrap_or(i64::MAX);
        let volume = self.risk.line(key).and_then(|line| line.volume);
        let most = i128::from(limits.order_quantity_max)
            .min(i128::from(limits.position_quantity_max))
            .min(share(displayed, limits.displayed_ppm))
            .min(share(volume.map_or(0, i64::from), limits.volume_share_ppm));
        u32::try_from(most).unwrap_or(0)
    }

    /// Asks risk for the entry.
    fn enter(&mut self, at: usize, signal: &Signal, intent: &Intent, touch: &Touch) {
        let Some(id) = self.ask(intent, None, touch) else {
            return;
        };
        let plan = self.plan(signal);
        self.holdings.push(Holding::new(*intent, at, id, plan));
    }

    /// Exits on the premium (R9), and at the signal's levels of the underlying.
    fn plan(&self, signal: &Signal) -> ExitPlan {
        let is_today = self.day == Some(signal.contract.listing.expiry);
        ExitPlan {
            targets: signal.targets,
            gauge: Gauge::Underlying,
            underlying_stop: signal.stop,
            underlying_side: match signal.direction {
                Direction::Long => Side::Bid,
                Direction::Short => Side::Ask,
                Direction::Flat => Side::None,
            },
            close_by: if is_today {
                close_by(signal.contract.listing.expiry)
            } else {
                Nanos::UNDEFINED
            },
            ..exits(signal.strategy)
        }
    }

    /// Risk is told of this book's records from here on, as of those of options that are bought.
    pub fn trade(&mut self, book_idx: u32) {
        if let Some(role) = self.roles.get_mut(book_idx as usize) {
            role.is_traded = true;
        }
    }

    /// Asks risk for an order, and says what came of it. The order goes out once that was said.
    pub fn ask(
        &mut self,
        intent: &Intent,
        exit: Option<Exit>,
        touch: &Touch,
    ) -> Option<ClientOrderId> {
        let before = *self.risk.halted();
        let order = self.risk.consider(intent, self.now).ok();
        self.say_asked(intent, order.as_ref(), exit, touch);
        let after = *self.risk.halted();
        if before != after {
            self.tell_halted();
        }
        order.as_ref().map(Order::id)
    }

    /// An entry that was cancelled unfilled is tried once more, at the middle (R8).
    pub(super) fn try_again(&mut self, at: usize) {
        let intent = self.holdings[at].intent;
        let Some((touch, tick)) = self.touch_of(intent.contract) else {
            return;
        };
        let quote = Quote {
            bid: touch.bid,
            ask: touch.ask,
        };
        let Some(entry) = Entry::again(intent.side, quote, &tick) else {
            return;
        };
        let again = Intent {
            price: entry.price,
            style: entry.style,
            reference: quote,
            // It is the same entry going on (R8): what must be young now is the quote.
            ts_event: self.now,
            ..intent
        };
        if let Some(id) = self.ask(&again, None, &touch) {
            self.holdings[at].entered_again(id, again.quantity);
        }
    }
}
