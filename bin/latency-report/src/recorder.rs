//! What the hot thread holds: one fixed histogram per stage.
//!
//! Invariants: nothing is allocated after construction, and every page was touched there;
//! [`Recorder::record`] neither fails nor panics. Values run from 1 ns to [`HIGH_NS`] at two
//! significant digits (28 KiB). Beyond that a sample is counted as saturated and kept at the
//! bound, so ranks stay right, while `max_ns` keeps the truth. Negative differences mean that the
//! two ends are not one clock: they are counted, never clipped into the histogram.

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

/// The longest latency a recorder tells apart, 10 s.
pub const HIGH_NS: u64 = 10_000_000_000;

/// Significant decimal digits on hot threads.
const DIGITS: u8 = 2;

/// Which two moments a latency lies between.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Basis {
    /// A stage's own work, from its input in hand to its last output.
    Work,
    /// From when a paced input should have arrived: a stall costs all who wait behind it.
    IntendedArrival,
    /// From when the input was in fact taken in.
    ActualArrival,
    /// Between two hosts' clocks; says as much of the clocks as of the way.
    OtherClock,
}

impl Basis {
    /// What follows the stage's name in a key; empty for a stage's own work.
    #[must_use]
    pub const fn suffix(self) -> &'static str {
        match self {
            Self::Work => "",
            Self::IntendedArrival => "@intended",
            Self::ActualArrival => "@actual",
            Self::OtherClock => "@other-clock",
        }
    }

    /// What a table says of it.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Work => "",
            Self::IntendedArrival => "from intended arrival",
            Self::ActualArrival => "from actual arrival",
            Self::OtherClock => "clocks of two hosts",
        }
    }

    /// Takes a key apart into the stage's name and the basis.
    #[must_use]
    pub fn split_key(key: &str) -> (&str, Self) {
        [Self::IntendedArrival, Self::ActualArrival, Self::OtherClock]
            .into_iter()
            .find_map(|basis| Some((key.strip_suffix(basis.suffix())?, basis)))
            .unwrap_or((key, Self::Work))
    }
}

/// One stage's latencies, once recorded.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The stage.
    pub name: String,
    /// Between which moments.
    pub basis: Basis,
    /// One in this many inputs was measured; 1 is all of them.
    pub one_in: u32,
    /// The samples, in ns.
    pub histogram: Histogram<u64>,
    /// The longest sample, exact even beyond the histogram's bound, in ns. 0 without samples.
    pub max_ns: u64,
    /// Samples beyond [`HIGH_NS`]; the histogram holds them at the bound.
    pub saturated: u64,
    /// Samples below zero; the histogram does not hold them.
    pub negative: u64,
}

impl Row {
    /// Names the row among all of its run: the stage, and the basis unless it is its own work.
    #[must_use]
    pub fn key(&self) -> String {
        format!("{}{}", self.name, self.basis.suffix())
    }
}

/// Records one stage's latencies on a hot thread.
#[derive(Clone, Debug)]
pub struct Recorder {
    row: Row,
}

impl Recorder {
    /// A recorder that is given every sample.
    #[must_use]
    pub fn new(name: &str, basis: Basis) -> Self {
        Self::sampled(name, basis, 1)
    }

    /// A recorder that is given one sample in `one_in` (at least 1). The caller does the skipping,
    /// for it saves the clock reads as well.
    #[must_use]
    pub fn sampled(name: &str, basis: Basis, one_in: u32) -> Self {
        let mut histogram = empty();
        // A fresh allocation may be pages that nobody has touched; resetting writes every count,
        // so the faults happen here and not on the first slow sample.
        histogram.reset();
        Self {
            row: Row {
                name: name.to_owned(),
                basis,
                one_in: one_in.max(1),
                histogram,
                max_ns: 0,
                saturated: 0,
                negative: 0,
            },
        }
    }

    /// Takes one difference of two readings of one clock, in ns.
    #[inline]
    pub fn record(&mut self, delta_ns: i64) {
        let Ok(value_ns) = u64::try_from(delta_ns) else {
            self.row.negative += 1;
            return;
        };
        self.row.max_ns = self.row.max_ns.max(value_ns);
        self.row.saturated += u64::from(HIGH_NS < value_ns);
        // The value is within bounds by now, so the clamp inside never acts and nothing is hidden.
        self.row.histogram.saturating_record(value_ns.min(HIGH_NS));
    }

    /// How many samples the histogram holds.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.row.histogram.len()
    }

    /// Forgets everything so far: the end of a warm-up. Does not allocate.
    pub fn reset(&mut self) {
        self.row.histogram.reset();
        self.row.max_ns = 0;
        self.row.saturated = 0;
        self.row.negative = 0;
    }

    /// The result.
    #[must_use]
    pub fn finish(self) -> Row {
        self.row
    }
}

/// A whole way through the machine, from both arrivals, so that the two cannot be mixed up.
#[derive(Clone, Debug)]
pub struct TickTo {
    intended: Recorder,
    actual: Recorder,
}

impl TickTo {
    /// `name` is the stage that both rows carry, for example `tick-to-output`.
    #[must_use]
    pub fn new(name: &str, one_in: u32) -> Self {
        Self {
            intended: Recorder::sampled(name, Basis::IntendedArrival, one_in),
            actual: Recorder::sampled(name, Basis::ActualArrival, one_in),
        }
    }

