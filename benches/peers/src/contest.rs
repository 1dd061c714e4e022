//! The contestants. Each takes an input from its first record to its last, reads the best bid
//! and offer after every record, and folds them into the checksum after every LAST.
//!
//! What a peer needs beforehand (tables, converted events, a window of prices) it is given
//! outside the time, to its advantage. Memory is freed outside the time too.

use std::hint::black_box;

use dbn::decode::dbn::fsm::{DbnFsm, ProcessResult};
use dbn::decode::{DbnDecoder, DecodeRecordRef};
use dbn::{MboMsg, RecordRef, VersionUpgradePolicy};
use serde::Serialize;

use crate::bare;
use crate::bbo::{Bbo, fold};
use crate::documented::{Book, Market};
use crate::hft;
use crate::input::Input;
use crate::nautilus;
use crate::ours;
use crate::processor::processor_ns;

/// What a contestant is timed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Work {
    /// Bytes of a DBN file to best bid and offer.
    Chain,
    /// Decoded records to best bid and offer.
    Book,
    /// Bytes to records.
    Decode,
}

impl Work {
    /// Which contestant is ours.
    pub fn ours(self) -> &'static str {
        match self {
            Self::Chain => "undertow",
            Self::Book => "undertow book",
            Self::Decode => "undertow decode",
        }
    }

    /// Who does no more than that and tells what is possible, if anybody does.
    pub fn bare(self) -> &'static str {
        match self {
            Self::Chain => "walk + bare book",
            Self::Book => "bare book",
            Self::Decode => "",
        }
    }

    /// In the tables' words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Chain => "bytes → decode → L3 → BBO",
            Self::Book => "book alone",
            Self::Decode => "decode alone",
        }
    }
}

/// One way to do one piece of work.
pub struct Contestant {
    /// Short name, as in the tables.
    pub name: &'static str,
    /// What it does.
    pub work: Work,
    /// Does it once.
    pub run: fn(&Input) -> Outcome,
}

/// One run of one contestant.
#[derive(Clone, Copy, Debug)]
pub struct Outcome {
    /// Processor time for all records.
    pub elapsed_ns: u64,
    /// Over the best bids and offers, or over the records for [`Work::Decode`].
    pub checksum: u64,
}

pub const CONTESTANTS: &[Contestant] = &[
    Contestant {
        name: "undertow",
        work: Work::Chain,
        run: ours::chain,
    },
    Contestant {
        name: "nautilus (64-bit)",
        work: Work::Chain,
        run: nautilus::chain,
    },
    Contestant {
        name: "dbn + documented book",
        work: Work::Chain,
        run: documented_chain,
    },
    Contestant {
        name: "dbn + documented book, prices only",
        work: Work::Chain,
        run: documented_chain_of_prices,
    },
    Contestant {
        name: "walk + bare book",
        work: Work::Chain,
        run: bare::chain,
    },
    Contestant {
        name: "undertow book",
        work: Work::Book,
        run: ours::book,
    },
    Contestant {
        name: "documented book",
        work: Work::Book,
        run: documented_book,
    },
    Contestant {
        name: "documented book, prices only",
        work: Work::Book,
        run: documented_book_of_prices,
    },
    Contestant {
        name: "hftbacktest ROI L3",
        work: Work::Book,
        run: hft::roi_vector,
    },
    Contestant {
        name: "hftbacktest HashMap L3",
        work: Work::Book,
        run: hft::hash_map,
    },
    Contestant {
        name: "bare book",
        work: Work::Book,
        run: bare::book,
    },
    Contestant {
        name: "undertow decode",
        work: Work::Decode,
        run: ours::decode,
    },
    Contestant {
        name: "dbn decode_record_ref",
        work: Work::Decode,
        run: dbn_decode_ref,
    },
    Contestant {
        name: "dbn process_many",
        work: Work::Decode,
        run: dbn_process_many,
    },
];

/// Times `work` over all of an input; it returns the checksum. The time is what this thread had
/// of the processor: on a shared machine others take turns in between.
pub fn timed(work: impl FnOnce() -> u64) -> Outcome {
    let start = processor_ns();
    let checksum = black_box(work());
    Outcome {
        elapsed_ns: processor_ns() - start,
        checksum,
    }
}

