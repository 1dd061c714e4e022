//! The sums that are kept, against those added up anew: `Worst::of` compares the two at every
//! verdict about an order that opens. Here are histories in which everything changes that they
//! depend on: orders, fills, marks, margins and Greeks that come, age and go, limits, settlement.

use super::desk::*;
use crate::event::Trust;
use crate::money::Money;
use crate::order::{Intent, Purpose, Quote, ReportKind, SignalId, StrategyId};
use crate::position::BrokerView;
use crate::risk::*;
use crate::types::{BookKey, Nanos, Price, Side};
use alloc::vec::Vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree;

const BOOKS: [BookKey; 4] = [CALL, PUT, OTHER, FUTURE];

/// What margins and Greeks may be old at first, ns.
const AGE_MAX: i64 = 4 * SECOND.cast_signed();

#[derive(Clone, Debug)]
enum Step {
    Want {
        book: usize,
        sells: bool,
        quantity: u32,
        strategy: u8,
        hedges: bool,
        stops: bool,
    },
    Reduce(usize, u32),
    Fill(usize, u32),
    End(usize),
    /// Somebody else trades in the account.
    Hold(usize, bool, u32),
    Quote(usize, i64, bool),
    Margin(usize, i64, u64),
    Greeks(usize, i64, u64),
    Wait(u64),
    Tighten(i64),
    Settle(usize),
    Register(usize),
    Disconnect,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let book = 0..BOOKS.len();
    let want = (
        book.clone(),
        any::<bool>(),
        1u32..6,
        0u8..4,
        any::<bool>(),
        any::<bool>(),
    );
    let told = (book.clone(), -300i64..3_000, 0u64..6_000_000_000);
    let one = prop_oneof![
        8 => want.prop_map(|(book, sells, quantity, strategy, hedges, stops)| Step::Want {
            book, sells, quantity, strategy, hedges, stops
        }),
        2 => (book.clone(), 1u32..4).prop_map(|(book, quantity)| Step::Reduce(book, quantity)),
        6 => (0usize..40, 1u32..4).prop_map(|(at, quantity)| Step::Fill(at, quantity)),
        3 => (0usize..40).prop_map(Step::End),
        1 => (book.clone(), any::<bool>(), 1u32..4)
            .prop_map(|(book, buys, quantity)| Step::Hold(book, buys, quantity)),
        4 => (book.clone(), 150i64..260, prop::bool::weighted(0.9))
            .prop_map(|(book, bid, is_good)| Step::Quote(book, bid, is_good)),
        2 => told.clone().prop_map(|(book, each, age)| Step::Margin(book, each, age)),
        2 => told.prop_map(|(book, each, age)| Step::Greeks(book, each, age)),
        3 => (1u64..3_000_000_000).prop_map(Step::Wait),
        1 => (1..AGE_MAX).prop_map(Step::Tighten),
        1 => book.clone().prop_map(Step::Settle),
        1 => book.prop_map(Step::Register),
        1 => Just(Step::Disconnect),
    ];
    prop::collection::vec(one, 1..120)
}

/// A desk that lets nearly everything pass, and what lives on it.
struct World {
    desk: Desk,
    orders: Vec<Order>,
    signals: u64,
    terms: i64,
    /// Verdicts by what they were about: all sums known, or some absent.
    known: u64,
    absent: u64,
    most: i64,
}

