//! Two runs side by side: ratios with their uncertainty, never a bare percent.
//!
//! The interval of a percentile's ratio is the bootstrap's. Resampling `n` samples and taking the
//! one of rank `r` is the same as taking the empirical value at a Beta(r, n - r + 1) share, so
//! each replicate is one draw and no resampling is done. The interval is widened by the width
//! of the bins, at least the nanosecond in which times are told. Beside it stands the
//! Mann–Whitney test of the whole distributions, with ties. Both take samples as independent,
//! which latencies within a run are not quite, and neither knows how much runs differ among
//! themselves: hence the margin below which nothing is claimed.

use std::fmt;

use hdrhistogram::Histogram;
use serde::Serialize;

use crate::failure::{Failure, Kind};
use crate::percentile::{Bin, Bins, LADDER, Percentile, Reading};
use crate::recorder::{HIGH_NS, Row};
use crate::run::Run;
use crate::text;

/// Replicates of the bootstrap; its 2.5 % tail then holds fifty.
const REPLICATES: usize = 2_000;

/// The tests' common level for saying that two distributions differ.
const P_VALUE_MAX: f64 = 0.01;

/// The difference below which nothing is claimed, as a share: 5 %.
pub const MARGIN: f64 = 0.05;

/// Two runs compared.
#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    /// What the first run was.
    pub base: String,
    /// What the second run was.
    pub run: String,
    /// The difference below which nothing is claimed, as a share.
    pub margin: f64,
    /// What differs around the figures, so that like is compared with like.
    pub warnings: Vec<String>,
    /// Stages in both.
    pub stages: Vec<Pair>,
}

/// One stage in both runs.
#[derive(Clone, Debug, Serialize)]
pub struct Pair {
    /// The row's key.
    pub key: String,
    /// Samples in base and run.
    pub counts: [u64; 2],
    /// The chance that a sample of the run is slower than one of the base, ties counted half.
    pub slower_chance: f64,
    /// Mann–Whitney, two-sided: how likely so much difference is if there is none.
    pub p_value: f64,
    /// The median's and p99's changes, where both runs can tell them.
    pub changes: Vec<Change>,
}

/// One percentile in both runs.
#[derive(Clone, Debug, Serialize)]
pub struct Change {
    /// Which: `p50`.
    pub percentile: &'static str,
    /// In the base, in ns.
    pub base_ns: u64,
    /// In the run, in ns.
    pub run_ns: u64,
    /// Run over base.
    pub ratio: f64,
    /// The ratio's 95 % interval.
    pub interval: [f64; 2],
    /// What may be said.
    pub verdict: Verdict,
}

/// What a comparison may say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The run is faster by more than the margin.
    Faster,
    /// The run is slower by more than the margin.
    Slower,
    /// Neither is shown. It does not mean that the two are equal.
    NoDifferenceShown,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Faster => "faster",
            Self::Slower => "slower",
            Self::NoDifferenceShown => "no difference shown",
        })
    }
}

/// Compares `run` with `base`, claiming nothing within `margin` (a share, at least 0).
///
/// # Errors
///
/// Runs without a stage in common.
pub fn compare(base: &Run, run: &Run, margin: f64) -> Result<Comparison, Failure> {
    let mut warnings = differences(base, run);
    let mut stages = Vec::new();
    for row in &base.rows {
        match run.rows.iter().find(|other| other.key() == row.key()) {
            Some(other) => stages.push(pair(row, other, margin)),
            None => warnings.push(format!("only the base has stage '{}'", row.key())),
        }
    }
    for row in &run.rows {
        if !base.rows.iter().any(|other| other.key() == row.key()) {
            warnings.push(format!("only the run has stage '{}'", row.key()));
        }
    }
    if stages.is_empty() {
        let place = format!("{} and {}", base.what, run.what);
        let next = "compare two runs of the same program";
        return Err(Kind::Usage.at(place, "have no stage in common", next));
    }
    Ok(Comparison {
        base: base.what.clone(),
        run: run.what.clone(),
        margin,
        warnings,
        stages,
    })
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "base  {}\nrun   {}", self.base, self.run)?;
        for warning in &self.warnings {
            writeln!(f, "not like with like: {warning}")?;
        }
        let head = [
            "stage",
            "",
            "base",
            "run",
            "ratio",
            "95 % interval",
            "P(slower)",
        ];
        let head = head.into_iter().chain(["Mann–Whitney", "verdict"]);
        let mut rows = vec![head.map(str::to_owned).collect::<Vec<_>>()];
        for pair in &self.stages {
            rows.extend(pair.changes.iter().map(|change| cells(pair, change)));
            if pair.changes.is_empty() {
                let mut row = vec![pair.key.clone()];
                row.extend(["n/a"; 7].map(str::to_owned));
                row.push("too few samples".to_owned());
                rows.push(row);
            }
        }
        write!(f, "\n{}", text::columns(&rows))?;
        writeln!(
            f,
            "\nNothing is claimed within {:.0} %. The interval is of these two runs' samples; \
             it does not know\nhow much runs of one build differ. Alternate base and run several \
             times before believing a small change.",
            self.margin * 100.0
        )
    }
}

