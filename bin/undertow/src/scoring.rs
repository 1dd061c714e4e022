//! How well the detectors see what was planted: precision, recall and delay of each pattern.
//!
//! A detection is true if it names the instrument and the side of an activity of its pattern,
//! while that goes on or within the pattern's grace after it. An activity is found by the first
//! true detection; later ones of the same activity are true too, so neither counts twice against
//! or for anything. What the simulated crowd does by itself may look like a pattern: that counts
//! as false, so precision is understated rather than flattered.

use std::collections::HashMap;

use undertow_core::types::{BookKey, Side};
use undertow_feeds::synthetic::{Activity, Planted, Truth};
use undertow_strategies::flow::{FlowOutput, FlowUpdate};
use undertow_strategies::ifd::Direction;
use undertow_strategies::ifd::confidence::Profile;
use undertow_strategies::ifd::desk::{Finding, GRACE_NS, Signal, Version, Window};
use undertow_strategies::ifd::pressure::Dominance;
use undertow_strategies::options::Right;

/// Width of the windows that signals come of, minutes.
const SIGNAL_MINUTES: u64 = 5;

const MINUTE_NS: u64 = 60_000_000_000;

/// What is planted and looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// Whole levels taken within milliseconds.
    Sweep,
    /// A large order of which a slice is shown at a time.
    Iceberg,
    /// One large trade.
    Block,
    /// One-sided flow for minutes: takers of a future, windows of an option.
    Pressure,
    /// The same in an option, as far as it becomes a signal of version 3.
    Signal,
}

impl Pattern {
    /// Every pattern.
    pub const ALL: [Self; 5] = [
        Self::Sweep,
        Self::Iceberg,
        Self::Block,
        Self::Pressure,
        Self::Signal,
    ];

    /// Its name in tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sweep => "sweep",
            Self::Iceberg => "iceberg",
            Self::Block => "block",
            Self::Pressure => "pressure",
            Self::Signal => "v3 signal",
        }
    }

    /// How long after its end an activity may still be told of, ns: a window closes up to five
    /// minutes and its grace of half a minute after the last trade in it.
    const fn grace_ns(self) -> u64 {
        match self {
            Self::Sweep | Self::Block => 1_000_000_000,
            Self::Iceberg => 5_000_000_000,
            Self::Pressure | Self::Signal => 330_000_000_000,
        }
    }

    /// Whether a planted activity is one of these; a calm stretch is none.
    fn is_of(self, planted: &Planted) -> bool {
        match (self, &planted.activity) {
            (Self::Sweep, Activity::Sweep { .. })
            | (Self::Iceberg, Activity::Iceberg { .. })
            | (Self::Block, Activity::Block { .. })
            | (Self::Pressure, Activity::Pressure { .. }) => true,
            (Self::Signal, Activity::Pressure { .. }) => is_option(&planted.symbol),
            _ => false,
        }
    }
}

/// Whether the symbol is an option's, such as `QN2H6 C24775`.
fn is_option(symbol: &str) -> bool {
    symbol.contains(' ')
}

/// What a detector said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Detection {
    /// What it saw.
    pub pattern: Pattern,
    /// Where.
    pub instrument_id: u32,
    /// The institution's side, [`Side::None`] if the detector does not know.
    pub side: Side,
    /// When it said so: `ts_event` of the message that caused it, ns.
    pub ts_event: u64,
}

/// Turns what the chain says into detections: counts that have grown since an instrument was last
/// heard of, and pressure windows and signals of the options desk.
#[derive(Clone, Debug)]
pub struct Listener {
    counts: HashMap<BookKey, Counts>,
    profile: Profile,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    sweeps: u64,
    icebergs: u32,
    blocks: u64,
    pressures: u64,
    trades: u64,
}

impl Listener {
    /// A listener to whom this profile says which windows are pressure.
    #[must_use]
    pub fn new(profile: Profile) -> Self {
        Self {
            counts: HashMap::new(),
            profile,
        }
    }

    /// Adds what an output detects.
    pub fn hear(&mut self, output: &FlowOutput, detections: &mut Vec<Detection>) {
        match output {
            FlowOutput::Update(update) => self.hear_update(update, detections),
            FlowOutput::Finding(Finding::Signal(signal)) => detections.extend(of_signal(signal)),
            FlowOutput::Finding(Finding::Window(window)) => {
                let is_pressure = window.minutes == SIGNAL_MINUTES;
                let is_pressure = is_pressure && self.profile.is_pressure(&window.tally);
                detections.extend(is_pressure.then(|| of_window(window)));
            }
            FlowOutput::Finding(_) | FlowOutput::Trade(_) => {}
        }
    }

