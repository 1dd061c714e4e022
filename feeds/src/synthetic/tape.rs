//! The tape: what the venue prints, as DBN v3 bytes.
//!
//! Collects the records of one event, closes it with LAST on the last of them, gives it the
//! venue's sequence and the capture's clock, lets the injector spoil it, and writes it out.
//! `ts_event` only grows; so does `ts_recv`, across all instruments. A failed write is kept and
//! told at the end.

use std::collections::BTreeSet;
use std::ffi::c_char;
use std::io;

use dbn::{FlagSet, MboMsg, RecordHeader, rtype};
use undertow_core::types::{Flags, Side};

use super::faults::Injector;
use super::random::{Concern, Random};
use super::truth::InjectedFault;

/// Databento's id of CME Globex MDP 3.0.
pub(super) const PUBLISHER: u16 = 1;

const BUFFER_BYTES: usize = 256 * 1024;

/// Records written so far, by what they do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Adds.
    pub adds: u64,
    /// Cancels, also those that end a fill.
    pub cancels: u64,
    /// Modifies, also those that follow a fill.
    pub modifies: u64,
    /// Trades.
    pub trades: u64,
    /// Fills.
    pub fills: u64,
    /// Clears.
    pub clears: u64,
    /// Definitions, statistics and status records.
    pub others: u64,
}

impl Counts {
    /// All records.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.adds
            + self.cancels
            + self.modifies
            + self.trades
            + self.fills
            + self.clears
            + self.others
    }
}

/// How the records of an event are marked.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// As they happen.
    Live,
    /// From the snapshot server: old events, one receive time.
    Snapshot,
    /// Not printed at all: the book is being laid out.
    Silent,
}

/// See the module.
pub(super) struct Tape<'a> {
    out: &'a mut dyn io::Write,
    error: Option<io::Error>,
    buffer: Vec<u8>,
    event: Vec<MboMsg>,
    latency: Random,
    injector: Option<Injector>,
    mode: Mode,
    /// The venue's clock, ns.
    ts_event: u64,
    ts_recv: u64,
    sequence: u32,
    order_id: u64,
    counts: Counts,
}

impl<'a> Tape<'a> {
    pub(super) fn new(out: &'a mut dyn io::Write, seed: u64, injector: Option<Injector>) -> Self {
        Self {
            out,
            error: None,
            buffer: Vec::with_capacity(BUFFER_BYTES + 4_096),
            event: Vec::with_capacity(256),
            latency: Random::new(seed, Concern::Latency),
            injector,
            mode: Mode::Live,
            ts_event: 0,
            ts_recv: 0,
            sequence: 1_000,
            order_id: 6_410_000_000_000,
            counts: Counts::default(),
        }
    }

    /// The venue's time, ns.
    pub(super) const fn now(&self) -> u64 {
        self.ts_event
    }

    /// Moves the venue's clock forward; an earlier time leaves it.
    pub(super) fn advance_to(&mut self, ts_event: u64) {
        self.ts_event = self.ts_event.max(ts_event);
    }

    /// How the following records are marked.
    pub(super) fn mark(&mut self, mode: Mode) {
        self.mode = mode;
    }

    /// A fresh order id.
    pub(super) fn next_order_id(&mut self) -> u64 {
        self.order_id += 1;
        self.order_id
    }

    /// The venue's next message number. Others share the channel, so it may skip.
    pub(super) fn next_sequence(&mut self) -> u32 {
        self.sequence = self
            .sequence
            .wrapping_add(1 + (self.ts_event as u32 & 7) / 7);
        self.sequence
    }

    /// What was written so far.
    pub(super) const fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Whether writing has failed, so that going on is in vain.
    pub(super) const fn is_broken(&self) -> bool {
        self.error.is_some()
    }

    /// Puts a record into the open event; returns its place in it.
    pub(super) fn print(&mut self, record: MboMsg) -> usize {
        if self.mode != Mode::Silent {
            self.event.push(record);
        }
        self.event.len().wrapping_sub(1)
    }

    /// Sets the size of a record of the open event, when it becomes known after what follows it.
    pub(super) fn set_size(&mut self, place: usize, size: u32) {
        if let Some(record) = self.event.get_mut(place) {
            record.size = size;
        }
    }

