//! What was decided and traded, gathered while a run goes on, and told at its end.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::Path;

use anyhow::{Result, anyhow};
use latency_report::recorder::Recorder;
use serde_json::{Value, json};
use undertow_cold::explain;
use undertow_cold::journal::{Build, Start};
use undertow_cold::provenance::Program;
use undertow_cold::registry::Registry;
use undertow_cold::summary::Count;
use undertow_cold::summary::trade::{
    AccountFigures, ChainLine, ContractLine, Ended, FillLine, LimitLine, SignalLine, StrategyLine,
    TradeFigures, TradesLine, dollars,
};
use undertow_core::contract::Contract;
use undertow_core::event::Stamp;
use undertow_core::gateway::Gateway;
use undertow_core::health::LimitUse;
use undertow_core::money::Money;
use undertow_core::order::{ClientOrderId, Execution, Intent, ReportKind};
use undertow_core::position::{ExitCause, Position};
use undertow_core::risk::{AccountId, Kept, Mode, Outcome, Refusal, Risk, Setup, Status};
use undertow_core::types::{BookKey, Nanos, Side};
use undertow_strategies::calendar::{Calendar, Venue};
use undertow_strategies::decide::Outcome as Decision;
use undertow_strategies::decide::counters::Block;
use undertow_strategies::decide::features::Feature;
use undertow_strategies::decide::rules::RuleSet;
use undertow_strategies::performance::Trades as Performance;
use undertow_strategies::trade::Trader;
use undertow_strategies::trade::event::{Asked, TradeEvent};
use undertow_strategies::trade::settings::Settings;
use undertow_strategies::trade::watch::Watch;

use super::gather::rfc3339;
use crate::clock::STAGES;
use crate::outfile::{self, Outfile};
use crate::output::{OrderLatency, Output};
use crate::profile::Profile;

/// The file of explanations in a run's directory.
pub(crate) const EXPLANATIONS: &str = "explain.jsonl";

/// What a first run keeps: the profile's equity, on the trading day of `start`.
///
/// # Errors
/// The calendar does not reach so far.
pub fn first_kept(profile: &Profile, start: Nanos) -> Result<Kept> {
    let day = Calendar::built_in().trading_day(Venue::Globex, start)?;
    let day = u32::try_from(day.0).unwrap_or(0);
    Ok(Kept::first(day, profile.equity))
}

/// A trader laid out for a run that goes on from what the last one kept.
///
/// # Errors
/// The profile contradicts itself.
pub fn trader<G: Gateway>(
    (profile, mode): (&Profile, Mode),
    gateway: G,
    instruments_max: usize,
    kept: &Kept,
) -> Result<Trader<G>> {
    let risk = risk((profile, mode), kept)?;
    trader_with((profile, mode), (risk, gateway), instruments_max)
}

/// Risk by the limits of a profile.
///
/// # Errors
/// The profile contradicts itself.
pub fn risk((profile, mode): (&Profile, Mode), kept: &Kept) -> Result<Risk> {
    let account = AccountId(profile.account);
    let setup = Setup {
        mode,
        account,
        limits: profile.limits,
        capacity: profile.capacity,
    };
    Risk::new(&setup, kept).map_err(|error| anyhow!("profile {}: {error:?}", profile.name))
}

/// A trader by the rules of a profile, with a risk that may know orders and positions already.
///
/// # Errors
/// The profile contradicts itself.
pub fn trader_with<G: Gateway>(
    (profile, mode): (&Profile, Mode),
    (risk, gateway): (Risk, G),
    instruments_max: usize,
) -> Result<Trader<G>> {
    let account = AccountId(profile.account);
    let settings = Settings {
        instruments_max,
        products: profile.products.clone().into_boxed_slice(),
        options_max: profile.options_max,
        holdings_max: profile.holdings_max,
        claims_max: profile.claims_max,
        worker: 1,
        mode,
        account,
        rate: profile.rate,
        search: undertow_cold::implied_vol::search,
        future_margin: profile.future_margin,
        buying_power_ppm: profile.buying_power_ppm,
        costs: [Money::ZERO; 2],
    };
    Trader::new(settings, risk, gateway).map_err(|(place, invalid)| {
        anyhow!("profile {}: rule set {place}: {invalid}", profile.name)
    })
}

