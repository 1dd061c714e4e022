//! The four rules at the borders of their terms.

use undertow_core::types::{Price, Side};
use undertow_strategies::decide::card::{Card, Direction, Effect, Term};
use undertow_strategies::decide::features::{Flagged, Indicative, Unusual};
use undertow_strategies::decide::fourteen_dte::{DexVote, FourteenDte};
use undertow_strategies::decide::moc::Moc;
use undertow_strategies::decide::one_dte::OneDte;
use undertow_strategies::decide::outlook::{Jolt, Outlook, Prospect, RANKED_MAX};
use undertow_strategies::decide::rules::{Invalid, Rule, RuleSet, Strategy, Unset};
use undertow_strategies::decide::snapshot::{Auction, Bars, ChainShape, Gamma, Pull, Snapshot};
use undertow_strategies::decide::synthesis::Synthesis;
use undertow_strategies::decide::vetting::Candidate;
use undertow_strategies::decide::zero_dte::ZeroDte;
use undertow_strategies::discovery::Regime;
use undertow_strategies::flow::bars::TimeBar;
use undertow_strategies::ifd::shock::{Burst, Shock};
use undertow_strategies::options;
use undertow_strategies::options::expected_value::Setup;

use crate::world::{MINUTE_NS, World, at, bar, eleven, price, tuesday};

fn quiet() -> Snapshot {
    let world = World::new();
    let features = world.features_at(eleven(0).now, 0.0, 0.5, 650.0);
    Snapshot {
        gamma: None,
        gex: None,
        bars: Bars::default(),
        chain: None,
        ..Snapshot::of(&features, 50).unwrap()
    }
}

fn points(card: &Card, term: Term) -> i32 {
    let mut found = card.reasons().filter(|reason| reason.term == term);
    match found.next().map(|reason| reason.effect) {
        Some(Effect::Points(points)) => points,
        Some(Effect::Factor(_)) | None => 0,
    }
}

fn factor(card: &Card, term: Term) -> Option<f64> {
    let found = card.reasons().find(|reason| reason.term == term)?;
    match found.effect {
        Effect::Factor(factor) => Some(factor),
        Effect::Points(_) => None,
    }
}

fn votes(card: &Card, term: Term) -> Option<(Direction, u32)> {
    let vote = card.votes().find(|vote| vote.term == term)?;
    Some((vote.direction, vote.count))
}

fn bars(closes: &[f64]) -> Bars {
    let bars: Vec<TimeBar> = closes.iter().map(|close| bar(*close)).collect();
    Bars::of(&bars)
}

fn near(proximity: f64, pin: f64, pull: Pull) -> Option<Gamma> {
    Some(Gamma {
        pin: price(pin),
        proximity,
        pull,
        concentration: 0.6,
        total: 2e9,
    })
}

#[test]
fn s14_zero_dte_points_are_exact_at_their_borders() {
    let judge = |seen: Snapshot| ZeroDte::default().judge(&seen);
    for (vpin, expected) in [(0.399, 0), (0.4, 15), (0.6, 22), (0.8, 30), (1.0, 30)] {
        let card = judge(Snapshot { vpin, ..quiet() });
        assert_eq!(points(&card, Term::Vpin), expected, "vpin {vpin}");
    }
    for (obi, expected) in [(0.799, 0), (0.8, 15), (0.2, 15), (0.201, 0), (1.0, 25)] {
        let card = judge(Snapshot { obi, ..quiet() });
        assert_eq!(points(&card, Term::Obi), expected, "obi {obi}");
    }
    for (proximity, expected) in [(0.0, 0), (0.5, 7), (0.501, 15), (0.7, 21), (0.701, 30)] {
        let gamma = near(proximity, 650.0, Pull::None);
        let card = judge(Snapshot { gamma, ..quiet() });
        let given = points(&card, Term::Gamma) + points(&card, Term::Squeeze);
        assert_eq!(given, expected, "proximity {proximity}");
    }
}

