//! What dbn's own decoder says, put into our types field by field from its structs.

use dbn::decode::{DbnMetadata, DecodeRecordRef, dbn::Decoder};
use dbn::{RecordRef, VersionUpgradePolicy};
use undertow_core::event::{
    Bar, Body, Control, Definition, FeedNotice, Imbalance, InstrumentClass, Mbo, RecordHeader,
    Statistic, Status, SymbolMapping, Touch,
};
use undertow_core::types::{
    Action, BookKey, Flags, InstrumentId, Nanos, OrderId, Price, PublisherId, Side, Text,
};

/// All messages that `bytes`, a whole and sound stream, must give.
pub(crate) fn messages(bytes: &[u8]) -> Vec<Body<Mbo>> {
    let mut decoder =
        Decoder::with_upgrade_policy(bytes, VersionUpgradePolicy::UpgradeToV3).expect("a header");
    let mut said = symbols(decoder.metadata());
    while let Some(record) = decoder.decode_record_ref().expect("a record") {
        said.extend(message(&record));
    }
    said
}

fn symbols(metadata: &dbn::Metadata) -> Vec<Body<Mbo>> {
    let mut said = Vec::new();
    for mapping in &metadata.mappings {
        for interval in &mapping.intervals {
            let ids = metadata.stype_in == Some(dbn::SType::InstrumentId);
            let (id, symbol) = if ids {
                (&mapping.raw_symbol, &interval.symbol)
            } else {
                (&interval.symbol, &mapping.raw_symbol)
            };
            let Ok(id) = id.parse() else { continue };
            let nanos = |date: time::Date| {
                let nanos = date.midnight().assume_utc().unix_timestamp_nanos();
                Nanos(u64::try_from(nanos).expect("after 1970"))
            };
            said.push(Body::Control(Control::Symbol(SymbolMapping {
                instrument_id: InstrumentId(id),
                start: nanos(interval.start_date),
                end: nanos(interval.end_date),
                symbol: Text::from_bytes(symbol.as_bytes()),
            })));
        }
    }
    said
}

fn message(record: &RecordRef) -> Vec<Body<Mbo>> {
    if let Some(msg) = record.get::<dbn::MboMsg>() {
        return vec![data(Mbo {
            order_id: OrderId(msg.order_id),
            channel_id: msg.channel_id,
            ..mbo(
                &msg.hd,
                (msg.price, msg.size, msg.flags.raw()),
                (msg.action().ok(), msg.side().ok()),
                (msg.ts_recv, msg.ts_in_delta, msg.sequence),
            )
        })];
    }
    if let Some(msg) = record.get::<dbn::TradeMsg>() {
        return vec![data(mbo(
            &msg.hd,
            (msg.price, msg.size, msg.flags.raw()),
            (msg.action().ok(), msg.side().ok()),
            (msg.ts_recv, msg.ts_in_delta, msg.sequence),
        ))];
    }
    if let Some((mbo, touch)) = quote(record) {
        return vec![Body::Control(Control::Quote(mbo, touch))];
    }
    if let Some(msg) = record.get::<dbn::InstrumentDefMsg>() {
        return definition(msg);
    }
    vec![Body::Control(control(record))]
}

fn quote(record: &RecordRef) -> Option<(Mbo, Touch)> {
    if let Some(msg) = record.get::<dbn::Mbp1Msg>() {
        let mbo = mbo(
            &msg.hd,
            (msg.price, msg.size, msg.flags.raw()),
            (msg.action().ok(), msg.side().ok()),
            (msg.ts_recv, msg.ts_in_delta, msg.sequence),
        );
        return Some((mbo, touch(&msg.levels[0])));
    }
    if let Some(msg) = record.get::<dbn::Mbp10Msg>() {
        let mbo = mbo(
            &msg.hd,
            (msg.price, msg.size, msg.flags.raw()),
            (msg.action().ok(), msg.side().ok()),
            (msg.ts_recv, msg.ts_in_delta, msg.sequence),
        );
        return Some((mbo, touch(&msg.levels[0])));
    }
    if let Some(msg) = record.get::<dbn::BboMsg>() {
        let mbo = mbo(
            &msg.hd,
            (msg.price, msg.size, msg.flags.raw()),
            (Some(dbn::Action::None), msg.side().ok()),
            (msg.ts_recv, 0, msg.sequence),
        );
        return Some((mbo, touch(&msg.levels[0])));
    }
    if let Some(msg) = record.get::<dbn::Cmbp1Msg>() {
        let mbo = mbo(
            &msg.hd,
            (msg.price, msg.size, msg.flags.raw()),
            (msg.action().ok(), msg.side().ok()),
            (msg.ts_recv, msg.ts_in_delta, 0),
        );
        return Some((mbo, consolidated(&msg.levels[0])));
    }
    let msg = record.get::<dbn::CbboMsg>()?;
    let mbo = mbo(
        &msg.hd,
        (msg.price, msg.size, msg.flags.raw()),
        (Some(dbn::Action::None), msg.side().ok()),
        (msg.ts_recv, 0, 0),
    );
    Some((mbo, consolidated(&msg.levels[0])))
}

