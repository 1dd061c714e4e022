//! I13: a fold of the journal comes to the ledger that was live, whatever happened.
//!
//! Random steps drive a real [`Risk`], with a venue that says anything: reports twice, late, of
//! orders nobody knows, with counts that cannot be. After every step both digests must agree.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use undertow_cold::journal::{
    Adopted, BreachKind, Build, Cancelled, Entry, Intended, Marked, Record, Refused, Settled,
    Start, State, recover,
};
use undertow_core::contract::Contract;
use undertow_core::event::{BookUpdate, Depth, Effect, Mbo, Operator, Touch, Trust};
use undertow_core::money::Money;
use undertow_core::order::{
    ClientOrderId, ExecReport, Execution, ExecutionId, Intent, Purpose, ReportKind, SignalId,
    StrategyId, Style, Tif, VenueOrderId,
};
use undertow_core::position::BrokerView;
use undertow_core::risk::{
    Account, AccountId, Cancel, Capacity, Context, Costs, Gate, HaltCause, Kept, Limits, Mode,
    Reason, Risk, Setup, Span, ValueAtRisk, Which,
};
use undertow_core::types::{BookKey, InstrumentId, Nanos, Price, Side};

use crate::samples::*;

const SECOND: u64 = 1_000_000_000;
const START: u64 = 1_000_000 * SECOND;
const BOOKS: [u32; 3] = [11, 12, 13];

fn key(id: u32) -> BookKey {
    BookKey {
        instrument_id: InstrumentId(id),
        ..KEY
    }
}

fn contract(id: u32) -> Contract {
    Contract {
        key: key(id),
        underlying: InstrumentId(id),
        expiry: Nanos(START + 1_000_000 * SECOND),
        ..future()
    }
}

/// Limits that refuse seldom, so that much happens.
fn limit(name: &str) -> Option<i64> {
    let second = SECOND.cast_signed();
    let much = Money::from_usd(1_000_000_000).0;
    Some(match name {
        "answer_ns_max" => 10 * second,
        "order_quantity_max" | "collar_ticks" | "positions_max" | "underlying_positions_max" => 50,
        "collar_ppm" | "references_apart_ppm" | "displayed_ppm" => 1_000_000,
        "references_min" | "loss_confirmations" | "duplicate_window_ns" => 1,
        "position_quantity_max" => 200,
        "opened_per_day_max" | "opened_per_run_max" | "losing_trades_max" => 1_000_000,
        "losing_days_max" | "errors_max" | "attempts_max" | "repeats_max" => 1_000_000,
        "stop_slippage_ppm" | "margin_buffer_ppm" => 1_500_000,
        "position_share_ppm" | "underlying_share_ppm" | "strategy_share_ppm" => 10_000_000,
        "volume_share_ppm" | "buying_power_share_ppm" => 1_000_000,
        "daily_loss_ppm" | "drawdown_ppm" | "value_at_risk_ppm" => 900_000,
        "daily_shrink_ppm" => 500_000,
        "daily_gate_ppm" | "drawdown_shrink_ppm" => 800_000,
        "drawdown_tighten_ppm" | "correlation_ppm" => 700_000,
        "confidence_min_ppm" | "value_at_risk_short_ppm" => 600_000,
        "volatility_ppm" => 3_000_000,
        "value_at_risk_days_min" => 50,
        "messages_per_second_max" => 1_000,
        "cancel_reserve" => 10,
        "side_orders_max" | "unacked_max" => 20,
        "orders_max" => 30,
        name if name.ends_with("_ns") => 60 * second,
        name if name.ends_with("_ns_max") => 1_000_000_000 * second,
        _ => much,
    })
}

fn setup() -> Setup {
    Setup {
        mode: Mode::Paper,
        account: AccountId(77),
        limits: Limits::read(limit).expect("sound limits"),
        capacity: Capacity {
            contracts_max: 8,
            underlyings_max: 8,
            strategies_max: 4,
            orders_max: 64,
            executions_max: 1_024,
        },
    }
}

struct World {
    risk: Risk,
    state: State,
    records: Vec<Record>,
    now: Nanos,
    ids: Vec<ClientOrderId>,
    bids: [i64; 3],
    terms: [u64; 3],
    /// Whether every contract's mark stands in the journal.
    is_marked: bool,
    restarts: u32,
}

