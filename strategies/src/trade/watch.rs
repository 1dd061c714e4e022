//! An underlying as a decision sees it: its measures, its bars, its chain.
//!
//! Everything is taken as it comes from the chain's outputs and dated by the event it comes from.
//! What a slow source must tell (news, the auction) is absent until it has told it.

use alloc::vec::Vec;

use undertow_core::contract::Contract;
use undertow_core::event::{BookUpdate, Depth, Imbalance, Mbo, Touch, Trust};
use undertow_core::risk::News;
use undertow_core::types::{Action, BookKey, Nanos, Price};

use super::chain::Chain;
use crate::auction::AuctionImbalance;
use crate::calendar::{Calendar, Venue};
use crate::decide::card::Direction;
use crate::decide::features::{
    FLAGGED_AGE_MAX_NS, Features, Flagged, Gex, Indicative, Reading, Vpin,
};
use crate::decide::identity::Symbol;
use crate::decide::outlook::Outlook;
use crate::decide::snapshot::BARS_MAX;
use crate::decide::vetting::Candidate;
use crate::discovery::Regime;
use crate::flow::bars::{TimeBar, TimeBars};
use crate::flow::imbalance;
use crate::flow::vpin::VpinValue;
use crate::flow::{Flow, FlowUpdate};
use crate::ifd;
use crate::ifd::confidence::Action as Advice;
use crate::ifd::desk::{Evidence, Signal};
use crate::options::expected_value::EvRules;
use crate::portfolio_risk::{RETURNS, volatility_z};

const NS_PER_MINUTE: u64 = 60_000_000_000;

/// The newest whole bars of one width, oldest first.
#[derive(Clone, Debug)]
struct Bars {
    minutes: u64,
    open: TimeBars,
    whole: Vec<TimeBar>,
}

impl Bars {
    fn new(minutes: u64) -> Self {
        Self {
            minutes,
            open: TimeBars::new(Nanos(minutes * NS_PER_MINUTE), Nanos(0)),
            whole: Vec::with_capacity(BARS_MAX),
        }
    }

    /// Takes in the bars that time has ended; says of each that it has.
    fn close(&mut self, now: Nanos, mut ended: impl FnMut(&TimeBar)) {
        while let Some(bar) = self.open.close(now) {
            if self.whole.len() == BARS_MAX {
                self.whole.remove(0);
            }
            self.whole.push(bar);
            ended(&bar);
        }
    }

    /// The bars, and when the newest ended.
    fn reading(&self) -> Option<Reading<&[TimeBar]>> {
        let newest = self.whole.last()?;
        Some(Reading {
            value: &self.whole,
            at: Nanos(newest.start.0 + self.minutes * NS_PER_MINUTE),
        })
    }
}

/// What decisions need of the last event that said something.
#[derive(Clone, Copy, Debug)]
struct Seen {
    at: Nanos,
    touch: Touch,
    depth: Depth,
    vpin: Option<VpinValue>,
    toxicity: Option<f64>,
    /// Until when the sweep stands; 0 without one.
    sweep_until: Nanos,
    hidden: Option<f64>,
    vwap: Option<Price>,
    regime: Option<Regime>,
    is_measured: bool,
}

impl Seen {
    #[inline]
    fn of(update: &FlowUpdate) -> Self {
        let reading = update.reading.as_ref();
        Self {
            at: update.ts_event,
            touch: update.touch,
            depth: update.depth,
            vpin: reading.and_then(|reading| reading.vpin),
            toxicity: reading.and_then(|reading| reading.toxicity),
            sweep_until: reading
                .and_then(|reading| reading.sweep)
                .map_or(Nanos(0), |sweep| sweep.until),
            hidden: reading.and_then(|reading| reading.hidden),
            vwap: reading.and_then(|reading| reading.vwap),
            regime: reading.and_then(|reading| reading.regime),
            is_measured: reading.is_some(),
        }
    }
}

/// One underlying.
#[derive(Clone, Debug)]
pub struct Watch {
    /// Its symbol in signals.
    pub symbol: Symbol,
    /// The contract that is watched now; none before its definition.
    pub contract: Option<Contract>,
    /// The options on it.
    pub chain: Chain,
    /// How far its book is to be believed.
    pub trust: Trust,
    /// Whether the venue trades it, as far as it has said.
    pub is_trading: Option<bool>,
    /// Price and time of its last trade.
    pub last: Option<Reading<Price>>,
    seen: Option<Seen>,
    /// Its book's dense index, once that has been seen.
    book_idx: Option<u32>,
    /// Whether its book has said something that is not in `seen` yet.
    has_news: bool,
    bars: [Bars; 2],
    /// Close of the last whole minute, and the returns of the minutes before.
    close: Option<Price>,
    returns: Vec<f64>,
    news: Option<Reading<f64>>,
    flagged: Option<Reading<Flagged>>,
    /// What its venue says of the auction to come.
    auction: Option<Reading<AuctionImbalance>>,
}

