//! The order drill: how long from when a record should have arrived until an order that it led to
//! is handed to the gateway, at a pace.
//!
//! The desk is whole (decode, books, flow, decisions, risk, paper venue) and runs on this thread.
//! Strategies decide as they always do; so that there are orders enough to tell a tail, the drill
//! asks risk for one after every so many updates of one instrument, at the bid and for this
//! instant only. Arrivals are those of the busiest second of the file, one such second after the
//! other, in as much less time as the pace says, and the records' own times go with them; an input
//! that comes late counts from when it should have come.
//!
//! The thread works as a tile that spins: a duty cycle reads the clock once and takes what has come,
//! one record in so many has its stages timed, and while nothing comes the desk rehearses.
//!
//! Records of one packet arrive together, so the last of them waits for all before it: that is ours.
//! When the processor was taken away, everything that had to wait meanwhile is late, not only the
//! order under way: such samples are counted apart, up to the moment at which nothing waits.
//!
//! Absent: a broker's line, and the link to the journal.

use std::sync::Arc;

use anyhow::{Result, ensure};
use bumpalo::Bump;
use latency_report::recorder::{Basis, Recorder, TickTo};
use latency_report::run::{Run, Share};
use undertow_core::book::Books;
use undertow_core::event::{Body, Control, Mbo, Stamp, Touch, Trust};
use undertow_core::gateway::Gateway;
use undertow_core::order::Intent;
use undertow_core::stage::{Emit, Sink, Source, Stage};
use undertow_core::types::{BookKey, Flags, Nanos};
use undertow_feeds::databento::retime;
use undertow_feeds::replay::Replay;
use undertow_strategies::flow::FlowOutput;
use undertow_strategies::trade::stage::Desk;
use undertow_strategies::trade::unbound;
use undertow_strategies::trade::understudy::{self, Understudy};

use super::field::{Field, Watched, book_limits, desk, venue};
use crate::clock::TileClock;
use crate::memory;
use crate::probe::Laps;
use crate::seal::Seal;
use crate::tile::Rehearsals;
use crate::usage::Usage;

/// Orders that may be remembered.
const ORDERS_MAX: u32 = 1 << 15;

/// Records that pass before the first that is timed, with orders: caches and tables fill.
const LEAD: usize = 2_000;

/// One record in so many has its stages timed.
const SAMPLED: usize = 16;

/// From the end of the warm-up to the first arrival.
const LEAD_NS: u64 = 1_000_000;

/// Records in one duty cycle, at most.
const BATCH_MAX: usize = 64;

/// Who gets the processor from the thread keeps it for longer than this.
const GAP_NS: u64 = 2_000;

/// The system answers within this, and its traces in the caches are overwritten.
const ANSWER_NS: u64 = 10_000;

/// A file and the arrivals that are made of it.
#[derive(Debug)]
pub struct Drill {
    bytes: Vec<u8>,
    /// The first record of the busiest second.
    first: usize,
    /// When that second began.
    start: Nanos,
    /// When records arrive within it, ns from its start.
    arrivals: Vec<u64>,
    /// The instrument of most records.
    key: BookKey,
    /// Whether the file defines its contracts.
    is_defined: bool,
}

/// How a drill is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ask {
    /// So many times the pace of the busiest second.
    pub pace: u32,
    /// Records that are timed, at most.
    pub records: usize,
    /// An order after so many updates.
    pub every: u32,
    /// Whether the desk rehearses while nothing comes, as a tile lets it.
    pub is_rehearsed: bool,
}

/// What a drill showed.
#[derive(Debug)]
pub struct Outcome {
    /// Latencies, allocations and the rest.
    pub run: Run,
    /// Records that were timed.
    pub records: u64,
    /// Orders that went to the venue.
    pub orders: u64,
    /// Orders that risk refused.
    pub refused: u64,
}

