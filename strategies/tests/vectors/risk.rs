//! R1–R9, R13, N15, S13: the integer ones through `undertow_core`, those of floats here.

use serde_json::Value;
use undertow_core::contract::{Contract, ContractKind, Multiplier, PriceSign, TickRule};
use undertow_core::health::{BEAT_INTERVAL, Liveness};
use undertow_core::money::Money;
use undertow_core::order::{Confidence, Entry, Execution, ExecutionId, MayTake, Quote, Style};
use undertow_core::position::{ExitPlan, Exits, Position, scale_out};
use undertow_core::risk::{DrawdownRung, Horizon, LossRung, Sizing, Status, notional_size};
use undertow_core::types::{BookKey, InstrumentId, Nanos, Price, Side, Text};
use undertow_strategies::performance::{Returns, Trades};
use undertow_strategies::portfolio_risk::{
    Concentration, GreekPosition, HistoricalRisk, Holding, NetGreeks, RESULTS_MAX, RiskScore,
    correlated_risk, fallback_risk, kelly, volatility_z,
};
use undertow_strategies::quantile::linear;

use super::{Case, assert_close};

pub(super) const CASES: &[Case] = &[
    ("B1.metrics", returns_of_eight_equities),
    ("B1.trades", results_of_six_trades),
    ("N15.budget", budget_of_a_day),
    ("R1.kelly", kelly_of_two_records),
    ("R1.contracts", contracts_of_four_signals),
    ("R2.sigma", volatility_of_a_wave),
    ("R3.daily", ladder_of_daily_losses),
    ("R4.drawdown", drawdowns_of_seven_equities),
    ("R4.state", rungs_of_seven_equities),
    ("R5.var", value_at_risk_of_fifty_days),
    ("R5.fallback", value_at_risk_without_history),
    ("R5.portfolio", value_at_risk_of_two_assets),
    ("R6.gate", gate_of_six_correlations),
    ("R7.score", scores_of_two_portfolios),
    ("R7.greeks", delta_of_calls_and_puts),
    ("R7.greeks2", greeks_of_calls_and_puts),
    ("R7.conc", concentration_of_three),
    ("R8.order", entries_by_confidence),
    ("R9.scale", scale_out_of_six_sizes),
    ("R9.trail_0dte", trail_of_five_prices),
    ("R9.pnl", profit_of_three_trades),
    ("R13.beat", liveness_of_three_beats),
    ("S13.size", sizes_of_four_signals),
];

/// A price from hundredths of a point.
fn cents(cents: i64) -> Price {
    Price(cents * (Price::PER_POINT / 100))
}

/// A number of the table as hundredths, where it is whole in them.
#[track_caller]
fn hundredths(value: &Value) -> i64 {
    let hundredths = value.as_f64().unwrap() * 100.0;
    assert_close(hundredths, hundredths.round());
    hundredths.round() as i64
}

fn contract(multiplier: i64) -> Contract {
    Contract {
        key: BookKey::default(),
        kind: ContractKind::Call,
        multiplier: Multiplier::new(multiplier * Price::PER_POINT).unwrap(),
        tick: TickRule::Flat(cents(1)),
        sign: PriceSign::Positive,
        expiry: Nanos(1),
        currency: Text::from_bytes(b"USD"),
        underlying: InstrumentId(1),
    }
}

fn points(points: u8) -> Confidence {
    Confidence::from_points(points).unwrap()
}

fn liveness_of_three_beats(vector: &Value) {
    let vector = vector.as_object().unwrap();
    assert_eq!(vector.len(), 3);
    for (seconds, expected) in vector {
        let age = Nanos((seconds.parse::<f64>().unwrap() * 1e9).round() as u64);
        let liveness = Liveness::of_age(age, BEAT_INTERVAL);
        assert_eq!(expected, liveness.name(), "after {seconds} s");
    }
}

fn budget_of_a_day(vector: &Value) {
    let limit = Money::from_usd(8);
    let cases = [(500, 100), (540, 100), (700, 100), (750, 51)];
    for ((spent, cost), expected) in cases.into_iter().zip(vector.as_array().unwrap()) {
        let after = Money::from_cents(spent) + Money::from_cents(cost);
        let word = match Status::at_most(after.0, limit.0) {
            Status::Passed => "OK",
            Status::Warned => "ALERT",
            _ => "BLOCK",
        };
        assert_eq!(word, expected.as_str().unwrap());
    }
}

