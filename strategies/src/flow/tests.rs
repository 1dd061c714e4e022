//! What is left unread while nothing else can have changed is what it would read.

use super::*;
use alloc::vec::Vec;
use bumpalo::Bump;
use undertow_core::book::{BookLimits, Books};
use undertow_core::event::{InstrumentClass, Mbo, RecordHeader};
use undertow_core::types::{OrderId, Text};

const RECORDS: usize = 12_000;

/// 2024-07-01 20:57:30 UTC: two and a half minutes before a session of Globex ends.
const START: u64 = 1_719_867_450_000_000_000;

const KEY: BookKey = BookKey {
    instrument_id: InstrumentId(1),
    publisher_id: PublisherId(1),
};

/// Numbers that repeat (xorshift).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % limit
    }

    /// A record of any action near the touch, `now` being the latest time there was. Now and then
    /// time goes back, waits for minutes, or cannot be used.
    fn record(&mut self, now: &mut u64) -> Mbo {
        const ACTIONS: [Action; 16] = [
            Action::Add,
            Action::Add,
            Action::Add,
            Action::Add,
            Action::Add,
            Action::Add,
            Action::Add,
            Action::Cancel,
            Action::Cancel,
            Action::Cancel,
            Action::Modify,
            Action::Modify,
            Action::Fill,
            Action::Trade,
            Action::Trade,
            Action::None,
        ];
        *now += match self.below(400) {
            0 => 70_000_000_000,
            1..20 => 300_000_000,
            _ => self.below(4_000_000),
        };
        let ts_event = match self.below(60) {
            0 => *now - self.below(20_000_000_000),
            1 => *now + 3_000_000_000,
            2 => 0,
            _ => *now,
        };
        let is_bid = self.below(2) == 0;
        let away = self.below(5).cast_signed();
        let ticks = if is_bid { 100 - away } else { 101 + away };
        Mbo {
            header: RecordHeader::UNSET,
            ts_event: Nanos(ts_event),
            ts_recv: Nanos(*now + 1_000),
            order_id: OrderId(1 + self.below(60)),
            price: Price(ticks * 250_000_000),
            size: self.below(6) as u32,
            sequence: 1,
            ts_in_delta: 0,
            instrument_id: KEY.instrument_id,
            publisher_id: KEY.publisher_id,
            flags: if self.below(4) == 0 {
                Flags(0)
            } else {
                Flags::LAST
            },
            action: ACTIONS[self.below(16) as usize],
            side: match self.below(9) {
                0 => Side::None,
                _ if is_bid => Side::Bid,
                _ => Side::Ask,
            },
            channel_id: 0,
        }
    }
}

#[derive(Default)]
struct Said(Vec<FlowOutput>);

impl Emit<FlowOutput> for Said {
    fn emit(&mut self, output: &FlowOutput) {
        self.0.push(*output);
    }
}

fn definition(expiration: u64) -> Control {
    Control::Definition(Definition {
        key: KEY,
        ts_recv: Nanos(1),
        class: InstrumentClass::Future,
        update_action: b'A',
        strike: Price::UNDEFINED,
        expiration: Nanos(expiration),
        activation: Nanos(1),
        tick: Price(250_000_000),
        unit_qty: Price(20_000_000_000),
        underlying_id: InstrumentId(0),
        asset: Text::from_bytes(b"NQ"),
        currency: Text::from_bytes(b"USD"),
    })
}

fn flow() -> Flow {
    let parameters = FlowParameters {
        // Long, and no parts of a minute, so that each of the times stands alone.
        imbalance_interval: Nanos(97_000_000_000),
        ofi_interval: Nanos(77_000_000_000),
        vpin_bucket: 11,
        vpin_buckets: 6,
        bulk_bars_min: 2,
        volume_bars: 2,
        sweep_contracts: 3,
        sweep_levels: 3,
        iceberg_refills: 1,
        ..FlowParameters::default()
    };
    Flow::with(1, parameters, Table::default())
}

