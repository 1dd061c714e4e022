//! The whole way from a record to an order, as one stage: books, flow, decisions, risk, gateway.
//!
//! The paper venue fills from the books themselves, so they stand on one tile with it.

use undertow_core::book::Books;
use undertow_core::event::{Control, Market};
use undertow_core::gateway::Gateway;
use undertow_core::stage::{Emit, Stage};

use super::{DRAIN, Trader};
use crate::flow::{Flow, FlowOutput};

/// See the module.
#[derive(Debug)]
pub struct Desk<'a, G> {
    /// The books.
    pub books: Books<'a>,
    /// The measures.
    pub flow: Flow,
    /// Everything after them.
    pub trader: Trader<G>,
}

/// Where the flow stage speaks: to whoever listens to the desk, and to the trader.
struct Tap<'t, G, O> {
    trader: &'t mut Trader<G>,
    out: &'t mut O,
}

impl<G: Gateway, O: Emit<FlowOutput>> Emit<FlowOutput> for Tap<'_, G, O> {
    #[inline]
    fn emit(&mut self, output: &FlowOutput) {
        self.out.emit(output);
        match output {
            FlowOutput::Update(update) => self.trader.measured(update),
            FlowOutput::Finding(finding) => self.trader.found(finding),
            FlowOutput::Trade(_) => {}
        }
    }
}

impl<G: Gateway> Desk<'_, G> {
    /// Says what waits to be said, as much as an input may cause.
    #[inline]
    fn speak(&mut self, out: &mut impl Emit<FlowOutput>) {
        if self.trader.waiting() == 0 {
            return;
        }
        for _ in 0..DRAIN {
            if !self.trader.speak(|event| out.emit(&FlowOutput::Trade(*event))) {
                return;
            }
        }
    }
}

impl<G: Gateway> Stage for Desk<'_, G> {
    type In = Market;
    type Out = FlowOutput;
    const BURST: usize = <Flow as Stage>::BURST + DRAIN;

    #[inline]
    fn on_data(&mut self, input: &Market, out: &mut impl Emit<FlowOutput>) {
        if let Some(update) = self.books.apply(input) {
            // A copy, for the trader looks at the books while it sees what was done to them.
            let update = *update;
            let mut tap = Tap {
                trader: &mut self.trader,
                out,
            };
            self.flow.on_data(&update, &mut tap);
            self.trader.observe(&self.books, &update);
        }
        self.speak(out);
    }

    fn on_control(&mut self, control: &Control, out: &mut impl Emit<FlowOutput>) {
        self.books.control(control);
        let mut tap = Tap {
            trader: &mut self.trader,
            out,
        };
        self.flow.on_control(control, &mut tap);
        self.trader.on_control(control);
        self.speak(out);
    }

    #[inline]
    fn hint(&self, coming: impl Fn(usize) -> Option<Market>) {
        self.books.hint(coming);
    }
}