// `scaled` of this vector depends on inputs that neither it nor the text names.
fn kelly_of_two_records(vector: &Value) {
    let full = kelly(0.55, 1.5).unwrap();
    assert_close(full, vector["full"].as_f64().unwrap());
    assert_close(0.25 * full, vector["quarter"].as_f64().unwrap());
    let against = kelly(0.4, 1.2).unwrap();
    assert_close(against, vector["neg"].as_f64().unwrap());
}

fn contracts_of_four_signals(vector: &Value) {
    let cases = [
        (97, 200_000, 210),
        (80, 200_000, 210),
        (65, 200_000, 210),
        (97, 8_000, 6_000),
    ];
    for ((confidence, buying_power, price), expected) in
        cases.into_iter().zip(vector.as_array().unwrap())
    {
        let sizing = Sizing {
            equity: Money::from_usd(100_000),
            buying_power: Money::from_usd(buying_power),
            confidence: points(confidence),
            factor_ppm: 1_000_000,
            share_max_ppm: None,
        };
        let usd = Money::from_cents(hundredths(&expected["usd"]));
        assert_eq!(sizing.budget(), usd);
        let quantity = sizing.quantity(&contract(100), cents(price), Horizon::ZeroDte);
        assert_eq!(u64::from(quantity), expected["n"].as_u64().unwrap());
    }
}

fn volatility_of_a_wave(vector: &Value) {
    let returns: Vec<f64> = (0..60)
        .map(|at| 0.0004 * libm::sin(1.3 * f64::from(at)))
        .collect();
    let z = volatility_z(&returns, 0.0012).unwrap();
    assert_close(z, vector["z"].as_f64().unwrap());
    assert!(z >= 3.0, "it trips");
}

fn ladder_of_daily_losses(vector: &Value) {
    let halt = Money::from_usd(100_000).part_up(20_000);
    for (percent, expected) in vector.as_object().unwrap() {
        // A thousandth of a percent of 100 000 is one dollar.
        let thousandths = (percent.parse::<f64>().unwrap() * 1_000.0).round() as i64;
        let word = match LossRung::of(Money::from_usd(thousandths), halt, 500_000, 750_000) {
            LossRung::Fine => "OK",
            LossRung::Shrink => "SIZE_0.7",
            LossRung::NoNew => "NO_NEW",
            LossRung::Halt => "HALT",
        };
        assert_eq!(word, expected.as_str().unwrap(), "{percent} %");
    }
}

const EQUITIES: [i64; 7] = [100_000, 103_000, 101_000, 97_000, 95_000, 92_700, 92_600];

fn high_waters() -> impl Iterator<Item = (Money, Money)> {
    let mut high = Money::ZERO;
    EQUITIES.into_iter().map(move |equity| {
        let equity = Money::from_usd(equity);
        high = high.max(equity);
        (equity, high)
    })
}

fn drawdowns_of_seven_equities(vector: &Value) {
    for ((equity, high), expected) in high_waters().zip(vector.as_array().unwrap()) {
        let ppm = (high - equity).ppm_of(high).unwrap();
        assert_close(ppm as f64 / 1e6, expected.as_f64().unwrap());
    }
}

fn rungs_of_seven_equities(vector: &Value) {
    for ((equity, high), expected) in high_waters().zip(vector.as_array().unwrap()) {
        let word = match DrawdownRung::of(equity, high, [60_000, 80_000, 100_000]) {
            DrawdownRung::Fine => "OK",
            DrawdownRung::TightenStops => "STOPS_0.75",
            DrawdownRung::Halve => "SIZE_0.5",
            DrawdownRung::Halt => "HALT",
        };
        assert_eq!(word, expected.as_str().unwrap());
    }
}

/// The table has the results of fifty days, not the days. These were searched for so that their
/// mean, their sum of squares and their four worst are those that the results imply.
const DAYS: [i32; 50] = [
    -78, 407, -113, 323, -34, 34, 157, 45, -700, -14, -201, -306, 21, -27, -114, 301, 138, -257,
    -98, -171, -249, 43, 146, -203, 88, -178, 180, 379, 150, -30, 61, 67, 71, 118, -610, 195, -149,
    -480, -69, 112, 413, 27, -31, 181, -520, 373, -54, 212, -106, -150,
];

