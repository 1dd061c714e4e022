//! However a stream is cut into pieces, it says the same.

use super::{Pieces, replay, replay_whole, written};
use proptest::prelude::*;

#[test]
fn every_split_in_two_gives_the_same_messages() {
    for version in 1..=3 {
        let bytes = written::stream(version, written::TsOut::Present, 1);
        let whole = replay_whole(&bytes);
        for cut in 1..bytes.len() {
            let (said, error) = replay(Pieces::new(&bytes, vec![cut, bytes.len()]));
            assert_eq!(error, None);
            assert!(said == whole, "version {version}, cut at byte {cut}");
        }
    }
}

#[test]
fn single_bytes_give_the_same_messages() {
    let bytes = written::stream(3, written::TsOut::Absent, 3);
    let (said, error) = replay(Pieces::new(&bytes, vec![1]));
    assert_eq!(error, None);
    assert!(said == replay_whole(&bytes));
}

#[test]
fn f22_unaligned_input_gives_the_same_messages() {
    let bytes = written::stream(3, written::TsOut::Absent, 2);
    let whole = replay_whole(&bytes);
    for shift in 1..8 {
        let mut moved = vec![0xEE; shift];
        moved.extend_from_slice(&bytes);
        assert!(replay_whole(&moved[shift..]) == whole, "shifted by {shift}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_pieces_give_the_same_messages(
        version in 1_u8..=3,
        sizes in prop::collection::vec(1_usize..4_000, 1..40),
        seed in any::<u64>(),
    ) {
        let bytes = written::stream(version, written::TsOut::Absent, 20 + seed % 7);
        let (said, error) = replay(Pieces::new(&bytes, sizes));
        prop_assert_eq!(error, None);
        prop_assert!(said == replay_whole(&bytes));
    }

    #[test]
    fn damaged_streams_say_the_same_in_pieces_and_in_one(
        sizes in prop::collection::vec(1_usize..700, 1..20),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20),
        end in any::<prop::sample::Index>(),
    ) {
        let mut bytes = written::stream(3, written::TsOut::Absent, 3);
        for (place, byte) in damage {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        bytes.truncate(end.index(bytes.len()) + 1);
        prop_assert_eq!(replay(Pieces::new(&bytes, sizes)), replay(&bytes[..]));
    }
}
