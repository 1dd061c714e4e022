//! The report as one JSON document: the same figures as the tables, unrounded.
//!
//! Prices are decimal strings, times nanoseconds since 1970, sides the words of the tables. What is
//! absent is null.

use serde_json::{Value, json};
use undertow_core::types::Price;
use undertow_strategies::ifd::desk::{Contract, Evidence, Signal, Window};

use super::{FlowEvent, FlowReport, FlowRow, Kind, Named, Totals, words};

/// The document.
#[must_use]
pub fn json(report: &FlowReport) -> Value {
    let all = |levels: &[(Price, [u64; 3])]| -> Vec<Value> {
        let level = |(price, [bought, sold, unsided]): &(Price, [u64; 3])| {
            json!({
                "price": price.to_string(), "bought": bought, "sold": sold, "unsided": unsided,
            })
        };
        levels.iter().map(level).collect()
    };
    json!({
        "symbol": report.name,
        "instrument_id": report.key.instrument_id.0,
        "publisher_id": report.key.publisher_id.0,
        "trust": report.trust,
        "every_ns": report.every.0,
        "from": report.span.map(|[from, _]| from.0),
        "to": report.span.map(|[_, to]| to.0),
        "quiet_intervals": report.quiet,
        "totals": totals(&report.totals),
        "rows": report.rows.iter().map(row).collect::<Vec<_>>(),
        "events": report.events.iter().map(event).collect::<Vec<_>>(),
        "signals": report.signals.iter().map(signal).collect::<Vec<_>>(),
        "windows": report.windows.iter().map(window).collect::<Vec<_>>(),
        "profile": all(&report.profile),
    })
}

fn totals(totals: &Totals) -> Value {
    json!({
        "volume": totals.volume(),
        "bought": totals.bought,
        "sold": totals.sold,
        "unsided": totals.unsided,
        "trades": totals.trades,
    })
}

fn row(row: &FlowRow) -> Value {
    let price = |price: Option<Price>| price.filter(|it| it.is_defined()).map(|it| it.to_string());
    json!({
        "start": row.start.0,
        "ts": row.end.0,
        "last": price(row.last),
        "high": price(row.high),
        "low": price(row.low),
        "bid": price(Some(row.touch.bid)),
        "bid_size": row.touch.bid_size,
        "ask": price(Some(row.touch.ask)),
        "ask_size": row.touch.ask_size,
        "vwap": price(row.vwap),
        "volume": row.traded.volume(),
        "bought": row.traded.bought,
        "sold": row.traded.sold,
        "unsided": row.traded.unsided,
        "trades": row.traded.trades,
        "cvd": row.cvd,
        "ofi": row.ofi,
        "obi_l1": row.obi_l1,
        "obi_l5": row.obi_l5,
        "vpin": row.vpin.map(|vpin| vpin.value),
        "vpin_is_warming": row.vpin.map(|vpin| vpin.is_warming),
        "toxicity": row.toxicity,
        "hidden": row.hidden,
    })
}

fn event(event: &FlowEvent) -> Value {
    let mut value = json!({
        "ts": event.ts.0,
        "until": event.until.0,
        "kind": event.kind.name(),
        "side": words::side(event),
        "price": event.price.to_string(),
        "last_price": event.last_price.to_string(),
        "size": event.size,
    });
    match event.kind {
        Kind::Sweep { levels } => value["levels"] = levels.into(),
        Kind::Iceberg { refills } | Kind::Slices { refills } => value["refills"] = refills.into(),
        Kind::Pressure { takes } => value["takes"] = json!(takes),
        Kind::Block | Kind::Hidden => {}
    }
    value
}

fn contract(name: &str, contract: &Contract) -> Value {
    json!({
        "symbol": name,
        "instrument_id": contract.key.instrument_id.0,
        "strike": contract.strike.to_string(),
        "right": contract.right.name(),
        "expiry": contract.expiry.0,
    })
}

fn signal(signal: &Named<Signal>) -> Value {
    let of = &signal.of;
    json!({
        "ts": of.ts.0,
        "option": contract(&signal.name, &of.contract),
        "version": words::version(of.version),
        "direction": of.direction.name(),
        "level": of.level.name(),
        "action": of.action.name(),
        "confidence": of.confidence,
        "method": of.method.map(|method| method.name()),
        "is_rejected": of.is_rejected,
        "evidence": evidence(&of.evidence),
    })
}

fn evidence(of: &Evidence) -> Value {
    match of {
        Evidence::Spike {
            spike,
            volume,
            open_interest,
            bracket,
        } => json!({
            "volume": volume,
            "open_interest": open_interest,
            "ratio": spike.ratio,
            "premium_usd_e4": spike.usd,
            "target": bracket.map(|it| it.target.to_string()),
            "stop": bracket.map(|it| it.stop.to_string()),
        }),
        Evidence::Pressure(of) => {
            let parts = words::components(&of.components);
            let parts = parts.map(|(name, value)| (name.to_owned(), Value::from(value)));
            json!({
                "window_start": of.start.0,
                "volume": of.volume,
                "dominance": of.dominance.name(),
                "pressure": of.pressure,
                "components": parts.into_iter().collect::<serde_json::Map<_, _>>(),
                "z": of.reading.z,
                "rank": of.reading.rank,
                "history_quality": of.reading.quality,
                "making": of.making,
                "crush": of.crush,
                "multiplier": of.multiplier,
                "together": of.together.map(|it| it.name()),
                "structure": of.structure.map(|it| it.name()),
            })
        }
    }
}

fn window(window: &Named<Window>) -> Value {
    let (of, tally) = (&window.of, &window.of.tally);
    json!({
        "start": of.start.0,
        "minutes": of.minutes,
        "option": contract(&window.name, &of.contract),
        "bought": tally.buy,
        "sold": tally.sell,
        "unclassified": tally.unclassified,
        "trades": tally.trades,
        "large": tally.large,
        "dominance": tally.dominance().name(),
        "confidence": tally.confidence(),
        "vwap": tally.vwap().map(|it| it.to_string()),
        "spot": of.spot.map(|it| it.to_string()),
    })
}