#[test]
fn zero_dte_sweep_counts_by_the_last_move_against_those_just_before() {
    let sweep = |closes: &[f64]| {
        let seen = Snapshot {
            sweep: true,
            bars: bars(closes),
            ..quiet()
        };
        points(&ZeroDte::default().judge(&seen), Term::Sweep)
    };
    assert_eq!(sweep(&[]), 7);
    assert_eq!(sweep(&[650.0, 651.0]), 7);
    assert_eq!(
        sweep(&[650.0, 651.0, 653.0]),
        10,
        "twice is not above twice"
    );
    assert_eq!(sweep(&[650.0, 651.0, 653.1]), 15);
    // The original took the three oldest moves, which were large here.
    assert_eq!(
        sweep(&[640.0, 650.0, 640.0, 640.1, 640.2, 640.3, 641.0]),
        15
    );
    assert_eq!(
        sweep(&[650.0, 650.0, 650.0, 650.0, 650.1]),
        15,
        "after standing still"
    );
    let idle = ZeroDte::default().judge(&quiet());
    assert_eq!(points(&idle, Term::Sweep), 0);
}

#[test]
fn zero_dte_votes_at_their_borders() {
    let judge = |seen: Snapshot| ZeroDte::default().judge(&seen);
    let vwap = |vwap: f64, obi: f64| {
        let seen = Snapshot {
            vwap: Some(price(vwap)),
            obi,
            ..quiet()
        };
        votes(&judge(seen), Term::Vwap)
    };
    // 650 against 649.35 is .1001 % above, against 649.351 less than .1 %.
    assert_eq!(vwap(649.35, 0.6), Some((Direction::Long, 2)));
    assert_eq!(vwap(649.351, 0.6), None);
    assert_eq!(vwap(649.35, 0.5), None);
    assert_eq!(
        vwap(646.0, 0.5),
        Some((Direction::Short, 1)),
        "far above, unconfirmed"
    );
    assert_eq!(
        vwap(654.0, 0.6),
        Some((Direction::Long, 1)),
        "far below, unconfirmed"
    );
    assert_eq!(vwap(654.0, 0.4), Some((Direction::Short, 2)));

    let toxic = |obi: f64| {
        let seen = Snapshot {
            toxicity: Some(0.71),
            obi,
            ..quiet()
        };
        votes(&judge(seen), Term::Toxicity)
    };
    assert_eq!(toxic(0.51), Some((Direction::Long, 1)));
    assert_eq!(toxic(0.5), None, "the original voted SHORT");
    assert_eq!(toxic(0.49), Some((Direction::Short, 1)));

    let turning = judge(Snapshot {
        bars: bars(&[650.0, 651.0, 652.0, 654.0, 653.0]),
        ..quiet()
    });
    assert_eq!(votes(&turning, Term::Momentum), None);
    assert_eq!(votes(&turning, Term::Reversal), Some((Direction::Short, 1)));
    let rising = judge(Snapshot {
        bars: bars(&[650.0, 650.5, 651.0, 651.5, 652.0]),
        ..quiet()
    });
    assert_eq!(votes(&rising, Term::Momentum), Some((Direction::Long, 1)));
}

#[test]
fn zero_dte_score_is_capped_and_the_pin_pulls_only_near_it() {
    let full = |proximity: f64, pull: Pull| {
        let seen = Snapshot {
            vpin: 1.0,
            obi: 1.0,
            sweep: true,
            gamma: near(proximity, 650.0, pull),
            ..quiet()
        };
        ZeroDte::default().judge(&seen)
    };
    let card = full(0.81, Pull::Up);
    assert_eq!(card.confidence(), 100);
    assert_eq!(factor(&card, Term::Support), Some(1.2));
    assert_eq!(full(0.81, Pull::Down).confidence(), 64, "int(.7 · 92)");
    assert_eq!(full(0.8, Pull::Down).confidence(), 92);
    assert_eq!(full(0.9, Pull::None).confidence(), 92);
}

#[test]
fn one_dte_book_counts_in_the_last_hour_and_vpin_more_in_its_second_half() {
    let judge = |minute: u64| {
        let seen = Snapshot {
            obi: 0.65,
            vpin: 0.7,
            ..quiet()
        };
        OneDte::default().judge(&seen, &at(tuesday(), minute * MINUTE_NS))
    };
    let given = |minute| {
        let card = judge(minute);
        (points(&card, Term::Obi), points(&card, Term::Vpin))
    };
    assert_eq!(given(899), (0, 25));
    assert_eq!(given(900), (9, 25));
    assert_eq!(given(929), (9, 25));
    assert_eq!(given(930), (9, 32));
}

