//! The header of a DBN stream: a prelude of 8 bytes and the metadata.
//!
//! The header is gathered here until it is whole, so that whoever lends the bytes never needs a
//! window larger than a record. What it claims is checked before dbn's parser sees it, so that
//! no header makes us allocate more than a small multiple of [`METADATA_MAX`].

use dbn::decode::dbn::fsm::{DbnFsm, ProcessResult};
use dbn::{Metadata, SType, VersionUpgradePolicy};
use undertow_core::event::SymbolMapping;
use undertow_core::types::{InstrumentId, Nanos, Text};

use super::error::DecodeError;
use super::layout::{bytes_at, u16_at, u32_at};

/// The most metadata that is read, bytes. A mapped symbol takes some 250.
pub const METADATA_MAX: u32 = 16 << 20;

/// The least metadata there can be: its fixed part, bytes.
const METADATA_MIN: u32 = 100;
/// "DBN", the version, and the length of the metadata.
const PRELUDE_LEN: usize = 8;
/// Where versions 2 and 3 give the length of a symbol, from the start of the metadata.
const SYMBOL_LEN_AT: usize = 16 + 2 + 3 * 8 + 3;

/// A header as far as it has come.
#[derive(Debug, Default)]
pub(super) struct Header {
    bytes: Vec<u8>,
}

impl Header {
    /// Takes what belongs to the header from the front of `window`. Returns how much that is,
    /// and the metadata once it is whole.
    pub(super) fn take(
        &mut self,
        window: &[u8],
        offset: u64,
    ) -> Result<(usize, Option<Box<Metadata>>), DecodeError> {
        let mut taken = 0;
        loop {
            let need = self.need(offset)?;
            let missing = need - self.bytes.len();
            let given = missing.min(window.len() - taken);
            self.bytes.extend_from_slice(&window[taken..taken + given]);
            taken += given;
            if given < missing {
                return Ok((taken, None));
            }
            if need > PRELUDE_LEN {
                let metadata = parse(&self.bytes, offset)?;
                self.bytes = Vec::new();
                return Ok((taken, Some(metadata)));
            }
            // The prelude is whole, so the next round knows the length of all.
        }
    }

    /// How much of it has come, bytes.
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// How long it is as far as is known, bytes.
    pub(super) fn need(&self, offset: u64) -> Result<usize, DecodeError> {
        let Some(prelude) = self.bytes.first_chunk::<PRELUDE_LEN>() else {
            return Ok(PRELUDE_LEN);
        };
        let [b'D', b'B', b'N', version, ..] = *prelude else {
            let found = bytes_at(prelude, 0);
            return Err(DecodeError::NotDbn { offset, found });
        };
        if !(1..=3).contains(&version) {
            return Err(DecodeError::UnknownVersion { offset, version });
        }
        let (len, min, max) = (u32_at(prelude, 4), METADATA_MIN, METADATA_MAX);
        if !(min..=max).contains(&len) {
            return Err(DecodeError::MetadataLength {
                offset,
                len,
                min,
                max,
            });
        }
        Ok(PRELUDE_LEN + len as usize)
    }
}

/// Hands a whole header to dbn.
fn parse(bytes: &[u8], offset: u64) -> Result<Box<Metadata>, DecodeError> {
    let error = |cause: String| DecodeError::Metadata {
        offset,
        cause: cause.into(),
    };
    // Tiny symbols would make millions of strings out of a few megabytes.
    let symbol_len = u16_at(bytes, PRELUDE_LEN + SYMBOL_LEN_AT);
    if bytes[3] > 1 && !(dbn::v1::SYMBOL_CSTR_LEN..=255).contains(&usize::from(symbol_len)) {
        return Err(error(format!("symbols of {symbol_len} bytes")));
    }
    let mut machine = DbnFsm::builder()
        .upgrade_policy(VersionUpgradePolicy::AsIs)
        .build()
        .map_err(|cause| error(cause.to_string()))?;
    machine.write_all(bytes);
    match machine.process() {
        ProcessResult::Metadata(metadata) => Ok(Box::new(metadata)),
        ProcessResult::Err(cause) => Err(error(cause.to_string())),
        ProcessResult::ReadMore(_) | ProcessResult::Record(()) => {
            Err(error("it ends before its parts do".to_owned()))
        }
    }
}

/// Walks the symbol mappings of the metadata, one name for one span of days at a time.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Symbols {
    mapping: usize,
    interval: usize,
}

impl Symbols {
    /// The next name that belongs to an instrument id.
    pub(super) fn next(&mut self, metadata: &Metadata) -> Option<SymbolMapping> {
        loop {
            let mapping = metadata.mappings.get(self.mapping)?;
            let Some(interval) = mapping.intervals.get(self.interval) else {
                self.mapping += 1;
                self.interval = 0;
                continue;
            };
            self.interval += 1;
            let (id, symbol) = if metadata.stype_in == Some(SType::InstrumentId) {
                (&mapping.raw_symbol, &interval.symbol)
            } else {
                (&interval.symbol, &mapping.raw_symbol)
            };
            // An id that is no number: the stream maps names to names, or did not resolve.
            let Ok(id) = id.parse() else {
                continue;
            };
            return Some(SymbolMapping {
                instrument_id: InstrumentId(id),
                start: midnight(interval.start_date.to_julian_day()),
                end: midnight(interval.end_date.to_julian_day()),
                symbol: Text::from_bytes(symbol.as_bytes()),
            });
        }
    }
}

/// The start of a day in UTC. Days before 1970 are held to 1970.
fn midnight(julian_day: i32) -> Nanos {
    const EPOCH_JULIAN_DAY: i32 = 2_440_588;
    const DAY_NS: u64 = 86_400_000_000_000;
    let days = u64::try_from(julian_day.saturating_sub(EPOCH_JULIAN_DAY)).unwrap_or(0);
    Nanos(days.saturating_mul(DAY_NS))
}
