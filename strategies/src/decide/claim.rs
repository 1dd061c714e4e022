//! S9: exactly one signal of a contract. Who emits must first win the claim on its id.
//!
//! Every test comes before anything is taken, and both keys are taken together: a claim that the
//! cooldown stops has not used up its id, and is free when the cooldown is over. The same
//! attempt may ask again, if its answer was lost, and gets the same answer.

use core::convert::Infallible;

use undertow_core::types::Nanos;

use super::expiring::Expiring;
use super::identity::{Fingerprint, Identity, SignalId};

/// One attempt of one worker, unique over all workers and all their starts: a worker that is
/// started again must have another number, or it would be taken for its former self.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Token {
    /// The worker's run.
    pub worker: u64,
    /// Its attempt.
    pub attempt: u64,
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// What to claim.
    pub identity: Identity,
    /// Who asks.
    pub token: Token,
    /// How long the id stays taken, ns (S11).
    pub ttl_ns: u64,
    /// How long no other id of the same fingerprint may be taken, ns.
    pub cooldown_ns: u64,
}

/// The answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Claim {
    /// It is yours: emit.
    Won,
    /// It was yours already, from this same attempt: emit if you do not know that you did.
    WonBefore,
    /// The id is taken.
    Duplicate,
    /// Another id of the same contract was taken just now.
    Cooldown,
    /// There is no room to remember it, so it is not given.
    Full,
}

/// Who keeps the claims: this worker alone, or a store that several share.
pub trait ClaimStore {
    /// Why it may not answer.
    type Error;

    /// Tests and takes in one atomic step. Nothing is taken unless the answer is [`Claim::Won`].
    ///
    /// # Errors
    /// The store cannot answer; nobody may emit then.
    fn claim(&mut self, request: &Request, now: Nanos) -> Result<Claim, Self::Error>;
}

/// The claims of one worker, in memory of fixed size.
#[derive(Clone, Debug)]
pub struct Claims {
    emitted: Expiring<SignalId, Token>,
    cooling: Expiring<Fingerprint, Token>,
}

impl Claims {
    /// Remembers at most `claims_max` ids and as many fingerprints at a time.
    #[must_use]
    pub fn new(claims_max: usize) -> Self {
        Self {
            emitted: Expiring::new(claims_max),
            cooling: Expiring::new(claims_max),
        }
    }

    /// Tests and takes. An event of an earlier time than one before counts as of that time.
    pub fn claim(&mut self, request: &Request, now: Nanos) -> Claim {
        let Identity { fingerprint, id } = request.identity;
        let now = self.emitted.latest(now);
        match self.emitted.get(&id, now) {
            Some(token) if token == request.token => return Claim::WonBefore,
            Some(_) => return Claim::Duplicate,
            None => {}
        }
        if self.cooling.get(&fingerprint, now).is_some() {
            return Claim::Cooldown;
        }
        if !self.emitted.has_room(&id, now) || !self.cooling.has_room(&fingerprint, now) {
            return Claim::Full;
        }
        let until = |span: u64| Nanos(now.0.saturating_add(span));
        let token = request.token;
        self.emitted.put(id, token, until(request.ttl_ns), now);
        self.cooling
            .put(fingerprint, token, until(request.cooldown_ns), now);
        Claim::Won
    }

    /// Takes what an earlier run has won at `at`, whatever was taken here since.
    pub fn restore(&mut self, request: &Request, at: Nanos) {
        // One that is over by now, or finds no room, is as if it had ended.
        let _ = self.claim(request, at);
    }

    /// Gives back what this attempt has taken here, because a shared store refused it. What
    /// others have taken stays.
    pub fn release(&mut self, request: &Request, now: Nanos) {
        let Identity { fingerprint, id } = request.identity;
        let now = self.emitted.latest(now);
        if self.emitted.get(&id, now) == Some(request.token) {
            self.emitted.remove(&id);
        }
        if self.cooling.get(&fingerprint, now) == Some(request.token) {
            self.cooling.remove(&fingerprint);
        }
    }
}

impl ClaimStore for Claims {
    type Error = Infallible;

    fn claim(&mut self, request: &Request, now: Nanos) -> Result<Claim, Infallible> {
        Ok(Self::claim(self, request, now))
    }
}
