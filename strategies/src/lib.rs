//! Opinions about the market: flow measures, options analytics, and later decisions.
//!
//! Pure stages and functions: no clock, no thread, no file. What runs for every message does not
//! allocate after construction. Measures are `f64`; prices, sizes and money stay integers.
#![no_std]

extern crate alloc;

pub mod flow;

pub mod ifd;

pub mod options;

pub mod auction;
pub mod calendar;
pub mod discovery;
pub mod indicators;
pub mod performance;
pub mod portfolio;
pub mod portfolio_risk;
pub mod quality;
pub mod quantile;
pub mod sentiment;
pub mod stale;
pub mod timeframes;

pub mod decide;

// From decisions to orders and fills.
pub mod trade;
