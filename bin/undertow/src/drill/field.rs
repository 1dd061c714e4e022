//! Where drills take place: the real books, risk and paper venue, with limits that let everything
//! through, and the desk made of them.

use anyhow::{Result, anyhow, ensure};
use undertow_core::book::{BookLimits, Books};
use undertow_core::contract::{Contract, PriceSign};
use undertow_core::event::{
    Body, BookUpdate, Control, Definition, InstrumentClass, Mbo, Touch, Trust,
};
use undertow_core::gateway::Gateway;
use undertow_core::money::Money;
use undertow_core::order::{
    Confidence, ExecReport, Intent, Purpose, Quote, SignalId, StrategyId, Style, Tif,
};
use undertow_core::position::BrokerView;
use undertow_core::risk::{
    Account, AccountId, Capacity, Command, Context, Costs, Kept, Limits, Mode, Risk, Setup, Span,
    Tighter, Unit, ValueAtRisk,
};
use undertow_core::types::{BookKey, InstrumentId, Nanos, Price, Side, Text};
use undertow_core::venue::{self, Latency, PaperVenue};
use undertow_strategies::decide::rules::{RuleSet, Strategy};
use undertow_strategies::flow::{Flow, FlowParameters};
use undertow_strategies::ifd::baseline::Table;
use undertow_strategies::trade::Trader;
use undertow_strategies::trade::settings::{Product, Settings};
use undertow_strategies::trade::stage::Desk;

use crate::clock::TileClock;

const INSTRUMENTS_MAX: usize = 64;
const ACCOUNT: AccountId = AccountId(1);
const MODE: Mode = Mode::Backtest;
/// Who orders: the trader's one rule set is number 0, and keeps its own hours.
const OPERATOR: StrategyId = StrategyId(1);
/// Far beyond every file, 2100-01-01, and a time that the checks accept.
const FAR: Nanos = Nanos(4_102_444_800_000_000_000);
const EQUITY: Money = Money::from_usd(100_000_000);

/// Orders lie so many ticks and more below the best bid: nothing trades with them.
const TICKS_BELOW: u32 = 400;

/// Books, risk and venue before the trader takes them over.
pub(super) struct Field<'a> {
    pub(super) books: Books<'a>,
    pub(super) risk: Risk,
    pub(super) venue: PaperVenue,
    pub(super) now: Nanos,
    pub(super) contract: Option<Contract>,
    /// The place of its book.
    pub(super) book_idx: u32,
    touch: Touch,
}

/// Limits of the books.
pub(super) fn book_limits(orders_max: u32) -> BookLimits {
    BookLimits {
        instruments_max: INSTRUMENTS_MAX as u32,
        orders_max,
        book_orders_max: orders_max,
        pages_max: 4096,
        watches_depth: true,
        ..BookLimits::default()
    }
}

impl<'a> Field<'a> {
    /// An empty field with room for so many live orders.
    ///
    /// # Errors
    /// Room that risk or the venue does not have.
    pub(super) fn new(books: Books<'a>, orders: u32) -> Result<Self> {
        let setup = Setup {
            mode: MODE,
            account: ACCOUNT,
            limits: wide(orders)?,
            capacity: Capacity {
                contracts_max: 8,
                underlyings_max: 8,
                strategies_max: 8,
                orders_max: (2 * orders).next_power_of_two(),
                executions_max: 1_024,
            },
        };
        let risk = Risk::new(&setup, &Kept::first(1, EQUITY));
        let mut venue = venue::Setup::new(Latency::LOOPBACK, 1);
        venue.orders_max = 2 * orders;
        Ok(Self {
            books,
            risk: risk.map_err(|error| anyhow!("{error:?}"))?,
            venue: PaperVenue::new(&venue).map_err(|error| anyhow!("{error}"))?,
            now: Nanos(0),
            contract: None,
            book_idx: 0,
            touch: Touch::EMPTY,
        })
    }

    /// Takes a message before there is a desk.
    pub(super) fn step(&mut self, body: &Body<Mbo>) {
        if let Some(update) = self.books.take(body).copied() {
            return self.observe(&update);
        }
        match body {
            Body::Data(_) => {}
            Body::Control(control) => {
                self.venue.on_control(control);
                if let Control::Definition(definition) = control
                    && definition.class == InstrumentClass::Future
                    && self.contract.is_none()
                {
                    let contract = Contract::from_definition(definition, None, PriceSign::Positive);
                    self.contract = contract.ok();
                }
            }
        }
    }

