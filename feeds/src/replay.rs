//! Recordings replayed: several streams of bytes become one stream of messages.
//!
//! The order is that of `ts_recv` (see [`Decoder::peek`]); a stream's key never falls, so no
//! stream is reordered in itself, and ties go to the stream given first. One stream alone is
//! passed through with no key looked at. When all have ended, [`Control::End`] follows, once.
//!
//! Absent here: where bytes come from ([`Bytes`]) and the clock. Whoever paces a replay asks
//! [`Replay::next_due`] and takes no sooner.

#[cfg(test)]
mod tests;

use undertow_core::event::{Body, Control, FeedNotice, Mbo, Msg, Stamp};
use undertow_core::stage::{Sink, Source};
use undertow_core::types::Nanos;

use crate::databento::{DecodeError, Decoder, Peek, Step};

/// Where the bytes of a stream come from: memory, a mapped file, a decompressor's blocks.
pub trait Bytes {
    /// What is there now and not yet consumed.
    fn window(&self) -> &[u8];

    /// Gives up the first `len` bytes of the window, which holds at least as many.
    fn consume(&mut self, len: usize);

    /// Asked when the window holds no whole record. On [`Refill::More`] the window has grown at
    /// its end; what was there is still at its front, perhaps at another address. A window
    /// must be able to grow to [`crate::databento::RECORD_MAX`], and never needs to be longer.
    fn refill(&mut self) -> Refill;
}

/// What came of asking for more bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refill {
    /// The window has grown.
    More,
    /// Nothing yet; ask again later.
    NotYet,
    /// The window is all that is left.
    Ended,
    /// Reading or decompressing failed: what happened, and what to do.
    Failed(Box<str>),
}

impl Bytes for &[u8] {
    #[inline(always)]
    fn window(&self) -> &[u8] {
        self
    }

    #[inline(always)]
    fn consume(&mut self, len: usize) {
        *self = &self[len..];
    }

    fn refill(&mut self) -> Refill {
        Refill::Ended
    }
}

/// Several recorded streams as one source.
#[derive(Debug)]
pub struct Replay<B> {
    streams: Vec<Stream<B>>,
    /// When the next message of each stream is due.
    heads: Vec<Head>,
    /// The stream that goes first, until its key passes the limit.
    front: usize,
    /// Key and place of the stream that follows the front.
    limit: (Nanos, usize),
    /// Stamp of the next message.
    sequence: u64,
    ended: bool,
}

/// One recorded stream.
#[derive(Debug)]
pub struct Stream<B> {
    bytes: B,
    decoder: Decoder,
    /// The latest time seen; the stream's key, which never falls.
    key: Nanos,
    state: State,
    error: Option<DecodeError>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Running,
    /// An error was met and must still be told to the chain.
    Failing,
    Ended,
}

/// What is known of a stream's next message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Head {
    Unknown,
    Due(Nanos),
    Ended,
}

impl<B: Bytes> Replay<B> {
    /// Replays `streams` together. Their order settles ties.
    #[must_use]
    pub fn new(streams: impl IntoIterator<Item = B>) -> Self {
        let streams: Vec<_> = streams.into_iter().map(Stream::new).collect();
        Self {
            heads: vec![Head::Unknown; streams.len()],
            streams,
            front: 0,
            limit: (Nanos(0), 0),
            sequence: 0,
            ended: false,
        }
    }

    /// Reads the streams' headers, so that what a header needs is allocated before the thread
    /// is sealed. False while bytes are being waited for: ask again.
    pub fn read_headers(&mut self) -> bool {
        let mut ready = true;
        for stream in &mut self.streams {
            ready &= stream.read_header();
        }
        ready
    }

    /// The streams, in the order given.
    #[must_use]
    pub fn streams(&self) -> &[Stream<B>] {
        &self.streams
    }

    /// Whether [`Control::End`] was delivered.
    #[must_use]
    pub const fn is_ended(&self) -> bool {
        self.ended
    }

    /// When the next message was received by Databento, in nanoseconds since 1970; 0 for what
    /// comes before the first record. `None` when it is not there yet, or none is left.
    pub fn next_due(&mut self) -> Option<Nanos> {
        if let [head] = &mut self.heads[..] {
            // A stream alone is taken from without a look at its head.
            *head = Head::Unknown;
        }
        match self.find_front() {
            Head::Due(due) => Some(due),
            Head::Ended if !self.ended => self.streams.iter().map(|stream| stream.key).max(),
            Head::Unknown | Head::Ended => None,
        }
    }

