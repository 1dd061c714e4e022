//! How far back returns still say something (A3): the lags whose autocorrelation is significant.

use alloc::vec::Vec;

const LAGS_MAX: usize = 50;
const LOOKBACK_MAX: usize = 30;
const LOOKBACK_DEFAULT: usize = 10;
const RETURNS_MIN: usize = 100;

/// Which significant lag decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum LookbackMode {
    /// The last one. With 50 lags two or three are significant by chance, so it is nearly always
    /// late and the limit of 30 decides.
    #[default]
    LastSignificant,
    /// The last one of the unbroken run that begins with lag 1.
    FirstRun,
}

/// A lookback and what it stands on.
#[derive(Clone, Debug, PartialEq)]
pub struct Lookback {
    /// Bars, 1 to 30.
    pub bars: usize,
    /// How many returns there were; below 100 the lookback is the default of 10.
    pub returns: usize,
    /// Autocorrelation from lag 1 on.
    pub autocorrelation: Vec<f64>,
    /// 2/√n; beyond it a lag is significant.
    pub bound: f64,
    /// The lag that decided, before the limit; absent when none is significant.
    pub lag: Option<usize>,
}

impl Lookback {
    /// The lags beyond the bound, ascending.
    pub fn significant(&self) -> impl Iterator<Item = usize> + '_ {
        let lags = (1..).zip(&self.autocorrelation);
        lags.filter(|(_, rho)| rho.abs() > self.bound)
            .map(|(lag, _)| lag)
    }
}

/// The lookback that the log returns of 5-s bars suggest.
#[must_use]
pub fn lookback(returns: &[f64], mode: LookbackMode) -> Lookback {
    let n = returns.len();
    let mut found = Lookback {
        bars: LOOKBACK_DEFAULT,
        returns: n,
        autocorrelation: autocorrelation(returns, LAGS_MAX.min(n / 4)),
        bound: 2.0 / libm::sqrt(n.max(1) as f64),
        lag: None,
    };
    if n < RETURNS_MIN {
        return found;
    }
    found.lag = match mode {
        LookbackMode::LastSignificant => found.significant().last(),
        LookbackMode::FirstRun => {
            let run = found.significant().zip(1..);
            run.take_while(|(lag, at)| lag == at)
                .last()
                .map(|(lag, _)| lag)
        }
    };
    found.bars = found
        .lag
        .map_or(LOOKBACK_DEFAULT, |lag| lag.min(LOOKBACK_MAX));
    found
}

/// Biased autocorrelation Σ(x_t−x̄)(x_{t−k}−x̄)/Σ(x_t−x̄)² for lags 1 to `lags`; empty when the
/// values do not vary.
#[must_use]
pub fn autocorrelation(values: &[f64], lags: usize) -> Vec<f64> {
    // The mean of equal values can be off by a rounding error, which would look like variation.
    if values.windows(2).all(|pair| pair[0] == pair[1]) {
        return Vec::new();
    }
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let centred: Vec<f64> = values.iter().map(|value| value - mean).collect();
    let squares: f64 = centred.iter().map(|value| value * value).sum();
    let rho = |lag: usize| {
        let later = centred.iter().skip(lag);
        later.zip(&centred).map(|(x, y)| x * y).sum::<f64>() / squares
    };
    let rhos: Vec<f64> = (1..=lags).map(rho).collect();
    if rhos.iter().all(|rho| rho.is_finite()) {
        rhos
    } else {
        Vec::new()
    }
}
