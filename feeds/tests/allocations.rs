//! A replay allocates for its streams and their headers, and for no record.
#![allow(
    unsafe_code,
    reason = "an allocator that counts can only be written so"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::ffi::c_char;
use std::sync::atomic::{AtomicU64, Ordering};

use dbn::encode::EncodeRecord;
use dbn::encode::dbn::Encoder;
use undertow_core::event::{Body, Control};
use undertow_feeds::replay::Replay;

/// The system's allocator, counted.
struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

// SAFETY: every call is handed to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the pointer came from `alloc` above with this layout.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

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

/// One test, for the counter is the whole process's.
#[test]
fn no_record_allocates_and_the_counter_would_notice() {
    let before = ALLOCATIONS.load(Ordering::Relaxed);
    drop(Box::new(std::hint::black_box(1)));
    assert!(
        ALLOCATIONS.load(Ordering::Relaxed) > before,
        "the counter counts"
    );

    let bytes = stream(1_000);
    for streams in [vec![&bytes[..]], vec![&bytes[..], &bytes]] {
        let count = streams.len();
        let mut replay = Replay::new(streams);
        // The headers are read and gone once every stream has given a record.
        for _ in 0..8 {
            assert!(replay.pop().is_some());
        }
        let before = ALLOCATIONS.load(Ordering::Relaxed);
        let mut taken = 8;
        let mut last = None;
        while let Some(msg) = replay.pop() {
            taken += 1;
            last = Some(msg.body);
        }
        assert_eq!(
            ALLOCATIONS.load(Ordering::Relaxed),
            before,
            "{count} streams"
        );
        assert_eq!(taken, count * 5_000 + 1, "a definition is two messages");
        assert_eq!(last, Some(Body::Control(Control::End)));
    }
}
