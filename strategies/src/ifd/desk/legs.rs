//! Trades over several strikes (N10): what the windows of one slot make together.
//!
//! Every window of the slot that traded enough is a leg. They are sorted once, and only when a
//! candidate asks; a candidate looks at its nearest legs of the same expiry, a fixed number, so a
//! slot of thousands of options costs no more for each. What is found is told with the signal;
//! the specification gives it no part in the verdict.

use alloc::boxed::Box;

use undertow_core::types::{Nanos, Price};

use super::laid_out;
use crate::ifd::pressure::Dominance;
use crate::ifd::structure::{Leg, MultiStrike, is_butterfly, is_condor, risk_reversal};
use crate::options::Right;

/// A window of fewer contracts is no leg (N17 looks at nothing smaller).
const VOLUME_MIN: u64 = 10;
/// Legs that a candidate looks at to either side.
const NEAR: usize = 8;
/// Legs of a right that a candidate looks at.
const NEAR_MAX: usize = 2 * NEAR + 1;

/// A leg and the chain that it is of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    pub(super) underlying: u32,
    pub(super) expiry: Nanos,
    pub(super) leg: Leg,
}

impl Window {
    const NONE: Self = Self {
        underlying: 0,
        expiry: Nanos(0),
        leg: Leg {
            strike: Price(0),
            right: Right::Call,
            volume: 0,
            dominance: Dominance::Neutral,
        },
    };

    const fn place(&self) -> (u32, u64, u8, i64) {
        let Leg { strike, right, .. } = self.leg;
        (self.underlying, self.expiry.0, right as u8, strike.0)
    }
}

/// The legs of one slot.
#[derive(Clone, Debug)]
pub(super) struct Legs {
    windows: Box<[Window]>,
    len: usize,
    is_sorted: bool,
}

impl Legs {
    pub(super) fn new(options_max: usize) -> Self {
        Self {
            windows: laid_out(options_max, Window::NONE),
            len: 0,
            is_sorted: true,
        }
    }

    /// Another slot.
    pub(super) const fn clear(&mut self) {
        self.len = 0;
        self.is_sorted = true;
    }

    /// Adds a window, if it is a leg. There is room for one of every option.
    pub(super) fn join(&mut self, window: Window) {
        if window.leg.volume < VOLUME_MIN || !window.leg.strike.is_defined() {
            return;
        }
        if let Some(place) = self.windows.get_mut(self.len) {
            *place = window;
            self.len += 1;
            self.is_sorted = false;
        }
    }

    /// What a window makes with others of its expiry: the structure of most legs.
    pub(super) fn find(&mut self, own: &Window) -> Option<MultiStrike> {
        if !self.is_sorted {
            self.windows[..self.len].sort_unstable_by_key(Window::place);
            self.is_sorted = true;
        }
        let (same, count) = self.near(own, own.leg.right);
        let same = &same[..count];
        let at = same.iter().position(|leg| leg.strike == own.leg.strike)?;
        if has_condor(same, at) {
            return Some(MultiStrike::Condor);
        }
        if has_butterfly(same, at) {
            return Some(MultiStrike::Butterfly);
        }
        let other = match own.leg.right {
            Right::Call => Right::Put,
            Right::Put => Right::Call,
        };
        let (others, count) = self.near(own, other);
        let is_reversal = others[..count].iter().any(|other| {
            let (call, put) = match own.leg.right {
                Right::Call => (&own.leg, other),
                Right::Put => (other, &own.leg),
            };
            risk_reversal(call, put).is_some()
        });
        is_reversal.then_some(MultiStrike::RiskReversal)
    }

    /// The legs of a right nearest to a window's strike, in its expiry, by ascending strike.
    fn near(&self, own: &Window, right: Right) -> ([Leg; NEAR_MAX], usize) {
        let leg = Leg { right, ..own.leg };
        let wanted = Window { leg, ..*own };
        let windows = &self.windows[..self.len];
        let at = windows.partition_point(|it| it.place() < wanted.place());
        let (from, to) = (at.saturating_sub(NEAR), (at + NEAR + 1).min(self.len));
        let mut near = ([Window::NONE.leg; NEAR_MAX], 0);
        for window in &windows[from..to] {
            let is_same = (window.underlying, window.expiry) == (own.underlying, own.expiry);
            if is_same && window.leg.right == right {
                near.0[near.1] = window.leg;
                near.1 += 1;
            }
        }
        near
    }
}

