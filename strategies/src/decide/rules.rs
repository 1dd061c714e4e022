//! S2: a strategy as data: which rule, when, how often, on what terms.
//!
//! The defaults are those of the specification's strategy table. Parameters that contradict each
//! other are refused when they are loaded, not when they are used.

use core::fmt;

use undertow_core::types::Price;

use super::border::above;
use super::card::{Card, Direction};
use super::contract::Choice;
use super::features::{AgesMax, Feature};
use super::fourteen_dte::FourteenDte;
use super::ifd::Ifd;
use super::moc::Moc;
use super::moment::{Moment, Window};
use super::one_dte::OneDte;
use super::signal::Levels;
use super::snapshot::Snapshot;
use super::synthesis::Synthesis;
use super::validate::Guards;
use super::zero_dte::ZeroDte;
use crate::options::expected_value::EvRules;

const NS_PER_SECOND: u64 = 1_000_000_000;

/// No news speak against anything more than this, so that they are not asked.
const NEWS_UNASKED: u8 = 100;

/// The strategies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Strategy {
    /// Options that expire today.
    ZeroDte,
    /// Options that expire on the next trading day.
    OneDte,
    /// Options that expire in about two weeks.
    FourteenDte,
    /// Market on close.
    Moc,
    /// Institutional flow in an option.
    Ifd,
    /// The five components of the NQ analysis together.
    Synthesis,
}

/// A rule with its parameters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rule {
    /// S3.
    ZeroDte(ZeroDte),
    /// S4.
    OneDte(OneDte),
    /// S5.
    FourteenDte(FourteenDte),
    /// S6.
    Moc(Moc),
    /// N3, N7, N11, N13.
    Ifd(Ifd),
    /// N1, N2, N3, N7, N12, N22.
    Synthesis(Synthesis),
}

/// Everything that makes a strategy.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RuleSet {
    /// How it scores.
    pub rule: Rule,
    /// When it looks for signals; also bounded by the regular session.
    pub window: Window,
    /// Below this confidence nothing is emitted, 0–100.
    pub confidence_min: u8,
    /// Width of the bars that it reads, in minutes.
    pub bar_minutes: u64,
    /// Least time between two evaluations, by event time. 5 s.
    pub refresh_min_ns: u64,
    /// How old its features may be.
    pub ages_max: AgesMax,
    /// How far a gamma pin reaches. 50 bps.
    pub pin_bps: i64,
    /// How far the news may speak against a signal's direction, in hundredths of their scale from
    /// 0 to 1 (A15): 15 lets neutral ones pass. 100: the news are not asked, and need not be there.
    pub news_against_max: u8,
    /// How it chooses the contract.
    pub choice: Choice,
    /// Where stop and targets lie.
    pub levels: Levels,
    /// What a signal must satisfy.
    pub guards: Guards,
    /// After a signal, nothing of the same contract for so long. 30 s.
    pub cooldown_ns: u64,
    /// On its last day a position is closed when a day would take more of its premium than this,
    /// in per cent (R9). 1,200: half of the premium in an hour.
    ///
    /// R9 says $50 a day and position, which is 25 % of an equity option of 100 shares at 2.00
    /// and nothing like it of another: an NQ option costs twenty-five times as much. Nor can 25 %
    /// a day be meant on the last day: at the money, time takes 1/(2T) of the premium a day with
    /// T days left, which is 200 % at the open, and the position would leave as it is entered.
    pub theta_max_pct: u32,
    /// A position is rolled to the next expiry so many days before its own; 0 never rolls, and
    /// closes it on the last day.
    pub roll_days: u32,
}

/// Lets the numbers of a rule be set by name, for whoever reads them from a file.
macro_rules! settable {
    ($rule:ident: $($field:ident),+) => {
        impl $rule {
            /// Sets a number by its name.
            ///
            /// # Errors
            /// There is none of that name, or it cannot hold the value: whole numbers take no
            /// fraction. Whether the value makes sense is for the rule's own check.
            #[allow(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                clippy::cast_lossless,
                clippy::float_cmp,
                reason = "a value that the cast changes is refused"
            )]
            pub fn set(&mut self, name: &str, value: f64) -> Result<(), Unset> {
                match name {
                    $(stringify!($field) => {
                        let before = self.$field;
                        self.$field = value as _;
                        exact(self.$field as f64, value).inspect_err(|_| self.$field = before)
                    })+
                    _ => Err(Unset::Unknown),
                }
            }

            /// The names that can be set.
            pub const NAMES: &[&str] = &[$(stringify!($field)),+];
        }
    };
}

