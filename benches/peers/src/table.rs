//! What was seen, and the table of what must be reached.

use serde::Serialize;

use crate::contest::Work;
use crate::hop::Hop;
use crate::tail::Tail;

/// Everything that one run found out.
#[derive(Serialize)]
pub struct Report {
    /// Where and when.
    pub machine: Machine,
    /// Times by input and contestant.
    pub times: Vec<Time>,
    /// Best bids and offers that are not the documented book's.
    pub disagreements: Vec<Disagreement>,
    /// Tails of one apply with warm caches.
    pub warm: Vec<Tail>,
    /// The same with cold caches.
    pub cold: Vec<Tail>,
    /// What the timer adds to each sample of a tail, nanoseconds.
    pub timer_ns: u64,
    /// Hops between two cores.
    pub hops: Vec<Hop>,
    /// Cost by number of instruments at equal activity.
    pub growth: Vec<Growth>,
    /// Book memory of one more quiet instrument, bytes.
    pub bytes_per_instrument: u64,
    /// Book memory of one more resting order, bytes.
    pub bytes_per_order: u64,
}

/// The machine and its state.
#[derive(Serialize)]
pub struct Machine {
    /// Model of the processor.
    pub processor: String,
    /// Cores that may be used.
    pub cores: usize,
    /// Compiler found on the path.
    pub compiler: String,
    /// Load average of the last minute when the run began and when it ended.
    pub load: [String; 2],
}

/// One contestant on one input.
#[derive(Serialize)]
pub struct Time {
    /// Name of the input.
    pub input: String,
    /// Records of it.
    pub records: usize,
    /// Who.
    pub name: &'static str,
    /// What was timed.
    pub work: Work,
    /// Nanoseconds per record, a value for each round, in their order.
    pub rounds: Vec<f64>,
    /// Over the best bids and offers, or over the records where only decoding was timed.
    pub checksum: String,
}

impl Time {
    /// The best round.
    pub fn min(&self) -> f64 {
        self.rounds.iter().copied().fold(f64::INFINITY, f64::min)
    }

    /// The middle round.
    pub fn median(&self) -> f64 {
        median(self.rounds.clone())
    }
}

/// A contestant that says something else than the documented book.
#[derive(Serialize)]
pub struct Disagreement {
    /// Name of the input.
    pub input: String,
    /// Who.
    pub name: &'static str,
    /// After how many LASTs its best bid or offer differs; unknown for whom it is not looked up.
    pub differs: Option<usize>,
    /// Of how many.
    pub events: usize,
    /// What is known of it.
    pub why: &'static str,
}

/// What the number of instruments costs.
#[derive(Serialize)]
pub struct Growth {
    /// How many, with equal activity.
    pub instruments: u32,
    /// Bytes to best bid and offer, nanoseconds per record, best round.
    pub chain_ns: f64,
    /// The bare book alone.
    pub bare_ns: f64,
}

/// A line of the table.
#[derive(Serialize)]
pub struct Row {
    /// What is compared with what.
    pub what: String,
    /// Our figure, in nanoseconds.
    pub ours: f64,
    /// The peer's.
    pub theirs: f64,
    /// What is asked for.
    pub bounds: Bounds,
    /// The ratio of the two as the bounds mean it, from the best rounds.
    pub seen: f64,
    /// The same from the middle of each round's ratio.
    pub median: f64,
    /// The ratio that the bare book has, from the best rounds: what is possible here.
    pub bare: Option<f64>,
}

/// What is asked of a ratio.
#[derive(Clone, Copy, Serialize)]
pub enum Bounds {
    /// So many times faster than the peer, at least: must, goal.
    Faster(f64, f64),
    /// At most so much of the peer's time: must, goal.
    Share(f64, f64),
    /// Told for its own sake.
    Told,
}

impl Row {
    fn of(what: String, bounds: Bounds, ours: f64, theirs: f64) -> Self {
        let seen = bounds.ratio(ours, theirs);
        Self {
            what,
            ours,
            theirs,
            bounds,
            seen,
            median: seen,
            bare: None,
        }
    }

    /// The same with the figure that the bare book has.
    fn with_bare(mut self, bare: f64) -> Self {
        self.bare = Some(self.bounds.ratio(bare, self.theirs));
        self
    }

    fn verdict(&self) -> &'static str {
        let (must, goal) = match self.bounds {
            Bounds::Faster(must, goal) => (self.seen >= must, self.seen >= goal),
            Bounds::Share(must, goal) => (self.seen <= must, self.seen <= goal),
            Bounds::Told => return "told",
        };
        match (must, goal) {
            (_, true) => "goal",
            (true, false) => "must",
            (false, false) => "**missed**",
        }
    }
}

