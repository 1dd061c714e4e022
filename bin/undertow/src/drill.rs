//! The kill drill: how long from the operator's word until the gate is shut and every cancel is
//! with the gateway, on this machine.
//!
//! The real desk (books, flow, trader) and the real paper venue stand in the middle of a simulated
//! session with so many live orders. Once the venue answers, once it is disconnected and says
//! nothing any more; each time the kill comes twice. Times are wall time of this thread.
//!
//! Absent: the way of the operator's word to the desk, and a broker's line.

use anyhow::{Result, anyhow, ensure};
use bumpalo::Bump;
use undertow_core::book::{BookLimits, Books};
use undertow_core::contract::{Contract, PriceSign};
use undertow_core::event::{
    Body, BookUpdate, Control, InstrumentClass, Market, Operator, Touch, Trust,
};
use undertow_core::gateway::Gateway;
use undertow_core::money::Money;
use undertow_core::order::{
    Confidence, ExecReport, Intent, OrderState, Purpose, Quote, SignalId, StrategyId, Style, Tif,
};
use undertow_core::position::BrokerView;
use undertow_core::risk::{
    Account, AccountId, Capacity, Command, Context, Costs, Gate, Kept, Limits, Mode, Risk, Setup,
    Span, Tighter, Unit, ValueAtRisk,
};
use undertow_core::stage::{Emit, Stage};
use undertow_core::types::{BookKey, Nanos, Price, Side, Text};
use undertow_core::venue::{self, Latency, PaperVenue};
use undertow_feeds::replay::Replay;
use undertow_feeds::synthetic::{SessionConfig, Truth, write_session};
use undertow_strategies::decide::rules::{RuleSet, Strategy};
use undertow_strategies::flow::{Flow, FlowOutput, FlowParameters};
use undertow_strategies::ifd::baseline::Table;
use undertow_strategies::trade::Trader;
use undertow_strategies::trade::event::TradeEvent;
use undertow_strategies::trade::settings::{Product, Settings};
use undertow_strategies::trade::stage::Desk;

use crate::clock::TileClock;

/// The bar of a kill: 10 ms.
pub const BAR_NS: u64 = 10_000_000;

/// Records of the session in which the drill takes place.
const MESSAGES: u64 = 20_000;
/// Messages that are seen before the orders are made, in hundredths of all.
const BEFORE_PCT: usize = 40;
/// Messages that are seen while the orders come to rest, in hundredths of all.
const RESTING_PCT: usize = 60;
/// Orders lie so many ticks and more below the best bid: nothing trades with them.
const TICKS_BELOW: u32 = 400;

const INSTRUMENTS_MAX: usize = 64;
const ACCOUNT: AccountId = AccountId(1);
const MODE: Mode = Mode::Backtest;
const EQUITY: Money = Money::from_usd(1_000_000_000);

/// What one kill took, and what it did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kill {
    /// Until the halt was said, ns.
    pub halted_ns: u64,
    /// Until the last cancel was with the gateway, ns.
    pub cancelled_ns: u64,
    /// Cancels that were handed over.
    pub cancels: u32,
    /// Cancels of a second kill.
    pub cancels_again: u32,
    /// Orders that the venue has confirmed as gone, or of which nothing is known, at the end.
    pub settled: u32,
}

/// Whether the venue answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    /// It does.
    Connected,
    /// The line is down: nothing is known of any order, and nobody answers.
    Disconnected,
}

/// A session in which kills take place.
#[derive(Debug)]
pub struct Drill {
    session: Vec<Body<Market>>,
    orders: u32,
}

impl Drill {
    /// A session and the number of live orders, 1 to 4096.
    ///
    /// # Errors
    /// The session cannot be simulated.
    pub fn new(orders: u32) -> Result<Self> {
        let config = SessionConfig {
            messages: MESSAGES,
            expiries: 0,
            minutes: 30,
            ..SessionConfig::demo()
        };
        let mut bytes = Vec::new();
        write_session(&config, &mut bytes, &mut Truth::default())?;
        let mut feed = Replay::new([bytes.as_slice()]);
        ensure!(feed.read_headers(), "the simulated session has no header");
        let session = std::iter::from_fn(|| feed.pop().map(|msg| msg.body)).collect();
        Ok(Self { session, orders })
    }

