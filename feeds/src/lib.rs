//! Bytes to typed inputs; no sockets, no clock, no files.
//!
//! Modules stand in the order in which bytes meet them: a vendor's format is decoded, and a
//! recording of it is replayed.

pub mod databento;

pub mod replay;
