//! Circuit breakers (R2): ARMED → WARN → TRIPPED → COOLING → ARMED.
//!
//! A breaker compares one number with its limit, warns from 80 % of it, and trips at it. It stays
//! tripped until the number is below the limit and, where that is asked for, the operator has
//! cleared it; then it cools for the rest of its time, blocking still, and is armed again.
//! Nothing here trips without a number: a missing input blocks entries, but latches nothing.

use crate::types::Nanos;

/// The breakers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum BreakerKind {
    /// Loss of the day. Cleared by the operator, in a new session.
    DailyLoss,
    /// Fall from the highest equity. Cleared by the operator.
    Drawdown,
    /// Losing days in a row. Ends with a winning day or the operator.
    LosingDays,
    /// Losing trades in a row. Cools off by itself.
    LosingTrades,
    /// The market moves too fast. Cools off by itself.
    Volatility,
    /// Grave errors of our own. Cools off by itself.
    SystemErrors,
}

impl BreakerKind {
    /// How many there are.
    pub const COUNT: usize = 6;

    /// All of them.
    pub const ALL: [Self; Self::COUNT] = [
        Self::DailyLoss,
        Self::Drawdown,
        Self::LosingDays,
        Self::LosingTrades,
        Self::Volatility,
        Self::SystemErrors,
    ];

    /// The name shown to users.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::DailyLoss => "daily_loss",
            Self::Drawdown => "drawdown",
            Self::LosingDays => "losing_days",
            Self::LosingTrades => "losing_trades",
            Self::Volatility => "volatility",
            Self::SystemErrors => "system_errors",
        }
    }

    /// Whether only the operator can end it.
    #[must_use]
    pub const fn needs_operator(self) -> bool {
        matches!(self, Self::DailyLoss | Self::Drawdown)
    }
}

/// Where a breaker stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[repr(u8)]
pub enum Phase {
    /// Far from its limit.
    #[default]
    Armed,
    /// At 80 % of it or more.
    Warn,
    /// At its limit: nothing new is opened.
    Tripped,
    /// The cause is gone, the time is not yet up: nothing new is opened.
    Cooling,
}

impl Phase {
    /// Whether it blocks what opens.
    #[must_use]
    pub const fn blocks(self) -> bool {
        matches!(self, Self::Tripped | Self::Cooling)
    }

    /// The word shown to users.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Armed => "ARMED",
            Self::Warn => "WARN",
            Self::Tripped => "TRIPPED",
            Self::Cooling => "COOLING",
        }
    }
}

/// One breaker's state, kept across restarts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Breaker {
    /// Where it stands.
    pub phase: Phase,
    /// Whether the operator has cleared it since it tripped.
    pub is_cleared: bool,
    /// When it tripped last; 0 for never.
    pub at: Nanos,
}

/// What a breaker is asked at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The number.
    pub value: i64,
    /// Where it trips.
    pub limit: i64,
    /// How long it cools, from the trip.
    pub cool_ns: i64,
}

impl Breaker {
    /// Takes the number as it is now. Returns whether it has just tripped.
    pub fn step(&mut self, kind: BreakerKind, now: Nanos, reading: Reading) -> bool {
        let is_over = reading.value >= reading.limit;
        match self.phase {
            Phase::Armed | Phase::Warn if is_over => return self.trip(now),
            Phase::Cooling if is_over => return self.trip(now),
            Phase::Armed | Phase::Warn => self.phase = rest(reading),
            Phase::Tripped => {
                if !is_over && (self.is_cleared || !kind.needs_operator()) {
                    self.phase = Phase::Cooling;
                    self.cool(now, reading);
                }
            }
            Phase::Cooling => self.cool(now, reading),
        }
        false
    }

    /// The operator has looked at it and takes it on.
    pub fn clear(&mut self) {
        if self.phase == Phase::Tripped {
            self.is_cleared = true;
        }
    }

    fn trip(&mut self, now: Nanos) -> bool {
        *self = Self {
            phase: Phase::Tripped,
            is_cleared: false,
            at: now,
        };
        true
    }

    fn cool(&mut self, now: Nanos, reading: Reading) {
        let cooled = now.0.saturating_sub(self.at.0);
        if cooled >= u64::try_from(reading.cool_ns).unwrap_or(0) {
            self.phase = rest(reading);
        }
    }
}

