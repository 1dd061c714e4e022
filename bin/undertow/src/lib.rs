//! The program: threads, files, clock and environment live here and nowhere else.
//!
//! Modules stand in the order in which one message meets them, then what surrounds them.

pub mod topology;

pub mod tile;

pub mod pump;

pub mod ingress;

pub mod probe;

pub mod output;

pub mod clock;

pub mod seal;

pub mod usage;

pub mod memory;

pub mod affinity;
