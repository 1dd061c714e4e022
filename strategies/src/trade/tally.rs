//! What a run comes to that has no event of its own: counts, and the curve of its equity.

use undertow_core::money::Money;

/// Equity over the run, as often as the account is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Curve {
    /// At the first look.
    pub first: Money,
    /// At the last.
    pub last: Money,
    /// The highest.
    pub peak: Money,
    /// The largest fall from a peak before it.
    pub drawdown: Money,
}

impl Curve {
    pub(super) const fn new(equity: Money) -> Self {
        Self {
            first: equity,
            last: equity,
            peak: equity,
            drawdown: Money::ZERO,
        }
    }

    pub(super) fn add(&mut self, equity: Money) {
        self.last = equity;
        self.peak = self.peak.max(equity);
        self.drawdown = self.drawdown.max(self.peak - equity);
    }
}

/// What happened that has no event of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Counters {
    /// Signals emitted that became no intent: no room, no quote, or a size of nothing.
    pub unwanted: u64,
    /// Of them, for want of room to look after another position.
    pub no_room: u64,
    /// Of them, without a sound quote of the contract.
    pub no_quote: u64,
    /// Of them, whose size rounds to nothing.
    pub no_size: u64,
    /// Times that nothing was asked for because too much waited to be said.
    pub held_back: u64,
    /// The most events that ever waited.
    pub waiting_max: usize,
    /// Definitions for which there was no room.
    pub refused: u64,
    /// Times that something was held which nobody looked after: it is closed at once.
    pub strays: u64,
    /// Of them, without room to look after it.
    pub abandoned: u64,
    /// Records dated after their own arrival.
    pub ahead: u64,
    /// Orders that a halt overtook before they left.
    pub withheld: u64,
    /// Positions of an earlier run that expired unseen, and were settled at their last mark.
    pub settled_unseen: u64,
}
