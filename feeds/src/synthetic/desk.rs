//! The options desk: market makers who quote the chain off the future, and their customers.
//!
//! A quote is refreshed when its option is drawn, which happens more often near the money and
//! near expiry; between refreshes it is stale, as real quotes are. Prices are in the option's
//! ticks of 0.05; above 5 points quotes stand on quarter points.

use undertow_core::types::Side;

use super::contracts::{Contract, FUTURE_TICK, OPTION_TICK, POINT};
use super::pricing::{YEAR_NS, black, smile};
use super::random::{Quantiles, Random};
use super::tape::Tape;
use super::venue::{Entry, Handle, Owner, Venue, behind, opposite};

/// Market makers per option.
const MAKERS: usize = 2;
/// Premium, in ticks, above which prices move by quarter points.
const COARSE_TICKS: i32 = (5 * POINT / OPTION_TICK) as i32;
const COARSE_STEP: i32 = (FUTURE_TICK / OPTION_TICK) as i32;

/// See the module.
pub(super) struct Desk {
    books: Vec<OptionBook>,
    /// Which option something happens to.
    choice: Quantiles,
    sizes: Quantiles,
}

/// What the makers think of one option, and where they quote it.
struct OptionBook {
    quotes: [[Option<Handle>; 2]; MAKERS],
    /// Points by which one-sided flow has moved their opinion.
    lean: f64,
    theo: f64,
}

impl Desk {
    /// A desk for the options among `contracts`, with the future at `spot` points.
    pub(super) fn new(options: &[Contract], spot: f64) -> Self {
        let first = options.first().map_or(0, |option| option.expiration);
        let weight = |option: &Contract| {
            let days = (option.expiration - first) as f64 / 86_400e9;
            let distance = (f64::from(option.strike) - spot) / (80.0 + 60.0 * libm::sqrt(days));
            libm::exp(-0.5 * distance * distance) / (1.0 + 0.4 * days) + 0.003
        };
        let book = || OptionBook {
            quotes: [[None; 2]; MAKERS],
            lean: 0.0,
            theo: 0.0,
        };
        Self {
            books: options.iter().map(|_| book()).collect(),
            choice: Quantiles::of_weights(&options.iter().map(weight).collect::<Vec<_>>()),
            sizes: Quantiles::power_law(1.0, 1.8, 300),
        }
    }

    /// An option to which something happens, by its place in the chain.
    pub(super) fn draw(&self, random: &mut Random) -> usize {
        self.choice.draw(random) as usize
    }

    /// Moves the makers' opinion of an option by some points.
    pub(super) fn lean(&mut self, place: usize, points: f64) {
        self.books[place].lean += points;
    }

    /// What the makers think it is worth, in points.
    pub(super) fn theo(&self, place: usize) -> f64 {
        self.books[place].theo
    }

    /// What happens to an option of its own: quotes, customers' orders, trades.
    pub(super) fn step(
        &mut self,
        place: usize,
        option: &Contract,
        venue: &mut Venue,
        spot: f64,
        tape: &mut Tape<'_>,
        random: &mut Random,
    ) {
        let draw = random.unit();
        if draw < 0.06 {
            self.customer_trades(venue, tape, random);
        } else if draw < 0.12 {
            self.customer_joins(venue, tape, random);
        } else if draw < 0.18 {
            customer_leaves(venue, tape, random);
        } else {
            self.refresh(place, option, venue, spot, tape, random);
        }
    }

    /// Brings the makers' quotes to where the future now is.
    pub(super) fn refresh(
        &mut self,
        place: usize,
        option: &Contract,
        venue: &mut Venue,
        spot: f64,
        tape: &mut Tape<'_>,
        random: &mut Random,
    ) {
        let book = &mut self.books[place];
        let left = option
            .expiration
            .saturating_sub(tape.now())
            .max(60_000_000_000) as f64;
        let strike = f64::from(option.strike);
        let vol = smile(spot, strike, left / YEAR_NS);
        book.lean *= 0.995;
        let before = book.theo;
        book.theo = black(option.class, spot, strike, left / YEAR_NS, vol) + book.lean;
        let half = 0.05 + (0.012 * book.theo).min(2.0);
        // The side that the price moves away from goes first, so that quotes never meet.
        let sides = if before < book.theo {
            [Side::Ask, Side::Bid]
        } else {
            [Side::Bid, Side::Ask]
        };
        for side in sides {
            let edge = if side == Side::Bid {
                book.theo - half
            } else {
                book.theo + half
            };
            let ticks = on_grid(side, edge.max(0.0));
            for maker in 0..MAKERS {
                let ticks = behind(side, ticks, maker as i32 * step_at(ticks));
                let size = 5 + 5 * random.between(0, 7);
                let quote = &mut book.quotes[maker][side.index()];
                requote(quote, side, ticks, size, venue, tape, random);
            }
        }
    }

