//! What was decided and traded, as data and as text.
//!
//! Money is in dollars with two decimals, rounded half away from zero from units of 1e-4; sums are
//! made before rounding. Slippage is what a fill cost against the middle of the quote that it was
//! decided on; positive is worse.

use std::fmt::Write;

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table};
use serde::Serialize;
use undertow_core::money::Money;

use super::{Count, heading, thousands};

/// A session's trading in figures.
#[derive(Clone, Debug, Default, Serialize)]
pub struct TradeFigures {
    /// The profile.
    pub profile: String,
    /// What orders could reach.
    pub mode: String,
    /// What each product's chain says at the end.
    pub chains: Vec<ChainLine>,
    /// Each rule set.
    pub strategies: Vec<StrategyLine>,
    /// Signals that were emitted and led to no intent, by reason.
    pub unwanted: Vec<Count>,
    /// Intents that risk considered.
    pub intents: u64,
    /// Orders made of them.
    pub orders: u64,
    /// Intents that risk refused, by check.
    pub refused: Vec<Count>,
    /// Orders that filled, in part or in full; cancelled or expired unfilled; rejected.
    pub ended: Ended,
    /// Executions.
    pub fills: u64,
    /// Contracts executed.
    pub filled: u64,
    /// Slippage of all fills, dollars.
    pub slippage: String,
    /// Contracts traded, with what they earned.
    pub contracts: Vec<ContractLine>,
    /// Trades that were closed; absent without any.
    pub trades: Option<TradesLine>,
    /// The fills, oldest first.
    pub fill_lines: Vec<FillLine>,
    /// The account.
    pub account: AccountFigures,
    /// How far limits were used at most, the tightest first.
    pub limits: Vec<LimitLine>,
    /// Halts, if any.
    pub halt: Option<String>,
    /// Digest of orders and positions at the end.
    pub digest: String,
    /// Where the journal and the explanations lie.
    pub kept: Vec<String>,
}

/// What the options on a product say.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ChainLine {
    /// The product.
    pub product: String,
    /// The contract that is watched; absent if the input defines none.
    pub contract: Option<String>,
    /// Options listed.
    pub listed: usize,
    /// Options that weighed something in the last round.
    pub weighed: u32,
    /// Gamma exposure, USD per 1 % move.
    pub gex_1pct: Option<f64>,
    /// Delta exposure, USD.
    pub dex: Option<f64>,
    /// Their z-scores.
    pub gex_z: Option<f64>,
    /// See `gex_z`.
    pub dex_z: Option<f64>,
    /// The strike with the largest gamma exposure.
    pub pin: Option<String>,
}

/// What became of a rule set's evaluations.
#[derive(Clone, Debug, Default, Serialize)]
pub struct StrategyLine {
    /// Its name.
    pub name: String,
    /// The product.
    pub product: String,
    /// Evaluations.
    pub evaluated: u64,
    /// Skipped: features too old.
    pub stale: u64,
    /// Skipped: features missing or broken.
    pub missing: u64,
    /// Both together, by the feature to blame; those of zero are left out.
    pub skipped: Vec<Count>,
    /// Scored.
    pub considered: u64,
    /// Emitted.
    pub emitted: u64,
    /// Blocked, by reason; those of zero are left out.
    pub blocked: Vec<Count>,
    /// Whether considered = emitted + all blocked.
    pub is_conserved: bool,
}

/// What closed trades came to, each from flat to flat, after fees (D7). Money in dollars.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct TradesLine {
    /// Trades.
    pub count: usize,
    /// Share that gained.
    pub win_rate: f64,
    /// Won over lost; absent when nothing was lost.
    pub profit_factor: Option<f64>,
    /// Mean result.
    pub expectancy: f64,
    /// Mean of those that gained.
    pub average_win: Option<f64>,
    /// Mean of those that lost.
    pub average_loss: Option<f64>,
}

/// How orders ended.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Ended {
    /// Filled in full.
    pub filled: u64,
    /// Filled in part, and then cancelled or expired.
    pub partly: u64,
    /// Not filled at all.
    pub unfilled: u64,
    /// Rejected by the venue.
    pub rejected: u64,
    /// Live, or nobody knows.
    pub open: u64,
}

/// One contract that was traded.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ContractLine {
    /// Its name.
    pub name: String,
    /// Contracts bought and sold.
    pub bought: u64,
    /// See `bought`.
    pub sold: u64,
    /// Held at the end.
    pub held: i64,
    /// Average price of what is held.
    pub average: String,
    /// Realised, dollars, after fees.
    pub realised: String,
    /// Unrealised, dollars; absent without a mark.
    pub unrealised: Option<String>,
    /// Fees, dollars.
    pub fees: String,
}

