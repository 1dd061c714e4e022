//! The faults of a file, made by hand: each is counted, told, or refused, and none is a panic.

use super::written::{self, TsOut};
use super::{Pieces, oracle, replay, replay_whole};
use crate::databento::{DecodeError, METADATA_MAX};
use crate::replay::{Bytes, Refill, Replay};
use core::mem::offset_of;
use dbn::{MboMsg, rtype};
use undertow_core::event::{Body, Control, Mbo, Suspicion};
use undertow_core::types::{Action, BookKey, InstrumentId, PublisherId};

const MBO_LEN: usize = size_of::<MboMsg>();

/// A sound version 3 stream of a header and three market-by-order records, and where the
/// records begin.
fn three_records() -> (Vec<u8>, usize) {
    let start = written::header(3).len();
    let bytes = written::stream(3, TsOut::Absent, 1);
    let bytes = bytes[..start + 3 * MBO_LEN].to_vec();
    (bytes, start)
}

/// How many of the messages are market data.
fn data(said: &[Body<Mbo>]) -> usize {
    said.iter()
        .filter(|body| matches!(body, Body::Data(_)))
        .count()
}

fn key_at(bytes: &[u8], record: usize) -> BookKey {
    let word = |at: usize| bytes[at..at + 4].try_into().expect("four bytes");
    BookKey {
        instrument_id: InstrumentId(u32::from_le_bytes(word(record + 4))),
        publisher_id: PublisherId(u16::from_le_bytes([bytes[record + 2], bytes[record + 3]])),
    }
}

/// Checks that a byte spoilt in the second of three records makes its book suspect, and that
/// the others are delivered.
fn check_suspect(field: usize, byte: u8, suspicion: Suspicion) {
    let (mut bytes, start) = three_records();
    let sound = replay_whole(&bytes);
    let second = start + MBO_LEN;
    bytes[second + field] = byte;
    let mut expected = sound.clone();
    let place = expected.len() - 2;
    expected[place] = Body::Control(Control::Suspect(key_at(&bytes, second), suspicion));

    let mut replayed = Replay::new([&bytes[..]]);
    let mut said: Vec<_> = core::iter::from_fn(|| replayed.pop())
        .map(|msg| msg.body)
        .collect();
    assert_eq!(said.pop(), Some(Body::Control(Control::End)));
    assert_eq!(said, expected);
    let counts = replayed.streams()[0].decoder().counts();
    assert_eq!((counts.suspect(), counts.total()), (1, 3));
    assert_eq!(counts.records(rtype::MBO), 3);
}

#[test]
fn f17_an_unknown_action_makes_the_book_suspect() {
    let known = b"ACMRTFN";
    for byte in (0..=u8::MAX).filter(|byte| !known.contains(byte)) {
        check_suspect(offset_of!(MboMsg, action), byte, Suspicion::UnknownAction);
    }
}

#[test]
fn f17_an_unknown_side_makes_the_book_suspect() {
    let known = b"ABN";
    for byte in (0..=u8::MAX).filter(|byte| !known.contains(byte)) {
        check_suspect(offset_of!(MboMsg, side), byte, Suspicion::UnknownSide);
    }
}

#[test]
fn f17_a_trade_without_order_id_must_be_a_trade() {
    let start = written::header(3).len();
    let trade = start + 7 * MBO_LEN;
    let mut bytes = written::stream(3, TsOut::Absent, 1)[..trade + 48].to_vec();
    bytes[trade + offset_of!(dbn::TradeMsg, action)] = b'A';
    let suspect = Control::Suspect(key_at(&bytes, trade), Suspicion::UnknownAction);
    assert_eq!(replay_whole(&bytes).last(), Some(&Body::Control(suspect)));
}

