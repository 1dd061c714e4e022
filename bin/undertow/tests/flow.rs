//! The flow stage against a slow recomputation from everything seen so far, which shares no code
//! with it: the same files through the books, each trade and touch kept in a list, and every figure
//! computed anew from the list.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::collections::BTreeMap;

use undertow::pump::Blocks;
use undertow_core::book::{BookLimits, Books};
use undertow_core::event::{Body, BookUpdate, Control};
use undertow_core::stage::{Emit, Stage};
use undertow_core::types::{BookKey, Side};
use undertow_feeds::replay::{Bytes, Replay};
use undertow_feeds::synthetic::{SessionConfig, Truth, write_session};
use undertow_strategies::flow::{Flow, FlowOutput, FlowParameters, FlowUpdate};
use undertow_strategies::ifd::baseline::Table;

mod naive;
mod support;

use naive::History;

/// What a run said, instrument by instrument, with the history of each.
struct Run {
    flow: Flow,
    books: BTreeMap<BookKey, (u32, History)>,
    compared: u32,
    updates: u64,
}

struct Last(Option<FlowUpdate>);

impl Emit<FlowOutput> for Last {
    fn emit(&mut self, output: &FlowOutput) {
        let FlowOutput::Update(update) = output else {
            return;
        };
        assert!(self.0.is_none(), "one update an event");
        self.0 = Some(*update);
    }
}

/// Parameters under which a small session fills every window.
fn parameters() -> FlowParameters {
    FlowParameters {
        vpin_bucket: 97,
        bulk_bars_min: 2,
        volume_bars: 3,
        // Takes are told without the account of refills, which has tests of its own.
        slice_size_min: u32::MAX,
        ..FlowParameters::default()
    }
}

/// Plays a stream through books and flow, and compares about `checks` updates of those
/// instruments that have measures.
fn play<B: Bytes>(bytes: B, checks: u64, expected_updates: u64) -> Run {
    let limits = BookLimits {
        watches_depth: true,
        ..support::limits(1024, 65_536)
    };
    let arena = support::arena(&limits);
    let mut books = Books::new_in(&arena, &limits).unwrap();
    let mut feed = Replay::new([bytes]);
    let every = (expected_updates / checks).max(1);
    let mut run = Run {
        flow: Flow::with(1024, parameters(), Table::default()),
        books: BTreeMap::new(),
        compared: 0,
        updates: 0,
    };
    loop {
        let Some(msg) = feed.pop() else {
            assert!(!feed.is_ended(), "the end was missed");
            std::thread::yield_now();
            continue;
        };
        match msg.body {
            Body::Control(Control::End) => break,
            body => {
                if let Some(update) = books.take(&body) {
                    run.step(update, every);
                }
                if let Body::Control(control) = &body {
                    run.flow.on_control(control, &mut Last(None));
                }
            }
        }
    }
    assert_eq!(feed.streams()[0].error(), None);
    run
}

impl Run {
    fn step(&mut self, update: &BookUpdate, every: u64) {
        let mut said = Last(None);
        self.flow.on_data(update, &mut said);
        let new = || (update.book_idx, History::new(parameters()));
        let (_, history) = self.books.entry(update.mbo.key()).or_insert_with(new);
        let wants = history.add(update);
        assert_eq!(
            said.0.is_some(),
            wants,
            "it speaks when an event traded or moved the touch"
        );
        let Some(said) = said.0 else { return };
        self.updates += 1;
        if self.updates.is_multiple_of(every) || (said.traded && self.updates.is_multiple_of(7)) {
            let is_compared = said.reading.is_some() && self.updates.is_multiple_of(every);
            history.compare_tape(&said);
            if is_compared {
                history.compare(&said);
                self.compared += 1;
            }
        }
    }

    /// Everything at the end, for what was told in the summary only.
    fn compare_ends(&self) {
        for (book_idx, history) in self.books.values() {
            if let Some(profile) = self.flow.profile(*book_idx) {
                history.compare_profile(profile);
            }
        }
    }
}

#[test]
fn esh4_flow_equals_its_slow_recomputation() {
    let Some(path) = support::data("dbn/esh4-glbx-mdp3-20231225.mbo.dbn.zst") else {
        return;
    };
    let (blocks, _) = Blocks::open(&path).unwrap();
    let run = play(blocks, 120, 25_000);
    run.compare_ends();
    assert!(run.compared >= 100, "{}", run.compared);
    let (book_idx, _) = run.books.values().next().unwrap();
    let tape = run.flow.tape(*book_idx).unwrap();
    assert_eq!((tape.trades, tape.volume()), (2_973, 9_892));
    let hidden = run.flow.reading(*book_idx).unwrap().hidden_counts;
    assert!(hidden.refills > 10, "real icebergs are there: {hidden:?}");
}

#[test]
fn esu4_bought_142_and_sold_111() {
    for schema in ["mbp-1", "trades"] {
        let name = format!("dbn/esu4-glbx-mdp3-20240701.{schema}.dbn.zst");
        let Some(path) = support::data(&name) else {
            return;
        };
        let (blocks, _) = Blocks::open(&path).unwrap();
        let run = play(blocks, 100, 1_000);
        run.compare_ends();
        let tape = run.flow.tape(0).unwrap();
        assert_eq!(
            (tape.bought, tape.sold, tape.unsided),
            (142, 111, 0),
            "{schema}"
        );
        assert_eq!(tape.cvd(), 31);
    }
}

#[test]
fn arl_hidden_executions_are_sided_by_the_quote() {
    let Some(path) = support::data("dbn/arl-xnas-itch-20250717.mbo.dbn.zst") else {
        return;
    };
    let (blocks, _) = Blocks::open(&path).unwrap();
    let run = play(blocks, 100, 800);
    run.compare_ends();
    let tape = run.flow.tape(0).unwrap();
    // The venue names an aggressor for 11 of its 46 trades.
    assert_eq!(tape.trades, 46);
    assert!(tape.unsided < tape.volume() / 4, "{tape:?}");
}

#[test]
fn synthetic_flow_equals_its_slow_recomputation() {
    let config = SessionConfig {
        messages: 120_000,
        strikes: 4,
        expiries: 1,
        ..SessionConfig::demo()
    };
    let mut bytes = Vec::new();
    write_session(&config, &mut bytes, &mut Truth::default()).unwrap();
    let run = play(&bytes[..], 150, 50_000);
    run.compare_ends();
    assert!(run.compared >= 100, "{}", run.compared);
    let sided = |book_idx: u32| run.flow.tape(book_idx).is_some_and(|tape| tape.sold > 0);
    let measured = |book_idx: u32| run.flow.reading(book_idx).is_some();
    let books = || run.books.values().map(|(book_idx, _)| *book_idx);
    assert_eq!(
        books().filter(|idx| measured(*idx)).count(),
        3,
        "the futures"
    );
    assert!(
        books().filter(|idx| !measured(*idx) && sided(*idx)).count() > 2,
        "options trade too"
    );
    let all = books().map(|idx| run.flow.tape(idx).unwrap().last_side);
    assert!(all.filter(|side| *side == Side::Bid).count() > 0);
}
