//! An option chain from a file: loaded, judged, told as text, JSON and one HTML page.
//!
//! What the figures mean is decided in `undertow_strategies::options`; here rows of three sources
//! become one shape ([`sources`], [`futures`]), questions are answered in order ([`report`]), and
//! the answers are shown. Nothing here opens a file or reads a clock.

pub mod sources;

pub mod futures;

pub mod report;

mod words;

pub mod text;

pub mod json;

pub mod page;
