//! Undertow, as its program runs it: replay, decode, books, the touch after every record.

use std::hint::black_box;

use bumpalo::Bump;
use dbn::MboMsg;
use undertow_core::book::{BookLimits, Books};
use undertow_core::event::{BookUpdate, Control, Mbo, RecordHeader, Stamp, Touch};
use undertow_core::stage::{Emit, Sink, Source, Stage, turn};
use undertow_core::types::{Action, Flags, InstrumentId, Nanos, OrderId, Price, PublisherId, Side};
use undertow_feeds::replay::Replay;

use crate::bbo::Bbo;
use crate::contest::{Outcome, mix, see, timed};
use crate::input::Input;

/// Messages of one duty cycle, as the program's default configuration has it.
const BATCH_MAX: usize = 256;

/// Bytes to best bid and offer, in the turns that a tile of the program makes.
pub fn chain(input: &Input) -> Outcome {
    chain_after(input, 0)
}

/// The same, the second half of the records only: the first fills the books.
pub fn chain_with_full_books(input: &Input) -> Outcome {
    chain_after(input, input.records.len() / 2)
}

/// Times what follows the first `untimed` messages.
fn chain_after(input: &Input, untimed: usize) -> Outcome {
    let bump = Bump::new();
    let mut books = books(&bump, input);
    let mut replay = Replay::new([&input.bytes[..]]);
    let mut seen = Seen {
        sum: 0,
        is_ended: false,
    };
    turn(&mut replay, &mut books, &mut seen, untimed);
    let outcome = timed(|| {
        while !seen.is_ended {
            turn(&mut replay, &mut books, &mut seen, BATCH_MAX);
        }
        seen.sum
    });
    assert_lossless(&books);
    outcome
}

/// A run in which the books had no room for something would be told as too good.
fn assert_lossless(books: &Books<'_>) {
    let counters = books.counters();
    let lost = counters.pool_exhausted + counters.beyond_instruments;
    assert_eq!(lost, 0, "the books were laid out too small for the input");
}

/// Decoded records to best bid and offer.
pub fn book(input: &Input) -> Outcome {
    let mbos: Vec<Mbo> = input.records.iter().map(mbo).collect();
    let bump = Bump::new();
    let mut ours = Ours::new(&bump, input);
    timed(|| {
        let mut sum = 0;
        for mbo in &mbos {
            let bbo = ours.apply(mbo);
            sum = see(sum, bbo, mbo.flags.has(Flags::LAST));
        }
        sum
    })
}

/// Bytes to typed records, as a replay hands them over.
pub fn decode(input: &Input) -> Outcome {
    let mut replay = Replay::new([&input.bytes[..]]);
    let mut mixed = Mixed {
        sum: 0,
        is_ended: false,
    };
    timed(|| {
        while !mixed.is_ended {
            replay.drain(&mut mixed, BATCH_MAX);
        }
        mixed.sum
    })
}

/// A sink that reads the fields of every record.
struct Mixed {
    sum: u64,
    is_ended: bool,
}

impl Sink<Mbo> for Mixed {
    #[inline(always)]
    fn room(&mut self) -> usize {
        usize::MAX
    }

    #[inline(always)]
    fn data(&mut self, _stamp: Stamp, mbo: &Mbo) {
        let action = mbo.action as u8;
        self.sum = mix(self.sum, mbo.order_id.0, mbo.price.0, mbo.size, action);
    }

    fn control(&mut self, _stamp: Stamp, control: &Control) {
        self.is_ended |= *black_box(control) == Control::End;
    }
}

/// Books and the touch they said last.
pub struct Ours<'a> {
    books: Books<'a>,
    last: Last,
}

impl<'a> Ours<'a> {
    /// Empty books, large enough for an input.
    pub fn new(bump: &'a Bump, input: &Input) -> Self {
        Self {
            books: books(bump, input),
            last: Last(bbo(&Touch::EMPTY)),
        }
    }

    /// Applies one record and reads the best bid and offer.
    #[inline(always)]
    pub fn apply(&mut self, mbo: &Mbo) -> Bbo {
        self.books.on_data(mbo, &mut self.last);
        self.last.0
    }
}

