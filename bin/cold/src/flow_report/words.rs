//! Figures, moments and facts as people read them, for table and page alike.

use undertow_core::types::{Nanos, Price, Side};
use undertow_strategies::calendar::{Day, eastern_time_of_day};
use undertow_strategies::flow::toxicity::ToxicityLabel;
use undertow_strategies::flow::vpin::VpinValue;
use undertow_strategies::ifd::components::Components;
use undertow_strategies::ifd::desk::{Evidence, Pressure, Signal, Version, Window};

use super::{FlowEvent, FlowReport, FlowRow, Kind};
use latency_report::text::{counted, thousands};

/// Stands where nothing is known.
pub(super) const ABSENT: &str = "-";

const SECOND_NS: u64 = 1_000_000_000;
const MINUTE_NS: u64 = 60 * SECOND_NS;
const DAY_NS: u64 = 1_440 * MINUTE_NS;

/// How exactly moments are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Grain {
    /// `14:30`.
    Minute,
    /// `14:30:05`.
    Second,
    /// `14:30:05.250`.
    Milli,
}

impl Grain {
    /// What intervals of a length ask for.
    pub(super) const fn of(every: Nanos) -> Self {
        if every.0.is_multiple_of(MINUTE_NS) {
            Self::Minute
        } else if every.0.is_multiple_of(SECOND_NS) {
            Self::Second
        } else {
            Self::Milli
        }
    }
}

/// A time of day in UTC.
pub(super) fn utc(t: Nanos, grain: Grain) -> String {
    of_day(t.0 % DAY_NS, grain)
}

/// What clocks in New York show.
pub(super) fn eastern(t: Nanos, grain: Grain) -> String {
    of_day(eastern_time_of_day(t).0, grain)
}

/// The date in UTC.
pub(super) fn utc_day(t: Nanos) -> Day {
    // A u64 of nanoseconds ends in the year 2554, so the days fit.
    Day((t.0 / DAY_NS) as i32)
}

/// Date and time in UTC, then New York's time: `2023-12-25 23:00:00 UTC (18:00:00 ET)`.
pub(super) fn moment(t: Nanos, grain: Grain) -> String {
    let (day, utc, et) = (utc_day(t), utc(t, grain), eastern(t, grain));
    format!("{day} {utc} UTC ({et} ET)")
}

fn of_day(ns: u64, grain: Grain) -> String {
    let (hour, minute) = (ns / (60 * MINUTE_NS), ns / MINUTE_NS % 60);
    let (second, milli) = (ns / SECOND_NS % 60, ns / 1_000_000 % 1_000);
    match grain {
        Grain::Minute => format!("{hour:02}:{minute:02}"),
        Grain::Second => format!("{hour:02}:{minute:02}:{second:02}"),
        Grain::Milli => format!("{hour:02}:{minute:02}:{second:02}.{milli:03}"),
    }
}

/// A length of time: `1 min`, `30 s`.
pub(super) fn length(span: Nanos) -> String {
    let units = [
        (60 * MINUTE_NS, "h"),
        (MINUTE_NS, "min"),
        (SECOND_NS, "s"),
        (1_000_000, "ms"),
    ];
    let fits = |(unit, _): &&(u64, &str)| span.0 >= *unit && span.0.is_multiple_of(*unit);
    match units.iter().find(fits) {
        Some((unit, name)) => format!("{} {name}", thousands(span.0 / unit)),
        None => format!("{} ns", thousands(span.0)),
    }
}

/// A price, or a dash.
pub(super) fn price(price: Option<Price>) -> String {
    price
        .filter(|it| it.is_defined())
        .map_or_else(|| ABSENT.to_owned(), |it| it.to_string())
}

/// An average price, to a hundredth of a point.
pub(super) fn average(price: Option<Price>) -> String {
    const STEP: i64 = Price::PER_POINT / 100;
    let rounded = price.map(|it| Price(it.0.saturating_add(STEP / 2).div_euclid(STEP) * STEP));
    self::price(rounded)
}

