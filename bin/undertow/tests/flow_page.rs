//! `undertow flow` as a user runs it: the table, the document and the page of one instrument.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

mod support;

/// Runs the program in `dir`: exit code, stdout, stderr.
fn run(dir: &Path, words: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_undertow"))
        .args(words)
        .current_dir(dir)
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (
        output.status.code().unwrap_or(-1),
        text(output.stdout),
        text(output.stderr),
    )
}

fn ok(dir: &Path, words: &[&str]) -> String {
    let (code, out, err) = run(dir, words);
    assert_eq!(code, 0, "{words:?}: {err}");
    out
}

fn json(dir: &Path, words: &[&str]) -> Value {
    serde_json::from_str(&ok(dir, words)).unwrap()
}

/// A folder with a simulated session and its truth.
fn session() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let words = [
        "synth",
        "--messages",
        "150k",
        "--seed",
        "5",
        "--strikes",
        "6",
        "--expiries",
        "2",
        "--out",
        "a.dbn",
        "--truth",
        "a.jsonl",
    ];
    ok(dir.path(), &words);
    dir
}

fn rows(report: &Value) -> &Vec<Value> {
    report["rows"].as_array().unwrap()
}

fn sum(report: &Value, key: &str) -> u64 {
    let values = rows(report).iter().map(|row| row[key].as_u64().unwrap());
    values.sum()
}

/// What a replay's summary says of an instrument.
fn summary(dir: &Path, file: &str, symbol: &str) -> Value {
    let words = ["replay", file, "--json", "--quiet", "--layout", "fused"];
    let replay = json(dir, &words);
    let instruments = replay["summary"]["instruments"].as_array().unwrap();
    let found = instruments.iter().find(|it| it["name"] == symbol);
    found.unwrap().clone()
}

/// Sums over the rows are the session's, whatever the length of an interval.
fn assert_totals(dir: &Path, file: &str, symbol: &str) {
    let summary = summary(dir, file, symbol);
    for every in ["1m", "7s", "24h"] {
        let words = [
            "flow",
            file,
            "--instrument",
            symbol,
            "--every",
            every,
            "--json",
        ];
        let report = json(dir, &words);
        for key in ["volume", "bought", "sold", "trades"] {
            assert_eq!(
                report["totals"][key], summary[key],
                "{symbol} {every} {key}"
            );
            assert_eq!(
                sum(&report, key),
                summary[key].as_u64().unwrap(),
                "{symbol} {every} {key}"
            );
        }
    }
}

#[test]
fn totals_equal_those_of_a_replay() {
    let dir = session();
    assert_totals(dir.path(), "a.dbn", "NQH6");
    let option = busiest_option(dir.path());
    assert_totals(dir.path(), "a.dbn", &option);
    for file in [
        "esh4-glbx-mdp3-20231225.mbo",
        "esu4-glbx-mdp3-20240701.mbp-1",
    ] {
        if let Some(path) = support::data(&format!("dbn/{file}.dbn.zst")) {
            let symbol = file[..4].to_uppercase();
            assert_totals(dir.path(), path.to_str().unwrap(), &symbol);
        }
    }
}

/// The option that traded most.
fn busiest_option(dir: &Path) -> String {
    let replay = json(
        dir,
        &["replay", "a.dbn", "--json", "--quiet", "--layout", "fused"],
    );
    let instruments = replay["summary"]["instruments"].as_array().unwrap();
    let names = instruments.iter().map(|it| it["name"].as_str().unwrap());
    let mut options = names.filter(|name| name.contains(" C") || name.contains(" P"));
    options.next().unwrap().to_owned()
}