#[test]
fn one_dte_exposure_counts_less_when_dealers_are_long_gamma() {
    let given = |gex: f64, gex_z: f64| {
        let seen = Snapshot {
            gex: Some(gex),
            gex_z: Some(gex_z),
            ..quiet()
        };
        points(&OneDte::default().judge(&seen, &eleven(0)), Term::Gex)
    };
    assert_eq!(given(-1.0, 0.49), 0);
    assert_eq!(given(-1.0, 0.5), 6);
    assert_eq!(given(-1.0, -9.0), 25);
    assert_eq!(given(1.0, 9.0), 17);
}

#[test]
fn one_dte_flow_votes_by_its_own_sign() {
    let vote = |signed_flow, obi| {
        let seen = Snapshot {
            vpin: 0.61,
            signed_flow,
            obi,
            ..quiet()
        };
        votes(&OneDte::default().judge(&seen, &eleven(0)), Term::Vpin)
    };
    assert_eq!(vote(Some(0.3), 0.7), Some((Direction::Long, 3)));
    assert_eq!(vote(Some(0.3), 0.5), Some((Direction::Long, 1)));
    assert_eq!(vote(Some(-0.3), 0.3), Some((Direction::Short, 3)));
    assert_eq!(vote(None, 0.7), None, "the original voted SHORT");
}

#[test]
fn one_dte_momentum_and_extremes_vote() {
    let rising: Vec<f64> = (0..14).map(|k| 650.0 + f64::from(k) * 0.3).collect();
    let seen = Snapshot {
        bars: bars(&rising),
        regime: Some(Regime::High),
        ..quiet()
    };
    let card = OneDte::default().judge(&seen, &at(tuesday(), 910 * MINUTE_NS));
    assert_eq!(votes(&card, Term::Momentum), Some((Direction::Long, 4)));
    assert_eq!(votes(&card, Term::High), Some((Direction::Long, 2)));
    assert_eq!(votes(&card, Term::Low), None);
    assert_eq!(card.direction(), Direction::Long);
    // .6 % over 14 bars is large, and larger than over 5: not accelerating.
    assert_eq!(points(&card, Term::Momentum), 5);
    assert_eq!(points(&card, Term::Regime), 20);
    assert_eq!(
        points(&card, Term::Expansion),
        0,
        "the bars are all as wide"
    );

    let still = Snapshot {
        bars: bars(&[650.0; 14]),
        ..quiet()
    };
    let card = OneDte::default().judge(&still, &eleven(0));
    assert_eq!(votes(&card, Term::High), Some((Direction::Long, 2)));
    assert_eq!(votes(&card, Term::Low), Some((Direction::Short, 2)));
    assert_eq!(card.direction(), Direction::Flat);
}

#[test]
fn fourteen_dte_counts_signs_of_an_institution() {
    let shape = ChainShape {
        call_interest: 71,
        put_interest: 29,
        largest_interest: 5_001,
        otm_calls: 4,
        otm_puts: 2,
    };
    let judge = |score: f64, chain: ChainShape| {
        let seen = Snapshot {
            unusual: Some(Unusual {
                score,
                contract: None,
            }),
            chain: Some(chain),
            ..quiet()
        };
        FourteenDte::default().judge(&seen, &eleven(0))
    };
    let card = judge(0.7, shape);
    assert_eq!((card.institutional(), card.lead_min()), (3, 2));
    assert_eq!(votes(&card, Term::Strikes), Some((Direction::Long, 2)));
    // 24 + 4, and the factor for three signs.
    assert_eq!(card.confidence(), 33);
    let border = ChainShape {
        call_interest: 70,
        put_interest: 30,
        largest_interest: 5_000,
        otm_calls: 3,
        otm_puts: 2,
    };
    let card = judge(0.7, border);
    assert_eq!((card.institutional(), card.lead_min()), (0, 3));
    assert_eq!(votes(&card, Term::Strikes), None);
    assert_eq!(judge(0.59, shape).institutional(), 0);
}

#[test]
fn fourteen_dte_exposure_votes_by_its_z_score_unless_told_otherwise() {
    let seen = Snapshot {
        dex: Some(6e9),
        dex_z: Some(-1.0),
        ..quiet()
    };
    let mut rule = FourteenDte::default();
    let vote = |rule: &FourteenDte, seen| votes(&rule.judge(seen, &eleven(0)), Term::Dex);
    assert_eq!(vote(&rule, &seen), Some((Direction::Short, 3)));
    let no_z = Snapshot {
        dex_z: None,
        ..seen
    };
    assert_eq!(vote(&rule, &no_z), Some((Direction::Long, 3)));
    rule.dex_vote = DexVote::Raw;
    assert_eq!(vote(&rule, &seen), Some((Direction::Long, 3)));
    let small = Snapshot {
        dex: Some(1e9),
        ..seen
    };
    assert_eq!(vote(&rule, &small), None);
}

