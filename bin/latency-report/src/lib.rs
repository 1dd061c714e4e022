//! Latency, recorded on the hot thread and told honestly afterwards.
//!
//! The way of a sample: a [`recorder::Recorder`] takes it, a [`run::Run`] gathers every recorder
//! with what must be known beside them, [`store`] keeps the run, and [`render`], [`compare`] and
//! [`gate`] speak of it. All times are nanoseconds.
//!
//! Invariants: a percentile is told only with [`percentile::BEYOND_MIN`] samples beyond it; what
//! was not measured is absent, never zero; the same run gives the same bytes. Nothing here reads
//! a clock: callers hand over differences. Absent on purpose: any correction for coordinated
//! omission after the fact; a paced run records from intended arrival instead.

pub mod recorder;

pub mod percentile;

pub mod run;

pub mod hlog;

pub mod store;

pub mod render;

pub mod compare;

pub mod gate;

pub mod failure;

pub mod text;
