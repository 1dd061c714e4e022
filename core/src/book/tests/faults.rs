//! The faults of the reliability list that a book must survive, by number.

use bumpalo::Bump;

use super::{Desk, KEY, P41, price, small};
use crate::book::{BookCounters, BookLimits, Thresholds};
use crate::event::{
    Control, Definition, Effect, FeedNotice, InstrumentClass, Mbo, Status, Suspicion, Touch, Trust,
};
use crate::types::{Action, Flags, InstrumentId, Nanos, OrderId, Price, PublisherId, Side, Text};

#[test]
fn f01_jump_of_sequence_is_no_gap_but_going_backwards_is() {
    let bump = Bump::new();
    let mut desk = Desk::filled(&bump);
    desk.next.sequence += 1_000_000;
    assert_eq!(desk.add(Side::Bid, 20, P41, 1).trust, Trust::Good);
    desk.next.sequence = u32::MAX - 1;
    desk.add(Side::Bid, 21, P41, 1);
    desk.next.sequence = 0;
    let wrapped = desk.add(Side::Bid, 22, P41, 1);
    assert_eq!(desk.book().counters().sequence_backwards, 1, "from 1e6");
    assert_eq!(wrapped.trust, Trust::MaybeBad);
    assert_eq!(desk.recover().trust, Trust::Good);
    desk.next.sequence = u32::MAX - 1;
    desk.add(Side::Bid, 30, P41, 1);
    desk.next.sequence = 4;
    assert_eq!(desk.add(Side::Bid, 31, P41, 1).trust, Trust::Good);
    assert_eq!(desk.book().counters().sequence_backwards, 1);
}

#[test]
fn f01_skipped_records_make_every_book_suspect_until_recovered() {
    let bump = Bump::new();
    let mut desk = Desk::filled(&bump);
    desk.books.control(&Control::Feed(FeedNotice::Heartbeat));
    assert_eq!(desk.book().trust(), Trust::Good);
    desk.books.control(&Control::Feed(FeedNotice::Skipped));
    assert_eq!(desk.book().trust(), Trust::MaybeBad);
    assert_eq!(desk.add(Side::Bid, 20, P41, 1).trust, Trust::MaybeBad);
    assert_eq!(desk.recover().trust, Trust::Good);
}

#[test]
fn f01_reconnect_makes_every_book_stale_until_replayed_or_recovered() {
    let bump = Bump::new();
    let mut desk = Desk::filled(&bump);
    for notice in [FeedNotice::Reconnected, FeedNotice::Fatal(6)] {
        desk.books.control(&Control::Feed(notice));
        assert_eq!(desk.add(Side::Bid, 20, P41, 1).trust, Trust::Stale);
        assert_eq!(desk.recover().trust, Trust::Good);
        desk.books.control(&Control::Feed(notice));
        let replayed = Control::Feed(FeedNotice::ReplayCompleted);
        desk.books.control(&replayed);
        assert_eq!(desk.book().trust(), Trust::Good);
    }
}

#[test]
fn f02_maybe_bad_book_lasts_until_clear_and_snapshot_are_complete() {
    let bump = Bump::new();
    let mut desk = Desk::filled(&bump);
    let mbo = desk.record(Action::None, Side::None, 0, Price::UNDEFINED, 0);
    let flags = Flags::MAYBE_BAD_BOOK.with(Flags::LAST);
    assert_eq!(desk.apply(Mbo { flags, ..mbo }).trust, Trust::MaybeBad);
    assert_eq!(desk.add(Side::Bid, 20, P41, 1).trust, Trust::MaybeBad);
    // A Clear alone is not enough, nor is a snapshot without its end.
    assert_eq!(desk.clear(Flags::LAST).trust, Trust::Recovering);
    assert_eq!(desk.add(Side::Bid, 21, P41, 1).trust, Trust::Recovering);
    assert_eq!(desk.clear(Flags::SNAPSHOT).trust, Trust::Recovering);
    let open = desk.snapshot(1, P41, 1, Flags(0));
    assert_eq!(open.trust, Trust::Recovering);
    let last = desk.snapshot(2, price(40, 0), 2, Flags::LAST);
    assert_eq!((last.trust, last.touch.bid), (Trust::Good, P41));
    assert_eq!(desk.book().counters().maybe_bad, 1);
}

