//! What is listed: NQ and MNQ futures and options on NQ, named, numbered and dated as CME does.
//!
//! Weekly options are `Q1A`…`Q5A` on Mondays to `Q1D`…`Q5D` on Thursdays and `QN1`…`QN5` on
//! Fridays; the quarterly `NQ` takes the third Friday of March, June, September and December.
//! Holidays are deliberately absent. Prices are in 1e-9, times in nanoseconds UTC.

use dbn::InstrumentClass;
use time::{Date, Duration, Month, Weekday};

/// One point, in 1e-9.
pub(super) const POINT: i64 = 1_000_000_000;
/// Smallest step of the futures.
pub(super) const FUTURE_TICK: i64 = POINT / 4;
/// Smallest step of the options; above 5 points they move by [`FUTURE_TICK`].
pub(super) const OPTION_TICK: i64 = POINT / 20;

/// One listed contract.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Contract {
    pub(super) id: u32,
    pub(super) symbol: String,
    /// Product code.
    pub(super) asset: String,
    pub(super) class: InstrumentClass,
    /// Strike in points; 0 for a future.
    pub(super) strike: u32,
    pub(super) expiry: Date,
    /// Last instant of trading, ns.
    pub(super) expiration: u64,
    pub(super) tick: i64,
    /// Dollars a point.
    pub(super) multiplier: i64,
    /// The future underneath; 0 for a future.
    pub(super) underlying_id: u32,
    pub(super) underlying: String,
}

impl Contract {
    /// Whether it is a call or a put.
    pub(super) fn is_option(&self) -> bool {
        self.class != InstrumentClass::Future
    }
}

/// The quarterly futures of one product: the first `count` that expire after `date`.
pub(super) fn futures(date: Date, asset: &str, count: usize, first_id: u32) -> Vec<Contract> {
    let mut contracts = Vec::new();
    let mut month = first_of_month(date);
    while contracts.len() < count {
        let expiry = third_friday(month);
        if is_quarterly(month) && date < expiry {
            let id = first_id + 4 * contracts.len() as u32;
            contracts.push(Contract {
                id,
                symbol: format!("{asset}{}", month_code(month)),
                asset: asset.to_owned(),
                class: InstrumentClass::Future,
                strike: 0,
                expiry,
                expiration: utc_ns(expiry, 13, 30),
                tick: FUTURE_TICK,
                multiplier: if asset == "MNQ" { 2 } else { 20 },
                underlying_id: 0,
                underlying: String::new(),
            });
        }
        month = next_month(month);
    }
    contracts
}

/// The chain: `expiries` expirations from `date` on, the nearest days and the front quarterly one,
/// and `strikes` strikes each, `spacing` points apart around `spot` points, calls and puts.
/// Underneath each is the first of `futures` that does not expire before it.
pub(super) fn options(
    date: Date,
    futures: &[Contract],
    [expiries, strikes]: [usize; 2],
    spacing: u32,
    spot: u32,
) -> Vec<Contract> {
    let centre = (spot + spacing / 2) / spacing * spacing;
    let lowest = centre
        .saturating_sub(strikes as u32 / 2 * spacing)
        .max(spacing);
    let mut contracts = Vec::with_capacity(expiries * strikes * 2);
    let Some(front) = futures.first() else {
        return contracts;
    };
    for expiry in expirations(date, front.expiry, expiries) {
        let underlying = futures
            .iter()
            .find(|it| expiry <= it.expiry)
            .unwrap_or(front);
        let asset = option_asset(expiry);
        for step in 0..strikes as u32 {
            let strike = lowest + step * spacing;
            for (class, letter) in [(InstrumentClass::Call, 'C'), (InstrumentClass::Put, 'P')] {
                let code = month_code(expiry);
                contracts.push(Contract {
                    id: 1_200_000 + 7 * contracts.len() as u32,
                    symbol: format!("{asset}{code} {letter}{strike}"),
                    asset: asset.clone(),
                    class,
                    strike,
                    expiry,
                    expiration: option_expiration(expiry),
                    tick: OPTION_TICK,
                    multiplier: 20,
                    underlying_id: underlying.id,
                    underlying: underlying.symbol.clone(),
                });
            }
        }
    }
    contracts
}