impl Drill {
    /// Reads the arrivals of a DBN file, unpacked.
    ///
    /// # Errors
    /// A file without records.
    pub fn new(bytes: Vec<u8>) -> Result<Self> {
        let mut feed = Replay::new([bytes.as_slice()]);
        ensure!(feed.read_headers(), "the file has no whole header");
        let mut records = Vec::new();
        let mut is_defined = false;
        while let Some(msg) = feed.pop() {
            if let Some(mbo) = msg.body.record() {
                // A snapshot is sent, not traded: its second is not a busy one.
                let is_live = !mbo.flags.has(Flags::SNAPSHOT);
                records.push((mbo.ts_recv.0, mbo.key(), is_live));
            }
            is_defined |= matches!(msg.body, Body::Control(Control::Definition(_)));
        }
        let (first, count) = busiest_second(&records);
        ensure!(count > 0, "the file has no live market record");
        let start = records[first].0 / NS_PER_SECOND * NS_PER_SECOND;
        let second = &records[first..first + count];
        Ok(Self {
            arrivals: second.iter().map(|record| record.0 - start).collect(),
            key: most_of(second.iter().map(|record| record.1)),
            start: Nanos(start),
            is_defined,
            first,
            bytes,
        })
    }

    /// Records of the busiest second.
    #[must_use]
    pub const fn busiest(&self) -> usize {
        self.arrivals.len()
    }

    /// At how many instants they arrive, and how many at one of them at most.
    #[must_use]
    pub fn instants(&self) -> (usize, usize) {
        let together = self.arrivals.chunk_by(|one, next| one == next);
        together.fold((0, 0), |(count, most), records| {
            (count + 1, most.max(records.len()))
        })
    }

    /// Runs the drill on the current thread, which should be pinned.
    ///
    /// # Errors
    /// No order could be made, or none was.
    pub fn run(&self, ask: Ask) -> Result<Outcome> {
        let limits = book_limits(1 << 17);
        let arena = Bump::with_capacity(limits.bytes());
        let mut field = Field::new(Books::new_in(&arena, &limits)?, ORDERS_MAX)?;
        if !self.is_defined {
            field.assume(self.key);
        }
        let schedule = Schedule::new(&self.arrivals, ask);
        let bytes = self.at_pace(&schedule);
        let mut feed = Replay::new([bytes.as_slice()]);
        feed.read_headers();
        let mut seen = 0;
        // An opening auction has no quote yet.
        while (seen < self.first || !field.is_quoted())
            && let Some(msg) = feed.pop()
        {
            seen += usize::from(msg.body.record().is_some());
            field.step(&msg.body);
        }
        field.open()?;
        let clock = Arc::new(TileClock::new());
        let laps = || Laps {
            clock: Arc::clone(&clock),
            recorders: ["book", "flow", "trade"]
                .map(|name| Recorder::sampled(name, Basis::Work, SAMPLED as u32)),
        };
        let limits = understudy::book_limits();
        let wings = Bump::with_capacity(limits.bytes());
        let books = Books::new_in(&wings, &limits)?;
        let understudy = Understudy::new(books, Watched::new(venue(ORDERS_MAX)?));
        let desk = desk((field.books, field.risk, field.venue))?;
        let mut desk = desk.understudied(understudy).timed(laps);
        desk.trader.trade(field.book_idx);
        let mut ride = Ride {
            desk,
            clock,
            probe: Probe {
                key: self.key,
                every: ask.every,
                updates: 0,
                touch: Touch::EMPTY,
                ts_event: Nanos(0),
                is_due: false,
                asked: 0,
            },
            figures: Figures::new(0),
        };
        while ride.probe.updates < LEAD as u32
            && let Some(msg) = feed.pop()
        {
            match &msg.body {
                Body::Data(mbo) => {
                    seen += 1;
                    ride.take(mbo);
                }
                Body::Control(control) => ride.desk.on_control(control, &mut ride.probe),
            }
        }
        ride.forget(ask.records);
        ride.timed(&mut feed, schedule.after(seen - self.first), ask)
    }

