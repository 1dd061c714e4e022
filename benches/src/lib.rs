//! Benchmarks and gates.
//!
//! Times are for people and are read beside a peer in the same run (`benches/peers`, the
//! criterion benches). What CI fails on is counted, not timed: instructions and allocations per
//! message on fixed inputs, which repeat exactly.

pub mod work;

mod options;

mod desk;

mod orders;

pub mod count;

pub mod baseline;

pub mod measure;
