//! What definitions said of each instrument, and which book is its: a table of fixed size.

use alloc::boxed::Box;
use core::iter::repeat_n;

use undertow_core::event::{Definition, InstrumentClass};
use undertow_core::types::{BookKey, Nanos, Price, PublisherId};

use crate::calendar::Venue;

/// CME Globex as Databento publishes it.
const GLOBEX: PublisherId = PublisherId(1);

/// No book has this number.
const NO_BOOK: u32 = u32::MAX;

/// What is known of an instrument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Terms {
    pub(super) key: BookKey,
    /// None before its definition.
    class: Option<InstrumentClass>,
    pub(super) tick: Price,
    expiration: Nanos,
    strike: Price,
    book_idx: u32,
}

impl Terms {
    const fn unknown(key: BookKey) -> Self {
        Self {
            key,
            class: None,
            tick: Price::UNDEFINED,
            expiration: Nanos::UNDEFINED,
            strike: Price::UNDEFINED,
            book_idx: NO_BOOK,
        }
    }

    /// Whether sizes are shares; else they are contracts.
    pub(super) fn is_stock(&self) -> bool {
        match self.class {
            Some(InstrumentClass::Stock) => true,
            None | Some(InstrumentClass::Other) => self.key.publisher_id != GLOBEX,
            Some(_) => false,
        }
    }

    /// Whose sessions it has.
    pub(super) fn venue(&self) -> Venue {
        if self.is_stock() {
            Venue::Nyse
        } else {
            Venue::Globex
        }
    }

    /// Whether it gets every measure: outrights do. Options have measures of their own, and
    /// spreads trade what their legs are.
    pub(super) const fn is_measured(&self) -> bool {
        match self.class {
            None => true,
            Some(class) => !matches!(
                class,
                InstrumentClass::Call
                    | InstrumentClass::Put
                    | InstrumentClass::FutureSpread
                    | InstrumentClass::OptionSpread
                    | InstrumentClass::MixedSpread
            ),
        }
    }
}

/// Terms by key: open addressing, never more than half full.
#[derive(Clone, Debug)]
pub(super) struct TermsTable {
    slots: Box<[Option<Terms>]>,
    free: usize,
}

impl TermsTable {
    /// A table for so many instruments.
    pub(super) fn new(instruments_max: usize) -> Self {
        let slots = (2 * instruments_max.max(1)).next_power_of_two();
        Self {
            slots: repeat_n(None, slots).collect(),
            free: instruments_max.max(1),
        }
    }

    /// Takes a definition in. Returns the instrument's book if its id now means another contract.
    pub(super) fn define(&mut self, definition: &Definition) -> Option<usize> {
        let terms = self.entry(definition.key)?;
        let before = *terms;
        terms.class = Some(definition.class);
        terms.tick = definition.tick;
        terms.expiration = definition.expiration;
        terms.strike = definition.strike;
        let is_other = before.class.is_some()
            && (before.class, before.expiration, before.strike)
                != (terms.class, terms.expiration, terms.strike);
        (is_other && before.book_idx != NO_BOOK).then_some(before.book_idx as usize)
    }

    /// The terms of a book that is seen for the first time.
    pub(super) fn sight(&mut self, key: BookKey, book_idx: u32) -> Terms {
        let Some(terms) = self.entry(key) else {
            return Terms::unknown(key);
        };
        terms.book_idx = book_idx;
        *terms
    }

    /// The entry of a key, made now if need be; none if the table has no room.
    fn entry(&mut self, key: BookKey) -> Option<&mut Terms> {
        let mask = self.slots.len() - 1;
        let bits = u64::from(key.instrument_id.0) << 16 | u64::from(key.publisher_id.0);
        let mut place = (bits.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32) as usize & mask;
        while self.slots[place].is_some_and(|terms| terms.key != key) {
            place = (place + 1) & mask;
        }
        let slot = &mut self.slots[place];
        if slot.is_none() {
            self.free = self.free.checked_sub(1)?;
        }
        Some(slot.get_or_insert(Terms::unknown(key)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use undertow_core::types::{InstrumentId, Text};

    fn definition(id: u32, class: InstrumentClass, expiration: u64) -> Definition {
        Definition {
            key: key(id),
            ts_recv: Nanos(1),
            class,
            update_action: b'A',
            strike: Price::UNDEFINED,
            expiration: Nanos(expiration),
            activation: Nanos(1),
            tick: Price(250_000_000),
            unit_qty: Price(20_000_000_000),
            underlying_id: InstrumentId(0),
            asset: Text::from_bytes(b"NQ"),
            currency: Text::from_bytes(b"USD"),
        }
    }

    const fn key(id: u32) -> BookKey {
        BookKey {
            instrument_id: InstrumentId(id),
            publisher_id: PublisherId(1),
        }
    }

    #[test]
    fn id_that_means_another_contract_names_its_book() {
        let mut table = TermsTable::new(4);
        let future = InstrumentClass::Future;
        assert_eq!(table.define(&definition(7, future, 1)), None);
        assert_eq!(table.sight(key(7), 3).tick, Price(250_000_000));
        assert_eq!(table.define(&definition(7, future, 1)), None);
        assert_eq!(table.define(&definition(7, future, 2)), Some(3));
        assert!(!table.sight(key(8), 4).is_stock(), "Globex has none");
        assert_eq!(
            table.define(&definition(8, future, 2)),
            None,
            "now it is known"
        );
    }

    #[test]
    fn table_that_is_full_knows_nothing_of_more() {
        let mut table = TermsTable::new(2);
        for id in 1..=3 {
            table.define(&definition(id, InstrumentClass::Call, 1));
        }
        assert!(!table.sight(key(1), 0).is_measured());
        assert!(!table.sight(key(2), 1).is_measured());
        assert!(
            table.sight(key(3), 2).is_measured(),
            "its class is not known"
        );
    }
}
