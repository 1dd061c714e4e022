//! What is decided on whole sessions, and how positions end: faults of signals and of what slow
//! sources and operators say, each with its number in the list of faults.
//!
//! The session, the profile and the steps are those of the trader's tests.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::collections::{BTreeMap, BTreeSet};

use undertow_core::event::{Control, Imbalance, Operator};
use undertow_core::gateway::Gateway;
use undertow_core::money::Money;
use undertow_core::position::ExitCause;
use undertow_core::risk::{
    Bound, Context, Costs, LimitChange, LimitError, Refusal, Status, ValueAtRisk,
};
use undertow_core::types::{BookKey, InstrumentId, Nanos, Price, Side};
use undertow_core::venue::PaperVenue;
use undertow_strategies::calendar::{Calendar, Venue};
use undertow_strategies::decide::card::{Direction, Term};
use undertow_strategies::decide::contract::Liquidity;
use undertow_strategies::decide::counters::Block;
use undertow_strategies::decide::features::{AgesMax, Feature};
use undertow_strategies::decide::identity::{Identity, Terms, VERSION};
use undertow_strategies::decide::rules::Strategy;
use undertow_strategies::decide::{Decision, Outcome};
use undertow_strategies::trade::event::{Asked, TradeEvent};

#[path = "support/desk.rs"]
mod desk;
#[path = "support/eager.rs"]
mod eager;
mod support;

use desk::{Run, blocked, first, holding, nothing, opening, plain, play, profile, session, venue};

/// The synthesis with its borders moved so far that little becomes a signal.
const EAGER_SYNTHESIS: (&str, &str) = (
    "[product.rules.synthesis]\nliquid_interest_min = 5 ",
    "[product.rules.synthesis]\nleast_confidence = 1\nlead_min = 1\nedge_min = 0.001\n\
     ev_min = 1\nev_full = 1\nev_weight = 80\nv1_weight = 5\n\
     v3_weight = 5\nshock_weight = 5\nliquid_spread_max_pct = 100\n\
     liquid_interest_min = 0\nstop_max_bps = 10000\n\
     cooldown_s = 1200 ",
);
const ONLY_SYNTHESIS: (&str, &str) = (
    "\"0dte\", \"1dte\", \"14dte\", \"moc\", \"ifd\", \"synthesis\"",
    "\"synthesis\"",
);

fn decisions<G>(run: &Run<G>) -> impl Iterator<Item = &Decision> {
    run.events.iter().filter_map(|event| match event {
        TradeEvent::Decided(decided) => Some(&decided.decision),
        _ => None,
    })
}

fn played(changes: &[(&str, &str)]) -> Run<PaperVenue> {
    let profile = profile(changes);
    play(
        session(),
        (&profile, &first(&profile)),
        venue(&profile),
        nothing,
    )
}

#[test]
fn the_synthesis_trades_setups_within_reach_by_the_contract_that_ranks_first() {
    let run = played(&[ONLY_SYNTHESIS, EAGER_SYNTHESIS]);
    let mut directions = BTreeSet::new();
    for decision in decisions(&run) {
        let Outcome::Emitted(signal) = decision.outcome else {
            continue;
        };
        let seen = decision.seen.unwrap();
        let outlook = seen.outlook.unwrap();
        let prospect = outlook.prospect(signal.direction).unwrap();
        let setup = prospect.setup;
        let away = (setup.target.0 - seen.spot.0).abs();
        assert!(
            away <= outlook.reach.0,
            "{} beyond {}",
            setup.target,
            outlook.reach
        );
        assert!(setup.tilted_ev() >= 1.0 && setup.p >= 0.6);
        assert_eq!(
            signal.targets[2], setup.target,
            "it leaves where the setup ends"
        );
        assert_eq!(signal.stop, setup.stop);
        let edge = Direction::of_sign(outlook.edge().unwrap());
        let flow = seen.ifd.map(|flagged| flagged.direction);
        let shock = outlook.shock.map(|jolt| jolt.direction);
        let is_meant = edge == signal.direction
            || flow == Some(signal.direction)
            || shock == Some(signal.direction);
        assert!(is_meant, "some component points there");
        let gains: Vec<_> = prospect
            .contracts
            .iter()
            .flatten()
            .map(|it| it.gain)
            .collect();
        assert!(
            gains.windows(2).all(|pair| pair[0] >= pair[1]),
            "best first: {gains:?}"
        );
        let strikes = prospect.contracts.iter().flatten().map(|it| it.strike);
        assert!(
            strikes
                .into_iter()
                .any(|strike| strike == signal.contract.listing.strike)
                || decision.contract.unwrap().liquidity == Liquidity::Liquid,
            "ranked, or kept by hysteresis"
        );
        directions.insert(signal.direction.name());
    }
    let totals = run.trader.decide().totals();
    assert!(!directions.is_empty(), "it signals: {totals:?}");
    assert!(opening(&run) > 0, "and trades");
}

