//! One rule set, through every gate.

use undertow_core::event::Trust;
use undertow_core::types::{Nanos, Price};
use undertow_strategies::calendar::{Calendar, Day, Venue};
use undertow_strategies::decide::card::Direction;
use undertow_strategies::decide::claim::{Claim, ClaimStore, Claims, Request, Token};
use undertow_strategies::decide::contract::{Choice, Liquidity, Listing};
use undertow_strategies::decide::counters::Block;
use undertow_strategies::decide::features::{Feature, Features, Reading, Unfit};
use undertow_strategies::decide::flip::{Knob, flips};
use undertow_strategies::decide::hysteresis::Hysteresis;
use undertow_strategies::decide::identity::{Ambiguous, Fingerprint, Identity};
use undertow_strategies::decide::identity::{SignalId, Terms, VERSION};
use undertow_strategies::decide::lifetime::lifetime_ns;
use undertow_strategies::decide::moment::Moment;
use undertow_strategies::decide::rules::{RuleSet, Strategy};
use undertow_strategies::decide::snapshot::Snapshot;
use undertow_strategies::decide::validate::Conditions;
use undertow_strategies::decide::{Decide, Outcome};
use undertow_strategies::options::Right;

use crate::world::{
    CALM, MINUTE_NS, SECOND_NS, World, at, decide, eleven, limits, price, symbol, tuesday,
};

/// Evaluates the signal of [`World::features`] after so many seconds.
fn outcome(decide: &mut Decide<Claims>, world: &World, seconds: u64) -> Option<Outcome> {
    let moment = eleven(seconds);
    let features = world.features(moment.now);
    let decision = decide.evaluate(0, &features, &CALM, &moment)?;
    Some(decision.outcome)
}

#[test]
fn signal_says_what_to_buy_and_where_it_is_wrong() {
    let (mut decide, world, moment) = (decide(), World::new(), eleven(0));
    let features = world.features(moment.now);
    let decision = decide.evaluate(0, &features, &CALM, &moment).unwrap();
    let Outcome::Emitted(signal) = decision.outcome else {
        panic!("{:?}", decision.outcome);
    };
    assert_eq!(signal.confidence, 97);
    assert_eq!(signal.direction, Direction::Long);
    assert_eq!(signal.contract.listing.strike, price(587.0));
    assert_eq!(signal.contract.listing.right, Right::Call);
    // The true range is 1.00: 1.5 of it below, 1, 2 and 3 above.
    assert_eq!(signal.stop, price(585.4));
    assert_eq!(signal.targets, [587.9, 588.9, 589.9].map(price));
    assert_eq!(signal.ttl_ns, 5 * 60 * MINUTE_NS);
    assert_eq!(signal.ts_ms(), moment.now.0 / 1_000_000);
    assert!(!signal.is_over(Nanos(moment.now.0 + signal.ttl_ns - 1)));
    assert!(signal.is_over(Nanos(moment.now.0 + signal.ttl_ns)));
    assert_eq!(
        SignalId::from_hex(&signal.identity.id.to_string()),
        Some(signal.identity.id)
    );
    assert_eq!(decision.ages[Feature::Vpin as usize], Some(0));
    assert_eq!(decision.ages[Feature::Vwap as usize], None);
}

#[test]
fn s2_evaluation_comes_at_most_once_in_the_refresh_time() {
    let (mut decide, world) = (decide(), World::new());
    assert!(outcome(&mut decide, &world, 0).is_some());
    assert!(outcome(&mut decide, &world, 4).is_none());
    assert!(outcome(&mut decide, &world, 5).is_some());
    // An event that is older than the last is no reason to look again.
    assert!(outcome(&mut decide, &world, 1).is_none());
    assert_eq!(decide.totals().evaluated, 2);
}

#[test]
fn s2_nothing_is_evaluated_outside_the_window_or_after_the_close() {
    let world = World::new();
    for (minute, due) in [(584, false), (585, true), (899, true), (900, false)] {
        let moment = at(tuesday(), minute * MINUTE_NS);
        let features = world.features(moment.now);
        let decision = decide().evaluate(0, &features, &CALM, &moment);
        assert_eq!(decision.is_some(), due, "minute {minute}");
    }
    let mut half_day = at(tuesday(), 780 * MINUTE_NS);
    half_day.close_of_today = Some(half_day.now);
    let features = world.features(half_day.now);
    assert!(decide().evaluate(0, &features, &CALM, &half_day).is_none());
}