/// Both sides of the touch: `4806.25×4806.50`.
pub(super) fn touch(row: &FlowRow) -> String {
    let side = |it: Price| price(Some(it));
    match (row.touch.bid.is_defined(), row.touch.ask.is_defined()) {
        (false, false) => ABSENT.to_owned(),
        _ => format!("{}×{}", side(row.touch.bid), side(row.touch.ask)),
    }
}

/// A count with its sign: `+1,234`.
pub(super) fn signed(count: i64) -> String {
    let sign = match count {
        0 => "",
        ..0 => "-",
        _ => "+",
    };
    format!("{sign}{}", thousands(count.unsigned_abs()))
}

/// A share to two decimals.
pub(super) fn share(value: Option<f64>) -> String {
    value.map_or_else(|| ABSENT.to_owned(), |it| format!("{it:.2}"))
}

/// A balance to two decimals, with its sign.
pub(super) fn balance(value: Option<f64>) -> String {
    value.map_or_else(|| ABSENT.to_owned(), |it| format!("{it:+.2}"))
}

/// VPIN to three decimals, with a mark while it warms.
pub(super) fn vpin(vpin: Option<VpinValue>) -> String {
    let mark = |it: VpinValue| if it.is_warming { "~" } else { "" };
    vpin.map_or_else(
        || ABSENT.to_owned(),
        |it| format!("{}{:.3}", mark(it), it.value),
    )
}

/// What a toxicity amounts to.
pub(super) const fn toxicity(value: f64) -> &'static str {
    match ToxicityLabel::of(value) {
        ToxicityLabel::Toxic => "toxic",
        ToxicityLabel::Neutral => "neutral",
        ToxicityLabel::Benign => "benign",
    }
}

/// Who took the initiative, or rests.
pub(super) const fn side(event: &FlowEvent) -> &'static str {
    match (event.kind, event.side) {
        (_, Side::None) => ABSENT,
        (Kind::Sweep { .. } | Kind::Block | Kind::Pressure { .. }, Side::Bid) => "buy",
        (Kind::Sweep { .. } | Kind::Block | Kind::Pressure { .. }, Side::Ask) => "sell",
        (_, Side::Bid) => "bid",
        (_, Side::Ask) => "offer",
    }
}

/// First and last price of an event, or its one price.
pub(super) fn prices(event: &FlowEvent) -> String {
    if event.price == event.last_price {
        return event.price.to_string();
    }
    format!("{} to {}", event.price, event.last_price)
}

/// What else is to be said of an event.
pub(super) fn detail(event: &FlowEvent) -> String {
    let times = |count: u32| match count {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        _ => format!("{count} times"),
    };
    match event.kind {
        Kind::Sweep { levels } => format!("{} within a second", counted(levels, "price")),
        Kind::Block => "one trade".to_owned(),
        Kind::Pressure {
            takes: [own, other],
        } => format!(
            "took the whole touch {} in five minutes, against {other}",
            times(own)
        ),
        Kind::Iceberg { refills } => {
            format!(
                "one order, refilled by the venue {}; size beyond its display",
                times(refills)
            )
        }
        Kind::Slices { refills } => {
            format!(
                "equal orders, each right after the last, {}; size filled",
                times(refills)
            )
        }
        Kind::Hidden => "filled beyond what was displayed".to_owned(),
    }
}

/// An event in one line.
pub(super) fn sentence(event: &FlowEvent) -> String {
    format!(
        "{} {} {} at {}\n{}\n{}",
        event.kind.name(),
        side(event),
        thousands(event.size),
        prices(event),
        detail(event),
        moment(event.ts, Grain::Milli),
    )
}

/// Which detector speaks.
pub(super) const fn version(version: Version) -> &'static str {
    match version {
        Version::V1 => "v1",
        Version::V3 => "v3",
        Version::Both => "v1+v3",
    }
}

