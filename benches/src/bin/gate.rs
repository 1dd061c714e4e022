//! The gate: counts instructions and allocations per message and compares them with the
//! committed baselines. Red is exit 3. It can prove that it turns red (`gate self-test`).
//!
//! Exit codes: 0 green, 1 could not count, 2 usage, 3 regression, 5 valgrind is missing.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use clap::{Parser, Subcommand};
use undertow_benches::baseline::{Baselines, Count, Verdict};
use undertow_benches::count::Counting;
use undertow_benches::measure;
use undertow_benches::work::{self, Planted, Work};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Counts instructions and allocations per message and compares them with the baselines.
#[derive(Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
struct Args {
    /// Write what is counted as the new baselines; with --only, of that work alone
    #[arg(long, requires = "reason")]
    update: bool,
    /// Why the baselines change; kept in the file
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Only this work; every one without it
    #[arg(long, value_name = "WORK")]
    only: Option<Work>,
    /// Say NOT RUN and succeed where valgrind is not installed
    #[arg(long)]
    allow_missing: bool,
    /// The baselines
    #[arg(long, value_name = "FILE", default_value = default_baselines())]
    baselines: PathBuf,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Proves that the gate turns red for a planted slowdown and a planted allocation, and only
    /// for these
    SelfTest {
        /// Only this work; every one without it
        #[arg(long, value_name = "WORK")]
        only: Option<Work>,
        /// Say NOT RUN and succeed where valgrind is not installed
        #[arg(long)]
        allow_missing: bool,
    },
    /// Does a piece of work once; this is what runs under valgrind
    Run(Ask),
}

/// Which work to do, and how.
#[derive(clap::Args)]
struct Ask {
    /// Which work
    work: Work,
    /// Its input
    #[arg(long, value_name = "FILE")]
    input: PathBuf,
    /// How many messages of it
    #[arg(long)]
    messages: u64,
    /// Turns of a useless loop to add per message
    #[arg(long, default_value_t = 0)]
    extra_turns: u32,
    /// Allocate once in so many messages; 0 is never
    #[arg(long, default_value_t = 0)]
    allocate_every: u64,
}

/// The works that were asked for.
fn works(only: Option<Work>) -> impl Iterator<Item = Work> {
    Work::ALL
        .into_iter()
        .filter(move |work| only.is_none_or(|only| only == *work))
}

