//! A record for people and for programs: one list of names and values serves both.
//!
//! Text in a record came from outside; it is printed with everything escaped that a terminal
//! could act on. Prices and money are decimals, times UTC; nothing here reads a clock.

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use undertow_core::contract::{Contract, ContractKind, TickRule};
use undertow_core::event::Operator;
use undertow_core::money::Money;
use undertow_core::order::{ExecReport, Execution, Intent, Purpose, ReportKind, Style, Tif};
use undertow_core::risk::{BreakerKind, Halt, HaltCause, Kept, Mode};
use undertow_core::types::{BookKey, Nanos, Price, Side};
use undertow_strategies::decide::counters::Block;

use super::block::Entry;
use super::record::{Lowered, Lowering, Record, Settled, Start};

/// Names and values, in the order in which they are shown.
type Fields = Vec<(&'static str, Value)>;

/// One line: sequence, event time, kind, and what the record says.
#[must_use]
pub fn line(entry: &Entry) -> String {
    let mut line = format!(
        "{:>8}  {}  {}",
        entry.sequence,
        time(entry.moment.ts_event),
        entry.record.name()
    );
    for (name, value) in fields(&entry.record) {
        line.push_str(&format!(" {name}={}", plain(&value)));
    }
    line
}

/// The same as one JSON object, with all times.
#[must_use]
pub fn json(entry: &Entry) -> Value {
    let moment = &entry.moment;
    let fields = fields(&entry.record).into_iter();
    let fields: Map<String, Value> = fields
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
    json!({
        "sequence": entry.sequence,
        "event": moment.event,
        "ts_event": moment.ts_event.0,
        "monotonic_ns": moment.monotonic_ns,
        "wall_ns": moment.wall_ns,
        "kind": entry.record.name(),
        "record": fields,
    })
}

/// Text from outside, harmless on a terminal and on one line.
#[must_use]
pub fn escaped(text: &str) -> String {
    text.chars().flat_map(char::escape_debug).collect()
}

fn fields(record: &Record) -> Fields {
    match record {
        Record::Start(start) => started(start),
        Record::Contract(contract) => terms(contract),
        Record::Carry(carried) => vec![
            ("contract", key(carried.contract)),
            ("quantity", json!(carried.quantity)),
            ("average", price(carried.average)),
            ("mark", price(carried.mark)),
        ],
        Record::Recovered(of) => {
            let own = [("id", json!(of.id.0)), ("filled", json!(of.filled))];
            own.into_iter().chain(wanted(&of.intent)).collect()
        }
        Record::NextId(id) | Record::Placed(id) => vec![("id", json!(id.0))],
        Record::Intent(of) => {
            let own = [("id", json!(of.id.0))];
            own.into_iter().chain(wanted(&of.intent)).collect()
        }
        Record::Cancel(cancelled) => vec![
            ("id", json!(cancelled.id.0)),
            ("contract", key(cancelled.contract)),
        ],
        Record::Report(report) => reported(report),
        Record::Refused(of) => {
            let own = [
                ("check", json!(of.refusal.number())),
                ("refusal", json!(of.refusal.name())),
            ];
            own.into_iter().chain(wanted(&of.intent)).collect()
        }
        Record::Adopted(adopted) => vec![
            ("contract", key(adopted.contract)),
            ("difference", json!(adopted.difference)),
            ("price", price(adopted.price)),
        ],
        Record::Settled(of) => settled(of),
        Record::Signal(signal) => vec![
            ("id", json!(signal.id.to_string())),
            ("fingerprint", json!(signal.fingerprint.to_string())),
            ("number", json!(signal.sequence)),
            ("outcome", json!(became(signal.outcome))),
        ],
        Record::Claim(claimed) => vec![
            ("id", json!(claimed.id.to_string())),
            ("fingerprint", json!(claimed.fingerprint.to_string())),
            ("place", json!(claimed.place)),
            ("at", json!(time(claimed.at))),
            ("ttl_ns", json!(claimed.ttl_ns)),
        ],
        Record::Halt(halt) => halted(halt),
        Record::Resume(reason) => vec![("reason", json!(reason.as_str()))],
        Record::Kept(of) => kept(of),
        Record::Mark(marked) => vec![
            ("contract", key(marked.contract)),
            ("price", price(marked.price)),
        ],
        Record::Limit(of) => lowered(of),
        Record::Ordered(operator) => ordered(operator),
        Record::Checkpoint(digest) | Record::End(digest) => {
            vec![("digest", json!(format!("{digest:016x}")))]
        }
    }
}

/// What the operator ordered.
pub(crate) fn ordered(operator: &Operator) -> Fields {
    let mut fields = vec![("order", json!(operator.name()))];
    match operator {
        Operator::Halt | Operator::CancelAll | Operator::Flatten | Operator::Kill => {}
        Operator::Resume(reason) => fields.push(("reason", json!(reason.as_str()))),
        Operator::Clear(kind, reason) => {
            fields.push(("breaker", json!(kind.name())));
            fields.push(("reason", json!(reason.as_str())));
        }
        Operator::Close(signal) => fields.push(("signal", json!(format!("{:016x}", signal.0)))),
        Operator::Disable(strategy) | Operator::Enable(strategy) => {
            fields.push(("place", json!(strategy.0)));
        }
        Operator::Tighten(change) => {
            fields.push(("limit", json!(change.name())));
            fields.push(("to", json!(change.to())));
        }
    }
    fields
}

fn lowered(lowered: &Lowered) -> Fields {
    let outcome = match lowered.outcome {
        Lowering::Taken => "taken",
        Lowering::Looser => "refused: looser takes a restart",
        Lowering::Contradiction => "refused: contradicts another limit",
        Lowering::TooSmall => "refused: below its least",
    };
    vec![
        ("limit", json!(lowered.name.as_str())),
        ("from", json!(lowered.from)),
        ("to", json!(lowered.to)),
        ("outcome", json!(outcome)),
    ]
}

fn started(start: &Start) -> Fields {
    let mut fields = vec![
        ("build", json!(start.build.as_str())),
        ("config", json!(format!("{:016x}", start.config_hash))),
        ("input", json!(format!("{:016x}", start.input_hash))),
        ("mode", json!(mode(start.mode))),
        ("account", json!(start.account.0)),
    ];
    fields.extend(kept(&start.kept));
    fields
}

fn settled(settled: &Settled) -> Fields {
    let delivered = settled.delivered;
    vec![
        ("contract", key(settled.contract)),
        ("price", price(settled.price)),
        (
            "delivers",
            delivered.map_or(Value::Null, |to| key(to.contract)),
        ),
        ("at", delivered.map_or(Value::Null, |to| price(to.price))),
    ]
}

fn wanted(intent: &Intent) -> Fields {
    vec![
        ("contract", key(intent.contract)),
        ("side", json!(side(intent.side))),
        ("quantity", json!(intent.quantity)),
        ("price", price(intent.price)),
        (
            "style",
            json!(match intent.style {
                Style::Limit => "limit",
                Style::Marketable => "marketable",
            }),
        ),
        (
            "tif",
            json!(match intent.tif {
                Tif::Day => "day",
                Tif::Ioc => "ioc",
            }),
        ),
        (
            "purpose",
            json!(match intent.purpose {
                Purpose::Open => "open",
                Purpose::Hedge => "hedge",
                Purpose::Reduce => "reduce",
            }),
        ),
        ("confidence", json!(intent.confidence.to_string())),
        ("signal", json!(format!("{:016x}", intent.signal_id.0))),
        ("strategy", json!(intent.strategy.0)),
        ("bid", price(intent.reference.bid)),
        ("ask", price(intent.reference.ask)),
        ("stop", price(intent.stop)),
        ("data_cost", money(intent.data_cost)),
        ("good_for_ns", json!(intent.good_for_ns)),
    ]
}

fn reported(report: &ExecReport) -> Fields {
    let mut fields = vec![
        ("id", json!(report.id.0)),
        ("contract", key(report.contract)),
    ];
    let filled = |says: &str, filled: u32| vec![("says", json!(says)), ("filled", json!(filled))];
    fields.extend(match report.kind {
        ReportKind::Sent => vec![("says", json!("sent"))],
        ReportKind::Acked(id) => vec![("says", json!("acked")), ("venue_id", json!(id.0))],
        ReportKind::Working => vec![("says", json!("working"))],
        ReportKind::Executed(execution) => executed(&execution),
        ReportKind::Fee(id, fee) => vec![
            ("says", json!("fee")),
            ("execution", json!(format!("{}.{}", id.base, id.revision))),
            ("fee", money(fee)),
        ],
        ReportKind::Cancelled { filled: count } => filled("cancelled", count),
        ReportKind::Expired { filled: count } => filled("expired", count),
        ReportKind::Rejected(reason) => {
            vec![("says", json!("rejected")), ("reason", json!(reason))]
        }
        ReportKind::CancelRejected => vec![("says", json!("cancel_rejected"))],
        ReportKind::NoAnswer => vec![("says", json!("no_answer"))],
        ReportKind::Absent { filled: count } => filled("absent", count),
    });
    fields
}

fn executed(execution: &Execution) -> Fields {
    let id = execution.id;
    vec![
        ("says", json!("executed")),
        ("execution", json!(format!("{}.{}", id.base, id.revision))),
        ("side", json!(side(execution.side))),
        ("quantity", json!(execution.quantity)),
        ("price", price(execution.price)),
        ("fee", execution.fee.map_or(Value::Null, money)),
    ]
}

fn terms(contract: &Contract) -> Fields {
    let tick = match contract.tick {
        TickRule::Flat(step) => step.to_string(),
        TickRule::TwoStep { upto, small, large } => format!("{small}/{large} from {upto}"),
    };
    vec![
        ("contract", key(contract.key)),
        (
            "type",
            json!(match contract.kind {
                ContractKind::Stock => "stock",
                ContractKind::Future => "future",
                ContractKind::Call => "call",
                ContractKind::Put => "put",
            }),
        ),
        ("multiplier", price(Price(contract.multiplier.units()))),
        ("tick", json!(tick)),
        ("expiry", json!(time(contract.expiry))),
        ("currency", json!(contract.currency.as_str())),
        ("underlying", json!(contract.underlying.0)),
    ]
}

fn halted(halt: &Halt) -> Fields {
    let resumed = halt.resumed.as_ref().map(|reason| reason.as_str());
    vec![
        ("gate", json!(halt.gate.name())),
        (
            "cause",
            json!(match halt.cause {
                HaltCause::None => "none",
                HaltCause::Operator => "operator",
                HaltCause::RunAway => "run_away",
                HaltCause::Journal => "journal",
                HaltCause::Venue => "venue",
                HaltCause::Process => "process",
            }),
        ),
        ("at", json!(time(halt.at))),
        ("resumed", json!(resumed)),
    ]
}

fn kept(kept: &Kept) -> Fields {
    let breakers = BreakerKind::ALL.iter().zip(&kept.breakers);
    let breakers: Map<String, Value> = breakers
        .map(|(kind, breaker)| (kind.name().to_owned(), json!(breaker.phase.name())))
        .collect();
    let mut fields = halted(&kept.halt);
    fields.extend([
        ("breakers", Value::Object(breakers)),
        ("day", json!(kept.day)),
        ("day_since", json!(time(kept.day_since))),
        ("day_equity", money(kept.day_equity)),
        ("high_water", money(kept.high_water)),
        ("day_earned", money(kept.day_earned)),
        ("day_fees", money(kept.day_fees)),
        ("losing_days", json!(kept.losing_days)),
        ("losing_trades", json!(kept.losing_trades)),
        ("opened_today", json!(kept.opened_today)),
        ("opened_in_run", json!(kept.opened_in_run)),
        ("next_id", json!(kept.next_id)),
    ]);
    fields
}

const fn mode(mode: Mode) -> &'static str {
    match mode {
        Mode::Backtest => "backtest",
        Mode::Paper => "paper",
        Mode::Shadow => "shadow",
        Mode::Live => "live",
    }
}

