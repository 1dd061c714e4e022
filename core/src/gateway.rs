//! Where orders go.

use crate::book::Books;
use crate::event::BookUpdate;
use crate::order::ExecReport;
use crate::risk::Command;
use crate::types::{BookKey, Nanos};

/// Where orders go. A gateway takes only what risk has made.
pub trait Gateway {
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

    /// Lets time pass without a record.
    fn on_time(&mut self, now: Nanos, out: &mut impl FnMut(&ExecReport));

    /// Whether anything of this contract is live, in flight or owed.
    fn concerns(&self, key: BookKey) -> bool;

    /// Whether nothing at all is live, in flight or owed.
    fn is_idle(&self) -> bool;
}
