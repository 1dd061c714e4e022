//! A tile: one pinned thread that runs one or more fused stages, duty cycle by duty cycle.
//!
//! A duty cycle reads the clock once, moves at most a batch of messages from source to sink, and
//! says how many. What a tile does when there is nothing to do is its [`Idle`] strategy; what it
//! did in all is its [`TileReport`]. A tile that panics halts all the others: a half-alive chain
//! would trade on a frozen book.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use crossbeam::utils::{Backoff, CachePadded};
use undertow_core::stage::{Sink, Source, Stage, Through, turn};

use crate::affinity;
use crate::clock::TileClock;
use crate::memory;
use crate::seal::Seal;
use crate::usage::Usage;
use crate::watchdog::{COLD, Helper, Pulses};

/// A source that a tile can run to its end.
pub trait TileSource<T>: Source<T> {
    /// Whether the end of the input has been taken: nothing will ever follow.
    fn is_ended(&self) -> bool;
}

/// What a tile does with a duty cycle that found nothing to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Idle {
    /// Spin, and rehearse now and then. Only for a core that the tile owns.
    Spin,
    /// Spin a little, then yield the core: for laptops and shared machines.
    Yield,
    /// Spin, yield, then sleep 50 µs at a time: saves power, costs latency.
    Park,
}

/// How a tile is to run.
#[derive(Clone, Copy, Debug)]
pub struct TileOptions {
    /// Its place in the chain, under which it beats. The first counts what the run has taken.
    pub place: usize,
    /// The core to pin to; none leaves the thread where the scheduler puts it.
    pub core: Option<usize>,
    /// What to do when idle.
    pub idle: Idle,
    /// Most messages in one duty cycle.
    pub batch_max: usize,
    /// A duty cycle longer than this is counted, ns.
    pub threshold_ns: u64,
}

/// When a tile that spins rehearses.
#[derive(Debug, Default)]
pub struct Rehearsals {
    last_ns: u64,
}

impl Rehearsals {
    /// Seldom enough that most messages wait for none, and often enough that little is forgotten in
    /// between.
    const EVERY_NS: u64 = 4_000;

    /// Whether one is due; if so, the next is counted from now.
    #[inline]
    pub const fn is_due(&mut self, now_ns: u64) -> bool {
        let is_due = now_ns.saturating_sub(self.last_ns) > Self::EVERY_NS;
        if is_due {
            self.last_ns = now_ns;
        }
        is_due
    }
}

/// What all tiles of a run share with the thread that started them.
#[derive(Debug, Default)]
pub struct Switchboard {
    halt: CachePadded<AtomicBool>,
    taken: CachePadded<AtomicU64>,
    stopped: AtomicUsize,
    pulses: Pulses,
    /// By which the cold side beats.
    cold_clock: TileClock,
}

impl Switchboard {
    /// One for a run with these helpers.
    #[must_use]
    pub fn with(helpers: Vec<Arc<Helper>>) -> Self {
        Self {
            pulses: Pulses::with(helpers),
            ..Self::default()
        }
    }

    /// Tells every tile to stop after its duty cycle.
    pub fn halt(&self) {
        self.halt.store(true, Ordering::Release);
    }

    /// Whether the tiles have been told to stop.
    #[must_use]
    pub fn is_halted(&self) -> bool {
        self.halt.load(Ordering::Acquire)
    }

    /// Tiles that put nothing out any more.
    #[must_use]
    pub fn stopped(&self) -> usize {
        self.stopped.load(Ordering::Acquire)
    }

    /// The last beats of the tiles and of the cold side.
    #[must_use]
    pub const fn pulses(&self) -> &Pulses {
        &self.pulses
    }

    /// The cold side begins, and owes beats from now on.
    pub(crate) fn begin_cold(&self) {
        self.pulses.begin(COLD, "cold", self.cold_clock.read());
    }

    /// The cold side's beat, which reads a clock: it has none of its own.
    pub fn beat_cold(&self) {
        self.pulses.beat(COLD, self.cold_clock.read());
    }

    /// Messages that the ingress tile has taken so far.
    #[must_use]
    pub fn taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }
}

/// What a tile did.
#[derive(Clone, Debug, Default)]
pub struct TileReport {
    /// Its name in the topology.
    pub name: &'static str,
    /// The core it was pinned to and seen on; none if it ran unpinned.
    pub core: Option<usize>,
    /// Messages taken.
    pub messages: u64,
    /// Duty cycles that took something.
    pub working: u64,
    /// Duty cycles that found no input.
    pub caught_up: u64,
    /// Duty cycles that found no room downstream.
    pub back_pressured: u64,
    /// Longest duty cycle that took something, ns.
    pub duty_cycle_ns_max: u64,
    /// Duty cycles over the threshold.
    pub over_threshold: u64,
    /// Allocations and releases after sealing.
    pub allocations: u64,
    /// Page faults after sealing.
    pub page_faults: u64,
    /// Involuntary context switches after sealing.
    pub involuntary_switches: u64,
}

/// A tile's parts, handed back when it has ended.
#[derive(Debug)]
pub struct Ended<Src, S, K> {
    /// Its source.
    pub source: Src,
    /// Its stage.
    pub stage: S,
    /// Its sink.
    pub sink: K,
    /// What it did.
    pub report: TileReport,
}

/// One tile before and while it runs.
#[derive(Debug)]
pub struct Tile<Src, S, K> {
    source: Src,
    stage: S,
    sink: K,
    clock: Arc<TileClock>,
    options: TileOptions,
    report: TileReport,
    /// Start of the last duty cycle if it took something, else 0.
    working_since_ns: u64,
    rehearsals: Rehearsals,
}

