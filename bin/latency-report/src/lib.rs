//! Latency report.
#![allow(missing_docs)]
#[derive(Debug)]
pub struct Recorder;
impl Recorder {
    pub fn new(_n: &str) -> Self {
        Recorder
    }
    pub fn record(&mut self, _ns: u64) {}
}