#[test]
fn fourteen_dte_sweep_counts_by_volume() {
    let given = |volumes: &[u64]| {
        let bars: Vec<TimeBar> = volumes
            .iter()
            .map(|volume| TimeBar {
                volume: *volume,
                ..bar(650.0)
            })
            .collect();
        let seen = Snapshot {
            sweep: true,
            bars: Bars::of(&bars),
            ..quiet()
        };
        let card = FourteenDte::default().judge(&seen, &eleven(0));
        (points(&card, Term::Sweep), card.institutional())
    };
    assert_eq!(given(&[1, 1, 1, 1]), (12, 0));
    assert_eq!(given(&[0, 0, 0, 0, 9]), (15, 0));
    assert_eq!(given(&[1, 1, 1, 1, 2]), (18, 0));
    assert_eq!(given(&[4, 4, 4, 4, 9]), (24, 1));
    assert_eq!(given(&[4, 4, 4, 4, 12]), (24, 1));
    assert_eq!(given(&[4, 4, 4, 4, 13]), (30, 2));
}

#[test]
fn fourteen_dte_trend_and_still_market_vote_by_the_last_bars() {
    let vote = |closes: Vec<f64>| {
        let seen = Snapshot {
            bars: bars(&closes),
            ..quiet()
        };
        let card = FourteenDte::default().judge(&seen, &eleven(0));
        (votes(&card, Term::Momentum), votes(&card, Term::Reversal))
    };
    let rising = (0..20).map(|k| 650.0 + f64::from(k) * 0.3).collect();
    assert_eq!(vote(rising), (Some((Direction::Long, 2)), None));
    let mut back = vec![650.0; 15];
    back.extend([647.0, 648.0, 649.0, 649.5, 650.0]);
    assert_eq!(vote(back), (None, Some((Direction::Long, 1))));
    assert_eq!(
        vote(vec![650.0; 19]),
        (None, None),
        "twenty bars are needed"
    );
}

fn auction(side: Side, total: f64, ratio: f64) -> Snapshot {
    Snapshot {
        imbalance: Some(Auction {
            side,
            total,
            paired: 2e9,
            ratio,
            is_proxy: false,
        }),
        ..quiet()
    }
}

#[test]
fn s14_moc_gate_is_exact_at_its_borders() {
    let moment = at(tuesday(), 951 * MINUTE_NS);
    let judge = |seen: &Snapshot| Moc::default().judge(seen, &moment).direction();
    assert_eq!(judge(&auction(Side::Bid, 2e9, 0.60)), Direction::Long);
    assert_eq!(judge(&auction(Side::Ask, 2e9, 0.60)), Direction::Short);
    assert_eq!(judge(&auction(Side::Bid, 2e9 - 1.0, 0.60)), Direction::Flat);
    assert_eq!(judge(&auction(Side::Bid, 2e9, 0.599)), Direction::Flat);
    assert_eq!(judge(&auction(Side::None, 9e9, 0.9)), Direction::Flat);
    let mut proxy = auction(Side::Bid, 9e9, 0.9);
    proxy.imbalance.as_mut().unwrap().is_proxy = true;
    assert_eq!(judge(&proxy), Direction::Flat);
    assert_eq!(judge(&quiet()), Direction::Flat);
}

#[test]
fn moc_is_flat_when_contradictions_outnumber_confirmations_by_two() {
    let moment = at(tuesday(), 951 * MINUTE_NS);
    let judge = |seen: &Snapshot| Moc::default().judge(seen, &moment).direction();
    let buy = auction(Side::Bid, 3e9, 0.8);
    let falling = Snapshot {
        bars: bars(&[653.0, 652.0, 651.0, 650.0]),
        ..buy
    };
    assert_eq!(judge(&falling), Direction::Flat);
    let supported = Snapshot {
        obi: 0.61,
        ..falling
    };
    assert_eq!(judge(&supported), Direction::Long);
    let opposed = Snapshot { obi: 0.39, ..buy };
    assert_eq!(
        judge(&opposed),
        Direction::Long,
        "one alone does not outweigh"
    );
}

