//! What the components of N22 say of the chain: asked when a rule that weighs it is due.
//!
//! One expiry is looked at, the nearest whose options have a price. Lines are gathered once, the
//! pairs of N1 lie within the reach of the horizon, and at most [`PRICED_MAX`] options are priced
//! at target and stop. Nothing is allocated.

use core::cmp::Ordering;

use undertow_core::types::{Nanos, Price};

use super::{Chain, Member};
use crate::calendar::Day;
use crate::decide::card;
use crate::decide::contract::Listing;
use crate::decide::outlook::{Jolt, Outlook, Prospect, RANKED_MAX, Ranked};
use crate::ifd::shock::{Burst, Shock};
use crate::options::chain::{Leg, Line};
use crate::options::expected_value::{EvRules, Setup};
use crate::options::positioning::premiums_at_risk;
use crate::options::pricing::{Model, Terms, YEAR_NS};
use crate::options::{Direction, Right, points};

/// A trade is given so long (U23): 8 h.
const HORIZON_NS: u64 = 8 * 3_600_000_000_000;

/// A volume shock is looked for in windows of so long: 5 min.
const WINDOW_NS: u64 = 300_000_000_000;

/// Whole windows before a shock can be told from the usual.
const WINDOWS_MIN: u32 = 3;

/// Options priced for a setup: the nearest to the underlying's price.
const PRICED_MAX: usize = 16;

const NS_PER_MINUTE: f64 = 60e9;

/// One strike of the expiry that is looked at.
#[derive(Clone, Copy, Debug)]
pub(super) struct View {
    line: Line,
    is_listed: bool,
    /// Contracts traded in this window, by right, and in all windows before.
    volume: [u64; 2],
    before: u64,
    delta: [Option<f64>; 2],
}

impl View {
    pub(super) const BLANK: Self = Self::of(Price(0));

    const fn of(strike: Price) -> Self {
        const NOTHING: Leg = Leg {
            volume: 0,
            open_interest: 0,
            mark: None,
        };
        Self {
            line: Line {
                strike,
                call: NOTHING,
                put: NOTHING,
            },
            is_listed: false,
            volume: [0; 2],
            before: 0,
            delta: [None; 2],
        }
    }

    fn add(&mut self, listing: &Listing, option: &Member) {
        let (leg, side) = match listing.right {
            Right::Call => (&mut self.line.call, 0),
            Right::Put => (&mut self.line.put, 1),
        };
        let mark = Price(listing.bid.0.midpoint(listing.ask.0));
        leg.volume = leg.volume.saturating_add(option.traded);
        let open = listing.open_interest.unwrap_or(0);
        leg.open_interest = leg.open_interest.saturating_add(open);
        leg.mark = leg.mark.or(listing.is_quoted().then_some(mark));
        self.is_listed = true;
        self.volume[side] += option.traded - option.traded_before;
        self.before += option.traded_before;
        self.delta[side] = self.delta[side].or(listing.delta.map(f64::abs));
    }
}

/// The windows in which volume is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Windows {
    /// When the present one began; undefined before the first trade.
    from: Nanos,
    /// Whole ones before it.
    whole: u32,
}

impl Windows {
    pub(super) const NONE: Self = Self {
        from: Nanos::UNDEFINED,
        whole: 0,
    };
}

impl Chain {
    /// A trade of an option.
    pub fn traded(&mut self, at: usize, size: u32) {
        if let Some(option) = self.options.get_mut(at) {
            option.traded += u64::from(size);
            self.hours.add(size);
        }
    }

    /// A new session: its volumes begin at nothing.
    pub fn begin_session(&mut self) {
        for option in &mut self.options {
            (option.traded, option.traded_before) = (0, 0);
        }
        self.windows = Windows::NONE;
    }

    /// What the components say now, with the underlying at `spot`; none while no option has a
    /// price.
    pub fn outlook(&mut self, rules: &EvRules, spot: Price, now: Nanos) -> Option<Outlook> {
        self.pass_windows(now);
        if !spot.is_defined() || spot.0 <= 0 {
            return None;
        }
        let (expiry, vol, end) = self.nearest(spot)?;
        let left_ns = end.0.saturating_sub(now.0);
        let horizon = left_ns.min(HORIZON_NS) as f64 / YEAR_NS;
        let reach = points(spot) * vol * libm::sqrt(horizon);
        let reach = Price((reach * Price::PER_POINT as f64) as i64);
        self.gather(expiry);
        let prospect = |direction| {
            let setup = rules.best(&self.lines, spot, direction, reach)?;
            let years = left_ns as f64 / YEAR_NS - horizon / 2.0;
            let contracts = self.rank(&setup, (expiry, spot), years.max(0.0));
            Some(Prospect { setup, contracts })
        };
        Some(Outlook {
            expiry,
            reach,
            long: prospect(Direction::Long),
            short: prospect(Direction::Short),
            call_share: call_share(&self.lines, spot),
            shock: self.shock(now),
        })
    }

    /// Windows that are over.
    fn pass_windows(&mut self, now: Nanos) {
        if !self.windows.from.is_defined() {
            self.windows.from = now;
        }
        let passed = now.0.saturating_sub(self.windows.from.0) / WINDOW_NS;
        if passed == 0 {
            return;
        }
        self.windows.from.0 += passed * WINDOW_NS;
        let passed = u32::try_from(passed).unwrap_or(u32::MAX);
        self.windows.whole = self.windows.whole.saturating_add(passed);
        for option in &mut self.options {
            option.traded_before = option.traded;
        }
    }

