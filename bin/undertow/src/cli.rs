//! What a user may say on the command line, and the help that teaches it.
//!
//! Only words are decided here; what they do is in `commands`. Options that have a key in the
//! configuration become its last layer ([`Drive::flags`]), so that `config show` tells them apart.

pub mod values;

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use undertow_cold::listing::Listing;
use undertow_core::risk::BreakerKind;
use undertow_core::types::{Nanos, Price};
use undertow_strategies::calendar::Venue;
use undertow_strategies::options::date::Date;

use crate::config::layers::FlagValue;
use crate::config::values::{Layout, Pace};
use crate::exit::Exit;
use crate::operator::Request;
use values::{At, FaultRate, Share, breaker, count, day, interval, key_value, price};

/// The command line.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "undertow",
    version,
    about = "Finds institutional flow underneath the order book.",
    long_about = "Finds institutional flow underneath the order book.\n\n\
        Without a command it does its main job: it simulates a session of NQ futures and their \
        options chain, runs it through the whole chain of stages (decode, book, flow, trade), \
        trades it on paper, then prints what it saw and did and where its reports lie. It needs \
        no key, no network and no data, and it never sends an order.",
    after_help = after_help()
)]
pub struct Cli {
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
    /// Options of the main job.
    #[command(flatten)]
    pub main: MainJob,
    /// Another command than the main job.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// Options of every command.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Options of every command")]
pub struct Global {
    /// Configuration file [default: $UNDERTOW_CONFIG, or undertow.toml if there is one].
    #[arg(long, value_name = "FILE", global = true)]
    pub config: Option<PathBuf>,
    /// Sets one key of the configuration, above every other layer; may be repeated.
    #[arg(long, value_name = "KEY=VALUE", global = true, value_parser = key_value)]
    pub set: Vec<(String, String)>,
    /// Prints one JSON document on stdout, for programs.
    #[arg(long, global = true)]
    pub json: bool,
    /// No progress on stderr.
    #[arg(long, short, global = true)]
    pub quiet: bool,
    /// Lists everything, where a listing else ends in how many more there are.
    #[arg(long, global = true)]
    pub all: bool,
}

impl Global {
    /// How long listings are.
    #[must_use]
    pub const fn listing(&self) -> Listing {
        if self.all {
            Listing::All
        } else {
            Listing::Short
        }
    }

    /// The keys given with `--set`.
    #[must_use]
    pub fn flags(&self) -> Vec<FlagValue> {
        let flag = |(key, value): &(String, String)| FlagValue {
            key: key.clone(),
            value: value.clone(),
            flag: "--set".to_owned(),
        };
        self.set.iter().map(flag).collect()
    }
}

/// The main job: a simulated session through the chain.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
#[command(next_help_heading = "Options of the main job")]
pub struct MainJob {
    /// Seed of the simulated session: one seed is one session, byte for byte
    /// [default: 20260311].
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// How many messages to simulate, like 500k or 5M.
    #[arg(long, value_name = "N", value_parser = count)]
    pub messages: Option<u64>,
    /// What is traded within which limits: a built-in profile or a TOML file [default: paper].
    #[arg(long, value_name = "PROFILE")]
    pub profile: Option<String>,
    /// How it is driven.
    #[command(flatten)]
    pub drive: Drive,
}

/// How an input is driven through the chain.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub struct Drive {
    /// Speed: max, or a multiple of the market's own like 1x, 8x, 0.5x [key: replay.pace].
    #[arg(long, value_name = "PACE")]
    pub pace: Option<Pace>,
    /// How the stages are cut into pinned threads; the outputs are the same bytes [key: layout].
    #[arg(long, value_enum)]
    pub layout: Option<Layout>,
    /// Checks every invariant of the book after each event. Slow; stops at the first breach.
    #[arg(long)]
    pub check: bool,
    /// Writes every output of the chain as bytes, to compare runs.
    #[arg(long, value_name = "FILE")]
    pub events: Option<PathBuf>,
    /// Directory of the latency report [key: report.dir].
    #[arg(long, value_name = "DIR")]
    pub report: Option<PathBuf>,
}

impl Drive {
    /// The options that have a key in the configuration.
    #[must_use]
    pub fn flags(&self) -> Vec<FlagValue> {
        let flag = |key: &str, flag: &str, value: String| FlagValue {
            key: key.to_owned(),
            value,
            flag: flag.to_owned(),
        };
        let pace = self
            .pace
            .map(|pace| flag("replay.pace", "--pace", pace.to_string()));
        let layout = self.layout.and_then(|layout| layout.to_possible_value());
        let layout = layout.map(|name| flag("layout", "--layout", name.get_name().to_owned()));
        let report = self.report.as_deref();
        let report = report.map(|dir| flag("report.dir", "--report", dir.display().to_string()));
        [pace, layout, report].into_iter().flatten().collect()
    }
}

