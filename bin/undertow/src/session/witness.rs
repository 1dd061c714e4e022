//! What the chain and the cold side tell one another while a session trades: claims asked of the
//! shared store, how much of what was said is in the journal, and that the journal has failed.
//!
//! In a recorded session at full speed the chain waits for each answer, so that the same input
//! gives the same bytes. Paced as live it never waits: the answer comes in at the ingress as
//! control, in the one order of inputs. No queue here allocates after it was made.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crossbeam::queue::ArrayQueue;
use crossbeam::utils::Backoff;
use undertow_cold::claims::SharedClaims;
use undertow_core::event::{ClaimAnswer, Claimed, Control, Mbo, Notice, Operator, Stamp};
use undertow_core::risk::{Gate, HaltCause};
use undertow_core::stage::{Sink, Source};
use undertow_core::types::Nanos;
use undertow_strategies::decide::claim::{Claim, ClaimStore, Request};
use undertow_strategies::trade::witness::Witness;

use super::briefing::{Briefing, Overheard};
use crate::ingress::Dated;
use crate::tile::Switchboard;
use crate::watchdog::{Alarm, COLD, Helper};

/// Claims and notices under way at once; every rule set has one claim at most.
const UNDER_WAY_MAX: usize = 1024;

/// Nothing more will be written.
const FAILED: u64 = u64::MAX;

/// The clerk looks for claims so often.
const REST: Duration = Duration::from_micros(50);

/// At full speed the inlet is looked into once in so many messages.
const LOOK_EVERY: u32 = 64;

/// What both sides share.
#[derive(Debug)]
pub(super) struct Exchange {
    asked: ArrayQueue<(Request, Nanos)>,
    answers: ArrayQueue<Claimed>,
    notices: ArrayQueue<Notice>,
    /// What the operator orders. A queue of their own: a notice may push another out, an order not.
    orders: ArrayQueue<Operator>,
    written: AtomicU64,
    /// Nobody waits for anything any more.
    is_over: AtomicBool,
    /// So many parts hung at once that the run was halted.
    is_broken: AtomicBool,
    /// Whether the chain waits for each answer.
    waits: bool,
}

impl Exchange {
    pub(super) fn new(waits: bool) -> Arc<Self> {
        Arc::new(Self {
            asked: ArrayQueue::new(UNDER_WAY_MAX),
            answers: ArrayQueue::new(UNDER_WAY_MAX),
            notices: ArrayQueue::new(UNDER_WAY_MAX),
            orders: ArrayQueue::new(UNDER_WAY_MAX),
            written: AtomicU64::new(0),
            is_over: AtomicBool::new(false),
            is_broken: AtomicBool::new(false),
            waits,
        })
    }

    /// So many of the things said are in the journal. `releases` if an order waits for the last.
    pub(super) fn wrote(&self, said: u64, releases: bool) {
        if self.written.load(Ordering::Relaxed) == FAILED {
            return;
        }
        self.written.store(said, Ordering::Release);
        if releases && !self.waits {
            self.tell(Notice::Written(said));
        }
    }

    /// Nothing more will be written: the gate is shut, and what rests is cancelled.
    pub(super) fn fail(&self) {
        self.written.store(FAILED, Ordering::Release);
        self.tell(Notice::Halt(Gate::Shut, HaltCause::Journal));
    }

    /// The journal cannot keep up: nothing new is opened.
    pub(super) fn fall_behind(&self) {
        self.tell(Notice::Halt(Gate::ReduceOnly, HaltCause::Journal));
    }

    /// What a stall means for a run that trades. A market goes on without us: when the cold side
    /// hangs, nothing new is opened, as when the journal cannot keep up; and when several parts
    /// hang at once every tile is stopped as soon as it can be, for then nothing that we are told
    /// or say can be relied on. At full speed the chain waits for the cold side by design,
    /// and no market goes on: there a stall is said, and the same input still gives the same bytes.
    pub(super) fn heed(&self, board: &Switchboard, alarm: &Alarm) {
        if self.waits {
            return;
        }
        match alarm {
            Alarm::Down { place: COLD, .. } => self.fall_behind(),
            Alarm::Down { .. } | Alarm::Back { .. } => {}
            Alarm::Halt => {
                self.is_broken.store(true, Ordering::Release);
                board.halt();
            }
        }
    }

    /// Whether so many parts hung at once that the run was halted.
    pub(super) fn is_broken(&self) -> bool {
        self.is_broken.load(Ordering::Acquire)
    }

    /// The chain is halted, so nobody may wait.
    pub(super) fn end(&self) {
        self.is_over.store(true, Ordering::Release);
    }

    /// Whether the chain waits for each answer.
    pub(super) const fn waits(&self) -> bool {
        self.waits
    }

    /// What the chain is told next.
    pub(super) fn next_notice(&self) -> Option<Notice> {
        self.notices.pop()
    }

    /// Hands an order of the operator over; false if there are too many already.
    pub(super) fn order(&self, operator: Operator) -> bool {
        self.orders.push(operator).is_ok()
    }

