//! What the trading side says, in order: enough to journal it, to sum it up and to explain it.

use undertow_core::contract::Contract;
use undertow_core::event::{Depth, Operator, Touch};
use undertow_core::order::{ClientOrderId, ExecReport, Intent};
use undertow_core::position::ExitCause;
use undertow_core::risk::{Cancel, Halt, Kept, LimitChange, LimitError, Reported, Verdict};
use undertow_core::types::{BookKey, Nanos, Price};

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
    /// A contract is traded from now on, on these terms.
    Listed(Contract),
    /// What a held contract is valued at.
    Marked(BookKey, Price),
    /// What must survive a restart, as it stands, after the marks that it rests on.
    Kept(Kept),
    /// A contract expired: at which price it was settled, and what was held.
    Settled(BookKey, Price, i64),
    /// What the operator has ordered, and when, before anything that follows from it.
    Ordered(Operator, Nanos),
    /// A halt, or the end of one.
    Halted(Halt),
    /// The operator wanted a limit lowered: it was, or was refused.
    Limited(Limited),
    /// A digest of orders, positions and executions after everything said so far; a fold of the
    /// journal must come to it as well.
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

/// A limit that the operator wanted lowered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limited {
    /// Which, and to what.
    pub change: LimitChange,
    /// What it was.
    pub from: i64,
    /// Why it was refused; none when it was taken.
    pub refused: Option<LimitError>,
    /// When, in event time.
    pub ts: Nanos,
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
