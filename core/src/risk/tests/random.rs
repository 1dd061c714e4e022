//! Random desks: intents, a venue that answers late, twice and in any order, against naive sums.

use super::desk::*;
use crate::money::Money;
use crate::order::{ExecReport, Execution, Intent, Purpose, ReportKind, SignalId, VenueOrderId};
use crate::position::BrokerView;
use crate::risk::*;
use crate::types::{BookKey, Side};
use alloc::vec::Vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree;

const POSITION_MAX: i64 = 12;

/// An order as the venue truly has it.
struct Resting {
    order: Order,
    left: u32,
    is_done: bool,
}

/// A venue with perfect knowledge, and a line that delivers as it likes.
struct World {
    desk: Desk,
    orders: Vec<Resting>,
    /// Reports on their way.
    wire: Vec<ExecReport>,
    /// All executions that the venue made.
    truth: Vec<(BookKey, Execution)>,
    /// Those that were delivered, once each.
    told: Vec<(BookKey, Execution)>,
    passed: u64,
    refused: u64,
    signals: u64,
}

#[derive(Clone, Debug)]
enum Step {
    Want {
        book: usize,
        buys: bool,
        quantity: u32,
        offset: i64,
        reduces: bool,
    },
    Ack(usize),
    Trade(usize, u32),
    End(usize, u8),
    Cancel(usize),
    /// Delivers one report of those on the wire, and keeps it there to come again if so asked.
    Deliver(usize, bool),
    Lose,
    Wait(u64),
    Mark(usize, i64),
    Ask,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let want = (0usize..3, any::<bool>(), 0u32..9, -3i64..4, any::<bool>());
    let one = prop_oneof![
        6 => want.prop_map(|(book, buys, quantity, offset, reduces)| Step::Want {
            book, buys, quantity, offset, reduces
        }),
        3 => (0usize..40).prop_map(Step::Ack),
        6 => (0usize..40, 1u32..6).prop_map(|(at, quantity)| Step::Trade(at, quantity)),
        2 => (0usize..40, 0u8..3).prop_map(|(at, how)| Step::End(at, how)),
        2 => (0usize..40).prop_map(Step::Cancel),
        10 => (0usize..40, any::<bool>()).prop_map(|(at, again)| Step::Deliver(at, again)),
        1 => Just(Step::Lose),
        3 => (1u64..3_000_000_000).prop_map(Step::Wait),
        2 => (0usize..3, 150i64..260).prop_map(|(book, bid)| Step::Mark(book, bid)),
        2 => Just(Step::Ask),
    ];
    prop::collection::vec(one, 1..160)
}

const BOOKS: [BookKey; 3] = [CALL, OTHER, PUT];

impl World {
    fn new() -> Self {
        let mut desk = Desk::with(&[
            ("position_quantity_max", POSITION_MAX),
            ("order_quantity_max", 6),
            ("daily_loss_ppm", 900_000),
            ("losing_trades_max", 1_000),
            ("drawdown_ppm", 900_000),
            ("drawdown_shrink_ppm", 900_000),
            ("signal_age_ns_max", i64::MAX),
            ("data_age_ns_max", i64::MAX),
            ("collar_ppm", 1_000_000),
            ("references_apart_ppm", 1_000_000),
        ]);
        for book in BOOKS {
            let now = desk.now;
            desk.tell(Context::Margin(book, Money::from_usd(1), now));
        }
        Self {
            desk,
            orders: Vec::new(),
            wire: Vec::new(),
            truth: Vec::new(),
            told: Vec::new(),
            passed: 0,
            refused: 0,
            signals: 1,
        }
    }

    fn send(&mut self, order: &Order, kind: ReportKind) {
        self.wire.push(ExecReport {
            id: order.id(),
            contract: order.intent().contract,
            ts_event: self.desk.now,
            kind,
        });
    }

    fn want(&mut self, book: usize, side: Side, quantity: u32, offset: i64, purpose: Purpose) {
        self.signals += 1;
        let intent = Intent {
            contract: BOOKS[book],
            side,
            quantity,
            price: price(205 + offset),
            purpose,
            signal_id: SignalId(self.signals),
            stop: price(if side == Side::Bid { 100 } else { 400 }),
            ..plain()
        };
        match self.desk.risk.consider(&intent, self.desk.now) {
            Ok(order) => {
                self.passed += 1;
                self.orders.push(Resting {
                    order,
                    left: quantity,
                    is_done: false,
                });
            }
            Err(_) => self.refused += 1,
        }
    }