#[test]
fn s01_same_contract_again_is_an_update_or_thin_never_a_second_emission() {
    let (mut decide, world) = (decide(), World::new());
    assert!(matches!(
        outcome(&mut decide, &world, 0),
        Some(Outcome::Emitted(_))
    ));
    let blocked = Some(Outcome::Blocked(Block::Thin));
    assert_eq!(outcome(&mut decide, &world, 5), blocked);

    // 30 + 21 + 30 = 81, and the pin's pull makes it 97; with less VPIN it is 77 · 1.2 = 92.
    let moment = eleven(10);
    let weaker = world.features_at(moment.now, 0.7, 0.935, 586.9);
    let decision = decide.evaluate(0, &weaker, &CALM, &moment).unwrap();
    assert_eq!(decision.change.unwrap().delta(), Some(5));
    assert!(matches!(decision.outcome, Outcome::Updated(signal) if signal.confidence == 92));
    // The update is what the next one is compared with.
    assert!(matches!(
        outcome(&mut decide, &world, 15),
        Some(Outcome::Updated(_))
    ));

    // The last confidence is forgotten before the signal is.
    assert!(matches!(
        outcome(&mut decide, &world, 1_000),
        Some(Outcome::Updated(_))
    ));
    let totals = decide.totals();
    assert_eq!((totals.emitted, totals.updated), (1, 3));
    assert_eq!(totals.blocked(Block::Duplicate), 3);
    assert_eq!(totals.blocked(Block::Thin), 1);
    assert_eq!(totals.considered, 5);

    let fingerprint = decision.identity.unwrap().fingerprint;
    let trail: Vec<_> = decide.audit().trail(&fingerprint, moment.now).collect();
    assert_eq!(trail.len(), 5);
    assert_eq!(trail[0].block, Some(Block::Duplicate));
    assert_eq!(trail[4].block, None);
    let later = Nanos(eleven(1_000).now.0 + 3_600 * SECOND_NS);
    assert_eq!(decide.audit().trail(&fingerprint, later).count(), 0);
}

#[test]
fn s14_audit_keeps_the_last_fifty_of_a_contract() {
    let (mut decide, world) = (decide(), World::new());
    let mut fingerprint = None;
    for k in 0..60 {
        let moment = eleven(k * 5);
        let features = world.features(moment.now);
        let decision = decide.evaluate(0, &features, &CALM, &moment).unwrap();
        fingerprint = decision.identity.map(|identity| identity.fingerprint);
    }
    let now = eleven(300).now;
    let times: Vec<_> = decide
        .audit()
        .trail(&fingerprint.unwrap(), now)
        .map(|entry| entry.at)
        .collect();
    assert_eq!(times.len(), 50);
    assert_eq!((times[0], times[49]), (eleven(295).now, eleven(50).now));
}

#[test]
fn s02_signal_blocked_by_cooldown_is_emitted_after_it() {
    let world = World::new();
    let mut claims = Claims::new(8);
    // Another day's signal of the same contract was emitted just now.
    let terms = Terms {
        symbol: "QQQ",
        strategy: Strategy::ZeroDte,
        direction: Direction::Long,
        expiry: tuesday(),
        right: Right::Call,
        strike: price(587.0),
        multiplier: 100,
        exchange: "",
    };
    let request = Request {
        identity: Identity::of(&terms, VERSION, tuesday().plus(-1)).unwrap(),
        token: Token {
            worker: 9,
            attempt: 0,
        },
        ttl_ns: 300 * SECOND_NS,
        cooldown_ns: 30 * SECOND_NS,
    };
    assert_eq!(claims.claim(&request, eleven(0).now), Claim::Won);

    let rules = [(RuleSet::of(Strategy::ZeroDte), symbol("QQQ"))];
    let mut decide = Decide::new(&rules, claims, &limits(1)).unwrap();
    for seconds in [5, 29] {
        let blocked = Some(Outcome::Blocked(Block::Cooldown));
        assert_eq!(outcome(&mut decide, &world, seconds), blocked);
    }
    assert!(matches!(
        outcome(&mut decide, &world, 34),
        Some(Outcome::Emitted(_))
    ));
}

