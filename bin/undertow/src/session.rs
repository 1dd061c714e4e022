//! A session: inputs through the chain to the end, then everything that it has to say.
//!
//! This is the cold frame round the topology: it lays out memory, opens what is to be read,
//! follows the tiles with a progress bar, keeps outputs if asked to, and gathers the summary and
//! the latency run. All that it prints of the market is a function of the input alone.

mod briefing;

mod emergency;

mod flow;

mod gather;

mod ifd;

mod journal;

mod machine;

mod manned;

mod operator;

mod recovery;

mod state;

mod trade;

mod witness;

pub(crate) use gather::{last_seen, rfc3339};
pub(crate) use ifd::history;
pub(crate) use journal::{JOURNAL, News, is_grave_record, records};
pub(crate) use machine::{build, environment};
pub use recovery::past;
pub(crate) use recovery::{kept_journal, note_ordered};
pub(crate) use state::{failure as state_failure, strictest};
pub(crate) use trade::EXPLANATIONS;
pub use trade::{first_kept, risk, trader, trader_with};

use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use bumpalo::Bump;
use indicatif::{ProgressBar, ProgressStyle};
use latency_report::run::Run;
use latency_report::text::counted;
use undertow_cold::implied_vol;
use undertow_cold::registry::Registry;
use undertow_cold::standing::Standing;
use undertow_cold::summary::{Check, Summary};
use undertow_core::book::{BookLimits, Books, Thresholds};
use undertow_core::event::{Body, BookUpdate, Control, Mbo, Msg, Notice, Stamp};
use undertow_core::gateway::Gateway;
use undertow_core::health::BEAT_INTERVAL;
use undertow_core::ring::Reader;
use undertow_core::risk::{Gate, HaltCause, Mode};
use undertow_core::stage::{Emit, Stage};
use undertow_core::types::{Flags, Nanos};
use undertow_feeds::databento::DecodeError;
use undertow_feeds::replay::{Bytes, Replay, Stream};
use undertow_strategies::flow::toxicity::OddLot;
use undertow_strategies::flow::{Flow, FlowOutput, FlowParameters, VwapAnchor};
use undertow_strategies::ifd::baseline::Table;
use undertow_strategies::ifd::desk::{Settings, Widths};
use undertow_strategies::trade::Trader;
use undertow_strategies::trade::event::TradeEvent;
use undertow_strategies::trade::understudy::{self, Understudy};

use emergency::Emergency;
use ifd::Findings;
use journal::Journal;
use manned::Manned;
use operator::Line;
use state::Keeper;
use trade::Trades;
use witness::{Exchange, Inlet};

use crate::affinity::Cores;
use crate::commands::journal_fault;
use crate::config::Config;
use crate::config::values::{self, Demand, Idle as IdleWish, Layout as LayoutWish, Pace};
use crate::exit::{Code, Failure, Failures};
use crate::interrupt::Interrupt;
use crate::memory::{self, Arena};
use crate::outfile::Outfile;
use crate::output::words;
use crate::probe::Sampling;
use crate::profile::Profile;
use crate::pump::Position;
use crate::tile::{Idle, Switchboard};
use crate::topology::{self, Finished, Layout, Wiring};
use crate::watchdog::{Alarm, Helper};

/// A link with no more room than this takes no inputs; see `undertow_core::stage`.
const LINK_RESERVE: usize = <Flow as Stage>::BURST + undertow_strategies::trade::DRAIN;

/// What a session is asked to do.
#[derive(Clone, Debug)]
pub struct Ask<'a> {
    /// What runs, for titles: `replay FILE`.
    pub what: String,
    /// The configuration in force.
    pub config: &'a Config,
    /// Whether every book is checked after every event.
    pub check: bool,
    /// Where every output is written, if anywhere.
    pub events: Option<&'a Path>,
    /// Whether progress is shown.
    pub progress: Progress,
    /// Who reads the inputs ahead.
    pub readers: Vec<Arc<Helper>>,
}

/// How progress is known.
#[derive(Clone, Debug)]
pub enum Progress {
    /// Not shown.
    Quiet,
    /// By bytes read of the files.
    Files(Vec<Position>),
    /// By messages, of about so many.
    Messages(u64),
}

/// What a session leaves behind.
#[derive(Debug)]
pub struct Outcome {
    /// What it saw.
    pub summary: Summary,
    /// What it measured.
    pub run: Run,
    /// What kept inputs from being read to their end.
    pub faults: Vec<Failure>,
    /// Whether somebody asked the run to end before its input did.
    pub is_interrupted: bool,
}

