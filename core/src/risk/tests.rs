//! One desk for all tests: an option on NQ, an option on SPY, a future, and limits for each check.
//!
//! Every test starts from an intent that passes with room to spare, and moves one number.

mod borders;
mod days;
mod desk;
mod exposure;
mod faults;
mod halts;
mod random;
mod standing;
mod sums;