    /// The nearest expiry whose options have a price, the volatility at the money, and its end.
    fn nearest(&self, spot: Price) -> Option<(Day, f64, Nanos)> {
        let priced = self.listings.iter().zip(&self.options);
        let priced = priced.filter_map(|(listing, option)| Some((listing, option, option.greeks?)));
        let rank = |listing: &Listing| {
            let away = listing.strike.0.abs_diff(spot.0);
            (listing.expiry, away, listing.strike, listing.instrument_id)
        };
        let (listing, option, turn) = priced.min_by_key(|(listing, ..)| rank(listing))?;
        Some((listing.expiry, turn.vol, option.contract.expiry))
    }

    /// Calls and puts of one expiry side by side, by ascending strike.
    fn gather(&mut self, expiry: Day) {
        self.views.clear();
        self.views
            .extend(self.strikes.iter().map(|strike| View::of(*strike)));
        for (listing, option) in self.listings.iter().zip(&self.options) {
            if listing.expiry == expiry {
                self.views[option.strike_idx as usize].add(listing, option);
            }
        }
        self.views.retain(|view| view.is_listed);
        self.lines.clear();
        self.lines.extend(self.views.iter().map(|view| view.line));
    }

    /// The options of the setup's right by what a dollar of premium is expected to return.
    fn rank(
        &self,
        setup: &Setup,
        (expiry, spot): (Day, Price),
        years: f64,
    ) -> [Option<Ranked>; RANKED_MAX] {
        let right = match setup.direction {
            Direction::Long => Right::Call,
            Direction::Short => Right::Put,
        };
        let mut near = [None; PRICED_MAX];
        for (at, listing) in self.listings.iter().enumerate() {
            let is_its = listing.expiry == expiry && listing.right == right;
            if is_its && listing.is_quoted() && self.options[at].greeks.is_some() {
                let away = listing.strike.0.abs_diff(spot.0);
                insert(&mut near, (away, at), |a, b| a.cmp(b));
            }
        }
        let mut best = [None; RANKED_MAX];
        for (_, at) in near.into_iter().flatten() {
            if let Some(ranked) = self.value(at, setup, years) {
                let by_gain = |a: &Ranked, b: &Ranked| {
                    let apart = |it: &Ranked| it.strike.0.abs_diff(spot.0);
                    b.gain.total_cmp(&a.gain).then(apart(a).cmp(&apart(b)))
                };
                insert(&mut best, ranked, by_gain);
            }
        }
        best
    }

    /// What an option is expected to be worth at target or stop, at its own volatility, half of
    /// the horizon from now: a level is met somewhere within it.
    fn value(&self, at: usize, setup: &Setup, years: f64) -> Option<Ranked> {
        let (listing, option) = (&self.listings[at], &self.options[at]);
        let vol = option.greeks?.vol;
        let price_at = |level: Price| {
            let model = Model::Black76 { rate: self.rate };
            let prices = [points(level), points(listing.strike)];
            let terms = Terms::new(listing.right, prices, years, model).ok()?;
            Some(terms.greeks(vol).ok()?.price)
        };
        let q = setup.probability();
        let value = q * price_at(setup.target)? + (1.0 - q) * price_at(setup.stop)?;
        let ask = points(listing.ask);
        let gain = (value - ask) / ask;
        gain.is_finite().then_some(Ranked {
            strike: listing.strike,
            ask: listing.ask,
            value,
            gain,
        })
    }

    /// The strike whose volume in this window shocks most (N12), by the pressure on dealers.
    fn shock(&self, now: Nanos) -> Option<Jolt> {
        if self.windows.whole < WINDOWS_MIN {
            return None;
        }
        let minutes = now.0.saturating_sub(self.windows.from.0) as f64 / NS_PER_MINUTE;
        let jolts = self.views.iter().filter_map(|view| {
            let shock = Shock::assess(&Burst {
                call_volume: view.volume[0],
                put_volume: view.volume[1],
                baseline: view.before as f64 / f64::from(self.windows.whole),
                call_delta: view.delta[0],
                put_delta: view.delta[1],
                minutes,
            })?;
            shock.is_shock.then_some(Jolt {
                strike: view.line.strike,
                direction: card::Direction::of_sign(shock.net_delta),
                shock,
            })
        });
        jolts.max_by(|a, b| a.shock.pressure.total_cmp(&b.shock.pressure))
    }
}

/// The calls' share of the premium at risk; none without any.
fn call_share(lines: &[Line], spot: Price) -> Option<f64> {
    let [calls, puts] = premiums_at_risk(lines, spot, 1).map(|usd| usd.dollars());
    let total = calls + puts;
    (total > 0.0).then(|| calls / total)
}

/// Puts an item in its place among the first few; what no longer fits falls off the end.
fn insert<T: Copy, const N: usize>(
    first: &mut [Option<T>; N],
    item: T,
    order: impl Fn(&T, &T) -> Ordering,
) {
    let mut item = item;
    for place in first {
        match place {
            Some(held) if order(held, &item).is_le() => {}
            Some(held) => core::mem::swap(held, &mut item),
            None => {
                *place = Some(item);
                return;
            }
        }
    }
}
