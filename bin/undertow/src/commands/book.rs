//! `book`: the ladder of an instrument at a time, straight from a file.

use std::fmt::Write;

use anyhow::Result;
use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table};
use latency_report::text::{counted, thousands};
use serde_json::{Value, json};
use undertow_cold::registry::Registry;
use undertow_cold::summary::BookTrust;
use undertow_core::book::{Book, Books, Level};
use undertow_core::event::{Body, Mbo};
use undertow_core::types::{Flags, InstrumentId, Nanos, Side};

use super::records::Records;
use super::{effective, print, print_json};
use crate::cli::{self, Global};
use crate::exit::{Code, Exit, Failure};
use crate::memory::Arena;
use crate::session::{self, rfc3339};

/// Prints the ladder.
///
/// # Errors
/// A file that cannot be read, or an instrument that it does not have.
pub(super) fn book(global: &Global, args: &cli::Book) -> Result<Exit> {
    let config = effective(global, Vec::new())?.config;
    let limits = session::limits(&config);
    let (arena, _) = Arena::new(limits.bytes(), false);
    let mut reader = Reader {
        records: Records::open(std::slice::from_ref(&args.file))?,
        books: Books::new_in(arena.bump(), &limits)?,
        registry: Registry::default(),
        trust: BookTrust::default(),
        day: None,
    };
    reader.read_to(args);
    let ids = reader.registry.find(&args.instrument);
    let found = reader
        .books
        .iter()
        .filter(|book| ids.contains(&book.key().instrument_id));
    let found: Vec<_> = found.collect();
    let answer = match found.is_empty() {
        true => Err(reader.unknown(args, &ids)),
        false => Ok(found),
    };
    let (found, verdict) = reader.records.judged(answer)?;
    if global.json {
        let books = found.iter().map(|book| reader.json(book, args));
        print_json(&Value::Array(books.collect()))?;
    } else {
        let texts: Vec<_> = found.iter().map(|book| reader.text(book, args)).collect();
        print(&texts.join("\n"))?;
    }
    verdict.end()
}

/// A file on its way into books.
struct Reader<'a> {
    records: Records<'a>,
    books: Books<'a>,
    registry: Registry,
    trust: BookTrust,
    /// The day that a time of day is of: that of the first live record, for a snapshot's records
    /// may be of the day before.
    day: Option<Nanos>,
}