/// What to do instead of the main job.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Runs Databento files through the chain.
    #[command(after_help = REPLAY_HELP)]
    Replay(Replay),
    /// Runs Databento files through the chain and trades on the paper venue.
    #[command(after_help = BACKTEST_HELP)]
    Backtest(Backtest),
    /// Tells why a signal or an order of a run was what it was.
    #[command(after_help = EXPLAIN_HELP)]
    Explain(Explain),
    /// Says where the decisions of two runs part, and why.
    #[command(after_help = PARITY_HELP)]
    Parity(Parity),
    /// Says how the run that goes on stands: gate, account, positions, orders, strategies.
    #[command(after_help = OPERATE_HELP)]
    Status,
    /// Halts the run: nothing new is opened, and entries that rest are cancelled.
    #[command(after_help = OPERATE_HELP)]
    Halt,
    /// Ends a halt, with a reason: of the run that goes on, or one that earlier runs have left.
    #[command(after_help = RESUME_HELP)]
    Resume(Resume),
    /// Cancels every live order; what is held stays, and so does the gate.
    #[command(after_help = OPERATE_HELP)]
    CancelAll,
    /// Closes the position of a signal, and cancels what rests of its entry.
    #[command(after_help = OPERATE_HELP)]
    Close {
        /// The signal's 16 hex digits, as `status` shows them.
        #[arg(value_name = "SIGNAL")]
        signal: String,
    },
    /// Halts, then closes every position; after a kill too.
    #[command(after_help = OPERATE_HELP)]
    Flatten,
    /// Shuts the gate, and cancels every live order.
    #[command(after_help = OPERATE_HELP)]
    Kill,
    /// Lets a strategy emit no more signals; its positions are looked after as before.
    #[command(after_help = OPERATE_HELP)]
    Disable(StrategyOn),
    /// Lets it emit signals again.
    #[command(after_help = OPERATE_HELP)]
    Enable(StrategyOn),
    /// Makes a limit tighter while running; looser ones take a restart.
    #[command(after_help = OPERATE_HELP)]
    Tighten {
        /// As in `[risk]` of a profile, without the quotes.
        #[arg(value_name = "LIMIT=VALUE")]
        limit: String,
    },
    /// Rehearses on this machine what must work when it counts.
    #[command(after_help = DRILL_HELP, subcommand)]
    Drill(DrillVerb),
    /// Writes a simulated market as a Databento file.
    #[command(after_help = SYNTH_HELP)]
    Synth(Synth),
    /// Simulates the whole program from a seed, with faults, and holds its invariants.
    #[command(after_help = SIM_HELP)]
    Sim(Sim),
    /// Prints the ladder of an instrument at a time.
    #[command(after_help = BOOK_HELP)]
    Book(Book),
    /// Shows the flow of an instrument over time, and draws it.
    #[command(after_help = FLOW_HELP)]
    Flow(Flow),
    /// Finds parameters in recorded sessions: VPIN bucket, lookback, volatility regime,
    /// correlations.
    #[command(after_help = DISCOVER_HELP)]
    Discover(Discover),
    /// Measures the measures against a simulated market, whose truth is known.
    #[command(after_help = BENCH_HELP, subcommand)]
    Bench(BenchVerb),
    /// Says what an option chain says: gamma and delta exposure, levels, positioning, flow.
    #[command(after_help = CHAIN_HELP)]
    Chain(Chain),
    /// Checks, prints or follows a journal: what was decided, sent and heard.
    #[command(after_help = JOURNAL_HELP, subcommand)]
    Journal(JournalVerb),
    /// Says whether this machine can do the job, and what to change.
    #[command(after_help = DOCTOR_HELP)]
    Doctor,
    /// Checks, shows or describes the configuration.
    #[command(after_help = CONFIG_HELP, subcommand)]
    Config(ConfigVerb),
    /// Prints the completions for a shell.
    #[command(after_help = COMPLETIONS_HELP)]
    Completions {
        /// The shell.
        shell: Shell,
    },
}

/// Runs Databento files through the chain.
#[derive(Clone, Debug, Args)]
pub struct Replay {
    /// Files of Databento records (.dbn or .dbn.zst); several are merged by ts_recv.
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// How it is driven.
    #[command(flatten)]
    pub drive: Drive,
}

/// Runs Databento files through the chain and trades on the paper venue.
#[derive(Clone, Debug, Args)]
pub struct Backtest {
    /// Files of Databento records (.dbn or .dbn.zst); several are merged by ts_recv.
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// What is traded within which limits: a built-in profile or a TOML file [default: paper].
    #[arg(long, value_name = "PROFILE")]
    pub profile: Option<String>,
    /// How it is driven.
    #[command(flatten)]
    pub drive: Drive,
}