#[test]
fn f02_snapshot_without_clear_does_not_heal_a_book_that_holds_orders() {
    let bump = Bump::new();
    let mut desk = Desk::filled(&bump);
    desk.books.control(&Control::Feed(FeedNotice::Skipped));
    let last = desk.snapshot(50, P41, 1, Flags::LAST);
    assert_eq!(last.trust, Trust::MaybeBad, "the old orders may be ghosts");
}

#[test]
fn f03_event_that_stays_open_too_long_is_doubted_until_it_ends() {
    let bump = Bump::new();
    let thresholds = Thresholds {
        last_missing_records_max: 3,
        last_missing_ns_max: 1_000_000,
        ..Thresholds::default()
    };
    let limits = BookLimits {
        thresholds,
        ..small()
    };
    let mut desk = Desk::with(&bump, &limits);
    desk.clear(Flags::LAST);
    let before = desk.book().touch();
    for id in 1..=4 {
        desk.next.flags = Flags(0);
        let update = desk.add(Side::Bid, id, P41, 1);
        assert_eq!(update.touch, before, "no reads of an open event");
        let is_late = id == 4;
        assert_eq!(update.trust == Trust::MaybeBad, is_late);
    }
    desk.next.flags = Flags::LAST;
    assert_eq!(desk.add(Side::Bid, 5, P41, 1).trust, Trust::Good);
    desk.next.flags = Flags(0);
    desk.add(Side::Bid, 6, P41, 1);
    desk.next.ts_event.0 += 1_000_000;
    assert_eq!(desk.add(Side::Bid, 7, P41, 1).trust, Trust::MaybeBad);
    assert_eq!(desk.book().counters().last_missing, 2);
}

#[test]
fn f04_trade_fill_and_none_leave_the_book_as_it_was() {
    let bump = Bump::new();
    let mut desk = Desk::filled(&bump);
    let before = desk.books.hash();
    for action in [Action::Trade, Action::Fill, Action::None] {
        let update = desk.play(action, Side::Bid, 1, P41, 5);
        assert_eq!(update.effect, Effect::None);
        assert_eq!((update.level_size, update.level_count), (10, 3));
        assert!(!update.touch_changed);
        assert_eq!(desk.books.hash(), before);
    }
}

#[test]
fn f05_cancel_of_unknown_order_is_counted_and_book_unchanged() {
    let bump = Bump::new();
    let mut desk = Desk::filled(&bump);
    let before = desk.books.hash();
    let unknown_cancels_max = small().thresholds.unknown_cancels_max;
    for count in 1..=unknown_cancels_max {
        let update = desk.cancel(Side::Bid, 777, P41, 1);
        assert_eq!(
            (update.effect, update.trust),
            (Effect::Refused, Trust::Good)
        );
        assert_eq!(desk.book().counters().unknown_cancel, u64::from(count));
        assert_eq!(desk.books.hash(), before);
    }
    let beyond = desk.cancel(Side::Bid, 777, P41, 1);
    assert_eq!(beyond.trust, Trust::MaybeBad, "too many in the window");
}

#[test]
fn f05_unknown_cancels_are_a_gap_also_late_in_a_session() {
    let bump = Bump::new();
    let mut desk = Desk::filled(&bump);
    let thresholds = small().thresholds;
    for _ in 0..2 * thresholds.unknown_window_records {
        desk.play(Action::Trade, Side::Bid, 0, P41, 1);
    }
    for count in 1..=thresholds.unknown_cancels_max + 1 {
        let trust = desk.cancel(Side::Bid, 500, P41, 1).trust;
        let is_good = trust == Trust::Good;
        assert_eq!(is_good, count <= thresholds.unknown_cancels_max, "{count}");
    }
}

#[test]
fn f06_cancel_of_more_than_rests_removes_the_order_and_quarantines() {
    let bump = Bump::new();
    let mut desk = Desk::filled(&bump);
    let update = desk.cancel(Side::Bid, 2, P41, 4);
    assert_eq!(
        (update.effect, update.trust),
        (Effect::Removed, Trust::MaybeBad)
    );
    assert_eq!(desk.queue(Side::Bid, P41), [(1, 5), (3, 2)]);
    assert_eq!(update.level_size, 7, "clamped, not below zero");
    assert_eq!(desk.book().counters().oversize_cancel, 1);
    assert_eq!(desk.book().check(), Ok(()));
}