    fn hear_update(&mut self, update: &FlowUpdate, detections: &mut Vec<Detection>) {
        let reading = update.reading.unwrap_or_default();
        let now = Counts {
            sweeps: reading.sweeps,
            icebergs: reading.hidden_counts.icebergs,
            blocks: update.blocks,
            pressures: reading.taker_pressures,
            trades: update.trades,
        };
        let mut before = self.counts.insert(update.key, now).unwrap_or_default();
        if now.trades < before.trades {
            // A session has started, and counts from zero.
            before = Counts::default();
        }
        let swept = reading.sweep.map_or(Side::None, |sweep| sweep.side);
        let refilled = reading.iceberg.map_or(Side::None, |iceberg| iceberg.side);
        let pressing = reading.taker_pressure.map_or(Side::None, |it| it.side);
        let grown = [
            (Pattern::Sweep, now.sweeps > before.sweeps, swept),
            (Pattern::Iceberg, now.icebergs > before.icebergs, refilled),
            (Pattern::Block, now.blocks > before.blocks, update.last_side),
            (
                Pattern::Pressure,
                now.pressures > before.pressures,
                pressing,
            ),
        ];
        let grown = grown.into_iter().filter(|(_, has_grown, _)| *has_grown);
        detections.extend(grown.map(|(pattern, _, side)| Detection {
            pattern,
            instrument_id: update.key.instrument_id.0,
            side,
            ts_event: update.ts_event.0,
        }));
    }
}

/// A window is told of when it is closed.
fn of_window(window: &Window) -> Detection {
    Detection {
        pattern: Pattern::Pressure,
        instrument_id: window.contract.key.instrument_id.0,
        side: match window.tally.dominance() {
            Dominance::Buy => Side::Bid,
            Dominance::Sell => Side::Ask,
            Dominance::Neutral => Side::None,
        },
        ts_event: window.start.0 + window.minutes * MINUTE_NS + GRACE_NS,
    }
}

/// A signal of version 3 names the side by its direction.
fn of_signal(signal: &Signal) -> Option<Detection> {
    let side = match (signal.contract.right, signal.direction) {
        (Right::Call, Direction::Long) | (Right::Put, Direction::Short) => Side::Bid,
        (Right::Call, Direction::Short) | (Right::Put, Direction::Long) => Side::Ask,
    };
    (signal.version != Version::V1).then_some(Detection {
        pattern: Pattern::Signal,
        instrument_id: signal.contract.key.instrument_id.0,
        side,
        ts_event: signal.ts.0,
    })
}

/// How one pattern was seen, over any number of sessions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Score {
    /// Activities planted.
    pub planted: u64,
    /// Of these, told of.
    pub found: u64,
    /// Detections.
    pub detections: u64,
    /// Of these, true.
    pub true_detections: u64,
    /// Of the false ones, those in a calm stretch.
    pub false_in_calm: u64,
    /// From the first record of each activity found to its first detection, ns.
    pub delays_ns: Vec<u64>,
}

impl Score {
    /// Share of the activities that were found; none when nothing was planted.
    #[must_use]
    pub fn recall(&self) -> Option<f64> {
        share(self.found, self.planted)
    }

    /// Share of the detections that were true; none when nothing was detected.
    #[must_use]
    pub fn precision(&self) -> Option<f64> {
        share(self.true_detections, self.detections)
    }

    /// Delay below which this share of the found lies (nearest rank), ns.
    #[must_use]
    pub fn delay_ns(&self, share: f64) -> Option<u64> {
        let mut delays = self.delays_ns.clone();
        delays.sort_unstable();
        let rank = (share * delays.len() as f64).ceil() as usize;
        delays.get(rank.checked_sub(1)?).copied()
    }

    /// Adds another session's.
    pub fn add(&mut self, other: &Self) {
        self.planted += other.planted;
        self.found += other.found;
        self.detections += other.detections;
        self.true_detections += other.true_detections;
        self.false_in_calm += other.false_in_calm;
        self.delays_ns.extend_from_slice(&other.delays_ns);
    }
}

