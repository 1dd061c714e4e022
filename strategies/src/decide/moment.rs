//! What the calendar says of the instant of a decision (M4).
//!
//! Everything here is worked out by the caller from the event's time and the exchange calendar;
//! a rule reads no clock. Times of day are Eastern, windows are half-open, `[start, end)`.

use undertow_core::types::Nanos;

const NS_PER_MINUTE: u64 = 60_000_000_000;

/// A date, as days since 1970-01-01.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct Day(pub i32);

/// A day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Weekday {
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}

/// An instant and its place in the trading calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// The event's time.
    pub now: Nanos,
    /// The trading day that it belongs to, which for US options is the Eastern date.
    pub day: Day,
    /// Time since midnight in New York, ns.
    pub time_of_day_ns: u64,
    /// Whether regular trading hours are running.
    pub is_rth: bool,
    /// When today's regular session ends; none on a day without one.
    pub close_of_today: Option<Nanos>,
    /// The first trading day after today.
    pub next_day: Day,
    /// When the regular session of that day ends.
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

impl Day {
    /// The date with year, month and day of month, if there is such a date.
    #[must_use]
    pub const fn from_ymd(year: i32, month: u32, day: u32) -> Option<Self> {
        if year < 0 || year > 9_999 || month < 1 || month > 12 || day < 1 || day > 31 {
            return None;
        }
        // Years are counted from 1 March so that a leap day is the last of its year.
        let march_year = year as i64 - (month <= 2) as i64;
        let march_month = (month as i64 + 9) % 12;
        let of_year = (153 * march_month + 2) / 5 + day as i64 - 1;
        let leaps =
            march_year.div_euclid(4) - march_year.div_euclid(100) + march_year.div_euclid(400);
        let date = Self((march_year * 365 + leaps + of_year - 719_468) as i32);
        // 31 April is 1 May to the arithmetic, so it comes back as another date.
        let (y, m, d) = date.ymd();
        if y == year && m == month && d == day {
            Some(date)
        } else {
            None
        }
    }

    /// Year, month from 1, day of month from 1.
    #[must_use]
    pub const fn ymd(self) -> (i32, u32, u32) {
        let days = self.0 as i64 + 719_468;
        let era = days.div_euclid(146_097);
        let of_era = days.rem_euclid(146_097);
        let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let march_month = (5 * of_year + 2) / 153;
        let day = of_year - (153 * march_month + 2) / 5 + 1;
        let month = if march_month < 10 {
            march_month + 3
        } else {
            march_month - 9
        };
        let year = year_of_era + era * 400 + (month <= 2) as i64;
        (year as i32, month as u32, day as u32)
    }

    /// The day of the week.
    #[must_use]
    pub const fn weekday(self) -> Weekday {
        // 1970-01-01 was a Thursday.
        match (self.0 as i64 + 3).rem_euclid(7) {
            0 => Weekday::Monday,
            1 => Weekday::Tuesday,
            2 => Weekday::Wednesday,
            3 => Weekday::Thursday,
            4 => Weekday::Friday,
            5 => Weekday::Saturday,
            _ => Weekday::Sunday,
        }
    }

    /// The date so many days later.
    #[must_use]
    pub const fn plus(self, days: i32) -> Self {
        Self(self.0.saturating_add(days))
    }
}

impl Moment {
    /// Whether the regular session runs and ends within so many minutes.
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
    fn dates_round_trip_and_know_their_weekday() {
        assert_eq!(Day::from_ymd(1970, 1, 1), Some(Day(0)));
        assert_eq!(Day::from_ymd(2025, 2, 29), None);
        for day in (-800_000..2_900_000).step_by(97).map(Day) {
            let (year, month, date) = day.ymd();
            if (0..=9_999).contains(&year) {
                assert_eq!(Day::from_ymd(year, month, date), Some(day));
            }
        }
        let monday = Day::from_ymd(2025, 9, 15).unwrap();
        assert_eq!(monday.weekday(), Weekday::Monday);
        assert_eq!(monday.plus(4).weekday(), Weekday::Friday);
    }

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
