//! N4: one-sided pressure within a window, and the classifier for trades without an aggressor.
//!
//! Sizes are contracts. A side that nobody knows is kept apart and takes part in no ratio.

use undertow_core::types::{Price, Side};

/// A trade larger than this is a large one, contracts.
pub const LARGE: u32 = 100;
/// Where a ratio is averaged or compared, it counts as this at most; "all buys, no sells" too.
pub const RATIO_CAP: f64 = 10.0;
/// Trades that make a window fully credible.
const TRADES_FULL: f64 = 20.0;

/// Which side took the initiative.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dominance {
    /// More than 60 % of the volume bought.
    Buy,
    /// More than 60 % sold.
    Sell,
    /// Neither.
    Neutral,
}

impl Dominance {
    /// The word shown to users.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Buy => "BUY",
            Self::Sell => "SELL",
            Self::Neutral => "NEUTRAL",
        }
    }
}

/// Trades of one option in one window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Tally {
    /// Sum of price × size over all trades; saturates.
    pub notional: i128,
    /// Contracts bought by aggressors.
    pub buy: u64,
    /// Contracts sold by aggressors.
    pub sell: u64,
    /// Contracts whose side nobody knows.
    pub unclassified: u64,
    /// Trades with a known side.
    pub trades: u32,
    /// Trades of more than [`LARGE`] contracts, of any side.
    pub large: u32,
}

impl Tally {
    /// Counts a trade. An undefined price or a size of 0 is no trade.
    pub fn add(&mut self, side: Side, price: Price, size: u32) {
        if !price.is_defined() || size == 0 {
            return;
        }
        let volume = match side {
            Side::Bid => &mut self.buy,
            Side::Ask => &mut self.sell,
            Side::None => &mut self.unclassified,
        };
        *volume = volume.saturating_add(u64::from(size));
        self.trades = self.trades.saturating_add(u32::from(side != Side::None));
        self.large = self.large.saturating_add(u32::from(size > LARGE));
        let notional = i128::from(price.0) * i128::from(size);
        self.notional = self.notional.saturating_add(notional);
    }

    /// Whether nothing has traded.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.volume() == 0
    }

    /// Contracts traded, of any side.
    #[must_use]
    pub const fn volume(&self) -> u64 {
        self.classified().saturating_add(self.unclassified)
    }

    /// Contracts traded by a known side.
    #[must_use]
    pub const fn classified(&self) -> u64 {
        self.buy.saturating_add(self.sell)
    }

    /// Bought per sold; 1 if neither; none if nothing was sold and something bought.
    #[must_use]
    pub fn ratio(&self) -> Option<f64> {
        match (self.buy, self.sell) {
            (0, 0) => Some(1.0),
            (_, 0) => None,
            (buy, sell) => Some(buy as f64 / sell as f64),
        }
    }

    /// The ratio in the direction of the pressure, at most [`RATIO_CAP`]: bought per sold, or
    /// sold per bought when the sellers dominate.
    #[must_use]
    pub fn pressure(&self, dominance: Dominance) -> f64 {
        let inverse = Self {
            buy: self.sell,
            sell: self.buy,
            ..*self
        };
        let tally = match dominance {
            Dominance::Sell => &inverse,
            Dominance::Buy | Dominance::Neutral => self,
        };
        tally.ratio().map_or(RATIO_CAP, |it| it.min(RATIO_CAP))
    }

    /// Share bought of what has a side, in [0, 1].
    #[must_use]
    pub fn buy_fraction(&self) -> Option<f64> {
        (self.classified() > 0).then(|| self.buy as f64 / self.classified() as f64)
    }

    /// Who dominates; nobody without trades.
    #[must_use]
    pub const fn dominance(&self) -> Dominance {
        let (buy, total) = (self.buy as u128, self.buy as u128 + self.sell as u128);
        if buy * 5 > total * 3 {
            Dominance::Buy
        } else if buy * 5 < total * 2 {
            Dominance::Sell
        } else {
            Dominance::Neutral
        }
    }

    /// How much the window is to be believed: one-sided and of many trades, in [0, 1].
    #[must_use]
    pub fn confidence(&self) -> f64 {
        let credible = (f64::from(self.trades) / TRADES_FULL).min(1.0);
        let one_sided = self.buy_fraction().map_or(0.0, |f| 2.0 * (f - 0.5).abs());
        credible * one_sided
    }

    /// (buy − sell) / (buy + sell), in [−1, 1].
    #[must_use]
    pub fn score(&self) -> Option<f64> {
        self.buy_fraction().map(|f| 2.0 * f - 1.0)
    }

    /// Mean size of trades with a known side.
    #[must_use]
    pub fn average_size(&self) -> Option<f64> {
        (self.trades > 0).then(|| self.classified() as f64 / f64::from(self.trades))
    }

    /// Volume-weighted average price over all trades, rounded toward zero.
    #[must_use]
    pub fn vwap(&self) -> Option<Price> {
        let average = self.notional.checked_div(i128::from(self.volume()))?;
        i64::try_from(average).ok().map(Price)
    }

    /// Share of the volume that has a side, in [0, 1].
    #[must_use]
    pub fn data_quality(&self) -> Option<f64> {
        (self.volume() > 0).then(|| self.classified() as f64 / self.volume() as f64)
    }
}

/// The side of a trade for which the exchange names none, with a confidence in [0, 1]: near a
/// quote it is that quote's; elsewhere the mean of up to ten previous prices decides.
#[must_use]
pub fn classify(price: Price, bid: Price, ask: Price, previous: &[Price]) -> (Side, f64) {
    if let Some(side) = near_quote(price, bid, ask) {
        // min(.9, .6 + .4 r) is .9 for every r that gets here.
        return (side, 0.9);
    }
    let recent = &previous[previous.len().saturating_sub(10)..];
    if recent.len() < 2 {
        return (Side::None, 0.3);
    }
    let sum: i128 = recent.iter().map(|it| i128::from(it.0)).sum();
    let scaled = i128::from(price.0) * recent.len() as i128;
    match scaled.cmp(&sum) {
        core::cmp::Ordering::Greater => (Side::Bid, 0.6),
        core::cmp::Ordering::Less => (Side::Ask, 0.6),
        core::cmp::Ordering::Equal => (Side::None, 0.3),
    }
}

/// Within a fifth of the spread from a quote, or beyond it.
fn near_quote(price: Price, bid: Price, ask: Price) -> Option<Side> {
    if !price.is_defined() || !bid.is_defined() || !ask.is_defined() || bid >= ask {
        return None;
    }
    let above_bid = i128::from(price.0) - i128::from(bid.0);
    let spread = i128::from(ask.0) - i128::from(bid.0);
    if above_bid * 5 >= spread * 4 {
        Some(Side::Bid)
    } else if above_bid * 5 <= spread {
        Some(Side::Ask)
    } else {
        None
    }
}
