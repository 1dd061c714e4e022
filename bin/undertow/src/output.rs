//! The end of the chain: a digest of everything that leaves it, tick-to-output latency, and the
//! link to the cold side.
//!
//! The digest is the receipt of determinism: two runs with one digest had the same outputs in
//! the same order. It covers sequence and content, never time of ours. It is not cryptographic.

use std::sync::Arc;

use latency_report::recorder::{Recorder, difference};
use undertow_core::event::Operator;
use undertow_core::event::{Control, Stamp};
use undertow_core::order::{ClientOrderId, ExecReport, ReportKind};
use undertow_core::ring::Writer;
use undertow_core::risk::Reported;
use undertow_core::stage::Sink;
use undertow_core::types::Price;
use undertow_strategies::decide::{Decision, Outcome};
use undertow_strategies::flow::vpin::VpinValue;
use undertow_strategies::flow::{FlowOutput, FlowUpdate, Reading};
use undertow_strategies::ifd::desk::{Contract, Evidence, Finding, Pressure, Signal, Window};
use undertow_strategies::trade::event::{Asked, TradeEvent};

use crate::clock::{STAGES, TileClock};
use crate::probe::Sampling;

/// Words in which one output is written: of every book, and with the measures.
pub const OUTPUT_WORDS: usize = TAPE_WORDS + READING_WORDS;
const TAPE_WORDS: usize = 19;
const READING_WORDS: usize = 27;

/// Words of what the options desk found.
const FINDING_WORDS: usize = 24;

/// Orders whose latency is kept one by one, to be explained.
const ORDERS_TIMED_MAX: usize = 4096;

/// Words of what was decided and traded.
const TRADE_WORDS: usize = 16;

/// Stands for a measure that is absent. No measure is this NaN, or any other.
const ABSENT: u64 = u64::MAX;

/// Writes an output in a fixed layout: eight-byte words, little-endian in a file. Without measures
/// the second half is zero.
#[must_use]
pub fn words(sequence: u64, output: &FlowOutput) -> [u64; OUTPUT_WORDS] {
    let mut words = [0; OUTPUT_WORDS];
    let update = match output {
        FlowOutput::Update(update) => update,
        FlowOutput::Finding(finding) => {
            words[..FINDING_WORDS].copy_from_slice(&finding_words(sequence, finding));
            return words;
        }
        FlowOutput::Trade(event) => {
            words[..TRADE_WORDS].copy_from_slice(&trade_words(sequence, event));
            return words;
        }
    };
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
    let traded = u64::from(update.traded) << 24 | (update.last_side.index() as u64) << 25;
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
        update.blocks,
        price(update.last),
    ]
}

