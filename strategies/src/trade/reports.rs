//! What the venue says of orders becomes positions, and whatever is held is looked after.

use undertow_core::book::Books;
use undertow_core::event::BookUpdate;
use undertow_core::gateway::Gateway;
use undertow_core::money::Money;
use undertow_core::order::{
    Confidence, ExecReport, Intent, Purpose, Quote, ReportKind, SignalId, StrategyId, Style, Tif,
};
use undertow_core::types::{BookKey, Nanos, Price, Side};

use super::Trader;
use super::event::TradeEvent;
use super::holding::{Change, Holding, News};

impl<G: Gateway> Trader<G> {
    #[cold]
    pub(super) fn hear(&mut self, books: &Books<'_>, update: &BookUpdate) {
        let reports = &mut self.reports;
        self.gateway
            .observe(books, update, &mut |report| reports.push(*report));
        self.take_reports();
    }

    #[cold]
    pub(super) fn let_arrive(&mut self, books: &Books<'_>, ts: Nanos) {
        self.now = self.now.max(ts);
        let reports = &mut self.reports;
        self.gateway
            .on_time(books, self.now, &mut |report| reports.push(*report));
        self.take_reports();
    }

    pub(super) fn take_reports(&mut self) {
        for at in 0..self.reports.len() {
            let report = self.reports[at];
            self.reported(&report);
        }
        self.reports.clear();
    }

    /// What the venue says of an order becomes a position, and news for who waits for it.
    pub(super) fn reported(&mut self, report: &ExecReport) {
        let key = report.contract;
        // Nothing but an execution changes what is held.
        let is_execution = matches!(report.kind, ReportKind::Executed(_));
        let before = is_execution.then(|| self.held(key));
        let reported = self.risk.on_report(report, self.now);
        self.say(TradeEvent::Reported(*report, reported), None);
        let Some(reported) = reported else {
            return;
        };
        let change = Change {
            held: before.map_or(0, |before| reported.held - before),
            average: reported.average,
        };
        if let Some(at) = self.holdings.iter().position(|it| it.has(report.id)) {
            let news = self.holdings[at].take(report, change, self.now);
            if news == News::TryAgain {
                self.try_again(at);
            }
        }
        if change.held != 0 {
            self.adopt(key, reported.average);
        }
        self.holdings.retain(|holding| !holding.is_over());
    }

    pub(super) fn held(&self, key: BookKey) -> i64 {
        let line = self.risk.line(key);
        line.map_or(0, |line| line.position.quantity())
    }

    /// Whatever is held, somebody looks after its exits, and nobody after what is not held.
    fn adopt(&mut self, key: BookKey, average: Price) {
        let mut stray = self.held(key) - self.looked_after(key);
        for holding in &mut self.holdings {
            if holding.key() != key || stray.signum() * holding.held().signum() >= 0 {
                continue;
            }
            let excess = u32::try_from(stray.unsigned_abs()).unwrap_or(u32::MAX);
            stray += i64::from(holding.lose(excess)) * -stray.signum();
        }
        let option = self
            .watches
            .iter()
            .position(|watch| watch.chain.place(key).is_some());
        let (Some(watch), Ok(quantity)) = (option, u32::try_from(stray.unsigned_abs())) else {
            return;
        };
        if quantity == 0 {
            return;
        }
        self.counters.strays += 1;
        if self.holdings.len() == self.holdings.capacity() {
            self.counters.abandoned += 1;
            return;
        }
        let side = if stray > 0 { Side::Bid } else { Side::Ask };
        let strategy = self
            .risk
            .line(key)
            .map_or(StrategyId(0), |line| line.strategy);
        let intent = Intent {
            contract: key,
            side,
            quantity,
            price: average,
            style: Style::Marketable,
            tif: Tif::Ioc,
            purpose: Purpose::Open,
            confidence: Confidence::MAX,
            signal_id: SignalId(0),
            strategy,
            ts_event: self.now,
            reference: Quote::NONE,
            stop: Price::UNDEFINED,
            data_cost: Money::ZERO,
            good_for_ns: 0,
        };
        self.holdings.push(Holding::stray(intent, watch, average));
    }
}
