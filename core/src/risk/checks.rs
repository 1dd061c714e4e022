//! The 24 checks. Each is a pure function of what is known, named by its number.
//!
//! An order that only reduces is asked what protects the venue and the book, and spared what
//! guards entries ([`Refusal::spares_exits`]). In a weaker form it is asked: 2 (a gate that
//! reduces lets it pass), 3 (until expiry itself), 4 (the strategy's window is not asked), 9
//! (only the harmful side), 11 (it must reduce, nothing else).

use super::context::{age_ns, is_fresh};
use super::ledger::{Line, Sums, side_index};
use super::portfolio::Worst;
use super::verdict::{Bound, Compared, Telling, Tightest, Told, Verdict};
use super::{BreakerKind, Gate, Risk};
use crate::contract::PriceSign;
use crate::event::Trust;
use crate::money::{Money, PPM};
use crate::order::{Intent, Purpose};
use crate::position::Agreement;
use crate::types::{Nanos, Price, Side};

/// What was found out of an intent before the checks are asked.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Found {
    /// Where its contract stands, if it is known.
    pub(super) line_idx: Option<u32>,
    /// What the order would be called, if there is a place for it.
    pub(super) id: Option<u64>,
    /// Messages to the venue in the last second.
    pub(super) messages: i64,
    /// Intents of its strategy within the window, this one too; none of a strategy not known.
    pub(super) attempts: Option<i64>,
}

/// Runs every check, in order. After one fails the rest still speak, for who wants to know.
/// Returns what one contract of an order that opens can lose, if anything bounds it.
pub(super) fn run(
    risk: &Risk,
    intent: &Intent,
    found: &Found,
    verdict: &mut Verdict,
) -> Option<Money> {
    let mut tell = verdict.begin(risk.now);
    check_01_mode(risk, &mut tell);
    check_02_halt(risk, intent, &mut tell);
    let Some(line_idx) = found.line_idx else {
        tell.fact(Bound::Known, false);
        tell.done();
        return None;
    };
    let asked = Asked::new(risk, intent, line_idx, found);
    if intent.purpose.opens() {
        asked.enter(tell)
    } else {
        asked.exit(tell);
        None
    }
}

/// What the checks say of the account alone, and every limit that an intent or a contract has no
/// part in. It is kept from one order to the next: see [`Standing`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Standing {
    /// What was earned and paid when it was said.
    sums: Sums,
    /// As long no age and no count in it changes what is said.
    until: Nanos,
    told: Told,
}

impl Standing {
    /// Nothing that would hold at any time.
    pub(super) const NONE: Self = Self {
        sums: Sums::NONE,
        until: Nanos(0),
        told: Told::NOTHING,
    };

    /// Whether it still holds, if nobody has called it off.
    #[inline(always)]
    pub(super) fn holds(&self, sums: &Sums, now: Nanos) -> bool {
        now < self.until && self.sums == *sums
    }

    /// Says it, apart from what an order waits for. The verdict is that in which it will be told again.
    #[inline(never)]
    pub(super) fn of(risk: &Risk, verdict: &mut Verdict) -> Self {
        let mut tell = verdict.begin(risk.now);
        set_limits(risk, &mut tell);
        let mut until = Until::new(risk.now);
        standing_13_daily_loss(risk, &mut tell);
        standing_14_breakers(risk, &mut until, &mut tell);
        standing_16_value_at_risk(risk, &mut until, &mut tell);
        standing_22_budget(risk, &mut until, &mut tell);
        Self {
            sums: risk.ledger.sums,
            until: until.until,
            told: tell.told(),
        }
    }
}

/// The first time at which something that was said no longer holds.
struct Until {
    now: Nanos,
    until: Nanos,
}

impl Until {
    const fn new(now: Nanos) -> Self {
        Self {
            now,
            until: Nanos::UNDEFINED,
        }
    }

    /// What was told at `as_of` grows too old after so long; what is so already stays so.
    fn too_old(&mut self, as_of: Nanos, age_ns_max: i64) {
        if age_ns(self.now, as_of) <= age_ns_max {
            let young = as_of.0.saturating_add(age_ns_max.unsigned_abs());
            self.at(Nanos(young.saturating_add(1)));
        }
    }

