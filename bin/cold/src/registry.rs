//! Names and terms of instruments, as the feed told them.
//!
//! An id may name one contract today and another after expiry, so a name is looked up by id
//! **and** time.

use std::collections::HashMap;

use undertow_core::event::{Control, Definition, InstrumentClass, SymbolMapping};
use undertow_core::types::{BookKey, InstrumentId, Nanos};

/// Everything known about instruments so far.
#[derive(Clone, Debug, Default)]
pub struct Registry {
    symbols: HashMap<InstrumentId, Vec<SymbolMapping>>,
    definitions: HashMap<BookKey, Definition>,
}

impl Registry {
    /// Takes note of a control message; others than definitions and symbols say nothing here.
    pub fn note(&mut self, control: &Control) {
        match control {
            Control::Definition(definition) => {
                self.definitions.insert(definition.key, *definition);
            }
            Control::Symbol(mapping) => {
                let known = self.symbols.entry(mapping.instrument_id).or_default();
                if !known.contains(mapping) {
                    known.push(*mapping);
                }
            }
            _ => {}
        }
    }

    /// The symbol of an id at a time; the latest one known if none covers it.
    #[must_use]
    pub fn symbol(&self, id: InstrumentId, at: Nanos) -> Option<&str> {
        let known = self.symbols.get(&id)?;
        let covers = |mapping: &&SymbolMapping| {
            mapping.start <= at && (!mapping.end.is_defined() || at < mapping.end)
        };
        let mapping = known.iter().rev().find(covers).or_else(|| known.last())?;
        Some(mapping.symbol.as_str())
    }

    /// The symbol, or the id where no symbol is known.
    #[must_use]
    pub fn name(&self, key: BookKey, at: Nanos) -> String {
        let symbol = self.symbol(key.instrument_id, at);
        symbol.map_or_else(|| format!("id {}", key.instrument_id.0), str::to_owned)
    }

    /// Ids that bear this symbol at some time, or whose number it is.
    #[must_use]
    pub fn find(&self, wanted: &str) -> Vec<InstrumentId> {
        let bears = |mappings: &[SymbolMapping]| {
            mappings
                .iter()
                .any(|mapping| mapping.symbol.as_str().eq_ignore_ascii_case(wanted))
        };
        let by_symbol = self.symbols.iter().filter(|(_, mappings)| bears(mappings));
        let mut ids: Vec<_> = by_symbol.map(|(id, _)| *id).collect();
        if let Ok(number) = wanted.parse() {
            ids.push(InstrumentId(number));
        }
        ids.sort_unstable();
        ids.dedup();
        ids
    }

    /// The terms of an instrument.
    #[must_use]
    pub fn definition(&self, key: BookKey) -> Option<&Definition> {
        self.definitions.get(&key)
    }

    /// Number of instruments with terms, and how many of those are options.
    #[must_use]
    pub fn counts(&self) -> (usize, usize) {
        let is_option = |definition: &&Definition| {
            matches!(
                definition.class,
                InstrumentClass::Call | InstrumentClass::Put
            )
        };
        (
            self.definitions.len(),
            self.definitions.values().filter(is_option).count(),
        )
    }

    /// Number of ids with a symbol.
    #[must_use]
    pub fn symbol_count(&self) -> usize {
        self.symbols.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use undertow_core::types::Text;

    fn mapping(start: u64, end: u64, symbol: &str) -> Control {
        Control::Symbol(SymbolMapping {
            instrument_id: InstrumentId(7),
            start: Nanos(start),
            end: Nanos(end),
            symbol: Text::from_bytes(symbol.as_bytes()),
        })
    }

    #[test]
    fn symbol_of_a_reused_id_depends_on_time() {
        let mut registry = Registry::default();
        registry.note(&mapping(10, 20, "NQZ5"));
        registry.note(&mapping(20, u64::MAX, "NQH6"));
        let symbol = |at| registry.symbol(InstrumentId(7), Nanos(at));
        assert_eq!(symbol(10), Some("NQZ5"));
        assert_eq!(symbol(19), Some("NQZ5"));
        assert_eq!(symbol(20), Some("NQH6"));
        assert_eq!(registry.symbol(InstrumentId(8), Nanos(20)), None);
        assert_eq!(registry.find("nqz5"), [InstrumentId(7)]);
        assert_eq!(registry.find("7"), [InstrumentId(7)]);
        assert!(registry.find("ES").is_empty());
    }
}
