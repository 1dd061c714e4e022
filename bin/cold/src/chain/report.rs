//! Everything that is said of a chain, computed once: text, JSON and page show the same figures.

use std::collections::BTreeMap;

use latency_report::text::counted;
use undertow_core::types::{Nanos, Price};
use undertow_strategies::options::admission::{Admission, Refusal};
use undertow_strategies::options::chain::{Expiry, Row, Snapshot, Source};
use undertow_strategies::options::date::Date;
use undertow_strategies::options::expected_value::{EvRules, Setup};
use undertow_strategies::options::exposure::{DealersLongCalls, Exposure};
use undertow_strategies::options::flip::{Grid, Profile, Repricing};
use undertow_strategies::options::flow::OptionFlow;
use undertow_strategies::options::levels::Levels;
use undertow_strategies::options::positioning::Positioning;
use undertow_strategies::options::pricing::Model;
use undertow_strategies::options::{Exercise, Right, Usd, points, unusual};

use super::futures::{Volatilities, price_rows};
use super::sources::Loaded;

/// Strikes whose parity is asked for the underlying's price.
const PARITY_STRIKES: usize = 9;

/// What a user asks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Question {
    /// Only this expiry.
    pub expiry: Option<Date>,
    /// The underlying's price, whatever the source says.
    pub spot: Option<Price>,
    /// The moment, whatever the source says.
    pub at: Option<Nanos>,
    /// Interest a year.
    pub rate: f64,
    /// Dividend yield a year; of no use to futures.
    pub dividend: f64,
}

/// Why a chain says nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unanswerable {
    /// It has no rows.
    Empty,
    /// The source does not say when it is of.
    NoMoment,
    /// Nobody says what the underlying is worth.
    NoSpot,
    /// No option of it ends after the moment; the last one that ended.
    Over(Date),
    /// No option of it ends on the day asked for; the days there are.
    NoExpiry(Vec<Date>),
}

/// What is said.
#[derive(Clone, Debug)]
pub struct Report {
    /// What it is a chain of.
    pub name: String,
    /// Where it is from.
    pub source: Source,
    /// The moment.
    pub now: Nanos,
    /// The underlying's price.
    pub spot: Price,
    /// How that is known.
    pub spot_from: String,
    /// What was assumed of interest and dividends.
    pub model: Model,
    /// The one expiry asked for.
    pub only: Option<Date>,
    /// Rows looked at.
    pub rows: usize,
    /// Rows that count towards exposure.
    pub admitted: usize,
    /// American options among those: their early exercise is not priced.
    pub american: usize,
    /// What was left out, by reason.
    pub dropped: BTreeMap<String, u64>,
    /// Contracts with an outlying open interest.
    pub outliers: Vec<String>,
    /// First and last day that open interest is of, where the source says.
    pub interest_days: Option<(Date, Date)>,
    /// What else a reader should know.
    pub notes: Vec<String>,
    /// How volatilities were found, where they are ours.
    pub volatilities: Option<Volatilities>,
    /// Gamma and delta exposure.
    pub exposure: Exposure<DealersLongCalls>,
    /// Gamma exposure as a function of spot.
    pub profile: Profile<DealersLongCalls>,
    /// Where it changes its sign nearest to spot.
    pub flip: Option<f64>,
    /// Supports and resistances.
    pub levels: Levels,
    /// Calls against puts.
    pub flow: OptionFlow,
    /// Contracts traded unusually, greatest premium first.
    pub unusual: Vec<Traded>,
    /// Score of unusual activity, 0 to 1; without a history of volumes it rests on volume over
    /// open interest alone.
    pub unusual_score: Option<f64>,
    /// The expiry that the rest is about: the one asked for, or the nearest.
    pub nearest: Expiry,
    /// Dollars a point, or shares a contract, of that expiry.
    pub multiplier: u32,
    /// The rules of expected value.
    pub ev_rules: EvRules,
    /// Pairs of target and stop that keep to the rules of risk, best first.
    pub setups: Vec<Setup>,
    /// Who has more skin in the game.
    pub positioning: Positioning,
}

/// A contract that was traded unusually.
#[derive(Clone, Debug, PartialEq)]
pub struct Traded {
    /// Its terms, as shown.
    pub name: String,
    /// Contracts traded.
    pub volume: u64,
    /// Contracts open.
    pub open_interest: u64,
    /// What was paid, at the middle of the quote.
    pub premium: Option<Usd>,
}