fn has_butterfly(legs: &[Leg], own: usize) -> bool {
    let triples = (0..legs.len()).flat_map(|b| (0..b).map(move |a| [a, b]));
    let mut with_own = triples.flat_map(|[a, b]| (b + 1..legs.len()).map(move |c| [a, b, c]));
    with_own.any(|places| places.contains(&own) && is_butterfly(&places.map(|place| legs[place])))
}

/// Four legs of one right: those of both rights are told as a risk reversal, or not at all.
fn has_condor(legs: &[Leg], own: usize) -> bool {
    let count = legs.len();
    let pairs = (0..count).flat_map(|b| (0..b).map(move |a| [a, b]));
    let mut fours = pairs.flat_map(|[a, b]| {
        let upper = (b + 1..count).flat_map(move |c| (c + 1..count).map(move |d| [c, d]));
        upper.map(move |[c, d]| [a, b, c, d])
    });
    fours.any(|places| places.contains(&own) && is_condor(&places.map(|place| legs[place])))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(right: Right, strike: i64, volume: u64, dominance: Dominance) -> Window {
        Window {
            underlying: 1,
            expiry: Nanos(7),
            leg: Leg {
                strike: Price(strike * Price::PER_POINT),
                right,
                volume,
                dominance,
            },
        }
    }

    fn call(strike: i64, volume: u64) -> Window {
        window(Right::Call, strike, volume, Dominance::Buy)
    }

    fn found(windows: &[Window]) -> Option<MultiStrike> {
        let mut legs = Legs::new(64);
        for window in windows.iter().rev() {
            legs.join(*window);
        }
        legs.find(&windows[0])
    }

    #[test]
    fn butterfly_condor_and_risk_reversal_are_told_from_any_of_their_legs() {
        let butterfly = [call(100, 50), call(125, 100), call(150, 50)];
        let condor = [call(100, 50), call(125, 55), call(175, 45), call(200, 50)];
        let reversal = [call(200, 50), window(Right::Put, 100, 400, Dominance::Sell)];
        let cases = [
            (&butterfly[..], MultiStrike::Butterfly),
            (&condor[..], MultiStrike::Condor),
            (&reversal[..], MultiStrike::RiskReversal),
        ];
        for (windows, expected) in cases {
            let mut turned = windows.to_vec();
            for _ in 0..windows.len() {
                turned.rotate_left(1);
                assert_eq!(found(&turned), Some(expected), "{turned:?}");
            }
        }
    }

    #[test]
    fn legs_of_another_expiry_underlying_or_size_make_nothing() {
        let [a, b, c] = [call(100, 50), call(125, 100), call(150, 50)];
        let later = Window {
            expiry: Nanos(8),
            ..c
        };
        let elsewhere = Window { underlying: 2, ..c };
        assert_eq!(found(&[a, b, later]), None);
        assert_eq!(found(&[a, b, elsewhere]), None);
        assert_eq!(found(&[a, b, call(150, 9)]), None, "too few to be a leg");
        assert_eq!(found(&[a, b, call(160, 50)]), None, "not even");
        let bought = window(Right::Put, 100, 50, Dominance::Buy);
        assert_eq!(found(&[call(100, 50), bought]), None, "both bought");
    }

    #[test]
    fn slot_before_is_forgotten_and_more_legs_than_room_are_left_out() {
        let mut legs = Legs::new(2);
        for window in [call(100, 50), call(125, 100), call(150, 50)] {
            legs.join(window);
        }
        assert_eq!(legs.find(&call(100, 50)), None, "the third had no room");
        legs.clear();
        assert_eq!(legs.find(&call(100, 50)), None);
    }
}