impl World {
    fn new() -> Self {
        let mut desk = Desk::with(&[
            ("account_age_ns_max", AGE_MAX),
            ("greeks_age_ns_max", AGE_MAX),
            ("daily_loss_ppm", 1_000_000),
            ("daily_loss_max", Money::from_usd(1_000_000_000).0),
            ("losing_trades_max", 1_000_000),
            ("drawdown_ppm", 1_000_000),
            ("collar_ppm", 1_000_000_000),
            ("references_apart_ppm", 1_000_000_000),
            ("data_age_ns_max", i64::MAX),
            ("signal_age_ns_max", i64::MAX),
            ("order_notional_max", Money::from_usd(100_000_000).0),
            ("underlying_notional_max", Money::from_usd(1_000_000_000).0),
            ("gross_notional_max", Money::from_usd(10_000_000_000).0),
            ("position_share_ppm", 1_000_000_000),
            ("underlying_share_ppm", 1_000_000_000),
            ("strategy_share_ppm", 1_000_000_000),
            ("buying_power_share_ppm", 1_000_000_000),
            ("worst_loss_max", i64::MAX),
            ("correlation_ppm", 1_000_000),
            ("errors_max", 1_000_000),
            ("messages_per_second_max", 1_000),
        ]);
        let (now, always) = (
            desk.now,
            Some(Span {
                from: Nanos(0),
                until: Nanos::UNDEFINED,
            }),
        );
        for strategy in 0..4 {
            desk.tell(Context::Window(StrategyId(strategy), always));
        }
        for book in BOOKS {
            desk.tell(Context::Margin(book, Money::from_usd(1_000), now));
        }
        Self {
            desk,
            orders: Vec::new(),
            signals: 0,
            terms: 0,
            known: 0,
            absent: 0,
            most: 0,
        }
    }

    fn intent(&mut self, book: usize, side: Side, quantity: u32) -> Intent {
        self.signals += 1;
        let far = if side == Side::Bid { 1 } else { 2_000_000 };
        Intent {
            contract: BOOKS[book],
            side,
            quantity,
            price: if BOOKS[book] == FUTURE {
                price(1_000_050)
            } else {
                price(205)
            },
            signal_id: SignalId(self.signals),
            reference: Quote::NONE,
            stop: price(far),
            ..plain()
        }
    }

