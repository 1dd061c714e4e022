//! Why a signal was emitted or blocked, and why an order was made or refused: one JSON document a
//! thing, and the same for people.
//!
//! A document is whole: features with their ages, each reason with its weight and threshold, the
//! votes, the book, every check with its headroom, and what would have changed the answer.

use std::fmt::Write;

use serde_json::{Value, json};
use undertow_core::event::Touch;
use undertow_core::order::{ExecReport, ReportKind, Style, Tif};
use undertow_core::risk::{Cancel, Halt, Reason, Reported, Status};
use undertow_core::types::{BookKey, Nanos, Price, Side};
use undertow_strategies::decide::card::Effect;
use undertow_strategies::decide::features::Feature;
use undertow_strategies::decide::flip::flips;
use undertow_strategies::decide::rules::RuleSet;
use undertow_strategies::decide::snapshot::Snapshot;
use undertow_strategies::decide::{Decision, Outcome};
use undertow_strategies::trade::event::{Asked, Decided};

use crate::registry::Registry;

/// A decision as a document.
#[must_use]
pub fn decided(decided: &Decided, rules: &RuleSet, sequence: u64, names: &Registry) -> Value {
    let decision = &decided.decision;
    let (outcome, block) = match &decision.outcome {
        Outcome::Emitted(_) => ("emitted", None),
        Outcome::Updated(_) => ("updated", Some("duplicate")),
        Outcome::Blocked(block) | Outcome::Debug(block) => ("blocked", Some(block.name())),
        Outcome::Skipped(_) => ("skipped", None),
        Outcome::Asking(_) => ("asking", None),
    };
    let identity = decision.identity.as_ref();
    let id = identity.map(|identity| identity.id.to_string());
    let flipped = decision.seen.as_ref().map_or_else(Vec::new, |seen| {
        let flips = flips(rules, seen, &decision.moment);
        let line = |flip: undertow_strategies::decide::flip::Flip| {
            json!({
                "feature": flip.feature.name(),
                "from": flip.from,
                "to": flip.to,
                "direction": flip.direction.name(),
                "confidence": flip.confidence,
            })
        };
        flips.map(line).collect()
    });
    json!({
        "kind": "signal",
        "id": id,
        "fingerprint": identity.map(|identity| identity.fingerprint.to_string()),
        "sequence": sequence,
        "ts": time(decision.moment.now),
        "strategy": decision.strategy.name(),
        "symbol": decision.symbol.as_str(),
        "outcome": outcome,
        "because": block,
        "book": book(&decided.touch),
        "depth": { "five_levels": decided.depth.sum5, "ten_levels": decided.depth.sum10 },
        "features": features(decision),
        "confidence_min": rules.confidence_min,
        "reasons": reasons(decision),
        "votes": votes(decision),
        "confidence": decision.card.as_ref().map(|card| card.confidence()),
        "direction": decision.card.as_ref().map(|card| card.direction().name()),
        "contract": contract(decision, names),
        "change": decision.change.map(|change| json!({
            "last": change.last,
            "now": change.confidence,
            "least_change": change.threshold(),
        })),
        "levels": levels(decision),
        "would_flip": flipped,
    })
}

/// What risk was asked, as a document. `latency_ns` is from arrival to the order.
#[must_use]
pub fn asked(asked: &Asked, sequence: u64, names: &Registry) -> Value {
    let intent = &asked.intent;
    let checks = asked.verdict.iter().map(|(check, outcome)| {
        json!({
            "number": check.number(),
            "name": check.name(),
            "status": status(outcome.status),
            "bound": format!("{:?}", outcome.bound),
            "value": outcome.value,
            "limit": outcome.limit,
            "headroom": outcome.headroom,
        })
    });
    json!({
        "kind": "order",
        "order": asked.order.map(|id| id.0),
        "signal": format!("{:016x}", intent.signal_id.0),
        "sequence": sequence,
        "ts": time(asked.ts),
        "contract": names.name(intent.contract, asked.ts),
        "side": side(intent.side),
        "quantity": intent.quantity,
        "price": intent.price.to_string(),
        "style": match intent.style { Style::Limit => "limit", Style::Marketable => "marketable" },
        "tif": match intent.tif { Tif::Day => "day", Tif::Ioc => "ioc" },
        "purpose": format!("{:?}", intent.purpose).to_lowercase(),
        "exit": asked.exit.map(|cause| format!("{cause:?}")),
        "stop": intent.stop.to_string(),
        "refused_by": asked.verdict.refusal().map(|refusal| refusal.name()),
        "book": book(&asked.touch),
        "checks": checks.collect::<Vec<_>>(),
        "latency_ns": Value::Null,
    })
}

