//! The statistics against brute force, the verdicts against known shifts.

use super::*;
use crate::recorder::{Basis, Recorder};
use crate::run::tests::sample_run;

fn row_of(samples: impl IntoIterator<Item = u64>) -> Row {
    let mut recorder = Recorder::new("book", Basis::Work);
    for sample in samples {
        recorder.record(sample.cast_signed());
    }
    recorder.finish()
}

fn log_normal(random: &mut Random, count: usize, median_ns: f64) -> Vec<u64> {
    let draw = |_| (median_ns * (random.normal() * 0.4).exp()) as u64;
    (0..count).map(draw).collect()
}

#[test]
fn identical_data_shows_no_difference() {
    let run = sample_run(1, 100);
    let comparison = compare(&run, &run, MARGIN).unwrap();
    assert!(comparison.warnings.is_empty());
    for pair in &comparison.stages {
        assert_eq!(pair.p_value, 1.0);
        assert_eq!(pair.slower_chance, 0.5);
        for change in &pair.changes {
            assert_eq!(change.verdict, Verdict::NoDifferenceShown);
            assert!(change.interval[0] < 1.0 && 1.0 < change.interval[1]);
        }
    }
    // Every stage but the one with three samples has both percentiles.
    let changes: usize = comparison
        .stages
        .iter()
        .map(|pair| pair.changes.len())
        .sum();
    assert_eq!((comparison.stages.len(), changes), (6, 10));
}

#[test]
fn other_samples_of_one_distribution_show_no_difference() {
    let comparison = compare(&sample_run(1, 100), &sample_run(2, 100), MARGIN).unwrap();
    for change in comparison.stages.iter().flat_map(|pair| &pair.changes) {
        assert_eq!(change.verdict, Verdict::NoDifferenceShown, "{change:?}");
    }
}

#[test]
fn a_fifth_slower_is_slower_and_the_other_way_round_faster() {
    let (base, run) = (sample_run(1, 100), sample_run(2, 120));
    for (one, two, verdict, ratio) in [
        (&base, &run, Verdict::Slower, 1.2),
        (&run, &base, Verdict::Faster, 1.0 / 1.2),
    ] {
        let comparison = compare(one, two, MARGIN).unwrap();
        let book = &comparison.stages[1];
        assert_eq!(book.key, "book");
        assert!(book.p_value < 1e-6);
        for change in &book.changes {
            assert_eq!(change.verdict, verdict, "{change:?}");
            assert!(change.interval[0] < ratio && ratio < change.interval[1]);
        }
    }
}

#[test]
fn a_slower_tail_is_found_though_the_median_stands() {
    let base = row_of((0..100_000).map(|n| if n % 50 == 0 { 2_000 } else { 100 + n % 20 }));
    let run = row_of((0..100_000).map(|n| if n % 50 == 0 { 4_000 } else { 100 + n % 20 }));
    let pair = pair(&base, &run, MARGIN);
    assert_eq!(pair.changes[0].verdict, Verdict::NoDifferenceShown);
    assert_eq!(pair.changes[1].verdict, Verdict::Slower);
}

#[test]
fn a_difference_within_the_margin_is_not_claimed() {
    let mut random = Random::new(3);
    let base = row_of(log_normal(&mut random, 200_000, 10_000.0));
    let run = row_of(log_normal(&mut random, 200_000, 10_300.0));
    let claimed = |margin| pair(&base, &run, margin).changes[0].verdict;
    assert_eq!(claimed(MARGIN), Verdict::NoDifferenceShown);
    assert_eq!(claimed(0.0), Verdict::Slower);
}

#[test]
fn mann_whitney_agrees_with_counting_every_pair() {
    let mut random = Random::new(11);
    // Below 256 ns bins are single nanoseconds, so ties are what they seem.
    let draw = |random: &mut Random, top: f64| -> Vec<u64> {
        (0..300).map(|_| (random.uniform() * top) as u64).collect()
    };
    let (base, run) = (draw(&mut random, 100.0), draw(&mut random, 110.0));
    let mut wins = 0.0;
    for one in &run {
        for other in &base {
            wins += match one.cmp(other) {
                std::cmp::Ordering::Greater => 1.0,
                std::cmp::Ordering::Equal => 0.5,
                std::cmp::Ordering::Less => 0.0,
            };
        }
    }
    let (chance, p_value) = mann_whitney(&row_of(base), &row_of(run));
    assert!((chance - wins / 90_000.0).abs() < 1e-12);
    assert!(0.0 < p_value && p_value < 1.0);
}