    fn at(&mut self, at: Nanos) {
        self.until = self.until.min(at);
    }
}

/// Limits that change with the account and its limits alone.
fn set_limits(risk: &Risk, tell: &mut Telling<'_>) {
    let limits = &risk.limits;
    let equity = risk.equity().unwrap_or(Money::ZERO);
    let reserve = limits.messages_per_second_max - limits.cancel_reserve;
    for (bound, limit) in [
        (Bound::Age, limits.data_age_ns_max),
        (Bound::OrderQuantity, limits.order_quantity_max),
        (Bound::References, limits.references_min),
        (Bound::OrderNotional, limits.order_notional_max),
        (Bound::PositionQuantity, limits.position_quantity_max),
        (Bound::Positions, limits.positions_max),
        (Bound::UnderlyingPositions, limits.underlying_positions_max),
        (Bound::OpenedPerDay, limits.opened_per_day_max),
        (Bound::OpenedPerRun, limits.opened_per_run_max),
        (Bound::GrossNotional, limits.gross_notional_max),
        (Bound::UnderlyingNotional, limits.underlying_notional_max),
        (Bound::Delta, limits.delta_max),
        (Bound::Gamma, limits.gamma_max),
        (Bound::Vega, limits.vega_max),
        (Bound::WorstLoss, limits.worst_loss_max),
        (
            Bound::PositionShare,
            equity.part(limits.position_share_ppm).0,
        ),
        (
            Bound::UnderlyingShare,
            equity.part(limits.underlying_share_ppm).0,
        ),
        (
            Bound::StrategyShare,
            equity.part(limits.strategy_share_ppm).0,
        ),
        (Bound::Marks, limits.mark_age_ns_max),
        (Bound::AccountAge, limits.account_age_ns_max),
        (Bound::Messages, reserve),
        (Bound::Attempts, limits.attempts_max),
        (Bound::Repeats, limits.repeats_max),
        (Bound::SideOrders, limits.side_orders_max),
        (Bound::Orders, limits.orders_max),
        (Bound::SignalCost, limits.signal_cost_max),
        (Bound::DayCost, limits.day_cost_max),
        (Bound::MonthCost, limits.month_cost_max),
        (Bound::SignalAge, limits.signal_age_ns_max),
        (Bound::Confidence, limits.confidence_min_ppm),
        (Bound::UnknownOrders, 0),
        (Bound::Unacked, limits.unacked_max),
    ] {
        tell.limit(bound, limit);
    }
    if let Some(account) = risk.known.account {
        let share = account.buying_power.part(limits.buying_power_share_ppm);
        tell.limit(Bound::Funds, account.available.0);
        tell.limit(Bound::BuyingPower, share.0);
    }
}

fn standing_13_daily_loss(risk: &Risk, tell: &mut Telling<'_>) {
    let Some(earned) = risk.earned_today() else {
        return tell.missing(Bound::Marks);
    };
    let limit = risk.limits.daily_loss(risk.kept.day_equity);
    let gate = limit.part_up(risk.limits.daily_gate_ppm);
    let phase = risk.phase(BreakerKind::DailyLoss);
    tell.fact(Bound::DailyLoss, !phase.blocks());
    tell.limit(Bound::Loss, gate.0)
        .below(Bound::Loss, (-earned).0);
}

fn standing_14_breakers(risk: &Risk, until: &mut Until, tell: &mut Telling<'_>) {
    for (bound, kind) in [
        (Bound::Drawdown, BreakerKind::Drawdown),
        (Bound::LosingDays, BreakerKind::LosingDays),
        (Bound::LosingTrades, BreakerKind::LosingTrades),
        (Bound::Volatility, BreakerKind::Volatility),
        (Bound::SystemErrors, BreakerKind::SystemErrors),
    ] {
        tell.breaker(bound, risk.phase(kind), risk.reading(kind));
    }
    if let Some((_, as_of)) = risk.known.volatility {
        until.too_old(as_of, risk.limits.volatility_age_ns_max);
    }
    until.at(risk.errors.falls_at(risk.now, risk.limits.errors_window_ns));
}

