//! Orders for tests. Risk alone makes orders, so each comes from a risk engine of its own that
//! is told whatever lets it pass.

use undertow_core::contract::{Contract, ContractKind, Multiplier, PriceSign, TickRule};
use undertow_core::event::{BookUpdate, Effect, Mbo, Touch, Trust};
use undertow_core::money::Money;
use undertow_core::order::{
    ClientOrderId, Confidence, Intent, Purpose, Quote, SignalId, StrategyId, Style, Tif,
};
use undertow_core::position::BrokerView;
use undertow_core::risk::{
    Account, AccountId, Cancel, Capacity, Context, Costs, Greeks, Kept, Limits, Mode, Order, Risk,
    Setup, Span, ValueAtRisk,
};
use undertow_core::types::{
    Action, BookKey, Flags, InstrumentId, Nanos, Price, PublisherId, Side, Text,
};

/// The tick of all that is traded here: a quarter.
pub const TICK: i64 = 250_000_000;

/// A future whose book has this key.
pub fn contract(key: BookKey) -> Contract {
    Contract {
        key,
        kind: ContractKind::Future,
        multiplier: Multiplier::new(50 * Price::PER_POINT).unwrap(),
        tick: TickRule::Flat(Price(TICK)),
        sign: PriceSign::Positive,
        expiry: Nanos(u64::MAX - 1),
        currency: Text::from_bytes(b"USD"),
        underlying: InstrumentId(1),
    }
}

/// The instrument of the synthetic streams, and of the real one.
pub const KEY: BookKey = BookKey {
    instrument_id: InstrumentId(17_077),
    publisher_id: PublisherId(1),
};

/// Makes orders with ids from 1 on.
#[derive(Debug, Default)]
pub struct Mint {
    orders: u64,
}

impl Mint {
    /// A day order or an IOC, and the cancel for it. Sizes up to 1000.
    pub fn make(
        &mut self,
        (side, price, quantity): (Side, Price, u32),
        tif: Tif,
        now: Nanos,
    ) -> (Order, Cancel) {
        self.orders += 1;
        let mut risk = Risk::new(&setup(), &Kept::first(1, usd())).unwrap();
        risk.raise_next_id(ClientOrderId(self.orders));
        risk.register(&contract(KEY)).unwrap();
        tell(&mut risk, now);
        let beside = match side {
            Side::Bid => (price, Price(price.0 + TICK)),
            _ => (Price(price.0 - TICK), price),
        };
        risk.observe(&quote(beside, now));
        risk.reconcile(KEY, BrokerView::Held(0));
        let intent = Intent {
            contract: KEY,
            side,
            quantity,
            price,
            style: Style::Limit,
            tif,
            purpose: Purpose::Open,
            confidence: Confidence::from_points(80).unwrap(),
            signal_id: SignalId(self.orders),
            strategy: StrategyId(0),
            ts_event: now,
            reference: Quote {
                bid: beside.0,
                ask: beside.1,
            },
            stop: match side {
                Side::Bid => Price(price.0 - TICK),
                _ => Price(price.0 + TICK),
            },
            data_cost: Money::ZERO,
            good_for_ns: 0,
        };
        let Ok(order) = risk.consider(&intent, now) else {
            panic!("{}", risk.verdict());
        };
        let cancel = risk.cancel(order.id(), now).unwrap();
        (order, cancel)
    }
}

const fn usd() -> Money {
    Money::from_usd(1_000_000_000_000)
}

fn setup() -> Setup {
    let second = 1_000_000_000;
    let limits = Limits::read(|name| {
        Some(match name {
            "order_quantity_max" => 1_000,
            "position_quantity_max" => 2_000,
            "references_min" | "collar_ticks" | "loss_confirmations" => 1,
            "drawdown_tighten_ppm" => 60_000,
            "drawdown_shrink_ppm" | "daily_shrink_ppm" => 80_000,
            "drawdown_ppm" | "daily_gate_ppm" => 100_000,
            "cancel_reserve" => 1,
            "value_at_risk_days_min" => 50,
            "confidence_min_ppm" => 600_000,
            "duplicate_window_ns" | "last_trade_window_ns" => second,
            "position_share_ppm" | "underlying_share_ppm" | "strategy_share_ppm" => 10_000_000,
            name if name.ends_with("_ppm") => 1_000_000,
            name if name.ends_with("_ns_max") || name.ends_with("_ns") => 1_000 * second,
            name if is_money(name) => usd().0,
            _ => 1_000,
        })
    });
    Setup {
        mode: Mode::Paper,
        account: AccountId(1),
        limits: limits.unwrap(),
        capacity: Capacity {
            contracts_max: 1,
            underlyings_max: 1,
            strategies_max: 1,
            orders_max: 1,
            executions_max: 1,
        },
    }
}

fn is_money(name: &str) -> bool {
    let field = Limits::FIELDS.iter().find(|field| field.name == name);
    field.is_some_and(|field| field.unit == undertow_core::risk::Unit::Money)
}

fn tell(risk: &mut Risk, now: Nanos) {
    let always = Some(Span {
        from: Nanos(1),
        until: Nanos(u64::MAX - 1),
    });
    let known = [
        Context::Venue(Some((Mode::Paper, AccountId(1)))),
        Context::Session(always),
        Context::Window(StrategyId(0), always),
        Context::Account(Account {
            available: usd(),
            buying_power: usd(),
            as_of: now,
        }),
        Context::Margin(KEY, Money::from_usd(1), now),
        Context::Greeks(
            KEY,
            Greeks {
                delta: Money::ZERO,
                gamma: Money::ZERO,
                vega: Money::ZERO,
                as_of: now,
            },
        ),
        Context::Volume(KEY, 1_000_000_000),
        Context::ValueAtRisk(ValueAtRisk {
            loss: Money::ZERO,
            days: 50,
            as_of: now,
        }),
        Context::Volatility(0, now),
        Context::Costs(Costs {
            day: Money::ZERO,
            month: Money::ZERO,
            as_of: now,
        }),
    ];
    for context in known {
        risk.on_context(&context, now);
    }
}

fn quote((bid, ask): (Price, Price), now: Nanos) -> BookUpdate {
    BookUpdate {
        mbo: Mbo {
            ts_event: now,
            ts_recv: now,
            instrument_id: KEY.instrument_id,
            publisher_id: KEY.publisher_id,
            flags: Flags::LAST,
            action: Action::None,
            ..Mbo::default()
        },
        touch: Touch {
            bid,
            ask,
            bid_size: 1_000_000,
            ask_size: 1_000_000,
            bid_count: 1,
            ask_count: 1,
        },
        effect: Effect::None,
        trust: Trust::Good,
        ..BookUpdate::default()
    }
}
