//! Money: integers of 1e-4 USD.
//!
//! Arithmetic saturates: a sum that would leave the range stays at its end, where every limit
//! is exceeded, and never wraps to the other sign. Shares are in millionths (`ppm`). Rounding is
//! stated at each function; where nothing else is said it is half away from zero, so that a loss
//! and the same gain round alike.

use core::fmt;
use core::iter::Sum;
use core::ops::{Add, AddAssign, Neg, Sub, SubAssign};

/// An amount in units of 1e-4 USD. Negative is a loss or a debt.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[repr(transparent)]
pub struct Money(pub i64);

/// One million: shares are given in millionths.
pub const PPM: i64 = 1_000_000;

impl Money {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// The most that can be said; what overflows stays here.
    pub const MAX: Self = Self(i64::MAX);
    /// The least that can be said. One above the smallest integer, so that it can be negated.
    pub const MIN: Self = Self(-i64::MAX);
    /// How many units make one dollar.
    pub const PER_USD: i64 = 10_000;

    /// Whole dollars.
    #[must_use]
    pub const fn from_usd(dollars: i64) -> Self {
        Self(dollars.saturating_mul(Self::PER_USD)).clamped()
    }

    /// Whole cents.
    #[must_use]
    pub const fn from_cents(cents: i64) -> Self {
        Self(cents.saturating_mul(Self::PER_USD / 100)).clamped()
    }

    /// An amount computed in wider arithmetic, held within the range.
    #[must_use]
    pub const fn saturating_from(units: i128) -> Self {
        if units as i64 as i128 == units {
            Self(units as i64).clamped()
        } else if units > 0 {
            Self::MAX
        } else {
            Self::MIN
        }
    }

    /// The sum, or `None` where it would not fit.
    #[must_use]
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        match self.0.checked_add(other.0) {
            Some(sum) if sum != i64::MIN => Some(Self(sum)),
            _ => None,
        }
    }

    /// So many times the amount.
    #[must_use]
    pub const fn times(self, count: i64) -> Self {
        match self.0.checked_mul(count) {
            Some(units) => Self(units).clamped(),
            None => self.times_wide(count),
        }
    }

    /// The same where it leaves 64 bits: out of line, as all that is wide, so that what is not stays
    /// short.
    #[cold]
    const fn times_wide(self, count: i64) -> Self {
        Self::saturating_from(self.0 as i128 * count as i128)
    }

    /// The size of the amount, whatever its sign.
    #[must_use]
    pub const fn abs(self) -> Self {
        Self(self.0.saturating_abs())
    }

    /// `ppm` millionths of the amount, rounded toward zero.
    #[must_use]
    pub const fn part(self, ppm: i64) -> Self {
        // Of most amounts the millionths fit; a wide division costs many times a narrow one.
        match self.0.checked_mul(ppm) {
            Some(millionths) => Self(millionths / PPM),
            None => self.part_wide(ppm),
        }
    }

    #[cold]
    const fn part_wide(self, ppm: i64) -> Self {
        Self::saturating_from(self.0 as i128 * ppm as i128 / PPM as i128)
    }

    /// This amount as millionths of `whole`, half away from zero; `None` unless `whole` is
    /// positive.
    #[must_use]
    pub const fn ppm_of(self, whole: Self) -> Option<i64> {
        if whole.0 <= 0 {
            return None;
        }
        let ppm = div_round(self.0 as i128 * PPM as i128, whole.0 as i128);
        Some(Self::saturating_from(ppm).0)
    }

    /// `ppm` millionths of the amount, rounded up: at least this much is at least that share.
    #[must_use]
    pub const fn part_up(self, ppm: i64) -> Self {
        // A division rounds toward zero: up already, if the amount is negative.
        match self.0.checked_mul(ppm) {
            Some(millionths) => Self(millionths / PPM + (millionths % PPM > 0) as i64),
            None => self.part_up_wide(ppm),
        }
    }

    #[cold]
    const fn part_up_wide(self, ppm: i64) -> Self {
        let (millionths, million) = (self.0 as i128 * ppm as i128, PPM as i128);
        Self::saturating_from(millionths / million + (millionths % million > 0) as i128)
    }

    /// This amount as millionths of `whole`, rounded up, for limits that may just be reached:
    /// at most a whole number of millionths if and only if the exact share is. `None` unless
    /// `whole` is positive.
    #[must_use]
    pub const fn ppm_up(self, whole: Self) -> Option<i64> {
        match self.ppm_down(whole) {
            Some(floor) => {
                let exact = (self.0 as i128 * PPM as i128) % whole.0 as i128 == 0;
                Some(if exact {
                    floor
                } else {
                    floor.saturating_add(1)
                })
            }
            None => None,
        }
    }

    /// This amount as millionths of `whole`, rounded down, for thresholds: at least a whole
    /// number of millionths if and only if the exact share is. `None` unless `whole` is positive.
    #[must_use]
    pub const fn ppm_down(self, whole: Self) -> Option<i64> {
        if whole.0 <= 0 {
            return None;
        }
        Some(match self.0.checked_mul(PPM) {
            Some(millionths) => Self(millionths.div_euclid(whole.0)).clamped().0,
            None => self.ppm_down_wide(whole),
        })
    }

    #[cold]
    const fn ppm_down_wide(self, whole: Self) -> i64 {
        let ppm = (self.0 as i128 * PPM as i128).div_euclid(whole.0 as i128);
        Self::saturating_from(ppm).0
    }

    /// Where a sum stays that left the range: it did so on the side of its first part.
    #[cold]
    const fn end_of(of: Self) -> Self {
        if of.0 < 0 { Self::MIN } else { Self::MAX }
    }

    const fn clamped(self) -> Self {
        if self.0 == i64::MIN { Self::MIN } else { self }
    }
}

