//! Trading days and sessions of NYSE and CME Globex (equity index products), M4.
//!
//! A session belongs to one trading day and is half-open, `[open, close)`: NYSE 09:30–16:00, Globex
//! from 18:00 of the evening before to 17:00. All times of day are Eastern, all instants are UTC.
//! What differs on holidays and half-days is in `data/sessions.txt`, which says for which dates it
//! is valid; every question beyond is refused with [`OutOfRange`]. A Globex session that a holiday
//! cuts short is a session of that day, although the exchange books its trades on the next one.
//! Unplanned halts are not here: the venue's trading status says them.

mod day;
mod sessions;

pub use day::{Day, Weekday, eastern_time_of_day};
pub use sessions::Sessions;

use alloc::vec::Vec;
use core::{error, fmt};

use undertow_core::types::Nanos;

/// The calendar's data as it is built in.
const BUILT_IN: &str = include_str!("../data/sessions.txt");

const NS_PER_MINUTE: u64 = 60_000_000_000;
const SIX_HOURS_NS: u64 = 360 * NS_PER_MINUTE;

/// Minutes after midnight.
const NYSE_OPEN: u32 = 9 * 60 + 30;

/// Minutes after midnight of the evening before.
const GLOBEX_OPEN: u32 = 18 * 60;

/// Whose hours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Venue {
    /// Regular trading hours of US stocks (NYSE, and Nasdaq with it).
    Nyse,
    /// CME Globex, equity index futures and options.
    Globex,
}

/// One session, half-open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Session {
    /// The trading day it belongs to.
    pub day: Day,
    /// First instant.
    pub open: Nanos,
    /// First instant after it.
    pub close: Nanos,
}

/// Holidays, half-days and usual hours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Calendar {
    first: Day,
    last: Day,
    /// Ascending by day.
    exceptions: Vec<Exception>,
    pauses: Vec<Pause>,
}

/// A date beyond the calendar's data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfRange {
    /// The date asked for.
    pub day: Day,
    /// First date that the calendar knows.
    pub first: Day,
    /// Last date that the calendar knows.
    pub last: Day,
}

/// Why a text is not a calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// Line, from 1; 0 when it is about the text as a whole.
    pub line: usize,
    /// What is wrong with it.
    pub cause: &'static str,
}

/// A day's end of trading in minutes after midnight, for each venue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Exception {
    day: Day,
    /// `None` is no session.
    nyse: Option<u32>,
    globex: Option<u32>,
}

/// Minutes without trading inside the Globex day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Pause {
    first: Day,
    last: Day,
    start: u32,
    end: u32,
}

impl Venue {
    /// Usual end of trading, in minutes after midnight.
    const fn usual_close(self) -> u32 {
        match self {
            Self::Nyse => 16 * 60,
            Self::Globex => 17 * 60,
        }
    }
}

impl Session {
    /// Whether `t` lies in it.
    #[must_use]
    pub const fn contains(&self, t: Nanos) -> bool {
        self.open.0 <= t.0 && t.0 < self.close.0
    }
}

impl Calendar {
    /// The calendar that comes with the program, valid 2016-01-01 to 2036-12-31.
    ///
    /// # Panics
    /// Never: a test reads the same text.
    #[must_use]
    pub fn built_in() -> Self {
        Self::parse(BUILT_IN).expect("the built-in text is a calendar")
    }

