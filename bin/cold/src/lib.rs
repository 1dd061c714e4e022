//! What may wait: names of instruments, the record of outputs, progress, summaries, chains,
//! flow over time, pictures; and the journal.
//!
//! Runs on the thread that started the tiles. It may allocate, format, and write files; nothing
//! hot ever waits for it longer than its link is deep.

pub mod registry;

pub mod listing;

pub mod summary;

pub mod baselines;

pub mod implied_vol;

pub mod chain;

pub mod chart;

pub mod flow_report;

pub mod claims;

pub mod explain;

pub mod journal;

pub mod provenance;

pub mod parity;

pub mod standing;

pub mod state;
