//! Executions told apart: each counts once, however often and in whatever order it is told.
//!
//! Keyed by the base of the venue's id. Two tables of a fixed size take turns: when one is full
//! the older is emptied, so the last `executions_max` at least are always remembered.

use alloc::boxed::Box;
use alloc::vec;

use crate::money::Money;
use crate::order::{ClientOrderId, Execution, ExecutionId};
use crate::types::{Price, Side};

/// What an execution turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// The first of its id.
    New,
    /// Told before, or an older correction.
    Duplicate,
    /// A correction of this one.
    Corrects(Execution),
}

/// The executions seen.
#[derive(Debug)]
pub struct Executions {
    tables: [Box<[Entry]>; 2],
    current: usize,
    used: usize,
    max: usize,
    seen: u64,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    /// 0 order and no side: empty.
    is_used: bool,
    order: ClientOrderId,
    execution: Execution,
}

impl Entry {
    const EMPTY: Self = Self {
        is_used: false,
        order: ClientOrderId(0),
        execution: Execution {
            id: ExecutionId {
                base: 0,
                revision: 0,
            },
            side: Side::None,
            quantity: 0,
            price: Price::UNDEFINED,
            fee: None,
        },
    };
}

impl Executions {
    /// Room for at least the last `executions_max`, and at most twice as many.
    #[must_use]
    pub fn new(executions_max: u32) -> Self {
        let max = (executions_max as usize).max(1);
        let slots = (2 * max).next_power_of_two();
        let table = || vec![Entry::EMPTY; slots].into_boxed_slice();
        Self {
            tables: [table(), table()],
            current: 0,
            used: 0,
            max,
            seen: 0,
        }
    }

    /// Executions told apart so far; a correction is none of its own.
    #[must_use]
    pub const fn seen(&self) -> u64 {
        self.seen
    }

    /// Takes an execution of an order and says what it is.
    pub fn record(&mut self, order: ClientOrderId, execution: &Execution) -> Recorded {
        let base = execution.id.base;
        if let Some(entry) = self.find(base) {
            if execution.id.revision <= entry.execution.id.revision {
                return Recorded::Duplicate;
            }
            let before = entry.execution;
            entry.execution = *execution;
            return Recorded::Corrects(before);
        }
        if self.used == self.max {
            self.current = 1 - self.current;
            self.tables[self.current].fill(Entry::EMPTY);
            self.used = 0;
        }
        self.used += 1;
        self.seen += 1;
        let table = &mut self.tables[self.current];
        let place = probe(table, base);
        table[place] = Entry {
            is_used: true,
            order,
            execution: *execution,
        };
        Recorded::New
    }

    /// Joins a fee to its execution; the order it belongs to, or `None` when the execution is
    /// not known or has its fee already.
    pub fn join_fee(&mut self, id: ExecutionId, fee: Money) -> Option<ClientOrderId> {
        let entry = self.find(id.base)?;
        if entry.execution.fee.is_some() {
            return None;
        }
        entry.execution.fee = Some(fee);
        Some(entry.order)
    }

    fn find(&mut self, base: u64) -> Option<&mut Entry> {
        let current = self.current;
        for which in [current, 1 - current] {
            let place = probe(&self.tables[which], base);
            if self.tables[which][place].is_used {
                return Some(&mut self.tables[which][place]);
            }
        }
        None
    }
}

/// Where this base stands, or the empty slot where it would. At most half of the slots are used.
fn probe(table: &[Entry], base: u64) -> usize {
    let mask = table.len() - 1;
    let hash = base.wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(26);
    let mut place = usize::try_from(hash & mask as u64).unwrap_or(0);
    while table[place].is_used && table[place].execution.id.base != base {
        place = (place + 1) & mask;
    }
    place
}

#[cfg(test)]
mod tests {
    use super::*;

    fn execution(base: u64, revision: u16, quantity: u32) -> Execution {
        Execution {
            id: ExecutionId { base, revision },
            side: Side::Bid,
            quantity,
            price: Price(1),
            fee: None,
        }
    }

    const ORDER: ClientOrderId = ClientOrderId(9);

    #[test]
    fn b12_an_execution_told_twice_counts_once() {
        let mut seen = Executions::new(4);
        // 0 is an id like any other.
        for base in [0, 5] {
            assert_eq!(seen.record(ORDER, &execution(base, 0, 3)), Recorded::New);
            assert_eq!(
                seen.record(ORDER, &execution(base, 0, 3)),
                Recorded::Duplicate
            );
        }
    }

    #[test]
    fn b12_a_correction_replaces_and_older_ones_are_duplicates() {
        let mut seen = Executions::new(4);
        seen.record(ORDER, &execution(5, 0, 3));
        let corrects = Recorded::Corrects(execution(5, 0, 3));
        assert_eq!(seen.record(ORDER, &execution(5, 2, 2)), corrects);
        assert_eq!(seen.record(ORDER, &execution(5, 1, 9)), Recorded::Duplicate);
        let corrects = Recorded::Corrects(execution(5, 2, 2));
        assert_eq!(seen.record(ORDER, &execution(5, 3, 0)), corrects);
    }

    #[test]
    fn the_last_ones_are_always_remembered() {
        let mut seen = Executions::new(8);
        for base in 0..1_000u64 {
            assert_eq!(seen.record(ORDER, &execution(base, 0, 1)), Recorded::New);
            for old in base.saturating_sub(7)..=base {
                let again = seen.record(ORDER, &execution(old, 0, 1));
                assert_eq!(again, Recorded::Duplicate, "{old} of {base}");
            }
        }
    }

    #[test]
    fn b13_a_fee_joins_its_execution_once() {
        let mut seen = Executions::new(4);
        let id = execution(5, 0, 3).id;
        assert_eq!(seen.join_fee(id, Money(1)), None);
        seen.record(ORDER, &execution(5, 0, 3));
        assert_eq!(seen.join_fee(id, Money(1)), Some(ORDER));
        assert_eq!(seen.join_fee(id, Money(1)), None);
    }
}