#[test]
fn moc_pin_gives_less_when_the_auction_pulls_away_from_it() {
    let moment = at(tuesday(), 951 * MINUTE_NS);
    let pin = |side: Side, indicative: f64| {
        let seen = Snapshot {
            gamma: near(0.9, 650.0, Pull::None),
            indicative: Some(Indicative {
                price: price(indicative),
                offset_bps: 0.0,
            }),
            ..auction(side, 3e9, 0.8)
        };
        points(&Moc::default().judge(&seen, &moment), Term::Pin)
    };
    assert_eq!(pin(Side::Ask, 651.3), 25, ".2 % is not above .2 %");
    assert_eq!(pin(Side::Ask, 651.31), 17);
    assert_eq!(pin(Side::Bid, 651.31), 25);
    assert_eq!(pin(Side::Bid, 648.0), 17);
}

#[test]
fn s07_parameters_out_of_range_are_refused() {
    for strategy in Strategy::ALL {
        assert_eq!(RuleSet::of(strategy).check(), Ok(()));
    }
    let zero = |change: fn(&mut ZeroDte)| {
        let mut rule = ZeroDte::default();
        change(&mut rule);
        let rules = RuleSet {
            rule: Rule::ZeroDte(rule),
            ..RuleSet::of(Strategy::ZeroDte)
        };
        rules.check()
    };
    // Points where a fraction is meant, a negative zero, and no number at all.
    assert_eq!(
        zero(|rule| rule.vpin_min = 40.0),
        Err(Invalid::Range("vpin_min"))
    );
    assert_eq!(
        zero(|rule| rule.obi_min = -0.0),
        Err(Invalid::Range("obi_min"))
    );
    assert_eq!(
        zero(|rule| rule.pull_min = f64::NAN),
        Err(Invalid::Range("pull_min"))
    );
    let set = |change: fn(&mut RuleSet)| {
        let mut rules = RuleSet::of(Strategy::OneDte);
        change(&mut rules);
        rules.check()
    };
    assert_eq!(
        set(|r| r.confidence_min = 101),
        Err(Invalid::Range("confidence_min"))
    );
    assert_eq!(
        set(|r| r.levels.tick = Price(0)),
        Err(Invalid::Range("tick"))
    );
    assert_eq!(
        set(|r| r.levels.target_tenths = [20, 10, 30]),
        Err(Invalid::Range("target_tenths"))
    );
}

#[test]
fn s14_weights_that_do_not_sum_to_a_hundred_are_refused() {
    let with = |vpin_weight, obi_weight| {
        let rule = ZeroDte {
            vpin_weight,
            obi_weight,
            ..ZeroDte::default()
        };
        rule.check()
    };
    assert_eq!(with(30, 25), Ok(()));
    assert_eq!(with(31, 25), Err(Invalid::Weights { sum: 101 }));
    assert_eq!(with(-5, 60), Err(Invalid::Weights { sum: 100 }));
    let text = Invalid::Weights { sum: 101 }.to_string();
    assert!(text.contains("101") && text.contains("sum to 100"));
}

/// A setup of so many points up and down, with this score.
fn prospect(direction: options::Direction, p: f64, [reward, risk]: [f64; 2]) -> Option<Prospect> {
    let sign = match direction {
        options::Direction::Long => 1.0,
        options::Direction::Short => -1.0,
    };
    Some(Prospect {
        setup: Setup {
            direction,
            target: price(650.0 + sign * reward),
            stop: price(650.0 - sign * risk),
            factors: [0.5; 4],
            p,
            reward: price(reward),
            risk: price(risk),
            reward_risk: reward / risk,
            ev: p * reward - (1.0 - p) * risk,
        },
        contracts: [None; RANKED_MAX],
    })
}

fn outlook(long: f64, short: f64) -> Option<Outlook> {
    Some(Outlook {
        expiry: tuesday(),
        reach: price(100.0),
        long: prospect(options::Direction::Long, long, [100.0, 70.0]),
        short: prospect(options::Direction::Short, short, [100.0, 70.0]),
        call_share: None,
        shock: None,
    })
}

/// Institutional flow upward with this confidence, by spikes of this ratio or by pressure.
fn flow(confidence: f64, v1_ratio: Option<f64>) -> Option<Flagged> {
    Some(Flagged {
        direction: Direction::Long,
        strike: price(655.0),
        expiry: tuesday(),
        candidate: Candidate {
            confidence,
            expected_value: 10.0,
            reward_risk: 2.0,
            volume: 1_000,
            notional: 1e6,
            time_of_day_ns: 0,
            is_isolated: false,
            v1_ratio,
            v3_ratio: None,
            failed_checks: 0,
        },
        context: Some(0.8),
    })
}

