//! One position from its signal to its last exit: the entry and its second try, the exits on
//! their way, and what of them came back.

use undertow_core::order::{ClientOrderId, Confidence, ExecReport, Intent, ReportKind, SignalId};
use undertow_core::position::{Exit, ExitPlan, ExitStage, Exits};
use undertow_core::types::{BookKey, Nanos, Price, Side};

/// Exits that may be on their way at once.
const EXITS_MAX: usize = 4;

/// After an exit was refused, or came back, the next is asked for no sooner: 1 s.
const RETRY_NS: u64 = 1_000_000_000;

/// An order of ours and what of it is not yet accounted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Leg {
    id: ClientOrderId,
    left: u32,
}

/// One position.
#[derive(Clone, Copy, Debug)]
pub(super) struct Holding {
    /// The entry as it was first wanted.
    pub(super) intent: Intent,
    /// Which underlying is watched for it.
    pub(super) watch: usize,
    pub(super) exits: Exits,
    entry: Option<Leg>,
    /// Whether the entry was tried a second time already (R8).
    has_retried: bool,
    leaving: [Option<Leg>; EXITS_MAX],
    quiet_until: Nanos,
}

/// What a report means for a holding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum News {
    /// Nothing to do.
    Nothing,
    /// The entry ended with nothing filled and may be tried once more.
    TryAgain,
}

impl Holding {
    pub(super) fn new(intent: Intent, watch: usize, id: ClientOrderId, plan: ExitPlan) -> Self {
        Self {
            intent,
            watch,
            exits: Exits::new(intent.side, plan),
            entry: Some(Leg {
                id,
                left: intent.quantity,
            }),
            has_retried: false,
            leaving: [None; EXITS_MAX],
            quiet_until: Nanos(0),
        }
    }

    /// Whose contract.
    pub(super) const fn key(&self) -> BookKey {
        self.intent.contract
    }

    /// What is held of it, negative for short.
    pub(super) fn held(&self) -> i64 {
        let open = i64::from(self.exits.open());
        match self.intent.side {
            Side::Ask => -open,
            _ => open,
        }
    }

    /// Which signal.
    pub(super) const fn signal_id(&self) -> SignalId {
        self.intent.signal_id
    }

    /// How sure the signal was.
    pub(super) const fn confidence(&self) -> Confidence {
        self.intent.confidence
    }

    /// Whether nothing of it is left to look after.
    pub(super) fn is_over(&self) -> bool {
        let stage = self.exits.stage();
        self.entry.is_none()
            && self.leaving.iter().all(Option::is_none)
            && matches!(stage, ExitStage::Opening | ExitStage::Closed)
    }

    /// Whether an order of it has this id.
    pub(super) fn has(&self, id: ClientOrderId) -> bool {
        let legs = self.entry.iter().chain(self.leaving.iter().flatten());
        legs.into_iter().any(|leg| leg.id == id)
    }

    /// Whether exits may be asked for now.
    pub(super) fn may_exit(&self, now: Nanos) -> bool {
        now >= self.quiet_until && self.leaving.iter().any(Option::is_none)
    }

    /// An exit was sent.
    pub(super) fn sent(&mut self, id: ClientOrderId, quantity: u32) {
        if let Some(place) = self.leaving.iter_mut().find(|place| place.is_none()) {
            *place = Some(Leg { id, left: quantity });
        }
    }

    /// An exit was refused: it is looked after again, after a while.
    pub(super) fn refused(&mut self, exit: &Exit, now: Nanos) {
        self.exits.came_back(exit.quantity);
        self.quiet_until = Nanos(now.0.saturating_add(RETRY_NS));
    }

    /// The entry was sent a second time.
    pub(super) fn entered_again(&mut self, id: ClientOrderId, quantity: u32) {
        self.entry = Some(Leg { id, left: quantity });
        self.has_retried = true;
    }

    /// Takes in what the venue said of one of its orders; `average` is that of the position now.
    pub(super) fn take(&mut self, report: &ExecReport, average: Price, now: Nanos) -> News {
        let executed = match report.kind {
            ReportKind::Executed(execution) => Some(execution.quantity),
            _ => None,
        };
        let ends = matches!(
            report.kind,
            ReportKind::Cancelled { .. }
                | ReportKind::Expired { .. }
                | ReportKind::Rejected(_)
                | ReportKind::Absent { .. }
        );
        if let Some(leg) = self.entry.as_mut().filter(|leg| leg.id == report.id) {
            if let Some(quantity) = executed {
                leg.left = leg.left.saturating_sub(quantity);
                self.exits.entered(quantity, average);
                if leg.left == 0 {
                    self.entry = None;
                }
            } else if ends {
                self.entry = None;
                let is_unfilled = self.exits.stage() == ExitStage::Opening;
                let was_cancelled = matches!(report.kind, ReportKind::Cancelled { .. });
                if is_unfilled && was_cancelled && !self.has_retried {
                    return News::TryAgain;
                }
            }
            return News::Nothing;
        }
        let leaving = self.leaving.iter_mut();
        let place = leaving
            .into_iter()
            .find(|place| place.is_some_and(|leg| leg.id == report.id));
        if let Some(place) = place
            && let Some(leg) = place
        {
            if let Some(quantity) = executed {
                leg.left = leg.left.saturating_sub(quantity);
                self.exits.left(quantity);
                if leg.left == 0 {
                    *place = None;
                }
            } else if ends {
                self.exits.came_back(leg.left);
                *place = None;
                self.quiet_until = Nanos(now.0.saturating_add(RETRY_NS));
            }
        }
        News::Nothing
    }

    /// The side that closes it.
    pub(super) const fn exit_side(&self) -> Side {
        match self.intent.side {
            Side::Bid => Side::Ask,
            Side::Ask => Side::Bid,
            Side::None => Side::None,
        }
    }
}