#[derive(Clone, Debug)]
enum Step {
    Want(usize, bool, u32, i64, bool),
    /// Which order, whether as another contract's, and what is said.
    Say(usize, Option<usize>, Say),
    Cancel(usize),
    CancelAll,
    Wait(u64),
    Disconnect,
    Quote(usize, i64),
    Agree,
    Adopt(usize, i64),
    Settle(usize, Option<usize>),
    Renew(usize),
    Keep,
    Halt,
    Resume,
    Restart,
}

#[derive(Clone, Copy, Debug)]
enum Say {
    Plain(u8),
    Executed(u64, u16, u32, i64, bool),
    Fee(u64),
    Ended(u8, u32),
}

fn says() -> impl Strategy<Value = Say> {
    prop_oneof![
        4 => (0u8..6).prop_map(Say::Plain),
        8 => (0u64..60, 0u16..3, 0u32..4, -9i64..9, any::<bool>())
            .prop_map(|(base, revision, quantity, points, fee)| {
                Say::Executed(base, revision, quantity, points, fee)
            }),
        1 => (0u64..60).prop_map(Say::Fee),
        2 => (0u8..3, 0u32..6).prop_map(|(how, filled)| Say::Ended(how, filled)),
    ]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let book = || 0usize..3;
    let reduces = proptest::bool::weighted(0.2);
    let want = (book(), any::<bool>(), 1u32..6, -2i64..3, reduces);
    let other = proptest::option::weighted(0.1, book());
    let one = prop_oneof![
        10 => want.prop_map(|(book, buys, quantity, offset, reduces)| {
            Step::Want(book, buys, quantity, offset, reduces)
        }),
        24 => (0usize..12, other, says()).prop_map(|(at, other, say)| Step::Say(at, other, say)),
        3 => (0usize..12).prop_map(Step::Cancel),
        1 => Just(Step::CancelAll),
        2 => (1u64..20 * SECOND).prop_map(Step::Wait),
        1 => Just(Step::Disconnect),
        3 => (book(), 19_900i64..20_100).prop_map(|(book, bid)| Step::Quote(book, bid)),
        6 => Just(Step::Agree),
        1 => (book(), -3i64..4).prop_map(|(book, by)| Step::Adopt(book, by)),
        1 => (book(), proptest::option::of(book())).prop_map(|(of, to)| Step::Settle(of, to)),
        1 => book().prop_map(Step::Renew),
        2 => Just(Step::Keep),
        1 => Just(Step::Halt),
        4 => Just(Step::Resume),
        1 => Just(Step::Restart),
    ];
    prop::collection::vec(one, 1..120)
}

impl World {
    fn new() -> Self {
        let kept = Kept::first(1, Money::from_usd(100_000_000));
        let mut world = Self {
            risk: Risk::new(&setup(), &kept).expect("sound"),
            state: State::default(),
            records: Vec::new(),
            now: Nanos(START),
            ids: Vec::new(),
            bids: [20_000; 3],
            terms: [0; 3],
            is_marked: false,
            restarts: 0,
        };
        world.begin(kept);
        world
    }

    fn note(&mut self, record: Record) {
        let sequence = self.records.len() as u64;
        self.records.push(record);
        self.state.fold(&Entry {
            sequence,
            moment: moment(sequence),
            record,
        });
    }

    fn begin(&mut self, kept: Kept) {
        self.note(Record::Start(Start {
            build: Build::from_bytes(b"test"),
            kept,
            ..start()
        }));
        for book in 0..3 {
            let contract = self.contract(book);
            self.risk.register(&contract).expect("there is room");
            self.note(Record::Contract(contract));
        }
        self.tell();
        for book in 0..3 {
            self.quote(book, self.bids[book]);
        }
    }

    fn contract(&self, book: usize) -> Contract {
        let mut contract = contract(BOOKS[book]);
        contract.expiry.0 += self.terms[book];
        contract
    }

    fn tell(&mut self) {
        let now = self.now;
        let span = Some(Span {
            from: Nanos(1),
            until: Nanos(u64::MAX - 1),
        });
        let usd = Money::from_usd(1_000_000_000);
        let mut all = vec![
            Context::Venue(Some((Mode::Paper, AccountId(77)))),
            Context::Session(span),
            Context::Window(intent(1).strategy, span),
            Context::Account(Account {
                available: usd,
                buying_power: usd,
                as_of: now,
            }),
            Context::ValueAtRisk(ValueAtRisk {
                loss: Money::ZERO,
                days: 60,
                as_of: now,
            }),
            Context::Volatility(0, now),
            Context::Costs(Costs {
                day: Money::ZERO,
                month: Money::ZERO,
                as_of: now,
            }),
        ];
        for (at, book) in BOOKS.iter().enumerate() {
            all.push(Context::Margin(key(*book), Money::from_usd(100), now));
            all.push(Context::Volume(key(*book), 1_000_000));
            for other in &BOOKS[..at] {
                let (one, other) = (InstrumentId(*book), InstrumentId(*other));
                all.push(Context::Correlation(one, other, 0, now));
            }
        }
        for context in all {
            self.risk.on_context(&context, now);
        }
    }

