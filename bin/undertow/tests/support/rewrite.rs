//! A session written anew with other names, classes and ids.

use dbn::decode::dbn::Decoder;
use dbn::decode::{DbnMetadata, DecodeRecordRef};
use dbn::encode::dbn::MetadataEncoder;
use dbn::{InstrumentDefMsg, RecordHeader};

/// Where the id of an instrument is in every record.
const ID: std::ops::Range<usize> = {
    let from = std::mem::offset_of!(RecordHeader, instrument_id);
    from..from + 4
};

/// The session with every id so much higher, and every definition changed. Names come from the
/// definitions alone then.
pub(crate) fn rewritten(
    bytes: &[u8],
    higher: u32,
    mut change: impl FnMut(&mut InstrumentDefMsg),
) -> Vec<u8> {
    let mut decoder = Decoder::new(bytes).unwrap();
    let mut metadata = decoder.metadata().clone();
    metadata.mappings.clear();
    let mut out = Vec::with_capacity(bytes.len());
    MetadataEncoder::new(&mut out).encode(&metadata).unwrap();
    while let Some(record) = decoder.decode_record_ref().unwrap() {
        let at = out.len();
        if let Some(definition) = record.get::<InstrumentDefMsg>() {
            let mut definition = definition.clone();
            change(&mut definition);
            if definition.underlying_id != 0 {
                definition.underlying_id += higher;
            }
            out.extend_from_slice(definition.as_ref());
        } else {
            out.extend_from_slice(record.as_ref());
        }
        let id = &mut out[at..][ID];
        let number = u32::from_le_bytes(id.try_into().unwrap());
        if number != 0 {
            id.copy_from_slice(&(number + higher).to_le_bytes());
        }
    }
    out
}

/// Text as a definition holds it.
pub(crate) fn name<const N: usize>(text: &str) -> [std::ffi::c_char; N] {
    dbn::record::str_to_c_chars(text).unwrap()
}