/// The phase of a breaker whose number is below its limit. Warns from 80 % of it.
fn rest(reading: Reading) -> Phase {
    let (value, limit) = (i128::from(reading.value), i128::from(reading.limit));
    if value * 100 >= limit * 80 {
        Phase::Warn
    } else {
        Phase::Armed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COOL: i64 = 100;

    fn step(breaker: &mut Breaker, kind: BreakerKind, now: u64, value: i64) -> Phase {
        let reading = Reading {
            value,
            limit: 1_000,
            cool_ns: COOL,
        };
        breaker.step(kind, Nanos(now), reading);
        breaker.phase
    }

    #[test]
    fn a_breaker_warns_at_80_percent_and_trips_at_its_limit() {
        let cases = [
            (0, Phase::Armed),
            (-5_000, Phase::Armed),
            (799, Phase::Armed),
            (800, Phase::Warn),
            (999, Phase::Warn),
            (1_000, Phase::Tripped),
        ];
        for kind in BreakerKind::ALL {
            for (value, phase) in cases {
                assert_eq!(step(&mut Breaker::default(), kind, 1, value), phase);
            }
        }
    }

    #[test]
    fn one_that_cools_by_itself_blocks_until_its_time_is_up() {
        let mut breaker = Breaker::default();
        let kind = BreakerKind::Volatility;
        assert_eq!(step(&mut breaker, kind, 10, 1_000), Phase::Tripped);
        assert_eq!(step(&mut breaker, kind, 50, 1_000), Phase::Tripped);
        assert_eq!(step(&mut breaker, kind, 60, 999), Phase::Cooling);
        assert!(breaker.phase.blocks());
        assert_eq!(step(&mut breaker, kind, 109, 0), Phase::Cooling);
        assert_eq!(step(&mut breaker, kind, 110, 0), Phase::Armed);
    }

    #[test]
    fn one_that_trips_while_cooling_starts_again() {
        let mut breaker = Breaker::default();
        let kind = BreakerKind::SystemErrors;
        step(&mut breaker, kind, 10, 1_000);
        step(&mut breaker, kind, 20, 0);
        assert_eq!(step(&mut breaker, kind, 30, 1_000), Phase::Tripped);
        assert_eq!(breaker.at, Nanos(30));
        assert_eq!(step(&mut breaker, kind, 110, 0), Phase::Cooling);
        assert_eq!(step(&mut breaker, kind, 130, 900), Phase::Warn);
    }

    #[test]
    fn one_of_the_operator_stays_tripped_until_cleared() {
        for kind in [BreakerKind::DailyLoss, BreakerKind::Drawdown] {
            let mut breaker = Breaker::default();
            breaker.clear();
            assert!(!breaker.is_cleared, "nothing to clear beforehand");
            step(&mut breaker, kind, 10, 1_000);
            assert_eq!(step(&mut breaker, kind, 10_000, 0), Phase::Tripped);
            breaker.clear();
            assert_eq!(step(&mut breaker, kind, 10_000, 1_000), Phase::Tripped);
            assert_eq!(step(&mut breaker, kind, 10_000, 999), Phase::Warn);
            assert_eq!(step(&mut breaker, kind, 10_001, 1_000), Phase::Tripped);
            assert!(!breaker.is_cleared, "clearing holds for one trip");
        }
    }

    #[test]
    fn a_trip_is_told_once() {
        let mut breaker = Breaker::default();
        let reading = Reading {
            value: 1,
            limit: 1,
            cool_ns: 0,
        };
        assert!(breaker.step(BreakerKind::DailyLoss, Nanos(1), reading));
        assert!(!breaker.step(BreakerKind::DailyLoss, Nanos(2), reading));
    }

    #[test]
    fn names_are_distinct() {
        let mut names = BreakerKind::ALL.map(BreakerKind::name);
        names.sort_unstable();
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]));
        let phases = [Phase::Armed, Phase::Warn, Phase::Tripped, Phase::Cooling];
        assert_eq!(phases.map(Phase::blocks), [false, false, true, true]);
        assert_eq!(
            phases.map(Phase::name),
            ["ARMED", "WARN", "TRIPPED", "COOLING"]
        );
    }
}
