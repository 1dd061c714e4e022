//! What a run leaves to the next: halt, breakers, streaks, the day's first equity, the next id.
//!
//! One small JSON file, for people to read, with a checksum over what it says. It is written
//! beside itself, synced and renamed, so that a reader finds the old one or the new one, whole.
//! When there is no room for another file, it is written over the one that is there, whose blocks
//! it has already: what a full disk has led to, a halt, must not be lost with it.
//! Money is in units of 1e-4 dollars, time in ns. What was held is not in it: that is told by the
//! journal.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use thiserror::Error;
use undertow_core::money::Money;
use undertow_core::risk::{Breaker, BreakerKind, Gate, Halt, HaltCause, Kept, Phase, Reason};
use undertow_core::types::Nanos;

/// Its file in the directory of states.
pub const FILE: &str = "state.json";

/// The file is filled up to a multiple of this with blanks, so that it is as long whatever it says.
const BLOCK: usize = 4_096;

/// The layout of the file.
const VERSION: u32 = 1;

/// After a run that did not end, so many ids may have been used beyond what was written.
const IDS_UNWRITTEN_MAX: u64 = 1_024;

const CAUSES: [(HaltCause, &str); 6] = [
    (HaltCause::None, "nothing"),
    (HaltCause::Operator, "the operator"),
    (HaltCause::RunAway, "a strategy that ran away"),
    (HaltCause::Journal, "the journal"),
    (HaltCause::Venue, "the line to the venue"),
    (HaltCause::Process, "a part that died"),
];
const GATES: [Gate; 3] = [Gate::Open, Gate::ReduceOnly, Gate::Shut];
const PHASES: [Phase; 4] = [Phase::Armed, Phase::Warn, Phase::Tripped, Phase::Cooling];

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// Whose account.
    pub account: u64,
    /// What orders could reach.
    pub mode: String,
    /// Version and digest of the program that wrote it.
    pub build: String,
    /// The profile then in force.
    pub profile: String,
    /// Whether the run that wrote it has ended.
    pub has_ended: bool,
    /// What was kept.
    pub kept: Kept,
}

/// Why a state cannot be used or left.
#[derive(Debug, Error)]
pub enum StateError {
    /// The file cannot be read or written.
    #[error("{}: {error}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// The file is not what was written.
    #[error("{}: {why}", path.display())]
    Damaged {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// It is of another account or mode.
    #[error("{}: it is of {theirs}, and this run is of {ours}", path.display())]
    Foreign {
        /// Which.
        path: PathBuf,
        /// Account and mode of the state.
        theirs: String,
        /// Those of the run.
        ours: String,
    },
}

#[derive(Serialize, Deserialize)]
struct Document {
    version: u32,
    checksum: String,
    state: Value,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    account: u64,
    mode: String,
    build: String,
    profile: String,
    has_ended: bool,
    gate: String,
    halted_by: String,
    halted_at: u64,
    resumed: Option<String>,
    breakers: Vec<WrittenBreaker>,
    day: u32,
    day_since: u64,
    day_equity: i64,
    high_water: i64,
    day_earned: i64,
    day_fees: i64,
    losing_days: u32,
    losing_trades: u32,
    opened_today: u32,
    opened_in_run: u32,
    next_id: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenBreaker {
    name: String,
    phase: String,
    is_cleared: bool,
    at: u64,
}

impl State {
    /// Reads the state in a directory; none if there is none yet.
    ///
    /// # Errors
    /// The file cannot be read, or is not as it was written.
    pub fn load(dir: &Path) -> Result<Option<Self>, StateError> {
        let path = dir.join(FILE);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(StateError::Io { path, error }),
        };
        let state = Self::parse(&text);
        state
            .map(Some)
            .map_err(|why| StateError::Damaged { path, why })
    }

    fn parse(text: &str) -> Result<Self, String> {
        let document: Document = serde_json::from_str(text).map_err(|error| error.to_string())?;
        if document.version != VERSION {
            return Err(format!(
                "its version is {}, and this program reads {VERSION}",
                document.version
            ));
        }
        let found = checksum(&document.state);
        if found != document.checksum {
            return Err(format!(
                "its checksum is {found}, and {} was written",
                document.checksum
            ));
        }
        let written: Written =
            serde_json::from_value(document.state).map_err(|error| error.to_string())?;
        written.state()
    }

    /// Puts it into a directory, durably.
    ///
    /// # Errors
    /// It could not be written, neither beside the state before it nor over it. What stands there
    /// then is that state, or is refused as damaged.
    pub fn save(&self, dir: &Path) -> Result<(), StateError> {
        let path = dir.join(FILE);
        let written = self.replace(dir, &path);
        let written = written.or_else(|error| self.overwrite(&path).map_err(|_| error));
        written.map_err(|error| StateError::Io { path, error })
    }

    fn replace(&self, dir: &Path, path: &Path) -> io::Result<()> {
        let beside = dir.join(format!("{FILE}.new"));
        fs::create_dir_all(dir)?;
        let mut file = File::create(&beside)?;
        file.write_all(self.text()?.as_bytes())?;
        file.sync_all()?;
        fs::rename(&beside, path)?;
        File::open(dir)?.sync_all()
    }

