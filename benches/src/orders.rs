//! Orders for the counted work: each record that leaves a quote leads to one, which passes every
//! check and goes to the paper venue, and comes to its end there.

use core::hint::black_box;

use bumpalo::Bump;
use undertow_core::contract::{Contract, PriceSign};
use undertow_core::event::{Body, Control, Touch, Trust};
use undertow_core::gateway::Gateway;
use undertow_core::order::Intent;
use undertow_core::position::BrokerView;
use undertow_core::stage::Stage;
use undertow_core::types::Flags;
use undertow_core::venue::{Latency, PaperVenue, Setup as VenueSetup};
use undertow_feeds::replay::Replay;
use undertow_strategies::trade::event::TradeEvent;
use undertow_strategies::trade::unbound;

use crate::desk::{self, Trading};
use crate::options::Nowhere;
use crate::work::{Run, Tally, records};

/// Orders a second that risk lets through, and as many live ones.
const ORDERS_MAX: u32 = 2_048;

/// Makes so many orders from the records of `bytes`.
///
/// # Panics
/// When risk refuses one: then nothing would be counted that is worth it.
pub(crate) fn run(bump: &Bump, bytes: &[u8], orders: u64, mut each: impl FnMut(u64)) -> Run {
    let first = records(bytes)[0];
    let future = desk::future(first.instrument_id);
    let contract = Contract::from_definition(&future, None, PriceSign::Positive);
    let contract = contract.expect("the load's terms are sound");
    let limits = unbound::limits(ORDERS_MAX).expect("sound limits");
    let mut risk = unbound::risk(limits, ORDERS_MAX).expect("a sound setup");
    risk.register(&contract).expect("there is room for one");
    risk.reconcile(contract.key, BrokerView::Held(0));
    let touch = Touch {
        bid: first.price,
        ask: contract.tick.away(first.price, 1),
        ..Touch::EMPTY
    };
    unbound::tell(&mut risk, &contract, &touch, first.ts_event);
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
        quantity: 1 + (nth % 8) as u32,
        ..unbound::intent(mbo.key(), touch, mbo.ts_event, nth)
    })
}
