//! Names of contracts (M3): OCC option symbols, CME month codes and option roots, Barchart's EOD.
//!
//! An OCC symbol is parsed from its right end, since a root may end in C or P. Terms of CME
//! options are never taken from a name: strike, expiry and tick come from definitions, and a
//! root tells only how the option is exercised.

use core::fmt::{self, Write};

use undertow_core::types::{Price, Text};

use super::date::Date;
use super::{Exercise, Right};

/// Letters of the delivery months, January first.
pub const MONTH_CODES: [u8; 12] = *b"FGHJKMNQUVXZ";

/// Bytes after the root of an OCC symbol: date, right, strike.
const OCC_TAIL: usize = 15;
const OCC_ROOT_MAX: usize = 6;

/// An option as the Options Clearing Corporation names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OccSymbol {
    /// Root: one to six letters, and a digit at the end where terms were adjusted.
    pub root: Text<6>,
    /// Day of expiry.
    pub expiry: Date,
    /// Call or put.
    pub right: Right,
    /// Strike; a multiple of 0.001.
    pub strike: Price,
}

impl OccSymbol {
    /// Reads `ROOT` (padded with spaces or not) `YYMMDD` `C|P` and the strike times 1000 in eight
    /// digits. The year is of this century. Anything else is refused.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let (padded, tail) = bytes.split_at_checked(bytes.len().checked_sub(OCC_TAIL)?)?;
        if padded.len() > OCC_ROOT_MAX {
            return None;
        }
        let root = padded.trim_ascii_end();
        let digits = |from: usize, to: usize| number(&tail[from..to]);
        let expiry = Date::new(
            u16::try_from(2000 + digits(0, 2)?).ok()?,
            u8::try_from(digits(2, 4)?).ok()?,
            u8::try_from(digits(4, 6)?).ok()?,
        )?;
        let right = match tail[6] {
            b'C' => Right::Call,
            b'P' => Right::Put,
            _ => return None,
        };
        let thousandths = i64::from(digits(7, OCC_TAIL)?);
        (is_root(root) && thousandths > 0).then(|| Self {
            root: Text::from_bytes(root),
            expiry,
            right,
            strike: Price(thousandths * (Price::PER_POINT / 1_000)),
        })
    }
}

impl fmt::Display for OccSymbol {
    /// Without padding.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { root, expiry, .. } = self;
        let letter = if self.right == Right::Call { 'C' } else { 'P' };
        let thousandths = self.strike.0 / (Price::PER_POINT / 1_000);
        let (year, month, day) = (expiry.year() % 100, expiry.month(), expiry.day());
        write!(
            f,
            "{root}{year:02}{month:02}{day:02}{letter}{thousandths:08}"
        )
    }
}

/// A future's delivery month as exchanges write it: `NQM5` is June of a year that ends in 5.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FutureSymbol {
    /// The product.
    pub root: Text<6>,
    /// Delivery month, from 1.
    pub month: u8,
    /// Last digits of the year: one, or two where two were given.
    pub year: u8,
}

impl FutureSymbol {
    /// Reads a root, a month code and one or two digits of the year.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let year_at = bytes.len()
            - bytes
                .iter()
                .rev()
                .take_while(|it| it.is_ascii_digit())
                .count();
        let (name, year) = bytes.split_at(year_at);
        let (code, root) = name.split_last()?;
        let month = MONTH_CODES.iter().position(|it| it == code)?;
        let is_product = !root.is_empty()
            && root.len() <= OCC_ROOT_MAX
            && root
                .iter()
                .all(|it| it.is_ascii_uppercase() || it.is_ascii_digit());
        if !is_product || !matches!(year.len(), 1 | 2) {
            return None;
        }
        Some(Self {
            root: Text::from_bytes(root),
            month: u8::try_from(month).ok()? + 1,
            year: u8::try_from(number(year)?).ok()?,
        })
    }
}

/// How options of a CME equity index root are exercised; absent for a root that is none.
///
/// Quarterlies bear the future's own root and are American; weeklies (`QN1`, `Q3C`), month ends
/// (`QNE`) and the S&P's kin (`EW3`, `E1A`, `EW`) are European.
#[must_use]
pub fn cme_exercise(root: &str) -> Option<Exercise> {
    match root.as_bytes() {
        b"NQ" | b"ES" | b"MNQ" | b"MES" => Some(Exercise::American),
        [b'Q', b'N', b'1'..=b'5' | b'E'] | [b'Q' | b'E', b'1'..=b'5', b'A'..=b'D'] => {
            Some(Exercise::European)
        }
        [b'E', b'W'] | [b'E', b'W', b'1'..=b'5'] => Some(Exercise::European),
        _ => None,
    }
}

/// The smallest price step of an NQ option at a premium: 0.25 above 5 points, else 0.05.
#[must_use]
pub const fn nq_option_tick(premium: Price) -> Price {
    if premium.0 > 5 * Price::PER_POINT {
        Price(Price::PER_POINT / 4)
    } else {
        Price(Price::PER_POINT / 20)
    }
}

