//! Databento: DBN bytes to [`Mbo`] and [`Control`].
//!
//! The [`Decoder`] does no I/O: it is lent a window of bytes and says what the first of them
//! mean. It walks versions 1 to 3 by hand, reads fields where they lie (see `layout`), and
//! trusts no length. Market-by-order records take a short way, by which nothing is made of them;
//! everything else takes the long one. It allocates for the header only.
//!
//! Versions from 4 on are refused: they have another header and layouts of their own.

mod layout;

mod header;

mod market;

mod control;

mod error;

mod retime;

#[cfg(test)]
pub(crate) mod tests;

pub use error::DecodeError;
pub use header::METADATA_MAX;
pub use retime::retime;

use core::num::NonZeroU64;

use dbn::{Metadata, rtype};
use undertow_core::event::{Body, Control, Mbo, Suspicion, SymbolMapping};
use undertow_core::types::{Action, Nanos};
use zerocopy::TryFromBytes;

use header::{Header, Symbols};
use layout::{
    HEADER_LEN, LENGTH, MBO_LEN, RTYPE, TS_OUT_LEN, VERSIONS, Version, bytes_at, ts_event, u16_at,
    u64_at,
};

/// The longest record that the format can express, bytes. A window never needs to be larger.
pub const RECORD_MAX: usize = u8::MAX as usize * WORD;

/// The unit of a record's length, bytes.
const WORD: usize = 4;

/// A record length that no window reaches: the short way is closed until records have begun.
const CLOSED: usize = usize::MAX;

/// What a header begins with. As a record it would be of an unknown type, so a header amid the
/// records (two files made one) is never mistaken.
const HEADER_PREFIX: &[u8] = b"DBN";

/// What the front of a window means.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(
    clippy::large_enum_variant,
    reason = "a message is built where it is used"
)]
pub enum Step {
    /// A message, and how many bytes it used up: none while the same bytes have more to say.
    Message {
        /// The message.
        body: Body<Mbo>,
        /// Bytes to consume.
        len: usize,
    },
    /// Bytes that say nothing to the chain: of the header, or of an unknown record type.
    Silent {
        /// Bytes to consume.
        len: usize,
    },
    /// The window does not hold a whole record.
    NeedMore,
}

/// What the next step over a window will be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peek {
    /// Something is said, which was received at this time: `ts_recv`, or `ts_event` of a record
    /// without one, or the end of a bar. Undefined where there is no time, as in a header.
    Said(Nanos),
    /// Nothing is said.
    Silent,
    /// The window does not reach so far.
    NeedMore,
}

/// Turns DBN bytes into messages, one step at a time.
#[derive(Debug)]
pub struct Decoder {
    /// Length byte and type byte of this stream's market-by-order records.
    mbo_tag: u16,
    /// The length of such a record, bytes; longer than any window while the short way is closed.
    mbo_len: usize,
    /// Bytes consumed so far, but for the records that went the short way since there were
    /// `settled` of them.
    others_len: u64,
    settled: u64,
    phase: Phase,
    version: &'static Version,
    metadata: Option<Box<Metadata>>,
    counts: Counts,
}

/// What is expected next.
#[derive(Debug)]
enum Phase {
    Header(Header),
    /// Where the walk over the header's symbols stands, and the one to be told.
    Symbols(Symbols, SymbolMapping),
    Records,
    /// The definition at the front has told its symbol, and not yet its terms.
    Terms,
}

impl Decoder {
    /// For a stream from its start.
    #[must_use]
    pub fn new() -> Self {
        Self {
            mbo_tag: 0,
            mbo_len: CLOSED,
            others_len: 0,
            settled: 0,
            phase: Phase::Header(Header::default()),
            version: &VERSIONS[2],
            metadata: None,
            counts: Counts::new(),
        }
    }

    /// Reads the front of `window`. The caller consumes the bytes that the step has used up
    /// before it asks again.
    ///
    /// # Errors
    /// When nothing behind the front can be read either. The decoder must not be used again.
    pub fn decode(&mut self, window: &[u8]) -> Result<Step, DecodeError> {
        match &mut self.phase {
            Phase::Header(_) => self.header(window),
            Phase::Symbols(_, next) => {
                let body = Body::Control(Control::Symbol(*next));
                self.advance_symbols();
                Ok(Step::Message { body, len: 0 })
            }
            Phase::Records | Phase::Terms => self.record(window),
        }
    }