impl Report {
    /// Answers.
    ///
    /// # Errors
    /// Why there is no answer.
    pub fn of(mut loaded: Loaded, question: &Question) -> Result<Self, Unanswerable> {
        if loaded.rows.is_empty() {
            return Err(Unanswerable::Empty);
        }
        let now = question.at.or(loaded.now).ok_or(Unanswerable::NoMoment)?;
        keep_expiry(&mut loaded, question.expiry)?;
        if loaded.rows.iter().all(|row| row.is_expired(now)) {
            let last = loaded.rows.iter().map(|row| row.expiry.date).max();
            return Err(last.map_or(Unanswerable::Empty, Unanswerable::Over));
        }
        let given = question.spot.map(|spot| (spot, "as given".to_owned()));
        let spot = given
            .or(loaded.spot.take())
            .or_else(|| parity(&loaded.rows, now, question));
        let (spot, spot_from) = spot.ok_or(Unanswerable::NoSpot)?;
        let is_future = loaded.source == Source::Databento;
        let model = model(question, is_future);
        let volatilities =
            is_future.then(|| price_rows(&mut loaded.rows, Some(spot), now, question.rate));
        let chain = Snapshot {
            rows: &loaded.rows,
            spot,
            now,
        };
        let mut report = Self::exposed(&chain, model);
        report.describe(&chain, question);
        report.name = loaded.name;
        report.source = loaded.source;
        report.spot_from = spot_from;
        report.notes = loaded.notes;
        report.volatilities = volatilities;
        for (reason, count) in loaded.dropped {
            *report.dropped.entry(reason).or_default() += count;
        }
        Ok(report)
    }

    /// Exposure and what follows from it.
    fn exposed(chain: &Snapshot<'_>, model: Model) -> Self {
        let admitted = Admission::STANDARD.admit(chain);
        let exposure = Exposure::of(&admitted, chain.spot);
        let spot = points(chain.spot);
        let repricing = Repricing {
            grid: Grid::around(spot),
            model,
            now: chain.now,
        };
        let profile = Profile::of(&admitted, spot, &repricing);
        let refused = Refusal::ALL.map(|it| (it.name().to_owned(), admitted.refused(it)));
        let is_american = |row: &Row| row.exercise == Exercise::American;
        let days = || {
            admitted
                .rows
                .iter()
                .filter_map(|it| it.row.open_interest?.as_of)
        };
        let nearest = chain
            .expiries()
            .first()
            .copied()
            .unwrap_or(chain.rows[0].expiry);
        let lines = chain.lines(nearest);
        let of_nearest = chain.rows.iter().find(|row| row.expiry == nearest);
        let multiplier = of_nearest.map_or(1, |row| row.multiplier);
        let ev_rules = EvRules::STANDARD;
        Self {
            name: String::new(),
            source: Source::Cboe,
            now: chain.now,
            spot: chain.spot,
            spot_from: String::new(),
            model,
            only: None,
            rows: chain.rows.len(),
            admitted: admitted.rows.len(),
            american: admitted
                .rows
                .iter()
                .filter(|it| is_american(it.row))
                .count(),
            dropped: refused
                .into_iter()
                .filter(|(_, count)| *count > 0)
                .collect(),
            outliers: admitted.outliers.iter().map(|row| outlier(row)).collect(),
            interest_days: days().min().zip(days().max()),
            notes: Vec::new(),
            volatilities: None,
            flip: profile.flip(spot),
            levels: exposure.levels(),
            exposure,
            profile,
            flow: OptionFlow::of(chain),
            unusual: unusual::contracts(chain).iter().map(Traded::of).collect(),
            unusual_score: None,
            nearest,
            multiplier,
            ev_rules,
            setups: ev_rules.candidates(&lines, chain.spot),
            positioning: Positioning::of(&lines, chain.spot, multiplier),
        }
    }

    fn describe(&mut self, chain: &Snapshot<'_>, question: &Question) {
        self.only = question.expiry;
        self.unusual_score = unusual::score(None, self.flow.volume_over_open_interest());
        let without = chain
            .rows
            .iter()
            .filter(|row| row.iv.is_none() && !row.is_expired(chain.now));
        let without = without.count();
        if without > 0 && self.source != Source::Databento {
            self.notes
                .push(format!("without a volatility: {}", counted(without, "row")));
        }
    }