pub(super) use settable;

/// Why a number was not set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unset {
    /// There is none of that name.
    Unknown,
    /// It counts whole things, and the value has a fraction or is out of its range.
    NotWhole,
}

/// Refuses a value that its field holds otherwise.
#[allow(
    clippy::float_cmp,
    reason = "what a field holds is the value, or is not"
)]
pub(super) fn exact(held: f64, value: f64) -> Result<(), Unset> {
    if held == value {
        Ok(())
    } else {
        Err(Unset::NotWhole)
    }
}

/// Why parameters are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Invalid {
    /// The weights do not sum to 100.
    Weights {
        /// Their sum.
        sum: i32,
    },
    /// A parameter is out of its range.
    Range(&'static str),
}

impl Strategy {
    /// Every strategy.
    pub const ALL: [Self; 6] = [
        Self::ZeroDte,
        Self::OneDte,
        Self::FourteenDte,
        Self::Moc,
        Self::Ifd,
        Self::Synthesis,
    ];

    /// The word shown to users, and part of a signal's identity.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ZeroDte => "0dte",
            Self::OneDte => "1dte",
            Self::FourteenDte => "14dte",
            Self::Moc => "moc",
            Self::Ifd => "ifd",
            Self::Synthesis => "synthesis",
        }
    }

    /// The symbols that it is meant for; others are a matter of configuration.
    #[must_use]
    pub const fn symbols(self) -> &'static [&'static str] {
        match self {
            Self::ZeroDte | Self::Moc => &["SPY", "QQQ", "IWM"],
            Self::OneDte => &["SPY", "QQQ", "IWM", "VXX"],
            Self::FourteenDte => &[
                "SPY", "QQQ", "IWM", "AAPL", "TSLA", "NVDA", "AMD", "GOOGL", "META", "AMZN",
                "MSFT", "VXX",
            ],
            Self::Ifd | Self::Synthesis => &["NQ"],
        }
    }
}

impl fmt::Display for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl Rule {
    /// Whose rule it is.
    #[must_use]
    pub const fn strategy(&self) -> Strategy {
        match self {
            Self::ZeroDte(_) => Strategy::ZeroDte,
            Self::OneDte(_) => Strategy::OneDte,
            Self::FourteenDte(_) => Strategy::FourteenDte,
            Self::Moc(_) => Strategy::Moc,
            Self::Ifd(_) => Strategy::Ifd,
            Self::Synthesis(_) => Strategy::Synthesis,
        }
    }

    /// The features that it reads, and that must be fresh and sound.
    #[must_use]
    pub const fn reads(&self) -> &'static [Feature] {
        match self {
            Self::ZeroDte(_) => ZeroDte::READS,
            Self::OneDte(_) => OneDte::READS,
            Self::FourteenDte(_) => FourteenDte::READS,
            Self::Moc(_) => Moc::READS,
            Self::Ifd(_) => Ifd::READS,
            Self::Synthesis(_) => Synthesis::READS,
        }
    }

    fn set(&mut self, name: &str, value: f64) -> Result<(), Unset> {
        match self {
            Self::ZeroDte(rule) => rule.set(name, value),
            Self::OneDte(rule) => rule.set(name, value),
            Self::FourteenDte(rule) => rule.set(name, value),
            Self::Moc(rule) => rule.set(name, value),
            Self::Ifd(rule) => rule.set(name, value),
            Self::Synthesis(rule) => rule.set(name, value),
        }
    }

    const fn names(&self) -> &'static [&'static str] {
        match self {
            Self::ZeroDte(_) => ZeroDte::NAMES,
            Self::OneDte(_) => OneDte::NAMES,
            Self::FourteenDte(_) => FourteenDte::NAMES,
            Self::Moc(_) => Moc::NAMES,
            Self::Ifd(_) => Ifd::NAMES,
            Self::Synthesis(_) => Synthesis::NAMES,
        }
    }

    /// Scores a snapshot: the same snapshot at the same moment gives the same card, always.
    #[must_use]
    pub fn judge(&self, seen: &Snapshot, moment: &Moment) -> Card {
        match self {
            Self::ZeroDte(rule) => rule.judge(seen),
            Self::OneDte(rule) => rule.judge(seen, moment),
            Self::FourteenDte(rule) => rule.judge(seen, moment),
            Self::Moc(rule) => rule.judge(seen, moment),
            Self::Ifd(rule) => rule.judge(seen, moment),
            Self::Synthesis(rule) => rule.judge(seen),
        }
    }

    /// Whether it is to be looked at at once when institutional flow was found.
    #[must_use]
    pub const fn follows_flow(&self) -> bool {
        matches!(self, Self::Ifd(_) | Self::Synthesis(_))
    }

    /// What it asks of setups, if it weighs the outlook of a chain.
    #[must_use]
    pub fn ev_rules(&self) -> Option<EvRules> {
        match self {
            Self::Synthesis(rule) => Some(rule.ev_rules()),
            _ => None,
        }
    }
}

