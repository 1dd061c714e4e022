//! A desk that rehearses says and does what it says and does without.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use undertow::output::words;
use undertow::profile::Profile;
use undertow::session::trader;
use undertow_core::book::{BookLimits, Books};
use undertow_core::event::Body;
use undertow_core::risk::Mode;
use undertow_core::stage::{Emit, Stage};
use undertow_strategies::flow::{Flow, FlowOutput};
use undertow_strategies::trade::stage::Desk;
use undertow_strategies::trade::understudy::{self, Understudy};

#[path = "support/desk.rs"]
mod desk;
#[path = "support/eager.rs"]
mod eager;
mod support;

use desk::{INSTRUMENTS_MAX, first, profile, session, venue};

/// Everything that was said, folded.
#[derive(Debug, Default, PartialEq, Eq)]
struct Said {
    outputs: u64,
    trades: u64,
    fold: u64,
}

impl Emit<FlowOutput> for Said {
    fn emit(&mut self, output: &FlowOutput) {
        self.outputs += 1;
        self.trades += u64::from(matches!(output, FlowOutput::Trade(_)));
        for word in words(self.outputs, output) {
            self.fold = (self.fold ^ word).wrapping_mul(0x0000_0100_0000_01b3);
            self.fold = self.fold.rotate_left(23);
        }
    }
}

/// What a desk says of the session, and the digest of its ledger; `rehearsals` after each record.
fn played(profile: &Profile, rehearsals: usize, is_understudied: bool) -> (Said, u64) {
    let limits = BookLimits {
        watches_depth: true,
        ..support::limits(INSTRUMENTS_MAX as u32, 1 << 16)
    };
    let small = understudy::book_limits();
    let (arena, wings) = (support::arena(&limits), support::arena(&small));
    let mode = (profile, Mode::Backtest);
    let trader = trader(mode, venue(profile), INSTRUMENTS_MAX, &first(profile)).unwrap();
    let books = Books::new_in(&arena, &limits).unwrap();
    let mut desk = Desk::new(books, Flow::new(INSTRUMENTS_MAX), trader);
    if is_understudied {
        let books = Books::new_in(&wings, &small).unwrap();
        desk = desk.understudied(Understudy::new(books, venue(profile)));
    }
    let mut said = Said::default();
    for body in session() {
        match body {
            Body::Data(mbo) => desk.on_data(mbo, &mut said),
            Body::Control(control) => desk.on_control(control, &mut said),
        }
        (0..rehearsals).for_each(|_| desk.rehearse::<Said>());
    }
    (said, desk.trader.risk().ledger_digest())
}

#[test]
fn rehearsing_says_and_changes_nothing() {
    let profile = profile(&[]);
    let plain = played(&profile, 0, false);
    assert!(plain.0.trades > 100, "the session trades: {plain:?}");
    for (rehearsals, is_understudied) in [(0, true), (1, false), (1, true), (3, true)] {
        let rehearsed = played(&profile, rehearsals, is_understudied);
        assert_eq!(rehearsed, plain, "{rehearsals} {is_understudied}");
    }
}