impl Bounds {
    fn ratio(self, ours: f64, theirs: f64) -> f64 {
        match self {
            Self::Faster(..) | Self::Told => theirs / ours,
            Self::Share(..) => ours / theirs,
        }
    }

    fn texts(self) -> [String; 2] {
        match self {
            Self::Faster(must, goal) => [must, goal].map(|bound| format!("≥ {bound} ×")),
            Self::Share(must, goal) => [must, goal].map(|bound| format!("≤ {bound} ×")),
            Self::Told => [String::new(), String::new()],
        }
    }
}

/// The comparisons asked for: work, peer, and bounds by input.
const ASKED: &[(Work, &str, Bounds, Bounds)] = &[
    (
        Work::Chain,
        "nautilus (64-bit)",
        Bounds::Faster(7.0, 11.0),
        Bounds::Faster(8.0, 12.0),
    ),
    (
        Work::Chain,
        "dbn + documented book",
        Bounds::Faster(7.0, 10.0),
        Bounds::Faster(8.0, 12.0),
    ),
    (
        Work::Chain,
        "dbn + documented book, prices only",
        Bounds::Told,
        Bounds::Told,
    ),
    (
        Work::Book,
        "hftbacktest ROI L3",
        Bounds::Faster(2.0, 2.8),
        Bounds::Faster(2.0, 2.8),
    ),
    (
        Work::Book,
        "hftbacktest HashMap L3",
        Bounds::Faster(4.0, 5.5),
        Bounds::Faster(4.0, 5.5),
    ),
    (Work::Chain, "walk + bare book", Bounds::Told, Bounds::Told),
    (Work::Book, "bare book", Bounds::Told, Bounds::Told),
    (Work::Book, "documented book", Bounds::Told, Bounds::Told),
    (
        Work::Book,
        "documented book, prices only",
        Bounds::Told,
        Bounds::Told,
    ),
    (
        Work::Decode,
        "dbn decode_record_ref",
        Bounds::Share(0.55, 0.42),
        Bounds::Share(0.55, 0.42),
    ),
    (Work::Decode, "dbn process_many", Bounds::Told, Bounds::Told),
];

impl Report {
    /// The table.
    pub fn rows(&self) -> Vec<Row> {
        let mut inputs: Vec<&str> = self.times.iter().map(|time| time.input.as_str()).collect();
        inputs.dedup();
        let mut rows = Vec::new();
        for (work, peer, bounds, bounds_of_fifty) in ASKED {
            for input in &inputs {
                let bounds = if *input == "fifty" {
                    bounds_of_fifty
                } else {
                    bounds
                };
                rows.extend(self.row(input, *work, peer, *bounds));
            }
        }
        rows.extend(self.rows_of_tails());
        rows
    }

    fn row(&self, input: &str, work: Work, peer: &str, bounds: Bounds) -> Option<Row> {
        let on = |name: &str| {
            let is_it =
                |time: &&Time| time.input == input && time.work == work && time.name == name;
            self.times.iter().find(is_it)
        };
        let (ours, theirs) = (on(work.ours())?, on(peer)?);
        let what = format!("{}, {input}: against {peer}", work.words());
        let mut row = Row::of(what, bounds, ours.min(), theirs.min());
        let pairs = ours.rounds.iter().zip(&theirs.rounds);
        row.median = median(
            pairs
                .map(|(ours, theirs)| bounds.ratio(*ours, *theirs))
                .collect(),
        );
        Some(match on(work.bare()) {
            Some(bare) => row.with_bare(bare.min()),
            None => row,
        })
    }