/// The rule sets by their place, each with its product.
pub(super) fn rule_sets<G: Gateway>(trader: &Trader<G>) -> Vec<(String, String)> {
    let each = trader.rules().map(|(rules, product)| {
        let name = rules.rule.strategy().name();
        (name.to_owned(), product.to_owned())
    });
    each.collect()
}

/// How the journal of a run begins.
pub(super) fn start(program: &Program, (account, mode): (u64, Mode), kept: Kept) -> Start {
    Start {
        build: Build::from_bytes(program.build.as_bytes()),
        config_hash: program.config,
        input_hash: 0,
        mode,
        account: AccountId(account),
        kept,
    }
}

/// An order as the cold side follows it.
#[derive(Clone, Debug)]
struct Order {
    intent: Intent,
    exit: Option<ExitCause>,
    filled: u32,
    end: Option<End>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Over,
    Rejected,
}

/// One fill, not yet named.
#[derive(Clone, Debug)]
struct Fill {
    order: ClientOrderId,
    ts: Nanos,
    execution: Execution,
}

/// What was timed of a run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Latencies<'a> {
    /// From arrival to each of the first orders, ns.
    pub(super) orders: &'a [OrderLatency],
    /// Own time of each stage, of sampled messages.
    pub(super) stages: &'a [Recorder],
}

impl<'a> Latencies<'a> {
    pub(super) fn of(output: &'a Output, stages: &'a [Recorder]) -> Self {
        Self {
            orders: &output.order_latencies,
            stages,
        }
    }
}

/// Everything said so far.
#[derive(Debug, Default)]
pub(super) struct Trades {
    orders: BTreeMap<u64, Order>,
    fills: Vec<Fill>,
    /// The tightest outcome of each check.
    tightest: BTreeMap<u8, (Refusal, Outcome)>,
    /// Checks that some order came to, by number.
    asked: BTreeSet<u8>,
    events: Vec<(Stamp, TradeEvent)>,
    /// Contracts traded, by the executions told; results of each return to flat, in dollars.
    positions: BTreeMap<BookKey, (Contract, Position, Money)>,
    results: Vec<f64>,
}

impl Trades {
    pub(super) fn note(&mut self, stamp: Stamp, event: &TradeEvent) {
        if !matches!(event, TradeEvent::Kept(_) | TradeEvent::Marked(..)) {
            self.events.push((stamp, *event));
        }
        match event {
            TradeEvent::Listed(contract) => {
                let flat = (*contract, Position::FLAT, Money::ZERO);
                self.positions.insert(contract.key, flat);
            }
            TradeEvent::Asked(asked) => self.note_asked(asked),
            TradeEvent::Reported(report, _) => {
                let Some(order) = self.orders.get_mut(&report.id.0) else {
                    return;
                };
                match report.kind {
                    ReportKind::Executed(execution) => {
                        order.filled += execution.quantity;
                        let position = self.positions.get_mut(&report.contract);
                        self.results
                            .extend(position.and_then(|at| result(at, &execution)));
                        self.fills.push(Fill {
                            order: report.id,
                            ts: report.ts_event,
                            execution,
                        });
                    }
                    ReportKind::Cancelled { .. }
                    | ReportKind::Expired { .. }
                    | ReportKind::Absent { .. } => order.end = Some(End::Over),
                    ReportKind::Rejected(_) => order.end = Some(End::Rejected),
                    _ => {}
                }
            }
            _ => {}
        }
    }

