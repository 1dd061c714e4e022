use super::*;
use OrderState::{
    Acked, Cancelled, Expired, Filled, Intent, PartFilled, Rejected, Sent, Unknown, Working,
};
use alloc::vec;
use proptest::prelude::*;

/// An order of ten in the given state, reached by turns.
fn of(state: OrderState) -> Life {
    let mut life = Life::new(10);
    let turns: &[Turn] = match state {
        Intent => &[],
        Sent => &[Turn::Sent],
        Acked => &[Turn::Sent, Turn::Acked],
        Working => &[Turn::Sent, Turn::Acked, Turn::Working],
        PartFilled => &[Turn::Working, Turn::Filled(4)],
        Unknown => &[Turn::Sent, Turn::NoAnswer],
        Filled => &[Turn::Filled(10)],
        Cancelled => &[Turn::Cancelled(0)],
        Rejected => &[Turn::Rejected],
        Expired => &[Turn::Expired(0)],
    };
    for turn in turns {
        assert_eq!(life.turn(*turn), Note::Fine);
    }
    assert_eq!(life.state(), state);
    life
}

#[test]
fn every_state_and_turn_leads_where_the_table_says() {
    // Rows: the state before, in the order of the enum. Columns: the turn.
    let columns = [
        Turn::Sent,
        Turn::Acked,
        Turn::Working,
        Turn::NoAnswer,
        Turn::Filled(4),
        Turn::Filled(10),
        Turn::Cancelled(0),
        Turn::Expired(0),
        Turn::Rejected,
        Turn::Absent(0),
    ];
    let part = PartFilled;
    #[rustfmt::skip]
    let table = [
        [Sent, Acked, Working, Unknown, part, Filled, Cancelled, Expired, Rejected, Cancelled],
        [Sent, Acked, Working, Unknown, part, Filled, Cancelled, Expired, Rejected, Cancelled],
        [Acked, Acked, Working, Unknown, part, Filled, Cancelled, Expired, Rejected, Cancelled],
        [Working, Working, Working, Unknown, part, Filled, Cancelled, Expired, Rejected, Cancelled],
        [part, part, part, Unknown, part, Filled, Cancelled, Expired, Rejected, Cancelled],
        [Unknown, Acked, Working, Unknown, part, Filled, Cancelled, Expired, Rejected, Cancelled],
        [Filled; 10],
        [Cancelled; 10],
        [Rejected; 10],
        [Expired; 10],
    ];
    for (before, row) in OrderState::ALL.into_iter().zip(table) {
        for (turn, after) in columns.into_iter().zip(row) {
            let mut life = of(before);
            life.turn(turn);
            assert_eq!(life.state(), after, "{before:?} + {turn:?}");
        }
    }
}

#[test]
fn b08_no_answer_is_not_a_rejection() {
    for state in [Intent, Sent, Acked, Working, PartFilled] {
        let mut life = of(state);
        let leaves = life.leaves();
        life.turn(Turn::NoAnswer);
        assert_eq!(life.state(), Unknown);
        assert_eq!(life.leaves(), leaves, "what may fill stays reserved");
        life.turn(Turn::Sent);
        life.turn(Turn::CancelSent);
        life.turn(Turn::CancelRejected);
        assert_eq!(life.state(), Unknown, "only the venue's evidence leads out");
    }
}

#[test]
fn unknown_with_fills_resolves_to_part_filled() {
    let mut life = of(PartFilled);
    life.turn(Turn::NoAnswer);
    assert_eq!(life.turn(Turn::Working), Note::Fine);
    assert_eq!((life.state(), life.leaves()), (PartFilled, 6));
}

#[test]
fn b10_a_fill_before_the_ack_counts_and_the_ack_is_stale() {
    let mut life = of(Sent);
    assert_eq!(life.turn(Turn::Filled(4)), Note::Fine);
    assert_eq!(life.turn(Turn::Acked), Note::Stale);
    assert_eq!(life.turn(Turn::Working), Note::Stale);
    assert_eq!(
        (life.state(), life.filled(), life.leaves()),
        (PartFilled, 4, 6)
    );
}

