//! `discover` as a user meets it, and the configuration that includes what it wrote.

mod support;

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;
use tempfile::TempDir;

/// The program in a directory, without anything of ours in the environment.
fn undertow(dir: &Path, line: &str) -> (i32, String, String) {
    with_env(dir, line, &[])
}

fn with_env(dir: &Path, line: &str, env: &[(&str, &str)]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_undertow"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("UNDERTOW_") {
            command.env_remove(name);
        }
    }
    let words = line.split_whitespace();
    let command = command
        .current_dir(dir)
        .envs(env.iter().copied())
        .args(words);
    let output = command.output().expect("the program runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    let code = output.status.code().unwrap_or(-1);
    (code, text(output.stdout), text(output.stderr))
}

/// A simulated session, made once: `session.dbn` in a directory.
fn session() -> &'static TempDir {
    static SESSION: OnceLock<TempDir> = OnceLock::new();
    SESSION.get_or_init(|| {
        let dir = tempfile::tempdir().expect("a directory");
        let (code, _, err) = undertow(
            dir.path(),
            "synth --out session.dbn --messages 600k --quiet",
        );
        assert_eq!(code, 0, "{err}");
        dir
    })
}

/// A directory of its own with the session in it.
fn with_session() -> TempDir {
    let dir = tempfile::tempdir().expect("a directory");
    let from = session().path().join("session.dbn");
    fs::hard_link(from, dir.path().join("session.dbn")).expect("linked");
    dir
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn write(dir: &TempDir, name: &str, text: &str) {
    fs::write(dir.path().join(name), text).expect("written");
}

#[test]
fn session_gives_every_parameter_with_its_reason() {
    let dir = with_session();
    let (code, out, err) = undertow(dir.path(), "discover session.dbn");
    assert_eq!(code, 0, "{err}");
    assert!(
        out.starts_with("session.dbn: session of 2026-03-11 (regular hours), "),
        "{out}"
    );
    for words in [
        "\nreference    NQH6, the most traded\n",
        "\nvpin bucket  ",
        " = middle of the centres ",
        "\nlookback     ",
        " of the lags beyond ±",
        "\nregime       ",
        "33rd and 67th percentile\n",
        "\ncorrelations 3 symbols over ",
    ] {
        assert!(out.contains(words), "{words} is missing: {out}");
    }
    assert!(
        err.starts_with("computed in ") && err.ends_with(" ms\n"),
        "{err}"
    );
    assert!(
        !dir.path().join("discovered.toml").exists(),
        "not asked for"
    );
    let (_, again, _) = undertow(dir.path(), "discover session.dbn");
    assert_eq!(out, again, "the same file says the same");
}

#[test]
fn what_was_found_is_in_force_once_it_is_included() {
    let dir = with_session();
    let (code, out, err) = undertow(dir.path(), "discover session.dbn --out found.toml");
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("include = [\"found.toml\"]"), "{out}");
    let (_, told, _) = undertow(dir.path(), "discover session.dbn --json");
    let told = json(&told);
    write(&dir, "undertow.toml", "include = [\"found.toml\"]\n");
    let (code, shown, err) = undertow(dir.path(), "config show --json");
    assert_eq!(code, 0, "{err}");
    let shown = json(&shown);
    let key = |name: &str| {
        let keys = shown["keys"].as_array().expect("keys");
        keys.iter()
            .find(|key| key["key"] == name)
            .cloned()
            .expect("the key")
    };
    let reference = &told["symbols"][0];
    assert_eq!(told["reference"], reference["symbol"]);
    assert_eq!(key("flow.vpin_bucket")["value"], reference["vpin_bucket"]);
    assert_eq!(
        key("discovered.lookback")["value"],
        reference["lookback"]["bars"]
    );
    let place = key("discovered.lookback")["place"].to_string();
    assert!(place.contains("found.toml:"), "{place}");
    let bounds = key("discovered.volatility_bounds_bps")["value"].clone();
    for (bound, name) in [(&bounds[0], "p33"), (&bounds[1], "p67")] {
        let fraction = reference["regime"][name].as_f64().expect("a number");
        assert_eq!(bound.as_f64(), Some((fraction * 10_000.0).round()));
    }
    // The correlations have an age: that of the last trade that they rest on.
    let as_of = key("discovered.as_of")["value"].clone();
    let as_of = as_of.as_str().expect("a moment");
    assert!(
        as_of.starts_with("2026-03-11T19:59:") && as_of.ends_with('Z'),
        "{as_of}"
    );
    let pairs = key("discovered.correlations")["value"].clone();
    assert_eq!(pairs.as_array().map(Vec::len), Some(3));
    let buckets = key("discovered.buckets")["value"].clone();
    let symbols = told["symbols"].as_array().expect("symbols");
    assert_eq!(buckets.as_array().expect("a list").len(), symbols.len());
}

