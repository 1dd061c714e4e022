//! Measures of risk that take floats (R1 Kelly, R2, R5, R6, R7): what risk is told as context.
//!
//! Pure functions of figures that others keep: daily results, market values, Greeks. What cannot
//! be computed is absent, and risk refuses what needs it. Integers for
//! `undertow_core::risk::Context` are made by [`ppm_up`] and [`ppm_down`], each rounding to the
//! side that is stricter for its use.

use libm::{ceil, fabs, floor, sqrt};

/// Days of results that value at risk looks back on (R5).
pub const RESULTS_MAX: usize = 50;

/// Fewer days than this give no historical value at risk.
pub const RESULTS_MIN: usize = 20;

/// Minutes of returns that volatility is measured against (R2).
pub const RETURNS: usize = 60;

/// Quantile of the normal distribution at 95 % (1.644854 in the specification).
const Z95: f64 = 1.644_853_626_951_472_2;

/// Kelly's share of equity for a win rate and a ratio of average win to average loss: negative
/// where the odds are. Absent unless the rate is a probability and the ratio is positive.
///
/// Source: Kelly 1956, for a bet that pays `ratio` to 1.
#[must_use]
pub fn kelly(win_rate: f64, ratio: f64) -> Option<f64> {
    if !(0.0..=1.0).contains(&win_rate) || !ratio.is_finite() || ratio <= 0.0 {
        return None;
    }
    Some(win_rate - (1.0 - win_rate) / ratio)
}

/// Share of equity for the next position by a strategy's last trades (R1): a quarter of Kelly,
/// within 0 and 15 %; 2 % while there are fewer than fifteen trades, or none lost.
#[must_use]
pub fn kelly_share(results: &[f64]) -> f64 {
    const UNKNOWN: f64 = 0.02;
    if results.len() < 15 || results.iter().any(|result| !result.is_finite()) {
        return UNKNOWN;
    }
    let (mut wins, mut won, mut losses, mut lost) = (0.0, 0.0, 0.0, 0.0);
    for result in results {
        if *result > 0.0 {
            wins += 1.0;
            won += result;
        } else if *result < 0.0 {
            losses += 1.0;
            lost -= result;
        }
    }
    if wins == 0.0 {
        return 0.0;
    }
    if losses == 0.0 {
        return UNKNOWN;
    }
    let ratio = (won / wins) / (lost / losses);
    match kelly(wins / (wins + losses), ratio) {
        Some(share) => (0.25 * share).clamp(0.0, 0.15),
        None => UNKNOWN,
    }
}

/// How far the market's last return stands from those of the [`RETURNS`] minutes before (R2), in
/// population standard deviations. Absent with fewer of them, or when they do not vary.
#[must_use]
pub fn volatility_z(returns: &[f64], last: f64) -> Option<f64> {
    let window = returns.get(returns.len().checked_sub(RETURNS)?..)?;
    let (mean, squares) = moments(window)?;
    let sigma = sqrt(squares / window.len() as f64);
    finite((last - mean) / sigma).filter(|_| sigma > 0.0)
}

/// Value at risk by history (R5), one day at 95 %.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HistoricalRisk {
    /// The order statistic: the loss of the ⌈5 %⌉-th worst day, not interpolated.
    pub historical: f64,
    /// Mean loss of that day and all worse ones.
    pub shortfall: f64,
    /// 1.644854 σ − μ of a normal distribution, not below 0.
    pub parametric: f64,
    /// Mean of the days.
    pub mean: f64,
    /// Their sample standard deviation.
    pub sigma: f64,
}

impl HistoricalRisk {
    /// Of daily results, the oldest first; only the last [`RESULTS_MAX`] count. Absent with fewer
    /// than [`RESULTS_MIN`]. `sorted` is room for them.
    #[must_use]
    pub fn of(results: &[f64], sorted: &mut [f64; RESULTS_MAX]) -> Option<Self> {
        let last = &results[results.len().saturating_sub(RESULTS_MAX)..];
        let n = last.len();
        if n < RESULTS_MIN {
            return None;
        }
        let (mean, squares) = moments(last)?;
        let sorted = &mut sorted[..n];
        sorted.copy_from_slice(last);
        sorted.sort_unstable_by(f64::total_cmp);
        // The ⌈n / 20⌉ worst days.
        let tail = &sorted[..n.div_ceil(20)];
        let sigma = sqrt(squares / (n - 1) as f64);
        Some(Self {
            historical: -tail[tail.len() - 1],
            shortfall: -tail.iter().sum::<f64>() / tail.len() as f64,
            parametric: (Z95 * sigma - mean).max(0.0),
            mean,
            sigma,
        })
    }

