//! The 24 checks. Each is a pure function of what is known, named by its number.
//!
//! An order that only reduces is asked what protects the venue and the book, and spared what
//! guards entries ([`Refusal::spares_exits`]). In a weaker form it is asked: 2 (a gate that
//! reduces lets it pass), 3 (until expiry itself), 4 (the strategy's window is not asked), 9
//! (only the harmful side), 11 (it must reduce, nothing else).

use super::context::{age_ns, is_fresh};
use super::ledger::{Line, side_index};
use super::portfolio::Worst;
use super::verdict::{Bound, Compared, Refusal, Tightest, Verdict};
use super::{BreakerKind, Gate, Risk};
use crate::contract::PriceSign;
use crate::event::Trust;
use crate::money::{Money, PPM};
use crate::order::{Intent, Purpose};
use crate::position::Agreement;
use crate::types::{Nanos, Price, Side};

/// Runs every check, in order. After one fails the rest still speak, for who wants to know.
/// Returns what one contract of an order that opens can lose, if anything bounds it.
pub(super) fn run(
    risk: &Risk,
    intent: &Intent,
    line_idx: Option<u32>,
    verdict: &mut Verdict,
) -> Option<Money> {
    verdict.begin();
    check_01_mode(risk, verdict);
    check_02_halt(risk, intent, verdict);
    let Some(line_idx) = line_idx else {
        let unknown = verdict.on(Refusal::Instrument);
        unknown.fact(Bound::Known, false).done();
        return None;
    };
    let asked = Asked::new(risk, intent, line_idx);
    if intent.purpose.opens() {
        asked.enter(verdict)
    } else {
        asked.exit(verdict);
        None
    }
}

/// An intent and what is known about its contract.
pub(super) struct Asked<'a> {
    pub(super) risk: &'a Risk,
    pub(super) intent: &'a Intent,
    pub(super) line: &'a Line,
    pub(super) line_idx: u32,
    pub(super) now: Nanos,
    /// What an order of this side may cost at most, per contract: its price or the mark.
    pub(super) price: Price,
    pub(super) quantity: i64,
    /// Absent while a position has no mark.
    equity: Option<Money>,
}

impl<'a> Asked<'a> {
    fn new(risk: &'a Risk, intent: &'a Intent, line_idx: u32) -> Self {
        let line = risk.ledger.line(line_idx);
        Self {
            risk,
            intent,
            line,
            line_idx,
            now: risk.now,
            price: dearer(intent.price, line.view.mark),
            quantity: i64::from(intent.quantity),
            equity: risk.equity(),
        }
    }

    /// Notional of the order, without a sign.
    pub(super) fn notional(&self) -> Money {
        self.line.contract.notional(self.quantity, self.price).abs()
    }

    fn side(&self) -> usize {
        side_index(self.intent.side)
    }

    /// What an order that opens is asked from the third check on.
    fn enter(&self, verdict: &mut Verdict) -> Option<Money> {
        let worst = Worst::of(self);
        self.check_03_instrument(verdict);
        self.check_04_session(verdict);
        self.check_05_feed_trust(verdict);
        self.check_06_data_age(verdict);
        self.check_07_price(verdict);
        self.check_08_quantity(verdict);
        self.check_09_collar(verdict);
        self.check_10_notional(verdict);
        self.check_11_position(&worst, verdict);
        self.check_12_exposure(&worst, verdict);
        self.check_13_daily_loss(verdict);
        self.check_14_breakers(verdict);
        self.check_15_margin(&worst, verdict);
        self.check_16_correlation(verdict);
        self.check_17_duplicate(verdict);
        self.check_18_message_rate(verdict);
        self.check_19_repeated_execution(verdict);
        self.check_20_open_orders(verdict);
        self.check_21_self_match(verdict);
        self.check_22_budget(verdict);
        self.check_23_signal(verdict);
        self.check_24_unknown(verdict);
        worst.loss_each
    }

