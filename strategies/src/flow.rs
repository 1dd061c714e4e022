//! The flow stage: [`BookUpdate`] in, [`FlowOutput`] out.
//!
//! It speaks once an event, at the record that carries LAST, and only if the event traded or moved
//! the touch. Every book has its [`Tape`]; outright futures and stocks have every measure besides,
//! from a pool laid out at construction. Definitions say which is which; a book without one is
//! taken for an outright. Options besides go to the [`Desk`](crate::ifd::desk::Desk), whose findings
//! leave with whatever comes next, a few at a time. Sizes are contracts or shares, notional is price × size in 1e-9.
//!
//! One file a measure, each plain state with an update that costs the same however much came
//! before. What is not known is absent. Nothing here reads anything that comes after the event.

mod buckets;

pub mod bars;
pub mod hidden;
pub mod imbalance;
pub mod path;
pub mod profile;
pub mod quality;
pub mod side;
pub mod sweep;
pub mod taker;
pub mod tape;
pub mod toxicity;
pub mod volatility;
pub mod vpin;
pub mod window;

mod measures;
mod parameters;
mod session;
mod terms;
#[cfg(test)]
mod tests;

pub use hidden::Iceberg;
pub use measures::{Print, Reading};
pub use parameters::{FlowParameters, VwapAnchor};
pub use tape::Tape;

use alloc::boxed::Box;
use core::iter::repeat_n;

use undertow_core::event::{BookUpdate, Control, Definition, Depth, Mbo, Touch, Trust};
use undertow_core::prefetch;
use undertow_core::stage::{Emit, Stage};
use undertow_core::types::{Action, BookKey, Flags, InstrumentId, Nanos, Price, PublisherId, Side};

use crate::calendar::{Calendar, Day, Venue};
use crate::ifd::baseline::Table;
use crate::ifd::desk::{self, Desk, Finding};
use crate::options::implied::Search;
use crate::trade::event::TradeEvent;
use buckets::Buckets;
use measures::Measures;
use session::SessionClock;
use side::SideRule;
use terms::TermsTable;

/// What leaves the stage.
#[derive(Clone, Copy, Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "it travels by reference or by value; a box would allocate"
)]
pub enum FlowOutput {
    /// What an event left behind.
    Update(FlowUpdate),
    /// What the options desk found; it may be about another instrument than the input.
    Finding(Finding),
    /// What was decided and traded because of it. Never from the flow stage itself.
    Trade(TradeEvent),
}

/// What an event left behind: the touch, the session's flow, and the measures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FlowUpdate {
    /// Whose book.
    pub key: BookKey,
    /// The venue's time of the event.
    pub ts_event: Nanos,
    /// The touch after it.
    pub touch: Touch,
    /// The depth after it.
    pub depth: Depth,
    /// Size bought by aggressors this session.
    pub bought: u64,
    /// Size sold by aggressors this session.
    pub sold: u64,
    /// Trades this session.
    pub trades: u64,
    /// Blocks traded this session.
    pub blocks: u64,
    /// Price of the session's last trade.
    pub last: Option<Price>,
    /// Its aggressor.
    pub last_side: Side,
    /// Whether this event traded.
    pub traded: bool,
    /// How far the book is to be believed.
    pub trust: Trust,
    /// The measures, for instruments that have them.
    pub reading: Option<Reading>,
}

impl FlowUpdate {
    /// Of no event.
    const NOTHING: Self = Self {
        key: BookKey {
            instrument_id: InstrumentId(0),
            publisher_id: PublisherId(0),
        },
        ts_event: Nanos(0),
        touch: Touch::EMPTY,
        depth: Depth {
            weighted5: [0; 2],
            sum5: [0; 2],
            sum10: [0; 2],
        },
        bought: 0,
        sold: 0,
        trades: 0,
        blocks: 0,
        last: None,
        last_side: Side::None,
        traded: false,
        trust: Trust::Recovering,
        reading: None,
    };

