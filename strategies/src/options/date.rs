//! A calendar day, checked once, with what naming contracts asks of it: weekday and arithmetic.
//!
//! Proleptic Gregorian, no time zone: which day it is somewhere is the calendar's business.

use core::fmt;

/// A day that exists, of the years 1 to 9999.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date {
    year: u16,
    month: u8,
    day: u8,
}

/// Days from 1 March of year 0 to 1 January 1970.
const DAYS_TO_1970: i64 = 719_468;
const DAYS_OF_400_YEARS: i64 = 146_097;

impl Date {
    /// The day, unless there is no such day.
    #[must_use]
    pub const fn new(year: u16, month: u8, day: u8) -> Option<Self> {
        let exists = matches!(year, 1..=9999) && matches!(month, 1..=12);
        if !exists || day == 0 || days_of_month(year, month) < day {
            return None;
        }
        Some(Self { year, month, day })
    }

    /// The day that is `days` after 1970-01-01.
    #[must_use]
    pub fn from_days(days: i64) -> Option<Self> {
        // Years that begin in March keep the leap day at their end.
        let shifted = days.checked_add(DAYS_TO_1970)?;
        let era = shifted.div_euclid(DAYS_OF_400_YEARS);
        let of_era = shifted.rem_euclid(DAYS_OF_400_YEARS);
        let year_of_era =
            (of_era - of_era / 1_460 + of_era / 36_524 - of_era / (DAYS_OF_400_YEARS - 1)) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let march_month = (5 * of_year + 2) / 153;
        let day = of_year - (153 * march_month + 2) / 5 + 1;
        let month = if march_month < 10 {
            march_month + 3
        } else {
            march_month - 9
        };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        Self::new(
            u16::try_from(year).ok()?,
            u8::try_from(month).ok()?,
            u8::try_from(day).ok()?,
        )
    }

    /// Days since 1970-01-01, negative before.
    #[must_use]
    pub const fn days(self) -> i64 {
        let year = self.year as i64 - (self.month <= 2) as i64;
        let era = year.div_euclid(400);
        let year_of_era = year.rem_euclid(400);
        let march_month = (self.month as i64 + 9) % 12;
        let of_year = (153 * march_month + 2) / 5 + self.day as i64 - 1;
        let of_era = 365 * year_of_era + year_of_era / 4 - year_of_era / 100 + of_year;
        era * DAYS_OF_400_YEARS + of_era - DAYS_TO_1970
    }

    /// The weekday: 1 for Monday to 7 for Sunday.
    #[must_use]
    pub const fn weekday(self) -> u8 {
        // 1970-01-01 was a Thursday.
        (self.days() + 3).rem_euclid(7) as u8 + 1
    }

    /// The year.
    #[must_use]
    pub const fn year(self) -> u16 {
        self.year
    }

    /// The month, from 1.
    #[must_use]
    pub const fn month(self) -> u8 {
        self.month
    }

    /// The day of the month, from 1.
    #[must_use]
    pub const fn day(self) -> u8 {
        self.day
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

impl fmt::Debug for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

const fn days_of_month(year: u16, month: u8) -> u8 {
    let is_leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_of_four_centuries_counts_up_by_one_and_back() {
        let first = Date::new(1899, 12, 31).expect("a day").days();
        let mut weekday = Date::from_days(first - 1).expect("a day").weekday();
        for days in first..first + DAYS_OF_400_YEARS {
            let date = Date::from_days(days).expect("a day");
            assert_eq!(date.days(), days);
            assert_eq!(date.weekday(), weekday % 7 + 1);
            weekday = date.weekday();
        }
    }

    #[test]
    fn known_days_have_their_weekday_and_others_do_not_exist() {
        let date = |year, month, day| Date::new(year, month, day);
        assert_eq!(date(1970, 1, 1).map(Date::days), Some(0));
        assert_eq!(date(2025, 6, 16).map(Date::weekday), Some(1));
        assert_eq!(date(2026, 9, 20).map(Date::weekday), Some(7));
        assert!(date(2024, 2, 29).is_some() && date(2000, 2, 29).is_some());
        for (year, month, day) in [(2025, 2, 29), (1900, 2, 29), (2025, 13, 1), (0, 1, 1)] {
            assert_eq!(date(year, month, day), None);
        }
        for days in [i64::MIN, i64::MAX, -1_000_000, 4_000_000] {
            assert_eq!(Date::from_days(days), None);
        }
    }
}
