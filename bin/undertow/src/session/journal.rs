//! The journal of a run that trades: what leaves the chain becomes records, in order.
//!
//! A recorded session is journalled in event time, so that the same run writes the same bytes.
//! The link to here is lossless: a disk that cannot keep up holds the chain back. A journal that
//! fails halts the run, for nothing may be sent that is not written.

use std::path::{Path, PathBuf};

use undertow_cold::journal::{
    Cancelled, Intended, JournalError, Lock, Lowered, Lowering, Marked, Moment, Options, Record,
    Refused, Settled, Signalled, Start, Sync, Writer, segment_name,
};
use undertow_core::event::Stamp;
use undertow_core::risk::{Gate, LimitError};
use undertow_core::types::{BookKey, Nanos, Price, Text};
use undertow_strategies::decide::Outcome;
use undertow_strategies::trade::event::{Limited, TradeEvent};

/// The directory of the journal in a run's directory.
pub(crate) const JOURNAL: &str = "journal";

/// An open journal.
pub(super) struct Journal {
    dir: PathBuf,
    writer: Option<Writer>,
    signals: u64,
    records: u64,
    digest: u64,
    last: Moment,
    failed: Option<JournalError>,
}

impl Journal {
    /// Begins the journal of a recorded session; one of an earlier run in the same place goes.
    ///
    /// # Errors
    /// Another process writes there, or the disk refuses.
    pub(super) fn begin(run: &Path, start: Start, ts: Nanos) -> Result<Self, JournalError> {
        let dir = run.join(JOURNAL);
        clear(&dir)?;
        let options = Options {
            // When it is written would else stand in it, and differ from run to run.
            sync: Sync::Off,
            ..Options::default()
        };
        let (writer, _) = Writer::open(&dir, options, |_| {})?;
        let mut journal = Self {
            dir,
            writer: Some(writer),
            signals: 0,
            records: 0,
            digest: 0,
            last: moment(0, ts),
            failed: None,
        };
        journal.append(journal.last, &Record::Start(start));
        match journal.failed.take() {
            Some(error) => Err(error),
            None => Ok(journal),
        }
    }

    /// Takes what leaves the chain.
    pub(super) fn note(&mut self, stamp: Stamp, event: &TradeEvent) {
        let at = moment(stamp.sequence, self.time_of(event));
        self.last = at;
        if let TradeEvent::Checkpoint(digest) = event {
            self.digest = *digest;
        }
        let mut signals = self.signals;
        records(event, &mut signals, |record| self.append(at, record));
        self.signals = signals;
    }

    /// Whether everything so far was taken.
    pub(super) const fn is_sound(&self) -> bool {
        self.failed.is_none()
    }

    /// Writes what waits, without an end: whoever reads it sees that the run did not end in order.
    pub(super) fn abandon(mut self) {
        if let Some(writer) = &mut self.writer {
            // The run has failed already, and for a better reason than this.
            let _ = writer.flush();
        }
    }

    /// Ends the journal in order, and says in words where it lies.
    ///
    /// # Errors
    /// What made it fail, now or before.
    pub(super) fn end(mut self) -> Result<String, JournalError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        if let Some(writer) = self.writer.take() {
            writer.close(&self.last, &Record::End(self.digest))?;
        }
        Ok(format!(
            "journal       {}  ({} records; undertow journal verify {})",
            self.dir.display(),
            self.records + 1,
            self.dir.display()
        ))
    }

    fn append(&mut self, at: Moment, record: &Record) {
        if let Some(writer) = &mut self.writer
            && self.failed.is_none()
        {
            self.failed = writer.append(&at, record).err();
            self.records += 1;
        }
    }

    fn time_of(&self, event: &TradeEvent) -> Nanos {
        match event {
            TradeEvent::Decided(decided) => decided.decision.moment.now,
            TradeEvent::Asked(asked) => asked.ts,
            TradeEvent::Cancelled(_, ts) => *ts,
            TradeEvent::Reported(report, _) => report.ts_event,
            TradeEvent::Limited(limited) => limited.ts,
            _ => self.last.ts_event,
        }
    }
}

