//! What an option on a future is worth: Black's formula of 1976 without interest, with a smile.
//!
//! Floats are fine here: this is an opinion of simulated market makers, and it becomes a price
//! in ticks before anyone sees it. Units are points and years.

use dbn::InstrumentClass;

/// One year, in nanoseconds.
pub(super) const YEAR_NS: f64 = 365.0 * 86_400.0 * 1e9;

/// Value in points; `years` to expiry, `vol` a year.
pub(super) fn black(
    class: InstrumentClass,
    forward: f64,
    strike: f64,
    years: f64,
    vol: f64,
) -> f64 {
    let deviation = vol * libm::sqrt(years.max(1e-9));
    let d1 = libm::log(forward / strike) / deviation + 0.5 * deviation;
    let d2 = d1 - deviation;
    let call = forward * normal_below(d1) - strike * normal_below(d2);
    let value = if class == InstrumentClass::Put {
        call - forward + strike
    } else {
        call
    };
    value.max(0.0)
}

/// Volatility by distance from the money: puts cost more, and both wings rise.
pub(super) fn smile(forward: f64, strike: f64, years: f64) -> f64 {
    let distance = libm::log(strike / forward) / libm::sqrt(years.max(1.0 / 365.0));
    (0.19 - 0.12 * distance + 0.25 * distance * distance).clamp(0.08, 1.2)
}

/// Share of a standard normal below `x`.
fn normal_below(x: f64) -> f64 {
    0.5 * libm::erfc(-x * core::f64::consts::FRAC_1_SQRT_2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn black_agrees_with_published_values() {
        // Hull's European futures option: F = K = 20, 4 months, 25 %, here undiscounted.
        let put = black(InstrumentClass::Put, 20.0, 20.0, 4.0 / 12.0, 0.25);
        assert!(
            (put - 1.1166 * libm::exp(0.09 * 4.0 / 12.0)).abs() < 5e-4,
            "{put}"
        );
        let call = black(InstrumentClass::Call, 24_800.0, 24_500.0, 0.02, 0.2);
        let put = black(InstrumentClass::Put, 24_800.0, 24_500.0, 0.02, 0.2);
        assert!((call - put - 300.0).abs() < 1e-6, "parity: {call} {put}");
    }
}
