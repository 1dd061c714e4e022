//! Comparisons whose borders are exact (§0).
//!
//! Prices are compared as integers. Measures are `f64`, where .65 − .5 is not .15; two measures
//! nearer than 1e-9 count as equal, so that a decimal which no float holds never decides.

use undertow_core::types::Price;

/// Nearer than this, two measures are equal.
const NEAR: f64 = 1e-9;

/// How many basis points make one.
const BPS: i128 = 10_000;

/// `int()` of the specification: truncation toward zero after adding 1e-9, so that a product that
/// is whole in exact arithmetic does not lose a point.
#[must_use]
pub fn points(x: f64) -> i32 {
    // The cast saturates, and takes what is not a number as 0.
    (x + NEAR) as i32
}

/// Whether `x ≥ threshold`.
#[must_use]
pub fn at_least(x: f64, threshold: f64) -> bool {
    x >= threshold - NEAR
}

/// Whether `x > threshold`.
#[must_use]
pub fn above(x: f64, threshold: f64) -> bool {
    x > threshold + NEAR
}

/// Whether `x < threshold`.
#[must_use]
pub fn below(x: f64, threshold: f64) -> bool {
    x < threshold - NEAR
}

/// Whether the move `to/from − 1` is above `bps`. None is, from a price that is not positive.
#[must_use]
pub fn rises_beyond(from: Price, to: Price, bps: i64) -> bool {
    from.0 > 0 && gain(from, to) * BPS > i128::from(bps) * i128::from(from.0)
}

/// Whether the move `to/from − 1` is below `−bps`. None is, from a price that is not positive.
#[must_use]
pub fn falls_beyond(from: Price, to: Price, bps: i64) -> bool {
    from.0 > 0 && -gain(from, to) * BPS > i128::from(bps) * i128::from(from.0)
}

/// Whether `|a − b| / base ≤ bps`. None is, of a base that is not positive.
#[must_use]
pub fn is_within(a: Price, b: Price, base: Price, bps: i64) -> bool {
    base.0 > 0 && gain(a, b).abs() * BPS <= i128::from(bps) * i128::from(base.0)
}

/// Whether the move from `near` to `last` is larger, in either direction, than the one from `far`.
#[must_use]
pub fn is_larger_move(last: Price, near: Price, far: Price) -> bool {
    let size = |from: Price, base: Price| gain(from, last).abs().checked_mul(i128::from(base.0));
    near.0 > 0 && far.0 > 0 && size(near, far) > size(far, near)
}

/// `to − from`, which no difference of two prices overflows.
fn gain(from: Price, to: Price) -> i128 {
    i128::from(to.0) - i128::from(from.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_that_no_float_holds_do_not_decide() {
        assert_eq!(points(0.29 * 100.0), 29);
        assert_eq!(points(-0.5), 0);
        assert_eq!(points(f64::NAN), 0);
        assert!(at_least((0.2_f64 - 0.5).abs(), 0.3));
        assert!(!above(0.65 - 0.5, 0.15));
        assert!(!below(1.0 - 0.65, 0.35));
    }

    #[test]
    fn moves_are_compared_as_integers() {
        let (from, to) = (Price(1_000_000_000_000), Price(1_001_000_000_000));
        assert!(!rises_beyond(from, to, 10));
        assert!(rises_beyond(from, Price(to.0 + 1), 10));
        assert!(falls_beyond(to, from, 9));
        assert!(!rises_beyond(Price(0), to, 10));
        assert!(is_within(from, to, from, 10) && !is_within(from, Price(to.0 + 1), from, 10));
        assert!(is_larger_move(Price(103), Price(100), Price(102)));
        assert!(!is_larger_move(Price(103), Price(102), Price(100)));
    }
}
