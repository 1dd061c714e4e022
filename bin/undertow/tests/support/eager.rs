//! A session and a profile under which little becomes a lot of signals, orders and fills.
#![allow(dead_code, reason = "each test program uses a part of it")]

use std::fs;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

const PAPER: &str = include_str!("../../profiles/paper.toml");

/// What is written otherwise than in the built-in profile.
const CHANGES: [(&str, &str); 8] = [
    (
        "[product.rules.ifd]\nliquid_interest_min = 5 ",
        "[product.rules.ifd]\nliquid_interest_min = 0\nliquid_spread_max_pct = 100\n\
         confidence_min = 0.01\nplausible_min = 0.01\nleast_confidence = 1\n\
         stop_max_bps = 10000\nreward_min_tenths = 1\n\
         [product.rules.0dte]\nleast_confidence = 5\nliquid_spread_max_pct = 100\n\
         liquid_interest_min = 0\nstop_max_bps = 10000\nreward_min_tenths = 1\ncooldown_s = 5\n\
         vpin_weight = 100\nobi_weight = 0\ngamma_weight = 0\nsweep_weight = 0\n\
         vpin_min = 0.01\nlead_min = 1 ",
    ),
    (
        "confidence_min_ppm = \"60%\"",
        "confidence_min_ppm = \"1%\"",
    ),
    ("data_age_ns_max = \"15s\"", "data_age_ns_max = \"30m\""),
    ("mark_age_ns_max = \"120s\"", "mark_age_ns_max = \"1h\""),
    ("greeks_age_ns_max = \"60s\"", "greeks_age_ns_max = \"1h\""),
    ("losing_trades_max = 3", "losing_trades_max = 30"),
    ("volatility_ppm = \"300%\"", "volatility_ppm = \"9000%\""),
    ("daily_loss_ppm = \"2%\"", "daily_loss_ppm = \"9%\""),
];

/// The eager profile with more changes.
pub(crate) fn profile(changes: &[(&str, &str)]) -> String {
    let all = CHANGES.iter().chain(changes);
    all.fold(PAPER.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "{from} is not in\n{text}");
        text.replace(from, to)
    })
}

/// Runs the program in `dir`: exit code, stdout, stderr.
pub(crate) fn run(dir: &Path, words: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_undertow"))
        .args(words)
        .current_dir(dir)
        // Three tiles on a machine of two cores must be asked for.
        .env("UNDERTOW_UNPINNED_OK", "true")
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (
        output.status.code().unwrap_or(-1),
        text(output.stdout),
        text(output.stderr),
    )
}

/// A folder with a small session `s.dbn` and the profile `eager.toml`.
pub(crate) fn folder() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let synth = "synth --messages 200k --seed 5 --strikes 8 --expiries 2 --out s.dbn";
    let (code, _, told) = run(dir.path(), &synth.split(' ').collect::<Vec<_>>());
    assert_eq!(code, 0, "{told}");
    fs::write(dir.path().join("eager.toml"), profile(&[])).unwrap();
    dir
}
