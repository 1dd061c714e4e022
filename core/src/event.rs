//! Everything that travels between stages.
//!
//! Data and [`Control`] share one pipe: definitions, statistics, trading status, feed notices and
//! (from outside) halts and fills stand in the same total order as the market's records, so every
//! stage sees the same history however the threads are cut. Every type here is plain and `Copy`.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, TryFromBytes};

use crate::order::{ExecReport, SignalId, StrategyId};
use crate::risk::{BreakerKind, Context, Gate, HaltCause, LimitChange, Reason};
use crate::types::{
    Action, BookKey, Flags, InstrumentId, Nanos, OrderId, Price, PublisherId, Side, Text,
};

/// Where a message stands in the one order of inputs, and when it came. Inherited by whatever
/// the message causes, so that latency is one subtraction at any sink.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Stamp {
    /// Position in the total order of inputs, from 0 without gaps.
    pub sequence: u64,
    /// When the input arrived, or was due when paced; nanoseconds of the tile's own clock.
    pub ingress_ns: u64,
}

/// One message on the pipe.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C)]
pub struct Msg<T> {
    /// What it says.
    pub body: Body<T>,
    /// Its place and time.
    pub stamp: Stamp,
}

/// Data for the next stage, or control for every stage.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Body<T> {
    /// The output of the stage before.
    Data(T),
    /// Passed on by the wiring after each stage has seen it.
    Control(Control),
}

impl Body<Mbo> {
    /// The market record that it carries, be it data or a quote.
    #[must_use]
    pub const fn record(&self) -> Option<&Mbo> {
        match self {
            Self::Data(mbo) | Self::Control(Control::Quote(mbo, _)) => Some(mbo),
            Self::Control(_) => None,
        }
    }
}

/// A market-by-order record: DBN's `MboMsg`, byte for byte, with action and side checked. So a
/// record is read where its bytes lie, and nothing is made of it on the way to its book. Packed,
/// for they may lie anywhere: a field is read by value, and no reference to one can be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[derive(TryFromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C, packed)]
pub struct Mbo {
    /// Length and type, which say nothing more about it.
    pub header: RecordHeader,
    /// Whose feed.
    pub publisher_id: PublisherId,
    /// The instrument.
    pub instrument_id: InstrumentId,
    /// The venue's time of the event.
    pub ts_event: Nanos,
    /// The order concerned; 0 where the schema has none.
    pub order_id: OrderId,
    /// Order or trade price.
    pub price: Price,
    /// Order, cancelled or traded size, in contracts or shares.
    pub size: u32,
    /// Record flags.
    pub flags: Flags,
    /// The venue's channel.
    pub channel_id: u8,
    /// What the record does.
    pub action: Action,
    /// Side of the order; the aggressor's on a trade.
    pub side: Side,
    /// When Databento's capture server received it.
    pub ts_recv: Nanos,
    /// `ts_recv` minus the venue's sending time, ns.
    pub ts_in_delta: i32,
    /// The venue's message number. Not contiguous on a filtered subscription.
    pub sequence: u32,
}

const _: () = assert!(size_of::<Mbo>() == 56, "as long as DBN's");

/// Length and type of a record on the wire. All are equal here: they are checked where bytes
/// become records, and then no one asks.
#[derive(Clone, Copy, Debug, Default)]
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct RecordHeader([u8; 2]);

impl RecordHeader {
    /// Of a record that was never on a wire.
    pub const UNSET: Self = Self([0; 2]);
}

impl PartialEq for RecordHeader {
    fn eq(&self, _other: &Self) -> bool {
        true
    }
}

impl Eq for RecordHeader {}

impl Mbo {
    /// Whether it is dated, and not after it arrived as far as that is known. So nearly all are;
    /// of the others each stage says for itself what it believes.
    #[inline(always)]
    #[must_use]
    pub const fn is_in_time(&self) -> bool {
        // Less one, no time at all is later than any; the last number is no time either.
        let since = self.ts_event.0.wrapping_sub(1);
        since < self.ts_recv.0 && since != u64::MAX - 1
    }

    /// The first eight bytes: equal ones name the same book.
    #[inline(always)]
    #[must_use]
    pub(crate) fn word(&self) -> u64 {
        let first = self.as_bytes().first_chunk();
        first.map_or(0, |first| u64::from_le_bytes(*first))
    }

    /// The book it belongs to.
    #[must_use]
    pub const fn key(&self) -> BookKey {
        BookKey {
            instrument_id: self.instrument_id,
            publisher_id: self.publisher_id,
        }
    }
}

