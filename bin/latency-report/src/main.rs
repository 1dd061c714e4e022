//! Shows, compares and gates the latencies of runs.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};
use latency_report::failure::{Failure, Kind};
use latency_report::render::{Format, render};
use latency_report::{compare, gate, store};

const EXAMPLES: &str = "\
Examples:
  latency-report show undertow-out                        the table
  latency-report show undertow-out --format html --out latency.html
  latency-report show undertow-out --stage book --format hgrm
  latency-report compare base-run this-run                with intervals, never a bare percent
  latency-report gate this-run --limits gate.toml         exit code 3 if a limit is broken
  latency-report read anyone.hlog                         any HdrHistogram V2 interval log

A run is a directory with run.json and latency.hlog; a bare .hlog will do where only
latencies matter. Times are nanoseconds wherever no unit stands.

Exit codes: 0 ok, 1 failure, 2 usage, 3 limit broken, 4 limits file invalid, 7 data corrupt.";

const GATE_HELP: &str = "\
A limits file is TOML. Every key is a limit, times in ns; unknown keys are refused:

  allocations_max = 0             # on hot threads; also page_faults_max,
  ring_full_max = 0               # involuntary_switches_max, duty_cycle_ns_max,
                                  # duty_cycle_over_max
  [stages.book]                   # a stage of the run, or a key like
  count_min = 10_000              # \"tick-to-output@intended\"
  p50_ns_max = 400                # p50, p90, p99, p99_9, p99_99
  p99_ns_max = 2_000
  longest_ns_max = 1_000_000      # also saturated_max, negative_max

A limit on something that the run lacks, or did not measure, is broken.";

/// Shows, compares and gates the latencies of runs.
#[derive(Parser)]
#[command(version, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Tells what a run recorded.
    Show {
        /// The run's directory, or an .hlog file.
        run: PathBuf,
        #[command(flatten)]
        view: View,
    },
    /// Sets a run beside a base: ratios with their intervals, and what may be said.
    Compare {
        /// The run to compare with.
        base: PathBuf,
        /// The run in question.
        run: PathBuf,
        /// The difference within which nothing is claimed, in percent.
        #[arg(long, default_value_t = 5.0, value_parser = percent)]
        margin: f64,
        /// JSON instead of the table.
        #[arg(long)]
        json: bool,
    },
    /// Holds a run against a file of limits; exit code 3 if one is broken.
    #[command(after_help = GATE_HELP)]
    Gate {
        /// The run's directory.
        run: PathBuf,
        /// The file of limits, in TOML.
        #[arg(long)]
        limits: PathBuf,
        /// JSON instead of the table.
        #[arg(long)]
        json: bool,
    },
    /// Tells what any HdrHistogram V2 interval log holds; intervals of one tag are added up.
    Read {
        /// The log.
        log: PathBuf,
        #[command(flatten)]
        view: View,
    },
}

#[derive(Args)]
struct View {
    /// How to tell it.
    #[arg(long, value_enum, default_value_t = Form::Table)]
    format: Form,
    /// The same as --format json.
    #[arg(long, conflicts_with = "format")]
    json: bool,
    /// Only this stage: book, or tick-to-output@intended.
    #[arg(long)]
    stage: Option<String>,
    /// Where to write it instead of standard output.
    #[arg(long)]
    out: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Form {
    /// For people.
    Table,
    /// For programs.
    Json,
    /// One stage's distribution, as HdrHistogram's plotters read it.
    Hgrm,
    /// Prometheus text exposition.
    Prom,
    /// The percentile curves as a picture.
    Svg,
    /// A page with picture and table, complete in itself.
    Html,
}

fn main() -> ExitCode {
    match act(Cli::parse().command) {
        Ok(code) => code,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::from(failure.kind.code())
        }
    }
}

fn act(command: Command) -> Result<ExitCode, Failure> {
    match command {
        Command::Show { run, view } => show(&run, &view),
        Command::Read { log, view } if log.is_dir() => Err(Failure {
            kind: Kind::Usage,
            place: log.display().to_string(),
            cause: "is a directory, not a log".to_owned(),
            next: format!("use: latency-report show {}{}", log.display(), hint(&view)),
        }),
        Command::Read { log, view } => show(&log, &view),
        Command::Compare {
            base,
            run,
            margin,
            json,
        } => {
            let (base, run) = (store::load(&base)?, store::load(&run)?);
            let comparison = compare::compare(&base, &run, margin / 100.0)?;
            let text = if json {
                pretty(&comparison)?
            } else {
                comparison.to_string()
            };
            put(&text, None).map(|()| ExitCode::SUCCESS)
        }
        Command::Gate { run, limits, json } => {
            let file = fs::read_to_string(&limits)
                .map_err(|error| failed(&limits, &error, "name a file of limits"))?;
            let limits = gate::Limits::parse(&file, &limits)?;
            let outcome = limits.check(&store::load(&run)?);
            let text = if json {
                pretty(&outcome)?
            } else {
                outcome.to_string()
            };
            put(&text, None)?;
            Ok(if outcome.ok {
                ExitCode::SUCCESS
            } else {
                ExitCode::from(3)
            })
        }
    }
}

fn show(path: &Path, view: &View) -> Result<ExitCode, Failure> {
    let format = match view.format {
        _ if view.json => Format::Json,
        Form::Table => Format::Table,
        Form::Json => Format::Json,
        Form::Hgrm => Format::Hgrm,
        Form::Prom => Format::Prometheus,
        Form::Svg => Format::Svg,
        Form::Html => Format::Html,
    };
    let text = render(&store::load(path)?, format, view.stage.as_deref())?;
    put(&text, view.out.as_deref()).map(|()| ExitCode::SUCCESS)
}

fn hint(view: &View) -> String {
    let stage = view.stage.as_ref();
    stage.map_or_else(String::new, |stage| format!(" --stage '{stage}'"))
}

fn pretty(value: &impl serde::Serialize) -> Result<String, Failure> {
    let text = serde_json::to_string_pretty(value);
    text.map(|text| text + "\n")
        .map_err(|error| failed(Path::new("--json"), &error, "report this as a bug"))
}

fn put(text: &str, out: Option<&Path>) -> Result<(), Failure> {
    if let Some(path) = out {
        let written = fs::write(path, text);
        return written.map_err(|error| failed(path, &error, "name a file that can be written"));
    }
    match io::stdout().write_all(text.as_bytes()) {
        // Whoever read the pipe has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.map_err(|error| {
            failed(
                Path::new("standard output"),
                &error,
                "use --out FILE, or free some space",
            )
        }),
    }
}

fn failed(place: &Path, cause: &dyn std::error::Error, next: &str) -> Failure {
    Failure {
        kind: Kind::Failed,
        place: place.display().to_string(),
        cause: cause.to_string(),
        next: next.to_owned(),
    }
}

fn percent(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(percent) if (0.0..=1_000.0).contains(&percent) => Ok(percent),
        _ => Err("a percentage from 0 to 1000, for example 5".to_owned()),
    }
}