    fn rows_of_tails(&self) -> Vec<Row> {
        let mut rows = Vec::new();
        if let [ours, theirs, bare] = &self.warm[..] {
            let [ours, theirs, bare] = [ours, theirs, bare].map(|tail| tail.p99 as f64);
            let what = "p99 of one apply: against nautilus (64-bit)".to_owned();
            rows.push(Row::of(what, Bounds::Share(0.3, 0.2), ours, theirs).with_bare(bare));
        }
        if let [ours, theirs, bare] = &self.cold[..] {
            let [ours, theirs, bare] = [ours, theirs, bare].map(|tail| tail.p50 as f64);
            let what = "cold p50 of one apply: against documented book".to_owned();
            rows.push(Row::of(what, Bounds::Share(0.5, 0.37), ours, theirs).with_bare(bare));
        }
        if let [bare, hops @ ..] = &self.hops[..] {
            for (at, hop) in hops.iter().enumerate() {
                let bounds = if at == 0 {
                    Bounds::Share(1.7, 1.3)
                } else {
                    Bounds::Told
                };
                let what = format!("hop p50: {} against {}", hop.name, bare.name);
                let mut row = Row::of(what, bounds, hop.p50, bare.p50);
                row.seen = hop.p50 / bare.p50;
                row.median = row.seen;
                rows.push(row);
            }
        }
        if let [first, .., last] = &self.growth[..] {
            let bounds = Bounds::Share(2.0, 2.0);
            let (from, to) = (first.instruments, last.instruments);
            let what = format!("growth from {from} to {to} instruments");
            let mut row = Row::of(what, bounds, last.chain_ns, first.chain_ns);
            row.bare = Some(last.bare_ns / first.bare_ns);
            rows.push(row);
        }
        let memory = [
            (
                "memory of a quiet instrument, bytes",
                self.bytes_per_instrument,
                2048.0,
            ),
            (
                "memory of a resting order, bytes",
                self.bytes_per_order,
                64.0,
            ),
        ];
        for (what, bytes, limit) in memory {
            let bounds = Bounds::Share(1.0, 1.0);
            rows.push(Row::of(
                format!("{what}, against the limit"),
                bounds,
                bytes as f64,
                limit,
            ));
        }
        rows
    }

    /// The report as Markdown.
    pub fn markdown(&self) -> String {
        let mut text = String::from(
            "| what | ours ns | theirs ns | must | goal | seen | by rounds | bare book | reached |\n\
             |---|---:|---:|---:|---:|---:|---:|---:|---|\n",
        );
        for row in self.rows() {
            let [must, goal] = row.bounds.texts();
            let bare = row.bare.map(|ratio| format!("{ratio:.2} ×"));
            let bare = bare.unwrap_or_default();
            text += &format!(
                "| {} | {:.1} | {:.1} | {must} | {goal} | {:.2} × | {:.2} × | {bare} | {} |\n",
                row.what,
                row.ours,
                row.theirs,
                row.seen,
                row.median,
                row.verdict()
            );
        }
        text += &self.times_markdown();
        text += &self.tails_markdown();
        text
    }

    fn times_markdown(&self) -> String {
        let mut text = String::from(
            "\n| input | contestant | ns/message, least | median | rounds | checksum |\n\
             |---|---|---:|---:|---:|---|\n",
        );
        for time in &self.times {
            text += &format!(
                "| {} ({}) | {} | {:.1} | {:.1} | {} | `{}` |\n",
                time.input,
                time.records,
                time.name,
                time.min(),
                time.median(),
                time.rounds.len(),
                time.checksum
            );
        }
        if self.disagreements.is_empty() {
            text += "\nAll checksums of the best bid and offer are equal on every input.\n";
        }
        for said in &self.disagreements {
            let differs = said
                .differs
                .map_or("some".to_owned(), |count| count.to_string());
            text += &format!(
                "\n{} on {} differs after {differs} of {} events: {}\n",
                said.name, said.input, said.events, said.why
            );
        }
        text
    }

    fn tails_markdown(&self) -> String {
        let mut text = String::from(
            "\n| one apply, ns | p50 | p99 | p99.9 | samples |\n|---|---:|---:|---:|---:|\n",
        );
        let warm = self.warm.iter().map(|tail| ("warm", tail));
        for (how, tail) in warm.chain(self.cold.iter().map(|tail| ("cold", tail))) {
            // A percentile is told only with ten samples beyond it.
            let p999 = if tail.samples >= 10_000 {
                tail.p999.to_string()
            } else {
                "-".to_owned()
            };
            let Tail {
                name,
                p50,
                p99,
                samples,
                ..
            } = tail;
            text += &format!("| {how}, {name} | {p50} | {p99} | {p999} | {samples} |\n");
        }
        text += &format!("\nThe timer is {} ns of each sample.\n", self.timer_ns);
        text += "\n| one hop, ns | p50 | p99 | samples |\n|---|---:|---:|---:|\n";
        for Hop {
            name,
            p50,
            p99,
            samples,
        } in &self.hops
        {
            text += &format!("| {name} | {p50:.0} | {p99:.0} | {samples} |\n");
        }
        text += "\n| instruments | ns/message, least | bare book alone |\n";
        text += "|---:|---:|---:|\n";
        for Growth {
            instruments,
            chain_ns,
            bare_ns,
        } in &self.growth
        {
            text += &format!("| {instruments} | {chain_ns:.1} | {bare_ns:.1} |\n");
        }
        let Machine {
            processor,
            cores,
            compiler,
            load,
        } = &self.machine;
        text += &format!(
            "\n{processor}, {cores} cores, {compiler}; load average {} before and {} after.\n",
            load[0], load[1]
        );
        text
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
