//! What the last run left in `trade.state_dir`, read before this one begins: the journal says what
//! is held, ordered and claimed, what was earned and how far it got; `state.json` says it for
//! people, and halts where either of them does.
//!
//! The journal is locked first, so that a second program with the same directory is refused.

use std::path::{Path, PathBuf};

use anyhow::Result;
use latency_report::text::counted;
use undertow_cold::journal::{
    Moment, Options, Record, Restored, Scan, State as Folded, Sync, Writer, segment_name,
};
use undertow_cold::provenance::Program;
use undertow_cold::summary::trade::dollars;
use undertow_core::event::Operator;
use undertow_core::money::Money;
use undertow_core::risk::{Gate, Kept, Mode, Risk};
use undertow_strategies::decide::identity::Identity;
use undertow_strategies::trade::recovery::{Past, PastClaim, PastOrder, PastPosition};

use super::gather::rfc3339;
use super::journal::JOURNAL;
use super::machine::differs;
use super::state::Keeper;
use crate::commands::journal_fault;
use crate::config::TradeConfig;
use crate::config::values::Succeeds;
use crate::exit::{Code, Failure};
use crate::profile::Profile;

/// See the module.
pub(super) struct Inherited {
    pub(super) keeper: Keeper,
    pub(super) writer: Writer,
    /// Where the journal lies.
    pub(super) dir: PathBuf,
    /// What it adds up to.
    pub(super) folded: Folded,
    scan: Scan,
}

impl Inherited {
    /// Reads what is in the directory of the state; none if no state is kept. `first` is what a
    /// first run keeps.
    ///
    /// # Errors
    /// The journal or the state is damaged, of another account or program, of a later day than
    /// this run, or in use.
    pub(super) fn open(
        trade: &TradeConfig,
        program: &Program,
        (profile, mode): (&Profile, Mode),
        first: Kept,
    ) -> Result<Option<Self>> {
        if trade.state_dir.is_empty() {
            return Ok(None);
        }
        let dir = Path::new(&trade.state_dir);
        let journal = dir.join(JOURNAL);
        let (writer, folded, scan) = opened(&journal)?;
        check(&journal, &folded, (profile, mode))?;
        check_program(&journal, &folded, (program, trade.succeeds))?;
        let keeper = Keeper::open(dir, (profile, mode), (first, folded.kept()))?;
        Ok(Some(Self {
            keeper,
            writer,
            dir: journal,
            folded,
            scan,
        }))
    }

    /// Puts positions, orders and executions into a new [`Risk`].
    ///
    /// # Errors
    /// The profile has no room for them.
    pub(super) fn restore(&self, risk: &mut Risk) -> Result<Restored> {
        let place = || self.dir.display().to_string();
        let restored = self.folded.restore(risk).map_err(|error| {
            let next = "run it with the profile that it was written with, or a roomier one";
            Failure::new(Code::CONFIG_CONFLICT, error.to_string(), next).at(place())
        })?;
        Ok(restored)
    }

    /// What the trader takes up again.
    pub(super) fn past(&self) -> Past {
        past(&self.folded)
    }

    /// What each trading day earned that is over, by its number.
    pub(super) fn results(&self) -> impl Iterator<Item = (u32, Money)> {
        self.folded.results()
    }

    /// What was restored, in words; none after no run.
    pub(super) fn words(&self, restored: &Restored) -> Option<String> {
        self.folded.start()?;
        let earned = self.folded.kept().map_or_else(String::new, |kept| {
            format!(", {} earned that day", dollars(kept.day_earned))
        });
        let torn: u64 = self.scan.cuts.iter().map(|cut| cut.bytes).sum();
        let torn = match torn {
            0 => String::new(),
            bytes => format!(", {} cut off", counted(bytes, "torn byte")),
        };
        let ended = if self.folded.is_ended() {
            "ended in order"
        } else {
            "was cut off"
        };
        Some(format!(
            "went on from  {}  (a run that {ended}: {}, {}, {}{earned}{torn}; decides after {})",
            self.dir.display(),
            counted(restored.positions, "position"),
            counted(restored.orders.len(), "order") + " unknown",
            counted(self.folded.claims().len(), "claim"),
            rfc3339(self.folded.until()),
        ))
    }
}

