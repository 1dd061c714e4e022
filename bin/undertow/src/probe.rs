//! Where latency is taken: a sampled message is timed stage by stage, in every layout alike.
//!
//! A message is sampled when the low bits of its sequence are zero, so the same messages are
//! sampled wherever they pass. A stage's figure is its own work: the lap that its [`Timed`]
//! wrapper ends begins where the lap of the stage before it ended, on the same tile. What lies
//! between tiles shows only in tick-to-output, which the sink takes from the stamp.

use std::sync::Arc;

use latency_report::recorder::Recorder;
use undertow_core::event::{Control, Stamp};
use undertow_core::ring::Reader;
use undertow_core::stage::{Emit, Sink, Source, Stage};
use undertow_strategies::trade::stage::{Part, Timing};

use crate::clock::TileClock;
use crate::tile::TileSource;

/// Which messages are sampled: those whose sequence has none of these bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sampling {
    mask: u64,
}

impl Sampling {
    /// One message in `every`, rounded up to a power of two; 1 samples each.
    #[must_use]
    pub const fn one_in(every: u64) -> Self {
        let every = if every == 0 { 1 } else { every };
        Self {
            mask: every.next_power_of_two() - 1,
        }
    }

    /// Whether the message of this sequence is sampled.
    #[must_use]
    #[inline]
    pub const fn takes(self, sequence: u64) -> bool {
        sequence & self.mask == 0
    }

    /// How many messages from this one on are not sampled, before one is.
    #[must_use]
    #[inline]
    pub const fn until(self, sequence: u64) -> usize {
        (sequence.wrapping_neg() & self.mask) as usize
    }

    /// One message in this many.
    #[must_use]
    pub fn every(self) -> u32 {
        u32::try_from(self.mask + 1).unwrap_or(u32::MAX)
    }
}

/// A stage whose own time is taken on sampled messages.
#[derive(Debug)]
pub struct Timed<S> {
    /// The stage.
    pub stage: S,
    /// Its time a message, ns.
    pub recorder: Recorder,
    clock: Arc<TileClock>,
}

impl<S> Timed<S> {
    /// Times `stage` by the clock of its tile.
    pub const fn new(stage: S, recorder: Recorder, clock: Arc<TileClock>) -> Self {
        Self {
            stage,
            recorder,
            clock,
        }
    }
}

impl<S: Stage> Stage for Timed<S> {
    type In = S::In;
    type Out = S::Out;
    const BURST: usize = S::BURST;

    #[inline(always)]
    fn hint(&mut self, coming: impl Fn(usize) -> Option<S::In>) {
        self.stage.hint(coming);
    }

    #[inline(always)]
    fn rehearse<O: Emit<S::Out>>(&mut self) {
        self.stage.rehearse::<Lap<'_, O>>();
    }

    #[inline(always)]
    fn on_data(&mut self, input: &S::In, out: &mut impl Emit<S::Out>) {
        let Self {
            stage,
            recorder,
            clock,
        } = self;
        let mut lap = Lap {
            out,
            recorder,
            clock,
            ended: false,
        };
        stage.on_data(input, &mut lap);
        // A stage that stays silent ends its lap here; otherwise its output ended it, and what
        // ran since then was the stages after it.
        if !lap.ended {
            lap.end();
        }
    }

    #[inline(always)]
    fn on_control(&mut self, control: &Control, out: &mut impl Emit<S::Out>) {
        self.stage.on_control(control, out);
    }
}

/// Ends a stage's lap at its first output.
struct Lap<'a, O> {
    out: &'a mut O,
    recorder: &'a mut Recorder,
    clock: &'a TileClock,
    ended: bool,
}

impl<O> Lap<'_, O> {
    #[inline(always)]
    fn end(&mut self) {
        self.ended = true;
        if let Some(lap_ns) = self.clock.lap() {
            self.recorder.record(lap_ns.cast_signed());
        }
    }
}

impl<T, O: Emit<T>> Emit<T> for Lap<'_, O> {
    #[inline(always)]
    fn emit(&mut self, output: &T) {
        if !self.ended {
            self.end();
        }
        self.out.emit(output);
    }
}

/// Laps of the parts of a desk, which are timed from within: book, flow, trade.
#[derive(Debug)]
pub struct Laps {
    /// The clock of its tile.
    pub clock: Arc<TileClock>,
    /// Own time of each part, ns.
    pub recorders: [Recorder; 3],
}

impl Timing for Laps {
    #[inline(always)]
    fn lap(&mut self, part: Part) {
        if let Some(lap_ns) = self.clock.lap() {
            self.recorders[part as usize].record(lap_ns.cast_signed());
            // Decoding comes before the parts of the desk.
            self.clock.spend(1 + part as usize, lap_ns);
        }
    }

    #[inline(always)]
    fn skip(&mut self) {
        // What the sink did belongs to nobody here.
        let _ = self.clock.lap();
    }
}

/// The source of every tile but the first: a link's reading end that starts the laps.
#[derive(Debug)]
pub struct Relay<T> {
    reader: Reader<T>,
    sampling: Sampling,
    clock: Arc<TileClock>,
    /// Attempts, which choose when the backlog is looked at: that costs a cache miss.
    taken: u64,
    backlog_max: usize,
    is_ended: bool,
}

impl<T> Relay<T> {
    /// Reads from `reader`.
    #[must_use]
    pub const fn new(reader: Reader<T>, sampling: Sampling, clock: Arc<TileClock>) -> Self {
        Self {
            reader,
            sampling,
            clock,
            taken: 0,
            backlog_max: 0,
            is_ended: false,
        }
    }

    /// The most messages that were seen waiting, looked at as often as messages are sampled.
    #[must_use]
    pub const fn backlog_max(&self) -> usize {
        self.backlog_max
    }
}

impl<T> Source<T> for Relay<T> {
    #[inline]
    fn take(&mut self, to: &mut impl Sink<T>) -> bool {
        self.taken += 1;
        if self.sampling.takes(self.taken) {
            self.backlog_max = self.backlog_max.max(self.reader.backlog());
        }
        let Self {
            reader,
            sampling,
            clock,
            is_ended,
            ..
        } = self;
        reader.take(&mut Relayed {
            to,
            sampling: *sampling,
            clock,
            is_ended,
        })
    }
}

/// Starts the laps of a message on its way from a link into the chain.
struct Relayed<'a, K> {
    to: &'a mut K,
    sampling: Sampling,
    clock: &'a TileClock,
    is_ended: &'a mut bool,
}

impl<K> Relayed<'_, K> {
    #[inline]
    fn start_laps(&mut self, stamp: Stamp) {
        let mut start_ns = 0;
        if self.sampling.takes(stamp.sequence) {
            start_ns = self.clock.read();
        }
        self.clock.start_laps(start_ns);
    }
}

impl<T, K: Sink<T>> Sink<T> for Relayed<'_, K> {
    #[inline]
    fn room(&mut self) -> usize {
        self.to.room()
    }

    #[inline]
    fn data(&mut self, stamp: Stamp, data: &T) {
        self.start_laps(stamp);
        self.to.data(stamp, data);
    }

    #[inline]
    fn control(&mut self, stamp: Stamp, control: &Control) {
        self.start_laps(stamp);
        *self.is_ended = matches!(control, Control::End);
        self.to.control(stamp, control);
    }
}

impl<T> TileSource<T> for Relay<T> {
    fn is_ended(&self) -> bool {
        // A writer that died without saying End has ended the input all the same.
        self.is_ended || self.reader.is_finished()
    }
}
