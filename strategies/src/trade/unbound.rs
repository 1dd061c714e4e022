//! A desk that nothing holds back: limits that let every order through, and all that risk has to
//! know for it.
//!
//! For rehearsals, drills and counted works, which are about how orders are made and not about
//! whether they should be. None of it is for a desk whose orders can reach a broker.

use alloc::boxed::Box;

use undertow_core::contract::Contract;
use undertow_core::event::{BookUpdate, Definition, InstrumentClass, Touch, Trust};
use undertow_core::money::Money;
use undertow_core::order::{Confidence, Intent, Purpose, Quote, SignalId, StrategyId, Style, Tif};
use undertow_core::risk::{
    Account, AccountId, Capacity, Context, Costs, Kept, LimitError, Limits, Mode, Risk, Setup,
    SetupError, Span, Tighter, Unit, ValueAtRisk,
};
use undertow_core::types::{BookKey, InstrumentId, Nanos, Price, Side, Text};

use super::settings::{Product, Settings};
use crate::decide::rules::RuleSet;

/// In whose name it trades.
pub const ACCOUNT: AccountId = AccountId(1);

/// What its orders can reach.
pub const MODE: Mode = Mode::Backtest;

/// What the account holds.
pub const EQUITY: Money = Money::from_usd(100_000_000);

/// Who orders: no rule set has this number, and it has no hours.
pub const ASKING: StrategyId = StrategyId(15);

/// Far beyond every file, 2100-01-01, and a time that the checks accept.
const FAR: Nanos = Nanos(4_102_444_800_000_000_000);

/// Limits that let so many orders a second through, and as many live ones.
///
/// # Errors
/// So many that a limit would be unsound.
pub fn limits(orders: u32) -> Result<Limits, LimitError> {
    Limits::read(|name| {
        let field = Limits::FIELDS.iter().find(|field| field.name == name)?;
        Some(match (field.tighter, field.unit) {
            _ if name == "messages_per_second_max" => i64::from(orders) + 2,
            _ if name == "answer_ns_max" => 1_000_000_000_000,
            // An entry may be larger than what is displayed.
            _ if name == "displayed_ppm" => 8_000_000,
            // As much as a profile would allow: the whole of a high price leaves 64 bits as well, and
            // an order that is rehearsed must go the way of one that is not.
            _ if is_of_a_price(name) => 100_000,
            (Tighter::Up, _) => field.least,
            // The whole, and no more: what no account has would take the arithmetic's long way.
            (_, Unit::Ppm) => 1_000_000,
            (_, Unit::Money) => 1_000_000_000_000_000,
            (_, Unit::Ns) => 1_000_000_000_000_000_000,
            _ if is_of_a_life(name) => i64::MAX / 2,
            _ => i64::from(2 * orders + 8),
        })
    })
}

/// Whether a limit is a share of the contract's price.
fn is_of_a_price(name: &str) -> bool {
    matches!(name, "collar_ppm" | "references_apart_ppm")
}

/// Whether a limit counts what a whole life of orders adds up to.
fn is_of_a_life(name: &str) -> bool {
    matches!(name, "opened_per_day_max" | "opened_per_run_max")
}

/// Risk with these limits, for so many orders.
///
/// # Errors
/// A capacity or a limit that is unsound; names it.
pub fn risk(limits: Limits, orders: u32) -> Result<Risk, SetupError> {
    let setup = Setup {
        mode: MODE,
        account: ACCOUNT,
        limits,
        capacity: Capacity {
            contracts_max: 8,
            underlyings_max: 8,
            strategies_max: 16,
            orders_max: (2 * orders).next_power_of_two(),
            executions_max: 1_024,
        },
    };
    Risk::new(&setup, &Kept::first(1, EQUITY))
}

/// A future with the terms of an E-mini, which never expires.
#[must_use]
pub fn future(key: BookKey, asset: &[u8], ts_recv: Nanos) -> Definition {
    Definition {
        key,
        ts_recv,
        class: InstrumentClass::Future,
        update_action: b'A',
        strike: Price::UNDEFINED,
        expiration: FAR,
        activation: Nanos(0),
        tick: Price(Price::PER_POINT / 4),
        unit_qty: Price(50 * Price::PER_POINT),
        underlying_id: InstrumentId(0),
        asset: Text::from_bytes(asset),
        currency: Text::from_bytes(b"USD"),
    }
}

/// To buy one contract at the bid, now or not at all. Each has a signal of its own.
#[must_use]
pub fn intent(contract: BookKey, touch: &Touch, now: Nanos, nth: u64) -> Intent {
    Intent {
        contract,
        side: Side::Bid,
        quantity: 1,
        price: touch.bid,
        style: Style::Limit,
        tif: Tif::Ioc,
        purpose: Purpose::Open,
        confidence: Confidence::MAX,
        signal_id: SignalId(nth + 1),
        strategy: ASKING,
        ts_event: now,
        reference: Quote {
            bid: touch.bid,
            ask: touch.ask,
        },
        stop: Price(touch.bid.0 / 2),
        data_cost: Money::ZERO,
        good_for_ns: 0,
    }
}

/// What the trader is built from: one product with these rules.
#[must_use]
pub fn settings(asset: &[u8], rules: Box<[RuleSet]>, instruments_max: usize) -> Settings {
    Settings {
        instruments_max,
        products: Box::new([Product {
            asset: Text::from_bytes(asset),
            option_tick: None,
            rules,
        }]),
        options_max: 64,
        holdings_max: 8,
        claims_max: 64,
        worker: 1,
        mode: MODE,
        account: ACCOUNT,
        rate: 0.04,
        search: |_| None,
        future_margin: Money::from_usd(1),
        buying_power_ppm: 1_000_000,
        costs: [Money::ZERO; 2],
    }
}

/// Tells risk everything that an entry in this contract, which it has taken on, needs to be known.
pub fn tell(risk: &mut Risk, contract: &Contract, touch: &Touch, now: Nanos) {
    let always = Some(Span {
        from: Nanos(0),
        until: Nanos::UNDEFINED,
    });
    for context in [
        Context::Venue(Some((MODE, ACCOUNT))),
        Context::Session(always),
        Context::Window(ASKING, always),
        Context::Account(Account {
            available: EQUITY,
            buying_power: EQUITY,
            as_of: now,
        }),
        Context::Margin(contract.key, Money::from_usd(1), now),
        Context::Volume(contract.key, u32::MAX),
        Context::Reference(contract.key, touch.bid, now),
        Context::Volatility(0, now),
        Context::ValueAtRisk(ValueAtRisk {
            loss: Money::ZERO,
            days: u32::MAX,
            as_of: now,
        }),
        Context::Costs(Costs {
            day: Money::ZERO,
            month: Money::ZERO,
            as_of: now,
        }),
    ] {
        risk.on_context(&context, now);
    }
    let mut update = BookUpdate {
        touch: *touch,
        trust: Trust::Good,
        ..BookUpdate::default()
    };
    update.mbo.instrument_id = contract.key.instrument_id;
    update.mbo.publisher_id = contract.key.publisher_id;
    update.mbo.ts_event = now;
    risk.observe(&update);
}