#[test]
fn a_direction_without_a_setup_worth_its_risk_is_vetoed() {
    let worthless = (
        EAGER_SYNTHESIS.0,
        EAGER_SYNTHESIS.1.replace("ev_min = 1\n", "ev_min = 1000\n"),
    );
    let run = played(&[ONLY_SYNTHESIS, (worthless.0, &worthless.1)]);
    let counters = run.trader.decide().counters(0).unwrap();
    assert_eq!(counters.emitted, 0);
    assert!(
        counters.blocked(Block::LowConfidence) > 0,
        "directions there were: {counters:?}"
    );
}

/// The same confidence is news again after 900 s, an id is free after 300 s: what stops a signal
/// between that and 1,200 s is its cooldown.
#[test]
fn s02_a_signal_that_cooldown_blocked_is_emitted_after_it() {
    let run = played(&[ONLY_SYNTHESIS, EAGER_SYNTHESIS]);
    let mut emitted: BTreeMap<_, u64> = BTreeMap::new();
    let mut cooled = BTreeSet::new();
    let (mut blocks, mut again) = (0, 0);
    for decision in decisions(&run) {
        let Some(identity) = &decision.identity else {
            continue;
        };
        let (of, now) = (identity.fingerprint.0, decision.moment.now.0);
        match decision.outcome {
            Outcome::Emitted(_) => {
                let before = emitted.insert(of, now);
                assert!(
                    before.is_none_or(|at| now - at >= 1_200_000_000_000),
                    "within its cooldown"
                );
                again += u64::from(cooled.remove(&of));
            }
            Outcome::Blocked(Block::Cooldown) => {
                let at = emitted[&of];
                assert!((300_000_000_000..1_200_000_000_000).contains(&(now - at)));
                cooled.insert(of);
                blocks += 1;
            }
            _ => {}
        }
    }
    let totals = run.trader.decide().totals();
    assert!(blocks > 0, "some were blocked: {totals:?}");
    assert!(again > 0, "and one of them was emitted later");
}

#[test]
fn s03_a_strike_changes_by_one_step_only_when_the_price_is_clearly_past_the_middle() {
    let run = plain();
    let mut last: BTreeMap<_, (Price, u64)> = BTreeMap::new();
    let (mut kept, mut changed) = (0, 0);
    for decision in decisions(&run) {
        let (Some(chosen), Some(seen), Some(card)) =
            (&decision.contract, &decision.seen, &decision.card)
        else {
            continue;
        };
        if decision.strategy != Strategy::ZeroDte {
            continue;
        }
        let (strike, now) = (chosen.listing.strike, decision.moment.now.0);
        let key = (card.direction().name(), chosen.listing.expiry);
        let Some((before, at)) = last.insert(key, (strike, now)) else {
            continue;
        };
        let step = (strike.0 - before.0).abs();
        if step == 0 {
            kept += 1;
        } else if step == 25 * Price::PER_POINT && now - at < 600_000_000_000 {
            changed += 1;
            let off = (2 * seen.spot.0 - strike.0 - before.0).abs();
            assert!(off * 5 >= 3 * step, "{before} to {strike} at {}", seen.spot);
        }
    }
    assert!(kept > 10 && changed > 0, "{kept} kept, {changed} changed");
}

