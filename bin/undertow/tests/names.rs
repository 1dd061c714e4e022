//! S13: options as the OCC names them, through whole sessions of the program: from definitions over
//! the chain and the choice of a contract to the order, the journal and its explanation.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde_json::Value;
use undertow_cold::journal::{Reader, Record};
use undertow_core::order::{Intent, Purpose};
use undertow_core::types::Price;
use undertow_strategies::options::Right;
use undertow_strategies::options::symbol::OccSymbol;

#[path = "support/eager.rs"]
mod eager;
#[path = "support/rewrite.rs"]
mod rewrite;

use eager::{folder, run};
use rewrite::{name, rewritten};

/// What a definition says of an option, and the name that it is given.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Named {
    occ: String,
    root: String,
    strike: i64,
    right: Right,
    day: (u16, u8, u8),
}

/// Roots that end in the letters of call and put, of a class of shares, of one letter, and of six.
const ROOTS: [&str; 5] = ["SPYP", "BRKB", "C", "GOOGLC", "SPY"];

/// The session as one of a share and options on it, which `root` names by their strikes; and every
/// option by its id.
fn shares(
    bytes: &[u8],
    root: impl Fn(i64, u32) -> &'static str,
) -> (Vec<u8>, BTreeMap<u32, Named>) {
    let mut options = BTreeMap::new();
    let session = rewritten(bytes, 0, |definition| {
        let class = definition.instrument_class as u8;
        if definition.raw_symbol().unwrap() == "NQH6" {
            definition.instrument_class = b'K' as std::ffi::c_char;
            definition.raw_symbol = name("BRKB");
            definition.asset = name("BRKB");
            definition.expiration = u64::MAX;
        } else if class == b'C' || class == b'P' {
            let strike = definition.strike_price;
            let root = root(strike, definition.hd.instrument_id);
            let day = (
                definition.maturity_year,
                definition.maturity_month,
                definition.maturity_day,
            );
            let occ = format!(
                "{root:<6}{:02}{:02}{:02}{}{:08}",
                day.0 % 100,
                day.1,
                day.2,
                char::from(class),
                strike / 1_000_000
            );
            definition.raw_symbol = name(&occ);
            definition.asset = name(root);
            definition.underlying = name("BRKB");
            let right = if class == b'C' {
                Right::Call
            } else {
                Right::Put
            };
            let named = Named {
                occ,
                root: root.to_owned(),
                strike,
                right,
                day,
            };
            options.insert(definition.hd.instrument_id, named);
        }
    });
    (session, options)
}

/// Trades a session; every intent of its journal, and the documents that explain them.
fn traded(dir: &Path, file: &str, session: &[u8]) -> (Vec<Intent>, Vec<Value>) {
    fs::write(dir.join(format!("{file}.dbn")), session).unwrap();
    let words = format!("backtest {file}.dbn --profile shares.toml --quiet --set report.dir=out");
    let (code, _, told) = run(dir, &words.split(' ').collect::<Vec<_>>());
    assert_eq!(code, 0, "{told}");
    let place = dir.join("out").join(format!("backtest-{file}"));
    let (code, _, told) = run(
        dir,
        &["journal", "verify", place.join("journal").to_str().unwrap()],
    );
    assert_eq!(code, 0, "{told}");
    let mut intents = Vec::new();
    let mut journal = Reader::open(&place.join("journal")).unwrap();
    let intent = |record: &Record| match record {
        Record::Intent(intended) => Some(intended.intent),
        _ => None,
    };
    journal
        .scan(|entry| intents.extend(intent(&entry.record)))
        .unwrap();
    let text = fs::read_to_string(place.join("explain.jsonl")).unwrap();
    let documents = text.lines().map(|line| serde_json::from_str(line).unwrap());
    (intents, documents.collect())
}