/// Runs `inputs`, each with its name, through the chain, merged by time of capture.
///
/// # Errors
/// Configuration that this machine cannot serve, a tile that died, or outputs that could not be
/// written. An input that ends early is no error here: what came before it is reported.
pub fn run<B: Bytes + Send>(ask: &Ask<'_>, inputs: Vec<(String, B)>) -> Result<Outcome> {
    let wiring = wiring(ask)?;
    let limits = limits(ask.config);
    let (arena, notes) = lay_out(ask.config, &limits)?;
    let books = Books::new_in(arena.bump(), &limits)?;
    arena.settle();
    let (names, feed) = opened(inputs)?;
    let history = ifd::history(ask.config, first_day(&feed))?.pressure;
    let places = history.len();
    let flow = flow_stage(measured(ask.config), &limits, history);
    for note in notes {
        eprintln!("note: {note}");
    }
    let started = Instant::now();
    let mut cold = Cold::new(ask, &wiring)?;
    let (mut finished, check) = if ask.check {
        drive(&wiring, (feed, Checked::new(books), flow), &mut cold)?.apart(Checked::into_parts)
    } else {
        drive(&wiring, (feed, books, flow), &mut cold)?.apart(|books| (books, None))
    };
    let elapsed = started.elapsed();
    let is_interrupted = cold.interrupt.came();
    let (registry, mut findings, _) = cold.finish()?;
    while let Some(finding) = finished.flow.next_finding() {
        findings.note(&finding);
    }
    findings.save(ask.config, &registry, std::iter::empty())?;
    Ok(gather::outcome(&gather::Material {
        ask,
        wiring: &wiring,
        names: &names,
        finished: &finished,
        registry: &registry,
        ifd: findings.figures(ask.config, places, &registry),
        check,
        trade: None,
        is_interrupted,
        elapsed,
    }))
}

/// Where a session that trades begins, and what it keeps.
#[derive(Debug)]
pub struct Desk<'a, G> {
    /// What is traded, within which limits.
    pub profile: &'a Profile,
    /// What orders can reach.
    pub mode: Mode,
    /// Where they go.
    pub gateway: G,
    /// The directory of the report, in which journal and explanations are kept.
    pub place: &'a Path,
}

/// Runs `inputs` through the chain as [`run`] does, and trades on what it finds. Orders that are only
/// rehearsed go to `rehearsal`, which must lead nowhere.
///
/// # Errors
/// As [`run`], and when what is kept cannot be written.
pub fn trade<B: Bytes + Send, G: Gateway + Send>(
    ask: &Ask<'_>,
    inputs: Vec<(String, B)>,
    desk: Desk<'_, G>,
    rehearsal: G,
) -> Result<Outcome> {
    let (profile, mode, place) = (desk.profile, desk.mode, desk.place);
    let mut wiring = wiring(ask)?;
    let limits = limits(ask.config);
    let (arena, notes) = lay_out(ask.config, &limits)?;
    let books = Books::new_in(arena.bump(), &limits)?;
    arena.settle();
    let (names, feed) = opened(inputs)?;
    let usual = ifd::history(ask.config, first_day(&feed))?;
    let places = usual.pressure.len();
    let flow = flow_stage(measured(ask.config), &limits, usual.pressure);
    let day = first_day(&feed);
    let small = understudy::book_limits();
    let wings = Bump::with_capacity(small.bytes());
    let manned = Manned::new(ask, desk, day, wiring.pace == Pace::Max)?;
    notes.iter().for_each(|note| eprintln!("note: {note}"));
    wiring.helpers.extend(manned.attendants.helpers());
    let started = Instant::now();
    let mut cold = Cold {
        keeper: manned.keeper,
        journal: Some(manned.journal),
        exchange: Arc::clone(&manned.exchange),
        line: manned.attendants.line(),
        emergency: Some(manned.emergency),
        ..Cold::new(ask, &wiring)?
    };
    let feed = Inlet::new(feed, manned.exchange, manned.briefing);
    let trader = manned.trader.recalling(&usual.volumes);
    let mut chain = undertow_strategies::trade::stage::Desk::new(books, flow, trader);
    // Only a tile that spins rehearses.
    if wiring.idle == Idle::Spin {
        let books = Books::new_in(&wings, &small)?;
        chain = chain.understudied(Understudy::new(books, rehearsal));
    }
    let exchange = Arc::clone(&cold.exchange);
    let heed = |board: &Switchboard, alarm: &Alarm| {
        alarm.tell();
        exchange.heed(board, alarm);
    };
    let follow = |board: &Switchboard, link| cold.follow(board, link);
    let ran = topology::run_desk(&wiring, (feed, chain), heed, follow);
    let ran = ran.inspect_err(|_| cold.abandon_journal())?;
    manned.attendants.dismiss();
    let (finished, mut trader) = (ran.finished, ran.trader);
    let mut finished = finished.of(|inlet| inlet.feed);
    let elapsed = started.elapsed();
    let is_interrupted = cold.interrupt.came();
    let messages = finished.tiles.first().map_or(0, |tile| tile.messages);
    let journal = cold.end_trading(&mut trader, messages)?;
    let (registry, mut findings, trades) = cold.finish()?;
    while let Some(finding) = finished.flow.next_finding() {
        findings.note(&finding);
    }
    trades.assert_conserved(&trader);
    findings.save(ask.config, &registry, trader.volumes())?;
    let latencies = trade::Latencies::of(&finished.output, &finished.stages);
    let mut figures = trades.figures(&trader, &profile.name, mode, &registry);
    figures.kept = trades.keep(place, &trader, &registry, &latencies)?;
    figures.kept.extend(manned.went_on);
    figures.kept.extend(journal);
    Ok(gather::outcome(&gather::Material {
        ask,
        wiring: &wiring,
        names: &names,
        finished: &finished,
        registry: &registry,
        ifd: findings.figures(ask.config, places, &registry),
        check: None,
        trade: Some(figures),
        is_interrupted,
        elapsed,
    }))
}

