//! Nothing that a venue does after its construction allocates.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod counting;
mod paper;

use bumpalo::Bump;
use undertow_core::book::{BookLimits, Books};
use undertow_core::gateway::{Gateway, Shadow};
use undertow_core::order::Tif;
use undertow_core::risk::Command;
use undertow_core::types::{Nanos, Price, Side};
use undertow_core::venue::{Impact, Latency, PaperVenue, Setup};

use counting::allocations;
use paper::market::Market;
use paper::mint::{KEY, Mint, TICK, contract};

#[test]
fn p16_a_venue_and_a_shadow_allocate_nothing_after_construction() {
    let limits = BookLimits {
        instruments_max: 1,
        orders_max: 8_192,
        book_orders_max: 8_192,
        pages_max: 512,
        ..BookLimits::default()
    };
    let bump = Bump::with_capacity(limits.bytes());
    let mut books = Books::new_in(&bump, &limits).unwrap();
    let setup = Setup {
        impact: Impact::On,
        orders_max: 64,
        ..Setup::new(Latency::both([500, 1_000, 2_000, 4_000, 8_000, 16_000]), 1)
    };
    let mut venue = PaperVenue::new(&setup).unwrap();
    venue.register(&contract(KEY)).unwrap();
    let mut shadow = Shadow::new(4);
    let (mut market, mut mint) = (Market::new(1), Mint::default());
    let (mut reports, mut inside) = (0_u64, 0);
    for round in 0..5_000_u64 {
        let records = market.event();
        let now = market.now();
        let best = market.best();
        let (order, cancel) = {
            let at = best[(round % 2) as usize].unwrap_or(19_200);
            let side = [Side::Bid, Side::Ask][(round / 2 % 2) as usize];
            mint.make(
                (side, Price(at * TICK), 1 + (round % 7) as u32),
                Tif::Day,
                now,
            )
        };
        let before = allocations();
        for record in &records {
            let update = *books.apply(record).unwrap();
            venue.observe(&books, &update, &mut |_| reports += 1);
            shadow.observe(&books, &update, &mut |_| reports += 1);
        }
        venue.send(&Command::Place(order), now);
        shadow.send(&Command::Place(order), now);
        if round % 3 == 0 {
            venue.send(&Command::Cancel(cancel), now);
        }
        venue.on_time(&books, Nanos(now.0 + 1), &mut |_| reports += 1);
        inside += allocations() - before;
    }
    println!("{reports} reports, {:?}", venue.counters());
    assert!(reports > 10_000 && venue.counters().executions > 500);
    assert_eq!(inside, 0);
    assert!(allocations() > 5_000, "they are counted");
}
