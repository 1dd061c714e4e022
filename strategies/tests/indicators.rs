//! The indicators against TA-Lib, and against what must hold for any input.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use proptest::prelude::*;
use ta_lib::{Core, MAType, OutRange};
use undertow_core::types::{Nanos, Price};
use undertow_strategies::calendar::{Calendar, Day, Venue};
use undertow_strategies::indicators::{
    Atr, Bollinger, Ema, Macd, Rsi, RsiZone, SessionVwap, Vwap, Window,
};

/// Bars as (high, low, close): a walk in ticks of 0.25 whose mood changes, level stretches and
/// jumps included, near the prices of NQ.
fn bars(seed: u64, len: usize) -> Vec<(f64, f64, f64)> {
    let mut state = seed;
    let mut random = move |below: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 33) % below
    };
    let mut close: i64 = 80_000;
    (0..len)
        .map(|at| {
            let swing = [1, 5, 41, 9][at / 500 % 4];
            let jump = if random(1_000) == 0 { 400 } else { 0 };
            close += random(swing) as i64 - swing as i64 / 2 + jump - jump * random(3) as i64;
            let (up, down) = (random(swing) as i64, random(swing) as i64);
            let points = |ticks: i64| ticks as f64 * 0.25;
            (points(close + up), points(close - down), points(close))
        })
        .collect()
}

/// Compares readings from TA-Lib's first one on, and that there is none before.
#[track_caller]
fn assert_same(ours: &[Option<f64>], theirs: &[f64], range: OutRange, tolerance: f64) {
    assert_eq!(ours.iter().position(Option::is_some), Some(range.beg_idx));
    let ours = &ours[range.beg_idx..];
    assert_eq!(ours.len(), range.count);
    for (at, (ours, theirs)) in ours.iter().zip(&theirs[..range.count]).enumerate() {
        let ours = ours.unwrap();
        let near = (ours - theirs).abs() <= tolerance;
        assert!(near, "{ours} is not {theirs} at {}", range.beg_idx + at);
    }
}

#[test]
fn readings_are_those_of_ta_lib_over_long_series() {
    let core = Core::new();
    for seed in [1, 7, 2026] {
        let bars = bars(seed, 200_000);
        let close: Vec<f64> = bars.iter().map(|bar| bar.2).collect();
        let (end, mut out) = (close.len() - 1, vec![0.0; close.len()]);
        for period in [2_i32, 9, 20, 200] {
            let length = u32::try_from(period).unwrap();
            let mut window = Window::new(length as usize);
            let ours: Vec<_> = close.iter().map(|value| window.update(*value)).collect();
            let range = core.sma(0, end, &close, period, &mut out).unwrap();
            assert_same(&ours, &out, range, 1e-7);

            let mut ema = Ema::new(length);
            let ours: Vec<_> = close.iter().map(|value| ema.update(*value)).collect();
            let range = core.ema(0, end, &close, period, &mut out).unwrap();
            assert_same(&ours, &out, range, 1e-9);

            let mut atr = Atr::new(length);
            let update = |bar: &(f64, f64, f64)| atr.update(bar.0, bar.1, bar.2);
            let ours: Vec<_> = bars.iter().map(update).collect();
            let (high, low): (Vec<_>, Vec<_>) = bars.iter().map(|bar| (bar.0, bar.1)).unzip();
            let range = core
                .atr(0, end, &high, &low, &close, period, &mut out)
                .unwrap();
            assert_same(&ours, &out, range, 1e-9);
        }
    }
}

#[test]
fn rsi_is_that_of_ta_lib_wherever_prices_move() {
    let core = Core::new();
    let close: Vec<f64> = bars(3, 200_000).iter().map(|bar| bar.2).collect();
    let mut out = vec![0.0; close.len()];
    for period in [2_i32, 14, 50] {
        let mut rsi = Rsi::new(period.cast_unsigned());
        let ours: Vec<_> = close.iter().map(|value| rsi.update(*value)).collect();
        let range = core
            .rsi(0, close.len() - 1, &close, period, &mut out)
            .unwrap();
        let mut compared = 0;
        for (at, theirs) in (range.beg_idx..).zip(&out[..range.count]) {
            // Where nothing moves TA-Lib says 50, as if gains and losses were equal.
            if let Some(ours) = ours[at] {
                assert!(
                    (ours - theirs).abs() < 1e-8,
                    "{ours} is not {theirs} at {at}"
                );
                compared += 1;
            } else {
                assert_eq!(*theirs, 50.0);
            }
        }
        assert!(compared > 190_000, "{compared}");
    }
}

