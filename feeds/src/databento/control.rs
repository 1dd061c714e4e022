//! Records that are not the market's: bytes to [`Control`].
//!
//! Versions differ here; the caller gives the [`Version`] whose layouts apply and a record of
//! that version's length. Timestamps and prices pass through as sent.

use core::ffi::c_char;
use core::mem::offset_of;
use dbn::{ErrorCode, ImbalanceMsg, OhlcvMsg, RecordHeader, StatusMsg, SystemCode, rtype, v1, v2};
use undertow_core::event::{
    Bar, Control, Definition, FeedNotice, Imbalance, InstrumentClass, Statistic, Status, Suspicion,
    SymbolMapping,
};
use undertow_core::types::{InstrumentId, Nanos, Price, Text};

use super::layout::{
    RTYPE, Version, bytes_at, i32_at, i64_at, key, ts_event, u16_at, u32_at, u64_at,
};
use super::market::side;

/// Reads an instrument definition.
pub(super) fn definition(record: &[u8], version: &Version) -> Control {
    let at = &version.definition;
    let settlement: Text<4> = Text::from_bytes(&record[at.settl_currency..][..4]);
    // The settlement currency is left out where it is the price's own.
    let currency = match settlement.as_str() {
        "" => Text::from_bytes(&record[at.currency..][..4]),
        _ => settlement,
    };
    Control::Definition(Definition {
        key: key(record),
        ts_recv: Nanos(u64_at(record, at.ts_recv)),
        class: class(record[at.instrument_class]),
        update_action: record[at.security_update_action],
        strike: Price(i64_at(record, at.strike_price)),
        expiration: Nanos(u64_at(record, at.expiration)),
        activation: Nanos(u64_at(record, at.activation)),
        tick: Price(i64_at(record, at.min_price_increment)),
        unit_qty: Price(i64_at(record, at.unit_of_measure_qty)),
        underlying_id: InstrumentId(u32_at(record, at.underlying_id)),
        asset: text(record, at.asset),
        currency,
    })
}

/// Reads the name that an instrument definition gives its instrument; `None` without one.
pub(super) fn definition_symbol(record: &[u8], version: &Version) -> Option<Control> {
    let at = &version.definition;
    let symbol: Text<71> = text(record, at.raw_symbol);
    let mapping = SymbolMapping {
        instrument_id: key(record).instrument_id,
        start: Nanos(u64_at(record, at.ts_recv)),
        end: Nanos::UNDEFINED,
        symbol,
    };
    (!symbol.as_str().is_empty()).then_some(Control::Symbol(mapping))
}

/// Reads a symbol mapping.
pub(super) fn symbol_mapping(record: &[u8], version: &Version) -> Control {
    let at = &version.mapping;
    Control::Symbol(SymbolMapping {
        instrument_id: key(record).instrument_id,
        start: Nanos(u64_at(record, at.start_ts)),
        end: Nanos(u64_at(record, at.end_ts)),
        symbol: text(record, at.symbol),
    })
}

/// Reads a venue statistic.
pub(super) fn statistic(record: &[u8], version: &Version) -> Control {
    const DELETE: u8 = dbn::StatUpdateAction::Delete as u8;
    let at = &version.statistic;
    let quantity = if at.quantity_len == size_of::<i64>() {
        i64_at(record, at.quantity)
    } else {
        match i32_at(record, at.quantity) {
            v1::UNDEF_STAT_QUANTITY => dbn::UNDEF_STAT_QUANTITY,
            quantity => i64::from(quantity),
        }
    };
    Control::Statistic(Statistic {
        key: key(record),
        ts_event: ts_event(record),
        ts_ref: Nanos(u64_at(record, at.ts_ref)),
        price: Price(i64_at(record, at.price)),
        quantity,
        stat_type: u16_at(record, at.stat_type),
        deleted: record[at.update_action] == DELETE,
    })
}

/// Reads a trading status.
pub(super) fn status(record: &[u8]) -> Control {
    Control::Status(Status {
        key: key(record),
        ts_event: ts_event(record),
        action: u16_at(record, offset_of!(StatusMsg, action)),
        reason: u16_at(record, offset_of!(StatusMsg, reason)),
        is_trading: match record[offset_of!(StatusMsg, is_trading)] {
            b'Y' => Some(true),
            b'N' => Some(false),
            _ => None,
        },
    })
}