    /// Setups that are good enough to be reported, best first.
    pub fn good_setups(&self) -> impl Iterator<Item = &Setup> {
        self.setups
            .iter()
            .filter(|setup| self.ev_rules.is_good(setup))
    }

    /// Days from the close that open interest is of to the moment, by the calendar.
    #[must_use]
    pub fn interest_age_days(&self) -> Option<i64> {
        let (first, _) = self.interest_days?;
        Some(super::sources::new_york_day(self.now)?.days() - first.days())
    }

    /// The strikes nearest to spot, at most `count`, ascending by place in the exposure.
    #[must_use]
    pub fn near_strikes(&self, count: usize) -> std::ops::Range<usize> {
        let strikes = &self.exposure.strikes;
        let away = |idx: usize| strikes[idx].0.0.abs_diff(self.spot.0);
        let above = strikes.partition_point(|(strike, _)| *strike < self.spot);
        let (mut start, mut end) = (above, above);
        while end - start < count && end - start < strikes.len() {
            let takes_lower = start > 0 && (end == strikes.len() || away(start - 1) <= away(end));
            if takes_lower {
                start -= 1;
            } else {
                end += 1;
            }
        }
        start..end
    }
}

impl Traded {
    fn of(found: &unusual::Unusual<'_>) -> Self {
        Self {
            name: contract(found.row),
            volume: found.row.volume,
            open_interest: found.row.open_interest.map_or(0, |it| it.contracts),
            premium: found.premium,
        }
    }
}

/// An option's terms in one short line.
fn contract(row: &Row) -> String {
    let letter = if row.right == Right::Call { 'C' } else { 'P' };
    format!(
        "{} {} {letter}",
        row.expiry.date,
        super::words::plain(row.strike)
    )
}

fn outlier(row: &Row) -> String {
    let open = row.open_interest.map_or(0, |it| it.contracts);
    format!(
        "{} with open interest {}",
        contract(row),
        latency_report::text::thousands(open)
    )
}

fn model(question: &Question, is_future: bool) -> Model {
    let Question { rate, dividend, .. } = *question;
    if is_future {
        Model::Black76 { rate }
    } else {
        Model::BlackScholesMerton { rate, dividend }
    }
}

fn keep_expiry(loaded: &mut Loaded, only: Option<Date>) -> Result<(), Unanswerable> {
    let Some(only) = only else { return Ok(()) };
    let mut days: Vec<_> = loaded.rows.iter().map(|row| row.expiry.date).collect();
    if !days.contains(&only) {
        days.sort_unstable();
        days.dedup();
        return Err(Unanswerable::NoExpiry(days));
    }
    loaded.rows.retain(|row| row.expiry.date == only);
    Ok(())
}

/// The underlying's price from put–call parity: S = (K + (C − P)·e^(rT))·e^((q−r)T), the middle
/// one of the strikes where call and put are worth the most nearly the same.
fn parity(rows: &[Row], now: Nanos, question: &Question) -> Option<(Price, String)> {
    let mut pairs = BTreeMap::<(Expiry, Price), [Option<f64>; 2]>::new();
    for row in rows.iter().filter(|row| !row.is_expired(now)) {
        let pair = pairs.entry((row.expiry, row.strike)).or_default();
        pair[row.right as usize] = row.mid(now).map(points);
    }
    let mut found: Vec<(f64, f64)> = Vec::new();
    for ((expiry, strike), pair) in pairs {
        let [Some(call), Some(put)] = pair else {
            continue;
        };
        let years = rows.iter().find(|row| row.expiry == expiry)?.years(now);
        let forward = points(strike) + (call - put) * (question.rate * years).exp();
        let spot = forward * ((question.dividend - question.rate) * years).exp();
        found.push(((call - put).abs(), spot));
    }
    found.sort_by(|a, b| a.0.total_cmp(&b.0));
    found.truncate(PARITY_STRIKES);
    found.sort_by(|a, b| a.1.total_cmp(&b.1));
    let (_, spot) = *found.get(found.len() / 2)?;
    let from = format!("put-call parity of {}", counted(found.len(), "strike"));
    // Quotes are in cents, and so is what they imply.
    let cents = (spot * 100.0).round() as i64;
    let price = Price(cents.checked_mul(Price::PER_POINT / 100)?);
    (price.0 > 0).then_some((price, from))
}