/// scipy.stats.mannwhitneyu(run, base, method="asymptotic") on the same ten values each.
#[test]
fn mann_whitney_agrees_with_scipy() {
    let base = row_of([12, 15, 15, 18, 20, 22, 22, 25, 30, 31]);
    let run = row_of([15, 22, 24, 26, 28, 30, 33, 35, 40, 41]);
    let (chance, p_value) = mann_whitney(&base, &run);
    assert!((chance - 0.795).abs() < 1e-12, "{chance}");
    assert!((p_value - 0.027_831_808).abs() < 1e-6, "{p_value}");
}

#[test]
fn the_normal_tail_agrees_with_the_tables() {
    let cases = [
        (0.0, 1.0),
        (1.0, 0.317_310_5),
        (1.959_964, 0.05),
        (4.0, 6.334_248e-5),
    ];
    for (z, chance) in cases {
        assert!((two_sided(z) / chance - 1.0).abs() < 1e-6, "{z}");
    }
}

#[test]
fn one_beta_draw_stands_for_a_whole_resample() {
    let mut random = Random::new(5);
    let mut samples = log_normal(&mut random, 200, 100.0);
    let bins = Bins::of(&row_of(samples.iter().copied()));
    samples.sort_unstable();
    let rounds = 4_000;
    let mut naive: Vec<u64> = (0..rounds)
        .map(|_| {
            let draw = |_| samples[(random.uniform() * 200.0) as usize];
            let mut again: Vec<u64> = (0..200).map(draw).collect();
            again.sort_unstable();
            again[99]
        })
        .collect();
    let mut drawn: Vec<u64> = (0..rounds)
        .map(|_| replicate(&bins, LADDER[0], &mut random).unwrap().high_ns)
        .collect();
    naive.sort_unstable();
    drawn.sort_unstable();
    for idx in [100, 1_000, 2_000, 3_000, 3_900] {
        assert!(naive[idx].abs_diff(drawn[idx]) <= 2, "{idx}");
    }
}

#[test]
fn the_interval_covers_the_true_ratio_as_often_as_it_says() {
    let mut random = Random::new(17);
    let covered = (0..200)
        .filter(|_| {
            let base = Bins::of(&row_of(log_normal(&mut random, 2_000, 1_000.0)));
            let run = Bins::of(&row_of(log_normal(&mut random, 2_000, 1_100.0)));
            let interval = bootstrap(&[base, run], LADDER[0], &mut random).unwrap();
            interval[0] < 1.1 && 1.1 < interval[1]
        })
        .count();
    // At least 95 % by design, somewhat more as the bins' width is added.
    assert!((186..=200).contains(&covered), "{covered} of 200");
}

#[test]
fn what_is_not_like_with_like_is_said() {
    let base = sample_run(1, 100);
    let mut run = base.clone();
    run.pace = Some("max".to_owned());
    run.environment.governor = None;
    run.rows[0].name = "parse".to_owned();
    let comparison = compare(&base, &run, MARGIN).unwrap();
    let warnings = [
        "pace: 8x and max",
        "governor: performance and not recorded",
        "only the base has stage 'decode'",
        "only the run has stage 'parse'",
    ];
    assert_eq!(comparison.warnings, warnings);
    run.rows.truncate(1);
    assert_eq!(compare(&base, &run, MARGIN).unwrap_err().kind, Kind::Usage);
}

#[test]
fn the_same_runs_give_the_same_text() {
    let told = || {
        let runs = (sample_run(1, 100), sample_run(2, 120));
        compare(&runs.0, &runs.1, MARGIN).unwrap().to_string()
    };
    let text = told();
    assert_eq!(text, told());
    assert!(text.contains("slower"));
    assert!(text.contains("too few samples"));
}
