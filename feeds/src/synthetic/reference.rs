//! What a subscriber is told before the market speaks: metadata with symbol mappings,
//! definitions, statistics (open interest, settlement) and trading status.

use std::ffi::c_char;
use std::io;
use std::num::NonZeroU64;

use dbn::encode::dbn::MetadataEncoder;
use dbn::record::str_to_c_chars;
use dbn::{
    InstrumentDefMsg, MappingInterval, Metadata, RecordHeader, SType, Schema, StatMsg, StatType,
    StatusAction, StatusMsg, SymbolMapping, TradingEvent, TriState, UNDEF_PRICE,
    UNDEF_STAT_QUANTITY, UNDEF_TIMESTAMP, rtype,
};
use time::{Date, Duration};

use super::contracts::{Contract, POINT};
use super::tape::{PUBLISHER, Tape};

/// Writes the prelude: dataset, span, and the symbol of every contract for the day.
///
/// # Errors
/// When the metadata cannot be encoded, as with a symbol longer than DBN allows.
pub(super) fn write_metadata(
    tape: &mut Tape<'_>,
    date: Date,
    schema: Option<Schema>,
    [start, end]: [u64; 2],
    contracts: &[Contract],
) -> io::Result<()> {
    let mapping = |contract: &Contract| SymbolMapping {
        raw_symbol: contract.symbol.clone(),
        intervals: vec![MappingInterval {
            start_date: date,
            end_date: date + Duration::DAY,
            symbol: contract.id.to_string(),
        }],
    };
    let metadata = Metadata::builder()
        .version(3)
        .dataset("GLBX.MDP3".to_owned())
        .schema(schema)
        .start(start)
        .end(NonZeroU64::new(end))
        .stype_in(Some(SType::RawSymbol))
        .stype_out(SType::InstrumentId)
        .symbols(
            contracts
                .iter()
                .map(|contract| contract.symbol.clone())
                .collect(),
        )
        .mappings(contracts.iter().map(mapping).collect())
        .build();
    let mut bytes = Vec::new();
    MetadataEncoder::new(&mut bytes)
        .encode(&metadata)
        .map_err(io::Error::other)?;
    tape.write_prelude(&bytes);
    Ok(())
}

/// Writes a contract's terms.
///
/// # Errors
/// When a name is longer than DBN allows.
pub(super) fn write_definition(tape: &mut Tape<'_>, contract: &Contract) -> io::Result<()> {
    let is_option = contract.is_option();
    let (cfi, security_type) = match contract.class {
        dbn::InstrumentClass::Call => ("OCAFPS", "OOF"),
        dbn::InstrumentClass::Put => ("OPAFPS", "OOF"),
        _ => ("FFIXSX", "FUT"),
    };
    let record = InstrumentDefMsg {
        hd: RecordHeader::new::<InstrumentDefMsg>(
            rtype::INSTRUMENT_DEF,
            PUBLISHER,
            contract.id,
            tape.now(),
        ),
        ts_recv: tape.receive(),
        min_price_increment: contract.tick,
        display_factor: POINT / 100,
        expiration: contract.expiration,
        activation: contract.expiration - 180 * 86_400 * 1_000_000_000,
        unit_of_measure_qty: contract.multiplier * POINT,
        min_price_increment_amount: contract.tick * contract.multiplier,
        strike_price: if is_option {
            i64::from(contract.strike) * POINT
        } else {
            UNDEF_PRICE
        },
        raw_instrument_id: u64::from(contract.id),
        underlying_id: contract.underlying_id,
        market_depth: if is_option { 3 } else { 10 },
        market_segment_id: if is_option { 58 } else { 64 },
        max_trade_vol: 3_000,
        min_trade_vol: 1,
        maturity_year: contract.expiry.year() as u16,
        maturity_month: contract.expiry.month() as u8,
        maturity_day: contract.expiry.day(),
        channel_id: 0,
        currency: name("USD")?,
        settl_currency: name("USD")?,
        raw_symbol: name(&contract.symbol)?,
        group: name(&contract.asset)?,
        exchange: name("XCME")?,
        asset: name(&contract.asset)?,
        cfi: name(cfi)?,
        security_type: name(security_type)?,
        unit_of_measure: name("IPNT")?,
        underlying: name(&contract.underlying)?,
        strike_price_currency: name(if is_option { "USD" } else { "" })?,
        instrument_class: contract.class as c_char,
        match_algorithm: b'F' as c_char,
        security_update_action: b'A' as c_char,
        ..InstrumentDefMsg::default()
    };
    tape.write_other(record.as_ref());
    Ok(())
}

/// Part of the open interest that is taken to have traded on the day before.
const VOLUME_PARTS: i64 = 3;

/// Writes the day's open interest, the last settlement and the volume cleared on the day before.
pub(super) fn write_statistics(
    tape: &mut Tape<'_>,
    contract: &Contract,
    open_interest: i64,
    settlement: i64,
    ts_ref: u64,
) {
    let figures = [
        (StatType::OpenInterest, UNDEF_PRICE, open_interest),
        (StatType::SettlementPrice, settlement, UNDEF_STAT_QUANTITY),
        (
            StatType::ClearedVolume,
            UNDEF_PRICE,
            open_interest / VOLUME_PARTS,
        ),
    ];
    for (stat_type, price, quantity) in figures {
        let hd =
            RecordHeader::new::<StatMsg>(rtype::STATISTICS, PUBLISHER, contract.id, tape.now());
        let record = StatMsg {
            hd,
            ts_recv: tape.receive(),
            ts_ref,
            price,
            quantity,
            sequence: tape.next_sequence(),
            ts_in_delta: 14_000,
            stat_type: stat_type as u16,
            channel_id: 0,
            update_action: 1,
            ..StatMsg::default()
        };
        debug_assert!(record.ts_ref != UNDEF_TIMESTAMP);
        tape.write_other(record.as_ref());
    }
}

/// Writes that a contract has gone into a phase of trading.
pub(super) fn write_status(tape: &mut Tape<'_>, contract: &Contract, action: StatusAction) {
    let is_trading = action == StatusAction::Trading;
    let is_quoting = is_trading || action == StatusAction::PreOpen;
    let tri_state = |yes| (if yes { TriState::Yes } else { TriState::No }) as c_char;
    let record = StatusMsg {
        hd: RecordHeader::new::<StatusMsg>(rtype::STATUS, PUBLISHER, contract.id, tape.now()),
        ts_recv: tape.receive(),
        action: action as u16,
        reason: dbn::StatusReason::Scheduled as u16,
        trading_event: TradingEvent::None as u16,
        is_trading: tri_state(is_trading),
        is_quoting: tri_state(is_quoting),
        ..StatusMsg::default()
    };
    tape.write_other(record.as_ref());
}

fn name<const N: usize>(text: &str) -> io::Result<[c_char; N]> {
    str_to_c_chars(text).map_err(io::Error::other)
}
