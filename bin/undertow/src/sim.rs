//! Simulation: the whole program on one thread, single-stepped from one seed, with faults.
//!
//! A synthetic session is decoded and replayed through the chain of books, flow, decisions, risk
//! and gateway, exactly the stages that run on tiles. Feed, clock, venue and operator misbehave
//! by chance drawn from the seed ([`Fault`]), the journal's disk fails, the
//! process dies and goes on from what that disk has, and invariants are held after every input (see
//! [`Invariant`]). The first breach ends the run; the same seed repeats it, input for input.

mod chance;
mod check;
mod disk;
mod faults;
mod gateway;
mod input;
mod record;
#[cfg(test)]
mod tests;
mod world;

pub use check::{Breach, Invariant};
pub use faults::{Fault, FaultCounts, Rates};

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use anyhow::Result;
use bumpalo::Bump;
use undertow_cold::journal::{Build, Start};
use undertow_core::book::{BookLimits, Books};
use undertow_core::event::{Control, FeedNotice, Mbo, Notice, Stamp};
use undertow_core::gateway::{Gateway, Shadow};
use undertow_core::risk::{AccountId, Gate, HaltCause, Kept, Mode, Refusal};
use undertow_core::stage::{Emit, Sink, Source, Stage};
use undertow_core::types::{Flags, Nanos};
use undertow_feeds::replay::Replay;
use undertow_feeds::synthetic::{FaultKind, SessionConfig, Truth, write_session};
use undertow_strategies::decide::counters::{Block, Counters};
use undertow_strategies::flow::FlowOutput;
use undertow_strategies::ifd::baseline::Table;
use undertow_strategies::trade::stage::Desk;

use check::{Checker, check_book, check_touch, check_update};
use disk::Disk;
use gateway::{Faulty, Plant};
use input::{Input, Snapshots};
use record::{Entry, Record};

use crate::profile::Profile;
use crate::session;

/// One in so many seeds runs in the shadow.
const SHADOW_EVERY: u64 = 8;

/// The book of an event is walked every so many inputs, all of them every so many.
const BOOK_EVERY: u64 = 16;
const ALL_EVERY: u64 = 1_024;

/// Books in doubt are shown again every so many inputs.
const RECOVER_EVERY: u64 = 512;

/// What to simulate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ask {
    /// Everything follows from it.
    pub seed: u64,
    /// Minutes of market, at least 1.
    pub minutes: u32,
    /// How often things go wrong.
    pub rates: Rates,
}

/// What a simulation saw.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Inputs, control too.
    pub inputs: u64,
    /// Event time that passed, ns.
    pub market_ns: u64,
    /// Signals emitted.
    pub signals: u64,
    /// Evaluations that came to none, by what stopped them.
    pub stopped: BTreeMap<&'static str, u64>,
    /// Intents that risk saw.
    pub intents: u64,
    /// Of those, refused, by the check that did.
    pub refused: BTreeMap<&'static str, u64>,
    /// Orders, and those of them that open.
    pub orders: u64,
    /// Orders that open a position.
    pub entries: u64,
    /// Executions.
    pub fills: u64,
    /// Cancels that left.
    pub cancels: u64,
    /// Faults between the parts.
    pub faults: FaultCounts,
    /// Faults in records, by their names.
    pub spoiled: BTreeMap<&'static str, u64>,
    /// Runs in the shadow.
    pub shadows: u64,
    /// A digest of everything that was written down.
    pub digest: u64,
}

impl Tally {
    /// Adds another run.
    pub fn add(&mut self, other: &Self) {
        self.inputs += other.inputs;
        self.market_ns += other.market_ns;
        self.signals += other.signals;
        self.intents += other.intents;
        self.orders += other.orders;
        self.entries += other.entries;
        self.fills += other.fills;
        self.cancels += other.cancels;
        self.shadows += other.shadows;
        self.faults.add(&other.faults);
        for (mine, theirs) in [
            (&mut self.spoiled, &other.spoiled),
            (&mut self.refused, &other.refused),
            (&mut self.stopped, &other.stopped),
        ] {
            for (name, count) in theirs {
                *mine.entry(name).or_default() += count;
            }
        }
        // Whatever order the runs end in, the sum is the same.
        self.digest = self.digest.wrapping_add(other.digest);
    }
}

