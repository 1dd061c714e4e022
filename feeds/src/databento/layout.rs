//! Where each field of a DBN record lies, taken from dbn's own types.
//!
//! dbn is the one source of layouts; nothing here is counted by hand but the length byte, which
//! dbn keeps private. Records are read field by field with `from_le_bytes`, so their bytes need
//! no alignment. Offsets and lengths are in bytes.

use core::mem::offset_of;
use dbn::{
    BboMsg, CbboMsg, Cmbp1Msg, ImbalanceMsg, MboMsg, Mbp1Msg, Mbp10Msg, OhlcvMsg, RecordHeader,
    StatusMsg, TradeMsg, rtype, v1, v2, v3,
};
use undertow_core::types::{BookKey, InstrumentId, Nanos, PublisherId};

/// Offset of the record's length, which counts 32-bit words.
pub(super) const LENGTH: usize = 0;
/// Offset of the record's type.
pub(super) const RTYPE: usize = offset_of!(RecordHeader, rtype);
const PUBLISHER_ID: usize = offset_of!(RecordHeader, publisher_id);
const INSTRUMENT_ID: usize = offset_of!(RecordHeader, instrument_id);
pub(super) const TS_EVENT: usize = offset_of!(RecordHeader, ts_event);

/// What every record begins with.
pub(super) const HEADER_LEN: usize = size_of::<RecordHeader>();
/// What a stream with `ts_out` appends to every record.
pub(super) const TS_OUT_LEN: usize = size_of::<u64>();
/// A market-by-order record.
pub(super) const MBO_LEN: usize = size_of::<MboMsg>();

const _: () = assert!(RTYPE == LENGTH + 1, "the length byte is the first");
const _: () = assert!(HEADER_LEN == 16 && MBO_LEN == 56);
const _: () = assert!(size_of::<v1::InstrumentDefMsg>() == 360);
const _: () = assert!(size_of::<v2::InstrumentDefMsg>() == 400);
const _: () = assert!(size_of::<v3::InstrumentDefMsg>() == 520);

/// The `N` bytes at `at`. Callers have checked the record's length against its layout.
#[inline(always)]
pub(super) fn bytes_at<const N: usize>(record: &[u8], at: usize) -> [u8; N] {
    let mut bytes = [0; N];
    bytes.copy_from_slice(&record[at..at + N]);
    bytes
}

macro_rules! reader {
    ($name:ident, $int:ty) => {
        #[doc = concat!("The `", stringify!($int), "` at `at`.")]
        #[inline(always)]
        pub(super) fn $name(record: &[u8], at: usize) -> $int {
            <$int>::from_le_bytes(bytes_at(record, at))
        }
    };
}

reader!(u16_at, u16);
reader!(u32_at, u32);
reader!(i32_at, i32);
reader!(u64_at, u64);
reader!(i64_at, i64);

/// The instrument and publisher of a record.
#[inline(always)]
pub(super) fn key(record: &[u8]) -> BookKey {
    BookKey {
        instrument_id: InstrumentId(u32_at(record, INSTRUMENT_ID)),
        publisher_id: PublisherId(u16_at(record, PUBLISHER_ID)),
    }
}

/// The venue's time of a record.
#[inline(always)]
pub(super) fn ts_event(record: &[u8]) -> Nanos {
    Nanos(u64_at(record, TS_EVENT))
}

/// The fields that the market schemas other than MBO share. An absent one is `None`.
pub(super) struct Fields {
    pub(super) price: usize,
    pub(super) size: usize,
    pub(super) action: Option<usize>,
    pub(super) side: usize,
    pub(super) flags: usize,
    pub(super) ts_recv: usize,
    pub(super) ts_in_delta: Option<usize>,
    pub(super) sequence: Option<usize>,
}

/// The fields of a top-of-book schema.
pub(super) struct QuoteFields {
    pub(super) fields: Fields,
    pub(super) touch: TouchFields,
}

/// The first level of a record. Consolidated schemas have no counts.
pub(super) struct TouchFields {
    pub(super) bid_px: usize,
    pub(super) ask_px: usize,
    pub(super) bid_sz: usize,
    pub(super) ask_sz: usize,
    pub(super) counts: Option<(usize, usize)>,
}