    /// The next message when it is not a sound market-by-order record.
    #[cold]
    #[inline(never)]
    fn take_other(&mut self) -> Option<Msg<Mbo>> {
        loop {
            match self.find_front() {
                Head::Due(_) => {}
                Head::Ended if !self.ended => {
                    self.ended = true;
                    return Some(self.stamped(Body::Control(Control::End)));
                }
                Head::Unknown | Head::Ended => return None,
            }
            self.heads[self.front] = Head::Unknown;
            if let Some(body) = self.streams[self.front].next() {
                return Some(self.stamped(body));
            }
        }
    }

    /// Makes `front` the stream that is due first, and returns its head: unknown if any stream
    /// must be waited for, ended if all have. Kept out of line, for a stream alone has no use
    /// of it.
    #[inline(never)]
    fn find_front(&mut self) -> Head {
        if let Some(Head::Unknown) = self.heads.get(self.front) {
            self.heads[self.front] = self.streams[self.front].head();
            match self.heads[self.front] {
                Head::Due(due) if (due, self.front) < self.limit => return Head::Due(due),
                Head::Due(_) | Head::Ended => {}
                Head::Unknown => return Head::Unknown,
            }
        }
        let never = (Nanos::UNDEFINED, usize::MAX);
        let (mut first, mut second) = (never, never);
        for (place, (head, stream)) in self.heads.iter_mut().zip(&mut self.streams).enumerate() {
            if *head == Head::Unknown {
                *head = stream.head();
            }
            match *head {
                Head::Unknown => return Head::Unknown,
                Head::Ended => {}
                Head::Due(due) if (due, place) < first => {
                    (first, second) = ((due, place), first);
                }
                Head::Due(due) => second = second.min((due, place)),
            }
        }
        self.limit = second;
        if first == never {
            return Head::Ended;
        }
        self.front = first.1;
        Head::Due(first.0)
    }

    fn stamped(&mut self, body: Body<Mbo>) -> Msg<Mbo> {
        let stamp = Stamp {
            sequence: self.sequence,
            ..Stamp::default()
        };
        self.sequence += 1;
        Msg { stamp, body }
    }
}

impl<B: Bytes> Source<Mbo> for Replay<B> {
    #[inline(always)]
    fn take(&mut self, to: &mut impl Sink<Mbo>) -> bool {
        self.drain(to, 1) == 1
    }

    #[inline(always)]
    fn drain(&mut self, to: &mut impl Sink<Mbo>, batch_max: usize) -> usize {
        let mut taken = 0;
        while taken < batch_max {
            // One stream goes on for as long as it can. Of several, who is next is to be found
            // after each message.
            let is_alone = self.streams.len() == 1;
            if (is_alone || matches!(self.find_front(), Head::Due(_)))
                && let Some(stream) = self.streams.get_mut(self.front)
            {
                let count_max = if is_alone { batch_max - taken } else { 1 };
                let count = stream.drain_sound(self.sequence, to, count_max);
                if count > 0 {
                    self.sequence += count as u64;
                    taken += count;
                    self.heads[self.front] = Head::Unknown;
                    continue;
                }
            }
            if to.room() == 0 {
                break;
            }
            let Some(msg) = self.take_other() else {
                break;
            };
            put_other(to, &msg);
            taken += 1;
        }
        taken
    }

    /// Of the stream that goes first now: with several, a guess.
    #[inline(always)]
    fn look_ahead(&self, ahead: usize) -> Option<Mbo> {
        let Stream { decoder, bytes, .. } = self.streams.get(self.front)?;
        let at = decoder.mbo_len().saturating_mul(ahead);
        decoder.look_ahead(bytes.window(), at)
    }
}

/// Kept apart from the short way, so that its message never shares a place with the record's.
#[cold]
#[inline(never)]
fn put_other(to: &mut impl Sink<Mbo>, msg: &Msg<Mbo>) {
    to.put(msg);
}

impl<B: Bytes> Replay<B> {
    /// The next message, if there is one now: for those outside a chain.
    pub fn pop(&mut self) -> Option<Msg<Mbo>> {
        let mut one = One(None);
        self.take(&mut one);
        one.0
    }
}

/// A sink for one message.
struct One(Option<Msg<Mbo>>);

impl Sink<Mbo> for One {
    fn room(&mut self) -> usize {
        usize::from(self.0.is_none())
    }

    fn data(&mut self, stamp: Stamp, data: &Mbo) {
        self.0 = Some(Msg {
            stamp,
            body: Body::Data(*data),
        });
    }

