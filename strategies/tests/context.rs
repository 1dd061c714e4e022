//! Timeframes, portfolio, auction and stream quality: what the vectors leave open.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use proptest::prelude::*;
use undertow_core::event::{Depth, Imbalance, Mbo, RecordHeader, Touch};
use undertow_core::types::{
    Action, BookKey, Flags, InstrumentId, Nanos, OrderId, Price, PublisherId, Side,
};
use undertow_strategies::auction::AuctionImbalance;
use undertow_strategies::portfolio::{Member, Portfolio, Risk, Rotation, Sector, SectorFlow};
use undertow_strategies::quality::{Batch, StreamQuality, cost, source_score};
use undertow_strategies::timeframes::{Alignment, HORIZONS, Timeframes, TimeframesReading};

const SECOND: u64 = 1_000_000_000;
const MINUTE: u64 = 60 * SECOND;

fn points(points: i64) -> Price {
    Price(points * Price::PER_POINT)
}

#[test]
fn horizon_without_data_is_absent_and_two_are_needed() {
    let mut timeframes = Timeframes::new();
    let start = 1_000 * MINUTE;
    timeframes.update(Nanos(start), points(100));
    timeframes.update(Nanos(start + 2 * MINUTE), points(101));
    assert_eq!(timeframes.reading(), None, "one minute alone");
    timeframes.update(Nanos(start + 6 * MINUTE), points(102));
    let reading = timeframes.reading().unwrap();
    let one = 102.0 / 101.0 - 1.0;
    assert_eq!(
        reading.changes,
        [Some(one), Some(102.0 / 100.0 - 1.0), None, None, None]
    );
    assert_eq!(
        (reading.alignment, reading.class),
        (1.0, Alignment::StrongBull)
    );
    timeframes.clear();
    assert_eq!(timeframes.reading(), None);
}

#[test]
fn last_price_stands_while_nothing_trades() {
    let mut timeframes = Timeframes::new();
    let start = 1_000 * MINUTE;
    timeframes.update(Nanos(start), points(100));
    timeframes.update(Nanos(start + 30 * MINUTE), points(110));
    timeframes.advance(Nanos(start + 61 * MINUTE));
    let reading = timeframes.reading().unwrap();
    assert_eq!(
        reading.changes,
        [0.0, 0.0, 0.0, 0.0, 110.0 / 100.0 - 1.0].map(Some)
    );
    // After a gap longer than the memory every horizon is level.
    timeframes.advance(Nanos(start + 10_000 * MINUTE));
    assert_eq!(timeframes.reading().unwrap().changes, [Some(0.0); 5]);
    // What comes too late changes nothing.
    timeframes.update(Nanos(start), points(1));
    assert_eq!(timeframes.reading().unwrap().changes, [Some(0.0); 5]);
}

#[test]
fn short_against_long_trend_is_a_divergence() {
    let read = |changes: [f64; 5]| TimeframesReading::of(changes.map(Some)).unwrap();
    assert!(read([0.002, 0.0, 0.0, 0.0, -0.002]).diverges);
    assert!(read([0.0, -0.002, 0.0, 0.002, 0.0]).diverges);
    // The 15 minutes belong to neither, and at exactly 0.1 % there is no trend.
    assert!(!read([0.002, 0.002, -0.002, 0.0, 0.0]).diverges);
    assert!(!read([0.001, 0.0, 0.0, -0.002, 0.0]).diverges);
    assert_eq!(read([0.0; 5]).class, Alignment::Neutral);
    assert_eq!(read([-0.002; 5]).class, Alignment::StrongBear);
    assert_eq!(
        TimeframesReading::of([Some(0.1), Some(f64::NAN), None, None, None]),
        None
    );
}

proptest! {
    #[test]
    fn changes_are_those_of_a_search_through_all_trades(
        trades in prop::collection::vec((0_u64..200, 1_i64..1_000), 1..150),
    ) {
        let mut timeframes = Timeframes::new();
        let (mut step, mut seen): (u64, Vec<(u64, i64)>) = (100_000, Vec::new());
        for (later, price) in trades {
            step += later;
            timeframes.update(Nanos(step * 5 * SECOND), points(price));
            seen.push((step, price));
            let standing = |at: u64| seen.iter().rev().find(|(s, _)| *s <= at).map(|(_, p)| *p);
            let expected = HORIZONS.map(|minutes| {
                let then = standing(step - u64::from(minutes) * 12)?;
                Some(price as f64 / then as f64 - 1.0)
            });
            match timeframes.reading() {
                Some(reading) => {
                    for (found, expected) in reading.changes.iter().zip(expected) {
                        prop_assert_eq!(found.is_some(), expected.is_some());
                        let apart = found.unwrap_or(0.0) - expected.unwrap_or(0.0);
                        prop_assert!(apart.abs() < 1e-12);
                    }
                }
                None => prop_assert!(expected.iter().flatten().count() < 2),
            }
        }
    }
}