impl RuleSet {
    /// The defaults of a strategy.
    #[must_use]
    pub fn of(strategy: Strategy) -> Self {
        let (rule, window, confidence_min, bar_minutes) = match strategy {
            Strategy::ZeroDte => (
                Rule::ZeroDte(ZeroDte::default()),
                Window::new((9, 45), (15, 0)),
                60,
                1,
            ),
            Strategy::OneDte => (
                Rule::OneDte(OneDte::default()),
                Window::new((14, 0), (16, 0)),
                65,
                5,
            ),
            Strategy::FourteenDte => (
                Rule::FourteenDte(FourteenDte::default()),
                Window::new((9, 30), (16, 0)),
                70,
                5,
            ),
            Strategy::Moc => (
                Rule::Moc(Moc::default()),
                Window::new((15, 50), (16, 0)),
                75,
                1,
            ),
            Strategy::Ifd => (
                Rule::Ifd(Ifd::default()),
                Window::new((9, 30), (16, 0)),
                65,
                1,
            ),
            Strategy::Synthesis => (
                Rule::Synthesis(Synthesis::default()),
                Window::new((9, 30), (16, 0)),
                60,
                1,
            ),
        };
        Self {
            rule,
            window,
            confidence_min,
            bar_minutes,
            refresh_min_ns: 5 * NS_PER_SECOND,
            ages_max: AgesMax::for_bars(bar_minutes),
            pin_bps: 50,
            news_against_max: NEWS_UNASKED,
            choice: Choice::of(strategy),
            levels: Levels::default(),
            guards: Guards::default(),
            cooldown_ns: 30 * NS_PER_SECOND,
            theta_max_pct: 1_200,
            roll_days: 0,
        }
    }

    /// Whether its signals are held against the news.
    #[must_use]
    pub const fn asks_news(&self) -> bool {
        self.news_against_max < NEWS_UNASKED
    }

    /// Whether the news speak against a direction more than is let pass.
    pub(super) fn is_contradicted(&self, seen: &Snapshot, direction: Direction) -> bool {
        let Some(score) = seen.news.filter(|_| self.asks_news()) else {
            return false;
        };
        let against = match direction {
            Direction::Long => -score,
            Direction::Short => score,
            Direction::Flat => 0.0,
        };
        above(against, f64::from(self.news_against_max) / 100.0)
    }

    /// Stop and targets of a signal: those of the setup that it trades, or else of S12.
    pub(super) fn levels_of(
        &self,
        seen: &Snapshot,
        direction: Direction,
    ) -> Option<(Price, [Price; 3])> {
        if matches!(self.rule, Rule::Synthesis(_)) {
            let setup = seen.outlook.as_ref()?.prospect(direction)?.setup;
            return self.levels.between(seen.spot, setup.stop, setup.target);
        }
        self.levels
            .place(seen.spot, direction, seen.bars.true_range?)
    }

    /// Sets a number of the rule, or of what surrounds it, by its name. Times of day are minutes
    /// after midnight in New York; a truth is 0 or 1.
    ///
    /// # Errors
    /// There is none of that name, or a whole number was given a fraction: a confidence of 0.65
    /// where points are counted is not 0. Whether the value makes sense is for the check.
    pub fn set(&mut self, name: &str, value: f64) -> Result<(), Unset> {
        match name {
            "least_confidence" => put(&mut self.confidence_min, value),
            "window_start" => put(&mut self.window.start_minute, value),
            "window_end" => put(&mut self.window.end_minute, value),
            "refresh_s" => put_seconds(&mut self.refresh_min_ns, value),
            "cooldown_s" => put_seconds(&mut self.cooldown_ns, value),
            "pin_reach_bps" => put(&mut self.pin_bps, value),
            "news_against_max" => put(&mut self.news_against_max, value),
            "news_age_s" => put_seconds(&mut self.ages_max.news_ns, value),
            "liquid_interest_min" => put(&mut self.choice.interest_min, value),
            "liquid_spread_max_pct" => put(&mut self.choice.spread_max_pct, value),
            "stop_max_bps" => put(&mut self.guards.stop_max_bps, value),
            "reward_min_tenths" => put(&mut self.guards.reward_min_tenths, value),
            "extended_hours" => {
                let mut truth = 0_u8;
                put(&mut truth, value)?;
                self.guards.allows_extended = truth == 1;
                exact(f64::from(truth.min(1)), value)
            }
            "stop_tenths" => put(&mut self.levels.stop_tenths, value),
            "theta_max_pct" => put(&mut self.theta_max_pct, value),
            "roll_days" => put(&mut self.roll_days, value),
            _ => match self.choice.set(name, value) {
                Err(Unset::Unknown) => self.rule.set(name, value),
                known => known,
            },
        }
    }