    fn note_asked(&mut self, asked: &Asked) {
        for (check, outcome) in asked.verdict.iter() {
            if !matches!(outcome.status, Status::NotReached | Status::Spared) {
                self.asked.insert(check.number());
            }
            // A value that must reach its limit does not use it up.
            let has_number = matches!(outcome.status, Status::Passed | Status::Warned)
                && !explain::is_floor(outcome.bound)
                && outcome.limit > 1
                && outcome.value >= 0;
            if !has_number {
                continue;
            }
            let tightest = self.tightest.entry(check.number());
            let tightest = tightest.or_insert((check, outcome));
            if used_pct(&outcome) > used_pct(&tightest.1) {
                *tightest = (check, outcome);
            }
        }
        if let Some(id) = asked.order {
            self.orders.insert(
                id.0,
                Order {
                    intent: asked.intent,
                    exit: asked.exit,
                    filled: 0,
                    end: None,
                },
            );
        }
    }

    /// Holds the counters of the trader against what was said, one by one: nothing considered is
    /// lost, and nothing is counted that did not happen.
    ///
    /// # Panics
    /// A count differs: that is a fault of ours.
    pub(super) fn assert_conserved<G: Gateway>(&self, trader: &Trader<G>) {
        let count = |is: fn(&TradeEvent) -> bool| {
            self.events.iter().filter(|(_, event)| is(event)).count() as u64
        };
        let emitted = count(|event| match event {
            TradeEvent::Decided(it) => matches!(it.decision.outcome, Decision::Emitted(_)),
            _ => false,
        });
        let asked = count(|event| matches!(event, TradeEvent::Asked(_)));
        let passed = count(|event| match event {
            TradeEvent::Asked(asked) => asked.order.is_some(),
            _ => false,
        });
        let mut counted = 0;
        for place in 0..trader.rules().count() {
            let counters = trader.decide().counters(place);
            let counters = counters.copied().unwrap_or_default();
            assert!(
                counters.is_conserved(),
                "considered is emitted + blocked by rule set {place}: {counters:?}"
            );
            counted += counters.emitted;
        }
        assert_eq!(counted, emitted, "signals emitted, and said to be");
        let risk = trader.risk().counters();
        assert!(
            risk.is_conserved(),
            "intents are passed + refused: {risk:?}"
        );
        let told = (risk.considered, risk.passed);
        assert_eq!(told, (asked, passed), "intents and orders, and said to be");
    }

    /// Writes what explains the run into its directory, and says in words what lies there.
    ///
    /// # Errors
    /// A file cannot be written.
    pub(super) fn keep<G: Gateway>(
        &self,
        place: &Path,
        trader: &Trader<G>,
        names: &Registry,
        latencies: &Latencies<'_>,
    ) -> Result<Vec<String>> {
        outfile::directory(place)?;
        let rules: Vec<RuleSet> = trader.rules().map(|(rules, _)| *rules).collect();
        let path = place.join(EXPLANATIONS);
        self.explain(&path, &rules, names, latencies)?;
        Ok(vec![format!(
            "explained in  {}  (undertow explain ID --run {})",
            path.display(),
            place.display()
        )])
    }

    /// Writes a document a line for each signal, order and report.
    fn explain(
        &self,
        path: &Path,
        rules: &[RuleSet],
        names: &Registry,
        latencies: &Latencies<'_>,
    ) -> Result<()> {
        let stages: Vec<Value> = latencies.stages.iter().map(stage).collect();
        let orders = latencies.orders.iter();
        let latencies: BTreeMap<_, _> = orders.map(|order| (order.id, order)).collect();
        let mut file = Outfile::create(path)?;
        for (stamp, event) in &self.events {
            let document = match event {
                TradeEvent::Decided(decided) => {
                    let Some(rules) = rules.get(decided.place) else {
                        continue;
                    };
                    explain::decided(decided, rules, stamp.sequence, names)
                }
                TradeEvent::Asked(asked) => {
                    let mut document = explain::asked(asked, stamp.sequence, names);
                    if let Some(latency) = asked.order.and_then(|id| latencies.get(&id)) {
                        document["latency_ns"] = json!({
                            "order": latency.ns,
                            "own": latency.spent_ns.map(own),
                            "stages": stages,
                        });
                    }
                    document
                }
                TradeEvent::Reported(report, reported) => {
                    explain::reported(report, reported.as_ref(), stamp.sequence)
                }
                TradeEvent::Cancelled(cancel, ts) => {
                    explain::cancelled(cancel, *ts, stamp.sequence, names)
                }
                TradeEvent::Halted(halt) => explain::halted(halt, stamp.sequence),
                TradeEvent::Ordered(operator, ts) => {
                    explain::ordered(operator, *ts, stamp.sequence, rules)
                }
                TradeEvent::Limited(limited) => explain::limited(limited, stamp.sequence),
                TradeEvent::Settled(key, price, held) => {
                    explain::settled(*key, (*price, *held), stamp.sequence, names)
                }
                TradeEvent::Listed(_)
                | TradeEvent::Marked(..)
                | TradeEvent::Kept(_)
                | TradeEvent::Checkpoint(_) => continue,
            };
            writeln!(file, "{document}").map_err(|error| file.failure(&error))?;
        }
        Ok(file.finish()?)
    }