    /// The same of one that reduces.
    fn exit(&self, verdict: &mut Verdict) {
        for check in Refusal::ALL.into_iter().filter(|it| it.spares_exits()) {
            verdict.spare(check);
        }
        self.check_03_instrument(verdict);
        self.check_04_session(verdict);
        self.check_05_feed_trust(verdict);
        self.check_06_data_age(verdict);
        self.check_07_price(verdict);
        self.check_08_quantity(verdict);
        self.check_09_collar(verdict);
        self.check_11_reducing(verdict);
        self.check_17_duplicate(verdict);
        self.check_18_message_rate(verdict);
        self.check_20_open_orders(verdict);
        self.check_21_self_match(verdict);
        self.check_24_unknown(verdict);
    }

    #[inline(always)]
    fn check_03_instrument(&self, verdict: &mut Verdict) {
        let check = verdict.on(Refusal::Instrument);
        let check = check.fact(Bound::Allowed, self.line.is_allowed);
        let expiry = self.line.contract.expiry;
        if !expiry.is_defined() {
            return check.done();
        }
        let window = if self.intent.purpose.opens() {
            self.risk.limits.last_trade_window_ns
        } else {
            0
        };
        let left = i64::try_from(expiry.0.saturating_sub(self.now.0)).unwrap_or(i64::MAX);
        check
            .at_least(Bound::Expiry, left, window.saturating_add(1))
            .done()
    }

    #[inline(always)]
    fn check_04_session(&self, verdict: &mut Verdict) {
        let check = verdict.on(Refusal::Session);
        let known = &self.risk.known;
        let is_open = known.session.is_some_and(|it| it.contains(self.now));
        let check = check.fact(Bound::SessionTime, is_open).fact(
            Bound::TradingStatus,
            self.line.view.is_trading != Some(false),
        );
        if !self.intent.purpose.opens() {
            return check.done();
        }
        let window = known.windows.get(usize::from(self.intent.strategy.0));
        let in_window = window
            .and_then(|window| *window)
            .is_some_and(|it| it.contains(self.now));
        check.fact(Bound::StrategyWindow, in_window).done()
    }

    #[inline(always)]
    fn check_05_feed_trust(&self, verdict: &mut Verdict) {
        let check = verdict.on(Refusal::FeedTrust);
        let view = &self.line.view;
        check
            .fact(Bound::Trust, view.trust == Trust::Good)
            .fact(Bound::Crossed, view.quote.is_sound())
            .done()
    }

    #[inline(always)]
    fn check_06_data_age(&self, verdict: &mut Verdict) {
        let check = verdict.on(Refusal::DataAge);
        let heard = self.line.view.heard_at;
        let age = heard.is_defined().then(|| age_ns(self.now, heard));
        check
            .known_at_most(Bound::Age, age, self.risk.limits.data_age_ns_max)
            .done()
    }

    #[inline(always)]
    fn check_07_price(&self, verdict: &mut Verdict) {
        let check = verdict.on(Refusal::Price);
        let (price, contract) = (self.intent.price, &self.line.contract);
        let may_be = contract.sign == PriceSign::Any || price.0 > 0;
        check
            .fact(Bound::Defined, price.is_defined())
            .fact(Bound::Sign, may_be)
            .fact(Bound::Tick, contract.tick.is_on_tick(price))
            .done()
    }

    #[inline(always)]
    fn check_08_quantity(&self, verdict: &mut Verdict) {
        let check = verdict.on(Refusal::Quantity);
        let has_side = self.intent.side != Side::None;
        let max = self.risk.limits.order_quantity_max;
        check
            .fact(Bound::Positive, self.quantity > 0 && has_side)
            .at_most(Bound::OrderQuantity, self.quantity, max)
            .done()
    }