    /// The names that can be set.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        const OWN: &[&str] = &[
            "least_confidence",
            "window_start",
            "window_end",
            "refresh_s",
            "cooldown_s",
            "pin_reach_bps",
            "news_against_max",
            "news_age_s",
            "liquid_interest_min",
            "liquid_spread_max_pct",
            "stop_max_bps",
            "reward_min_tenths",
            "extended_hours",
            "stop_tenths",
            "theta_max_pct",
            "roll_days",
        ];
        let own = OWN.iter().copied().chain(self.choice.names());
        own.chain(self.rule.names().iter().copied())
    }

    /// Checks every parameter.
    ///
    /// # Errors
    /// The first one that is refused.
    pub fn check(&self) -> Result<(), Invalid> {
        match &self.rule {
            Rule::ZeroDte(rule) => rule.check(),
            Rule::OneDte(rule) => rule.check(),
            Rule::FourteenDte(rule) => rule.check(),
            Rule::Moc(rule) => rule.check(),
            Rule::Ifd(rule) => rule.check(),
            Rule::Synthesis(rule) => rule.check(),
        }?;
        let ranges = [
            ("window", self.window.start_minute < self.window.end_minute),
            ("confidence_min", self.confidence_min <= 100),
            ("bar_minutes", self.bar_minutes > 0),
            ("refresh_min_ns", self.refresh_min_ns > 0),
            ("pin_bps", self.pin_bps > 0),
            ("news_against_max", self.news_against_max <= NEWS_UNASKED),
            ("news_age_s", self.ages_max.news_ns > 0),
            ("theta_max_pct", self.theta_max_pct > 0),
            ("strike or expiry", self.choice.is_sound()),
        ];
        match ranges.iter().find(|(_, is_fine)| !is_fine) {
            Some((name, _)) => Err(Invalid::Range(name)),
            None => self.levels.check(),
        }
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Weights { sum } => {
                write!(
                    f,
                    "the weights sum to {sum}: make them sum to 100, none negative"
                )
            }
            Self::Range(name) => write!(f, "{name} is out of its range: see its description"),
        }
    }
}

impl core::error::Error for Invalid {}

/// Puts a whole number where one belongs.
#[allow(
    clippy::cast_possible_truncation,
    reason = "a value that the cast changes is refused"
)]
pub(super) fn put<T: TryFrom<i64>>(place: &mut T, value: f64) -> Result<(), Unset> {
    let whole = value as i64;
    exact(whole as f64, value)?;
    *place = T::try_from(whole).map_err(|_| Unset::NotWhole)?;
    Ok(())
}

/// Puts a span that is given in whole seconds.
fn put_seconds(place: &mut u64, value: f64) -> Result<(), Unset> {
    let mut seconds = 0_u32;
    put(&mut seconds, value)?;
    *place = u64::from(seconds) * NS_PER_SECOND;
    Ok(())
}

/// Refuses weights that are negative or do not sum to 100.
pub(super) fn check_weights(weights: &[i32]) -> Result<(), Invalid> {
    let sum = weights.iter().fold(0_i32, |sum, w| sum.saturating_add(*w));
    if sum == 100 && weights.iter().all(|weight| *weight >= 0) {
        Ok(())
    } else {
        Err(Invalid::Weights { sum })
    }
}

/// Refuses what is not in (0, 1]: a percentage written as points, a negative zero, a NaN.
pub(super) fn check_shares(shares: &[(&'static str, f64)]) -> Result<(), Invalid> {
    match shares.iter().find(|(_, x)| !(*x > 0.0 && *x <= 1.0)) {
        Some((name, _)) => Err(Invalid::Range(name)),
        None => Ok(()),
    }
}