    /// What an event left behind, without measures.
    #[inline]
    const fn of(update: &BookUpdate, tape: &Tape, traded: bool) -> Self {
        Self {
            key: update.mbo.key(),
            ts_event: update.mbo.ts_event,
            touch: update.touch,
            depth: update.depth,
            bought: tape.bought,
            sold: tape.sold,
            trades: tape.trades,
            blocks: tape.blocks,
            last: tape.last,
            last_side: tape.last_side,
            traded,
            trust: update.trust,
            reading: None,
        }
    }

    /// Cumulative volume delta of the session: bought less sold.
    #[must_use]
    pub const fn cvd(&self) -> i64 {
        tape::delta(self.bought, self.sold)
    }

    /// Imbalance at the touch, in [−1, 1] (A7).
    #[must_use]
    pub fn obi_l1(&self) -> Option<f64> {
        imbalance::l1(&self.touch)
    }

    /// Imbalance over five weighted levels, in [−1, 1] (A7).
    #[must_use]
    pub fn obi_l5(&self) -> Option<f64> {
        imbalance::l5(&self.depth)
    }

    /// Bids over asks within ten levels, in [0.1, 10] (A7).
    #[must_use]
    pub fn pressure(&self) -> Option<f64> {
        imbalance::pressure(&self.depth)
    }

    /// The middle weighted by the other side's size, in points (A7).
    #[must_use]
    pub fn microprice(&self) -> Option<f64> {
        imbalance::microprice(&self.touch)
    }
}

/// Where a book's measures are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Nothing of the book has been seen.
    Unseen,
    /// It has none.
    Nowhere,
    /// In the pool.
    At(u32),
}

/// What every book has.
#[derive(Clone, Copy, Debug)]
struct Session {
    tape: Tape,
    /// After the last complete event: what was in force before a trade of the next one.
    quote: Touch,
    rule: SideRule,
    place: Place,
    venue: Venue,
    /// The day that the tape is of.
    day: Day,
    /// Whether the open event has traded.
    traded: bool,
}

impl Session {
    const UNSEEN: Self = Self {
        tape: Tape::NEW,
        quote: Touch::EMPTY,
        rule: SideRule::new(),
        place: Place::Unseen,
        venue: Venue::Globex,
        day: Day(i32::MIN),
        traded: false,
    };

    /// The measures of its book, if it has any.
    #[inline]
    fn measures<'m>(&self, pool: &'m mut [Measures]) -> Option<&'m mut Measures> {
        match self.place {
            Place::At(at) => pool.get_mut(at as usize),
            Place::Unseen | Place::Nowhere => None,
        }
    }

    /// Starts a session if `day` is another than that of the last one.
    #[inline]
    fn turn(&mut self, day: Day, measures: Option<&mut Measures>) {
        if self.day != day {
            self.day = day;
            self.tape = Tape::NEW;
            if let Some(measures) = measures {
                measures.start_session();
            }
        }
    }
}

/// The flow stage.
#[derive(Clone, Debug)]
pub struct Flow {
    parameters: FlowParameters,
    clock: SessionClock,
    terms: TermsTable,
    buckets: Buckets,
    /// By the book's dense index.
    sessions: Box<[Session]>,
    measures: Box<[Measures]>,
    measures_used: u32,
    unmeasured: u64,
    desk: Desk,
    /// The day that the desk is in.
    desk_day: Day,
}

impl Flow {
    /// A flow stage for books with an index below `instruments_max`, with default parameters.
    #[must_use]
    pub fn new(instruments_max: usize) -> Self {
        Self::with(instruments_max, FlowParameters::default(), Table::default())
    }

    /// A flow stage for books with an index below `instruments_max`, whose options are compared
    /// with the days before in `baselines`.
    #[must_use]
    pub fn with(instruments_max: usize, parameters: FlowParameters, baselines: Table) -> Self {
        let measured_max = parameters.measured_max.min(instruments_max);
        let limits = desk::Limits {
            books_max: instruments_max,
            options_max: parameters.options_max.min(instruments_max),
            underlyings_max: measured_max,
            quoted_max: parameters.quoted_max.min(instruments_max),
        };
        Self {
            clock: SessionClock::new(&Calendar::built_in()),
            terms: TermsTable::new(instruments_max),
            buckets: Buckets::new(parameters.vpin_bucket, &parameters.vpin_buckets_of),
            sessions: repeat_n(Session::UNSEEN, instruments_max).collect(),
            // Made one by one: a copy would share nothing, but be laid out twice.
            measures: (0..measured_max)
                .map(|_| Measures::new(&parameters))
                .collect(),
            measures_used: 0,
            unmeasured: 0,
            desk: Desk::new(&limits, &parameters.ifd, baselines),
            desk_day: Day(i32::MIN),
            parameters,
        }
    }

