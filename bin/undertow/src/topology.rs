//! The page that says which tile runs what.
//!
//! ```text
//! layout      tile      stages                  links                     core
//! fused       hot       ingress book flow       output_cold               cpus[0]
//! split       market    ingress book            book_flow                 cpus[0]
//!             flow      flow                    output_cold               cpus[1]
//! dedicated   ingress   ingress                 ingress_book              cpus[0]
//!             book      book                    book_flow                 cpus[1]
//!             flow      flow                    output_cold               cpus[2]
//! every       cold      the thread that called  -                         the rest
//!
//! trading: the paper venue fills from the books, so books, flow and trader stand together
//! fused       hot       ingress desk            output_cold               cpus[0]
//! split       ingress   ingress                 ingress_desk              cpus[0]
//!             desk      desk                    output_cold               cpus[1]
//! dedicated   ingress   ingress                 ingress_desk              cpus[0]
//!             desk      desk                    desk_output               cpus[1]
//!             output    -                       output_cold               cpus[2]
//! ```
//! A watchdog stands beside every arm, on a thread of its own: a stall of the thread that called
//! has to be seen by somebody else (see `watchdog`).
//!
//! Every arm below is another program, put together by the compiler; the config chooses one at
//! boot. The outputs are the same, byte for byte, because control rides with the data and stamps
//! are inherited (see `undertow_core::stage`).

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread::{Scope, ScopedJoinHandle};

use latency_report::recorder::{Basis, Recorder};
use undertow_core::book::Books;
use undertow_core::event::{BookUpdate, Mbo};
use undertow_core::gateway::Gateway;
use undertow_core::ring::{Reader, Writer, reliable};
use undertow_core::stage::{Pass, Sink, Stage};
use undertow_core::types::Nanos;
use undertow_strategies::flow::{Flow, FlowOutput};
use undertow_strategies::trade::Trader;
use undertow_strategies::trade::stage::Desk;

use crate::clock::TileClock;
use crate::config::values::Pace;
use crate::ingress::{Dated, Ingress};
use crate::output::Output;
use crate::probe::{Laps, Relay, Sampling, Timed};
use crate::tile::{Dead, Ended, Idle, Switchboard, Tile, TileOptions, TileReport, TileSource};
use crate::watchdog::{Alarm, COLD, Helper, Watch};

/// How stages are laid out on tiles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// All on one tile.
    Fused,
    /// The book apart from the measures.
    Split,
    /// One tile a stage.
    Dedicated,
}

impl Layout {
    /// Every layout.
    pub const ALL: [Self; 3] = [Self::Fused, Self::Split, Self::Dedicated];

    /// Its name in config and output.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fused => "fused",
            Self::Split => "split",
            Self::Dedicated => "dedicated",
        }
    }

    /// How many hot tiles it has.
    #[must_use]
    pub const fn tiles(self) -> usize {
        match self {
            Self::Fused => 1,
            Self::Split => 2,
            Self::Dedicated => 3,
        }
    }

    /// The layout for a machine with this many usable cores. A hop between cores costs as much
    /// as several book updates, so stages are cut apart only where cores are plenty; `dedicated`
    /// is for measuring and is never chosen by itself.
    #[must_use]
    pub const fn auto(cores: usize) -> Self {
        if cores < 4 { Self::Fused } else { Self::Split }
    }
}

/// How to run a topology.
#[derive(Clone, Debug)]
pub struct Wiring {
    /// Which arrangement.
    pub layout: Layout,
    /// Cores to pin to, one a tile; a tile without one runs unpinned.
    pub cores: Vec<usize>,
    /// Idle strategy of the hot tiles.
    pub idle: Idle,
    /// Messages a link between tiles holds.
    pub link_depth: usize,
    /// Most messages in one duty cycle.
    pub batch_max: usize,
    /// Duty cycles longer than this are counted, ns.
    pub threshold_ns: u64,
    /// Which messages are timed.
    pub sampling: Sampling,
    /// How fast the input is played.
    pub pace: Pace,
    /// Whether every output is kept by the cold side.
    pub keeps_data: bool,
    /// Every module has to beat once within this; see `undertow_core::health`.
    pub beat_interval: Nanos,
    /// Threads beside the tiles and the cold side that the watchdog looks after.
    pub helpers: Vec<Arc<Helper>>,
}

