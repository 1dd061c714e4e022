//! Correlations of 5-s returns between symbols (A5).
//!
//! Closes are joined on the buckets that every symbol has, and returns are taken between those, so
//! that both sides of a pair always span the same time. Five-second correlations are biased
//! towards 0 (Epps, *JASA* 74, 1979): risk should prefer longer returns where it has them.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::{error, fmt};

use super::Close;
use super::closes::log_return;

const RETURNS_MAX: usize = 500;
const RETURNS_MIN: usize = 50;
const SYMBOLS_MIN: usize = 3;

/// A symmetric matrix; its symbols ascend.
#[derive(Clone, Debug, PartialEq)]
pub struct Correlations {
    symbols: Vec<String>,
    /// Row by row, rounded to three decimals.
    values: Vec<Option<f64>>,
    returns: usize,
}

/// Why there is no matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TooLittle {
    /// This many symbols, of the three that it takes.
    Symbols(usize),
    /// This many common returns, of the fifty that it takes.
    Returns(usize),
}

impl Correlations {
    /// The symbols, ascending.
    #[must_use]
    pub fn symbols(&self) -> &[String] {
        &self.symbols
    }

    /// How many returns of each symbol went in.
    #[must_use]
    pub const fn returns(&self) -> usize {
        self.returns
    }

    /// The correlation of two symbols in either order, rounded to three decimals; 1 of a symbol
    /// with itself. Absent for an unknown symbol, or one whose price did not move.
    #[must_use]
    pub fn get(&self, a: &str, b: &str) -> Option<f64> {
        let at = |symbol| self.symbols.iter().position(|known| known == symbol);
        self.values[at(a)? * self.symbols.len() + at(b)?]
    }

    /// Every pair once, the lesser symbol first, in their order.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str, Option<f64>)> {
        self.symbols.iter().enumerate().flat_map(move |(at, a)| {
            let later = self.symbols[at + 1..].iter();
            later.map(move |b| (a.as_str(), b.as_str(), self.get(a, b)))
        })
    }
}

/// The matrix of all `symbols`, over the last 500 returns between buckets that all of them have.
///
/// # Errors
/// Fewer than three symbols, or fewer than fifty common returns.
pub fn correlations(symbols: &[(String, &[Close])]) -> Result<Correlations, TooLittle> {
    let count = symbols.len();
    if count < SYMBOLS_MIN {
        return Err(TooLittle::Symbols(count));
    }
    let mut symbols: Vec<_> = symbols.iter().collect();
    symbols.sort_by(|a, b| a.0.cmp(&b.0));
    let series: Vec<&[Close]> = symbols.iter().map(|(_, closes)| *closes).collect();
    let returns = joined_returns(&series);
    let found = returns[0].len();
    if found < RETURNS_MIN {
        return Err(TooLittle::Returns(found));
    }
    let mut values = vec![None; count * count];
    for a in 0..count {
        values[a * count + a] = Some(1.0);
        for b in a + 1..count {
            let rounded =
                pearson(&returns[a], &returns[b]).map(|r| libm::round(r * 1_000.0) / 1_000.0);
            values[a * count + b] = rounded;
            values[b * count + a] = rounded;
        }
    }
    Ok(Correlations {
        symbols: symbols.iter().map(|(symbol, _)| symbol.clone()).collect(),
        values,
        returns: found,
    })
}

/// Pearson's coefficient, in two passes; absent when one side does not vary or the lengths
/// differ.
#[must_use]
pub fn pearson(x: &[f64], y: &[f64]) -> Option<f64> {
    let varies = |values: &[f64]| values.windows(2).any(|pair| pair[0] != pair[1]);
    if x.len() != y.len() || !varies(x) || !varies(y) {
        return None;
    }
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let (mean_x, mean_y) = (mean(x), mean(y));
    let (mut xx, mut yy, mut xy) = (0.0, 0.0, 0.0);
    for (x, y) in x.iter().zip(y) {
        let (dx, dy) = (x - mean_x, y - mean_y);
        xx += dx * dx;
        yy += dy * dy;
        xy += dx * dy;
    }
    let r = xy / (libm::sqrt(xx) * libm::sqrt(yy));
    r.is_finite().then(|| r.clamp(-1.0, 1.0))
}

/// Of each series, the last returns between buckets that all series have.
fn joined_returns(series: &[&[Close]]) -> Vec<Vec<f64>> {
    let mut returns = vec![Vec::new(); series.len()];
    let mut at = vec![0; series.len()];
    let mut previous: Option<Vec<usize>> = None;
    while let Some(start) = next_common(series, &mut at) {
        if let Some(previous) = &previous {
            let step = |i: usize| log_return(&series[i][previous[i]], &series[i][at[i]]);
            // One price without a logarithm leaves the step out for all.
            let steps: Option<Vec<f64>> = (0..series.len()).map(step).collect();
            for (returns, step) in returns.iter_mut().zip(steps.into_iter().flatten()) {
                returns.push(step);
            }
        }
        debug_assert!(
            series
                .iter()
                .zip(&at)
                .all(|(s, at)| s[*at].start.0 == start)
        );
        previous = Some(at.clone());
        at.iter_mut().for_each(|at| *at += 1);
    }
    for returns in &mut returns {
        returns.drain(..returns.len().saturating_sub(RETURNS_MAX));
    }
    returns
}

/// Moves every cursor to the first bucket, from where they are, that all series have.
fn next_common(series: &[&[Close]], at: &mut [usize]) -> Option<u64> {
    let mut wanted = 0;
    loop {
        let mut latest = wanted;
        for (closes, at) in series.iter().zip(at.iter_mut()) {
            while closes.get(*at)?.start.0 < latest {
                *at += 1;
            }
            latest = closes[*at].start.0;
        }
        if latest == wanted {
            return Some(wanted);
        }
        wanted = latest;
    }
}

impl fmt::Display for TooLittle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Symbols(n) => write!(f, "{n} symbols, it takes {SYMBOLS_MIN}"),
            Self::Returns(n) => {
                write!(
                    f,
                    "{n} returns that all symbols have, it takes {RETURNS_MIN}"
                )
            }
        }
    }
}

impl error::Error for TooLittle {}
