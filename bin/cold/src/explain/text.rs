//! Documents for people: prices in points with thousands marked, money in dollars, times to the
//! millisecond in UTC, spans in the unit that reads best.
//!
//! What repeats is said once: a signal that is found again every few seconds and stopped for the
//! same reason is one line with a count, and every one of them is in the JSON.

use std::fmt::Write;

use serde_json::Value;
use undertow_core::money::Money;
use undertow_core::types::Price;

use crate::summary::moment;
use crate::summary::trade::{dollars, large_usd, spaced};
use latency_report::text::{counted, thousands};

/// The documents about one id, for people. `id` is a signal's 16 hex digits or an order's number.
#[must_use]
pub fn render(documents: &[Value]) -> String {
    let mut text = String::new();
    let mut at = 0;
    while at < documents.len() {
        let document = &documents[at];
        let kind = document["kind"].as_str();
        // What the venue says of an order stands below it.
        if !text.is_empty() && matches!(kind, Some("signal" | "order" | "limit" | "operator")) {
            text.push('\n');
        }
        match kind {
            Some("signal") => render_signal(document, &mut text),
            Some("order") => render_order(document, &mut text),
            Some("cancel") => render_cancel(document, &mut text),
            Some("limit") => render_limit(document, &mut text),
            Some("operator") => render_ordered(document, &mut text),
            _ => render_report(document, &mut text),
        }
        at += 1;
        let repeats = documents[at..]
            .iter()
            .take_while(|next| is_again(document, next));
        let repeats = repeats.count();
        if repeats > 0 {
            let last = when(&documents[at + repeats - 1]["ts"]);
            let times = if repeats == 1 { "time" } else { "times" };
            let _ = writeln!(
                text,
                "  and {repeats} {times} more for the same reason, the last at {last} (see --json)"
            );
            at += repeats;
        }
    }
    text
}

/// Whether a signal was stopped again for the same reason.
fn is_again(first: &Value, next: &Value) -> bool {
    let is_blocked = |of: &Value| of["kind"] == "signal" && of["outcome"] == "blocked";
    is_blocked(first)
        && is_blocked(next)
        && first["id"] == next["id"]
        && first["because"] == next["because"]
}

fn render_signal(of: &Value, text: &mut String) {
    let because = of["because"].as_str();
    let because = because.map_or_else(String::new, |why| format!(": {why}"));
    let _ = writeln!(
        text,
        "signal {}  {} on {}  {}{because}",
        word(&of["id"]),
        word(&of["strategy"]),
        word(&of["symbol"]),
        word(&of["outcome"]),
    );
    let (at, record) = (when(&of["ts"]), word(&of["sequence"]));
    let _ = writeln!(text, "  at         {at}, record {record}");
    let _ = writeln!(
        text,
        "  says       {}, confidence {} of at least {}",
        word(&of["direction"]),
        word(&of["confidence"]),
        word(&of["confidence_min"])
    );
    if let Some(last) = of["change"]["last"].as_u64() {
        let least = short(&of["change"]["least_change"]);
        let _ = writeln!(
            text,
            "  last time  confidence {last}; news of it needs a change of {least}"
        );
    }
    render_book(&of["book"], text);
    render_contract(of, text);
    render_outlook(&of["outlook"], text);
    render_features(of, text);
    render_reasons(of, text);
    render_flips(of, text);
}

fn render_contract(of: &Value, text: &mut String) {
    let (contract, levels) = (&of["contract"], &of["levels"]);
    if let Some(name) = contract["name"].as_str() {
        let _ = writeln!(
            text,
            "  contract   {name}  {} {} of {}, {} x {}, delta {}, open interest {}: {}",
            word(&contract["right"]),
            points(&contract["strike"]),
            word(&contract["expiry"]),
            points(&contract["bid"]),
            points(&contract["ask"]),
            contract["delta"]
                .as_f64()
                .map_or_else(|| "-".to_owned(), |delta| format!("{delta:+.2}")),
            word(&contract["open_interest"]),
            word(&contract["liquidity"])
        );
    }
    if !levels.is_null() {
        let targets: Vec<_> = rows(levels, "targets").iter().map(points).collect();
        let _ = writeln!(
            text,
            "  levels     of the underlying: entry {}, stop {}, targets {}; lives {}",
            points(&levels["entry"]),
            points(&levels["stop"]),
            targets.join(", "),
            levels["lives_s"]
                .as_f64()
                .map_or_else(|| "-".to_owned(), |s| span(s * 1e9))
        );
    }
}

