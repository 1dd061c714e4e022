use super::*;
use crate::book::BookLimits;
use crate::order::{Life, Note, OrderState, Turn};
use crate::types::{InstrumentId, PublisherId};
use alloc::vec::Vec;
use bumpalo::Bump;

const KEY: BookKey = BookKey {
    instrument_id: InstrumentId(1),
    publisher_id: PublisherId(1),
};

#[test]
fn k17_a_shadow_has_no_route_and_cancels_every_order_unfilled() {
    let limits = BookLimits {
        instruments_max: 1,
        orders_max: 16,
        pages_max: 64,
        ..BookLimits::default()
    };
    let bump = Bump::with_capacity(limits.bytes());
    let books = Books::new_in(&bump, &limits).expect("limits are sound");
    let mut shadow = Shadow::new(2);
    for id in 1..=3 {
        let is_taken = shadow
            .answers
            .put(Nanos(10), unfilled(ClientOrderId(id), KEY, Nanos(10)));
        assert_eq!(is_taken, id < 3, "there is room for two");
    }
    assert!(shadow.concerns(KEY) && !shadow.is_idle());
    assert_eq!(shadow.due(), Nanos(10));
    let mut reports = Vec::new();
    shadow.on_time(&books, Nanos(9), &mut |report| reports.push(*report));
    assert!(reports.is_empty(), "it is not due");
    shadow.on_time(&books, Nanos(10), &mut |report| reports.push(*report));
    assert_eq!(reports.len(), 2);
    for report in &reports {
        let ReportKind::Cancelled { filled: 0 } = report.kind else {
            panic!("{report:?}");
        };
        let mut life = Life::new(3);
        assert_eq!(life.turn(Turn::Cancelled(0)), Note::Fine);
        assert_eq!(life.state(), OrderState::Cancelled);
    }
    assert!(shadow.is_idle() && !shadow.concerns(KEY));
    assert_eq!(shadow.due(), Nanos::UNDEFINED);
}

#[test]
fn time_never_goes_back_and_an_undefined_one_says_nothing() {
    assert_eq!(later(Nanos(5), Nanos(7)), Nanos(7));
    assert_eq!(later(Nanos(5), Nanos(3)), Nanos(5));
    assert_eq!(later(Nanos(5), Nanos::UNDEFINED), Nanos(5));
}