    /// Trades this instrument, which nothing has defined, as if it were the E-mini S&P 500.
    pub(super) fn assume(&mut self, key: BookKey) {
        let definition = Definition {
            key,
            ts_recv: self.now,
            class: InstrumentClass::Future,
            update_action: b'A',
            strike: Price::UNDEFINED,
            expiration: FAR,
            activation: Nanos(0),
            tick: Price(Price::PER_POINT / 4),
            unit_qty: Price(50 * Price::PER_POINT),
            underlying_id: InstrumentId(0),
            asset: Text::from_bytes(b"ES"),
            currency: Text::from_bytes(b"USD"),
        };
        self.step(&Body::Control(Control::Definition(definition)));
    }

    fn observe(&mut self, update: &BookUpdate) {
        self.now = self.now.max(update.mbo.ts_event);
        let key = update.mbo.key();
        let is_its = self.contract.is_some_and(|contract| contract.key == key);
        if is_its {
            self.book_idx = update.book_idx;
        }
        if is_its && update.trust == Trust::Good {
            self.touch = update.touch;
        }
        self.risk.observe(update);
        let (risk, now) = (&mut self.risk, self.now);
        self.venue.observe(&self.books, update, &mut |report| {
            risk.on_report(report, now);
        });
    }

    /// Whether the contract has been seen with a bid and an offer.
    pub(super) const fn is_quoted(&self) -> bool {
        self.touch.is_two_sided()
    }

    /// The contract that is traded, taken on with everything that its orders need.
    ///
    /// # Errors
    /// No future is defined, or it has no quote.
    pub(super) fn open(&mut self) -> Result<Contract> {
        let contract = self
            .contract
            .ok_or_else(|| anyhow!("no future is defined"))?;
        ensure!(self.touch.is_two_sided(), "the future has no quote yet");
        self.risk
            .register(&contract)
            .map_err(|error| anyhow!("{error:?}"))?;
        ensure!(
            Gateway::register(&mut self.venue, &contract),
            "not taken on"
        );
        self.risk.reconcile(contract.key, BrokerView::Held(0));
        self.tell(&contract);
        Ok(contract)
    }

    /// Makes live orders, and sends them.
    ///
    /// # Errors
    /// Risk refuses one.
    pub(super) fn place(&mut self, orders: u32) -> Result<()> {
        let contract = self.open()?;
        for nth in 0..orders {
            let below = i32::try_from(TICKS_BELOW + nth)?;
            let price = contract.tick.away(self.touch.bid, -below);
            let intent = Intent {
                stop: Price(price.0 / 2),
                ..intent(contract.key, &self.touch, self.now, nth)
            };
            let intent = Intent { price, ..intent };
            let order = self.risk.consider(&intent, self.now);
            let order = order.map_err(|refusal| {
                anyhow!("order {nth}: {}\n{}", refusal.name(), self.risk.verdict())
            })?;
            self.venue.send(&Command::Place(order), self.now);
        }
        Ok(())
    }

    /// Everything that an entry needs to be known.
    fn tell(&mut self, contract: &Contract) {
        let now = self.now;
        let always = Some(Span {
            from: Nanos(0),
            until: Nanos::UNDEFINED,
        });
        let all = [
            Context::Venue(Some((MODE, ACCOUNT))),
            Context::Session(always),
            Context::Window(OPERATOR, always),
            Context::Account(Account {
                available: EQUITY,
                buying_power: EQUITY,
                as_of: now,
            }),
            Context::Margin(contract.key, Money::from_usd(1), now),
            Context::Volume(contract.key, u32::MAX),
            Context::Reference(contract.key, self.touch.bid, now),
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
        ];
        for context in &all {
            self.risk.on_context(context, now);
        }
        let mut update = BookUpdate {
            touch: self.touch,
            trust: Trust::Good,
            ..BookUpdate::default()
        };
        update.mbo.instrument_id = contract.key.instrument_id;
        update.mbo.publisher_id = contract.key.publisher_id;
        update.mbo.ts_event = now;
        self.risk.observe(&update);
    }
}

