//! Where and when volume traded in a session (M13), and whether it is unusual now.
//!
//! The profile counts size by price level, apart for regular hours and the rest, by hour of the
//! Eastern day, and in large trades. Its levels lie about the session's first trade; what trades
//! beyond them is counted, not lost. All counts are integers.

use alloc::boxed::Box;
use core::iter::repeat_n;

use undertow_core::types::{Nanos, Price};

use super::window::Window;

/// Price levels of a profile.
const LEVELS: usize = 256;

/// Volume of one session by price, hour and size.
#[derive(Clone, Debug)]
pub struct VolumeProfile {
    level: i64,
    large_min: u64,
    /// Price of the lowest level; none before the first trade.
    base: Option<i64>,
    /// Outside and inside of regular hours, by level.
    levels: Box<[[u64; 2]]>,
    hours: [u64; 24],
    /// Outside and inside of regular hours.
    volume: [u64; 2],
    regular_notional: i128,
    beyond: u64,
    large_trades: u64,
    large_volume: u64,
}

impl VolumeProfile {
    /// A profile in levels of this width; a trade is large from `large_min` on.
    #[must_use]
    pub fn new(level: Price, large_min: u64) -> Self {
        Self {
            level: level.0.max(1),
            large_min,
            base: None,
            levels: repeat_n([0; 2], LEVELS).collect(),
            hours: [0; 24],
            volume: [0; 2],
            regular_notional: 0,
            beyond: 0,
            large_trades: 0,
            large_volume: 0,
        }
    }

    /// Adds a trade at an hour of the Eastern day, in regular hours or not.
    pub fn trade(&mut self, price: Price, size: u64, hour: u8, is_regular: bool) {
        let regular = usize::from(is_regular);
        self.volume[regular] = self.volume[regular].saturating_add(size);
        if is_regular {
            let notional = i128::from(price.0) * i128::from(size);
            self.regular_notional = self.regular_notional.saturating_add(notional);
        }
        let hour = usize::from(hour) % self.hours.len();
        self.hours[hour] = self.hours[hour].saturating_add(size);
        if size >= self.large_min {
            self.large_trades += 1;
            self.large_volume = self.large_volume.saturating_add(size);
        }
        let level = self.place(price).and_then(|at| self.levels.get_mut(at));
        let level = level.map_or(&mut self.beyond, |level| &mut level[regular]);
        *level = level.saturating_add(size);
    }

    /// The levels that traded, the lowest first: their lower edge, the size outside and inside of
    /// regular hours.
    pub fn levels(&self) -> impl Iterator<Item = (Price, [u64; 2])> + '_ {
        let base = self.base.unwrap_or(0);
        let edge = move |at: usize| base.saturating_add(self.level.saturating_mul(at as i64));
        let levels = self.levels.iter().enumerate();
        levels
            .filter(|(_, sizes)| **sizes != [0; 2])
            .map(move |(at, sizes)| (Price(edge(at)), *sizes))
    }

    /// The lower edge of the level that traded most, the lowest of equals.
    #[must_use]
    pub fn point_of_control(&self) -> Option<Price> {
        let size = |[outside, inside]: [u64; 2]| outside.saturating_add(inside);
        let most = self.levels().map(|(_, sizes)| size(sizes)).max()?;
        let mut levels = self.levels();
        let found = levels.find(|(_, sizes)| size(*sizes) == most);
        found.map(|(edge, _)| edge)
    }

    /// Size by hour of the Eastern day.
    #[must_use]
    pub const fn hours(&self) -> &[u64; 24] {
        &self.hours
    }

    /// Size outside and inside of regular hours.
    #[must_use]
    pub const fn volume(&self) -> [u64; 2] {
        self.volume
    }

    /// Size that traded beyond the levels.
    #[must_use]
    pub const fn beyond(&self) -> u64 {
        self.beyond
    }

    /// Large trades.
    #[must_use]
    pub const fn large_trades(&self) -> u64 {
        self.large_trades
    }

    /// The share of volume in large trades, in [0, 1].
    #[must_use]
    pub fn large_share(&self) -> Option<f64> {
        let volume = self.volume[0].saturating_add(self.volume[1]);
        (volume > 0).then(|| self.large_volume as f64 / volume as f64)
    }

    /// Volume-weighted average price of regular hours, toward zero.
    #[must_use]
    pub fn regular_vwap(&self) -> Option<Price> {
        let average = self.regular_notional.checked_div(self.volume[1].into())?;
        i64::try_from(average).ok().map(Price)
    }

    /// Forgets everything; levels are this wide from now on.
    pub fn restart(&mut self, level: Price) {
        self.level = level.0.max(1);
        self.start_session();
    }

    /// Counts from zero: a session starts.
    pub fn start_session(&mut self) {
        self.base = None;
        self.levels.fill([0; 2]);
        self.hours = [0; 24];
        self.volume = [0; 2];
        self.regular_notional = 0;
        (self.beyond, self.large_trades, self.large_volume) = (0, 0, 0);
    }

    /// The level of a price, if it is among those kept.
    fn place(&mut self, price: Price) -> Option<usize> {
        let base = *self.base.get_or_insert_with(|| {
            let middle = price.0.saturating_sub(price.0.rem_euclid(self.level));
            middle.saturating_sub(self.level.saturating_mul(LEVELS as i64 / 2))
        });
        let away = price.0.checked_sub(base)?;
        usize::try_from(away.div_euclid(self.level)).ok()
    }
}

