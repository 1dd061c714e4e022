//! The venue and its slow twin, side by side over one stream of records.
#![allow(dead_code, reason = "no test binary needs all of it")]
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "a test stops at the first surprise"
)]

pub mod market;
pub mod mint;
pub mod twin;

use std::collections::BTreeMap;

use undertow_core::book::Books;
use undertow_core::event::Mbo;
use undertow_core::gateway::Gateway;
use undertow_core::order::{ExecReport, Life, Note, ReportKind, Tif, Turn};
use undertow_core::risk::{Cancel, Command};
use undertow_core::types::{Nanos, Price, Side};
use undertow_core::venue::{Impact, Latency, PaperVenue, Setup};

use mint::{KEY, Mint, contract};
use twin::{Ours, Said, Twin};

/// A small seeded generator (xorshift64*), so that a failure is repeated by its seed.
#[derive(Clone, Debug)]
pub struct Rng(u64);

impl Rng {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % end
    }

    pub fn once_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }
}

/// An order as it was sent, and its life by the reports so far.
#[derive(Clone, Copy, Debug)]
pub struct Sent {
    pub ours: Ours,
    pub life: Life,
    pub cancel: Cancel,
    pub at: u64,
}

/// The pair: what is sent to one is sent to the other, and what they say is compared.
#[derive(Debug)]
pub struct Pair {
    pub venue: PaperVenue,
    pub twin: Twin,
    pub sent: BTreeMap<u64, Sent>,
    pub reports: Vec<ExecReport>,
    compared: usize,
    mint: Mint,
}

impl Pair {
    pub fn new(way_ns: u64, impact: Impact) -> Self {
        let setup = Setup {
            impact,
            ..Setup::new(Latency::constant(way_ns), 1)
        };
        let mut venue = PaperVenue::new(&setup).unwrap();
        venue.register(&contract(KEY)).unwrap();
        Self {
            venue,
            twin: Twin::new(way_ns, impact),
            sent: BTreeMap::new(),
            reports: Vec::new(),
            compared: 0,
            mint: Mint::default(),
        }
    }

    pub fn send(&mut self, side: Side, price: Price, quantity: u32, tif: Tif, now: Nanos) -> u64 {
        let (order, cancel) = self.mint.make((side, price, quantity), tif, now);
        let ours = Ours {
            id: order.id().0,
            side,
            price: price.0,
            quantity,
            tif,
        };
        self.venue.send(&Command::Place(order), now);
        self.twin.place(ours, now);
        let sent = Sent {
            ours,
            life: Life::new(quantity),
            cancel,
            at: now.0,
        };
        self.sent.insert(ours.id, sent);
        ours.id
    }

    pub fn cancel(&mut self, id: u64, now: Nanos) {
        self.venue
            .send(&Command::Cancel(self.sent[&id].cancel), now);
        self.twin.cancel(id, now);
    }

    /// One record to both, after the books have taken it.
    pub fn record(&mut self, books: &mut Books<'_>, mbo: &Mbo) {
        let update = *books.apply(mbo).unwrap();
        let reports = &mut self.reports;
        self.venue
            .observe(books, &update, &mut |report| reports.push(*report));
        self.twin.record(mbo, update.trust);
        self.check();
    }

    /// Lets time pass for both.
    pub fn pass(&mut self, books: &Books<'_>, now: Nanos) {
        let reports = &mut self.reports;
        self.venue
            .on_time(books, now, &mut |report| reports.push(*report));
        self.twin.on_time(now);
        self.check();
    }

    /// What the venue has told since is what the twin said, and makes sound lives.
    fn check(&mut self) {
        for report in &self.reports {
            let said = match report.kind {
                ReportKind::Sent => {
                    self.sent
                        .get_mut(&report.id.0)
                        .unwrap()
                        .life
                        .turn(Turn::Sent);
                    continue;
                }
                ReportKind::Acked(_) => Said::Acked,
                ReportKind::Working => Said::Working,
                ReportKind::Executed(execution) => {
                    Said::Executed(execution.quantity, execution.price.0)
                }
                ReportKind::Cancelled { filled } => Said::Cancelled(filled),
                ReportKind::CancelRejected => Said::CancelRejected,
                other => panic!("{other:?}"),
            };
            let told = (report.ts_event.0, report.id.0, said);
            let twin = self.twin.said.get(self.compared).copied();
            assert_eq!(Some(told), twin, "{:?}", self.sent.get(&report.id.0));
            self.compared += 1;
            live(self.sent.get_mut(&report.id.0).unwrap(), said);
        }
        self.reports.clear();
    }

    /// After the end: nothing is left unsaid.
    pub fn finish(&self) {
        assert_eq!(self.compared, self.twin.said.len());
        assert_eq!(self.venue.counters().lost, 0);
        assert_eq!(self.venue.counters().unmade, 0);
    }

    /// The orders that are live by the reports.
    pub fn open(&self) -> Vec<u64> {
        let open = self.sent.values().filter(|sent| sent.life.is_open());
        open.map(|sent| sent.ours.id).collect()
    }

    /// The places of all live orders are equal.
    pub fn compare_places(&self) {
        for sent in self.sent.values().filter(|sent| sent.life.is_open()) {
            let id = undertow_core::order::ClientOrderId(sent.ours.id);
            assert_eq!(self.venue.ahead(KEY, id), self.twin.ahead(sent.ours.id));
        }
    }
}

/// One more turn of a life: never overfilled, never at a worse price than the limit.
fn live(sent: &mut Sent, said: Said) {
    let turn = match said {
        Said::Acked => Turn::Acked,
        Said::Working => Turn::Working,
        Said::Executed(quantity, price) => {
            match sent.ours.side {
                Side::Bid => assert!(price <= sent.ours.price),
                _ => assert!(price >= sent.ours.price),
            }
            Turn::Filled(quantity)
        }
        Said::Cancelled(filled) => Turn::Cancelled(filled),
        Said::CancelRejected => {
            assert!(
                !sent.life.is_open(),
                "only what is gone cannot be cancelled"
            );
            return;
        }
    };
    assert_eq!(sent.life.turn(turn), Note::Fine);
}
