//! The program: the only package that touches the world.
//!
//! Read it in this order: what a user may say (`cli`), what is in force (`config`), what the
//! machine allows (`affinity`, `doctor`), what is done (`commands`), how it ends (`exit`).

pub mod config;

pub mod affinity;
pub mod host;

pub mod exit;
