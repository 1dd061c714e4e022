//! N6: the five components of a version 3 signal, each in [0, 1].
//!
//! Significance, trend and persistence see the pressure in its own direction (for selling the
//! inverse ratio), at most [`RATIO_CAP`](super::pressure::RATIO_CAP); see [`Tally::pressure`].

use alloc::boxed::Box;
use alloc::vec;

use undertow_core::types::Price;

use super::pressure::Tally;
use super::{Direction, NEAR};

/// A window with at least this pressure counts as persistent.
const PERSISTENT: f64 = 2.0;
/// Neighbours that make a cluster complete.
const CLUSTER_FULL: f64 = 3.0;

/// What speaks for a signal.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct Components {
    /// Pressure, volume and credibility of the window.
    pub significance: f64,
    /// Change of pressure over the last windows.
    pub trend: f64,
    /// How one-sided the window is.
    pub concentration: f64,
    /// Share of the last windows with pressure.
    pub persistence: f64,
    /// Agreement of signals at strikes nearby.
    pub cluster: f64,
}

impl Components {
    /// The components of a window. `pressures` are those of the last windows in the direction
    /// of this one, oldest first, this one last; at most three count.
    #[must_use]
    pub fn of(tally: &Tally, pressures: &[f64]) -> Self {
        let pressures = &pressures[pressures.len().saturating_sub(3)..];
        let pressure = pressures.last().copied().unwrap_or(1.0);
        Self {
            significance: significance(pressure, tally.volume(), tally.confidence()),
            trend: trend(pressures),
            concentration: tally.buy_fraction().map_or(0.0, concentration),
            persistence: persistence(pressures),
            cluster: 0.0,
        }
    }
}

/// Half pressure (full at 10), three tenths volume (full at 1000), a fifth window confidence.
#[must_use]
pub fn significance(pressure: f64, volume: u64, window_confidence: f64) -> f64 {
    let by_volume = (volume as f64 / 1_000.0).min(1.0);
    (0.5 * (pressure / 10.0).min(1.0) + 0.3 * by_volume + 0.2 * window_confidence).min(1.0)
}

/// Steepness of the last two or three pressures, up or down; 0.5 with fewer.
#[must_use]
pub fn trend(pressures: &[f64]) -> f64 {
    match *pressures {
        [.., first, _, last] => ((last - first) / 2.0).abs().min(1.0),
        [first, last] => ((last - first).abs() / first.max(1.0)).min(1.0),
        _ => 0.5,
    }
}

/// 0 where buyers and sellers balance, 1 where one side did everything.
#[must_use]
pub fn concentration(buy_fraction: f64) -> f64 {
    (2.0 * (buy_fraction.max(1.0 - buy_fraction) - 0.5)).max(0.0)
}

/// Share of windows with pressure; 0.5 with fewer than two.
#[must_use]
pub fn persistence(pressures: &[f64]) -> f64 {
    if pressures.len() < 2 {
        return 0.5;
    }
    let persistent = pressures.iter().filter(|it| **it >= PERSISTENT).count();
    persistent as f64 / pressures.len() as f64
}

/// Whether a strike's volume stands out: more than 1.2 times the mean of the active strikes.
#[must_use]
pub const fn is_concentrated(volume: u64, total: u64, active_strikes: u32) -> bool {
    // volume > 1.2 × total / active, without a division.
    (volume as u128) * 5 * (active_strikes as u128) > (total as u128) * 6
}

/// What one signal says, for those nearby.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stance {
    /// What the option is on; signals on different underlyings are no neighbours.
    pub underlying: u32,
    /// The strike.
    pub strike: Price,
    /// The direction.
    pub direction: Direction,
    /// In [0, 1].
    pub confidence: f64,
}

impl Stance {
    fn order(&self, other: &Self) -> core::cmp::Ordering {
        let place = |it: &Self| (it.underlying, it.strike, it.direction);
        let places = place(self).cmp(&place(other));
        places.then_with(|| self.confidence.total_cmp(&other.confidence))
    }
}

/// Stances within reach of a strike, by direction: long, short.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct Around {
    /// How many.
    pub count: [u32; 2],
    /// Sum of their confidence.
    pub confidence: [f64; 2],
}

