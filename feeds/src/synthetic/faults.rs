//! Faults on the way out: the venue's truth is untouched, what is written is spoiled.
//!
//! Each kind has its own rate; each injection is noted with the record's number and byte offset
//! in the stream as written. Only market-by-order records are spoiled, and never those of a
//! snapshot. A gap and an additional Clear leave the reader without a right book of the
//! instrument; `take_damaged` names it, so that the session can send a snapshot, as the vendor
//! would.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::c_char;

use dbn::{Action, FlagSet, MboMsg, UNDEF_PRICE};
use undertow_core::types::{Flags, Price, Side};

use super::random::{Concern, Random};
use super::tape::side_char;
use super::truth::{FaultKind, InjectedFault};

/// Probability of each fault per eligible record, in 0..=1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Faults {
    /// A record twice.
    pub duplicate: f64,
    /// One to eight records missing.
    pub gap: f64,
    /// A record 1 to `reorder_window` records late.
    pub reorder: f64,
    /// How far a record may be moved, in records; at least 1.
    pub reorder_window: u32,
    /// An unknown action byte.
    pub unknown_action: f64,
    /// An unknown side byte.
    pub unknown_side: f64,
    /// LAST missing; eligible are records that carry it.
    pub missing_last: f64,
    /// Times up to a second early.
    pub backwards_time: f64,
    /// No price; eligible are Adds.
    pub undefined_price: f64,
    /// An additional Cancel of an unknown order.
    pub unknown_cancel: f64,
    /// A larger size; eligible are Cancels.
    pub oversize_cancel: f64,
    /// An additional Clear.
    pub clear: f64,
    /// Four bytes too many, and a length that says so.
    pub bad_length: f64,
    /// Whether the last record is cut.
    pub truncated_tail: bool,
    /// Whether a snapshot follows a gap or a Clear, some hundred records later.
    pub recovery: bool,
}

impl Faults {
    /// A clean stream.
    #[must_use]
    pub const fn none() -> Self {
        Self {
            duplicate: 0.0,
            gap: 0.0,
            reorder: 0.0,
            reorder_window: 8,
            unknown_action: 0.0,
            unknown_side: 0.0,
            missing_last: 0.0,
            backwards_time: 0.0,
            undefined_price: 0.0,
            unknown_cancel: 0.0,
            oversize_cancel: 0.0,
            clear: 0.0,
            bad_length: 0.0,
            truncated_tail: false,
            recovery: true,
        }
    }

    /// Every kind at one rate, the tail whole.
    #[must_use]
    pub const fn all(rate: f64) -> Self {
        Self {
            duplicate: rate,
            gap: rate,
            reorder: rate,
            unknown_action: rate,
            unknown_side: rate,
            missing_last: rate,
            backwards_time: rate,
            undefined_price: rate,
            unknown_cancel: rate,
            oversize_cancel: rate,
            clear: rate,
            bad_length: rate,
            ..Self::none()
        }
    }

    /// The same with one kind at another rate; a tail is cut at any rate above 0.
    #[must_use]
    pub const fn with(mut self, kind: FaultKind, rate: f64) -> Self {
        let field = match kind {
            FaultKind::Duplicate => &mut self.duplicate,
            FaultKind::Gap => &mut self.gap,
            FaultKind::Reorder => &mut self.reorder,
            FaultKind::UnknownAction => &mut self.unknown_action,
            FaultKind::UnknownSide => &mut self.unknown_side,
            FaultKind::MissingLast => &mut self.missing_last,
            FaultKind::BackwardsTime => &mut self.backwards_time,
            FaultKind::UndefinedPrice => &mut self.undefined_price,
            FaultKind::UnknownCancel => &mut self.unknown_cancel,
            FaultKind::OversizeCancel => &mut self.oversize_cancel,
            FaultKind::Clear => &mut self.clear,
            FaultKind::BadLength => &mut self.bad_length,
            FaultKind::TruncatedTail => {
                self.truncated_tail = 0.0 < rate;
                return self;
            }
        };
        *field = rate;
        self
    }

    /// Whether nothing is injected.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.plan().iter().all(|&(_, rate)| rate <= 0.0) && !self.truncated_tail
    }

    /// Whether the rates are probabilities, together too: a record has one fault at most.
    pub(super) fn is_valid(&self) -> bool {
        let plan = self.plan();
        let sum: f64 = plan.iter().map(|&(_, rate)| rate).sum();
        plan.iter().all(|&(_, rate)| (0.0..=1.0).contains(&rate)) && sum <= 1.0
    }

    fn plan(&self) -> [(FaultKind, f64); 12] {
        [
            (FaultKind::Duplicate, self.duplicate),
            (FaultKind::Gap, self.gap),
            (FaultKind::Reorder, self.reorder),
            (FaultKind::UnknownAction, self.unknown_action),
            (FaultKind::UnknownSide, self.unknown_side),
            (FaultKind::MissingLast, self.missing_last),
            (FaultKind::BackwardsTime, self.backwards_time),
            (FaultKind::UndefinedPrice, self.undefined_price),
            (FaultKind::UnknownCancel, self.unknown_cancel),
            (FaultKind::OversizeCancel, self.oversize_cancel),
            (FaultKind::Clear, self.clear),
            (FaultKind::BadLength, self.bad_length),
        ]
    }
}