/// Scores one session's detections, in the order of [`Pattern::ALL`].
#[must_use]
pub fn score(truth: &Truth, detections: &[Detection]) -> [Score; 5] {
    Pattern::ALL.map(|pattern| {
        let planted = truth.planted.iter().filter(|it| pattern.is_of(it));
        let planted: Vec<&Planted> = planted.collect();
        let mut first_told = vec![None; planted.len()];
        let mut score = Score {
            planted: planted.len() as u64,
            ..Score::default()
        };
        for detection in detections.iter().filter(|it| it.pattern == pattern) {
            score.detections += 1;
            let mut is_true = false;
            for (activity, told) in planted.iter().zip(&mut first_told) {
                if tells_of(detection, activity) {
                    is_true = true;
                    told.get_or_insert(detection.ts_event - activity.ts_start);
                }
            }
            score.true_detections += u64::from(is_true);
            score.false_in_calm += u64::from(!is_true && in_calm(truth, detection.ts_event));
        }
        score.delays_ns = first_told.into_iter().flatten().collect();
        score.found = score.delays_ns.len() as u64;
        score
    })
}

/// Hours of calm in a session.
#[must_use]
pub fn calm_hours(truth: &Truth) -> f64 {
    let calm = truth.planted.iter().filter(|it| is_calm(it));
    calm.map(|it| (it.ts_end - it.ts_start) as f64 / 3.6e12)
        .sum()
}

fn tells_of(detection: &Detection, planted: &Planted) -> bool {
    let side = match detection.side {
        Side::Bid => planted.side == 'B',
        Side::Ask => planted.side == 'A',
        Side::None => true,
    };
    let end = planted.ts_end + detection.pattern.grace_ns();
    side && detection.instrument_id == planted.instrument_id
        && (planted.ts_start..=end).contains(&detection.ts_event)
}

fn in_calm(truth: &Truth, ts_event: u64) -> bool {
    let mut calm = truth.planted.iter().filter(|it| is_calm(it));
    calm.any(|it| (it.ts_start..it.ts_end).contains(&ts_event))
}

const fn is_calm(planted: &Planted) -> bool {
    matches!(planted.activity, Activity::Calm { .. })
}

fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(side: char, ts_start: u64, ts_end: u64) -> Planted {
        Planted {
            activity: Activity::Block { order: 1 },
            instrument_id: 7,
            symbol: "NQH6".to_owned(),
            side,
            ts_start,
            ts_end,
            price: 1,
            size: 300,
        }
    }

    fn calm(ts_start: u64, ts_end: u64) -> Planted {
        Planted {
            activity: Activity::Calm { rate_permille: 80 },
            instrument_id: 0,
            ..block('N', ts_start, ts_end)
        }
    }

    fn told(side: Side, ts_event: u64) -> Detection {
        Detection {
            pattern: Pattern::Block,
            instrument_id: 7,
            side,
            ts_event,
        }
    }

    const S: u64 = 1_000_000_000;

    #[test]
    fn a_detection_is_true_by_instrument_side_and_time() {
        let truth = Truth {
            planted: vec![block('B', 10 * S, 20 * S), calm(30 * S, 40 * S)],
            faults: Vec::new(),
        };
        let elsewhere = Detection {
            instrument_id: 8,
            ..told(Side::Bid, 12 * S)
        };
        let detections = [
            told(Side::Bid, 9 * S),
            told(Side::Ask, 12 * S),
            elsewhere,
            told(Side::Bid, 12 * S),
            told(Side::None, 21 * S),
            told(Side::Bid, 21 * S + 1),
            told(Side::Bid, 35 * S),
        ];
        let [sweep, _, block, ..] = score(&truth, &detections);
        assert_eq!(sweep, Score::default());
        let expected = Score {
            planted: 1,
            found: 1,
            detections: 7,
            true_detections: 2,
            false_in_calm: 1,
            delays_ns: vec![2 * S],
        };
        assert_eq!(block, expected);
        assert_eq!(block.recall(), Some(1.0));
        assert_eq!(block.precision(), Some(2.0 / 7.0));
        assert!((calm_hours(&truth) - 10.0 / 3_600.0).abs() < 1e-12);
    }

    #[test]
    fn nothing_planted_or_told_has_no_share() {
        let [sweep, ..] = score(&Truth::default(), &[]);
        assert_eq!((sweep.recall(), sweep.precision()), (None, None));
        assert_eq!(sweep.delay_ns(0.5), None);
    }

    #[test]
    fn delays_are_ranked_over_sessions() {
        let mut sum = Score::default();
        for delays_ns in [vec![5, 1], vec![9, 3]] {
            sum.add(&Score {
                found: 2,
                planted: 3,
                delays_ns,
                ..Score::default()
            });
        }
        assert_eq!((sum.delay_ns(0.5), sum.delay_ns(0.9)), (Some(3), Some(9)));
        assert_eq!(sum.recall(), Some(4.0 / 6.0));
    }
}
