//! Taker pressure: one side takes the whole touch, again and again.
//!
//! An order that is worked by taking what is displayed, and no more, leaves a trace: events that
//! trade at one price and empty its level (a *take*). Whether one side takes more than its due is
//! asked of the same minutes: its share of the takes against its share of all other trades, by the
//! test of two proportions. So a crowd that leans to one side is its own baseline, and no history
//! is needed. A level that its owner refills at once was not taken.
//!
//! Minutes are of event time; the last [`MINUTES`] whole ones are judged when one is over. Counts are
//! events, not contracts. Absent on purpose: options, whose windows are the desk's (N4).

use undertow_core::event::Touch;
use undertow_core::types::{Nanos, Price, Side};

use super::profile::MINUTE;

/// Whole minutes that are judged together.
pub const MINUTES: usize = 5;

/// Takes of fewer contracts are a crowd's.
pub const SIZE_MIN: u64 = 2;

/// Fewer takes in all minutes say nothing.
const TAKES_MIN: u32 = 11;

/// From this many standard deviations on it is pressure. It goes on down to half of it.
const Z_MIN: f64 = 3.25;

/// Share of the takes that the pressing side has at least, in tenths.
const SHARE_MIN_TENTHS: u32 = 6;

/// One side's pressure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TakerPressure {
    /// The side that takes.
    pub side: Side,
    /// Standard deviations beyond its share of all other trades, positive.
    pub z: f64,
    /// Its takes in the minutes judged, and the other side's.
    pub takes: [u32; 2],
    /// Contracts or shares that its takes traded.
    pub size: u64,
    /// The end of the last minute judged.
    pub until: Nanos,
}

/// Events by side: bought, then sold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
struct Minute {
    takes: [u32; 2],
    others: [u32; 2],
    /// Size traded by takes.
    size: [u64; 2],
}

impl Minute {
    /// Standard deviations by which the buyers' share of the takes is above their share of the
    /// other trades; none where one of the kinds is missing. A trade of each side is added to what
    /// the deviation is of, so that it is never 0.
    fn z(&self) -> Option<f64> {
        let [takes, others] = [self.takes, self.others].map(|it| it[0] + it[1]);
        if takes == 0 || others == 0 {
            return None;
        }
        let (takes, others) = (f64::from(takes), f64::from(others));
        let bought = f64::from(self.takes[0]) / takes;
        let usual = f64::from(self.others[0]) / others;
        let all = f64::from(self.takes[0] + self.others[0] + 1) / (takes + others + 2.0);
        let variance = all * (1.0 - all) * (1.0 / takes + 1.0 / others);
        Some((bought - usual) / libm::sqrt(variance))
    }
}

/// The trades of the open event.
#[derive(Clone, Copy, Debug)]
struct Open {
    side: Side,
    price: Price,
    size: u64,
    size_min: u64,
    is_at_one_price: bool,
}

/// The last take: where a refill would show.
#[derive(Clone, Copy, Debug)]
struct Take {
    place: usize,
    price: Price,
    size: u64,
}

/// Watches one instrument's trades.
#[derive(Clone, Debug, Default)]
pub struct Takers {
    open: Option<Open>,
    /// By number of the minute, modulo their count.
    minutes: [Minute; MINUTES],
    /// The open minute's number.
    minute: u64,
    /// The last take of buyers, and of sellers.
    last: [Option<Take>; 2],
    pressure: Option<TakerPressure>,
    count: u64,
}

impl Takers {
    /// Over no trades.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a trade of the open event. It can be a take if the event trades `size_min` or more.
    #[inline]
    pub fn trade(&mut self, price: Price, size: u64, side: Side, size_min: u64) {
        match &mut self.open {
            Some(open) => {
                open.is_at_one_price &= open.price == price && open.side == side;
                open.size = open.size.saturating_add(size);
            }
            None => {
                self.open = Some(Open {
                    side,
                    price,
                    size,
                    size_min,
                    is_at_one_price: true,
                });
            }
        }
    }

    /// Ends the event at `now`, with the touch after it if that has moved.
    #[inline]
    pub fn end_event(&mut self, now: Nanos, touch: Option<&Touch>) {
        if now.0 / MINUTE.0 > self.minute {
            self.turn(now);
        }
        if let Some(open) = self.open.take() {
            self.count_event(&open, touch);
        }
    }

    /// When the open minute is over.
    #[must_use]
    pub(super) const fn due(&self) -> Nanos {
        Nanos((self.minute + 1).saturating_mul(MINUTE.0))
    }

