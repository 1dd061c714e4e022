//! A chain as one JSON document. Exposures carry their unit and convention in their names.

use serde_json::{Value, json};
use undertow_core::types::Price;
use undertow_strategies::options::expected_value::Setup;
use undertow_strategies::options::exposure::{
    Convention, DealersLongCalls, FullMove, OnePercent, Split, Unit, Weight,
};
use undertow_strategies::options::points;
use undertow_strategies::options::positioning::{RiskRatio, Zone};
use undertow_strategies::options::pricing::Model;

use super::report::Report;
use super::words::{left_out, remarks};

/// The document, with all strikes.
#[must_use]
pub fn json(report: &Report) -> Value {
    let exposure = &report.exposure;
    let (rate, dividend) = match report.model {
        Model::BlackScholesMerton { rate, dividend } => (rate, Some(dividend)),
        Model::Black76 { rate } => (rate, None),
    };
    let strikes = exposure.strikes.iter().map(|(strike, split)| {
        let mut value = sides(split);
        value["strike"] = price(*strike);
        value
    });
    let expiries = exposure.expiries.iter().map(|(expiry, split)| {
        let mut value = sides(split);
        value["expiry"] = json!(expiry.date.to_string());
        value
    });
    json!({
        "name": report.name,
        "ts": report.now.0,
        "spot": price(report.spot),
        "spot_from": report.spot_from,
        "expiry_only": report.only.map(|it| it.to_string()),
        "rate": rate,
        "dividend": dividend,
        "rows": report.rows,
        "rows_counted": report.admitted,
        "american": report.american,
        "dropped": report.dropped,
        "outliers": report.outliers,
        "left_out": left_out(report),
        "remarks": remarks(report),
        "open_interest_as_of": report.interest_days.map(|(first, last)| {
            json!([first.to_string(), last.to_string()])
        }),
        "open_interest_age_days": report.interest_age_days(),
        "units": {
            "gex": FullMove::LABEL,
            "gex_1pct": OnePercent::LABEL,
            "convention": DealersLongCalls::LABEL,
            "dex": undertow_strategies::options::exposure::Dex::LABEL,
        },
        "total": sides(&exposure.total),
        "bias": exposure.bias().name(),
        "put_call_gex": exposure.put_call_ratio(),
        "levels": levels(report),
        "strikes": strikes.collect::<Vec<_>>(),
        "expiries": expiries.collect::<Vec<_>>(),
        "profile": profile(report),
        "expected_value": expected_value(report),
        "positioning": positioning(report),
        "flow": flow(report),
        "unusual": unusual_activity(report),
    })
}

fn levels(report: &Report) -> Value {
    let exposure = &report.exposure;
    let list = |strikes: &[Price]| strikes.iter().map(|it| price(*it)).collect::<Vec<_>>();
    json!({
        "gamma_flip": report.flip,
        "zero_gamma_strike": exposure.zero_gamma_strike(),
        "call_wall": exposure.call_wall().map(price),
        "put_wall": exposure.put_wall().map(price),
        "pin": exposure.pin().map(price),
        "cluster": exposure.cluster().map(|it| list(&it)),
        "supports": list(&report.levels.supports),
        "resistances": list(&report.levels.resistances),
    })
}

fn profile(report: &Report) -> Value {
    let points = report.profile.points.iter();
    let points = points.map(|(at, gex)| json!([at, gex.per::<OnePercent>().value()]));
    json!({
        "priced": report.profile.priced,
        "unpriced": report.profile.unpriced,
        "crossings": report.profile.crossings(),
        "spot_gex_1pct": points.collect::<Vec<_>>(),
    })
}

fn expected_value(report: &Report) -> Value {
    let setup = |it: &Setup| {
        json!({
            "direction": it.direction.name(),
            "target": price(it.target),
            "stop": price(it.stop),
            "p": it.p,
            "factors": it.factors,
            "reward": points(it.reward),
            "risk": points(it.risk),
            "reward_risk": it.reward_risk,
            "ev": it.ev,
            "ev_dollars": it.ev_dollars(report.multiplier),
            "size": it.size().name(),
        })
    };
    json!({
        "expiry": report.nearest.date.to_string(),
        "multiplier": report.multiplier,
        "pairs": report.setups.len(),
        "good": report.good_setups().count(),
        "setups": report.good_setups().take(10).map(setup).collect::<Vec<_>>(),
    })
}

fn positioning(report: &Report) -> Value {
    let found = &report.positioning;
    let zone = |it: &Zone| {
        json!({
            "strike": price(it.strike),
            "right": it.right.name(),
            "risk": it.risk.dollars(),
            "distance": points(it.distance),
            "reach": it.reach.name(),
            "danger": it.danger.dollars(),
            "reinforcement": it.reinforcement.name(),
            "battle": it.is_battle,
        })
    };
    json!({
        "expiry": report.nearest.date.to_string(),
        "call_risk": found.call.dollars(),
        "put_risk": found.put.dollars(),
        "ratio": match found.ratio() {
            RiskRatio::Of(ratio) => json!(ratio),
            RiskRatio::OnlyCalls => json!("calls only"),
        },
        "verdict": found.verdict().name(),
        "pressured": found.pressured().map(|it| it.name()),
        "zones": found.top().iter().map(zone).collect::<Vec<_>>(),
        "new_positions": found.new.len(),
        "unmarked": found.unmarked,
    })
}

fn flow(report: &Report) -> Value {
    let flow = &report.flow;
    json!({
        "call_volume": flow.call.volume,
        "put_volume": flow.put.volume,
        "put_call_volume": flow.put_call_volume(),
        "call_open_interest": flow.call.open_interest,
        "put_open_interest": flow.put.open_interest,
        "put_call_open_interest": flow.put_call_open_interest(),
        "call_premium": flow.call.premium.dollars(),
        "put_premium": flow.put.premium.dollars(),
        "net_premium": flow.net_premium().dollars(),
        "volume_over_open_interest": flow.volume_over_open_interest(),
    })
}

fn unusual_activity(report: &Report) -> Value {
    let contracts = report.unusual.iter().map(|it| {
        json!({
            "contract": it.name,
            "volume": it.volume,
            "open_interest": it.open_interest,
            "premium": it.premium.map(|it| it.dollars()),
        })
    });
    json!({
        "score": report.unusual_score,
        "count": report.unusual.len(),
        "contracts": contracts.collect::<Vec<_>>(),
    })
}

fn sides(split: &Split) -> Value {
    let side = |weight: Weight| {
        json!({
            "gex": weight.gex.value(),
            "gex_1pct": weight.gex.per::<OnePercent>().value(),
            "dex": weight.dex.0,
            "open_interest": weight.open_interest,
        })
    };
    json!({
        "call": side(split.call),
        "put": side(split.put),
        "net": side(split.net()),
    })
}

/// A price as text, exactly.
fn price(price: Price) -> Value {
    json!(price.to_string())
}