fn render_outlook(of: &Value, text: &mut String) {
    if of.is_null() {
        return;
    }
    let _ = writeln!(
        text,
        "  outlook    expiry {}, one deviation of the horizon is {} points",
        word(&of["expiry"]),
        points(&of["reach"])
    );
    for side in ["long", "short"] {
        let prospect = &of[side];
        if prospect.is_null() {
            let _ = writeln!(text, "    {side:<6} no pair of strikes within reach");
            continue;
        }
        let _ = writeln!(
            text,
            "    {side:<6} target {}, stop {}: score {}, probability {}, worth {} points",
            points(&prospect["target"]),
            points(&prospect["stop"]),
            short(&prospect["score"]),
            short(&prospect["probability"]),
            short(&prospect["expected_value"])
        );
        for ranked in rows(prospect, "contracts") {
            let gain = ranked["gain"].as_f64().unwrap_or(0.0) * 100.0;
            let _ = writeln!(
                text,
                "           {} at {}: expected to be worth {}, {gain:+.0} %",
                points(&ranked["strike"]),
                points(&ranked["ask"]),
                short(&ranked["value"])
            );
        }
    }
    if let Some(share) = of["call_share"].as_f64() {
        let _ = writeln!(
            text,
            "    calls hold {:.0} % of the premium at risk",
            share * 100.0
        );
    }
    if let Some(kind) = of["shock"]["kind"].as_str() {
        let shock = &of["shock"];
        let _ = writeln!(
            text,
            "    {kind} {} at {}: volume {} times the usual",
            word(&shock["direction"]),
            points(&shock["strike"]),
            short(&shock["ratio"])
        );
    }
}

fn render_features(of: &Value, text: &mut String) {
    let _ = writeln!(text, "  features");
    let mut absent = Vec::new();
    for row in rows(of, "features") {
        let name = word(&row["name"]);
        let Some(age) = row["age_ms"].as_f64() else {
            absent.push(name);
            continue;
        };
        let value = feature(&name, &row["value"]);
        let _ = writeln!(text, "    {name:<12} {value:<36} {} old", span(age * 1e6));
    }
    if !absent.is_empty() {
        let _ = writeln!(text, "    absent       {}", absent.join(", "));
    }
}

fn render_reasons(of: &Value, text: &mut String) {
    let _ = writeln!(
        text,
        "  {:<20} {:>11} {:>11} {:>7} {:>8} {:>6}",
        "reasons", "measure", "threshold", "weight", "effect", "score"
    );
    for row in rows(of, "reasons") {
        let _ = writeln!(
            text,
            "    {:<18} {:>11} {:>11} {:>7} {:>8} {:>6}",
            word(&row["term"]),
            short(&row["measure"]),
            short(&row["threshold"]),
            word(&row["weight"]),
            word(&row["effect"]),
            word(&row["score"])
        );
    }
    for row in rows(of, "votes") {
        let (term, direction) = (word(&row["term"]), word(&row["direction"]));
        let _ = writeln!(
            text,
            "    {term} votes {direction} ×{}",
            word(&row["count"])
        );
    }
}

fn render_flips(of: &Value, text: &mut String) {
    let _ = writeln!(text, "  what alone would have changed the answer");
    let flips = rows(of, "would_flip");
    if flips.is_empty() {
        let _ = writeln!(text, "    no single feature within its range");
    }
    for row in flips {
        let confidence = row["confidence"].as_u64();
        let reaches = confidence >= of["confidence_min"].as_u64() && row["direction"] != "FLAT";
        let then = if reaches {
            format!(
                "{} with confidence {}",
                word(&row["direction"]),
                word(&row["confidence"])
            )
        } else {
            format!("no signal (confidence {})", word(&row["confidence"]))
        };
        let name = word(&row["feature"]);
        let value = |value: &Value| feature(&name, value);
        let _ = writeln!(
            text,
            "    {name} from {} to {}: {then}",
            value(&row["from"]),
            value(&row["to"])
        );
    }
}

