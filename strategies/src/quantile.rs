//! Percentiles by the two conventions of §0 that need all values in order.

/// P7: linear at rank (n−1)p, as numpy does by default. `p` is clamped to 0..=1; absent without
/// values.
#[must_use]
pub fn linear(sorted: &[f64], p: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let rank = last as f64 * p.clamp(0.0, 1.0);
    let below = libm::floor(rank) as usize;
    let (low, high) = (sorted[below], sorted[(below + 1).min(last)]);
    let value = low + (high - low) * (rank - below as f64);
    value.is_finite().then_some(value)
}

/// NR: nearest rank, the element ⌈p·n⌉ counted from 1. `percent` from 0 to 100, exact in
/// integers; absent without values.
#[must_use]
pub fn nearest_rank<T: Copy>(sorted: &[T], percent: u32) -> Option<T> {
    let rank = (sorted.len() as u64 * u64::from(percent.min(100))).div_ceil(100);
    sorted.get(rank.saturating_sub(1) as usize).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn linear_meets_the_ends_and_interpolates_between() {
        let values = [1.0, 2.0, 4.0];
        let read = [-1.0, 0.0, 0.25, 0.5, 0.75, 1.0].map(|p| linear(&values, p));
        assert_eq!(read, [1.0, 1.0, 1.5, 2.0, 3.0, 4.0].map(Some));
        assert_eq!(linear(&[], 0.5), None);
        assert_eq!(linear(&[f64::MIN, f64::MAX], 0.5), None);
    }

    #[test]
    fn nearest_rank_is_an_element() {
        assert_eq!(nearest_rank(&[10, 20, 30], 0), Some(10));
        assert_eq!(nearest_rank(&[10, 20, 30], 33), Some(10));
        assert_eq!(nearest_rank(&[10, 20, 30], 34), Some(20));
        assert_eq!(nearest_rank(&[10, 20, 30], 100), Some(30));
        assert_eq!(nearest_rank::<u64>(&[], 50), None);
    }
}
