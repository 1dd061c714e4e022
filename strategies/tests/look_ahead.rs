//! No output of the flow stage depends on anything that comes after the event it is about.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use bumpalo::Bump;
use proptest::prelude::*;
use undertow_core::book::{BookLimits, Books};
use undertow_core::event::{Control, Definition, InstrumentClass, Mbo, RecordHeader};
use undertow_core::stage::{Emit, Stage};
use undertow_core::types::{
    Action, BookKey, Flags, InstrumentId, Nanos, OrderId, Price, PublisherId, Side, Text,
};
use undertow_strategies::flow::{Flow, FlowOutput, FlowParameters};
use undertow_strategies::ifd::baseline::Table;

/// One input.
#[derive(Clone, Debug)]
enum Input {
    Record(Mbo),
    Define(Definition),
}

/// What each input caused.
#[derive(Debug, Default)]
struct Said(Vec<FlowOutput>);

impl Emit<FlowOutput> for Said {
    fn emit(&mut self, update: &FlowOutput) {
        self.0.push(*update);
    }
}

/// Everything said about the inputs, with the number of outputs after each.
fn play(inputs: &[Input]) -> (Vec<FlowOutput>, Vec<usize>) {
    let limits = BookLimits {
        instruments_max: 4,
        orders_max: 512,
        book_orders_max: 256,
        pages_max: 256,
        watches_depth: true,
        ..BookLimits::default()
    };
    let arena = Bump::with_capacity(limits.bytes());
    let mut books = Books::new_in(&arena, &limits).unwrap();
    let parameters = FlowParameters {
        vpin_bucket: 11,
        vpin_buckets: 6,
        bulk_bars_min: 2,
        imbalance_interval: Nanos(5_000_000),
        ofi_interval: Nanos(20_000_000),
        sweep_contracts: 5,
        volume_bars: 2,
        ..FlowParameters::default()
    };
    let mut flow = Flow::with(4, parameters, Table::default());
    let (mut said, mut counts) = (Said::default(), Vec::new());
    for input in inputs {
        match input {
            Input::Define(definition) => {
                let control = Control::Definition(*definition);
                books.control(&control);
                flow.on_control(&control, &mut said);
            }
            Input::Record(mbo) => {
                let update = books.apply(mbo).unwrap();
                flow.on_data(update, &mut said);
            }
        }
        counts.push(said.0.len());
    }
    (said.0, counts)
}

fn key(id: u32) -> BookKey {
    BookKey {
        instrument_id: InstrumentId(id),
        publisher_id: PublisherId(1),
    }
}

fn definition(id: u32, is_future: bool) -> Input {
    Input::Define(Definition {
        key: key(id),
        ts_recv: Nanos(1),
        class: if is_future {
            InstrumentClass::Future
        } else {
            InstrumentClass::Call
        },
        update_action: b'A',
        strike: Price::UNDEFINED,
        expiration: Nanos(1),
        activation: Nanos(1),
        tick: Price(250_000_000),
        unit_qty: Price(20_000_000_000),
        underlying_id: InstrumentId(0),
        asset: Text::from_bytes(b"NQ"),
        currency: Text::from_bytes(b"USD"),
    })
}

/// 2024-07-01 20:59:50 UTC, ten seconds before a session of Globex ends.
const START: u64 = 1_719_867_590_000_000_000;

prop_compose! {
    /// A record of any action; time passes slowly, but now and then by minutes.
    fn record()(
        id in 1..3_u32,
        kind in 0..9_usize,
        order_id in 1..40_u64,
        is_bid in any::<bool>(),
        away in 0..6_i64,
        size in 0..9_u32,
        is_last in prop::bool::weighted(0.7),
        wait in prop_oneof![8 => 0..3_000_000_u64, 1 => 0..90_000_000_000_u64],
    ) -> (u64, Mbo) {
        let actions = [
            Action::Add, Action::Add, Action::Add, Action::Cancel, Action::Modify,
            Action::Trade, Action::Trade, Action::Fill, Action::None,
        ];
        let ticks = if is_bid { 100 - away } else { 100 + away };
        (wait, Mbo {
            header: RecordHeader::UNSET,
            ts_event: Nanos(0),
            ts_recv: Nanos(0),
            order_id: OrderId(order_id),
            price: Price(ticks * 250_000_000),
            size,
            sequence: 0,
            ts_in_delta: 0,
            instrument_id: InstrumentId(id),
            publisher_id: PublisherId(1),
            flags: if is_last { Flags::LAST } else { Flags::default() },
            action: actions[kind],
            side: if is_bid { Side::Bid } else { Side::Ask },
            channel_id: 0,
        })
    }
}

