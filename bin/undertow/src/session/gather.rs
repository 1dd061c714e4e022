//! From what a session left behind to what it says: pure reading, no clock, no file.

use std::time::Duration;

use latency_report::recorder::Recorder;
use latency_report::run::{Core, DutyCycle, Environment, Floor, Pinning, Ring, Run};
use latency_report::text::counted;
use undertow_cold::registry::Registry;
use undertow_cold::summary::ifd::IfdFigures;
use undertow_cold::summary::trade::TradeFigures;
use undertow_cold::summary::{
    BookTrust, Check, Count, Definitions, Input, Instrument, StageLine, Summary,
};
use undertow_core::book::{Book, Books};
use undertow_core::types::{Action, Nanos, Price, Side};
use undertow_feeds::databento::Decoder;
use undertow_feeds::replay::{Bytes, Replay, Stream};

use super::{Ask, Outcome, flow, machine};
use crate::clock::TileClock;
use crate::topology::{Finished, Wiring};

/// What there is to read from.
pub(super) struct Material<'m, 'a, B> {
    pub(super) ask: &'m Ask<'m>,
    pub(super) wiring: &'m Wiring,
    pub(super) names: &'m [String],
    pub(super) finished: &'m Finished<Replay<B>, Books<'a>>,
    pub(super) registry: &'m Registry,
    pub(super) ifd: IfdFigures,
    pub(super) check: Option<Check>,
    pub(super) trade: Option<TradeFigures>,
    pub(super) is_interrupted: bool,
    pub(super) elapsed: Duration,
}

pub(super) fn outcome<B: Bytes>(material: &Material<'_, '_, B>) -> Outcome {
    Outcome {
        summary: summary(material),
        run: latency_run(material),
        is_interrupted: material.is_interrupted,
        faults: super::faults(material.names, &material.finished.feed),
    }
}

fn summary<B: Bytes>(material: &Material<'_, '_, B>) -> Summary {
    let Material {
        wiring,
        names,
        finished,
        registry,
        ifd,
        check,
        trade,
        elapsed,
        ..
    } = material;
    let streams = finished.feed.streams();
    let decoders: Vec<&Decoder> = streams.iter().map(Stream::decoder).collect();
    let (defined, options) = registry.counts();
    let tiles = &finished.tiles;
    let mut trust = BookTrust::default();
    let is_told = |action: &Action| decoders.iter().any(|it| it.counts().action(*action) > 0);
    let told = Action::ALL.into_iter().filter(is_told);
    told.for_each(|action| trust.note(action));
    Summary {
        inputs: names
            .iter()
            .zip(streams)
            .map(|(name, stream)| input(name, stream))
            .collect(),
        span: span(&decoders),
        actions: actions(&decoders),
        records: record_types(&decoders),
        faults: faults(&decoders, &finished.books, trust),
        instruments: instruments(finished, registry, trust),
        ifd: ifd.clone(),
        trade: trade.clone(),
        definitions: Definitions {
            defined,
            options,
            symbols: registry.symbol_count(),
        },
        stages: stages(&decoders, finished),
        output_digest: format!("{:016x}", finished.output.digest.value()),
        book_hash: format!("{:016x}", finished.books.hash()),
        check: check.clone(),
        run: undertow_cold::summary::Run {
            layout: wiring.layout.name().to_owned(),
            tiles: tile_words(material),
            pace: wiring.pace.to_string(),
            allocations: tiles.iter().map(|tile| tile.allocations).sum(),
            page_faults: tiles.iter().map(|tile| tile.page_faults).sum(),
            involuntary_switches: tiles.iter().map(|tile| tile.involuntary_switches).sum(),
            messages: tiles.first().map_or(0, |tile| tile.messages),
            elapsed_s: elapsed.as_secs_f64(),
        },
    }
}

fn input<B>(name: &str, stream: &Stream<B>) -> Input {
    let about = stream
        .decoder()
        .metadata()
        .map_or_else(String::new, |metadata| {
            let schema = metadata
                .schema
                .map_or("mixed schemas", |schema| schema.as_str());
            format!("DBN v{}  {}  {schema}", metadata.version, metadata.dataset)
        });
    Input {
        name: name.to_owned(),
        about,
        records: stream.decoder().counts().total(),
        error: stream.error().map(ToString::to_string),
    }
}