#[test]
fn f18_a_record_shorter_than_its_header_stops_the_stream() {
    for words in 0..4 {
        let (mut bytes, start) = three_records();
        bytes[start + MBO_LEN] = words;
        let (said, error) = replay(&bytes[..]);
        assert_eq!(data(&said), 1, "the record before is delivered");
        let error = error.expect("an error");
        let expected = DecodeError::RecordTooShort {
            offset: (start + MBO_LEN) as u64,
            len: usize::from(words) * 4,
            min: 16,
        };
        assert_eq!(error, expected);
        assert!(
            error
                .to_string()
                .starts_with(&format!("byte {}: ", start + MBO_LEN))
        );
    }
}

#[test]
fn f18_a_first_record_of_zeros_is_not_taken_for_an_order() {
    let (mut bytes, start) = three_records();
    bytes[start..start + 2].fill(0);
    let (said, error) = replay(&bytes[..]);
    assert_eq!(data(&said), 0);
    assert!(
        matches!(error, Some(DecodeError::RecordTooShort { len: 0, .. })),
        "{error:?}"
    );
}

#[test]
fn f18_a_length_that_does_not_fit_the_type_is_suspect() {
    // Every length from a bare header to the most that the byte can say, but the two right ones.
    for words in (4..=u8::MAX).filter(|words| ![14, 16].contains(words)) {
        let (bytes, start) = three_records();
        let mut long = bytes[..start + 2].to_vec();
        long[start] = words;
        long.extend((2..usize::from(words) * 4).map(|_| 0x33));
        long.extend_from_slice(&bytes[start + MBO_LEN..]);
        let said = replay_whole(&long);
        let suspect = Control::Suspect(key_at(&long, start), Suspicion::BadLength);
        let place = said.len() - 3;
        assert_eq!(said[place], Body::Control(suspect), "{words} words");
        assert_eq!(data(&said), 2);
    }
}

#[test]
fn f18_every_unknown_type_is_skipped_and_counted() {
    for unknown in (0..=u8::MAX).filter(|byte| dbn::RType::try_from(*byte).is_err()) {
        let (mut bytes, start) = three_records();
        bytes[start + MBO_LEN + 1] = unknown;
        let mut replayed = Replay::new([&bytes[..]]);
        let said: Vec<_> = core::iter::from_fn(|| replayed.pop())
            .map(|msg| msg.body)
            .collect();
        assert_eq!(data(&said), 2, "type {unknown:#x}");
        let counts = replayed.streams()[0].decoder().counts();
        assert_eq!((counts.unknown(), counts.records(unknown)), (1, 1));
    }
}

#[test]
fn f19_a_stream_cut_anywhere_delivers_what_is_whole_and_names_the_place() {
    let bytes = written::stream(2, TsOut::Present, 1);
    let header_len = written::stream(2, TsOut::Present, 0).len();
    let whole = replay_whole(&bytes);
    let mut starts = Vec::new();
    let mut at = header_len;
    while at < bytes.len() {
        starts.push(at);
        at += usize::from(bytes[at]) * 4;
    }
    for cut in 0..bytes.len() {
        let (said, error) = replay(&bytes[..cut]);
        assert_eq!(said[..], whole[..said.len()], "cut at byte {cut}");
        if cut == header_len || starts.contains(&cut) {
            assert_eq!(error, None, "cut at byte {cut}, between records");
            continue;
        }
        let begun = starts.iter().rfind(|start| **start < cut);
        let offset = begun.map_or(0, |start| *start as u64);
        match error {
            Some(DecodeError::Truncated {
                offset: at,
                have,
                need,
                ..
            }) => {
                assert_eq!(
                    (at, have),
                    (offset, cut - offset as usize),
                    "cut at byte {cut}"
                );
                assert!(need > have);
            }
            other => panic!("cut at byte {cut}: {other:?}"),
        }
    }
}

