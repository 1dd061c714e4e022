use super::desk::*;
use crate::event::{Definition, FeedNotice, InstrumentClass, Touch};
use crate::gateway::Gateway;
use crate::money::Money;
use crate::order::{ClientOrderId, ReportKind, Tif};
use crate::types::{Action, Flags, InstrumentId, Nanos, Price, Side, Text};
use crate::venue::{
    Control, Impact, Latency, LatencyError, PaperVenue, Rejection, Setup, SetupError,
};
use alloc::vec::Vec;

use Action::{Add, Cancel, Clear, Modify, Trade};
use Side::{Ask, Bid};

#[test]
fn an_order_arrives_after_the_way_out_and_its_reports_after_the_way_back() {
    let bump = arena();
    let mut desk = Desk::new(&bump);
    let id = desk.send(Bid, 0, 1, Tif::Day);
    let sent = desk.next.ts_event;
    assert!(desk.venue.concerns(KEY) && !desk.venue.is_idle());
    desk.pass(WAY - 1);
    assert_eq!(desk.ahead(id), None, "it is on its way");
    assert!(desk.reports.is_empty());
    desk.pass(1);
    assert_eq!(desk.ahead(id), Some(10), "behind all that is displayed");
    assert_eq!(desk.reports.len(), 1, "that it was sent");
    desk.pass(WAY - 1);
    assert_eq!(desk.reports.len(), 1);
    desk.pass(1);
    assert_eq!(desk.told(id), "saw");
    let at: Vec<u64> = desk
        .reports
        .iter()
        .map(|report| report.ts_event.0)
        .collect();
    assert_eq!(at, [sent.0, sent.0 + WAY, sent.0 + WAY]);
}

#[test]
fn n16_a_crossing_limit_takes_level_by_level_and_rests_with_the_rest() {
    let bump = arena();
    let mut desk = Desk::new(&bump);
    let id = desk.order(Bid, 3, 25, Tif::Day);
    assert_eq!(desk.fills(id, 25), [(10, 2), (8, 3)]);
    assert_eq!(desk.told(id), "saxx", "the rest of 7 works");
    assert_eq!(desk.ahead(id), Some(0));
    let small = desk.order(Ask, -1, 12, Tif::Ioc);
    assert_eq!(desk.fills(small, 12), [(10, 0), (2, -1)]);
}

#[test]
fn an_ioc_takes_within_its_limit_and_the_rest_is_cancelled() {
    let bump = arena();
    let mut desk = Desk::new(&bump);
    let id = desk.order(Bid, 2, 25, Tif::Ioc);
    assert_eq!(desk.fills(id, 25), [(10, 2)]);
    assert_eq!(desk.told(id), "saxc");
    let none = desk.order(Bid, 1, 1, Tif::Ioc);
    assert_eq!(desk.told(none), "sac");
    assert!(desk.venue.is_idle(), "nothing is left of either");
}

#[test]
fn a_resting_order_fills_when_all_before_it_have() {
    let bump = arena();
    let mut desk = Desk::new(&bump);
    let id = desk.order(Bid, 0, 4, Tif::Day);
    desk.play(Add, Bid, 8, price(0), 7);
    desk.trade(Ask, 0, &[(1, 5), (2, 2)]);
    assert_eq!(desk.ahead(id), Some(3), "1 of order 2, 2 of order 3");
    // What joined later is behind: the trade of 6 has 3 for those before us, then 3 for us.
    desk.trade(Ask, 0, &[(2, 1), (3, 2), (8, 3)]);
    assert_eq!(desk.fills(id, 4), [(3, 0)]);
    desk.trade(Ask, 0, &[(8, 4)]);
    assert_eq!(desk.fills(id, 4), [(3, 0), (1, 0)]);
    assert!(desk.venue.is_idle());
}

#[test]
fn those_before_leave_by_cancels_reductions_and_moves_but_not_those_behind() {
    let bump = arena();
    let mut desk = Desk::new(&bump);
    let id = desk.order(Bid, 0, 1, Tif::Day);
    desk.play(Add, Bid, 8, price(0), 7);
    desk.play(Cancel, Bid, 8, price(0), 3);
    desk.play(Modify, Bid, 8, price(0), 9);
    assert_eq!(desk.ahead(id), Some(10), "order 8 is behind");
    desk.play(Cancel, Bid, 1, price(0), 2);
    assert_eq!(desk.ahead(id), Some(8));
    desk.play(Modify, Bid, 1, price(0), 1);
    assert_eq!(desk.ahead(id), Some(6));
    desk.play(Modify, Bid, 2, price(-1), 3);
    assert_eq!(desk.ahead(id), Some(3), "order 2 has moved away");
    desk.play(Modify, Bid, 2, price(0), 3);
    assert_eq!(desk.ahead(id), Some(3), "and comes back behind us");
    desk.play(Modify, Bid, 3, price(0), 6);
    assert_eq!(desk.ahead(id), Some(1), "more size costs order 3 its place");
    desk.play(Cancel, Bid, 1, price(0), 1);
    assert_eq!(desk.ahead(id), Some(0));
}

