//! The paper venue's queue beside hftbacktest's `L3FIFOQueueModel`, on the same records.
//!
//! Where the definitions coincide: an order of one contract, alone, that joins the best price. Both
//! stand behind all that is displayed, lose those before them to cancels, moves and fills, and fill
//! when somebody behind them does, when a worse price trades, or when the other side comes to their
//! price. Each order is put into both at one instant; at the end of each event both have filled it
//! or neither has, or the difference is counted under the definition that it comes from.
//!
//! The file is played many times, with orders sent at other records each time.
//!
//!     cargo run --release --bin queue -- FILE.mbo.dbn.zst [PASSES]

use std::collections::HashMap;

use anyhow::{Context, Result, bail, ensure};
use bumpalo::Bump;
use hftbacktest::backtest::L3QueueModel;
use hftbacktest::backtest::models::L3FIFOQueueModel;
use hftbacktest::depth::{HashMapMarketDepth, L3MarketDepth};
use hftbacktest::types::{
    BUY_EVENT, Event, OrdType, Order as HftOrder, SELL_EVENT, Side as HftSide, TimeInForce,
};
use undertow_core::book::{BookLimits, Books};
use undertow_core::event::{Body, Control, Mbo, Touch, Trust};
use undertow_core::gateway::Gateway;
use undertow_core::order::Tif;
use undertow_core::risk::{Cancel, Command};
use undertow_core::types::{Action, Flags, Nanos, Price, Side};
use undertow_core::venue::{Latency, PaperVenue, Setup};
use undertow_feeds::replay::Replay;

#[path = "../../../../core/tests/paper/mint.rs"]
#[allow(dead_code, reason = "shared with the tests of the venue")]
mod mint;

use mint::{KEY, Mint, TICK, contract};

/// An order is cancelled in both after so many records.
const PATIENCE: u64 = 2_000;

/// When trading begins in the file of ESH4; before, an auction crosses the book.
const OPENING: Nanos = Nanos(1_703_545_200_000_000_000);

/// What became of the orders.
#[derive(Debug, Default)]
struct Tally {
    orders: u64,
    both_filled: u64,
    both_unfilled: u64,
    /// Ours alone: better than all that is displayed, a trade at the best price goes through it.
    in_front: u64,
    /// Ours alone: an iceberg was refilled before us; theirs leaves it where it was.
    refilled: u64,
    /// Ours alone: the trade was larger than all before us, but all told fills are of these.
    beyond_display: u64,
    /// Theirs alone: an order that rested, and was moved to where it trades at once, is told as
    /// filled too; theirs takes that for a fill in its old queue.
    mover: u64,
    /// Theirs alone: the venue cancelled an order before us unfilled within the trade (one owner
    /// on both sides), so the trade passed it. Ours counts by size, and waits.
    skipped: u64,
    /// Either alone, for no reason above.
    unexplained: u64,
}

/// The order that both hold.
struct Held {
    id: u64,
    side: Side,
    price: i64,
    cancel: Cancel,
    since: u64,
    ours: bool,
    theirs: bool,
    was_refilled: bool,
    is_in_front: bool,
    is_beyond: bool,
    is_mover: bool,
    is_skipped: bool,
}

/// hftbacktest's side of it.
struct Peer {
    depth: HashMapMarketDepth,
    queue: L3FIFOQueueModel,
    /// Size of each order, for what its interface wants to be told.
    sizes: HashMap<u64, (i64, u32)>,
}

impl Peer {
    /// One record, as its converter would tell it. Returns how many of ours it filled.
    fn take(&mut self, mbo: &Mbo) -> Result<usize> {
        let id = mbo.order_id.0;
        let known = self.sizes.get(&id).copied();
        let event = event(mbo, mbo.size);
        let (depth, queue) = (&mut self.depth, &mut self.queue);
        let filled = match (mbo.action, known) {
            (Action::Add, None) => {
                let buys = mbo.side == Side::Bid;
                let (before, best) = if buys {
                    depth.add_buy_order(id, event.px, event.qty, 0)?
                } else {
                    depth.add_sell_order(id, event.px, event.qty, 0)?
                };
                queue.add_market_feed_order(&event, depth)?;
                self.sizes.insert(id, (mbo.price.0, mbo.size));
                crossing(queue, buys, before, best)?
            }
            (Action::Cancel, Some((_, size))) if mbo.size >= size => {
                depth.delete_order(id, 0)?;
                L3QueueModel::cancel_market_feed_order(queue, id, &*depth)?;
                self.sizes.remove(&id);
                0
            }
            (Action::Cancel, Some((price, size))) => {
                let left = size - mbo.size;
                self.modify(mbo, price, left)?
            }
            (Action::Modify, Some(_)) => self.modify(mbo, mbo.price.0, mbo.size)?,
            (Action::Fill, Some(_)) => queue
                .fill_market_feed_order::<false>(id, &event, depth)?
                .len(),
            (Action::Clear, _) => bail!("a clear is not compared: it drops every order there"),
            _ => 0,
        };
        Ok(filled)
    }