#[test]
fn event_of_an_earlier_time_finds_id_and_contract_as_they_were_last() {
    let mut claims = Claims::new(1);
    let request = |contract, day, attempt| Request {
        identity: Identity {
            fingerprint: Fingerprint([contract; 10]),
            id: SignalId([day; 8]),
        },
        token: Token { worker: 1, attempt },
        ttl_ns: 300,
        cooldown_ns: 30,
    };
    assert_eq!(claims.claim(&request(1, 1, 0), Nanos(100)), Claim::Won);
    // At 131 the cooldown is over, though the id is asked for first and is taken.
    assert_eq!(
        claims.claim(&request(1, 1, 1), Nanos(131)),
        Claim::Duplicate
    );
    assert_eq!(claims.claim(&request(1, 2, 2), Nanos(120)), Claim::Full);
    assert_eq!(claims.claim(&request(1, 2, 3), Nanos(400)), Claim::Won);
}

#[test]
fn released_claim_is_free_and_nobody_elses_is() {
    let mut claims = Claims::new(8);
    let request = |attempt| Request {
        identity: Identity {
            fingerprint: Fingerprint([1; 10]),
            id: SignalId([1; 8]),
        },
        token: Token { worker: 1, attempt },
        ttl_ns: 300,
        cooldown_ns: 30,
    };
    assert_eq!(claims.claim(&request(0), Nanos(100)), Claim::Won);
    claims.release(&request(1), Nanos(101));
    assert_eq!(claims.claim(&request(1), Nanos(102)), Claim::Duplicate);
    claims.release(&request(0), Nanos(103));
    assert_eq!(claims.claim(&request(1), Nanos(104)), Claim::Won);
}

#[test]
fn s03_price_swinging_around_a_border_keeps_its_strike() {
    let (world, moment) = (World::new(), eleven(0));
    let choice = Choice::of(Strategy::ZeroDte);
    let features = world.features(moment.now);
    let seen = Snapshot::of(&features, 50).unwrap();
    let mut memory = Hysteresis::default();
    let mut strikes = Vec::new();
    for k in 0..100_u64 {
        // The price swings over 587 by a quarter and more, and then goes up for good.
        let swing = if k % 2 == 0 { 586.75 } else { 587.25 };
        let spot = price(if k < 80 { swing } else { 587.95 });
        let now = Nanos(moment.now.0 + k * 5 * SECOND_NS);
        let at_spot = Snapshot { spot, ..seen };
        let chosen = choice
            .choose(&world.chain, &at_spot, Direction::Long, &moment)
            .unwrap();
        let context = (&world.chain[..], &choice);
        let kept = memory.settle(chosen, Direction::Long, context, (spot, now));
        strikes.push(kept.listing.strike);
    }
    let flips = strikes.windows(2).filter(|pair| pair[0] != pair[1]).count();
    assert_eq!(strikes[0], price(587.0));
    assert_eq!(strikes[79], price(587.0));
    assert_eq!(strikes[99], price(588.0));
    assert_eq!(flips, 1);
}

#[test]
fn s03_strike_is_forgotten_after_its_time_and_not_kept_when_it_cannot_be_traded() {
    let (world, moment) = (World::new(), eleven(0));
    let choice = Choice::of(Strategy::ZeroDte);
    let mut chain = world.chain.clone();
    let listed = |chain: &[_], strike: f64| {
        let is =
            |listing: &&Listing| listing.strike == price(strike) && listing.expiry == tuesday();
        choice.chosen(*chain.iter().find(is).unwrap())
    };
    let (first, second) = (listed(&chain, 587.0), listed(&chain, 588.0));
    let spot = price(587.4);
    let settle = |chain: &[_], seconds: u64| {
        let mut memory = Hysteresis::default();
        let now = |seconds: u64| Nanos(moment.now.0 + seconds * SECOND_NS);
        memory.settle(first, Direction::Long, (chain, &choice), (spot, now(0)));
        let at = (spot, now(seconds));
        memory.settle(second, Direction::Long, (chain, &choice), at)
    };
    assert_eq!(settle(&chain, 599).listing.strike, price(587.0));
    assert_eq!(settle(&chain, 600).listing.strike, price(588.0));
    for listing in &mut chain {
        if listing.strike == price(587.0) {
            listing.open_interest = None;
        }
    }
    assert_eq!(settle(&chain, 5).listing.strike, price(588.0));
}