#[test]
fn a_trade_through_our_price_fills_up_to_its_size() {
    let bump = arena();
    let mut desk = Desk::new(&bump);
    let id = desk.order(Bid, 0, 14, Tif::Day);
    desk.trade(Ask, -1, &[(4, 6)]);
    assert_eq!(
        desk.fills(id, 14),
        [(6, 0)],
        "at our price, not at the worse one"
    );
}

#[test]
fn an_order_inside_the_spread_is_first() {
    let bump = arena();
    let mut desk = Desk::new(&bump);
    let id = desk.order(Bid, 1, 5, Tif::Day);
    assert_eq!(desk.ahead(id), Some(0));
    desk.trade(Ask, 0, &[(1, 3)]);
    assert_eq!(desk.fills(id, 5), [(3, 1)]);
    desk.play(Add, Ask, 9, price(1), 1);
    assert_eq!(
        desk.fills(id, 5),
        [(3, 1), (1, 1)],
        "an ask has run into it"
    );
    desk.play(Add, Ask, 10, price(2), 1);
    desk.play(Cancel, Ask, 10, price(2), 1);
    assert_eq!(
        desk.fills(id, 5).len(),
        2,
        "the same ask is not taken twice"
    );
    desk.play(Modify, Ask, 9, price(0), 3);
    assert_eq!(desk.fills(id, 5).len(), 2, "a crossed book fills nothing");
}

#[test]
fn two_orders_of_ours_share_a_trade_by_price_then_time() {
    let bump = arena();
    let mut desk = Desk::new(&bump);
    let second = desk.order(Bid, 0, 2, Tif::Day);
    desk.play(Add, Bid, 8, price(0), 3);
    let third = desk.order(Bid, 0, 2, Tif::Day);
    let first = desk.order(Bid, 1, 2, Tif::Day);
    // A trade of 16: 2 for the better price, then 10 before, 2, 2 of the 3 between, none.
    desk.play(Trade, Ask, 900, price(0), 16);
    assert_eq!(desk.fills(first, 2), [(2, 1)]);
    assert_eq!(desk.fills(second, 2), [(2, 0)]);
    assert_eq!(desk.fills(third, 2), []);
}

#[test]
fn a_refilled_iceberg_goes_behind_us() {
    let bump = arena();
    let mut desk = Desk::new(&bump);
    let id = desk.order(Bid, 0, 2, Tif::Day);
    desk.play(Modify, Bid, 1, price(0), 5);
    assert_eq!(desk.ahead(id), Some(10), "unfilled, it keeps its place");
    desk.next.flags = Flags::default();
    desk.play(Trade, Ask, 900, price(0), 5);
    desk.play(Action::Fill, Bid, 1, price(0), 5);
    desk.next.flags = Flags::LAST;
    desk.play(Modify, Bid, 1, price(0), 5);
    assert_eq!(desk.ahead(id), Some(5), "orders 2 and 3");
    desk.next.flags = Flags::default();
    desk.play(Trade, Ask, 900, price(0), 2);
    desk.play(Action::Fill, Bid, 2, price(0), 2);
    desk.next.flags = Flags::LAST;
    desk.play(Modify, Bid, 2, price(0), 1);
    assert_eq!(desk.ahead(id), Some(3), "a part fill keeps its place");
}

