//! The invariants I1–I8 and I10–I14, held against what happens, by code that shares nothing
//! with what it checks: positions are summed anew from reports, lives of orders are followed anew.
//!
//! After every input: I2 of its book, I3 to I8, I10, I13, I14, and I11 of what was said. Every 16th: I1
//! of its book. Every 1,024th and at the end: I1 of every book, I12, and positions and earnings
//! to the last unit. I9 is about rings, of which one thread has none; the tests of
//! `core::ring` and of the layouts hold it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use undertow_cold::journal::{self, Moment, State};
use undertow_core::book::{Book, Books, Violation};
use undertow_core::event::{Notice, Operator, Touch, Trust};
use undertow_core::gateway::Gateway;
use undertow_core::money::Money;
use undertow_core::order::{
    ClientOrderId, ExecReport, Execution, ReportKind, SignalId, StrategyId,
};
use undertow_core::risk::{Command, Gate, Line, Risk, RiskCounters};
use undertow_core::types::{BookKey, Nanos, Side};
use undertow_strategies::decide::Outcome;
use undertow_strategies::decide::counters::Counters;
use undertow_strategies::decide::features::StrikeGex;
use undertow_strategies::flow::{FlowUpdate, Reading};
use undertow_strategies::trade::Trader;
use undertow_strategies::trade::chain::Sums;
use undertow_strategies::trade::event::{Asked, Decided, TradeEvent};

use super::gateway::is_end;
use super::record::Entry;
use crate::session;

/// An invariant of `reliability`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Invariant {
    /// A level is the sum of its orders.
    I1,
    /// A book that is good is not crossed.
    I2,
    /// Everything considered is accounted for.
    I3,
    /// A position is the sum of its executions.
    I4,
    /// The worst case of a position is within its limit.
    I5,
    /// What is sent was said before.
    I6,
    /// One signal has one live order that opens.
    I7,
    /// Nothing that opens leaves after a halt.
    I8,
    /// Sequences and times go forward.
    I10,
    /// Measures and probabilities are in their ranges, and finite.
    I11,
    /// The whole is the sum of its strikes.
    I12,
    /// A fold of the journal comes to the same ledger.
    I13,
    /// A shadow reaches nobody.
    I14,
    /// Whatever is held, somebody looks after its exits. Beyond the fourteen.
    Exits,
    /// No signal of a strategy that the operator has disabled is emitted.
    Wanted,
    /// Nothing panics.
    Panic,
}

/// What was seen that must not be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breach {
    /// Which invariant.
    pub invariant: Invariant,
    /// What was seen.
    pub seen: String,
}

impl Breach {
    pub(super) fn new(invariant: Invariant, seen: impl Into<String>) -> Self {
        Self {
            invariant,
            seen: seen.into(),
        }
    }
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.invariant, self.seen)
    }
}

type Checked = Result<(), Breach>;

fn holds(is_so: bool, invariant: Invariant, seen: impl FnOnce() -> String) -> Checked {
    if is_so {
        Ok(())
    } else {
        Err(Breach::new(invariant, seen()))
    }
}

/// An order as the record tells of it.
#[derive(Clone, Copy, Debug)]
struct Ours {
    signal: u64,
    opens: bool,
    quantity: u32,
    is_sent: bool,
    is_over: bool,
}

/// What was executed of one contract, by the venue's id.
#[derive(Clone, Debug, Default)]
struct Fills {
    /// The newest revision of each execution.
    executions: BTreeMap<u64, Execution>,
    /// Contracts that corrections have taken back: what they opened up again was not our doing.
    taken_back: i64,
}

impl Fills {
    fn take(&mut self, execution: &Execution) {
        let id = execution.id;
        let known = self.executions.get(&id.base).copied();
        if known.is_some_and(|known| known.id.revision >= id.revision) {
            return;
        }
        let before = known.map_or(0, |known| known.quantity);
        self.taken_back += i64::from(before.saturating_sub(execution.quantity));
        self.executions.insert(id.base, *execution);
    }

