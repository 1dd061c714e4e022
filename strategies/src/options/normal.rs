//! The standard normal distribution, with the same bits on every machine.

use core::f64::consts::{FRAC_1_SQRT_2, PI};

/// Density at `x`.
pub(super) fn density(x: f64) -> f64 {
    libm::exp(-0.5 * x * x) / libm::sqrt(2.0 * PI)
}

/// Share below `x`; exact to the last digits in both tails.
pub(super) fn below(x: f64) -> f64 {
    0.5 * libm::erfc(-x * FRAC_1_SQRT_2)
}