/// Barchart's symbol of the option that expires at the end of a day: `MC1` on a Monday to `MC5`
/// on a Friday, month letter, year; a weekend's is the following Monday's.
#[must_use]
pub fn barchart_eod(day: Date) -> Option<Text<8>> {
    let monday_after = |saturday_or_sunday: u8| i64::from(8 - saturday_or_sunday);
    let day = match day.weekday() {
        weekend @ 6.. => Date::from_days(day.days() + monday_after(weekend))?,
        _ => day,
    };
    let letter = char::from(MONTH_CODES[usize::from(day.month()) - 1]);
    let mut symbol = Text::new();
    write!(symbol, "MC{}{letter}{:02}", day.weekday(), day.year() % 100).ok()?;
    Some(symbol)
}

fn is_root(root: &[u8]) -> bool {
    let letters = match root {
        [letters @ .., b'0'..=b'9'] => letters,
        _ => root,
    };
    !letters.is_empty() && letters.iter().all(u8::is_ascii_uppercase)
}

/// The number that up to nine digits write.
fn number(digits: &[u8]) -> Option<u32> {
    let digit = |it: &u8| it.is_ascii_digit().then(|| u32::from(it - b'0'));
    digits
        .iter()
        .try_fold(0, |sum: u32, it| Some(sum * 10 + digit(it)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;
    use alloc::string::{String, ToString};
    use proptest::prelude::*;

    #[test]
    fn s13_symbols_are_read_from_the_right_and_written_back() {
        let cases = [
            ("SPY250915P00650000", "SPY", Right::Put, "650.00"),
            ("BRKB260116C00500000", "BRKB", Right::Call, "500.00"),
            ("SPXW220610P03150000", "SPXW", Right::Put, "3150.00"),
            ("AAPL1250919C00232500", "AAPL1", Right::Call, "232.50"),
            ("C250919C00000500", "C", Right::Call, "0.50"),
            ("CPPPPP250919P99999999", "CPPPPP", Right::Put, "99999.999"),
        ];
        for (text, root, right, strike) in cases {
            let symbol = OccSymbol::parse(text).expect(text);
            assert_eq!(symbol.root.as_str(), root);
            assert_eq!(symbol.right, right);
            assert_eq!(symbol.strike.to_string(), strike);
            assert_eq!(symbol.to_string(), text);
        }
    }

    #[test]
    fn what_is_no_option_symbol_is_refused() {
        for text in [
            "",
            "SPY",
            "spy250915P00650000",
            "SPY251315P00650000",
            "SPY250931P00650000",
            "SPY250915X00650000",
            "SPY250915P0065000",
            "SPY250915P00000000",
            "SPY250915P006500000",
            "250915P00650000",
            "1250915P00650000",
            "ABCDEFG250915P00650000",
            " SPY250915P00650000",
            "SP Y250915P00650000",
            "SPÉ250915P00650000",
        ] {
            assert_eq!(OccSymbol::parse(text), None, "{text}");
        }
    }

    #[test]
    fn month_codes_name_the_months() {
        for (text, month, year) in [
            ("NQM5", 6, 5),
            ("NQZ5", 12, 5),
            ("NQU5", 9, 5),
            ("ESH26", 3, 26),
        ] {
            let symbol = FutureSymbol::parse(text).expect(text);
            assert_eq!((symbol.month, symbol.year), (month, year), "{text}");
        }
        for text in ["", "NQ", "NQA5", "M5", "NQM", "NQM123", "nqm5", "5"] {
            assert_eq!(FutureSymbol::parse(text), None, "{text}");
        }
    }

    #[test]
    fn only_quarterlies_are_american() {
        assert_eq!(cme_exercise("NQ"), Some(Exercise::American));
        for root in ["QN1", "QN4", "QNE", "Q1A", "Q5D", "EW3", "E2C", "EW"] {
            assert_eq!(cme_exercise(root), Some(Exercise::European), "{root}");
        }
        for root in ["", "CL", "QN9", "Q6A", "Q1E"] {
            assert_eq!(cme_exercise(root), None, "{root}");
        }
    }

    #[test]
    fn tick_of_an_nq_option_changes_above_five_points() {
        let tick = |points_1e9| nq_option_tick(Price(points_1e9)).0;
        assert_eq!(tick(5_000_000_000), 50_000_000);
        assert_eq!(tick(5_000_000_001), 250_000_000);
    }

    proptest! {
        #[test]
        fn any_symbol_is_written_as_it_was_read(
            root in "[A-Z]{1,6}",
            days in 10_957_i64..47_400,
            is_call: bool,
            thousandths in 1_i64..100_000_000,
        ) {
            let symbol = OccSymbol {
                root: Text::from_bytes(root.as_bytes()),
                expiry: Date::from_days(days).expect("a day"),
                right: if is_call { Right::Call } else { Right::Put },
                strike: Price(thousandths * 1_000_000),
            };
            prop_assert_eq!(OccSymbol::parse(&symbol.to_string()), Some(symbol));
            let padded = format!("{root:6}{}", &symbol.to_string()[root.len()..]);
            prop_assert_eq!(OccSymbol::parse(&padded), Some(symbol));
        }

        #[test]
        fn no_text_makes_the_parsers_panic(text: String) {
            let _ = (OccSymbol::parse(&text), FutureSymbol::parse(&text), cme_exercise(&text));
        }
    }
}