/// First and last time of capture over all streams.
fn span(decoders: &[&Decoder]) -> Option<(String, String)> {
    let defined = |ts: &Nanos| ts.is_defined();
    let first = decoders
        .iter()
        .map(|it| it.counts().first())
        .filter(defined)
        .min()?;
    let last = decoders
        .iter()
        .map(|it| it.counts().last())
        .filter(defined)
        .max()?;
    Some((rfc3339(first), rfc3339(last)))
}

/// A time as people read it, in UTC.
#[must_use]
pub(crate) fn rfc3339(ts: Nanos) -> String {
    let time = jiff::Timestamp::from_nanosecond(i128::from(ts.0));
    time.map_or_else(|_| ts.0.to_string(), |time| time.to_string())
}

fn actions(decoders: &[&Decoder]) -> Vec<Count> {
    let sum = |action| decoders.iter().map(|it| it.counts().action(action)).sum();
    let counts = Action::ALL.map(|action| Count {
        name: action.name().to_owned(),
        count: sum(action),
    });
    counts.into_iter().filter(|count| count.count > 0).collect()
}

fn record_types(decoders: &[&Decoder]) -> Vec<Count> {
    let counts = (0..=u8::MAX).map(|rtype| Count {
        name: undertow_feeds::databento::rtype_name(rtype),
        count: decoders.iter().map(|it| it.counts().records(rtype)).sum(),
    });
    counts.filter(|count| count.count > 0).collect()
}

/// What was wrong, in the stream and in the books; what never happened is left out.
fn faults(decoders: &[&Decoder], books: &Books<'_>, trust: BookTrust) -> Vec<Count> {
    let unknown = decoders.iter().map(|it| it.counts().unknown()).sum();
    let stream = [("unknown record type", unknown)];
    // Every suspect record is counted by its book too, and `records` is no fault.
    let books = books
        .counters()
        .named()
        .into_iter()
        .filter(|(name, _)| *name != "records")
        // An event's other records may carry its end, where only trades are told.
        .filter(|(name, _)| trust.tells_orders() || *name != "last_missing");
    let all = stream
        .into_iter()
        .chain(books)
        .filter(|(_, count)| *count > 0);
    all.map(|(name, count)| Count {
        name: name.replace('_', " "),
        count,
    })
    .collect()
}

fn instruments<B: Bytes>(
    finished: &Finished<Replay<B>, Books<'_>>,
    registry: &Registry,
    trust: BookTrust,
) -> Vec<Instrument> {
    let books = finished.books.iter().zip(0_u32..);
    let mut lines: Vec<_> = books
        .map(|(book, book_idx)| {
            let tape = finished.flow.tape(book_idx).copied().unwrap_or_default();
            let touch = book.touch();
            let counters = book.counters();
            let orders = |side| book.totals(side).orders;
            Instrument {
                name: registry.name(book.key(), last_seen(&book)),
                instrument_id: book.key().instrument_id.0,
                publisher_id: book.key().publisher_id.0,
                trust: trust.word(&book).to_owned(),
                bid: touch.bid.to_string(),
                bid_size: touch.bid_size,
                ask: touch.ask.to_string(),
                ask_size: touch.ask_size,
                orders: orders(Side::Bid) + orders(Side::Ask),
                records: counters.records,
                trades: tape.trades,
                volume: tape.volume(),
                bought: tape.bought,
                sold: tape.sold,
                cvd: tape.cvd(),
                blocks: tape.blocks,
                vwap: tape
                    .vwap()
                    .map_or(Price::UNDEFINED, to_cents_of_a_cent)
                    .to_string(),
                crossed: counters.crossed,
                flow: flow::figures(&finished.flow, &book, book_idx),
            }
        })
        .collect();
    lines.sort_by(|a, b| {
        let by_use = (b.volume, b.records).cmp(&(a.volume, a.records));
        by_use.then_with(|| a.instrument_id.cmp(&b.instrument_id))
    });
    lines
}