    /// The same with a search for implied volatilities, which tells when one has crushed.
    #[must_use]
    pub fn searched_by(self, search: Search) -> Self {
        Self {
            desk: self.desk.searched_by(search),
            ..self
        }
    }

    /// The tape of the book with this dense index.
    #[must_use]
    pub fn tape(&self, book_idx: u32) -> Option<&Tape> {
        self.sessions
            .get(book_idx as usize)
            .map(|session| &session.tape)
    }

    /// What the last event of a book that said something left behind, if it has measures.
    #[must_use]
    pub fn said(&self, book_idx: u32) -> Option<&FlowUpdate> {
        self.measures_of(book_idx)?.said()
    }

    /// What the measures of a book say after its last event, if it has them.
    #[must_use]
    pub fn reading(&self, book_idx: u32) -> Option<&Reading> {
        self.said(book_idx)?.reading.as_ref()
    }

    /// Where and when a book's volume traded, if it has the measure.
    #[must_use]
    pub fn profile(&self, book_idx: u32) -> Option<&profile::VolumeProfile> {
        self.measures_of(book_idx).map(|measures| &measures.profile)
    }

    /// How a book's VPIN went through the session, if it has the measure.
    #[must_use]
    pub fn vpin_path(&self, book_idx: u32) -> Option<&path::VpinPath> {
        self.measures_of(book_idx).map(|measures| &measures.path)
    }

    /// Outrights that found no room in the pool of measures.
    #[must_use]
    pub const fn unmeasured(&self) -> u64 {
        self.unmeasured
    }

    /// A finding that had not left when the input ended: the last windows are closed then.
    pub fn next_finding(&mut self) -> Option<Finding> {
        self.desk.next_finding()
    }

    /// The options desk.
    #[must_use]
    pub const fn desk(&self) -> &Desk {
        &self.desk
    }

    /// Calls for the memory that the next record of a book is likely to need. Changes nothing that can
    /// be seen.
    pub(crate) fn call_for_next(&self, book_idx: u32) {
        prefetch::whole(self);
        if let Some(session) = self.sessions.get(book_idx as usize) {
            prefetch::whole(session);
        }
        if let Some(measures) = self.measures_of(book_idx) {
            prefetch::whole(measures);
        }
    }

    fn measures_of(&self, book_idx: u32) -> Option<&Measures> {
        match self.sessions.get(book_idx as usize)?.place {
            Place::At(at) => self.measures.get(at as usize),
            Place::Unseen | Place::Nowhere => None,
        }
    }

    /// A book's first record: what is it, and does it get the measures?
    #[cold]
    fn sight(&mut self, update: &BookUpdate) {
        let terms = self.terms.sight(update.mbo.key(), update.book_idx);
        let session = &mut self.sessions[update.book_idx as usize];
        session.venue = terms.venue();
        session.place = Place::Nowhere;
        if !terms.is_measured() {
            return;
        }
        let Some(measures) = self.measures.get_mut(self.measures_used as usize) else {
            self.unmeasured += 1;
            return;
        };
        let bucket = self.buckets.of(terms.key, seen_at(&update.mbo));
        measures.restart(&self.parameters, &terms, bucket);
        session.place = Place::At(self.measures_used);
        self.measures_used += 1;
    }

