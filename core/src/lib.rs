//! The machine: what travels, the rule of composition, the links, the books, risk, and the venue.
//!
//! This crate has no clock, no socket, no thread and no file: the compiler keeps them out
//! (`no_std`). Nothing here allocates after construction, and prices and sizes are integers.
//!
//! Modules stand in the order in which one message meets them.
#![no_std]
#![deny(clippy::float_arithmetic)]

extern crate alloc;

pub mod types;

pub mod event;

pub mod stage;

pub mod ring;

pub mod book;

pub mod money;

pub mod contract;

pub mod order;

pub mod position;

pub mod risk;

pub mod health;

pub mod gateway;

pub mod venue;

pub mod fifo;

mod post;

pub mod prefetch;