/// An average has more digits than anybody reads: four decimals, rounded to nearest.
fn to_cents_of_a_cent(price: Price) -> Price {
    const STEP: i64 = Price::PER_POINT / 10_000;
    Price(price.0.saturating_add(STEP / 2).div_euclid(STEP) * STEP)
}

/// When a book last heard something, for looking up its name.
pub(crate) fn last_seen(book: &Book<'_>) -> Nanos {
    if book.ts_recv().is_defined() {
        book.ts_recv()
    } else {
        book.ts_event()
    }
}

fn stages<B: Bytes>(
    decoders: &[&Decoder],
    finished: &Finished<Replay<B>, Books<'_>>,
) -> Vec<StageLine> {
    let bytes: u64 = decoders.iter().map(|decoder| decoder.offset()).sum();
    let records: u64 = decoders
        .iter()
        .map(|decoder| decoder.counts().total())
        .sum();
    let messages = finished.tiles.first().map_or(0, |tile| tile.messages);
    let books = &finished.books;
    let resting: u64 = books
        .iter()
        .map(|book| book.totals(Side::Bid).orders + book.totals(Side::Ask).orders)
        .sum();
    let line = |name: &str, did: String| StageLine {
        name: name.to_owned(),
        did,
    };
    vec![
        line(
            "decode",
            format!(
                "{} to {}, {}",
                counted(bytes, "byte"),
                counted(records, "record"),
                counted(messages, "message")
            ),
        ),
        line(
            "book",
            format!(
                "{} applied to {}, {} at the end",
                counted(books.counters().records, "record"),
                counted(books.len(), "book"),
                counted(resting, "resting order")
            ),
        ),
        line(
            "flow",
            format!(
                "{} of touch or tape",
                counted(finished.output.updates, "update")
            ),
        ),
    ]
}

fn tile_words<B>(material: &Material<'_, '_, B>) -> String {
    let words = material.finished.tiles.iter().map(|tile| match tile.core {
        Some(core) => format!("{} on core {core}", tile.name),
        None => format!("{} not pinned", tile.name),
    });
    words.collect::<Vec<_>>().join(", ")
}

fn latency_run<B>(material: &Material<'_, '_, B>) -> Run {
    let Material {
        ask,
        wiring,
        finished,
        elapsed,
        ..
    } = material;
    let tiles = &finished.tiles;
    let clock = TileClock::new();
    let rows = finished
        .stages
        .iter()
        .chain([&finished.output.latency])
        .chain(
            material
                .trade
                .as_ref()
                .map(|_| &finished.output.order_latency),
        )
        .cloned();
    Run {
        what: ask.what.clone(),
        pace: Some(wiring.pace.to_string()),
        layout: Some(wiring.layout.name().to_owned()),
        length_ns: u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX),
        environment: environment(material),
        rows: rows.map(Recorder::finish).collect(),
        rings: finished.links.iter().map(ring).collect(),
        duty_cycles: tiles
            .iter()
            .map(|tile| DutyCycle {
                tile: tile.name.to_owned(),
                longest_ns: tile.duty_cycle_ns_max,
                threshold_ns: wiring.threshold_ns,
                over: tile.over_threshold,
            })
            .collect(),
        allocations: Some(tiles.iter().map(|tile| tile.allocations).sum()),
        page_faults: Some(tiles.iter().map(|tile| tile.page_faults).sum()),
        involuntary_switches: Some(tiles.iter().map(|tile| tile.involuntary_switches).sum()),
        floor: Some(Floor::measure(|| clock.read())),
        ..Run::default()
    }
}

fn ring(link: &crate::topology::LinkReport) -> Ring {
    Ring {
        name: link.name.to_owned(),
        high_water: link.backlog_max as u64,
        capacity: link.depth as u64,
        full: link.full_count,
    }
}

fn environment<B>(material: &Material<'_, '_, B>) -> Environment {
    let cores = material.finished.tiles.iter().map(|tile| Core {
        tile: tile.name.to_owned(),
        id: tile
            .core
            .and_then(|core| u32::try_from(core).ok())
            .unwrap_or(u32::MAX),
        pinning: if tile.core.is_some() {
            Pinning::Verified
        } else {
            Pinning::None
        },
    });
    machine::environment(cores.collect(), material.ask.config)
}