    fn held(&self) -> i64 {
        self.executions.values().map(signed).sum()
    }

    /// What all of it earned at a mark, after fees, in the account's unit.
    fn earned(&self, line: &Line) -> Option<Money> {
        let mark = line.view.mark;
        let held = self.held();
        if held != 0 && !mark.is_defined() {
            return None;
        }
        let paid: i128 = self
            .executions
            .values()
            .map(|it| i128::from(signed(it)) * i128::from(it.price.0))
            .sum();
        let worth = if held == 0 {
            0
        } else {
            i128::from(held) * i128::from(mark.0)
        };
        let fees = self.executions.values().filter_map(|it| it.fee);
        let fees = fees.fold(Money::ZERO, |sum, fee| sum + fee);
        Some(line.contract.value(worth - paid) - fees)
    }
}

fn signed(execution: &Execution) -> i64 {
    match execution.side {
        Side::Bid => i64::from(execution.quantity),
        Side::Ask => -i64::from(execution.quantity),
        Side::None => 0,
    }
}

/// What the record says so far.
#[derive(Debug, Default)]
pub(super) struct Checker {
    orders: BTreeMap<u64, Ours>,
    /// Filled of each order, by newest revisions.
    filled: BTreeMap<u64, BTreeMap<u64, (u16, u32)>>,
    fills: BTreeMap<BookKey, Fills>,
    /// What was held of a contract when it was settled.
    settled: BTreeMap<BookKey, i64>,
    cancels_said: BTreeSet<u64>,
    /// Cancels of a kill leave at once, and are said after it: these must still be said.
    cancels_owed: BTreeSet<u64>,
    gate: Gate,
    /// The operator has resumed, and that is not said yet.
    is_resuming: bool,
    /// The program has shut the gate itself.
    is_mute: bool,
    /// Rule sets of which the operator wants no signals, as far as the chain has said so.
    disabled: BTreeSet<u8>,
    now: Nanos,
    last_id: u64,
    sequence: Option<u64>,
    is_shadow: bool,
    /// The journal of it, folded as it would be read.
    folded: State,
    journalled: u64,
    signals: u64,
    /// What was held over a restart, whose earnings begin anew with it.
    carried: BTreeSet<BookKey>,
}

impl Checker {
    pub(super) fn new(is_shadow: bool) -> Self {
        Self {
            is_shadow,
            ..Self::default()
        }
    }

    /// The journal of it, folded.
    pub(super) const fn folded(&mut self) -> &mut State {
        &mut self.folded
    }

    /// The signal of the last order that opens.
    pub(super) fn last_signal(&self) -> Option<SignalId> {
        let mut orders = self.orders.values().rev();
        let order = orders.find(|order| order.opens)?;
        Some(SignalId(order.signal))
    }

    /// The process has died, and a new one goes on from `state`. What the dead one has sent is in
    /// it; what it has not sent never was. `settled` is what was held of contracts then.
    pub(super) fn restart(&mut self, state: State, settled: BTreeMap<BookKey, i64>) -> Checked {
        let next = state.next_id().0;
        let unknown = self
            .orders
            .iter()
            .find(|(id, ours)| ours.is_sent && **id >= next);
        holds(unknown.is_none(), Invariant::I6, || {
            format!("order {unknown:?} was sent, and the disk does not know it")
        })?;
        self.orders.retain(|_, ours| ours.is_sent);
        self.last_id = next - 1;
        self.cancels_owed.clear();
        self.now = state.until();
        self.gate = state.halt().gate;
        self.is_resuming = false;
        self.is_mute = false;
        self.disabled = state.disabled().collect();
        self.journalled = state.records();
        self.carried.extend(self.fills.keys());
        self.settled = settled;
        self.folded = state;
        Ok(())
    }

    /// The next input.
    pub(super) fn input(&mut self, sequence: u64) -> Checked {
        let follows = self.sequence.is_none_or(|last| sequence == last + 1);
        let last = self.sequence.replace(sequence);
        holds(follows, Invariant::I10, || {
            format!("input {sequence} follows {last:?}")
        })
    }

