//! The paper venue against its slow twin on synthetic markets, and its laws on any stream.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod paper;

use std::collections::BTreeMap;

use bumpalo::Bump;
use proptest::prelude::*;
use undertow_core::book::{BookLimits, Books};
use undertow_core::event::{Mbo, Trust};
use undertow_core::gateway::{Gateway, Shadow};
use undertow_core::order::{ExecReport, Life, Note, OrderState, ReportKind, Tif, Turn};
use undertow_core::risk::Command;
use undertow_core::types::{Action, Flags, Nanos, OrderId, Price, Side};
use undertow_core::venue::{Impact, Latency, PaperVenue, Setup};

use paper::market::Market;
use paper::mint::{KEY, Mint, TICK, contract};
use paper::{Pair, Rng};

fn limits() -> BookLimits {
    BookLimits {
        instruments_max: 1,
        orders_max: 8_192,
        book_orders_max: 8_192,
        pages_max: 512,
        ..BookLimits::default()
    }
}

/// Sends something now and then: joining, inside the spread, through it, behind.
fn act(rng: &mut Rng, market: &Market, pair: &mut Pair) {
    let [Some(bid), Some(ask)] = market.best() else {
        return;
    };
    let now = market.now();
    let open = pair.open();
    if !open.is_empty() && rng.once_in(12) {
        let id = open[rng.below(open.len() as u64) as usize];
        if !pair.sent[&id].life.is_cancel_sent() {
            pair.cancel(id, now);
        }
    }
    if open.len() >= 12 || !rng.once_in(6) {
        return;
    }
    let side = if rng.once_in(2) { Side::Bid } else { Side::Ask };
    let (near, far, ahead) = match side {
        Side::Bid => (bid, ask, 1),
        _ => (ask, bid, -1),
    };
    let ticks = match rng.below(10) {
        0..5 => near,
        5 => near + ahead,
        6 => near - 2 * ahead,
        7 => far,
        8 => far + ahead,
        _ => far + 3 * ahead,
    };
    let tif = if rng.once_in(5) { Tif::Ioc } else { Tif::Day };
    let quantity = 1 + u32::try_from(rng.below(15)).unwrap();
    pair.send(side, Price(ticks * TICK), quantity, tif, now);
}

/// Plays so many events to both, and returns what was executed.
fn play(seed: u64, events: u32, way_ns: u64, impact: Impact) -> (Pair, u64) {
    let limits = limits();
    let bump = Bump::with_capacity(limits.bytes());
    let mut books = Books::new_in(&bump, &limits).unwrap();
    let mut rng = Rng::new(seed ^ 0xA5A5);
    let mut market = Market::new(seed);
    let mut pair = Pair::new(way_ns, impact);
    for _ in 0..events {
        for record in market.event() {
            pair.record(&mut books, &record);
        }
        act(&mut rng, &market, &mut pair);
        if rng.once_in(8) {
            pair.pass(&books, market.now());
        }
        let book = books.get(KEY).unwrap();
        if book.trust() == Trust::Good {
            pair.compare_places();
        }
    }
    for id in pair.open() {
        if !pair.sent[&id].life.is_cancel_sent() {
            pair.cancel(id, market.now());
        }
    }
    let end = Nanos(market.now().0 + 10 * way_ns);
    pair.pass(&books, end);
    pair.finish();
    let executions = pair.venue.counters().executions;
    (pair, executions)
}

#[test]
fn fills_and_places_equal_the_slow_twins_on_synthetic_markets() {
    let mut executions = 0;
    for seed in 0..60 {
        let way_ns = [1, 150, 700, 5_000][seed as usize % 4];
        let impact = if seed % 3 == 0 {
            Impact::On
        } else {
            Impact::Off
        };
        executions += play(seed, 2_500, way_ns, impact).1;
    }
    assert!(executions > 10_000, "{executions}");
}

/// One run of the venue alone: what it told, and when each report came.
struct Run {
    reports: Vec<(u64, ExecReport, Trust)>,
    placed: BTreeMap<u64, (Side, Price, u32, u64)>,
}

/// Latencies of the order of the gaps between records.
const LATENCIES: [u64; Latency::QUANTILES] = [500, 1_000, 2_000, 4_000, 8_000, 16_000];

