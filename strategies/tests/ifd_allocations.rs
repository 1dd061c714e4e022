//! A desk of 5,000 options allocates when it is laid out, and for no message.
//!
//! Run under `valgrind --tool=callgrind --toggle-collect='ifd_allocations::feed_all*'`, the same
//! program counts the instructions of a message; `UNDERTOW_IFD_KIND` picks one kind of it.

#[path = "../../core/tests/counting/mod.rs"]
mod counting;
#[path = "ifd/session.rs"]
mod session;

use std::hint::black_box;
use std::time::Instant;

use undertow_core::event::BookUpdate;
use undertow_core::types::{Price, Side};
use undertow_strategies::ifd::desk::{DRAIN, Desk, Finding};

use counting::allocations;
use session::{Input, MINUTE, Random, Session, Traded};

const OPTIONS: i64 = 5_000;
const MESSAGES: usize = 400_000;

/// What a message of the mix does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// One in twenty trades.
    Mixed,
    /// Orders come and go behind the touch.
    Behind,
    /// An option's touch changes.
    OptionQuote,
    /// An option trades.
    OptionTrade,
    /// The underlying's touch changes.
    Underlying,
}

/// Updates over twenty minutes on all options.
fn updates(session: &Session, kind: Kind) -> Vec<(BookUpdate, Side)> {
    let mut random = Random(7);
    let start = 20_523 * 1_440 * MINUTE;
    let step = 20 * MINUTE / MESSAGES as u64;
    let updates = (0..MESSAGES as u64).map(|place| {
        let ts = start + place * step;
        let draw = random.below(20);
        let side = if random.chance(60) {
            Side::Bid
        } else {
            Side::Ask
        };
        let trade = Input::Trade(Traded {
            ts,
            option: random.below(OPTIONS as u64) as usize,
            price: Price(10_000_000_000),
            size: 1 + random.below(20) as u32,
            side,
        });
        let is_trade = match kind {
            Kind::Mixed => draw == 0,
            Kind::OptionTrade => true,
            Kind::Behind | Kind::OptionQuote | Kind::Underlying => false,
        };
        let is_option = match kind {
            Kind::Mixed => draw < 14,
            Kind::Behind | Kind::OptionTrade | Kind::OptionQuote => true,
            Kind::Underlying => false,
        };
        let mut update = session.update(&if is_option { trade } else { Input::Quote(ts) });
        if is_option && !is_trade {
            update.mbo.action = undertow_core::types::Action::Add;
            update.touch_changed = kind != Kind::Behind;
        }
        (update, if is_trade { side } else { Side::None })
    });
    updates.collect()
}

/// Not inlined, so that a profiler finds it by name.
#[inline(never)]
fn feed_all(desk: &mut Desk, updates: &[(BookUpdate, Side)]) -> [u64; 2] {
    let mut found = [0; 2];
    for (update, side) in updates {
        desk.on_update(update, *side);
        for _ in 0..DRAIN {
            match desk.next_finding() {
                Some(Finding::Window(_)) => found[0] += 1,
                Some(_) => found[1] += 1,
                None => break,
            }
        }
    }
    found
}

#[test]
fn no_message_allocates_with_five_thousand_options() {
    let before = allocations();
    drop(black_box(Box::new(1)));
    assert!(allocations() > before, "the counter counts");
    let mut random = Random(5);
    let session = Session::listed(10, OPTIONS / 20, &mut random);
    assert_eq!(session.options.len() as i64, OPTIONS);
    for kind in [
        Kind::Mixed,
        Kind::Behind,
        Kind::Underlying,
        Kind::OptionQuote,
        Kind::OptionTrade,
    ] {
        if std::env::var("UNDERTOW_IFD_KIND").is_ok_and(|wanted| wanted != format!("{kind:?}")) {
            continue;
        }
        let updates = updates(&session, kind);
        let mut desk = session.desk();
        let before = allocations();
        let begun = Instant::now();
        let [windows, others] = feed_all(&mut desk, &updates);
        let took = begun.elapsed();
        let during = allocations() - before;
        println!(
            "{kind:?}: {:.1} ns a message, {windows} windows, {others} other findings, \
             at most {} waited",
            took.as_secs_f64() * 1e9 / MESSAGES as f64,
            desk.counters().pending_max,
        );
        assert_eq!(during, 0, "{kind:?}");
        assert_eq!(desk.counters().lost, 0);
        let trades = matches!(kind, Kind::Mixed | Kind::OptionTrade);
        assert_eq!(windows > 0, trades);
    }
}