    /// What is reported: the larger of history and the normal distribution, not below 0.
    #[must_use]
    pub fn reported(&self) -> f64 {
        self.historical.max(self.parametric).max(0.0)
    }
}

/// What is held of one underlying: signed delta dollars and their daily volatility.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Holding {
    /// Signed market value, or delta dollars.
    pub dollars: f64,
    /// Standard deviation of its daily return; a share of 2 % where it is not known.
    pub sigma: Option<f64>,
}

/// Standard deviation of a day where none is known.
const SIGMA_UNKNOWN: f64 = 0.02;

/// Value at risk while history is too short (R5): Σ|value|·σ·1.65·0.75. Nothing held risks
/// nothing. Absent if a figure is not finite.
#[must_use]
pub fn fallback_risk(holdings: &[Holding]) -> Option<f64> {
    let sum: f64 = holdings
        .iter()
        .map(|held| fabs(held.dollars) * held.sigma.unwrap_or(SIGMA_UNKNOWN))
        .sum();
    finite(sum * 1.65 * 0.75)
}

/// Value at risk of what is held, with correlations (R5): 1.644854·√(w'Σw). Absent if a
/// correlation is, or if the matrix given is none (a negative variance).
#[must_use]
pub fn correlated_risk(
    holdings: &[Holding],
    correlation: impl Fn(usize, usize) -> Option<f64>,
) -> Option<f64> {
    let mut variance = 0.0;
    for (at, one) in holdings.iter().enumerate() {
        for (by, other) in holdings.iter().enumerate() {
            let rho = if at == by { 1.0 } else { correlation(at, by)? };
            let dollars = |held: &Holding| held.dollars * held.sigma.unwrap_or(SIGMA_UNKNOWN);
            variance += rho * dollars(one) * dollars(other);
        }
    }
    if variance < 0.0 {
        return None;
    }
    finite(Z95 * sqrt(variance))
}

/// Correlation to reckon with where none was measured (R6): that of a sector, else none.
#[must_use]
pub fn assumed_correlation(measured: Option<f64>, same_sector: SameSector) -> f64 {
    match (measured, same_sector) {
        (Some(rho), _) => rho.clamp(-1.0, 1.0),
        (None, SameSector::Yes) => 0.8,
        (None, SameSector::No) => 0.0,
    }
}

/// Whether two symbols belong to one sector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SameSector {
    /// They do.
    Yes,
    /// They do not.
    No,
}

/// A position's Greeks as it is held.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GreekPosition {
    /// Contracts, negative for short.
    pub quantity: f64,
    /// Dollars per point and contract.
    pub multiplier: f64,
    /// Delta of one unit.
    pub delta: f64,
    /// Gamma of one unit.
    pub gamma: f64,
    /// Theta of one unit, per day.
    pub theta: f64,
    /// Vega of one unit, per point of volatility.
    pub vega: f64,
    /// Price of the underlying.
    pub underlying: f64,
}

/// Net Greeks of a portfolio (R7): Σ quantity · multiplier · greek.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct NetGreeks {
    /// Delta, in units of the underlying.
    pub delta: f64,
    /// Gamma.
    pub gamma: f64,
    /// Theta per day.
    pub theta: f64,
    /// Vega per point of volatility.
    pub vega: f64,
    /// Delta times the price of the underlying.
    pub dollar_delta: f64,
}

impl NetGreeks {
    /// The sums; absent if one is not finite.
    #[must_use]
    pub fn of(positions: &[GreekPosition]) -> Option<Self> {
        let mut net = Self::default();
        for held in positions {
            let units = held.quantity * held.multiplier;
            net.delta += units * held.delta;
            net.gamma += units * held.gamma;
            net.theta += units * held.theta;
            net.vega += units * held.vega;
            net.dollar_delta += units * held.delta * held.underlying;
        }
        let sum = net.delta + net.gamma + net.theta + net.vega + net.dollar_delta;
        finite(sum).map(|_| net)
    }
}

