//! Instruments of a load made options: their terms, and a time in which windows end.

use undertow_core::event::{Control, Definition, InstrumentClass, Mbo};
use undertow_core::stage::{Emit, Stage};
use undertow_core::types::{BookKey, InstrumentId, Nanos, Price, PublisherId, Text};
use undertow_feeds::databento::retime;
use undertow_feeds::replay::Replay;

/// What all of them are on.
const UNDERLYING: InstrumentId = InstrumentId(1);

/// Strikes of one expiry.
const STRIKES: u64 = 250;

const DAY_NS: u64 = 86_400_000_000_000;

/// Stretches the times of a DBN file in memory, so that its records take `span_ns` together. A load
/// lasts seconds, in which no window of a minute ends.
pub(crate) fn spread(bytes: &mut [u8], span_ns: u64) {
    let mut ends = None;
    retime(bytes, |ts_event, ts_recv| {
        ends = Some((ends.map_or(ts_event, |(first, _)| first), ts_event));
        (ts_event, ts_recv)
    });
    let Some((start, end)) = ends else {
        return;
    };
    let length = (end.0 - start.0).max(1);
    let moved = |ts: Nanos| {
        let since = u128::from(ts.0.saturating_sub(start.0));
        let since = since * u128::from(span_ns) / u128::from(length);
        Nanos(start.0 + u64::try_from(since).unwrap_or(u64::MAX))
    };
    retime(bytes, |ts_event, ts_recv| (moved(ts_event), moved(ts_recv)));
}

/// Tells a chain, before its first record, that every instrument of `bytes` is an option: calls
/// and puts in turn, strikes 25 points apart, expiries a day apart.
pub(crate) fn define<S: Stage<In = Mbo>>(chain: &mut S, bytes: &[u8]) {
    let mut replay = Replay::new([bytes]);
    replay.read_headers();
    let mut ids = Vec::new();
    while let Some(msg) = replay.pop() {
        if let undertow_core::event::Body::Control(Control::Symbol(mapping)) = msg.body {
            ids.push(mapping.instrument_id);
        } else if !ids.is_empty() {
            break;
        }
    }
    let start = Nanos(1_773_187_200_000_000_000);
    chain.on_control(&Control::Definition(underlying(start)), &mut Nowhere);
    for (place, id) in (0_u64..).zip(ids) {
        let (expiry, strike) = (place / (2 * STRIKES), place / 2 % STRIKES);
        let definition = Definition {
            key: key(id),
            class: if place.is_multiple_of(2) {
                InstrumentClass::Call
            } else {
                InstrumentClass::Put
            },
            strike: Price((21_000 + 25 * strike.cast_signed()) * Price::PER_POINT),
            expiration: Nanos(start.0 + (expiry + 1) * DAY_NS),
            underlying_id: UNDERLYING,
            ..underlying(start)
        };
        chain.on_control(&Control::Definition(definition), &mut Nowhere);
    }
}

/// The terms of a future of the load.
pub(crate) fn definition(id: InstrumentId) -> Definition {
    Definition {
        key: key(id),
        ..underlying(Nanos(1_773_187_200_000_000_000))
    }
}

fn underlying(start: Nanos) -> Definition {
    Definition {
        key: key(UNDERLYING),
        ts_recv: start,
        class: InstrumentClass::Future,
        update_action: b'A',
        strike: Price::UNDEFINED,
        expiration: Nanos(start.0 + 90 * DAY_NS),
        activation: start,
        tick: Price(Price::PER_POINT / 4),
        unit_qty: Price(20 * Price::PER_POINT),
        underlying_id: InstrumentId(0),
        asset: Text::from_bytes(b"LOAD"),
        currency: Text::from_bytes(b"USD"),
    }
}

const fn key(instrument_id: InstrumentId) -> BookKey {
    BookKey {
        instrument_id,
        publisher_id: PublisherId(1),
    }
}

/// Definitions cause no outputs.
pub(crate) struct Nowhere;

impl<T> Emit<T> for Nowhere {
    fn emit(&mut self, _output: &T) {}
}

#[cfg(test)]
mod tests {
    use crate::work::{Work, records as messages};

    #[test]
    fn records_of_the_chain_take_half_an_hour_and_none_is_lost() {
        let bytes = Work::ChainOptions.input();
        let records = messages(&bytes);
        let [first, last] = [records[0].ts_event, records[records.len() - 1].ts_event];
        assert_eq!((last.0 - first.0) / 1_000_000_000, 1_800);
        assert!(records.is_sorted_by_key(|mbo| mbo.ts_recv));
        assert_eq!(records.len() as u64, 2 * Work::ChainOptions.messages());
        let mut ids: Vec<_> = records.iter().map(|mbo| mbo.instrument_id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), 5_000);
    }
}