/// What a run leaves behind: the parts, to be read at leisure, and what was measured.
#[derive(Debug)]
pub struct Finished<F, B> {
    /// The feed.
    pub feed: F,
    /// The book stage.
    pub books: B,
    /// The flow stage.
    pub flow: Flow,
    /// The end of the chain.
    pub output: Output,
    /// One report a tile, in the order of the chain.
    pub tiles: Vec<TileReport>,
    /// Own time of each stage, in the order of the chain.
    pub stages: Vec<Recorder>,
    /// Links between hot tiles.
    pub links: Vec<LinkReport>,
}

impl<F, B> Finished<F, B> {
    /// The same with what the feed was made of.
    pub fn of<C>(self, take: impl FnOnce(F) -> C) -> Finished<C, B> {
        let Self {
            feed,
            books,
            flow,
            output,
            tiles,
            stages,
            links,
        } = self;
        Finished {
            feed: take(feed),
            books,
            flow,
            output,
            tiles,
            stages,
            links,
        }
    }

    /// Takes the book stage apart.
    pub fn apart<C, X>(self, take: impl FnOnce(B) -> (C, X)) -> (Finished<F, C>, X) {
        let Self {
            feed,
            books,
            flow,
            output,
            tiles,
            stages,
            links,
        } = self;
        let (books, rest) = take(books);
        (
            Finished {
                feed,
                books,
                flow,
                output,
                tiles,
                stages,
                links,
            },
            rest,
        )
    }
}

/// What a link went through.
#[derive(Clone, Debug)]
pub struct LinkReport {
    /// `producer_consumer`.
    pub name: &'static str,
    /// Most messages seen waiting, at sampled messages.
    pub backlog_max: usize,
    /// Messages it holds.
    pub depth: usize,
    /// How often the writer found it full.
    pub full_count: u64,
}

/// Runs feed → books → flow to the end of the input. `cold` is called on the calling thread, with
/// the reading end of `output_cold`, while the tiles run; it must beat while it runs, and return
/// once that link is finished. `heed` hears of every stall, on the watchdog's thread, and may halt
/// the tiles.
///
/// # Errors
/// The first tile that died. All others were halted before this returns.
pub fn run<F, B>(
    wiring: &Wiring,
    parts: (F, B, Flow),
    heed: impl FnMut(&Switchboard, &Alarm) + Send,
    cold: impl FnOnce(&Switchboard, Reader<FlowOutput>),
) -> Result<Finished<F, B>, Dead>
where
    F: Dated<Mbo> + Send,
    B: Stage<In = Mbo, Out = BookUpdate> + Send,
{
    let switchboard = Switchboard::with(wiring.helpers.clone());
    let is_over = AtomicBool::new(false);
    let (output_cold, cold_output) = reliable(wiring.link_depth);
    let clocks = std::array::from_fn(|_| Arc::new(TileClock::new()));
    let mut lost = Ok(());
    let ran = std::thread::scope(|scope| {
        let board = (&switchboard, &is_over);
        let _watch = Watch::keep(scope, board, wiring.beat_interval, heed);
        let rig = Rig {
            scope,
            switchboard: &switchboard,
            wiring,
            clocks,
        };
        let cold = || lost = attended(&switchboard, || cold(&switchboard, cold_output));
        match wiring.layout {
            Layout::Fused => fused(&rig, parts, output_cold, cold),
            Layout::Split => split(&rig, parts, output_cold, cold),
            Layout::Dedicated => dedicated(&rig, parts, output_cold, cold),
        }
    });
    lost.and(ran)
}

fn fused<'scope, F, B>(
    rig: &Rig<'scope, '_>,
    (feed, books, flow): (F, B, Flow),
    output_cold: Writer<FlowOutput>,
    cold: impl FnOnce(),
) -> Result<Finished<F, B>, Dead>
where
    F: Dated<Mbo> + Send + 'scope,
    B: Stage<In = Mbo, Out = BookUpdate> + Send + 'scope,
{
    let chain = rig.book(books, 0).then(rig.flow(flow, 0));
    let hot = rig.spawn(
        "hot",
        0,
        (rig.ingress(feed), chain, rig.output(output_cold, 0)),
    );

    cold();
    let hot = join(hot)?;
    let links = vec![];
    Ok(finish(
        hot.source,
        hot.stage.first,
        hot.stage.second,
        hot.sink,
        vec![hot.report],
        links,
    ))
}