macro_rules! fields {
    ($msg:ty, [$($has:ident),*]) => {{
        #[allow(clippy::needless_update, reason = "one of the schemas has every field")]
        Fields {
            $($has: Some(offset_of!($msg, $has)),)*
            ..Fields {
                price: offset_of!($msg, price),
                size: offset_of!($msg, size),
                action: None,
                side: offset_of!($msg, side),
                flags: offset_of!($msg, flags),
                ts_recv: offset_of!($msg, ts_recv),
                ts_in_delta: None,
                sequence: None,
            }
        }
    }};
}

const fn level(levels: usize) -> TouchFields {
    TouchFields {
        bid_px: levels + offset_of!(dbn::BidAskPair, bid_px),
        ask_px: levels + offset_of!(dbn::BidAskPair, ask_px),
        bid_sz: levels + offset_of!(dbn::BidAskPair, bid_sz),
        ask_sz: levels + offset_of!(dbn::BidAskPair, ask_sz),
        counts: Some((
            levels + offset_of!(dbn::BidAskPair, bid_ct),
            levels + offset_of!(dbn::BidAskPair, ask_ct),
        )),
    }
}

const fn consolidated_level(levels: usize) -> TouchFields {
    TouchFields {
        bid_px: levels + offset_of!(dbn::ConsolidatedBidAskPair, bid_px),
        ask_px: levels + offset_of!(dbn::ConsolidatedBidAskPair, ask_px),
        bid_sz: levels + offset_of!(dbn::ConsolidatedBidAskPair, bid_sz),
        ask_sz: levels + offset_of!(dbn::ConsolidatedBidAskPair, ask_sz),
        counts: None,
    }
}

macro_rules! quote {
    ($msg:ty, [$($has:ident),*], $level:ident) => {
        QuoteFields {
            fields: fields!($msg, [$($has),*]),
            touch: $level(offset_of!($msg, levels)),
        }
    };
}

/// A trade without an order id.
pub(super) static TRADE: Fields = fields!(TradeMsg, [action, ts_in_delta, sequence]);
/// A book change and the touch after it.
pub(super) static MBP_1: QuoteFields = quote!(Mbp1Msg, [action, ts_in_delta, sequence], level);
/// The same with ten levels, of which the first is read.
pub(super) static MBP_10: QuoteFields = quote!(Mbp10Msg, [action, ts_in_delta, sequence], level);
/// The touch at the end of an interval.
pub(super) static BBO: QuoteFields = quote!(BboMsg, [sequence], level);
/// A change of the touch over several venues.
pub(super) static CMBP_1: QuoteFields = quote!(Cmbp1Msg, [action, ts_in_delta], consolidated_level);
/// The touch over several venues at the end of an interval.
pub(super) static CBBO: QuoteFields = quote!(CbboMsg, [], consolidated_level);

/// The layouts that changed between versions.
#[derive(Debug)]
pub(super) struct Version {
    pub(super) definition: Definition,
    pub(super) statistic: Statistic,
    pub(super) mapping: Mapping,
    /// Length, text and code of a system message. Version 1 has no code.
    pub(super) system: Notice,
    /// The same of an error message.
    pub(super) error: Notice,
}

/// An instrument definition.
#[derive(Debug)]
pub(super) struct Definition {
    pub(super) len: usize,
    pub(super) ts_recv: usize,
    pub(super) min_price_increment: usize,
    pub(super) expiration: usize,
    pub(super) activation: usize,
    pub(super) unit_of_measure_qty: usize,
    pub(super) strike_price: usize,
    pub(super) underlying_id: usize,
    pub(super) currency: usize,
    pub(super) settl_currency: usize,
    pub(super) raw_symbol: (usize, usize),
    pub(super) asset: (usize, usize),
    pub(super) instrument_class: usize,
    pub(super) security_update_action: usize,
}