const NOTHING: Member = Member {
    sector: Sector::Technology,
    volume: 0,
    vpin: None,
    gex: None,
    dex: None,
    imbalance: None,
    change: None,
};

#[test]
fn portfolio_of_nothing_says_nothing() {
    assert_eq!(Portfolio::of(&[]), Portfolio::default());
    assert_eq!(Portfolio::of(&[NOTHING]), Portfolio::default());
    let no_volume = Member {
        vpin: Some(0.5),
        gex: Some(f64::NAN),
        ..NOTHING
    };
    let portfolio = Portfolio::of(&[no_volume]);
    assert_eq!((portfolio.vpin, portfolio.vpin_mean), (None, Some(0.5)));
    assert_eq!(portfolio.gex, None);
}

#[test]
fn sector_ahead_of_the_broad_market_draws_money() {
    let member = |sector, volume, imbalance, change| Member {
        sector,
        volume,
        imbalance: Some(imbalance),
        change: Some(change),
        ..NOTHING
    };
    let members = [
        member(Sector::BroadMarket, 1_000, 0.1, 0.001),
        member(Sector::Technology, 100, 0.5, 0.003),
        member(Sector::Technology, 300, -0.1, 0.002),
        member(Sector::Consumer, 100, -0.5, -0.001),
    ];
    let technology = SectorFlow::of(Sector::Technology, &members);
    assert!((technology.net.unwrap() - 20.0).abs() < 1e-12);
    assert_eq!(technology.rotation, Some(Rotation::Into));
    let consumer = SectorFlow::of(Sector::Consumer, &members);
    assert_eq!(
        (consumer.net, consumer.rotation),
        (Some(-50.0), Some(Rotation::OutOf))
    );
    let broad = SectorFlow::of(Sector::BroadMarket, &members);
    assert_eq!((broad.net, broad.rotation), (Some(100.0), None));
    assert_eq!(SectorFlow::of(Sector::Volatility, &members).net, None);
}

#[test]
fn volatility_products_tell_the_appetite_for_risk() {
    let risk = |vpin| {
        let member = Member {
            sector: Sector::Volatility,
            vpin: Some(vpin),
            ..NOTHING
        };
        Portfolio::of(&[member]).risk.unwrap()
    };
    let read = [0.61, 0.6, 0.4, 0.39].map(risk);
    assert_eq!(read, [Risk::Off, Risk::Neutral, Risk::Neutral, Risk::On]);
}

fn imbalance(side: Side, imbalance_size: u32, paired_size: u32) -> Imbalance {
    Imbalance {
        key: BookKey::default(),
        ts_event: Nanos(1),
        ref_price: points(650),
        match_price: Price(0),
        clearing_price: Price::UNDEFINED,
        paired_size,
        imbalance_size,
        side,
    }
}

#[test]
fn auction_of_the_exchange_is_no_proxy_and_ignores_prices_of_zero() {
    let message = imbalance(Side::Ask, 500, 1_500);
    let auction = AuctionImbalance::of(&message).unwrap();
    assert_eq!((auction.side, auction.is_proxy), (Side::Ask, false));
    assert_eq!(auction.ratio(), Some(0.25));
    assert_eq!(auction.notional, Some(3_250_000_000));
    assert_eq!(auction.offset_bps(points(650)), None);
    let near = Imbalance {
        clearing_price: Price(649_350_000_000),
        ..message
    };
    let near = AuctionImbalance::of(&near).unwrap();
    assert!((near.offset_bps(points(650)).unwrap() + 10.0).abs() < 1e-12);
    assert_eq!(near.offset_bps(Price(0)), None);
    let unused = imbalance(Side::Bid, u32::MAX, 1);
    assert_eq!(AuctionImbalance::of(&unused), None);
    let empty = AuctionImbalance::of(&imbalance(Side::None, 0, 0)).unwrap();
    assert_eq!(empty.ratio(), None);
}