#[test]
fn b11_a_cancel_that_overtakes_fills_keeps_their_reservation() {
    let mut life = of(Working);
    life.turn(Turn::Filled(2));
    assert_eq!(life.turn(Turn::Cancelled(5)), Note::Fine);
    assert_eq!((life.state(), life.leaves()), (Cancelled, 3));
    assert!(life.is_open());
    assert_eq!(life.turn(Turn::Filled(2)), Note::Late);
    assert_eq!(life.leaves(), 1);
    assert_eq!(life.turn(Turn::Cancelled(5)), Note::Stale);
    assert_eq!(life.turn(Turn::Filled(1)), Note::Late);
    assert!(!life.is_open());
    assert_eq!(life.turn(Turn::Filled(1)), Note::Overfill);
    assert_eq!((life.state(), life.filled()), (Cancelled, 6));
}

#[test]
fn counts_that_cannot_be_are_noted() {
    let mut life = of(PartFilled);
    assert_eq!(life.turn(Turn::Cancelled(3)), Note::Disagrees);
    assert_eq!(life.leaves(), 0);
    let mut life = of(Working);
    assert_eq!(life.turn(Turn::Expired(11)), Note::Disagrees);
    assert_eq!(life.leaves(), 10, "never more than the order");
    let mut life = of(Working);
    assert_eq!(life.turn(Turn::Filled(11)), Note::Overfill);
    assert_eq!(
        (life.state(), life.filled(), life.leaves()),
        (Filled, 11, 0)
    );
    let mut life = of(PartFilled);
    assert_eq!(life.turn(Turn::Rejected), Note::Disagrees);
}

#[test]
fn a_correction_takes_back_and_gives() {
    let mut life = of(PartFilled);
    assert_eq!(life.turn(Turn::Unfilled(4)), Note::Fine);
    assert_eq!((life.filled(), life.leaves()), (0, 10));
    life.turn(Turn::Unfilled(1));
    assert_eq!(life.filled(), 0);
}

#[test]
fn a_recovered_order_is_unknown_with_its_rest_reserved() {
    let life = Life::recovered(10, 3);
    assert_eq!(
        (life.state(), life.filled(), life.leaves()),
        (Unknown, 3, 7)
    );
    assert!(life.is_open());
}

#[test]
fn cancel_is_remembered_until_refused_or_final() {
    let mut life = of(Working);
    assert!(!life.is_cancel_sent());
    life.turn(Turn::CancelSent);
    assert!(life.is_cancel_sent());
    life.turn(Turn::CancelRejected);
    assert!(!life.is_cancel_sent());
    let mut done = of(Filled);
    assert_eq!(done.turn(Turn::CancelSent), Note::Stale);
    assert!(!done.is_cancel_sent());
}

#[test]
fn states_group_as_named() {
    let finals = OrderState::ALL.map(OrderState::is_final);
    assert_eq!(
        finals,
        [
            false, false, false, false, false, false, true, true, true, true
        ]
    );
    let unacked = OrderState::ALL.map(OrderState::is_unacked);
    assert_eq!(unacked.iter().filter(|it| **it).count(), 2);
    assert!(Intent.is_unacked() && Sent.is_unacked());
    let mut names = OrderState::ALL.map(OrderState::name);
    names.sort_unstable();
    assert!(names.windows(2).all(|pair| pair[0] != pair[1]));
}

fn turns() -> impl Strategy<Value = Turn> {
    prop_oneof![
        Just(Turn::Sent),
        Just(Turn::Acked),
        Just(Turn::Working),
        (1u32..6).prop_map(Turn::Filled),
        (1u32..6).prop_map(Turn::Unfilled),
        (0u32..14).prop_map(Turn::Cancelled),
        (0u32..14).prop_map(Turn::Expired),
        Just(Turn::Rejected),
        Just(Turn::CancelSent),
        Just(Turn::CancelRejected),
        Just(Turn::NoAnswer),
        (0u32..14).prop_map(Turn::Absent),
    ]
}

proptest! {
    #[test]
    fn final_states_absorb_and_leaves_stay_within_the_order(
        turns in prop::collection::vec(turns(), 0..40)
    ) {
        let mut life = Life::new(10);
        let mut executed = 0u32;
        for turn in turns {
            let before = life;
            life.turn(turn);
            match turn {
                Turn::Filled(quantity) => executed += quantity,
                Turn::Unfilled(quantity) => executed = executed.saturating_sub(quantity),
                _ => {}
            }
            prop_assert_eq!(life.filled(), executed);
            prop_assert!(life.leaves() <= 10);
            prop_assert!(!before.state().is_final() || life.state() == before.state());
            if before.state() == Unknown && matches!(turn, Turn::Sent | Turn::NoAnswer) {
                prop_assert_eq!(life.state(), Unknown);
            }
        }
    }
}
