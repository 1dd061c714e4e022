//! Every measure of one instrument, and what they read now.
//!
//! What is said of the instrument is kept as it leaves the stage, changed in place and handed on by
//! reference. Most events only move the touch: then nothing but the touch, the depth and the open
//! order flow imbalance is another than before, until a time that is known beforehand. So the
//! rest is worked out after trades, and when that time has come.

use undertow_core::event::{BookUpdate, Depth, Touch};
use undertow_core::types::{Nanos, Price, Side};

use super::bars::TimeBars;
use super::hidden::{HiddenCounts, HiddenScore, Iceberg, Refills};
use super::imbalance::{ImbalanceHistory, Ofi};
use super::parameters::{FlowParameters, VwapAnchor};
use super::path::VpinPath;
use super::profile::{BarVolumes, MINUTE, UnusualVolume, VolumeProfile};
use super::quality::StreamQuality;
use super::side::SideSource;
use super::sweep::{LEVELS_MIN, Sweep, Sweeps};
use super::taker::{self, TakerPressure, Takers};
use super::tape::Tape;
use super::terms::Terms;
use super::toxicity::{Pattern, ToxicityWeights, round_lot};
use super::volatility::{RegimeBounds, Volatility};
use super::vpin::{BulkVpin, Vpin, VpinValue};
use super::{FlowOutput, FlowUpdate};
use crate::discovery::Regime;

/// A trade with everything that was known just before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Print {
    /// Its time, as far as it is to be believed.
    pub ts: Nanos,
    /// Its price.
    pub price: Price,
    /// Its size.
    pub size: u32,
    /// Who began it.
    pub side: Side,
    /// How that is known.
    pub source: SideSource,
    /// The quote in force.
    pub quote: Touch,
    /// Whether US stocks are in regular hours.
    pub is_regular: bool,
    /// Hour of the Eastern day.
    pub hour: u8,
}

/// What the measures say after an event. What cannot be said yet is absent.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct Reading {
    /// VPIN by aggressor (A1).
    pub vpin: Option<VpinValue>,
    /// VPIN by bulk classification (A1).
    pub vpin_bulk: Option<VpinValue>,
    /// Standard deviation of the five-level imbalance (A7).
    pub imbalance_volatility: Option<f64>,
    /// Its change by second (A7).
    pub imbalance_velocity: Option<f64>,
    /// Order flow imbalance of the last whole interval (A8).
    pub ofi: Option<i64>,
    /// That of the open interval so far.
    pub ofi_open: i64,
    /// The sweep that stands (A9).
    pub sweep: Option<Sweep>,
    /// Sweeps since the session's start.
    pub sweeps: u64,
    /// The pressure by takers that stands.
    pub taker_pressure: Option<TakerPressure>,
    /// Pressures by takers since the session's start.
    pub taker_pressures: u64,
    /// Score of hidden orders, in [0, 1] (A9).
    pub hidden: Option<f64>,
    /// Hidden orders found since the session's start (A9).
    pub hidden_counts: HiddenCounts,
    /// The latest iceberg found since the session's start.
    pub iceberg: Option<Iceberg>,
    /// Score of toxic patterns, in [0, 1] (A6).
    pub pattern: Option<f64>,
    /// Blend of VPIN, pattern and book (A6).
    pub toxicity: Option<f64>,
    /// Volume of the open minute against the minutes before (M13).
    pub volume: Option<UnusualVolume>,
    /// Standard deviation of a year's returns, a fraction, by those of the last minutes of regular
    /// hours (A4).
    pub volatility: Option<f64>,
    /// The regime that this is, where bounds are known (A4).
    pub regime: Option<Regime>,
    /// Average price, from the configured anchor.
    pub vwap: Option<Price>,
    /// How sound the stream is, in [0, 1] (N17).
    pub quality: Option<f64>,
}

/// What the open event has changed and the reading does not say yet.
#[derive(Clone, Copy, Debug, Default)]
struct Unread {
    /// A session has started.
    session: bool,
    /// A minute is over.
    minute: bool,
    /// So is a span of volatility.
    volatility: bool,
    /// A bucket of VPIN is full.
    bucket: bool,
}

