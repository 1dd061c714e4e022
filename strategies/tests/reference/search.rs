//! The search for a volatility by the library, as the cold side asks it.

use implied_vol::{DefaultSpecialFn, ImpliedBlackVolatility};
use undertow_strategies::options::Right;
use undertow_strategies::options::implied::Undiscounted;

pub(crate) fn search(asked: &Undiscounted) -> Option<f64> {
    ImpliedBlackVolatility::builder()
        .option_price(asked.price)
        .forward(asked.forward)
        .strike(asked.strike)
        .expiry(asked.years)
        .is_call(asked.right == Right::Call)
        .build()?
        .calculate::<DefaultSpecialFn>()
}