#[test]
fn a_cancel_travels_and_a_fill_before_it_arrives_wins() {
    let bump = arena();
    let mut desk = Desk::new(&bump);
    let id = desk.order(Bid, 1, 5, Tif::Day);
    desk.cancel(id);
    desk.play(Trade, Ask, 900, price(1), 2);
    assert_eq!(desk.fills(id, 5), [(2, 1)]);
    assert_eq!(desk.told(id), "sawxc");
    let last = desk.reports.last().expect("there are some").kind;
    assert_eq!(last, ReportKind::Cancelled { filled: 2 });
    desk.play(Trade, Ask, 900, price(1), 2);
    assert_eq!(desk.told(id), "sawxc", "gone is gone");

    let id = desk.order(Bid, 1, 2, Tif::Day);
    desk.cancel(id);
    desk.play(Trade, Ask, 900, price(1), 2);
    desk.pass(WAY);
    assert_eq!(desk.told(id), "sawxn", "the fill was first");
    // At one instant the record comes first.
    let id = desk.order(Bid, 1, 2, Tif::Day);
    desk.cancel(id);
    desk.next.ts_event.0 += WAY - 1;
    desk.play(Trade, Ask, 900, price(1), 2);
    assert_eq!(desk.told(id), "sawxn");
    let id = desk.order(Bid, 1, 2, Tif::Day);
    desk.cancel(id);
    desk.next.ts_event.0 += WAY;
    desk.play(Trade, Ask, 900, price(1), 2);
    assert_eq!(desk.told(id), "sawc", "a nanosecond later the cancel does");
}

#[test]
fn a_cancel_cannot_overtake_its_order_and_finds_one_that_waits() {
    let bump = arena();
    let mut desk = Desk::new(&bump);
    desk.halt(false);
    let id = desk.send(Bid, 3, 5, Tif::Day);
    desk.cancel(id);
    desk.pass(WAY);
    assert_eq!(desk.told(id), "sac");
    assert!(desk.venue.is_idle());
}

#[test]
fn without_a_good_book_or_in_a_halt_nothing_fills() {
    let bump = arena();
    let mut desk = Desk::new(&bump);
    let resting = desk.order(Bid, 0, 2, Tif::Day);
    desk.halt(false);
    let waiting = desk.order(Bid, 3, 5, Tif::Day);
    let ioc = desk.order(Bid, 3, 5, Tif::Ioc);
    desk.play(Trade, Ask, 900, price(-1), 50);
    assert_eq!(desk.told(resting), "saw");
    assert_eq!(desk.told(waiting), "sa", "it waits");
    assert_eq!(desk.told(ioc), "sac", "nothing is there for it now");
    desk.halt(true);
    desk.notice(FeedNotice::Reconnected);
    desk.play(Trade, Ask, 900, price(-1), 50);
    assert_eq!(desk.told(resting), "saw", "a stale book fills nothing");
    assert_eq!(desk.told(waiting), "sa");
    desk.notice(FeedNotice::ReplayCompleted);
    desk.pass(1);
    assert_eq!(desk.fills(waiting, 5), [(5, 2)]);
    desk.play(Trade, Ask, 900, price(-1), 50);
    assert_eq!(desk.fills(resting, 2), [(2, 0)]);
}

#[test]
fn a_crossed_book_fills_nothing() {
    let bump = arena();
    let mut desk = Desk::new(&bump);
    let resting = desk.order(Ask, 2, 2, Tif::Day);
    desk.play(Add, Bid, 9, price(4), 3);
    desk.play(Trade, Bid, 900, price(3), 50);
    let late = desk.order(Bid, 4, 2, Tif::Day);
    assert_eq!(
        (desk.told(resting).as_str(), desk.told(late).as_str()),
        ("saw", "sa")
    );
    desk.play(Cancel, Bid, 9, price(4), 3);
    assert_eq!(desk.fills(late, 2), [(2, 2)], "the book is good again");
}

#[test]
fn within_an_event_only_trades_count() {
    let bump = arena();
    let mut desk = Desk::new(&bump);
    let id = desk.order(Bid, 1, 5, Tif::Day);
    desk.next.flags = Flags::default();
    desk.play(Add, Ask, 9, price(1), 1);
    let other = desk.order(Bid, 3, 1, Tif::Day);
    assert_eq!(desk.fills(id, 5), [], "LAST has not come");
    assert_eq!(desk.told(other), "sa");
    desk.play(Trade, Ask, 900, price(1), 2);
    assert_eq!(desk.fills(id, 5), [(2, 1)]);
    desk.next.flags = Flags::LAST;
    desk.play(Action::None, Side::None, 0, Price::UNDEFINED, 0);
    assert_eq!(desk.fills(id, 5), [(2, 1), (1, 1)]);
    assert_eq!(
        desk.fills(other, 1),
        [(1, 1)],
        "what the earlier order met is still displayed"
    );
}