/// All measures of one instrument.
#[derive(Clone, Debug)]
pub(super) struct Measures {
    refills: Refills,
    ofi: Ofi,
    imbalance: ImbalanceHistory,
    sweeps: Sweeps,
    takers: Takers,
    vpin: Vpin,
    hidden: HiddenScore,
    pattern: Pattern,
    quality: StreamQuality,
    minutes: TimeBars,
    volumes: BarVolumes,
    bulk: BulkVpin,
    volatility: Volatility,
    regime_bounds: Option<RegimeBounds>,
    pub(super) profile: VolumeProfile,
    pub(super) path: VpinPath,
    weights: ToxicityWeights,
    vwap_anchor: VwapAnchor,
    block_min: u64,
    is_stock: bool,
    /// What the last event that said something left behind.
    said: FlowOutput,
    unread: Unread,
    /// The time of the last event that said something.
    now: Nanos,
    /// From then on time alone may change what is read; zero after whatever else may have.
    quiet_until: Nanos,
}

impl Measures {
    /// Room for the measures of one instrument, not yet known which.
    pub(super) fn new(parameters: &FlowParameters) -> Self {
        let FlowParameters {
            vpin_bucket,
            vpin_buckets,
            bulk_bars,
            bulk_bars_min,
            ..
        } = *parameters;
        let bulk = BulkVpin::new(vpin_bucket, vpin_buckets, bulk_bars, bulk_bars_min);
        Self {
            refills: Refills::new(
                parameters.refill_window,
                parameters.iceberg_refills,
                parameters.slice_size_min,
            ),
            ofi: Ofi::new(parameters.ofi_interval),
            imbalance: ImbalanceHistory::new(parameters.imbalance_interval),
            sweeps: Sweeps::new(parameters.sweep_window, 0, parameters.sweep_hold),
            takers: Takers::new(),
            vpin: Vpin::new(vpin_bucket, vpin_buckets),
            hidden: HiddenScore::new(),
            pattern: Pattern::new(parameters.pattern_trades, parameters.odd_lot, 1),
            quality: StreamQuality::new(),
            minutes: TimeBars::new(MINUTE, Nanos(0)),
            volumes: BarVolumes::new(parameters.volume_bars),
            bulk,
            volatility: Volatility::new(),
            regime_bounds: parameters.regime_bounds,
            profile: VolumeProfile::new(parameters.profile_level, parameters.large_trade),
            path: VpinPath::new(),
            weights: parameters.toxicity_weights,
            vwap_anchor: parameters.vwap_anchor,
            block_min: 1,
            is_stock: false,
            said: FlowOutput::Update(FlowUpdate {
                reading: Some(Reading::default()),
                ..FlowUpdate::NOTHING
            }),
            unread: Unread::default(),
            now: Nanos(0),
            quiet_until: Nanos(0),
        }
    }

    /// Makes the next event read every measure.
    #[cfg(test)]
    pub(super) const fn read_next(&mut self) {
        self.quiet_until = Nanos(0);
    }

    /// Whether the next event may leave measures unread.
    #[cfg(test)]
    pub(super) fn is_quiet(&self) -> bool {
        self.now < self.quiet_until
    }

    /// Whether what was said at `ts` is what each measure says by itself.
    #[cfg(test)]
    pub(super) fn agree_with(&self, reading: &Reading, ts: Nanos) -> bool {
        let counts = (reading.sweeps, reading.taker_pressures, reading.ofi_open);
        reading.vpin == self.vpin.value()
            && reading.vpin_bulk == self.bulk.value()
            && reading.volatility == self.volatility.value()
            && reading.imbalance_volatility == self.imbalance.volatility()
            && reading.imbalance_velocity == self.imbalance.velocity()
            && reading.hidden_counts == self.refills.counts()
            && reading.iceberg == self.refills.iceberg()
            && reading.sweep == self.sweeps.standing(ts)
            && reading.taker_pressure == self.takers.standing()
            && reading.ofi == self.ofi.closed()
            && counts == (self.sweeps.count(), self.takers.count(), self.ofi.open())
    }

    /// What the last event that said something left behind.
    pub(super) const fn said(&self) -> Option<&FlowUpdate> {
        match &self.said {
            FlowOutput::Update(said) => Some(said),
            FlowOutput::Finding(_) | FlowOutput::Trade(_) => None,
        }
    }