    /// Closes the open event and writes it.
    pub(super) fn close_event(&mut self) {
        let live = self.mode == Mode::Live;
        let chance = self.latency.bits();
        // About 90 µs from match to capture, 13–17 µs of it on the wire, as seen at CME.
        let delay = 82_000 + (chance & 0x3FFF) + u64::from((chance >> 14 & 0xFF) == 0) * 300_000;
        let mut event = core::mem::take(&mut self.event);
        let Some(last_idx) = event.len().checked_sub(1) else {
            self.event = event;
            return;
        };
        if live {
            self.ts_recv = (self.ts_recv + 150).max(self.ts_event + delay);
        }
        let mut sequence = event[0].sequence;
        for (i, record) in event.iter_mut().enumerate() {
            if record.sequence != sequence && live {
                // The book's part of a trade comes in a later packet than the trade itself.
                sequence = record.sequence;
                self.ts_recv += 7_000;
            }
            record.ts_recv = self.ts_recv;
            record.ts_in_delta = if live {
                13_000 + (chance >> 24 & 0xFFF) as i32
            } else {
                0
            };
            let mut flags = if live {
                Flags::default()
            } else {
                SNAPSHOT_FLAGS
            };
            if i == last_idx {
                flags = flags.with(Flags::LAST);
                if live {
                    flags = flags.with(Flags::PUBLISHER_SPECIFIC);
                }
            }
            record.flags = FlagSet::new(flags.0);
        }
        self.deliver(&event);
        event.clear();
        self.event = event;
    }

    fn deliver(&mut self, event: &[MboMsg]) {
        let Some(injector) = &mut self.injector else {
            for record in event {
                count(&mut self.counts, record.action);
                self.buffer.extend_from_slice(record.as_ref());
            }
            return self.flush_when_full();
        };
        for record in event {
            injector.pass(record, |bytes| {
                count(&mut self.counts, record.action);
                self.buffer.extend_from_slice(bytes);
            });
        }
        self.flush_when_full();
    }

    /// Writes a record that belongs to no event: a definition, a statistic, a status.
    pub(super) fn write_other(&mut self, bytes: &[u8]) {
        self.counts.others += 1;
        if let Some(injector) = &mut self.injector {
            injector.note_other(bytes.len());
        }
        self.buffer.extend_from_slice(bytes);
        self.flush_when_full();
    }

    /// Writes bytes that are no record: the metadata.
    pub(super) fn write_prelude(&mut self, bytes: &[u8]) {
        if let Some(injector) = &mut self.injector {
            injector.note_prelude(bytes.len());
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// Instruments whose readers have been left without a right book since the last call.
    pub(super) fn take_damaged(&mut self) -> BTreeSet<u32> {
        self.injector
            .as_mut()
            .map(Injector::take_damaged)
            .unwrap_or_default()
    }

    /// The receive time of a record printed now outside of any event.
    pub(super) fn receive(&mut self) -> u64 {
        self.ts_recv = (self.ts_recv + 150).max(self.ts_event);
        self.ts_recv
    }

    fn flush_when_full(&mut self) {
        if self.buffer.len() >= BUFFER_BYTES {
            self.flush();
        }
    }

    fn flush(&mut self) {
        if self.error.is_none()
            && let Err(error) = self.out.write_all(&self.buffer)
        {
            self.error = Some(error);
        }
        self.buffer.clear();
    }

    /// Writes what is left. Tells what was written, and the faults that were injected.
    ///
    /// # Errors
    /// The first error of the writer.
    pub(super) fn finish(mut self) -> io::Result<(Counts, Vec<InjectedFault>)> {
        let mut faults = Vec::new();
        if let Some(injector) = self.injector.take() {
            faults = injector.finish(&mut self.buffer);
        }
        self.flush();
        match self.error {
            Some(error) => Err(error),
            None => self.out.flush().map(|()| (self.counts, faults)),
        }
    }
}

const SNAPSHOT_FLAGS: Flags = Flags::SNAPSHOT.with(Flags::BAD_TS_RECV);

/// A record as the venue's clock and message number stand; flags and receive time come later.
pub(super) fn mbo(
    tape: &Tape<'_>,
    instrument_id: u32,
    action: dbn::Action,
    side: Side,
    order_id: u64,
    price: i64,
    size: u32,
) -> MboMsg {
    MboMsg {
        hd: RecordHeader::new::<MboMsg>(rtype::MBO, PUBLISHER, instrument_id, tape.ts_event),
        order_id,
        price,
        size,
        flags: FlagSet::empty(),
        channel_id: 0,
        action: action as c_char,
        side: side_char(side),
        ts_recv: 0,
        ts_in_delta: 0,
        sequence: tape.sequence,
    }
}

/// DBN's letter for a side.
pub(super) const fn side_char(side: Side) -> c_char {
    let letter = match side {
        Side::Bid => b'B',
        Side::Ask => b'A',
        Side::None => b'N',
    };
    letter as c_char
}

fn count(counts: &mut Counts, action: c_char) {
    let counter = match action as u8 {
        b'A' => &mut counts.adds,
        b'C' => &mut counts.cancels,
        b'M' => &mut counts.modifies,
        b'T' => &mut counts.trades,
        b'F' => &mut counts.fills,
        b'R' => &mut counts.clears,
        _ => &mut counts.others,
    };
    *counter += 1;
}
