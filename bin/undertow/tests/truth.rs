//! The books against what others say of the same data, and against themselves.
//!
//! The real files are not ours to distribute: where they are absent a test says so and passes.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::collections::HashMap;
use std::io::Read;
use std::path::Path;

use undertow::pump::Blocks;
use undertow_core::book::{Book, BookCounters, BookLimits, Books};
use undertow_core::event::{Body, Control, Mbo, Trust};
use undertow_core::types::{Action, Flags, Side};
use undertow_feeds::replay::Replay;

mod support;

/// Takes every message of a file to `see`, after the books have taken it.
fn replay(path: &Path, books: &mut Books<'_>, mut see: impl FnMut(&Mbo, &Books<'_>)) {
    let (blocks, _) = Blocks::open(path).unwrap();
    let mut feed = Replay::new([blocks]);
    loop {
        let Some(msg) = feed.pop() else {
            assert!(!feed.is_ended(), "the end was missed");
            std::thread::yield_now();
            continue;
        };
        match msg.body {
            Body::Control(Control::End) => break,
            body => {
                books.take(&body);
                if let Some(mbo) = body.record() {
                    see(mbo, books);
                }
            }
        }
    }
    assert_eq!(feed.streams()[0].error(), None);
}

/// Price (1e-9), size and count of a level; zeros where there is none.
type Row = [(i64, u64, u32); 20];

/// Ten levels of each side, bids first.
fn levels(book: &Book<'_>) -> Row {
    let mut row = Row::default();
    for (start, side) in [(0, Side::Bid), (10, Side::Ask)] {
        for (cell, level) in row[start..start + 10].iter_mut().zip(book.depth(side)) {
            *cell = (level.price.0, level.size, level.count);
        }
    }
    row
}

/// One row of Databento's MBP-10 for the same day.
struct Truth {
    ts_event: u64,
    sequence: u32,
    action: char,
    levels: Row,
}

fn truth(path: &Path) -> Vec<Truth> {
    let mut text = String::new();
    let file = std::fs::File::open(path).unwrap();
    flate2::read::GzDecoder::new(file)
        .read_to_string(&mut text)
        .unwrap();
    let mut lines = text.lines();
    let names: Vec<_> = lines.next().unwrap().split(',').collect();
    lines.map(|line| truth_row(&names, line)).collect()
}

fn truth_row(names: &[&str], line: &str) -> Truth {
    let cells: HashMap<_, _> = names.iter().copied().zip(line.split(',')).collect();
    let mut levels = Row::default();
    for (start, side) in [(0, "bid"), (10, "ask")] {
        for (place, cell) in levels[start..start + 10].iter_mut().enumerate() {
            let field = |what: &str| cells[format!("{side}_{what}_{place:02}").as_str()];
            *cell = (
                price(field("px")),
                field("sz").parse().unwrap(),
                field("ct").parse().unwrap(),
            );
        }
    }
    let time: jiff::Timestamp = cells["ts_event"].parse().unwrap();
    Truth {
        ts_event: time.as_nanosecond().try_into().unwrap(),
        sequence: cells["sequence"].parse().unwrap(),
        action: cells["action"].chars().next().unwrap(),
        levels,
    }
}

/// A decimal as an integer of 1e-9; an empty cell is no price.
fn price(text: &str) -> i64 {
    let (points, fraction) = text.split_once('.').unwrap_or((text, ""));
    if points.is_empty() {
        return 0;
    }
    let fraction: i64 = format!("{fraction:0<9}").parse().unwrap();
    points.parse::<i64>().unwrap() * 1_000_000_000 + fraction
}

#[test]
fn arl_equals_every_row_of_databentos_own_ten_levels() {
    let Some(oracle) = support::data("oracle/arl-xnas-itch-20250717.mbp-10.csv.gz") else {
        return;
    };
    let Some(file) = support::data("dbn/arl-xnas-itch-20250717.mbo.dbn.zst") else {
        return;
    };
    let limits = BookLimits {
        pages_max: 4096,
        orders_max: 8192,
        ..BookLimits::default()
    };
    let arena = support::arena(&limits);
    let mut books = Books::new_in(&arena, &limits).unwrap();
    // What the book was after each record, by the time and number that the oracle gives too.
    let mut after: HashMap<(u64, u32), Vec<(Action, Row)>> = HashMap::new();
    replay(&file, &mut books, |mbo, books| {
        let book = books.get(mbo.key()).unwrap();
        let moments = after.entry((mbo.ts_event.0, mbo.sequence)).or_default();
        moments.push((mbo.action, levels(&book)));
    });
    let truth = truth(&oracle);
    assert_eq!(truth.len(), 3928);
    for row in &truth {
        let moments = &after[&(row.ts_event, row.sequence)];
        let found = match row.action {
            'A' => moments.iter().find(|(action, _)| *action == Action::Add),
            'C' => moments.iter().find(|(action, _)| *action == Action::Cancel),
            'R' => moments.iter().find(|(action, _)| *action == Action::Clear),
            // The oracle's trades show the book after the fill, so after the whole event.
            _ => moments.last(),
        };
        let (_, levels) = found.unwrap();
        assert_eq!(
            *levels, row.levels,
            "at ts_event {} sequence {}",
            row.ts_event, row.sequence
        );
    }
}

