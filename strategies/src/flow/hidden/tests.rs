//! Refills on hand-made events, as CME prints them.

use undertow_core::event::{RecordHeader, Trust};
use undertow_core::types::{InstrumentId, PublisherId};

use super::*;

const MS: u64 = 1_000_000;

/// A book of one side at one price, kept by hand.
struct Scene {
    refills: Refills,
    now: Nanos,
    level: u64,
    /// Of the trades.
    aggressor: Side,
}

impl Scene {
    fn new(level: u64) -> Self {
        Self {
            refills: Refills::new(Nanos(300 * MS), 3, 2),
            now: Nanos(1_000_000 * MS),
            level,
            aggressor: Side::Bid,
        }
    }

    fn record(&mut self, action: Action, id: u64, size: u32, effect: Effect) {
        let side = if action == Action::Trade {
            self.aggressor
        } else {
            Side::Ask
        };
        let mbo = Mbo {
            header: RecordHeader::UNSET,
            ts_event: self.now,
            ts_recv: self.now,
            order_id: OrderId(id),
            price: Price(100),
            size,
            sequence: 1,
            ts_in_delta: 0,
            instrument_id: InstrumentId(1),
            publisher_id: PublisherId(1),
            flags: Flags::default(),
            action,
            side,
            channel_id: 0,
        };
        let update = BookUpdate {
            mbo,
            touch: Touch::EMPTY,
            depth: Depth::default(),
            level_size: self.level,
            level_count: 1,
            book_idx: 0,
            effect,
            trust: Trust::Good,
            touch_changed: false,
        };
        if action == Action::Trade {
            self.refills.trade(&mbo);
        }
        self.refills.observe(&update, self.now);
    }

    /// A buyer's trade that fills one order.
    fn fill(&mut self, id: u64, size: u32) {
        self.record(Action::Trade, 999, size, Effect::None);
        self.record(Action::Fill, id, size, Effect::None);
    }

    fn leave(&mut self, level: u64, action: Action, id: u64, size: u32, effect: Effect) {
        self.level = level;
        self.record(action, id, size, effect);
    }

    fn counts(&self) -> HiddenCounts {
        self.refills.counts()
    }
}

#[test]
fn a9_order_that_is_modified_to_its_old_size_after_a_fill_was_refilled() {
    let mut scene = Scene::new(5);
    scene.fill(7, 5);
    scene.leave(5, Action::Modify, 7, 5, Effect::Requeued);
    scene.refills.end_event();
    let once = HiddenCounts {
        icebergs: 1,
        refills: 1,
        slices: 0,
        hidden_size: 5,
    };
    assert_eq!(scene.counts(), once);
    scene.fill(7, 5);
    scene.leave(5, Action::Modify, 7, 5, Effect::None);
    scene.refills.end_event();
    let counts = scene.counts();
    assert_eq!(
        (counts.icebergs, counts.refills, counts.hidden_size),
        (1, 2, 10)
    );
}

#[test]
fn a9_refill_larger_than_what_was_left_counts_whole() {
    let mut scene = Scene::new(2);
    scene.fill(7, 2);
    scene.leave(4, Action::Modify, 7, 4, Effect::Requeued);
    scene.refills.end_event();
    assert_eq!(scene.counts().hidden_size, 4);
}

#[test]
fn a9_fills_of_an_auction_are_not_judged() {
    let mut scene = Scene::new(5);
    scene.aggressor = Side::None;
    scene.fill(7, 50);
    scene.leave(5, Action::Modify, 7, 5, Effect::Requeued);
    scene.refills.end_event();
    assert_eq!(scene.counts(), HiddenCounts::default());
}

#[test]
fn a9_plain_fills_hide_nothing() {
    let mut scene = Scene::new(12);
    // A part of one order, and one whole.
    scene.record(Action::Trade, 999, 7, Effect::None);
    scene.record(Action::Fill, 999, 7, Effect::None);
    scene.record(Action::Fill, 7, 5, Effect::None);
    scene.record(Action::Fill, 8, 2, Effect::None);
    scene.leave(7, Action::Cancel, 7, 5, Effect::Removed);
    scene.leave(5, Action::Modify, 8, 5, Effect::Reduced);
    scene.refills.end_event();
    assert_eq!(scene.counts(), HiddenCounts::default());
}