/// A venue statistic. Quantities were 32 bits wide before version 3.
#[derive(Debug)]
pub(super) struct Statistic {
    pub(super) len: usize,
    pub(super) ts_ref: usize,
    pub(super) price: usize,
    pub(super) quantity: usize,
    pub(super) quantity_len: usize,
    pub(super) stat_type: usize,
    pub(super) update_action: usize,
}

/// A symbol mapping.
#[derive(Debug)]
pub(super) struct Mapping {
    pub(super) len: usize,
    pub(super) symbol: (usize, usize),
    pub(super) start_ts: usize,
    pub(super) end_ts: usize,
}

/// A system or error message.
#[derive(Debug)]
pub(super) struct Notice {
    pub(super) len: usize,
    pub(super) text: (usize, usize),
    pub(super) code: Option<usize>,
}

/// Offset and length of an array field, both from dbn's type.
macro_rules! span {
    ($msg:ty, $field:ident) => {{
        const fn len_of<T, const N: usize>(_: fn(&$msg) -> &[T; N]) -> usize {
            N
        }
        (offset_of!($msg, $field), len_of(|msg: &$msg| &msg.$field))
    }};
}

macro_rules! definition {
    ($msg:ty) => {
        Definition {
            len: size_of::<$msg>(),
            ts_recv: offset_of!($msg, ts_recv),
            min_price_increment: offset_of!($msg, min_price_increment),
            expiration: offset_of!($msg, expiration),
            activation: offset_of!($msg, activation),
            unit_of_measure_qty: offset_of!($msg, unit_of_measure_qty),
            strike_price: offset_of!($msg, strike_price),
            underlying_id: offset_of!($msg, underlying_id),
            currency: offset_of!($msg, currency),
            settl_currency: offset_of!($msg, settl_currency),
            raw_symbol: span!($msg, raw_symbol),
            asset: span!($msg, asset),
            instrument_class: offset_of!($msg, instrument_class),
            security_update_action: offset_of!($msg, security_update_action),
        }
    };
}

macro_rules! statistic {
    ($msg:ty, $quantity:ty) => {
        Statistic {
            len: size_of::<$msg>(),
            ts_ref: offset_of!($msg, ts_ref),
            price: offset_of!($msg, price),
            quantity: offset_of!($msg, quantity),
            quantity_len: size_of::<$quantity>(),
            stat_type: offset_of!($msg, stat_type),
            update_action: offset_of!($msg, update_action),
        }
    };
}

macro_rules! mapping {
    ($msg:ty) => {
        Mapping {
            len: size_of::<$msg>(),
            symbol: span!($msg, stype_out_symbol),
            start_ts: offset_of!($msg, start_ts),
            end_ts: offset_of!($msg, end_ts),
        }
    };
}

macro_rules! notice {
    ($msg:ty, $text:ident, $code:expr) => {
        Notice {
            len: size_of::<$msg>(),
            text: span!($msg, $text),
            code: $code,
        }
    };
}

/// By version, from 1.
pub(super) static VERSIONS: [Version; 3] = [
    Version {
        definition: definition!(v1::InstrumentDefMsg),
        statistic: statistic!(v1::StatMsg, i32),
        mapping: mapping!(v1::SymbolMappingMsg),
        system: notice!(v1::SystemMsg, msg, None),
        error: notice!(v1::ErrorMsg, err, None),
    },
    Version {
        definition: definition!(v2::InstrumentDefMsg),
        statistic: statistic!(v2::StatMsg, i32),
        mapping: mapping!(v2::SymbolMappingMsg),
        system: notice!(v2::SystemMsg, msg, Some(offset_of!(v2::SystemMsg, code))),
        error: notice!(v2::ErrorMsg, err, Some(offset_of!(v2::ErrorMsg, code))),
    },
    Version {
        definition: definition!(v3::InstrumentDefMsg),
        statistic: statistic!(v3::StatMsg, i64),
        mapping: mapping!(v3::SymbolMappingMsg),
        system: notice!(v3::SystemMsg, msg, Some(offset_of!(v3::SystemMsg, code))),
        error: notice!(v3::ErrorMsg, err, Some(offset_of!(v3::ErrorMsg, code))),
    },
];

