//! Orders for the counted work: each record that leaves a quote leads to one, which passes every
//! check and goes to the paper venue, and comes to its end there.

use core::hint::black_box;

use bumpalo::Bump;
use undertow_core::contract::{Contract, PriceSign};
use undertow_core::event::{Body, Control, Trust};
use undertow_core::gateway::Gateway;
use undertow_core::money::Money;
use undertow_core::order::{Confidence, Intent, Purpose, Quote, SignalId, StrategyId, Style, Tif};
use undertow_core::position::BrokerView;
use undertow_core::risk::{
    Account, Context, Costs, Limits, Mode, Risk, Span, Tighter, Unit, ValueAtRisk,
};
use undertow_core::stage::Stage;
use undertow_core::types::{Flags, Nanos, Price, Side};
use undertow_core::venue::{Latency, PaperVenue, Setup as VenueSetup};
use undertow_feeds::replay::Replay;
use undertow_strategies::trade::event::TradeEvent;

use crate::desk::{self, ACCOUNT, Trading};
use crate::options::Nowhere;
use crate::work::{Run, Tally, records};

const EQUITY: Money = Money::from_usd(100_000_000);

/// No rule set has this number.
const ASKING: StrategyId = StrategyId(15);

/// Makes so many orders from the records of `bytes`.
///
/// # Panics
/// When risk refuses one: then nothing would be counted that is worth it.
pub(crate) fn run(bump: &Bump, bytes: &[u8], orders: u64, mut each: impl FnMut(u64)) -> Run {
    let first = records(bytes)[0];
    let future = desk::future(first.instrument_id);
    let contract = Contract::from_definition(&future, None, PriceSign::Positive);
    let contract = contract.expect("the load's terms are sound");
    let mut risk = desk::risk(wide(), EQUITY);
    risk.register(&contract).expect("there is room for one");
    risk.reconcile(contract.key, BrokerView::Held(0));
    tell(&mut risk, &contract, first.ts_event);
    let venue = PaperVenue::new(&VenueSetup::new(Latency::LOOPBACK, 1));
    let mut venue = venue.expect("the default setup is sound");
    assert!(Gateway::register(&mut venue, &contract), "it is taken on");
    let mut desk = desk::of(bump, risk, venue);
    desk.on_control(&Control::Definition(future), &mut Nowhere);
    // The load has one instrument, so its book is the first.
    desk.trader.trade(0);

    let mut replay = Replay::new([bytes]);
    replay.read_headers();
    let mut run = Tally::new();
    while run.messages() < orders
        && let Some(msg) = replay.pop()
    {
        match &msg.body {
            Body::Data(mbo) => desk.on_data(mbo, &mut run),
            Body::Control(control) => desk.on_control(control, &mut run),
        }
        let Some(intent) = next(&desk, run.messages()) else {
            continue;
        };
        let touch = desk.books.last().touch;
        let id = desk.trader.ask(&intent, None, &touch);
        let Some(id) = id else {
            panic!("{}", desk.trader.risk().verdict());
        };
        // The receipt asks for what was said of an order before it leaves.
        let mut receipt = 0_u64;
        while desk.trader.speak(|event| {
            if let TradeEvent::Asked(asked) = event {
                asked.verdict.each_word(|word| {
                    receipt = (receipt ^ word).wrapping_mul(0x9E37_79B9_7F4A_7C15);
                });
            }
        }) {}
        black_box(receipt);
        each(run.messages());
        run.count(id.0);
    }
    run.end()
}

/// To buy at the bid, now or not at all, if there is a quote. It rarely trades. Sizes differ, for
/// of two alike in one instant the second is a duplicate.
fn next(desk: &Trading<'_>, nth: u64) -> Option<Intent> {
    let update = desk.books.last();
    let (mbo, touch) = (&update.mbo, &update.touch);
    let is_quoted = update.trust == Trust::Good && touch.is_two_sided();
    (mbo.flags.has(Flags::LAST) && is_quoted).then(|| Intent {
        contract: mbo.key(),
        side: Side::Bid,
        quantity: 1 + (nth % 8) as u32,
        price: touch.bid,
        style: Style::Limit,
        tif: Tif::Ioc,
        purpose: Purpose::Open,
        confidence: Confidence::MAX,
        signal_id: SignalId(nth + 1),
        strategy: ASKING,
        ts_event: mbo.ts_event,
        reference: Quote {
            bid: touch.bid,
            ask: touch.ask,
        },
        stop: Price(touch.bid.0 - 4 * Price::PER_POINT),
        data_cost: Money::ZERO,
        good_for_ns: 0,
    })
}

/// Everything that an entry needs to be known.
fn tell(risk: &mut Risk, contract: &Contract, now: Nanos) {
    let always = Some(Span {
        from: Nanos(0),
        until: Nanos::UNDEFINED,
    });
    for context in [
        Context::Venue(Some((Mode::Backtest, ACCOUNT))),
        Context::Session(always),
        Context::Window(ASKING, always),
        Context::Account(Account {
            available: EQUITY,
            buying_power: EQUITY,
            as_of: now,
        }),
        Context::Margin(contract.key, Money::from_usd(26_000), now),
        Context::Volume(contract.key, 500_000),
        Context::Volatility(0, now),
        Context::ValueAtRisk(ValueAtRisk {
            loss: Money::ZERO,
            days: 250,
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
}

/// Limits that every order of the work passes, of the size of real ones where that is possible.
fn wide() -> Limits {
    let limits = Limits::read(|name| {
        let field = Limits::FIELDS.iter().find(|field| field.name == name)?;
        Some(match (field.tighter, field.unit) {
            _ if name == "cancel_reserve" => 10,
            _ if name == "displayed_ppm" => 8_000_000,
            _ if matches!(name, "collar_ppm" | "references_apart_ppm") => 50_000,
            (Tighter::Up, Unit::Ppm) => field.least.max(600_000),
            (Tighter::Up, _) => field.least,
            (_, Unit::Money) => Money::from_usd(100_000_000).0,
            (_, Unit::Ppm) => 1_000_000,
            // Beyond the half hour that the load takes.
            (_, Unit::Ns) => 86_400_000_000_000,
            _ => 1_000_000,
        })
    });
    limits.expect("sound limits")
}
