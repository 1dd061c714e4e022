//! The calendar against the specification's instants and against independent calendars.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use undertow_core::types::Nanos;
use undertow_strategies::calendar::{Calendar, Day, Session, Venue};

const SECOND: u64 = 1_000_000_000;
const HOUR: u64 = 3_600 * SECOND;
const DAY: u64 = 24 * HOUR;

/// `2025-09-19 15:59:59.999` Eastern.
fn eastern(text: &str) -> Nanos {
    let (date, time) = text.split_once(' ').unwrap();
    let mut parts = time.split(':');
    let minutes: u32 = parts.next().unwrap().parse::<u32>().unwrap() * 60
        + parts.next().unwrap().parse::<u32>().unwrap();
    let (seconds, millis) = parts.next().unwrap().split_once('.').unwrap_or(("0", "0"));
    let millis: u64 = seconds.parse::<u64>().unwrap() * 1_000 + millis.parse::<u64>().unwrap();
    Nanos(day(date).eastern_minute(minutes).0 + millis * 1_000_000)
}

fn day(text: &str) -> Day {
    Day::from_iso(text).unwrap()
}

#[test]
fn m4_instants_of_the_specification() {
    let calendar = Calendar::built_in();
    let before = eastern("2025-09-19 15:59:59.999");
    assert!(calendar.is_rth(before).unwrap());
    let minutes = calendar
        .minutes_to_close(Venue::Nyse, before)
        .unwrap()
        .unwrap();
    assert!((minutes * 60.0 - 0.001).abs() < 1e-12);

    let close = eastern("2025-09-19 16:00:00.0");
    assert!(!calendar.is_rth(close).unwrap());
    let next = calendar.next_close(Venue::Nyse, close).unwrap();
    assert_eq!(next, eastern("2025-09-22 16:00:00.0"));
    assert_eq!(calendar.minutes_to_close(Venue::Nyse, close), Ok(None));

    assert!(
        !calendar
            .is_globex_open(eastern("2025-09-21 17:59:59.0"))
            .unwrap()
    );
    let sunday = eastern("2025-09-21 18:00:00.0");
    assert!(calendar.is_globex_open(sunday).unwrap());
    let trading_day = calendar.trading_day(Venue::Globex, sunday).unwrap();
    assert_eq!(trading_day, day("2025-09-22"));
    assert_eq!(
        calendar.session_start(Venue::Globex, sunday),
        Ok(Some(sunday))
    );
    assert!(
        !calendar
            .is_globex_open(eastern("2025-09-26 17:00:00.0"))
            .unwrap()
    );
    assert!(
        calendar
            .is_globex_open(eastern("2025-09-25 18:00:00.0"))
            .unwrap()
    );
    assert!(
        !calendar
            .is_globex_open(eastern("2025-09-25 17:30:00.0"))
            .unwrap()
    );
}

#[test]
fn christmas_of_2023_opens_on_globex_at_23_utc() {
    let calendar = Calendar::built_in();
    let christmas = day("2023-12-25").0 as u64 * DAY;
    let open = Nanos(christmas + 23 * HOUR);
    let noon = Nanos(christmas + 17 * HOUR);
    assert_eq!(calendar.session(Venue::Globex, day("2023-12-25")), Ok(None));
    assert_eq!(calendar.session(Venue::Nyse, day("2023-12-25")), Ok(None));
    assert!(!calendar.is_globex_open(noon).unwrap());
    assert!(!calendar.is_globex_open(Nanos(open.0 - 1)).unwrap());
    assert!(calendar.is_globex_open(open).unwrap());
    // A record of the pre-open belongs to the session that it leads to.
    let preopen = Nanos(open.0 - HOUR);
    let session = calendar.session_ahead(Venue::Globex, preopen).unwrap();
    assert_eq!((session.day, session.open), (day("2023-12-26"), open));
    assert_eq!(calendar.session_start(Venue::Globex, preopen), Ok(None));
}