#[test]
fn events_are_as_many_and_as_large_as_the_measures_count() {
    let dir = session();
    let summary = summary(dir.path(), "a.dbn", "NQH6");
    let flow = &summary["flow"];
    let words = ["flow", "a.dbn", "--instrument", "NQH6", "--json"];
    let report = json(dir.path(), &words);
    let events = report["events"].as_array().unwrap();
    let of = |kinds: &'static [&str]| {
        let is_it = |event: &&Value| kinds.contains(&event["kind"].as_str().unwrap());
        events.iter().filter(is_it)
    };
    let counted = |key: &str| flow[key].as_u64().unwrap();
    assert_eq!(of(&["sweep"]).count() as u64, counted("sweeps"));
    assert_eq!(of(&["block"]).count(), summary["blocks"]);
    let pressures = of(&["pressure"]).count() as u64;
    assert_eq!(pressures, counted("taker_pressures"));
    let hidden = of(&["iceberg", "hidden"]).map(|event| event["size"].as_u64().unwrap());
    assert_eq!(hidden.sum::<u64>(), counted("hidden_size"));
    // One order is one event, however often it was refilled.
    let icebergs = of(&["iceberg", "slices"]).count() as u64;
    assert!((1..=counted("icebergs")).contains(&icebergs), "{icebergs}");
}

#[test]
fn planted_icebergs_are_listed_on_their_side_at_their_price() {
    let dir = session();
    let words = ["flow", "a.dbn", "--instrument", "NQH6", "--json"];
    let report = json(dir.path(), &words);
    let events = report["events"].as_array().unwrap();
    let truth = fs::read_to_string(dir.path().join("a.jsonl")).unwrap();
    let truth = truth
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let is_native = |it: &Value| it["symbol"] == "NQH6" && it["native"] == true;
    let mut icebergs = 0;
    for planted in truth.filter(is_native) {
        let side = if planted["side"] == "B" {
            "bid"
        } else {
            "offer"
        };
        let price = planted["price"].as_i64().unwrap() as f64 / 1e9;
        let times = [&planted["ts_start"], &planted["ts_end"]].map(|it| it.as_u64().unwrap());
        let found = events.iter().any(|event| {
            event["kind"] == "iceberg"
                && event["side"] == side
                && event["price"].as_str().unwrap().parse() == Ok(price)
                && (times[0]..=times[1]).contains(&event["ts"].as_u64().unwrap())
        });
        assert!(found, "{planted}");
        icebergs += 1;
    }
    assert!(
        icebergs > 0,
        "the session has icebergs that the venue refills"
    );
}

#[test]
fn planted_blocks_are_listed_when_where_and_as_large_as_they_were() {
    let dir = session();
    let report = json(
        dir.path(),
        &["flow", "a.dbn", "--instrument", "NQH6", "--json"],
    );
    let events = report["events"].as_array().unwrap();
    let truth = fs::read_to_string(dir.path().join("a.jsonl")).unwrap();
    let truth = truth
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let is_block = |it: &Value| it["kind"] == "block" && it["symbol"] == "NQH6";
    let mut blocks = 0;
    for block in truth
        .filter(is_block)
        .filter(|it| it["size"].as_u64() >= Some(100))
    {
        let side = if block["side"] == "B" { "buy" } else { "sell" };
        let found = events.iter().find(|event| {
            event["kind"] == "block" && event["ts"] == block["ts_start"] && event["side"] == side
        });
        assert_eq!(
            found.unwrap_or_else(|| panic!("{block}"))["size"],
            block["size"]
        );
        blocks += 1;
    }
    assert!(blocks > 0, "the session has blocks");
}

#[test]
fn table_and_document_say_the_same() {
    let dir = session();
    let words = ["flow", "a.dbn", "--instrument", "NQH6", "--every", "5m"];
    let text = ok(dir.path(), &words);
    let report = json(dir.path(), &[&words[..], &["--json"]].concat());
    let lines: Vec<&str> = text.lines().collect();
    let header = lines
        .iter()
        .position(|line| line.trim_start().starts_with("UTC"))
        .unwrap();
    let headings: Vec<&str> = lines[header].split_whitespace().collect();
    for (line, row) in lines[header + 1..].iter().zip(rows(&report)) {
        let cells: Vec<&str> = line.split_whitespace().collect();
        assert_eq!(cells.len(), headings.len(), "{line}");
        let cell = |name: &str| {
            let at = headings.iter().position(|it| *it == name).unwrap();
            cells[at].replace([',', '+', '~'], "")
        };
        for key in ["volume", "bought", "sold", "trades", "cvd", "ofi"] {
            let said = row[key]
                .as_i64()
                .map_or_else(|| "-".to_owned(), |it| it.to_string());
            assert_eq!(cell(key), said, "{key}: {line}");
        }
        let places = [
            ("obi_l1", "obi1", 2),
            ("obi_l5", "obi5", 2),
            ("vpin", "vpin", 3),
        ];
        let shares = [("toxicity", "toxicity", 2), ("hidden", "hidden", 2)];
        for (key, name, digits) in places.into_iter().chain(shares) {
            let said = row[key].as_f64();
            let said = said.map_or_else(|| "-".to_owned(), |it| format!("{it:.digits$}"));
            assert_eq!(cell(name), said, "{key}: {line}");
        }
        assert_eq!(cell("last"), row["last"].as_str().unwrap_or("-"), "{line}");
        let is_marked = line.contains('~');
        assert_eq!(is_marked, row["vpin_is_warming"] == true, "{line}");
    }
    assert!(rows(&report).len() > 50, "{}", rows(&report).len());
    let listed = report["events"].as_array().unwrap().len();
    assert!(text.contains(&format!("\nevents: {listed}\n")), "{text}");
}