    /// One thing that happened.
    pub(super) fn take(&mut self, entry: &Entry) -> Checked {
        match entry {
            Entry::Said(event) => self.said(event),
            Entry::Ordered(operator) => {
                self.is_resuming |= matches!(operator, Operator::Resume(_));
                self.gate = match operator {
                    Operator::Halt => self.gate.max(Gate::ReduceOnly),
                    Operator::Kill => Gate::Shut,
                    Operator::Resume(_) => Gate::Open,
                    // What was killed is let out to be closed, unless the program shut itself.
                    Operator::Flatten if self.is_mute => self.gate.max(Gate::ReduceOnly),
                    Operator::Flatten => Gate::ReduceOnly,
                    Operator::CancelAll
                    | Operator::Clear(..)
                    | Operator::Close(_)
                    | Operator::Disable(_)
                    | Operator::Enable(_)
                    | Operator::Tighten(_) => self.gate,
                };
                Ok(())
            }
            Entry::Noticed(notice) => {
                if let Notice::Halt(gate, _) = notice {
                    self.gate = self.gate.max(*gate);
                    self.is_mute |= *gate == Gate::Shut;
                }
                Ok(())
            }
            Entry::Sent(command) => self.sent(command),
            Entry::Told(report) => self.told(report),
        }
    }

    fn said(&mut self, event: &TradeEvent) -> Checked {
        let (folded, count) = (&mut self.folded, &mut self.journalled);
        session::records(event, &mut self.signals, |record| {
            let entry = journal::Entry {
                sequence: *count,
                moment: Moment::default(),
                record: *record,
            };
            *count += 1;
            folded.fold(&entry);
        });
        match event {
            TradeEvent::Decided(decided) => {
                self.pass(decided.decision.moment.now)?;
                self.check_wanted(decided)?;
                check_decided(decided)
            }
            TradeEvent::Asked(asked) => self.asked(asked),
            TradeEvent::Cancelled(cancel, at) => {
                self.cancels_said.insert(cancel.id().0);
                self.cancels_owed.remove(&cancel.id().0);
                self.pass(*at)
            }
            TradeEvent::Halted(halt) => {
                // What the operator ordered is known already; the chain may halt by itself. What
                // waited to be said until the operator had resumed is over.
                if halt.gate == Gate::Open {
                    self.is_resuming = false;
                } else if !self.is_resuming {
                    self.gate = self.gate.max(halt.gate);
                }
                Ok(())
            }
            TradeEvent::Settled(contract, _, held) => {
                *self.settled.entry(*contract).or_default() += held;
                Ok(())
            }
            TradeEvent::Ordered(operator, at) => {
                match operator {
                    Operator::Disable(StrategyId(place)) => {
                        self.disabled.insert(*place);
                    }
                    Operator::Enable(StrategyId(place)) => {
                        self.disabled.remove(place);
                    }
                    _ => {}
                }
                self.pass(*at)
            }
            TradeEvent::Reported(..)
            | TradeEvent::Listed(_)
            | TradeEvent::Marked(..)
            | TradeEvent::Kept(_)
            | TradeEvent::Limited(_)
            | TradeEvent::Checkpoint(_) => Ok(()),
        }
    }

    /// Nothing is emitted that the operator wants no more of.
    fn check_wanted(&self, decided: &Decided) -> Checked {
        let place = u8::try_from(decided.place).unwrap_or(u8::MAX);
        let is_emitted = matches!(decided.decision.outcome, Outcome::Emitted(_));
        let is_wanted = !is_emitted || !self.disabled.contains(&place);
        holds(is_wanted, Invariant::Wanted, || {
            format!("rule set {place} is disabled, and a signal of it is out")
        })
    }