fn render_order(of: &Value, text: &mut String) {
    let head = match of["order"].as_u64() {
        Some(id) => format!("order {id}"),
        None => format!("no order: refused by {}", word(&of["refused_by"])),
    };
    let why = of["exit"].as_str().map_or_else(
        || "entry".to_owned(),
        |cause| format!("exit, {}", spaced(cause)),
    );
    let _ = writeln!(
        text,
        "{head}  {} {} {} at {} {} {}, {why}, of signal {}",
        word(&of["side"]),
        word(&of["quantity"]),
        word(&of["contract"]),
        points(&of["price"]),
        word(&of["style"]),
        word(&of["tif"]),
        word(&of["signal"])
    );
    let (at, record) = (when(&of["ts"]), word(&of["sequence"]));
    let _ = writeln!(text, "  at         {at}, record {record}");
    render_latency(&of["latency_ns"], text);
    render_book(&of["book"], text);
    let _ = writeln!(text, "  risk");
    for row in rows(of, "checks") {
        let _ = writeln!(
            text,
            "    {:>2} {:<19} {:<23} {}",
            word(&row["number"]),
            word(&row["name"]),
            word(&row["status"]),
            check(&row)
        );
    }
}

/// From arrival to the order, what each stage had of it, and what it usually has.
fn render_latency(of: &Value, text: &mut String) {
    let Some(ns) = of["order"].as_f64() else {
        return;
    };
    let _ = writeln!(text, "  latency    {} from arrival to the order", span(ns));
    let own = rows(of, "own");
    let own: Vec<_> = own
        .iter()
        .map(|stage| {
            let ns = stage["ns"].as_f64().map_or_else(|| "-".to_owned(), span);
            format!("{} {ns}", word(&stage["name"]))
        })
        .collect();
    let own = match own.is_empty() {
        true => "were not timed: latency.sample_every=1 and layout fused time all of them".into(),
        false => own.join(", "),
    };
    let _ = writeln!(text, "             its own stages: {own}");
    let stages = rows(of, "stages");
    if stages.is_empty() {
        return;
    }
    let stages = stages.iter().map(|stage| {
        let at = |key: &str| stage[key].as_f64().map_or_else(|| "-".to_owned(), span);
        format!("{} {} / {}", word(&stage["name"]), at("p50"), at("p99"))
    });
    let stages: Vec<_> = stages.collect();
    let _ = writeln!(
        text,
        "             all of the run, p50 / p99: {}",
        stages.join(", ")
    );
}

/// A check's number, its limit and what was left, in the bound's own unit.
fn check(row: &Value) -> String {
    let (bound, unit) = (word(&row["bound"]), row["unit"].as_str().unwrap_or(""));
    let name = spaced(&bound);
    let number = |key: &str| amount(unit, row[key].as_i64().unwrap_or(0));
    let asked = row["status"].as_str();
    if matches!(asked, Some("not reached" | "spared")) {
        return String::new();
    }
    if unit == "fact" || asked == Some("missing") {
        return name;
    }
    // A bound with a number may fail as a fact too: its breaker has tripped.
    let of = |key: &str| row[key].as_i64();
    if [of("value"), of("limit"), of("headroom")] == [Some(0), Some(1), Some(-1)] {
        return format!("{name}: its breaker is tripped");
    }
    let border = row["border"].as_str().unwrap_or("at most");
    let headroom = row["headroom"].as_i64().unwrap_or(0);
    let left = if headroom < 0 {
        format!("{} beyond", amount(unit, headroom.saturating_neg()))
    } else {
        format!("{} to spare", number("headroom"))
    };
    format!(
        "{name} {} of {border} {}, {left}",
        number("value"),
        number("limit")
    )
}

fn render_cancel(of: &Value, text: &mut String) {
    let (order, at) = (word(&of["order"]), when(&of["ts"]));
    let _ = writeln!(text, "order {order} cancel sent  {at}");
}

fn render_limit(of: &Value, text: &mut String) {
    let unit = of["unit"].as_str().unwrap_or("");
    let number = |key: &str| amount(unit, of[key].as_i64().unwrap_or(0));
    let outcome = of["refused"]
        .as_str()
        .map_or_else(|| "taken".to_owned(), |why| format!("refused: {why}"));
    let _ = writeln!(
        text,
        "limit {} from {} to {}  {outcome}\n  at         {}, record {}",
        word(&of["limit"]),
        number("from"),
        number("to"),
        when(&of["ts"]),
        word(&of["sequence"])
    );
}