#[test]
fn half_days_close_early_and_globex_reopens_in_the_evening() {
    let calendar = Calendar::built_in();
    let close = |venue, date| calendar.close_of(venue, day(date)).unwrap();
    let friday = "2026-11-27";
    assert_eq!(
        close(Venue::Nyse, friday),
        Some(eastern("2026-11-27 13:00:00.0"))
    );
    assert_eq!(
        close(Venue::Globex, friday),
        Some(eastern("2026-11-27 13:15:00.0"))
    );
    assert_eq!(close(Venue::Nyse, "2026-11-26"), None);
    assert_eq!(
        close(Venue::Globex, "2026-11-26"),
        Some(eastern("2026-11-26 13:00:00.0"))
    );
    assert!(
        !calendar
            .is_globex_open(eastern("2026-11-26 13:00:00.0"))
            .unwrap()
    );
    assert!(
        calendar
            .is_globex_open(eastern("2026-11-26 18:00:00.0"))
            .unwrap()
    );
    // The employment report of 2023-04-07 came out on Good Friday.
    assert_eq!(
        close(Venue::Globex, "2023-04-07"),
        Some(eastern("2023-04-07 09:15:00.0"))
    );
}

#[test]
fn afternoon_pause_ends_with_june_2021() {
    let calendar = Calendar::built_in();
    assert!(
        !calendar
            .is_globex_open(eastern("2021-06-25 16:15:00.0"))
            .unwrap()
    );
    assert!(
        calendar
            .is_globex_open(eastern("2021-06-25 16:30:00.0"))
            .unwrap()
    );
    assert!(
        calendar
            .is_globex_open(eastern("2021-06-28 16:15:00.0"))
            .unwrap()
    );
}

#[test]
fn trading_days_step_over_weekends_and_holidays() {
    let calendar = Calendar::built_in();
    let next = calendar.next_trading_day(Venue::Nyse, day("2026-11-25"));
    assert_eq!(next, Ok(day("2026-11-27")));
    let previous = calendar.previous_trading_day(Venue::Nyse, day("2026-11-30"));
    assert_eq!(previous, Ok(day("2026-11-27")));
    let next = calendar.next_trading_day(Venue::Globex, day("2026-11-25"));
    assert_eq!(next, Ok(day("2026-11-26")));
}

#[test]
fn dates_beyond_the_data_are_refused() {
    let calendar = Calendar::built_in();
    let (first, last) = calendar.valid();
    assert_eq!((first, last), (day("2016-01-01"), day("2036-12-31")));
    let inside = [
        eastern("2016-01-01 00:00:00.0"),
        eastern("2036-12-31 17:59:59.999"),
    ];
    for t in inside {
        calendar.is_globex_open(t).unwrap();
        calendar.is_rth(t).unwrap();
    }
    let evening = eastern("2036-12-31 18:00:00.0");
    let error = calendar.is_globex_open(evening).unwrap_err();
    assert_eq!(error.day, day("2037-01-01"));
    assert_eq!(
        error.to_string(),
        "the calendar is valid from 2016-01-01 to 2036-12-31, 2037-01-01 is beyond: \
         extend its data"
    );
    for t in [
        Nanos(0),
        eastern("2015-12-31 23:59:59.999"),
        Nanos::UNDEFINED,
    ] {
        calendar.is_rth(t).unwrap_err();
    }
    calendar
        .next_close(Venue::Globex, eastern("2036-12-31 17:00:00.0"))
        .unwrap_err();
    calendar.next_trading_day(Venue::Nyse, last).unwrap_err();
    calendar
        .previous_trading_day(Venue::Nyse, first)
        .unwrap_err();
}

#[test]
fn text_that_is_no_calendar_is_refused_with_its_line() {
    let cases = [
        ("", 0, "no line says"),
        ("valid 2026-01-01", 1, "last valid date is missing"),
        ("valid 2026-01-01 2026-13-01", 1, "YYYY-MM-DD"),
        ("valid 2026-12-31 2026-01-01", 0, "no line says"),
        (
            "valid 2026-01-01 2026-12-31\n2027-01-01 closed closed x",
            2,
            "not in the valid",
        ),
        (
            "valid 2026-01-01 2026-12-31\n2026-01-01 closed shut x",
            2,
            "HH:MM",
        ),
        (
            "valid 2026-01-01 2026-12-31\n2026-01-01 closed 24:00 x",
            2,
            "HH:MM",
        ),
        (
            "valid 2026-01-01 2026-12-31\n2026-01-01 09:30 closed x",
            2,
            "opens at 09:30",
        ),
        (
            "valid 2026-01-01 2026-12-31\n2026-01-01 closed closed",
            2,
            "reason is missing",
        ),
        (
            "valid 2026-01-01 2026-12-31\n2026-01-02 closed closed x\n2026-01-02 closed usual x",
            3,
            "do not ascend",
        ),
    ];
    for (text, line, cause) in cases {
        let error = Calendar::parse(text).unwrap_err();
        assert_eq!(error.line, line, "{text}");
        assert!(error.to_string().contains(cause), "{error}");
    }
}