    pub(super) fn figures<G: Gateway>(
        &self,
        trader: &Trader<G>,
        profile: &str,
        mode: Mode,
        names: &Registry,
    ) -> TradeFigures {
        let risk = trader.risk();
        let counters = risk.counters();
        let refused = Refusal::ALL.into_iter().zip(counters.refused);
        let unwanted = trader.counters();
        let rules: Vec<_> = trader.rules().collect();
        let strategy_of = |place: u8| {
            rules
                .get(usize::from(place))
                .map_or("", |(rules, _)| rules.rule.strategy().name())
        };
        TradeFigures {
            profile: profile.to_owned(),
            mode: format!("{mode:?}").to_lowercase(),
            chains: trader
                .watches()
                .iter()
                .map(|watch| chain(watch, names))
                .collect(),
            strategies: strategies(trader),
            signals: self.signals(names),
            unwanted: named([
                ("no room", unwanted.no_room),
                ("no quote", unwanted.no_quote),
                ("size of nothing", unwanted.no_size),
            ]),
            intents: counters.considered,
            orders: counters.passed,
            refused: named(refused.map(|(check, count)| (check.name(), count))),
            ended: self.ended(),
            fills: self.fills.len() as u64,
            filled: self
                .fills
                .iter()
                .map(|it| u64::from(it.execution.quantity))
                .sum(),
            slippage: dollars(self.slippage(risk)),
            contracts: self.contracts(risk, names),
            total: self.total(risk),
            trades: Performance::of(&self.results).map(|trades| TradesLine {
                count: trades.count,
                win_rate: trades.win_rate,
                profit_factor: trades.profit_factor,
                expectancy: trades.expectancy,
                average_win: trades.average_win,
                average_loss: trades.average_loss,
            }),
            fill_lines: self.fill_lines(risk, names, strategy_of),
            account: self.account(trader),
            limits: self.limits(),
            limits_unasked: self.limits_unasked(),
            halt: halt(risk),
            digest: format!("{:016x}", risk.digest()),
            kept: Vec::new(),
        }
    }

    fn ended(&self) -> Ended {
        let mut ended = Ended::default();
        for order in self.orders.values() {
            let place = match (order.filled, order.end) {
                (filled, _) if filled >= order.intent.quantity => &mut ended.filled,
                (0, Some(End::Rejected)) => &mut ended.rejected,
                (0, Some(End::Over)) => &mut ended.unfilled,
                (_, Some(_)) => &mut ended.partly,
                (_, None) => &mut ended.open,
            };
            *place += 1;
        }
        ended
    }

    fn slippage(&self, risk: &Risk) -> Money {
        self.fills.iter().fold(Money::ZERO, |sum, fill| {
            let order = self.orders.get(&fill.order.0);
            order.map_or(sum, |order| sum + slip(risk, order, &fill.execution))
        })
    }

