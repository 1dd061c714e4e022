//! Health (R13): from the age of a heartbeat to whether its module is up, and from the use of a
//! limit to how near it is.
//!
//! Judgement only: who beats, and whose clock says how long ago, is the program's business. A
//! module beats at every turn of its loop, so an age of whole intervals means that it hangs in one
//! turn, and not that it has nothing to do.

use crate::types::Nanos;

/// A module has to beat once within this.
pub const BEAT_INTERVAL: Nanos = Nanos(15_000_000_000);

/// So many critical modules that are down at once halt the run: one can be waited for, while two
/// mean that nobody is left who could tell what the other does.
pub const DOWN_HALTS: usize = 2;

/// How a module is, by its last beat.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Liveness {
    /// It has beaten within the interval.
    Up,
    /// It has missed one beat.
    Late,
    /// It has missed two: it hangs, or is gone.
    Down,
}

impl Liveness {
    /// By the age of the last beat, and the interval in which one is due: up below it, late below
    /// twice that, down from there on. An interval of nothing finds everything down.
    #[must_use]
    pub const fn of_age(age: Nanos, interval: Nanos) -> Self {
        if age.0 < interval.0 {
            Self::Up
        } else if age.0 < interval.0.saturating_mul(2) {
            Self::Late
        } else {
            Self::Down
        }
    }

    /// The word shown to users.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Late => "late",
            Self::Down => "down",
        }
    }
}

/// How much of a limit is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum LimitUse {
    /// Less than 60 % of it.
    Normal,
    /// 60 % or more.
    Elevated,
    /// 80 % or more, from where on checks and breakers warn too.
    High,
    /// 90 % or more, beyond the limit included.
    Critical,
}

impl LimitUse {
    /// Of a number and the most that it may be, both in the same unit. What is not above nothing
    /// uses nothing; anything above a limit of nothing is critical.
    #[must_use]
    pub const fn of(value: i64, limit: i64) -> Self {
        if value <= 0 {
            return Self::Normal;
        }
        // In 128 bits no product of two numbers of 64 can overflow.
        let (used, whole) = (value as i128 * 100, limit as i128);
        if used >= whole * 90 {
            Self::Critical
        } else if used >= whole * 80 {
            Self::High
        } else if used >= whole * 60 {
            Self::Elevated
        } else {
            Self::Normal
        }
    }

    /// The word shown to users.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Elevated => "elevated",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r13_a_beat_is_late_from_one_interval_on_and_down_from_two() {
        let of = |ns| Liveness::of_age(Nanos(ns), BEAT_INTERVAL);
        assert_eq!(of(0), Liveness::Up);
        assert_eq!(of(14_999_999_999), Liveness::Up);
        assert_eq!(of(15_000_000_000), Liveness::Late);
        assert_eq!(of(29_999_999_999), Liveness::Late);
        assert_eq!(of(30_000_000_000), Liveness::Down);
        assert_eq!(of(u64::MAX), Liveness::Down);
        let endless = Nanos(u64::MAX);
        assert_eq!(
            Liveness::of_age(Nanos(u64::MAX - 1), endless),
            Liveness::Up,
            "twice the interval does not wrap"
        );
        assert_eq!(Liveness::of_age(Nanos(0), Nanos(0)), Liveness::Down);
    }

    #[test]
    fn r13_the_use_of_a_limit_is_told_from_60_80_and_90_per_cent_on() {
        let of = |value| LimitUse::of(value, 1_000);
        assert_eq!(of(0), LimitUse::Normal);
        assert_eq!(of(599), LimitUse::Normal);
        assert_eq!(of(600), LimitUse::Elevated);
        assert_eq!(of(799), LimitUse::Elevated);
        assert_eq!(of(800), LimitUse::High);
        assert_eq!(of(899), LimitUse::High);
        assert_eq!(of(900), LimitUse::Critical);
        assert_eq!(of(1_001), LimitUse::Critical);
        assert_eq!(of(-1_000), LimitUse::Normal, "a gain uses no limit of loss");
        assert_eq!(LimitUse::of(1, 0), LimitUse::Critical);
        assert_eq!(LimitUse::of(0, 0), LimitUse::Normal);
        assert_eq!(LimitUse::of(i64::MAX, i64::MAX), LimitUse::Critical);
        assert_eq!(LimitUse::of(1, i64::MAX), LimitUse::Normal);
        assert_eq!(LimitUse::of(1, -1), LimitUse::Critical);
    }
}