    /// What the chain is told or ordered next.
    pub(super) fn next_word(&self) -> Option<Control> {
        let notice = self.next_notice().map(Control::Notice);
        notice.or_else(|| self.orders.pop().map(Control::Operator))
    }

    /// Whether the chain is to be told or ordered something.
    fn has_word(&self) -> bool {
        !self.notices.is_empty() || !self.orders.is_empty()
    }

    /// While the cold side has this, its death ends every wait for it.
    pub(super) fn attended(self: &Arc<Self>) -> Attended {
        Attended(Arc::clone(self))
    }

    fn tell(&self, notice: Notice) {
        // A full queue means that the chain takes nothing in; the next notice says more.
        let _ = self.notices.force_push(notice);
    }

    /// Waits until there is something, or nobody may wait any more.
    fn wait<T>(&self, mut look: impl FnMut() -> Option<T>) -> Option<T> {
        let backoff = Backoff::new();
        loop {
            if let Some(found) = look() {
                return Some(found);
            }
            if self.is_over.load(Ordering::Acquire) {
                return look();
            }
            backoff.snooze();
        }
    }
}

/// See [`Exchange::attended`].
#[derive(Debug)]
pub(super) struct Attended(Arc<Exchange>);

impl Drop for Attended {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.end();
        }
    }
}

/// The chain's side.
#[derive(Debug)]
pub(super) struct Asker {
    pub(super) exchange: Arc<Exchange>,
    /// Whether there is a shared store.
    pub(super) shares: bool,
    /// Whether orders wait for the journal.
    pub(super) keeps: bool,
}

impl Witness for Asker {
    fn claim(&mut self, request: &Request, now: Nanos) -> Option<ClaimAnswer> {
        if !self.shares {
            return Some(ClaimAnswer::Granted);
        }
        let exchange = &*self.exchange;
        if exchange.asked.push((*request, now)).is_err() {
            return Some(ClaimAnswer::Failed);
        }
        if !exchange.waits {
            return None;
        }
        let is_its = |claimed: &Claimed| claimed.attempt == request.token.attempt;
        let answer = exchange.wait(|| exchange.answers.pop().filter(is_its));
        Some(answer.map_or(ClaimAnswer::Failed, |claimed| claimed.answer))
    }

    fn is_written(&mut self, said: u64) -> Option<bool> {
        if !self.keeps {
            return Some(true);
        }
        let exchange = &*self.exchange;
        let look = || match exchange.written.load(Ordering::Acquire) {
            FAILED => Some(false),
            written => (written >= said).then_some(true),
        };
        if exchange.waits {
            exchange.wait(look).or(Some(false))
        } else {
            look()
        }
    }
}

/// The thread that asks the shared store.
#[derive(Debug)]
pub(super) struct Clerk {
    thread: JoinHandle<()>,
    is_closed: Arc<AtomicBool>,
    /// By which it beats.
    helper: Arc<Helper>,
}

impl Clerk {
    /// Asks the store for every claim until [`Clerk::close`].
    pub(super) fn open(mut store: SharedClaims, exchange: Arc<Exchange>) -> Self {
        let is_closed = Arc::new(AtomicBool::new(false));
        let closed = Arc::clone(&is_closed);
        let helper = Helper::begin("claims", "signals wait for the shared store's answer");
        let pulse = Arc::clone(&helper);
        let thread = std::thread::spawn(move || {
            let mut told = false;
            loop {
                pulse.beat();
                let Some((request, now)) = exchange.asked.pop() else {
                    if closed.load(Ordering::Acquire) {
                        return pulse.end();
                    }
                    std::thread::sleep(REST);
                    continue;
                };
                let answer = answer(&mut store, &request, now, &mut told);
                let claimed = Claimed {
                    attempt: request.token.attempt,
                    answer,
                };
                if exchange.waits {
                    let _ = exchange.answers.force_push(claimed);
                } else {
                    exchange.tell(Notice::Claimed(claimed));
                }
            }
        });
        Self {
            thread,
            is_closed,
            helper,
        }
    }

    /// The thread, as the watchdog knows it.
    pub(super) fn helper(&self) -> Arc<Helper> {
        Arc::clone(&self.helper)
    }

    /// Ends the thread.
    pub(super) fn close(self) {
        self.is_closed.store(true, Ordering::Release);
        // It cannot have panicked without having said so.
        let _ = self.thread.join();
    }
}

/// The store's answer; the first failure is told.
fn answer(store: &mut SharedClaims, request: &Request, now: Nanos, told: &mut bool) -> ClaimAnswer {
    match store.claim(request, now) {
        Ok(Claim::Won | Claim::WonBefore) => ClaimAnswer::Granted,
        Ok(Claim::Duplicate) => ClaimAnswer::Duplicate,
        Ok(Claim::Cooldown) => ClaimAnswer::Cooldown,
        Ok(Claim::Full) => ClaimAnswer::Full,
        Err(error) => {
            if !std::mem::replace(told, true) {
                eprintln!("note: {error}; signals are blocked while it does not answer");
            }
            ClaimAnswer::Failed
        }
    }
}

