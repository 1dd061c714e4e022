//! The understudy: a second desk, small and apart, that plays a scene while nothing comes.
//!
//! Few records lead to an order, and at times few come at all. Meanwhile the processor forgets the
//! way: which turns its branches took, and the code in the caches nearest to it. So the order that
//! somebody waited for all morning would be the slowest of the day. While an idle desk rehearses,
//! its understudy goes the whole way instead of it, from records through books, measures and
//! decisions to an order and what the venue says of it.
//!
//! It is of the desk's own type and goes through the same functions, so what it leaves near is what
//! the desk will run. It shares nothing with the desk and nobody hears it, so nothing that it does
//! can be seen. Its time is that of its scene, and its orders go to a gateway of its own, which must
//! not lead anywhere.
//!
//! Absent: the desk's own memory, which the understudy cannot reach. What risk needs of it is called
//! for by [`Trader::rehearse`].

use undertow_core::book::{BookLimits, Books};
use undertow_core::contract::{Contract, PriceSign};
use undertow_core::event::{Control, Mbo, RecordHeader, Touch};
use undertow_core::gateway::Gateway;
use undertow_core::order::Intent;
use undertow_core::position::BrokerView;
use undertow_core::stage::{Emit, Stage};
use undertow_core::types::{
    Action, BookKey, Flags, InstrumentId, Nanos, OrderId, Price, PublisherId, Side,
};

use super::Trader;
use super::stage::{Desk, Timing};
use super::unbound;
use crate::decide::rules::{RuleSet, Strategy};
use crate::flow::{Flow, FlowOutput};

/// Instruments that the understudy's desk has room for.
const INSTRUMENTS_MAX: usize = 4;

/// Orders a second, in the scene's time, that it lets through.
const ORDERS_MAX: u32 = 512;

const ASSET: &[u8] = b"SCENE";

const KEY: BookKey = BookKey {
    publisher_id: PublisherId(1),
    instrument_id: InstrumentId(1),
};

/// A Wednesday in March 2026, 15:00 UTC: New York trades.
const CURTAIN: Nanos = Nanos(1_773_241_200_000_000_000);

/// From one event of the scene to the next: slow enough for [`ORDERS_MAX`].
const EVENT_NS: u64 = 300_000;

const DAY_NS: u64 = 86_400_000_000_000;

/// No more days in a row are without a session, as far as the calendar reaches. Beyond that the scene
/// goes on at its pace, and its orders are refused.
const DAYS_CLOSED_MAX: u32 = 7;

const TICK: i64 = Price::PER_POINT / 4;

/// The best bid before anybody moves; the best offer is two ticks above.
const BID: i64 = 20_000 * Price::PER_POINT;

/// Levels of a side, each with this many orders.
const LEVELS: i64 = 12;
const ORDERS_A_LEVEL: i64 = 2;

/// Rounds of the scene after which its book is trusted, and an order is answered.
const SETTLING_ROUNDS: usize = 4;

/// See the module.
#[derive(Debug)]
pub struct Understudy<'a, G, T = ()> {
    desk: Desk<'a, G, T>,
    scene: Scene,
    /// Orders asked for.
    asked: u64,
    /// Of those, how many in a row were refused up to now.
    refused: u32,
}

/// What the books of an understudy have room for.
#[must_use]
pub fn book_limits() -> BookLimits {
    BookLimits {
        instruments_max: INSTRUMENTS_MAX as u32,
        orders_max: 256,
        book_orders_max: 256,
        pages_max: 64,
        watches_depth: true,
        ..BookLimits::default()
    }
}

