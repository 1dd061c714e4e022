//! The ingress: where inputs get their arrival time, real or intended, and the first lap starts.
//!
//! At full speed a message arrives when its first byte is readable: sampled messages are stamped
//! one by one, the others by the duty cycle's clock. Paced, a message arrives when the recording
//! says that it is due; the stamp is that *intended* time however late it is taken, so a stall
//! shows in the latency of everything it delayed (no coordinated omission).

use std::sync::Arc;

use latency_report::recorder::{Recorder, difference};
use undertow_core::event::{Control, Market, Stamp};
use undertow_core::stage::{Sink, Source};
use undertow_core::types::Nanos;

use undertow_feeds::replay::{Bytes, Replay};

use crate::clock::TileClock;
use crate::config::values::Pace;
use crate::probe::Sampling;
use crate::tile::TileSource;

/// A source that knows when its next message was recorded.
pub trait Dated<T>: Source<T> {
    /// The recorded time of the next message, if one is there now and has a time.
    fn next_ts(&mut self) -> Option<Nanos>;
}

impl<B: Bytes> Dated<Market> for Replay<B> {
    #[inline]
    fn next_ts(&mut self) -> Option<Nanos> {
        // What precedes the first record has no time of its own and is due at once.
        self.next_due().filter(|due| due.is_defined())
    }
}

/// The first tile's source.
#[derive(Debug)]
pub struct Ingress<F> {
    feed: F,
    schedule: Option<Schedule>,
    sampling: Sampling,
    clock: Arc<TileClock>,
    /// Time to decode a sampled message, ns.
    pub decode: Recorder,
    sequence: u64,
    is_ended: bool,
}

/// Maps recorded time to the time it is due.
#[derive(Debug)]
struct Schedule {
    pace: Pace,
    /// Recorded and due time of the first message that had one.
    origin: Option<(u64, u64)>,
}

impl Schedule {
    fn due_ns(&mut self, recorded: Nanos, now_ns: u64) -> u64 {
        let (first_recorded, first_due) = *self.origin.get_or_insert((recorded.0, now_ns));
        let span = Nanos(recorded.0.saturating_sub(first_recorded));
        let wait = self.pace.paced(span).unwrap_or_default();
        first_due.saturating_add(wait.0)
    }
}

impl<F> Ingress<F> {
    /// Plays `feed` at `pace`.
    pub fn new(
        feed: F,
        pace: Pace,
        sampling: Sampling,
        clock: Arc<TileClock>,
        decode: Recorder,
    ) -> Self {
        let schedule = (pace != Pace::Max).then_some(Schedule { pace, origin: None });
        Self {
            feed,
            schedule,
            sampling,
            clock,
            decode,
            sequence: 0,
            is_ended: false,
        }
    }

    /// The feed, when all is over.
    pub fn into_feed(self) -> (F, Recorder) {
        (self.feed, self.decode)
    }
}

impl<F: Dated<Market>> Ingress<F> {
    /// When the next message is due, or none if it is not yet due or not there.
    #[inline]
    fn arrival_ns(&mut self) -> Option<u64> {
        let now_ns = self.clock.now_ns();
        let Some(schedule) = &mut self.schedule else {
            return Some(now_ns);
        };
        let Some(recorded) = self.feed.next_ts() else {
            return Some(now_ns);
        };
        let due_ns = schedule.due_ns(recorded, now_ns);
        (due_ns <= now_ns).then_some(due_ns)
    }
}

impl<F: Dated<Market>> Source<Market> for Ingress<F> {
    #[inline(always)]
    fn take(&mut self, to: &mut impl Sink<Market>) -> bool {
        let Some(mut ingress_ns) = self.arrival_ns() else {
            return false;
        };
        let mut start_ns = 0;
        if self.sampling.takes(self.sequence) {
            start_ns = self.clock.read();
            if self.schedule.is_none() {
                ingress_ns = start_ns;
            }
        }
        let stamp = Stamp {
            sequence: self.sequence,
            ingress_ns,
        };
        let Self {
            feed,
            clock,
            decode,
            is_ended,
            ..
        } = self;
        let taken = feed.take(&mut Arriving {
            to,
            stamp,
            start_ns,
            clock,
            decode,
            is_ended,
        });
        self.sequence += u64::from(taken);
        taken
    }

    #[inline(always)]
    fn look_ahead(&self, ahead: usize) -> Option<Market> {
        self.feed.look_ahead(ahead)
    }
}

/// Gives a message its stamp on its way from the feed into the chain.
struct Arriving<'a, K> {
    to: &'a mut K,
    stamp: Stamp,
    /// When its decoding began; 0 if it is not sampled.
    start_ns: u64,
    clock: &'a TileClock,
    decode: &'a mut Recorder,
    is_ended: &'a mut bool,
}

impl<K> Arriving<'_, K> {
    #[inline(always)]
    fn start_laps(&mut self) {
        let mut end_ns = 0;
        if self.start_ns != 0 {
            end_ns = self.clock.read();
            self.decode.record(difference(end_ns, self.start_ns));
        }
        self.clock.start_laps(end_ns);
    }
}

impl<K: Sink<Market>> Sink<Market> for Arriving<'_, K> {
    #[inline(always)]
    fn room(&mut self) -> usize {
        self.to.room()
    }

    #[inline(always)]
    fn data(&mut self, _feed: Stamp, data: &Market) {
        self.start_laps();
        self.to.data(self.stamp, data);
    }

    #[inline(always)]
    fn control(&mut self, _feed: Stamp, control: &Control) {
        self.start_laps();
        *self.is_ended = matches!(control, Control::End);
        self.to.control(self.stamp, control);
    }
}

impl<F: Dated<Market>> TileSource<Market> for Ingress<F> {
    fn is_ended(&self) -> bool {
        self.is_ended
    }
}
