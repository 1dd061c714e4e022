//! Bytes to typed inputs; no sockets, no clock, no files.
//!
//! Modules stand in the order in which bytes meet them: a vendor's format is decoded, a
//! recording of it is replayed. Last stands the market that we make ourselves.

pub mod databento;

pub mod replay;

pub mod synthetic;