impl Reader<'_> {
    /// Applies every event up to the time asked for.
    fn read_to(&mut self, args: &cli::Book) {
        loop {
            let Some(msg) = self.records.next() else {
                return;
            };
            if let Body::Control(control) = &msg.body {
                self.registry.note(control);
            }
            if let Some(mbo) = msg.body.record()
                && self.is_beyond(mbo, args)
            {
                return;
            }
            if let Some(mbo) = msg.body.record() {
                self.trust.note(mbo.action);
            }
            self.books.take(&msg.body);
        }
    }

    fn is_beyond(&mut self, mbo: &Mbo, args: &cli::Book) -> bool {
        let ts = if mbo.ts_recv.is_defined() {
            mbo.ts_recv
        } else {
            mbo.ts_event
        };
        if !ts.is_defined() {
            return false;
        }
        let is_live = !mbo.flags.has(Flags::SNAPSHOT);
        if is_live && self.day.is_none() {
            self.day = Some(ts);
        }
        let Some(at) = args.at else { return false };
        let Some(day) = self.day else { return false };
        is_live && at.on_day_of(day) < ts
    }

    fn unknown(&self, args: &cli::Book, ids: &[InstrumentId]) -> Failure {
        let names: Vec<_> = self.books.iter().map(|book| self.name(&book)).collect();
        let wanted = &args.instrument;
        let near = |name: &&String| strsim::damerau_levenshtein(name, wanted);
        let nearest = names.iter().min_by_key(near);
        let cause = match (ids, nearest) {
            (_, None) => "no book was built up to that time".to_owned(),
            ([], Some(_)) => format!("no instrument {wanted}"),
            (_, Some(_)) => format!("{wanted} has no book up to that time"),
        };
        let next = match nearest {
            Some(name) => format!("did you mean {name}? Books in the file: {}", names.len()),
            None => "ask for a later --at".to_owned(),
        };
        Failure::new(Code::FEED_INSTRUMENT, cause, next).at(args.file.display().to_string())
    }

    fn name(&self, book: &Book<'_>) -> String {
        self.registry.name(book.key(), session::last_seen(book))
    }

    fn text(&self, book: &Book<'_>, args: &cli::Book) -> String {
        let mut text = format!(
            "{}  {}  {}  {}\n",
            self.name(book),
            heard(book).map_or_else(
                || "before its first live record".to_owned(),
                |ts| format!("at {}", rfc3339(ts))
            ),
            BookTrust::words(self.trust.word(book)),
            if book.is_event_open() {
                "(an event is open)"
            } else {
                ""
            },
        );
        text.truncate(text.trim_end().len());
        text.push_str("\n\n");
        let mut table = Table::new();
        table.load_preset(NOTHING);
        table.set_header(["orders", "bid size", "price", "ask size", "orders"]);
        let mut asks: Vec<_> = book.depth(Side::Ask).take(args.depth).collect();
        asks.reverse();
        for level in &asks {
            add_row(&mut table, Side::Ask, level);
        }
        for level in book.depth(Side::Bid).take(args.depth) {
            add_row(&mut table, Side::Bid, &level);
        }
        for column in table.column_iter_mut() {
            column.set_cell_alignment(CellAlignment::Right);
        }
        for line in table.lines() {
            let _ = writeln!(text, "{}", line.trim_end());
        }
        for (side, name) in [(Side::Bid, "bid"), (Side::Ask, "ask")] {
            let totals = book.totals(side);
            let _ = writeln!(
                text,
                "{name}: {} on {}, size {}",
                counted(totals.orders, "order"),
                counted(totals.levels, "level"),
                thousands(totals.size)
            );
        }
        if args.queue {
            for side in [Side::Ask, Side::Bid] {
                queues(&mut text, book, side, args.depth);
            }
        }
        text
    }

    fn json(&self, book: &Book<'_>, args: &cli::Book) -> Value {
        let side = |side| {
            let levels = book.depth(side).take(args.depth);
            levels
                .map(|level| level_json(book, side, &level, args.queue))
                .collect::<Vec<_>>()
        };
        json!({
            "symbol": self.name(book),
            "instrument_id": book.key().instrument_id.0,
            "publisher_id": book.key().publisher_id.0,
            "ts": heard(book).map(|ts| ts.0),
            "trust": self.trust.word(book),
            "bids": side(Side::Bid),
            "asks": side(Side::Ask),
        })
    }
}

/// When the book last heard something; a snapshot has no time at which it held.
fn heard(book: &Book<'_>) -> Option<Nanos> {
    let ts = session::last_seen(book);
    (ts.0 > 0).then_some(ts)
}

fn add_row(table: &mut Table, side: Side, level: &Level) {
    let (price, size) = (level.price.to_string(), thousands(level.size));
    let count = level.count.to_string();
    let none = String::new;
    match side {
        Side::Bid => table.add_row([count, size, price, none(), none()]),
        Side::Ask | Side::None => table.add_row([none(), none(), price, size, count]),
    };
}

/// Each level's orders in priority order, with what is ahead of each.
fn queues(text: &mut String, book: &Book<'_>, side: Side, depth: usize) {
    for level in book.depth(side).take(depth) {
        let _ = writeln!(text, "\n{side:?} {}", level.price);
        let mut ahead = 0;
        for order in book.queue(side, level.price) {
            let _ = writeln!(
                text,
                "  order {:>20}  size {:>8}  ahead {:>8}",
                order.order_id.0,
                thousands(order.size),
                thousands(ahead)
            );
            ahead += order.size;
        }
    }
}

fn level_json(book: &Book<'_>, side: Side, level: &Level, with_queue: bool) -> Value {
    let mut value = json!({
        "price": level.price.to_string(),
        "size": level.size,
        "count": level.count,
    });
    if with_queue {
        let queue = book.queue(side, level.price);
        let orders = queue.map(|order| json!({"id": order.order_id.0, "size": order.size}));
        value["queue"] = Value::Array(orders.collect());
    }
    value
}