    /// One kill among live orders, and a second one.
    ///
    /// # Errors
    /// The orders could not be made.
    pub fn kill(&self, line: Line) -> Result<Kill> {
        let limits = BookLimits {
            instruments_max: INSTRUMENTS_MAX as u32,
            orders_max: 1 << 16,
            book_orders_max: 1 << 16,
            pages_max: 4096,
            watches_depth: true,
            ..BookLimits::default()
        };
        let arena = Bump::with_capacity(limits.bytes());
        let mut field = Field::new(Books::new_in(&arena, &limits)?, self.orders)?;
        let at = |pct: usize| self.session.len() * pct / 100;
        for body in &self.session[..at(BEFORE_PCT)] {
            field.step(body);
        }
        field.place(self.orders)?;
        for body in &self.session[at(BEFORE_PCT)..at(RESTING_PCT)] {
            field.step(body);
        }
        let rest = &self.session[at(RESTING_PCT)..];
        match line {
            Line::Connected => {
                let venue = field.venue;
                kill(
                    (field.books, field.risk, venue),
                    rest,
                    OrderState::Cancelled,
                )
            }
            Line::Disconnected => {
                field.risk.on_disconnect(field.now);
                kill((field.books, field.risk, Deaf), rest, OrderState::Unknown)
            }
        }
    }
}

/// Books, risk and venue before the trader takes them over.
struct Field<'a> {
    books: Books<'a>,
    risk: Risk,
    venue: PaperVenue,
    now: Nanos,
    contract: Option<Contract>,
    touch: Touch,
}

