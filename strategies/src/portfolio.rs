//! Measures of single symbols put together (A14): the portfolio, and sectors.
//!
//! A symbol takes part in a sum only with the measures that it has; a sum of nothing is absent.

/// What a symbol contributes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Member {
    /// What it belongs to.
    pub sector: Sector,
    /// Contracts or shares traded.
    pub volume: u64,
    /// VPIN, 0 to 1.
    pub vpin: Option<f64>,
    /// Gamma exposure, in the unit of all other members.
    pub gex: Option<f64>,
    /// Delta exposure, USD.
    pub dex: Option<f64>,
    /// Order book imbalance, −1 to 1.
    pub imbalance: Option<f64>,
    /// Change of price over the horizon looked at, as a fraction.
    pub change: Option<f64>,
}

/// A part of the market; which symbol is in which one is configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sector {
    /// Technology stocks.
    Technology,
    /// Index products: SPY, QQQ, IWM.
    BroadMarket,
    /// Consumer stocks.
    Consumer,
    /// Volatility products: VXX.
    Volatility,
}

/// All members together.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct Portfolio {
    /// VPIN weighted by volume.
    pub vpin: Option<f64>,
    /// The plain mean of VPIN.
    pub vpin_mean: Option<f64>,
    /// Sum of gamma exposures.
    pub gex: Option<f64>,
    /// Sum of delta exposures.
    pub dex: Option<f64>,
    /// Mean imbalance.
    pub imbalance: Option<f64>,
    /// What the weighted VPIN says.
    pub state: Option<MarketState>,
    /// What VPIN of the volatility products says.
    pub risk: Option<Risk>,
}

/// Toxicity of the market as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MarketState {
    /// Weighted VPIN below 0.3.
    Calm,
    /// Neither.
    Normal,
    /// Weighted VPIN above 0.7.
    Toxic,
}

/// What flow in volatility products tells about appetite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Risk {
    /// VPIN above 0.6.
    Off,
    /// Neither.
    Neutral,
    /// VPIN below 0.4.
    On,
}

/// One sector.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SectorFlow {
    /// Which.
    pub sector: Sector,
    /// Σ volume × imbalance: above 0 flows in, below 0 out. In contracts or shares.
    pub net: Option<f64>,
    /// Mean change of its members.
    pub change: Option<f64>,
    /// Its change less that of the broad market.
    pub relative: Option<f64>,
    /// What that says.
    pub rotation: Option<Rotation>,
}

/// Whether money moves between a sector and the broad market.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rotation {
    /// The sector is ahead by more than 0.1 %.
    Into,
    /// Neither.
    None,
    /// The sector is behind by more than 0.1 %.
    OutOf,
}

impl Portfolio {
    /// All members together.
    #[must_use]
    pub fn of(members: &[Member]) -> Self {
        let vpin = volume_weighted(members);
        let volatility = |member: &&Member| member.sector == Sector::Volatility;
        let risk = mean(members.iter().filter(volatility).map(|member| member.vpin));
        Self {
            vpin,
            vpin_mean: mean(members.iter().map(|member| member.vpin)),
            gex: sum(members.iter().map(|member| member.gex)),
            dex: sum(members.iter().map(|member| member.dex)),
            imbalance: mean(members.iter().map(|member| member.imbalance)),
            state: vpin.map(MarketState::of),
            risk: risk.map(Risk::of),
        }
    }
}

impl MarketState {
    /// The state at a volume-weighted VPIN.
    #[must_use]
    pub fn of(vpin: f64) -> Self {
        if vpin > 0.7 {
            Self::Toxic
        } else if vpin < 0.3 {
            Self::Calm
        } else {
            Self::Normal
        }
    }
}

impl Risk {
    /// The appetite at a VPIN of volatility products.
    #[must_use]
    pub fn of(vpin: f64) -> Self {
        if vpin > 0.6 {
            Self::Off
        } else if vpin < 0.4 {
            Self::On
        } else {
            Self::Neutral
        }
    }
}

impl Rotation {
    /// The rotation at a change relative to the broad market.
    #[must_use]
    pub fn of(relative: f64) -> Self {
        if relative > 0.001 {
            Self::Into
        } else if relative < -0.001 {
            Self::OutOf
        } else {
            Self::None
        }
    }
}

impl SectorFlow {
    /// The members of one sector, beside the broad market among all `members`.
    #[must_use]
    pub fn of(sector: Sector, members: &[Member]) -> Self {
        let of = |sector| members.iter().filter(move |member| member.sector == sector);
        let flow = |member: &Member| member.imbalance.map(|i| i * member.volume as f64);
        let change = mean(of(sector).map(|member| member.change));
        let broad = mean(of(Sector::BroadMarket).map(|member| member.change));
        // Against itself nothing rotates.
        let broad = broad.filter(|_| sector != Sector::BroadMarket);
        let relative = change.zip(broad).map(|(change, broad)| change - broad);
        Self {
            sector,
            net: sum(of(sector).map(flow)),
            change,
            relative,
            rotation: relative.map(Rotation::of),
        }
    }
}

fn volume_weighted(members: &[Member]) -> Option<f64> {
    let (mut weighted, mut volume) = (0.0, 0.0);
    for member in members {
        if let Some(vpin) = member.vpin.filter(|vpin| vpin.is_finite()) {
            weighted += vpin * member.volume as f64;
            volume += member.volume as f64;
        }
    }
    let is_defined = volume > 0.0;
    is_defined.then(|| weighted / volume)
}

fn sum(values: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    total(values).map(|(sum, _)| sum)
}

fn mean(values: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    total(values).map(|(sum, count)| sum / count)
}

/// Sum and count of the finite values there are.
fn total(values: impl Iterator<Item = Option<f64>>) -> Option<(f64, f64)> {
    let finite = values.flatten().filter(|value| value.is_finite());
    let (sum, count) = finite.fold((0.0, 0.0), |(sum, n), value| (sum + value, n + 1.0));
    (count > 0.0 && sum.is_finite()).then_some((sum, count))
}