/// Tells why a signal or an order of a run was what it was.
#[derive(Clone, Debug, Args)]
pub struct Explain {
    /// A signal's 16 hex digits, a fingerprint, or an order's number.
    #[arg(value_name = "ID")]
    pub id: String,
    /// The directory of the run's report [default: the run written last].
    #[arg(long, value_name = "DIR")]
    pub run: Option<PathBuf>,
}

/// Says where the decisions of two runs part, and why.
#[derive(Clone, Debug, Args)]
pub struct Parity {
    /// The directory of one run's report.
    #[arg(value_name = "A")]
    pub a: PathBuf,
    /// The directory of another's.
    #[arg(value_name = "B")]
    pub b: PathBuf,
}

/// A strategy, on one product or on all.
#[derive(Clone, Debug, Args)]
pub struct StrategyOn {
    /// Its name, as `status` shows it.
    #[arg(value_name = "STRATEGY")]
    pub strategy: String,
    /// On this product alone.
    #[arg(long, value_name = "PRODUCT")]
    pub on: Option<String>,
}

impl StrategyOn {
    /// No more signals of it.
    #[must_use]
    pub fn disable(&self) -> Request {
        Request::Disable {
            strategy: self.strategy.clone(),
            product: self.on.clone(),
        }
    }

    /// Signals of it again.
    #[must_use]
    pub fn enable(&self) -> Request {
        Request::Enable {
            strategy: self.strategy.clone(),
            product: self.on.clone(),
        }
    }
}

/// Ends a halt, with a reason.
#[derive(Clone, Debug, Args)]
pub struct Resume {
    /// Why it may go on; its first 64 bytes are kept.
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    /// Takes on what tripped a breaker too; may be repeated.
    #[arg(long, value_name = "BREAKER", value_parser = breaker)]
    pub clear: Vec<BreakerKind>,
}

/// What is rehearsed.
#[derive(Clone, Debug, Subcommand)]
pub enum DrillVerb {
    /// The kill switch: from the operator's word until the last cancel is with the gateway.
    Kill(DrillKill),
    /// Tick to order: from when a record should arrive until an order is handed to the paper venue.
    #[command(after_help = DRILL_ORDER_HELP)]
    Order(DrillOrder),
}

/// Tick to order: from when a record should arrive until an order is handed to the paper venue.
#[derive(Clone, Debug, Args)]
pub struct DrillOrder {
    /// DBN file whose busiest second sets the pace, `.dbn` or `.dbn.zst`; a simulated session
    /// without one.
    #[arg(value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// How many times the pace of that second; several are run one after the other.
    #[arg(long, value_name = "N,N,…", value_delimiter = ',', default_value = "1,8,100", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub pace: Vec<u32>,
    /// Records that are timed at each pace, at most.
    #[arg(long, value_name = "N", default_value = "20k", value_parser = count)]
    pub records: u64,
    /// An order after so many updates of the touch or the tape.
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..))]
    pub every: u32,
    /// Rehearses nothing while nothing comes, to show what rehearsing is worth.
    #[arg(long)]
    pub unrehearsed: bool,
}

/// The kill switch: from the operator's word until the last cancel is with the gateway.
#[derive(Clone, Debug, Args)]
pub struct DrillKill {
    /// How many orders are live when it is pulled.
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub orders: u32,
    /// How often it is rehearsed, with and without a line to the venue.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub rounds: u32,
}

/// Writes a simulated market as a Databento file.
#[derive(Clone, Debug, Args)]
pub struct Synth {
    /// What to simulate.
    #[arg(long, value_enum, default_value_t = Kind::Session)]
    pub kind: Kind,
    /// One seed is one market, byte for byte.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// How many messages, like 500k or 5M [default: that of the kind].
    #[arg(long, value_name = "N", value_parser = count)]
    pub messages: Option<u64>,
    /// File to write; its name ends in .dbn or .dbn.zst.
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// File for what was planted: the truth that measures are scored on.
    #[arg(long, value_name = "FILE")]
    pub truth: Option<PathBuf>,
    /// Injects a fault of the feed at a rate per message from 0 to 1; may be repeated.
    #[arg(long, value_name = "KIND=RATE")]
    pub fault: Vec<FaultRate>,
    /// Instruments of a chain, 1 to 10000 [default: 5000].
    #[arg(long, value_name = "N", value_parser = count)]
    pub instruments: Option<u64>,
    /// Strikes of each expiry of the options chain.
    #[arg(long, value_name = "N", value_parser = count)]
    pub strikes: Option<u64>,
    /// Expiries of the options chain.
    #[arg(long, value_name = "N", value_parser = count)]
    pub expiries: Option<u64>,
}

/// Simulates the whole program from a seed, with faults, and holds its invariants.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub struct Sim {
    /// The first seed. One seed is one run, input for input.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Minutes of market of each seed.
    #[arg(long, value_name = "N", default_value_t = 6, value_parser = clap::value_parser!(u32).range(1..=390))]
    pub minutes: u32,
    /// How many seeds, one after the other.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    pub seeds: u64,
    /// How many at a time [default: one a core].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1_024))]
    pub jobs: Option<u64>,
}