#[test]
fn s04_ids_are_of_the_trading_day_and_lifetimes_end_at_the_close() {
    let run = plain();
    let calendar = Calendar::built_in();
    let mut emissions = 0;
    for decision in decisions(&run) {
        let Outcome::Emitted(signal) = decision.outcome else {
            continue;
        };
        let listing = &signal.contract.listing;
        let day = calendar.trading_day(Venue::Nyse, signal.at).unwrap();
        let terms = Terms {
            symbol: "nq",
            strategy: signal.strategy,
            direction: signal.direction,
            expiry: listing.expiry,
            right: listing.right,
            strike: listing.strike,
            multiplier: listing.multiplier,
            exchange: listing.exchange.as_str(),
        };
        let identity = Identity::of(&terms, VERSION, day).unwrap();
        assert_eq!(identity, signal.identity, "of that day, in either case");
        let close = calendar.close_of(Venue::Nyse, day).unwrap().unwrap();
        let left = close.0 - signal.at.0;
        match signal.strategy {
            Strategy::ZeroDte => assert_eq!(signal.ttl_ns, left.max(60_000_000_000)),
            _ => assert_eq!(signal.ttl_ns, 300_000_000_000),
        }
        emissions += 1;
    }
    assert!(emissions > 0);
}

#[test]
fn s05_one_contract_has_one_fingerprint_over_a_whole_session() {
    let run = plain();
    let (mut contracts, mut fingerprints) = (BTreeMap::new(), BTreeMap::new());
    for decision in decisions(&run) {
        let (Some(identity), Some(chosen), Some(card)) =
            (&decision.identity, &decision.contract, &decision.card)
        else {
            continue;
        };
        let listing = &chosen.listing;
        let contract = (
            decision.strategy.name(),
            card.direction().name(),
            listing.instrument_id,
        );
        let of = identity.fingerprint.0;
        assert_eq!(
            *contracts.entry(of).or_insert(contract),
            contract,
            "two contracts, one print"
        );
        assert_eq!(
            *fingerprints.entry(contract).or_insert(of),
            of,
            "two prints, one contract"
        );
    }
    assert!(contracts.len() >= 4, "{}", contracts.len());
}

#[test]
fn s06_what_is_too_old_or_missing_decides_nothing_and_is_counted() {
    let run = plain();
    let bars = AgesMax::for_bars(1);
    for decision in decisions(&run) {
        assert!(
            !matches!(decision.outcome, Outcome::Skipped(_)),
            "skipped ones are counted, not said"
        );
        for (feature, age) in Feature::ALL.into_iter().zip(decision.ages) {
            let most = match feature {
                Feature::Vpin | Feature::Obi | Feature::Last => bars.ticker_ns,
                Feature::Chain => bars.chain_ns,
                _ => continue,
            };
            assert!(
                age.is_some_and(|age| age <= most),
                "{} is {age:?} old",
                feature.name()
            );
        }
    }
    let (mut stale, mut missing) = (0, 0);
    for place in 0..run.trader.rules().count() {
        let counters = run.trader.decide().counters(place).unwrap();
        stale += counters.skipped_stale;
        missing += counters.skipped_schema;
    }
    assert!(stale > 0 && missing > 0, "{stale} stale, {missing} missing");
}

#[test]
fn s07_confidence_is_points_from_0_to_100_at_every_step() {
    let run = plain();
    for decision in decisions(&run) {
        let card = decision.card.as_ref().unwrap();
        assert!(card.confidence() <= 100);
        if let Outcome::Emitted(signal) = decision.outcome {
            assert_eq!(signal.confidence, card.confidence());
            let id = u64::from_be_bytes(signal.identity.id.0);
            let mut asked = run.asked().filter(|asked| asked.intent.signal_id.0 == id);
            if let Some(asked) = asked.find(|asked| asked.ts == signal.at) {
                let points = u16::from(signal.confidence);
                assert_eq!(
                    asked.intent.confidence.units(),
                    points * 100,
                    "one unit, one scale"
                );
            }
        }
    }
}

#[test]
fn s14_considered_is_emitted_and_blocked_by_each_reason_for_every_rule_set() {
    let run = plain();
    let mut said: BTreeMap<_, BTreeMap<_, u64>> = BTreeMap::new();
    for event in &run.events {
        let TradeEvent::Decided(decided) = event else {
            continue;
        };
        let block = match decided.decision.outcome {
            Outcome::Updated(_) => Some(Block::Duplicate.name()),
            Outcome::Blocked(block) => Some(block.name()),
            _ => None,
        };
        *said
            .entry(decided.place)
            .or_default()
            .entry(block)
            .or_default() += 1;
    }
    for place in 0..run.trader.rules().count() {
        let counters = run.trader.decide().counters(place).unwrap();
        assert!(counters.is_conserved());
        let of = |block| {
            said.get(&place)
                .and_then(|said| said.get(&block))
                .copied()
                .unwrap_or(0)
        };
        assert_eq!(counters.emitted, of(None));
        for block in Block::ALL.into_iter().filter(|block| !block.is_debug()) {
            assert_eq!(
                counters.blocked(block),
                of(Some(block.name())),
                "{} of {place}",
                block.name()
            );
        }
    }
}

