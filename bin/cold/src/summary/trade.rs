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

use super::{Count, heading, moment};
use crate::listing::Listing;
use latency_report::text::{counted, thousands};

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
    /// Each emitted signal, and what became of it, oldest first.
    pub signals: Vec<SignalLine>,
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
    /// All of them, summed before rounding.
    pub total: ContractLine,
    /// Trades that were closed; absent without any.
    pub trades: Option<TradesLine>,
    /// The fills, oldest first.
    pub fill_lines: Vec<FillLine>,
    /// The account.
    pub account: AccountFigures,
    /// How far limits were used at most by what orders were asked for, the tightest first.
    pub limits: Vec<LimitLine>,
    /// Checks that no order came to: an earlier one had refused it, or it was spared them.
    pub limits_unasked: Vec<String>,
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

/// One emitted signal.
#[derive(Clone, Debug, Default, Serialize)]
pub struct SignalLine {
    /// When.
    pub ts: String,
    /// 16 hex digits, for `explain`.
    pub id: String,
    /// Strategy.
    pub strategy: String,
    /// `LONG` or `SHORT`, of the underlying.
    pub direction: String,
    /// 0 to 100.
    pub confidence: u8,
    /// The contract that it is about.
    pub name: String,
    /// Orders that entered on it, and checks that refused one.
    pub led_to: Vec<String>,
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

/// Signals that the text lists.
const SIGNALS_LISTED_MAX: usize = 12;

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

/// Dollars as [`dollars`] writes them, with their sign before the mark: `-$114.00`.
pub(crate) fn usd(dollars: &str) -> String {
    match dollars.strip_prefix('-') {
        Some(lost) => format!("-${lost}"),
        None => format!("${dollars}"),
    }
}

/// Millions or billions of dollars: `-$920.00 M`.
pub(crate) fn large_usd(value: f64) -> String {
    let sign = if value < 0.0 { "-" } else { "" };
    let (scaled, unit) = match value.abs() {
        billions if billions >= 1e9 => (billions / 1e9, "B"),
        millions => (millions / 1e6, "M"),
    };
    format!("{sign}${scaled:.2} {unit}")
}

/// `OrderNotional` as `order notional`.
pub(crate) fn spaced(name: &str) -> String {
    let mut words = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.extend(letter.to_lowercase());
    }
    words
}

pub(super) fn render(figures: &TradeFigures, listing: Listing, text: &mut String) {
    heading(text, "signals");
    let _ = writeln!(text, "  profile {}  mode {}", figures.profile, figures.mode);
    for line in &figures.chains {
        render_chain(line, text);
    }
    render_strategies(figures, text);
    render_signals(&figures.signals, listing, text);
    heading(text, "orders");
    render_orders(figures, text);
    render_fills(figures, listing, text);
    heading(text, "account");
    render_account(figures, listing, text);
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
    let money = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), large_usd);
    let _ = writeln!(
        text,
        "  {} ({contract}): {} of {} weighed, GEX {} per 1 % move (z {}), DEX {} (z {}), pin {}",
        line.product,
        line.weighed,
        counted(line.listed, "option"),
        money(line.gex_1pct),
        figure(line.gex_z, 2),
        money(line.dex),
        figure(line.dex_z, 2),
        line.pin.as_deref().unwrap_or("-"),
    );
}

/// A table without lines.
pub(crate) fn table() -> Table {
    let mut table = Table::new();
    table.load_preset(NOTHING);
    table
}

/// Writes it, numbers in the columns named to the right.
pub(crate) fn write_table(table: &mut Table, right: &[usize], text: &mut String) {
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
    let mut total = [0; 6];
    for line in &figures.strategies {
        let counts = [
            line.evaluated,
            line.stale,
            line.missing,
            line.considered,
            line.emitted,
            line.blocked.iter().map(|count| count.count).sum(),
        ];
        for (total, count) in total.iter_mut().zip(counts) {
            *total += count;
        }
        let names = [line.name.clone(), line.product.clone()];
        lines.add_row(names.into_iter().chain(counts.map(thousands)));
    }
    let names = ["total".to_owned(), String::new()];
    lines.add_row(names.into_iter().chain(total.map(thousands)));
    write_table(&mut lines, &[2, 3, 4, 5, 6, 7], text);
    reasons(figures, text, "stale or missing, by feature", |line| {
        &line.skipped
    });
    reasons(figures, text, "blocked, by reason", |line| &line.blocked);
}

