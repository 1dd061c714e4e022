//! What holds for any input.

use std::collections::{BTreeMap, HashMap};

use proptest::prelude::*;
use undertow_core::types::{Nanos, Price, Side};
use undertow_strategies::auction::AuctionImbalance;
use undertow_strategies::calendar::Day;
use undertow_strategies::decide::card::Direction;
use undertow_strategies::decide::claim::{Claim, Claims, Request, Token};
use undertow_strategies::decide::features::{Features, Reading, Unfit, Unusual};
use undertow_strategies::decide::identity::{Fingerprint, Identity, SignalId, Terms, VERSION};
use undertow_strategies::decide::rules::{RuleSet, Strategy as Name};
use undertow_strategies::decide::snapshot::{Gamma, Pull, Snapshot};
use undertow_strategies::decide::zero_dte::ZeroDte;
use undertow_strategies::decide::{Decide, Decision, Outcome};
use undertow_strategies::discovery::Regime;
use undertow_strategies::options::Right;

use crate::world::{CALM, SECOND_NS, World, eleven, limits, price, symbol, tuesday};

/// The fields of an identity, owned.
#[derive(Clone, Debug, PartialEq)]
struct Fields {
    symbol: String,
    strategy: usize,
    is_long: bool,
    day: i32,
    is_call: bool,
    mills: i64,
    multiplier: u32,
    exchange: String,
}

impl Fields {
    fn terms(&self) -> Terms<'_> {
        Terms {
            symbol: &self.symbol,
            strategy: Name::ALL[self.strategy],
            direction: if self.is_long {
                Direction::Long
            } else {
                Direction::Short
            },
            expiry: Day(self.day),
            right: if self.is_call {
                Right::Call
            } else {
                Right::Put
            },
            strike: Price(self.mills * 1_000_000),
            multiplier: self.multiplier,
            exchange: &self.exchange,
        }
    }

    /// What makes them the same contract: case does not, nor does an unnamed exchange.
    fn meaning(&self) -> Self {
        let exchange = match self.exchange.as_str() {
            "" => "SMART".to_owned(),
            exchange => exchange.to_uppercase(),
        };
        Self {
            symbol: self.symbol.to_uppercase(),
            exchange,
            ..self.clone()
        }
    }
}

/// Few values of each field, so that pairs often agree in most of them.
fn fields() -> impl Strategy<Value = Fields> {
    (
        "[aA1.:]{1,3}",
        0..4_usize,
        any::<bool>(),
        20_347..20_349_i32,
        any::<bool>(),
        prop_oneof![Just(1_i64), Just(11), Just(1_100)],
        prop_oneof![Just(1_u32), Just(11), Just(100)],
        "([aS]|SMART|1)?",
    )
        .prop_map(
            |(symbol, strategy, is_long, day, is_call, mills, multiplier, exchange)| Fields {
                symbol,
                strategy,
                is_long,
                day,
                is_call,
                mills,
                multiplier,
                exchange,
            },
        )
}

/// The claims as a plain map with expiry.
#[derive(Default)]
struct NaiveClaims {
    emitted: HashMap<[u8; 8], (u64, Token)>,
    cooling: HashMap<[u8; 10], (u64, Token)>,
    now: u64,
}

impl NaiveClaims {
    fn claim(&mut self, request: &Request, now: Nanos, claims_max: usize) -> Claim {
        self.now = self.now.max(now.0);
        let latest = self.now;
        self.emitted.retain(|_, (until, _)| *until > latest);
        self.cooling.retain(|_, (until, _)| *until > latest);
        let (id, fingerprint) = (request.identity.id.0, request.identity.fingerprint.0);
        if let Some((_, token)) = self.emitted.get(&id) {
            return if *token == request.token {
                Claim::WonBefore
            } else {
                Claim::Duplicate
            };
        }
        if self.cooling.contains_key(&fingerprint) {
            return Claim::Cooldown;
        }
        if self.emitted.len() == claims_max || self.cooling.len() == claims_max {
            return Claim::Full;
        }
        let token = request.token;
        self.emitted.insert(id, (latest + request.ttl_ns, token));
        let until = latest + request.cooldown_ns;
        self.cooling.insert(fingerprint, (until, token));
        Claim::Won
    }

    fn release(&mut self, request: &Request) {
        let token = request.token;
        let (id, fingerprint) = (request.identity.id.0, request.identity.fingerprint.0);
        let latest = self.now;
        let is_own = |(until, holder): &(u64, Token)| *until > latest && *holder == token;
        if self.emitted.get(&id).is_some_and(is_own) {
            self.emitted.remove(&id);
        }
        if self.cooling.get(&fingerprint).is_some_and(is_own) {
            self.cooling.remove(&fingerprint);
        }
    }
}

/// One random look at the market; the numbers are taken as they come, sound or not.
#[derive(Clone, Debug)]
struct Look {
    after_ns: u64,
    age_ns: u64,
    numbers: [Option<f64>; 6],
    spot: f64,
    flags: u8,
}