/// `numerator / denominator`, half away from zero. The denominator is positive.
#[must_use]
pub const fn div_round(numerator: i128, denominator: i128) -> i128 {
    if numerator as i64 as i128 == numerator && denominator as i64 as i128 == denominator {
        return div_round_narrow(numerator as i64, denominator as u64) as i128;
    }
    div_round_wide(numerator, denominator)
}

#[cold]
const fn div_round_wide(numerator: i128, denominator: i128) -> i128 {
    let half = denominator / 2;
    if numerator < 0 {
        -(numerator.unsigned_abs().saturating_add(half as u128) / denominator as u128).cast_signed()
    } else {
        numerator.saturating_add(half) / denominator
    }
}

/// The same of what fits 64 bits: a wide division costs many times a narrow one. The denominator
/// is positive, and at most `i64::MAX`.
#[inline]
pub(crate) const fn div_round_narrow(numerator: i64, denominator: u64) -> i64 {
    let rounded = (numerator.unsigned_abs() + denominator / 2) / denominator;
    if numerator < 0 {
        0_i64.wrapping_sub_unsigned(rounded)
    } else {
        rounded.cast_signed()
    }
}

impl Add for Money {
    type Output = Self;
    #[inline]
    fn add(self, other: Self) -> Self {
        match self.checked_add(other) {
            Some(sum) => sum,
            None => Self::end_of(self),
        }
    }
}

impl Sub for Money {
    type Output = Self;
    #[inline]
    fn sub(self, other: Self) -> Self {
        match self.0.checked_sub(other.0) {
            Some(units) if units != i64::MIN => Self(units),
            _ => Self::end_of(self),
        }
    }
}

impl Neg for Money {
    type Output = Self;
    fn neg(self) -> Self {
        Self(self.0.saturating_neg())
    }
}

impl AddAssign for Money {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl SubAssign for Money {
    fn sub_assign(&mut self, other: Self) {
        *self = *self - other;
    }
}

impl Sum for Money {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Add::add)
    }
}

impl fmt::Display for Money {
    /// Dollars with two decimals, or four where the amount is not in whole cents.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let magnitude = self.0.unsigned_abs();
        let dollars = magnitude / Self::PER_USD.unsigned_abs();
        let rest = magnitude % Self::PER_USD.unsigned_abs();
        let sign = if self.0 < 0 { "-" } else { "" };
        let mut text = crate::types::Text::<32>::new();
        if rest.is_multiple_of(100) {
            let cents = rest / 100;
            fmt::Write::write_fmt(&mut text, format_args!("{sign}{dollars}.{cents:02}"))?;
        } else {
            fmt::Write::write_fmt(&mut text, format_args!("{sign}{dollars}.{rest:04}"))?;
        }
        f.pad(text.as_str())
    }
}