    #[inline(always)]
    fn check_09_collar(&self, verdict: &mut Verdict) {
        let check = verdict.on(Refusal::Collar);
        let limits = &self.risk.limits;
        let references = References::of(self);
        let check = check.at_least(Bound::References, references.count, limits.references_min);
        let median = references.median;
        if references.count == 0 {
            return check.missing(Bound::References).done();
        }
        let within = |ppm: i64| share(median.0.unsigned_abs(), ppm);
        let ticks = limits
            .collar_ticks
            .saturating_mul(self.line.contract.tick.step(median));
        let away = match (self.intent.purpose.opens(), self.intent.side) {
            (true, _) => self
                .intent
                .price
                .0
                .saturating_sub(median.0)
                .saturating_abs(),
            (false, Side::Bid) => self.intent.price.0.saturating_sub(median.0),
            (false, _) => median.0.saturating_sub(self.intent.price.0),
        };
        let apart = within(limits.references_apart_ppm).max(ticks);
        check
            .at_most(Bound::ReferencesApart, references.apart, apart)
            .at_most(Bound::Collar, away, within(limits.collar_ppm).max(ticks))
            .done();
    }

    #[inline(always)]
    fn check_10_notional(&self, verdict: &mut Verdict) {
        let check = verdict.on(Refusal::Notional);
        let max = self.risk.limits.order_notional_max;
        check
            .at_most(Bound::OrderNotional, self.notional().0, max)
            .done()
    }

    #[inline(always)]
    fn check_11_position(&self, worst: &Worst, verdict: &mut Verdict) {
        let check = verdict.on(Refusal::Position);
        let (limits, kept) = (&self.risk.limits, &self.risk.kept);
        let opened = i64::from(kept.opened_today).saturating_add(worst.pending);
        let in_run = i64::from(kept.opened_in_run).saturating_add(worst.pending);
        check
            .at_most(
                Bound::PositionQuantity,
                worst.quantity,
                limits.position_quantity_max,
            )
            .at_most(Bound::Positions, worst.positions, limits.positions_max)
            .at_most(
                Bound::UnderlyingPositions,
                worst.underlying_positions,
                limits.underlying_positions_max,
            )
            .at_most(Bound::OpenedPerDay, opened, limits.opened_per_day_max)
            .at_most(Bound::OpenedPerRun, in_run, limits.opened_per_run_max)
            .done()
    }

    #[inline(always)]
    fn check_11_reducing(&self, verdict: &mut Verdict) {
        let check = verdict.on(Refusal::Position);
        let held = self.line.position.quantity();
        let held_against = match self.intent.side {
            Side::Ask => held,
            Side::Bid => held.saturating_neg(),
            Side::None => 0,
        };
        let reducible = held_against - self.line.working[self.side()].quantity;
        check
            .at_most(Bound::Reducing, self.quantity, reducible.max(0))
            .done()
    }

    #[inline(always)]
    fn check_12_exposure(&self, worst: &Worst, verdict: &mut Verdict) {
        let check = verdict.on(Refusal::Exposure);
        let limits = &self.risk.limits;
        let equity = self.equity.unwrap_or(Money::ZERO);
        let units = |money: Option<Money>| money.map(|money| money.0);
        let volume = self.line.volume.map(u64::from);
        let displayed = self.line.view.displayed[1 - self.side()];
        let check = check
            .at_most(
                Bound::GrossNotional,
                worst.gross.0,
                limits.gross_notional_max,
            )
            .at_most(
                Bound::UnderlyingNotional,
                worst.underlying_gross.0,
                limits.underlying_notional_max,
            )
            .known_at_most(Bound::Delta, units(worst.delta), limits.delta_max)
            .known_at_most(Bound::Gamma, units(worst.gamma), limits.gamma_max)
            .known_at_most(Bound::Vega, units(worst.vega), limits.vega_max)
            .known_at_most(Bound::WorstLoss, units(worst.loss), limits.worst_loss_max)
            .known_at_most(
                Bound::PositionShare,
                units(worst.committed),
                equity.part(limits.position_share_ppm).0,
            )
            .known_at_most(
                Bound::UnderlyingShare,
                units(worst.underlying_committed),
                equity.part(limits.underlying_share_ppm).0,
            )
            .known_at_most(
                Bound::StrategyShare,
                units(worst.strategy_committed),
                equity.part(limits.strategy_share_ppm).0,
            )
            .at_most(
                Bound::Displayed,
                self.quantity,
                share(displayed, limits.displayed_ppm),
            );
        match volume {
            Some(volume) => check.at_most(
                Bound::Volume,
                self.quantity,
                share(volume, limits.volume_share_ppm),
            ),
            None => check.missing(Bound::Volume),
        }
        .done()
    }