#[test]
fn f19_a_reader_that_fails_keeps_the_records_before() {
    struct Torn<'a>(&'a [u8]);
    impl Bytes for Torn<'_> {
        fn window(&self) -> &[u8] {
            self.0
        }
        fn consume(&mut self, len: usize) {
            self.0 = &self.0[len..];
        }
        fn refill(&mut self) -> Refill {
            Refill::Failed("the third frame is damaged".into())
        }
    }
    let (bytes, start) = three_records();
    let (said, error) = replay(Torn(&bytes[..bytes.len() - 1]));
    assert_eq!(data(&said), 2);
    let error = error.expect("an error").to_string();
    let place = start + 2 * MBO_LEN;
    assert_eq!(error, format!("byte {place}: the third frame is damaged"));
}

#[test]
fn f20_several_zstd_frames_are_one_stream() {
    let bytes = written::stream(3, TsOut::Absent, 4);
    let mut frames = Vec::new();
    for part in bytes.chunks(777) {
        frames.extend(zstd::encode_all(part, 1).expect("it compresses"));
    }
    let whole = zstd::decode_all(&frames[..]).expect("it decompresses");
    assert_eq!(replay_whole(&whole), oracle::messages(&bytes));
}

#[test]
fn f20_whole_files_put_together_are_one_stream() {
    let first = written::stream(1, TsOut::Present, 2);
    let second = written::stream(3, TsOut::Absent, 2);
    let tiny = written::header(2);
    let together = [&first[..], &tiny, &second].concat();
    let expected: Vec<_> = [&first, &tiny, &second]
        .into_iter()
        .flat_map(|part| oracle::messages(part))
        .collect();
    assert_eq!(replay_whole(&together), expected);
    let (said, error) = replay(Pieces::new(&together, vec![3, 50, 1]));
    assert_eq!((said, error), (expected, None));
}

#[test]
fn f21_unknown_versions_are_refused() {
    for version in [0, 4, 5, 255] {
        let mut bytes = written::stream(3, TsOut::Absent, 1);
        bytes[3] = version;
        let (said, error) = replay(&bytes[..]);
        assert_eq!(said, []);
        assert_eq!(
            error,
            Some(DecodeError::UnknownVersion { offset: 0, version })
        );
    }
}

#[test]
fn f21_what_is_not_dbn_is_refused() {
    for bytes in [
        &b"not a DBN file at all"[..],
        &[0x28, 0xB5, 0x2F, 0xFD, 0, 0, 0, 0],
        &[0; 64],
    ] {
        let (said, error) = replay(bytes);
        assert_eq!(said, []);
        assert!(
            matches!(error, Some(DecodeError::NotDbn { offset: 0, .. })),
            "{error:?}"
        );
    }
}

