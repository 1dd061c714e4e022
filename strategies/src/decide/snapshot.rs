//! What the rules see: the checked features, and what is derived from them (S1).
//!
//! A plain copy without references, so that a decision can carry it to whoever explains it, who
//! may run the rule again on it and ask what would have changed the answer.

use core::cmp::Ordering;

use undertow_core::types::{Price, Side};

use super::border::{above, falls_beyond, rises_beyond};
use super::contract::Listing;
use super::features::{Features, Flagged, Gex, Indicative, StrikeGex, Unusual};
use super::outlook::Outlook;
use crate::auction::AuctionImbalance;
use crate::discovery::Regime;
use crate::flow::bars::TimeBar;
use crate::options::{Right, Usd};

/// How many of the newest bars a rule may look at.
pub const BARS_MAX: usize = 20;

/// Bars that the average true range rests on, and that highs and lows look back over.
const RANGE_BARS: usize = 14;

/// Calls above, and puts below, this distance from the price are out of the money, in bps.
const OTM_BPS: i64 = 200;

/// Strikes nearer than this to the pin are part of it, in parts of the pin's price.
const PIN_SHARE: i128 = 100;

/// Everything a rule may look at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Snapshot {
    /// The last price.
    pub spot: Price,
    /// VPIN, 0–1.
    pub vpin: f64,
    /// The sign of the flow that VPIN is the size of, −1…1.
    pub signed_flow: Option<f64>,
    /// Order book imbalance, 0–1.
    pub obi: f64,
    /// Total gamma exposure, USD per 100 % move.
    pub gex: Option<f64>,
    /// Its z-score.
    pub gex_z: Option<f64>,
    /// Delta exposure, USD.
    pub dex: Option<f64>,
    /// Its z-score.
    pub dex_z: Option<f64>,
    /// Toxicity, 0–1.
    pub toxicity: Option<f64>,
    /// Volatility regime.
    pub regime: Option<Regime>,
    /// Where gamma lies.
    pub gamma: Option<Gamma>,
    /// The newest bars.
    pub bars: Bars,
    /// Whether a sweep was seen just now.
    pub sweep: bool,
    /// Unusual options activity.
    pub unusual: Option<Unusual>,
    /// Score of hidden orders, 0–1.
    pub hidden: Option<f64>,
    /// The closing auction's imbalance.
    pub imbalance: Option<Auction>,
    /// The closing auction's indicative price.
    pub indicative: Option<Indicative>,
    /// What the chain's open interest says.
    pub chain: Option<ChainShape>,
    /// Volume-weighted average price of the session.
    pub vwap: Option<Price>,
    /// What the news say, −1…1.
    pub news: Option<f64>,
    /// Institutional flow found in an option.
    pub ifd: Option<Flagged>,
    /// What the components of N22 say of the chain.
    pub outlook: Option<Outlook>,
}

/// Which way a pin pulls the price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pull {
    /// The pin is above.
    Up,
    /// The pin is below.
    Down,
    /// The price is at it.
    None,
}

/// Where gamma lies.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gamma {
    /// The strike with the largest |GEX|.
    pub pin: Price,
    /// max(0, 1 − distance / the pin's reach), 0–1.
    pub proximity: f64,
    /// Which way it pulls.
    pub pull: Pull,
    /// Share of Σ|GEX| within 1 % of the pin, 0–1.
    pub concentration: f64,
    /// Σ|GEX|, USD per 100 % move.
    pub total: f64,
}

/// The newest bars, reduced to what rules ask.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct Bars {
    /// Closes, newest first.
    closes: [Option<Price>; BARS_MAX],
    /// Highest and lowest price of the last 14 bars.
    range14: Option<(Price, Price)>,
    /// The last bar's relative range over the mean of the first five of the last ten.
    pub expansion: Option<f64>,
    /// The last bar's volume against those before it.
    pub volume: VolumeSurge,
    /// Mean true range of the last 14 intervals or fewer; none below two bars.
    pub true_range: Option<Price>,
}

/// The last bar's volume against the mean of the four before it.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub enum VolumeSurge {
    /// Fewer than five bars.
    #[default]
    TooFew,
    /// Nothing traded in the four.
    NoneBefore,
    /// So many times the mean.
    Times(f64),
}

/// The closing auction's imbalance in money.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Auction {
    /// The heavier side; bid is BUY.
    pub side: Side,
    /// What is left over, USD.
    pub total: f64,
    /// What pairs, USD.
    pub paired: f64,
    /// Left over / (left over + paired), 0–1.
    pub ratio: f64,
    /// Whether it was guessed from the book because no auction feed is there.
    pub is_proxy: bool,
}

/// What the chain's open interest says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChainShape {
    /// Open interest in calls.
    pub call_interest: u64,
    /// Open interest in puts.
    pub put_interest: u64,
    /// The largest open interest of one contract.
    pub largest_interest: u64,
    /// Listed calls more than 2 % above the price.
    pub otm_calls: u32,
    /// Listed puts more than 2 % below it.
    pub otm_puts: u32,
}

