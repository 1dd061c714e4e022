//! The ingress: where inputs get their arrival time, real or intended, and the first lap starts.
//!
//! At full speed a message arrives when its first byte is readable: sampled messages are stamped
//! one by one, the others by the duty cycle's clock. Paced, a message arrives when the recording
//! says that it is due; the stamp is that *intended* time however late it is taken, so a stall
//! shows in the latency of everything it delayed (no coordinated omission).

use std::sync::Arc;

use latency_report::Recorder;
use undertow_core::event::{Body, Control, Market, Msg};
use undertow_core::stage::Source;
use undertow_core::types::Nanos;

use crate::clock::TileClock;
use crate::probe::Sampling;
use crate::tile::TileSource;

/// A source that knows when its next message was recorded.
pub trait Dated<T>: Source<T> {
    /// The recorded time of the next message, if one is there now and has a time.
    fn next_ts(&mut self) -> Option<Nanos>;
}

/// How fast a recording is played.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// As fast as it can be taken.
    Max,
    /// This many times as fast as it was recorded. Positive and finite.
    Times(f64),
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
    speed: f64,
    /// Recorded and due time of the first message that had one.
    origin: Option<(u64, u64)>,
}

impl Schedule {
    fn due_ns(&mut self, recorded: Nanos, now_ns: u64) -> u64 {
        let (first_recorded, first_due) = *self.origin.get_or_insert((recorded.0, now_ns));
        let elapsed = recorded.0.saturating_sub(first_recorded);
        // Pacing is a matter of the playback, not of price or money: a float serves.
        first_due.saturating_add((elapsed as f64 / self.speed) as u64)
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
        let schedule = match pace {
            Pace::Max => None,
            Pace::Times(speed) => Some(Schedule {
                speed,
                origin: None,
            }),
        };
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
    fn take(&mut self) -> Option<Msg<Market>> {
        let mut ingress_ns = self.arrival_ns()?;
        let sampled = self.sampling.takes(self.sequence);
        let start_ns = if sampled { self.clock.read() } else { 0 };
        let mut msg = self.feed.take()?;
        if sampled {
            let end_ns = self.clock.read();
            self.decode.record(end_ns.saturating_sub(start_ns));
            self.clock.start_laps(end_ns);
            if self.schedule.is_none() {
                ingress_ns = start_ns;
            }
        } else {
            self.clock.start_laps(0);
        }
        msg.stamp.ingress_ns = ingress_ns;
        msg.stamp.sequence = self.sequence;
        self.sequence += 1;
        self.is_ended = matches!(msg.body, Body::Control(Control::End));
        Some(msg)
    }
}

impl<F: Dated<Market>> TileSource<Market> for Ingress<F> {
    fn is_ended(&self) -> bool {
        self.is_ended
    }
}
