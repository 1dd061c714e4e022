//! One instrument's flow over time, told as table, JSON and one HTML page.
//!
//! What the measures mean is decided in `undertow_strategies::flow` and `::ifd`. Here they are
//! sampled at boundaries of event time ([`gather`], [`watch`]) into rows and events, which are
//! shown. An interval is half-open, `[start, end)`, and its row stands at its end. What is not
//! known is absent. Nothing here opens a file or reads a clock.

pub mod gather;

pub mod watch;

mod words;

pub mod text;

pub mod json;

pub mod page;

use undertow_core::event::{Definition, InstrumentClass, Touch};
use undertow_core::types::{BookKey, Nanos, Price, Side};
use undertow_strategies::flow::vpin::VpinValue;
use undertow_strategies::ifd::desk::{Contract, Signal, Window};

/// Everything that is shown of an instrument.
#[derive(Clone, Debug)]
pub struct FlowReport {
    /// Its symbol.
    pub name: String,
    /// Its id and whose feed it is of.
    pub key: BookKey,
    /// Its terms, where the feed has them.
    pub terms: Option<Definition>,
    /// How far its book is to be believed at the end.
    pub trust: &'static str,
    /// Length of an interval.
    pub every: Nanos,
    /// What was looked at: from the first instant on, up to the last one.
    pub span: Option<[Nanos; 2]>,
    /// One for every interval in which the instrument did anything, in order of time.
    pub rows: Vec<FlowRow>,
    /// Intervals within the span in which it did nothing.
    pub quiet: u64,
    /// Sums over the rows.
    pub totals: Totals,
    /// Found in the instrument, in order of time.
    pub events: Vec<FlowEvent>,
    /// Institutional flow in it, or in options on it.
    pub signals: Vec<Named<Signal>>,
    /// Its pressure windows, if it is an option; else those of the options on it that were
    /// one-sided and large enough for a signal, of the width that signals come of.
    pub windows: Vec<Named<Window>>,
    /// Size traded by price within the span: bought, sold, of unknown side.
    pub profile: Vec<(Price, [u64; 3])>,
}

/// A measure of an option, with its name.
#[derive(Clone, Debug, PartialEq)]
pub struct Named<T> {
    /// The option's symbol.
    pub name: String,
    /// What is said of it.
    pub of: T,
}

/// Sums over the span.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Totals {
    /// Trades.
    pub trades: u64,
    /// Size bought by aggressors.
    pub bought: u64,
    /// Size sold by aggressors.
    pub sold: u64,
    /// Size of which nobody can say who began it.
    pub unsided: u64,
}

impl Totals {
    /// Size traded.
    #[must_use]
    pub const fn volume(&self) -> u64 {
        self.bought + self.sold + self.unsided
    }
}

/// What the measures said at the end of an interval, and what happened in it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FlowRow {
    /// When the interval began.
    pub start: Nanos,
    /// When it ended; for the last one, where the input ended within it, that moment.
    pub end: Nanos,
    /// Traded in it.
    pub traded: Totals,
    /// Highest trade price in it.
    pub high: Option<Price>,
    /// Lowest trade price in it.
    pub low: Option<Price>,
    /// Order flow imbalance, summed over it.
    pub ofi: Option<i64>,
    /// The session's last trade price.
    pub last: Option<Price>,
    /// The touch.
    pub touch: Touch,
    /// The session's volume-weighted average price.
    pub vwap: Option<Price>,
    /// The session's cumulative volume delta.
    pub cvd: i64,
    /// Imbalance at the touch, in [−1, 1].
    pub obi_l1: Option<f64>,
    /// Imbalance over five weighted levels, in [−1, 1]; none where only the touch is known.
    pub obi_l5: Option<f64>,
    /// VPIN by aggressor, in [0, 1].
    pub vpin: Option<VpinValue>,
    /// Toxicity blend, in [0, 1].
    pub toxicity: Option<f64>,
    /// Score of hidden orders, in [0, 1].
    pub hidden: Option<f64>,
}

/// Something found in the instrument's trades and orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlowEvent {
    /// When it was found.
    pub ts: Nanos,
    /// When it was last seen.
    pub until: Nanos,
    /// What it is.
    pub kind: Kind,
    /// Whose initiative: the aggressor's side, or the side on which a hidden order rests.
    pub side: Side,
    /// First price of it.
    pub price: Price,
    /// Last price of it.
    pub last_price: Price,
    /// Size: what a sweep, a block or takes have traded, the whole slices that were filled, or what was filled
    /// without having been displayed.
    pub size: u64,
}

/// Kinds of [`FlowEvent`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One side ran through several prices within a second.
    Sweep {
        /// Prices.
        levels: u32,
    },
    /// A large trade.
    Block,
    /// One side took the whole touch more often than its due, for minutes.
    Pressure {
        /// Its takes in the last minutes, and the other side's.
        takes: [u32; 2],
    },
    /// An order that the venue refills under one id.
    Iceberg {
        /// Refills seen.
        refills: u32,
    },
    /// A chain of equal orders, each right after the last was filled.
    Slices {
        /// Orders after the first.
        refills: u32,
    },
    /// Fills beyond what was displayed, by no order that stays.
    Hidden,
}

impl Kind {
    /// The word shown to users.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sweep { .. } => "sweep",
            Self::Block => "block",
            Self::Pressure { .. } => "pressure",
            Self::Iceberg { .. } => "iceberg",
            Self::Slices { .. } => "slices",
            Self::Hidden => "hidden",
        }
    }
}

impl FlowReport {
    /// Whether the instrument is an option.
    #[must_use]
    pub fn is_option(&self) -> bool {
        let class = self.terms.map(|terms| terms.class);
        matches!(class, Some(InstrumentClass::Call | InstrumentClass::Put))
    }

    /// Whether the flow stage has its measures, which are those of outrights.
    #[must_use]
    pub fn is_measured(&self) -> bool {
        let says = |row: &FlowRow| row.hidden.is_some() || row.vpin.is_some();
        self.rows.iter().any(says)
    }

    /// The smallest step of its price, if it has one.
    #[must_use]
    pub fn tick(&self) -> Option<Price> {
        let tick = self.terms.map(|terms| terms.tick);
        tick.filter(|tick| tick.is_defined() && tick.0 > 0)
    }

    /// How many of the events are of a kind.
    #[must_use]
    pub fn count(&self, is_it: impl Fn(Kind) -> bool) -> usize {
        let kinds = self.events.iter().map(|event| event.kind);
        kinds.filter(|kind| is_it(*kind)).count()
    }
}

/// Whether something said of an option concerns the instrument: it is the option, or on it.
fn concerns(contract: &Contract, key: BookKey) -> bool {
    contract.key == key || contract.underlying == Some(key)
}
