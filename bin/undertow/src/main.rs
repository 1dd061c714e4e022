//! Undertow: parse the command line, do what it says, end with a code that says how it went.

use std::process::ExitCode;

use undertow::cli::Cli;
use undertow::{commands, exit};

fn main() -> ExitCode {
    match Cli::of_process() {
        Ok(cli) => exit::report(commands::dispatch(&cli)).into(),
        Err(exit) => exit.into(),
    }
}
