//! HdrHistogram's percentile distribution text, column for column as the Java original prints it.

use crate::recorder::Row;

/// Steps within each halving of the distance to 100 %.
const TICKS_PER_HALF_DISTANCE: u32 = 5;

pub(super) fn render(row: &Row) -> String {
    let histogram = &row.histogram;
    let digits = usize::from(histogram.sigfig());
    let mut text = format!(
        "{:>12} {:>14} {:>10} {:>14}\n\n",
        "Value", "Percentile", "TotalCount", "1/(1-Percentile)"
    );
    let mut total = 0;
    for step in histogram.iter_quantiles(TICKS_PER_HALF_DISTANCE) {
        total += step.count_since_last_iteration();
        let value = step.value_iterated_to().min(row.max_ns) as f64;
        let quantile = step.quantile_iterated_to();
        text.push_str(&format!("{value:>12.digits$} {quantile:>2.12} {total:>10}"));
        // The last line is 100 %, and 1/(1-1) is not a number to plot.
        if quantile < 1.0 {
            text.push_str(&format!(" {:>14.2}", 1.0 / (1.0 - quantile)));
        }
        text.push('\n');
    }
    let mean = histogram.mean();
    let deviation = histogram.stdev();
    let (max, count) = (row.max_ns as f64, histogram.len());
    text.push_str(&format!(
        "#[Mean    = {mean:>12.digits$}, StdDeviation   = {deviation:>12.digits$}]\n\
         #[Max     = {max:>12.digits$}, Total count    = {count:>12}]\n\
         #[Buckets = {:>12}, SubBuckets     = {:>12}]\n",
        histogram.buckets(),
        sub_buckets(histogram.sigfig()),
    ));
    text
}

/// How many linear steps a bucket has: a power of two that tells `digits` digits apart.
fn sub_buckets(digits: u8) -> u64 {
    (2 * 10_u64.pow(u32::from(digits))).next_power_of_two()
}

#[cfg(test)]
mod tests {
    use crate::render::{Format, render};
    use crate::run::tests::sample_run;

    #[test]
    fn hgrm_ascends_to_the_total_count_and_ends_in_the_footer() {
        let run = sample_run(1, 100);
        let text = render(&run, Format::Hgrm, Some("book")).unwrap();
        let lines: Vec<Vec<f64>> = text
            .lines()
            .skip(2)
            .take_while(|line| !line.starts_with('#'))
            .map(|line| {
                line.split_whitespace()
                    .map(|it| it.parse().unwrap())
                    .collect()
            })
            .collect();
        assert!(lines.len() > 30);
        for pair in lines.windows(2) {
            assert!(pair[0][0] <= pair[1][0] && pair[0][1] <= pair[1][1]);
        }
        let last = lines.last().unwrap();
        assert_eq!(last, &[run.rows[1].max_ns as f64, 1.0, 120_000.0]);
        let footer: Vec<&str> = text.lines().filter(|line| line.starts_with("#[")).collect();
        assert_eq!(footer.len(), 3);
        assert!(footer[0].starts_with("#[Mean    = "));
        assert!(footer[1].ends_with("Total count    =       120000]"));
        assert!(footer[2].ends_with("SubBuckets     =          256]"));
    }

    #[test]
    fn hgrm_of_several_stages_asks_for_one() {
        let failure = render(&sample_run(1, 100), Format::Hgrm, None).unwrap_err();
        assert!(failure.next.contains("tick-to-output@intended"));
    }
}