#[test]
fn after_a_clear_our_place_is_behind_all_that_is_displayed() {
    let bump = arena();
    let mut desk = Desk::new(&bump);
    let id = desk.order(Bid, 0, 2, Tif::Day);
    desk.next.flags = Flags::default();
    desk.play(Clear, Side::None, 0, Price::UNDEFINED, 0);
    assert_eq!(desk.ahead(id), None);
    for (id, side, at, size) in [(21, Bid, 0, 30), (22, Bid, 0, 40), (23, Ask, 2, 5)] {
        desk.play(Add, side, id, price(at), size);
    }
    desk.next.flags = Flags::LAST;
    desk.play(Add, Ask, 24, price(3), 5);
    assert_eq!(desk.ahead(id), Some(70));
    desk.trade(Ask, 0, &[(21, 30), (22, 39)]);
    assert_eq!(desk.fills(id, 2), []);
    assert_eq!(desk.ahead(id), Some(1));
    assert_eq!(desk.venue.counters().requeued, 1);
}

#[test]
fn n16_a_book_without_queues_asks_for_a_trade_through_the_price() {
    let bump = arena();
    let mut desk = Desk::new(&bump);
    let resting = desk.order(Bid, 0, 2, Tif::Day);
    let quote = |desk: &mut Desk<'_>, action, at: i64, bid: i64, ask: i64| {
        desk.next.ts_event.0 += 1;
        desk.next.ts_recv.0 += 1;
        desk.next.sequence += 1;
        let mut record = desk.next;
        (record.action, record.side) = (action, Ask);
        (record.price, record.size) = (price(at), 1);
        let touch = Touch {
            bid: price(bid),
            ask: price(ask),
            bid_size: 20,
            ask_size: 3,
            bid_count: 2,
            ask_count: 1,
        };
        desk.quote(&record, &touch);
    };
    quote(&mut desk, Add, 0, 0, 2);
    let id = desk.order(Bid, 1, 9, Tif::Day);
    quote(&mut desk, Trade, 1, 0, 2);
    assert_eq!(
        desk.fills(id, 9),
        [],
        "a trade at the price may be another's"
    );
    quote(&mut desk, Trade, 0, 0, 2);
    assert_eq!(desk.fills(id, 9), [(1, 1)], "one through it is ours");
    assert_eq!(desk.fills(resting, 2), []);
    quote(&mut desk, Add, 0, 0, 1);
    assert_eq!(
        desk.fills(id, 9),
        [(1, 1), (3, 1)],
        "the offer has come to us"
    );
    quote(&mut desk, Add, 0, 0, 1);
    assert_eq!(desk.fills(id, 9).len(), 2, "the same offer");
}

#[test]
fn impact_decides_whether_what_was_taken_is_there_again() {
    let bump = arena();
    let mut desk = Desk::new(&bump);
    for _ in 0..2 {
        let id = desk.order(Bid, 2, 12, Tif::Ioc);
        assert_eq!(desk.fills(id, 12), [(10, 2)], "off: all of it again");
    }
    let bump = arena();
    let mut desk = Desk::with(
        &bump,
        &Setup {
            impact: Impact::On,
            ..setup()
        },
    );
    let id = desk.order(Bid, 2, 7, Tif::Ioc);
    assert_eq!(desk.fills(id, 7), [(7, 2)]);
    assert!(
        !desk.venue.is_idle() && desk.venue.concerns(KEY),
        "it remembers"
    );
    let id = desk.order(Bid, 2, 7, Tif::Ioc);
    assert_eq!(desk.fills(id, 7), [(3, 2)], "on: what the first has left");
    desk.play(Modify, Ask, 5, price(2), 3);
    let id = desk.order(Bid, 2, 7, Tif::Ioc);
    assert_eq!(desk.fills(id, 7), [], "a reduction frees nothing");
    desk.play(Modify, Ask, 5, price(2), 4);
    let id = desk.order(Bid, 2, 7, Tif::Ioc);
    assert_eq!(desk.fills(id, 7), [(4, 2)], "a new place does");
    desk.play(Cancel, Ask, 5, price(2), 4);
    desk.play(Cancel, Ask, 6, price(2), 6);
    desk.pass(WAY);
    assert!(
        desk.venue.is_idle(),
        "gone are the orders, and the marks with them"
    );
}