    /// An order of `side` was refilled at `price` right after it was filled: what took it did not
    /// take the level.
    pub fn refill(&mut self, side: Side, price: Price) {
        let taker = match side {
            Side::Ask => 0,
            Side::Bid => 1,
            Side::None => return,
        };
        if let Some(take) = self.last[taker].take_if(|take| take.price == price) {
            let minute = &mut self.minutes[take.place];
            minute.takes[taker] = minute.takes[taker].saturating_sub(1);
            minute.size[taker] = minute.size[taker].saturating_sub(take.size);
            minute.others[taker] += 1;
        }
    }

    /// The pressure that stands.
    #[inline]
    #[must_use]
    pub const fn standing(&self) -> Option<TakerPressure> {
        self.pressure
    }

    /// Pressures since the session's start; one that goes on is one.
    #[inline]
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// Forgets everything, and counts from zero: a session starts.
    pub fn start_session(&mut self) {
        *self = Self::default();
    }

    fn count_event(&mut self, open: &Open, touch: Option<&Touch>) {
        let taker = match open.side {
            Side::Bid => 0,
            Side::Ask => 1,
            Side::None => return,
        };
        let is_emptied = touch.is_some_and(|touch| {
            let (best, is_beyond) = match open.side {
                Side::Bid => (touch.ask, touch.ask > open.price),
                Side::Ask | Side::None => (touch.bid, touch.bid < open.price),
            };
            is_beyond || !best.is_defined()
        });
        let place = place(self.minute);
        let minute = &mut self.minutes[place];
        if is_emptied && open.is_at_one_price && open.size >= open.size_min {
            minute.takes[taker] += 1;
            minute.size[taker] = minute.size[taker].saturating_add(open.size);
            self.last[taker] = Some(Take {
                place,
                price: open.price,
                size: open.size,
            });
        } else {
            minute.others[taker] += 1;
        }
    }

    /// A minute is over: judges the last ones, and opens that of `now`. After minutes without an
    /// event it judges again, for what stood may be over.
    #[cold]
    fn turn(&mut self, now: Nanos) {
        self.judge(self.minute + 1);
        let next = now.0 / MINUTE.0;
        let skipped = (next - self.minute - 1).min(MINUTES as u64);
        if skipped > 0 {
            for minute in next - skipped..next {
                self.forget(minute);
            }
            self.judge(next);
        }
        self.forget(next);
        self.minute = next;
    }

    /// Makes room for a minute. What was taken in the one that was there cannot be taken back.
    fn forget(&mut self, minute: u64) {
        let place = place(minute);
        self.minutes[place] = Minute::default();
        for last in &mut self.last {
            last.take_if(|take| take.place == place);
        }
    }

    /// Judges the minutes before minute `until`.
    fn judge(&mut self, until: u64) {
        let mut sum = Minute::default();
        for minute in &self.minutes {
            for side in 0..2 {
                sum.takes[side] += minute.takes[side];
                sum.others[side] += minute.others[side];
                sum.size[side] = sum.size[side].saturating_add(minute.size[side]);
            }
        }
        let before = self.pressure.take();
        let Some(z) = sum.z() else {
            return;
        };
        let (side, own) = if z > 0.0 {
            (Side::Bid, 0)
        } else {
            (Side::Ask, 1)
        };
        let takes = [sum.takes[own], sum.takes[1 - own]];
        let z = libm::fabs(z);
        let goes_on = before.is_some_and(|before| before.side == side);
        let is_large = takes[0] + takes[1] >= TAKES_MIN
            && 10 * takes[0] >= SHARE_MIN_TENTHS * (takes[0] + takes[1]);
        if (goes_on && z >= Z_MIN / 2.0) || (is_large && z >= Z_MIN) {
            self.count += u64::from(!goes_on);
            self.pressure = Some(TakerPressure {
                side,
                z,
                takes,
                size: sum.size[own],
                until: Nanos(until.saturating_mul(MINUTE.0)),
            });
        }
    }
}

