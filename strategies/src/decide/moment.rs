//! What the calendar says of the instant of a decision (M4).
//!
//! Worked out from the event's time and the exchange calendar; a rule reads no clock. Times of day
//! are Eastern, windows are half-open, `[start, end)`.

use undertow_core::types::Nanos;

use crate::calendar::{Calendar, Day, OutOfRange, Venue, eastern_time_of_day};

const NS_PER_MINUTE: u64 = 60_000_000_000;

/// An instant and its place in the trading calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// The event's time.
    pub now: Nanos,
    /// The trading day that it belongs to, which for US stocks' options is the Eastern date.
    pub day: Day,
    /// Time since midnight in New York, ns.
    pub time_of_day_ns: u64,
    /// Whether regular trading hours are running.
    pub is_rth: bool,
    /// When the venue's session of this day ends; none on a day without one.
    pub close_of_today: Option<Nanos>,
    /// The first trading day after today.
    pub next_day: Day,
    /// When the session of that day ends.
    pub next_close: Nanos,
}

/// A part of the day, in minutes after midnight in New York, half-open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// First minute in it.
    pub start_minute: u16,
    /// First minute after it.
    pub end_minute: u16,
}

impl Moment {
    /// The moment of an event at a venue.
    ///
    /// # Errors
    /// A date beyond the calendar's data.
    pub fn of(calendar: &Calendar, venue: Venue, now: Nanos) -> Result<Self, OutOfRange> {
        let day = calendar.trading_day(venue, now)?;
        let next_day = calendar.next_trading_day(venue, day)?;
        Ok(Self {
            now,
            day,
            time_of_day_ns: eastern_time_of_day(now).0,
            is_rth: calendar.is_rth(now)?,
            close_of_today: calendar.close_of(venue, day)?,
            next_day,
            next_close: calendar.next_close(venue, next_day.eastern_minute(0))?,
        })
    }

    /// Whether the session has not ended, and does within so many minutes.
    #[must_use]
    pub fn is_within_minutes_of_close(&self, minutes: u64) -> bool {
        self.ns_to_close()
            .is_some_and(|left| left <= minutes * NS_PER_MINUTE)
    }

    /// Nanoseconds to the end of today's session; none when there is none or it has ended.
    #[must_use]
    pub fn ns_to_close(&self) -> Option<u64> {
        let left = self.close_of_today?.0.checked_sub(self.now.0)?;
        (left > 0).then_some(left)
    }
}

impl Window {
    /// From and to a time of day, given as hours and minutes.
    #[must_use]
    pub const fn new(start: (u16, u16), end: (u16, u16)) -> Self {
        Self {
            start_minute: start.0 * 60 + start.1,
            end_minute: end.0 * 60 + end.1,
        }
    }

    /// Whether a time of day lies in it.
    #[must_use]
    pub const fn contains(&self, time_of_day_ns: u64) -> bool {
        let minute = time_of_day_ns / NS_PER_MINUTE;
        self.start_minute as u64 <= minute && minute < self.end_minute as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_half_open() {
        let window = Window::new((9, 45), (15, 0));
        let at = |minute: u64| minute * NS_PER_MINUTE;
        assert!(!window.contains(at(585) - 1));
        assert!(window.contains(at(585)));
        assert!(window.contains(at(900) - 1));
        assert!(!window.contains(at(900)));
    }
}
