//! What the trading side says, in order: enough to journal it, to sum it up and to explain it.

use undertow_core::event::{Depth, Touch};
use undertow_core::order::{ClientOrderId, ExecReport, Intent};
use undertow_core::position::ExitCause;
use undertow_core::risk::{Cancel, Halt, Kept, Reported, Verdict};
use undertow_core::types::Nanos;

use crate::decide::Decision;

/// One thing said.
#[derive(Clone, Copy, Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "it travels by reference or by value; a box would allocate"
)]
pub enum TradeEvent {
    /// A signal was found: emitted, updated, or blocked and why.
    Decided(Decided),
    /// Risk was asked for an order.
    Asked(Asked),
    /// A cancel was sent.
    Cancelled(Cancel, Nanos),
    /// The venue spoke of an order; nothing was changed where the second part is absent.
    Reported(ExecReport, Option<Reported>),
    /// A halt, or the end of one.
    Halted(Halt),
    /// What must survive a restart has changed.
    Kept(Kept),
    /// A digest of orders and positions after everything said so far.
    Checkpoint(u64),
}

/// A decision, and the underlying's book that it was made on.
#[derive(Clone, Copy, Debug)]
pub struct Decided {
    /// Which rule set, by its place.
    pub place: usize,
    /// The decision.
    pub decision: Decision,
    /// The touch.
    pub touch: Touch,
    /// The depth.
    pub depth: Depth,
}

/// An intent, and what risk made of it. An order is said before it is sent.
#[derive(Clone, Copy, Debug)]
pub struct Asked {
    /// What was wanted.
    pub intent: Intent,
    /// When, in event time.
    pub ts: Nanos,
    /// The order's id; none if risk refused.
    pub order: Option<ClientOrderId>,
    /// Every check.
    pub verdict: Verdict,
    /// Why a position is left; none for an entry.
    pub exit: Option<ExitCause>,
    /// The contract's touch then.
    pub touch: Touch,
}