/// What `synth` simulates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// A session of NQ: futures, an options chain, and institutional activity planted in them.
    Session,
    /// One busy instrument: the first benchmark input (5M messages).
    One,
    /// Fifty instruments of heavy-tailed activity: the second benchmark input (20M messages).
    Fifty,
    /// An options chain of thousands of quiet instruments.
    Chain,
}

/// Prints the ladder of an instrument at a time.
#[derive(Clone, Debug, Args)]
pub struct Book {
    /// File of Databento records (.dbn or .dbn.zst).
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Symbol or numeric id of the instrument.
    #[arg(long, value_name = "X")]
    pub instrument: String,
    /// When: RFC 3339, HH:MM[:SS[.fraction]] UTC of the file's day, or ns since 1970
    /// [default: the end of the file].
    #[arg(long, value_name = "TIME")]
    pub at: Option<At>,
    /// How many levels of each side.
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub depth: usize,
    /// Prints the queue of each level too, in priority order.
    #[arg(long)]
    pub queue: bool,
}

/// Shows the flow of an instrument over time, and draws it.
#[derive(Clone, Debug, Args)]
pub struct Flow {
    /// Files of Databento records (.dbn or .dbn.zst); several are merged by ts_recv.
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// Symbol or numeric id of the instrument.
    #[arg(long, value_name = "X")]
    pub instrument: String,
    /// Length of an interval, like 30s, 1m, 5m or 1h.
    #[arg(long, value_name = "SPAN", default_value = "1m", value_parser = interval)]
    pub every: Nanos,
    /// First instant shown: RFC 3339, HH:MM[:SS] UTC of the file's day, or ns since 1970. The
    /// measures run from the beginning of the file all the same.
    #[arg(long, value_name = "TIME")]
    pub from: Option<At>,
    /// First instant not shown any more.
    #[arg(long, value_name = "TIME")]
    pub to: Option<At>,
    /// Draws all of it on one page that needs neither network nor script.
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
}

/// Finds parameters in recorded sessions.
#[derive(Clone, Debug, Args)]
pub struct Discover {
    /// Files of Databento records (.dbn or .dbn.zst) with trades; several are merged by ts_recv.
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// Which trades count.
    #[arg(long, value_enum, default_value_t = Hours::Rth)]
    pub hours: Hours,
    /// Symbol whose parameters become the general ones [default: the most traded].
    #[arg(long, value_name = "X")]
    pub reference: Option<String>,
    /// Lookback ends with the first run of significant lags, not with the last one, which is
    /// often significant by chance.
    #[arg(long)]
    pub first_run: bool,
    /// File to write, for the configuration to include.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// The part of the day that is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Hours {
    /// Regular trading hours of NYSE, 09:30 to 16:00 Eastern, half-days and holidays known.
    Rth,
    /// All of the Globex session, 18:00 to 17:00 Eastern.
    Globex,
}

impl Hours {
    /// Whose sessions they are.
    #[must_use]
    pub const fn venue(self) -> Venue {
        match self {
            Self::Rth => Venue::Nyse,
            Self::Globex => Venue::Globex,
        }
    }

    /// As written on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rth => "rth",
            Self::Globex => "globex",
        }
    }

    /// As told.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Rth => "regular hours",
            Self::Globex => "Globex hours",
        }
    }

    /// Bars of 5 s in a usual day: 6.5 or 23 hours.
    #[must_use]
    pub const fn bars_per_day(self) -> u32 {
        match self {
            Self::Rth => 4_680,
            Self::Globex => 16_560,
        }
    }
}

/// What is measured.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum BenchVerb {
    /// Precision, recall and delay of every detector, over many sessions.
    Flow(BenchFlow),
}

/// Precision, recall and delay of every detector, over many sessions.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub struct BenchFlow {
    /// How many sessions, one a seed.
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u64).range(1..))]
    pub seeds: u64,
    /// The first seed.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub first_seed: u64,
    /// How many messages a session has, like 500k or 5M.
    #[arg(long, value_name = "N", value_parser = count, default_value = "1200k")]
    pub messages: u64,
    /// Days before, with nothing planted, that pressure in options is compared with; 5 at least.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u64).range(0..=60))]
    pub history: u64,
    /// Writes the table as Markdown.
    #[arg(long, value_name = "FILE")]
    pub markdown: Option<PathBuf>,
}