/// The inputs with their headers read, and their names.
///
/// # Errors
/// No header can be read: not even the day of such a run is known.
fn opened<B: Bytes>(inputs: Vec<(String, B)>) -> Result<(Vec<String>, Replay<B>), Failures> {
    let (names, bytes): (Vec<_>, Vec<_>) = inputs.into_iter().unzip();
    let mut feed = Replay::new(bytes);
    while !feed.read_headers() {
        std::thread::sleep(Duration::from_micros(100));
    }
    let mut streams = feed.streams().iter();
    if streams.all(|stream| stream.decoder().metadata().is_none()) {
        return Err(Failures(faults(&names, &feed)));
    }
    note_told_twice(&names, &feed);
    Ok((names, feed))
}

/// Says which inputs, each with its name, tell trades that an earlier one tells too: every volume
/// is twice what it was.
pub(crate) fn note_told_twice<B: Bytes>(
    names: impl IntoIterator<Item = impl ToString>,
    feed: &Replay<B>,
) {
    let names: Vec<String> = names.into_iter().map(|name| name.to_string()).collect();
    let streams = feed.streams();
    for (at, stream) in streams.iter().enumerate() {
        let is_same = |other: &Stream<B>| stream.decoder().tells_trades_of(other.decoder());
        if let Some(earlier) = streams[..at].iter().position(is_same) {
            let (name, earlier) = (&names[at], &names[earlier]);
            eprintln!(
                "note: {name} tells trades of an instrument and a time that {earlier} tells too; \
                 they are counted twice unless one of the files is left out"
            );
        }
    }
}

/// What keeps inputs, each with its name, from being read on.
pub(crate) fn faults<B: Bytes>(
    names: impl IntoIterator<Item = impl ToString>,
    feed: &Replay<B>,
) -> Vec<Failure> {
    let named = names.into_iter().zip(feed.streams());
    let faults = named.filter_map(|(name, stream)| {
        let error = stream.error()?;
        let next = match error {
            DecodeError::NotDbn { .. } => {
                "name a .dbn file as Databento delivers it, a compressed one by a name in .dbn.zst"
            }
            DecodeError::UnknownVersion { .. } => {
                "rewrite the file as version 3 with Databento's `dbn` tool"
            }
            _ if error.offset() == 0 => "fetch the file again",
            _ => "fetch the file again; what came before the fault was used",
        };
        Some(Failure::new(Code::FEED_CUT, error.to_string(), next).at(name.to_string()))
    });
    faults.collect()
}

fn drive<B, S>(
    wiring: &Wiring,
    parts: (Replay<B>, S, Flow),
    cold: &mut Cold,
) -> Result<Finished<Replay<B>, S>>
where
    B: Bytes + Send,
    S: Stage<In = Mbo, Out = BookUpdate> + Send,
{
    // Nothing is at stake without orders: a stall is said, and goes on or ends by itself.
    let heed = |_: &Switchboard, alarm: &Alarm| alarm.tell();
    let follow = |board: &Switchboard, link| cold.follow(board, link);
    Ok(topology::run(wiring, parts, heed, follow)?)
}