#[test]
fn f07_modify_of_unknown_order_is_an_add_and_counted() {
    let bump = Bump::new();
    let mut desk = Desk::filled(&bump);
    let update = desk.modify(Side::Bid, 50, P41, 6);
    assert_eq!((update.effect, update.trust), (Effect::Added, Trust::Good));
    assert_eq!(
        desk.queue(Side::Bid, P41),
        [(1, 5), (2, 3), (3, 2), (50, 6)]
    );
    assert_eq!(desk.book().counters().unknown_modify, 1);
}

#[test]
fn f07_modify_of_unknown_order_without_a_side_has_nowhere_to_go() {
    let bump = Bump::new();
    let mut desk = Desk::filled(&bump);
    let before = desk.books.hash();
    let update = desk.modify(Side::None, 50, P41, 6);
    assert_eq!(update.effect, Effect::Refused);
    assert_eq!(desk.books.hash(), before);
    assert_eq!(desk.book().counters().unknown_modify, 1);
}

#[test]
fn f08_duplicate_add_replaces_and_never_makes_two() {
    let bump = Bump::new();
    let mut desk = Desk::filled(&bump);
    let update = desk.add(Side::Bid, 1, price(40, 50), 8);
    assert_eq!(update.effect, Effect::Requeued);
    assert_eq!(desk.queue(Side::Bid, P41), [(2, 3), (3, 2)]);
    assert_eq!(desk.queue(Side::Bid, price(40, 50)), [(1, 8)]);
    assert_eq!(desk.book().counters().duplicate_add, 1);
    assert_eq!(desk.book().totals(Side::Bid).orders, 3);
    assert_eq!(desk.book().check(), Ok(()));
}

#[test]
fn f09_modify_that_moves_or_grows_loses_its_place_and_shrinking_keeps_it() {
    let bump = Bump::new();
    let mut desk = Desk::filled(&bump);
    assert_eq!(desk.modify(Side::Bid, 1, P41, 4).effect, Effect::Reduced);
    assert_eq!(desk.queue(Side::Bid, P41), [(1, 4), (2, 3), (3, 2)]);
    assert_eq!(desk.modify(Side::Bid, 1, P41, 4).effect, Effect::None);
    assert_eq!(desk.queue(Side::Bid, P41), [(1, 4), (2, 3), (3, 2)]);
    assert_eq!(desk.modify(Side::Bid, 1, P41, 5).effect, Effect::Requeued);
    assert_eq!(desk.queue(Side::Bid, P41), [(2, 3), (3, 2), (1, 5)]);
    let moved = desk.modify(Side::Bid, 2, price(40, 75), 1);
    assert_eq!(moved.effect, Effect::Requeued);
    assert_eq!(desk.modify(Side::Bid, 2, P41, 1).effect, Effect::Requeued);
    assert_eq!(desk.queue(Side::Bid, P41), [(3, 2), (1, 5), (2, 1)]);
    assert_eq!(desk.book().totals(Side::Bid).levels, 1);
    let place = desk.book().order(OrderId(1)).expect("rests");
    assert_eq!((place.ahead_size, place.ahead_count), (2, 1));
}

#[test]
fn f10_clear_inside_an_event_empties_the_book_and_blocks_until_last() {
    let bump = Bump::new();
    let mut desk = Desk::filled(&bump);
    let update = desk.clear(Flags(0));
    assert_eq!(
        (update.effect, update.trust),
        (Effect::Replaced, Trust::Recovering)
    );
    assert_eq!(desk.book().totals(Side::Bid).orders, 0);
    assert_eq!(desk.book().order(OrderId(1)), None);
    assert_eq!(desk.books.free_orders(), small().orders_max);
    assert_eq!(desk.books.free_pages(), small().pages_max);
    let update = desk.add(Side::Bid, 1, P41, 5);
    assert_eq!((update.trust, update.touch.bid_size), (Trust::Good, 5));
}

#[test]
fn f11_clear_of_a_snapshot_leaves_no_level_at_the_undefined_price() {
    let bump = Bump::new();
    let mut desk = Desk::filled(&bump);
    let mbo = desk.record(Action::Clear, Side::None, 0, Price::UNDEFINED, 0);
    let clear = Mbo {
        sequence: 0,
        flags: Flags::SNAPSHOT.with(Flags::BAD_TS_RECV),
        ..mbo
    };
    let update = desk.apply(clear);
    assert_eq!((update.effect, update.level_count), (Effect::Replaced, 0));
    for side in [Side::Bid, Side::Ask] {
        assert_eq!(desk.book().depth(side).count(), 0);
    }
    let refused = desk.add(Side::Ask, 1, Price::UNDEFINED, 5);
    assert_eq!(refused.effect, Effect::Refused);
    assert_eq!(desk.book().counters().undefined_price, 1);
    assert_eq!(desk.book().touch(), Touch::EMPTY);
}