/// Inputs in the order of their times.
fn inputs(records: Vec<(u64, Mbo)>, defined_at: usize) -> Vec<Input> {
    let mut now = START;
    let mut inputs = vec![definition(1, true)];
    for (at, (wait, mut mbo)) in records.into_iter().enumerate() {
        if at == defined_at {
            inputs.push(definition(2, false));
        }
        now += wait;
        mbo.ts_event = Nanos(now);
        mbo.ts_recv = Nanos(now);
        mbo.sequence = at as u32 + 1;
        inputs.push(Input::Record(mbo));
    }
    inputs
}

/// The bits of what was said, so that an equal NaN would not hide a difference.
fn text(said: &[FlowOutput]) -> String {
    format!("{said:?}")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn s15_truncating_the_input_changes_nothing_said_before(
        records in prop::collection::vec(record(), 1..400),
        other in prop::collection::vec(record(), 0..60),
        defined_at in 0..40_usize,
        cut in any::<prop::sample::Index>(),
    ) {
        let whole = inputs(records, defined_at);
        let (said, counts) = play(&whole);
        let cut = cut.index(whole.len());
        let (said_of_part, _) = play(&whole[..=cut]);
        prop_assert_eq!(text(&said_of_part), text(&said[..counts[cut]]));
        // Another future changes nothing either.
        let mut otherwise = whole[..=cut].to_vec();
        otherwise.extend(inputs(other, 0));
        let (said_otherwise, _) = play(&otherwise);
        prop_assert_eq!(text(&said_otherwise[..counts[cut]]), text(&said[..counts[cut]]));
    }

    #[test]
    fn s16_records_of_one_instant_say_the_same_twice(
        records in prop::collection::vec(record(), 1..200),
    ) {
        let at_once: Vec<_> = records.into_iter().map(|(_, mbo)| (0, mbo)).collect();
        let whole = inputs(at_once, 0);
        prop_assert_eq!(text(&play(&whole).0), text(&play(&whole).0));
    }

    #[test]
    fn no_measure_leaves_its_range(records in prop::collection::vec(record(), 1..400)) {
        for said in play(&inputs(records, 7)).0 {
            let FlowOutput::Update(said) = said else { continue };
            let Some(reading) = said.reading else { continue };
            let within = |value: Option<f64>, low: f64, high: f64| {
                value.is_none_or(|value| (low..=high).contains(&value))
            };
            let vpin = reading.vpin.map(|it| it.value);
            let bulk = reading.vpin_bulk.map(|it| it.value);
            for value in [vpin, bulk, reading.pattern, reading.hidden, reading.quality] {
                prop_assert!(within(value, 0.0, 1.0), "{reading:?}");
            }
            prop_assert!(within(reading.toxicity, 0.0, 1.0), "{reading:?}");
            prop_assert!(within(reading.imbalance_volatility, 0.0, 1.0), "{reading:?}");
            for value in [said.obi_l1(), said.obi_l5()] {
                prop_assert!(within(value, -1.0, 1.0), "{said:?}");
            }
            prop_assert!(within(said.pressure(), 0.1, 10.0), "{said:?}");
            let ratio = reading.volume.map(|it| it.ratio);
            for value in [ratio, reading.imbalance_velocity, said.microprice()] {
                prop_assert!(value.is_none_or(f64::is_finite), "{said:?}");
            }
        }
    }
}
