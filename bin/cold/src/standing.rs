//! How a run that trades stands: what the operator asks for, while it goes on or after it.
//!
//! Everything in it is told by a fold of the journal's records, which comes to the same ledger as
//! risk does (I13), and by the names of instruments. Marks are those that the journal was told last: of
//! a held contract at least once a minute of event time.

use std::collections::BTreeMap;
use std::fmt::Write;

use latency_report::text::counted;
use serde::{Deserialize, Serialize};
use undertow_core::order::SignalId;
use undertow_core::risk::{BreakerKind, Gate, Kept, Phase};
use undertow_core::types::{BookKey, Nanos, Side};

use crate::explain::time;
use crate::journal::{Line, Order, State};
use crate::registry::Registry;
use crate::state::cause;
use crate::summary::moment;
use crate::summary::trade::{dollars, table, usd, write_table};

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// The last event time that is told of.
    pub at: Option<String>,
    /// How far the gate to the venue is open.
    pub gate: String,
    /// Who shut it, when, and why it was last opened again.
    pub halted_by: Option<String>,
    /// See `halted_by`.
    pub halted_at: Option<String>,
    /// See `halted_by`.
    pub resumed: Option<String>,
    /// The account; none before it was first looked at.
    pub account: Option<AccountStanding>,
    /// Breakers that are not armed.
    pub breakers: Vec<BreakerStanding>,
    /// What is held, by contract and signal.
    pub positions: Vec<PositionStanding>,
    /// Orders that are live, or of which it is not known that they are not.
    pub orders: Vec<OrderStanding>,
    /// The rule sets, by their place.
    pub strategies: Vec<StrategyStanding>,
}

/// The account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountStanding {
    /// Dollars, as are the others.
    pub equity: String,
    /// Earned today, after fees.
    pub today: String,
    /// Fees paid today.
    pub fees: String,
    /// The highest equity ever.
    pub high_water: String,
}

/// A breaker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BreakerStanding {
    /// Its name.
    pub name: String,
    /// Where it stands.
    pub phase: String,
    /// Since when.
    pub at: String,
    /// Whether it blocks entries.
    pub blocks: bool,
}

/// What is held of a contract for one signal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PositionStanding {
    /// The contract.
    pub contract: String,
    /// The signal; none for what no signal of ours accounts for.
    pub signal: Option<String>,
    /// Contracts, negative for short.
    pub held: i64,
    /// Average price of all that is held of the contract.
    pub average: String,
    /// What the contract is valued at; none if it never was.
    pub mark: Option<String>,
    /// What all that is held of the contract has earned at the mark, dollars. Told once a contract.
    pub unrealised: Option<String>,
}

/// A live order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderStanding {
    /// Its number.
    pub id: u64,
    /// The contract.
    pub contract: String,
    /// `buy` or `sell`.
    pub side: String,
    /// Contracts.
    pub quantity: u32,
    /// Of them filled.
    pub filled: u32,
    /// Its price.
    pub price: String,
    /// Where it stands.
    pub state: String,
    /// The signal that it is for.
    pub signal: String,
}

/// A rule set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StrategyStanding {
    /// Its name.
    pub name: String,
    /// The product.
    pub product: String,
    /// Signals emitted.
    pub emitted: u64,
    /// Whether the operator wants no signals of it.
    pub is_disabled: bool,
}

impl Standing {
    /// What the records add up to. `strategies` are the rule sets by their place, each with its
    /// product.
    #[must_use]
    pub fn of(state: &State, names: &Registry, strategies: &[(String, String)]) -> Self {
        let halt = state.halt();
        let is_halted = halt.gate != Gate::Open;
        let kept = state.kept();
        // What is kept is dated by itself, and may be newer than the last record that has a time.
        let moved = kept
            .iter()
            .flat_map(|kept| kept.breakers.iter().map(|breaker| breaker.at));
        let told = moved.chain([halt.at]).fold(state.until(), Nanos::max);
        Self {
            at: (told.0 > 0).then(|| time(told)),
            gate: halt.gate.name().to_owned(),
            halted_by: is_halted.then(|| cause(halt).to_owned()),
            halted_at: is_halted.then(|| time(halt.at)),
            resumed: halt.resumed.map(|reason| reason.as_str().to_owned()),
            account: kept.as_ref().map(account),
            breakers: kept.as_ref().map_or_else(Vec::new, breakers),
            positions: positions(state, names),
            orders: orders(state, names),
            strategies: (0..)
                .zip(strategies)
                .map(|(place, (name, product))| StrategyStanding {
                    name: name.clone(),
                    product: product.clone(),
                    emitted: state.claims().iter().filter(|it| it.place == place).count() as u64,
                    is_disabled: state.disabled().any(|disabled| disabled == place),
                })
                .collect(),
        }
    }