    fn trade(&mut self, at: usize, quantity: u32) {
        let Some(resting) = pick(&mut self.orders, at) else {
            return;
        };
        let quantity = quantity.min(resting.left);
        if quantity == 0 {
            return;
        }
        resting.left -= quantity;
        resting.is_done = resting.left == 0;
        let order = resting.order;
        let intent = order.intent();
        let cents = intent.price.0 / CENT;
        let execution = self
            .desk
            .execution(intent.side, quantity, cents, Money(650));
        self.truth.push((intent.contract, execution));
        self.send(&order, ReportKind::Executed(execution));
    }

    fn end(&mut self, at: usize, how: u8) {
        let Some(resting) = pick(&mut self.orders, at) else {
            return;
        };
        resting.is_done = true;
        let order = resting.order;
        let filled = order.intent().quantity - resting.left;
        resting.left = 0;
        let kind = match how {
            0 => ReportKind::Cancelled { filled },
            1 => ReportKind::Expired { filled },
            _ if filled == 0 => ReportKind::Rejected(201),
            _ => ReportKind::Absent { filled },
        };
        self.send(&order, kind);
    }

    fn deliver(&mut self, at: usize, again: bool) {
        if self.wire.is_empty() {
            return;
        }
        let at = at % self.wire.len();
        let report = if again {
            self.wire[at]
        } else {
            self.wire.swap_remove(at)
        };
        if let ReportKind::Executed(execution) = report.kind {
            let is_new = !self.told.iter().any(|(_, told)| told.id == execution.id);
            if is_new {
                self.told.push((report.contract, execution));
            }
        }
        self.desk.risk.on_report(&report, self.desk.now);
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Want {
                book,
                buys,
                quantity,
                offset,
                reduces,
            } => {
                let side = if buys { Side::Bid } else { Side::Ask };
                let purpose = if reduces {
                    Purpose::Reduce
                } else {
                    Purpose::Hedge
                };
                self.want(book, side, quantity, offset, purpose);
            }
            Step::Ack(at) => {
                if let Some(resting) = pick(&mut self.orders, at) {
                    let order = resting.order;
                    self.send(&order, ReportKind::Acked(VenueOrderId(order.id().0)));
                    self.send(&order, ReportKind::Working);
                }
            }
            Step::Trade(at, quantity) => self.trade(at, quantity),
            Step::End(at, how) => self.end(at, how),
            Step::Cancel(at) => {
                if let Some(resting) = pick(&mut self.orders, at) {
                    let id = resting.order.id();
                    let _ = self.desk.risk.cancel(id, self.desk.now);
                }
            }
            Step::Deliver(at, again) => self.deliver(at, again),
            Step::Lose => {
                let lost = self.orders.last().map(|resting| resting.order);
                if let Some(order) = lost {
                    self.desk.report(&order, ReportKind::NoAnswer);
                }
            }
            Step::Wait(ns) => {
                self.desk.pass(ns);
                self.desk.risk.on_time(self.desk.now, &mut |_| {});
            }
            Step::Mark(book, bid) => self.desk.quote(BOOKS[book], bid, bid + 10),
            Step::Ask => {
                for book in BOOKS {
                    let held = self.desk.risk.line(book).unwrap().position.quantity();
                    self.desk.risk.reconcile(book, BrokerView::Held(held));
                }
            }
        }
    }

    fn held(executions: &[(BookKey, Execution)], book: BookKey) -> i64 {
        let of = executions.iter().filter(|(key, _)| *key == book);
        of.map(|(_, it)| i64::from(it.quantity) * if it.side == Side::Bid { 1 } else { -1 })
            .sum()
    }

    /// What must hold after every step.
    fn check(&self) {
        let risk = &self.desk.risk;
        let counters = risk.counters();
        assert!(counters.is_conserved(), "I3");
        assert_eq!(
            (counters.passed, counters.considered),
            (self.passed, self.passed + self.refused)
        );
        assert_eq!(counters.contradictions, 0, "the venue is truthful");
        for book in BOOKS {
            let line = risk.line(book).unwrap();
            assert_eq!(line.position.quantity(), Self::held(&self.told, book), "I4");
            let true_held = Self::held(&self.truth, book);
            assert!(true_held.abs() <= POSITION_MAX, "I5: {true_held}");
            let (most, least) = line.reach();
            assert!(
                most <= POSITION_MAX && least >= -POSITION_MAX,
                "I5: {least}..{most}"
            );
            // The venue may still trade what is left; risk has reserved at least that.
            let left = |side| -> i64 {
                let all = self.orders.iter().filter(|it| {
                    let intent = it.order.intent();
                    intent.contract == book && intent.side == side && !it.is_done
                });
                all.map(|it| i64::from(it.left)).sum()
            };
            assert!(true_held + left(Side::Bid) <= most, "reserved");
            assert!(true_held - left(Side::Ask) >= least, "reserved");
            let open: Vec<_> = risk.open_orders(book).collect();
            let of = |side: Side| -> i64 {
                let all = open.iter().filter(|it| it.order.intent().side == side);
                all.map(|it| i64::from(it.life.leaves())).sum()
            };
            assert_eq!(line.working[0].quantity, of(Side::Bid));
            assert_eq!(line.working[1].quantity, of(Side::Ask));
        }
        let earned: Money = BOOKS.iter().map(|book| self.naive(*book)).sum();
        assert_eq!(risk.earned_today(), Some(earned));
        assert_eq!(
            risk.fees_today(),
            Money(650).times(self.told.len().try_into().unwrap())
        );
    }

    /// Cash, plus what is held at the mark, less fees.
    fn naive(&self, book: BookKey) -> Money {
        let mark = self.desk.risk.line(book).unwrap().view.mark;
        let mut units = 0;
        for (_, it) in self.told.iter().filter(|(key, _)| *key == book) {
            let sign = if it.side == Side::Bid { 1 } else { -1 };
            // A hundred dollars a point: a unit of 1e-9 points is 1e-3 units of money.
            units += sign * i64::from(it.quantity) * (mark.0 - it.price.0) / 1_000 - 650;
        }
        Money(units)
    }
}