/// Says what an option chain says.
#[derive(Clone, Debug, Args)]
pub struct Chain {
    /// A Cboe delayed-quote CSV, an Alpha Vantage HISTORICAL_OPTIONS reply, each perhaps packed
    /// by gzip, or Databento records (.dbn or .dbn.zst).
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Only options that end on this day, like 2025-10-17.
    #[arg(long, value_name = "DAY", value_parser = day)]
    pub expiry: Option<Date>,
    /// Price of the underlying [default: what the file says, else put-call parity].
    #[arg(long, value_name = "PRICE", value_parser = price, allow_negative_numbers = true)]
    pub spot: Option<Price>,
    /// Interest a year, like 4% or 0.04.
    #[arg(
        long,
        value_name = "RATE",
        default_value = "4%",
        allow_negative_numbers = true
    )]
    pub rate: Share,
    /// Dividend yield a year, like 1.2% or 0.012; of no use to options on futures.
    #[arg(
        long,
        value_name = "YIELD",
        default_value = "0%",
        allow_negative_numbers = true
    )]
    pub dividend: Share,
    /// When: RFC 3339, HH:MM[:SS[.fraction]] UTC of the file's day, or ns since 1970
    /// [default: when the file was quoted].
    #[arg(long, value_name = "TIME")]
    pub at: Option<At>,
    /// Draws all of it on one page that needs neither network nor script.
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// How many strikes to show, the nearest to spot [default: 25, on the page 60].
    #[arg(long, value_name = "N")]
    pub strikes: Option<usize>,
}

/// What to do with a journal.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum JournalVerb {
    /// Checks every record and what they add up to; exits with 7 if anything is wrong.
    Verify {
        /// Directory of the journal.
        #[arg(value_name = "DIR")]
        dir: PathBuf,
    },
    /// Prints every record, one to a line; with --json one JSON object to a line.
    Dump {
        /// Directory of the journal.
        #[arg(value_name = "DIR")]
        dir: PathBuf,
        /// First record printed.
        #[arg(long, value_name = "SEQ", default_value_t = 0)]
        from: u64,
    },
    /// Prints the last records; with --json one JSON object to a line.
    Tail {
        /// Directory of the journal.
        #[arg(value_name = "DIR")]
        dir: PathBuf,
        /// How many of them.
        #[arg(long, value_name = "N", default_value_t = 10)]
        lines: usize,
        /// Goes on printing as records are written, until it is interrupted.
        #[arg(long, short)]
        follow: bool,
    },
}

/// What to do with the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Subcommand)]
pub enum ConfigVerb {
    /// Says everything that is wrong; exits with 4 if anything is.
    Check,
    /// Prints what is in force and where each value comes from; secrets are never printed.
    Show,
    /// Prints the JSON Schema, for editors.
    Schema,
}

impl Cli {
    /// The command line of this process. Prints help, or what makes no sense of it, by itself.
    ///
    /// # Errors
    /// The exit code, when there is nothing left to do.
    pub fn of_process() -> Result<Self, Exit> {
        Self::try_parse().and_then(Self::checked).map_err(|error| {
            // Nothing is left to do about a terminal that is gone.
            let _ = error.print();
            if error.use_stderr() {
                Exit::Usage
            } else {
                Exit::Ok
            }
        })
    }

    /// Refuses options of the main job before another command, where they would do nothing.
    fn checked(self) -> Result<Self, clap::Error> {
        if self.command.is_some() && self.main != MainJob::default() {
            return Err(Self::command().error(
                clap::error::ErrorKind::ArgumentConflict,
                "options of the main job stand before another command, where they do nothing; \
                 write them after the command",
            ));
        }
        Ok(self)
    }
}

fn after_help() -> String {
    let mut help = String::from(MAIN_HELP);
    help.push_str("\nExit codes:\n");
    for (exit, meaning) in Exit::ALL {
        let _ = writeln!(help, "  {:>3}  {meaning}", exit as u8);
    }
    help.push_str(
        "\nEnvironment:\n  \
         UNDERTOW_CONFIG  names the configuration file\n  \
         UNDERTOW_*       sets a key: UNDERTOW_LAYOUT=fused, UNDERTOW_BOOK_ORDERS_MAX=2097152\n  \
         NO_COLOR         no colours\n",
    );
    help
}

const MAIN_HELP: &str = "\
Examples:
  undertow                              the main job: a simulated NQ session through the chain
  undertow --seed 7 --pace 8x           another session, at eight times the market's speed
  undertow replay day.mbo.dbn.zst       the same on a Databento file
  undertow chain spy_quotedata.csv      gamma exposure and levels of an option chain
  undertow doctor                       can this machine do the job, and what to change
  undertow config show                  what is in force, and why
";

const BENCH_HELP: &str = "\
Examples:
  undertow bench flow                       eight sessions, a few seconds each
  undertow bench flow --seeds 50 --json     more of them, for a narrower interval
  undertow bench flow --markdown flow.md    the table as a file
";

const REPLAY_HELP: &str = "\
The file is read as fast as the chain takes it (--pace max) or at a multiple of the speed at which
it was recorded; then latency counts from when a record was due, so a stall is not hidden. At the
end: records by action, instruments with their trust, trades and volume, latency percentiles,
allocations on hot threads, and where the report lies. How an instrument fared over time is what
`undertow flow --every 5m` tells. A file that is corrupt or cut short is played up to the fault,
which is named with its byte offset; the exit code is then 7.

