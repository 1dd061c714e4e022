//! S2: features in, at most one signal out, and everything that says why.
//!
//! [`Decide`] has one evaluator for each strategy and symbol, and what they share: claims, the
//! last confidences, the audit trail. An evaluation is driven by events and dated by them. The
//! gates stand in one order: age, schema, score and direction, news, contract, identity, change,
//! levels, guards, claim. Nothing is remembered of a signal that was not emitted, except the
//! strike that hysteresis keeps. No clock, and no allocation after construction.

pub mod audit;
pub mod border;
pub mod card;
pub mod claim;
pub mod contract;
pub mod counters;
mod expiring;
pub mod features;
pub mod flip;
pub mod fourteen_dte;
pub mod hysteresis;
pub mod identity;
pub mod ifd;
pub mod lifetime;
pub mod material;
pub mod moc;
pub mod moment;
pub mod one_dte;
pub mod outlook;
pub mod rules;
pub mod signal;
pub mod snapshot;
pub mod synthesis;
pub mod validate;
pub mod vetting;
pub mod zero_dte;

use alloc::boxed::Box;
use alloc::vec::Vec;

use undertow_core::types::Nanos;

use self::audit::{Audit, Entry};
use self::card::{Card, Direction};
use self::claim::{Claim, ClaimStore, Claims, Request, Token};
use self::contract::Chosen;
use self::counters::{Block, Counters};
use self::features::{Feature, Features, Unfit};
use self::hysteresis::Hysteresis;
use self::identity::{Identity, Symbol, Terms, VERSION};
use self::lifetime::lifetime_ns;
use self::material::{Change, LastConfidence};
use self::moment::Moment;
use self::rules::{Invalid, RuleSet, Strategy};
use self::signal::Signal;
use self::snapshot::Snapshot;
use self::validate::Conditions;

/// What one evaluation found, as far as it got.
#[derive(Clone, Copy, Debug)]
pub struct Decision {
    /// Whose rule.
    pub strategy: Strategy,
    /// Of which underlying.
    pub symbol: Symbol,
    /// When.
    pub moment: Moment,
    /// The age of each data point then, ns, in the order of [`Feature::ALL`]; none where it was
    /// absent or of unknown time.
    pub ages: [Option<u64>; Feature::ALL.len()],
    /// What the rule saw; none if the features were unfit.
    pub seen: Option<Snapshot>,
    /// How it scored.
    pub card: Option<Card>,
    /// The contract after hysteresis.
    pub contract: Option<Chosen>,
    /// Who the signal is.
    pub identity: Option<Identity>,
    /// Its confidence beside the last.
    pub change: Option<Change>,
    /// The signal as it was made, emitted or not.
    pub signal: Option<Signal>,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of an evaluation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Outcome {
    /// The signal is out.
    Emitted(Signal),
    /// The same id is out already; this is news of it, and never another order.
    Updated(Signal),
    /// A signal was found and stopped.
    Blocked(Block),
    /// No signal was found: no direction, or too little confidence.
    Debug(Block),
    /// The features could not be used.
    Skipped(Unfit),
    /// A signal was found that is free here; the shared store is asked for its claim, and says
    /// what becomes of it.
    Asking(Request),
}

/// One strategy on one symbol.
#[derive(Clone, Debug)]
struct Evaluator {
    rules: RuleSet,
    symbol: Symbol,
    hysteresis: Hysteresis,
    /// The time of the last evaluation, whatever came of it.
    evaluated: Option<Nanos>,
    counters: Counters,
}

/// How large the shared memory is, and who this worker is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The worker's run, unique over all workers and all their starts.
    pub worker: u64,
    /// Fingerprints whose last confidence is remembered at a time.
    pub fingerprints_max: usize,
    /// Contracts whose audit trail is kept.
    pub trails_max: usize,
}