/// Any records at all, and any orders at all, with real latencies.
fn chaos(seed: u64, impact: Impact) -> Run {
    let limits = limits();
    let bump = Bump::with_capacity(limits.bytes());
    let mut books = Books::new_in(&bump, &limits).unwrap();
    let setup = Setup {
        impact,
        orders_max: 6,
        ahead_max: 4,
        taken_max: 5,
        ..Setup::new(Latency::both(LATENCIES), seed)
    };
    let mut venue = PaperVenue::new(&setup).unwrap();
    venue.register(&contract(KEY)).unwrap();
    let (mut rng, mut mint) = (Rng::new(seed), Mint::default());
    let mut run = Run {
        reports: Vec::new(),
        placed: BTreeMap::new(),
    };
    let mut cancels = Vec::new();
    let mut record = Mbo {
        ts_event: Nanos(1_000_000),
        ts_recv: Nanos(1_000_000),
        sequence: 1,
        instrument_id: KEY.instrument_id,
        publisher_id: KEY.publisher_id,
        action: Action::Clear,
        flags: Flags::LAST,
        ..Mbo::default()
    };
    for _ in 0..600 {
        let update = *books.apply(&record).unwrap();
        let now = record.ts_event;
        venue.observe(&books, &update, &mut |report| {
            run.reports.push((now.0, *report, update.trust));
        });
        let price = Price((19_200 + rng.below(8).cast_signed()) * TICK);
        let side = [Side::Bid, Side::Ask][rng.below(2) as usize];
        let quantity = 1 + u32::try_from(rng.below(20)).unwrap();
        if rng.once_in(4) {
            let tif = [Tif::Day, Tif::Ioc][rng.below(2) as usize];
            let (order, cancel) = mint.make((side, price, quantity), tif, now);
            venue.send(&Command::Place(order), now);
            run.placed
                .insert(order.id().0, (side, price, quantity, now.0));
            cancels.push(cancel);
        }
        if rng.once_in(9) && !cancels.is_empty() {
            let cancel = cancels[rng.below(cancels.len() as u64) as usize];
            venue.send(&Command::Cancel(cancel), now);
        }
        disturb(&mut rng, &mut record, price);
    }
    venue.on_time(&books, Nanos(u64::MAX - 2), &mut |report| {
        run.reports.push((u64::MAX, *report, Trust::Good));
    });
    run
}

