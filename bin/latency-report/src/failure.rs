//! What can go wrong for the person at the keyboard: the place, the cause, the next step.

use std::fmt;

/// Why a command ended; the process exits with [`Kind::code`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What sort of trouble it is.
    pub kind: Kind,
    /// Where: a path, perhaps with a line.
    pub place: String,
    /// What is wrong there.
    pub cause: String,
    /// What to do about it.
    pub next: String,
}

/// Sorts of trouble, each with its own exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The file system or the like said no.
    Failed,
    /// The command was given something that it cannot mean.
    Usage,
    /// A limits file does not say what it should.
    Limits,
    /// A run or log is damaged.
    Corrupt,
}

impl Kind {
    /// The process's exit code.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Limits => 4,
            Self::Corrupt => 7,
        }
    }

    /// The code that the message carries, the same for ever.
    const fn label(self) -> &'static str {
        match self {
            Self::Failed => "E-REPORT-001",
            Self::Usage => "E-REPORT-002",
            Self::Limits => "E-REPORT-004",
            Self::Corrupt => "E-REPORT-007",
        }
    }

    /// A failure of this sort.
    pub(crate) fn at(
        self,
        place: impl fmt::Display,
        cause: impl fmt::Display,
        next: impl fmt::Display,
    ) -> Failure {
        Failure {
            kind: self,
            place: place.to_string(),
            cause: cause.to_string(),
            next: next.to_string(),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            kind,
            place,
            cause,
            next,
        } = self;
        write!(f, "{} {place}: {cause}\n  next: {next}", kind.label())
    }
}

impl std::error::Error for Failure {}