    fn overwrite(&self, path: &Path) -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).open(path)?;
        let text = self.text()?;
        file.write_all(text.as_bytes())?;
        file.set_len(text.len() as u64)?;
        file.sync_all()
    }

    fn text(&self) -> serde_json::Result<String> {
        let state = serde_json::to_value(Written::of(self))?;
        let document = Document {
            version: VERSION,
            checksum: checksum(&state),
            state,
        };
        let text = serde_json::to_string_pretty(&document)?;
        let blanks = BLOCK - (text.len() + 1) % BLOCK;
        Ok(format!("{text}\n{}\n", " ".repeat(blanks - 1)))
    }

    /// Digest of all that it says, 16 hex digits.
    #[must_use]
    pub fn digest(&self) -> String {
        serde_json::to_value(Written::of(self)).map_or_else(|_| String::new(), |it| checksum(&it))
    }

    /// Whether a run may go on from it.
    ///
    /// # Errors
    /// It is of another account or mode.
    pub fn check(&self, dir: &Path, account: u64, mode: &str) -> Result<(), StateError> {
        if self.account == account && self.mode == mode {
            return Ok(());
        }
        let name = |account: u64, mode: &str| format!("account {account}, {mode}");
        Err(StateError::Foreign {
            path: dir.join(FILE),
            theirs: name(self.account, &self.mode),
            ours: name(account, mode),
        })
    }

    /// What a new run begins with. Ids that an unfinished run may have used are passed over.
    #[must_use]
    pub fn handed_over(&self) -> Kept {
        let mut kept = self.kept;
        if !self.has_ended {
            kept.next_id += IDS_UNWRITTEN_MAX;
        }
        kept
    }
}

/// What halted, in words.
#[must_use]
pub fn cause(halt: &Halt) -> &'static str {
    let known = CAUSES.iter().find(|(cause, _)| *cause == halt.cause);
    known.map_or("nothing", |(_, name)| name)
}

/// FNV-1a over the compact text, 16 hex digits: against accidents, not against malice.
fn checksum(state: &Value) -> String {
    let text = state.to_string();
    let hash = text.bytes().fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01B3)
    });
    format!("{hash:016x}")
}

impl Written {
    fn of(state: &State) -> Self {
        let kept = &state.kept;
        let breakers = BreakerKind::ALL.into_iter().zip(&kept.breakers);
        Self {
            account: state.account,
            mode: state.mode.clone(),
            build: state.build.clone(),
            profile: state.profile.clone(),
            has_ended: state.has_ended,
            gate: kept.halt.gate.name().to_owned(),
            halted_by: cause(&kept.halt).to_owned(),
            halted_at: kept.halt.at.0,
            resumed: kept.halt.resumed.map(|reason| reason.as_str().to_owned()),
            breakers: breakers
                .map(|(kind, breaker)| WrittenBreaker {
                    name: kind.name().to_owned(),
                    phase: breaker.phase.name().to_owned(),
                    is_cleared: breaker.is_cleared,
                    at: breaker.at.0,
                })
                .collect(),
            day: kept.day,
            day_since: kept.day_since.0,
            day_equity: kept.day_equity.0,
            high_water: kept.high_water.0,
            day_earned: kept.day_earned.0,
            day_fees: kept.day_fees.0,
            losing_days: kept.losing_days,
            losing_trades: kept.losing_trades,
            opened_today: kept.opened_today,
            opened_in_run: kept.opened_in_run,
            next_id: kept.next_id,
        }
    }

    fn state(self) -> Result<State, String> {
        let cause = CAUSES.iter().find(|(_, name)| *name == self.halted_by);
        let halt = Halt {
            gate: named(&GATES, Gate::name, &self.gate)?,
            cause: cause
                .map(|(cause, _)| *cause)
                .ok_or_else(|| unknown(&self.halted_by))?,
            at: Nanos(self.halted_at),
            resumed: self.resumed.as_deref().and_then(Reason::new),
        };
        let mut breakers = [Breaker::default(); BreakerKind::COUNT];
        if self.breakers.len() != breakers.len() {
            return Err(format!("it has {} breakers", self.breakers.len()));
        }
        for written in &self.breakers {
            let kind = named(&BreakerKind::ALL, BreakerKind::name, &written.name)?;
            breakers[kind as usize] = Breaker {
                phase: named(&PHASES, Phase::name, &written.phase)?,
                is_cleared: written.is_cleared,
                at: Nanos(written.at),
            };
        }
        Ok(State {
            account: self.account,
            mode: self.mode,
            build: self.build,
            profile: self.profile,
            has_ended: self.has_ended,
            kept: Kept {
                halt,
                breakers,
                day: self.day,
                day_since: Nanos(self.day_since),
                day_equity: Money(self.day_equity),
                high_water: Money(self.high_water),
                day_earned: Money(self.day_earned),
                day_fees: Money(self.day_fees),
                losing_days: self.losing_days,
                losing_trades: self.losing_trades,
                opened_today: self.opened_today,
                opened_in_run: self.opened_in_run,
                next_id: self.next_id,
            },
        })
    }
}