    /// Begins anew, for an instrument with these terms and this volume of a VPIN bucket.
    pub(super) fn restart(&mut self, parameters: &FlowParameters, terms: &Terms, bucket: u64) {
        self.is_stock = terms.is_stock();
        let either = |shares, contracts| if self.is_stock { shares } else { contracts };
        self.block_min = parameters.block_min(self.is_stock);
        let sweep_min = either(parameters.sweep_shares, parameters.sweep_contracts);
        let level = if terms.tick.is_defined() && terms.tick.0 > 0 {
            let ticks = i64::from(parameters.profile_ticks);
            Price(terms.tick.0.saturating_mul(ticks))
        } else {
            parameters.profile_level
        };
        self.refills.start_session();
        self.ofi.restart();
        self.imbalance.restart();
        let sweep_levels = if self.is_stock {
            LEVELS_MIN
        } else {
            parameters.sweep_levels
        };
        self.sweeps.restart(sweep_levels, sweep_min);
        self.takers.start_session();
        self.vpin.restart(bucket);
        self.hidden.restart();
        self.pattern.restart(self.block_min);
        self.quality = StreamQuality::new();
        self.minutes = TimeBars::new(MINUTE, Nanos(0));
        self.volumes.restart();
        self.bulk.restart(bucket);
        self.volatility.restart();
        self.profile.restart(level);
        self.path = VpinPath::new();
        self.said = FlowOutput::Update(FlowUpdate {
            key: terms.key,
            reading: Some(Reading::default()),
            ..FlowUpdate::NOTHING
        });
        self.unread = Unread::default();
        (self.now, self.quiet_until) = (Nanos(0), Nanos(0));
    }

    /// A session starts: what is counted by session starts at zero, and what is open is closed.
    pub(super) fn start_session(&mut self) {
        while let Some(bar) = self.minutes.flush() {
            self.volumes.push(bar.volume);
            self.bulk.bar(&bar);
        }
        self.path = VpinPath::new();
        self.vpin.start_session();
        self.bulk.start_session();
        self.volatility.start_session();
        self.sweeps.start_session();
        self.takers.start_session();
        self.refills.start_session();
        self.quality.start_session();
        self.profile.start_session();
        // The volume of minutes that ended before is none of this session's.
        self.unread = Unread {
            session: true,
            minute: false,
            ..self.unread
        };
        self.quiet_until = Nanos(0);
    }

    /// A record of the book that is no trade.
    #[inline(always)]
    pub(super) fn record(&mut self, update: &BookUpdate) {
        if self.refills.concerns(&update.mbo) {
            self.keep_account(update);
        }
    }

    fn keep_account(&mut self, update: &BookUpdate) {
        let before = self.refills.counts().slices;
        self.refills.observe(update, update.mbo.ts_event);
        if self.refills.counts().slices != before {
            self.takers.refill(update.mbo.side, update.mbo.price);
            self.quiet_until = Nanos(0);
        }
        if self.refills.is_open() {
            self.quiet_until = Nanos(0);
        }
    }

    /// A trade as it was received, before it is known to be one.
    pub(super) fn receive(&mut self, update: &BookUpdate, quote: &Touch) {
        self.quiet_until = Nanos(0);
        let mbo = &update.mbo;
        self.refills.trade(mbo);
        self.quality
            .trade(mbo.ts_event, mbo.price, mbo.size, mbo.side, quote);
    }

    /// A trade.
    pub(super) fn trade(&mut self, print: &Print) {
        let Print {
            ts,
            price,
            side,
            quote,
            ..
        } = *print;
        let size = u64::from(print.size);
        self.profile
            .trade(price, size, print.hour, print.is_regular);
        if print.source == SideSource::Auction {
            // An auction has no aggressor, and its price is nobody's impatience.
            return;
        }
        self.pass_time(ts);
        self.minutes.trade(ts, price, size);
        if print.is_regular {
            self.unread.volatility |= self.volatility.trade(ts, price);
        }
        self.unread.bucket |= self.vpin.trade(size, side);
        self.sweeps.trade(ts, price, size, side);
        self.hidden.trade(price, size, &quote);
        let lot = if self.is_stock { round_lot(price) } else { 1 };
        self.pattern.trade(ts, price, size, lot);
        self.takers
            .trade(price, size, side, taker::SIZE_MIN.max(lot));
    }

    /// The end of an event that said nothing.
    #[inline(always)]
    pub(super) fn end_silent_event(&mut self) {
        if self.refills.is_open() {
            self.refills.end_event();
        }
    }

    /// The end of an event that traded or moved the touch. Returns what is said of it.
    #[inline]
    pub(super) fn end_event(
        &mut self,
        ts: Nanos,
        update: &BookUpdate,
        tape: &Tape,
        traded: bool,
    ) -> &FlowOutput {
        if self.now <= ts && ts < self.quiet_until {
            self.now = ts;
            self.move_touch(update);
        } else {
            self.read(ts, update, tape, traded);
        }
        &self.said
    }