    fn modify(&mut self, mbo: &Mbo, price: i64, size: u32) -> Result<usize> {
        let mut event = event(mbo, size);
        event.px = points(price);
        let id = mbo.order_id.0;
        let (side, before, best) = self.depth.modify_order(id, event.px, event.qty, 0)?;
        self.queue
            .modify_market_feed_order(id, &event, &self.depth)?;
        self.sizes.insert(id, (price, size));
        crossing(&mut self.queue, side == HftSide::Buy, before, best)
    }

    fn add(&mut self, held: &Held) -> Result<()> {
        let side = match held.side {
            Side::Bid => HftSide::Buy,
            _ => HftSide::Sell,
        };
        let tick = held.price / TICK;
        let order = HftOrder::new(
            held.id,
            tick,
            0.25,
            1.0,
            side,
            OrdType::Limit,
            TimeInForce::GTC,
        );
        Ok(self.queue.add_backtest_order(order, &self.depth)?)
    }

    fn drop_order(&mut self, id: u64) -> Result<()> {
        L3QueueModel::cancel_backtest_order(&mut self.queue, id, &self.depth)?;
        Ok(())
    }
}

/// A best price that has moved toward the other side fills what it meets there.
fn crossing(
    queue: &mut impl L3QueueModel<HashMapMarketDepth>,
    buys: bool,
    before: i64,
    best: i64,
) -> Result<usize> {
    Ok(match (buys, best > before, best < before) {
        (true, true, _) => queue.on_best_bid_update(before, best)?.len(),
        (false, _, true) => queue.on_best_ask_update(before, best)?.len(),
        _ => 0,
    })
}

fn points(price: i64) -> f64 {
    price as f64 / Price::PER_POINT as f64
}

fn event(mbo: &Mbo, size: u32) -> Event {
    let side = match mbo.side {
        Side::Bid => BUY_EVENT,
        _ => SELL_EVENT,
    };
    Event {
        ev: side,
        exch_ts: 0,
        local_ts: 0,
        px: points(mbo.price.0),
        qty: f64::from(size),
        order_id: mbo.order_id.0,
        ival: 0,
        fval: 0.0,
    }
}

/// The venue, its peer and the order that both hold.
struct Bench {
    venue: PaperVenue,
    peer: Peer,
    held: Option<Held>,
    tally: Tally,
    mint: Mint,
    /// Fills of the event that is open, by order, and the touch before it.
    fills: HashMap<u64, u32>,
    touch: Touch,
}

impl Bench {
    fn new(tally: Tally) -> Result<Self> {
        let mut venue = PaperVenue::new(&Setup::new(Latency::constant(1), 1))?;
        venue.register(&contract(KEY))?;
        Ok(Self {
            venue,
            peer: Peer {
                depth: HashMapMarketDepth::new(0.25, 1.0),
                queue: L3FIFOQueueModel::new(),
                sizes: HashMap::new(),
            },
            held: None,
            tally,
            mint: Mint::default(),
            fills: HashMap::new(),
            touch: Touch::EMPTY,
        })
    }

    fn record(&mut self, books: &mut Books<'_>, mbo: &Mbo) -> Result<()> {
        self.note(mbo);
        let before = self.venue.counters().executions;
        let update = *books.apply(mbo).context("there is a book")?;
        self.venue.observe(books, &update, &mut |_| {});
        let ours = self.venue.counters().executions > before;
        let theirs = self.peer.take(mbo)? > 0;
        if let Some(held) = &mut self.held {
            held.ours |= ours;
            held.theirs |= theirs;
        }
        if mbo.flags.has(Flags::LAST) {
            self.touch = update.touch;
            self.fills.clear();
        }
        Ok(())
    }

    /// Notes what may set the two apart, before either has taken the record.
    fn note(&mut self, mbo: &Mbo) {
        if mbo.action == Action::Fill {
            *self.fills.entry(mbo.order_id.0).or_default() += mbo.size;
        }
        let Some(held) = &mut self.held else {
            return;
        };
        let (best, is_better) = match held.side {
            Side::Bid => (self.touch.bid.0, held.price > mbo.price.0),
            _ => (self.touch.ask.0, held.price < mbo.price.0),
        };
        match mbo.action {
            Action::Trade if mbo.side != held.side => {
                held.is_in_front |= is_better && held.price != best;
                let ahead = self
                    .venue
                    .ahead(KEY, undertow_core::order::ClientOrderId(held.id));
                held.is_beyond |= ahead.is_some_and(|ahead| u64::from(mbo.size) > ahead);
            }
            // A resting order is filled at its own price; this one has come from another.
            Action::Fill if mbo.side == held.side => {
                let known = self.peer.sizes.get(&{ mbo.order_id.0 });
                held.is_mover |= known.is_some_and(|(price, _)| *price != mbo.price.0);
            }
            Action::Cancel if mbo.price.0 == held.price && !self.fills.is_empty() => {
                held.is_skipped |= !self.fills.contains_key(&{ mbo.order_id.0 });
            }
            Action::Modify if mbo.price.0 == held.price => {
                let id = mbo.order_id.0;
                let filled = self.fills.get(&id).copied().unwrap_or(0);
                let known = self.peer.sizes.get(&id);
                held.was_refilled |= known.is_some_and(|(price, size)| {
                    *price == held.price
                        && filled > 0
                        && mbo.size > size.saturating_sub(filled)
                        && mbo.size <= *size
                });
            }
            _ => {}
        }
    }

