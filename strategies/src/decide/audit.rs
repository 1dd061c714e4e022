//! S14: the last fifty things that happened to each contract, for whoever asks why.
//!
//! Fixed memory: when every trail is in use, the one that was quiet for longest is given away.

use alloc::boxed::Box;
use alloc::vec;

use undertow_core::types::Nanos;

use super::counters::Block;
use super::identity::{Fingerprint, Identity};
use super::material::Change;

/// Entries kept of each contract.
pub const ENTRIES_MAX: usize = 50;

/// A trail is forgotten when nothing was added for so long: 3,600 s.
pub const MEMORY_NS: u64 = 3_600_000_000_000;

/// One thing that happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// When, by event time.
    pub at: Nanos,
    /// Of what.
    pub identity: Identity,
    /// Why it was not emitted; none if it was.
    pub block: Option<Block>,
    /// Its confidence beside the last one emitted.
    pub change: Change,
    /// How long it would live, ns.
    pub ttl_ns: u64,
}

#[derive(Clone, Debug)]
struct Trail {
    fingerprint: Fingerprint,
    last: Nanos,
    entries: [Option<Entry>; ENTRIES_MAX],
    /// Where the next entry goes.
    next: usize,
}

/// The trails.
#[derive(Clone, Debug)]
pub struct Audit {
    trails: Box<[Option<Trail>]>,
}

impl Audit {
    /// Keeps trails of at most so many contracts, at least one; some 6 kB each.
    #[must_use]
    pub fn new(contracts_max: usize) -> Self {
        Self {
            trails: vec![None; contracts_max.max(1)].into_boxed_slice(),
        }
    }

    /// Adds an entry.
    pub fn note(&mut self, entry: Entry) {
        let fingerprint = entry.identity.fingerprint;
        let is_own = |trail: &Option<Trail>| {
            trail
                .as_ref()
                .is_some_and(|trail| trail.fingerprint == fingerprint)
        };
        let found = self.trails.iter().position(is_own);
        let quietest = || {
            let last = |trail: &Option<Trail>| trail.as_ref().map(|trail| trail.last);
            (0..self.trails.len()).min_by_key(|at| last(&self.trails[*at]))
        };
        let Some(at) = found.or_else(quietest) else {
            return;
        };
        let slot = &mut self.trails[at];
        if slot
            .as_ref()
            .is_none_or(|trail| trail.fingerprint != fingerprint || trail.is_over(entry.at))
        {
            *slot = Some(Trail {
                fingerprint,
                last: entry.at,
                entries: [None; ENTRIES_MAX],
                next: 0,
            });
        }
        if let Some(trail) = slot {
            trail.entries[trail.next] = Some(entry);
            trail.next = (trail.next + 1) % ENTRIES_MAX;
            trail.last = trail.last.max(entry.at);
        }
    }

    /// The entries of a contract, newest first; none when they are forgotten.
    pub fn trail(&self, fingerprint: &Fingerprint, now: Nanos) -> impl Iterator<Item = &Entry> {
        self.trails
            .iter()
            .flatten()
            .find(|trail| trail.fingerprint == *fingerprint && !trail.is_over(now))
            .into_iter()
            .flat_map(Trail::newest_first)
    }
}

impl Trail {
    const fn is_over(&self, now: Nanos) -> bool {
        now.0.saturating_sub(self.last.0) >= MEMORY_NS
    }

    fn newest_first(&self) -> impl Iterator<Item = &Entry> {
        let (newer, older) = self.entries.split_at(self.next);
        newer.iter().rev().chain(older.iter().rev()).flatten()
    }
}
