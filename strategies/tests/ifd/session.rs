//! Random sessions of a few hundred options for tests of the desk.
#![allow(dead_code, reason = "each test takes what it needs")]

use undertow_core::event::{
    BookUpdate, Control, Definition, Depth, Effect, InstrumentClass, RecordHeader, Statistic,
    Touch, Trust,
};
use undertow_core::types::{
    Action, BookKey, Flags, InstrumentId, Nanos, OrderId, Price, PublisherId, Side, Text,
};
use undertow_strategies::calendar::Day;
use undertow_strategies::ifd::baseline::{Bucket, Key, Row, Table};
use undertow_strategies::ifd::confidence::Profile;
use undertow_strategies::ifd::desk::{Desk, Limits, Settings, Widths};
use undertow_strategies::ifd::spike::Activity;
use undertow_strategies::options::Right;

#[path = "../reference/search.rs"]
mod search;

pub(crate) use search::search;

/// A second and a minute, ns.
pub(crate) const S: u64 = 1_000_000_000;
pub(crate) const MINUTE: u64 = 60 * S;

/// One trade of an option.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Traded {
    pub(crate) ts: u64,
    pub(crate) option: usize,
    pub(crate) price: Price,
    pub(crate) size: u32,
    pub(crate) side: Side,
}

impl Traded {
    /// The middle of the quote that it leaves; now and then there is none.
    pub(crate) fn quote(&self) -> Option<Price> {
        (self.price.is_defined() && !self.size.is_multiple_of(7)).then_some(self.price)
    }
}

/// What a session is fed with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Input {
    Trade(Traded),
    /// The underlying's touch, always the same, at a time.
    Quote(u64),
}

impl Input {
    pub(crate) fn ts(&self) -> u64 {
        match self {
            Self::Trade(trade) => trade.ts,
            Self::Quote(ts) => *ts,
        }
    }

    pub(crate) fn option(&self) -> usize {
        match self {
            Self::Trade(trade) => trade.option,
            Self::Quote(_) => usize::MAX,
        }
    }
}

pub(crate) struct Terms {
    pub(crate) strike: Price,
    pub(crate) right: Right,
    pub(crate) expiry: Nanos,
    open_interest: i64,
}

/// Options by place, call and put of a strike side by side, and what happens to them.
pub(crate) struct Session {
    pub(crate) options: Vec<Terms>,
    pub(crate) inputs: Vec<Input>,
    pub(crate) table: Table,
    pub(crate) product: Text<11>,
    pub(crate) spot: Price,
}

/// SplitMix64.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % n
    }

    pub(crate) fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}

const fn points(points: i64) -> Price {
    Price(points * Price::PER_POINT)
}

impl Session {
    /// `expiries` of `strikes` strikes 25 points apart, with twenty days of history.
    pub(crate) fn listed(expiries: u64, strikes: i64, random: &mut Random) -> Self {
        let mut options = Vec::new();
        for expiry in 0..expiries {
            for step in 0..strikes {
                for right in [Right::Call, Right::Put] {
                    options.push(Terms {
                        strike: points(24_800 + 25 * (step - strikes / 2)),
                        right,
                        expiry: Nanos((20_600 + expiry) * 1_440 * MINUTE),
                        open_interest: random.below(300) as i64,
                    });
                }
            }
        }
        let product = Text::from_bytes(b"NQ");
        let mut rows = Vec::new();
        for step in 0..strikes {
            for right in [Right::Call, Right::Put] {
                for day in 0..20 {
                    let ratio = 1.0 + random.below(100) as f64 / 100.0;
                    rows.push(Row {
                        day: Day(day),
                        key: Key {
                            product,
                            bucket: Bucket::Strike(points(24_800 + 25 * (step - strikes / 2))),
                            right,
                        },
                        windows: 40,
                        buy_ratio: ratio,
                        sell_ratio: 3.0 - ratio,
                        volume: 200.0,
                        confidence: 0.3,
                    });
                }
            }
        }
        Self {
            options,
            inputs: Vec::new(),
            table: Table::new(rows, &(Day(0)..Day(20))),
            product,
            spot: Price(24_800_250_000_000),
        }
    }

    /// An hour of trades on 300 options, with stretches of one-sided flow, silence, and trades
    /// that come late.
    pub(crate) fn random(seed: u64) -> Self {
        let mut random = Random(seed);
        let mut session = Self::listed(3, 50, &mut random);
        let count = session.options.len() as u64;
        let mut now = 20_523 * 1_440 * MINUTE + random.below(3_600) * S;
        let end = now + 60 * MINUTE;
        let mut hot = (0, Side::Bid);
        session.inputs.push(Input::Quote(now));
        while now < end {
            now += random.below(2 * S / 5);
            if random.below(3_000) == 0 {
                now += random.below(12) * MINUTE;
            }
            if random.below(500) == 0 {
                let side = if random.chance(50) {
                    Side::Bid
                } else {
                    Side::Ask
                };
                hot = (random.below(count), side);
            }
            if random.chance(5) {
                session.inputs.push(Input::Quote(now));
                continue;
            }
            let is_hot = random.chance(40);
            // Strikes near the hot one join it, calls one way and puts the other.
            let near = (hot.0 + 2 * random.below(4)) % count;
            let option = if is_hot { near } else { random.below(count) };
            let side = match (is_hot && random.chance(90), random.below(10)) {
                (true, _) => hot.1,
                (false, 0) => Side::None,
                (false, 1..5) => Side::Bid,
                (false, _) => Side::Ask,
            };
            let age = if random.chance(3) {
                random.below(90 * S)
            } else {
                0
            };
            session.inputs.push(Input::Trade(Traded {
                ts: now - age,
                option: option as usize,
                price: Price((400 + random.below(5_000) as i64) * 50_000_000),
                size: 1 + random.below(if is_hot { 60 } else { 12 }) as u32,
                side,
            }));
        }
        session
    }

