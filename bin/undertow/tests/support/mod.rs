//! What several test binaries need.
#![allow(dead_code, reason = "no test binary needs all of it")]

use std::path::PathBuf;

use bumpalo::Bump;
use undertow_core::book::BookLimits;

/// A small seeded generator (xorshift64*), so that a failure is repeated by its seed.
#[derive(Clone, Debug)]
pub(crate) struct Rng(u64);

impl Rng {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % end
    }
}

/// A file of the real data, or none with a line that says so.
pub(crate) fn data(name: &str) -> Option<PathBuf> {
    let root = std::env::var_os("UNDERTOW_DATA").map(PathBuf::from);
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let path = root.unwrap_or_else(beside).join(name);
    if path.exists() {
        return Some(path);
    }
    println!("skipped: no {} (set UNDERTOW_DATA)", path.display());
    None
}

/// Limits that fit a test.
pub(crate) fn limits(instruments_max: u32, orders_max: u32) -> BookLimits {
    BookLimits {
        instruments_max,
        orders_max,
        book_orders_max: orders_max,
        pages_max: 4096,
        ..BookLimits::default()
    }
}

/// Room for them.
pub(crate) fn arena(limits: &BookLimits) -> Bump {
    Bump::with_capacity(limits.bytes())
}
