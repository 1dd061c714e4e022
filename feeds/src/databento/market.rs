//! Market records: bytes to [`Mbo`] and [`Touch`].
//!
//! Prices and sizes pass through as sent, sentinels and extremes included; only the action and
//! side bytes are checked, for nothing downstream could act on an unknown one.

use core::mem::offset_of;
use dbn::MboMsg;
use undertow_core::event::{Control, Mbo, RecordHeader, Suspicion, Touch};
use undertow_core::types::{Action, Flags, Nanos, OrderId, Price, Side};

use zerocopy::TryFromBytes;

use super::layout::{
    self, Fields, MBO_LEN, QuoteFields, TouchFields, i32_at, i64_at, key, ts_event, u32_at, u64_at,
};

/// Reads a market-by-order record, wherever it lies.
#[inline(always)]
pub(super) fn mbo(record: &[u8; MBO_LEN]) -> Result<Mbo, Suspicion> {
    let action = action(record[offset_of!(MboMsg, action)])?;
    let side = side(record[offset_of!(MboMsg, side)])?;
    Ok(mbo_as(record, action, side))
}

/// The same of a record that nobody depends on: what it does not say well is something else.
/// Without a branch, so that a field which is not used costs nothing.
#[inline(always)]
pub(super) fn likely_mbo(record: &[u8; MBO_LEN]) -> Mbo {
    let side = match record[offset_of!(MboMsg, side)] & 1 {
        0 => Side::Bid,
        _ => Side::Ask,
    };
    mbo_as(record, Action::None, side)
}

#[inline(always)]
fn mbo_as(record: &[u8; MBO_LEN], action: Action, side: Side) -> Mbo {
    let key = key(record);
    Mbo {
        header: RecordHeader::UNSET,
        publisher_id: key.publisher_id,
        instrument_id: key.instrument_id,
        ts_event: ts_event(record),
        order_id: OrderId(u64_at(record, offset_of!(MboMsg, order_id))),
        price: Price(i64_at(record, offset_of!(MboMsg, price))),
        size: u32_at(record, offset_of!(MboMsg, size)),
        flags: Flags(record[offset_of!(MboMsg, flags)]),
        channel_id: record[offset_of!(MboMsg, channel_id)],
        action,
        side,
        ts_recv: Nanos(u64_at(record, offset_of!(MboMsg, ts_recv))),
        ts_in_delta: i32_at(record, offset_of!(MboMsg, ts_in_delta)),
        sequence: u32_at(record, offset_of!(MboMsg, sequence)),
    }
}

/// Reads a bare trade. Nothing but a trade may come without an order id.
pub(super) fn trade(record: &[u8]) -> Result<Mbo, Suspicion> {
    let mbo = fields(record, &layout::TRADE)?;
    match mbo.action {
        Action::Trade => Ok(mbo),
        _ => Err(Suspicion::UnknownAction),
    }
}

/// Reads a record of a top-of-book schema.
pub(super) fn quote(record: &[u8], at: &QuoteFields) -> Result<Control, Suspicion> {
    let mbo = fields(record, &at.fields)?;
    Ok(Control::Quote(mbo, touch(record, &at.touch)))
}

/// The side that a byte stands for.
#[inline(always)]
pub(super) fn side(byte: u8) -> Result<Side, Suspicion> {
    Side::try_read_from_bytes(&[byte]).map_err(|_| Suspicion::UnknownSide)
}

#[inline(always)]
fn action(byte: u8) -> Result<Action, Suspicion> {
    Action::try_read_from_bytes(&[byte]).map_err(|_| Suspicion::UnknownAction)
}

fn fields(record: &[u8], at: &Fields) -> Result<Mbo, Suspicion> {
    let key = key(record);
    Ok(Mbo {
        header: RecordHeader::UNSET,
        ts_event: ts_event(record),
        ts_recv: Nanos(u64_at(record, at.ts_recv)),
        order_id: OrderId(0),
        price: Price(i64_at(record, at.price)),
        size: u32_at(record, at.size),
        sequence: at.sequence.map_or(0, |at| u32_at(record, at)),
        ts_in_delta: at.ts_in_delta.map_or(0, |at| i32_at(record, at)),
        instrument_id: key.instrument_id,
        publisher_id: key.publisher_id,
        flags: Flags(record[at.flags]),
        action: at
            .action
            .map_or(Ok(Action::None), |at| action(record[at]))?,
        side: side(record[at.side])?,
        channel_id: 0,
    })
}

/// Reads a touch. A side without a price has neither size nor count, whatever is sent.
fn touch(record: &[u8], at: &TouchFields) -> Touch {
    let (bid_count, ask_count) = at.counts.map_or((0, 0), |(bid, ask)| {
        (u32_at(record, bid), u32_at(record, ask))
    });
    let mut touch = Touch {
        bid: Price(i64_at(record, at.bid_px)),
        ask: Price(i64_at(record, at.ask_px)),
        bid_size: u64::from(u32_at(record, at.bid_sz)),
        ask_size: u64::from(u32_at(record, at.ask_sz)),
        bid_count,
        ask_count,
    };
    if !touch.bid.is_defined() {
        (touch.bid_size, touch.bid_count) = (0, 0);
    }
    if !touch.ask.is_defined() {
        (touch.ask_size, touch.ask_count) = (0, 0);
    }
    touch
}
