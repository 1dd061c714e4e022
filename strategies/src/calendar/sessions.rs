//! A cursor over the sessions of one venue: one comparison per message.
//!
//! Times may go back a little, as they do in real files; the cursor does not. So a record that is
//! late across a boundary belongs to the session that has begun.

use alloc::vec::Vec;

use undertow_core::types::Nanos;

use super::Session;

/// Follows time through every session of a venue.
#[derive(Clone, Debug)]
pub struct Sessions {
    /// Ascending, apart from each other.
    sessions: Vec<Session>,
    /// The session that time is in, or the next.
    at: usize,
    is_open: bool,
    /// Until then nothing changes; the end of time after the last session.
    boundary: Nanos,
}

impl Sessions {
    pub(super) fn new(sessions: impl Iterator<Item = Session>) -> Self {
        let sessions: Vec<Session> = sessions.collect();
        let boundary = sessions
            .first()
            .map_or(Nanos::UNDEFINED, |first| first.open);
        Self {
            sessions,
            at: 0,
            is_open: false,
            boundary,
        }
    }

    /// Moves on to `t`, and says whether an open or a close lay on the way.
    #[inline]
    pub fn advance(&mut self, t: Nanos) -> bool {
        t >= self.boundary && self.cross(t)
    }

    /// Until then nothing changes; undefined after the last session.
    #[inline]
    #[must_use]
    pub const fn boundary(&self) -> Nanos {
        self.boundary
    }

    /// The session that time is in.
    #[inline]
    #[must_use]
    pub fn current(&self) -> Option<&Session> {
        self.ahead().filter(|_| self.is_open)
    }

    /// The session that time is in, else the next; `None` beyond the calendar, from the close of
    /// its last session on.
    #[inline]
    #[must_use]
    pub fn ahead(&self) -> Option<&Session> {
        self.sessions.get(self.at)
    }

    #[cold]
    fn cross(&mut self, t: Nanos) -> bool {
        if !t.is_defined() {
            return false;
        }
        let left = &self.sessions[self.at..];
        self.at += left.partition_point(|session| session.close <= t);
        let ahead = self.sessions.get(self.at);
        self.is_open = ahead.is_some_and(|session| session.open <= t);
        self.boundary = match ahead {
            Some(session) if self.is_open => session.close,
            Some(session) => session.open,
            None => Nanos::UNDEFINED,
        };
        true
    }
}