fn value_at_risk_of_fifty_days(vector: &Value) {
    let days = DAYS.map(f64::from);
    let mut sorted = [0.0; RESULTS_MAX];
    let risk = HistoricalRisk::of(&days, &mut sorted).unwrap();
    let expected = |name: &str| vector[name].as_f64().unwrap();
    assert_close(risk.historical, expected("hist_order_stat"));
    assert_close(risk.reported(), expected("hist_conservative"));
    assert_close(-linear(&sorted, 0.05).unwrap(), expected("hist_linear"));
    assert_close(risk.shortfall, expected("es"));
    assert_close(risk.mean, expected("mean"));
    assert_close(risk.sigma, expected("sd"));
    assert_close(risk.parametric, expected("param"));
}

fn holdings() -> [Holding; 3] {
    [(20_000.0, 0.02), (-15_000.0, 0.03), (8_000.0, 0.025)].map(|(dollars, sigma)| Holding {
        dollars,
        sigma: Some(sigma),
    })
}

fn value_at_risk_without_history(vector: &Value) {
    let risk = fallback_risk(&holdings()).unwrap();
    assert_close(risk, vector["pos"].as_f64().unwrap());
}

// The text does not name the two assets: they are the first two of the fallback, with a
// correlation of 0.4, which is what the result implies.
fn value_at_risk_of_two_assets(vector: &Value) {
    let risk = correlated_risk(&holdings()[..2], |_, _| Some(0.4)).unwrap();
    assert_close(risk, vector["var95"].as_f64().unwrap());
}

fn gate_of_six_correlations(vector: &Value) {
    let cases = [
        (910_000, 1, 1),
        (910_000, 1, -1),
        (-750_000, 1, -1),
        (614_000, 1, 1),
        (560_000, 1, 1),
        (700_000, 1, 1),
    ];
    for ((rho, new, open), expected) in cases.into_iter().zip(vector.as_array().unwrap()) {
        let word = match Status::of_correlation(rho, new * open, 700_000) {
            Status::Passed => "OK",
            Status::Warned => "WARN",
            _ => "BLOCK",
        };
        assert_eq!(word, expected.as_str().unwrap(), "{rho}");
    }
}

fn scores_of_two_portfolios(vector: &Value) {
    let score = |risk, drawdown, share, positions| {
        RiskScore::of(risk, drawdown, share, positions).unwrap().0
    };
    assert_close(score(1.2, 4.0, 0.15, 3), vector["a"].as_f64().unwrap());
    assert_close(score(3.5, 9.0, 0.3, 5), vector["b"].as_f64().unwrap());
}

fn option(quantity: f64, multiplier: f64, delta: f64, gamma: f64) -> GreekPosition {
    GreekPosition {
        quantity,
        multiplier,
        delta,
        gamma,
        theta: 0.0,
        vega: 0.0,
        underlying: 0.0,
    }
}

fn net() -> NetGreeks {
    let calls = option(3.0, 100.0, 0.42, 0.05);
    let puts = option(-2.0, 100.0, -0.30, 0.04);
    NetGreeks::of(&[calls, puts]).unwrap()
}

fn delta_of_calls_and_puts(vector: &Value) {
    assert_close(net().delta, vector["delta"].as_f64().unwrap());
}

fn greeks_of_calls_and_puts(vector: &Value) {
    assert_close(net().delta, vector["net_delta"].as_f64().unwrap());
    assert_close(net().gamma, vector["net_gamma"].as_f64().unwrap());
    // One option on NQ at the money: half of 20 dollars a point.
    let nq = NetGreeks::of(&[option(1.0, 20.0, 0.5, 0.0)]).unwrap();
    assert_close(nq.delta, vector["nq_delta_usd_per_pt"].as_f64().unwrap());
}

fn concentration_of_three(vector: &Value) {
    let of = Concentration::of(&[20_000.0, -15_000.0, 8_000.0]).unwrap();
    assert_close(of.hhi, vector["hhi"].as_f64().unwrap());
    assert_close(of.max_share, vector["max_share"].as_f64().unwrap());
}

