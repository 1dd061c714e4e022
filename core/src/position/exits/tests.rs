use super::*;

const CENT: i64 = Price::PER_POINT / 100;
const NOW: Nanos = Nanos(1_000);

fn price(cents: i64) -> Price {
    Price(cents * CENT)
}

fn long(plan: ExitPlan, quantity: u32) -> Exits {
    let mut exits = Exits::new(Side::Bid, plan);
    exits.entered(quantity, price(200));
    exits
}

fn with_targets() -> ExitPlan {
    ExitPlan {
        targets: [price(300), price(400), price(500)],
        trail_keep_ppm: 0,
        ..ExitPlan::OTHER
    }
}

fn target(quantity: u32) -> Option<Exit> {
    let cause = ExitCause::Target;
    Some(Exit { quantity, cause })
}

#[test]
fn k14_scale_out_of_any_quantity_adds_up() {
    let cases = [
        (1, [0, 0, 1]),
        (2, [0, 0, 2]),
        (3, [1, 1, 1]),
        (4, [1, 2, 1]),
        (6, [2, 2, 2]),
        (10, [3, 4, 3]),
    ];
    for (quantity, steps) in cases {
        assert_eq!(scale_out(quantity), steps);
    }
    for quantity in (0..5_000).chain([u32::MAX - 1, u32::MAX]) {
        let sum: u64 = scale_out(quantity).into_iter().map(u64::from).sum();
        assert_eq!(sum, u64::from(quantity));
    }
}

#[test]
fn a_trailing_stop_ratchets_and_never_falls() {
    let mut exits = long(ExitPlan::ZERO_DTE, 3);
    for (at, stop) in [
        (240, 100),
        (299, 100),
        (300, 250),
        (360, 280),
        (320, 280),
        (281, 280),
    ] {
        assert_eq!(exits.on_price(price(at), NOW), None);
        assert_eq!(exits.stop(), price(stop), "at {at}");
    }
    let exit = exits.on_price(price(280), NOW).unwrap();
    assert_eq!((exit.quantity, exit.cause), (3, ExitCause::TrailingStop));
    assert_eq!(exits.stage(), ExitStage::Closing);
    assert_eq!(exits.on_price(price(1), NOW), None, "it is on its way out");
}

#[test]
fn a_short_position_is_stopped_above() {
    let mut exits = Exits::new(Side::Ask, ExitPlan::ZERO_DTE);
    exits.entered(2, price(200));
    assert_eq!(exits.stop(), price(300));
    assert_eq!(exits.on_price(price(299), NOW), None);
    assert_eq!(exits.on_price(price(100), NOW), None);
    assert_eq!(exits.stop(), price(150), "half of the best gain");
    let exit = exits.on_price(price(150), NOW).unwrap();
    assert_eq!(exit.cause, ExitCause::TrailingStop);
}

#[test]
fn stops_stand_where_the_horizon_says() {
    let cases = [
        (ExitPlan::ZERO_DTE, 100),
        (ExitPlan::ONE_DTE, 150),
        (ExitPlan::FOURTEEN_DTE, 140),
        (ExitPlan::OTHER, 140),
    ];
    for (plan, stop) in cases {
        let mut exits = long(plan, 2);
        assert_eq!(exits.stop(), price(stop));
        assert_eq!(exits.on_price(Price(price(stop).0 + 1), NOW), None);
        let exit = exits.on_price(price(stop), NOW).unwrap();
        assert_eq!((exit.quantity, exit.cause), (2, ExitCause::Stop));
    }
    // One 1DTE position: gain 75 % locks three quarters of it.
    let mut exits = long(ExitPlan::ONE_DTE, 2);
    exits.on_price(price(350), NOW);
    assert_eq!(exits.stop(), Price(price(200).0 + 1_125_000_000));
}

#[test]
fn targets_are_left_step_by_step_and_never_twice() {
    let mut exits = long(with_targets(), 10);
    assert_eq!(exits.stage(), ExitStage::Open);
    assert_eq!(exits.on_price(price(299), NOW), None);
    assert_eq!(exits.on_price(price(300), NOW), target(3));
    assert_eq!(
        exits.protected(),
        7,
        "the stop is made smaller before the exit is sent"
    );
    assert_eq!(exits.on_price(price(310), NOW), None);
    exits.left(3);
    assert_eq!(exits.stage(), ExitStage::ScalingOut);
    assert_eq!(exits.on_price(price(400), NOW), target(4));
    exits.left(1);
    exits.came_back(3);
    assert_eq!(
        exits.on_price(price(400), NOW),
        target(3),
        "what came back is due again"
    );
    exits.left(3);
    assert_eq!(exits.on_price(price(500), NOW), target(3));
    assert_eq!(exits.stage(), ExitStage::Closing);
    exits.left(3);
    assert_eq!(exits.stage(), ExitStage::Closed);
    assert_eq!(exits.close(ExitCause::Ordered), None);
}

#[test]
fn k14_a_gap_over_several_targets_leaves_all_that_is_due() {
    let mut exits = long(with_targets(), 10);
    assert_eq!(exits.on_price(price(450), NOW), target(7));
    let mut exits = long(with_targets(), 1);
    assert_eq!(
        exits.on_price(price(450), NOW),
        None,
        "one lot leaves at the last target"
    );
    assert_eq!(exits.on_price(price(500), NOW), target(1));
}

