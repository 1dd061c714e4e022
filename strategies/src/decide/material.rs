//! S10: a signal is repeated only if its confidence has changed enough to matter.

use undertow_core::types::Nanos;

use super::expiring::Expiring;
use super::identity::Fingerprint;

/// A confidence is remembered for so long after it was emitted: 900 s.
pub const MEMORY_NS: u64 = 900_000_000_000;

/// The least change that matters, in points.
const POINTS_MIN: u8 = 3;

/// A change matters from one part in so many of the last confidence: 5 %.
const PARTS: u32 = 20;

/// A confidence beside the last one emitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// The one emitted last, if it is remembered.
    pub last: Option<u8>,
    /// The one now.
    pub confidence: u8,
}

/// The last confidence emitted of each fingerprint.
#[derive(Clone, Debug)]
pub struct LastConfidence {
    emitted: Expiring<Fingerprint, u8>,
}

impl Change {
    /// |now − last|, points.
    #[must_use]
    pub fn delta(&self) -> Option<u8> {
        self.last.map(|last| last.abs_diff(self.confidence))
    }

    /// max(3, 5 % of the last), points.
    #[must_use]
    pub fn threshold(&self) -> Option<f64> {
        self.last
            .map(|last| (f64::from(last) / f64::from(PARTS)).max(f64::from(POINTS_MIN)))
    }

    /// Whether the change reaches the threshold; compared as integers. Without a last one it does.
    #[must_use]
    pub fn is_material(&self) -> bool {
        let reaches = |last: u8, delta: u8| {
            delta >= POINTS_MIN && u32::from(delta) * PARTS >= u32::from(last)
        };
        match (self.last, self.delta()) {
            (Some(last), Some(delta)) => reaches(last, delta),
            _ => true,
        }
    }
}

impl LastConfidence {
    /// Remembers at most `fingerprints_max` at a time.
    #[must_use]
    pub fn new(fingerprints_max: usize) -> Self {
        Self {
            emitted: Expiring::new(fingerprints_max),
        }
    }

    /// Sets a confidence beside the last.
    pub fn compare(&mut self, fingerprint: &Fingerprint, confidence: u8, now: Nanos) -> Change {
        Change {
            last: self.emitted.get(fingerprint, now),
            confidence,
        }
    }

    /// Remembers a confidence that has been emitted, and says whether there was room. Forgotten,
    /// it lets a repetition through as a change; the claim still stops a second emission.
    pub fn emitted(&mut self, fingerprint: Fingerprint, confidence: u8, now: Nanos) -> bool {
        let until = Nanos(now.0.saturating_add(MEMORY_NS));
        self.emitted.put(fingerprint, confidence, until, now)
    }
}