/// What the venue said, as a document.
#[must_use]
pub fn reported(report: &ExecReport, reported: Option<&Reported>, sequence: u64) -> Value {
    let (said, quantity, price) = match &report.kind {
        ReportKind::Sent => ("sent", None, None),
        ReportKind::Acked(_) => ("acknowledged", None, None),
        ReportKind::Working => ("working", None, None),
        ReportKind::Executed(execution) => {
            ("executed", Some(execution.quantity), Some(execution.price))
        }
        ReportKind::Fee(..) => ("fee", None, None),
        ReportKind::Cancelled { filled } => ("cancelled", Some(*filled), None),
        ReportKind::Expired { filled } => ("expired", Some(*filled), None),
        ReportKind::Rejected(_) => ("rejected", None, None),
        ReportKind::CancelRejected => ("cancel rejected", None, None),
        ReportKind::NoAnswer => ("no answer", None, None),
        ReportKind::Absent { filled } => ("not known to the venue", Some(*filled), None),
    };
    json!({
        "kind": "report",
        "order": report.id.0,
        "sequence": sequence,
        "ts": time(report.ts_event),
        "said": said,
        "quantity": quantity,
        "price": price.map(|price| price.to_string()),
        "held": reported.map(|reported| reported.held),
        "average": reported.map(|reported| reported.average.to_string()),
    })
}

/// A cancel that was sent, as a document.
#[must_use]
pub fn cancelled(cancel: &Cancel, ts: Nanos, sequence: u64, names: &Registry) -> Value {
    json!({
        "kind": "cancel",
        "order": cancel.id().0,
        "sequence": sequence,
        "ts": time(ts),
        "contract": names.name(cancel.contract(), ts),
    })
}

/// A halt, or the end of one, as a document.
#[must_use]
pub fn halted(halt: &Halt, sequence: u64) -> Value {
    json!({
        "kind": "halt",
        "sequence": sequence,
        "ts": time(halt.at),
        "gate": halt.gate.name(),
        "by": format!("{:?}", halt.cause),
        "resumed": halt.resumed.as_ref().map(Reason::as_str),
    })
}

/// A settlement at expiry, as a document.
#[must_use]
pub fn settled(
    key: BookKey,
    (price, held): (Price, i64),
    sequence: u64,
    names: &Registry,
) -> Value {
    json!({
        "kind": "settled",
        "sequence": sequence,
        "contract": names.name(key, Nanos::UNDEFINED),
        "price": price.to_string(),
        "held": held,
    })
}

fn features(decision: &Decision) -> Vec<Value> {
    let Some(seen) = &decision.seen else {
        return Vec::new();
    };
    let ages = Feature::ALL.into_iter().zip(decision.ages);
    ages.map(|(feature, age)| {
        json!({
            "name": feature.name(),
            "value": value_of(feature, seen),
            "age_ms": age.map(|ns| ns as f64 / 1e6),
        })
    })
    .collect()
}

fn value_of(feature: Feature, seen: &Snapshot) -> Value {
    match feature {
        Feature::Vpin => json!(seen.vpin),
        Feature::Obi => json!(seen.obi),
        Feature::Gex => json!(seen.gex),
        Feature::Dex => json!(seen.dex),
        Feature::GexZ => json!(seen.gex_z),
        Feature::DexZ => json!(seen.dex_z),
        Feature::Toxicity => json!(seen.toxicity),
        Feature::Regime => json!(seen.regime.map(|regime| regime.name())),
        Feature::Last => json!(seen.spot.to_string()),
        Feature::Bars => json!({
            "count": seen.bars.count(),
            "true_range": seen.bars.true_range.map(|range| range.to_string()),
        }),
        Feature::Sweep => json!(seen.sweep),
        Feature::Unusual => json!(seen.unusual.map(|unusual| unusual.score)),
        Feature::Hidden => json!(seen.hidden),
        Feature::Imbalance => json!(seen.imbalance.map(|auction| auction.ratio)),
        Feature::Indicative => json!(seen.indicative.map(|it| it.offset_bps)),
        Feature::Chain => json!(
            seen.chain
                .map(|chain| chain.call_interest + chain.put_interest)
        ),
        Feature::Vwap => json!(seen.vwap.map(|vwap| vwap.to_string())),
    }
}

