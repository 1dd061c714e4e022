//! Volumes of VPIN buckets by symbol, as discovered, for a stage that knows instruments by id.
//!
//! Names come once, before the records; what they mean is kept by id and span of time, in room laid
//! out at construction. What has no bucket of its own has the general one.

use alloc::boxed::Box;
use alloc::vec::Vec;

use undertow_core::event::SymbolMapping;
use undertow_core::types::{BookKey, InstrumentId, Nanos, Text};

/// Spans that are kept for each symbol: its id may change from day to day.
const SPANS_PER_SYMBOL: usize = 16;

/// An id with a bucket of its own, for a span of time.
#[derive(Clone, Copy, Debug)]
struct Known {
    instrument_id: InstrumentId,
    start: Nanos,
    end: Nanos,
    bucket: u64,
}

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Buckets {
    general: u64,
    of_symbol: Box<[(Text<71>, u64)]>,
    known: Vec<Known>,
}

impl Buckets {
    pub(super) fn new(general: u64, of_symbol: &[(Text<71>, u64)]) -> Self {
        Self {
            general,
            of_symbol: of_symbol.into(),
            known: Vec::with_capacity(of_symbol.len() * SPANS_PER_SYMBOL),
        }
    }

    /// Learns a name. Beyond the room laid out it is not kept.
    pub(super) fn note(&mut self, mapping: &SymbolMapping) {
        let symbol = mapping.symbol.as_str();
        let found = self.of_symbol.iter().find(|(of, _)| of.as_str() == symbol);
        if let Some((_, bucket)) = found
            && self.known.len() < self.known.capacity()
        {
            self.known.push(Known {
                instrument_id: mapping.instrument_id,
                start: mapping.start,
                end: mapping.end,
                bucket: *bucket,
            });
        }
    }

    /// Volume of a bucket of this instrument at `now`; of several names the last one counts.
    pub(super) fn of(&self, key: BookKey, now: Nanos) -> u64 {
        let is_it = |known: &&Known| {
            known.instrument_id == key.instrument_id && known.start <= now && now < known.end
        };
        let known = self.known.iter().rev().find(is_it);
        known.map_or(self.general, |known| known.bucket)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use undertow_core::types::PublisherId;

    fn mapping(id: u32, symbol: &str, [start, end]: [u64; 2]) -> SymbolMapping {
        SymbolMapping {
            instrument_id: InstrumentId(id),
            start: Nanos(start),
            end: Nanos(end),
            symbol: Text::from_bytes(symbol.as_bytes()),
        }
    }

    const fn key(id: u32) -> BookKey {
        BookKey {
            instrument_id: InstrumentId(id),
            publisher_id: PublisherId(1),
        }
    }

    #[test]
    fn symbol_has_its_bucket_while_the_id_is_its_own() {
        let of_symbol = [(Text::from_bytes(b"NQH6"), 75)];
        let mut buckets = Buckets::new(500, &of_symbol);
        buckets.note(&mapping(7, "NQH6", [10, 20]));
        buckets.note(&mapping(8, "NQH6 C24800", [10, 20]));
        let at = [9, 10, 19, 20].map(|now| buckets.of(key(7), Nanos(now)));
        assert_eq!(at, [500, 75, 75, 500]);
        assert_eq!(buckets.of(key(8), Nanos(15)), 500, "another symbol");
        buckets.note(&mapping(9, "NQH6", [20, u64::MAX]));
        assert_eq!(buckets.of(key(9), Nanos(1 << 60)), 75);
    }

    #[test]
    fn room_for_names_does_not_grow() {
        let mut buckets = Buckets::new(500, &[(Text::from_bytes(b"A"), 7)]);
        let room = buckets.known.capacity();
        for id in 0..1_000 {
            buckets.note(&mapping(id, "A", [0, u64::MAX]));
        }
        assert_eq!(buckets.known.capacity(), room);
        assert_eq!(buckets.of(key(0), Nanos(1)), 7);
        assert_eq!(buckets.of(key(999), Nanos(1)), 500);
    }
}
