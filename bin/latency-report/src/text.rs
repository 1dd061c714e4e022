//! Numbers, counts and columns for people. Text is plain everywhere, in a terminal and in a pipe alike.

use crate::percentile::Reading;

/// A latency at three significant digits in the unit that suits it: `412 ns`, `1.23 µs`.
pub(crate) fn latency(ns: u64) -> String {
    const SCALES: [(u64, &str); 3] = [(1_000, "µs"), (1_000_000, "ms"), (1_000_000_000, "s")];
    if ns < 1_000 {
        return format!("{ns} ns");
    }
    for (scale, unit) in SCALES {
        for decimals in [2_u32, 1, 0] {
            let steps = 10_u64.pow(decimals);
            let rounded =
                (u128::from(ns) * u128::from(steps) + u128::from(scale / 2)) / u128::from(scale);
            // The first that stays within three digits; seconds have no bigger unit.
            if rounded < 1_000 || (unit == "s" && decimals == 0) {
                let steps = u128::from(steps);
                let (whole, rest) = (rounded / steps, rounded % steps);
                return match decimals {
                    0 => format!("{whole} {unit}"),
                    _ => format!("{whole}.{rest:0width$} {unit}", width = decimals as usize),
                };
            }
        }
    }
    unreachable!("seconds without decimals take every value")
}

/// A percentile's cell.
pub(crate) fn reading(reading: Reading) -> String {
    match reading {
        Reading::Ns(ns) => latency(ns),
        Reading::OverRange => "> 10 s".to_owned(),
        Reading::TooFew => "n/a".to_owned(),
    }
}

/// A whole number with a comma between its thousands.
#[must_use]
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 2);
    for (idx, digit) in digits.chars().enumerate() {
        if idx != 0 && (digits.len() - idx).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A count of things: `1 book`, `2,000 books`. What is counted is the last word of `noun`.
#[must_use]
pub fn counted(number: impl TryInto<u64>, noun: &str) -> String {
    let number = number.try_into().unwrap_or(u64::MAX);
    let plural = |stem: &str, ending: &str| format!("{} {stem}{ending}", thousands(number));
    if number == 1 {
        return plural(noun, "");
    }
    match noun.strip_suffix('y') {
        Some(stem) if !stem.ends_with(['a', 'e', 'o', 'u']) => plural(stem, "ies"),
        _ if noun.ends_with(['s', 'x']) || noun.ends_with("ch") => plural(noun, "es"),
        _ => plural(noun, "s"),
    }
}

/// Lays out rows of cells: the first column to the left, the others to the right. Cells beyond
/// the first row's width are notes, kept as they are.
pub(crate) fn columns(rows: &[Vec<String>]) -> String {
    let columns = rows.first().map_or(0, Vec::len);
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (column, cell) in row.iter().enumerate() {
            match (column, widths.get(column)) {
                (0, Some(width)) => line.push_str(&format!("{cell:<width$}")),
                (_, Some(width)) => line.push_str(&format!("  {cell:>width$}")),
                (_, None) => line.push_str(&format!("  {cell}")),
            }
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latency_has_three_digits_and_a_fitting_unit() {
        let cases = [
            (0, "0 ns"),
            (999, "999 ns"),
            (1_000, "1.00 µs"),
            (1_234, "1.23 µs"),
            (18_449, "18.4 µs"),
            (99_950, "100 µs"),
            (999_499, "999 µs"),
            (999_500, "1.00 ms"),
            (2_096_000, "2.10 ms"),
            (10_000_000_000, "10.0 s"),
            (u64::MAX, "18446744074 s"),
        ];
        for (ns, text) in cases {
            assert_eq!(latency(ns), text);
        }
    }

    #[test]
    fn thousands_are_marked() {
        let cases = [(0, "0"), (999, "999"), (1_000, "1,000"), (68_792, "68,792")];
        for (number, text) in cases {
            assert_eq!(thousands(number), text);
        }
        assert_eq!(thousands(1_234_567), "1,234,567");
    }

    #[test]
    fn one_thing_is_not_called_several() {
        let cases = [
            (0_usize, "book", "0 books"),
            (1, "book", "1 book"),
            (2_000, "resting order", "2,000 resting orders"),
            (1, "activity", "1 activity"),
            (3, "activity", "3 activities"),
            (2, "day", "2 days"),
            (2, "breach", "2 breaches"),
            (2, "switch", "2 switches"),
        ];
        for (number, noun, text) in cases {
            assert_eq!(counted(number, noun), text);
        }
    }

    #[test]
    fn columns_align_to_the_right_by_characters() {
        let cell = |text: &str| text.to_owned();
        let rows = [
            vec![cell("stage"), cell("p50")],
            vec![cell("book"), cell("1.20 µs"), cell("note")],
            vec![cell("x"), cell("9 ns")],
        ];
        let text = "stage      p50\nbook   1.20 µs  note\nx         9 ns\n";
        assert_eq!(columns(&rows), text);
    }
}