/// The one of this name.
fn named<T: Copy>(all: &[T], name: fn(T) -> &'static str, wanted: &str) -> Result<T, String> {
    let found = all.iter().copied().find(|known| name(*known) == wanted);
    found.ok_or_else(|| unknown(wanted))
}

fn unknown(word: &str) -> String {
    format!("it says {word:?}, which means nothing")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

    use super::*;

    fn some() -> State {
        let mut kept = Kept::first(20_500, Money::from_usd(100_000));
        kept.halt = Halt {
            gate: Gate::ReduceOnly,
            cause: HaltCause::RunAway,
            at: Nanos(77),
            resumed: Reason::new("before"),
        };
        for (at, breaker) in kept.breakers.iter_mut().enumerate() {
            *breaker = Breaker {
                phase: PHASES[at % 4],
                is_cleared: at % 2 == 0,
                at: Nanos(at as u64),
            };
        }
        kept.day_earned = Money(-123_456);
        kept.losing_days = 2;
        kept.losing_trades = 1;
        kept.opened_today = 5;
        kept.opened_in_run = 9;
        kept.next_id = 42;
        State {
            account: 1,
            mode: "paper".to_owned(),
            build: "0.1.0 aa".to_owned(),
            profile: "paper".to_owned(),
            has_ended: true,
            kept,
        }
    }

    #[test]
    fn k07_what_was_kept_is_read_back_whole() {
        let dir = tempfile::tempdir().unwrap();
        assert!(State::load(dir.path()).unwrap().is_none(), "no state yet");
        some().save(dir.path()).unwrap();
        assert_eq!(State::load(dir.path()).unwrap(), Some(some()));
        for (cause, _) in CAUSES {
            for gate in GATES {
                let mut state = some();
                (state.kept.halt.cause, state.kept.halt.gate) = (cause, gate);
                state.save(dir.path()).unwrap();
                assert_eq!(State::load(dir.path()).unwrap(), Some(state));
            }
        }
        let names: Vec<_> = fs::read_dir(dir.path()).unwrap().collect();
        assert_eq!(names.len(), 1, "nothing is left beside it");
    }

    #[test]
    fn k07_a_halt_is_kept_where_there_is_no_room_for_another_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(FILE);
        // Nothing can be put beside the state.
        fs::create_dir(dir.path().join(format!("{FILE}.new"))).unwrap();
        let refused = some().save(dir.path()).unwrap_err().to_string();
        assert!(refused.starts_with(&path.display().to_string()));
        assert!(!path.exists(), "and there is none to write over");
        let mut before = some();
        before.kept.halt = Kept::first(1, Money(1)).halt;
        fs::write(&path, before.text().unwrap()).unwrap();
        some().save(dir.path()).unwrap();
        assert_eq!(State::load(dir.path()).unwrap(), Some(some()));
        // Whatever it says, it needs no block more than the one before.
        let [long, short] = [some(), before].map(|state| state.text().unwrap());
        assert_ne!(long.trim_end().len(), short.trim_end().len());
        assert_eq!((long.len(), short.len()), (BLOCK, BLOCK));
        // One that was longer leaves nothing behind.
        fs::write(&path, format!("{long}{long}")).unwrap();
        some().save(dir.path()).unwrap();
        assert_eq!(State::load(dir.path()).unwrap(), Some(some()));
    }

    #[test]
    fn a_changed_character_that_matters_is_noticed() {
        let text = some().text().unwrap();
        let mut noticed = 0;
        for (at, byte) in text.bytes().enumerate() {
            let mut bytes = text.clone().into_bytes();
            bytes[at] = if byte == b'7' { b'8' } else { b'7' };
            let read = State::parse(std::str::from_utf8(&bytes).unwrap());
            if byte.is_ascii_whitespace() {
                continue;
            }
            assert!(read.is_err(), "byte {at} of {text}");
            noticed += 1;
        }
        assert!(noticed > 500, "{noticed}");
        for len in 0..text.trim_end().len() {
            assert!(State::parse(&text[..len]).is_err(), "cut at {len}");
        }
    }

    #[test]
    fn another_account_or_mode_is_refused_with_both_named() {
        let place = Path::new("s");
        assert!(some().check(place, 1, "paper").is_ok());
        for (account, mode) in [(2, "paper"), (1, "live")] {
            let told = some().check(place, account, mode).unwrap_err().to_string();
            assert!(told.contains("account 1, paper"), "{told}");
            assert!(
                told.contains(&format!("account {account}, {mode}")),
                "{told}"
            );
        }
    }

    #[test]
    fn ids_of_a_run_that_did_not_end_are_passed_over() {
        let mut state = some();
        assert_eq!(state.handed_over().next_id, 42);
        state.has_ended = false;
        assert_eq!(state.handed_over().next_id, 42 + IDS_UNWRITTEN_MAX);
    }
}
