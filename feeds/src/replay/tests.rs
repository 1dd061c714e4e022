//! Proof of the merge: the order is that of a plain stable sort, whatever the pieces.

use super::{Bytes, Refill, Replay};
use crate::databento::tests::{Pieces, replay_whole};
use core::cell::Cell;
use core::ffi::c_char;
use dbn::encode::EncodeRecord;
use dbn::encode::dbn::Encoder;
use dbn::{MboMsg, OhlcvMsg, SType, Schema};
use proptest::prelude::*;
use undertow_core::event::{Body, Control, FeedNotice, Mbo, Msg};
use undertow_core::stage::Source;
use undertow_core::types::Nanos;

/// A stream of orders with the given ids and receive times.
fn orders(orders: &[(u64, u64)]) -> Vec<u8> {
    let mut encoder = encoder();
    for (order_id, ts_recv) in orders {
        let record = MboMsg {
            order_id: *order_id,
            ts_recv: *ts_recv,
            action: b'A' as c_char,
            side: b'B' as c_char,
            ..Default::default()
        };
        encoder.encode_record(&record).expect("it is written");
    }
    encoder.get_ref().clone()
}

fn encoder() -> Encoder<Vec<u8>> {
    let metadata = dbn::Metadata::builder()
        .dataset("GLBX.MDP3")
        .schema(None)
        .start(0)
        .stype_in(None)
        .stype_out(SType::InstrumentId)
        .build();
    Encoder::new(Vec::new(), &metadata).expect("the header is written")
}

/// All messages of a replay to its end, asking again when there is nothing yet.
fn drain<B: Bytes>(replay: &mut Replay<B>) -> Vec<Msg<Mbo>> {
    let mut said = Vec::new();
    while !replay.is_ended() {
        said.extend(replay.pop());
    }
    assert_eq!(replay.pop(), None, "the end comes once");
    assert_eq!(replay.next_due(), None, "nothing is due after the end");
    said
}

fn ids(said: &[Msg<Mbo>]) -> Vec<u64> {
    said.iter()
        .filter_map(|msg| msg.body.record())
        .map(|mbo| mbo.order_id.0)
        .collect()
}

#[test]
fn streams_are_merged_by_ts_recv_with_ties_in_file_order() {
    let first = orders(&[(1, 10), (2, 30), (3, 30), (4, 50)]);
    let second = orders(&[(11, 10), (12, 20), (13, 30), (14, 60)]);
    let mut replay = Replay::new([&first[..], &second]);
    let said = drain(&mut replay);
    assert_eq!(ids(&said), [1, 11, 12, 2, 3, 13, 4, 14]);
    let swapped = drain(&mut Replay::new([&second[..], &first]));
    assert_eq!(ids(&swapped), [11, 1, 12, 13, 2, 3, 4, 14]);
}

#[test]
fn sequence_has_no_gap_and_the_end_comes_once_and_last() {
    for count in 0..4 {
        let bytes = orders(&[(1, 10), (2, 20)]);
        let said = drain(&mut Replay::new(vec![&bytes[..]; count]));
        assert_eq!(said.len(), 2 * count + 1);
        for (place, msg) in said.iter().enumerate() {
            assert_eq!(msg.stamp.sequence, place as u64);
        }
        let ends = said
            .iter()
            .filter(|msg| msg.body == Body::Control(Control::End));
        assert_eq!(ends.count(), 1);
        assert_eq!(
            said.last().map(|msg| msg.body),
            Some(Body::Control(Control::End))
        );
    }
}

#[test]
fn f15_a_time_that_falls_or_is_undefined_takes_the_latest_of_its_stream() {
    let first = orders(&[(1, 10), (2, 5), (3, u64::MAX), (4, 0), (5, 40)]);
    let second = orders(&[(11, 9), (12, 11), (13, 39)]);
    let said = drain(&mut Replay::new([&first[..], &second]));
    // dbn leaves ts_event undefined here, so an undefined ts_recv has nothing to fall back on.
    assert_eq!(ids(&said), [11, 1, 2, 3, 4, 12, 13, 5]);
}

#[test]
fn a_bar_comes_when_it_is_over_not_when_it_begins() {
    const SECOND_NS: u64 = 1_000_000_000;
    let mut encoder = encoder();
    let mut bar = OhlcvMsg::default_for_schema(Schema::Ohlcv1S);
    bar.hd.ts_event = 5 * SECOND_NS;
    encoder.encode_record(&bar).expect("it is written");
    let bars = encoder.get_ref().clone();
    let trades = orders(&[
        (1, 5 * SECOND_NS),
        (2, 6 * SECOND_NS - 1),
        (3, 6 * SECOND_NS),
    ]);
    let said = drain(&mut Replay::new([&bars[..], &trades]));
    let is_bar = |msg: &Msg<Mbo>| matches!(msg.body, Body::Control(Control::Bar(_)));
    assert_eq!(said.iter().position(is_bar), Some(2));
}

