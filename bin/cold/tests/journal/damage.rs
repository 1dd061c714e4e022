//! What is done to a journal from outside: torn, zeroed, flipped, swapped, mixed up.

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use undertow_cold::journal::{
    BLOCK, Damage, JournalError, Moment, Record, Writer, recover, segment_name,
};
use undertow_core::event::Operator;
use undertow_core::order::ClientOrderId;
use undertow_core::risk::LimitChange;

use crate::disk::Faulty;
use crate::samples::*;

/// Seven records, each confirmed by the disk before the next, in segments of four.
fn seven(dir: &Path) -> Vec<Record> {
    let written: Vec<Record> = every_kind().into_iter().take(7).collect();
    write(dir, &written, 4, 1);
    written
}

fn damaged(dir: &Path) -> (String, u64, u64, Damage) {
    match read(dir) {
        Err(JournalError::Damaged {
            path,
            offset,
            sequence,
            damage,
        }) => {
            let name = path.file_name().expect("a name").to_string_lossy();
            (name.into_owned(), offset, sequence, damage)
        }
        other => panic!("not damaged: {other:?}"),
    }
}

#[test]
fn p02_every_flipped_bit_is_damage_or_in_the_cut_tail() {
    let dir = fresh();
    let written = seven(dir.path());
    let mut cut = 0;
    for number in 1..=2 {
        let path = segment(dir.path(), number);
        let sound = fs::read(&path).expect("read");
        for at in 0..sound.len() {
            let mut bytes = sound.clone();
            bytes[at] ^= 1 << (at % 8);
            fs::write(&path, &bytes).expect("written");
            match read(dir.path()) {
                Err(JournalError::Damaged {
                    path: named,
                    offset,
                    ..
                }) => {
                    assert_eq!((named, offset), (path.clone(), (at / BLOCK * BLOCK) as u64));
                }
                Ok((entries, scan)) => {
                    // Only the very last block may be taken for a torn write.
                    assert!(
                        number == 2 && at >= block_at(3),
                        "{number}: {at} goes unseen"
                    );
                    assert_eq!(records(&entries), written[..6]);
                    assert_eq!((scan.cuts.len(), scan.cuts[0].bytes), (1, BLOCK as u64));
                    cut += 1;
                }
                Err(other) => panic!("{number}: {at}: {other}"),
            }
        }
        fs::write(&path, &sound).expect("written");
    }
    assert_eq!(cut, BLOCK);
}

#[test]
fn p02_a_tail_torn_at_any_length_is_cut_and_told() {
    let dir = fresh();
    let written = seven(dir.path());
    let path = segment(dir.path(), 2);
    let sound = fs::read(&path).expect("read");
    for len in (0..sound.len()).rev() {
        fs::write(&path, &sound[..len]).expect("written");
        let (entries, scan) = read(dir.path()).expect("a torn end is no damage");
        let whole = 4 + (len / BLOCK).saturating_sub(1);
        assert_eq!(records(&entries), written[..whole], "{len}");
        let is_clean = len >= BLOCK && len.is_multiple_of(BLOCK);
        assert_eq!(scan.cuts.is_empty(), is_clean, "{len}");
        if let Some(cut) = scan.cuts.first() {
            let bytes = if len < BLOCK { len } else { len % BLOCK };
            assert_eq!((&cut.path, cut.bytes), (&path, bytes as u64));
            assert!(matches!(cut.damage, Damage::Short(_)));
        }
        if len % 97 == 0 || is_clean {
            goes_on(dir.path(), whole);
        }
    }
}

/// A writer opens it, cuts what is to be cut, and goes on.
fn goes_on(dir: &Path, whole: usize) {
    let (mut writer, _) = Writer::open(dir, options(4), |_| {}).expect("it opens");
    let sequence = writer
        .append(&moment(whole as u64), &intended(900))
        .expect("taken");
    assert_eq!(sequence, whole as u64);
    writer.flush().expect("flushed");
    drop(writer);
    let (entries, scan) = read(dir).expect("read");
    assert_eq!(entries.len(), whole + 1);
    assert_eq!(entries[whole].record, intended(900));
    assert!(scan.cuts.is_empty());
    for number in 3..=scan.segments {
        fs::remove_file(segment(dir, number)).expect("removed");
    }
}