impl Version {
    /// The length of a record of this type without `ts_out`; `None` for a type unknown to DBN.
    pub(super) fn record_len(&self, rtype: u8) -> Option<usize> {
        Some(match rtype {
            rtype::MBO => MBO_LEN,
            rtype::MBP_0 => size_of::<TradeMsg>(),
            rtype::MBP_1 | rtype::TBBO => size_of::<Mbp1Msg>(),
            rtype::MBP_10 => size_of::<Mbp10Msg>(),
            rtype::BBO_1S | rtype::BBO_1M => size_of::<BboMsg>(),
            rtype::CMBP_1 | rtype::TCBBO => size_of::<Cmbp1Msg>(),
            rtype::CBBO_1S | rtype::CBBO_1M => size_of::<CbboMsg>(),
            rtype if is_bar(rtype) => size_of::<OhlcvMsg>(),
            rtype::STATUS => size_of::<StatusMsg>(),
            rtype::IMBALANCE => size_of::<ImbalanceMsg>(),
            rtype::INSTRUMENT_DEF => self.definition.len,
            rtype::STATISTICS => self.statistic.len,
            rtype::SYMBOL_MAPPING => self.mapping.len,
            rtype::SYSTEM => self.system.len,
            rtype::ERROR => self.error.len,
            _ => return None,
        })
    }
}

/// Where `ts_recv` lies in a record of this type; `None` for types without one.
pub(super) const fn ts_recv_at(rtype: u8) -> Option<usize> {
    Some(match rtype {
        rtype::MBO => offset_of!(MboMsg, ts_recv),
        rtype::MBP_0 => offset_of!(TradeMsg, ts_recv),
        rtype::MBP_1 | rtype::TBBO => offset_of!(Mbp1Msg, ts_recv),
        rtype::MBP_10 => offset_of!(Mbp10Msg, ts_recv),
        rtype::BBO_1S | rtype::BBO_1M => offset_of!(BboMsg, ts_recv),
        rtype::CMBP_1 | rtype::TCBBO => offset_of!(Cmbp1Msg, ts_recv),
        rtype::CBBO_1S | rtype::CBBO_1M => offset_of!(CbboMsg, ts_recv),
        rtype::STATUS => offset_of!(StatusMsg, ts_recv),
        rtype::IMBALANCE => offset_of!(ImbalanceMsg, ts_recv),
        // Equal in every version.
        rtype::INSTRUMENT_DEF => offset_of!(v3::InstrumentDefMsg, ts_recv),
        rtype::STATISTICS => offset_of!(v3::StatMsg, ts_recv),
        _ => return None,
    })
}

const _: () = assert!(
    offset_of!(v1::InstrumentDefMsg, ts_recv) == offset_of!(v3::InstrumentDefMsg, ts_recv)
        && offset_of!(v2::InstrumentDefMsg, ts_recv) == offset_of!(v3::InstrumentDefMsg, ts_recv)
        && offset_of!(v1::StatMsg, ts_recv) == offset_of!(v3::StatMsg, ts_recv)
);

/// Whether the type is a bar of some width.
#[allow(
    deprecated,
    reason = "old files still hold bars of the deprecated type"
)]
pub(super) const fn is_bar(rtype: u8) -> bool {
    matches!(
        rtype,
        rtype::OHLCV_1S
            | rtype::OHLCV_1M
            | rtype::OHLCV_1H
            | rtype::OHLCV_1D
            | rtype::OHLCV_EOD
            | rtype::OHLCV_DEPRECATED
    )
}

/// The width of a bar in nanoseconds, 0 where the type does not say.
pub(super) const fn bar_ns(rtype: u8) -> u64 {
    const SECOND_NS: u64 = 1_000_000_000;
    match rtype {
        rtype::OHLCV_1S => SECOND_NS,
        rtype::OHLCV_1M => 60 * SECOND_NS,
        rtype::OHLCV_1H => 3_600 * SECOND_NS,
        rtype::OHLCV_1D | rtype::OHLCV_EOD => 86_400 * SECOND_NS,
        _ => 0,
    }
}
