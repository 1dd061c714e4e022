//! D7: how well a record of trading did: returns of days, and results of trades.
//!
//! Sharpe 1994 and Sortino and Price 1994, with 252 days a year and no riskless rate; Calmar is
//! the annual return for one of the deepest fall. What cannot be known is absent: no ratio
//! without spread, no fall without a peak, no average of nothing.

use libm::{pow, sqrt};

/// Trading days of a year.
const DAYS: f64 = 252.0;

/// What a series of equities, one at the end of each day, comes to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Returns {
    /// Mean return a day.
    pub mean: f64,
    /// Mean over sample deviation, a year.
    pub sharpe: Option<f64>,
    /// Mean over the deviation of what was lost, a year; losses count over all days.
    pub sortino: Option<f64>,
    /// The deepest fall from a peak before it, as a share of the peak.
    pub fall: f64,
    /// Return of a year at this pace.
    pub annual: f64,
    /// Annual return over the deepest fall.
    pub calmar: Option<f64>,
}

impl Returns {
    /// Of equities, the oldest first; absent with fewer than two, or one that is not above 0.
    #[must_use]
    pub fn of(equities: &[f64]) -> Option<Self> {
        let is_sound = |equity: &f64| equity.is_finite() && *equity > 0.0;
        if equities.len() < 2 || !equities.iter().all(is_sound) {
            return None;
        }
        let days = (equities.len() - 1) as f64;
        let returns = || equities.windows(2).map(|pair| pair[1] / pair[0] - 1.0);
        let mean = returns().sum::<f64>() / days;
        let squares: f64 = returns().map(|r| (r - mean) * (r - mean)).sum();
        let losses: f64 = returns().map(|r| r.min(0.0) * r.min(0.0)).sum();
        let deviation = sqrt(squares / (days - 1.0));
        let downside = sqrt(losses / days);
        let growth = equities[equities.len() - 1] / equities[0];
        let annual = pow(growth, DAYS / days) - 1.0;
        let fall = deepest_fall(equities);
        Some(Self {
            mean,
            sharpe: ratio(mean * sqrt(DAYS), deviation),
            sortino: ratio(mean * sqrt(DAYS), downside),
            fall,
            annual,
            calmar: ratio(annual, fall),
        })
    }
}

/// What the results of closed trades come to; zero is neither won nor lost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trades {
    /// Trades.
    pub count: usize,
    /// Share that gained, 0 to 1.
    pub win_rate: f64,
    /// Won over lost, as sums; absent when nothing was lost.
    pub profit_factor: Option<f64>,
    /// Mean result.
    pub expectancy: f64,
    /// Mean of those that gained.
    pub average_win: Option<f64>,
    /// Mean of those that lost, negative.
    pub average_loss: Option<f64>,
}

impl Trades {
    /// Of results, each after its fees; absent without any, or when one is not a number.
    #[must_use]
    pub fn of(results: &[f64]) -> Option<Self> {
        if results.is_empty() || !results.iter().all(|result| result.is_finite()) {
            return None;
        }
        let count = results.len() as f64;
        let (mut wins, mut won, mut losses, mut lost) = (0.0, 0.0, 0.0, 0.0);
        for result in results {
            if *result > 0.0 {
                wins += 1.0;
                won += result;
            } else if *result < 0.0 {
                losses += 1.0;
                lost += result;
            }
        }
        Some(Self {
            count: results.len(),
            win_rate: wins / count,
            profit_factor: ratio(won, -lost),
            expectancy: (won + lost) / count,
            average_win: ratio(won, wins),
            average_loss: ratio(lost, losses),
        })
    }
}

/// The deepest fall from a peak before it, as a share of the peak.
fn deepest_fall(equities: &[f64]) -> f64 {
    let mut peak = 0.0_f64;
    equities.iter().fold(0.0_f64, |deepest, equity| {
        peak = peak.max(*equity);
        deepest.max(1.0 - equity / peak)
    })
}

fn ratio(over: f64, under: f64) -> Option<f64> {
    let ratio = over / under;
    (under > 0.0 && ratio.is_finite()).then_some(ratio)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_known_is_absent() {
        assert_eq!(Returns::of(&[100.0]), None);
        assert_eq!(Returns::of(&[100.0, 0.0]), None);
        assert_eq!(Returns::of(&[100.0, f64::NAN]), None);
        let flat = Returns::of(&[100.0, 100.0, 100.0]).expect("sound");
        assert_eq!((flat.sharpe, flat.sortino, flat.calmar), (None, None, None));
        let one = Returns::of(&[100.0, 101.0]).expect("sound");
        assert_eq!(one.sharpe, None, "one day has no deviation");
        assert_eq!(Trades::of(&[]), None);
        let won = Trades::of(&[5.0, 0.0]).expect("sound");
        assert_eq!((won.win_rate, won.profit_factor), (0.5, None));
        assert_eq!(won.average_loss, None);
    }
}