fn standing_16_value_at_risk(risk: &Risk, until: &mut Until, tell: &mut Telling<'_>) {
    let limits = &risk.limits;
    let Some(at_risk) = risk.known.value_at_risk else {
        return tell.missing(Bound::ValueAtRisk);
    };
    let is_long_enough = i64::from(at_risk.days) >= limits.value_at_risk_days_min;
    let ppm = if is_long_enough {
        limits.value_at_risk_ppm
    } else {
        limits.value_at_risk_short_ppm
    };
    let max = risk.equity().map_or(0, |equity| equity.part(ppm).0);
    let age_max = limits.value_at_risk_age_ns_max;
    until.too_old(at_risk.as_of, age_max);
    tell.limit(Bound::ValueAtRiskAge, age_max)
        .age(Bound::ValueAtRiskAge, at_risk.as_of);
    tell.limit(Bound::ValueAtRisk, max)
        .at_most(Bound::ValueAtRisk, at_risk.loss.0);
}

fn standing_22_budget(risk: &Risk, until: &mut Until, tell: &mut Telling<'_>) {
    let limits = &risk.limits;
    let Some(costs) = risk.known.costs else {
        return tell.missing(Bound::CostAge);
    };
    until.too_old(costs.as_of, limits.cost_age_ns_max);
    tell.limit(Bound::CostAge, limits.cost_age_ns_max)
        .age(Bound::CostAge, costs.as_of);
    tell.limit(Bound::Fees, limits.day_fees_max)
        .at_most(Bound::Fees, risk.fees_today().0);
}

/// An intent and what is known about its contract.
pub(super) struct Asked<'a> {
    pub(super) risk: &'a Risk,
    pub(super) intent: &'a Intent,
    pub(super) line: &'a Line,
    pub(super) line_idx: u32,
    found: &'a Found,
    pub(super) now: Nanos,
    /// What an order of this side may cost at most, per contract: its price or the mark.
    pub(super) price: Price,
    pub(super) quantity: i64,
}

impl<'a> Asked<'a> {
    #[inline(always)]
    fn new(risk: &'a Risk, intent: &'a Intent, line_idx: u32, found: &'a Found) -> Self {
        let line = risk.ledger.line(line_idx);
        Self {
            risk,
            intent,
            line,
            line_idx,
            found,
            now: risk.now,
            price: dearer(intent.price, line.view.mark),
            quantity: i64::from(intent.quantity),
        }
    }

    fn side(&self) -> usize {
        side_index(self.intent.side)
    }

    /// What an order that opens is asked from the third check on.
    fn enter(&self, mut tell: Telling<'_>) -> Option<Money> {
        let tell_to = &mut tell;
        tell_to.again(&self.risk.standing.told);
        self.check_03_instrument(tell_to);
        self.check_04_session(tell_to);
        self.check_05_feed_trust(tell_to);
        self.check_06_data_age(tell_to);
        self.check_07_price(tell_to);
        self.check_08_quantity(tell_to);
        self.check_09_collar(tell_to);
        let worst = Worst::of(self);
        self.check_10_notional(&worst, tell_to);
        self.check_11_position(&worst, tell_to);
        self.check_12_exposure(&worst, tell_to);
        self.check_13_marks(tell_to);
        self.check_15_margin(&worst, tell_to);
        self.check_16_correlation(tell_to);
        self.check_17_duplicate(tell_to);
        self.check_18_message_rate(tell_to);
        self.check_19_repeated_execution(tell_to);
        self.check_20_open_orders(tell_to);
        self.check_21_self_match(tell_to);
        self.check_22_budget(tell_to);
        self.check_23_signal(tell_to);
        self.check_24_unknown(tell_to);
        tell.done();
        worst.order_loss()
    }

    /// The same of one that reduces.
    fn exit(&self, mut tell: Telling<'_>) {
        tell.spare();
        let tell_to = &mut tell;
        self.check_03_instrument(tell_to);
        self.check_04_session(tell_to);
        self.check_05_feed_trust(tell_to);
        self.check_06_data_age(tell_to);
        self.check_07_price(tell_to);
        self.check_08_quantity(tell_to);
        self.check_09_collar(tell_to);
        self.check_11_reducing(tell_to);
        self.check_17_duplicate(tell_to);
        self.check_18_message_rate(tell_to);
        self.check_20_open_orders(tell_to);
        self.check_21_self_match(tell_to);
        self.check_24_unknown(tell_to);
        tell.done();
    }

