//! Records of every kind, and journals made of them.

use std::fs;
use std::path::{Path, PathBuf};

use undertow_cold::journal::{
    Adopted, BLOCK, Build, Cancelled, Carried, Claimed, Delivered, Entry, Intended, JournalError,
    Lowered, Lowering, Marked, Moment, Options, Reader, Record, Recovered, Refused, Scan, Settled,
    Signalled, Start, Sync, Writer, segment_name,
};
use undertow_core::contract::{Contract, ContractKind, Multiplier, PriceSign, TickRule};
use undertow_core::event::Operator;
use undertow_core::money::Money;
use undertow_core::order::{
    ClientOrderId, Confidence, ExecReport, Execution, ExecutionId, Intent, Purpose, Quote,
    ReportKind, SignalId, StrategyId, Style, Tif, VenueOrderId,
};
use undertow_core::risk::{
    AccountId, Breaker, BreakerKind, Gate, Halt, HaltCause, Kept, LimitChange, Limits, Mode, Phase,
    Reason, Refusal,
};
use undertow_core::types::{BookKey, InstrumentId, Nanos, Price, PublisherId, Side, Text};
use undertow_strategies::decide::identity;

pub(crate) const POINT: i64 = Price::PER_POINT;

pub(crate) const KEY: BookKey = BookKey {
    instrument_id: InstrumentId(17_077),
    publisher_id: PublisherId(1),
};

pub(crate) fn future() -> Contract {
    Contract {
        key: KEY,
        kind: ContractKind::Future,
        multiplier: Multiplier::new(20 * POINT).expect("a multiplier"),
        tick: TickRule::TwoStep {
            upto: Price(5 * POINT),
            small: Price(POINT / 20),
            large: Price(POINT / 4),
        },
        sign: PriceSign::Any,
        expiry: Nanos(1_800_000_000_000_000_000),
        currency: Text::from_bytes(b"USD"),
        underlying: KEY.instrument_id,
    }
}

pub(crate) fn intent(signal: u64) -> Intent {
    Intent {
        contract: KEY,
        side: Side::Ask,
        quantity: 3,
        price: Price(-20_000 * POINT),
        style: Style::Marketable,
        tif: Tif::Ioc,
        purpose: Purpose::Hedge,
        confidence: Confidence::from_points(81).expect("points"),
        signal_id: SignalId(signal),
        strategy: StrategyId(2),
        ts_event: Nanos(1_700_000_000_123_456_789),
        reference: Quote {
            bid: Price(20_000 * POINT),
            ask: Price::UNDEFINED,
        },
        stop: Price(i64::MIN),
        data_cost: Money(12_345),
        good_for_ns: u64::MAX,
    }
}

pub(crate) fn kept() -> Kept {
    let long = "é".repeat(32);
    let mut kept = Kept::first(7, Money::from_usd(100_000));
    kept.halt = Halt {
        gate: Gate::Shut,
        cause: HaltCause::RunAway,
        at: Nanos(5),
        resumed: Reason::new(&long),
    };
    kept.breakers = [Breaker {
        phase: Phase::Cooling,
        is_cleared: true,
        at: Nanos(u64::MAX),
    }; 6];
    kept.day_earned = Money(-5);
    kept.opened_in_run = 9;
    kept
}

pub(crate) fn start() -> Start {
    Start {
        build: Build::from_bytes("0".repeat(64).as_bytes()),
        config_hash: 1,
        input_hash: u64::MAX,
        mode: Mode::Paper,
        account: AccountId(77),
        kept: kept(),
    }
}

pub(crate) fn intended(id: u64) -> Record {
    Record::Intent(Intended {
        id: ClientOrderId(id),
        ts: Nanos(id * 10),
        intent: intent(id),
    })
}

pub(crate) fn report(id: u64, kind: ReportKind) -> Record {
    Record::Report(ExecReport {
        id: ClientOrderId(id),
        contract: KEY,
        ts_event: Nanos(id),
        kind,
    })
}

pub(crate) fn execution(base: u64, side: Side, quantity: u32, points: i64) -> Execution {
    Execution {
        id: ExecutionId { base, revision: 0 },
        side,
        quantity,
        price: Price(points * POINT),
        fee: Some(Money(12_500)),
    }
}