/// What every contestant does with its best bid and offer. Price by price, for as a pair they
/// would be read in one piece that was written in two, which stops the processor for a while.
#[inline(always)]
pub fn see(sum: u64, bbo: Bbo, is_last: bool) -> u64 {
    let bbo = Bbo {
        bid: black_box(bbo.bid),
        ask: black_box(bbo.ask),
    };
    if is_last { fold(sum, bbo) } else { sum }
}

/// A checksum over a decoded record, so that no decoder may skip its fields.
#[inline(always)]
pub fn mix(sum: u64, order_id: u64, price: i64, size: u32, action: u8) -> u64 {
    let fields = order_id ^ (price as u64) ^ (u64::from(size) << 40) ^ (u64::from(action) << 56);
    sum.wrapping_add(fields)
}

fn documented_book(input: &Input) -> Outcome {
    book_of(input, Book::bbo)
}

fn documented_book_of_prices(input: &Input) -> Outcome {
    book_of(input, Book::prices)
}

fn documented_chain(input: &Input) -> Outcome {
    chain_of(input, Book::bbo)
}

fn documented_chain_of_prices(input: &Input) -> Outcome {
    chain_of(input, Book::prices)
}

#[inline(always)]
fn book_of(input: &Input, bbo: impl Fn(&Book) -> Bbo) -> Outcome {
    let mut market = Market::default();
    timed(|| {
        let mut sum = 0;
        for mbo in &input.records {
            sum = see(sum, bbo(market.apply(mbo)), mbo.flags.is_last());
        }
        sum
    })
}

#[inline(always)]
fn chain_of(input: &Input, bbo: impl Fn(&Book) -> Bbo) -> Outcome {
    let mut market = Market::default();
    let mut decoder = dbn_decoder(input);
    timed(|| {
        let mut sum = 0;
        while let Ok(Some(record)) = decoder.decode_record_ref() {
            if let Some(mbo) = record.get::<MboMsg>() {
                sum = see(sum, bbo(market.apply(mbo)), mbo.flags.is_last());
            }
        }
        sum
    })
}

fn dbn_decode_ref(input: &Input) -> Outcome {
    let mut decoder = dbn_decoder(input);
    timed(|| {
        let mut sum = 0;
        while let Ok(Some(record)) = decoder.decode_record_ref() {
            if let Some(mbo) = record.get::<MboMsg>() {
                sum = mix(sum, mbo.order_id, mbo.price, mbo.size, mbo.action as u8);
            }
        }
        sum
    })
}

fn dbn_process_many(input: &Input) -> Outcome {
    let mut fsm = DbnFsm::builder()
        .upgrade_policy(VersionUpgradePolicy::AsIs)
        .build()
        .expect("the default state machine");
    timed(|| {
        let mut rest = &input.bytes[..];
        let mut sum = 0;
        loop {
            let mut records: [Option<RecordRef<'_>>; 64] = [const { None }; 64];
            match fsm.process_many(&mut records) {
                ProcessResult::Record(records) => {
                    for mbo in records.iter().filter_map(|record| record.get::<MboMsg>()) {
                        sum = mix(sum, mbo.order_id, mbo.price, mbo.size, mbo.action as u8);
                    }
                    continue;
                }
                ProcessResult::Metadata(_) => continue,
                ProcessResult::Err(error) => panic!("dbn refuses its own file: {error}"),
                ProcessResult::ReadMore(_) => {}
            }
            if rest.is_empty() {
                return sum;
            }
            let space = fsm.space();
            let taken = space.len().min(rest.len());
            space[..taken].copy_from_slice(&rest[..taken]);
            fsm.fill(taken);
            rest = &rest[taken..];
        }
    })
}

/// The usual decoder, told to leave old versions as they are: that is its fastest way.
fn dbn_decoder(input: &Input) -> DbnDecoder<&[u8]> {
    DbnDecoder::with_upgrade_policy(&input.bytes[..], VersionUpgradePolicy::AsIs)
        .expect("read once already")
}