#[test]
fn s04_lifetimes_end_at_the_right_close() {
    let calendar = Calendar::built_in();
    let lifetime = |strategy, (year, month, date), minute| {
        let day = Day::from_ymd(year, month, date).unwrap();
        let now = day.eastern_minute(minute);
        let moment = Moment::of(&calendar, Venue::Nyse, now).unwrap();
        assert_eq!(moment.day, day, "not the UTC date");
        lifetime_ns(strategy, &moment) / SECOND_NS
    };
    let tuesday = (2025, 9, 16);
    let zero = |day, minute| lifetime(Strategy::ZeroDte, day, minute);
    assert_eq!(zero(tuesday, 720), 4 * 3_600);
    assert_eq!(zero(tuesday, 959), 60);
    assert_eq!(zero(tuesday, 960), 60, "at the close");
    // The day after Thanksgiving closes at 13:00.
    assert_eq!(zero((2025, 11, 28), 720), 3_600);
    let one = |day, minute| lifetime(Strategy::OneDte, day, minute);
    // 20:00 in New York is midnight UTC: tomorrow's close is still tomorrow's.
    assert_eq!(one(tuesday, 1_200), 20 * 3_600);
    // A Friday before the clocks go back: three days and an hour more to Monday's close.
    assert_eq!(one((2025, 10, 31), 958), 73 * 3_600 + 120);
    assert_eq!(one((2026, 3, 6), 958), 71 * 3_600 + 120, "and forward");
}

#[test]
fn s04_evening_on_globex_belongs_to_the_next_day() {
    let calendar = Calendar::built_in();
    let sunday = Day::from_ymd(2025, 9, 21).unwrap().eastern_minute(18 * 60);
    let moment = Moment::of(&calendar, Venue::Globex, sunday).unwrap();
    let monday = Day::from_ymd(2025, 9, 22).unwrap();
    assert_eq!((moment.day, moment.next_day), (monday, monday.plus(1)));
    assert_eq!(moment.close_of_today, Some(monday.eastern_minute(17 * 60)));
    assert_eq!(moment.next_close, monday.plus(1).eastern_minute(17 * 60));
    assert!(!moment.is_rth);
}

#[test]
fn s04_id_is_of_the_trading_day_and_fingerprint_of_none() {
    let terms = terms();
    let today = Identity::of(&terms, VERSION, tuesday()).unwrap();
    let tomorrow = Identity::of(&terms, VERSION, tuesday().plus(1)).unwrap();
    assert_eq!(today.fingerprint, tomorrow.fingerprint);
    assert_ne!(today.id, tomorrow.id);
    assert_ne!(
        Identity::of(&terms, "D6.0.2", tuesday()).unwrap().id,
        today.id
    );
}

fn terms() -> Terms<'static> {
    Terms {
        symbol: "SPY",
        strategy: Strategy::ZeroDte,
        direction: Direction::Long,
        expiry: tuesday(),
        right: Right::Call,
        strike: price(507.0),
        multiplier: 100,
        exchange: "SMART",
    }
}