/// The wiring that the configuration and the cores found amount to.
fn wiring(ask: &Ask<'_>) -> Result<Wiring> {
    let config = ask.config;
    let found = Cores::found();
    let cores = if config.cores.is_empty() {
        found.ids()
    } else {
        &config.cores
    };
    let layout = match config.layout {
        LayoutWish::Auto => Layout::auto(cores.len()),
        LayoutWish::Fused => Layout::Fused,
        LayoutWish::Split => Layout::Split,
        LayoutWish::Dedicated => Layout::Dedicated,
    };
    if cores.len() < layout.tiles() && !config.unpinned_ok {
        let cause = format!(
            "layout {} wants {} cores, and {} can be used",
            layout.name(),
            layout.tiles(),
            cores.len()
        );
        let next = "use `--layout fused`, name more cores, or add `--set unpinned_ok=true`";
        return Err(Failure::new(Code::CORES, cause, next).into());
    }
    // Paced messages are few enough for each to be timed.
    let every = match config.replay.pace {
        Pace::Max => config.latency.sample_every.get() as u64,
        Pace::Times { .. } => 1,
    };
    Ok(Wiring {
        layout,
        cores: cores.iter().copied().take(layout.tiles()).collect(),
        idle: idle(config.idle, cores.len(), layout.tiles()),
        link_depth: config.link_depth.get(),
        batch_max: config.batch_max.get(),
        threshold_ns: config.latency.duty_cycle_threshold_ns.0.0,
        sampling: Sampling::one_in(every),
        pace: config.replay.pace,
        keeps_data: ask.events.is_some(),
        beat_interval: BEAT_INTERVAL,
        helpers: ask.readers.clone(),
    })
}

/// What tiles do that find nothing to do.
const fn idle(wish: IdleWish, cores: usize, tiles: usize) -> Idle {
    match wish {
        // A tile owns its core only if one is left for everything else.
        IdleWish::Auto if cores > tiles => Idle::Spin,
        IdleWish::Auto | IdleWish::Yield => Idle::Yield,
        IdleWish::Spin => Idle::Spin,
        IdleWish::Park => Idle::Park,
    }
}

/// The books' limits as configured.
#[must_use]
pub fn limits(config: &Config) -> BookLimits {
    let book = &config.book;
    let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    BookLimits {
        instruments_max: count(book.instruments_max.get()),
        orders_max: count(book.orders_max.get()),
        book_orders_max: count(book.book_orders_max.get()),
        pages_max: count(book.pages_max.get()),
        thresholds: Thresholds {
            unknown_cancels_max: count(book.unknown_cancels_max.get()),
            last_missing_records_max: count(book.last_missing_records_max.get()),
            last_missing_ns_max: book.last_missing_ns_max.0.0,
            ..Thresholds::default()
        },
        watches_depth: true,
        ..BookLimits::default()
    }
}

/// The parameters of the flow stage as configured.
#[must_use]
pub fn measured(config: &Config) -> FlowParameters {
    let flow = &config.flow;
    let narrow = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    FlowParameters {
        measured_max: flow.measured_max.get(),
        vpin_bucket: flow.vpin_bucket.get() as u64,
        vpin_buckets_of: config.discovered.vpin_buckets(),
        regime_bounds: config.discovered.regime_bounds(),
        vpin_buckets: flow.vpin_buckets.get(),
        bulk_bars: flow.bulk_bars.get(),
        bulk_bars_min: flow.bulk_bars_min.get(),
        imbalance_interval: flow.imbalance_interval_ns.0,
        ofi_interval: flow.ofi_interval_ns.0,
        pattern_trades: flow.pattern_trades.get(),
        odd_lot: match flow.odd_lot {
            values::OddLot::BelowRoundLot => OddLot::BelowRoundLot,
            values::OddLot::NotMultipleOf100 => OddLot::NotMultipleOf100,
        },
        block_contracts: flow.block_contracts.get() as u64,
        block_shares: flow.block_shares.get() as u64,
        sweep_window: flow.sweep_window_ns.0,
        sweep_levels: narrow(flow.sweep_levels.get()),
        sweep_contracts: flow.sweep_contracts.get() as u64,
        sweep_shares: flow.sweep_shares.get() as u64,
        sweep_hold: flow.sweep_hold_ns.0,
        refill_window: flow.refill_window_ns.0,
        iceberg_refills: narrow(flow.iceberg_refills.get()),
        slice_size_min: narrow(flow.slice_size_min.get()),
        profile_ticks: narrow(flow.profile_ticks.get()),
        large_trade: flow.large_trade.get() as u64,
        volume_bars: flow.volume_bars.get(),
        vwap_anchor: match flow.vwap_anchor {
            values::VwapAnchor::Session => VwapAnchor::Session,
            values::VwapAnchor::Regular => VwapAnchor::Regular,
        },
        ifd: Settings {
            profile: config.ifd.profile.of(),
            widths: Widths::STANDARD,
        },
        options_max: config.ifd.options_max.get(),
        ..FlowParameters::default()
    }
}

/// The flow stage of a run, with what it needs of the cold side's mathematics.
pub fn flow_stage(parameters: FlowParameters, limits: &BookLimits, history: Table) -> Flow {
    let instruments_max = limits.instruments_max as usize;
    Flow::with(instruments_max, parameters, history).searched_by(implied_vol::search)
}