    fn consider(&mut self, intent: &Intent) {
        // What is unknown of orders and positions is not what this is about.
        for book in BOOKS {
            let held = self.desk.risk.line(book).unwrap().position.quantity();
            self.desk.risk.reconcile(book, BrokerView::Held(held));
        }
        self.desk
            .tell(Context::Venue(Some((Mode::Paper, AccountId(77)))));
        self.desk.tell(Context::Account(Account {
            available: Money::from_usd(1_000_000_000),
            buying_power: Money::from_usd(1_000_000_000),
            as_of: self.desk.now,
        }));
        if let Ok(order) = self.desk.risk.consider(intent, self.desk.now) {
            self.desk.ack(&order);
            self.orders.push(order);
        }
        if intent.purpose.opens() {
            let exposure = self.desk.risk.verdict().of(Refusal::Exposure);
            if exposure.status == Status::Missing {
                self.absent += 1;
            } else {
                self.known += 1;
            }
            let active = self.desk.risk.lines().filter(|it| it.reach() != (0, 0));
            self.most = self.most.max(active.count().try_into().unwrap());
        }
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Want {
                book,
                sells,
                quantity,
                strategy,
                hedges,
                stops,
            } => {
                let side = if sells { Side::Ask } else { Side::Bid };
                let intent = self.intent(book, side, quantity);
                let intent = Intent {
                    strategy: StrategyId(strategy),
                    purpose: if hedges {
                        Purpose::Hedge
                    } else {
                        Purpose::Open
                    },
                    stop: if stops { intent.stop } else { Price::UNDEFINED },
                    ..intent
                };
                self.consider(&intent);
            }
            Step::Reduce(book, quantity) => {
                let line = self.desk.risk.line(BOOKS[book]).unwrap();
                let is_long = line.position.quantity() > 0;
                let side = if is_long { Side::Ask } else { Side::Bid };
                let intent = self.intent(book, side, quantity);
                let intent = Intent {
                    purpose: Purpose::Reduce,
                    ..intent
                };
                self.consider(&intent);
            }
            Step::Wait(ns) => {
                self.desk.pass(ns);
                let now = self.desk.now;
                self.desk.risk.on_time(now, &mut |_| {});
            }
            Step::Fill(..) | Step::End(_) | Step::Hold(..) | Step::Settle(_) => self.trade(step),
            _ => self.tell(step),
        }
    }

    /// What changes positions and orders.
    fn trade(&mut self, step: &Step) {
        match *step {
            Step::Fill(at, quantity) => {
                if let Some(order) = pick(&self.orders, at) {
                    let cents = order.intent().price.0 / CENT;
                    self.desk.fill(&order, quantity, cents);
                }
            }
            Step::End(at) => {
                if let Some(order) = pick(&self.orders, at) {
                    let filled = self.desk.risk.order(order.id()).map(|it| it.life.filled());
                    let filled = filled.unwrap_or(0);
                    self.desk.report(&order, ReportKind::Cancelled { filled });
                }
            }
            Step::Hold(book, buys, quantity) => {
                let side = if buys { Side::Bid } else { Side::Ask };
                let is_future = BOOKS[book] == FUTURE;
                let cents = if is_future { 1_000_050 } else { 205 };
                self.desk.hold(BOOKS[book], side, quantity, cents);
            }
            Step::Settle(book) => {
                self.desk.risk.settle(BOOKS[book], price(205), None);
            }
            _ => unreachable!("{step:?}"),
        }
    }

    /// What the market, slow sources and the operator say.
    fn tell(&mut self, step: &Step) {
        let now = self.desk.now;
        let told_at = |age: u64| Nanos(now.0 - age);
        match *step {
            Step::Quote(book, bid, is_good) => {
                let key = BOOKS[book];
                let scale = if key == FUTURE { 5_000 } else { 1 };
                let trust = [Trust::MaybeBad, Trust::Good][usize::from(is_good)];
                let (bid, ask) = (price(bid * scale), price((bid + 10) * scale));
                self.desk.risk.observe(&update(key, now, bid, ask, trust));
            }
            Step::Margin(book, each, age) => {
                let each = Money::from_usd(each.max(0));
                let margin = Context::Margin(BOOKS[book], each, told_at(age));
                self.desk.tell(margin);
            }
            Step::Greeks(book, each, age) => {
                let greeks = Greeks {
                    delta: Money::from_usd(each),
                    gamma: Money::from_usd(each / 10),
                    vega: Money::from_usd(each / 100),
                    as_of: told_at(age),
                };
                self.desk.tell(Context::Greeks(BOOKS[book], greeks));
            }
            Step::Tighten(age_ns_max) => {
                let mut limits = *self.desk.risk.limits();
                limits.account_age_ns_max = limits.account_age_ns_max.min(age_ns_max);
                limits.greeks_age_ns_max = limits.greeks_age_ns_max.min(2 * age_ns_max);
                self.desk.risk.tighten(&limits).unwrap();
            }
            Step::Register(book) => {
                // Other terms: refused unless the old contract is flat and without orders.
                self.terms += 1;
                let mut terms = contract(BOOKS[book]);
                terms.expiry.0 += self.terms.unsigned_abs();
                let _ = self.desk.risk.register(&terms);
            }
            Step::Disconnect => self.desk.risk.on_disconnect(now),
            _ => unreachable!("{step:?}"),
        }
    }
}

fn pick(orders: &[Order], at: usize) -> Option<Order> {
    orders.get(at.checked_rem(orders.len())?).copied()
}

fn run(steps: &[Step]) -> World {
    let mut world = World::new();
    for step in steps {
        world.step(step);
        // Whatever has changed, every contract is asked about from another one's view.
        for book in 0..BOOKS.len() {
            let intent = world.intent(book, Side::Bid, 1_000);
            world.consider(&intent);
        }
    }
    world
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn sums_that_are_kept_are_those_added_up_anew(steps in steps()) {
        run(&steps);
    }
}

#[test]
fn histories_reach_what_sums_depend_on() {
    // With nothing held, or nothing ever absent, the property above would prove nothing.
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let (mut known, mut absent, mut most, mut passed) = (0, 0, 0, 0);
    for _ in 0..80 {
        let steps = steps().new_tree(&mut runner).unwrap().current();
        let world = run(&steps);
        known += world.known;
        absent += world.absent;
        most = most.max(world.most);
        passed += world.desk.risk.counters().passed;
    }
    assert!(known > 1_000 && absent > 1_000, "{known} {absent}");
    assert!(most == 4 && passed > 150, "{most} {passed}");
}
