//! The stage's own clock: which session a record belongs to, read from the records.
//!
//! Futures and their options have Globex sessions: what comes after a close belongs to the session
//! ahead, so that a day's tape begins with its pre-open. Stocks have Eastern calendar days. The
//! clock never goes back, and a record from the future does not move it.

use undertow_core::event::Mbo;
use undertow_core::types::Nanos;

use crate::calendar::{Calendar, Day, Sessions, Venue, eastern_time_of_day};

/// A record's time may be so far ahead of its capture.
const AHEAD_MAX_NS: u64 = 1_000_000_000;

const HOUR_NS: u64 = 3_600_000_000_000;

/// Follows time through sessions, days and hours: a few comparisons a record.
#[derive(Clone, Debug)]
pub(super) struct SessionClock {
    globex: Sessions,
    nyse: Sessions,
    now: Nanos,
    /// Until then nothing changes: the next open, close or Eastern midnight.
    turn_at: Nanos,
    globex_day: Day,
    eastern_day: Day,
    is_regular: bool,
    /// Of the last trade: the hour's start, and its number in the Eastern day.
    hour: (Nanos, u8),
}

impl SessionClock {
    pub(super) fn new(calendar: &Calendar) -> Self {
        Self {
            globex: calendar.sessions(Venue::Globex),
            nyse: calendar.sessions(Venue::Nyse),
            now: Nanos(0),
            turn_at: Nanos(0),
            globex_day: Day(i32::MIN),
            eastern_day: Day(i32::MIN),
            is_regular: false,
            hour: (Nanos::UNDEFINED, 0),
        }
    }

    /// The time of a record, as far as it is to be believed, and moves on to it.
    #[inline]
    pub(super) fn observe(&mut self, mbo: &Mbo) -> Nanos {
        let ts = if mbo.is_in_time() {
            mbo.ts_event
        } else {
            self.believed(mbo)
        };
        if ts > self.now {
            self.now = ts;
            if ts >= self.turn_at {
                self.turn(ts);
            }
        }
        ts
    }

    /// The time of a record that is dated after its arrival, or not at all.
    #[cold]
    fn believed(&self, mbo: &Mbo) -> Nanos {
        let latest = Nanos(mbo.ts_recv.0.saturating_add(AHEAD_MAX_NS));
        let is_ahead = mbo.ts_recv.is_defined() && { mbo.ts_event } > latest;
        if !mbo.ts_event.is_defined() || is_ahead {
            return self.now;
        }
        mbo.ts_event
    }

    /// The day whose session it is now, for instruments of a venue.
    #[inline]
    pub(super) const fn day(&self, venue: Venue) -> Day {
        match venue {
            Venue::Globex => self.globex_day,
            Venue::Nyse => self.eastern_day,
        }
    }

    /// Whether US stocks trade in regular hours now.
    pub(super) const fn is_regular(&self) -> bool {
        self.is_regular
    }

    /// The hour of the Eastern day, 0 to 23.
    #[inline]
    pub(super) const fn hour(&mut self) -> u8 {
        let start = Nanos(self.now.0 - self.now.0 % HOUR_NS);
        if self.hour.0.0 != start.0 {
            // At most 23, as a day has no more hours.
            self.hour = (start, (eastern_time_of_day(self.now).0 / HOUR_NS) as u8);
        }
        self.hour.1
    }

    #[cold]
    fn turn(&mut self, ts: Nanos) {
        self.globex.advance(ts);
        self.nyse.advance(ts);
        self.is_regular = self.nyse.current().is_some();
        // Beyond the calendar all is one session.
        self.globex_day = self.globex.ahead().map_or(Day(i32::MAX), |it| it.day);
        self.eastern_day = Day::eastern(ts);
        let midnight = self.eastern_day.plus(1).eastern_minute(0);
        let sessions = self.globex.boundary().min(self.nyse.boundary());
        self.turn_at = sessions.min(midnight);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use undertow_core::event::RecordHeader;
    use undertow_core::types::{Action, Flags, InstrumentId, OrderId, Price, PublisherId, Side};

    fn at(ts: u64) -> Mbo {
        Mbo {
            header: RecordHeader::UNSET,
            ts_event: Nanos(ts),
            ts_recv: Nanos(ts),
            order_id: OrderId(0),
            price: Price(1),
            size: 1,
            sequence: 1,
            ts_in_delta: 0,
            instrument_id: InstrumentId(1),
            publisher_id: PublisherId(1),
            flags: Flags::LAST,
            action: Action::Trade,
            side: Side::Bid,
            channel_id: 0,
        }
    }

    /// 2024-07-01 (a Monday) 09:30 in New York.
    const MONDAY_OPEN: u64 = 1_719_840_600_000_000_000;

    #[test]
    fn evening_belongs_to_the_next_session_of_futures_and_to_the_day_of_stocks() {
        let mut clock = SessionClock::new(&Calendar::built_in());
        let mut days = |ts: u64| {
            clock.observe(&at(ts));
            let name = |day: Day| day.ymd().2;
            let days = (name(clock.day(Venue::Globex)), name(clock.day(Venue::Nyse)));
            (days, clock.hour(), clock.is_regular())
        };
        assert_eq!(days(MONDAY_OPEN - 1), ((1, 1), 9, false));
        assert_eq!(days(MONDAY_OPEN), ((1, 1), 9, true));
        assert_eq!(days(MONDAY_OPEN + 7 * HOUR_NS), ((1, 1), 16, false));
        assert_eq!(days(MONDAY_OPEN + 15 * HOUR_NS / 2), ((2, 1), 17, false));
        assert_eq!(days(MONDAY_OPEN + 29 * HOUR_NS / 2), ((2, 2), 0, false));
    }

    #[test]
    fn record_from_the_future_or_without_a_time_does_not_move_the_clock() {
        let mut clock = SessionClock::new(&Calendar::built_in());
        clock.observe(&at(MONDAY_OPEN));
        let day = clock.day(Venue::Globex);
        let mut future = at(MONDAY_OPEN + 1);
        future.ts_event = Nanos(u64::MAX - 1);
        assert_eq!(clock.observe(&future), Nanos(MONDAY_OPEN));
        future.ts_event = Nanos::UNDEFINED;
        assert_eq!(clock.observe(&future), Nanos(MONDAY_OPEN));
        assert_eq!(clock.day(Venue::Globex), day);
    }
}