    /// Every emitted signal, and the entries that were asked for on it.
    fn signals(&self, names: &Registry) -> Vec<SignalLine> {
        let mut lines: Vec<SignalLine> = Vec::new();
        for (_, event) in &self.events {
            match event {
                TradeEvent::Decided(decided) => {
                    let decision = &decided.decision;
                    let Decision::Emitted(signal) = &decision.outcome else {
                        continue;
                    };
                    let listing = &signal.contract.listing;
                    let name = names.symbol(listing.instrument_id, signal.at);
                    lines.push(SignalLine {
                        ts: rfc3339(signal.at),
                        id: signal.identity.id.to_string(),
                        strategy: signal.strategy.name().to_owned(),
                        direction: signal.direction.name().to_owned(),
                        confidence: signal.confidence,
                        name: name.unwrap_or_default().to_owned(),
                        led_to: Vec::new(),
                    });
                }
                TradeEvent::Asked(asked) if asked.exit.is_none() => {
                    let id = format!("{:016x}", asked.intent.signal_id.0);
                    let line = lines.iter_mut().rev().find(|line| line.id == id);
                    let became = match (asked.order, asked.verdict.refusal()) {
                        (Some(order), _) => format!("order {}", order.0),
                        (None, Some(check)) => format!("refused by {}", check.name()),
                        (None, None) => continue,
                    };
                    if let Some(line) = line
                        && line.led_to.last() != Some(&became)
                    {
                        line.led_to.push(became);
                    }
                }
                _ => {}
            }
        }
        lines
    }

    /// What was paid for executions of this run; a correction stands for what it corrects.
    fn fees(&self) -> Money {
        let fees = self.fills.iter().filter_map(|fill| {
            let execution = &fill.execution;
            Some(((fill.order.0, execution.id.base), execution.fee?))
        });
        let fees: BTreeMap<_, _> = fees.collect();
        fees.into_values().fold(Money::ZERO, |sum, fee| sum + fee)
    }

    fn account<G: Gateway>(&self, trader: &Trader<G>) -> AccountFigures {
        let risk = trader.risk();
        let end = risk.equity();
        let start = trader.curve().map(|curve| curve.first);
        let held = risk.lines().filter(|line| line.position.quantity() != 0);
        AccountFigures {
            start: start.map_or_else(|| "-".to_owned(), dollars),
            end: end.map(dollars),
            earned: end.zip(start).map(|(end, start)| dollars(end - start)),
            fees: dollars(self.fees()),
            drawdown: dollars(trader.curve().map_or(Money::ZERO, |curve| curve.drawdown)),
            positions: held.count() as u64,
        }
    }

    fn contracts(&self, risk: &Risk, names: &Registry) -> Vec<ContractLine> {
        let mut lines = Vec::new();
        for line in risk.lines() {
            let key = line.contract.key;
            let of = |side: Side| -> u64 {
                let fills = self.fills.iter().filter(|fill| {
                    fill.execution.side == side
                        && self
                            .orders
                            .get(&fill.order.0)
                            .is_some_and(|order| order.intent.contract == key)
                });
                fills.map(|fill| u64::from(fill.execution.quantity)).sum()
            };
            let (bought, sold) = (of(Side::Bid), of(Side::Ask));
            let position = &line.position;
            if bought + sold == 0 && position.quantity() == 0 {
                continue;
            }
            let average = position.average();
            lines.push(ContractLine {
                name: names.name(key, line.view.heard_at),
                bought,
                sold,
                held: position.quantity(),
                average: if average.is_defined() {
                    average.to_string()
                } else {
                    "-".to_owned()
                },
                realised: dollars(position.realised(&line.contract)),
                unrealised: position
                    .unrealised(&line.contract, line.view.mark)
                    .map(dollars),
                fees: dollars(position.fees()),
            });
        }
        lines
    }

    /// All contracts in one line, summed before anything is rounded.
    fn total(&self, risk: &Risk) -> ContractLine {
        let sum = |side: Side| {
            let fills = self.fills.iter().filter(|fill| fill.execution.side == side);
            fills.map(|fill| u64::from(fill.execution.quantity)).sum()
        };
        let (mut realised, mut fees) = (Money::ZERO, Money::ZERO);
        let mut unrealised = Some(Money::ZERO);
        let mut held = 0;
        for line in risk.lines() {
            let position = &line.position;
            realised += position.realised(&line.contract);
            fees += position.fees();
            let open = position.unrealised(&line.contract, line.view.mark);
            unrealised = unrealised.zip(open).map(|(sum, open)| sum + open);
            held += position.quantity();
        }
        ContractLine {
            name: "total".to_owned(),
            bought: sum(Side::Bid),
            sold: sum(Side::Ask),
            held,
            average: "-".to_owned(),
            realised: dollars(realised),
            unrealised: unrealised.map(dollars),
            fees: dollars(fees),
        }
    }

