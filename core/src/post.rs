//! A line that keeps order: what is put in comes out when it is due, first in first out.
//!
//! A due time is never before that of the message ahead, as on one TCP connection. The room is
//! laid out at construction.

use crate::fifo::Fifo;
use crate::types::Nanos;

/// Messages under way.
#[derive(Debug)]
pub(crate) struct Post<T> {
    queue: Fifo<(Nanos, T)>,
    max: usize,
    last: Nanos,
}

impl<T> Post<T> {
    pub(crate) fn new(max: usize) -> Self {
        Self {
            queue: Fifo::new(max),
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
        self.queue.push((self.last, message));
        true
    }

    /// Takes the next message if it is due at `now`, with its time.
    #[inline]
    pub(crate) fn take(&mut self, now: Nanos) -> Option<(Nanos, T)> {
        let is_due = self.queue.front().is_some_and(|(due, _)| *due <= now);
        if is_due { self.queue.pop() } else { None }
    }

    /// When the next message is due; undefined when there is none.
    #[inline]
    pub(crate) fn due(&self) -> Nanos {
        self.queue.front().map_or(Nanos::UNDEFINED, |(due, _)| *due)
    }

    /// Calls for the memory of the next message.
    pub(crate) fn call_for_next(&self) {
        self.queue.call_for_next();
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