Examples:
  undertow replay day.mbo.dbn.zst
  undertow replay day.mbo.dbn.zst day.definition.dbn.zst     merged by ts_recv
  undertow replay day.mbo.dbn.zst --pace 8x --report out     latencies at eight times the speed
  undertow replay day.mbo.dbn.zst --check                    is every book right?
  undertow replay day.mbo.dbn.zst --layout split --events a  then compare with --layout fused
  undertow replay day.mbo.dbn.zst --json | jq .
";

const BACKTEST_HELP: &str = "\
The session is traded on a venue of paper that fills from the order book itself: orders queue
behind what is displayed, trades reach them in turn, messages take their time both ways. A profile
says what is traded and within which limits; limits have no default. Nothing is ever sent to a
broker.

Examples:
  undertow backtest day.mbo.dbn.zst day.definition.dbn.zst day.statistics.dbn.zst
  undertow backtest nq.dbn.zst --profile my.toml
  undertow explain 1                                       why the first order was made
";

const EXPLAIN_HELP: &str = "\
What each stage spent on an order is known of records that were timed: every one of them in a run
with --set latency.sample_every=1 --layout fused, or paced as live.

Examples:
  undertow explain 1                     the first order: book, checks with their headroom, reports
  undertow explain 9f2c4e1a77b0d3e5      a signal: features, weights, votes, what would flip it
  undertow explain 1 --run undertow-out/backtest-day --json
";

const PARITY_HELP: &str = "\
Walks through signals (emitted or blocked), orders, cancels, halts and reports of both runs and
stops at the first that differs. Its cause is one of data (another market was seen), latency (the
same at another time), queue (other fills of the same orders), config (other parameters or limits),
build (another program), operator (an order of one run's operator); one that the runs have in
common is never named. Exits with 0 if all decisions are the same, with 1 if one differs.

Examples:
  undertow parity undertow-out/backtest-day other-out/backtest-day
  undertow parity a/backtest-day b/backtest-day --json | jq .parity.first
";

const OPERATE_HELP: &str = "\
Orders go over a socket to the run that is paced as live (trade.socket; operator.sock in report.dir
if none is named). Each is journalled before anything follows from it, and the answer comes once
the chain has said that it heard it. No answer is not a refusal. With trade.state_dir, and no run
that goes on, `status` tells what the last one left, and `halt` and `kill` halt the next one.

Examples:
  undertow status                      gate, account, positions, orders, strategies
  undertow halt                        nothing new is opened; what is held is looked after
  undertow flatten                     halts, then closes all that is held, in three tries
  undertow close 4c4fc175887c07e5      closes what one signal has opened
  undertow disable 0dte --on NQ        no more signals of one strategy on one product
  undertow tighten daily_loss_ppm=1.5%
  undertow kill                        shuts the gate; `flatten` after it lets out what closes
";

const RESUME_HELP: &str = "\
A run that goes on (see `undertow halt --help`) is resumed at once; else the state that lies where
trade.state_dir says. A halt by an operator, or by a strategy that ran away, holds over every
restart until it is resumed here. Breakers are named as in the summary: daily_loss (cleared, it
still waits for the next day), drawdown, losing_days, losing_trades, volatility, system_errors.

Examples:
  undertow resume --reason order-12-checked-with-the-venue
  undertow resume --reason limits-reviewed --clear drawdown --set trade.state_dir=state
";

const DRILL_HELP: &str = "\
The desk stands in a simulated session with live orders on the paper venue, and the kill is pulled:
once while the venue answers, once while the line is down, each time twice. No order leaves the
process. Exits with 1 if the halt or the last cancel takes 10 ms or longer, or one is missing.

Examples:
  undertow drill kill
  undertow drill kill --orders 500 --rounds 100
  undertow drill kill --json | jq .is_met
";

const DRILL_ORDER_HELP: &str = "\
The whole desk runs on this thread: decode, books, flow, decisions, risk, paper venue. Records come
as in the busiest second of the file, second after second, in a pace-th of the time, and the
market's own time goes by with them. After every few updates risk is asked for an order at the bid,
for this instant only; what counts is the time from when the record should have arrived until the
order is handed to the venue. No order leaves the process.

`undisturbed` is the same without the orders during which the system took the processor away.

Examples:
  undertow drill order
  undertow drill order es.mbo.dbn.zst --pace 1,8,100
  latency-report show undertow-out/drill-order-100x
";

const SYNTH_HELP: &str = "\
Examples:
  undertow synth --out nq.dbn.zst --truth nq.truth.json    a session, and what was planted in it
  undertow synth --kind one --out one.dbn                  the benchmark input of one instrument
  undertow synth --kind fifty --messages 1M --out f.dbn    a short one of fifty
  undertow synth --kind chain --instruments 10000 --out chain.dbn
  undertow synth --seed 7 --fault duplicate=0.001 --out faulty.dbn
