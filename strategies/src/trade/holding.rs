//! One position from its signal to its last exit: the entry and its second try, the exits on
//! their way, and what of them came back.

use undertow_core::order::{ClientOrderId, Confidence, ExecReport, Intent, ReportKind, SignalId};
use undertow_core::position::{Exit, ExitCause, ExitPlan, ExitStage, Exits, Roll};
use undertow_core::types::{BookKey, Nanos, Price, Side};

/// Exits that may be on their way at once.
const EXITS_MAX: usize = 4;

/// How far an exit may go beyond the opposite quote, in ticks.
const EXIT_TICKS: i32 = 2;

/// The same of each try of an exit that was ordered (R12).
const ORDERED_TICKS: [i32; 3] = [2, 5, 10];

/// After an exit was refused, or came back, the next is asked for no sooner: 1 s.
const RETRY_NS: u64 = 1_000_000_000;

/// An order of ours and what of it is not yet accounted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Leg {
    id: ClientOrderId,
    quantity: u32,
    left: u32,
}

impl Leg {
    const fn new(id: ClientOrderId, quantity: u32) -> Self {
        Self {
            id,
            quantity,
            left: quantity,
        }
    }

    /// What is still to be told of it when it has ended with so much filled by the venue's count.
    fn owed(&self, filled: u32) -> u32 {
        let told = self.quantity - self.left;
        filled.saturating_sub(told).min(self.left)
    }
}