/// A run that broke an invariant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// Its seed.
    pub seed: u64,
    /// The input at which it was seen, from 0.
    pub step: u64,
    /// The event time then.
    pub at: Nanos,
    /// Which invariant, and what was seen.
    pub breach: Breach,
}

/// Simulates one seed.
///
/// # Errors
/// The simulation itself cannot be set up, which is a fault of its own.
pub fn run(ask: &Ask) -> Result<Result<Tally, Box<Broken>>> {
    run_with(ask, None)
}

/// The same with something broken on purpose.
fn run_with(ask: &Ask, planted: Option<Plant>) -> Result<Result<Tally, Box<Broken>>> {
    let config = world::session(ask.seed, ask.minutes, ask.rates != Rates::NONE);
    let mut bytes = Vec::new();
    let mut truth = Truth::default();
    write_session(&config, &mut bytes, &mut truth)?;
    let profile = world::profile(ask.seed)?;
    let job = Job {
        ask,
        config: &config,
        profile: &profile,
        planted,
    };
    let mut outcome = if ask.seed % SHADOW_EVERY == SHADOW_EVERY - 1 {
        let shadow = Shadow::new(profile.capacity.orders_max);
        job.drive(&bytes, Mode::Shadow, shadow)?
    } else {
        job.drive(&bytes, Mode::Paper, world::venue(&profile)?)?
    };
    if let Ok(tally) = &mut outcome {
        for fault in &truth.faults {
            *tally
                .spoiled
                .entry(FaultKind::name(fault.fault))
                .or_default() += 1;
        }
    }
    Ok(outcome)
}

struct Job<'a> {
    ask: &'a Ask,
    config: &'a SessionConfig,
    profile: &'a Profile,
    planted: Option<Plant>,
}

impl Job<'_> {
    fn drive<G: Gateway>(
        &self,
        bytes: &[u8],
        mode: Mode,
        gateway: G,
    ) -> Result<Result<Tally, Box<Broken>>> {
        let limits = world::books();
        let arena = Bump::with_capacity(limits.bytes());
        let start = world::start(self.config);
        let mut bench = self.bench(&arena, &limits, mode, gateway)?;
        let mut feed = Replay::new([bytes]);
        while !feed.read_headers() {}
        let driven = catch_unwind(AssertUnwindSafe(|| bench.drive(&mut feed)));
        let mut driven = driven;
        while driven.is_ok() && bench.is_dead {
            bench = self.reborn(bench, mode)?;
            driven = catch_unwind(AssertUnwindSafe(|| bench.drive(&mut feed)));
        }
        if let Err(panic) = driven {
            let seen = words(&*panic);
            bench.breach = Some(Breach::new(Invariant::Panic, seen));
        }
        let mut outcome = bench.outcome(self.ask.seed, start);
        if let (Ok(tally), Mode::Shadow) = (&mut outcome, mode) {
            tally.shadows = 1;
        }
        Ok(outcome)
    }

    /// How the journal of a process begins.
    fn start(&self, mode: Mode, kept: Kept) -> Start {
        Start {
            build: Build::from_bytes(b"simulated"),
            config_hash: 0,
            input_hash: self.ask.seed,
            mode,
            account: AccountId(self.profile.account),
            kept,
        }
    }

    /// A new process goes on from what the disk has; market, venue and operator went on without.
    fn reborn<'a, G: Gateway>(&self, bench: Bench<'a, G>, mode: Mode) -> Result<Bench<'a, G>> {
        let past = bench.counted();
        let Desk {
            books,
            flow,
            trader,
            ..
        } = bench.desk;
        // A run that ends by itself leaves its halt; one that is killed may have said it, or not.
        let halted = bench.has_stopped.then(|| trader.risk().kept());
        let mut gateway = trader.into_gateway();
        gateway.tell_again();
        let (mut state, settled) = bench.disk.die();
        let mut kept = match state.kept() {
            Some(kept) => kept,
            None => session::first_kept(self.profile, world::start(self.config))?,
        };
        if let Some(halted) = halted {
            kept = session::strictest(&halted, kept);
        }
        let mut risk = session::risk((self.profile, mode), &kept)?;
        state.restore(&mut risk)?;
        let taken_up = session::past(&state);
        bench.disk.begin(&self.start(mode, risk.kept()), &mut state);
        let (live, folded) = (risk.ledger_digest(), state.digest());
        let instruments_max = world::books().instruments_max as usize;
        let trader = session::trader_with((self.profile, mode), (risk, gateway), instruments_max)?;
        let trader = trader.witnessed(Box::new(bench.disk.clone()), None);
        let mut trader = trader.resumed(&taken_up);
        for control in &bench.controls {
            trader.on_control(control);
        }
        let mut checker = bench.checker;
        let mut breach = checker.restart(state, settled).err();
        if live != folded {
            let seen = format!("restored is {live:016x}, the journal folds to {folded:016x}");
            breach.get_or_insert(Breach::new(Invariant::I13, seen));
        }
        let mut input = bench.input;
        if trader.risk().halted().gate != Gate::Open {
            input.resume_later();
        }
        Ok(Bench {
            desk: Desk::new(books, flow, trader),
            checker,
            input,
            breach,
            past,
            has_stopped: false,
            ..bench
        })
    }

    /// The chain before its first input, in its surroundings.
    fn bench<'a, G: Gateway>(
        &self,
        arena: &'a Bump,
        limits: &BookLimits,
        mode: Mode,
        gateway: G,
    ) -> Result<Bench<'a, G>> {
        let record = Record::default();
        let (seed, rates) = (self.ask.seed, self.ask.rates);
        let mut gateway = Faulty::new(gateway, record.clone(), rates, seed);
        gateway.plant = self.planted;
        let instruments_max = limits.instruments_max as usize;
        let kept = session::first_kept(self.profile, world::start(self.config))?;
        let trader = session::trader((self.profile, mode), gateway, instruments_max, &kept)?;
        let disk = Disk::new(rates, seed);
        let mut checker = Checker::new(mode == Mode::Shadow);
        disk.begin(&self.start(mode, kept), checker.folded());
        let trader = trader.witnessed(Box::new(disk.clone()), None);
        Ok(Bench {
            desk: Desk::new(
                Books::new_in(arena, limits)?,
                session::flow_stage(world::flow(), limits, Table::default()),
                trader,
            ),
            record,
            input: Input::new(rates, seed),
            checker,
            disk,
            controls: Vec::new(),
            is_dead: false,
            has_stopped: false,
            past: Past::default(),
            entries: Vec::new(),
            step: 0,
            digest: 0,
            cancels: 0,
            breach: None,
            #[cfg(test)]
            history: Vec::new(),
        })
    }
}

