//! The desk.

use super::super::*;
use crate::contract::{ContractKind, Multiplier, PriceSign, TickRule};
use crate::event::{Depth, Effect, RecordHeader, Touch, Trust};
use crate::order::{Confidence, Purpose, Quote, SignalId, Style, Tif, VenueOrderId};
use crate::types::{Action, Flags, InstrumentId, OrderId, PublisherId, Text};

pub(super) const CENT: i64 = Price::PER_POINT / 100;
pub(super) const SECOND: u64 = 1_000_000_000;

/// Where every test begins: an hour into the session.
pub(super) const START: u64 = 1_000_000 * SECOND;

pub(super) const fn key(id: u32) -> BookKey {
    BookKey {
        instrument_id: InstrumentId(id),
        publisher_id: PublisherId(1),
    }
}

/// A call on the first underlying: 100 dollars a point, a cent's tick.
pub(super) const CALL: BookKey = key(1);
/// A put on the first underlying.
pub(super) const PUT: BookKey = key(2);
/// A call on the second underlying.
pub(super) const OTHER: BookKey = key(3);
/// A future, its own underlying: 20 dollars a point, a quarter's tick.
pub(super) const FUTURE: BookKey = key(4);

const UNDERLYINGS: [InstrumentId; 3] = [InstrumentId(100), InstrumentId(200), InstrumentId(4)];

pub(super) fn price(cents: i64) -> Price {
    Price(cents * CENT)
}

/// Limits far from everything that the tests start from.
pub(super) fn limit(name: &str) -> Option<i64> {
    Some(match name {
        "last_trade_window_ns" | "answer_ns_max" => 10 * SECOND.cast_signed(),
        "data_age_ns_max" | "signal_age_ns_max" => 5 * SECOND.cast_signed(),
        "order_quantity_max" => 20,
        "collar_ppm" | "references_apart_ppm" => 100_000,
        "collar_ticks" | "references_min" => 1,
        "order_notional_max" => Money::from_usd(500_000).0,
        "position_quantity_max" => 40,
        "positions_max" | "opened_per_day_max" | "opened_per_run_max" => 50,
        "underlying_positions_max" => 20,
        "gross_notional_max"
        | "delta_max"
        | "gamma_max"
        | "vega_max"
        | "worst_loss_max"
        | "underlying_notional_max" => Money::from_usd(10_000_000).0,
        "stop_slippage_ppm" => 1_500_000,
        "position_share_ppm" | "underlying_share_ppm" | "strategy_share_ppm" => 10_000_000,
        "volume_share_ppm" => 1_000_000,
        "displayed_ppm" => 2_000_000,
        "daily_loss_ppm" => 20_000,
        "daily_loss_max" => Money::from_usd(1_000_000).0,
        "daily_shrink_ppm" => 500_000,
        "daily_gate_ppm" => 750_000,
        "loss_confirmations" => 1,
        "drawdown_ppm" => 100_000,
        "drawdown_shrink_ppm" => 80_000,
        "drawdown_tighten_ppm" => 60_000,
        "drawdown_cool_ns" => 7_200 * SECOND.cast_signed(),
        "losing_days_max" | "losing_trades_max" | "volatility_ppm" => {
            if name == "volatility_ppm" {
                3_000_000
            } else {
                3
            }
        }
        "losing_trades_cool_ns" => 1_800 * SECOND.cast_signed(),
        "volatility_cool_ns" => 900 * SECOND.cast_signed(),
        "errors_max" => 10,
        "errors_window_ns" => 300 * SECOND.cast_signed(),
        "errors_cool_ns" => 600 * SECOND.cast_signed(),
        "margin_buffer_ppm" => 1_250_000,
        "buying_power_share_ppm" => 250_000,
        "correlation_ppm" => 700_000,
        "value_at_risk_ppm" => 50_000,
        "value_at_risk_short_ppm" => 25_000,
        "value_at_risk_days_min" => 50,
        "duplicate_window_ns" => SECOND.cast_signed(),
        "messages_per_second_max" => 50,
        "cancel_reserve" => 10,
        "attempts_max" => 1_000,
        "repeats_max" => 500,
        "attempts_window_ns" | "repeats_window_ns" => 60 * SECOND.cast_signed(),
        "side_orders_max" | "unacked_max" => 20,
        "orders_max" => 30,
        "signal_cost_max" => Money::from_usd(5).0,
        "day_cost_max" => Money::from_usd(8).0,
        "month_cost_max" => Money::from_usd(200).0,
        "day_fees_max" => Money::from_usd(100).0,
        "confidence_min_ppm" => 600_000,
        name if name.ends_with("age_ns_max") => 1_000_000 * SECOND.cast_signed(),
        _ => return None,
    })
}

