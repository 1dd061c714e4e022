//! What it costs to have many instruments, at equal activity for each message.

use anyhow::Result;

use crate::bare;
use crate::contest::Outcome;
use crate::input;
use crate::ours;
use crate::table::Growth;

const MESSAGES: u64 = 2_000_000;
const INSTRUMENTS: [u32; 5] = [1, 10, 100, 1_000, 10_000];

/// Ours from bytes to best bid and offer, and the bare book alone, over inputs that differ only in
/// how many instruments they have, in interleaved rounds.
pub fn measure(seed: u64, rounds: usize) -> Result<Vec<Growth>> {
    let make = |count: u32| input::chain(count, MESSAGES, seed);
    let inputs: Vec<_> = INSTRUMENTS.into_iter().map(make).collect::<Result<_>>()?;
    let mut growth = INSTRUMENTS.map(|instruments| Growth {
        instruments,
        chain_ns: f64::INFINITY,
        bare_ns: f64::INFINITY,
    });
    for _ in 0..rounds {
        for (input, growth) in inputs.iter().zip(&mut growth) {
            let per_record = |outcome: Outcome| {
                outcome.elapsed_ns as f64 / (input.records.len() - input.records.len() / 2) as f64
            };
            let Growth {
                chain_ns, bare_ns, ..
            } = growth;
            *chain_ns = chain_ns.min(per_record(ours::chain_with_full_books(input)));
            *bare_ns = bare_ns.min(per_record(bare::book_with_full_books(input)));
        }
    }
    Ok(growth.into())
}
