//! Everything one run reports.
//!
//! A figure means little without where it was taken, so the environment travels with the rows.
//! Invariant: `None` is "not measured" and is told as such; only a measured zero is a zero.

use std::hint::black_box;

use serde::{Deserialize, Serialize};

use crate::recorder::{Basis, Recorder, Row};

/// One run: what it was, where it ran, what it showed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// What ran, on what: `replay esh4-glbx-mdp3-20231225.mbo.dbn.zst`.
    pub what: String,
    /// How fast inputs came: `1x`, `8x`, `max`.
    pub pace: Option<String>,
    /// How stages lay on tiles: `fused`, `split`, `dedicated`.
    pub layout: Option<String>,
    /// When it began, in ns since 1970-01-01 UTC; 0 if not known.
    pub started_ns: u64,
    /// How long it took, in ns; 0 if not known.
    pub length_ns: u64,
    /// Where it ran.
    pub environment: Environment,
    /// Latencies, in the order of the chain. Kept in the histogram log.
    #[serde(skip)]
    pub rows: Vec<Row>,
    /// Links between tiles.
    pub rings: Vec<Ring>,
    /// How long the tiles' duty cycles took.
    pub duty_cycles: Vec<DutyCycle>,
    /// Allocations on sealed threads.
    pub allocations: Option<u64>,
    /// Page faults on hot threads, minor and major.
    pub page_faults: Option<u64>,
    /// Times the scheduler took a hot thread off its core.
    pub involuntary_switches: Option<u64>,
    /// Samples during which the thread was off the processor.
    pub off_processor: Option<Share>,
    /// What measuring itself costs.
    pub floor: Option<Floor>,
}

/// The machine and the build.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Environment {
    /// Where the tiles ran.
    pub cores: Vec<Core>,
    /// The frequency governor: `performance`.
    pub governor: Option<String>,
    /// The build: a commit.
    pub build: Option<String>,
    /// A hash of the effective configuration.
    pub config: Option<String>,
    /// The clock and why to trust it: `tsc (invariant)`.
    pub clock: Option<String>,
    /// Processor, count of cores, kernel.
    pub machine: Option<String>,
    /// Load averages while it ran.
    pub load: Option<String>,
}

/// A tile's core.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Core {
    /// The tile.
    pub tile: String,
    /// The core's number.
    pub id: u32,
    /// Whether it was pinned there.
    pub pinning: Pinning,
}

/// How sure it is that a tile stayed on its core.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pinning {
    /// Pinned, and read back from the scheduler.
    Verified,
    /// Asked for; nobody looked.
    Asked,
    /// Free to roam.
    None,
}

/// A link's figures.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ring {
    /// `producer_consumer`.
    pub name: String,
    /// The most messages that ever waited in it.
    pub high_water: u64,
    /// How many it can hold.
    pub capacity: u64,
    /// How often the producer found it full.
    pub full: u64,
}

/// A tile's duty cycles.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DutyCycle {
    /// The tile.
    pub tile: String,
    /// The longest, in ns.
    pub longest_ns: u64,
    /// From where on a cycle is counted as long, in ns.
    pub threshold_ns: u64,
    /// How many were longer than that.
    pub over: u64,
}

/// So many of so many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// So many.
    pub part: u64,
    /// Of so many.
    pub whole: u64,
}

/// What measuring itself costs. It is told beside the figures and never subtracted from them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Floor {
    /// One reading of the clock, in tenths of ns.
    pub clock_read_tenth_ns: u64,
    /// One [`Recorder::record`], in tenths of ns.
    pub record_tenth_ns: u64,
}

impl Floor {
    /// Measures the floor with the run's own clock, in well under 10 ms. The best of several
    /// batches is taken, since interruptions only ever add.
    pub fn measure(mut now_ns: impl FnMut() -> u64) -> Self {
        const CALLS: u64 = 10_000;
        const BATCHES: usize = 8;
        let mut recorder = Recorder::new("floor", Basis::Work);
        let mut best = [u64::MAX; 2];
        for _ in 0..BATCHES {
            let start_ns = now_ns();
            for _ in 0..CALLS {
                black_box(now_ns());
            }
            let middle_ns = now_ns();
            for call in 0..CALLS {
                // Spread over many bins, as real samples are.
                let delta_ns = call.wrapping_mul(2_654_435_761) & 0xFF_FFFF;
                recorder.record(black_box(delta_ns.cast_signed()));
            }
            let end_ns = now_ns();
            best[0] = best[0].min(middle_ns.saturating_sub(start_ns));
            best[1] = best[1].min(end_ns.saturating_sub(middle_ns));
        }
        black_box(&recorder);
        Self {
            clock_read_tenth_ns: best[0] * 10 / CALLS,
            record_tenth_ns: best[1] * 10 / CALLS,
        }
    }
}

