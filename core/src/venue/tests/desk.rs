//! The desk: a book, a venue and a clock.

use bumpalo::Bump;

use super::super::*;
use crate::book::BookLimits;
use crate::contract::{ContractKind, Multiplier, PriceSign, TickRule};
use crate::event::{BookUpdate, FeedNotice, Mbo, Status, Touch};
use crate::order::{Life, Note, Turn};
use crate::types::{InstrumentId, PublisherId, Text};
use alloc::vec::Vec;

pub(super) const KEY: BookKey = BookKey {
    instrument_id: InstrumentId(17_077),
    publisher_id: PublisherId(1),
};

/// Out and back.
pub(super) const WAY: u64 = 100;

/// When everything begins.
pub(super) const START: u64 = 1_703_545_200_000_000_000;

/// A price in quarters of a point above 4800.
pub(super) const fn price(quarters: i64) -> Price {
    Price(4_800 * Price::PER_POINT + quarters * 250_000_000)
}

pub(super) fn contract() -> Contract {
    Contract {
        key: KEY,
        kind: ContractKind::Future,
        multiplier: Multiplier::new(50 * Price::PER_POINT).expect("it is sound"),
        tick: TickRule::Flat(Price(250_000_000)),
        sign: PriceSign::Positive,
        expiry: Nanos(START + 1_000_000_000),
        currency: Text::from_bytes(b"USD"),
        underlying: InstrumentId(1),
    }
}

pub(super) fn setup() -> Setup {
    Setup {
        orders_max: 8,
        contracts_max: 2,
        ..Setup::new(Latency::constant(WAY), 1)
    }
}

pub(super) fn arena() -> Bump {
    Bump::with_capacity(limits().bytes())
}

fn limits() -> BookLimits {
    BookLimits {
        instruments_max: 2,
        orders_max: 4_096,
        book_orders_max: 4_096,
        pages_max: 256,
        ..BookLimits::default()
    }
}

/// One instrument, one venue. Every record is an event of its own unless said otherwise.
pub(super) struct Desk<'a> {
    pub(super) books: Books<'a>,
    pub(super) venue: PaperVenue,
    pub(super) next: Mbo,
    pub(super) reports: Vec<ExecReport>,
    orders: u64,
}

impl<'a> Desk<'a> {
    /// A good book: bids of 5, 3, 2 (ids 1 to 3) at 0, 9 (id 4) at -1; asks of 4, 6 (ids 5, 6) at
    /// 2, 8 (id 7) at 3.
    pub(super) fn with(bump: &'a Bump, setup: &Setup) -> Self {
        let mut venue = PaperVenue::new(setup).expect("the setup is sound");
        venue.register(&contract()).expect("there is room");
        let mut desk = Self {
            books: Books::new_in(bump, &limits()).expect("limits are sound"),
            venue,
            next: Mbo {
                ts_event: Nanos(START),
                ts_recv: Nanos(START),
                sequence: 1,
                instrument_id: KEY.instrument_id,
                publisher_id: KEY.publisher_id,
                flags: Flags::LAST,
                ..Mbo::default()
            },
            reports: Vec::new(),
            orders: 0,
        };
        desk.play(Action::Clear, Side::None, 0, Price::UNDEFINED, 0);
        for (id, size, at) in [(1, 5, 0), (2, 3, 0), (3, 2, 0), (4, 9, -1)] {
            desk.play(Action::Add, Side::Bid, id, price(at), size);
        }
        for (id, size, at) in [(5, 4, 2), (6, 6, 2), (7, 8, 3)] {
            desk.play(Action::Add, Side::Ask, id, price(at), size);
        }
        desk
    }

    pub(super) fn new(bump: &'a Bump) -> Self {
        Self::with(bump, &setup())
    }

    /// One record, a nanosecond after the last.
    pub(super) fn play(&mut self, action: Action, side: Side, id: u64, at: Price, size: u32) {
        self.next.ts_event.0 += 1;
        self.next.ts_recv.0 += 1;
        self.next.sequence += 1;
        let record = Mbo {
            action,
            side,
            order_id: OrderId(id),
            price: at,
            size,
            ..self.next
        };
        self.take(&record);
    }

    pub(super) fn quote(&mut self, mbo: &Mbo, touch: &Touch) {
        let update = *self.books.apply_quote(mbo, touch).expect("there is a book");
        self.observe(&update);
    }

    fn take(&mut self, mbo: &Mbo) {
        let update = *self.books.apply(mbo).expect("there is a book");
        self.observe(&update);
    }