fn number() -> impl Strategy<Value = Option<f64>> {
    prop_oneof![
        8 => (0..=100_u32).prop_map(|x| Some(f64::from(x) / 100.0)),
        1 => Just(None),
        1 => prop_oneof![Just(f64::NAN), Just(f64::INFINITY), Just(-3.0), Just(7.0)]
            .prop_map(Some),
    ]
}

fn look() -> impl Strategy<Value = Look> {
    let age = prop_oneof![5 => Just(0_u64), 1 => 0..9 * SECOND_NS];
    let numbers = [number(), number(), number(), number(), number(), number()];
    (0..12 * SECOND_NS, age, numbers, 584..590_i32, any::<u8>()).prop_map(
        |(after_ns, age_ns, numbers, spot, flags)| Look {
            after_ns,
            age_ns,
            numbers,
            spot: f64::from(spot) + 0.4,
            flags,
        },
    )
}

impl Look {
    fn features<'a>(&self, world: &'a World, now: Nanos) -> Features<'a> {
        let at = Nanos(now.0 - self.age_ns);
        let read = |value: f64| Reading { value, at };
        let [vpin, obi, z, toxicity, score, hidden] = self.numbers;
        let full = world.features_at(now, 0.0, 0.5, self.spot);
        let unusual = |score| Unusual {
            score,
            contract: Some((price(588.0), Right::Call)),
        };
        Features {
            vpin: full.vpin.zip(vpin).map(|(mut reading, value)| {
                reading.value.value = value;
                reading.value.signed_flow = z;
                reading
            }),
            obi: obi.map(read),
            dex: z.map(|z| read(z * 2e10 - 1e10)),
            gex_z: z.map(read),
            dex_z: z.map(|z| read(z * 4.0 - 2.0)),
            toxicity: toxicity.map(read),
            regime: Some(Reading {
                value: if self.flags & 1 == 0 {
                    Regime::High
                } else {
                    Regime::Low
                },
                at,
            }),
            sweep: Some(Reading {
                value: self.flags & 2 == 0,
                at,
            }),
            unusual: score.map(|score| Reading {
                value: unusual(score),
                at,
            }),
            hidden: hidden.map(read),
            imbalance: z.zip(hidden).map(|(z, hidden)| Reading {
                value: AuctionImbalance {
                    side: if self.flags & 4 == 0 {
                        Side::Bid
                    } else {
                        Side::Ask
                    },
                    imbalance: (z.clamp(0.0, 1.0) * 14e6) as u64,
                    paired: (hidden.clamp(0.0, 1.0) * 2e6) as u64,
                    notional: Some((z.clamp(0.0, 1.0) * 8e13) as i64),
                    indicative: None,
                    is_proxy: self.flags & 24 == 0,
                },
                at,
            }),
            ..full
        }
    }
}