fn reasons(decision: &Decision) -> Vec<Value> {
    let Some(card) = &decision.card else {
        return Vec::new();
    };
    let line = |reason: &undertow_strategies::decide::card::Reason| {
        let effect = match reason.effect {
            Effect::Points(points) => format!("{points:+}"),
            Effect::Factor(factor) => format!("×{factor:.3}"),
        };
        json!({
            "term": reason.term.name(),
            "measure": reason.measure,
            "threshold": reason.threshold,
            "weight": reason.weight,
            "effect": effect,
            "score": reason.score,
        })
    };
    card.reasons().map(line).collect()
}

fn votes(decision: &Decision) -> Vec<Value> {
    let Some(card) = &decision.card else {
        return Vec::new();
    };
    card.votes()
        .map(|vote| {
            json!({
                "term": vote.term.name(),
                "direction": vote.direction.name(),
                "count": vote.count,
            })
        })
        .collect()
}

fn contract(decision: &Decision, names: &Registry) -> Value {
    let Some(chosen) = &decision.contract else {
        return Value::Null;
    };
    let listing = &chosen.listing;
    let symbol = names.symbol(listing.instrument_id, decision.moment.now);
    json!({
        "name": symbol,
        "id": listing.instrument_id.0,
        "expiry": listing.expiry.to_string(),
        "strike": listing.strike.to_string(),
        "right": format!("{:?}", listing.right).to_lowercase(),
        "bid": listing.bid.to_string(),
        "ask": listing.ask.to_string(),
        "open_interest": listing.open_interest,
        "delta": listing.delta,
        "liquidity": chosen.liquidity.name(),
    })
}

fn levels(decision: &Decision) -> Value {
    let Some(signal) = &decision.signal else {
        return Value::Null;
    };
    json!({
        "entry": signal.entry.to_string(),
        "stop": signal.stop.to_string(),
        "targets": signal.targets.map(|target| target.to_string()),
        "lives_s": signal.ttl_ns as f64 / 1e9,
    })
}

fn book(touch: &Touch) -> Value {
    json!({
        "bid": price(touch.bid),
        "bid_size": touch.bid_size,
        "ask": price(touch.ask),
        "ask_size": touch.ask_size,
    })
}

fn price(price: Price) -> Option<String> {
    price.is_defined().then(|| price.to_string())
}

const fn side(side: Side) -> &'static str {
    match side {
        Side::Bid => "buy",
        Side::Ask => "sell",
        Side::None => "neither",
    }
}

const fn status(status: Status) -> &'static str {
    match status {
        Status::NotReached => "not reached",
        Status::Spared => "spared",
        Status::Passed => "passed",
        Status::Warned => "passed, near its limit",
        Status::Failed => "failed",
        Status::Missing => "missing",
    }
}

fn time(ts: Nanos) -> String {
    let time = jiff::Timestamp::from_nanosecond(i128::from(ts.0));
    time.map_or_else(|_| ts.0.to_string(), |time| time.to_string())
}

/// The documents about one id, for people. `id` is a signal's 16 hex digits or an order's number.
#[must_use]
pub fn render(documents: &[Value]) -> String {
    let mut text = String::new();
    for document in documents {
        if !text.is_empty() {
            text.push('\n');
        }
        match document["kind"].as_str() {
            Some("signal") => render_signal(document, &mut text),
            Some("order") => render_order(document, &mut text),
            Some("cancel") => render_cancel(document, &mut text),
            _ => render_report(document, &mut text),
        }
    }
    text
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
    let (at, record) = (word(&of["ts"]), word(&of["sequence"]));
    let _ = writeln!(text, "  at         {at}  record {record}");
    let _ = writeln!(
        text,
        "  says       {}, confidence {} of at least {}",
        word(&of["direction"]),
        word(&of["confidence"]),
        word(&of["confidence_min"])
    );
    render_book(&of["book"], text);
    render_contract(of, text);
    render_reasons(of, text);
    render_flips(of, text);
}

fn rows(of: &Value, key: &str) -> Vec<Value> {
    of[key].as_array().cloned().unwrap_or_default()
}

