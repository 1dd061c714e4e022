//! Where orders go.

use crate::book::Books;
use crate::contract::Contract;
use crate::event::{BookUpdate, Control};
use crate::order::ExecReport;
use crate::risk::Command;
use crate::types::{BookKey, Nanos};

/// Where orders go. A gateway takes only what risk has made.
pub trait Gateway {
    /// Takes a contract on, before its first order. False if there is no room for it.
    fn register(&mut self, contract: &Contract) -> bool;

    /// Takes a command at event time `now`.
    fn send(&mut self, command: &Command, now: Nanos);

    /// What one record did to its book; `books` stand after it already. Reports that are due are
    /// handed to `out`, in order of time.
    fn observe(
        &mut self,
        books: &Books<'_>,
        update: &BookUpdate,
        out: &mut impl FnMut(&ExecReport),
    );

    /// Takes in what is not a market record: terms, and whether the venue trades.
    fn on_control(&mut self, control: &Control);

    /// Lets time pass without a record. `books` stand as they were at that time.
    fn on_time(&mut self, books: &Books<'_>, now: Nanos, out: &mut impl FnMut(&ExecReport));

    /// Whether anything of this contract is live, in flight or owed.
    fn concerns(&self, key: BookKey) -> bool;

    /// Whether nothing at all is live, in flight or owed.
    fn is_idle(&self) -> bool;

    /// When something happens without a record, at the earliest; undefined for never.
    fn due(&self) -> Nanos;
}
