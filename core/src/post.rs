//! A line that keeps order: what is put in comes out when it is due, first in first out.
//!
//! A due time is never before that of the message ahead, as on one TCP connection. The room is
//! laid out at construction.

use alloc::collections::VecDeque;

use crate::types::Nanos;

/// Messages under way.
#[derive(Debug)]
pub(crate) struct Post<T> {
    queue: VecDeque<(Nanos, T)>,
    max: usize,
    last: Nanos,
}

impl<T> Post<T> {
    pub(crate) fn new(max: usize) -> Self {
        Self {
            queue: VecDeque::with_capacity(max),
            max,
            last: Nanos(0),
        }
    }

    /// Puts a message in. False, and nothing is changed, when there is no room.
    pub(crate) fn put(&mut self, due: Nanos, message: T) -> bool {
        if self.room() == 0 {
            return false;
        }
        self.last = self.last.max(due);
        self.queue.push_back((self.last, message));
        true
    }

    /// Takes the next message if it is due at `now`, with its time.
    #[inline]
    pub(crate) fn take(&mut self, now: Nanos) -> Option<(Nanos, T)> {
        if self.due() > now || self.queue.is_empty() {
            return None;
        }
        let first = self.queue.pop_front();
        // Begun anew where it began before: those places are in the cache, the next ones are not.
        if self.queue.is_empty() {
            self.queue.clear();
        }
        first
    }

    /// When the next message is due; undefined when there is none.
    #[inline]
    pub(crate) fn due(&self) -> Nanos {
        self.queue.front().map_or(Nanos::UNDEFINED, |(due, _)| *due)
    }

    pub(crate) fn room(&self) -> usize {
        self.max - self.queue.len()
    }

    pub(crate) fn len(&self) -> usize {
        self.queue.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.queue.iter().map(|(_, message)| message)
    }
}
