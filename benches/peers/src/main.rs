//! Undertow beside its peers, on the same input in one interleaved run, pinned to one core.
//!
//! Contestants take turns, round after round, so that a disturbance of the machine meets all of
//! them. A contestant whose checksum differs from the documented book's is named before any time
//! is told.

mod bare;
mod bbo;
mod contest;
mod documented;
mod growth;
mod hft;
mod hop;
mod input;
mod nautilus;
mod ours;
mod processor;
mod table;
mod tail;

use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};
use clap::Parser;
use core_affinity::CoreId;

use bbo::Bbo;
use contest::{CONTESTANTS, Work};
use input::Input;
use table::{Disagreement, Machine, Report, Time};

/// Runs Undertow beside its peers and prints the table of ratios.
#[derive(Parser)]
#[command(version)]
struct Args {
    /// DBN files to run besides the made ones, `.dbn` or `.dbn.zst`, with MBO records
    files: Vec<PathBuf>,
    /// Messages of the input `one`: one instrument; 0 leaves it out
    #[arg(long, default_value_t = 5_000_000)]
    one: u64,
    /// Messages of the input `fifty`: fifty instruments; 0 leaves it out
    #[arg(long, default_value_t = 20_000_000)]
    fifty: u64,
    /// Seed of the made inputs
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// Rounds over each input; a file of few records is given ten times as many
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Core to pin to
    #[arg(long, default_value_t = 1)]
    core: usize,
    /// Events with cold caches
    #[arg(long, default_value_t = 1_000)]
    cold: usize,
    /// Leave out tails, hops and growth
    #[arg(long)]
    times_only: bool,
    /// Write everything as JSON to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write the tables as Markdown to this file
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
}

/// What tells glibc to ask for huge pages, for whoever allocates.
const HUGE_PAGES: (&str, &str) = ("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1");

