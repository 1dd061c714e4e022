//! Values that only the command line has: times, rates and large counts as people write them.

use std::fmt;
use std::str::FromStr;

use undertow_core::risk::BreakerKind;
use undertow_core::types::{Nanos, Price};
use undertow_strategies::options::date::Date;

const DAY_NS: u64 = 86_400_000_000_000;

/// A time as a user gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// A moment.
    Moment(Nanos),
    /// A time of day in UTC, on whatever day the file is of.
    TimeOfDay {
        /// Nanoseconds since midnight.
        ns: u64,
    },
}

impl At {
    const ACCEPTS: &str = "RFC 3339 (2023-12-25T23:00:00Z), HH:MM:SS[.fraction] UTC of the \
        file's day, or nanoseconds since 1970";

    /// The moment, where a time of day is of the UTC day that holds `day`.
    #[must_use]
    pub const fn on_day_of(self, day: Nanos) -> Nanos {
        match self {
            Self::Moment(moment) => moment,
            Self::TimeOfDay { ns } => Nanos((day.0 - day.0 % DAY_NS).saturating_add(ns)),
        }
    }
}

impl FromStr for At {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refused = || format!("must be {}", Self::ACCEPTS);
        if text.bytes().all(|byte| byte.is_ascii_digit()) {
            return text
                .parse()
                .map(|ns| Self::Moment(Nanos(ns)))
                .map_err(|_| refused());
        }
        if let Some(ns) = time_of_day(text) {
            return Ok(Self::TimeOfDay { ns });
        }
        let moment: jiff::Timestamp = text.parse().map_err(|_| refused())?;
        let ns = u64::try_from(moment.as_nanosecond());
        ns.map(|ns| Self::Moment(Nanos(ns)))
            .map_err(|_| "must not be before 1970".to_owned())
    }
}

/// Nanoseconds since midnight of `HH:MM[:SS[.fraction]]`.
fn time_of_day(text: &str) -> Option<u64> {
    let time: jiff::civil::Time = text.parse().ok()?;
    // Only the plain form: jiff reads `23` and `T23:00` too, which may be meant otherwise.
    if text.as_bytes().get(2) != Some(&b':') {
        return None;
    }
    let midnight = jiff::civil::Time::midnight();
    u64::try_from(time.duration_since(midnight).as_nanos()).ok()
}

/// How often a fault of the feed is injected.
#[derive(Clone, Debug, PartialEq)]
pub struct FaultRate {
    /// Which fault.
    pub kind: String,
    /// Per message, from 0 to 1.
    pub rate: f64,
}

impl FromStr for FaultRate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refused = || "must be KIND=RATE with a rate from 0 to 1".to_owned();
        let (kind, rate) = text.split_once('=').ok_or_else(refused)?;
        let rate: f64 = rate.parse().map_err(|_| refused())?;
        if kind.is_empty() || !(0.0..=1.0).contains(&rate) {
            return Err(refused());
        }
        let kind = kind.to_owned();
        Ok(Self { kind, rate })
    }
}

impl fmt::Display for FaultRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.kind, self.rate)
    }
}

/// A share of something, such as a rate a year: `4%` and `0.04` are the same.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Share(pub f64);

impl FromStr for Share {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (number, scale) = match text.strip_suffix('%') {
            Some(number) => (number, 0.01),
            None => (text, 1.0),
        };
        let share = number
            .trim()
            .parse::<f64>()
            .ok()
            .map(|number| number * scale);
        let share = share.filter(|share| share.abs() <= 1.0).map(Self);
        share.ok_or_else(|| "must be between -100% and 100%, like 4% or 0.04".to_owned())
    }
}

/// A breaker by its name.
///
/// # Errors
/// What is accepted.
pub fn breaker(text: &str) -> Result<BreakerKind, String> {
    let known = BreakerKind::ALL
        .into_iter()
        .find(|kind| kind.name() == text);
    known.ok_or_else(|| {
        format!(
            "must be one of {}",
            BreakerKind::ALL.map(BreakerKind::name).join(", ")
        )
    })
}

/// A price above 0.
///
/// # Errors
/// What is accepted.
pub fn price(text: &str) -> Result<Price, String> {
    let refused = || "must be a price above 0 like 658.05, at most 9 decimals".to_owned();
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let is_number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !is_number(whole) || !is_number(fraction) || 9 < fraction.len() {
        return Err(refused());
    }
    let units = format!("{whole}{fraction:0<9}").parse();
    let price = units
        .ok()
        .map(Price)
        .filter(|price| price.is_defined() && price.0 > 0);
    price.ok_or_else(refused)
}

/// A day like `2025-10-17`.
///
/// # Errors
/// What is accepted.
pub fn day(text: &str) -> Result<Date, String> {
    let refused = || "must be a day like 2025-10-17".to_owned();
    let mut parts = text.splitn(3, '-').map(|part| part.parse::<u16>().ok());
    let mut part = || parts.next().flatten().ok_or_else(refused);
    let (year, month, day) = (part()?, part()?, part()?);
    let narrow = |part: u16| u8::try_from(part).map_err(|_| refused());
    Date::new(year, narrow(month)?, narrow(day)?).ok_or_else(refused)
}

/// A count of at least 1, where `k` is a thousand and `M` a million.
///
/// # Errors
/// What is accepted.
pub fn count(text: &str) -> Result<u64, String> {
    let (digits, scale) = match text.as_bytes().last() {
        Some(b'k') => (&text[..text.len() - 1], 1_000),
        Some(b'M') => (&text[..text.len() - 1], 1_000_000),
        _ => (text, 1_u64),
    };
    let count: Option<u64> = digits.replace('_', "").parse().ok();
    count
        .and_then(|count| count.checked_mul(scale))
        .filter(|count| *count > 0)
        .ok_or_else(|| "must be a count of at least 1 like 5000, 500k or 5M".to_owned())
}