/// One fill.
#[derive(Clone, Debug, Default, Serialize)]
pub struct FillLine {
    /// The venue's time.
    pub ts: String,
    /// Order.
    pub order: u64,
    /// The signal behind it, 16 hex digits.
    pub signal: String,
    /// Strategy.
    pub strategy: String,
    /// Contract.
    pub name: String,
    /// `buy` or `sell`.
    pub side: String,
    /// Contracts.
    pub quantity: u32,
    /// Price.
    pub price: String,
    /// Why: `entry`, or the cause of the exit.
    pub why: String,
    /// Slippage, dollars.
    pub slippage: String,
}

/// The account at the end.
#[derive(Clone, Debug, Default, Serialize)]
pub struct AccountFigures {
    /// Equity at the start, dollars.
    pub start: String,
    /// Equity at the end, dollars; absent while a position has no mark.
    pub end: Option<String>,
    /// Earned, after fees.
    pub earned: Option<String>,
    /// Fees.
    pub fees: String,
    /// Largest fall from a peak.
    pub drawdown: String,
    /// Positions at the end.
    pub positions: u64,
}

/// How far a check's limit was used.
#[derive(Clone, Debug, Default, Serialize)]
pub struct LimitLine {
    /// The check.
    pub check: String,
    /// What it was about when it was tightest.
    pub bound: String,
    /// Share of the limit, per cent.
    pub used_pct: u64,
    /// What that means: `normal`, from 60 % `elevated`, from 80 % `high`, from 90 % `critical`.
    pub health: String,
}

/// Fills that the text lists.
const FILLS_LISTED_MAX: usize = 12;

/// Limits that the text lists.
const LIMITS_LISTED_MAX: usize = 6;

/// Dollars with two decimals, rounded half away from zero.
#[must_use]
pub fn dollars(money: Money) -> String {
    let cents = (i128::from(money.0.abs()) + 50) / 100;
    let sign = if money.0 < 0 && cents > 0 { "-" } else { "" };
    let whole = u64::try_from(cents / 100).unwrap_or(u64::MAX);
    format!("{sign}{}.{:02}", thousands(whole), cents % 100)
}

pub(super) fn render(figures: &TradeFigures, text: &mut String) {
    heading(text, "signals");
    let _ = writeln!(text, "  profile {}  mode {}", figures.profile, figures.mode);
    for line in &figures.chains {
        render_chain(line, text);
    }
    render_strategies(figures, text);
    heading(text, "orders");
    render_orders(figures, text);
    render_fills(figures, text);
    heading(text, "account");
    render_account(figures, text);
}

fn render_chain(line: &ChainLine, text: &mut String) {
    let figure = |value: Option<f64>, digits: usize| {
        value.map_or_else(|| "-".to_owned(), |value| format!("{value:.digits$}"))
    };
    let Some(contract) = &line.contract else {
        let _ = writeln!(
            text,
            "  {}: no contract of it is defined in the input, so nothing of it is traded",
            line.product
        );
        return;
    };
    let millions = |value: Option<f64>| figure(value.map(|value| value / 1e6), 1);
    let _ = writeln!(
        text,
        "  {} ({contract}): {} of {} options weighed, GEX ${} M per 1 % (z {}), DEX ${} M (z {}), pin {}",
        line.product,
        line.weighed,
        line.listed,
        millions(line.gex_1pct),
        figure(line.gex_z, 2),
        millions(line.dex),
        figure(line.dex_z, 2),
        line.pin.as_deref().unwrap_or("-"),
    );
}

fn table() -> Table {
    let mut table = Table::new();
    table.load_preset(NOTHING);
    table
}