";

const SIM_HELP: &str = "\
A short dense session goes through the program on one thread. The feed loses, repeats and reorders
records, the clock jumps, the line to the venue loses orders and answers and goes down, executions
are corrected, the operator halts, kills and resumes: all of it drawn from the seed. After every
input the invariants of positions, limits, orders and halts are held, by code that shares nothing
with what it checks. The first breach ends it with exit code 1 and names the seed that repeats it.

Examples:
  undertow sim --seed 7                    one run
  undertow sim --seed 7 --minutes 30       a longer one
  undertow sim --seeds 1000                a thousand, on every core
  undertow sim --seeds 1000 --json | jq .faults
";

const BOOK_HELP: &str = "\
The book is read after the last complete event at or before the time.

Examples:
  undertow book day.mbo.dbn.zst --instrument ESH4
  undertow book day.mbo.dbn.zst --instrument ESH4 --at 14:30:00.250 --depth 5
  undertow book day.mbo.dbn.zst --instrument 17077 --at 2023-12-25T23:00:01Z --queue
  undertow book day.mbo.dbn.zst --instrument ESH4 --json
";

const FLOW_HELP: &str = "\
A row stands at the end of each interval of event time, in UTC and New York's time (ET). Volume,
bought, sold and order flow imbalance (ofi) are of the interval; last, vwap and cumulative volume
delta (cvd) of the session so far; imbalance at the touch and over five levels (obi1, obi5), VPIN,
toxicity and the score of hidden orders as they stand. A dash is a measure that cannot be said, ~ a
VPIN that is warming. Then what was found: sweeps, blocks, icebergs, pressure windows, institutional
flow. Intervals in which nothing happened are left out.

Examples:
  undertow flow day.mbo.dbn.zst --instrument ESH4
  undertow flow day.mbo.dbn.zst --instrument ESH4 --every 5m --html esh4.html
  undertow flow nq.dbn.zst --instrument NQH6 --from 14:30 --to 21:00 --every 30s
  undertow flow day.mbo.dbn.zst day.definition.dbn.zst --instrument 17077 --json | jq .events
";

const DISCOVER_HELP: &str = "\
Looks at the twelve most traded instruments, options and spreads left aside. The file written with
--out holds the keys flow.vpin_bucket, discovered.buckets, discovered.lookback,
discovered.volatility_bounds_bps and discovered.correlations, with the reasons as comments;
undertow.toml takes it in with `include = [\"discovered.toml\"]`.

Examples:
  undertow discover day.mbo.dbn.zst
  undertow discover mon.dbn.zst tue.dbn.zst --out discovered.toml
  undertow discover night.mbo.dbn.zst --hours globex --first-run
  undertow discover day.mbo.dbn.zst --reference NQH6 --json | jq .correlations.pairs
";

const JOURNAL_HELP: &str = "\
A journal is a directory of segments, journal-000001.utj and on. Every intent is in it before its
order is sent, and everything that the venue says. `verify` reads all of it: the checksum of every
record, the hash that ties it to the one before, and whether positions and orders, folded from the
records, have the digest that the live ledger had at each checkpoint. A torn end, as a power failure
leaves it, is told and is no error. Reading changes nothing and may be done while it is written.

Examples:
  undertow journal verify journal                    is it whole, and what does it add up to?
  undertow journal verify journal --json | jq .open  orders that the venue has to be asked about
  undertow journal dump journal --from 1200          records from number 1200 on
  undertow journal dump journal --json | jq 'select(.kind == \"intent\")'
  undertow journal tail journal --follow             as it happens
";

const CHAIN_HELP: &str = "\
Gamma exposure (GEX) is dollars of delta that dealers gain with a move of the underlying, counted as
if they were long the calls and short the puts; delta exposure (DEX) is the dollars of it that
holders' deltas stand for. The gamma flip is where GEX, with every option priced anew, changes its
sign. A wall is the strike whose calls or puts hold the most gamma. Expected value and who has more
to lose are about the nearest expiry, or the one asked for. What does not count is listed with the
reason: expired rows, ghost strikes, broken figures.

Examples:
  undertow chain spy_quotedata.csv                          Cboe delayed quotes, .gz or not
  undertow chain spx.csv.gz --expiry 2022-06-17 --html spx.html
  undertow chain historical_options.json --spot 289.40      Alpha Vantage gives no spot
  undertow chain nq.dbn.zst --at 15:30 --strikes 40         our own records, up to a time
  undertow chain spy.csv --rate 4.3% --dividend 1.2% --json | jq .levels
";

const DOCTOR_HELP: &str = "\
Each line is ok, warn or fail, with the reason and the next step. Cores are pinned to prove that it
works, one page is locked, one file is written and synced: nothing stays changed. Exits with 5 if
anything fails. tuning/host.sh changes what the host is to blame for, and back again.