    fn customer_trades(&self, venue: &mut Venue, tape: &mut Tape<'_>, random: &mut Random) {
        let side = if random.chance(0.5) {
            Side::Bid
        } else {
            Side::Ask
        };
        let Some(best) = venue.best(opposite(side)) else {
            return;
        };
        let size = 1 + self.sizes.draw(random);
        venue.take(tape, customer(side, best, size));
    }

    fn customer_joins(&self, venue: &mut Venue, tape: &mut Tape<'_>, random: &mut Random) {
        let side = if random.chance(0.5) {
            Side::Bid
        } else {
            Side::Ask
        };
        let Some(best) = venue.best(side) else { return };
        let size = 1 + self.sizes.draw(random);
        venue.rest(tape, customer(side, best, size));
    }
}

/// Cancels a customer's order near the touch, if there is one.
fn customer_leaves(venue: &mut Venue, tape: &mut Tape<'_>, random: &mut Random) {
    let side = if random.chance(0.5) {
        Side::Bid
    } else {
        Side::Ask
    };
    for depth in 0..venue.level_count(side).min(6) {
        for place in 0..venue.queue_length(side, depth) {
            let Some(handle) = venue.handle_at(side, depth, place) else {
                continue;
            };
            let order = venue.order(handle);
            if order.is_some_and(|order| order.owner == Owner::Background) {
                venue.cancel(tape, handle);
                return;
            }
        }
    }
}

/// Moves a quote, places it anew when it was filled, or pulls it when it is worth nothing.
fn requote(
    quote: &mut Option<Handle>,
    side: Side,
    ticks: i32,
    size: u32,
    venue: &mut Venue,
    tape: &mut Tape<'_>,
    random: &mut Random,
) {
    let resting = quote.and_then(|handle| Some((handle, venue.order(handle)?.clone())));
    match resting {
        Some((handle, _)) if ticks < 1 => {
            venue.cancel(tape, handle);
            *quote = None;
        }
        Some((handle, order)) => {
            // A quote that stays where it is changes its size only now and then.
            let keeps = order.ticks == ticks && random.chance(0.7);
            venue.modify(tape, handle, ticks, if keeps { order.size } else { size });
        }
        None if ticks < 1 => *quote = None,
        None => {
            let ticks = match (side, venue.best(opposite(side))) {
                (Side::Bid, Some(ask)) => ticks.min(ask - 1),
                (_, Some(bid)) => ticks.max(bid + 1),
                (_, None) => ticks,
            };
            let owner = Owner::Maker;
            *quote = (ticks > 0).then(|| {
                venue.rest(
                    tape,
                    Entry {
                        side,
                        ticks,
                        size,
                        hidden: 0,
                        owner,
                    },
                )
            });
        }
    }
}

fn customer(side: Side, ticks: i32, size: u32) -> Entry {
    Entry {
        side,
        ticks,
        size,
        hidden: 0,
        owner: Owner::Background,
    }
}

/// The price step at a premium, in ticks.
const fn step_at(ticks: i32) -> i32 {
    if ticks <= COARSE_TICKS {
        1
    } else {
        COARSE_STEP
    }
}

/// A premium in points as ticks, rounded away from the market; offers are at least one tick.
fn on_grid(side: Side, points: f64) -> i32 {
    let fine = points * POINT as f64 / OPTION_TICK as f64;
    let step = step_at(fine as i32);
    let steps = fine / f64::from(step);
    match side {
        Side::Bid => libm::floor(steps) as i32 * step,
        Side::Ask | Side::None => (libm::ceil(steps) as i32 * step).max(1),
    }
}