/// Limits with some of them changed.
pub(super) fn limits(changes: &[(&str, i64)]) -> Limits {
    Limits::read(|name| {
        let change = changes.iter().find(|(changed, _)| *changed == name);
        change.map_or_else(|| limit(name), |(_, value)| Some(*value))
    })
    .unwrap()
}

pub(super) fn setup(changes: &[(&str, i64)]) -> Setup {
    Setup {
        mode: Mode::Paper,
        account: AccountId(77),
        limits: limits(changes),
        capacity: Capacity {
            contracts_max: 8,
            underlyings_max: 4,
            strategies_max: 4,
            orders_max: 256,
            executions_max: 1_024,
        },
    }
}

/// Equity at the start.
pub(super) const EQUITY: Money = Money::from_usd(100_000);

pub(super) fn contract(key: BookKey) -> Contract {
    let (kind, multiplier, tick, underlying) = match key {
        CALL => (ContractKind::Call, 100, CENT, UNDERLYINGS[0]),
        PUT => (ContractKind::Put, 100, CENT, UNDERLYINGS[0]),
        OTHER => (ContractKind::Call, 100, CENT, UNDERLYINGS[1]),
        _ => (ContractKind::Future, 20, 25 * CENT, UNDERLYINGS[2]),
    };
    Contract {
        key,
        kind,
        multiplier: Multiplier::new(multiplier * Price::PER_POINT).unwrap(),
        tick: TickRule::Flat(Price(tick)),
        sign: PriceSign::Positive,
        expiry: Nanos(START + 3_600 * SECOND),
        currency: Text::from_bytes(b"USD"),
        underlying,
    }
}

/// Risk with everything told, and the time.
pub(super) struct Desk {
    pub(super) risk: Risk,
    pub(super) now: Nanos,
    executions: u64,
}

impl Desk {
    /// A desk that lets the plain intent pass, with some limits changed.
    pub(super) fn with(changes: &[(&str, i64)]) -> Self {
        Self::after(changes, &Kept::first(1, EQUITY))
    }

    /// The same after an earlier run.
    pub(super) fn after(changes: &[(&str, i64)], kept: &Kept) -> Self {
        let mut desk = Self::bare(changes, kept);
        for book in [CALL, PUT, OTHER] {
            desk.quote(book, 200, 210);
        }
        desk.quote(FUTURE, 1_000_000, 1_000_100);
        for book in [CALL, PUT, OTHER, FUTURE] {
            desk.risk.reconcile(book, BrokerView::Held(0));
        }
        desk
    }