#[test]
fn a_session_ends_and_a_contract_expires_to_the_nanosecond() {
    let bump = arena();
    let mut desk = Desk::new(&bump);
    desk.venue.begin_session(Nanos(START + 10_000));
    let id = desk.order(Bid, 0, 2, Tif::Day);
    assert_eq!(desk.venue.due(), Nanos(desk.next.ts_event.0 + WAY));
    desk.pass(WAY);
    assert_eq!(desk.venue.due(), Nanos(START + 10_000));
    desk.pass(START + 9_999 - desk.next.ts_event.0);
    assert!(desk.ahead(id).is_some());
    desk.pass(1);
    assert_eq!(desk.told(id), "sawe");
    let late = desk.order(Bid, 0, 2, Tif::Day);
    assert_eq!(desk.told(late), "sr");
    desk.venue.begin_session(Nanos::UNDEFINED);
    let id = desk.order(Bid, 0, 2, Tif::Day);
    desk.pass(START + 1_000_000_000 - desk.next.ts_event.0);
    assert_eq!(desk.ahead(id), Some(10), "its last instant");
    desk.pass(1);
    assert_eq!(desk.told(id), "sawe");
    let expired = desk.reports.last().expect("there are some");
    assert_eq!(expired.ts_event, Nanos(START + 1_000_000_001));
    let late = desk.order(Bid, 0, 2, Tif::Day);
    assert_eq!(desk.told(late), "sr");
    let closed = desk.reports.last().expect("there are some").kind;
    assert_eq!(closed, ReportKind::Rejected(Rejection::Closed as u16));
}

#[test]
fn a_definition_moves_the_expiry_or_withdraws_the_contract() {
    let bump = arena();
    let mut desk = Desk::new(&bump);
    let id = desk.order(Bid, 0, 2, Tif::Day);
    let definition = |action, expiration| {
        Control::Definition(Definition {
            key: KEY,
            ts_recv: Nanos(START),
            class: InstrumentClass::Future,
            update_action: action,
            strike: Price::UNDEFINED,
            expiration,
            activation: Nanos(START),
            tick: Price(250_000_000),
            unit_qty: Price(50 * Price::PER_POINT),
            underlying_id: InstrumentId(0),
            asset: Text::default(),
            currency: Text::from_bytes(b"USD"),
        })
    };
    desk.venue
        .on_control(&definition(b'M', Nanos(START + 5_000)));
    desk.pass(START + 5_000 - desk.next.ts_event.0);
    assert_eq!(desk.ahead(id), Some(10));
    desk.pass(1);
    assert_eq!(desk.told(id), "sawe");

    let bump = arena();
    let mut desk = Desk::new(&bump);
    let id = desk.order(Bid, 0, 2, Tif::Day);
    desk.venue
        .on_control(&definition(b'D', Nanos(START + 5_000)));
    assert_eq!(desk.told(id), "sawe");
    let late = desk.order(Bid, 0, 2, Tif::Day);
    assert_eq!(desk.told(late), "sr");
}

#[test]
fn n16_fees_go_with_each_execution_and_ids_are_never_used_again() {
    let bump = arena();
    let mut desk = Desk::new(&bump);
    desk.order(Bid, 3, 18, Tif::Day);
    desk.order(Ask, 0, 3, Tif::Ioc);
    desk.pass(WAY);
    let mut ids = Vec::new();
    let mut fees = Vec::new();
    for report in &desk.reports {
        if let ReportKind::Executed(execution) = report.kind {
            ids.push(execution.id.base);
            fees.push(execution.fee);
        }
    }
    assert_eq!(ids, [1, 2, 3]);
    let expected = [10, 8, 3].map(|count| Some(Money::from_usd(count)));
    assert_eq!(fees, expected);
}

