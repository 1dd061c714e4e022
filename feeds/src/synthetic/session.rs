//! A session from the definitions to the close, in the order a subscriber would see it:
//! metadata, definitions, statistics, pre-open, snapshots, orders before the open, the opening
//! auction, trading with what is planted in it, and the close.

use std::io;

use dbn::StatusAction;
use time::{Date, Month};

use super::arrivals::{Arrivals, intraday};
use super::contracts::utc_ns;
use super::faults::{Faults, Injector};
use super::market::{FUTURES, Listing, Market};
use super::planted::{Plans, Plantings};
use super::random::{Concern, Random};
use super::reference::{write_definition, write_metadata, write_statistics, write_status};
use super::tape::{Counts, Tape};
use super::truth::Truth;

const SECOND_NS: u64 = 1_000_000_000;
const MINUTE_NS: u64 = 60 * SECOND_NS;
/// Orders before the open.
const PRE_OPEN_ACTS: u64 = 600;
/// Events between two looks at the pace and at readers who need a snapshot.
const CARE_EVERY: u64 = 64;

/// What to simulate. The same configuration gives the same bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct SessionConfig {
    /// Seed of all chance.
    pub seed: u64,
    /// The trading day, UTC. Trading opens at 13:30 UTC in summer and winter alike.
    pub date: Date,
    /// Length of trading from 13:30 UTC, in minutes; 390 is a full day.
    pub minutes: u32,
    /// Records to aim at, all kinds together but snapshots that follow a fault; what comes out
    /// is within a few per cent.
    pub messages: u64,
    /// Price of the front future at the open, in points.
    pub spot: u32,
    /// Expirations of options, the last one quarterly; 0 for no options.
    pub expiries: u32,
    /// Strikes per expiration, each with a call and a put.
    pub strikes: u32,
    /// Points between strikes.
    pub strike_spacing: u32,
    /// Orders resting on a side of the front future.
    pub resting: u32,
    /// What institutions do.
    pub plantings: Plantings,
    /// What goes wrong on the way.
    pub faults: Faults,
}

impl SessionConfig {
    /// The session that the program shows when nothing else is asked for: a full day, about
    /// 1.2 million records, three futures and 320 options.
    #[must_use]
    pub fn demo() -> Self {
        Self {
            seed: 20_260_311,
            date: default_date(),
            minutes: 390,
            messages: 1_200_000,
            spot: 24_812,
            expiries: 4,
            strikes: 40,
            strike_spacing: 25,
            resting: 1_500,
            plantings: Plantings {
                sweeps: 8,
                icebergs: 6,
                blocks: 6,
                pressures: 6,
                calms: 2,
            },
            faults: Faults::none(),
        }
    }

    /// Refuses what makes no sense, with the first reason found.
    fn check(&self) -> io::Result<()> {
        let wrong = if !(1..=1_440).contains(&self.minutes) {
            "a session lasts 1 to 1440 minutes"
        } else if 1_000 < self.plantings.most() {
            "at most 1000 activities of a kind can be planted"
        } else if !(1_000..=200_000).contains(&self.spot) {
            "the price of the future must lie between 1000 and 200000 points"
        } else if self.strike_spacing == 0 {
            "strikes need at least one point between them"
        } else if self.spot <= self.strike_spacing.saturating_mul(self.strikes / 2 + 1) {
            "so many strikes would reach below zero: ask for fewer, or closer ones"
        } else if self.resting < 50 || 100_000 < self.resting {
            "orders resting on a side must number 50 to 100000"
        } else if 20 < self.expiries || 2_000 < self.strikes {
            "at most 20 expirations of at most 2000 strikes"
        } else if !(2000..2100).contains(&self.date.year()) {
            "the trading day must lie between 2000 and 2099"
        } else if !self.faults.is_valid() {
            "fault rates must lie between 0 and 1, and so must their sum"
        } else {
            return Ok(());
        };
        Err(io::Error::new(io::ErrorKind::InvalidInput, wrong))
    }
}

impl Default for SessionConfig {
    fn default() -> Self {
        Self::demo()
    }
}

/// Simulates a session and writes it as uncompressed DBN v3. `truth` receives what was planted
/// and what was spoiled.
///
/// # Errors
/// `InvalidInput` when the configuration makes no sense, else those of the writer.
pub fn write_session(
    config: &SessionConfig,
    out: &mut impl io::Write,
    truth: &mut Truth,
) -> io::Result<Counts> {
    config.check()?;
    let injector = (!config.faults.is_none()).then(|| Injector::new(config.faults, config.seed));
    let mut session = Session::new(config, Tape::new(out, config.seed, injector));
    session.write_reference(config)?;
    session.run_pre_open();
    session.run_trading(config, truth);
    for contract in &session.market.contracts {
        write_status(&mut session.tape, contract, StatusAction::Close);
    }
    let (counts, faults) = session.tape.finish()?;
    truth.faults.extend(faults);
    Ok(counts)
}

struct Session<'a> {
    tape: Tape<'a>,
    market: Market,
    /// Trading from and to, ns.
    hours: [u64; 2],
    flow: Random,
}

