//! What was traded of a chain by the time of day, and what is usual then (A12).
//!
//! A session is cut into steps of five minutes from its open. Only whole steps are compared and kept,
//! from the first that was seen on: who joins late compares what he saw with the same hours of other
//! days. A trade counts to the step of the last tick before it, a tenth of a second at most.

use alloc::vec::Vec;

use undertow_core::types::{Nanos, Text};

use super::laid_out;
use crate::calendar::{Calendar, Day, Session, Venue};
use crate::options::unusual;

/// Width of a step: 5 minutes.
const STEP_NS: u64 = 300_000_000_000;

/// Steps of the longest session.
const STEPS: usize = 288;

/// Trading days looked back.
pub const DAYS: usize = 20;

/// Days without which nothing is compared.
const DAYS_MIN: usize = 5;

/// What was traded of a product's options on one day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DayVolumes {
    /// The trading day.
    pub day: Day,
    /// Product code of the underlying, such as `NQ`.
    pub product: Text<11>,
    /// The first step that was seen whole, from the session's open.
    pub first: usize,
    /// Contracts of each step from there on.
    pub steps: Vec<u64>,
}

impl DayVolumes {
    /// Contracts from one step until another; none unless all of them were seen.
    fn between(&self, from: usize, until: usize) -> Option<u64> {
        let from = from.checked_sub(self.first)?;
        let steps = self.steps.get(from..until.checked_sub(self.first)?)?;
        Some(total(steps))
    }
}

/// The present session, and the days before.
#[derive(Clone, Debug)]
pub(super) struct Hours {
    session: Option<Session>,
    /// The first whole step, and the present one.
    first: usize,
    now: usize,
    steps: Vec<u64>,
    /// At most [`DAYS`].
    usual: Vec<DayVolumes>,
}

impl Hours {
    /// Nothing was seen yet. Everything is laid out here.
    pub(super) fn new() -> Self {
        let mut steps = laid_out(STEPS, 0);
        steps.resize(STEPS, 0);
        Self {
            session: None,
            first: 0,
            now: 0,
            steps,
            usual: Vec::new(),
        }
    }

    /// Begins anew, with the same days before.
    pub(super) fn clear(&mut self) {
        self.session = None;
        self.now = 0;
        self.steps.fill(0);
    }

    /// What is usual, from at most [`DAYS`] days.
    pub(super) fn recall(&mut self, mut days: Vec<DayVolumes>) {
        days.sort_by_key(|day| day.day);
        self.usual = days.split_off(days.len().saturating_sub(DAYS));
    }

    /// Time has come so far.
    pub(super) fn pass(&mut self, now: Nanos, calendar: &Calendar) {
        if self.session.is_none_or(|session| now >= session.close) {
            self.begin(now, calendar);
        }
        if let Some(session) = &self.session {
            self.now = step_of(now, session);
        }
    }

    fn begin(&mut self, now: Nanos, calendar: &Calendar) {
        let Ok(day) = calendar.trading_day(Venue::Globex, now) else {
            return;
        };
        let Ok(Some(session)) = calendar.session(Venue::Globex, day) else {
            return;
        };
        let step = step_of(now, &session);
        // Who has seen the session before has seen this one begin, if nothing is missing between.
        let has_seen_open = now <= session.open || self.session.is_some() && step == 0;
        self.first = if has_seen_open { 0 } else { step + 1 };
        self.steps.fill(0);
        self.session = Some(session);
    }

    /// So many contracts were traded.
    #[inline]
    pub(super) fn add(&mut self, size: u32) {
        if let Some(step) = self.steps.get_mut(self.now) {
            *step = step.saturating_add(u64::from(size));
        }
    }

    /// The z-score of what was traded in the whole steps so far against the same steps of the days
    /// before. Absent with fewer than [`DAYS_MIN`] of them, or before a step is whole.
    pub(super) fn volume_z(&self) -> Option<f64> {
        let (from, until) = (self.first, self.now);
        let steps = self.steps.get(from..until).filter(|it| !it.is_empty())?;
        let known = self.usual.iter().filter_map(|it| it.between(from, until));
        let mut sums = [0; DAYS];
        let count = sums
            .iter_mut()
            .zip(known)
            .map(|(to, sum)| *to = sum)
            .count();
        if count < DAYS_MIN {
            return None;
        }
        unusual::volume_z(&sums[..count], total(steps))
    }

    /// The whole steps of the present session, for the days after; none before one was seen.
    pub(super) fn today(&self, product: Text<11>) -> Option<DayVolumes> {
        let day = self.session?.day;
        let steps = self.steps.get(self.first..self.now.min(STEPS))?;
        (!steps.is_empty()).then(|| DayVolumes {
            day,
            product,
            first: self.first,
            steps: steps.to_vec(),
        })
    }
}

fn total(steps: &[u64]) -> u64 {
    steps.iter().fold(0, |sum, step| sum.saturating_add(*step))
}

