//! However the threads are cut, the same bytes come out.
//!
//! The tiles of each layout are stepped by hand, one duty cycle at a time in an order drawn from
//! a seed, over rings so short that back-pressure is the rule. Every output of every
//! interleaving is compared with the fused chain's.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use latency_report::recorder::{Basis, Recorder};
use undertow::clock::TileClock;
use undertow::config::values::Pace;
use undertow::ingress::{Dated, Ingress};
use undertow::output::words;
use undertow::probe::{Relay, Sampling, Timed};
use undertow::tile::{Idle, Switchboard, Tile, TileOptions, TileSource};
use undertow::topology::{self, Layout, Wiring};
use undertow::watchdog::{Alarm, COLD, Helper};
use undertow_core::book::{BookLimits, Books};
use undertow_core::event::{Body, Control, Definition, FeedNotice, Mbo, Msg, RecordHeader, Stamp};
use undertow_core::event::{InstrumentClass, Suspicion};
use undertow_core::health::BEAT_INTERVAL;
use undertow_core::ring::{Reader, reliable};
use undertow_core::stage::{Pass, Sink, Source, Stage, Then};
use undertow_core::types::{
    Action, BookKey, Flags, InstrumentId, Nanos, OrderId, Price, PublisherId, Side, Text,
};
use undertow_strategies::flow::{Flow, FlowOutput, FlowParameters};
use undertow_strategies::ifd::baseline::Table;

mod support;

use support::Rng;

const INSTRUMENTS_MAX: usize = 16;

/// A feed that is a list.
#[derive(Clone, Debug)]
struct List(VecDeque<Body<Mbo>>);

impl Source<Mbo> for List {
    fn take(&mut self, to: &mut impl Sink<Mbo>) -> bool {
        let Some(body) = self.0.pop_front() else {
            return false;
        };
        let stamp = Stamp::default();
        to.put(&Msg { stamp, body });
        true
    }
}

impl Dated<Mbo> for List {
    fn next_ts(&mut self) -> Option<Nanos> {
        Some(self.0.front()?.record()?.ts_recv)
    }
}

/// Records of every action, flag and fault, with control strewn in.
fn input(seed: u64, len: usize) -> List {
    let mut rng = Rng::new(seed);
    let mut list = VecDeque::with_capacity(len + 1);
    for place in 0..len as u64 {
        let instrument_id = InstrumentId(1 + rng.below(6) as u32);
        let key = BookKey {
            instrument_id,
            publisher_id: PublisherId(1),
        };
        list.push_back(match rng.below(50) {
            0 => Body::Control(control(&mut rng, key)),
            _ => Body::Data(mbo(&mut rng, key, place)),
        });
    }
    list.push_back(Body::Control(Control::End));
    List(list)
}

fn control(rng: &mut Rng, key: BookKey) -> Control {
    match rng.below(4) {
        0 => Control::Suspect(key, Suspicion::UnknownAction),
        1 => Control::Feed(FeedNotice::Heartbeat),
        2 => Control::Feed(FeedNotice::Skipped),
        _ => Control::Definition(Definition {
            key,
            ts_recv: Nanos(1),
            class: InstrumentClass::Future,
            update_action: b'A',
            strike: Price::UNDEFINED,
            expiration: Nanos(1 + rng.below(2)),
            activation: Nanos(1),
            tick: Price(250_000_000),
            unit_qty: Price(20_000_000_000),
            underlying_id: InstrumentId(0),
            asset: Text::from_bytes(b"NQ"),
            currency: Text::from_bytes(b"USD"),
        }),
    }
}

