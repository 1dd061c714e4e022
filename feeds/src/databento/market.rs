//! Market records: bytes to [`Mbo`] and [`Touch`].
//!
//! Prices and sizes pass through as sent, sentinels and extremes included; only the action and
//! side bytes are checked, for nothing downstream could act on an unknown one.

use core::mem::offset_of;
use dbn::MboMsg;
use undertow_core::event::{Market, Mbo, Suspicion, Touch};
use undertow_core::types::{Action, Flags, Nanos, OrderId, Price, Side};

use super::layout::{
    self, Fields, MBO_LEN, QuoteFields, TouchFields, i32_at, i64_at, key, ts_event, u32_at, u64_at,
};

/// What each byte means as an action. A table, for a chain of branches would be mispredicted.
const ACTIONS: [Option<Action>; 256] = {
    let mut actions = [None; 256];
    actions[b'A' as usize] = Some(Action::Add);
    actions[b'C' as usize] = Some(Action::Cancel);
    actions[b'M' as usize] = Some(Action::Modify);
    actions[b'R' as usize] = Some(Action::Clear);
    actions[b'T' as usize] = Some(Action::Trade);
    actions[b'F' as usize] = Some(Action::Fill);
    actions[b'N' as usize] = Some(Action::None);
    actions
};

/// What each byte means as a side.
const SIDES: [Option<Side>; 256] = {
    let mut sides = [None; 256];
    sides[b'A' as usize] = Some(Side::Ask);
    sides[b'B' as usize] = Some(Side::Bid);
    sides[b'N' as usize] = Some(Side::None);
    sides
};

/// A market-by-order record whose action and side are known, where it lies.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SoundMbo<'w> {
    record: &'w [u8; MBO_LEN],
    action: Action,
    side: Side,
}

impl<'w> SoundMbo<'w> {
    #[inline(always)]
    pub(super) fn new(record: &'w [u8; MBO_LEN]) -> Option<Self> {
        let action = ACTIONS[usize::from(record[offset_of!(MboMsg, action)])]?;
        let side = SIDES[usize::from(record[offset_of!(MboMsg, side)])]?;
        Some(Self {
            record,
            action,
            side,
        })
    }

    #[inline(always)]
    pub(super) const fn action(&self) -> Action {
        self.action
    }

    #[inline(always)]
    pub(super) fn ts_recv(&self) -> Nanos {
        Nanos(u64_at(self.record, offset_of!(MboMsg, ts_recv)))
    }

    /// The record with its fields read.
    #[inline(always)]
    pub(crate) fn mbo(&self) -> Mbo {
        mbo_as(self.record, self.action, self.side)
    }
}

/// Reads a market-by-order record.
#[inline(always)]
pub(super) fn mbo(record: &[u8; MBO_LEN]) -> Result<Mbo, Suspicion> {
    let action = action(record[offset_of!(MboMsg, action)])?;
    let side = side(record[offset_of!(MboMsg, side)])?;
    Ok(mbo_as(record, action, side))
}

/// The same of a record that nobody depends on: what it does not say well is nothing. Without a
/// branch, so that a field which is not used costs nothing.
#[inline(always)]
pub(super) fn likely_mbo(record: &[u8; MBO_LEN]) -> Mbo {
    let action = action(record[offset_of!(MboMsg, action)]).unwrap_or_default();
    let side = side(record[offset_of!(MboMsg, side)]).unwrap_or_default();
    mbo_as(record, action, side)
}

#[inline(always)]
fn mbo_as(record: &[u8; MBO_LEN], action: Action, side: Side) -> Mbo {
    let key = key(record);
    Mbo {
        ts_event: ts_event(record),
        ts_recv: Nanos(u64_at(record, offset_of!(MboMsg, ts_recv))),
        order_id: OrderId(u64_at(record, offset_of!(MboMsg, order_id))),
        price: Price(i64_at(record, offset_of!(MboMsg, price))),
        size: u32_at(record, offset_of!(MboMsg, size)),
        sequence: u32_at(record, offset_of!(MboMsg, sequence)),
        ts_in_delta: i32_at(record, offset_of!(MboMsg, ts_in_delta)),
        instrument_id: key.instrument_id,
        publisher_id: key.publisher_id,
        flags: Flags(record[offset_of!(MboMsg, flags)]),
        action,
        side,
        channel_id: record[offset_of!(MboMsg, channel_id)],
    }
}

/// Reads a bare trade. Nothing but a trade may come without an order id.
pub(super) fn trade(record: &[u8]) -> Result<Market, Suspicion> {
    let mbo = fields(record, &layout::TRADE)?;
    match mbo.action {
        Action::Trade => Ok(Market::Mbo(mbo)),
        _ => Err(Suspicion::UnknownAction),
    }
}

/// Reads a record of a top-of-book schema.
pub(super) fn quote(record: &[u8], at: &QuoteFields) -> Result<Market, Suspicion> {
    let mbo = fields(record, &at.fields)?;
    Ok(Market::Quote(mbo, touch(record, &at.touch)))
}

/// The side that a byte stands for.
#[inline(always)]
pub(super) fn side(byte: u8) -> Result<Side, Suspicion> {
    SIDES[usize::from(byte)].ok_or(Suspicion::UnknownSide)
}

#[inline(always)]
fn action(byte: u8) -> Result<Action, Suspicion> {
    ACTIONS[usize::from(byte)].ok_or(Suspicion::UnknownAction)
}

fn fields(record: &[u8], at: &Fields) -> Result<Mbo, Suspicion> {
    let key = key(record);
    Ok(Mbo {
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
