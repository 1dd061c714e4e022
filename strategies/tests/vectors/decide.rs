//! Signals: S1–S12, S14, N13.

use serde_json::{Value, json};
use undertow_core::types::{InstrumentId, Nanos, Price, Side, Text};
use undertow_strategies::calendar::Day;
use undertow_strategies::decide::border::points;
use undertow_strategies::decide::card::{Card, Direction, Effect};
use undertow_strategies::decide::claim::{Claim, Claims, Request, Token};
use undertow_strategies::decide::contract::{Choice, Listing};
use undertow_strategies::decide::features::{Gex, Indicative};
use undertow_strategies::decide::features::{StrikeGex, Unusual};
use undertow_strategies::decide::fourteen_dte::FourteenDte;
use undertow_strategies::decide::hysteresis::Hysteresis;
use undertow_strategies::decide::identity::{Identity, Terms, VERSION};
use undertow_strategies::decide::lifetime::lifetime_ns;
use undertow_strategies::decide::material::Change;
use undertow_strategies::decide::moc::Moc;
use undertow_strategies::decide::moment::Moment;
use undertow_strategies::decide::one_dte::OneDte;
use undertow_strategies::decide::rules::Strategy;
use undertow_strategies::decide::signal::Levels;
use undertow_strategies::decide::snapshot::{Auction, Bars, Gamma, Pull, Snapshot};
use undertow_strategies::decide::vetting::{Parts, context};
use undertow_strategies::decide::zero_dte::ZeroDte;
use undertow_strategies::discovery::Regime;
use undertow_strategies::flow::bars::TimeBar;
use undertow_strategies::options::Right;

use super::{Case, assert_close};

pub(super) const CASES: &[Case] = &[
    ("S1.gamma", gamma),
    ("S3.0dte_qqq", |v| zero_dte(v, 586.9, 587, 1.0, 0.935)),
    ("S3.0dte_spy", |v| zero_dte(v, 652.15, 650, 1.0, 0.935)),
    ("S3.0dte_qqq_above", |v| zero_dte(v, 587.2, 587, 1.0, 0.935)),
    ("S3.0dte_short", zero_dte_short),
    ("S3.side_obi_only", side_by_obi_alone),
    ("S4.1dte", one_dte),
    ("S5.14dte", fourteen_dte),
    ("S6.moc", moc),
    ("S7.select", select),
    ("S7.source_0dte", select_as_the_original),
    ("S8.hysteresis", hysteresis),
    ("S9.fingerprint", fingerprint),
    ("S9.full_hash", full_hash),
    ("S9.emit_sequence", emit_sequence),
    ("S10.material", material),
    ("S11.ttl_source", |v| ttl(v, 300)),
    ("S11.ttl_norm", |v| ttl(v, u64::MAX)),
    ("S12.atr", levels),
    ("S14.dedup", dedup),
    ("N13.validation", validation),
    ("N13.context", chain_context),
];

const MINUTE_NS: u64 = 60_000_000_000;

fn price(points: f64) -> Price {
    Price((points * 1e9).round() as i64)
}

fn day(year: i32, month: u32, date: u32) -> Day {
    Day::from_ymd(year, month, date).unwrap()
}

/// A time of a day of summer time in New York, on a day that closes at 16:00.
fn moment(day: Day, hour: u64, minute: u64, second: u64) -> Moment {
    let midnight = day.0 as u64 * 1_440 * MINUTE_NS + 240 * MINUTE_NS;
    let of_day = (hour * 60 + minute) * MINUTE_NS + second * 1_000_000_000;
    let close = 960 * MINUTE_NS;
    Moment {
        now: Nanos(midnight + of_day),
        day,
        time_of_day_ns: of_day,
        is_rth: (570 * MINUTE_NS..close).contains(&of_day),
        close_of_today: Some(Nanos(midnight + close)),
        next_day: day.plus(1),
        next_close: Nanos(midnight + 1_440 * MINUTE_NS + close),
    }
}