fn mbo(rng: &mut Rng, key: BookKey, place: u64) -> Mbo {
    let actions = [
        Action::Add,
        Action::Add,
        Action::Add,
        Action::Cancel,
        Action::Cancel,
        Action::Modify,
        Action::Trade,
        Action::Fill,
        Action::None,
    ];
    let action = actions[rng.below(actions.len() as u64) as usize];
    let action = if rng.below(500) == 0 {
        Action::Clear
    } else {
        action
    };
    let side = if rng.below(2) == 0 {
        Side::Bid
    } else {
        Side::Ask
    };
    let away = 1 + rng.below(20) as i64;
    let ticks = if side == Side::Bid {
        1000 - away
    } else {
        1000 + away
    };
    let flags = if rng.below(3) > 0 {
        Flags::LAST
    } else {
        Flags::default()
    };
    Mbo {
        header: RecordHeader::UNSET,
        ts_event: Nanos(1_000_000 + place * 1000),
        ts_recv: Nanos(1_000_500 + place * 1000),
        order_id: OrderId(1 + rng.below(300)),
        price: Price(ticks * 250_000_000),
        size: 1 + rng.below(9) as u32,
        sequence: place as u32,
        ts_in_delta: 100,
        instrument_id: key.instrument_id,
        publisher_id: key.publisher_id,
        flags,
        action,
        side,
        channel_id: 0,
    }
}

fn options() -> TileOptions {
    TileOptions {
        place: 0,
        core: None,
        idle: Idle::Yield,
        batch_max: 7,
        threshold_ns: u64::MAX,
    }
}

/// The parts of the chain for one run. Timing is on, for it must change nothing either.
struct Parts {
    clock: Arc<TileClock>,
    sampling: Sampling,
}

impl Parts {
    fn ingress(&self, list: List) -> Ingress<List> {
        let decode = Recorder::new("decode", Basis::Work);
        Ingress::new(
            list,
            Pace::Max,
            self.sampling,
            Arc::clone(&self.clock),
            decode,
        )
    }

    fn timed<S>(&self, stage: S) -> Timed<S> {
        Timed::new(
            stage,
            Recorder::new("stage", Basis::Work),
            Arc::clone(&self.clock),
        )
    }

    fn relay<T>(&self, reader: Reader<T>) -> Relay<T> {
        Relay::new(reader, self.sampling, Arc::clone(&self.clock))
    }

    fn tile<S, Src, K>(&self, parts: (Src, S, K)) -> Tile<Src, S, K>
    where
        S: Stage,
        Src: TileSource<S::In>,
        K: Sink<S::Out>,
    {
        Tile::new("tile", options(), Arc::clone(&self.clock), parts)
    }
}

/// One output as bytes that must agree.
type Line = Vec<u64>;

fn line(msg: &Msg<FlowOutput>) -> Line {
    match &msg.body {
        Body::Data(update) => words(msg.stamp.sequence, update).to_vec(),
        Body::Control(control) => {
            let text = format!("{control:?}");
            std::iter::once(msg.stamp.sequence)
                .chain(text.bytes().map(u64::from))
                .collect()
        }
    }
}

fn drain(reader: &mut Reader<FlowOutput>, lines: &mut Vec<Line>, rng: &mut Rng) {
    for _ in 0..rng.below(9) {
        let Some(msg) = reader.pop() else { return };
        lines.push(line(&msg));
    }
}

fn limits() -> BookLimits {
    BookLimits {
        watches_depth: true,
        ..support::limits(INSTRUMENTS_MAX as u32, 4096)
    }
}

/// A flow stage whose windows are so short that every measure has something to say, and whose pool
/// of measures is too small for all instruments.
fn flow() -> Flow {
    const MICROSECOND: u64 = 1_000;
    Flow::with(
        INSTRUMENTS_MAX,
        FlowParameters {
            measured_max: 4,
            vpin_bucket: 7,
            vpin_buckets: 5,
            imbalance_interval: Nanos(20 * MICROSECOND),
            ofi_interval: Nanos(50 * MICROSECOND),
            sweep_contracts: 5,
            sweep_hold: Nanos(100 * MICROSECOND),
            ..FlowParameters::default()
        },
        Table::default(),
    )
}