/// Volume against that of the bars before.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct UnusualVolume {
    /// Over the mean.
    pub ratio: f64,
    /// Standard deviations above the mean; none when all bars were alike.
    pub z: Option<f64>,
    /// More than twice the mean, or at least three deviations above it.
    pub is_unusual: bool,
}

/// Volumes of the last closed bars.
#[derive(Clone, Debug)]
pub struct BarVolumes {
    volumes: Window<u64>,
    sum: u128,
    square_sum: u128,
}

impl BarVolumes {
    /// A size above this is none; sums of squares below it cannot overflow.
    const VOLUME_MAX: u64 = 1 << 52;

    /// Looks back on `bars` closed bars.
    #[must_use]
    pub fn new(bars: usize) -> Self {
        Self {
            volumes: Window::new(bars.min(4096)),
            sum: 0,
            square_sum: 0,
        }
    }

    /// Forgets all bars.
    pub const fn restart(&mut self) {
        self.volumes.clear();
        (self.sum, self.square_sum) = (0, 0);
    }

    /// Adds a closed bar.
    pub fn push(&mut self, volume: u64) {
        let volume = volume.min(Self::VOLUME_MAX);
        let gone = u128::from(self.volumes.push(volume).unwrap_or(0));
        let volume = u128::from(volume);
        self.sum = self.sum + volume - gone;
        self.square_sum = self.square_sum + volume * volume - gone * gone;
    }

    /// How unusual the volume of the bar that follows is; none until the window is full, or
    /// while nothing trades.
    #[must_use]
    pub fn judge(&self, volume: u64) -> Option<UnusualVolume> {
        if !self.volumes.is_full() || self.sum == 0 {
            return None;
        }
        let count = self.volumes.len() as u128;
        let mean = self.sum as f64 / count as f64;
        // n²σ², exact.
        let spread = count * self.square_sum - self.sum * self.sum;
        let deviation = libm::sqrt(spread as f64) / count as f64;
        let z = (deviation > 0.0).then(|| (volume as f64 - mean) / deviation);
        let is_double = u128::from(volume) * count > 2 * self.sum;
        Some(UnusualVolume {
            ratio: volume as f64 / mean,
            z,
            is_unusual: is_double || z.is_some_and(|z| z >= 3.0),
        })
    }
}

/// Volumes by the minute: the window, and the bar that is open.
pub const MINUTE: Nanos = Nanos(60_000_000_000);

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    #[test]
    fn m13_unusual_by_deviation_though_not_by_ratio() {
        let mut volumes = BarVolumes::new(10);
        for volume in [1000, 1200, 900, 1100, 1000, 950, 1050, 1150, 1000] {
            volumes.push(volume);
            assert_eq!(volumes.judge(1600), None, "the window is not full");
        }
        volumes.push(1100);
        let judged = volumes.judge(1600).expect("the window is full");
        assert!((judged.ratio - 1.5311).abs() < 1e-4, "{judged:?}");
        assert!(
            (judged.z.unwrap_or(0.0) - 6.314_569).abs() < 1e-6,
            "{judged:?}"
        );
        assert!(judged.is_unusual);
        assert!(
            !volumes.judge(1308).expect("full").is_unusual,
            "z just below 3"
        );
        assert!(
            volumes.judge(1309).expect("full").is_unusual,
            "z just above 3"
        );
    }

    #[test]
    fn bars_all_alike_have_no_deviation() {
        let mut volumes = BarVolumes::new(3);
        [5, 5, 5]
            .into_iter()
            .for_each(|volume| volumes.push(volume));
        let judged = volumes.judge(10).expect("the window is full");
        assert_eq!(
            (judged.ratio, judged.z, judged.is_unusual),
            (2.0, None, false)
        );
        assert!(volumes.judge(11).expect("full").is_unusual);
        [0, 0, 0]
            .into_iter()
            .for_each(|volume| volumes.push(volume));
        assert_eq!(volumes.judge(11), None);
    }

    #[test]
    fn profile_splits_by_level_hour_and_hours_of_trading() {
        const POINT: i64 = Price::PER_POINT;
        let mut profile = VolumeProfile::new(Price(5 * POINT), 10);
        assert_eq!(
            (profile.point_of_control(), profile.large_share()),
            (None, None)
        );
        profile.trade(Price(21_002 * POINT), 10, 9, false);
        profile.trade(Price(21_004 * POINT), 5, 10, true);
        profile.trade(Price(20_999 * POINT), 2, 10, true);
        profile.trade(Price(90_000 * POINT), 3, 10, true);
        let levels: Vec<_> = profile.levels().collect();
        assert_eq!(
            levels,
            [
                (Price(20_995 * POINT), [0, 2]),
                (Price(21_000 * POINT), [10, 5])
            ]
        );
        assert_eq!(profile.point_of_control(), Some(Price(21_000 * POINT)));
        assert_eq!((profile.hours()[9], profile.hours()[10]), (10, 10));
        assert_eq!((profile.volume(), profile.beyond()), ([10, 10], 3));
        assert_eq!(
            (profile.large_trades(), profile.large_share()),
            (1, Some(0.5))
        );
        let notional = 21_004 * 5 + 20_999 * 2 + 90_000 * 3;
        assert_eq!(profile.regular_vwap(), Some(Price(notional * POINT / 10)));
        profile.start_session();
        assert_eq!(profile.levels().count(), 0);
    }

    #[test]
    fn profile_takes_any_price() {
        let mut profile = VolumeProfile::new(Price(5), 10);
        profile.trade(Price(i64::MIN), 1, 0, false);
        profile.trade(Price(i64::MAX - 1), 1, 99, true);
        assert_eq!((profile.beyond(), profile.volume()), (1, [1, 1]));
    }
}