/// Reads an auction imbalance.
pub(super) fn imbalance(record: &[u8]) -> Result<Control, Suspicion> {
    Ok(Control::Imbalance(Imbalance {
        key: key(record),
        ts_event: ts_event(record),
        ref_price: Price(i64_at(record, offset_of!(ImbalanceMsg, ref_price))),
        match_price: Price(i64_at(record, offset_of!(ImbalanceMsg, ind_match_price))),
        clearing_price: Price(i64_at(
            record,
            offset_of!(ImbalanceMsg, cont_book_clr_price),
        )),
        paired_size: u32_at(record, offset_of!(ImbalanceMsg, paired_qty)),
        imbalance_size: u32_at(record, offset_of!(ImbalanceMsg, total_imbalance_qty)),
        side: side(record[offset_of!(ImbalanceMsg, side)])?,
    }))
}

/// Reads a bar.
pub(super) fn bar(record: &[u8]) -> Control {
    Control::Bar(Bar {
        key: key(record),
        ts_event: ts_event(record),
        rtype: record[RTYPE],
        open: Price(i64_at(record, offset_of!(OhlcvMsg, open))),
        high: Price(i64_at(record, offset_of!(OhlcvMsg, high))),
        low: Price(i64_at(record, offset_of!(OhlcvMsg, low))),
        close: Price(i64_at(record, offset_of!(OhlcvMsg, close))),
        volume: u64_at(record, offset_of!(OhlcvMsg, volume)),
    })
}

/// Reads a system message.
pub(super) fn system(record: &[u8], version: &Version) -> Control {
    const HEARTBEAT: u8 = SystemCode::Heartbeat as u8;
    const SUBSCRIBED: u8 = SystemCode::SubscriptionAck as u8;
    const SLOW_READER: u8 = SystemCode::SlowReaderWarning as u8;
    const REPLAY_COMPLETED: u8 = SystemCode::ReplayCompleted as u8;
    const END_OF_INTERVAL: u8 = SystemCode::EndOfInterval as u8;
    let code = match version.system.code {
        Some(at) => record[at],
        None => system_code_v1(record, version.system.text.0),
    };
    Control::Feed(match code {
        HEARTBEAT => FeedNotice::Heartbeat,
        SUBSCRIBED => FeedNotice::Subscribed,
        SLOW_READER => FeedNotice::SlowReader,
        REPLAY_COMPLETED => FeedNotice::ReplayCompleted,
        END_OF_INTERVAL => FeedNotice::EndOfInterval,
        code => FeedNotice::Other(code),
    })
}

/// Reads an error message. Fatal are the ones after which the gateway hangs up.
pub(super) fn error(record: &[u8], version: &Version) -> Control {
    const AUTH_FAILED: u8 = ErrorCode::AuthFailed as u8;
    const API_KEY_DEACTIVATED: u8 = ErrorCode::ApiKeyDeactivated as u8;
    const CONNECTION_LIMIT: u8 = ErrorCode::ConnectionLimitExceeded as u8;
    const INTERNAL_ERROR: u8 = ErrorCode::InternalError as u8;
    const SKIPPED: u8 = ErrorCode::SkippedRecordsAfterSlowReading as u8;
    let code = match version.error.code {
        Some(at) => record[at],
        None => error_code_v1(record, version.error.text.0),
    };
    Control::Feed(match code {
        SKIPPED => FeedNotice::Skipped,
        AUTH_FAILED | API_KEY_DEACTIVATED | CONNECTION_LIMIT | INTERNAL_ERROR => {
            FeedNotice::Fatal(code)
        }
        code => FeedNotice::Error(code),
    })
}

/// Version 1 has the text only; dbn knows which code each text stands for.
fn system_code_v1(record: &[u8], at: usize) -> u8 {
    let old = v1::SystemMsg {
        hd: RecordHeader::new::<v1::SystemMsg>(rtype::SYSTEM, 0, 0, 0),
        msg: bytes_at(record, at).map(|byte: u8| byte as c_char),
    };
    v2::SystemMsg::from(&old).code
}

fn error_code_v1(record: &[u8], at: usize) -> u8 {
    let old = v1::ErrorMsg {
        hd: RecordHeader::new::<v1::ErrorMsg>(rtype::ERROR, 0, 0, 0),
        err: bytes_at(record, at).map(|byte: u8| byte as c_char),
    };
    v2::ErrorMsg::from(&old).code
}

fn text<const N: usize>(record: &[u8], (at, len): (usize, usize)) -> Text<N> {
    Text::from_bytes(&record[at..at + len])
}

fn class(byte: u8) -> InstrumentClass {
    match byte {
        b'B' => InstrumentClass::Bond,
        b'C' => InstrumentClass::Call,
        b'F' => InstrumentClass::Future,
        b'K' => InstrumentClass::Stock,
        b'M' => InstrumentClass::MixedSpread,
        b'P' => InstrumentClass::Put,
        b'S' => InstrumentClass::FutureSpread,
        b'T' => InstrumentClass::OptionSpread,
        b'X' => InstrumentClass::FxSpot,
        b'Y' => InstrumentClass::CommoditySpot,
        _ => InstrumentClass::Other,
    }
}