/// The evaluators and what they share.
#[derive(Clone, Debug)]
pub struct Decide<S> {
    evaluators: Box<[Evaluator]>,
    claims: S,
    last_confidence: LastConfidence,
    audit: Audit,
    worker: u64,
    /// Claims asked for so far: the attempt of the next token.
    attempts: u64,
    /// Whether a store that several workers share is asked after this one.
    is_shared: bool,
}

impl<S: ClaimStore> Decide<S> {
    /// Evaluators for these rule sets, each on a symbol, with a store of claims.
    ///
    /// # Errors
    /// The place of the first rule set that is refused, and why.
    pub fn new(
        rules: &[(RuleSet, Symbol)],
        claims: S,
        limits: &Limits,
    ) -> Result<Self, (usize, Invalid)> {
        let mut evaluators = Vec::with_capacity(rules.len());
        for (place, (rules, symbol)) in rules.iter().enumerate() {
            rules.check().map_err(|invalid| (place, invalid))?;
            evaluators.push(Evaluator {
                rules: *rules,
                symbol: *symbol,
                hysteresis: Hysteresis::default(),
                evaluated: None,
                counters: Counters::default(),
            });
        }
        Ok(Self {
            evaluators: evaluators.into_boxed_slice(),
            claims,
            last_confidence: LastConfidence::new(limits.fingerprints_max),
            audit: Audit::new(limits.trails_max),
            worker: limits.worker,
            attempts: 0,
            is_shared: false,
        })
    }

    /// Evaluates one rule set, by its place, if it is due: inside its window and the regular
    /// session, and not within the refresh time of its last evaluation.
    pub fn evaluate(
        &mut self,
        place: usize,
        features: &Features,
        conditions: &Conditions,
        moment: &Moment,
    ) -> Option<Decision> {
        let evaluator = self.evaluators.get_mut(place)?;
        if !evaluator.is_due(moment) {
            return None;
        }
        evaluator.evaluated = Some(moment.now);
        let mut decision = Decision {
            strategy: evaluator.rules.rule.strategy(),
            symbol: evaluator.symbol,
            moment: *moment,
            ages: Feature::ALL.map(|feature| features.age(feature, moment.now)),
            seen: None,
            card: None,
            contract: None,
            identity: None,
            change: None,
            signal: None,
            outcome: Outcome::Debug(Block::Flat),
        };
        decision.outcome = match evaluator.look(features, moment) {
            Err(unfit) => {
                evaluator.counters.skip(unfit);
                Outcome::Skipped(unfit)
            }
            Ok((seen, card)) => {
                evaluator.counters.consider();
                decision.seen = Some(seen);
                decision.card = Some(card);
                match self.gates(place, features, conditions, &mut decision) {
                    Ok(outcome) => outcome,
                    Err(block) if block.is_debug() => Outcome::Debug(block),
                    Err(block) => Outcome::Blocked(block),
                }
            }
        };
        self.settle(place, &decision);
        Some(decision)
    }

    /// The counts of one rule set, by its place.
    #[must_use]
    pub fn counters(&self, place: usize) -> Option<&Counters> {
        self.evaluators
            .get(place)
            .map(|evaluator| &evaluator.counters)
    }

    /// The counts of all together.
    #[must_use]
    pub fn totals(&self) -> Counters {
        let mut totals = Counters::default();
        for evaluator in &self.evaluators {
            totals.add(&evaluator.counters);
        }
        totals
    }

    /// The audit trail.
    #[must_use]
    pub const fn audit(&self) -> &Audit {
        &self.audit
    }