    /// The short way: the front of `window` if it is a sound market-by-order record, where it
    /// lies. It uses up [`Decoder::mbo_len`] bytes, and whoever takes it says so with
    /// [`Decoder::passed`], for many at once. Otherwise nothing has happened, and
    /// [`Decoder::decode`] will tell.
    #[inline(always)]
    pub(crate) fn next_mbo<'w>(&mut self, window: &'w [u8]) -> Option<&'w Mbo> {
        let record = window.first_chunk::<MBO_LEN>()?;
        if u16_at(record, LENGTH) != self.mbo_tag || window.len() < self.mbo_len {
            return None;
        }
        let mbo = Mbo::try_ref_from_bytes(record).ok()?;
        self.counts.mbo[letter(mbo.action)] += 1;
        Some(mbo)
    }

    /// These bytes were market-by-order records and have been taken.
    pub(crate) fn passed(&mut self, bytes: &[u8]) {
        let last = bytes.len().checked_sub(self.mbo_len);
        if let Some(last) = last.and_then(|at| bytes.get(at..)) {
            self.counts.saw(ts_index(last));
        }
    }

    /// The length of this stream's market-by-order records, bytes.
    #[inline(always)]
    pub(crate) const fn mbo_len(&self) -> usize {
        self.mbo_len
    }

    /// What is to be expected of the front of `window`, without decoding it.
    #[must_use]
    pub fn peek(&self, window: &[u8]) -> Peek {
        match self.phase {
            Phase::Records => {}
            Phase::Header(_) if window.is_empty() => return Peek::NeedMore,
            Phase::Header(_) => return Peek::Silent,
            Phase::Symbols(..) | Phase::Terms => return Peek::Said(Nanos::UNDEFINED),
        }
        let Some(words) = window.first() else {
            return Peek::NeedMore;
        };
        let len = usize::from(*words) * WORD;
        if window.starts_with(HEADER_PREFIX) {
            return Peek::Silent;
        }
        if len < HEADER_LEN {
            return Peek::Said(Nanos::UNDEFINED);
        }
        match window.get(..len) {
            None => Peek::NeedMore,
            Some(record) if self.version.record_len(record[RTYPE]).is_none() => Peek::Silent,
            Some(record) => Peek::Said(ts_index(record)),
        }
    }

    /// The market-by-order record that stands `at` bytes behind the front, if all records up to it
    /// are of that kind. For prefetching: wrong or absent at times, and of no consequence. Costs no
    /// more than the fields that are used.
    #[inline(always)]
    pub(crate) fn look_ahead(&self, window: &[u8], at: usize) -> Option<Mbo> {
        let record = window.get(at..)?.first_chunk::<MBO_LEN>()?;
        if u16_at(record, LENGTH) != self.mbo_tag {
            return None;
        }
        Some(market::likely_mbo(record))
    }

    /// Whether this stream and another tell trades of one instrument over the same time, as far
    /// as their headers say.
    #[must_use]
    pub fn tells_trades_of(&self, other: &Self) -> bool {
        let (Some(one), Some(other)) = (self.metadata(), other.metadata()) else {
            return false;
        };
        let end = |it: &Metadata| it.end.map_or(u64::MAX, NonZeroU64::get);
        tells_trades(one)
            && tells_trades(other)
            && one.dataset == other.dataset
            && one.start < end(other)
            && other.start < end(one)
            && one.symbols.iter().any(|it| other.symbols.contains(it))
    }

    /// Tells the decoder that nothing comes after `rest`, the last window.
    ///
    /// # Errors
    /// When the stream ends inside a header or a record, or is empty.
    pub fn finish(&self, rest: &[u8]) -> Result<(), DecodeError> {
        let (what, offset, have, need) = match (&self.phase, rest.first()) {
            (Phase::Header(header), _) => {
                let start = self.offset() - header.len() as u64;
                ("the header", start, header.len(), header.need(start)?)
            }
            (_, Some(words)) => {
                let need = usize::from(*words) * WORD;
                ("a record", self.offset(), rest.len(), need)
            }
            (_, None) => return Ok(()),
        };
        Err(DecodeError::Truncated {
            offset,
            what,
            have,
            need,
        })
    }

    /// What was counted so far.
    #[must_use]
    pub const fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Bytes consumed so far.
    #[must_use]
    pub fn offset(&self) -> u64 {
        let unsettled = self.counts.short() - self.settled;
        self.others_len + unsettled * self.mbo_len as u64
    }

    /// What the header says, once it was read.
    #[must_use]
    pub fn metadata(&self) -> Option<&Metadata> {
        self.metadata.as_deref()
    }

    fn header(&mut self, window: &[u8]) -> Result<Step, DecodeError> {
        let offset = self.offset();
        let Phase::Header(header) = &mut self.phase else {
            return Ok(Step::NeedMore);
        };
        if window.is_empty() {
            return Ok(Step::NeedMore);
        }
        let start = offset - header.len() as u64;
        let (len, metadata) = header.take(window, start)?;
        self.others_len += len as u64;
        if let Some(metadata) = metadata {
            self.version = VERSIONS
                .get(usize::from(metadata.version).wrapping_sub(1))
                .ok_or(DecodeError::UnknownVersion {
                    offset: start,
                    version: metadata.version,
                })?;
            self.metadata = Some(metadata);
            self.advance_symbols();
        }
        Ok(Step::Silent { len })
    }

    /// Moves on to the next symbol of the header, or to the records when there is none.
    fn advance_symbols(&mut self) {
        let mut symbols = match self.phase {
            Phase::Symbols(symbols, _) => symbols,
            _ => Symbols::default(),
        };
        let next = self
            .metadata
            .as_deref()
            .and_then(|metadata| symbols.next(metadata));
        self.phase = next.map_or(Phase::Records, |next| Phase::Symbols(symbols, next));
    }

    fn record(&mut self, window: &[u8]) -> Result<Step, DecodeError> {
        if window.starts_with(HEADER_PREFIX) {
            self.phase = Phase::Header(Header::default());
            self.settle_offset();
            self.mbo_len = CLOSED;
            return Ok(Step::Silent { len: 0 });
        }
        let Some(words) = window.first() else {
            return Ok(Step::NeedMore);
        };
        let len = usize::from(*words) * WORD;
        if len < HEADER_LEN {
            return Err(DecodeError::RecordTooShort {
                offset: self.offset(),
                len,
                min: HEADER_LEN,
            });
        }
        let Some(record) = window.get(..len) else {
            return Ok(Step::NeedMore);
        };
        if let Some(symbol) = self.symbol_of_definition(record) {
            return Ok(symbol);
        }
        self.phase = Phase::Records;
        self.open_short_way();
        let ts = ts_index(record);
        self.counts.saw(ts);
        if !self.counts.first.is_defined() {
            self.counts.first = ts;
        }
        self.others_len += len as u64;
        Ok(match self.message(record) {
            Some(body) => Step::Message { body, len },
            None => Step::Silent { len },
        })
    }

    /// A definition is two messages: first the name, while its bytes stay, then the terms.
    fn symbol_of_definition(&mut self, record: &[u8]) -> Option<Step> {
        let is_first = matches!(self.phase, Phase::Records);
        if !is_first || record[RTYPE] != rtype::INSTRUMENT_DEF || !self.fits(record) {
            return None;
        }
        let symbol = control::definition_symbol(record, self.version)?;
        self.phase = Phase::Terms;
        Some(Step::Message {
            body: Body::Control(symbol),
            len: 0,
        })
    }

    /// From the second record of a stream on. The first always goes the long way, which notes
    /// when it was received.
    fn open_short_way(&mut self) {
        let has_ts_out = self
            .metadata
            .as_ref()
            .is_some_and(|metadata| metadata.ts_out);
        self.mbo_len = MBO_LEN + if has_ts_out { TS_OUT_LEN } else { 0 };
        let words = u8::try_from(self.mbo_len / WORD).unwrap_or(0);
        self.mbo_tag = u16::from_le_bytes([words, rtype::MBO]);
    }

    /// Adds up the records that went the short way, whose length may change.
    fn settle_offset(&mut self) {
        self.others_len = self.offset();
        self.settled = self.counts.short();
    }

    /// Whether a record is as long as its type is, with or without `ts_out`.
    fn fits(&self, record: &[u8]) -> bool {
        let len = self.version.record_len(record[RTYPE]);
        len.is_some_and(|len| record.len() == len || record.len() == len + TS_OUT_LEN)
    }

    /// What a record says; `None` if its type is unknown.
    fn message(&mut self, record: &[u8]) -> Option<Body<Mbo>> {
        let rtype = record[RTYPE];
        self.counts.rtypes[usize::from(rtype)] += 1;
        if self.version.record_len(rtype).is_none() {
            self.counts.unknown += 1;
            return None;
        }
        let read = if self.fits(record) {
            read(record, self.version)
        } else {
            Err(Suspicion::BadLength)
        };
        Some(match read {
            Ok(body) => {
                if let Body::Data(mbo) | Body::Control(Control::Quote(mbo, _)) = &body {
                    self.counts.actions[letter(mbo.action)] += 1;
                }
                body
            }
            Err(suspicion) => {
                self.counts.suspect += 1;
                Body::Control(Control::Suspect(layout::key(record), suspicion))
            }
        })
    }
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new()
    }
}

