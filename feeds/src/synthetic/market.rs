//! The whole market: futures that lead, futures that follow, and the chain, with their crowds.

use time::Date;
use undertow_core::types::Side;

use super::contracts::{Contract, FUTURE_TICK, POINT, futures, options};
use super::desk::Desk;
use super::flow::{Act, Flow, Mix, Mood};
use super::random::Random;
use super::tape::{Mode, Tape};
use super::venue::{Entry, Owner, Venue, behind};

/// Ticks to a point.
const TICKS_PER_POINT: f64 = (POINT / FUTURE_TICK) as f64;
/// Ticks that the next month stands above the front month: carry.
const CARRY_TICKS: f64 = 840.0;
/// Share of what happens that happens in each future, and in options as a whole.
const FRONT_SHARE: f64 = 0.70;
const NEXT_SHARE: f64 = 0.03;
const MICRO_SHARE: f64 = 0.15;

/// What is listed and how full the books are.
pub(super) struct Listing {
    pub(super) date: Date,
    /// Expirations and strikes of the chain.
    pub(super) chain: [usize; 2],
    /// Points between strikes.
    pub(super) spacing: u32,
    /// Price of the front future at the open, in points.
    pub(super) spot: u32,
    /// Orders resting on a side of the front future.
    pub(super) resting: usize,
}

/// See the module. A contract, its venue, and (for futures) its mood share one place; place 0 is
/// the front NQ, 1 the next NQ, 2 the front MNQ, and the chain follows.
pub(super) struct Market {
    pub(super) contracts: Vec<Contract>,
    pub(super) venues: Vec<Venue>,
    moods: [Mood; FUTURES],
    flow: Flow,
    desk: Desk,
    /// A value that the crowd is made to believe in, in ticks of the front future.
    pub(super) anchor: Option<f64>,
    /// Where the front future belongs, in ticks.
    value: f64,
}

/// How many futures there are.
pub(super) const FUTURES: usize = 3;

impl Market {
    /// Lists the contracts, and lays out the books without printing.
    pub(super) fn new(listing: &Listing, tape: &mut Tape<'_>, random: &mut Random) -> Self {
        let mut contracts = futures(listing.date, "NQ", 2, 42_140_860);
        let chain = options(
            listing.date,
            &contracts,
            listing.chain,
            listing.spacing,
            listing.spot,
        );
        contracts.extend(futures(listing.date, "MNQ", 1, 42_003_700));
        contracts.extend(chain);
        let venues = contracts
            .iter()
            .map(|it| Venue::new(it.id, it.tick))
            .collect();
        let spot = f64::from(listing.spot);
        let value = spot * TICKS_PER_POINT;
        let desk = Desk::new(&contracts[FUTURES..], spot);
        let few = (listing.resting / 4).max(60);
        let moods = [
            Mood::new(listing.resting, value),
            Mood::new(few, value + CARRY_TICKS),
            Mood::new(few * 2, value),
        ];
        let flow = Flow::new(SESSION_MIX);
        let mut market = Self {
            contracts,
            venues,
            moods,
            flow,
            desk,
            anchor: None,
            value,
        };
        tape.mark(Mode::Silent);
        for (venue, mood) in market.venues.iter_mut().zip(&market.moods) {
            market.flow.lay_out(venue, mood, tape, random);
        }
        for place in FUTURES..market.venues.len() {
            market.refresh_option(place, tape, random);
        }
        tape.mark(Mode::Live);
        market
    }

    /// Lets `seconds` pass: the value wanders.
    pub(super) fn pass(&mut self, seconds: f64, random: &mut Random) {
        self.value += 2.5 * libm::sqrt(seconds) * random.normal();
    }

    /// Something happens somewhere.
    pub(super) fn step(&mut self, tape: &mut Tape<'_>, random: &mut Random) {
        let draw = random.unit();
        if draw < FRONT_SHARE {
            self.step_future(0, tape, random);
        } else if draw < FRONT_SHARE + NEXT_SHARE {
            self.step_future(1, tape, random);
        } else if draw < FRONT_SHARE + NEXT_SHARE + MICRO_SHARE {
            self.step_future(2, tape, random);
        } else if self.contracts.len() > FUTURES {
            let place = FUTURES + self.desk.draw(random);
            let spot = self.forward(place);
            let (contract, venue) = (&self.contracts[place], &mut self.venues[place]);
            self.desk
                .step(place - FUTURES, contract, venue, spot, tape, random);
        }
    }