impl Run {
    /// The rows that a name means: a key names one, a bare stage every basis it has.
    #[must_use]
    pub fn rows_named(&self, name: &str) -> Vec<&Row> {
        let by_key: Vec<&Row> = self.rows.iter().filter(|row| row.key() == name).collect();
        let by_name = || self.rows.iter().filter(|row| row.name == name).collect();
        match Basis::split_key(name) {
            // A bare name is also the key of the stage's own work, and that must not hide others.
            (_, Basis::Work) => by_name(),
            _ => by_key,
        }
    }

    /// The key nearest to a name that means nothing, for "did you mean".
    #[must_use]
    pub fn nearest_key(&self, name: &str) -> Option<String> {
        let keys: Vec<String> = self.rows.iter().map(Row::key).collect();
        nearest(name, keys.iter().map(String::as_str)).map(str::to_owned)
    }
}

/// The candidate with the fewest edits from `name`, the first of equals, if it is near at all.
pub(crate) fn nearest<'a>(
    name: &str,
    candidates: impl Iterator<Item = &'a str>,
) -> Option<&'a str> {
    let near = |candidate: &str| strsim::damerau_levenshtein(name, candidate);
    let best = candidates.min_by_key(|candidate| near(candidate))?;
    (near(best) <= name.chars().count().max(4) / 2).then_some(best)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::compare::Random;
    use crate::recorder::TickTo;

    /// A run with every part filled in, the same for the same seed; `percent` scales latencies.
    pub(crate) fn sample_run(seed: u64, percent: u64) -> Run {
        let mut random = Random::new(seed);
        let mut recorders = [("decode", 40.0), ("book", 180.0), ("features", 620.0)]
            .map(|(name, median_ns)| (Recorder::new(name, Basis::Work), median_ns));
        let mut tick_to = TickTo::new("tick-to-output", 1);
        for message in 0..120_000_u64 {
            let mut sum_ns = 0;
            for (recorder, median_ns) in &mut recorders {
                let spread = (random.normal() * 0.35).exp();
                let stall = if message % 9_973 == 0 { 60.0 } else { 1.0 };
                let ns = (*median_ns * spread * stall) as u64 * percent / 100;
                recorder.record(ns.cast_signed());
                sum_ns += ns;
            }
            let wait_ns = if message % 211 == 0 { 45_000 } else { 0 };
            tick_to.record(
                Some(1_000_000),
                1_000_000 + wait_ns,
                1_000_000 + wait_ns + sum_ns,
            );
        }
        let mut rows: Vec<Row> = recorders.into_iter().map(|(it, _)| it.finish()).collect();
        rows.extend(tick_to.finish());
        let mut other = Recorder::sampled("wire", Basis::OtherClock, 16);
        for delta_ns in [-120_000, 80_000, 95_000, 110_000] {
            other.record(delta_ns);
        }
        rows.push(other.finish());
        Run {
            rows,
            ..sample_surroundings()
        }
    }

    fn sample_surroundings() -> Run {
        let core = |tile: &str, id| Core {
            tile: tile.to_owned(),
            id,
            pinning: Pinning::Verified,
        };
        Run {
            what: "replay esh4".to_owned(),
            pace: Some("8x".to_owned()),
            layout: Some("split".to_owned()),
            started_ns: 1_700_000_000_123_000_000,
            length_ns: 12_500_000_000,
            environment: Environment {
                cores: vec![core("feed", 2), core("book", 3)],
                governor: Some("performance".to_owned()),
                build: Some("1a2b3c4".to_owned()),
                config: Some("9f8e".to_owned()),
                clock: Some("tsc (invariant)".to_owned()),
                machine: Some("8 cores".to_owned()),
                load: None,
            },
            rows: Vec::new(),
            rings: vec![Ring {
                name: "feed_book".to_owned(),
                high_water: 412,
                capacity: 4_096,
                full: 0,
            }],
            duty_cycles: vec![DutyCycle {
                tile: "book".to_owned(),
                longest_ns: 18_400,
                threshold_ns: 50_000,
                over: 0,
            }],
            allocations: Some(0),
            page_faults: Some(0),
            involuntary_switches: Some(3),
            off_processor: Some(Share {
                part: 3,
                whole: 120_000,
            }),
            floor: Some(Floor {
                clock_read_tenth_ns: 182,
                record_tenth_ns: 73,
            }),
        }
    }

    #[test]
    fn a_bare_stage_means_every_basis_and_a_key_means_one() {
        let run = sample_run(1, 100);
        assert_eq!(run.rows_named("tick-to-output").len(), 2);
        assert_eq!(run.rows_named("tick-to-output@intended").len(), 1);
        assert_eq!(run.rows_named("book").len(), 1);
        assert!(run.rows_named("boook").is_empty());
        assert_eq!(run.nearest_key("boook").as_deref(), Some("book"));
        assert_eq!(run.nearest_key("zzzzzzzz"), None);
    }

    #[test]
    fn the_floor_is_what_the_clock_says() {
        // A clock that advances 20 ns at each reading, and not at all while recording.
        let mut now_ns = 0;
        let floor = Floor::measure(|| {
            now_ns += 20;
            now_ns
        });
        assert_eq!(floor.clock_read_tenth_ns, 200);
        assert_eq!(floor.record_tenth_ns, 0);
    }
}