    #[inline(always)]
    fn check_13_daily_loss(&self, verdict: &mut Verdict) {
        let check = verdict.on(Refusal::DailyLoss);
        let risk = self.risk;
        let Some(earned) = risk.earned_today() else {
            return check.missing(Bound::Marks).done();
        };
        let limit = risk.limits.daily_loss(risk.kept.day_equity);
        let gate = limit.part_up(risk.limits.daily_gate_ppm);
        let phase = risk.phase(BreakerKind::DailyLoss);
        check
            .at_most(
                Bound::Marks,
                risk.oldest_mark_ns(),
                risk.limits.mark_age_ns_max,
            )
            .fact(Bound::DailyLoss, !phase.blocks())
            .below(Bound::Loss, (-earned).0, gate.0)
            .done()
    }

    #[inline(always)]
    fn check_14_breakers(&self, verdict: &mut Verdict) {
        let check = verdict.on(Refusal::Breakers);
        let risk = self.risk;
        let drawdown = risk.drawdown_reading(self.equity);
        let losing_days = risk.reading(BreakerKind::LosingDays);
        let losing_trades = risk.reading(BreakerKind::LosingTrades);
        let volatility = risk.reading(BreakerKind::Volatility);
        let errors = risk.reading(BreakerKind::SystemErrors);
        let phase = |kind| risk.phase(kind);
        check
            .breaker(Bound::Drawdown, phase(BreakerKind::Drawdown), drawdown)
            .breaker(
                Bound::LosingDays,
                phase(BreakerKind::LosingDays),
                losing_days,
            )
            .breaker(
                Bound::LosingTrades,
                phase(BreakerKind::LosingTrades),
                losing_trades,
            )
            .breaker(
                Bound::Volatility,
                phase(BreakerKind::Volatility),
                volatility,
            )
            .breaker(
                Bound::SystemErrors,
                phase(BreakerKind::SystemErrors),
                errors,
            )
            .done();
    }

    #[inline(always)]
    fn check_15_margin(&self, worst: &Worst, verdict: &mut Verdict) {
        let check = verdict.on(Refusal::Margin);
        let limits = &self.risk.limits;
        let Some(account) = self.risk.known.account else {
            return check.missing(Bound::AccountAge).done();
        };
        let (Some(order), Some(reserved)) = (worst.order_committed, worst.reserved) else {
            return check.missing(Bound::MarginRate).done();
        };
        let needed = reserved.part_up(limits.margin_buffer_ppm);
        let share = account.buying_power.part(limits.buying_power_share_ppm);
        check
            .at_most(
                Bound::AccountAge,
                age_ns(self.now, account.as_of),
                limits.account_age_ns_max,
            )
            .at_most(Bound::Funds, needed.0, account.available.0)
            .at_most(Bound::BuyingPower, order.0, share.0)
            .done()
    }