impl<'a, G: Gateway> Understudy<'a, G> {
    /// Takes its place: `books` by [`book_limits`], and a `gateway` of its own that leads
    /// nowhere.
    ///
    /// # Panics
    /// Never: its limits, terms and rules are sound.
    #[must_use]
    pub fn new(books: Books<'a>, mut gateway: G) -> Self {
        let definition = unbound::future(KEY, ASSET, CURTAIN);
        let contract = Contract::from_definition(&definition, None, PriceSign::Positive);
        let contract = contract.expect("sound terms");
        let limits = unbound::limits(ORDERS_MAX).expect("sound limits");
        let mut risk = unbound::risk(limits, ORDERS_MAX).expect("a sound setup");
        risk.register(&contract).expect("there is room for one");
        risk.reconcile(KEY, BrokerView::Held(0));
        let touch = Touch {
            bid: Price(BID),
            ask: Price(BID + 2 * TICK),
            ..Touch::EMPTY
        };
        unbound::tell(&mut risk, &contract, &touch, CURTAIN);
        gateway.register(&contract);
        let rules = Strategy::ALL.map(RuleSet::of).into();
        let settings = unbound::settings(ASSET, rules, INSTRUMENTS_MAX);
        let trader = Trader::new(settings, risk, gateway).expect("sound rules");
        let mut this = Self {
            desk: Desk::new(books, Flow::new(INSTRUMENTS_MAX), trader),
            scene: Scene::new(),
            asked: 0,
            refused: 0,
        };
        let definition = Control::Definition(definition);
        this.desk.on_control(&definition, &mut Nobody);
        while let Some(mbo) = this.scene.set() {
            this.desk.on_data(&mbo, &mut Nobody);
        }
        // The scene has one instrument, so its book is the first.
        this.desk.trader.trade(0);
        // A book that has not seen much is not to be traded on.
        this.settle();
        // Who holds something has more to weigh at each move.
        let offer = this.desk.books.last().touch.ask;
        this.order::<Nobody>(offer);
        this.settle();
        this
    }

    /// Plays until books are trusted and orders answered.
    fn settle(&mut self) {
        for _ in 0..SETTLING_ROUNDS * SCRIPT.len() {
            let mbo = self.scene.next();
            self.desk.on_data(&mbo, &mut Nobody);
        }
    }
}

impl<'a, G> Understudy<'a, G> {
    /// The same with somebody who takes the time.
    pub(super) fn timed<T>(self, laps: impl FnMut() -> T) -> Understudy<'a, G, T> {
        Understudy {
            desk: self.desk.timed(laps),
            scene: self.scene,
            asked: self.asked,
            refused: self.refused,
        }
    }
}

impl<G: Gateway, T: Timing> Understudy<'_, G, T> {
    /// Plays the next event of the scene, and orders where it says so. Nobody hears it; `O` is who
    /// would.
    pub(super) fn play<O: Emit<FlowOutput>>(&mut self) {
        loop {
            let mbo = self.scene.next();
            self.desk.take(&mbo, None::<&mut O>);
            if mbo.flags.has(Flags::LAST) {
                break;
            }
        }
        if self.scene.has_moved() {
            // So far below that none trades, however late it comes: positions would add up.
            let bid = self.desk.books.last().touch.bid;
            self.order::<O>(Price(bid.0 - 4 * TICK));
        }
    }

    fn order<O: Emit<FlowOutput>>(&mut self, price: Price) {
        let touch = self.desk.books.last().touch;
        let intent = Intent {
            price,
            ..unbound::intent(KEY, &touch, self.scene.now, self.asked)
        };
        self.asked += 1;
        if self.desk.trader.ask(&intent, None, &touch).is_some() {
            self.refused = 0;
        } else if self.refused < DAYS_CLOSED_MAX {
            // The scene has come to hours in which nobody trades.
            self.refused += 1;
            self.scene.now.0 += DAY_NS;
        }
        self.desk.speak_to(None::<&mut O>);
    }
}

/// Who hears what is said while the scene is set: nobody.
struct Nobody;

impl Emit<FlowOutput> for Nobody {
    fn emit(&mut self, _output: &FlowOutput) {}
}

/// A short market that begins anew where it ends: orders come, change and go, the touch moves and
/// moves back, and a trade takes what moved it.
#[derive(Debug)]
struct Scene {
    now: Nanos,
    sequence: u32,
    /// The place in [`SCRIPT`] of the next record.
    line: usize,
    /// The last id that was given to an order that stays, and to one of the script.
    standing: u64,
    id: u64,
}

/// Ids of the script's orders are above those of the orders that stay.
const SCRIPT_IDS: u64 = 1 << 20;

/// What a record of the script does.
#[derive(Clone, Copy, Debug)]
struct Line {
    action: Action,
    side: Side,
    /// Ticks from the best bid at rest.
    ticks: i64,
    size: u32,
    is_last: bool,
    /// Whether it moves the touch away from where it rests.
    moves: bool,
}

const fn line(action: Action, side: Side, ticks: i64, size: u32) -> Line {
    Line {
        action,
        side,
        ticks,
        size,
        is_last: true,
        moves: false,
    }
}

/// As [`line`], and the touch is another then.
const fn moving(action: Action, side: Side, ticks: i64, size: u32) -> Line {
    Line {
        moves: true,
        ..line(action, side, ticks, size)
    }
}