fn seen(spot: f64) -> Snapshot {
    Snapshot {
        spot: price(spot),
        vpin: 0.0,
        signed_flow: None,
        obi: 0.5,
        gex: None,
        gex_z: None,
        dex: None,
        dex_z: None,
        toxicity: None,
        regime: None,
        gamma: None,
        bars: Bars::default(),
        sweep: false,
        unusual: None,
        news: None,
        ifd: None,
        outlook: None,
        hidden: None,
        imbalance: None,
        indicative: None,
        chain: None,
        vwap: None,
    }
}

fn gamma_at(spot: f64, pin: i64) -> Option<Gamma> {
    let by_strike = [StrikeGex {
        strike: Price(pin * Price::PER_POINT),
        gex: 1e9,
    }];
    let gex = Gex {
        total: 1e9,
        by_strike: &by_strike,
    };
    Gamma::of(&gex, price(spot), 50)
}

fn bars(closes: &[f64]) -> Vec<TimeBar> {
    let bar = |close: &f64| candle(*close, *close, *close, 0);
    closes.iter().map(bar).collect()
}

fn candle(high: f64, low: f64, close: f64, volume: u64) -> TimeBar {
    TimeBar {
        start: Nanos(1),
        open: price(close),
        high: price(high),
        low: price(low),
        close: price(close),
        volume,
        trades: 1,
        notional: 0,
    }
}

fn gamma(expected: &Value) {
    let level = |(strike, gex): (i64, f64)| StrikeGex {
        strike: Price(strike * Price::PER_POINT),
        gex,
    };
    let by_strike = [(585, 1e9), (587, 9e9), (590, 3e9), (600, 2e9)].map(level);
    let gex = Gex {
        total: 15e9,
        by_strike: &by_strike,
    };
    let near = Gamma::of(&gex, price(586.9), 50).unwrap();
    assert_eq!(
        near.pin.0 / Price::PER_POINT,
        expected["pin"].as_i64().unwrap()
    );
    assert_close(near.proximity, expected["prox"].as_f64().unwrap());
    assert_close(near.concentration, expected["conc"].as_f64().unwrap());
    assert_eq!(near.pull, Pull::Up);
    let far = Gamma::of(&gex, price(583.0), 50).unwrap();
    assert_close(far.proximity, expected["prox_far"].as_f64().unwrap());
}

fn assert_card(card: &Card, proximity: f64, expected: &Value) {
    assert_eq!(json!(card.confidence()), expected["conf"]);
    assert_eq!(json!(card.direction().name()), expected["side"]);
    assert_eq!(json!(card.votes_for(Direction::Long)), expected["long"]);
    assert_eq!(json!(card.votes_for(Direction::Short)), expected["short"]);
    assert_close(proximity, expected["prox"].as_f64().unwrap());
    let why: Vec<Value> = card
        .reasons()
        .filter(|reason| reason.effect != Effect::Points(0))
        .map(|reason| match reason.effect {
            Effect::Points(points) => json!([reason.term.name(), points]),
            Effect::Factor(factor) => json!([reason.term.name(), factor]),
        })
        .collect();
    assert_eq!(Value::Array(why), expected["why"]);
}

fn zero_dte(expected: &Value, spot: f64, pin: i64, vpin: f64, obi: f64) {
    let gamma = gamma_at(spot, pin);
    let seen = Snapshot {
        vpin,
        obi,
        gamma,
        ..seen(spot)
    };
    let card = ZeroDte::default().judge(&seen);
    assert_card(&card, gamma.unwrap().proximity, expected);
}

fn zero_dte_short(expected: &Value) {
    let gamma = gamma_at(649.0, 645);
    let seen = Snapshot {
        vpin: 0.6,
        obi: 0.12,
        vwap: Some(price(651.0)),
        toxicity: Some(0.75),
        gamma,
        sweep: true,
        bars: Bars::of(&bars(&[652.0, 651.8, 651.5, 651.2, 650.9, 649.0])),
        ..seen(649.0)
    };
    let card = ZeroDte::default().judge(&seen);
    assert_card(&card, gamma.unwrap().proximity, expected);
}

