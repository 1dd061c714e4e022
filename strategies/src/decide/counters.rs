//! S14: what became of every evaluation, counted so that nothing is lost.
//!
//! Two sums are exact at all times: every evaluation was skipped or considered, and everything
//! considered was emitted, blocked for one reason, or waits for the shared store of claims.

use super::features::{Feature, Unfit};
use super::validate::Breach;

/// Why what was considered was not emitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Block {
    /// No direction.
    Flat,
    /// Confidence below the strategy's minimum.
    LowConfidence,
    /// Nothing suitable is listed.
    NoContract,
    /// A field would make the identity ambiguous.
    Ambiguous,
    /// Too few bars for a true range, or a level that is no price.
    NoLevels,
    /// Too like the last one.
    Thin,
    /// The underlying's book is not good.
    Untrusted,
    /// The market is halted.
    Halted,
    /// Outside regular trading hours.
    OutsideHours,
    /// Confidence below every strategy's minimum.
    Confidence,
    /// The stop is too far.
    Stop,
    /// The last target is too near.
    Reward,
    /// The contract cannot be traded at a fair price.
    Illiquid,
    /// The same signal was emitted before.
    Duplicate,
    /// The same contract was emitted just now.
    Cooldown,
    /// No room to remember another claim.
    ClaimsFull,
    /// The store of claims did not answer.
    StoreFailed,
    /// The news say the opposite.
    News,
    /// The operator wants no signals of this strategy.
    Disabled,
}

/// The counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Counters {
    /// Evaluations.
    pub evaluated: u64,
    /// Of them, those whose features were too old.
    pub skipped_stale: u64,
    /// Of them, those whose features were missing or broken.
    pub skipped_schema: u64,
    /// Of those two, by the feature to blame.
    skipped: [u64; Feature::ALL.len()],
    /// Of them, those that were scored.
    pub considered: u64,
    /// Of the considered, those emitted.
    pub emitted: u64,
    /// Of the considered, those blocked, by reason.
    blocked: [u64; Block::ALL.len()],
    /// Of the considered, those for which the shared store was asked and has not answered yet.
    pub asking: u64,
    /// Of the duplicates, those published as an update of the signal with the same id.
    pub updated: u64,
}

impl Block {
    /// Every reason.
    pub const ALL: [Self; 19] = [
        Self::Flat,
        Self::LowConfidence,
        Self::NoContract,
        Self::Ambiguous,
        Self::NoLevels,
        Self::Thin,
        Self::Untrusted,
        Self::Halted,
        Self::OutsideHours,
        Self::Confidence,
        Self::Stop,
        Self::Reward,
        Self::Illiquid,
        Self::Duplicate,
        Self::Cooldown,
        Self::ClaimsFull,
        Self::StoreFailed,
        Self::News,
        Self::Disabled,
    ];

    /// The word shown to users.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Flat => "flat",
            Self::LowConfidence => "low confidence",
            Self::NoContract => "no contract",
            Self::Ambiguous => "ambiguous identity",
            Self::NoLevels => "no levels",
            Self::Thin => "thin update",
            Self::Untrusted => "untrusted book",
            Self::Halted => "halted",
            Self::OutsideHours => "outside hours",
            Self::Confidence => "confidence",
            Self::Stop => "stop too far",
            Self::Reward => "reward too small",
            Self::Illiquid => "illiquid",
            Self::Duplicate => "duplicate",
            Self::Cooldown => "cooldown",
            Self::ClaimsFull => "claims full",
            Self::StoreFailed => "claim store failed",
            Self::News => "news against it",
            Self::Disabled => "disabled by the operator",
        }
    }

    /// Whether a debug record says all there is to say: no signal was found at all.
    #[must_use]
    pub const fn is_debug(self) -> bool {
        matches!(self, Self::Flat | Self::LowConfidence)
    }
}

impl From<Breach> for Block {
    fn from(breach: Breach) -> Self {
        match breach {
            Breach::Untrusted => Self::Untrusted,
            Breach::Halted => Self::Halted,
            Breach::Disabled => Self::Disabled,
            Breach::OutsideHours => Self::OutsideHours,
            Breach::Confidence => Self::Confidence,
            Breach::Stop => Self::Stop,
            Breach::Reward => Self::Reward,
            Breach::Illiquid => Self::Illiquid,
        }
    }
}

impl Counters {
    /// How many were blocked for a reason.
    #[must_use]
    pub const fn blocked(&self, block: Block) -> u64 {
        self.blocked[block as usize]
    }

    /// How many were blocked in all.
    #[must_use]
    pub fn blocked_sum(&self) -> u64 {
        self.blocked.iter().sum()
    }

    /// Share of repetitions in what could have been emitted, where duplicates, cooldowns and thin
    /// updates are repetitions; none before the first.
    #[must_use]
    pub fn dedup_rate(&self) -> Option<f64> {
        let repeated = self.blocked(Block::Duplicate)
            + self.blocked(Block::Cooldown)
            + self.blocked(Block::Thin);
        dedup_rate(repeated, self.emitted)
    }

    /// How many came to nothing because of a feature, too old, missing or broken.
    #[must_use]
    pub const fn skipped(&self, feature: Feature) -> u64 {
        self.skipped[feature as usize]
    }

    /// Counts an evaluation that came to nothing because of its features.
    pub(super) const fn skip(&mut self, unfit: Unfit) {
        self.evaluated += 1;
        let feature = match unfit {
            Unfit::Stale(feature) => {
                self.skipped_stale += 1;
                feature
            }
            Unfit::Missing(feature) | Unfit::Broken(feature) => {
                self.skipped_schema += 1;
                feature
            }
        };
        self.skipped[feature as usize] += 1;
    }

    /// Counts an evaluation that was scored.
    pub(super) const fn consider(&mut self) {
        self.evaluated += 1;
        self.considered += 1;
    }

    /// Counts an emission.
    pub(super) const fn emit(&mut self) {
        self.emitted += 1;
    }

    /// Counts a signal for which the shared store is asked.
    pub(super) const fn ask(&mut self) {
        self.asking += 1;
    }

    /// The shared store has answered: what follows is counted as what it is.
    pub(super) const fn answered(&mut self) {
        self.asking -= 1;
    }

    /// Counts what was not emitted.
    pub(super) const fn block(&mut self, block: Block) {
        self.blocked[block as usize] += 1;
    }

    /// Adds the counts of another evaluator.
    pub fn add(&mut self, other: &Self) {
        self.evaluated += other.evaluated;
        self.skipped_stale += other.skipped_stale;
        self.skipped_schema += other.skipped_schema;
        self.considered += other.considered;
        self.emitted += other.emitted;
        self.asking += other.asking;
        self.updated += other.updated;
        for (mine, theirs) in self.blocked.iter_mut().zip(&other.blocked) {
            *mine += theirs;
        }
        for (mine, theirs) in self.skipped.iter_mut().zip(&other.skipped) {
            *mine += theirs;
        }
    }

    /// Whether both sums are exact.
    #[must_use]
    pub fn is_conserved(&self) -> bool {
        let skipped = self.skipped_stale + self.skipped_schema;
        self.evaluated == skipped + self.considered
            && skipped == self.skipped.iter().sum::<u64>()
            && self.considered == self.emitted + self.blocked_sum() + self.asking
            && self.updated <= self.blocked(Block::Duplicate)
    }
}

/// repeated/(repeated + emitted); none when both are zero.
#[must_use]
pub fn dedup_rate(repeated: u64, emitted: u64) -> Option<f64> {
    let all = repeated.saturating_add(emitted);
    (all > 0).then(|| repeated as f64 / all as f64)
}