#[test]
fn a9_fills_beyond_the_display_are_hidden_size() {
    let mut scene = Scene::new(5);
    scene.fill(7, 5);
    scene.record(Action::Fill, 7, 3, Effect::None);
    scene.leave(0, Action::Cancel, 7, 5, Effect::Removed);
    scene.refills.end_event();
    let counts = scene.counts();
    assert_eq!((counts.hidden_size, counts.refills), (3, 0));
}

#[test]
fn a9_refill_to_a_smaller_last_slice_is_found() {
    let mut scene = Scene::new(5);
    scene.fill(7, 8);
    // Three left of the next slice of five would look like a plain reduction by two.
    scene.leave(2, Action::Modify, 7, 2, Effect::Reduced);
    scene.refills.end_event();
    let counts = scene.counts();
    assert_eq!((counts.hidden_size, counts.refills), (5, 1));
}

#[test]
fn a9_fills_whose_outcome_is_not_told_are_not_judged() {
    let mut scene = Scene::new(5);
    scene.fill(7, 5);
    scene.refills.end_event();
    assert_eq!(scene.counts(), HiddenCounts::default());
}

#[test]
fn a9_chain_of_equal_orders_after_whole_fills_is_an_iceberg() {
    let mut scene = Scene::new(4);
    for slice in 0..4 {
        let counts = scene.counts();
        assert_eq!(
            (counts.slices, counts.icebergs),
            (slice, u32::from(slice >= 3))
        );
        scene.fill(u64::from(7 + slice), 4);
        scene.leave(0, Action::Cancel, u64::from(7 + slice), 4, Effect::Removed);
        scene.refills.end_event();
        scene.now.0 += 20 * MS;
        scene.leave(4, Action::Add, u64::from(8 + slice), 4, Effect::Added);
    }
    let counts = scene.counts();
    assert_eq!(
        (counts.slices, counts.icebergs, counts.hidden_size),
        (4, 1, 0)
    );
}

#[test]
fn a9_late_other_sized_or_tiny_orders_are_no_slices() {
    let cases = [(4, 301, 4), (4, 20, 3), (1, 20, 1)];
    for (size, wait_ms, next) in cases {
        let mut scene = Scene::new(u64::from(size));
        scene.fill(7, size);
        scene.leave(0, Action::Cancel, 7, size, Effect::Removed);
        scene.refills.end_event();
        scene.now.0 += wait_ms * MS;
        scene.leave(u64::from(next), Action::Add, 8, next, Effect::Added);
        assert_eq!(scene.counts().slices, 0, "{size} {wait_ms} {next}");
    }
}

#[test]
fn a9_slice_that_was_filled_in_parts_is_known_by_its_size_as_entered() {
    let mut scene = Scene::new(4);
    scene.fill(7, 4);
    scene.leave(0, Action::Cancel, 7, 4, Effect::Removed);
    scene.refills.end_event();
    scene.leave(4, Action::Add, 8, 4, Effect::Added);
    scene.fill(8, 3);
    scene.leave(1, Action::Modify, 8, 1, Effect::Reduced);
    scene.refills.end_event();
    scene.fill(8, 1);
    scene.leave(0, Action::Cancel, 8, 1, Effect::Removed);
    scene.refills.end_event();
    scene.leave(4, Action::Add, 9, 4, Effect::Added);
    assert_eq!(scene.counts().slices, 2);
}

#[test]
fn hidden_score_counts_runs_that_the_window_cuts() {
    let mut hidden = HiddenScore::new();
    let quote = Touch::EMPTY;
    assert_eq!(hidden.score(&Depth::default()), None);
    for _ in 0..5 {
        hidden.trade(Price(7), 1, &quote);
    }
    assert_eq!(hidden.runs(), 1);
    for step in 0..45 {
        hidden.trade(Price(step % 2), 1, &quote);
    }
    assert_eq!(hidden.runs(), 1, "all five are still there");
    hidden.trade(Price(9), 1, &quote);
    assert_eq!(hidden.runs(), 0, "four are left");
    assert_eq!(hidden.score(&Depth::default()), Some(0.0));
}

#[test]
fn trade_is_outside_only_beyond_a_thousandth_of_its_own_quote() {
    let quote = Touch {
        bid: Price(99_000),
        ask: Price(100_000),
        ..Touch::EMPTY
    };
    let outside = |price| is_outside(Price(price), &quote);
    assert_eq!([outside(100_100), outside(100_101)], [false, true]);
    assert_eq!([outside(98_901), outside(98_900)], [false, true]);
    assert!(!is_outside(Price(5), &Touch::EMPTY));
}
