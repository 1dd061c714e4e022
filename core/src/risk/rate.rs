//! How often something has happened: exact over a sliding window, or counted from a first time.

use alloc::boxed::Box;
use alloc::vec;

use crate::types::Nanos;

/// The times of the last events, for a window that slides.
#[derive(Debug)]
pub(super) struct Rate {
    times: Box<[u64]>,
    head: usize,
    len: usize,
}

impl Rate {
    /// Remembers so many; beyond that the oldest is forgotten.
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            times: vec![0; capacity.max(1)].into_boxed_slice(),
            head: 0,
            len: 0,
        }
    }

    /// Notes one now.
    pub(super) fn note(&mut self, now: Nanos) {
        if self.len == self.times.len() {
            self.drop_oldest();
        }
        let at = self.place(self.len);
        self.times[at] = now.0;
        self.len += 1;
    }

    /// How many of them are younger than the window. Time never goes back, so they lie in order.
    pub(super) fn within(&self, now: Nanos, window_ns: i64) -> i64 {
        let first = self.first_young(now, window_ns);
        i64::try_from(self.len - first).unwrap_or(i64::MAX)
    }

    /// When the oldest of those that are younger than the window grows as old; undefined for never.
    pub(super) fn falls_at(&self, now: Nanos, window_ns: i64) -> Nanos {
        let first = self.first_young(now, window_ns);
        let window = u64::try_from(window_ns).unwrap_or(0);
        if first == self.len {
            return Nanos::UNDEFINED;
        }
        Nanos(self.at(first).saturating_add(window))
    }

    /// Which is the oldest that is younger than the window.
    fn first_young(&self, now: Nanos, window_ns: i64) -> usize {
        let window = u64::try_from(window_ns).unwrap_or(0);
        let is_young = |index| now.0.saturating_sub(self.at(index)) < window;
        let (mut old, mut young) = (0, self.len);
        if old < young && is_young(old) {
            young = old;
        }
        while old < young {
            let middle = usize::midpoint(old, young);
            if is_young(middle) {
                young = middle;
            } else {
                old = middle + 1;
            }
        }
        old
    }

    /// Forgets those that are as old as the window or older, which no later question about this
    /// window is about. Says how many are younger.
    pub(super) fn forget(&mut self, now: Nanos, window_ns: i64) -> i64 {
        let window = u64::try_from(window_ns).unwrap_or(0);
        while self.len > 0 && now.0.saturating_sub(self.at(0)) >= window {
            self.drop_oldest();
        }
        i64::try_from(self.len).unwrap_or(i64::MAX)
    }

    /// The time of one of them, the oldest being 0.
    fn at(&self, index: usize) -> u64 {
        self.times[self.place(index)]
    }

    /// Where one of them lies; the room of all is less than twice around.
    fn place(&self, index: usize) -> usize {
        let place = self.head + index;
        if place < self.times.len() {
            place
        } else {
            place - self.times.len()
        }
    }

    /// Forgets all.
    pub(super) fn clear(&mut self) {
        self.len = 0;
    }

    fn drop_oldest(&mut self) {
        self.head = self.place(1);
        self.len -= 1;
    }
}

/// A count that begins anew with the first event after its window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Burst {
    since: Nanos,
    count: i64,
}

impl Burst {
    /// Notes one now.
    pub(super) fn note(&mut self, now: Nanos, window_ns: i64) {
        if self.count(now, window_ns) == 0 {
            *self = Self {
                since: now,
                count: 0,
            };
        }
        self.count = self.count.saturating_add(1);
    }

    /// How many there were since the window began; 0 once it is over.
    pub(super) fn count(&self, now: Nanos, window_ns: i64) -> i64 {
        let age = now.0.saturating_sub(self.since.0);
        if age < u64::try_from(window_ns).unwrap_or(0) {
            self.count
        } else {
            0
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_counts_what_is_younger_than_its_window() {
        let mut rate = Rate::new(3);
        for now in [10, 20, 30] {
            rate.note(Nanos(now));
        }
        assert_eq!(rate.within(Nanos(30), 20), 2);
        assert_eq!(rate.within(Nanos(30), 21), 3);
        assert_eq!(
            rate.within(Nanos(5), 1),
            3,
            "a clock that went back loosens nothing"
        );
        rate.note(Nanos(40));
        assert_eq!(rate.within(Nanos(40), 1_000), 3);
        assert_eq!(rate.within(Nanos(49), 20), 2);
        assert_eq!(rate.forget(Nanos(49), 20), 2);
        assert_eq!(rate.within(Nanos(49), 1_000), 2, "what was as old is gone");
        rate.note(Nanos(50));
        assert_eq!(rate.within(Nanos(50), 20), 2);
        assert_eq!(rate.within(Nanos(50), 21), 3);
        rate.clear();
        assert_eq!(rate.forget(Nanos(60), 1), 0);
        assert_eq!(rate.within(Nanos(50), 1_000), 0);
    }

    #[test]
    fn a_burst_begins_anew_after_its_window() {
        let mut burst = Burst::default();
        assert_eq!(burst.count(Nanos(0), 10), 0);
        burst.note(Nanos(100), 10);
        burst.note(Nanos(109), 10);
        assert_eq!(burst.count(Nanos(109), 10), 2);
        assert_eq!(burst.count(Nanos(110), 10), 0);
        burst.note(Nanos(110), 10);
        assert_eq!(burst.count(Nanos(119), 10), 1);
    }
}