/// Whether the records of a stream tell every trade.
fn tells_trades(metadata: &Metadata) -> bool {
    use dbn::Schema::{Cmbp1, Mbo, Mbp1, Mbp10, Tbbo, Tcbbo, Trades};
    let schema = metadata.schema;
    matches!(
        schema,
        Some(Mbo | Mbp1 | Mbp10 | Tbbo | Trades | Cmbp1 | Tcbbo)
    )
}

/// When a record was received: its `ts_recv`, or `ts_event` of a type without one, or the end of
/// a bar, which nobody knew before. Undefined when it does not say.
fn ts_index(record: &[u8]) -> Nanos {
    let rtype = record[RTYPE];
    let ts_recv = layout::ts_recv_at(rtype)
        .filter(|at| at + size_of::<u64>() <= record.len())
        .map_or(Nanos::UNDEFINED, |at| Nanos(u64_at(record, at)));
    if ts_recv.is_defined() {
        return ts_recv;
    }
    match ts_event(record) {
        ts_event if ts_event.is_defined() => {
            Nanos(ts_event.0.saturating_add(layout::bar_ns(rtype)))
        }
        _ => Nanos::UNDEFINED,
    }
}

/// Reads a record of a known type and a length that fits it.
fn read(record: &[u8], version: &Version) -> Result<Body<Mbo>, Suspicion> {
    let quote = |layout| market::quote(record, layout).map(Body::Control);
    let control = match record[RTYPE] {
        rtype::MBO => {
            return market::mbo(&bytes_at(record, 0)).map(Body::Data);
        }
        rtype::MBP_0 => return market::trade(record).map(Body::Data),
        rtype::MBP_1 | rtype::TBBO => return quote(&layout::MBP_1),
        rtype::MBP_10 => return quote(&layout::MBP_10),
        rtype::BBO_1S | rtype::BBO_1M => return quote(&layout::BBO),
        rtype::CMBP_1 | rtype::TCBBO => return quote(&layout::CMBP_1),
        rtype::CBBO_1S | rtype::CBBO_1M => return quote(&layout::CBBO),
        rtype::STATUS => control::status(record),
        rtype::IMBALANCE => control::imbalance(record)?,
        rtype::INSTRUMENT_DEF => control::definition(record, version),
        rtype::STATISTICS => control::statistic(record, version),
        rtype::SYMBOL_MAPPING => control::symbol_mapping(record, version),
        rtype::SYSTEM => control::system(record, version),
        rtype::ERROR => control::error(record, version),
        _ => control::bar(record),
    };
    Ok(Body::Control(control))
}

