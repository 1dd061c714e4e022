//! What it costs to have many instruments, at equal activity for each message.

use anyhow::Result;

use crate::input;
use crate::ours;
use crate::table::Growth;

const MESSAGES: u64 = 2_000_000;
const INSTRUMENTS: [u32; 5] = [1, 10, 100, 1_000, 10_000];

/// Bytes to best bid and offer over inputs that differ only in how many instruments they have,
/// in interleaved rounds.
pub fn measure(seed: u64, rounds: usize) -> Result<Vec<Growth>> {
    let make = |count: u32| input::chain(count, MESSAGES, seed);
    let inputs: Vec<_> = INSTRUMENTS.into_iter().map(make).collect::<Result<_>>()?;
    let mut best = [f64::INFINITY; INSTRUMENTS.len()];
    for _ in 0..rounds {
        for (input, best) in inputs.iter().zip(&mut best) {
            let ns = ours::chain(input).elapsed_ns as f64 / input.records.len() as f64;
            *best = best.min(ns);
        }
    }
    let growth = INSTRUMENTS
        .into_iter()
        .zip(best)
        .map(|(instruments, chain_ns)| Growth {
            instruments,
            chain_ns,
            bytes_per_instrument: ours::quiet_bytes(instruments) as f64 / f64::from(instruments),
        });
    Ok(growth.collect())
}