/// The MOC alone, which takes any contract of its chain.
const ONLY_MOC: (&str, &str) = (
    "\"0dte\", \"1dte\", \"14dte\", \"moc\", \"ifd\", \"synthesis\"",
    "\"moc\"",
);
const EAGER_MOC: (&str, &str) = (
    "[product.rules.ifd]\n",
    "[product.rules.moc]\nleast_confidence = 1\nliquid_spread_max_pct = 100\n\
     strike_interest_min = 0\nstrike_spread_bps = 10000\n\
     liquid_interest_min = 0\nstop_max_bps = 10000\nreward_min_tenths = 1\n\
     [product.rules.ifd]\n",
);

/// Plays a session in which the venue says at every twentieth record, as of so long ago, that shares
/// for 4 thousand million dollars are left over on this side: of the contract of this number, or of
/// the future. The rule listens in the last ten minutes. Returns its decisions, and how many found
/// nothing to do.
fn at_the_close(side: Side, number: Option<u32>, age_ns: u64) -> (Vec<Decision>, u64) {
    let profile = profile(&[ONLY_MOC, EAGER_MOC]);
    let mut steps = 0_u64;
    let run = play(
        session(),
        (&profile, &first(&profile)),
        venue(&profile),
        |step| {
            steps += 1;
            if steps % 20 != 1 {
                return None;
            }
            let now = step.books.iter().map(|book| book.ts_event()).max()?;
            let watch = step.trader.watches().first()?;
            let (contract, last) = (watch.contract?, watch.last?.value);
            let size = 4_000_000_000 / (last.0 / Price::PER_POINT);
            Some(Control::Imbalance(Imbalance {
                key: BookKey {
                    instrument_id: number.map_or(contract.key.instrument_id, InstrumentId),
                    ..contract.key
                },
                ts_event: Nanos(now.0 - age_ns),
                ref_price: last,
                match_price: Price(last.0 + last.0 / 100),
                clearing_price: Price::UNDEFINED,
                paired_size: 1_000,
                imbalance_size: u32::try_from(size).unwrap(),
                side,
            }))
        },
    );
    let flat = blocked(&run, Block::Flat);
    (decisions(&run).copied().collect(), flat)
}

#[test]
fn a17_the_moc_follows_what_the_venue_says_of_the_closing_auction() {
    for (side, direction) in [(Side::Bid, Direction::Long), (Side::Ask, Direction::Short)] {
        let (decisions, _) = at_the_close(side, None, 0);
        let emitted = |decision: &&Decision| matches!(decision.outcome, Outcome::Emitted(_));
        assert!(
            decisions.iter().any(|decision| emitted(&decision)),
            "{side:?}"
        );
        for decision in decisions.iter().filter(emitted) {
            let seen = decision.seen.unwrap();
            let auction = seen.imbalance.unwrap();
            assert!((auction.total - 4e9).abs() < 1e8, "{}", auction.total);
            assert_eq!(auction.side, side);
            let indicative = seen.indicative.unwrap();
            assert!((50.0..150.0).contains(&indicative.offset_bps));
            let Outcome::Emitted(signal) = decision.outcome else {
                continue;
            };
            assert_eq!(signal.direction, direction);
        }
    }
}

#[test]
fn a17_without_an_auction_of_its_own_or_with_none_left_over_the_moc_stays_flat() {
    let without = played(&[ONLY_MOC, EAGER_MOC]);
    assert!(blocked(&without, Block::Flat) > 0);
    let of_another = at_the_close(Side::Bid, Some(999_999), 0);
    let balanced = at_the_close(Side::None, None, 0);
    for (decisions, flat) in [of_another, balanced] {
        assert!(flat > 0);
        assert!(
            !decisions
                .iter()
                .any(|it| matches!(it.outcome, Outcome::Emitted(_)))
        );
    }
    let (old, flat) = at_the_close(Side::Bid, None, 16_000_000_000);
    assert!(
        old.is_empty(),
        "what is too old skips the rule, and is counted"
    );
    assert_eq!(flat, 0);
}