/// Days on which options expire: the nearest weekdays, and as the last the quarterly.
fn expirations(date: Date, quarterly: Date, count: usize) -> Vec<Date> {
    let mut days = Vec::with_capacity(count);
    let mut day = date;
    while days.len() + 1 < count {
        if day.weekday().number_days_from_monday() < 5 && day != quarterly {
            days.push(day);
        }
        day += Duration::DAY;
    }
    if count > 0 {
        days.push(quarterly);
    }
    days.sort_unstable();
    days
}

/// Product code of the option that expires on a day.
fn option_asset(expiry: Date) -> String {
    let week = (expiry.day() - 1) / 7 + 1;
    match expiry.weekday() {
        Weekday::Friday if expiry == third_friday(expiry) && is_quarterly(expiry) => "NQ".into(),
        Weekday::Monday => format!("Q{week}A"),
        Weekday::Tuesday => format!("Q{week}B"),
        Weekday::Wednesday => format!("Q{week}C"),
        Weekday::Thursday => format!("Q{week}D"),
        _ => format!("QN{week}"),
    }
}

/// The quarterly settles at the open, all others at the close.
fn option_expiration(expiry: Date) -> u64 {
    let is_quarterly_day = is_quarterly(expiry) && expiry == third_friday(expiry);
    if is_quarterly_day {
        utc_ns(expiry, 13, 30)
    } else {
        utc_ns(expiry, 20, 0)
    }
}

/// An instant of a day, ns since 1970 UTC.
pub(super) fn utc_ns(date: Date, hour: u64, minute: u64) -> u64 {
    let epoch_days = i64::from(date.to_julian_day()) - 2_440_588;
    let seconds = epoch_days.unsigned_abs() * 86_400 + hour * 3_600 + minute * 60;
    seconds * 1_000_000_000
}

fn third_friday(day: Date) -> Date {
    let first = first_of_month(day);
    let to_friday = (4 + 7 - i64::from(first.weekday().number_days_from_monday())) % 7;
    first + Duration::days(to_friday + 14)
}

fn first_of_month(day: Date) -> Date {
    day - Duration::days(i64::from(day.day()) - 1)
}

fn next_month(first: Date) -> Date {
    first_of_month(first + Duration::days(31))
}

fn is_quarterly(day: Date) -> bool {
    (day.month() as u8).is_multiple_of(3)
}

/// Month letter and last digit of the year: `H6`.
fn month_code(day: Date) -> String {
    let letter = match day.month() {
        Month::January => 'F',
        Month::February => 'G',
        Month::March => 'H',
        Month::April => 'J',
        Month::May => 'K',
        Month::June => 'M',
        Month::July => 'N',
        Month::August => 'Q',
        Month::September => 'U',
        Month::October => 'V',
        Month::November => 'X',
        Month::December => 'Z',
    };
    format!("{letter}{}", day.year() % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contracts_are_named_and_dated_as_listed() {
        let date = Date::from_calendar_date(2026, Month::March, 11).unwrap();
        let futures = futures(date, "NQ", 2, 100);
        assert_eq!(futures[0].symbol, "NQH6");
        assert_eq!(futures[0].expiration, 1_774_013_400_000_000_000);
        assert_eq!(futures[1].symbol, "NQM6");
        let chain = options(date, &futures, [4, 3], 25, 24_810);
        let symbols: Vec<_> = chain.iter().map(|it| it.symbol.as_str()).collect();
        assert_eq!(symbols.len(), 24);
        assert_eq!(symbols[0], "Q2CH6 C24775");
        assert_eq!(symbols[1], "Q2CH6 P24775");
        assert_eq!(symbols[6], "Q2DH6 C24775");
        assert_eq!(symbols[12], "QN2H6 C24775");
        assert_eq!(symbols[23], "NQH6 P24825");
        let chain = options(date, &futures, [10, 1], 25, 24_810);
        let after_roll = chain.last().unwrap();
        assert_eq!(after_roll.symbol, "Q4BH6 P24800");
        assert_eq!(
            (after_roll.underlying.as_str(), after_roll.underlying_id),
            ("NQM6", 104)
        );
    }
}
