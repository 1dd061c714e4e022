//! Rehearsals of what must work when it counts, on this machine, with the program's own parts.

mod field;
pub mod kill;
pub mod order;