    #[inline(always)]
    fn check_03_instrument(&self, tell: &mut Telling<'_>) {
        tell.fact(Bound::Allowed, self.line.is_allowed);
        let expiry = self.line.contract.expiry;
        if !expiry.is_defined() {
            return;
        }
        let window = if self.intent.purpose.opens() {
            self.risk.limits.last_trade_window_ns
        } else {
            0
        };
        let left = i64::try_from(expiry.0.saturating_sub(self.now.0)).unwrap_or(i64::MAX);
        tell.limit(Bound::Expiry, window.saturating_add(1))
            .at_least(Bound::Expiry, left);
    }

    #[inline(always)]
    fn check_04_session(&self, tell: &mut Telling<'_>) {
        let known = &self.risk.known;
        let is_open = known.session.is_some_and(|it| it.contains(self.now));
        tell.fact(Bound::SessionTime, is_open);
        let is_trading = self.line.view.is_trading != Some(false);
        tell.fact(Bound::TradingStatus, is_trading);
        if !self.intent.purpose.opens() {
            return;
        }
        let window = known.windows.get(usize::from(self.intent.strategy.0));
        let in_window = window
            .and_then(|window| *window)
            .is_some_and(|it| it.contains(self.now));
        tell.fact(Bound::StrategyWindow, in_window);
    }

    #[inline(always)]
    fn check_05_feed_trust(&self, tell: &mut Telling<'_>) {
        let view = &self.line.view;
        tell.fact(Bound::Trust, view.trust == Trust::Good);
        tell.fact(Bound::Crossed, view.quote.is_sound());
    }

    #[inline(always)]
    fn check_06_data_age(&self, tell: &mut Telling<'_>) {
        let heard = self.line.view.heard_at;
        let age = heard.is_defined().then(|| age_ns(self.now, heard));
        tell.known_at_most(Bound::Age, age);
    }

    #[inline(always)]
    fn check_07_price(&self, tell: &mut Telling<'_>) {
        let (price, contract) = (self.intent.price, &self.line.contract);
        let may_be = contract.sign == PriceSign::Any || price.0 > 0;
        tell.fact(Bound::Defined, price.is_defined());
        tell.fact(Bound::Sign, may_be);
        tell.fact(Bound::Tick, contract.tick.is_on_tick(price));
    }

    #[inline(always)]
    fn check_08_quantity(&self, tell: &mut Telling<'_>) {
        let has_side = self.intent.side != Side::None;
        tell.fact(Bound::Positive, self.quantity > 0 && has_side);
        tell.at_most(Bound::OrderQuantity, self.quantity);
    }

    #[inline(always)]
    fn check_09_collar(&self, tell: &mut Telling<'_>) {
        let limits = &self.risk.limits;
        let references = References::of(self.risk, self.line, self.intent, self.now);
        // One at least is asked for, so that without any this fails.
        tell.at_least(Bound::References, references.count);
        if references.count == 0 {
            return;
        }
        let median = references.median;
        let within = |ppm: i64| share(median.0.unsigned_abs(), ppm);
        let ticks = collar_ticks(self.risk, self.line, median);
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
        tell.limit(Bound::ReferencesApart, apart)
            .at_most(Bound::ReferencesApart, references.apart);
        tell.limit(Bound::Collar, within(limits.collar_ppm).max(ticks))
            .at_most(Bound::Collar, away);
    }

    #[inline(always)]
    fn check_10_notional(&self, worst: &Worst, tell: &mut Telling<'_>) {
        tell.at_most(Bound::OrderNotional, worst.order_notional().0);
    }