/// The number of the step that a time is in.
fn step_of(now: Nanos, session: &Session) -> usize {
    let steps = now.0.saturating_sub(session.open.0) / STEP_NS;
    usize::try_from(steps).unwrap_or(STEPS)
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    /// A Wednesday in March 2026, 15:00 UTC: 17 hours after the open at 18:00 New York time.
    const NOW: Nanos = Nanos(1_773_241_200_000_000_000);

    fn later(steps: u64) -> Nanos {
        Nanos(NOW.0 + steps * STEP_NS)
    }

    fn product() -> Text<11> {
        Text::from_bytes(b"NQ")
    }

    fn day(nth: i32, first: usize, steps: Vec<u64>) -> DayVolumes {
        DayVolumes {
            day: Day(20_000 + nth),
            product: product(),
            first,
            steps,
        }
    }

    /// So many days that were seen from their open to their end.
    fn whole_days(count: i32) -> Vec<DayVolumes> {
        (0..count)
            .map(|nth| day(nth, 0, vec![nth as u64; STEPS]))
            .collect()
    }

    /// Sees `each` in each of so many steps from [`NOW`] on.
    fn seen(hours: &mut Hours, each: &[u32]) {
        let calendar = Calendar::built_in();
        hours.pass(NOW, &calendar);
        for (step, size) in each.iter().enumerate() {
            hours.pass(later(step as u64), &calendar);
            hours.add(*size);
        }
        hours.pass(later(each.len() as u64), &calendar);
    }

    #[test]
    fn whole_steps_are_compared_with_the_same_steps_of_other_days() {
        let mut hours = Hours::new();
        // 17 h are 204 steps; the one in which it began is not whole.
        let steps_before = 205;
        hours.recall(
            [10, 12, 14, 16, 18]
                .iter()
                .enumerate()
                .map(|(nth, each)| {
                    let mut steps = vec![1_000; steps_before];
                    steps.extend([*each; 5]);
                    day(nth as i32, 0, steps)
                })
                .collect(),
        );
        seen(&mut hours, &[900, 20, 20]);
        // Two whole steps: 40 against 20, 24, 28, 32, 36, whose population deviation is √32.
        let z = hours.volume_z().expect("five days");
        assert!((z - 12.0 / libm::sqrt(32.0)).abs() < 1e-12, "{z}");
        let today = hours.today(product()).expect("two steps");
        assert_eq!((today.first, today.steps), (steps_before, vec![20, 20]));
    }

    #[test]
    fn days_that_did_not_see_these_hours_do_not_count() {
        let days = |count: i32, first, len| -> Vec<_> {
            (0..count)
                .map(|nth| day(nth, first, vec![5 + nth as u64; len]))
                .collect()
        };
        for (of, is_known) in [
            (days(5, 205, 2), true),
            (days(5, 100, 107), true),
            (days(4, 205, 2), false),
            (days(5, 206, 2), false),
            (days(5, 205, 1), false),
            (days(5, 100, 106), false),
            (Vec::new(), false),
        ] {
            let mut hours = Hours::new();
            hours.recall(of);
            seen(&mut hours, &[0, 20, 20]);
            assert_eq!(hours.volume_z().is_some(), is_known);
        }
    }

    #[test]
    fn before_a_step_is_whole_there_is_nothing() {
        let mut hours = Hours::new();
        hours.recall(whole_days(9));
        assert_eq!((hours.volume_z(), hours.today(product())), (None, None));
        hours.add(7);
        seen(&mut hours, &[30]);
        assert_eq!((hours.volume_z(), hours.today(product())), (None, None));
    }

    #[test]
    fn the_newest_days_count_and_no_more_than_twenty() {
        let mut hours = Hours::new();
        hours.recall((0..25).rev().map(|nth| day(nth, 0, Vec::new())).collect());
        let days: Vec<_> = hours.usual.iter().map(|it| it.day.0 - 20_000).collect();
        assert_eq!(days, (5..25).collect::<Vec<_>>());
    }

    #[test]
    fn a_session_that_follows_is_seen_from_its_open_unless_something_is_missing() {
        let calendar = Calendar::built_in();
        for (begins_in, first, steps) in [(0, 0, vec![0, 0, 8]), (1, 2, vec![8])] {
            let mut hours = Hours::new();
            seen(&mut hours, &[3, 4]);
            let close = hours.session.expect("a session").close;
            // The next one opens an hour later.
            let open = close.0 + 12 * STEP_NS;
            hours.pass(Nanos(open + begins_in * STEP_NS + 1), &calendar);
            hours.pass(Nanos(open + 2 * STEP_NS), &calendar);
            hours.add(8);
            hours.pass(Nanos(open + 3 * STEP_NS), &calendar);
            let today = hours.today(product()).expect("a whole step");
            assert_eq!((today.first, today.steps), (first, steps));
        }
    }

    #[test]
    fn another_contract_begins_anew_with_the_same_days_before() {
        let mut hours = Hours::new();
        hours.recall(whole_days(5));
        seen(&mut hours, &[30, 40]);
        hours.clear();
        assert_eq!((hours.volume_z(), hours.today(product())), (None, None));
        // What is traded before anybody says when it is belongs to no step.
        hours.add(7);
        seen(&mut hours, &[0, 2, 2]);
        let today = hours.today(product()).expect("two steps");
        assert_eq!(today.steps, [2, 2]);
        assert!(hours.volume_z().is_some());
    }

    #[test]
    fn who_waits_for_the_open_sees_all_of_it() {
        let calendar = Calendar::built_in();
        let session = calendar.session(Venue::Globex, Day::from_iso("2026-03-11").expect("a date"));
        let open = session.expect("a known year").expect("a session").open;
        for (begins_ns, first) in [(0, 0), (1, 1), (STEP_NS - 1, 1), (STEP_NS, 2)] {
            let mut hours = Hours::new();
            hours.pass(Nanos(open.0 + begins_ns), &calendar);
            hours.pass(Nanos(open.0 + 4 * STEP_NS), &calendar);
            let today = hours.today(product()).expect("whole steps");
            assert_eq!((today.first, today.steps.len()), (first, 4 - first));
            assert_eq!(today.day, Day::from_iso("2026-03-11").expect("a date"));
        }
    }
}
