//! What is wanted, what the venue says, and how an order lives.
//!
//! An [`Intent`] is a wish of a strategy. Only risk turns it into an order
//! (`risk::Order`). The venue answers with [`ExecReport`]s; [`Life`] is the state of one
//! order under them, whatever their order. [`Entry`] chooses price and type of an entry (R8).
//!
//! Quantities are contracts or shares and unsigned; the side says which way.

mod entry;
mod life;

pub use entry::{Entry, MayTake};
pub use life::{Life, Note, OrderState, Turn};

use core::fmt;

use crate::money::Money;
use crate::types::{BookKey, Nanos, Price, Side};

/// Our own id of an order: fixed before the first send, counted up, never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[repr(transparent)]
pub struct ClientOrderId(pub u64);

/// The venue's id of our order; 0 until it has told one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[repr(transparent)]
pub struct VenueOrderId(pub u64);

/// The signal that caused an intent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[repr(transparent)]
pub struct SignalId(pub u64);

/// A strategy, counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[repr(transparent)]
pub struct StrategyId(pub u8);

/// How sure a signal is, in 1e-4: 0 to 10 000. One scale, made from points or from a fraction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[repr(transparent)]
pub struct Confidence(u16);

impl Confidence {
    /// Certainty.
    pub const MAX: Self = Self(10_000);

    /// From whole points, 0 to 100; `None` beyond.
    #[must_use]
    pub const fn from_points(points: u8) -> Option<Self> {
        if points <= 100 {
            Some(Self(points as u16 * 100))
        } else {
            None
        }
    }

    /// From units of 1e-4, 0 to 10 000; `None` beyond.
    #[must_use]
    pub const fn from_units(units: u16) -> Option<Self> {
        if units <= Self::MAX.0 {
            Some(Self(units))
        } else {
            None
        }
    }

    /// In units of 1e-4.
    #[must_use]
    pub const fn units(self) -> u16 {
        self.0
    }
}

/// Best bid and offer as somebody saw them; a missing side is undefined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quote {
    /// Best bid.
    pub bid: Price,
    /// Best offer.
    pub ask: Price,
}

impl Quote {
    /// Nobody saw anything.
    pub const NONE: Self = Self {
        bid: Price::UNDEFINED,
        ask: Price::UNDEFINED,
    };

    /// Whether both sides are there and the bid is below the offer.
    #[must_use]
    pub const fn is_sound(&self) -> bool {
        // None is larger than what is undefined, so a bid below the offer is defined too.
        self.ask.is_defined() && self.bid.0 < self.ask.0
    }

    /// Half way, rounded down to 1e-9; undefined unless sound.
    #[must_use]
    pub const fn mid(&self) -> Price {
        if self.is_sound() {
            Price(self.bid.0.midpoint(self.ask.0))
        } else {
            Price::UNDEFINED
        }
    }
}

/// Whether an order adds risk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Purpose {
    /// Opens or adds to a position.
    Open,
    /// Opens a position that is meant to oppose another of the same underlying.
    Hedge,
    /// May only make a position smaller. Passes the limits that guard entries.
    Reduce,
}

impl Purpose {
    /// Whether it adds risk.
    #[must_use]
    pub const fn opens(self) -> bool {
        !matches!(self, Self::Reduce)
    }
}

/// How an order meets the book.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Style {
    /// Rests at its price.
    Limit,
    /// A limit beyond the touch: takes what is there, at no worse than its price.
    Marketable,
}

/// Time in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Tif {
    /// Until the session ends.
    Day,
    /// Fill what is there now, cancel the rest.
    Ioc,
}

/// What a strategy wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Intent {
    /// Which contract.
    pub contract: BookKey,
    /// Buy (bid) or sell (ask).
    pub side: Side,
    /// Contracts or shares.
    pub quantity: u32,
    /// The worst price that is accepted.
    pub price: Price,
    /// How it meets the book.
    pub style: Style,
    /// How long it lives at the venue.
    pub tif: Tif,
    /// Whether it adds risk.
    pub purpose: Purpose,
    /// How sure the signal is.
    pub confidence: Confidence,
    /// Which signal. One signal has at most one live order that opens.
    pub signal_id: SignalId,
    /// Whose.
    pub strategy: StrategyId,
    /// When the signal arose, in event time.
    pub ts_event: Nanos,
    /// The quote that it was decided on.
    pub reference: Quote,
    /// Where the position will be stopped; undefined if it will not be.
    pub stop: Price,
    /// What the data behind this signal cost.
    pub data_cost: Money,
    /// After so long unfilled it is cancelled: ns, 0 for never.
    pub good_for_ns: u64,
}

/// A venue's id of an execution: equal bases are one execution, told again or corrected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ExecutionId {
    /// The id without its correction suffix.
    pub base: u64,
    /// The correction's number, 0 for the original.
    pub revision: u16,
}

/// One execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Execution {
    /// Its id.
    pub id: ExecutionId,
    /// Bought (bid) or sold (ask).
    pub side: Side,
    /// Contracts or shares; 0 in a correction that busts it.
    pub quantity: u32,
    /// At which price.
    pub price: Price,
    /// Commission and fees, a cost being positive; absent until the venue has told them.
    pub fee: Option<Money>,
}

/// What a venue says about one order, or about a contract's position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExecReport {
    /// Our order; 0 for one that is not ours.
    pub id: ClientOrderId,
    /// The contract.
    pub contract: BookKey,
    /// The venue's time, or that of the gateway which made the report.
    pub ts_event: Nanos,
    /// What it says.
    pub kind: ReportKind,
}

/// Kinds of report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportKind {
    /// The bytes have left.
    Sent,
    /// The venue has it.
    Acked(VenueOrderId),
    /// It rests in the book.
    Working,
    /// It was executed, in part or in full; also a correction.
    Executed(Execution),
    /// The fee of an execution told before.
    Fee(ExecutionId, Money),
    /// It is gone after so much was filled, by the venue's count.
    Cancelled {
        /// Contracts or shares filled in all.
        filled: u32,
    },
    /// It ran out after so much was filled.
    Expired {
        /// Contracts or shares filled in all.
        filled: u32,
    },
    /// The venue refused it, for the venue's reason.
    Rejected(u16),
    /// The venue refused to cancel it.
    CancelRejected,
    /// No answer came, or the line is down: nothing is known.
    NoAnswer,
    /// Asked over a healthy line, the venue does not know it (any more).
    Absent {
        /// Contracts or shares filled in all.
        filled: u32,
    },
}

impl fmt::Display for Confidence {
    /// In points with two decimals.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:02}", self.0 / 100, self.0 % 100)
    }
}

const _: () = assert!(size_of::<Intent>() <= 128, "two cache lines");
const _: () = assert!(size_of::<ExecReport>() <= 96);
