//! Technical indicators, one value at a time (A16, N20).
//!
//! Each takes a close (or a bar) with `update` and says its reading, which is absent until there
//! are enough values. A value costs the same whatever the period, and after construction nothing
//! is allocated. A value that is not finite is left out as if it had not come.

mod atr;
mod bollinger;
mod ema;
mod macd;
mod rsi;
mod vwap;
mod window;

pub use atr::Atr;
pub use bollinger::{Bands, Bollinger};
pub use ema::Ema;
pub use macd::{Macd, MacdReading};
pub use rsi::{Rsi, RsiZone};
pub use vwap::{SessionVwap, Vwap};
pub use window::Window;