/// To buy one contract at the bid. Each has a signal of its own.
pub(super) fn intent(contract: BookKey, touch: &Touch, now: Nanos, nth: u32) -> Intent {
    Intent {
        contract,
        side: Side::Bid,
        quantity: 1,
        price: touch.bid,
        style: Style::Limit,
        tif: Tif::Day,
        purpose: Purpose::Open,
        confidence: Confidence::MAX,
        signal_id: SignalId(u64::from(nth) + 1),
        strategy: OPERATOR,
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

/// Limits that let so many orders through: the drill is not about them.
fn wide(orders: u32) -> Result<Limits> {
    let limits = Limits::read(|name| {
        let field = Limits::FIELDS.iter().find(|field| field.name == name)?;
        Some(match (field.tighter, field.unit) {
            _ if name == "messages_per_second_max" => i64::from(orders) + 2,
            _ if name == "answer_ns_max" => 1_000_000_000_000,
            (Tighter::Up, _) => field.least,
            // The whole, and no more: what no account has would take the arithmetic's long way.
            (_, Unit::Ppm) => 1_000_000,
            (_, Unit::Money) => 1_000_000_000_000_000,
            (_, Unit::Ns) => 1_000_000_000_000_000,
            _ => i64::from(2 * orders + 8),
        })
    });
    limits.map_err(|error| anyhow!("{error}"))
}

/// The desk made of a field: the measures and the trader join the books.
///
/// # Errors
/// Settings that the trader refuses.
pub(super) fn desk<G: Gateway>(
    (books, risk, gateway): (Books<'_>, Risk, G),
) -> Result<Desk<'_, Watched<G>>> {
    let gateway = Watched {
        inner: gateway,
        clock: TileClock::new(),
        places: 0,
        placed_ns: 0,
        cancels: 0,
        cancelled_ns: 0,
    };
    let trader =
        Trader::new(settings(), risk, gateway).map_err(|(_, invalid)| anyhow!("{invalid}"))?;
    let flow = Flow::with(INSTRUMENTS_MAX, FlowParameters::default(), Table::default());
    Ok(Desk {
        books,
        flow,
        trader,
        laps: (),
    })
}

fn settings() -> Settings {
    Settings {
        instruments_max: INSTRUMENTS_MAX,
        products: Box::new([Product {
            asset: Text::from_bytes(b"NQ"),
            option_tick: None,
            rules: Box::new([RuleSet::of(Strategy::Ifd)]),
        }]),
        options_max: 64,
        holdings_max: 8,
        claims_max: 64,
        worker: 1,
        mode: MODE,
        account: ACCOUNT,
        rate: 0.04,
        search: undertow_cold::implied_vol::search,
        future_margin: Money::from_usd(1),
        buying_power_ppm: 1_000_000,
        costs: [Money::ZERO; 2],
    }
}

/// Notes when orders and cancels were handed over.
#[derive(Debug)]
pub(super) struct Watched<G> {
    inner: G,
    clock: TileClock,
    /// Orders handed over.
    pub(super) places: u32,
    /// When the last of them was.
    pub(super) placed_ns: u64,
    /// Cancels handed over.
    pub(super) cancels: u32,
    /// When the last of them was.
    pub(super) cancelled_ns: u64,
}

impl<G: Gateway> Gateway for Watched<G> {
    fn register(&mut self, contract: &Contract) -> bool {
        self.inner.register(contract)
    }

    fn begin_session(&mut self, end: Nanos) {
        self.inner.begin_session(end);
    }

    fn send(&mut self, command: &Command, now: Nanos) {
        self.inner.send(command, now);
        match command {
            Command::Place(_) => {
                self.places += 1;
                self.placed_ns = self.clock.read();
            }
            Command::Cancel(_) => {
                self.cancels += 1;
                self.cancelled_ns = self.clock.read();
            }
        }
    }

    fn observe(
        &mut self,
        books: &Books<'_>,
        update: &BookUpdate,
        out: &mut impl FnMut(&ExecReport),
    ) {
        self.inner.observe(books, update, out);
    }

    fn on_control(&mut self, control: &Control) {
        self.inner.on_control(control);
    }

    fn on_time(&mut self, books: &Books<'_>, now: Nanos, out: &mut impl FnMut(&ExecReport)) {
        self.inner.on_time(books, now, out);
    }

    fn concerns(&self, key: BookKey) -> bool {
        self.inner.concerns(key)
    }

    fn is_idle(&self) -> bool {
        self.inner.is_idle()
    }

    fn due(&self) -> Nanos {
        self.inner.due()
    }
}
