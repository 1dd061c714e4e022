//! Links: SPSC rings between tiles, named `producer_consumer` where they are made.
//!
//! A *reliable* link is how hot tiles talk: the writer sees its credits through
//! [`Sink::room`] and stops taking inputs when they end, so nothing is lost and nothing waits
//! inside a stage. A *lossy* link leads to the cold side: it never makes the writer wait; what
//! does not fit is dropped and counted.

mod slots;

use slots::{Consumer, Producer};

use crate::event::{Body, Control, Msg, Stamp};
use crate::stage::{BURST_MAX, Sink, Source};

/// Makes a reliable link that holds `depth` messages.
#[must_use]
pub fn reliable<T: Copy>(depth: usize) -> (Writer<T>, Reader<T>) {
    let (producer, consumer) = slots::slots(depth, blank());
    (
        Writer {
            producer,
            full_count: 0,
        },
        Reader { consumer },
    )
}

/// Makes a lossy link that holds `depth` messages.
#[must_use]
pub fn lossy<T: Copy>(depth: usize) -> (LossyWriter<T>, Reader<T>) {
    let (producer, consumer) = slots::slots(depth, blank());
    (
        LossyWriter {
            producer,
            dropped: 0,
        },
        Reader { consumer },
    )
}

fn blank<T>() -> Msg<T> {
    Msg {
        body: Body::Control(Control::End),
        stamp: Stamp::default(),
    }
}

/// The writing end of a reliable link.
#[derive(Debug)]
pub struct Writer<T> {
    producer: Producer<Msg<T>>,
    full_count: u64,
}

impl<T> Writer<T> {
    /// How often the writer asked for room and found none.
    #[must_use]
    pub const fn full_count(&self) -> u64 {
        self.full_count
    }

    /// Whether the reading end is gone.
    #[must_use]
    pub fn is_abandoned(&self) -> bool {
        self.producer.is_abandoned()
    }
}

impl<T: Copy> Writer<T> {
    #[inline]
    fn push(&mut self, write: impl FnOnce(&mut Msg<T>)) {
        assert!(
            self.producer.push(write),
            "a reliable link was written beyond its credits"
        );
    }
}

impl<T: Copy> Sink<T> for Writer<T> {
    #[inline]
    fn room(&mut self) -> usize {
        let credits = self.producer.room_seen();
        if credits > BURST_MAX {
            return credits;
        }
        // What we know may be too little for a stage, and more only the reader knows.
        let credits = self.producer.room();
        self.full_count += u64::from(credits == 0);
        credits
    }

    #[inline]
    fn data(&mut self, stamp: Stamp, data: &T) {
        self.push(|msg| {
            msg.body = Body::Data(*data);
            msg.stamp = stamp;
        });
    }

    #[inline]
    fn control(&mut self, stamp: Stamp, control: &Control) {
        self.push(|msg| {
            msg.body = Body::Control(*control);
            msg.stamp = stamp;
        });
    }
}

/// The writing end of a lossy link.
#[derive(Debug)]
pub struct LossyWriter<T> {
    producer: Producer<Msg<T>>,
    dropped: u64,
}

impl<T> LossyWriter<T> {
    /// How many messages did not fit.
    #[must_use]
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }
}

impl<T: Copy> LossyWriter<T> {
    #[inline]
    fn push(&mut self, write: impl FnOnce(&mut Msg<T>)) {
        self.dropped += u64::from(!self.producer.push(write));
    }
}

impl<T: Copy> Sink<T> for LossyWriter<T> {
    #[inline]
    fn room(&mut self) -> usize {
        usize::MAX
    }

    #[inline]
    fn data(&mut self, stamp: Stamp, data: &T) {
        self.push(|msg| {
            msg.body = Body::Data(*data);
            msg.stamp = stamp;
        });
    }

    #[inline]
    fn control(&mut self, stamp: Stamp, control: &Control) {
        self.push(|msg| {
            msg.body = Body::Control(*control);
            msg.stamp = stamp;
        });
    }
}

/// The reading end of either kind of link.
#[derive(Debug)]
pub struct Reader<T> {
    consumer: Consumer<Msg<T>>,
}

impl<T> Reader<T> {
    /// Whether the writing end is gone **and** everything it wrote has been taken.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.consumer.is_finished()
    }

    /// How many messages wait.
    #[must_use]
    pub fn backlog(&self) -> usize {
        self.consumer.backlog()
    }
}

impl<T: Copy> Reader<T> {
    /// The next message, if there is one now: for those outside a chain.
    #[inline]
    pub fn pop(&mut self) -> Option<Msg<T>> {
        self.consumer.take(|msg| *msg)
    }
}

impl<T> Source<T> for Reader<T> {
    #[inline]
    fn take(&mut self, to: &mut impl Sink<T>) -> bool {
        // Handed over where it lies in the ring.
        self.consumer.take(|msg| to.put(msg)).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(sequence: u64) -> Stamp {
        Stamp {
            sequence,
            ..Stamp::default()
        }
    }

    #[test]
    fn two_threads_pass_every_message_whole_and_in_order() {
        extern crate std;
        const MESSAGES: u64 = if cfg!(miri) { 300 } else { 300_000 };
        let message = |sequence: u64| [sequence, !sequence, sequence.rotate_left(7)];
        for depth in [1, 3, 64] {
            let (mut writer, mut reader) = reliable(depth);
            std::thread::scope(|scope| {
                scope.spawn(move || {
                    for sequence in 0..MESSAGES {
                        while writer.room() == 0 {
                            std::thread::yield_now();
                        }
                        writer.data(stamp(sequence), &message(sequence));
                    }
                });
                for sequence in 0..MESSAGES {
                    let msg = loop {
                        assert!(reader.backlog() <= depth);
                        match reader.pop() {
                            Some(msg) => break msg,
                            None => std::thread::yield_now(),
                        }
                    };
                    assert_eq!(msg.stamp, stamp(sequence));
                    assert_eq!(msg.body, Body::Data(message(sequence)));
                }
            });
            assert!(reader.is_finished());
        }
    }

    #[test]
    fn p07_a_full_reliable_link_has_no_room_and_a_full_lossy_one_drops_and_counts() {
        let (mut writer, mut reader) = reliable::<u8>(2);
        for sequence in 0..2 {
            assert!(writer.room() > 0);
            writer.data(stamp(sequence), &7);
        }
        assert_eq!((writer.room(), writer.full_count()), (0, 1));
        assert_eq!(reader.pop().map(|msg| msg.stamp.sequence), Some(0));
        assert_eq!(writer.room(), 1);

        let (mut writer, mut reader) = lossy::<u8>(2);
        for sequence in 0..5 {
            writer.data(stamp(sequence), &7);
        }
        assert_eq!((writer.dropped(), reader.backlog()), (3, 2));
        assert_eq!(reader.pop().map(|msg| msg.stamp.sequence), Some(0));
    }

    #[test]
    fn p08_what_was_written_before_the_writer_went_is_still_read() {
        let (mut writer, mut reader) = reliable::<u8>(4);
        writer.data(stamp(0), &7);
        writer.control(stamp(1), &Control::End);
        drop(writer);
        assert!(!reader.is_finished());
        assert!(matches!(
            reader.pop().map(|msg| msg.body),
            Some(Body::Data(7))
        ));
        assert!(reader.pop().is_some());
        assert!(reader.is_finished());
    }
}