fn render_signals(signals: &[SignalLine], listing: Listing, text: &mut String) {
    if signals.is_empty() {
        return;
    }
    let _ = writeln!(text, "  emitted:");
    let mut lines = table();
    lines.set_header([
        "time (UTC)",
        "signal",
        "by",
        "says",
        "confidence",
        "contract",
        "led to",
    ]);
    for signal in signals.iter().take(listing.most(SIGNALS_LISTED_MAX)) {
        lines.add_row([
            moment(&signal.ts),
            signal.id.clone(),
            signal.strategy.clone(),
            signal.direction.clone(),
            signal.confidence.to_string(),
            signal.name.clone(),
            signal.led_to.join(", "),
        ]);
    }
    write_table(&mut lines, &[4], text);
    let more = |left| format!("{left} more");
    text.push_str(&listing.rest(signals.len(), SIGNALS_LISTED_MAX, more));
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
    if figures.intents == 0 {
        text.push_str("  none was asked for\n");
        super::counts(text, "no intent", &figures.unwanted);
        return;
    }
    let Ended {
        filled,
        partly,
        unfilled,
        rejected,
        open,
    } = figures.ended;
    let _ = writeln!(
        text,
        "  {}: {}, {} refused by risk",
        counted(figures.intents, "intent"),
        counted(figures.orders, "order"),
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
        "  {} of {}, slippage {} against the middle of the quote",
        counted(figures.fills, "fill"),
        counted(figures.filled, "contract"),
        usd(&figures.slippage)
    );
}

