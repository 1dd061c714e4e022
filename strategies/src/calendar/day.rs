//! Dates, and Eastern time.
//!
//! Integer arithmetic in the proleptic Gregorian calendar. Eastern time follows the rule that is
//! in force since 2007: summer time from the second Sunday of March to the first of November, each
//! at 02:00 local time.

use core::fmt;

use undertow_core::types::Nanos;

const NS_PER_SECOND: u64 = 1_000_000_000;
const NS_PER_MINUTE: u64 = 60 * NS_PER_SECOND;
const NS_PER_HOUR: u64 = 3_600 * NS_PER_SECOND;
const NS_PER_DAY: u64 = 24 * NS_PER_HOUR;

/// A date, as days since 1970-01-01.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
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

impl Day {
    /// The date with year, month and day of month, if there is such a date.
    #[must_use]
    pub const fn from_ymd(year: i32, month: u32, day: u32) -> Option<Self> {
        // Beyond four digits of a year nothing here is meant to work.
        if year < 0 || year > 9_999 || month < 1 || month > 12 || day < 1 || day > 31 {
            return None;
        }
        let date = Self::from_civil(year, month, day);
        // 31 April is 1 May to the arithmetic, so it comes back as another date.
        let (y, m, d) = date.ymd();
        if y == year && m == month && d == day {
            Some(date)
        } else {
            None
        }
    }

    /// The date written `2026-11-27`.
    #[must_use]
    pub fn from_iso(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
        if (year.len(), month.len(), day.len()) != (4, 2, 2) || parts.next().is_some() {
            return None;
        }
        Self::from_ymd(number(year)?.try_into().ok()?, number(month)?, number(day)?)
    }

    /// The date that clocks in New York show at `t`.
    #[must_use]
    pub const fn eastern(t: Nanos) -> Self {
        // A u64 of nanoseconds ends in the year 2554, so the days fit.
        Self((eastern_ns(t) / NS_PER_DAY) as i32)
    }

    /// When clocks in New York show `minutes` after midnight of this date; may be more than a
    /// day's. The time that a clock change skips is read as if the clock had not been changed
    /// yet, and of one shown twice the first is meant. Dates before 1970 give 0.
    #[must_use]
    pub const fn eastern_minute(self, minutes: u32) -> Nanos {
        let day = if self.0 < 0 { 0 } else { self.0 as u64 };
        let local = day
            .saturating_mul(NS_PER_DAY)
            .saturating_add(minutes as u64 * NS_PER_MINUTE);
        let summer = Nanos(local.saturating_add(4 * NS_PER_HOUR));
        if is_summer(summer) {
            summer
        } else {
            Nanos(local.saturating_add(5 * NS_PER_HOUR))
        }
    }

    /// Year, month from 1, day of month from 1.
    #[must_use]
    pub const fn ymd(self) -> (i32, u32, u32) {
        // Years are counted from 1 March so that a leap day is the last of its year.
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

    /// Whether it is a Saturday or a Sunday.
    #[must_use]
    pub const fn is_weekend(self) -> bool {
        matches!(self.weekday(), Weekday::Saturday | Weekday::Sunday)
    }

    /// The date `days` later.
    #[must_use]
    pub const fn plus(self, days: i32) -> Self {
        Self(self.0.saturating_add(days))
    }

    const fn from_civil(year: i32, month: u32, day: u32) -> Self {
        let year = year - (month <= 2) as i32;
        let era = year.div_euclid(400);
        let of_era = year.rem_euclid(400);
        let march_month = (month as i32 + 9) % 12;
        let of_year = (153 * march_month + 2) / 5 + day as i32 - 1;
        let days = of_era * 365 + of_era / 4 - of_era / 100 + of_year;
        Self(era * 146_097 + days - 719_468)
    }
}

/// Nanoseconds after midnight that clocks in New York show at `t`.
#[must_use]
pub const fn eastern_time_of_day(t: Nanos) -> Nanos {
    Nanos(eastern_ns(t) % NS_PER_DAY)
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.ymd();
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

impl fmt::Debug for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Day({self})")
    }
}

