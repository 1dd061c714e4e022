//! What really happened: every planted activity and every injected fault, to score measures on.
//!
//! Written as JSON lines, one object a line, `kind` first. Prices are integers in 1e-9, times are
//! nanoseconds of `ts_event`, sides are DBN's letters.

use std::io::{self, Write};

use serde::Serialize;

/// The truth about one generated stream.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Truth {
    /// Planted institutional activity, by start.
    pub planted: Vec<Planted>,
    /// Injected faults, in the order of the stream.
    pub faults: Vec<InjectedFault>,
}

/// One planted activity, as it came out.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Planted {
    /// What it is, with what only this kind has.
    #[serde(flatten)]
    pub activity: Activity,
    /// The instrument; 0 for the whole market.
    pub instrument_id: u32,
    /// Its symbol.
    pub symbol: String,
    /// The institution's side: `B` buys, `A` sells, `N` neither.
    pub side: char,
    /// First record's `ts_event`, ns.
    pub ts_start: u64,
    /// Last record's `ts_event`, ns.
    pub ts_end: u64,
    /// First price, in 1e-9; `i64::MAX` when it has none.
    pub price: i64,
    /// Contracts that the institution traded.
    pub size: u64,
}

/// Kinds of planted activity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Activity {
    /// Aggressors that take whole levels within milliseconds.
    Sweep {
        /// The aggressors' order ids.
        orders: Vec<u64>,
        /// Price levels taken, over all of them.
        levels: u32,
        /// Last price, in 1e-9.
        last_price: i64,
    },
    /// A large order of which a slice is shown at a time.
    Iceberg {
        /// Whether the venue refills it under one id (native) or new orders follow (synthetic).
        native: bool,
        /// Ids of the displayed orders: one when native.
        orders: Vec<u64>,
        /// Displayed size of a slice.
        slice: u32,
        /// Size of the whole order.
        total: u32,
        /// Slices shown after the first.
        refills: u32,
    },
    /// One large trade at one price.
    Block {
        /// The aggressor's order id.
        order: u64,
    },
    /// Aggressors on one side of one instrument for minutes.
    Pressure {
        /// The aggressors' order ids.
        orders: Vec<u64>,
    },
    /// A stretch in which little happens and nothing is planted.
    Calm {
        /// The background's rate in it, in thousandths of what it would be.
        rate_permille: u32,
    },
}

/// One injected fault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct InjectedFault {
    /// What was done.
    pub fault: FaultKind,
    /// The instrument; 0 for the stream.
    pub instrument_id: u32,
    /// Number of the record in the stream, from 0, where it shows.
    pub record: u64,
    /// Offset of that record in the stream, in bytes.
    pub offset: u64,
    /// The order concerned, 0 if none.
    pub order_id: u64,
    /// Records concerned: how many were dropped, how far one was moved, bytes cut off.
    pub count: u32,
}

/// Kinds of injected faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// A record twice.
    Duplicate,
    /// Records missing; the next of the instrument carries MAYBE_BAD_BOOK.
    Gap,
    /// A record later than its place.
    Reorder,
    /// An action byte that the format does not know.
    UnknownAction,
    /// A side byte that the format does not know.
    UnknownSide,
    /// LAST taken off the end of an event.
    MissingLast,
    /// `ts_event` and `ts_recv` earlier than those before.
    BackwardsTime,
    /// An Add without a price.
    UndefinedPrice,
    /// An additional Cancel of an order that never was.
    UnknownCancel,
    /// A Cancel of more than rests.
    OversizeCancel,
    /// An additional Clear.
    Clear,
    /// A record longer than its type.
    BadLength,
    /// The stream ends within a record.
    TruncatedTail,
}

impl FaultKind {
    /// Every kind.
    pub const ALL: [Self; 13] = [
        Self::Duplicate,
        Self::Gap,
        Self::Reorder,
        Self::UnknownAction,
        Self::UnknownSide,
        Self::MissingLast,
        Self::BackwardsTime,
        Self::UndefinedPrice,
        Self::UnknownCancel,
        Self::OversizeCancel,
        Self::Clear,
        Self::BadLength,
        Self::TruncatedTail,
    ];

    /// Its name in the truth, and wherever a user names it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Duplicate => "duplicate",
            Self::Gap => "gap",
            Self::Reorder => "reorder",
            Self::UnknownAction => "unknown_action",
            Self::UnknownSide => "unknown_side",
            Self::MissingLast => "missing_last",
            Self::BackwardsTime => "backwards_time",
            Self::UndefinedPrice => "undefined_price",
            Self::UnknownCancel => "unknown_cancel",
            Self::OversizeCancel => "oversize_cancel",
            Self::Clear => "clear",
            Self::BadLength => "bad_length",
            Self::TruncatedTail => "truncated_tail",
        }
    }
}

impl Truth {
    /// Writes one JSON object a line: planted activity first, then faults.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write_json_lines(&self, out: &mut impl Write) -> io::Result<()> {
        for planted in &self.planted {
            serde_json::to_writer(&mut *out, planted)?;
            out.write_all(b"\n")?;
        }
        for fault in &self.faults {
            let line = FaultLine {
                kind: "fault",
                fault,
            };
            serde_json::to_writer(&mut *out, &line)?;
            out.write_all(b"\n")?;
        }
        out.flush()
    }
}

#[derive(Serialize)]
struct FaultLine<'a> {
    kind: &'static str,
    #[serde(flatten)]
    fault: &'a InjectedFault,
}