fn cells(pair: &Pair, change: &Change) -> Vec<String> {
    let p_value = match pair.p_value < 1e-6 {
        true => "p < 0.000001".to_owned(),
        false => format!("p = {:.6}", pair.p_value),
    };
    vec![
        pair.key.clone(),
        change.percentile.to_owned(),
        text::latency(change.base_ns),
        text::latency(change.run_ns),
        format!("{:.3}", change.ratio),
        format!("{:.3} to {:.3}", change.interval[0], change.interval[1]),
        format!("{:.3}", pair.slower_chance),
        p_value,
        change.verdict.to_string(),
    ]
}

/// What else is different between the runs and may be the cause of it all.
fn differences(base: &Run, run: &Run) -> Vec<String> {
    let ids = |run: &Run| {
        let cores = run.environment.cores.iter();
        let each = cores.map(|core| format!("{} on {}", core.tile, core.id));
        Some(each.collect::<Vec<_>>().join(", ")).filter(|text| !text.is_empty())
    };
    let (one, two) = (&base.environment, &run.environment);
    let told = [
        ("what ran", Some(base.what.clone()), Some(run.what.clone())),
        ("pace", base.pace.clone(), run.pace.clone()),
        ("layout", base.layout.clone(), run.layout.clone()),
        ("cores", ids(base), ids(run)),
        ("governor", one.governor.clone(), two.governor.clone()),
        ("clock", one.clock.clone(), two.clock.clone()),
        ("machine", one.machine.clone(), two.machine.clone()),
        ("config", one.config.clone(), two.config.clone()),
    ];
    let word = |value: Option<String>| value.unwrap_or_else(|| "not recorded".to_owned());
    told.into_iter()
        .filter(|(_, one, two)| one != two)
        .map(|(name, one, two)| format!("{name}: {} and {}", word(one), word(two)))
        .collect()
}

fn pair(base: &Row, run: &Row, margin: f64) -> Pair {
    let (slower_chance, p_value) = mann_whitney(base, run);
    let bins = [Bins::of(base), Bins::of(run)];
    let mut random = Random::new(0x5EED);
    let changes = [LADDER[0], LADDER[2]]
        .into_iter()
        .filter_map(|percentile| change(&bins, percentile, margin, p_value, &mut random))
        .collect();
    Pair {
        key: base.key(),
        counts: [base.histogram.len(), run.histogram.len()],
        slower_chance,
        p_value,
        changes,
    }
}

fn change(
    bins: &[Bins; 2],
    percentile: Percentile,
    margin: f64,
    p_value: f64,
    random: &mut Random,
) -> Option<Change> {
    let [Reading::Ns(base_ns), Reading::Ns(run_ns)] =
        bins.each_ref().map(|bins| bins.percentile(percentile))
    else {
        return None;
    };
    let interval = bootstrap(bins, percentile, random)?;
    // The median needs the whole distributions to differ too; a tail may move on its own.
    let differ = percentile != LADDER[0] || p_value < P_VALUE_MAX;
    let verdict = if differ && 1.0 + margin < interval[0] {
        Verdict::Slower
    } else if differ && interval[1] < 1.0 / (1.0 + margin) {
        Verdict::Faster
    } else {
        Verdict::NoDifferenceShown
    };
    Some(Change {
        percentile: percentile.name,
        base_ns,
        run_ns,
        ratio: run_ns as f64 / base_ns.max(1) as f64,
        interval,
        verdict,
    })
}

/// The 95 % interval of run over base at one percentile.
fn bootstrap(bins: &[Bins; 2], percentile: Percentile, random: &mut Random) -> Option<[f64; 2]> {
    // A bin's samples lie from its low up to, and not at, the ns after its high.
    let ratio = |above_ns: u64, below_ns: u64| above_ns.max(1) as f64 / below_ns.max(1) as f64;
    let mut lows = Vec::with_capacity(REPLICATES);
    let mut highs = Vec::with_capacity(REPLICATES);
    for _ in 0..REPLICATES {
        let base = replicate(&bins[0], percentile, random)?;
        let run = replicate(&bins[1], percentile, random)?;
        lows.push(ratio(run.low_ns, base.high_ns + 1));
        highs.push(ratio(run.high_ns + 1, base.low_ns));
    }
    lows.sort_by(f64::total_cmp);
    highs.sort_by(f64::total_cmp);
    let tail = REPLICATES / 40;
    Some([lows[tail], highs[REPLICATES - 1 - tail]])
}