/// The name of a DBN record type as its schema is called, or its number.
#[must_use]
pub fn rtype_name(rtype: u8) -> String {
    match dbn::RType::try_from(rtype) {
        Ok(known) => known.as_str().to_owned(),
        Err(_) => format!("type {rtype}"),
    }
}

/// Places for counts by the letter of an action. By place and not by the number of the action,
/// for which a processor would have to guess.
const LETTERS: usize = 26;

#[inline(always)]
const fn letter(action: Action) -> usize {
    (action as u8 - b'A') as usize
}

/// What a decoder counts: every record, by type and by action, and what was wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Market-by-order records that went the short way, by the letter of the action.
    mbo: [u64; LETTERS],
    /// The other market records, by the letter of the action.
    actions: [u64; LETTERS],
    /// Records that went the long way, by type.
    rtypes: [u64; 256],
    unknown: u64,
    suspect: u64,
    first: Nanos,
    last: Nanos,
}

impl Counts {
    const fn new() -> Self {
        Self {
            mbo: [0; LETTERS],
            actions: [0; LETTERS],
            rtypes: [0; 256],
            unknown: 0,
            suspect: 0,
            first: Nanos::UNDEFINED,
            last: Nanos::UNDEFINED,
        }
    }

    /// Records of DBN type `rtype`, those not understood included.
    #[must_use]
    pub fn records(&self, rtype: u8) -> u64 {
        let short = if rtype == rtype::MBO { self.short() } else { 0 };
        self.rtypes[usize::from(rtype)] + short
    }

    /// All records.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.short() + self.rtypes.iter().sum::<u64>()
    }

    /// Market records delivered with `action`.
    #[must_use]
    pub const fn action(&self, action: Action) -> u64 {
        self.mbo[letter(action)] + self.actions[letter(action)]
    }

    /// Records skipped because their type is unknown.
    #[must_use]
    pub const fn unknown(&self) -> u64 {
        self.unknown
    }

    /// Records delivered as [`Control::Suspect`] because they could not be understood.
    #[must_use]
    pub const fn suspect(&self) -> u64 {
        self.suspect
    }

    /// When the first record was received; undefined before.
    #[must_use]
    pub const fn first(&self) -> Nanos {
        self.first
    }

    /// The latest time that a record says it was received; undefined before.
    #[must_use]
    pub const fn last(&self) -> Nanos {
        self.last
    }

    /// Records that went the short way.
    fn short(&self) -> u64 {
        self.mbo.iter().sum()
    }

    /// Notes a time. One that goes back, as a damaged record's may, is not the last.
    fn saw(&mut self, ts: Nanos) {
        if ts.is_defined() && (!self.last.is_defined() || ts > self.last) {
            self.last = ts;
        }
    }
}