/// All outputs of the chain cut as `layout` says and stepped in the order that `seed` draws.
fn interleaved(layout: Layout, list: List, seed: u64, parts: &Parts) -> (Vec<Line>, u64) {
    let arena = support::arena(&limits());
    let books = Books::new_in(&arena, &limits()).unwrap();
    let flow = flow();
    let mut rng = Rng::new(seed ^ 0xABCD);
    let mut lines = Vec::new();
    // From the fewest places with which any of the tiles ever takes an input.
    let least = <Then<Books<'_>, Flow> as Stage>::BURST + 1;
    let depths = [least, least + 2, 16, 256];
    let mut depth = || depths[rng.below(4) as usize];
    let (depth_1, depth_2, depth_3) = (depth(), depth(), depth());
    let (output, mut cold) = reliable(depth_3);
    let hash = match layout {
        Layout::Fused => {
            let chain = parts.timed(books).then(parts.timed(flow));
            let mut hot = parts.tile((parts.ingress(list), chain, output));
            while !hot.is_ended() {
                match rng.below(2) {
                    0 => drop(hot.cycle()),
                    _ => drain(&mut cold, &mut lines, &mut rng),
                }
            }
            hot.into_parts().stage.first.stage.hash()
        }
        Layout::Split => {
            let (book_flow, flow_book) = reliable(depth_1);
            let mut market = parts.tile((parts.ingress(list), parts.timed(books), book_flow));
            let mut flow = parts.tile((parts.relay(flow_book), parts.timed(flow), output));
            while !flow.is_ended() {
                match rng.below(3) {
                    0 if !market.is_ended() => drop(market.cycle()),
                    1 => drop(flow.cycle()),
                    _ => drain(&mut cold, &mut lines, &mut rng),
                }
            }
            market.into_parts().stage.stage.hash()
        }
        Layout::Dedicated => {
            let (ingress_book, book_ingress) = reliable(depth_1);
            let (book_flow, flow_book) = reliable(depth_2);
            let mut ingress = parts.tile((parts.ingress(list), Pass::new(), ingress_book));
            let mut book = parts.tile((parts.relay(book_ingress), parts.timed(books), book_flow));
            let mut flow = parts.tile((parts.relay(flow_book), parts.timed(flow), output));
            while !flow.is_ended() {
                match rng.below(4) {
                    0 if !ingress.is_ended() => drop(ingress.cycle()),
                    1 if !book.is_ended() => drop(book.cycle()),
                    2 => drop(flow.cycle()),
                    _ => drain(&mut cold, &mut lines, &mut rng),
                }
            }
            book.into_parts().stage.stage.hash()
        }
    };
    while let Some(msg) = cold.pop() {
        lines.push(line(&msg));
    }
    (lines, hash)
}

#[test]
fn every_layout_gives_the_same_bytes_in_any_interleaving() {
    const SEEDS: u64 = 200;
    let parts = Parts {
        clock: Arc::new(TileClock::new()),
        sampling: Sampling::one_in(8),
    };
    let mut runs = 0;
    for seed in 0..SEEDS {
        let list = input(seed % 10, 3000);
        let expected = interleaved(Layout::Fused, list.clone(), 1, &parts);
        assert!(
            expected.0.len() > 300,
            "the input causes outputs: {}",
            expected.0.len()
        );
        for layout in Layout::ALL {
            let got = interleaved(layout, list.clone(), seed, &parts);
            assert!(
                got == expected,
                "{} differs from fused at seed {seed}",
                layout.name()
            );
            runs += 1;
        }
    }
    assert!(runs >= 500, "{runs} interleavings");
}

#[test]
fn every_layout_gives_the_same_bytes_on_real_threads() {
    let list = input(77, 100_000);
    let mut receipts = Vec::new();
    for layout in Layout::ALL {
        let arena = support::arena(&limits());
        let books = Books::new_in(&arena, &limits()).unwrap();
        let flow = flow();
        let mut lines = Vec::new();
        let wiring = wiring(layout, true);
        let finished = topology::run(
            &wiring,
            (list.clone(), books, flow),
            unheeded,
            |board, mut reader| {
                while !board.is_halted() {
                    let Some(msg) = reader.pop() else { continue };
                    lines.push(line(&msg));
                    if matches!(msg.body, Body::Control(Control::End)) {
                        return;
                    }
                }
            },
        )
        .unwrap();
        assert_eq!(finished.tiles.len(), layout.tiles());
        // A list allocates nothing when it is taken from, so neither may the chain.
        let allocations: u64 = finished.tiles.iter().map(|tile| tile.allocations).sum();
        assert_eq!(allocations, 0, "{}", layout.name());
        let tapes: Vec<_> = (0..6).map(|idx| finished.flow.tape(idx).copied()).collect();
        let readings = (0..6).filter_map(|idx| finished.flow.reading(idx)).count();
        assert_eq!(
            (readings, finished.flow.unmeasured()),
            (4, 2),
            "the pool holds four"
        );
        receipts.push((lines, finished.output.digest, finished.books.hash(), tapes));
    }
    assert!(receipts[0].0.len() > 10_000);
    assert!(receipts.iter().all(|receipt| *receipt == receipts[0]));
}