/// Sessions of both venues by day, as opening and closing seconds of the day in UTC.
fn reference() -> BTreeMap<(&'static str, Day), (u64, u64)> {
    let seconds = |text: &str| {
        let (hours, minutes) = text.split_once(':').unwrap();
        (hours.parse::<u64>().unwrap() * 60 + minutes.parse::<u64>().unwrap()) * 60
    };
    let mut sessions = BTreeMap::new();
    for line in include_str!("reference/market_hours.txt").lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let [venue, first, last, open, close, without @ ..] = words.as_slice() else {
            panic!("{line}");
        };
        let without: Vec<Day> = without.iter().map(|date| day(date)).collect();
        let mut at = day(first);
        while at <= day(last) {
            if !at.is_weekend() && !without.contains(&at) {
                sessions.insert((*venue, at), (seconds(open), seconds(close)));
            }
            at = at.plus(1);
        }
    }
    sessions
}

#[test]
fn every_session_of_21_years_is_that_of_independent_calendars() {
    let calendar = Calendar::built_in();
    let reference = reference();
    let (mut compared, mut at) = (0, calendar.valid().0);
    while at <= calendar.valid().1 {
        for (name, venue, opens_before) in [("nyse", Venue::Nyse, 0), ("globex", Venue::Globex, 1)]
        {
            let expected = reference.get(&(name, at)).map(|(open, close)| Session {
                day: at,
                open: Nanos((at.0 - opens_before) as u64 * DAY + open * SECOND),
                close: Nanos(at.0 as u64 * DAY + close * SECOND),
            });
            assert_eq!(
                calendar.session(venue, at).unwrap(),
                expected,
                "{name} {at}"
            );
            compared += usize::from(expected.is_some());
        }
        at = at.plus(1);
    }
    assert_eq!(compared, reference.len());
    println!("{compared} sessions are equal");
}

#[test]
fn cursor_says_what_a_look_up_says() {
    let calendar = Calendar::built_in();
    for venue in [Venue::Nyse, Venue::Globex] {
        let mut cursor = calendar.sessions(venue);
        // A step that is no divisor of a day meets sessions at every time of day.
        let (mut t, end) = (
            eastern("2016-01-01 00:00:00.0"),
            eastern("2036-12-31 12:00:00.0"),
        );
        let mut previous = None;
        while t < end {
            let crossed = cursor.advance(t);
            let expected = calendar.session_at(venue, t).unwrap();
            assert_eq!(cursor.current().copied(), expected);
            assert!(crossed || expected == previous);
            previous = expected;
            t = Nanos(t.0 + 4_999 * SECOND);
        }
        assert!(cursor.advance(eastern("2036-12-31 17:00:00.0")));
        assert_eq!((cursor.current(), cursor.ahead()), (None, None));
        assert!(!cursor.advance(Nanos::UNDEFINED));
    }
}

#[test]
fn cursor_changes_exactly_at_the_boundary() {
    let calendar = Calendar::built_in();
    let mut cursor = calendar.sessions(Venue::Globex);
    let open = eastern("2025-09-21 18:00:00.0");
    assert!(cursor.advance(Nanos(open.0 - 1)));
    assert_eq!(cursor.current(), None);
    assert_eq!(cursor.ahead().unwrap().open, open);
    assert!(cursor.advance(open));
    assert_eq!(cursor.current().unwrap().day, day("2025-09-22"));
    assert!(!cursor.advance(Nanos(open.0 + 1)));
    // Time that goes back does not take the cursor along.
    assert!(!cursor.advance(Nanos(open.0 - 1)));
    assert!(cursor.current().is_some());
}