impl Watch {
    /// An underlying of which nothing is known yet. Everything is laid out here.
    #[must_use]
    pub fn new(symbol: Symbol, chain: Chain) -> Self {
        Self {
            symbol,
            contract: None,
            chain,
            trust: Trust::Recovering,
            is_trading: None,
            last: None,
            seen: None,
            book_idx: None,
            has_news: false,
            bars: [Bars::new(1), Bars::new(5)],
            close: None,
            returns: Vec::with_capacity(RETURNS + 1),
            news: None,
            flagged: None,
            auction: None,
        }
    }

    /// Watches this contract from now on, and forgets what it knew of another.
    pub fn turn_to(&mut self, contract: &Contract) {
        self.contract = Some(*contract);
        self.chain.clear();
        self.trust = Trust::Recovering;
        self.is_trading = None;
        self.last = None;
        self.seen = None;
        (self.book_idx, self.has_news) = (None, false);
        self.close = None;
        self.returns.clear();
        (self.flagged, self.auction) = (None, None);
        for bars in &mut self.bars {
            while bars.open.flush().is_some() {}
            bars.whole.clear();
        }
    }

    /// Whether this is its book.
    #[inline]
    #[must_use]
    pub fn is_of(&self, key: BookKey) -> bool {
        self.contract.is_some_and(|contract| contract.key == key)
    }

    /// Its book was seen.
    pub const fn sighted(&mut self, book_idx: u32) {
        self.book_idx = Some(book_idx);
    }

    /// Sees a record of its book.
    #[inline(always)]
    pub fn observe(&mut self, update: &BookUpdate, now: Nanos) {
        self.trust = update.trust;
        if update.mbo.action == Action::Trade {
            self.trade(&update.mbo, now);
        }
    }

    fn trade(&mut self, mbo: &Mbo, now: Nanos) {
        if !mbo.price.is_defined() || mbo.size == 0 {
            return;
        }
        self.pass(now);
        self.last = Some(Reading {
            value: mbo.price,
            at: now,
        });
        for bars in &mut self.bars {
            bars.open.trade(now, mbo.price, u64::from(mbo.size));
        }
    }

    /// An event left something behind. Of a book with measures the flow stage keeps it, and most
    /// events are followed by another before anybody decides: that there is something is enough.
    #[inline]
    pub fn measured(&mut self, update: &FlowUpdate) {
        self.has_news = update.reading.is_some();
        if !self.has_news {
            self.seen = Some(Seen::of(update));
        }
    }

    /// Takes in what its book has said last, if that is news.
    pub fn catch_up(&mut self, flow: &Flow) {
        if self.has_news
            && let Some(said) = self.book_idx.and_then(|book_idx| flow.said(book_idx))
        {
            self.seen = Some(Seen::of(said));
            self.has_news = false;
        }
    }

    /// What the components of N22 say of its chain now, as old as its quotes. They see the price
    /// that a signal is entered at: the last trade's.
    pub fn outlook(&mut self, rules: &EvRules, now: Nanos) -> Option<Reading<Outlook>> {
        let spot = self.last?.value;
        let at = self.chain.quoted_at()?;
        let value = self.chain.outlook(rules, spot, now)?;
        Some(Reading { value, at })
    }

    /// Ends the bars that are over. Returns the z-score of the last whole minute's return, if a
    /// minute has ended and there were enough before it (R2).
    pub fn pass(&mut self, now: Nanos) -> Option<f64> {
        let [minute, five] = &mut self.bars;
        let (close, returns) = (&mut self.close, &mut self.returns);
        let mut z = None;
        minute.close(now, |bar| {
            let before = close.replace(bar.close);
            let Some(before) = before.filter(|price| price.0 != 0) else {
                return;
            };
            let moved = bar.close.0 as f64 / before.0 as f64 - 1.0;
            z = volatility_z(returns, moved);
            if returns.len() == RETURNS {
                returns.remove(0);
            }
            returns.push(moved);
        });
        five.close(now, |_| {});
        z
    }