    /// Contracts and context, but no market yet and no broker's word.
    pub(super) fn bare(changes: &[(&str, i64)], kept: &Kept) -> Self {
        let mut desk = Self {
            risk: Risk::new(&setup(changes), kept).unwrap(),
            now: Nanos(START),
            executions: 0,
        };
        for book in [CALL, PUT, OTHER, FUTURE] {
            desk.risk.register(&contract(book)).unwrap();
        }
        let now = desk.now;
        let whole = Some(Span {
            from: Nanos(START - 3_600 * SECOND),
            until: Nanos(START + 3_600 * SECOND),
        });
        desk.tell(Context::Venue(Some((Mode::Paper, AccountId(77)))));
        desk.tell(Context::Session(whole));
        desk.tell(Context::Window(StrategyId(0), whole));
        desk.tell(Context::Account(Account {
            available: Money::from_usd(10_000_000),
            buying_power: Money::from_usd(10_000_000),
            as_of: now,
        }));
        desk.tell(Context::Margin(FUTURE, Money::from_usd(20_000), now));
        for book in [CALL, PUT, OTHER] {
            let sign = if book == PUT { -1 } else { 1 };
            let greeks = Greeks {
                delta: Money::from_usd(1_000).times(sign),
                gamma: Money::from_usd(100),
                vega: Money::from_usd(10),
                as_of: now,
            };
            desk.tell(Context::Greeks(book, greeks));
        }
        for book in [CALL, PUT, OTHER, FUTURE] {
            desk.tell(Context::Volume(book, 10_000));
        }
        for (one, other) in [(0, 1), (0, 2), (1, 2)] {
            let (one, other) = (UNDERLYINGS[one], UNDERLYINGS[other]);
            desk.tell(Context::Correlation(one, other, 0, now));
        }
        desk.tell(Context::ValueAtRisk(ValueAtRisk {
            loss: Money::ZERO,
            days: 50,
            as_of: now,
        }));
        desk.tell(Context::Volatility(0, now));
        desk.tell(Context::Costs(Costs {
            day: Money::ZERO,
            month: Money::ZERO,
            as_of: now,
        }));
        desk
    }

    pub(super) fn tell(&mut self, context: Context) {
        self.risk.on_context(&context, self.now);
    }

    pub(super) fn pass(&mut self, ns: u64) {
        self.now.0 += ns;
    }

    /// Correlation of the first underlying with the second, in millionths.
    pub(super) fn correlate(&mut self, ppm: i32) {
        let now = self.now;
        self.tell(Context::Correlation(
            UNDERLYINGS[0],
            UNDERLYINGS[1],
            ppm,
            now,
        ));
    }

    /// A good two-sided quote of 100 by 100, in cents.
    pub(super) fn quote(&mut self, book: BookKey, bid: i64, ask: i64) {
        let update = update(book, self.now, price(bid), price(ask), Trust::Good);
        self.risk.observe(&update);
    }

    pub(super) fn consider(&mut self, intent: &Intent) -> Option<Refusal> {
        let before = *self.risk.counters();
        let result = self.risk.consider(intent, self.now);
        let after = self.risk.counters();
        assert!(after.is_conserved());
        assert_eq!(after.considered, before.considered + 1);
        assert_eq!(self.risk.verdict().refusal(), result.err());
        if let Err(refusal) = result {
            let at = refusal as usize;
            assert_eq!(after.refused[at], before.refused[at] + 1, "it is counted");
        }
        result.err()
    }

    /// Makes an order that must pass.
    pub(super) fn order(&mut self, intent: &Intent) -> Order {
        match self.risk.consider(intent, self.now) {
            Ok(order) => order,
            Err(refusal) => panic!("{refusal:?}\n{}", self.risk.verdict()),
        }
    }

    pub(super) fn report(&mut self, order: &Order, kind: ReportKind) -> Reported {
        let report = ExecReport {
            id: order.id(),
            contract: order.intent().contract,
            ts_event: self.now,
            kind,
        };
        self.risk.on_report(&report, self.now).unwrap()
    }

    /// The venue acknowledges it.
    pub(super) fn ack(&mut self, order: &Order) {
        self.report(order, ReportKind::Sent);
        self.report(order, ReportKind::Acked(VenueOrderId(order.id().0)));
        self.report(order, ReportKind::Working);
    }

    /// A part of it is executed, without a fee.
    pub(super) fn fill(&mut self, order: &Order, quantity: u32, cents: i64) -> Reported {
        let intent = order.intent();
        let execution = self.execution(intent.side, quantity, cents, Money::ZERO);
        self.report(order, ReportKind::Executed(execution))
    }

