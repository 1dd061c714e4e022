//! What goes wrong between the feed and the chain, and what the operator does meanwhile.
//!
//! Times are shifted or wrong, the feed admits that it lost records, and then sends snapshots.
//! Of a feed that was lost the vendor knows what the book knows: what is shown again is that.

use undertow_core::book::{Book, Books};
use undertow_core::event::{FeedNotice, Mbo, Operator, Trust};
use undertow_core::order::{SignalId, StrategyId};
use undertow_core::risk::{Context, Reason};
use undertow_core::types::{Action, Flags, Nanos, OrderId, Price, Side};

use super::chance::{Chance, Concern};
use super::faults::{Fault, FaultCounts, Rates};

const MS: u64 = 1_000_000;
const SECOND: u64 = 1_000 * MS;
const HOUR: u64 = 3_600 * SECOND;

/// The operator disables one of the first so many rule sets; the world has more.
const RULE_SETS: u64 = 3;

/// Of which books snapshots are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Snapshots {
    All,
    Doubted,
}

/// What happens to the stream of inputs.
#[derive(Debug)]
pub(super) struct Input {
    feed: Chance,
    operator: Chance,
    rates: Rates,
    pub(super) counts: FaultCounts,
    /// Everything from here on is so much later.
    shift: u64,
    now: Nanos,
    /// When the slow source speaks next.
    told_at: Nanos,
    /// When the operator resumes.
    resume_at: Option<Nanos>,
    /// The strategy that is enabled again before that.
    disabled: Option<StrategyId>,
}

impl Input {
    pub(super) fn new(rates: Rates, seed: u64) -> Self {
        Self {
            feed: Chance::new(seed, Concern::Feed),
            operator: Chance::new(seed, Concern::Operator),
            rates,
            counts: FaultCounts::default(),
            shift: 0,
            now: Nanos(0),
            told_at: Nanos(1),
            resume_at: None,
            disabled: None,
        }
    }

    /// The record as it arrives.
    pub(super) fn arrive(&mut self, record: &Mbo) -> Mbo {
        let rates = self.rates;
        if self.happens(Fault::Stall, rates.stall) {
            self.shift += self.feed.span(10 * MS, 5 * SECOND);
        }
        let jump = self
            .happens(Fault::ClockJump, rates.clock_jump)
            .then(|| self.feed.span(MS, HOUR));
        let is_forward = self.feed.happens(500_000);
        let mut mbo = *record;
        mbo.ts_event = later(mbo.ts_event, self.shift);
        mbo.ts_recv = later(mbo.ts_recv, self.shift);
        if mbo.ts_event.is_defined() {
            self.now = self.now.max(mbo.ts_event);
        }
        if let Some(jump) = jump {
            mbo.ts_event = if is_forward {
                later(mbo.ts_event, jump)
            } else {
                Nanos(mbo.ts_event.0.saturating_sub(jump))
            };
        }
        mbo
    }

    /// What the feed says of itself, before this record.
    pub(super) fn notice(&mut self) -> Option<FeedNotice> {
        let rates = self.rates;
        if self.happens(Fault::Skipped, rates.skipped) {
            return Some(FeedNotice::Skipped);
        }
        self.happens(Fault::Reconnected, rates.reconnected)
            .then_some(FeedNotice::Reconnected)
    }

    /// What a slow source says of the market's last minute, for a short session has too few: its
    /// size in deviations, now and then beyond what the breaker allows.
    pub(super) fn volatility(&mut self) -> Option<Context> {
        if self.now < self.told_at {
            return None;
        }
        self.told_at = later(self.now, 20 * SECOND);
        let size = if self.rates != Rates::NONE && self.feed.happens(20_000) {
            4_000_000
        } else {
            self.feed.below(2_000_000).cast_signed()
        };
        Some(Context::Volatility(size, self.now))
    }

    /// The operator will look at what halted, and resume.
    pub(super) fn resume_later(&mut self) {
        let after = self.operator.span(SECOND, 30 * SECOND);
        self.resume_at.get_or_insert(later(self.now, after));
    }

    /// What the operator orders before this record; more often while much goes on. `last` is the
    /// signal that was last followed.
    pub(super) fn order(&mut self, is_at_work: bool, last: Option<SignalId>) -> Option<Operator> {
        if let Some(at) = self.resume_at {
            if self.now < at {
                return None;
            }
            if let Some(strategy) = self.disabled.take() {
                self.counts.note(Fault::Enable);
                return Some(Operator::Enable(strategy));
            }
            self.resume_at = None;
            self.counts.note(Fault::Resume);
            return Reason::new("simulated").map(Operator::Resume);
        }
        let ppm = if is_at_work {
            self.rates.operator_at_work
        } else {
            self.rates.operator
        };
        if !self.operator.happens(ppm) {
            return None;
        }
        let after = self.operator.span(SECOND, 30 * SECOND);
        self.resume_at = Some(later(self.now, after));
        let strategy = StrategyId(self.operator.below(RULE_SETS) as u8);
        let (fault, order) = self.operator.pick(&[
            (Fault::Halt, Operator::Halt),
            (Fault::Kill, Operator::Kill),
            (Fault::Flatten, Operator::Flatten),
            (Fault::CancelAll, Operator::CancelAll),
            (Fault::Close, Operator::Close(last.unwrap_or(SignalId(0)))),
            (Fault::Disable, Operator::Disable(strategy)),
        ]);
        if let Operator::Disable(strategy) = order {
            self.disabled = Some(strategy);
        }
        self.counts.note(fault);
        Some(order)
    }

    fn happens(&mut self, fault: Fault, ppm: u32) -> bool {
        let happens = self.feed.happens(ppm);
        if happens {
            self.counts.note(fault);
        }
        happens
    }

    /// Snapshots of every book, or of those that are in doubt, as the vendor would send them.
    pub(super) fn snapshots(&self, books: &Books<'_>, of: Snapshots) -> Vec<Mbo> {
        let mut records = Vec::new();
        for book in books.iter() {
            if of == Snapshots::All || book.trust() == Trust::MaybeBad {
                snapshot(&book, self.now, &mut records);
            }
        }
        records
    }
}

fn snapshot(book: &Book<'_>, now: Nanos, records: &mut Vec<Mbo>) {
    let from = records.len();
    let blank = Mbo {
        ts_event: now,
        ts_recv: now,
        instrument_id: book.key().instrument_id,
        publisher_id: book.key().publisher_id,
        price: Price::UNDEFINED,
        flags: Flags(Flags::SNAPSHOT.0 | Flags::BAD_TS_RECV.0),
        action: Action::Clear,
        side: Side::None,
        ..Mbo::default()
    };
    records.push(blank);
    for side in [Side::Bid, Side::Ask] {
        for level in book.depth(side) {
            for order in book.queue(side, level.price) {
                if order.order_id == OrderId(0) {
                    continue;
                }
                records.push(Mbo {
                    order_id: order.order_id,
                    price: level.price,
                    size: u32::try_from(order.size).unwrap_or(u32::MAX),
                    action: Action::Add,
                    side,
                    ..blank
                });
            }
        }
    }
    if let Some(last) = records[from..].last_mut() {
        last.flags = Flags(last.flags.0 | Flags::LAST.0);
    }
}

fn later(at: Nanos, by: u64) -> Nanos {
    if at.is_defined() {
        Nanos(at.0.saturating_add(by))
    } else {
        at
    }
}
