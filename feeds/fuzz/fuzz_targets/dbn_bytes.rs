//! Any bytes, cut into any pieces: no panic, no endless loop, no unbounded memory, and the same
//! messages and error as in one piece.
//!
//! The first byte chooses the header to put in front, if any; the second how many of the next
//! bytes are sizes of pieces; the rest is the stream.
#![no_main]

use std::sync::LazyLock;

use dbn::encode::dbn::Encoder;
use libfuzzer_sys::fuzz_target;
use undertow_core::event::{Body, Mbo};
use undertow_feeds::databento::{DecodeError, Decoder, Peek, RECORD_MAX, Step};
use undertow_feeds::replay::{Bytes, Refill, Replay};

/// A sound header of each version, without and with `ts_out`.
static HEADERS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let header = |version, ts_out| {
        let metadata = dbn::Metadata::builder()
            .version(version)
            .dataset("GLBX.MDP3")
            .schema(None)
            .start(0)
            .stype_in(None)
            .stype_out(dbn::SType::InstrumentId)
            .ts_out(ts_out)
            .build();
        let encoder = Encoder::new(Vec::new(), &metadata).expect("the header is written");
        encoder.get_ref().clone()
    };
    (1..=3)
        .flat_map(|version| [header(version, false), header(version, true)])
        .collect()
});

fuzz_target!(|input: &[u8]| {
    let [header, count, rest @ ..] = input else {
        return;
    };
    let (sizes, stream) = rest.split_at(rest.len().min(usize::from(*count % 16)));
    let header = HEADERS.get(usize::from(*header) % (HEADERS.len() + 1));
    let stream = [header.map_or(&[][..], |header| header), stream].concat();

    let whole = replay(&stream[..], stream.len());
    let pieces = Pieces {
        bytes: &stream,
        consumed: 0,
        shown: 0,
        sizes,
        given: 0,
    };
    assert_eq!(replay(pieces, stream.len()), whole);
    check_steps(&stream);
});

/// Bytes that come in pieces of one byte and more.
struct Pieces<'a> {
    bytes: &'a [u8],
    consumed: usize,
    shown: usize,
    sizes: &'a [u8],
    given: usize,
}

impl Bytes for Pieces<'_> {
    fn window(&self) -> &[u8] {
        &self.bytes[self.consumed..self.shown]
    }

    fn consume(&mut self, len: usize) {
        self.consumed += len;
        assert!(self.consumed <= self.shown);
    }

    fn refill(&mut self) -> Refill {
        assert!(self.window().len() < RECORD_MAX);
        if self.shown == self.bytes.len() {
            return Refill::Ended;
        }
        let size = match self.sizes {
            [] => 64,
            sizes => usize::from(sizes[self.given % sizes.len()]) + 1,
        };
        self.given += 1;
        self.shown = self.bytes.len().min(self.shown + size);
        Refill::More
    }
}

/// All that a stream of `len` bytes says, and its error.
fn replay(bytes: impl Bytes, len: usize) -> (Vec<Body<Mbo>>, Option<DecodeError>) {
    let mut replay = Replay::new([bytes]);
    let mut said = Vec::new();
    while let Some(msg) = replay.pop() {
        assert_eq!(msg.stamp.sequence, said.len() as u64);
        said.push(msg.body);
        assert!(said.len() <= len + 2, "more messages than bytes");
    }
    assert!(replay.is_ended());
    (said, replay.streams()[0].error().cloned())
}

/// What is foretold of a step is what the step does, and every step makes progress.
fn check_steps(stream: &[u8]) {
    let mut decoder = Decoder::new();
    let mut window = stream;
    for _ in 0..2 * stream.len() + 8 {
        let peek = decoder.peek(window);
        match (peek, decoder.decode(window)) {
            (Peek::Said(_), Ok(Step::Message { len, .. })) => window = &window[len..],
            (Peek::Silent, Ok(Step::Silent { len })) => window = &window[len..],
            (Peek::NeedMore, Ok(Step::NeedMore)) => {
                let _ = decoder.finish(window);
                return;
            }
            (Peek::Said(_) | Peek::Silent, Err(error)) => {
                assert!(error.offset() <= stream.len() as u64);
                return;
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(decoder.offset() as usize, stream.len() - window.len());
    }
    panic!("the decoder does not come to an end");
}