impl Default for Faults {
    fn default() -> Self {
        Self::none()
    }
}

/// Ids from here on belong to no order of the simulated venue.
const UNKNOWN_ORDER_ID: u64 = 9_900_000_000_000;

/// Spoils records on their way out.
pub(super) struct Injector {
    faults: Faults,
    random: Random,
    noted: Vec<InjectedFault>,
    /// Records and bytes written so far.
    records: u64,
    bytes: u64,
    held: Option<Held>,
    /// Instruments that are losing records.
    gaps: BTreeMap<u32, Gap>,
    damaged: BTreeSet<u32>,
    last: Option<MboMsg>,
}

/// A record that comes late.
struct Held {
    record: MboMsg,
    /// How many records are to overtake it, and how many have.
    distance: u32,
    overtaken: u32,
}

/// How many records are lost, and how many of them are still to come.
struct Gap {
    count: u32,
    left: u32,
}

impl Injector {
    pub(super) fn new(faults: Faults, seed: u64) -> Self {
        Self {
            faults,
            random: Random::new(seed, Concern::Faults),
            noted: Vec::new(),
            records: 0,
            bytes: 0,
            held: None,
            gaps: BTreeMap::new(),
            damaged: BTreeSet::new(),
            last: None,
        }
    }

    /// Counts bytes before the first record.
    pub(super) fn note_prelude(&mut self, len: usize) {
        self.bytes += len as u64;
    }

    /// Counts a record that is never spoiled.
    pub(super) fn note_other(&mut self, len: usize) {
        self.bytes += len as u64;
        self.records += 1;
    }

    /// Instruments whose readers need a snapshot by now.
    pub(super) fn take_damaged(&mut self) -> BTreeSet<u32> {
        core::mem::take(&mut self.damaged)
    }

    /// Writes a record, or what becomes of it.
    pub(super) fn pass(&mut self, record: &MboMsg, mut write: impl FnMut(&[u8])) {
        self.last = Some(record.clone());
        self.release(&mut write);
        if record.flags.is_snapshot() {
            return self.emit(record.as_ref(), &mut write);
        }
        let mut record = record.clone();
        let id = record.hd.instrument_id;
        if let Some(gap) = self.gaps.get_mut(&id) {
            if gap.left > 0 {
                gap.left -= 1;
                return;
            }
            let count = gap.count;
            self.gaps.remove(&id);
            record.flags = with(record.flags, Flags::MAYBE_BAD_BOOK);
            self.note(FaultKind::Gap, &record, count);
            self.need_recovery(&record);
            return self.emit(record.as_ref(), &mut write);
        }
        match self.choose() {
            Some(kind) => self.spoil(kind, record, &mut write),
            None => self.emit(record.as_ref(), &mut write),
        }
    }

    /// Puts out what is held back, cuts the tail if asked to, and tells what was done.
    pub(super) fn finish(mut self, buffer: &mut Vec<u8>) -> Vec<InjectedFault> {
        if let Some(held) = self.held.take() {
            self.note(FaultKind::Reorder, &held.record, held.overtaken);
            self.emit(held.record.as_ref(), &mut |bytes| {
                buffer.extend_from_slice(bytes)
            });
        }
        if let (true, Some(last)) = (self.faults.truncated_tail, self.last.take()) {
            let kept = 36;
            self.note(
                FaultKind::TruncatedTail,
                &last,
                (size_of::<MboMsg>() - kept) as u32,
            );
            buffer.extend_from_slice(&last.as_ref()[..kept]);
        }
        self.noted
    }

    fn choose(&mut self) -> Option<FaultKind> {
        let mut draw = self.random.unit();
        for (kind, rate) in self.faults.plan() {
            if draw < rate {
                return Some(kind);
            }
            draw -= rate;
        }
        None
    }