#[test]
fn bands_are_those_of_ta_lib() {
    let core = Core::new();
    let close: Vec<f64> = bars(4, 200_000).iter().map(|bar| bar.2).collect();
    let mut bollinger = Bollinger::default();
    let ours: Vec<_> = close.iter().map(|value| bollinger.update(*value)).collect();
    let [mut upper, mut middle, mut lower] = [(); 3].map(|()| vec![0.0; close.len()]);
    let end = close.len() - 1;
    let range = core
        .bbands(
            0,
            end,
            &close,
            20,
            2.0,
            2.0,
            MAType::SMA,
            &mut upper,
            &mut middle,
            &mut lower,
        )
        .unwrap();
    let line = |pick: fn(&undertow_strategies::indicators::Bands) -> f64| {
        ours.iter()
            .map(|bands| bands.as_ref().map(pick))
            .collect::<Vec<_>>()
    };
    assert_same(&line(|bands| bands.upper), &upper, range, 1e-6);
    assert_same(&line(|bands| bands.middle), &middle, range, 1e-6);
    assert_same(&line(|bands| bands.lower), &lower, range, 1e-6);
}

#[test]
fn macd_is_that_of_ta_lib_once_the_seeds_are_forgotten() {
    let core = Core::new();
    let close: Vec<f64> = bars(5, 50_000).iter().map(|bar| bar.2).collect();
    let mut macd = Macd::default();
    let ours: Vec<_> = close.iter().map(|value| macd.update(*value)).collect();
    let [mut line, mut signal, mut histogram] = [(); 3].map(|()| vec![0.0; close.len()]);
    let range = core
        .macd(
            0,
            close.len() - 1,
            &close,
            12,
            26,
            9,
            &mut line,
            &mut signal,
            &mut histogram,
        )
        .unwrap();
    assert_eq!(ours.iter().position(Option::is_some), Some(25));
    let first_signal = ours.iter().position(|r| r.and_then(|r| r.signal).is_some());
    assert_eq!(first_signal, Some(range.beg_idx));
    // TA-Lib seeds the fast average with the values just before the slow one begins, we with the
    // first values; the difference shrinks by 11/13 per value, the slow one's by 25/27.
    for (at, reading) in ours.iter().enumerate().skip(1_000) {
        let (reading, theirs) = (reading.unwrap(), at - range.beg_idx);
        assert!((reading.macd - line[theirs]).abs() < 1e-8, "{at}");
        assert!(
            (reading.signal.unwrap() - signal[theirs]).abs() < 1e-8,
            "{at}"
        );
        assert!(
            (reading.histogram().unwrap() - histogram[theirs]).abs() < 1e-8,
            "{at}"
        );
    }
}

#[test]
fn values_that_do_not_move_have_no_index_and_no_width() {
    let (mut rsi, mut bollinger) = (Rsi::new(14), Bollinger::default());
    for value in (0..).map(f64::from).take(100).chain([100.1; 2_000]) {
        rsi.update(value);
        bollinger.update(value);
    }
    let bands = bollinger.reading().unwrap();
    assert_eq!((bands.upper, bands.lower), (100.1, 100.1));
    let mut level = Rsi::new(14);
    assert!((0..100).all(|_| level.update(100.1).is_none()));
    // Only gains were seen, ever weaker: the share of gains is still all.
    assert_eq!(rsi.reading(), Some(100.0));
}

#[test]
fn zones_of_the_index_are_open_at_their_bounds() {
    let zones = [24.9, 25.0, 29.9, 30.0, 70.0, 70.1].map(RsiZone::of);
    use RsiZone::{Neutral, Overbought, Oversold, VeryOversold};
    let expected = [
        VeryOversold,
        Oversold,
        Oversold,
        Neutral,
        Neutral,
        Overbought,
    ];
    assert_eq!(zones, expected);
}

