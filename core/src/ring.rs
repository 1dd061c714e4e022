//! Links: SPSC rings between tiles, named `producer_consumer` where they are made.
//!
//! A *reliable* link is how hot tiles talk: the writer sees its credits through
//! [`Sink::room`] and stops taking inputs when they end, so nothing is lost and nothing waits
//! inside a stage. A *lossy* link leads to the cold side: it never makes the writer wait; what
//! does not fit is dropped and counted.

use rtrb::{Consumer, Producer, RingBuffer};

use crate::event::{Body, Control, Msg, Stamp};
use crate::stage::{Sink, Source};

/// Makes a reliable link that holds `depth` messages.
#[must_use]
pub fn reliable<T: Copy>(depth: usize) -> (Writer<T>, Reader<T>) {
    let (producer, consumer) = touched(depth);
    (
        Writer {
            producer,
            credits: depth,
            full_count: 0,
        },
        Reader { consumer },
    )
}

/// Makes a lossy link that holds `depth` messages.
#[must_use]
pub fn lossy<T: Copy>(depth: usize) -> (LossyWriter<T>, Reader<T>) {
    let (producer, consumer) = touched(depth);
    (
        LossyWriter {
            producer,
            dropped: 0,
        },
        Reader { consumer },
    )
}

/// A ring whose memory has been written once all through, so that its pages are there before
/// the first message.
fn touched<T>(depth: usize) -> (Producer<Msg<T>>, Consumer<Msg<T>>) {
    let (mut producer, mut consumer) = RingBuffer::new(depth);
    let blank = || Msg {
        stamp: Stamp::default(),
        body: Body::Control(Control::End),
    };
    while producer.push(blank()).is_ok() {}
    while consumer.pop().is_ok() {}
    (producer, consumer)
}

/// The writing end of a reliable link.
#[derive(Debug)]
pub struct Writer<T> {
    producer: Producer<Msg<T>>,
    /// How many messages fit as far as we know; the reader may have made more room since.
    credits: usize,
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
    fn push(&mut self, msg: Msg<T>) {
        self.credits = self.credits.saturating_sub(1);
        let pushed = self.producer.push(msg);
        assert!(
            pushed.is_ok(),
            "a reliable link was written beyond its credits"
        );
    }
}

impl<T: Copy> Sink<T> for Writer<T> {
    #[inline]
    fn room(&mut self) -> usize {
        // The shared index is read only when our own count runs low: it costs a cache miss.
        if self.credits < 16 {
            self.credits = self.producer.slots();
            self.full_count += u64::from(self.credits == 0);
        }
        self.credits
    }

    #[inline]
    fn data(&mut self, stamp: Stamp, data: &T) {
        self.push(Msg {
            stamp,
            body: Body::Data(*data),
        });
    }

    #[inline]
    fn control(&mut self, stamp: Stamp, control: &Control) {
        self.push(Msg {
            stamp,
            body: Body::Control(*control),
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
    fn push(&mut self, msg: Msg<T>) {
        self.dropped += u64::from(self.producer.push(msg).is_err());
    }
}

impl<T: Copy> Sink<T> for LossyWriter<T> {
    #[inline]
    fn room(&mut self) -> usize {
        usize::MAX
    }

    #[inline]
    fn data(&mut self, stamp: Stamp, data: &T) {
        self.push(Msg {
            stamp,
            body: Body::Data(*data),
        });
    }

    #[inline]
    fn control(&mut self, stamp: Stamp, control: &Control) {
        self.push(Msg {
            stamp,
            body: Body::Control(*control),
        });
    }
}

/// The reading end of either kind of link.
#[derive(Debug)]
pub struct Reader<T> {
    consumer: Consumer<Msg<T>>,
}

impl<T> Reader<T> {
    /// Whether the writing end is gone **and** everything it wrote has been taken. The order
    /// matters: what was written before the writer went must still be read.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.consumer.is_abandoned() && self.consumer.is_empty()
    }

    /// How many messages wait.
    #[must_use]
    pub fn backlog(&self) -> usize {
        self.consumer.slots()
    }
}

impl<T> Reader<T> {
    /// The next message, if there is one now: for those outside a chain.
    #[inline]
    pub fn pop(&mut self) -> Option<Msg<T>> {
        self.consumer.pop().ok()
    }
}

impl<T> Source<T> for Reader<T> {
    #[inline]
    fn take(&mut self, to: &mut impl Sink<T>) -> bool {
        let Ok(chunk) = self.consumer.read_chunk(1) else {
            return false;
        };
        // Handed over where it lies in the ring; the slot is given back afterwards.
        if let Some(msg) = chunk.as_slices().0.first() {
            to.put(msg);
        }
        chunk.commit_all();
        true
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