    fn asked(&mut self, asked: &Asked) -> Checked {
        self.pass(asked.ts)?;
        let Some(ClientOrderId(id)) = asked.order else {
            return Ok(());
        };
        let last = self.last_id;
        holds(id > last, Invariant::I10, || {
            format!("order {id} follows order {last}")
        })?;
        self.last_id = id;
        let intent = &asked.intent;
        if intent.purpose.opens() {
            let is_sound = asked.touch.is_two_sided() && asked.touch.bid < asked.touch.ask;
            holds(is_sound, Invariant::I2, || {
                format!("order {id} opens on a crossed book: {:?}", asked.touch)
            })?;
        }
        self.orders.insert(
            id,
            Ours {
                signal: intent.signal_id.0,
                opens: intent.purpose.opens(),
                quantity: intent.quantity,
                is_sent: false,
                is_over: false,
            },
        );
        Ok(())
    }

    fn pass(&mut self, at: Nanos) -> Checked {
        let now = self.now;
        self.now = now.max(at);
        holds(at >= now, Invariant::I10, || {
            format!("time {} follows {}", at.0, now.0)
        })
    }

    fn sent(&mut self, command: &Command) -> Checked {
        match command {
            Command::Cancel(cancel) => {
                let id = cancel.id().0;
                if !self.cancels_said.contains(&id) {
                    self.cancels_owed.insert(id);
                }
                Ok(())
            }
            Command::Place(order) => {
                let id = order.id().0;
                let Some(ours) = self.orders.get(&id).copied() else {
                    let seen = format!("order {id} left unsaid");
                    return Err(Breach::new(Invariant::I6, seen));
                };
                holds(!ours.is_sent, Invariant::I6, || {
                    format!("order {id} left twice")
                })?;
                let may_leave = match self.gate {
                    Gate::Open => true,
                    Gate::ReduceOnly => !ours.opens,
                    Gate::Shut => false,
                };
                let gate = self.gate;
                holds(may_leave, Invariant::I8, || {
                    format!("order {id} left while the gate was {}", gate.name())
                })?;
                self.check_only_one(id, &ours)?;
                if let Some(ours) = self.orders.get_mut(&id) {
                    ours.is_sent = true;
                }
                Ok(())
            }
        }
    }

    /// I7, by the lives that the record tells.
    fn check_only_one(&self, id: u64, ours: &Ours) -> Checked {
        let twin = self.orders.iter().find(|(other, it)| {
            **other != id
                && ours.opens
                && it.opens
                && it.is_sent
                && !it.is_over
                && it.signal == ours.signal
        });
        holds(twin.is_none(), Invariant::I7, || {
            let twin = twin.map_or(0, |(twin, _)| *twin);
            let signal = ours.signal;
            format!("order {id} left while order {twin} of signal {signal:016x} lived")
        })
    }

    fn told(&mut self, report: &ExecReport) -> Checked {
        if let ReportKind::Executed(execution) = &report.kind {
            let is_shadow = self.is_shadow;
            holds(!is_shadow, Invariant::I14, || {
                format!("order {} was executed in the shadow", report.id.0)
            })?;
            self.fills
                .entry(report.contract)
                .or_default()
                .take(execution);
            let told = self.filled.entry(report.id.0).or_default();
            let id = execution.id;
            let known = told.entry(id.base).or_insert((id.revision, 0));
            if id.revision >= known.0 {
                *known = (id.revision, execution.quantity);
            }
        }
        let Some(ours) = self.orders.get_mut(&report.id.0) else {
            return Ok(());
        };
        let told = self.filled.get(&report.id.0);
        let filled: u32 = told.map_or(0, |told| told.values().map(|(_, size)| *size).sum());
        ours.is_over |= is_end(&report.kind) || filled >= ours.quantity;
        Ok(())
    }