/// Above .65, at it, at .35, below it, and in balance: only beyond the borders is a side.
fn side_by_obi_alone(expected: &Value) {
    let side = |obi: f64| {
        let seen = Snapshot { obi, ..seen(650.0) };
        ZeroDte::default().judge(&seen).direction().name()
    };
    let sides = [0.66, 0.65, 0.35, 0.34, 0.5].map(side);
    assert_eq!(json!(sides), *expected);
}

fn one_dte(expected: &Value) {
    let high = Snapshot {
        regime: Some(Regime::High),
        obi: 0.75,
        gex: Some(-2e9),
        gex_z: Some(-1.2),
        vpin: 0.55,
        ..seen(650.0)
    };
    let low = Snapshot {
        regime: Some(Regime::Low),
        gex: Some(2e9),
        gex_z: Some(1.2),
        ..high
    };
    let confidence = |seen: &Snapshot, date: u32| {
        let card = OneDte::default().judge(seen, &moment(day(2025, 9, date), 15, 40, 0));
        assert_eq!(card.direction(), Direction::Long);
        card.confidence()
    };
    assert_eq!(json!(confidence(&high, 17)), expected["wed"]);
    assert_eq!(json!(confidence(&high, 15)), expected["mon"]);
    assert_eq!(json!(confidence(&low, 19)), expected["fri"]);
}

fn fourteen_dte(expected: &Value) {
    let traded = |volume: u64| candle(650.0, 650.0, 650.0, volume);
    let followed = |score: f64, surge: u64, hidden: f64, (dex, dex_z): (f64, f64)| Snapshot {
        unusual: Some(Unusual {
            score,
            contract: None,
        }),
        sweep: true,
        bars: Bars::of(&[100, 100, 100, 100, surge].map(traded)),
        hidden: Some(hidden),
        dex: Some(dex),
        dex_z: Some(dex_z),
        ..seen(650.0)
    };
    let quiet = followed(0.8, 250, 0.7, (6e9, 1.2));
    let loud = followed(0.95, 350, 0.8, (57e9, 2.1));
    let cases = [(quiet, 11), (quiet, 10), (loud, 13)];
    for ((seen, hour), expected) in cases.iter().zip(expected.as_array().unwrap()) {
        let moment = moment(day(2025, 9, 17), *hour, 0, 0);
        let card = FourteenDte::default().judge(seen, &moment);
        assert_eq!(card.direction(), Direction::Long);
        assert_eq!(json!(card.confidence()), expected["conf"]);
        assert_eq!(json!(card.institutional()), expected["inst"]);
    }
}

fn moc(expected: &Value) {
    let auction = |total: f64| {
        let gamma = Gamma {
            concentration: 0.6,
            total: 2e9,
            ..gamma_at(650.2, 650).unwrap()
        };
        Snapshot {
            imbalance: Some(Auction {
                side: Side::Bid,
                total,
                paired: 0.6e9,
                ratio: 0.75,
                is_proxy: false,
            }),
            indicative: Some(Indicative {
                price: price(651.5),
                offset_bps: 20.0,
            }),
            gamma: Some(gamma),
            obi: 0.8,
            ..seen(650.2)
        }
    };
    let judge = |seen: &Snapshot, date: u32, minute: u64| {
        Moc::default().judge(seen, &moment(day(2025, 9, date), 15, minute, 0))
    };
    let large = auction(3e9);
    let tuesday = judge(&large, 16, 51);
    assert_eq!(tuesday.direction(), Direction::Long);
    assert_eq!(json!(tuesday.confidence()), expected["tue"]);
    assert_eq!(
        json!(judge(&large, 19, 51).confidence()),
        expected["fri_opex"]
    );
    assert_eq!(json!(judge(&large, 16, 35).confidence()), expected["early"]);
    let small = judge(&auction(1.9e9), 16, 51);
    assert_eq!(json!(small.confidence()), expected["gate"]);
    assert_eq!(small.direction(), Direction::Flat);
}

