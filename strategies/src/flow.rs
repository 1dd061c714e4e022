//! The flow stage: [`BookUpdate`] in, [`FlowUpdate`] out.
//!
//! It keeps one [`Tape`] a book: what traded this session, and on whose initiative. It speaks
//! once an event, at the record that carries LAST, and only if the event moved the touch or
//! traded. Sizes are contracts or shares; notional is price times size in 1e-9 units.

use alloc::boxed::Box;
use alloc::vec;

use undertow_core::event::{BookUpdate, Control, Touch, Trust};
use undertow_core::stage::{Emit, Stage};
use undertow_core::types::{Action, BookKey, Flags, Nanos, Price, Side};

/// Trades of one book since the session's first record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Tape {
    /// Trades printed.
    pub trades: u64,
    /// Size bought by aggressors (the venue says so).
    pub bought: u64,
    /// Size sold by aggressors.
    pub sold: u64,
    /// Size whose aggressor the venue does not name.
    pub unsided: u64,
    /// Sum of price × size over all trades, 1e-9 units; saturates.
    pub notional: i128,
    /// Price of the last trade.
    pub last: Option<Price>,
    /// Highest trade price.
    pub high: Option<Price>,
    /// Lowest trade price.
    pub low: Option<Price>,
}

impl Tape {
    /// Total size traded.
    #[must_use]
    pub const fn volume(&self) -> u64 {
        self.bought
            .saturating_add(self.sold)
            .saturating_add(self.unsided)
    }

    /// Volume-weighted average price, rounded toward zero; none before the first trade.
    #[must_use]
    pub fn vwap(&self) -> Option<Price> {
        let average = self.notional.checked_div(i128::from(self.volume()))?;
        i64::try_from(average).ok().map(Price)
    }

    /// Counts one trade. An undefined price or a zero size is no trade.
    fn print(&mut self, price: Price, size: u32, aggressor: Side) {
        if !price.is_defined() || size == 0 {
            return;
        }
        let volume = match aggressor {
            Side::Bid => &mut self.bought,
            Side::Ask => &mut self.sold,
            Side::None => &mut self.unsided,
        };
        *volume = volume.saturating_add(u64::from(size));
        self.trades += 1;
        self.notional = self
            .notional
            .saturating_add(i128::from(price.0) * i128::from(size));
        self.last = Some(price);
        self.high = Some(self.high.map_or(price, |high| high.max(price)));
        self.low = Some(self.low.map_or(price, |low| low.min(price)));
    }
}

/// What an event left behind: the touch and the session's flow after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlowUpdate {
    /// Whose book.
    pub key: BookKey,
    /// The venue's time of the event.
    pub ts_event: Nanos,
    /// The touch after it.
    pub touch: Touch,
    /// Size bought by aggressors this session.
    pub bought: u64,
    /// Size sold by aggressors this session.
    pub sold: u64,
    /// Trades this session.
    pub trades: u64,
    /// How far the book is to be believed.
    pub trust: Trust,
}

/// One book's state.
#[derive(Clone, Copy, Debug, Default)]
struct Session {
    tape: Tape,
    /// Whether the open event has traded.
    traded: bool,
}

/// The flow stage.
#[derive(Clone, Debug)]
pub struct Flow {
    /// By the book's dense index.
    sessions: Box<[Session]>,
}

impl Flow {
    /// A flow stage for books with an index below `instruments_max`.
    #[must_use]
    pub fn new(instruments_max: usize) -> Self {
        Self {
            sessions: vec![Session::default(); instruments_max].into_boxed_slice(),
        }
    }

    /// The tape of the book with this dense index.
    #[must_use]
    pub fn tape(&self, book_idx: u32) -> Option<&Tape> {
        self.sessions
            .get(book_idx as usize)
            .map(|session| &session.tape)
    }
}

impl Stage for Flow {
    type In = BookUpdate;
    type Out = FlowUpdate;
    const BURST: usize = 1;

    #[inline]
    fn on_data(&mut self, update: &BookUpdate, out: &mut impl Emit<FlowUpdate>) {
        let Some(session) = self.sessions.get_mut(update.book_idx as usize) else {
            return;
        };
        let mbo = &update.mbo;
        if mbo.action == Action::Trade {
            session.tape.print(mbo.price, mbo.size, mbo.side);
            session.traded = true;
        }
        if !mbo.flags.has(Flags::LAST) || !(session.traded || update.touch_changed) {
            return;
        }
        session.traded = false;
        out.emit(&FlowUpdate {
            key: mbo.key(),
            ts_event: mbo.ts_event,
            touch: update.touch,
            bought: session.tape.bought,
            sold: session.tape.sold,
            trades: session.tape.trades,
            trust: update.trust,
        });
    }

    #[inline]
    fn on_control(&mut self, _control: &Control, _out: &mut impl Emit<FlowUpdate>) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tape_splits_volume_by_the_venues_aggressor() {
        let mut tape = Tape::default();
        tape.print(Price(100), 3, Side::Bid);
        tape.print(Price(90), 2, Side::Ask);
        tape.print(Price(95), 5, Side::None);
        assert_eq!(
            (tape.bought, tape.sold, tape.unsided, tape.trades),
            (3, 2, 5, 3)
        );
        assert_eq!(tape.volume(), 10);
        assert_eq!(tape.vwap(), Some(Price((300 + 180 + 475) / 10)));
        assert_eq!((tape.high, tape.low), (Some(Price(100)), Some(Price(90))));
        assert_eq!(tape.last, Some(Price(95)));
    }

    #[test]
    fn undefined_price_or_no_size_is_no_trade() {
        let mut tape = Tape::default();
        tape.print(Price::UNDEFINED, 3, Side::Bid);
        tape.print(Price(100), 0, Side::Bid);
        assert_eq!(tape, Tape::default());
        assert_eq!(tape.vwap(), None);
    }
}
