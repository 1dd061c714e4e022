//! NautilusTrader: its Databento decoder and its L3 book, with 64-bit prices.

use ahash::AHashMap;
use dbn_of_nautilus::decode::{DbnDecoder, DecodeRecordRef};
use dbn_of_nautilus::{MboMsg, VersionUpgradePolicy};
use nautilus_databento::decode::decode_mbo_msg;
use nautilus_model::data::OrderBookDelta;
use nautilus_model::enums::BookType;
use nautilus_model::identifiers::InstrumentId;
use nautilus_model::orderbook::OrderBook;

use crate::bbo::Bbo;
use crate::contest::{Outcome, see, timed};
use crate::input::Input;

const PRECISION: u8 = 2;

/// Bytes to best bid and offer.
pub fn chain(input: &Input) -> Outcome {
    let mut books = books(input);
    let mut decoder = decoder(input);
    timed(|| {
        let mut sum = 0;
        while let Ok(Some(record)) = decoder.decode_record_ref() {
            let Some(mbo) = record.get::<MboMsg>() else {
                continue;
            };
            let Some(book) = books.get_mut(&mbo.hd.instrument_id) else {
                continue;
            };
            apply(book, mbo);
            sum = see(sum, bbo(book), mbo.flags.is_last());
        }
        sum
    })
}

/// The deltas of an input with their LAST flags, for the tail of one apply. A record that makes
/// no delta (a trade) is left out.
pub fn deltas(input: &Input, count: usize) -> Vec<OrderBookDelta> {
    let mut decoder = decoder(input);
    let mut deltas = Vec::with_capacity(count);
    let mut seen = 0;
    while let Ok(Some(record)) = decoder.decode_record_ref() {
        if let Some(mbo) = record.get::<MboMsg>() {
            let id = instrument_id(mbo.hd.instrument_id);
            let decoded = decode_mbo_msg(mbo, id, PRECISION, None, false);
            deltas.extend(decoded.ok().and_then(|(delta, _)| delta));
            seen += 1;
        }
        if seen == count {
            break;
        }
    }
    deltas
}

/// An empty book for the first instrument of an input.
pub fn first_book(input: &Input) -> OrderBook {
    OrderBook::new(instrument_id(input.instruments[0].id), BookType::L3_MBO)
}

/// Decodes one record and applies what it says.
#[inline]
fn apply(book: &mut OrderBook, mbo: &MboMsg) {
    let decoded = decode_mbo_msg(mbo, book.instrument_id, PRECISION, None, false);
    if let Ok((Some(delta), _)) = decoded {
        // A refused delta leaves the book as it was, which the checksum will show.
        let _ = book.apply_delta(&delta);
    }
}

/// Best prices of a book.
#[inline]
pub fn bbo(book: &OrderBook) -> Bbo {
    Bbo {
        bid: book.best_bid_price().map_or(i64::MAX, |price| price.raw),
        ask: book.best_ask_price().map_or(i64::MAX, |price| price.raw),
    }
}

/// The best bid and offer after every LAST, in order, for comparison.
pub fn bbos(input: &Input) -> Vec<Bbo> {
    let mut books = books(input);
    let mut decoder = decoder(input);
    let mut seen = Vec::new();
    while let Ok(Some(record)) = decoder.decode_record_ref() {
        let Some(mbo) = record.get::<MboMsg>() else {
            continue;
        };
        if let Some(book) = books.get_mut(&mbo.hd.instrument_id) {
            apply(book, mbo);
            if mbo.flags.is_last() {
                seen.push(bbo(book));
            }
        }
    }
    seen
}

fn books(input: &Input) -> AHashMap<u32, OrderBook> {
    let ids = input.instruments.iter().map(|instrument| instrument.id);
    ids.map(|id| (id, OrderBook::new(instrument_id(id), BookType::L3_MBO)))
        .collect()
}

fn instrument_id(id: u32) -> InstrumentId {
    InstrumentId::from(format!("I{id}.GLBX").as_str())
}

fn decoder(input: &Input) -> DbnDecoder<&[u8]> {
    DbnDecoder::with_upgrade_policy(&input.bytes[..], VersionUpgradePolicy::AsIs)
        .expect("read once already")
}