#[test]
fn s05_one_contract_has_one_fingerprint_and_an_ambiguous_one_none() {
    let of = |terms: Terms| Identity::of(&terms, VERSION, tuesday());
    let plain = of(terms()).unwrap();
    let lower = Terms {
        symbol: "spy",
        exchange: "smart",
        ..terms()
    };
    let unnamed = Terms {
        exchange: "",
        ..terms()
    };
    assert_eq!((of(lower), of(unnamed)), (Ok(plain), Ok(plain)));
    for symbol in [
        "",
        "SPY:0dte",
        "SPY ",
        "S\u{e9}Y",
        "ABCDEFGHIJKLMNOPQ",
        "A\nB",
    ] {
        assert_eq!(
            of(Terms { symbol, ..terms() }),
            Err(Ambiguous::Symbol),
            "{symbol:?}"
        );
    }
    let exchange = Terms {
        exchange: "A:B",
        ..terms()
    };
    assert_eq!(of(exchange), Err(Ambiguous::Exchange));
    for strike in [0, -507_000_000_000, 507_000_000_001, i64::MAX] {
        let terms = Terms {
            strike: Price(strike),
            ..terms()
        };
        assert_eq!(of(terms), Err(Ambiguous::Strike), "{strike}");
    }
    let flat = Terms {
        direction: Direction::Flat,
        ..terms()
    };
    assert_eq!(of(flat), Err(Ambiguous::Direction));
    let none = Terms {
        multiplier: 0,
        ..terms()
    };
    assert_eq!(of(none), Err(Ambiguous::Multiplier));
    assert_eq!(
        Identity::of(&terms(), "D6:1", tuesday()),
        Err(Ambiguous::Version)
    );
}

#[test]
fn s13_roots_of_adjusted_contracts_and_share_classes_are_themselves() {
    let of = |symbol| {
        let terms = Terms { symbol, ..terms() };
        Identity::of(&terms, VERSION, tuesday())
            .unwrap()
            .fingerprint
    };
    let roots = ["SPY", "SPY1", "SPYP", "BRKB", "BRK.B", "BRK/B"].map(of);
    for (place, root) in roots.iter().enumerate() {
        assert!(!roots[..place].contains(root));
    }
}