/// One of every kind, at its longest where lengths differ, and every kind of report.
pub(crate) fn every_kind() -> Vec<Record> {
    let mut records = vec![
        Record::Start(start()),
        Record::Contract(future()),
        Record::Carry(Carried {
            contract: KEY,
            quantity: -4,
            average: Price(1),
            mark: Price(2),
        }),
        Record::Recovered(Recovered {
            id: ClientOrderId(1),
            ts: Nanos(2),
            intent: intent(3),
            filled: 2,
        }),
        Record::NextId(ClientOrderId(100)),
        intended(101),
        Record::Placed(ClientOrderId(101)),
        Record::Cancel(Cancelled {
            id: ClientOrderId(101),
            contract: KEY,
        }),
        Record::Adopted(Adopted {
            contract: KEY,
            difference: -3,
            price: Price(3),
        }),
        Record::Settled(Settled {
            contract: KEY,
            price: Price(4),
            delivered: Some(Delivered {
                contract: KEY,
                price: Price(5),
            }),
        }),
        Record::Signal(Signalled {
            id: identity::SignalId([7; 8]),
            fingerprint: identity::Fingerprint([8; 10]),
            sequence: 4,
            outcome: 250,
        }),
        Record::Claim(Claimed {
            id: identity::SignalId([7; 8]),
            fingerprint: identity::Fingerprint([8; 10]),
            place: 3,
            at: Nanos(5),
            ttl_ns: 6,
        }),
        Record::Halt(kept().halt),
        Record::Resume(Reason::new("checked by hand").expect("a reason")),
        Record::Kept(kept()),
        Record::Limit(Lowered {
            name: Text::from_bytes(b"order_quantity_max"),
            from: 5,
            to: 2,
            outcome: Lowering::Taken,
        }),
        Record::Mark(Marked {
            contract: KEY,
            price: Price(6),
        }),
        Record::Checkpoint(u64::MAX),
        Record::End(1),
    ];
    records.extend(orders().into_iter().map(Record::Ordered));
    records.extend(refusals());
    records.extend(reports());
    records
}

/// Every word of an operator, of every breaker and of every limit.
pub(crate) fn orders() -> Vec<Operator> {
    let mut orders = vec![
        Operator::Halt,
        Operator::Resume(kept().halt.resumed.expect("a reason")),
        Operator::CancelAll,
        Operator::Close(SignalId(u64::MAX)),
        Operator::Flatten,
        Operator::Kill,
        Operator::Disable(StrategyId(u8::MAX)),
        Operator::Enable(StrategyId(2)),
    ];
    let reason = kept().halt.resumed.expect("a reason");
    let breakers = BreakerKind::ALL.into_iter();
    orders.extend(breakers.map(|kind| Operator::Clear(kind, reason)));
    let changes = Limits::FIELDS.iter();
    orders.extend(changes.map(|field| {
        let change = LimitChange::new(field.name, i64::MIN);
        Operator::Tighten(change.expect("a limit"))
    }));
    orders
}

fn refusals() -> impl Iterator<Item = Record> {
    Refusal::ALL.into_iter().map(|refusal| {
        Record::Refused(Refused {
            intent: intent(8),
            refusal,
        })
    })
}

fn reports() -> impl Iterator<Item = Record> {
    let id = ExecutionId {
        base: 9,
        revision: 3,
    };
    let reports = [
        ReportKind::Sent,
        ReportKind::Acked(VenueOrderId(u64::MAX)),
        ReportKind::Working,
        ReportKind::Executed(execution(5, Side::Bid, 2, 9)),
        ReportKind::Fee(id, Money(-1)),
        ReportKind::Cancelled { filled: 1 },
        ReportKind::Expired { filled: 2 },
        ReportKind::Rejected(201),
        ReportKind::CancelRejected,
        ReportKind::NoAnswer,
        ReportKind::Absent { filled: u32::MAX },
    ];
    reports.into_iter().map(|kind| report(101, kind))
}

/// When a record is written, by its number.
pub(crate) fn moment(number: u64) -> Moment {
    Moment {
        event: number * 3,
        ts_event: Nanos(1_700_000_000_000_000_000 + number),
        monotonic_ns: number * 7,
        wall_ns: 1_700_000_000_000_000_000 + number * 11,
    }
}

/// Options of a journal that syncs when it is told to, in segments of so many records.
pub(crate) fn options(segment_records_max: u32) -> Options {
    Options {
        sync: Sync::Batch,
        segment_records_max,
        ..Options::default()
    }
}

/// Writes records, and flushes after so many each time.
pub(crate) fn write(dir: &Path, records: &[Record], segment: u32, batch: usize) {
    let (mut writer, _) = Writer::open(dir, options(segment), |_| {}).expect("it opens");
    for (number, record) in records.iter().enumerate() {
        writer
            .append(&moment(number as u64), record)
            .expect("it is taken");
        if (number + 1) % batch == 0 {
            writer.flush().expect("it is flushed");
        }
    }
    writer.flush().expect("it is flushed");
}

pub(crate) fn read(dir: &Path) -> Result<(Vec<Entry>, Scan), JournalError> {
    let mut entries = Vec::new();
    let scan = Reader::open(dir)?.scan(|entry| entries.push(*entry))?;
    Ok((entries, scan))
}

pub(crate) fn records(entries: &[Entry]) -> Vec<Record> {
    entries.iter().map(|entry| entry.record).collect()
}

pub(crate) fn segment(dir: &Path, number: u32) -> PathBuf {
    dir.join(segment_name(number))
}

/// Where the block of a segment begins; 0 is its header.
pub(crate) fn block_at(block: usize) -> usize {
    block * BLOCK
}

/// Changes a file's bytes.
pub(crate) fn edit(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).expect("it is read");
    change(&mut bytes);
    fs::write(path, bytes).expect("it is written");
}

pub(crate) fn fresh() -> tempfile::TempDir {
    tempfile::tempdir().expect("a directory")
}