impl Snapshot {
    /// Derives everything from features that have passed [`Features::check`]; none without the
    /// required ones. A pin reaches `pin_bps` far.
    #[must_use]
    pub fn of(features: &Features, pin_bps: i64) -> Option<Self> {
        let spot = features.last?.value;
        let vpin = features.vpin?.value;
        let chain = features.chain.map(|reading| reading.value);
        Some(Self {
            spot,
            vpin: vpin.value.clamp(0.0, 1.0),
            signed_flow: vpin.signed_flow,
            obi: features.obi?.value.clamp(0.0, 1.0),
            gex: features.gex.map(|reading| reading.value.total),
            gex_z: features.gex_z.map(|reading| reading.value),
            dex: features.dex.map(|reading| reading.value),
            dex_z: features.dex_z.map(|reading| reading.value),
            toxicity: features.toxicity.map(|reading| reading.value),
            regime: features.regime.map(|reading| reading.value),
            gamma: features
                .gex
                .and_then(|reading| Gamma::of(&reading.value, spot, pin_bps)),
            bars: features
                .bars
                .map_or_else(Bars::default, |reading| Bars::of(reading.value)),
            sweep: features.sweep.is_some_and(|reading| reading.value),
            unusual: features.unusual.map(|reading| reading.value),
            hidden: features.hidden.map(|reading| reading.value),
            imbalance: features
                .imbalance
                .and_then(|reading| Auction::of(&reading.value)),
            indicative: features.indicative.map(|reading| reading.value),
            chain: chain.and_then(|chain| ChainShape::of(chain, spot)),
            vwap: features.vwap.map(|reading| reading.value),
            news: features.news.map(|reading| reading.value.clamp(-1.0, 1.0)),
            ifd: features.ifd.map(|reading| reading.value),
            outlook: features.outlook.map(|reading| reading.value),
        })
    }
}

impl Pull {
    /// Which way a pin pulls the price.
    #[must_use]
    pub fn towards(pin: Price, spot: Price) -> Self {
        match pin.cmp(&spot) {
            Ordering::Greater => Self::Up,
            Ordering::Less => Self::Down,
            Ordering::Equal => Self::None,
        }
    }
}

impl Gamma {
    /// The same exposure seen from another positive price.
    #[must_use]
    pub fn at_price(self, spot: Price, pin_bps: i64) -> Self {
        Self {
            proximity: proximity(self.pin, spot, pin_bps),
            pull: Pull::towards(self.pin, spot),
            ..self
        }
    }

    /// Finds the pin; none without exposure or without a positive price. Of equal strikes the one
    /// nearer to the price is the pin, then the lower.
    #[must_use]
    pub fn of(gex: &Gex, spot: Price, pin_bps: i64) -> Option<Self> {
        if spot.0 <= 0 || pin_bps <= 0 {
            return None;
        }
        let rank = |level: &StrikeGex| (spot.0.abs_diff(level.strike.0), level.strike);
        let pin = gex.by_strike.iter().copied().max_by(|a, b| {
            let by_size = a.gex.abs().total_cmp(&b.gex.abs());
            by_size.then_with(|| rank(b).cmp(&rank(a)))
        })?;
        let total: f64 = gex.by_strike.iter().map(|level| level.gex.abs()).sum();
        if total <= 0.0 {
            return None;
        }
        let near: f64 = gex
            .by_strike
            .iter()
            .filter(|level| {
                let distance = i128::from(level.strike.0.abs_diff(pin.strike.0));
                distance * PIN_SHARE <= i128::from(pin.strike.0)
            })
            .map(|level| level.gex.abs())
            .sum();
        Some(Self {
            pin: pin.strike,
            proximity: proximity(pin.strike, spot, pin_bps),
            pull: Pull::towards(pin.strike, spot),
            concentration: near / total,
            total,
        })
    }
}

impl Bars {
    /// Reduces bars, oldest first.
    #[must_use]
    pub fn of(bars: &[TimeBar]) -> Self {
        let mut closes = [None; BARS_MAX];
        for (close, bar) in closes.iter_mut().zip(bars.iter().rev()) {
            *close = Some(bar.close);
        }
        let newest = &bars[bars.len().saturating_sub(RANGE_BARS)..];
        let high = newest.iter().map(|bar| bar.high).max();
        let low = newest.iter().map(|bar| bar.low).min();
        Self {
            closes,
            range14: high.zip(low).filter(|_| newest.len() == RANGE_BARS),
            expansion: expansion(bars),
            volume: surge(bars),
            true_range: true_range(bars),
        }
    }

    /// How many closes there are, at most [`BARS_MAX`].
    #[must_use]
    pub fn count(&self) -> usize {
        self.closes.iter().flatten().count()
    }

    /// The close so many bars before the last, which is 0.
    #[must_use]
    pub fn close(&self, back: usize) -> Option<Price> {
        self.closes.get(back).copied().flatten()
    }

    /// First and last close of the last `bars` bars: the move over them.
    #[must_use]
    pub fn move_over(&self, bars: usize) -> Option<(Price, Price)> {
        self.close(bars.checked_sub(1)?).zip(self.close(0))
    }