    /// One trade in each of so many options within a second.
    pub(crate) fn quiet(options: usize) -> Self {
        let mut random = Random(1);
        let mut session = Self::listed(4, options.div_ceil(8) as i64 + 1, &mut random);
        let start = 20_523 * 1_440 * MINUTE + MINUTE;
        for option in 0..options {
            session.inputs.push(Input::Trade(Traded {
                ts: start + option as u64,
                option,
                price: points(10),
                size: 1,
                side: Side::Bid,
            }));
        }
        session
    }

    /// Puts everything on whole seconds, in order.
    pub(crate) fn snap_to_seconds(&mut self) {
        for input in &mut self.inputs {
            match input {
                Input::Trade(trade) => trade.ts -= trade.ts % S,
                Input::Quote(ts) => *ts -= *ts % S,
            }
        }
        self.inputs.sort_by_key(Input::ts);
    }

    pub(crate) fn inputs_differ(&self, others: &[Input]) -> bool {
        self.inputs != others
    }

    /// A desk that knows the listing and the open interest.
    pub(crate) fn desk(&self) -> Desk {
        let limits = Limits {
            books_max: self.options.len() + 1,
            options_max: self.options.len(),
            underlyings_max: 4,
            quoted_max: 1_024,
        };
        let settings = Settings {
            profile: Profile::TESTING,
            widths: Widths::STANDARD,
        };
        let mut desk = Desk::new(&limits, &settings, self.table.clone()).searched_by(search);
        for option in 0..self.options.len() {
            desk.on_control(&Control::Definition(self.definition(option)));
        }
        let future = Definition {
            key: key(0),
            class: InstrumentClass::Future,
            asset: self.product,
            ..self.definition(0)
        };
        desk.on_control(&Control::Definition(future));
        for (option, terms) in self.options.iter().enumerate() {
            desk.on_control(&Control::Statistic(Statistic {
                key: key(option + 1),
                ts_event: Nanos(1),
                ts_ref: Nanos(1),
                price: Price::UNDEFINED,
                quantity: terms.open_interest,
                stat_type: Statistic::OPEN_INTEREST,
                deleted: false,
            }));
        }
        let mut quote = self.update(&Input::Quote(1));
        quote.mbo.ts_recv = Nanos(1);
        desk.on_update(&quote, Side::None);
        desk
    }

    pub(crate) fn feed(&self, desk: &mut Desk, input: &Input) {
        let side = match input {
            Input::Trade(trade) => trade.side,
            Input::Quote(_) => Side::None,
        };
        desk.on_update(&self.update(input), side);
    }

    pub(crate) fn option_of(&self, key: BookKey) -> usize {
        key.instrument_id.0 as usize - 2
    }

    pub(crate) fn activity(&self, trade: &Traded, volume: u64) -> Activity {
        let terms = &self.options[trade.option];
        Activity {
            strike: terms.strike,
            right: terms.right,
            volume,
            open_interest: terms.open_interest.unsigned_abs(),
            last: trade.price,
            multiplier: points(20),
        }
    }

    fn definition(&self, option: usize) -> Definition {
        let terms = &self.options[option];
        Definition {
            key: key(option + 1),
            ts_recv: Nanos(1),
            class: match terms.right {
                Right::Call => InstrumentClass::Call,
                Right::Put => InstrumentClass::Put,
            },
            update_action: b'A',
            strike: terms.strike,
            expiration: terms.expiry,
            activation: Nanos(1),
            tick: Price(50_000_000),
            unit_qty: points(20),
            underlying_id: key(0).instrument_id,
            asset: Text::from_bytes(b"QN1"),
            currency: Text::from_bytes(b"USD"),
        }
    }

    /// The update that the book stage would send.
    pub(crate) fn update(&self, input: &Input) -> BookUpdate {
        let around = match input {
            Input::Trade(trade) => trade.quote(),
            Input::Quote(_) => Some(self.spot),
        };
        let (book, action, price, size, side) = match input {
            Input::Trade(it) => (it.option + 1, Action::Trade, it.price, it.size, it.side),
            Input::Quote(_) => (0, Action::Add, self.spot, 1, Side::Bid),
        };
        BookUpdate {
            mbo: undertow_core::event::Mbo {
                header: RecordHeader::UNSET,
                ts_event: Nanos(input.ts()),
                ts_recv: Nanos(input.ts().saturating_add(100 * S)),
                order_id: OrderId(1),
                price,
                size,
                sequence: 1,
                ts_in_delta: 0,
                instrument_id: key(book).instrument_id,
                publisher_id: key(book).publisher_id,
                flags: Flags::LAST,
                action,
                side,
                channel_id: 0,
            },
            touch: around.map_or(Touch::EMPTY, |middle| Touch {
                bid: Price(middle.0 - 250_000_000),
                ask: Price(middle.0 + 250_000_000),
                bid_size: 5,
                ask_size: 5,
                bid_count: 1,
                ask_count: 1,
            }),
            depth: Depth::default(),
            level_size: 1,
            level_count: 1,
            book_idx: book as u32,
            effect: Effect::None,
            trust: Trust::Good,
            touch_changed: book == 0,
        }
    }
}

fn key(book: usize) -> BookKey {
    BookKey {
        instrument_id: InstrumentId(book as u32 + 1),
        publisher_id: PublisherId(1),
    }
}
