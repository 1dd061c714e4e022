//! What is handed out comes back, so that the pools of a session are as large in the last round
//! as in the first, and large enough for what the limits promise.

use super::super::index::OrderIndex;
use super::faults::definition;
use super::*;

const PAGES: u32 = 64;
const SIDE_PAGES: u32 = 40;

/// As little as serves the promise: every page in use, one side as large as it may be.
fn tight() -> BookLimits {
    BookLimits {
        instruments_max: 64,
        orders_max: 128,
        pages_max: PAGES,
        side_pages_max: SIDE_PAGES,
        ..BookLimits::default()
    }
}

/// Opens so many pages of one side of one book: a level in each.
fn open(desk: &mut Desk<'_>, book: u32, side: Side, pages: u32) {
    for page in 0..pages {
        let id = u64::from(page * 2 + u32::from(side == Side::Ask));
        let price = price(100 * (i64::from(page) + 1), 0);
        let mbo = desk.record(Action::Add, side, id, price, 1);
        let update = desk.apply(Mbo {
            instrument_id: InstrumentId(book),
            ..mbo
        });
        assert_eq!(update.effect, Effect::Added, "page {page} of book {book}");
    }
}

/// Empties every book, and sees all pools full again.
fn close(desk: &mut Desk<'_>, limits: &BookLimits) {
    for book in 0..64 {
        let mbo = desk.record(Action::Clear, Side::None, 0, Price::UNDEFINED, 0);
        desk.apply(Mbo {
            instrument_id: InstrumentId(book),
            ..mbo
        });
    }
    assert_eq!(desk.books.free_pages(), limits.pages_max);
    assert_eq!(desk.books.free_orders(), limits.orders_max);
}

/// A side that grows to its limit, and every other page alone on a side of its own.
fn fill(desk: &mut Desk<'_>, round: u32) {
    let others = 20..20 + PAGES - SIDE_PAGES;
    let is_first = round.is_multiple_of(2);
    if is_first {
        open(desk, round % 8, Side::Bid, SIDE_PAGES);
    }
    for book in others {
        open(desk, book, Side::Ask, 1);
    }
    if !is_first {
        open(desk, round % 8, Side::Ask, SIDE_PAGES);
    }
    check(desk);
}

fn check(desk: &Desk<'_>) {
    for book in desk.books.iter() {
        assert_eq!(book.check(), Ok(()));
    }
}

#[test]
fn f27_one_side_can_grow_to_its_limit_in_every_round_and_all_pages_be_used() {
    let limits = tight();
    let bump = Bump::with_capacity(limits.bytes());
    let mut desk = Desk::with(&bump, &limits);
    for round in 0..100 {
        fill(&mut desk, round);
        assert_eq!(desk.books.free_pages(), 0, "round {round}");
        close(&mut desk, &limits);
    }
    assert_eq!(desk.books.counters().pool_exhausted, 0);
}

#[test]
fn f27_blocks_of_sides_that_were_larger_serve_many_that_are_small() {
    let limits = tight();
    let bump = Bump::with_capacity(limits.bytes());
    let mut desk = Desk::with(&bump, &limits);
    for _ in 0..20 {
        for book in 0..12 {
            open(&mut desk, book, Side::Bid, 5);
        }
        check(&desk);
        close(&mut desk, &limits);
        for book in 0..PAGES / 2 {
            open(&mut desk, book, Side::Bid, 1);
            open(&mut desk, book, Side::Ask, 1);
        }
        check(&desk);
        assert_eq!(desk.books.free_pages(), 0);
        close(&mut desk, &limits);
    }
    assert_eq!(desk.books.counters().pool_exhausted, 0);
}

/// The factor of the index's hash, and the number that undoes it.
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

fn undo_golden() -> u64 {
    let step = |inverse: u64| {
        let wrong = GOLDEN.wrapping_mul(inverse);
        inverse.wrapping_mul(2_u64.wrapping_sub(wrong))
    };
    (0..6).fold(GOLDEN, |inverse, _| step(inverse))
}

/// An id of the first book that belongs into this bucket of the smallest table, and so do those
/// with other numbers, however large it grows.
fn id_in(bucket: u64, number: u64) -> u64 {
    let hash = bucket << 52 | number;
    let id = hash.wrapping_mul(undo_golden());
    assert_eq!(id.wrapping_mul(GOLDEN), hash);
    id
}