    #[inline(always)]
    fn check_11_position(&self, worst: &Worst, tell: &mut Telling<'_>) {
        let kept = &self.risk.kept;
        let opened = i64::from(kept.opened_today).saturating_add(worst.pending());
        let in_run = i64::from(kept.opened_in_run).saturating_add(worst.pending());
        tell.at_most(Bound::PositionQuantity, worst.quantity());
        tell.at_most(Bound::Positions, worst.positions());
        tell.at_most(Bound::UnderlyingPositions, worst.underlying_positions());
        tell.at_most(Bound::OpenedPerDay, opened);
        tell.at_most(Bound::OpenedPerRun, in_run);
    }

    #[inline(always)]
    fn check_11_reducing(&self, tell: &mut Telling<'_>) {
        let held = self.line.position.quantity();
        let held_against = match self.intent.side {
            Side::Ask => held,
            Side::Bid => held.saturating_neg(),
            Side::None => 0,
        };
        let reducible = held_against - self.line.working[self.side()].quantity;
        tell.limit(Bound::Reducing, reducible.max(0))
            .at_most(Bound::Reducing, self.quantity);
    }

    #[inline(always)]
    fn check_12_exposure(&self, worst: &Worst, tell: &mut Telling<'_>) {
        let limits = &self.risk.limits;
        let units = |money: Option<Money>| money.map(|money| money.0);
        tell.at_most(Bound::GrossNotional, worst.gross().0);
        tell.at_most(Bound::UnderlyingNotional, worst.underlying_gross().0);
        let [delta, gamma, vega] = worst.greeks().map_or([None; 3], |them| them.map(Some));
        tell.known_at_most(Bound::Delta, units(delta));
        tell.known_at_most(Bound::Gamma, units(gamma));
        tell.known_at_most(Bound::Vega, units(vega));
        tell.known_at_most(Bound::WorstLoss, units(worst.loss()));
        tell.known_at_most(Bound::PositionShare, units(worst.committed()));
        tell.known_at_most(Bound::UnderlyingShare, units(worst.underlying_committed()));
        tell.known_at_most(Bound::StrategyShare, units(worst.strategy_committed()));
        let displayed = self.line.view.displayed[1 - self.side()];
        tell.limit(Bound::Displayed, share(displayed, limits.displayed_ppm))
            .at_most(Bound::Displayed, self.quantity);
        match self.line.volume {
            Some(volume) => tell
                .limit(
                    Bound::Volume,
                    share(u64::from(volume), limits.volume_share_ppm),
                )
                .at_most(Bound::Volume, self.quantity),
            None => tell.missing(Bound::Volume),
        }
    }

    /// The rest of check 13 stands; without every mark it says no more than that.
    #[inline(always)]
    fn check_13_marks(&self, tell: &mut Telling<'_>) {
        if self.risk.ledger.sums.unvalued == 0 {
            tell.at_most(Bound::Marks, self.risk.oldest_mark_ns());
        }
    }

    #[inline(always)]
    fn check_15_margin(&self, worst: &Worst, tell: &mut Telling<'_>) {
        let Some(account) = &self.risk.known.account else {
            return tell.missing(Bound::AccountAge);
        };
        let (Some(order), Some(reserved)) = (worst.order_committed(), worst.reserved()) else {
            return tell.missing(Bound::MarginRate);
        };
        let needed = reserved.part_up(self.risk.limits.margin_buffer_ppm);
        tell.at_most(Bound::AccountAge, age_ns(self.now, account.as_of));
        tell.at_most(Bound::Funds, needed.0);
        tell.at_most(Bound::BuyingPower, order.0);
    }

    #[inline(always)]
    fn check_16_correlation(&self, tell: &mut Telling<'_>) {
        let mut tightest = Tightest::default();
        for at in self.risk.ledger.active() {
            if *at != self.line_idx {
                tightest = self.correlate(tightest, self.risk.ledger.line(*at));
            }
        }
        tell.closest(tightest);
    }

    /// The new position against one that is held or may be: on both sides, if it may be either.
    #[inline(never)]
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
    fn check_17_duplicate(&self, tell: &mut Telling<'_>) {
        let window = u64::try_from(self.risk.limits.duplicate_window_ns).unwrap_or(0);
        // An order exactly as old as the window is not within it.
        let from = Nanos((self.now.0.saturating_add(1)).saturating_sub(window));
        // Orders are many, those of one contract and side few: most often none is young enough.
        let is_recent = self.line.ordered_at[self.side()] >= from;
        let is_again = is_recent && self.is_again(from);
        tell.fact(Bound::Window, !is_again);
        if self.intent.purpose.opens() {
            let is_live = self.risk.ledger.is_live(self.intent.signal_id);
            tell.fact(Bound::SignalLive, !is_live);
        }
    }