impl Around {
    /// Those in one direction: how many, and their mean confidence if any.
    #[must_use]
    pub fn mean(&self, direction: Direction) -> (u32, Option<f64>) {
        let (count, sum) = (
            self.count[direction as usize],
            self.confidence[direction as usize],
        );
        (count, (count > 0).then(|| sum / f64::from(count)))
    }

    /// Without one stance that is among them.
    fn without(mut self, own: &Stance) -> Self {
        let place = own.direction as usize;
        self.count[place] = self.count[place].saturating_sub(1);
        self.confidence[place] = if self.count[place] == 0 {
            0.0
        } else {
            (self.confidence[place] - own.confidence).max(0.0)
        };
        self
    }

    /// Cluster coordination: how much of the neighbours' confidence agrees with `direction`,
    /// scaled down when there are fewer than three; 0 with none.
    #[must_use]
    pub fn coordination(&self, direction: Direction) -> f64 {
        let [long, short] = self.confidence;
        let neighbours = f64::from(self.count[0] + self.count[1]);
        if neighbours == 0.0 || long + short <= 0.0 {
            return 0.0;
        }
        let same = self.confidence[direction as usize];
        same / (long + short) * (neighbours / CLUSTER_FULL).min(1.0)
    }
}

/// Stances sorted by strike, so that the neighbours of one are found by two binary searches and
/// summed by one subtraction: O(n log n) for all. Laid out once; holds a fixed number.
#[derive(Clone, Debug)]
pub struct Crowd {
    stances: Box<[Stance]>,
    len: usize,
    /// Sums over the stances before each place, once arranged.
    before: Box<[Around]>,
}

impl Crowd {
    /// A crowd of at most `stances_max`.
    #[must_use]
    pub fn new(stances_max: usize) -> Self {
        let nobody = Stance {
            underlying: 0,
            strike: Price::UNDEFINED,
            direction: Direction::Long,
            confidence: 0.0,
        };
        Self {
            stances: vec![nobody; stances_max].into_boxed_slice(),
            len: 0,
            before: vec![Around::default(); stances_max + 1].into_boxed_slice(),
        }
    }

    /// Sends everybody away.
    pub const fn clear(&mut self) {
        self.len = 0;
    }

    /// Lets one in, unless it is full. [`Crowd::arrange`] must follow before any question.
    pub fn join(&mut self, stance: Stance) -> bool {
        let place = self.stances.get_mut(self.len);
        let has_room = place.is_some();
        if let Some(place) = place {
            *place = stance;
            self.len += 1;
        }
        has_room
    }

    /// Sorts and sums. The order in which they joined does not matter.
    pub fn arrange(&mut self) {
        let stances = &mut self.stances[..self.len];
        stances.sort_unstable_by(Stance::order);
        let mut sum = Around::default();
        for (stance, before) in stances.iter().zip(&mut self.before) {
            *before = sum;
            sum.count[stance.direction as usize] += 1;
            sum.confidence[stance.direction as usize] += stance.confidence;
        }
        self.before[self.len] = sum;
    }

    /// Everybody within 50 points of a strike, both ends included.
    #[must_use]
    pub fn around(&self, underlying: u32, strike: Price) -> Around {
        let stances = &self.stances[..self.len];
        let low = (underlying, strike.0.saturating_sub(NEAR));
        let high = (underlying, strike.0.saturating_add(NEAR));
        let from = stances.partition_point(|it| (it.underlying, it.strike.0) < low);
        let to = stances.partition_point(|it| (it.underlying, it.strike.0) <= high);
        let (from, to) = (&self.before[from], &self.before[to]);
        let mut around = Around::default();
        for side in 0..2 {
            around.count[side] = to.count[side] - from.count[side];
            if around.count[side] > 0 {
                around.confidence[side] = (to.confidence[side] - from.confidence[side]).max(0.0);
            }
        }
        around
    }

    /// The others near one of the crowd.
    #[must_use]
    pub fn neighbours(&self, own: &Stance) -> Around {
        self.around(own.underlying, own.strike).without(own)
    }
}
