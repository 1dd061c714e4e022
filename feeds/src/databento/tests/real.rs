//! Real files against dbn's own decoder. They are no part of the project; see `UNDERTOW_DATA`.

use super::{oracle, replay_whole};
use std::path::PathBuf;
use undertow_core::event::{Body, Mbo};
use undertow_core::types::Action;

/// The real DBN files with their names, decompressed; empty, and said so, where there are none.
fn real_files() -> Vec<(String, Vec<u8>)> {
    let data = std::env::var_os("UNDERTOW_DATA")
        .map_or_else(|| PathBuf::from("../../shared/data"), PathBuf::from);
    let Ok(folder) = std::fs::read_dir(data.join("dbn")) else {
        println!(
            "skipped: no real data at {} (set UNDERTOW_DATA)",
            data.display()
        );
        return Vec::new();
    };
    let mut files: Vec<_> = folder
        .map(|entry| entry.expect("an entry").path())
        .collect();
    files.sort();
    files
        .into_iter()
        .map(|path| {
            let name = path
                .file_name()
                .expect("a name")
                .to_string_lossy()
                .into_owned();
            let file = std::fs::File::open(path).expect("the file opens");
            (name, zstd::decode_all(file).expect("the file decompresses"))
        })
        .collect()
}

#[test]
fn every_field_of_every_real_record_is_as_dbn_decodes_it() {
    for (name, bytes) in real_files() {
        let (ours, theirs) = (replay_whole(&bytes), oracle::messages(&bytes));
        assert_eq!(ours.len(), theirs.len(), "{name}");
        for (place, (ours, theirs)) in ours.iter().zip(&theirs).enumerate() {
            assert_eq!(ours, theirs, "{name}, message {place}");
        }
        println!("{name}: {} messages", ours.len());
    }
}

#[test]
fn the_real_session_has_the_known_actions() {
    for (name, bytes) in real_files() {
        if name != "esh4-glbx-mdp3-20231225.mbo.dbn.zst" {
            continue;
        }
        let said = replay_whole(&bytes);
        let count = |action| {
            let is = |body: &&Body<Mbo>| body.record().is_some_and(|mbo| mbo.action == action);
            said.iter().filter(is).count()
        };
        assert_eq!(count(Action::Add), 29_216);
        assert_eq!(count(Action::Cancel), 17_999);
        assert_eq!(count(Action::Modify), 12_233);
        assert_eq!(count(Action::Trade), 2_973);
        assert_eq!(count(Action::Fill), 6_371);
    }
}