/// How much of everything is in few hands (R6).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Concentration {
    /// Herfindahl's index: the sum of squared shares, 1/n to 1.
    pub hhi: f64,
    /// The largest share.
    pub max_share: f64,
}

impl Concentration {
    /// Of market values without a sign; absent when nothing is held.
    #[must_use]
    pub fn of(values: &[f64]) -> Option<Self> {
        let sum: f64 = values.iter().map(|value| fabs(*value)).sum();
        if !sum.is_finite() || sum <= 0.0 {
            return None;
        }
        let shares = values.iter().map(|value| fabs(*value) / sum);
        Some(Self {
            hhi: shares.clone().map(|share| share * share).sum(),
            max_share: shares.fold(0.0, f64::max),
        })
    }
}

/// Score of a portfolio's risk, 0 to 100 (R7).
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct RiskScore(pub f64);

/// What a score means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RiskLevel {
    /// Up to 40.
    Low,
    /// Above 40.
    Medium,
    /// Above 70.
    High,
}

impl RiskScore {
    /// From value at risk and drawdown in percent of equity, the largest share (0 to 1), and the
    /// number of positions. Absent if a figure is not finite.
    #[must_use]
    pub fn of(risk_pct: f64, drawdown_pct: f64, max_share: f64, positions: u32) -> Option<Self> {
        finite(risk_pct + drawdown_pct + max_share)?;
        let part = |value: f64, most: f64| value.clamp(0.0, most);
        Some(Self(
            part(10.0 * risk_pct, 30.0)
                + part(3.0 * drawdown_pct, 30.0)
                + part(100.0 * max_share, 20.0)
                + part(4.0 * f64::from(positions), 20.0),
        ))
    }

    /// What it means.
    #[must_use]
    pub fn level(self) -> RiskLevel {
        if self.0 > 70.0 {
            RiskLevel::High
        } else if self.0 > 40.0 {
            RiskLevel::Medium
        } else {
            RiskLevel::Low
        }
    }
}

/// A figure in whole millionths, rounded up: for what must not exceed a limit.
#[must_use]
pub fn ppm_up(value: f64) -> Option<i64> {
    whole(ceil(value * 1e6))
}

/// A figure in whole millionths, rounded down: for what trips at a limit.
#[must_use]
pub fn ppm_down(value: f64) -> Option<i64> {
    whole(floor(value * 1e6))
}

/// Dollars in units of money (1e-4), rounded away from zero: a risk is not made smaller.
#[must_use]
pub fn money_away(dollars: f64) -> Option<i64> {
    let units = dollars * 1e4;
    whole(if units < 0.0 {
        floor(units)
    } else {
        ceil(units)
    })
}

/// An integer within what `f64` counts exactly.
fn whole(value: f64) -> Option<i64> {
    (fabs(value) <= 9_007_199_254_740_992.0).then_some(value as i64)
}

/// Mean, and the sum of squared distances from it.
fn moments(values: &[f64]) -> Option<(f64, f64)> {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let squares = values.iter().map(|value| (value - mean) * (value - mean));
    finite(mean).zip(finite(squares.sum()))
}

fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kelly_is_absent_for_what_are_no_odds() {
        for (rate, ratio) in [
            (1.1, 1.0),
            (-0.1, 1.0),
            (f64::NAN, 1.0),
            (0.5, 0.0),
            (0.5, -1.0),
        ] {
            assert_eq!(kelly(rate, ratio), None);
        }
        assert_eq!(kelly(0.5, f64::INFINITY), None);
    }

    #[test]
    fn a_share_needs_fifteen_trades_and_stays_within_its_bounds() {
        let mut results = [1.0; 15];
        assert_eq!(kelly_share(&results[..14]), 0.02);
        assert_eq!(
            kelly_share(&results),
            0.02,
            "nothing lost says nothing of losses"
        );
        results[0] = -0.001;
        assert_eq!(
            kelly_share(&results),
            0.15_f64.min(0.25 * (14.0 / 15.0 - 1.0 / 15_000.0))
        );
        assert_eq!(kelly_share(&[-1.0; 15]), 0.0);
        let mut poor = [-2.0; 20];
        poor[..5].fill(1.0);
        assert_eq!(kelly_share(&poor), 0.0);
        poor[0] = f64::NAN;
        assert_eq!(kelly_share(&poor), 0.02);
    }

    #[test]
    fn volatility_needs_an_hour_that_varies() {
        let hour = core::array::from_fn::<f64, 60, _>(|at| (at % 2) as f64);
        assert_eq!(volatility_z(&hour[1..], 1.0), None);
        assert_eq!(volatility_z(&[0.5; 60], 1.0), None);
        assert_eq!(volatility_z(&hour, f64::NAN), None);
        assert_eq!(volatility_z(&hour, 2.0), Some(3.0));
        let mut longer = [9.0; 61];
        longer[1..].copy_from_slice(&hour);
        assert_eq!(
            volatility_z(&longer, 2.0),
            Some(3.0),
            "only the last hour counts"
        );
    }

    #[test]
    fn history_needs_twenty_days_and_looks_back_on_fifty() {
        let mut room = [0.0; RESULTS_MAX];
        let days: [f64; 60] = core::array::from_fn(|at| at as f64 - 30.0);
        assert_eq!(HistoricalRisk::of(&days[..19], &mut room), None);
        let twenty = HistoricalRisk::of(&days[..20], &mut room).unwrap();
        assert_eq!((twenty.historical, twenty.shortfall), (30.0, 30.0));
        let twenty_one = HistoricalRisk::of(&days[..21], &mut room).unwrap();
        assert_eq!((twenty_one.historical, twenty_one.shortfall), (29.0, 29.5));
        let fifty = HistoricalRisk::of(&days, &mut room).unwrap();
        assert_eq!(fifty.historical, 18.0, "the ten oldest days are out");
        let mut sick = [1.0; 20];
        sick[3] = f64::INFINITY;
        assert_eq!(HistoricalRisk::of(&sick, &mut room), None);
        let gains = HistoricalRisk::of(&[5.0; 30], &mut room).unwrap();
        assert_eq!(
            (gains.historical, gains.parametric, gains.reported()),
            (-5.0, 0.0, 0.0)
        );
    }

    #[test]
    fn nothing_held_risks_nothing_and_unknown_sigma_is_two_percent() {
        assert_eq!(fallback_risk(&[]), Some(0.0));
        let held = Holding {
            dollars: -1_000.0,
            sigma: None,
        };
        assert_eq!(fallback_risk(&[held]), Some(1_000.0 * 0.02 * 1.65 * 0.75));
        assert_eq!(correlated_risk(&[held, held], |_, _| None), None);
        assert_eq!(correlated_risk(&[held, held], |_, _| Some(-2.0)), None);
        assert_eq!(correlated_risk(&[held], |_, _| None), Some(Z95 * 20.0));
    }

    #[test]
    fn missing_correlations_are_a_sectors_or_none() {
        assert_eq!(assumed_correlation(Some(0.3), SameSector::Yes), 0.3);
        assert_eq!(assumed_correlation(None, SameSector::Yes), 0.8);
        assert_eq!(assumed_correlation(None, SameSector::No), 0.0);
        assert_eq!(assumed_correlation(Some(1.5), SameSector::No), 1.0);
    }

    #[test]
    fn rounding_is_to_the_stricter_side() {
        assert_eq!(
            (ppm_up(0.700_000_1), ppm_down(0.700_000_9)),
            (Some(700_001), Some(700_000))
        );
        assert_eq!(
            (money_away(0.000_01), money_away(-0.000_01)),
            (Some(1), Some(-1))
        );
        assert_eq!((ppm_up(f64::NAN), ppm_down(f64::INFINITY)), (None, None));
        assert_eq!(money_away(1e30), None);
    }

    #[test]
    fn levels_begin_above_their_borders() {
        let level = |score| RiskScore(score).level();
        assert_eq!([40.0, 40.1].map(level), [RiskLevel::Low, RiskLevel::Medium]);
        assert_eq!(
            [70.0, 70.1].map(level),
            [RiskLevel::Medium, RiskLevel::High]
        );
        assert_eq!(RiskScore::of(f64::NAN, 0.0, 0.0, 0), None);
        assert_eq!(RiskScore::of(-5.0, 0.0, 0.0, 0), Some(RiskScore(0.0)));
        assert_eq!(Concentration::of(&[]), None);
        assert_eq!(Concentration::of(&[0.0]), None);
    }
}
