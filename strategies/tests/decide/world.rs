//! A small market to decide in: a Tuesday, a chain, and features that make a signal.

use undertow_core::event::Trust;
use undertow_core::types::{InstrumentId, Nanos, Price, Text};
use undertow_strategies::calendar::Day;
use undertow_strategies::decide::claim::Claims;
use undertow_strategies::decide::contract::Listing;
use undertow_strategies::decide::features::{Features, Gex, Reading, StrikeGex, Vpin};
use undertow_strategies::decide::identity::Symbol;
use undertow_strategies::decide::moment::Moment;
use undertow_strategies::decide::rules::{RuleSet, Strategy};
use undertow_strategies::decide::validate::Conditions;
use undertow_strategies::decide::{Decide, Limits};
use undertow_strategies::flow::bars::TimeBar;
use undertow_strategies::options::Right;

pub(crate) const SECOND_NS: u64 = 1_000_000_000;
pub(crate) const MINUTE_NS: u64 = 60 * SECOND_NS;

pub(crate) const CALM: Conditions = Conditions {
    trust: Trust::Good,
    is_halted: false,
    is_disabled: false,
};

pub(crate) fn price(points: f64) -> Price {
    Price((points * 1e9).round() as i64)
}

pub(crate) fn tuesday() -> Day {
    Day::from_ymd(2025, 9, 16).unwrap()
}

/// A time of a day of summer time in New York, given in nanoseconds after midnight there.
pub(crate) fn at(day: Day, of_day: u64) -> Moment {
    let midnight = Nanos(day.0 as u64 * 1_440 * MINUTE_NS + 240 * MINUTE_NS);
    let close = 960 * MINUTE_NS;
    Moment {
        now: Nanos(midnight.0 + of_day),
        day,
        time_of_day_ns: of_day,
        is_rth: (570 * MINUTE_NS..close).contains(&of_day),
        close_of_today: Some(Nanos(midnight.0 + close)),
        next_day: day.plus(1),
        next_close: Nanos(midnight.0 + 1_440 * MINUTE_NS + close),
    }
}

/// So many seconds after 11:00.
pub(crate) fn eleven(seconds: u64) -> Moment {
    at(tuesday(), 660 * MINUTE_NS + seconds * SECOND_NS)
}

/// Calls and puts at every whole strike from 560 to 610, for today and tomorrow.
pub(crate) fn chain(today: Day) -> Vec<Listing> {
    let mut chain = Vec::new();
    for (strike, ahead) in (560..=610).flat_map(|strike| [0, 1].map(|days| (strike, days))) {
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

pub(crate) fn bar(close: f64) -> TimeBar {
    TimeBar {
        start: Nanos(1),
        open: price(close),
        high: price(close + 0.5),
        low: price(close - 0.5),
        close: price(close),
        volume: 100,
        trades: 1,
        notional: 0,
    }
}

/// What the features borrow.
pub(crate) struct World {
    pub(crate) chain: Vec<Listing>,
    pub(crate) levels: Vec<StrikeGex>,
    pub(crate) bars: Vec<TimeBar>,
}

impl World {
    pub(crate) fn new() -> Self {
        Self {
            chain: chain(tuesday()),
            levels: vec![StrikeGex {
                strike: price(587.0),
                gex: 9e9,
            }],
            bars: [586.5, 586.6, 586.7, 586.8, 586.9].map(bar).to_vec(),
        }
    }

    /// Features read just now that make a 0DTE signal for the 587 calls.
    pub(crate) fn features(&self, now: Nanos) -> Features<'_> {
        self.features_at(now, 1.0, 0.935, 586.9)
    }

    pub(crate) fn features_at(&self, now: Nanos, vpin: f64, obi: f64, spot: f64) -> Features<'_> {
        fn read<T>(value: T, at: Nanos) -> Option<Reading<T>> {
            Some(Reading { value, at })
        }
        let vpin = Vpin {
            value: vpin,
            signed_flow: None,
        };
        let gex = Gex {
            total: 9e9,
            by_strike: &self.levels,
        };
        Features {
            vpin: read(vpin, now),
            obi: read(obi, now),
            last: read(price(spot), now),
            gex: read(gex, now),
            bars: read(&self.bars[..], now),
            chain: read(&self.chain[..], now),
            ..Features::default()
        }
    }
}

pub(crate) fn symbol(text: &str) -> Symbol {
    Symbol::from_bytes(text.as_bytes())
}

/// A stage with the 0DTE rule on QQQ.
pub(crate) fn decide() -> Decide<Claims> {
    let rules = [(RuleSet::of(Strategy::ZeroDte), symbol("QQQ"))];
    Decide::new(&rules, Claims::new(64), &limits(1)).unwrap()
}

pub(crate) fn limits(worker: u64) -> Limits {
    Limits {
        worker,
        fingerprints_max: 64,
        trails_max: 8,
    }
}
