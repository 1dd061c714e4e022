//! What every contestant must say alike: the best bid and offer, and a checksum over all of them.

/// Best prices in units of 1e-9; `i64::MAX` where a side is empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bbo {
    /// Highest bid.
    pub bid: i64,
    /// Lowest offer.
    pub ask: i64,
}

/// Folds one best bid and offer into a checksum that depends on their order.
#[inline(always)]
pub fn fold(sum: u64, bbo: Bbo) -> u64 {
    let mixed = sum.rotate_left(5) ^ bbo.bid as u64 ^ (bbo.ask as u64).rotate_left(32);
    mixed.wrapping_mul(0x9E37_79B9_7F4A_7C15)
}