#[test]
fn orders_of_one_bucket_are_found_and_forgotten_like_others() {
    let last = (0..40).map(|number| id_in(511, number));
    let first = (0..8).map(|number| id_in(0, number));
    let ids: Vec<u64> = last.chain(first).collect();
    let limits = BookLimits {
        orders_max: 64,
        ..small()
    };
    let bump = Bump::new();
    let mut desk = Desk::with(&bump, &limits);
    desk.clear(Flags::LAST);
    let mut rests = [false; 48];
    let mut random = 1_u64;
    for step in 0..1_000_usize {
        random = random.wrapping_mul(GOLDEN).rotate_left(17) ^ step as u64;
        // Filled up first, and then in any order.
        let at = if step < ids.len() {
            step
        } else {
            (random % 48) as usize
        };
        let effect = match rests[at] {
            true => desk.cancel(Side::Bid, ids[at], P41, 1).effect,
            false => desk.add(Side::Bid, ids[at], P41, 1).effect,
        };
        let wanted = if rests[at] {
            Effect::Removed
        } else {
            Effect::Added
        };
        assert_eq!(effect, wanted, "step {step}");
        rests[at] = !rests[at];
        for (id, rests) in ids.iter().zip(rests) {
            let found = desk.book().order(OrderId(*id)).is_some();
            assert_eq!(found, rests, "step {step}");
        }
    }
    assert_eq!(desk.book().check(), Ok(()));
    desk.clear(Flags::LAST);
    assert_eq!(desk.books.free_orders(), 64);
    for id in ids {
        assert_eq!(desk.book().order(OrderId(id)), None);
        assert_eq!(desk.add(Side::Bid, id, P41, 1).effect, Effect::Added);
    }
}

/// Whatever part of their ids tells orders apart, their buckets differ.
#[test]
fn ids_that_differ_in_any_part_are_spread() {
    let limits = BookLimits {
        orders_max: 1 << 12,
        ..small()
    };
    let bump = Bump::new();
    let index = OrderIndex::new_in(&bump, &limits).expect("sound limits");
    for shift in 0..54 {
        let mut buckets: Vec<_> = (0..1_024).map(|id| index.bucket(3, id << shift)).collect();
        buckets.sort_unstable();
        buckets.dedup();
        assert!(
            buckets.len() > 512,
            "ids from bit {shift}: {}",
            buckets.len()
        );
    }
}

/// A page at the end of all prices has levels that stand for none, and the last number there is
/// stands for "no price": neither is taken for a price that looks the same.
#[test]
fn levels_beyond_all_prices_take_no_order() {
    let bump = Bump::new();
    let mut desk = Desk::opened(&bump);
    desk.books.control(&definition(P41, Price(1)));
    for (id, side) in [(1, Side::Bid), (2, Side::Ask)] {
        let end = desk.add(side, id, Price(i64::MAX - 1), 1);
        assert_eq!(end.effect, Effect::Added);
        let none = desk.add(side, 10 + id, Price::UNDEFINED, 1);
        assert_eq!(none.effect, Effect::Refused, "{side:?}");
        desk.cancel(side, id, Price(i64::MAX - 1), 1);
    }
    assert_eq!(desk.book().counters().undefined_price, 2);
}

/// Of a coarse grid the last page is cut off by the end of all prices. Where few pages are at hand
/// it is looked for in the same place as that of no ticks, so for the last of these and more.
#[test]
fn levels_without_a_price_are_not_taken_for_no_ticks() {
    for last in [50, 250, 1_010] {
        let bump = Bump::new();
        let mut desk = Desk::opened(&bump);
        let tick = i64::MAX / last;
        desk.books.control(&definition(P41, Price(tick)));
        for (id, ticks) in [(20, -last), (21, 0), (22, 1)] {
            let added = desk.add(Side::Bid, id, Price(ticks * tick), 1);
            assert_eq!(added.effect, Effect::Added, "{ticks} ticks");
        }
        let depth = desk.book().depth(Side::Bid);
        let prices: Vec<_> = depth.map(|level| level.price.0).collect();
        assert_eq!(prices, [1, 0, -last].map(|ticks| ticks * tick));
        assert_eq!(desk.book().check(), Ok(()));
    }
}

#[test]
fn levels_a_tick_apart_share_a_page_however_large_the_tick() {
    let bump = Bump::new();
    let mut desk = Desk::opened(&bump);
    desk.books.control(&definition(P41, price(100, 0)));
    for level in 0..16 {
        desk.add(Side::Bid, level as u64, price(100 * level, 0), 1);
    }
    assert_eq!(desk.books.free_pages(), small().pages_max - 1);
}

#[test]
fn limits_are_refused_beyond_their_ranges_and_taken_at_the_least() {
    type Change = fn(&mut BookLimits, u32);
    let ranges: [(&str, Change, u32); 5] = [
        ("instruments_max", |it, to| it.instruments_max = to, 1 << 24),
        ("orders_max", |it, to| it.orders_max = to, 1 << 30),
        (
            "book_orders_max",
            |it, to| it.book_orders_max = to,
            u32::MAX,
        ),
        ("pages_max", |it, to| it.pages_max = to, 1 << 26),
        ("side_pages_max", |it, to| it.side_pages_max = to, 1 << 16),
    ];
    for (name, change, max) in ranges {
        let check = |value| {
            let mut limits = small();
            change(&mut limits, value);
            limits.check()
        };
        assert_eq!((check(1), check(max)), (Ok(()), Ok(())), "{name}");
        for value in [0, max.saturating_add(1)] {
            let refused = Err(LimitError::OutOfRange { name, value, max });
            if value != max {
                assert_eq!(check(value), refused);
            }
        }
    }
    let bump = Bump::new();
    bump.set_allocation_limit(Some(0));
    let error = Books::new_in(&bump, &small()).expect_err("there is no memory");
    assert!(matches!(error, LimitError::NoMemory { bytes } if bytes > 0));
    let text = alloc::format!("{error}");
    assert!(text.contains("no memory"), "{text}");
}