/// What a report changed about what is held of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Change {
    /// So much more is held, or less if negative.
    pub(super) held: i64,
    /// The position's average price now.
    pub(super) average: Price,
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
    /// Rounds of leaving that are left because it was ordered to; none if it never was.
    ordered: Option<u8>,
    /// What it becomes when it has left; none if it just ends.
    pub(super) roll: Option<Roll>,
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
            entry: Some(Leg::new(id, intent.quantity)),
            has_retried: false,
            leaving: [None; EXITS_MAX],
            quiet_until: Nanos(0),
            ordered: None,
            roll: None,
        }
    }

    /// What is held of a contract and nobody looks after: an execution was busted, or told when
    /// its order was long over. It is closed as soon as it can be.
    pub(super) fn stray(intent: Intent, watch: usize, average: Price) -> Self {
        let plan = ExitPlan {
            close_by: Nanos(0),
            ..ExitPlan::OTHER
        };
        Self::entered(intent, watch, average, plan)
    }

    /// What an earlier run has entered, at the price of its intent.
    pub(super) fn carried(intent: Intent, watch: usize, plan: ExitPlan) -> Self {
        Self::entered(intent, watch, intent.price, plan)
    }

    fn entered(intent: Intent, watch: usize, average: Price, plan: ExitPlan) -> Self {
        let mut exits = Exits::new(intent.side, plan);
        exits.entered(intent.quantity, average);
        Self {
            intent,
            watch,
            exits,
            entry: None,
            has_retried: true,
            leaving: [None; EXITS_MAX],
            quiet_until: Nanos(0),
            ordered: None,
            roll: None,
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

    /// Whether nothing of it is left to look after, and nothing follows it.
    pub(super) fn is_over(&self) -> bool {
        self.roll.is_none() && self.has_left()
    }

    /// Whether nothing of it is held or on its way.
    pub(super) fn has_left(&self) -> bool {
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

    /// It is ordered to leave: its entry is not tried again, and nothing follows it.
    pub(super) fn order_out(&mut self) {
        self.has_retried = true;
        self.roll = None;
        self.ordered = Some(ORDERED_TICKS.len() as u8);
    }

    /// Its entry is not tried a second time.
    pub(super) const fn enter_no_more(&mut self) {
        self.has_retried = true;
    }

    /// Whether it still has to leave because it was ordered to.
    pub(super) fn is_ordered_out(&self) -> bool {
        self.ordered.is_some_and(|left| left > 0)
    }

    /// Whether another may follow it: nothing follows what was ordered to leave, also when all
    /// rounds of that came to nothing.
    pub(super) const fn may_roll(&self) -> bool {
        self.ordered.is_none()
    }

    /// How far this exit may go beyond the opposite quote, in ticks. One that was ordered goes
    /// farther each time; after the last time the position is looked after as before.
    pub(super) fn reach_of(&mut self, cause: ExitCause) -> i32 {
        let Some(left) = self.ordered.filter(|_| cause == ExitCause::Ordered) else {
            return EXIT_TICKS;
        };
        self.ordered = Some(left.saturating_sub(1));
        let round = ORDERED_TICKS.len().saturating_sub(usize::from(left));
        ORDERED_TICKS.get(round).copied().unwrap_or(EXIT_TICKS)
    }

    /// The entry that may still fill.
    pub(super) fn entry_id(&self) -> Option<ClientOrderId> {
        self.entry.map(|leg| leg.id)
    }

    /// An exit was sent.
    pub(super) fn sent(&mut self, id: ClientOrderId, quantity: u32) {
        if let Some(place) = self.leaving.iter_mut().find(|place| place.is_none()) {
            *place = Some(Leg::new(id, quantity));
        }
    }

    /// An exit was refused: it is looked after again, after a while.
    pub(super) fn refused(&mut self, exit: &Exit, now: Nanos) {
        self.exits.came_back(exit.quantity);
        self.quiet_until = Nanos(now.0.saturating_add(RETRY_NS));
    }

    /// The entry was sent a second time.
    pub(super) fn entered_again(&mut self, id: ClientOrderId, quantity: u32) {
        self.entry = Some(Leg::new(id, quantity));
        self.has_retried = true;
    }

    /// Takes in what the venue said of one of its orders, and by how much that changed what is
    /// held: not at all if it was told before, back if an execution was busted.
    pub(super) fn take(&mut self, report: &ExecReport, change: Change, now: Nanos) -> News {
        let end = filled_at_end(&report.kind);
        let (gained, lost) = match self.intent.side {
            Side::Ask => (-change.held, change.held),
            _ => (change.held, -change.held),
        };
        let size = |change: i64| u32::try_from(change).unwrap_or(0);
        if let Some(leg) = self.entry.as_mut().filter(|leg| leg.id == report.id) {
            leg.left = leg.left.saturating_sub(size(gained));
            let owed = end.map_or(leg.left, |filled| leg.owed(filled));
            leg.left = owed;
            if owed == 0 {
                self.entry = None;
            }
            if gained > 0 {
                self.exits.entered(size(gained), change.average);
            } else {
                self.lose(size(lost));
            }
            let is_unfilled = self.exits.stage() == ExitStage::Opening;
            let was_cancelled = report.kind == ReportKind::Cancelled { filled: 0 };
            return if is_unfilled && was_cancelled && owed == 0 && !self.has_retried {
                News::TryAgain
            } else {
                News::Nothing
            };
        }
        let mut leaving = self.leaving.iter_mut();
        let place = leaving.find(|place| place.is_some_and(|leg| leg.id == report.id));
        if let Some(place) = place
            && let Some(leg) = place
        {
            leg.left = leg.left.saturating_sub(size(lost));
            self.exits.left(size(lost));
            self.exits.unleft(size(gained));
            if let Some(filled) = end {
                let owed = leg.owed(filled);
                self.exits.came_back(leg.left - owed);
                leg.left = owed;
                self.quiet_until = Nanos(now.0.saturating_add(RETRY_NS));
            }
            if leg.left == 0 {
                *place = None;
            }
        }
        News::Nothing
    }

    /// So much of it is gone without an exit. Returns how much of that it had.
    pub(super) fn lose(&mut self, quantity: u32) -> u32 {
        let lost = quantity.min(self.exits.open());
        self.exits.unentered(lost);
        lost
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

/// What was filled in all by the venue's count, of an order that has ended.
const fn filled_at_end(kind: &ReportKind) -> Option<u32> {
    match *kind {
        ReportKind::Cancelled { filled }
        | ReportKind::Expired { filled }
        | ReportKind::Absent { filled } => Some(filled),
        ReportKind::Rejected(_) => Some(0),
        _ => None,
    }
}