#[test]
fn k14_nothing_follows_from_a_book_that_is_not_good() {
    let quote = Quote {
        bid: price(1),
        ask: price(2),
    };
    for trust in [Trust::Recovering, Trust::MaybeBad, Trust::Stale] {
        let mut exits = long(ExitPlan::ZERO_DTE, 3);
        let before = exits;
        assert_eq!(exits.on_quote(quote, trust, NOW), None);
        assert_eq!(exits, before);
    }
    let crossed = Quote {
        bid: price(2),
        ask: price(1),
    };
    let mut exits = long(ExitPlan::ZERO_DTE, 3);
    assert_eq!(exits.on_quote(crossed, Trust::Good, NOW), None);
    assert_eq!(exits.on_quote(quote, Trust::Good, NOW).unwrap().quantity, 3);
    let mut short = Exits::new(Side::Ask, ExitPlan::ZERO_DTE);
    short.entered(1, price(200));
    let wide = Quote {
        bid: price(100),
        ask: price(300),
    };
    assert!(
        short.on_quote(wide, Trust::Good, NOW).is_some(),
        "a short buys at the offer"
    );
}

#[test]
fn stop_takes_only_what_is_not_leaving_already() {
    let mut exits = long(with_targets(), 10);
    assert_eq!(exits.on_price(price(300), NOW), target(3));
    let exit = exits.on_price(price(100), NOW).unwrap();
    assert_eq!((exit.quantity, exit.cause), (7, ExitCause::Stop));
    assert_eq!(exits.protected(), 0);
}

#[test]
fn partial_entries_are_protected_at_once_at_the_average() {
    let mut exits = Exits::new(Side::Bid, ExitPlan::ZERO_DTE);
    assert_eq!(exits.stage(), ExitStage::Opening);
    assert_eq!(exits.on_price(price(1), NOW), None);
    assert_eq!(exits.on_underlying(price(1)), None);
    exits.entered(1, price(200));
    assert_eq!((exits.stop(), exits.protected()), (price(100), 1));
    exits.entered(1, price(220));
    assert_eq!((exits.stop(), exits.protected()), (price(110), 2));
}

#[test]
fn a_trailing_stop_is_not_lowered_by_a_later_entry() {
    let mut exits = long(ExitPlan::ZERO_DTE, 1);
    exits.on_price(price(360), NOW);
    exits.entered(1, price(280));
    assert_eq!(exits.stop(), price(280));
}

#[test]
fn drawdown_tightens_stops_and_only_tightens() {
    let mut exits = long(ExitPlan::ZERO_DTE, 1);
    exits.tighten(750_000);
    assert_eq!(exits.stop(), price(125));
    exits.tighten(900_000);
    assert_eq!(exits.stop(), price(125));
}

#[test]
fn a_bracket_has_one_stop_and_one_target() {
    let plan = ExitPlan::bracket(Side::Bid, price(1_000), 20_000, 40_000);
    let mut exits = Exits::new(Side::Bid, plan);
    exits.entered(5, price(1_000));
    assert_eq!(exits.stop(), price(980));
    assert_eq!(exits.on_price(price(1_039), NOW), None);
    assert_eq!(exits.stop(), price(980), "a bracket does not trail");
    assert_eq!(exits.on_price(price(1_040), NOW), target(5));
    let plan = ExitPlan::bracket(Side::Ask, price(1_000), 20_000, 40_000);
    assert_eq!(plan.targets[2], price(960));
}

#[test]
fn time_closes_whatever_the_price() {
    let plan = ExitPlan {
        close_by: Nanos(2_000),
        ..ExitPlan::ZERO_DTE
    };
    let mut exits = long(plan, 3);
    assert_eq!(exits.on_price(price(200), Nanos(1_999)), None);
    let exit = exits.on_price(price(200), Nanos(2_000)).unwrap();
    assert_eq!((exit.quantity, exit.cause), (3, ExitCause::Time));
}

#[test]
fn levels_of_the_underlying_are_never_read_as_option_prices() {
    let plan = ExitPlan {
        targets: [price(10_200), price(10_300), price(10_400)],
        gauge: Gauge::Underlying,
        underlying_stop: price(9_900),
        underlying_side: Side::Bid,
        ..ExitPlan::ZERO_DTE
    };
    let mut exits = long(plan, 3);
    assert_eq!(exits.on_price(price(290), NOW), None);
    assert_eq!(exits.on_underlying(price(9_901)), None);
    assert_eq!(exits.on_underlying(price(10_200)), target(1));
    let exit = exits.on_underlying(price(9_900)).unwrap();
    assert_eq!((exit.quantity, exit.cause), (2, ExitCause::UnderlyingStop));
    // A long put gains when the underlying falls.
    let put = ExitPlan {
        targets: [price(9_800), price(9_700), price(9_600)],
        underlying_stop: price(10_100),
        underlying_side: Side::Ask,
        ..plan
    };
    let mut exits = long(put, 3);
    assert_eq!(exits.on_underlying(price(10_099)), None);
    assert_eq!(exits.on_underlying(price(9_800)), target(1));
    assert!(exits.on_underlying(price(10_100)).is_some());
}

#[test]
fn an_orphan_sends_nothing() {
    let mut exits = long(ExitPlan::ZERO_DTE, 3);
    exits.orphan();
    assert_eq!(exits.stage(), ExitStage::Orphan);
    assert_eq!(exits.on_price(price(1), NOW), None);
    assert_eq!(exits.close(ExitCause::Ordered), None);
}
