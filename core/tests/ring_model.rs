//! The ring under the model checker: every order in which two threads may see each other's steps,
//! as far as the memory model allows it. Built with `--cfg loom` alone; see `bin/check.sh`.
#![cfg(loom)]

use loom::thread::{self, JoinHandle};
use undertow_core::event::{Body, Control, Stamp};
use undertow_core::ring::{Reader, Writer, lossy, reliable};
use undertow_core::stage::Sink;

fn stamp(sequence: u64) -> Stamp {
    Stamp {
        sequence,
        ingress_ns: sequence,
    }
}

/// Writes so many messages, as there is room.
fn write(mut writer: Writer<u64>, messages: u64) -> JoinHandle<()> {
    thread::spawn(move || {
        for sequence in 0..messages {
            while writer.room() == 0 {
                thread::yield_now();
            }
            writer.data(stamp(sequence), &sequence);
        }
    })
}

/// The next message, once it is there, as the number that it carries twice.
fn wait(reader: &mut Reader<u64>) -> u64 {
    loop {
        if let Some(msg) = reader.pop() {
            assert_eq!(msg.body, Body::Data(msg.stamp.sequence));
            return msg.stamp.sequence;
        }
        thread::yield_now();
    }
}

/// Three laps of a ring with one slot, and more than one of a ring with two: what was taken is
/// written again, and never while it is being read.
#[test]
fn messages_arrive_whole_and_in_order() {
    for depth in [1, 2] {
        loom::model(move || {
            let (writer, mut reader) = reliable(depth);
            let writing = write(writer, 3);
            for sequence in 0..3 {
                assert_eq!(wait(&mut reader), sequence);
            }
            assert!(reader.pop().is_none());
            writing.join().expect("the writer ends");
        });
    }
}

#[test]
fn p07_a_lossy_link_drops_whole_messages_and_counts_them() {
    loom::model(|| {
        let (mut writer, mut reader) = lossy(1);
        let writing = thread::spawn(move || {
            for sequence in 0..3 {
                writer.data(stamp(sequence), &sequence);
            }
            writer.dropped()
        });
        let early = u64::from(reader.pop().is_some());
        let dropped = writing.join().expect("the writer ends");
        let late = u64::from(reader.pop().is_some());
        assert_eq!(early + late + dropped, 3);
    });
}

#[test]
fn p08_what_was_written_before_the_writer_went_is_still_read() {
    loom::model(|| {
        let (mut writer, mut reader) = reliable::<u64>(2);
        let writing = thread::spawn(move || {
            writer.data(stamp(0), &0);
            writer.control(stamp(1), &Control::End);
        });
        let mut taken = 0;
        while !reader.is_finished() {
            match reader.pop() {
                Some(_) => taken += 1,
                None => thread::yield_now(),
            }
        }
        assert_eq!(taken, 2);
        writing.join().expect("the writer ends");
    });
}

#[test]
fn p08_a_writer_sees_that_its_reader_went() {
    loom::model(|| {
        let (writer, reader) = reliable::<u64>(2);
        let reading = thread::spawn(move || drop(reader));
        while !writer.is_abandoned() {
            thread::yield_now();
        }
        reading.join().expect("the reader ends");
    });
}

/// A backlog is never more than a link holds, nor less than nothing, whenever it is looked at.
#[test]
fn a_backlog_stays_within_the_depth() {
    loom::model(|| {
        let (writer, mut reader) = reliable(1);
        let writing = write(writer, 2);
        for sequence in 0..2 {
            assert_eq!(wait(&mut reader), sequence);
            assert!(reader.backlog() <= 1);
        }
        writing.join().expect("the writer ends");
    });
}