#[test]
fn k01_a_bad_order_is_rejected_for_its_reason() {
    let bump = arena();
    let mut desk = Desk::new(&bump);
    let rejected = |desk: &mut Desk<'_>, id| {
        assert_eq!(desk.told(id), "sr");
        let code = match desk.reports.last().expect("there are some").kind {
            ReportKind::Rejected(code) => code,
            other => panic!("{other:?}"),
        };
        Rejection::from_code(code).expect("it is known")
    };
    let id = desk.order(Bid, 0, 0, Tif::Day);
    assert_eq!(rejected(&mut desk, id), Rejection::Size);
    let id = desk.order(Side::None, 0, 1, Tif::Day);
    assert_eq!(rejected(&mut desk, id), Rejection::Size);
    for (id, bad) in [(101, Price(1)), (102, Price::UNDEFINED)] {
        let ticket = super::super::Ticket {
            id: ClientOrderId(id),
            contract: KEY,
            side: Bid,
            quantity: 1,
            price: bad,
            tif: Tif::Day,
        };
        desk.venue.place(ticket, desk.next.ts_event);
        desk.pass(WAY);
        assert_eq!(rejected(&mut desk, ClientOrderId(id)), Rejection::Price);
    }
    let mut foreign = super::super::Ticket {
        id: ClientOrderId(103),
        contract: KEY,
        side: Bid,
        quantity: 1,
        price: price(0),
        tif: Tif::Day,
    };
    foreign.contract.instrument_id = InstrumentId(9);
    desk.venue.place(foreign, desk.next.ts_event);
    desk.pass(WAY);
    assert_eq!(rejected(&mut desk, ClientOrderId(103)), Rejection::Contract);
    for id in 200..209 {
        foreign.contract = KEY;
        foreign.id = ClientOrderId(id);
        desk.venue.place(foreign, desk.next.ts_event);
        desk.pass(WAY);
    }
    assert_eq!(rejected(&mut desk, ClientOrderId(208)), Rejection::Room);
    assert_eq!(Rejection::from_code(0), None);
}

#[test]
fn an_order_sent_twice_is_one_order() {
    let bump = arena();
    let mut desk = Desk::new(&bump);
    let ticket = super::super::Ticket {
        id: ClientOrderId(1),
        contract: KEY,
        side: Bid,
        quantity: 1,
        price: price(2),
        tif: Tif::Ioc,
    };
    for _ in 0..2 {
        desk.venue.place(ticket, desk.next.ts_event);
        desk.pass(2 * WAY);
    }
    assert_eq!(desk.venue.counters().executions, 1);
    assert_eq!(desk.venue.counters().repeated, 1);
}

#[test]
fn a_full_venue_loses_commands_but_never_an_answer_that_it_owes() {
    let bump = arena();
    let mut desk = Desk::new(&bump);
    let ids: Vec<ClientOrderId> = (0..40).map(|_| desk.send(Bid, 2, 1, Tif::Ioc)).collect();
    let lost = desk.venue.counters().lost;
    assert!(lost > 0 && lost < 40);
    desk.pass(WAY);
    desk.pass(WAY);
    let answered = ids.iter().filter(|id| {
        let is_end = |kind| matches!(kind, ReportKind::Executed(_) | ReportKind::Rejected(_));
        let mut of_it = desk.reports.iter().filter(|report| report.id == **id);
        of_it.any(|report| is_end(report.kind))
    });
    assert_eq!(answered.count() as u64, 40 - lost);
    assert!(desk.venue.is_idle());
}

#[test]
fn a_setup_without_latency_or_beyond_the_room_is_refused() {
    let refused = |setup: Setup| PaperVenue::new(&setup).err();
    let zero = Setup {
        latency: Latency::constant(0),
        ..setup()
    };
    assert_eq!(refused(zero), Some(SetupError::Latency(LatencyError::Zero)));
    let rooms = [
        ("contracts_max", 0),
        ("orders_max", 0),
        ("ahead_max", 65_537),
        ("taken_max", 65_537),
    ];
    for (name, room) in rooms {
        let mut bad = setup();
        match name {
            "contracts_max" => bad.contracts_max = room,
            "orders_max" => bad.orders_max = room,
            "ahead_max" => bad.ahead_max = room,
            _ => bad.taken_max = room,
        }
        assert_eq!(refused(bad), Some(SetupError::Room(name)));
    }
    assert!(refused(setup()).is_none());
}

#[test]
fn orders_beyond_the_names_stand_in_a_sum_that_trades_and_the_display_bound() {
    let bump = arena();
    let mut desk = Desk::with(
        &bump,
        &Setup {
            ahead_max: 1,
            ..setup()
        },
    );
    let id = desk.order(Bid, 0, 2, Tif::Day);
    assert_eq!(desk.ahead(id), Some(10));
    desk.play(Cancel, Bid, 3, price(0), 2);
    assert_eq!(desk.ahead(id), Some(8), "no more than is displayed");
    desk.trade(Ask, 0, &[(1, 5)]);
    assert_eq!(desk.ahead(id), Some(3));
    desk.play(Add, Bid, 8, price(0), 9);
    desk.play(Cancel, Bid, 2, price(0), 1);
    assert_eq!(desk.ahead(id), Some(3), "who it was cannot be told");
    desk.play(Trade, Ask, 900, price(0), 4);
    assert_eq!(desk.fills(id, 2), [(1, 0)]);
    assert_eq!(desk.ahead(id), Some(0));
}
