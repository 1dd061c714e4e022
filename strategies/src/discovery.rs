//! Parameters found in the data: A2 bucket size, A3 lookback, A4 volatility regime, A5 correlations.
//!
//! Batch functions over what a session left behind, for the cold side: they allocate. Each says
//! what it found and from how much, and the same input gives the same bits. Returns never span a
//! gap between sessions.

mod bucket;
mod closes;
mod correlation;
mod lookback;
mod regime;

pub use bucket::{
    BUCKET_DEFAULT, Basis, Bucket, MAX_BUCKET, MIN_BUCKET, TRADES_MIN, adv50, bucket, centres,
};
pub use closes::{Close, Closes, returns};
pub use correlation::{Correlations, TooLittle, correlations, pearson};
pub use lookback::{Lookback, LookbackMode, autocorrelation, lookback};
pub use regime::{Regime, RegimeConfig, RegimeReading, regime};