#[test]
fn f12_live_wins_over_a_snapshot_that_is_older() {
    let bump = Bump::new();
    let mut desk = Desk::opened(&bump);
    desk.clear(Flags::SNAPSHOT);
    desk.next.sequence = 500;
    // Live: 1 rests, 2 comes and goes, 3 was here before us and goes.
    desk.add(Side::Bid, 1, P41, 5);
    desk.add(Side::Bid, 2, P41, 5);
    desk.cancel(Side::Bid, 2, P41, 5);
    desk.cancel(Side::Bid, 3, P41, 5);
    for id in 1..=3 {
        let late = desk.snapshot(id, price(40, 0), 400, Flags(0));
        assert_eq!(late.effect, Effect::None);
    }
    assert_eq!(desk.queue(Side::Bid, P41), [(1, 5)]);
    assert_eq!(desk.queue(Side::Bid, price(40, 0)), []);
    assert_eq!(desk.book().counters().superseded, 3);
    // A snapshot that is newer than what happened live says what is.
    let newer = desk.snapshot(2, price(40, 0), 9_000, Flags(0));
    assert_eq!(newer.effect, Effect::Added);
    let last = desk.snapshot(1, price(40, 0), 9_000, Flags::LAST);
    assert_eq!((last.effect, last.trust), (Effect::Requeued, Trust::Good));
    assert_eq!(desk.queue(Side::Bid, price(40, 0)), [(2, 7), (1, 7)]);
    assert_eq!(desk.books.free_orders(), small().orders_max - 2);
}

#[test]
fn f13_crossed_book_is_not_trusted_while_it_is_crossed() {
    let bump = Bump::new();
    let mut desk = Desk::filled(&bump);
    let crossed = desk.add(Side::Bid, 20, price(42, 0), 1);
    assert_eq!(crossed.trust, Trust::MaybeBad);
    let locked = desk.modify(Side::Bid, 20, price(41, 50), 1);
    assert_eq!(locked.trust, Trust::MaybeBad);
    let apart = desk.cancel(Side::Bid, 20, price(41, 50), 1);
    assert_eq!(apart.trust, Trust::Good, "an auction ends like this");
    let counters = desk.book().counters();
    assert_eq!((counters.crossed, counters.locked), (1, 1));
}

#[test]
fn f13_book_that_stays_crossed_while_trading_needs_a_snapshot() {
    let bump = Bump::new();
    let mut desk = Desk::filled(&bump);
    desk.books.control(&Control::Status(Status {
        key: KEY,
        ts_event: Nanos(1),
        action: 7,
        reason: 0,
        is_trading: Some(true),
    }));
    let crossed_events_max = small().thresholds.crossed_events_max;
    for id in 0..=crossed_events_max {
        desk.add(Side::Bid, 20 + u64::from(id), price(42, 0), 1);
    }
    for id in 0..=crossed_events_max {
        desk.cancel(Side::Bid, 20 + u64::from(id), price(42, 0), 1);
    }
    assert!(!desk.book().touch().is_crossed());
    assert_eq!(desk.book().trust(), Trust::MaybeBad);
    assert_eq!(desk.recover().trust, Trust::Good);
}

#[test]
fn f14_bad_ts_recv_does_not_move_the_clock() {
    let bump = Bump::new();
    let mut desk = Desk::filled(&bump);
    let before = desk.book().ts_recv();
    let mbo = desk.record(Action::Trade, Side::Bid, 0, P41, 1);
    let ts_event = mbo.ts_event;
    desk.apply(Mbo {
        ts_recv: Nanos(before.0 + 1_000_000_000_000),
        flags: Flags::LAST.with(Flags::BAD_TS_RECV),
        ..mbo
    });
    assert_eq!(desk.book().ts_recv(), before);
    assert_eq!(desk.book().ts_event(), ts_event);
    desk.snapshot(70, P41, 1, Flags(0));
    assert_eq!(desk.book().ts_event(), ts_event, "a snapshot is old");
}

