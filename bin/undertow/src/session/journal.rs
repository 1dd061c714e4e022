//! The journal of a run that trades: what leaves the chain becomes records, in order.
//!
//! It is in event time, so that the same run writes the same bytes. A run that keeps a state goes on
//! in the journal of the last one, and has the disk confirm every intent before its order leaves,
//! and what changes money or the halt. The link to here is lossless: a disk that cannot keep up
//! holds the chain back. A journal that fails halts the run, for nothing may be sent that is not
//! written; what happened then is kept in memory and written anew if the disk lets it.
//!
//! The chain says every minute what it keeps and what its ledger comes to. In the journal that is
//! said once, until something has happened that it rests on ([`News`]).

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use latency_report::text::counted;
use undertow_cold::journal::{
    Cancelled, Claimed, Entry, Intended, JournalError, Lock, Lowered, Lowering, Marked, Moment,
    Options, Record, Refused, Settled, Signalled, Start, State, Sync, Writer, segment_name,
};
use undertow_core::event::Stamp;
use undertow_core::order::{ClientOrderId, ReportKind};
use undertow_core::risk::{Gate, Kept, LimitError};
use undertow_core::types::{BookKey, Nanos, Price, Text};
use undertow_strategies::decide::Outcome;
use undertow_strategies::trade::event::{Decided, Limited, TradeEvent};

/// The directory of the journal in a run's directory.
pub(crate) const JOURNAL: &str = "journal";

/// An open journal.
pub(super) struct Journal {
    dir: PathBuf,
    writer: Option<Writer>,
    news: News,
    records: u64,
    /// What everything said so far adds up to, written or not.
    folded: State,
    digest: u64,
    last: Moment,
    failed: Option<JournalError>,
    /// Whether the disk confirms what must not be lost, as it goes.
    is_kept: bool,
    /// Orders whose intent was not even taken into memory, and which so never left.
    unsent: BTreeSet<ClientOrderId>,
    /// Those of them whose end the chain has not said yet: until then its ledger has what the
    /// journal has not, and a digest of it would accuse the journal.
    under_way: BTreeSet<ClientOrderId>,
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
        Self::with((dir, State::default()), writer, start, ts, false)
    }

    /// Goes on in the journal of the last run, as `writer` has opened it, from what it adds up to.
    ///
    /// # Errors
    /// The disk refuses.
    pub(super) fn go_on(
        (dir, folded): (PathBuf, State),
        writer: Writer,
        start: Start,
        ts: Nanos,
    ) -> Result<Self, JournalError> {
        Self::with((dir, folded), writer, start, ts, true)
    }

    fn with(
        (dir, folded): (PathBuf, State),
        writer: Writer,
        start: Start,
        ts: Nanos,
        is_kept: bool,
    ) -> Result<Self, JournalError> {
        let mut journal = Self {
            dir,
            writer: Some(writer),
            news: News::default(),
            records: 0,
            folded,
            digest: 0,
            last: moment(0, ts),
            failed: None,
            is_kept,
            unsent: BTreeSet::new(),
            under_way: BTreeSet::new(),
        };
        journal.take(journal.last, &Record::Start(start));
        journal.flush();
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
        let mut news = std::mem::take(&mut self.news);
        let was_sound = self.failed.is_none();
        let mut is_grave = false;
        news.of(event, |record| {
            self.take(at, record);
            is_grave |= is_grave_record(record);
        });
        if was_sound && self.failed.is_some() {
            // Some of it may be lost.
            news.forget();
        }
        if !self.under_way.is_empty() {
            // A digest that was not written has to be said again.
            news.forget();
        }
        self.news = news;
        if is_grave {
            self.flush();
        }
    }

    /// What everything said so far adds up to.
    pub(super) const fn folded(&self) -> &State {
        &self.folded
    }

    /// Adds a record up, and writes it.
    fn take(&mut self, at: Moment, record: &Record) {
        self.folded.fold(&Entry {
            sequence: self.folded.records(),
            moment: at,
            record: *record,
        });
        self.append(at, record);
    }

    /// Has the disk confirm what there is, if the journal is kept.
    fn flush(&mut self) {
        if let Some(writer) = &mut self.writer
            && self.is_kept
            && self.failed.is_none()
        {
            self.failed = writer.flush().err();
        }
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
        let mut ended = Ok(0);
        if let Some(mut writer) = self.writer.take() {
            let mended = writer.mend();
            let end = Record::End(self.digest);
            ended = mended.and_then(|()| writer.close(&self.last, &end));
        }
        if let Some(error) = self.failed {
            return Err(error);
        }
        ended?;
        Ok(format!(
            "journal       {}  ({}; undertow journal verify {})",
            self.dir.display(),
            counted(self.records + 1, "record"),
            self.dir.display()
        ))
    }

    fn append(&mut self, at: Moment, record: &Record) {
        let of = match record {
            Record::Placed(id) => *id,
            Record::Report(report) => report.id,
            Record::Cancel(cancelled) => cancelled.id,
            _ => ClientOrderId(0),
        };
        if let Record::Report(report) = record
            && matches!(report.kind, ReportKind::Absent { .. })
        {
            self.under_way.remove(&of);
        }
        let accuses = matches!(record, Record::Checkpoint(_)) && !self.under_way.is_empty();
        let is_left_out = accuses || self.unsent.contains(&of);
        let Some(writer) = self.writer.as_mut().filter(|_| !is_left_out) else {
            return;
        };
        let before = writer.next_sequence();
        let Err(error) = writer.append(&at, record) else {
            self.records += 1;
            return;
        };
        self.failed = self.failed.take().or(Some(error));
        let is_taken = writer.next_sequence() > before;
        if let Record::Intent(intended) = record
            // Taken, and not confirmed: it is written anew if the disk lets it, and what becomes of
            // its order belongs behind it.
            && !is_taken
        {
            // Its order is withheld. That its id is used up has to be known all the same.
            self.unsent.insert(intended.id);
            self.under_way.insert(intended.id);
            let next = ClientOrderId(intended.id.0 + 1);
            let _ = writer.append(&at, &Record::NextId(next));
        }
    }

    fn time_of(&self, event: &TradeEvent) -> Nanos {
        match event {
            TradeEvent::Decided(decided) => decided.decision.moment.now,
            TradeEvent::Asked(asked) => asked.ts,
            TradeEvent::Cancelled(_, ts) => *ts,
            TradeEvent::Reported(report, _) => report.ts_event,
            TradeEvent::Ordered(_, ts) => *ts,
            TradeEvent::Limited(limited) => limited.ts,
            _ => self.last.ts_event,
        }
    }
}

