//! What was traded and what is held in a chain, calls against puts (A12).

use super::chain::Snapshot;
use super::{Right, Usd, ratio};

/// The calls or the puts of a chain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Side {
    /// Contracts traded.
    pub volume: u64,
    /// Contracts open.
    pub open_interest: u64,
    /// What was paid for those traded, at the middle of the quote: Σ mid·volume·multiplier.
    pub premium: Usd,
    /// Contracts traded that have no mid, and so no part in the premium.
    pub volume_without_mid: u64,
}

/// Calls against puts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OptionFlow {
    /// The calls.
    pub call: Side,
    /// The puts.
    pub put: Side,
}

impl OptionFlow {
    /// Sums up the rows that are not over.
    #[must_use]
    pub fn of(chain: &Snapshot<'_>) -> Self {
        let mut flow = Self::default();
        for row in chain.rows.iter().filter(|row| !row.is_expired(chain.now)) {
            let side = match row.right {
                Right::Call => &mut flow.call,
                Right::Put => &mut flow.put,
            };
            side.volume = side.volume.saturating_add(row.volume);
            let open = row.open_interest.map_or(0, |it| it.contracts);
            side.open_interest = side.open_interest.saturating_add(open);
            match row.mid(chain.now) {
                Some(mid) => {
                    let premium = Usd::premium(mid, row.volume, row.multiplier);
                    side.premium = side.premium.plus(premium);
                }
                None => side.volume_without_mid += row.volume,
            }
        }
        flow
    }

    /// Premium of the calls less that of the puts.
    #[must_use]
    pub const fn net_premium(&self) -> Usd {
        Usd(self.call.premium.0.saturating_sub(self.put.premium.0))
    }

    /// Puts traded for each call.
    #[must_use]
    pub fn put_call_volume(&self) -> Option<f64> {
        ratio(self.put.volume as f64, self.call.volume as f64)
    }

    /// Puts open for each call.
    #[must_use]
    pub fn put_call_open_interest(&self) -> Option<f64> {
        ratio(
            self.put.open_interest as f64,
            self.call.open_interest as f64,
        )
    }

    /// Traded for each contract open.
    #[must_use]
    pub fn volume_over_open_interest(&self) -> Option<f64> {
        let volume = self.call.volume.saturating_add(self.put.volume);
        let open = self
            .call
            .open_interest
            .saturating_add(self.put.open_interest);
        ratio(volume as f64, open as f64)
    }
}
