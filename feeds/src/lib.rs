//! Feeds.

pub mod synthetic;