/// Exits for a cause that became orders, in their order.
fn exits<G>(run: &Run<G>, cause: ExitCause) -> impl Iterator<Item = (usize, &Asked)> {
    run.events
        .iter()
        .enumerate()
        .filter_map(move |(at, event)| match event {
            TradeEvent::Asked(asked) if asked.exit == Some(cause) && asked.order.is_some() => {
                Some((at, asked))
            }
            _ => None,
        })
}

#[test]
fn on_the_last_day_time_decay_closes_a_position_at_its_share_of_the_premium() {
    let none = plain();
    let usual = exits(&none, ExitCause::Theta).count();
    let strict = (
        "[product.rules.ifd]\n",
        "[product.rules.ifd]\ntheta_max_pct = 1\n",
    );
    let zero = (
        "[product.rules.0dte]\n",
        "[product.rules.0dte]\ntheta_max_pct = 1\n",
    );
    let run = played(&[strict, zero]);
    let closed: Vec<_> = exits(&run, ExitCause::Theta).collect();
    assert!(
        closed.len() > usual,
        "a hundredth a day is always passed on the last day"
    );
    for (_, asked) in closed {
        let line = run.trader.risk().line(asked.intent.contract).unwrap();
        let day = Calendar::built_in()
            .trading_day(Venue::Globex, asked.ts)
            .unwrap();
        let last = Calendar::built_in()
            .trading_day(Venue::Globex, line.contract.expiry)
            .unwrap();
        assert_eq!(day, last, "only on its last day");
        assert!(!asked.intent.purpose.opens());
    }
}

#[test]
fn a_position_is_rolled_by_closing_it_and_then_opening_the_next_expiry() {
    let ifd = (
        "[product.rules.ifd]\n",
        "[product.rules.ifd]\nroll_days = 1\n",
    );
    let zero = (
        "[product.rules.0dte]\n",
        "[product.rules.0dte]\nroll_days = 1\n",
    );
    let run = played(&[ifd, zero]);
    let expiry = |asked: &Asked| {
        run.trader
            .risk()
            .line(asked.intent.contract)
            .unwrap()
            .contract
            .expiry
    };
    let (mut rolled, mut opened) = (0, 0);
    for (at, exit) in exits(&run, ExitCause::Roll) {
        rolled += 1;
        let next = run.events[at..].iter().find_map(|event| match event {
            TradeEvent::Asked(asked)
                if asked.intent.purpose.opens()
                    && asked.intent.signal_id == exit.intent.signal_id =>
            {
                Some(asked)
            }
            _ => None,
        });
        let Some(next) = next else {
            continue;
        };
        assert!(expiry(next) > expiry(exit), "to a later expiry");
        assert_ne!(next.intent.contract, exit.intent.contract);
        let until = run.events.iter().position(
            |event| matches!(event, TradeEvent::Asked(asked) if std::ptr::eq(asked, next)),
        );
        let held = desk::held(&run.events[..until.unwrap()]);
        assert_eq!(
            held[&exit.intent.contract], 0,
            "the one is closed before the other is opened"
        );
        opened += 1;
    }
    assert!(rolled > 0 && opened > 0, "{rolled} rolled, {opened} opened");
}

#[test]
fn without_a_roll_a_position_is_closed_on_its_last_day_before_expiry() {
    let run = plain();
    for line in run.trader.risk().lines() {
        let day = Calendar::built_in()
            .trading_day(Venue::Globex, line.contract.expiry)
            .unwrap();
        let today = run.trader.risk().kept().day;
        if u32::try_from(day.0) == Ok(today) {
            assert_eq!(line.position.quantity(), 0, "{:?}", line.contract.key);
        }
    }
}