#[test]
fn f15_time_that_goes_backwards_or_is_none_is_counted_and_the_clock_stays() {
    let bump = Bump::new();
    let mut desk = Desk::filled(&bump);
    let (event, recv) = (desk.book().ts_event(), desk.book().ts_recv());
    for time in [event.0 - 5_000, 0, u64::MAX] {
        let mbo = desk.record(Action::Trade, Side::Bid, 0, P41, 1);
        desk.apply(Mbo {
            ts_event: Nanos(time),
            ts_recv: Nanos(time),
            ..mbo
        });
        assert_eq!(
            (desk.book().ts_event(), desk.book().ts_recv()),
            (event, recv)
        );
    }
    let counters = desk.book().counters();
    assert_eq!((counters.time_backwards, counters.undefined_time), (2, 4));
    assert_eq!(desk.book().trust(), Trust::Good);
}

#[test]
fn f16_absurd_ts_in_delta_is_counted_and_nothing_else() {
    let bump = Bump::new();
    let mut desk = Desk::filled(&bump);
    let before = desk.books.hash();
    for ts_in_delta in [-1, i32::MIN, i32::MAX] {
        let mbo = desk.record(Action::Trade, Side::Bid, 0, P41, 1);
        let update = desk.apply(Mbo { ts_in_delta, ..mbo });
        assert_eq!(update.trust, Trust::Good);
    }
    assert_eq!(desk.book().counters().absurd_delta, 3);
    assert_eq!(desk.books.hash(), before);
}

#[test]
fn f17_record_that_the_decoder_could_not_read_makes_the_book_suspect() {
    let bump = Bump::new();
    let mut desk = Desk::filled(&bump);
    let suspect = Control::Suspect(KEY, Suspicion::UnknownAction);
    desk.books.control(&suspect);
    assert_eq!(desk.book().trust(), Trust::MaybeBad);
    assert_eq!(desk.book().counters().suspect, 1);
    assert_eq!(desk.recover().trust, Trust::Good);
}

pub(super) fn definition(strike: Price, tick: Price) -> Control {
    Control::Definition(Definition {
        key: KEY,
        ts_recv: Nanos(1),
        class: InstrumentClass::Call,
        update_action: b'A',
        strike,
        expiration: Nanos(1_710_000_000_000_000_000),
        activation: Nanos(1),
        tick,
        unit_qty: Price(50 * Price::PER_POINT),
        underlying_id: InstrumentId(1),
        asset: Text::new(),
        currency: Text::new(),
    })
}

#[test]
fn f24_definition_of_another_contract_resets_the_book() {
    let bump = Bump::new();
    let mut desk = Desk::filled(&bump);
    let quarter = price(0, 25);
    for _ in 0..2 {
        desk.books.control(&definition(price(4_800, 0), quarter));
        assert_eq!(desk.book().totals(Side::Bid).orders, 3, "same terms");
    }
    desk.books.control(&definition(price(4_900, 0), quarter));
    assert_eq!(desk.book().totals(Side::Bid).orders, 0);
    assert_eq!(desk.book().touch(), Touch::EMPTY);
    assert_eq!(desk.book().trust(), Trust::Recovering);
    assert_eq!(desk.book().counters().redefined, 1);
    assert_eq!(desk.books.free_orders(), small().orders_max);
}

#[test]
fn f25_record_of_a_publisher_that_is_not_expected_is_dropped_and_counted() {
    let bump = Bump::new();
    let limits = BookLimits {
        publishers: alloc::vec![PublisherId(1)],
        ..small()
    };
    let mut desk = Desk::with(&bump, &limits);
    let mbo = desk.record(Action::Add, Side::Bid, 1, P41, 5);
    let foreign = Mbo {
        publisher_id: PublisherId(2),
        ..mbo
    };
    assert_eq!(desk.books.apply(&foreign), None);
    assert_eq!(desk.books.apply(&foreign), None);
    assert!(desk.books.is_empty());
    assert_eq!(desk.apply(mbo).effect, Effect::Added);
    assert_eq!(desk.books.counters().foreign_publisher, 2);
    assert_eq!(desk.books.counters().records, 1);
}