fn split<'scope, F, B>(
    rig: &Rig<'scope, '_>,
    (feed, books, flow): (F, B, Flow),
    output_cold: Writer<FlowOutput>,
    cold: impl FnOnce(),
) -> Result<Finished<F, B>, Dead>
where
    F: Dated<Mbo> + Send + 'scope,
    B: Stage<In = Mbo, Out = BookUpdate> + Send + 'scope,
{
    let (book_flow, flow_book) = reliable(rig.wiring.link_depth);
    let market = rig.spawn(
        "market",
        0,
        (rig.ingress(feed), rig.book(books, 0), book_flow),
    );
    let chain = (
        rig.relay(flow_book, 1),
        rig.flow(flow, 1),
        rig.output(output_cold, 1),
    );
    let flow = rig.spawn("flow", 1, chain);

    cold();
    let (market, flow) = (join(market), join(flow));
    let (market, flow) = (market?, flow?);
    let links = vec![rig.link("book_flow", &market.sink, &flow.source)];
    let tiles = vec![market.report, flow.report];
    Ok(finish(
        market.source,
        market.stage,
        flow.stage,
        flow.sink,
        tiles,
        links,
    ))
}

fn dedicated<'scope, F, B>(
    rig: &Rig<'scope, '_>,
    (feed, books, flow): (F, B, Flow),
    output_cold: Writer<FlowOutput>,
    cold: impl FnOnce(),
) -> Result<Finished<F, B>, Dead>
where
    F: Dated<Mbo> + Send + 'scope,
    B: Stage<In = Mbo, Out = BookUpdate> + Send + 'scope,
{
    let (ingress_book, book_ingress) = reliable(rig.wiring.link_depth);
    let (book_flow, flow_book) = reliable(rig.wiring.link_depth);
    let ingress = rig.spawn("ingress", 0, (rig.ingress(feed), Pass::new(), ingress_book));
    let chain = (rig.relay(book_ingress, 1), rig.book(books, 1), book_flow);
    let book = rig.spawn("book", 1, chain);
    let chain = (
        rig.relay(flow_book, 2),
        rig.flow(flow, 2),
        rig.output(output_cold, 2),
    );
    let flow = rig.spawn("flow", 2, chain);

    cold();
    let (ingress, book, flow) = (join(ingress), join(book), join(flow));
    let (ingress, book, flow) = (ingress?, book?, flow?);
    let links = vec![
        rig.link("ingress_book", &ingress.sink, &book.source),
        rig.link("book_flow", &book.sink, &flow.source),
    ];
    let tiles = vec![ingress.report, book.report, flow.report];
    Ok(finish(
        ingress.source,
        book.stage,
        flow.stage,
        flow.sink,
        tiles,
        links,
    ))
}

/// What the arms build tiles with. The number of a tile is its place in the chain: it picks the
/// clock that the tile's parts share and the core that it is pinned to.
struct Rig<'scope, 'env> {
    scope: &'scope Scope<'scope, 'env>,
    switchboard: &'env Switchboard,
    wiring: &'env Wiring,
    clocks: [Arc<TileClock>; 3],
}

impl<'scope> Rig<'scope, '_> {
    fn spawn<S, Src, K>(
        &self,
        name: &'static str,
        tile: usize,
        parts: (Src, S, K),
    ) -> Running<'scope, Src, S, K>
    where
        S: Stage + Send + 'scope,
        Src: TileSource<S::In> + Send + 'scope,
        K: Sink<S::Out> + Send + 'scope,
    {
        let options = TileOptions {
            place: tile,
            core: self.wiring.cores.get(tile).copied(),
            idle: self.wiring.idle,
            batch_max: self.wiring.batch_max,
            threshold_ns: self.wiring.threshold_ns,
        };
        let switchboard = self.switchboard;
        let clock = &self.clocks[tile];
        switchboard.pulses().begin(tile, name, clock.read());
        let hot = Tile::new(name, options, Arc::clone(clock), parts);
        self.scope.spawn(move || hot.run(switchboard))
    }

    fn ingress<F: Dated<Mbo>>(&self, feed: F) -> Ingress<F> {
        let Wiring { pace, sampling, .. } = *self.wiring;
        let decode = self.recorder("decode", Basis::Work);
        Ingress::new(feed, pace, sampling, Arc::clone(&self.clocks[0]), decode)
    }

    fn book<B>(&self, books: B, tile: usize) -> Timed<B> {
        Timed::new(
            books,
            self.recorder("book", Basis::Work),
            Arc::clone(&self.clocks[tile]),
        )
    }

    fn flow(&self, flow: Flow, tile: usize) -> Timed<Flow> {
        Timed::new(
            flow,
            self.recorder("flow", Basis::Work),
            Arc::clone(&self.clocks[tile]),
        )
    }

    fn desk<'a, G>(&self, desk: Desk<'a, G>, tile: usize) -> Desk<'a, G, Laps> {
        let recorder = |name| self.recorder(name, Basis::Work);
        desk.timed(|| Laps {
            clock: Arc::clone(&self.clocks[tile]),
            recorders: ["book", "flow", "trade"].map(recorder),
        })
    }

    fn relay<T>(&self, reader: Reader<T>, tile: usize) -> Relay<T> {
        Relay::new(reader, self.wiring.sampling, Arc::clone(&self.clocks[tile]))
    }

    fn output(&self, output_cold: Writer<FlowOutput>, tile: usize) -> Output {
        let Wiring {
            keeps_data,
            sampling,
            pace,
            ..
        } = *self.wiring;
        let paced = pace != Pace::Max;
        let basis = if paced {
            Basis::IntendedArrival
        } else {
            Basis::ActualArrival
        };
        let latency = self.recorder("tick-to-output", basis);
        let order_latency = Recorder::new("tick-to-order", basis);
        Output::new(
            output_cold,
            keeps_data,
            sampling,
            Arc::clone(&self.clocks[tile]),
            [latency, order_latency],
        )
    }

    fn recorder(&self, name: &str, basis: Basis) -> Recorder {
        Recorder::sampled(name, basis, self.wiring.sampling.every())
    }

    fn link<T>(&self, name: &'static str, writer: &Writer<T>, reader: &Relay<T>) -> LinkReport {
        LinkReport {
            name,
            backlog_max: reader.backlog_max(),
            depth: self.wiring.link_depth,
            full_count: writer.full_count(),
        }
    }
}