fn render_fills(figures: &TradeFigures, listing: Listing, text: &mut String) {
    if figures.fill_lines.is_empty() {
        return;
    }
    let mut lines = table();
    lines.set_header([
        "time (UTC)",
        "order",
        "signal",
        "by",
        "contract",
        "",
        "",
        "price",
        "why",
        "slippage $",
    ]);
    for fill in figures
        .fill_lines
        .iter()
        .take(listing.most(FILLS_LISTED_MAX))
    {
        lines.add_row([
            moment(&fill.ts),
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
    let (count, more) = (figures.fill_lines.len(), |left| format!("{left} more"));
    text.push_str(&listing.rest(count, FILLS_LISTED_MAX, more));
}

fn render_account(figures: &TradeFigures, listing: Listing, text: &mut String) {
    let account = &figures.account;
    let or_unknown = |money: &Option<String>| match money {
        Some(money) => usd(money),
        None => "unknown: a position has no mark".to_owned(),
    };
    let _ = writeln!(
        text,
        "  equity {} to {}   P&L {} after fees of {}   max drawdown {}",
        usd(&account.start),
        or_unknown(&account.end),
        or_unknown(&account.earned),
        usd(&account.fees),
        usd(&account.drawdown)
    );
    if let Some(trades) = &figures.trades {
        let cents = |value: f64| usd(&format!("{value:.2}"));
        let or_dash = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), cents);
        let factor = trades.profit_factor.map(|factor| format!("{factor:.2}"));
        let _ = writeln!(
            text,
            "  {} closed: {:.0} % won, profit factor {}, mean {}, of those won {}, of those lost {}",
            counted(trades.count, "trade"),
            trades.win_rate * 100.0,
            factor.as_deref().unwrap_or("-"),
            cents(trades.expectancy),
            or_dash(trades.average_win),
            or_dash(trades.average_loss),
        );
    }
    render_contracts(figures, text);
    render_limits(figures, listing, text);
    if let Some(halt) = &figures.halt {
        let _ = writeln!(text, "  ! {halt}");
    }
    let _ = writeln!(text, "  orders and positions  {}", figures.digest);
    for kept in &figures.kept {
        let _ = writeln!(text, "  {kept}");
    }
}

/// How much of their limits orders used: a limit is only looked at when an order is asked for.
fn render_limits(figures: &TradeFigures, listing: Listing, text: &mut String) {
    if figures.intents == 0 {
        text.push_str("  limits: none was asked, for no order was asked for\n");
        return;
    }
    let intents = counted(figures.intents, "intent");
    let _ = writeln!(text, "  limits, as far as {intents} came to them:");
    let used = figures.limits.iter().take(listing.most(LIMITS_LISTED_MAX));
    let used = used.map(|line| {
        let bound = spaced(&line.bound);
        format!("{} ({bound}) {} %", line.check, line.used_pct)
    });
    super::paragraph(text, "used", used);
    let more = |left| format!("{left} used less");
    text.push_str(&listing.rest(figures.limits.len(), LIMITS_LISTED_MAX, more));
    super::paragraph(text, "not asked", figures.limits_unasked.iter().cloned());
}

fn render_contracts(figures: &TradeFigures, text: &mut String) {
    if figures.contracts.is_empty() {
        return;
    }
    let mut lines = table();
    lines.set_header([
        "contract",
        "bought",
        "sold",
        "held",
        "average",
        "realised $ after fees",
        "unrealised $",
        "fees $",
    ]);
    for line in figures.contracts.iter().chain([&figures.total]) {
        lines.add_row([
            line.name.clone(),
            thousands(line.bought),
            thousands(line.sold),
            line.held.to_string(),
            line.average.clone(),
            line.realised.clone(),
            line.unrealised.clone().unwrap_or_else(|| "-".to_owned()),
            line.fees.clone(),
        ]);
    }
    write_table(&mut lines, &[1, 2, 3, 4, 5, 6, 7], text);
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

    #[test]
    fn a_loss_has_its_sign_before_the_mark() {
        assert_eq!(usd("-1,234.57"), "-$1,234.57");
        assert_eq!(usd("0.00"), "$0.00");
        assert_eq!(large_usd(-920_000_000.0), "-$920.00 M");
        assert_eq!(large_usd(2_614_800_000.0), "$2.61 B");
        assert_eq!(spaced("OrderNotional"), "order notional");
    }

    #[test]
    fn strategies_and_signals_add_up_to_what_is_listed() {
        let line = StrategyLine {
            name: "ifd".to_owned(),
            evaluated: 1_000,
            considered: 900,
            emitted: 13,
            ..StrategyLine::default()
        };
        let signal = SignalLine {
            id: "4c4fc175887c07e5".to_owned(),
            led_to: vec!["refused by data_age".to_owned(), "order 3".to_owned()],
            ..SignalLine::default()
        };
        let figures = TradeFigures {
            strategies: vec![line.clone(), line],
            signals: vec![signal; SIGNALS_LISTED_MAX + 1],
            ..TradeFigures::default()
        };
        let mut text = String::new();
        render(&figures, Listing::Short, &mut text);
        let total = text.lines().find(|line| line.contains("total"));
        let total: Vec<_> = total.unwrap_or("").split_whitespace().collect();
        assert_eq!(total, ["total", "2,000", "0", "0", "1,800", "26", "0"]);
        assert!(text.contains("4c4fc175887c07e5"), "{text}");
        assert!(text.contains("refused by data_age, order 3"), "{text}");
        assert!(text.contains("and 1 more (--all"), "{text}");
    }

    #[test]
    fn limits_say_what_was_asked_and_what_was_not() {
        let limit = |used_pct| LimitLine {
            check: "position".to_owned(),
            bound: "PositionQuantity".to_owned(),
            used_pct,
            ..LimitLine::default()
        };
        let mut figures = TradeFigures {
            intents: 1,
            limits: vec![limit(40); LIMITS_LISTED_MAX + 2],
            limits_unasked: vec!["margin".to_owned(), "correlation".to_owned()],
            ..TradeFigures::default()
        };
        let mut text = String::new();
        render(&figures, Listing::Short, &mut text);
        assert!(text.contains("limits, as far as 1 intent came"), "{text}");
        let used = "  used        position (position quantity) 40 % · position";
        assert!(text.contains(used), "{text}");
        assert!(text.contains("and 2 used less"), "{text}");
        let unasked = "  not asked   margin · correlation\n";
        assert!(text.contains(unasked), "{text}");
        figures.intents = 0;
        text.clear();
        render(&figures, Listing::Short, &mut text);
        assert!(text.contains("no order was asked for"), "{text}");
        assert!(!text.contains("as far as"), "{text}");
    }
}
