//! Latency report.