/// Opens a journal to go on in it, and folds it.
fn opened(dir: &Path) -> Result<(Writer, Folded, Scan)> {
    let mut folded = Folded::default();
    let options = Options {
        // Where the disk is waited for would else stand in it, and differ from run to run.
        sync: Sync::EveryIntent,
        ..Options::default()
    };
    let opened = Writer::open(dir, options, |entry| folded.fold(entry));
    let (writer, scan) = opened.map_err(|error| journal_fault(&error))?;
    folded.lose(&scan);
    Ok((writer, folded, scan))
}

/// The journal beside a state, to write to it between two runs; none where there is none.
///
/// # Errors
/// A run goes on that writes it, or it is damaged.
pub(crate) fn kept_journal(dir: &Path) -> Result<Option<(Writer, Folded)>> {
    let journal = dir.join(JOURNAL);
    if !journal.join(segment_name(1)).exists() {
        return Ok(None);
    }
    let (writer, folded, _) = opened(&journal)?;
    Ok(Some((writer, folded)))
}

/// The operator has changed what is kept, between two runs, by these orders.
///
/// # Errors
/// The disk refuses.
pub(crate) fn note_ordered(writer: &mut Writer, orders: &[Operator], kept: &Kept) -> Result<()> {
    let at = Moment {
        ts_event: kept.halt.at,
        ..Moment::default()
    };
    let ordered = orders.iter().copied().map(Record::Ordered);
    let halt = match kept.halt.resumed {
        Some(reason) if kept.halt.gate == Gate::Open => Record::Resume(reason),
        _ => Record::Halt(kept.halt),
    };
    let records = ordered.chain([halt, Record::Kept(*kept)]);
    let write = || {
        for record in records {
            writer.append(&at, &record)?;
        }
        writer.flush()
    };
    write()
        .map(drop)
        .map_err(|error| journal_fault(&error).into())
}

/// What a fold of the journal says to a trader that goes on from it.
#[must_use]
pub fn past(folded: &Folded) -> Past {
    let orders = folded.open_orders().map(|(id, order)| PastOrder {
        id,
        contract: order.intent.contract,
        filled: order.life.filled(),
    });
    let claims = folded.claims().iter().map(|claimed| PastClaim {
        identity: Identity {
            fingerprint: claimed.fingerprint,
            id: claimed.id,
        },
        place: usize::from(claimed.place),
        at: claimed.at,
        ttl_ns: claimed.ttl_ns,
    });
    let positions = folded
        .positions()
        .map(|(intent, mark)| PastPosition { intent, mark });
    Past {
        until: folded.until(),
        claims: claims.collect(),
        orders: orders.collect(),
        positions: positions.collect(),
        executions: folded.last_execution(),
        disabled: folded.disabled().map(usize::from).collect(),
    }
}

/// A journal that another build or configuration has written is gone on from only by who says so.
fn check_program(
    dir: &Path,
    folded: &Folded,
    (ours, succeeds): (&Program, Succeeds),
) -> Result<()> {
    let Some(start) = folded.start() else {
        return Ok(());
    };
    let theirs = Program {
        build: start.build.as_str().to_owned(),
        config: start.config_hash,
    };
    if theirs == *ours || succeeds.0 == Some(theirs.id()) {
        return Ok(());
    }
    Err(differs(&theirs, ours).at(dir.display().to_string()).into())
}

/// A journal of another account, or one that says what must never be, is not gone on from.
fn check(dir: &Path, folded: &Folded, (profile, mode): (&Profile, Mode)) -> Result<()> {
    if let Some(breach) = folded.breaches().first() {
        let cause = format!("record {}: {}", breach.sequence, breach.kind);
        let next = "`undertow journal verify` tells all of it; go on in another directory once \
                    what is held was compared with the venue";
        let failure = Failure::new(Code::JOURNAL_BREACH, cause, next);
        return Err(failure.at(dir.display().to_string()).into());
    }
    let Some(start) = folded.start() else {
        return Ok(());
    };
    if (start.account.0, start.mode) != (profile.account, mode) {
        let name = |account: u64, mode: Mode| format!("account {account}, {mode:?}").to_lowercase();
        let cause = format!(
            "it is of {}, and this run is of {}",
            name(start.account.0, start.mode),
            name(profile.account, mode)
        );
        let next = "name another directory with --set trade.state_dir=DIR";
        let failure = Failure::new(Code::CONFIG_CONFLICT, cause, next);
        return Err(failure.at(dir.display().to_string()).into());
    }
    Ok(())
}
