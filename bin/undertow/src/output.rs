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
use undertow_core::types::Price;
use undertow_strategies::flow::vpin::VpinValue;
use undertow_strategies::flow::{FlowUpdate, Reading};

use crate::clock::TileClock;
use crate::probe::Sampling;

/// Words in which one output is written: of every book, and with the measures.
pub const OUTPUT_WORDS: usize = TAPE_WORDS + READING_WORDS;
const TAPE_WORDS: usize = 18;
const READING_WORDS: usize = 22;

/// Stands for a measure that is absent. No measure is this NaN, or any other.
const ABSENT: u64 = u64::MAX;

/// Writes an output in a fixed layout: eight-byte words, little-endian in a file. Without measures
/// the second half is zero.
#[must_use]
pub fn words(sequence: u64, update: &FlowUpdate) -> [u64; OUTPUT_WORDS] {
    let mut words = [0; OUTPUT_WORDS];
    let (tape, reading) = words.split_at_mut(TAPE_WORDS);
    tape.copy_from_slice(&tape_words(sequence, update));
    if let Some(measured) = &update.reading {
        reading.copy_from_slice(&reading_words(measured));
    }
    words
}

fn tape_words(sequence: u64, update: &FlowUpdate) -> [u64; TAPE_WORDS] {
    let (touch, depth) = (&update.touch, &update.depth);
    let instrument = u64::from(update.key.instrument_id.0);
    let publisher = u64::from(update.key.publisher_id.0);
    let traded = u64::from(update.traded) << 24 | (update.last_side as u64) << 25;
    [
        sequence,
        instrument << 32 | traded | publisher << 8 | u64::from(update.trust as u8),
        update.ts_event.0,
        touch.bid.0.cast_unsigned(),
        touch.ask.0.cast_unsigned(),
        touch.bid_size,
        touch.ask_size,
        u64::from(touch.bid_count) << 32 | u64::from(touch.ask_count),
        depth.weighted5[0],
        depth.weighted5[1],
        depth.sum5[0],
        depth.sum5[1],
        depth.sum10[0],
        depth.sum10[1],
        update.bought,
        update.sold,
        update.trades,
        price(update.last),
    ]
}

fn reading_words(reading: &Reading) -> [u64; READING_WORDS] {
    let real = |value: Option<f64>| value.map_or(ABSENT, f64::to_bits);
    let hidden = &reading.hidden_counts;
    let volume = reading.volume;
    let is_warming = |vpin: Option<VpinValue>| u64::from(vpin.is_some_and(|it| it.is_warming));
    let is_unusual = u64::from(volume.is_some_and(|volume| volume.is_unusual));
    let [sweep_kind, sweep_size, sweep_until] = reading.sweep.map_or([0; 3], |sweep| {
        let kind = u64::from(sweep.levels) << 8 | sweep.side as u64 + 1;
        [kind, sweep.size, sweep.until.0]
    });
    [
        is_warming(reading.vpin) | is_warming(reading.vpin_bulk) << 1 | is_unusual << 2,
        real(reading.vpin.map(|vpin| vpin.value)),
        real(reading.vpin_bulk.map(|vpin| vpin.value)),
        real(reading.imbalance_volatility),
        real(reading.imbalance_velocity),
        reading.ofi.map_or(ABSENT, i64::cast_unsigned),
        reading.ofi_open.cast_unsigned(),
        sweep_kind,
        sweep_size,
        sweep_until,
        reading.sweeps,
        real(reading.hidden),
        u64::from(hidden.icebergs) << 32 | u64::from(hidden.refills),
        u64::from(hidden.slices),
        hidden.hidden_size,
        real(reading.pattern),
        real(reading.toxicity),
        reading.blocks,
        real(volume.map(|volume| volume.ratio)),
        real(volume.and_then(|volume| volume.z)),
        price(reading.vwap),
        real(reading.quality),
    ]
}

/// A price as a word; an absent one is Databento's undefined.
fn price(price: Option<Price>) -> u64 {
    price.unwrap_or(Price::UNDEFINED).0.cast_unsigned()
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
        self.0 = mix(self.0, word);
    }

    /// Adds the words of one output. They are hashed in two lanes, which the processor follows at
    /// the same time; each multiplication would else wait for the one before.
    #[inline]
    fn add_all(&mut self, words: &[u64]) {
        let mut lanes = [self.0, words.len() as u64];
        let (pairs, rest) = words.as_chunks::<2>();
        for [first, second] in pairs {
            lanes = [mix(lanes[0], *first), mix(lanes[1], *second)];
        }
        for word in rest {
            lanes[0] = mix(lanes[0], *word);
        }
        self.0 = mix(lanes[0], lanes[1]);
    }

    /// The value so far.
    #[must_use]
    pub const fn value(self) -> u64 {
        self.0 ^ (self.0 >> 29)
    }
}

/// One step of the hash.
#[inline]
const fn mix(state: u64, word: u64) -> u64 {
    (state ^ word)
        .wrapping_mul(0xF135_7AEA_2E62_A9C5)
        .rotate_left(23)
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
        self.digest.add_all(&tape_words(stamp.sequence, update));
        if let Some(reading) = &update.reading {
            self.digest.add_all(&reading_words(reading));
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