/// Runs looks through a stage with all four strategies, whose windows are the whole day.
fn run(looks: &[Look]) -> (Vec<Decision>, Decide<Claims>) {
    let mut world = World::new();
    let mut ahead = world.chain.clone();
    for listing in &mut ahead {
        listing.expiry = listing.expiry.plus(14);
    }
    world.chain.extend(ahead);
    let rules: Vec<_> = Name::ALL
        .into_iter()
        .map(|name| {
            let mut rules = RuleSet::of(name);
            rules.window.start_minute = 0;
            rules.confidence_min = 20;
            rules.guards.confidence_min = 20;
            (rules, symbol("QQQ"))
        })
        .collect();
    let mut decide = Decide::new(&rules, Claims::new(4), &limits(1)).unwrap();
    let mut decisions = Vec::new();
    let mut of_day = eleven(0).time_of_day_ns;
    for look in looks {
        of_day += look.after_ns;
        let moment = crate::world::at(tuesday(), of_day);
        let features = look.features(&world, moment.now);
        for place in 0..rules.len() {
            decisions.extend(decide.evaluate(place, &features, &CALM, &moment));
        }
    }
    (decisions, decide)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Two sets of fields give one line if and only if they mean the same contract; a colon gives
    /// none.
    #[test]
    fn identity_is_injective_over_its_fields(a in fields(), b in fields()) {
        let (line_a, line_b) = (a.terms().canonical(), b.terms().canonical());
        prop_assert_eq!(line_a.is_err(), a.symbol.contains(':'));
        if let (Ok(line_a), Ok(line_b)) = (line_a, line_b) {
            prop_assert_eq!(line_a == line_b, a.meaning() == b.meaning());
            let of = |fields: &Fields| Identity::of(&fields.terms(), VERSION, tuesday());
            prop_assert_eq!(of(&a) == of(&b), a.meaning() == b.meaning());
        }
    }

    #[test]
    fn claim_table_is_a_map_with_expiry(
        steps in prop::collection::vec(
            (0..6_u8, 0..3_u8, 0..4_u64, 0..40_u64, 0..60_u64, any::<bool>()),
            1..200,
        ),
        claims_max in 1..8_usize,
    ) {
        let mut claims = Claims::new(claims_max);
        let mut naive = NaiveClaims::default();
        let mut now = Nanos(1_000);
        for (contract, day, attempt, ttl_ns, pause, releases) in steps {
            // Every tenth step goes back in time.
            now = Nanos(if pause == 0 { now.0 - 20 } else { now.0 + pause / 6 });
            let request = Request {
                identity: Identity {
                    // All fall into the same place of the table, or its neighbour.
                    fingerprint: Fingerprint([contract % 2, 0, 0, 0, contract, 0, 0, 0, 0, 0]),
                    id: SignalId([contract % 2, 0, 0, 0, contract, day, 0, 0]),
                },
                token: Token { worker: 1, attempt },
                ttl_ns,
                cooldown_ns: ttl_ns / 3,
            };
            let answer = claims.claim(&request, now);
            prop_assert_eq!(answer, naive.claim(&request, now, claims_max));
            if releases && pause > 50 {
                claims.release(&request, now);
                naive.release(&request);
            }
        }
    }

    /// Whatever the input: everything is counted once, the same input gives the same decisions,
    /// and what comes later changes nothing of what came before.
    #[test]
    fn decisions_are_conserved_deterministic_and_blind_to_the_future(
        looks in prop::collection::vec(look(), 1..40),
        cut in 0..40_usize,
    ) {
        let (decisions, decide) = run(&looks);
        let totals = decide.totals();
        prop_assert!(totals.is_conserved());
        let mut counted = BTreeMap::new();
        for decision in &decisions {
            let name = match decision.outcome {
                Outcome::Emitted(_) => "emitted",
                Outcome::Updated(_) | Outcome::Blocked(_) | Outcome::Debug(_) => "blocked",
                Outcome::Skipped(Unfit::Stale(_)) => "stale",
                Outcome::Skipped(_) => "schema",
                Outcome::Asking(_) => unreachable!("no store is shared"),
            };
            *counted.entry(name).or_insert(0_u64) += 1;
        }
        let count = |name| counted.get(name).copied().unwrap_or(0);
        prop_assert_eq!(totals.evaluated, decisions.len() as u64);
        prop_assert_eq!(totals.emitted, count("emitted"));
        prop_assert_eq!(totals.blocked_sum(), count("blocked"));
        prop_assert_eq!(totals.skipped_stale, count("stale"));
        prop_assert_eq!(totals.skipped_schema, count("schema"));

        let text = |decisions: &[Decision]| format!("{decisions:?}");
        prop_assert_eq!(text(&run(&looks).0), text(&decisions));
        let past = run(&looks[..cut.min(looks.len())]).0;
        prop_assert_eq!(text(&past), text(&decisions[..past.len()]));
    }

    #[test]
    fn no_emission_of_an_id_within_its_life(looks in prop::collection::vec(look(), 1..40)) {
        let mut lives: HashMap<SignalId, Nanos> = HashMap::new();
        for decision in run(&looks).0 {
            if let Outcome::Emitted(signal) = decision.outcome {
                let until = Nanos(signal.at.0 + signal.ttl_ns);
                let before = lives.insert(signal.identity.id, until);
                prop_assert!(before.is_none_or(|before| before <= signal.at));
                prop_assert!(signal.confidence >= 20 && signal.confidence <= 100);
                let (entry, stop, last) = (signal.entry, signal.stop, signal.targets[2]);
                let is_long = signal.direction == Direction::Long;
                let is_ordered = if is_long { stop < entry && entry < last } else { last < entry };
                prop_assert!(is_ordered);
            }
        }
    }

    /// A mirrored market gives the mirrored direction and the same confidence.
    #[test]
    fn zero_dte_has_no_preference(
        vpin in 0..=100_u32, obi in 0..=100_u32, proximity in 0..=100_u32, toxicity in 0..=100_u32,
        is_up in any::<bool>(), sweep in any::<bool>(),
    ) {
        let world = World::new();
        let features = world.features(eleven(0).now);
        let share = |x: u32| f64::from(x) / 100.0;
        let at = |obi: f64, pull: Pull| Snapshot {
            vpin: share(vpin),
            obi,
            toxicity: Some(share(toxicity)),
            sweep,
            gamma: Some(Gamma {
                pin: price(586.9),
                proximity: share(proximity),
                pull,
                concentration: 0.5,
                total: 1e9,
            }),
            bars: undertow_strategies::decide::snapshot::Bars::default(),
            ..Snapshot::of(&features, 50).unwrap()
        };
        let (pull, mirrored) = if is_up {
            (Pull::Up, Pull::Down)
        } else {
            (Pull::Down, Pull::Up)
        };
        let here = ZeroDte::default().judge(&at(share(obi), pull));
        let there = ZeroDte::default().judge(&at(1.0 - share(obi), mirrored));
        prop_assert_eq!(here.direction(), there.direction().opposite());
        prop_assert_eq!(here.confidence(), there.confidence());
    }
}