    /// From the score to the claim. A gate that stops the signal names the reason.
    fn gates(
        &mut self,
        place: usize,
        features: &Features,
        conditions: &Conditions,
        decision: &mut Decision,
    ) -> Result<Outcome, Block> {
        let evaluator = &mut self.evaluators[place];
        let moment = decision.moment;
        let (Some(seen), Some(card)) = (decision.seen, decision.card) else {
            return Err(Block::Flat);
        };
        if card.direction() == Direction::Flat {
            return Err(Block::Flat);
        }
        if card.confidence() < evaluator.rules.confidence_min {
            return Err(Block::LowConfidence);
        }
        if evaluator.rules.is_contradicted(&seen, card.direction()) {
            return Err(Block::News);
        }
        let contract = evaluator
            .choose(features, &seen, &card, &moment)
            .ok_or(Block::NoContract)?;
        decision.contract = Some(contract);

        let identity = evaluator
            .identify(&contract, &card, &moment)
            .ok_or(Block::Ambiguous)?;
        decision.identity = Some(identity);

        let confidence = card.confidence();
        let change = self
            .last_confidence
            .compare(&identity.fingerprint, confidence, moment.now);
        decision.change = Some(change);
        if !change.is_material() {
            return Err(Block::Thin);
        }

        let signal = evaluator
            .make((&seen, &card), contract, identity, &moment)
            .ok_or(Block::NoLevels)?;
        decision.signal = Some(signal);
        evaluator.rules.guards.check(&signal, conditions, &moment)?;
        let cooldown_ns = evaluator.rules.cooldown_ns;
        self.claim(signal, cooldown_ns)
    }

    /// Asks for the claim, as one new attempt.
    fn claim(&mut self, signal: Signal, cooldown_ns: u64) -> Result<Outcome, Block> {
        let request = Request {
            identity: signal.identity,
            token: Token {
                worker: self.worker,
                attempt: self.attempts,
            },
            ttl_ns: signal.ttl_ns,
            cooldown_ns,
        };
        self.attempts += 1;
        match self.claims.claim(&request, signal.at) {
            Ok(Claim::Won) if self.is_shared => Ok(Outcome::Asking(request)),
            Ok(Claim::Won | Claim::WonBefore) => Ok(Outcome::Emitted(signal)),
            Ok(Claim::Duplicate) => Ok(Outcome::Updated(signal)),
            Ok(Claim::Cooldown) => Err(Block::Cooldown),
            Ok(Claim::Full) => Err(Block::ClaimsFull),
            Err(_) => Err(Block::StoreFailed),
        }
    }

    /// Counts the outcome, remembers what was published, and writes the audit trail.
    fn settle(&mut self, place: usize, decision: &Decision) {
        let counters = &mut self.evaluators[place].counters;
        let block = match decision.outcome {
            Outcome::Skipped(_) => None,
            Outcome::Emitted(_) => {
                counters.emit();
                None
            }
            Outcome::Asking(_) => {
                counters.ask();
                return;
            }
            Outcome::Updated(_) => {
                counters.updated += 1;
                Some(Block::Duplicate)
            }
            Outcome::Blocked(block) | Outcome::Debug(block) => Some(block),
        };
        if let Some(block) = block {
            counters.block(block);
        }
        assert!(counters.is_conserved(), "an evaluation was lost");
        let (Some(identity), Some(change)) = (decision.identity, decision.change) else {
            return;
        };
        let now = decision.moment.now;
        if let Outcome::Emitted(signal) | Outcome::Updated(signal) = decision.outcome {
            self.last_confidence
                .emitted(identity.fingerprint, signal.confidence, now);
        }
        self.audit.note(Entry {
            at: now,
            identity,
            block,
            change,
            ttl_ns: lifetime_ns(decision.strategy, &decision.moment),
        });
    }
}

/// What several workers share, and what an earlier run has left.
impl Decide<Claims> {
    /// From now on a signal that is free here is not yet emitted: see [`Outcome::Asking`].
    /// `worker` is this run's number, unique over all workers and all their starts.
    pub const fn share(&mut self, worker: u64) {
        self.is_shared = true;
        self.worker = worker;
    }