#[test]
fn p02_a_zeroed_tail_is_cut_and_zeros_in_the_middle_are_damage() {
    let dir = fresh();
    let written = seven(dir.path());
    let path = segment(dir.path(), 2);
    let sound = fs::read(&path).expect("read");
    for from in 1..=3 {
        edit(&path, |bytes| bytes[block_at(from)..].fill(0));
        let (entries, scan) = read(dir.path()).expect("a zeroed end is no damage");
        assert_eq!(records(&entries), written[..3 + from]);
        assert_eq!(scan.cuts[0].damage, Damage::Zeros);
        assert_eq!(scan.cuts[0].bytes, ((4 - from) * BLOCK) as u64);
        fs::write(&path, &sound).expect("written");
    }
    // All of it, header too: the segment was made and never reached the disk.
    edit(&path, |bytes| bytes.fill(0));
    let (entries, scan) = read(dir.path()).expect("read");
    assert_eq!(records(&entries), written[..4]);
    assert_eq!(
        (scan.cuts[0].offset, scan.cuts[0].bytes),
        (0, 4 * BLOCK as u64)
    );
    fs::write(&path, &sound).expect("written");
    edit(&path, |bytes| bytes[block_at(2)..block_at(3)].fill(0));
    let expected = (segment_name(2), block_at(2) as u64, 5, Damage::Zeros);
    assert_eq!(damaged(dir.path()), expected);
}