fn synthesised(seen: Snapshot) -> Card {
    Synthesis::default().judge(&seen)
}

#[test]
fn synthesis_votes_by_the_priority_of_each_component() {
    let by = |outlook, ifd| {
        synthesised(Snapshot {
            outlook,
            ifd,
            ..quiet()
        })
    };
    let value = by(outlook(0.8, 0.7), None);
    assert_eq!(
        votes(&value, Term::ExpectedValue),
        Some((Direction::Long, 2))
    );
    assert_eq!(value.direction(), Direction::Long);
    let down = by(outlook(0.7, 0.8), None);
    assert_eq!(down.direction(), Direction::Short);
    let even = by(outlook(0.8, 0.76), None);
    assert_eq!(
        votes(&even, Term::ExpectedValue),
        None,
        "less apart than .05"
    );
    for (ratio, expected) in [(29.9, 1), (30.0, 2), (49.9, 2), (50.0, 3)] {
        let card = by(None, flow(0.9, Some(ratio)));
        assert_eq!(
            votes(&card, Term::Spike),
            Some((Direction::Long, expected)),
            "{ratio}"
        );
    }
    for (confidence, expected) in [
        (0.6, None),
        (0.61, Some(1)),
        (0.71, Some(2)),
        (0.81, Some(3)),
    ] {
        let card = by(None, flow(confidence, None));
        let counted = votes(&card, Term::Pressure).map(|(_, count)| count);
        assert_eq!(counted, expected, "{confidence}");
    }
}

#[test]
fn synthesis_counts_points_only_of_components_that_agree() {
    let seen = Snapshot {
        outlook: outlook(0.8, 0.7).map(|outlook| Outlook {
            call_share: Some(0.7),
            ..outlook
        }),
        ifd: flow(0.95, Some(60.0)),
        ..quiet()
    };
    let card = synthesised(seen);
    assert_eq!(points(&card, Term::Spike), 19);
    assert_eq!(points(&card, Term::Positioning), 5);
    assert_eq!(
        points(&card, Term::ExpectedValue),
        45,
        "worth 50 points or more"
    );
    let against = Snapshot {
        ifd: seen.ifd.map(|flagged| Flagged {
            direction: Direction::Short,
            ..flagged
        }),
        ..seen
    };
    let card = synthesised(against);
    assert_eq!(
        card.direction(),
        Direction::Flat,
        "three votes against two lead by one only"
    );
    assert_eq!(card.confidence(), 0);
    let burst = Burst {
        call_volume: 0,
        put_volume: 900,
        baseline: 100.0,
        call_delta: Some(0.5),
        put_delta: Some(0.5),
        minutes: 2.0,
    };
    let jolt = Jolt {
        strike: price(640.0),
        direction: Direction::Short,
        shock: Shock::assess(&burst).unwrap(),
    };
    let shocked = Snapshot {
        outlook: outlook(0.7, 0.8).map(|outlook| Outlook {
            shock: Some(jolt),
            ..outlook
        }),
        ..quiet()
    };
    let card = synthesised(shocked);
    assert_eq!(
        votes(&card, Term::Shock),
        Some((Direction::Short, 3)),
        "a gamma emergency"
    );
    assert_eq!(points(&card, Term::Shock), 9);
}

#[test]
fn s14_synthesis_vetoes_below_the_least_value_and_not_at_it() {
    let seen = Snapshot {
        outlook: outlook(0.8, 0.7),
        ..quiet()
    };
    let worth = seen.outlook.unwrap().long.unwrap().setup.tilted_ev();
    let judge = |ev_min: f64, p_min: f64| {
        let rule = Synthesis {
            ev_min,
            p_min,
            ..Synthesis::default()
        };
        rule.judge(&seen)
    };
    assert_eq!(
        factor(&judge(worth, 0.6), Term::Veto),
        None,
        "at its border"
    );
    assert!(judge(worth, 0.6).confidence() > 0);
    assert_eq!(factor(&judge(worth + 1e-6, 0.6), Term::Veto), Some(0.0));
    assert_eq!(judge(worth + 1e-6, 0.6).confidence(), 0);
    assert_eq!(factor(&judge(1.0, 0.8), Term::Veto), None, "the score too");
    assert_eq!(factor(&judge(1.0, 0.81), Term::Veto), Some(0.0));
    let nothing = synthesised(Snapshot {
        ifd: flow(0.95, Some(60.0)),
        ..quiet()
    });
    assert_eq!(
        factor(&nothing, Term::Veto),
        Some(0.0),
        "without a setup there is nothing to trade"
    );
}