/// Best bid and offer with displayed sizes and order counts. An absent side has price
/// [`Price::UNDEFINED`], size 0 and count 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Touch {
    /// Highest bid.
    pub bid: Price,
    /// Lowest offer.
    pub ask: Price,
    /// Displayed size at the bid.
    pub bid_size: u64,
    /// Displayed size at the offer.
    pub ask_size: u64,
    /// Orders at the bid.
    pub bid_count: u32,
    /// Orders at the offer.
    pub ask_count: u32,
}

impl Touch {
    /// No bid and no offer.
    pub const EMPTY: Self = Self {
        bid: Price::UNDEFINED,
        ask: Price::UNDEFINED,
        bid_size: 0,
        ask_size: 0,
        bid_count: 0,
        ask_count: 0,
    };

    /// Whether both sides are there.
    #[must_use]
    pub const fn is_two_sided(&self) -> bool {
        self.bid.is_defined() && self.ask.is_defined()
    }

    /// Whether the bid is above the offer.
    #[must_use]
    pub const fn is_crossed(&self) -> bool {
        self.is_two_sided() && self.bid.0 > self.ask.0
    }

    /// Whether bid and offer are one price.
    #[must_use]
    pub const fn is_locked(&self) -> bool {
        self.is_two_sided() && self.bid.0 == self.ask.0
    }
}

impl Default for Touch {
    fn default() -> Self {
        Self::EMPTY
    }
}

/// Displayed size near the touch, summed per side: index 0 the bids, 1 the asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[repr(C)]
pub struct Depth {
    /// Over the best five levels, the best one five times, the fifth once.
    pub weighted5: [u64; 2],
    /// Over the best five levels.
    pub sum5: [u64; 2],
    /// Over the best ten levels.
    pub sum10: [u64; 2],
}

/// How far a book is to be believed. Only [`Trust::Good`] may lead to an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[repr(u8)]
pub enum Trust {
    /// Complete as far as the feed can tell.
    Good,
    /// Being rebuilt from a snapshot, or never yet complete.
    #[default]
    Recovering,
    /// There is evidence that it is wrong.
    MaybeBad,
    /// Nothing has been heard for longer than allowed, or the feed is down.
    Stale,
}

impl Trust {
    /// The word shown to users.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Recovering => "recovering",
            Self::MaybeBad => "maybe bad",
            Self::Stale => "stale",
        }
    }
}

/// What one record did to its book.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[repr(u8)]
pub enum Effect {
    /// Book unchanged: a trade, a fill, or no action.
    #[default]
    None,
    /// An order joined the back of a queue.
    Added,
    /// An order left.
    Removed,
    /// An order lost size and kept its place.
    Reduced,
    /// An order went to the back of a queue.
    Requeued,
    /// A side or the whole book was replaced or emptied.
    Replaced,
    /// The record could not be applied; the book counted why.
    Refused,
}

/// What the book stage says for every record: the record, what it did, and the touch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[repr(C)]
pub struct BookUpdate {
    /// The record that caused it.
    pub mbo: Mbo,
    /// Displayed size left at the record's price and side.
    pub level_size: u64,
    /// The touch after the last complete event (the last record that carried LAST).
    pub touch: Touch,
    /// Orders left at the record's price and side.
    pub level_count: u32,
    /// The book's dense index, below the session's limit of instruments.
    pub book_idx: u32,
    /// What the record did.
    pub effect: Effect,
    /// How far the book is to be believed now.
    pub trust: Trust,
    /// Whether this record completed an event that moved the touch.
    pub touch_changed: bool,
    /// Depth after the last complete event; all zero unless the books were asked to watch it.
    pub depth: Depth,
}

/// Everything on the pipe that is not a record of the kind that flows by the million.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Control {
    /// A record of a top-of-book schema (MBP-1, MBP-10, BBO and their consolidated kin): what
    /// happened, and the touch after it.
    Quote(Mbo, Touch),
    /// A contract's terms.
    Definition(Definition),
    /// An id's name for a span of time.
    Symbol(SymbolMapping),
    /// Open interest, settlement and their like.
    Statistic(Statistic),
    /// Trading status of an instrument.
    Status(Status),
    /// An auction's imbalance.
    Imbalance(Imbalance),
    /// A finished bar published by the vendor.
    Bar(Bar),
    /// What the feed says of itself.
    Feed(FeedNotice),
    /// A record of this instrument could not be understood; its book may now be wrong.
    Suspect(BookKey, Suspicion),
    /// What a venue says of one of our orders.
    Exec(ExecReport),
    /// What a slow source tells risk.
    Context(Context),
    /// What the operator orders.
    Operator(Operator),
    /// What the program's own cold side says.
    Notice(Notice),
    /// No input follows. Every tile passes it on and ends.
    End,
}