/// The best bid and offer of the last update.
struct Last(Bbo);

impl Emit<BookUpdate> for Last {
    #[inline(always)]
    fn emit(&mut self, update: &BookUpdate) {
        self.0 = bbo(&update.touch);
    }
}

/// The end of the chain: sees every update.
struct Seen {
    sum: u64,
    is_ended: bool,
}

impl Sink<BookUpdate> for Seen {
    #[inline(always)]
    fn room(&mut self) -> usize {
        usize::MAX
    }

    #[inline(always)]
    fn data(&mut self, _stamp: Stamp, update: &BookUpdate) {
        let is_last = update.mbo.flags.has(Flags::LAST);
        self.sum = see(self.sum, bbo(&update.touch), is_last);
    }

    fn control(&mut self, _stamp: Stamp, control: &Control) {
        self.is_ended |= *black_box(control) == Control::End;
    }
}

/// The best bid and offer after every LAST, in order, for comparison.
pub fn bbos(input: &Input) -> Vec<Bbo> {
    let bump = Bump::new();
    let mut ours = Ours::new(&bump, input);
    let mut seen = Vec::new();
    for record in &input.records {
        let bbo = ours.apply(&mbo(record));
        if record.flags.is_last() {
            seen.push(bbo);
        }
    }
    seen
}

/// Bytes of book memory that one more instrument takes, with two pages of levels. The table of
/// their keys doubles at times, so this is over a doubling of the instruments.
pub fn bytes_per_instrument() -> u64 {
    let limits = BookLimits::default();
    let twice = BookLimits {
        instruments_max: 2 * limits.instruments_max,
        pages_max: limits.pages_max + 2 * limits.instruments_max,
        ..limits.clone()
    };
    (twice.bytes() - limits.bytes()) as u64 / u64::from(limits.instruments_max)
}

/// Bytes of book memory that one more resting order takes, its place in the index included.
/// The index doubles at times, so this is over a doubling of the orders.
pub fn bytes_per_order() -> u64 {
    let limits = BookLimits::default();
    let twice = BookLimits {
        orders_max: 2 * limits.orders_max,
        book_orders_max: 2 * limits.book_orders_max,
        ..limits.clone()
    };
    (twice.bytes() - limits.bytes()) as u64 / u64::from(limits.orders_max)
}

/// Books with room for an input, in an arena that is faulted in before the first record.
fn books<'a>(bump: &'a Bump, input: &Input) -> Books<'a> {
    let instruments = input.instruments.len() as u32;
    let limits = BookLimits {
        instruments_max: instruments,
        // A quiet instrument's orders lie within a few pages of the touch.
        pages_max: (1 << 16) + 8 * instruments,
        ..BookLimits::default()
    };
    Books::new_in(bump, &limits).expect("limits that the books accept")
}

#[inline(always)]
fn bbo(touch: &Touch) -> Bbo {
    Bbo {
        bid: touch.bid.0,
        ask: touch.ask.0,
    }
}

/// The record as our decoder makes it.
pub fn mbo(record: &MboMsg) -> Mbo {
    Mbo {
        header: RecordHeader::UNSET,
        ts_event: Nanos(record.hd.ts_event),
        ts_recv: Nanos(record.ts_recv),
        order_id: OrderId(record.order_id),
        price: Price(record.price),
        size: record.size,
        sequence: record.sequence,
        ts_in_delta: record.ts_in_delta,
        instrument_id: InstrumentId(record.hd.instrument_id),
        publisher_id: PublisherId(record.hd.publisher_id),
        flags: Flags(record.flags.raw()),
        action: action(record.action as u8),
        side: match record.side as u8 {
            b'B' => Side::Bid,
            b'A' => Side::Ask,
            _ => Side::None,
        },
        channel_id: record.channel_id,
    }
}

fn action(byte: u8) -> Action {
    let is_it = |action: &Action| *action as u8 == byte;
    Action::ALL.into_iter().find(is_it).unwrap_or_default()
}