    /// An event that moved the touch and did nothing else, at a time when nothing else is due.
    #[inline]
    fn move_touch(&mut self, update: &BookUpdate) {
        self.ofi.add(&update.touch);
        if let FlowOutput::Update(said) = &mut self.said {
            said.ts_event = update.mbo.ts_event;
            said.touch = update.touch;
            said.depth = update.depth;
            said.traded = false;
            said.trust = update.trust;
            if let Some(reading) = &mut said.reading {
                reading.ofi_open = self.ofi.open();
            }
        }
    }

    /// Any event: reads every measure that may say something else than before.
    fn read(&mut self, ts: Nanos, update: &BookUpdate, tape: &Tape, traded: bool) {
        let touch = update.touch_changed.then_some(&update.touch);
        self.refills.end_event();
        self.pass_time(ts);
        self.now = ts;
        self.takers.end_event(ts, touch);
        self.ofi.advance(ts);
        if let Some(touch) = touch {
            self.ofi.add(touch);
        }
        let is_sampled = self.imbalance.observe(ts, &update.depth);
        // The takers' minute is that of the bars, so that quiet events are of one that both know.
        self.quiet_until = self
            .takers
            .due()
            .min(self.ofi.due())
            .min(self.imbalance.due())
            .min(self.sweeps.due(ts));
        let mut reading = self
            .said()
            .and_then(|said| said.reading)
            .unwrap_or_default();
        self.read_unread(&mut reading);
        reading.ofi = self.ofi.closed();
        reading.ofi_open = self.ofi.open();
        reading.sweep = self.sweeps.standing(ts);
        reading.taker_pressure = self.takers.standing();
        reading.taker_pressures = self.takers.count();
        reading.hidden_counts = self.refills.counts();
        reading.iceberg = self.refills.iceberg();
        if is_sampled {
            reading.imbalance_volatility = self.imbalance.volatility();
            reading.imbalance_velocity = self.imbalance.velocity();
        }
        if traded {
            self.read_trades(&mut reading, tape, &update.depth);
        }
        if is_sampled || traded {
            reading.toxicity = self.weights.blend(
                reading.vpin.map(|vpin| vpin.value),
                None,
                reading.pattern,
                reading.imbalance_volatility,
            );
        }
        self.said = FlowOutput::Update(FlowUpdate {
            reading: Some(reading),
            ..FlowUpdate::of(update, tape, traded)
        });
    }

    /// What trades of the event, or its time, have ended.
    fn read_unread(&mut self, reading: &mut Reading) {
        let unread = core::mem::take(&mut self.unread);
        if unread.session {
            *reading = Reading {
                vpin: reading.vpin,
                vpin_bulk: self.bulk.value(),
                imbalance_volatility: reading.imbalance_volatility,
                imbalance_velocity: reading.imbalance_velocity,
                hidden: reading.hidden,
                pattern: reading.pattern,
                toxicity: reading.toxicity,
                volatility: self.volatility.value(),
                regime: reading.regime,
                ..Reading::default()
            };
        }
        if unread.minute {
            reading.volume = self.volumes.judge(0);
            reading.vpin_bulk = self.bulk.value();
        }
        if unread.bucket {
            reading.vpin = self.vpin.value();
        }
        if unread.volatility {
            let value = self.volatility.value();
            reading.volatility = value;
            reading.regime = value.and_then(|it| Some(self.regime_bounds?.regime(it)));
        }
    }

    /// What the measures of trades say.
    fn read_trades(&self, reading: &mut Reading, tape: &Tape, depth: &Depth) {
        reading.sweeps = self.sweeps.count();
        reading.hidden = self.hidden.score(depth);
        reading.pattern = self.pattern.score();
        reading.quality = self.quality.score();
        reading.vwap = match self.vwap_anchor {
            VwapAnchor::Session => tape.vwap(),
            VwapAnchor::Regular => self.profile.regular_vwap(),
        };
        let minute = self.minutes.open().map_or(0, |bar| bar.volume);
        reading.volume = self.volumes.judge(minute);
    }

    /// Closes the minute if it is over.
    #[inline]
    fn pass_time(&mut self, ts: Nanos) {
        while let Some(bar) = self.minutes.close(ts) {
            self.volumes.push(bar.volume);
            self.path.note(bar.start, self.vpin.value());
            self.bulk.bar(&bar);
            self.unread.minute = true;
        }
    }
}
