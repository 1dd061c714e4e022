//! The whole loop for the counted works: a trader with every strategy on the load's product, risk
//! with limits far away, and the paper venue.

use bumpalo::Bump;
use undertow_core::book::{BookLimits, Books};
use undertow_core::event::{Control, Definition, InstrumentClass};
use undertow_core::money::Money;
use undertow_core::risk::{Capacity, Kept, Limits, Risk, Setup};
use undertow_core::stage::Stage;
use undertow_core::types::InstrumentId;
use undertow_core::venue::{Latency, PaperVenue, Setup as VenueSetup};
use undertow_strategies::decide::rules::{RuleSet, Strategy};
use undertow_strategies::flow::Flow;
use undertow_strategies::trade::Trader;
use undertow_strategies::trade::settings::Settings;
use undertow_strategies::trade::stage::Desk;
use undertow_strategies::trade::unbound;

use crate::options::{self, Nowhere};

/// The desk of a run, with books as large as a session's.
pub(crate) type Trading<'a> = Desk<'a, PaperVenue>;

/// Everything laid out. `instrument` is the future that is watched, if it is one of the load's.
///
/// # Panics
/// Never: limits and settings are sound.
pub(crate) fn desk(bump: &Bump, instrument: Option<InstrumentId>) -> Trading<'_> {
    let venue = PaperVenue::new(&VenueSetup::new(Latency::LOOPBACK, 1));
    let risk = risk(limits(), Money::from_usd(100_000));
    let mut desk = of(bump, risk, venue.expect("the default setup is sound"));
    if let Some(id) = instrument {
        desk.on_control(&Control::Definition(future(id)), &mut Nowhere);
    }
    desk
}

/// An instrument of the load as a future.
pub(crate) fn future(id: InstrumentId) -> Definition {
    Definition {
        class: InstrumentClass::Future,
        ..options::definition(id)
    }
}

/// The desk of this risk and this venue.
///
/// # Panics
/// Never: limits and settings are sound.
pub(crate) fn of(bump: &Bump, risk: Risk, venue: PaperVenue) -> Trading<'_> {
    let limits = BookLimits {
        watches_depth: true,
        ..BookLimits::default()
    };
    let instruments_max = limits.instruments_max as usize;
    let books = Books::new_in(bump, &limits).expect("the default limits are sound");
    let trader = Trader::new(settings(instruments_max), risk, venue);
    let trader = trader.expect("the default rules are sound");
    Desk::new(books, Flow::new(instruments_max), trader)
}

fn settings(instruments_max: usize) -> Settings {
    let rules = Strategy::ALL.map(RuleSet::of).into();
    Settings {
        options_max: 8_192,
        claims_max: 1_024,
        future_margin: Money::from_usd(26_000),
        ..unbound::settings(b"LOAD", rules, instruments_max)
    }
}

fn limits() -> Limits {
    // Shares stay below the whole, and what is ordered stays ordered.
    let limits = Limits::read(|name| {
        Some(match name {
            "daily_shrink_ppm" | "drawdown_tighten_ppm" => 500_000,
            "daily_gate_ppm" | "drawdown_shrink_ppm" | "drawdown_ppm" => 900_000,
            "stop_slippage_ppm" | "margin_buffer_ppm" => 1_500_000,
            "cancel_reserve" => 10,
            "messages_per_second_max" => 50,
            "confidence_min_ppm" => 0,
            "value_at_risk_days_min" | "references_min" => 1,
            _ => 1_000_000,
        })
    });
    limits.expect("sound limits")
}

fn risk(limits: Limits, equity: Money) -> Risk {
    let setup = Setup {
        mode: unbound::MODE,
        account: unbound::ACCOUNT,
        limits,
        capacity: Capacity {
            contracts_max: 256,
            underlyings_max: 8,
            strategies_max: 16,
            orders_max: 4_096,
            executions_max: 16_384,
        },
    };
    Risk::new(&setup, &Kept::first(0, equity)).expect("a sound setup")
}