    /// Applies a fault where the record is of the kind that can have it.
    fn spoil(&mut self, kind: FaultKind, mut record: MboMsg, write: &mut impl FnMut(&[u8])) {
        let is_add = record.action == Action::Add as c_char;
        let is_cancel = record.action == Action::Cancel as c_char;
        match kind {
            FaultKind::Gap => return self.open_gap(&record),
            FaultKind::Reorder if self.held.is_none() => return self.hold(record),
            FaultKind::Duplicate => {
                self.emit(record.as_ref(), write);
                self.note(kind, &record, 1);
            }
            FaultKind::UnknownCancel => self.emit_unknown_cancel(&record, write),
            FaultKind::Clear => self.emit_clear(&record, write),
            FaultKind::BadLength => return self.emit_too_long(&record, write),
            FaultKind::UnknownAction => {
                record.action = b'?' as c_char;
                self.note(kind, &record, 1);
            }
            FaultKind::UnknownSide => {
                record.side = b'?' as c_char;
                self.note(kind, &record, 1);
            }
            FaultKind::MissingLast if record.flags.is_last() => {
                record.flags = FlagSet::new(record.flags.raw() & !Flags::LAST.0);
                self.note(kind, &record, 1);
            }
            FaultKind::BackwardsTime => {
                let early = self.random.below(1_000_000_000) as u64 + 1;
                record.hd.ts_event -= early;
                record.ts_recv -= early;
                self.note(kind, &record, 1);
            }
            FaultKind::UndefinedPrice if is_add => {
                record.price = UNDEF_PRICE;
                self.note(kind, &record, 1);
            }
            FaultKind::OversizeCancel if is_cancel => {
                record.size = record.size.saturating_mul(10).max(2);
                self.note(kind, &record, 1);
            }
            _ => {}
        }
        self.emit(record.as_ref(), write);
    }

    fn open_gap(&mut self, record: &MboMsg) {
        let count = self.random.between(1, 8);
        self.gaps.insert(
            record.hd.instrument_id,
            Gap {
                count,
                left: count - 1,
            },
        );
    }

    fn hold(&mut self, record: MboMsg) {
        let distance = self.random.between(1, self.faults.reorder_window.max(1));
        self.held = Some(Held {
            record,
            distance,
            overtaken: 0,
        });
    }

    fn emit_unknown_cancel(&mut self, record: &MboMsg, write: &mut impl FnMut(&[u8])) {
        let mut cancel = record.clone();
        cancel.order_id = UNKNOWN_ORDER_ID + self.records;
        cancel.action = Action::Cancel as c_char;
        cancel.flags = FlagSet::empty();
        self.note(FaultKind::UnknownCancel, &cancel, 1);
        self.emit(cancel.as_ref(), write);
    }

    fn emit_clear(&mut self, record: &MboMsg, write: &mut impl FnMut(&[u8])) {
        let mut clear = record.clone();
        clear.order_id = 0;
        clear.action = Action::Clear as c_char;
        clear.side = side_char(Side::None);
        clear.price = Price::UNDEFINED.0;
        clear.size = 0;
        clear.flags = FlagSet::empty();
        self.note(FaultKind::Clear, &clear, 1);
        self.need_recovery(record);
        self.emit(clear.as_ref(), write);
    }

    fn emit_too_long(&mut self, record: &MboMsg, write: &mut impl FnMut(&[u8])) {
        const LEN: usize = size_of::<MboMsg>() + 4;
        let mut bytes = [0; LEN];
        bytes[..LEN - 4].copy_from_slice(record.as_ref());
        bytes[0] = (LEN / 4) as u8;
        self.note(FaultKind::BadLength, record, 4);
        self.emit(&bytes, write);
    }

    fn emit(&mut self, bytes: &[u8], write: &mut impl FnMut(&[u8])) {
        write(bytes);
        self.records += 1;
        self.bytes += bytes.len() as u64;
        if let Some(held) = &mut self.held {
            held.overtaken += 1;
        }
    }

    /// Puts out the record held back, once enough have overtaken it.
    fn release(&mut self, write: &mut impl FnMut(&[u8])) {
        if let Some(held) = self.held.take_if(|held| held.distance <= held.overtaken) {
            self.note(FaultKind::Reorder, &held.record, held.overtaken);
            self.emit(held.record.as_ref(), write);
        }
    }

    fn need_recovery(&mut self, record: &MboMsg) {
        if self.faults.recovery {
            self.damaged.insert(record.hd.instrument_id);
        }
    }

    /// Notes a fault that shows at the next record to be written.
    fn note(&mut self, fault: FaultKind, record: &MboMsg, count: u32) {
        self.noted.push(InjectedFault {
            fault,
            instrument_id: record.hd.instrument_id,
            record: self.records,
            offset: self.bytes,
            order_id: record.order_id,
            count,
        });
    }
}

fn with(flags: FlagSet, flag: Flags) -> FlagSet {
    FlagSet::new(flags.raw() | flag.0)
}