    fn quote(&mut self, book: usize, bid: i64) {
        self.bids[book] = bid;
        self.is_marked = false;
        let key = key(BOOKS[book]);
        let mbo = Mbo {
            ts_event: self.now,
            instrument_id: key.instrument_id,
            publisher_id: key.publisher_id,
            ..Mbo::default()
        };
        let touch = Touch {
            bid: Price(bid * POINT),
            ask: Price((bid + 1) * POINT),
            bid_size: 1_000,
            ask_size: 1_000,
            bid_count: 9,
            ask_count: 9,
        };
        self.risk.observe(&update(mbo, touch));
    }

    fn want(&mut self, book: usize, buys: bool, quantity: u32, offset: i64, reduces: bool) {
        let held = self
            .risk
            .line(key(BOOKS[book]))
            .expect("there")
            .position
            .quantity();
        self.risk
            .reconcile(key(BOOKS[book]), BrokerView::Held(held));
        let points = self.bids[book] + offset;
        let intent = Intent {
            contract: key(BOOKS[book]),
            side: if buys { Side::Bid } else { Side::Ask },
            quantity,
            price: Price(points * POINT),
            style: Style::Limit,
            tif: Tif::Day,
            purpose: if reduces {
                Purpose::Reduce
            } else {
                Purpose::Hedge
            },
            signal_id: SignalId(self.records.len() as u64),
            ts_event: self.now,
            reference: undertow_core::order::Quote {
                bid: Price(self.bids[book] * POINT),
                ask: Price((self.bids[book] + 1) * POINT),
            },
            stop: Price((points + if buys { -50 } else { 50 }) * POINT),
            data_cost: Money::ZERO,
            good_for_ns: 30 * SECOND,
            ..intent(1)
        };
        match self.risk.consider(&intent, self.now) {
            Ok(order) => {
                self.note(Record::from(&order));
                self.note(Record::Placed(order.id()));
                self.ids.push(order.id());
            }
            Err(refusal) => self.note(Record::Refused(Refused { intent, refusal })),
        }
    }

    fn say(&mut self, at: usize, other: Option<usize>, say: Say) {
        // One of the latest, or an id that nobody has given out.
        let id = self.ids.iter().rev().nth(at).copied();
        let id = id.unwrap_or(ClientOrderId(1_000_000 + at as u64));
        let order = self.state.order(id).map(|order| order.intent);
        let own = order.map_or(key(BOOKS[at % 3]), |intent| intent.contract);
        let side = order.map_or(Side::Ask, |intent| intent.side);
        let kind = match say {
            Say::Plain(0) => ReportKind::Sent,
            Say::Plain(1) => ReportKind::Acked(VenueOrderId(id.0 + 7)),
            Say::Plain(2) => ReportKind::Working,
            Say::Plain(3) => ReportKind::CancelRejected,
            Say::Plain(4) => ReportKind::NoAnswer,
            Say::Plain(_) => ReportKind::Rejected(201),
            Say::Executed(base, revision, quantity, points, fee) => {
                ReportKind::Executed(Execution {
                    id: ExecutionId { base, revision },
                    side,
                    quantity,
                    price: Price((20_000 + points) * POINT),
                    fee: fee.then_some(Money(12_500)),
                })
            }
            Say::Fee(base) => ReportKind::Fee(ExecutionId { base, revision: 0 }, Money(777)),
            Say::Ended(0, filled) => ReportKind::Cancelled { filled },
            Say::Ended(1, filled) => ReportKind::Expired { filled },
            Say::Ended(_, filled) => ReportKind::Absent { filled },
        };
        let report = ExecReport {
            id,
            contract: other.map_or(own, |book| key(BOOKS[book])),
            ts_event: self.now,
            kind,
        };
        self.note(Record::Report(report));
        self.risk.on_report(&report, self.now);
    }

