//! From the input to the report: books, flow, and a watch on one instrument.
//!
//! One thread, in the order of the input, and the same stages as in a session. The instrument is
//! the first book whose id bears the wanted symbol; that there are others is told.

use std::collections::BTreeSet;

use undertow_core::book::{BookLimits, Books, LimitError};
use undertow_core::event::{Body, BookUpdate, Control, Mbo, Touch};
use undertow_core::stage::{Emit, Stage};
use undertow_core::types::{Action, BookKey, Flags, InstrumentId, Nanos, Side};
use undertow_strategies::flow::side::SideRule;
use undertow_strategies::flow::{Flow, FlowOutput, FlowParameters, FlowUpdate};
use undertow_strategies::ifd::baseline::Table;
use undertow_strategies::ifd::confidence::Profile;
use undertow_strategies::ifd::desk::{Contract, Finding, Signal, Window};

use super::watch::Watch;
use super::{FlowReport, Named, concerns};
use crate::implied_vol;
use crate::registry::Registry;
use crate::summary::BookTrust;

/// A record's time may be so far ahead of its capture, ns; beyond, it is wrong.
const AHEAD_MAX_NS: u64 = 1_000_000_000;

/// Width of the windows that signals come of, minutes.
pub const SIGNAL_MINUTES: u64 = 5;

/// What to gather.
#[derive(Clone, Debug)]
pub struct Question {
    /// Symbol or numeric id of the instrument.
    pub instrument: String,
    /// Length of an interval, at least 1 ns.
    pub every: Nanos,
    /// Parameters of the flow stage.
    pub parameters: FlowParameters,
}

/// Why there is no report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Missing {
    /// No instrument of the input bears the symbol.
    Unknown {
        /// Books of the input, by name.
        books: Vec<String>,
    },
    /// It is known, and has no book.
    NoBook,
    /// Several books bear the symbol: their ids.
    Several(Vec<u32>),
}

/// The stages, and what they said of one instrument so far.
#[derive(Debug)]
pub struct Gathering<'a> {
    question: Question,
    registry: Registry,
    trust: BookTrust,
    books: Books<'a>,
    flow: Flow,
    /// By the book's dense index: who began its trades, and the quote before them.
    sides: Vec<(SideRule, Touch)>,
    /// Ids that bear the wanted symbol, as far as is known.
    ids: Vec<InstrumentId>,
    watch: Option<(BookKey, u32, Watch)>,
    /// Other books that bear it.
    others: BTreeSet<u32>,
    heard: Heard,
    now: Nanos,
    is_live: bool,
    bounds: [Nanos; 2],
    signals: Vec<Signal>,
    windows: Vec<Window>,
}

impl<'a> Gathering<'a> {
    /// Stages for instruments within `limits`; options are compared with the days before in
    /// `history`.
    ///
    /// # Errors
    /// Limits that make no sense.
    pub fn new(
        arena: &'a bumpalo::Bump,
        limits: &BookLimits,
        question: Question,
        history: Table,
    ) -> Result<Self, LimitError> {
        let instruments_max = limits.instruments_max as usize;
        Ok(Self {
            registry: Registry::default(),
            trust: BookTrust::default(),
            books: Books::new_in(arena, limits)?,
            flow: Flow::with(instruments_max, question.parameters.clone(), history)
                .searched_by(implied_vol::search),
            sides: vec![(SideRule::new(), Touch::EMPTY); instruments_max],
            ids: Vec::new(),
            watch: None,
            others: BTreeSet::new(),
            heard: Heard::default(),
            now: Nanos(0),
            is_live: false,
            bounds: [Nanos(0), Nanos::UNDEFINED],
            signals: Vec::new(),
            windows: Vec::new(),
            question,
        })
    }

    /// Shows what is from the first instant on and before the second.
    pub const fn bound(&mut self, bounds: [Nanos; 2]) {
        self.bounds = bounds;
    }

    /// Takes a message. Says whether more of them matter.
    pub fn take(&mut self, body: &Body<Mbo>) -> bool {
        if let Some(mbo) = body.record() {
            return self.record(body, mbo);
        }
        if let Body::Control(control) = body {
            self.control(control);
        }
        true
    }

    fn control(&mut self, control: &Control) {
        self.registry.note(control);
        self.books.control(control);
        self.flow.on_control(control, &mut self.heard);
        if let Control::Symbol(_) = control {
            self.ids.clear();
        }
    }

    fn record(&mut self, body: &Body<Mbo>, mbo: &Mbo) -> bool {
        self.observe(mbo);
        self.trust.note(mbo.action);
        self.is_live |= !mbo.flags.has(Flags::SNAPSHOT);
        if self.is_live {
            if let Some((_, _, watch)) = &mut self.watch {
                watch.advance(self.now.min(self.bounds[1]));
            }
            if self.now >= self.bounds[1] {
                return false;
            }
        }
        if let Some(update) = self.books.take(body).copied() {
            self.update(&update, matches!(body, Body::Control(_)));
        }
        true
    }