/// For a run of which no stall is expected.
fn unheeded(_: &Switchboard, _: &Alarm) {}

fn wiring(layout: Layout, keeps_data: bool) -> Wiring {
    Wiring {
        layout,
        cores: Vec::new(),
        idle: Idle::Yield,
        link_depth: 256,
        batch_max: 64,
        threshold_ns: 50_000,
        sampling: Sampling::one_in(16),
        pace: Pace::Max,
        keeps_data,
        beat_interval: BEAT_INTERVAL,
        helpers: Vec::new(),
    }
}

/// A book stage to which something happens at its thousandth record.
struct Fuse<H>(u32, H);

impl<H: Fn()> Stage for Fuse<H> {
    type In = Mbo;
    type Out = undertow_core::event::BookUpdate;
    const BURST: usize = 1;

    fn on_data(
        &mut self,
        _input: &Mbo,
        _out: &mut impl undertow_core::stage::Emit<undertow_core::event::BookUpdate>,
    ) {
        self.0 += 1;
        if self.0 == 1000 {
            (self.1)();
        }
    }

    fn on_control(
        &mut self,
        _control: &Control,
        _out: &mut impl undertow_core::stage::Emit<undertow_core::event::BookUpdate>,
    ) {
    }
}

#[test]
fn p05_a_stage_that_panics_halts_every_tile() {
    for layout in Layout::ALL {
        let list = input(3, 100_000);
        let parts = (list, Fuse(0, || panic!("the fuse has blown")), flow());
        let outcome = topology::run(
            &wiring(layout, false),
            parts,
            unheeded,
            |board, mut reader| {
                while !board.is_halted() {
                    let _ = reader.pop();
                }
            },
        );
        let dead = outcome.map(drop).expect_err("the fuse must end the run");
        assert!(dead.to_string().contains("the fuse has blown"), "{dead}");
    }
}

#[test]
fn p06_a_cold_side_that_panics_halts_every_tile_and_nothing_hangs() {
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for layout in Layout::ALL {
            let list = input(3, 100_000);
            let arena = support::arena(&limits());
            let books = Books::new_in(&arena, &limits()).unwrap();
            let outcome = topology::run(
                &wiring(layout, true),
                (list, books, flow()),
                unheeded,
                |_, mut reader| {
                    let mut taken = 0;
                    while taken < 100 {
                        taken += u32::from(reader.pop().is_some());
                    }
                    panic!("the disk's driver is gone");
                },
            );
            tell.send(outcome.map(drop)).unwrap();
        }
    });
    for layout in Layout::ALL {
        let outcome = told.recv_timeout(std::time::Duration::from_secs(120));
        let dead = outcome.expect("it ends").expect_err("and not well");
        let said = dead.to_string();
        assert!(
            said.contains("cold") && said.contains("the disk's driver is gone"),
            "{}: {said}",
            layout.name()
        );
    }
}