impl<'a> Session<'a> {
    fn new(config: &SessionConfig, mut tape: Tape<'a>) -> Self {
        let open = utc_ns(config.date, 13, 30);
        let listing = Listing {
            date: config.date,
            chain: [config.expiries as usize, config.strikes as usize],
            spacing: config.strike_spacing,
            spot: config.spot,
            resting: config.resting as usize,
        };
        // Orders of the snapshot were entered before the day began.
        tape.advance_to(open - 90 * MINUTE_NS);
        let mut seeding = Random::new(config.seed, Concern::Seeding);
        let market = Market::new(&listing, &mut tape, &mut seeding);
        Self {
            tape,
            market,
            hours: [open, open + u64::from(config.minutes) * MINUTE_NS],
            flow: Random::new(config.seed, Concern::Flow),
        }
    }

    fn write_reference(&mut self, config: &SessionConfig) -> io::Result<()> {
        let tape = &mut self.tape;
        let contracts = &self.market.contracts;
        let midnight = utc_ns(config.date, 0, 0);
        write_metadata(
            tape,
            config.date,
            None,
            [midnight, self.hours[1] + SECOND_NS],
            contracts,
        )?;
        for contract in contracts {
            write_definition(tape, contract)?;
        }
        let mut random = Random::new(config.seed, Concern::Statistics);
        for (place, contract) in contracts.iter().enumerate() {
            let interest = open_interest(contract.strike, place < FUTURES, &mut random);
            let settlement = self.market.settlement(place);
            write_statistics(tape, contract, interest, settlement, midnight);
        }
        Ok(())
    }

    fn run_pre_open(&mut self) {
        let tape = &mut self.tape;
        let start = self.hours[0] - 30 * MINUTE_NS;
        for venue in &self.market.venues {
            venue.print_snapshot(tape);
        }
        tape.advance_to(start);
        for contract in &self.market.contracts {
            write_status(tape, contract, StatusAction::PreOpen);
        }
        let step = 29 * MINUTE_NS / PRE_OPEN_ACTS;
        for act in 0..PRE_OPEN_ACTS {
            tape.advance_to(start + act * step + self.flow.below(step as usize) as u64);
            self.market.step_before_open(tape, &mut self.flow);
        }
        tape.advance_to(self.hours[0]);
        for contract in &self.market.contracts {
            write_status(tape, contract, StatusAction::Trading);
        }
        for venue in &mut self.market.venues {
            tape.advance_to(tape.now() + 3_000);
            venue.uncross(tape);
        }
    }

    fn run_trading(&mut self, config: &SessionConfig, truth: &mut Truth) {
        let [open, close] = self.hours;
        let seconds = (close - open) as f64 / SECOND_NS as f64;
        let before = self.tape.counts().total();
        let wanted = config.messages.saturating_sub(before).max(1) as f64;
        // An event prints about one and a half records.
        let mut arrivals = Arrivals::new(wanted / 1.5 / seconds);
        let mut timing = Random::new(config.seed, Concern::Arrivals);
        let planting = Random::new(config.seed, Concern::Planted);
        let mut plans = Plans::new(&config.plantings, self.hours, &self.market, planting);
        let mut pace = 1.0;
        let mut recovered = 0;
        let mut clock = open as f64;
        for event in 0_u64.. {
            let now = clock as u64;
            let progress = (now - open) as f64 / (close - open) as f64;
            if event.is_multiple_of(CARE_EVERY) {
                recovered += self.send_recoveries();
                let done = (self.tape.counts().total() - before - recovered) as f64;
                pace = pace_for(done / wanted, progress);
            }
            let profile = intraday(progress) * pace * plans.background_rate(now);
            let wait = arrivals.next(profile, &mut timing);
            clock += wait * SECOND_NS as f64;
            let next = clock as u64;
            while plans.due() <= next.min(close - 1) {
                plans.act(&mut self.market, &mut self.tape);
            }
            if close <= next || self.tape.is_broken() {
                break;
            }
            self.tape.advance_to(next);
            self.market.pass(wait, &mut timing);
            self.market.step(&mut self.tape, &mut self.flow);
        }
        truth
            .planted
            .extend(plans.finish(&mut self.market, &mut self.tape));
        self.tape.advance_to(close);
    }

    /// Sends a snapshot of every book that a gap or a Clear has taken from the reader; tells how
    /// many records that took.
    fn send_recoveries(&mut self) -> u64 {
        let before = self.tape.counts().total();
        for instrument_id in self.tape.take_damaged() {
            let venue = self
                .market
                .venues
                .iter()
                .find(|it| it.instrument_id == instrument_id);
            if let Some(venue) = venue {
                venue.print_snapshot(&mut self.tape);
            }
        }
        self.tape.counts().total() - before
    }
}

/// Factor on the rate that brings the count back on course by the close.
fn pace_for(done: f64, progress: f64) -> f64 {
    let edge = 2.0 * progress - 1.0;
    let course = 0.55 * progress + 1.35 * (edge * edge * edge + 1.0) / 6.0;
    let ahead = done - course;
    (1.0 - 12.0 * ahead).clamp(0.3, 3.0)
}

/// Heavy in futures, heavy at round strikes, heavy-tailed everywhere.
fn open_interest(strike: u32, is_future: bool, random: &mut Random) -> i64 {
    let roundness = if is_future {
        4_000.0
    } else if strike.is_multiple_of(500) {
        40.0
    } else if strike.is_multiple_of(100) {
        12.0
    } else {
        3.0
    };
    (roundness * libm::exp(2.5 + 1.1 * random.normal())) as i64
}

/// A Wednesday with an expiry on it, nine days before the quarterly one.
const fn default_date() -> Date {
    match Date::from_calendar_date(2026, Month::March, 11) {
        Ok(date) => date,
        Err(_) => Date::MIN,
    }
}