/// Calls and puts at every whole strike from 560 to 680, on three expiries.
fn chain(today: Day) -> Vec<Listing> {
    let mut chain = Vec::new();
    for (strike, ahead) in (560..=680).flat_map(|strike| [0, 1, 14].map(|days| (strike, days))) {
        for right in [Right::Call, Right::Put] {
            chain.push(Listing {
                instrument_id: InstrumentId(chain.len() as u32),
                expiry: today.plus(ahead),
                strike: Price(strike * Price::PER_POINT),
                right,
                open_interest: Some(1_000),
                bid: price(1.0),
                ask: price(1.02),
                delta: None,
                multiplier: 100,
                exchange: Text::new(),
            });
        }
    }
    chain
}

fn strike(spot: f64, strategy: Strategy, direction: Direction) -> i64 {
    let moment = moment(day(2025, 9, 16), 11, 0, 0);
    let chosen = Choice::of(strategy)
        .choose(&chain(moment.day), &seen(spot), direction, &moment)
        .unwrap();
    chosen.listing.strike.0 / Price::PER_POINT
}

fn select(expected: &Value) {
    let expected = expected.as_object().unwrap();
    assert_eq!(expected.len(), 24);
    for (case, expected) in expected {
        let mut parts = case.split('-');
        let spot = parts.next().unwrap().parse().unwrap();
        let name = parts.next().unwrap();
        let named = |strategy: &Strategy| strategy.name() == name;
        let strategy = Strategy::ALL.into_iter().find(named).unwrap();
        let direction = match parts.next().unwrap() {
            "LONG" => Direction::Long,
            _ => Direction::Short,
        };
        assert_eq!(
            json!(strike(spot, strategy, direction)),
            *expected,
            "{case}"
        );
    }
}

/// The original rounded S ± 1 half to even; ours is never farther out, and differs where it was.
fn select_as_the_original(expected: &Value) {
    let mut differ = 0;
    for (spot, expected) in expected.as_object().unwrap() {
        let spot: f64 = spot.parse().unwrap();
        let original = [spot + 1.0, spot - 1.0].map(|x| x.round_ties_even() as i64);
        assert_eq!(json!(original), *expected);
        let call = strike(spot, Strategy::ZeroDte, Direction::Long);
        let put = strike(spot, Strategy::ZeroDte, Direction::Short);
        assert!(call <= original[0] && put >= original[1]);
        differ += u32::from([call, put] != original);
    }
    assert_eq!(differ, 4);
}

fn hysteresis(expected: &Value) {
    let moment = moment(day(2025, 9, 16), 11, 0, 0);
    let choice = Choice::of(Strategy::ZeroDte);
    let listings: Vec<Listing> = (500..=510)
        .map(|strike| Listing {
            strike: Price(strike * Price::PER_POINT),
            ..chain(moment.day)[0]
        })
        .collect();
    let listed = |strike: usize| choice.chosen(listings[strike - 500]);
    let settle = |last: usize, new: usize, spot: f64| {
        let mut memory = Hysteresis::default();
        let mut settle = |chosen, spot| {
            let (context, at) = ((&listings[..], &choice), (price(spot), moment.now));
            memory.settle(chosen, Direction::Long, context, at)
        };
        settle(listed(last), spot);
        settle(listed(new), spot).listing.strike.0 / Price::PER_POINT
    };
    for (case, expected) in expected.as_object().unwrap() {
        let (strikes, spot) = case.split_once('@').unwrap();
        let (new, last) = strikes.split_once("_vs_").unwrap();
        let strike = settle(
            last.parse().unwrap(),
            new.parse().unwrap(),
            spot.parse().unwrap(),
        );
        assert_eq!(json!(strike), *expected, "{case}");
    }
}

