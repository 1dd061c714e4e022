//! The end of the chain: a digest of everything that leaves it, tick-to-output latency, and the
//! link to the cold side.
//!
//! The digest is the receipt of determinism: two runs with one digest had the same outputs in
//! the same order. It covers sequence and content, never time of ours. It is not cryptographic.

use std::sync::Arc;

use latency_report::recorder::{Recorder, difference};
use undertow_core::event::{Control, Stamp};
use undertow_core::ring::Writer;
use undertow_core::stage::Sink;
use undertow_strategies::flow::FlowUpdate;

use crate::clock::TileClock;
use crate::probe::Sampling;

/// Words in which one output is written.
pub const OUTPUT_WORDS: usize = 12;

/// Writes an output in a fixed layout: eight-byte words, little-endian in a file.
#[must_use]
pub fn words(sequence: u64, update: &FlowUpdate) -> [u64; OUTPUT_WORDS] {
    let touch = &update.touch;
    let instrument = u64::from(update.key.instrument_id.0);
    let publisher = u64::from(update.key.publisher_id.0);
    [
        sequence,
        instrument << 32 | publisher << 8 | u64::from(update.trust as u8),
        update.ts_event.0,
        touch.bid.0.cast_unsigned(),
        touch.ask.0.cast_unsigned(),
        touch.bid_size,
        touch.ask_size,
        u64::from(touch.bid_count) << 32 | u64::from(touch.ask_count),
        update.bought,
        update.sold,
        update.trades,
        0,
    ]
}

/// A running hash over words: multiply, rotate, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digest(u64);

impl Digest {
    /// Over nothing.
    pub const EMPTY: Self = Self(0x9E37_79B9_7F4A_7C15);

    /// Adds one word.
    #[inline]
    pub const fn add(&mut self, word: u64) {
        self.0 = (self.0 ^ word)
            .wrapping_mul(0xF135_7AEA_2E62_A9C5)
            .rotate_left(23);
    }

    /// The value so far.
    #[must_use]
    pub const fn value(self) -> u64 {
        self.0 ^ (self.0 >> 29)
    }
}

/// The sink of the last tile.
#[derive(Debug)]
pub struct Output {
    /// Receipt over all outputs.
    pub digest: Digest,
    /// Outputs so far.
    pub updates: u64,
    /// From arrival (intended, when paced) to here, ns.
    pub latency: Recorder,
    sampling: Sampling,
    clock: Arc<TileClock>,
    /// Control always goes to the cold side; data only if it is to be kept.
    output_cold: Writer<FlowUpdate>,
    keeps_data: bool,
}

impl Output {
    /// A sink that hands control, and data if `keeps_data`, to the cold side.
    #[must_use]
    pub const fn new(
        output_cold: Writer<FlowUpdate>,
        keeps_data: bool,
        sampling: Sampling,
        clock: Arc<TileClock>,
        latency: Recorder,
    ) -> Self {
        let digest = Digest::EMPTY;
        Self {
            digest,
            updates: 0,
            latency,
            sampling,
            clock,
            output_cold,
            keeps_data,
        }
    }
}

impl Sink<FlowUpdate> for Output {
    #[inline]
    fn room(&mut self) -> usize {
        self.output_cold.room()
    }

    #[inline]
    fn data(&mut self, stamp: Stamp, update: &FlowUpdate) {
        self.updates += 1;
        for word in words(stamp.sequence, update) {
            self.digest.add(word);
        }
        if self.sampling.takes(stamp.sequence) {
            let now_ns = self.clock.read();
            self.latency.record(difference(now_ns, stamp.ingress_ns));
        }
        if self.keeps_data {
            self.output_cold.data(stamp, update);
        }
    }

    fn control(&mut self, stamp: Stamp, control: &Control) {
        self.digest.add(stamp.sequence);
        if is_for_cold(control) {
            self.output_cold.control(stamp, control);
        }
    }
}

/// What the cold side names instruments by, and what ends it.
const fn is_for_cold(control: &Control) -> bool {
    matches!(
        control,
        Control::Definition(_) | Control::Symbol(_) | Control::End
    )
}