    fn fill_lines<'s>(
        &self,
        risk: &Risk,
        names: &Registry,
        strategy_of: impl Fn(u8) -> &'s str,
    ) -> Vec<FillLine> {
        let fills = self.fills.iter();
        fills
            .filter_map(|fill| {
                let order = self.orders.get(&fill.order.0)?;
                let intent = &order.intent;
                let slip = slip(risk, order, &fill.execution);
                Some(FillLine {
                    ts: rfc3339(fill.ts),
                    order: fill.order.0,
                    signal: format!("{:016x}", intent.signal_id.0),
                    strategy: strategy_of(intent.strategy.0).to_owned(),
                    name: names.name(intent.contract, fill.ts),
                    side: if fill.execution.side == Side::Bid {
                        "buy"
                    } else {
                        "sell"
                    }
                    .to_owned(),
                    quantity: fill.execution.quantity,
                    price: fill.execution.price.to_string(),
                    why: order
                        .exit
                        .map_or_else(|| "entry".to_owned(), |cause| cause_name(cause).to_owned()),
                    slippage: dollars(slip),
                })
            })
            .collect()
    }

    fn limits(&self) -> Vec<LimitLine> {
        let mut lines: Vec<_> = self
            .tightest
            .values()
            .map(|(check, outcome)| LimitLine {
                check: check.name().to_owned(),
                bound: format!("{:?}", outcome.bound),
                used_pct: used_pct(outcome),
                health: LimitUse::of(outcome.value, outcome.limit).name().to_owned(),
            })
            .filter(|line| line.used_pct > 0 && line.used_pct <= 100)
            .collect();
        lines.sort_by(|a, b| {
            b.used_pct
                .cmp(&a.used_pct)
                .then_with(|| a.check.cmp(&b.check))
        });
        lines
    }

    fn limits_unasked(&self) -> Vec<String> {
        let all = Refusal::ALL.into_iter();
        let unasked = all.filter(|check| !self.asked.contains(&check.number()));
        unasked.map(|check| check.name().to_owned()).collect()
    }
}

/// What each stage spent on the record that led to an order, ns.
fn own(spent_ns: [u64; STAGES.len()]) -> Vec<Value> {
    let stages = STAGES.iter().zip(spent_ns).filter(|(_, ns)| *ns > 0);
    let stages = stages.map(|(name, ns)| json!({ "name": name, "ns": ns }));
    stages.collect()
}

/// What a stage usually took, ns.
fn stage(stage: &Recorder) -> Value {
    let row = stage.clone().finish();
    let at = |quantile: f64| row.histogram.value_at_quantile(quantile);
    json!({ "name": row.name, "p50": at(0.5), "p99": at(0.99) })
}

/// What a trade earned after fees, if this execution closes it.
fn result(
    (contract, position, before): &mut (Contract, Position, Money),
    execution: &Execution,
) -> Option<f64> {
    position.apply(execution);
    if position.quantity() != 0 {
        return None;
    }
    let earned = position.realised(contract);
    let result = earned - core::mem::replace(before, earned);
    Some(result.0 as f64 / Money::PER_USD as f64)
}

const fn cause_name(cause: ExitCause) -> &'static str {
    match cause {
        ExitCause::Stop => "stop",
        ExitCause::TrailingStop => "trailing stop",
        ExitCause::UnderlyingStop => "underlying's stop",
        ExitCause::Target => "target",
        ExitCause::Time => "time",
        ExitCause::Theta => "theta",
        ExitCause::Roll => "roll",
        ExitCause::Ordered => "ordered",
    }
}