fn write_table(table: &mut Table, right: &[usize], text: &mut String) {
    for column in right {
        if let Some(column) = table.column_mut(*column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    for line in table.lines() {
        let _ = writeln!(text, " {}", line.trim_end());
    }
}

fn render_strategies(figures: &TradeFigures, text: &mut String) {
    let mut lines = table();
    lines.set_header([
        "strategy",
        "on",
        "evaluated",
        "stale",
        "missing",
        "considered",
        "emitted",
        "blocked",
    ]);
    for line in &figures.strategies {
        let blocked: u64 = line.blocked.iter().map(|count| count.count).sum();
        lines.add_row([
            line.name.clone(),
            line.product.clone(),
            thousands(line.evaluated),
            thousands(line.stale),
            thousands(line.missing),
            thousands(line.considered),
            thousands(line.emitted),
            thousands(blocked),
        ]);
    }
    write_table(&mut lines, &[2, 3, 4, 5, 6, 7], text);
    reasons(figures, text, "stale or missing, by feature", |line| {
        &line.skipped
    });
    reasons(figures, text, "blocked, by reason", |line| &line.blocked);
}

/// Counts of each strategy, if any has some.
fn reasons(
    figures: &TradeFigures,
    text: &mut String,
    title: &str,
    of: impl Fn(&StrategyLine) -> &[Count],
) {
    if figures.strategies.iter().any(|line| !of(line).is_empty()) {
        let _ = writeln!(text, "  {title}:");
    }
    for line in &figures.strategies {
        super::counts(text, &line.name, of(line));
    }
}

fn render_orders(figures: &TradeFigures, text: &mut String) {
    let Ended {
        filled,
        partly,
        unfilled,
        rejected,
        open,
    } = figures.ended;
    let _ = writeln!(
        text,
        "  {} intents: {} orders, {} refused by risk",
        thousands(figures.intents),
        thousands(figures.orders),
        thousands(figures.refused.iter().map(|count| count.count).sum())
    );
    super::counts(text, "refused", &figures.refused);
    super::counts(text, "no intent", &figures.unwanted);
    let _ = writeln!(
        text,
        "  orders: {filled} filled · {partly} in part · {unfilled} unfilled · {rejected} rejected · {open} open"
    );
    let _ = writeln!(
        text,
        "  {} fills of {} contracts, slippage ${}",
        thousands(figures.fills),
        thousands(figures.filled),
        figures.slippage
    );
}

fn render_fills(figures: &TradeFigures, text: &mut String) {
    if figures.fill_lines.is_empty() {
        return;
    }
    let mut lines = table();
    lines.set_header([
        "fill", "order", "signal", "by", "contract", "", "", "price", "why", "slip $",
    ]);
    for fill in figures.fill_lines.iter().take(FILLS_LISTED_MAX) {
        lines.add_row([
            fill.ts.clone(),
            fill.order.to_string(),
            fill.signal.clone(),
            fill.strategy.clone(),
            fill.name.clone(),
            fill.side.clone(),
            fill.quantity.to_string(),
            fill.price.clone(),
            fill.why.clone(),
            fill.slippage.clone(),
        ]);
    }
    write_table(&mut lines, &[1, 6, 7, 9], text);
    let more = figures.fill_lines.len().saturating_sub(FILLS_LISTED_MAX);
    if more > 0 {
        let _ = writeln!(text, "  and {more} more");
    }
}

fn render_account(figures: &TradeFigures, text: &mut String) {
    let account = &figures.account;
    let or_unknown = |money: &Option<String>| match money {
        Some(money) => format!("${money}"),
        None => "unknown: a position has no mark".to_owned(),
    };
    let _ = writeln!(
        text,
        "  equity ${} to {}   earned {} after fees of ${}   largest fall ${}",
        account.start,
        or_unknown(&account.end),
        or_unknown(&account.earned),
        account.fees,
        account.drawdown
    );
    if let Some(trades) = &figures.trades {
        let or_dash =
            |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |it| format!("{it:.2}"));
        let noun = if trades.count == 1 { "trade" } else { "trades" };
        let _ = writeln!(
            text,
            "  {} {noun} closed: {:.0} % won, profit factor {}, mean ${:.2}, of those won {}, of those lost {}",
            trades.count,
            trades.win_rate * 100.0,
            or_dash(trades.profit_factor),
            trades.expectancy,
            or_dash(trades.average_win),
            or_dash(trades.average_loss),
        );
    }
    if !figures.contracts.is_empty() {
        let mut lines = table();
        lines.set_header([
            "contract", "bought", "sold", "held", "at", "realised", "open", "fees",
        ]);
        for line in &figures.contracts {
            lines.add_row([
                line.name.clone(),
                line.bought.to_string(),
                line.sold.to_string(),
                line.held.to_string(),
                line.average.clone(),
                line.realised.clone(),
                line.unrealised.clone().unwrap_or_else(|| "-".to_owned()),
                line.fees.clone(),
            ]);
        }
        write_table(&mut lines, &[1, 2, 3, 4, 5, 6, 7], text);
    }
    let used = figures.limits.iter().take(LIMITS_LISTED_MAX);
    let used = used.map(|line| format!("{} ({}) {} %", line.check, line.bound, line.used_pct));
    let used = used.collect::<Vec<_>>().join(" · ");
    if !used.is_empty() {
        let _ = writeln!(text, "  limits used at most: {used}");
    }
    if let Some(halt) = &figures.halt {
        let _ = writeln!(text, "  ! {halt}");
    }
    let _ = writeln!(text, "  orders and positions  {}", figures.digest);
    for kept in &figures.kept {
        let _ = writeln!(text, "  {kept}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dollars_are_rounded_half_away_from_zero() {
        let said = |units| dollars(Money(units));
        assert_eq!(said(12_345_650), "1,234.57");
        assert_eq!(said(-12_345_650), "-1,234.57");
        assert_eq!(said(-49), "0.00");
        assert_eq!(said(0), "0.00");
    }
}
