//! Benchmarks and gates.