/// Eastern wall-clock time as if it were UTC.
const fn eastern_ns(t: Nanos) -> u64 {
    let behind = if is_summer(t) { 4 } else { 5 };
    t.0.saturating_sub(behind * NS_PER_HOUR)
}

/// Whether New York keeps summer time at `t`.
const fn is_summer(t: Nanos) -> bool {
    let (year, _, _) = Day((t.0 / NS_PER_DAY) as i32).ymd();
    let start = sunday_from(Day::from_civil(year, 3, 8));
    let end = sunday_from(Day::from_civil(year, 11, 1));
    // 02:00 is 07:00 UTC before the change in March and 06:00 UTC before that in November. Whole
    // hours, as the nanoseconds of the last year that a u64 reaches would not fit.
    let hour = t.0 / NS_PER_HOUR;
    start.0 as u64 * 24 + 7 <= hour && hour < end.0 as u64 * 24 + 6
}

/// The first Sunday not before `day`.
const fn sunday_from(day: Day) -> Day {
    Day(day.0 + (6 - (day.0 + 3).rem_euclid(7)))
}

/// A number of digits only: the standard parser also takes a sign.
pub(super) fn number(text: &str) -> Option<u32> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        text.parse().ok()
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn dates_run_without_gap_through_leap_years() {
        let mut day = Day::from_ymd(1970, 1, 1).expect("a date");
        assert_eq!((day.0, day.weekday()), (0, Weekday::Thursday));
        for year in 1970..2401 {
            let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
            let february = if leap { 29 } else { 28 };
            let lengths = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
            for (month, length) in (1..).zip(lengths) {
                for of_month in 1..=length {
                    assert_eq!(day.ymd(), (year, month, of_month));
                    assert_eq!(Day::from_ymd(year, month, of_month), Some(day));
                    day = day.plus(1);
                }
                assert_eq!(Day::from_ymd(year, month, length + 1), None);
            }
        }
    }

    #[test]
    fn dates_are_read_as_they_are_written() {
        let day = Day::from_iso("2026-11-27").expect("a date");
        assert_eq!(day.to_string(), "2026-11-27");
        assert_eq!(day.weekday(), Weekday::Friday);
        for text in [
            "",
            "2026-2-29",
            "2026-02-29",
            "26-11-27",
            "2026-11-27-1",
            "+026-11-27",
        ] {
            assert_eq!(Day::from_iso(text), None, "{text}");
        }
    }

    #[test]
    fn clocks_in_new_york_change_on_the_hour_of_the_rule() {
        // 2026-03-08 07:00 UTC and 2026-11-01 06:00 UTC.
        let spring = Day::from_iso("2026-03-08").expect("a date").0 as u64 * NS_PER_DAY;
        let autumn = Day::from_iso("2026-11-01").expect("a date").0 as u64 * NS_PER_DAY;
        let hour = |t| eastern_time_of_day(Nanos(t)).0 / NS_PER_HOUR;
        let spring = spring + 7 * NS_PER_HOUR;
        let autumn = autumn + 6 * NS_PER_HOUR;
        assert_eq!([hour(spring - 1), hour(spring)], [1, 3]);
        assert_eq!(
            [hour(autumn - 1), hour(autumn), hour(autumn + NS_PER_HOUR)],
            [1, 1, 2]
        );
    }

    #[test]
    fn eastern_minute_is_the_inverse_of_reading_the_clock() {
        for day in (Day(16_801).0..Day(24_472).0).map(Day) {
            for minute in [0, 570, 780, 960, 1_080, 1_439] {
                let t = day.eastern_minute(minute);
                let shown = eastern_time_of_day(t).0 / NS_PER_MINUTE;
                assert_eq!((Day::eastern(t), shown), (day, u64::from(minute)));
            }
        }
    }
}
