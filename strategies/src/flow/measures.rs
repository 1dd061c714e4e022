//! Every measure of one instrument, and what they read now.

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
    pub(super) reading: Reading,
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
            reading: Reading::default(),
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
        self.reading = Reading::default();
    }

    /// A session starts: what is counted by session starts at zero, and what is open is closed.
    pub(super) fn start_session(&mut self) {
        while let Some(bar) = self.minutes.flush() {
            self.close_minute(bar.volume);
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
        self.reading = Reading {
            vpin: self.reading.vpin,
            vpin_bulk: self.bulk.value(),
            imbalance_volatility: self.reading.imbalance_volatility,
            imbalance_velocity: self.reading.imbalance_velocity,
            hidden: self.reading.hidden,
            pattern: self.reading.pattern,
            toxicity: self.reading.toxicity,
            volatility: self.volatility.value(),
            regime: self.reading.regime,
            ..Reading::default()
        };
    }

    /// A record of the book that is no trade.
    #[inline]
    pub(super) fn record(&mut self, update: &BookUpdate) {
        let before = self.refills.counts().slices;
        self.refills.observe(update, update.mbo.ts_event);
        if self.refills.counts().slices != before {
            self.takers.refill(update.mbo.side, update.mbo.price);
        }
    }

    /// A trade as it was received, before it is known to be one.
    pub(super) fn receive(&mut self, update: &BookUpdate, quote: &Touch) {
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
        if print.is_regular && self.volatility.trade(ts, price) {
            let value = self.volatility.value();
            self.reading.volatility = value;
            self.reading.regime = value.and_then(|it| Some(self.regime_bounds?.regime(it)));
        }
        self.vpin.trade(size, side);
        self.sweeps.trade(ts, price, size, side);
        self.hidden.trade(price, size, &quote);
        let lot = if self.is_stock { round_lot(price) } else { 1 };
        self.pattern.trade(ts, price, size, lot);
        self.takers
            .trade(price, size, side, taker::SIZE_MIN.max(lot));
    }

    /// The end of an event that said nothing.
    #[inline]
    pub(super) fn end_silent_event(&mut self) {
        self.refills.end_event();
    }

    /// The end of an event that traded or moved the touch: brings the reading up to date.
    pub(super) fn end_event(
        &mut self,
        ts: Nanos,
        touch: Option<&Touch>,
        depth: &Depth,
        traded: Option<&Tape>,
    ) {
        self.refills.end_event();
        self.pass_time(ts);
        self.takers.end_event(ts, touch);
        match touch {
            Some(touch) => drop(self.ofi.observe(ts, touch)),
            None => self.ofi.advance(ts),
        }
        let reading = &mut self.reading;
        reading.ofi = self.ofi.closed();
        reading.ofi_open = self.ofi.open();
        reading.sweep = self.sweeps.standing(ts);
        reading.taker_pressure = self.takers.standing();
        reading.taker_pressures = self.takers.count();
        reading.hidden_counts = self.refills.counts();
        reading.iceberg = self.refills.iceberg();
        let is_sampled = self.imbalance.observe(ts, depth);
        if is_sampled {
            reading.imbalance_volatility = self.imbalance.volatility();
            reading.imbalance_velocity = self.imbalance.velocity();
        }
        if let Some(tape) = traded {
            reading.vpin = self.vpin.value();
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
        if is_sampled || traded.is_some() {
            reading.toxicity = self.weights.blend(
                reading.vpin.map(|vpin| vpin.value),
                None,
                reading.pattern,
                reading.imbalance_volatility,
            );
        }
    }

    /// Closes the minute if it is over.
    #[inline]
    fn pass_time(&mut self, ts: Nanos) {
        while let Some(bar) = self.minutes.close(ts) {
            self.close_minute(bar.volume);
            self.path.note(bar.start, self.vpin.value());
            self.bulk.bar(&bar);
            self.reading.vpin_bulk = self.bulk.value();
        }
    }

    fn close_minute(&mut self, volume: u64) {
        self.volumes.push(volume);
        self.reading.volume = self.volumes.judge(0);
    }
}
