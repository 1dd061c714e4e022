//! What the desk says: windows, signals, and decisions between them; and where it waits.

use alloc::boxed::Box;

use undertow_core::types::{BookKey, InstrumentId, Nanos, Price};

use super::laid_out;
use crate::ifd::baseline::Reading;
use crate::ifd::components::Components;
use crate::ifd::confidence::Action;
use crate::ifd::conflict::{Decision, Method};
use crate::ifd::pressure::{Dominance, Tally};
use crate::ifd::spike::{Bracket, Spike};
use crate::ifd::structure::{MultiStrike, Together};
use crate::ifd::{Direction, Level};
use crate::options::Right;

/// Which option something is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contract {
    /// Its instrument and publisher.
    pub key: BookKey,
    /// The strike.
    pub strike: Price,
    /// When it expires.
    pub expiry: Nanos,
    /// Call or put.
    pub right: Right,
    /// What it is on; none where that is not known.
    pub underlying: Option<BookKey>,
}

/// A closed window that traded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Window {
    /// The option.
    pub contract: Contract,
    /// Its first instant.
    pub start: Nanos,
    /// Its width, minutes.
    pub minutes: u64,
    /// What traded.
    pub tally: Tally,
    /// The underlying when the window was closed.
    pub spot: Option<Price>,
}

/// Which detector speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Version {
    /// A day's volume against open interest.
    V1,
    /// One-sided pressure.
    V3,
    /// Both, of one contract in one direction; the evidence is of the later one.
    Both,
}

/// A pressure signal's reasons.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pressure {
    /// Start of its window.
    pub start: Nanos,
    /// Contracts traded in it.
    pub volume: u64,
    /// The side.
    pub dominance: Dominance,
    /// The ratio in that direction, at most 10.
    pub pressure: f64,
    /// The components.
    pub components: Components,
    /// Against the days before.
    pub reading: Reading,
    /// Probability of market making, in [0, 1].
    pub making: f64,
    /// Confidence that implied volatility has crushed, in [0, 0.9]; a part of `making`.
    pub crush: f64,
    /// The quality multiplier, in [0.5, 1.5].
    pub multiplier: f64,
    /// How call and put of the strike traded together, if they did.
    pub together: Option<Together>,
    /// What its window made with those of other strikes, if anything.
    pub structure: Option<MultiStrike>,
}

/// Why a signal is one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Evidence {
    /// Version 1.
    Spike {
        /// The spike.
        spike: Spike,
        /// Contracts traded this session.
        volume: u64,
        /// Yesterday's open interest.
        open_interest: u64,
        /// Target and stop; none in the money or without a price of the underlying.
        bracket: Option<Bracket>,
    },
    /// Version 3.
    Pressure(Pressure),
}

/// Institutional flow, found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Signal {
    /// The option it was found in.
    pub contract: Contract,
    /// When: the trade's time, or the window's end and grace.
    pub ts: Nanos,
    /// Who found it.
    pub version: Version,
    /// Where the underlying is expected to go.
    pub direction: Direction,
    /// How strong it is.
    pub level: Level,
    /// What to do about it.
    pub action: Action,
    /// In [0, 1].
    pub confidence: f64,
    /// How versions 1 and 3 stood to each other; none if it is not actionable and took no part.
    pub method: Option<Method>,
    /// Whether the decision went against it.
    pub is_rejected: bool,
    /// Why.
    pub evidence: Evidence,
}

/// A decision between versions 1 and 3 on one underlying.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Resolution {
    /// When.
    pub ts: Nanos,
    /// What the signals are on; none where that is not known.
    pub underlying: Option<InstrumentId>,
    /// The decision.
    pub decision: Decision,
}

/// One thing that the desk says.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(
    clippy::large_enum_variant,
    reason = "it travels by value; a box would allocate"
)]
pub enum Finding {
    /// A window was closed.
    Window(Window),
    /// Something institutional.
    Signal(Signal),
    /// What was decided where detectors met. Signals that it concerns follow.
    Resolution(Resolution),
}

/// Findings that wait to be taken, in order; a fixed number.
#[derive(Clone, Debug)]
pub(super) struct Pending {
    findings: Box<[Option<Finding>]>,
    head: usize,
    len: usize,
    /// Findings for which there was no room.
    pub(super) lost: u64,
    /// The most that ever waited.
    pub(super) len_max: usize,
}

impl Pending {
    pub(super) fn new(findings_max: usize) -> Self {
        Self {
            findings: laid_out(findings_max, None),
            head: 0,
            len: 0,
            lost: 0,
            len_max: 0,
        }
    }

    pub(super) fn push(&mut self, finding: Finding) {
        if self.len == self.findings.len() {
            self.lost += 1;
            return;
        }
        let place = (self.head + self.len) % self.findings.len();
        self.findings[place] = Some(finding);
        self.len += 1;
        self.len_max = self.len_max.max(self.len);
    }

    #[inline]
    pub(super) fn pop(&mut self) -> Option<Finding> {
        if self.len == 0 {
            return None;
        }
        let finding = self.findings[self.head].take();
        self.head = (self.head + 1) % self.findings.len();
        self.len -= 1;
        if self.len == 0 {
            // Start over, so that a short queue stays within the same few cache lines.
            self.head = 0;
        }
        finding
    }

    pub(super) const fn len(&self) -> usize {
        self.len
    }
}
