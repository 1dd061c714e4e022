//! Enrich, filter, sort: a thousand opportunities down to ten, by steps in a configured order (N21).
//!
//! A [`Step`] adds what it measures, drops what fails its thresholds, and sorts by its score;
//! whoever has an idea of his own implements one and puts it into a [`Pipeline`]. There is no
//! clock here: the caller says when time is up.

pub mod profiles;

pub mod steps;

use alloc::boxed::Box;
use alloc::vec::Vec;

use undertow_core::types::Price;

use super::chain::{Line, Snapshot};
use super::expected_value::Setup;
use super::positioning::Positioning;
use super::{Direction, Right, Usd, distance};

/// Opportunities that enter at most: the ones nearest to spot.
pub const OPPORTUNITIES_MAX: usize = 1_000;

/// Opportunities that leave each step at most, by its place; the last one is the answer.
const CAPS: [usize; 3] = [100, 50, 10];

/// Something that a step may need beside the opportunities themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Input {
    /// Premium at risk by strike.
    Positioning,
    /// Rules of expected value, and a spot to hold strikes against.
    Lines,
    /// Windows of price and volume per option.
    Series,
    /// Confidence in a structure per option.
    Structures,
    /// How good the time of day is.
    Timing,
    /// Quotes.
    Quotes,
}

/// What the steps know of the world; what is absent, a step that needs it fails without.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The underlying's price.
    pub spot: Price,
    /// Strikes of the expiry.
    pub lines: Option<&'a [Line]>,
    /// Premium at risk.
    pub positioning: Option<&'a Positioning>,
    /// The chain, for quotes.
    pub chain: Option<&'a Snapshot<'a>>,
    /// Windows of price and volume.
    pub series: Option<&'a [Series]>,
    /// Confidence in a structure, from 0 to 1.
    pub structures: Option<&'a [(Price, Right, f64)]>,
    /// How good the time of day is, from 0 to 1.
    pub timing: Option<f64>,
}

impl Context<'_> {
    const fn has(&self, input: Input) -> bool {
        match input {
            Input::Positioning => self.positioning.is_some(),
            Input::Lines => self.lines.is_some(),
            Input::Series => self.series.is_some(),
            Input::Structures => self.structures.is_some(),
            Input::Timing => self.timing.is_some(),
            Input::Quotes => self.chain.is_some(),
        }
    }
}

/// The latest windows of an option, the oldest first.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// Strike.
    pub strike: Price,
    /// Call or put.
    pub right: Right,
    /// Closing price and volume of each window.
    pub windows: Vec<(Price, u64)>,
}

/// Something that could be done: an option, and the way it is to go.
#[derive(Clone, Debug, PartialEq)]
pub struct Opportunity {
    /// Strike.
    pub strike: Price,
    /// Call or put.
    pub right: Right,
    /// Up or down.
    pub direction: Direction,
    /// Contracts traded.
    pub volume: u64,
    /// Contracts open.
    pub open_interest: u64,
    /// How long ago it came up, seconds.
    pub age_s: f64,
    /// What the steps have measured.
    pub metrics: Metrics,
    /// The score of each step that was not skipped, in their order.
    pub scores: Vec<f64>,
}

/// What the steps measure; absent until one has, or where there is nothing to measure.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Metrics {
    /// Premium at risk.
    pub exposure: Option<Usd>,
    /// Premium at risk, weighed by nearness.
    pub danger: Option<Usd>,
    /// Premium at risk on the side that pulls against the direction, for one of the other.
    pub against: Option<f64>,
    /// The best target and stop with this strike as target.
    pub setup: Option<Setup>,
    /// Momentum, 0 to 1.
    pub momentum: Option<f64>,
    /// Confidence in a structure, 0 to 1.
    pub pattern: Option<f64>,
    /// Timing, 0 to 1.
    pub timing: Option<f64>,
    /// Width of the quote, as a share of its middle.
    pub spread: Option<f64>,
}

impl Opportunity {
    /// Both rights of every strike in both directions, those nearest to `spot` if there are more
    /// than [`OPPORTUNITIES_MAX`]; and how many were left out.
    #[must_use]
    pub fn all(lines: &[Line], spot: Price) -> (Vec<Self>, usize) {
        let mut all = Vec::with_capacity(lines.len() * 4);
        for line in lines {
            for (right, leg) in [(Right::Call, line.call), (Right::Put, line.put)] {
                for direction in [Direction::Long, Direction::Short] {
                    all.push(Self {
                        strike: line.strike,
                        right,
                        direction,
                        volume: leg.volume,
                        open_interest: leg.open_interest,
                        age_s: 0.0,
                        metrics: Metrics::default(),
                        scores: Vec::new(),
                    });
                }
            }
        }
        all.sort_by_key(|it| distance(it.strike, spot));
        let over = all.len().saturating_sub(OPPORTUNITIES_MAX);
        all.truncate(OPPORTUNITIES_MAX);
        (all, over)
    }
}

/// One step of a pipeline.
pub trait Step {
    /// Its name, as reports show it.
    fn name(&self) -> &'static str;

    /// What must be there for it to work.
    fn needs(&self) -> &'static [Input];

