//! Why a signal was emitted or blocked, and why an order was made or refused: one JSON document a
//! thing, and the same for people.
//!
//! A document is whole: features with their ages, each reason with its weight and threshold, the
//! votes, the book, every check with its headroom, and what would have changed the answer. It
//! keeps numbers as they were compared, each with its unit; [`render`] says them as people do.

mod text;

use serde_json::{Value, json};
use undertow_core::event::{Operator, Touch};
use undertow_core::order::{ExecReport, ReportKind, Style, Tif};
use undertow_core::risk::{
    Bound, Cancel, Halt, Limits, Outcome as CheckOutcome, Reason, Reported, Status, Unit,
};
use undertow_core::types::{BookKey, Nanos, Price, Side};
use undertow_strategies::decide::card::Effect;
use undertow_strategies::decide::features::Feature;
use undertow_strategies::decide::flip::flips;
use undertow_strategies::decide::outlook::{Outlook, Prospect};
use undertow_strategies::decide::rules::RuleSet;
use undertow_strategies::decide::snapshot::Snapshot;
use undertow_strategies::decide::{Decision, Outcome};
use undertow_strategies::trade::event::{Asked, Decided, Limited};

pub use self::text::render;
use crate::journal::show;
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
                "feature": flip.knob.name(),
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
        "outlook": decision.seen.as_ref().and_then(|seen| seen.outlook.as_ref()).map(outlook),
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
            "unit": unit(outcome.bound),
            "border": border(&outcome),
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

/// What the operator ordered, as a document: what the journal shows of it, and the name of the
/// strategy. `rules` are the rule sets by their place, for products may have some of one name.
#[must_use]
pub fn ordered(operator: &Operator, ts: Nanos, sequence: u64, rules: &[RuleSet]) -> Value {
    let mut document = json!({ "kind": "operator", "sequence": sequence, "ts": time(ts) });
    for (name, value) in show::ordered(operator) {
        document[name] = value;
    }
    if let Operator::Disable(at) | Operator::Enable(at) = operator {
        let rules = rules.get(usize::from(at.0));
        document["strategy"] = json!(rules.map(|rules| rules.rule.strategy().name()));
    }
    document
}

/// A limit that the operator wanted lowered, as a document.
#[must_use]
pub fn limited(limited: &Limited, sequence: u64) -> Value {
    let field = Limits::FIELDS.iter();
    let field = field
        .into_iter()
        .find(|field| field.name == limited.change.name());
    json!({
        "kind": "limit",
        "sequence": sequence,
        "ts": time(limited.ts),
        "limit": limited.change.name(),
        "from": limited.from,
        "to": limited.change.to(),
        "unit": field.map_or("", |field| match field.unit {
            Unit::Money => "money",
            Unit::Ppm => "share",
            Unit::Ns => "time",
            Unit::Count | Unit::Ticks => "count",
        }),
        "refused": limited.refused.as_ref().map(ToString::to_string),
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

/// How a value stands to its limit when the bound holds.
fn border(outcome: &CheckOutcome) -> &'static str {
    if is_floor(outcome.bound) {
        "at least"
    } else if outcome.value.saturating_add(outcome.headroom) < outcome.limit {
        "less than"
    } else {
        "at most"
    }
}

/// Whether the value must reach the limit; of all other bounds it must not pass it.
#[must_use]
pub const fn is_floor(bound: Bound) -> bool {
    matches!(bound, Bound::Expiry | Bound::References | Bound::Confidence)
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
            "unit": match feature {
                Feature::Gex => Some("USD per 1 % move"),
                Feature::Dex => Some("USD"),
                _ => None,
            },
            "age_ms": age.map(|ns| ns as f64 / 1e6),
        })
    })
    .collect()
}

fn value_of(feature: Feature, seen: &Snapshot) -> Value {
    match feature {
        Feature::Vpin => json!(seen.vpin),
        Feature::Obi => json!(seen.obi),
        // Rules compare it for a move of 100 %; people read it for one of 1 %.
        Feature::Gex => json!(seen.gex.map(|gex| gex * 0.01)),
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
        Feature::News => json!(seen.news),
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

fn outlook(outlook: &Outlook) -> Value {
    let prospect = |prospect: &Prospect| {
        let setup = &prospect.setup;
        let contracts = prospect.contracts.iter().flatten();
        json!({
            "target": setup.target.to_string(),
            "stop": setup.stop.to_string(),
            "factors": setup.factors,
            "score": setup.p,
            "probability": setup.probability(),
            "expected_value": setup.tilted_ev(),
            "reward_risk": setup.reward_risk,
            "contracts": contracts.map(|ranked| json!({
                "strike": ranked.strike.to_string(),
                "ask": ranked.ask.to_string(),
                "value": ranked.value,
                "gain": ranked.gain,
            })).collect::<Vec<_>>(),
        })
    };
    json!({
        "expiry": outlook.expiry.to_string(),
        "reach": outlook.reach.to_string(),
        "long": outlook.long.as_ref().map(prospect),
        "short": outlook.short.as_ref().map(prospect),
        "call_share": outlook.call_share,
        "shock": outlook.shock.map(|jolt| json!({
            "strike": jolt.strike.to_string(),
            "direction": jolt.direction.name(),
            "kind": jolt.shock.kind.name(),
            "ratio": jolt.shock.ratio,
            "confidence": jolt.shock.confidence,
        })),
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

/// What the numbers of a check count: facts hold or do not.
const fn unit(bound: Bound) -> &'static str {
    match bound {
        Bound::Expiry
        | Bound::Age
        | Bound::Marks
        | Bound::AccountAge
        | Bound::CorrelationAge
        | Bound::ValueAtRiskAge
        | Bound::CostAge
        | Bound::SignalAge => "time",
        Bound::OrderNotional
        | Bound::GrossNotional
        | Bound::UnderlyingNotional
        | Bound::Delta
        | Bound::Gamma
        | Bound::Vega
        | Bound::WorstLoss
        | Bound::PositionShare
        | Bound::UnderlyingShare
        | Bound::StrategyShare
        | Bound::Loss
        | Bound::Funds
        | Bound::BuyingPower
        | Bound::ValueAtRisk
        | Bound::SignalCost
        | Bound::DayCost
        | Bound::MonthCost
        | Bound::Fees => "money",
        Bound::Drawdown | Bound::Volatility | Bound::Correlation | Bound::Confidence => "share",
        Bound::ReferencesApart | Bound::Collar => "price",
        Bound::OrderQuantity
        | Bound::References
        | Bound::PositionQuantity
        | Bound::Positions
        | Bound::UnderlyingPositions
        | Bound::OpenedPerDay
        | Bound::OpenedPerRun
        | Bound::Reducing
        | Bound::Volume
        | Bound::Displayed
        | Bound::LosingDays
        | Bound::LosingTrades
        | Bound::SystemErrors
        | Bound::Messages
        | Bound::Attempts
        | Bound::Repeats
        | Bound::SideOrders
        | Bound::Orders
        | Bound::UnknownOrders
        | Bound::Unacked => "count",
        _ => "fact",
    }
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

/// A time for programs.
pub(crate) fn time(ts: Nanos) -> String {
    let time = jiff::Timestamp::from_nanosecond(i128::from(ts.0));
    time.map_or_else(|_| ts.0.to_string(), |time| time.to_string())
}