impl<Src, S, K> Tile<Src, S, K>
where
    S: Stage,
    Src: TileSource<S::In>,
    K: Sink<S::Out>,
{
    /// A tile that has not started.
    pub fn new(
        name: &'static str,
        options: TileOptions,
        clock: Arc<TileClock>,
        (source, stage, sink): (Src, S, K),
    ) -> Self {
        let report = TileReport {
            name,
            ..TileReport::default()
        };
        Self {
            source,
            stage,
            sink,
            clock,
            options,
            report,
            working_since_ns: 0,
            rehearsals: Rehearsals::default(),
        }
    }

    /// One duty cycle: how many messages it took.
    #[inline]
    pub fn cycle(&mut self) -> usize {
        let now_ns = self.clock.advance();
        if self.working_since_ns != 0 {
            let took_ns = now_ns.saturating_sub(self.working_since_ns);
            self.report.duty_cycle_ns_max = self.report.duty_cycle_ns_max.max(took_ns);
            self.report.over_threshold += u64::from(took_ns > self.options.threshold_ns);
        }
        let batch_max = self.options.batch_max;
        let taken = turn(&mut self.source, &mut self.stage, &mut self.sink, batch_max);
        self.report.messages += taken as u64;
        self.working_since_ns = if taken > 0 { now_ns } else { 0 };
        if taken > 0 {
            self.report.working += 1;
        } else if self.sink.room() <= S::BURST {
            self.report.back_pressured += 1;
        } else {
            self.report.caught_up += 1;
        }
        taken
    }

    /// What is done with a duty cycle that took nothing.
    #[inline]
    pub fn rest(&mut self, backoff: &Backoff) {
        match self.options.idle {
            Idle::Spin => {
                if self.rehearsals.is_due(self.clock.now_ns()) {
                    // No message is in hand, so this is nobody's time.
                    self.clock.start_laps(0);
                    let (stage, sink) = (&mut self.stage, &mut self.sink);
                    Through { stage, sink }.rehearse();
                }
                std::hint::spin_loop();
            }
            Idle::Park if backoff.is_completed() => std::thread::sleep(Duration::from_micros(50)),
            Idle::Yield | Idle::Park => backoff.snooze(),
        }
    }

    /// Whether the end of the input has passed through.
    pub fn is_ended(&self) -> bool {
        self.source.is_ended()
    }

    /// The parts and the report.
    pub fn into_parts(self) -> Ended<Src, S, K> {
        let Self {
            source,
            stage,
            sink,
            report,
            ..
        } = self;
        Ended {
            source,
            stage,
            sink,
            report,
        }
    }

    /// Runs the tile on the current thread until the input ends or the run is halted.
    ///
    /// # Errors
    /// The panic's message, if a stage panicked; the run is then halted for every tile.
    pub fn run(self, switchboard: &Switchboard) -> Result<Ended<Src, S, K>, Dead> {
        let place = self.options.place;
        let ended = self.run_to_the_end(switchboard);
        switchboard.pulses.end(place);
        switchboard.stopped.fetch_add(1, Ordering::Release);
        ended
    }

    fn run_to_the_end(mut self, switchboard: &Switchboard) -> Result<Ended<Src, S, K>, Dead> {
        let name = self.report.name;
        if let Some(core) = self.options.core {
            match affinity::pin_current(core) {
                Ok(()) => self.report.core = Some(core),
                Err(error) => {
                    switchboard.halt();
                    return Err(Dead {
                        tile: name,
                        cause: error.to_string(),
                    });
                }
            }
        }
        let outcome = catch_unwind(AssertUnwindSafe(move || {
            self.duty(switchboard);
            self.into_parts()
        }));
        outcome.map_err(|panic| {
            switchboard.halt();
            Dead::of(name, panic.as_ref())
        })
    }

    /// The loop itself, sealed.
    fn duty(&mut self, switchboard: &Switchboard) {
        let place = self.options.place;
        let counts = place == 0;
        // Whoever laid out the session has told of a refusal already.
        let _refusal = memory::populate();
        let before = Usage::of_thread();
        let seal = Seal::new();
        let backoff = Backoff::new();
        while !self.is_ended() && !switchboard.is_halted() {
            let taken = self.cycle();
            // The reading that the cycle began with: a beat costs one store and no clock.
            switchboard.pulses.beat(place, self.clock.now_ns());
            if taken > 0 {
                backoff.reset();
                if counts {
                    switchboard
                        .taken
                        .store(self.report.messages, Ordering::Relaxed);
                }
            } else {
                self.rest(&backoff);
            }
        }
        self.report.allocations = seal.count();
        drop(seal);
        let used = Usage::of_thread().since(before);
        self.report.page_faults = used.page_faults;
        self.report.involuntary_switches = used.involuntary_switches;
    }
}

/// A tile, or the cold side, that ended before its input did.
#[derive(Clone, Debug)]
pub struct Dead {
    /// Which tile.
    pub tile: &'static str,
    /// Why.
    pub cause: String,
}

impl Dead {
    /// One that panicked.
    pub(crate) fn of(tile: &'static str, panic: &(dyn std::any::Any + Send)) -> Self {
        let text = panic.downcast_ref::<&str>().map(ToString::to_string);
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
        let cause = text.unwrap_or_else(|| "a panic without a message".to_owned());
        Self { tile, cause }
    }
}

impl std::fmt::Display for Dead {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "tile {} died: {}; all tiles were halted",
            self.tile, self.cause
        )
    }
}

impl std::error::Error for Dead {}
