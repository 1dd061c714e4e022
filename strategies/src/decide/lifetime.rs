//! S11: how long a signal lives: as long as its contract can still be traded as meant.

use super::moment::Moment;
use super::rules::Strategy;

const NS_PER_SECOND: u64 = 1_000_000_000;

/// A signal lives at least this long, even just before the close: 60 s.
pub const MIN_NS: u64 = 60 * NS_PER_SECOND;

/// And this long where nothing else ends it: 300 s.
pub const STANDARD_NS: u64 = 300 * NS_PER_SECOND;

/// To today's close for 0DTE, to the next trading day's for 1DTE, 300 s for others; at least 60 s.
#[must_use]
pub fn lifetime_ns(strategy: Strategy, moment: &Moment) -> u64 {
    let lifetime = match strategy {
        Strategy::ZeroDte => moment.ns_to_close().unwrap_or(0),
        Strategy::OneDte => moment.next_close.0.saturating_sub(moment.now.0),
        Strategy::FourteenDte | Strategy::Moc | Strategy::Ifd | Strategy::Synthesis => STANDARD_NS,
    };
    lifetime.max(MIN_NS)
}