/// A number for this run that no other run has: of its start and its process.
pub(super) fn worker() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let ns = now.map_or(0, |now| now.as_nanos() as u64);
    (ns << 16) ^ u64::from(std::process::id())
}

/// A feed beside which the cold side's notices and the operator's orders enter, and what slow sources
/// have told.
#[derive(Debug)]
pub(super) struct Inlet<F> {
    pub(super) feed: F,
    exchange: Arc<Exchange>,
    briefing: Briefing,
    looks_in: u32,
}

impl<F> Inlet<F> {
    pub(super) const fn new(feed: F, exchange: Arc<Exchange>, briefing: Briefing) -> Self {
        Self {
            feed,
            exchange,
            briefing,
            looks_in: 0,
        }
    }
}

impl<F: Dated<Mbo>> Source<Mbo> for Inlet<F> {
    #[inline(always)]
    fn take(&mut self, to: &mut impl Sink<Mbo>) -> bool {
        if self.looks_in == 0 {
            self.looks_in = LOOK_EVERY;
            if let Some(word) = self.exchange.next_word() {
                to.control(Stamp::default(), &word);
                self.looks_in = 0;
                return true;
            }
        }
        self.looks_in -= 1;
        if self.briefing.waits()
            && let Some(context) = self.briefing.next(self.feed.next_ts())
        {
            to.control(Stamp::default(), &Control::Context(context));
            return true;
        }
        let briefing = &mut self.briefing;
        self.feed.take(&mut Overheard { to, briefing })
    }

    /// What nobody could come between goes together.
    #[inline(always)]
    fn drain(&mut self, to: &mut impl Sink<Mbo>, batch_max: usize) -> usize {
        let mut taken = 0;
        while taken < batch_max && to.room() > 0 {
            let together = match self.briefing.waits() {
                true => 1,
                false => (self.looks_in as usize).clamp(1, batch_max - taken),
            };
            let count = if together == 1 {
                usize::from(self.take(to))
            } else {
                let briefing = &mut self.briefing;
                let count = self.feed.drain(&mut Overheard { to, briefing }, together);
                self.looks_in -= count as u32;
                count
            };
            taken += count;
            if count < together {
                break;
            }
        }
        taken
    }

    #[inline(always)]
    fn look_ahead(&self, ahead: usize) -> Option<Mbo> {
        self.feed.look_ahead(ahead)
    }
}

impl<F: Dated<Mbo>> Dated<Mbo> for Inlet<F> {
    #[inline]
    fn next_ts(&mut self) -> Option<Nanos> {
        if self.exchange.has_word() {
            // What the cold side says and the operator orders is due at once.
            self.looks_in = 0;
            return None;
        }
        self.feed.next_ts()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    #[test]
    fn p06_a_cold_side_that_hangs_halts_entries_as_a_slow_journal_does_and_no_tile() {
        let live = Exchange::new(false);
        let board = Switchboard::default();
        let down = |place| Alarm::Down {
            place,
            module: "one".into(),
            age: Nanos(30_000_000_000),
            meaning: "",
        };
        live.heed(&board, &down(0));
        assert_eq!(live.next_notice(), None, "of a tile it is only said");
        live.heed(&board, &down(COLD));
        let halt = Notice::Halt(Gate::ReduceOnly, HaltCause::Journal);
        assert_eq!(live.next_notice(), Some(halt));
        assert!(!board.is_halted() && !live.is_broken());
    }

    #[test]
    fn r13_two_that_hang_stop_every_tile_unless_no_market_goes_on() {
        let (live, board) = (Exchange::new(false), Switchboard::default());
        live.heed(&board, &Alarm::Halt);
        assert!(board.is_halted() && live.is_broken());
        let (recorded, board) = (Exchange::new(true), Switchboard::default());
        let down = Alarm::Down {
            place: COLD,
            module: "cold".into(),
            age: Nanos(1),
            meaning: "",
        };
        recorded.heed(&board, &down);
        recorded.heed(&board, &Alarm::Halt);
        assert!(!board.is_halted() && !recorded.is_broken());
        assert_eq!(recorded.next_notice(), None, "it changes no output");
    }

    #[test]
    fn p06_nobody_waits_for_a_cold_side_that_died() {
        let exchange = Exchange::new(true);
        let mut asker = Asker {
            exchange: Arc::clone(&exchange),
            shares: false,
            keeps: true,
        };
        let waiting = std::thread::spawn(move || asker.is_written(1));
        std::thread::sleep(Duration::from_millis(20));
        assert!(
            !waiting.is_finished(),
            "at full speed it waits for the journal"
        );
        drop(exchange.attended());
        std::thread::sleep(Duration::from_millis(20));
        assert!(!waiting.is_finished(), "an end in order is not a death");
        let died = catch_unwind(AssertUnwindSafe(|| {
            let _attended = exchange.attended();
            panic!("the cold side");
        }));
        assert!(died.is_err());
        assert_eq!(
            waiting.join().expect("no panic there"),
            Some(false),
            "it is not sent"
        );
    }
}