fn render_ordered(of: &Value, text: &mut String) {
    let _ = writeln!(
        text,
        "operator {}\n  at         {}, record {}",
        word(&of["order"]),
        when(&of["ts"]),
        word(&of["sequence"])
    );
}

fn render_report(of: &Value, text: &mut String) {
    let quantity = of["quantity"]
        .as_u64()
        .map_or_else(String::new, |quantity| format!(" {quantity}"));
    let price = of["price"]
        .as_str()
        .map_or_else(String::new, |_| format!(" at {}", points(&of["price"])));
    let held = of["held"].as_i64();
    let held = held.map_or_else(String::new, |held| format!("  held then {held}"));
    let _ = writeln!(
        text,
        "order {} {}{quantity}{price}  {}{held}",
        word(&of["order"]),
        word(&of["said"]),
        when(&of["ts"]),
    );
}

fn render_book(book: &Value, text: &mut String) {
    let _ = writeln!(
        text,
        "  book       {} @ {} x {} @ {}",
        word(&book["bid_size"]),
        points(&book["bid"]),
        points(&book["ask"]),
        word(&book["ask_size"])
    );
}

fn rows(of: &Value, key: &str) -> Vec<Value> {
    of[key].as_array().cloned().unwrap_or_default()
}

fn word(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A measure with few digits.
fn short(value: &Value) -> String {
    match value.as_f64() {
        Some(x) if value.is_i64() || value.is_u64() => format!("{x}"),
        Some(x) if x.abs() >= 100.0 => format!("{x:.0}"),
        Some(x) => format!("{x:.3}"),
        None => word(value),
    }
}

/// What a data point says, in its own unit.
fn feature(name: &str, value: &Value) -> String {
    match (name, value) {
        ("gex", Value::Number(usd)) => {
            format!("{} per 1 % move", large_usd(usd.as_f64().unwrap_or(0.0)))
        }
        ("dex", Value::Number(usd)) => large_usd(usd.as_f64().unwrap_or(0.0)),
        ("last" | "vwap", _) => points(value),
        ("bars", Value::Object(bars)) => {
            let range = bars
                .get("true_range")
                .map_or_else(|| "-".to_owned(), points);
            format!("{}, mean true range {range}", word(&value["count"]))
        }
        ("chain", Value::Number(count)) => {
            format!("{} open", counted(count.as_u64().unwrap_or(0), "contract"))
        }
        ("sweep", Value::Bool(is_seen)) => if *is_seen { "yes" } else { "no" }.to_owned(),
        _ => short(value),
    }
}

/// A price with thousands marked and two places, more only where it has a few more.
fn points(value: &Value) -> String {
    let text = match value {
        Value::Number(number) => number.to_string(),
        other => word(other),
    };
    let Ok(exact) = text.parse::<f64>() else {
        return text;
    };
    let (whole, part) = text.split_once('.').unwrap_or((&text, ""));
    let part = part.trim_end_matches('0');
    let places = if part.len() > 6 { 2 } else { part.len().max(2) };
    if part.len() > 6 || text.contains('e') {
        return points(&Value::String(format!("{exact:.places$}")));
    }
    let (sign, digits) = whole
        .strip_prefix('-')
        .map_or(("", whole), |digits| ("-", digits));
    let whole = thousands(digits.parse().unwrap_or(0));
    format!("{sign}{whole}.{part:0<places$}")
}

/// A number of a check or a limit in its unit.
fn amount(unit: &str, value: i64) -> String {
    match unit {
        "money" if value < 0 => format!("-${}", dollars(Money(value.saturating_neg()))),
        "money" => format!("${}", dollars(Money(value))),
        "share" => format!("{:.1} %", value as f64 / 1e4),
        "time" => span(value as f64),
        "price" => points(&Value::String(Price(value).to_string())),
        _ => value.to_string(),
    }
}

/// A span of time, from ns.
fn span(ns: f64) -> String {
    const UNITS: [(f64, &str); 5] = [
        (3.6e12, "h"),
        (6e10, "min"),
        (1e9, "s"),
        (1e6, "ms"),
        (1e3, "µs"),
    ];
    if ns <= 0.0 {
        return "0 s".to_owned();
    }
    match UNITS.iter().find(|(size, _)| ns >= *size) {
        Some((size, unit)) => format!("{:.1} {unit}", ns / size),
        None => format!("{ns:.0} ns"),
    }
}

/// Date and time to the millisecond.
fn when(value: &Value) -> String {
    match value.as_str() {
        Some(text) => format!("{} UTC", moment(text)),
        None => word(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use undertow_core::event::Operator;
    use undertow_core::order::SignalId;
    use undertow_core::types::Nanos;

    #[test]
    fn numbers_are_said_as_people_say_them() {
        assert_eq!(points(&json!("24816.25")), "24,816.25");
        assert_eq!(points(&json!("24813.149082916")), "24,813.15");
        assert_eq!(points(&json!("0.00005")), "0.00005");
        assert_eq!(points(&json!("-3.5")), "-3.50");
        assert_eq!(points(&Value::Null), "-");
        assert_eq!(amount("money", 10_300_000), "$1,030.00");
        assert_eq!(amount("money", -5_000), "-$0.50");
        assert_eq!(amount("share", 990_000), "99.0 %");
        assert_eq!(amount("time", 15_357_746_110_464), "4.3 h");
        assert_eq!(amount("price", 25_250_000_000), "25.25");
        assert_eq!(span(87_192.0), "87.2 µs");
        assert_eq!(span(33e6), "33.0 ms");
        assert_eq!(
            when(&json!("2026-03-11T15:44:02.253889536Z")),
            "2026-03-11 15:44:02.253 UTC"
        );
        assert_eq!(
            feature("gex", &json!(-532_100_000.0)),
            "-$532.10 M per 1 % move"
        );
    }

    #[test]
    fn r12_the_order_that_closed_a_signal_is_told_among_what_is_about_it() {
        let ts = Nanos(1_773_243_842_253_889_536);
        let close = Operator::Close(SignalId(0xAB));
        let document = super::super::ordered(&close, ts, 77, &[]);
        assert_eq!(document["signal"], "00000000000000ab");
        let report = json!({ "kind": "report", "order": 3, "said": "sent" });
        let text = render(&[report, document]);
        let (before, told) = text.split_once("\n\n").expect("it stands on its own");
        assert!(before.starts_with("order 3 sent"), "{before}");
        let expected = "operator close\n  at         2026-03-11 15:44:02.253 UTC, record 77\n";
        assert_eq!(told, expected);
    }

    #[test]
    fn what_repeats_is_said_once_with_its_count() {
        let signal = |outcome: &str, because: Option<&str>, ts: &str| {
            json!({
                "kind": "signal", "id": "aa", "outcome": outcome, "because": because, "ts": ts,
            })
        };
        let blocked = |ts: &str| signal("blocked", Some("thin update"), ts);
        let emitted = signal("emitted", None, "2026-03-11T10:00:00Z");
        let documents = [
            emitted,
            blocked("2026-03-11T10:00:05Z"),
            blocked("2026-03-11T10:00:10Z"),
            blocked("2026-03-11T10:00:15Z"),
        ];
        let text = render(&documents);
        assert_eq!(text.matches("signal aa").count(), 2, "{text}");
        assert!(
            text.contains(
                "and 2 times more for the same reason, the last at 2026-03-11 10:00:15.000 UTC"
            ),
            "{text}"
        );
    }

    #[test]
    fn a_check_says_what_was_left_or_by_how_much_it_failed() {
        let row = |value: i64, headroom: i64, status: &str| {
            json!({
                "bound": "OrderNotional", "unit": "money", "status": status,
                "value": value, "limit": 100_000_000, "headroom": headroom,
            })
        };
        let passed = check(&row(10_300_000, 89_700_000, "passed"));
        assert_eq!(
            passed,
            "order notional $1,030.00 of at most $10,000.00, $8,970.00 to spare"
        );
        let breaker = json!({
            "bound": "Volatility", "unit": "share", "status": "failed",
            "value": 0, "limit": 1, "headroom": -1,
        });
        assert_eq!(check(&breaker), "volatility: its breaker is tripped");
        let failed = check(&row(100_010_000, -10_000, "failed"));
        assert_eq!(
            failed,
            "order notional $10,001.00 of at most $10,000.00, $1.00 beyond"
        );
    }
}
