//! Decimal text to exact prices: what vendors write in CSV and JSON, without a float between.

use undertow_core::types::Price;

/// Digits after the point that a price can hold.
const DECIMALS_MAX: usize = 9;

/// The price that `text` writes, like `-116.9599`; absent for anything else and for what a price
/// cannot hold exactly.
pub(crate) fn price(text: &str) -> Option<Price> {
    let (is_negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    // Zeros at the end say nothing, however many.
    let fraction = fraction.trim_end_matches('0');
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let is_empty = whole.is_empty() && fraction.is_empty();
    if is_empty || !is_number(whole) || !is_number(fraction) || DECIMALS_MAX < fraction.len() {
        return None;
    }
    let number = |text: &str| {
        if text.is_empty() {
            Some(0)
        } else {
            text.parse::<i64>().ok()
        }
    };
    let scale = 10_i64.pow(u32::try_from(DECIMALS_MAX - fraction.len()).ok()?);
    let whole = number(whole)?.checked_mul(Price::PER_POINT)?;
    let value = whole.checked_add(number(fraction)? * scale)?;
    let price = Price(if is_negative { -value } else { value });
    price.is_defined().then_some(price)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn decimals_become_exact_prices() {
        let cases = [
            ("3900.8601", 3_900_860_100_000),
            ("-116.9599", -116_959_900_000),
            ("0.025", 25_000_000),
            (".05", 50_000_000),
            ("650.", 650_000_000_000),
            ("0", 0),
            ("0.000000001", 1),
            ("1.10000000000000", 1_100_000_000),
        ];
        for (text, value) in cases {
            assert_eq!(price(text), Some(Price(value)), "{text}");
        }
    }

    #[test]
    fn what_is_no_decimal_is_refused() {
        for text in [
            "",
            "-",
            ".",
            "1e5",
            "+1",
            "1,000",
            "NaN",
            "inf",
            "1.0000000001",
            " 1",
            "--1",
            "9223372036854775807",
            "9223372036.854775807",
            "1.-5",
        ] {
            assert_eq!(price(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_price_is_read_as_it_prints(value in i64::MIN + 1..i64::MAX) {
            prop_assert_eq!(price(&Price(value).to_string()), Some(Price(value)));
        }
    }
}
