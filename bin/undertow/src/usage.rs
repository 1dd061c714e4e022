//! What the operating system charged to the current thread.

use nix::sys::resource::{UsageWho, getrusage};

/// Counts since the thread began, or between two moments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Page faults, minor and major.
    pub page_faults: u64,
    /// Times that the scheduler took the processor away.
    pub involuntary_switches: u64,
}

impl Usage {
    /// The current thread's counts; zero where the system does not say.
    #[must_use]
    pub fn of_thread() -> Self {
        let Ok(usage) = getrusage(UsageWho::RUSAGE_THREAD) else {
            return Self::default();
        };
        let faults = usage.minor_page_faults() + usage.major_page_faults();
        Self {
            page_faults: u64::try_from(faults).unwrap_or(0),
            involuntary_switches: u64::try_from(usage.involuntary_context_switches()).unwrap_or(0),
        }
    }

    /// What was added since `before`.
    #[must_use]
    pub const fn since(self, before: Self) -> Self {
        Self {
            page_faults: self.page_faults.saturating_sub(before.page_faults),
            involuntary_switches: self
                .involuntary_switches
                .saturating_sub(before.involuntary_switches),
        }
    }
}