    /// Reads a calendar. A line is a comment (`#`), `valid FIRST LAST`, `pause FIRST LAST START
    /// END`, or a date with each venue's close (`closed`, `usual` or `HH:MM`) and the reason.
    ///
    /// # Errors
    /// The first line that is none of these, is out of order or out of range.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let mut calendar = Self {
            first: Day(i32::MAX),
            last: Day(i32::MIN),
            exceptions: Vec::new(),
            pauses: Vec::new(),
        };
        for (line, content) in (1..).zip(text.lines()) {
            calendar
                .read(content)
                .map_err(|cause| ParseError { line, cause })?;
        }
        if calendar.first > calendar.last {
            let cause = "no line says `valid FIRST LAST`";
            return Err(ParseError { line: 0, cause });
        }
        Ok(calendar)
    }

    /// First and last date that it knows.
    #[must_use]
    pub const fn valid(&self) -> (Day, Day) {
        (self.first, self.last)
    }

    /// The trading date that `t` falls on: the Eastern date, and for Globex that of six hours
    /// later, so that an evening belongs to the next day. It need not have a session.
    ///
    /// # Errors
    /// A date beyond the data.
    pub const fn trading_day(&self, venue: Venue, t: Nanos) -> Result<Day, OutOfRange> {
        let day = match venue {
            Venue::Nyse => Day::eastern(t),
            Venue::Globex => {
                // Added to the clock's reading, which is not the instant six hours later when
                // the clock is changed in between.
                let late = eastern_time_of_day(t).0 + SIX_HOURS_NS >= 1_440 * NS_PER_MINUTE;
                Day::eastern(t).plus(late as i32)
            }
        };
        self.known(day)
    }

    /// The session of a trading day; `None` when there is none.
    ///
    /// # Errors
    /// A date beyond the data.
    pub fn session(&self, venue: Venue, day: Day) -> Result<Option<Session>, OutOfRange> {
        self.known(day)?;
        let close = match self.exceptions.binary_search_by_key(&day, |e| e.day) {
            Ok(at) => match venue {
                Venue::Nyse => self.exceptions[at].nyse,
                Venue::Globex => self.exceptions[at].globex,
            },
            Err(_) if day.is_weekend() => None,
            Err(_) => Some(venue.usual_close()),
        };
        let open = match venue {
            Venue::Nyse => day.eastern_minute(NYSE_OPEN),
            Venue::Globex => day.plus(-1).eastern_minute(GLOBEX_OPEN),
        };
        Ok(close.map(|minute| Session {
            day,
            open,
            close: day.eastern_minute(minute),
        }))
    }

    /// The session that `t` lies in.
    ///
    /// # Errors
    /// A date beyond the data.
    pub fn session_at(&self, venue: Venue, t: Nanos) -> Result<Option<Session>, OutOfRange> {
        let session = self.session(venue, self.trading_day(venue, t)?)?;
        Ok(session.filter(|session| session.contains(t)))
    }

    /// The session that `t` lies in, else the next one: whose a record before the open is.
    ///
    /// # Errors
    /// A date beyond the data.
    pub fn session_ahead(&self, venue: Venue, t: Nanos) -> Result<Session, OutOfRange> {
        let mut day = self.trading_day(venue, t)?;
        loop {
            match self.session(venue, day)? {
                Some(session) if t < session.close => return Ok(session),
                _ => day = day.plus(1),
            }
        }
    }

    /// Whether `t` lies in the regular trading hours of US stocks.
    ///
    /// # Errors
    /// A date beyond the data.
    pub fn is_rth(&self, t: Nanos) -> Result<bool, OutOfRange> {
        Ok(self.session_at(Venue::Nyse, t)?.is_some())
    }

    /// Whether equity index products trade on Globex at `t`. The afternoon's pause, which there
    /// was until June 2021 on days of usual length, is not open.
    ///
    /// # Errors
    /// A date beyond the data.
    pub fn is_globex_open(&self, t: Nanos) -> Result<bool, OutOfRange> {
        let session = self.session_at(Venue::Globex, t)?;
        Ok(session.is_some_and(|session| {
            !self
                .pauses
                .iter()
                .filter(|pause| pause.first <= session.day && session.day <= pause.last)
                .any(|pause| {
                    let start = session.day.eastern_minute(pause.start);
                    let end = session.day.eastern_minute(pause.end);
                    start <= t && t < end
                })
        }))
    }

    /// When the session that `t` lies in opened.
    ///
    /// # Errors
    /// A date beyond the data.
    pub fn session_start(&self, venue: Venue, t: Nanos) -> Result<Option<Nanos>, OutOfRange> {
        Ok(self.session_at(venue, t)?.map(|session| session.open))
    }

    /// When trading ends on a day; `None` without a session.
    ///
    /// # Errors
    /// A date beyond the data.
    pub fn close_of(&self, venue: Venue, day: Day) -> Result<Option<Nanos>, OutOfRange> {
        Ok(self.session(venue, day)?.map(|session| session.close))
    }

    /// The first close after `t`.
    ///
    /// # Errors
    /// A date beyond the data.
    pub fn next_close(&self, venue: Venue, t: Nanos) -> Result<Nanos, OutOfRange> {
        Ok(self.session_ahead(venue, t)?.close)
    }

    /// Minutes from `t` to the end of the session it lies in, with their fraction.
    ///
    /// # Errors
    /// A date beyond the data.
    pub fn minutes_to_close(&self, venue: Venue, t: Nanos) -> Result<Option<f64>, OutOfRange> {
        let session = self.session_at(venue, t)?;
        Ok(session.map(|session| (session.close.0 - t.0) as f64 / NS_PER_MINUTE as f64))
    }

    /// The first day after `day` that has a session.
    ///
    /// # Errors
    /// A date beyond the data.
    pub fn next_trading_day(&self, venue: Venue, day: Day) -> Result<Day, OutOfRange> {
        self.step(venue, day, 1)
    }

    /// The last day before `day` that has a session.
    ///
    /// # Errors
    /// A date beyond the data.
    pub fn previous_trading_day(&self, venue: Venue, day: Day) -> Result<Day, OutOfRange> {
        self.step(venue, day, -1)
    }

    /// Every session of a venue, for a hot path to follow.
    #[must_use]
    pub fn sessions(&self, venue: Venue) -> Sessions {
        let days = (self.first.0..=self.last.0).map(Day);
        Sessions::new(days.filter_map(|day| self.session(venue, day).ok().flatten()))
    }

    fn step(&self, venue: Venue, mut day: Day, by: i32) -> Result<Day, OutOfRange> {
        loop {
            day = day.plus(by);
            if self.session(venue, day)?.is_some() {
                return Ok(day);
            }
        }
    }

    const fn known(&self, day: Day) -> Result<Day, OutOfRange> {
        if day.0 < self.first.0 || day.0 > self.last.0 {
            return Err(OutOfRange {
                day,
                first: self.first,
                last: self.last,
            });
        }
        Ok(day)
    }

    /// Takes one line in.
    fn read(&mut self, line: &str) -> Result<(), &'static str> {
        let mut words = line.split_whitespace();
        let mut next = |what| words.next().ok_or(what);
        let Ok(first) = next("") else { return Ok(()) };
        match first {
            comment if comment.starts_with('#') => {}
            "valid" => {
                self.first = date(next("the first valid date is missing")?)?;
                self.last = date(next("the last valid date is missing")?)?;
            }
            "pause" => self.pauses.push(Pause {
                first: date(next("the pause's first date is missing")?)?,
                last: date(next("the pause's last date is missing")?)?,
                start: minute(next("the pause's start is missing")?)?,
                end: minute(next("the pause's end is missing")?)?,
            }),
            text => {
                let day = date(text)?;
                let nyse = close(Venue::Nyse, next("the close of NYSE is missing")?)?;
                let globex = close(Venue::Globex, next("the close of Globex is missing")?)?;
                next("the reason is missing")?;
                self.known(day)
                    .map_err(|_| "the date is not in the valid range above")?;
                if self.exceptions.last().is_some_and(|last| last.day >= day) {
                    return Err("the dates do not ascend");
                }
                self.exceptions.push(Exception { day, nyse, globex });
            }
        }
        Ok(())
    }
}