    /// What decisions may rest on, for a rule that reads bars of so many minutes.
    #[must_use]
    pub fn features(&self, bar_minutes: u64, now: Nanos) -> Features<'_> {
        let bars = self.bars.iter().find(|bars| bars.minutes == bar_minutes);
        let mut features = Features {
            last: self.last,
            bars: bars.and_then(Bars::reading),
            news: self.news,
            ifd: self
                .flagged
                .filter(|flagged| now.0.saturating_sub(flagged.at.0) <= FLAGGED_AGE_MAX_NS),
            ..Features::default()
        };
        self.add_flow(&mut features, now);
        self.add_chain(&mut features);
        self.add_auction(&mut features);
        features
    }

    /// The measures hold until the next event of the book, so that they are as old as the book is
    /// quiet; the time that counts is that of the last thing heard of it.
    fn add_flow<'a>(&'a self, features: &mut Features<'a>, now: Nanos) {
        let Some(seen) = &self.seen else {
            return;
        };
        fn at<T>(time: Nanos, value: Option<T>) -> Option<Reading<T>> {
            value.map(|value| Reading { value, at: time })
        }
        let time = seen.at;
        features.obi = at(time, imbalance::feature(&seen.touch));
        // While it warms it is drawn toward one half (A1), and is used so.
        features.vpin = at(
            time,
            seen.vpin.map(|vpin| Vpin {
                value: vpin.value,
                signed_flow: vpin.signed,
            }),
        );
        features.toxicity = at(time, seen.toxicity);
        features.regime = at(time, seen.regime);
        features.sweep = at(time, seen.is_measured.then_some(now < seen.sweep_until));
        features.hidden = at(time, seen.hidden);
        features.vwap = at(time, seen.vwap);
    }

    fn add_chain<'a>(&'a self, features: &mut Features<'a>) {
        let chain = &self.chain;
        if let Some(quoted_at) = chain.quoted_at() {
            features.chain = Some(Reading {
                value: chain.listings(),
                at: quoted_at,
            });
        }
        features.unusual = chain.unusual();
        let Some(sums) = chain.sums() else {
            return;
        };
        let at = sums.at;
        features.gex = Some(Reading {
            value: Gex {
                total: sums.gex,
                by_strike: chain.by_strike(),
            },
            at,
        });
        features.dex = Some(Reading {
            value: sums.dex,
            at,
        });
        features.gex_z = sums.gex_z.map(|value| Reading { value, at });
        features.dex_z = sums.dex_z.map(|value| Reading { value, at });
    }

    /// How far the auction is from the last price follows that price.
    fn add_auction(&self, features: &mut Features<'_>) {
        features.imbalance = self.auction;
        features.indicative = self.auction.and_then(|auction| {
            let value = Indicative {
                price: auction.value.indicative?,
                offset_bps: auction.value.offset_bps(self.last?.value)?,
            };
            Some(Reading {
                value,
                at: auction.at,
            })
        });
    }

    /// Takes in what the venue says of the auction; a message without sizes says nothing.
    pub fn tell_imbalance(&mut self, message: &Imbalance) {
        let at = message.ts_event;
        let value = AuctionImbalance::of(message);
        self.auction = value.map(|value| Reading { value, at }).or(self.auction);
    }

    /// Takes in what the news say of its product; without an article they say nothing.
    pub fn tell_news(&mut self, news: &News) {
        self.news = (news.articles > 0).then(|| Reading {
            value: f64::from(news.ppm) / 1e6,
            at: news.as_of,
        });
    }

    /// Takes in what the options desk found, if it is to be followed and not rejected: the surest
    /// of what is not too old. Returns whether it was taken in.
    pub fn flag(&mut self, signal: &Signal, calendar: &Calendar, now: Nanos) -> bool {
        let is_followed = matches!(signal.action, Advice::Buy | Advice::StrongBuy);
        let Ok(expiry) = calendar.trading_day(Venue::Globex, signal.contract.expiry) else {
            return false;
        };
        let surer = |flagged: &Reading<Flagged>| {
            now.0.saturating_sub(flagged.at.0) <= FLAGGED_AGE_MAX_NS
                && flagged.value.candidate.confidence > signal.confidence
        };
        if signal.is_rejected || !is_followed || self.flagged.as_ref().is_some_and(surer) {
            return false;
        }
        self.flagged = Some(Reading {
            value: Flagged {
                direction: match signal.direction {
                    ifd::Direction::Long => Direction::Long,
                    ifd::Direction::Short => Direction::Short,
                },
                strike: signal.contract.strike,
                expiry,
                candidate: candidate(signal, self.last.map(|last| last.value)),
                context: self.chain.context(),
            },
            at: signal.ts,
        });
        true
    }

    /// Touch and depth after the last event that said something.
    #[must_use]
    pub fn book(&self) -> (Touch, Depth) {
        self.seen
            .as_ref()
            .map_or((Touch::EMPTY, Depth::default()), |seen| {
                (seen.touch, seen.depth)
            })
    }

    /// The price that options are valued at: the middle of its quote.
    #[must_use]
    pub fn spot(&self) -> Price {
        let touch = self.seen.as_ref().map(|seen| seen.touch);
        touch
            .filter(|touch| touch.is_two_sided() && !touch.is_crossed())
            .map_or(Price::UNDEFINED, |touch| {
                Price(touch.bid.0.midpoint(touch.ask.0))
            })
    }
}

