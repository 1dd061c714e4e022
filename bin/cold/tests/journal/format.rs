//! What is written is what is read.

use std::collections::BTreeSet;
use std::fs;

use proptest::prelude::*;
use undertow_cold::journal::{BLOCK, Options, Reader, Record, Step, Sync, Writer, show};
use undertow_core::money::Money;
use undertow_core::order::{
    ClientOrderId, ExecReport, Execution, ExecutionId, ReportKind, VenueOrderId,
};
use undertow_core::types::{BookKey, InstrumentId, Nanos, Price, PublisherId, Side};

use crate::samples::*;

#[test]
fn every_kind_comes_back_as_it_was_written() {
    let dir = fresh();
    let written = every_kind();
    let kinds: BTreeSet<u8> = written.iter().map(Record::kind).collect();
    assert_eq!(kinds, (1..=22).collect(), "every kind is among the samples");
    write(dir.path(), &written, 1_000, 5);
    let (entries, scan) = read(dir.path()).expect("it is read");
    assert_eq!(records(&entries), written);
    for (number, entry) in entries.iter().enumerate() {
        let number = number as u64;
        assert_eq!((entry.sequence, entry.moment), (number, moment(number)));
    }
    assert_eq!((scan.records, scan.segments), (written.len() as u64, 1));
    assert!(scan.cuts.is_empty() && scan.foreign.is_empty());
}

#[test]
fn a_hundred_thousand_records_come_back_over_many_segments() {
    let dir = fresh();
    let kinds = every_kind();
    let count = 100_000usize;
    let (mut writer, _) = Writer::open(dir.path(), options(9_000), |_| {}).expect("it opens");
    for number in 0..count {
        let record = &kinds[number % kinds.len()];
        writer
            .append(&moment(number as u64), record)
            .expect("taken");
    }
    writer.flush().expect("flushed");
    drop(writer);
    let mut number = 0;
    let mut reader = Reader::open(dir.path()).expect("opened");
    let scan = reader.scan(|entry| {
        assert_eq!(entry.record, kinds[number % kinds.len()], "{number}");
        assert_eq!(entry.moment, moment(number as u64));
        number += 1;
    });
    let scan = scan.expect("read");
    assert_eq!((number, scan.records), (count, count as u64));
    assert_eq!(scan.segments, 12);
    let len = fs::metadata(segment(dir.path(), 1)).expect("there").len();
    assert_eq!(len, (9_000 + 1) * BLOCK as u64);
}

#[test]
fn a_journal_goes_on_where_it_was_left() {
    let dir = fresh();
    let written = every_kind();
    for (number, record) in written.iter().enumerate() {
        let number = number as u64;
        let (mut writer, scan) = Writer::open(dir.path(), options(7), |_| {}).expect("it opens");
        assert_eq!(scan.records, number);
        assert_eq!(writer.durable(), number, "all that was read is on the disk");
        assert_eq!(
            writer.append(&moment(number), record).expect("taken"),
            number
        );
        writer.flush().expect("flushed");
    }
    let (entries, scan) = read(dir.path()).expect("read");
    assert_eq!(records(&entries), written);
    assert_eq!(scan.segments as usize, written.len().div_ceil(7));
}

#[test]
fn a_reader_follows_a_writer_across_segments() {
    let dir = fresh();
    let (mut writer, _) = Writer::open(dir.path(), options(2), |_| {}).expect("it opens");
    let mut reader = Reader::open(dir.path()).expect("opened");
    for number in 0..9 {
        assert_eq!(reader.advance().expect("read"), Step::End);
        writer
            .append(&moment(number), &intended(number + 1))
            .expect("taken");
        assert_eq!(
            reader.advance().expect("read"),
            Step::End,
            "not written yet"
        );
        writer.flush().expect("flushed");
        match reader.advance().expect("read") {
            Step::Entry(entry) => assert_eq!(entry.record, intended(number + 1)),
            Step::End => panic!("record {number} is not seen"),
        }
    }
}

