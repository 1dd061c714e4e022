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
            let elapsed_ns = ours::chain_with_full_books(input).elapsed_ns;
            *best = best.min(elapsed_ns as f64 / (input.records.len() / 2) as f64);
        }
    }
    let growth = INSTRUMENTS.into_iter().zip(best);
    let growth = growth.map(|(instruments, chain_ns)| Growth {
        instruments,
        chain_ns,
    });
    Ok(growth.collect())
}
