//! Latency report.
fn main() {}
