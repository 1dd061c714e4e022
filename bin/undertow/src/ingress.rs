//! The ingress: where inputs get their arrival time, real or intended, and the first lap starts.
//!
//! At full speed a message arrives when its first byte is readable: sampled messages are stamped
//! one by one, the others by the duty cycle's clock. Paced, a message arrives when the recording
//! says that it is due; the stamp is that *intended* time however late it is taken, so a stall
//! shows in the latency of everything it delayed (no coordinated omission).

use std::sync::Arc;

use latency_report::recorder::{Recorder, difference};
use undertow_core::event::{Control, Mbo, Stamp};
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

impl<B: Bytes> Dated<Mbo> for Replay<B> {
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

impl<F: Dated<Mbo>> Ingress<F> {
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

impl<F: Dated<Mbo>> Source<Mbo> for Ingress<F> {
    #[inline(always)]
    fn take(&mut self, to: &mut impl Sink<Mbo>) -> bool {
        self.drain(to, 1) == 1
    }

    /// A sampled message goes alone, and so does each one that must be waited for; the others go
    /// together.
    #[inline(always)]
    fn drain(&mut self, to: &mut impl Sink<Mbo>, batch_max: usize) -> usize {
        let mut taken = 0;
        while taken < batch_max && to.room() > 0 {
            let Some(ingress_ns) = self.arrival_ns() else {
                break;
            };
            let mut together = 1;
            let mut start_ns = 0;
            if self.sampling.takes(self.sequence) {
                start_ns = self.clock.read();
            } else if self.schedule.is_none() {
                let until_sampled = self.sampling.until(self.sequence);
                together = until_sampled.min(batch_max - taken);
            }
            let is_timed = start_ns != 0 && self.schedule.is_none();
            let mut arriving = Arriving {
                to,
                stamp: Stamp {
                    sequence: self.sequence,
                    ingress_ns: if is_timed { start_ns } else { ingress_ns },
                },
                start_ns,
                clock: &self.clock,
                decode: &mut self.decode,
                is_ended: &mut self.is_ended,
            };
            let count = self.feed.drain(&mut arriving, together);
            self.sequence += count as u64;
            taken += count;
            if count < together {
                break;
            }
        }
        taken
    }

    #[inline(always)]
    fn look_ahead(&self, ahead: usize) -> Option<Mbo> {
        self.feed.look_ahead(ahead)
    }
}

/// Gives messages their stamps on their way from the feed into the chain.
struct Arriving<'a, K> {
    to: &'a mut K,
    /// Of the next one.
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
        if self.start_ns == 0 {
            return self.clock.start_laps(0);
        }
        let end_ns = self.clock.read();
        self.decode.record(difference(end_ns, self.start_ns));
        self.clock.start_laps(end_ns);
        self.clock.spend(0, end_ns.saturating_sub(self.start_ns));
    }
}

impl<K: Sink<Mbo>> Sink<Mbo> for Arriving<'_, K> {
    #[inline(always)]
    fn room(&mut self) -> usize {
        self.to.room()
    }

    #[inline(always)]
    fn hint(&mut self, coming: impl Fn(usize) -> Option<Mbo>) {
        self.to.hint(coming);
    }

    #[inline(always)]
    fn data(&mut self, _feed: Stamp, data: &Mbo) {
        self.start_laps();
        self.to.data(self.stamp, data);
        self.stamp.sequence += 1;
    }

    #[inline(always)]
    fn control(&mut self, _feed: Stamp, control: &Control) {
        self.start_laps();
        *self.is_ended = matches!(control, Control::End);
        self.to.control(self.stamp, control);
        self.stamp.sequence += 1;
    }
}

impl<F: Dated<Mbo>> TileSource<Mbo> for Ingress<F> {
    fn is_ended(&self) -> bool {
        self.is_ended
    }
}
