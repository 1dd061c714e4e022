//! The command line as a user meets it: the real binary, its exit codes, its words, its secrets.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread;

use serde_json::Value;
use tempfile::TempDir;

const VERBS: [&str; 11] = [
    "replay",
    "synth",
    "book",
    "flow",
    "discover",
    "bench",
    "chain",
    "journal",
    "doctor",
    "config",
    "completions",
];

/// The program in a directory of its own, without anything of ours in the environment.
fn undertow(dir: &TempDir) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_undertow"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("UNDERTOW_") {
            command.env_remove(name);
        }
    }
    command
        .env_remove("DATABENTO_API_KEY")
        .env_remove("ALPHA_VANTAGE_API_KEY")
        .current_dir(dir.path());
    command
}

/// Runs a line of words in a fresh directory.
fn run(line: &str) -> (i32, String, String) {
    let dir = tempfile::tempdir().expect("a directory");
    run_in(&dir, line)
}

fn run_in(dir: &TempDir, line: &str) -> (i32, String, String) {
    let output = undertow(dir)
        .args(line.split(' '))
        .output()
        .expect("the program runs");
    told(&output)
}

fn told(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("text");
    // A signal would be no code at all: -1 is never expected.
    let code = output.status.code().unwrap_or(-1);
    (code, text(&output.stdout), text(&output.stderr))
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn write(dir: &TempDir, name: &str, text: &str) {
    fs::write(dir.path().join(name), text).expect("written");
}

#[test]
fn help_of_every_verb_teaches_by_example() {
    for verb in VERBS {
        let (code, out, _) = run(&format!("{verb} --help"));
        assert_eq!(code, 0, "{verb}");
        assert!(out.contains("Examples:\n  undertow"), "{verb}: {out}");
    }
    let (code, out, _) = run("help replay");
    assert_eq!((code, out), (0, run("replay --help").1), "as many type it");
    let (code, out, _) = run("--help");
    assert_eq!(code, 0);
    for word in VERBS
        .iter()
        .chain(&["Exit codes:", "  7  ", "130  ", "NO_COLOR"])
    {
        assert!(out.contains(word), "{word} is missing: {out}");
    }
}

#[test]
fn usage_errors_exit_with_2_and_say_what_is_accepted() {
    for (line, said) in [
        ("--nonsense", "--nonsense"),
        ("replya a.dbn", "replay"),
        ("replay", "<FILE>"),
        ("replay a.dbn --pace quick", "\"8x\""),
        ("--pace 1x doctor", "after the command"),
        ("book a.dbn", "--instrument"),
    ] {
        let (code, out, err) = run(line);
        assert_eq!(code, 2, "{line}: {err}");
        assert!(err.contains(said), "{line}: {err}");
        assert_eq!(out, "", "{line}");
    }
}

#[test]
fn z10_unknown_key_exits_with_4_and_names_line_and_nearest_key() {
    let dir = tempfile::tempdir().expect("a directory");
    write(
        &dir,
        "undertow.toml",
        "mode = \"replay\"\n\n[book]\nordres_max = 5\n",
    );
    for verb in ["config check", "config show", "doctor"] {
        let (code, out, err) = run_in(&dir, verb);
        assert_eq!((code, out.as_str()), (4, ""), "{verb}");
        assert!(
            err.contains("error[E-CONF-003]: undertow.toml:4: "),
            "{verb}: {err}"
        );
        assert!(
            err.contains("unknown key \"book.ordres_max\""),
            "{verb}: {err}"
        );
        assert!(
            err.contains("did you mean \"book.orders_max\"?"),
            "{verb}: {err}"
        );
    }
    let (code, out, _) = run_in(&dir, "config check --json");
    let verdict = json(&out);
    assert_eq!((code, &verdict["ok"]), (4, &Value::Bool(false)));
    assert_eq!(verdict["problems"][0]["place"], "undertow.toml:4");
}

#[test]
fn missing_configuration_file_exits_with_4_and_is_named() {
    let (code, _, err) = run("config show --config nowhere.toml");
    assert_eq!(code, 4);
    assert!(
        err.contains("E-CONF-001]: nowhere.toml: cannot be read"),
        "{err}"
    );
}

#[test]
fn layers_are_read_in_order_and_shown_with_their_origin() {
    let dir = tempfile::tempdir().expect("a directory");
    write(
        &dir,
        "mine.toml",
        "layout = \"split\"\nidle = \"park\"\nbatch_max = 8\n",
    );
    let output = undertow(&dir)
        .args([
            "config",
            "show",
            "--json",
            "--config",
            "mine.toml",
            "--set",
            "batch_max=32",
        ])
        .env("UNDERTOW_IDLE", "spin")
        .env("UNDERTOW_BATCH_MAX", "16")
        .output()
        .expect("the program runs");
    let (code, out, err) = told(&output);
    assert_eq!(code, 0, "{err}");
    let shown = json(&out);
    let row = |key: &str| {
        let keys = shown["keys"].as_array().expect("a list");
        let row = keys.iter().find(|row| row["key"] == key).expect("a row");
        format!("{} {} {}", row["value"], row["origin"], row["place"]).replace('"', "")
    };
    assert_eq!(row("layout"), "split file mine.toml:1");
    assert_eq!(row("idle"), "spin env UNDERTOW_IDLE");
    assert_eq!(row("batch_max"), "32 flag --set");
    assert_eq!(row("link_depth"), "4096 default ");
}

#[test]
fn shown_configuration_checks_as_a_file() {
    let dir = tempfile::tempdir().expect("a directory");
    let (_, shown, _) = run_in(&dir, "config show --set cores=1 --set replay.pace=8x");
    write(&dir, "undertow.toml", &shown);
    let (code, out, err) = run_in(&dir, "config check");
    assert_eq!(code, 0, "{err}");
    let keys = shown.lines().filter(|line| !line.starts_with('#')).count();
    let all = format!("ok: undertow.toml; {keys} of {keys} keys");
    assert!(keys > 20 && out.starts_with(&all), "{out}");
}

#[test]
fn configurations_that_come_with_the_program_are_valid() {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    for file in [
        "default.toml",
        "../../tuning/two-core.toml",
        "../../tuning/many-core.toml",
    ] {
        let (code, out, err) = run(&format!(
            "config check --config {}",
            package.join(file).display()
        ));
        assert_eq!(code, 0, "{file}: {err}");
        assert!(out.starts_with("ok: "), "{file}: {out}");
    }
}

#[test]
fn schema_is_json_and_describes_the_keys() {
    let (code, out, _) = run("config schema");
    assert_eq!(code, 0);
    let schema = json(&out);
    assert_eq!(schema["additionalProperties"], false);
    assert!(
        schema["properties"]["link_depth"]["description"].is_string(),
        "{out}"
    );
}

#[test]
fn doctor_reports_every_topic_and_leaves_nothing_behind() {
    let dir = tempfile::tempdir().expect("a directory");
    // This machine may have one core or a full disk; here only the report is looked at.
    let (code, out, err) = run_in(&dir, "doctor --json --set unpinned_ok=true");
    assert!(matches!(code, 0 | 5), "{code}: {err}");
    let report = json(&out);
    let checks = report["checks"].as_array().expect("a list");
    for topic in ["cores.", "clock.", "memory.", "limits.", "disk.", "load."] {
        let of_topic = |check: &&Value| {
            check["check"]
                .as_str()
                .is_some_and(|c| c.starts_with(topic))
        };
        assert!(
            checks.iter().find(of_topic).is_some(),
            "{topic} is missing: {out}"
        );
    }
    let failed = checks.iter().any(|check| check["verdict"] == "fail");
    assert_eq!(code == 5, failed, "{out}");
    assert_eq!(fs::read_dir(dir.path()).expect("readable").count(), 0);
}

#[test]
fn p09_doctor_fails_on_an_impossible_core_and_does_not_abort() {
    for core in ["1023", "1024", "5000", "18446744073709551615"] {
        let line = format!("doctor --set cores={core}");
        let (code, out, err) = run(&line);
        if core == "18446744073709551615" {
            // Beyond what TOML can say: refused as a value, with a place.
            assert_eq!(code, 4, "{out}{err}");
            continue;
        }
        assert_eq!(code, 5, "{core}: {out}{err}");
        let fault = out.lines().find(|line| line.starts_with("fail  cores.pin"));
        assert!(
            fault.is_some_and(|line| line.contains(core)),
            "{core}: {out}"
        );
        let (_, out, _) = run(&format!("{line} --set unpinned_ok=true"));
        assert!(out.contains("warn  cores.pin"), "{core}: {out}");
    }
}

#[test]
fn p09_doctor_fails_on_one_core_unless_the_user_said_that_it_may_run_unpinned() {
    let on_one_core = |line: &'static str| {
        // The child inherits the mask of the thread that starts it.
        let pinned = thread::spawn(move || {
            let core = undertow::affinity::Cores::found().ids()[0];
            undertow::affinity::pin_current(core).expect("a core of ours");
            run(line)
        });
        pinned.join().expect("the thread lived")
    };
    let (code, out, _) = on_one_core("doctor");
    assert_eq!(code, 5, "{out}");
    assert!(out.contains("fail  cores.found"), "{out}");
    assert!(out.contains("unpinned_ok"), "{out}");
    let (_, out, _) = on_one_core("doctor --set unpinned_ok=true");
    assert!(out.contains("warn  cores.found"), "{out}");
}