/// When the inputs begin, as their headers say.
pub(crate) fn first_day<B: Bytes>(feed: &Replay<B>) -> Nanos {
    let starts = feed.streams().iter().filter_map(|stream| {
        let metadata = stream.decoder().metadata()?;
        Some(Nanos(metadata.start))
    });
    starts.min().unwrap_or(Nanos::UNDEFINED)
}

/// The arena for the books, and what the system refused of what was wished for it.
fn lay_out(config: &Config, limits: &BookLimits) -> Result<(Arena, Vec<String>)> {
    let mut notes = Vec::new();
    let wishes_huge = config.memory.huge_pages != Demand::Off;
    let (arena, refusal) = Arena::new(limits.bytes(), wishes_huge);
    notes.extend(demanded(
        "memory.huge_pages",
        config.memory.huge_pages,
        refusal,
    )?);
    notes.extend(memory::populate());
    if config.memory.lock != Demand::Off {
        notes.extend(demanded("memory.lock", config.memory.lock, memory::lock())?);
    }
    Ok((arena, notes))
}

/// A refusal is a note if the wish was `try`, and ends the start if it was `must`.
fn demanded(key: &str, demand: Demand, refusal: Option<String>) -> Result<Option<String>> {
    match (demand, refusal) {
        (Demand::Must, Some(cause)) => {
            let next = format!("allow it (see tuning/), or set {key} = \"try\"");
            Err(Failure::new(Code::MEMORY, cause, next).at(key).into())
        }
        (_, refusal) => Ok(refusal),
    }
}

/// The book stage in checking mode: every invariant of a book after each of its events.
#[derive(Debug)]
struct Checked<'a> {
    books: Books<'a>,
    check: Check,
}

impl<'a> Checked<'a> {
    fn new(books: Books<'a>) -> Self {
        Self {
            books,
            check: Check::default(),
        }
    }

    fn into_parts(self) -> (Books<'a>, Option<Check>) {
        (self.books, Some(self.check))
    }

    fn check(&mut self, mbo: &Mbo) {
        let Some(book) = self.books.get(mbo.key()) else {
            return;
        };
        self.check.checks += 1;
        if let Err(violation) = book.check() {
            self.check.violations += 1;
            let at = mbo.ts_event.0;
            self.check
                .first
                .get_or_insert_with(|| format!("{violation}, at ts_event {at}"));
        }
    }
}

impl Stage for Checked<'_> {
    type In = Mbo;
    type Out = BookUpdate;
    const BURST: usize = 1;

    fn on_data(&mut self, input: &Mbo, out: &mut impl Emit<BookUpdate>) {
        self.books.on_data(input, out);
        if input.flags.has(Flags::LAST) {
            self.check(input);
        }
    }

    fn on_control(&mut self, control: &Control, out: &mut impl Emit<BookUpdate>) {
        self.books.on_control(control, out);
        if let Control::Quote(mbo, _) = control
            && mbo.flags.has(Flags::LAST)
        {
            self.check(mbo);
        }
    }
}

/// The cold side of a running session.
struct Cold {
    registry: Registry,
    findings: Findings,
    trades: Trades,
    journal: Option<Journal>,
    /// Of a run that trades and keeps a state.
    keeper: Option<Keeper>,
    /// The operator's line into a run that is paced as live.
    line: Option<Arc<Line>>,
    /// Of a run that trades: where what stood at a halt is left.
    emergency: Option<Emergency>,
    /// With the chain of a run that trades.
    exchange: Arc<Exchange>,
    /// Things said so far, and cancels among them after the journal had failed.
    said: u64,
    cancels: u64,
    /// When the journal was seen to have failed, and whether the chain has said that it halted.
    failed_at: Option<Instant>,
    has_halted: bool,
    is_behind: bool,
    link_depth: usize,
    events: Option<Outfile>,
    failed: Option<std::io::Error>,
    progress: Progress,
    bar: ProgressBar,
    tiles: usize,
    interrupt: Interrupt,
}

impl Cold {
    fn new(ask: &Ask<'_>, wiring: &Wiring) -> Result<Self> {
        Ok(Self {
            registry: Registry::default(),
            findings: Findings::new(ask.config),
            trades: Trades::default(),
            journal: None,
            keeper: None,
            line: None,
            emergency: None,
            exchange: Exchange::new(wiring.pace == Pace::Max),
            said: 0,
            cancels: 0,
            failed_at: None,
            has_halted: false,
            is_behind: false,
            link_depth: wiring.link_depth,
            events: ask.events.map(Outfile::create).transpose()?,
            failed: None,
            progress: ask.progress.clone(),
            bar: bar(&ask.progress),
            tiles: wiring.layout.tiles(),
            interrupt: Interrupt::listen(),
        })
    }