#[test]
fn proxy_needs_more_than_a_fifth_and_a_price() {
    let proxy = |bid, ask, price| {
        let depth = Depth {
            sum10: [bid, ask],
            ..Depth::default()
        };
        AuctionImbalance::proxy(&depth, price)
    };
    assert_eq!(proxy(120, 100, points(1)).side, Side::None);
    assert_eq!(proxy(121, 100, points(1)).side, Side::Bid);
    assert_eq!(proxy(100, 121, points(1)).side, Side::Ask);
    assert_eq!(proxy(121, 100, Price::UNDEFINED).notional, None);
    assert_eq!(proxy(0, 0, points(1)).ratio(), None);
    assert_eq!(proxy(0, u64::MAX, points(1)).side, Side::Ask);
}

fn record(ts: u64, action: Action, price: i64) -> Mbo {
    Mbo {
        header: RecordHeader::UNSET,
        ts_event: Nanos(ts),
        ts_recv: Nanos(ts),
        order_id: OrderId(1),
        price: points(price),
        size: 1,
        sequence: 0,
        ts_in_delta: 0,
        instrument_id: InstrumentId(1),
        publisher_id: PublisherId(1),
        flags: Flags::LAST,
        action,
        side: Side::Bid,
        channel_id: 0,
    }
}

#[test]
fn stream_of_sound_records_scores_one_and_each_fault_costs() {
    let touch = Touch {
        bid: points(99),
        ask: points(101),
        ..Touch::EMPTY
    };
    let mut sound = StreamQuality::default();
    assert_eq!(sound.score(), None);
    for ts in 1..=100 {
        sound.update(&record(ts, Action::Trade, 100), &touch);
    }
    assert_eq!(sound.score(), Some(1.0));
    let after = |mbo: Mbo, touch: Touch| {
        let mut quality = sound;
        quality.update(&mbo, &touch);
        quality.score().unwrap()
    };
    // Within 20 % is sound, and a gap in time is none backwards.
    assert_eq!(after(record(500, Action::Trade, 120), touch), 1.0);
    let faults = [
        after(record(500, Action::Trade, 121), touch),
        after(record(99, Action::Trade, 100), touch),
        after(record(0, Action::Trade, 100), touch),
        after(
            Mbo {
                size: 0,
                ..record(500, Action::Add, 100)
            },
            touch,
        ),
        after(
            Mbo {
                price: Price::UNDEFINED,
                ..record(500, Action::Add, 1)
            },
            touch,
        ),
        after(
            Mbo {
                side: Side::None,
                ..record(500, Action::Add, 100)
            },
            touch,
        ),
        after(
            record(500, Action::Add, 100),
            Touch {
                bid: points(101),
                ..touch
            },
        ),
    ];
    for score in faults {
        assert!((0.99..1.0).contains(&score), "{score}");
    }
    // A trade whose aggressor the venue leaves open is no fault, nor is an empty book.
    assert_eq!(
        after(
            Mbo {
                side: Side::None,
                ..record(500, Action::Trade, 100)
            },
            touch
        ),
        1.0
    );
    assert_eq!(after(record(500, Action::Add, 100), Touch::EMPTY), 1.0);
}

#[test]
fn scores_stay_within_their_range() {
    let worst = Batch {
        is_empty: true,
        null_share: f64::NAN,
        age: Some(Nanos(u64::MAX)),
        missing: 200,
    };
    assert_eq!(worst.score(), 0.0);
    assert_eq!(source_score(1.0, Nanos(0), 0), Some(1.0));
    assert_eq!(source_score(0.0, Nanos(u64::MAX), u32::MAX), Some(0.0));
    assert_eq!(source_score(f64::NAN, Nanos(0), 0), None);
    assert_eq!(source_score(1.5, Nanos(0), 0), None);
}

#[test]
fn cost_is_rounded_up_and_never_overflows() {
    assert_eq!(cost(0, Nanos(0)), 0);
    assert_eq!(cost(1, Nanos(0)), 1);
    assert_eq!(cost(1_000_000, Nanos(0)), 100);
    assert_eq!(cost(0, Nanos(3_600 * SECOND)), 10_000);
    assert_eq!(cost(u64::MAX, Nanos(u64::MAX)), 1_844_725_648_326_716);
}
