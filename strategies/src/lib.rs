//! Opinions about the market: flow measures, and later decisions.
//!
//! Pure stages and functions: no clock, no thread, no file. Nothing allocates after construction.
#![no_std]

extern crate alloc;

pub mod flow;
