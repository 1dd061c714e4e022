//! Latency report.
#![allow(missing_docs)]
pub mod recorder {
#[derive(Debug, Clone, Copy)]
pub enum Basis { Work, IntendedArrival, ActualArrival }
#[derive(Debug, Clone)]
pub struct Recorder;
impl Recorder { pub fn sampled(_n: &str, _b: Basis, _e: u32) -> Self { Recorder } pub fn record(&mut self, _ns: i64) {} }
pub fn difference(end_ns: u64, start_ns: u64) -> i64 { end_ns as i64 - start_ns as i64 }
}