#[test]
fn esh4_has_no_unknown_order_and_crosses_only_before_the_open() {
    let Some(file) = support::data("dbn/esh4-glbx-mdp3-20231225.mbo.dbn.zst") else {
        return;
    };
    /// 2023-12-25 23:00 UTC.
    const OPEN_NS: u64 = 1_703_545_200_000_000_000;
    let limits = support::limits(16, 65_536);
    let arena = support::arena(&limits);
    let mut books = Books::new_in(&arena, &limits).unwrap();
    let (mut records, mut crossed, mut trades) = (0_u32, [0_u32; 2], 0_u32);
    let mut touch = None;
    replay(&file, &mut books, |mbo, books| {
        records += 1;
        let book = books.get(mbo.key()).unwrap();
        let after_open = mbo.ts_event.0 >= OPEN_NS;
        if mbo.action == Action::Trade && after_open {
            trades += 1;
            // The touch before the event: a buyer pays the ask or more, a seller gets the bid or
            // less.
            let touch: undertow_core::event::Touch = touch.unwrap();
            match mbo.side {
                Side::Bid => assert!({ mbo.price } >= touch.ask, "{mbo:?} {touch:?}"),
                Side::Ask => assert!({ mbo.price } <= touch.bid, "{mbo:?} {touch:?}"),
                Side::None => {}
            }
        }
        if mbo.flags.has(Flags::LAST) {
            touch = Some(book.touch());
            crossed[usize::from(after_open)] += u32::from(book.touch().is_crossed());
        }
    });
    let counters = books.counters();
    let wrong = [
        counters.unknown_cancel,
        counters.unknown_modify,
        counters.duplicate_add,
    ];
    assert_eq!((records, wrong), (68_792, [0, 0, 0]));
    assert_eq!(crossed, [891, 0], "crossed before and after the open");
    assert!(trades > 2_900, "{trades}");
    assert_eq!(counters.crossed, 891);
    assert_eq!(books.iter().next().unwrap().trust(), Trust::Good);
}

#[test]
fn a_snapshot_alone_fills_the_book() {
    let Some(file) = support::data("dbn/esh4-glbx-mdp3-20231224.mbo.dbn.zst") else {
        return;
    };
    let limits = support::limits(16, 65_536);
    let arena = support::arena(&limits);
    let mut books = Books::new_in(&arena, &limits).unwrap();
    replay(&file, &mut books, |_, _| {});
    let book = books.iter().next().unwrap();
    let orders = book.totals(Side::Bid).orders + book.totals(Side::Ask).orders;
    assert_eq!(orders, 8_725);
    assert_eq!(book.trust(), Trust::Good, "its last record carries LAST");
    assert!(book.touch().is_two_sided());
}

#[test]
fn every_file_holds_the_invariants_after_every_event() {
    let Some(folder) = support::data("dbn") else {
        return;
    };
    let mut files: Vec<_> = folder
        .read_dir()
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    assert!(files.len() >= 7);
    for file in files {
        let limits = support::limits(16, 65_536);
        let arena = support::arena(&limits);
        let mut books = Books::new_in(&arena, &limits).unwrap();
        let mut checks = 0;
        replay(&file, &mut books, |mbo, books| {
            if mbo.flags.has(Flags::LAST) {
                checks += 1;
                let book = books.get(mbo.key()).unwrap();
                assert_eq!(book.check(), Ok(()), "{} {mbo:?}", file.display());
            }
        });
        let is_clean = |counters: BookCounters| counters.maybe_bad + counters.pool_exhausted == 0;
        assert!(is_clean(books.counters()), "{}", file.display());
        println!("{}: {checks} complete events hold", file.display());
    }
}
