//! Any operations on the books: no panic, and every invariant holds after each of them.
//!
//! Eight bytes make an operation. Ids, prices and instruments are drawn from few values, so that
//! operations meet; now and then a value is extreme. The limits are so small that they are met.
#![no_main]

use bumpalo::Bump;
use libfuzzer_sys::fuzz_target;
use undertow_core::book::{BookLimits, Books};
use undertow_core::event::{Control, FeedNotice, Mbo, RecordHeader, Suspicion, Touch};
use undertow_core::types::{Action, Flags, InstrumentId, Nanos, OrderId, Price, PublisherId, Side};

fuzz_target!(|input: &[u8]| {
    let limits = BookLimits {
        instruments_max: 4,
        orders_max: 64,
        book_orders_max: 40,
        pages_max: 24,
        side_pages_max: 8,
        ..BookLimits::default()
    };
    let bump = Bump::new();
    let mut books = Books::new_in(&bump, &limits).expect("the limits are sound");
    for (place, operation) in input.as_chunks::<8>().0.iter().enumerate() {
        let mbo = mbo(operation, place as u64 + 1);
        match operation[7] {
            0..=239 => {
                books.apply(&mbo);
            }
            240..=247 => {
                books.apply_quote(&mbo, &touch(operation));
            }
            kind => books.control(&control(&mbo, kind)),
        }
        for book in books.iter() {
            if let Err(violation) = book.check() {
                panic!("after operation {place}, {operation:?}: {violation}");
            }
        }
    }
});

fn mbo(operation: &[u8; 8], time: u64) -> Mbo {
    let [kind, id, price, size, flags, instrument, side, _] = *operation;
    Mbo {
        header: RecordHeader::UNSET,
        ts_event: Nanos(time),
        ts_recv: if kind & 0x80 == 0 {
            Nanos(time)
        } else {
            Nanos::UNDEFINED
        },
        order_id: OrderId(u64::from(id % 48)),
        price: match price {
            0 => Price::UNDEFINED,
            1 => Price(i64::MIN),
            2 => Price(i64::MAX - 1),
            _ => Price(i64::from(price) * 250_000_000),
        },
        size: if size == u8::MAX {
            u32::MAX
        } else {
            u32::from(size % 16)
        },
        sequence: u32::try_from(time).unwrap_or(u32::MAX),
        ts_in_delta: 0,
        instrument_id: InstrumentId(u32::from(instrument % 5)),
        publisher_id: PublisherId(u16::from(instrument / 128)),
        flags: Flags(flags),
        action: Action::ALL[usize::from(kind) % Action::ALL.len()],
        side: [Side::Bid, Side::Ask, Side::Bid, Side::Ask, Side::None][usize::from(side) % 5],
        channel_id: 0,
    }
}

fn touch(operation: &[u8; 8]) -> Touch {
    let [_, _, price, size, _, _, side, _] = *operation;
    let at = |add: i64| Price((i64::from(price) + add) * 250_000_000);
    Touch {
        bid: if side & 0x40 == 0 {
            at(0)
        } else {
            Price::UNDEFINED
        },
        ask: if side & 0x80 == 0 {
            at(1)
        } else {
            Price::UNDEFINED
        },
        bid_size: u64::from(size),
        ask_size: u64::from(size),
        bid_count: 1,
        ask_count: 1,
    }
}

fn control(mbo: &Mbo, kind: u8) -> Control {
    match kind {
        248 => Control::Feed(FeedNotice::Reconnected),
        249 => Control::Feed(FeedNotice::Skipped),
        250 => Control::Feed(FeedNotice::Fatal(255)),
        251 => Control::Suspect(mbo.key(), Suspicion::UnknownSide),
        252 => Control::Feed(FeedNotice::ReplayCompleted),
        _ => Control::Suspect(mbo.key(), Suspicion::UnknownAction),
    }
}