    fn cancelled(&mut self, cancels: &[Cancel]) {
        for cancel in cancels {
            self.note(Record::Cancel(Cancelled {
                id: cancel.id(),
                contract: cancel.contract(),
            }));
        }
    }

    fn adopt(&mut self, book: usize, difference: i64) {
        let key = key(BOOKS[book]);
        let line = *self.risk.line(key).expect("registered");
        let held = line.position.quantity() + difference;
        self.risk.reconcile(key, BrokerView::Held(held));
        let reason = Reason::new("the broker is right").expect("a reason");
        if self.risk.adopt(key, reason) {
            self.note(Record::Adopted(Adopted {
                contract: key,
                difference,
                price: line.view.mark,
            }));
        }
    }

    fn settle(&mut self, of: usize, to: Option<usize>) {
        let price = Price(self.bids[of] * POINT);
        let delivered = to.filter(|to| *to != of).map(|to| key(BOOKS[to]));
        let delivers = delivered.map(|key| (key, price));
        self.risk.settle(key(BOOKS[of]), price, delivers);
        self.note(Record::Settled(Settled {
            contract: key(BOOKS[of]),
            price,
            delivered: delivered
                .map(|contract| undertow_cold::journal::Delivered { contract, price }),
        }));
    }

    /// The same key for another contract, as after expiry.
    fn renew(&mut self, book: usize) {
        self.terms[book] += 1;
        let contract = self.contract(book);
        if self.risk.register(&contract).is_ok() {
            self.note(Record::Contract(contract));
            let bid = self.bids[book];
            self.tell();
            self.quote(book, bid);
        } else {
            self.terms[book] -= 1;
        }
    }

    fn keep(&mut self) {
        for (book, bid) in BOOKS.into_iter().zip(self.bids) {
            self.note(Record::Mark(Marked {
                contract: key(book),
                price: Price(bid * POINT + POINT / 2),
            }));
        }
        self.note(Record::Kept(self.risk.kept()));
        self.is_marked = true;
    }

    /// The process dies, and the next one begins with what the journal says.
    fn restart(&mut self) {
        let kept = self.state.kept().expect("a run began");
        let was_marked = self.is_marked;
        let mut risk = Risk::new(&setup(), &kept).expect("sound");
        let restored = self.state.restore(&mut risk).expect("it is taken");
        let open = self.state.open_orders().count();
        assert_eq!(restored.orders.len(), open);
        self.risk = risk;
        self.begin(kept);
        self.restarts += 1;
        if was_marked {
            assert_eq!(
                self.risk.earned_today(),
                Some(kept.day_earned),
                "earned before and after"
            );
            assert_eq!(self.risk.fees_today(), kept.day_fees);
        }
    }

    fn step(&mut self, step: &Step) {
        let mut cancels = Vec::new();
        match *step {
            Step::Want(book, buys, quantity, offset, reduces) => {
                self.want(book, buys, quantity, offset, reduces);
            }
            Step::Say(at, other, say) => self.say(at, other, say),
            Step::Cancel(at) => {
                if let Some(id) = self.ids.iter().rev().nth(at) {
                    cancels.extend(self.risk.cancel(*id, self.now).ok());
                }
            }
            Step::CancelAll => {
                let out = &mut |cancel| cancels.push(cancel);
                self.risk.cancel_all(Which::All, self.now, out);
            }
            Step::Wait(ns) => {
                self.now.0 += ns;
                self.risk
                    .on_time(self.now, &mut |cancel| cancels.push(cancel));
            }
            Step::Disconnect => {
                self.risk.on_disconnect(self.now);
                self.tell();
            }
            Step::Quote(book, bid) => self.quote(book, bid),
            Step::Agree => {
                for book in BOOKS {
                    let held = self
                        .risk
                        .line(key(book))
                        .expect("there")
                        .position
                        .quantity();
                    self.risk.reconcile(key(book), BrokerView::Held(held));
                }
            }
            Step::Adopt(book, difference) => self.adopt(book, difference),
            Step::Settle(of, to) => self.settle(of, to),
            Step::Renew(book) => self.renew(book),
            Step::Keep => self.keep(),
            Step::Halt => {
                self.risk.halt(Gate::ReduceOnly, HaltCause::Operator);
                self.note(Record::Halt(*self.risk.halted()));
            }
            Step::Resume => {
                let reason = Reason::new("looked at it").expect("a reason");
                self.risk.resume(reason);
                self.note(Record::Resume(reason));
            }
            Step::Restart => self.restart(),
        }
        self.cancelled(&cancels);
    }

