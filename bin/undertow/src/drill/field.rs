//! Where drills take place: the real books, risk and paper venue, with limits that let everything
//! through, and the desk made of them.

use anyhow::{Result, anyhow, ensure};
use undertow_core::book::{BookLimits, Books};
use undertow_core::contract::{Contract, PriceSign};
use undertow_core::event::{Body, BookUpdate, Control, InstrumentClass, Mbo, Touch, Trust};
use undertow_core::gateway::Gateway;
use undertow_core::order::{ExecReport, Intent, Tif};
use undertow_core::position::BrokerView;
use undertow_core::risk::{Command, Risk};
use undertow_core::types::{BookKey, Nanos, Price};
use undertow_core::venue::{self, Latency, PaperVenue};
use undertow_strategies::decide::rules::{RuleSet, Strategy};
use undertow_strategies::flow::Flow;
use undertow_strategies::trade::stage::Desk;
use undertow_strategies::trade::{Trader, unbound};

use crate::clock::TileClock;

const INSTRUMENTS_MAX: usize = 64;

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
        let limits = unbound::limits(orders).map_err(|error| anyhow!("{error}"))?;
        let risk = unbound::risk(limits, orders);
        Ok(Self {
            books,
            risk: risk.map_err(|error| anyhow!("{error:?}"))?,
            venue: venue(orders)?,
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
        let definition = unbound::future(key, b"ES", self.now);
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
        unbound::tell(&mut self.risk, &contract, &self.touch, self.now);
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
                price,
                tif: Tif::Day,
                stop: Price(price.0 / 2),
                ..unbound::intent(contract.key, &self.touch, self.now, u64::from(nth))
            };
            let order = self.risk.consider(&intent, self.now);
            let order = order.map_err(|refusal| {
                anyhow!("order {nth}: {}\n{}", refusal.name(), self.risk.verdict())
            })?;
            self.venue.send(&Command::Place(order), self.now);
        }
        Ok(())
    }
}

/// A paper venue for so many live orders.
///
/// # Errors
/// Room that it does not have.
pub(super) fn venue(orders: u32) -> Result<PaperVenue> {
    let mut setup = venue::Setup::new(Latency::LOOPBACK, 1);
    setup.orders_max = 2 * orders;
    PaperVenue::new(&setup).map_err(|error| anyhow!("{error}"))
}

/// The desk made of a field: the measures and the trader join the books.
///
/// # Errors
/// Settings that the trader refuses.
pub(super) fn desk<G: Gateway>(
    (books, risk, gateway): (Books<'_>, Risk, G),
) -> Result<Desk<'_, Watched<G>>> {
    let gateway = Watched::new(gateway);
    let rules = Box::new([RuleSet::of(Strategy::Ifd)]);
    let settings = unbound::settings(b"NQ", rules, INSTRUMENTS_MAX);
    let trader =
        Trader::new(settings, risk, gateway).map_err(|(_, invalid)| anyhow!("{invalid}"))?;
    Ok(Desk::new(books, Flow::new(INSTRUMENTS_MAX), trader))
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

impl<G> Watched<G> {
    pub(super) fn new(inner: G) -> Self {
        Self {
            inner,
            clock: TileClock::new(),
            places: 0,
            placed_ns: 0,
            cancels: 0,
            cancelled_ns: 0,
        }
    }
}

impl<G: Gateway> Gateway for Watched<G> {
    fn register(&mut self, contract: &Contract) -> bool {
        self.inner.register(contract)
    }

    fn begin_session(&mut self, end: Nanos) {
        self.inner.begin_session(end);
    }

    fn send(&mut self, command: &Command, now: Nanos) {
        // What a venue does with an order is its own affair; a cancel has left when it is known there.
        if let Command::Place(_) = command {
            self.places += 1;
            self.placed_ns = self.clock.read();
        }
        self.inner.send(command, now);
        if let Command::Cancel(_) = command {
            self.cancels += 1;
            self.cancelled_ns = self.clock.read();
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

    fn call_for_next(&self) {
        self.inner.call_for_next();
    }
}