fn pick(orders: &mut [Resting], at: usize) -> Option<&mut Resting> {
    let live: Vec<_> = orders.iter_mut().filter(|it| !it.is_done).collect();
    let count = live.len();
    live.into_iter().nth(at.checked_rem(count)?)
}

fn run(steps: &[Step]) -> World {
    let mut world = World::new();
    for step in steps {
        world.step(step);
        world.check();
    }
    world
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn i05_no_interleaving_takes_a_position_beyond_its_limit(steps in steps()) {
        let mut world = run(&steps);
        // In the end everything arrives, and both sides agree.
        while !world.wire.is_empty() {
            world.deliver(0, false);
        }
        world.check();
        for book in BOOKS {
            let held = World::held(&world.truth, book);
            prop_assert_eq!(world.desk.risk.line(book).unwrap().position.quantity(), held);
        }
        let open = world.orders.iter().filter(|it| !it.is_done).count();
        let live: usize = BOOKS.iter().map(|book| world.desk.risk.open_orders(*book).count()).sum();
        prop_assert_eq!(live, open, "nothing is reserved for what is gone");
    }

    #[test]
    fn rehearsing_changes_nothing(steps in steps()) {
        let (mut plain, mut rehearsed) = (World::new(), World::new());
        for step in &steps {
            plain.step(step);
            rehearsed.step(step);
            rehearsed.desk.risk.rehearse();
            let (plain, rehearsed) = (&plain.desk.risk, &rehearsed.desk.risk);
            prop_assert_eq!(plain.verdict(), rehearsed.verdict());
            prop_assert_eq!(plain.counters(), rehearsed.counters());
            prop_assert_eq!(plain.kept(), rehearsed.kept());
            prop_assert_eq!(plain.digest(), rehearsed.digest());
        }
    }

    #[test]
    fn i13_the_same_steps_give_the_same_digest(steps in steps()) {
        prop_assert_eq!(run(&steps).desk.risk.digest(), run(&steps).desk.risk.digest());
    }
}

#[test]
fn random_desks_reach_what_they_are_for() {
    // The generator must pass and refuse, fill and end, or the property above proves nothing.
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let (mut passed, mut told, mut late, mut stale) = (0, 0, 0, 0);
    let mut refused = [0; Refusal::COUNT];
    for _ in 0..200 {
        let steps = steps().new_tree(&mut runner).unwrap().current();
        let world = run(&steps);
        let counters = world.desk.risk.counters();
        passed += counters.passed;
        told += world.told.len();
        late += counters.late;
        stale += counters.stale;
        for (sum, count) in refused.iter_mut().zip(counters.refused) {
            *sum += count;
        }
    }
    assert!(passed > 500, "{passed}");
    assert!(
        told > 200 && late > 10 && stale > 100,
        "{told} {late} {stale}"
    );
    for check in [
        Refusal::Quantity,
        Refusal::Position,
        Refusal::SelfMatch,
        Refusal::Unknown,
    ] {
        assert!(refused[check as usize] > 20, "{check:?}: {refused:?}");
    }
}