    /// Whether nothing is held and no order is live.
    #[must_use]
    pub fn is_flat(&self) -> bool {
        self.positions.is_empty() && self.orders.is_empty()
    }

    /// For people.
    #[must_use]
    pub fn render(&self) -> String {
        let mut text = String::new();
        let at = self
            .at
            .as_deref()
            .map_or("before the first event".into(), moment);
        let _ = writeln!(text, "as of       {at}");
        let gate = match (&self.halted_by, &self.halted_at) {
            (Some(by), Some(at)) => format!("{} since {}, by {by}", self.gate, moment(at)),
            _ => self.gate.clone(),
        };
        let _ = writeln!(text, "gate        {gate}");
        if let Some(reason) = &self.resumed {
            let _ = writeln!(text, "resumed     {reason}");
        }
        if let Some(account) = &self.account {
            let AccountStanding {
                equity,
                today,
                fees,
                high_water,
            } = account;
            let [equity, today] = [equity, today].map(|dollars| usd(dollars));
            let [fees, high_water] = [fees, high_water].map(|dollars| usd(dollars));
            let _ = writeln!(
                text,
                "account     equity {equity}, today {today} after fees of {fees}, highest {high_water}"
            );
        }
        for breaker in &self.breakers {
            let blocks = if breaker.blocks {
                ", blocks entries"
            } else {
                ""
            };
            let (name, phase, at) = (&breaker.name, &breaker.phase, moment(&breaker.at));
            let _ = writeln!(text, "breaker     {name} {phase} since {at}{blocks}");
        }
        self.render_strategies(&mut text);
        self.render_positions(&mut text);
        self.render_orders(&mut text);
        text
    }

    fn render_strategies(&self, text: &mut String) {
        for strategy in &self.strategies {
            let StrategyStanding { name, product, .. } = strategy;
            let disabled = if strategy.is_disabled {
                ", disabled"
            } else {
                ""
            };
            let emitted = counted(strategy.emitted, "signal");
            let _ = writeln!(text, "strategy    {name} on {product}: {emitted}{disabled}");
        }
    }

    fn render_positions(&self, text: &mut String) {
        if self.positions.is_empty() {
            text.push_str("positions   none\n");
            return;
        }
        let _ = writeln!(text, "positions");
        let mut table = table();
        table.set_header([
            "contract",
            "held",
            "average",
            "mark",
            "unrealised $",
            "signal",
        ]);
        for it in &self.positions {
            table.add_row([
                it.contract.clone(),
                it.held.to_string(),
                it.average.clone(),
                it.mark.clone().unwrap_or_else(|| "-".to_owned()),
                it.unrealised.clone().unwrap_or_else(|| "-".to_owned()),
                it.signal.clone().unwrap_or_else(|| "-".to_owned()),
            ]);
        }
        write_table(&mut table, &[1, 2, 3, 4], text);
    }

    fn render_orders(&self, text: &mut String) {
        if self.orders.is_empty() {
            text.push_str("orders      none\n");
            return;
        }
        let _ = writeln!(text, "orders");
        let mut table = table();
        table.set_header([
            "order", "contract", "side", "quantity", "filled", "price", "state", "signal",
        ]);
        for it in &self.orders {
            table.add_row([
                it.id.to_string(),
                it.contract.clone(),
                it.side.clone(),
                it.quantity.to_string(),
                it.filled.to_string(),
                it.price.clone(),
                it.state.clone(),
                it.signal.clone(),
            ]);
        }
        write_table(&mut table, &[3, 4, 5], text);
    }
}

fn account(kept: &Kept) -> AccountStanding {
    AccountStanding {
        equity: dollars(kept.day_equity + kept.day_earned),
        today: dollars(kept.day_earned),
        fees: dollars(kept.day_fees),
        high_water: dollars(kept.high_water),
    }
}

fn breakers(kept: &Kept) -> Vec<BreakerStanding> {
    let each = BreakerKind::ALL.into_iter().zip(kept.breakers);
    let moved = each.filter(|(_, breaker)| breaker.phase != Phase::Armed);
    moved
        .map(|(kind, breaker)| BreakerStanding {
            name: kind.name().to_owned(),
            phase: breaker.phase.name().to_owned(),
            at: time(breaker.at),
            blocks: breaker.phase.blocks() && !breaker.is_cleared,
        })
        .collect()
}

