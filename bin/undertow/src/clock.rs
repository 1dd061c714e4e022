//! A tile's clock: read once a duty cycle, shared with the parts of that tile.
//!
//! Nanoseconds of one monotonic counter (the processor's, where it is invariant), the same for
//! every tile of the process, so that stamps taken on one core may be compared on another.

use std::sync::atomic::{AtomicU64, Ordering};

/// The stages of which a message's own time is kept, in the order in which it passes them.
pub const STAGES: [&str; 4] = ["decode", "book", "flow", "trade"];

/// The clock of one tile. Its parts share it by `Arc`; only the tile's own thread writes it, so
/// relaxed loads and stores are plain moves.
#[derive(Debug)]
pub struct TileClock {
    clock: quanta::Clock,
    now_ns: AtomicU64,
    lap_ns: AtomicU64,
    /// Of the sampled message in hand: what each of [`STAGES`] has spent on it, ns.
    spent_ns: [AtomicU64; STAGES.len()],
}

impl TileClock {
    /// A clock. The first one of a process calibrates for some milliseconds: make it at boot.
    #[must_use]
    pub fn new() -> Self {
        let clock = quanta::Clock::new();
        let now = clock.delta_as_nanos(0, clock.raw());
        Self {
            clock,
            now_ns: AtomicU64::new(now),
            lap_ns: AtomicU64::new(0),
            spent_ns: Default::default(),
        }
    }

    /// Reads the counter.
    #[must_use]
    pub fn read(&self) -> u64 {
        self.clock.delta_as_nanos(0, self.clock.raw())
    }

    /// Reads the counter and keeps it as the time of this duty cycle.
    pub fn advance(&self) -> u64 {
        let now = self.read();
        self.now_ns.store(now, Ordering::Relaxed);
        now
    }

    /// The time of this duty cycle.
    #[must_use]
    pub fn now_ns(&self) -> u64 {
        self.now_ns.load(Ordering::Relaxed)
    }

    /// Starts timing the laps of a sampled message at `start_ns`; 0 says that it is not sampled.
    pub fn start_laps(&self, start_ns: u64) {
        self.lap_ns.store(start_ns, Ordering::Relaxed);
        if start_ns != 0 {
            for spent in &self.spent_ns {
                spent.store(0, Ordering::Relaxed);
            }
        }
    }

    /// A stage, by its place in [`STAGES`], has spent so much on the sampled message in hand.
    pub fn spend(&self, stage: usize, ns: u64) {
        let spent = &self.spent_ns[stage];
        spent.store(spent.load(Ordering::Relaxed) + ns, Ordering::Relaxed);
    }

    /// What each stage has spent on the message in hand; none if it is not sampled, or if the last
    /// of them is on another tile.
    #[must_use]
    pub fn spent(&self) -> Option<[u64; STAGES.len()]> {
        let is_sampled = self.lap_ns.load(Ordering::Relaxed) != 0;
        let spent = self.spent_ns.each_ref();
        let spent = spent.map(|spent| spent.load(Ordering::Relaxed));
        Some(spent).filter(|[.., last]| is_sampled && *last > 0)
    }

    /// Ends a lap and starts the next: its length, if the message in hand is sampled.
    #[must_use]
    pub fn lap(&self) -> Option<u64> {
        let start = self.lap_ns.load(Ordering::Relaxed);
        if start == 0 {
            return None;
        }
        let end = self.read();
        self.lap_ns.store(end, Ordering::Relaxed);
        Some(end.saturating_sub(start))
    }
}

impl Default for TileClock {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stages_spend_is_that_of_the_sampled_message_in_hand() {
        let clock = TileClock::new();
        clock.start_laps(1);
        assert_eq!(clock.spent(), None, "it has passed no stage here");
        for (stage, ns) in [(1, 10), (2, 10), (2, 5), (3, 20)] {
            clock.spend(stage, ns);
        }
        assert_eq!(clock.spent(), Some([0, 10, 15, 20]));
        clock.start_laps(0);
        assert_eq!(clock.spent(), None, "the next one is not sampled");
        clock.start_laps(2);
        assert_eq!(clock.spent(), None, "nothing is left of the one before");
    }
}