#[test]
fn f21_absurd_metadata_lengths_are_refused_before_anything_is_gathered() {
    for len in [0, 99, METADATA_MAX + 1, u32::MAX] {
        let mut bytes = written::stream(3, TsOut::Absent, 1);
        bytes[4..8].copy_from_slice(&len.to_le_bytes());
        let (said, error) = replay(&bytes[..]);
        assert_eq!(said, []);
        match error {
            Some(DecodeError::MetadataLength { len: found, .. }) => assert_eq!(found, len),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn f21_absurd_metadata_counts_are_refused() {
    // Symbols, partial, not found, mappings: four counts, all zero but the last.
    let bytes = written::header(3);
    for count_at in [0, 4, 8, 12].map(|at| 8 + 100 + 4 + at) {
        for count in [1_000_u32, 0x00FF_FFFF, u32::MAX] {
            let mut bytes = bytes.clone();
            bytes[count_at..count_at + 4].copy_from_slice(&count.to_le_bytes());
            let (said, error) = replay(&bytes[..]);
            assert_eq!(said, []);
            assert!(
                matches!(error, Some(DecodeError::Metadata { .. })),
                "{error:?}"
            );
        }
    }
}

#[test]
fn f21_tiny_symbols_cannot_make_millions_of_strings() {
    let mut bytes = written::header(3);
    let symbol_len_at = 8 + 16 + 2 + 24 + 3;
    assert_eq!(bytes[symbol_len_at], 71);
    bytes[symbol_len_at] = 1;
    let (_, error) = replay(&bytes[..]);
    assert!(
        matches!(error, Some(DecodeError::Metadata { .. })),
        "{error:?}"
    );
}

#[test]
fn f23_records_of_an_instrument_without_a_name_are_delivered() {
    let (bytes, start) = three_records();
    let said = replay_whole(&bytes);
    let named = |body: &Body<Mbo>| match body {
        Body::Control(Control::Symbol(mapping)) => {
            mapping.instrument_id == key_at(&bytes, start).instrument_id
        }
        _ => false,
    };
    assert!(!said.iter().any(named));
    assert_eq!(data(&said), 3);
}

#[test]
fn f24_an_id_used_again_keeps_both_names_with_their_days() {
    let said = replay_whole(&written::header(3));
    let spans: Vec<_> = said
        .iter()
        .filter_map(|body| match body {
            Body::Control(Control::Symbol(at)) if at.symbol.as_str() == "NQM4" => Some(at),
            _ => None,
        })
        .collect();
    let [first, second] = spans[..] else {
        panic!("{spans:?}");
    };
    assert_eq!((first.instrument_id.0, second.instrument_id.0), (17, 18));
    assert_eq!(first.end, second.start);
    assert_eq!(first.start.0, 1_709_251_200_000_000_000, "1 March 2024");
}

#[test]
fn f26_extreme_prices_and_sizes_pass_unharmed() {
    for price in [i64::MIN, -1, 0, 1, i64::MAX - 1, i64::MAX] {
        for size in [0, 1, u32::MAX] {
            let (mut bytes, start) = three_records();
            let mut set = |at: usize, value: &[u8]| {
                bytes[start + at..][..value.len()].copy_from_slice(value);
            };
            set(offset_of!(MboMsg, price), &price.to_le_bytes());
            set(offset_of!(MboMsg, size), &size.to_le_bytes());
            let said = replay_whole(&bytes);
            let first = said.iter().find_map(Body::record);
            let first = first.expect("a record");
            assert_eq!((first.price.0, first.size), (price, size));
        }
    }
}

#[test]
fn a_side_without_a_price_has_neither_size_nor_count() {
    let start = written::header(3).len();
    let at = start + 7 * MBO_LEN + 48;
    let mut bytes = written::stream(3, TsOut::Absent, 1)[..at + 80].to_vec();
    let bid = at + offset_of!(dbn::Mbp1Msg, levels);
    bytes[bid..bid + 8].copy_from_slice(&i64::MAX.to_le_bytes());
    let said = replay_whole(&bytes);
    let Some(Body::Control(Control::Quote(_, touch))) = said.last() else {
        panic!("{said:?}");
    };
    assert_eq!((touch.bid_size, touch.bid_count), (0, 0));
    assert!(!touch.bid.is_defined() && touch.ask.is_defined());
}

#[test]
fn counts_are_by_type_and_by_action() {
    let bytes = written::stream(3, TsOut::Absent, 30);
    let mut replayed = Replay::new([&bytes[..]]);
    let said: Vec<_> = core::iter::from_fn(|| replayed.pop())
        .map(|msg| msg.body)
        .collect();
    let counts = replayed.streams()[0].decoder().counts();
    assert_eq!(counts.records(rtype::MBO), 30 * 7);
    assert_eq!(counts.records(rtype::MBP_0), 30);
    assert_eq!(counts.records(rtype::STATISTICS), 30 * 4);
    for action in Action::ALL {
        let is = |body: &&Body<Mbo>| body.record().is_some_and(|mbo| mbo.action == action);
        assert_eq!(counts.action(action), said.iter().filter(is).count() as u64);
    }
    assert_eq!((counts.unknown(), counts.suspect()), (0, 0));
    assert_eq!(replayed.streams()[0].decoder().offset(), bytes.len() as u64);
}
