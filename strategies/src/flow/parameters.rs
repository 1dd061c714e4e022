//! What the measures look back on and what they count as large: numbers of the specification.

use alloc::vec::Vec;

use undertow_core::types::{Nanos, Price, Text};

use super::toxicity::{OddLot, ToxicityWeights};
use super::volatility::RegimeBounds;
use crate::ifd::desk::Settings;

/// From when the average price of a session counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum VwapAnchor {
    /// From the session's start: 18:00 for futures, midnight for stocks.
    #[default]
    Session,
    /// Regular hours only, from 09:30.
    Regular,
}

/// Parameters of the flow stage. Sizes are contracts of futures, and shares where it says so.
#[derive(Clone, Debug, PartialEq)]
pub struct FlowParameters {
    /// Instruments that get every measure; the others have their tape alone. About 16 KiB each.
    pub measured_max: usize,
    /// Volume of a VPIN bucket, where `vpin_buckets_of` has none of its own.
    pub vpin_bucket: u64,
    /// Volume of a VPIN bucket by symbol, as discovered.
    pub vpin_buckets_of: Vec<(Text<71>, u64)>,
    /// Buckets that VPIN looks back on, n.
    pub vpin_buckets: usize,
    /// One-minute bars whose price changes give bulk classification its deviation.
    pub bulk_bars: usize,
    /// The fewest of them.
    pub bulk_bars_min: usize,
    /// Least time between two samples of the book's imbalance.
    pub imbalance_interval: Nanos,
    /// Length of the intervals over which order flow imbalance is summed.
    pub ofi_interval: Nanos,
    /// Trades that pattern toxicity looks back on.
    pub pattern_trades: usize,
    /// Which lots are odd.
    pub odd_lot: OddLot,
    /// What the parts of toxicity weigh.
    pub toxicity_weights: ToxicityWeights,
    /// Least size of a block of contracts.
    pub block_contracts: u64,
    /// Least size of a block of shares.
    pub block_shares: u64,
    /// A sweep takes place within this.
    pub sweep_window: Nanos,
    /// Prices that a sweep of contracts takes, at least 3; of shares 3 are enough.
    pub sweep_levels: u32,
    /// A sweep of contracts is larger than this.
    pub sweep_contracts: u64,
    /// A sweep of shares is larger than this.
    pub sweep_shares: u64,
    /// How long a sweep stands.
    pub sweep_hold: Nanos,
    /// The next slice of an iceberg comes within this after the last was filled.
    pub refill_window: Nanos,
    /// Refills by its owner that make an iceberg.
    pub iceberg_refills: u32,
    /// Least size of a slice that is told apart from common orders.
    pub slice_size_min: u32,
    /// Width of a level of the volume profile, in ticks.
    pub profile_ticks: u32,
    /// The same where the tick is not known.
    pub profile_level: Price,
    /// Least size of a large trade.
    pub large_trade: u64,
    /// Closed one-minute bars that volume is compared with.
    pub volume_bars: usize,
    /// What the average price of a session counts.
    pub vwap_anchor: VwapAnchor,
    /// Bounds of the volatility regime, as discovered.
    pub regime_bounds: Option<RegimeBounds>,
    /// Options that the desk follows. About 4 KiB each.
    pub options_max: usize,
    /// Options whose quotes are watched for market making, those that trade first.
    pub quoted_max: usize,
    /// How the desk detects institutional flow in options.
    pub ifd: Settings,
}

impl Default for FlowParameters {
    fn default() -> Self {
        const SECOND: u64 = 1_000_000_000;
        Self {
            measured_max: 64,
            // A2's upper limit; a fiftieth of a day's volume is better where it is known (A1).
            vpin_bucket: 500,
            vpin_buckets_of: Vec::new(),
            // A1: n = 50, 390 one-minute bars (a day), at least 30.
            vpin_buckets: 50,
            bulk_bars: 390,
            bulk_bars_min: 30,
            imbalance_interval: Nanos(SECOND),
            // Cont, Kukanov and Stoikov (2014) sum over ten seconds.
            ofi_interval: Nanos(10 * SECOND),
            pattern_trades: 100,
            odd_lot: OddLot::BelowRoundLot,
            toxicity_weights: ToxicityWeights::ADAPTED,
            // A6 and A9 are about shares; N4 calls a hundred contracts of an option large.
            block_contracts: 200,
            block_shares: 10_000,
            sweep_window: Nanos(SECOND),
            // A9's three prices are a crowd's common order in a future; seven hardly ever are.
            sweep_levels: 7,
            sweep_contracts: 20,
            sweep_shares: 1_000,
            sweep_hold: Nanos(10 * SECOND),
            refill_window: Nanos(3 * SECOND / 10),
            iceberg_refills: 3,
            slice_size_min: 3,
            // M13: 5 points of NQ, whose tick is a quarter.
            profile_ticks: 20,
            profile_level: Price(5 * Price::PER_POINT),
            large_trade: 10,
            volume_bars: 20,
            vwap_anchor: VwapAnchor::Session,
            regime_bounds: None,
            options_max: 1 << 14,
            quoted_max: 1 << 11,
            ifd: Settings::default(),
        }
    }
}

impl FlowParameters {
    /// Least size of a block.
    #[must_use]
    pub(super) const fn block_min(&self, is_stock: bool) -> u64 {
        if is_stock {
            self.block_shares
        } else {
            self.block_contracts
        }
    }
}
