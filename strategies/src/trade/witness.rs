//! Who is asked before something is emitted or sent: the store of claims that programs share, and
//! the journal.
//!
//! A witness either answers at once, which in a recorded session may take its time, or says that
//! its answer comes later, as [`Control`] in the one order of inputs. The hot thread of a live
//! session never waits: the signal, or the order, does.
//!
//! [`Control`]: undertow_core::event::Control

use core::fmt::Debug;

use undertow_core::event::ClaimAnswer;
use undertow_core::types::Nanos;

use crate::decide::claim::{Claim, Request};
use crate::decide::counters::Block;

/// Without an answer for so long, by event time, a shared store has failed: 15 s.
pub(super) const ANSWER_NS_MAX: u64 = 15_000_000_000;

/// See the module.
pub trait Witness: Debug + Send {
    /// Asks the shared store for a claim. None if the answer comes later.
    fn claim(&mut self, request: &Request, now: Nanos) -> Option<ClaimAnswer>;

    /// Whether the first `said` things said are in the journal, and so on the disk; false if they
    /// will never be. None if that is told later.
    fn is_written(&mut self, said: u64) -> Option<bool>;
}

/// Nobody is asked: claims are this program's own, and what was said counts as written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Nobody;

impl Witness for Nobody {
    fn claim(&mut self, _request: &Request, _now: Nanos) -> Option<ClaimAnswer> {
        Some(ClaimAnswer::Granted)
    }

    fn is_written(&mut self, _said: u64) -> Option<bool> {
        Some(true)
    }
}

/// An answer as the local table would have given it, or why there is none.
pub(super) const fn claim_of(answer: ClaimAnswer) -> Result<Claim, Block> {
    match answer {
        ClaimAnswer::Granted => Ok(Claim::Won),
        ClaimAnswer::Duplicate => Ok(Claim::Duplicate),
        ClaimAnswer::Cooldown => Ok(Claim::Cooldown),
        ClaimAnswer::Full => Ok(Claim::Full),
        ClaimAnswer::Failed => Err(Block::StoreFailed),
    }
}