impl fmt::Debug for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Money({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;
    use proptest::prelude::*;

    #[test]
    fn money_prints_cents_and_no_float() {
        let cases = [
            (0, "0.00"),
            (2_230_500, "223.05"),
            (-6_500, "-0.65"),
            (1, "0.0001"),
            (-i64::MAX, "-922337203685477.5807"),
        ];
        for (units, text) in cases {
            assert_eq!(format!("{}", Money(units)), text);
        }
        assert_eq!(format!("{:>8}", Money(15_000)), "    1.50");
    }

    #[test]
    fn sums_stay_at_the_end_of_the_range() {
        assert_eq!(Money::MAX + Money(1), Money::MAX);
        assert_eq!(Money::MIN - Money(1), Money::MIN);
        assert_eq!(-Money::MIN, Money::MAX);
        assert_eq!(Money(i64::MIN) + Money::ZERO, Money::MIN);
        assert_eq!(Money::MAX.times(-2), Money::MIN);
        assert_eq!(Money::MAX.checked_add(Money(1)), None);
        assert_eq!(Money::MIN.checked_add(Money(-1)), None);
        assert_eq!(Money(2).checked_add(Money(3)), Some(Money(5)));
        assert_eq!(Money::from_usd(i64::MIN), Money::MIN);
        assert_eq!(Money::from_cents(-65), Money(-6_500));
        assert_eq!(Money(-7).abs(), Money(7));
        assert_eq!([Money(1), Money(2)].into_iter().sum::<Money>(), Money(3));
    }

    #[test]
    fn shares_round_half_away_from_zero_and_parts_toward_it() {
        assert_eq!(Money(1).ppm_of(Money(3)), Some(333_333));
        assert_eq!(Money(2).ppm_of(Money(3)), Some(666_667));
        assert_eq!(Money(-2).ppm_of(Money(3)), Some(-666_667));
        assert_eq!(Money(1).ppm_of(Money(2_000_000)), Some(1));
        assert_eq!(Money(-1).ppm_of(Money(2_000_000)), Some(-1));
        assert_eq!(Money(1).ppm_of(Money::ZERO), None);
        assert_eq!(Money(1).ppm_of(Money(-1)), None);
        assert_eq!(Money(199).part(10_000), Money(1));
        assert_eq!(Money(-199).part(10_000), Money(-1));
        assert_eq!(Money(200).part_up(10_000), Money(2));
        assert_eq!(Money(201).part_up(10_000), Money(3));
        assert_eq!(Money(-201).part_up(10_000), Money(-2));
        let thirds = [
            (1, 333_333, 333_334),
            (3, 1_000_000, 1_000_000),
            (-1, -333_334, -333_333),
        ];
        for (units, down, up) in thirds {
            assert_eq!(Money(units).ppm_down(Money(3)), Some(down));
            assert_eq!(Money(units).ppm_up(Money(3)), Some(up));
        }
        assert_eq!(Money(1).ppm_up(Money::ZERO), None);
        assert_eq!(Money(1).ppm_down(Money(-3)), None);
    }

    /// Amounts of every length, so that both ways of dividing are taken.
    fn units() -> impl Strategy<Value = i64> {
        (any::<i64>(), 0u32..64).prop_map(|(units, shift)| units >> shift)
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 4_000, ..ProptestConfig::default() })]

        #[test]
        fn parts_are_those_of_wide_arithmetic(amount in units(), ppm in units(), whole in units()) {
            let millionths = i128::from(amount) * i128::from(ppm);
            let million = i128::from(PPM);
            let part = Money::saturating_from(millionths / million);
            prop_assert_eq!(Money(amount).part(ppm), part);
            let clamped = |units: i128| Money::saturating_from(units);
            let wide = [amount, ppm].map(i128::from);
            prop_assert_eq!(Money(amount) + Money(ppm), clamped(wide[0] + wide[1]));
            prop_assert_eq!(Money(amount) - Money(ppm), clamped(wide[0] - wide[1]));
            prop_assert_eq!(Money(amount).times(ppm), clamped(wide[0] * wide[1]));
            let floor = millionths.div_euclid(million);
            let up = floor + i128::from(floor * million != millionths);
            prop_assert_eq!(Money(amount).part_up(ppm), Money::saturating_from(up));
            let share = i128::from(amount) * million;
            let down = (whole > 0).then(|| {
                Money::saturating_from(share.div_euclid(i128::from(whole))).0
            });
            prop_assert_eq!(Money(amount).ppm_down(Money(whole)), down);
            let divisor = i128::from(whole.saturating_abs().max(1));
            let amount = i128::from(amount);
            let away = (2 * amount.abs() + divisor) / (2 * divisor);
            let rounded = if amount < 0 { -away } else { away };
            prop_assert_eq!(div_round(amount, divisor), rounded);
        }

        #[test]
        fn division_rounds_to_the_nearest(n in -(1i128 << 90)..(1i128 << 90), d in 1i128..1 << 60) {
            let q = div_round(n, d);
            prop_assert!((n - q * d).abs() * 2 <= d);
            prop_assert_eq!(div_round(-n, d), -q);
        }
    }
}