/// An OCC symbol says what the definition says, and is written back as it was.
#[track_caller]
fn assert_names(text: &str, named: &Named) {
    let symbol = OccSymbol::parse(text).unwrap_or_else(|| panic!("{text} is no OCC symbol"));
    assert_eq!(symbol.root.as_str(), named.root);
    assert_eq!(symbol.strike, Price(named.strike), "{text}");
    assert_eq!(symbol.right, named.right, "{text}");
    let day = symbol.expiry;
    assert_eq!((day.year(), day.month(), day.day()), named.day, "{text}");
    assert_eq!(symbol.to_string(), text.replace(' ', ""));
    let padded = OccSymbol::parse(&symbol.to_string());
    assert_eq!(padded, Some(symbol), "with and without padding");
}

#[test]
fn s13_occ_symbols_go_through_a_session_and_adjusted_ones_are_never_traded() {
    let dir = folder();
    let dir = dir.path();
    let profile = eager::profile(&[("asset = \"NQ\"", "asset = \"BRKB\"")]);
    fs::write(dir.join("shares.toml"), profile).unwrap();
    let bytes = fs::read(dir.join("s.dbn")).unwrap();
    let by_id = |_, id: u32| ROOTS[id as usize % ROOTS.len()];
    let (session, options) = shares(&bytes, by_id);
    let (intents, documents) = traded(dir, "occ", &session);

    let mut roots = BTreeSet::new();
    for document in &documents {
        let (id, text) = match document["kind"].as_str() {
            Some("signal") => (&document["contract"]["id"], &document["contract"]["name"]),
            Some("order") => (&Value::Null, &document["contract"]),
            _ => continue,
        };
        let Some(text) = text.as_str() else { continue };
        let named = options.values().find(|named| named.occ == text);
        let named = named.unwrap_or_else(|| panic!("{text} is none of the session's"));
        assert_names(text, named);
        if let Some(id) = id.as_u64() {
            assert_eq!(&options[&u32::try_from(id).unwrap()], named);
            assert_eq!(
                document["contract"]["strike"],
                Price(named.strike).to_string()
            );
            let right = format!("{:?}", named.right).to_lowercase();
            assert_eq!(document["contract"]["right"], right);
            let (year, month, day) = named.day;
            let day = format!("{year}-{month:02}-{day:02}");
            assert_eq!(document["contract"]["expiry"], day);
            roots.insert(named.root.as_str());
        }
    }
    assert!(roots.len() > 2, "signals of several roots: {roots:?}");
    assert!(!intents.is_empty());
    let signal = documents
        .iter()
        .find(|it| it["outcome"] == "emitted")
        .unwrap();
    let text = signal["contract"]["name"].as_str().unwrap();
    let words = [
        "explain",
        signal["id"].as_str().unwrap(),
        "--run",
        "out/backtest-occ",
    ];
    let (code, said, _) = run(dir, &words);
    assert!(code == 0 && said.contains(text), "{text}: {said}");

    // What an option is called decides nothing, as long as its terms are those of all.
    let (session, _) = shares(&bytes, |_, _| "BRKB");
    assert_eq!(traded(dir, "plain", &session).0, intents);

    // The same options adjusted: of the strike that was bought first nothing is listed any more.
    let first = intents
        .iter()
        .find(|it| it.purpose == Purpose::Open)
        .unwrap();
    let bought = options[&first.contract.instrument_id.0].strike;
    let adjusted = |strike, id| match strike == bought {
        true => "BRKB1",
        false => by_id(strike, id),
    };
    let (session, options) = shares(&bytes, adjusted);
    let (intents, documents) = traded(dir, "adjusted", &session);
    assert!(!intents.is_empty(), "the others are traded");
    for intent in &intents {
        let named = &options[&intent.contract.instrument_id.0];
        assert_ne!(named.root, "BRKB1", "{}", named.occ);
    }
    for document in documents.iter().filter(|it| it["kind"] == "signal") {
        let text = document["contract"]["name"].as_str().unwrap_or_default();
        assert!(!text.starts_with("BRKB1"), "{document}");
    }
}