    /// Takes what the chain hands over until it ends.
    fn follow(&mut self, board: &Switchboard, mut output_cold: Reader<FlowOutput>) {
        let _attended = self.exchange.attended();
        let mut shown = Instant::now();
        loop {
            let mut is_idle = true;
            board.beat_cold();
            self.watch_link(output_cold.backlog());
            while let Some(msg) = output_cold.pop() {
                is_idle = false;
                self.note(&msg);
                // A disk may take its time for each: slow is not stalled.
                board.beat_cold();
                if matches!(msg.body, Body::Control(Control::End)) {
                    return;
                }
            }
            if board.is_halted() {
                self.exchange.end();
            }
            // What was put out before the tiles stopped is taken all the same.
            if board.stopped() == self.tiles && is_idle {
                return;
            }
            if self.interrupt.came() {
                board.halt();
            }
            if shown.elapsed() > Duration::from_millis(80) {
                shown = Instant::now();
                self.show(board.taken());
            }
            if self.is_lost() {
                board.halt();
            }
            if let Some(keeper) = &mut self.keeper {
                keeper.rest();
            }
            self.answer_operator();
            if is_idle {
                std::thread::sleep(Duration::from_micros(200));
            }
        }
    }

    fn note(&mut self, msg: &Msg<FlowOutput>) {
        match &msg.body {
            Body::Control(control) => self.registry.note(control),
            Body::Data(update) => {
                match update {
                    FlowOutput::Update(_) => {}
                    FlowOutput::Finding(finding) => self.findings.note(finding),
                    FlowOutput::Trade(event) => self.trade(msg.stamp, event),
                }
                let Some(file) = &mut self.events else {
                    return;
                };
                for word in words(msg.stamp.sequence, update) {
                    let outcome = file.write_all(&word.to_le_bytes());
                    // The first failure is told at the end; the chain itself must not stall.
                    self.failed = self.failed.take().or(outcome.err());
                }
            }
        }
    }

    fn trade(&mut self, stamp: Stamp, event: &TradeEvent) {
        self.said += 1;
        if let Some(journal) = &mut self.journal {
            journal.note(stamp, event);
            self.tell_written(event);
        }
        if let (TradeEvent::Kept(kept), Some(keeper)) = (event, &mut self.keeper) {
            keeper.note(kept);
        }
        if let Some(line) = &self.line {
            line.note(event);
        }
        if let (Some(emergency), Some(journal)) = (&mut self.emergency, &self.journal) {
            emergency.note(stamp, event, journal.folded(), &self.registry);
        }
        self.trades.note(stamp, event);
    }

    /// Says how the run stands, if the operator asks.
    fn answer_operator(&self) {
        if let (Some(line), Some(journal)) = (&self.line, &self.journal) {
            line.answer(|| Standing::of(journal.folded(), &self.registry, line.strategies()));
        }
    }

    /// Tells the chain how much is in the journal, or that nothing more will be.
    fn tell_written(&mut self, event: &TradeEvent) {
        if self.is_sound() {
            let is_order = matches!(event, TradeEvent::Asked(asked) if asked.order.is_some());
            return self.exchange.wrote(self.said, is_order);
        }
        if self.failed_at.is_none() {
            self.failed_at = Some(Instant::now());
            self.exchange.fail();
        }
        match event {
            TradeEvent::Cancelled(..) => self.cancels += 1,
            TradeEvent::Halted(halt) => self.has_halted |= halt.cause == HaltCause::Journal,
            _ => {}
        }
    }

    /// Whether the journal has failed, and the chain has heard of it or does not listen.
    fn is_lost(&self) -> bool {
        let patience = Duration::from_secs(2);
        let is_over = |at: Instant| self.has_halted || at.elapsed() > patience;
        self.failed_at.is_some_and(is_over)
    }

    /// A link that is full means that the journal cannot keep up. At full speed that holds the
    /// chain back and no more; a market would go on without us, so nothing new is opened.
    fn watch_link(&mut self, backlog: usize) {
        let is_full = backlog + LINK_RESERVE >= self.link_depth;
        if is_full && !self.exchange.waits() && self.journal.is_some() && !self.is_behind {
            self.is_behind = true;
            self.exchange.fall_behind();
            eprintln!(
                "note: the journal cannot keep up: nothing is opened any more; nothing was lost"
            );
        }
    }

    /// A tile has died: what it said before is on the disk all the same.
    fn abandon_journal(&mut self) {
        if let Some(journal) = self.journal.take() {
            journal.abandon();
        }
    }