#[test]
fn p02_what_is_inserted_removed_doubled_or_swapped_is_damage() {
    let dir = fresh();
    seven(dir.path());
    let path = segment(dir.path(), 1);
    let sound = fs::read(&path).expect("read");
    let second = block_at(2)..block_at(3);
    type Edit<'a> = &'a dyn Fn(&mut Vec<u8>);
    let edits: [(&str, Edit<'_>); 6] = [
        ("a byte inserted", &|bytes| bytes.insert(block_at(2) + 7, 0)),
        ("a byte removed", &|bytes| {
            bytes.remove(block_at(2) + 7);
        }),
        ("a block removed", &|bytes| {
            bytes.drain(second.clone());
        }),
        ("a block doubled", &|bytes| {
            let block = bytes[second.clone()].to_vec();
            bytes.splice(block_at(2)..block_at(2), block);
        }),
        ("two blocks swapped", &|bytes| {
            let (left, right) = bytes.split_at_mut(block_at(3));
            left[second.clone()].swap_with_slice(&mut right[..BLOCK]);
        }),
        ("the last block lost", &|bytes| bytes.truncate(block_at(4))),
    ];
    for (name, change) in edits {
        edit(&path, |bytes| change(bytes));
        let (_, _, sequence, _) = damaged(dir.path());
        assert!((1..=4).contains(&sequence), "{name}: {sequence}");
        fs::write(&path, &sound).expect("written");
    }
    // The same in the last segment, where only what was not confirmed may be missing.
    let path = segment(dir.path(), 2);
    edit(&path, |bytes| bytes.insert(block_at(1) + 7, 0));
    let (_, offset, sequence, _) = damaged(dir.path());
    assert_eq!((offset, sequence), (block_at(1) as u64, 4));
}

#[test]
fn a_record_that_was_rewritten_soundly_breaks_the_chain() {
    let dir = fresh();
    seven(dir.path());
    edit(&segment(dir.path(), 1), |bytes| {
        let block = &mut bytes[block_at(2)..block_at(3)];
        block[100] ^= 1;
        let crc = crc32c::crc32c(&block[..BLOCK - 4]);
        block[BLOCK - 4..].copy_from_slice(&crc.to_le_bytes());
    });
    let expected = (segment_name(1), block_at(3) as u64, 2, Damage::Chain);
    assert_eq!(damaged(dir.path()), expected);
}

/// Where in a block this text stands.
fn place_of(block: &[u8], text: &str) -> usize {
    let mut windows = block.windows(text.len());
    let at = windows.position(|bytes| bytes == text.as_bytes());
    at.expect("it is there")
}

#[test]
fn r12_an_order_by_a_number_or_of_a_limit_that_is_none_is_unreadable() {
    const NAME: &str = "order_quantity_max";
    let change = LimitChange::new(NAME, 2).expect("a limit");
    let tighten = Record::Ordered(Operator::Tighten(change));
    let dir = fresh();
    write(dir.path(), &[tighten], 4, 1);
    let path = segment(dir.path(), 1);
    let sound = fs::read(&path).expect("read");
    let name = place_of(&sound[block_at(1)..], NAME);
    // The name stands behind its length, and that behind the number of the order.
    let (number, len) = (name - 2, name - 1);
    let read_with = |at: usize, byte: u8| {
        fs::write(&path, &sound).expect("written");
        edit(&path, |bytes| {
            let block = &mut bytes[block_at(1)..block_at(2)];
            assert_ne!(block[at], byte, "it is another");
            block[at] = byte;
            let crc = crc32c::crc32c(&block[..BLOCK - 4]);
            block[BLOCK - 4..].copy_from_slice(&crc.to_le_bytes());
        });
        damaged(dir.path()).3
    };
    for none in [9, u8::MAX] {
        assert_eq!(read_with(number, none), Damage::Payload, "{none}");
    }
    // Numbers of other orders: what follows is no more than theirs, or none of theirs.
    for other in 0..8 {
        assert_eq!(read_with(number, other), Damage::Payload, "{other}");
    }
    assert_eq!(read_with(name, b'x'), Damage::Payload, "xrder_quantity_max");
    assert_eq!(read_with(len, 17), Damage::Payload, "order_quantity_ma");
    assert_eq!(read_with(len, 33), Damage::Payload, "longer than a name");
}

#[test]
fn a_missing_segment_is_named() {
    let dir = fresh();
    write(dir.path(), &every_kind(), 4, 1);
    for number in [1, 3] {
        let path = segment(dir.path(), number);
        let bytes = fs::read(&path).expect("read");
        fs::remove_file(&path).expect("removed");
        match read(dir.path()) {
            Err(JournalError::Missing { path: named }) => assert_eq!(named, path),
            other => panic!("{other:?}"),
        }
        assert!(Writer::open(dir.path(), options(4), |_| {}).is_err());
        fs::write(&path, bytes).expect("written");
    }
}

#[test]
fn a_doubled_or_swapped_segment_is_damage() {
    let dir = fresh();
    seven(dir.path());
    let (first, second) = (segment(dir.path(), 1), segment(dir.path(), 2));
    fs::copy(&first, segment(dir.path(), 3)).expect("copied");
    let number = Damage::Number {
        expected: 3,
        got: 1,
    };
    assert_eq!(damaged(dir.path()), (segment_name(3), 0, 7, number));
    fs::remove_file(segment(dir.path(), 3)).expect("removed");
    let spare = dir.path().join("spare");
    fs::rename(&first, &spare).expect("renamed");
    fs::rename(&second, &first).expect("renamed");
    fs::rename(&spare, &second).expect("renamed");
    let number = Damage::Number {
        expected: 1,
        got: 2,
    };
    assert_eq!(damaged(dir.path()), (segment_name(1), 0, 0, number));
}

#[test]
fn a_segment_of_another_journal_is_damage() {
    let (dir, other) = (fresh(), fresh());
    seven(dir.path());
    let mut records = every_kind();
    records.swap(0, 1);
    records.truncate(7);
    write(other.path(), &records, 4, 1);
    fs::copy(segment(other.path(), 2), segment(dir.path(), 2)).expect("copied");
    assert_eq!(damaged(dir.path()), (segment_name(2), 0, 4, Damage::Chain));
}

#[test]
fn foreign_files_are_told_and_left_alone() {
    let dir = fresh();
    let written = seven(dir.path());
    let names = ["journal-000001.utj.bak", "journal-2.utj", "notes.txt"];
    for name in names {
        fs::write(dir.path().join(name), "mine").expect("written");
    }
    let (entries, scan) = read(dir.path()).expect("read");
    assert_eq!(
        (records(&entries), scan.foreign),
        (written, names.map(String::from).to_vec())
    );
    drop(Writer::open(dir.path(), options(4), |_| {}).expect("it opens"));
    for name in names {
        assert_eq!(fs::read(dir.path().join(name)).expect("read"), b"mine");
    }
}

#[test]
fn a_foreign_file_in_the_place_of_a_segment_is_never_overwritten() {
    for text in ["short", &"long ".repeat(400)] {
        let dir = fresh();
        let path = segment(dir.path(), 1);
        fs::write(&path, text).expect("written");
        assert!(
            Writer::open(dir.path(), options(4), |_| {}).is_err(),
            "{text}"
        );
        assert_eq!(fs::read_to_string(&path).expect("read"), text);
    }
}

#[test]
fn nothing_there_is_said_and_an_empty_journal_is_none() {
    let dir = fresh();
    assert!(matches!(read(dir.path()), Err(JournalError::None { .. })));
    let nowhere = dir.path().join("nowhere");
    assert!(matches!(read(&nowhere), Err(JournalError::None { .. })));
    drop(Writer::open(&nowhere, options(4), |_| {}).expect("it is made"));
    let (entries, scan) = read(&nowhere).expect("read");
    assert_eq!((entries.len(), scan.segments), (0, 1));
}

#[test]
fn p15_another_version_is_refused_with_the_way_to_migrate() {
    let dir = fresh();
    seven(dir.path());
    let path = segment(dir.path(), 1);
    let seal = |block: &mut [u8]| {
        let crc = crc32c::crc32c(&block[..BLOCK - 4]);
        block[BLOCK - 4..].copy_from_slice(&crc.to_le_bytes());
    };
    let sound = fs::read(&path).expect("read");
    edit(&path, |bytes| {
        bytes[8] = 9;
        seal(&mut bytes[..BLOCK]);
    });
    assert_eq!(damaged(dir.path()).3, Damage::Version(9));
    // The kind and the version of a record.
    for (at, kind, version) in [(6, 200, 1), (7, 1, 200)] {
        fs::write(&path, &sound).expect("written");
        edit(&path, |bytes| {
            let block = &mut bytes[block_at(1)..block_at(2)];
            block[at] = 200;
            seal(block);
        });
        assert_eq!(damaged(dir.path()).3, Damage::Kind { kind, version });
    }
    let error = read(dir.path()).expect_err("refused");
    assert!(
        error.next().contains("undertow journal dump DIR --json"),
        "{error}"
    );
    assert!(Writer::open(dir.path(), options(4), |_| {}).is_err());
}

#[test]
fn p02_ids_that_may_have_been_cut_off_are_not_used_again() {
    let dir = fresh();
    write(dir.path(), &[intended(1), intended(2), intended(3)], 9, 1);
    edit(&segment(dir.path(), 1), |bytes| {
        bytes.truncate(block_at(3) + 9)
    });
    let (state, scan) = recover(dir.path()).expect("read");
    assert_eq!((scan.records, scan.cuts.len()), (2, 1));
    assert_eq!(state.next_id(), ClientOrderId(4), "3 may be at the venue");
}

/// What a disk may keep of what it never confirmed, and how much was confirmed.
#[derive(Clone, Debug)]
struct Loss {
    batches: Vec<usize>,
    last: usize,
    kept: Vec<bool>,
    segment: u32,
}

fn losses() -> impl Strategy<Value = Loss> {
    let batches = prop::collection::vec(1usize..9, 0..6);
    let kept = prop::collection::vec(any::<bool>(), 20);
    (batches, 0usize..20, kept, 3u32..40).prop_map(|(batches, last, kept, segment)| Loss {
        batches,
        last,
        kept,
        segment,
    })
}

/// Writes until the disk dies, and says how many records it had confirmed and what was written.
fn lose(loss: &Loss) -> (tempfile::TempDir, u64, Vec<Record>) {
    let dir = fresh();
    let disk = Faulty::default();
    let storage = Box::new(disk.clone());
    let opened = Writer::open_on(dir.path(), options(loss.segment), storage, |_| {});
    let (mut writer, _) = opened.expect("it opens");
    let mut written = Vec::new();
    let mut append = |writer: &mut Writer, count: usize| {
        for _ in 0..count {
            let record = intended(written.len() as u64 + 1);
            // A rotation within the last batch may be what fails.
            let _ = writer.append(&Moment::default(), &record);
            written.push(record);
        }
    };
    for batch in &loss.batches {
        append(&mut writer, *batch);
        writer.flush().expect("flushed");
    }
    disk.set(|plan| {
        plan.failing_syncs = u32::MAX;
        plan.keeps_unsynced = true;
    });
    append(&mut writer, loss.last);
    let _ = writer.flush();
    let durable = writer.durable();
    drop(writer);
    let mut kept = loss.kept.iter().copied();
    disk.lose_power(|| kept.next().unwrap_or(false));
    (dir, durable, written)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn p02_after_a_power_failure_every_durable_record_is_there(loss in losses()) {
        let (dir, durable, written) = lose(&loss);
        let recovered = recover(dir.path());
        let (_, scan) = recovered.expect("what was not confirmed may be lost in any order");
        prop_assert!(scan.records >= durable, "{} of {durable}", scan.records);
        let (entries, _) = read(dir.path()).expect("read");
        prop_assert_eq!(&records(&entries)[..], &written[..entries.len()]);
        goes_on_after(dir.path(), scan.records);
    }
}

fn goes_on_after(dir: &Path, count: u64) {
    let (mut writer, _) = Writer::open(dir, options(5), |_| {}).expect("it opens");
    assert_eq!(
        writer
            .append(&moment(count), &intended(900))
            .expect("taken"),
        count
    );
    writer.flush().expect("flushed");
    let (entries, scan) = read(dir).expect("read");
    assert_eq!((entries.len() as u64, scan.cuts.len()), (count + 1, 0));
}
