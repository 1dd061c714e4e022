//! How old what a measure stands on is (M7).
//!
//! A measure is as old as its oldest input; an input without a timestamp is of unknown age, and
//! nothing of unknown age is fresh.

use undertow_core::types::Nanos;

/// Oldest that a book or quote may be for a signal.
pub const BOOK_AGE_MAX: Nanos = Nanos(5_000_000_000);

/// Oldest that what comes from a polled chain may be for a signal.
pub const CHAIN_AGE_MAX: Nanos = Nanos(60_000_000_000);

/// The age at `now` of what stands on inputs of these timestamps; absent when one of them is
/// undefined, or there is none. A timestamp ahead of `now` is of age 0.
#[must_use]
pub fn age(now: Nanos, inputs: impl IntoIterator<Item = Nanos>) -> Option<Nanos> {
    let mut oldest = None;
    for input in inputs {
        if !input.is_defined() {
            return None;
        }
        oldest = Some(oldest.map_or(input, |oldest: Nanos| oldest.min(input)));
    }
    oldest.map(|oldest| Nanos(now.0.saturating_sub(oldest.0)))
}

/// Whether an age is known and at most `max`.
#[must_use]
pub fn is_fresh(age: Option<Nanos>, max: Nanos) -> bool {
    age.is_some_and(|age| age <= max)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn m7_oldest_input_decides() {
        let now = Nanos(36_001 * SECOND);
        let fresh = Nanos(36_000 * SECOND);
        let four_and_a_half = age(now, [fresh, Nanos(35_996 * SECOND + SECOND / 2)]);
        assert_eq!(four_and_a_half, Some(Nanos(4_500_000_000)));
        assert!(is_fresh(four_and_a_half, BOOK_AGE_MAX));
        let late = age(now, [Nanos(35_995 * SECOND + 999_000_000), fresh]);
        assert_eq!(late, Some(Nanos(5_001_000_000)));
        assert!(!is_fresh(late, BOOK_AGE_MAX));
        assert!(is_fresh(late, CHAIN_AGE_MAX));
        assert!(
            is_fresh(age(now, [Nanos(35_996 * SECOND)]), BOOK_AGE_MAX),
            "5 s is within"
        );
    }

    #[test]
    fn m7_unknown_time_is_never_fresh() {
        let now = Nanos(SECOND);
        for inputs in [[now, Nanos::UNDEFINED], [Nanos(0), now]] {
            assert_eq!(age(now, inputs), None);
            assert!(!is_fresh(age(now, inputs), Nanos(u64::MAX)));
        }
        assert_eq!(age(now, []), None);
        assert_eq!(age(now, [Nanos(2 * SECOND)]), Some(Nanos(0)));
    }
}
