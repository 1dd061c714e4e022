//! Undertow.
fn main() {}