    /// The file at a pace: from the busiest second on the market's time goes by as records arrive. An
    /// event is one instant, that of its first record.
    fn at_pace(&self, schedule: &Schedule) -> Vec<u8> {
        let mut bytes = self.bytes.clone();
        let (mut nth, mut event) = (0, (Nanos(0), Nanos(0)));
        retime(&mut bytes, |ts_event, ts_recv| {
            let since = usize::checked_sub(nth, self.first);
            nth += 1;
            let Some(since) = since else {
                return (ts_event, ts_recv);
            };
            let received = Nanos(self.start.0 + schedule.offset_ns(since));
            if event.0 != ts_event {
                let ago_ns = ts_recv.0.saturating_sub(ts_event.0);
                event = (
                    ts_event,
                    Nanos(received.0.saturating_sub(ago_ns)).max(event.1),
                );
            }
            (event.1, received)
        });
        bytes
    }
}

const NS_PER_SECOND: u64 = 1_000_000_000;

/// Where the second with the most live records begins, and how many it has.
fn busiest_second(records: &[(u64, BookKey, bool)]) -> (usize, usize) {
    let (mut best, mut from) = ((0, 0), 0);
    while from < records.len() {
        let second = records[from].0 / NS_PER_SECOND;
        let rest = records[from..].iter();
        let len = rest.take_while(|it| it.0 / NS_PER_SECOND == second).count();
        let is_live = records[from..from + len].iter().all(|it| it.2);
        if is_live && len > best.1 {
            best = (from, len);
        }
        from += len;
    }
    best
}

fn most_of(keys: impl Iterator<Item = BookKey>) -> BookKey {
    let mut counts: Vec<(BookKey, usize)> = Vec::new();
    for key in keys {
        match counts.iter_mut().find(|(known, _)| *known == key) {
            Some((_, count)) => *count += 1,
            None => counts.push((key, 1)),
        }
    }
    let most = counts.iter().max_by_key(|(_, count)| *count);
    most.map_or_else(BookKey::default, |(key, _)| *key)
}

/// A desk under way.
struct Ride<'a, G> {
    desk: Desk<'a, Watched<G>, Laps>,
    clock: Arc<TileClock>,
    probe: Probe,
    figures: Figures,
}

/// Says when the next order is due.
struct Probe {
    key: BookKey,
    every: u32,
    updates: u32,
    touch: Touch,
    ts_event: Nanos,
    is_due: bool,
    asked: u64,
}

/// What is measured.
struct Figures {
    order: Recorder,
    tick_to_order: TickTo,
    /// The same, from intended arrival, while the thread kept the processor.
    undisturbed: Recorder,
    disturbed: u64,
    /// From intended arrival, of the orders since nothing waited, ns.
    waiting: Vec<u64>,
    orders: u64,
    refused: u64,
}

impl Figures {
    fn new(orders_max: usize) -> Self {
        Self {
            order: Recorder::new("order", Basis::Work),
            tick_to_order: TickTo::new("tick-to-order", 1),
            undisturbed: Recorder::new("undisturbed", Basis::IntendedArrival),
            disturbed: 0,
            waiting: Vec::with_capacity(orders_max),
            orders: 0,
            refused: 0,
        }
    }

    /// Nothing waits: whether the thread had the processor since nothing waited last says what the
    /// orders made meanwhile tell of.
    fn settle(&mut self, was_away: bool) {
        if was_away {
            self.disturbed += self.waiting.len() as u64;
        } else {
            for took_ns in &self.waiting {
                self.undisturbed.record(took_ns.cast_signed());
            }
        }
        self.waiting.clear();
    }
}