/// What dead processes have counted.
#[derive(Debug, Default)]
struct Past {
    signals: u64,
    intents: u64,
    refused: BTreeMap<&'static str, u64>,
    stopped: BTreeMap<&'static str, u64>,
}

/// The chain, everything around it, and the checker that watches.
struct Bench<'a, G> {
    desk: Desk<'a, Faulty<G>>,
    record: Record,
    input: Input,
    checker: Checker,
    disk: Disk,
    /// What the feed has told of contracts, for a new process to hear.
    controls: Vec<Control>,
    is_dead: bool,
    /// Whether the chain was told that its journal has failed.
    has_stopped: bool,
    past: Past,
    entries: Vec<Entry>,
    step: u64,
    digest: u64,
    cancels: u64,
    breach: Option<Breach>,
    /// Everything that was ever written.
    #[cfg(test)]
    history: Vec<Entry>,
}

/// Where the chain speaks.
struct Ear<'r> {
    record: &'r Record,
    disk: &'r Disk,
    breach: &'r mut Option<Breach>,
}

impl Emit<FlowOutput> for Ear<'_> {
    fn emit(&mut self, output: &FlowOutput) {
        match output {
            FlowOutput::Update(update) => {
                if let Err(breach) = check_update(update) {
                    self.breach.get_or_insert(breach);
                }
            }
            FlowOutput::Finding(_) => {}
            FlowOutput::Trade(event) => {
                self.disk.note(event);
                self.record.write(Entry::Said(Box::new(*event)));
            }
        }
    }
}