fn main() -> ExitCode {
    match gate(&Args::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("gate: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn gate(args: &Args) -> Result<ExitCode> {
    let (self_test_only, allow_missing) = match &args.command {
        Some(Command::Run(ask)) => return run(ask),
        Some(Command::SelfTest {
            only,
            allow_missing,
        }) => (Some(*only), *allow_missing),
        None => (None, args.allow_missing),
    };
    let Some(valgrind) = measure::valgrind_version() else {
        eprintln!("gate: NOT RUN: valgrind is not installed, so nothing was counted");
        eprintln!("gate: install valgrind, or pass --allow-missing to go on without the gate");
        return Ok(ExitCode::from(if allow_missing { 0 } else { 5 }));
    };
    let program = std::env::current_exe().context("cannot find this program")?;
    if let Some(only) = self_test_only {
        return self_test(&program, only);
    }
    ensure!(
        !cfg!(debug_assertions),
        "baselines are of release builds: run with `cargo run --release -p undertow-benches`"
    );
    if args.update {
        return update(args, &program, valgrind);
    }
    check(args, &program, &valgrind)
}

fn run(ask: &Ask) -> Result<ExitCode> {
    let file = &ask.input;
    let input = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    let planted = Planted {
        turns: ask.extra_turns,
        allocate_every: ask.allocate_every,
    };
    let run = work::run(ask.work, &input, ask.messages, planted);
    println!(
        "{}: {} messages, checksum {:016x}, {} allocations",
        ask.work.name(),
        run.messages,
        run.checksum,
        run.allocations
    );
    Ok(ExitCode::SUCCESS)
}

fn check(args: &Args, program: &Path, valgrind: &str) -> Result<ExitCode> {
    let baselines = read(&args.baselines)?;
    for (what, now, then) in [
        ("compiler", env!("UNDERTOW_RUSTC"), &baselines.toolchain),
        ("valgrind", valgrind, &baselines.valgrind),
    ] {
        if now != then {
            println!("NOTE: {what} is {now}, the baseline's was {then}: a change may be theirs");
        }
    }
    println!("baseline of {}: {}", baselines.date, baselines.reason);
    let mut is_green = true;
    for work in works(args.only) {
        let count = measure::count(program, work, Planted::NOTHING)?;
        let verdict = Verdict::of(&count, baselines.counts.get(work.name()));
        is_green &= verdict.is_green();
        print_count(work, &count, &verdict.to_string());
    }
    println!("gate: {}", if is_green { "green" } else { "RED" });
    Ok(ExitCode::from(if is_green { 0 } else { 3 }))
}

fn read(file: &Path) -> Result<Baselines> {
    let text = std::fs::read_to_string(file).with_context(|| {
        format!(
            "cannot read {}: make it with --update --reason TEXT",
            file.display()
        )
    })?;
    toml::from_str(&text).with_context(|| format!("cannot understand {}", file.display()))
}

fn update(args: &Args, program: &Path, valgrind: String) -> Result<ExitCode> {
    let reason = args.reason.clone().unwrap_or_default();
    let mut baselines = Baselines {
        toolchain: env!("UNDERTOW_RUSTC").to_owned(),
        valgrind,
        date: jiff::Timestamp::now().strftime("%Y-%m-%d").to_string(),
        reason,
        counts: std::collections::BTreeMap::new(),
    };
    if let Some(only) = args.only {
        let before = read(&args.baselines)?;
        ensure!(
            (&before.toolchain, &before.valgrind) == (&baselines.toolchain, &baselines.valgrind),
            "the other works were counted with another compiler or valgrind: update all of them"
        );
        baselines.reason = format!("{}; {}: {}", before.reason, only.name(), baselines.reason);
        baselines.counts = before.counts;
    }
    for work in works(args.only) {
        let count = measure::count(program, work, Planted::NOTHING)?;
        print_count(work, &count, "new baseline");
        baselines.counts.insert(work.name().to_owned(), count);
    }
    let head = "# Counts per message that the gate compares with. Written by\n\
                # cargo run --release -p undertow-benches --bin gate -- --update --reason TEXT\n\n";
    let text = toml::to_string(&baselines).context("cannot write the baselines as TOML")?;
    std::fs::write(&args.baselines, format!("{head}{text}"))
        .with_context(|| format!("cannot write {}", args.baselines.display()))?;
    println!("wrote {}", args.baselines.display());
    Ok(ExitCode::SUCCESS)
}

/// Counts identical code twice, then with a fifth more work, then with a rare allocation: the
/// verdicts must be green, red and red.
/// The works that the proof is made on without `--only`: one of each kind. Each takes seven counts.
const PROVEN: [Work; 5] = [
    Work::DecodeOne,
    Work::BookOne,
    Work::ChainOne,
    Work::LoopOne,
    Work::Order,
];

fn self_test(program: &Path, only: Option<Work>) -> Result<ExitCode> {
    let mut is_proven = true;
    let is_asked = |work: &Work| only.is_none_or(|only| only == *work);
    let proven = Work::ALL.into_iter().filter(is_asked);
    for work in proven.filter(|work| only.is_some() || PROVEN.contains(work)) {
        let plain = measure::count(program, work, Planted::NOTHING)?;
        let hollow = measure::count(program, work, Planted::HOLLOW)?;
        let turns = turns_of_a_fifth(program, work, &hollow)?;
        let slower = Planted {
            turns,
            ..Planted::HOLLOW
        };
        let allocating = Planted {
            allocate_every: 1_000,
            ..Planted::HOLLOW
        };
        let trials = [
            ("identical code", &plain, Planted::NOTHING, true),
            ("a fifth more work", &hollow, slower, false),
            (
                "an allocation in 1,000 messages",
                &hollow,
                allocating,
                false,
            ),
        ];
        for (what, baseline, planted, must_be_green) in trials {
            let count = measure::count(program, work, planted)?;
            let verdict = Verdict::of(&count, Some(baseline));
            let is_right = verdict.is_green() == must_be_green;
            is_proven &= is_right;
            let proof = if is_right { "as it must" } else { "WRONG" };
            print_count(work, &count, &format!("{what}: {verdict}: {proof}"));
        }
    }
    if is_proven {
        println!("self-test: proven");
        return Ok(ExitCode::SUCCESS);
    }
    println!("self-test: FAILED: the gate cannot be trusted");
    Ok(ExitCode::from(3))
}

/// How many turns of the useless loop make about a fifth of the work.
fn turns_of_a_fifth(program: &Path, work: Work, hollow: &Count) -> Result<u32> {
    const MANY: u32 = 100;
    let many = Planted {
        turns: MANY,
        ..Planted::HOLLOW
    };
    let burdened = measure::count(program, work, many)?;
    let per_turn = (burdened.instructions - hollow.instructions) / f64::from(MANY);
    Ok((hollow.instructions / 5.0 / per_turn).ceil() as u32)
}

fn print_count(work: Work, count: &Count, remark: &str) {
    let name = work.name();
    let (instructions, allocations) = (count.instructions, count.allocations);
    println!(
        "{name:<12} {instructions:>9.2} instructions/message {allocations:>4} allocations  {remark}"
    );
}

fn default_baselines() -> &'static str {
    concat!(env!("CARGO_MANIFEST_DIR"), "/baselines.toml")
}