impl fmt::Display for OutOfRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { day, first, last } = self;
        write!(
            f,
            "the calendar is valid from {first} to {last}, {day} is beyond: extend its data"
        )
    }
}

impl error::Error for OutOfRange {}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "calendar, line {}: {}", self.line, self.cause)
    }
}

impl error::Error for ParseError {}

fn date(text: &str) -> Result<Day, &'static str> {
    Day::from_iso(text).ok_or("a date is written YYYY-MM-DD")
}

fn minute(text: &str) -> Result<u32, &'static str> {
    let read = |(hours, minutes): (&str, &str)| {
        let (hours, minutes) = (day::number(hours)?, day::number(minutes)?);
        (hours < 24 && minutes < 60).then_some(hours * 60 + minutes)
    };
    let parts = text.split_once(':').filter(|_| text.len() == 5);
    parts.and_then(read).ok_or("a time is written HH:MM")
}

fn close(venue: Venue, text: &str) -> Result<Option<u32>, &'static str> {
    match text {
        "closed" => Ok(None),
        "usual" => Ok(Some(venue.usual_close())),
        time => match minute(time)? {
            early if venue == Venue::Nyse && early <= NYSE_OPEN => Err("NYSE opens at 09:30"),
            minute => Ok(Some(minute)),
        },
    }
}
