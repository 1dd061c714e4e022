//! Proof of the decoder: dbn's own decoder is the oracle, its encoders write the input, and the
//! faults are made by hand.

mod faults;

mod oracle;

mod real;

mod splits;

pub(crate) mod written;

use super::{DecodeError, Decoder};
use crate::replay::{Bytes, Refill, Replay};
use undertow_core::event::{Body, Control, FeedNotice, Mbo};

/// Everything a replay of `bytes` says, without the end, and the error if there was one.
pub(crate) fn replay(bytes: impl Bytes) -> (Vec<Body<Mbo>>, Option<DecodeError>) {
    let mut replay = Replay::new([bytes]);
    let mut said = Vec::new();
    while !replay.is_ended() {
        // A source that has nothing yet is asked again.
        said.extend(replay.pop().map(|msg| msg.body));
    }
    assert_eq!(said.pop(), Some(Body::Control(Control::End)));
    let error = replay.streams()[0].error().cloned();
    if error.is_some() {
        assert_eq!(
            said.pop(),
            Some(Body::Control(Control::Feed(FeedNotice::Fatal(255))))
        );
    }
    (said, error)
}

/// The same of a stream that must be whole.
pub(crate) fn replay_whole(bytes: &[u8]) -> Vec<Body<Mbo>> {
    let (said, error) = replay(bytes);
    assert_eq!(error, None);
    said
}

/// Bytes that arrive in pieces, with a pause before each.
pub(crate) struct Pieces<'a> {
    bytes: &'a [u8],
    consumed: usize,
    shown: usize,
    /// Sizes of the pieces, over and over; never 0.
    sizes: Vec<usize>,
    given: usize,
    paused: bool,
}

impl<'a> Pieces<'a> {
    pub(crate) fn new(bytes: &'a [u8], sizes: Vec<usize>) -> Self {
        Self {
            bytes,
            consumed: 0,
            shown: 0,
            sizes,
            given: 0,
            paused: false,
        }
    }
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
        assert!(
            self.window().len() < super::RECORD_MAX,
            "a window need not be longer"
        );
        if self.shown == self.bytes.len() {
            return Refill::Ended;
        }
        self.paused = !self.paused;
        if self.paused {
            return Refill::NotYet;
        }
        let size = self.sizes[self.given % self.sizes.len()];
        self.given += 1;
        self.shown = self.bytes.len().min(self.shown + size);
        Refill::More
    }
}

#[test]
fn a_decoder_starts_with_nothing_counted() {
    let decoder = Decoder::new();
    assert_eq!(decoder.counts().total(), 0);
    assert_eq!(decoder.offset(), 0);
    assert!(decoder.metadata().is_none());
}
