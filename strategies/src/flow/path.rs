//! The path of VPIN through a session: where it stood at the end of each half hour.
//!
//! A fixed number of points, so a summary can tell more than the last value and nothing grows. A
//! half hour is of UTC and has a point if a minute of it that traded is over.

use undertow_core::types::Nanos;

use super::vpin::VpinValue;

/// Time between two points.
pub const HALF_HOUR: Nanos = Nanos(1_800_000_000_000);

/// Points of a session: a whole day.
const POINTS_MAX: usize = 48;

/// See the module.
#[derive(Clone, Debug)]
pub struct VpinPath {
    /// Number of the half hour that the first point is of.
    first: u64,
    points: [Option<VpinValue>; POINTS_MAX],
}

impl VpinPath {
    /// Without a point.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            first: u64::MAX,
            points: [None; POINTS_MAX],
        }
    }

    /// VPIN at the end of the minute that began at `ts`; what is more than a day after the first
    /// point has no place, and what is before it neither.
    pub(super) fn note(&mut self, ts: Nanos, vpin: Option<VpinValue>) {
        let (Some(vpin), half_hour) = (vpin, ts.0 / HALF_HOUR.0) else {
            return;
        };
        if self.first == u64::MAX {
            self.first = half_hour;
        }
        let place = half_hour.checked_sub(self.first);
        let place = place.and_then(|place| usize::try_from(place).ok());
        if let Some(point) = place.and_then(|place| self.points.get_mut(place)) {
            *point = Some(vpin);
        }
    }

    /// End of each half hour that has a point, and VPIN then; in the order of time.
    pub fn points(&self) -> impl Iterator<Item = (Nanos, VpinValue)> + '_ {
        let points = (1_u64..).zip(&self.points);
        points.filter_map(|(place, point)| {
            let end = self.first.saturating_add(place);
            let end = end.saturating_mul(HALF_HOUR.0);
            Some((Nanos(end), (*point)?))
        })
    }
}

impl Default for VpinPath {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    const fn at(value: f64) -> Option<VpinValue> {
        Some(VpinValue {
            value,
            is_warming: false,
            signed: None,
        })
    }

    #[test]
    fn half_hours_keep_their_last_value_and_quiet_ones_have_none() {
        let mut path = VpinPath::new();
        let half = HALF_HOUR.0;
        path.note(Nanos(3 * half), None);
        for (ts, value) in [(4 * half, 0.1), (5 * half - 1, 0.2), (7 * half, 0.3)] {
            path.note(Nanos(ts), at(value));
        }
        path.note(Nanos(2 * half), at(0.9));
        path.note(Nanos((4 + 48) * half), at(0.9));
        let points: Vec<_> = path.points().map(|(end, it)| (end.0, it.value)).collect();
        assert_eq!(points, [(5 * half, 0.2), (8 * half, 0.3)]);
        assert_eq!(VpinPath::new().points().count(), 0);
    }
}
