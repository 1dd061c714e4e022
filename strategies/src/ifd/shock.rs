//! N12: a shock of volume and what dealers must hedge because of it.
//!
//! Volumes are contracts, deltas magnitudes in [0, 1], time since onset in minutes. An absent
//! delta makes the whole component absent.

/// Shares, or units of the underlying, per contract in a delta.
const UNITS: f64 = 100.0;
/// Volume per baseline that makes a shock.
const RATIO_MIN: f64 = 4.0;
/// Volume that makes a shock.
const VOLUME_MIN: u64 = 100;
/// Pressure that raises an alert.
const ALERT: f64 = 50.0;
/// Time since onset counts as at least this, minutes.
const ONSET_MIN: f64 = 0.5;

/// What is seen at one strike.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Burst {
    /// Calls traded.
    pub call_volume: u64,
    /// Puts traded.
    pub put_volume: u64,
    /// Volume usual in that time.
    pub baseline: f64,
    /// Magnitude of the call's delta.
    pub call_delta: Option<f64>,
    /// Magnitude of the put's delta.
    pub put_delta: Option<f64>,
    /// Minutes since onset.
    pub minutes: f64,
}

/// What kind of shock it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Kind {
    /// Dealers must hedge at once.
    GammaEmergency,
    /// Large and going on for a while.
    Sweep,
    /// Anything else.
    DeltaFlow,
}

impl Kind {
    /// The word shown to users.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::GammaEmergency => "GAMMA_EMERGENCY",
            Self::Sweep => "SWEEP",
            Self::DeltaFlow => "DELTA_FLOW",
        }
    }
}

/// A burst, assessed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shock {
    /// Volume per baseline.
    pub ratio: f64,
    /// Whether that is a shock at all.
    pub is_shock: bool,
    /// Delta that customers took on; negative when they sold.
    pub net_delta: f64,
    /// Net delta per square minute.
    pub pressure: f64,
    /// Its kind.
    pub kind: Kind,
    /// In [0, 0.95].
    pub confidence: f64,
    /// Minutes within which dealers are expected to answer.
    pub horizon_minutes: u32,
    /// Expected move, points.
    pub expected_move: f64,
    /// Size of a position, contracts.
    pub size: f64,
    /// Distance of the stop, points.
    pub stop: f64,
}

impl Shock {
    /// Assesses a burst; none if a delta, the baseline or the time is absent or makes no sense.
    #[must_use]
    pub fn assess(burst: &Burst) -> Option<Self> {
        let is_delta = |delta: &f64| (0.0..=1.0).contains(delta);
        let call_delta = burst.call_delta.filter(is_delta)?;
        let put_delta = burst.put_delta.filter(is_delta)?;
        let is_sound = burst.baseline > 0.0 && burst.baseline.is_finite();
        if !is_sound || !burst.minutes.is_finite() || burst.minutes < 0.0 {
            return None;
        }
        let volume = burst.call_volume.saturating_add(burst.put_volume);
        let ratio = volume as f64 / burst.baseline;
        if !ratio.is_finite() {
            return None;
        }
        let calls = burst.call_volume as f64 * call_delta;
        let puts = burst.put_volume as f64 * put_delta;
        let net_delta = UNITS * (calls - puts);
        let net = net_delta.abs();
        let minutes = burst.minutes.max(ONSET_MIN);
        let kind = if ratio > 8.0 && net > 2_000.0 && minutes < 5.0 {
            Kind::GammaEmergency
        } else if ratio > 3.0 && net > 1_000.0 && minutes >= 5.0 {
            Kind::Sweep
        } else {
            Kind::DeltaFlow
        };
        let (move_factor, size_factor, stop) = match kind {
            Kind::GammaEmergency => (1.5, 2.0, 12.0),
            Kind::Sweep => (1.0, 1.2, 8.0),
            Kind::DeltaFlow => (0.5, 0.5, 8.0),
        };
        let confidence = (ratio / 10.0).min(0.95);
        let size = 2.0 * confidence * size_factor * (net / 2_000.0).min(2.0);
        Some(Self {
            ratio,
            is_shock: ratio > RATIO_MIN && volume > VOLUME_MIN,
            net_delta,
            pressure: net / (minutes * minutes),
            kind,
            confidence,
            horizon_minutes: horizon(net),
            expected_move: (net / 200.0).min(25.0) * move_factor * confidence,
            size: size.min(6.0),
            stop,
        })
    }

    /// Whether the pressure calls for attention.
    #[must_use]
    pub fn is_alert(&self) -> bool {
        self.pressure > ALERT
    }
}

const fn horizon(net: f64) -> u32 {
    if net > 5_000.0 {
        2
    } else if net > 2_000.0 {
        5
    } else {
        10
    }
}
