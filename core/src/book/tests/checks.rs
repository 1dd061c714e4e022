//! A check that could not fail would prove nothing: here each thing that can be wrong in a book
//! is made wrong by hand, and must be found under its name.

use super::super::Violation;
use super::super::nodes::{LevelId, NodeId};
use super::super::slab::unlink;
use super::*;

/// What the check says of a sound book of three bids and an ask after one change by hand.
fn found(change: impl FnOnce(&mut Books<'_>)) -> Result<(), Violation> {
    let bump = Bump::new();
    let mut desk = Desk::filled(&bump);
    assert_eq!(desk.book().check(), Ok(()));
    change(&mut desk.books);
    desk.book().check()
}

/// The node of an order, and of its level.
fn nodes(books: &Books<'_>, id: u64) -> (NodeId, LevelId) {
    let order = books.heads[0].find_order(&books.shared, id);
    let order = order.expect("it rests");
    (order, books.shared.slab.nodes[order].level)
}

#[test]
fn i01_an_order_that_is_linked_or_owned_wrongly_is_found() {
    let second = Err(Violation::Order(KEY, OrderId(2)));
    let changes: [fn(&mut Node); 3] = [
        |node| node.prev = node.next,
        |node| node.level = node.level.page().level(node.level.bit() + 1),
        |node| node.size = 0,
    ];
    for change in changes {
        let found = found(|books| {
            let (order, _) = nodes(books, 2);
            change(&mut books.shared.slab.nodes[order]);
        });
        assert_eq!(found, second);
    }
}

#[test]
fn i01_an_order_that_the_index_does_not_know_is_found() {
    for id in [1, 2, 3] {
        let found = found(|books| {
            let Shared { slab, index, .. } = &mut books.shared;
            let order = index.find(&slab.nodes, 0, id);
            index.remove(&mut slab.nodes, index.bucket(0, id), order);
        });
        assert!(matches!(found, Err(Violation::Order(KEY, _))), "{found:?}");
    }
}

#[test]
fn i01_a_level_that_is_not_the_sum_of_its_orders_is_found() {
    let level = Err(Violation::Level(KEY, Side::Bid, P41));
    let changes: [fn(&mut Node); 4] = [
        |node| node.size += 1,
        |node| node.tag += 1,
        |node| (node.size, node.tag) = (0, 0),
        |node| node.prev = node.next,
    ];
    for change in changes {
        let found = found(|books| {
            let (_, level) = nodes(books, 2);
            change(&mut books.shared.slab.nodes[level]);
        });
        assert_eq!(found, level);
    }
    // A level that is marked as one with orders, and has none.
    let empty = found(|books| {
        let (order, level) = nodes(books, 9);
        unlink(&mut books.shared.slab.nodes, order);
        assert_eq!(books.shared.slab.nodes[level].tag, 0);
    });
    assert_eq!(empty, Err(Violation::Ladder(KEY, Side::Ask)));
}

#[test]
fn i01_a_count_or_a_best_level_that_is_not_so_is_found() {
    for change in [1, -1] {
        let found = found(|books| {
            let count = &mut books.heads[0].orders_count;
            *count = count.saturating_add_signed(change);
        });
        assert_eq!(found, Err(Violation::Count(KEY)));
    }
    for (index, side) in [Side::Bid, Side::Ask].into_iter().enumerate() {
        let found = found(|books| {
            let best = &mut books.heads[0].ladders.best[index];
            *best = best.page().level(best.bit() + 1);
        });
        assert_eq!(found, Err(Violation::Ladder(KEY, side)));
    }
    // Its price is not where it stands.
    let misplaced = found(|books| {
        let (_, level) = nodes(books, 2);
        books.shared.slab.nodes[level].key += price(1, 0).0.cast_unsigned();
    });
    assert_eq!(misplaced, Err(Violation::Ladder(KEY, Side::Bid)));
    let foreign = found(|books| {
        let (_, level) = nodes(books, 2);
        books.shared.slab.nodes[level.page()].owner += 1;
    });
    assert_eq!(foreign, Err(Violation::Ladder(KEY, Side::Bid)));
}

#[test]
fn i02_a_good_book_that_is_locked_or_crossed_is_found() {
    for bid in [price(41, 50), price(41, 75)] {
        let found = found(|books| books.heads[0].update.touch.bid = bid);
        assert_eq!(found, Err(Violation::Crossed(KEY)));
    }
    let text = alloc::format!("{}", Violation::Crossed(KEY));
    assert!(text.contains("17077") && text.contains("crossed"), "{text}");
}

#[test]
fn as_a_stage_the_books_hear_what_control_says() {
    let bump = Bump::new();
    let mut desk = Desk::opened(&bump);
    let mut outputs = Outputs(Vec::new());
    let suspect = Control::Suspect(KEY, crate::event::Suspicion::BadLength);
    let (stage, sink) = (&mut desk.books, &mut outputs);
    Through { stage, sink }.put(&Msg {
        stamp: Stamp::default(),
        body: Body::Control(suspect),
    });
    assert_ne!(desk.book().trust(), Trust::Good);
    assert_eq!(desk.book().counters().suspect, 1);
    assert!(!desk.books.is_empty());
}

#[test]
fn f16_a_delay_is_absurd_beyond_the_threshold_and_not_at_it() {
    for (max, absurd) in [(0, [true, false, true]), (1, [true, false, false])] {
        let mut limits = small();
        limits.thresholds.in_delta_ns_max = max;
        let bump = Bump::new();
        let mut desk = Desk::with(&bump, &limits);
        let first = desk.record(Action::Clear, Side::None, 0, Price::UNDEFINED, 0);
        desk.apply(Mbo {
            ts_in_delta: 0,
            ..first
        });
        for (id, (ts_in_delta, is_absurd)) in (1..).zip([-1, 0, 1].into_iter().zip(absurd)) {
            let before = desk.book().counters().absurd_delta;
            let mbo = desk.record(Action::Add, Side::Bid, id, P41, 1);
            desk.apply(Mbo { ts_in_delta, ..mbo });
            let counted = desk.book().counters().absurd_delta - before;
            assert_eq!(counted, u64::from(is_absurd), "{ts_in_delta} of {max}");
        }
    }
}