#[test]
fn f26_extreme_prices_and_sizes_are_sound() {
    let bump = Bump::new();
    let mut desk = Desk::opened(&bump);
    for id in 0..200 {
        desk.add(Side::Bid, id, Price(i64::MIN + 7), u32::MAX);
    }
    let touch = desk.book().touch();
    assert_eq!(touch.bid_size, 200 * u64::from(u32::MAX), "no overflow");
    desk.add(Side::Ask, 500, Price(i64::MAX - 1), 1);
    assert_eq!(desk.add(Side::Bid, 600, P41, 0).effect, Effect::Refused);
    assert_eq!(desk.cancel(Side::Bid, 1, P41, 0).effect, Effect::Refused);
    assert_eq!(desk.add(Side::None, 601, P41, 1).effect, Effect::Refused);
    let gone = desk.modify(Side::Bid, 1, Price(i64::MIN + 7), 0);
    assert_eq!((gone.effect, gone.level_count), (Effect::Removed, 199));
    let counters = desk.book().counters();
    assert_eq!((counters.zero_size, counters.missing_side), (3, 1));
    assert_eq!(desk.book().check(), Ok(()));
}

#[test]
fn f27_exhausted_pool_refuses_counts_and_quarantines_that_book_only() {
    let bump = Bump::new();
    let limits = BookLimits {
        orders_max: 300,
        book_orders_max: 200,
        ..small()
    };
    let mut desk = Desk::with(&bump, &limits);
    desk.clear(Flags::LAST);
    let used = bump.allocated_bytes();
    for id in 0..10_000 {
        let update = desk.add(Side::Bid, id, P41, 1);
        let fits = id < 200;
        assert_eq!(update.effect == Effect::Added, fits);
        assert_eq!(update.trust == Trust::Good, fits);
    }
    assert_eq!(desk.book().counters().pool_exhausted, 9_800);
    assert_eq!(bump.allocated_bytes(), used, "nothing grew");
    let mbo = desk.record(Action::Add, Side::Bid, 1, P41, 1);
    let other = Mbo {
        instrument_id: InstrumentId(2),
        ..mbo
    };
    assert_eq!(desk.apply(other).effect, Effect::Added, "others have room");
    assert_eq!(desk.book().check(), Ok(()));
    assert_eq!(desk.recover().trust, Trust::Good);
}

#[test]
fn f27_levels_beyond_the_pages_of_a_side_are_refused() {
    let bump = Bump::new();
    let limits = BookLimits {
        side_pages_max: 5,
        ..small()
    };
    let mut desk = Desk::with(&bump, &limits);
    desk.clear(Flags::LAST);
    for n in 0..20 {
        let update = desk.add(Side::Ask, n as u64, price(100 * n, 0), 1);
        assert_eq!(update.effect == Effect::Added, n < 5);
        assert_eq!(desk.book().check(), Ok(()));
    }
    assert_eq!(desk.book().totals(Side::Ask).orders, 5);
    assert_eq!(desk.books.free_orders(), limits.orders_max - 5);
    // Six neighbours share a page, until an odd price would give each a page of its own.
    desk.clear(Flags::LAST);
    for n in 0..6 {
        desk.add(Side::Ask, n as u64, price(n, 0), 1);
    }
    let before = desk.books.hash();
    assert_eq!(
        desk.add(Side::Ask, 50, Price(17), 1).effect,
        Effect::Refused
    );
    assert_eq!(desk.books.hash(), before);
    assert_eq!(desk.book().check(), Ok(()));
    assert_eq!(desk.books.free_pages(), limits.pages_max - 1);
}

#[test]
fn f27_instruments_beyond_the_limit_are_dropped_and_counted() {
    let bump = Bump::new();
    let mut desk = Desk::new(&bump);
    let instruments_max = small().instruments_max;
    for id in 0..instruments_max + 3 {
        let mbo = desk.record(Action::Add, Side::Bid, 1, P41, 5);
        let market = Mbo {
            instrument_id: InstrumentId(id),
            ..mbo
        };
        let fits = id < instruments_max;
        assert_eq!(desk.books.apply(&market).is_some(), fits);
    }
    assert_eq!(desk.books.len(), instruments_max as usize);
    assert_eq!(desk.books.counters().beyond_instruments, 3);
}

#[test]
fn counters_have_each_a_name_and_add_up() {
    let mut sum = BookCounters {
        crossed: 2,
        ..BookCounters::default()
    };
    sum.add(&BookCounters {
        crossed: 3,
        beyond_instruments: 1,
        ..BookCounters::default()
    });
    let named = sum.named();
    assert!(named.contains(&("crossed", 5)));
    assert!(named.contains(&("beyond_instruments", 1)));
    assert_eq!(named.iter().map(|(_, count)| count).sum::<u64>(), 6);
}