Examples:
  undertow doctor
  undertow doctor --set cores=2,3,4     can the tiles have these cores?
  undertow doctor --json
";

const CONFIG_HELP: &str = "\
Layers, later ones win: built-in defaults, the file, the environment, the command line.

Examples:
  undertow config check --config tuning/two-core.toml
  undertow config show --set book.orders_max=2097152
  undertow config schema > undertow.schema.json
";

const COMPLETIONS_HELP: &str = "\
Examples:
  undertow completions bash > ~/.local/share/bash-completion/completions/undertow
  undertow completions zsh > ~/.zfunc/_undertow
  undertow completions fish > ~/.config/fish/completions/undertow.fish
";

#[cfg(test)]
mod tests {
    use super::*;

    /// Columns at which help is wrapped.
    const HELP_WIDTH: usize = 100;

    fn parse(line: &str) -> Result<Cli, String> {
        Cli::try_parse_from(line.split(' '))
            .and_then(Cli::checked)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn grammar_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_verb_teaches_by_example() {
        let command = Cli::command();
        let verbs = command.get_subcommands().chain(std::iter::once(&command));
        for verb in verbs {
            let help = verb.get_after_help().map(ToString::to_string);
            let help = help.unwrap_or_default();
            assert!(help.contains("Examples:"), "{}: {help}", verb.get_name());
        }
    }

    #[test]
    fn every_example_parses() {
        let mut examples = 0;
        let command = Cli::command();
        let verbs = command.get_subcommands().chain(std::iter::once(&command));
        for help in verbs.filter_map(|verb| verb.get_after_help()) {
            let help = help.to_string();
            let lines = help
                .lines()
                .filter_map(|line| line.strip_prefix("  undertow"));
            for line in lines {
                // Two spaces begin the explanation, and `|` or `>` the shell's own part.
                let ours = ["  ", " |", " >"]
                    .iter()
                    .fold(line, |line, end| line.split(end).next().unwrap_or(line));
                let line = format!("undertow{ours}");
                parse(&line).unwrap_or_else(|error| panic!("{line}: {error}"));
                examples += 1;
            }
        }
        assert!(examples > 20, "{examples}");
    }

    /// Wider lines are broken anywhere, in the middle of an example too.
    #[test]
    fn no_help_is_wider_than_it_is_printed() {
        fn check(command: &clap::Command) {
            let help = command.get_after_help().map(ToString::to_string);
            for line in help.unwrap_or_default().lines() {
                let width = line.chars().count();
                assert!(width <= HELP_WIDTH, "{}: {line}", command.get_name());
            }
            command.get_subcommands().for_each(check);
        }
        check(&Cli::command());
    }

    #[test]
    fn main_help_tells_the_seed_that_is_the_default() {
        let seed = undertow_feeds::synthetic::SessionConfig::demo().seed;
        let help = Cli::command().render_long_help().to_string();
        assert!(help.contains(&format!("[default: {seed}]")), "{help}");
    }

    #[test]
    fn main_help_lists_every_exit_code() {
        let help = after_help();
        for (exit, meaning) in Exit::ALL {
            assert!(
                help.contains(&format!("{:>5}  {meaning}\n", exit as u8)),
                "{help}"
            );
        }
    }

    #[test]
    fn driving_options_become_the_last_layer() {
        let cli = parse("undertow replay a.dbn --pace 8x --layout split --report out --json")
            .expect("valid");
        let Some(Command::Replay(replay)) = cli.command else {
            panic!("not replay");
        };
        let flags: Vec<String> = replay
            .drive
            .flags()
            .iter()
            .map(|flag| format!("{} {}={}", flag.flag, flag.key, flag.value))
            .collect();
        let expected = [
            "--pace replay.pace=8x",
            "--layout layout=split",
            "--report report.dir=out",
        ];
        assert_eq!(flags, expected);
        assert!(cli.global.json);
    }

    #[test]
    fn option_of_the_main_job_before_a_command_is_refused() {
        let error = parse("undertow --pace 1x replay a.dbn").expect_err("ambiguous");
        assert!(error.contains("after the command"), "{error}");
        parse("undertow --json --config x.toml replay a.dbn --pace 1x").expect("global ones stand");
    }

    #[test]
    fn wrong_value_says_what_is_accepted() {
        let cases = [
            ("undertow --pace 8", "\"1x\" or \"8x\""),
            ("undertow --layout both", "fused"),
            ("undertow book a.dbn --instrument X --at noon", "HH:MM:SS"),
            ("undertow synth --out a --fault drop", "KIND=RATE"),
            ("undertow synth --out a --messages many", "500k"),
            ("undertow --set layout", "KEY=VALUE"),
        ];
        for (line, accepted) in cases {
            let error = parse(line).expect_err(line);
            assert!(error.contains(accepted), "{error}");
        }
    }
}