impl<G: Gateway> Sink<Mbo> for Bench<'_, G> {
    fn room(&mut self) -> usize {
        usize::MAX
    }

    fn data(&mut self, stamp: Stamp, mbo: &Mbo) {
        self.note(|checker| checker.input(stamp.sequence));
        if let Some(notice) = self.input.notice() {
            self.lose_feed(notice);
        }
        if stamp.sequence.is_multiple_of(RECOVER_EVERY) {
            let doubted = self.input.snapshots(&self.desk.books, Snapshots::Doubted);
            self.show_again(&doubted);
        }
        let is_at_work = self.desk.trader.waiting() > 0;
        if let Some(operator) = self.input.order(is_at_work, self.checker.last_signal()) {
            self.record.write(Entry::Ordered(operator));
            self.control_step(&Control::Operator(operator));
        }
        if let Some(context) = self.input.volatility() {
            self.control_step(&Control::Context(context));
        }
        let mbo = self.input.arrive(mbo);
        self.data_step(&mbo);
        self.attend();
    }

    fn control(&mut self, stamp: Stamp, control: &Control) {
        self.note(|checker| checker.input(stamp.sequence));
        let is_told_again = matches!(
            control,
            Control::Definition(_) | Control::Statistic(_) | Control::Status(_)
        );
        if is_told_again {
            self.controls.push(*control);
        }
        self.control_step(control);
    }
}

impl<'a, G: Gateway> Bench<'a, G> {
    /// From the first input to the last, or to the first breach.
    fn drive(&mut self, feed: &mut Replay<&[u8]>) {
        self.is_dead = false;
        while self.breach.is_none() && !self.is_dead && !feed.is_ended() && feed.take(self) {}
        if !self.is_dead {
            self.finish();
        }
    }

    /// What the cold side does between two inputs: it tells the chain how its journal is. Then the
    /// process may die, by itself or because it has nothing more to say with a journal that failed.
    fn attend(&mut self) {
        // Between two inputs a tile that spins lets its desk rehearse, which nothing may show.
        self.desk.rehearse::<Ear<'_>>();
        self.tell_of_journal();
        let is_at_work = self.desk.trader.waiting() > 0;
        let has_ended = self.has_stopped && !is_at_work;
        self.is_dead = self.breach.is_none() && (has_ended || self.disk.kills(is_at_work));
    }

    fn tell_of_journal(&mut self) {
        let notice = if self.disk.has_failed() && !self.has_stopped {
            self.has_stopped = true;
            Notice::Halt(Gate::Shut, HaltCause::Journal)
        } else if self.desk.trader.waits_for_journal() {
            Notice::Written(self.disk.written())
        } else {
            return;
        };
        self.record.write(Entry::Noticed(notice));
        self.control_step(&Control::Notice(notice));
    }

    fn note(&mut self, check: impl FnOnce(&mut Checker) -> Result<(), Breach>) {
        if self.breach.is_none()
            && let Err(breach) = check(&mut self.checker)
        {
            self.breach = Some(breach);
        }
    }

    /// The feed says that it lost something; the vendor shows every book again.
    fn lose_feed(&mut self, notice: FeedNotice) {
        let records = self.input.snapshots(&self.desk.books, Snapshots::All);
        self.control_step(&Control::Feed(notice));
        self.show_again(&records);
    }

    fn show_again(&mut self, records: &[Mbo]) {
        for mbo in records {
            self.data_step(mbo);
        }
    }

    /// The chain, and where it speaks.
    const fn desk_and_ear(&mut self) -> (&mut Desk<'a, Faulty<G>>, Ear<'_>) {
        let ear = Ear {
            record: &self.record,
            disk: &self.disk,
            breach: &mut self.breach,
        };
        (&mut self.desk, ear)
    }

    fn data_step(&mut self, mbo: &Mbo) {
        if self.breach.is_some() {
            return;
        }
        let (desk, mut ear) = self.desk_and_ear();
        desk.on_data(mbo, &mut ear);
        self.after();
        if !mbo.flags.has(Flags::LAST) || self.breach.is_some() {
            return;
        }
        let Some(book) = self.desk.books.get(mbo.key()) else {
            return;
        };
        let mut checked = check_touch(book.trust(), &book.touch());
        if self.step.is_multiple_of(BOOK_EVERY) {
            checked = checked.and_then(|()| check_book(&book));
        }
        self.breach = checked.err();
    }

    fn control_step(&mut self, control: &Control) {
        if self.breach.is_some() {
            return;
        }
        let (desk, mut ear) = self.desk_and_ear();
        desk.on_control(control, &mut ear);
        self.after();
    }