    fn control(&mut self, stamp: Stamp, control: &Control) {
        self.0 = Some(Msg {
            stamp,
            body: Body::Control(*control),
        });
    }
}

impl<B> Stream<B> {
    /// The decoder, for its counts and the header.
    #[must_use]
    pub const fn decoder(&self) -> &Decoder {
        &self.decoder
    }

    /// What ended the stream before its time, if anything did.
    #[must_use]
    pub const fn error(&self) -> Option<&DecodeError> {
        self.error.as_ref()
    }
}

impl<B: Bytes> Stream<B> {
    fn new(bytes: B) -> Self {
        Self {
            bytes,
            decoder: Decoder::new(),
            key: Nanos(0),
            state: State::Running,
            error: None,
        }
    }

    /// Reads on until the header is known or the stream has ended; false to wait for bytes.
    fn read_header(&mut self) -> bool {
        while self.state == State::Running && self.decoder.metadata().is_none() {
            match self.decoder.decode(self.bytes.window()) {
                Ok(Step::Silent { len } | Step::Message { len, .. }) => self.bytes.consume(len),
                Ok(Step::NeedMore) => {
                    if !self.refill() {
                        return false;
                    }
                }
                Err(error) => self.fail(error),
            }
        }
        true
    }

    /// Hands over sound market-by-order records, as many as there are one after another, while
    /// `to` has room. `sequence` is the stamp of the first.
    #[inline(always)]
    fn drain_sound(&mut self, sequence: u64, to: &mut impl Sink<Mbo>, count_max: usize) -> usize {
        let window = self.bytes.window();
        let len = self.decoder.mbo_len();
        let mut count = 0;
        let mut rest = window;
        while count < count_max && to.room() > 0 {
            to.hint(|ahead| self.decoder.look_ahead(rest, len.saturating_mul(ahead)));
            let Some(mbo) = self.decoder.next_mbo(rest) else {
                break;
            };
            let stamp = Stamp {
                sequence: sequence + count as u64,
                ..Stamp::default()
            };
            to.data(stamp, mbo);
            count += 1;
            rest = &rest[len..];
        }
        let used = window.len() - rest.len();
        self.decoder.passed(&window[..used]);
        self.bytes.consume(used);
        count
    }

    /// What the front says, once [`Stream::head`] has found it due; some bytes say nothing.
    fn next(&mut self) -> Option<Body<Mbo>> {
        if self.state != State::Running {
            return self.last_words();
        }
        match self.decoder.decode(self.bytes.window()) {
            Ok(Step::Message { body, len }) => {
                self.bytes.consume(len);
                return Some(body);
            }
            Ok(Step::Silent { len }) => self.bytes.consume(len),
            Ok(Step::NeedMore) => {}
            Err(error) => self.fail(error),
        }
        None
    }

    /// When the next message is due. Bytes that say nothing are passed over on the way.
    fn head(&mut self) -> Head {
        while self.state == State::Running {
            match self.decoder.peek(self.bytes.window()) {
                Peek::Said(ts) => {
                    if ts.is_defined() {
                        self.key = self.key.max(ts);
                    }
                    return Head::Due(self.key);
                }
                Peek::Silent => {
                    self.next();
                }
                Peek::NeedMore if self.refill() => {}
                Peek::NeedMore => return Head::Unknown,
            }
        }
        match self.state {
            State::Ended => Head::Ended,
            State::Running | State::Failing => Head::Due(self.key),
        }
    }

    /// Asks for more bytes. False if there are none yet; at the end the state says so.
    #[cold]
    fn refill(&mut self) -> bool {
        match self.bytes.refill() {
            Refill::More => {}
            Refill::NotYet => return false,
            Refill::Ended => match self.decoder.finish(self.bytes.window()) {
                Ok(()) => self.state = State::Ended,
                Err(error) => self.fail(error),
            },
            Refill::Failed(cause) => self.fail(DecodeError::Bytes {
                offset: self.decoder.offset(),
                cause,
            }),
        }
        true
    }

    #[cold]
    fn fail(&mut self, error: DecodeError) {
        self.error = Some(error);
        self.state = State::Failing;
    }

    /// What follows the last record: after an error, a notice that the feed is down, for the
    /// books must not be trusted any more.
    fn last_words(&mut self) -> Option<Body<Mbo>> {
        const CODE: u8 = dbn::ErrorCode::Unset as u8;
        match core::mem::replace(&mut self.state, State::Ended) {
            State::Failing => Some(Body::Control(Control::Feed(FeedNotice::Fatal(CODE)))),
            State::Running | State::Ended => None,
        }
    }
}
