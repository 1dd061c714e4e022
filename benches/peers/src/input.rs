//! Inputs: the bytes of an uncompressed DBN file in memory, and the same records decoded once.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::io;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use dbn::decode::{DbnDecoder, DecodeRecordRef};
use dbn::{MboMsg, UNDEF_PRICE};
use undertow_feeds::synthetic::{self, Counts};

use crate::hft;

/// Everything the contestants read.
pub struct Input {
    /// `one`, `fifty`, or the first part of a file's name.
    pub name: String,
    /// A whole uncompressed DBN file.
    pub bytes: Vec<u8>,
    /// The MBO records of it.
    pub records: Vec<MboMsg>,
    /// The instruments, in order of first sight.
    pub instruments: Vec<Instrument>,
    /// The records as hftbacktest wants them, made when first asked for.
    pub hft_events: OnceCell<Vec<hft::Event>>,
    /// How many orders rest at most, counted when first asked for.
    pub resting_max: OnceCell<usize>,
}

/// What a peer with fixed tables must be told beforehand.
pub struct Instrument {
    /// DBN's id.
    pub id: u32,
    /// Smallest price step, 1e-9.
    pub tick: i64,
    /// Lowest price seen.
    pub low: i64,
    /// Highest price seen.
    pub high: i64,
}

impl Input {
    /// Reads a `.dbn` or `.dbn.zst` file.
    pub fn from_file(path: &Path) -> Result<Self> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let name = name.split('.').next().unwrap_or_default().to_owned();
        let raw = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        let is_zstd = raw.starts_with(&[0x28, 0xB5, 0x2F, 0xFD]);
        let bytes = if is_zstd {
            zstd::decode_all(&raw[..])?
        } else {
            raw
        };
        Self::from_bytes(name, bytes)
    }

    /// Takes a whole uncompressed DBN file.
    pub fn from_bytes(name: String, bytes: Vec<u8>) -> Result<Self> {
        let mut decoder = DbnDecoder::new(&bytes[..]).context("not an uncompressed DBN file")?;
        let mut records = Vec::with_capacity(bytes.len() / size_of::<MboMsg>());
        while let Some(record) = decoder.decode_record_ref()? {
            if let Some(mbo) = record.get::<MboMsg>() {
                records.push(mbo.clone());
            }
        }
        ensure!(!records.is_empty(), "{name} holds no MBO record");
        let instruments = instruments(&records);
        Ok(Self {
            name,
            bytes,
            records,
            instruments,
            hft_events: OnceCell::new(),
            resting_max: OnceCell::new(),
        })
    }
}

/// Every instrument with the greatest step that divides all its prices, and their range.
fn instruments(records: &[MboMsg]) -> Vec<Instrument> {
    let mut found: Vec<Instrument> = Vec::new();
    let mut places = HashMap::new();
    for mbo in records.iter().filter(|mbo| mbo.price != UNDEF_PRICE) {
        let (id, price) = (mbo.hd.instrument_id, mbo.price);
        let place = *places.entry(id).or_insert_with(|| {
            found.push(Instrument {
                id,
                tick: 0,
                low: price,
                high: price,
            });
            found.len() - 1
        });
        let instrument = &mut found[place];
        instrument.tick = gcd(instrument.tick, price);
        instrument.low = instrument.low.min(price);
        instrument.high = instrument.high.max(price);
    }
    found
}

fn gcd(a: i64, b: i64) -> i64 {
    if b == 0 { a.abs() } else { gcd(b, a % b) }
}

/// One instrument.
pub fn one(messages: u64, seed: u64) -> Result<Input> {
    made("one", |bytes| synthetic::write_one(messages, seed, bytes))
}

/// Fifty instruments of heavy-tailed activity.
pub fn fifty(messages: u64, seed: u64) -> Result<Input> {
    made("fifty", |bytes| {
        synthetic::write_fifty(messages, seed, bytes)
    })
}

/// Instruments of equal activity.
pub fn chain(instruments: u32, messages: u64, seed: u64) -> Result<Input> {
    let name = format!("chain of {instruments}");
    made(&name, |bytes| {
        synthetic::write_chain(instruments, messages, seed, bytes)
    })
}

fn made(name: &str, write: impl FnOnce(&mut Vec<u8>) -> io::Result<Counts>) -> Result<Input> {
    let mut bytes = Vec::new();
    write(&mut bytes).with_context(|| format!("cannot make the input {name}"))?;
    Input::from_bytes(name.to_owned(), bytes)
}