/// Every contract that is held, split by the signals whose orders account for it.
fn positions(state: &State, names: &Registry) -> Vec<PositionStanding> {
    let mut by_signal: BTreeMap<(BookKey, SignalId), i64> = BTreeMap::new();
    for (_, order) in state.orders() {
        let intent = &order.intent;
        let filled = signed(intent.side, order.life.filled());
        *by_signal
            .entry((intent.contract, intent.signal_id))
            .or_default() += filled;
    }
    let held = state.lines().filter(|line| line.position.quantity() != 0);
    held.flat_map(|line| split(line, &by_signal, names))
        .collect()
}

/// A signal that the contract is held for has the position's own sign; what is left over when all
/// of them are counted belongs to none.
fn split(
    line: &Line,
    by_signal: &BTreeMap<(BookKey, SignalId), i64>,
    names: &Registry,
) -> Vec<PositionStanding> {
    let (key, held) = (line.contract.key, line.position.quantity());
    let all = by_signal.range((key, SignalId(0))..=(key, SignalId(u64::MAX)));
    let mut left = held;
    let mut parts: Vec<(Option<SignalId>, i64)> = Vec::new();
    for ((_, signal), own) in all {
        if signal.0 != 0 && own.signum() == held.signum() && left != 0 {
            let part = own.abs().min(left.abs()) * held.signum();
            parts.push((Some(*signal), part));
            left -= part;
        }
    }
    if left != 0 {
        parts.push((None, left));
    }
    let mark = line.mark.is_defined().then_some(line.mark);
    let earned = mark.and_then(|mark| line.position.unrealised(&line.contract, mark));
    let mut unrealised = earned.map(dollars);
    let part = |(signal, held): (Option<SignalId>, i64)| PositionStanding {
        contract: names.name(key, Nanos::UNDEFINED),
        signal: signal.map(|id| format!("{:016x}", id.0)),
        held,
        average: line.position.average().to_string(),
        mark: mark.map(|mark| mark.to_string()),
        unrealised: unrealised.take(),
    };
    parts.into_iter().map(part).collect()
}

fn orders(state: &State, names: &Registry) -> Vec<OrderStanding> {
    let live = state
        .open_orders()
        .filter(|(_, order)| !order.state().is_final());
    live.map(|(id, order)| standing_order(id.0, order, names))
        .collect()
}

fn standing_order(id: u64, order: &Order, names: &Registry) -> OrderStanding {
    let intent = &order.intent;
    let cancel = if order.life.is_cancel_sent() {
        ", cancel sent"
    } else {
        ""
    };
    OrderStanding {
        id,
        contract: names.name(intent.contract, Nanos::UNDEFINED),
        side: match intent.side {
            Side::Ask => "sell",
            _ => "buy",
        }
        .to_owned(),
        quantity: intent.quantity,
        filled: order.life.filled(),
        price: intent.price.to_string(),
        state: format!("{}{cancel}", order.state().name()),
        signal: format!("{:016x}", intent.signal_id.0),
    }
}