    #[inline(always)]
    fn check_16_correlation(&self, verdict: &mut Verdict) {
        let check = verdict.on(Refusal::Correlation);
        let limits = &self.risk.limits;
        let mut tightest = Tightest::default();
        for at in self.risk.ledger.active() {
            if *at != self.line_idx {
                tightest = self.correlate(tightest, self.risk.ledger.line(*at));
            }
        }
        let check = check.tightest(tightest);
        let Some(at_risk) = self.risk.known.value_at_risk else {
            return check.missing(Bound::ValueAtRisk).done();
        };
        let is_long_enough = i64::from(at_risk.days) >= limits.value_at_risk_days_min;
        let ppm = if is_long_enough {
            limits.value_at_risk_ppm
        } else {
            limits.value_at_risk_short_ppm
        };
        let max = self.equity.map_or(0, |equity| equity.part(ppm).0);
        check
            .at_most(
                Bound::ValueAtRiskAge,
                age_ns(self.now, at_risk.as_of),
                limits.value_at_risk_age_ns_max,
            )
            .at_most(Bound::ValueAtRisk, at_risk.loss.0, max)
            .done();
    }

    /// The new position against one that is held or may be: on both sides, if it may be either.
    fn correlate(&self, tightest: Tightest, other: &Line) -> Tightest {
        let limits = &self.risk.limits;
        let lean = lean(self.intent.side) * self.line.contract.kind.direction();
        let (most, least) = other.reach();
        let mut tightest = tightest;
        for (quantity, sign) in [(most.max(0), 1), (least.min(0), -1)] {
            if quantity == 0 {
                continue;
            }
            let both = lean * sign * other.contract.kind.direction();
            if other.underlying == self.line.underlying {
                let agrees = both > 0 || self.intent.purpose == Purpose::Hedge;
                tightest = tightest.and(Compared::fact(Bound::SameUnderlying, agrees));
                continue;
            }
            let known = &self.risk.known;
            let Some(rho) = known.correlation(self.line.underlying, other.underlying) else {
                return tightest.and(Compared::missing(Bound::Correlation));
            };
            let age_ns = age_ns(self.now, rho.as_of);
            let age_max = limits.correlation_age_ns_max;
            let rho_ppm = i64::from(rho.ppm);
            tightest = tightest
                .and(Compared::at_most(Bound::CorrelationAge, age_ns, age_max))
                .and(Compared::correlation(rho_ppm, both, limits.correlation_ppm));
        }
        tightest
    }

    #[inline(always)]
    fn check_17_duplicate(&self, verdict: &mut Verdict) {
        let check = verdict.on(Refusal::Duplicate);
        let window = u64::try_from(self.risk.limits.duplicate_window_ns).unwrap_or(0);
        // An order exactly as old as the window is not within it.
        let from = Nanos((self.now.0.saturating_add(1)).saturating_sub(window));
        // Orders are many, those of one contract and side few: most often none is young enough.
        let is_recent = self.line.ordered_at[self.side()] >= from;
        let mut recent = self.risk.ledger.since(from);
        let is_again = is_recent
            && recent.any(|track| {
                let other = track.order.intent();
                other.contract == self.intent.contract
                    && other.side == self.intent.side
                    && other.quantity == self.intent.quantity
                    && other.price == self.intent.price
            });
        let check = check.fact(Bound::Window, !is_again);
        if !self.intent.purpose.opens() {
            return check.done();
        }
        check.fact(Bound::SignalLive, !self.is_signal_live()).done()
    }

    /// Whether another order that opens lives from the same signal.
    fn is_signal_live(&self) -> bool {
        let ledger = &self.risk.ledger;
        ledger.active().iter().any(|at| {
            ledger.line(*at).opening_count > 0
                && ledger.open_orders(*at).any(|track| {
                    let other = track.order.intent();
                    !track.life.state().is_final()
                        && other.purpose.opens()
                        && other.signal_id == self.intent.signal_id
                })
        })
    }

    #[inline(always)]
    fn check_18_message_rate(&self, verdict: &mut Verdict) {
        let check = verdict.on(Refusal::MessageRate);
        let limits = &self.risk.limits;
        let max = limits.messages_per_second_max - limits.cancel_reserve;
        check
            .below(Bound::Messages, self.risk.messages_in_last_second(), max)
            .done()
    }

