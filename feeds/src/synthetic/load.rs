//! Inputs for measuring speed: nothing but market-by-order records, as many as asked for.
//!
//! The same crowd and venue as in a session, without a clock worth the name, without options,
//! without planted activity. Books are filled by plain Adds first, which count.

use std::io;

use dbn::{InstrumentClass, Schema};
use time::{Date, Month};

use super::contracts::{Contract, FUTURE_TICK, utc_ns};
use super::flow::{Act, Flow, Mix, Mood};
use super::random::{Concern, Quantiles, Random};
use super::reference::write_metadata;
use super::tape::{Counts, Tape};
use super::venue::Venue;

/// Front price of every instrument at the start, in ticks.
const START_TICKS: f64 = 96_000.0;
/// The last records are plain ones, so that no trade overshoots the count.
const ENDGAME: u64 = 2_048;

/// One instrument: 2,500 orders a side.
///
/// # Errors
/// Those of the writer.
pub fn write_one(count: u64, seed: u64, out: &mut impl io::Write) -> io::Result<Counts> {
    let choice = Quantiles::of_weights(&[1.0]);
    Load {
        count,
        seed,
        instruments: 1,
        resting: 2_500,
    }
    .write(|random| choice.draw(random), out)
}

/// Fifty instruments of heavy-tailed activity: 1,500 orders a side.
///
/// # Errors
/// Those of the writer.
pub fn write_fifty(count: u64, seed: u64, out: &mut impl io::Write) -> io::Result<Counts> {
    let choice = Quantiles::power_law(1.0, 1.2, 50);
    Load {
        count,
        seed,
        instruments: 50,
        resting: 1_500,
    }
    .write(|random| choice.draw(random), out)
}

/// `instruments` (1 to 10,000) of equal activity, 24 orders a side, as in a chain of options.
///
/// # Errors
/// `InvalidInput` when the number of instruments is out of range, else those of the writer.
pub fn write_chain(
    instruments: u32,
    count: u64,
    seed: u64,
    out: &mut impl io::Write,
) -> io::Result<Counts> {
    if !(1..=10_000).contains(&instruments) {
        let wrong = format!("a chain has 1 to 10000 instruments, not {instruments}");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, wrong));
    }
    let draw = |random: &mut Random| random.below(instruments as usize) as u32;
    Load {
        count,
        seed,
        instruments,
        resting: 24,
    }
    .write(draw, out)
}

struct Load {
    count: u64,
    seed: u64,
    instruments: u32,
    /// Orders a side.
    resting: usize,
}

impl Load {
    /// Writes exactly `count` records; `choose` says whose turn it is.
    fn write(
        &self,
        choose: impl Fn(&mut Random) -> u32,
        out: &mut impl io::Write,
    ) -> io::Result<Counts> {
        let mut tape = Tape::new(out, self.seed, None);
        let mut random = Random::new(self.seed, Concern::Flow);
        let mut clock = Clock::new(self.seed);
        let contracts = self.contracts();
        let start = utc_ns(first_day(), 13, 30);
        let span = [start, start + self.count * 1_000_000 + 1];
        write_metadata(&mut tape, first_day(), Some(Schema::Mbo), span, &contracts)?;
        tape.advance_to(start);
        let mut flow = Flow::new(Mix::LOAD);
        let resting = self.orders_a_side();
        let book = |it: &Contract| (Venue::new(it.id, it.tick), Mood::new(resting, START_TICKS));
        let mut books: Vec<_> = contracts.iter().map(book).collect();
        for _ in 0..resting {
            for (venue, mood) in &mut books {
                clock.tick(&mut tape);
                flow.fill_in(venue, mood, &mut tape, &mut random);
            }
        }
        while tape.counts().total() < self.count && !tape.is_broken() {
            clock.tick(&mut tape);
            let (venue, mood) = &mut books[choose(&mut random) as usize];
            if self.count - tape.counts().total() < ENDGAME {
                let act = if random.chance(0.5) {
                    Act::Add
                } else {
                    Act::Cancel
                };
                flow.act(act, venue, mood, &mut tape, &mut random);
            } else {
                flow.step(venue, mood, &mut tape, &mut random);
            }
        }
        tape.finish().map(|(counts, _)| counts)
    }

    /// As many as asked for, but filling the books takes a quarter of the records at most.
    fn orders_a_side(&self) -> usize {
        let most = self.count / (8 * u64::from(self.instruments));
        self.resting
            .min(usize::try_from(most).unwrap_or(usize::MAX))
    }

    fn contracts(&self) -> Vec<Contract> {
        let contract = |i: u32| Contract {
            id: 500_000 + 13 * i,
            symbol: format!("LOAD{i:05}"),
            asset: "LOAD".to_owned(),
            class: InstrumentClass::Future,
            strike: 0,
            expiry: first_day(),
            expiration: utc_ns(first_day(), 20, 0),
            tick: FUTURE_TICK,
            multiplier: 20,
            underlying_id: 0,
            underlying: String::new(),
        };
        (0..self.instruments).map(contract).collect()
    }
}

/// Most records follow the last one within microseconds, some after milliseconds.
struct Clock {
    gaps: Quantiles,
    timing: Random,
}

impl Clock {
    fn new(seed: u64) -> Self {
        let timing = Random::new(seed, Concern::Arrivals);
        Self {
            gaps: Quantiles::power_law(1.0, 1.6, 4_000),
            timing,
        }
    }

    fn tick(&mut self, tape: &mut Tape<'_>) {
        let gap = 400 + 900 * u64::from(self.gaps.draw(&mut self.timing));
        tape.advance_to(tape.now() + gap);
    }
}

/// The day on which the inputs pretend to be taken.
const fn first_day() -> Date {
    match Date::from_calendar_date(2026, Month::March, 11) {
        Ok(date) => date,
        Err(_) => Date::MIN,
    }
}