fn signed(side: Side, quantity: u32) -> i64 {
    match side {
        Side::Ask => -i64::from(quantity),
        _ => i64::from(quantity),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use undertow_core::contract::{Contract, ContractKind, Multiplier, PriceSign, TickRule};
    use undertow_core::event::Operator;
    use undertow_core::money::Money;
    use undertow_core::order::{
        ClientOrderId, Confidence, ExecReport, Execution, ExecutionId, Intent, Purpose, Quote,
        ReportKind, StrategyId, Style, Tif,
    };
    use undertow_core::risk::{Halt, HaltCause};
    use undertow_core::types::{InstrumentId, Price, PublisherId, Text};

    use crate::journal::{Entry, Intended, Marked, Moment, Record};

    const KEY: BookKey = BookKey {
        instrument_id: InstrumentId(7),
        publisher_id: PublisherId(1),
    };

    fn contract() -> Contract {
        Contract {
            key: KEY,
            kind: ContractKind::Future,
            multiplier: Multiplier::new(20 * 1_000_000_000).expect("more than nothing"),
            tick: TickRule::Flat(Price(250_000_000)),
            sign: PriceSign::Positive,
            expiry: Nanos(u64::MAX - 1),
            currency: Text::from_bytes(b"USD"),
            underlying: InstrumentId(0),
        }
    }

    fn intended(id: u64, side: Side, quantity: u32, signal: u64) -> Record {
        let is_entry = side == Side::Bid;
        Record::Intent(Intended {
            id: ClientOrderId(id),
            ts: Nanos(id),
            intent: Intent {
                contract: KEY,
                side,
                quantity,
                price: Price(100_000_000_000),
                style: Style::Limit,
                tif: Tif::Day,
                purpose: if is_entry {
                    Purpose::Open
                } else {
                    Purpose::Reduce
                },
                confidence: Confidence::MAX,
                signal_id: SignalId(signal),
                strategy: StrategyId(0),
                ts_event: Nanos(id),
                reference: Quote::NONE,
                stop: Price::UNDEFINED,
                data_cost: Money::ZERO,
                good_for_ns: 0,
            },
        })
    }

    fn filled(id: u64, side: Side, quantity: u32, points: i64) -> Record {
        Record::Report(ExecReport {
            id: ClientOrderId(id),
            contract: KEY,
            ts_event: Nanos(id),
            kind: ReportKind::Executed(Execution {
                id: ExecutionId {
                    base: id,
                    revision: 0,
                },
                side,
                quantity,
                price: Price(points * 1_000_000_000),
                fee: Some(Money::ZERO),
            }),
        })
    }

    fn standing(records: impl IntoIterator<Item = Record>) -> Standing {
        let mut state = State::default();
        for (sequence, record) in (0..).zip(records) {
            let moment = Moment {
                ts_event: Nanos(1_773_000_000_000_000_000 + sequence),
                ..Moment::default()
            };
            state.fold(&Entry {
                sequence,
                moment,
                record,
            });
        }
        let strategies = [("0dte", "NQ"), ("ifd", "NQ")];
        let strategies = strategies.map(|(name, on)| (name.to_owned(), on.to_owned()));
        Standing::of(&state, &Registry::default(), &strategies)
    }

    #[test]
    fn what_is_held_is_split_by_the_signals_that_opened_it() {
        let said = standing([
            Record::Contract(contract()),
            intended(1, Side::Bid, 3, 0xAB),
            filled(1, Side::Bid, 3, 100),
            intended(2, Side::Bid, 2, 0xCD),
            filled(2, Side::Bid, 2, 110),
            intended(3, Side::Ask, 2, 0xAB),
            filled(3, Side::Ask, 1, 104),
            // Of no order of ours.
            filled(90, Side::Bid, 1, 104),
            Record::Mark(Marked {
                contract: KEY,
                price: Price(105_000_000_000),
            }),
        ]);
        let parts: Vec<_> = said
            .positions
            .iter()
            .map(|it| (it.signal.as_deref(), it.held))
            .collect();
        let (first, second) = (format!("{:016x}", 0xAB), format!("{:016x}", 0xCD));
        let expected = [(Some(&*first), 2), (Some(&*second), 2), (None, 1)];
        assert_eq!(parts, expected);
        assert_eq!(parts.iter().map(|(_, held)| held).sum::<i64>(), 5);
        let earned: Vec<_> = said
            .positions
            .iter()
            .filter_map(|it| it.unrealised.as_ref())
            .collect();
        assert_eq!(earned.len(), 1, "the contract's, and once: {earned:?}");
        // The sale of one is half filled.
        let live: Vec<_> = said
            .orders
            .iter()
            .map(|it| (it.id, it.filled, &*it.side))
            .collect();
        assert_eq!(live, [(3, 1, "sell")]);
        assert!(!said.is_flat());
        let text = said.render();
        assert!(
            text.contains(&first) && text.contains("part filled"),
            "{text}"
        );
    }

    #[test]
    fn a_halt_names_who_and_when_and_what_is_disabled_is_said() {
        let halt = Halt {
            gate: Gate::Shut,
            cause: HaltCause::Operator,
            at: Nanos(1_773_000_000_500_000_000),
            resumed: None,
        };
        let disable = Record::Ordered(Operator::Disable(StrategyId(1)));
        let said = standing([disable, Record::Halt(halt)]);
        assert_eq!(said.gate, "shut");
        assert_eq!(said.at, said.halted_at, "the newest time of all");
        let off: Vec<_> = said.strategies.iter().map(|it| it.is_disabled).collect();
        assert_eq!(off, [false, true]);
        assert!(said.is_flat());
        let text = said.render();
        assert!(
            text.contains("shut since 2026-03-08 20:00:00.500, by the operator"),
            "{text}"
        );
        assert!(text.contains("ifd on NQ: 0 signals, disabled"), "{text}");
    }

    #[test]
    fn it_is_the_same_after_the_way_through_a_line() {
        let said = standing([
            Record::Contract(contract()),
            intended(1, Side::Bid, 3, 0xAB),
        ]);
        let line = serde_json::to_string(&said).expect("plain data");
        assert_eq!(
            serde_json::from_str::<Standing>(&line).expect("the same"),
            said
        );
    }
}