/// Waits until `is_so`, as one that hangs does.
#[track_caller]
fn hang_until(is_so: impl Fn() -> bool) {
    let since = Instant::now();
    while !is_so() {
        assert!(since.elapsed() < Duration::from_secs(120), "it never comes");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// A wiring whose beats are due so often that a test can wait for one that is missed.
fn hurried(layout: Layout) -> Wiring {
    Wiring {
        beat_interval: Nanos(100_000_000),
        link_depth: 1 << 16,
        ..wiring(layout, false)
    }
}

#[test]
fn p06_the_tiles_go_on_while_the_cold_side_hangs_and_it_is_said_once() {
    let list = input(5, 50_000);
    for layout in Layout::ALL {
        let [moving, stalled] = [false, true].map(|hangs| {
            let arena = support::arena(&limits());
            let books = Books::new_in(&arena, &limits()).unwrap();
            let said = Mutex::new(Vec::new());
            let heed = |_: &Switchboard, alarm: &Alarm| {
                if let Alarm::Down { place: COLD, .. } = alarm {
                    said.lock().unwrap().push(alarm.clone());
                }
            };
            let parts = (list.clone(), books, flow());
            let ran = topology::run(&hurried(layout), parts, heed, |board, mut reader| {
                if hangs {
                    // The tiles take all there is, and the alarm comes, with nobody at the link.
                    let is_said = || !said.lock().unwrap().is_empty();
                    hang_until(|| board.stopped() == layout.tiles() && is_said());
                }
                loop {
                    board.beat_cold();
                    let Some(msg) = reader.pop() else { continue };
                    if matches!(msg.body, Body::Control(Control::End)) {
                        return;
                    }
                }
            });
            let ran = ran.unwrap();
            let messages = ran.tiles.last().unwrap().messages;
            if hangs {
                let said = said.into_inner().unwrap();
                assert_eq!(said.len(), 1, "{}: {said:?}", layout.name());
            }
            (messages, ran.output.digest, ran.books.hash())
        });
        assert!(stalled.0 >= 50_000, "{stalled:?}");
        assert_eq!(stalled, moving, "{}: no output knows of it", layout.name());
    }
}

#[test]
fn p06_helpers_that_hang_are_told_while_the_run_goes_on() {
    let helpers = ["claims", "day.dbn.zst"].map(|name| Helper::begin(name, "it is waited for"));
    let arena = support::arena(&limits());
    let books = Books::new_in(&arena, &limits()).unwrap();
    let wiring = Wiring {
        helpers: helpers.to_vec(),
        ..hurried(Layout::Fused)
    };
    let said = Mutex::new(Vec::new());
    let heed = |_: &Switchboard, alarm: &Alarm| said.lock().unwrap().push(alarm.to_string());
    let parts = (input(5, 50_000), books, flow());
    let ran = topology::run(&wiring, parts, heed, |board, mut reader| {
        let of_helpers = |end: &str| {
            let said = said.lock().unwrap();
            said.iter().filter(|alarm| alarm.ends_with(end)).count()
        };
        // Nobody reads the input's end before both were told, one has gone on and one has ended.
        let beats_until = |is_so: &dyn Fn() -> bool| {
            while !is_so() {
                board.beat_cold();
                std::thread::sleep(Duration::from_millis(1));
            }
        };
        beats_until(&|| of_helpers("it is waited for") == 2);
        helpers[1].end();
        beats_until(&|| {
            helpers[0].beat();
            of_helpers("the stall is over") >= 2
        });
        while let Some(msg) = reader.pop() {
            board.beat_cold();
            if matches!(msg.body, Body::Control(Control::End)) {
                return;
            }
        }
    });
    assert!(ran.unwrap().tiles[0].messages >= 50_000);
}

/// Whether the module at `of` was said to be down.
fn is_down(said: &[Alarm], of: usize) -> bool {
    let is_it = |alarm: &Alarm| matches!(alarm, Alarm::Down { place, .. } if *place == of);
    said.iter().any(is_it)
}

#[test]
fn r13_a_tile_and_the_cold_side_that_hang_at_once_are_heard_and_halt_every_tile() {
    for layout in Layout::ALL {
        let (mut said, is_over) = (Vec::new(), AtomicBool::new(false));
        let hung = usize::from(layout == Layout::Dedicated);
        let heed = |board: &Switchboard, alarm: &Alarm| {
            said.push(alarm.clone());
            // On a busy machine a tile that only waits for its core may be heard of first.
            let are_said = is_down(&said, hung) && is_down(&said, COLD);
            if are_said && said.contains(&Alarm::Halt) {
                board.halt();
                is_over.store(true, Ordering::Release);
            }
        };
        let hang = || hang_until(|| is_over.load(Ordering::Acquire));
        let parts = (input(3, 100_000), Fuse(0, hang), flow());
        let ran = topology::run(&hurried(layout), parts, heed, |_, _reader| hang());
        let ran = ran.expect("who hung and goes on ends in order");
        assert!(is_down(&said, hung) && is_down(&said, COLD));
        let halts = said.iter().filter(|alarm| **alarm == Alarm::Halt);
        assert_eq!(halts.count(), 1, "{said:?}");
        let is_left = !ran.feed.0.is_empty();
        assert!(is_left, "{}: the input has not ended", layout.name());
    }
}