/// The components of a pressure signal, each with its name.
pub(super) const fn components(of: &Components) -> [(&'static str, f64); 5] {
    [
        ("significance", of.significance),
        ("trend", of.trend),
        ("concentration", of.concentration),
        ("persistence", of.persistence),
        ("cluster", of.cluster),
    ]
}

/// Why a signal is one.
pub(super) fn evidence(signal: &Signal) -> String {
    match &signal.evidence {
        Evidence::Spike {
            spike,
            volume,
            open_interest,
            ..
        } => format!(
            "{} traded on {} open ({:.1}×), ${} of premium",
            thousands(*volume),
            thousands(*open_interest),
            spike.ratio,
            thousands(spike.usd.unsigned_abs() / 10_000),
        ),
        Evidence::Pressure(pressure) => {
            let parts = components(&pressure.components);
            let parts = parts.map(|(name, value)| format!("{name} {value:.2}"));
            format!(
                "{} pressure {:.1} on {}; {}; market making {:.2}",
                pressure.dominance.name(),
                pressure.pressure,
                thousands(pressure.volume),
                parts.join(", "),
                pressure.making,
            ) + &shapes(pressure)
        }
    }
}

/// What a pressure's window made with that of the other right, and with those of other strikes.
fn shapes(pressure: &Pressure) -> String {
    let together = pressure.together.map(|it| it.name());
    let structure = pressure.structure.map(|it| it.name());
    let crush = (pressure.crush > 0.0).then_some("volatility crush");
    let told = [together, structure, crush].into_iter().flatten();
    told.map(|name| format!("; {}", name.to_lowercase().replace('_', " ")))
        .collect()
}

/// A pressure window in one line.
pub(super) fn window(name: &str, window: &Window) -> String {
    let tally = &window.tally;
    format!(
        "{name} {}: {} bought, {} sold in {} min\n{}",
        tally.dominance().name(),
        thousands(tally.buy),
        thousands(tally.sell),
        window.minutes,
        moment(window.start, Grain::Minute),
    )
}

/// Whether every moment of the report is of one UTC day.
pub(super) fn is_one_day(report: &FlowReport) -> bool {
    let span = report.span.map(|ends| ends.map(utc_day));
    span.is_none_or(|[first, last]| first == last)
}

/// What was looked at, in one line.
pub(super) fn span(report: &FlowReport) -> String {
    report.span.map_or_else(
        || "nothing within the span asked for".to_owned(),
        |[first, last]| {
            let grain = Grain::Second;
            let kept = counted(report.rows.len(), "interval");
            format!(
                "{} to {}, {kept} of {}, {} left out",
                moment(first, grain),
                moment(last, grain),
                length(report.every),
                counted(report.quiet, "quiet one"),
            )
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2023-12-25T23:00:05.250Z.
    const T: Nanos = Nanos(1_703_545_205_250_000_000);

    #[test]
    fn moments_are_told_in_both_time_zones() {
        assert_eq!(moment(T, Grain::Minute), "2023-12-25 23:00 UTC (18:00 ET)");
        assert_eq!(utc(T, Grain::Milli), "23:00:05.250");
        assert_eq!(eastern(T, Grain::Second), "18:00:05");
        // In summer New York is an hour nearer.
        assert_eq!(
            eastern(Nanos(1_719_792_000_000_000_000), Grain::Minute),
            "20:00"
        );
    }

    #[test]
    fn lengths_have_the_largest_unit_that_fits() {
        let cases = [
            (60_000_000_000, "1 min"),
            (90_000_000_000, "90 s"),
            (3_600_000_000_000, "1 h"),
            (250_000_000, "250 ms"),
            (7, "7 ns"),
        ];
        for (ns, text) in cases {
            assert_eq!(length(Nanos(ns)), text);
        }
        assert_eq!(Grain::of(Nanos(60_000_000_000)), Grain::Minute);
        assert_eq!(Grain::of(Nanos(90_000_000_000)), Grain::Second);
    }

    #[test]
    fn what_is_not_known_is_a_dash() {
        assert_eq!(
            [price(None), share(None), balance(None), vpin(None)],
            [ABSENT; 4]
        );
        assert_eq!(price(Some(Price::UNDEFINED)), ABSENT);
        let warming = VpinValue {
            value: 0.5,
            is_warming: true,
            signed: None,
        };
        assert_eq!(vpin(Some(warming)), "~0.500");
        assert_eq!(average(Some(Price(4_806_254_999_999))), "4806.25");
    }
}