fn terms() -> Terms<'static> {
    Terms {
        symbol: "QQQ",
        strategy: Strategy::ZeroDte,
        direction: Direction::Long,
        expiry: day(2025, 9, 15),
        right: Right::Call,
        strike: price(588.0),
        multiplier: 100,
        exchange: "SMART",
    }
}

/// The original's line had a label for the expiry and a decimal strike; both are hashed here to
/// show that only the line differs.
fn fingerprint(expected: &Value) {
    let identity = Identity::of(&terms(), VERSION, day(2025, 9, 15)).unwrap();
    assert_eq!(
        json!(identity.fingerprint.to_string()),
        expected["canonical"]
    );
    assert_eq!(json!(identity.id.to_string()), expected["canonical_id"]);
    let original = format!(
        "sigfp:{}",
        &sha1("QQQ:0dte:LONG:0DTE:C:588.0:100:SMART")[..20]
    );
    assert_eq!(json!(original), expected["source_style"]);
    let id = &sha1(&format!("{original}:D6.0.1:20250915"))[..16];
    assert_eq!(json!(id), expected["source_id"]);
}

fn full_hash(expected: &Value) {
    let line = terms().canonical().unwrap();
    assert_eq!(line.as_str(), "QQQ:0dte:LONG:20250915:C:588000:100:SMART");
    assert_eq!(json!(sha1(line.as_str())), *expected);
}

