//! Other times for a recording in memory, for whoever measures at a pace of its own.

use core::mem::offset_of;

use dbn::{MboMsg, rtype};
use undertow_core::types::Nanos;

use super::WORD;
use super::header::Header;
use super::layout::{LENGTH, MBO_LEN, RTYPE, TS_EVENT, u64_at};

const TS_RECV: usize = offset_of!(MboMsg, ts_recv);

/// Gives every market-by-order record of an unpacked DBN file other times: `times` is told when a
/// record happened and when it was received, and says when instead. All else stays as it is; the walk
/// ends at what is no whole record, and does not begin without a sound header.
pub fn retime(bytes: &mut [u8], mut times: impl FnMut(Nanos, Nanos) -> (Nanos, Nanos)) {
    let Ok((header_len, Some(_metadata))) = Header::default().take(bytes, 0) else {
        return;
    };
    let mut rest = &mut bytes[header_len..];
    while let Some(words) = rest.get(LENGTH).filter(|words| **words > 0) {
        let len = WORD * usize::from(*words);
        let Some((record, following)) = rest.split_at_mut_checked(len) else {
            return;
        };
        if len >= MBO_LEN && record[RTYPE] == rtype::MBO {
            let was = [TS_EVENT, TS_RECV].map(|at| Nanos(u64_at(record, at)));
            let (ts_event, ts_recv) = times(was[0], was[1]);
            for (at, ts) in [(TS_EVENT, ts_event), (TS_RECV, ts_recv)] {
                record[at..at + size_of::<u64>()].copy_from_slice(&ts.0.to_le_bytes());
            }
        }
        rest = following;
    }
}

#[cfg(test)]
mod tests {
    use undertow_core::event::Body;

    use super::*;
    use crate::databento::tests::replay_whole;
    use crate::synthetic;

    const SHIFT_NS: u64 = 7_000_000_011;

    fn later(ts: Nanos) -> Nanos {
        Nanos(ts.0 + SHIFT_NS)
    }

    #[test]
    fn only_times_of_records_change_and_all_of_them() {
        let mut bytes = Vec::new();
        synthetic::write_one(500, 7, &mut bytes).expect("memory takes every write");
        let mut expected = replay_whole(&bytes);
        let mut records = 0;
        for body in &mut expected {
            if let Body::Data(mbo) = body {
                (mbo.ts_event, mbo.ts_recv) = (later(mbo.ts_event), later(mbo.ts_recv));
                records += 1;
            }
        }
        assert!(records > 400 && records < expected.len(), "{records}");
        retime(&mut bytes, |ts_event, ts_recv| {
            (later(ts_event), later(ts_recv))
        });
        assert_eq!(replay_whole(&bytes), expected);
    }

    #[test]
    fn of_a_part_every_whole_record_is_told_and_no_other() {
        let mut whole = Vec::new();
        synthetic::write_one(6, 7, &mut whole).expect("memory takes every write");
        let mut told = Vec::new();
        for len in 0..=whole.len() {
            let mut part = whole[..len].to_vec();
            let mut count = 0;
            retime(&mut part, |ts_event, ts_recv| {
                count += 1;
                (ts_event, ts_recv)
            });
            assert_eq!(part, whole[..len]);
            told.push(count);
        }
        assert!(told.is_sorted() && told.first() == Some(&0), "{told:?}");
        assert_eq!(told.last(), Some(&6));
        let mut endless = whole;
        let records = endless.len() - 6 * MBO_LEN;
        endless[records + LENGTH] = 0;
        let mut count = 0;
        retime(&mut endless, |ts_event, ts_recv| {
            count += 1;
            (ts_event, ts_recv)
        });
        assert_eq!(count, 0, "a record of no length ends the walk");
    }
}