#[test]
fn a_long_listing_ends_in_how_much_more_there_is_unless_all_is_asked_for() {
    let dir = session();
    let option = busiest_option(dir.path());
    let words = ["flow", "a.dbn", "--instrument", &option, "--every", "1h"];
    let with = |more| [&words[..], &[more]].concat();
    let windows = json(dir.path(), &with("--json"))["windows"].clone();
    let count = windows.as_array().unwrap().len();
    assert!(count > 20, "{count} are no long listing");
    let listed = |text: &str| {
        let (_, table) = text.split_once("\npressure windows: ").unwrap();
        let rows = table.lines().filter(|line| line.contains(&option));
        rows.count()
    };
    let short = ok(dir.path(), &words);
    let rest = format!("and {} of less volume (--all lists them)", count - 12);
    assert!(short.contains(&rest), "{rest} is missing from\n{short}");
    assert_eq!(listed(&short), 12);
    let all = ok(dir.path(), &with("--all"));
    assert_eq!(listed(&all), count);
    assert!(!all.contains("--all"), "{all}");
}

#[test]
fn two_runs_give_the_same_bytes() {
    let dir = session();
    let words = |page| {
        [
            "flow",
            "a.dbn",
            "--instrument",
            "NQH6",
            "--json",
            "--html",
            page,
        ]
    };
    let runs = ["one.html", "two.html"].map(|page| {
        let out = ok(dir.path(), &words(page));
        (out, fs::read(dir.path().join(page)).unwrap())
    });
    assert_eq!(runs[0], runs[1]);
}

#[test]
fn span_asked_for_is_shown_and_measures_run_before_it() {
    let dir = session();
    let flow = ["flow", "a.dbn", "--instrument", "NQH6", "--json"];
    let whole = json(dir.path(), &flow);
    let part = ["--from", "14:00", "--to", "15:00:30"];
    let part = json(dir.path(), &[&flow[..], &part].concat());
    let hour = rows(&part);
    assert_eq!(
        hour.first().unwrap()["start"].as_u64().unwrap() % 3_600_000_000_000,
        0
    );
    assert_eq!(
        part["to"].as_u64().unwrap() % 60_000_000_000,
        30_000_000_000
    );
    let ts = |row: &Value| row["ts"].as_u64().unwrap();
    let (first, last) = (ts(hour.first().unwrap()), ts(hour.last().unwrap()));
    assert_eq!(last, part["to"].as_u64().unwrap());
    let same = |row: &&Value| first <= ts(row) && ts(row) < last;
    let same: Vec<_> = rows(&whole).iter().filter(same).collect();
    assert_eq!(same, hour[..hour.len() - 1].iter().collect::<Vec<_>>());
    let words = [&flow[..], &["--from", "15:00", "--to", "14:00"]].concat();
    let (code, out, err) = run(dir.path(), &words);
    assert_eq!((code, out.as_str()), (2, ""), "{err}");
    assert!(
        err.contains("error[E-USE-001]: --to: --from is not before --to"),
        "{err}"
    );
}