    #[inline(always)]
    fn check_19_repeated_execution(&self, verdict: &mut Verdict) {
        let check = verdict.on(Refusal::RepeatedExecution);
        let limits = &self.risk.limits;
        let attempts = self.risk.attempts(self.intent.strategy);
        let repeats = self.line.repeats[self.side()].count(self.now, limits.repeats_window_ns);
        match attempts {
            Some(attempts) => check
                .at_most(Bound::Attempts, attempts, limits.attempts_max)
                .below(Bound::Repeats, repeats, limits.repeats_max)
                .done(),
            None => check.missing(Bound::Attempts).done(),
        }
    }

    #[inline(always)]
    fn check_20_open_orders(&self, verdict: &mut Verdict) {
        let check = verdict.on(Refusal::OpenOrders);
        let limits = &self.risk.limits;
        let ledger = &self.risk.ledger;
        let side = i64::from(self.line.working[self.side()].count);
        check
            .below(Bound::SideOrders, side, limits.side_orders_max)
            .below(Bound::Orders, i64::from(ledger.live), limits.orders_max)
            .fact(Bound::OrderSlots, ledger.free_id().is_some())
            .done()
    }

    #[inline(always)]
    fn check_21_self_match(&self, verdict: &mut Verdict) {
        let check = verdict.on(Refusal::SelfMatch);
        let opposite = match self.intent.side {
            Side::Bid => Side::Ask,
            Side::Ask => Side::Bid,
            Side::None => Side::None,
        };
        let price = self.intent.price;
        let matches = |track: &super::Track| {
            let other = track.order.intent();
            !track.life.state().is_final()
                && other.side == opposite
                && match opposite {
                    Side::Ask => price >= other.price,
                    _ => price <= other.price,
                }
        };
        let is_own = self.line.working[1 - self.side()].count > 0
            && self.risk.ledger.open_orders(self.line_idx).any(matches);
        check.fact(Bound::OwnPrice, !is_own).done()
    }

    #[inline(always)]
    fn check_22_budget(&self, verdict: &mut Verdict) {
        let check = verdict.on(Refusal::Budget);
        let limits = &self.risk.limits;
        let Some(costs) = self.risk.known.costs else {
            return check.missing(Bound::CostAge).done();
        };
        let cost = self.intent.data_cost;
        check
            .at_most(
                Bound::CostAge,
                age_ns(self.now, costs.as_of),
                limits.cost_age_ns_max,
            )
            .fact(Bound::SignalCost, cost >= Money::ZERO)
            .at_most(Bound::SignalCost, cost.0, limits.signal_cost_max)
            .at_most(Bound::DayCost, (costs.day + cost).0, limits.day_cost_max)
            .at_most(
                Bound::MonthCost,
                (costs.month + cost).0,
                limits.month_cost_max,
            )
            .at_most(Bound::Fees, self.risk.fees_today().0, limits.day_fees_max)
            .done()
    }

    #[inline(always)]
    fn check_23_signal(&self, verdict: &mut Verdict) {
        let check = verdict.on(Refusal::Signal);
        let limits = &self.risk.limits;
        let ts = self.intent.ts_event;
        let age = ts.is_defined().then(|| age_ns(self.now, ts));
        let confidence = i64::from(self.intent.confidence.units()) * (PPM / 10_000);
        check
            .known_at_most(Bound::SignalAge, age, limits.signal_age_ns_max)
            .at_least(Bound::Confidence, confidence, limits.confidence_min_ppm)
            .done()
    }

    #[inline(always)]
    fn check_24_unknown(&self, verdict: &mut Verdict) {
        let check = verdict.on(Refusal::Unknown);
        let unacked = i64::from(self.line.unacked_count);
        check
            .at_most(Bound::UnknownOrders, i64::from(self.line.unknown_count), 0)
            .below(Bound::Unacked, unacked, self.risk.limits.unacked_max)
            .fact(Bound::Agreement, self.line.agreement == Agreement::Agreed)
            .done()
    }
}