#[test]
fn p10_doctor_says_when_reports_cannot_be_written() {
    let (code, out, _) = run("doctor --set report.dir=/proc/undertow --set unpinned_ok=true");
    assert_eq!(code, 5, "{out}");
    assert!(out.contains("fail  disk.sync"), "{out}");
}

#[test]
fn p10_doctor_fails_on_too_few_open_files() {
    let dir = tempfile::tempdir().expect("a directory");
    let line = "ulimit -n 20 && exec \"$0\" doctor --set unpinned_ok=true";
    let output = Command::new("sh")
        .args(["-c", line, env!("CARGO_BIN_EXE_undertow")])
        .current_dir(dir.path())
        .output()
        .expect("sh runs");
    let (code, out, err) = told(&output);
    assert_eq!(code, 5, "{out}{err}");
    assert!(out.contains("fail  limits.files"), "{out}");
}

#[test]
fn p10_doctor_counts_the_threads_that_start_and_does_not_panic() {
    // The limit does not bind root, so the program is run as nobody, from where nobody may read.
    let dir = tempfile::tempdir().expect("a directory");
    let program = dir.path().join("undertow");
    fs::copy(env!("CARGO_BIN_EXE_undertow"), &program).expect("copied");
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).expect("set");
    let line = "ulimit -u 8 && exec \"$0\" doctor --set unpinned_ok=true --set report.dir=/tmp";
    let output = Command::new("setpriv")
        .args([
            "--reuid=65534",
            "--regid=65534",
            "--clear-groups",
            "bash",
            "-c",
            line,
        ])
        .arg(&program)
        .current_dir("/tmp")
        .output();
    let Some(output) = output.ok().filter(|output| !output.stdout.is_empty()) else {
        println!("skipped: needs root and setpriv, to run as a user whom the limit binds");
        return;
    };
    let (code, out, err) = told(&output);
    assert_eq!(code, 5, "{out}{err}");
    let fault = out
        .lines()
        .find(|line| line.starts_with("fail  limits.threads"));
    assert!(
        fault.is_some_and(|line| line.contains("of 16 threads started")),
        "{out}{err}"
    );
}

