//! Who has more skin in the game (N2): the premium that holders of out-of-the-money calls and
//! puts stand to lose, and the strikes where the fight is.
//!
//! Distances are tested on integer prices and premium at risk is integer money, so a border is
//! a border on every machine.

use alloc::vec::Vec;
use core::cmp::{Ordering, Reverse};

use undertow_core::types::Price;

use super::chain::Line;
use super::{Right, Usd, distance};

/// Zones listed.
const ZONES_MAX: usize = 5;

/// A zone with at least this share of all premium at risk is a battle zone, per cent.
const BATTLE_PER_CENT: i128 = 15;

/// What N2 says of one expiry.
#[derive(Clone, Debug, PartialEq)]
pub struct Positioning {
    /// Premium at risk in the calls.
    pub call: Usd,
    /// Premium at risk in the puts.
    pub put: Usd,
    /// Positions at risk, the most dangerous first; all of them.
    pub zones: Vec<Zone>,
    /// Contracts traded today where nothing was open before, out of the money.
    pub new: Vec<NewPosition>,
    /// Out-of-the-money positions without a mark: their risk is unknown and left out.
    pub unmarked: usize,
}

/// One out-of-the-money position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Zone {
    /// Strike.
    pub strike: Price,
    /// Call or put.
    pub right: Right,
    /// Premium at risk.
    pub risk: Usd,
    /// Distance from spot.
    pub distance: Price,
    /// How near that is.
    pub reach: Reach,
    /// Premium at risk, weighed by nearness.
    pub danger: Usd,
    /// What today's volume adds to it.
    pub reinforcement: Reinforcement,
    /// Whether it holds 15 % or more of all premium at risk.
    pub is_battle: bool,
    /// How soon it matters, by distance in per cent of spot.
    pub urgency: Urgency,
    /// The right with 1.2 times the other's premium at this strike, in or out of the money.
    pub dominant: Option<Right>,
}

/// Volume where nothing was open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewPosition {
    /// Strike.
    pub strike: Price,
    /// Call or put.
    pub right: Right,
    /// Contracts traded.
    pub volume: u64,
}

/// Nearness in points of the underlying.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Reach {
    /// Within 10 points: danger is three times the risk.
    Immediate,
    /// Within 25 points: twice.
    Near,
    /// Within 50 points: once.
    Medium,
    /// Beyond: half.
    Distant,
}

impl Reach {
    fn of(distance: Price) -> Self {
        let within = |points: i64| distance.0 <= points * Price::PER_POINT;
        if within(10) {
            Self::Immediate
        } else if within(25) {
            Self::Near
        } else if within(50) {
            Self::Medium
        } else {
            Self::Distant
        }
    }

    /// Danger for one of risk, in halves.
    const fn halves(self) -> i64 {
        match self {
            Self::Immediate => 6,
            Self::Near => 4,
            Self::Medium => 2,
            Self::Distant => 1,
        }
    }

    /// The word shown to users.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Immediate => "immediate",
            Self::Near => "near",
            Self::Medium => "medium",
            Self::Distant => "distant",
        }
    }
}

/// What today's volume adds to a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Reinforcement {
    /// More than all that is open.
    Heavy,
    /// More than half of it.
    Moderate,
    /// Less: it was there before.
    Existing,
}

impl Reinforcement {
    const fn of(volume: u64, open_interest: u64) -> Self {
        if volume > open_interest {
            Self::Heavy
        } else if volume.saturating_mul(2) > open_interest {
            Self::Moderate
        } else {
            Self::Existing
        }
    }

    /// The word shown to users.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Heavy => "heavy",
            Self::Moderate => "moderate",
            Self::Existing => "existing",
        }
    }
}

/// How soon a position matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Urgency {
    /// Less than 1 % away.
    Critical,
    /// Less than 2 % away.
    High,
    /// Farther.
    Normal,
}

impl Urgency {
    fn of(distance: Price, spot: Price) -> Self {
        let hundredths = i128::from(distance.0) * 100;
        if hundredths < i128::from(spot.0) {
            Self::Critical
        } else if hundredths < i128::from(spot.0) * 2 {
            Self::High
        } else {
            Self::Normal
        }
    }
}

/// Who has more to lose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Verdict {
    /// The calls, by more than twice: they pull up.
    CallDominance,
    /// Neither.
    Balanced,
    /// The puts, by more than twice: they pull down.
    PutDominance,
}

impl Verdict {
    /// The verdict in words.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::CallDominance => "the call side has more to lose: upward pull",
            Self::Balanced => "balanced",
            Self::PutDominance => "the put side has more to lose: downward pull",
        }
    }
}

/// Calls at risk for one of puts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum RiskRatio {
    /// A number above or equal to 0; 1 when neither side has anything to lose.
    Of(f64),
    /// Only the calls have something to lose.
    OnlyCalls,
}

