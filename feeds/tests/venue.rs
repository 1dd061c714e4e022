//! The paper venue against its slow twin on a real session: fill by fill, place by place.
//!
//! The real files are not ours to distribute: where they are absent a test says so and passes.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

#[path = "../../core/tests/paper/mod.rs"]
mod paper;

use std::path::PathBuf;

use bumpalo::Bump;
use undertow_core::book::{BookLimits, Books};
use undertow_core::event::{Body, Control, Touch, Trust};
use undertow_core::gateway::Gateway;
use undertow_core::order::Tif;
use undertow_core::types::{Nanos, Price, Side};
use undertow_core::venue::Impact;
use undertow_feeds::replay::Replay;

use paper::mint::{KEY, TICK};
use paper::{Pair, Rng};

/// Trading begins at 23:00 UTC; before, the book is crossed by the auction.
const OPENING: u64 = 1_703_545_200_000_000_000;

/// The bytes of a real file, or none with a line that says so.
fn read(name: &str) -> Option<Vec<u8>> {
    let root = std::env::var_os("UNDERTOW_DATA").map(PathBuf::from);
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    let path = root.unwrap_or_else(beside).join(name);
    if !path.exists() {
        println!("skipped: no {} (set UNDERTOW_DATA)", path.display());
        return None;
    }
    Some(zstd::decode_all(std::fs::File::open(path).unwrap()).unwrap())
}

/// Joins the best price, goes inside the spread, behind it or through it, with 1 to 5; cancels.
fn act(rng: &mut Rng, touch: &Touch, pair: &mut Pair, now: Nanos) {
    let open = pair.open();
    if open.len() >= 24 || (!open.is_empty() && rng.once_in(4)) {
        let id = open[rng.below(open.len() as u64) as usize];
        if !pair.sent[&id].life.is_cancel_sent() {
            pair.cancel(id, now);
        }
        return;
    }
    let side = if rng.once_in(2) { Side::Bid } else { Side::Ask };
    let (near, far, ahead) = match side {
        Side::Bid => (touch.bid.0, touch.ask.0, TICK),
        _ => (touch.ask.0, touch.bid.0, -TICK),
    };
    let price = match rng.below(10) {
        0..5 => near,
        5 | 6 => near + ahead,
        7 => near - ahead,
        8 => far,
        _ => far + 2 * ahead,
    };
    let quantity = 1 + u32::try_from(rng.below(5)).unwrap();
    let tif = if rng.once_in(6) { Tif::Ioc } else { Tif::Day };
    pair.send(side, Price(price), quantity, tif, now);
}

/// Plays the session with something sent every so many records. Returns the pair at its end.
fn play(bytes: &[u8], every: u64, way_ns: u64, impact: Impact) -> Pair {
    let limits = BookLimits {
        instruments_max: 1,
        orders_max: 32_768,
        book_orders_max: 32_768,
        pages_max: 4_096,
        ..BookLimits::default()
    };
    let bump = Bump::with_capacity(limits.bytes());
    let mut books = Books::new_in(&bump, &limits).unwrap();
    let mut pair = Pair::new(way_ns, impact);
    let mut rng = Rng::new(every);
    let mut feed = Replay::new([bytes]);
    let mut trading = 0;
    let mut now = Nanos(0);
    while let Some(msg) = feed.pop() {
        let mbo = match msg.body {
            Body::Control(control) => {
                books.control(&control);
                pair.venue.on_control(&control);
                if control == Control::End {
                    break;
                }
                continue;
            }
            Body::Data(mbo) => mbo,
        };
        pair.record(&mut books, &mbo);
        now = Nanos(now.0.max(mbo.ts_event.0));
        let book = books.get(KEY).unwrap();
        if now.0 < OPENING || book.trust() != Trust::Good {
            continue;
        }
        trading += 1;
        if trading % every == 0 && book.touch().is_two_sided() {
            act(&mut rng, &book.touch(), &mut pair, now);
        }
        if trading % 97 == 0 && !book.is_event_open() {
            pair.compare_places();
        }
    }
    pair.pass(&books, Nanos(now.0 + 10 * way_ns));
    for id in pair.open() {
        if !pair.sent[&id].life.is_cancel_sent() {
            pair.cancel(id, now);
        }
    }
    pair.pass(&books, Nanos(now.0 + 20 * way_ns));
    pair.pass(&books, Nanos(now.0 + 40 * way_ns));
    pair.finish();
    assert!(pair.venue.is_idle() || impact == Impact::On);
    pair
}

#[test]
fn es_h4_fills_equal_those_of_the_slow_twin() {
    let Some(bytes) = read("dbn/esh4-glbx-mdp3-20231225.mbo.dbn.zst") else {
        return;
    };
    for (every, way_ns, impact) in [
        (500, 2_750, Impact::Off),
        (31, 500_000, Impact::Off),
        (17, 20_000_000, Impact::On),
    ] {
        let pair = play(&bytes, every, way_ns, impact);
        let counters = pair.venue.counters();
        println!("every {every} records, {way_ns} ns, impact {impact:?}: {counters:?}");
        assert!(counters.executions > 40, "{counters:?}");
        assert!(counters.cancelled > 10, "{counters:?}");
        assert_eq!((counters.rejected, counters.requeued), (0, 0));
    }
}
