//! The halt, and what is kept across restarts.
//!
//! A halt holds until an operator resumes with a reason, also after a restart. [`Kept`] is plain
//! data: the caller writes it when it changes and hands it back at the next start.

use crate::money::Money;
use crate::risk::breakers::{Breaker, BreakerKind};
use crate::types::{Nanos, Text};

/// How far the gate to the venue is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[repr(u8)]
pub enum Gate {
    /// Everything that passes the checks.
    #[default]
    Open,
    /// Only what reduces a position, and cancels.
    ReduceOnly,
    /// Only cancels.
    Shut,
}

impl Gate {
    /// The word shown to users.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::ReduceOnly => "reduce only",
            Self::Shut => "shut",
        }
    }
}

/// Who or what halted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[repr(u8)]
pub enum HaltCause {
    /// Nothing did.
    #[default]
    None,
    /// The operator.
    Operator,
    /// A strategy ran away (check 19).
    RunAway,
    /// The journal cannot keep up or failed.
    Journal,
    /// The line to the venue is down.
    Venue,
    /// A tile or a module died.
    Process,
}

/// Why an operator did something: never empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reason(Text<64>);

impl Reason {
    /// From text; `None` if there is nothing but space in it.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let text = Text::from_bytes(text.trim().as_bytes());
        (!text.as_str().is_empty()).then_some(Self(text))
    }

    /// The text, up to 64 bytes.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

/// The halt as it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Halt {
    /// How far the gate is open.
    pub gate: Gate,
    /// What shut it.
    pub cause: HaltCause,
    /// When.
    pub at: Nanos,
    /// Why it was last opened again.
    pub resumed: Option<Reason>,
}

impl Halt {
    /// Shuts the gate as far as asked; never opens it. Returns whether that changed anything.
    pub(super) fn shut(&mut self, gate: Gate, cause: HaltCause, now: Nanos) -> bool {
        if gate <= self.gate {
            return false;
        }
        self.gate = gate;
        self.cause = cause;
        self.at = now;
        true
    }

    pub(super) fn resume(&mut self, reason: Reason) {
        *self = Self {
            resumed: Some(reason),
            ..Self::default()
        };
    }
}

/// What survives a restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The halt.
    pub halt: Halt,
    /// The breakers, in the order of [`BreakerKind::ALL`].
    pub breakers: [Breaker; BreakerKind::COUNT],
    /// The trading day, as the caller counts days.
    pub day: u32,
    /// When it began here; 0 on the first day.
    pub day_since: Nanos,
    /// Equity when the day began.
    pub day_equity: Money,
    /// The highest equity ever, corrected for deposits and withdrawals.
    pub high_water: Money,
    /// Earned today before this start.
    pub day_earned: Money,
    /// Fees paid today before this start.
    pub day_fees: Money,
    /// Losing days in a row.
    pub losing_days: u32,
    /// Losing trades in a row.
    pub losing_trades: u32,
    /// Positions opened today.
    pub opened_today: u32,
    /// Positions opened in the whole run.
    pub opened_in_run: u32,
    /// The least order id that was never used.
    pub next_id: u64,
}

impl Kept {
    /// The first start ever, with an account's equity.
    #[must_use]
    pub fn first(day: u32, equity: Money) -> Self {
        Self {
            halt: Halt::default(),
            breakers: [Breaker::default(); BreakerKind::COUNT],
            day,
            day_since: Nanos(0),
            day_equity: equity,
            high_water: equity,
            day_earned: Money::ZERO,
            day_fees: Money::ZERO,
            losing_days: 0,
            losing_trades: 0,
            opened_today: 0,
            opened_in_run: 0,
            next_id: 1,
        }
    }
    /// Between two runs: the operator takes on what tripped a breaker, as [`Risk::clear`] does
    /// while one goes on. After a drawdown the highest equity is from here on the last one.
    ///
    /// [`Risk::clear`]: crate::risk::Risk::clear
    pub fn clear(&mut self, kind: BreakerKind) {
        match kind {
            BreakerKind::Drawdown => self.high_water = self.day_equity + self.day_earned,
            BreakerKind::LosingDays => self.losing_days = 0,
            BreakerKind::LosingTrades => self.losing_trades = 0,
            BreakerKind::DailyLoss | BreakerKind::Volatility | BreakerKind::SystemErrors => {}
        }
        self.breakers[kind as usize].clear();
    }
}