/// What a run that trades leaves behind.
#[derive(Debug)]
pub struct Traded<F, B, G> {
    /// The same as of a run that does not.
    pub finished: Finished<F, B>,
    /// Decisions, risk, orders and positions.
    pub trader: Trader<G>,
}

/// Runs feed → desk to the end of the input; see [`run`].
///
/// # Errors
/// The first tile that died. All others were halted before this returns.
pub fn run_desk<'a, F, G>(
    wiring: &Wiring,
    parts: (F, Desk<'a, G>),
    heed: impl FnMut(&Switchboard, &Alarm) + Send,
    cold: impl FnOnce(&Switchboard, Reader<FlowOutput>),
) -> Result<Traded<F, Books<'a>, G>, Dead>
where
    F: Dated<Mbo> + Send,
    G: Gateway + Send,
{
    let switchboard = Switchboard::with(wiring.helpers.clone());
    let is_over = AtomicBool::new(false);
    let (output_cold, cold_output) = reliable(wiring.link_depth);
    let clocks = std::array::from_fn(|_| Arc::new(TileClock::new()));
    let mut lost = Ok(());
    let ran = std::thread::scope(|scope| {
        let board = (&switchboard, &is_over);
        let _watch = Watch::keep(scope, board, wiring.beat_interval, heed);
        let rig = Rig {
            scope,
            switchboard: &switchboard,
            wiring,
            clocks,
        };
        let cold = || lost = attended(&switchboard, || cold(&switchboard, cold_output));
        match wiring.layout {
            Layout::Fused => desk_fused(&rig, parts, output_cold, cold),
            Layout::Split => desk_split(&rig, parts, output_cold, cold),
            Layout::Dedicated => desk_dedicated(&rig, parts, output_cold, cold),
        }
    });
    lost.and(ran)
}

/// The cold side, to its end, from which on it owes no beat. Its death halts every tile: what it does not write must not be sent,
/// and a link that nobody reads would hold the chain for ever.
fn attended(switchboard: &Switchboard, cold: impl FnOnce()) -> Result<(), Dead> {
    switchboard.begin_cold();
    let outcome = catch_unwind(AssertUnwindSafe(cold));
    switchboard.pulses().end(COLD);
    outcome.map_err(|panic| {
        switchboard.halt();
        Dead::of("cold", panic.as_ref())
    })
}

fn desk_fused<'scope, 'a: 'scope, F, G>(
    rig: &Rig<'scope, '_>,
    (feed, desk): (F, Desk<'a, G>),
    output_cold: Writer<FlowOutput>,
    cold: impl FnOnce(),
) -> Result<Traded<F, Books<'a>, G>, Dead>
where
    F: Dated<Mbo> + Send + 'scope,
    G: Gateway + Send + 'scope,
{
    let output = rig.output(output_cold, 0);
    let hot = rig.spawn("hot", 0, (rig.ingress(feed), rig.desk(desk, 0), output));

    cold();
    let hot = join(hot)?;
    let tiles = vec![hot.report];
    Ok(traded(hot.source, hot.stage, hot.sink, tiles, vec![]))
}