#[test]
fn an_intent_is_durable_when_append_returns_and_others_wait() {
    let dir = fresh();
    let options = Options::default();
    assert_eq!(options.sync, Sync::EveryIntent);
    let (mut writer, _) = Writer::open(dir.path(), options, |_| {}).expect("it opens");
    let watermark = writer.watermark();
    writer
        .append(&moment(0), &Record::Checkpoint(1))
        .expect("taken");
    assert_eq!(writer.durable(), 0);
    writer.append(&moment(1), &intended(1)).expect("taken");
    assert_eq!(writer.durable(), 2);
    assert_eq!(watermark.load(std::sync::atomic::Ordering::Acquire), 2);
    let (entries, _) = read(dir.path()).expect("read");
    assert_eq!(entries.len(), 2, "it is in the file, not only said to be");
}

#[test]
fn without_syncing_nothing_is_durable_before_the_end() {
    let dir = fresh();
    let options = Options {
        sync: Sync::Off,
        ..options(4)
    };
    let (mut writer, _) = Writer::open(dir.path(), options, |_| {}).expect("it opens");
    for number in 0..3 {
        writer
            .append(&moment(number), &intended(number + 1))
            .expect("taken");
        assert_eq!(writer.flush().expect("flushed").durable, 0);
    }
    assert_eq!(
        writer.close(&moment(3), &Record::End(7)).expect("closed"),
        4
    );
    let (entries, _) = read(dir.path()).expect("read");
    assert_eq!(entries.last().expect("an end").record, Record::End(7));
}

#[test]
fn p14_text_of_records_is_shown_escaped() {
    let dir = fresh();
    let reason = undertow_core::risk::Reason::new("\u{1b}[2J x\ny\u{202e}z").expect("a reason");
    write(dir.path(), &[Record::Resume(reason)], 10, 1);
    let (entries, _) = read(dir.path()).expect("read");
    let line = show::line(&entries[0]);
    assert!(
        line.ends_with(r#"resume reason="\u{1b}[2J x\ny\u{202e}z""#),
        "{line}"
    );
    assert_eq!(show::json(&entries[0])["record"]["reason"], reason.as_str());
}

fn key() -> impl Strategy<Value = BookKey> {
    (any::<u32>(), any::<u16>()).prop_map(|(instrument, publisher)| BookKey {
        instrument_id: InstrumentId(instrument),
        publisher_id: PublisherId(publisher),
    })
}

fn reports() -> impl Strategy<Value = ExecReport> {
    let id =
        (any::<u64>(), any::<u16>()).prop_map(|(base, revision)| ExecutionId { base, revision });
    let side = prop_oneof![Just(Side::Bid), Just(Side::Ask), Just(Side::None)];
    let fee = proptest::option::of(any::<i64>().prop_map(Money));
    let executed = (id.clone(), side, any::<u32>(), any::<i64>(), fee);
    let kind = prop_oneof![
        Just(ReportKind::Sent),
        any::<u64>().prop_map(|id| ReportKind::Acked(VenueOrderId(id))),
        executed.prop_map(|(id, side, quantity, price, fee)| {
            ReportKind::Executed(Execution {
                id,
                side,
                quantity,
                price: Price(price),
                fee,
            })
        }),
        (id, any::<i64>()).prop_map(|(id, fee)| ReportKind::Fee(id, Money(fee))),
        any::<u32>().prop_map(|filled| ReportKind::Absent { filled }),
        any::<u16>().prop_map(ReportKind::Rejected),
    ];
    (any::<u64>(), key(), any::<u64>(), kind).prop_map(|(id, contract, ts, kind)| ExecReport {
        id: ClientOrderId(id),
        contract,
        ts_event: Nanos(ts),
        kind,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn any_reports_come_back(
        reports in prop::collection::vec(reports(), 1..60),
        segment in 1u32..20,
    ) {
        let dir = fresh();
        let written: Vec<Record> = reports.into_iter().map(Record::Report).collect();
        write(dir.path(), &written, segment, 1_000);
        let (entries, _) = read(dir.path()).expect("read");
        prop_assert_eq!(records(&entries), written);
    }
}
