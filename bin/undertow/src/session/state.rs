//! The state that outlives a run, kept up to date by the cold side while it goes on.
//!
//! A halt or a breaker that moves is written at once, everything else a few times a second. What
//! cannot be written fails the run at its end; the chain never waits for it.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Result;
use undertow_cold::state::{State, StateError, cause};
use undertow_core::risk::{Gate, Kept, Mode};

use super::gather::rfc3339;
use crate::exit::{Code, Failure};
use crate::profile::Profile;

/// Between two writes of what is not urgent.
const REST: Duration = Duration::from_millis(250);

/// See the module.
#[derive(Debug)]
pub(super) struct Keeper {
    dir: PathBuf,
    state: State,
    written: Instant,
    is_due: bool,
    failed: Option<StateError>,
}

impl Keeper {
    /// Takes over what the last run left in `dir`: what its journal adds up to, or else what stands
    /// here, or `first`.
    ///
    /// # Errors
    /// The state is damaged, of another account, or of a later day than this run.
    pub(super) fn open(
        dir: &Path,
        (profile, mode): (&Profile, Mode),
        (first, journalled): (Kept, Option<Kept>),
    ) -> Result<Self> {
        let dir = dir.to_owned();
        let mode = format!("{mode:?}").to_lowercase();
        let state = State::load(&dir).map_err(failure)?;
        if let Some(state) = &state {
            state.check(&dir, profile.account, &mode).map_err(failure)?;
        }
        let kept = match (state, journalled) {
            (None, None) => first,
            (Some(state), None) => state.handed_over(),
            (None, Some(kept)) => kept,
            (Some(state), Some(kept)) => strictest(&state.kept, kept),
        };
        if kept.day > first.day {
            let cause = "the state is of a later day than this session";
            let next = "name another directory with --set trade.state_dir=DIR";
            let failure = Failure::new(Code::CONFIG_CONFLICT, cause, next);
            return Err(failure.at(dir.display().to_string()).into());
        }
        tell(&kept);
        let mut keeper = Self {
            state: State {
                account: profile.account,
                mode,
                build: super::machine::build(),
                profile: profile.name.clone(),
                has_ended: false,
                kept,
            },
            dir,
            written: Instant::now(),
            is_due: false,
            failed: None,
        };
        keeper.write();
        keeper
            .failed
            .take()
            .map_or(Ok(keeper), |error| Err(failure(error).into()))
    }

    /// What the run begins with.
    pub(super) const fn kept(&self) -> &Kept {
        &self.state.kept
    }

    /// Takes in what is to be kept now.
    pub(super) fn note(&mut self, kept: &Kept) {
        let before = std::mem::replace(&mut self.state.kept, *kept);
        self.is_due = true;
        if before.halt != kept.halt || before.breakers != kept.breakers {
            self.write();
        }
    }

    /// Writes what is due, now and then.
    pub(super) fn rest(&mut self) {
        if self.is_due && self.written.elapsed() >= REST {
            self.write();
        }
    }

    /// The run has ended, with this.
    ///
    /// # Errors
    /// Something could not be written, now or before.
    pub(super) fn finish(mut self, kept: &Kept) -> Result<()> {
        self.state.kept = *kept;
        self.state.has_ended = true;
        self.write();
        self.failed
            .map_or(Ok(()), |error| Err(failure(error).into()))
    }

    fn write(&mut self) {
        let outcome = self.state.save(&self.dir);
        self.failed = self.failed.take().or(outcome.err());
        self.written = Instant::now();
        self.is_due = false;
    }
}

/// What the journal keeps, halted if either says so, and without an id that either knows.
pub(crate) fn strictest(state: &Kept, journalled: Kept) -> Kept {
    let mut kept = journalled;
    if state.halt.gate > kept.halt.gate {
        kept.halt = state.halt;
    }
    kept.next_id = kept.next_id.max(state.next_id);
    kept
}

/// Says what the last run left that blocks this one.
fn tell(kept: &Kept) {
    let halt = &kept.halt;
    if halt.gate != Gate::Open {
        eprintln!(
            "note: halted ({}) by {} at {}: nothing is opened before `undertow resume --reason TEXT`",
            halt.gate.name(),
            cause(halt),
            rfc3339(halt.at)
        );
    }
}

/// An error of the state as it is told to people.
pub(crate) fn failure(error: StateError) -> Failure {
    let (code, next) = match &error {
        StateError::Io { .. } => (
            Code::STATE_UNREADABLE,
            "check the directory named by trade.state_dir",
        ),
        StateError::Damaged { .. } => (
            Code::STATE_DAMAGED,
            "put a copy of it back, or move it away to begin anew: a halt in it is then forgotten",
        ),
        StateError::Foreign { .. } => (
            Code::CONFIG_CONFLICT,
            "name another directory with --set trade.state_dir=DIR",
        ),
    };
    Failure::new(code, error.to_string(), next)
}