/// The bin in which a percentile falls when as many samples are drawn anew.
fn replicate(bins: &Bins, percentile: Percentile, random: &mut Random) -> Option<Bin> {
    let count = bins.count();
    let rank = percentile.rank(count)?;
    let share = random.beta(rank as f64, (count - rank + 1) as f64);
    bins.at_rank(((share * count as f64).ceil() as u64).clamp(1, count))
}

/// The chance that a sample of `run` exceeds one of `base`, ties counted half, and the two-sided
/// p-value of the normal approximation with correction for ties.
fn mann_whitney(base: &Row, run: &Row) -> (f64, f64) {
    // Bins must mean the same in both, so both are put into the coarser of the two precisions.
    let digits = base.histogram.sigfig().min(run.histogram.sigfig());
    let high = base.max_ns.max(run.max_ns).clamp(HIGH_NS, u64::MAX / 2);
    let (base, run) = (rebin(base, high, digits), rebin(run, high, digits));
    let (base_count, run_count) = (base.len() as f64, run.len() as f64);
    if base.is_empty() || run.is_empty() {
        return (0.5, 1.0);
    }
    let mut all = base.clone();
    // Same bounds and counts far below overflow: adding cannot fail.
    if all.add(&run).is_err() {
        return (0.5, 1.0);
    }
    let (mut below, mut wins, mut ties) = (0.0, 0.0, 0.0);
    for step in all.iter_recorded() {
        let value_ns = step.value_iterated_to();
        let here = base.count_at(value_ns) as f64;
        wins += run.count_at(value_ns) as f64 * (below + here / 2.0);
        below += here;
        let tied = step.count_at_value() as f64;
        ties += tied.powi(3) - tied;
    }
    let total = base_count + run_count;
    let product = base_count * run_count;
    let variance = product / 12.0 * (total + 1.0 - ties / (total * (total - 1.0)));
    let distance = ((wins - product / 2.0).abs() - 0.5).max(0.0);
    let p_value = match variance <= 0.0 {
        true => 1.0,
        false => two_sided(distance / variance.sqrt()),
    };
    (wins / product, p_value)
}

fn rebin(row: &Row, high_ns: u64, digits: u8) -> Histogram<u64> {
    let Ok(mut rebinned) = Histogram::new_with_bounds(1, high_ns, digits) else {
        unreachable!("the bounds are 1 to at least 10 s, the digits another histogram's")
    };
    for step in row.histogram.iter_recorded() {
        let value_ns = step.value_iterated_to().min(high_ns);
        rebinned.saturating_record_n(value_ns, step.count_at_value());
    }
    rebinned
}

/// The chance of a standard normal beyond `z` on either side, relative error below 1.2e-7
/// (the Chebyshev fit of erfc in Numerical Recipes).
fn two_sided(z: f64) -> f64 {
    const FIT: [f64; 10] = [
        0.170_872_77,
        -0.822_152_23,
        1.488_515_87,
        -1.135_203_98,
        0.278_868_07,
        -0.186_288_06,
        0.096_784_18,
        0.374_091_96,
        1.000_023_68,
        -1.265_512_23,
    ];
    let x = z.abs() / std::f64::consts::SQRT_2;
    let t = 1.0 / (1.0 + 0.5 * x);
    let fit = FIT.into_iter().reduce(|sum, term| sum * t + term);
    (t * (fit.unwrap_or(0.0) - x * x).exp()).min(1.0)
}

/// Seeded randomness (SplitMix64), the same everywhere for the same seed.
#[derive(Clone, Debug)]
pub(crate) struct Random {
    state: u64,
}

impl Random {
    pub(crate) const fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// In (0, 1), never either end.
    pub(crate) fn uniform(&mut self) -> f64 {
        ((self.next() >> 12) as f64 + 0.5) / (1_u64 << 52) as f64
    }

    /// Standard normal, by Box and Muller.
    pub(crate) fn normal(&mut self) -> f64 {
        let radius = (-2.0 * self.uniform().ln()).sqrt();
        radius * (std::f64::consts::TAU * self.uniform()).cos()
    }

    /// Beta with both shapes at least 1.
    fn beta(&mut self, a: f64, b: f64) -> f64 {
        let (x, y) = (self.gamma(a), self.gamma(b));
        x / (x + y)
    }

    /// Gamma with a shape of at least 1, by Marsaglia and Tsang.
    fn gamma(&mut self, shape: f64) -> f64 {
        let d = shape - 1.0 / 3.0;
        let c = 1.0 / (9.0 * d).sqrt();
        loop {
            let x = self.normal();
            let v = (1.0 + c * x).powi(3);
            if 0.0 < v && self.uniform().ln() < 0.5 * x * x + d - d * v + d * v.ln() {
                return d * v;
            }
        }
    }
}

#[cfg(test)]
mod tests;
