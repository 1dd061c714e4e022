//! Bytes to typed inputs; no sockets, no clock, no files.
//!
//! Modules stand in the order in which bytes meet them: a vendor's format is decoded, a
//! recording of it is replayed. Then come slow sources, read a file or a reply at a time, and last
//! the market that we make ourselves.

pub mod databento;

pub mod replay;

pub mod cboe;

pub mod alpha_vantage;

mod decimal;

pub mod synthetic;
