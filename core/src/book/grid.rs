//! The grid of a book's prices: the multiples of a unit, and the way to them without a division.

#[derive(Clone, Copy, Debug)]
pub(super) struct Grid {
    /// The odd part of the unit times this is 1, modulo 2^64.
    inverse: i64,
    /// The unit is its odd part times two to this.
    shift: u32,
}

impl Grid {
    /// Of a unit in price units, at least 1.
    pub(super) const fn new(unit: i64) -> Self {
        let shift = unit.trailing_zeros();
        Self {
            inverse: inverse(unit >> shift),
            shift,
        }
    }

    /// In price units, at least 1.
    pub(super) const fn unit(&self) -> i64 {
        inverse(self.inverse) << self.shift
    }

    /// How many units a price on the grid is.
    #[inline(always)]
    pub(super) const fn multiple(&self, price: i64) -> i64 {
        price.wrapping_mul(self.inverse) >> (self.shift & 63)
    }

    /// How many units a price is, if it is on the grid. The product with the inverse is right
    /// for multiples only, so the way back tells.
    #[inline(always)]
    pub(super) const fn ticks(&self, price: i64) -> Option<i64> {
        let ticks = self.multiple(price);
        match ticks.checked_mul(self.unit()) {
            Some(back) if back == price => Some(ticks),
            _ => None,
        }
    }
}

/// The number that makes 1 of an odd one, modulo 2^64.
const fn inverse(odd: i64) -> i64 {
    // Newton's method: an odd number is its own inverse in its last three bits, and each turn
    // doubles how many are right.
    let mut inverse = odd;
    let mut bits = 3;
    while bits < 64 {
        inverse = inverse.wrapping_mul(2_i64.wrapping_sub(odd.wrapping_mul(inverse)));
        bits *= 2;
    }
    inverse
}

/// Greatest common divisor of the unit (at least 1) and a price.
pub(super) fn gcd(unit: i64, price: i64) -> i64 {
    let (mut a, mut b) = (unit.unsigned_abs(), price.unsigned_abs());
    while b != 0 {
        (a, b) = (b, a % b);
    }
    // At most `unit`, for it divides it.
    a.cast_signed()
}

#[cfg(test)]
mod tests {
    use super::Grid;

    #[test]
    fn grid_divides_as_division_does() {
        let units = [
            1,
            2,
            3,
            5_000_000,
            10_000_000,
            250_000_000,
            1_000_000_000,
            i64::MAX,
            1 << 62,
        ];
        let mut random = 1_u64;
        for turn in 0..100_000 {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            let unit = units[turn % units.len()];
            let ticks = random.cast_signed() >> (random % 64);
            let multiple = ticks.wrapping_mul(unit);
            for price in [
                multiple,
                multiple.wrapping_add(1),
                ticks,
                i64::MIN,
                i64::MAX,
                0,
            ] {
                let expected = (price % unit == 0).then_some(price / unit);
                let grid = Grid::new(unit);
                assert_eq!(grid.ticks(price), expected, "{price} by {unit}");
                assert_eq!(grid.unit(), unit);
            }
        }
    }
}