/// As [`line`], within an event that goes on.
const fn open(action: Action, side: Side, ticks: i64, size: u32) -> Line {
    Line {
        is_last: false,
        ..line(action, side, ticks, size)
    }
}

/// An add begins another order; what follows is about that one.
const SCRIPT: [Line; 18] = [
    line(Action::Add, Side::Bid, 0, 3),
    line(Action::Modify, Side::Bid, 0, 1),
    line(Action::Cancel, Side::Bid, 0, 1),
    line(Action::Add, Side::Ask, 2, 2),
    line(Action::Modify, Side::Ask, 3, 2),
    line(Action::Cancel, Side::Ask, 3, 2),
    // A better bid, which is hit.
    moving(Action::Add, Side::Bid, 1, 4),
    open(Action::Trade, Side::Ask, 1, 4),
    open(Action::Fill, Side::Bid, 1, 4),
    line(Action::Cancel, Side::Bid, 1, 4),
    line(Action::Add, Side::Bid, -8, 6),
    line(Action::Cancel, Side::Bid, -8, 6),
    // A better offer, which is lifted.
    moving(Action::Add, Side::Ask, 1, 1),
    open(Action::Trade, Side::Bid, 1, 1),
    open(Action::Fill, Side::Ask, 1, 1),
    line(Action::Cancel, Side::Ask, 1, 1),
    line(Action::Add, Side::Ask, 9, 7),
    line(Action::Cancel, Side::Ask, 9, 7),
];

impl Scene {
    const fn new() -> Self {
        Self {
            now: CURTAIN,
            sequence: 0,
            line: 0,
            standing: 0,
            id: SCRIPT_IDS,
        }
    }

    /// The next of the orders that stand there before anybody moves.
    fn set(&mut self) -> Option<Mbo> {
        let nth = i64::try_from(self.standing).unwrap_or(i64::MAX);
        let (level, side) = (nth / 2 / ORDERS_A_LEVEL, nth % 2);
        if level >= LEVELS {
            return None;
        }
        self.standing += 1;
        let line = match side {
            0 => line(Action::Add, Side::Bid, -level, 5),
            _ => line(Action::Add, Side::Ask, 2 + level, 5),
        };
        Some(self.record(&line, self.standing))
    }

    /// The next record of the script.
    fn next(&mut self) -> Mbo {
        let line = SCRIPT[self.line];
        self.line = (self.line + 1) % SCRIPT.len();
        self.id += u64::from(line.action == Action::Add);
        self.record(&line, self.id)
    }

    /// Whether the last record moved the touch, and an order may follow.
    const fn has_moved(&self) -> bool {
        SCRIPT[(self.line + SCRIPT.len() - 1) % SCRIPT.len()].moves
    }

    fn record(&mut self, line: &Line, order_id: u64) -> Mbo {
        self.sequence = self.sequence.wrapping_add(1).max(1);
        let ts_event = self.now;
        if line.is_last {
            self.now.0 += EVENT_NS;
        }
        Mbo {
            header: RecordHeader::UNSET,
            publisher_id: KEY.publisher_id,
            instrument_id: KEY.instrument_id,
            ts_event,
            order_id: OrderId(if line.action == Action::Trade {
                0
            } else {
                order_id
            }),
            price: Price(BID + line.ticks * TICK),
            size: line.size,
            flags: if line.is_last { Flags::LAST } else { Flags(0) },
            channel_id: 0,
            action: line.action,
            side: line.side,
            ts_recv: Nanos(ts_event.0 + 1_000),
            ts_in_delta: 500,
            sequence: self.sequence,
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;
    use core::cell::Cell;

    use bumpalo::Bump;
    use undertow_core::event::Trust;
    use undertow_core::venue::{Latency, PaperVenue, Setup};

    use super::*;
    use crate::trade::stage::Part;

    fn understudy(bump: &Bump) -> Understudy<'_, PaperVenue> {
        let books = Books::new_in(bump, &book_limits());
        let venue = PaperVenue::new(&Setup::new(Latency::LOOPBACK, 1));
        Understudy::new(books.expect("room"), venue.expect("a sound setup"))
    }

    /// Events of one round.
    fn events() -> usize {
        SCRIPT.iter().filter(|line| line.is_last).count()
    }

    #[test]
    fn every_order_of_a_long_scene_goes_the_whole_way_and_leaves_nothing_behind() {
        let bump = Bump::new();
        let mut understudy = understudy(&bump);
        // More orders than it has room for at a time, over more days than any limit of age.
        for _ in 0..20 {
            understudy.scene.now.0 += DAY_NS;
            for _ in 0..1_000 * events() {
                understudy.play::<Nobody>();
            }
        }
        let trader = &understudy.desk.trader;
        let (asked, passed) = (understudy.asked, trader.risk().counters().passed);
        assert!(asked > 10 * u64::from(ORDERS_MAX), "{asked} orders");
        assert!(asked - passed <= 20, "{passed} {}", trader.risk().verdict());
        let counters = trader.gateway().counters();
        let gone = counters.cancelled + counters.expired;
        let came = (counters.orders, counters.filled, gone, counters.rejected);
        assert_eq!(came, (passed, 1, passed - 1, 0), "the first is filled");
        assert_eq!(trader.risk().open_orders(KEY).count(), 0);
        let line = trader.risk().line(KEY).expect("it is traded");
        assert_eq!(line.position.quantity(), 1, "what the first bought");
        assert_eq!(trader.waiting(), 0);
    }

    #[test]
    fn beyond_the_calendar_it_plays_on_at_its_pace() {
        let bump = Bump::new();
        let mut understudy = understudy(&bump);
        // 2099, which no calendar knows.
        let from = 4_071_000_000_000_000_000;
        understudy.scene.now = Nanos(from);
        let rounds = 1_000;
        for _ in 0..rounds * events() {
            understudy.play::<Nobody>();
        }
        assert_eq!(understudy.refused, DAYS_CLOSED_MAX);
        let played = (rounds * events()) as u64 * EVENT_NS;
        let skipped = u64::from(DAYS_CLOSED_MAX) * DAY_NS;
        assert_eq!(understudy.scene.now, Nanos(from + played + skipped));
    }

    /// Counts what was done for the books.
    struct Count<'c>(&'c Cell<u32>);

