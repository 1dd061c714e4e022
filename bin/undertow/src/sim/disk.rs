//! The journal of a simulation and the disk that it is on, which fails by chance.
//!
//! What the chain says becomes records at once, as on the cold side. An intent, and what changes
//! money or the halt, is synced; a sync may find the disk full or broken, and then nothing more is
//! taken. When the process dies, what was synced is there, and of the rest a torn part.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use undertow_cold::journal::{Entry, Moment, Record, Start, State};
use undertow_core::event::ClaimAnswer;
use undertow_core::types::{BookKey, Nanos};
use undertow_strategies::decide::claim::Request;
use undertow_strategies::trade::event::TradeEvent;
use undertow_strategies::trade::witness::Witness;

use super::chance::{Chance, Concern};
use super::faults::{Fault, FaultCounts, Rates};
use crate::session;

/// Shared by who writes, who waits for it, and who kills.
#[derive(Clone, Debug)]
pub(super) struct Disk(Arc<Mutex<Written>>);

#[derive(Debug)]
struct Written {
    chance: Chance,
    rates: Rates,
    counts: FaultCounts,
    entries: Vec<Entry>,
    /// Entries that the disk has confirmed.
    durable: usize,
    said: u64,
    news: session::News,
    now: Nanos,
    has_failed: bool,
    /// Whether the chain is told later that something was written.
    is_late: bool,
}

impl Disk {
    pub(super) fn new(rates: Rates, seed: u64) -> Self {
        Self(Arc::new(Mutex::new(Written {
            chance: Chance::new(seed, Concern::Disk),
            rates,
            counts: FaultCounts::default(),
            entries: Vec::new(),
            durable: 0,
            said: 0,
            news: session::News::default(),
            now: Nanos(0),
            has_failed: false,
            is_late: seed % 2 == 1,
        })))
    }

    fn with<T>(&self, look: impl FnOnce(&mut Written) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes what the chain says.
    pub(super) fn note(&self, event: &TradeEvent) {
        self.with(|written| written.note(event));
    }

    /// What went wrong so far.
    pub(super) fn counts(&self) -> FaultCounts {
        self.with(|written| written.counts)
    }

    /// Whether nothing more is written.
    pub(super) fn has_failed(&self) -> bool {
        self.with(|written| written.has_failed)
    }

    /// Whether the process dies now.
    pub(super) fn kills(&self, is_at_work: bool) -> bool {
        self.with(|written| {
            let ppm = if is_at_work {
                written.rates.crash_at_work
            } else {
                written.rates.crash
            };
            let kills = written.chance.happens(ppm);
            if kills {
                written.counts.note(Fault::Crash);
            }
            kills
        })
    }

    /// How much of what was said is written, for a chain that is told later.
    pub(super) fn written(&self) -> u64 {
        self.with(|written| written.said)
    }

    /// The process dies now: what a new one finds, folded, and what was held of
    /// contracts when they were settled.
    pub(super) fn die(&self) -> (State, BTreeMap<BookKey, i64>) {
        self.with(|written| {
            let unsynced = written.entries.len() - written.durable;
            let kept = written.chance.below(unsynced as u64 + 1);
            let kept = usize::try_from(kept).unwrap_or(0);
            written.entries.truncate(written.durable + kept);
            written.durable = written.entries.len();
            written.has_failed = false;
            written.said = 0;
            let mut state = State::default();
            let mut settled = BTreeMap::new();
            for entry in &written.entries {
                if let Record::Settled(of) = &entry.record {
                    let line = state.line(of.contract);
                    let held = line.map_or(0, |line| line.position.quantity());
                    *settled.entry(of.contract).or_default() += held;
                }
                state.fold(entry);
            }
            // A new process knows no time but that of what it finds.
            written.now = state.until();
            (state, settled)
        })
    }

    /// A new process goes on: the disk is well again.
    pub(super) fn begin(&self, start: &Start, state: &mut State) {
        self.with(|written| {
            written.news = session::News::default();
            written.append(&Record::Start(*start));
            written.durable = written.entries.len();
            if let Some(entry) = written.entries.last() {
                state.fold(entry);
            }
        });
    }
}

impl Written {
    fn note(&mut self, event: &TradeEvent) {
        self.said += 1;
        let at = match event {
            TradeEvent::Decided(decided) => decided.decision.moment.now,
            TradeEvent::Asked(asked) => asked.ts,
            TradeEvent::Cancelled(_, ts) => *ts,
            TradeEvent::Reported(report, _) => report.ts_event,
            TradeEvent::Ordered(_, ts) => *ts,
            _ => self.now,
        };
        self.now = self.now.max(at);
        if self.has_failed {
            return;
        }
        let mut news = std::mem::take(&mut self.news);
        let mut is_grave = false;
        news.of(event, |record| {
            is_grave |= session::is_grave_record(record);
            if record.is_intent() && !self.sync() {
                return;
            }
            if !self.has_failed {
                self.append(record);
            }
            if record.is_intent() {
                self.durable = self.entries.len();
            }
        });
        self.news = news;
        if is_grave && self.sync() {
            self.durable = self.entries.len();
        }
    }

    fn append(&mut self, record: &Record) {
        self.entries.push(Entry {
            sequence: self.entries.len() as u64,
            moment: Moment {
                ts_event: self.now,
                ..Moment::default()
            },
            record: *record,
        });
    }

    /// Whether the disk takes what there is.
    fn sync(&mut self) -> bool {
        for (fault, ppm) in [
            (Fault::DiskFull, self.rates.disk_full),
            (Fault::DiskError, self.rates.disk_error),
        ] {
            if !self.has_failed && self.chance.happens(ppm) {
                self.counts.note(fault);
                self.has_failed = true;
            }
        }
        !self.has_failed
    }
}

impl Witness for Disk {
    fn claim(&mut self, _request: &Request, _now: Nanos) -> Option<ClaimAnswer> {
        Some(ClaimAnswer::Granted)
    }

    fn is_written(&mut self, said: u64) -> Option<bool> {
        self.with(|written| match (written.has_failed, written.is_late) {
            (true, false) => Some(false),
            // The notice that it has failed comes later, too.
            (_, true) => None,
            (false, false) => Some(written.said >= said),
        })
    }
}
