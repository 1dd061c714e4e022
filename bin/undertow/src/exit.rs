//! How the program ends: exit codes that scripts may rely on, and errors a person can act on.
//!
//! Every error on stderr has a stable code, the place if there is one, the cause and the next
//! step. Codes and exit codes are part of the interface: they are added to, never changed.

use std::fmt;
use std::io;

/// What the process returns to its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done as asked.
    Ok = 0,
    /// Failed for a reason that has no code of its own.
    Failure = 1,
    /// The command line makes no sense.
    Usage = 2,
    /// A gate found the program slower, or allocating, beyond its limits.
    Regression = 3,
    /// The configuration is invalid.
    Config = 4,
    /// Something the program needs of the host or of another service is missing.
    Dependency = 5,
    /// Halted: by risk, by an operator, or because a tile died or hung.
    Halted = 6,
    /// The input is corrupt or cut short.
    DataCorrupt = 7,
    /// Interrupted by a signal.
    Interrupted = 130,
}

impl Exit {
    /// Every exit code with its meaning, as the help prints it.
    pub const ALL: [(Self, &str); 9] = [
        (Self::Ok, "done as asked"),
        (Self::Failure, "failed; stderr says why"),
        (Self::Usage, "the command line makes no sense"),
        (Self::Regression, "a performance gate went red"),
        (Self::Config, "the configuration is invalid"),
        (
            Self::Dependency,
            "the host or a service lacks something needed",
        ),
        (
            Self::Halted,
            "halted by risk, by an operator or by a tile that died or hung",
        ),
        (Self::DataCorrupt, "the input is corrupt or cut short"),
        (Self::Interrupted, "interrupted"),
    ];
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// A kind of error: its stable name and the exit code that goes with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code {
    /// As printed, for instance `E-CONF-003`.
    pub name: &'static str,
    /// How the process ends.
    pub exit: Exit,
}