/// The answer to a claim that was asked of a store which several programs share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claimed {
    /// Which attempt of ours asked.
    pub attempt: u64,
    /// What came of it.
    pub answer: ClaimAnswer,
}

/// What a shared store says to a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum ClaimAnswer {
    /// It is ours.
    Granted,
    /// Another holds the same id.
    Duplicate,
    /// Another holds another id of the same contract.
    Cooldown,
    /// The store has no room for it.
    Full,
    /// The store does not answer; it may or may not have noted the claim.
    Failed,
}

/// What an operator can order while the program runs (R12).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// Nothing new is opened, and entries that rest are cancelled; positions may be closed.
    Halt,
    /// The gate is opened again.
    Resume(Reason),
    /// Every live order is cancelled. The gate stays as it is.
    CancelAll,
    /// The position of this signal is closed, and what rests of its entry is cancelled.
    Close(SignalId),
    /// Halts, then closes every position. After a kill it lets out what closes, and nothing else.
    Flatten,
    /// The gate is shut and every live order is cancelled.
    Kill,
    /// What tripped a breaker is taken on. One of a daily loss still waits for the next day.
    Clear(BreakerKind, Reason),
    /// A strategy emits no more signals; its positions are looked after as before.
    Disable(StrategyId),
    /// It emits signals again.
    Enable(StrategyId),
    /// One limit is made tighter; looser ones take a restart and are refused.
    Tighten(LimitChange),
}

impl Operator {
    /// The word by which it is ordered and shown.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Halt => "halt",
            Self::Resume(_) => "resume",
            Self::CancelAll => "cancel-all",
            Self::Close(_) => "close",
            Self::Flatten => "flatten",
            Self::Kill => "kill",
            Self::Clear(..) => "clear",
            Self::Disable(_) => "disable",
            Self::Enable(_) => "enable",
            Self::Tighten(_) => "tighten",
        }
    }
}

/// What the cold side of the program says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// The program halts: its journal, or another part of it, has failed.
    Halt(Gate, HaltCause),
    /// What the shared store of claims answers.
    Claimed(Claimed),
    /// So many of the things said are in the journal: what rests on them may be sent.
    Written(u64),
}

/// Why an instrument is suspect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Suspicion {
    /// An action byte that the format does not know.
    UnknownAction,
    /// A side byte that the format does not know.
    UnknownSide,
    /// Right type, wrong size.
    BadLength,
}

/// Kind of instrument (DBN `instrument_class`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[repr(u8)]
pub enum InstrumentClass {
    /// A bond.
    Bond,
    /// A call option.
    Call,
    /// A future.
    Future,
    /// A stock.
    Stock,
    /// A spread of several kinds.
    MixedSpread,
    /// A put option.
    Put,
    /// A spread of futures.
    FutureSpread,
    /// A spread of options.
    OptionSpread,
    /// A currency at spot.
    FxSpot,
    /// A commodity at spot.
    CommoditySpot,
    /// None of these, or unknown to this version.
    #[default]
    Other,
}

/// A contract's terms (DBN `InstrumentDefMsg`), the part that computing needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Definition {
    /// Which instrument of which feed.
    pub key: BookKey,
    /// When the definition was received.
    pub ts_recv: Nanos,
    /// Kind of instrument.
    pub class: InstrumentClass,
    /// Add, Modify or Delete: `A`, `M`, `D` as sent.
    pub update_action: u8,
    /// Strike of an option, else undefined.
    pub strike: Price,
    /// Last time it can be traded.
    pub expiration: Nanos,
    /// When it became tradable.
    pub activation: Nanos,
    /// Smallest price step; undefined where it varies.
    pub tick: Price,
    /// Multiplier: units of the underlying per contract, in 1e-9 (ES: 50e9).
    pub unit_qty: Price,
    /// The underlying's instrument id, 0 if none.
    pub underlying_id: InstrumentId,
    /// The product code, such as `NQ` or `QN1`.
    pub asset: Text<11>,
    /// The settlement currency, such as `USD`.
    pub currency: Text<4>,
}

/// A name for an instrument id within a span of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SymbolMapping {
    /// The id.
    pub instrument_id: InstrumentId,
    /// First instant of validity.
    pub start: Nanos,
    /// First instant after it; undefined when open-ended.
    pub end: Nanos,
    /// The symbol.
    pub symbol: Text<71>,
}