impl<'a> Field<'a> {
    fn new(books: Books<'a>, orders: u32) -> Result<Self> {
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
            touch: Touch::EMPTY,
        })
    }

    fn step(&mut self, body: &Body<Market>) {
        match body {
            Body::Control(control) => {
                self.books.control(control);
                self.venue.on_control(control);
                if let Control::Definition(definition) = control
                    && definition.class == InstrumentClass::Future
                    && self.contract.is_none()
                {
                    let contract = Contract::from_definition(definition, None, PriceSign::Positive);
                    self.contract = contract.ok();
                }
            }
            Body::Data(market) => {
                let Some(update) = self.books.apply(market).copied() else {
                    return;
                };
                self.observe(&update);
            }
        }
    }

    fn observe(&mut self, update: &BookUpdate) {
        self.now = self.now.max(update.mbo.ts_event);
        let key = update.mbo.key();
        let is_its = self.contract.is_some_and(|contract| contract.key == key);
        if is_its && update.trust == Trust::Good {
            self.touch = update.touch;
        }
        self.risk.observe(update);
        let (risk, now) = (&mut self.risk, self.now);
        self.venue.observe(&self.books, update, &mut |report| {
            risk.on_report(report, now);
        });
    }

    /// Makes the orders, and sends them.
    fn place(&mut self, orders: u32) -> Result<()> {
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
        for nth in 0..orders {
            let below = i32::try_from(TICKS_BELOW + nth)?;
            let price = contract.tick.away(self.touch.bid, -below);
            let intent = self.intent(contract.key, price, nth);
            let order = self.risk.consider(&intent, self.now);
            let order = order.map_err(|refusal| {
                anyhow!("order {nth}: {}\n{}", refusal.name(), self.risk.verdict())
            })?;
            self.venue.send(&Command::Place(order), self.now);
        }
        Ok(())
    }

    fn intent(&self, contract: BookKey, price: Price, nth: u32) -> Intent {
        Intent {
            contract,
            side: Side::Bid,
            quantity: 1,
            price,
            style: Style::Limit,
            tif: Tif::Day,
            purpose: Purpose::Open,
            confidence: Confidence::MAX,
            signal_id: SignalId(u64::from(nth) + 1),
            strategy: StrategyId(0),
            ts_event: self.now,
            reference: Quote {
                bid: self.touch.bid,
                ask: self.touch.ask,
            },
            stop: Price(price.0 / 2),
            data_cost: Money::ZERO,
            good_for_ns: 0,
        }
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
            Context::Window(StrategyId(0), always),
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

/// Limits that let so many orders through: the drill is not about them.
fn wide(orders: u32) -> Result<Limits> {
    let limits = Limits::read(|name| {
        let field = Limits::FIELDS.iter().find(|field| field.name == name)?;
        let is_share = name.starts_with("daily_") || name.starts_with("drawdown");
        Some(match (field.tighter, field.unit) {
            _ if name == "messages_per_second_max" => i64::from(orders) + 2,
            _ if name == "answer_ns_max" => 1_000_000_000_000,
            (Tighter::Up, _) => field.least,
            (_, Unit::Ppm) if is_share => 1_000_000,
            (_, Unit::Ppm) => 1_000_000_000,
            (_, Unit::Money) => 1_000_000_000_000_000,
            (_, Unit::Ns) => 1_000_000_000_000_000,
            _ => i64::from(2 * orders + 8),
        })
    });
    limits.map_err(|error| anyhow!("{error}"))
}

/// Kills, kills again, lets the rest of the session pass, and counts.
fn kill<G: Gateway>(
    (books, risk, gateway): (Books<'_>, Risk, G),
    rest: &[Body<Market>],
    settled: OrderState,
) -> Result<Kill> {
    let clock = TileClock::new();
    let orders: Vec<_> = risk
        .lines()
        .flat_map(|line| risk.open_orders(line.contract.key))
        .map(|track| track.order.id())
        .collect();
    let gateway = Watched {
        inner: gateway,
        clock: TileClock::new(),
        cancels: 0,
        last_ns: 0,
    };
    let trader =
        Trader::new(settings(), risk, gateway).map_err(|(_, invalid)| anyhow!("{invalid}"))?;
    let flow = Flow::with(INSTRUMENTS_MAX, FlowParameters::default(), Table::default());
    let mut desk = Desk {
        books,
        flow,
        trader,
        laps: (),
    };
    let word = Control::Operator(Operator::Kill);
    let mut heard = Heard {
        clock: &clock,
        halted_ns: 0,
    };
    let start_ns = clock.read();
    desk.on_control(&word, &mut heard);
    let halted_ns = heard.halted_ns.saturating_sub(start_ns);
    ensure!(
        desk.trader.risk().halted().gate == Gate::Shut,
        "the gate stands open"
    );
    ensure!(heard.halted_ns > 0, "the halt was not said");
    let gateway = desk.trader.gateway();
    let (cancels, last_ns) = (gateway.cancels, gateway.last_ns);
    desk.on_control(&word, &mut heard);
    let cancels_again = desk.trader.gateway().cancels - cancels;
    for body in rest {
        match body {
            Body::Data(market) => desk.on_data(market, &mut heard),
            Body::Control(control) => desk.on_control(control, &mut heard),
        }
    }
    let risk = desk.trader.risk();
    let is_settled = |id: &_| risk.order(*id).is_some_and(|it| it.life.state() == settled);
    let settled = orders.iter().filter(|id| is_settled(id)).count();
    Ok(Kill {
        halted_ns,
        cancelled_ns: last_ns.saturating_sub(start_ns),
        cancels,
        cancels_again,
        settled: u32::try_from(settled).unwrap_or(u32::MAX),
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

/// Notes when the halt is said.
struct Heard<'c> {
    clock: &'c TileClock,
    halted_ns: u64,
}

impl Emit<FlowOutput> for Heard<'_> {
    fn emit(&mut self, output: &FlowOutput) {
        if self.halted_ns == 0 && matches!(output, FlowOutput::Trade(TradeEvent::Halted(_))) {
            self.halted_ns = self.clock.read();
        }
    }
}

/// Notes when the last cancel was handed over.
#[derive(Debug)]
struct Watched<G> {
    inner: G,
    clock: TileClock,
    cancels: u32,
    last_ns: u64,
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
        if matches!(command, Command::Cancel(_)) {
            self.cancels += 1;
            self.last_ns = self.clock.read();
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

/// A line that is down: takes everything, answers nothing.
#[derive(Debug)]
struct Deaf;

impl Gateway for Deaf {
    fn register(&mut self, _contract: &Contract) -> bool {
        true
    }

    fn begin_session(&mut self, _end: Nanos) {}

    fn send(&mut self, _command: &Command, _now: Nanos) {}

    fn observe(
        &mut self,
        _books: &Books<'_>,
        _update: &BookUpdate,
        _out: &mut impl FnMut(&ExecReport),
    ) {
    }

    fn on_control(&mut self, _control: &Control) {}

    fn on_time(&mut self, _books: &Books<'_>, _now: Nanos, _out: &mut impl FnMut(&ExecReport)) {}

    fn concerns(&self, _key: BookKey) -> bool {
        false
    }

    fn is_idle(&self) -> bool {
        true
    }

    fn due(&self) -> Nanos {
        Nanos::UNDEFINED
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn k05_a_kill_cancels_every_live_order_at_once_connected_or_not_and_twice_is_as_once() {
        for orders in [1, 50, 500] {
            let drill = Drill::new(orders).expect("a session");
            for line in [Line::Connected, Line::Disconnected] {
                let kill = drill.kill(line).expect("a kill");
                assert_eq!(kill.cancels, orders, "{line:?}");
                assert_eq!(kill.settled, orders, "{line:?}");
                assert_eq!(kill.cancels_again, 0, "{line:?}");
                assert!(kill.halted_ns > 0 && kill.cancelled_ns > 0);
            }
        }
    }
}