/// Mode and account of what the gateway is logged in to.
fn check_01_mode(risk: &Risk, verdict: &mut Verdict) {
    let check = verdict.on(Refusal::Mode);
    match risk.known.venue {
        Some((mode, account)) => check
            .fact(Bound::Mode, mode == risk.mode)
            .fact(Bound::Account, account == risk.account)
            .done(),
        None => check.missing(Bound::Mode).done(),
    }
}

/// What check 1 asks, of a cancel.
pub(super) fn is_mode_right(risk: &Risk) -> bool {
    risk.known.venue == Some((risk.mode, risk.account))
}

fn check_02_halt(risk: &Risk, intent: &Intent, verdict: &mut Verdict) {
    let check = verdict.on(Refusal::Halt);
    let allowed = if intent.purpose.opens() {
        Gate::Open
    } else {
        Gate::ReduceOnly
    };
    let gate = risk.kept.halt.gate;
    check.fact(Bound::Gate, gate <= allowed).done()
}

/// What one contract of an intent can lose, if anything bounds it.
pub(super) fn loss_each(risk: &Risk, intent: &Intent, line_idx: u32) -> Option<Money> {
    super::portfolio::loss_each(&Asked::new(risk, intent, line_idx))
}

/// What the price of an order is compared with.
struct References {
    /// How many are known and young, of four.
    count: i64,
    /// Their median; undefined without any.
    median: Price,
    /// From the lowest to the highest.
    apart: i64,
}

impl References {
    #[inline(always)]
    fn of(asked: &Asked<'_>) -> Self {
        let (view, now) = (&asked.line.view, asked.now);
        let age_max = asked.risk.limits.data_age_ns_max;
        let recent = |price: Price, at: Nanos| {
            if price.is_defined() && is_fresh(now, at, age_max) {
                price.0
            } else {
                Price::UNDEFINED.0
            }
        };
        let (told, told_at) = asked.line.reference.unwrap_or((Price::UNDEFINED, Nanos(0)));
        let quoted = recent(view.quote.mid(), view.heard_at);
        let traded = recent(view.last, view.last_at);
        let seen = recent(asked.intent.reference.mid(), asked.intent.ts_event);
        let told = recent(told, told_at);
        let is_known = |price: i64| i64::from(Price(price).is_defined());
        // Sorted, those that are undefined come last, for none is larger.
        let order = |one: i64, other: i64| (one.min(other), one.max(other));
        let ((a, b), (c, d)) = (order(quoted, traded), order(seen, told));
        let ((first, b), (c, last)) = (order(a, c), order(b, d));
        let (second, third) = order(b, c);
        let count = is_known(quoted) + is_known(traded) + is_known(seen) + is_known(told);
        let (median, highest) = match count {
            0 => (Price::UNDEFINED.0, first),
            1 => (first, first),
            2 => (first.midpoint(second), second),
            3 => (second, third),
            _ => (second.midpoint(third), last),
        };
        Self {
            count,
            median: Price(median),
            apart: highest.saturating_sub(first),
        }
    }
}

/// The price that is farther from zero, of those that are defined; zero if none is.
fn dearer(one: Price, other: Price) -> Price {
    match (one.is_defined(), other.is_defined()) {
        (true, true) if one.0.unsigned_abs() < other.0.unsigned_abs() => other,
        (true, _) => one,
        (false, true) => other,
        (false, false) => Price(0),
    }
}

const fn lean(side: Side) -> i64 {
    match side {
        Side::Bid => 1,
        Side::Ask => -1,
        Side::None => 0,
    }
}

/// `ppm` millionths of a size, rounded down.
fn share(size: u64, ppm: i64) -> i64 {
    let part = match i64::try_from(size) {
        Ok(size) => Money(size).part(ppm),
        Err(_) => Money::saturating_from(i128::from(size) * i128::from(ppm) / i128::from(PPM)),
    };
    part.0
}
