//! The pieces of work that are counted, on inputs that are the same on every machine.
//!
//! Each reads a DBN file in memory and does what the program does with it. Construction stands
//! apart from the messages, so that only what a message costs is counted.

use std::hint::black_box;

use bumpalo::Bump;
use clap::ValueEnum;
use undertow_core::book::{BookLimits, Books};
use undertow_core::event::{Body, BookUpdate, Control, Mbo, Stamp, Touch};
use undertow_core::stage::{Emit, Pass, Sink, Stage, Then, turn};
use undertow_core::types::Flags;
use undertow_feeds::replay::Replay;
use undertow_feeds::synthetic;
use undertow_strategies::flow::{Flow, FlowOutput};

use crate::count::allocations;
use crate::desk::desk;
use crate::{options, orders};

const SEED: u64 = 7;

/// Options of the chain.
const OPTIONS: u32 = 5_000;

const HALF_HOUR_NS: u64 = 1_800_000_000_000;

/// A piece of work on its fixed input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum Work {
    /// Bytes of one instrument to typed records.
    DecodeOne,
    /// Typed records of one instrument to book updates.
    BookOne,
    /// Bytes of one instrument through decoder and books: the spine alone.
    SpineOne,
    /// The same with fifty instruments of unequal activity.
    SpineFifty,
    /// The same with five thousand options.
    SpineOptions,
    /// Bytes of one instrument through the chain as it stands.
    ChainOne,
    /// The same with fifty instruments of unequal activity.
    ChainFifty,
    /// The same with a thousand instruments of equal activity.
    ChainWide,
    /// The same with five thousand options, defined as such, over half an hour.
    ChainOptions,
    /// Bytes of one instrument through the whole loop: books, flow, decisions, risk, paper venue.
    LoopOne,
    /// The same with five thousand options.
    LoopOptions,
    /// The loop of one instrument with an order after each record that leaves a quote: what is
    /// counted is orders, each with its records, its checks, its way to the venue and its reports.
    Order,
}

impl Work {
    /// All of them, in the order of the report.
    pub const ALL: [Self; 12] = [
        Self::DecodeOne,
        Self::BookOne,
        Self::SpineOne,
        Self::SpineFifty,
        Self::SpineOptions,
        Self::ChainOne,
        Self::ChainFifty,
        Self::ChainWide,
        Self::ChainOptions,
        Self::LoopOne,
        Self::LoopOptions,
        Self::Order,
    ];

    /// Its name in the baselines.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::DecodeOne => "decode_one",
            Self::BookOne => "book_one",
            Self::SpineOne => "spine_one",
            Self::SpineFifty => "spine_fifty",
            Self::SpineOptions => "spine_options",
            Self::ChainOne => "chain_one",
            Self::ChainFifty => "chain_fifty",
            Self::ChainWide => "chain_wide",
            Self::ChainOptions => "chain_options",
            Self::LoopOne => "loop_one",
            Self::LoopOptions => "loop_options",
            Self::Order => "order",
        }
    }

    /// How many messages (of [`Self::Order`], orders) the shorter of two runs takes; the longer
    /// takes twice as many.
    #[must_use]
    pub const fn messages(self) -> u64 {
        // Enough that the second half finds full books.
        match self {
            Self::DecodeOne | Self::BookOne | Self::SpineOne | Self::ChainOne | Self::LoopOne => {
                50_000
            }
            Self::SpineFifty | Self::ChainFifty => 200_000,
            Self::SpineOptions | Self::ChainOptions | Self::LoopOptions => 200_000,
            Self::ChainWide => 60_000,
            Self::Order => 20_000,
        }
    }

    /// Records of its input: enough for the longer run.
    const fn records(self) -> u64 {
        match self {
            // Not every record leaves a quote.
            Self::Order => 4 * self.messages(),
            _ => 2 * self.messages(),
        }
    }

    /// A whole DBN file with messages enough for the longer run, equal on every call.
    ///
    /// # Panics
    /// Never: memory takes every write.
    #[must_use]
    pub fn input(self) -> Vec<u8> {
        // Symbols are messages too, so there are a few more than these.
        let records = self.records();
        let mut bytes = Vec::new();
        let written = match self {
            Self::DecodeOne
            | Self::BookOne
            | Self::SpineOne
            | Self::ChainOne
            | Self::LoopOne
            | Self::Order => synthetic::write_one(records, SEED, &mut bytes),
            Self::SpineFifty | Self::ChainFifty => {
                synthetic::write_fifty(records, SEED, &mut bytes)
            }
            Self::ChainWide => synthetic::write_chain(1_000, records, SEED, &mut bytes),
            Self::SpineOptions | Self::ChainOptions | Self::LoopOptions => {
                synthetic::write_chain(OPTIONS, records, SEED, &mut bytes)
            }
        };
        assert!(written.is_ok(), "memory refused a write");
        // Orders are counted at a pace at which somebody might send them.
        let is_spread = matches!(
            self,
            Self::SpineOptions | Self::ChainOptions | Self::LoopOptions | Self::Order
        );
        if is_spread {
            options::spread(&mut bytes, HALF_HOUR_NS);
        }
        bytes
    }
}