/// A venue statistic (DBN `StatMsg`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Statistic {
    /// Which instrument of which feed.
    pub key: BookKey,
    /// The venue's time.
    pub ts_event: Nanos,
    /// The time the figure is about.
    pub ts_ref: Nanos,
    /// The figure, for statistics that are prices.
    pub price: Price,
    /// The figure, for statistics that are quantities; `i64::MAX` when undefined.
    pub quantity: i64,
    /// Which statistic, as numbered by DBN (`OPEN_INTEREST` is 9).
    pub stat_type: u16,
    /// Whether it is withdrawn.
    pub deleted: bool,
}

impl Statistic {
    /// DBN's number of the open interest statistic.
    pub const OPEN_INTEREST: u16 = 9;
    /// DBN's number of the statistic of the volume cleared on the last day.
    pub const CLEARED_VOLUME: u16 = 6;
    /// DBN's number of the settlement price statistic.
    pub const SETTLEMENT: u16 = 3;
}

/// Trading status of an instrument (DBN `StatusMsg`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status {
    /// Which instrument of which feed.
    pub key: BookKey,
    /// The venue's time.
    pub ts_event: Nanos,
    /// DBN's status action (7 is trading, 8 is halt).
    pub action: u16,
    /// DBN's status reason.
    pub reason: u16,
    /// Whether it may be traded; absent when the venue does not say.
    pub is_trading: Option<bool>,
}

/// An auction imbalance (DBN `ImbalanceMsg`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Imbalance {
    /// Which instrument of which feed.
    pub key: BookKey,
    /// The venue's time.
    pub ts_event: Nanos,
    /// Reference price of the auction.
    pub ref_price: Price,
    /// Where the most would trade (NYSE's indicative match price); undefined when not published.
    pub match_price: Price,
    /// Where the auction would clear with the continuous book (Nasdaq's near price); undefined
    /// when not published.
    pub clearing_price: Price,
    /// Size that would pair at it.
    pub paired_size: u32,
    /// Size left over.
    pub imbalance_size: u32,
    /// The heavier side.
    pub side: Side,
}

/// A finished bar (DBN `OhlcvMsg`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bar {
    /// Which instrument of which feed.
    pub key: BookKey,
    /// Start of the bar.
    pub ts_event: Nanos,
    /// DBN's record type, which gives the width (32 is a second, 33 a minute).
    pub rtype: u8,
    /// First price.
    pub open: Price,
    /// Highest price.
    pub high: Price,
    /// Lowest price.
    pub low: Price,
    /// Last price.
    pub close: Price,
    /// Size traded.
    pub volume: u64,
}

/// What a feed says of itself (DBN `SystemMsg`, `ErrorMsg`, and what the session sees).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum FeedNotice {
    /// Alive.
    Heartbeat,
    /// A subscription was accepted.
    Subscribed,
    /// We read too slowly.
    SlowReader,
    /// The replayed part has ended; live from here.
    ReplayCompleted,
    /// An interval of the source has ended.
    EndOfInterval,
    /// Records were left out: every book of the feed may be wrong.
    Skipped,
    /// The connection was lost and made again: every book is stale until recovered.
    Reconnected,
    /// An error that ends the session, by DBN's code.
    Fatal(u8),
    /// An error that does not, by DBN's code.
    Error(u8),
    /// Something this version does not know, by DBN's code.
    Other(u8),
}

const _: () = assert!(size_of::<Mbo>() == 56, "a record as wide as DBN's own");
const _: () = assert!(size_of::<Touch>() == 40);
const _: () = assert!(size_of::<BookUpdate>() == 168);
const _: () = assert!(size_of::<Msg<BookUpdate>>() <= 192, "three cache lines");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn record_is_in_time_if_it_has_one_that_is_not_after_its_arrival() {
        const NONE: u64 = u64::MAX;
        for (ts_event, ts_recv, expected) in [
            (1, 1, true),
            (1, 2, true),
            (2, 1, false),
            (0, 1, false),
            (0, 0, false),
            (1, 0, false),
            (0, NONE, false),
            (1, NONE, true),
            (NONE - 1, NONE, true),
            (NONE, NONE, false),
            (NONE, 1, false),
        ] {
            let mbo = Mbo {
                ts_event: Nanos(ts_event),
                ts_recv: Nanos(ts_recv),
                ..Mbo::default()
            };
            assert_eq!(mbo.is_in_time(), expected, "{ts_event} {ts_recv}");
        }
    }
}