impl Code {
    /// An error without a code of its own.
    pub const GENERAL: Self = Self::new("E-GEN-001", Exit::Failure);
    /// A command line that parses but makes no sense.
    pub const USAGE: Self = Self::new("E-USE-001", Exit::Usage);
    /// A configuration file that cannot be read.
    pub const CONFIG_UNREADABLE: Self = Self::new("E-CONF-001", Exit::Config);
    /// A configuration file that is not TOML.
    pub const CONFIG_SYNTAX: Self = Self::new("E-CONF-002", Exit::Config);
    /// A key that does not exist.
    pub const CONFIG_UNKNOWN_KEY: Self = Self::new("E-CONF-003", Exit::Config);
    /// A value of the wrong kind or out of its range.
    pub const CONFIG_VALUE: Self = Self::new("E-CONF-004", Exit::Config);
    /// Values that are right alone and wrong together.
    pub const CONFIG_CONFLICT: Self = Self::new("E-CONF-005", Exit::Config);
    /// Another build or configuration than that to which what is shared belongs.
    pub const PROGRAM_DIFFERS: Self = Self::new("E-CONF-006", Exit::Config);
    /// Fewer cores than the layout wants.
    pub const CORES: Self = Self::new("E-HOST-001", Exit::Dependency);
    /// Memory that cannot be had as demanded.
    pub const MEMORY: Self = Self::new("E-HOST-002", Exit::Dependency);
    /// An input that ends early or cannot be read to its end.
    pub const FEED_CUT: Self = Self::new("E-FEED-001", Exit::DataCorrupt);
    /// An input that cannot be opened.
    pub const FEED_UNREADABLE: Self = Self::new("E-FEED-002", Exit::Dependency);
    /// An instrument that the input does not have.
    pub const FEED_INSTRUMENT: Self = Self::new("E-FEED-003", Exit::Usage);
    /// An output that cannot be written.
    pub const OUTPUT_UNWRITABLE: Self = Self::new("E-OUT-001", Exit::Failure);
    /// A book that does not hold its invariants.
    pub const BOOK_INVARIANT: Self = Self::new("E-BOOK-001", Exit::Failure);
    /// A journal with damage that no torn write explains, or with a segment missing.
    pub const JOURNAL_DAMAGED: Self = Self::new("E-JRN-001", Exit::DataCorrupt);
    /// A journal that is not there or cannot be read.
    pub const JOURNAL_UNREADABLE: Self = Self::new("E-JRN-002", Exit::Dependency);
    /// A journal that another build has to read.
    pub const JOURNAL_VERSION: Self = Self::new("E-JRN-003", Exit::Dependency);
    /// A journal that is whole, and says what must never be.
    pub const JOURNAL_BREACH: Self = Self::new("E-JRN-004", Exit::DataCorrupt);
    /// A journal that failed while a session traded, which it halted.
    pub const JOURNAL_FAILED: Self = Self::new("E-JRN-005", Exit::Halted);
    /// A store of claims that cannot be opened.
    pub const CLAIMS_UNREADABLE: Self = Self::new("E-CLM-001", Exit::Dependency);
    /// A state of an earlier run that is not as it was written.
    pub const STATE_DAMAGED: Self = Self::new("E-STATE-001", Exit::DataCorrupt);
    /// A state that cannot be read or written.
    pub const STATE_UNREADABLE: Self = Self::new("E-STATE-002", Exit::Dependency);
    /// A file of a slow source that cannot be read.
    pub const CONTEXT_UNREADABLE: Self = Self::new("E-CTX-001", Exit::Dependency);
    /// A file of a slow source that says nothing that can be understood.
    pub const CONTEXT_DAMAGED: Self = Self::new("E-CTX-002", Exit::DataCorrupt);
    /// A stage that panicked.
    pub const TILE_DEAD: Self = Self::new("E-TILE-001", Exit::Failure);
    /// A tile or the cold side that hangs.
    pub const STALLED: Self = Self::new("E-TILE-002", Exit::Halted);
    /// An operator's orders that cannot be taken or given.
    pub const OPERATOR_LINE: Self = Self::new("E-OPR-001", Exit::Dependency);
    /// An operator's order that the run refused.
    pub const OPERATOR_REFUSED: Self = Self::new("E-OPR-002", Exit::Usage);
    /// A simulation that broke an invariant.
    pub const SIM_INVARIANT: Self = Self::new("E-SIM-001", Exit::Failure);

    /// Every code there is.
    pub const ALL: [Self; 30] = [
        Self::GENERAL,
        Self::USAGE,
        Self::CONFIG_UNREADABLE,
        Self::CONFIG_SYNTAX,
        Self::CONFIG_UNKNOWN_KEY,
        Self::CONFIG_VALUE,
        Self::CONFIG_CONFLICT,
        Self::PROGRAM_DIFFERS,
        Self::CORES,
        Self::MEMORY,
        Self::FEED_CUT,
        Self::FEED_UNREADABLE,
        Self::FEED_INSTRUMENT,
        Self::OUTPUT_UNWRITABLE,
        Self::BOOK_INVARIANT,
        Self::JOURNAL_DAMAGED,
        Self::JOURNAL_UNREADABLE,
        Self::JOURNAL_VERSION,
        Self::JOURNAL_BREACH,
        Self::JOURNAL_FAILED,
        Self::CLAIMS_UNREADABLE,
        Self::STATE_DAMAGED,
        Self::STATE_UNREADABLE,
        Self::CONTEXT_UNREADABLE,
        Self::CONTEXT_DAMAGED,
        Self::TILE_DEAD,
        Self::STALLED,
        Self::OPERATOR_LINE,
        Self::OPERATOR_REFUSED,
        Self::SIM_INVARIANT,
    ];

    const fn new(name: &'static str, exit: Exit) -> Self {
        Self { name, exit }
    }
}

/// One thing that went wrong, told so that the reader knows what to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Its kind.
    pub code: Code,
    /// Where: `file:line`, a variable, a flag. Empty if nowhere in particular.
    pub place: String,
    /// What is wrong, in lower case and without a final period.
    pub cause: String,
    /// What to do about it.
    pub next: String,
}

