//! The program: the only package that touches the world.
//!
//! Read it in this order: what a user may say (`cli`), what is in force (`config`), what is done
//! (`commands`), what the machine allows (`affinity`, `host`, `doctor`), how it ends (`exit`).

pub mod cli;
pub mod config;

pub mod commands;

pub mod affinity;
pub mod doctor;
pub mod host;

pub mod exit;