    /// A trade: whose was it, and what do the measures make of it? Returns its aggressor.
    fn trade(&mut self, update: &BookUpdate) -> Side {
        let session = &mut self.sessions[update.book_idx as usize];
        let mut measures = session.measures(&mut self.measures);
        let mbo = &update.mbo;
        let ts = self.clock.observe(mbo);
        session.turn(self.clock.day(session.venue), measures.as_deref_mut());
        session.traded = true;
        if let Some(measures) = &mut measures {
            measures.receive(update, &session.quote);
        }
        if !mbo.price.is_defined() || mbo.size == 0 {
            return Side::None;
        }
        let (side, source) = session.rule.classify(mbo.price, mbo.side, &session.quote);
        let block_min = self.parameters.block_min(session.venue == Venue::Nyse);
        session.tape.trade(mbo.price, mbo.size, side, block_min);
        if let Some(measures) = measures {
            measures.trade(&Print {
                ts,
                price: mbo.price,
                size: mbo.size,
                side,
                source,
                quote: session.quote,
                is_regular: self.clock.is_regular(),
                hour: self.clock.hour(),
            });
        }
        let day = self.clock.day(Venue::Globex);
        if core::mem::replace(&mut self.desk_day, day) != day {
            self.desk.start_day();
        }
        side
    }

    /// Hands the desk's findings on, as many as a turn may.
    #[cold]
    fn speak_of_findings(&mut self, out: &mut impl Emit<FlowOutput>) {
        for _ in 0..desk::DRAIN {
            let Some(finding) = self.desk.next_finding() else {
                return;
            };
            out.emit(&FlowOutput::Finding(finding));
        }
    }

    /// An id that means another contract from now on: what was counted was the old one's.
    #[cold]
    fn define(&mut self, definition: &Definition) {
        let Some(book_idx) = self.terms.define(definition) else {
            return;
        };
        let Some(session) = self.sessions.get_mut(book_idx) else {
            return;
        };
        let terms = self.terms.sight(definition.key, book_idx as u32);
        let place = session.place;
        *session = Session {
            place,
            venue: terms.venue(),
            ..Session::UNSEEN
        };
        if let Place::At(at) = place
            && let Some(measures) = self.measures.get_mut(at as usize)
        {
            let bucket = self.buckets.of(terms.key, definition.ts_recv);
            measures.restart(&self.parameters, &terms, bucket);
        }
    }
}

/// When a record came, for looking up what its instrument is called.
const fn seen_at(mbo: &Mbo) -> Nanos {
    if mbo.ts_recv.is_defined() {
        mbo.ts_recv
    } else {
        mbo.ts_event
    }
}

impl Stage for Flow {
    type In = BookUpdate;
    type Out = FlowOutput;
    const BURST: usize = 1 + desk::DRAIN;

    #[inline(always)]
    fn on_data(&mut self, update: &BookUpdate, out: &mut impl Emit<FlowOutput>) {
        let Some(session) = self.sessions.get(update.book_idx as usize) else {
            return;
        };
        if session.place == Place::Unseen {
            self.sight(update);
        }
        let side = if update.mbo.action == Action::Trade {
            self.trade(update)
        } else {
            Side::None
        };
        let session = &mut self.sessions[update.book_idx as usize];
        let mut measures = session.measures(&mut self.measures);
        if let Some(measures) = &mut measures {
            measures.record(update);
        }
        if update.mbo.flags.has(Flags::LAST) {
            if update.touch_changed || session.traded {
                let ts = self.clock.observe(&update.mbo);
                session.turn(self.clock.day(session.venue), measures.as_deref_mut());
                let traded = core::mem::replace(&mut session.traded, false);
                session.quote = update.touch;
                let tape = &session.tape;
                match measures {
                    Some(measures) => out.emit(measures.end_event(ts, update, tape, traded)),
                    None => out.emit(&FlowOutput::Update(FlowUpdate::of(update, tape, traded))),
                }
            } else if let Some(measures) = measures {
                measures.end_silent_event();
            }
        }
        self.desk.on_update(update, side);
        if self.desk.pending() > 0 {
            self.speak_of_findings(out);
        }
    }

    #[inline]
    fn on_control(&mut self, control: &Control, _out: &mut impl Emit<FlowOutput>) {
        match control {
            Control::Definition(definition) => self.define(definition),
            Control::Symbol(mapping) => self.buckets.note(mapping),
            _ => {}
        }
        self.desk.on_control(control);
        if matches!(control, Control::End) {
            self.desk.finish();
        }
    }
}