    /// What holds after every input that wrote something.
    /// Positions are looked at only once a new process `knows` what the dead one was told.
    pub(super) fn after<G: Gateway>(&self, trader: &Trader<G>, knows: bool) -> Checked {
        let risk = trader.risk();
        if knows {
            self.check_held(trader)?;
        }
        check_conserved(&trader.decide().totals(), risk.counters())?;
        self.check_folded(trader)?;
        let is_said = self.cancels_owed.is_empty() || trader.waiting() > 0;
        holds(is_said, Invariant::I6, || {
            format!("cancels left unsaid: {:?}", self.cancels_owed)
        })?;
        let has_halted = risk.halted().gate >= self.gate;
        holds(has_halted, Invariant::I8, || {
            let gate = risk.halted().gate.name();
            format!("the gate is {gate} after a halt")
        })
    }

    /// I4 and I5, and that somebody looks after what is held.
    fn check_held<G: Gateway>(&self, trader: &Trader<G>) -> Checked {
        let risk = trader.risk();
        self.check_positions(risk)?;
        self.check_reach(risk, risk.limits().position_quantity_max)?;
        for line in risk.lines() {
            let key = line.contract.key;
            let (held, looked_after) = (line.position.quantity(), trader.looked_after(key));
            check_looked_after(key, held, looked_after)?;
        }
        Ok(())
    }

    /// I13, whenever all that was done was said.
    fn check_folded<G: Gateway>(&self, trader: &Trader<G>) -> Checked {
        if let Some(breach) = self.folded.breaches().first() {
            let seen = format!("record {}: {:?}", breach.sequence, breach.kind);
            return Err(Breach::new(Invariant::I13, seen));
        }
        let (live, folded) = (trader.risk().ledger_digest(), self.folded.digest());
        holds(
            trader.waiting() > 0 || live == folded,
            Invariant::I13,
            || format!("the ledger is {live:016x}, the journal folds to {folded:016x}"),
        )
    }

    /// I4 by every contract.
    fn check_positions(&self, risk: &Risk) -> Checked {
        for line in risk.lines() {
            let key = line.contract.key;
            let told = self.fills.get(&key).map_or(0, Fills::held);
            let told = told - self.settled.get(&key).copied().unwrap_or(0);
            let held = line.position.quantity();
            holds(held == told, Invariant::I4, || {
                format!("{key:?}: {held} held, executions sum to {told}")
            })?;
        }
        Ok(())
    }

    /// I5 by every contract.
    pub(super) fn check_reach(&self, risk: &Risk, limit: i64) -> Checked {
        for line in risk.lines() {
            let key = line.contract.key;
            let taken_back = self.fills.get(&key).map_or(0, |fills| fills.taken_back);
            let (most, least) = line.reach();
            let is_within = most <= limit + taken_back && least >= -(limit + taken_back);
            holds(is_within, Invariant::I5, || {
                format!("{key:?}: {least} to {most} may be held, the limit is {limit}")
            })?;
        }
        Ok(())
    }

    /// What costs more, now and then and at the end.
    pub(super) fn all<G: Gateway>(&self, books: &Books<'_>, trader: &Trader<G>) -> Checked {
        for book in books.iter() {
            check_book(&book)?;
        }
        for watch in trader.watches() {
            if let Some(sums) = watch.chain.sums() {
                check_strikes(sums, watch.chain.by_strike())?;
            }
        }
        for line in trader.risk().lines() {
            let key = line.contract.key;
            let Some(fills) = self
                .fills
                .get(&key)
                .filter(|_| !self.settled.contains_key(&key) && !self.carried.contains(&key))
            else {
                continue;
            };
            let ours = line.position.total(&line.contract, line.view.mark);
            let summed = fills.earned(line);
            let apart = ours.zip(summed).map(|(a, b)| (a - b).0.abs());
            holds(
                ours.is_some() == summed.is_some() && apart.unwrap_or(0) <= 1,
                Invariant::I4,
                || format!("{key:?}: earned {ours:?}, executions sum to {summed:?}"),
            )?;
        }
        Ok(())
    }

    /// Orders said so far, and those that open.
    pub(super) fn orders(&self) -> (u64, u64) {
        let opening = self.orders.values().filter(|ours| ours.opens).count();
        (self.orders.len() as u64, opening as u64)
    }