    fn step_future(&mut self, place: usize, tape: &mut Tape<'_>, random: &mut Random) {
        let front = self.spot() * TICKS_PER_POINT;
        self.moods[place].value = match place {
            0 => self.anchor.unwrap_or(self.value),
            1 => front + CARRY_TICKS,
            _ => front,
        };
        let (venue, mood) = (&mut self.venues[place], &mut self.moods[place]);
        let act = self.flow.step(venue, mood, tape, random);
        if (place, act) == (0, Act::Trade) {
            // The crowd's own trades are news: the value follows the price a little.
            self.value += 0.01 * (front - self.value);
        }
    }

    /// Before the open: orders come and go, and nothing trades, so books may cross.
    pub(super) fn step_before_open(&mut self, tape: &mut Tape<'_>, random: &mut Random) {
        let venue = &mut self.venues[random.below(FUTURES)];
        let side = if random.chance(0.5) {
            Side::Bid
        } else {
            Side::Ask
        };
        let Some(best) = venue.best(side) else { return };
        let depth = random.below(venue.level_count(side).min(20));
        let first = venue.handle_at(side, depth, 0);
        match first.filter(|_| random.chance(0.4)) {
            Some(handle) => {
                venue.cancel(tape, handle);
            }
            None => {
                let ticks = behind(side, best, random.below(12) as i32 - 2);
                let size = random.between(1, 8);
                let owner = Owner::Background;
                venue.rest(
                    tape,
                    Entry {
                        side,
                        ticks,
                        size,
                        hidden: 0,
                        owner,
                    },
                );
            }
        }
    }

    /// Brings the quotes of an option up to date; nothing for a future.
    pub(super) fn refresh_option(
        &mut self,
        place: usize,
        tape: &mut Tape<'_>,
        random: &mut Random,
    ) {
        let Some(of_chain) = place.checked_sub(FUTURES) else {
            return;
        };
        let spot = self.forward(place);
        let (contract, venue) = (&self.contracts[place], &mut self.venues[place]);
        self.desk
            .refresh(of_chain, contract, venue, spot, tape, random);
    }

    /// Moves the makers' opinion of an option by some points; nothing for a future.
    pub(super) fn lean_option(&mut self, place: usize, points: f64) {
        if let Some(of_chain) = place.checked_sub(FUTURES) {
            self.desk.lean(of_chain, points);
        }
    }

    /// A contract to plant something in: the front future, or an option that is often drawn.
    pub(super) fn pick(&self, of_option: bool, random: &mut Random) -> usize {
        if !of_option || self.contracts.len() == FUTURES {
            return 0;
        }
        for _ in 0..64 {
            let of_chain = self.desk.draw(random);
            if self.desk.theo(of_chain) > 2.0 {
                return FUTURES + of_chain;
            }
        }
        FUTURES + self.desk.draw(random)
    }

    /// What a contract was settled at yesterday: what it is thought to be worth at the start.
    pub(super) fn settlement(&self, place: usize) -> i64 {
        let Some(of_chain) = place.checked_sub(FUTURES) else {
            return self.venues[place].price(self.moods[place].value as i32);
        };
        (self.desk.theo(of_chain) * 20.0) as i64 * self.contracts[place].tick
    }

    /// Price of the future under an option, in points.
    fn forward(&self, place: usize) -> f64 {
        let is_front = self.contracts[place].underlying_id == self.contracts[0].id;
        self.spot()
            + if is_front {
                0.0
            } else {
                CARRY_TICKS / TICKS_PER_POINT
            }
    }

    /// The front future's mid, in points; where it belongs when a side is missing.
    pub(super) fn spot(&self) -> f64 {
        let mid_twice = self.venues[0].mid_twice().map(f64::from);
        mid_twice.unwrap_or(2.0 * self.value) / 2.0 / TICKS_PER_POINT
    }
}

/// Records of the futures by kind, as on a day at CME.
const SESSION_MIX: Mix = Mix {
    turnover: 0.83,
    modifies: 0.11,
    trades: 0.06,
};