/// Whether the disk is to have a record before the chain goes on: it changes money or the halt, or
/// somebody was told that it is heard.
pub(crate) const fn is_grave_record(record: &Record) -> bool {
    matches!(
        record,
        Record::Report(_)
            | Record::Settled(_)
            | Record::Halt(_)
            | Record::Ordered(_)
            | Record::Resume(_)
            | Record::Kept(_)
    )
}

/// What a journal does not have yet. A run without orders would else fill a disk with the same two
/// records, minute after minute, and its reader would look for what happened among hundreds of
/// them. Whoever folds the rest comes to the same state: what is left out was there already, and
/// nothing in between has changed what it rests on.
#[derive(Debug, Default)]
pub(crate) struct News {
    signals: u64,
    marks: BTreeMap<BookKey, Price>,
    kept: Option<Kept>,
    digest: Option<u64>,
}

impl News {
    /// What a journal has to say of an event, record by record.
    pub(crate) fn of(&mut self, event: &TradeEvent, mut each: impl FnMut(&Record)) {
        let mut signals = self.signals;
        records(event, &mut signals, |record| {
            if self.is_new(record) {
                each(record);
            }
        });
        self.signals = signals;
    }

    /// Whether a record says what those before it have not said.
    fn is_new(&mut self, record: &Record) -> bool {
        match record {
            Record::Mark(Marked { contract, price }) => {
                let is_new = self.marks.insert(*contract, *price) != Some(*price);
                if is_new {
                    // What the day has earned is counted from the marks before it.
                    self.kept = None;
                }
                is_new
            }
            Record::Kept(kept) => self.kept.replace(*kept) != Some(*kept),
            Record::Checkpoint(digest) => self.digest.replace(*digest) != Some(*digest),
            // Neither ledger nor what is kept rests on these.
            Record::Signal(_) | Record::Refused(_) | Record::Limit(_) | Record::Ordered(_) => true,
            // A contract's new terms begin without a mark; a claim counts as acted upon once
            // something follows it; everything else changes the ledger.
            _ => {
                self.forget();
                true
            }
        }
    }

    fn forget(&mut self) {
        *self = Self {
            signals: self.signals,
            ..Self::default()
        };
    }
}