fn used_pct(outcome: &Outcome) -> u64 {
    let (value, limit) = (i128::from(outcome.value), i128::from(outcome.limit.max(1)));
    u64::try_from(value.max(0) * 100 / limit).unwrap_or(u64::MAX)
}

fn named<'n>(counts: impl IntoIterator<Item = (&'n str, u64)>) -> Vec<Count> {
    let counts = counts.into_iter().filter(|(_, count)| *count > 0);
    counts
        .map(|(name, count)| Count {
            name: name.to_owned(),
            count,
        })
        .collect()
}

fn strategies<G: Gateway>(trader: &Trader<G>) -> Vec<StrategyLine> {
    let rules = trader.rules().enumerate();
    rules
        .filter_map(|(place, (rules, product))| {
            let counters = trader.decide().counters(place)?;
            let skipped = Feature::ALL.map(|it| (it.name(), counters.skipped(it)));
            let blocked = Block::ALL.map(|block| (block.name(), counters.blocked(block)));
            Some(StrategyLine {
                name: rules.rule.strategy().name().to_owned(),
                product: product.to_owned(),
                evaluated: counters.evaluated,
                stale: counters.skipped_stale,
                missing: counters.skipped_schema,
                skipped: named(skipped),
                considered: counters.considered,
                emitted: counters.emitted,
                blocked: named(blocked),
                is_conserved: counters.is_conserved(),
            })
        })
        .collect()
}

fn chain(watch: &Watch, names: &Registry) -> ChainLine {
    let sums = watch.chain.sums();
    let pin = watch
        .chain
        .by_strike()
        .iter()
        .max_by(|a, b| a.gex.abs().total_cmp(&b.gex.abs()));
    ChainLine {
        product: watch.symbol.as_str().to_owned(),
        contract: watch
            .contract
            .map(|contract| names.name(contract.key, contract.expiry)),
        listed: watch.chain.listings().len(),
        weighed: sums.map_or(0, |sums| sums.options),
        gex_1pct: sums.map(|sums| sums.gex * 0.01),
        dex: sums.map(|sums| sums.dex),
        gex_z: sums.and_then(|sums| sums.gex_z),
        dex_z: sums.and_then(|sums| sums.dex_z),
        pin: pin.map(|pin| pin.strike.to_string()),
    }
}

fn halt(risk: &Risk) -> Option<String> {
    let halt = risk.halted();
    (halt.gate != undertow_core::risk::Gate::Open).then(|| {
        format!(
            "halted: gate {}, by {:?}, at {}; it stays so until it is resumed with a reason",
            halt.gate.name(),
            halt.cause,
            rfc3339(halt.at)
        )
    })
}

/// What an execution cost against the middle of the quote that its order was decided on.
fn slip(risk: &Risk, order: &Order, execution: &Execution) -> Money {
    let mid = order.intent.reference.mid();
    let (Some(line), true) = (risk.line(order.intent.contract), mid.is_defined()) else {
        return Money::ZERO;
    };
    let apart = i128::from(execution.price.0) - i128::from(mid.0);
    let worse = match execution.side {
        Side::Bid => apart,
        _ => -apart,
    };
    line.contract.value(worse * i128::from(execution.quantity))
}

#[cfg(test)]
mod tests {
    use super::*;
    use undertow_core::order::ExecutionId;
    use undertow_core::types::Price;

    #[test]
    fn fees_are_those_of_every_day_and_a_correction_stands_for_what_it_corrects() {
        const DAY_NS: u64 = 86_400_000_000_000;
        let fill = |day: u64, (base, revision): (u64, u16), cents: i64| Fill {
            order: ClientOrderId(1),
            ts: Nanos(day * DAY_NS),
            execution: Execution {
                id: ExecutionId { base, revision },
                side: Side::Bid,
                quantity: 1,
                price: Price(1),
                fee: Some(Money::from_cents(cents)),
            },
        };
        let trades = Trades {
            fills: vec![
                fill(1, (1, 0), 200),
                fill(2, (2, 0), 100),
                fill(2, (2, 1), 130),
            ],
            ..Trades::default()
        };
        assert_eq!(trades.fees(), Money::from_cents(330));
    }
}
