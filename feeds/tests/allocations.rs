//! A replay allocates for its streams and their headers, and for no record.

#[path = "../../core/tests/counting/mod.rs"]
mod counting;

use std::ffi::c_char;

use dbn::encode::EncodeRecord;
use dbn::encode::dbn::Encoder;
use undertow_core::event::{Body, Control};
use undertow_feeds::replay::Replay;

use counting::allocations;

/// A stream of a header and `rounds` of records that go the short way, the long way, and astray.
fn stream(rounds: usize) -> Vec<u8> {
    let metadata = dbn::Metadata::builder()
        .dataset("GLBX.MDP3")
        .schema(None)
        .start(0)
        .stype_in(None)
        .stype_out(dbn::SType::InstrumentId)
        .build();
    let mut encoder = Encoder::new(Vec::new(), &metadata).expect("the header is written");
    for round in 0..rounds {
        let mut mbo = dbn::MboMsg {
            ts_recv: round as u64 + 1,
            action: b'A' as c_char,
            side: b'B' as c_char,
            ..Default::default()
        };
        encoder.encode_record(&mbo).expect("it is written");
        mbo.action = b'?' as c_char;
        encoder.encode_record(&mbo).expect("it is written");
        let definition = dbn::InstrumentDefMsg {
            raw_symbol: dbn::record::str_to_c_chars("NQM4").expect("it fits"),
            ..Default::default()
        };
        encoder.encode_record(&definition).expect("it is written");
        let statistic = dbn::StatMsg::default();
        encoder.encode_record(&statistic).expect("it is written");
    }
    encoder.get_ref().clone()
}

#[test]
fn no_record_allocates_and_the_counter_would_notice() {
    let before = allocations();
    drop(std::hint::black_box(Box::new(1)));
    assert!(allocations() > before, "the counter counts");

    let bytes = stream(1_000);
    for streams in [vec![&bytes[..]], vec![&bytes[..], &bytes]] {
        let count = streams.len();
        let mut replay = Replay::new(streams);
        // The headers are read and gone once every stream has given a record.
        for _ in 0..8 {
            assert!(replay.pop().is_some());
        }
        let before = allocations();
        let mut taken = 8;
        let mut last = None;
        while let Some(msg) = replay.pop() {
            taken += 1;
            last = Some(msg.body);
        }
        assert_eq!(allocations(), before, "{count} streams");
        assert_eq!(taken, count * 5_000 + 1, "a definition is two messages");
        assert_eq!(last, Some(Body::Control(Control::End)));
    }
}