/// Extra work per message, to prove that the gate sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Planted {
    /// Turns of a useless loop for each message.
    pub turns: u32,
    /// One allocation in so many messages; 0 is never.
    pub allocate_every: u64,
}

impl Planted {
    /// Nothing extra.
    pub const NOTHING: Self = Self {
        turns: 0,
        allocate_every: 0,
    };

    /// The place for extra work with none in it. It compiles to other code than [`Self::NOTHING`],
    /// so planted work is compared with this.
    pub const HOLLOW: Self = Self {
        turns: 0,
        allocate_every: u64::MAX,
    };
}

/// What came of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// How many messages were taken; fewer than asked for when the input ends before.
    pub messages: u64,
    /// Over what the work puts out, so that none of it can be left out.
    pub checksum: u64,
    /// Allocations between construction and the last message.
    pub allocations: u64,
}

/// Does a piece of work on the first `messages` messages of `input`.
#[must_use]
pub fn run(work: Work, input: &[u8], messages: u64, planted: Planted) -> Run {
    match planted {
        Planted::NOTHING => run_with(work, input, messages, |_| {}),
        Planted {
            turns,
            allocate_every,
        } => run_with(work, input, messages, |message| {
            for turn in 0..turns {
                black_box(turn);
            }
            if allocate_every > 0 && (message + 1) % allocate_every == 0 {
                black_box(Box::new(message));
            }
        }),
    }
}

fn run_with(work: Work, input: &[u8], messages: u64, each: impl FnMut(u64)) -> Run {
    let bump = Bump::new();
    match work {
        Work::DecodeOne => decode(input, messages, each),
        Work::BookOne => {
            let records = records(input);
            apply(&mut books(&bump), &records, messages, each)
        }
        Work::SpineOne | Work::SpineFifty | Work::SpineOptions => {
            drive(&mut books(&bump), input, messages, each)
        }
        Work::ChainOne | Work::ChainFifty | Work::ChainWide => {
            drive(&mut chain(&bump), input, messages, each)
        }
        Work::ChainOptions => {
            let mut chain = chain(&bump);
            options::define(&mut chain, input);
            drive(&mut chain, input, messages, each)
        }
        Work::LoopOne => {
            let first = records(input).first().map(|mbo| mbo.instrument_id);
            drive(&mut desk(&bump, first), input, messages, each)
        }
        Work::LoopOptions => {
            let mut desk = desk(&bump, None);
            options::define(&mut desk, input);
            drive(&mut desk, input, messages, each)
        }
        Work::Order => orders::run(&bump, input, messages, each),
    }
}

/// Takes records out of `bytes`, at most `messages`, as a replay hands them over.
pub fn decode(bytes: &[u8], messages: u64, each: impl FnMut(u64)) -> Run {
    drive(&mut Pass::<Mbo>::new(), bytes, messages, each)
}

/// Applies decoded records to books.
pub fn apply(
    books: &mut Books<'_>,
    records: &[Mbo],
    messages: u64,
    mut each: impl FnMut(u64),
) -> Run {
    let mut run = Tally::new();
    for mbo in records {
        if run.messages == messages {
            break;
        }
        books.on_data(mbo, &mut run);
        each(run.messages);
        run.messages += 1;
    }
    run.end()
}

/// Takes bytes through the chain as it stands, or through the books alone.
pub fn drive<S>(chain: &mut S, bytes: &[u8], messages: u64, each: impl FnMut(u64)) -> Run
where
    S: Stage<In = Mbo>,
    Tally: Sink<S::Out>,
{
    let mut replay = Replay::new([bytes]);
    replay.read_headers();
    let mut run = Tally::new();
    let mut burdened = Burdened {
        stage: chain,
        each,
        messages: 0,
    };
    while burdened.messages < messages {
        let left = usize::try_from(messages - burdened.messages).unwrap_or(BATCH_MAX);
        if turn(&mut replay, &mut burdened, &mut run, left.min(BATCH_MAX)) == 0 {
            break;
        }
    }
    run.messages = burdened.messages;
    run.end()
}

/// Messages of one duty cycle, as the program's default configuration has it.
const BATCH_MAX: usize = 256;

/// A stage with work planted after each message.
struct Burdened<'a, S, E> {
    stage: &'a mut S,
    each: E,
    messages: u64,
}

impl<S, E: FnMut(u64)> Burdened<'_, S, E> {
    #[inline(always)]
    fn passed(&mut self) {
        (self.each)(self.messages);
        self.messages += 1;
    }
}

