//! A map of fixed capacity whose entries end by time.
//!
//! Open addressing with linear probing; keys are parts of SHA-1 digests and so need no hash. An
//! ended entry is as good as absent, and makes room when there is none. Time never goes back: an
//! earlier `now` counts as the latest one seen. No allocation after construction.

use alloc::boxed::Box;
use alloc::vec;

use undertow_core::types::Nanos;

use super::identity::{Fingerprint, SignalId};

/// A key whose bits are evenly spread.
pub(super) trait Spread: Copy + Eq {
    /// Some of its bits.
    fn bits(&self) -> usize;
}

impl Spread for Fingerprint {
    fn bits(&self) -> usize {
        let [a, b, c, d, ..] = self.0;
        u32::from_le_bytes([a, b, c, d]) as usize
    }
}

impl Spread for SignalId {
    fn bits(&self) -> usize {
        let [a, b, c, d, ..] = self.0;
        u32::from_le_bytes([a, b, c, d]) as usize
    }
}

#[derive(Clone, Copy, Debug)]
struct Entry<K, V> {
    key: K,
    value: V,
    until: Nanos,
}

/// The map.
#[derive(Clone, Debug)]
pub(super) struct Expiring<K, V> {
    /// A power of two, at least twice the entries.
    slots: Box<[Option<Entry<K, V>>]>,
    len: usize,
    entries_max: usize,
    now: Nanos,
}

impl<K: Spread, V: Copy> Expiring<K, V> {
    /// A map for at most `entries_max` entries, at least one.
    pub(super) fn new(entries_max: usize) -> Self {
        let entries_max = entries_max.max(1);
        Self {
            slots: vec![None; (entries_max * 2).next_power_of_two()].into_boxed_slice(),
            len: 0,
            entries_max,
            now: Nanos(0),
        }
    }

    /// What time it is: `now`, unless it was later before.
    pub(super) fn latest(&mut self, now: Nanos) -> Nanos {
        self.now = self.now.max(now);
        self.now
    }

    /// The value, unless it has ended.
    pub(super) fn get(&mut self, key: &K, now: Nanos) -> Option<V> {
        self.latest(now);
        let entry = self.slots[self.find(key)]?;
        (entry.until > self.now).then_some(entry.value)
    }

    /// Whether [`Expiring::put`] would succeed.
    pub(super) fn has_room(&mut self, key: &K, now: Nanos) -> bool {
        self.latest(now);
        if self.len < self.entries_max || self.slots[self.find(key)].is_some() {
            return true;
        }
        self.sweep();
        self.len < self.entries_max
    }

    /// Sets a value until a time, and says whether there was room.
    pub(super) fn put(&mut self, key: K, value: V, until: Nanos, now: Nanos) -> bool {
        if !self.has_room(&key, now) {
            return false;
        }
        let at = self.find(&key);
        self.len += usize::from(self.slots[at].is_none());
        self.slots[at] = Some(Entry { key, value, until });
        true
    }

    /// Takes an entry out.
    pub(super) fn remove(&mut self, key: &K) {
        let at = self.find(key);
        if self.slots[at].is_some() {
            self.take_out(at);
        }
    }

    /// Where the key is, or where it would go: there is always a free slot.
    fn find(&self, key: &K) -> usize {
        let mask = self.slots.len() - 1;
        let mut at = key.bits() & mask;
        while self.slots[at].is_some_and(|entry| entry.key != *key) {
            at = (at + 1) & mask;
        }
        at
    }

    /// Takes out every entry that has ended.
    fn sweep(&mut self) {
        for at in 0..self.slots.len() {
            // What is taken out may be followed by another that moves up.
            while self.slots[at].is_some_and(|entry| entry.until <= self.now) {
                self.take_out(at);
            }
        }
    }

    /// Empties a slot and moves up what was pushed beyond it, so that no search meets a gap.
    fn take_out(&mut self, mut gap: usize) {
        let mask = self.slots.len() - 1;
        self.slots[gap] = None;
        self.len -= 1;
        let mut at = gap;
        loop {
            at = (at + 1) & mask;
            let Some(entry) = self.slots[at] else { return };
            let home = entry.key.bits() & mask;
            // It may move only to a slot at or after its home.
            if at.wrapping_sub(home) & mask >= at.wrapping_sub(gap) & mask {
                self.slots[gap] = self.slots[at].take();
                gap = at;
            }
        }
    }
}