    /// Whether the same was ordered since then.
    #[inline(never)]
    fn is_again(&self, from: Nanos) -> bool {
        self.risk.ledger.since(from).any(|track| {
            let other = track.order.intent();
            other.contract == self.intent.contract
                && other.side == self.intent.side
                && other.quantity == self.intent.quantity
                && other.price == self.intent.price
        })
    }

    #[inline(always)]
    fn check_18_message_rate(&self, tell: &mut Telling<'_>) {
        tell.below(Bound::Messages, self.found.messages);
    }

    #[inline(always)]
    fn check_19_repeated_execution(&self, tell: &mut Telling<'_>) {
        let window = self.risk.limits.repeats_window_ns;
        let repeats = self.line.repeats[self.side()].count(self.now, window);
        match self.found.attempts {
            Some(attempts) => {
                tell.at_most(Bound::Attempts, attempts);
                tell.below(Bound::Repeats, repeats);
            }
            None => tell.missing(Bound::Attempts),
        }
    }

    #[inline(always)]
    fn check_20_open_orders(&self, tell: &mut Telling<'_>) {
        let ledger = &self.risk.ledger;
        let side = i64::from(self.line.working[self.side()].count);
        tell.below(Bound::SideOrders, side);
        tell.below(Bound::Orders, i64::from(ledger.live));
        tell.fact(Bound::OrderSlots, self.found.id.is_some());
    }

    #[inline(always)]
    fn check_21_self_match(&self, tell: &mut Telling<'_>) {
        let is_worked = self.line.working[1 - self.side()].count > 0;
        let is_own = is_worked && self.meets_own();
        tell.fact(Bound::OwnPrice, !is_own);
    }

    /// Whether a live order of the other side would trade with this one.
    #[inline(never)]
    fn meets_own(&self) -> bool {
        let opposite = match self.intent.side {
            Side::Bid => Side::Ask,
            Side::Ask => Side::Bid,
            Side::None => Side::None,
        };
        let price = self.intent.price;
        self.risk.ledger.open_orders(self.line_idx).any(|track| {
            let other = track.order.intent();
            !track.life.state().is_final()
                && other.side == opposite
                && match opposite {
                    Side::Ask => price >= other.price,
                    _ => price <= other.price,
                }
        })
    }

    /// The costs of the signal; age of the costs and fees stand.
    #[inline(always)]
    fn check_22_budget(&self, tell: &mut Telling<'_>) {
        let Some(costs) = &self.risk.known.costs else {
            return;
        };
        let cost = self.intent.data_cost;
        tell.fact(Bound::SignalCost, cost >= Money::ZERO);
        tell.at_most(Bound::SignalCost, cost.0);
        tell.at_most(Bound::DayCost, (costs.day + cost).0);
        tell.at_most(Bound::MonthCost, (costs.month + cost).0);
    }

    #[inline(always)]
    fn check_23_signal(&self, tell: &mut Telling<'_>) {
        let ts = self.intent.ts_event;
        let age = ts.is_defined().then(|| age_ns(self.now, ts));
        let confidence = i64::from(self.intent.confidence.units()) * (PPM / 10_000);
        tell.known_at_most(Bound::SignalAge, age);
        tell.at_least(Bound::Confidence, confidence);
    }

    #[inline(always)]
    fn check_24_unknown(&self, tell: &mut Telling<'_>) {
        tell.at_most(Bound::UnknownOrders, i64::from(self.line.unknown_count));
        tell.below(Bound::Unacked, i64::from(self.line.unacked_count));
        let is_agreed = self.line.agreement == Agreement::Agreed;
        tell.fact(Bound::Agreement, is_agreed);
    }
}