#[test]
fn z01_secrets_never_appear_in_any_output() {
    let dir = tempfile::tempdir().expect("a directory");
    write(&dir, "leak.toml", "DATABENTO_API_KEY = \"db-CANARY\"\n");
    write(&dir, "broken.toml", "databento_api_key = db-CANARY\n");
    write(&dir, "unclosed.toml", "databento_api_key = \"db-CANARY\n");
    for line in [
        "config show",
        "config show --json",
        "config check --json",
        "config schema",
        "doctor",
        "doctor --json",
        "config check --config leak.toml",
        "config check --config leak.toml --json",
        "config check --config broken.toml",
        "config check --config unclosed.toml",
        "config check --set layuot=db-CANARY",
        "replay a.dbn",
    ] {
        let output = undertow(&dir)
            .args(line.split(' '))
            .env("DATABENTO_API_KEY", "db-CANARY")
            .env("ALPHA_VANTAGE_API_KEY", "av-CANARY")
            .env("RUST_BACKTRACE", "full")
            .output()
            .expect("the program runs");
        let (_, out, err) = told(&output);
        assert!(!out.is_empty() || !err.is_empty(), "{line} said nothing");
        assert!(
            !out.contains("CANARY") && !err.contains("CANARY"),
            "{line}: {out}{err}"
        );
    }
    let output = undertow(&dir)
        .args(["config", "show"])
        .env("DATABENTO_API_KEY", "db-CANARY")
        .output()
        .expect("the program runs");
    let (_, out, _) = told(&output);
    assert!(
        out.contains("# DATABENTO_API_KEY: <redacted> (env)"),
        "{out}"
    );
    assert!(out.contains("# ALPHA_VANTAGE_API_KEY: not set"), "{out}");
}

#[test]
fn reader_that_goes_away_is_no_failure() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut child = undertow(&dir)
        .args(["config", "schema"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program runs");
    drop(child.stdout.take());
    let (code, _, err) = told(&child.wait_with_output().expect("it ends"));
    assert_eq!((code, err.as_str()), (0, ""));
}

#[test]
fn completions_know_every_verb() {
    for shell in ["bash", "zsh", "fish"] {
        let (code, out, _) = run(&format!("completions {shell}"));
        assert_eq!(code, 0, "{shell}");
        for verb in VERBS {
            assert!(out.contains(verb), "{shell} does not complete {verb}");
        }
    }
}