fn entries_by_confidence(vector: &Value) {
    let quote = |bid, ask| Quote {
        bid: cents(bid),
        ask: cents(ask),
    };
    let entry = |side, confidence, quote, tick| {
        let tick = TickRule::Flat(cents(tick));
        Entry::first(side, points(confidence), MayTake::Yes, quote, &tick).unwrap()
    };
    let option = quote(200, 210);
    let sure = entry(Side::Bid, 90, option, 1);
    assert_eq!(vector["a"], "MARKET");
    assert_eq!((sure.style, sure.price), (Style::Marketable, cents(212)));
    let cases = [
        ("b", entry(Side::Bid, 75, option, 1)),
        ("c", entry(Side::Bid, 65, option, 1)),
        ("d", entry(Side::Ask, 65, option, 1)),
        ("nq", entry(Side::Bid, 75, quote(4_100, 4_250), 25)),
    ];
    for (name, entry) in cases {
        assert_eq!(entry.style, Style::Limit);
        assert_eq!(entry.price, cents(hundredths(&vector[name])), "{name}");
    }
}

fn scale_out_of_six_sizes(vector: &Value) {
    for (size, expected) in vector.as_object().unwrap() {
        let expected: Vec<u64> = serde_json::from_value(expected.clone()).unwrap();
        let steps = scale_out(size.parse().unwrap()).map(u64::from);
        assert_eq!(&steps[..], &expected[..], "{size}");
    }
}

fn trail_of_five_prices(vector: &Value) {
    let mut exits = Exits::new(Side::Bid, ExitPlan::ZERO_DTE);
    exits.entered(1, cents(200));
    for row in vector.as_array().unwrap() {
        let exit = exits.on_price(cents(hundredths(&row[0])), Nanos(1));
        assert_eq!(exits.stop(), cents(hundredths(&row[1])), "{row}");
        assert_eq!(exit.is_some(), row[2].as_bool().unwrap(), "{row}");
    }
}

fn profit_of_three_trades(vector: &Value) {
    // Multiplier, quantity, bought, sold, and all fees of the trade, in cents.
    let cases = [
        ("opt", 100, 3, 210, 285, 195),
        ("nq", 20, 1, 4_100, 4_525, 250),
        ("mnq", 2, 2, 1_000, 2_000, 0),
    ];
    for (name, multiplier, quantity, bought, sold, fee) in cases {
        let execution = |side, price, fee| Execution {
            id: ExecutionId::default(),
            side,
            quantity,
            price: cents(price),
            fee: Some(Money::from_cents(fee)),
        };
        let mut position = Position::FLAT;
        position.apply(&execution(Side::Bid, bought, 0));
        position.apply(&execution(Side::Ask, sold, fee));
        let expected = Money::from_cents(hundredths(&vector[name]));
        assert_eq!(position.realised(&contract(multiplier)), expected, "{name}");
    }
}

fn sizes_of_four_signals(vector: &Value) {
    let cases = [
        ("0dte@60", Horizon::ZeroDte, 60),
        ("0dte@97", Horizon::ZeroDte, 97),
        ("14dte@80", Horizon::FourteenDte, 80),
        ("moc@100", Horizon::Moc, 100),
    ];
    for (name, horizon, confidence) in cases {
        let size = notional_size(horizon, points(confidence)).unwrap();
        assert_eq!(size, Money::from_cents(hundredths(&vector[name])), "{name}");
    }
    assert_eq!(notional_size(Horizon::Moc, points(59)), None);
}

fn returns_of_eight_equities(expected: &Value) {
    let equities = [
        100_000.0, 100_500.0, 100_200.0, 101_000.0, 100_800.0, 101_500.0, 101_100.0, 102_000.0,
    ];
    let got = Returns::of(&equities).unwrap();
    assert_close(got.sharpe.unwrap(), number(expected, "sharpe"));
    assert_close(got.sortino.unwrap(), number(expected, "sortino"));
    assert_close(got.fall, number(expected, "mdd"));
    assert_close(got.annual, number(expected, "ann"));
    assert_close(got.calmar.unwrap(), number(expected, "calmar"));
}

fn results_of_six_trades(expected: &Value) {
    let got = Trades::of(&[250.0, -100.0, 400.0, -150.0, -50.0, 300.0]).unwrap();
    assert_close(got.win_rate, number(expected, "win"));
    assert_close(got.profit_factor.unwrap(), number(expected, "pf"));
    assert_close(got.expectancy, number(expected, "exp"));
    assert_close(got.average_win.unwrap(), number(expected, "avgw"));
    assert_close(got.average_loss.unwrap(), number(expected, "avgl"));
}

fn number(of: &Value, name: &str) -> f64 {
    of[name].as_f64().unwrap()
}
