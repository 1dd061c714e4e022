//! Figures and facts as people read them, for text and page alike.

use undertow_core::types::Price;
use undertow_strategies::options::chain::{Expiry, Source};
use undertow_strategies::options::points;
use undertow_strategies::options::pricing::Model;

use super::report::Report;
use super::sources::new_york_text;
use latency_report::text::{counted, thousands};

/// Dollars in a unit that fits: `-1.90 B`, `27.5 M`, `850 k`, `12`.
pub(super) fn money(dollars: f64) -> String {
    let size = dollars.abs();
    let (scale, unit) = match size {
        1e12.. => (1e12, " T"),
        1e9.. => (1e9, " B"),
        1e6.. => (1e6, " M"),
        1e3.. => (1e3, " k"),
        _ => (1.0, ""),
    };
    let scaled = size / scale;
    let decimals = match scaled {
        100.0.. => 0,
        10.0.. => 1,
        _ if unit.is_empty() => 0,
        _ => 2,
    };
    let text = format!("{scaled:.decimals$}");
    let is_zero = text.bytes().all(|byte| byte == b'0' || byte == b'.');
    let sign = if dollars < 0.0 && !is_zero { "-" } else { "" };
    format!("{sign}{text}{unit}")
}

/// A price with no more decimals than it needs.
pub(super) fn plain(price: Price) -> String {
    let text = price.to_string();
    text.strip_suffix(".00").map_or(text.clone(), str::to_owned)
}

/// Points to two decimals.
pub(super) fn level(points: f64) -> String {
    format!("{points:.2}")
}

/// A ratio to two decimals, or a dash.
pub(super) fn ratio(ratio: Option<f64>) -> String {
    ratio.map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.2}"))
}

/// When the chain is of, on New York's clocks.
pub(super) fn moment(report: &Report) -> String {
    new_york_text(report.now).unwrap_or_default()
}

/// Where it is from and how much of it is looked at.
pub(super) fn source(report: &Report) -> String {
    let source = match report.source {
        Source::Cboe => "Cboe delayed quotes, vendor's Greeks",
        Source::AlphaVantage => "Alpha Vantage end of day, vendor's Greeks",
        Source::Databento => "Databento records, our Greeks (Black-76)",
    };
    match (report.only, report.exposure.expiries.len()) {
        (Some(only), _) => format!("{source}; only expiry {only}"),
        (None, count) => format!("{source}; {}", counted(count, "expiry")),
    }
}

/// What day open interest is of, and how old that is.
pub(super) fn interest(report: &Report) -> String {
    match (report.interest_days, report.interest_age_days()) {
        (Some((_, day)), Some(age)) => format!("close of {day}, {age} d old"),
        _ => "of an unknown day".to_owned(),
    }
}

/// An expiry by its day, and by its hour too where another one is of the same day.
pub(super) fn expiry_name(report: &Report, expiry: Expiry) -> String {
    let days = report.exposure.expiries.iter().map(|(other, _)| other);
    let is_shared = days
        .into_iter()
        .any(|other| other.date == expiry.date && *other != expiry);
    let text = if is_shared {
        new_york_text(expiry.instant)
    } else {
        None
    };
    let text = text.and_then(|text| text.get(..16).map(str::to_owned));
    text.unwrap_or_else(|| expiry.date.to_string())
}

/// Levels with a name, a place in points if there is one, and what they mean.
pub(super) fn levels(report: &Report) -> Vec<(&'static str, Option<f64>, String)> {
    let exposure = &report.exposure;
    let strike = |at: Option<Price>| at.map(points);
    let which = match report.profile.crossings().len() {
        0 => "no change".to_owned(),
        1 => "the one change".to_owned(),
        count => format!("the nearest of {count} changes"),
    };
    let flip_note = format!(
        "{which} of sign of the chain priced anew ({} priced, {} not)",
        thousands(report.profile.priced as u64),
        thousands(report.profile.unpriced as u64)
    );
    let mut levels = vec![
        ("gamma flip", report.flip, flip_note),
        (
            "call wall",
            strike(exposure.call_wall()),
            "most gamma in calls".to_owned(),
        ),
        (
            "put wall",
            strike(exposure.put_wall()),
            "most gamma in puts".to_owned(),
        ),
        (
            "gamma pin",
            strike(exposure.pin()),
            "most net gamma of either sign".to_owned(),
        ),
        (
            "zero-gamma strike",
            exposure.zero_gamma_strike(),
            "where the sum over strikes changes sign".to_owned(),
        ),
    ];
    if let Some([low, middle, high]) = exposure.cluster() {
        let note = format!(
            "most gamma in three neighbours, {} to {}",
            plain(low),
            plain(high)
        );
        levels.push(("cluster", Some(points(middle)), note));
    }
    levels
}

/// What a strike is, besides a strike.
pub(super) fn marks(report: &Report, strike: Price) -> Vec<&'static str> {
    let exposure = &report.exposure;
    let marks = [
        (exposure.call_wall(), "call wall"),
        (exposure.put_wall(), "put wall"),
        (exposure.pin(), "pin"),
    ];
    let is_here = marks.into_iter().filter(|(at, _)| *at == Some(strike));
    is_here.map(|(_, name)| name).collect()
}

/// What was left out, with how often, the most frequent first.
pub(super) fn left_out(report: &Report) -> Vec<String> {
    let mut reasons: Vec<_> = report.dropped.iter().collect();
    reasons.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    let line = |(reason, count): (&String, &u64)| format!("{} {reason}", thousands(*count));
    let outliers = report.outliers.iter().map(|it| format!("outlier: {it}"));
    reasons.into_iter().map(line).chain(outliers).collect()
}

/// What was assumed, and what else is to be known.
pub(super) fn remarks(report: &Report) -> Vec<String> {
    let mut remarks = vec![match report.model {
        Model::BlackScholesMerton { rate, dividend } => format!(
            "repriced by Black-Scholes-Merton at {:.2} % interest and {:.2} % dividends a year \
             (--rate, --dividend), each option at its own volatility",
            100.0 * rate,
            100.0 * dividend
        ),
        Model::Black76 { rate } => format!(
            "priced by Black-76 at {:.2} % interest a year (--rate)",
            100.0 * rate
        ),
    }];
    if report.american > 0 {
        remarks.push(format!(
            "the premium of an early exercise is not priced: {}",
            counted(report.american, "American option")
        ));
    }
    if let Some(found) = &report.volatilities {
        let none: u64 = found.none.values().sum();
        let mut line = format!(
            "volatility of {} from their own price, of {} from the other right",
            counted(found.own, "option"),
            thousands(found.other_right)
        );
        if none > 0 {
            let why = found
                .none
                .iter()
                .map(|(why, count)| format!("{count} {why}"));
            line.push_str(&format!("; none: {}", why.collect::<Vec<_>>().join(", ")));
        }
        remarks.push(line);
    }
    remarks.extend(report.notes.iter().cloned());
    remarks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_short_and_keeps_its_sign() {
        let cases = [
            (0.0, "0"),
            (-0.2, "0"),
            (999.4, "999"),
            (-1_901_250_000.0, "-1.90 B"),
            (27_462_500.0, "27.5 M"),
            (850_400.0, "850 k"),
            (5.1229e12, "5.12 T"),
        ];
        for (dollars, text) in cases {
            assert_eq!(money(dollars), text);
        }
    }

    #[test]
    fn prices_lose_what_says_nothing() {
        assert_eq!(plain(Price(650_000_000_000)), "650");
        assert_eq!(plain(Price(232_500_000_000)), "232.50");
    }
}
