//! Unusual options activity (A12): of a chain as a score, of a contract as a flag.

use alloc::vec::Vec;
use core::cmp::Reverse;

use super::chain::{Row, Snapshot};
use super::{Usd, finite};

/// Where the score of a chain begins, by z-score of volume and by volume over open interest.
const Z_MIN: f64 = 2.5;
const VOLUME_OVER_OPEN_MIN: f64 = 0.15;

/// Fewer contracts traded than this flag nothing; the second where nothing was open before.
const VOLUME_MIN: u64 = 100;
const VOLUME_MIN_NEW: u64 = 500;

/// The score of a chain, from 0 to 1, of the z-score of its volume at this time of day and its
/// volume over its open interest. At 0.6 one of them is unusual. Absent when neither is known.
#[must_use]
pub fn score(volume_z: Option<f64>, volume_over_open: Option<f64>) -> Option<f64> {
    let z = volume_z.and_then(finite);
    let over = volume_over_open.and_then(finite);
    if z.is_none() && over.is_none() {
        return None;
    }
    if let Some(z) = z.filter(|z| Z_MIN <= *z) {
        return Some((0.6 + 0.1 * (z - Z_MIN)).min(1.0));
    }
    if let Some(over) = over.filter(|over| VOLUME_OVER_OPEN_MIN <= *over) {
        return Some((0.6 + 2.0 * (over - VOLUME_OVER_OPEN_MIN)).min(1.0));
    }
    let shares = (z.unwrap_or(0.0) / Z_MIN).min(over.unwrap_or(0.0) / VOLUME_OVER_OPEN_MIN);
    Some(0.6 * shares.max(0.0))
}

/// The z-score of a volume against those of earlier days at the same time of day, by population
/// deviation. Absent without history, or when it is all alike.
#[must_use]
pub fn volume_z(history: &[u64], volume: u64) -> Option<f64> {
    let count = history.len() as f64;
    let mean = history.iter().map(|it| *it as f64).sum::<f64>() / count;
    let squares = history
        .iter()
        .map(|it| (*it as f64 - mean) * (*it as f64 - mean));
    let deviation = libm::sqrt(squares.sum::<f64>() / count);
    finite((volume as f64 - mean) / deviation)
}

/// Whether more was traded in a contract than is usual for what is open in it.
#[must_use]
pub const fn is_unusual(volume: u64, open_interest: u64) -> bool {
    let volume_min = if open_interest == 0 {
        VOLUME_MIN_NEW
    } else {
        VOLUME_MIN
    };
    volume_min <= volume && open_interest.saturating_mul(2) < volume
}

/// A contract that was traded unusually.
#[derive(Clone, Copy, Debug)]
pub struct Unusual<'a> {
    /// The contract.
    pub row: &'a Row,
    /// What was paid, at the middle of the quote; absent without one.
    pub premium: Option<Usd>,
}

/// Contracts of a chain that were traded unusually, the greatest premium first; those without a
/// mid last, by volume. A contract whose open interest is unknown is not judged.
#[must_use]
pub fn contracts<'a>(chain: &Snapshot<'a>) -> Vec<Unusual<'a>> {
    let judged = chain.rows.iter().filter(|row| {
        let open = row.open_interest.map(|it| it.contracts);
        !row.is_expired(chain.now) && open.is_some_and(|open| is_unusual(row.volume, open))
    });
    let mut found: Vec<_> = judged
        .map(|row| {
            let mid = row.mid(chain.now);
            let premium = mid.map(|mid| Usd::premium(mid, row.volume, row.multiplier));
            Unusual { row, premium }
        })
        .collect();
    found.sort_by_key(|it| Reverse((it.premium, it.row.volume)));
    found
}