impl<G: Gateway> Ride<'_, G> {
    /// Takes a record, and makes an order if one is due; says whether one went out.
    fn take(&mut self, mbo: &Mbo) -> bool {
        self.desk.on_data(mbo, &mut self.probe);
        if !core::mem::take(&mut self.probe.is_due) {
            return false;
        }
        let trader = &mut self.desk.trader;
        let places = trader.gateway().places;
        let started_ns = self.clock.read();
        let touch = self.probe.touch;
        trader.ask(&self.probe.next(), None, &touch);
        self.desk.speak(&mut self.probe);
        let gateway = self.desk.trader.gateway();
        let is_out = gateway.places > places;
        if is_out {
            let took_ns = gateway.placed_ns - started_ns;
            self.figures.order.record(took_ns.cast_signed());
            self.figures.orders += 1;
        } else {
            self.figures.refused += 1;
        }
        is_out
    }

    /// An order went out for a record of this duty cycle.
    fn note(&mut self, intended_ns: u64, actual_ns: u64) {
        let placed_ns = self.desk.trader.gateway().placed_ns;
        let figures = &mut self.figures;
        let intended = Some(intended_ns);
        figures.tick_to_order.record(intended, actual_ns, placed_ns);
        let took_ns = placed_ns.saturating_sub(intended_ns);
        figures.waiting.push(took_ns);
    }

    /// The warm-up ends here.
    fn forget(&mut self, orders_max: usize) {
        self.figures = Figures::new(orders_max);
        for recorder in &mut self.desk.laps.recorders {
            recorder.reset();
        }
    }

    /// Takes the rest at its pace.
    fn timed(
        mut self,
        feed: &mut Replay<&[u8]>,
        mut schedule: Schedule,
        ask: Ask,
    ) -> Result<Outcome> {
        // Without it the first orders fault, and the figures show it.
        let _refusal = memory::populate();
        let start_ns = self.clock.read() + LEAD_NS;
        schedule.begin(start_ns);
        let before = Usage::of_thread();
        let seal = Seal::new();
        let mut rehearsals = Rehearsals::default();
        let mut away = Away::new(start_ns);
        while schedule.left > 0 && !feed.is_ended() {
            let now_ns = self.clock.advance();
            away.look(now_ns);
            // A duty cycle of a tile: what has come by now is taken without another look at the clock.
            let come = schedule.come_by(now_ns);
            if come > 0 {
                let mut cycle = Cycle {
                    ride: &mut self,
                    schedule: &mut schedule,
                    now_ns,
                    left: come,
                };
                feed.drain(&mut cycle, come);
                continue;
            }
            // Asked at once, so that what was lost while nothing waited is not held against later
            // orders, unless the next record would have to wait for the answer.
            if !away.is_doubtful || schedule.next_ns() > now_ns + ANSWER_NS {
                self.figures.settle(away.was());
            }
            if ask.is_rehearsed && rehearsals.is_due(now_ns) {
                // Nobody's time, as on a tile.
                self.clock.start_laps(0);
                self.desk.rehearse::<Probe>();
            }
        }
        let records = ask.records - schedule.left;
        self.figures.settle(away.was());
        let allocations = seal.count();
        drop(seal);
        let used = Usage::of_thread().since(before);
        ensure!(self.figures.orders > 0, "{}", self.no_order());
        Ok(self.outcome(records as u64, start_ns, allocations, used))
    }

    fn no_order(&self) -> String {
        let verdict = self.desk.trader.risk().verdict();
        format!("no order went out; risk said last: {verdict}")
    }

    fn outcome(self, records: u64, start_ns: u64, allocations: u64, used: Usage) -> Outcome {
        let figures = self.figures;
        let (orders, refused) = (figures.orders, figures.refused);
        let stages = self.desk.laps.recorders.map(Recorder::finish);
        let mut rows = stages.to_vec();
        rows.push(figures.order.finish());
        rows.extend(figures.tick_to_order.finish());
        rows.push(figures.undisturbed.finish());
        let run = Run {
            layout: Some("fused".to_owned()),
            length_ns: self.clock.read() - start_ns,
            rows,
            allocations: Some(allocations),
            page_faults: Some(used.page_faults),
            involuntary_switches: Some(used.involuntary_switches),
            off_processor: Some(Share {
                part: figures.disturbed,
                whole: orders,
            }),
            ..Run::default()
        };
        Outcome {
            run,
            records,
            orders,
            refused,
        }
    }
}

/// When records are to arrive: one busiest second after the other, at a pace.
struct Schedule {
    /// Since the second began.
    offsets_ns: Vec<u64>,
    second_ns: u64,
    /// When the present second began, and which record of it is next. The first may have begun
    /// before the clock did, below 0.
    begun_ns: u64,
    next: usize,
    /// Records that are still to be timed.
    left: usize,
}

impl Schedule {
    fn new(arrivals: &[u64], ask: Ask) -> Self {
        let pace = u64::from(ask.pace);
        Self {
            offsets_ns: arrivals.iter().map(|at_ns| at_ns / pace).collect(),
            second_ns: NS_PER_SECOND / pace,
            begun_ns: 0,
            next: 0,
            left: ask.records,
        }
    }