/// Where a minute is kept.
const fn place(minute: u64) -> usize {
    (minute % MINUTES as u64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOUCH: Touch = Touch {
        bid: Price(100),
        ask: Price(101),
        ..Touch::EMPTY
    };
    const EMPTIED: Touch = Touch {
        ask: Price(102),
        ..TOUCH
    };

    /// `count` buys of `size` a second apart from `second` on; each leaves `after`.
    fn buy(takers: &mut Takers, second: u64, count: u64, size: u64, after: Option<&Touch>) {
        for at in second..second + count {
            takers.trade(Price(101), size, Side::Bid, SIZE_MIN);
            takers.end_event(Nanos(at * 1_000_000_000), after);
        }
    }

    fn sell(takers: &mut Takers, second: u64, count: u64, after: Option<&Touch>) {
        for at in second..second + count {
            takers.trade(Price(100), 5, Side::Ask, SIZE_MIN);
            takers.end_event(Nanos(at * 1_000_000_000), after);
        }
    }

    /// Lets the minute before `second` end.
    fn pass(takers: &mut Takers, second: u64) {
        takers.end_event(Nanos(second * 1_000_000_000), None);
    }

    #[test]
    fn side_that_takes_more_than_its_share_presses_until_it_stops() {
        let mut takers = Takers::new();
        buy(&mut takers, 0, 15, 5, Some(&EMPTIED));
        buy(&mut takers, 15, 10, 1, None);
        sell(&mut takers, 25, 12, None);
        assert_eq!(takers.standing(), None, "the minute is not over");
        pass(&mut takers, 61);
        let pressure = takers.standing().expect("pressure");
        let found = (pressure.side, pressure.takes, pressure.size);
        assert_eq!(found, (Side::Bid, [15, 0], 75));
        // Bought 15 of 15 takes, 10 of 22 others; 26 of 39 in all.
        let all = 26.0_f64 / 39.0;
        let expected = (1.0 - 10.0 / 22.0) / (all * (1.0 - all) * (1.0 / 15.0 + 1.0 / 22.0)).sqrt();
        assert!((pressure.z - expected).abs() < 1e-12, "{}", pressure.z);
        assert_eq!(pressure.until, Nanos(60_000_000_000));
        pass(&mut takers, 121);
        assert_eq!(takers.count(), 1, "it goes on");
        pass(&mut takers, 361);
        assert_eq!(takers.standing(), None, "five minutes without any");
        assert_eq!(takers.count(), 1);
    }

    #[test]
    fn crowd_that_leans_to_one_side_is_its_own_baseline() {
        let mut takers = Takers::new();
        buy(&mut takers, 0, 15, 5, Some(&EMPTIED));
        buy(&mut takers, 15, 40, 1, None);
        sell(&mut takers, 55, 2, None);
        pass(&mut takers, 61);
        assert_eq!(takers.standing(), None);
    }

    #[test]
    fn small_or_partial_or_through_several_prices_is_no_take() {
        let mut takers = Takers::new();
        buy(&mut takers, 0, 10, 1, Some(&EMPTIED));
        buy(&mut takers, 10, 10, 5, None);
        buy(&mut takers, 20, 10, 5, Some(&TOUCH));
        takers.trade(Price(101), 5, Side::Bid, SIZE_MIN);
        takers.trade(Price(102), 5, Side::Bid, SIZE_MIN);
        takers.end_event(Nanos(30_000_000_000), Some(&EMPTIED));
        sell(&mut takers, 31, 20, None);
        let none = Minute {
            takes: [0, 0],
            others: [31, 20],
            size: [0, 0],
        };
        assert_eq!(takers.minutes[0], none);
    }

    #[test]
    fn side_emptied_to_nothing_was_taken() {
        let mut takers = Takers::new();
        buy(&mut takers, 0, 1, 5, Some(&Touch::EMPTY));
        sell(&mut takers, 1, 1, Some(&Touch::EMPTY));
        assert_eq!(takers.minutes[0].takes, [1, 1]);
    }

    #[test]
    fn level_that_is_refilled_at_once_was_not_taken() {
        let mut takers = Takers::new();
        buy(&mut takers, 0, 2, 5, Some(&EMPTIED));
        takers.refill(Side::Ask, Price(99));
        takers.refill(Side::Bid, Price(101));
        assert_eq!(
            takers.minutes[0].takes,
            [2, 0],
            "another price, another side"
        );
        takers.refill(Side::Ask, Price(101));
        takers.refill(Side::Ask, Price(101));
        let minute = takers.minutes[0];
        let left = (minute.takes, minute.others, minute.size);
        assert_eq!(left, ([1, 0], [1, 0], [5, 0]), "once");
        buy(&mut takers, 2, 1, 5, Some(&EMPTIED));
        pass(&mut takers, 900);
        takers.refill(Side::Ask, Price(101));
        assert_eq!(takers.minutes, [Minute::default(); MINUTES], "long ago");
    }

    #[test]
    fn time_that_goes_back_or_has_no_end_breaks_nothing() {
        let mut takers = Takers::new();
        buy(&mut takers, 600, 3, 5, Some(&EMPTIED));
        takers.trade(Price(101), 5, Side::Bid, SIZE_MIN);
        takers.end_event(Nanos(0), Some(&EMPTIED));
        takers.end_event(Nanos(u64::MAX), None);
        takers.end_event(Nanos(u64::MAX), None);
        assert_eq!(takers.standing(), None);
    }
}