fn desk_split<'scope, 'a: 'scope, F, G>(
    rig: &Rig<'scope, '_>,
    (feed, desk): (F, Desk<'a, G>),
    output_cold: Writer<FlowOutput>,
    cold: impl FnOnce(),
) -> Result<Traded<F, Books<'a>, G>, Dead>
where
    F: Dated<Mbo> + Send + 'scope,
    G: Gateway + Send + 'scope,
{
    let (ingress_desk, desk_ingress) = reliable(rig.wiring.link_depth);
    let ingress = rig.spawn("ingress", 0, (rig.ingress(feed), Pass::new(), ingress_desk));
    let (relay, output) = (rig.relay(desk_ingress, 1), rig.output(output_cold, 1));
    let desk = rig.spawn("desk", 1, (relay, rig.desk(desk, 1), output));

    cold();
    let (ingress, desk) = (join(ingress), join(desk));
    let (ingress, desk) = (ingress?, desk?);
    let links = vec![rig.link("ingress_desk", &ingress.sink, &desk.source)];
    let tiles = vec![ingress.report, desk.report];
    Ok(traded(ingress.source, desk.stage, desk.sink, tiles, links))
}

fn desk_dedicated<'scope, 'a: 'scope, F, G>(
    rig: &Rig<'scope, '_>,
    (feed, desk): (F, Desk<'a, G>),
    output_cold: Writer<FlowOutput>,
    cold: impl FnOnce(),
) -> Result<Traded<F, Books<'a>, G>, Dead>
where
    F: Dated<Mbo> + Send + 'scope,
    G: Gateway + Send + 'scope,
{
    let (ingress_desk, desk_ingress) = reliable(rig.wiring.link_depth);
    let (desk_output, output_desk) = reliable(rig.wiring.link_depth);
    let ingress = rig.spawn("ingress", 0, (rig.ingress(feed), Pass::new(), ingress_desk));
    let relay = rig.relay(desk_ingress, 1);
    let desk = rig.spawn("desk", 1, (relay, rig.desk(desk, 1), desk_output));
    let (relay, output) = (rig.relay(output_desk, 2), rig.output(output_cold, 2));
    let output = rig.spawn("output", 2, (relay, Pass::new(), output));

    cold();
    let (ingress, desk, output) = (join(ingress), join(desk), join(output));
    let (ingress, desk, output) = (ingress?, desk?, output?);
    let links = vec![
        rig.link("ingress_desk", &ingress.sink, &desk.source),
        rig.link("desk_output", &desk.sink, &output.source),
    ];
    let tiles = vec![ingress.report, desk.report, output.report];
    Ok(traded(
        ingress.source,
        desk.stage,
        output.sink,
        tiles,
        links,
    ))
}

fn traded<'a, F, G>(
    ingress: Ingress<F>,
    desk: Desk<'a, G, Laps>,
    output: Output,
    tiles: Vec<TileReport>,
    links: Vec<LinkReport>,
) -> Traded<F, Books<'a>, G> {
    let (feed, decode) = ingress.into_feed();
    let [book, flow, trade] = desk.laps.recorders;
    Traded {
        finished: Finished {
            feed,
            books: desk.books,
            flow: desk.flow,
            output,
            tiles,
            stages: vec![decode, book, flow, trade],
            links,
        },
        trader: desk.trader,
    }
}

type Running<'scope, Src, S, K> = ScopedJoinHandle<'scope, Result<Ended<Src, S, K>, Dead>>;

fn join<T>(handle: ScopedJoinHandle<'_, Result<T, Dead>>) -> Result<T, Dead> {
    handle.join().unwrap_or_else(|_| {
        // The tile catches its stages' panics, so only its own teardown can have panicked.
        Err(Dead {
            tile: "unnamed",
            cause: "it panicked outside its duty cycle".to_owned(),
        })
    })
}

fn finish<F, B>(
    ingress: Ingress<F>,
    books: Timed<B>,
    flow: Timed<Flow>,
    output: Output,
    tiles: Vec<TileReport>,
    links: Vec<LinkReport>,
) -> Finished<F, B> {
    let (feed, decode) = ingress.into_feed();
    let stages = vec![decode, books.recorder, flow.recorder];
    Finished {
        feed,
        books: books.stage,
        flow: flow.stage,
        output,
        tiles,
        stages,
        links,
    }
}