    /// Takes three readings of one clock, in ns: when the input should have arrived (absent when
    /// the run is not paced), when it did, and when its output left.
    #[inline]
    pub fn record(&mut self, intended_ns: Option<u64>, actual_ns: u64, output_ns: u64) {
        if let Some(intended_ns) = intended_ns {
            self.intended.record(difference(output_ns, intended_ns));
        }
        self.actual.record(difference(output_ns, actual_ns));
    }

    /// Forgets everything so far: the end of a warm-up. Does not allocate.
    pub fn reset(&mut self) {
        self.intended.reset();
        self.actual.reset();
    }

    /// The rows; the one from intended arrival only if there was any.
    pub fn finish(self) -> impl Iterator<Item = Row> {
        let paced = self.intended.count() != 0 || self.intended.row.negative != 0;
        let intended = paced.then(|| self.intended.finish());
        intended.into_iter().chain([self.actual.finish()])
    }
}

/// `end - start`, negative where the end lies before the start, held at the ends of `i64`.
#[inline]
#[must_use]
pub fn difference(end_ns: u64, start_ns: u64) -> i64 {
    if start_ns <= end_ns {
        i64::try_from(end_ns - start_ns).unwrap_or(i64::MAX)
    } else {
        i64::try_from(start_ns - end_ns).map_or(i64::MIN, |span| -span)
    }
}

fn empty() -> Histogram<u64> {
    // Fixed bounds: the histogram must never grow by itself on a hot thread.
    let Ok(histogram) = Histogram::new_with_bounds(1, HIGH_NS, DIGITS) else {
        unreachable!("1 ns to 10 s at 2 digits are bounds a histogram accepts")
    };
    histogram
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::percentile::{Bins, LADDER, Reading};

    #[test]
    fn negative_and_saturated_samples_are_counted_and_the_max_is_exact() {
        let mut recorder = Recorder::new("book", Basis::Work);
        for delta_ns in [-1, i64::MIN, 0, 5, 10_000_000_000, 10_000_000_001, i64::MAX] {
            recorder.record(delta_ns);
        }
        let row = recorder.finish();
        assert_eq!((row.negative, row.saturated), (2, 2));
        assert_eq!(row.histogram.len(), 5);
        assert_eq!(row.max_ns, i64::MAX.unsigned_abs());
    }

    #[test]
    fn reset_forgets_the_warm_up() {
        let mut recorder = Recorder::new("book", Basis::Work);
        recorder.record(-1);
        recorder.record(i64::MAX);
        recorder.reset();
        let row = recorder.finish();
        let left = (row.histogram.len(), row.max_ns, row.saturated, row.negative);
        assert_eq!(left, (0, 0, 0, 0));
    }

    #[test]
    fn a_recorder_fits_the_size_that_the_design_counts_on() {
        let row = Recorder::new("book", Basis::Work).finish();
        assert_eq!(row.histogram.distinct_values() * size_of::<u64>(), 28_672);
    }

    #[test]
    fn difference_keeps_its_sign_and_never_wraps() {
        assert_eq!(difference(7, 5), 2);
        assert_eq!(difference(5, 7), -2);
        assert_eq!(difference(u64::MAX, 0), i64::MAX);
        assert_eq!(difference(0, u64::MAX), i64::MIN);
    }

    #[test]
    fn key_and_its_parts_agree_for_every_basis() {
        for basis in [
            Basis::Work,
            Basis::IntendedArrival,
            Basis::ActualArrival,
            Basis::OtherClock,
        ] {
            let key = format!("tick-to-output{}", basis.suffix());
            assert_eq!(Basis::split_key(&key), ("tick-to-output", basis));
        }
    }

    /// One message a millisecond, 10 us of work each; before message 500 the reader sleeps for
    /// 100 ms. Everyone queued behind the sleep is late, yet each is handled quickly once taken.
    #[test]
    fn a_stall_shows_from_intended_arrival_and_not_from_actual_arrival() {
        let mut tick_to = TickTo::new("tick-to-output", 1);
        let mut free_at_ns = 0;
        for message in 0..1_000_u64 {
            let intended_ns = message * 1_000_000;
            if message == 500 {
                free_at_ns = intended_ns + 100_000_000;
            }
            let taken_ns = intended_ns.max(free_at_ns);
            free_at_ns = taken_ns + 10_000;
            tick_to.record(Some(intended_ns), taken_ns, free_at_ns);
        }
        let rows: Vec<Row> = tick_to.finish().collect();
        let p99_ns = |row: &Row| match Bins::of(row).percentile(LADDER[2]) {
            Reading::Ns(ns) => ns,
            other => panic!("1,000 samples are enough for p99: {other:?}"),
        };

        // The messages due during the sleep wait 100 ms, 99.01 ms, …, 1 ms: 101 of them, of which
        // the eleventh waits 90.1 ms.
        assert_eq!(rows[0].basis, Basis::IntendedArrival);
        assert_eq!(rows[0].max_ns, 100_010_000);
        assert_eq!(rows[0].histogram.count_between(1_000_000, HIGH_NS), 101);
        assert!((90_000_000..91_500_000).contains(&p99_ns(&rows[0])));

        assert_eq!(rows[1].basis, Basis::ActualArrival);
        assert_eq!(rows[1].max_ns, 10_000);
        assert_eq!(p99_ns(&rows[1]), 10_000);
    }

    #[test]
    fn a_run_that_is_not_paced_has_no_row_from_intended_arrival() {
        let mut tick_to = TickTo::new("tick-to-output", 1);
        tick_to.record(None, 5, 9);
        let rows: Vec<Row> = tick_to.finish().collect();
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0].basis, Basis::ActualArrival);
    }
}