    fn check(&self, step: &Step) {
        assert_eq!(self.risk.ledger_digest(), self.state.digest(), "{step:?}");
        assert_eq!(self.risk.halted(), self.state.halt(), "{step:?}");
        if !self.is_marked {
            return;
        }
        let (live, folded) = (self.risk.kept(), self.state.kept().expect("kept"));
        assert_eq!(live.day_earned, folded.day_earned, "{step:?}");
        assert_eq!(live.day_fees, folded.day_fees, "{step:?}");
        assert_eq!(live.next_id, folded.next_id, "{step:?}");
        assert_eq!(live.opened_today, folded.opened_today, "{step:?}");
        assert_eq!(live.losing_trades, folded.losing_trades, "{step:?}");
    }
}

fn update(mbo: Mbo, touch: Touch) -> BookUpdate {
    BookUpdate {
        mbo,
        touch,
        depth: Depth::default(),
        level_size: 0,
        level_count: 0,
        book_idx: 0,
        effect: Effect::None,
        trust: Trust::Good,
        touch_changed: true,
    }
}

fn run(steps: &[Step]) -> World {
    let mut world = World::new();
    for step in steps {
        world.step(step);
        world.check(step);
        let digest = world.risk.ledger_digest();
        world.note(Record::Checkpoint(digest));
    }
    world
}

fn digests(state: &State) -> usize {
    let of = state.breaches().iter();
    of.filter(|breach| matches!(breach.kind, BreachKind::Digest { .. }))
        .count()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn i13_a_fold_comes_to_the_live_ledger_after_every_step(steps in steps()) {
        let world = run(&steps);
        prop_assert_eq!(digests(&world.state), 0);
        prop_assert_eq!(world.state.checkpoints(), steps.len() as u64);
    }
}

#[test]
fn i13_what_is_read_back_comes_to_the_live_ledger() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    for _ in 0..12 {
        let steps = steps().new_tree(&mut runner).expect("steps").current();
        let world = run(&steps);
        let dir = fresh();
        write(dir.path(), &world.records, 50, 16);
        let (state, scan) = recover(dir.path()).expect("read");
        assert_eq!(scan.records, world.records.len() as u64);
        assert_eq!(state.digest(), world.risk.ledger_digest());
        assert_eq!(
            (digests(&state), state.checkpoints()),
            (0, steps.len() as u64)
        );
    }
}

#[test]
fn random_worlds_reach_what_they_are_for() {
    // Orders, fills, ends and restarts with something held must occur, or I13 proves little. Fills
    // of orders nobody knows leave a loss that cannot be bounded, so most intents are refused.
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let (mut passed, mut told, mut restarts, mut held, mut open) = (0, 0, 0, 0, 0);
    let mut refusals = std::collections::BTreeMap::new();
    for _ in 0..200 {
        let steps = steps().new_tree(&mut runner).expect("steps").current();
        let world = run(&steps);
        passed += world.ids.len();
        for record in &world.records {
            if let Record::Refused(refused) = record {
                *refusals.entry(refused.refusal.name()).or_insert(0) += 1;
            }
        }
        told += world.state.executions();
        restarts += world.restarts;
        let lines = world.state.lines();
        held += lines.filter(|line| line.position.quantity() != 0).count();
        open += world.state.open_orders().count();
    }
    assert!(
        passed > 150 && told > 1_000 && restarts > 100,
        "{passed} {told} {restarts} {refusals:?}"
    );
    assert!(held > 100 && open > 100, "{held} {open}");
}

#[test]
fn i13_a_record_that_is_left_out_is_seen_at_the_next_checkpoint() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut seen = 0;
    for _ in 0..20 {
        let steps = steps().new_tree(&mut runner).expect("steps").current();
        let world = run(&steps);
        let mut bases = BTreeSet::new();
        // The first telling of an execution that moves something.
        let mut is_fill = |record: &Record| {
            let Record::Report(report) = record else {
                return false;
            };
            let ReportKind::Executed(execution) = report.kind else {
                return false;
            };
            bases.insert(execution.id.base) && execution.quantity > 0
        };
        let Some(gone) = world.records.iter().position(&mut is_fill) else {
            continue;
        };
        let mut state = State::default();
        let kept = world
            .records
            .iter()
            .enumerate()
            .filter(|(at, _)| *at != gone);
        for (sequence, (_, record)) in kept.enumerate() {
            let sequence = sequence as u64;
            state.fold(&Entry {
                sequence,
                moment: moment(sequence),
                record: *record,
            });
        }
        let first = state
            .breaches()
            .iter()
            .find_map(|breach| match breach.kind {
                BreachKind::Digest { .. } => Some(breach.sequence),
                _ => None,
            });
        assert_eq!(first, Some(gone as u64), "the checkpoint right after it");
        seen += 1;
    }
    assert!(seen > 10, "{seen}");
}

