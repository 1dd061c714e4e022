//! Decisions end to end, and what must hold of them for any input.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "decide/gates.rs"]
mod gates;
#[path = "decide/properties.rs"]
mod properties;
#[path = "decide/rules.rs"]
mod rules;
#[path = "decide/world.rs"]
mod world;