    /// When a record is to arrive, from the start of the first such second.
    fn offset_ns(&self, nth: usize) -> u64 {
        let (second, nth) = (nth / self.offsets_ns.len(), nth % self.offsets_ns.len());
        second as u64 * self.second_ns + self.offsets_ns[nth]
    }

    /// The same with so many records gone.
    fn after(self, gone: usize) -> Self {
        Self {
            next: gone % self.offsets_ns.len(),
            ..self
        }
    }

    /// The next record is to arrive then.
    fn begin(&mut self, at_ns: u64) {
        self.begun_ns = at_ns.wrapping_sub(self.offsets_ns[self.next]);
    }

    /// When the next record is to arrive.
    fn next_ns(&self) -> u64 {
        self.begun_ns.wrapping_add(self.offsets_ns[self.next])
    }

    /// How many records have come by now, as far as one duty cycle takes them.
    fn come_by(&self, now_ns: u64) -> usize {
        let since_ns = now_ns.wrapping_sub(self.begun_ns).cast_signed();
        let rest = self.offsets_ns[self.next..].iter();
        let rest = rest.take(self.left.min(BATCH_MAX));
        rest.take_while(|at_ns| at_ns.cast_signed() <= since_ns)
            .count()
    }

    /// The next record is taken; says when it was to arrive.
    fn take(&mut self) -> u64 {
        let intended_ns = self.next_ns();
        self.left -= 1;
        self.next += 1;
        if self.next == self.offsets_ns.len() {
            self.next = 0;
            self.begun_ns = self.begun_ns.wrapping_add(self.second_ns);
        }
        intended_ns
    }
}

/// One duty cycle: where the feed hands over what has come.
struct Cycle<'c, 'a, G> {
    ride: &'c mut Ride<'a, G>,
    schedule: &'c mut Schedule,
    now_ns: u64,
    /// Records that have come and are not taken.
    left: usize,
}

impl<G: Gateway> Sink<Mbo> for Cycle<'_, '_, G> {
    fn room(&mut self) -> usize {
        self.left
    }

    fn hint(&mut self, coming: impl Fn(usize) -> Option<Mbo>) {
        // The file has more, but it has not come.
        let left = self.left;
        let has_come = |ahead: usize| if ahead < left { coming(ahead) } else { None };
        self.ride.desk.hint(has_come);
    }

    fn data(&mut self, _stamp: Stamp, mbo: &Mbo) {
        let Ride { clock, .. } = &*self.ride;
        let is_sampled = self.schedule.left.is_multiple_of(SAMPLED);
        clock.start_laps(if is_sampled { clock.read() } else { 0 });
        self.left -= 1;
        let intended_ns = self.schedule.take();
        if self.ride.take(mbo) {
            self.ride.note(intended_ns, self.now_ns);
        }
    }

    fn control(&mut self, _stamp: Stamp, control: &Control) {
        let Ride { desk, probe, .. } = &mut *self.ride;
        desk.on_control(control, probe);
    }
}

/// Whether the thread lost the processor.
///
/// The system is asked only when the clock says that it may have: a call of the system leaves the
/// caches and the predictors of branches to somebody else, and the next order would tell of that.
struct Away {
    looked_ns: u64,
    switches: u64,
    is_doubtful: bool,
}

impl Away {
    fn new(now_ns: u64) -> Self {
        Self {
            looked_ns: now_ns,
            switches: Usage::of_thread().involuntary_switches,
            is_doubtful: false,
        }
    }

    /// Once a duty cycle.
    fn look(&mut self, now_ns: u64) {
        self.is_doubtful |= now_ns.saturating_sub(self.looked_ns) > GAP_NS;
        self.looked_ns = now_ns;
    }

    /// Whether it did since this was asked last.
    fn was(&mut self) -> bool {
        if !core::mem::take(&mut self.is_doubtful) {
            return false;
        }
        let now = Usage::of_thread().involuntary_switches;
        core::mem::replace(&mut self.switches, now) != now
    }
}