#[test]
fn discovered_buckets_and_bounds_are_in_force_for_their_symbols() {
    let dir = with_session();
    let played = |config: &str| {
        write(&dir, "undertow.toml", config);
        let (code, out, err) = undertow(dir.path(), "replay session.dbn --json --quiet");
        assert_eq!(code, 0, "{err}");
        let instruments = json(&out)["summary"]["instruments"].clone();
        move |symbol: &str| {
            let all = instruments.as_array().expect("a list");
            let found = all.iter().find(|it| it["name"] == symbol);
            found.expect("the symbol")["flow"].clone()
        }
    };
    let general = played("");
    let own = played("[discovered]\nbuckets = [\"NQH6=75\"]\nvolatility_bounds_bps = [1, 2]\n");
    let all = played("[flow]\nvpin_bucket = 75\n");
    assert_eq!(own("NQH6")["vpin"], all("NQH6")["vpin"]);
    assert_ne!(own("NQH6")["vpin"], general("NQH6")["vpin"]);
    assert_eq!(own("MNQH6")["vpin"], general("MNQH6")["vpin"]);
    assert_ne!(all("MNQH6")["vpin"], general("MNQH6")["vpin"]);
    assert_eq!(own("NQH6")["volatility"], general("NQH6")["volatility"]);
    assert_eq!(
        general("NQH6")["regime"],
        Value::Null,
        "no bounds, no regime"
    );
    assert_eq!(own("NQH6")["regime"], "HIGH");
}

#[test]
fn correlations_are_told_by_pair_and_as_a_symmetric_matrix() {
    let dir = with_session();
    let (code, out, err) = undertow(dir.path(), "discover session.dbn --json --quiet");
    assert_eq!((code, err.as_str()), (0, ""));
    let found = json(&out);
    let matrix = found["correlations"]["matrix"]
        .as_object()
        .expect("a matrix");
    assert_eq!(matrix.len(), 3, "three futures; options are left aside");
    for (a, row) in matrix {
        assert_eq!(row[a], 1.0);
        for (b, r) in row.as_object().expect("a row") {
            assert_eq!(r, &matrix[b][a]);
            assert!(r.as_f64().expect("a number").abs() <= 1.0);
            if a < b {
                assert_eq!(r, &found["correlations"]["pairs"][format!("{a}:{b}")]);
            }
        }
    }
}

#[test]
fn first_run_looks_no_further_back_than_the_last_significant_lag() {
    let dir = with_session();
    let bars = |flag: &str| {
        let (_, out, _) = undertow(dir.path(), &format!("discover session.dbn --json {flag}"));
        json(&out)["symbols"][0]["lookback"]["bars"]
            .as_u64()
            .expect("a count")
    };
    assert!(bars("--first-run") <= bars(""));
}

#[test]
fn reference_is_chosen_by_name_and_an_unknown_one_is_refused() {
    let dir = with_session();
    let (_, out, _) = undertow(dir.path(), "discover session.dbn --reference mnqh6");
    assert!(
        out.contains("\nreference    MNQH6, as asked for\n"),
        "{out}"
    );
    let (code, _, err) = undertow(dir.path(), "discover session.dbn --reference NQH7");
    assert_eq!(code, 2);
    assert!(
        err.contains("E-FEED-003") && err.contains("did you mean NQH6?"),
        "{err}"
    );
}

#[test]
fn file_that_is_cut_short_exits_with_7_and_writes_nothing() {
    let dir = with_session();
    let whole = fs::read(dir.path().join("session.dbn")).expect("readable");
    fs::write(dir.path().join("cut.dbn"), &whole[..whole.len() / 2 + 7]).expect("written");
    let (code, out, err) = undertow(dir.path(), "discover cut.dbn --out found.toml");
    assert_eq!(code, 7, "{err}");
    assert!(err.contains("error[E-FEED-001]: cut.dbn: "), "{err}");
    assert!(
        out.contains("\nreference "),
        "what came before is told: {out}"
    );
    assert!(!dir.path().join("found.toml").exists());
}

#[test]
fn file_without_trades_or_absent_is_refused() {
    let dir = tempfile::tempdir().expect("a directory");
    let (code, _, err) = undertow(dir.path(), "discover nowhere.dbn");
    assert_eq!(code, 5);
    assert!(
        err.contains("E-FEED-002") && err.contains("nowhere.dbn"),
        "{err}"
    );
    let synth = "synth --kind chain --messages 1 --instruments 1 --out empty.dbn --quiet";
    assert_eq!(undertow(dir.path(), synth).0, 0);
    let (code, _, err) = undertow(dir.path(), "discover empty.dbn");
    assert_eq!(code, 2);
    assert!(err.contains("no trade in these files"), "{err}");
}

