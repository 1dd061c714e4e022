//! A tile's clock: read once a duty cycle, shared with the parts of that tile.
//!
//! Nanoseconds of one monotonic counter (the processor's, where it is invariant), the same for
//! every tile of the process, so that stamps taken on one core may be compared on another.

use std::sync::atomic::{AtomicU64, Ordering};

/// The clock of one tile. Its parts share it by `Arc`; only the tile's own thread writes it, so
/// relaxed loads and stores are plain moves.
#[derive(Debug)]
pub struct TileClock {
    clock: quanta::Clock,
    now_ns: AtomicU64,
    lap_ns: AtomicU64,
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