fn sha1(text: &str) -> String {
    use sha1::Digest;
    let digest = sha1::Sha1::digest(text);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn emit_sequence(expected: &Value) {
    let mut claims = Claims::new(16);
    let [a, b] = [15, 16].map(|date| {
        let identity = Identity::of(&terms(), VERSION, day(2025, 9, date));
        identity.unwrap()
    });
    assert_eq!(a.fingerprint, b.fingerprint);
    let sequence = [
        (a, 0),
        (a, 10),
        (b, 20),
        (b, 29_999),
        (b, 30_000),
        (a, 299_999),
        (a, 300_000),
    ];
    let mut attempt = 0;
    let answers = sequence.map(|(identity, ms)| {
        attempt += 1;
        let request = Request {
            identity,
            token: Token { worker: 1, attempt },
            ttl_ns: 300_000_000_000,
            cooldown_ns: 30_000_000_000,
        };
        match claims.claim(&request, Nanos(1_000_000 * (ms + 1))) {
            Claim::Won => 1,
            Claim::Duplicate => 0,
            Claim::Cooldown => -1,
            Claim::WonBefore | Claim::Full => 9,
        }
    });
    assert_eq!(json!(answers), *expected);
}

fn material(expected: &Value) {
    for (case, expected) in expected.as_object().unwrap() {
        let (last, now) = case.split_once("->").unwrap();
        let change = Change {
            last: Some(last.parse().unwrap()),
            confidence: now.parse().unwrap(),
        };
        assert_eq!(json!(change.delta().unwrap()), expected["delta"]);
        assert_close(
            change.threshold().unwrap(),
            expected["thr"].as_f64().unwrap(),
        );
        assert_eq!(json!(change.is_material()), expected["emit"], "{case}");
    }
}

/// The original cut every lifetime to 300 s, which made all but the last minutes' equal.
fn ttl(expected: &Value, most: u64) {
    let wednesday = day(2025, 9, 17);
    let seconds = |strategy: Strategy, (hour, minute, second): (u64, u64, u64)| {
        let moment = moment(wednesday, hour, minute, second);
        json!((lifetime_ns(strategy, &moment) / 1_000_000_000).min(most))
    };
    assert_eq!(
        seconds(Strategy::ZeroDte, (12, 0, 0)),
        expected["noon_0dte"]
    );
    assert_eq!(seconds(Strategy::ZeroDte, (15, 58, 0)), expected["c1558"]);
    assert_eq!(
        seconds(Strategy::ZeroDte, (15, 59, 30)),
        expected["c155930"]
    );
    assert_eq!(seconds(Strategy::OneDte, (15, 58, 0)), expected["one"]);
    if let Some(standard) = expected.get("d14") {
        assert_eq!(seconds(Strategy::FourteenDte, (15, 58, 0)), *standard);
        assert_eq!(seconds(Strategy::Moc, (15, 58, 0)), *standard);
    }
}

fn levels(expected: &Value) {
    let bars = [
        candle(101.0, 100.0, 100.5, 0),
        candle(101.2, 100.4, 101.0, 0),
        candle(101.1, 100.2, 100.4, 0),
        candle(100.9, 99.8, 100.6, 0),
    ];
    let points = |price: Price| price.0 as f64 / 1e9;
    for (pair, expected) in bars.windows(2).zip(expected["tr"].as_array().unwrap()) {
        let range = Bars::of(pair).true_range.unwrap();
        assert_close(points(range), expected.as_f64().unwrap());
    }
    let range = Bars::of(&bars).true_range.unwrap();
    assert_close(points(range), expected["atr"].as_f64().unwrap());
    let entry = price(100.60);
    let placed = Levels::default().place(entry, Direction::Long, range);
    let (stop, targets) = placed.unwrap();
    assert_eq!(json!(points(stop)), expected["stop_long"]);
    assert_eq!(json!(targets.map(points)), expected["targets"]);

    // Reward over risk is of the multiples: rounding to cents moves it a little.
    let Levels {
        stop_tenths,
        target_tenths,
        ..
    } = Levels::default();
    let rewards = target_tenths.map(|tenths| tenths as f64 / stop_tenths as f64);
    for (reward, expected) in rewards.iter().zip(expected["rr"].as_array().unwrap()) {
        assert_close(*reward, expected.as_f64().unwrap());
    }
    // Exits of 33 % of all, then 50 % and 100 % of what is left.
    let weighed = rewards[0] * 0.33 + rewards[1] * 0.335 + rewards[2] * 0.335;
    assert_close(weighed, expected["wrr"].as_f64().unwrap());
}

/// The rate of 3,275 repetitions for 164 signals, by the formula that the counters use.
fn dedup(expected: &Value) {
    use undertow_strategies::decide::counters::dedup_rate;
    let rate = dedup_rate(3_275, 164).unwrap();
    assert_close(rate, expected.as_f64().unwrap());
    assert_eq!(dedup_rate(0, 0), None);
}

fn validation(expected: &Value) {
    let parts = |[historical, context, timing, technical, false_positive]: [f64; 5]| Parts {
        historical,
        context,
        timing,
        technical,
        false_positive,
    };
    let cases = [
        [0.5, 0.70, 1.0, 1.0, 0.10],
        [0.5, 0.46, 0.8, 5.0 / 6.0, 0.35],
        [1.0, 1.0, 1.0, 1.0, 0.0],
    ];
    for (case, expected) in cases.iter().zip(expected.as_array().unwrap()) {
        let verdict = parts(*case).verdict();
        assert_close(verdict.score, expected["score"].as_f64().unwrap());
        assert_eq!(json!(verdict.is_valid), expected["ok"]);
        assert_close(verdict.adjustment, expected["conf_adj"].as_f64().unwrap());
    }
}

fn chain_context(expected: &Value) {
    let volumes = [500, 300, 200];
    let hhi: f64 = volumes.map(|v| (v as f64 / 1_000.0).powi(2)).iter().sum();
    assert_close(hhi, expected["hhi"].as_f64().unwrap());
    let context = context(&volumes, 0.04).unwrap();
    assert_close(context, expected["ctx"].as_f64().unwrap());
    assert_eq!(points(context * 1_000.0), 608);
}
