//! A synthetic market: a seeded NQ session as DBN v3, with the truth about what is in it.
//!
//! [`write_session`] simulates futures and an options chain: crowds, market makers, planted
//! institutional activity, and on demand the faults of a feed. [`write_one`], [`write_fifty`] and
//! [`write_chain`] write inputs for measuring speed. The same arguments give the same bytes on
//! every platform. It is no model of where prices go: nothing here is fit to judge a strategy's
//! profit, only whether a measure sees what was planted. No files, no clock: bytes go to any
//! `Write`.

mod session;

mod load;

mod market;

mod flow;

mod desk;

mod planted;

mod venue;

mod tape;

mod faults;

mod truth;

mod reference;

mod contracts;

mod arrivals;

mod pricing;

mod random;

#[cfg(test)]
mod tests;

pub use faults::Faults;
pub use load::{write_chain, write_fifty, write_one};
pub use planted::Plantings;
pub use session::{SessionConfig, write_session};
pub use tape::Counts;
pub use truth::{Activity, FaultKind, InjectedFault, Planted, Truth};