    /// Adds what it measures to each.
    fn enrich(&self, context: &Context<'_>, opportunities: &mut [Opportunity]);

    /// Whether an enriched opportunity passes.
    fn keeps(&self, opportunity: &Opportunity) -> bool;

    /// How good it is: more is better. Only asked of what passed.
    fn score(&self, opportunity: &Opportunity) -> f64;
}

/// A step in its place.
pub struct Planned {
    /// What is done.
    pub step: Box<dyn Step>,
    /// Its weight in the final order.
    pub weight: f64,
    /// Whether the run goes on without it when it fails.
    pub is_optional: bool,
}

/// Steps in their order.
pub struct Pipeline {
    steps: Vec<Planned>,
}

/// Why a run ended without an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failed {
    /// A step that may not fail lacks what it needs.
    Missing(&'static str, Input),
    /// Time was up in this step.
    Late(&'static str),
}

/// What a step did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// Its name.
    pub step: &'static str,
    /// Opportunities that came.
    pub given: usize,
    /// That passed its thresholds.
    pub passed: usize,
    /// That went on.
    pub kept: usize,
    /// What it lacked, if it was skipped.
    pub missing: Option<Input>,
}

/// What is left at the end, best first, with its composite score from 0 to 1.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// Opportunities and composite scores.
    pub ranked: Vec<(Opportunity, f64)>,
    /// What each step did.
    pub reports: Vec<Report>,
}

impl Pipeline {
    /// Steps in the order given.
    #[must_use]
    pub const fn new(steps: Vec<Planned>) -> Self {
        Self { steps }
    }

    /// Runs the opportunities through; `is_late` is asked before each step whether time is up.
    ///
    /// # Errors
    /// A step that lacks what it needs and is not optional, or time that is up.
    pub fn run(
        &self,
        context: &Context<'_>,
        mut opportunities: Vec<Opportunity>,
        mut is_late: impl FnMut() -> bool,
    ) -> Result<Outcome, Failed> {
        opportunities.truncate(OPPORTUNITIES_MAX);
        let mut reports = Vec::with_capacity(self.steps.len());
        let mut weights = Vec::with_capacity(self.steps.len());
        for (place, planned) in self.steps.iter().enumerate() {
            let step = planned.step.as_ref();
            if is_late() {
                return Err(Failed::Late(step.name()));
            }
            let given = opportunities.len();
            let missing = step.needs().iter().copied().find(|it| !context.has(*it));
            match missing {
                Some(input) if !planned.is_optional => {
                    return Err(Failed::Missing(step.name(), input));
                }
                Some(_) => {}
                None => {
                    pass(step, context, &mut opportunities);
                    weights.push(planned.weight);
                }
            }
            let passed = opportunities.len();
            opportunities.truncate(CAPS[place.min(CAPS.len() - 1)]);
            let (step, kept) = (step.name(), opportunities.len());
            reports.push(Report {
                step,
                given,
                passed,
                kept,
                missing,
            });
        }
        opportunities.truncate(CAPS[CAPS.len() - 1]);
        let ranked = rank(opportunities, &weights);
        Ok(Outcome { ranked, reports })
    }
}

/// One step over all: enrich, filter, sort by its score, ties by the order before.
fn pass(step: &dyn Step, context: &Context<'_>, opportunities: &mut Vec<Opportunity>) {
    step.enrich(context, opportunities);
    opportunities.retain_mut(|it| {
        // A score that is no number is no reason to recommend anything.
        let score = step
            .keeps(it)
            .then(|| step.score(it))
            .and_then(super::finite);
        it.scores.extend(score);
        score.is_some()
    });
    let latest = |it: &Opportunity| it.scores.last().copied().unwrap_or(0.0);
    opportunities.sort_by(|a, b| latest(b).total_cmp(&latest(a)));
}

fn rank(opportunities: Vec<Opportunity>, weights: &[f64]) -> Vec<(Opportunity, f64)> {
    let scores: Vec<_> = opportunities
        .iter()
        .map(|it| it.scores.as_slice())
        .collect();
    let composites = composite(&scores, weights);
    let mut ranked: Vec<_> = opportunities.into_iter().zip(composites).collect();
    ranked.sort_by(|(_, a), (_, b)| b.total_cmp(a));
    ranked
}

/// Weighted means of the scores in `rows`, one row per survivor and one column per step, each
/// column brought to 0…1 over the survivors. Where all are alike, all are 1. Absent weights and
/// scores count 0; without weight every composite is 0.
#[must_use]
pub fn composite(rows: &[&[f64]], weights: &[f64]) -> Vec<f64> {
    let at = |row: &[f64], column: usize| row.get(column).copied().unwrap_or(0.0);
    let mut composites = alloc::vec![0.0; rows.len()];
    let sum: f64 = weights.iter().sum();
    for (column, weight) in weights.iter().enumerate() {
        let column_of = || rows.iter().map(|row| at(row, column));
        let least = column_of().fold(f64::INFINITY, f64::min);
        let most = column_of().fold(f64::NEG_INFINITY, f64::max);
        for (composite, score) in composites.iter_mut().zip(column_of()) {
            let share = super::ratio(score - least, most - least).unwrap_or(1.0);
            *composite += super::ratio(weight * share, sum).unwrap_or(0.0);
        }
    }
    composites
}