/// Mode and account of what the gateway is logged in to.
#[inline(always)]
fn check_01_mode(risk: &Risk, tell: &mut Telling<'_>) {
    match risk.known.venue {
        Some((mode, account)) => {
            tell.fact(Bound::Mode, mode == risk.mode);
            tell.fact(Bound::Account, account == risk.account);
        }
        None => tell.missing(Bound::Mode),
    }
}

#[inline(always)]
fn check_02_halt(risk: &Risk, intent: &Intent, tell: &mut Telling<'_>) {
    let allowed = if intent.purpose.opens() {
        Gate::Open
    } else {
        Gate::ReduceOnly
    };
    tell.fact(Bound::Gate, risk.kept.halt.gate <= allowed);
}

/// What check 1 asks, of a cancel.
pub(super) fn is_mode_right(risk: &Risk) -> bool {
    risk.known.venue == Some((risk.mode, risk.account))
}

/// What one contract of an intent can lose, if anything bounds it.
pub(super) fn loss_each(risk: &Risk, intent: &Intent, line_idx: u32) -> Option<Money> {
    super::portfolio::loss_each(&Asked::new(risk, intent, line_idx, &Found::default()))
}

/// The part of the collar that is counted in ticks.
#[inline(always)]
fn collar_ticks(risk: &Risk, line: &Line, median: Price) -> i64 {
    let step = line.contract.tick.step(median);
    risk.limits.collar_ticks.saturating_mul(step)
}

/// The farthest price that check 9 allows an intent which closes; none if nothing is known to compare
/// it with.
pub(super) fn farthest_exit(
    risk: &Risk,
    line: &Line,
    intent: &Intent,
    now: Nanos,
) -> Option<Price> {
    let references = References::of(risk, line, intent, now);
    if references.count == 0 {
        return None;
    }
    let median = references.median;
    let share = share(median.0.unsigned_abs(), risk.limits.collar_ppm);
    let collar = share.max(collar_ticks(risk, line, median));
    Some(Price(match intent.side {
        Side::Bid => median.0.saturating_add(collar),
        _ => median.0.saturating_sub(collar),
    }))
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
    fn of(risk: &Risk, line: &Line, intent: &Intent, now: Nanos) -> Self {
        let view = &line.view;
        let age_max = risk.limits.data_age_ns_max;
        let recent = |price: Price, at: Nanos| {
            let is_recent = is_fresh(now, at, age_max);
            if is_recent { price } else { Price::UNDEFINED }.0
        };
        let (told, told_at) = line.reference.unwrap_or((Price::UNDEFINED, Nanos(0)));
        let quoted = recent(view.quote.mid(), view.heard_at);
        let traded = recent(view.last, view.last_at);
        let seen = recent(intent.reference.mid(), intent.ts_event);
        let told = recent(told, told_at);
        let is_known = |price: i64| i64::from(Price(price).is_defined());
        // Sorted, those that are undefined come last, for none is larger.
        let order = |one: i64, other: i64| (one.min(other), one.max(other));
        let ((a, b), (c, d)) = (order(quoted, traded), order(seen, told));
        let ((first, b), (c, last)) = (order(a, c), order(b, d));
        let (second, third) = order(b, c);
        let count = is_known(quoted) + is_known(traded) + is_known(seen) + is_known(told);
        let (median, highest) = match count {
            // Of none the first is undefined too.
            0 | 1 => (first, first),
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
#[inline(always)]
fn share(size: u64, ppm: i64) -> i64 {
    match i64::try_from(size) {
        Ok(size) => Money(size).part(ppm).0,
        Err(_) => share_wide(size, ppm),
    }
}

#[cold]
fn share_wide(size: u64, ppm: i64) -> i64 {
    Money::saturating_from(i128::from(size) * i128::from(ppm) / i128::from(PPM)).0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_any_size_is_exact_or_the_most_there_is() {
        let half = u64::MAX / 2 + 1;
        for (size, ppm, part) in [
            (1_999_999, 500_000, 999_999),
            (half, 500_000, 1 << 62),
            (half, 1, 9_223_372_036_854),
            (u64::MAX, 1, 18_446_744_073_709),
            (u64::MAX, PPM, i64::MAX),
        ] {
            assert_eq!(share(size, ppm), part, "{size} {ppm}");
        }
    }
}