/// As text, so that every field counts and what is absent equals itself.
fn text(said: &Said) -> alloc::string::String {
    alloc::format!("{:?}", said.0)
}

#[test]
fn measures_left_unread_say_what_they_would_say_if_read_at_every_event() {
    let limits = BookLimits {
        instruments_max: 1,
        orders_max: 512,
        book_orders_max: 256,
        pages_max: 256,
        watches_depth: true,
        ..BookLimits::default()
    };
    let mut quiet_count = 0;
    for seed in 1..9 {
        let arena = Bump::with_capacity(limits.bytes());
        let mut books = Books::new_in(&arena, &limits).expect("sound limits");
        let (mut flow, mut reader) = (flow(), flow());
        let (mut numbers, mut now) = (Numbers(seed), START - (seed % 2) * 7_200_000_000_000);
        let (mut found, mut swept, mut pressed) = (false, false, false);
        for place in 0..RECORDS {
            let (mut said, mut read) = (Said::default(), Said::default());
            if place % 4_000 == 0 {
                // The same id is another contract from now on.
                let control = definition(START + place as u64);
                flow.on_control(&control, &mut said);
                reader.on_control(&control, &mut read);
            }
            let mbo = numbers.record(&mut now);
            let Some(update) = books.apply(&mbo) else {
                continue;
            };
            quiet_count += usize::from(flow.measures[0].is_quiet());
            reader.measures[0].read_next();
            flow.on_data(update, &mut said);
            reader.on_data(update, &mut read);
            assert_eq!(text(&said), text(&read), "seed {seed}, record {place}");
            if let Some(FlowOutput::Update(last)) = said.0.last() {
                assert_eq!(flow.said(0), Some(last), "what was said is kept");
                let reading = last.reading.unwrap_or_default();
                let agree = flow.measures[0].agree_with(&reading, flow.clock.observe(&mbo));
                assert!(agree, "seed {seed}, record {place}: {reading:?}");
                found |= reading.hidden_counts.icebergs > 0;
                swept |= reading.sweep.is_some();
                pressed |= reading.volume.is_some() && reading.vpin.is_some();
            }
        }
        assert!(found && swept && pressed, "seed {seed} has what is tested");
    }
    assert!(quiet_count > RECORDS, "hardly anything was left unread");
}

#[test]
fn what_was_said_stands_until_the_next_event_has_ended() {
    let limits = BookLimits {
        instruments_max: 1,
        watches_depth: true,
        ..BookLimits::default()
    };
    let arena = Bump::with_capacity(limits.bytes());
    let mut books = Books::new_in(&arena, &limits).expect("sound limits");
    let (mut flow, mut said) = (flow(), Said::default());
    let add = Mbo {
        ts_event: Nanos(START),
        ts_recv: Nanos(START),
        order_id: OrderId(1),
        price: Price(25_000_000_000),
        size: 5,
        sequence: 1,
        instrument_id: KEY.instrument_id,
        publisher_id: KEY.publisher_id,
        flags: Flags::LAST,
        action: Action::Add,
        side: Side::Bid,
        ..Mbo::default()
    };
    let trade = Mbo {
        // Another session, whose start sets measures back.
        ts_event: Nanos(START + 7_200_000_000_000),
        ts_recv: Nanos(START + 7_200_000_000_000),
        size: 11,
        action: Action::Trade,
        side: Side::Ask,
        ..add
    };
    let mut play = |mbo: Mbo| {
        if let Some(update) = books.apply(&mbo) {
            flow.on_data(update, &mut said);
        }
        (flow.said(0).copied(), said.0.len())
    };
    let (first, count) = play(add);
    let open = Mbo {
        flags: Flags(0),
        ..trade
    };
    assert_eq!(play(open), (first, count), "the event is open");
    let (after, count_after) = play(trade);
    assert_eq!(count_after, count + 1);
    let after = after.expect("it has measures");
    assert_eq!((after.trades, after.sold), (2, 22));
    assert!(after.reading.and_then(|it| it.vpin).is_some());
}