    /// Takes in what the shared store says to a decision that asks, or why its answer is not waited
    /// for. What it does not grant is given back here, so that it may be asked for again.
    pub fn conclude(
        &mut self,
        place: usize,
        decision: &mut Decision,
        answer: Result<Claim, Block>,
    ) {
        let (Outcome::Asking(request), Some(signal)) = (decision.outcome, decision.signal) else {
            return;
        };
        decision.outcome = match answer {
            Ok(Claim::Won | Claim::WonBefore) => Outcome::Emitted(signal),
            Ok(Claim::Duplicate) => Outcome::Updated(signal),
            Ok(Claim::Cooldown) => Outcome::Blocked(Block::Cooldown),
            Ok(Claim::Full) => Outcome::Blocked(Block::ClaimsFull),
            Err(block) => Outcome::Blocked(block),
        };
        if !matches!(decision.outcome, Outcome::Emitted(_)) {
            self.claims.release(&request, signal.at);
        }
        self.evaluators[place].counters.answered();
        self.settle(place, decision);
    }

    /// Takes the claim of a signal that an earlier run emitted at `at`.
    pub fn restore(&mut self, won: &Won) {
        let request = Request {
            identity: won.identity,
            token: Token {
                worker: 0,
                attempt: self.attempts,
            },
            ttl_ns: won.ttl_ns,
            cooldown_ns: won.cooldown_ns,
        };
        self.attempts += 1;
        self.claims.restore(&request, won.at);
    }
}

/// The claim of a signal that was emitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Won {
    /// Of which signal.
    pub identity: Identity,
    /// When it was emitted.
    pub at: Nanos,
    /// How long its id stays taken, ns.
    pub ttl_ns: u64,
    /// How long no other id of its contract may be taken, ns.
    pub cooldown_ns: u64,
}

impl Evaluator {
    fn is_due(&self, moment: &Moment) -> bool {
        let refresh = self.rules.refresh_min_ns;
        let rested = |last: Nanos| moment.now.0 >= last.0.saturating_add(refresh);
        self.rules.window.contains(moment.time_of_day_ns)
            && (moment.ns_to_close().is_some() || self.rules.guards.allows_extended)
            && self.evaluated.is_none_or(rested)
    }

    /// Both gates on the features, and the score.
    fn look(&self, features: &Features, moment: &Moment) -> Result<(Snapshot, Card), Unfit> {
        let rules = &self.rules;
        features.check(rules.rule.reads(), moment.now, &rules.ages_max)?;
        if rules.asks_news() {
            features.check(&[Feature::News], moment.now, &rules.ages_max)?;
        }
        let seen = Snapshot::of(features, rules.pin_bps).ok_or(Unfit::Missing(Feature::Last))?;
        let card = rules.rule.judge(&seen, moment);
        Ok((seen, card))
    }

    /// The contract, after hysteresis.
    fn choose(
        &mut self,
        features: &Features,
        seen: &Snapshot,
        card: &Card,
        moment: &Moment,
    ) -> Option<Chosen> {
        let chain = features.chain?.value;
        let choice = &self.rules.choice;
        let new = choice.choose(chain, seen, card.direction(), moment)?;
        let settled = self.hysteresis.settle(
            new,
            card.direction(),
            (chain, choice),
            (seen.spot, moment.now),
        );
        Some(settled)
    }

    fn identify(&self, contract: &Chosen, card: &Card, moment: &Moment) -> Option<Identity> {
        let listing = &contract.listing;
        let terms = Terms {
            symbol: self.symbol.as_str(),
            strategy: self.rules.rule.strategy(),
            direction: card.direction(),
            expiry: listing.expiry,
            right: listing.right,
            strike: listing.strike,
            multiplier: listing.multiplier,
            exchange: listing.exchange.as_str(),
        };
        Identity::of(&terms, VERSION, moment.day).ok()
    }

    fn make(
        &self,
        (seen, card): (&Snapshot, &Card),
        contract: Chosen,
        identity: Identity,
        moment: &Moment,
    ) -> Option<Signal> {
        let (stop, targets) = self.rules.levels_of(seen, card.direction())?;
        let strategy = self.rules.rule.strategy();
        Some(Signal {
            identity,
            symbol: self.symbol,
            strategy,
            direction: card.direction(),
            confidence: card.confidence(),
            entry: seen.spot,
            stop,
            targets,
            contract,
            is_rth: moment.is_rth,
            at: moment.now,
            ttl_ns: lifetime_ns(strategy, moment),
        })
    }
}