impl Probe {
    /// To buy one at the bid, now or not at all.
    fn next(&mut self) -> Intent {
        self.asked += 1;
        unbound::intent(self.key, &self.touch, self.ts_event, self.asked)
    }
}

impl Emit<FlowOutput> for Probe {
    fn emit(&mut self, output: &FlowOutput) {
        if let FlowOutput::Update(update) = output
            && update.key == self.key
            && update.trust == Trust::Good
            && update.touch.is_two_sided()
        {
            self.updates += 1;
            self.touch = update.touch;
            self.ts_event = update.ts_event;
            self.is_due = self.updates.is_multiple_of(self.every);
        }
    }
}

#[cfg(test)]
mod tests {
    use undertow_feeds::synthetic;

    use super::*;

    /// When the records of a drill happen and are received, at a pace.
    fn times(drill: &Drill, pace: u32) -> Vec<(u64, u64)> {
        let ask = Ask {
            pace,
            records: 1,
            every: 1,
            is_rehearsed: false,
        };
        let mut times = Vec::new();
        let mut bytes = drill.at_pace(&Schedule::new(&drill.arrivals, ask));
        retime(&mut bytes, |ts_event, ts_recv| {
            times.push((ts_event.0, ts_recv.0));
            (ts_event, ts_recv)
        });
        times
    }

    #[test]
    fn the_market_goes_by_as_its_records_arrive() {
        let mut bytes = Vec::new();
        synthetic::write_one(20_000, 7, &mut bytes).expect("memory takes every write");
        // The load is all in one second.
        let slower =
            |ts: Nanos| Nanos(ts.0 / NS_PER_SECOND * NS_PER_SECOND + ts.0 % NS_PER_SECOND * 100);
        retime(&mut bytes, |ts_event, ts_recv| {
            (slower(ts_event), slower(ts_recv))
        });
        let drill = Drill::new(bytes.clone()).expect("records");
        let (first, busiest) = (drill.first, drill.busiest());
        let mut file = Vec::new();
        retime(&mut bytes, |ts_event, ts_recv| {
            file.push((ts_event.0, ts_recv.0));
            (ts_event, ts_recv)
        });
        assert!(
            first > 0 && busiest > 100 && first + 2 * busiest < file.len(),
            "{busiest} from {first} of {}",
            file.len()
        );
        let once = times(&drill, 1);
        assert_eq!(once[..first], file[..first], "what came before stays");
        let second = first..first + busiest;
        for at in second.clone() {
            assert_eq!(once[at].1, file[at].1, "at its own pace it is itself");
            let next = at + busiest;
            assert_eq!(once[next].1, once[at].1 + NS_PER_SECOND, "and comes again");
        }
        let fast = times(&drill, 8);
        for at in second {
            let since = file[at].1 - drill.start.0;
            assert_eq!(fast[at].1, drill.start.0 + since / 8);
            assert_eq!(fast[at + busiest].1, fast[at].1 + NS_PER_SECOND / 8);
        }
        let mut in_one_event = 0;
        for (told, was) in fast.windows(2).zip(file.windows(2)).skip(first) {
            assert!(told[0].0 <= told[1].0, "it never goes back");
            assert!(
                told[1].0 <= told[1].1,
                "nothing is received before it happens"
            );
            if was[0].0 == was[1].0 {
                assert_eq!(told[0].0, told[1].0, "an event is one instant");
                in_one_event += 1;
            }
        }
        assert!(in_one_event > 100, "{in_one_event}");
    }

    #[test]
    fn a_schedule_begins_with_the_record_that_is_next() {
        let ask = Ask {
            pace: 2,
            records: 4,
            every: 1,
            is_rehearsed: false,
        };
        let mut schedule = Schedule::new(&[100, 200, 200, 900], ask).after(4 + 1);
        schedule.begin(5_000);
        assert_eq!((schedule.come_by(4_999), schedule.come_by(5_000)), (0, 2));
        let intended = [(); 4].map(|()| schedule.take());
        let next_second = 5_000 - 100 + NS_PER_SECOND / 2;
        assert_eq!(intended, [5_000, 5_000, 5_350, next_second + 50]);
        assert_eq!((schedule.left, schedule.come_by(u64::MAX / 2)), (0, 0));
    }
}
