//! hftbacktest: its two L3 market depths. They hold orders and sizes per price, but no queues.
//!
//! Events are converted beforehand, with what its interface wants to be told: whether a cancel
//! takes the whole order, and whether a modify is of an order it knows.

use hftbacktest::depth::{HashMapMarketDepth, L3MarketDepth, MarketDepth, ROIVectorMarketDepth};
use hftbacktest::depth::{INVALID_MAX, INVALID_MIN};
use hftbacktest::types::Side;

use crate::bbo::Bbo;
use crate::contest::{Outcome, see, timed};
use crate::documented::Market;
use crate::input::{Input, Instrument};

const PER_POINT: f64 = 1e9;

/// The depth that keeps a vector of the prices of interest: all that the input will use.
pub fn roi_vector(input: &Input) -> Outcome {
    let depths = input.instruments.iter().map(|instrument| {
        let (low, high) = (instrument.low as f64, instrument.high as f64);
        ROIVectorMarketDepth::new(tick(instrument), 1.0, low / PER_POINT, high / PER_POINT)
    });
    run(input, depths.collect())
}

/// The depth that keeps hash maps by price.
pub fn hash_map(input: &Input) -> Outcome {
    let depths = input.instruments.iter();
    run(
        input,
        depths
            .map(|instrument| HashMapMarketDepth::new(tick(instrument), 1.0))
            .collect(),
    )
}

/// The best bid and offer after every LAST, in order, for comparison. Both depths say the same.
pub fn bbos(input: &Input) -> Vec<Bbo> {
    let instruments = input.instruments.iter();
    let mut depths: Vec<_> = instruments
        .map(|instrument| HashMapMarketDepth::new(tick(instrument), 1.0))
        .collect();
    let mut seen = Vec::new();
    for event in input.hft_events.get_or_init(|| events(input)) {
        let depth = &mut depths[event.instrument as usize];
        apply(depth, event);
        if event.is_last {
            seen.push(bbo(depth, event.tick));
        }
    }
    seen
}

fn run<D: L3MarketDepth>(input: &Input, mut depths: Vec<D>) -> Outcome {
    let events = input.hft_events.get_or_init(|| events(input));
    timed(|| {
        let mut sum = 0;
        for event in events {
            let depth = &mut depths[event.instrument as usize];
            apply(depth, event);
            sum = see(sum, bbo(depth, event.tick), event.is_last);
        }
        sum
    })
}

/// What to call.
#[derive(Clone, Copy)]
enum Call {
    Buy,
    Sell,
    Delete,
    Modify,
    Clear,
    Nothing,
}

/// One call to a depth.
pub struct Event {
    order_id: u64,
    price: f64,
    size: f64,
    tick: i64,
    instrument: u32,
    call: Call,
    is_last: bool,
}

#[inline(always)]
fn apply<D: L3MarketDepth>(depth: &mut D, event: &Event) {
    let Event {
        order_id,
        price,
        size,
        ..
    } = *event;
    // What the depth refuses leaves it as it was, which the checksum will show.
    match event.call {
        Call::Buy => _ = depth.add_buy_order(order_id, price, size, 0),
        Call::Sell => _ = depth.add_sell_order(order_id, price, size, 0),
        Call::Delete => _ = depth.delete_order(order_id, 0),
        Call::Modify => _ = depth.modify_order(order_id, price, size, 0),
        Call::Clear => depth.clear_orders(Side::None),
        Call::Nothing => {}
    }
}

#[inline(always)]
fn bbo(depth: &impl MarketDepth, tick: i64) -> Bbo {
    let (bid, ask) = (depth.best_bid_tick(), depth.best_ask_tick());
    Bbo {
        bid: if bid == INVALID_MIN {
            i64::MAX
        } else {
            bid * tick
        },
        ask: if ask == INVALID_MAX {
            i64::MAX
        } else {
            ask * tick
        },
    }
}

fn events(input: &Input) -> Vec<Event> {
    let places: ahash::AHashMap<u32, usize> = input
        .instruments
        .iter()
        .enumerate()
        .map(|(place, one)| (one.id, place))
        .collect();
    let mut market = Market::default();
    let convert = |mbo: &dbn::MboMsg| {
        let place = places[&mbo.hd.instrument_id];
        let known = market.order_size(mbo);
        market.apply(mbo);
        let is_bid = mbo.side as u8 == b'B';
        let (call, size) = match (mbo.action as u8, known) {
            (b'A', _) | (b'M', None) => (if is_bid { Call::Buy } else { Call::Sell }, mbo.size),
            (b'C', Some(size)) if mbo.size >= size => (Call::Delete, mbo.size),
            (b'C', Some(size)) => (Call::Modify, size - mbo.size),
            (b'M', Some(_)) => (Call::Modify, mbo.size),
            (b'R', _) => (Call::Clear, 0),
            _ => (Call::Nothing, 0),
        };
        Event {
            order_id: mbo.order_id,
            price: mbo.price as f64 / PER_POINT,
            size: f64::from(size),
            tick: input.instruments[place].tick,
            instrument: place as u32,
            call,
            is_last: mbo.flags.is_last(),
        }
    };
    input.records.iter().map(convert).collect()
}

fn tick(instrument: &Instrument) -> f64 {
    instrument.tick as f64 / PER_POINT
}