    /// The tiles have stopped: what the trader still has to say, and the end of what is kept.
    fn end_trading<G: Gateway>(
        &mut self,
        trader: &mut Trader<G>,
        messages: u64,
    ) -> Result<Option<String>> {
        let is_broken = self.exchange.is_broken();
        if is_broken {
            let notice = Notice::Halt(Gate::Shut, HaltCause::Process);
            trader.on_control(&Control::Notice(notice));
        }
        // The last input never came, and with it the last digest that the journal ends with.
        if self.interrupt.came() || self.failed_at.is_some() || is_broken {
            trader.wind_down();
        }
        let last = Stamp {
            sequence: messages,
            ingress_ns: 0,
        };
        let mut told = None;
        loop {
            while trader.speak(|event| self.trade(last, event)) {}
            if !trader.waits_for_journal() {
                break;
            }
            // What was on its way between tiles that have stopped is not in the journal.
            let is_news = told.replace(self.said) != Some(self.said);
            let notice = if is_news && self.is_sound() {
                Notice::Written(self.said)
            } else {
                Notice::Halt(Gate::Shut, HaltCause::Journal)
            };
            trader.on_control(&Control::Notice(notice));
        }
        // Of two that fail, the journal is told: the state rests on it.
        let journal = self.end_journal();
        if let Some(keeper) = self.keeper.take() {
            let kept = keeper.finish(&trader.risk().kept());
            journal.is_ok().then_some(kept).transpose()?;
        }
        let journal = journal?;
        if is_broken {
            let cause =
                "parts of the run hung at once, so it was halted; what rested was cancelled";
            let next = "find out what held them up, then `undertow resume --reason TEXT`";
            return Err(Failure::new(Code::STALLED, cause, next).into());
        }
        Ok(journal)
    }

    fn end_journal(&mut self) -> Result<Option<String>> {
        let has_failed = self.failed_at.is_some();
        let ended = self.journal.take().map(Journal::end).transpose();
        let ended = ended.map_err(|error| {
            let fault = journal_fault(&error);
            if !has_failed {
                return fault;
            }
            let rested = match self.cancels {
                0 => "no order rested".to_owned(),
                count => format!("what rested was cancelled: {}", counted(count, "order")),
            };
            let cause = format!("{}: entries were halted, and {rested}", fault.cause);
            let next = format!("{}, then `undertow resume --reason TEXT`", fault.next);
            Failure::new(Code::JOURNAL_FAILED, cause, next).at(fault.place)
        });
        Ok(ended?)
    }

    /// Whether nothing has been lost: what is not written must not be sent.
    fn is_sound(&self) -> bool {
        self.journal.as_ref().is_none_or(Journal::is_sound)
    }

    fn show(&self, taken: u64) {
        match &self.progress {
            Progress::Quiet => {}
            Progress::Messages(_) => self.bar.set_position(taken),
            Progress::Files(positions) => {
                self.bar
                    .set_position(positions.iter().map(Position::read).sum());
            }
        }
        self.bar
            .set_message(format!("{:.1} M messages", taken as f64 / 1e6));
    }

    fn finish(mut self) -> Result<(Registry, Findings, Trades)> {
        self.bar.finish_and_clear();
        if let Some(file) = self.events.take() {
            match &self.failed {
                Some(error) => return Err(file.failure(error).into()),
                None => file.finish()?,
            }
        }
        Ok((self.registry, self.findings, self.trades))
    }
}

fn bar(progress: &Progress) -> ProgressBar {
    let (length, template) = match progress {
        Progress::Quiet => return ProgressBar::hidden(),
        Progress::Files(positions) => (
            positions.iter().map(|position| position.file_len).sum(),
            "{bar:40} {bytes:>10} of {total_bytes}  {msg}",
        ),
        Progress::Messages(count) => (*count, "{bar:40} {pos:>10} of {len}  {msg}"),
    };
    let bar = ProgressBar::new(length);
    bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| {
        // A template that does not parse costs the looks, not the run.
        ProgressStyle::default_bar()
    }));
    bar
}

#[cfg(test)]
mod tests {
    use super::*;
    use undertow_cold::journal::{Reader, Record};
    use undertow_core::gateway::Shadow;
    use undertow_core::risk::Kept;