    /// The report, once no input follows.
    ///
    /// # Errors
    /// No instrument bears the symbol, or more than one does.
    pub fn finish(mut self) -> Result<FlowReport, Missing> {
        // The last windows are closed, even where the input goes on.
        self.flow.on_control(&Control::End, &mut self.heard);
        while let Some(finding) = self.flow.next_finding() {
            self.heard.findings.push(finding);
        }
        self.note_findings();
        let Some((key, book_idx, watch)) = self.watch.take() else {
            return Err(self.missing());
        };
        if !self.others.is_empty() {
            self.others.insert(key.instrument_id.0);
            return Err(Missing::Several(self.others.into_iter().collect()));
        }
        let end = self.now.min(self.bounds[1]);
        let mut report = watch.finish(key, end);
        let book = self.books.iter().nth(book_idx as usize);
        report.name = self.registry.name(key, end);
        report.terms = self.registry.definition(key).copied();
        report.trust = book.map_or(BookTrust::NO_BOOK, |book| self.trust.word(&book));
        let registry = &self.registry;
        report.signals = named(registry, self.signals, |signal| signal.contract);
        report.windows = named(registry, self.windows, |window| window.contract);
        report.signals.retain(|it| concerns(&it.of.contract, key));
        let profile = &self.question.parameters.ifd.profile;
        report.windows.retain(|it| is_shown(&it.of, key, profile));
        Ok(report)
    }

    /// Moves time on to a record, as far as its time is to be believed.
    fn observe(&mut self, mbo: &Mbo) {
        let latest = mbo.ts_recv.0.saturating_add(AHEAD_MAX_NS);
        let is_ahead = mbo.ts_recv.is_defined() && mbo.ts_event.0 > latest;
        if mbo.ts_event.is_defined() && !is_ahead {
            self.now = self.now.max(mbo.ts_event);
        }
    }

    fn update(&mut self, update: &BookUpdate, is_touch_alone: bool) {
        let side = self.side(update);
        self.heard.update = None;
        self.flow.on_data(update, &mut self.heard);
        self.note_findings();
        if !self.is_live {
            return;
        }
        let key = update.mbo.key();
        if self
            .watch
            .as_ref()
            .is_none_or(|(watched, _, _)| *watched != key)
        {
            self.sight(key, update.book_idx);
        }
        let Some((watched, book_idx, watch)) = &mut self.watch else {
            return;
        };
        if *watched != key {
            return;
        }
        let is_measured = self.flow.reading(*book_idx).is_some();
        watch.record(update, self.now, side, is_measured);
        if let (Some(said), Some(tape)) = (&self.heard.update, self.flow.tape(*book_idx)) {
            watch.output(said, tape, self.now, is_touch_alone);
        } else if let Some(tape) = self.flow.tape(*book_idx)
            && !self.trust.tells_orders()
        {
            watch.tape(tape);
        }
    }

    /// Who began a trade, as the flow stage has it; nobody began another record.
    fn side(&mut self, update: &BookUpdate) -> Side {
        let mbo = &update.mbo;
        let Some((rule, quote)) = self.sides.get_mut(update.book_idx as usize) else {
            return Side::None;
        };
        let mut side = Side::None;
        if mbo.action == Action::Trade && mbo.price.is_defined() && mbo.size > 0 {
            (side, _) = rule.classify(mbo.price, mbo.side, quote);
        }
        if mbo.flags.has(Flags::LAST) {
            *quote = update.touch;
        }
        side
    }

    /// A book that is not watched: should it be?
    fn sight(&mut self, key: BookKey, book_idx: u32) {
        if self.ids.is_empty() {
            self.ids = self.registry.find(&self.question.instrument);
        }
        if !self.ids.contains(&key.instrument_id) {
            return;
        }
        if self.watch.is_some() {
            self.others.insert(key.instrument_id.0);
            return;
        }
        let start = self.now.max(self.bounds[0]);
        let watch = Watch::new(&self.question, start);
        self.watch = Some((key, book_idx, watch));
    }

    fn note_findings(&mut self) {
        for finding in self.heard.findings.drain(..) {
            let [from, to] = self.bounds;
            match finding {
                Finding::Window(window) if from <= window.start && window.start < to => {
                    self.windows.push(window);
                }
                Finding::Signal(signal) if from <= signal.ts => self.signals.push(signal),
                _ => {}
            }
        }
    }

    fn missing(&self) -> Missing {
        if !self.registry.find(&self.question.instrument).is_empty() {
            return Missing::NoBook;
        }
        let name = |key| self.registry.name(key, self.now);
        let books = self.books.iter().map(|book| name(book.key()));
        Missing::Unknown {
            books: books.collect(),
        }
    }
}

/// What the flow stage says of one record.
#[derive(Debug, Default)]
struct Heard {
    update: Option<FlowUpdate>,
    findings: Vec<Finding>,
}

impl Emit<FlowOutput> for Heard {
    fn emit(&mut self, output: &FlowOutput) {
        match output {
            FlowOutput::Update(update) => self.update = Some(*update),
            FlowOutput::Finding(finding) => self.findings.push(*finding),
            // Nothing is traded for a report of the flow.
            FlowOutput::Trade(_) => {}
        }
    }
}

/// Every window of the instrument; of options on it, those that the profile of the detector takes
/// for one-sided and large enough.
fn is_shown(window: &Window, key: BookKey, profile: &Profile) -> bool {
    let is_pressure = window.minutes == SIGNAL_MINUTES && profile.is_pressure(&window.tally);
    window.contract.key == key || (concerns(&window.contract, key) && is_pressure)
}

fn named<T>(registry: &Registry, of: Vec<T>, contract: impl Fn(&T) -> Contract) -> Vec<Named<T>> {
    let name = |of: T| {
        let contract = contract(&of);
        let name = registry.name(contract.key, contract.expiry);
        Named { name, of }
    };
    of.into_iter().map(name).collect()
}
