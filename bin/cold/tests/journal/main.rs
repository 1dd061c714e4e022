//! The journal: its format, what it withstands, and what it adds up to.

mod samples;

mod disk;

mod format;

mod damage;

mod faults;

mod lock;

mod fold;

mod crash;