/// A length of time of at least 1 ns, such as `30s`, `1m` or `1h`.
///
/// # Errors
/// What is accepted.
pub fn interval(text: &str) -> Result<Nanos, String> {
    const UNITS: [(&str, u64); 7] = [
        ("ns", 1),
        ("us", 1_000),
        ("ms", 1_000_000),
        // After those that end in it.
        ("s", 1_000_000_000),
        ("min", 60_000_000_000),
        ("m", 60_000_000_000),
        ("h", 3_600_000_000_000),
    ];
    let split = |(unit, ns): &(&str, u64)| Some((text.strip_suffix(unit)?, *ns));
    let length = UNITS.iter().find_map(split).and_then(|(digits, ns)| {
        let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
        let count: u64 = digits.parse().ok().filter(|_| is_number)?;
        count.checked_mul(ns).filter(|ns| (1..=DAY_NS).contains(ns))
    });
    let accepts = "must be a length of time up to a day like 30s, 1m, 5m or 1h";
    length.map(Nanos).ok_or_else(|| accepts.to_owned())
}

/// A key and a value with `=` between them.
///
/// # Errors
/// What is accepted.
pub fn key_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("must be KEY=VALUE like layout=fused".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2023-12-25T23:00:00Z.
    const ELEVEN_PM: u64 = 1_703_545_200_000_000_000;

    #[test]
    fn time_is_read_in_every_form_and_resolved_on_the_files_day() {
        let of_day = |ns| At::TimeOfDay { ns };
        let cases = [
            ("2023-12-25T23:00:00Z", At::Moment(Nanos(ELEVEN_PM))),
            ("2023-12-25T18:00:00-05:00", At::Moment(Nanos(ELEVEN_PM))),
            ("1703545200000000000", At::Moment(Nanos(ELEVEN_PM))),
            ("23:00:00", of_day(23 * 3_600_000_000_000)),
            ("23:00", of_day(23 * 3_600_000_000_000)),
            ("00:00:01.250", of_day(1_250_000_000)),
        ];
        for (text, at) in cases {
            assert_eq!(text.parse(), Ok(at), "{text}");
        }
        let morning = Nanos(ELEVEN_PM - 15 * 3_600_000_000_000);
        let at: At = "23:00".parse().expect("a time");
        assert_eq!(at.on_day_of(morning), Nanos(ELEVEN_PM));
        assert_eq!(at.on_day_of(Nanos(u64::MAX)).0 / DAY_NS, u64::MAX / DAY_NS);
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "noon",
            "25:00:00",
            "T23:00",
            "1969-12-31T23:59:59Z",
            "1.5",
            "-1",
            "99999999999999999999",
            "2023-12-25",
        ] {
            assert!(text.parse::<At>().is_err(), "{text}");
        }
    }

    #[test]
    fn count_knows_thousands_and_millions() {
        assert_eq!(count("5M"), Ok(5_000_000));
        assert_eq!(count("500k"), Ok(500_000));
        assert_eq!(count("1_000"), Ok(1_000));
        for text in ["", "k", "0", "-1", "5G", "99999999999999999M", "é"] {
            assert!(count(text).is_err(), "{text}");
        }
    }

    #[test]
    fn interval_has_a_unit_and_a_length() {
        let cases = [
            ("1m", 60_000_000_000),
            ("5min", 300_000_000_000),
            ("30s", 30_000_000_000),
            ("250ms", 250_000_000),
            ("1h", 3_600_000_000_000),
            ("24h", DAY_NS),
        ];
        for (text, ns) in cases {
            assert_eq!(interval(text), Ok(Nanos(ns)), "{text}");
        }
        for text in [
            "",
            "m",
            "0s",
            "60",
            "-1m",
            "+1m",
            "1.5m",
            "25h",
            "1d",
            "99999999999999h",
        ] {
            assert!(interval(text).is_err(), "{text}");
        }
    }

    #[test]
    fn rates_prices_and_days_are_read_as_written() {
        assert_eq!("4%".parse(), Ok(Share(0.04)));
        assert_eq!("-0.005".parse(), Ok(Share(-0.005)));
        for text in ["", "%", "101%", "NaN", "four"] {
            assert!(text.parse::<Share>().is_err(), "{text}");
        }
        assert_eq!(price("658.05"), Ok(Price(658_050_000_000)));
        assert_eq!(price("3900"), Ok(Price(3_900_000_000_000)));
        for text in [
            "",
            "0",
            "-1",
            "1e3",
            "1.0000000001",
            ".5",
            "9999999999",
            "1.2.3",
        ] {
            assert!(price(text).is_err(), "{text}");
        }
        assert_eq!(day("2025-10-17").map(|day| day.days()), Ok(20_378));
        for text in [
            "",
            "2025-10",
            "2025-02-29",
            "17.10.2025",
            "2025-10-17T00:00",
            "2025-1-256",
        ] {
            assert!(day(text).is_err(), "{text}");
        }
    }

    #[test]
    fn fault_rate_is_a_probability() {
        let fault: FaultRate = "gap=0.001".parse().expect("a rate");
        assert_eq!((fault.kind.as_str(), fault.rate), ("gap", 0.001));
        for text in ["gap", "=0.1", "gap=2", "gap=-1", "gap=NaN", "gap="] {
            assert!(text.parse::<FaultRate>().is_err(), "{text}");
        }
    }
}