fn control(record: &RecordRef) -> Control {
    let key = key(record.header());
    let ts_event = Nanos(record.header().ts_event);
    if let Some(msg) = record.get::<dbn::OhlcvMsg>() {
        Control::Bar(Bar {
            key,
            ts_event,
            rtype: msg.hd.rtype,
            open: Price(msg.open),
            high: Price(msg.high),
            low: Price(msg.low),
            close: Price(msg.close),
            volume: msg.volume,
        })
    } else if let Some(msg) = record.get::<dbn::StatusMsg>() {
        Control::Status(Status {
            key,
            ts_event,
            action: msg.action,
            reason: msg.reason,
            is_trading: msg.is_trading(),
        })
    } else if let Some(msg) = record.get::<dbn::ImbalanceMsg>() {
        Control::Imbalance(Imbalance {
            key,
            ts_event,
            ref_price: Price(msg.ref_price),
            match_price: Price(msg.ind_match_price),
            clearing_price: Price(msg.cont_book_clr_price),
            paired_size: msg.paired_qty,
            imbalance_size: msg.total_imbalance_qty,
            side: side(msg.side().ok()),
        })
    } else if let Some(msg) = record.get::<dbn::StatMsg>() {
        Control::Statistic(Statistic {
            key,
            ts_event,
            ts_ref: Nanos(msg.ts_ref),
            price: Price(msg.price),
            quantity: msg.quantity,
            stat_type: msg.stat_type,
            deleted: msg.update_action == 2,
        })
    } else if let Some(msg) = record.get::<dbn::SymbolMappingMsg>() {
        Control::Symbol(SymbolMapping {
            instrument_id: key.instrument_id,
            start: Nanos(msg.start_ts),
            end: Nanos(msg.end_ts),
            symbol: Text::from_bytes(msg.stype_out_symbol().expect("a symbol").as_bytes()),
        })
    } else {
        Control::Feed(notice(record))
    }
}

fn notice(record: &RecordRef) -> FeedNotice {
    use dbn::{ErrorCode, SystemCode};
    if let Some(msg) = record.get::<dbn::SystemMsg>() {
        return match msg.code() {
            Ok(SystemCode::Heartbeat) => FeedNotice::Heartbeat,
            Ok(SystemCode::SubscriptionAck) => FeedNotice::Subscribed,
            Ok(SystemCode::SlowReaderWarning) => FeedNotice::SlowReader,
            Ok(SystemCode::ReplayCompleted) => FeedNotice::ReplayCompleted,
            Ok(SystemCode::EndOfInterval) => FeedNotice::EndOfInterval,
            _ => FeedNotice::Other(msg.code),
        };
    }
    let msg = record
        .get::<dbn::ErrorMsg>()
        .expect("no other record type is left");
    match msg.code() {
        Ok(ErrorCode::SkippedRecordsAfterSlowReading) => FeedNotice::Skipped,
        Ok(
            ErrorCode::AuthFailed
            | ErrorCode::ApiKeyDeactivated
            | ErrorCode::ConnectionLimitExceeded
            | ErrorCode::InternalError,
        ) => FeedNotice::Fatal(msg.code),
        _ => FeedNotice::Error(msg.code),
    }
}

