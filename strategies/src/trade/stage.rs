//! The whole way from a record to an order, as one stage: books, flow, decisions, risk, gateway.
//!
//! The paper venue fills from the books themselves, so they stand on one tile with it.

use alloc::boxed::Box;

use undertow_core::book::Books;
use undertow_core::event::{Control, Mbo, Notice};
use undertow_core::gateway::Gateway;
use undertow_core::stage::{Emit, Stage};

use super::understudy::Understudy;
use super::{DRAIN, Trader};
use crate::flow::{Flow, FlowOutput};

/// A part of the desk whose own time may be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Part {
    /// The books.
    Book,
    /// The measures.
    Flow,
    /// Decisions, risk, orders, the venue.
    Trade,
}

/// Whoever takes the time of the parts; a stage has no clock of its own.
pub trait Timing {
    /// A part has ended its work.
    fn lap(&mut self, part: Part);

    /// What was done since the last lap belongs to no part.
    fn skip(&mut self);
}

impl Timing for () {
    #[inline(always)]
    fn lap(&mut self, _part: Part) {}

    #[inline(always)]
    fn skip(&mut self) {}
}

/// See the module.
#[derive(Debug)]
pub struct Desk<'a, G, T = ()> {
    /// The books.
    pub books: Books<'a>,
    /// The measures.
    pub flow: Flow,
    /// Everything after them.
    pub trader: Trader<G>,
    /// Who takes the time.
    pub laps: T,
    /// Who plays while nothing comes.
    understudy: Option<Box<Understudy<'a, G, T>>>,
    /// How often it has rehearsed, by the last bits.
    rehearsals: u8,
}

impl<'a, G> Desk<'a, G> {
    /// A desk that nobody times and that has no understudy.
    #[must_use]
    pub const fn new(books: Books<'a>, flow: Flow, trader: Trader<G>) -> Self {
        Self {
            books,
            flow,
            trader,
            laps: (),
            understudy: None,
            rehearsals: 0,
        }
    }

    /// The same with an understudy, who plays when this rehearses.
    #[must_use]
    pub fn understudied(self, understudy: Understudy<'a, G>) -> Self {
        Self {
            understudy: Some(Box::new(understudy)),
            ..self
        }
    }

    /// The same with somebody who takes the time, and one more for the understudy.
    #[must_use]
    pub fn timed<T>(self, mut laps: impl FnMut() -> T) -> Desk<'a, G, T> {
        Desk {
            books: self.books,
            flow: self.flow,
            trader: self.trader,
            laps: laps(),
            understudy: self.understudy.map(|it| Box::new(it.timed(laps))),
            rehearsals: self.rehearsals,
        }
    }
}

/// Whoever listens to the desk, or nobody.
///
/// The understudy's way is the desk's own, down to where it speaks, and only there are they told
/// apart: another type would be other code, and the desk's would be as cold as before.
struct Ear<'o, O>(Option<&'o mut O>);

impl<O: Emit<FlowOutput>> Emit<FlowOutput> for Ear<'_, O> {
    #[inline(always)]
    fn emit(&mut self, output: &FlowOutput) {
        if let Some(out) = &mut self.0 {
            out.emit(output);
        }
    }
}

/// Where the flow stage speaks: to whoever listens to the desk, and to the trader.
struct Tap<'t, G, T, O> {
    trader: &'t mut Trader<G>,
    laps: &'t mut T,
    out: &'t mut O,
}

impl<G: Gateway, T: Timing, O: Emit<FlowOutput>> Emit<FlowOutput> for Tap<'_, G, T, O> {
    #[inline(always)]
    fn emit(&mut self, output: &FlowOutput) {
        self.laps.lap(Part::Flow);
        self.out.emit(output);
        self.laps.skip();
        match output {
            FlowOutput::Update(update) => self.trader.measured(update),
            FlowOutput::Finding(finding) => self.trader.found(finding),
            FlowOutput::Trade(_) => {}
        }
    }
}

