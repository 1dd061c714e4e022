//! The search for an implied volatility, by the `implied-vol` crate (Jäckel's "Let's be rational").
//!
//! The crate needs the standard library and its last bits are those of the platform's `exp`, so
//! it lives here, on the cold side. When a price has a volatility at all is decided by
//! [`undertow_strategies::options::implied`].

use implied_vol::{DefaultSpecialFn, ImpliedBlackVolatility};
use undertow_strategies::options::Right;
use undertow_strategies::options::implied::{NoVolatility, Undiscounted, volatility};
use undertow_strategies::options::pricing::Terms;

/// The volatility at which an option is worth `price` points.
///
/// # Errors
/// Why there is none.
pub fn implied_vol(terms: &Terms, price: f64) -> Result<f64, NoVolatility> {
    volatility(terms, price, search)
}

/// The search itself, of what is no arbitrage.
#[must_use]
pub fn search(asked: &Undiscounted) -> Option<f64> {
    ImpliedBlackVolatility::builder()
        .option_price(asked.price)
        .forward(asked.forward)
        .strike(asked.strike)
        .expiry(asked.years)
        .is_call(asked.right == Right::Call)
        .build()?
        .calculate::<DefaultSpecialFn>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use undertow_strategies::options::pricing::Model;

    proptest! {
        /// What is priced and inverted comes back, wherever the price still tells volatilities
        /// apart.
        #[test]
        fn price_and_volatility_are_each_others_inverse(
            is_call: bool,
            moneyness in 0.7..1.4_f64,
            years in 0.002..3.0_f64,
            vol in 0.03..2.0_f64,
            rate in -0.02..0.08_f64,
            dividend in 0.0..0.04_f64,
            is_future: bool,
        ) {
            let right = if is_call { Right::Call } else { Right::Put };
            let model = if is_future {
                Model::Black76 { rate }
            } else {
                Model::BlackScholesMerton { rate, dividend }
            };
            let terms = Terms::new(right, [1_000.0, 1_000.0 * moneyness], years, model);
            let terms = terms.expect("sound terms");
            let greeks = terms.greeks(vol).expect("a volatility");
            // A price whose volatility moves it by less than rounding says nothing about it.
            let vega = greeks.vega.unwrap_or(0.0);
            prop_assume!(vega > 1e-3);
            let found = implied_vol(&terms, greeks.price).expect("a volatility");
            let blur = 1e-12 * greeks.price.max(1_000.0) / vega;
            prop_assert!((found - vol).abs() <= 1e-9 + blur, "{found} {vol}");
        }

        /// Whatever is asked, the answer is a volatility in its range or a reason.
        #[test]
        fn s10_no_price_makes_a_volatility_up(
            is_call: bool,
            underlying: f64,
            strike: f64,
            years: f64,
            rate: f64,
            price: f64,
        ) {
            let right = if is_call { Right::Call } else { Right::Put };
            let model = Model::Black76 { rate };
            if let Ok(terms) = Terms::new(right, [underlying, strike], years, model)
                && let Ok(vol) = implied_vol(&terms, price)
            {
                prop_assert!((1e-4..=5.0).contains(&vol));
            }
        }
    }

    /// QuantLib's own prices give back the volatility that it priced with, and the one that it
    /// finds itself. `strategies/tests/reference/options.py` made them.
    #[test]
    fn volatility_agrees_with_quantlib() {
        let text = include_str!("../../../strategies/tests/reference/options.json");
        let cases: Vec<serde_json::Value> = serde_json::from_str(text).expect("JSON");
        let mut checked = 0;
        for case in &cases {
            let number = |name: &str| case[name].as_f64();
            let given = |name: &str| number(name).expect("a number");
            let rate = given("rate");
            let model = match case["model"].as_str() {
                Some("bsm") => Model::BlackScholesMerton {
                    rate,
                    dividend: given("dividend"),
                },
                _ => Model::Black76 { rate },
            };
            let right = if case["right"] == "call" {
                Right::Call
            } else {
                Right::Put
            };
            let prices = [given("underlying"), given("strike")];
            let terms = Terms::new(right, prices, given("days") / 365.0, model);
            let found = implied_vol(&terms.expect("sound terms"), given("price"));
            // Far from the money a price has too few digits to tell volatilities apart.
            let blur = 1e-12 * prices[0] / given("vega").max(1e-300);
            if 1e-6 < blur {
                continue;
            }
            let found = found.expect("a volatility");
            assert!(
                (found - given("vol")).abs() < 1e-8 + blur,
                "{found} of {case}"
            );
            if let Some(theirs) = number("implied") {
                assert!((found - theirs).abs() < 1e-6 + blur, "{found} of {case}");
            }
            checked += 1;
        }
        assert!(150 < checked, "{checked} of {}", cases.len());
    }

    #[test]
    fn a_price_outside_its_bounds_is_refused_with_the_reason() {
        let model = Model::BlackScholesMerton {
            rate: 0.05,
            dividend: 0.0,
        };
        let at = |right, strike, years, price| {
            let terms = Terms::new(right, [100.0, strike], years, model).expect("sound terms");
            implied_vol(&terms, price)
        };
        // The call of strike 90 is worth 100 − 90·exp(−0.05) = 14.389 at least.
        assert_eq!(
            at(Right::Call, 90.0, 1.0, 14.38),
            Err(NoVolatility::AtOrBelowIntrinsic)
        );
        assert!(at(Right::Call, 90.0, 1.0, 14.40).is_ok());
        assert_eq!(
            at(Right::Call, 90.0, 1.0, 100.01),
            Err(NoVolatility::AtOrAboveMaximum)
        );
        assert_eq!(
            at(Right::Put, 90.0, 1.0, 85.7),
            Err(NoVolatility::AtOrAboveMaximum)
        );
        assert_eq!(at(Right::Put, 90.0, 1.0, 0.0), Err(NoVolatility::Price));
        assert_eq!(
            at(Right::Put, 90.0, 1.0, f64::NAN),
            Err(NoVolatility::Price)
        );
        assert_eq!(at(Right::Put, 90.0, 1e-7, 1.0), Err(NoVolatility::TooLate));
        assert_eq!(
            at(Right::Call, 100.0, 0.01, 99.0),
            Err(NoVolatility::OutOfRange)
        );
    }
}