impl Failure {
    /// A failure that is nowhere in particular.
    pub fn new(code: Code, cause: impl Into<String>, next: impl Into<String>) -> Self {
        Self {
            code,
            place: String::new(),
            cause: cause.into(),
            next: next.into(),
        }
    }

    /// The same failure, at a place.
    #[must_use]
    pub fn at(mut self, place: impl Into<String>) -> Self {
        self.place = place.into();
        self
    }

    /// As `--json` prints it.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        serde_json::json!({
            "code": self.code.name,
            "place": self.place,
            "cause": self.cause,
            "next": self.next,
        })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error[{}]: ", self.code.name)?;
        if !self.place.is_empty() {
            write!(f, "{}: ", self.place)?;
        }
        write!(f, "{}\n  next: {}", self.cause, self.next)
    }
}

impl std::error::Error for Failure {}

/// Several failures found in one pass, so that they can be mended in one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failures(pub Vec<Failure>);

impl fmt::Display for Failures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (idx, failure) in self.0.iter().enumerate() {
            if idx > 0 {
                writeln!(f)?;
            }
            write!(f, "{failure}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Failures {}

/// Says on stderr how the program ends, if there is anything to say, and gives the exit code.
pub fn report(result: anyhow::Result<Exit>) -> Exit {
    match result {
        Ok(exit) => exit,
        Err(error) if is_broken_pipe(&error) => Exit::Ok,
        Err(error) => {
            let (text, exit) = told(&error);
            eprintln!("{text}");
            exit
        }
    }
}

/// The text and the exit code of an error.
fn told(error: &anyhow::Error) -> (String, Exit) {
    if let Some(failures) = error.downcast_ref::<Failures>() {
        let exit = failures.0.first().map_or(Exit::Failure, |f| f.code.exit);
        return (failures.to_string(), exit);
    }
    if let Some(failure) = error.downcast_ref::<Failure>() {
        return (failure.to_string(), failure.code.exit);
    }
    let code = Code::GENERAL;
    (format!("error[{}]: {error:#}", code.name), code.exit)
}

/// Whether the reader of our output went away, as `head` does: nothing that we did wrong.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause
            .downcast_ref::<io::Error>()
            .is_some_and(|io| io.kind() == io::ErrorKind::BrokenPipe)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context;
    use std::collections::BTreeSet;

    #[test]
    fn exit_codes_are_the_documented_ones() {
        let codes: Vec<u8> = Exit::ALL.iter().map(|(exit, _)| *exit as u8).collect();
        assert_eq!(codes, [0, 1, 2, 3, 4, 5, 6, 7, 130]);
    }

    #[test]
    fn error_codes_are_distinct() {
        let names: BTreeSet<&str> = Code::ALL.iter().map(|code| code.name).collect();
        assert_eq!(names.len(), Code::ALL.len());
    }

    #[test]
    fn failure_keeps_its_code_under_context() {
        let failure = Failure::new(Code::CONFIG_VALUE, "too large", "make it smaller").at("a:1");
        let error = Err::<(), _>(failure)
            .context("reading it")
            .expect_err("an error");
        let (text, exit) = told(&error);
        assert_eq!(exit, Exit::Config);
        assert_eq!(
            text,
            "error[E-CONF-004]: a:1: too large\n  next: make it smaller"
        );
    }

    #[test]
    fn unknown_error_tells_its_whole_chain() {
        let (text, exit) = told(&anyhow::anyhow!("no such file").context("cannot open x"));
        assert_eq!(exit, Exit::Failure);
        assert_eq!(text, "error[E-GEN-001]: cannot open x: no such file");
    }

    #[test]
    fn closed_output_is_no_failure() {
        let closed = io::Error::from(io::ErrorKind::BrokenPipe);
        let error = anyhow::Error::from(closed).context("cannot print");
        assert_eq!(report(Err(error)), Exit::Ok);
    }
}