fn main() -> ExitCode {
    // The program's own arena asks for huge pages; here all contestants have them.
    if std::env::var_os(HUGE_PAGES.0).is_none() {
        let program = std::env::current_exe().unwrap_or_default();
        let mut again = Command::new(program);
        again.args(std::env::args_os().skip(1));
        let error = again.env(HUGE_PAGES.0, HUGE_PAGES.1).exec();
        eprintln!("peers: cannot start again with huge pages: {error}");
    }
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("peers: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<()> {
    let machine = machine(load());
    let cores = core_affinity::get_core_ids().unwrap_or_default();
    pin(&cores, args.core);
    let mut report = Report {
        machine,
        times: Vec::new(),
        disagreements: Vec::new(),
        warm: Vec::new(),
        cold: Vec::new(),
        timer_ns: tail::timer_ns(),
        hops: Vec::new(),
        growth: Vec::new(),
        bytes_per_instrument: ours::bytes_per_instrument(),
        bytes_per_order: ours::bytes_per_order(),
    };
    if args.one > 0 {
        let input = input::one(args.one, args.seed)?;
        run_input(&input, args.rounds, &mut report);
        if !args.times_only {
            report.warm = tail::warm(&input, 2_000_000).into();
            report.cold = tail::cold(&input, 1_000_000, args.cold).into();
        }
    }
    for file in &args.files {
        run_input(&Input::from_file(file)?, args.rounds * 10, &mut report);
    }
    if args.fifty > 0 {
        run_input(
            &input::fifty(args.fifty, args.seed)?,
            args.rounds,
            &mut report,
        );
    }
    if !args.times_only {
        report.growth = growth::measure(args.seed, args.rounds)?;
        report.hops = hop::hops(&cores, args.rounds).unwrap_or_default();
    }
    report.machine.load[1] = load();
    publish(args, &report)
}

/// Runs every contestant in turn over one input, round after round.
fn run_input(input: &Input, rounds: usize, report: &mut Report) {
    let records = input.records.len();
    eprintln!(
        "{}: {records} records, {} instruments",
        input.name,
        input.instruments.len()
    );
    let mut times: Vec<Time> = CONTESTANTS
        .iter()
        .map(|contestant| Time {
            input: input.name.clone(),
            records,
            name: contestant.name,
            work: contestant.work,
            rounds: Vec::new(),
            checksum: String::new(),
        })
        .collect();
    for round in 1..=rounds {
        for (contestant, time) in CONTESTANTS.iter().zip(&mut times) {
            let outcome = (contestant.run)(input);
            time.rounds.push(outcome.elapsed_ns as f64 / records as f64);
            time.checksum = format!("{:016x}", outcome.checksum);
        }
        if round == 1 || round % 10 == 0 {
            eprintln!("{}: round {round} of {rounds}", input.name);
        }
    }
    report.disagreements.extend(disagreements(input, &times));
    report.times.append(&mut times);
}

/// Whoever has another checksum than the documented book, or than dbn where only decoded.
fn disagreements(input: &Input, times: &[Time]) -> Vec<Disagreement> {
    let of = |name: &str| times.iter().find(|time| time.name == name);
    let truth = |work: Work| match work {
        Work::Chain | Work::Book => of("documented book"),
        Work::Decode => of("dbn decode_record_ref"),
    };
    let differs = |time: &&Time| truth(time.work).is_some_and(|one| one.checksum != time.checksum);
    let said = times.iter().filter(differs).map(|time| {
        let theirs = match time.name {
            "nautilus (64-bit)" => Some(nautilus::bbos(input)),
            "undertow" | "undertow book" => Some(ours::bbos(input)),
            name if name.starts_with("hftbacktest") => Some(hft::bbos(input)),
            _ => None,
        };
        let truth = documented::bbos(input);
        Disagreement {
            input: input.name.clone(),
            name: time.name,
            differs: theirs.map(|theirs| count_differences(&truth, &theirs)),
            events: truth.len(),
            why: known_trap(time.name),
        }
    });
    said.collect()
}

fn count_differences(truth: &[Bbo], theirs: &[Bbo]) -> usize {
    let pairs = truth
        .iter()
        .zip(theirs)
        .filter(|(truth, theirs)| truth != theirs);
    pairs.count() + truth.len().abs_diff(theirs.len())
}

/// What is known of a peer that says something else.
fn known_trap(name: &str) -> &'static str {
    match name {
        "nautilus (64-bit)" => "known: it takes a partial cancel for a whole one",
        name if name.starts_with("hftbacktest") => {
            "known: it does not keep a book that is crossed, as in an auction"
        }
        _ => "not known: the times of this run mean nothing until it is explained",
    }
}

fn publish(args: &Args, report: &Report) -> Result<()> {
    let markdown = report.markdown();
    println!("{markdown}");
    if let Some(file) = &args.markdown {
        std::fs::write(file, &markdown)
            .with_context(|| format!("cannot write {}", file.display()))?;
    }
    if let Some(file) = &args.json {
        let all = serde_json::json!({ "rows": report.rows(), "report": report });
        std::fs::write(file, serde_json::to_string_pretty(&all)?)
            .with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(())
}

fn pin(cores: &[CoreId], core: usize) {
    let is_pinned = cores
        .get(core)
        .is_some_and(|core| core_affinity::set_for_current(*core));
    if !is_pinned {
        eprintln!("peers: NOT PINNED: core {core} cannot be had; times will be worse for all");
    }
}

fn machine(load: String) -> Machine {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find(|line| line.starts_with("model name"));
    let processor = model
        .and_then(|line| line.split(": ").nth(1))
        .unwrap_or("unknown processor");
    let compiler = Command::new("rustc").arg("-V").output();
    let compiler = compiler.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    Machine {
        processor: processor.to_owned(),
        cores: std::thread::available_parallelism().map_or(0, usize::from),
        compiler: compiler.unwrap_or_else(|_| "compiler unknown".to_owned()),
        load: [load, String::new()],
    }
}

fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().unwrap_or("unknown").to_owned()
}
