//! The life of one order.
//!
//! ```text
//! Intent ─► Sent ─► Acked ─► Working ─► PartFilled ─► Filled
//!    └────────┴───────┴─────────┴──────────┴─► Unknown    Cancelled  Rejected  Expired
//! ```
//!
//! Reports may come late, twice or in any order: a state is never left backwards, a final one
//! never. No answer is not a rejection: it leads to `Unknown`, and only evidence from the venue
//! leads out. Executions are counted in every state, for they are the truth about the position.

/// Where an order stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum OrderState {
    /// Decided and named; nothing has left yet.
    Intent,
    /// Its bytes have left.
    Sent,
    /// The venue has it.
    Acked,
    /// It rests.
    Working,
    /// A part is filled, the rest works.
    PartFilled,
    /// Nobody answered: it may be anything.
    Unknown,
    /// All of it is filled.
    Filled,
    /// Gone, by our wish or the venue's.
    Cancelled,
    /// The venue refused it.
    Rejected,
    /// Its time ran out.
    Expired,
}

impl OrderState {
    /// Every state, in order.
    pub const ALL: [Self; 10] = [
        Self::Intent,
        Self::Sent,
        Self::Acked,
        Self::Working,
        Self::PartFilled,
        Self::Unknown,
        Self::Filled,
        Self::Cancelled,
        Self::Rejected,
        Self::Expired,
    ];

    /// Whether nothing but late executions can follow.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(
            self,
            Self::Filled | Self::Cancelled | Self::Rejected | Self::Expired
        )
    }

    /// Whether the venue has not yet shown that it has the order.
    #[must_use]
    pub const fn is_unacked(self) -> bool {
        matches!(self, Self::Intent | Self::Sent)
    }

    /// The word shown to users.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Intent => "intent",
            Self::Sent => "sent",
            Self::Acked => "acked",
            Self::Working => "working",
            Self::PartFilled => "part filled",
            Self::Unknown => "UNKNOWN",
            Self::Filled => "filled",
            Self::Cancelled => "cancelled",
            Self::Rejected => "rejected",
            Self::Expired => "expired",
        }
    }
}

/// What can happen to an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Its bytes have left.
    Sent,
    /// The venue has it.
    Acked,
    /// It rests.
    Working,
    /// So much was executed.
    Filled(u32),
    /// A correction took so much back.
    Unfilled(u32),
    /// It is gone, with so much filled by the venue's count.
    Cancelled(u32),
    /// It ran out, with so much filled by the venue's count.
    Expired(u32),
    /// The venue refused it.
    Rejected,
    /// We asked for its cancellation.
    CancelSent,
    /// The venue refused to cancel it.
    CancelRejected,
    /// Nobody answered.
    NoAnswer,
    /// The venue, asked over a healthy line, does not know it; so much was filled.
    Absent(u32),
}

/// What a turn was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Note {
    /// As expected.
    Fine,
    /// Told before, or overtaken: nothing changed.
    Stale,
    /// An execution after the end that the venue's last count had announced.
    Late,
    /// More was executed than the order or the venue's last count allows.
    Overfill,
    /// The venue's count is below the executions that it told.
    Disagrees,
}

/// One order's state. Twelve bytes and two flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Life {
    state: OrderState,
    is_cancel_sent: bool,
    quantity: u32,
    filled: u32,
    /// Filled by the venue's count, but not yet told as executions.
    owed: u32,
}

impl Life {
    /// An order of this size at its beginning.
    #[must_use]
    pub const fn new(quantity: u32) -> Self {
        Self {
            state: OrderState::Intent,
            is_cancel_sent: false,
            quantity,
            filled: 0,
            owed: 0,
        }
    }

    /// An order from an earlier run: what became of it is not known.
    #[must_use]
    pub const fn recovered(quantity: u32, filled: u32) -> Self {
        Self {
            state: OrderState::Unknown,
            is_cancel_sent: false,
            quantity,
            filled,
            owed: 0,
        }
    }

    /// Where it stands.
    #[must_use]
    pub const fn state(&self) -> OrderState {
        self.state
    }

    /// Whether a cancel is on its way.
    #[must_use]
    pub const fn is_cancel_sent(&self) -> bool {
        self.is_cancel_sent
    }

    /// Executed so far, as told by executions.
    #[must_use]
    pub const fn filled(&self) -> u32 {
        self.filled
    }

    /// What may still be executed and moves the position when it is: the rest of a live order,
    /// and executions that a finished one still owes us.
    #[must_use]
    pub const fn leaves(&self) -> u32 {
        if self.state.is_final() {
            self.owed
        } else {
            self.quantity.saturating_sub(self.filled)
        }
    }

    /// Whether it must be kept: live, or finished with executions still to be told.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        !self.state.is_final() || self.owed > 0
    }

    /// Takes one turn.
    pub fn turn(&mut self, turn: Turn) -> Note {
        match turn {
            Turn::Filled(quantity) => self.fill(quantity),
            Turn::Unfilled(quantity) => {
                self.filled = self.filled.saturating_sub(quantity);
                Note::Fine
            }
            Turn::Cancelled(filled) | Turn::Absent(filled) => {
                self.end(OrderState::Cancelled, filled)
            }
            Turn::Expired(filled) => self.end(OrderState::Expired, filled),
            Turn::Rejected => self.end(OrderState::Rejected, 0),
            _ if self.state.is_final() => Note::Stale,
            Turn::Sent => self.advance(OrderState::Sent),
            Turn::Acked => self.advance(OrderState::Acked),
            Turn::Working => self.advance(OrderState::Working),
            Turn::NoAnswer => self.advance(OrderState::Unknown),
            Turn::CancelSent => {
                self.is_cancel_sent = true;
                Note::Fine
            }
            Turn::CancelRejected => {
                self.is_cancel_sent = false;
                Note::Fine
            }
        }
    }

    /// Moves on, never back. Evidence from the venue leads out of `Unknown`; that we have sent
    /// something is none.
    fn advance(&mut self, to: OrderState) -> Note {
        let is_evidence = matches!(to, OrderState::Acked | OrderState::Working);
        let resolves = self.state == OrderState::Unknown && is_evidence;
        if to <= self.state && !resolves {
            return Note::Stale;
        }
        self.state = if resolves && self.filled > 0 {
            OrderState::PartFilled
        } else {
            to
        };
        Note::Fine
    }

    fn fill(&mut self, quantity: u32) -> Note {
        self.filled = self.filled.saturating_add(quantity);
        if self.state.is_final() {
            let announced = quantity <= self.owed;
            self.owed = self.owed.saturating_sub(quantity);
            return if announced {
                Note::Late
            } else {
                Note::Overfill
            };
        }
        if self.filled < self.quantity {
            self.state = OrderState::PartFilled;
            return Note::Fine;
        }
        self.state = OrderState::Filled;
        if self.filled > self.quantity {
            Note::Overfill
        } else {
            Note::Fine
        }
    }

    fn end(&mut self, state: OrderState, filled: u32) -> Note {
        if self.state.is_final() {
            return Note::Stale;
        }
        self.state = state;
        self.owed = filled.min(self.quantity).saturating_sub(self.filled);
        if filled < self.filled || filled > self.quantity {
            Note::Disagrees
        } else {
            Note::Fine
        }
    }
}

#[cfg(test)]
mod tests;