#[test]
fn names_come_before_all_records() {
    let named = crate::databento::tests::written::header(3);
    let names = replay_whole(&named).len();
    let records = orders(&[(1, 1)]);
    let said = drain(&mut Replay::new([&records[..], &named]));
    let is_name = |msg: &Msg<Mbo>| matches!(msg.body, Body::Control(Control::Symbol(_)));
    assert!(names > 0 && said[..names].iter().all(is_name));
    assert_eq!(ids(&said), [1]);
}

#[test]
fn f19_a_stream_that_breaks_is_told_and_the_others_go_on() {
    let mut broken = orders(&[(1, 10), (2, 20)]);
    broken.truncate(broken.len() - 1);
    let sound = orders(&[(11, 5), (12, 15), (13, 25)]);
    let mut replay = Replay::new([&broken[..], &sound]);
    let said = drain(&mut replay);
    assert_eq!(ids(&said), [11, 1, 12, 13]);
    let told = Body::Control(Control::Feed(FeedNotice::Fatal(255)));
    assert_eq!(said.iter().filter(|msg| msg.body == told).count(), 1);
    assert!(replay.streams()[0].error().is_some());
    assert!(replay.streams()[1].error().is_none());
}

#[test]
fn a_stream_that_has_nothing_yet_holds_back_the_others() {
    struct Late<'a>(&'a [u8], &'a Cell<bool>);
    impl Bytes for Late<'_> {
        fn window(&self) -> &[u8] {
            if self.1.get() { self.0 } else { &[] }
        }
        fn consume(&mut self, len: usize) {
            self.0 = &self.0[len..];
        }
        fn refill(&mut self) -> Refill {
            if self.1.get() {
                Refill::Ended
            } else {
                Refill::NotYet
            }
        }
    }
    let (first, second) = (orders(&[(1, 10)]), orders(&[(2, 5)]));
    let (there, late) = (Cell::new(true), Cell::new(false));
    let mut replay = Replay::new([Late(&first, &there), Late(&second, &late)]);
    for _ in 0..3 {
        assert_eq!(replay.pop(), None, "the second stream may be earlier");
        assert_eq!(replay.next_due(), None);
    }
    late.set(true);
    assert_eq!(ids(&drain(&mut replay)), [2, 1]);
}

#[test]
fn next_due_is_the_key_of_what_take_gives_next() {
    let first = orders(&[(1, 10), (2, 30)]);
    let second = orders(&[(11, 20)]);
    for streams in [vec![&first[..]], vec![&first[..], &second]] {
        let expected: &[u64] = if streams.len() == 1 {
            &[10, 30]
        } else {
            &[10, 20, 30]
        };
        let mut replay = Replay::new(streams);
        let mut due = Vec::new();
        loop {
            let next = replay.next_due();
            assert_eq!(replay.next_due(), next, "asking changes nothing");
            let Some(msg) = replay.pop() else { break };
            if let Some(mbo) = msg.body.record() {
                assert_eq!(next, Some(mbo.ts_recv));
                due.extend(next.map(|due| due.0));
            } else {
                assert_eq!(next, Some(Nanos(30)), "the end is due with the last record");
            }
        }
        assert_eq!(due, expected);
    }
}

#[test]
fn look_ahead_finds_the_record_that_comes() {
    let bytes = orders(&[(1, 1), (2, 2), (3, 3), (4, 4)]);
    let mut replay = Replay::new([&bytes[..]]);
    let order = |ahead: Option<Mbo>| ahead.map(|mbo| mbo.order_id.0);
    assert_eq!(
        order(replay.look_ahead(1)),
        None,
        "the header is not yet read"
    );
    replay.pop();
    assert_eq!(order(replay.look_ahead(0)), Some(2));
    assert_eq!(order(replay.look_ahead(2)), Some(4));
    assert_eq!(order(replay.look_ahead(3)), None);
    assert_eq!(order(replay.look_ahead(usize::MAX)), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn merging_is_a_stable_sort_by_the_monotone_key(
        times in prop::collection::vec(prop::collection::vec(1_u64..40, 0..40), 0..6),
        sizes in prop::collection::vec(1_usize..300, 1..10),
    ) {
        let mut expected = Vec::new();
        let mut streams = Vec::new();
        for (stream, times) in times.iter().enumerate() {
            let mut key = 0;
            let mut records = Vec::new();
            for (place, ts_recv) in times.iter().enumerate() {
                let order_id = (stream * 1_000 + place) as u64;
                key = key.max(*ts_recv);
                expected.push((key, stream, order_id));
                records.push((order_id, *ts_recv));
            }
            streams.push(orders(&records));
        }
        expected.sort_by_key(|(key, stream, _)| (*key, *stream));
        let expected: Vec<_> = expected.into_iter().map(|(_, _, order_id)| order_id).collect();
        let whole = drain(&mut Replay::new(streams.iter().map(|bytes| &bytes[..])));
        prop_assert_eq!(ids(&whole), expected);
        let pieces = streams.iter().map(|bytes| Pieces::new(bytes, sizes.clone()));
        prop_assert_eq!(drain(&mut Replay::new(pieces)), whole);
    }
}