/// What N13 asks of a signal. Its expected value is what the confidence gives between target and
/// stop, in points; without both it is nothing, which counts against it.
fn candidate(signal: &Signal, last: Option<Price>) -> Candidate {
    let points = |price: Price| price.0 as f64 / Price::PER_POINT as f64;
    let mut candidate = Candidate {
        confidence: signal.confidence,
        expected_value: 0.0,
        reward_risk: 0.0,
        volume: 0,
        notional: 0.0,
        time_of_day_ns: 0,
        is_isolated: false,
        v1_ratio: None,
        v3_ratio: None,
        failed_checks: 0,
    };
    match &signal.evidence {
        Evidence::Spike {
            spike,
            volume,
            bracket,
            ..
        } => {
            candidate.volume = *volume;
            candidate.notional = spike.usd as f64 / 1e4;
            candidate.v1_ratio = Some(spike.ratio);
            if let (Some(bracket), Some(last)) = (bracket, last) {
                let reward = (points(bracket.target) - points(last)).abs();
                let risk = (points(last) - points(bracket.stop)).abs();
                let p = signal.confidence;
                candidate.expected_value = p * reward - (1.0 - p) * risk;
                if risk > 0.0 {
                    candidate.reward_risk = reward / risk;
                }
            }
        }
        Evidence::Pressure(pressure) => {
            candidate.volume = pressure.volume;
            candidate.v3_ratio = Some((pressure.pressure, 1));
        }
    }
    candidate
}

#[cfg(test)]
mod tests {
    use super::*;
    use bumpalo::Bump;
    use undertow_core::book::{BookLimits, Books};
    use undertow_core::contract::PriceSign;
    use undertow_core::event::{Control, Definition, InstrumentClass, Mbo, RecordHeader};
    use undertow_core::stage::{Emit, Stage};
    use undertow_core::types::{Flags, InstrumentId, OrderId, PublisherId, Side, Text};

    use crate::flow::FlowOutput;

    /// 2024-07-01 14:00 UTC.
    const START: u64 = 1_719_842_400_000_000_000;

    const BID: Mbo = Mbo {
        header: RecordHeader::UNSET,
        ts_event: Nanos(START),
        ts_recv: Nanos(START),
        order_id: OrderId(1),
        price: Price(20_000_000_000_000),
        size: 5,
        sequence: 1,
        ts_in_delta: 0,
        instrument_id: InstrumentId(7),
        publisher_id: PublisherId(1),
        flags: Flags::LAST,
        action: Action::Add,
        side: Side::Bid,
        channel_id: 0,
    };

    fn definition(asset: &[u8]) -> Definition {
        Definition {
            key: BID.key(),
            ts_recv: Nanos(START),
            class: InstrumentClass::Future,
            update_action: b'A',
            strike: Price::UNDEFINED,
            expiration: Nanos(START + 86_400_000_000_000),
            activation: Nanos(1),
            tick: Price(250_000_000),
            unit_qty: Price(20_000_000_000),
            underlying_id: InstrumentId(0),
            asset: Text::from_bytes(asset),
            currency: Text::from_bytes(b"USD"),
        }
    }