#[test]
fn christmas_night_is_of_the_globex_session_of_the_26th() {
    let Some(file) = support::data("dbn/esh4-glbx-mdp3-20231225.mbo.dbn.zst") else {
        return;
    };
    let dir = tempfile::tempdir().expect("a directory");
    let file = file.display();
    let (code, _, err) = undertow(dir.path(), &format!("discover {file}"));
    assert_eq!(code, 2);
    assert!(
        err.contains("no trade within regular hours, but 2,973 outside"),
        "{err}"
    );
    assert!(err.contains("--hours globex"), "{err}");
    let (code, out, err) = undertow(
        dir.path(),
        &format!("discover {file} --hours globex --json"),
    );
    assert_eq!(code, 0, "{err}");
    let found = json(&out);
    assert_eq!(found["sessions"], serde_json::json!(["2023-12-26"]));
    assert_eq!(
        (&found["trades"], &found["outside"]),
        (&2973.into(), &0.into())
    );
    assert_eq!(found["symbols"][0]["symbol"], "ESH4");
    assert_eq!(found["correlations"], Value::Null);
    assert_eq!(
        found["correlations_absent"],
        "it takes 3 symbols, there is 1"
    );
}

#[test]
fn own_keys_stand_above_included_ones_and_later_files_above_earlier() {
    let dir = tempfile::tempdir().expect("a directory");
    fs::create_dir(dir.path().join("sub")).expect("made");
    write(
        &dir,
        "sub/a.toml",
        "[flow]\nvpin_bucket = 60\n[discovered]\nlookback = 5\n",
    );
    write(
        &dir,
        "sub/b.toml",
        "[discovered]\nlookback = 7\n[book]\norders_max = 9000\n",
    );
    let own = "include = [\"a.toml\", \"b.toml\"]\n[book]\norders_max = 8000\n";
    write(&dir, "sub/own.toml", own);
    let (code, out, err) = undertow(dir.path(), "config show --config sub/own.toml");
    assert_eq!(code, 0, "{err}");
    for (line, origin) in [
        ("flow.vpin_bucket = 60 ", "# file sub/a.toml:2"),
        ("discovered.lookback = 7 ", "# file sub/b.toml:2"),
        ("book.orders_max = 8000 ", "# file sub/own.toml:3"),
    ] {
        let shown = out
            .lines()
            .find(|shown| shown.starts_with(line))
            .expect(line);
        assert!(shown.ends_with(origin), "{shown}");
    }
}

#[test]
fn z10_include_loop_is_refused_with_its_place() {
    let dir = tempfile::tempdir().expect("a directory");
    write(
        &dir,
        "undertow.toml",
        "mode = \"replay\"\ninclude = [\"undertow.toml\"]\n",
    );
    let (code, _, err) = undertow(dir.path(), "config check");
    assert_eq!(code, 4, "{err}");
    let said = "undertow.toml:2: an included file cannot include others";
    assert!(err.contains(said), "{err}");
}

#[test]
fn include_that_cannot_be_is_refused_with_its_place() {
    let dir = tempfile::tempdir().expect("a directory");
    let check = |env: &[(&str, &str)], flags: &str| {
        let (code, _, err) = with_env(dir.path(), &format!("config check {flags}"), env);
        assert_eq!(code, 4, "{err}");
        err
    };
    write(&dir, "undertow.toml", "include = [\"gone.toml\"]\n");
    let err = check(&[], "");
    assert!(
        err.contains("E-CONF-001") && err.contains("gone.toml: "),
        "{err}"
    );
    assert!(err.contains("take it out of `include`"), "{err}");
    write(
        &dir,
        "a.toml",
        "include = [\"undertow.toml\"]\n[flow]\nvpin_bukket = 1\n",
    );
    write(&dir, "undertow.toml", "include = [\"a.toml\"]\n");
    let err = check(&[], "");
    assert!(
        err.contains("a.toml:1: an included file cannot include"),
        "{err}"
    );
    assert!(err.contains("a.toml:3: unknown key"), "{err}");
    write(&dir, "undertow.toml", "");
    let err = check(&[("UNDERTOW_INCLUDE", "[\"a.toml\"]")], "");
    assert!(
        err.contains("UNDERTOW_INCLUDE: only a file can include"),
        "{err}"
    );
    let err = check(&[], "--set include=a.toml");
    assert!(err.contains("--set: only a file can include"), "{err}");
}