/// Makes the next record: of any action, side and size, sound or not.
fn disturb(rng: &mut Rng, record: &mut Mbo, price: Price) {
    record.ts_event.0 += rng.below(4_000);
    record.ts_recv = record.ts_event;
    record.sequence += 1;
    record.order_id = OrderId(1 + rng.below(30));
    record.price = price;
    record.size = u32::try_from(rng.below(12)).unwrap();
    record.side = [Side::Bid, Side::Ask, Side::None][rng.below(3) as usize];
    record.action = Action::ALL[rng.below(7) as usize];
    if record.action == Action::Clear && !rng.once_in(20) {
        record.action = Action::Trade;
    }
    let flags = [
        Flags::LAST,
        Flags::default(),
        Flags::LAST.with(Flags::SNAPSHOT),
    ];
    record.flags = flags[(rng.below(40) as usize).saturating_sub(34).min(2)];
    if rng.once_in(300) {
        record.flags = record.flags.with(Flags::MAYBE_BAD_BOOK);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn no_stream_overfills_an_order_or_breaks_its_limit_or_its_life(seed in any::<u64>()) {
        let impact = if seed % 2 == 0 { Impact::Off } else { Impact::On };
        let run = chaos(seed, impact);
        let mut lives = BTreeMap::new();
        let mut last = 0;
        let mut executions = 0;
        for (came, report, _) in &run.reports {
            prop_assert!(*came >= last, "in order of time");
            last = *came;
            prop_assert!(report.ts_event.0 < *came, "the way back takes time");
            let (side, price, quantity, sent) = run.placed[&report.id.0];
            let life = lives.entry(report.id.0).or_insert_with(|| Life::new(quantity));
            let turn = match report.kind {
                ReportKind::Sent => Turn::Sent,
                ReportKind::Acked(_) => Turn::Acked,
                ReportKind::Working => Turn::Working,
                ReportKind::Executed(execution) => {
                    executions += 1;
                    prop_assert_eq!(execution.id.base, executions, "each id once, in order");
                    prop_assert_eq!(execution.side, side);
                    let is_within = match side {
                        Side::Bid => execution.price <= price,
                        _ => execution.price >= price,
                    };
                    prop_assert!(is_within && execution.quantity > 0);
                    prop_assert!(report.ts_event.0 > sent, "the way out takes time");
                    Turn::Filled(execution.quantity)
                }
                ReportKind::Cancelled { filled } => Turn::Cancelled(filled),
                ReportKind::Expired { filled } => Turn::Expired(filled),
                ReportKind::Rejected(_) => Turn::Rejected,
                ReportKind::CancelRejected => continue,
                other => panic!("{other:?}"),
            };
            let note = life.turn(turn);
            prop_assert_eq!(note, Note::Fine, "{:?}", report);
            prop_assert!(life.filled() <= quantity);
        }
    }

    #[test]
    fn the_same_inputs_give_the_same_reports(seed in any::<u64>()) {
        let (one, other) = (chaos(seed, Impact::On), chaos(seed, Impact::On));
        prop_assert_eq!(one.reports, other.reports);
    }
}

#[test]
fn nothing_is_executed_at_an_instant_at_which_the_book_was_not_good() {
    let limits = limits();
    let mut executions = 0;
    for seed in 0..40 {
        let bump = Bump::with_capacity(limits.bytes());
        let mut books = Books::new_in(&bump, &limits).unwrap();
        let mut rng = Rng::new(seed);
        let mut market = Market::new(seed);
        let mut pair = Pair::new(100, Impact::Off);
        let mut doubted = Vec::new();
        for _ in 0..1_500 {
            for record in market.event() {
                pair.record(&mut books, &record);
            }
            let is_good = books.get(KEY).unwrap().trust() == Trust::Good;
            if !is_good {
                doubted.push(market.now().0);
            }
            act(&mut rng, &market, &mut pair);
        }
        assert!(!doubted.is_empty(), "the market crosses now and then");
        for (at, _, said) in &pair.twin.said {
            if let paper::twin::Said::Executed(..) = said {
                assert!(doubted.binary_search(at).is_err());
                executions += 1;
            }
        }
    }
    assert!(executions > 1_000, "{executions}");
}

#[test]
fn i14_a_shadow_fills_nothing_whatever_the_market_does() {
    let limits = limits();
    let bump = Bump::with_capacity(limits.bytes());
    let mut books = Books::new_in(&bump, &limits).unwrap();
    let (mut shadow, mut mint) = (Shadow::new(4), Mint::default());
    let mut market = Market::new(3);
    let mut lives: BTreeMap<u64, Life> = BTreeMap::new();
    for round in 0..400 {
        for record in market.event() {
            let update = *books.apply(&record).unwrap();
            shadow.observe(&books, &update, &mut |report| {
                let life = lives.get_mut(&report.id.0).unwrap();
                assert_eq!(report.kind, ReportKind::Cancelled { filled: 0 });
                assert_eq!(life.turn(Turn::Cancelled(0)), Note::Fine);
            });
        }
        if round % 3 == 0 {
            let bid = (Side::Bid, Price(20_000 * TICK), 5);
            let (order, cancel) = mint.make(bid, Tif::Day, market.now());
            lives.insert(order.id().0, Life::new(5));
            shadow.send(&Command::Place(order), market.now());
            shadow.send(&Command::Cancel(cancel), market.now());
        }
    }
    shadow.on_time(&books, Nanos(u64::MAX - 1), &mut |report| {
        lives
            .get_mut(&report.id.0)
            .unwrap()
            .turn(Turn::Cancelled(0));
    });
    assert_eq!((shadow.orders(), shadow.lost()), (134, 0));
    let mut ends = lives.values().map(|life| (life.state(), life.filled()));
    assert!(ends.all(|end| end == (OrderState::Cancelled, 0)));
    assert!(shadow.is_idle());
}