#[test]
fn s07_a_whole_number_takes_no_fraction() {
    let mut rules = RuleSet::of(Strategy::Synthesis);
    assert_eq!(rules.set("least_confidence", 65.0), Ok(()));
    assert_eq!(rules.confidence_min, 65);
    for (name, value) in [
        ("least_confidence", 0.65),
        ("least_confidence", f64::NAN),
        ("least_confidence", 256.0),
        ("least_confidence", -1.0),
        ("cooldown_s", 0.5),
        ("news_against_max", 0.15),
        ("extended_hours", 2.0),
        ("ev_weight", 44.5),
        ("lead_min", -1.0),
    ] {
        assert_eq!(
            rules.set(name, value),
            Err(Unset::NotWhole),
            "{name} {value}"
        );
    }
    assert_eq!(rules.confidence_min, 65, "what is refused changes nothing");
    assert_eq!(rules.set("ev_min", 14.5), Ok(()));
    for (name, value) in [("news_against_max", 101.0), ("news_age_s", 0.0)] {
        let mut rules = rules;
        assert_eq!(rules.set(name, value), Ok(()));
        assert_eq!(rules.check(), Err(Invalid::Range(name)));
    }
    assert_eq!(rules.set("ev_minimum", 1.0), Err(Unset::Unknown));
}

#[test]
fn every_number_of_a_rule_set_is_set_by_its_name_and_no_other() {
    for strategy in Strategy::ALL {
        let rules = RuleSet::of(strategy);
        assert_eq!(rules.check(), Ok(()), "{strategy:?}");
        let mut names: Vec<_> = rules.names().collect();
        for name in &names {
            let [zero, one] = [0.0, 1.0].map(|value| {
                let mut rules = rules;
                assert_eq!(rules.set(name, value), Ok(()), "{strategy:?} {name}");
                rules
            });
            assert_ne!(zero, one, "{strategy:?} {name}");
        }
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count, "{strategy:?} has a name twice");
    }
    let knows = |strategy, name| {
        let mut rules = RuleSet::of(strategy);
        rules.set(name, 1.0) == Ok(())
    };
    assert!(knows(Strategy::Moc, "strike_spread_bps"));
    assert!(!knows(Strategy::ZeroDte, "strike_spread_bps"));
    assert!(knows(Strategy::FourteenDte, "expiry_days_min"));
    assert!(!knows(Strategy::Moc, "expiry_days_min"));
}

#[test]
fn numbers_of_strike_and_expiry_that_make_no_sense_are_refused() {
    let refused = Err(Invalid::Range("strike or expiry"));
    for (strategy, name, edge, beyond) in [
        (Strategy::Moc, "strike_delta_pct", 100.0, 101.0),
        (Strategy::Moc, "strike_pinned_delta_pct", 0.0, -1.0),
        (Strategy::Moc, "strike_pin_bps", 0.0, -1.0),
        (Strategy::Moc, "strike_spread_bps", 0.0, -1.0),
        (Strategy::OneDte, "strike_out_bps", 0.0, -1.0),
        (Strategy::FourteenDte, "strike_follow_bps", 0.0, -1.0),
        (Strategy::FourteenDte, "expiry_days", 18.0, 19.0),
        (Strategy::FourteenDte, "expiry_days", 10.0, 9.0),
        (Strategy::FourteenDte, "expiry_days_min", 0.0, -1.0),
        (Strategy::FourteenDte, "expiry_days_max", 14.0, 13.0),
    ] {
        let checked = |value| {
            let mut rules = RuleSet::of(strategy);
            assert_eq!(rules.set(name, value), Ok(()), "{name}");
            rules.check()
        };
        assert_eq!(checked(edge), Ok(()), "{name} {edge}");
        assert_eq!(checked(beyond), refused, "{name} {beyond}");
    }
    let mut rules = RuleSet::of(Strategy::Moc);
    assert_eq!(rules.set("strike_interest_min", -1.0), Err(Unset::NotWhole));
}