    pub(super) const fn now(&self) -> Nanos {
        self.now
    }
}

/// I1 and I2 of one book, walked through.
pub(super) fn check_book(book: &Book<'_>) -> Checked {
    book.check().map_err(|violation| {
        let invariant = match violation {
            Violation::Crossed(_) => Invariant::I2,
            _ => Invariant::I1,
        };
        Breach::new(invariant, violation.to_string())
    })
}

/// I2 after an event.
pub(super) fn check_touch(trust: Trust, touch: &Touch) -> Checked {
    let is_crossed = touch.is_crossed() || touch.is_locked();
    holds(trust != Trust::Good || !is_crossed, Invariant::I2, || {
        format!("a good book is crossed: {touch:?}")
    })
}

/// I3.
pub(super) fn check_conserved(decide: &Counters, risk: &RiskCounters) -> Checked {
    holds(decide.is_conserved(), Invariant::I3, || {
        format!("evaluations were lost: {decide:?}")
    })?;
    holds(risk.is_conserved(), Invariant::I3, || {
        format!("intents were lost: {risk:?}")
    })
}

/// Whatever is held, somebody looks after its exits.
pub(super) fn check_looked_after(key: BookKey, held: i64, looked_after: i64) -> Checked {
    holds(held == looked_after, Invariant::Exits, || {
        format!("{key:?}: {held} held, exits look after {looked_after}")
    })
}

/// I12, and that the sums are numbers.
pub(super) fn check_strikes(sums: &Sums, by_strike: &[StrikeGex]) -> Checked {
    let sum: f64 = by_strike.iter().map(|level| level.gex).sum();
    let size: f64 = by_strike.iter().map(|level| level.gex.abs()).sum();
    let is_sum = (sum - sums.gex).abs() <= 1e-9 * size.max(f64::MIN_POSITIVE);
    holds(is_sum && sums.dex.is_finite(), Invariant::I12, || {
        format!("gamma by strike sums to {sum}, the whole is {}", sums.gex)
    })
}

/// I11 of what an event left behind.
pub(super) fn check_update(update: &FlowUpdate) -> Checked {
    let Some(reading) = &update.reading else {
        return Ok(());
    };
    check_reading(reading)
}

pub(super) fn check_reading(reading: &Reading) -> Checked {
    let vpins = [&reading.vpin, &reading.vpin_bulk];
    let values = vpins.into_iter().flatten().map(|vpin| vpin.value);
    let shares = values
        .chain(reading.toxicity)
        .chain(reading.hidden)
        .chain(reading.pattern)
        .chain(reading.quality);
    for share in shares {
        holds((0.0..=1.0).contains(&share), Invariant::I11, || {
            format!("a share is {share}: {reading:?}")
        })?;
    }
    let signed = reading.vpin.and_then(|vpin| vpin.signed);
    let is_signed = signed.is_none_or(|signed| (-1.0..=1.0).contains(&signed));
    let others = [
        reading.imbalance_volatility,
        reading.imbalance_velocity,
        reading.volatility,
    ];
    let are_finite = others.into_iter().flatten().all(f64::is_finite);
    holds(is_signed && are_finite, Invariant::I11, || {
        format!("a measure is no number: {reading:?}")
    })
}

/// I11 of a decision.
fn check_decided(decided: &Decided) -> Checked {
    let decision = &decided.decision;
    if let Some(card) = &decision.card {
        holds(card.confidence() <= 100, Invariant::I11, || {
            format!("confidence is {}", card.confidence())
        })?;
    }
    let Some(seen) = &decision.seen else {
        return Ok(());
    };
    let is_share = (0.0..=1.0).contains(&seen.vpin) && (0.0..=1.0).contains(&seen.obi);
    let numbers = [seen.gex, seen.gex_z, seen.dex, seen.dex_z, seen.toxicity];
    let are_finite = numbers.into_iter().flatten().all(f64::is_finite);
    holds(is_share && are_finite, Invariant::I11, || {
        format!("a feature is no number: {seen:?}")
    })
}
