//! A decided signal is claimed before it is emitted: by the local table as it is decided and, where
//! workers share a store, by that too. Its answer comes at once, or later as control; no answer in
//! time is a refusal, so that a store that fails silences its workers.

use undertow_core::book::Books;
use undertow_core::event::Claimed;
use undertow_core::gateway::Gateway;

use super::Trader;
use super::event::{Decided, TradeEvent};
use super::witness::{ANSWER_NS_MAX, claim_of};
use crate::decide::Outcome;
use crate::decide::counters::Block;

impl<G: Gateway> Trader<G> {
    /// Says a decision and follows it, once the shared store has answered if it must be asked.
    pub(super) fn settle(&mut self, books: &Books<'_>, mut decided: Decided) {
        let place = decided.place;
        if let Outcome::Asking(request) = decided.decision.outcome {
            let Some(answer) = self.witness.claim(&request, self.now) else {
                self.asking[place] = Some(decided);
                return;
            };
            self.decide
                .conclude(place, &mut decided.decision, claim_of(answer));
        }
        self.act(books, &decided);
    }

    /// A decision is said, and followed if its signal is out.
    fn act(&mut self, books: &Books<'_>, decided: &Decided) {
        self.say(TradeEvent::Decided(*decided), None);
        if let Outcome::Emitted(signal) = decided.decision.outcome {
            let (_, at) = self.rules[decided.place];
            self.follow(books, (at, decided.place), &signal);
        }
    }

    /// The shared store has answered. What it says to a claim that nobody waits for any more is
    /// nothing to us: it was given up.
    pub fn claimed(&mut self, books: &Books<'_>, claimed: &Claimed) {
        let is_its = |decided: &Decided| match decided.decision.outcome {
            Outcome::Asking(request) => request.token.attempt == claimed.attempt,
            _ => false,
        };
        let mut asking = self.asking.iter_mut();
        let waiting = asking.find(|decided| decided.as_ref().is_some_and(is_its));
        if let Some(mut decided) = waiting.and_then(Option::take) {
            let claim = claim_of(claimed.answer);
            let place = decided.place;
            self.decide.conclude(place, &mut decided.decision, claim);
            self.act(books, &decided);
        }
    }

    /// A store that has not answered for too long has failed.
    pub(super) fn give_up_asking(&mut self) {
        for place in 0..self.asking.len() {
            let asked_at = |decided: &Decided| decided.decision.moment.now.0;
            let asked = self.asking[place].as_ref().map(asked_at);
            if asked.is_none_or(|at| self.now.0.saturating_sub(at) < ANSWER_NS_MAX) {
                continue;
            }
            self.give_up(place, Block::StoreFailed);
        }
    }

    /// Nobody waits for an answer any more.
    pub(super) fn ask_no_more(&mut self) {
        for place in 0..self.asking.len() {
            self.give_up(place, Block::StoreFailed);
        }
    }

    /// A signal whose claim is not answered is not emitted.
    pub(super) fn give_up(&mut self, place: usize, why: Block) {
        if let Some(mut decided) = self.asking[place].take() {
            self.decide.conclude(place, &mut decided.decision, Err(why));
            self.say(TradeEvent::Decided(decided), None);
        }
    }
}