#[test]
fn k11_the_operator_lowers_a_limit_live_and_raising_it_is_refused_with_its_reason() {
    let profile = profile(&[]);
    let mut orders = vec![
        LimitChange::new("order_quantity_max", 1).unwrap(),
        LimitChange::new("order_quantity_max", 4).unwrap(),
        LimitChange::new("positions_max", 0).unwrap(),
    ];
    assert_eq!(LimitChange::new("order_quantity_most", 1), None);
    orders.reverse();
    let run = play(
        session(),
        (&profile, &first(&profile)),
        venue(&profile),
        |step| {
            let is_trading = step.trader.risk().counters().passed > 0;
            let change = orders.pop_if(|_| is_trading)?;
            Some(Control::Operator(Operator::Tighten(change)))
        },
    );
    let said: Vec<_> = run
        .events
        .iter()
        .enumerate()
        .filter_map(|(at, event)| match event {
            TradeEvent::Limited(limited) => Some((at, *limited)),
            _ => None,
        })
        .collect();
    assert_eq!(said.len(), 3, "each is said");
    let (at, lowered) = said[0];
    assert_eq!(
        (lowered.from, lowered.change.to(), lowered.refused),
        (5, 1, None)
    );
    let raised = said[1].1.refused.unwrap();
    assert_eq!(
        raised,
        LimitError::Raised {
            name: "order_quantity_max",
            from: 1,
            to: 4
        }
    );
    assert!(raised.to_string().contains("takes a restart"));
    assert!(matches!(
        said[2].1.refused,
        Some(LimitError::TooSmall { .. })
    ));
    assert_eq!(
        run.trader.risk().limits().order_quantity_max,
        1,
        "what was refused changed nothing"
    );
    let after = run.events[at..].iter().filter_map(|event| match event {
        TradeEvent::Asked(asked) if asked.order.is_some() && asked.intent.purpose.opens() => {
            Some(asked.intent.quantity)
        }
        _ => None,
    });
    let after: Vec<_> = after.collect();
    assert!(
        !after.is_empty() && after.iter().all(|quantity| *quantity == 1),
        "{after:?}"
    );
}

#[test]
fn k11_a_loss_limit_that_is_passed_already_halts_when_it_is_lowered() {
    let profile = profile(&[]);
    let mut is_ordered = false;
    let run = play(
        session(),
        (&profile, &first(&profile)),
        venue(&profile),
        |step| {
            let lost = step
                .trader
                .risk()
                .earned_today()
                .is_some_and(|earned| earned < Money::ZERO);
            let change = LimitChange::new("daily_loss_max", 1)?;
            if !lost || is_ordered {
                return None;
            }
            is_ordered = true;
            Some(Control::Operator(Operator::Tighten(change)))
        },
    );
    assert!(is_ordered, "something was lost at some time");
    let at = run
        .events
        .iter()
        .position(|event| matches!(event, TradeEvent::Limited(_)))
        .unwrap();
    let opens = run.events[at..].iter().any(|event| match event {
        TradeEvent::Asked(asked) => asked.order.is_some() && asked.intent.purpose.opens(),
        _ => false,
    });
    assert!(!opens, "nothing is opened after it");
}

fn refusals<G: Gateway>(run: &Run<G>, by: Refusal) -> impl Iterator<Item = (Bound, Status)> {
    run.asked().filter_map(move |asked| {
        let outcome = asked.verdict.of(by);
        (asked.verdict.refusal() == Some(by)).then_some((outcome.bound, outcome.status))
    })
}

#[test]
fn k18_value_at_risk_that_a_source_tells_counts_and_its_silence_blocks_by_name() {
    let changes = [(
        "value_at_risk_short_ppm = \"2.5%\"",
        "value_at_risk_short_ppm = \"0.5%\"",
    )];
    let profile = profile(&changes);
    let told = |days: u32, as_of: Option<Nanos>| {
        let mut steps = 0_u64;
        play(
            session(),
            (&profile, &first(&profile)),
            venue(&profile),
            |step| {
                steps += 1;
                if steps % 100 != 1 {
                    return None;
                }
                let now = step.books.iter().map(|book| book.ts_event()).max();
                let at_risk = ValueAtRisk {
                    loss: Money::from_usd(1_000),
                    days,
                    as_of: as_of.or(now).unwrap_or(Nanos(0)),
                };
                Some(Control::Context(Context::ValueAtRisk(at_risk)))
            },
        )
    };
    let long = told(50, None);
    let mut why = refusals(&long, Refusal::Correlation).map(|(bound, _)| bound);
    let is_at_risk = |bound| matches!(bound, Bound::ValueAtRisk | Bound::ValueAtRiskAge);
    assert!(!why.any(is_at_risk), "1 % of 5 %");
    assert!(opening(&long) > 0);
    let short = told(49, None);
    let why: BTreeSet<_> = refusals(&short, Refusal::Correlation)
        .map(|(bound, _)| format!("{bound:?}"))
        .collect();
    assert_eq!(
        why,
        BTreeSet::from(["ValueAtRisk".to_owned()]),
        "1 % of 0.5 %"
    );
    assert_eq!(opening(&short), 0);
    let stale = told(50, Some(Nanos(1)));
    let why: BTreeSet<_> = refusals(&stale, Refusal::Correlation)
        .map(|(bound, _)| format!("{bound:?}"))
        .collect();
    assert_eq!(why, BTreeSet::from(["ValueAtRiskAge".to_owned()]));
    assert_eq!(
        opening(&stale),
        0,
        "a source that died is not one that never was"
    );
}