impl Positioning {
    /// Weighs the strikes of one expiry, at dollars a point: 20 for NQ, 2 for MNQ. Empty when
    /// `spot` is not above 0.
    #[must_use]
    pub fn of(lines: &[Line], spot: Price, multiplier: u32) -> Self {
        let mut found = Self {
            call: Usd(0),
            put: Usd(0),
            zones: Vec::new(),
            new: Vec::new(),
            unmarked: 0,
        };
        if !spot.is_defined() || spot.0 <= 0 {
            return found;
        }
        for line in lines {
            found.weigh(line, spot, multiplier);
        }
        let total = i128::from(found.call.plus(found.put).0);
        for zone in &mut found.zones {
            let share = i128::from(zone.risk.0) * 100;
            zone.is_battle = total > 0 && total * BATTLE_PER_CENT <= share;
        }
        found
            .zones
            .sort_by_key(|zone| (Reverse(zone.danger), zone.distance, zone.right));
        found
    }

    /// The zones to show: the five most dangerous.
    #[must_use]
    pub fn top(&self) -> &[Zone] {
        &self.zones[..self.zones.len().min(ZONES_MAX)]
    }

    /// Calls at risk for one of puts.
    #[must_use]
    pub fn ratio(&self) -> RiskRatio {
        match (self.call.0, self.put.0) {
            (0, 0) => RiskRatio::Of(1.0),
            (_, 0) => RiskRatio::OnlyCalls,
            (call, put) => RiskRatio::Of(call as f64 / put as f64),
        }
    }

    /// Who has more to lose: more than twice as much.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let (call, put) = (i128::from(self.call.0), i128::from(self.put.0));
        if put * 2 < call {
            Verdict::CallDominance
        } else if call * 2 < put {
            Verdict::PutDominance
        } else {
            Verdict::Balanced
        }
    }

    /// The side whose nearest strike is closer to spot, which is under pressure: puts mean a
    /// lean downward. Absent when they are equally near, or one side has nothing at risk.
    #[must_use]
    pub fn pressured(&self) -> Option<Right> {
        let nearest = |right: Right| {
            let zones = self.zones.iter().filter(|zone| zone.right == right);
            zones.map(|zone| zone.distance).min()
        };
        match nearest(Right::Call)?.cmp(&nearest(Right::Put)?) {
            Ordering::Less => Some(Right::Call),
            Ordering::Greater => Some(Right::Put),
            Ordering::Equal => None,
        }
    }

    fn weigh(&mut self, line: &Line, spot: Price, multiplier: u32) {
        let (right, leg) = match line.strike.cmp(&spot) {
            Ordering::Greater => (Right::Call, line.call),
            Ordering::Less => (Right::Put, line.put),
            Ordering::Equal => return,
        };
        if leg.open_interest == 0 {
            if leg.volume > 0 {
                self.new.push(NewPosition {
                    strike: line.strike,
                    right,
                    volume: leg.volume,
                });
            }
            return;
        }
        let Some(mark) = leg.mark else {
            self.unmarked += 1;
            return;
        };
        let risk = Usd::premium(mark, leg.open_interest, multiplier);
        let away = distance(line.strike, spot);
        let reach = Reach::of(away);
        let side = match right {
            Right::Call => &mut self.call,
            Right::Put => &mut self.put,
        };
        *side = side.plus(risk);
        self.zones.push(Zone {
            strike: line.strike,
            right,
            risk,
            distance: away,
            reach,
            danger: Usd(risk.0.saturating_mul(reach.halves()) / 2),
            reinforcement: Reinforcement::of(leg.volume, leg.open_interest),
            is_battle: false,
            urgency: Urgency::of(away, spot),
            dominant: dominant(line, multiplier),
        });
    }
}

/// Premium at risk in calls and puts out of the money, without the zones: allocates nothing.
#[must_use]
pub fn premiums_at_risk(lines: &[Line], spot: Price, multiplier: u32) -> [Usd; 2] {
    let mut sums = [Usd(0); 2];
    for line in lines {
        let (side, leg) = match line.strike.cmp(&spot) {
            Ordering::Greater => (0, line.call),
            Ordering::Less => (1, line.put),
            Ordering::Equal => continue,
        };
        if let Some(mark) = leg.mark {
            sums[side] = sums[side].plus(Usd::premium(mark, leg.open_interest, multiplier));
        }
    }
    sums
}

/// The right whose premium at a strike is more than 1.2 times the other's.
fn dominant(line: &Line, multiplier: u32) -> Option<Right> {
    let premium = |leg: super::chain::Leg| {
        let mark = leg.mark.unwrap_or(Price(0));
        i128::from(Usd::premium(mark, leg.open_interest, multiplier).0)
    };
    let (call, put) = (premium(line.call), premium(line.put));
    if put * 12 < call * 10 {
        Some(Right::Call)
    } else if call * 12 < put * 10 {
        Some(Right::Put)
    } else {
        None
    }
}
