//! Other times for a recording in memory, for whoever measures at a pace of its own.

use core::mem::offset_of;

use dbn::{MboMsg, rtype};
use undertow_core::types::Nanos;

use super::HEADER_PREFIX;
use super::layout::{LENGTH, MBO_LEN, RTYPE, TS_EVENT, u32_at, u64_at};
use super::WORD;

const TS_RECV: usize = offset_of!(MboMsg, ts_recv);

/// Prefix, version, and how long the rest of a header is.
const PREAMBLE_LEN: usize = HEADER_PREFIX.len() + 1 + size_of::<u32>();

/// Gives every market-by-order record of an unpacked DBN file other times: `times` is told when a
/// record happened and when it was received, and says when instead. All else stays as it is; what is
/// not a whole record ends the walk.
pub fn retime(bytes: &mut [u8], mut times: impl FnMut(Nanos, Nanos) -> (Nanos, Nanos)) {
    let Some(preamble) = bytes.first_chunk::<PREAMBLE_LEN>() else {
        return;
    };
    let header_len = u32_at(preamble, PREAMBLE_LEN - size_of::<u32>()) as usize;
    let mut rest = bytes.get_mut(PREAMBLE_LEN + header_len..).unwrap_or_default();
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