#[test]
fn vwap_is_exact_for_sums_beyond_a_double() {
    let mut vwap = Vwap::default();
    assert_eq!(vwap.reading(), None);
    for _ in 0..1_000 {
        vwap.update(Price(21_742_250_000_001), 3);
        vwap.update(Price(21_742_749_999_999), 3);
    }
    vwap.update(Price::UNDEFINED, 5);
    assert_eq!((vwap.reading(), vwap.size()), (Some(21_742.5), 6_000));
    let mut spread = Vwap::default();
    assert_eq!(spread.update(Price(-250_000_000), 2), Some(-0.25));
}

#[test]
fn session_vwap_begins_anew_at_each_open() {
    let calendar = Calendar::built_in();
    let mut vwap = SessionVwap::new(calendar.sessions(Venue::Nyse));
    let day = Day::from_iso("2026-11-27").unwrap();
    let at = |minute, points: i64| (day.eastern_minute(minute), Price(points * Price::PER_POINT));
    let mut update = |(t, price): (Nanos, Price), size| vwap.update(t, price, size);
    assert_eq!(update(at(9 * 60, 90), 1), None);
    assert_eq!(update(at(9 * 60 + 30, 100), 1), Some(100.0));
    assert_eq!(update(at(12 * 60, 104), 3), Some(103.0));
    // Half-day: from 13:00 on nothing counts, and the reading stays.
    assert_eq!(update(at(13 * 60, 200), 1), Some(103.0));
    assert_eq!(update(at(3 * 24 * 60 + 9 * 60 + 30, 110), 1), Some(110.0));
}

/// Any double, and more often than by chance those that break arithmetic.
fn any_value() -> impl Strategy<Value = f64> {
    let broken = [
        f64::NAN,
        f64::INFINITY,
        -f64::INFINITY,
        f64::MAX,
        f64::MIN,
        0.0,
        -0.0,
        5e-324,
    ];
    prop_oneof![
        prop::sample::select(broken.to_vec()),
        any::<f64>(),
        -1e6..1e6
    ]
}

proptest! {
    #[test]
    fn no_reading_is_ever_infinite_or_not_a_number(values in prop::collection::vec(any_value(), 1..200)) {
        let (mut window, mut ema, mut rsi) = (Window::new(5), Ema::new(5), Rsi::new(5));
        let (mut macd, mut bands, mut atr) = (Macd::new(3, 5, 2), Bollinger::new(5, 2.0), Atr::new(5));
        for value in values {
            let mut readings = vec![window.update(value), ema.update(value), rsi.update(value)];
            readings.extend([window.mean(), window.std_pop(), window.std_sample()]);
            readings.push(atr.update(value, -value.abs(), value / 2.0));
            if let Some(reading) = macd.update(value) {
                readings.extend([Some(reading.macd), reading.signal, reading.histogram()]);
            }
            if let Some(reading) = bands.update(value) {
                readings.extend([reading.upper, reading.middle, reading.lower].map(Some));
            }
            prop_assert!(readings.into_iter().flatten().all(f64::is_finite));
        }
    }

    #[test]
    fn window_says_what_two_passes_over_its_values_say(
        period in 1_usize..40,
        offset in -1e6..1e6,
        values in prop::collection::vec(-10_i32..10, 1..300),
    ) {
        let mut window = Window::new(period);
        let values: Vec<f64> = values.iter().map(|v| offset + f64::from(*v) * 0.25).collect();
        for end in 1..=values.len() {
            window.update(values[end - 1]);
            let last = &values[end.saturating_sub(period)..end];
            let mean = last.iter().sum::<f64>() / last.len() as f64;
            let squares: f64 = last.iter().map(|value| (value - mean).powi(2)).sum();
            prop_assert!((window.mean().unwrap() - mean).abs() < 1e-8);
            let std = (squares / last.len() as f64).sqrt();
            prop_assert!((window.std_pop().unwrap() - std).abs() < 1e-6);
            prop_assert_eq!(window.sma().is_some(), end >= period);
        }
    }
}