    /// Highest and lowest price of the last 14 bars; none with fewer.
    #[must_use]
    pub const fn range14(&self) -> Option<(Price, Price)> {
        self.range14
    }

    /// The last close's move over the mean of the up to three moves before it, all as sizes; none
    /// below three bars or when the closes before did not move.
    #[must_use]
    pub fn last_move_times(&self) -> Option<f64> {
        let (last, mean) = self.last_move()?;
        (mean > 0.0).then(|| last / mean)
    }

    /// Whether the last close's move is above so many times the mean of those before it.
    #[must_use]
    pub fn is_last_move_above(&self, times: f64) -> bool {
        self.last_move()
            .is_some_and(|(last, mean)| above(last, times * mean))
    }

    /// The size of the last move and the mean size of the up to three before, in 1e-9.
    fn last_move(&self) -> Option<(f64, f64)> {
        let size = |back: usize| {
            let (to, from) = (self.close(back)?, self.close(back + 1)?);
            Some(to.0.abs_diff(from.0) as f64)
        };
        let before = [size(1), size(2), size(3)];
        let count = before.iter().flatten().count();
        let sum: f64 = before.iter().flatten().sum();
        let last = size(0)?;
        (count > 0).then(|| (last, sum / count as f64))
    }
}

impl Auction {
    /// None without a reference price, or when nothing is left over.
    #[must_use]
    pub fn of(auction: &AuctionImbalance) -> Option<Self> {
        let total = Usd(auction.notional?).dollars();
        let left_over = auction.imbalance as f64;
        (left_over > 0.0).then_some(Self {
            side: auction.side,
            total,
            paired: total * (auction.paired as f64 / left_over),
            ratio: auction.ratio()?,
            is_proxy: auction.is_proxy,
        })
    }
}

impl ChainShape {
    fn of(chain: &[Listing], spot: Price) -> Option<Self> {
        let mut shape = Self {
            call_interest: 0,
            put_interest: 0,
            largest_interest: 0,
            otm_calls: 0,
            otm_puts: 0,
        };
        for listing in chain {
            let interest = listing.open_interest.unwrap_or(0);
            let (sum, otm, is_otm) = match listing.right {
                Right::Call => (
                    &mut shape.call_interest,
                    &mut shape.otm_calls,
                    rises_beyond(spot, listing.strike, OTM_BPS),
                ),
                Right::Put => (
                    &mut shape.put_interest,
                    &mut shape.otm_puts,
                    falls_beyond(spot, listing.strike, OTM_BPS),
                ),
            };
            *sum = sum.saturating_add(interest);
            *otm += u32::from(is_otm);
            shape.largest_interest = shape.largest_interest.max(interest);
        }
        (!chain.is_empty()).then_some(shape)
    }

    /// Calls' share of the open interest, 0–1; none without any.
    #[must_use]
    pub fn call_share(&self) -> Option<f64> {
        let total = self.call_interest as f64 + self.put_interest as f64;
        (total > 0.0).then(|| self.call_interest as f64 / total)
    }
}

/// max(0, 1 − |S − pin|/S/reach), 0–1.
fn proximity(pin: Price, spot: Price, pin_bps: i64) -> f64 {
    let distance = spot.0.abs_diff(pin.0) as f64 / spot.0 as f64;
    (1.0 - distance / (pin_bps as f64 * 1e-4)).max(0.0)
}

/// The last bar's (high − low)/close over the mean of the first five of the last ten.
fn expansion(bars: &[TimeBar]) -> Option<f64> {
    let relative = |bar: &TimeBar| (bar.high.0 - bar.low.0) as f64 / bar.close.0 as f64;
    let ten = bars.last_chunk::<10>()?;
    let mean = ten[..5].iter().map(relative).sum::<f64>() / 5.0;
    (mean > 0.0).then(|| relative(&ten[9]) / mean)
}

fn surge(bars: &[TimeBar]) -> VolumeSurge {
    let Some(five) = bars.last_chunk::<5>() else {
        return VolumeSurge::TooFew;
    };
    let before: f64 = five[..4].iter().map(|bar| bar.volume as f64).sum();
    if before > 0.0 {
        VolumeSurge::Times(five[4].volume as f64 * 4.0 / before)
    } else {
        VolumeSurge::NoneBefore
    }
}

/// Mean of max(high − low, |high − close before|, |low − close before|), rounded down to 1e-9.
fn true_range(bars: &[TimeBar]) -> Option<Price> {
    let newest = &bars[bars.len().saturating_sub(RANGE_BARS + 1)..];
    let intervals = i128::try_from(newest.len().checked_sub(1)?).ok()?;
    let sum: i128 = newest
        .windows(2)
        .map(|pair| {
            let (before, bar) = (pair[0].close, &pair[1]);
            i128::from(bar.high.max(before).0) - i128::from(bar.low.min(before).0)
        })
        .sum();
    i64::try_from(sum.checked_div(intervals)?).ok().map(Price)
}
