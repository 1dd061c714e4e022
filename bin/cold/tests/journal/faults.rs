//! A disk that fails: nothing is said to be durable that is not, and no intent is taken until the
//! new segment and the old one agree.

use std::fs;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use undertow_cold::journal::{BLOCK, Health, JournalError, Options, Record, Sync, Writer};

use crate::disk::{Faulty, Plan};
use crate::samples::*;

/// A writer on a faulty disk, with three durable intents.
fn begun(sync: Sync) -> (TempDir, Faulty, Writer) {
    let dir = fresh();
    let disk = Faulty::default();
    let options = Options {
        sync,
        pending_records_max: 8,
        ..options(100)
    };
    let storage = Box::new(disk.clone());
    let (mut writer, _) = Writer::open_on(dir.path(), options, storage, |_| {}).expect("it opens");
    for number in 0..3 {
        writer
            .append(&moment(number), &intended(number + 1))
            .expect("taken");
    }
    writer.flush().expect("flushed");
    (dir, disk, writer)
}

type Failure = (&'static str, fn(&mut Plan));

/// Every way in which a disk fails while it is written to.
fn failures() -> Vec<Failure> {
    vec![
        ("no space at all", |plan| plan.room = Some(0)),
        ("no space for a whole block", |plan| plan.room = Some(700)),
        ("a sync that fails and loses", |plan| plan.failing_syncs = 1),
        ("a sync that fails", |plan| {
            plan.failing_syncs = 1;
            plan.keeps_unsynced = true;
        }),
    ]
}

fn heal(plan: &mut Plan) {
    plan.room = None;
    plan.failing_syncs = 0;
    plan.is_read_only = false;
}

#[test]
fn p03_what_fails_is_not_durable_and_halts() {
    for (name, break_it) in failures() {
        let (_dir, disk, mut writer) = begun(Sync::EveryIntent);
        disk.set(break_it);
        writer
            .append(&moment(3), &Record::Checkpoint(4))
            .expect("only in memory");
        let failed = writer.append(&moment(4), &intended(4));
        assert!(
            matches!(failed, Err(JournalError::Io { .. })),
            "{name}: {failed:?}"
        );
        assert_eq!(
            (writer.durable(), writer.health()),
            (3, Health::Halted),
            "{name}"
        );
        // The disk is well again, but nobody has looked at what is on it.
        disk.set(heal);
        let refused = writer.append(&moment(5), &intended(5));
        assert!(
            matches!(refused, Err(JournalError::Halted { .. })),
            "{name}: {refused:?}"
        );
        assert!(
            matches!(writer.flush(), Err(JournalError::Halted { .. })),
            "{name}"
        );
        assert_eq!(writer.durable(), 3, "{name}");
    }
}

#[test]
fn p03_a_mended_journal_goes_on_in_a_new_segment_and_has_everything() {
    for (name, break_it) in failures() {
        let (dir, disk, mut writer) = begun(Sync::EveryIntent);
        disk.set(break_it);
        let mut taken = vec![intended(1), intended(2), intended(3)];
        taken.extend([Record::Checkpoint(4), intended(4)]);
        writer.append(&moment(3), &taken[3]).expect("taken");
        writer
            .append(&moment(4), &taken[4])
            .expect_err("the disk fails");
        // What happens meanwhile is kept.
        let told = report(4, undertow_core::order::ReportKind::NoAnswer);
        taken.push(told);
        assert_eq!(writer.append(&moment(5), &told).expect("kept"), 5, "{name}");
        disk.set(heal);
        writer
            .mend()
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(
            (writer.durable(), writer.health()),
            (6, Health::Sound),
            "{name}"
        );
        taken.push(intended(5));
        assert_eq!(writer.append(&moment(6), &intended(5)).expect("taken"), 6);
        drop(writer);
        let (entries, scan) = read(dir.path()).expect("read");
        assert_eq!(records(&entries), taken, "{name}");
        assert_eq!((scan.segments, scan.cuts.len()), (2, 0), "{name}");
        // And again after a restart.
        let (writer, _) = Writer::open(dir.path(), options(100), |_| {}).expect("it opens");
        assert_eq!(writer.next_sequence(), 7);
    }
}

#[test]
fn p03_mending_fails_as_long_as_the_disk_does() {
    let (dir, disk, mut writer) = begun(Sync::EveryIntent);
    disk.set(|plan| plan.room = Some(0));
    writer.append(&moment(3), &intended(4)).expect_err("full");
    writer.mend().expect_err("still full");
    disk.set(|plan| plan.room = Some(BLOCK + 10));
    writer.mend().expect_err("room for a header only");
    disk.set(|plan| {
        heal(plan);
        plan.is_read_only = true;
    });
    writer.mend().expect_err("read-only");
    disk.set(|plan| {
        heal(plan);
        plan.failing_syncs = 2;
    });
    writer.mend().expect_err("the header cannot be synced");
    writer.mend().expect_err("nor");
    assert_eq!((writer.durable(), writer.health()), (3, Health::Halted));
    disk.set(heal);
    writer.mend().expect("mended");
    assert_eq!((writer.durable(), writer.health()), (4, Health::Sound));
    drop(writer);
    let (entries, scan) = read(dir.path()).expect("read");
    assert_eq!((entries.len(), scan.segments), (4, 2));
}

#[test]
fn p03_a_journal_is_not_mended_while_the_old_segment_disagrees() {
    let (dir, disk, mut writer) = begun(Sync::EveryIntent);
    disk.set(|plan| plan.failing_syncs = 1);
    writer.append(&moment(3), &intended(4)).expect_err("fails");
    disk.set(heal);
    let path = segment(dir.path(), 1);
    let sound = fs::read(&path).expect("read");
    // The disk has lost a record that it had confirmed, or changed one.
    edit(&path, |bytes| bytes.truncate(block_at(3)));
    assert!(matches!(
        writer.mend(),
        Err(JournalError::Damaged { sequence: 2, .. })
    ));
    fs::write(&path, &sound).expect("written");
    edit(&path, |bytes| bytes[block_at(2) + 80] ^= 1);
    assert!(matches!(
        writer.mend(),
        Err(JournalError::Damaged { sequence: 1, .. })
    ));
    assert_eq!(writer.health(), Health::Halted);
    fs::write(&path, &sound).expect("written");
    writer.mend().expect("now they agree");
}

#[test]
fn p03_a_process_that_dies_while_halted_loses_only_what_was_never_durable() {
    for room in [0, 100, BLOCK, BLOCK + 100, 2 * BLOCK] {
        let (dir, disk, mut writer) = begun(Sync::EveryIntent);
        disk.set(|plan| {
            plan.failing_syncs = 1;
            plan.keeps_unsynced = true;
        });
        writer.append(&moment(3), &intended(4)).expect_err("fails");
        writer
            .append(&moment(4), &Record::Checkpoint(1))
            .expect("kept");
        disk.set(|plan| plan.room = Some(room));
        writer.mend().expect_err("no room for all");
        drop(writer);
        let (entries, _) = read(dir.path()).expect("read");
        let all = [1, 2, 3, 4].map(intended);
        assert!(entries.len() >= 3, "{room}");
        assert_eq!(records(&entries), all[..entries.len()], "{room}");
        let (mut writer, _) = Writer::open(dir.path(), options(100), |_| {}).expect("it opens");
        writer.append(&moment(9), &intended(9)).expect("taken");
        writer.flush().expect("flushed");
        let (after, scan) = read(dir.path()).expect("read");
        assert_eq!(
            (after.len(), scan.cuts.len()),
            (entries.len() + 1, 0),
            "{room}"
        );
    }
}

#[test]
fn p03_memory_is_bounded_while_halted() {
    let (_dir, disk, mut writer) = begun(Sync::Batch);
    disk.set(|plan| plan.room = Some(0));
    writer
        .append(&moment(3), &Record::Checkpoint(1))
        .expect("taken");
    writer.flush().expect_err("full");
    for number in 4..11 {
        writer
            .append(&moment(number), &Record::Checkpoint(1))
            .expect("kept");
    }
    let refused = writer.append(&moment(11), &Record::Checkpoint(1));
    assert!(
        matches!(refused, Err(JournalError::Full { records: 8, .. })),
        "{refused:?}"
    );
    disk.set(heal);
    writer.mend().expect("mended");
    assert_eq!(writer.durable(), 11);
    writer.append(&moment(11), &intended(9)).expect("taken");
}

#[test]
fn p03_a_full_disk_at_the_change_of_segments_halts_too() {
    let dir = fresh();
    let disk = Faulty::default();
    let storage = Box::new(disk.clone());
    let (mut writer, _) =
        Writer::open_on(dir.path(), options(2), storage, |_| {}).expect("it opens");
    writer.append(&moment(0), &intended(1)).expect("taken");
    writer.append(&moment(1), &intended(2)).expect("taken");
    writer.flush().expect("flushed");
    disk.set(|plan| plan.is_read_only = true);
    let failed = writer.append(&moment(2), &intended(3));
    assert!(matches!(failed, Err(JournalError::Io { .. })), "{failed:?}");
    assert_eq!(
        (writer.health(), writer.next_sequence()),
        (Health::Halted, 2)
    );
    let kept = Record::Checkpoint(5);
    assert_eq!(writer.append(&moment(2), &kept).expect("kept"), 2);
    disk.set(heal);
    writer.mend().expect("mended");
    writer.append(&moment(3), &intended(3)).expect("taken");
    writer.flush().expect("flushed");
    let (entries, _) = read(dir.path()).expect("read");
    assert_eq!(
        records(&entries),
        [intended(1), intended(2), kept, intended(3)]
    );
}

#[test]
fn p03_short_and_interrupted_writes_are_finished() {
    let (dir, disk, mut writer) = begun(Sync::Batch);
    disk.set(|plan| {
        plan.write_max = Some(37);
        plan.interrupts = true;
    });
    for number in 3..40 {
        writer
            .append(&moment(number), &intended(number + 1))
            .expect("taken");
    }
    assert_eq!(writer.flush().expect("flushed").durable, 40);
    let (entries, scan) = read(dir.path()).expect("read");
    assert_eq!((entries.len(), scan.cuts.len()), (40, 0));
}

#[test]
fn p03_a_slow_disk_is_told_and_nothing_is_durable_before_it_answers() {
    let (_dir, disk, mut writer) = begun(Sync::Batch);
    assert_eq!(writer.health(), Health::Sound);
    disk.set(|plan| plan.stall = Duration::from_millis(500));
    writer.append(&moment(3), &intended(4)).expect("taken");
    let watermark = writer.watermark();
    let begun = Instant::now();
    let waiter = std::thread::spawn(move || {
        while watermark.load(std::sync::atomic::Ordering::Acquire) < 4 {
            std::thread::sleep(Duration::from_millis(1));
        }
        begun.elapsed()
    });
    let flushed = writer.flush().expect("flushed");
    assert!(flushed.took >= Duration::from_millis(500), "{flushed:?}");
    let waited = waiter.join().expect("it ends");
    assert!(waited >= Duration::from_millis(500), "{waited:?}");
    assert_eq!(writer.health(), Health::Slow);
    disk.set(|plan| plan.stall = Duration::ZERO);
    writer.append(&moment(4), &intended(5)).expect("taken");
    writer.flush().expect("flushed");
    assert_eq!(writer.health(), Health::Sound);
}

#[test]
fn p03_without_syncing_a_fault_is_not_mended() {
    let (_dir, disk, mut writer) = begun(Sync::Off);
    disk.set(|plan| plan.room = Some(0));
    writer.append(&moment(3), &intended(4)).expect("taken");
    writer.flush().expect_err("full");
    disk.set(heal);
    assert!(matches!(writer.mend(), Err(JournalError::Halted { .. })));
    assert_eq!((writer.durable(), writer.health()), (0, Health::Halted));
}

#[test]
fn p03_a_directory_that_cannot_be_written_is_named() {
    let dir = fresh();
    let file = dir.path().join("file");
    fs::write(&file, "x").expect("written");
    let error = Writer::open(&file.join("journal"), options(4), |_| {}).expect_err("refused");
    assert!(error.to_string().contains("cannot make it"), "{error}");
    let disk = Faulty::default();
    disk.set(|plan| plan.is_read_only = true);
    let opened = Writer::open_on(dir.path(), options(4), Box::new(disk), |_| {});
    let error = opened.expect_err("refused");
    assert!(error.to_string().contains("cannot begin it"), "{error}");
}

#[test]
fn p11_closing_flushes_and_proves_it() {
    let (dir, disk, mut writer) = begun(Sync::Batch);
    writer.append(&moment(3), &intended(4)).expect("taken");
    assert_eq!(
        writer.close(&moment(4), &Record::End(1)).expect("closed"),
        5
    );
    assert_eq!(disk.0.borrow().failing_syncs, 0);
    disk.lose_power(|| false);
    let (entries, scan) = read(dir.path()).expect("read");
    assert_eq!(
        (entries.len(), scan.cuts.len()),
        (5, 0),
        "a power failure takes nothing"
    );
    // The end was written after the disk had confirmed all before it: damage there is damage.
    edit(&segment(dir.path(), 1), |bytes| {
        bytes[block_at(4) + 70] ^= 1
    });
    assert!(matches!(
        read(dir.path()),
        Err(JournalError::Damaged { sequence: 3, .. })
    ));
}
