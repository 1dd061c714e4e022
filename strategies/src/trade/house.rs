//! The paper account's back office: what a broker and other slow sources would tell risk.
//!
//! Only for runs on the paper venue. Everything follows from the account itself, the calendar and
//! the chain; what nobody can know here (a correlation matrix of other underlyings) is left
//! untold, and what needs it is refused.

use undertow_core::money::Money;
use undertow_core::order::StrategyId;
use undertow_core::risk::{Account, Context, Costs, Risk, Span};
use undertow_core::types::Nanos;

use super::settings::Settings;
use super::told::Told;
use crate::calendar::{Calendar, Day, Venue};
use crate::decide::moment::Window;
use crate::decide::rules::RuleSet;
use crate::portfolio_risk::{Holding, fallback_risk, money_away};

/// Says what the day allows: the venue's session and each strategy's window.
pub(super) fn tell_day(
    risk: &mut Risk,
    calendar: &Calendar,
    day: Day,
    rules: &[(RuleSet, usize)],
    now: Nanos,
) {
    let session = calendar.session(Venue::Globex, day).ok().flatten();
    let span = session.map(|session| Span {
        from: session.open,
        until: session.close,
    });
    risk.on_context(&Context::Session(span), now);
    for (place, (rules, _)) in rules.iter().enumerate() {
        let Ok(strategy) = u8::try_from(place) else {
            return;
        };
        let window = span.map(|_| window_of(day, &rules.window));
        risk.on_context(&Context::Window(StrategyId(strategy), window), now);
    }
}

/// Says how the account stands. Value at risk and costs only while no source tells them.
pub(super) fn tell_account(
    risk: &mut Risk,
    settings: &Settings,
    (told, today): (&Told, Option<Day>),
    now: Nanos,
) {
    let (bound, at_risk) = bound(risk, settings);
    let free = risk
        .equity()
        .map(|equity| (equity - bound).max(Money::ZERO));
    if let Some(available) = free {
        let account = Account {
            available,
            buying_power: available.part(settings.buying_power_ppm),
            as_of: now,
        };
        risk.on_context(&Context::Account(account), now);
    }
    if !told.has_value_at_risk {
        let today = today.and_then(|day| u32::try_from(day.0).ok());
        if let Some(at_risk) = told.value_at_risk(at_risk, today, now) {
            risk.on_context(&Context::ValueAtRisk(at_risk), now);
        }
    }
    if told.has_costs {
        return;
    }
    let [day, month] = settings.costs;
    let costs = Costs {
        day,
        month,
        as_of: now,
    };
    risk.on_context(&Context::Costs(costs), now);
}

/// Money that positions bind, and what they may lose in a day (R5, without a history).
fn bound(risk: &Risk, settings: &Settings) -> (Money, Option<Money>) {
    let mut bound = Money::ZERO;
    let mut worst = Some(0.0);
    for line in risk.lines() {
        let held = line.position.quantity();
        if held == 0 {
            continue;
        }
        let value = line.contract.notional(held, line.view.mark).abs();
        bound += if line.contract.kind.is_paid_in_full() {
            value
        } else {
            settings.future_margin.times(held.abs())
        };
        let holding = Holding {
            dollars: value.0 as f64 / Money::PER_USD as f64,
            sigma: None,
        };
        worst = worst.zip(fallback_risk(&[holding])).map(|(a, b)| a + b);
    }
    (bound, worst.and_then(money_away).map(Money))
}

/// A window of Eastern time on one day.
const fn window_of(day: Day, window: &Window) -> Span {
    Span {
        from: day.eastern_minute(window.start_minute as u32),
        until: day.eastern_minute(window.end_minute as u32),
    }
}