fn render_contract(of: &Value, text: &mut String) {
    let (contract, levels) = (&of["contract"], &of["levels"]);
    if let Some(name) = contract["name"].as_str() {
        let _ = writeln!(
            text,
            "  contract   {name}  {} {} of {}, {} x {}, open interest {}: {}",
            word(&contract["right"]),
            word(&contract["strike"]),
            word(&contract["expiry"]),
            word(&contract["bid"]),
            word(&contract["ask"]),
            word(&contract["open_interest"]),
            word(&contract["liquidity"])
        );
    }
    if !levels.is_null() {
        let targets: Vec<_> = rows(levels, "targets").iter().map(word).collect();
        let _ = writeln!(
            text,
            "  levels     entry {}, stop {}, targets {}; lives {} s",
            word(&levels["entry"]),
            word(&levels["stop"]),
            targets.join(", "),
            word(&levels["lives_s"])
        );
    }
}

fn render_reasons(of: &Value, text: &mut String) {
    let _ = writeln!(text, "  features");
    for row in rows(of, "features") {
        let age = row["age_ms"].as_f64();
        let age = age.map_or_else(|| "absent".to_owned(), |age| format!("{age:.1} ms old"));
        let (name, value) = (word(&row["name"]), short(&row["value"]));
        let _ = writeln!(text, "    {name:<12} {value:<28} {age}");
    }
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
        let _ = writeln!(
            text,
            "    {} from {} to {}: {} with confidence {}",
            word(&row["feature"]),
            short(&row["from"]),
            short(&row["to"]),
            word(&row["direction"]),
            word(&row["confidence"])
        );
    }
}

fn render_order(of: &Value, text: &mut String) {
    let head = match of["order"].as_u64() {
        Some(id) => format!("order {id}"),
        None => format!("no order: {}", word(&of["refused_by"])),
    };
    let why = of["exit"]
        .as_str()
        .map_or_else(|| "entry".to_owned(), |cause| format!("exit, {cause}"));
    let _ = writeln!(
        text,
        "{head}  {} {} {} at {} {} {}, {why}, of signal {}",
        word(&of["side"]),
        word(&of["quantity"]),
        word(&of["contract"]),
        word(&of["price"]),
        word(&of["style"]),
        word(&of["tif"]),
        word(&of["signal"])
    );
    let _ = writeln!(
        text,
        "  at         {}  record {}",
        word(&of["ts"]),
        word(&of["sequence"])
    );
    if let Some(ns) = of["latency_ns"].as_u64() {
        let _ = writeln!(text, "  latency    {ns} ns from arrival to the order");
    }
    render_book(&of["book"], text);
    let _ = writeln!(text, "  risk");
    for row in of["checks"].as_array().cloned().unwrap_or_default() {
        let has_number = row["limit"].as_i64() != Some(0) || row["value"].as_i64() != Some(0);
        let numbers = if has_number {
            format!(
                "{} {} of {}, headroom {}",
                word(&row["bound"]),
                word(&row["value"]),
                word(&row["limit"]),
                word(&row["headroom"])
            )
        } else {
            word(&row["bound"])
        };
        let _ = writeln!(
            text,
            "    {:>2} {:<19} {:<23} {numbers}",
            word(&row["number"]),
            word(&row["name"]),
            word(&row["status"])
        );
    }
}

fn render_cancel(of: &Value, text: &mut String) {
    let _ = writeln!(
        text,
        "order {} cancel sent  {}",
        word(&of["order"]),
        word(&of["ts"])
    );
}

fn render_report(of: &Value, text: &mut String) {
    let quantity = of["quantity"]
        .as_u64()
        .map_or_else(String::new, |quantity| format!(" {quantity}"));
    let price = of["price"]
        .as_str()
        .map_or_else(String::new, |price| format!(" at {price}"));
    let _ = writeln!(
        text,
        "order {} {}{quantity}{price}  {}  held {}",
        word(&of["order"]),
        word(&of["said"]),
        word(&of["ts"]),
        word(&of["held"])
    );
}

fn render_book(book: &Value, text: &mut String) {
    let _ = writeln!(
        text,
        "  book       {} @ {} x {} @ {}",
        word(&book["bid_size"]),
        word(&book["bid"]),
        word(&book["ask"]),
        word(&book["ask_size"])
    );
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
        Some(x) if x.abs() >= 1e6 => format!("{x:.3e}"),
        Some(x) => format!("{x:.4}"),
        None => word(value),
    }
}