/// A fold of these records.
fn folded(records: &[Record]) -> State {
    let mut state = State::default();
    for (sequence, record) in records.iter().enumerate() {
        let sequence = sequence as u64;
        state.fold(&Entry {
            sequence,
            moment: moment(sequence),
            record: *record,
        });
    }
    state
}

#[test]
fn r12_what_the_operator_has_disabled_stays_so_over_a_start_until_it_is_enabled() {
    let disable = |place| Record::Ordered(Operator::Disable(StrategyId(place)));
    let enable = |place| Record::Ordered(Operator::Enable(StrategyId(place)));
    let begin = Record::Start(start());
    let records = [
        begin,
        disable(4),
        disable(1),
        // Twice is as once, and one that was never disabled is enabled without effect.
        disable(1),
        enable(9),
        Record::End(0),
        begin,
        Record::Ordered(Operator::Halt),
        disable(200),
        enable(1),
        begin,
    ];
    let after = |count: usize| folded(&records[..count]).disabled().collect::<Vec<u8>>();
    assert!(after(1).is_empty());
    assert_eq!(after(5), [1, 4]);
    assert_eq!(after(7), [1, 4], "the next run begins so");
    assert_eq!(after(9), [1, 4, 200]);
    assert_eq!(after(11), [4, 200]);
    let state = folded(&records);
    assert_eq!(
        state.digest(),
        folded(&[begin]).digest(),
        "no position or order rests on it"
    );
    assert_eq!(state.records(), records.len() as u64);
}

/// What was bought and sold on the day of [`kept`]: nothing is held, and no order is open.
fn bought_and_sold() -> [Record; 6] {
    let wanted = |id, side| {
        Record::Intent(Intended {
            id: ClientOrderId(id),
            ts: Nanos(id),
            intent: Intent { side, ..intent(id) },
        })
    };
    let executed = |id, side| report(id, ReportKind::Executed(execution(id, side, 3, 100)));
    [
        Record::Start(start()),
        Record::Contract(future()),
        wanted(1, Side::Bid),
        executed(1, Side::Bid),
        wanted(2, Side::Ask),
        executed(2, Side::Ask),
    ]
}

#[test]
fn what_the_venue_takes_back_after_a_restart_is_held_although_nothing_was() {
    let mut state = folded(&bought_and_sold());
    assert_eq!(
        (state.positions().count(), state.open_orders().count()),
        (0, 0)
    );
    let kept = state.kept().expect("a run began");
    let mut risk = Risk::new(&setup(), &kept).expect("sound");
    state.restore(&mut risk).expect("it is taken");
    let Record::Report(bust) = report(
        2,
        ReportKind::Executed(Execution {
            id: ExecutionId {
                base: 2,
                revision: 1,
            },
            quantity: 0,
            ..execution(2, Side::Ask, 3, 100)
        }),
    ) else {
        unreachable!("a report");
    };
    let reported = risk.on_report(&bust, Nanos(START));
    assert_eq!(reported.map(|reported| reported.held), Some(3));
    for record in [Record::Start(start()), Record::Report(bust)] {
        state.fold(&Entry {
            sequence: state.records(),
            moment: moment(state.records()),
            record,
        });
    }
    let held: Vec<_> = state
        .positions()
        .map(|(intent, _)| intent.quantity)
        .collect();
    assert_eq!(held, [3]);
    assert_eq!(state.digest(), risk.ledger_digest());
}

#[test]
fn what_was_traded_on_an_earlier_day_is_known_no_more() {
    let mut records = bought_and_sold().to_vec();
    let again = |day| {
        Record::Start(Start {
            kept: Kept { day, ..kept() },
            ..start()
        })
    };
    records.push(again(kept().day));
    assert_eq!(folded(&records).lines().count(), 1);
    records.push(again(kept().day + 1));
    assert_eq!(folded(&records).lines().count(), 0);
}
