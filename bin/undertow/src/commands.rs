//! What each command does: one function for each, called from here.

pub mod config;

use std::io::{self, Write};

use anyhow::Context;
use clap::CommandFactory;
use serde_json::Value;

use crate::cli::{Book, Cli, Command, Global, MainJob, Replay, Synth};
use crate::config::layers::{Effective, FlagValue, Sources};
use crate::doctor;
use crate::exit::{Exit, Failures};

/// Does what the command line says.
///
/// # Errors
/// Whatever goes wrong, for [`crate::exit::report`].
pub fn dispatch(cli: &Cli) -> anyhow::Result<Exit> {
    let global = &cli.global;
    match &cli.command {
        None => main_job(global, &cli.main),
        Some(Command::Replay(args)) => replay(global, args),
        Some(Command::Synth(args)) => synth(global, args),
        Some(Command::Book(args)) => book(global, args),
        Some(Command::Doctor) => doctor::run(global),
        Some(Command::Config(verb)) => config::run(global, *verb),
        Some(Command::Completions { shell }) => {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut Cli::command(), "undertow", &mut script);
            print(&String::from_utf8(script).context("the script is not text")?)
        }
    }
}

/// The main job: a simulated session through the chain.
///
/// # Errors
/// Always, in this branch.
pub fn main_job(_global: &Global, _args: &MainJob) -> anyhow::Result<Exit> {
    anyhow::bail!("the main job is not built in this branch")
}

/// Files through the chain.
///
/// # Errors
/// Always, in this branch.
pub fn replay(_global: &Global, _args: &Replay) -> anyhow::Result<Exit> {
    anyhow::bail!("replay is not built in this branch")
}

/// A simulated market into a file.
///
/// # Errors
/// Always, in this branch.
pub fn synth(_global: &Global, _args: &Synth) -> anyhow::Result<Exit> {
    anyhow::bail!("synth is not built in this branch")
}

/// The ladder of an instrument at a time.
///
/// # Errors
/// Always, in this branch.
pub fn book(_global: &Global, _args: &Book) -> anyhow::Result<Exit> {
    anyhow::bail!("book is not built in this branch")
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
