//! What each command does: one function for each, called from here.

mod bench;

mod book;

mod chain;

pub mod config;

mod discover;

mod drill;

mod explain;

mod flow;

mod journal;

mod operate;

mod parity;

mod records;

mod replay;

mod sim;

mod synth;

pub(crate) use journal::failure as journal_fault;

use std::io::{self, Write};

use anyhow::Context;
use clap::CommandFactory;
use serde_json::Value;
use undertow_core::risk::Gate;

use crate::cli::{BenchVerb, Cli, Command, DrillVerb, Global};
use crate::config::layers::{Effective, FlagValue, Sources};
use crate::doctor;
use crate::exit::{Exit, Failures};
use crate::operator::Request;

/// Does what the command line says.
///
/// # Errors
/// Whatever goes wrong, for [`crate::exit::report`].
pub fn dispatch(cli: &Cli) -> anyhow::Result<Exit> {
    let global = &cli.global;
    match &cli.command {
        None => replay::main_job(global, &cli.main),
        Some(Command::Replay(args)) => replay::replay(global, args),
        Some(Command::Backtest(args)) => replay::backtest(global, args),
        Some(Command::Explain(args)) => explain::explain(global, args),
        Some(Command::Parity(args)) => parity::parity(global, args),
        Some(Command::Status) => operate::status(global),
        Some(Command::Halt) => operate::halt(global, (&Request::Halt, Gate::ReduceOnly)),
        Some(Command::Kill) => operate::halt(global, (&Request::Kill, Gate::Shut)),
        Some(Command::CancelAll) => operate::order(global, &Request::CancelAll),
        Some(Command::Flatten) => operate::order(global, &Request::Flatten),
        Some(Command::Close { signal }) => {
            let signal = signal.clone();
            operate::order(global, &Request::Close { signal })
        }
        Some(Command::Disable(of)) => operate::order(global, &of.disable()),
        Some(Command::Enable(of)) => operate::order(global, &of.enable()),
        Some(Command::Tighten { limit }) => {
            let limit = limit.clone();
            operate::order(global, &Request::Tighten { limit })
        }
        Some(Command::Resume(args)) => operate::resume(global, args),
        Some(Command::Drill(DrillVerb::Kill(args))) => drill::kill(global, args),
        Some(Command::Drill(DrillVerb::Order(args))) => drill::order(global, args),
        Some(Command::Synth(args)) => synth::synth(global, args),
        Some(Command::Sim(args)) => sim::sim(global, args),
        Some(Command::Book(args)) => book::book(global, args),
        Some(Command::Flow(args)) => flow::flow(global, args),
        Some(Command::Discover(args)) => discover::discover(global, args),
        Some(Command::Bench(BenchVerb::Flow(args))) => bench::flow(global, args),
        Some(Command::Chain(args)) => chain::chain(global, args),
        Some(Command::Journal(verb)) => journal::run(global, verb),
        Some(Command::Doctor) => doctor::run(global),
        Some(Command::Config(verb)) => config::run(global, *verb),
        Some(Command::Completions { shell }) => {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut Cli::command(), "undertow", &mut script);
            print(&String::from_utf8(script).context("the script is not text")?)
        }
    }
}

/// The configuration in force for a command: the layers below, `--set`, and its own `flags`.
///
/// # Errors
/// Everything that is wrong with it.
pub fn effective(global: &Global, flags: Vec<FlagValue>) -> Result<Effective, Failures> {
    // A command's own option is more deliberate than a general one.
    let flags = global.flags().into_iter().chain(flags).collect();
    Effective::load(&Sources::of_process(global.config.clone(), flags))
}

/// Prints text on stdout.
///
/// # Errors
/// When stdout cannot be written.
pub fn print(text: &str) -> anyhow::Result<Exit> {
    io::stdout()
        .lock()
        .write_all(text.as_bytes())
        .context("cannot write to stdout")?;
    Ok(Exit::Ok)
}

/// Prints one JSON document on stdout.
///
/// # Errors
/// When stdout cannot be written.
pub fn print_json(value: &Value) -> anyhow::Result<Exit> {
    print(&format!("{value:#}\n"))
}