#[test]
fn k19_when_the_data_budget_is_spent_nothing_is_opened_and_positions_are_still_left() {
    let profile = profile(&[]);
    let (mut since, mut steps) = (None, 0_u64);
    let run = play(
        session(),
        (&profile, &first(&profile)),
        venue(&profile),
        |step| {
            if since.is_none() {
                holding(step)?;
                since = Some(step.events.len());
            }
            steps += 1;
            if steps % 100 != 1 {
                return None;
            }
            let now = step.books.iter().map(|book| book.ts_event()).max()?;
            let costs = Costs {
                day: Money::from_usd(9),
                month: Money::from_usd(9),
                as_of: now,
            };
            Some(Control::Context(Context::Costs(costs)))
        },
    );
    let after = &run.events[since.expect("a position was held")..];
    let orders: Vec<_> = after
        .iter()
        .filter_map(|event| match event {
            TradeEvent::Asked(asked) if asked.order.is_some() => Some(asked.intent.purpose.opens()),
            _ => None,
        })
        .collect();
    assert!(!orders.contains(&true), "nothing is opened");
    assert!(orders.contains(&false), "positions are left");
    assert!(refusals(&run, Refusal::Budget).any(|(bound, _)| bound == Bound::DayCost));
    assert!(run.held().values().all(|held| *held == 0));
}

#[test]
fn explanations_of_a_synthesis_show_its_setups_weights_and_what_would_flip_it() {
    let run = played(&[ONLY_SYNTHESIS, EAGER_SYNTHESIS]);
    let rules: Vec<_> = run.trader.rules().map(|(rules, _)| *rules).collect();
    let names = undertow_cold::registry::Registry::default();
    let decided = run.events.iter().find_map(|event| match event {
        TradeEvent::Decided(decided) if matches!(decided.decision.outcome, Outcome::Emitted(_)) => {
            Some(decided)
        }
        _ => None,
    });
    let totals = run.trader.decide().totals();
    let decided = decided.unwrap_or_else(|| panic!("a signal: {totals:?}"));
    let document = undertow_cold::explain::decided(decided, &rules[decided.place], 1, &names);
    let terms: Vec<_> = document["reasons"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["term"].as_str().unwrap())
        .collect();
    for term in [
        Term::ExpectedValue,
        Term::Spike,
        Term::Pressure,
        Term::Shock,
        Term::Positioning,
    ] {
        assert!(
            terms.contains(&term.name()),
            "{} is missing: {terms:?}",
            term.name()
        );
    }
    let weights: i64 = document["reasons"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["weight"].as_i64().unwrap())
        .sum();
    assert_eq!(weights, 100);
    assert!(document["outlook"]["reach"].is_string());
    let has_side = |side: &str| document["outlook"][side]["contracts"][0]["gain"].is_number();
    assert!(
        has_side("long") || has_side("short"),
        "{}",
        document["outlook"]
    );
    let flips = document["would_flip"].as_array().unwrap();
    assert!(
        flips.iter().any(|flip| flip["feature"] == "expected value"),
        "{flips:?}"
    );
    let text = undertow_cold::explain::render(&[document]);
    for part in [
        "outlook",
        "probability",
        "expected value",
        "what alone would have changed",
    ] {
        assert!(text.contains(part), "{part} is missing from\n{text}");
    }
    assert_eq!(blocked(&run, Block::Ambiguous), 0);
}
