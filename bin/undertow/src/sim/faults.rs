//! What a simulation injects, how often, and how often it happened.

use std::fmt;

/// Everything that can be injected between the parts of the program. Faults in the records
/// themselves are those of the synthetic feed, and counted under its names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Fault {
    /// The feed says that records were left out; snapshots follow.
    Skipped,
    /// The feed's connection was lost and made again; snapshots follow.
    Reconnected,
    /// One record's time is wrong by up to an hour.
    ClockJump,
    /// Nothing comes for 10 ms to 5 s.
    Stall,
    /// An order never reaches the venue.
    OrderLost,
    /// A cancel never reaches the venue.
    CancelLost,
    /// An acknowledgement is lost.
    AckLost,
    /// An acknowledgement is seconds late.
    AckLate,
    /// An execution, or the end of an order, is told seconds late.
    NewsLate,
    /// A report is told twice.
    Duplicated,
    /// A report is overtaken by the next.
    Reordered,
    /// An execution is corrected, or busted.
    Corrected,
    /// The line to the venue is down for 10 ms to 30 s.
    Disconnected,
    /// The journal's disk is full.
    DiskFull,
    /// The journal's disk fails to sync.
    DiskError,
    /// The process dies, and begins again from what its disk has.
    Crash,
    /// The operator halts.
    Halt,
    /// The operator kills.
    Kill,
    /// The operator resumes.
    Resume,
    /// The operator closes all positions.
    Flatten,
    /// The operator cancels all orders.
    CancelAll,
    /// The operator closes the last position.
    Close,
    /// The operator wants no more signals of a strategy.
    Disable,
    /// The operator wants them again.
    Enable,
}

impl Fault {
    /// Every one.
    pub const ALL: [Self; 24] = [
        Self::Skipped,
        Self::Reconnected,
        Self::ClockJump,
        Self::Stall,
        Self::OrderLost,
        Self::CancelLost,
        Self::AckLost,
        Self::AckLate,
        Self::NewsLate,
        Self::Duplicated,
        Self::Reordered,
        Self::Corrected,
        Self::Disconnected,
        Self::DiskFull,
        Self::DiskError,
        Self::Crash,
        Self::Halt,
        Self::Kill,
        Self::Resume,
        Self::Flatten,
        Self::CancelAll,
        Self::Close,
        Self::Disable,
        Self::Enable,
    ];

    /// The words shown to users.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Skipped => "records skipped",
            Self::Reconnected => "feed reconnected",
            Self::ClockJump => "clock jump",
            Self::Stall => "stall",
            Self::OrderLost => "order lost",
            Self::CancelLost => "cancel lost",
            Self::AckLost => "ack lost",
            Self::AckLate => "ack late",
            Self::NewsLate => "news late",
            Self::Duplicated => "report duplicated",
            Self::Reordered => "report reordered",
            Self::Corrected => "execution corrected",
            Self::Disconnected => "venue disconnected",
            Self::DiskFull => "disk full",
            Self::DiskError => "disk error",
            Self::Crash => "crash and restart",
            Self::Halt => "operator's halt",
            Self::Kill => "operator's kill",
            Self::Resume => "operator's resume",
            Self::Flatten => "operator's flatten",
            Self::CancelAll => "operator's cancel-all",
            Self::Close => "operator's close",
            Self::Disable => "operator's disable",
            Self::Enable => "operator's enable",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// How often each happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct FaultCounts([u64; Fault::ALL.len()]);

impl FaultCounts {
    /// Counts one.
    pub(super) const fn note(&mut self, fault: Fault) {
        self.0[fault as usize] += 1;
    }

    /// How often one happened.
    #[must_use]
    pub const fn of(&self, fault: Fault) -> u64 {
        self.0[fault as usize]
    }

    /// Adds those of another run.
    pub fn add(&mut self, other: &Self) {
        for (mine, theirs) in self.0.iter_mut().zip(other.0) {
            *mine += theirs;
        }
    }
}

/// Chances in a million: of each record for the feed and the operator, of each message for the
/// venue. Those of the feed and of time are the rates that the design suggests; those of the
/// venue are higher, for a short session has few messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rates {
    pub(super) skipped: u32,
    pub(super) reconnected: u32,
    pub(super) clock_jump: u32,
    pub(super) stall: u32,
    pub(super) order_lost: u32,
    pub(super) cancel_lost: u32,
    pub(super) ack_lost: u32,
    pub(super) ack_late: u32,
    pub(super) news_late: u32,
    pub(super) duplicated: u32,
    pub(super) reordered: u32,
    pub(super) corrected: u32,
    pub(super) disconnected: u32,
    /// Of each sync, for the disk.
    pub(super) disk_full: u32,
    pub(super) disk_error: u32,
    /// Of each record, for the process; more often while something waits to be said.
    pub(super) crash: u32,
    pub(super) crash_at_work: u32,
    pub(super) operator: u32,
    /// The operator while something waits to be said.
    pub(super) operator_at_work: u32,
}

impl Rates {
    /// As the module says.
    pub const STANDARD: Self = Self {
        skipped: 30,
        reconnected: 30,
        clock_jump: 100,
        stall: 500,
        order_lost: 10_000,
        cancel_lost: 10_000,
        ack_lost: 10_000,
        ack_late: 10_000,
        news_late: 10_000,
        duplicated: 10_000,
        reordered: 10_000,
        corrected: 10_000,
        disconnected: 1_000,
        disk_full: 300,
        disk_error: 300,
        crash: 30,
        crash_at_work: 2_000,
        operator: 100,
        operator_at_work: 8_000,
    };

    /// Nothing goes wrong, and nobody interferes.
    pub const NONE: Self = Self {
        skipped: 0,
        reconnected: 0,
        clock_jump: 0,
        stall: 0,
        order_lost: 0,
        cancel_lost: 0,
        ack_lost: 0,
        ack_late: 0,
        news_late: 0,
        duplicated: 0,
        reordered: 0,
        corrected: 0,
        disconnected: 0,
        disk_full: 0,
        disk_error: 0,
        crash: 0,
        crash_at_work: 0,
        operator: 0,
        operator_at_work: 0,
    };
}