/// What a journal says of an event, record by record. `signals` counts the signals so far.
pub(crate) fn records(event: &TradeEvent, signals: &mut u64, mut each: impl FnMut(&Record)) {
    match event {
        TradeEvent::Listed(contract) => each(&Record::Contract(*contract)),
        TradeEvent::Decided(decided) => {
            let outcome = match decided.decision.outcome {
                Outcome::Emitted(_) => 0,
                Outcome::Updated(_) => 1,
                Outcome::Blocked(block) | Outcome::Debug(block) => 2 + block as u8,
                Outcome::Skipped(_) => u8::MAX,
            };
            if let Some(identity) = decided.decision.identity {
                let signal = Signalled {
                    id: identity.id,
                    fingerprint: identity.fingerprint,
                    sequence: *signals,
                    outcome,
                };
                *signals += 1;
                each(&Record::Signal(signal));
            }
        }
        TradeEvent::Asked(asked) => match (asked.order, asked.verdict.refusal()) {
            (Some(id), _) => {
                let intended = Intended {
                    id,
                    ts: asked.ts,
                    intent: asked.intent,
                };
                each(&Record::Intent(intended));
                each(&Record::Placed(id));
            }
            (None, Some(refusal)) => {
                let intent = asked.intent;
                each(&Record::Refused(Refused { intent, refusal }));
            }
            (None, None) => {}
        },
        TradeEvent::Cancelled(cancel, _) => {
            let cancelled = Cancelled {
                id: cancel.id(),
                contract: cancel.contract(),
            };
            each(&Record::Cancel(cancelled));
        }
        TradeEvent::Reported(report, _) => each(&Record::Report(*report)),
        TradeEvent::Settled(contract, price, _) => {
            each(&Record::Settled(settled(*contract, *price)));
        }
        TradeEvent::Halted(halt) => match (halt.gate, halt.resumed) {
            (Gate::Open, Some(reason)) => each(&Record::Resume(reason)),
            _ => each(&Record::Halt(*halt)),
        },
        TradeEvent::Marked(contract, price) => {
            let marked = Marked {
                contract: *contract,
                price: *price,
            };
            each(&Record::Mark(marked));
        }
        TradeEvent::Kept(kept) => each(&Record::Kept(*kept)),
        TradeEvent::Limited(limited) => each(&Record::Limit(lowered(limited))),
        TradeEvent::Checkpoint(digest) => each(&Record::Checkpoint(*digest)),
    }
}

fn lowered(limited: &Limited) -> Lowered {
    Lowered {
        name: Text::from_bytes(limited.change.name().as_bytes()),
        from: limited.from,
        to: limited.change.to(),
        outcome: match limited.refused {
            None => Lowering::Taken,
            Some(LimitError::Raised { .. }) => Lowering::Looser,
            Some(LimitError::Contradiction { .. }) => Lowering::Contradiction,
            Some(LimitError::TooSmall { .. } | LimitError::Missing(_)) => Lowering::TooSmall,
        },
    }
}

/// A settlement in cash.
const fn settled(contract: BookKey, price: Price) -> Settled {
    Settled {
        contract,
        price,
        delivered: None,
    }
}

/// Event time stands for the clocks of a recorded session.
const fn moment(event: u64, ts: Nanos) -> Moment {
    Moment {
        event,
        ts_event: ts,
        monotonic_ns: ts.0,
        wall_ns: ts.0,
    }
}

/// Takes the segments of an earlier run away, unless somebody writes them.
fn clear(dir: &Path) -> Result<(), JournalError> {
    if !dir.exists() {
        return Ok(());
    }
    let _lock = Lock::take(dir)?;
    for number in 1.. {
        let path = dir.join(segment_name(number));
        if !path.exists() {
            return Ok(());
        }
        std::fs::remove_file(&path).map_err(|source| JournalError::Io {
            doing: "remove",
            path,
            source,
        })?;
    }
    Ok(())
}