fn reading_words(reading: &Reading) -> [u64; READING_WORDS] {
    let hidden = &reading.hidden_counts;
    let volume = reading.volume;
    let is_warming = |vpin: Option<VpinValue>| u64::from(vpin.is_some_and(|it| it.is_warming));
    let is_unusual = u64::from(volume.is_some_and(|volume| volume.is_unusual));
    let [sweep_kind, sweep_size, sweep_until] = reading.sweep.map_or([0; 3], |sweep| {
        let side = sweep.side.index() as u64 + 1;
        [
            u64::from(sweep.levels) << 8 | side,
            sweep.size,
            sweep.until.0,
        ]
    });
    let [taker_kind, taker_size, taker_z] = reading.taker_pressure.map_or([0; 3], |pressure| {
        let side = pressure.side.index() as u64 + 1;
        let [own, other] = pressure.takes.map(u64::from);
        let kind = own << 34 | other << 4 | side;
        [kind, pressure.size, pressure.z.to_bits()]
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
        taker_kind,
        taker_size,
        taker_z,
        reading.taker_pressures,
        real(reading.hidden),
        u64::from(hidden.icebergs) << 32 | u64::from(hidden.refills),
        u64::from(hidden.slices),
        hidden.hidden_size,
        real(reading.pattern),
        real(reading.toxicity),
        real(volume.map(|volume| volume.ratio)),
        real(volume.and_then(|volume| volume.z)),
        real(reading.volatility),
        reading.regime.map_or(0, |regime| regime as u64 + 1),
        price(reading.vwap),
        real(reading.quality),
    ]
}

/// The second word's last byte is 16 or more, which no trust is: so a reader tells them apart.
fn finding_words(sequence: u64, finding: &Finding) -> [u64; FINDING_WORDS] {
    let mut words = [0; FINDING_WORDS];
    words[0] = sequence;
    match finding {
        Finding::Window(window) => window_words(&mut words, window),
        Finding::Signal(signal) => signal_words(&mut words, signal),
        Finding::Resolution(resolution) => {
            let underlying = resolution.underlying.map_or(0, |id| u64::from(id.0));
            let (v1, v3) = (&resolution.decision.v1, &resolution.decision.v3);
            words[1] = underlying << 32 | 18;
            words[2] = resolution.ts.0;
            words[3] = resolution.decision.method as u64;
            words[4] = real(v1.mean);
            words[5] = real(v3.mean);
            words[6] = v1.conflicting as u64;
            words[7] = v3.conflicting as u64;
        }
    }
    words
}

fn window_words(words: &mut [u64; FINDING_WORDS], window: &Window) {
    let tally = &window.tally;
    contract_words(words, &window.contract, 16);
    words[5] = window.start.0;
    words[6] = window.minutes;
    words[7] = tally.notional as u64;
    words[8] = (tally.notional >> 64) as u64;
    words[9] = tally.buy;
    words[10] = tally.sell;
    words[11] = tally.unclassified;
    words[12] = u64::from(tally.trades) << 32 | u64::from(tally.large);
    words[13] = price(window.spot);
}

fn signal_words(words: &mut [u64; FINDING_WORDS], signal: &Signal) {
    contract_words(words, &signal.contract, 17);
    let method = signal.method.map_or(0, |method| method as u64 + 1);
    words[5] = signal.ts.0;
    words[6] = (signal.version as u64) << 40
        | (signal.direction as u64) << 32
        | (signal.level as u64) << 24
        | (signal.action as u64) << 16
        | method << 8
        | u64::from(signal.is_rejected);
    words[7] = signal.confidence.to_bits();
    match &signal.evidence {
        Evidence::Spike {
            spike,
            volume,
            open_interest,
            bracket,
        } => {
            words[8] = spike.ratio.to_bits();
            words[9] = spike.usd.cast_unsigned();
            words[10] = *volume;
            words[11] = *open_interest;
            words[12] = price(bracket.map(|bracket| bracket.target));
            words[13] = price(bracket.map(|bracket| bracket.stop));
        }
        Evidence::Pressure(pressure) => pressure_words(words, pressure),
    }
}

fn pressure_words(words: &mut [u64; FINDING_WORDS], pressure: &Pressure) {
    let components = &pressure.components;
    words[8] = pressure.start.0;
    words[9] = pressure.volume;
    words[10] = pressure.dominance as u64;
    words[11] = pressure.pressure.to_bits();
    words[12] = components.significance.to_bits();
    words[13] = components.trend.to_bits();
    words[14] = components.concentration.to_bits();
    words[15] = components.persistence.to_bits();
    words[16] = components.cluster.to_bits();
    words[17] = real(pressure.reading.z);
    words[18] = real(pressure.reading.rank);
    words[19] = pressure.reading.quality.to_bits();
    words[20] = pressure.making.to_bits();
    words[21] = pressure.multiplier.to_bits();
    let together = pressure.together.map_or(0, |together| together as u64 + 1);
    let structure = pressure
        .structure
        .map_or(0, |structure| structure as u64 + 1);
    words[22] = structure << 8 | together;
    words[23] = pressure.crush.to_bits();
}

fn contract_words(words: &mut [u64; FINDING_WORDS], contract: &Contract, kind: u64) {
    let key = contract.key;
    let (instrument, publisher) = (key.instrument_id.0, key.publisher_id.0);
    words[1] = u64::from(instrument) << 32 | u64::from(publisher) << 8 | kind;
    words[2] = contract.strike.0.cast_unsigned();
    words[3] = contract.expiry.0;
    let underlying = contract.underlying;
    let underlying = underlying.map_or(0, |key| u64::from(key.instrument_id.0));
    words[4] = underlying << 8 | contract.right as u64;
}

/// The second word's last byte is 32 or more, which nothing else has.
fn trade_words(sequence: u64, event: &TradeEvent) -> [u64; TRADE_WORDS] {
    let mut words = [0; TRADE_WORDS];
    words[0] = sequence;
    match event {
        TradeEvent::Decided(decided) => decision_words(&mut words, &decided.decision),
        TradeEvent::Asked(asked) => asked_words(&mut words, asked),
        TradeEvent::Cancelled(cancel, ts) => {
            words[1] = u64::from(cancel.contract().instrument_id.0) << 32 | 34;
            words[2] = cancel.id().0;
            words[3] = ts.0;
        }
        TradeEvent::Reported(report, reported) => report_words(&mut words, report, *reported),
        TradeEvent::Halted(halt) => {
            words[1] = (halt.gate as u64) << 16 | (halt.cause as u64) << 8 | 36;
            words[2] = halt.at.0;
        }
        TradeEvent::Settled(key, price, held) => {
            words[1] = u64::from(key.instrument_id.0) << 32 | 38;
            words[2] = price.0.cast_unsigned();
            words[3] = held.cast_unsigned();
        }
        TradeEvent::Listed(contract) => {
            words[1] = u64::from(contract.key.instrument_id.0) << 32 | 39;
            words[2] = contract.multiplier.units().cast_unsigned();
            words[3] = contract.expiry.0;
        }
        TradeEvent::Marked(key, price) => {
            words[1] = u64::from(key.instrument_id.0) << 32 | 41;
            words[2] = price.0.cast_unsigned();
        }
        TradeEvent::Kept(kept) => {
            words[1] = u64::from(kept.day) << 32 | 40;
            words[2] = kept.day_equity.0.cast_unsigned();
            words[3] = kept.high_water.0.cast_unsigned();
            words[4] = kept.day_earned.0.cast_unsigned();
            words[5] = kept.day_fees.0.cast_unsigned();
            words[6] = u64::from(kept.losing_days) << 32 | u64::from(kept.losing_trades);
            words[7] = u64::from(kept.opened_today) << 32 | u64::from(kept.opened_in_run);
            words[8] = kept.next_id;
        }
        TradeEvent::Limited(limited) => {
            words[1] = u64::from(limited.refused.is_some()) << 8 | 42;
            words[2] = limited.from.cast_unsigned();
            words[3] = limited.change.to().cast_unsigned();
            words[4] = limited.ts.0;
        }
        TradeEvent::Ordered(operator, ts) => {
            words[1] = 43;
            words[2] = ts.0;
            operator_words(&mut words, operator);
        }
        TradeEvent::Checkpoint(digest) => {
            words[1] = 37;
            words[2] = *digest;
        }
    }
    words
}

fn operator_words(words: &mut [u64; TRADE_WORDS], operator: &Operator) {
    let (number, of) = match operator {
        Operator::Halt => (0, 0),
        Operator::Resume(_) => (1, 0),
        Operator::CancelAll => (2, 0),
        Operator::Close(signal) => (3, signal.0),
        Operator::Flatten => (4, 0),
        Operator::Kill => (5, 0),
        Operator::Disable(strategy) => (6, u64::from(strategy.0)),
        Operator::Enable(strategy) => (7, u64::from(strategy.0)),
        Operator::Tighten(change) => (8, change.to().cast_unsigned()),
        Operator::Clear(kind, _) => (9, *kind as u64),
    };
    words[3] = number;
    words[4] = of;
}

fn decision_words(words: &mut [u64; TRADE_WORDS], decision: &Decision) {
    let outcome = match decision.outcome {
        Outcome::Emitted(_) => 0,
        Outcome::Updated(_) => 1,
        Outcome::Blocked(block) | Outcome::Debug(block) => 2 + block as u64,
        Outcome::Skipped(_) | Outcome::Asking(_) => 255,
    };
    words[1] = outcome << 16 | (decision.strategy as u64) << 8 | 32;
    words[2] = decision.moment.now.0;
    if let Some(identity) = &decision.identity {
        words[3] = u64::from_be_bytes(identity.id.0);
        let [first, rest @ ..] = identity.fingerprint.0.as_chunks::<2>().0 else {
            return;
        };
        words[4] = u64::from(u16::from_be_bytes(*first));
        for part in rest {
            words[5] = words[5] << 16 | u64::from(u16::from_be_bytes(*part));
        }
    }
    if let Some(card) = &decision.card {
        words[6] = u64::from(card.confidence()) << 8 | card.direction() as u64;
    }
    if let Some(contract) = &decision.contract {
        let listing = &contract.listing;
        words[7] = u64::from(listing.instrument_id.0) << 32 | contract.liquidity as u64;
        words[8] = listing.bid.0.cast_unsigned();
        words[9] = listing.ask.0.cast_unsigned();
    }
    if let Some(signal) = &decision.signal {
        words[10] = signal.entry.0.cast_unsigned();
        words[11] = signal.stop.0.cast_unsigned();
        words[12] = signal.targets[2].0.cast_unsigned();
        words[13] = signal.ttl_ns;
    }
}

fn asked_words(words: &mut [u64; TRADE_WORDS], asked: &Asked) {
    let intent = &asked.intent;
    let refusal = asked.verdict.refusal();
    let refusal = refusal.map_or(0, |refusal| u64::from(refusal.number()));
    let exit = asked.exit.map_or(0, |cause| cause as u64 + 1);
    words[1] = u64::from(intent.contract.instrument_id.0) << 32
        | exit << 24
        | refusal << 16
        | (intent.side.index() as u64 & 0xFF) << 8
        | 33;
    words[2] = asked.ts.0;
    words[3] = intent.signal_id.0;
    words[4] = asked.order.map_or(0, |id| id.0);
    words[5] = intent.price.0.cast_unsigned();
    words[6] = u64::from(intent.quantity) << 32
        | (intent.style as u64) << 16
        | (intent.tif as u64) << 8
        | intent.purpose as u64;
    words[7] = intent.stop.0.cast_unsigned();
    words[8] = intent.reference.bid.0.cast_unsigned();
    words[9] = intent.reference.ask.0.cast_unsigned();
    words[10] = u64::from(intent.confidence.units()) << 8 | u64::from(intent.strategy.0);
    let mut place = 0;
    asked.verdict.each_word(|word| {
        words[11 + place % 4] = mix(words[11 + place % 4], word);
        place += 1;
    });
}

fn report_words(words: &mut [u64; TRADE_WORDS], report: &ExecReport, reported: Option<Reported>) {
    let kind = match report.kind {
        ReportKind::Sent => 0,
        ReportKind::Acked(_) => 1,
        ReportKind::Working => 2,
        ReportKind::Executed(_) => 3,
        ReportKind::Fee(..) => 4,
        ReportKind::Cancelled { .. } => 5,
        ReportKind::Expired { .. } => 6,
        ReportKind::Rejected(_) => 7,
        ReportKind::CancelRejected => 8,
        ReportKind::NoAnswer => 9,
        ReportKind::Absent { .. } => 10,
    };
    words[1] = u64::from(report.contract.instrument_id.0) << 32 | kind << 8 | 35;
    words[2] = report.ts_event.0;
    words[3] = report.id.0;
    match report.kind {
        ReportKind::Executed(execution) => {
            words[4] = execution.id.base << 16 | u64::from(execution.id.revision);
            words[5] = execution.price.0.cast_unsigned();
            words[6] = u64::from(execution.quantity) << 8 | execution.side.index() as u64 & 0xFF;
            words[7] = execution.fee.map_or(ABSENT, |fee| fee.0.cast_unsigned());
        }
        ReportKind::Cancelled { filled }
        | ReportKind::Expired { filled }
        | ReportKind::Absent { filled } => words[4] = u64::from(filled),
        ReportKind::Acked(id) => words[4] = id.0,
        _ => {}
    }
    if let Some(reported) = reported {
        words[8] = reported.held.cast_unsigned();
        words[9] = reported.average.0.cast_unsigned();
        words[10] = reported.note as u64;
    }
}

/// A measure as a word.
fn real(value: Option<f64>) -> u64 {
    value.map_or(ABSENT, f64::to_bits)
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

    /// Adds bytes, eight at a time; those of the last word that are missing count as zero.
    pub fn add_bytes(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.add(u64::from_le_bytes(*word));
        }
        if !rest.is_empty() {
            let mut word = [0; 8];
            word[..rest.len()].copy_from_slice(rest);
            self.add(u64::from_le_bytes(word));
        }
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

/// What one order took.
#[derive(Clone, Copy, Debug)]
pub struct OrderLatency {
    /// Which.
    pub id: ClientOrderId,
    /// From the arrival of the record that led to it until it went out, ns.
    pub ns: u64,
    /// What each of [`STAGES`] spent on that record, ns, if it was sampled and traded on the tile
    /// from which the order went out; 0 of a stage that is on another.
    pub spent_ns: Option<[u64; STAGES.len()]>,
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
    /// The same of orders, each of them.
    pub order_latency: Recorder,
    /// That of each of the first orders by itself.
    pub order_latencies: Vec<OrderLatency>,
    sampling: Sampling,
    clock: Arc<TileClock>,
    /// Control and findings always go to the cold side; updates only if they are to be kept.
    output_cold: Writer<FlowOutput>,
    keeps_data: bool,
}

impl Output {
    /// A sink that hands control and findings, and updates if `keeps_data`, to the cold side.
    #[must_use]
    pub fn new(
        output_cold: Writer<FlowOutput>,
        keeps_data: bool,
        sampling: Sampling,
        clock: Arc<TileClock>,
        [latency, order_latency]: [Recorder; 2],
    ) -> Self {
        let digest = Digest::EMPTY;
        Self {
            digest,
            updates: 0,
            latency,
            order_latency,
            order_latencies: Vec::with_capacity(ORDERS_TIMED_MAX),
            sampling,
            clock,
            output_cold,
            keeps_data,
        }
    }
}

impl Output {
    /// From arrival to an order that goes out: every one is timed, for they are few.
    fn time_order(&mut self, stamp: Stamp, event: &TradeEvent) {
        if let TradeEvent::Asked(Asked {
            order: Some(id), ..
        }) = event
        {
            let now_ns = self.clock.read();
            if self.order_latencies.len() < ORDERS_TIMED_MAX {
                self.order_latencies.push(OrderLatency {
                    id: *id,
                    ns: now_ns.saturating_sub(stamp.ingress_ns),
                    spent_ns: self.clock.spent(),
                });
            }
            self.order_latency
                .record(difference(now_ns, stamp.ingress_ns));
        }
    }
}

impl Sink<FlowOutput> for Output {
    #[inline]
    fn room(&mut self) -> usize {
        self.output_cold.room()
    }

    #[inline]
    fn data(&mut self, stamp: Stamp, output: &FlowOutput) {
        self.updates += 1;
        match output {
            FlowOutput::Update(update) => {
                self.digest.add_all(&tape_words(stamp.sequence, update));
                if let Some(reading) = &update.reading {
                    self.digest.add_all(&reading_words(reading));
                }
            }
            FlowOutput::Finding(finding) => {
                self.digest.add_all(&finding_words(stamp.sequence, finding));
            }
            FlowOutput::Trade(event) => {
                self.digest.add_all(&trade_words(stamp.sequence, event));
                self.time_order(stamp, event);
            }
        }
        if self.sampling.takes(stamp.sequence) {
            let now_ns = self.clock.read();
            self.latency.record(difference(now_ns, stamp.ingress_ns));
        }
        if self.keeps_data || !matches!(output, FlowOutput::Update(_)) {
            self.output_cold.data(stamp, output);
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