/// What a journal may say of an event, record by record. `signals` counts the signals so far.
pub(crate) fn records(event: &TradeEvent, signals: &mut u64, mut each: impl FnMut(&Record)) {
    match event {
        TradeEvent::Listed(contract) => each(&Record::Contract(*contract)),
        TradeEvent::Decided(decided) => signalled(decided, signals, each),
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
        TradeEvent::Ordered(operator, _) => each(&Record::Ordered(*operator)),
        TradeEvent::Limited(limited) => each(&Record::Limit(lowered(limited))),
        TradeEvent::Checkpoint(digest) => each(&Record::Checkpoint(*digest)),
    }
}

/// A decision about a contract, and the claim that an emitted signal takes.
fn signalled(decided: &Decided, signals: &mut u64, mut each: impl FnMut(&Record)) {
    let outcome = match decided.decision.outcome {
        Outcome::Emitted(_) => 0,
        Outcome::Updated(_) => 1,
        Outcome::Blocked(block) | Outcome::Debug(block) => 2 + block as u8,
        Outcome::Skipped(_) | Outcome::Asking(_) => u8::MAX,
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
    if let Outcome::Emitted(signal) = decided.decision.outcome {
        each(&Record::Claim(Claimed {
            id: signal.identity.id,
            fingerprint: signal.identity.fingerprint,
            place: u8::try_from(decided.place).unwrap_or(u8::MAX),
            at: signal.at,
            ttl_ns: signal.ttl_ns,
        }));
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

#[cfg(test)]
mod tests {
    use super::*;
    use undertow_cold::journal::{Entry, State};
    use undertow_core::money::Money;
    use undertow_core::order::{ExecReport, ReportKind};
    use undertow_core::risk::Halt;
    use undertow_core::types::{InstrumentId, PublisherId};

    const KEY: BookKey = BookKey {
        instrument_id: InstrumentId(17_077),
        publisher_id: PublisherId(1),
    };

    /// What a minute without orders says, with a mark if something is held.
    fn minute(mark: Option<i64>) -> Vec<TradeEvent> {
        let mut kept = Kept::first(20_500, Money::from_usd(100_000));
        kept.day_earned = Money(mark.unwrap_or(0));
        let marked = mark.map(|price| TradeEvent::Marked(KEY, Price(price)));
        let kept = [TradeEvent::Kept(kept), TradeEvent::Checkpoint(7)];
        marked.into_iter().chain(kept).collect()
    }

    /// The kinds of the records that `events` leave in a journal, one after the other.
    fn kinds(events: &[Vec<TradeEvent>]) -> Vec<&'static str> {
        let mut news = News::default();
        let mut kinds = Vec::new();
        for event in events.iter().flatten() {
            news.of(event, |record| kinds.push(record.name()));
        }
        kinds
    }

    #[test]
    fn what_is_kept_is_said_once_until_something_happens() {
        let report = TradeEvent::Reported(
            ExecReport {
                id: ClientOrderId(1),
                contract: KEY,
                ts_event: Nanos(1),
                kind: ReportKind::Working,
            },
            None,
        );
        let halt = TradeEvent::Halted(Halt::default());
        let quiet = || minute(None);
        let night = vec![quiet(); 600];
        assert_eq!(kinds(&night), ["kept", "checkpoint"]);
        for (what, name) in [(report, "report"), (halt, "halt")] {
            let told = kinds(&[quiet(), quiet(), vec![what], quiet(), quiet()]);
            let twice = ["kept", "checkpoint", name, "kept", "checkpoint"];
            assert_eq!(told, twice, "it is compared anew after a {name}");
        }
    }

    #[test]
    fn a_mark_is_said_when_it_moves_and_what_is_kept_with_it() {
        let held = [minute(Some(5)), minute(Some(5)), minute(Some(6))];
        let told = ["mark", "kept", "checkpoint", "mark", "kept"];
        assert_eq!(kinds(&held), told);
    }

    #[test]
    fn a_fold_of_what_is_new_is_a_fold_of_everything() {
        let events: Vec<_> = [None, None, Some(5), Some(5), None, Some(5), Some(8), None]
            .into_iter()
            .flat_map(minute)
            .collect();
        let fold = |state: &mut State, record: &Record| {
            let entry = Entry {
                sequence: state.records(),
                moment: Moment::default(),
                record: *record,
            };
            state.fold(&entry);
        };
        let (mut all, mut new) = (State::default(), State::default());
        let (mut news, mut signals) = (News::default(), 0);
        for event in &events {
            records(event, &mut signals, |record| fold(&mut all, record));
            news.of(event, |record| fold(&mut new, record));
            // At every point at which the process may die.
            assert_eq!((new.kept(), new.digest()), (all.kept(), all.digest()));
        }
        assert!(new.records() < all.records());
    }
}
