//! What is listed, and whose records concern whom.
//!
//! Of each product the contract that expires next is watched, and the options on it are its
//! chain. A definition that comes before its underlying's waits for it.

use undertow_core::contract::{Contract, ContractKind, PriceSign};
use undertow_core::event::{BookUpdate, Definition, InstrumentClass, Statistic, Status};
use undertow_core::gateway::Gateway;
use undertow_core::types::Action;

use super::watch::Watch;
use super::{Place, Trader, settings};
use crate::ifd::desk::Signal as Found;

impl<G: Gateway> Trader<G> {
    #[cold]
    pub(super) fn define(&mut self, definition: &Definition) {
        match definition.class {
            InstrumentClass::Future | InstrumentClass::Stock => self.define_underlying(definition),
            InstrumentClass::Call | InstrumentClass::Put => self.define_option(definition),
            _ => {}
        }
    }

    /// The contract of a product that expires next is watched.
    fn define_underlying(&mut self, definition: &Definition) {
        let is_its = |product: &settings::Product| product.asset == definition.asset;
        let Some(at) = self.settings.products.iter().position(is_its) else {
            return;
        };
        let Ok(contract) = Contract::from_definition(definition, None, PriceSign::Positive) else {
            self.counters.refused += 1;
            return;
        };
        let is_over = contract.expiry.is_defined() && contract.expiry <= self.now;
        let known = self.watches[at].contract;
        if is_over || known.is_some_and(|known| known.expiry <= contract.expiry) {
            return;
        }
        self.watches[at].turn_to(&contract);
        for role in &mut self.roles {
            role.place = Place::Unseen;
        }
        self.claim(at, &contract);
    }

    /// Options on it that were defined before it.
    fn claim(&mut self, at: usize, underlying: &Contract) {
        let (chain, calendar) = (&mut self.watches[at].chain, &self.calendar);
        let refused = &mut self.counters.refused;
        self.unclaimed.retain(|definition| {
            let is_its = definition.underlying_id == underlying.key.instrument_id;
            if is_its && is_adjusted(definition, Some(underlying)) {
                *refused += 1;
            } else if is_its {
                chain.define(definition, calendar);
            }
            !is_its
        });
    }

    fn define_option(&mut self, definition: &Definition) {
        let underlying = definition.underlying_id;
        let is_its = |watch: &&mut Watch| {
            let contract = watch.contract.as_ref();
            contract.is_some_and(|contract| contract.key.instrument_id == underlying)
        };
        if let Some(watch) = self.watches.iter_mut().find(is_its) {
            if is_adjusted(definition, watch.contract.as_ref()) {
                self.counters.refused += 1;
            } else {
                watch.chain.define(definition, &self.calendar);
            }
        } else if self.unclaimed.len() < self.unclaimed.capacity() {
            self.unclaimed.push(*definition);
        } else {
            self.counters.refused += 1;
        }
    }

    pub(super) fn statistic(&mut self, statistic: &Statistic) {
        for watch in &mut self.watches {
            if let Some(at) = watch.chain.place(statistic.key) {
                watch.chain.statistic(at, statistic);
                return;
            }
        }
    }

    /// A book's first record since the listing changed.
    #[cold]
    pub(super) fn sight(&mut self, update: &BookUpdate) {
        let key = update.mbo.key();
        let mut place = Place::Nowhere;
        for (at, watch) in self.watches.iter().enumerate() {
            let at = at as u16;
            if watch.is_of(key) {
                place = Place::Watch(at);
            } else if let Some(option) = watch.chain.place(key) {
                place = Place::Option(at, option as u32);
            }
        }
        self.roles[update.book_idx as usize].place = place;
        match place {
            Place::Watch(at) => {
                self.watches[usize::from(at)].sighted(update.book_idx);
                self.watch(usize::from(at), update);
            }
            Place::Option(at, option) => {
                let chain = &mut self.watches[usize::from(at)].chain;
                chain.sighted(option as usize, update.book_idx);
                chain.quote(option as usize, &update.touch, update.trust, self.now);
            }
            Place::Unseen | Place::Nowhere => {}
        }
    }

    /// A record of an underlying.
    #[inline(always)]
    pub(super) fn watch(&mut self, at: usize, update: &BookUpdate) {
        if let Some(watch) = self.watches.get_mut(at) {
            watch.observe(update, self.now);
        }
        if update.mbo.action == Action::Trade && !self.holdings.is_empty() {
            self.look_at_underlying(at, update.mbo.price);
        }
    }

    pub(super) fn watch_of(&self, signal: &Found) -> Option<usize> {
        let underlying = signal.contract.underlying?;
        self.watches
            .iter()
            .position(|watch| watch.is_of(underlying))
    }

    pub(super) fn note_status(&mut self, status: &Status) {
        self.risk.on_status(status);
        for watch in &mut self.watches {
            if watch.is_of(status.key) {
                watch.is_trading = status.is_trading;
            } else if let Some(at) = watch.chain.place(status.key) {
                watch.chain.note_status(at, status);
            }
        }
    }
}

/// Whether an option's terms were adjusted after a split or a merger, which on shares a digit at the
/// end of its root says. What it delivers is not among its terms, and on the same strike and day
/// there is one that was not adjusted, so it is no part of a chain.
fn is_adjusted(definition: &Definition, underlying: Option<&Contract>) -> bool {
    let is_on_shares = underlying.is_some_and(|it| it.kind == ContractKind::Stock);
    let root = definition.asset.as_str().as_bytes();
    is_on_shares && root.last().is_some_and(u8::is_ascii_digit)
}