    /// Reads what was written, and checks.
    fn after(&mut self) {
        self.step += 1;
        if !self.record.is_empty() {
            self.record.drain_into(&mut self.entries);
            let entries = core::mem::take(&mut self.entries);
            for entry in &entries {
                self.digest = fold(self.digest, entry);
                self.cancels += u64::from(entry.is_cancel());
                self.note(|checker| checker.take(entry));
            }
            #[cfg(test)]
            self.history.extend(entries.iter().cloned());
            self.entries = entries;
            let trader = &self.desk.trader;
            if self.breach.is_none() {
                let knows = trader.gateway().has_told_again();
                self.breach = self.checker.after(trader, knows).err();
            }
        }
        if self.step.is_multiple_of(ALL_EVERY) {
            self.check_all();
        }
    }

    fn check_all(&mut self) {
        if self.breach.is_none() {
            let Desk { books, trader, .. } = &self.desk;
            self.breach = self.checker.all(books, trader).err();
        }
    }

    /// What waits is said, and everything is checked once more.
    fn finish(&mut self) {
        if self.breach.is_some() {
            return;
        }
        let (record, disk) = (self.record.clone(), self.disk.clone());
        while self.desk.trader.waiting() > 0 && self.breach.is_none() {
            let say = |event: &_| {
                disk.note(event);
                record.write(Entry::Said(Box::new(*event)));
            };
            self.desk.trader.speak(say);
            self.after();
            self.tell_of_journal();
        }
        self.check_all();
    }

    /// What was counted by this process and those before it.
    fn counted(&self) -> Past {
        let trader = &self.desk.trader;
        let (decide, risk) = (trader.decide().totals(), trader.risk().counters());
        let refused = Refusal::ALL.into_iter().zip(risk.refused);
        let refused = refused.map(|(check, count)| (check.name(), count));
        let sum = |before: &BTreeMap<&'static str, u64>, now: Vec<(&'static str, u64)>| {
            let mut sum = before.clone();
            for (name, count) in now.into_iter().filter(|(_, count)| *count > 0) {
                *sum.entry(name).or_default() += count;
            }
            sum
        };
        Past {
            signals: self.past.signals + decide.emitted,
            intents: self.past.intents + risk.considered,
            refused: sum(&self.past.refused, refused.collect()),
            stopped: sum(&self.past.stopped, stopped(&decide).into_iter().collect()),
        }
    }

    fn outcome(self, seed: u64, start: Nanos) -> Result<Tally, Box<Broken>> {
        if let Some(breach) = self.breach {
            return Err(Box::new(Broken {
                seed,
                step: self.step,
                at: self.checker.now(),
                breach,
            }));
        }
        let trader = &self.desk.trader;
        let (orders, entries) = self.checker.orders();
        let mut faults = self.input.counts;
        faults.add(trader.gateway().counts());
        faults.add(&self.disk.counts());
        let Past {
            signals,
            intents,
            refused,
            stopped,
        } = self.counted();
        Ok(Tally {
            inputs: self.step,
            market_ns: self.checker.now().0.saturating_sub(start.0),
            signals,
            stopped,
            intents,
            refused,
            orders,
            entries,
            fills: trader.gateway().fills(),
            cancels: self.cancels,
            faults,
            spoiled: BTreeMap::new(),
            shadows: 0,
            digest: self.digest ^ trader.risk().digest(),
        })
    }
}

/// What stopped evaluations, by name.
fn stopped(counters: &Counters) -> BTreeMap<&'static str, u64> {
    let blocked = Block::ALL.map(|block| (block.name(), counters.blocked(block)));
    let skipped = [
        ("stale features", counters.skipped_stale),
        ("missing features", counters.skipped_schema),
    ];
    let all = blocked.into_iter().chain(skipped);
    all.filter(|(_, count)| *count > 0).collect()
}

/// FNV-1a over what an entry says.
fn fold(digest: u64, entry: &Entry) -> u64 {
    let text = entry.line();
    text.bytes()
        .fold(digest ^ 0xCBF2_9CE4_8422_2325, |digest, byte| {
            (digest ^ u64::from(byte)).wrapping_mul(0x100_0000_01B3)
        })
}

/// What a panic said.
fn words(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "a panic without words".to_owned())
}