const fn side(side: Side) -> &'static str {
    match side {
        Side::Bid => "bid",
        Side::Ask => "ask",
        Side::None => "none",
    }
}

/// Instrument and publisher.
fn key(key: BookKey) -> Value {
    json!(format!("{}/{}", key.instrument_id.0, key.publisher_id.0))
}

fn price(price: Price) -> Value {
    json!(price.to_string())
}

fn money(money: Money) -> Value {
    json!(money.to_string())
}

fn time(at: Nanos) -> String {
    let defined = at.is_defined().then_some(i128::from(at.0));
    let stamp = defined.and_then(|ns| Timestamp::from_nanosecond(ns).ok());
    stamp.map_or_else(|| "-".to_owned(), |stamp| format!("{stamp:.9}"))
}

/// A value within a line: text is quoted when a reader could take it for something else.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => {
            let shown = escaped(text);
            if shown.is_empty() || shown.contains(' ') || shown.contains('=') {
                format!("\"{shown}\"")
            } else {
                shown
            }
        }
        Value::Object(map) => {
            let parts = map
                .iter()
                .map(|(name, value)| format!("{name}:{}", plain(value)));
            parts.collect::<Vec<_>>().join(",")
        }
        Value::Null => "-".to_owned(),
        other => other.to_string(),
    }
}

/// What became of a decision about a contract: emitted, told anew, or why it was blocked.
fn became(outcome: u8) -> &'static str {
    match outcome {
        0 => "emitted",
        1 => "updated",
        _ => {
            let block = Block::ALL.into_iter().find(|it| *it as u8 + 2 == outcome);
            block.map_or("skipped", Block::name)
        }
    }
}
