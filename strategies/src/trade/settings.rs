//! What is traded, by which rules, and how the paper account is set up.

use alloc::boxed::Box;

use undertow_core::contract::TickRule;
use undertow_core::money::Money;
use undertow_core::position::ExitPlan;
use undertow_core::risk::{AccountId, Horizon, Mode};
use undertow_core::types::Text;

use crate::decide::rules::{RuleSet, Strategy};
use crate::options::implied::Search;

/// What the trader is built from.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Dense book indices are below this.
    pub instruments_max: usize,
    /// Products that are watched, and what is traded on them.
    pub products: Box<[Product]>,
    /// Options that are listed, of all underlyings together.
    pub options_max: usize,
    /// Positions and entries that are looked after at once.
    pub holdings_max: usize,
    /// Claims, fingerprints and audit trails that are remembered at a time.
    pub claims_max: usize,
    /// This worker's run, unique over all workers and all their starts.
    pub worker: u64,
    /// What orders may reach.
    pub mode: Mode,
    /// In whose account.
    pub account: AccountId,
    /// Interest of a year at which options are discounted.
    pub rate: f64,
    /// The search for a volatility.
    pub search: Search,
    /// Initial margin of one future, as the paper account asks it.
    pub future_margin: Money,
    /// Buying power of the paper account, in millionths of its free funds.
    pub buying_power_ppm: i64,
    /// What data have cost today and this month, before this run.
    pub costs: [Money; 2],
}

/// One product and its rules.
#[derive(Clone, Debug)]
pub struct Product {
    /// As definitions write it, such as `NQ`.
    pub asset: Text<11>,
    /// Prices that its options may have; the definition's own tick where absent.
    pub option_tick: Option<TickRule>,
    /// What looks for signals on it.
    pub rules: Box<[RuleSet]>,
}

/// How a strategy's positions are sized and left.
pub(super) const fn horizon(strategy: Strategy) -> Horizon {
    match strategy {
        Strategy::ZeroDte | Strategy::Ifd | Strategy::Synthesis => Horizon::ZeroDte,
        Strategy::OneDte => Horizon::OneDte,
        Strategy::FourteenDte => Horizon::FourteenDte,
        Strategy::Moc => Horizon::Moc,
    }
}

/// The exits of a strategy's positions (R9).
pub(super) const fn exits(strategy: Strategy) -> ExitPlan {
    match strategy {
        Strategy::ZeroDte => ExitPlan::ZERO_DTE,
        Strategy::OneDte => ExitPlan::ONE_DTE,
        Strategy::FourteenDte => ExitPlan::FOURTEEN_DTE,
        Strategy::Moc | Strategy::Ifd | Strategy::Synthesis => ExitPlan::OTHER,
    }
}