    struct Heard<'w>(&'w mut Watch);

    impl Emit<FlowOutput> for Heard<'_> {
        fn emit(&mut self, output: &FlowOutput) {
            if let FlowOutput::Update(update) = output {
                self.0.measured(update);
            }
        }
    }

    #[test]
    fn what_was_said_last_is_taken_in_when_it_is_asked_for() {
        let limits = BookLimits {
            instruments_max: 1,
            watches_depth: true,
            ..BookLimits::default()
        };
        let arena = Bump::with_capacity(limits.bytes());
        let mut books = Books::new_in(&arena, &limits).expect("sound limits");
        let mut flow = Flow::new(1);
        let mut watch = Watch::new(Text::from_bytes(b"NQ"), Chain::new(4, None, 0.04));
        let terms = definition(b"NQ");
        let contract = Contract::from_definition(&terms, None, PriceSign::Positive);
        watch.turn_to(&contract.expect("a sound definition"));
        let mut play = |flow: &mut Flow, watch: &mut Watch, mbo: Mbo| {
            if let Some(update) = books.apply(&mbo) {
                flow.on_data(update, &mut Heard(watch));
                watch.sighted(update.book_idx);
            }
        };
        play(&mut flow, &mut watch, BID);
        let trade = Mbo {
            action: Action::Trade,
            flags: Flags(0),
            ..BID
        };
        play(&mut flow, &mut watch, trade);
        assert_eq!(watch.book().0, Touch::EMPTY, "nobody has asked");
        watch.catch_up(&flow);
        assert_eq!(
            (watch.book().0.bid, watch.book().0.bid_size),
            (BID.price, 5)
        );
        let better = Mbo {
            order_id: OrderId(2),
            price: Price(20_000_250_000_000),
            ..BID
        };
        play(&mut flow, &mut watch, better);
        watch.catch_up(&flow);
        // The flow stage forgets what it said of the contract that the id was of.
        flow.on_control(
            &Control::Definition(definition(b"ES")),
            &mut Heard(&mut watch),
        );
        watch.catch_up(&flow);
        assert_eq!(watch.book().0.bid, { better.price }, "it is not news twice");
        assert_eq!(
            watch.features(1, Nanos(START)).obi.map(|obi| obi.value),
            Some(1.0)
        );
    }

    #[test]
    fn the_auction_is_what_the_venue_said_last_until_another_contract_is_watched() {
        let mut watch = Watch::new(Text::from_bytes(b"NQ"), Chain::new(4, None, 0.04));
        let terms = definition(b"NQ");
        let contract = Contract::from_definition(&terms, None, PriceSign::Positive);
        let contract = contract.expect("a sound definition");
        watch.turn_to(&contract);
        let said = Imbalance {
            key: BID.key(),
            ts_event: Nanos(START),
            ref_price: BID.price,
            match_price: Price(BID.price.0 + BID.price.0 / 100),
            clearing_price: Price::UNDEFINED,
            paired_size: 10,
            imbalance_size: 30,
            side: Side::Ask,
        };
        watch.tell_imbalance(&said);
        let without_sizes = Imbalance {
            ts_event: Nanos(START + 1),
            imbalance_size: u32::MAX,
            ..said
        };
        watch.tell_imbalance(&without_sizes);
        let features = watch.features(1, Nanos(START + 2));
        let auction = features.imbalance.expect("it was told");
        assert_eq!((auction.at, auction.value.imbalance), (Nanos(START), 30));
        assert!(features.indicative.is_none(), "away from no price yet");
        watch.last = Some(Reading {
            value: BID.price,
            at: Nanos(START),
        });
        let indicative = watch.features(1, Nanos(START + 2)).indicative;
        let offset_bps = indicative.map(|it| (it.at, it.value.offset_bps));
        assert_eq!(offset_bps, Some((Nanos(START), 100.0)));
        watch.turn_to(&contract);
        assert!(watch.features(1, Nanos(START + 2)).imbalance.is_none());
    }

    #[test]
    fn what_is_traded_and_quoted_is_counted_as_it_comes() {
        let mut chain = Chain::new(4, None, 0.04);
        for id in [3, 1, 2] {
            let option = Definition {
                key: BookKey {
                    instrument_id: InstrumentId(id),
                    ..BID.key()
                },
                class: InstrumentClass::Call,
                strike: Price(i64::from(id) * 25_000_000_000),
                underlying_id: BID.instrument_id,
                ..definition(b"NQ")
            };
            chain.define(&option, &Calendar::built_in());
        }
        assert_eq!(chain.quoted_at(), None);
        for at in [2, 0, 2] {
            chain.sighted(at, 9);
            assert_eq!(chain.trade(at), Some(9));
            chain.quote(at, &Touch::EMPTY, Trust::Good, Nanos(10 + at as u64));
        }
        let traded = (0..chain.traded_count()).filter_map(|nth| chain.nth_traded(nth));
        assert!(traded.eq([0, 2]), "each once, ascending");
        assert_eq!(chain.quoted_at(), Some(Nanos(12)), "the latest");
        chain.clear();
        assert_eq!((chain.traded_count(), chain.quoted_at()), (0, None));
    }
}