    pub(super) fn execution(
        &mut self,
        side: Side,
        quantity: u32,
        cents: i64,
        fee: Money,
    ) -> Execution {
        self.executions += 1;
        Execution {
            id: ExecutionId {
                base: self.executions,
                revision: 0,
            },
            side,
            quantity,
            price: price(cents),
            fee: Some(fee),
        }
    }

    /// Holds so many of a contract, filled at a price and agreed with the broker.
    pub(super) fn hold(&mut self, book: BookKey, side: Side, quantity: u32, cents: i64) {
        let execution = self.execution(side, quantity, cents, Money::ZERO);
        let report = ExecReport {
            id: ClientOrderId(0),
            contract: book,
            ts_event: self.now,
            kind: ReportKind::Executed(execution),
        };
        self.risk.on_report(&report, self.now).unwrap();
        let held = self.risk.line(book).unwrap().position.quantity();
        self.risk.reconcile(book, BrokerView::Held(held));
    }

    /// Refuses this intent for this reason, and passes that one.
    #[track_caller]
    pub(super) fn border(&mut self, check: Refusal, beyond: &Intent, at: &Intent) {
        assert_eq!(
            self.consider(beyond),
            Some(check),
            "{}",
            self.risk.verdict()
        );
        let status = self.risk.verdict().of(check).status;
        assert!(status.blocks());
        assert_eq!(self.consider(at), None, "{}", self.risk.verdict());
        assert!(self.risk.verdict().of(check).headroom >= 0);
    }
}

/// An update of a book.
pub(super) fn update(
    book: BookKey,
    now: Nanos,
    bid: Price,
    ask: Price,
    trust: Trust,
) -> BookUpdate {
    BookUpdate {
        mbo: crate::event::Mbo {
            header: RecordHeader::UNSET,
            ts_event: now,
            ts_recv: now,
            order_id: OrderId(1),
            price: bid,
            size: 1,
            sequence: 1,
            ts_in_delta: 0,
            instrument_id: book.instrument_id,
            publisher_id: book.publisher_id,
            flags: Flags::LAST,
            action: Action::Add,
            side: Side::Bid,
            channel_id: 0,
        },
        touch: Touch {
            bid,
            ask,
            bid_size: 100,
            ask_size: 100,
            bid_count: 1,
            ask_count: 1,
        },
        depth: Depth::default(),
        level_size: 100,
        level_count: 1,
        book_idx: 0,
        effect: Effect::Added,
        trust,
        touch_changed: true,
    }
}

/// Buys two calls at the middle, from a fresh and sure signal.
pub(super) fn plain() -> Intent {
    Intent {
        contract: CALL,
        side: Side::Bid,
        quantity: 2,
        price: price(205),
        style: Style::Limit,
        tif: Tif::Day,
        purpose: Purpose::Open,
        confidence: Confidence::from_points(80).unwrap(),
        signal_id: SignalId(1),
        strategy: StrategyId(0),
        ts_event: Nanos(START),
        reference: Quote {
            bid: price(200),
            ask: price(210),
        },
        stop: Price::UNDEFINED,
        data_cost: Money::ZERO,
        good_for_ns: 0,
    }
}

/// Sells calls at the middle to reduce, from no signal worth the name.
pub(super) fn exit(quantity: u32) -> Intent {
    Intent {
        side: Side::Ask,
        quantity,
        purpose: Purpose::Reduce,
        confidence: Confidence::from_points(0).unwrap(),
        signal_id: SignalId(0),
        strategy: StrategyId(3),
        ts_event: Nanos(0),
        reference: Quote::NONE,
        ..plain()
    }
}

/// The plain intent from another signal.
pub(super) fn signal(id: u64) -> Intent {
    Intent {
        signal_id: SignalId(id),
        ..plain()
    }
}
