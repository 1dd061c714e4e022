//! The program: threads, files, clock and environment live here and nowhere else.
//!
//! First what one message meets, in that order; then what frames a run; then what a user may
//! say, what is in force, what the machine allows, what is done, and how it ends.

pub mod topology;

pub mod tile;

pub mod watchdog;

pub mod pump;

pub mod ingress;

pub mod probe;

pub mod output;

pub mod clock;

pub mod seal;

pub mod usage;

pub mod memory;

pub mod operator;

pub mod session;

pub mod sim;

pub mod profile;

pub mod drill;

pub mod scoring;

pub mod cli;

pub mod config;

pub mod affinity;

pub mod host;

pub mod doctor;

pub mod commands;

pub mod outfile;

pub mod exit;

pub mod interrupt;