    /// The cold side of a session that trades, with a journal in `dir`, and what it began with.
    fn with_journal(dir: &Path, (pace, depth): (Pace, usize)) -> (Cold, Profile, Kept) {
        let config = Config::default();
        let ask = Ask {
            what: "a test".to_owned(),
            config: &config,
            check: false,
            events: None,
            progress: Progress::Quiet,
            readers: Vec::new(),
        };
        let wiring = Wiring {
            layout: Layout::Fused,
            cores: Vec::new(),
            idle: Idle::Yield,
            link_depth: depth,
            batch_max: 1,
            threshold_ns: 1,
            sampling: Sampling::one_in(1),
            pace,
            keeps_data: false,
            beat_interval: BEAT_INTERVAL,
            helpers: Vec::new(),
        };
        let profile = Profile::load("paper").expect("built in");
        let kept = first_kept(&profile, Nanos(1_773_235_800_000_000_000)).expect("a day");
        let program = machine::program(&config, &profile);
        let start = trade::start(&program, (profile.account, Mode::Backtest), kept);
        let journal = Journal::begin(dir, start, Nanos(1)).expect("it begins");
        let mut cold = Cold::new(&ask, &wiring).expect("laid out");
        cold.journal = Some(journal);
        (cold, profile, kept)
    }

    /// The records of the journal in `dir`.
    fn journalled(dir: &Path) -> Vec<Record> {
        let mut records = Vec::new();
        let mut reader = Reader::open(&dir.join(journal::JOURNAL)).expect("there");
        reader
            .scan(|entry| records.push(entry.record))
            .expect("sound");
        records
    }

    /// What the cold side of a session says when it finds its link full of checkpoints, and how
    /// many of them its journal has.
    fn crowded(pace: Pace) -> (Vec<Notice>, usize) {
        let dir = tempfile::tempdir().expect("a directory");
        let depth = 64;
        let (mut cold, ..) = with_journal(dir.path(), (pace, depth));
        let (mut output, reader) = undertow_core::ring::reliable(depth);
        for sequence in 1..depth as u64 {
            let stamp = Stamp {
                sequence,
                ingress_ns: 0,
            };
            let event = FlowOutput::Trade(TradeEvent::Checkpoint(sequence));
            undertow_core::stage::Sink::data(&mut output, stamp, &event);
        }
        undertow_core::stage::Sink::control(&mut output, Stamp::default(), &Control::End);
        cold.follow(&Switchboard::default(), reader);
        let notices = std::iter::from_fn(|| cold.exchange.next_notice()).collect();
        cold.end_journal().expect("it ends");
        let records = journalled(dir.path());
        let is_one = |record: &&Record| matches!(record, Record::Checkpoint(_));
        let checkpoints = records.iter().filter(is_one).count();
        (notices, checkpoints)
    }

    #[test]
    fn p07_a_journal_that_cannot_keep_up_halts_entries_and_loses_nothing() {
        let live = Pace::Times { thousandths: 1_000 };
        let (notices, checkpoints) = crowded(live);
        let halt = Notice::Halt(Gate::ReduceOnly, HaltCause::Journal);
        assert_eq!((notices, checkpoints), (vec![halt], 63));
        // A recorded session at full speed waits for us.
        assert_eq!(crowded(Pace::Max), (vec![], 63));
    }

    #[test]
    fn r13_a_run_that_two_stalls_halted_ends_shut_in_order_and_says_why() {
        let dir = tempfile::tempdir().expect("a directory");
        let live = Pace::Times { thousandths: 1_000 };
        let (mut cold, profile, kept) = with_journal(dir.path(), (live, 64));
        let of = (&profile, Mode::Backtest);
        let mut trader = trader(of, Shadow::new(16), 16, &kept).expect("laid out");
        cold.exchange.heed(&Switchboard::default(), &Alarm::Halt);
        let error = cold.end_trading(&mut trader, 7).expect_err("it was halted");
        let failure = error.downcast_ref::<Failure>().expect("with a code");
        assert_eq!(failure.code, Code::STALLED);
        let halted = trader.risk().halted();
        assert_eq!(
            (halted.gate, halted.cause),
            (Gate::Shut, HaltCause::Process)
        );
        let records = journalled(dir.path());
        let is_halt = |record: &Record| match record {
            Record::Halt(halt) => (halt.gate, halt.cause) == (Gate::Shut, HaltCause::Process),
            _ => false,
        };
        assert_eq!(records.iter().filter(|it| is_halt(it)).count(), 1);
        assert!(
            matches!(records.last(), Some(Record::End(_))),
            "{records:?}"
        );
    }

    #[test]
    fn p17_a_tile_spins_only_on_a_core_of_its_own_unless_it_is_told_to() {
        for tiles in 1..=3 {
            for cores in 0..=5 {
                let chosen = idle(IdleWish::Auto, cores, tiles);
                assert_eq!(chosen == Idle::Spin, cores > tiles, "{tiles} on {cores}");
                assert_eq!(idle(IdleWish::Spin, cores, tiles), Idle::Spin);
                assert_eq!(idle(IdleWish::Park, cores, tiles), Idle::Park);
            }
        }
    }

    #[test]
    fn configured_defaults_are_the_stages_own() {
        assert_eq!(measured(&Config::default()), FlowParameters::default());
    }
}