impl<G: Gateway, T> Desk<'_, G, T> {
    /// Says what waits to be said, as much as an input may cause.
    pub fn speak(&mut self, out: &mut impl Emit<FlowOutput>) {
        self.speak_to(Some(out));
    }

    /// The same to whoever listens, or to nobody.
    #[inline(always)]
    pub(super) fn speak_to(&mut self, out: Option<&mut impl Emit<FlowOutput>>) {
        if self.trader.waiting() > 0 {
            self.speak_of_trade(out);
        }
    }

    #[cold]
    fn speak_of_trade(&mut self, out: Option<&mut impl Emit<FlowOutput>>) {
        let out = &mut Ear(out);
        for _ in 0..DRAIN {
            if !self.trader.speak_to(out) {
                return;
            }
        }
    }
}

impl<G: Gateway, T: Timing> Desk<'_, G, T> {
    /// Takes a record, and speaks to whoever listens, or to nobody. On its own, so that desk and
    /// understudy run one code.
    #[inline(never)]
    pub(super) fn take(&mut self, mbo: &Mbo, out: Option<&mut impl Emit<FlowOutput>>) {
        let mut ear = Ear(out);
        self.trader.before(&self.books, mbo);
        if self.books.apply(mbo).is_some() {
            self.follow(&mut ear);
        }
        self.speak_to(ear.0);
    }

    /// What follows a record that the books have taken.
    #[inline(always)]
    fn follow(&mut self, out: &mut impl Emit<FlowOutput>) {
        // The trader looks at the books while it sees what was done to them.
        let update = self.books.last();
        self.laps.lap(Part::Book);
        let mut tap = Tap {
            trader: &mut self.trader,
            laps: &mut self.laps,
            out,
        };
        self.flow.on_data(update, &mut tap);
        self.trader.observe(&self.books, &self.flow, update);
        self.laps.lap(Part::Trade);
    }
}

impl<G: Gateway, T: Timing> Stage for Desk<'_, G, T> {
    type In = Mbo;
    type Out = FlowOutput;
    const BURST: usize = <Flow as Stage>::BURST + DRAIN;

    #[inline(always)]
    fn on_data(&mut self, input: &Mbo, out: &mut impl Emit<FlowOutput>) {
        self.take(input, Some(out));
    }

    fn on_control(&mut self, control: &Control, out: &mut impl Emit<FlowOutput>) {
        let mut ear = Ear(Some(out));
        if let Control::Quote(mbo, touch) = control {
            self.trader.before(&self.books, mbo);
            if self.books.apply_quote(mbo, touch).is_some() {
                self.follow(&mut ear);
            }
            return self.speak_to(ear.0);
        }
        // A definition may make the flow stage forget what it said.
        self.trader.catch_up_with(&self.flow);
        self.books.control(control);
        let mut tap = Tap {
            trader: &mut self.trader,
            laps: &mut self.laps,
            out: &mut ear,
        };
        self.flow.on_control(control, &mut tap);
        self.trader.on_control(control);
        if let Control::Notice(Notice::Claimed(claimed)) = control {
            self.trader.claimed(&self.books, claimed);
        }
        self.speak_to(ear.0);
    }

    #[inline(always)]
    fn hint(&mut self, coming: impl Fn(usize) -> Option<Mbo>) {
        self.books.hint(coming);
    }

    /// One piece of it each time, so that no record waits for all of them. What the desk would do has
    /// most of the turns: to call for what it would look at more often gained nothing.
    fn rehearse<O: Emit<FlowOutput>>(&mut self) {
        self.rehearsals = self.rehearsals.wrapping_add(1);
        match self.rehearsals % 8 {
            0 => self.books.call_for_next(),
            4 => {
                self.flow.call_for_next(self.books.last().book_idx);
                self.trader.rehearse();
            }
            _ => {
                if let Some(understudy) = &mut self.understudy {
                    understudy.play::<O>();
                }
            }
        }
    }
}