    fn observe(&mut self, update: &BookUpdate) {
        let reports = &mut self.reports;
        self.venue
            .observe(&self.books, update, &mut |report| reports.push(*report));
    }

    /// An aggressor on `side` trades so much with each of these, in one event.
    pub(super) fn trade(&mut self, side: Side, at: i64, fills: &[(u64, u32)]) {
        let flags = self.next.flags;
        self.next.flags = Flags::default();
        let size = fills.iter().map(|(_, size)| size).sum();
        self.play(Action::Trade, side, 900, price(at), size);
        for (id, size) in fills {
            self.play(Action::Fill, opposite(side), *id, price(at), *size);
        }
        for (place, (id, size)) in fills.iter().enumerate() {
            if place + 1 == fills.len() {
                self.next.flags = flags;
            }
            self.play(Action::Cancel, opposite(side), *id, price(at), *size);
        }
    }

    pub(super) fn pass(&mut self, ns: u64) {
        self.next.ts_event.0 += ns;
        self.next.ts_recv.0 += ns;
        let reports = &mut self.reports;
        self.venue
            .on_time(&self.books, self.next.ts_event, &mut |report| {
                reports.push(*report);
            });
    }

    pub(super) fn send(&mut self, side: Side, at: i64, quantity: u32, tif: Tif) -> ClientOrderId {
        self.orders += 1;
        let id = ClientOrderId(self.orders);
        let ticket = Ticket {
            id,
            contract: KEY,
            side,
            quantity,
            price: price(at),
            tif,
        };
        self.venue.place(ticket, self.next.ts_event);
        id
    }

    /// An order that has arrived and met the book.
    pub(super) fn order(&mut self, side: Side, at: i64, quantity: u32, tif: Tif) -> ClientOrderId {
        let id = self.send(side, at, quantity, tif);
        self.pass(WAY);
        id
    }

    pub(super) fn cancel(&mut self, id: ClientOrderId) {
        self.venue.ask_cancel(KEY, id, self.next.ts_event);
    }

    pub(super) fn halt(&mut self, is_trading: bool) {
        let status = Control::Status(Status {
            key: KEY,
            ts_event: self.next.ts_event,
            action: 8,
            reason: 0,
            is_trading: Some(is_trading),
        });
        self.books.control(&status);
        self.venue.on_control(&status);
    }

    pub(super) fn notice(&mut self, notice: FeedNotice) {
        self.books.control(&Control::Feed(notice));
        self.venue.on_control(&Control::Feed(notice));
    }

    /// Size and price, in quarters, of each execution of an order. Waits for the reports, and
    /// checks that they make a life.
    pub(super) fn fills(&mut self, id: ClientOrderId, quantity: u32) -> Vec<(u32, i64)> {
        self.pass(WAY);
        let mut life = Life::new(quantity);
        let mut fills = Vec::new();
        for report in self.reports.iter().filter(|report| report.id == id) {
            let turn = match report.kind {
                ReportKind::Sent => Turn::Sent,
                ReportKind::Acked(_) => Turn::Acked,
                ReportKind::Working => Turn::Working,
                ReportKind::Executed(execution) => {
                    let quarters = (execution.price.0 - price(0).0) / 250_000_000;
                    fills.push((execution.quantity, quarters));
                    Turn::Filled(execution.quantity)
                }
                ReportKind::Cancelled { filled } => Turn::Cancelled(filled),
                ReportKind::Expired { filled } => Turn::Expired(filled),
                ReportKind::Rejected(_) => Turn::Rejected,
                ReportKind::CancelRejected => continue,
                other => panic!("{other:?}"),
            };
            assert_eq!(life.turn(turn), Note::Fine, "{report:?}");
        }
        fills
    }

    /// The kinds of report about an order, in short.
    pub(super) fn told(&mut self, id: ClientOrderId) -> alloc::string::String {
        self.pass(WAY);
        let reports = self.reports.iter().filter(|report| report.id == id);
        reports
            .map(|report| match report.kind {
                ReportKind::Sent => 's',
                ReportKind::Acked(_) => 'a',
                ReportKind::Working => 'w',
                ReportKind::Executed(_) => 'x',
                ReportKind::Cancelled { .. } => 'c',
                ReportKind::Expired { .. } => 'e',
                ReportKind::Rejected(_) => 'r',
                ReportKind::CancelRejected => 'n',
                _ => '?',
            })
            .collect()
    }

    pub(super) fn ahead(&self, id: ClientOrderId) -> Option<u64> {
        self.venue.ahead(KEY, id)
    }
}