    /// Between events: settles what became of the order, or puts a new one into both.
    fn turn(&mut self, books: &Books<'_>, count: u64, every: u64, now: Nanos) -> Result<()> {
        let Some(held) = &mut self.held else {
            if count.is_multiple_of(every) && self.touch.is_two_sided() {
                self.join(books, count, now)?;
            }
            return Ok(());
        };
        let tally = &mut self.tally;
        match (held.ours, held.theirs) {
            (true, true) => tally.both_filled += 1,
            (false, false) if count - held.since < PATIENCE => {
                // What a trade may explain is of its own event.
                (held.is_in_front, held.is_beyond) = (false, false);
                (held.is_mover, held.is_skipped) = (false, false);
                return Ok(());
            }
            (false, false) => tally.both_unfilled += 1,
            (true, false) if held.was_refilled => tally.refilled += 1,
            (true, false) if held.is_in_front => tally.in_front += 1,
            (true, false) if held.is_beyond => tally.beyond_display += 1,
            (false, true) if held.is_mover => tally.mover += 1,
            (false, true) if held.is_skipped => tally.skipped += 1,
            _ => {
                tally.unexplained += 1;
                let (ours, theirs) = (held.ours, held.theirs);
                println!("order {}: ours {ours}, theirs {theirs}", held.id);
            }
        }
        if !held.theirs {
            self.peer.drop_order(held.id)?;
        }
        if !held.ours {
            self.venue.send(&Command::Cancel(held.cancel), now);
        }
        self.venue.on_time(books, Nanos(now.0 + 3), &mut |_| {});
        ensure!(self.venue.is_idle(), "the order is gone from the venue");
        self.held = None;
        Ok(())
    }

    fn join(&mut self, books: &Books<'_>, count: u64, now: Nanos) -> Result<()> {
        let (side, price) = if self.tally.orders.is_multiple_of(2) {
            (Side::Bid, self.touch.bid)
        } else {
            (Side::Ask, self.touch.ask)
        };
        let (order, cancel) = self.mint.make((side, price, 1), Tif::Day, now);
        self.venue.send(&Command::Place(order), now);
        self.venue.on_time(books, Nanos(now.0 + 1), &mut |_| {});
        let held = Held {
            id: order.id().0,
            side,
            price: price.0,
            cancel,
            since: count,
            ours: false,
            theirs: false,
            was_refilled: false,
            is_in_front: false,
            is_beyond: false,
            is_mover: false,
            is_skipped: false,
        };
        ensure!(self.venue.ahead(KEY, order.id()).is_some(), "it rests");
        self.peer.add(&held)?;
        self.tally.orders += 1;
        self.held = Some(held);
        Ok(())
    }
}

fn main() -> Result<()> {
    let mut args = std::env::args().skip(1);
    let path = args.next().context("give a file of MBO records")?;
    let passes = args.next().map_or(Ok(40), |passes| passes.parse())?;
    let bytes = zstd::decode_all(std::fs::File::open(&path).context(path)?)?;
    let mut tally = Tally::default();
    for every in 1..=passes {
        play(&bytes, every, &mut tally)?;
    }
    println!("{tally:#?}");
    ensure!(tally.unexplained == 0, "a difference is not explained");
    Ok(())
}

/// One pass, with an order at every so many records while none is held.
fn play(bytes: &[u8], every: u64, tally: &mut Tally) -> Result<()> {
    let limits = BookLimits {
        instruments_max: 1,
        orders_max: 32_768,
        book_orders_max: 32_768,
        pages_max: 4_096,
        ..BookLimits::default()
    };
    let bump = Bump::with_capacity(limits.bytes());
    let mut books = Books::new_in(&bump, &limits)?;
    let mut bench = Bench::new(std::mem::take(tally))?;
    let mut feed = Replay::new([bytes]);
    let (mut count, mut now) = (0, Nanos(0));
    while let Some(msg) = feed.pop() {
        let mbo = match msg.body {
            Body::Control(Control::End) => break,
            Body::Control(control) => {
                books.control(&control);
                continue;
            }
            Body::Data(mbo) => mbo,
        };
        bench.record(&mut books, &mbo)?;
        now = now.max(mbo.ts_event);
        count += 1;
        let book = books.get(KEY).context("there is a book")?;
        if now >= OPENING && !book.is_event_open() && book.trust() == Trust::Good {
            bench.turn(&books, count, every, now)?;
        }
    }
    *tally = bench.tally;
    Ok(())
}