#[test]
fn unknown_instrument_is_told_with_the_nearest_names() {
    let dir = session();
    let (code, out, err) = run(dir.path(), &["flow", "a.dbn", "--instrument", "NQH5"]);
    assert_eq!((code, out.as_str()), (2, ""), "{err}");
    assert!(
        err.contains("error[E-FEED-003]: a.dbn: no instrument NQH5"),
        "{err}"
    );
    assert!(err.contains("did you mean NQH6, "), "{err}");
    let (code, _, err) = run(dir.path(), &["flow", "none.dbn", "--instrument", "NQH6"]);
    assert_eq!(code, 5, "{err}");
    assert!(err.contains("error[E-FEED-002]"), "{err}");
}

#[test]
fn cut_file_is_shown_up_to_the_fault_and_fails() {
    let dir = session();
    let bytes = fs::read(dir.path().join("a.dbn")).unwrap();
    fs::write(dir.path().join("cut.dbn"), &bytes[..bytes.len() / 2 + 5]).unwrap();
    let (code, out, err) = run(dir.path(), &["flow", "cut.dbn", "--instrument", "NQH6"]);
    assert_eq!(code, 7, "{err}");
    assert!(
        out.contains("\n total") && err.contains("E-FEED-001"),
        "{out}{err}"
    );
}

#[test]
fn what_quotes_alone_cannot_say_is_absent() {
    let dir = tempfile::tempdir().unwrap();
    let Some(path) = support::data("dbn/esu4-glbx-mdp3-20240701.mbp-1.dbn.zst") else {
        return;
    };
    let words = [
        "flow",
        path.to_str().unwrap(),
        "--instrument",
        "ESU4",
        "--json",
    ];
    let report = json(dir.path(), &words);
    assert!(!rows(&report).is_empty());
    for row in rows(&report) {
        assert!(row["obi_l5"].is_null(), "only the touch is known: {row}");
        assert!(row["obi_l1"].is_f64(), "{row}");
    }
}

/// The panels that every page of a future has, by what they are called aloud.
const PANELS: [&str; 6] = [
    "Price of NQH6",
    "Volume by aggressor and CVD of NQH6",
    "VPIN, toxicity and hidden orders of NQH6",
    "Order book imbalance of NQH6",
    "Order flow imbalance of NQH6",
    "Pressure windows and institutional flow of NQH6",
];

#[test]
fn page_needs_nothing_and_has_every_panel() {
    let dir = session();
    ok(
        dir.path(),
        &["flow", "a.dbn", "--instrument", "NQH6", "--html", "a.html"],
    );
    let page = fs::read_to_string(dir.path().join("a.html")).unwrap();
    for panel in PANELS {
        assert!(page.contains(&format!("aria-label=\"{panel}\"")), "{panel}");
    }
    for foreign in [
        "<script", "http:", "https:", "url(", "@import", "src=", "NaN", "inf\"",
    ] {
        assert!(!page.contains(foreign), "{foreign}");
    }
    assert!(page.contains("prefers-color-scheme:dark"));
}

#[test]
fn page_renders_in_a_browser() {
    let dir = session();
    ok(
        dir.path(),
        &["flow", "a.dbn", "--instrument", "NQH6", "--html", "a.html"],
    );
    let page = dir.path().join("a.html");
    let browser = Command::new("chromium")
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--enable-logging=stderr",
            "--dump-dom",
        ])
        .arg(format!(
            "--user-data-dir={}",
            dir.path().join("profile").display()
        ))
        .arg(format!("file://{}", page.display()))
        .output();
    let Ok(output) = browser else {
        println!("skipped: no chromium on the path");
        return;
    };
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{err}");
    assert!(
        !err.contains("CONSOLE"),
        "the page made the browser complain: {err}"
    );
    let dom = String::from_utf8_lossy(&output.stdout);
    for panel in PANELS {
        assert!(
            dom.contains(&format!("aria-label=\"{panel}\"")),
            "{panel}: {err}"
        );
    }
    // What the browser closed by itself, or could not read, would not come back as written.
    let written = fs::read_to_string(&page).unwrap();
    for part in ["<path", "<rect", "<title>", "<td"] {
        assert_eq!(
            dom.matches(part).count(),
            written.matches(part).count(),
            "{part}"
        );
    }
    assert!(
        dom.matches("<path class=\"mark").count() > 0,
        "no event is drawn"
    );
}