impl<S: Stage, E: FnMut(u64)> Stage for Burdened<'_, S, E> {
    type In = S::In;
    type Out = S::Out;
    const BURST: usize = S::BURST;

    #[inline(always)]
    fn hint(&mut self, coming: impl Fn(usize) -> Option<S::In>) {
        self.stage.hint(coming);
    }

    #[inline(always)]
    fn on_data(&mut self, input: &S::In, out: &mut impl Emit<S::Out>) {
        self.stage.on_data(input, out);
        self.passed();
    }

    #[inline(always)]
    fn on_control(&mut self, control: &Control, out: &mut impl Emit<S::Out>) {
        self.stage.on_control(control, out);
        self.passed();
    }
}

/// The chain as it stands: books, then the measures of flow.
pub type Chain<'a> = Then<Books<'a>, Flow>;

/// A chain with books as large as a session's, faulted in.
///
/// # Panics
/// Never: the limits are the books' own.
#[must_use]
pub fn chain(bump: &Bump) -> Chain<'_> {
    let instruments_max = BookLimits::default().instruments_max as usize;
    let limits = BookLimits {
        watches_depth: true,
        ..BookLimits::default()
    };
    let books = Books::new_in(bump, &limits).expect("the default limits are sound");
    books.then(Flow::new(instruments_max))
}

/// Books as large as a session's, faulted in.
///
/// # Panics
/// Never: the limits are the books' own.
#[must_use]
pub fn books(bump: &Bump) -> Books<'_> {
    Books::new_in(bump, &BookLimits::default()).expect("the default limits are sound")
}

/// The market-by-order records of a DBN file.
#[must_use]
pub fn records(bytes: &[u8]) -> Vec<Mbo> {
    let mut replay = Replay::new([bytes]);
    let mut records = Vec::new();
    while let Some(msg) = replay.pop() {
        if let Body::Data(mbo) = msg.body {
            records.push(mbo);
        }
    }
    records
}

/// The end of the work: what was put out, and how many allocations it took.
#[derive(Debug)]
pub struct Tally {
    messages: u64,
    checksum: u64,
    allocations: u64,
}

impl Tally {
    /// Made when construction is over: allocations count from here.
    pub(crate) fn new() -> Self {
        Self {
            messages: 0,
            checksum: 0,
            allocations: allocations(),
        }
    }

    #[inline(always)]
    fn see(&mut self, said: u64) {
        self.checksum = self.checksum.rotate_left(1) ^ said;
    }

    #[inline(always)]
    fn see_touch(&mut self, touch: &Touch) {
        self.see(touch.bid.0 as u64 ^ (touch.ask.0 as u64).rotate_left(32));
    }

    /// How many were counted.
    pub(crate) const fn messages(&self) -> u64 {
        self.messages
    }

    /// Counts one, and what it put out.
    pub(crate) fn count(&mut self, said: u64) {
        self.see(said);
        self.messages += 1;
    }

    pub(crate) fn end(self) -> Run {
        Run {
            messages: self.messages,
            checksum: black_box(self.checksum),
            allocations: allocations() - self.allocations,
        }
    }
}

impl Emit<FlowOutput> for Tally {
    #[inline(always)]
    fn emit(&mut self, output: &FlowOutput) {
        if let FlowOutput::Update(update) = output {
            self.see_touch(&update.touch);
        }
    }
}

impl Emit<BookUpdate> for Tally {
    #[inline(always)]
    fn emit(&mut self, update: &BookUpdate) {
        if update.mbo.flags.has(Flags::LAST) {
            self.see_touch(&update.touch);
        }
    }
}

impl Sink<Mbo> for Tally {
    #[inline(always)]
    fn room(&mut self) -> usize {
        usize::MAX
    }

    #[inline(always)]
    fn data(&mut self, _stamp: Stamp, mbo: &Mbo) {
        self.see(mbo.order_id.0 ^ mbo.price.0 as u64);
    }

    fn control(&mut self, _stamp: Stamp, _control: &Control) {}
}

impl Sink<BookUpdate> for Tally {
    #[inline(always)]
    fn room(&mut self) -> usize {
        usize::MAX
    }

    #[inline(always)]
    fn data(&mut self, _stamp: Stamp, update: &BookUpdate) {
        self.emit(update);
    }

    fn control(&mut self, _stamp: Stamp, _control: &Control) {}
}

impl Sink<FlowOutput> for Tally {
    #[inline(always)]
    fn room(&mut self) -> usize {
        usize::MAX
    }

    #[inline(always)]
    fn data(&mut self, _stamp: Stamp, output: &FlowOutput) {
        self.emit(output);
    }

    fn control(&mut self, _stamp: Stamp, _control: &Control) {}
}