#[test]
fn s2_of_several_gates_that_would_stop_a_signal_the_first_is_the_reason() {
    let (world, moment) = (World::new(), eleven(0));
    let asking = {
        let mut rules = RuleSet::of(Strategy::ZeroDte);
        rules.set("news_against_max", 15.0).unwrap();
        rules
    };
    let strict = RuleSet {
        confidence_min: 98,
        ..asking
    };
    let untrusted = Conditions {
        trust: Trust::MaybeBad,
        ..CALM
    };
    let now = moment.now;
    // Each change breaks one gate; they are taken away from the first on.
    let breaks: [fn(&mut Features<'_>, Nanos); 5] = [
        |features, now| {
            features.obi = Some(Reading {
                value: 0.935,
                at: Nanos(now.0 - 6 * SECOND_NS),
            });
        },
        |features, _| features.vpin = None,
        |_, _| {},
        |features, now| {
            features.news = Some(Reading {
                value: -0.9,
                at: now,
            });
        },
        |features, now| {
            features.chain = Some(Reading {
                value: &[],
                at: now,
            })
        },
    ];
    let reason = |from: usize, rules: RuleSet, conditions: &Conditions| {
        let mut features = world.features(now);
        features.news = Some(Reading {
            value: 0.0,
            at: now,
        });
        for change in &breaks[from..] {
            change(&mut features, now);
        }
        let rules = [(rules, symbol("QQQ"))];
        let mut decide = Decide::new(&rules, Claims::new(16), &limits(1)).unwrap();
        decide
            .evaluate(0, &features, conditions, &moment)
            .unwrap()
            .outcome
    };
    let of = |from, rules| reason(from, rules, &untrusted);
    assert_eq!(of(0, strict), Outcome::Skipped(Unfit::Stale(Feature::Obi)));
    assert_eq!(
        of(1, strict),
        Outcome::Skipped(Unfit::Missing(Feature::Vpin))
    );
    assert_eq!(of(2, strict), Outcome::Debug(Block::LowConfidence));
    assert_eq!(of(3, asking), Outcome::Blocked(Block::News));
    assert_eq!(of(4, asking), Outcome::Blocked(Block::NoContract));
    assert_eq!(of(5, asking), Outcome::Blocked(Block::Untrusted));
    assert!(matches!(reason(5, asking, &CALM), Outcome::Emitted(_)));
}

#[test]
fn a15_news_stop_a_signal_just_beyond_the_border_and_are_asked_only_by_who_asks() {
    let (world, moment) = (World::new(), eleven(0));
    let asking = |against_max: u8| {
        let mut rules = RuleSet::of(Strategy::ZeroDte);
        rules
            .set("news_against_max", f64::from(against_max))
            .unwrap();
        rules.set("news_age_s", 900.0).unwrap();
        rules
    };
    let outcome = |rules: RuleSet, news: Option<Reading<f64>>| {
        let mut features = world.features(moment.now);
        features.news = news;
        let store = Claims::new(16);
        let mut decide = Decide::new(&[(rules, symbol("QQQ"))], store, &limits(1)).unwrap();
        let decision = decide.evaluate(0, &features, &CALM, &moment).unwrap();
        let counters = decide.counters(0).unwrap();
        assert!(counters.is_conserved());
        (decision.outcome, counters.skipped(Feature::News))
    };
    let told = |value: f64, age: u64| {
        let at = Nanos(moment.now.0 - age);
        Some(Reading { value, at })
    };
    let is_out = |(outcome, skipped): (Outcome, u64)| {
        assert_eq!(skipped, 0);
        match outcome {
            Outcome::Emitted(_) => true,
            Outcome::Blocked(Block::News) => false,
            other => panic!("{other:?}"),
        }
    };
    // The signal is long: good news never stop it, and bad ones beyond the border do.
    for (value, passes) in [(1.0, true), (0.0, true), (-0.15, true), (-0.150_001, false)] {
        assert_eq!(
            is_out(outcome(asking(15), told(value, 0))),
            passes,
            "{value}"
        );
    }
    assert!(!is_out(outcome(asking(0), told(-0.000_001, 0))));
    assert!(is_out(outcome(asking(0), told(0.0, 0))));
    // Who does not ask sees neither the worst news nor none.
    assert!(is_out(outcome(asking(100), told(-1.0, 0))));
    assert!(is_out(outcome(asking(100), None)));
    assert!(is_out(outcome(
        RuleSet::of(Strategy::ZeroDte),
        told(f64::NAN, 0)
    )));
    // Who asks needs them, sound and no older than it says.
    let unfit = |unfit| (Outcome::Skipped(unfit), 1);
    assert_eq!(
        outcome(asking(15), None),
        unfit(Unfit::Missing(Feature::News))
    );
    let old = told(0.0, 900 * SECOND_NS + 1);
    assert_eq!(outcome(asking(15), old), unfit(Unfit::Stale(Feature::News)));
    assert!(is_out(outcome(asking(15), told(0.0, 900 * SECOND_NS))));
    let broken = told(f64::NAN, 0);
    assert_eq!(
        outcome(asking(15), broken),
        unfit(Unfit::Broken(Feature::News))
    );
}

#[test]
fn s06_stale_features_are_skipped_at_their_exact_age() {
    let (world, moment) = (World::new(), eleven(100));
    let aged = |ns: u64| Nanos(moment.now.0 - ns);
    let at_obi = |at: Nanos| {
        let mut features = world.features(moment.now);
        features.obi = Some(Reading { value: 0.935, at });
        decide()
            .evaluate(0, &features, &CALM, &moment)
            .unwrap()
            .outcome
    };
    let stale = Outcome::Skipped(Unfit::Stale(Feature::Obi));
    assert!(matches!(at_obi(aged(5 * SECOND_NS)), Outcome::Emitted(_)));
    assert_eq!(at_obi(aged(5 * SECOND_NS + 1)), stale);
    assert_eq!(at_obi(Nanos::UNDEFINED), stale);
    assert_eq!(at_obi(Nanos(moment.now.0 + 1)), stale, "from the future");

    let at_chain = |at: Nanos| {
        let mut features = world.features(moment.now);
        features.chain = features.chain.map(|reading| Reading { at, ..reading });
        decide()
            .evaluate(0, &features, &CALM, &moment)
            .unwrap()
            .outcome
    };
    assert!(matches!(
        at_chain(aged(60 * SECOND_NS)),
        Outcome::Emitted(_)
    ));
    let stale = Outcome::Skipped(Unfit::Stale(Feature::Chain));
    assert_eq!(at_chain(aged(60 * SECOND_NS + 1)), stale);
}

#[test]
fn s06_missing_or_broken_features_are_skipped_and_counted() {
    let world = World::new();
    let mut decide = decide();
    let mut skipped = |seconds, spoil: fn(&mut Features)| {
        let moment = eleven(seconds);
        let mut features = world.features(moment.now);
        spoil(&mut features);
        match decide
            .evaluate(0, &features, &CALM, &moment)
            .unwrap()
            .outcome
        {
            Outcome::Skipped(unfit) => (unfit, decide.totals()),
            outcome => panic!("{outcome:?}"),
        }
    };
    let (unfit, _) = skipped(0, |f| f.vpin = None);
    assert_eq!(unfit, Unfit::Missing(Feature::Vpin));
    let (unfit, _) = skipped(5, |f| {
        f.obi = f.obi.map(|r| Reading {
            value: f64::NAN,
            ..r
        });
    });
    assert_eq!(unfit, Unfit::Broken(Feature::Obi));
    let (unfit, _) = skipped(10, |f| {
        f.toxicity = f.obi.map(|r| Reading {
            value: f64::INFINITY,
            ..r
        });
    });
    assert_eq!(unfit, Unfit::Broken(Feature::Toxicity));
    let (unfit, _) = skipped(15, |f| {
        f.last = f.last.map(|r| Reading {
            value: Price::UNDEFINED,
            ..r
        });
    });
    assert_eq!(unfit, Unfit::Broken(Feature::Last));
    // A price without a time is missing; anything else without a time is stale.
    let (unfit, totals) = skipped(20, |f| {
        f.last = f.last.map(|r| Reading {
            at: Nanos::UNDEFINED,
            ..r
        });
    });
    assert_eq!(unfit, Unfit::Missing(Feature::Last));
    assert_eq!((totals.evaluated, totals.skipped_schema), (5, 5));
    assert!(totals.is_conserved());
}

#[test]
fn s13_guards_block_what_must_not_be_traded() {
    let blocked = |spoil: fn(&mut World), conditions: Conditions| {
        let mut world = World::new();
        spoil(&mut world);
        let moment = eleven(0);
        let features = world.features(moment.now);
        decide()
            .evaluate(0, &features, &conditions, &moment)
            .unwrap()
            .outcome
    };
    let halted = Conditions {
        is_halted: true,
        ..CALM
    };
    let doubtful = Conditions {
        trust: Trust::MaybeBad,
        ..CALM
    };
    let disabled = Conditions {
        is_disabled: true,
        ..CALM
    };
    assert_eq!(blocked(|_| {}, halted), Outcome::Blocked(Block::Halted));
    assert_eq!(blocked(|_| {}, disabled), Outcome::Blocked(Block::Disabled));
    assert_eq!(
        blocked(|_| {}, doubtful),
        Outcome::Blocked(Block::Untrusted)
    );
    type Spoiled = (fn(&mut World), Block);
    let cases: [Spoiled; 5] = [
        (|w| w.bars.truncate(1), Block::NoLevels),
        (|w| w.chain.clear(), Block::NoContract),
        (
            |w| w.chain.iter_mut().for_each(|l| l.ask = price(1.2)),
            Block::Illiquid,
        ),
        (|w| w.bars[1].high = price(700.0), Block::Stop),
        (
            |w| w.chain.iter_mut().for_each(|l| l.strike.0 += 1),
            Block::Ambiguous,
        ),
    ];
    for (spoil, block) in cases {
        assert_eq!(blocked(spoil, CALM), Outcome::Blocked(block));
    }
}

#[test]
fn failed_store_blocks() {
    struct Broken;
    impl ClaimStore for Broken {
        type Error = ();
        fn claim(&mut self, _: &Request, _: Nanos) -> Result<Claim, ()> {
            Err(())
        }
    }
    let rules = [(RuleSet::of(Strategy::ZeroDte), symbol("QQQ"))];
    let mut decide = Decide::new(&rules, Broken, &limits(1)).unwrap();
    let (world, moment) = (World::new(), eleven(0));
    let features = world.features(moment.now);
    let decision = decide.evaluate(0, &features, &CALM, &moment).unwrap();
    assert_eq!(decision.outcome, Outcome::Blocked(Block::StoreFailed));
    // What was not emitted is not remembered as the last confidence.
    let moment = eleven(5);
    let features = world.features(moment.now);
    let decision = decide.evaluate(0, &features, &CALM, &moment).unwrap();
    assert_eq!(decision.change.unwrap().last, None);
}

#[test]
fn refused_rule_set_is_named() {
    let mut rules = RuleSet::of(Strategy::Moc);
    rules.confidence_min = 101;
    let rules = [
        (RuleSet::of(Strategy::ZeroDte), symbol("QQQ")),
        (rules, symbol("QQQ")),
    ];
    let (place, invalid) = Decide::new(&rules, Claims::new(8), &limits(1)).unwrap_err();
    assert_eq!(place, 1);
    assert!(invalid.to_string().contains("confidence_min"));
}

#[test]
fn flips_are_the_nearest_values_that_change_the_answer() {
    let rules = RuleSet::of(Strategy::ZeroDte);
    let (world, moment) = (World::new(), eleven(0));
    // 30 for VPIN, 21 for the book, 5 for the pin: 56 of 60.
    let features = world.features_at(moment.now, 1.0, 0.935, 588.9);
    let seen = Snapshot::of(&features, 50).unwrap();
    assert_eq!(rules.rule.judge(&seen, &moment).confidence(), 56);
    let flips: Vec<_> = flips(&rules, &seen, &moment).collect();
    let of = |feature| {
        flips
            .iter()
            .find(|flip| flip.knob == Knob::Feature(feature))
    };
    // A sweep without momentum adds 10, and no VPIN is enough.
    let sweep = of(Feature::Sweep).unwrap();
    assert_eq!((sweep.to, sweep.confidence), (1.0, 66));
    assert!(of(Feature::Vpin).is_none());
    // Nearer to the pin than half its reach, the points for it double.
    let price = of(Feature::Last).unwrap();
    assert!(price.to < price.from && price.confidence >= 60);
    let before = Snapshot {
        spot: crate::world::price(price.to + 0.01),
        gamma: seen
            .gamma
            .map(|gamma| gamma.at_price(crate::world::price(price.to + 0.01), 50)),
        ..seen
    };
    assert!(rules.rule.judge(&before, &moment).confidence() < 60);
}

#[test]
fn moc_takes_the_delta_that_suits_and_says_when_none_does() {
    let choice = Choice::of(Strategy::Moc);
    let mut world = World::new();
    let moment = at(tuesday(), 951 * MINUTE_NS);
    for listing in &mut world.chain {
        let strike = listing.strike.0 as f64 / 1e9;
        listing.delta = Some(0.5 - (strike - 590.0) * 0.05);
        listing.open_interest = Some(2_000);
        listing.bid = price(2.0);
        listing.ask = price(2.4);
    }
    let choose = |world: &World, spot: f64| {
        let features = world.features_at(moment.now, 1.0, 0.9, spot);
        let seen = Snapshot::of(&features, 50).unwrap();
        choice
            .choose(&world.chain, &seen, Direction::Long, &moment)
            .unwrap()
    };
    // 8 bps of 590 are .472; the spread is .40. Delta .25 is at 595, .15 at 597.
    let away = choose(&world, 590.0);
    assert_eq!(away.listing.strike, price(595.0));
    assert_eq!(
        away.liquidity,
        Liquidity::Spread,
        "18 % of the mid is not liquid"
    );
    let pinned = choose(&world, 587.5);
    assert_eq!(pinned.listing.strike, price(597.0));
    for listing in &mut world.chain {
        listing.open_interest = Some(1_999);
    }
    let fallback = choose(&world, 590.0);
    assert_eq!(
        fallback.listing.strike,
        price(591.0),
        "590 · 1.0025 = 591.475"
    );
    assert_eq!(fallback.liquidity, Liquidity::Unsuitable);
}