fn definition(msg: &dbn::InstrumentDefMsg) -> Vec<Body<Mbo>> {
    use InstrumentClass as Class;
    let class = match msg.instrument_class() {
        Ok(dbn::InstrumentClass::Bond) => Class::Bond,
        Ok(dbn::InstrumentClass::Call) => Class::Call,
        Ok(dbn::InstrumentClass::Future) => Class::Future,
        Ok(dbn::InstrumentClass::Stock) => Class::Stock,
        Ok(dbn::InstrumentClass::MixedSpread) => Class::MixedSpread,
        Ok(dbn::InstrumentClass::Put) => Class::Put,
        Ok(dbn::InstrumentClass::FutureSpread) => Class::FutureSpread,
        Ok(dbn::InstrumentClass::OptionSpread) => Class::OptionSpread,
        Ok(dbn::InstrumentClass::FxSpot) => Class::FxSpot,
        Ok(dbn::InstrumentClass::CommoditySpot) => Class::CommoditySpot,
        _ => Class::Other,
    };
    let settlement = msg.settl_currency().expect("text");
    let currency = if settlement.is_empty() {
        msg.currency().expect("text")
    } else {
        settlement
    };
    let symbol = msg.raw_symbol().expect("text");
    let symbol = (!symbol.is_empty()).then(|| {
        Control::Symbol(SymbolMapping {
            instrument_id: InstrumentId(msg.hd.instrument_id),
            start: Nanos(msg.ts_recv),
            end: Nanos::UNDEFINED,
            symbol: Text::from_bytes(symbol.as_bytes()),
        })
    });
    let terms = Control::Definition(Definition {
        key: key(&msg.hd),
        ts_recv: Nanos(msg.ts_recv),
        class,
        update_action: u8::try_from(msg.security_update_action).expect("ASCII"),
        strike: Price(msg.strike_price),
        expiration: Nanos(msg.expiration),
        activation: Nanos(msg.activation),
        tick: Price(msg.min_price_increment),
        unit_qty: Price(msg.unit_of_measure_qty),
        underlying_id: InstrumentId(msg.underlying_id),
        asset: Text::from_bytes(msg.asset().expect("text").as_bytes()),
        currency: Text::from_bytes(currency.as_bytes()),
    });
    symbol
        .into_iter()
        .chain([terms])
        .map(Body::Control)
        .collect()
}

fn data(mbo: Mbo) -> Body<Mbo> {
    Body::Data(mbo)
}

fn key(hd: &dbn::RecordHeader) -> BookKey {
    BookKey {
        instrument_id: InstrumentId(hd.instrument_id),
        publisher_id: PublisherId(hd.publisher_id),
    }
}

fn mbo(
    hd: &dbn::RecordHeader,
    (price, size, flags): (i64, u32, u8),
    (action, of_side): (Option<dbn::Action>, Option<dbn::Side>),
    (ts_recv, ts_in_delta, sequence): (u64, i32, u32),
) -> Mbo {
    Mbo {
        header: RecordHeader::UNSET,
        ts_event: Nanos(hd.ts_event),
        ts_recv: Nanos(ts_recv),
        order_id: OrderId(0),
        price: Price(price),
        size,
        sequence,
        ts_in_delta,
        instrument_id: InstrumentId(hd.instrument_id),
        publisher_id: PublisherId(hd.publisher_id),
        flags: Flags(flags),
        action: match action.expect("a sound action") {
            dbn::Action::Add => Action::Add,
            dbn::Action::Cancel => Action::Cancel,
            dbn::Action::Modify => Action::Modify,
            dbn::Action::Clear => Action::Clear,
            dbn::Action::Trade => Action::Trade,
            dbn::Action::Fill => Action::Fill,
            dbn::Action::None => Action::None,
        },
        side: side(of_side),
        channel_id: 0,
    }
}

fn side(side: Option<dbn::Side>) -> Side {
    match side.expect("a sound side") {
        dbn::Side::Bid => Side::Bid,
        dbn::Side::Ask => Side::Ask,
        dbn::Side::None => Side::None,
    }
}

fn touch(level: &dbn::BidAskPair) -> Touch {
    Touch {
        bid: Price(level.bid_px),
        ask: Price(level.ask_px),
        bid_size: level.bid_sz.into(),
        ask_size: level.ask_sz.into(),
        bid_count: level.bid_ct,
        ask_count: level.ask_ct,
    }
}

fn consolidated(level: &dbn::ConsolidatedBidAskPair) -> Touch {
    Touch {
        bid: Price(level.bid_px),
        ask: Price(level.ask_px),
        bid_size: level.bid_sz.into(),
        ask_size: level.ask_sz.into(),
        bid_count: 0,
        ask_count: 0,
    }
}