    impl Timing for Count<'_> {
        fn lap(&mut self, part: Part) {
            self.0.set(self.0.get() + u32::from(part == Part::Book));
        }

        fn skip(&mut self) {}
    }

    #[test]
    fn of_eight_rehearsals_of_its_desk_it_plays_in_six() {
        let (arena, wings) = (Bump::new(), Bump::new());
        let records = Cell::new(0);
        let desk = understudy(&arena).desk.understudied(understudy(&wings));
        let mut desk = desk.timed(|| Count(&records));
        let mut played = [0; 8];
        // Each event of the script as often at each turn.
        for turn in 0..8 * events() {
            records.set(0);
            desk.rehearse::<Nobody>();
            played[turn % 8] += records.get();
        }
        assert_eq!(played.iter().filter(|records| **records == 0).count(), 2);
        let rounds = played.iter().sum::<u32>() as usize / SCRIPT.len();
        assert_eq!(rounds, 6, "{played:?}");
    }

    #[test]
    fn it_is_small_beside_a_desk() {
        assert!(book_limits().bytes() * 100 < BookLimits::default().bytes());
    }

    #[test]
    fn the_scene_begins_anew_where_it_ends() {
        let bump = Bump::new();
        let mut understudy = understudy(&bump);
        let book = |understudy: &Understudy<'_, PaperVenue>| {
            let book = understudy.desk.books.get(KEY).expect("a book");
            (book.hash(), book.touch(), book.trust(), book.counters())
        };
        let (hash, touch, trust, _) = book(&understudy);
        assert_eq!(trust, Trust::Good);
        assert_eq!((touch.bid.0, touch.ask.0), (BID, BID + 2 * TICK));
        let books = &understudy.desk.books;
        let resting = books.get(KEY).expect("a book");
        for side in [Side::Bid, Side::Ask] {
            let levels: Vec<_> = resting.depth(side).collect();
            assert_eq!(levels.len(), 12, "{side:?}");
            assert!(
                levels
                    .iter()
                    .all(|level| (level.count, level.size) == (2, 10))
            );
        }
        // Ten levels of ten: the depth is summed as a desk's is.
        assert_eq!(books.last().depth.sum10, [100; 2]);
        assert_eq!(events(), 14, "a trade and its fills are one event");
        let moves = SCRIPT.iter().filter(|line| line.moves).count();
        for _ in 0..events() {
            understudy.play::<Nobody>();
        }
        let (after, touched, trust, counters) = book(&understudy);
        assert_eq!((after, touched, trust), (hash, touch, Trust::Good));
        assert_eq!(
            (understudy.asked, understudy.refused),
            (1 + moves as u64, 0)
        );
        assert_eq!((counters.unknown_cancel, counters.unknown_modify), (0, 0));
    }
}
